#include "sandbox/engine_leader.h"

#include "base/arena.h"
#include "base/process.h"
#include "sandbox/engine_clean.h"
#include "sandbox/engine_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_FAILED  1
#define EXIT_BROKEN  126
#define EXIT_STOPPED (128 + SIGTERM)

typedef struct running {
    uint32_t id;
    pid_t pid;
    bool command; /* of the job's container, not a request */
    bool shell;   /* a command at a terminal */
    engine_page *page;
} running;

typedef struct leader {
    int sock;
    wire_reader *in;
    arena *a;
    engine g;
    str owner;
    char container[ENGINE_ID_MAX]; /* the job's, once `setup` has made it */
    running *items;
    size_t count, cap;
    bool reached;  /* the engine has answered a child */
    sigset_t idle; /* the signal mask while asleep */
} leader;

/* ---- children -------------------------------------------------------------------------------- */

#define OUTPUT 3
#define FOLDER 4

/* Of all descriptors beyond the first three, `output` stays as OUTPUT and `folder` as FOLDER. */
static void keep_descriptors(int output, int folder) {
    /* Out of the way first: one may stand where the other belongs. */
    int high_output = fcntl(output, F_DUPFD, 16), high_folder = fcntl(folder, F_DUPFD, 16);
    int kept = OUTPUT;
    if (high_output >= 0) kept = dup2(high_output, OUTPUT) + 1;
    if (high_folder >= 0) kept = dup2(high_folder, FOLDER) + 1;
    close_range((unsigned)kept, ~0U, 0);
}

/* A child that is to talk to the engine: 0 in it, its pid here, or -1. It lives no longer than the
 * leader. */
static pid_t fork_child(const leader *l, int keep, int also) {
    pid_t parent = getpid(), pid = fork();
    if (pid) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_FAILED);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    engine_work_stopped(); /* from now on SIGTERM asks to stop */
    sigprocmask(SIG_SETMASK, &l->idle, NULL);
    prctl(PR_SET_NAME, "slip:engine");
    keep_descriptors(keep, also);
    return 0;
}

static int open_work(const leader *l, engine_work *w, engine_page *page, err *e) {
    *w = (engine_work){.a = l->a,
                       .g = l->g,
                       .owner = l->owner,
                       .output = OUTPUT,
                       .folder = FOLDER,
                       .page = page,
                       .container = l->container};
    return engine_open(&w->g, e);
}

static engine_page *new_page(void) {
    void *page =
        mmap(NULL, sizeof(engine_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) oom();
    return page;
}

static void tell_failure(engine_page *page, const err *e, bool command) {
    bool stopped = e->code == ERR_CANCELLED;
    page->status = stopped ? EXIT_STOPPED : command ? EXIT_BROKEN : EXIT_FAILED;
    snprintf(page->problem, sizeof page->problem, "%s", e->message);
}

typedef struct start {
    const char *cwd;
    char **argv, **env;
} start;

static char **take_strings(const leader *l, str *rest, size_t count) {
    char **out = ARENA_ARRAY(l->a, char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        out[i] = (char *)rest->ptr;
        *rest = str_sub(*rest, strlen(rest->ptr) + 1, rest->len);
    }
    return out;
}

static start take_start(const leader *l, str body) {
    wire_counts counts;
    memcpy(&counts, body.ptr, sizeof counts);
    body = str_sub(body, sizeof counts, body.len);
    start s = {.cwd = body.ptr};
    body = str_sub(body, strlen(s.cwd) + 1, body.len);
    s.argv = take_strings(l, &body, counts.argc);
    s.env = take_strings(l, &body, counts.envc);
    return s;
}

/* In the child. */
static _Noreturn void work(const leader *l, const running *r, str body) {
    engine_work w;
    err e = {0};
    int code = open_work(l, &w, r->page, &e);
    r->page->reached = code == 0;
    if (code == 0 && r->command && !l->container[0])
        code = err_set(&e, ERR_FAILED, "the job has no container to run commands in");
    if (code == 0 && r->command) {
        start s = take_start(l, body);
        code = r->shell ? engine_work_shell(&w, s.argv, s.env, s.cwd, &e)
                        : engine_work_exec(&w, s.argv, s.env, s.cwd, &e);
    } else if (code == 0) {
        code = engine_work_ask(&w, body, &e);
    }
    if (code < 0) tell_failure(r->page, &e, r->command);
    _exit(0);
}

static void order_start(leader *l, running r, str body, int output, int folder) {
    r.page = new_page();
    r.pid = fork_child(l, output, folder);
    if (r.pid == 0) work(l, &r, body);
    if (r.pid < 0) {
        munmap(r.page, sizeof *r.page);
        wire_report(l->sock, WIRE_EXIT, r.id, EXIT_BROKEN,
                    STR("cannot start a process that talks to the container engine"));
        return;
    }
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->items = mem_realloc(l->items, l->cap * sizeof *l->items);
    }
    l->items[l->count++] = r;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void report_result(const leader *l, const running *r) {
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    wire_head head = {.size = r->page->result_len, .kind = WIRE_RESULT, .id = r->id};
    strbuf_add(&frame, (str){(const char *)&head, sizeof head});
    strbuf_add(&frame, (str){r->page->result, r->page->result_len});
    wire_send(l->sock, strbuf_str(&frame), NULL, 0);
}

static void note_killed(engine_page *page, int signo) {
    snprintf(page->problem, sizeof page->problem,
             "the process that talks to the container engine was killed by signal %d", signo);
}

static void report_end(leader *l, running *r, int status) {
    engine_page *page = r->page;
    l->reached |= page->reached;
    if (WIFSIGNALED(status)) {
        page->status = 128 + WTERMSIG(status);
        if (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM)
            note_killed(page, WTERMSIG(status));
    }
    if (!r->command && !page->runs && page->container[0])
        memcpy(l->container, page->container, sizeof l->container);
    if (page->result_len && page->result_len <= sizeof page->result) report_result(l, r);
    wire_report(l->sock, WIRE_EXIT, r->id, page->status, str_from(page->problem));
    munmap(page, sizeof *page);
}

static void reap(leader *l) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < l->count; i++) {
            if (l->items[i].pid != pid) continue;
            report_end(l, &l->items[i], status);
            l->items[i] = l->items[--l->count];
            break;
        }
    }
}

/* ---- signals --------------------------------------------------------------------------------- */

/* Where the engine will not kill a command, its child here ends all the same, so that the step
 * does; what runs on inside goes with the container. */
static void order_signal(leader *l, uint32_t id, int signo) {
    running *r = NULL;
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].id == id) r = &l->items[i];
    if (!r) return;
    if (!r->page->exec[0] && !r->page->runs) {
        kill(r->pid, SIGTERM);
        return;
    }
    if (fork_child(l, -1, -1)) return;
    engine_work w;
    err e = {0};
    int code = open_work(l, &w, r->page, &e);
    if (code == 0) code = engine_work_signal(&w, r->page, signo, &e);
    if (code < 0 && signo == SIGKILL) kill(r->pid, SIGKILL);
    _exit(0);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* What could not be removed is told by the page's problem. */
static void clean(const leader *l, engine_page *page) {
    pid_t pid = fork_child(l, -1, -1);
    if (pid == 0) {
        err e = {0};
        engine g = l->g;
        if (engine_clean(&g, l->owner, &e) < 0) tell_failure(page, &e, false);
        _exit(0);
    }
    int status = pid < 0 ? 0 : process_wait(pid);
    if (WIFSIGNALED(status)) note_killed(page, WTERMSIG(status));
    if (pid < 0)
        snprintf(page->problem, sizeof page->problem,
                 "cannot start a process that talks to the container engine");
}

/* Children end soon after they are told to: what they make is then known to the engine and found by
 * its label. */
static void close_job(leader *l, bool report) {
    for (size_t i = 0; i < l->count; i++)
        kill(l->items[i].pid, SIGTERM);
    while (report && l->count) {
        reap(l);
        if (l->count) ppoll(NULL, 0, NULL, &l->idle);
    }
    for (size_t i = 0; i < l->count; i++)
        process_wait(l->items[i].pid);
    l->count = 0;
    engine_page *page = new_page();
    clean(l, page);
    str why = l->reached ? str_from(page->problem) : STR_EMPTY; /* else nothing was made */
    if (report) wire_report(l->sock, WIRE_CLOSED, 0, 0, why);
}

static _Noreturn void end(leader *l) {
    close_job(l, false);
    _exit(0);
}

static void obey(leader *l, const wire_head *head, str body) {
    switch ((wire_kind)head->kind) {
    case WIRE_START:
    case WIRE_ASK: {
        int output = wire_take_fd(l->in);
        bool command = head->kind == WIRE_START;
        int folder = !command && head->value ? wire_take_fd(l->in) : -1;
        if (output < 0 ||
            (command && (body.len <= sizeof(wire_counts) || body.ptr[body.len - 1] != '\0')))
            end(l);
        running r = {.id = head->id, .command = command, .shell = command && head->value};
        order_start(l, r, body, output, folder);
        close(output);
        if (folder >= 0) close(folder);
        break;
    }
    case WIRE_SIGNAL: order_signal(l, head->id, head->value); break;
    case WIRE_KILL: order_signal(l, head->id, SIGKILL); break;
    case WIRE_CLOSE: close_job(l, true); _exit(0);
    case WIRE_NAME: break;
    case WIRE_ENGINE:
    case WIRE_EXIT:
    case WIRE_RESULT:
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

_Noreturn void engine_leader_run(int sock, wire_reader *in, str socket) {
    leader l = {.sock = sock, .in = in, .a = arena_new()};
    l.g.socket = arena_cstr(l.a, socket);
    l.owner = engine_owner(l.a);
    sigset_t blocked;
    sigemptyset(&l.idle);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);

    struct pollfd p = {.fd = sock, .events = POLLIN};
    for (;;) {
        wire_head head;
        str body;
        while (wire_next(in, &head, &body))
            obey(&l, &head, body);
        wire_forget(in);
        reap(&l);
        if (ppoll(&p, 1, NULL, &l.idle) <= 0) continue;
        int got = wire_read(in, sock, 32 << 10, false);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) end(&l);
    }
}
