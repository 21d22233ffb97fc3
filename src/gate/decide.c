/* decide.c: conditions over facts.
 *
 * A condition is taken apart at its && : each part is judged by itself, so that a report can show
 * each comparison with its value and its limit. Before anything is evaluated, every name that the
 * condition reads must be among the facts: the language itself takes what is absent for null, and
 * null == 0 is true there. */
#include "gate/policy.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT_MAX     2000 /* of a message */
#define CHECK_DEPTH  50

typedef struct judge {
    arena *a;
    const gate_condition *c;
    value contexts;
    gate_result *out;
    size_t check_cap, used_cap;
    str missing; /* the first fact that is not there */
} judge;

const char *gate_status_name(gate_status s) {
    static const char *const status_names[GATE_STATUS_COUNT] = {"passed", "failed", "missing",
                                                                "broken"};
    return status_names[s];
}

static int eval(judge *j, const expr *x, value *ret, err *e) {
    expr_env env = {.contexts = &j->contexts};
    return expr_eval(j->a, x, &env, ret, e);
}

/* ---- what a condition reads -------------------------------------------------------------------
 */

/* The dotted name of a chain of constant indexes, or an empty str. */
static str dotted(judge *j, const expr *x) {
    if (expr_kind_of(x) == EXPR_NAME) return expr_name_of(x);
    if (expr_kind_of(x) != EXPR_INDEX) return STR_EMPTY;
    const value *key = expr_literal_of(expr_child(x, 1));
    str outer = dotted(j, expr_child(x, 0));
    if (!outer.len || !key || key->kind != VALUE_STRING) return STR_EMPTY;
    return arena_printf(j->a, "%.*s.%.*s", STR_ARG(outer), STR_ARG(key->string));
}

/* "coverage", or "base.coverage". */
static str source_of(str name) {
    str head, rest, second, ignored;
    if (!str_cut(name, '.', &head, &rest) || !str_is(head, "base")) return head;
    str_cut(rest, '.', &second, &ignored);
    return str_sub(name, 0, head.len + 1 + second.len);
}

static void note_used(judge *j, str name) {
    str source = source_of(name);
    if (str_is(source, "with")) return;
    for (size_t i = 0; i < j->out->used_count; i++) {
        if (str_eq(j->out->used[i], source)) return;
    }
    ARENA_PUSH(j->a, j->out->used, j->out->used_count, j->used_cap, source);
}

static void need(judge *j, str name) {
    const value *v = value_path(&j->contexts, arena_cstr(j->a, name));
    note_used(j, name);
    if ((!v || v->kind == VALUE_NULL) && !j->missing.len) j->missing = name;
}

/* An index that is computed: what it finds must be there all the same. */
static void need_index(judge *j, const expr *x) {
    value v;
    err ignored = {0};
    if (expr_kind_of(expr_child(x, 1)) == EXPR_WILDCARD) return;
    if (eval(j, x, &v, &ignored) == 0 && v.kind == VALUE_NULL) j->missing = j->c->condition;
}

static void need_all(judge *j, const expr *x) {
    str name = dotted(j, x);
    if (name.len) {
        need(j, name);
        return;
    }
    for (size_t i = 0; i < expr_child_count(x); i++)
        need_all(j, expr_child(x, i));
    if (expr_kind_of(x) == EXPR_INDEX && !j->missing.len) need_index(j, x);
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static const char *operator_of(const expr *x) {
    static const char *const signs[EXPR_KIND_COUNT] = {
        [EXPR_EQ] = "==", [EXPR_NE] = "!=", [EXPR_LT] = "<",
        [EXPR_LE] = "<=", [EXPR_GT] = ">",  [EXPR_GE] = ">="};
    return signs[expr_kind_of(x)];
}

/* Percentages have long tails. They are cut, not rounded: 79.999 is not 80. */
static str shown_fraction(judge *j, double n) {
    double size = n < 0 ? -n : n;
    if (!(size < 1e9)) return arena_printf(j->a, "%g", n);
    if (size < 1) return arena_printf(j->a, "%.3g", n);
    double cut = (double)(int64_t)(size * 100 + 1e-6) / 100;
    return arena_printf(j->a, "%.2f", n < 0 ? -cut : cut);
}

static str shown(judge *j, const value *v) {
    bool whole = v->kind == VALUE_NUMBER && v->number > -1e15 && v->number < 1e15 &&
                 v->number == (double)(int64_t)v->number;
    if (v->kind == VALUE_NUMBER && !whole) return shown_fraction(j, v->number);
    if (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT)
        return arena_printf(j->a, "%zu entries", value_count(v));
    return value_to_str(j->a, v);
}

static str name_of(judge *j, const expr *x, str whole) {
    str name = dotted(j, x);
    return name.len ? name : whole;
}

static int add_check(judge *j, const expr *x, err *e) {
    gate_check check = {0};
    const char *sign = operator_of(x);
    value left, right, result;
    if (eval(j, x, &result, e) < 0) return e->code;
    check.passed = value_truthy(&result);
    if (sign) {
        if (eval(j, expr_child(x, 0), &left, e) < 0 || eval(j, expr_child(x, 1), &right, e) < 0)
            return e->code;
        check.expression = name_of(j, expr_child(x, 0), j->c->condition);
        check.value = shown(j, &left);
        check.limit = arena_printf(j->a, "%s %.*s", sign, STR_ARG(shown(j, &right)));
    } else {
        check.expression = name_of(j, x, j->c->condition);
        check.value = shown(j, &result);
    }
    ARENA_PUSH(j->a, j->out->checks, j->out->check_count, j->check_cap, check);
    return 0;
}

static int add_checks(judge *j, const expr *x, unsigned depth, err *e) {
    if (expr_kind_of(x) != EXPR_AND || depth == 0) return add_check(j, x, e);
    for (size_t i = 0; i < expr_child_count(x); i++) {
        if (add_checks(j, expr_child(x, i), depth - 1, e) < 0) return e->code;
    }
    return 0;
}

/* ---- messages ----------------------------------------------------------------------------------
 */

typedef struct telling {
    judge *j;
    strbuf out;
} telling;

static int tell_text(void *context, str text, err *e) {
    telling *t = context;
    (void)e;
    strbuf_add(&t->out, text);
    return 0;
}

/* What a message names and nobody knows is no reason to fail: the condition has spoken. */
static int tell_expression(void *context, str text, err *e) {
    telling *t = context;
    const expr *x;
    value v;
    int r = expr_parse(t->j->a, text, &gate_scope, &x, e);
    if (r == 0) r = eval(t->j, x, &v, e);
    if (r < 0) return r;
    strbuf_add(&t->out, v.kind == VALUE_NULL ? STR("(unknown)") : shown(t->j, &v));
    return 0;
}

static str message_of(judge *j, err *e) {
    telling t = {.j = j, .out = STRBUF_INIT};
    gate_parts parts = {&t, tell_text, tell_expression};
    str message = STR_EMPTY;
    if (gate_split(j->c->message, &parts, e) == 0) {
        bool long_one = t.out.len > TEXT_MAX;
        strbuf_truncate(&t.out, long_one ? TEXT_MAX : t.out.len);
        message = arena_printf(j->a, "%s%s", strbuf_cstr(&t.out), long_one ? "…" : "");
    }
    strbuf_done(&t.out);
    return message;
}

/* What is known under nearly that name: somebody may have misspelt it. */
static str nearest_fact(judge *j) {
    ptrdiff_t dot = str_rfind_char(j->missing, '.');
    if (dot < 0) return STR_EMPTY;
    str outer = str_sub(j->missing, 0, (size_t)dot),
        last = str_sub(j->missing, (size_t)dot + 1, j->missing.len);
    const value *object = value_path(&j->contexts, arena_cstr(j->a, outer));
    size_t all = value_count(object), count = 0;
    if (!object || object->kind != VALUE_OBJECT) return STR_EMPTY;
    str *known = ARENA_ARRAY(j->a, str, all);
    for (size_t i = 0; i < all; i++) {
        if (!str_eq_nocase(value_at(object, i)->key, last))
            known[count++] = value_at(object, i)->key;
    }
    str near = str_nearest(last, known, count);
    if (!near.len) return STR_EMPTY;
    return arena_printf(j->a, " (did you mean %.*s.%.*s?)", STR_ARG(outer), STR_ARG(near));
}

static str missing_message(judge *j) {
    const char *help = j->c->help.len ? arena_cstr(j->a, j->c->help) : NULL;
    return arena_printf(j->a, "there is no evidence of %.*s%.*s%s%s", STR_ARG(j->missing),
                        STR_ARG(nearest_fact(j)), help ? ": " : "", help ? help : "");
}

/* ---- the decision ------------------------------------------------------------------------------
 */

static gate_status judge_condition(judge *j, err *e) {
    const expr *x;
    if (expr_parse(j->a, j->c->condition, &gate_scope, &x, e) < 0) return GATE_BROKEN;
    need_all(j, x);
    if (j->missing.len) return GATE_MISSING;
    value result;
    if (eval(j, x, &result, e) < 0 || add_checks(j, x, CHECK_DEPTH, e) < 0) return GATE_BROKEN;
    return value_truthy(&result) ? GATE_PASSED : GATE_FAILED;
}

static void decide_one(arena *a, const gate_condition *c, const value *facts, gate_result *out) {
    judge j = {.a = a, .c = c, .out = out, .contexts = value_object_new(a, false)};
    err e = {0};
    *out = (gate_result){.condition = c};
    value_set_all(a, &j.contexts, facts);
    value_set(a, &j.contexts, STR("with"),
              c->with.kind == VALUE_OBJECT ? c->with : value_object_new(a, false));
    out->status = judge_condition(&j, &e);
    if (out->status == GATE_MISSING) out->message = missing_message(&j);
    if (out->status == GATE_FAILED) out->message = message_of(&j, &e);
    if (e.code) {
        out->status = GATE_BROKEN;
        out->message = arena_str(a, str_from(e.message));
    }
}

void gate_decide(arena *a, const gate *g, const value *facts, gate_decision *ret) {
    *ret = (gate_decision){.gate = g,
                           .passed = g->condition_count > 0,
                           .results = ARENA_ARRAY(a, gate_result, g->condition_count),
                           .count = g->condition_count};
    for (size_t i = 0; i < g->condition_count; i++) {
        decide_one(a, &g->conditions[i], facts, &ret->results[i]);
        ret->passed &= ret->results[i].status == GATE_PASSED;
    }
}

/* ---- tests of gates -----------------------------------------------------------------------------
 */

static const gate_result *first_failed(const gate_decision *d) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->results[i].status != GATE_PASSED) return &d->results[i];
    }
    return NULL;
}

/* The reason is the name of a condition that does not hold, or a part of its message. One that
 * lacks evidence has not been judged: a case that gives too little would prove nothing. */
static bool has_reason(const gate_decision *d, str reason) {
    bool is_name = false, told = false;
    for (size_t i = 0; i < d->count; i++) {
        const gate_result *r = &d->results[i];
        if (str_eq_nocase(r->condition->name, reason)) {
            is_name = true;
            if (r->status == GATE_FAILED || r->status == GATE_BROKEN) return true;
        }
        told |= r->status != GATE_PASSED && str_find(r->message, reason) >= 0;
    }
    return !is_name && told;
}

static str why_not(arena *a, const gate_test *t, const gate_decision *d) {
    const gate_result *failed = first_failed(d);
    if (t->passes && failed)
        return arena_printf(a, "it should pass, but '%.*s' %s: %.*s",
                            STR_ARG(failed->condition->name), gate_status_name(failed->status),
                            STR_ARG(failed->message));
    if (!t->passes && !failed) return STR("it should fail, but every condition passed");
    if (!t->passes && t->reason.len && !has_reason(d, t->reason))
        return arena_printf(a, "it fails, but not because of '%.*s': '%.*s' %s: %.*s",
                            STR_ARG(t->reason), STR_ARG(failed->condition->name),
                            gate_status_name(failed->status), STR_ARG(failed->message));
    return STR_EMPTY;
}

static gate only(const gate *g, str condition) {
    gate one = *g;
    for (size_t i = 0; condition.len && i < g->condition_count; i++) {
        if (!str_eq_nocase(g->conditions[i].name, condition)) continue;
        one.conditions = &g->conditions[i];
        one.condition_count = 1;
    }
    return one;
}

void gate_run_tests(arena *a, const gate *g, gate_test_result *ret) {
    for (size_t i = 0; i < g->test_count; i++) {
        const gate_test *t = &g->tests[i];
        ret[i] = (gate_test_result){.test = t};
        gate judged = only(g, t->condition);
        gate_decide(a, &judged, &t->given, &ret[i].decision);
        ret[i].decision.gate = g;
        ret[i].why = why_not(a, t, &ret[i].decision);
        ret[i].as_expected = ret[i].why.len == 0;
    }
}
