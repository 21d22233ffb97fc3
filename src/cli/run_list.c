/* run_list.c: what would run, without running it. */
#include "base/json.h"
#include "cli/run.h"

#include <stdlib.h>
#include <unistd.h>

#define CONFIGS_SHOWN 12

static str job_title(const plan_job *job) {
    const token *name = job->job->name;
    return name && name->kind == TOKEN_STRING && name->text.len ? name->text : job->job->id;
}

/* How many jobs the matrix makes: 1 without one, 0 when only a run can know. */
static size_t matrix_size(arena *a, const run_file *f, const plan_job *job) {
    matrix_config *configs;
    size_t count = 0;
    err ignored = {0};
    if (!token_get(job->job->strategy, "matrix")) return 1;
    return plan_matrix(a, f->plan, job, &configs, &count, &ignored) == 0 ? count : 0;
}

static str needs_text(arena *a, const plan_job *job) {
    str text = STR_EMPTY;
    for (size_t i = 0; i < job->need_count; i++)
        text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), i ? ", " : "",
                            STR_ARG(job->needs[i]->job->id));
    return text;
}

static str triggers_text(arena *a, const workflow *w) {
    str text = STR_EMPTY;
    for (size_t i = 0; i < w->trigger_count; i++)
        text = arena_printf(a, "%.*s%s%.*s", STR_ARG(text), i ? ", " : "",
                            STR_ARG(w->triggers[i].name));
    return text;
}

static str trigger_of(const run_set *set, const run_file *f) {
    if (set->event.name.len) return set->event.name;
    return f->workflow->trigger_count ? f->workflow->triggers[0].name : STR_EMPTY;
}

int run_list_json(const run_set *set) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_out o = JSON_OUT(&out);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key(&o, "runs");
    json_open(&o, '[');
    for (size_t i = 0; i < set->file_count; i++) {
        const run_file *f = &set->files[i];
        json_open(&o, '{');
        json_key_str(&o, "workflow", f->workflow->name);
        json_key_str(&o, "path", str_from(f->workflow->path));
        json_key_str(&o, "trigger", trigger_of(set, f));
        json_key(&o, "jobs");
        json_open(&o, '[');
        size_t count;
        plan_job **jobs = plan_jobs(f->plan, &count);
        for (size_t j = 0; j < count; j++) {
            json_open(&o, '{');
            json_key_str(&o, "key", jobs[j]->key);
            json_key_str(&o, "id", jobs[j]->job->id);
            json_key_str(&o, "name", job_title(jobs[j]));
            json_key(&o, "needs");
            json_open(&o, '[');
            for (size_t n = 0; n < jobs[j]->need_count; n++)
                json_put_str(&o, jobs[j]->needs[n]->key);
            json_close(&o, ']');
            json_key_number(&o, "level", jobs[j]->level);
            size_t size = matrix_size(set->a, f, jobs[j]);
            json_key(&o, "matrix_size");
            if (size)
                json_put_number(&o, (double)size);
            else
                json_put_null(&o);
            json_close(&o, '}');
        }
        json_close(&o, ']');
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(&out, '\n');
    return console_text(strbuf_str(&out));
}

/* ---- --list --------------------------------------------------------------------------------- */

enum { COLUMN_JOB, COLUMN_NAME, COLUMN_RUNS, COLUMN_NEEDS, COLUMN_COUNT };

static void row_of(arena *a, const run_file *f, const plan_job *job, str row[COLUMN_COUNT]) {
    size_t size = matrix_size(a, f, job);
    row[COLUMN_JOB] = job->key;
    row[COLUMN_NAME] = job_title(job);
    row[COLUMN_RUNS] = plan_job_is_call(job) ? STR("call")
                       : size == 0           ? STR("matrix")
                       : size == 1           ? STR("1")
                                             : arena_printf(a, "%zu", size);
    row[COLUMN_NEEDS] = needs_text(a, job);
}

static void add_row(strbuf *out, const style *st, const str row[COLUMN_COUNT],
                    const size_t widths[COLUMN_COUNT]) {
    strbuf_adds(out, "  ");
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        if (c) strbuf_adds(out, "  ");
        style_column(out, st, row[c], widths[c]);
    }
    while (out->len && out->ptr[out->len - 1] == ' ')
        strbuf_truncate(out, out->len - 1);
    strbuf_addc(out, '\n');
}

static void list_file(strbuf *out, const style *st, arena *a, const run_file *f) {
    size_t count;
    plan_job **jobs = plan_jobs(f->plan, &count);
    str(*rows)[COLUMN_COUNT] = arena_calloc(a, count + 1, sizeof *rows);
    static const str titles[COLUMN_COUNT] = {STR_INIT("JOB"), STR_INIT("NAME"), STR_INIT("RUNS"),
                                             STR_INIT("NEEDS")};
    size_t widths[COLUMN_COUNT] = {0};
    for (size_t j = 0; j <= count; j++) {
        for (size_t c = 0; c < COLUMN_COUNT && j == 0; c++)
            rows[0][c] = titles[c];
        if (j) row_of(a, f, jobs[j - 1], rows[j]);
        for (size_t c = 0; c < COLUMN_COUNT; c++) {
            size_t width = style_width(st, rows[j][c]);
            if (width > widths[c]) widths[c] = width > 60 ? 60 : width;
        }
    }
    style_title(out, st, f->workflow->name, str_from(f->workflow->path));
    strbuf_addf(out, " on %.*s\n", STR_ARG(triggers_text(a, f->workflow)));
    for (size_t j = 0; j <= count; j++) {
        if (j == 0) style_on(out, st, INK_DIM);
        add_row(out, st, rows[j], widths);
        if (j == 0) style_off(out, st);
    }
}

int run_list(const run_set *set) {
    if (set->config->json) return run_list_json(set);
    style st = style_of(STDOUT_FILENO);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < set->file_count; i++) {
        if (i) strbuf_addc(&out, '\n');
        list_file(&out, &st, set->a, &set->files[i]);
    }
    return console_text(strbuf_str(&out));
}

/* ---- --dry-run ------------------------------------------------------------------------------ */

typedef struct dry {
    strbuf *out;
    const style *st;
    const run_set *set;
    const run_file *file;
    unsigned number;
} dry;

/* What a step is called before anything is known that a run would tell. */
static str step_title(arena *a, const workflow_step *s) {
    static const char *const kinds[STEP_KIND_COUNT] = {
        [STEP_WAIT] = "Wait for steps",
        [STEP_WAIT_ALL] = "Wait for all steps",
        [STEP_CANCEL] = "Cancel a step",
        [STEP_PARALLEL] = "Run in parallel",
    };
    if (s->name) return s->name->source.len ? s->name->source : token_text(s->name);
    if (s->kind == STEP_USES) return arena_printf(a, "Run %.*s", STR_ARG(token_text(s->uses)));
    if (s->kind != STEP_RUN) return str_from(kinds[s->kind]);
    str text = s->run->source.len ? s->run->source : token_text(s->run);
    str line = STR_EMPTY;
    text = str_trim(text);
    str_line(&text, &line);
    return arena_printf(a, "Run %.*s", STR_ARG(line));
}

static void dry_steps(const dry *d, const workflow_step *steps, size_t count, size_t indent) {
    for (size_t i = 0; i < count; i++) {
        const workflow_step *s = &steps[i];
        strbuf_pad(d->out, ' ', indent);
        strbuf_addf(d->out, "%s ", style_glyph_of(d->st, GLYPH_DOT));
        style_clip(d->out, d->st, step_title(d->set->a, s), 90);
        if (s->background) strbuf_adds(d->out, " (in the background)");
        if (s->condition && s->condition->source.len) {
            strbuf_adds(d->out, " (if ");
            style_text(d->out, d->st, str_trim(s->condition->source));
            strbuf_addc(d->out, ')');
        }
        strbuf_addc(d->out, '\n');
        dry_steps(d, s->children, s->child_count, indent + 2);
    }
}

static void dry_matrix(const dry *d, const plan_job *job, size_t indent) {
    matrix_config *configs;
    size_t count;
    err ignored = {0};
    if (!token_get(job->job->strategy, "matrix")) return;
    strbuf_pad(d->out, ' ', indent);
    if (plan_matrix(d->set->a, d->file->plan, job, &configs, &count, &ignored) < 0) {
        strbuf_adds(d->out, "matrix: known when it runs\n");
        return;
    }
    strbuf_addf(d->out, "matrix: %zu %s: ", count, count == 1 ? "job" : "jobs");
    for (size_t i = 0; i < count && i < CONFIGS_SHOWN; i++) {
        strbuf_adds(d->out, i ? " (" : "(");
        style_text(d->out, d->st, configs[i].label);
        strbuf_addc(d->out, ')');
    }
    if (count > CONFIGS_SHOWN) strbuf_adds(d->out, style_glyph_of(d->st, GLYPH_ELLIPSIS));
    strbuf_addc(d->out, '\n');
}

static void dry_job(dry *d, const plan_job *job, size_t indent) {
    arena *a = d->set->a;
    const token *condition = job->job->condition;
    strbuf_pad(d->out, ' ', indent);
    strbuf_addf(d->out, "%u. ", ++d->number);
    style_add(d->out, d->st, INK_BOLD, job_title(job));
    if (!str_eq(job_title(job), job->key)) strbuf_addf(d->out, " [%.*s]", STR_ARG(job->key));
    if (job->need_count) strbuf_addf(d->out, ", after %.*s", STR_ARG(needs_text(a, job)));
    strbuf_addc(d->out, '\n');
    if (condition && condition->source.len) {
        strbuf_pad(d->out, ' ', indent + 3);
        strbuf_adds(d->out, "if: ");
        style_text(d->out, d->st, str_trim(condition->source));
        strbuf_addc(d->out, '\n');
    }
    dry_matrix(d, job, indent + 3);
    if (plan_job_is_call(job)) {
        strbuf_pad(d->out, ' ', indent + 3);
        strbuf_adds(d->out, "calls ");
        style_text(d->out, d->st, token_text(job->job->uses));
        strbuf_addc(d->out, '\n');
    }
    dry_steps(d, job->job->steps, job->job->step_count, indent + 3);
}

static int by_level(const void *left, const void *right) {
    const plan_job *a = *(plan_job *const *)left, *b = *(plan_job *const *)right;
    if (a->level != b->level) return a->level < b->level ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void dry_jobs(dry *d, plan_job **jobs, size_t count, size_t indent) {
    plan_job **sorted = ARENA_ARRAY(d->set->a, plan_job *, count + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = jobs[i];
    if (count) qsort(sorted, count, sizeof *sorted, by_level);
    for (size_t i = 0; i < count; i++) {
        dry_job(d, sorted[i], indent);
        dry_jobs(d, sorted[i]->children, sorted[i]->child_count, indent + 3);
    }
}

int run_dry(const run_set *set) {
    style st = style_of(STDOUT_FILENO);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < set->file_count; i++) {
        dry d = {.out = &out, .st = &st, .set = set, .file = &set->files[i]};
        if (i) strbuf_addc(&out, '\n');
        style_title(&out, &st, d.file->workflow->name, str_from(d.file->workflow->path));
        strbuf_addf(&out, " on %.*s\n", STR_ARG(set->event.name));
        size_t count;
        plan_job **roots = plan_roots(d.file->plan, &count);
        dry_jobs(&d, roots, count, 2);
    }
    strbuf_adds(&out, "\nNothing was run.\n");
    return console_text(strbuf_str(&out));
}
