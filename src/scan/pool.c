/* pool.c: the children share one page with the parent, in which they take items and say what they
 * are at; their answers come through pipes, one frame an item that has something to say.
 *
 * The page is the only thing that a child can write to. The parent believes none of it: an item out
 * of range is no item, and a frame that cannot be is the end of its child. */
#include "scan/pool.h"

#include "base/fs.h"
#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX    256
#define ANSWERS_MAX (256ULL << 20)
#define MEMORY_MAX  (4ULL << 30)
#define DEATHS_MAX  1000 /* of children, in one scan */
#define TICK_MS     100
#define IDLE        SIZE_MAX

typedef struct slot {
    _Atomic size_t item;       /* what the child is at, or IDLE */
    _Atomic uint64_t since_ms; /* when it began with it */
} slot;

typedef struct shared {
    _Atomic size_t next, done;
    slot slots[JOBS_MAX];
} shared;

typedef struct frame {
    uint64_t item, size;
} frame;

typedef struct child {
    pid_t pid; /* 0: none */
    int fd;
    strbuf told;
    bool timed_out;
} child;

typedef struct pool {
    arena *a;
    const pool_work *work;
    shared *shared;
    size_t shared_size;
    child *children;
    unsigned jobs;
    pool_answer *answers;
    size_t count, cap;
    uint64_t bytes;
    unsigned deaths;
} pool;

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static unsigned cores(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* ---- a child -------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* What keeps a child from its work is an answer to no item. */
static _Noreturn void refuse(int fd, const err *e) {
    frame f = {IDLE, strlen(e->message)};
    if (write_all(fd, (const char *)&f, sizeof f)) write_all(fd, e->message, f.size);
    _exit(2);
}

static _Noreturn void be_child(pool *p, unsigned index, int fd) {
    const pool_work *w = p->work;
    slot *own = &p->shared->slots[index];
    strbuf out = STRBUF_INIT;
    err e = {0};
    jail_spec jail = {.kind = JAIL_READ,
                      .tree = w->tree,
                      .others = w->others,
                      .other_count = w->other_count,
                      .keep = 1u << CAP_DAC_READ_SEARCH | 1u << CAP_DAC_OVERRIDE,
                      .memory_max = MEMORY_MAX};
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    for (unsigned i = 0; i < p->jobs; i++) {
        if (p->children[i].pid) close(p->children[i].fd);
    }
    if (w->start && w->start(w->context, &e) < 0) refuse(fd, &e);
    if (jail_enter(&jail, &e) < 0) refuse(fd, &e);
    for (;;) {
        size_t item = atomic_fetch_add(&p->shared->next, 1);
        if (item >= w->count) _exit(0);
        atomic_store(&own->since_ms, now_ms());
        atomic_store(&own->item, item);
        strbuf_clear(&out);
        w->work(w->context, item, &out);
        frame f = {item, out.len};
        if (out.len &&
            (!write_all(fd, (const char *)&f, sizeof f) || !write_all(fd, out.ptr, out.len)))
            _exit(1);
        atomic_store(&own->item, IDLE);
        atomic_fetch_add(&p->shared->done, 1);
    }
}

static int start_child(pool *p, unsigned index, err *e) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    atomic_store(&p->shared->slots[index].item, IDLE);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        be_child(p, index, fds[1]);
    }
    int failed = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(e, failed, "cannot start a process");
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    p->children[index] = (child){.pid = pid, .fd = fds[0], .told = STRBUF_INIT};
    return 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

static int add_answer(pool *p, size_t item, str said, str died, err *e) {
    if ((p->bytes += said.len) > ANSWERS_MAX)
        return err_set(e, ERR_LIMIT, "the scan found more than %llu MiB of text to report",
                       ANSWERS_MAX >> 20);
    pool_answer answer = {item, arena_str(p->a, said), arena_str(p->a, died)};
    ARENA_PUSH(p->a, p->answers, p->count, p->cap, answer);
    return 0;
}

/* Takes the whole frames off what a child has told. */
static int take_frames(pool *p, child *c, err *e) {
    size_t at = 0;
    int r = 0;
    while (r == 0 && c->told.len - at >= sizeof(frame)) {
        frame f;
        memcpy(&f, c->told.ptr + at, sizeof f);
        str rest = str_sub(strbuf_str(&c->told), at + sizeof f, c->told.len);
        if (f.size > ANSWERS_MAX || (f.item >= p->work->count && f.item != IDLE))
            return err_set(e, ERR_FAILED, "a reader of files gave an answer that cannot be");
        if (rest.len < f.size) break;
        str said = str_sub(rest, 0, f.size);
        if (f.item == IDLE) return err_set(e, ERR_FAILED, "%.*s", STR_ARG(said));
        r = add_answer(p, f.item, said, STR_EMPTY, e);
        at += sizeof f + f.size;
    }
    strbuf_shift(&c->told, at);
    return r;
}

static const char *end_of(const child *c, int status) {
    if (c->timed_out) return "it took too long to read";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return "its reader was killed, perhaps because there was no memory left";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return "there was not enough memory to read it";
    return "its reader crashed";
}

/* A child has ended: with its item unfinished, or because none was left. */
static int bury(pool *p, unsigned index, err *e) {
    child *c = &p->children[index];
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(c->fd);
    strbuf_done(&c->told);
    c->pid = 0;
    size_t item = atomic_load(&p->shared->slots[index].item);
    if (status == 0 && item == IDLE) return 0; /* else something has called exit */
    if (item >= p->work->count)
        return err_set(e, ERR_FAILED, "a reader of files ended with status %d", status);
    if (++p->deaths > DEATHS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d files ended their readers", DEATHS_MAX);
    if (add_answer(p, item, STR_EMPTY, str_from(end_of(c, status)), e) < 0) return e->code;
    atomic_fetch_add(&p->shared->done, 1);
    return start_child(p, index, e);
}

static int hear(pool *p, unsigned index, err *e) {
    child *c = &p->children[index];
    for (;;) {
        strbuf_reserve(&c->told, 64 << 10);
        ssize_t n = read(c->fd, c->told.ptr + c->told.len, 64 << 10);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return take_frames(p, c, e);
        if (n <= 0) break;
        c->told.len += (size_t)n;
    }
    return take_frames(p, c, e) < 0 ? e->code : bury(p, index, e);
}

/* ---- the parent ----------------------------------------------------------------------------- */

static void end_slow_ones(pool *p) {
    if (!p->work->item_timeout_ms) return;
    uint64_t now = now_ms();
    for (unsigned i = 0; i < p->jobs; i++) {
        child *c = &p->children[i];
        slot *s = &p->shared->slots[i];
        if (!c->pid || atomic_load(&s->item) == IDLE) continue;
        if (now - atomic_load(&s->since_ms) < p->work->item_timeout_ms) continue;
        c->timed_out = true;
        kill(c->pid, SIGKILL);
    }
}

static int listen_all(pool *p, err *e) {
    struct pollfd polled[JOBS_MAX];
    unsigned who[JOBS_MAX];
    for (;;) {
        nfds_t n = 0;
        for (unsigned i = 0; i < p->jobs; i++) {
            if (!p->children[i].pid) continue;
            who[n] = i;
            polled[n++] = (struct pollfd){.fd = p->children[i].fd, .events = POLLIN};
        }
        if (n == 0) return 0;
        if (poll(polled, n, TICK_MS) < 0 && errno != EINTR)
            return err_sys(e, errno, "cannot wait for the readers of files");
        for (nfds_t i = 0; i < n; i++) {
            if (polled[i].revents && hear(p, who[i], e) < 0) return e->code;
        }
        end_slow_ones(p);
        if (p->work->progress) p->work->progress(p->work->context, atomic_load(&p->shared->done));
    }
}

static void end_all(pool *p) {
    for (unsigned i = 0; i < p->jobs; i++) {
        child *c = &p->children[i];
        if (!c->pid) continue;
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        close(c->fd);
        strbuf_done(&c->told);
    }
}

/* By item; of one item, what it said before its reader died. */
static int cmp_answers(const void *left, const void *right) {
    const pool_answer *a = left, *b = right;
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    return (a->died.len > 0) - (b->died.len > 0);
}

int pool_run(arena *a, const pool_work *work, pool_answer **ret, size_t *ret_count, err *e) {
    pool p = {.a = a, .work = work, .shared_size = sizeof(shared)};
    size_t jobs = work->jobs ? work->jobs : cores();
    if (jobs > work->count) jobs = work->count;
    p.jobs = jobs > JOBS_MAX ? JOBS_MAX : (unsigned)jobs;
    p.children = ARENA_ARRAY(a, child, p.jobs);
    p.shared = mmap(NULL, p.shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p.shared == MAP_FAILED) return err_sys(e, errno, "cannot share memory with readers");
    int r = 0;
    for (unsigned i = 0; i < p.jobs && r == 0; i++)
        r = start_child(&p, i, e);
    if (r == 0) r = listen_all(&p, e);
    if (r < 0) end_all(&p);
    munmap(p.shared, p.shared_size);
    if (p.count) qsort(p.answers, p.count, sizeof *p.answers, cmp_answers);
    *ret = p.answers;
    *ret_count = p.count;
    return r;
}
