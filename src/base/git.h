/* git.h: what Slipway asks of a git repository, by the git program in a child.
 *
 * A repository has settings of its own, and many of them are commands (core.fsmonitor, hooks,
 * filters, what fetches a missing object, …). Whoever asks what is in a repository has not asked to
 * run those: here, none is run, nothing is fetched and nothing is locked. */
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
} git_info;

/* ERR_NOT_FOUND when `dir` is in no repository or git is not installed; ERR_UNSUPPORTED when it is
 * in a bare one; ERR_FAILED when git refuses, as for a folder of another user. */
int git_inspect(arena *a, const char *dir, git_info *ret, err *e);

/* The commits of `head` that `base` has not (empty: all), the newest first, at most `max`. Of each
 * only what is of a commit is filled. Both are whole ids; the repository may be bare. */
int git_log(arena *a, const char *dir, str base, str head, size_t max, git_info **ret,
            size_t *ret_count, err *e);

/* What may hold files and cannot be looked at. */
typedef struct git_refusal {
    str path;
    const char *why;    /* "cannot be opened: Permission denied" */
    bool is_repository; /* a submodule or nested repository that git cannot read */
} git_refusal;

typedef struct git_listing {
    str *paths;
    git_refusal *refused; /* sorted by bytes, too */
    size_t count, refused_count;
} git_listing;

/* Files and links (relative to `root`, '/'-separated) that are on disk and that git tracks or does
 * not ignore, sorted by bytes; those of checked-out submodules and nested repositories too. Errors
 * as of git_inspect; of a repository within, it is refused. */
int git_files(arena *a, const char *root, git_listing *ret, err *e);

/* Paths that differ between two commits, sorted; a renamed file counts by both names. `base` may be
 * empty or all zeros (all of `head`). */
int git_changed(arena *a, const char *root, str base, str head, str **ret, size_t *ret_count,
                err *e);

/* Whether it is the whole id of an object: 40 digits of hex, or 64. */
bool git_is_id(str text);

/* How a call may reach another repository. Without it none is reached. */
typedef struct git_reach {
    const char *protocol; /* the only one: "https", "http", "ssh", "git", "file" */
    const char *const
        *settings;          /* words before the command: "-c", "key=value", …; NULL-terminated */
    const char *const *env; /* as of process_spec; may hold secrets, which arguments may not */
    unsigned timeout_ms;    /* 0: 120 s */
} git_reach;

typedef struct git_call {
    const char *dir;
    const char *const *argv; /* begins with "git", ends with NULL */
    const char *index;       /* the file of the index; NULL: the repository's own */
    const char *objects;     /* a folder of objects that are borrowed besides, or NULL */
    str input;               /* what it reads on stdin */
    size_t max_output;       /* as of process_spec */
    const git_reach *reach;  /* NULL: it stays in the repository */
    bool compares_files;     /* it may look into files of the working tree: filters are taken out of
                              * the settings, for one more call of git */
} git_call;

typedef struct git_answer {
    int status; /* of git's end */
    str out, err_out;
} git_answer;

/* Runs git as the functions above do, whatever repository a hook that we run in points at. An
 * error, as of git_inspect, when it cannot be run or refuses the repository; what else it could not
 * do is told by the status. */
int git_ask(arena *a, const git_call *call, git_answer *ret, err *e);
/* The same for what must go well: a status other than 0 is ERR_FAILED with git's reason. `objects`
 * and `ret_out` may be NULL. */
int git_run(arena *a, const char *dir, const char *objects, const char *const *argv, str *ret_out,
            err *e);
/* The directories that git could not open, by the warnings on its stderr; from the top of its
 * working tree. Appends. */
void git_read_refusals(arena *a, str err_out, git_refusal **refused, size_t *count, size_t *cap);

#endif
