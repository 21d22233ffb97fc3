#include "workflow/check_internal.h"

static const check_rule rules[RULE_COUNT] = {
#define X(id, name, level, summary, help) [RULE_##id] = {name, SEVERITY_##level, summary, help},
    CHECK_RULES(X)
#undef X
};

const check_rule *check_rules(size_t *ret_count) {
    *ret_count = RULE_COUNT;
    return rules;
}

static void add(checker *c, check_rule_id rule, severity level, span where, str help,
                const char *format, va_list args) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_vaddf(&text, format, args);
    str key = arena_printf(c->a, "%u:%u %s %s", where.line, where.column, rules[rule].id,
                           strbuf_cstr(&text));
    if (!nameset_add(&c->seen, key)) return;
    problem_add(c->out, level, rules[rule].id, where,
                help.len ? arena_str(c->a, help) : str_from(rules[rule].help), "%s",
                strbuf_cstr(&text));
}

void check_add(checker *c, check_rule_id rule, span where, str help, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(c, rule, rules[rule].level, where, help, format, args);
    va_end(args);
}

void check_add_level(checker *c, check_rule_id rule, severity level, span where, str help,
                     const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(c, rule, level, where, help, format, args);
    va_end(args);
}

str check_nearest(checker *c, str word, const str *candidates, size_t count) {
    str near = str_nearest(word, candidates, count);
    return near.len ? arena_printf(c->a, "did you mean '%.*s'?", STR_ARG(near)) : STR_EMPTY;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static unsigned script_flags(const workflow_step *step, str input) {
    str uses = token_text(step->uses);
    bool github_script = str_starts(uses, STR("actions/github-script@"));
    return github_script && str_eq_nocase(input, STR("script")) ? SITE_JAVASCRIPT : 0;
}

static void walk_with(checker *c, const workflow_step *step) {
    const token *with = step->with;
    if (!with || with->kind != TOKEN_MAPPING) {
        check_token(c, with, 0);
        return;
    }
    for (size_t i = 0; i < with->mapping.count; i++) {
        const token_pair *pair = &with->mapping.pairs[i];
        check_token(c, pair->key, 0);
        check_token(c, pair->item, script_flags(step, token_text(pair->key)));
    }
}

static void walk_steps(checker *c, const workflow_step *steps, size_t count) {
    const env_level *outer = c->env;
    for (size_t i = 0; i < count; i++) {
        const workflow_step *step = &steps[i];
        const token *const plain[] = {step->name,  step->continue_on_error, step->timeout_minutes,
                                      step->shell, step->working_directory, step->env};
        const env_level level = {step->env, outer};
        c->env = &level;
        check_condition(c, step->condition);
        for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
            check_token(c, plain[k], 0);
        check_token(c, step->run, SITE_SHELL);
        walk_with(c, step);
        check_step(c, step);
        check_positive(c, step->timeout_minutes, "timeout-minutes");
        check_step_uses(c, step);
        walk_steps(c, step->children, step->child_count);
        check_contexts_step(c, step);
        c->env = outer;
    }
}

static void walk_job(checker *c, const workflow_job *job) {
    const token *const plain[] = {job->name,
                                  job->strategy,
                                  job->continue_on_error,
                                  job->timeout_minutes,
                                  job->concurrency,
                                  job->env,
                                  job->defaults,
                                  job->runs_on,
                                  job->container,
                                  job->services,
                                  job->snapshot,
                                  job->with,
                                  job->secrets,
                                  job->cancel_timeout_minutes};
    const env_level *outer = c->env;
    const env_level level = {job->env, outer};
    c->job = job;
    c->env = &level;
    check_contexts_job(c, job);
    check_condition(c, job->condition);
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
        check_token(c, plain[k], 0);
    check_job(c, job);
    check_positive(c, job->timeout_minutes, "timeout-minutes");
    check_positive(c, token_get(job->strategy, "max-parallel"), "max-parallel");
    check_job_uses(c, job);
    walk_steps(c, job->steps, job->step_count);
    /* Outputs, and the environment's url, are read when the steps have run. */
    check_token(c, job->outputs, 0);
    check_token(c, job->environment, 0);
    c->job = NULL;
    c->env = outer;
}

void check_refused(const workflow *w, problem_list *out) {
    checker c = {.a = out->a,
                 .out = out,
                 .seen = NAMESET(out->a),
                 .w = w,
                 .file = {.a = out->a, .source = w->source}};
    check_triggers(&c);
    check_schedules(&c);
    check_refused_literals(&c);
}

void check_workflow(const workflow *w, const check_options *options, problem_list *out) {
    checker c = {.a = out->a,
                 .options = options,
                 .out = out,
                 .seen = NAMESET(out->a),
                 .w = w,
                 .file = {.a = out->a, .source = w->source}};
    const env_level level = {w->env, NULL};
    c.env = &level;
    check_contexts_init(&c);
    check_write_all(&c, w->root);
    check_default_shell(&c, w->defaults);
    check_token(&c, w->run_name, 0);
    check_token(&c, w->env, 0);
    check_token(&c, w->concurrency, 0);
    check_reachable(&c);
    for (size_t i = 0; i < w->job_count; i++)
        walk_job(&c, w->jobs[i]);
    check_contexts_jobs(&c);
    for (size_t i = 0; i < w->call_output_count; i++)
        check_token(&c, w->call_outputs[i].value, 0);
}

void check_action(const action *act, const check_options *options, problem_list *out) {
    checker c = {.a = out->a,
                 .options = options,
                 .out = out,
                 .seen = NAMESET(out->a),
                 .act = act,
                 .file = {.a = out->a, .source = act->source}};
    check_contexts_init(&c);
    for (size_t i = 0; i < act->input_count; i++)
        check_token(&c, act->inputs[i].value, 0);
    walk_steps(&c, act->steps, act->step_count);
    for (size_t i = 0; i < act->output_count; i++)
        check_token(&c, act->outputs[i].value, 0);
}
