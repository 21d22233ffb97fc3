/* ending.c: what a person reads when a run is over: one line per job where those are not on the
 * screen already, summaries, annotations, what went wrong with its last lines and the way back, and
 * one line in which it all ends. */
#include "cli/render.h"

#define LABEL_MAX          40
#define FAILURE_LINES      15
#define SUMMARY_LINES      40 /* of all summaries together */
#define JOBS_LISTED        40 /* more than these are listed only when they did not end well */
#define ANNOTATIONS_LISTED 20

typedef struct ending {
    strbuf *out;
    const style *st;
    render *r;
    job_view *const *jobs;
    size_t count, label_width, width;
} ending;

static size_t widest(const ending *n, size_t width, const job_view *job) {
    size_t own = style_width(n->st, job->label);
    return own < width ? width : own < LABEL_MAX ? own : LABEL_MAX;
}

static void heading(const ending *n, const char *text) {
    strbuf_addc(n->out, '\n');
    style_add(n->out, n->st, INK_BOLD, str_from(text));
    strbuf_addc(n->out, '\n');
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void job_row(const ending *n, const job_view *job) {
    row x = row_of_job(job);
    strbuf_adds(n->out, "  ");
    row_add(n->out, n->st, &x, n->label_width, n->width - 2);
    strbuf_addc(n->out, '\n');
}

static void list_jobs(const ending *n) {
    heading(n, "Jobs");
    size_t left_out = 0;
    for (size_t i = 0; i < n->count; i++) {
        bool fine = n->jobs[i]->result == JOB_SUCCESS || n->jobs[i]->result == JOB_SKIPPED;
        if (n->count > JOBS_LISTED && fine)
            left_out++;
        else
            job_row(n, n->jobs[i]);
    }
    if (left_out) strbuf_addf(n->out, "  %zu more ended well or were skipped\n", left_out);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void tail_line(void *context, str line) {
    const ending *n = context;
    style_add(n->out, n->st, INK_DIM, str_from(style_glyph_of(n->st, GLYPH_BAR)));
    strbuf_addc(n->out, ' ');
    style_clip(n->out, n->st, line, TAIL_LINE_MAX);
    strbuf_addc(n->out, '\n');
}

static void fact(const ending *n, const char *name, str text) {
    style_on(n->out, n->st, INK_DIM);
    strbuf_addf(n->out, "  %-6s", name);
    style_off(n->out, n->st);
    style_text(n->out, n->st, text);
    strbuf_addc(n->out, '\n');
}

static void add_matrix(strbuf *out, const value *matrix) {
    for (size_t i = 0; i < value_count(matrix); i++) {
        const value_pair *pair = value_at(matrix, i);
        if (pair->item.kind == VALUE_ARRAY || pair->item.kind == VALUE_OBJECT) continue;
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf word = STRBUF_INIT;
        strbuf_addf(&word, "%.*s:", STR_ARG(pair->key));
        strbuf_add(&word, value_to_str(a, &pair->item));
        strbuf_adds(out, " --matrix ");
        shell_quote(out, strbuf_str(&word));
    }
}

static void add_again(const ending *n, const job_view *job) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    run_config_again(&text, n->r->config);
    strbuf_adds(&text, " -W ");
    shell_quote(&text, job->run->path);
    strbuf_adds(&text, " -j ");
    shell_quote(&text, job->plan->key);
    if (job->matrix.kind == VALUE_OBJECT) add_matrix(&text, &job->matrix);
    _cleanup_strbuf_ strbuf masked = STRBUF_INIT;
    mask_text(n->r->mask, strbuf_str(&text), &masked);
    fact(n, "again", strbuf_str(&masked));
}

/* A step of the runner itself has no place, but what it complains of may have one. */
static void add_place(const ending *n, const job_view *job, const step_view *s) {
    const step_view *root = step_view_root(job, s);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < job->annotation_count && !root->where.file && !text.len; i++) {
        const annotation_view *x = &job->annotations[i];
        if (x->step == s->number && x->file.len)
            strbuf_addf(&text, "%.*s:%u", STR_ARG(x->file), x->line);
    }
    if (root->where.file) strbuf_addf(&text, "%s:%u", root->where.file, root->where.line);
    if (root != s && s->where.file) strbuf_addf(&text, ", in %s:%u", s->where.file, s->where.line);
    if (text.len) fact(n, "at", strbuf_str(&text));
}

static void failed_step(const ending *n, const job_view *job, const step_view *s) {
    strbuf *out = n->out;
    strbuf_addc(out, '\n');
    style_on(out, n->st, INK_RED);
    strbuf_addf(out, "%s ", style_glyph_of(n->st, GLYPH_FAILED));
    style_off(out, n->st);
    style_on(out, n->st, INK_BOLD);
    style_text(out, n->st, job->label);
    strbuf_addf(out, " %s ", style_glyph_of(n->st, GLYPH_ARROW));
    style_text(out, n->st, s->name);
    style_off(out, n->st);
    if (s->exit_code > 0) strbuf_addf(out, " failed with exit code %d", s->exit_code);
    strbuf_addc(out, '\n');
    tail_each(s->tail, FAILURE_LINES, tail_line, (void *)n);
    add_place(n, job, s);
    add_again(n, job);
}

/* Failed steps of jobs that failed; where a failed step was allowed to fail there is nothing to
 * do. A job without a failed step could not be run at all: its reason or errors say why. */
static void list_failures(const ending *n) {
    for (size_t i = 0; i < n->count; i++) {
        const job_view *job = n->jobs[i];
        if (job->result != JOB_FAILURE || job->is_call) continue;
        size_t found = 0;
        for (size_t s = 0; s < job->step_count; s++) {
            if (!step_view_is_culprit(job, &job->steps[s])) continue;
            failed_step(n, job, &job->steps[s]);
            found++;
        }
        if (found) continue;
        strbuf_addf(n->out, "\n%s ", style_glyph_of(n->st, GLYPH_FAILED));
        style_text(n->out, n->st, job->label);
        strbuf_adds(n->out, ": ");
        style_text(n->out, n->st, job->reason.len ? job->reason : STR("failed"));
        strbuf_addc(n->out, '\n');
        add_again(n, job);
    }
}

/* ---- annotations and summaries -------------------------------------------------------------- */

static bool same_annotation(const annotation_view *a, const annotation_view *b) {
    return a->level == b->level && a->line == b->line && str_eq(a->text, b->text) &&
           str_eq(a->file, b->file) && str_eq(a->title, b->title);
}

/* An annotation with the jobs that made it: those of a matrix often say the same. */
typedef struct shared_annotation {
    const annotation_view *what;
    const job_view *job;
    size_t more;
} shared_annotation;

static void annotation_row(const ending *n, const shared_annotation *shared) {
    const annotation_view *x = shared->what;
    strbuf *out = n->out;
    style_ink ink = x->level == LOG_ERROR     ? INK_RED
                    : x->level == LOG_WARNING ? INK_YELLOW
                                              : INK_CYAN;
    style_glyph glyph = x->level == LOG_ERROR     ? GLYPH_FAILED
                        : x->level == LOG_WARNING ? GLYPH_WARNING
                                                  : GLYPH_DOT;
    strbuf_adds(out, "  ");
    style_add(out, n->st, ink, str_from(style_glyph_of(n->st, glyph)));
    strbuf_addc(out, ' ');
    style_text(out, n->st, shared->job->label);
    if (shared->more) strbuf_addf(out, " and %zu more", shared->more);
    strbuf_adds(out, ": ");
    if (x->file.len) {
        style_text(out, n->st, x->file);
        if (x->line) strbuf_addf(out, ":%u", x->line);
        strbuf_adds(out, ": ");
    }
    style_text(out, n->st, x->title);
    if (x->title.len) strbuf_adds(out, ": ");
    str text = x->text, line;
    bool more = false;
    while (str_line(&text, &line)) {
        if (more) strbuf_adds(out, "\n    ");
        style_clip(out, n->st, line, 400);
        more = true;
    }
    strbuf_addc(out, '\n');
}

/* Shown with the failure of its step already. */
static bool is_told(const job_view *job, const annotation_view *x) {
    const step_view *s = job_view_step(job, x->step);
    bool elsewhere = x->file.len && !str_eq(x->file, job->run->path);
    return s && !elsewhere && job->result == JOB_FAILURE && step_view_is_culprit(job, s) &&
           tail_has(s->tail, x->text);
}

static void list_annotations(const ending *n) {
    shared_annotation shown[ANNOTATIONS_LISTED];
    size_t count = 0, dropped = 0;
    for (size_t i = 0; i < n->count; i++) {
        const job_view *job = n->jobs[i];
        dropped += job->annotations_dropped;
        for (size_t k = 0; k < job->annotation_count; k++) {
            const annotation_view *x = &job->annotations[k];
            size_t at = 0;
            if (is_told(job, x)) continue;
            while (at < count && !same_annotation(shown[at].what, x))
                at++;
            if (at < count)
                shown[at].more += shown[at].job != job;
            else if (count < ANNOTATIONS_LISTED)
                shown[count++] = (shared_annotation){.what = x, .job = job};
            else
                dropped++;
        }
    }
    if (count) heading(n, "Annotations");
    for (size_t i = 0; i < count; i++)
        annotation_row(n, &shown[i]);
    if (dropped) strbuf_addf(n->out, "  and %zu more\n", dropped);
}

static size_t count_lines(str text) {
    size_t lines = 0;
    str line;
    while (str_line(&text, &line))
        lines++;
    return lines;
}

static void summary_lines(const ending *n, const job_view *job) {
    _cleanup_strbuf_ strbuf title = STRBUF_INIT;
    strbuf_addf(&title, "Summary of %.*s", STR_ARG(job->label));
    heading(n, strbuf_cstr(&title));
    str rest = str_trim(job->summary), line;
    while (str_line(&rest, &line)) {
        strbuf_adds(n->out, "  ");
        style_clip(n->out, n->st, line, TAIL_LINE_MAX);
        strbuf_addc(n->out, '\n');
    }
}

static void short_summary(const ending *n, const job_view *job, size_t label_width) {
    strbuf_adds(n->out, "  ");
    style_column(n->out, n->st, job->label, label_width);
    strbuf_adds(n->out, "  ");
    style_clip(n->out, n->st, str_trim(job->summary), TAIL_LINE_MAX);
    strbuf_addc(n->out, '\n');
}

/* Summaries are written for a web page; here they are shown while they are short. Those of one line
 * stand in one block, before the others. */
static void list_summaries(const ending *n) {
    size_t room = SUMMARY_LINES, left_out = 0, label_width = 0;
    bool block = false;
    for (size_t i = 0; i < n->count; i++) {
        if (count_lines(str_trim(n->jobs[i]->summary)) == 1)
            label_width = widest(n, label_width, n->jobs[i]);
    }
    for (int longer = 0; longer < 2; longer++) {
        for (size_t i = 0; i < n->count; i++) {
            const job_view *job = n->jobs[i];
            size_t lines = count_lines(str_trim(job->summary));
            if (!lines || (lines > 1) != longer) continue;
            if (lines > room || job->summary_cut) {
                left_out++;
                continue;
            }
            room -= lines;
            if (!longer && !block) heading(n, "Summaries");
            block = true;
            if (longer)
                summary_lines(n, job);
            else
                short_summary(n, job, label_width);
        }
    }
    if (left_out)
        strbuf_addf(n->out, "\n%zu job %s left out here; --json has all.\n", left_out,
                    left_out == 1 ? "summary is" : "summaries are");
}

/* ---- artifacts ------------------------------------------------------------------------------ */

#define ARTIFACTS_LISTED 20

static void artifact_line(const ending *n, const artifact_view *x) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)x->size;
    size_t unit = 0;
    while (size >= 1024 && unit < 4)
        size /= 1024, unit++;
    strbuf_adds(n->out, "  ");
    style_text(n->out, n->st, x->path);
    strbuf_addf(n->out, "  %.*f %s\n", unit ? 1 : 0, size, units[unit]);
}

static const run_view *run_numbered(const ending *n, unsigned number) {
    for (size_t i = 0; i < n->count; i++) {
        if (n->jobs[i]->run->number == number) return n->jobs[i]->run;
    }
    return NULL;
}

static void list_artifacts(const ending *n) {
    size_t all = 0;
    const run_view *run;
    for (unsigned number = 1; (run = run_numbered(n, number)); number++) {
        for (size_t i = 0; i < run->artifact_count; i++, all++) {
            if (!all) heading(n, "Artifacts");
            if (all < ARTIFACTS_LISTED) artifact_line(n, &run->artifacts[i]);
        }
    }
    if (all > ARTIFACTS_LISTED)
        strbuf_addf(n->out, "  %zu more in the same folders\n", all - ARTIFACTS_LISTED);
}

/* ---- the last line -------------------------------------------------------------------------- */

static void verdict(const ending *n) {
    size_t counts[JOB_RESULT_COUNT] = {0}, allowed = 0;
    int64_t from = 0, to = 0;
    for (size_t i = 0; i < n->count; i++) {
        const run_view *run = n->jobs[i]->run;
        const job_view *job = n->jobs[i];
        if (job->result == JOB_FAILURE && job->may_fail)
            allowed++;
        else if (!job->is_call)
            counts[job->result]++;
        if (!from || run->started_us < from) from = run->started_us;
        if (run->ended_us > to) to = run->ended_us;
    }
    static const job_result order[] = {JOB_FAILURE, JOB_CANCELLED, JOB_SUCCESS, JOB_SKIPPED};
    strbuf_addc(n->out, '\n');
    bool first = true;
    for (size_t i = 0; i < 4; i++) {
        size_t count = counts[order[i]];
        if (!count) continue;
        if (!first) strbuf_adds(n->out, ", ");
        style_on(n->out, n->st, first ? INK_BOLD : job_ink(order[i]));
        if (first) style_on(n->out, n->st, job_ink(order[i]));
        strbuf_addf(n->out, "%zu %s%s", count, first ? (count == 1 ? "job " : "jobs ") : "",
                    job_word(order[i]));
        style_off(n->out, n->st);
        first = false;
    }
    if (allowed) strbuf_addf(n->out, "%s%zu failed (allowed)", first ? "" : ", ", allowed);
    strbuf_adds(n->out, first && !allowed ? "nothing ran in " : " in ");
    style_duration(n->out, to - from);
    strbuf_addc(n->out, '\n');
}

void ending_add(render *r, job_view *const *jobs, size_t job_count, bool with_jobs) {
    const style *st = &r->style;
    ending n = {.r = r, .out = &r->out.buf, .st = st, .jobs = jobs, .count = job_count};
    n.width = st->width;
    for (size_t i = 0; i < job_count; i++)
        n.label_width = widest(&n, n.label_width, jobs[i]);
    if (with_jobs && job_count > 1) list_jobs(&n);
    list_summaries(&n);
    list_annotations(&n);
    list_failures(&n);
    list_artifacts(&n);
    verdict(&n);
}
