/* engine_relay.h: how a container reaches the services that actions call. Private to this folder.
 *
 * Theory of operation. The services listen on this machine's 127.0.0.1, which a container does not
 * see, and to let them listen elsewhere would show them to others. So they also listen at a Unix
 * socket in a folder of the job's (ROOT/services), which is mounted read-only into the job's
 * containers at /__e/slipway, together with a small static program, relay.c. That one listens
 * inside, on the container's own 127.0.0.1 at the same port, and carries connections to the socket:
 * what an action is told (http://127.0.0.1:PORT) is true in the container as well.
 *
 * In a job's container the relay is a command of root's, which ends with the container. A container
 * action has begun before any command could be run in it; so a container with nothing but the relay
 * is made first, of the same image, and the action's joins its network.
 *
 * It works wherever the engine shares folders with their sockets: with Docker and Podman on this
 * machine, by root or not, but not where the engine's machine is a virtual one (Docker Desktop). */
#ifndef SLIPWAY_SANDBOX_ENGINE_RELAY_H
#define SLIPWAY_SANDBOX_ENGINE_RELAY_H

#include "sandbox/engine_spec.h"
#include "sandbox/engine_work.h"

/* "%s" is why. */
#define ENGINE_RELAY_FAILED                                                                        \
    "Actions in this container have no caches, artifacts and identity tokens: the services of "    \
    "this run cannot be reached from it: %s (a container engine in a virtual machine, as Docker "  \
    "Desktop is, does not share sockets)"

/* What a request says of it, "relay": {folder, port}; NULL where it says nothing. */
const value *engine_relay_of(const value *request);
/* 0: there are no services, and it only compares what is mounted. */
unsigned engine_relay_port(const value *relay);
/* Adds to a container that is to be created what the relay needs in it: the folder, and the name
 * under which GITHUB_SERVER_URL may be told (docs/services.md). */
void engine_relay_add(arena *a, engine_plan *p, const value *relay);
/* Starts it in the container and returns when it listens; the error says what it has said. */
int engine_relay_exec(engine_work *w, str container, const value *relay, err *e);
/* Makes and starts a container of the relay alone, in the network; *ret_id is its id, also where
 * that failed after it was made, else empty. */
int engine_relay_run(engine_work *w, str image, str network, const value *labels,
                     const value *relay, str *ret_id, err *e);
/* Has the relay look at what the container has mounted before it becomes the program that the
 * container is to run. `folders` is an array of texts, three for each: the path inside, the numbers
 * of its device and inode. Only where a relay has run, which shows that they are the same there. */
int engine_relay_check(engine_work *w, engine_plan *p, const value *relay, const value *folders,
                       err *e);

#endif
