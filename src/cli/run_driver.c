/* run_driver.c: the loop of `slipway run`.
 *
 * Each workflow that the event starts is a run with a schedule of its own. pump() is called
 * whenever something has changed: it takes from the schedules what may start, up to
 * --max-parallel, and what must be cancelled. A job that has ended is put away in the next round of
 * the loop, because its runner is still on the stack when it says so. Of several runs in one
 * concurrency group, one runs at a time. */
#include "cli/run_driver.h"

#include "base/fs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- views and events ----------------------------------------------------------------------- */

str driver_masked(driver *d, arena *a, str text) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    mask_text(d->mask, text, &out);
    return arena_str(a, strbuf_str(&out));
}

/* Strings of an object that the schedule knows unmasked. */
static value masked_object(driver *d, arena *a, const value *object) {
    value out = value_object_new(a, value_case_sensitive(object));
    for (size_t i = 0; i < value_count(object); i++) {
        const value_pair *pair = value_at(object, i);
        value item = pair->item;
        if (item.kind == VALUE_STRING) item.string = driver_masked(d, a, item.string);
        value_set(a, &out, pair->key, item);
    }
    return out;
}

job_view *driver_add_view(live_run *run, const plan_job *job, const job_instance *instance, str key,
                          str name) {
    driver *d = run->d;
    job_view *v = job_view_new(&run->view, job);
    v->key = driver_masked(d, v->a, key);
    v->name = driver_masked(d, v->a, name);
    v->label = d->run_count > 1
                   ? arena_printf(v->a, "%.*s / %.*s", STR_ARG(run->view.name), STR_ARG(v->name))
                   : v->name;
    if (instance) {
        v->matrix = instance->matrix;
        if (v->matrix.kind == VALUE_OBJECT) v->matrix = masked_object(d, v->a, &v->matrix);
        v->labels = instance->labels;
        v->label_count = instance->label_count;
        v->may_fail = instance->continue_on_error;
    }
    ARENA_PUSH(d->set->a, d->views, d->view_count, d->view_cap, v);
    return v;
}

void driver_tell(driver *d, job_view *v, const runner_event *ev) {
    job_view_event(v, ev);
    d->render->ops->job_event(d->render, v, ev);
}

static void tell_started(driver *d, job_view *v) {
    runner_event ev = {
        .kind = RUNNER_JOB_STARTED, .at_us = clock_wall_us(), .step = -1, .parent_step = -1};
    driver_tell(d, v, &ev);
}

void driver_tell_finished(driver *d, job_view *v, job_result result, const value *outputs) {
    runner_event ev = {.kind = RUNNER_JOB_FINISHED,
                       .at_us = clock_wall_us(),
                       .step = -1,
                       .parent_step = -1,
                       .result = result,
                       .outputs = outputs};
    if (v->started) ev.duration_us = ev.at_us - v->started_us;
    driver_tell(d, v, &ev);
}

static job_view *find_view(driver *d, const live_run *run, str key) {
    _cleanup_arena_ arena *a = arena_new();
    key = driver_masked(d, a, key);
    for (size_t i = d->view_count; i-- > 0;) {
        if (d->views[i]->run == &run->view && str_eq(d->views[i]->key, key)) return d->views[i];
    }
    return NULL;
}

static void on_schedule(void *context, const schedule_event *ev) {
    live_run *run = context;
    driver *d = run->d;
    job_view *v;
    switch (ev->kind) {
    case SCHEDULE_NOT_STARTED:
        v = driver_add_view(run, ev->job, ev->instance, ev->key, ev->name);
        v->is_call = plan_job_is_call(ev->job);
        v->reason = driver_masked(d, v->a, ev->reason);
        driver_tell_finished(d, v, ev->result, NULL);
        break;
    case SCHEDULE_CALL_STARTED:
        v = driver_add_view(run, ev->job, ev->instance, ev->key, ev->name);
        v->is_call = true;
        tell_started(d, v);
        break;
    case SCHEDULE_CALL_FINISHED: {
        v = find_view(d, run, ev->key);
        if (!v) break;
        value outputs = masked_object(d, v->a, &ev->outputs);
        driver_tell_finished(d, v, ev->result, &outputs);
        break;
    }
    case SCHEDULE_EVENT_COUNT: break;
    }
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void start_run(live_run *run) {
    run->started = true;
    run->view.started_us = clock_wall_us();
    run->d->render->ops->run_started(run->d->render, &run->view);
}

static void list_artifacts(live_run *run) {
    actions_artifact *all;
    size_t count;
    services_list(&run->d->host.services, &run->services, &all, &count);
    run->view.artifacts = ARENA_ARRAY(run->d->set->a, artifact_view, count);
    run->view.artifact_count = count;
    for (size_t i = 0; i < count; i++)
        run->view.artifacts[i] = (artifact_view){all[i].name, all[i].path, all[i].size};
}

static void finish_run(live_run *run) {
    run->finished = true;
    run->view.result = schedule_result(run->schedule);
    run->view.ended_us = clock_wall_us();
    list_artifacts(run);
    run->d->render->ops->run_finished(run->d->render, &run->view);
}

/* True when an earlier run of the same concurrency group has not ended. */
static bool must_wait(const driver *d, const live_run *run) {
    bool cancel;
    str group = schedule_group(run->schedule, &cancel);
    for (const live_run *other = d->runs; group.len && other < run; other++) {
        if (!other->finished && str_eq_nocase(schedule_group(other->schedule, &cancel), group))
            return true;
    }
    return false;
}

static void drain_cancels(live_run *run) {
    const job_instance *instance;
    while ((instance = schedule_take_cancel(run->schedule, NULL)))
        live_job_cancel(run->d, instance);
}

static void pump_run(live_run *run) {
    driver *d = run->d;
    if (run->finished || must_wait(d, run)) return;
    if (!run->started) start_run(run);
    drain_cancels(run);
    while (d->running < d->config->max_parallel) {
        const job_instance *next = schedule_next(run->schedule);
        drain_cancels(run);
        if (!next) break;
        live_job_add(run, next);
    }
    if (schedule_done(run->schedule)) finish_run(run);
}

static void pump(void *context) {
    driver *d = context;
    loop_timer_stop(d->pump_timer);
    d->pump_timer = NULL;
    live_job_remove_ended(d);
    live_job_start_waiting(d);
    bool all = true;
    for (size_t i = 0; i < d->run_count; i++)
        pump_run(&d->runs[i]);
    for (size_t i = 0; i < d->run_count; i++)
        all &= d->runs[i].finished;
    if (all) loop_quit(d->loop);
}

void driver_pump_soon(driver *d) {
    if (!d->pump_timer) d->pump_timer = loop_after(d->loop, 0, pump, d);
}

/* A job's image has become ready, or has failed. */
static void on_image(void *context) {
    driver_pump_soon(context);
}

static void on_root_removed(void *context, const char *failure) {
    driver *d = context;
    d->running--;
    if (failure) d->render->ops->message(d->render, SEVERITY_WARNING, str_from(failure));
    driver_pump_soon(d);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

void driver_cancel_all(driver *d) {
    d->cancelled = true;
    for (size_t i = 0; i < d->run_count; i++) {
        if (!d->runs[i].finished) schedule_cancel(d->runs[i].schedule);
    }
    driver_pump_soon(d);
}

static void kill_all(driver *d) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (!job->ended) agent_job_kill(job->one);
    }
}

static void on_signal(void *context, int signo) {
    driver *d = context;
    d->interrupts++;
    if (d->interrupts == 1) {
        const char *text =
            signo == SIGINT ? "cancelling: press Ctrl-C again to kill everything" : "cancelling";
        d->render->ops->message(d->render, SEVERITY_NOTE, str_from(text));
        driver_cancel_all(d);
    } else if (d->interrupts == 2) {
        kill_all(d);
    } else { /* something holds out even against that; the leaders clean up when we are gone */
        signal(signo, SIG_DFL);
        raise(signo);
    }
}

/* The output cannot be written any more: as if cancelled. A reader that has gone knows why. */
static void on_broken(void *context) {
    driver *d = context;
    err e = {0};
    err_sys(&e, d->render->out.failed, "cannot write to stdout");
    if (d->render->out.failed != EPIPE) console_error(&e);
    if (!d->cancelled) driver_cancel_all(d);
}

static void watch_signals(driver *d) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before;
    bool no_hangup = sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (signals[i] == SIGHUP && no_hangup) continue; /* nohup */
        d->signals[i] = loop_on_signal(d->loop, signals[i], on_signal, d);
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* What the label of a job is likely to be, before its names and matrix are evaluated. */
static size_t label_width_of(const driver *d, const run_view *run, const plan_job *job) {
    const style *st = &d->render->style;
    const token *name = job->job->name;
    bool literal = name && name->kind == TOKEN_STRING;
    size_t width = style_width(st, literal ? name->text : job->job->id);
    matrix_config *configs;
    size_t count = 0, widest = 0;
    err ignored = {0};
    bool known = plan_matrix(d->set->a, run->plan, job, &configs, &count, &ignored) == 0;
    for (size_t i = 0; known && i < count; i++) {
        size_t label = style_width(st, configs[i].label);
        if (label > widest) widest = label;
    }
    if (widest) width += widest + sizeof " ()" - 1;
    if (job->scope->caller)
        width += label_width_of(d, run, job->scope->caller) + sizeof " / " - 1;
    else if (d->run_count > 1)
        width += style_width(st, run->name) + sizeof " / " - 1;
    return width;
}

static size_t label_width(const driver *d) {
    size_t widest = 0;
    for (size_t i = 0; i < d->run_count; i++) {
        size_t count;
        plan_job **jobs = plan_jobs(d->runs[i].view.plan, &count);
        for (size_t j = 0; j < count; j++) {
            size_t width = label_width_of(d, &d->runs[i].view, jobs[j]);
            if (width > widest) widest = width;
        }
    }
    return widest;
}

/* The event as it is shown: a branch may be called as a secret. */
static void mask_event(driver *d) {
    d->event = d->set->event;
    str *const shown[] = {&d->event.ref, &d->event.sha, &d->event.actor, &d->event.repository};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        *shown[i] = driver_masked(d, d->set->a, *shown[i]);
}

static int make_runs(driver *d, err *e) {
    run_set *set = d->set;
    mask_event(d);
    d->runs = ARENA_ARRAY(set->a, live_run, set->file_count);
    for (size_t i = 0; i < set->file_count; i++) {
        live_run *run = &d->runs[d->run_count];
        const run_file *f = &set->files[i];
        *run = (live_run){.d = d, .services.path = str_from(f->workflow->path)};
        run->view = (run_view){
            .number = (unsigned)i + 1,
            .plan = f->plan,
            .event = &d->event,
            .name = f->workflow->name,
            .path = str_from(f->workflow->path),
        };
        schedule_inputs in = {
            .secrets = d->config->secrets,
            .vars = d->config->vars,
        };
        int r = schedule_new(f->plan, &in, on_schedule, run, &run->schedule, e);
        if (r < 0) return err_context(e, "%s", f->workflow->path);
        run->view.run_name = driver_masked(d, set->a, schedule_run_name(run->schedule));
        d->run_count++;
    }
    return 0;
}

static void warn(const err *why) {
    console_warning("%s", why->message);
}

static void on_note(void *context, str text) {
    driver *d = context;
    d->render->ops->message(d->render, SEVERITY_NOTE, text);
}

static int make_host(driver *d, err *e) {
    run_set *set = d->set;
    const run_config *c = d->config;
    agent_host *h = &d->host;
    d->tell = (notices){.context = d, .warning = set->tell.warning, .note = on_note};
    h->a = set->a;
    h->loop = d->loop;
    h->repo = &set->repo;
    h->actions = set->actions;
    h->tell = &d->tell;
    h->platforms = c->platforms;
    h->platform_count = c->platform_count;
    h->env = &c->env;
    h->node = fs_find_program(set->a, "node", str_from(getenv("PATH")));
    h->snapshots = c->debug;
    h->debug = c->verbose;
    h->roots = (root_set){.a = set->a,
                          .loop = d->loop,
                          .temp = h->temp.folder.path,
                          .removed = on_root_removed,
                          .context = d};
    h->images = (image_set){.a = set->a, .loop = d->loop, .changed = on_image, .context = d};
    h->services = (service_set){.a = set->a,
                                .repo = &set->repo,
                                .event = &set->event,
                                .given_artifacts = c->artifacts,
                                .cache_bytes = c->cache_bytes,
                                .many = set->file_count > 1};
    if (images_find(&h->images, c->platforms, c->platform_count, e) < 0) return e->code;
    h->limits = limits_default(h->temp.folder.path);
    return run_limits_read(c->given, &h->limits, e);
}

static int prepare(driver *d, err *e) {
    run_set *set = d->set;
    int r = run_fetch_actions(set, e);
    if (r == 0) r = temp_make(set->a, d->config->keep, warn, &d->host.temp, e);
    if (r == 0) r = loop_new(&d->loop, e);
    if (r < 0) return r;
    d->render = render_new(d->config, d->loop);
    d->render->on_broken = on_broken;
    d->render->context = d;
    d->mask = d->render->mask = mask_new();
    for (size_t i = 0; i < value_count(&d->config->secrets); i++) {
        str secret = value_at(&d->config->secrets, i)->item.string;
        if (str_trim(secret).len && (r = mask_add(d->mask, secret, e)) < 0) return r;
    }
    r = make_host(d, e);
    return r < 0 ? r : make_runs(d, e);
}

static void release(driver *d) {
    for (size_t i = 0; i < d->run_count; i++)
        schedule_free(d->runs[i].schedule);
    for (size_t i = 0; i < d->view_count; i++)
        job_view_free(d->views[i]);
    for (size_t i = 0; i < sizeof d->signals / sizeof *d->signals; i++)
        loop_signal_stop(d->signals[i]);
    loop_timer_stop(d->pump_timer);
    services_stop(&d->host.services);
    render_free(d->render);
    images_done(&d->host.images);
    roots_done(&d->host.roots);
    if (d->loop) loop_free(d->loop);
    if (d->mask) mask_free(d->mask);
    temp_done(&d->host.temp);
}

static int status_of(const driver *d) {
    int status = d->cancelled ? 130 : 0;
    for (size_t i = 0; i < d->run_count && !d->cancelled; i++) {
        if (d->runs[i].view.result == JOB_FAILURE) return 1;
        if (d->runs[i].view.result == JOB_CANCELLED) status = 130;
    }
    return status;
}

int run_driver(run_set *set) {
    driver d = {.set = set, .config = set->config, .host.temp.folder = LEASED_NONE};
    err e = {0};
    if (prepare(&d, &e) < 0) {
        run_invalid(d.config, &e);
        release(&d);
        return 2;
    }
    watch_signals(&d);
    if (d.render->ops->prepare) d.render->ops->prepare(d.render, label_width(&d));
    str reasons = set->not_started, line;
    while (d.config->verbose && str_line(&reasons, &line))
        d.render->ops->message(d.render, SEVERITY_NOTE, str_trim(line));
    driver_pump_soon(&d);
    loop_run(d.loop);
    d.render->ops->finish(d.render, d.views, d.view_count);
    if (d.config->keep)
        fprintf(stderr, "Folders of the jobs are kept in %s\n", d.host.temp.folder.path);
    int status = status_of(&d);
    release(&d);
    return status;
}
