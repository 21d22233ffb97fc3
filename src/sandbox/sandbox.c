/* Slipway's side of a sandbox: sends orders, reads reports, reads what the commands print. */
#include "sandbox/sandbox.h"

#include "base/arena.h"
#include "sandbox/engine_api.h"
#include "sandbox/engine_folder.h"
#include "sandbox/internal.h"
#include "sandbox/ns.h"
#include "sandbox/snapshot.h"
#include "sandbox/wire.h"
#include "sandbox/zygote.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After a command has exited, how long its pipe may stay open in the hands of something that it has
 * started: long enough for a `| tee` to end, short enough not to be noticed. */
#define OUTPUT_GRACE_MS 250

/* Read per call, so that one talkative command cannot starve the others. */
#define READ_SIZE   (64 << 10)
#define READS_AWAKE 4
#define READS_LAST  64

struct sandbox_process {
    sandbox *owner;
    sandbox_process *next;
    uint32_t id;
    int output;
    bool exited;
    int status;
    char *problem;
    loop_watch *watch;
    loop_timer *grace;
    sandbox_command command; /* callbacks only: argv, env and cwd are not kept */
};

#define COUNTERS_MAX 2

/* How often a control group has hit its limit. */
typedef struct counter {
    cgroup_kind kind;
    int fd;
    char key[16];
    uint64_t last;
} counter;

struct sandbox {
    loop *loop;
    sandbox_spec spec; /* its limits and callbacks: what it points to is not kept */
    view files;
    snapshots snapshots;
    counter counters[COUNTERS_MAX];
    unsigned counter_count;
    contacts *contacts; /* NULL: the host's network */
    bool ready;         /* on_ready was called */
    bool is_root;       /* of its machine */
    char one_id[512];   /* why it is not */
    loop_timer *ready_soon, *drop;
    int sock;
    loop_watch *watch;
    wire_reader in;
    uint32_t last_id;
    sandbox_process *processes;
    bool closing, gone, busy; /* busy: reports are being read, freeing waits */
    bool freed;
    loop_timer *late;
    sandbox_orphan_fn *orphan;
    sandbox_closed_fn *closed;
    void *context;
};

/* ---- a command's end ----------------------------------------------------------------------- */

static void process_free(sandbox_process *p) {
    loop_watch_stop(p->watch);
    loop_timer_stop(p->grace);
    if (p->output >= 0) close(p->output);
    free(p->problem);
    free(p);
}

static void unlink_process(sandbox_process *p) {
    sandbox_process **at = &p->owner->processes;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
}

static void finish(sandbox_process *p) {
    unlink_process(p);
    contacts_read(p->owner->contacts); /* what it has contacted belongs to it */
    p->command.on_exit(p->command.context, p->status, p->problem);
    process_free(p);
}

/* Hands on what has been printed, in at most `reads` pieces; false once the pipe is closed. */
static bool drain(sandbox_process *p, int reads) {
    static char buffer[READ_SIZE];
    while (reads-- > 0) {
        ssize_t n = read(p->output, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0) return false;
        p->command.on_output(p->command.context, (str){buffer, (size_t)n});
        if (n < (ssize_t)sizeof buffer && reads > 0 && !p->exited) return true;
    }
    return true;
}

static void on_readable(void *context, int fd) {
    (void)fd;
    sandbox_process *p = context;
    if (drain(p, READS_AWAKE)) return;
    loop_watch_stop(p->watch);
    p->watch = NULL;
    close(p->output);
    p->output = -1;
    if (p->exited) finish(p);
}

static void on_grace_over(void *context) {
    sandbox_process *p = context;
    if (p->output >= 0) drain(p, READS_LAST);
    finish(p);
}

static void on_exited(sandbox_process *p, int status, str problem) {
    p->exited = true;
    p->status = status;
    if (problem.len) {
        p->problem = mem_alloc(problem.len + 1);
        memcpy(p->problem, problem.ptr, problem.len);
        p->problem[problem.len] = '\0';
    }
    if (p->output < 0 || !drain(p, READS_LAST))
        finish(p);
    else
        p->grace = loop_after(p->owner->loop, OUTPUT_GRACE_MS, on_grace_over, p);
}

/* ---- reports ------------------------------------------------------------------------------- */

static sandbox_process *find(sandbox *s, uint32_t id) {
    sandbox_process *p = s->processes;
    while (p && p->id != id)
        p = p->next;
    return p;
}

/* ---- leaders between two jobs -------------------------------------------------------------- */

/* A leader that has nothing below it any more can serve the next job as well as a new one, for a
 * tenth of what a new one costs. */
#define IDLE_MAX 16

static struct {
    int socks[IDLE_MAX];
    unsigned count;
} idle;

static void put_idle(sandbox *s) {
    if (idle.count == IDLE_MAX) return;
    idle.socks[idle.count++] = s->sock;
    s->sock = -1;
}

static int take_idle(str name) {
    while (idle.count) {
        int sock = idle.socks[--idle.count];
        char byte;
        bool alive = recv(sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
        if (alive && wire_report(sock, WIRE_NAME, 0, 0, name) == 0) return sock;
        close(sock);
    }
    return -1;
}

static void drop_idle(void) {
    while (idle.count)
        close(idle.socks[--idle.count]);
}

/* In a process that was forked off, the idle leaders are the parent's. */
int sandbox_init(err *e) {
    drop_idle();
    return zygote_init(e);
}

void sandbox_done(void) {
    drop_idle();
    zygote_done();
}

static void close_view(sandbox *s) {
    if (s->files.root >= 0) close(s->files.root);
    if (s->files.owner >= 0) close(s->files.owner);
    s->files = VIEW_OURS;
}

static void release(sandbox *s) {
    loop_watch_stop(s->watch);
    loop_timer_stop(s->late);
    loop_timer_stop(s->ready_soon);
    loop_timer_stop(s->drop);
    close_view(s);
    contacts_free(s->contacts);
    snapshots_close(&s->snapshots);
    while (s->counter_count)
        close(s->counters[--s->counter_count].fd);
    if (s->sock >= 0) close(s->sock);
    while (s->processes) {
        sandbox_process *p = s->processes;
        s->processes = p->next;
        process_free(p);
    }
    wire_reader_done(&s->in);
    free(s);
}

/* Not while the records' own watch is on the stack. Whoever is told may free the loop. */
static void drop_later(void *context) {
    sandbox *s = context;
    sandbox_closed_fn *closed = s->closed;
    void *whose = s->context;
    loop_timer_stop(s->drop);
    s->drop = NULL;
    release(s);
    if (closed) closed(whose);
}

static void tell_ready(sandbox *s, const err *e) {
    if (s->ready || s->closing || s->freed) return;
    s->ready = true;
    if (s->spec.on_ready) s->spec.on_ready(s->spec.context, e);
}

/* The last that a closed sandbox waits for: what its job has contacted. */
static void on_contacts_over(void *context) {
    sandbox *s = context;
    s->drop = loop_after(s->loop, 0, drop_later, s);
}

/* The leader has ended: after its last report, or because somebody killed it. */
static void leader_gone(sandbox *s) {
    err e = {0};
    s->gone = true;
    loop_watch_stop(s->watch);
    s->watch = NULL;
    if (!s->ready) {
        err_set(&e, ERR_FAILED, "the sandbox's first process ended before it was ready");
        tell_ready(s, &e);
    }
    str problem =
        s->closing ? STR_EMPTY : STR("the process that runs the job's commands was killed");
    for (sandbox_process *p = s->processes, *next; p && !s->freed; p = next) {
        next = p->next;
        if (p->grace) loop_timer_stop(p->grace), p->grace = NULL;
        if (!p->exited) p->status = 128 + SIGKILL;
        bool told = p->exited;
        p->exited = true;
        if (p->output >= 0) drain(p, READS_LAST);
        if (!told && problem.len) p->problem = strdup(problem.ptr);
        finish(p);
    }
    if (!s->closing || s->freed) return;
    if (contacts_end(s->contacts, on_contacts_over, s)) return;
    if (s->closed) s->closed(s->context);
    s->freed = true;
}

/* ---- limits -------------------------------------------------------------------------------- */

static void tell_limit(sandbox *s, str what) {
    char text[512];
    snprintf(text, sizeof text, "%.*s", STR_ARG(what));
    if (s->spec.on_limit) s->spec.on_limit(s->spec.context, text);
}

/* `now`: how often the limit has been hit so far. */
static void judge_counter(sandbox *s, counter *c, uint64_t now) {
    bool hit = now > c->last;
    char text[160];
    c->last = now;
    if (!hit) return;
    if (c->kind == CGROUP_MEMORY)
        snprintf(text, sizeof text,
                 "A process was killed: the job reached its limit of %llu MiB of memory (limit "
                 "'memory')",
                 (unsigned long long)(s->spec.limits.memory_bytes >> 20));
    else
        snprintf(text, sizeof text,
                 "A process could not be started: the job reached its limit of %u processes "
                 "(limit 'processes')",
                 s->spec.limits.processes);
    tell_limit(s, str_from(text));
}

/* A command has failed: was it for a limit of a control group? */
static void check_counters(sandbox *s) {
    for (unsigned i = 0; i < s->counter_count; i++) {
        counter *c = &s->counters[i];
        judge_counter(s, c, cgroup_count(c->fd, c->key));
    }
}

/* The machine has ended, maybe because the kernel had to kill all of it, and its groups are gone.
 */
static void last_count(sandbox *s, cgroup_kind kind, int32_t count) {
    for (unsigned i = 0; i < s->counter_count && !s->closing; i++) {
        if (s->counters[i].kind == kind) judge_counter(s, &s->counters[i], (uint32_t)count);
    }
}

static void add_counter(sandbox *s, cgroup_kind kind, str key) {
    int fd = wire_take_fd(&s->in);
    if (fd < 0 || s->counter_count == COUNTERS_MAX) return;
    counter *c = &s->counters[s->counter_count++];
    *c = (counter){.kind = kind, .fd = fd};
    snprintf(c->key, sizeof c->key, "%.*s", STR_ARG(key));
    c->last = cgroup_count(c->fd, c->key);
}

static void tell_left(const sandbox *s, str why) {
    char text[1024];
    snprintf(text, sizeof text, "%.*s", STR_ARG(why));
    if (s->spec.on_left) s->spec.on_left(s->spec.context, text);
}

static void on_failed(sandbox *s, str why) {
    err e = {0};
    err_set(&e, ERR_UNSUPPORTED, "%.*s", STR_ARG(why));
    tell_ready(s, &e);
}

static void on_report(sandbox *s, const wire_head *head, str body) {
    sandbox_process *p;
    switch ((wire_kind)head->kind) {
    case WIRE_EXIT:
        if (head->value) check_counters(s);
        if ((p = find(s, head->id))) on_exited(p, head->value, body);
        break;
    case WIRE_RESULT:
        if ((p = find(s, head->id)) && p->command.on_result)
            p->command.on_result(p->command.context, body);
        break;
    case WIRE_READY:
        s->files.root = wire_take_fd(&s->in);
        s->files.owner = wire_take_fd(&s->in);
        s->is_root = head->value;
        snprintf(s->one_id, sizeof s->one_id, "%.*s", STR_ARG(body));
        if (s->spec.layered) snapshots_open(&s->snapshots, s->loop, wire_take_fd(&s->in));
        tell_ready(s, NULL);
        break;
    case WIRE_FAILED: on_failed(s, body); break;
    case WIRE_COUNTED: last_count(s, (cgroup_kind)head->id, head->value); break;
    case WIRE_COUNTER: add_counter(s, (cgroup_kind)head->value, body); break;
    case WIRE_LIMIT: tell_limit(s, body); break;
    case WIRE_EGRESS: s->contacts = contacts_new(&s->spec, wire_take_fd(&s->in)); break;
    case WIRE_ORPHAN: {
        char name[32] = "";
        memcpy(name, body.ptr, body.len < sizeof name ? body.len : sizeof name - 1);
        if (s->orphan) s->orphan(s->context, head->value, name);
        break;
    }
    case WIRE_CLOSED:
        if (body.len) tell_left(s, body);
        if (head->value) put_idle(s);
        leader_gone(s);
        break;
    case WIRE_START:
    case WIRE_SIGNAL:
    case WIRE_KILL:
    case WIRE_CLOSE:
    case WIRE_NAME:
    case WIRE_ENGINE:
    case WIRE_ASK:
    case WIRE_KIND_COUNT: assert(!"an order from the leader");
    }
}

static void on_reports(void *context, int fd) {
    sandbox *s = context;
    int got = wire_read(&s->in, fd, 512, false);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    s->busy = true;
    wire_head head;
    str body;
    while (!s->freed && !s->gone && wire_next(&s->in, &head, &body))
        on_report(s, &head, body);
    if (got <= 0 && !s->gone && !s->freed) leader_gone(s);
    s->busy = false;
    if (s->freed) release(s);
}

/* ---- orders -------------------------------------------------------------------------------- */

static int new_leader(const sandbox_spec *spec, int *ret, err *e) {
    int pair[2];
    char name[17];
    _cleanup_strbuf_ strbuf policy = STRBUF_INIT;
    snprintf(name, sizeof name, "%s", spec->name);
    if (contact_policy(&spec->egress, &policy, e) < 0) return e->code;
    ns_job job = {.name = name,
                  .folder = spec->folder ? spec->folder : "",
                  .layer = spec->layer ? spec->layer : "",
                  .rootfs = spec->rootfs ? spec->rootfs : "",
                  .policy = strbuf_cstr(&policy),
                  .mount_count = spec->mount_count,
                  .limits = spec->limits,
                  .layered = spec->layered};
    assert(spec->mount_count <= SANDBOX_MOUNTS_MAX);
    for (unsigned i = 0; i < spec->mount_count; i++)
        job.mounts[i] = spec->mounts[i];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, errno, "cannot make a socket for the job");
    int failed = zygote_leader(pair[1], spec->backend, &job, e);
    close(pair[1]);
    if (failed) close(pair[0]);
    *ret = pair[0];
    return failed;
}

static void on_host_ready(void *context) {
    sandbox *s = context;
    loop_timer_stop(s->ready_soon);
    s->ready_soon = NULL;
    tell_ready(s, NULL);
}

/* Makes the leader at `sock` one of the engine. */
static int use_engine(sandbox *s, err *e) {
    const sandbox_spec *spec = &s->spec;
    if (spec->folder && engine_folder_open(spec->folder, &s->files.root, e) < 0) return ERR_IO;
    if (wire_report(s->sock, WIRE_ENGINE, 0, 0, str_from(spec->engine)) == 0) return 0;
    return err_set(e, ERR_FAILED, "the process that runs the job's containers is gone");
}

int sandbox_engine_find(arena *a, char **ret, err *e) {
    return engine_find(a, getenv("DOCKER_HOST"), getenv("XDG_RUNTIME_DIR"), ret, e);
}

int sandbox_engine_probe(arena *a, sandbox_engine_means *ret, err *e) {
    engine g = {0};
    *ret = (sandbox_engine_means){0};
    int code = sandbox_engine_find(a, &ret->socket, e);
    g.socket = ret->socket;
    if (code == 0) code = engine_open(&g, e);
    if (code == 0) code = engine_is_apart(&g, &ret->apart, e);
    ret->podman = g.podman;
    memcpy(ret->version, g.version, sizeof ret->version);
    return code;
}

int sandbox_spawn(const sandbox_spec *spec, sandbox **ret, err *e) {
    bool host = spec->backend != SANDBOX_NAMESPACES;
    int sock = host ? take_idle(str_from(spec->name)) : -1, failed = 0;
    if (sock < 0) failed = new_leader(spec, &sock, e);
    if (failed) return failed;
    sandbox *s = mem_alloc(sizeof *s);
    *s = (sandbox){
        .loop = spec->loop, .spec = *spec, .sock = sock, .files = VIEW_OURS, .snapshots.sock = -1};
    s->watch = loop_readable(s->loop, s->sock, on_reports, s);
    if (host) s->ready_soon = loop_after(s->loop, 0, on_host_ready, s);
    if (spec->backend == SANDBOX_ENGINE && (failed = use_engine(s, e)) < 0) {
        sandbox_free(s);
        return failed;
    }
    *ret = s;
    return 0;
}

const view *sandbox_view(const sandbox *s) {
    return &s->files;
}

bool sandbox_is_root(const sandbox *s) {
    return s->is_root;
}

const char *sandbox_one_id(const sandbox *s) {
    return s->one_id;
}

static int order(sandbox *s, wire_kind kind, uint32_t id, int32_t number) {
    return s->gone ? -1 : wire_report(s->sock, kind, id, number, STR_EMPTY);
}

static void on_closed_late(void *context) {
    sandbox *s = context;
    s->busy = true;
    leader_gone(s);
    s->busy = false;
    if (s->freed) release(s);
}

void sandbox_close(sandbox *s, sandbox_orphan_fn *orphan, sandbox_closed_fn *closed,
                   void *context) {
    assert(!s->closing);
    s->closing = true;
    close_view(s); /* an open descriptor would keep the job's file system */
    s->orphan = orphan;
    s->closed = closed;
    s->context = context;
    if (s->gone)
        s->late = loop_after(s->loop, 0, on_closed_late, s);
    else
        order(s, WIRE_CLOSE, 0, 0); /* a failure shows as an end of file */
}

void sandbox_free(sandbox *s) {
    if (!s) return;
    s->freed = true;
    if (!s->busy) release(s);
}

static uint32_t add_strings(strbuf *out, const char *const *list) {
    uint32_t n = 0;
    for (; list[n]; n++)
        strbuf_add(out, (str){list[n], strlen(list[n]) + 1});
    return n;
}

static void build_start(strbuf *out, uint32_t id, const char *const *argv, const char *const *env,
                        const char *cwd, bool terminal) {
    wire_head head = {.kind = WIRE_START, .id = id, .value = terminal};
    wire_counts counts = {0, 0};
    size_t fixed = sizeof head + sizeof counts;
    strbuf_reserve(out, 8 << 10);
    strbuf_pad(out, '\0', fixed);
    strbuf_add(out, (str){cwd, strlen(cwd) + 1});
    counts.argc = add_strings(out, argv);
    counts.envc = add_strings(out, env);
    head.size = (uint32_t)(out->len - sizeof head);
    memcpy(out->ptr, &head, sizeof head);
    memcpy(out->ptr + sizeof head, &counts, sizeof counts);
}

static int send_with(sandbox *s, strbuf *frame, const int *fds, unsigned fd_count, err *e) {
    int sent = s->gone ? -1 : wire_send(s->sock, strbuf_str(frame), fds, fd_count);
    explicit_bzero(frame->ptr, frame->len);
    if (sent < 0) return err_set(e, ERR_FAILED, "the process that runs the job's commands is gone");
    return 0;
}

int sandbox_send_start(sandbox *s, const char *const *argv, const char *const *env, const char *cwd,
                       int output, bool terminal, uint32_t *ret_id, err *e) {
    assert(!s->closing && argv[0]);
    uint32_t id = ++s->last_id;
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    build_start(&frame, id, argv, env, cwd, terminal);
    if (frame.len > WIRE_SIZE_MAX)
        return err_set(e, ERR_LIMIT, "the command's arguments and environment are over %u MiB",
                       WIRE_SIZE_MAX >> 20);
    if (ret_id) *ret_id = id;
    return send_with(s, &frame, &output, 1, e);
}

static int open_pipe(int pipe[2], err *e) {
    if (pipe2(pipe, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe for the command");
    fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    return 0;
}

/* Follows an order that was sent, unless that failed: `code`. */
static int follow(sandbox *s, uint32_t id, int pipe[2], int code, const sandbox_command *command,
                  sandbox_process **ret) {
    close(pipe[1]);
    if (code < 0) {
        close(pipe[0]);
        return code;
    }
    sandbox_process *p = mem_alloc(sizeof *p);
    *p = (sandbox_process){
        .owner = s, .next = s->processes, .id = id, .output = pipe[0], .command = *command};
    s->processes = p;
    p->watch = loop_readable(s->loop, p->output, on_readable, p);
    *ret = p;
    return 0;
}

int sandbox_start(sandbox *s, const sandbox_command *command, sandbox_process **ret, err *e) {
    uint32_t id = 0;
    int pipe[2];
    if (open_pipe(pipe, e) < 0) return e ? (int)e->code : ERR_IO;
    int code =
        sandbox_send_start(s, command->argv, command->env, command->cwd, pipe[1], false, &id, e);
    return follow(s, id, pipe, code, command, ret);
}

int sandbox_ask(sandbox *s, str request, int folder, const sandbox_command *command,
                sandbox_process **ret, err *e) {
    assert(!s->closing && s->spec.backend == SANDBOX_ENGINE);
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    int pipe[2];
    if (request.len > WIRE_SIZE_MAX - sizeof(wire_head))
        return err_set(e, ERR_LIMIT, "what is asked of the container engine is over %u MiB",
                       WIRE_SIZE_MAX >> 20);
    wire_head head = {
        .size = (uint32_t)request.len, .kind = WIRE_ASK, .id = ++s->last_id, .value = folder >= 0};
    strbuf_add(&frame, (str){(const char *)&head, sizeof head});
    strbuf_add(&frame, request);
    if (open_pipe(pipe, e) < 0) return e ? (int)e->code : ERR_IO;
    const int fds[] = {pipe[1], folder};
    int code = send_with(s, &frame, fds, folder >= 0 ? 2 : 1, e);
    return follow(s, head.id, pipe, code, command, ret);
}

void sandbox_signal(sandbox_process *p, int signo) {
    if (!p->exited) order(p->owner, WIRE_SIGNAL, p->id, signo);
}

void sandbox_kill(sandbox_process *p) {
    if (!p->exited) order(p->owner, WIRE_KILL, p->id, 0);
}

int sandbox_snapshot(sandbox *s, unsigned number, sandbox_kept_fn *done, void *context, err *e) {
    return snapshots_order(&s->snapshots, number, false, done, context, e);
}

int sandbox_restore(sandbox *s, unsigned number, sandbox_kept_fn *done, void *context, err *e) {
    return snapshots_order(&s->snapshots, number, true, done, context, e);
}
