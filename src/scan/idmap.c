#include "scan/idmap.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Ids are digests: any of their bytes will do. */
static size_t place_of(const idmap *m, const uint8_t *id) {
    uint64_t hash;
    memcpy(&hash, id + 4, sizeof hash);
    return (size_t)hash & (m->places - 1);
}

/* The middle of most ids that differ, differs: no call for those. */
static bool is_same(const uint8_t *a, const uint8_t *b) {
    uint64_t x, y;
    memcpy(&x, a + 8, sizeof x);
    memcpy(&y, b + 8, sizeof y);
    return x == y && memcmp(a, b, OBJECT_ID_BYTES) == 0;
}

static size_t find_place(const idmap *m, const uint8_t *id) {
    size_t at = place_of(m, id);
    while (m->table[at] && !is_same(m->ids[m->table[at] - 1], id))
        at = (at + 1) & (m->places - 1);
    return at;
}

static void grow(idmap *m) {
    size_t cap = m->cap ? m->cap * 2 : 1024;
    m->ids = mem_realloc(m->ids, cap * sizeof *m->ids);
    m->cap = cap;
    free(m->table);
    m->places = cap * 2;
    m->table = mem_alloc(m->places * sizeof *m->table);
    memset(m->table, 0, m->places * sizeof *m->table);
    for (size_t i = 0; i < m->count; i++) {
        size_t at = place_of(m, m->ids[i]);
        while (m->table[at])
            at = (at + 1) & (m->places - 1);
        m->table[at] = (uint32_t)(i + 1);
    }
}

uint32_t idmap_add(idmap *m, const uint8_t id[OBJECT_ID_BYTES], bool *ret_new) {
    *ret_new = false;
    if (m->count == m->cap) {
        uint32_t known = idmap_find(m, id);
        if (known != IDMAP_NONE || m->count >= IDMAP_MAX) return known;
        grow(m);
    }
    size_t at = find_place(m, id);
    if (m->table[at]) return m->table[at] - 1;
    memcpy(m->ids[m->count], id, OBJECT_ID_BYTES);
    m->table[at] = (uint32_t)++m->count;
    *ret_new = true;
    return (uint32_t)(m->count - 1);
}

uint32_t idmap_find(const idmap *m, const uint8_t id[OBJECT_ID_BYTES]) {
    if (!m->count) return IDMAP_NONE;
    size_t at = find_place(m, id);
    return m->table[at] ? m->table[at] - 1 : IDMAP_NONE;
}

void idmap_done(idmap *m) {
    free(m->ids);
    free(m->table);
    *m = (idmap){0};
}
