/* An action.yml is read twice: as a runner reads it, which decides whether it can run, and as
 * GitHub documents it, whose complaints are only warnings: most actions of the world have some. */
#include "workflow/action.h"

#include "workflow/convert.h"

#include <string.h>

typedef struct action_conversion {
    conversion c;
    action *act;
} action_conversion;

/* ---- inputs and outputs -------------------------------------------------------------------- */

static bool says_true(const token *t) {
    return t && ((t->kind == TOKEN_BOOL && t->boolean) || str_is(token_text(t), "true"));
}

static void take_inputs(arena *a, action *act, const token *t) {
    act->inputs = ARENA_ARRAY(a, action_input, t->mapping.count);
    act->input_count = t->mapping.count;
    for (size_t i = 0; i < t->mapping.count; i++) {
        const token_pair *pair = &t->mapping.pairs[i];
        act->inputs[i] = (action_input){
            .name = token_text(pair->key),
            .where = pair->key->where,
            .required = says_true(token_get(pair->item, "required")),
            .value = token_get(pair->item, "default"),
            .deprecation = token_text(token_get(pair->item, "deprecationMessage")),
        };
    }
}

static void take_outputs(arena *a, action *act, const token *t) {
    act->outputs = ARENA_ARRAY(a, action_output, t->mapping.count);
    act->output_count = t->mapping.count;
    for (size_t i = 0; i < t->mapping.count; i++) {
        const token_pair *pair = &t->mapping.pairs[i];
        act->outputs[i] = (action_output){.name = token_text(pair->key),
                                          .where = pair->key->where,
                                          .value = token_get(pair->item, "value")};
    }
}

/* ---- runs ---------------------------------------------------------------------------------- */

static const struct {
    const char *using;
    action_kind kind;
} usings[] = {
    {"composite", ACTION_COMPOSITE}, {"docker", ACTION_DOCKER}, {"node12", ACTION_NODE},
    {"node16", ACTION_NODE},         {"node20", ACTION_NODE},   {"node24", ACTION_NODE},
};

/* The condition under which an entry before or after the job's steps runs. */
static const expr *take_condition(action_conversion *x, const token *t, str *ret_text) {
    reading *r = x->c.r;
    const expr *condition = NULL;
    err e = {0};
    *ret_text = token_text(t);
    if (ret_text->len == 0) return NULL;
    uint32_t scope = schema_table[D_ACTION_RUNS_IF].scope;
    if (expr_parse(r->a, *ret_text, schema_scope(&r->scopes, r->a, scope), &condition, &e) < 0)
        reading_expression_error(r, t, *ret_text, scope, &e);
    return condition;
}

static void need_text(action_conversion *x, const token *runs, str text, const char *complaint) {
    if (text.len == 0)
        reading_error(x->c.r, runs->where, "syntax", "%s in %s.", complaint, x->act->path);
}

static void take_node(action_conversion *x, const token *runs) {
    x->act->main = token_text(token_get(runs, "main"));
    x->act->pre = token_text(token_get(runs, "pre"));
    x->act->post = token_text(token_get(runs, "post"));
    need_text(x, runs, x->act->main,
              "You are using a JavaScript Action but there is not an entry JavaScript file "
              "provided");
}

static void take_docker(action_conversion *x, const token *runs) {
    x->act->image = token_text(token_get(runs, "image"));
    x->act->args = token_get(runs, "args");
    x->act->env = token_get(runs, "env");
    x->act->main = token_text(token_get(runs, "entrypoint"));
    x->act->pre = token_text(token_get(runs, "pre-entrypoint"));
    x->act->post = token_text(token_get(runs, "post-entrypoint"));
    need_text(x, runs, x->act->image,
              "You are using a Container Action but an image is not provided");
}

static void take_composite(action_conversion *x, const token *runs) {
    const token *steps = token_get(runs, "steps");
    if (steps)
        convert_steps(&x->c, steps, &x->act->steps, &x->act->step_count);
    else
        need_text(x, runs, STR_EMPTY,
                  "You are using a composite action but there are no steps provided");
}

static void take_runs(action_conversion *x, const token *runs) {
    static void (*const take[ACTION_KIND_COUNT])(action_conversion *, const token *) = {
        [ACTION_COMPOSITE] = take_composite,
        [ACTION_NODE] = take_node,
        [ACTION_DOCKER] = take_docker,
    };
    action *act = x->act;
    const token *using = token_get(runs, "using");
    act->using = token_text(using);
    act->pre_if = take_condition(x, token_get(runs, "pre-if"), &act->pre_if_text);
    act->post_if = take_condition(x, token_get(runs, "post-if"), &act->post_if_text);
    for (size_t i = 0; i < sizeof usings / sizeof *usings; i++) {
        if (!str_eq_nocase(act->using, str_from(usings[i].using))) continue;
        act->kind = usings[i].kind;
        take[act->kind](x, runs);
        return;
    }
    if (using)
        reading_error(x->c.r, using->where, "syntax",
                      "'using: %.*s' is not supported, use 'docker', 'composite', 'node12', "
                      "'node16', 'node20' or 'node24' instead.",
                      STR_ARG(act->using));
    else
        reading_error(x->c.r, runs->where, "syntax",
                      "Missing 'using' value. 'using' requires 'composite', 'docker', 'node12', "
                      "'node16', 'node20' or 'node24'.");
}

/* ---- the file ------------------------------------------------------------------------------ */

static void convert_action(action_conversion *x, const token *root) {
    reading *r = x->c.r;
    const token *inputs = token_get(root, "inputs"), *outputs = token_get(root, "outputs");
    const token *runs = token_get(root, "runs");
    x->act->name = token_text(token_get(root, "name"));
    x->act->description = token_text(token_get(root, "description"));
    if (inputs && inputs->kind == TOKEN_MAPPING) take_inputs(r->a, x->act, inputs);
    if (outputs && outputs->kind == TOKEN_MAPPING) take_outputs(r->a, x->act, outputs);
    if (runs)
        take_runs(x, runs);
    else
        reading_error(r, root->where, "syntax", "Top level 'runs:' section is required for %s",
                      x->act->path);
}

static bool known(const problem_list *list, const problem *p) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].where.line == p->where.line &&
            list->items[i].where.column == p->where.column &&
            str_eq(list->items[i].message, p->message))
            return true;
    return false;
}

/* What the documentation asks for and a runner does not. */
static void warn_strictly(arena *a, str source, action *act) {
    problem_list strict = {.a = a};
    reading r;
    reading_init(&r, a, &strict, NULL);
    reading_file(&r, source, act->path, D_ACTION_ROOT_STRICT);
    for (size_t i = 0; i < strict.count; i++) {
        const problem *p = &strict.items[i];
        if (!known(&act->problems, p))
            problem_add(&act->problems, SEVERITY_WARNING, p->rule, p->where, p->help, "%.*s",
                        STR_ARG(p->message));
    }
}

int action_parse(arena *a, str source, const char *path, action **ret, err *e) {
    (void)e;
    action *act = ARENA_NEW(a, action);
    reading r;
    act->problems.a = a;
    reading_init(&r, a, &act->problems, NULL);
    act->path = reading_path(&r, str_from(path));
    act->source = source;
    *ret = act;
    static const workflow_options options = {.policy = POLICY_LIMITED_READ};
    action_conversion x = {
        .c = {.r = &r, .options = &options, .files = NAMESET(a), .steps = CONDITION_ACTION_STEP},
        .act = act,
    };
    const token *root = reading_file(&r, source, act->path, D_ACTION_ROOT);
    if (!root) return 0;
    if (act->problems.errors == 0) convert_action(&x, root);
    warn_strictly(a, source, act);
    return 0;
}
