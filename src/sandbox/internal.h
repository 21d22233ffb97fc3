/* internal.h: what the files of Slipway's side share. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_INTERNAL_H
#define SLIPWAY_SANDBOX_INTERNAL_H

#include "sandbox/sandbox.h"

/* Orders a command to be started with `output` as its stdout and stderr, or as its terminal. The
 * descriptor stays the caller's. *ret_id may be NULL: nobody waits for its exit. */
int sandbox_send_start(sandbox *s, const char *const *argv, const char *const *env, const char *cwd,
                       int output, bool terminal, uint32_t *ret_id, err *e);

#endif
