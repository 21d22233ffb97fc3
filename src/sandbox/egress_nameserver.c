/* The job's DNS server. It asks nobody: a name that may be reached gets an address that stands for
 * it, every other one does not exist (NXDOMAIN: after REFUSED a resolver would ask again and then
 * speak of a temporary failure). So nothing that is put into a query leaves the host. */
#include "sandbox/egress_proxy.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BURST 64 /* datagrams in one turn */

/* One record for each name and type, however often it is asked. */
static void tell_refused(proxy *px, const egress_query *q, egress_reason reason) {
    char key[sizeof q->text + 8];
    bool first;
    snprintf(key, sizeof key, "%s/%u", q->text, reason == EGRESS_QUERY_TYPE ? q->type : 0u);
    if (names_add(px->refused, str_from(key), &first) < 0)
        px->counted++;
    else if (first)
        proxy_record(px, EGRESS_BY_DNS, EGRESS_DENIED, reason, str_from(q->text), q->type, "");
}

static bool is_address_type(uint16_t type) {
    return type == DNS_A || type == DNS_AAAA || type == DNS_SVCB || type == DNS_HTTPS;
}

/* Programs ask for the names of addresses by themselves, before anybody has done anything. */
static bool is_reverse(const egress_query *q) {
    return q->type == DNS_PTR && str_ends(str_from(q->target.name), STR(".arpa"));
}

static egress_reason judge_query(proxy *px, const egress_query *q) {
    if (!q->valid) return EGRESS_BAD_NAME;
    egress_reason why = egress_judge_name(px->policy, str_from(q->target.name));
    return why == EGRESS_FINE && !is_address_type(q->type) ? EGRESS_QUERY_TYPE : why;
}

/* The number of the name that stands for it, or -1. */
static int give_address(proxy *px, const egress_query *q) {
    char text[NET_ADDRESS_TEXT];
    bool first;
    str name = str_from(q->target.name);
    int number = names_add(px->given, name, &first);
    if (number < 0) {
        tell_refused(px, q, EGRESS_MANY_NAMES);
    } else if (first) {
        net_address x = names_address(number);
        net_address_text(&x, text);
        proxy_record(px, EGRESS_BY_DNS, EGRESS_ALLOWED, EGRESS_FINE, name, q->type, text);
    }
    return number;
}

/* Gives the size of the answer, 0 for none. */
static size_t answer(proxy *px, str packet, uint8_t out[EGRESS_DNS_MAX]) {
    static const net_address loopback = {.family = 4, .bytes = {127, 0, 0, 1}};
    egress_query q;
    egress_parse r = egress_read_query(packet, &q);
    if (r == EGRESS_BAD) return 0;
    if (r != EGRESS_WHOLE) return egress_write_refusal(&q, DNS_NOTIMP, out);
    if (strcmp(q.target.name, "localhost") == 0)
        return egress_write_answer(packet, &q, DNS_NOERROR, q.type == DNS_A ? &loopback : NULL,
                                   out);
    egress_reason why = judge_query(px, &q);
    if (why != EGRESS_FINE) {
        if (!is_reverse(&q)) tell_refused(px, &q, why);
        unsigned code = why == EGRESS_QUERY_TYPE ? DNS_NOERROR : DNS_NXDOMAIN;
        return egress_write_answer(packet, &q, code, NULL, out);
    }
    int number = give_address(px, &q);
    if (number < 0) return egress_write_answer(packet, &q, DNS_SERVFAIL, NULL, out);
    net_address x = names_address(number);
    return egress_write_answer(packet, &q, DNS_NOERROR, q.type == DNS_A ? &x : NULL, out);
}

void dns_ready(proxy *px, source *s) {
    char packet[EGRESS_DNS_MAX];
    uint8_t out[EGRESS_DNS_MAX];
    for (int i = 0; i < BURST; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(s->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC,
                             (struct sockaddr *)&from, &size);
        if (n < 0) return;
        if ((size_t)n > sizeof packet) continue;
        size_t length = answer(px, (str){packet, (size_t)n}, out);
        if (length)
            sendto(s->fd, out, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, size);
    }
}

/* Over TCP each message has its length before it. */
void dns_stream_ready(conn *c) {
    size_t n;
    uint8_t out[2 + EGRESS_DNS_MAX];
    if (!flow_fill(&c->out, &c->client, EGRESS_FLOW_SIZE, &n)) {
        conn_close(c);
        return;
    }
    while (c->in.len < EGRESS_FLOW_SIZE - sizeof out) {
        str bytes = flow_str(&c->out);
        if (bytes.len < 2) break;
        size_t size = (size_t)(uint8_t)bytes.ptr[0] << 8 | (uint8_t)bytes.ptr[1];
        if (size > EGRESS_DNS_MAX) {
            conn_close(c);
            return;
        }
        if (bytes.len < 2 + size) break;
        size_t length = answer(c->px, str_sub(bytes, 2, 2 + size), out + 2);
        out[0] = (uint8_t)(length >> 8);
        out[1] = (uint8_t)length;
        if (length) flow_add(&c->in, (str){(char *)out, 2 + length});
        flow_take(&c->out, 2 + size);
        c->deadline_ms = proxy_now_ms() + c->px->handshake_ms;
    }
    if (!flow_drain(&c->in, &c->client, &n) || (c->client.ended && c->in.len == 0)) {
        conn_close(c);
        return;
    }
    bool room = !c->client.ended && c->out.len < EGRESS_FLOW_SIZE;
    proxy_watch(c->px, &c->client, (room ? EPOLLIN : 0u) | (c->in.len ? EPOLLOUT : 0u));
}
