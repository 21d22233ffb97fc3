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

/* A call of a workflow: the root's, or a reusable one's. */
typedef struct plan_scope {
    const workflow *workflow;
    const plan_job *caller; /* NULL for the root */
} plan_scope;

struct plan_job {
    str key; /* unique: "build", "release/publish" */
    const workflow_job *job;
    const plan_scope *scope;
    plan_job **needs;
    size_t need_count;
    plan_job **children; /* of a reusable call: the called workflow's jobs */
    size_t child_count;
    unsigned level; /* longest chain of needs before it: for drawing the graph */
};

typedef struct plan_filter {
    const str *jobs; /* -j: only these and what they need; empty: all */
    size_t job_count;
    const value_pair *matrix; /* --matrix K:V: only configurations that have these */
    size_t matrix_count;
} plan_filter;

/* `ev` and `w` must outlive the plan. Errors: an unknown job in the filter, a cycle, no job. */
int plan_build(arena *a, const workflow *w, const event *ev, const plan_filter *filter, plan **ret,
               err *e);
plan_job **plan_jobs(const plan *p, size_t *ret_count); /* every job, callers before called */
const workflow *plan_workflow(const plan *p);

/* One job that runs: one configuration of a matrix, or the only one. */
typedef struct job_instance {
    str key;  /* unique in the run and stable: "build", "test (18, linux)" */
    str name; /* for people, as GitHub builds it */
    const plan_job *plan;
    unsigned index, total;  /* in its matrix */
    value matrix, strategy; /* contexts; matrix is null without one */
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
    str concurrency_group;
    bool concurrency_cancel;
} job_instance;

typedef struct schedule schedule;

typedef struct schedule_inputs {
    value secrets, vars, inputs; /* objects */
    size_t max_parallel;         /* over all jobs; 0: no limit. Matrix limits apply besides */
} schedule_inputs;

/* Everything that happens is told by this callback: a job skipped or failed before it could start
 * (an expression that cannot be evaluated), a call that ended. `instance` may be NULL for a whole
 * job. */
typedef void schedule_event_fn(void *context, const plan_job *job, const job_instance *instance,
                               job_result result, str reason);

int schedule_new(const plan *p, const schedule_inputs *in, schedule_event_fn *fn, void *context,
                 schedule **ret, err *e);
void schedule_free(schedule *s);
/* The next job to start, or NULL when none may start now. Borrowed until schedule_free. */
const job_instance *schedule_next(schedule *s);
/* A started job ended with these outputs (an object). `result` is before continue-on-error. */
void schedule_finish(schedule *s, const job_instance *job, job_result result, const value *outputs);
/* The run is cancelled: what has not started is cancelled unless its `if` says otherwise
 * (always(), cancelled()). The caller cancels what runs. */
void schedule_cancel(schedule *s);
/* Takes one job that should be cancelled because of fail-fast, or NULL. */
const job_instance *schedule_take_cancel(schedule *s);
bool schedule_done(const schedule *s);
/* The run's conclusion so far: failure over cancelled over success; skipped when all were. */
job_result schedule_result(const schedule *s);

/* Expands a strategy's matrix; exposed for --list and tests. Each item of *ret is an object. */
int matrix_expand(arena *a, const value *matrix, value **ret, size_t *ret_count, err *e);

#endif
