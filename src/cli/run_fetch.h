/* run_fetch.h: fetching repositories of actions. Private to `slipway run`. */
#ifndef SLIPWAY_CLI_RUN_FETCH_H
#define SLIPWAY_CLI_RUN_FETCH_H

#include "base/arena.h"
#include "base/err.h"

/* One repository at one ref. */
typedef struct repo {
    str owner, repo, ref;
    str pin; /* as in the lock file: "owner/repo@ref", owner and repo in lower case */
    char *url;
    char *cache; /* folder of this repository in the cache */
    str commit;
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
void repos_fetch(arena *a, repo *const *repos, size_t total);
/* Marks it as failed: "cannot fetch OWNER/REPO@REF from URL: WHY", without a password of the URL.
 */
void repo_fail(arena *a, repo *r, str why);
/* Names of repositories and commits have no case. */
str repo_lower(arena *a, str text);

#endif
