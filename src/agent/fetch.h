/* fetch.h: fetching repositories of actions. Private to `slipway run`. */
#ifndef SLIPWAY_AGENT_FETCH_H
#define SLIPWAY_AGENT_FETCH_H

#include "agent/notice.h"
#include "base/arena.h"
#include "base/err.h"

/* One repository at one ref. */
typedef struct repo {
    str owner, repo, ref;
    str pin; /* as in the lock file: "owner/repo@ref", owner and repo in lower case */
    char *url;
    char *cache; /* folder of this repository in the cache */
    str commit;
    str name;     /* of a commit: see repos_name */
    str full_ref; /* "refs/tags/v4", empty when the ref is a commit */
    str locked;   /* the commit that the lock file has for it, or empty */
    bool fixed;   /* `commit` was set beforehand: the ref is not asked for */
    bool given;   /* its folder comes from the command line and has no commit */
    char *dir;    /* where its files are; NULL until they are at hand */
    bool failed;
    err why;
} repo;

/* Brings those of `repos` that are not at hand yet, in parallel. What cannot be had is marked as
 * failed, with the reason. */
void repos_fetch(arena *a, const notices *tell, repo *const *repos, size_t total);
/* For repositories at a commit: `name` becomes the tag or branch that points to it, a whole version
 * before other tags before branches. Where there is none, or the network is away, it stays empty.
 */
void repos_name(arena *a, const notices *tell, repo *const *repos, size_t total);
/* Marks it as failed: "cannot fetch OWNER/REPO@REF from URL: WHY", without a password of the URL.
 */
void repo_fail(arena *a, repo *r, str why);
/* True when the lock file has another commit for it than its ref points to now. */
bool repo_has_moved(const repo *r);
#define REPO_MOVED_TEXT "'%.*s' has moved: it was %.*s when it was locked, and is %.*s now"
#define REPO_MOVED_HELP                                                                            \
    "review the changes between the two commits, then run 'slipway lock --update %.*s'"
#define REPO_MOVED_ARGS(r) STR_ARG((r)->pin), STR_ARG((r)->locked), STR_ARG((r)->commit)
/* Names of repositories and commits have no case. */
str repo_lower(arena *a, str text);

#endif
