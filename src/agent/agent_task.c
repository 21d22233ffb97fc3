#include "agent/agent_parts.h"

#include "agent/spool.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS     500 /* without news: signs of life, orders, what inotify has missed */
#define GATHER_MS   20  /* after news: what comes at once is sent at once */
#define PIECE_BYTES ((size_t)1 << 20)
#define WAIT_MIN_MS 100
#define WAIT_MAX_MS 10000
#define NEW_MS      60000 /* a process that has not taken its folder by then is lost */

extern char **environ;

/* ---- processes ------------------------------------------------------------------------------ */

/* Its stdin is a pipe, in *ret_input. */
static int start_process(const agent *a, const char *dir, bool wait, pid_t *ret, int *ret_input,
                         err *e) {
    const char *argv[] = {a->o->program, "agent-job",  "--spool", dir,
                          "--cache",     a->cache_dir, "--local", wait ? "--wait" : NULL,
                          NULL};
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t none;
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    sigemptyset(&none);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, pipes[0], STDIN_FILENO);
    int r = posix_spawn(ret, a->o->program, &files, &how, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    close(pipes[0]);
    *ret_input = pipes[1];
    if (r == 0) return 0;
    close(pipes[1]);
    return err_sys(e, r, "cannot start '%s'", a->o->program);
}

static int send_spec(int input, str spec, err *e) {
    size_t at = 0;
    while (at < spec.len) {
        ssize_t n = write(input, spec.ptr + at, spec.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        at += (size_t)n;
    }
    int code = errno;
    close(input);
    return at == spec.len ? 0 : err_sys(e, code, "the job's process does not read its job");
}

static char *new_dir(agent *a) {
    char name[64];
    snprintf(name, sizeof name, "/%llx-%llu", (unsigned long long)getpid(),
             (unsigned long long)++a->started);
    char *dir = mem_alloc(strlen(a->jobs_dir) + sizeof name);
    strcpy(dir, a->jobs_dir);
    strcat(dir, name);
    return dir;
}

void agent_spare_make(agent *a) {
    err e = {0};
    if (a->spare.pid) return;
    a->spare.dir = new_dir(a);
    if (start_process(a, a->spare.dir, true, &a->spare.pid, &a->spare.input, &e) == 0) return;
    agent_tell(a, "%s", e.message);
    free(a->spare.dir);
    a->spare = (agent_spare){0};
}

void agent_spare_drop(agent *a) {
    err ignored = {0};
    if (!a->spare.pid) return;
    close(a->spare.input);
    while (waitpid(a->spare.pid, NULL, 0) < 0 && errno == EINTR) {
    }
    spool_remove(a->spare.dir, &ignored);
    free(a->spare.dir);
    a->spare = (agent_spare){0};
}

/* ---- one job -------------------------------------------------------------------------------- */

typedef struct following {
    agent_task *t;
    uint64_t log, events; /* bytes of the spool's files that were sent */
    int64_t seq;          /* of the last event that was taken */
    unsigned wait_ms;     /* before the next try, while the server is away */
    bool gone;            /* the server wants nothing of it any more */
    bool started;         /* it has taken its folder */
    uint64_t waited_ms;
} following;

static void path_of(const following *f, const char *what, char path[128]) {
    snprintf(path, 128, "/agent/v1/jobs/%lld/%s", (long long)f->t->job, what);
}

static int64_t number_in(arena *a, str json, const char *key) {
    value v;
    err ignored = {0};
    if (json_parse(a, json, 10, &v, &ignored) < 0) return -1;
    const value *n = value_get(&v, str_from(key));
    return n && n->kind == VALUE_NUMBER ? (int64_t)n->number : -1;
}

/* True when it was taken. What could not be sent is sent again. */
static bool send(following *f, arena *a, const char *method, const char *path, str body,
                 http_response *ret) {
    err e = {0};
    int r = agent_ask(f->t->of, a, method, path, f->t->token, body, ret, &e);
    if (r == 0 && ret->status == 404) f->gone = true;
    if (r == 0 && ret->status < 300) {
        f->wait_ms = 0;
        return true;
    }
    if (r == 0 && ret->status < 500 && ret->status != 409 && ret->status != 429 && !f->gone)
        agent_tell(f->t->of, "job %lld: the server answers %d: %.*s", (long long)f->t->job,
                   ret->status, STR_ARG(str_sub(ret->body, 0, 500)));
    f->wait_ms = f->wait_ms ? f->wait_ms * 2 : WAIT_MIN_MS;
    if (f->wait_ms > WAIT_MAX_MS) f->wait_ms = WAIT_MAX_MS;
    return false;
}

static bool send_log(following *f) {
    for (;;) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf piece = STRBUF_INIT;
        http_response answer;
        char path[128];
        err ignored = {0};
        if (spool_read(f->t->dir, SPOOL_LOG, f->log, PIECE_BYTES, &piece, &ignored) < 0)
            return false;
        if (!piece.len) return true;
        path_of(f, "log", path);
        const char *target =
            arena_cstr(a, arena_printf(a, "%s?offset=%llu", path, (unsigned long long)f->log));
        bool taken = send(f, a, "PUT", target, strbuf_str(&piece), &answer);
        bool gap = !taken && answer.status == 409;
        int64_t size = taken || gap ? number_in(a, answer.body, "size") : -1;
        if (size < 0) return false;
        f->log = (uint64_t)size;
        if (gap) return false;
    }
}

static bool send_events(following *f) {
    for (;;) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf piece = STRBUF_INIT;
        http_response answer;
        char path[128];
        err ignored = {0};
        if (spool_read(f->t->dir, SPOOL_EVENTS, f->events, PIECE_BYTES, &piece, &ignored) < 0)
            return false;
        if (!piece.len) return true;
        path_of(f, "events", path);
        if (!send(f, a, "POST", path, strbuf_str(&piece), &answer)) return false;
        int64_t seq = number_in(a, answer.body, "seq");
        if (seq < 0) return false;
        f->seq = seq;
        f->events += piece.len;
    }
}

static bool post_result(following *f, const spool_result *result) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    http_response answer;
    char path[128];
    value v = value_object_new(a, true);
    value_set_str(a, &v, "result", str_from(job_result_name(result->result)));
    if (result->reason.len) value_set_str(a, &v, "reason", str_sub(result->reason, 0, 4000));
    if (result->outputs.kind == VALUE_OBJECT) value_set(a, &v, STR("outputs"), result->outputs);
    value_set(a, &v, STR("seq"), value_number((double)result->seq));
    value_set(a, &v, STR("bytes"), value_number((double)result->bytes));
    json_write(&text, &v);
    path_of(f, "result", path);
    return send(f, a, "POST", path, strbuf_str(&text), &answer);
}

/* Its process has gone without a result. */
static bool post_lost(following *f) {
    spool_result lost = {.result = JOB_FAILURE,
                         .reason = STR("the process of the job has died"),
                         .seq = (uint64_t)f->seq,
                         .bytes = f->log};
    return post_result(f, &lost);
}

static bool send_result(following *f) {
    _cleanup_arena_ arena *a = arena_new();
    spool_result result;
    err e = {0};
    if (spool_read_result(a, f->t->dir, &result, &e) == 0) return post_result(f, &result);
    return post_lost(f);
}

/* Who has started it reaps it; of an earlier agent's, process 1 does. */
static bool has_died(following *f) {
    if (!f->t->pid) return false;
    pid_t got = waitpid(f->t->pid, NULL, WNOHANG);
    if (got == f->t->pid) f->t->pid = 0;
    return got == f->t->pid || got < 0;
}

/* True when it has ended, whichever way: then all is in the files. */
static bool is_over(following *f, uint64_t round_ms) {
    bool died = has_died(f);
    switch (spool_look(f->t->dir)) {
    case SPOOL_RUNNING: f->started = true; return false;
    case SPOOL_DONE:
    case SPOOL_LOST: return true;
    case SPOOL_NEW: f->waited_ms += round_ms; return died || f->waited_ms > NEW_MS;
    case SPOOL_STATE_COUNT: break;
    }
    return false;
}

static void take_orders(following *f) {
    agent *a = f->t->of;
    err ignored = {0};
    pthread_mutex_lock(&a->lock);
    bool cancel = f->t->cancel, dropped = f->t->dropped;
    f->t->cancel = false;
    pthread_mutex_unlock(&a->lock);
    if (dropped) f->gone = true;
    if (cancel && spool_order(f->t->dir, "cancel", &ignored) < 0) {
        pthread_mutex_lock(&a->lock);
        f->t->cancel = true; /* it has not taken its folder yet: again in the next round */
        pthread_mutex_unlock(&a->lock);
    }
}

static void wait_for_news(const following *f, int watch) {
    char room[4096];
    struct pollfd p = {.fd = watch, .events = POLLIN};
    int ms = f->wait_ms ? (int)f->wait_ms : f->started ? LOOK_MS : GATHER_MS;
    if (f->wait_ms) {
        poll(NULL, 0, ms);
    } else if (poll(&p, 1, ms) > 0) {
        poll(NULL, 0, GATHER_MS);
    }
    while (read(watch, room, sizeof room) > 0) {
    }
}

/* Until the server has the result, or wants none. */
static void follow(following *f) {
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    bool watched = false;
    while (!agent_stops()) {
        if (!watched)
            watched = inotify_add_watch(watch, f->t->dir,
                                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) >= 0;
        bool over = is_over(f, GATHER_MS);
        take_orders(f);
        bool sent = !f->gone && send_log(f) && send_events(f);
        if (sent && over && send_result(f)) break;
        if (f->gone) break;
        wait_for_news(f, watch);
    }
    close(watch);
}

/* ---- threads -------------------------------------------------------------------------------- */

static void kill_job(following *f) {
    err ignored = {0};
    if (spool_order(f->t->dir, "kill", &ignored) < 0 && f->t->pid) kill(f->t->pid, SIGKILL);
    for (int i = 0; i < 200 && spool_look(f->t->dir) == SPOOL_RUNNING; i++)
        poll(NULL, 0, 50);
}

static void remove_task(agent_task *t) {
    agent *a = t->of;
    pthread_mutex_lock(&a->lock);
    agent_task **at = &a->first;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    pthread_mutex_unlock(&a->lock);
    free(t->token);
    free(t->dir);
    free(t);
}

static void *run_task(void *context) {
    agent_task *t = context;
    following f = {.t = t};
    err ignored = {0};
    follow(&f);
    if (agent_stops()) return NULL; /* it goes on; the next agent takes it up */
    if (f.gone) kill_job(&f);
    if (t->pid) {
        while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    spool_remove(t->dir, &ignored);
    pthread_detach(pthread_self());
    remove_task(t);
    return NULL;
}

static char *copy_of(str text) {
    char *copy = mem_alloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static int add_task(agent *a, int64_t job, str attempt, char *dir, pid_t pid, err *e) {
    agent_task *t = mem_alloc(sizeof *t);
    *t = (agent_task){.of = a, .job = job, .token = copy_of(attempt), .dir = dir, .pid = pid};
    pthread_mutex_lock(&a->lock);
    t->next = a->first;
    a->first = t;
    int r = pthread_create(&t->thread, NULL, run_task, t);
    pthread_mutex_unlock(&a->lock);
    if (r == 0) return 0;
    remove_task(t);
    return err_sys(e, r, "cannot start a thread");
}

int agent_task_start(agent *a, int64_t job, str attempt, str spec, err *e) {
    agent_spare x = a->spare;
    a->spare = (agent_spare){0};
    int r = 0;
    if (x.pid && send_spec(x.input, spec, e) < 0) { /* it has died: another */
        while (waitpid(x.pid, NULL, 0) < 0 && errno == EINTR) {
        }
        free(x.dir);
        x = (agent_spare){0};
    }
    if (!x.pid) {
        x.dir = new_dir(a);
        r = start_process(a, x.dir, false, &x.pid, &x.input, e);
        if (r == 0) r = send_spec(x.input, spec, e);
    }
    if (r == 0) return add_task(a, job, attempt, x.dir, x.pid, e);
    free(x.dir);
    return r;
}

int agent_task_adopt(agent *a, int64_t job, str attempt, const char *dir, err *e) {
    return add_task(a, job, attempt, copy_of(str_from(dir)), 0, e);
}

void agent_task_mark(agent *a, int64_t job, bool dropped, bool cancel) {
    pthread_mutex_lock(&a->lock);
    for (agent_task *t = a->first; t; t = t->next) {
        if (t->job != job) continue;
        t->dropped |= dropped;
        t->cancel |= cancel;
    }
    pthread_mutex_unlock(&a->lock);
}

void agent_tasks_join(agent *a) {
    for (;;) {
        pthread_mutex_lock(&a->lock);
        agent_task *t = a->first;
        if (t) a->first = t->next;
        pthread_mutex_unlock(&a->lock);
        if (!t) return;
        pthread_join(t->thread, NULL);
        free(t->token);
        free(t->dir);
        free(t);
    }
}
