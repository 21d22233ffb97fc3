/* leader.h: the process at the head of a sandbox. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_LEADER_H
#define SLIPWAY_SANDBOX_LEADER_H

#include "base/str.h"

/* Takes orders from `sock` until it closes, then kills what is left and exits. Called in a fresh
 * child of the zygote, which has /dev/null as descriptors 0 to 2 and all signals at their
 * defaults. */
_Noreturn void leader_run(int sock, str name);

#endif
