/* What the kernel itself refuses in the job's network: a connection to a port on which neither the
 * proxy nor the job listens is answered with a reset, a datagram with "port unreachable". Nobody
 * gets to accept such a thing, so the answers are watched, on `lo`, by a filter in the kernel that
 * lets only them through. A job has no right to make packets of its own, but whatever has come is
 * read as if it had. */
#include "sandbox/egress_proxy.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_packet.h>

#define BURST 256 /* packets in one turn */

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };
enum { TCP_RST_ACK = 0x14 };

/* ---- reading a packet ---------------------------------------------------------------------- */

/* The head of an IP packet, and what comes after it. */
typedef struct packet {
    uint8_t protocol;
    net_address from, to;
    str rest;
} packet;

static unsigned byte_at(str s, size_t at) {
    return (uint8_t)s.ptr[at];
}

static uint16_t port_at(str s, size_t at) {
    return (uint16_t)(byte_at(s, at) << 8 | byte_at(s, at + 1));
}

static bool read_four(str bytes, packet *ret) {
    size_t size = (size_t)(byte_at(bytes, 0) & 15) * 4;
    if (size < 20 || bytes.len < size) return false;
    if (port_at(bytes, 6) & 0x1fff) return false; /* a later fragment */
    *ret = (packet){.protocol = (uint8_t)byte_at(bytes, 9),
                    .from = {.family = 4},
                    .to = {.family = 4},
                    .rest = str_sub(bytes, size, bytes.len)};
    memcpy(ret->from.bytes, bytes.ptr + 12, 4);
    memcpy(ret->to.bytes, bytes.ptr + 16, 4);
    return true;
}

static bool read_six(str bytes, packet *ret) {
    if (bytes.len < 40) return false;
    *ret = (packet){.protocol = (uint8_t)byte_at(bytes, 6), .rest = str_sub(bytes, 40, bytes.len)};
    net_address_from_six((const uint8_t *)bytes.ptr + 8, &ret->from);
    net_address_from_six((const uint8_t *)bytes.ptr + 24, &ret->to);
    return true;
}

static bool read_packet(str bytes, packet *ret) {
    if (bytes.len < 20) return false;
    unsigned version = byte_at(bytes, 0) >> 4;
    return version == 4 ? read_four(bytes, ret) : version == 6 && read_six(bytes, ret);
}

/* Where a SYN had no taker: the reset has the number 0, and acknowledges. */
static bool read_reset(const packet *p, egress_refusal *ret) {
    static const char zero[4];
    if (p->rest.len < 20 || byte_at(p->rest, 13) != TCP_RST_ACK) return false;
    if (memcmp(p->rest.ptr + 4, zero, sizeof zero) != 0) return false;
    *ret = (egress_refusal){.address = p->from, .port = port_at(p->rest, 0)};
    return true;
}

/* An ICMP message brings the head of what could not be delivered. */
static bool read_unreachable(const packet *p, egress_refusal *ret) {
    packet lost;
    bool six = p->protocol == PROTO_ICMP6;
    if (p->rest.len < 8 || byte_at(p->rest, 0) != (six ? 1 : 3) ||
        byte_at(p->rest, 1) != (six ? 4 : 3))
        return false;
    if (!read_packet(str_sub(p->rest, 8, p->rest.len), &lost)) return false;
    if (lost.protocol != PROTO_UDP || lost.rest.len < 4) return false;
    *ret = (egress_refusal){.udp = true, .address = lost.to, .port = port_at(lost.rest, 2)};
    return true;
}

bool egress_read_refusal(str bytes, egress_refusal *ret) {
    packet p;
    if (!read_packet(bytes, &p)) return false;
    bool icmp = p.protocol == PROTO_ICMP || p.protocol == PROTO_ICMP6;
    if (icmp ? !read_unreachable(&p, ret) : p.protocol != PROTO_TCP || !read_reset(&p, ret))
        return false;
    /* A job's own ports are its own affair. */
    return ret->port != 0 && !net_address_is_loopback(&ret->address);
}

/* ---- recording ----------------------------------------------------------------------------- */

/* Each place once; there are as many as a scan of the world has. */
static bool is_first(proxy *px, const egress_refusal *r) {
    char key[NET_ADDRESS_TEXT + 16], address[NET_ADDRESS_TEXT];
    bool first;
    net_address_text(&r->address, address);
    snprintf(key, sizeof key, "%c %s %u", r->udp ? 'u' : 't', address, r->port);
    int number = names_add(px->closed, str_from(key), &first);
    if (number >= 0 && number < EGRESS_REFUSALS_MAX) return first;
    px->counted++;
    return false;
}

static egress_reason reason_of(proxy *px, const egress_refusal *r, egress_target *t) {
    *t = (egress_target){.address = r->address, .port = r->port};
    int number = names_number(&r->address);
    const char *name = number < 0 ? NULL : names_at(px->given, (size_t)number);
    if (r->udp) {
        if (name) strcpy(t->name, name);
        return EGRESS_UDP;
    }
    if (name) {
        strcpy(t->name, name);
        t->address = (net_address){0};
    }
    egress_reason why = egress_judge(px->policy, t);
    return why == EGRESS_FINE ? EGRESS_NO_LISTENER : why;
}

static void tell(proxy *px, const egress_refusal *r) {
    char address[NET_ADDRESS_TEXT];
    egress_target t;
    if (names_is_own(&r->address) || !is_first(px, r)) return;
    egress_reason why = reason_of(px, r, &t);
    net_address_text(&r->address, address);
    proxy_record(px, r->udp ? EGRESS_BY_UDP : EGRESS_BY_ADDRESS, EGRESS_DENIED, why,
                 str_from(t.name[0] ? t.name : address), r->port, "");
}

void refusals_ready(proxy *px, source *s) {
    char bytes[EGRESS_REFUSAL_BYTES];
    for (int i = 0; i < BURST; i++) {
        egress_refusal r;
        ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0) return;
        if (egress_read_refusal((str){bytes, (size_t)n}, &r)) tell(px, &r);
    }
}

void refusals_lost(proxy *px, source *s) {
    struct tpacket_stats lost;
    socklen_t size = sizeof lost;
    if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) == 0)
        px->counted += lost.tp_drops;
}
