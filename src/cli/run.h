/* run.h: the pieces of `slipway run`, in the order in which they are used:
 *
 *   run_config.c   options become a run_config: secrets, variables and inputs are read
 *   run_files.c    workflow files are found, read and judged; the event is made; what it starts
 *   run_list.c     --list and --dry-run print what would run
 *   run_graph.c    --graph draws it
 *   run_driver.c   the loop: schedules give jobs, runners run them, a renderer shows it
 *   run_job.c      one of its jobs
 *   run_debug.c    a failed step: --debug, --shell-on-failure
 *   run_limits.c   what its jobs may use
 *   run_network.c  what they may reach
 *
 * What one job needs besides, whoever runs it, is in src/agent/. */
#ifndef SLIPWAY_CLI_RUN_H
#define SLIPWAY_CLI_RUN_H

#include "agent/actions.h"
#include "agent/where.h"
#include "cli/console.h"
#include "cli/diagnostics.h"
#include "cli/options.h"
#include "runner/runner.h"
#include "workflow/plan.h"
#include "workflow/settings.h"

/* ---- what was asked for --------------------------------------------------------------------- */

typedef struct run_config {
    arena *a;
    const options *given;
    const char *dir;
    const char **paths; /* -W */
    size_t path_count;
    str event;           /* empty: to be chosen */
    const char *payload; /* file, or NULL */
    str *jobs;
    size_t job_count;
    value_pair *matrix; /* strings */
    size_t matrix_count;
    value secrets, vars, env, inputs; /* objects of strings */
    word_mapping *actions, *platforms;
    size_t action_count, platform_count;
    const char *actions_from; /* folder or URL */
    const char *artifacts;    /* folder, absolute; NULL: a new one of Slipway's own */
    uint64_t cache_bytes;     /* 0: the default */
    bool list, graph, dry_run, json, keep, shell_on_failure, debug, verbose;
    size_t max_parallel;
} run_config;

/* The part of it that says where things are: -C, which it obeys, and --actions-from. `given` must
 * have both options. */
int run_config_places(const options *given, run_config *ret, err *e);
/* -P and --cache-limit. */
int run_config_platforms(const options *given, run_config *ret, err *e);
int run_config_cache_limit(const options *given, run_config *ret, err *e);
/* Reads the options and the files that they name; may ask for secrets on the terminal. */
int run_config_read(const options *given, run_config *ret, err *e);
/* Appends "slipway run" with the event and the options that the same event needs again: not what
 * selects jobs, how they are shown, or the value of a secret. */
void run_config_again(strbuf *out, const run_config *c);
/* Appends a word as a shell reads it. */
void shell_quote(strbuf *out, str word);

/* ---- what there is to run ------------------------------------------------------------------- */

/* One workflow that the event starts. */
typedef struct run_file {
    workflow *workflow;
    plan_filter filter;
    plan *plan;
} run_file;

typedef struct run_set {
    arena *a;
    const run_config *config;
    sources *sources;
    actions *actions;
    repository repo;
    notices tell;
    actions_spec uses;
    str lock_text; /* uses.lock, as it was read */
    event event;
    settings *settings;   /* of slipway.yml, or NULL */
    workflow **workflows; /* all that were read */
    size_t workflow_count;
    run_file *files; /* those that are started */
    size_t file_count;
    str not_started; /* why the others are not */
} run_set;

void run_set_init(run_set *set, const run_config *c);

/* Reads every workflow. Problems are printed; any error among them gives ERR_INVALID with an empty
 * message, because all is said. */
int run_set_read(run_set *set, err *e);
/* Makes the event and selects and plans what it starts. ERR_INVALID when no workflow has the event;
 * where filters leave out every one, that is told and there are no files. */
int run_set_select(run_set *set, err *e);
/* For --list and --graph without EVENT: plans every workflow for an event that starts it. */
int run_set_select_all(run_set *set, err *e);

/* Fetches what the started workflows use, and what that uses in turn, and compares it with the lock
 * file. What does not agree is printed; then ERR_INVALID with an empty message, because all is
 * said.
 */
int run_fetch_actions(run_set *set, err *e);
/* Prints errors of files in the form that was asked for. */
void run_problems(const run_set *set, problem_list *problems);

/* ---- showing without running ---------------------------------------------------------------- */

int run_list(const run_set *set);
int run_graph(const run_set *set);
int run_dry(const run_set *set);
/* The same for programs: --list --json and --graph --json. */
int run_list_json(const run_set *set);

/* ---- limits and network --------------------------------------------------------------------- */

/* Overwrites the limits that --limit names. */
int run_limits_read(const options *given, sandbox_limits *ret, err *e);

/* Reads slipway.yml (cli/settings_file.h), if there is one. Its problems are printed; any error
 * among them gives ERR_INVALID with an empty message. */
int run_settings_read(run_set *set, err *e);
/* Judges --network. */
int run_network_judge(const options *given, err *e);
/* What a job may reach. */
sandbox_egress run_network(const run_set *set, arena *a, str job);

/* ---- a failed step -------------------------------------------------------------------------- */

struct job_view;
struct style;

/* Judges what --debug needs. */
int run_debug_judge(const run_config *c, err *e);
/* Opens the person's shell in a job, and returns when it is left. */
void run_shell(sandbox *box, const char *cwd, const char *const *env);
/* Shows a failed step and asks on the terminal what to do; blocks. For a retry, failure->again is
 * the step as its file has it now. */
runner_choice run_debug_ask(run_set *set, const struct style *st, const struct job_view *job,
                            runner_failure *failure);

/* The command or a workflow is invalid: says so in the form that was asked for. An empty message
 * means that all was said. */
void run_invalid(const run_config *c, const err *e);

/* Tells a reader of events that filters leave a workflow out, which has this event. */
void run_left_out(const run_config *c, const workflow *w, str reason);

/* Runs the set to its end and gives the exit status. */
int run_driver(run_set *set);

#endif
