/* render_plain.c: a log that people read: every line has its job in front, in order of arrival. */
#include "cli/render.h"

#include <stdlib.h>

#define LABEL_WIDTH_MAX 32
#define RUN_NAME_WIDTH  80

typedef struct plain {
    render base;
    size_t label_width;
    /* A step that has just begun: its line is held back for a moment, because a step that is
     * skipped begins and ends at once and then needs one line only. */
    const job_view *held_job;
    str held_name;
    loop_timer *held_timer;
} plain;

#define HOLD_MS 20

static void prepare(render *r, size_t label_width) {
    plain *p = (plain *)r;
    p->label_width = label_width < LABEL_WIDTH_MAX ? label_width : LABEL_WIDTH_MAX;
}

/* A colour of its own for each job, the same in every run. */
static style_ink label_ink(str label) {
    static const style_ink inks[] = {INK_CYAN, INK_MAGENTA, INK_BLUE, INK_GREEN, INK_YELLOW};
    return inks[str_hash(label) % 5];
}

static strbuf *begin(render *r, const job_view *job) {
    plain *p = (plain *)r;
    strbuf *out = &r->out.buf;
    style_on(out, &r->style, label_ink(job->label));
    style_text(out, &r->style, job->label);
    size_t width = style_width(&r->style, job->label);
    if (width < p->label_width) strbuf_pad(out, ' ', p->label_width - width);
    strbuf_adds(out, " |");
    style_off(out, &r->style);
    strbuf_addc(out, ' ');
    return out;
}

static void end(render *r) {
    strbuf_addc(&r->out.buf, '\n');
    render_written(r);
}

static void run_started(render *r, const run_view *run) {
    strbuf *out = &r->out.buf;
    style_title(out, &r->style, run->name, run->path);
    const str facts[] = {STR("on"), run->event->name, run->event->ref,
                         str_sub(run->event->sha, 0, 12)};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (facts[i].len) strbuf_addc(out, ' ');
        style_text(out, &r->style, facts[i]);
    }
    if (run->run_name.len) {
        strbuf_adds(out, ": ");
        style_clip(out, &r->style, run->run_name, RUN_NAME_WIDTH);
    }
    end(r);
}

static void run_finished(render *r, const run_view *run) {
    (void)r, (void)run;
}

static void mark(render *r, style_glyph g, style_ink ink) {
    style_add(&r->out.buf, &r->style, ink, str_from(style_glyph_of(&r->style, g)));
    strbuf_addc(&r->out.buf, ' ');
}

static void step_finished(render *r, const job_view *job, const runner_event *ev) {
    strbuf *out = begin(r, job);
    mark(r, step_glyph(ev->conclusion), step_ink(ev->conclusion));
    style_text(out, &r->style, ev->step_name);
    strbuf_adds(out, " (");
    if (ev->conclusion == STEP_SKIPPED) {
        strbuf_adds(out, "skipped");
    } else {
        if (ev->outcome == STEP_FAILURE && ev->exit_code > 0)
            strbuf_addf(out, "exit %d, ", ev->exit_code);
        if (ev->outcome == STEP_FAILURE && ev->conclusion == STEP_SUCCESS)
            strbuf_adds(out, "failure allowed, ");
        if (ev->conclusion == STEP_CANCELLED) strbuf_adds(out, "cancelled, ");
        style_duration(out, ev->duration_us);
    }
    strbuf_addc(out, ')');
    end(r);
}

static void job_finished(render *r, const job_view *job, const runner_event *ev) {
    strbuf *out = begin(r, job);
    mark(r, job_glyph(ev->result), job_ink(ev->result));
    strbuf_addf(out, "job %s", job_word(ev->result));
    if (job->reason.len) {
        strbuf_adds(out, ": ");
        style_text(out, &r->style, job->reason);
    } else if (job->started) {
        strbuf_adds(out, " (");
        style_duration(out, ev->duration_us);
        strbuf_addc(out, ')');
    }
    end(r);
}

static void log_line(render *r, const job_view *job, const runner_event *ev) {
    strbuf *out = begin(r, job);
    strbuf_adds(out, "  ");
    render_log(out, &r->style, ev);
    end(r);
}

static void drop_held(plain *p) {
    loop_timer_stop(p->held_timer);
    p->held_timer = NULL;
    p->held_job = NULL;
}

static void release_held(void *context) {
    plain *p = context;
    if (!p->held_job) return;
    strbuf *out = begin(&p->base, p->held_job);
    mark(&p->base, GLYPH_ARROW, INK_BOLD);
    style_text(out, &p->base.style, p->held_name);
    end(&p->base);
    drop_held(p);
}

static void step_started(plain *p, const job_view *job, const runner_event *ev) {
    p->held_job = job;
    p->held_name = job_view_step(job, ev->step)->name;
    p->held_timer = loop_after(p->base.loop, HOLD_MS, release_held, p);
}

static void job_event(render *r, const job_view *job, const runner_event *ev) {
    plain *p = (plain *)r;
    if (!r->config->verbose && job_view_is_noise(job, ev)) return;
    bool skipped = ev->kind == RUNNER_STEP_FINISHED && ev->conclusion == STEP_SKIPPED;
    if (skipped && p->held_job == job)
        drop_held(p);
    else
        release_held(p);
    switch (ev->kind) {
    case RUNNER_STEP_STARTED: step_started(p, job, ev); break;
    case RUNNER_LOG: log_line(r, job, ev); break;
    case RUNNER_GROUP:
        style_add(begin(r, job), &r->style, INK_BOLD, ev->text);
        end(r);
        break;
    case RUNNER_STEP_FINISHED: step_finished(r, job, ev); break;
    case RUNNER_JOB_FINISHED: job_finished(r, job, ev); break;
    case RUNNER_JOB_STARTED:
    case RUNNER_GROUP_END:
    case RUNNER_ANNOTATION:
    case RUNNER_CONTACT:
    case RUNNER_EVENT_COUNT: break;
    }
}

static void message(render *r, severity level, str text) {
    release_held(r);
    render_flush(r);
    if (level != SEVERITY_NOTE) {
        console_warning("%.*s", STR_ARG(text));
        return;
    }
    style_text(&r->out.buf, &r->style, text);
    end(r);
}

static void finish(render *r, job_view *const *jobs, size_t job_count) {
    release_held(r);
    ending_add(r, jobs, job_count, true);
    render_flush(r);
}

static void free_plain(render *r) {
    drop_held((plain *)r);
    free(r);
}

render *render_plain_new(void) {
    static const render_ops ops = {
        .prepare = prepare,
        .run_started = run_started,
        .job_event = job_event,
        .run_finished = run_finished,
        .message = message,
        .finish = finish,
        .free = free_plain,
    };
    plain *p = mem_alloc(sizeof *p);
    *p = (plain){.base.ops = &ops};
    return &p->base;
}
