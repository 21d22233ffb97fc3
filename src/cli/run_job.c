/* run_job.c: one job of a run, from where it runs to what it leaves: the runner's port, over what
 * `slipway run` has. */
#include "cli/run_driver.h"

#include "agent/egress.h"
#include "agent/person.h"
#include "base/fs.h"
#include "cli/console.h"

#include <unistd.h>

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
        driver_tell(job->d, job->view, ev);
        return;
    }
    runner_event named = *ev;
    named.where.file = repository_path(job, ev->where.file);
    driver_tell(job->d, job->view, &named);
}

static int on_checkout(void *context, const runner_checkout *what, str *ret_commit,
                       runner_done_fn *done, void *done_context, err *e) {
    live_job *job = context;
    driver *d = job->d;
    const char *stage = arena_printf(job->a, "%s/checkout-%u", job->root, ++job->stages).ptr;
    return checkout_start(job->a, &d->set->repo, d->loop, what, stage, &job->checkouts, ret_commit,
                          done, done_context, e);
}

static int on_services(void *context, arena *a, const view *files, const char *file, value *ret,
                       err *e) {
    live_job *job = context;
    live_run *run = job->run;
    (void)a; /* the job's variables are the same for each of its actions */
    return services_env(&job->d->services, &run->services, &job->services, job->a, job->instance,
                        files, file, ret, e);
}

static int on_share(void *context, const char *folder, unsigned *ret_port, err *e) {
    live_job *job = context;
    live_run *run = job->run;
    return services_share(&job->d->services, &run->services, &job->services, job->a, job->instance,
                          folder, ret_port, e);
}

static void on_checkout_stop(void *context, void *done_context) {
    const live_job *job = context;
    checkout_stop(job->checkouts, done_context);
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
    services_close(&job->d->services, &job->services);
    job->ended = true;
    job->result = result;
    if (outputs) job->outputs = value_copy(job->a, outputs);
    driver_pump_soon(job->d);
}

/* What lies over the system folders is the same for all jobs: made for the first that needs it. */
static int need_layer(driver *d, err *e) {
    if (d->layer) return 0;
    const char *layer = fs_join(d->set->a, d->temp.folder.path, STR("layer"));
    char *cache;
    err why = {0};
    if (person_cache(d->set->a, NULL, "system", &cache, &why) < 0)
        cache = fs_join(d->set->a, d->temp.folder.path, STR("system"));
    if (why.code == ERR_INVALID) console_warning("%s", why.message);
    if (sandbox_layer_make(layer, cache, e) < 0) return err_context(e, "cannot prepare sandboxes");
    d->layer = layer;
    return 0;
}

/* What jobs that do not see this machine's files need of them: a job on the host may have a
 * container too. */
static void need_objects(driver *d) {
    const char *objects = d->mount_count ? NULL : repository_objects(&d->set->repo);
    if (objects) d->mounts[d->mount_count++] = (sandbox_mount){objects, REPOSITORY_OBJECTS};
}

/* Whatever its network is limited to, a job reaches the services of its actions. */
static sandbox_egress network_of(live_job *job, sandbox_backend backend) {
    driver *d = job->d;
    str id = job->instance->plan->job->id;
    sandbox_egress egress = run_network(d->set, job->a, id);
    if (backend == SANDBOX_HOST || egress.network == SANDBOX_NETWORK_HOST) return egress;
    job->services.limited = true;
    const char *rule = services_rule(&d->services, job->a, job->instance);
    return rule ? egress_with(job->a, &egress, rule) : egress;
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
        .repo_root = d->set->repo.root,
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

static int begin_unpacking(driver *d, job_image *i, err *e) {
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
    int r = where_choose(d->config->platforms, d->config->platform_count, i->labels, i->label_count,
                         &job->where, e);
    if (r < 0) return r;
    if (job->where.oci) job->image = images_get(&d->images, job->where.oci);
    if (job->image && job->image->state == IMAGE_FOUND) return begin_unpacking(d, job->image, e);
    if (job->image && job->image->state == IMAGE_UNPACKING) return 0;
    if (!job->image || job->image->state == IMAGE_READY) return start_runner(job, e);
    *e = job->image->problem;
    return e->code;
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
    if (start_job(job, &e) < 0) end_unstarted(job, JOB_FAILURE, str_from(e.message));
}

void live_job_add(live_run *run, const job_instance *instance) {
    driver *d = run->d;
    arena *a = arena_new();
    live_job *job = ARENA_NEW(a, live_job);
    *job = (live_job){.d = d, .run = run, .instance = instance, .a = a, .next = d->jobs};
    job->view = driver_add_view(run, instance->plan, instance, instance->key, instance->name);
    d->jobs = job;
    d->running++;
    start_or_fail(job);
}

/* A job that waits for its image has no runner yet. */
void live_job_start_waiting(driver *d) {
    for (live_job *job = d->jobs; job; job = job->next) {
        if (!job->runner && !job->ended && job->image->state != IMAGE_UNPACKING) start_or_fail(job);
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
    bool held =
        job->root && !d->config->keep && !last && roots_put(&d->roots, job->root, job->runner);
    if (!held) d->running--;
    runner_free(job->runner);
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
    if (job->runner)
        runner_cancel(job->runner);
    else
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
