/* spool.c: what a job's process writes. */
#include "agent/spool.h"

#include "agent/events.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_BYTES   ((size_t)64 << 10)
#define RETRY_MS      500
#define FINISH_TRIES  120 /* a minute */
#define LOCK_TRIES    100
#define LOCK_PAUSE_US 10000

/* A file that grows. */
typedef struct growing {
    int fd;
    strbuf held;
    uint64_t bytes; /* written */
} growing;

struct spool_writer {
    arena *a;
    loop *loop;
    const char *dir;
    int lock, control;
    growing log, events;
    event_clock clock;
    uint64_t seq;
    loop_timer *flush;
    bool failing, stuck;
};

/* ---- taking --------------------------------------------------------------------------------- */

/* An agent that looks whether we live holds the lock for a moment. */
static int take_lock(const char *path, err *e) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return err_sys(e, errno, "cannot open '%s'", path);
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        usleep(LOCK_PAUSE_US);
    }
    close(fd);
    return err_set(e, ERR_INVALID, "another process runs a job in this folder: '%s' is locked",
                   path);
}

/* Who makes it is the first. */
static int make_growing(const spool_writer *w, const char *name, growing *ret, err *e) {
    const char *path = fs_join(w->a, w->dir, str_from(name));
    ret->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (ret->fd >= 0) return 0;
    if (errno == EEXIST)
        return err_set(e, ERR_INVALID, "a job was run in this folder before: there is '%s'", path);
    return err_sys(e, errno, "cannot make '%s'", path);
}

/* Open for both, so that it never ends and never blocks. */
static int make_control(spool_writer *w, err *e) {
    const char *path = fs_join(w->a, w->dir, STR(SPOOL_CONTROL));
    if (mkfifo(path, 0600) != 0) return err_sys(e, errno, "cannot make '%s'", path);
    w->control = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return w->control < 0 ? err_sys(e, errno, "cannot open '%s'", path) : 0;
}

static int take(spool_writer *w, err *e) {
    if (fs_mkdirs(w->dir, 0700, e) < 0) return e->code;
    w->lock = take_lock(fs_join(w->a, w->dir, STR(SPOOL_LOCK)), e);
    if (w->lock < 0) return w->lock;
    int r = make_growing(w, SPOOL_EVENTS, &w->events, e);
    if (r == 0) r = make_growing(w, SPOOL_LOG, &w->log, e);
    return r == 0 ? make_control(w, e) : r;
}

int spool_take(const char *dir, loop *l, spool_writer **ret, err *e) {
    arena *a = arena_new();
    spool_writer *w = ARENA_NEW(a, spool_writer);
    *w = (spool_writer){.a = a,
                        .loop = l,
                        .dir = arena_cstr(a, str_from(dir)),
                        .lock = -1,
                        .control = -1,
                        .log = {-1, STRBUF_INIT, 0},
                        .events = {-1, STRBUF_INIT, 0}};
    int r = take(w, e);
    if (r < 0)
        spool_free(w);
    else
        *ret = w;
    return r;
}

void spool_free(spool_writer *w) {
    if (!w) return;
    loop_timer_stop(w->flush);
    int fds[] = {w->lock, w->control, w->log.fd, w->events.fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0) close(fds[i]);
    strbuf_done(&w->log.held);
    strbuf_done(&w->events.held);
    arena_free(w->a);
}

int spool_control_fd(const spool_writer *w) {
    return w->control;
}

int spool_write_job(spool_writer *w, str json, err *e) {
    return fs_write(fs_join(w->a, w->dir, STR(SPOOL_JOB)), json, 0600, e);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* 0 when all is written. What a full disk takes half of is gone on with at that byte. */
static int write_held(growing *g) {
    size_t done = 0;
    int failed = 0;
    while (done < g->held.len && !failed) {
        ssize_t n = write(g->fd, g->held.ptr + done, g->held.len - done);
        if (n > 0) done += (size_t)n;
        if (n < 0 && errno != EINTR) failed = errno;
    }
    g->bytes += done;
    if (done == g->held.len) {
        strbuf_clear(&g->held);
    } else if (done) {
        memmove(g->held.ptr, g->held.ptr + done, g->held.len - done);
        strbuf_truncate(&g->held, g->held.len - done);
    }
    return failed;
}

/* The log first: what events tell of is there when they are. */
static int flush(spool_writer *w) {
    int failed = write_held(&w->log);
    if (!failed) failed = write_held(&w->events);
    w->failing = failed != 0;
    return failed;
}

static void on_flush(void *context) {
    spool_writer *w = context;
    loop_timer_stop(w->flush);
    w->flush = NULL;
    if (flush(w) != 0) w->flush = loop_after(w->loop, RETRY_MS, on_flush, w);
}

static void written(spool_writer *w) {
    size_t held = w->log.held.len + w->events.held.len;
    if (held > SPOOL_HELD_MAX) w->stuck = true;
    if (held >= FLUSH_BYTES && !w->failing) flush(w);
    if (!w->flush) w->flush = loop_after(w->loop, 0, on_flush, w);
}

bool spool_is_stuck(const spool_writer *w) {
    return w->stuck;
}

/* As much of a text as a record may hold, without cutting a character. */
static size_t piece_of(str text) {
    if (text.len <= SPOOL_TEXT_MAX) return text.len;
    size_t n = SPOOL_TEXT_MAX;
    for (int i = 0; i < 3 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80; i++)
        n--;
    return n;
}

void spool_log(spool_writer *w, int step, int64_t at_us, char kind, str text) {
    if (w->stuck) return;
    do {
        str line;
        ptrdiff_t end = str_find_char(text, '\n');
        line = end < 0 ? text : str_sub(text, 0, (size_t)end);
        size_t n = piece_of(line);
        strbuf_addf(&w->log.held, "%d %lld %c ", step, (long long)at_us, kind);
        strbuf_add(&w->log.held, str_sub(line, 0, n));
        strbuf_addc(&w->log.held, '\n');
        if (n == line.len && end >= 0) n++;
        text = str_sub(text, n, text.len);
    } while (text.len);
    written(w);
}

json_out spool_begin_event(spool_writer *w, const char *kind, int64_t at_us) {
    json_out o = JSON_OUT(&w->events.held);
    json_open(&o, '{');
    json_key_number(&o, "seq", (double)++w->seq);
    json_key_str(&o, "kind", str_from(kind));
    event_put_time(&o, &w->clock, at_us);
    return o;
}

void spool_end_event(spool_writer *w, json_out *o) {
    json_close(o, '}');
    strbuf_addc(o->buf, '\n');
    written(w);
}

static int write_result(spool_writer *w, const spool_result *result, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_out o = JSON_OUT(&text);
    int failed = flush(w);
    if (failed) return err_sys(e, failed, "cannot write to '%s'", w->dir);
    json_open(&o, '{');
    json_key_str(&o, "result", str_from(job_result_name(result->result)));
    event_put_text(&o, "reason", result->reason);
    event_put_object(&o, "outputs", &result->outputs);
    json_key_number(&o, "seq", (double)result->seq);
    json_key_number(&o, "bytes", (double)result->bytes);
    json_close(&o, '}');
    strbuf_addc(&text, '\n');
    return fs_write(fs_join(w->a, w->dir, STR(SPOOL_RESULT)), strbuf_str(&text), 0600, e);
}

int spool_finish(spool_writer *w, spool_result *result, err *e) {
    result->seq = w->seq;
    result->bytes = w->log.bytes + w->log.held.len;
    int r = write_result(w, result, e);
    for (int i = 0; r < 0 && i < FINISH_TRIES; i++) {
        usleep(RETRY_MS * 1000);
        r = write_result(w, result, e);
    }
    return r;
}
