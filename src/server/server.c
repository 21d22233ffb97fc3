/* server.c: the parts of a server, put together. */
#include "server/embedded.h"
#include "server/hub.h"
#include "server/intake.h"
#include "server/job_logs.h"
#include "server/links.h"
#include "server/metrics.h"
#include "server/people.h"
#include "server/repeats.h"
#include "server/routes.h"
#include "server/secrets.h"
#include "server/show.h"
#include "server/triggers.h"
#include "server/ui_assets.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/secrets.h"
#include "trust/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME       "slipway/audit/%s" /* each server's log has a name of its own */
#define EMBEDDED_AGENT "local"
#define CURSOR_KEY     "cursor.key"
#define CLOSING_MS     20

/* ---- readers -------------------------------------------------------------------------------- */

static void close_reader(void *s) {
    store_close(s);
}

int server_reader(server *s, store **ret, err *e) {
    *ret = pthread_getspecific(s->reader);
    if (*ret) return 0;
    int r = store_open_reader(s->database, ret, e);
    if (r == 0) pthread_setspecific(s->reader, *ret);
    return r;
}

int64_t server_now(const server *s) {
    return s->how.now ? s->how.now() : clock_wall_us();
}

/* ---- the port of live runs ------------------------------------------------------------------ */

static void on_ready(void *context, core_tx *tx, live_job *job) {
    (void)context;
    links_ready(tx, job);
}

static void on_cancel(void *context, core_tx *tx, live_job *job) {
    (void)context;
    links_cancel(tx, job);
}

static void on_gone(void *context, core_tx *tx, live_job *job) {
    (void)context;
    links_remove_job(tx, job);
}

/* What was counted of a batch that failed after all is wrong by that much. */
static int on_run(void *context, core_tx *tx, const live_run *run, const char *what, err *e) {
    value v = show_run(tx->a, &run->row, run->repository);
    change x = {.action = arena_cstr(tx->a, arena_printf(tx->a, "run.%s", what)),
                .kind = "run",
                .id = run->row.id,
                .name = run->row.name,
                .project = run->repository,
                .reason = run->row.reason};
    (void)context;
    int r = change_record(tx, &x, e);
    if (r == 0) metrics_run(((server *)tx->state)->metrics, &run->row, what);
    if (r == 0) hub_publish_after(tx, "run", run->row.repository, run->row.id, &v);
    return r;
}

static int on_job(void *context, core_tx *tx, const live_run *run, const store_job *job,
                  const char *what, err *e) {
    value v = show_job(tx->a, job), details = value_object_new(tx->a, true);
    (void)context;
    value_set(tx->a, &details, STR("run"), value_number((double)job->run));
    if (job->agent) value_set(tx->a, &details, STR("agent"), value_number((double)job->agent));
    if (job->state == JOB_STATE_COMPLETED)
        value_set_str(tx->a, &details, "result", str_from(store_result_words[job->result]));
    change x = {.action = arena_cstr(tx->a, arena_printf(tx->a, "job.%s", what)),
                .kind = "job",
                .id = job->id,
                .name = job->name,
                .project = run->repository,
                .reason = job->reason,
                .details = details};
    int r = change_record(tx, &x, e);
    if (r == 0) metrics_job(((server *)tx->state)->metrics, job, what, tx->now_us);
    if (r == 0) hub_publish_after(tx, "job", run->row.repository, job->run, &v);
    return r;
}

/* ---- memory from the database --------------------------------------------------------------- */

static int load_all(core_tx *tx, err *e) {
    server *s = tx->state;
    queue_free(s->queue);
    s->queue = queue_new();
    int r = live_load(s->live, tx, e);
    return r == 0 ? links_load(tx, e) : r;
}

static int reload(void *state, err *e) {
    server *s = state;
    _cleanup_arena_ arena *a = arena_new();
    core_tx tx = {.core = s->core,
                  .store = s->store,
                  .audit = s->audit,
                  .a = a,
                  .now_us = clock_wall_us(),
                  .state = s,
                  .by = core_itself()};
    int r = audit_begin(s->audit, e);
    if (r < 0) return r;
    r = load_all(&tx, e);
    if (r == 0) return audit_commit(s->audit, e);
    audit_rollback(s->audit);
    return r;
}

static int add_embedded(server *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    store_agent row;
    err none = {0};
    if (store_agent_by_name(s->store, a, STR(EMBEDDED_AGENT), &row, &none) == 0) {
        s->own_agent = row.id;
        return 0;
    }
    row = (store_agent){.name = STR(EMBEDDED_AGENT),
                        .labels = STR("[\"self-hosted\",\"linux\",\"ubuntu-latest\"]"),
                        .capacity = 2,
                        .embedded = true,
                        .created_us = clock_wall_us()};
    int r = store_agent_add(s->store, &row, e);
    s->own_agent = row.id;
    return r;
}

/* ---- who calls ------------------------------------------------------------------------------ */

static int authenticate(void *context, api_call *c, err *e) {
    server *s = context;
    if (c->route->auth == API_PERSON) return people_authenticate(s->people, c, e);
    if (!httpd_local(c->r)) return err_set(e, ERR_NOT_FOUND, "nothing was shown");
    if (c->route->auth == API_AGENT)
        c->caller =
            (api_caller){.kind = API_IS_AGENT, .id = s->own_agent, .name = STR(EMBEDDED_AGENT)};
    else
        c->caller = (api_caller){.kind = API_TOKEN, .name = STR("owner")};
    return 0;
}

static bool may(void *context, const api_call *c, access_right right, api_project project) {
    (void)context;
    return people_may(c, right, project);
}

static uint64_t changes(void *context) {
    server *s = context;
    return core_version(s->core);
}

static bool ready(void *context, strbuf *why) {
    (void)context, (void)why;
    return true;
}

static int64_t now(void *context) {
    return server_now(context);
}

static void report(void *context, str request_id, const char *text) {
    (void)context;
    fprintf(stderr, "slipway: request %.*s: %s\n", STR_ARG(request_id), text);
}

/* ---- starting ------------------------------------------------------------------------------- */

static int take_folder(server *s, err *e) {
    int r = fs_mkdirs(s->data, 0700, e);
    char *lock = fs_join(s->a, s->data, STR("lock"));
    const char *const folders[] = {s->logs_dir, s->repos_dir, s->keys_dir};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && r == 0; i++)
        r = fs_mkdirs(folders[i], 0700, e);
    if (r < 0) return r;
    s->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) return err_sys(e, errno, "cannot open '%s'", lock);
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0) return 0;
    return err_set(e, ERR_INVALID, "another server has the folder '%s'", s->data);
}

static int take_keys(server *s, err *e) {
    char *path = fs_join(s->a, s->keys_dir, STR("audit.key")),
         *cursor = fs_join(s->a, s->keys_dir, STR(CURSOR_KEY));
    err why = {0};
    str key;
    int r = sign_key_load(path, &s->key, &why);
    if (r == ERR_NOT_FOUND) {
        char id[17];
        random_hex(8, id);
        r = sign_key_make(path, arena_printf(s->a, KEY_NAME, id), &s->key, e);
    } else if (r < 0) {
        *e = why;
    }
    if (r < 0) return r;
    if (fs_read_file(s->a, cursor, sizeof s->api_config.key, &key, &why) == 0 &&
        key.len == sizeof s->api_config.key) {
        memcpy(s->api_config.key, key.ptr, key.len);
        return 0;
    }
    random_bytes(s->api_config.key, sizeof s->api_config.key);
    return fs_write(cursor, (str){(const char *)s->api_config.key, sizeof s->api_config.key}, 0600,
                    e);
}

/* A new key would open none of the secrets that are there, and be used for the next ones. */
static int open_vault(server *s, err *e) {
    char *path = fs_join(s->a, s->keys_dir, STR("secrets.key"));
    int64_t sealed = 0;
    int r = store_secrets_sealed(s->store, &sealed, e);
    if (r < 0) return r;
    if (sealed && !fs_exists(path))
        return err_set(
            e, ERR_NOT_FOUND,
            "there are %lld secrets, and '%s', which opens them, is missing: put it back "
            "from where keys are kept",
            (long long)sealed, path);
    return vault_open(path, &s->vault, e);
}

static int open_state(server *s, err *e) {
    live_port port = {.context = s,
                      .secrets = secrets_of_run,
                      .ready = on_ready,
                      .cancel = on_cancel,
                      .gone = on_gone,
                      .changed_run = on_run,
                      .changed_job = on_job};
    int r = store_open(s->database, &s->store, e);
    if (r == 0) r = open_vault(s, e);
    if (r == 0) r = audit_log_open(s->store, s->key, &s->audit, e);
    if (r == 0) r = loop_new(&s->loop, e);
    if (r == 0) r = add_embedded(s, e);
    if (r < 0) return r;
    core_spec spec = {.loop = s->loop,
                      .store = s->store,
                      .state = s,
                      .now = now,
                      .audit = s->audit,
                      .reload = reload,
                      .settle = links_settle};
    s->core = core_new(&spec);
    s->live = live_new(&port);
    s->queue = queue_new();
    s->links = links_new(s);
    s->people = people_new(s);
    s->hub = hub_new(s);
    s->logs = job_logs_new(s);
    s->repeats = repeats_new(s);
    s->triggers = triggers_new(s);
    s->metrics = metrics_new();
    return reload(s, e);
}

static const api_routes *all_routes(arena *a, size_t *ret_count) {
    const api_routes tables[] = {runs_routes,   logs_routes,   agents_routes,  hub_routes,
                                 intake_routes, audit_routes,  metrics_routes, session_routes,
                                 people_routes, grants_routes, secrets_routes};
    *ret_count = sizeof tables / sizeof *tables;
    return memcpy(arena_alloc(a, sizeof tables), tables, sizeof tables);
}

static const api_schemas *all_schemas(arena *a, size_t *ret_count) {
    const api_schemas tables[] = {show_schemas,   runs_schemas,   logs_schemas,    agents_schemas,
                                  intake_schemas, audit_schemas,  session_schemas, people_schemas,
                                  grants_schemas, secrets_schemas};
    *ret_count = sizeof tables / sizeof *tables;
    return memcpy(arena_alloc(a, sizeof tables), tables, sizeof tables);
}

static int open_http(server *s, err *e) {
    api_config *k = &s->api_config;
    httpd_limits limits = {.threads = s->how.threads,
                           .connections = 4096,
                           .connection_bytes = 48u << 10,
                           .idle_seconds = 60};
    k->routes = all_routes(s->a, &k->route_tables);
    k->schemas = all_schemas(s->a, &k->schema_tables);
    k->hosts = s->how.hosts;
    k->assets = ui_assets;
    k->asset_count = ui_asset_count;
    k->page = UI_PAGE;
    k->context = s;
    k->repeats = repeats_store(s->repeats);
    k->authenticate = authenticate;
    k->may = may;
    k->changes = changes;
    k->ready = ready;
    k->report = report;
    k->now_us = now;
    k->rates = people_rates;
    k->rate_count = people_rate_count;
    int r = api_new(k, &s->api, e);
    if (r < 0) return r;
    httpd_handler handler = api_handler(s->api);
    uint16_t port = 0;
    str listen = s->how.listen.len ? s->how.listen : STR(SERVER_LISTEN_DEFAULT);
    r = httpd_new(&limits, &handler, &s->http, e);
    if (r == 0) r = httpd_listen(s->http, listen, NULL, &port, e);
    if (r == 0) unlink(fs_join(s->a, s->data, STR(SERVER_SOCKET))); /* of one that was killed */
    if (r == 0) r = httpd_open_door(s->http, s->data, SERVER_SOCKET, &s->door, e);
    if (r < 0) return r;
    ptrdiff_t colon = str_rfind_char(listen, ':');
    str host = str_sub(listen, 0, (size_t)colon);
    if (!host.len) host = STR("localhost");
    s->url = s->how.url.len
                 ? arena_cstr(s->a, s->how.url)
                 : arena_cstr(s->a, arena_printf(s->a, "http://%.*s:%u", STR_ARG(host), port));
    return 0;
}

const char *server_first_link(const server *s) {
    return s->first_link;
}

const char *server_url(const server *s) {
    const char *url = s->url;
    return url ? url : "";
}

int server_new(const server_options *how, server **ret, err *e) {
    server *s = mem_alloc(sizeof *s);
    *s = (server){.a = arena_new(), .how = *how, .lock = -1, .started_us = clock_wall_us()};
    int r = 0;
    s->data = arena_cstr(s->a, str_from(how->data));
    s->database = fs_join(s->a, s->data, STR(SERVER_DATABASE));
    s->logs_dir = fs_join(s->a, s->data, STR("logs"));
    s->repos_dir = fs_join(s->a, s->data, STR("repos"));
    s->keys_dir = fs_join(s->a, s->data, STR("keys"));
    if (pthread_key_create(&s->reader, close_reader)) oom();
    r = take_folder(s, e);
    if (r == 0) r = take_keys(s, e);
    if (r == 0) r = open_state(s, e);
    if (r == 0) r = open_http(s, e);
    if (r == 0) r = people_first_link(s, &s->first_link, e);
    if (r == 0) r = intake_new(s, &s->intake, e);
    if (r == 0 && how->program) s->embedded = embedded_new(s);
    if (r < 0)
        server_free(s);
    else
        *ret = s;
    return r;
}

/* ---- running and ending --------------------------------------------------------------------- */

/* HTTP is closed; children that were killed are waited for. */
static void on_closed(void *context) {
    server *s = context;
    if (triggers_busy(s->triggers))
        loop_after(s->loop, CLOSING_MS, on_closed, s);
    else
        loop_quit(s->loop);
}

/* Calls that wait for the core are answered while HTTP closes, so that is done by a thread and the
 * loop goes on. */
static void *close_http(void *context) {
    server *s = context;
    httpd_close_door(s->door);
    httpd_stop(s->http);
    loop_ring(s->closed);
    return NULL;
}

static void on_stop(void *context) {
    server *s = context;
    if (s->stopping) return;
    s->stopping = true;
    triggers_stop(s->triggers);
    embedded_free(s->embedded);
    s->embedded = NULL;
    if (pthread_create(&s->closer, NULL, close_http, s)) oom();
}

void server_run(server *s) {
    s->stop = loop_on_ring(s->loop, on_stop, s);
    s->closed = loop_on_ring(s->loop, on_closed, s);
    people_start(s->people);
    loop_run(s->loop);
    pthread_join(s->closer, NULL);
    s->http = NULL;
    s->door = NULL;
    loop_wake_stop(s->stop);
    loop_wake_stop(s->closed);
}

void server_stop(server *s) {
    loop_ring(s->stop);
}

loop *server_loop(server *s) {
    return s->loop;
}

void server_free(server *s) {
    if (!s) return;
    embedded_free(s->embedded);
    httpd_close_door(s->door);
    httpd_stop(s->http);
    intake_free(s->intake);
    api_free(s->api);
    core_free(s->core);
    repeats_free(s->repeats);
    triggers_free(s->triggers);
    metrics_free(s->metrics);
    people_free(s->people);
    vault_close(s->vault);
    job_logs_free(s->logs);
    hub_free(s->hub);
    links_free(s->links);
    live_free(s->live);
    queue_free(s->queue);
    if (s->loop) loop_free(s->loop);
    audit_log_close(s->audit);
    store_close(s->store);
    sign_key_free(s->key);
    store *mine = pthread_getspecific(s->reader);
    pthread_setspecific(s->reader, NULL);
    store_close(mine);
    pthread_key_delete(s->reader);
    if (s->lock >= 0) close(s->lock);
    arena_free(s->a);
    free(s);
}
