/* A job from its folder to its result. */
#include "runner/job.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000

/* ---- results ------------------------------------------------------------------------------- */

/* Cancelled wins over failed, failed over everything else. */
step_result result_merge(step_result now, step_result with) {
    if (now == STEP_CANCELLED || with == STEP_CANCELLED) return STEP_CANCELLED;
    if (now == STEP_FAILURE || with == STEP_FAILURE) return STEP_FAILURE;
    return now;
}

void job_merge(runner *r, step_result result) {
    r->status = result_merge(r->status, result);
    value_set_str(r->a, &r->job, "status", str_from(step_result_name(r->status)));
}

static job_result job_result_of(step_result status) {
    return status == STEP_SUCCESS   ? JOB_SUCCESS
           : status == STEP_FAILURE ? JOB_FAILURE
                                    : JOB_CANCELLED;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void evaluate_output(step *s, str name, const token *t) {
    str text;
    err e = {0};
    if (token_eval_str(s->a, t, &s->eval, &text, &e) < 0) {
        output_error(s, "Fail to evaluate job outputs");
        step_fail(s, &e);
        job_merge(s->r, STEP_FAILURE);
    } else if (!text.len) {
        output_debug(s, "Skip output '%.*s' since it's empty", STR_ARG(name));
    } else if (!output_is_clean(s->r, text)) {
        output_warning(s, "Skip output '%.*s' since it may contain secret.", STR_ARG(name));
    } else {
        output_logf(s, LOG_PLAIN, "Set output '%.*s'", STR_ARG(name));
        value_set(s->r->a, &s->r->outputs, name, value_string(arena_str(s->r->a, text)));
    }
}

static void evaluate_outputs(step *s) {
    const token *t = s->r->spec->job->plan->job->outputs;
    if (!t || t->kind != TOKEN_MAPPING) return;
    output_log(s, LOG_PLAIN, STR("Evaluate and set job outputs"));
    for (size_t i = 0; i < t->mapping.count; i++)
        evaluate_output(s, token_text(t->mapping.pairs[i].key), t->mapping.pairs[i].item);
}

static void evaluate_environment_url(step *s) {
    const token *url = token_get(s->r->spec->job->plan->job->environment, "url");
    str text;
    err e = {0};
    if (!url) return;
    output_log(s, LOG_PLAIN, STR("Evaluate and set environment url"));
    if (token_eval_str(s->a, url, &s->eval, &text, &e) < 0) {
        output_error(s, "Failed to evaluate environment url");
        step_fail(s, &e);
        job_merge(s->r, STEP_FAILURE);
    } else if (!output_is_clean(s->r, text)) {
        output_warning(s, "Skip setting environment url as environment '%.*s' may contain secret.",
                       STR_ARG(s->r->spec->job->environment));
    } else {
        output_logf(s, LOG_PLAIN, "Evaluated environment url: %.*s", STR_ARG(text));
    }
}

static void on_orphan(void *context, int pid, const char *name) {
    runner *r = context;
    if (r->complete)
        output_logf(r->complete, LOG_PLAIN, "Terminate orphan process: pid (%d) (%s)", pid, name);
}

static void on_closed(void *context) {
    runner *r = context;
    if (r->engine == r->box) r->engine = NULL;
    r->box = NULL;
    if (r->engine) { /* services outlive what uses them */
        sandbox *engine = r->engine;
        r->engine = NULL;
        sandbox_close(engine, NULL, on_closed, r);
        return;
    }
    loop_timer_stop(r->timeout);
    loop_timer_stop(r->pump);
    r->timeout = r->pump = NULL;
    if (r->complete) step_end(r->complete);
    r->complete = NULL;
    job_result result = job_result_of(r->status);
    runner_event ev = {.kind = RUNNER_JOB_FINISHED,
                       .step = -1,
                       .parent_step = -1,
                       .result = result,
                       .outputs = &r->outputs,
                       .duration_us = clock_wall_us() - r->started_us};
    output_event(r, &ev);
    r->port.finished(r->port.context, result, &r->outputs);
}

static void close_box(runner *r) {
    if (r->closing) return;
    r->closing = true;
    sandbox_close(r->box, on_orphan, on_closed, r);
}

void job_complete(runner *r) {
    if (r->complete || (r->killed && r->closing) || containers_end(r)) return;
    step *s = r->complete = step_new_builtin(r, "__complete_job", "Complete job", PHASE_POST);
    if (!r->killed) {
        evaluate_outputs(s);
        evaluate_environment_url(s);
    }
    output_log(s, LOG_PLAIN, STR("Cleaning up orphan processes"));
    close_box(r);
}

/* ---- cancelling ---------------------------------------------------------------------------- */

static void on_cancel_over(void *context) {
    runner *r = context;
    runner_kill(r);
}

void runner_cancel(runner *r) {
    if (r->cancelled || r->closing) return;
    r->cancelled = true;
    job_merge(r, STEP_CANCELLED);
    double minutes = r->spec->job->cancel_timeout_minutes;
    loop_timer_stop(r->timeout);
    r->timeout = loop_after(r->spec->loop, (uint64_t)((minutes > 0 ? minutes : 5) * MINUTE_MS),
                            on_cancel_over, r);
    background_cancel_all(r);
    if (r->containers && r->containers->phase == PHASE_PRE) step_cancel(r->containers, CANCEL_JOB);
    if (r->lanes->running) step_recheck(r->lanes->running);
}

void runner_kill(runner *r) {
    if (r->killed || r->closing) return;
    r->killed = r->cancelled = true;
    job_merge(r, STEP_CANCELLED);
    for (lane *l = r->lanes, *next; l; l = next) {
        next = l->next; /* a queued background step takes its lane with it */
        if (l->running) step_cancel(l->running, CANCEL_JOB);
        if (l->running && l->running->process) sandbox_kill(l->running->process);
    }
    if (r->containers) {
        step_cancel(r->containers, CANCEL_JOB);
        if (r->containers->process) sandbox_kill(r->containers->process);
    }
    background_cancel_all(r);
}

static void on_timeout(void *context) {
    runner *r = context;
    step *s = NULL;
    for (lane *l = r->lanes; l && !s; l = l->next)
        s = l->running;
    if (s)
        output_error(s, "The job has exceeded the maximum execution time of %g minutes",
                     r->spec->job->timeout_minutes);
    runner_cancel(r);
}

static void start_clock(runner *r) {
    double minutes = r->spec->job->timeout_minutes;
    if (minutes > 0 && minutes < 1e7)
        r->timeout = loop_after(r->spec->loop, (uint64_t)(minutes * MINUTE_MS), on_timeout, r);
}

/* ---- the beginning ------------------------------------------------------------------------- */

static void tell_setup(step *s) {
    const job_instance *job = s->r->spec->job;
    output_logf(s, LOG_PLAIN, "Current runner version: '%s'", SLIPWAY_VERSION);
    output_logf(s, LOG_PLAIN, "Runner name: '%.*s'",
                STR_ARG(value_path_str(&s->r->runner_context, "name")));
    output_log(s, LOG_PLAIN, STR("Prepare workflow directory"));
    output_log(s, LOG_PLAIN, STR("Prepare all required actions"));
    output_logf(s, LOG_PLAIN, "Complete job name: %.*s", STR_ARG(job->name));
}

/* A job is never run with less isolation than was asked for. */
static void cannot_isolate(const runner *r, const err *why, err *e) {
    const job_instance *job = r->spec->job;
    str label = job->label_count ? job->labels[0] : STR("LABEL");
    err_set(e, ERR_UNSUPPORTED,
            "%s. The job was not started: 'slipway doctor' tells what is missing here, and "
            "'-P %.*s=host' runs it on this machine without a sandbox",
            why->message, STR_ARG(label));
}

/* `unready`: why there is no sandbox, or NULL. */
static void set_up(runner *r, const err *unready) {
    err e = {0};
    step *s = step_new_builtin(r, "__set_up_job", "Set up job", PHASE_PRE);
    tell_setup(s);
    if (unready) cannot_isolate(r, unready, &e);
    bool good = !unready && context_job_env(s, &e) >= 0;
    if (!good) step_fail(s, &e);
    if (good && prepare_job(s) < 0) s->result = STEP_FAILURE;
    step_end(s);
}

static void find_node(runner *r) {
    str path = value_path_str(&r->base_env, "PATH");
    bool host = r->backend == SANDBOX_HOST;
    if (r->backend == SANDBOX_ENGINE) return; /* known once the container is there */
    r->node = host ? r->spec->node : view_find_program(job_files(r), r->a, "node", path);
}

/* Called by the sandbox. */
static void begin(void *context, const err *e) {
    runner *r = context;
    runner_event ev = {.kind = RUNNER_JOB_STARTED, .step = -1, .parent_step = -1};
    output_event(r, &ev);
    if (!r->cancelled) start_clock(r);
    if (!e) {
        context_name_user(r);
        find_node(r);
        tools_offer(r);
    }
    set_up(r, e);
    if (r->status == STEP_FAILURE)
        job_complete(r);
    else
        containers_begin(r);
}

static step *running_step(const runner *r) {
    for (const lane *l = r->lanes; l; l = l->next) {
        if (l->running) return l->running;
    }
    return r->complete;
}

/* Told by the step that runs: it is the one that fails for it. */
static void on_limit(void *context, const char *what) {
    step *s = running_step(context);
    if (s) output_error(s, "%s", what);
}

/* Of containers, networks and images, when the job closes. */
void job_tell_left(void *context, const char *why) {
    step *s = running_step(context);
    if (s)
        output_warning(s,
                       "Not all that the job has made in the container engine could be removed: "
                       "%s. The next job that uses the engine tries again",
                       why);
}

/* What is refused is a line of the log as well: the program itself may only say that it timed out.
 */
static void on_contact(void *context, const sandbox_contact *c) {
    runner *r = context;
    step *s = running_step(r);
    runner_event ev = {.kind = RUNNER_CONTACT, .step = -1, .parent_step = -1};
    if (s) ev = output_event_of(s, RUNNER_CONTACT);
    sandbox_contact clean = *c;
    arena *a = s ? s->a : r->a;
    clean.name = output_masked(r, a, c->name);
    ev.contact = &clean;
    output_event(r, &ev);
    if (s && strcmp(c->verdict, "denied") == 0)
        output_logf(s, LOG_WARNING, "Network: %.*s:%u was refused: %s", STR_ARG(c->name), c->port,
                    c->reason);
}

int runner_start(const runner_spec *spec, const runner_port *port, runner **ret, err *e) {
    arena *a = arena_new();
    runner *r = ARENA_NEW(a, runner);
    *r = (runner){.a = a,
                  .spec = spec,
                  .port = *port,
                  .mask = mask_new(),
                  .status = STEP_SUCCESS,
                  .started_us = clock_wall_us()};
    r->outputs = value_object_new(a, false);
    r->root = ARENA_NEW(a, frame);
    r->root->steps = value_object_new(a, false);
    r->root->phase = PHASE_MAIN;
    str name = spec->job->key;
    r->backend = containers_want_engine(r) ? SANDBOX_ENGINE : spec->backend;
    sandbox_spec box = {.backend = r->backend,
                        .name = arena_cstr(a, name),
                        .loop = spec->loop,
                        .folder = spec->root,
                        .layer = spec->layer,
                        .rootfs = spec->rootfs,
                        .mounts = spec->mounts,
                        .mount_count = spec->mount_count,
                        .egress = spec->egress,
                        .limits = spec->limits,
                        .engine = r->engine_path,
                        .layered = spec->snapshots && r->backend == SANDBOX_NAMESPACES,
                        .on_ready = begin,
                        .on_limit = on_limit,
                        .on_contact = on_contact,
                        .on_left = job_tell_left,
                        .context = r};
    int code = context_init(r, e);
    if (code >= 0) code = sandbox_spawn(&box, &r->box, e);
    if (code >= 0 && r->backend == SANDBOX_ENGINE) r->engine = r->box;
    if (code < 0) {
        runner_free(r);
        return code;
    }
    lane_push(lane_new(r, NULL), r->root);
    *ret = r;
    return 0;
}

void runner_free(runner *r) {
    if (!r) return;
    loop_timer_stop(r->timeout);
    loop_timer_stop(r->pump);
    if (r->engine != r->box) sandbox_free(r->engine);
    sandbox_free(r->box);
    mask_free(r->mask);
    matcher_set_free(r->matchers);
    for (size_t i = 0; i < sizeof r->scratch / sizeof *r->scratch; i++)
        strbuf_done(&r->scratch[i]);
    strbuf_done(&r->line);
    arena_free(r->a);
}
