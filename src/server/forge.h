/* forge.h: telling a forge how a commit fares. Private.
 *
 * What is sent, and what an answer means, is pure; forge_send, which connects, blocks and belongs
 * in a child. https://docs.github.com/en/rest/commits/statuses, https://docs.gitea.com/api/ */
#ifndef SLIPWAY_SERVER_FORGE_H
#define SLIPWAY_SERVER_FORGE_H

#include "base/http.h"
#include "server/remote.h"

#define FORGE_DESCRIPTION_MAX 140 /* characters; GitHub's */
#define FORGE_CONTEXT_MAX     255
#define FORGE_TRIES_MAX       12

typedef enum forge_state {
    FORGE_PENDING,
    FORGE_SUCCESS,
    FORGE_FAILURE,
    FORGE_ERROR, /* it could not be found out: cancelled, lost, broken */
    FORGE_STATE_COUNT
} forge_state;
extern const char *const forge_state_names[FORGE_STATE_COUNT];

typedef struct forge_status {
    str repository; /* owner/name */
    str sha;
    forge_state state;
    str context;     /* what tells this status from others: "slipway / ci / test" */
    str description; /* longer ones are cut */
    str target_url;  /* of the run; may be empty */
} forge_status;

/* What a repository's settings say of its forge. */
typedef struct forge_target {
    str base_url; /* of the API: "https://api.github.com", "https://git.example/api/v1" */
    str token;    /* a secret; never in a message */
    remote_guard guard;
} forge_target;

/* A kind of forge: how its requests look. */
typedef struct forge {
    const char *name; /* "github", "gitea" */
    /* Fills method, url, headers and body, in `a`. */
    int (*status)(arena *a, const forge_target *to, const forge_status *s, http_request *ret,
                  err *e);
} forge;
extern const forge forge_github, forge_gitea;
/* NULL when there is none of that name. */
const forge *forge_find(str name);

typedef enum forge_outcome {
    FORGE_DONE,
    FORGE_AGAIN, /* it may go well later: no connection, 429, 5xx */
    FORGE_NEVER, /* the request is wrong, or the token */
} forge_outcome;
/* Of an answer's status; 0: there was none. */
forge_outcome forge_judge(int status);
/* When to try again after `tries` failed attempts: 5 s, then twice as long each time, up to an
 * hour, spread by `id` so that all do not come at once. 0 when enough was tried. */
int64_t forge_next_attempt(unsigned tries, uint64_t id, int64_t now_us);

/* Sends a status. On failure *ret_outcome says whether to try again; the message holds the forge's
 * own, in so far as it is text. Redirects are not followed. */
int forge_send(arena *a, const forge *f, const forge_target *to, const forge_status *s,
               forge_outcome *ret_outcome, err *e);

#endif
