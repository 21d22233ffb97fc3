/* heap.h: a binary heap whose items know where they are, so that any of them can be moved or taken
 * out. Private. */
#ifndef SLIPWAY_SERVER_HEAP_H
#define SLIPWAY_SERVER_HEAP_H

#include "base/arena.h"

#define HEAP_OUT SIZE_MAX /* the place of an item that is in no heap */

typedef struct heap {
    void **items;
    size_t count, cap;
    bool (*before)(const void *x, const void *y);
    size_t place_offset; /* of the size_t in an item that says where it is */
} heap;

#define HEAP(fn, type, member)                                                                     \
    (heap) {                                                                                       \
        .before = (fn), .place_offset = offsetof(type, member)                                     \
    }

void heap_done(heap *h);
/* The first item, or NULL. */
void *heap_first(const heap *h);
void heap_add(heap *h, void *item);
/* Of one that is in it. */
void heap_remove(heap *h, void *item);
/* After what orders it has changed. */
void heap_move(heap *h, void *item);

#endif
