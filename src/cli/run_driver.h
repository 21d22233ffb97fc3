/* run_driver.h: what the loop of `slipway run` (run_driver.c) and its jobs (run_job.c) share. */
#ifndef SLIPWAY_CLI_RUN_DRIVER_H
#define SLIPWAY_CLI_RUN_DRIVER_H

#include "agent/job.h"
#include "base/loop.h"
#include "cli/render.h"
#include "runner/mask.h"

typedef struct driver driver;

/* A job that runs. */
typedef struct live_job {
    struct live_job *next;
    driver *d;
    struct live_run *run;
    const job_instance *instance;
    job_view *view;
    arena *a;
    agent_job *one;
    bool ended;
    job_result result;
    value outputs;
} live_job;

typedef struct live_run {
    driver *d;
    run_view view;
    schedule *schedule;
    services_run services;
    bool started, finished;
} live_run;

struct driver {
    run_set *set;
    const run_config *config;
    loop *loop;
    render *render;
    notices tell;
    agent_host host;
    mask *mask;
    event event; /* masked */
    live_run *runs;
    size_t run_count;
    live_job *jobs;   /* those that run */
    size_t running;   /* a job runs until what it has left is removed */
    job_view **views; /* every job that ran or was skipped, in order */
    size_t view_count, view_cap;
    loop_timer *pump_timer;
    loop_signal *signals[4];
    unsigned interrupts;
    bool cancelled;
};

/* ---- run_driver.c --------------------------------------------------------------------------- */

/* What is secret of it is masked; in `a`. */
str driver_masked(driver *d, arena *a, str text);
job_view *driver_add_view(live_run *run, const plan_job *job, const job_instance *instance, str key,
                          str name);
void driver_tell(driver *d, job_view *v, const runner_event *ev);
/* `outputs` may be NULL. */
void driver_tell_finished(driver *d, job_view *v, job_result result, const value *outputs);
/* Something has changed: in the next round of the loop. */
void driver_pump_soon(driver *d);
void driver_cancel_all(driver *d);

/* ---- run_job.c ------------------------------------------------------------------------------ */

/* Starts it, or begins what it has to wait for. A job that cannot be started has failed. */
void live_job_add(live_run *run, const job_instance *instance);
/* Starts those whose images have become ready. */
void live_job_start_waiting(driver *d);
/* Cancels the job that runs this instance, if one does. */
void live_job_cancel(driver *d, const job_instance *instance);
/* Puts away those that have ended. */
void live_job_remove_ended(driver *d);

#endif
