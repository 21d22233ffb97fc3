/* run_driver.c: the loop of `slipway run`.
 *
 * Each workflow that the event starts is a run with a schedule of its own. pump() is called
 * whenever something has changed: it takes from the schedules what may start, up to
 * --max-parallel, and what must be cancelled. A job that has ended is put away in the next round of
 * the loop, because its runner is still on the stack when it says so. Of several runs in one
 * concurrency group, one runs at a time. */
#include "base/fs.h"
#include "base/loop.h"
#include "cli/render.h"
#include "cli/run_images.h"
#include "cli/run_roots.h"
#include "cli/run_services.h"
#include "runner/mask.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct driver driver;

/* A job that runs. */
typedef struct live_job {
    struct live_job *next;
    driver *d;
    struct live_run *run;
    const job_instance *instance;
    job_view *view;
    arena *a;
    run_where where;
    run_image *image; /* it starts when this is ready; NULL: needs none */
    char *root;
    runner_spec spec;
    runner_port port;
    runner *runner;
    checkout *checkouts;
    unsigned stages;
    services_job services;
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
    run_temp temp;
    mask *mask;
    event event; /* masked */
    char *node;
    live_run *runs;
    size_t run_count;
    live_job *jobs; /* those that run */
    size_t running; /* a job runs until what it has left is removed */
    run_roots roots;
    run_images images;
    const char *layer; /* NULL until a job needs it */
    sandbox_mount mounts[SANDBOX_MOUNTS_MAX];
    unsigned mount_count;
    sandbox_limits limits;
    run_services services;
    job_view **views; /* every job that ran or was skipped, in order */
    size_t view_count, view_cap;
    loop_timer *pump_timer;
    loop_signal *signals[4];
    unsigned interrupts;
    bool cancelled;
};

static void pump_soon(driver *d);

/* ---- views and events ----------------------------------------------------------------------- */

static str masked(driver *d, arena *a, str text) {
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
        if (item.kind == VALUE_STRING) item.string = masked(d, a, item.string);
        value_set(a, &out, pair->key, item);
    }
    return out;
}

static job_view *add_view(live_run *run, const plan_job *job, const job_instance *instance, str key,
                          str name) {
    driver *d = run->d;
    job_view *v = job_view_new(&run->view, job);
    v->key = masked(d, v->a, key);
    v->name = masked(d, v->a, name);
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

static void tell(driver *d, job_view *v, const runner_event *ev) {
    job_view_event(v, ev);
    d->render->ops->job_event(d->render, v, ev);
}

static void tell_started(driver *d, job_view *v) {
    runner_event ev = {
        .kind = RUNNER_JOB_STARTED, .at_us = clock_wall_us(), .step = -1, .parent_step = -1};
    tell(d, v, &ev);
}

static void tell_finished(driver *d, job_view *v, job_result result, const value *outputs) {
    runner_event ev = {.kind = RUNNER_JOB_FINISHED,
                       .at_us = clock_wall_us(),
                       .step = -1,
                       .parent_step = -1,
                       .result = result,
                       .outputs = outputs};
    if (v->started) ev.duration_us = ev.at_us - v->started_us;
    tell(d, v, &ev);
}

static job_view *find_view(driver *d, const live_run *run, str key) {
    _cleanup_arena_ arena *a = arena_new();
    key = masked(d, a, key);
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
        v = add_view(run, ev->job, ev->instance, ev->key, ev->name);
        v->is_call = plan_job_is_call(ev->job);
        v->reason = masked(d, v->a, ev->reason);
        tell_finished(d, v, ev->result, NULL);
        break;
    case SCHEDULE_CALL_STARTED:
        v = add_view(run, ev->job, ev->instance, ev->key, ev->name);
        v->is_call = true;
        tell_started(d, v);
        break;
    case SCHEDULE_CALL_FINISHED: {
        v = find_view(d, run, ev->key);
        if (!v) break;
        value outputs = masked_object(d, v->a, &ev->outputs);
        tell_finished(d, v, ev->result, &outputs);
        break;
    }
    case SCHEDULE_EVENT_COUNT: break;
    }
}

/* ---- one job -------------------------------------------------------------------------------- */

/* A file in the job's copy of the repository (WORK/NAME/NAME/…) is named as in the repository, one
 * of an action (WORK/_actions/…) as OWNER/REPO/REF/PATH, any other as it is. */
static const char *repository_path(const live_job *job, const char *file) {
    str rest = str_from(file), work = str_from(runner_work(job->runner)), outer, inner;
    if (!str_starts(rest, work) || rest.ptr[work.len] != '/') return file;
    str_cut(str_sub(rest, work.len + 1, rest.len), '/', &outer, &rest);
    if (str_is(outer, "_actions")) /* "owner/repo/ref/path", or a file of the repository */
        return rest.ptr + (str_starts(rest, STR("_self/")) ? sizeof "_self/" - 1 : 0);
    str_cut(rest, '/', &inner, &rest);
    return rest.len && str_eq(outer, inner) ? rest.ptr : file;
}

static void on_event(void *context, const runner_event *ev) {
    live_job *job = context;
    if (!ev->where.file) {
        tell(job->d, job->view, ev);
        return;
    }
    runner_event named = *ev;
    named.where.file = repository_path(job, ev->where.file);
    tell(job->d, job->view, &named);
}

static int on_checkout(void *context, const runner_checkout *what, str *ret_commit,
                       runner_done_fn *done, void *done_context, err *e) {
    live_job *job = context;
    driver *d = job->d;
    const char *stage = arena_printf(job->a, "%s/checkout-%u", job->root, ++job->stages).ptr;
    return run_checkout(job->a, d->set, d->loop, what, stage, &job->checkouts, ret_commit, done,
                        done_context, e);
}

static int on_services(void *context, arena *a, const view *files, const char *file, value *ret,
                       err *e) {
    live_job *job = context;
    live_run *run = job->run;
    (void)a; /* the job's variables are the same for each of its actions */
    return services_env(&job->d->services, &run->services, &job->services, job->a, &run->view,
                        job->instance, files, file, ret, e);
}

static int on_share(void *context, const char *folder, unsigned *ret_port, err *e) {
    live_job *job = context;
    live_run *run = job->run;
    return services_share(&job->d->services, &run->services, &job->services, job->a, &run->view,
                          job->instance, folder, ret_port, e);
}

static void on_checkout_stop(void *context, void *done_context) {
    const live_job *job = context;
    run_checkout_stop(job->checkouts, done_context);
}

static int on_action_dir(void *context, arena *a, const view *files, str uses, const char *into,
                         char **ret, err *e) {
    live_job *job = context;
    return actions_dir(job->d->set->actions, a, files, uses, into, ret, e);
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

static void cancel_all(driver *d);

static runner_choice on_failed_step(void *context, runner_failure *failure) {
    live_job *job = context;
    driver *d = job->d;
    suspend(d, true);
    runner_choice choice = run_debug_ask(d->set, &d->render->style, job->view, failure);
    suspend(d, false);
    if (choice == RUNNER_STOP) cancel_all(d);
    return choice;
}

static void on_finished(void *context, job_result result, const value *outputs) {
    live_job *job = context;
    services_close(&job->d->services, &job->services);
    job->ended = true;
    job->result = result;
    if (outputs) job->outputs = value_copy(job->a, outputs);
    pump_soon(job->d);
}

/* What lies over the system folders is the same for all jobs: made for the first that needs it. */
static int need_layer(driver *d, err *e) {
    if (d->layer) return 0;
    const char *layer = fs_join(d->set->a, d->temp.folder.path, STR("layer"));
    char *cache = person_folder(d->set->a, "XDG_CACHE_HOME", ".cache", "slipway/system");
    if (!cache) cache = fs_join(d->set->a, d->temp.folder.path, STR("system"));
    if (sandbox_layer_make(layer, cache, e) < 0) return err_context(e, "cannot prepare sandboxes");
    d->layer = layer;
    return 0;
}

/* What jobs that do not see this machine's files need of them: a job on the host may have a
 * container too. */
static void need_objects(driver *d) {
    const char *objects = d->mount_count ? NULL : run_objects(d->set);
    if (objects) d->mounts[d->mount_count++] = (sandbox_mount){objects, RUN_OBJECTS};
}

/* Whatever its network is limited to, a job reaches the services of its actions. */
static sandbox_egress network_of(live_job *job, sandbox_backend backend) {
    driver *d = job->d;
    str id = job->instance->plan->job->id;
    sandbox_egress egress = run_network(d->set, job->a, id, NULL);
    if (backend == SANDBOX_HOST || egress.network == SANDBOX_NETWORK_HOST) return egress;
    job->services.limited = true;
    return run_network(d->set, job->a, id, services_rule(&d->services, job->a, job->instance));
}

/* A sandbox is made by a process that has another folder of its own. */
static int find_rootfs(live_job *job, const char **ret, err *e) {
    char *real = NULL;
    const char *given = job->where.rootfs;
    int r = given ? fs_real(job->a, given, &real, e) : 0;
    *ret = job->image ? job->image->image->rootfs : real;
    return r;
}

static int start_runner(live_job *job, err *e) {
    driver *d = job->d;
    const char *rootfs;
    int r = find_rootfs(job, &rootfs, e);
    if (r == 0 && job->where.backend != SANDBOX_HOST) r = need_layer(d, e);
    if (r == 0) r = roots_take(&d->roots, &job->root, e);
    if (r < 0) return r;
    need_objects(d);
    sandbox_egress egress = network_of(job, job->where.backend);
    job->spec = (runner_spec){
        .job = job->instance,
        .loop = d->loop,
        .backend = job->where.backend,
        .root = job->root,
        .layer = d->layer,
        .rootfs = rootfs,
        .image_env = job->image ? job->image->image->env : NULL,
        .mounts = d->mounts,
        .mount_count = d->mount_count,
        .egress = egress,
        .limits = d->limits,
        .snapshots = d->config->debug,
        .repo_root = d->set->root,
        .env = &d->config->env,
        .node = d->node,
        .debug = d->config->verbose,
    };
    job->port = (runner_port){
        .context = job,
        .event = on_event,
        .action_dir = on_action_dir,
        .checkout = on_checkout,
        .checkout_stop = on_checkout_stop,
        .services = on_services,
        .share_services = on_share,
        .failed_shell = d->config->shell_on_failure ? on_failed_shell : NULL,
        .failed_step = d->config->debug ? on_failed_step : NULL,
        .finished = on_finished,
    };
    return runner_start(&job->spec, &job->port, &job->runner, e);
}

static int begin_unpacking(driver *d, run_image *i, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    if (image_unpack(i, e) < 0) return e->code;
    str text = arena_printf(a, "unpacking the image '%s' (%zu layer%s, %.1f MB)", i->text,
                            i->image->layer_count, i->image->layer_count == 1 ? "" : "s",
                            (double)i->image->size / 1e6);
    d->render->ops->message(d->render, SEVERITY_NOTE, text);
    return 0;
}

/* Or begins what it has to wait for. */
static int start_job(live_job *job, err *e) {
    driver *d = job->d;
    const job_instance *i = job->instance;
    int r = run_where_choose(d->config, i->labels, i->label_count, &job->where, e);
    if (r < 0) return r;
    if (job->where.oci) job->image = images_get(&d->images, job->where.oci);
    if (job->image && job->image->state == IMAGE_FOUND) return begin_unpacking(d, job->image, e);
    if (job->image && job->image->state == IMAGE_UNPACKING) return 0;
    if (!job->image || job->image->state == IMAGE_READY) return start_runner(job, e);
    *e = job->image->problem;
    return e->code;
}

static void end_unstarted(live_job *job, job_result result, str reason) {
    job->view->reason = masked(job->d, job->view->a, reason);
    tell_finished(job->d, job->view, result, NULL);
    job->ended = true;
    job->result = result;
    pump_soon(job->d);
}

static void start_or_fail(live_job *job) {
    err e = {0};
    if (start_job(job, &e) < 0) end_unstarted(job, JOB_FAILURE, str_from(e.message));
}

static void add_job(live_run *run, const job_instance *instance) {
    driver *d = run->d;
    arena *a = arena_new();
    live_job *job = ARENA_NEW(a, live_job);
    *job = (live_job){.d = d, .run = run, .instance = instance, .a = a, .next = d->jobs};
    job->view = add_view(run, instance->plan, instance, instance->key, instance->name);
    d->jobs = job;
    d->running++;
    start_or_fail(job);
}

/* A job that waits for its image has no runner yet. */
static void start_waiting(driver *d) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (!job->runner && !job->ended && job->image->state != IMAGE_UNPACKING) start_or_fail(job);
    }
}

static void on_image(void *context) {
    pump_soon(context);
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
    bool held =
        job->root && !d->config->keep && !last && roots_put(&d->roots, job->root, job->runner);
    if (!held) d->running--;
    runner_free(job->runner);
    arena_free(job->a);
}

static void on_root_removed(void *context, const char *failure) {
    driver *d = context;
    d->running--;
    if (failure) d->render->ops->message(d->render, SEVERITY_WARNING, str_from(failure));
    pump_soon(d);
}

static live_job *job_of(driver *d, const job_instance *instance) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (job->instance == instance) return job;
    }
    return NULL;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void start_run(live_run *run) {
    run->started = true;
    run->view.started_us = clock_wall_us();
    run->d->render->ops->run_started(run->d->render, &run->view);
}

static void finish_run(live_run *run) {
    run->finished = true;
    run->view.result = schedule_result(run->schedule);
    run->view.ended_us = clock_wall_us();
    services_list(&run->d->services, &run->services, &run->view);
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
    while ((instance = schedule_take_cancel(run->schedule, NULL))) {
        live_job *job = job_of(run->d, instance);
        if (!job || job->ended) continue;
        if (job->runner)
            runner_cancel(job->runner);
        else
            end_unstarted(job, JOB_CANCELLED, STR("cancelled while its image was being unpacked"));
    }
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
        add_job(run, next);
    }
    if (schedule_done(run->schedule)) finish_run(run);
}

static void pump(void *context) {
    driver *d = context;
    loop_timer_stop(d->pump_timer);
    d->pump_timer = NULL;
    for (live_job **at = &d->jobs; *at;) {
        if ((*at)->ended)
            remove_job(at);
        else
            at = &(*at)->next;
    }
    start_waiting(d);
    bool all = true;
    for (size_t i = 0; i < d->run_count; i++)
        pump_run(&d->runs[i]);
    for (size_t i = 0; i < d->run_count; i++)
        all &= d->runs[i].finished;
    if (all) loop_quit(d->loop);
}

static void pump_soon(driver *d) {
    if (!d->pump_timer) d->pump_timer = loop_after(d->loop, 0, pump, d);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static void cancel_all(driver *d) {
    d->cancelled = true;
    for (size_t i = 0; i < d->run_count; i++) {
        if (!d->runs[i].finished) schedule_cancel(d->runs[i].schedule);
    }
    pump_soon(d);
}

static void kill_all(driver *d) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (job->runner && !job->ended) runner_kill(job->runner);
    }
}

static void on_signal(void *context, int signo) {
    driver *d = context;
    d->interrupts++;
    if (d->interrupts == 1) {
        const char *text =
            signo == SIGINT ? "cancelling: press Ctrl-C again to kill everything" : "cancelling";
        d->render->ops->message(d->render, SEVERITY_NOTE, str_from(text));
        cancel_all(d);
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
    if (!d->cancelled) cancel_all(d);
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
        *shown[i] = masked(d, d->set->a, *shown[i]);
}

static int make_runs(driver *d, err *e) {
    run_set *set = d->set;
    mask_event(d);
    d->runs = ARENA_ARRAY(set->a, live_run, set->file_count);
    for (size_t i = 0; i < set->file_count; i++) {
        live_run *run = &d->runs[d->run_count];
        const run_file *f = &set->files[i];
        *run = (live_run){.d = d};
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
        run->view.run_name = masked(d, set->a, schedule_run_name(run->schedule));
        d->run_count++;
    }
    return 0;
}

static int prepare(driver *d, err *e) {
    run_set *set = d->set;
    int r = actions_fetch(set->actions, set->files, set->file_count, e);
    if (r == 0) r = run_lock_verify(set, e);
    if (r == 0) r = run_temp_make(set->a, d->config->keep, &d->temp, e);
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
    d->roots = (run_roots){.a = set->a,
                           .loop = d->loop,
                           .temp = d->temp.folder.path,
                           .removed = on_root_removed,
                           .context = d};
    d->images = (run_images){.a = set->a, .loop = d->loop, .changed = on_image, .context = d};
    if ((r = images_find(&d->images, d->config, e)) < 0) return r;
    d->limits = run_limits_default(d->temp.folder.path);
    if ((r = run_limits_read(d->config->given, &d->limits, e)) < 0) return r;
    const char *path = getenv("PATH");
    d->node = fs_find_program(set->a, "node", str_from(path));
    return make_runs(d, e);
}

static void release(driver *d) {
    for (size_t i = 0; i < d->run_count; i++)
        schedule_free(d->runs[i].schedule);
    for (size_t i = 0; i < d->view_count; i++)
        job_view_free(d->views[i]);
    for (size_t i = 0; i < sizeof d->signals / sizeof *d->signals; i++)
        loop_signal_stop(d->signals[i]);
    loop_timer_stop(d->pump_timer);
    services_stop(&d->services);
    render_free(d->render);
    images_done(&d->images);
    roots_done(&d->roots);
    if (d->loop) loop_free(d->loop);
    if (d->mask) mask_free(d->mask);
    run_temp_done(&d->temp);
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
    driver d = {
        .set = set, .config = set->config, .temp.folder = LEASED_NONE, .services = {.set = set}};
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
    pump_soon(&d);
    loop_run(d.loop);
    d.render->ops->finish(d.render, d.views, d.view_count);
    if (d.config->keep) fprintf(stderr, "Folders of the jobs are kept in %s\n", d.temp.folder.path);
    int status = status_of(&d);
    release(&d);
    return status;
}
