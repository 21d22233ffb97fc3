/* number_map.h: from numbers to pointers. Private.
 *
 * Open addressing with backward-shift deletion, so that a map that lives for years has no graves.
 */
#ifndef SLIPWAY_SERVER_NUMBER_MAP_H
#define SLIPWAY_SERVER_NUMBER_MAP_H

#include "base/arena.h"

typedef struct number_map {
    struct number_map_slot {
        uint64_t id;
        void *item; /* NULL: free */
    } * slots;
    size_t count, cap; /* cap: a power of two, or 0 */
} number_map;

void number_map_done(number_map *m);
void *number_map_get(const number_map *m, uint64_t id);
/* Sets or replaces; `item` is not NULL. */
void number_map_set(number_map *m, uint64_t id, void *item);
/* Gives what was there, or NULL. */
void *number_map_remove(number_map *m, uint64_t id);

#endif
