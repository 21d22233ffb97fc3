/* idmap.h: numbers for the ids of git objects, in the order in which they were added: 0, 1, …
 * Private to src/scan. */
#ifndef SLIPWAY_SCAN_IDMAP_H
#define SLIPWAY_SCAN_IDMAP_H

#include "base/table.h"

#define OBJECT_ID_BYTES 20
#define IDMAP_MAX       ((size_t)100000000)
#define IDMAP_NONE      UINT32_MAX

typedef struct idmap {
    uint8_t (*ids)[OBJECT_ID_BYTES]; /* by number */
    size_t count, cap;
    table_index table; /* on the heap */
} idmap;

/* The number of an id, which is added where it is not there yet. IDMAP_NONE when it is full. */
uint32_t idmap_add(idmap *m, const uint8_t id[OBJECT_ID_BYTES], bool *ret_new);
/* Or IDMAP_NONE. */
uint32_t idmap_find(const idmap *m, const uint8_t id[OBJECT_ID_BYTES]);
void idmap_done(idmap *m);

#endif
