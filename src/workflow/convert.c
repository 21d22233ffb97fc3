#include "workflow/convert.h"

#include <stddef.h>

/* ---- conditions ---------------------------------------------------------------------------- */

static const struct {
    uint16_t written; /* the definition of the `if`, for what it may use */
    uint16_t result;  /* and of what it gives: anything, judged by its truth */
} condition_forms[CONDITION_KIND_COUNT] = {
    [CONDITION_STEP] = {D_STEP_IF, D_STEP_IF_RESULT},
    [CONDITION_ACTION_STEP] = {D_ACTION_STEP_IF, D_STEP_IF_RESULT},
    [CONDITION_JOB] = {D_JOB_IF, D_JOB_IF_RESULT},
};

bool condition_asks_status(const expr *x) {
    static const char *const status[] = {"always", "cancelled", "failure", "success"};
    if (expr_kind_of(x) == EXPR_CALL)
        for (size_t i = 0; i < sizeof status / sizeof *status; i++)
            if (str_eq_nocase(expr_name_of(x), str_from(status[i]))) return true;
    for (size_t i = 0; i < expr_child_count(x); i++)
        if (condition_asks_status(expr_child(x, i))) return true;
    return false;
}

static const token *condition_new(conversion *c, const token *from, str text, condition_kind kind) {
    token *t = ARENA_NEW(c->r->a, token);
    err e = {0};
    if (from) *t = (token){.style = from->style, .where = from->where, .source = from->source};
    t->kind = TOKEN_EXPR;
    t->definition = condition_forms[kind].result;
    t->text = text;
    uint32_t uses = schema_table[condition_forms[kind].written].scope;
    const expr_scope *scope = schema_scope(&c->r->scopes, c->r->a, uses);
    if (expr_parse(c->r->a, text, scope, &t->expr, &e) == 0) return t;
    reading_expression_error(c->r, t, text, uses, &e);
    return NULL;
}

const token *convert_condition(conversion *c, const token *t, condition_kind kind) {
    str text = t && (t->kind == TOKEN_EXPR || t->kind == TOKEN_STRING) ? t->text : STR_EMPTY;
    text = utf8_trim(text);
    if (!t) {
        if (!c->success[kind]) c->success[kind] = condition_new(c, NULL, STR("success()"), kind);
        return c->success[kind];
    }
    if (text.len == 0) return condition_new(c, t, STR("success()"), kind);
    const token *condition = condition_new(c, t, t->text, kind);
    if (!condition || !condition->expr || condition_asks_status(condition->expr)) return condition;
    return condition_new(c, t, arena_printf(c->r->a, "success() && (%.*s)", STR_ARG(t->text)),
                         kind);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void convert_jobs(conversion *c, workflow *w, const token *jobs) {
    size_t errors = c->r->problems->errors;
    w->jobs = ARENA_ARRAY(c->r->a, workflow_job *, jobs->mapping.count);
    for (size_t i = 0; i < jobs->mapping.count; i++) {
        const token_pair *pair = &jobs->mapping.pairs[i];
        size_t max = c->r->limits.max_jobs;
        if (max > 0 && ++c->job_count > max) {
            reading_error(c->r, pair->key->where, "job-limit",
                          "The workflow may not contain more than %zu jobs", max);
            return;
        }
        id_set ids = ID_SET(c->r->a);
        id_take(c->r, &ids, pair->key);
        workflow_job *job = ARENA_NEW(c->r->a, workflow_job);
        job->id = pair->key->text;
        job->where = pair->key->where;
        convert_job(c, job, pair->item);
        w->jobs[w->job_count++] = job;
    }
    if (c->r->problems->errors == errors) check_needs(c, w, jobs);
}

/* ---- the file ------------------------------------------------------------------------------ */

static void take_name(conversion *c, workflow *w, const token *t) {
    (void)c;
    if (token_text(t).len > 0) w->name = t->text;
}

static void take_description(conversion *c, workflow *w, const token *t) {
    (void)c;
    w->description = token_text(t);
}

static void take_concurrency(conversion *c, workflow *w, const token *t) {
    check_concurrency(c, t);
    w->concurrency = t;
}

static void take_permissions(conversion *c, workflow *w, const token *t) {
    w->permissions = convert_permissions(c, t);
}

/* Keys are taken in the file's order: so errors come in that order. */
static const struct root_key {
    const char *name;
    void (*take)(conversion *c, workflow *w, const token *t);
    size_t offset; /* of a token that is kept as it is, where there is no `take` */
} root_keys[] = {
    {"on", convert_on, 0},
    {"name", take_name, 0},
    {"description", take_description, 0},
    {"run-name", NULL, offsetof(workflow, run_name)},
    {"env", NULL, offsetof(workflow, env)},
    {"defaults", NULL, offsetof(workflow, defaults)},
    {"concurrency", take_concurrency, 0},
    {"permissions", take_permissions, 0},
    {"jobs", convert_jobs, 0},
};

static const struct root_key *root_key_find(const token *key) {
    for (size_t i = 0; i < sizeof root_keys / sizeof *root_keys; i++)
        if (str_is(token_text(key), root_keys[i].name)) return &root_keys[i];
    return NULL;
}

/* `caller` and the permissions that its call allows: NULL in the first file. */
static void convert_root(conversion *c, workflow *w, const workflow_job *caller,
                         const permissions *allowed) {
    for (size_t i = 0; i < w->root->mapping.count; i++) {
        const token_pair *pair = &w->root->mapping.pairs[i];
        const struct root_key *key = root_key_find(pair->key);
        if (!key) continue;
        if (key->take)
            key->take(c, w, pair->item);
        else
            *(const token **)((char *)w + key->offset) = pair->item;
        if (caller && key->take == take_permissions)
            check_permissions(c, caller, NULL, w->permissions, allowed);
        if (caller && key->take == convert_on) check_call(c, caller, w, pair->item);
    }
}

static void inherit_permissions(conversion *c, workflow *w, const workflow_job *caller,
                                const permissions *allowed) {
    for (size_t i = 0; i < w->job_count; i++) {
        if (!w->jobs[i]->permissions)
            w->jobs[i]->permissions = w->permissions;
        else if (caller)
            check_permissions(c, caller, w->jobs[i], w->jobs[i]->permissions, allowed);
    }
}

void convert_workflow(conversion *c, workflow *w) {
    convert_root(c, w, NULL, NULL);
    inherit_permissions(c, w, NULL, NULL);
}

void convert_called(conversion *c, workflow *w, workflow_job *caller) {
    convert_root(c, w, caller, caller->permissions);
    if (!w->permissions) w->permissions = caller->permissions;
    inherit_permissions(c, w, caller, caller->permissions);
}
