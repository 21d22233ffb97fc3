#include "scan/idmap.h"

#include <stdlib.h>
#include <string.h>

/* Ids are digests: any of their bytes will do. */
static uint64_t hash_of(const uint8_t *id) {
    uint64_t hash;
    memcpy(&hash, id + 4, sizeof hash);
    return hash;
}

static uint64_t hash_at(const void *owner, size_t index) {
    const idmap *m = owner;
    return hash_of(m->ids[index]);
}

/* The middle of most ids that differ, differs: no call for those. */
static bool is_same(const uint8_t *a, const uint8_t *b) {
    uint64_t x, y;
    memcpy(&x, a + 8, sizeof x);
    memcpy(&y, b + 8, sizeof y);
    return x == y && memcmp(a, b, OBJECT_ID_BYTES) == 0;
}

uint32_t idmap_find(const idmap *m, const uint8_t id[OBJECT_ID_BYTES]) {
    size_t at = table_begin(&m->table, hash_of(id));
    for (uint32_t i; table_next(&m->table, &at, &i);) {
        if (is_same(m->ids[i], id)) return i;
    }
    return IDMAP_NONE;
}

uint32_t idmap_add(idmap *m, const uint8_t id[OBJECT_ID_BYTES], bool *ret_new) {
    uint32_t known = idmap_find(m, id);
    *ret_new = known == IDMAP_NONE && m->count < IDMAP_MAX;
    if (!*ret_new) return known;
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 1024;
        m->ids = mem_realloc(m->ids, m->cap * sizeof *m->ids);
    }
    memcpy(m->ids[m->count], id, OBJECT_ID_BYTES);
    table_add(&m->table, NULL, m->count, hash_at, m);
    return (uint32_t)m->count++;
}

void idmap_done(idmap *m) {
    free(m->ids);
    table_done(&m->table);
    *m = (idmap){0};
}
