/* actions.c: Slipway's side: starts the process and gives it orders. */
#include "actions/actions.h"

#include "actions/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_SECONDS 60

struct actions_services {
    int sock;
    pid_t pid;
    unsigned port;
};

/* ---- the process ---------------------------------------------------------------------------- */

/* Only what is async-signal-safe: Slipway may have threads one day. */
static _Noreturn void become_services(int sock) {
    static char name[] = SERVICE_NAME;
    char *argv[] = {name, NULL}, *env[] = {NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    if (sock == CHANNEL_FD)
        fcntl(sock, F_SETFD, 0);
    else
        dup2(sock, CHANNEL_FD);
    close_range(CHANNEL_FD + 1, ~0U, 0);
    execve("/proc/self/exe", argv, env);
    _exit(127);
}

static void set_number(arena *a, value *out, const char *key, double n) {
    value_set(a, out, str_from(key), value_number(n));
}

static value limits_value(arena *a, const actions_limits *l) {
    value out = value_object_new(a, true);
    set_number(a, &out, "cache_bytes", (double)l->cache_bytes);
    set_number(a, &out, "cache_days", l->cache_days);
    set_number(a, &out, "upload_bytes", (double)l->upload_bytes);
    set_number(a, &out, "artifact_count", l->artifact_count);
    set_number(a, &out, "token_seconds", l->token_seconds);
    set_number(a, &out, "identity_seconds", l->identity_seconds);
    return out;
}

static int ask(actions_services *s, arena *a, const value *in, value *ret, err *e) {
    int r = channel_send(s->sock, in, e);
    if (r == 0) r = channel_receive(s->sock, a, ret, e);
    if (r < 0) return r;
    const value *code = value_get(ret, STR("code"));
    str text = value_path_str(ret, "error");
    if (!text.len) return 0;
    return err_set(e, code && code->number < 0 ? (err_code)code->number : ERR_FAILED, "%.*s",
                   STR_ARG(text));
}

static value order(arena *a, const char *name) {
    value out = value_object_new(a, true);
    value_set_str(a, &out, "order", str_from(name));
    return out;
}

int actions_start(const char *data, const actions_limits *limits, actions_services **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, errno, "cannot make a socket for the services of actions");
    pid_t pid = fork();
    if (pid == 0) become_services(pair[1]);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return err_sys(e, errno, "cannot start the services of actions");
    }
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    actions_services *s = mem_alloc(sizeof *s);
    *s = (actions_services){.sock = pair[0], .pid = pid};
    value in = order(a, "start"), out;
    value_set_str(a, &in, "data", str_from(data));
    if (limits) value_set(a, &in, STR("limits"), limits_value(a, limits));
    int r = ask(s, a, &in, &out, e);
    if (r < 0) {
        actions_stop(s);
        return r;
    }
    const value *port = value_get(&out, STR("port"));
    if (port && port->kind == VALUE_NUMBER) s->port = (unsigned)port->number;
    *ret = s;
    return 0;
}

unsigned actions_port(const actions_services *s) {
    return s->port;
}

void actions_stop(actions_services *s) {
    if (!s) return;
    close(s->sock);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(s);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

int actions_job_open(actions_services *s, arena *a, const actions_job *j, str *ret_id,
                     value *ret_env, err *e) {
    value in = order(a, "open"), out;
    const struct {
        const char *key;
        str text;
    } texts[] = {
        {"run", j->run},
        {"repository", j->repository},
        {"caches", j->caches.len ? j->caches : j->repository},
        {"ref", j->ref},
        {"default_branch", j->default_branch},
        {"base_branch", j->base_branch},
        {"artifacts", j->artifacts},
        {"environment", j->environment},
        {"audience", j->audience},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        value_set_str(a, &in, texts[i].key, texts[i].text);
    set_number(a, &in, "artifact_days", j->artifact_days);
    value_set(a, &in, STR("identity"), value_bool(j->identity));
    value_set(a, &in, STR("immutable_subject"), value_bool(j->immutable_subject));
    value_set(a, &in, STR("claims"), j->claims);
    int r = ask(s, a, &in, &out, e);
    if (r < 0) return r;
    const value *env = value_get(&out, STR("env"));
    *ret_id = value_path_str(&out, "id");
    *ret_env = env ? *env : value_object_new(a, true);
    return 0;
}

int actions_job_share(actions_services *s, str id, const char *folder, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value in = order(a, "share"), out;
    value_set_str(a, &in, "id", id);
    value_set_str(a, &in, "folder", str_from(folder));
    return ask(s, a, &in, &out, e);
}

int actions_job_close(actions_services *s, str id, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value in = order(a, "close"), out;
    value_set_str(a, &in, "id", id);
    return ask(s, a, &in, &out, e);
}

int actions_artifacts(actions_services *s, arena *a, str run, actions_artifact **ret,
                      size_t *ret_count, err *e) {
    value in = order(a, "artifacts"), out;
    value_set_str(a, &in, "run", run);
    *ret_count = 0;
    int r = ask(s, a, &in, &out, e);
    if (r < 0) return r;
    const value *list = value_get(&out, STR("artifacts"));
    size_t count = value_count(list);
    *ret = ARENA_ARRAY(a, actions_artifact, count);
    for (size_t i = 0; i < count; i++) {
        const value *one = &list->array.items[i], *size = value_get(one, STR("size"));
        (*ret)[i] = (actions_artifact){value_path_str(one, "name"), value_path_str(one, "path"),
                                       size ? (uint64_t)size->number : 0};
    }
    *ret_count = count;
    return 0;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

bool actions_needs_known_host(str program) {
    /* The names of the service's methods survive every bundler. */
    return str_find(program, STR("github.actions.results.api.v1.ArtifactService")) >= 0;
}

bool actions_known_host(str url) {
    static const char *const ends[] = {".ghe.com", ".localhost"};
    ptrdiff_t at = str_find(url, STR("://"));
    str host = str_sub(url, at < 0 ? 0 : (size_t)at + 3, url.len), rest;
    str_cut(host, '/', &host, &rest);
    str_cut(host, ':', &host, &rest);
    if (str_eq_nocase(host, STR("github.com"))) return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        str end = str_from(ends[i]);
        if (host.len >= end.len && str_eq_nocase(str_sub(host, host.len - end.len, host.len), end))
            return true;
    }
    return false;
}
