/* actions.h: actions and reusable workflows of other repositories: what jobs use of them, found,
 * fetched, and compared with the lock file. */
#ifndef SLIPWAY_AGENT_ACTIONS_H
#define SLIPWAY_AGENT_ACTIONS_H

#include "agent/notice.h"
#include "agent/repository.h"
#include "agent/where.h"
#include "workflow/lock.h"

/* Where they come from. What is set here later counts from then on. */
typedef struct actions_spec {
    arena *a;
    repository *repo;
    const char *from;   /* folder or URL; NULL: https://github.com */
    const char *caches; /* as of person_cache */
    const word_mapping *given;
    size_t given_count;
    const lock_file *lock; /* NULL where there is none */
    /* For `slipway lock`: locked commits are taken as they are, but for those that it is to judge
     * anew; and what a run does not need to fetch is fetched as well. */
    bool locking;
    const str *updates; /* "owner/repo" or a pin, in lower case; "all" */
    size_t update_count;
    const notices *tell;
} actions_spec;

typedef struct actions actions;

/* `spec` is borrowed. */
actions *actions_new(const actions_spec *spec);
/* The file of a reusable workflow (workflow_file_fn). */
int actions_workflow(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                     err *e);
/* Adds what a job uses. */
void actions_add(actions *x, const plan_job *job);
/* Fetches what was added, and what that uses in turn. */
int actions_fetch(actions *x, err *e);
/* A job's own copy of a fetched action (runner_port.action_dir). */
int actions_dir(void *context, arena *a, const view *files, str uses, const char *into, char **ret,
                err *e);

/* One use of another repository that was found by walking the plans. */
typedef struct action_edge {
    const char *workflow;    /* the file of this repository because of which it is used */
    const struct repo *from; /* the repository that the `uses:` stands in; NULL: this one */
    struct repo *to;         /* NULL for a checkout that the runner does itself */
    str pin;
    span where;
} action_edge;
size_t actions_edges(const actions *x, const action_edge **ret);
/* Adds the repositories that were asked for and have moved, at their places in the lock file. */
void actions_add_moved(const actions *x, problem_list *out);

/* Compares what was fetched with the lock file of `spec`; without one, there is nothing to compare.
 * What does not agree is added to `out`. */
void actions_verify(const actions_spec *spec, const actions *x, problem_list *out);

/* "owner/repo/path@ref" in its parts; false when it is of another form. */
typedef struct uses_parts {
    str owner, repo, path, ref;
} uses_parts;
bool uses_split(str uses, uses_parts *ret);

#endif
