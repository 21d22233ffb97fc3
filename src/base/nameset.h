/* nameset.h: a set of names that compare without ASCII case, as GitHub's keys and ids do. Small
 * sets need no memory; the rest comes from the arena. */
#ifndef SLIPWAY_BASE_NAMESET_H
#define SLIPWAY_BASE_NAMESET_H

#include "base/table.h"

#define NAMESET_SMALL 16

typedef struct nameset {
    arena *a;
    struct nameset_item {
        uint64_t hash;
        str name;
    } small[NAMESET_SMALL], *items; /* in the order in which they came; items: NULL while few */
    size_t count, cap;
    table_index table; /* of the items */
} nameset;

#define NAMESET(arena)                                                                             \
    { .a = (arena) }

/* False when the name is there already. Borrows the text. */
bool nameset_add(nameset *set, str name);
/* The index of a name (when it was added: 0, 1, …), or -1. */
ptrdiff_t nameset_find(const nameset *set, str name);

#endif
