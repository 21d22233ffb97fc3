/* The proxy process: what it keeps of its maker, and its loop. */
#include "sandbox/egress_proxy.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#define IDLE_MS         600000
#define HANDSHAKE_MS    15000
#define CONNECTIONS     512
#define CONNECTIONS_MAX 4096
#define RECORDS         10000
#define EVENTS          64
#define NOBODY          65534 /* the kernel's own default for users that it cannot name */
#define SPARE_FDS       64    /* of lookups and those from which the process began */
#define LAST_WORDS_MS   5000  /* for whoever reads the records */

uint64_t proxy_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what is waited for -------------------------------------------------------------------- */

void proxy_watch(proxy *px, source *s, uint32_t events) {
    if (s->fd < 0 || s->events == events) return;
    struct epoll_event event = {.events = events, .data.ptr = s};
    int order = !events ? EPOLL_CTL_DEL : s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(px->epoll, order, s->fd, &event) < 0) _exit(1);
    s->events = events;
}

void proxy_drop(proxy *px, source *s) {
    if (s->fd < 0) return;
    proxy_watch(px, s, 0);
    close(s->fd);
    s->fd = -1;
}

/* ---- what the process may ------------------------------------------------------------------ */

static int by_number(const void *x, const void *y) {
    return *(const int *)x - *(const int *)y;
}

/* Every descriptor that is not its own is somebody's file, socket or terminal. */
static void close_others(const egress_sockets *s, int control, int handover) {
    int keep[EGRESS_SOCKETS_MAX + 2];
    size_t count = 0;
    keep[count++] = control;
    if (handover >= 0) keep[count++] = handover;
    for (size_t i = 0; i < s->count; i++)
        keep[count++] = s->items[i].fd;
    qsort(keep, count, sizeof *keep, by_number);
    unsigned from = 3;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] > (int)from) close_range(from, (unsigned)keep[i] - 1, 0);
        if (keep[i] >= (int)from) from = (unsigned)keep[i] + 1;
    }
    close_range(from, ~0U, 0);
}

static void drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    for (int cap = 0; prctl(PR_CAPBSET_DROP, cap) == 0; cap++)
        continue;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &head, none);
}

/* Root's files are not the proxy's. Where that user does not exist (a namespace with one user), the
 * process is an ordinary one already. */
static void become_nobody(void) {
    if (geteuid() != 0 || setgroups(0, NULL) < 0) return;
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0) return;
    if (setresuid(NOBODY, NOBODY, NOBODY) < 0) return;
}

static void default_signals(void) {
    sigset_t none;
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Gives how many connections there may be. */
static size_t set_limits(size_t wanted) {
    struct rlimit files, zero = {0, 0};
    rlim_t need = 2 * wanted + EGRESS_SOCKETS_MAX + SPARE_FDS;
    setrlimit(RLIMIT_CORE, &zero);
    setrlimit(RLIMIT_FSIZE, &zero);
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return wanted;
    if (files.rlim_max > need) files.rlim_max = need;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= need) return wanted;
    rlim_t fixed = EGRESS_SOCKETS_MAX + SPARE_FDS;
    return files.rlim_cur > fixed + 2 ? (size_t)(files.rlim_cur - fixed) / 2 : 1;
}

static size_t confine(const egress_sockets *s, int control, size_t connections) {
    default_signals();
    close_others(s, control, -1);
    if (chdir("/") < 0) _exit(1);
    prctl(PR_SET_NAME, "slip:egress");
    connections = set_limits(connections);
    become_nobody();
    drop_capabilities();
    prctl(PR_SET_DUMPABLE, 0); /* it may hold the upstream proxy's password */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) _exit(1);
    return connections;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void count_lost(proxy *px) {
    for (size_t i = 0; i < px->listener_count; i++) {
        if (px->listeners[i].listener != EGRESS_REFUSALS) continue;
        refusals_ready(px, &px->listeners[i]);
        refusals_lost(px, &px->listeners[i]);
    }
}

/* Whoever asked for the proxy wants it to end: what is still open is told as ended. */
static _Noreturn void finish(proxy *px) {
    while (px->first)
        conn_close(px->first);
    count_lost(px);
    proxy_record_counts(px);
    uint64_t until = proxy_now_ms() + LAST_WORDS_MS;
    proxy_watch(px, &px->control, EPOLLOUT);
    while (proxy_send_records(px) && px->records.len && proxy_now_ms() < until) {
        struct epoll_event event;
        proxy_watch(px, &px->control, EPOLLOUT);
        epoll_wait(px->epoll, &event, 1, 100);
    }
    _exit(0);
}

/* What happened before the order is there to be read by now. */
static void answer_sync(proxy *px) {
    for (size_t i = 0; i < px->listener_count; i++)
        if (px->listeners[i].listener == EGRESS_REFUSALS) refusals_ready(px, &px->listeners[i]);
    for (; px->asked; px->asked--)
        proxy_record_synced(px);
}

static void control_ready(proxy *px) {
    char bytes[256];
    if (px->records.len && !proxy_send_records(px)) _exit(0); /* nobody is there any more */
    ssize_t n = recv(px->control.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) finish(px);
    if (n > 0) px->asked += (unsigned)n; /* each is waited for */
}

static void handle(proxy *px, source *s) {
    if (s->fd < 0) return; /* was dropped in this round */
    if (s->kind == SOURCE_CONTROL)
        control_ready(px);
    else if (s->kind != SOURCE_LISTENER)
        conn_ready(s);
    else if (s->listener == EGRESS_DNS_UDP)
        dns_ready(px, s);
    else if (s->listener == EGRESS_REFUSALS)
        refusals_ready(px, s);
    else
        conn_accept(px, s);
}

static void check_times(proxy *px) {
    uint64_t now = proxy_now_ms();
    conn *next;
    for (conn *c = px->first; c; c = next) {
        next = c->next;
        conn_check_time(c, now);
    }
    conn_next_lookup(px);
}

static void free_dead(proxy *px) {
    while (px->dead) {
        conn *c = px->dead;
        px->dead = c->next;
        free(c);
    }
}

static _Noreturn void serve(proxy *px) {
    uint32_t shortest = px->idle_ms < px->handshake_ms ? px->idle_ms : px->handshake_ms;
    uint64_t every = shortest / 4 < 20 ? 20 : shortest / 4 > 1000 ? 1000 : shortest / 4;
    uint64_t next = proxy_now_ms() + every;
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(px->epoll, events, EVENTS, px->first ? (int)every : -1);
        if (n < 0 && errno != EINTR) _exit(1);
        for (int i = 0; i < n; i++)
            handle(px, events[i].data.ptr);
        if (px->asked) answer_sync(px);
        if (proxy_now_ms() >= next) {
            check_times(px);
            next = proxy_now_ms() + every;
        }
        free_dead(px);
    }
}

static uint32_t or_default(uint32_t given, uint32_t otherwise) {
    return given ? given : otherwise;
}

void egress_proxy_run(const egress_policy *p, const egress_sockets *s, int control) {
    static proxy px;
    uint32_t connections = or_default(p->max_connections, CONNECTIONS);
    px = (proxy){.policy = p,
                 .control = {.kind = SOURCE_CONTROL, .fd = control},
                 .idle_ms = or_default(p->idle_ms, IDLE_MS),
                 .handshake_ms = or_default(p->handshake_ms, HANDSHAKE_MS),
                 .record_max = or_default(p->max_records, RECORDS),
                 .given = names_new(),
                 .refused = names_new(),
                 .closed = names_new()};
    px.conn_max =
        confine(s, control, connections < CONNECTIONS_MAX ? connections : CONNECTIONS_MAX);
    px.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (px.epoll < 0) _exit(1);
    proxy_watch(&px, &px.control, EPOLLIN);
    for (size_t i = 0; i < s->count; i++) {
        source *l = &px.listeners[px.listener_count++];
        *l = (source){.kind = SOURCE_LISTENER,
                      .fd = s->items[i].fd,
                      .listener = (egress_socket_kind)s->items[i].kind};
        proxy_watch(&px, l, EPOLLIN);
    }
    serve(&px);
}

/* ---- starting it --------------------------------------------------------------------------- */

static _Noreturn void be_proxy(const egress_policy *p, int handover, int control) {
    static egress_sockets s;
    err e = {0};
    close_others(&s, control, handover); /* while it waits it must not keep a job's socket open */
    if (egress_receive(handover, &s, &e) < 0) _exit(1);
    close(handover);
    egress_proxy_run(p, &s, control);
}

pid_t egress_proxy_start(const egress_policy *p, int *ret_handover, int *ret_control, err *e) {
    int handover[2], control[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, handover) < 0)
        return err_sys(e, errno, "cannot make a socket for the egress proxy");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0) {
        int failed = errno;
        close(handover[0]), close(handover[1]);
        return err_sys(e, failed, "cannot make a socket for the egress proxy");
    }
    pid_t pid = fork();
    if (pid == 0) be_proxy(p, handover[1], control[1]);
    int failed = errno;
    close(handover[1]), close(control[1]);
    if (pid < 0) {
        close(handover[0]), close(control[0]);
        return err_sys(e, failed, "cannot start the egress proxy");
    }
    *ret_handover = handover[0];
    *ret_control = control[0];
    return pid;
}
