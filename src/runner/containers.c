/* `container:` and `services:`: the steps "Initialize containers" and "Stop containers".
 *
 * Where a job has a container, its sandbox is one of the engine, and all that runs runs there.
 * Where it only has services or container actions, a second sandbox, of the engine, makes those.
 * https://docs.github.com/en/actions/how-tos/write-workflows/choose-where-workflows-run/run-jobs-in-a-container
 */
#include "runner/job.h"

#include "base/fs.h"
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NODE_INSIDE "/__e/node/bin/node"

/* ---- what there is --------------------------------------------------------------------------- */

/* A container whose image evaluates to nothing is none, on GitHub as here. */
static bool is_container(const value *v) {
    const value *image = v->kind == VALUE_OBJECT ? value_get(v, STR("image")) : v;
    return image && image->kind == VALUE_STRING && image->string.len > 0;
}

static bool find_engine(runner *r, err *e) {
    char *path;
    if (r->spec->egress.network != SANDBOX_NETWORK_HOST) {
        err_set(e, ERR_UNSUPPORTED,
                "the network of this job is limited (slipway.yml, --network), which cannot be done "
                "to containers");
        return false;
    }
    if (!r->engine_path && sandbox_engine_find(r->a, &path, e) == 0) r->engine_path = path;
    return r->engine_path;
}

/* The contexts that may stand in `image`. */
static value early_contexts(runner *r) {
    const job_instance *job = r->spec->job;
    value c = value_object_new(r->a, false);
    value_set(r->a, &c, STR("github"), job->github);
    value_set(r->a, &c, STR("vars"), job->vars);
    value_set(r->a, &c, STR("strategy"), job->strategy);
    value_set(r->a, &c, STR("matrix"), job->matrix);
    value_set(r->a, &c, STR("needs"), job->needs);
    value_set(r->a, &c, STR("inputs"), job->inputs);
    return c;
}

bool containers_want_engine(runner *r) {
    const token *t = r->spec->job->plan->job->container;
    value contexts = early_contexts(r), v = VALUE_NULL_INIT;
    const expr_env env = {.contexts = &contexts};
    err ignored = {0};
    if (!t) return false;
    if (t->kind == TOKEN_MAPPING) t = token_get(t, "image");
    /* What is wrong with it is told when it is evaluated again. */
    if (!t || token_eval(r->a, t, &env, &v, &ignored) < 0 || !is_container(&v)) return false;
    return find_engine(r, &ignored);
}

static int need_engine(step *s, span where, const char *what) {
    err e = {0};
    if (find_engine(s->r, &e)) return 0;
    output_error_at(s, where, "%s needs a container engine: %s", what, e.message);
    return ERR_UNSUPPORTED;
}

/* The short form is the image alone. */
static value as_object(runner *r, const value *v) {
    value out = value_object_new(r->a, false);
    if (v->kind == VALUE_OBJECT)
        value_set_all(r->a, &out, v);
    else
        value_set(r->a, &out, STR("image"), *v);
    return value_copy(r->a, &out);
}

static int evaluate_services(step *s, const token *t) {
    runner *r = s->r;
    err e = {0};
    value v = VALUE_NULL_INIT;
    if (t && token_eval(s->a, t, &s->eval, &v, &e) < 0) {
        step_fail(s, &e);
        return e.code;
    }
    value services = value_object_new(r->a, false);
    for (size_t i = 0; v.kind == VALUE_OBJECT && i < value_count(&v); i++) {
        const value_pair *p = value_at(&v, i);
        str what = arena_printf(s->a, "the service '%.*s'", STR_ARG(p->key));
        if (!is_container(&p->item))
            output_logf(s, LOG_PLAIN,
                        "The service '%.*s' will not be started because the container definition "
                        "has an empty image.",
                        STR_ARG(p->key));
        else if (need_engine(s, t->where, what.ptr) < 0)
            return ERR_UNSUPPORTED;
        else
            value_set(r->a, &services, arena_str(r->a, p->key), as_object(r, &p->item));
    }
    if (value_count(&services)) r->services = services;
    return 0;
}

int containers_evaluate(step *s) {
    runner *r = s->r;
    const workflow_job *job = r->spec->job->plan->job;
    err e = {0};
    value v = VALUE_NULL_INIT;
    if (job->container && token_eval(s->a, job->container, &s->eval, &v, &e) < 0) {
        step_fail(s, &e);
        return e.code;
    }
    if (is_container(&v)) {
        if (need_engine(s, job->container->where, "the job's container") < 0) return -1;
        r->container = as_object(r, &v);
    }
    return evaluate_services(s, job->services);
}

int containers_engine(runner *r, sandbox **ret, err *e) {
    if (!find_engine(r, e)) return err_context(e, "needs a container engine");
    str name = r->spec->job->key;
    const sandbox_spec spec = {.backend = SANDBOX_ENGINE,
                               .name = arena_cstr(r->a, name),
                               .loop = r->spec->loop,
                               .engine = r->engine_path,
                               .on_left = job_tell_left,
                               .context = r};
    if (!r->engine && sandbox_spawn(&spec, &r->engine, e) < 0) return e->code;
    *ret = r->engine;
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void tell_line(step *s, str line) {
    if (!line.len) return;
    str text = str_sub(line, 1, line.len);
    switch (line.ptr[0]) {
    case 'g': output_group(s, text); break;
    case 'e': output_group_end(s); break;
    case 'c': output_log(s, LOG_COMMAND, text); break;
    case 'w': output_warning(s, "%.*s", STR_ARG(text)); break;
    default: output_log(s, LOG_PLAIN, text);
    }
}

void containers_output(step *s, str bytes) {
    strbuf_add(&s->partial, bytes);
    str rest = strbuf_str(&s->partial);
    size_t taken = 0;
    for (ptrdiff_t end; (end = str_find_char(rest, '\n')) >= 0;) {
        tell_line(s, arena_utf8(s->a, str_sub(rest, 0, (size_t)end)));
        taken += (size_t)end + 1;
        rest = str_sub(rest, (size_t)end + 1, rest.len);
    }
    strbuf_shift(&s->partial, taken);
}

int containers_ask(step *s, const value *request, int folder, const sandbox_command *callbacks,
                   err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    sandbox *engine;
    if (containers_engine(s->r, &engine, e) < 0) return e->code;
    json_write(&text, request);
    return sandbox_ask(engine, strbuf_str(&text), folder, callbacks, &s->process, e);
}

/* ---- the services of actions ----------------------------------------------------------------- */

/* Containers of any user run what is in it. */
static int make_share_folder(runner *r, err *e) {
    if (r->share_folder) return 0;
    char *folder = fs_join(r->a, r->spec->root, STR("services"));
    if (mkdir(folder, 0755) < 0 || chmod(folder, 0755) < 0)
        return err_sys(e, errno, "cannot make the folder '%s'", folder);
    if (sandbox_relay_write(folder, e) < 0) return e->code;
    r->share_folder = folder;
    return 0;
}

bool containers_reach_services(step *s) {
    runner *r = s->r;
    err e = {0};
    if (r->shared || !r->port.share_services) return r->share_port != 0;
    r->shared = true;
    int code = make_share_folder(r, &e);
    if (code == 0)
        code = r->port.share_services(r->port.context, r->share_folder, &r->share_port, &e);
    if (code == 0) return r->share_port != 0;
    r->share_port = 0;
    output_warning(s, "Actions in containers cannot reach the services: %s", e.message);
    return false;
}

int containers_add_relay(step *s, value *request, err *e) {
    runner *r = s->r;
    containers_reach_services(s);
    if (make_share_folder(r, e) < 0) return e->code;
    value relay = value_object_new(s->a, true);
    value_set_str(s->a, &relay, "folder", str_from(r->share_folder));
    value_set(s->a, &relay, STR("port"), value_number(r->share_port));
    value_set(s->a, request, STR("relay"), relay);
    return 0;
}

static void on_output(void *context, str bytes) {
    containers_output(context, bytes);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static bool has_javascript(const runner *r) {
    const workflow_job *job = r->spec->job->plan->job;
    for (size_t i = 0; i < job->step_count; i++) {
        str uses = token_text(job->steps[i].uses);
        if (job->steps[i].kind == STEP_PARALLEL) return true;
        if (uses.len && !str_starts(uses, STR("docker://"))) return true;
    }
    return false;
}

static void add_text(arena *a, value *list, const char *text) {
    value_push(a, list, value_cstring(text));
}

/* Adds to the job's container what Slipway needs in it. */
static value job_container(step *s) {
    runner *r = s->r;
    arena *a = s->a;
    value out = value_object_new(a, true), binds = value_array_new(a), node = value_array_new(a);
    value_set_all(a, &out, &r->container);
    for (const char *const *b = sandbox_engine_binds(a, r->spec->root); *b; b++)
        add_text(a, &binds, *b);
    for (unsigned i = 0; i < r->spec->mount_count; i++) {
        const sandbox_mount *m = &r->spec->mounts[i];
        add_text(a, &binds, arena_printf(a, "%s:%s:ro", m->from, m->to).ptr);
    }
    char *real = NULL;
    err ignored;
    if (has_javascript(r)) {
        add_text(a, &node, "node");
        if (r->spec->node && fs_real(a, r->spec->node, &real, &ignored) == 0) {
            add_text(a, &binds, arena_printf(a, "%s:" NODE_INSIDE ":ro", real).ptr);
            add_text(a, &node, NODE_INSIDE);
        }
    }
    value env = value_object_new(a, true);
    value_set_all(a, &env, value_get(&r->container, STR("env")));
    value_set_str(a, &env, "HOME", str_from(r->home));
    value_set(a, &out, STR("env"), env);
    value_set(a, &out, STR("binds"), binds);
    value_set(a, &out, STR("node"), node);
    value_set_str(a, &out, "workdir", str_from(r->workspace));
    return out;
}

/* job.container and job.services. */
static void take_result(runner *r) {
    const value *container = value_get(&r->engine_result, STR("container"));
    const value *services = value_get(&r->engine_result, STR("services"));
    value told = value_object_new(r->a, false);
    str path = value_path_str(container, "path"), node = value_path_str(container, "node");
    str id = value_path_str(container, "id");
    if (id.len) value_set_str(r->a, &told, "id", id);
    value_set_str(r->a, &told, "network", value_path_str(&r->engine_result, "network"));
    value_set(r->a, &r->job, STR("container"), told);
    if (services) value_set(r->a, &r->job, STR("services"), *services);
    if (path.len) value_set_str(r->a, &r->base_env, "PATH", path);
    if (node.len) r->node = arena_cstr(r->a, node);
    const value *relay = value_get(container, STR("relay"));
    r->relayed = relay && relay->kind == VALUE_BOOL && relay->boolean;
}

static void on_result(void *context, str json) {
    step *s = context;
    err ignored;
    value v;
    if (json_parse(s->r->a, arena_str(s->r->a, json), 0, &v, &ignored) == 0)
        s->r->engine_result = v;
}

/* The end of either step. */
static void finish(step *s, int status, const char *why) {
    runner *r = s->r;
    s->process = NULL;
    output_group_end(s);
    if (status != 0) {
        if (why && !s->cancel) output_error(s, "%s", why);
        s->result = STEP_FAILURE;
    }
    r->containers = NULL;
    step_end(s);
}

static void on_begun(void *context, int status, const char *why) {
    step *s = context;
    runner *r = s->r;
    finish(s, status, why);
    take_result(r);
    if (status == 0 && !r->cancelled)
        lane_go(r->lanes);
    else
        job_complete(r);
}

static void initialize(runner *r) {
    step *s = r->containers =
        step_new_builtin(r, "__initialize_containers", "Initialize containers", PHASE_PRE);
    value request = value_object_new(s->a, true);
    const sandbox_command c = {
        .on_output = on_output, .on_exit = on_begun, .on_result = on_result, .context = s};
    err e = {0};
    value_set_str(s->a, &request, "do", STR("setup"));
    value_set_str(s->a, &request, "job", r->spec->job->plan->job->id);
    if (r->container.kind == VALUE_OBJECT)
        value_set(s->a, &request, STR("container"), job_container(s));
    if (r->services.kind == VALUE_OBJECT) value_set(s->a, &request, STR("services"), r->services);
    if (r->container.kind == VALUE_OBJECT && has_javascript(r) && containers_reach_services(s) &&
        containers_add_relay(s, &request, &e) < 0)
        output_warning(s, "Actions in the container cannot reach the services: %s", e.message);
    r->containers_made = true;
    if (containers_ask(s, &request, -1, &c, &e) == 0) return;
    on_begun(s, 1, e.message);
}

void containers_begin(runner *r) {
    bool any = r->container.kind == VALUE_OBJECT || r->services.kind == VALUE_OBJECT;
    if (!any)
        lane_go(r->lanes);
    else if (r->cancelled)
        job_complete(r);
    else
        initialize(r);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void on_ended(void *context, int status, const char *why) {
    step *s = context;
    runner *r = s->r;
    if (status != 0 && why && !s->cancel) output_warning(s, "%s", why);
    finish(s, 0, NULL); /* the sandbox's end removes what is left */
    job_complete(r);
}

bool containers_end(runner *r) {
    if (r->containers) return true;
    if (!r->containers_made || r->killed) return false;
    r->containers_made = false;
    step *s = r->containers =
        step_new_builtin(r, "__stop_containers", "Stop containers", PHASE_POST);
    const sandbox_command c = {.on_output = on_output, .on_exit = on_ended, .context = s};
    value request = value_object_new(s->a, true);
    const value *services = value_get(&r->engine_result, STR("services"));
    err e = {0};
    value_set_str(s->a, &request, "do", STR("stop"));
    if (services) value_set(s->a, &request, STR("services"), *services);
    if (containers_ask(s, &request, -1, &c, &e) == 0) return true;
    finish(s, 1, e.message);
    return false;
}
