/* engine_leader.h: a leader whose job runs in containers. Private to this folder.
 *
 * Theory of operation. A leader that is told ENGINE becomes one of these. It obeys the same orders
 * (wire.h), but what it starts are not the job's processes: each START and each ASK is a forked
 * child of the leader that talks to the engine, blocking, and whose end is the command's. So the
 * leader itself never waits for an engine, and a call that hangs can be killed. A child shares a
 * page of memory with the leader, where it leaves the ids by which what it runs can be signalled,
 * its result, and why it failed. Signals are sent by further children.
 *
 * Everything that is made in the engine has the leader's label (engine_clean.h). At CLOSE, or when
 * the socket ends because Slipway was killed, children are told to stop, and what has the label is
 * removed; why something could not be is told with CLOSED. Where the leader itself is killed, the
 * next run that uses the engine removes it. */
#ifndef SLIPWAY_SANDBOX_ENGINE_LEADER_H
#define SLIPWAY_SANDBOX_ENGINE_LEADER_H

#include "sandbox/wire.h"

/* Serves `sock`, of which `in` holds what was read already. `socket` is the engine's path. */
_Noreturn void engine_leader_run(int sock, wire_reader *in, str socket);

#endif
