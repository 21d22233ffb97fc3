/* hook.h: what git's post-receive hook tells a server, and what it keeps when nobody listens.
 *
 * Beside the repository's own files stand:
 *   hooks/post-receive               made by 'slipway hook install'; runs 'slipway hook send REPO'
 *   hooks/post-receive.before-slipway  the hook that was there before, which is run first
 *   slipway-hook.json                {server | data, token_file, repository}
 *   slipway-hook.spool               what could not be sent yet: bodies, one a line
 *   slipway-hook.lock                held while the spool is read and written
 * All may be read by others: several users may push into a repository that they share, and what one
 * of them left is sent by the next. The token file has to be readable for each of them.
 *
 * The route: POST /api/v1/pushes, at the server's URL or at DATA/server.sock, with "Authorization:
 * Bearer TOKEN" where there is a token file, and "Idempotency-Key: DELIVERY". The body:
 *
 *   {"delivery": 32 hex digits, the same when it is sent again,
 *    "repository": the name that was given to install, or the folder's,
 *    "path": the repository's absolute path on this machine,
 *    "pusher": REMOTE_USER or USER of the hook: a hint, which a person can set,
 *    "pushed_at": milliseconds since 1970,
 *    "changes": [{"ref", "before", "after"}]}          as git hands them to the hook
 *
 * An answer below 300 settles a line. So does a 400, 409, 410, 413 or 422, which would not change:
 * it is told and dropped. Anything else keeps the line for the next push. */
#ifndef SLIPWAY_CLI_HOOK_H
#define SLIPWAY_CLI_HOOK_H

#include "base/arena.h"
#include "base/err.h"

#define HOOK_ROUTE     "/api/v1/pushes"
#define HOOK_SOCKET    "server.sock"
#define HOOK_SETTINGS  "slipway-hook.json"
#define HOOK_SPOOL     "slipway-hook.spool"
#define HOOK_LOCK      "slipway-hook.lock"
#define HOOK_INPUT_MAX (8u << 20) /* bytes of one push: about 60,000 refs */
#define HOOK_SPOOL_MAX (4u << 20)

typedef struct hook_settings {
    str server;     /* URL, or empty */
    str data;       /* the server's data folder, or empty */
    str token_file; /* may be empty */
    str repository;
} hook_settings;

int hook_settings_read(arena *a, const char *repo, hook_settings *ret, err *e);
int hook_settings_write(const char *repo, const hook_settings *s, err *e);

/* Sends what is kept and then these lines ("OLD NEW REF"), in this order; what cannot be sent is
 * kept. *ret_told is what a person should read, or empty. An error when something was lost. */
int hook_send(arena *a, const char *repo, str lines, str *ret_told, err *e);

#endif
