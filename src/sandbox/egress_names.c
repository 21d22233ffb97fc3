/* Names that were asked for, and the addresses that stand for them. */
#include "sandbox/egress_proxy.h"

#include "base/table.h"

#define BASE (198u << 24 | 18u << 16 | 1u << 8) /* 198.18.1.0: 198.18.0 is ours */

struct names {
    arena *a;
    const char *items[EGRESS_NAMES_MAX];
    size_t count;
    table_index table;
};

names *names_new(void) {
    arena *a = arena_new();
    names *n = ARENA_NEW(a, names);
    n->a = a;
    return n;
}

static uint64_t hash_at(const void *owner, size_t index) {
    const names *n = owner;
    return str_hash(str_from(n->items[index]));
}

int names_add(names *n, str name, bool *ret_new) {
    size_t at = table_begin(&n->table, str_hash(name));
    *ret_new = false;
    for (uint32_t i; table_next(&n->table, &at, &i);)
        if (str_is(name, n->items[i])) return (int)i;
    if (n->count == EGRESS_NAMES_MAX) return -1;
    n->items[n->count] = arena_cstr(n->a, name);
    table_add(&n->table, n->a, n->count, hash_at, n);
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
