/* engine_clean.h: how what a leader makes in an engine is found and removed. Private to this
 * folder.
 *
 * Whatever is made has the label "slipway.leader" with the leader's identity: machine, boot, pid
 * namespace, pid, start time. So a leader finds what is its own, even what a child of it had made
 * before it was killed; and another leader can tell whether the one that made a thing still lives.
 */
#ifndef SLIPWAY_SANDBOX_ENGINE_CLEAN_H
#define SLIPWAY_SANDBOX_ENGINE_CLEAN_H

#include "sandbox/engine_api.h"

#define ENGINE_LABEL     "slipway.leader"
#define ENGINE_LABEL_JOB "slipway.job"

/* The identity of this process. */
str engine_owner(arena *a);
/* True when the process of that identity may still live: it is on another machine or in another pid
 * namespace, or it is there. */
bool engine_owner_lives(str owner);
/* The labels of what `owner` makes: an object. */
value engine_labels(arena *a, str owner, str job);

/* Removes all that `owner` has made. What could not be removed is told by `e`. */
int engine_clean(const engine *g, str owner, err *e);
/* Removes what dead leaders have left behind; *ret_count is how much. */
int engine_clean_stale(const engine *g, unsigned *ret_count, err *e);

#endif
