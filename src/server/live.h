/* live.h: runs that have not ended, as the core has them in memory. Private to src/server.
 *
 * A run's plan and schedule are made from what its row holds: the event and the sources of its
 * workflow. They say which jobs there are and when each may start; the rows of jobs say what has
 * become of them. After a restart the schedule is made again and is told the results of the jobs
 * that have ended, in the order in which they did; then it stands where it stood.
 *
 * All of it runs on the core's thread, inside of a command. */
#ifndef SLIPWAY_SERVER_LIVE_H
#define SLIPWAY_SERVER_LIVE_H

#include "server/core.h"
#include "server/states.h"
#include "workflow/plan.h"

typedef struct live live;
typedef struct live_run live_run;

/* A job that has not ended. */
typedef struct live_job {
    struct live_job *next;
    live_run *run;
    const job_instance *instance;
    unsigned annotations;
    store_job row; /* what is long of it is in the run's arena */
} live_job;

struct live_run {
    live_run *next;
    live *of;
    arena *a;
    store_run row;
    str repository; /* "owner/name" */
    workflow *workflow;
    event event;
    plan *plan;
    schedule *schedule;
    live_job *jobs;
    store_job *known;     /* rows when it was made: what has ended already */
    uint8_t *known_reuse; /* of each, in a re-run: 0 not judged yet, 1 it counts, 2 it does not */
    size_t known_count;
    int64_t ended; /* jobs so far */
    bool broken;   /* an event of the schedule could not be written */
    err trouble;
    core_tx *tx; /* of the command that is at work */
};

/* What the owner does about them. Called from the core, inside of a command. */
typedef struct live_port {
    void *context;
    /* The secrets and variables of a repository, as objects of strings in `a`. */
    int (*secrets)(void *context, arena *a, const live_run *run, value *ret_secrets,
                   value *ret_vars, err *e);
    /* A job may go to an agent now: it is queued. */
    void (*ready)(void *context, core_tx *tx, live_job *job);
    /* A job that an agent has is to be cancelled. */
    void (*cancel)(void *context, core_tx *tx, live_job *job);
    /* A job has left: no agent may have it any more. */
    void (*gone)(void *context, core_tx *tx, live_job *job);
    /* Whether its environment lets it start; else *ret_reason. May be NULL. */
    bool (*may_start)(void *context, core_tx *tx, const live_job *job, str *ret_reason);
    /* A change of state: into the audit log, and to the pages. */
    int (*changed_run)(void *context, core_tx *tx, const live_run *run, const char *what, err *e);
    int (*changed_job)(void *context, core_tx *tx, const live_run *run, const store_job *job,
                       const char *what, err *e);
    /* A file of another repository that the workflow calls; ERR_UNSUPPORTED where there is none.
     * May be NULL. */
    workflow_file_fn *file;
} live_port;

live *live_new(const live_port *port);
void live_free(live *l);

/* Reads all runs that have not ended from the database, after dropping what is in memory. */
int live_load(live *l, core_tx *tx, err *e);

/* Makes a run out of a row that is filled but for its id, number and times, and starts it, or lets
 * it wait: for its concurrency group, or, where `ask` is not empty, for an approval (its reason). A
 * workflow that cannot be planned gives a run that has failed with the reason. */
int live_start(live *l, core_tx *tx, store_run *row, str repository, str ask, int64_t *ret_id,
               err *e);
/* Lets one that waits for an approval go on. */
int live_approve(live *l, core_tx *tx, int64_t run, err *e);
int live_cancel(live *l, core_tx *tx, int64_t run, str reason, err *e);
/* A new attempt of a run that has ended. `which` as of store_run.rerun. */
int live_rerun(live *l, core_tx *tx, int64_t run, str which, str by, err *e);

live_run *live_run_find(live *l, int64_t id);
live_job *live_job_find(live *l, int64_t id);
/* For all jobs that have not ended. */
void live_each_job(live *l, void (*fn)(void *context, live_job *job), void *context);

/* An event of a job, by the table of states. ERR_INVALID when it cannot happen. */
int live_job_move(core_tx *tx, live_job *job, job_event what, str reason, err *e);
/* An agent, or we, say that it has ended. `outputs` is an object or NULL. */
int live_job_end(core_tx *tx, live_job *job, store_result result, const value *outputs, str reason,
                 err *e);
/* A job's environment may let it go on. */
int live_job_release(core_tx *tx, live_job *job, err *e);

#endif
