/* audit_keys.h: whose key an audit log must be signed with.
 *
 * Keys that this person has seen are kept, a verifier key on each line, in
 * $XDG_STATE_HOME/slipway/audit-keys (~/.local/state), so that a log that is checked without --key
 * is at least that of the last time. */
#ifndef SLIPWAY_CLI_AUDIT_KEYS_H
#define SLIPWAY_CLI_AUDIT_KEYS_H

#include "trust/audit_check.h"

typedef struct audit_trust {
    sign_verifier key;
    bool is_new; /* seen for the first time: the log itself has told it */
} audit_trust;

/* --key: the text of a verifier key, or a file that holds one. */
int audit_key_given(arena *a, const char *given, sign_verifier *ret, err *e);
/* The key that the log of a source is signed with as it says, which must be the one that is known
 * by its name, if any is. ERR_FAILED when it is another. */
int audit_key_of_source(arena *a, audit_source *s, audit_trust *ret, err *e);
/* The one that is known by this name. ERR_NOT_FOUND. */
int audit_key_known(arena *a, str name, sign_verifier *ret, err *e);
/* Keeps a key; *ret_path is the file. */
int audit_key_remember(arena *a, const sign_verifier *key, const char **ret_path, err *e);

#endif
