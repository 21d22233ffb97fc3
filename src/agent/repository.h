/* repository.h: the repository being run, and what a job gets of it. */
#ifndef SLIPWAY_AGENT_REPOSITORY_H
#define SLIPWAY_AGENT_REPOSITORY_H

#include "base/git.h"
#include "base/task.h"
#include "runner/runner.h"

typedef struct repository {
    arena *a;
    char *root; /* of the repository, or the folder given where there is none */
    bool in_git;
    git_info git; /* of a commit: its head is that, and remote_url may be set */
    /* What is run: this commit, and the root may be bare; empty: the working tree. */
    str commit;
    const char *scratch; /* with a commit: a private folder for what is taken out of it */
    str *tree;           /* files of the working tree, once a checkout has asked */
    size_t tree_count;
    bool listed;
} repository;

/* Where a job in a sandbox finds the objects of the repository being run. */
#define REPOSITORY_OBJECTS "/run/slipway/objects"

/* The folder of the repository's objects, in the repository's arena; NULL without git. */
const char *repository_objects(const repository *repo);
/* Makes in `into` the .git that a copy of the working tree gets. Its objects are those of the
 * repository being run, which the job sees at `objects` (NULL: where they are). */
int history_make(arena *a, const repository *repo, const char *into, const char *objects, err *e);
/* A file of the commit. ERR_NOT_FOUND where it has none at this path. */
int repository_file(arena *a, const repository *repo, str path, size_t max_bytes, str *ret, err *e);
/* The files of the working tree or of the commit, as a checkout copies them, into a folder of the
 * job's. */
int checkout_tree(repository *repo, const view *files, const char *into, err *e);
/* All of a folder of ours, into a folder of the job's. */
int checkout_folder(const view *files, const char *from, const char *into, err *e);

/* What a checkout takes of the repository when it is not its working tree. */
typedef struct commit_ref {
    str commit;
    str branch; /* without refs/heads/; empty: HEAD is the commit itself */
    str also;   /* the full name of one more ref that points to it, or empty */
} commit_ref;
/* The commit that a branch, a tag, a commit's id or a full name means. ERR_NOT_FOUND. */
int ref_find(arena *a, const repository *repo, str ref, commit_ref *ret, err *e);
/* The commit that is run as a checkout of the run's own ref, `head`, leaves it. */
commit_ref ref_of_run(arena *a, const repository *repo, str head);
/* In `stage`, where history_make has been: the files of that commit, or those of them that
 * `what` asks for. */
int ref_stage(arena *a, const repository *repo, const runner_checkout *what, const commit_ref *ref,
              const char *stage, err *e);
/* The same for the working tree: no file is written, but the index knows what is left out. Appends
 * what is there of the tracked files, sorted, to *ret. */
int ref_stage_sparse(arena *a, const repository *repo, const runner_checkout *what,
                     const char *stage, str **ret, size_t *ret_count, err *e);
/* Lets HEAD and the branch in `stage` be as a checkout of the run's own ref leaves them. */
int ref_stage_head(arena *a, const repository *repo, const runner_checkout *what, const char *stage,
                   err *e);

/* A checkout that is under way. */
typedef struct checkout checkout;
/* Begins to fill a folder of a job's with what a checkout asks for; `done` is called from the loop
 * when that has ended. `stage` is a folder to be made for what is prepared, which stays. Adds
 * itself to `list`, and leaves it before that call. *ret_commit is in `a`. An error at once when
 * the repository has no such ref, or cannot give what is asked for. */
int checkout_start(arena *a, repository *repo, loop *l, const runner_checkout *what,
                   const char *stage, checkout **list, str *ret_commit, task_done_fn *done,
                   void *context, err *e);
/* Stops the one that was begun with `context`. */
void checkout_stop(checkout *list, const void *context);

#endif
