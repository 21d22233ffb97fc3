#include "cli/views.h"

#include <stdlib.h>

job_view *job_view_new(const run_view *run, const plan_job *job) {
    arena *a = arena_new();
    job_view *v = ARENA_NEW(a, job_view);
    *v = (job_view){.a = a, .run = run, .plan = job};
    return v;
}

static void tail_free(tail *t) {
    if (!t) return;
    for (size_t i = 0; i < TAIL_LINES; i++)
        strbuf_done(&t->lines[i]);
    free(t);
}

void job_view_free(job_view *v) {
    if (!v) return;
    for (size_t i = 0; i < v->step_count; i++)
        tail_free(v->steps[i].tail);
    arena_free(v->a);
}

step_view *job_view_step(const job_view *v, int number) {
    return number >= 0 && (size_t)number < v->step_count ? &v->steps[number] : NULL;
}

static void start_step(job_view *v, const runner_event *ev) {
    while (v->step_count <= (size_t)ev->step)
        ARENA_PUSH(
            v->a, v->steps, v->step_count, v->step_cap,
            ((step_view){.number = (int)v->step_count, .parent = -1, .conclusion = STEP_SKIPPED}));
    v->steps[ev->step] = (step_view){
        .number = ev->step,
        .parent = ev->parent_step,
        .id = arena_str(v->a, ev->step_id),
        .name = arena_str(v->a, ev->step_name),
        .phase = arena_str(v->a, ev->phase),
        .where = ev->where,
        .conclusion = STEP_PENDING,
        .started_us = ev->at_us,
    };
    const char *file = ev->where.file;
    if (file) v->steps[ev->step].where.file = arena_cstr(v->a, str_from(file));
}

static void add_summary(job_view *v, str text) {
    if (!text.len || v->summary_cut) return;
    if (v->summary.len + text.len > SUMMARY_MAX) {
        v->summary_cut = true;
        return;
    }
    v->summary = arena_printf(v->a, "%.*s%s%.*s", STR_ARG(v->summary), v->summary.len ? "\n" : "",
                              STR_ARG(text));
}

static void end_step(job_view *v, const runner_event *ev) {
    if (!job_view_step(v, ev->step)) start_step(v, ev);
    step_view *s = job_view_step(v, ev->step);
    if (!str_eq(s->name, ev->step_name)) s->name = arena_str(v->a, ev->step_name);
    s->conclusion = ev->conclusion;
    s->exit_code = ev->exit_code;
    s->duration_us = ev->duration_us;
    add_summary(v, ev->summary);
    if (s->conclusion == STEP_FAILURE) return;
    tail_free(s->tail);
    s->tail = NULL;
}

/* The runner's own last word on a step that failed or was cancelled: the result is shown anyway. */
static bool is_last_word(const runner_event *ev) {
    return ev->level == LOG_ERROR &&
           (str_starts(ev->text, STR("Process completed with exit code")) ||
            str_is(ev->text, "The operation was canceled."));
}

/* What the runner says of its own steps, setting up and completing, unless something is wrong. */
static bool is_chatter(const step_view *s, const runner_event *ev) {
    bool wrong = ev->level == LOG_ERROR || ev->level == LOG_WARNING;
    return !s->where.file && !(ev->kind == RUNNER_LOG && wrong);
}

static void add_line(job_view *v, const runner_event *ev) {
    step_view *s = job_view_step(v, ev->step);
    if (!s || s->in_header || ev->level == LOG_COMMAND || ev->level == LOG_DEBUG) return;
    if (is_last_word(ev) || is_chatter(s, ev)) return;
    if (!s->tail) {
        s->tail = mem_alloc(sizeof *s->tail);
        *s->tail = (tail){0};
    }
    strbuf *line = &s->tail->lines[s->tail->total++ % TAIL_LINES];
    strbuf_clear(line);
    strbuf_add(line, str_sub(ev->text, 0, TAIL_LINE_MAX));
}

/* The first group of a step, "Run …", shows its script, shell and environment. */
static void start_group(job_view *v, const runner_event *ev) {
    step_view *s = job_view_step(v, ev->step);
    if (!s) return;
    s->in_header = !s->grouped && !s->tail && str_starts(ev->text, STR("Run "));
    s->grouped = true;
}

static void end_group(job_view *v, const runner_event *ev) {
    step_view *s = job_view_step(v, ev->step);
    if (s) s->in_header = false;
}

bool job_view_is_noise(const job_view *v, const runner_event *ev) {
    const step_view *s = job_view_step(v, ev->step);
    if (!s) return false;
    if (ev->kind == RUNNER_STEP_FINISHED && ev->conclusion == STEP_FAILURE) return false;
    if (is_chatter(s, ev)) return true;
    return s->in_header || (ev->kind == RUNNER_LOG && is_last_word(ev));
}

static void add_annotation(job_view *v, const runner_event *ev) {
    if (is_last_word(ev)) return;
    if (v->annotation_count == ANNOTATION_MAX) {
        v->annotations_dropped++;
        return;
    }
    annotation_view n = {
        .step = ev->step,
        .level = ev->level,
        .text = arena_str(v->a, ev->text),
        .title = arena_str(v->a, ev->title),
        .file = arena_str(v->a, ev->file),
        .line = ev->line,
    };
    ARENA_PUSH(v->a, v->annotations, v->annotation_count, v->annotation_cap, n);
}

void job_view_event(job_view *v, const runner_event *ev) {
    switch (ev->kind) {
    case RUNNER_JOB_STARTED:
        v->started = true;
        v->started_us = ev->at_us;
        break;
    case RUNNER_STEP_STARTED: start_step(v, ev); break;
    case RUNNER_LOG: add_line(v, ev); break;
    case RUNNER_ANNOTATION: add_annotation(v, ev); break;
    case RUNNER_STEP_FINISHED: end_step(v, ev); break;
    case RUNNER_JOB_FINISHED:
        v->ended = true;
        v->result = ev->result;
        v->duration_us = ev->duration_us;
        break;
    case RUNNER_GROUP: start_group(v, ev); break;
    case RUNNER_GROUP_END: end_group(v, ev); break;
    case RUNNER_CONTACT:
    case RUNNER_EVENT_COUNT: break;
    }
}

const step_view *job_view_current(const job_view *v) {
    for (size_t i = v->step_count; i-- > 0;) {
        const step_view *s = &v->steps[i];
        if (s->conclusion == STEP_PENDING && s->parent < 0) return s;
    }
    return NULL;
}

bool step_view_is_culprit(const job_view *v, const step_view *s) {
    if (s->conclusion != STEP_FAILURE || step_view_root(v, s)->conclusion == STEP_SUCCESS)
        return false;
    for (size_t i = 0; i < v->step_count; i++) {
        const step_view *child = &v->steps[i];
        if (child->parent == s->number && child->conclusion == STEP_FAILURE) return false;
    }
    return true;
}

const step_view *job_view_culprit(const job_view *v) {
    for (size_t i = 0; i < v->step_count; i++) {
        if (step_view_is_culprit(v, &v->steps[i])) return &v->steps[i];
    }
    return NULL;
}

const step_view *step_view_root(const job_view *v, const step_view *s) {
    while (job_view_step(v, s->parent))
        s = job_view_step(v, s->parent);
    return s;
}

bool tail_has(const tail *t, str text) {
    size_t kept = !t ? 0 : t->total < TAIL_LINES ? t->total : TAIL_LINES;
    for (size_t i = 0; i < kept; i++) {
        if (str_eq(strbuf_str(&t->lines[i]), text)) return true;
    }
    return false;
}

void tail_each(const tail *t, size_t max, tail_line_fn *fn, void *context) {
    if (!t) return;
    size_t kept = t->total < TAIL_LINES ? t->total : TAIL_LINES;
    if (max > kept) max = kept;
    for (size_t i = t->total - max; i < t->total; i++)
        fn(context, strbuf_str(&t->lines[i % TAIL_LINES]));
}

static const struct {
    style_glyph glyph;
    style_ink ink;
} job_marks[JOB_RESULT_COUNT] = {
    [JOB_PENDING] = {GLYPH_DOT, INK_DIM},     [JOB_SUCCESS] = {GLYPH_OK, INK_GREEN},
    [JOB_FAILURE] = {GLYPH_FAILED, INK_RED},  [JOB_CANCELLED] = {GLYPH_CANCELLED, INK_YELLOW},
    [JOB_SKIPPED] = {GLYPH_SKIPPED, INK_DIM},
};

const char *job_word(job_result r) {
    static const char *const words[JOB_RESULT_COUNT] = {
        [JOB_PENDING] = "pending",     [JOB_SUCCESS] = "succeeded", [JOB_FAILURE] = "failed",
        [JOB_CANCELLED] = "cancelled", [JOB_SKIPPED] = "skipped",
    };
    return words[r];
}

style_glyph job_glyph(job_result r) {
    return job_marks[r].glyph;
}

style_ink job_ink(job_result r) {
    return job_marks[r].ink;
}

static job_result as_job(step_result r) {
    static const job_result same[STEP_RESULT_COUNT] = {
        [STEP_PENDING] = JOB_PENDING, [STEP_SUCCESS] = JOB_SUCCESS,
        [STEP_FAILURE] = JOB_FAILURE, [STEP_CANCELLED] = JOB_CANCELLED,
        [STEP_SKIPPED] = JOB_SKIPPED,
    };
    return same[r];
}

style_glyph step_glyph(step_result r) {
    return job_glyph(as_job(r));
}

style_ink step_ink(step_result r) {
    return job_ink(as_job(r));
}
