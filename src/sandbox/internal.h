/* internal.h: what the files of Slipway's side share. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_INTERNAL_H
#define SLIPWAY_SANDBOX_INTERNAL_H

#include "sandbox/sandbox.h"

/* ---- contact.c ----------------------------------------------------------------------------- */

/* Adds the policy as text; nothing for the host's network. */
int contact_policy(const sandbox_egress *egress, strbuf *out, err *e);

/* Reads a proxy's records and tells them to spec->on_contact. */
typedef struct contacts contacts;
contacts *contacts_new(const sandbox_spec *spec, int control);
/* Asks the proxy to end; `over` is called from the loop once it has said its last. False (and no
 * call) when it has ended already or there is none. */
bool contacts_end(contacts *c, void (*over)(void *context), void *context);
/* Tells what has come so far, without waiting for the loop. NULL is allowed. */
void contacts_read(contacts *c);
void contacts_free(contacts *c);

/* ---- sandbox.c ----------------------------------------------------------------------------- */

/* Orders a command to be started with `output` as its stdout and stderr, or as its terminal. The
 * descriptor stays the caller's. *ret_id may be NULL: nobody waits for its exit. */
int sandbox_send_start(sandbox *s, const char *const *argv, const char *const *env, const char *cwd,
                       int output, bool terminal, uint32_t *ret_id, err *e);
/* Why the job has one user id; empty where it is root. From on_ready on. */
const char *sandbox_one_id(const sandbox *s);

#endif
