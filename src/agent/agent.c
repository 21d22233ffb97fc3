#include "agent/agent_parts.h"

#include "agent/spool.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX  ((size_t)100 << 20) /* a job's payload may have 64 MiB */
#define ASK_MS       60000
#define AGAIN_MIN_MS 100
#define AGAIN_MAX_MS 10000

static atomic_bool stopping;

bool agent_stops(void) {
    return atomic_load(&stopping);
}

void agent_stop(void) {
    atomic_store(&stopping, true);
}

void agent_tell(const agent *a, const char *format, ...) {
    char text[1200];
    va_list args;
    if (!a->o->tell) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    a->o->tell(text);
}

static bool asks_stop(void *context) {
    (void)context;
    return agent_stops();
}

int agent_ask(agent *a, arena *mem, const char *method, const char *path, const char *attempt,
              str body, http_response *ret, err *e) {
    const char *headers[4] = {"Content-Type: application/json", NULL};
    if (attempt) headers[1] = arena_cstr(mem, arena_printf(mem, "X-Job-Token: %s", attempt));
    http_request request = {.unix_socket = a->o->socket,
                            .method = method,
                            .url = arena_cstr(mem, arena_printf(mem, "http://localhost%s", path)),
                            .headers = headers,
                            .body = body,
                            .stop = asks_stop,
                            .timeout_ms = ASK_MS};
    *ret = (http_response){0};
    return http_send(mem, &request, ret, e);
}

/* ---- hello ---------------------------------------------------------------------------------- */

static void list_jobs(agent *a, arena *mem, value *to) {
    pthread_mutex_lock(&a->lock);
    for (const agent_task *t = a->first; t; t = t->next) {
        value one = value_object_new(mem, true);
        value_set(mem, &one, STR("id"), value_number((double)t->job));
        value_set_str(mem, &one, "token", arena_str(mem, str_from(t->token)));
        value_push(mem, to, one);
    }
    pthread_mutex_unlock(&a->lock);
}

static str system_name(arena *mem) {
    struct utsname u;
    return uname(&u) == 0 ? arena_printf(mem, "%s %s %s", u.sysname, u.release, u.machine)
                          : STR_EMPTY;
}

static bool flag(const value *v, const char *key) {
    const value *x = value_get(v, str_from(key));
    return x && x->kind == VALUE_BOOL && x->boolean;
}

/* What the server says of our jobs. */
static int obey_answer(agent *a, arena *mem, str body, err *e) {
    value answer;
    int r = json_parse(mem, body, 10, &answer, e);
    const value *jobs = r == 0 ? value_get(&answer, STR("jobs")) : NULL;
    for (size_t i = 0; i < value_count(jobs); i++) {
        const value *x = &jobs->array.items[i], *id = value_get(x, STR("id"));
        if (id && id->kind == VALUE_NUMBER)
            agent_task_mark(a, (int64_t)id->number, !flag(x, "go_on"), flag(x, "cancel"));
    }
    return r;
}

static int say_hello(agent *a, err *e) {
    _cleanup_arena_ arena *mem = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    value v = value_object_new(mem, true), labels = value_array_new(mem),
          jobs = value_array_new(mem);
    http_response answer;
    for (size_t i = 0; i < a->o->label_count; i++)
        value_push(mem, &labels, value_string(a->o->labels[i]));
    list_jobs(a, mem, &jobs);
    value_set_str(mem, &v, "version", STR(SLIPWAY_VERSION));
    value_set_str(mem, &v, "system", system_name(mem));
    value_set(mem, &v, STR("labels"), labels);
    value_set(mem, &v, STR("capacity"), value_number(a->o->capacity));
    value_set(mem, &v, STR("jobs"), jobs);
    json_write(&text, &v);
    int r = agent_ask(a, mem, "POST", "/agent/v1/hello", NULL, strbuf_str(&text), &answer, e);
    if (r < 0) return r;
    if (answer.status != 200)
        return err_set(e, ERR_FAILED, "the server answers %d: %.*s", answer.status,
                       STR_ARG(str_sub(answer.body, 0, 500)));
    return obey_answer(a, mem, answer.body, e);
}

/* ---- messages ------------------------------------------------------------------------------- */

typedef struct reading {
    agent *a;
    strbuf line;
    bool connected; /* something came */
} reading;

static void refuse_job(agent *a, arena *mem, int64_t job, const char *attempt, const err *why) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    http_response answer;
    err ignored = {0};
    value v = value_object_new(mem, true);
    value_set_str(mem, &v, "result", STR("failure"));
    value_set_str(mem, &v, "reason", str_from(why->message));
    value_set(mem, &v, STR("seq"), value_number(0));
    value_set(mem, &v, STR("bytes"), value_number(0));
    json_write(&text, &v);
    const char *path =
        arena_cstr(mem, arena_printf(mem, "/agent/v1/jobs/%lld/result", (long long)job));
    agent_ask(a, mem, "POST", path, attempt, strbuf_str(&text), &answer, &ignored);
    agent_tell(a, "job %lld: %s", (long long)job, why->message);
}

static void take_job(agent *a, arena *mem, const value *spec) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    const value *id = value_get(spec, STR("job_id"));
    str attempt = value_path_str(spec, "token");
    err e = {0};
    if (!id || id->kind != VALUE_NUMBER) return;
    json_write(&text, spec);
    if (agent_task_start(a, (int64_t)id->number, attempt, strbuf_str(&text), &e) < 0)
        refuse_job(a, mem, (int64_t)id->number, arena_cstr(mem, attempt), &e);
    agent_spare_make(a);
}

static void take_line(agent *a, str line) {
    _cleanup_arena_ arena *mem = arena_new();
    value v;
    err e = {0};
    if (!line.len) return;
    if (json_parse(mem, line, 0, &v, &e) < 0) {
        agent_tell(a, "the server sends what is no message: %s", e.message);
        return;
    }
    str type = value_path_str(&v, "type");
    const value *job = value_get(&v, STR("job"));
    if (str_is(type, "job") && job) take_job(a, mem, job);
    if (str_is(type, "cancel") && job && job->kind == VALUE_NUMBER)
        agent_task_mark(a, (int64_t)job->number, false, true);
    if (str_is(type, "kill") && job && job->kind == VALUE_NUMBER)
        agent_task_mark(a, (int64_t)job->number, true, false);
    if (str_is(type, "drain")) agent_tell(a, "the server will send no more jobs");
}

static int on_bytes(void *context, str bytes) {
    reading *r = context;
    r->connected = true;
    while (bytes.len) {
        str head;
        bool whole = str_cut(bytes, '\n', &head, &bytes);
        strbuf_add(&r->line, head);
        if (r->line.len > MESSAGE_MAX) return 1;
        if (!whole) break;
        take_line(r->a, strbuf_str(&r->line));
        strbuf_clear(&r->line);
    }
    return agent_stops();
}

/* Returns when the stream has ended. */
static bool read_stream(agent *a, err *e) {
    _cleanup_arena_ arena *mem = arena_new();
    reading r = {.a = a, .line = STRBUF_INIT};
    http_request request = {.unix_socket = a->o->socket,
                            .url = "http://localhost/agent/v1/stream",
                            .write = on_bytes,
                            .stop = asks_stop,
                            .context = &r};
    http_response answer = {0};
    int code = http_send(mem, &request, &answer, e);
    if (code == 0 && answer.status != 200)
        err_set(e, ERR_FAILED, "the server answers %d", answer.status);
    strbuf_done(&r.line);
    return r.connected;
}

/* ---- what is there already ------------------------------------------------------------------- */

static int adopt(agent *a, const char *dir, err *e) {
    _cleanup_arena_ arena *mem = arena_new();
    value v;
    str text;
    if (spool_read_job(mem, dir, &text, e) < 0) return e->code;
    if (json_parse(mem, text, 20, &v, e) < 0) return e->code;
    const value *id = value_get(&v, STR("job_id"));
    if (!id || id->kind != VALUE_NUMBER) return err_set(e, ERR_INVALID, "it names no job");
    return agent_task_adopt(a, (int64_t)id->number, value_path_str(&v, "token"), dir, e);
}

static int adopt_all(agent *a, err *e) {
    _cleanup_arena_ arena *mem = arena_new();
    str *names;
    size_t count;
    int r = spool_list(mem, a->jobs_dir, &names, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        char *dir = fs_join(mem, a->jobs_dir, names[i]);
        err why = {0};
        if (adopt(a, dir, &why) == 0) continue;
        if (spool_look(dir) == SPOOL_RUNNING)
            agent_tell(a, "%s: %s", dir, why.message);
        else
            spool_remove(dir, &why); /* nothing of it was told to anybody */
    }
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void pause_for(unsigned ms) {
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL); /* a signal ends it, which is what it is for */
}

static void hold_connection(agent *a) {
    unsigned wait = AGAIN_MIN_MS;
    bool told = false;
    while (!agent_stops()) {
        err e = {0};
        bool connected = say_hello(a, &e) == 0;
        if (connected) agent_spare_make(a);
        if (connected) connected = read_stream(a, &e);
        if (agent_stops()) break;
        if (connected) {
            wait = AGAIN_MIN_MS;
            told = false;
        } else if (!told) {
            agent_tell(a, "the server cannot be reached: %s; it is tried again", e.message);
            told = true;
        }
        pause_for(wait);
        wait = wait * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : wait * 2;
    }
}

static int take_folder(agent *a, arena *mem, int *ret_lock, err *e) {
    a->jobs_dir = fs_join(mem, a->o->work, STR("jobs"));
    a->cache_dir = fs_join(mem, a->o->work, STR("cache"));
    int r = fs_mkdirs(a->jobs_dir, 0700, e);
    if (r == 0) r = fs_mkdirs(a->cache_dir, 0700, e);
    if (r < 0) return r;
    char *path = fs_join(mem, a->o->work, STR("lock"));
    *ret_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*ret_lock < 0) return err_sys(e, errno, "cannot open '%s'", path);
    if (flock(*ret_lock, LOCK_EX | LOCK_NB) == 0) return 0;
    return err_set(e, ERR_INVALID, "another agent has the folder '%s'", a->o->work);
}

int agent_run(const agent_options *o, err *e) {
    _cleanup_arena_ arena *mem = arena_new();
    agent a = {.o = o};
    int lock = -1;
    pthread_mutex_init(&a.lock, NULL);
    int r = take_folder(&a, mem, &lock, e);
    if (r == 0) r = adopt_all(&a, e);
    if (r == 0) hold_connection(&a);
    agent_stop();
    agent_spare_drop(&a);
    agent_tasks_join(&a);
    if (lock >= 0) close(lock);
    pthread_mutex_destroy(&a.lock);
    return r;
}
