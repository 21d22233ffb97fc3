/* check_contexts.c: what each context holds, as far as the file and GitHub's reference say.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/contexts */
#include "workflow/check_internal.h"

#include <string.h>

const char *const check_context_names[CONTEXT_COUNT] = {
#define X(id, name) [CONTEXT_##id] = name,
    CONTEXTS(X)
#undef X
};

#define SCAN_MAX 16 /* properties of a shape; above this an index is faster */

/* ---- shapes -------------------------------------------------------------------------------- */

static shape *shape_new(checker *c, check_rule_id rule, str owner) {
    shape *s = ARENA_NEW(c->a, shape);
    s->rule = rule;
    s->owner = owner;
    return s;
}

static type object_of(const shape *s) {
    return (type){T_OBJECT, s};
}

/* Any property may exist, and each is of this type. */
static type open_object(checker *c, type other) {
    shape *s = ARENA_NEW(c->a, shape);
    s->open = true;
    s->other = other;
    return object_of(s);
}

const property *shape_find(const shape *s, str name) {
    ptrdiff_t at = s->index ? nameset_find(s->index, name) : -1;
    if (at >= 0) return &s->items[at];
    for (size_t i = 0; !s->index && i < s->count; i++) {
        if (str_eq_nocase(s->items[i].name, name)) return &s->items[i];
    }
    return NULL;
}

static void shape_push(checker *c, shape *s, str name, type t) {
    ARENA_PUSH(c->a, s->items, s->count, s->cap, ((property){name, t}));
    if (!s->index && s->count > SCAN_MAX) {
        s->index = ARENA_NEW(c->a, nameset);
        s->index->a = c->a;
        for (size_t i = 0; i + 1 < s->count; i++)
            nameset_add(s->index, s->items[i].name);
    }
    if (s->index) nameset_add(s->index, name);
}

/* Adds a property; of one that is there already the kinds are joined. */
static void shape_add(checker *c, shape *s, str name, type t) {
    property *known = (property *)shape_find(s, name);
    if (!known) {
        shape_push(c, s, name, t);
        return;
    }
    if (known->type.shape != t.shape) known->type.shape = NULL;
    known->type.kinds |= t.kinds;
}

static shape *shape_of_words(checker *c, context_id id, const char *words) {
    shape *s = shape_new(c, RULE_PROPERTY, str_from(check_context_names[id]));
    for (str rest = str_from(words), word; rest.len;) {
        str_cut(rest, ' ', &word, &rest);
        shape_add(c, s, word, TYPE(T_STRING));
    }
    return s;
}

/* ---- fixed contexts ------------------------------------------------------------------------ */

static void add_fixed(checker *c) {
    shape *github = shape_of_words(
        c, CONTEXT_GITHUB,
        "action action_path action_ref action_repository action_status actor actor_id api_url "
        "artifact_cache_size_limit base_ref env event_name event_path graphql_url head_ref job "
        "job_workflow_sha output path ref ref_name ref_type repository repositoryUrl repository_id "
        "repository_owner repository_owner_id repository_visibility retention_days run_attempt "
        "run_id run_number secret_source server_url sha state step_summary token triggering_actor "
        "workflow workflow_ref workflow_sha workspace");
    shape_add(c, github, STR("ref_protected"), TYPE(T_BOOL | T_STRING));
    shape_add(c, github, STR("event"), (type){T_OBJECT, NULL});
    shape *runner = shape_of_words(c, CONTEXT_RUNNER,
                                   "arch debug environment name os temp tool_cache workspace");
    shape *strategy = shape_new(c, RULE_PROPERTY, STR("strategy"));
    shape_add(c, strategy, STR("fail-fast"), TYPE(T_BOOL));
    shape_add(c, strategy, STR("job-index"), TYPE(T_NUMBER));
    shape_add(c, strategy, STR("job-total"), TYPE(T_NUMBER));
    shape_add(c, strategy, STR("max-parallel"), TYPE(T_NUMBER));
    shape *job = shape_of_words(c, CONTEXT_JOB,
                                "check_run_id status workflow_file_path workflow_ref "
                                "workflow_repository workflow_sha");
    shape_add(c, job, STR("container"), (type){T_OBJECT, NULL});
    shape_add(c, job, STR("services"), (type){T_OBJECT, NULL});
    shape_add(c, job, STR("check_run_id"), TYPE(T_NUMBER | T_STRING));
    c->contexts[CONTEXT_GITHUB] = object_of(github);
    c->contexts[CONTEXT_RUNNER] = object_of(runner);
    c->contexts[CONTEXT_STRATEGY] = object_of(strategy);
    c->contexts[CONTEXT_JOB] = object_of(job);
    c->contexts[CONTEXT_ENV] = c->contexts[CONTEXT_VARS] = c->contexts[CONTEXT_SECRETS] =
        open_object(c, TYPE(T_STRING));
}

/* ---- inputs -------------------------------------------------------------------------------- */

static type input_type(const workflow_input *in) {
    if (str_is(in->type, "boolean")) return TYPE(T_BOOL);
    if (str_is(in->type, "number")) return TYPE(T_NUMBER);
    return TYPE(T_STRING);
}

static void add_inputs(checker *c) {
    shape *s = shape_new(c, RULE_INPUT, STR("inputs"));
    const workflow *w = c->w;
    for (size_t i = 0; w && i < w->dispatch_input_count; i++)
        shape_add(c, s, w->dispatch_inputs[i].name, input_type(&w->dispatch_inputs[i]));
    for (size_t i = 0; w && i < w->call_input_count; i++)
        shape_add(c, s, w->call_inputs[i].name, input_type(&w->call_inputs[i]));
    for (size_t i = 0; c->act && i < c->act->input_count; i++)
        shape_add(c, s, c->act->inputs[i].name, TYPE(T_STRING));
    c->contexts[CONTEXT_INPUTS] = object_of(s);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static bool mapping_is_static(const token *t) {
    if (!t || t->kind != TOKEN_MAPPING) return false;
    for (size_t i = 0; i < t->mapping.count; i++) {
        if (t->mapping.pairs[i].key->kind != TOKEN_STRING) return false;
    }
    return true;
}

static type job_outputs(checker *c, const workflow_job *job, str owner) {
    shape *s = shape_new(c, RULE_OUTPUT, owner);
    if (job->uses) {
        if (!job->called) return open_object(c, TYPE(T_STRING));
        for (size_t i = 0; i < job->called->call_output_count; i++)
            shape_add(c, s, job->called->call_outputs[i].name, TYPE(T_STRING));
        return object_of(s);
    }
    if (job->outputs && !mapping_is_static(job->outputs)) return open_object(c, TYPE(T_STRING));
    for (size_t i = 0; job->outputs && i < job->outputs->mapping.count; i++)
        shape_add(c, s, token_text(job->outputs->mapping.pairs[i].key), TYPE(T_STRING));
    return object_of(s);
}

static type job_type(checker *c, const char *context, const workflow_job *job) {
    str owner = arena_printf(c->a, "%s.%.*s", context, STR_ARG(job->id));
    shape *s = shape_new(c, RULE_PROPERTY, owner);
    shape_add(c, s, STR("result"), TYPE(T_STRING));
    shape_add(c, s, STR("outputs"),
              job_outputs(c, job, arena_printf(c->a, "%.*s.outputs", STR_ARG(owner))));
    return object_of(s);
}

static type needs_type(checker *c, const workflow_job *job) {
    shape *s = shape_new(c, RULE_NEED, STR("needs"));
    for (size_t i = 0; i < job->need_count; i++) {
        ptrdiff_t at = nameset_find(&c->jobs, token_text(job->needs[i]));
        if (at < 0) continue;
        if (!c->needs[at].kinds) c->needs[at] = job_type(c, "needs", c->w->jobs[at]);
        shape_add(c, s, c->w->jobs[at]->id, c->needs[at]);
    }
    return object_of(s);
}

/* ---- matrix -------------------------------------------------------------------------------- */

static type literal_type(const token *t) {
    switch (t->kind) {
    case TOKEN_NULL: return TYPE(T_NULL);
    case TOKEN_BOOL: return TYPE(T_BOOL);
    case TOKEN_NUMBER: return TYPE(T_NUMBER);
    case TOKEN_STRING: return TYPE(T_STRING);
    case TOKEN_SEQUENCE: return TYPE(T_ARRAY);
    case TOKEN_MAPPING: return TYPE(T_OBJECT);
    case TOKEN_EXPR:
    case TOKEN_INSERT:
    case TOKEN_KIND_COUNT: break;
    }
    return TYPE(T_ANY);
}

/* False when the matrix is known only at run time. */
static bool add_includes(checker *c, shape *s, const token *list) {
    if (!list) return true;
    if (list->kind != TOKEN_SEQUENCE) return false;
    for (size_t i = 0; i < list->sequence.count; i++) {
        const token *item = list->sequence.items[i];
        if (!mapping_is_static(item)) return false;
        for (size_t k = 0; k < item->mapping.count; k++) {
            /* A configuration that no item extends lacks the key. */
            type t = literal_type(item->mapping.pairs[k].item);
            t.kinds |= T_NULL;
            shape_add(c, s, token_text(item->mapping.pairs[k].key), t);
        }
    }
    return true;
}

static type matrix_type(checker *c, const workflow_job *job) {
    const token *matrix = token_get(job->strategy, "matrix");
    shape *s = shape_new(c, RULE_MATRIX, STR("matrix"));
    if (job->strategy && job->strategy->kind != TOKEN_MAPPING) return TYPE(T_ANY);
    if (!matrix) return object_of(s);
    if (!mapping_is_static(matrix) || !add_includes(c, s, token_get(matrix, "include")))
        return TYPE(T_ANY);
    for (size_t i = 0; i < matrix->mapping.count; i++) {
        const token *items = matrix->mapping.pairs[i].item;
        str key = token_text(matrix->mapping.pairs[i].key);
        if (str_eq_nocase(key, STR("include")) || str_eq_nocase(key, STR("exclude"))) continue;
        type t = TYPE(items->kind == TOKEN_SEQUENCE ? 0 : T_ANY);
        for (size_t k = 0; items->kind == TOKEN_SEQUENCE && k < items->sequence.count; k++)
            t.kinds |= literal_type(items->sequence.items[k]).kinds;
        shape_add(c, s, key, t);
    }
    return object_of(s);
}

/* ---- steps --------------------------------------------------------------------------------- */

/* What a step gives. Only a composite action gives nothing but what it declares: a script may
 * write any name, and so may a program, though it should not. */
static type step_outputs(checker *c, const workflow_step *step, str owner) {
    const action *act = check_action_of(c, step);
    if (!act) return open_object(c, TYPE(T_STRING));
    shape *s = shape_new(c, RULE_OUTPUT, owner);
    if (act->kind != ACTION_COMPOSITE) s->level = SEVERITY_WARNING;
    for (size_t i = 0; i < act->output_count; i++)
        shape_add(c, s, act->outputs[i].name, TYPE(T_STRING));
    return object_of(s);
}

void check_contexts_step(checker *c, const workflow_step *step) {
    if (!step->id_given) return;
    shape *steps = (shape *)c->contexts[CONTEXT_STEPS].shape;
    str owner = arena_printf(c->a, "steps.%.*s", STR_ARG(step->id));
    shape *s = shape_new(c, RULE_PROPERTY, owner);
    shape_add(c, s, STR("outcome"), TYPE(T_STRING));
    shape_add(c, s, STR("conclusion"), TYPE(T_STRING));
    shape_add(c, s, STR("outputs"),
              step_outputs(c, step, arena_printf(c->a, "%.*s.outputs", STR_ARG(owner))));
    shape_add(c, steps, step->id, object_of(s));
}

/* ---- places -------------------------------------------------------------------------------- */

static void add_jobs(checker *c) {
    c->jobs = (nameset)NAMESET(c->a);
    c->needs = ARENA_ARRAY(c->a, type, c->w->job_count);
    for (size_t i = 0; i < c->w->job_count; i++)
        nameset_add(&c->jobs, c->w->jobs[i]->id);
}

void check_contexts_init(checker *c) {
    add_fixed(c);
    add_inputs(c);
    if (c->w) add_jobs(c);
    /* A workflow's own keys see none of these; an action sees those of the job that runs it. */
    c->contexts[CONTEXT_NEEDS] = c->contexts[CONTEXT_MATRIX] = c->contexts[CONTEXT_JOBS] =
        TYPE(T_ANY);
    c->contexts[CONTEXT_STEPS] = object_of(shape_new(c, RULE_STEP, STR("steps")));
}

void check_contexts_job(checker *c, const workflow_job *job) {
    c->contexts[CONTEXT_NEEDS] = needs_type(c, job);
    c->contexts[CONTEXT_MATRIX] = matrix_type(c, job);
    c->contexts[CONTEXT_STEPS] = object_of(shape_new(c, RULE_STEP, STR("steps")));
}

void check_contexts_jobs(checker *c) {
    shape *s = shape_new(c, RULE_JOB, STR("jobs"));
    for (size_t i = 0; i < c->w->job_count; i++)
        shape_push(c, s, c->w->jobs[i]->id, job_type(c, "jobs", c->w->jobs[i]));
    c->contexts[CONTEXT_JOBS] = object_of(s);
}
