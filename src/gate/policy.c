#include "gate/policy.h"

#include "base/nameset.h"
#include "base/yaml_read.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RULE         "gates"
#define EVIDENCE_MAX 1000

static const expr_name names[] = {
    {STR_INIT("tests"), 0, 0}, {STR_INIT("coverage"), 0, 0}, {STR_INIT("findings"), 0, 0},
    {STR_INIT("sbom"), 0, 0},  {STR_INIT("load"), 0, 0},     {STR_INIT("reviews"), 0, 0},
    {STR_INIT("base"), 0, 0},  {STR_INIT("change"), 0, 0},   {STR_INIT("with"), 0, 0}};

const expr_scope gate_scope = {.values = names, .value_count = COUNT(names)};

/* ---- texts with expressions -------------------------------------------------------------------
 */

int gate_split(str text, const gate_parts *parts, err *e) {
    while (text.len) {
        ptrdiff_t open = str_find(text, STR("${{"));
        size_t before = open < 0 ? text.len : (size_t)open;
        if (before && parts->text(parts->context, str_sub(text, 0, before), e) < 0) return e->code;
        if (open < 0) return 0;
        ptrdiff_t end = expr_end(text, before + 3);
        if (end < 0) return err_set(e, ERR_INVALID, "a '${{' without its '}}'");
        str inner = str_trim(str_sub(text, before + 3, (size_t)end - 2));
        if (parts->expression(parts->context, inner, e) < 0) return e->code;
        text = str_sub(text, (size_t)end, text.len);
    }
    return 0;
}

static int ignore_text(void *context, str text, err *e) {
    (void)context, (void)text, (void)e;
    return 0;
}

static int try_expression(void *context, str text, err *e) {
    const expr *x;
    int r = expr_parse(context, text, &gate_scope, &x, e);
    return r == 0 && !x ? err_set(e, ERR_INVALID, "an empty expression") : r;
}

static void judge_message(yaml_reader *r, const yaml_node *n, str message) {
    err e = {0};
    gate_parts parts = {r->a, ignore_text, try_expression};
    if (gate_split(message, &parts, &e) < 0) YAML_WRONG(r, n, STR_EMPTY, "%s", e.message);
}

/* `if` may stand in ${{ }} or not, as in a workflow. */
static void take_condition(yaml_reader *r, const yaml_node *n, gate_condition *c) {
    yaml_text text;
    err e = {0};
    if (!yaml_take_text(r, n, "'if'", &text)) return;
    str inner = str_trim(text.text);
    if (str_starts(inner, STR("${{")) && str_ends(inner, STR("}}")))
        inner = str_trim(str_sub(inner, 3, inner.len - 2));
    if (try_expression(r->a, inner, &e) < 0) YAML_WRONG(r, n, STR_EMPTY, "%s", e.message);
    c->condition = inner;
}

/* ---- one condition ----------------------------------------------------------------------------
 */

static const gate_builtin *builtin(str name) {
    size_t count;
    const gate_builtin *b = gate_builtins(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, b[i].name)) return &b[i];
    }
    return NULL;
}

static size_t parameter_count(const gate_builtin *b) {
    size_t n = 0;
    while (n < COUNT(b->parameters) && b->parameters[n].name)
        n++;
    return n;
}

static void use_builtin(arena *a, const gate_builtin *b, gate_condition *c) {
    c->name = str_from(b->name);
    c->condition = str_from(b->condition);
    c->message = str_from(b->message);
    c->help = str_from(b->help);
    c->with = value_object_new(a, false);
    for (size_t i = 0; i < parameter_count(b); i++)
        value_set(a, &c->with, str_from(b->parameters[i].name),
                  value_number(b->parameters[i].fallback));
}

typedef struct parameters {
    const gate_builtin *b;
    gate_condition *c;
} parameters;

static void take_parameter(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    parameters *p = context;
    double n;
    if (yaml_take_number(r, item, p->b->parameters[key].name, &n))
        value_set(r->a, &p->c->with, str_from(p->b->parameters[key].name), value_number(n));
}

static void suggest_builtin(yaml_reader *r, const yaml_node *n, str name) {
    str known[32];
    size_t count;
    const gate_builtin *b = gate_builtins(&count);
    for (size_t i = 0; i < count; i++)
        known[i] = str_from(b[i].name);
    str help = yaml_suggest(r, name, known, count);
    YAML_WRONG(r, n, help.len ? help : STR("a condition of your own has a name and an 'if'"),
               "there is no built-in condition '%.*s'", STR_ARG(name));
}

/* "- tests", or "- coverage: {minimum: 85}" */
static void take_builtin(yaml_reader *r, const yaml_node *key, const yaml_node *with,
                         gate_condition *c) {
    yaml_text name;
    if (!yaml_take_text(r, key, "a condition", &name)) return;
    const gate_builtin *b = builtin(name.text);
    if (!b) {
        suggest_builtin(r, key, name.text);
        return;
    }
    use_builtin(r->a, b, c);
    if (!with || !yaml_is_mapping(r, with, b->name)) return;
    str known[COUNT(b->parameters)];
    size_t count = parameter_count(b);
    for (size_t i = 0; i < count; i++)
        known[i] = str_from(b->parameters[i].name);
    yaml_take_keys(r, with, known, count, b->name, take_parameter, &(parameters){b, c});
}

static const str condition_keys[] = {STR_INIT("name"), STR_INIT("if"), STR_INIT("message")};

static void take_condition_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    gate_condition *c = context;
    yaml_text text;
    if (key == 1) {
        take_condition(r, item, c);
        return;
    }
    if (!yaml_take_text(r, item, key ? "'message'" : "'name'", &text)) return;
    if (key == 0) c->name = text.text;
    if (key == 2) judge_message(r, item, c->message = text.text);
}

static bool is_own(const yaml_node *n) {
    return yaml_get(n, "if") || yaml_get(n, "name");
}

static void take_one(yaml_reader *r, const yaml_node *n, gate_condition *c) {
    size_t errors = r->problems->errors;
    *c = (gate_condition){.where = n->where};
    if (n->kind == YAML_SCALAR) {
        take_builtin(r, n, NULL, c);
    } else if (n->kind == YAML_MAPPING && !is_own(n) && n->mapping.count == 1) {
        take_builtin(r, n->mapping.pairs[0].key, n->mapping.pairs[0].item, c);
    } else if (yaml_is_mapping(r, n, "a condition")) {
        yaml_take_keys(r, n, condition_keys, COUNT(condition_keys), "a condition",
                       take_condition_key, c);
        if (r->problems->errors == errors && (!c->name.len || !c->condition.len))
            YAML_WRONG(r, n, STR_EMPTY, "a condition of your own needs a 'name' and an 'if'");
    }
}

static void take_conditions(yaml_reader *r, const yaml_node *n, gate *g) {
    nameset seen = NAMESET(r->a);
    if (!yaml_is_sequence(r, n, "conditions")) return;
    if (n->sequence.count > GATE_CONDITIONS_MAX || n->sequence.count == 0) {
        YAML_WRONG(r, n, STR_EMPTY, "a gate has 1 to %d conditions", GATE_CONDITIONS_MAX);
        return;
    }
    g->conditions = ARENA_ARRAY(r->a, gate_condition, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        gate_condition *c = &g->conditions[g->condition_count];
        size_t errors = r->problems->errors;
        take_one(r, n->sequence.items[i], c);
        if (r->problems->errors > errors) continue;
        if (!nameset_add(&seen, c->name))
            YAML_WRONG(r, n->sequence.items[i], STR_EMPTY, "the condition '%.*s' stands here twice",
                       STR_ARG(c->name));
        g->condition_count++;
    }
}

/* ---- tests of a gate --------------------------------------------------------------------------
 */

static const str test_keys[] = {STR_INIT("name"), STR_INIT("given"), STR_INIT("expect"),
                                STR_INIT("reason"), STR_INIT("condition")};

static void take_given(yaml_reader *r, const yaml_node *n, gate_test *t) {
    err e = {0};
    if (!yaml_is_mapping(r, n, "given")) return;
    if (yaml_value(r->a, n, &t->given, &e) < 0) YAML_WRONG(r, n, STR_EMPTY, "%s", e.message);
}

static void take_expect(yaml_reader *r, const yaml_node *n, gate_test *t) {
    yaml_text text;
    if (!yaml_take_text(r, n, "'expect'", &text)) return;
    t->passes = str_is(text.text, "pass");
    if (!t->passes && !str_is(text.text, "fail"))
        YAML_WRONG(r, n, STR_EMPTY, "'expect' is pass or fail, not '%.*s'", STR_ARG(text.text));
}

static void take_test_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    gate_test *t = context;
    yaml_text text;
    if (key == 1) take_given(r, item, t);
    if (key == 2) take_expect(r, item, t);
    str *const texts[] = {&t->name, NULL, NULL, &t->reason, &t->condition};
    if (texts[key] && yaml_take_text(r, item, "it", &text)) *texts[key] = text.text;
}

static void take_tests(yaml_reader *r, const yaml_node *n, gate *g) {
    if (!yaml_is_sequence(r, n, "tests")) return;
    if (n->sequence.count > GATE_TESTS_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "a gate has at most %d tests", GATE_TESTS_MAX);
        return;
    }
    g->tests = ARENA_ARRAY(r->a, gate_test, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        const yaml_node *item = n->sequence.items[i];
        gate_test *t = &g->tests[g->test_count++];
        *t = (gate_test){.where = item->where, .given = value_object_new(r->a, true)};
        if (!yaml_is_mapping(r, item, "a test")) continue;
        yaml_take_keys(r, item, test_keys, COUNT(test_keys), "a test", take_test_key, t);
        if (!yaml_get(item, "expect") || !yaml_get(item, "name"))
            YAML_WRONG(r, item, STR_EMPTY, "a test needs a 'name' and what to 'expect'");
    }
}

/* After the conditions, wherever they stand. */
static void judge_tests(yaml_reader *r, const gate *g) {
    for (size_t i = 0; i < g->test_count; i++) {
        const gate_test *t = &g->tests[i];
        bool known = !t->condition.len;
        for (size_t c = 0; c < g->condition_count && !known; c++)
            known = str_eq_nocase(g->conditions[c].name, t->condition);
        if (!known)
            problem_add(r->problems, SEVERITY_ERROR, r->rule, t->where, STR_EMPTY,
                        "the gate '%.*s' has no condition '%.*s'", STR_ARG(g->name),
                        STR_ARG(t->condition));
    }
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static const str gate_keys[] = {STR_INIT("conditions"), STR_INIT("tests")};

static void take_gate_key(yaml_reader *r, size_t key, const yaml_node *item, void *context) {
    if (key == 0) take_conditions(r, item, context);
    if (key == 1) take_tests(r, item, context);
}

static void use_all_builtins(arena *a, gate *g) {
    size_t count;
    const gate_builtin *b = gate_builtins(&count);
    g->conditions = ARENA_ARRAY(a, gate_condition, count);
    for (; g->condition_count < count; g->condition_count++)
        use_builtin(a, &b[g->condition_count], &g->conditions[g->condition_count]);
}

static void take_gates(yaml_reader *r, const yaml_node *n, gate_policy *p) {
    nameset seen = NAMESET(r->a);
    if (!yaml_is_mapping(r, n, "gates")) return;
    if (n->mapping.count > GATES_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'gates' has more than %d entries", GATES_MAX);
        return;
    }
    p->gates = ARENA_ARRAY(r->a, gate, n->mapping.count + 1);
    for (size_t i = 0; i < n->mapping.count; i++) {
        const yaml_pair *pair = &n->mapping.pairs[i];
        gate *g = &p->gates[p->count];
        yaml_text name;
        if (!yaml_take_text(r, pair->key, "a gate's name", &name)) continue;
        if (!nameset_add(&seen, name.text) || str_is(name.text, "test")) {
            bool taken = str_is(name.text, "test"); /* by 'slipway gate test' */
            YAML_WRONG(r, pair->key, STR_EMPTY,
                       taken ? "a gate cannot be called '%.*s'" : "'%.*s' is already defined",
                       STR_ARG(name.text));
            continue;
        }
        *g = (gate){.name = name.text, .where = pair->key->where};
        p->count++;
        if (pair->item->kind == YAML_SEQUENCE)
            take_conditions(r, pair->item, g);
        else if (yaml_is_mapping(r, pair->item, "a gate"))
            yaml_take_keys(r, pair->item, gate_keys, COUNT(gate_keys), "a gate", take_gate_key, g);
        if (!g->conditions) use_all_builtins(r->a, g);
        judge_tests(r, g);
    }
}

static void take_evidence(yaml_reader *r, const yaml_node *n, gate_policy *p) {
    if (!yaml_is_sequence(r, n, "evidence")) return;
    if (n->sequence.count > EVIDENCE_MAX) {
        YAML_WRONG(r, n, STR_EMPTY, "'evidence' has more than %d entries", EVIDENCE_MAX);
        return;
    }
    p->evidence = ARENA_ARRAY(r->a, str, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        yaml_text glob;
        if (yaml_take_text(r, n->sequence.items[i], "an entry of 'evidence'", &glob))
            p->evidence[p->evidence_count++] = glob.text;
    }
}

static void use_default_gate(arena *a, gate_policy *p) {
    p->gates = ARENA_ARRAY(a, gate, 1);
    p->gates[0] = (gate){.name = STR("default")};
    p->count = 1;
    use_all_builtins(a, &p->gates[0]);
}

int gate_policy_parse(arena *a, str source, const char *path, gate_policy **ret, err *e) {
    static const yaml_limits limits = {.anchors = true};
    gate_policy *p = *ret = ARENA_NEW(a, gate_policy);
    p->problems.a = a;
    yaml_reader r = {a, &p->problems, RULE};
    const yaml_node *root = NULL;
    const char *file = arena_cstr(a, str_from(path));
    err wrong = {0};
    (void)e;
    if (yaml_parse(a, source, file, &limits, &root, &wrong) < 0) {
        span where = wrong.where.line ? wrong.where : (span){.file = file};
        problem_add(&p->problems, SEVERITY_ERROR, "syntax", where, STR_EMPTY, "%s", wrong.message);
        return 0;
    }
    bool mapping = root && yaml_is_mapping(&r, root, "slipway.yml");
    const yaml_node *gates = mapping ? yaml_get(root, "gates") : NULL,
                    *reports = mapping ? yaml_get(root, "evidence") : NULL;
    if (gates) take_gates(&r, gates, p);
    if (reports) take_evidence(&r, reports, p);
    if (!p->count) use_default_gate(a, p);
    return 0;
}

const gate *gate_find(const gate_policy *p, str name) {
    str wanted = name.len ? name : STR("default");
    for (size_t i = 0; i < p->count; i++) {
        if (str_eq_nocase(p->gates[i].name, wanted)) return &p->gates[i];
    }
    return name.len == 0 && p->count == 1 ? &p->gates[0] : NULL;
}
