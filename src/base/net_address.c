#include "base/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

void net_address_from_six(const uint8_t bytes[16], net_address *ret) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool four = memcmp(bytes, mapped, sizeof mapped) == 0;
    *ret = (net_address){.family = four ? 4 : 6};
    memcpy(ret->bytes, bytes + (four ? 12 : 0), four ? 4 : 16);
}

bool net_address_from_sockaddr(const struct sockaddr *from, net_address *ret) {
    if (from && from->sa_family == AF_INET) {
        *ret = (net_address){.family = 4};
        memcpy(ret->bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
        return true;
    }
    if (!from || from->sa_family != AF_INET6) return false;
    net_address_from_six(((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr, ret);
    return true;
}

bool net_address_parse(str text, net_address *ret) {
    char c[INET6_ADDRSTRLEN + 1];
    uint8_t six[16];
    if (text.len == 0 || text.len >= sizeof c || memchr(text.ptr, '\0', text.len)) return false;
    memcpy(c, text.ptr, text.len);
    c[text.len] = '\0';
    *ret = (net_address){.family = 4};
    if (inet_pton(AF_INET, c, ret->bytes) == 1) return true;
    if (inet_pton(AF_INET6, c, six) != 1) return false;
    net_address_from_six(six, ret);
    return true;
}

void net_address_text(const net_address *address, char out[NET_ADDRESS_TEXT]) {
    out[0] = '\0';
    if (address->family)
        inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, out, NET_ADDRESS_TEXT);
}

bool net_address_same(const net_address *x, const net_address *y) {
    return x->family == y->family && memcmp(x->bytes, y->bytes, x->family == 4 ? 4 : 16) == 0;
}

bool net_address_is_loopback(const net_address *x) {
    static const net_address six = {.family = 6, .bytes = {[15] = 1}};
    return x->family == 4 ? x->bytes[0] == 127 : net_address_same(x, &six);
}

/* ---- ranges -------------------------------------------------------------------------------- */

static const net_range special[] = {
    {{4, {0}}, 8},                   /* "this host" */
    {{4, {127}}, 8},                 /* loopback */
    {{4, {169, 254}}, 16},           /* link-local; 169.254.169.254 is where clouds give out keys */
    {{4, {224}}, 4},                 /* multicast */
    {{4, {240}}, 4},                 /* reserved, and broadcast */
    {{4, {198, 18}}, 15},            /* benchmarks; the sandbox's stand-ins for names */
    {{4, {100, 100, 100, 200}}, 32}, /* Alibaba's metadata */
    {{4, {168, 63, 129, 16}}, 32},   /* Azure's */
    {{6, {0}}, 127},                 /* unspecified and loopback */
    {{6, {0xfe, 0x80}}, 10},         /* link-local */
    {{6, {0xff}}, 8},                /* multicast */
    {{6, {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}}, 128}, /* Amazon's metadata */
};

static const net_range private[] = {
    {{4, {10}}, 8},
    {{4, {172, 16}}, 12},
    {{4, {192, 168}}, 16},
    {{4, {100, 64}}, 10},
    {{4, {192, 0, 0}}, 24},
    {{4, {192, 0, 2}}, 24},
    {{4, {198, 51, 100}}, 24},
    {{4, {203, 0, 113}}, 24},
    {{6, {0xfc}}, 7},
    {{6, {0xfe, 0xc0}}, 10}, /* site-local, deprecated but routed */
    {{6, {0x20, 0x01, 0x0d, 0xb8}}, 32},
};

/* IPv6 addresses that carry an IPv4 address which a gateway would connect to: where in it. */
static const struct {
    net_range range;
    uint8_t at;
} carriers[] = {
    {{{6, {0}}, 96}, 12},                         /* IPv4-compatible */
    {{{6, {[10] = 0xff, [11] = 0xff}}, 96}, 12},  /* mapped */
    {{{6, {[8] = 0xff, [9] = 0xff}}, 96}, 12},    /* translated, RFC 2765 */
    {{{6, {0, 0x64, 0xff, 0x9b}}, 96}, 12},       /* NAT64, RFC 6052 */
    {{{6, {0, 0x64, 0xff, 0x9b, 0, 1}}, 48}, 12}, /* NAT64, RFC 8215 */
    {{{6, {0x20, 0x02}}, 16}, 2},                 /* 6to4 */
};

bool net_range_has(const net_range *range, const net_address *x) {
    const uint8_t *network = range->address.bytes;
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    if (x->family != range->address.family || memcmp(x->bytes, network, whole) != 0) return false;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return rest == 0 || (x->bytes[whole] & mask) == (network[whole] & mask);
}

static bool in_any(const net_range *ranges, size_t count, const net_address *x) {
    for (size_t i = 0; i < count; i++) {
        if (net_range_has(&ranges[i], x)) return true;
    }
    return false;
}

static bool in_any_form(const net_range *ranges, size_t count, const net_address *x) {
    if (in_any(ranges, count, x)) return true;
    for (size_t i = 0; i < COUNT(carriers); i++) {
        if (!net_range_has(&carriers[i].range, x)) continue;
        net_address inner = {.family = 4};
        memcpy(inner.bytes, x->bytes + carriers[i].at, 4);
        if (in_any(ranges, count, &inner)) return true;
    }
    return false;
}

bool net_address_is_special(const net_address *x) {
    return in_any_form(special, COUNT(special), x);
}

bool net_address_is_private(const net_address *x) {
    return in_any_form(private, COUNT(private), x);
}

bool net_range_parse(str text, net_range *ret) {
    str address, bits;
    uint64_t n;
    bool cut = str_cut(text, '/', &address, &bits);
    if (!net_address_parse(address, &ret->address)) return false;
    unsigned all = ret->address.family == 4 ? 32 : 128;
    if (!cut) n = all;
    if (cut && (bits.len > 3 || !str_to_uint(bits, all, &n))) return false;
    ret->bits = (uint8_t)n;
    return true;
}
