/* Names that were asked for, and the addresses that stand for them. */
#include "sandbox/egress_proxy.h"

#include <string.h>

#define SLOTS 32768                              /* a power of two, three times EGRESS_NAMES_MAX */
#define BASE  (198u << 24 | 18u << 16 | 1u << 8) /* 198.18.1.0: 198.18.0 is ours */

struct names {
    arena *a;
    uint16_t slots[SLOTS]; /* 0: free, else a number + 1 */
    const char *items[EGRESS_NAMES_MAX];
    size_t count;
};

names *names_new(void) {
    arena *a = arena_new();
    names *n = ARENA_NEW(a, names);
    n->a = a;
    return n;
}

int names_add(names *n, str name, bool *ret_new) {
    size_t at = str_hash(name) & (SLOTS - 1);
    *ret_new = false;
    for (; n->slots[at]; at = (at + 1) & (SLOTS - 1))
        if (str_is(name, n->items[n->slots[at] - 1])) return n->slots[at] - 1;
    if (n->count == EGRESS_NAMES_MAX) return -1;
    n->items[n->count] = arena_cstr(n->a, name);
    n->slots[at] = (uint16_t)(n->count + 1);
    *ret_new = true;
    return (int)n->count++;
}

const char *names_at(const names *n, size_t number) {
    return number < n->count ? n->items[number] : NULL;
}

net_address names_address(int number) {
    uint32_t x = BASE + (uint32_t)number;
    return (net_address){
        .family = 4,
        .bytes = {(uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x}};
}

bool names_is_range(const net_address *x) {
    return x->family == 4 && x->bytes[0] == 198 && (x->bytes[1] & 0xfe) == 18;
}

bool names_is_own(const net_address *x) {
    return names_is_range(x) && x->bytes[1] == 18 && x->bytes[2] == 0;
}

int names_number(const net_address *x) {
    uint32_t n = (uint32_t)x->bytes[0] << 24 | (uint32_t)x->bytes[1] << 16 |
                 (uint32_t)x->bytes[2] << 8 | x->bytes[3];
    return names_is_range(x) && n >= BASE && n - BASE < EGRESS_NAMES_MAX ? (int)(n - BASE) : -1;
}
