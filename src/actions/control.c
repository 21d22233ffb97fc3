/* control.c: the services' process: what Slipway orders over the socket pair, one order after the
 * other, each with one answer.
 *
 *   {"order": "start", "data": FOLDER, "limits": {…}}   {"port": N}
 *   {"order": "open", …as actions_job}                  {"id": ID, "env": {…}}
 *   {"order": "share", "id": ID, "folder": FOLDER}      {}
 *   {"order": "close", "id": ID}                        {}
 *   {"order": "artifacts", "run": RUN}                  {"artifacts": [{name, path, size}]}
 *   any that fails                                      {"error": TEXT, "code": N} */
#include "actions/service.h"

#include "actions/jwt.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- jobs ----------------------------------------------------------------------------------- */

static job *find_job(const service *s, str id) {
    for (job *j = s->jobs; j; j = j->next) {
        if (str_is(id, j->id)) return j;
    }
    return NULL;
}

/* A closed job goes when nobody works for it any more. */
static void free_closed_jobs(service *s) {
    for (job **at = &s->jobs; *at;) {
        job *j = *at;
        if (!j->closed || j->refs) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        arena_free(j->a);
    }
}

job *job_take(service *s, str id) {
    pthread_mutex_lock(&s->lock);
    job *j = find_job(s, id);
    if (j && j->closed) j = NULL;
    if (j) j->refs++;
    pthread_mutex_unlock(&s->lock);
    return j;
}

void job_release(service *s, job *j) {
    pthread_mutex_lock(&s->lock);
    j->refs--;
    free_closed_jobs(s);
    pthread_mutex_unlock(&s->lock);
}

static str copied(arena *a, const value *from, const char *key) {
    return arena_str(a, value_path_str(from, key));
}

static bool flag(const value *from, const char *key) {
    const value *found = value_get(from, str_from(key));
    return found && found->kind == VALUE_BOOL && found->boolean;
}

static double number(const value *from, const char *key) {
    const value *found = value_get(from, str_from(key));
    return found && found->kind == VALUE_NUMBER ? found->number : 0;
}

static void add_scope(job *j, str scope) {
    for (size_t i = 0; i < j->scope_count; i++) {
        if (str_eq(j->scopes[i], scope)) return;
    }
    j->scopes[j->scope_count++] = scope;
}

static job *make_job(const value *in) {
    arena *a = arena_new();
    job *j = ARENA_NEW(a, job);
    const value *claims = value_get(in, STR("claims"));
    *j = (job){.a = a,
               .spec = {
                   .run = copied(a, in, "run"),
                   .repository = copied(a, in, "repository"),
                   .caches = copied(a, in, "caches"),
                   .ref = copied(a, in, "ref"),
                   .artifacts = copied(a, in, "artifacts"),
                   .artifact_days = (int)number(in, "artifact_days"),
                   .identity = flag(in, "identity"),
                   .immutable_subject = flag(in, "immutable_subject"),
                   .environment = copied(a, in, "environment"),
                   .audience = copied(a, in, "audience"),
                   .claims = claims ? value_copy(a, claims) : value_object_new(a, true),
               }};
    str base = value_path_str(in, "base_branch"), main = value_path_str(in, "default_branch");
    random_hex(16, j->id);
    add_scope(j, j->spec.ref);
    if (base.len) add_scope(j, arena_printf(a, "refs/heads/%.*s", STR_ARG(base)));
    if (main.len) add_scope(j, arena_printf(a, "refs/heads/%.*s", STR_ARG(main)));
    return j;
}

/* ---- what a job gets ------------------------------------------------------------------------ */

/* `ac` tells other clients of the cache (BuildKit's) which refs they may read (1) and write (2). */
static str access_claim(arena *a, const job *j) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    value list = value_array_new(a);
    for (size_t i = 0; i < j->scope_count; i++) {
        value one = value_object_new(a, true);
        value_set_str(a, &one, "Scope", j->scopes[i]);
        value_set(a, &one, STR("Permission"), value_number(i ? 1 : 3));
        value_push(a, &list, one);
    }
    json_write(&text, &list);
    return arena_str(a, strbuf_str(&text));
}

static str make_token(const service *s, arena *a, const job *j, const char *use) {
    _cleanup_strbuf_ strbuf token = STRBUF_INIT;
    char id[NAME_SIZE];
    int64_t now = now_seconds();
    value claims = value_object_new(a, true);
    random_hex(16, id);
    value_set_str(a, &claims, "iss", STR("slipway"));
    value_set_str(a, &claims, "use", str_from(use));
    value_set_str(a, &claims, "sub", str_from(j->id));
    value_set_str(a, &claims, "jti", arena_str(a, str_from(id)));
    if (strcmp(use, "runtime") == 0) {
        value_set_str(a, &claims, "scp",
                      arena_printf(a, "Actions.Results:%.*s:%s", STR_ARG(j->spec.run), j->id));
        value_set_str(a, &claims, "ac", access_claim(a, j));
    }
    value_set(a, &claims, STR("iat"), value_number((double)now));
    value_set(a, &claims, STR("nbf"), value_number((double)now));
    value_set(a, &claims, STR("exp"), value_number((double)now + s->limits.token_seconds));
    jwt_make(&token, (str){(const char *)s->key, sizeof s->key}, &claims);
    return arena_str(a, strbuf_str(&token));
}

static value make_env(const service *s, arena *a, const job *j) {
    value env = value_object_new(a, true);
    str base = arena_printf(a, "%s/", s->base);
    value_set_str(a, &env, "ACTIONS_RUNTIME_URL", base);
    value_set_str(a, &env, "ACTIONS_RUNTIME_TOKEN", make_token(s, a, j, "runtime"));
    value_set_str(a, &env, "ACTIONS_RESULTS_URL", base);
    value_set_str(a, &env, "ACTIONS_CACHE_URL", base);
    value_set_str(a, &env, "ACTIONS_CACHE_SERVICE_V2", STR("True"));
    if (!j->spec.identity) return env;
    value_set_str(a, &env, "ACTIONS_ID_TOKEN_REQUEST_URL",
                  arena_printf(a, "%s/identity/token?api-version=2.0", s->base));
    value_set_str(a, &env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", make_token(s, a, j, "identity"));
    return env;
}

/* ---- orders --------------------------------------------------------------------------------- */

typedef int order_fn(service *s, arena *a, const value *in, value *out, err *e);

static int order_open(service *s, arena *a, const value *in, value *out, err *e) {
    (void)e;
    job *j = make_job(in);
    value_set_str(a, out, "id", arena_str(a, str_from(j->id)));
    value_set(a, out, STR("env"), make_env(s, a, j));
    pthread_mutex_lock(&s->lock);
    j->next = s->jobs;
    s->jobs = j;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Orders come one after the other, so nobody closes the job meanwhile. */
static int order_share(service *s, arena *a, const value *in, value *out, err *e) {
    (void)out;
    pthread_mutex_lock(&s->lock);
    job *j = find_job(s, value_path_str(in, "id"));
    pthread_mutex_unlock(&s->lock);
    if (!j || j->closed) return err_set(e, ERR_NOT_FOUND, "there is no such job");
    if (j->door) return err_set(e, ERR_INVALID, "the job has a socket already");
    return httpd_open_door(s->http, arena_cstr(a, value_path_str(in, "folder")),
                           ACTIONS_SOCKET_NAME, &j->door, e);
}

static void close_door(job *j) {
    httpd_close_door(j->door);
    j->door = NULL;
}

static int order_close(service *s, arena *a, const value *in, value *out, err *e) {
    (void)a, (void)out;
    int r = 0;
    pthread_mutex_lock(&s->lock);
    job *j = find_job(s, value_path_str(in, "id"));
    if (j && !j->closed) {
        close_door(j);
        j->closed = true;
        upload_drop_all(s, j);
        free_closed_jobs(s);
    } else {
        r = err_set(e, ERR_NOT_FOUND, "there is no such job");
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int order_artifacts(service *s, arena *a, const value *in, value *out, err *e) {
    store_artifact *all;
    size_t count = 0;
    value list = value_array_new(a);
    pthread_mutex_lock(&s->lock);
    int r =
        store_artifact_list(s->store, a, value_path_str(in, "run"), STR_EMPTY, 0, &all, &count, e);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; r == 0 && i < count; i++) {
        value one = value_object_new(a, true);
        value_set_str(a, &one, "name", all[i].name);
        value_set_str(a, &one, "path", all[i].path);
        value_set(a, &one, STR("size"), value_number((double)all[i].size));
        value_push(a, &list, one);
    }
    value_set(a, out, STR("artifacts"), list);
    return r;
}

static void set_limits(actions_limits *l, const value *in) {
    *l = (actions_limits){
        .cache_bytes = (uint64_t)number(in, "cache_bytes"),
        .cache_days = (unsigned)number(in, "cache_days"),
        .upload_bytes = (uint64_t)number(in, "upload_bytes"),
        .artifact_count = (unsigned)number(in, "artifact_count"),
        .token_seconds = (unsigned)number(in, "token_seconds"),
        .identity_seconds = (unsigned)number(in, "identity_seconds"),
    };
    if (!l->cache_bytes) l->cache_bytes = 10ULL << 30;
    if (!l->cache_days) l->cache_days = 7;
    if (!l->upload_bytes) l->upload_bytes = 10ULL << 30;
    if (!l->artifact_count) l->artifact_count = 1000;
    if (!l->token_seconds) l->token_seconds = 24 * 3600;
    if (!l->identity_seconds) l->identity_seconds = 300;
}

static int order_start(service *s, arena *a, const value *in, value *out, err *e) {
    if (s->http) return err_set(e, ERR_INVALID, "the services have been started");
    s->data = arena_cstr(s->a, value_path_str(in, "data"));
    s->blobs = fs_join(s->a, s->data, STR("blobs"));
    const value *limits = value_get(in, STR("limits"));
    set_limits(&s->limits, limits ? limits : in);
    int r = fs_mkdirs(s->data, 0700, e);
    if (r == 0) r = staging_open(s, e);
    if (r == 0) r = store_open(fs_join(a, s->data, STR("store.db")), &s->store, e);
    if (r == 0) r = cache_sweep(s, e);
    if (r == 0) r = artifact_expire(s, e);
    if (r == 0) r = naming_start(s, e);
    httpd_handler handler = request_handler;
    handler.context = s;
    httpd_limits http = {.request_bytes = s->limits.upload_bytes};
    if (r == 0) r = httpd_start(0, &http, &handler, &s->http, e);
    if (r < 0) return r;
    str base = arena_printf(s->a, "http://127.0.0.1:%u", httpd_port(s->http));
    memcpy(s->base, base.ptr, base.len + 1);
    value_set(a, out, STR("port"), value_number(httpd_port(s->http)));
    return 0;
}

static int obey(service *s, arena *a, const value *in, value *out, err *e) {
    static const struct {
        const char *name;
        order_fn *fn;
    } orders[] = {
        {"start", order_start}, {"open", order_open},           {"share", order_share},
        {"close", order_close}, {"artifacts", order_artifacts},
    };
    str name = value_path_str(in, "order");
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (!str_is(name, orders[i].name)) continue;
        if (!s->http && orders[i].fn != order_start) break;
        return orders[i].fn(s, a, in, out, e);
    }
    return err_set(e, ERR_INVALID, "the services were given an unknown order");
}

/* ---- the process ---------------------------------------------------------------------------- */

/* A key that Ctrl-C is pressed on, and a hang-up, are Slipway's: its post steps still save caches.
 * Nobody but root may look into this process. */
static void settle(void) {
    setsid();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "slip:services");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (chdir("/") < 0) _exit(1);
}

static bool serve_one(service *s) {
    _cleanup_arena_ arena *a = arena_new();
    value in, out = value_object_new(a, true);
    err e = {0};
    if (channel_receive(CHANNEL_FD, a, &in, &e) < 0) return false;
    if (obey(s, a, &in, &out, &e) < 0) {
        out = value_object_new(a, true);
        value_set_str(a, &out, "error", str_from(e.message));
        value_set(a, &out, STR("code"), value_number(e.code));
    }
    return channel_send(CHANNEL_FD, &out, &e) == 0;
}

static void finish(service *s) {
    for (job *j = s->jobs; j; j = j->next)
        close_door(j);
    httpd_stop(s->http);
    naming_stop(s);
    for (job *j = s->jobs; j; j = j->next) {
        j->closed = true;
        upload_drop_all(s, j);
    }
    free_closed_jobs(s);
    staging_close(s);
    store_close(s->store);
    identity_free(s->identity);
    arena_free(s->a);
}

void actions_main(int argc, char **argv) {
    if (argc != 1 || strcmp(argv[0], SERVICE_NAME) != 0) return;
    settle();
    fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    service s = {.a = arena_new(), .staging = LEASED_NONE, .umask = umask(077)};
    umask(s.umask); /* every file of the services has a mode of its own */
    pthread_mutex_init(&s.lock, NULL);
    random_bytes(s.key, sizeof s.key);
    while (serve_one(&s))
        continue;
    finish(&s);
    exit(0);
}
