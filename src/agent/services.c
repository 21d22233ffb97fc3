/* services.c: what a run tells the services of actions about its jobs.
 *
 * They start with the first action that could call them: a run of scripts alone does not pay for
 * them. Caches are kept by repository; one without a remote is known by its folder as well, because
 * any folder may have its name. */
#include "agent/services.h"

#include "agent/person.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/loop.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRAM_MAX     ((size_t)32 << 20) /* of an action, to be looked into */
#define RETENTION_DAYS  90                 /* as GitHub's default */
#define LOCAL_SERVER    "http://slipway.localhost"
#define IMMUTABLE_SINCE "2026-07-15" /* repositories made since have ids in their subjects */

/* ---- folders and names ---------------------------------------------------------------------- */

static void add_plain(strbuf *out, str text) {
    for (size_t i = 0; i < text.len && i < 60; i++) {
        char c = text.ptr[i];
        strbuf_addc(out, isalnum((unsigned char)c) || c == '-' || c == '_' ? c : '-');
    }
}

/* "…/artifacts/20261127-163000-shop-3f2a": sorted by time, and no two runs have the same. */
static char *new_artifacts_folder(arena *a, const event *ev) {
    _cleanup_strbuf_ strbuf name = STRBUF_INIT;
    char stamp[32], suffix[5];
    struct tm t;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    str owner, name_only;
    localtime_r(&now, &t);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &t);
    random_hex(2, suffix);
    str_cut(ev->repository, '/', &owner, &name_only);
    strbuf_addf(&name, "slipway/artifacts/%s-", stamp);
    add_plain(&name, name_only);
    strbuf_addf(&name, "-%s", suffix);
    return person_folder(a, "XDG_STATE_HOME", ".local/state", strbuf_cstr(&name));
}

/* Each workflow has a folder of its own where an event starts several. */
static char *run_folder(service_set *s, const services_run *run) {
    arena *a = s->a;
    if (!s->artifacts)
        s->artifacts = s->given_artifacts ? arena_cstr(a, str_from(s->given_artifacts))
                                          : new_artifacts_folder(a, s->event);
    if (!s->artifacts) return NULL;
    if (!s->many) return s->artifacts;
    _cleanup_strbuf_ strbuf name = STRBUF_INIT;
    ptrdiff_t slash = str_rfind_char(run->path, '/');
    str file = str_sub(run->path, (size_t)(slash + 1), run->path.len);
    ptrdiff_t dot = str_rfind_char(file, '.');
    add_plain(&name, dot > 0 ? str_sub(file, 0, (size_t)dot) : file);
    return fs_join(a, s->artifacts, arena_str(a, strbuf_str(&name)));
}

static void name_repository(service_set *s) {
    str name = s->event->repository;
    uint8_t digest[32];
    char hex[65] = "";
    if (str_starts(name, STR("local/"))) {
        sha256 *h = sha256_new();
        sha256_add(h, s->repo->root, strlen(s->repo->root));
        sha256_end(h, digest);
        hex_encode(digest, sizeof digest, hex);
    }
    snprintf(s->cache_repository, sizeof s->cache_repository, "%.*s%s%.16s",
             (int)str_sub(name, 0, 200).len, name.ptr, hex[0] ? "@" : "", hex);
}

/* ---- permissions ---------------------------------------------------------------------------- */

static bool from_fork(const value *github) {
    const value *fork = value_path(github, "event.pull_request.head.repo.fork");
    return fork && fork->kind == VALUE_BOOL && fork->boolean;
}

bool services_identity(const job_instance *instance) {
    bool said = false;
    for (const plan_job *job = instance->plan; job; job = job->scope->caller) {
        const permissions *p = job->job->permissions;
        if (!p) p = job->scope->workflow->permissions;
        if (!p) continue;
        said = true;
        if (p->level[PERMISSION_ID_TOKEN] != PERMIT_WRITE) return false;
    }
    return said && !from_fork(&instance->github);
}

/* ---- what a job is -------------------------------------------------------------------------- */

/* The file that the job is written in, as in job.workflow_ref. */
static str job_workflow_ref(arena *a, const job_instance *instance) {
    str path = str_from(instance->plan->scope->workflow->path);
    if (str_find_char(path, '@') >= 0) return path;
    if (str_starts(path, STR("./"))) path = str_sub(path, 2, path.len);
    return arena_printf(a, "%.*s/%.*s@%.*s",
                        STR_ARG(value_path_str(&instance->github, "repository")), STR_ARG(path),
                        STR_ARG(value_path_str(&instance->github, "ref")));
}

static value claims_of(arena *a, const job_instance *instance) {
    static const char *const copied[] = {
        "actor",    "actor_id",   "base_ref",      "event_name",
        "head_ref", "ref_type",   "repository_id", "repository_owner",
        "run_id",   "run_number", "run_attempt",   "repository_owner_id",
        "sha",      "workflow",   "workflow_ref",  "workflow_sha",
    };
    const value *github = &instance->github;
    value out = value_object_new(a, true);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        value_set_str(a, &out, copied[i], value_path_str(github, copied[i]));
    str visibility = value_path_str(github, "event.repository.visibility");
    value_set_str(a, &out, "repository_visibility", visibility.len ? visibility : STR("private"));
    value_set_str(a, &out, "ref_protected", STR("false"));
    value_set_str(a, &out, "runner_environment", STR("self-hosted"));
    value_set_str(a, &out, "job_workflow_ref", job_workflow_ref(a, instance));
    value_set_str(a, &out, "job_workflow_sha", value_path_str(github, "workflow_sha"));
    return out;
}

/* GitHub's rule for new repositories, where the event tells all that it needs. */
static bool has_immutable_subject(const value *github) {
    str created = value_path_str(github, "event.repository.created_at");
    str id = value_path_str(github, "repository_id"),
        owner = value_path_str(github, "repository_owner_id");
    return str_cmp(created, STR(IMMUTABLE_SINCE)) > 0 && id.len && !str_is(id, "0") && owner.len &&
           !str_is(owner, "0");
}

static actions_job describe(service_set *s, services_run *run, arena *a,
                            const job_instance *instance) {
    const value *github = &instance->github;
    str main = value_path_str(github, "event.repository.default_branch");
    return (actions_job){
        .run = str_from(run->name),
        .repository = value_path_str(github, "repository"),
        .caches = str_from(s->cache_repository),
        .ref = value_path_str(github, "ref"),
        .default_branch = main.len ? main : STR("main"),
        .base_branch = value_path_str(github, "base_ref"),
        .artifacts = str_from(run->artifacts),
        .artifact_days = s->given_artifacts ? -1 : RETENTION_DAYS,
        .identity = services_identity(instance),
        .immutable_subject = has_immutable_subject(github),
        .environment = instance->environment,
        .audience = arena_printf(a, "%.*s/%.*s", STR_ARG(value_path_str(github, "server_url")),
                                 STR_ARG(value_path_str(github, "repository_owner"))),
        .claims = claims_of(a, instance),
    };
}

/* ---- starting ------------------------------------------------------------------------------- */

static int start(service_set *s, err *e) {
    arena *a = s->a;
    char *data;
    if (person_cache(a, s->caches, "cache", &data, e) < 0) return e->code;
    name_repository(s);
    actions_limits limits = {.cache_bytes = s->cache_bytes};
    return actions_start(data, &limits, &s->process, e);
}

static int open_job(service_set *s, services_run *run, services_job *job, arena *a,
                    const job_instance *instance, err *e) {
    int r = s->process ? 0 : start(s, e);
    if (r < 0) return r;
    if (!run->name[0]) random_hex(16, run->name);
    if (!run->artifacts) run->artifacts = run_folder(s, run);
    if (!run->artifacts)
        return err_set(e, ERR_UNSUPPORTED, "there is no folder for them: set HOME");
    actions_job spec = describe(s, run, a, instance);
    return actions_job_open(s->process, a, &spec, &job->id, &job->env, e);
}

static bool uses_actions(const workflow_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind == STEP_USES || uses_actions(steps[i].children, steps[i].child_count))
            return true;
    }
    return false;
}

const char *services_rule(service_set *s, arena *a, const job_instance *instance) {
    const workflow_job *job = instance->plan->job;
    err ignored = {0}; /* services_env will meet it again and tell */
    if (!uses_actions(job->steps, job->step_count)) return NULL;
    if (!s->process && (s->failed || start(s, &ignored) < 0)) return NULL;
    return arena_printf(a, "localhost:%u", actions_port(s->process)).ptr;
}

/* ---- what an action gets -------------------------------------------------------------------- */

str services_server_url(arena *a, str program, str server_url) {
    if (actions_known_host(server_url) || !actions_needs_known_host(program)) return server_url;
    return arena_str(a, STR(LOCAL_SERVER));
}

/* A proxy of the person's must not be asked for what is on this machine. */
static void spare_proxy(arena *a, value *env) {
    static const char *const proxies[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    static const char *const names[] = {"no_proxy", "NO_PROXY"};
    bool any = false;
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        any |= getenv(proxies[i]) != NULL;
    for (size_t i = 0; any && i < 2; i++) {
        const char *known = getenv(names[i]);
        value_set_str(a, env, names[i],
                      arena_printf(a, "%s%s127.0.0.1", known ? known : "", known ? "," : ""));
    }
}

static int need_job(service_set *s, services_run *run, services_job *job, arena *a,
                    const job_instance *instance, err *e) {
    int r = job->id.len ? 0 : open_job(s, run, job, a, instance, e);
    if (r >= 0) return r;
    s->failed = true;
    return err_context(e, "actions have no caches, artifacts and identity tokens");
}

int services_env(service_set *s, services_run *run, services_job *job, arena *a,
                 const job_instance *instance, const view *files, const char *file, value *ret,
                 err *e) {
    *ret = value_object_new(a, true);
    if (s->failed) return 0;
    int r = need_job(s, run, job, a, instance, e);
    if (r < 0) return r;
    value_set_all(a, ret, &job->env);
    if (!job->limited) spare_proxy(a, ret);
    str server = value_path_str(&instance->github, "server_url"), program = STR_EMPTY;
    if (actions_known_host(server) || !file) return 0;
    _cleanup_arena_ arena *own = arena_new();
    view_read(files, own, file, PROGRAM_MAX, &program, NULL);
    value_set_str(a, ret, "GITHUB_SERVER_URL", services_server_url(a, program, server));
    return 0;
}

int services_share(service_set *s, services_run *run, services_job *job, arena *a,
                   const job_instance *instance, const char *folder, unsigned *ret_port, err *e) {
    *ret_port = 0;
    if (s->failed) return 0;
    int r = need_job(s, run, job, a, instance, e);
    if (r == 0 && !job->shared) r = actions_job_share(s->process, job->id, folder, e);
    if (r < 0) return r;
    job->shared = true;
    *ret_port = actions_port(s->process);
    return 0;
}

void services_close(service_set *s, services_job *job) {
    err ignored = {0};
    if (job->id.len) actions_job_close(s->process, job->id, &ignored);
    job->id = STR_EMPTY;
    job->shared = false;
}

void services_list(service_set *s, const services_run *run, actions_artifact **ret,
                   size_t *ret_count) {
    err ignored = {0};
    *ret_count = 0;
    if (!run->name[0] || !s->process ||
        actions_artifacts(s->process, s->a, str_from(run->name), ret, ret_count, &ignored) < 0)
        *ret_count = 0;
}

void services_stop(service_set *s) {
    actions_stop(s->process);
    s->process = NULL;
}
