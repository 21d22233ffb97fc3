/* pool.c: the parent hands out ranges of items, and each child answers every item that it was
 * handed, in their order, if only with nothing. One socket a child goes both ways.
 *
 * A file may take over the child that reads it. Such a child can lie about that file and about what
 * it is handed later, and nothing else: it has no other descriptor or memory in common with anybody
 * but one page of its own, on which it counts what it has begun. The parent believes the count
 * where it can be, to know which item a dead child was at; an answer to what was not handed, or out
 * of order, is the end of its child, and an item without an answer is read by another child or has
 * an error.
 *
 * A range costs two system calls for its answers: one before its last item, upon which the next
 * range is handed, so that a child need not wait, and one after it. */
#include "base/pool.h"

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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX    256
#define ANSWERS_MAX (256ULL << 20)
#define MEMORY_MAX  (4ULL << 30)
#define DEATHS_MAX  1000 /* of children, in one scan */
#define TICK_MS     100
#define RANGE_MAX   64
#define SHARES      8 /* so many ranges a child, at least, of what is left */
#define FLUSH_BYTES (64u << 10)
#define FLUSH_MS    200
#define KEPT_MAX    64
/* What is no item, in a frame. */
#define REFUSAL UINT64_MAX /* why the child cannot begin */
#define READY   (UINT64_MAX - 1)

/* From the first up to the one before `end`. */
typedef struct range {
    size_t from, end;
    bool alone; /* one item, after whose answer alone the child is handed more: it is suspected */
} range;

typedef struct frame {
    uint64_t item, size;
} frame;

typedef struct child {
    pid_t pid; /* 0: none */
    int fd;
    _Atomic uint64_t *begun; /* a page: how many items, of all that it was handed */
    uint64_t answered;       /* of those */
    range handed[3];         /* that have no answer yet, in order */
    unsigned handed_count;
    uint64_t seen, since_ms; /* when `begun` was first seen to be `seen` */
    strbuf told;
    bool ready, timed_out, lied;
} child;

typedef struct pool {
    arena *a;
    const pool_work *work;
    pid_t self;
    child *children;
    unsigned jobs;
    size_t next, done;
    range *again; /* what dead children have left */
    size_t again_count, again_cap;
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

static void *new_page(void) {
    size_t size = sizeof(_Atomic uint64_t);
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void free_page(child *c) {
    if (c->begun) munmap(c->begun, sizeof *c->begun);
    c->begun = NULL;
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

static bool read_all(int fd, char *bytes, size_t size) {
    while (size) {
        ssize_t n = read(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static void add_frame(strbuf *to, uint64_t item, str said) {
    frame f = {item, said.len};
    strbuf_add(to, (str){(const char *)&f, sizeof f});
    strbuf_add(to, said);
}

static void flush(int fd, strbuf *out) {
    if (!write_all(fd, out->ptr, out->len)) _exit(1);
    strbuf_clear(out);
}

/* What keeps a child from its work is an answer to no item. */
static _Noreturn void refuse(int fd, const err *e) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    add_frame(&out, REFUSAL, str_from(e->message));
    write_all(fd, out.ptr, out.len);
    _exit(2);
}

/* It keeps what it reads from, and its socket. 0 to 2 are nobody's: what it prints would be taken
 * for the parent's. */
static int close_others(const pool_work *w, int fd, err *e) {
    int kept[KEPT_MAX] = {fd, w->tree};
    size_t count = 2;
    for (size_t i = 0; i < w->other_count && count < KEPT_MAX; i++)
        kept[count++] = w->others[i];
    for (size_t i = 0; i < w->kept_count && count < KEPT_MAX; i++)
        kept[count++] = w->kept[i];
    fs_close_others(kept, count);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return err_sys(e, errno, "cannot open /dev/null");
    for (int i = 0; i < 3; i++) {
        if (dup2(null, i) < 0) return err_sys(e, errno, "cannot open /dev/null");
    }
    if (null > 2) close(null);
    return 0;
}

static void enter(pool *p, unsigned index, int fd) {
    const pool_work *w = p->work;
    err e = {0};
    jail_spec jail = {.kind = JAIL_READ,
                      .tree = w->tree,
                      .others = w->others,
                      .other_count = w->other_count,
                      .keep = 1u << CAP_DAC_READ_SEARCH,
                      .memory_max = MEMORY_MAX,
                      .cpu_max_s = w->cpu_max_s,
                      .parent = p->self};
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    for (unsigned i = 0; i < p->jobs; i++) {
        if (i != index) free_page(&p->children[i]);
    }
    if (close_others(w, fd, &e) < 0) refuse(fd, &e);
    if (w->start && w->start(w->context, &e) < 0) refuse(fd, &e);
    if (jail_enter(&jail, &e) < 0) refuse(fd, &e);
}

static _Noreturn void be_child(pool *p, unsigned index, int fd) {
    _Atomic uint64_t *begun = p->children[index].begun;
    strbuf out = STRBUF_INIT, said = STRBUF_INIT;
    uint64_t flushed_ms = now_ms();
    range r;
    enter(p, index, fd);
    add_frame(&out, READY, STR_EMPTY);
    flush(fd, &out);
    while (read_all(fd, (char *)&r, sizeof r)) {
        for (size_t item = r.from; item < r.end; item++) {
            if (item + 1 == r.end && out.len) flush(fd, &out);
            atomic_store(begun, atomic_load(begun) + 1);
            strbuf_clear(&said);
            p->work->work(p->work->context, item, &said);
            add_frame(&out, item, strbuf_str(&said));
            if (out.len < FLUSH_BYTES && now_ms() - flushed_ms < FLUSH_MS) continue;
            flush(fd, &out);
            flushed_ms = now_ms();
        }
        if (out.len) flush(fd, &out);
        flushed_ms = now_ms();
    }
    _exit(0);
}

/* ---- handing out ---------------------------------------------------------------------------- */

static size_t outstanding(const child *c) {
    size_t count = 0;
    for (unsigned i = 0; i < c->handed_count; i++)
        count += c->handed[i].end - c->handed[i].from;
    return count;
}

/* Smaller ones towards the end, so that no child has much to do when the others are ready. */
static bool next_range(pool *p, range *ret) {
    size_t left = p->work->count - p->next, size = p->work->batch;
    if (p->again_count) {
        *ret = p->again[--p->again_count];
        return true;
    }
    if (left == 0) return false;
    if (size == 0) {
        size = left / (p->jobs * SHARES);
        size = size < 1 ? 1 : size > RANGE_MAX ? RANGE_MAX : size;
    }
    if (size > left) size = left;
    *ret = (range){p->next, p->next + size, false};
    p->next += size;
    return true;
}

/* A dead child takes none, which its end will tell. */
static void hand(pool *p, child *c) {
    range r;
    if (c->handed_count == sizeof c->handed / sizeof *c->handed || !next_range(p, &r)) return;
    if (outstanding(c) == 0) c->since_ms = now_ms();
    c->handed[c->handed_count++] = r;
    if (send(c->fd, &r, sizeof r, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        kill(c->pid, SIGKILL);
}

/* One item is left to it, with which it is busy. Where little is left, others may have the rest. */
static void hand_more(pool *p, child *c) {
    size_t has = outstanding(c), left = p->work->count - p->next;
    bool more = has == 1 && left > p->jobs && !c->handed[0].alone && !p->again_count;
    if (has == 0 || more) hand(p, c);
}

static int start_child(pool *p, unsigned index, err *e) {
    child *c = &p->children[index];
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_sys(e, errno, "cannot make a socket");
    *c = (child){.fd = fds[0], .begun = new_page(), .told = STRBUF_INIT};
    bool has_page = (void *)c->begun != MAP_FAILED;
    pid_t pid = has_page ? fork() : -1;
    if (pid == 0) {
        int fd = fds[1] < 3 ? fcntl(fds[1], F_DUPFD_CLOEXEC, 3) : fds[1];
        be_child(p, index, fd);
    }
    int failed = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        if (has_page) free_page(c);
        c->begun = NULL;
        return err_sys(e, failed, "cannot start a process");
    }
    c->pid = pid;
    hand(p, c);
    return 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

static int add_answer(pool *p, size_t item, str said, str died, err *e) {
    p->done++;
    if (!said.len && !died.len) return 0;
    if ((p->bytes += said.len) > ANSWERS_MAX)
        return err_set(e, ERR_LIMIT, "the scan found more than %llu MiB of text to report",
                       ANSWERS_MAX >> 20);
    pool_answer answer = {item, arena_str(p->a, said), arena_str(p->a, died), false};
    ARENA_PUSH(p->a, p->answers, p->count, p->cap, answer);
    return 0;
}

static void drop_first(child *c) {
    if (++c->handed[0].from < c->handed[0].end) return;
    c->handed_count--;
    memmove(c->handed, c->handed + 1, c->handed_count * sizeof *c->handed);
}

/* The item that an answer must be of. */
static bool is_due(const child *c, uint64_t item) {
    return c->ready && c->handed_count && c->handed[0].from == item;
}

/* Whether a frame can be of this child now; what it cannot begin with it tells first. */
static bool can_be(const child *c, const frame *f) {
    if (f->item == READY) return !c->ready && f->size == 0;
    if (f->item == REFUSAL) return !c->ready && f->size < sizeof((err *)NULL)->message;
    return f->size <= ANSWERS_MAX && is_due(c, f->item);
}

/* Takes the whole frames off what a child has told. */
static int take_frames(pool *p, child *c, err *e) {
    size_t at = 0;
    int r = 0;
    while (r == 0 && !c->lied && c->told.len - at >= sizeof(frame)) {
        frame f;
        memcpy(&f, c->told.ptr + at, sizeof f);
        str rest = str_sub(strbuf_str(&c->told), at + sizeof f, c->told.len);
        if (!can_be(c, &f)) {
            c->lied = true;
            kill(c->pid, SIGKILL);
            break;
        }
        if (rest.len < f.size) break;
        str said = str_sub(rest, 0, f.size);
        at += sizeof f + f.size;
        if (f.item == REFUSAL) return err_set(e, ERR_FAILED, "%.*s", STR_ARG(said));
        if (f.item == READY) {
            c->ready = true;
            continue;
        }
        drop_first(c);
        c->answered++;
        c->since_ms = now_ms();
        r = add_answer(p, f.item, said, STR_EMPTY, e);
    }
    strbuf_shift(&c->told, at);
    return r;
}

/* ---- ends ----------------------------------------------------------------------------------- */

static const char *end_of(const child *c, int status) {
    if (c->timed_out) return "it took too long to read";
    if (c->lied) return "its reader gave an answer that cannot be";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return "its reader was killed, perhaps because there was no memory left";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return "there was not enough memory to read it";
    return "its reader crashed";
}

/* How many of the items without an answer come before the one that the child was at. */
static size_t finished(const child *c) {
    uint64_t begun = atomic_load(c->begun);
    if (begun <= c->answered || begun - c->answered > outstanding(c)) return 0;
    return (size_t)(begun - c->answered - 1);
}

static void put_back(pool *p, range r) {
    if (r.from < r.end) ARENA_PUSH(p->a, p->again, p->again_count, p->again_cap, r);
}

/* Which of several items has made a child lie cannot be told: what it counts may be a lie, too. */
static void suspect_all(pool *p, child *c) {
    for (unsigned i = 0; i < c->handed_count; i++) {
        for (size_t item = c->handed[i].from; item < c->handed[i].end; item++)
            put_back(p, (range){item, item + 1, true});
    }
    c->handed_count = 0;
}

/* The item that it was at has an error; others that were handed are handed again. */
static int blame(pool *p, child *c, int status, err *e) {
    size_t before = finished(c), culprit = SIZE_MAX;
    for (unsigned i = 0; i < c->handed_count; i++) {
        range r = c->handed[i];
        size_t size = r.end - r.from;
        if (culprit != SIZE_MAX || before >= size) {
            put_back(p, r);
            before -= culprit == SIZE_MAX ? size : 0;
            continue;
        }
        culprit = r.from + before;
        put_back(p, (range){culprit + 1, r.end, false});
        put_back(p, (range){r.from, culprit, false});
    }
    c->handed_count = 0;
    if (culprit == SIZE_MAX) return 0;
    int r = add_answer(p, culprit, STR_EMPTY, str_from(end_of(c, status)), e);
    if (r == 0) p->answers[p->count - 1].timed_out = c->timed_out;
    return r;
}

/* Children end when they are killed: one that ends by itself has died. */
static int bury(pool *p, unsigned index, err *e) {
    child *c = &p->children[index];
    int status = 0;
    kill(c->pid, SIGKILL); /* it may only have closed its socket */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(c->fd);
    c->pid = 0;
    if (c->lied && outstanding(c) > 1) suspect_all(p, c);
    int r = blame(p, c, status, e);
    bool was_ready = c->ready;
    strbuf_done(&c->told);
    free_page(c);
    if (r < 0) return r;
    if (!was_ready) return err_set(e, ERR_FAILED, "a reader of files ended with status %d", status);
    if (++p->deaths > DEATHS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d files ended their readers", DEATHS_MAX);
    return start_child(p, index, e);
}

static int hear(pool *p, unsigned index, err *e) {
    child *c = &p->children[index];
    for (;;) {
        strbuf_reserve(&c->told, FLUSH_BYTES);
        ssize_t n = recv(c->fd, c->told.ptr + c->told.len, FLUSH_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) return take_frames(p, c, e) < 0 ? e->code : bury(p, index, e);
        c->told.len += (size_t)n;
        if (n < (ssize_t)FLUSH_BYTES) break;
    }
    if (take_frames(p, c, e) < 0) return e->code;
    if (!c->lied) hand_more(p, c);
    return 0;
}

/* ---- the parent ----------------------------------------------------------------------------- */

/* What a child counts can only grow, to what it was handed: it has so much time for each item. */
static void end_slow_ones(pool *p) {
    uint64_t now = now_ms();
    for (unsigned i = 0; p->work->item_timeout_ms && i < p->jobs; i++) {
        child *c = &p->children[i];
        size_t has = c->pid ? outstanding(c) : 0;
        uint64_t begun = has ? atomic_load(c->begun) : 0;
        if (begun > c->seen && begun <= c->answered + has) {
            c->seen = begun;
            c->since_ms = now;
        }
        if (!has || now - c->since_ms < p->work->item_timeout_ms) continue;
        c->timed_out = true;
        kill(c->pid, SIGKILL);
    }
}

/* What a dead child has left, to those who have nothing to do. */
static void hand_to_idle(pool *p) {
    for (unsigned i = 0; p->again_count && i < p->jobs; i++) {
        child *c = &p->children[i];
        if (c->pid && !c->lied && !c->timed_out && !c->handed_count) hand(p, c);
    }
}

static int listen_all(pool *p, err *e) {
    struct pollfd polled[JOBS_MAX];
    unsigned n = p->jobs;
    while (p->done < p->work->count) {
        for (unsigned i = 0; i < n; i++)
            polled[i] = (struct pollfd){.fd = p->children[i].fd, .events = POLLIN};
        if (poll(polled, n, TICK_MS) < 0 && errno != EINTR)
            return err_sys(e, errno, "cannot wait for the readers of files");
        for (unsigned i = 0; i < n; i++) {
            if (polled[i].revents && hear(p, i, e) < 0) return e->code;
        }
        end_slow_ones(p);
        hand_to_idle(p);
        if (p->work->progress) p->work->progress(p->work->context, p->done);
    }
    return 0;
}

static void end_all(pool *p) {
    for (unsigned i = 0; i < p->jobs; i++) {
        if (p->children[i].pid) kill(p->children[i].pid, SIGKILL);
    }
    for (unsigned i = 0; i < p->jobs; i++) {
        child *c = &p->children[i];
        if (!c->pid) continue;
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        close(c->fd);
        strbuf_done(&c->told);
        free_page(c);
    }
}

/* No item has two. */
static int cmp_answers(const void *left, const void *right) {
    size_t a = ((const pool_answer *)left)->item, b = ((const pool_answer *)right)->item;
    return (a > b) - (a < b);
}

int pool_run(arena *a, const pool_work *work, pool_answer **ret, size_t *ret_count, err *e) {
    pool p = {.a = a, .work = work, .self = getpid()};
    size_t jobs = work->jobs ? work->jobs : cores();
    if (jobs > work->count) jobs = work->count;
    p.jobs = jobs > JOBS_MAX ? JOBS_MAX : (unsigned)jobs;
    p.children = ARENA_ARRAY(a, child, p.jobs);
    int r = 0;
    for (unsigned i = 0; i < p.jobs && r == 0; i++)
        r = start_child(&p, i, e);
    if (r == 0) r = listen_all(&p, e);
    end_all(&p);
    if (p.count) qsort(p.answers, p.count, sizeof *p.answers, cmp_answers);
    *ret = p.answers;
    *ret_count = p.count;
    return r;
}
