/* A shell for a person inside a sandbox. The sandbox's side is a terminal of its own; this process
 * carries bytes between it and the person's terminal until the shell has ended. Then the kernel
 * hangs up the shell's terminal, and reading from its other end fails. */
#include "sandbox/sandbox.h"

#include "base/fs.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RESIZE_MS 300

/* The terminal's own settings are put back, whatever becomes of the shell. */
static bool make_raw(int fd, struct termios *before) {
    struct termios raw;
    if (tcgetattr(fd, before) < 0) return false;
    raw = *before;
    cfmakeraw(&raw);
    return tcsetattr(fd, TCSADRAIN, &raw) == 0;
}

static void follow_size(int from, int to) {
    struct winsize now, last;
    if (ioctl(from, TIOCGWINSZ, &now) < 0 || ioctl(to, TIOCGWINSZ, &last) < 0) return;
    if (memcmp(&now, &last, sizeof now) != 0) ioctl(to, TIOCSWINSZ, &now);
}

/* One piece from one to the other; false at the end. */
static bool carry(int from, int to) {
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    for (ssize_t done = 0; done < n;) {
        ssize_t w = write(to, bytes + done, (size_t)(n - done));
        if (w < 0 && errno != EINTR && errno != EAGAIN) return false;
        if (w > 0) done += w;
    }
    return n > 0;
}

static void carry_all(int in, int out, int terminal) {
    struct pollfd fds[2] = {{.fd = terminal, .events = POLLIN}, {.fd = in, .events = POLLIN}};
    for (;;) {
        follow_size(out, terminal);
        int n = poll(fds, 2, RESIZE_MS);
        if (n < 0 && errno != EINTR) return;
        if (n <= 0) continue;
        if (fds[0].revents && !carry(terminal, out)) return;
        if (!fds[1].revents || carry(in, terminal)) continue;
        static const char end_of_input = 4; /* what Ctrl-D types */
        fds[1].fd = -1;
        if (write(terminal, &end_of_input, 1) < 0) return;
    }
}

int sandbox_shell(sandbox *s, const char *const *argv, const char *const *env, const char *cwd,
                  err *e) {
    struct termios before;
    int terminal, inner;
    if (openpty(&terminal, &inner, NULL, NULL, NULL) < 0)
        return err_sys(e, errno, "cannot open a terminal for a shell");
    fcntl(terminal, F_SETFD, FD_CLOEXEC);
    fcntl(inner, F_SETFD, FD_CLOEXEC);
    follow_size(STDOUT_FILENO, terminal);
    int r = sandbox_send_start(s, argv, env, cwd, inner, true, NULL, e);
    close(inner);
    if (r == 0) {
        bool raw = make_raw(STDIN_FILENO, &before);
        carry_all(STDIN_FILENO, STDOUT_FILENO, terminal);
        if (raw) tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
    close(terminal);
    return r;
}
