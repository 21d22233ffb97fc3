/* git.h: what Slipway asks of a git repository, by the git program in a child. */
#ifndef SLIPWAY_BASE_GIT_H
#define SLIPWAY_BASE_GIT_H

#include "base/arena.h"
#include "base/err.h"

/* What the working copy at `dir` says of itself. Strings are empty where git does not know (no
 * commit yet, detached HEAD, no remote). */
typedef struct git_info {
    char *root;     /* absolute top of the working tree */
    str head;       /* commit id of HEAD */
    str parent;     /* its first parent */
    str branch;     /* current branch, without refs/heads/ */
    str tag;        /* a tag that points at HEAD, where there is no branch */
    str upstream;   /* remote default branch name ("main"), from origin/HEAD */
    str remote_url; /* of origin, without what may be a secret: a web URL's user, a password */
    str owner,
        repo; /* the last two parts of the remote's URL; else "local" and the folder's name */
    str author_name, author_email, committer_name, committer_email;
    str message;               /* of HEAD */
    str timestamp;             /* of HEAD's commit, ISO 8601 */
    str user_name, user_email; /* git config user.* */
    bool dirty;                /* there is something to commit, new files included */
} git_info;

/* ERR_NOT_FOUND when `dir` is in no repository or git is not installed; ERR_UNSUPPORTED when it is
 * in a bare one; ERR_FAILED when git refuses, as for a folder of another user. */
int git_inspect(arena *a, const char *dir, git_info *ret, err *e);

/* Files and links (relative to `root`, '/'-separated) that are on disk and that git tracks or does
 * not ignore, sorted by bytes; those of checked-out submodules and nested repositories too. */
int git_files(arena *a, const char *root, str **ret, size_t *ret_count, err *e);

/* Paths that differ between two commits, sorted; a renamed file counts by both names. `base` may be
 * empty or all zeros (all of `head`). */
int git_changed(arena *a, const char *root, str base, str head, str **ret, size_t *ret_count,
                err *e);

/* Whether it is the whole id of an object: 40 digits of hex, or 64. */
bool git_is_id(str text);

/* Runs git in `dir` as the functions above do, whatever repository a hook that we run in points at:
 * `argv` begins with "git". `objects`, a folder of objects that are borrowed besides, and `ret_out`
 * may be NULL. A status other than 0 is ERR_FAILED with git's reason. */
int git_run(arena *a, const char *dir, const char *objects, const char *const *argv, str *ret_out,
            err *e);

#endif
