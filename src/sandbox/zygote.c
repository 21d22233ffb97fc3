/* The zygote: waits for a socket and a name, forks a leader that serves that socket. */
#include "sandbox/zygote.h"

#include "sandbox/leader.h"
#include "sandbox/sandbox.h"
#include "sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    int sock; /* our end; -1 while there is no zygote */
    pid_t pid;
} zygote = {-1, 0};

/* Leaves nothing of Slipway's but the socket, which becomes descriptor 3. */
static void strip(int sock) {
    setsid();
    prctl(PR_SET_NAME, "slip:zygote");
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(sock, 3);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close_range(4, ~0U, 0);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    if (chdir("/") < 0) _exit(1);
}

static _Noreturn void zygote_run(int sock) {
    strip(sock);
    signal(SIGCHLD, SIG_IGN); /* leaders are reaped by the kernel */
    wire_reader in = {0};
    for (;;) {
        int got = wire_read(&in, 3, 256, true);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) _exit(0);
        wire_head head;
        str name;
        while (wire_next(&in, &head, &name)) {
            int leader = wire_take_fd(&in);
            if (leader < 0) _exit(1);
            char text[16] = "";
            memcpy(text, name.ptr, name.len < sizeof text ? name.len : sizeof text - 1);
            if (fork() == 0) {
                signal(SIGCHLD, SIG_DFL);
                close(3);
                leader_run(leader, text);
            }
            close(leader); /* where the fork failed, Slipway reads an end of file */
        }
    }
}

int sandbox_init(err *e) {
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
    return 0;
}

void sandbox_done(void) {
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
