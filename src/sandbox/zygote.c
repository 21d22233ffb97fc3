/* The zygote: waits for a socket and a name, forks a leader that serves that socket. It is a
 * subreaper like the leaders: what a killed leader leaves behind comes to it and is killed. */
#include "sandbox/zygote.h"

#include "base/arena.h"
#include "sandbox/leader.h"
#include "sandbox/tree.h"
#include "sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    int sock; /* our end; -1 while there is no zygote */
    pid_t pid;
} zygote = {-1, 0};

#define ZYGOTE_SOCKET 3

/* Leaves nothing of Slipway's but the socket. */
static void strip(int sock) {
    setsid();
    prctl(PR_SET_NAME, "slip:zygote");
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(sock, ZYGOTE_SOCKET);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close_range(ZYGOTE_SOCKET + 1, ~0U, 0);
    fcntl(ZYGOTE_SOCKET, F_SETFD, FD_CLOEXEC);
    if (chdir("/") < 0) _exit(1);
}

/* ---- leaders ------------------------------------------------------------------------------- */

typedef struct leaders {
    pid_t *pids;
    size_t count, cap;
} leaders;

static void start_leader(leaders *all, int sock, str name) {
    pid_t pid = fork();
    if (pid == 0) {
        close(ZYGOTE_SOCKET);
        leader_run(sock, name);
    }
    close(sock); /* where the fork failed, Slipway reads an end of file */
    if (pid < 0) return;
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 64;
        all->pids = mem_realloc(all->pids, all->cap * sizeof *all->pids);
    }
    all->pids[all->count++] = pid;
}

static bool is_leader(const leaders *all, pid_t pid) {
    for (size_t i = 0; i < all->count; i++) {
        if (all->pids[i] == pid) return true;
    }
    return false;
}

/* Kills what was handed to the zygote because its leader is gone. */
static void kill_orphans(const leaders *all) {
    tree t = {0};
    tree_scan(&t);
    for (size_t i = 0; i < t.count; i++) {
        pid_t pid = t.items[i].pid;
        if (t.items[i].parent != getpid() || is_leader(all, pid)) continue;
        tree_below(&t, pid, 0);
        for (size_t j = 0; j < t.count; j++) {
            if (t.items[j].below) kill(t.items[j].pid, SIGKILL);
        }
        kill(pid, SIGKILL);
    }
    tree_done(&t);
}

/* A leader that ends by itself has nothing below it any more. One that somebody has killed leaves
 * its processes to the zygote, whose children they become one after the other as they are killed:
 * so every child that is no leader calls for another look. */
static void reap(leaders *all) {
    bool look = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        size_t at = 0;
        while (at < all->count && all->pids[at] != pid)
            at++;
        if (at < all->count) all->pids[at] = all->pids[--all->count];
        look |= status != 0;
    }
    if (look) kill_orphans(all);
}

static void on_child(int signo) {
    (void)signo; /* it is enough that ppoll returns */
}

/* Slipway has ended, or is about to: its leaders end too, and somebody has to reap them. One that a
 * job has stopped would sleep for ever. */
static _Noreturn void outlive(leaders *all, const sigset_t *idle) {
    const struct timespec patience = {0, 200000000};
    for (reap(all); all->count; reap(all)) {
        for (size_t i = 0; i < all->count; i++)
            kill(all->pids[i], SIGCONT);
        ppoll(NULL, 0, &patience, idle);
    }
    _exit(0);
}

static _Noreturn void zygote_run(int sock) {
    strip(sock);
    sigset_t blocked, idle;
    sigemptyset(&idle);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    wire_reader in = {0};
    leaders all = {0};
    struct pollfd p = {.fd = ZYGOTE_SOCKET, .events = POLLIN};
    for (;;) {
        reap(&all);
        if (ppoll(&p, 1, NULL, &idle) <= 0) continue;
        int got = wire_read(&in, ZYGOTE_SOCKET, 256, false);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) outlive(&all, &idle);
        wire_head head;
        str name;
        while (wire_next(&in, &head, &name)) {
            int leader = wire_take_fd(&in);
            if (leader < 0) _exit(1);
            start_leader(&all, leader, name);
        }
    }
}

/* ---- Slipway's side ------------------------------------------------------------------------ */

/* A job that runs holds two descriptors of ours. The zygote was forked before, so that commands get
 * the limit that Slipway was started with. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int zygote_init(err *e) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, errno, "cannot make a socket for the sandbox");
    pid_t pid = fork();
    if (pid < 0) {
        close(pair[0]), close(pair[1]);
        return err_sys(e, errno, "cannot start the sandbox");
    }
    if (pid == 0) zygote_run(pair[1]);
    close(pair[1]);
    zygote.sock = pair[0];
    zygote.pid = pid;
    raise_descriptor_limit();
    return 0;
}

void zygote_done(void) {
    if (zygote.sock < 0) return;
    close(zygote.sock);
    zygote.sock = -1;
    while (waitpid(zygote.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

int zygote_leader(int sock, str name, err *e) {
    if (zygote.sock < 0)
        return err_set(e, ERR_UNSUPPORTED, "the sandbox was not initialised in this process");
    char frame[sizeof(wire_head) + 16];
    name = str_sub(name, 0, 16);
    wire_head head = {.size = (uint32_t)name.len};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, name.ptr, name.len);
    if (wire_send(zygote.sock, (str){frame, sizeof head + name.len}, sock) < 0)
        return err_sys(e, errno, "cannot reach the process that starts sandboxes");
    return 0;
}
