/* child.c: the server's side. */
#include "server/child.h"

#include "base/fs.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct child {
    pid_t pid;
    int out;
    loop_watch *watch;
    loop_timer *timer;
    strbuf text;
    err_code code; /* why it was killed */
    unsigned timeout_ms;
    child_done_fn *done;
    void *context;
};

/* ---- the end ------------------------------------------------------------------------------- */

static int judge(const child *c, arena *a, int status, value *ret, bool *ret_again, err *e) {
    *ret_again = true;
    if (c->code == ERR_CANCELLED) return err_set(e, ERR_CANCELLED, "it was cancelled");
    if (c->code == ERR_TIMEOUT)
        return err_set(e, ERR_TIMEOUT, "it took more than %u ms", c->timeout_ms);
    if (c->code == ERR_LIMIT)
        return err_set(e, ERR_LIMIT, "it answered with more than %u bytes", CHILD_ANSWER_MAX);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_FAILED, "a child of the server ended with status %d",
                       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    int r = json_parse(a, strbuf_str(&c->text), 0, ret, e);
    if (r < 0) return err_context(e, "what a child of the server answered");
    const value *error = value_get(ret, STR("error"));
    if (!error) return 0;
    const value *code = value_get(error, STR("code"));
    *ret_again = !str_is(value_path_str(ret, "outcome"), "never");
    r = code && code->kind == VALUE_NUMBER && code->number < 0 && code->number >= ERR_FAILED
            ? (int)code->number
            : ERR_FAILED;
    str message = value_path_str(error, "message");
    return err_set(e, r, "%.*s", STR_ARG(message));
}

static void finish(child *c) {
    _cleanup_arena_ arena *a = arena_new();
    value answer = VALUE_NULL_INIT;
    bool again = false;
    err e = {0};
    int status = 0;
    kill(-c->pid, SIGKILL); /* it has closed its stdout: it is done, or nothing more comes of it */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    loop_watch_stop(c->watch);
    loop_timer_stop(c->timer);
    close(c->out);
    int r = judge(c, a, status, &answer, &again, &e);
    c->done(c->context, answer.kind == VALUE_OBJECT ? &answer : NULL, again, r < 0 ? &e : NULL);
    explicit_bzero(c->text.ptr, c->text.len);
    strbuf_done(&c->text);
    free(c);
}

static void end(child *c, err_code code) {
    if (!c->code) c->code = code;
    kill(-c->pid, SIGKILL);
}

void child_kill(child *c) {
    if (c) end(c, ERR_CANCELLED);
}

static void on_time(void *context) {
    child *c = context;
    c->timer = NULL;
    end(c, ERR_TIMEOUT);
}

static void on_output(void *context, int fd) {
    child *c = context;
    for (;;) {
        strbuf_reserve(&c->text, 64 * 1024);
        ssize_t n = read(fd, c->text.ptr + c->text.len, 64 * 1024);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) break;
        c->text.len += (size_t)n;
        if (c->text.len <= CHILD_ANSWER_MAX) continue;
        end(c, ERR_LIMIT);
        break;
    }
    finish(c);
}

/* ---- the start ----------------------------------------------------------------------------- */

static int write_request(const value *request) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    int fd = memfd_create("request", MFD_CLOEXEC);
    json_write(&text, request);
    bool whole = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len &&
                 lseek(fd, 0, SEEK_SET) == 0;
    explicit_bzero(text.ptr, text.len);
    if (whole || fd < 0) return fd;
    close(fd);
    return -1;
}

static int spawn(const char *program, int in, int out, pid_t *ret) {
    char *const argv[] = {(char *)"slipway", (char *)CHILD_WORD, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    int code = posix_spawn(ret, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int child_start(loop *l, const char *program, const value *request, unsigned timeout_ms,
                child_done_fn *done, void *context, child **ret, err *e) {
    _cleanup_close_ int in = write_request(request);
    int fds[2];
    if (in < 0 || pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "cannot start a child of the server");
    _cleanup_close_ int out = fds[1];
    pid_t pid;
    int code = spawn(program ? program : "/proc/self/exe", in, out, &pid);
    if (code) {
        close(fds[0]);
        return err_sys(e, code, "cannot start a child of the server");
    }
    child *c = mem_alloc(sizeof *c);
    *c = (child){
        .pid = pid, .out = fds[0], .timeout_ms = timeout_ms, .done = done, .context = context};
    c->watch = loop_readable(l, c->out, on_output, c);
    if (timeout_ms) c->timer = loop_after(l, timeout_ms, on_time, c);
    *ret = c;
    return 0;
}
