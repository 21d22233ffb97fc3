/* child.h: what blocks or talks to strangers is done by a child of the server: git, and requests to
 * a forge. It is this program, executed anew, because the server has threads and a process with
 * threads cannot fork and go on.
 *
 * A request and its answer are one JSON object each, on the child's stdin and stdout; so a token is
 * in no argument list and no environment of it. The child dies with the server.
 *
 *   {do: "refs", source}                        → {refs: TEXT of git_refs_write}
 *   {do: "mirror", source, path, also: [REF]}   → {}
 *   {do: "push", dir, ref, before, after, default_branch} → that of push_look
 *   {do: "status", forge, target, status}       → {}; a failure has outcome: "again" or "never"
 *
 *   source: {url, user, token, ssh_key, known_hosts, timeout_ms, max_bytes, guard}
 *   target: {base_url, token, guard}
 *   status: {repository, sha, state, context, description, target_url}
 *   guard:  {allowed: [WORD], allow_http, allow_file}
 * Keys may be missing, which is as if they were empty. */
#ifndef SLIPWAY_SERVER_CHILD_H
#define SLIPWAY_SERVER_CHILD_H

#include "base/loop.h"
#include "base/value.h"

#define CHILD_WORD       "server-child" /* the argument by which a child knows that it is one */
#define CHILD_ANSWER_MAX (64u << 20)

/* Runs the work and ends the process when the arguments say that this is a child; otherwise it
 * returns at once. */
void child_main(int argc, char **argv);

typedef struct child child;

/* From the loop, once: `e` is NULL when it went well, else `again` says whether a later attempt may
 * (ERR_CANCELLED: child_kill; ERR_TIMEOUT). `answer` is an object that lives until this returns, or
 * NULL. The child is freed after. */
typedef void child_done_fn(void *context, const value *answer, bool again, const err *e);

/* `program`: NULL for this one. `timeout_ms`: of all that it does; 0: none. */
int child_start(loop *l, const char *program, const value *request, unsigned timeout_ms,
                child_done_fn *done, void *context, child **ret, err *e);
/* Kills it and what it has started; `done` is called from the loop. */
void child_kill(child *c);

#endif
