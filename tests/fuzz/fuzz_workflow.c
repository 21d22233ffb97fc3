/* What parses without errors can be walked, evaluated and checked. The input is read as a workflow,
 * which may call itself, and as an action. */
#include "fuzz.h"

#include "base/json.h"
#include "workflow/check.h"

static const char contexts_json[] =
    "{\"github\": {\"ref\": \"refs/heads/main\", \"event\": {\"a\": [1, {\"b\": null}]}},"
    " \"inputs\": {\"a\": [\"x\"], \"b\": {\"c\": true}}, \"matrix\": {\"os\": \"linux\"},"
    " \"env\": {\"A\": \"1\"}, \"vars\": {}, \"needs\": {}, \"steps\": {}}";

typedef struct call {
    str source;
    unsigned left;
} call;

static int itself(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                  err *e) {
    call *c = context;
    (void)a, (void)from;
    if (c->left == 0) return err_set(e, ERR_NOT_FOUND, "enough");
    c->left--;
    *ret_source = c->source;
    *ret_path = uses;
    return 0;
}

static int any_function(void *context, arena *a, str name, const value *args, size_t count,
                        value *ret, err *e) {
    (void)context, (void)a, (void)name, (void)args, (void)e;
    *ret = value_number((double)count);
    return 0;
}

static void evaluate(const token *t, const expr_env *env) {
    if (!t) return;
    _cleanup_arena_ arena *a = arena_new();
    value v;
    err e = {0};
    if (token_eval(a, t, env, &v, &e) < 0) CHECK(e.message[0]);
}

static void check_steps(const workflow_step *steps, size_t count, const expr_env *env) {
    for (size_t i = 0; i < count; i++) {
        const workflow_step *s = &steps[i];
        CHECK(s->kind < STEP_KIND_COUNT);
        CHECK(s->id.len > 0 && s->id.len <= 100);
        CHECK(s->condition && s->condition->kind == TOKEN_EXPR && s->condition->expr);
        CHECK((s->kind == STEP_RUN) == (s->run != NULL));
        CHECK((s->kind == STEP_USES) == (s->uses != NULL));
        evaluate(s->env, env);
        evaluate(s->with, env);
        evaluate(s->condition, env);
        check_steps(s->children, s->child_count, env);
    }
}

static void check_jobs(const workflow *w, const expr_env *env) {
    for (size_t i = 0; i < w->job_count; i++) {
        const workflow_job *job = w->jobs[i];
        CHECK(job->id.len > 0);
        CHECK(job->condition && job->condition->expr);
        CHECK(!job->uses || job->step_count == 0);
        evaluate(job->strategy, env);
        evaluate(job->runs_on, env);
        evaluate(job->env, env);
        evaluate(job->with, env);
        check_steps(job->steps, job->step_count, env);
        if (job->called) check_jobs(job->called, env);
    }
}

static void check_problems(const problem_list *list) {
    size_t errors = 0;
    for (size_t i = 0; i < list->count; i++) {
        CHECK(list->items[i].message.len > 0);
        CHECK(list->items[i].rule);
        errors += list->items[i].level == SEVERITY_ERROR;
    }
    CHECK(errors == list->errors);
}

/* Every finding has a place, which ends after it begins. */
static void check_findings(const problem_list *list, size_t lines) {
    check_problems(list);
    for (size_t i = 0; i < list->count; i++) {
        span where = list->items[i].where;
        CHECK(where.line > 0 && where.column > 0 && where.line <= lines);
        CHECK(where.end_line > where.line ||
              (where.end_line == where.line && where.end_column >= where.column));
    }
}

static size_t count_lines(str text) {
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n' || text.ptr[i] == '\r' || (text.ptr[i] & 0x80);
    return lines;
}

/* Whatever action a step uses is this one. */
static int any_action(void *context, arena *a, str uses, const action **ret, err *e) {
    action *found;
    (void)uses;
    int rc = action_parse(a, *(const str *)context, "action.yml", &found, e);
    *ret = rc ? NULL : found;
    return rc;
}

static void read_workflow(str text, const expr_env *env, bool loose) {
    _cleanup_arena_ arena *a = arena_new();
    call c = {text, 20};
    const workflow_options options = {
        .limits = {.max_result_bytes = 1 << 20, .max_nested = 3},
        .loose_events = loose,
        .file = itself,
        .file_context = &c,
    };
    workflow *w;
    err e = {0};
    if (workflow_parse(a, text, "fuzz.yml", &options, &w, &e) < 0) return;
    check_problems(&w->problems);
    if (w->problems.errors > 0) return;
    check_jobs(w, env);
    static str action_text = STR_INIT("name: n\ndescription: d\ninputs: {a: {required: true}}\n"
                                      "outputs: {b: {value: c}}\n"
                                      "runs: {using: composite, steps: []}\n");
    const check_options how = {.action = any_action, .action_context = &action_text};
    problem_list found = {.a = a};
    check_refused(w, &found);
    check_workflow(w, &how, &found);
    check_findings(&found, count_lines(text));
}

static void read_action(str text, const expr_env *env) {
    _cleanup_arena_ arena *a = arena_new();
    action *act;
    err e = {0};
    if (action_parse(a, text, "action.yml", &act, &e) < 0) return;
    check_problems(&act->problems);
    if (act->problems.errors > 0) return;
    for (size_t i = 0; i < act->input_count; i++)
        evaluate(act->inputs[i].value, env);
    for (size_t i = 0; i < act->output_count; i++)
        evaluate(act->outputs[i].value, env);
    check_steps(act->steps, act->step_count, env);
    problem_list found = {.a = a};
    check_action(act, NULL, &found);
    check_findings(&found, count_lines(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena *kept; /* from one run to the next */
    static value contexts;
    if (!kept) {
        kept = arena_new();
        CHECK(json_parse(kept, str_from(contexts_json), 0, &contexts, NULL) == 0);
    }
    const expr_env env = {.contexts = &contexts, .call = any_function, .max_bytes = 1 << 18};
    str text = {(const char *)data, size};
    read_workflow(text, &env, false);
    read_workflow(text, &env, true);
    read_action(text, &env);
    return 0;
}
