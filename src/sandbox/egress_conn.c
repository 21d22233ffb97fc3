/* A connection of the job from its beginning to its relay: whom does it mean, may it, and where is
 * that? */
#include "sandbox/egress_proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOKUP_MS   15000
#define CONNECT_MS  10000 /* for each address of a name */
#define UPSTREAM_MS 30000
#define BURST       16 /* connections taken in one turn */

typedef union endpoint {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} endpoint;

/* ---- beginning and end --------------------------------------------------------------------- */

static const struct {
    egress_how how;
    stage first;
} beginnings[EGRESS_SOCKET_KIND_COUNT] = {
    [EGRESS_DNS_TCP] = {EGRESS_BY_DNS, STAGE_DNS},
    [EGRESS_HTTP] = {EGRESS_BY_CONNECT, STAGE_HTTP},
    [EGRESS_SOCKS] = {EGRESS_BY_SOCKS, STAGE_GREETING},
    [EGRESS_TRANSPARENT] = {EGRESS_BY_ADDRESS, STAGE_LOOKUP},
};

/* The peer gets a reset, which says that this is no ordinary end. */
static void reset(int fd) {
    static const struct linger now = {1, 0};
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void take_endpoint(const endpoint *from, egress_target *t) {
    t->address = (net_address){.family = 4};
    if (from->any.sa_family == AF_INET) {
        memcpy(t->address.bytes, &from->four.sin_addr, 4);
        t->port = ntohs(from->four.sin_port);
        return;
    }
    net_address_from_six(from->six.sin6_addr.s6_addr, &t->address);
    t->port = ntohs(from->six.sin6_port);
}

static conn *conn_new(proxy *px, int fd, egress_socket_kind kind) {
    conn *c = mem_alloc(sizeof *c);
    *c = (conn){.px = px,
                .next = px->first,
                .how = beginnings[kind].how,
                .stage = beginnings[kind].first,
                .client = {.kind = SOURCE_CLIENT, .fd = fd, .c = c},
                .server = {.kind = SOURCE_SERVER, .fd = -1, .c = c},
                .lookup = {.kind = SOURCE_LOOKUP, .fd = -1, .c = c},
                .deadline_ms = proxy_now_ms() + px->handshake_ms,
                .body_left = UINT64_MAX};
    if (px->first) px->first->prev = c;
    px->first = c;
    px->conn_count++;
    return c;
}

void conn_close(conn *c) {
    proxy *px = c->px;
    if (c->stage == STAGE_DEAD) return;
    c->stage = STAGE_DEAD;
    proxy_record_end(c);
    lookup_kill(c);
    proxy_drop(px, &c->client);
    proxy_drop(px, &c->server);
    free(c->out.bytes);
    free(c->in.bytes);
    c->out = c->in = (flow){0};
    if (c->prev) c->prev->next = c->next;
    if (c->next) c->next->prev = c->prev;
    if (px->first == c) px->first = c->next;
    px->conn_count--;
    c->next = px->dead;
    px->dead = c;
}

void conn_refuse(conn *c, egress_verdict verdict, egress_reason reason) {
    bool speaks = c->stage != STAGE_RELAY && c->how != EGRESS_BY_ADDRESS && c->how != EGRESS_BY_DNS;
    proxy_record_conn(c, verdict, reason);
    lookup_kill(c);
    if (!speaks) {
        reset(c->client.fd);
        reset(c->server.fd);
        conn_close(c);
        return;
    }
    proxy_drop(c->px, &c->server);
    request_answer(c, verdict, reason);
    c->stage = STAGE_LAST;
    c->deadline_ms = proxy_now_ms() + c->px->handshake_ms;
    relay_last(c);
}

static void begin(proxy *px, int fd, egress_socket_kind kind) {
    static const int on = 1;
    endpoint local;
    socklen_t size = sizeof local;
    conn *c = conn_new(px, fd, kind);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (kind != EGRESS_TRANSPARENT) {
        proxy_watch(px, &c->client, EPOLLIN);
        return;
    }
    if (getsockname(fd, &local.any, &size) < 0) {
        conn_close(c);
        return;
    }
    take_endpoint(&local, &c->target);
    conn_reach(c);
}

void conn_accept(proxy *px, source *listener) {
    for (int i = 0; i < BURST; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            /* The descriptors of the whole machine are used up: rather wait than spin. */
            if (errno == EMFILE || errno == ENFILE)
                nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            return;
        }
        if (px->conn_count < px->conn_max) {
            begin(px, fd, listener->listener);
            continue;
        }
        proxy_record(px, beginnings[listener->listener].how, EGRESS_DENIED, EGRESS_MANY_CONNECTIONS,
                     STR_EMPTY, 0, "");
        reset(fd);
        close(fd);
    }
}

/* ---- whom does it mean? -------------------------------------------------------------------- */

/* An address that stands for a name becomes the name, loopback becomes localhost where a rule says
 * so. False for a stand-in that was never given out. */
static bool recognise(conn *c) {
    egress_target local = {.name = "localhost", .port = c->target.port};
    if (!c->target.address.family) return true;
    if (net_address_is_loopback(&c->target.address)) {
        if (egress_judge(c->px->policy, &local) == EGRESS_FINE) c->target = local;
        return true;
    }
    if (!names_is_range(&c->target.address)) return true;
    int number = names_number(&c->target.address);
    const char *name = number < 0 ? NULL : names_at(c->px->given, (size_t)number);
    if (!name) return false;
    strcpy(c->target.name, name);
    c->target.address = (net_address){0};
    return true;
}

static void set_addresses(conn *c, const net_address *from, size_t count) {
    memcpy(c->addresses, from, count * sizeof *from);
    c->address_count = count;
    c->address_at = 0;
}

/* Where it is, as far as that needs no lookup. */
static void find_addresses(conn *c) {
    static const net_address local[2] = {{.family = 4, .bytes = {127, 0, 0, 1}},
                                         {.family = 6, .bytes = {[15] = 1}}};
    const egress_policy *p = c->px->policy;
    if (strcmp(c->target.name, "localhost") == 0) {
        c->trusted = true;
        set_addresses(c, local, 2);
    } else if (c->target.address.family) {
        c->trusted = egress_names_address(p, &c->target.address, c->target.port);
        set_addresses(c, &c->target.address, 1);
    }
    for (size_t i = 0; i < p->host_count && !c->address_count; i++) {
        if (!str_is(p->hosts[i].name, c->target.name)) continue;
        c->trusted = true;
        set_addresses(c, &p->hosts[i].address, 1);
    }
}

/* ---- where is it? -------------------------------------------------------------------------- */

/* Keeps what may be connected to: what a name resolves to must not be the host itself (DNS
 * rebinding). The address that is judged here is the one that is connected to. */
static void keep_allowed(conn *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->address_count; i++) {
        const net_address *x = &c->addresses[i];
        if (c->trusted || c->upstream || egress_names_address(c->px->policy, x, c->target.port) ||
            (egress_judge_address(c->px->policy, x, c->target.port) == EGRESS_FINE &&
             !lookup_is_own(x)))
            c->addresses[kept++] = *x;
    }
    c->address_count = kept;
}

static int begin_connect(conn *c, const net_address *x) {
    static const int on = 1;
    endpoint to = {.any.sa_family = x->family == 4 ? AF_INET : AF_INET6};
    uint16_t port = htons(c->upstream ? c->px->policy->upstream.port : c->target.port);
    if (x->family == 4) {
        memcpy(&to.four.sin_addr, x->bytes, 4);
        to.four.sin_port = port;
    } else {
        memcpy(&to.six.sin6_addr, x->bytes, 16);
        to.six.sin6_port = port;
    }
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, &to.any, x->family == 4 ? sizeof to.four : sizeof to.six) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void connect_next(conn *c) {
    for (; c->address_at < c->address_count; c->address_at++) {
        int fd = begin_connect(c, &c->addresses[c->address_at]);
        if (fd < 0) continue;
        c->server.fd = fd;
        c->stage = STAGE_CONNECT;
        c->deadline_ms = proxy_now_ms() + CONNECT_MS;
        proxy_watch(c->px, &c->server, EPOLLOUT);
        return;
    }
    conn_refuse(c, EGRESS_FAILED, EGRESS_UNREACHABLE);
}

static void addresses_known(conn *c) {
    if (c->address_count == 0) {
        conn_refuse(c, EGRESS_FAILED, EGRESS_UNKNOWN_HOST);
        return;
    }
    keep_allowed(c);
    if (c->address_count == 0)
        conn_refuse(c, EGRESS_DENIED, EGRESS_HOST_ITSELF);
    else
        connect_next(c);
}

static void try_lookup(conn *c) {
    if (c->px->lookup_count >= EGRESS_LOOKUPS_MAX) return; /* conn_next_lookup comes back */
    c->deadline_ms = proxy_now_ms() + LOOKUP_MS;
    const char *host = c->upstream ? c->px->policy->upstream.host.ptr : c->target.name;
    if (lookup_start(c, host) < 0) conn_refuse(c, EGRESS_FAILED, EGRESS_UNKNOWN_HOST);
}

void conn_next_lookup(proxy *px) {
    conn *next;
    for (conn *c = px->first; c && px->lookup_count < EGRESS_LOOKUPS_MAX; c = next) {
        next = c->next;
        if (c->stage == STAGE_LOOKUP && !c->lookup_pid) try_lookup(c);
    }
}

void conn_reach(conn *c) {
    const egress_policy *p = c->px->policy;
    proxy_watch(c->px, &c->client, 0);
    egress_reason why = recognise(c) ? egress_judge(p, &c->target) : EGRESS_BARE_ADDRESS;
    if (why != EGRESS_FINE) {
        conn_refuse(c, EGRESS_DENIED, why);
        return;
    }
    find_addresses(c);
    bool direct =
        c->trusted && (!c->target.address.family || net_address_is_loopback(&c->target.address));
    c->upstream = p->upstream.host.len && !direct && !egress_in_no_proxy(p, &c->target);
    if (c->upstream && c->target.address.family && !c->trusted &&
        lookup_is_own(&c->target.address)) {
        c->upstream = false;
        conn_refuse(c, EGRESS_DENIED, EGRESS_HOST_ITSELF);
        return;
    }
    c->stage = STAGE_LOOKUP;
    c->deadline_ms = proxy_now_ms() + LOOKUP_MS;
    if (c->upstream || !c->address_count) {
        c->address_count = 0;
        try_lookup(c);
    } else {
        addresses_known(c);
    }
}

/* ---- connected ----------------------------------------------------------------------------- */

static void established(conn *c) {
    proxy_record_conn(c, EGRESS_ALLOWED, EGRESS_FINE);
    request_answer(c, EGRESS_ALLOWED, EGRESS_FINE);
    c->stage = STAGE_RELAY;
    c->deadline_ms = proxy_now_ms() + c->px->idle_ms;
    c->hello = c->how != EGRESS_BY_HTTP && strcmp(c->target.name, "localhost") != 0;
    relay_ready(c);
}

static bool is_self(int fd) {
    endpoint here, there;
    socklen_t size = sizeof here;
    egress_target x, y;
    if (getsockname(fd, &here.any, &size) < 0) return true;
    size = sizeof there;
    if (getpeername(fd, &there.any, &size) < 0) return true;
    take_endpoint(&here, &x);
    take_endpoint(&there, &y);
    return net_address_same(&x.address, &y.address);
}

static void ask_upstream(conn *c) {
    _cleanup_strbuf_ strbuf request = STRBUF_INIT;
    char address[NET_ADDRESS_TEXT];
    bool six = c->target.address.family == 6;
    net_address_text(&c->target.address, address);
    const char *host = c->target.name[0] ? c->target.name : address;
    strbuf_addf(&request, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", six ? "[" : "", host,
                six ? "]" : "", c->target.port, six ? "[" : "", host, six ? "]" : "",
                c->target.port);
    str authorization = c->px->policy->upstream.authorization;
    if (authorization.len)
        strbuf_addf(&request, "Proxy-Authorization: %.*s\r\n", STR_ARG(authorization));
    strbuf_adds(&request, "\r\n");
    /* A new connection takes that much at once. */
    if (send(c->server.fd, request.ptr, request.len, MSG_NOSIGNAL) != (ssize_t)request.len) {
        conn_refuse(c, EGRESS_FAILED, EGRESS_UNREACHABLE);
        return;
    }
    c->stage = STAGE_UPSTREAM;
    c->deadline_ms = proxy_now_ms() + UPSTREAM_MS;
    proxy_watch(c->px, &c->server, EPOLLIN);
}

static void upstream_ready(conn *c) {
    size_t n, size;
    unsigned status;
    bool alive = flow_fill(&c->in, &c->server, EGRESS_HEAD_MAX, &n);
    egress_parse r = egress_read_response(flow_str(&c->in), &status, &size);
    if (alive && r == EGRESS_MORE && !c->server.ended) return;
    if (r == EGRESS_WHOLE && status / 100 == 2) {
        flow_take(&c->in, size);
        established(c);
        return;
    }
    flow_take(&c->in, c->in.len);
    conn_refuse(c, EGRESS_FAILED, EGRESS_UPSTREAM_REFUSED);
}

static void connect_ready(conn *c) {
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(c->server.fd, SOL_SOCKET, SO_ERROR, &failed, &size) < 0 || failed) {
        proxy_drop(c->px, &c->server);
        c->address_at++;
        connect_next(c);
    } else if (!c->trusted && !c->upstream &&
               !egress_names_address(c->px->policy, &c->addresses[c->address_at], c->target.port) &&
               is_self(c->server.fd)) {
        conn_refuse(c, EGRESS_DENIED, EGRESS_HOST_ITSELF);
    } else if (c->upstream && c->how != EGRESS_BY_HTTP) {
        ask_upstream(c);
    } else {
        established(c);
    }
}

static void lookup_ready(conn *c) {
    proxy *px = c->px;
    lookup_finish(c);
    addresses_known(c);
    conn_next_lookup(px);
}

/* ---- events -------------------------------------------------------------------------------- */

void conn_ready(source *s) {
    conn *c = s->c;
    switch (c->stage) {
    case STAGE_GREETING:
    case STAGE_SOCKS:
    case STAGE_HTTP: request_ready(c); break;
    case STAGE_DNS: dns_stream_ready(c); break;
    case STAGE_LOOKUP:
        if (s->kind == SOURCE_LOOKUP && c->lookup_pid) lookup_ready(c);
        break;
    case STAGE_CONNECT: connect_ready(c); break;
    case STAGE_UPSTREAM: upstream_ready(c); break;
    case STAGE_RELAY: relay_ready(c); break;
    case STAGE_LAST: relay_last(c); break;
    case STAGE_DEAD: break;
    }
}

static void too_late(conn *c) {
    switch (c->stage) {
    case STAGE_GREETING:
    case STAGE_SOCKS:
    case STAGE_HTTP: conn_refuse(c, EGRESS_DENIED, EGRESS_SLOW); break;
    case STAGE_LOOKUP: conn_refuse(c, EGRESS_FAILED, EGRESS_UNKNOWN_HOST); break;
    case STAGE_CONNECT:
        proxy_drop(c->px, &c->server);
        c->address_at++;
        connect_next(c);
        break;
    case STAGE_UPSTREAM: conn_refuse(c, EGRESS_FAILED, EGRESS_UPSTREAM_REFUSED); break;
    case STAGE_DNS:
    case STAGE_RELAY:
    case STAGE_LAST: conn_close(c); break;
    case STAGE_DEAD: break;
    }
}

void conn_check_time(conn *c, uint64_t now_ms) {
    if (c->stage == STAGE_RELAY && c->hello && c->hello_ms && now_ms >= c->hello_ms)
        conn_refuse(c, EGRESS_DENIED, EGRESS_SLOW);
    else if (now_ms >= c->deadline_ms)
        too_late(c);
}
