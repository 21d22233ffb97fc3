/* DNS queries and answers. Names in queries are never compressed by those who ask, so a pointer is
 * an error. Additional records (EDNS) are not looked at: an answer without them is always allowed
 * and always fits. */
#include "sandbox/egress_parse.h"

#include <string.h>

#define HEAD_SIZE 12
#define TTL_S     60

static uint16_t u16(const char *p) {
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

/* The name at *at with dots; false when it does not end, is too long or is compressed. */
static bool read_name(str packet, size_t *at, char out[256]) {
    size_t n = 0;
    for (;;) {
        if (*at >= packet.len) return false;
        size_t label = (uint8_t)packet.ptr[(*at)++];
        if (label == 0) break;
        if (label > 63 || *at + label > packet.len || n + label + 1 > 254) return false;
        if (n) out[n++] = '.';
        for (size_t i = 0; i < label; i++) {
            char c = packet.ptr[(*at)++];
            out[n++] = c > ' ' && c < 0x7f && c != '.' ? c : '?';
        }
    }
    out[n] = '\0';
    return true;
}

egress_parse egress_read_query(str packet, egress_query *ret) {
    *ret = (egress_query){0};
    if (packet.len < HEAD_SIZE) return EGRESS_BAD;
    ret->id = u16(packet.ptr);
    uint16_t flags = u16(packet.ptr + 2);
    ret->recursion_desired = flags & 0x0100;
    if (flags & 0x8000) return EGRESS_BAD; /* an answer; to answer it could go on for ever */
    if ((flags & 0x7800) || u16(packet.ptr + 4) != 1) return EGRESS_OTHER;
    size_t at = HEAD_SIZE;
    if (!read_name(packet, &at, ret->text) || at + 4 > packet.len) return EGRESS_OTHER;
    ret->type = u16(packet.ptr + at);
    if (u16(packet.ptr + at + 2) != 1) return EGRESS_OTHER; /* the class IN */
    ret->question_size = at + 4 - HEAD_SIZE;
    ret->valid = egress_parse_host(str_from(ret->text), &ret->target) && ret->target.name[0];
    return EGRESS_WHOLE;
}

static void put_head(const egress_query *q, unsigned code, unsigned questions, unsigned answers,
                     uint8_t *out) {
    memset(out, 0, HEAD_SIZE);
    out[0] = (uint8_t)(q->id >> 8);
    out[1] = (uint8_t)q->id;
    out[2] = (uint8_t)(0x80 | (q->recursion_desired ? 1 : 0));
    out[3] = (uint8_t)(0x80 | code);
    out[5] = (uint8_t)questions;
    out[7] = (uint8_t)answers;
}

size_t egress_write_answer(str packet, const egress_query *q, unsigned code,
                           const net_address *address, uint8_t *out) {
    static const uint8_t record[] = {0xc0, HEAD_SIZE, 0, DNS_A, 0, 1, 0, 0, 0, TTL_S, 0, 4};
    size_t n = HEAD_SIZE;
    put_head(q, code, 1, address ? 1 : 0, out);
    memcpy(out + n, packet.ptr + n, q->question_size);
    n += q->question_size;
    if (!address) return n;
    memcpy(out + n, record, sizeof record);
    memcpy(out + n + sizeof record, address->bytes, 4);
    return n + sizeof record + 4;
}

size_t egress_write_refusal(const egress_query *q, unsigned code, uint8_t *out) {
    put_head(q, code, 0, 0, out);
    return HEAD_SIZE;
}
