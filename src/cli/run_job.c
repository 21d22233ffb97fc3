/* run_job.c: the jobs of a run, as its loop and those who watch see them. */
#include "cli/run_driver.h"

#include "cli/console.h"

#include <unistd.h>

static void on_event(void *context, const runner_event *ev) {
    live_job *job = context;
    driver_tell(job->d, job->view, ev);
}

/* What is to be shown has been shown, and nothing more is until the other program has ended. */
static void suspend(driver *d, bool suspended) {
    if (d->render->ops->suspend)
        d->render->ops->suspend(d->render, suspended);
    else
        render_flush(d->render);
}

/* The shell has the terminal to itself until the person leaves it. */
static void on_failed_shell(void *context, sandbox *box, const char *cwd, const char *const *env) {
    live_job *job = context;
    driver *d = job->d;
    if (d->cancelled) return;
    suspend(d, true);
    console o = CONSOLE_INIT(STDERR_FILENO);
    strbuf_adds(&o.buf, "A step of ");
    style_text(&o.buf, &d->render->style, job->view->label);
    strbuf_adds(&o.buf, " failed. This is its folder and environment; 'exit' goes on.\n");
    console_done(&o);
    run_shell(box, cwd, env);
    suspend(d, false);
}

static runner_choice on_failed_step(void *context, runner_failure *failure) {
    live_job *job = context;
    driver *d = job->d;
    suspend(d, true);
    runner_choice choice = run_debug_ask(d->set, &d->render->style, job->view, failure);
    suspend(d, false);
    if (choice == RUNNER_STOP) driver_cancel_all(d);
    return choice;
}

static void on_finished(void *context, job_result result, const value *outputs) {
    live_job *job = context;
    job->ended = true;
    job->result = result;
    if (outputs) job->outputs = value_copy(job->a, outputs);
    driver_pump_soon(job->d);
}

static void end_unstarted(live_job *job, job_result result, str reason) {
    job->view->reason = driver_masked(job->d, job->view->a, reason);
    driver_tell_finished(job->d, job->view, result, NULL);
    job->ended = true;
    job->result = result;
    driver_pump_soon(job->d);
}

static void start_or_fail(live_job *job) {
    err e = {0};
    if (agent_job_start(job->one, &e) < 0) end_unstarted(job, JOB_FAILURE, str_from(e.message));
}

void live_job_add(live_run *run, const job_instance *instance) {
    driver *d = run->d;
    arena *a = arena_new();
    live_job *job = ARENA_NEW(a, live_job);
    *job = (live_job){.d = d, .run = run, .instance = instance, .a = a, .next = d->jobs};
    job->view = driver_add_view(run, instance->plan, instance, instance->key, instance->name);
    const agent_job_port port = {
        .context = job,
        .event = on_event,
        .failed_shell = d->config->shell_on_failure ? on_failed_shell : NULL,
        .failed_step = d->config->debug ? on_failed_step : NULL,
        .finished = on_finished,
    };
    sandbox_egress egress = run_network(d->set, a, instance->plan->job->id);
    job->one = agent_job_new(&d->host, &run->services, instance, &egress, &port);
    d->jobs = job;
    d->running++;
    start_or_fail(job);
}

void live_job_start_waiting(driver *d) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (!job->ended && agent_job_waits(job->one)) start_or_fail(job);
    }
}

static bool all_done(const driver *d) {
    for (size_t i = 0; i < d->run_count; i++) {
        if (!schedule_done(d->runs[i].schedule)) return false;
    }
    return true;
}

static void remove_job(live_job **at) {
    live_job *job = *at;
    driver *d = job->d;
    *at = job->next;
    schedule_finish(job->run->schedule, job->instance, job->result, &job->outputs);
    bool last = all_done(d); /* its root goes with the run's folder */
    bool held = !d->config->keep && !last && agent_job_put(job->one);
    if (!held) d->running--;
    agent_job_free(job->one);
    arena_free(job->a);
}

static live_job *job_of(driver *d, const job_instance *instance) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (job->instance == instance) return job;
    }
    return NULL;
}

void live_job_cancel(driver *d, const job_instance *instance) {
    live_job *job = job_of(d, instance);
    if (!job || job->ended) return;
    if (!agent_job_cancel(job->one))
        end_unstarted(job, JOB_CANCELLED, STR("cancelled while its image was being unpacked"));
}

void live_job_remove_ended(driver *d) {
    for (live_job **at = &d->jobs; *at;) {
        if ((*at)->ended)
            remove_job(at);
        else
            at = &(*at)->next;
    }
}
