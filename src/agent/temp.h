/* temp.h: the private folder of a run. */
#ifndef SLIPWAY_AGENT_TEMP_H
#define SLIPWAY_AGENT_TEMP_H

#include "base/leased.h"

/* A private folder that the next run removes when this one is killed. */
typedef struct run_temp {
    leased folder;
    bool keep;
    void (*warn)(const err *why);
} run_temp;

/* `keep`: it stays, for the person to look at. What cannot be removed is told to `warn`, which may
 * be NULL. */
int run_temp_make(arena *a, bool keep, void (*warn)(const err *why), run_temp *ret, err *e);
void run_temp_done(run_temp *t);

#endif
