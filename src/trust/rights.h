/* rights.h: what somebody may be allowed to do. A route names one of these; a role is a set of
 * them. `secrets.read` is about names only: no route gives a value. */
#ifndef SLIPWAY_TRUST_RIGHTS_H
#define SLIPWAY_TRUST_RIGHTS_H

#include "base/str.h"

typedef enum access_right {
    RIGHT_NONE,    /* of public routes only */
    RIGHT_PROFILE, /* one's own account: everybody who has one */
    RIGHT_RUNS_READ,
    RIGHT_RUNS_WRITE, /* cancel, rerun, dispatch */
    RIGHT_RUNS_APPROVE,
    RIGHT_LOGS_READ,
    RIGHT_AGENTS_READ,
    RIGHT_AGENTS_WRITE,
    RIGHT_SECRETS_READ,
    RIGHT_SECRETS_WRITE,
    RIGHT_ACCESS_READ,
    RIGHT_ACCESS_WRITE,
    RIGHT_AUDIT_READ,
    RIGHT_SETTINGS_READ,
    RIGHT_SETTINGS_WRITE,
    RIGHT_REPOSITORIES_READ,
    RIGHT_REPOSITORIES_WRITE,
    ACCESS_RIGHT_COUNT
} access_right;

/* "runs.read"; "none" for RIGHT_NONE. */
const char *right_name(access_right right);
/* ACCESS_RIGHT_COUNT when there is none of that name. */
access_right right_from(str name);

#endif
