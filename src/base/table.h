/* table.h: finds items of an array by a hash of theirs.
 *
 * The items stay their owner's, who also says what is equal: a table has but their numbers, so one
 * mechanism serves all kinds of keys. Zeroed memory is an empty table. To find an item, and to add
 * it where it is not there yet:
 *
 *     size_t at = table_begin(&t, hash);
 *     for (uint32_t i; table_next(&t, &at, &i);)
 *         if (is_same(&items[i], wanted)) return i;
 *     items[count] = ...;
 *     table_add(&t, a, count++, hash_of, owner);
 *
 * Nothing is taken out again. Theory of operation: open addressing with linear probing in a power
 * of two of places, of which at least half are free, so every search ends. The low bits of a hash
 * choose the place: they must be as good as its others (those of str_hash are). */
#ifndef SLIPWAY_BASE_TABLE_H
#define SLIPWAY_BASE_TABLE_H

#include "base/arena.h"

typedef struct table_index {
    uint32_t *places; /* the number of an item + 1; 0: free */
    size_t mask;      /* how many places, - 1 */
} table_index;

/* Where a search for that hash begins. */
static inline size_t table_begin(const table_index *t, uint64_t hash) {
    return (size_t)hash & t->mask;
}

/* The next item that may be the one; false when there is none. */
static inline bool table_next(const table_index *t, size_t *at, uint32_t *ret_index) {
    uint32_t found = t->places ? t->places[*at] : 0;
    if (!found) return false;
    *ret_index = found - 1;
    *at = (*at + 1) & t->mask;
    return true;
}

/* The hash of item `index` of the owner's. */
typedef uint64_t table_hash_fn(const void *owner, size_t index);

/* Adds item `index`, which is in its array already; items are added in their order. What is added
 * first brings those before it along: a table may begin when an array has become large. `index` is
 * less than UINT32_MAX. Memory is from `a`, or from the heap where that is NULL, in every call for
 * one table. */
void table_add(table_index *t, arena *a, size_t index, table_hash_fn *hash, const void *owner);
/* Of a table on the heap. */
void table_done(table_index *t);

#endif
