/* A shell for a person in the job's container: bytes go between the descriptor that sandbox_shell
 * has sent, a terminal of ours, and the connection that carries the command's. */
#include "sandbox/engine_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RESIZE_MS 300

static void follow_size(engine_work *w, str exec, struct winsize *known) {
    struct winsize now;
    err ignored;
    if (ioctl(w->output, TIOCGWINSZ, &now) < 0 || memcmp(&now, known, sizeof now) == 0) return;
    *known = now;
    if (now.ws_row && now.ws_col) engine_exec_resize(&w->g, exec, now.ws_row, now.ws_col, &ignored);
}

/* One piece from one to the other; false at the end. */
static bool carry(int from, int to) {
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) return true;
    for (ssize_t done = 0; done < n;) {
        ssize_t k = write(to, bytes + done, (size_t)(n - done));
        if (k < 0 && errno != EINTR) return false;
        if (k > 0) done += k;
    }
    return n > 0;
}

static void carry_all(engine_work *w, str exec, int sock) {
    struct pollfd fds[2] = {{.fd = sock, .events = POLLIN}, {.fd = w->output, .events = POLLIN}};
    struct winsize known = {0};
    while (!engine_work_stopped()) {
        follow_size(w, exec, &known);
        int n = poll(fds, 2, RESIZE_MS);
        if (n < 0 && errno != EINTR) return;
        if (n <= 0) continue;
        if (fds[0].revents && !carry(sock, w->output)) return;
        if (fds[1].revents && !carry(w->output, sock)) return;
    }
}

static int start(engine_work *w, char *const *argv, char *const *env, const char *cwd, str *ret_id,
                 int *ret_sock, err *e) {
    value body = engine_command(w->a, argv, env, cwd);
    value_set(w->a, &body, STR("AttachStdin"), value_bool(true));
    value_set(w->a, &body, STR("Tty"), value_bool(true));
    int code = engine_exec_create(&w->g, w->a, str_from(w->container), &body, ret_id, e);
    return code < 0 ? code : engine_exec_attach(&w->g, *ret_id, ret_sock, e);
}

int engine_work_shell(engine_work *w, char *const *argv, char *const *env, const char *cwd,
                      err *e) {
    struct termios raw;
    str id;
    int sock, code = start(w, argv, env, cwd, &id, &sock, e);
    if (code < 0) { /* nobody but the person waits for this command */
        dprintf(w->output, "%s\r\n", e->message);
        return code;
    }
    if (tcgetattr(w->output, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(w->output, TCSANOW, &raw);
    }
    carry_all(w, id, sock);
    close(sock);
    return 0;
}
