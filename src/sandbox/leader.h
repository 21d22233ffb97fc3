/* leader.h: the process at the head of a sandbox. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_LEADER_H
#define SLIPWAY_SANDBOX_LEADER_H

#include "base/str.h"
#include "sandbox/meter.h"

#include <sys/types.h>

/* What a leader is to know that is process 1 of a job's own machine. */
typedef struct leader_place {
    int ruleset; /* of ns_guard_ruleset */
    meter meter;
    pid_t keeper; /* of ns_layers_start, or 0 */
} leader_place;

/* Takes orders from `sock` until it closes, then kills what is left and exits. Called in a fresh
 * child of the zygote, which has /dev/null as descriptors 0 to 2 and all signals at their
 * defaults. `place` is NULL on the host. */
_Noreturn void leader_run(int sock, str name, leader_place *place);

#endif
