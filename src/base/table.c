#include "base/table.h"

#include <assert.h>
#include <stdlib.h>

#define PLACES_MIN 64

static void put(table_index *t, size_t index, uint64_t hash) {
    size_t at = table_begin(t, hash);
    for (uint32_t other; table_next(t, &at, &other);)
        continue;
    t->places[at] = (uint32_t)index + 1;
}

static void grow(table_index *t, arena *a, size_t count, table_hash_fn *hash, const void *owner) {
    size_t places = PLACES_MIN;
    while (places <= count * 2)
        places *= 2;
    if (!a) free(t->places);
    t->places = a ? ARENA_ARRAY(a, uint32_t, places) : mem_alloc(places * sizeof *t->places);
    t->mask = places - 1;
    for (size_t i = 0; i < count; i++)
        put(t, i, hash(owner, i));
}

void table_add(table_index *t, arena *a, size_t index, table_hash_fn *hash, const void *owner) {
    assert(index < UINT32_MAX);
    if (!t->places || index * 2 > t->mask) grow(t, a, index, hash, owner);
    put(t, index, hash(owner, index));
}

void table_done(table_index *t) {
    free(t->places);
    *t = (table_index){0};
}
