/* ids.h: ids of jobs and steps: GitHub's rules for given ones, and how it makes up the others.
 * Private to src/workflow. */
#ifndef SLIPWAY_WORKFLOW_IDS_H
#define SLIPWAY_WORKFLOW_IDS_H

#include "base/nameset.h"
#include "workflow/reading.h"

typedef struct id_set {
    nameset taken;
    nameset bases;  /* what ids were made from … */
    unsigned *next; /* … and the number to try next for each */
    size_t next_count, next_cap;
} id_set;

#define ID_SET(arena)                                                                              \
    { .taken = NAMESET(arena), .bases = NAMESET(arena) }

/* Takes an id that a person wrote; false, with an error at its place, when it is no good. */
bool id_take(reading *r, id_set *set, const token *id);
/* Makes up an id from `__` and what a step uses: "__actions_checkout", "__run_2". */
str id_make(arena *a, id_set *set, str from);

#endif
