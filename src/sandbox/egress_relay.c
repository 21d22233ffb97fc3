/* Bytes from side to side. A side that has ended is told to the other one when all of its bytes are
 * through (a half-close), and the connection ends when both have. */
#include "sandbox/egress_proxy.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ROUNDS 8 /* in one turn, so that one connection does not keep the others waiting */

str flow_str(const flow *f) {
    return f->bytes ? (str){f->bytes + f->start, f->len} : STR_EMPTY;
}

static void settle(flow *f) {
    if (!f->bytes) f->bytes = mem_alloc(EGRESS_FLOW_SIZE);
    if (f->start) memmove(f->bytes, f->bytes + f->start, f->len);
    f->start = 0;
}

void flow_add(flow *f, str bytes) {
    settle(f);
    bytes = str_sub(bytes, 0, EGRESS_FLOW_SIZE - f->len);
    memcpy(f->bytes + f->len, bytes.ptr, bytes.len);
    f->len += bytes.len;
}

void flow_take(flow *f, size_t count) {
    f->start += count;
    f->len -= count;
    if (f->len == 0) f->start = 0;
}

void flow_prepend(flow *f, str bytes) {
    settle(f);
    size_t kept = f->len < EGRESS_FLOW_SIZE - bytes.len ? f->len : EGRESS_FLOW_SIZE - bytes.len;
    memmove(f->bytes + bytes.len, f->bytes, kept);
    memcpy(f->bytes, bytes.ptr, bytes.len);
    f->len = kept + bytes.len;
}

bool flow_fill(flow *f, source *from, size_t max, size_t *ret_count) {
    *ret_count = 0;
    if (from->ended || f->len >= max) return true;
    if (f->start + f->len == EGRESS_FLOW_SIZE || !f->bytes) settle(f);
    size_t room = EGRESS_FLOW_SIZE - f->start - f->len;
    if (room > max - f->len) room = max - f->len;
    ssize_t n = recv(from->fd, f->bytes + f->start + f->len, room, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    from->ended = n == 0;
    f->len += (size_t)n;
    *ret_count = (size_t)n;
    return true;
}

bool flow_drain(flow *f, source *to, size_t *ret_count) {
    *ret_count = 0;
    if (f->len == 0) return true;
    ssize_t n = send(to->fd, f->bytes + f->start, f->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    flow_take(f, (size_t)n);
    *ret_count = (size_t)n;
    return true;
}

/* ---- the server name ----------------------------------------------------------------------- */

/* False when the connection was refused. What a rule names by address may carry any name. */
static bool judge_sni(conn *c, const char *name) {
    egress_target t = c->target;
    if (!name[0] || strcmp(name, t.name) == 0) return true;
    bool by_name = t.name[0];
    strcpy(t.name, name);
    t.address = (net_address){0};
    if (by_name && egress_judge(c->px->policy, &t) != EGRESS_FINE) {
        strcpy(c->target.name, name);
        conn_refuse(c, EGRESS_DENIED, EGRESS_OTHER_SNI);
        return false;
    }
    proxy_record_sni(c, name);
    return true;
}

/* Lets the client's bytes go when they begin no TLS or the name in them is fine. False when the
 * connection was refused. */
static bool judge_hello(conn *c) {
    char name[EGRESS_NAME_MAX + 1];
    if (!c->hello) return true;
    if (c->out.len == 0) {
        if (c->client.ended) c->hello = false;
        return true;
    }
    if (!c->hello_ms) c->hello_ms = proxy_now_ms() + c->px->handshake_ms;
    egress_parse r = egress_read_hello(flow_str(&c->out), name);
    if (r == EGRESS_MORE && !c->client.ended) return true;
    c->hello = false;
    if (r == EGRESS_WHOLE) return judge_sni(c, name);
    if (r == EGRESS_OTHER || !c->target.name[0]) return true;
    conn_refuse(c, EGRESS_DENIED, EGRESS_BAD_HELLO);
    return false;
}

/* ---- relaying ------------------------------------------------------------------------------ */

static void tell_end(source *from, const flow *f, source *to) {
    if (!from->ended || f->len || to->shut) return;
    shutdown(to->fd, SHUT_WR);
    to->shut = true;
}

/* What follows a request's body is read no more: it could only be meant to be taken for a second
 * request. */
static size_t out_room(const conn *c) {
    size_t left = EGRESS_FLOW_SIZE - c->out.len;
    return c->out.len + (c->body_left < left ? (size_t)c->body_left : left);
}

/* Of what was read from the client, no byte goes on that has not been found to be part of the
 * request's body. False when the connection was refused. */
static bool judge_body(conn *c, size_t fresh) {
    if (!c->chunked) {
        if (c->body_left != UINT64_MAX) c->body_left -= fresh;
        return true;
    }
    size_t size, before = c->out.len - fresh;
    str bytes = str_sub(flow_str(&c->out), before, c->out.len);
    egress_parse whole = egress_read_chunks(&c->chunks, bytes, &size);
    if (whole == EGRESS_BAD) {
        conn_refuse(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
        return false;
    }
    c->out.len = before + size;
    if (whole == EGRESS_WHOLE) c->body_left = 0;
    return true;
}

/* One round; -1 when the connection is gone, else the bytes that were moved. */
static ssize_t move(conn *c) {
    size_t read_out, sent_out = 0, read_in, sent_in;
    if (!flow_fill(&c->out, &c->client, out_room(c), &read_out)) return -1;
    if (!judge_body(c, read_out) || !judge_hello(c)) return 0;
    if (!c->hello && !flow_drain(&c->out, &c->server, &sent_out)) return -1;
    if (!flow_fill(&c->in, &c->server, EGRESS_FLOW_SIZE, &read_in)) return -1;
    if (!flow_drain(&c->in, &c->client, &sent_in)) return -1;
    c->bytes_out += sent_out;
    c->bytes_in += read_in;
    return (ssize_t)(read_out + sent_out + read_in + sent_in);
}

static void wait_for_more(conn *c) {
    uint32_t client = 0, server = 0;
    if (!c->client.ended && out_room(c) > c->out.len) client |= EPOLLIN;
    if (c->in.len) client |= EPOLLOUT;
    if (!c->server.ended && c->in.len < EGRESS_FLOW_SIZE) server |= EPOLLIN;
    if (c->out.len && !c->hello) server |= EPOLLOUT;
    proxy_watch(c->px, &c->client, client);
    proxy_watch(c->px, &c->server, server);
}

void relay_ready(conn *c) {
    ssize_t moved = 1;
    for (int i = 0; i < ROUNDS && moved > 0; i++) {
        moved = move(c);
        if (c->stage != STAGE_RELAY) return;
        if (moved > 0) c->deadline_ms = proxy_now_ms() + c->px->idle_ms;
    }
    if (moved >= 0) {
        bool one_request = c->body_left != UINT64_MAX;
        bool may_end = !one_request || c->body_left; /* a body that never will be whole */
        if (may_end && !c->hello) tell_end(&c->client, &c->out, &c->server);
        tell_end(&c->server, &c->in, &c->client);
        if (c->client.shut && (c->server.shut || one_request)) moved = -1;
    }
    if (moved < 0)
        conn_close(c);
    else
        wait_for_more(c);
}

/* The client's bytes are read and dropped until it closes too: a close with bytes unread would
 * throw the answer away. */
void relay_last(conn *c) {
    size_t n;
    bool alive = flow_drain(&c->in, &c->client, &n);
    if (alive && c->in.len == 0 && !c->client.shut) {
        shutdown(c->client.fd, SHUT_WR);
        c->client.shut = true;
    }
    c->out.start = c->out.len = 0;
    alive = alive && flow_fill(&c->out, &c->client, EGRESS_FLOW_SIZE, &n);
    if (!alive || c->client.ended) {
        conn_close(c);
        return;
    }
    proxy_watch(c->px, &c->client, EPOLLIN | (c->in.len ? EPOLLOUT : 0u));
}
