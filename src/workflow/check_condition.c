/* check_condition.c: conditions that come to the same whatever the run. A condition is folded in
 * three values: what depends on the run is unknown, and one operand may decide all the same. What
 * success(), failure() and cancelled() say together is tried out for each way in which a run can
 * stand. */
#include "workflow/check_internal.h"

/* ---- constants ----------------------------------------------------------------------------- */

static bool is_constant(const expr *x) {
    expr_kind kind = expr_kind_of(x);
    if (kind == EXPR_NAME || kind == EXPR_WILDCARD) return false;
    if (kind == EXPR_CALL && !expr_builtin(expr_name_of(x))) return false;
    for (size_t i = 0; i < expr_child_count(x); i++) {
        if (!is_constant(expr_child(x, i))) return false;
    }
    return true;
}

bool check_evaluate(checker *c, const expr *x, value *ret, err *e) {
    value none = value_object_new(c->a, false);
    expr_env env = {.contexts = &none, .max_bytes = 1 << 20};
    return expr_eval(c->a, x, &env, ret, e) == 0;
}

bool check_names_no_trigger(checker *c, const expr *left, const expr *right) {
    const value *v = expr_literal_of(right);
    check_path path;
    if (!c->w || !v || v->kind != VALUE_STRING || !check_path_of(left, &path) ||
        !check_path_matches(&path, "github.event_name", false))
        return false;
    for (size_t i = 0; i < c->w->trigger_count; i++) {
        str name = c->w->triggers[i].name;
        /* A reusable workflow sees its caller's event. */
        if (str_eq_nocase(name, v->string) || str_is(name, "workflow_call")) return false;
    }
    return true;
}

/* ---- folding ------------------------------------------------------------------------------- */

/* How a run stands: which of the functions say so. */
enum { STANDS_SUCCESS = 1, STANDS_FAILURE = 2, STANDS_CANCELLED = 4, STANDS_UNKNOWN = 8 };

typedef struct folding {
    checker *c;
    bool events;
    unsigned stands;
} folding;

static truth truth_of(bool holds) {
    return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static truth opposite(truth t) {
    return t == TRUTH_UNKNOWN ? t : truth_of(t == TRUTH_FALSE);
}

static truth fold(const folding *f, const expr *x);

/* One operand with the value `decisive` decides. */
static truth fold_operands(const folding *f, const expr *x, truth decisive) {
    truth result = opposite(decisive);
    for (size_t i = 0; i < expr_child_count(x); i++) {
        truth t = fold(f, expr_child(x, i));
        if (t == decisive) return t;
        if (t == TRUTH_UNKNOWN) result = t;
    }
    return result;
}

/* With arguments the functions speak of some jobs only. */
static truth fold_call(const folding *f, const expr *x) {
    static const char *const names[] = {"success", "failure", "cancelled"};
    if (f->stands == STANDS_UNKNOWN || expr_child_count(x)) return TRUTH_UNKNOWN;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq_nocase(expr_name_of(x), str_from(names[i]))) return truth_of(f->stands >> i & 1);
    }
    return TRUTH_UNKNOWN;
}

static truth fold_event(const folding *f, const expr *x) {
    const expr *left = expr_child(x, 0), *right = expr_child(x, 1);
    bool never = f->events && (check_names_no_trigger(f->c, left, right) ||
                               check_names_no_trigger(f->c, right, left));
    return never ? truth_of(expr_kind_of(x) == EXPR_NE) : TRUTH_UNKNOWN;
}

static truth fold(const folding *f, const expr *x) {
    value v;
    err ignored;
    if (is_constant(x))
        return check_evaluate(f->c, x, &v, &ignored) ? truth_of(value_truthy(&v)) : TRUTH_UNKNOWN;
    switch (expr_kind_of(x)) {
    case EXPR_AND: return fold_operands(f, x, TRUTH_FALSE);
    case EXPR_OR: return fold_operands(f, x, TRUTH_TRUE);
    case EXPR_NOT: return opposite(fold(f, expr_child(x, 0)));
    case EXPR_CALL: return fold_call(f, x);
    case EXPR_EQ:
    case EXPR_NE: return fold_event(f, x);
    case EXPR_LITERAL:
    case EXPR_NAME:
    case EXPR_WILDCARD:
    case EXPR_INDEX:
    case EXPR_LT:
    case EXPR_LE:
    case EXPR_GT:
    case EXPR_GE:
    case EXPR_KIND_COUNT: break;
    }
    return TRUTH_UNKNOWN;
}

/* True when the condition is false however the run stands. In a job that needs none, and that no
 * other workflow calls, nothing has failed before. */
static bool never_holds(folding f, const expr *x, const workflow_job *job, bool of_job) {
    static const unsigned ways[] = {0, STANDS_SUCCESS, STANDS_CANCELLED, STANDS_FAILURE,
                                    STANDS_FAILURE | STANDS_CANCELLED};
    bool first = of_job && job->need_count == 0 && !workflow_trigger(f.c->w, STR("workflow_call"));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        f.stands = ways[i];
        if (first && (f.stands & STANDS_FAILURE)) continue;
        if (fold(&f, x) != TRUTH_FALSE) return false;
    }
    return true;
}

truth check_truth(checker *c, const workflow_job *job, const site *s, bool events) {
    folding f = {c, events, STANDS_UNKNOWN};
    if (s->flags & SITE_EMBEDDED) return TRUTH_UNKNOWN;
    truth t = fold(&f, s->x);
    if (t == TRUTH_UNKNOWN && job && never_holds(f, s->x, job, s->t == job->condition))
        return TRUTH_FALSE;
    return t;
}

void check_constant_condition(checker *c, const site *s) {
    if (!(s->flags & SITE_CONDITION)) return;
    truth t = check_truth(c, c->job, s, false);
    if (t == TRUTH_UNKNOWN) return;
    check_add(c, RULE_CONSTANT, check_span(c, s->t, s->offset, s->text.len), STR_EMPTY,
              t == TRUTH_TRUE ? "This condition is always true"
                              : "This condition is always false, so this never runs");
}
