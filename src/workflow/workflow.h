/* workflow.h: a workflow file becomes a checked model with places. Pure: files come from a
 * callback.
 *
 * The model is plain data in the caller's arena, immutable after workflow_parse. Tokens are
 * evaluated later against a run's contexts. Schema and limits:
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax */
#ifndef SLIPWAY_WORKFLOW_H
#define SLIPWAY_WORKFLOW_H

#include "base/problem.h"
#include "workflow/token.h"

/* ---- limits and options -------------------------------------------------------------------- */

typedef struct workflow_limits {
    size_t max_file_bytes;   /* 0: 1 MiB */
    unsigned max_depth;      /* 0: 50 */
    unsigned max_files;      /* 0: 51, the caller and 50 references */
    unsigned max_nested;     /* levels of called workflows; 0: 9, ten with the first one */
    size_t max_jobs;         /* in all files together; 0: no limit */
    size_t max_result_bytes; /* memory of the model; 0: 10 MiB */
    size_t max_errors;       /* 0: 10 as on GitHub; `check` sets more */
} workflow_limits;

typedef enum permissions_policy {
    POLICY_LIMITED_READ, /* default token: contents and packages read */
    POLICY_WRITE,
    POLICY_COUNT
} permissions_policy;

/* Reads a reusable workflow: `uses` is as written ("./.github/workflows/x.yml" or
 * "owner/repo/path@ref"); `from` is the file that asks. *ret_path names it in places.
 * ERR_UNSUPPORTED says that the file is not to be had here: the call is left unread, which is no
 * problem. */
typedef int workflow_file_fn(void *context, arena *a, str uses, str from, str *ret_source,
                             str *ret_path, err *e);

typedef struct workflow_options {
    workflow_limits limits;
    permissions_policy policy;
    bool no_anchors;    /* GitHub's parser with anchors switched off */
    bool no_background; /* background, wait, wait-all and cancel are no keys of steps */
    bool loose_events;  /* unknown events, and keys under them, are no errors (GitHub's server) */
    workflow_file_fn *file; /* NULL: reusable workflows are left unread */
    void *file_context;
} workflow_options;

/* ---- the model ----------------------------------------------------------------------------- */

#define PERMISSION_NAMES(X)                                                                        \
    X(ACTIONS, "actions")                                                                          \
    X(ARTIFACT_METADATA, "artifact-metadata")                                                      \
    X(ATTESTATIONS, "attestations")                                                                \
    X(CHECKS, "checks")                                                                            \
    X(CODE_QUALITY, "code-quality")                                                                \
    X(CONTENTS, "contents")                                                                        \
    X(COPILOT_REQUESTS, "copilot-requests")                                                        \
    X(DEPLOYMENTS, "deployments")                                                                  \
    X(DISCUSSIONS, "discussions")                                                                  \
    X(DRIVES, "drives")                                                                            \
    X(ID_TOKEN, "id-token")                                                                        \
    X(ISSUES, "issues")                                                                            \
    X(MODELS, "models")                                                                            \
    X(PACKAGES, "packages")                                                                        \
    X(PAGES, "pages")                                                                              \
    X(PULL_REQUESTS, "pull-requests")                                                              \
    X(REPOSITORY_PROJECTS, "repository-projects")                                                  \
    X(SECURITY_EVENTS, "security-events")                                                          \
    X(STATUSES, "statuses")                                                                        \
    X(VULNERABILITY_ALERTS, "vulnerability-alerts")
enum {
#define X(id, name) PERMISSION_##id,
    PERMISSION_NAMES(X)
#undef X
        PERMISSION_COUNT
};
typedef enum permission_level { PERMIT_NONE, PERMIT_READ, PERMIT_WRITE } permission_level;
typedef struct permissions {
    uint8_t level[PERMISSION_COUNT];
    bool all; /* written as read-all or write-all */
} permissions;
const char *permission_name(unsigned permission);
const char *permission_level_name(permission_level level);

typedef enum step_kind {
    STEP_RUN,
    STEP_USES,
    STEP_WAIT, /* targets */
    STEP_WAIT_ALL,
    STEP_CANCEL,   /* targets[0] */
    STEP_PARALLEL, /* children, all run in the background, then waited for */
    STEP_KIND_COUNT
} step_kind;

typedef struct workflow_step workflow_step;
struct workflow_step {
    step_kind kind;
    span where;
    str id; /* as written, else generated ("__run", "__actions_checkout_2") */
    bool id_given;
    const token *name;      /* NULL when absent; so are all tokens below */
    const token *condition; /* if: always a TOKEN_EXPR, with GitHub's implicit success() && (…) */
    const token *continue_on_error, *timeout_minutes, *env;
    const token *run, *shell, *working_directory; /* STEP_RUN */
    const token *uses, *with;                     /* STEP_USES */
    bool background;
    const token **targets;
    size_t target_count;
    workflow_step *children;
    size_t child_count;
};

typedef struct workflow_input {
    str name;
    span where;
    str type; /* string, boolean, number, choice, environment */
    str description;
    bool required;
    const token *value; /* the default; NULL when absent */
    str *options;
    size_t option_count;
} workflow_input;

typedef struct workflow_secret {
    str name;
    span where;
    str description;
    bool required;
} workflow_secret;

typedef struct workflow_output {
    str name;
    span where;
    str description;
    const token *value;
} workflow_output;

/* One event under `on:`. Lists are NULL when absent; an empty pattern list is kept as count 0. */
typedef struct event_filter {
    str *items;
    span *places;
    size_t count;
    bool present;
} event_filter;

typedef struct event_trigger {
    str name;
    span where;
    event_filter types, branches, branches_ignore, tags, tags_ignore, paths, paths_ignore;
    event_filter workflows, names, versions; /* workflow_run; image_version */
    struct {
        str cron, timezone;
        span where;
    } * schedules;
    size_t schedule_count;
} event_trigger;

typedef struct workflow workflow;
typedef struct workflow_job workflow_job;
struct workflow_job {
    str id;
    span where;
    const token *name;
    const token **needs; /* string tokens */
    size_t need_count;
    const token *condition; /* as of a step */
    const token *strategy, *continue_on_error, *timeout_minutes, *cancel_timeout_minutes;
    const token *concurrency, *env, *environment, *defaults, *runs_on, *container, *services;
    const token *outputs, *snapshot;
    const permissions *permissions; /* NULL: the policy's default */
    workflow_step *steps;
    size_t step_count;
    /* a call of a reusable workflow, else NULL and empty */
    const token *uses, *with, *secrets;
    bool secrets_inherit;
    workflow *called; /* NULL when it was not read */
};

struct workflow {
    const char *path;
    str source;
    const token *root; /* the whole file; NULL when it could not be read */
    str name;          /* of `name:`, else the path */
    str description;
    const token *run_name, *env, *defaults, *concurrency;
    const permissions *permissions;
    event_trigger *triggers;
    size_t trigger_count;
    workflow_input *dispatch_inputs, *call_inputs;
    size_t dispatch_input_count, call_input_count;
    workflow_secret *call_secrets;
    size_t call_secret_count;
    workflow_output *call_outputs;
    size_t call_output_count;
    workflow_job **jobs; /* in the file's order */
    size_t job_count;
    /* A workflow with problems.errors > 0 must not be run. What is wrong in the files that it calls
     * stands in the list of the first one; theirs are empty. */
    problem_list problems;
};

/* Reads, judges and converts a workflow and the reusable workflows that it calls. `path` names it
 * in messages and is copied. 0 even when the workflow has problems: look at (*ret)->problems.
 * Negative only when there is nothing to show (a limit of memory). All of *ret lives in `a`, and
 * `source` must live as long. */
int workflow_parse(arena *a, str source, const char *path, const workflow_options *options,
                   workflow **ret, err *e);

/* "$/path": what lies in the repository of the file that says so, at the same commit. False for all
 * else that may stand in `uses`; *ret_path is what follows "$/". */
bool uses_own_repository(str uses, str *ret_path);

/* The trigger of that event, or NULL. */
const event_trigger *workflow_trigger(const workflow *w, str event);

#endif
