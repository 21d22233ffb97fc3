/* relay.c: a small program of its own, linked statically so that it runs in any image. Slipway
 * carries it and puts it into containers, where it listens on the container's own 127.0.0.1 and
 * hands each connection on to the Unix socket of the services that actions call (engine_relay.h).
 *
 *   relay away FOLDER PORT
 *     connections to PORT go to FOLDER/socket: prints "ready" when it listens, goes on as a daemon
 *   relay stay FOLDER PORT
 *     the same in the foreground: as the first process of a container
 *   relay check COUNT {PATH DEVICE INODE}… PROGRAM ARG…
 *     becomes the program, if these paths are the folders with these numbers
 *
 * What keeps it from listening is printed instead of "ready". It knows nothing but that socket, and
 * as it is not dumpable, other processes of its user cannot read what passes through it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS_MAX       512 /* as many connections as the services take */
#define ROOM            (64u << 10)
#define OUT_OF_FILES_US 10000

/* One direction: what was read from one end and not yet written to the other. */
typedef struct flow {
    size_t from, len;
    bool ended; /* nothing more comes */
    bool told;  /* and the other end knows */
    char bytes[ROOM];
} flow;

typedef struct pair {
    int fds[2];
    flow flows[2]; /* flows[i] comes from fds[i] and goes to fds[!i] */
} pair;

static pair *pairs[PAIRS_MAX];
static size_t count;
static struct sockaddr_un services = {.sun_family = AF_UNIX};

/* ---- connections ----------------------------------------------------------------------------- */

static int connect_services(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&services, sizeof services) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static void add_pair(int listener) {
    int in = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (in < 0) {
        if (errno == EMFILE || errno == ENFILE) usleep(OUT_OF_FILES_US); /* it stays readable */
        return;
    }
    int out = connect_services();
    pair *p = out < 0 ? NULL : malloc(sizeof *p);
    if (!p) {
        if (out >= 0) close(out);
        close(in);
        return;
    }
    fcntl(out, F_SETFL, O_NONBLOCK);
    p->fds[0] = in;
    p->fds[1] = out;
    for (int i = 0; i < 2; i++) {
        p->flows[i].from = p->flows[i].len = 0;
        p->flows[i].ended = p->flows[i].told = false;
    }
    pairs[count++] = p;
}

static void drop_pair(size_t at) {
    close(pairs[at]->fds[0]);
    close(pairs[at]->fds[1]);
    free(pairs[at]);
    pairs[at] = pairs[--count];
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool later(void) {
    return errno == EAGAIN || errno == EINTR;
}

/* False when the connection is broken. */
static bool take(pair *p, int i) {
    flow *f = &p->flows[i];
    if (f->ended || f->len) return true;
    ssize_t n = read(p->fds[i], f->bytes, sizeof f->bytes);
    if (n < 0) return later();
    f->ended = n == 0;
    f->from = 0;
    f->len = (size_t)n;
    return true;
}

static bool give(pair *p, int i) {
    flow *f = &p->flows[i];
    if (f->len) {
        ssize_t n = send(p->fds[!i], f->bytes + f->from, f->len, MSG_NOSIGNAL);
        if (n < 0) return later();
        f->from += (size_t)n;
        f->len -= (size_t)n;
    }
    if (!f->len && f->ended && !f->told) {
        f->told = true;
        shutdown(p->fds[!i], SHUT_WR);
    }
    return true;
}

/* An end that nothing is wanted of is left out: it would wake us for its being gone. */
static struct pollfd wish(const pair *p, int i) {
    int events =
        (!p->flows[i].ended && !p->flows[i].len ? POLLIN : 0) | (p->flows[!i].len ? POLLOUT : 0);
    return (struct pollfd){.fd = events ? p->fds[i] : -1, .events = (short)events};
}

/* False when the pair is done. */
static bool move(pair *p, const struct pollfd got[2]) {
    for (int i = 0; i < 2; i++) {
        if (got[i].revents & (POLLIN | POLLHUP | POLLERR) && !take(p, i)) return false;
    }
    return give(p, 0) && give(p, 1) && !(p->flows[0].told && p->flows[1].told);
}

static void serve(int listener) {
    static struct pollfd all[1 + 2 * PAIRS_MAX];
    for (;;) {
        all[0] = (struct pollfd){.fd = count < PAIRS_MAX ? listener : -1, .events = POLLIN};
        for (size_t i = 0; i < count; i++) {
            all[1 + 2 * i] = wish(pairs[i], 0);
            all[2 + 2 * i] = wish(pairs[i], 1);
        }
        if (poll(all, 1 + 2 * count, -1) < 0 && errno != EINTR) return;
        for (size_t i = count; i-- > 0;) { /* from the end: the last one takes a dropped place */
            if (!move(pairs[i], &all[1 + 2 * i])) drop_pair(i);
        }
        if (all[0].revents) add_pair(listener);
    }
}

/* ---- the beginning --------------------------------------------------------------------------- */

static int fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static int listen_at(unsigned port) {
    const int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, SOMAXCONN) < 0)
        return -1;
    return fd;
}

/* Out of the way of whoever has started us. */
static void go_away(void) {
    if (fork() > 0) _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
}

static int relay(const char *how, const char *folder, const char *text) {
    unsigned long port = strtoul(text, NULL, 10);
    snprintf(services.sun_path, sizeof services.sun_path, "%.80s/socket", folder);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGHUP, SIG_IGN);
    int trial = connect_services();
    if (trial < 0) return fail("cannot reach the socket that was mounted");
    close(trial);
    int listener = port && port <= 65535 ? listen_at((unsigned)port) : -1;
    if (listener < 0) return fail("cannot listen on the container's 127.0.0.1");
    printf("ready\n");
    fflush(stdout);
    if (strcmp(how, "away") == 0) go_away();
    serve(listener);
    return 1;
}

/* ---- what was mounted ------------------------------------------------------------------------ */

/* The engine mounts by path, and a path may have come to lead elsewhere since Slipway looked at it.
 * So it is looked at again in the container, before anything of the action's has run. The form of
 * the message is a workflow command. */
static int check(long folders, char **args) {
    for (; folders > 0; folders--, args += 3) {
        struct stat st;
        bool there = lstat(args[0], &st) == 0 && S_ISDIR(st.st_mode);
        if (there && st.st_dev == strtoull(args[1], NULL, 10) &&
            st.st_ino == strtoull(args[2], NULL, 10))
            continue;
        printf("::error::What was mounted as '%s' is not the job's folder: something has put "
               "another in its place at that moment. The action was not run.\n",
               args[0]);
        return 1;
    }
    execvp(args[0], args);
    int why = errno;
    printf("::error::cannot run '%s': %s\n", args[0], strerror(why));
    return why == ENOENT ? 127 : 126;
}

int main(int argc, char **argv) {
    if (argc == 4 && (strcmp(argv[1], "away") == 0 || strcmp(argv[1], "stay") == 0))
        return relay(argv[1], argv[2], argv[3]);
    long folders = argc > 3 && strcmp(argv[1], "check") == 0 ? strtol(argv[2], NULL, 10) : -1;
    if (folders >= 0 && 3 + 3 * folders < argc) return check(folders, argv + 3);
    printf("usage: relay away|stay FOLDER PORT, relay check COUNT {PATH DEVICE INODE}… PROGRAM "
           "ARG…\n");
    return 2;
}
