/* The leader: starts commands, waits for whatever ends below it, kills what is left.
 *
 * It sleeps in ppoll, the only place where SIGCHLD is let in. A command is started by vfork: the
 * child borrows the leader's memory until it has executed the program, which costs a tenth of a
 * fork, and a failure is handed back in that memory with its errno. */
#include "sandbox/leader.h"

#include "base/arena.h"
#include "sandbox/engine_leader.h"
#include "sandbox/ns.h"
#include "sandbox/tree.h"
#include "sandbox/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_SETTLE_MS 20    /* for what is just about to end by itself */
#define SWEEP_LIMIT_MS  10000 /* what resists SIGKILL so long hangs in the kernel */

typedef struct command {
    uint32_t id;
    pid_t pid;
} command;

typedef struct leader {
    int sock;
    leader_place *place;
    wire_reader in;
    command *commands; /* that run */
    size_t count, cap;
    sigset_t idle; /* the signal mask while asleep */
} leader;

/* ---- starting ------------------------------------------------------------------------------ */

/* What a child tells about its own failure before it has executed the program. */
typedef struct failure {
    enum { FAIL_NONE, FAIL_CWD, FAIL_EXEC } at;
    int sys_errno;
} failure;

static const char *get_env(char *const *env, const char *name) {
    size_t n = strlen(name);
    for (; *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') return *env + n + 1;
    }
    return NULL;
}

/* The file that `name` means in the command's PATH. The error is that of the most telling
 * candidate: a file that may not be executed is worth more than none. */
static int find_program(const char *name, const char *cwd, char *const *env, strbuf *ret) {
    if (strchr(name, '/')) {
        strbuf_adds(ret, name);
        return 0;
    }
    const char *path = get_env(env, "PATH");
    str rest = str_from(path ? path : "/usr/local/bin:/usr/bin:/bin"), dir;
    int error = ENOENT;
    for (bool more = true; more;) {
        more = str_cut(rest, ':', &dir, &rest);
        strbuf_clear(ret);
        if (dir.len == 0 || dir.ptr[0] != '/') strbuf_addf(ret, "%s/", cwd);
        strbuf_add(ret, dir);
        strbuf_addf(ret, "/%s", name);
        if (access(ret->ptr, X_OK) == 0) return 0;
        if (errno == EACCES) error = EACCES;
    }
    return error;
}

/* What a command gets besides its words. */
typedef struct outfit {
    const char *cwd;
    int output, ruleset;
    bool terminal;
} outfit;

/* Runs in the child of a vfork: touches nothing but its own variables and *failed. */
static _Noreturn void become(const char *program, char **argv, char **env, const outfit *o,
                             volatile failure *failed) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ns_guard_command(o->ruleset);
    failed->at = FAIL_CWD;
    if (chdir(o->cwd) == 0) {
        failed->at = FAIL_EXEC;
        if (o->terminal) ioctl(o->output, TIOCSCTTY, 0);
        if (o->terminal) dup2(o->output, 0);
        dup2(o->output, 1);
        dup2(o->output, 2);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(program, argv, env);
    }
    failed->sys_errno = errno;
    _exit(127);
}

static pid_t launch(const char *program, char **argv, char **env, const outfit *o,
                    volatile failure *failed) {
    pid_t pid = vfork();
    if (pid == 0) become(program, argv, env, o, failed);
    if (pid > 0 && failed->sys_errno) {
        waitpid(pid, NULL, 0);
        return -1;
    }
    failed->at = FAIL_NONE;
    return pid;
}

static void report_failure(leader *l, uint32_t id, const failure *failed, const char *name,
                           const char *program, const char *cwd) {
    char text[1024];
    const char *why = strerror(failed->sys_errno);
    int status = failed->sys_errno == ENOENT ? 127 : 126;
    if (failed->at == FAIL_CWD)
        snprintf(text, sizeof text, "cannot start '%s' with working directory '%s': %s", name, cwd,
                 why);
    else if (failed->at == FAIL_EXEC && failed->sys_errno == ENOENT && !strchr(name, '/'))
        snprintf(text, sizeof text, "%s: command not found in PATH", name);
    else if (failed->at == FAIL_EXEC && failed->sys_errno == ENOENT && access(program, F_OK) == 0)
        snprintf(text, sizeof text, "cannot start '%s': the interpreter that it names is missing",
                 program);
    else
        snprintf(text, sizeof text, "cannot start '%s': %s", program, why);
    wire_report(l->sock, WIRE_EXIT, id, status, str_from(text));
}

/* Cuts `count` strings off *rest into a NULL-terminated array. The frames come from our own process
 * over a private socket, so their form is asserted by the caller's check of the last NUL. */
static char **take_strings(str *rest, size_t count) {
    char **out = mem_alloc((count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        out[i] = (char *)rest->ptr;
        *rest = str_sub(*rest, strlen(rest->ptr) + 1, rest->len);
    }
    out[count] = NULL;
    return out;
}

static void order_start(leader *l, uint32_t id, str body, int output, bool terminal) {
    wire_counts counts;
    memcpy(&counts, body.ptr, sizeof counts);
    body = str_sub(body, sizeof counts, body.len);
    const char *cwd = body.ptr;
    body = str_sub(body, strlen(cwd) + 1, body.len);
    char **argv = take_strings(&body, counts.argc);
    char **env = take_strings(&body, counts.envc);

    _cleanup_strbuf_ strbuf program = STRBUF_INIT;
    volatile failure failed = {FAIL_NONE, 0};
    pid_t pid = -1;
    int error = find_program(argv[0], cwd, env, &program);
    outfit o = {cwd, output, l->place ? l->place->ruleset : -1, terminal};
    if (error)
        failed.at = FAIL_EXEC, failed.sys_errno = error;
    else if ((pid = launch(program.ptr, argv, env, &o, &failed)) < 0 && !failed.sys_errno)
        failed.sys_errno = errno; /* of the vfork itself */
    if (pid > 0) {
        if (l->count == l->cap) {
            l->cap = l->cap ? l->cap * 2 : 8;
            l->commands = mem_realloc(l->commands, l->cap * sizeof *l->commands);
        }
        l->commands[l->count++] = (command){id, pid};
    } else {
        failure copy = {failed.at, failed.sys_errno};
        report_failure(l, id, &copy, argv[0], program.ptr, cwd);
    }
    free(argv);
    free(env);
}

/* ---- ending -------------------------------------------------------------------------------- */

static pid_t pid_of(const leader *l, uint32_t id) {
    for (size_t i = 0; i < l->count; i++) {
        if (l->commands[i].id == id) return l->commands[i].pid;
    }
    return 0;
}

static void report_full(leader *l) {
    char what[256];
    if (meter_is_full(&l->place->meter, what, sizeof what))
        wire_report(l->sock, WIRE_LIMIT, 0, 0, str_from(what));
}

/* But the keeper of snapshots, by which the job can go back to before. */
static void kill_all(const leader_place *place) {
    tree t = {0};
    if (!place->keeper) kill(-1, SIGKILL);
    if (place->keeper) tree_scan(&t);
    for (size_t i = 0; i < t.count; i++) {
        if (t.items[i].pid > 1 && t.items[i].pid != place->keeper) kill(t.items[i].pid, SIGKILL);
    }
    tree_done(&t);
}

/* A job that has reached a limit is stopped: its commands end as killed. */
static void measure(leader *l) {
    char what[256];
    if (!l->count || !meter_check(&l->place->meter, what, sizeof what)) return;
    wire_report(l->sock, WIRE_LIMIT, 0, 0, str_from(what));
    kill_all(l->place);
}

/* Takes in everything that has ended; what was no command is some step's orphan and is only reaped.
 * False when nothing at all is left below. */
static bool reap(leader *l) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < l->count; i++) {
            if (l->commands[i].pid != pid) continue;
            int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            if (code && l->place) report_full(l);
            wire_report(l->sock, WIRE_EXIT, l->commands[i].id, code, STR_EMPTY);
            l->commands[i] = l->commands[--l->count];
            break;
        }
    }
    return pid == 0;
}

static void kill_below(tree *t, pid_t root, pid_t session) {
    tree_below(t, root, session);
    for (size_t i = 0; i < t->count; i++) {
        if (t->items[i].below && t->items[i].state != 'Z') kill(t->items[i].pid, SIGKILL);
    }
}

/* What the command has started may have started more between the picture and the kill, or have been
 * handed to the leader as an orphan: the session finds most of these, the final sweep all. */
static void order_kill(leader *l, uint32_t id) {
    pid_t pid = pid_of(l, id);
    if (!pid) return;
    tree t = {0};
    tree_scan(&t);
    kill_below(&t, pid, pid);
    kill(pid, SIGKILL);
    tree_done(&t);
}

static void nap(const leader *l, int ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    ppoll(NULL, 0, &t, &l->idle);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void report_orphans(const leader *l, tree *t) {
    tree_below(t, getpid(), 0);
    for (size_t i = 0; i < t->count; i++) {
        const tree_process *p = &t->items[i];
        if (!p->below || p->state == 'Z') continue;
        wire_report(l->sock, WIRE_ORPHAN, 0, p->pid, str_from(p->name));
    }
}

/* It is no orphan of the job's. */
static void end_keeper(const leader_place *place) {
    if (!place || !place->keeper) return;
    kill(place->keeper, SIGKILL);
    while (waitpid(place->keeper, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Kills everything below until nothing is left; false when that did not come to an end. */
static bool sweep(leader *l, bool report) {
    if (!reap(l)) return true;
    if (report) nap(l, SWEEP_SETTLE_MS);
    tree t = {0};
    int64_t limit = now_ms() + SWEEP_LIMIT_MS;
    for (int wait = 1; reap(l) && now_ms() < limit; wait = wait < 64 ? wait * 2 : wait) {
        tree_scan(&t);
        if (report) report_orphans(l, &t);
        report = false;
        kill_below(&t, getpid(), 0);
        nap(l, wait);
    }
    tree_done(&t);
    return !reap(l);
}

/* ---- the leader's life --------------------------------------------------------------------- */

static _Noreturn void end(leader *l) {
    if (!l->place) sweep(l, false);
    _exit(0); /* with the end of process 1, the kernel kills all that is left */
}

static void set_name(str name) {
    char comm[16];
    snprintf(comm, sizeof comm, "slip:%.*s", STR_ARG(name));
    prctl(PR_SET_NAME, comm);
}

static void obey(leader *l, const wire_head *head, str body) {
    pid_t pid;
    switch ((wire_kind)head->kind) {
    case WIRE_START: {
        int output = wire_take_fd(&l->in);
        if (body.len <= sizeof(wire_counts) || body.ptr[body.len - 1] != '\0' || output < 0) end(l);
        order_start(l, head->id, body, output, head->value);
        close(output);
        break;
    }
    case WIRE_SIGNAL:
        if ((pid = pid_of(l, head->id))) kill(-pid, head->value);
        break;
    case WIRE_KILL: order_kill(l, head->id); break;
    case WIRE_CLOSE: {
        end_keeper(l->place);
        bool clean = sweep(l, true);
        if (l->place) _exit(0);   /* the zygote tells that, once all has gone */
        wire_reader_done(&l->in); /* an order may have been large */
        wire_report(l->sock, WIRE_CLOSED, 0, clean, STR_EMPTY);
        if (!clean) _exit(0);
        break;
    }
    case WIRE_NAME: set_name(body); break;
    case WIRE_ENGINE: engine_leader_run(l->sock, &l->in, body);
    case WIRE_ASK:
    case WIRE_RESULT:
    case WIRE_EXIT:
    case WIRE_ORPHAN:
    case WIRE_CLOSED:
    case WIRE_READY:
    case WIRE_FAILED:
    case WIRE_COUNTER:
    case WIRE_COUNTED:
    case WIRE_LIMIT:
    case WIRE_EGRESS:
    case WIRE_KIND_COUNT: end(l);
    }
}

static void on_child(int signo) {
    (void)signo; /* it is enough that ppoll returns */
}

_Noreturn void leader_run(int sock, str name, leader_place *place) {
    leader l = {.sock = sock, .place = place};
    const struct timespec interval = {0, METER_INTERVAL_MS * 1000000L};
    bool measured = place && meter_is_needed(&place->meter);
    set_name(name);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setsid();

    sigset_t blocked;
    sigemptyset(&l.idle);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);

    struct pollfd p = {.fd = sock, .events = POLLIN};
    for (;;) {
        reap(&l);
        int ready = ppoll(&p, 1, measured && l.count ? &interval : NULL, &l.idle);
        if (ready == 0) measure(&l);
        if (ready <= 0) continue;
        int got = wire_read(&l.in, sock, 32 << 10, false);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) end(&l);
        wire_head head;
        str body;
        while (wire_next(&l.in, &head, &body))
            obey(&l, &head, body);
        wire_forget(&l.in);
    }
}
