/* plan.c: the graph of a run.
 *
 * Every workflow that is called becomes a scope of its own, with its own copies of its jobs: two
 * calls of one file are two sets of jobs. Needs never leave a scope, so each scope is sorted alone;
 * calls make a tree over the scopes. A filter is applied at the end, by marking what is wanted and
 * dropping the rest. */
#include "workflow/plan_internal.h"

const char *job_result_name(job_result r) {
    static const char *const names[JOB_RESULT_COUNT] = {
        [JOB_PENDING] = "pending",     [JOB_SUCCESS] = "success", [JOB_FAILURE] = "failure",
        [JOB_CANCELLED] = "cancelled", [JOB_SKIPPED] = "skipped",
    };
    return names[r];
}

bool plan_job_is_call(const plan_job *job) {
    return job->job->uses != NULL;
}

plan_job **plan_jobs(const plan *p, size_t *ret_count) {
    *ret_count = p->all.count;
    return p->all.items;
}

plan_job **plan_roots(const plan *p, size_t *ret_count) {
    *ret_count = p->roots.count;
    return p->roots.items;
}

/* ---- the graph ----------------------------------------------------------------------------- */

static void list_add(arena *a, job_list *list, plan_job *job) {
    ARENA_PUSH(a, list->items, list->count, list->cap, job);
}

static int link_needs(plan *p, plan_job *jobs, size_t count, err *e) {
    value index = value_object_new(p->a, false);
    for (size_t i = 0; i < count; i++)
        value_set(p->a, &index, jobs[i].job->id, value_number((double)i));
    for (size_t i = 0; i < count; i++) {
        const workflow_job *job = jobs[i].job;
        jobs[i].needs = ARENA_ARRAY(p->a, plan_job *, job->need_count);
        for (size_t k = 0; k < job->need_count; k++) {
            str name = token_text(job->needs[k]);
            const value *at = value_get(&index, name);
            if (!at)
                return err_at(e, ERR_INVALID, job->needs[k]->where,
                              "job '%.*s' needs '%.*s', which is not a job of this workflow",
                              STR_ARG(job->id), STR_ARG(name));
            jobs[i].needs[jobs[i].need_count++] = &jobs[(size_t)at->number];
            jobs[(size_t)at->number].dependent_count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        jobs[i].dependents = ARENA_ARRAY(p->a, plan_job *, jobs[i].dependent_count);
        jobs[i].dependent_count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < jobs[i].need_count; k++) {
            plan_job *need = jobs[i].needs[k];
            need->dependents[need->dependent_count++] = &jobs[i];
        }
    }
    return 0;
}

/* Sorts the scope by needs, which gives the levels; what is never reached is on a cycle. */
static int set_levels(plan *p, plan_job *jobs, size_t count, err *e) {
    size_t *waits = ARENA_ARRAY(p->a, size_t, count);
    plan_job **queue = ARENA_ARRAY(p->a, plan_job *, count);
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < count; i++) {
        waits[i] = jobs[i].need_count;
        if (waits[i] == 0) queue[tail++] = &jobs[i];
    }
    while (head < tail) {
        const plan_job *job = queue[head++];
        for (size_t k = 0; k < job->dependent_count; k++) {
            plan_job *next = job->dependents[k];
            if (next->level < job->level + 1) next->level = job->level + 1;
            if (--waits[next->index] == 0) queue[tail++] = next;
        }
    }
    if (tail == count) return 0;
    size_t i = 0;
    while (waits[i] == 0)
        i++;
    return err_at(e, ERR_INVALID, jobs[i].job->where, "job '%.*s' needs itself, through its needs",
                  STR_ARG(jobs[i].job->id));
}

static str job_key(arena *a, const plan_job *caller, str id) {
    return caller ? arena_printf(a, "%.*s/%.*s", STR_ARG(caller->key), STR_ARG(id)) : id;
}

static int build_scope(plan *p, const workflow *w, const plan_job *caller, unsigned depth,
                       job_list *ret, err *e) {
    if (depth > PLAN_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "reusable workflows call each other more than %d levels deep",
                       PLAN_DEPTH_MAX);
    if (w->job_count > PLAN_JOBS_MAX - p->all.count)
        return err_set(e, ERR_LIMIT, "the plan has more than %d jobs", PLAN_JOBS_MAX);
    plan_scope *scope = ARENA_NEW(p->a, plan_scope);
    *scope = (plan_scope){.workflow = w, .caller = caller};
    plan_job *jobs = ARENA_ARRAY(p->a, plan_job, w->job_count);
    for (size_t i = 0; i < w->job_count; i++) {
        jobs[i].key = job_key(p->a, caller, w->jobs[i]->id);
        jobs[i].job = w->jobs[i];
        jobs[i].scope = scope;
        jobs[i].index = (unsigned)i;
    }
    int code = link_needs(p, jobs, w->job_count, e);
    if (!code) code = set_levels(p, jobs, w->job_count, e);
    for (size_t i = 0; !code && i < w->job_count; i++) {
        list_add(p->a, &p->all, &jobs[i]);
        list_add(p->a, ret, &jobs[i]);
        if (!jobs[i].job->called) continue;
        job_list children = {0};
        code = build_scope(p, jobs[i].job->called, &jobs[i], depth + 1, &children, e);
        jobs[i].children = children.items;
        jobs[i].child_count = children.count;
    }
    return code;
}

/* ---- the filter ---------------------------------------------------------------------------- */

/* PART: the call itself, and of its jobs those that are marked. */
typedef enum keep { KEEP_NONE, KEEP_PART, KEEP_WHOLE } keep;

typedef struct marking {
    plan *p;
    uint8_t *marks; /* by position in p->all */
    value positions;
    struct {
        plan_job *job;
        keep how;
    } * work;
    size_t count, cap;
} marking;

static size_t position_of(const marking *m, const plan_job *job) {
    return (size_t)value_get(&m->positions, job->key)->number;
}

static void mark_later(marking *m, plan_job *job, keep how) {
    ARENA_PUSH(m->p->a, m->work, m->count, m->cap, ((__typeof__(*m->work)){job, how}));
}

/* Marks what the work list reaches: needs in full, callers in part, called jobs with their call. */
static void mark_all(marking *m) {
    while (m->count) {
        plan_job *job = m->work[--m->count].job;
        keep how = m->work[m->count].how;
        uint8_t *mark = &m->marks[position_of(m, job)];
        if (*mark >= how) continue;
        *mark = (uint8_t)how;
        for (size_t i = 0; i < job->need_count; i++)
            mark_later(m, job->needs[i], KEEP_WHOLE);
        for (size_t i = 0; how == KEEP_WHOLE && i < job->child_count; i++)
            mark_later(m, job->children[i], KEEP_WHOLE);
        if (job->scope->caller) mark_later(m, (plan_job *)job->scope->caller, KEEP_PART);
    }
}

static bool has_key(const plan_job *job, str word) {
    return str_eq_nocase(job->key, word);
}

static bool has_id(const plan_job *job, str word) {
    return str_eq_nocase(job->job->id, word);
}

static bool has_name(const plan_job *job, str word) {
    const token *name = job->job->name;
    return name && name->kind == TOKEN_STRING && str_eq(name->text, word);
}

/* Marks the jobs that a word of -j means: by key, else by id in any scope, else by name. */
static int mark_word(marking *m, str word, err *e) {
    static bool (*const ways[])(const plan_job *, str) = {has_key, has_id, has_name};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        for (size_t i = 0; i < m->p->all.count; i++) {
            if (ways[way](m->p->all.items[i], word)) mark_later(m, m->p->all.items[i], KEEP_WHOLE);
        }
        if (m->count == 0) continue;
        mark_all(m);
        return 0;
    }
    str *keys = ARENA_ARRAY(m->p->a, str, m->p->all.count);
    for (size_t i = 0; i < m->p->all.count; i++)
        keys[i] = m->p->all.items[i]->key;
    str near = str_nearest(word, keys, m->p->all.count);
    return near.len ? err_set(e, ERR_INVALID, "there is no job '%.*s'; did you mean '%.*s'?",
                              STR_ARG(word), STR_ARG(near))
                    : err_set(e, ERR_INVALID, "there is no job '%.*s'", STR_ARG(word));
}

/* Drops what is not marked; `renumber` where the list is a scope. */
static void drop(const marking *m, plan_job **items, size_t *count, bool renumber) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (m->marks[position_of(m, items[i])] == KEEP_NONE) continue;
        if (renumber) items[i]->index = (unsigned)kept;
        items[kept++] = items[i];
    }
    *count = kept;
}

static int apply_filter(plan *p, const plan_filter *filter, err *e) {
    if (!filter || filter->job_count == 0) return 0;
    marking m = {.p = p, .positions = value_object_new(p->a, true)};
    m.marks = ARENA_ARRAY(p->a, uint8_t, p->all.count);
    for (size_t i = 0; i < p->all.count; i++)
        value_set(p->a, &m.positions, p->all.items[i]->key, value_number((double)i));
    for (size_t i = 0; i < filter->job_count; i++) {
        int code = mark_word(&m, filter->jobs[i], e);
        if (code) return code;
    }
    for (size_t i = 0; i < p->all.count; i++) {
        plan_job *job = p->all.items[i];
        drop(&m, job->children, &job->child_count, true);
        drop(&m, job->dependents, &job->dependent_count, false);
    }
    drop(&m, p->roots.items, &p->roots.count, true);
    drop(&m, p->all.items, &p->all.count, false);
    return 0;
}

int plan_build(arena *a, const workflow *w, const event *ev, const plan_filter *filter, plan **ret,
               err *e) {
    plan *p = ARENA_NEW(a, plan);
    *p = (plan){.a = a, .workflow = w, .event = ev, .filter = filter};
    if (w->job_count == 0) return err_set(e, ERR_INVALID, "%s has no jobs", w->path);
    int code = build_scope(p, w, NULL, 0, &p->roots, e);
    if (!code) code = apply_filter(p, filter, e);
    if (code) return code;
    *ret = p;
    return 0;
}

/* ---- matrices without a run ---------------------------------------------------------------- */

/* A value of a matrix against the text of --matrix. */
static bool is_value(const value *have, const value *wanted) {
    if (have->kind == VALUE_BOOL && wanted->kind == VALUE_STRING)
        return str_eq_nocase(wanted->string, have->boolean ? STR("true") : STR("false"));
    return value_equal(have, wanted);
}

bool plan_matrix_passes(const plan_filter *filter, const value *config) {
    for (size_t i = 0; filter && i < filter->matrix_count; i++) {
        str key = filter->matrix[i].key;
        const value *have = value_get(config, key);
        bool any = !have;
        for (size_t k = 0; !any && k < filter->matrix_count; k++)
            any = str_eq_nocase(filter->matrix[k].key, key) &&
                  is_value(have, &filter->matrix[k].item);
        if (!any) return false;
    }
    return true;
}

int plan_matrix(arena *a, const plan *p, const plan_job *job, matrix_config **ret,
                size_t *ret_count, err *e) {
    *ret = NULL;
    *ret_count = 0;
    const token *strategy = job->job->strategy;
    if (!strategy) return 0;
    const token *matrix = token_get(strategy, "matrix");
    if (strategy->kind != TOKEN_MAPPING || token_has_expr(matrix))
        return err_set(e, ERR_UNSUPPORTED, "the matrix of job '%.*s' is known only in a run",
                       STR_ARG(job->key));
    if (!matrix) return 0;
    value contexts = value_object_new(a, false), spec;
    expr_env env = {.contexts = &contexts};
    size_t count = 0;
    int code = token_eval(a, matrix, &env, &spec, e);
    if (!code) code = matrix_expand(a, &spec, ret, &count, e);
    if (code) return code;
    for (size_t i = 0; i < count; i++) {
        if (plan_matrix_passes(p->filter, &(*ret)[i].values)) (*ret)[(*ret_count)++] = (*ret)[i];
    }
    return 0;
}
