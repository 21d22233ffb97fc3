/* schedule_job.c: a job's keys, evaluated in a run.
 *
 * Which contexts a key may use is "Context availability" of
 * https://docs.github.com/en/actions/reference/workflows-and-actions/contexts; the parser has
 * refused every other name, so that what is handed in here may be more than a key uses. */
#include "workflow/schedule_internal.h"

#include <string.h>

#define NAME_MAX_UNITS  100 /* UTF-16 code units of a job's name */
#define GROUP_MAX_UNITS 400
#define DEFAULT_TIMEOUT 360.0
#define DEFAULT_CANCEL  5.0

/* ---- needs and conditions ------------------------------------------------------------------ */

static node *need_at(const node *n, size_t k) {
    return &n->frame->nodes[n->job->needs[k]->index];
}

void schedule_node_contexts(schedule *s, node *n) {
    n->needs = value_object_new(s->a, false);
    for (size_t k = 0; k < n->job->need_count; k++)
        value_set(s->a, &n->needs, n->job->needs[k]->job->id, need_at(n, k)->as_need);
    n->contexts = value_object_new(s->a, false);
    value_set(s->a, &n->contexts, STR("github"), s->github);
    value_set(s->a, &n->contexts, STR("inputs"), n->frame->inputs);
    value_set(s->a, &n->contexts, STR("vars"), s->vars);
    value_set(s->a, &n->contexts, STR("needs"), n->needs);
}

/* BITs of the results of the needs that the arguments name; all ancestors' without arguments. */
static int results_of(const node *n, str function, const value *args, size_t count, unsigned *ret,
                      err *e) {
    *ret = count ? 0 : n->ancestors;
    for (size_t i = 0; i < count; i++) {
        str id = args[i].kind == VALUE_STRING ? args[i].string : STR_EMPTY;
        size_t k = 0;
        while (k < n->job->need_count && !str_eq_nocase(n->job->needs[k]->job->id, id))
            k++;
        if (k == n->job->need_count)
            return err_set(e, ERR_INVALID,
                           "%.*s() names '%.*s', which is not a job that '%.*s' needs",
                           STR_ARG(function), STR_ARG(id), STR_ARG(n->job->job->id));
        *ret |= BIT(need_at(n, k)->result);
    }
    return 0;
}

static int call_status(void *context, arena *a, str name, const value *args, size_t count,
                       value *ret, err *e) {
    (void)a;
    const node *n = context;
    bool stopped = n->frame->cancelled;
    unsigned results;
    if (str_eq_nocase(name, STR("always"))) {
        *ret = value_bool(true);
        return 0;
    }
    if (str_eq_nocase(name, STR("cancelled"))) {
        *ret = value_bool(stopped || n->frame->s->cancelled);
        return 0;
    }
    bool success = str_eq_nocase(name, STR("success"));
    if (!success && !str_eq_nocase(name, STR("failure")))
        return err_set(e, ERR_INVALID, "there is no function '%.*s' here", STR_ARG(name));
    int code = results_of(n, name, args, count, &results, e);
    if (code) return code;
    *ret = value_bool(!stopped && (success ? (results & ~BIT(JOB_SUCCESS)) == 0
                                           : (results & BIT(JOB_FAILURE)) != 0));
    return 0;
}

static bool ancestors_succeeded(const node *n) {
    return (n->ancestors & ~BIT(JOB_SUCCESS)) == 0;
}

int schedule_judge(schedule *s, node *n, bool *ret, err *e) {
    const token *condition = n->job->job->condition;
    if (!condition) {
        *ret = !n->frame->cancelled && ancestors_succeeded(n);
        return 0;
    }
    value v;
    expr_env env = {.contexts = &n->contexts, .call = call_status, .call_context = n};
    int code = token_eval(s->a, condition, &env, &v, e);
    if (code)
        return err_context(e, "Error when evaluating 'if' for job '%.*s'",
                           STR_ARG(n->job->job->id));
    *ret = value_truthy(&v);
    return 0;
}

static const char *did_what(job_result r) {
    return r == JOB_FAILURE ? "failed" : r == JOB_SKIPPED ? "was skipped" : "was cancelled";
}

str schedule_why_not(schedule *s, const node *n) {
    const token *condition = n->job->job->condition;
    if (n->frame->cancelled) return n->frame->cancel_reason;
    bool wants_success = !condition || (condition->kind == TOKEN_EXPR &&
                                        str_starts(condition->text, STR("success()")));
    if (!wants_success || ancestors_succeeded(n)) {
        str source = condition->source.len ? condition->source : condition->text;
        return arena_printf(s->a, "its condition is false: %.*s", STR_ARG(source));
    }
    for (size_t k = 0; k < n->job->need_count; k++) {
        const node *need = need_at(n, k);
        if (need->result != JOB_SUCCESS)
            return arena_printf(s->a, "it needs '%.*s', which %s", STR_ARG(need->job->job->id),
                                did_what(need->result));
    }
    bool failed = n->ancestors & BIT(JOB_FAILURE), cancelled = n->ancestors & BIT(JOB_CANCELLED);
    job_result worst = failed ? JOB_FAILURE : cancelled ? JOB_CANCELLED : JOB_SKIPPED;
    return arena_printf(s->a, "a job before it %s", did_what(worst));
}

/* ---- names --------------------------------------------------------------------------------- */

/* Cut to what GitHub shows, counted as it counts. */
static str shorten(arena *a, str name) {
    size_t units = 0, cut = 0;
    for (size_t at = 0; at < name.len;) {
        units += utf8_next(name, &at) > 0xFFFF ? 2 : 1;
        if (units <= NAME_MAX_UNITS - 3) cut = at;
    }
    if (units <= NAME_MAX_UNITS) return name;
    return arena_printf(a, "%.*s...", (int)cut, name.ptr);
}

static str with_label(arena *a, str name, str label) {
    if (label.len) name = arena_printf(a, "%.*s (%.*s)", STR_ARG(name), STR_ARG(label));
    return shorten(a, name);
}

/* The name without its matrix: what is written, unless a run has to evaluate it. */
static str plain_name(const plan_job *job) {
    const token *name = job->job->name;
    return name && name->kind == TOKEN_STRING && name->text.len ? name->text : job->job->id;
}

static str under_caller(arena *a, const node *n, str name, bool is_key) {
    const instance *caller = n->frame->caller;
    if (!caller) return name;
    str outer = is_key ? caller->pub.key : caller->pub.name;
    return arena_printf(a, "%.*s%s%.*s", STR_ARG(outer), is_key ? "/" : " / ", STR_ARG(name));
}

str schedule_node_key(schedule *s, const node *n) {
    return under_caller(s->a, n, n->job->job->id, true);
}

str schedule_node_name(schedule *s, const node *n) {
    return under_caller(s->a, n, plain_name(n->job), false);
}

/* ---- the matrix ---------------------------------------------------------------------------- */

typedef struct strategy {
    bool fail_fast;
    size_t max_parallel; /* 0: as many as there are */
    matrix_config *configs;
    size_t count;
} strategy;

static int read_strategy(schedule *s, node *n, strategy *ret, err *e) {
    *ret = (strategy){.fail_fast = true};
    expr_env env = {.contexts = &n->contexts};
    value v = VALUE_NULL_INIT;
    int code = token_eval(s->a, n->job->job->strategy, &env, &v, e);
    if (code) return code;
    const value *fail_fast = value_get(&v, STR("fail-fast"));
    const value *parallel = value_get(&v, STR("max-parallel"));
    const value *matrix = value_get(&v, STR("matrix"));
    if (fail_fast) ret->fail_fast = value_truthy(fail_fast);
    if (parallel && parallel->kind == VALUE_NUMBER && parallel->number >= 1)
        ret->max_parallel =
            parallel->number < MATRIX_JOBS_MAX ? (size_t)parallel->number : MATRIX_JOBS_MAX;
    return matrix ? matrix_expand(s->a, matrix, &ret->configs, &ret->count, e) : 0;
}

/* A key that no other configuration has: labels may be equal where values are not. */
static str unique_key(arena *a, value *seen, str key) {
    str unique = key;
    for (int n = 2; value_get(seen, unique); n++)
        unique = arena_printf(a, "%.*s #%d", STR_ARG(key), n);
    value_set(a, seen, unique, value_bool(true));
    return unique;
}

static value strategy_context(arena *a, const strategy *st, size_t index, size_t total) {
    value v = value_object_new(a, false);
    size_t parallel = st->max_parallel && st->count ? st->max_parallel : total;
    value_set(a, &v, STR("fail-fast"), value_bool(st->fail_fast));
    value_set(a, &v, STR("job-index"), value_number((double)index));
    value_set(a, &v, STR("job-total"), value_number((double)total));
    value_set(a, &v, STR("max-parallel"), value_number((double)parallel));
    return v;
}

static void make_instance(schedule *s, node *n, const strategy *st, size_t index, value *seen) {
    instance *i = &n->instances[n->count++];
    str label = st->count ? st->configs[index].label : STR_EMPTY;
    str key = with_label(s->a, n->job->job->id, label);
    i->node = n;
    i->ticket.instance = i;
    i->pub = (job_instance){
        .plan = n->job,
        .caller = n->frame->caller ? &n->frame->caller->pub : NULL,
        .index = (unsigned)index,
        .total = st->count ? (unsigned)st->count : 1,
        .matrix = st->count ? st->configs[index].values : VALUE_NULL_INIT,
        .needs = n->needs,
        .inputs = n->frame->inputs,
        .secrets = n->frame->secrets,
        .vars = s->vars,
        .github = s->github,
        .timeout_minutes = DEFAULT_TIMEOUT,
        .cancel_timeout_minutes = DEFAULT_CANCEL,
        .environment_deployment = true,
    };
    i->pub.key = under_caller(s->a, n, unique_key(s->a, seen, key), true);
    i->pub.name = under_caller(s->a, n, with_label(s->a, plain_name(n->job), label), false);
    i->pub.strategy = strategy_context(s->a, st, index, i->pub.total);
}

int schedule_expand(schedule *s, node *n, err *e) {
    strategy st;
    int code = schedule_grow(s, 1, e);
    if (!code) code = read_strategy(s, n, &st, e);
    if (!code && st.count) code = schedule_grow(s, st.count - 1, e);
    if (code) {
        const token *t = n->job->job->strategy;
        if (e->where.line == 0) e->where = t ? t->where : n->job->job->where;
        return err_context(e, "Error when evaluating 'strategy' for job '%.*s'",
                           STR_ARG(n->job->job->id));
    }
    size_t total = st.count ? st.count : 1;
    value seen = value_object_new(s->a, true);
    n->instances = ARENA_ARRAY(s->a, instance, total);
    n->fail_fast = st.fail_fast && total > 1;
    for (size_t index = 0; index < total; index++) {
        if (st.count && !plan_matrix_passes(s->plan->filter, &st.configs[index].values)) continue;
        make_instance(s, n, &st, index, &seen);
    }
    n->left = n->count;
    n->max_parallel = st.max_parallel ? st.max_parallel : n->count;
    return 0;
}

/* ---- one configuration --------------------------------------------------------------------- */

static int add_label(schedule *s, instance *i, const value *v, size_t cap, err *e) {
    str text =
        v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT ? STR_EMPTY : value_to_str(s->a, v);
    if (text.len == 0) return err_set(e, ERR_INVALID, "a label of the runner is empty");
    if (i->pub.label_count < cap) i->pub.labels[i->pub.label_count++] = text;
    return 0;
}

static int add_labels(schedule *s, instance *i, const value *v, err *e) {
    size_t count = v->kind == VALUE_ARRAY ? v->array.count : 1;
    i->pub.labels = ARENA_ARRAY(s->a, str, count);
    for (size_t k = 0; k < count; k++) {
        int code = add_label(s, i, v->kind == VALUE_ARRAY ? &v->array.items[k] : v, count, e);
        if (code) return code;
    }
    return 0;
}

/* A string, a list of strings, or a mapping of group and labels. */
static int read_runs_on(schedule *s, instance *i, const expr_env *env, err *e) {
    const token *t = i->pub.plan->job->runs_on;
    value v = VALUE_NULL_INIT;
    int code = token_eval(s->a, t, env, &v, e);
    if (code || !t) return code;
    if (v.kind != VALUE_OBJECT) {
        code = add_labels(s, i, &v, e);
    } else {
        const value *labels = value_get(&v, STR("labels")), *name = value_get(&v, STR("group"));
        if (name) i->pub.runner_group = value_to_str(s->a, name);
        if (labels) code = add_labels(s, i, labels, e);
    }
    if (!code && i->pub.label_count == 0 && i->pub.runner_group.len == 0)
        code = err_set(e, ERR_INVALID, "no runner is named");
    return code;
}

int schedule_read_concurrency(arena *a, const token *t, const expr_env *env, concurrency *ret,
                              err *e) {
    *ret = (concurrency){0};
    value v;
    if (!t || t->kind == TOKEN_NULL) return 0;
    int code = token_eval(a, t, env, &v, e);
    if (code) return code;
    const value *name = v.kind == VALUE_OBJECT ? value_get(&v, STR("group")) : &v;
    const value *cancel = value_get(&v, STR("cancel-in-progress"));
    const value *queue = value_get(&v, STR("queue"));
    ret->group = name ? value_to_str(a, name) : STR_EMPTY;
    ret->cancel_in_progress = cancel && value_truthy(cancel);
    ret->queue_max =
        queue && queue->kind == VALUE_STRING && str_eq_nocase(queue->string, STR("max"));
    if (ret->group.len == 0)
        return err_at(e, ERR_INVALID, t->where, "Concurrency group name cannot be empty");
    if (utf16_units(ret->group) > GROUP_MAX_UNITS)
        return err_at(e, ERR_INVALID, t->where,
                      "Concurrency group name must be less than 400 characters");
    if (ret->cancel_in_progress && ret->queue_max)
        return err_at(e, ERR_INVALID, t->where,
                      "'queue: max' and 'cancel-in-progress: true' cannot be combined");
    return 0;
}

/* The name and whether it is a deployment; `url` is evaluated when the job has run. */
static int read_environment(schedule *s, instance *i, const expr_env *env, err *e) {
    const token *t = i->pub.plan->job->environment;
    bool mapping = t && t->kind == TOKEN_MAPPING;
    value v = VALUE_NULL_INIT, deployment = VALUE_NULL_INIT;
    int code = token_eval(s->a, mapping ? token_get(t, "name") : t, env, &v, e);
    if (!code && mapping) code = token_eval(s->a, token_get(t, "deployment"), env, &deployment, e);
    if (code) return code;
    if (v.kind == VALUE_OBJECT) {
        const value *item = value_get(&v, STR("deployment"));
        if (item) deployment = *item;
        item = value_get(&v, STR("name"));
        v = item ? *item : VALUE_NULL_INIT;
    }
    i->pub.environment = value_to_str(s->a, &v);
    i->pub.environment_deployment = deployment.kind == VALUE_NULL || value_truthy(&deployment);
    return 0;
}

static int read_name(schedule *s, instance *i, const expr_env *env, err *e) {
    const token *name = i->pub.plan->job->name;
    str text = STR_EMPTY;
    if (!name || name->kind == TOKEN_STRING) return 0;
    int code = token_eval_str(s->a, name, env, &text, e);
    if (!code && text.len) i->pub.name = under_caller(s->a, i->node, text, false);
    return code;
}

static int read_minutes(schedule *s, const token *t, const expr_env *env, double *ret, err *e) {
    double minutes = 0;
    if (!t) return 0;
    int code = token_eval_number(s->a, t, env, &minutes, e);
    if (!code && minutes > 0) *ret = minutes;
    return code;
}

static int read_timeout(schedule *s, instance *i, const expr_env *env, err *e) {
    return read_minutes(s, i->pub.plan->job->timeout_minutes, env, &i->pub.timeout_minutes, e);
}

static int read_cancel_timeout(schedule *s, instance *i, const expr_env *env, err *e) {
    return read_minutes(s, i->pub.plan->job->cancel_timeout_minutes, env,
                        &i->pub.cancel_timeout_minutes, e);
}

static int read_continue(schedule *s, instance *i, const expr_env *env, err *e) {
    const token *t = i->pub.plan->job->continue_on_error;
    return t ? token_eval_bool(s->a, t, env, &i->pub.continue_on_error, e) : 0;
}

static int read_job_concurrency(schedule *s, instance *i, const expr_env *env, err *e) {
    int code =
        schedule_read_concurrency(s->a, i->pub.plan->job->concurrency, env, &i->concurrency, e);
    i->pub.concurrency_group = i->concurrency.group;
    i->pub.concurrency_cancel = i->concurrency.cancel_in_progress;
    return code;
}

int schedule_fill_instance(schedule *s, instance *i, err *e) {
    static const struct {
        const char *key;
        int (*read)(schedule *s, instance *i, const expr_env *env, err *e);
        size_t token; /* where workflow_job has it */
    } keys[] = {
        {"name", read_name, offsetof(workflow_job, name)},
        {"continue-on-error", read_continue, offsetof(workflow_job, continue_on_error)},
        {"timeout-minutes", read_timeout, offsetof(workflow_job, timeout_minutes)},
        {"cancel-timeout-minutes", read_cancel_timeout,
         offsetof(workflow_job, cancel_timeout_minutes)},
        {"runs-on", read_runs_on, offsetof(workflow_job, runs_on)},
        {"environment", read_environment, offsetof(workflow_job, environment)},
        {"concurrency", read_job_concurrency, offsetof(workflow_job, concurrency)},
    };
    const workflow_job *job = i->pub.plan->job;
    i->contexts = value_object_new(s->a, false);
    value_set_all(s->a, &i->contexts, &i->node->contexts);
    value_set(s->a, &i->contexts, STR("strategy"), i->pub.strategy);
    value_set(s->a, &i->contexts, STR("matrix"), i->pub.matrix);
    expr_env env = {.contexts = &i->contexts};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (keys[k].read(s, i, &env, e) == 0) continue;
        const token *t = *(const token *const *)((const char *)job + keys[k].token);
        if (e->where.line == 0 && t) e->where = t->where;
        return err_context(e, "Error when evaluating '%s' for job '%.*s'", keys[k].key,
                           STR_ARG(job->id));
    }
    return 0;
}
