/* render_tty.c: a live view for a terminal.
 *
 * What is over goes up as ordinary lines; what runs is a region at the bottom that is drawn again
 * at most REDRAW_PER_SECOND times. Both are written in one go: the region is erased, new lines take
 * its place, and the region is drawn below them. No line is wider than the terminal, so that the
 * region's height is known; no cursor or mode of the terminal is changed, so that nothing has to be
 * restored when we are killed. */
#include "cli/render.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define REDRAW_PER_SECOND 10
#define WIDTH_MAX         100
#define JOBS_SHOWN_MAX    12

typedef struct tty {
    render base;
    size_t label_width;
    const job_view **running;
    size_t running_count, running_cap;
    size_t done, failed;
    int64_t started_us;
    unsigned tick;
    size_t region; /* lines of the region on the screen */
    bool suspended, ended;
    loop_timer *timer;
    loop_signal *resize, *resume;
} tty;

static size_t view_width(const tty *t) {
    size_t width = t->base.style.width;
    return width > WIDTH_MAX ? WIDTH_MAX : width;
}

/* ---- the region ----------------------------------------------------------------------------- */

static void erase(tty *t, strbuf *out) {
    if (!t->region) return;
    strbuf_addc(out, '\r');
    if (t->region > 1) strbuf_addf(out, "\033[%zuA", t->region - 1);
    strbuf_adds(out, "\033[J");
    t->region = 0;
}

static void add_row(const tty *t, strbuf *out, const row *x) {
    row_add(out, &t->base.style, x, t->label_width, view_width(t) - 1);
    strbuf_addc(out, '\n');
}

static void add_job_row(const tty *t, strbuf *out, const job_view *job, int64_t now) {
    const step_view *step = job_view_current(job);
    row x = {
        .glyph = GLYPH_COUNT,
        .tick = t->tick,
        .ink = INK_CYAN,
        .label = job->label,
        .label_ink = INK_BOLD,
        .us = now - job->started_us,
        .text = step ? step->name : STR_EMPTY,
    };
    add_row(t, out, &x);
}

static void add_count(strbuf *out, bool *first, size_t count, const char *what) {
    if (!count) return;
    strbuf_addf(out, "%s%zu %s", *first ? "" : ", ", count, what);
    *first = false;
}

static void add_status(const tty *t, strbuf *out, int64_t now, size_t hidden) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    bool first = true;
    add_count(&text, &first, t->running_count, "running");
    add_count(&text, &first, hidden, "of them not shown");
    add_count(&text, &first, t->done, "done");
    add_count(&text, &first, t->failed, "failed");
    strbuf_adds(&text, first ? "" : "  ");
    style_duration(&text, now - t->started_us);
    style_on(out, &t->base.style, INK_DIM);
    strbuf_adds(out, "  ");
    style_clip(out, &t->base.style, strbuf_str(&text), view_width(t) - 3);
    style_off(out, &t->base.style);
}

static void draw(tty *t, strbuf *out) {
    if (t->suspended || t->ended || t->base.style.width < 20 || t->base.style.height < 4) return;
    int64_t now = clock_wall_us();
    size_t room = t->base.style.height / 2;
    if (room > JOBS_SHOWN_MAX) room = JOBS_SHOWN_MAX;
    size_t shown = t->running_count < room ? t->running_count : room;
    for (size_t i = 0; i < shown; i++)
        add_job_row(t, out, t->running[i], now);
    add_status(t, out, now, t->running_count - shown);
    t->region = shown + 1;
}

/* Puts what has been said since the last time above a fresh region. */
static void redraw(void *context) {
    tty *t = context;
    _cleanup_strbuf_ strbuf lines = t->base.out.buf;
    t->base.out.buf = (strbuf)STRBUF_INIT;
    t->tick++;
    strbuf *out = &t->base.out.buf;
    erase(t, out);
    strbuf_add(out, strbuf_str(&lines));
    draw(t, out);
    render_flush(&t->base);
}

static void on_resize(void *context, int signo) {
    (void)signo;
    tty *t = context;
    size_t drawn = view_width(t);
    style_resize(&t->base.style, STDOUT_FILENO);
    size_t width = t->base.style.width;
    /* Rows that no longer fit have been folded by the terminal; the status line is short. */
    if (t->region && width < drawn) t->region = (t->region - 1) * ((drawn + width - 1) / width) + 1;
}

/* Stopped by Ctrl-Z and continued: others have written below the region meanwhile. */
static void on_continue(void *context, int signo) {
    (void)signo;
    tty *t = context;
    t->region = 0;
}

/* ---- what happens --------------------------------------------------------------------------- */

/* Labels get what they need, but leave more than half of the line to what is said. */
static void prepare(render *r, size_t label_width) {
    tty *t = (tty *)r;
    size_t most = view_width(t) * 2 / 5;
    t->label_width = label_width < most ? label_width : most;
}

static void run_started(render *r, const run_view *run) {
    tty *t = (tty *)r;
    strbuf *out = &r->out.buf;
    const char *dot = style_glyph_of(&r->style, GLYPH_DOT);
    if (!t->started_us) t->started_us = run->started_us;
    if (!t->timer) t->timer = loop_every(r->loop, 1000 / REDRAW_PER_SECOND, redraw, t);
    if (!t->resize) t->resize = loop_on_signal(r->loop, SIGWINCH, on_resize, t);
    if (!t->resume) t->resume = loop_on_signal(r->loop, SIGCONT, on_continue, t);
    _cleanup_strbuf_ strbuf rest = STRBUF_INIT;
    if (run->run_name.len) strbuf_addf(&rest, " %s %.*s", dot, STR_ARG(run->run_name));
    strbuf_addf(&rest, " %s %.*s", dot, STR_ARG(run->event->name));
    str ref = run->event->ref;
    if (str_starts(ref, STR("refs/heads/"))) ref = str_sub(ref, 11, ref.len);
    if (str_starts(ref, STR("refs/tags/"))) ref = str_sub(ref, 10, ref.len);
    if (ref.len) strbuf_addf(&rest, " %s %.*s", dot, STR_ARG(ref));
    str sha = str_sub(run->event->sha, 0, 7);
    if (sha.len) strbuf_addf(&rest, " %.*s", STR_ARG(sha));
    if (!str_eq(run->name, run->path)) strbuf_addf(&rest, " %s %.*s", dot, STR_ARG(run->path));
    style_on(out, &r->style, INK_BOLD);
    size_t used = style_clip(out, &r->style, run->name, view_width(t));
    style_off(out, &r->style);
    style_on(out, &r->style, INK_DIM);
    style_clip(out, &r->style, strbuf_str(&rest), view_width(t) - used);
    style_off(out, &r->style);
    strbuf_addc(out, '\n');
}

static void run_finished(render *r, const run_view *run) {
    (void)r, (void)run;
}

static void job_started(tty *t, const job_view *job) {
    if (job->is_call) return;
    ARENA_PUSH(t->base.config->a, t->running, t->running_count, t->running_cap, job);
}

static void job_finished(tty *t, const job_view *job, const runner_event *ev) {
    size_t kept = 0;
    for (size_t i = 0; i < t->running_count; i++) {
        if (t->running[i] != job) t->running[kept++] = t->running[i];
    }
    t->running_count = kept;
    if (job->is_call && job->started) return;
    t->done++;
    t->failed += ev->result == JOB_FAILURE;
    row x = row_of_job(job);
    add_row(t, &t->base.out.buf, &x);
}

/* Steps are seen while they run; what is over is told by the line of its job. */
static void step_finished(tty *t, const job_view *job, const runner_event *ev) {
    row x = {
        .glyph = step_glyph(ev->conclusion),
        .ink = step_ink(ev->conclusion),
        .label = job->label,
        .label_ink = INK_DIM,
        .us = ev->conclusion == STEP_SKIPPED ? -1 : ev->duration_us,
        .text = ev->step_name,
    };
    add_row(t, &t->base.out.buf, &x);
}

static void log_line(tty *t, const job_view *job, const runner_event *ev) {
    const style *st = &t->base.style;
    strbuf *out = &t->base.out.buf;
    strbuf_adds(out, "  ");
    style_on(out, st, INK_DIM);
    style_column(out, st, job->label, t->label_width);
    strbuf_addf(out, "  %s ", style_glyph_of(st, GLYPH_BAR));
    style_off(out, st);
    if (ev->kind == RUNNER_GROUP)
        style_add(out, st, INK_BOLD, ev->text);
    else
        render_log(out, st, ev); /* the terminal may fold it */
    strbuf_addc(out, '\n');
    /* A flood of output is not held back until the next redraw. */
    if (out->len > 65536) redraw(t);
}

static void job_event(render *r, const job_view *job, const runner_event *ev) {
    tty *t = (tty *)r;
    switch (ev->kind) {
    case RUNNER_JOB_STARTED: job_started(t, job); break;
    case RUNNER_JOB_FINISHED: job_finished(t, job, ev); break;
    case RUNNER_STEP_FINISHED:
        if (r->config->verbose) step_finished(t, job, ev);
        break;
    case RUNNER_LOG:
    case RUNNER_GROUP:
        if (r->config->verbose) log_line(t, job, ev);
        break;
    case RUNNER_STEP_STARTED:
    case RUNNER_GROUP_END:
    case RUNNER_ANNOTATION:
    case RUNNER_CONTACT:
    case RUNNER_EVENT_COUNT: break;
    }
}

static void message(render *r, severity level, str text) {
    tty *t = (tty *)r;
    strbuf *out = &r->out.buf;
    if (level == SEVERITY_NOTE)
        style_on(out, &r->style, INK_DIM);
    else
        style_add(out, &r->style, INK_YELLOW, STR("warning: "));
    style_clip(out, &r->style, text, SIZE_MAX / 4); /* the terminal may fold it */
    style_off(out, &r->style);
    strbuf_addc(out, '\n');
    redraw(t);
}

static void suspend(render *r, bool suspended) {
    tty *t = (tty *)r;
    t->suspended = suspended;
    redraw(t);
}

static void finish(render *r, job_view *const *jobs, size_t job_count) {
    tty *t = (tty *)r;
    t->ended = true;
    ending_add(r, jobs, job_count, r->config->verbose);
    redraw(t);
}

static void free_tty(render *r) {
    tty *t = (tty *)r;
    loop_timer_stop(t->timer);
    loop_signal_stop(t->resize);
    loop_signal_stop(t->resume);
    free(t);
}

render *render_tty_new(void) {
    static const render_ops ops = {
        .prepare = prepare,
        .run_started = run_started,
        .job_event = job_event,
        .run_finished = run_finished,
        .message = message,
        .finish = finish,
        .suspend = suspend,
        .free = free_tty,
    };
    tty *t = mem_alloc(sizeof *t);
    *t = (tty){.base.ops = &ops};
    return &t->base;
}
