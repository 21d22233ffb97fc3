/* What a client says to the HTTP and SOCKS proxies, and how they answer. */
#include "sandbox/egress_proxy.h"

#include <string.h>
#include <sys/epoll.h>

static void say(conn *c, str bytes) {
    size_t n;
    flow_add(&c->in, bytes);
    flow_drain(&c->in, &c->client, &n); /* what stays is sent later */
}

/* ---- SOCKS --------------------------------------------------------------------------------- */

enum { SOCKS_FINE, SOCKS_FAILED, SOCKS_DENIED, SOCKS_UNKNOWN = 4, SOCKS_REFUSED };

static void socks_reply(conn *c, uint8_t code) {
    uint8_t reply[10] = {5, code, 0, 1};
    flow_prepend(&c->in, (str){(char *)reply, sizeof reply});
}

static egress_parse read_greeting(conn *c) {
    size_t size;
    bool open;
    egress_parse r = egress_read_greeting(flow_str(&c->out), &size, &open);
    if (r == EGRESS_BAD) {
        proxy_record_conn(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
        conn_close(c);
    }
    if (r != EGRESS_WHOLE) return r;
    flow_take(&c->out, size);
    if (!open) { /* 0xff: no method is acceptable */
        proxy_record_conn(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
        flow_add(&c->in, (str){"\5\xff", 2});
        c->stage = STAGE_LAST;
        relay_last(c);
        return EGRESS_BAD;
    }
    say(c, (str){"\5\0", 2});
    c->stage = STAGE_SOCKS;
    return r;
}

static egress_parse read_socks(conn *c) {
    size_t size;
    uint8_t code;
    egress_parse r = egress_read_socks(flow_str(&c->out), &size, &c->target, &code);
    if (r == EGRESS_BAD) {
        proxy_record_conn(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
        socks_reply(c, code);
        c->stage = STAGE_LAST;
        relay_last(c);
    }
    if (r != EGRESS_WHOLE) return r;
    flow_take(&c->out, size);
    conn_reach(c);
    return r;
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

static const struct {
    egress_reason reason;
    unsigned status;
    const char *words;
} statuses[] = {
    {EGRESS_BAD_REQUEST, 400, "Bad Request"},         {EGRESS_OTHER_HOST, 400, "Bad Request"},
    {EGRESS_TRANSFER_CODING, 501, "Not Implemented"}, {EGRESS_SLOW, 408, "Request Timeout"},
    {EGRESS_UNKNOWN_HOST, 502, "Bad Gateway"},        {EGRESS_UNREACHABLE, 502, "Bad Gateway"},
    {EGRESS_UPSTREAM_REFUSED, 502, "Bad Gateway"},    {EGRESS_REASON_COUNT, 403, "Forbidden"},
};

static void http_refuse(conn *c, egress_reason reason) {
    size_t i = 0;
    while (statuses[i].reason != reason && statuses[i].reason != EGRESS_REASON_COUNT)
        i++;
    char address[NET_ADDRESS_TEXT];
    net_address_text(&c->target.address, address);
    _cleanup_strbuf_ strbuf body = STRBUF_INIT, head = STRBUF_INIT;
    strbuf_adds(&body, "slipway: ");
    if (c->target.port)
        strbuf_addf(&body, "%s:%u: ", c->target.name[0] ? c->target.name : address, c->target.port);
    strbuf_addf(&body, "%s\n", egress_reason_text(reason));
    strbuf_addf(&head,
                "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                "Connection: close\r\n\r\n",
                statuses[i].status, statuses[i].words, body.len);
    flow_add(&c->in, strbuf_str(&head));
    flow_add(&c->in, strbuf_str(&body));
}

/* How much of what came after the head belongs to the request. False when it cannot be read. */
static bool begin_body(conn *c, const egress_request *r, str after, size_t *ret_here) {
    *ret_here = after.len < r->body_size ? after.len : (size_t)r->body_size;
    c->body_left = r->body_size - *ret_here;
    c->chunked = r->chunked;
    if (!r->chunked) return true;
    egress_parse whole = egress_read_chunks(&c->chunks, after, ret_here);
    c->body_left = whole == EGRESS_WHOLE ? 0 : EGRESS_BODY_OPEN;
    return whole != EGRESS_BAD;
}

/* The head is written anew in the place of the old one. Of what came after it, what belongs to the
 * request's body is kept. */
static void take_plain_request(conn *c, const egress_request *r) {
    _cleanup_strbuf_ strbuf head = STRBUF_INIT;
    str bytes = flow_str(&c->out);
    size_t here;
    if (!begin_body(c, r, str_sub(bytes, r->head_size, bytes.len), &here)) {
        conn_refuse(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
        return;
    }
    conn_reach(c);
    if (c->stage == STAGE_LAST || c->stage == STAGE_DEAD) return;
    const egress_policy *p = c->px->policy;
    str authorization = c->upstream ? p->upstream.authorization : STR_EMPTY;
    egress_write_request(bytes, r, c->upstream, authorization, &head);
    strbuf_add(&head, str_sub(bytes, r->head_size, r->head_size + here));
    c->out.start = c->out.len = 0;
    flow_add(&c->out, strbuf_str(&head));
}

static egress_parse read_http(conn *c) {
    egress_request r;
    egress_parse whole = egress_read_request(flow_str(&c->out), &r);
    if (whole == EGRESS_MORE) return whole;
    c->target = r.target;
    c->how = r.connect ? EGRESS_BY_CONNECT : EGRESS_BY_HTTP;
    if (whole == EGRESS_BAD) {
        conn_refuse(c, EGRESS_DENIED, r.reason);
    } else if (r.connect) {
        flow_take(&c->out, r.head_size);
        conn_reach(c);
    } else {
        take_plain_request(c, &r);
    }
    return whole;
}

/* ---- both ---------------------------------------------------------------------------------- */

static egress_parse read_stage(conn *c) {
    if (c->stage == STAGE_GREETING) {
        egress_parse r = read_greeting(c);
        if (r != EGRESS_WHOLE) return r;
    }
    return c->stage == STAGE_SOCKS ? read_socks(c) : read_http(c);
}

void request_ready(conn *c) {
    size_t n;
    if (!flow_fill(&c->out, &c->client, EGRESS_HEAD_MAX, &n)) {
        conn_close(c);
        return;
    }
    if (read_stage(c) != EGRESS_MORE || !c->client.ended) return;
    if (c->out.len) proxy_record_conn(c, EGRESS_DENIED, EGRESS_BAD_REQUEST);
    conn_close(c);
}

/* A plain HTTP request is answered by the origin. */
void request_answer(conn *c, egress_verdict verdict, egress_reason reason) {
    bool fine = verdict == EGRESS_ALLOWED;
    if (c->how == EGRESS_BY_SOCKS)
        socks_reply(c, fine                            ? SOCKS_FINE
                       : reason == EGRESS_UNKNOWN_HOST ? SOCKS_UNKNOWN
                       : verdict == EGRESS_FAILED      ? SOCKS_REFUSED
                                                       : SOCKS_DENIED);
    else if (!fine)
        http_refuse(c, reason);
    else if (c->how == EGRESS_BY_CONNECT)
        flow_prepend(&c->in, STR("HTTP/1.1 200 Connection established\r\n\r\n"));
}
