/* The zygote: waits for a socket and a name, forks a leader that serves that socket. It is a
 * subreaper like the leaders: what a killed leader leaves behind comes to it and is killed. */
#include "sandbox/zygote.h"

#include "base/arena.h"
#include "base/fs.h"
#include "sandbox/leader.h"
#include "sandbox/tree.h"
#include "sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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

/* Our arguments and environment lie in one stretch of memory, which the leaders inherit and a job
 * might get to see. /proc/self/stat has its place in fields 48 to 51. */
static void forget_arguments(void) {
    static char *nothing[] = {NULL};
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return;
    text[n] = '\0';
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 48; field++)
        at = strchr(at + 1, ' ');
    unsigned long long first, last, begin, end;
    if (!at || sscanf(at, "%llu %llu %llu %llu", &first, &last, &begin, &end) != 4) return;
    explicit_bzero((void *)(uintptr_t)first, last - first);
    explicit_bzero((void *)(uintptr_t)begin, end - begin);
    environ = nothing;
}

/* Leaves nothing of Slipway's but the socket. */
static void strip(int sock) {
    setsid();
    forget_arguments();
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

/* ---- what is asked for --------------------------------------------------------------------- */

#define STRINGS_MAX (5 + 2 * SANDBOX_MOUNTS_MAX)

/* A job travels as its fixed part and its strings, each with its NUL. */
typedef struct packed {
    sandbox_limits limits;
    unsigned mount_count;
    bool layered;
} packed;

static unsigned list_strings(const ns_job *job, const char *out[STRINGS_MAX]) {
    unsigned n = 0;
    out[n++] = job->name;
    out[n++] = job->folder;
    out[n++] = job->layer;
    out[n++] = job->rootfs;
    out[n++] = job->policy;
    for (unsigned i = 0; i < job->mount_count; i++) {
        out[n++] = job->mounts[i].from;
        out[n++] = job->mounts[i].to;
    }
    return n;
}

static void pack(strbuf *out, sandbox_backend backend, const ns_job *job) {
    const char *strings[STRINGS_MAX];
    unsigned count = list_strings(job, strings);
    packed fixed = {job->limits, job->mount_count, job->layered};
    wire_head head = {.size = sizeof fixed, .value = (int32_t)backend};
    for (unsigned i = 0; i < count; i++)
        head.size += (uint32_t)strlen(strings[i]) + 1;
    strbuf_add(out, (str){(const char *)&head, sizeof head});
    strbuf_add(out, (str){(const char *)&fixed, sizeof fixed});
    for (unsigned i = 0; i < count; i++)
        strbuf_add(out, (str){strings[i], strlen(strings[i]) + 1});
}

static bool take_string(str *body, const char **ret) {
    size_t n = strnlen(body->ptr, body->len);
    if (n == body->len) return false;
    *ret = body->ptr;
    *body = str_sub(*body, n + 1, body->len);
    return true;
}

/* Borrows the strings. */
static bool unpack(str body, ns_job *ret) {
    packed fixed;
    if (body.len < sizeof fixed) return false;
    memcpy(&fixed, body.ptr, sizeof fixed);
    body = str_sub(body, sizeof fixed, body.len);
    *ret = (ns_job){
        .limits = fixed.limits, .mount_count = fixed.mount_count, .layered = fixed.layered};
    bool whole = take_string(&body, &ret->name) && take_string(&body, &ret->folder) &&
                 take_string(&body, &ret->layer) && take_string(&body, &ret->rootfs) &&
                 take_string(&body, &ret->policy) && ret->mount_count <= SANDBOX_MOUNTS_MAX;
    for (unsigned i = 0; whole && i < ret->mount_count; i++)
        whole = take_string(&body, &ret->mounts[i].from) && take_string(&body, &ret->mounts[i].to);
    return whole;
}

/* ---- leaders ------------------------------------------------------------------------------- */

/* One that is the init of a job's machine holds the job's last word: once it was reaped, all of the
 * machine is gone, and the end of file on its socket says so. */
typedef struct child {
    pid_t pid;
    int sock; /* -1 on the host */
    cgroup groups;
} child;

typedef struct leaders {
    child *items;
    size_t count, cap;
    pid_t *proxies; /* that have not ended */
    size_t proxy_count, proxy_cap;
} leaders;

static child *add_leader(leaders *all) {
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 64;
        all->items = mem_realloc(all->items, all->cap * sizeof *all->items);
    }
    child *c = &all->items[all->count];
    *c = (child){.pid = -1, .sock = -1};
    return c;
}

static void add_proxy(leaders *all, pid_t pid) {
    if (all->proxy_count == all->proxy_cap) {
        all->proxy_cap = all->proxy_cap ? all->proxy_cap * 2 : 16;
        all->proxies = mem_realloc(all->proxies, all->proxy_cap * sizeof *all->proxies);
    }
    all->proxies[all->proxy_count++] = pid;
}

static pid_t *find_proxy(const leaders *all, pid_t pid) {
    for (size_t i = 0; i < all->proxy_count; i++) {
        if (all->proxies[i] == pid) return &all->proxies[i];
    }
    return NULL;
}

static pid_t fork_leader(int sock, const char *name) {
    pid_t pid = fork();
    if (pid != 0) return pid;
    /* The zygote holds the sockets of other jobs' machines, whose ends of file must be seen. */
    dup2(sock, ZYGOTE_SOCKET);
    close_range(ZYGOTE_SOCKET + 1, ~0U, 0);
    fcntl(ZYGOTE_SOCKET, F_SETFD, FD_CLOEXEC);
    leader_run(ZYGOTE_SOCKET, str_from(name), NULL);
}

static void start_leader(leaders *all, int sock, sandbox_backend backend, const ns_job *job) {
    child *c = add_leader(all);
    bool host = backend != SANDBOX_NAMESPACES;
    pid_t proxy = -1;
    c->pid = host ? fork_leader(sock, job->name) : ns_start(sock, job, &c->groups, &proxy);
    if (proxy > 0) add_proxy(all, proxy);
    if (c->pid > 0 && !host)
        c->sock = sock;
    else
        close(sock); /* where the fork failed, Slipway reads an end of file */
    if (c->pid > 0) all->count++;
}

static child *find_leader(const leaders *all, pid_t pid) {
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].pid == pid) return &all->items[i];
    }
    return NULL;
}

/* Kills what was handed to the zygote because its leader is gone. */
static void kill_orphans(const leaders *all) {
    tree t = {0};
    tree_scan(&t);
    for (size_t i = 0; i < t.count; i++) {
        pid_t pid = t.items[i].pid;
        if (t.items[i].parent != getpid() || find_leader(all, pid) || find_proxy(all, pid))
            continue;
        tree_below(&t, pid, 0);
        for (size_t j = 0; j < t.count; j++) {
            if (t.items[j].below) kill(t.items[j].pid, SIGKILL);
        }
        kill(pid, SIGKILL);
    }
    tree_done(&t);
}

/* Slipway cannot read the counters of a group that is removed. */
static void tell_counts(const child *c) {
    static const cgroup_kind kinds[] = {CGROUP_MEMORY, CGROUP_PIDS};
    for (size_t i = 0; c->sock >= 0 && i < sizeof kinds / sizeof *kinds; i++) {
        const char *key;
        _cleanup_close_ int counter = cgroup_counter(&c->groups, kinds[i], &key);
        if (counter >= 0)
            wire_report(c->sock, WIRE_COUNTED, kinds[i], (int32_t)cgroup_count(counter, key),
                        STR_EMPTY);
    }
}

static void forget_leader(leaders *all, child *c) {
    tell_counts(c);
    cgroup_remove(&c->groups);
    if (c->sock >= 0) close(c->sock);
    *c = all->items[--all->count];
}

/* A leader that ends by itself has nothing below it any more. One that somebody has killed leaves
 * its processes to the zygote, whose children they become one after the other as they are killed:
 * so every child that is no leader calls for another look. */
static void reap(leaders *all) {
    bool look = false;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        child *c = find_leader(all, pid);
        pid_t *proxy = find_proxy(all, pid);
        look |= status != 0 && !proxy && !(c && c->sock >= 0);
        if (c) forget_leader(all, c);
        if (proxy) *proxy = all->proxies[--all->proxy_count];
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
    for (reap(all); all->count || all->proxy_count; reap(all)) {
        for (size_t i = 0; i < all->count; i++)
            kill(all->items[i].pid, SIGCONT);
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
        int got = wire_read(&in, ZYGOTE_SOCKET, 4096, false);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) outlive(&all, &idle);
        wire_head head;
        str body;
        while (wire_next(&in, &head, &body)) {
            int leader = wire_take_fd(&in);
            ns_job job;
            if (leader < 0 || !unpack(body, &job)) _exit(1);
            start_leader(&all, leader, (sandbox_backend)head.value, &job);
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

int zygote_leader(int sock, sandbox_backend backend, const ns_job *job, err *e) {
    if (zygote.sock < 0)
        return err_set(e, ERR_UNSUPPORTED, "the sandbox was not initialised in this process");
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    pack(&frame, backend, job);
    if (wire_send(zygote.sock, strbuf_str(&frame), &sock, 1) < 0)
        return err_sys(e, errno, "cannot reach the process that starts sandboxes");
    return 0;
}
