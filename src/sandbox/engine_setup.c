/* The step "Initialize containers": what dead leaders left is removed, a network made, the job's
 * container and its services started, and health waited for, as GitHub's runner does it
 * (actions/runner, ContainerOperationProvider). Two things differ: an image that is there is not
 * pulled again, and health is looked at more often than every two seconds. */
#include "sandbox/engine_work.h"

#include "base/json.h"
#include "sandbox/engine_clean.h"
#include "sandbox/engine_relay.h"
#include "sandbox/engine_spec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define POLL_FIRST_MS 250
#define POLL_LAST_MS  5000
#define PULL_TRIES    3
#define PULL_PAUSE_MS 1000

typedef struct setup {
    engine_work *w;
    const value *request;
    value labels;
    str network;
    value result, services; /* objects */
} setup;

static str random_hex(arena *a, size_t digits) {
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[32];
    char *out = arena_alloc(a, digits + 1);
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) memset(bytes, getpid() & 0xff, 32);
    for (size_t i = 0; i < digits; i++)
        out[i] = hex[bytes[i % sizeof bytes] & 15];
    return (str){out, digits};
}

/* Sleeps; false when the work was told to stop meanwhile. */
static bool pause_ms(unsigned ms) {
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000L};
    while (!engine_work_stopped() && nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
    return !engine_work_stopped();
}

static bool on_stop(void *context) {
    (void)context;
    return engine_work_stopped();
}

/* ---- images ---------------------------------------------------------------------------------- */

/* What the engine says of a wrong name, tag or password will not change. */
static bool may_help_to_try_again(const err *e) {
    static const char *const final[] = {"unauthorized", "denied",    "not found",
                                        "unknown",      "invalid",   "refused",
                                        "no such host", "not exist", "authentication"};
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strcasestr(e->message, final[i])) return false;
    return e->code == ERR_FAILED;
}

static int have_image(setup *s, const value *container, err *e) {
    engine_work *w = s->w;
    str image = value_path_str(container, "image");
    value found;
    int code = engine_image_inspect(&w->g, w->a, image, &found, e);
    if (code != ERR_NOT_FOUND) return code;
    const engine_login login = {value_path_str(container, "credentials.username"),
                                value_path_str(container, "credentials.password")};
    w->g.stop = on_stop;
    for (int i = 1;; i++) {
        engine_say(w, 'c', "pull %.*s", STR_ARG(image));
        code = engine_pull(&w->g, image, &login, engine_say_line, w, e);
        if (code == 0 || i == PULL_TRIES || !may_help_to_try_again(e)) break;
        engine_say(w, 'w', "%s; trying again", e->message);
        if (!pause_ms(PULL_PAUSE_MS * (unsigned)i)) break;
    }
    w->g.stop = NULL;
    return code;
}

/* ---- one container --------------------------------------------------------------------------- */

/* "alias_image_random", with what names may hold. */
static str make_name(arena *a, str alias, str image) {
    str random = random_hex(a, 6);
    bool fit = alias.len && isalnum((unsigned char)alias.ptr[0]); /* to begin a name */
    str name = arena_printf(a, "%s%.*s_%.*s_%.*s", fit ? "" : "job", STR_ARG(alias),
                            STR_ARG(str_sub(image, 0, 100)), STR_ARG(random));
    for (char *c = (char *)name.ptr; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_') *c = '_';
    return name;
}

static void add_binds(arena *a, engine_plan *p, const value *binds) {
    value host = *value_get(&p->body, STR("HostConfig"));
    const value *there = value_get(&host, STR("Binds"));
    value list = value_array_new(a);
    for (size_t i = 0; i < value_count(there); i++)
        value_push(a, &list, there->array.items[i]);
    for (size_t i = 0; i < value_count(binds); i++)
        value_push(a, &list, binds->array.items[i]);
    value_set(a, &host, STR("Binds"), list);
}

static int make_container(setup *s, const value *container, str alias, bool job, str *ret_id,
                          err *e) {
    arena *a = s->w->a;
    engine_plan p;
    engine_plan_init(a, &p);
    if (engine_plan_container(a, &p, container, e) < 0) return e->code;
    engine_plan_env(a, &p, STR("GITHUB_ACTIONS=true"));
    if (!value_get(value_get(container, STR("env")), STR("CI")))
        engine_plan_env(a, &p, STR("CI=true"));
    if (job) {
        const str tail = STR_INIT("tail"), args[] = {STR_INIT("-f"), STR_INIT("/dev/null")};
        engine_plan_entrypoint(a, &p, &tail, 1);
        engine_plan_command(a, &p, args, 2);
        add_binds(a, &p, value_get(container, STR("binds")));
        value_set_str(a, &p.body, "WorkingDir", value_path_str(container, "workdir"));
        if (engine_relay_of(s->request)) engine_relay_add(a, &p, engine_relay_of(s->request));
    }
    engine_plan_join(a, &p, s->network, job ? STR_EMPTY : alias, &s->labels);
    str name = p.name.len ? p.name : make_name(a, alias, value_path_str(container, "image"));
    int code = engine_create(&s->w->g, a, name, &p.body, ret_id, e);
    return code < 0 ? code : engine_start(&s->w->g, *ret_id, e);
}

/* What has ended right after its start is told; GitHub goes on all the same. */
static void tell_if_ended(setup *s, const value *state, str id) {
    str status = value_path_str(state, "Status");
    if (str_is(status, "running")) return;
    const value *code = value_get(state, STR("ExitCode"));
    engine_say(s->w, 'w',
               "The container is not running but %.*s (exit code %d). Its output:", STR_ARG(status),
               code && code->kind == VALUE_NUMBER ? (int)code->number : -1);
    engine_say_logs(s->w, id);
}

/* "5432" -> "32768"; of two protocols the last counts, as on GitHub. */
static value ports_of(arena *a, const value *inspected) {
    value out = value_object_new(a, true);
    const value *ports = value_path(inspected, "NetworkSettings.Ports");
    for (size_t i = 0; i < value_count(ports); i++) {
        const value_pair *p = value_at(ports, i);
        str inside, protocol;
        if (p->item.kind != VALUE_ARRAY || !p->item.array.count) continue;
        str_cut(p->key, '/', &inside, &protocol);
        value_set(a, &out, inside,
                  value_string(value_path_str(&p->item.array.items[0], "HostPort")));
    }
    return out;
}

static str path_variable(const value *inspected) {
    const value *env = value_path(inspected, "Config.Env");
    for (size_t i = 0; env && env->kind == VALUE_ARRAY && i < env->array.count; i++) {
        str pair = env->array.items[i].string;
        if (str_starts(pair, STR("PATH="))) return str_sub(pair, 5, pair.len);
    }
    return STR_EMPTY;
}

static int start_one(setup *s, const value *container, str alias, bool job, err *e) {
    engine_work *w = s->w;
    arena *a = w->a;
    value inspected, told = value_object_new(a, true);
    str id;
    if (job)
        engine_say(w, 'g', "Starting job container");
    else
        engine_say(w, 'g', "Starting %.*s service container", STR_ARG(alias));
    int code = have_image(s, container, e);
    if (code == 0) code = make_container(s, container, alias, job, &id, e);
    if (code == 0) code = engine_inspect(&w->g, a, id, &inspected, e);
    if (code == 0) {
        tell_if_ended(s, value_get(&inspected, STR("State")), id);
        value_set_str(a, &told, "id", id);
        value_set_str(a, &told, "network", s->network);
        if (job)
            value_set_str(a, &told, "path", path_variable(&inspected));
        else
            value_set(a, &told, STR("ports"), ports_of(a, &inspected));
        if (job) {
            value_set(a, &s->result, STR("container"), told);
            snprintf(w->page->container, sizeof w->page->container, "%.*s", STR_ARG(id));
        } else {
            value_set(a, &s->services, alias, told);
        }
    }
    engine_say(w, 'e', "%s", "");
    if (code < 0 && !job) err_context(e, "service '%.*s'", STR_ARG(alias));
    return code < 0 ? code : 0;
}

/* ---- health ---------------------------------------------------------------------------------- */

typedef enum health { HEALTH_NONE, HEALTH_STARTING, HEALTH_GOOD, HEALTH_BAD } health;

static health judge(const value *inspected) {
    const value *test = value_path(inspected, "Config.Healthcheck.Test");
    str status = value_path_str(inspected, "State.Health.Status");
    bool checked = test && test->kind == VALUE_ARRAY && test->array.count > 0 &&
                   !str_is(test->array.items[0].string, "NONE");
    if (!checked && !status.len) return HEALTH_NONE;
    if (!str_is(value_path_str(inspected, "State.Status"), "running")) return HEALTH_BAD;
    if (str_is(status, "healthy")) return HEALTH_GOOD;
    if (str_is(status, "unhealthy")) return HEALTH_BAD;
    return str_is(status, "starting") ? HEALTH_STARTING : HEALTH_NONE;
}

/* Podman has systemd time its health checks. Where there is none nobody does, so it is done here,
 * at the container's own interval. */
static unsigned own_interval_ms(const engine *g, const value *inspected) {
    if (!g->podman || access("/run/systemd/system", F_OK) == 0) return 0;
    const value *interval = value_path(inspected, "Config.Healthcheck.Interval");
    double ms = interval && interval->kind == VALUE_NUMBER ? interval->number / 1e6 : 30000;
    return ms < 10 ? 10 : ms > 3600000 ? 3600000 : (unsigned)ms;
}

static int wait_for(setup *s, str alias, str id, health *ret, err *e) {
    engine_work *w = s->w;
    unsigned wait = POLL_FIRST_MS;
    for (;;) {
        _cleanup_arena_ arena *a = arena_new();
        value inspected;
        if (engine_inspect(&w->g, a, id, &inspected, e) < 0) return e->code;
        *ret = judge(&inspected);
        if (*ret != HEALTH_STARTING) return 0;
        unsigned own = own_interval_ms(&w->g, &inspected), ms = own ? own : wait;
        if (own && engine_health_run(&w->g, id, e) < 0) return e->code;
        if (own) {
            if (engine_inspect(&w->g, a, id, &inspected, e) < 0) return e->code;
            *ret = judge(&inspected);
            if (*ret != HEALTH_STARTING) return 0;
        }
        engine_say(w, 'l', "%.*s service is starting, waiting %g seconds before checking again.",
                   STR_ARG(alias), ms / 1000.0);
        if (!pause_ms(ms)) return err_set(e, ERR_CANCELLED, "stopped");
        wait = wait * 2 < POLL_LAST_MS ? wait * 2 : POLL_LAST_MS;
    }
}

static int wait_for_all(setup *s, err *e) {
    engine_work *w = s->w;
    size_t count = value_count(&s->services), bad_count = 0;
    bool *bad = ARENA_ARRAY(w->a, bool, count + 1);
    engine_say(w, 'g', "Waiting for all services to be ready");
    for (size_t i = 0; i < count; i++) {
        const value_pair *p = value_at(&s->services, i);
        health state;
        int code = wait_for(s, p->key, value_path_str(&p->item, "id"), &state, e);
        if (code < 0) return code;
        bad[i] = state == HEALTH_BAD;
        bad_count += bad[i];
        if (!bad[i]) engine_say(w, 'l', "%.*s service is healthy.", STR_ARG(p->key));
    }
    engine_say(w, 'e', "%s", "");
    str first = STR_EMPTY;
    for (size_t i = 0; i < count; i++) {
        const value_pair *p = value_at(&s->services, i);
        if (!bad[i]) continue;
        if (!first.len) first = p->key;
        engine_say(w, 'g', "Service container %.*s failed.", STR_ARG(p->key));
        engine_say_logs(w, value_path_str(&p->item, "id"));
        engine_say(w, 'e', "%s", "");
    }
    if (!bad_count) return 0;
    return err_set(e, ERR_FAILED,
                   "the service '%.*s' %sdid not become healthy: its output is above",
                   STR_ARG(first), bad_count > 1 ? "and others " : "");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int clean_up(setup *s, err *e) {
    engine_work *w = s->w;
    unsigned count = 0;
    engine_say(w, 'g', "Clean up resources from previous jobs");
    int code = engine_clean_stale(&w->g, &count, e);
    if (code < 0) engine_say(w, 'w', "%s", e->message); /* what others left is no reason to fail */
    if (count) engine_say(w, 'l', "Removed %u of runs that were killed", count);
    engine_say(w, 'e', "%s", "");
    return 0;
}

static int make_network(setup *s, err *e) {
    engine_work *w = s->w;
    str random = random_hex(w->a, 12);
    s->network = arena_printf(w->a, "slipway_%.*s", STR_ARG(random));
    engine_say(w, 'g', "Create local container network");
    engine_say(w, 'l', "%.*s", STR_ARG(s->network));
    int code = engine_network_create(&w->g, s->network, &s->labels, e);
    engine_say(w, 'e', "%s", "");
    value_set_str(w->a, &s->result, "network", s->network);
    return code;
}

/* Whether the image can run this Node.js: status 0 of `node --version`. */
static bool node_runs(setup *s, str program) {
    engine_work probe = *s->w;
    engine_page *page = ARENA_NEW(s->w->a, engine_page);
    char *const argv[] = {arena_cstr(s->w->a, program), (char *)"--version", NULL};
    char *const env[] = {NULL};
    err ignored;
    probe.page = page;
    probe.container = s->w->page->container;
    probe.output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int code = engine_work_exec(&probe, argv, env, "/", &ignored);
    close(probe.output);
    return code == 0 && page->status == 0;
}

static void find_node(setup *s) {
    const value *candidates = value_path(s->request, "container.node");
    for (size_t i = 0; i < value_count(candidates); i++) {
        str program = candidates->array.items[i].string;
        if (!node_runs(s, program)) continue;
        value container = *value_get(&s->result, STR("container"));
        value_set_str(s->w->a, &container, "node", program);
        return;
    }
}

/* A job whose actions need no services can do without. */
static void start_relay(setup *s) {
    const value *relay = engine_relay_of(s->request);
    value container = *value_get(&s->result, STR("container"));
    err e = {0};
    if (!relay) return;
    bool on = engine_relay_exec(s->w, str_from(s->w->page->container), relay, &e) == 0;
    value_set(s->w->a, &container, STR("relay"), value_bool(on));
    if (on || engine_work_stopped()) return;
    engine_say(s->w, 'w', ENGINE_RELAY_FAILED, e.message);
}

static int start_all(setup *s, err *e) {
    const value *job = value_get(s->request, STR("container"));
    const value *services = value_get(s->request, STR("services"));
    if (job && job->kind == VALUE_OBJECT) {
        if (start_one(s, job, value_path_str(s->request, "job"), true, e) < 0) return e->code;
        find_node(s);
        start_relay(s);
    }
    for (size_t i = 0; i < value_count(services); i++) {
        const value_pair *p = value_at(services, i);
        if (engine_work_stopped()) return err_set(e, ERR_CANCELLED, "stopped");
        if (start_one(s, &p->item, p->key, false, e) < 0) return e->code;
    }
    return wait_for_all(s, e);
}

int engine_work_setup(engine_work *w, const value *request, err *e) {
    setup s = {.w = w, .request = request};
    s.labels = engine_labels(w->a, w->owner, value_path_str(request, "job"));
    s.result = value_object_new(w->a, true);
    s.services = value_object_new(w->a, true);
    value_set(w->a, &s.result, STR("services"), s.services);
    engine_say(w, 'l', "Container engine: %s %s at unix://%s", w->g.podman ? "Podman" : "Docker",
               w->g.version, w->g.socket);
    clean_up(&s, e);
    int code = make_network(&s, e);
    if (code == 0) code = start_all(&s, e);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, &s.result);
    if (text.len > sizeof w->page->result)
        return err_set(e, ERR_LIMIT, "what there is to tell of the job's containers is over %u KiB",
                       ENGINE_RESULT_MAX >> 10);
    memcpy(w->page->result, strbuf_cstr(&text), text.len);
    w->page->result_len = (uint32_t)text.len;
    return code < 0 ? code : 0;
}
