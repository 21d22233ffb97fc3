#include "store/runs.h"

#include "store/rows.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *const repository_kind_words[] = {"local", "polled", "github", "gitea", "gitlab", NULL};
const char *const incoming_state_words[] = {"new", "done", "failed", NULL};
const char *const run_state_words[] = {"queued", "waiting", "running", "completed", NULL};
const char *const store_result_words[] = {"pending",   "success", "failure",
                                          "cancelled", "skipped", NULL};
const char *const job_state_words[] = {"waiting", "queued",    "assigned",
                                       "running", "completed", NULL};

/* ---- repositories --------------------------------------------------------------------------- */

#define T store_repository
static const row_field repository_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_STR(T, name),
    ROW_FIELD_WORD(T, kind, repository_kind_words),
    ROW_FIELD_STR(T, url),
    ROW_FIELD_STR(T, default_branch),
    ROW_FIELD_STR(T, settings),
    ROW_FIELD_STR(T, refs),
    ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, polled_us),
    ROW_FIELD_BOOL(T, archived),
};
static const row_type repositories = {"repositories", "repository", sizeof(T), repository_fields,
                                      COUNT(repository_fields)};
#undef T

int store_repository_add(store *s, store_repository *r, err *e) {
    return rows_add(s, &repositories, r, e);
}

int store_repository_put(store *s, const store_repository *r, err *e) {
    return rows_put(s, &repositories, r, e);
}

int store_repository_by_id(store *s, arena *a, int64_t id, store_repository *ret, err *e) {
    return rows_find(s, a, &repositories, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_repository_by_name(store *s, arena *a, str name, store_repository *ret, err *e) {
    return rows_find(s, a, &repositories, "WHERE lower(name) = lower(?)", &ARG_STR(name), 1, ret,
                     e);
}

int store_repositories(store *s, arena *a, store_repository **ret, size_t *ret_count, err *e) {
    return rows_list(s, a, &repositories, "ORDER BY lower(name)", NULL, 0, SIZE_MAX, (void **)ret,
                     ret_count, e);
}

/* ---- what came in --------------------------------------------------------------------------- */

#define T store_incoming
static const row_field incoming_fields[] = {
    ROW_FIELD_INT(T, id),      ROW_FIELD_INT(T, repository),
    ROW_FIELD_STR(T, source),  ROW_FIELD_STR(T, delivery),
    ROW_FIELD_STR(T, event),   ROW_FIELD_STR(T, payload),
    ROW_FIELD_STR(T, actor),   ROW_FIELD_WORD(T, state, incoming_state_words),
    ROW_FIELD_STR(T, reason),  ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, done_us),
};
static const row_type incoming = {"incoming", "event", sizeof(T), incoming_fields,
                                  COUNT(incoming_fields)};
#undef T

int store_incoming_add(store *s, store_incoming *in, err *e) {
    return rows_add(s, &incoming, in, e);
}

bool store_incoming_known(store *s, const store_incoming *in) {
    const row_arg args[] = {ARG_INT(in->repository), ARG_STR(in->source), ARG_STR(in->delivery)};
    int64_t count = 0;
    err ignored = {0};
    return rows_number(
               s,
               "SELECT count(*) FROM incoming WHERE repository = ? AND source = ? AND delivery = ?",
               args, 3, &count, &ignored) == 0 &&
           count > 0;
}

int store_incoming_put(store *s, const store_incoming *in, err *e) {
    return rows_put(s, &incoming, in, e);
}

int store_incoming_by_id(store *s, arena *a, int64_t id, store_incoming *ret, err *e) {
    return rows_find(s, a, &incoming, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_incoming_new(store *s, arena *a, size_t max, store_incoming **ret, size_t *ret_count,
                       err *e) {
    return rows_list(s, a, &incoming, "WHERE state = 'new' ORDER BY id", NULL, 0, max, (void **)ret,
                     ret_count, e);
}

/* ---- runs ----------------------------------------------------------------------------------- */

#define T store_run
static const row_field run_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_INT(T, repository),
    ROW_FIELD_INT(T, number),
    ROW_FIELD_INT(T, attempt),
    ROW_FIELD_STR(T, workflow),
    ROW_FIELD_STR(T, path),
    ROW_FIELD_STR(T, name),
    ROW_FIELD_STR(T, event),
    ROW_FIELD_STR(T, action),
    ROW_FIELD_STR(T, ref),
    ROW_FIELD_STR(T, sha),
    ROW_FIELD_STR(T, base_ref),
    ROW_FIELD_STR(T, head_ref),
    ROW_FIELD_STR(T, message),
    ROW_FIELD_STR(T, actor),
    ROW_FIELD_STR(T, started_by),
    ROW_FIELD_WORD(T, state, run_state_words),
    ROW_FIELD_WORD(T, result, store_result_words),
    ROW_FIELD_STR(T, reason),
    ROW_FIELD_STR(T, rerun),
    ROW_FIELD_STR(T, conc_group),
    ROW_FIELD_BOOL(T, conc_cancel),
    ROW_FIELD_BOOL(T, is_fork),
    ROW_FIELD_BOOL(T, cancelling),
    ROW_FIELD_BOOL(T, protected_),
    ROW_FIELD_INT(T, priority),
    ROW_FIELD_INT(T, created_us),
    ROW_FIELD_INT(T, started_us),
    ROW_FIELD_INT(T, ended_us),
    /* What follows is long, and is not read for lists. */
    ROW_FIELD_STR(T, payload),
    ROW_FIELD_STR(T, facts),
    ROW_FIELD_STR(T, sources),
};
#define LONG_FIELDS 3
static const row_type runs = {"runs", "run", sizeof(T), run_fields, COUNT(run_fields)};
static const row_type short_runs = {"runs", "run", sizeof(T), run_fields,
                                    COUNT(run_fields) - LONG_FIELDS};
#undef T

int store_run_add(store *s, store_run *r, err *e) {
    const row_arg args[] = {ARG_INT(r->repository), ARG_STR(r->path)};
    int code = rows_number(
        s, "SELECT coalesce(max(number), 0) + 1 FROM runs WHERE repository = ? AND path = ?", args,
        2, &r->number, e);
    return code < 0 ? code : rows_add(s, &runs, r, e);
}

int store_run_put(store *s, const store_run *r, err *e) {
    return rows_put(s, &short_runs, r, e);
}

int store_run_by_id(store *s, arena *a, int64_t id, store_run *ret, err *e) {
    return rows_find(s, a, &runs, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_runs_live(store *s, arena *a, store_run **ret, size_t *ret_count, err *e) {
    return rows_list(s, a, &runs, "WHERE state <> 'completed' ORDER BY id", NULL, 0, SIZE_MAX,
                     (void **)ret, ret_count, e);
}

#define ARGS_MAX 24

typedef struct condition {
    strbuf text;
    row_arg args[ARGS_MAX];
    size_t count;
} condition;

static void add_condition(condition *c, const char *text) {
    strbuf_adds(&c->text, c->text.len ? " AND " : "WHERE ");
    strbuf_adds(&c->text, text);
}

static void add_equal(condition *c, const char *text, str wanted) {
    if (!wanted.len) return;
    add_condition(c, text);
    c->args[c->count++] = ARG_STR(wanted);
}

static void add_number(condition *c, const char *text, int64_t number) {
    if (!number) return;
    add_condition(c, text);
    c->args[c->count++] = ARG_INT(number);
}

/* Numbers are ours: they stand in the text, for there may be many. */
static void add_repositories(condition *c, const store_run_filter *f) {
    if (!f->repositories) return;
    add_condition(c, "repository IN (0");
    for (size_t i = 0; i < f->repository_count; i++)
        strbuf_addf(&c->text, ", %lld", (long long)f->repositories[i]);
    strbuf_addc(&c->text, ')');
}

int store_runs(store *s, arena *a, const store_run_filter *f, size_t max, store_run **ret,
               size_t *ret_count, err *e) {
    condition c = {.text = STRBUF_INIT};
    add_number(&c, "repository = ?", f->repository);
    add_number(&c, "id < ?", f->before);
    add_equal(&c, "workflow = ?", f->workflow);
    add_equal(&c, "ref = 'refs/heads/' || ?", f->branch);
    add_equal(&c, "event = ?", f->event);
    add_equal(&c, "actor = ?", f->actor);
    add_equal(&c, "state = ?", f->state);
    add_equal(&c, "result = ?", f->result);
    add_equal(&c, "sha = ?", f->sha);
    add_equal(&c,
              "lower(name || ' ' || message || ' ' || ref || ' ' || workflow || ' ' || sha) "
              "LIKE '%' || replace(replace(replace(lower(?), '\\', '\\\\'), '%', '\\%'), '_', "
              "'\\_') || '%' ESCAPE '\\'",
              f->text);
    add_repositories(&c, f);
    strbuf_addf(&c.text, " ORDER BY id DESC LIMIT %zu", max);
    int r = rows_list(s, a, &short_runs, strbuf_cstr(&c.text), c.args, c.count, max, (void **)ret,
                      ret_count, e);
    strbuf_done(&c.text);
    return r;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

#define T store_job
static const row_field job_fields[] = {
    ROW_FIELD_INT(T, id),
    ROW_FIELD_INT(T, run),
    ROW_FIELD_INT(T, attempt),
    ROW_FIELD_STR(T, key),
    ROW_FIELD_STR(T, name),
    ROW_FIELD_BOOL(T, is_call),
    ROW_FIELD_WORD(T, state, job_state_words),
    ROW_FIELD_WORD(T, result, store_result_words),
    ROW_FIELD_STR(T, reason),
    ROW_FIELD_STR(T, labels),
    ROW_FIELD_STR(T, needs),
    ROW_FIELD_STR(T, matrix),
    ROW_FIELD_STR(T, environment),
    ROW_FIELD_STR(T, conc_group),
    ROW_FIELD_BOOL(T, conc_cancel),
    ROW_FIELD_BOOL(T, may_fail),
    ROW_FIELD_BOOL(T, cancelling),
    ROW_FIELD_STR(T, approved_by),
    ROW_FIELD_INT(T, agent),
    ROW_FIELD_STR(T, token),
    ROW_FIELD_INT(T, tries),
    ROW_FIELD_INT(T, seq),
    ROW_FIELD_INT(T, ended_order),
    ROW_FIELD_STR(T, outputs),
    ROW_FIELD_INT(T, queued_us),
    ROW_FIELD_INT(T, started_us),
    ROW_FIELD_INT(T, ended_us),
    ROW_FIELD_INT(T, log_bytes),
    ROW_FIELD_INT(T, log_lines),
};
static const row_type jobs = {"jobs", "job", sizeof(T), job_fields, COUNT(job_fields)};
#undef T

int store_job_add(store *s, store_job *j, err *e) {
    return rows_add(s, &jobs, j, e);
}

int store_job_put(store *s, const store_job *j, err *e) {
    return rows_put(s, &jobs, j, e);
}

int store_job_by_id(store *s, arena *a, int64_t id, store_job *ret, err *e) {
    return rows_find(s, a, &jobs, "WHERE id = ?", &ARG_INT(id), 1, ret, e);
}

int store_jobs_of_run(store *s, arena *a, int64_t run, int64_t attempt, store_job **ret,
                      size_t *ret_count, err *e) {
    const row_arg args[] = {ARG_INT(run), ARG_INT(attempt)};
    if (attempt)
        return rows_list(s, a, &jobs, "WHERE run = ? AND attempt = ? ORDER BY id", args, 2,
                         SIZE_MAX, (void **)ret, ret_count, e);
    return rows_list(s, a, &jobs,
                     "WHERE run = ? AND NOT EXISTS (SELECT 1 FROM jobs AS later WHERE later.run = "
                     "jobs.run AND later.key = jobs.key AND later.attempt > jobs.attempt) "
                     "ORDER BY id",
                     args, 1, SIZE_MAX, (void **)ret, ret_count, e);
}

int store_jobs_of_agent(store *s, arena *a, int64_t agent, store_job **ret, size_t *ret_count,
                        err *e) {
    return rows_list(s, a, &jobs, "WHERE agent = ? AND state <> 'completed' ORDER BY id",
                     &ARG_INT(agent), 1, SIZE_MAX, (void **)ret, ret_count, e);
}

int store_jobs_count(store *s, job_state state, int64_t *ret, err *e) {
    return rows_number(s, "SELECT count(*) FROM jobs WHERE state <> 'completed' AND state = ?",
                       &ARG_STR(str_from(job_state_words[state])), 1, ret, e);
}

/* ---- steps ---------------------------------------------------------------------------------- */

#define T store_step
static const row_field step_fields[] = {
    ROW_FIELD_INT(T, id),         ROW_FIELD_INT(T, job),       ROW_FIELD_INT(T, number),
    ROW_FIELD_INT(T, parent),     ROW_FIELD_STR(T, step_id),   ROW_FIELD_STR(T, name),
    ROW_FIELD_STR(T, phase),      ROW_FIELD_STR(T, state),     ROW_FIELD_STR(T, outcome),
    ROW_FIELD_STR(T, conclusion), ROW_FIELD_INT(T, exit_code), ROW_FIELD_INT(T, started_us),
    ROW_FIELD_INT(T, ended_us),   ROW_FIELD_STR(T, summary),
};
static const row_type steps = {"steps", "step", sizeof(T), step_fields, COUNT(step_fields)};
#undef T

int store_step_put(store *s, store_step *step, err *e) {
    return step->id ? rows_put(s, &steps, step, e) : rows_add(s, &steps, step, e);
}

int store_step_find(store *s, arena *a, int64_t job, int64_t number, store_step *ret, err *e) {
    const row_arg args[] = {ARG_INT(job), ARG_INT(number)};
    return rows_find(s, a, &steps, "WHERE job = ? AND number = ?", args, 2, ret, e);
}

int store_steps_of_job(store *s, arena *a, int64_t job, store_step **ret, size_t *ret_count,
                       err *e) {
    return rows_list(s, a, &steps, "WHERE job = ? ORDER BY number", &ARG_INT(job), 1, SIZE_MAX,
                     (void **)ret, ret_count, e);
}

int store_steps_forget(store *s, int64_t job, err *e) {
    int r = rows_run(s, "DELETE FROM steps WHERE job = ?", &ARG_INT(job), 1, e);
    return r < 0 ? r : rows_run(s, "DELETE FROM annotations WHERE job = ?", &ARG_INT(job), 1, e);
}

#define T store_annotation
static const row_field annotation_fields[] = {
    ROW_FIELD_INT(T, id),       ROW_FIELD_INT(T, job),        ROW_FIELD_INT(T, step),
    ROW_FIELD_STR(T, level),    ROW_FIELD_STR(T, title),      ROW_FIELD_STR(T, message),
    ROW_FIELD_STR(T, path),     ROW_FIELD_INT(T, line),       ROW_FIELD_INT(T, column_),
    ROW_FIELD_INT(T, end_line), ROW_FIELD_INT(T, end_column),
};
static const row_type annotations = {"annotations", "annotation", sizeof(T), annotation_fields,
                                     COUNT(annotation_fields)};
#undef T

int store_annotation_add(store *s, store_annotation *x, err *e) {
    return rows_add(s, &annotations, x, e);
}

int store_annotations_of_run(store *s, arena *a, int64_t run, size_t max, store_annotation **ret,
                             size_t *ret_count, err *e) {
    return rows_list(s, a, &annotations,
                     "WHERE job IN (SELECT jobs.id FROM jobs WHERE jobs.run = ?) ORDER BY id",
                     &ARG_INT(run), 1, max, (void **)ret, ret_count, e);
}

/* ---- schedules ------------------------------------------------------------------------------ */

#define T store_cron
static const row_field cron_fields[] = {
    ROW_FIELD_INT(T, id),   ROW_FIELD_INT(T, repository), ROW_FIELD_STR(T, path),
    ROW_FIELD_STR(T, cron), ROW_FIELD_STR(T, timezone),   ROW_FIELD_INT(T, last_us),
};
static const row_type crons = {"crons", "schedule", sizeof(T), cron_fields, COUNT(cron_fields)};
#undef T

int store_cron_add(store *s, store_cron *c, err *e) {
    return rows_add(s, &crons, c, e);
}

int store_cron_put(store *s, const store_cron *c, err *e) {
    return rows_put(s, &crons, c, e);
}

int store_cron_remove(store *s, int64_t id, err *e) {
    return rows_run(s, "DELETE FROM crons WHERE id = ?", &ARG_INT(id), 1, e);
}

int store_crons(store *s, arena *a, store_cron **ret, size_t *ret_count, err *e) {
    return rows_list(s, a, &crons, "ORDER BY id", NULL, 0, SIZE_MAX, (void **)ret, ret_count, e);
}
