/* idmap.h: from numbers to pointers. Private.
 *
 * Open addressing with backward-shift deletion, so that a map that lives for years has no graves.
 */
#ifndef SLIPWAY_SERVER_IDMAP_H
#define SLIPWAY_SERVER_IDMAP_H

#include "base/arena.h"

typedef struct idmap {
    struct idmap_slot {
        uint64_t id;
        void *item; /* NULL: free */
    } * slots;
    size_t count, cap; /* cap: a power of two, or 0 */
} idmap;

void idmap_done(idmap *m);
void *idmap_get(const idmap *m, uint64_t id);
/* Sets or replaces; `item` is not NULL. */
void idmap_set(idmap *m, uint64_t id, void *item);
/* Gives what was there, or NULL. */
void *idmap_remove(idmap *m, uint64_t id);

#endif
