/* temp.h: the private folder of a run. */
#ifndef SLIPWAY_AGENT_TEMP_H
#define SLIPWAY_AGENT_TEMP_H

#include "base/leased.h"

/* A private folder that the next run removes when this one is killed. */
typedef struct temp_folder {
    leased folder;
    bool keep;
    void (*warn)(const err *why);
} temp_folder;

/* `keep`: it stays, for the person to look at. What cannot be removed is told to `warn`, which may
 * be NULL. */
int temp_make(arena *a, bool keep, void (*warn)(const err *why), temp_folder *ret, err *e);
void temp_done(temp_folder *t);
/* Removes the folders of processes that were killed. */
void temp_sweep(void);

#endif
