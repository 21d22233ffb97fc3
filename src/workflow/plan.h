/* plan.h: a run as a graph of jobs, and the state machine that walks it. Pure: no clock, no I/O.
 *
 * plan_build makes the graph: jobs of the workflow and of the reusable workflows that it calls,
 * with their needs. A schedule then walks it: it expands matrices (they may depend on outputs),
 * evaluates `if`, skips, hands out jobs that may start, and takes back their results. */
#ifndef SLIPWAY_WORKFLOW_PLAN_H
#define SLIPWAY_WORKFLOW_PLAN_H

#include "workflow/event.h"

#define MATRIX_JOBS_MAX 256

typedef enum job_result {
    JOB_PENDING,
    JOB_SUCCESS,
    JOB_FAILURE,
    JOB_CANCELLED,
    JOB_SKIPPED,
    JOB_RESULT_COUNT
} job_result;
const char *job_result_name(job_result r);

typedef struct plan plan;
typedef struct plan_job plan_job;

/* A workflow in the plan: the root's, or one that a job calls. */
typedef struct plan_scope {
    const workflow *workflow;
    const plan_job *caller; /* NULL for the root */
} plan_scope;

struct plan_job {
    str key; /* unique: "build", "release/publish" */
    const workflow_job *job;
    const plan_scope *scope;
    unsigned index; /* among the jobs of its scope */
    plan_job **needs;
    size_t need_count;
    plan_job **dependents; /* the other end of needs */
    size_t dependent_count;
    plan_job **children; /* of a call: the called workflow's jobs */
    size_t child_count;
    unsigned level; /* longest chain of needs before it in its scope: for drawing the graph */
};

/* True for a job that calls a reusable workflow. */
bool plan_job_is_call(const plan_job *job);

typedef struct plan_filter {
    const str *jobs; /* -j: id, key or literal name: only these and what they need; empty: all */
    size_t job_count;
    /* --matrix K:V: a configuration that has K must have one of the values given for K. */
    const value_pair *matrix;
    size_t matrix_count;
} plan_filter;

#define PLAN_JOBS_MAX  20000 /* with every call counted again */
#define PLAN_DEPTH_MAX 16    /* of calls */

/* `ev`, `w` and `filter` (which may be NULL) must outlive the plan. Errors: an unknown job in the
 * filter, a cycle, no job, a limit. */
int plan_build(arena *a, const workflow *w, const event *ev, const plan_filter *filter, plan **ret,
               err *e);
plan_job **plan_jobs(const plan *p, size_t *ret_count);  /* every job, callers before called */
plan_job **plan_roots(const plan *p, size_t *ret_count); /* those of the root workflow only */

/* ---- matrix -------------------------------------------------------------------------------- */

typedef struct matrix_config {
    value values; /* the `matrix` context: an object */
    str label;    /* "18, linux": what the name shows; values that `include` added are left out */
} matrix_config;

/* Expands the value of `strategy.matrix`: product, exclude, include. Errors: what GitHub reports,
 * and ERR_LIMIT for more than MATRIX_JOBS_MAX. */
int matrix_expand(arena *a, const value *matrix, matrix_config **ret, size_t *ret_count, err *e);

/* For --list: the configurations of a job after --matrix. ERR_UNSUPPORTED when only a run can know
 * them. A job without a matrix gives none. */
int plan_matrix(arena *a, const plan *p, const plan_job *job, matrix_config **ret,
                size_t *ret_count, err *e);

/* ---- schedule ------------------------------------------------------------------------------ */

/* One job that runs: one configuration of a matrix, or the only one. A call of a reusable workflow
 * is an instance as well, but schedule_next never gives it. */
typedef struct job_instance job_instance;
struct job_instance {
    str key;  /* unique in the run and stable: "build", "test (18, linux)", "call (1)/inner" */
    str name; /* for people, as GitHub builds it: "Call / Inner (18)" */
    const plan_job *plan;
    const job_instance *caller; /* the call that it is part of, or NULL */
    unsigned index, total;      /* in its matrix */
    value matrix, strategy;     /* contexts; matrix is null without one */
    value needs, inputs;
    value secrets; /* those that this job may see */
    value vars;
    value github; /* event context, without what only the runner knows */
    str *labels;  /* runs-on */
    size_t label_count;
    str runner_group;
    bool continue_on_error;
    double timeout_minutes;        /* default 360 */
    double cancel_timeout_minutes; /* default 5 */
    str environment;               /* its name, or empty; the url is the runner's to evaluate */
    bool environment_deployment;   /* whether it makes a deployment record */
    str concurrency_group;
    bool concurrency_cancel;
};

/* Jobs and configurations in one run, with every call counted again: matrices of calls of matrices
 * multiply. The job that would go over it fails, and so does what comes after it. */
#define RUN_JOBS_MAX 20000

typedef struct schedule schedule;

typedef struct schedule_inputs {
    value secrets, vars;
    value inputs;        /* of the root workflow; null: event_inputs of the plan's event */
    size_t max_parallel; /* over all jobs; 0: no limit. Matrix limits apply besides */
} schedule_inputs;

/* What a schedule tells of its own accord. Jobs that were handed out are not told: the caller knows
 * when they start and end. */
typedef enum schedule_event_kind {
    /* A job ended before it could start: skipped, cancelled, or failed because something in it
     * cannot be evaluated. `instance` is NULL when that was so for the whole job. */
    SCHEDULE_NOT_STARTED,
    /* A call of a reusable workflow starts; its jobs follow. */
    SCHEDULE_CALL_STARTED,
    /* All jobs of a call have ended. */
    SCHEDULE_CALL_FINISHED,
    SCHEDULE_EVENT_COUNT
} schedule_event_kind;

/* Borrowed for the length of the callback, but for `job`, `instance` and what hangs on them. */
typedef struct schedule_event {
    schedule_event_kind kind;
    const plan_job *job;
    const job_instance *instance; /* NULL only with SCHEDULE_NOT_STARTED */
    str key, name;                /* the instance's, else made from the job and its caller */
    job_result result;            /* JOB_PENDING with SCHEDULE_CALL_STARTED */
    str reason;                   /* SCHEDULE_NOT_STARTED: one sentence; else empty */
    span where;                   /* what the reason is about; line 0 when unknown */
    value outputs;                /* SCHEDULE_CALL_FINISHED: an object */
} schedule_event;

/* Called from inside schedule_next, _finish and _cancel; it must not call the schedule. */
typedef void schedule_event_fn(void *context, const schedule_event *event);

/* `p` and what `in` points to must outlive the schedule. Errors: the root's inputs, its
 * `run-name` or its `concurrency` are wrong. */
int schedule_new(const plan *p, const schedule_inputs *in, schedule_event_fn *fn, void *context,
                 schedule **ret, err *e);
void schedule_free(schedule *s);

/* The next job to start, or NULL when none may start now. Borrowed until schedule_free. The caller
 * starts it, and asks again: until NULL, after every schedule_finish and schedule_cancel. */
const job_instance *schedule_next(schedule *s);

/* A started job ended with these outputs (an object or NULL; copied). `result` is before
 * continue-on-error. */
void schedule_finish(schedule *s, const job_instance *job, job_result result, const value *outputs);

/* The run is cancelled. As on GitHub, every condition is judged again: what has not started is
 * cancelled and what runs is given out by schedule_take_cancel, unless its `if` still holds
 * (always(), cancelled()). */
void schedule_cancel(schedule *s);

/* Takes one running job that should be cancelled now (fail-fast, cancel-in-progress, a cancelled
 * run), or NULL. The caller cancels it and still ends it with schedule_finish. To be drained after
 * every call of the three above. *ret_reason (which may be NULL) is one sentence. */
const job_instance *schedule_take_cancel(schedule *s, str *ret_reason);

/* True when every job has ended. */
bool schedule_done(const schedule *s);

/* The run's conclusion so far: failure over cancelled over success; skipped when all were. */
job_result schedule_result(const schedule *s);

/* What the root workflow's `run-name` gives for this run; empty when it has none or gives a blank
 * text. Borrowed. */
str schedule_run_name(const schedule *s);

/* The root workflow's `concurrency`, for those who run several: the group (empty when there is
 * none) and whether a newer run cancels this one. */
str schedule_group(const schedule *s, bool *ret_cancel_in_progress);

#endif
