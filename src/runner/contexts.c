/* What steps can see: contexts for expressions, and the environment of processes.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/contexts
 * https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
#include "runner/job.h"

#include "runner/hashfiles.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- contexts of the job ------------------------------------------------------------------- */

value context_shallow(arena *a, const value *object) {
    value out = value_object_new(a, value_case_sensitive(object));
    value_set_all(a, &out, object);
    return out;
}

str context_text(arena *a, const value *v) {
    return v ? value_to_str(a, v) : STR_EMPTY;
}

static str job_token(const job_instance *job) {
    str secret = value_path_str(&job->secrets, "GITHUB_TOKEN");
    return secret.len ? secret : value_path_str(&job->github, "token");
}

static void init_github(runner *r) {
    const job_instance *job = r->spec->job;
    r->github = context_shallow(r->a, &job->github);
    value_set_str(r->a, &r->github, "token", job_token(job));
    value_set_str(r->a, &r->github, "job", job->plan->job->id);
    value_set_str(r->a, &r->github, "workspace", str_from(r->workspace));
    value_set_str(r->a, &r->github, "event_path", str_from(r->event_path));
}

static str machine_arch(void) {
#if defined __aarch64__
    return STR("ARM64");
#elif defined __arm__
    return STR("ARM");
#elif defined __i386__
    return STR("X86");
#else
    return STR("X64");
#endif
}

static void init_runner(runner *r) {
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    value *c = &r->runner_context;
    *c = value_object_new(r->a, false);
    value_set_str(r->a, c, "os", STR("Linux"));
    value_set_str(r->a, c, "arch", machine_arch());
    value_set_str(r->a, c, "name", arena_str(r->a, str_from(host)));
    value_set_str(r->a, c, "environment", STR("self-hosted"));
    value_set_str(r->a, c, "tool_cache", str_from(r->tools));
    value_set_str(r->a, c, "temp", str_from(r->temp));
    str workspace = str_from(r->workspace);
    value_set_str(r->a, c, "workspace",
                  arena_str(r->a, str_sub(workspace, 0, (size_t)str_rfind_char(workspace, '/'))));
    if (r->debug) value_set_str(r->a, c, "debug", STR("1"));
}

/* The workflow file that the job is written in: the called one, in a call of a reusable workflow.
 * One from another repository is known by "owner/repo/path@ref". */
static void name_workflow(runner *r, value *c) {
    const value *github = &r->spec->job->github;
    str path = str_from(r->spec->job->plan->scope->workflow->path), ref, owner, repo, rest;
    str repository = value_path_str(github, "repository");
    str whole = path;
    if (str_cut(path, '@', &path, &ref)) {
        str_cut(path, '/', &owner, &rest);
        str_cut(rest, '/', &repo, &rest);
        repository = str_sub(path, 0, owner.len + 1 + repo.len);
        path = rest;
    } else {
        if (str_starts(path, STR("./"))) path = str_sub(path, 2, path.len);
        whole = arena_printf(r->a, "%.*s/%.*s@%.*s", STR_ARG(repository), STR_ARG(path),
                             STR_ARG(value_path_str(github, "ref")));
    }
    value_set_str(r->a, c, "workflow_ref", whole);
    value_set_str(r->a, c, "workflow_sha", value_path_str(github, "workflow_sha"));
    value_set_str(r->a, c, "workflow_repository", repository);
    value_set_str(r->a, c, "workflow_file_path", path);
}

static void init_job(runner *r) {
    value *c = &r->job;
    *c = value_object_new(r->a, false);
    value_set_str(r->a, c, "status", STR("success"));
    value_set(r->a, c, STR("container"), value_object_new(r->a, false));
    value_set(r->a, c, STR("services"), value_object_new(r->a, false));
    name_workflow(r, c);
}

/* What a job gets to know of the environment that Slipway itself runs in: who and where, how to
 * reach the network, how to print. Of these only a proxy's URL may hold a secret, which is masked.
 */
static const char *const of_network[] = {
    "TZ", /* first: the rest is proxies */
    "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
};
/* These mean something only where the files of this machine are. */
static const char *const of_machine[] = {
    "USER",     "LOGNAME",       "LANG",         "LC_ALL",
    "LC_CTYPE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void inherit(arena *a, value *into, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *text = getenv(names[i]);
        if (text) value_set_str(a, into, names[i], str_from(text));
    }
}

/* Where the network is limited, the proxies are those of the sandbox and no other. */
static bool is_limited(const runner *r) {
    return r->backend != SANDBOX_HOST && r->spec->egress.network != SANDBOX_NETWORK_HOST;
}

static void add_way_out(runner *r, value *base) {
    if (!is_limited(r)) return;
    const char *const *env = sandbox_egress_env(r->a, r->spec->egress.network);
    for (; *env; env++) {
        str key, text;
        str_cut(str_from(*env), '=', &key, &text);
        value_set_str(r->a, base, arena_cstr(r->a, key), text);
    }
}

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void init_environment(runner *r) {
    value *base = &r->base_env;
    *base = value_object_new(r->a, true);
    value_set_str(r->a, base, "LANG", STR("C.UTF-8"));
    bool host = r->backend == SANDBOX_HOST, limited = is_limited(r);
    bool same_files = r->backend != SANDBOX_ENGINE && !r->spec->rootfs;
    inherit(r->a, base, of_machine, same_files ? COUNT(of_machine) : 0);
    inherit(r->a, base, of_network, limited ? 1 : COUNT(of_network)); /* a sandbox has its own */
    value_set_all(r->a, base, r->spec->image_env);
    const char *path = r->spec->path ? r->spec->path : host ? getenv("PATH") : NULL;
    str usual = value_path_str(r->spec->image_env, "PATH");
    if (!usual.len) usual = STR(USUAL_PATH);
    value_set_str(r->a, base, "PATH", path ? str_from(path) : usual);
    if (r->backend == SANDBOX_NAMESPACES) /* as on GitHub's */
        value_set_str(r->a, base, "DEBIAN_FRONTEND", STR("noninteractive"));
    add_way_out(r, base);
    value_set_str(r->a, base, "HOME", str_from(r->home));
    value_set_str(r->a, base, "CI", STR("true"));
    value_set_str(r->a, base, "GITHUB_ACTIONS", STR("true"));

    r->env = value_object_new(r->a, true);
    for (size_t i = 0; i < value_count(r->spec->env); i++) {
        const value_pair *p = value_at(r->spec->env, i);
        value_set(r->a, &r->env, p->key, value_string(context_text(r->a, &p->item)));
    }
}

void context_name_user(runner *r) {
    if (r->backend != SANDBOX_NAMESPACES) return; /* who starts Slipway is nobody there */
    str user = sandbox_is_root(r->box) ? STR("root") : STR("runner");
    value_set_str(r->a, &r->base_env, "USER", user);
    value_set_str(r->a, &r->base_env, "LOGNAME", user);
}

/* The PASSWORD of "SCHEME://USER:PASSWORD@HOST"; empty when there is none. */
static str url_password(str url) {
    ptrdiff_t start = str_find(url, STR("://"));
    str host, user, rest;
    str_cut(start < 0 ? url : str_sub(url, (size_t)start + 3, url.len), '/', &host, &rest);
    ptrdiff_t at = str_rfind_char(host, '@');
    if (at < 0 || !str_cut(str_sub(host, 0, (size_t)at), ':', &user, &rest)) return STR_EMPTY;
    return rest;
}

static int init_masks(runner *r, err *e) {
    const value *secrets = &r->spec->job->secrets;
    mask_add(r->mask, job_token(r->spec->job), NULL);
    for (size_t i = 0; i < COUNT(of_network); i++)
        mask_add(r->mask, url_password(str_from(getenv(of_network[i]))), NULL);
    for (size_t i = 0; i < value_count(secrets); i++) {
        const value *item = &value_at(secrets, i)->item;
        if (item->kind != VALUE_STRING) continue;
        if (mask_add(r->mask, item->string, e) == ERR_LIMIT) return ERR_LIMIT;
    }
    return 0;
}

static bool asks_for_debug(const value *object) {
    return str_is(value_path_str(object, "ACTIONS_STEP_DEBUG"), "true");
}

int context_init(runner *r, err *e) {
    r->debug = r->spec->debug || asks_for_debug(&r->spec->job->secrets) ||
               asks_for_debug(&r->spec->job->vars);
    int code = init_masks(r, e);
    if (code >= 0) code = folders_make(r, e);
    if (code < 0) return code;
    init_github(r);
    init_runner(r);
    init_job(r);
    init_environment(r);
    return 0;
}

static int add_env(step *s, const token *t, value *into, arena *a, err *e) {
    value given;
    if (!t) return 0;
    if (token_eval(s->a, t, &s->eval, &given, e) < 0) return e->code;
    for (size_t i = 0; i < value_count(&given); i++) {
        const value_pair *p = value_at(&given, i);
        value_set(a, into, p->key, value_string(arena_str(a, context_text(s->a, &p->item))));
    }
    return 0;
}

static int add_defaults(step *s, const token *t, err *e) {
    value given;
    if (!t) return 0;
    if (token_eval(s->a, t, &s->eval, &given, e) < 0) return e->code;
    const value *run = value_get(&given, STR("run"));
    for (size_t i = 0; i < value_count(run); i++) {
        const value_pair *p = value_at(run, i);
        str text = context_text(s->a, &p->item);
        if (text.len)
            value_set(s->r->a, &s->r->defaults_run, p->key, value_string(arena_str(s->r->a, text)));
    }
    return 0;
}

int context_job_env(step *s, err *e) {
    const plan_job *planned = s->r->spec->job->plan;
    const workflow *w = planned->scope->workflow;
    s->r->defaults_run = value_object_new(s->r->a, false);
    if (add_env(s, w->env, &s->r->env, s->r->a, e) < 0) return e->code;
    if (add_env(s, planned->job->env, &s->r->env, s->r->a, e) < 0) return e->code;
    if (add_defaults(s, w->defaults, e) < 0) return e->code;
    return add_defaults(s, planned->job->defaults, e);
}

void context_put_step(runner *r, value *steps, str id, const value *outputs, step_result outcome,
                      step_result conclusion) {
    if (!id.len || str_starts(id, STR("__"))) return; /* a generated id: nobody can ask for it */
    value record = value_object_new(r->a, false);
    value_set(r->a, &record, STR("outputs"), *outputs);
    value_set_str(r->a, &record, "outcome", str_from(step_result_name(outcome)));
    value_set_str(r->a, &record, "conclusion", str_from(step_result_name(conclusion)));
    value_set(r->a, steps, id, record);
}

/* ---- contexts of a step -------------------------------------------------------------------- */

/* Conditions inside a composite action ask for the action's own result, all others for the job's.
 */
static step_result status_for(const step *s) {
    bool inside = step_is_embedded(s) && s->phase == PHASE_MAIN;
    if (!inside || s->job_cancelled) return s->r->status;
    return s->frame->result == STEP_PENDING ? STEP_SUCCESS : s->frame->result;
}

typedef struct hashing {
    const char *workspace;
    const str *patterns;
    size_t count;
} hashing;

static int hash_inside(void *context, strbuf *out, err *e) {
    const hashing *h = context;
    _cleanup_arena_ arena *a = arena_new();
    str digest;
    if (hash_files(a, h->workspace, h->patterns, h->count, &digest, e) < 0) return e->code;
    strbuf_add(out, digest);
    return 0;
}

static int call_hash_files(const step *s, arena *a, const value *args, size_t count, value *ret,
                           err *e) {
    str *patterns = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++)
        patterns[i] = value_to_str(a, &args[i]);
    str digest;
    hashing h = {s->r->workspace, patterns, count};
    const view *files = job_files(s->r);
    int code = files->root < 0 ? hash_files(a, h.workspace, patterns, count, &digest, e)
                               : view_call(files, NULL, a, hash_inside, &h, &digest, e);
    if (code == 0) *ret = value_string(digest);
    return code;
}

static int call(void *context, arena *a, str name, const value *args, size_t count, value *ret,
                err *e) {
    const step *s = context;
    step_result status = status_for(s);
    if (str_eq_nocase(name, STR("always")))
        *ret = value_bool(true);
    else if (str_eq_nocase(name, STR("success")))
        *ret = value_bool(status == STEP_SUCCESS);
    else if (str_eq_nocase(name, STR("failure")))
        *ret = value_bool(status == STEP_FAILURE);
    else if (str_eq_nocase(name, STR("cancelled")))
        *ret = value_bool(s->r->status == STEP_CANCELLED);
    else if (str_eq_nocase(name, STR("hashFiles")))
        return call_hash_files(s, a, args, count, ret, e);
    else
        return err_set(e, ERR_INVALID, "Unrecognized function: '%.*s'", STR_ARG(name));
    return 0;
}

static void set_github(step *s) {
    const step *owner = s->frame ? s->frame->owner : NULL;
    value *g = &s->github;
    *g = context_shallow(s->a, owner ? &owner->github : &s->r->github);
    if (owner) {
        value_set_str(s->a, g, "action_path", s->frame->action_path);
        value_set_str(s->a, g, "action_status", str_from(step_result_name(status_for(s))));
    } else if (s->model) {
        value_set_str(s->a, g, "action", s->id);
    }
    if (s->use || !owner) { /* a composite action's scripts belong to the action */
        bool foreign = s->use && !s->use->local;
        value_set_str(s->a, g, "action_repository", foreign ? s->use->repository : STR_EMPTY);
        value_set_str(s->a, g, "action_ref", foreign ? s->use->ref : STR_EMPTY);
    }
    for (int i = 0; s->lane && i < STEP_FILE_COUNT; i++) {
        if (s->lane->files[i])
            value_set_str(s->a, g, step_file_context[i], str_from(s->lane->files[i]));
    }
}

void context_step(step *s) {
    runner *r = s->r;
    const job_instance *job = r->spec->job;
    const step *owner = s->frame ? s->frame->owner : NULL;
    set_github(s);
    s->env = context_shallow(s->a, &r->env);
    if (s->lane && s->lane->background) value_set_all(s->a, &s->env, &s->lane->background->env);
    s->own_env = value_object_new(s->a, true);
    if (owner) {
        value_set_all(s->a, &s->own_env, &owner->own_env);
        value_set_all(s->a, &s->env, &owner->own_env);
    }
    const struct {
        str name;
        const value *item;
    } all[] = {
        {STR("github"), &s->github},
        {STR("env"), &s->env},
        {STR("vars"), &job->vars},
        {STR("job"), &r->job},
        {STR("steps"), s->frame ? &s->frame->steps : &r->root->steps},
        {STR("runner"), &r->runner_context},
        {STR("secrets"), &job->secrets},
        {STR("strategy"), &job->strategy},
        {STR("matrix"), &job->matrix},
        {STR("needs"), &job->needs},
        {STR("inputs"), owner ? &s->frame->inputs : &job->inputs},
    };
    s->contexts = value_object_new(s->a, false);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        value_set(s->a, &s->contexts, all[i].name, *all[i].item);
    s->eval = (expr_env){.contexts = &s->contexts, .call = call, .call_context = s};
}

int context_step_env(step *s, err *e) {
    if (add_env(s, s->model->env, &s->own_env, s->a, e) < 0) return e->code;
    value_set_all(s->a, &s->env, &s->own_env); /* an object is a handle: s->contexts sees it */
    return 0;
}

/* ---- the environment of a process ---------------------------------------------------------- */

#define GITHUB_VARIABLES(X)                                                                        \
    X("action", "ACTION")                                                                          \
    X("action_path", "ACTION_PATH")                                                                \
    X("action_ref", "ACTION_REF")                                                                  \
    X("action_repository", "ACTION_REPOSITORY")                                                    \
    X("actor", "ACTOR")                                                                            \
    X("actor_id", "ACTOR_ID")                                                                      \
    X("api_url", "API_URL")                                                                        \
    X("base_ref", "BASE_REF")                                                                      \
    X("env", "ENV")                                                                                \
    X("event_name", "EVENT_NAME")                                                                  \
    X("event_path", "EVENT_PATH")                                                                  \
    X("graphql_url", "GRAPHQL_URL")                                                                \
    X("head_ref", "HEAD_REF")                                                                      \
    X("job", "JOB")                                                                                \
    X("output", "OUTPUT")                                                                          \
    X("path", "PATH")                                                                              \
    X("ref", "REF")                                                                                \
    X("ref_name", "REF_NAME")                                                                      \
    X("ref_protected", "REF_PROTECTED")                                                            \
    X("ref_type", "REF_TYPE")                                                                      \
    X("repository", "REPOSITORY")                                                                  \
    X("repository_id", "REPOSITORY_ID")                                                            \
    X("repository_owner", "REPOSITORY_OWNER")                                                      \
    X("repository_owner_id", "REPOSITORY_OWNER_ID")                                                \
    X("retention_days", "RETENTION_DAYS")                                                          \
    X("run_attempt", "RUN_ATTEMPT")                                                                \
    X("run_id", "RUN_ID")                                                                          \
    X("run_number", "RUN_NUMBER")                                                                  \
    X("server_url", "SERVER_URL")                                                                  \
    X("sha", "SHA")                                                                                \
    X("state", "STATE")                                                                            \
    X("step_summary", "STEP_SUMMARY")                                                              \
    X("triggering_actor", "TRIGGERING_ACTOR")                                                      \
    X("workflow", "WORKFLOW")                                                                      \
    X("workflow_ref", "WORKFLOW_REF")                                                              \
    X("workflow_sha", "WORKFLOW_SHA")                                                              \
    X("workspace", "WORKSPACE")

static const struct variable {
    str key, name;
} github_variables[] =
    {
#define X(key, name) {STR_INIT(key), STR_INIT("GITHUB_" name)},
        GITHUB_VARIABLES(X)
#undef X
},
  runner_variables[] = {
      {STR_INIT("os"), STR_INIT("RUNNER_OS")},
      {STR_INIT("arch"), STR_INIT("RUNNER_ARCH")},
      {STR_INIT("name"), STR_INIT("RUNNER_NAME")},
      {STR_INIT("environment"), STR_INIT("RUNNER_ENVIRONMENT")},
      {STR_INIT("tool_cache"), STR_INIT("RUNNER_TOOL_CACHE")},
      {STR_INIT("temp"), STR_INIT("RUNNER_TEMP")},
      {STR_INIT("workspace"), STR_INIT("RUNNER_WORKSPACE")},
      {STR_INIT("debug"), STR_INIT("RUNNER_DEBUG")},
};

static void expose(arena *a, value *out, const value *context, const struct variable *list,
                   size_t count) {
    for (size_t i = 0; i < count; i++) {
        const value *item = value_get(context, list[i].key);
        if (item && (item->kind == VALUE_STRING || item->kind == VALUE_BOOL))
            value_set(a, out, list[i].name, value_string(context_text(a, item)));
    }
}

static void add_paths(strbuf *out, str *paths, size_t count) {
    while (count--) {
        strbuf_add(out, paths[count]);
        strbuf_addc(out, ':');
    }
}

str context_path(step *s) {
    const value *set = value_get(&s->env, STR("PATH"));
    str path = set ? set->string : value_path_str(&s->r->base_env, "PATH");
    background *b = s->lane ? s->lane->background : NULL;
    if (!s->r->path_count && !(b && b->path_count)) return path;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (b) add_paths(&out, b->paths, b->path_count);
    add_paths(&out, s->r->paths, s->r->path_count);
    strbuf_add(&out, path);
    return arena_str(s->a, strbuf_str(&out));
}

/* "K=V" for each pair whose text the system can carry: a NUL would cut it short. */
static const char *const *flatten(arena *a, const value *object) {
    size_t count = value_count(object), size = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        size += value_at(object, i)->key.len + value_at(object, i)->item.string.len + 2;
    const char **out = ARENA_ARRAY(a, const char *, count + 1);
    char *at = arena_alloc(a, size);
    for (size_t i = 0; i < count; i++) {
        const value_pair *p = value_at(object, i);
        str text = p->item.string;
        if (memchr(p->key.ptr, '\0', p->key.len)) continue;
        out[kept++] = at;
        at = mempcpy(at, p->key.ptr, p->key.len);
        *at++ = '=';
        at = mempcpy(at, text.ptr, strnlen(text.ptr, text.len));
        *at++ = '\0';
    }
    return out;
}

static void expose_all(step *s, value *out) {
    expose(s->a, out, &s->github, github_variables, COUNT(github_variables));
    expose(s->a, out, &s->r->runner_context, runner_variables, COUNT(runner_variables));
}

const char *const *context_environ(step *s, const value *more) {
    value out = value_object_new(s->a, true);
    value_set_all(s->a, &out, &s->r->base_env);
    value_set_all(s->a, &out, &s->env);
    value_set_all(s->a, &out, more);
    value_set_str(s->a, &out, "PATH", context_path(s));
    expose_all(s, &out);
    value_set_all(s->a, &out, &s->services);
    return flatten(s->a, &out);
}

value context_container_env(step *s, const value *more) {
    value out = value_object_new(s->a, true);
    inherit(s->a, &out, of_network, COUNT(of_network));
    value_set_all(s->a, &out, &s->env);
    value_set_all(s->a, &out, more);
    value_set_str(s->a, &out, "HOME", str_from(s->r->home));
    value_set_str(s->a, &out, "CI", STR("true"));
    value_set_str(s->a, &out, "GITHUB_ACTIONS", STR("true"));
    expose_all(s, &out);
    value_set_all(s->a, &out, &s->services);
    return out;
}
