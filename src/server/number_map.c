#include "server/number_map.h"

#include <stdlib.h>
#include <string.h>

/* Numbers that follow each other are spread by their high bits (Fibonacci hashing). */
static size_t home(const number_map *m, uint64_t id) {
    return (size_t)((id * UINT64_C(11400714819323198485)) >> 32) & (m->cap - 1);
}

static size_t find(const number_map *m, uint64_t id) {
    size_t at = home(m, id);
    while (m->slots[at].item && m->slots[at].id != id)
        at = (at + 1) & (m->cap - 1);
    return at;
}

void number_map_done(number_map *m) {
    free(m->slots);
    *m = (number_map){0};
}

void *number_map_get(const number_map *m, uint64_t id) {
    return m->cap ? m->slots[find(m, id)].item : NULL;
}

static void grow(number_map *m) {
    number_map old = *m;
    m->cap = old.cap ? old.cap * 2 : 64;
    m->slots = mem_alloc(m->cap * sizeof *m->slots);
    memset(m->slots, 0, m->cap * sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].item) m->slots[find(m, old.slots[i].id)] = old.slots[i];
    }
    free(old.slots);
}

void number_map_set(number_map *m, uint64_t id, void *item) {
    if (m->count * 2 >= m->cap) grow(m);
    size_t at = find(m, id);
    if (!m->slots[at].item) m->count++;
    m->slots[at] = (struct number_map_slot){id, item};
}

void *number_map_remove(number_map *m, uint64_t id) {
    if (!m->cap) return NULL;
    size_t at = find(m, id);
    void *item = m->slots[at].item;
    if (!item) return NULL;
    m->count--;
    for (size_t next = at;;) {
        next = (next + 1) & (m->cap - 1);
        if (!m->slots[next].item) break;
        size_t distance = (next - home(m, m->slots[next].id)) & (m->cap - 1);
        if (distance < ((next - at) & (m->cap - 1))) continue;
        m->slots[at] = m->slots[next];
        at = next;
    }
    m->slots[at].item = NULL;
    return item;
}
