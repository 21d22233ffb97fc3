/* schedule_call.c: a job that calls a reusable workflow: what goes in, what comes out.
 *
 * https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows */
#include "workflow/inputs.h"
#include "workflow/schedule_internal.h"

frame *schedule_new_frame(schedule *s, const workflow *w, instance *caller, plan_job **jobs,
                          size_t count) {
    frame *f = ARENA_NEW(s->a, frame);
    *f = (frame){.s = s, .workflow = w, .caller = caller, .count = count, .left = count};
    f->ticket.frame = f;
    f->nodes = ARENA_ARRAY(s->a, node, count);
    for (size_t k = 0; k < count; k++) {
        f->nodes[k].job = jobs[k];
        f->nodes[k].frame = f;
        f->nodes[k].waits = jobs[k]->need_count;
        f->nodes[k].outputs = value_object_new(s->a, false);
    }
    return f;
}

/* github, inputs and vars: what a workflow-level expression of the frame may use. */
static value frame_contexts(schedule *s, const frame *f) {
    value contexts = value_object_new(s->a, false);
    value_set(s->a, &contexts, STR("github"), s->github);
    value_set(s->a, &contexts, STR("inputs"), f->inputs);
    value_set(s->a, &contexts, STR("vars"), s->vars);
    return contexts;
}

int schedule_frame_concurrency(schedule *s, const frame *f, concurrency *ret, err *e) {
    value contexts = frame_contexts(s, f);
    expr_env env = {.contexts = &contexts};
    int code = schedule_read_concurrency(s->a, f->workflow->concurrency, &env, ret, e);
    return code ? err_context(e, "Error when evaluating 'concurrency'") : 0;
}

int schedule_read_run_name(schedule *s, const frame *f, str *ret, err *e) {
    value contexts = frame_contexts(s, f);
    expr_env env = {.contexts = &contexts};
    int code = token_eval_str(s->a, f->workflow->run_name, &env, ret, e);
    *ret = code ? STR_EMPTY : str_trim(*ret);
    return code ? err_context(e, "Error when evaluating 'run-name'") : 0;
}

static int check_names(const workflow *called, const value *given, err *e) {
    for (size_t k = 0; k < value_count(given); k++) {
        str name = value_at(given, k)->key;
        if (!input_find(called->call_inputs, called->call_input_count, name))
            return err_set(e, ERR_INVALID,
                           "Invalid input, %.*s is not defined in the referenced workflow.",
                           STR_ARG(name));
    }
    return 0;
}

/* Where `with` gives that input; line 0 where it does not. */
static span place_of(const token *with, str name) {
    for (size_t k = 0; with && with->kind == TOKEN_MAPPING && k < with->mapping.count; k++) {
        if (str_eq_nocase(token_text(with->mapping.pairs[k].key), name))
            return with->mapping.pairs[k].item->where;
    }
    return (span){0};
}

static int read_inputs(schedule *s, const instance *i, frame *f, err *e) {
    const workflow *called = f->workflow;
    expr_env env = {.contexts = &i->contexts};
    value given = VALUE_NULL_INIT;
    int code = token_eval(s->a, i->pub.plan->job->with, &env, &given, e);
    if (!code) code = check_names(called, &given, e);
    f->inputs = value_object_new(s->a, false);
    for (size_t k = 0; !code && k < called->call_input_count; k++) {
        const workflow_input *in = &called->call_inputs[k];
        const value *v = value_get(&given, in->name);
        value item;
        if (!v && in->required && !in->value)
            return err_set(e, ERR_INVALID,
                           "Input %.*s is required, but not provided while calling.",
                           STR_ARG(in->name));
        code = input_value(s->a, in, v, INPUT_FROM_CALL, &env, &item, e);
        if (!code) value_set(s->a, &f->inputs, in->name, item);
        if (code && e->where.line == 0) e->where = place_of(i->pub.plan->job->with, in->name);
    }
    return code;
}

/* All of the caller's, or those that it maps and that are not empty; the token in any case. */
static int read_secrets(schedule *s, const instance *i, frame *f, err *e) {
    const workflow_job *job = i->pub.plan->job;
    const value *own = &i->node->frame->secrets;
    if (job->secrets_inherit) {
        f->secrets = *own;
        for (size_t k = 0; k < f->workflow->call_secret_count; k++) {
            const workflow_secret *secret = &f->workflow->call_secrets[k];
            if (secret->required && !value_get(own, secret->name))
                return err_set(e, ERR_INVALID,
                               "Secret %.*s is required, but not provided while calling.",
                               STR_ARG(secret->name));
        }
        return 0;
    }
    f->secrets = value_object_new(s->a, false);
    const value *token_secret = value_get(own, STR("GITHUB_TOKEN"));
    if (token_secret) value_set(s->a, &f->secrets, STR("GITHUB_TOKEN"), *token_secret);
    if (!job->secrets) return 0;
    value contexts = value_object_new(s->a, false), given = VALUE_NULL_INIT;
    value_set_all(s->a, &contexts, &i->contexts);
    value_set(s->a, &contexts, STR("secrets"), *own);
    expr_env env = {.contexts = &contexts};
    int code = token_eval(s->a, job->secrets, &env, &given, e);
    if (code) return code;
    for (size_t k = 0; k < value_count(&given); k++) {
        const value_pair *p = value_at(&given, k);
        str text = value_to_str(s->a, &p->item);
        if (text.len) value_set(s->a, &f->secrets, p->key, value_string(text));
    }
    return 0;
}

int schedule_open_call(schedule *s, instance *i, err *e) {
    const plan_job *job = i->pub.plan;
    if (!job->job->called)
        return err_at(e, ERR_NOT_FOUND, job->job->where,
                      "the reusable workflow '%.*s' was not read",
                      STR_ARG(token_text(job->job->uses)));
    int code = schedule_grow(s, job->child_count, e);
    if (code) return code;
    frame *f = schedule_new_frame(s, job->job->called, i, job->children, job->child_count);
    concurrency c = {0};
    code = read_inputs(s, i, f, e);
    if (!code) code = read_secrets(s, i, f, e);
    if (!code) code = schedule_frame_concurrency(s, f, &c, e);
    if (code) {
        if (e->where.line == 0) e->where = job->job->where;
        return err_context(e, "Error when calling '%.*s' in job '%.*s'",
                           STR_ARG(token_text(job->job->uses)), STR_ARG(job->job->id));
    }
    i->called = f;
    schedule_ask(s, &f->ticket, &c);
    return 0;
}

static int read_outputs(schedule *s, const frame *f, value *ret, err *e) {
    value contexts = frame_contexts(s, f), jobs = value_object_new(s->a, false);
    for (size_t k = 0; k < f->count; k++)
        value_set(s->a, &jobs, f->nodes[k].job->job->id, f->nodes[k].as_need);
    value_set(s->a, &contexts, STR("jobs"), jobs);
    expr_env env = {.contexts = &contexts};
    for (size_t k = 0; k < f->workflow->call_output_count; k++) {
        const workflow_output *out = &f->workflow->call_outputs[k];
        str text = STR_EMPTY;
        int code = token_eval_str(s->a, out->value, &env, &text, e);
        if (code) return err_context(e, "Error when evaluating output '%.*s'", STR_ARG(out->name));
        value_set(s->a, ret, out->name, value_string(text));
    }
    return 0;
}

void schedule_end_call(schedule *s, frame *f) {
    instance *i = f->caller;
    job_result result = schedule_roll_up(f->results);
    value outputs = value_object_new(s->a, false);
    str reason = STR_EMPTY;
    err e = {0};
    if (read_outputs(s, f, &outputs, &e)) {
        result = JOB_FAILURE;
        reason = schedule_error(s, &e);
    }
    schedule_give_back(s, &f->ticket);
    schedule_tell(s, SCHEDULE_CALL_FINISHED, i, result, reason, e.where, outputs);
    schedule_end_instance(s, i, result, &outputs);
}
