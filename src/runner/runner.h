/* runner.h: runs one job: contexts, steps, file commands, workflow commands, actions, post steps.
 *
 * A runner is a state machine on a loop. It never sees a store, a terminal or a network: it is
 * handed a port, and tells everything that happens through it as events, with secrets masked
 * already. */
#ifndef SLIPWAY_RUNNER_H
#define SLIPWAY_RUNNER_H

#include "runner/hashfiles.h" /* also of use without a job */
#include "sandbox/sandbox.h"
#include "workflow/action.h"
#include "workflow/plan.h"

typedef enum step_result {
    STEP_PENDING,
    STEP_SUCCESS,
    STEP_FAILURE,
    STEP_CANCELLED,
    STEP_SKIPPED,
    STEP_RESULT_COUNT
} step_result;
const char *step_result_name(step_result r);

typedef enum runner_event_kind {
    RUNNER_JOB_STARTED,
    RUNNER_STEP_STARTED,
    RUNNER_LOG,   /* text: one line, without its newline */
    RUNNER_GROUP, /* text: the title; RUNNER_GROUP_END closes it */
    RUNNER_GROUP_END,
    RUNNER_ANNOTATION, /* level, text, title, file, line … */
    RUNNER_CONTACT,    /* contact: what the job has reached or tried to, while its network is
                        * limited; step: that ran meanwhile, or -1 */
    RUNNER_STEP_FINISHED,
    RUNNER_JOB_FINISHED,
    RUNNER_EVENT_COUNT
} runner_event_kind;

typedef enum log_level {
    LOG_PLAIN,
    LOG_DEBUG,
    LOG_NOTICE,
    LOG_WARNING,
    LOG_ERROR,
    LOG_COMMAND
} log_level;

/* What happened. Fields that a kind does not name are empty. All text is masked and borrowed for
 * the length of the call.
 *
 * Every step is told by one STARTED and one FINISHED, skipped ones too; "Set up job" is number 0
 * and "Complete job" the last. What stands between the two of a step belongs to it or to a
 * background step: `step` says which. An error, warning or notice is told twice: as the line of the
 * log that it is, then as an annotation. A step's name does not change between its two events. */
typedef struct runner_event {
    runner_event_kind kind;
    int64_t at_us;
    int step;        /* number in the job, from 0: set-up, main, post steps in order; -1: the job */
    int parent_step; /* of a composite action's step, else -1 */
    str step_id, step_name;
    str phase;  /* "pre", "main", "post" */
    span where; /* of the step in its file */
    log_level level;
    str text;
    str title, file; /* annotations */
    unsigned line, end_line, column, end_column;
    step_result outcome, conclusion; /* RUNNER_STEP_FINISHED */
    int exit_code;
    job_result result;    /* RUNNER_JOB_FINISHED */
    const value *outputs; /* finished steps and jobs: an object, masked */
    str summary;          /* finished steps: what they wrote to GITHUB_STEP_SUMMARY */
    int64_t duration_us;
    const sandbox_contact *contact;
} runner_event;

/* A step of a job with snapshots has failed. What it says lives for the length of the call. */
typedef struct runner_failure {
    sandbox *box;
    const workflow_step *step; /* as it was when the job began */
    int number;                /* as in events */
    int exit_code;             /* 0: it failed in another way */
    const char *cwd;           /* where it ran, and with which environment */
    const char *const *env;
    bool may_retry;
    const char *why_not;
    /* RUNNER_RETRY: what to run. At first what has failed; another one must be of the same kind,
     * use the same action, have the same id and live as long as the job. */
    const workflow_step *again;
} runner_failure;

typedef enum runner_choice {
    RUNNER_GO_ON, /* the step has failed, and the job goes on from there */
    RUNNER_RETRY, /* the job goes back to where the step began */
    RUNNER_STOP,  /* the step has failed, and the job is cancelled */
    RUNNER_CHOICE_COUNT
} runner_choice;

/* What was begun has ended: `e` is NULL when it went well. */
typedef void runner_done_fn(void *context, const err *e);

/* All paths are the job's. What it points to lives until `done` is called. */
typedef struct runner_checkout {
    const view *files;
    const char *workspace;
    const char
        *into; /* in the workspace, as its name goes; where a link leads out, it is an error */
    bool keep; /* what is there already stays */
    bool submodules; /* their files come too; else each is an empty folder */
    bool lfs;        /* large files themselves, not what stands for them */
    str ref;         /* a branch, tag, commit or full name; empty: the working tree as it is */
    str head;        /* the full name of what is being run, */
    str commit;      /* and its commit: where git shall be when `ref` is empty */
    const char *const *sparse; /* patterns of what comes, NULL-terminated, or NULL: all */
    bool cone;                 /* they are folders (git-sparse-checkout) */
} runner_checkout;

typedef struct runner_port {
    void *context;
    void (*event)(void *context, const runner_event *event);
    /* An action from another repository ("owner/repo/path@ref"), fetched already, or from the one
     * being run ("$/path"): a copy of the repository below `into`, a folder of this job alone
     * (which need not exist), because a step may write beside its action. The path is to the
     * action's own folder in the copy; asked again, it is the same copy. Both are paths in `files`,
     * the job's view. */
    int (*action_dir)(void *context, arena *a, const view *files, str uses, const char *into,
                      char **ret, err *e);
    /* actions/checkout of the repository being run: begins to fill a folder, and calls `done` from
     * the loop when that has ended, not before it has returned. *ret_commit lives as long as the
     * job. */
    int (*checkout)(void *context, const runner_checkout *what, str *ret_commit,
                    runner_done_fn *done, void *done_context, err *e);
    /* What the services that actions call give to a process of an action whose program is `file`
     * (in `files`): an object of strings, in `a`. It wins over every other variable; those whose
     * names end in _TOKEN are secrets. Scripts never get it. An error is told as a warning. May be
     * NULL. */
    int (*services)(void *context, arena *a, const view *files, const char *file, value *ret,
                    err *e);
    /* Makes these services reachable at FOLDER/socket, a Unix socket, as well: for containers. They
     * listen on 127.0.0.1 at *ret_port; 0 where there are none, which was told before. May be NULL.
     */
    int (*share_services)(void *context, const char *folder, unsigned *ret_port, err *e);
    /* Stops the checkout that was begun with `done_context`; its `done` is called soon. */
    void (*checkout_stop)(void *context, void *done_context);
    /* A step failed and --shell-on-failure is set; blocks until the person leaves the shell. May be
     * NULL. */
    void (*failed_shell)(void *context, sandbox *box, const char *cwd, const char *const *env);
    /* What shall become of a failed step, which is not allowed to fail; may block. May be NULL. */
    runner_choice (*failed_step)(void *context, runner_failure *failure);
    /* The job ended: its outputs are unmasked here, because jobs that need it must have them. */
    void (*finished)(void *context, job_result result, const value *outputs);
} runner_port;

typedef struct runner_spec {
    const job_instance *job;
    loop *loop;
    sandbox_backend backend;
    const char *root;  /* an existing, private folder, empty or reset; the caller removes it */
    const char *layer; /* this and the next six: sandbox.h; not on the host */
    const char *rootfs;
    const value *image_env; /* what the image at `rootfs` sets, or NULL: its PATH counts, and under
                             * what we set, the rest */
    const sandbox_mount *mounts;
    unsigned mount_count;
    sandbox_egress egress;
    sandbox_limits limits;
    bool snapshots; /* of the job's files before each of its own steps, so that a failed one can be
                     * tried again: port.failed_step */
    const char *repo_root; /* the working tree being run; NULL: a commit, from wherever */
    const value *env;      /* --env: lowest precedence, under the workflow's env */
    const char *path;      /* PATH of the job's processes; NULL: ours, or a sandbox's own */
    const char *node;      /* on the host: the node program, or NULL where none is installed */
    bool debug;            /* shows debug lines, sets RUNNER_DEBUG=1 */
    unsigned cancel_int_ms, cancel_term_ms; /* grace after SIGINT and SIGTERM; 0: 7500 and 2500 */
} runner_spec;

typedef struct runner runner;

/* Starts the job. `spec` and what it points to must live until port->finished was called, after
 * which the caller frees the runner (not from inside the callback). */
int runner_start(const runner_spec *spec, const runner_port *port, runner **ret, err *e);
/* Where the job sees ROOT/work: on the host the same, in a sandbox another path. */
const char *runner_work(const runner *r);
/* As GitHub cancels: SIGINT to the running step, SIGTERM, SIGKILL; then steps whose `if` wants to
 * run. */
void runner_cancel(runner *r);
/* Kills everything now; the job ends as cancelled without further steps. */
void runner_kill(runner *r);
/* After the job has finished: makes its root as good as new, so that another job may have it. That
 * is far cheaper than a new one. What takes long to remove is moved to `rest`, a folder of the same
 * file system that is made when needed, for the caller to remove. Where it fails the folder must
 * not be used again. */
int runner_reset_root(const runner *r, const char *rest, err *e);
void runner_free(runner *r);

#endif
