/* nameset.h: a set of names that compare without ASCII case, as GitHub's keys and ids do. Small
 * sets need no memory; the rest comes from the arena. */
#ifndef SLIPWAY_BASE_NAMESET_H
#define SLIPWAY_BASE_NAMESET_H

#include "base/arena.h"

#define NAMESET_SMALL 16

typedef struct nameset {
    arena *a;
    struct nameset_slot {
        uint64_t hash;
        str name;
        size_t index; /* when it was added: 0, 1, … */
        bool used;
    } small[NAMESET_SMALL], *slots; /* slots: open addressing, once `small` is full */
    size_t count, cap;
} nameset;

#define NAMESET(arena)                                                                             \
    { .a = (arena) }

/* False when the name is there already. Borrows the text. */
bool nameset_add(nameset *set, str name);
/* The index of a name, or -1. */
ptrdiff_t nameset_find(const nameset *set, str name);

#endif
