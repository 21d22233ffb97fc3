/* Names become addresses in a forked child, which blocks in getaddrinfo as long as it likes: the
 * resolver's configuration and plug-ins are the host's, as for any other program on it. */
#include "sandbox/egress_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void be_child(const char *host, int out, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(out, 3);
    close_range(4, ~0U, 0);
    net_address found[EGRESS_ADDRESSES_MAX];
    size_t count = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) _exit(0);
    for (; list && count < EGRESS_ADDRESSES_MAX; list = list->ai_next)
        count += net_address_from_sockaddr(list->ai_addr, &found[count]);
    ssize_t written = write(3, found, count * sizeof *found);
    _exit(written < 0);
}

int lookup_start(conn *c, const char *host) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) be_child(host, fds[1], parent);
    int failed = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        errno = failed;
        return -1;
    }
    c->lookup_pid = pid;
    c->lookup.fd = fds[0];
    c->px->lookup_count++;
    proxy_watch(c->px, &c->lookup, EPOLLIN);
    return 0;
}

static void reap(conn *c) {
    while (waitpid(c->lookup_pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    c->lookup_pid = 0;
    c->px->lookup_count--;
    proxy_drop(c->px, &c->lookup);
}

/* The answer is shorter than what a pipe takes at once, so it is there or it is not. */
void lookup_finish(conn *c) {
    _Static_assert(sizeof c->addresses <= 4096, "the answer is written in one piece");
    ssize_t n = read(c->lookup.fd, c->addresses, sizeof c->addresses);
    c->address_count = n > 0 ? (size_t)n / sizeof *c->addresses : 0;
    c->address_at = 0;
    reap(c);
}

void lookup_kill(conn *c) {
    if (!c->lookup_pid) return;
    kill(c->lookup_pid, SIGKILL);
    reap(c);
}

bool lookup_is_own(const net_address *address) {
    struct ifaddrs *list;
    bool own = false;
    if (getifaddrs(&list) < 0) return true; /* what cannot be judged is refused */
    for (struct ifaddrs *i = list; i && !own; i = i->ifa_next) {
        net_address x;
        own = net_address_from_sockaddr(i->ifa_addr, &x) && net_address_same(&x, address);
    }
    freeifaddrs(list);
    return own;
}
