#include "agent/job.h"

#include "agent/egress.h"
#include "agent/person.h"
#include "base/fs.h"

struct agent_job {
    arena *a;
    agent_host *host;
    services_run *run;
    const job_instance *instance;
    sandbox_egress egress;
    agent_job_port out;
    job_where where;
    job_image *image; /* it starts when this is ready; NULL: needs none */
    char *root;
    runner_spec spec;
    runner *runner;
    checkout *checkouts;
    unsigned stages;
    services_job services;
};

/* ---- the runner's port ---------------------------------------------------------------------- */

/* A file in the job's copy of the repository (WORK/NAME/NAME/…) is named as in the repository, one
 * of an action (WORK/_actions/…) as OWNER/REPO/REF/PATH, any other as it is. */
static const char *repository_path(const agent_job *j, const char *file) {
    str rest = str_from(file), work = str_from(runner_work(j->runner)), outer, inner;
    if (!str_starts(rest, work) || rest.ptr[work.len] != '/') return file;
    str_cut(str_sub(rest, work.len + 1, rest.len), '/', &outer, &rest);
    if (str_is(outer, "_actions")) /* "owner/repo/ref/path", or a file of the repository */
        return rest.ptr + (str_starts(rest, STR("_self/")) ? sizeof "_self/" - 1 : 0);
    str_cut(rest, '/', &inner, &rest);
    return rest.len && str_eq(outer, inner) ? rest.ptr : file;
}

static void on_event(void *context, const runner_event *ev) {
    agent_job *j = context;
    if (!ev->where.file) {
        j->out.event(j->out.context, ev);
        return;
    }
    runner_event named = *ev;
    named.where.file = repository_path(j, ev->where.file);
    j->out.event(j->out.context, &named);
}

static int on_checkout(void *context, const runner_checkout *what, str *ret_commit,
                       runner_done_fn *done, void *done_context, err *e) {
    agent_job *j = context;
    const char *stage = arena_printf(j->a, "%s/checkout-%u", j->root, ++j->stages).ptr;
    return checkout_start(j->a, j->host->repo, j->host->loop, what, stage, &j->checkouts,
                          ret_commit, done, done_context, e);
}

static int on_services(void *context, arena *a, const view *files, const char *file, value *ret,
                       err *e) {
    agent_job *j = context;
    (void)a; /* the job's variables are the same for each of its actions */
    return services_env(&j->host->services, j->run, &j->services, j->a, j->instance, files, file,
                        ret, e);
}

static int on_share(void *context, const char *folder, unsigned *ret_port, err *e) {
    agent_job *j = context;
    return services_share(&j->host->services, j->run, &j->services, j->a, j->instance, folder,
                          ret_port, e);
}

static void on_checkout_stop(void *context, void *done_context) {
    const agent_job *j = context;
    checkout_stop(j->checkouts, done_context);
}

static int on_action_dir(void *context, arena *a, const view *files, str uses, const char *into,
                         char **ret, err *e) {
    agent_job *j = context;
    return actions_dir(j->host->actions, a, files, uses, into, ret, e);
}

static void on_failed_shell(void *context, sandbox *box, const char *cwd, const char *const *env) {
    const agent_job *j = context;
    j->out.failed_shell(j->out.context, box, cwd, env);
}

static runner_choice on_failed_step(void *context, runner_failure *failure) {
    const agent_job *j = context;
    return j->out.failed_step(j->out.context, failure);
}

static void on_finished(void *context, job_result result, const value *outputs) {
    agent_job *j = context;
    services_close(&j->host->services, &j->services);
    j->out.finished(j->out.context, result, outputs);
}

/* ---- starting ------------------------------------------------------------------------------- */

int agent_host_need_layer(agent_host *h, err *e) {
    if (h->layer) return 0;
    const char *layer = fs_join(h->a, h->temp.folder.path, STR("layer"));
    char *cache;
    err why = {0};
    if (person_cache(h->a, h->caches, "system", &cache, &why) < 0)
        cache = fs_join(h->a, h->temp.folder.path, STR("system"));
    if (why.code == ERR_INVALID) notice_warning(h->tell, "%s", why.message);
    if (sandbox_layer_make(layer, cache, e) < 0) return err_context(e, "cannot prepare sandboxes");
    h->layer = layer;
    return 0;
}

/* What jobs that do not see this machine's files need of them: a job on the host may have a
 * container too. */
static void need_objects(agent_host *h) {
    const char *objects = h->mount_count ? NULL : repository_objects(h->repo);
    if (objects) h->mounts[h->mount_count++] = (sandbox_mount){objects, REPOSITORY_OBJECTS};
}

/* Whatever its network is limited to, a job reaches the services of its actions. */
static sandbox_egress network_of(agent_job *j) {
    if (j->where.backend == SANDBOX_HOST || j->egress.network == SANDBOX_NETWORK_HOST)
        return j->egress;
    j->services.limited = true;
    const char *rule = services_rule(&j->host->services, j->a, j->instance);
    return rule ? egress_with(j->a, &j->egress, rule) : j->egress;
}

/* A sandbox is made by a process that has another folder of its own. */
static int find_rootfs(agent_job *j, const char **ret, err *e) {
    char *real = NULL;
    const char *given = j->where.rootfs;
    int r = given ? fs_real(j->a, given, &real, e) : 0;
    *ret = j->image ? j->image->image->rootfs : real;
    return r;
}

static int start_runner(agent_job *j, err *e) {
    agent_host *h = j->host;
    const char *rootfs;
    int r = find_rootfs(j, &rootfs, e);
    if (r == 0 && j->where.backend != SANDBOX_HOST) r = agent_host_need_layer(h, e);
    if (r == 0) r = roots_take(&h->roots, &j->root, e);
    if (r < 0) return r;
    need_objects(h);
    j->spec = (runner_spec){
        .job = j->instance,
        .loop = h->loop,
        .backend = j->where.backend,
        .root = j->root,
        .layer = h->layer,
        .rootfs = rootfs,
        .image_env = j->image ? j->image->image->env : NULL,
        .mounts = h->mounts,
        .mount_count = h->mount_count,
        .egress = network_of(j),
        .limits = h->limits,
        .snapshots = h->snapshots,
        .repo_root = h->repo->commit.len ? NULL : h->repo->root,
        .env = h->env,
        .node = h->node,
        .debug = h->debug,
    };
    const runner_port port = {
        .context = j,
        .event = on_event,
        .action_dir = on_action_dir,
        .checkout = on_checkout,
        .checkout_stop = on_checkout_stop,
        .services = on_services,
        .share_services = on_share,
        .failed_shell = j->out.failed_shell ? on_failed_shell : NULL,
        .failed_step = j->out.failed_step ? on_failed_step : NULL,
        .finished = on_finished,
    };
    return runner_start(&j->spec, &port, &j->runner, e);
}

static int begin_unpacking(const agent_job *j, job_image *i, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const notices *tell = j->host->tell;
    if (image_unpack(i, e) < 0) return e->code;
    str text = arena_printf(a, "unpacking the image '%s' (%zu layer%s, %.1f MB)", i->text,
                            i->image->layer_count, i->image->layer_count == 1 ? "" : "s",
                            (double)i->image->size / 1e6);
    if (tell->note) tell->note(tell->context, text);
    return 0;
}

agent_job *agent_job_new(agent_host *h, services_run *run, const job_instance *instance,
                         const sandbox_egress *egress, const agent_job_port *port) {
    arena *a = arena_new();
    agent_job *j = ARENA_NEW(a, agent_job);
    *j = (agent_job){
        .a = a, .host = h, .run = run, .instance = instance, .egress = *egress, .out = *port};
    return j;
}

int agent_job_start(agent_job *j, err *e) {
    agent_host *h = j->host;
    const job_instance *i = j->instance;
    int r = where_choose(h->platforms, h->platform_count, i->labels, i->label_count, &j->where, e);
    if (r < 0) return r;
    if (j->where.oci) j->image = images_get(&h->images, j->where.oci);
    if (j->image && j->image->state == IMAGE_FOUND) return begin_unpacking(j, j->image, e);
    if (j->image && j->image->state == IMAGE_UNPACKING) return 0;
    if (!j->image || j->image->state == IMAGE_READY) return start_runner(j, e);
    *e = j->image->problem;
    return e->code;
}

bool agent_job_waits(const agent_job *j) {
    return !j->runner && j->image;
}

bool agent_job_cancel(agent_job *j) {
    if (j->runner) runner_cancel(j->runner);
    return j->runner != NULL;
}

void agent_job_kill(agent_job *j) {
    if (j->runner) runner_kill(j->runner);
}

bool agent_job_put(agent_job *j) {
    return j->root && roots_put(&j->host->roots, j->root, j->runner);
}

void agent_job_free(agent_job *j) {
    if (!j) return;
    runner_free(j->runner);
    arena_free(j->a);
}
