/* job.h: the parts of a running job, as the files of this folder share them. Private.
 *
 * Theory of operation. A job is run by lanes. A lane is a stack of frames and does one thing at a
 * time; the foreground lane runs the job's steps, and each background step has a lane of its own. A
 * frame is a list of steps with their contexts: the job's, or those of a composite action, whose
 * frame stands on the lane until its last step has ended. lane_go takes the next entry of the top
 * frame, makes a step of it and begins it; a step either ends at once or waits for a process, and
 * then its exit calls lane_go again. So nothing blocks, and cancelling, timeouts and background
 * steps need no threads.
 *
 *   runner ── lanes ── frames ── entries ─(one at a time)─▶ step ── sandbox_process
 *     └─ uses: what outlives the phases (pre, main, post) of one `uses:` step
 *
 * Memory. What the job keeps (env, outputs, actions) lives in runner.a; what a step needs lives in
 * step.a and goes with it. Contexts are objects that share their items: a step costs a few shallow
 * copies, not a copy of the event's payload. */
#ifndef SLIPWAY_RUNNER_JOB_H
#define SLIPWAY_RUNNER_JOB_H

#include "runner/command.h"
#include "runner/filecmd.h"
#include "runner/mask.h"
#include "runner/matcher.h"
#include "runner/runner.h"
#include "runner/shell.h"

#define COMPOSITE_DEPTH_MAX 9
#define BACKGROUND_SLOTS    10
#define OUTPUT_LINE_MAX     (1u << 20)
#define FOLDER_COUNT        8
#define EXPIRED_NEVER       UINT64_MAX

typedef struct frame frame;
typedef struct lane lane;
typedef struct step step;
typedef struct use use;
typedef struct background background;
typedef struct attempt attempt;

typedef enum phase { PHASE_PRE, PHASE_MAIN, PHASE_POST, PHASE_COUNT } phase;

/* ---- what a frame is made of --------------------------------------------------------------- */

/* One `uses:` step and its action, from the first phase to the last. */
struct use {
    const workflow_step *model;
    str text;                     /* "./path", "$/path", "owner/repo/path@ref" */
    str repository, ref;          /* empty for a local action */
    str origin;                   /* where its own file lies: "owner/repo@ref"; empty: in the
                                   * repository being run */
    bool local, docker, checkout; /* docker: "docker://IMAGE"; checkout: actions/checkout, which
                                   * the port does */
    bool post_registered;
    char *dir; /* the action's folder */
    str image; /* of a container action, once it is there */
    action *act;
    str name;       /* as the main step is called */
    value state;    /* STATE_*: an object */
    use **children; /* of a composite action: one for each of its steps, NULL for `run` */
    value steps;    /* of a composite action: its steps context, kept for the post phase */
};

/* A step that a frame is to run, in one phase. */
typedef struct entry {
    const workflow_step *model;
    use *use; /* NULL unless the step has `uses:` */
    phase phase;
} entry;

struct frame {
    frame *below;
    step *owner; /* the composite action's step; NULL for the job's own frame */
    phase phase;
    entry *entries;
    size_t count, cap, next;
    value steps, inputs; /* contexts */
    str action_path;
    step_result result; /* of what has run so far: PENDING, FAILURE or CANCELLED */
    unsigned depth;     /* 0 for the job */
};

/* ---- lanes and steps ----------------------------------------------------------------------- */

/* The files GITHUB_ENV, GITHUB_OUTPUT … of a lane's steps. A file that a step left empty serves the
 * next one. */
typedef enum step_file {
    FILE_ENV,
    FILE_OUTPUT,
    FILE_PATH,
    FILE_STATE,
    FILE_SUMMARY,
    STEP_FILE_COUNT
} step_file;

struct lane {
    runner *r;
    lane *next;
    frame *top;
    step *running;          /* the innermost step, while it waits for something */
    attempt *again;         /* a step that is to be tried again */
    background *background; /* NULL for the foreground */
    char *files[STEP_FILE_COUNT];
    char *script; /* of `run:` steps: written over from step to step */
    str script_extension;
};

/* A step that can be tried again, and the job as it was before it. */
struct attempt {
    frame *frame;
    entry entry;                /* its model may have been edited */
    const workflow_step *first; /* the model that it had at first */
    int number;
    int64_t started_us;
    str id, name;
    unsigned snapshot; /* 0: there is none, and why_not says why */
    const char *why_not;
    bool restoring;
    value env, state; /* of the job and of its use */
    str *paths;
    size_t path_count;
};

/* A background step, from its place in the list to the step that waits for it. What it does shows
 * to others only once it was waited for. */
struct background {
    background *next;
    lane *lane;
    step *step;        /* from queueing until it has ended */
    bool queued;       /* waits for a slot */
    bool started;      /* has or had a slot */
    bool merged;       /* was waited for: its effects show */
    bool cancel_asked; /* by a `cancel` step: being cancelled is no failure */
    str id, name;
    step_result outcome, conclusion; /* PENDING until it has ended */
    value outputs, env;
    str *paths;
    size_t path_count, path_cap;
};

typedef enum cancel_reason {
    CANCEL_NOT,
    CANCEL_JOB,  /* the job, or a `cancel` step */
    CANCEL_TIME, /* the step's timeout */
} cancel_reason;

struct step {
    runner *r;
    arena *a;
    lane *lane;
    frame *frame;
    const workflow_step *model; /* NULL for "Set up job" and "Complete job" */
    use *use;
    phase phase;
    int number;
    str id;
    str name; /* masked by what was secret when the step began: it stays the same to its end */
    int64_t started_us;
    attempt *attempt; /* NULL: it cannot be tried again */
    bool exit_untold; /* the line that tells its exit status waits for what is to become of it */

    /* contexts */
    value github, env, contexts;
    value own_env; /* what this step and the composite actions around it set: wins over the job's */
    expr_env eval;
    bool job_cancelled; /* status functions see the cancelled job, not the composite's result */

    /* ends */
    step_result result; /* PENDING: nothing has gone wrong so far */
    bool command_failed;
    cancel_reason cancel;
    int cancel_stage;
    int exit_code;
    value outputs; /* in runner.a */
    str summary;
    uint64_t deadline; /* of loop_now_ms, or EXPIRED_NEVER */
    double timeout_minutes;

    /* the process */
    value services; /* of port.services: an object, or null */
    sandbox_process *process;
    const char *const *environ;
    const char *cwd;
    loop_timer *timeout, *grace;

    /* output */
    strbuf partial; /* a line that has not ended */
    mask_stream cut_line;
    bool cut; /* the line was over the limit and is told in pieces */
    arena *line_a;
    command_state commands;
    bool echo, any_token, insecure, in_group;
    bool waits;                          /* a control step, until what it waits for has ended */
    bool copies;                         /* actions/checkout, until the port has ended it */
    str checked_out, checked_out_commit; /* its outputs */
};

struct runner {
    arena *a;
    const runner_spec *spec;
    runner_port port;
    sandbox_backend backend; /* of `box`: the spec's, or the engine where the job has a container */
    sandbox *box;
    sandbox *engine;           /* where containers are made: `box` itself, another one, or NULL */
    const char *engine_path;   /* socket */
    value container, services; /* as evaluated; null where there are none */
    value engine_result;       /* of `setup` */
    step *containers;          /* "Initialize containers" or "Stop containers", while it runs */
    bool containers_made;
    bool shared, relayed; /* it was tried to share the services of actions with containers; the
                           * job's own reaches them */
    unsigned share_port;  /* 0: they are not shared */
    char *share_folder;
    mask *mask;
    matcher_set *matchers; /* NULL until one is added */

    /* folders, as the job sees them */
    char *work, *workspace, *temp, *tools, *home, *commands, *event_path;
    char *folders[FOLDER_COUNT]; /* all that a job begins with */
    const char *node;            /* NULL where there is none */

    /* contexts */
    value github, runner_context, job, env;
    value base_env; /* what every process gets, under all else */
    value defaults_run;
    str *paths; /* GITHUB_PATH, in the order of adding */
    size_t path_count, path_cap;
    shell shell; /* of steps that name none or the job's default: looked up once */
    str shell_option, shell_path;
    bool shell_known;

    frame *root;      /* the job's own */
    lane *lanes;      /* the first is the foreground */
    loop_timer *pump; /* of background.c */
    background *backgrounds;
    unsigned slots_taken;
    entry *posts; /* registered, run from the last to the first */
    size_t post_count, post_cap;
    bool posts_added;

    int next_number, next_file;
    unsigned snapshots; /* taken so far */
    int64_t started_us;
    step_result status; /* job.status: SUCCESS, FAILURE, CANCELLED */
    bool cancelled, killed, closing;
    step *complete; /* "Complete job", while it runs */
    value outputs;
    loop_timer *timeout; /* of the job; after a cancellation, of the cancellation */
    strbuf scratch[5];   /* of the event writer */
    strbuf line;         /* of the log writer */
    bool debug;
};

/* ---- job.c --------------------------------------------------------------------------------- */

/* Called by the foreground lane when its last step has ended. */
void job_complete(runner *r);
/* sandbox_spec.on_left of a runner. */
void job_tell_left(void *context, const char *why);
/* Merges a result into the job's as GitHub does: a cancelled job stays cancelled. */
void job_merge(runner *r, step_result result);
step_result result_merge(step_result now, step_result with);
void job_add_path(runner *r, str path);

/* ---- prepare.c ----------------------------------------------------------------------------- */

/* Reads the actions of the job's steps (but local ones, which are not there yet) and of their
 * steps, evaluates its containers, and fills the job's frame. What is wrong is told by
 * `s`; negative then. */
int prepare_job(step *s);
/* Reads an action, unless that was done, and those that it uses. Problems of its file are told by
 * `s` besides. */
int use_load(step *s, use *u, unsigned depth, err *e);
bool use_has_pre(const use *u);
bool use_has_post(const use *u);
void frame_add(runner *r, frame *f, entry e);
/* A frame with the steps that a composite action has in the phase of `s`. */
frame *frame_of_composite(step *s, value inputs);

/* ---- containers.c -------------------------------------------------------------------------- */

/* Before anything else: whether the job has a container of its own, as far as can be told without
 * secrets and env; and where the engine is. */
bool containers_want_engine(runner *r);
/* Evaluates `container:` and `services:`. Negative when that fails or there is no engine; told by
 * `s`. */
int containers_evaluate(step *s);
/* The sandbox that makes containers, begun when it is first asked for. */
int containers_engine(runner *r, sandbox **ret, err *e);
/* Makes the job's containers where it has any, and goes on with its steps. */
void containers_begin(runner *r);
/* Removes them and calls job_complete; false when there is nothing to remove. */
bool containers_end(runner *r);
/* Output of sandbox_ask that comes as lines of kinds. */
void containers_output(step *s, str bytes);
/* Whether containers can reach the services of actions. Why not is told as a warning, once. */
bool containers_reach_services(step *s);
/* Adds to a request the program by which its container reaches them, where it can, and compares
 * what it has mounted with the job's folders, always. */
int containers_add_relay(step *s, value *request, err *e);
/* Asks with a request that is an object. `folder`: sandbox_ask. */
int containers_ask(step *s, const value *request, int folder, const sandbox_command *callbacks,
                   err *e);

/* ---- lane.c -------------------------------------------------------------------------------- */

lane *lane_new(runner *r, background *b);
/* Runs the lane until it has to wait or has ended. */
void lane_go(lane *l);
void lane_push(lane *l, frame *f);

/* ---- step.c -------------------------------------------------------------------------------- */

/* Makes a step of an entry: number, name, contexts. */
step *step_new(lane *l, frame *f, const entry *e);
/* The same step once more, from the beginning. */
step *step_again(lane *l, attempt *x);
step *step_new_builtin(runner *r, const char *id, const char *name, phase p);
/* Evaluates the condition and begins the step. True when the lane may go on: the step has ended, or
 * has pushed a frame, or runs in the background. */
bool step_begin(step *s);
/* Runs the step itself, its condition being met. As step_begin. */
bool step_run(step *s);
/* Ends the step: files, continue-on-error, contexts, events; frees it. */
void step_end(step *s);
/* Asks the running step to stop: SIGINT, SIGTERM, SIGKILL. */
void step_cancel(step *s, cancel_reason why);
/* After the job was cancelled: cancels the step unless its condition still holds. */
void step_recheck(step *s);
bool step_is_embedded(const step *s);
/* Starts the step's process; on failure the step's result is set. As step_begin. */
bool step_spawn(step *s, const char *const *argv, const char *cwd, const value *more_env);
/* The end of a step's process (sandbox_command.on_exit). */
void step_exited(void *context, int status, const char *why);
/* Has the step cancelled when its time is over. */
void step_watch_time(step *s);
void step_fail(step *s, const err *e);
void step_set_output(step *s, str name, str text);
void step_set_env(step *s, str name, str text);
void step_add_path(step *s, str path);
const char *phase_name(phase p);

/* ---- step_run.c, step_action.c, background.c ----------------------------------------------- */

bool step_run_script(step *s);
bool step_run_action(step *s);
/* step_checkout.c: actions/checkout. Whether it is of the repository being run, which
 * step_checkout begins to check out; else it is an action like others. */
bool step_is_own_checkout(const step *s, const value *inputs);
int step_checkout(step *s, const value *inputs, err *e);
/* A container action, or a step that uses an image. */
bool step_run_container(step *s, const value *inputs, const value *variables);
/* The last step of a composite action has ended: its outputs. */
void step_end_composite(step *s, const frame *f);
bool step_run_control(step *s);

/* A background step to be, with its lane. */
background *background_new(runner *r);
/* Queues a background step whose condition is met. */
void background_start(step *s);
/* A background step has ended (or was never queued): gives its slot on. */
void background_end(background *b);
/* Has the loop start what is queued and wake who waits. */
void background_wake(runner *r);
bool background_active(const runner *r);
/* Makes the effects of all that were not waited for show, and merges results into the job's. */
void background_settle(runner *r);
/* Cancels those that still run or are queued. */
void background_cancel_all(runner *r);

/* ---- attempt.c ----------------------------------------------------------------------------- */

/* As step_run; in a job with snapshots, takes one first. */
bool attempt_run(step *s);
/* The port will be asked if this step fails. */
bool attempt_is_asked(const step *s);
/* The step has failed: asks what shall become of it. True when it is to be tried again, and this
 * attempt to be forgotten. */
bool attempt_failed(step *s);
/* Called by the lane when it goes on: begins to go back where a step is to be tried again. False
 * while that is under way. */
bool attempt_go(lane *l);

/* ---- contexts.c ---------------------------------------------------------------------------- */

/* The job's own contexts and folders; needs spec. */
int context_init(runner *r, err *e);
/* workflow and job env, defaults. Evaluated in the set-up step. */
int context_job_env(step *s, err *e);
/* Says who the job is, once its sandbox is ready. */
void context_name_user(runner *r);
/* A step's github, env and contexts. Its own env is not yet merged. */
void context_step(step *s);
/* Evaluates the step's env and merges it. */
int context_step_env(step *s, err *e);
/* The process's environment: NULL-terminated, in s->a. `more` (an object, may be NULL) wins over
 * env but not over what the runner itself sets. */
const char *const *context_environ(step *s, const value *more);
/* The same for a container of its own, as an object: without what is the machine's. */
value context_container_env(step *s, const value *more);
/* The PATH of the step's processes. */
str context_path(step *s);
/* Records how a step ended in a steps context. */
void context_put_step(runner *r, value *steps, str id, const value *outputs, step_result outcome,
                      step_result conclusion);
str context_text(arena *a, const value *v);
/* A tree that may be changed in one place without changing the other: one level deep. */
value context_shallow(arena *a, const value *object);

/* ---- folders.c ----------------------------------------------------------------------------- */

/* Names and makes them, before any command of the job's can run. */
int folders_make(runner *r, err *e);
/* Puts the tools of the machine, or of the image, into the tool cache of the job; where that fails,
 * it stays empty. */
void tools_offer(runner *r);
/* Where a path of the job's folders is on the machine, which commands of the job may have changed
 * into a link. */
char *folders_outside(const runner *r, arena *a, const char *path);
/* The job's files as it sees them. Whatever it could have touched is looked at through this. */
const view *job_files(const runner *r);

/* ---- files.c ------------------------------------------------------------------------------- */

/* Makes sure that the lane has its files. */
int files_open(lane *l, err *e);
/* Reads what the step wrote and applies it. */
void files_process(step *s);
extern const char *const step_file_context[STEP_FILE_COUNT]; /* "env", "output" … */

/* ---- output.c ------------------------------------------------------------------------------ */

void output_event(runner *r, runner_event *ev);
/* An event of that kind with what it says of the step. */
runner_event output_event_of(const step *s, runner_event_kind kind);
void output_step(const step *s, runner_event_kind kind);
void output_log(step *s, log_level level, str text);
void output_logf(step *s, log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Log line and annotation. */
void output_error(step *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_warning(step *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error with a place in a file. */
void output_error_at(step *s, span where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void output_debug(step *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_group(step *s, str title);
void output_group_end(step *s);
/* Bytes from the step's process; output_flush takes what is left of the last line. */
void output_bytes(step *s, str bytes);
void output_flush(step *s);
bool output_is_clean(runner *r, str text); /* holds no secret */
str output_masked(runner *r, arena *a, str text);

#endif
