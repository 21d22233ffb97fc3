/* push.h: events out of refs that have changed, with what git knows of them. Private.
 *
 * push_look asks git and blocks (it belongs in a child); what it finds is a plain value, of which
 * push_events makes events without asking anybody. */
#ifndef SLIPWAY_SERVER_PUSH_H
#define SLIPWAY_SERVER_PUSH_H

#include "server/git_watch.h"
#include "workflow/event.h"

#define PUSH_COMMITS_MAX 100   /* that a payload tells, the newest ones */
#define PUSH_PATHS_MAX   10000 /* changed ones; more, and they count as not known */

/* What a repository is called; of a push, who made it (empty: the author of its last commit). */
typedef struct push_place {
    str owner, repo, server_url, default_branch, actor;
} push_place;

/* Looks at a change in a bare repository that has its commits:
 * {commits: [{id, message, timestamp, author, committer}] (oldest first), forced, changed?:
 * [paths]}. Of a ref that is gone nothing is asked. Where a commit that was before is not there any
 * more, or a branch is new and has nothing in common with the default branch, `changed` is left
 * out: then path filters pass. */
int push_look(arena *a, const char *dir, const git_change *c, str default_branch, value *ret,
              err *e);

#define PUSH_EVENTS_MAX 2
/* A ref that is new gives `push` and `create`, one that moved `push`, one that is gone `delete` (as
 * on GitHub a push that deletes starts nothing). `found` is of push_look. */
int push_events(arena *a, const push_place *place, const git_change *c, const value *found,
                int64_t now_us, event ret[PUSH_EVENTS_MAX], size_t *ret_count, err *e);

#endif
