/* webhook.h: what a forge tells about a repository becomes events. Pure. Private.
 *
 * Three steps, in this order: webhook_identify reads the headers (which forge, which delivery),
 * webhook_check compares the signature with the repository's secrets, webhook_read reads the body.
 * Nothing of the body is looked at before the signature was found good.
 *
 * How each forge is known, signs, and numbers its deliveries:
 *  - GitHub: X-GitHub-Event; X-Hub-Signature-256 ("sha256=" and hex); X-GitHub-Delivery.
 *  - Gitea: X-Gitea-Event; X-Gitea-Signature (hex); X-Gitea-Delivery.
 *  - Forgejo: X-Forgejo-Event; X-Forgejo-Signature, else Gitea's; X-Forgejo-Delivery.
 *  - GitLab: X-Gitlab-Event; webhook-signature, else X-Gitlab-Token (the secret itself);
 *    webhook-id, else Idempotency-Key, else X-Gitlab-Event-UUID.
 *
 * A GitLab signature is that of Standard Webhooks: "v1," and the base64 of an HMAC-SHA-256 over
 * "ID.TIME.BODY"; its time may be five minutes off. Where it is there, the token is not looked at.
 *
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 * https://forgejo.org/docs/latest/user/webhooks, https://docs.gitea.com/usage/webhooks
 * https://docs.gitlab.com/user/project/integrations/webhooks/ and webhook_events/
 * https://www.standardwebhooks.com/ */
#ifndef SLIPWAY_SERVER_WEBHOOK_H
#define SLIPWAY_SERVER_WEBHOOK_H

#include "workflow/event.h"

#define WEBHOOK_BODY_MAX     (25u << 20) /* GitHub sends no more */
#define WEBHOOK_DELIVERY_MAX 128         /* bytes of its id */
#define WEBHOOK_SECRETS_MAX  8           /* at once, while they are exchanged */
#define WEBHOOK_TIME_US      INT64_C(300000000)

typedef enum webhook_forge {
    WEBHOOK_GITHUB,
    WEBHOOK_GITEA, /* and Forgejo */
    WEBHOOK_GITLAB,
    WEBHOOK_FORGE_COUNT
} webhook_forge;
const char *webhook_forge_name(webhook_forge forge); /* "github" */

typedef struct webhook_request {
    str (*header)(void *context, const char *name); /* without case; empty when it is not there */
    void *context;
    str body;
} webhook_request;

typedef struct webhook {
    webhook_forge forge;
    str event;    /* as the forge calls it; borrowed from the headers, as the next */
    str delivery; /* unique among those of a forge: a second one is a replay */
} webhook;

/* Errors: ERR_INVALID for headers of no forge, of another form of body than JSON, without a
 * delivery id; ERR_LIMIT for a body over WEBHOOK_BODY_MAX or a long id. */
int webhook_identify(const webhook_request *r, webhook *ret, err *e);

/* Whether one of the secrets has signed the request, in a time that does not tell which or how far
 * it fits. An empty secret signs nothing. ERR_INVALID, which says what is wrong but nothing of the
 * secrets: no signature, a bad one, a time too far off, no secret that could be compared. */
int webhook_check(const webhook_request *r, const webhook *w, const str *secrets, size_t count,
                  int64_t now_us, err *e);

#define WEBHOOK_EVENTS_MAX 2

/* What a delivery means. Text is in the arena. */
typedef struct webhook_news {
    bool ping;
    str ignored; /* why no event comes of it, where event_count is 0 and it is no ping */
    /* pull_request comes with pull_request_target, a GitLab push of a new ref with create. Where
     * the forge does not tell its commit, `sha` is empty: then it is what `ref` is at. */
    event events[WEBHOOK_EVENTS_MAX];
    size_t event_count;
    str repository;         /* owner/name; GitLab: the whole path */
    str clone_url, ssh_url; /* as told: to be judged before it is used (remote.h) */
    str head_sha;           /* of which a status is to be reported */
    str before;             /* of a push, to ask git what changed */
    str fetch_ref;          /* where the forge keeps the head: refs/pull/1/head */
    uint64_t number;        /* of the pull request, or 0 */
    bool fork;              /* from another repository, or from one that is not told */
} webhook_news;

/* Reads a body that was checked. ERR_INVALID when it is no JSON object or lacks what its event must
 * have; ERR_LIMIT.
 *
 * Events of GitHub go by their own names. Those of Gitea and Forgejo are brought to GitHub's words
 * where theirs differ (`synchronized`, `label_updated`, …). Of GitLab push, tag push, merge request
 * and release become payloads of GitHub's shape, with these limits: `author`s of commits have no
 * login; who opened a merge request is known only when it is who acted; the base commit is not
 * told; a push tells at most 20 of its commits, and changed paths are known only when it tells all.
 * A `sender` never comes from a commit. */
int webhook_read(arena *a, const webhook *w, str body, int64_t now_us, webhook_news *ret, err *e);

#endif
