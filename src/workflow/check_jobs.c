#include "workflow/check_internal.h"
#include "workflow/convert.h"
#include "workflow/plan.h"

/* ---- jobs that never run ------------------------------------------------------------------- */

typedef struct condition_search {
    const workflow_job *job;
    bool is_false, asks_status;
} condition_search;

static void judge_condition(checker *c, const site *s, void *context) {
    condition_search *search = context;
    search->asks_status = search->asks_status || condition_asks_status(s->x);
    search->is_false = check_truth(c, search->job, s, true) == TRUTH_FALSE;
}

/* A job that needs one that is skipped is skipped, unless its condition asks how the others ended;
 * those that do are not judged. */
void check_reachable(checker *c) {
    size_t count = c->w->job_count;
    bool *never = ARENA_ARRAY(c->a, bool, count);
    condition_search *conditions = ARENA_ARRAY(c->a, condition_search, count);
    for (size_t i = 0; i < count; i++) {
        const token *t = c->w->jobs[i]->condition;
        conditions[i].job = c->w->jobs[i];
        if (t && t->where.line && t->source.len)
            check_each_site(c, t, SITE_CONDITION, judge_condition, &conditions[i]);
        never[i] = conditions[i].is_false;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < count; i++) {
            const workflow_job *job = c->w->jobs[i];
            for (size_t k = 0; k < job->need_count && !never[i] && !conditions[i].asks_status;
                 k++) {
                ptrdiff_t need = nameset_find(&c->jobs, token_text(job->needs[k]));
                if (need < 0 || !never[need]) continue;
                never[i] = changed = true;
                check_add(c, RULE_UNREACHABLE, job->needs[k]->where, STR_EMPTY,
                          "'%.*s' never runs, because it needs '%.*s', which never runs",
                          STR_ARG(job->id), STR_ARG(token_text(job->needs[k])));
            }
        }
    }
}

/* ---- runners ------------------------------------------------------------------------------- */

static const char *const hosted[] = {
    "ubuntu-latest",
    "ubuntu-26.04",
    "ubuntu-24.04",
    "ubuntu-22.04",
    "ubuntu-26.04-arm",
    "ubuntu-24.04-arm",
    "ubuntu-22.04-arm",
    "ubuntu-slim",
    "windows-latest",
    "windows-2025",
    "windows-2022",
    "windows-11-arm",
    "windows-2025-vs2026",
    "macos-latest",
    "macos-27",
    "macos-26",
    "macos-15",
    "macos-14",
    "macos-15-intel",
    "macos-26-intel",
    "macos-latest-large",
    "macos-26-large",
    "macos-15-large",
    "macos-14-large",
    "macos-latest-xlarge",
    "macos-26-xlarge",
    "macos-15-xlarge",
    "macos-14-xlarge",
};
static const char *const retired[] = {
    "ubuntu-20.04", "ubuntu-18.04",   "ubuntu-16.04",   "windows-2019",
    "windows-2016", "macos-13",       "macos-12",       "macos-11",
    "macos-10.15",  "macos-13-large", "macos-12-large", "macos-13-xlarge",
};

/* A runner of one's own can have any label, so only a near miss is a mistake. */
static void check_label(checker *c, const token *t) {
    enum { HOSTED = sizeof hosted / sizeof *hosted, NEAR = 2 };
    str label = token_text(t), names[HOSTED];
    for (size_t i = 0; i < sizeof retired / sizeof *retired; i++) {
        if (!str_eq_nocase(label, str_from(retired[i]))) continue;
        check_add(c, RULE_RUNNER, t->where, STR_EMPTY, "GitHub has retired the runner '%.*s'",
                  STR_ARG(label));
        return;
    }
    bool near = false;
    for (size_t i = 0; i < HOSTED; i++) {
        names[i] = str_from(hosted[i]);
        if (str_eq_nocase(label, names[i])) return;
        near = near || str_distance(label, names[i], NEAR) <= NEAR;
    }
    if (!near) return;
    check_add(c, RULE_RUNNER, t->where, check_nearest(c, label, names, HOSTED),
              "GitHub has no runner '%.*s'", STR_ARG(label));
}

/* The values of matrix.KEY, when that is all that the expression says. */
static const token *matrix_values(const workflow_job *job, const token *t) {
    const expr *x = t->kind == TOKEN_EXPR ? t->expr : NULL;
    if (!x || expr_kind_of(x) != EXPR_INDEX) return NULL;
    const value *key = expr_literal_of(expr_child(x, 1));
    const expr *object = expr_child(x, 0);
    if (!key || key->kind != VALUE_STRING || expr_kind_of(object) != EXPR_NAME ||
        !str_eq_nocase(expr_name_of(object), STR("matrix")))
        return NULL;
    const token *matrix = token_get(job->strategy, "matrix");
    for (size_t i = 0; matrix && matrix->kind == TOKEN_MAPPING && i < matrix->mapping.count; i++) {
        if (str_eq_nocase(token_text(matrix->mapping.pairs[i].key), key->string))
            return matrix->mapping.pairs[i].item;
    }
    return NULL;
}

static void check_runner(checker *c, const workflow_job *job) {
    const token *t = job->runs_on;
    if (t && t->kind == TOKEN_EXPR)
        t = matrix_values(job, t);
    else if (t && t->kind == TOKEN_SEQUENCE && t->sequence.count != 1)
        t = NULL;
    if (t && t->kind == TOKEN_STRING) check_label(c, t);
    for (size_t i = 0; t && t->kind == TOKEN_SEQUENCE && i < t->sequence.count; i++)
        check_label(c, t->sequence.items[i]);
}

/* ---- matrices ------------------------------------------------------------------------------ */

/* For all matrices of a file, so that many aliases of one do not take minutes. */
#define JUDGED_MAX 1000000

typedef struct vectors {
    str names[256];
    size_t count;
    size_t product; /* of their lengths, as far as it matters */
} vectors;

/* False when not all keys are known. */
static bool read_vectors(const token *matrix, vectors *ret) {
    *ret = (vectors){.product = 1};
    for (size_t i = 0; i < matrix->mapping.count; i++) {
        const token_pair *pair = &matrix->mapping.pairs[i];
        str key = token_text(pair->key);
        if (pair->key->kind != TOKEN_STRING || ret->count == 256) return false;
        if (str_eq_nocase(key, STR("include")) || str_eq_nocase(key, STR("exclude"))) continue;
        ret->names[ret->count++] = key;
        if (pair->item->kind == TOKEN_SEQUENCE && ret->product <= JUDGED_MAX)
            ret->product *= pair->item->sequence.count;
    }
    return true;
}

static void check_exclude_key(checker *c, const vectors *known, const token *key) {
    str name = token_text(key);
    if (key->kind != TOKEN_STRING) return;
    for (size_t i = 0; i < known->count; i++) {
        if (str_eq_nocase(known->names[i], name)) return;
    }
    check_add(c, RULE_MATRIX, key->where, check_nearest(c, name, known->names, known->count),
              "`exclude` names '%.*s', which is not in the matrix of this job", STR_ARG(name));
}

static void check_emptiness(checker *c, const token *matrix, const token *exclude,
                            const vectors *known) {
    c->judged_excludes += known->product * exclude->sequence.count;
    if (token_has_expr(matrix) || c->judged_excludes > JUDGED_MAX) return;
    _cleanup_arena_ arena *a = arena_new();
    matrix_config *configs;
    size_t count;
    value v;
    err e = {0};
    if (token_eval(a, matrix, &(expr_env){0}, &v, &e) ||
        matrix_expand(a, &v, &configs, &count, &e) || count)
        return;
    check_add(c, RULE_EMPTY_MATRIX, exclude->where, STR_EMPTY,
              "This takes all configurations out of the matrix, so the job never runs");
}

static void check_matrix(checker *c, const workflow_job *job) {
    const token *matrix = token_get(job->strategy, "matrix");
    const token *exclude = matrix ? token_get(matrix, "exclude") : NULL;
    vectors known;
    if (!exclude || exclude->kind != TOKEN_SEQUENCE || !read_vectors(matrix, &known)) return;
    for (size_t i = 0; i < exclude->sequence.count; i++) {
        const token *item = exclude->sequence.items[i];
        for (size_t k = 0; item->kind == TOKEN_MAPPING && k < item->mapping.count; k++)
            check_exclude_key(c, &known, item->mapping.pairs[k].key);
    }
    check_emptiness(c, matrix, exclude, &known);
}

/* ---- what else a job says ------------------------------------------------------------------ */

static void check_credentials(checker *c, const token *container) {
    const token *password = token_get(token_get(container, "credentials"), "password");
    if (!password || password->kind == TOKEN_EXPR) return;
    check_add(c, RULE_CREDENTIALS, password->where, STR_EMPTY,
              "This password can be read by everybody who can read the file");
}

static void check_environment(checker *c, const token *t) {
    enum { LONGEST = 255 };
    const token *name = t && t->kind == TOKEN_MAPPING ? token_get(t, "name") : t;
    if (!name || name->kind != TOKEN_STRING || name->text.len <= LONGEST) return;
    check_add(c, RULE_ENVIRONMENT, name->where, STR_EMPTY,
              "The name of an environment has at most %d characters", LONGEST);
}

void check_write_all(checker *c, const token *root) {
    const token *t = token_get(root, "permissions");
    if (!str_is(token_text(t), "write-all")) return;
    check_add(c, RULE_WRITE_ALL, t->where, STR_EMPTY,
              "The token of these jobs may change everything in the repository");
}

void check_job(checker *c, const workflow_job *job) {
    check_runner(c, job);
    check_credentials(c, job->container);
    for (size_t i = 0;
         job->services && job->services->kind == TOKEN_MAPPING && i < job->services->mapping.count;
         i++)
        check_credentials(c, job->services->mapping.pairs[i].item);
    check_environment(c, job->environment);
    check_matrix(c, job);
    check_default_shell(c, job->defaults);
    const token *jobs = token_get(c->w->root, "jobs");
    check_write_all(c, token_get(jobs, arena_cstr(c->a, job->id)));
}
