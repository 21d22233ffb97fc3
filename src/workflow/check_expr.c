/* check_expr.c: a walk over an expression that gives each node a type: the kinds that its value can
 * have. Of what is not known every kind is possible, and only what goes wrong with all kinds is
 * reported. */
#include "workflow/check_internal.h"
#include "workflow/schema.h"

#include <math.h>

static type type_of(checker *c, const site *s, const expr *x);

/* ---- names of things ----------------------------------------------------------------------- */

/* "an object", for messages; "" when the kinds are mixed. */
static const char *kind_name(unsigned kinds) {
    switch (kinds) {
    case T_BOOL: return "a boolean";
    case T_NUMBER: return "a number";
    case T_STRING: return "a string";
    case T_ARRAY: return "an array";
    case T_OBJECT: return "an object";
    default: return (kinds & ~(unsigned)T_COMPOUND) == 0 ? "an object or an array" : "a value";
    }
}

static str text_of(const site *s, const expr *x) {
    return str_sub(check_expr_text(s, x), 0, 60);
}

/* ---- properties ---------------------------------------------------------------------------- */

static str missing_help(checker *c, const shape *known, str name) {
    str names[256];
    size_t count = 0;
    while (count < known->count && count < 256) {
        names[count] = known->items[count].name;
        count++;
    }
    return check_nearest(c, name, names, count);
}

static bool is_later_step(const workflow_step *steps, size_t count, str id) {
    for (size_t i = 0; i < count; i++) {
        if (steps[i].id_given && str_eq_nocase(steps[i].id, id)) return true;
        if (is_later_step(steps[i].children, steps[i].child_count, id)) return true;
    }
    return false;
}

static const char *missing_reason(checker *c, const shape *known, str name) {
    static const char *const reasons[RULE_COUNT] = {
        [RULE_PROPERTY] = "which does not exist",
        [RULE_NEED] = "which is not in `needs` of this job",
        [RULE_STEP] = "but no step of this job has that id",
        [RULE_OUTPUT] = "which is not declared as an output",
        [RULE_INPUT] = "which this file does not declare as an input",
        [RULE_MATRIX] = "which is not in the matrix of this job",
        [RULE_JOB] = "but there is no such job in this file",
    };
    const workflow_step *steps = c->job ? c->job->steps : c->act ? c->act->steps : NULL;
    size_t count = c->job ? c->job->step_count : c->act ? c->act->step_count : 0;
    if (known->rule == RULE_STEP && is_later_step(steps, count, name))
        return "but that step has not run before this one";
    return reasons[known->rule];
}

static void report_missing(checker *c, const site *s, const shape *known, const expr *key,
                           str name) {
    check_add_level(c, known->rule, known->level, check_expr_span(c, s, key),
                    missing_help(c, known, name), "'%.*s.%.*s' is read, %s", STR_ARG(known->owner),
                    STR_ARG(name), missing_reason(c, known, name));
}

static type property_type(checker *c, const site *s, type owner, const expr *key, str name) {
    if (owner.kinds != T_OBJECT || !owner.shape) return TYPE(T_ANY);
    const property *p = shape_find(owner.shape, name);
    if (p) return p->type;
    if (owner.shape->open) return owner.shape->other;
    report_missing(c, s, owner.shape, key, name);
    return TYPE(T_ANY);
}

static type index_type(checker *c, const site *s, const expr *x) {
    const expr *object = expr_child(x, 0), *key = expr_child(x, 1);
    type owner = type_of(c, s, object);
    const value *name = expr_literal_of(key);
    if (expr_kind_of(key) == EXPR_WILDCARD) return TYPE(T_ARRAY);
    if (!name) type_of(c, s, key);
    if (owner.kinds && (owner.kinds & (T_COMPOUND | T_NULL)) == 0) {
        check_add(c, RULE_PROPERTY, check_expr_span(c, s, key), STR_EMPTY,
                  "'%.*s' is %s and has no properties", STR_ARG(text_of(s, object)),
                  kind_name(owner.kinds));
        return TYPE(T_NULL);
    }
    if (!name || name->kind != VALUE_STRING) return TYPE(T_ANY);
    return property_type(c, s, owner, key, name->string);
}

static type name_type(checker *c, const expr *x) {
    for (int i = 0; i < CONTEXT_COUNT; i++) {
        if (str_eq_nocase(expr_name_of(x), str_from(check_context_names[i]))) return c->contexts[i];
    }
    return TYPE(T_ANY);
}

/* ---- comparisons --------------------------------------------------------------------------- */

static bool is_equality(const expr *x) {
    return expr_kind_of(x) == EXPR_EQ || expr_kind_of(x) == EXPR_NE;
}

/* A text that is no number, held against numbers: it is neither equal, nor less, nor greater. */
static bool never_ordered(type a, const value *b) {
    bool number = a.kinds && (a.kinds & ~(unsigned)(T_BOOL | T_NUMBER)) == 0;
    return number && b && b->kind == VALUE_STRING && isnan(value_to_number(b));
}

/* A string is compared with a boolean or number as a number. */
static bool never_equal(type a, const value *b) {
    return never_ordered(a, b) || (a.kinds == T_STRING && b && b->kind == VALUE_BOOL && b->boolean);
}

static void check_order(checker *c, const site *s, const expr *x, type a, const value *b) {
    if (!never_ordered(a, b)) return;
    check_add(c, RULE_COMPARISON, check_expr_span(c, s, x), STR_EMPTY,
              "This is always false: this text is no number, and so neither less nor greater than "
              "%s",
              kind_name(a.kinds));
}

static void report_comparison(checker *c, const site *s, const expr *x, type a, const value *b) {
    bool text = b->kind == VALUE_STRING;
    str help = text && a.kinds == T_BOOL
                   ? STR("compare it with true or false without quotes, or use it by itself")
                   : STR("compare it with 'true' in quotes");
    if (a.kinds == T_NUMBER) help = STR("compare it with a number without quotes");
    check_add(c, RULE_COMPARISON, check_expr_span(c, s, x), help,
              "This is always %s: %s never equals %s",
              expr_kind_of(x) == EXPR_EQ ? "false" : "true", kind_name(a.kinds),
              text ? "this text, which is no number" : "true (which is 1 as a number)");
}

/* github.event_name == 'x', where x does not start the workflow. */
static void check_event_name(checker *c, const site *s, const expr *left, const expr *right) {
    str names[64];
    size_t count = 0;
    if (!check_names_no_trigger(c, left, right)) return;
    for (; count < c->w->trigger_count && count < 64; count++)
        names[count] = c->w->triggers[count].name;
    str told = expr_literal_of(right)->string;
    check_add(c, RULE_EVENT, check_expr_span(c, s, right), check_nearest(c, told, names, count),
              "The event '%.*s' does not start this workflow", STR_ARG(told));
}

/* Texts that are one of a few. */
static const struct enumeration {
    const char *path, *values;
} enumerations[] = {
    {"needs.*.result", "success failure cancelled skipped"},
    {"jobs.*.result", "success failure cancelled skipped"},
    {"steps.*.outcome", "success failure cancelled skipped"},
    {"steps.*.conclusion", "success failure cancelled skipped"},
    {"job.status", "success failure cancelled"},
    {"runner.os", "Linux Windows macOS"},
};

static bool is_one_of(const char *values, str text) {
    for (str rest = str_from(values), word; rest.len;) {
        str_cut(rest, ' ', &word, &rest);
        if (str_eq_nocase(word, text)) return true;
    }
    return false;
}

/* The empty text is what there is before a step has run. */
static void check_enumeration(checker *c, const site *s, const expr *x, type t, const expr *other) {
    const value *v = expr_literal_of(other);
    check_path path;
    if (t.kinds != T_STRING || !v || v->kind != VALUE_STRING || v->string.len == 0 ||
        !check_path_of(x, &path))
        return;
    for (size_t i = 0; i < sizeof enumerations / sizeof *enumerations; i++) {
        const struct enumeration *known = &enumerations[i];
        if (!check_path_matches(&path, known->path, false) || is_one_of(known->values, v->string))
            continue;
        check_add(c, RULE_COMPARISON, check_expr_span(c, s, other),
                  arena_printf(c->a, "it is one of: %s", known->values), "'%.*s' is never '%.*s'",
                  STR_ARG(text_of(s, x)), STR_ARG(v->string));
    }
}

static type comparison_type(checker *c, const site *s, const expr *x) {
    const expr *left = expr_child(x, 0), *right = expr_child(x, 1);
    type a = type_of(c, s, left), b = type_of(c, s, right);
    const expr *const sides[2] = {left, right};
    const type types[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        type this = types[i], other = types[1 - i];
        bool compound = this.kinds && (this.kinds & ~(unsigned)T_COMPOUND) == 0;
        if (compound && (other.kinds & T_COMPOUND) == 0) {
            check_add(c, RULE_COMPARISON, check_expr_span(c, s, sides[i]), STR_EMPTY,
                      "'%.*s' is %s, which never equals %s", STR_ARG(text_of(s, sides[i])),
                      kind_name(this.kinds), kind_name(other.kinds));
            return TYPE(T_BOOL);
        }
    }
    if (!is_equality(x)) {
        check_order(c, s, x, a, expr_literal_of(right));
        check_order(c, s, x, b, expr_literal_of(left));
        return TYPE(T_BOOL);
    }
    check_enumeration(c, s, left, a, right);
    check_enumeration(c, s, right, b, left);
    if (never_equal(a, expr_literal_of(right)))
        report_comparison(c, s, x, a, expr_literal_of(right));
    else if (never_equal(b, expr_literal_of(left)))
        report_comparison(c, s, x, b, expr_literal_of(left));
    /* "!= 'x'" is also how one says: whatever the event. */
    if (expr_kind_of(x) == EXPR_EQ) {
        check_event_name(c, s, left, right);
        check_event_name(c, s, right, left);
    }
    return TYPE(T_BOOL);
}

/* ---- calls --------------------------------------------------------------------------------- */

static const struct signature {
    const char *name;
    unsigned first, rest; /* kinds that arguments may have */
    unsigned result;
} signatures[] = {
    {"contains", T_ANY & ~T_OBJECT, T_ANY & ~T_COMPOUND, T_BOOL},
    {"startsWith", T_ANY & ~T_COMPOUND, T_ANY & ~T_COMPOUND, T_BOOL},
    {"endsWith", T_ANY & ~T_COMPOUND, T_ANY & ~T_COMPOUND, T_BOOL},
    {"format", T_ANY & ~T_COMPOUND, T_ANY & ~T_COMPOUND, T_STRING},
    {"join", T_ANY & ~T_OBJECT, T_ANY & ~T_COMPOUND, T_STRING},
    {"toJSON", T_ANY, T_ANY, T_STRING},
    {"fromJSON", T_ANY & ~T_COMPOUND, 0, T_ANY},
    {"hashFiles", T_ANY & ~T_COMPOUND, T_ANY & ~T_COMPOUND, T_STRING},
    {"success", T_ANY, T_ANY, T_BOOL},
    {"failure", T_ANY, T_ANY, T_BOOL},
    {"cancelled", T_ANY, T_ANY, T_BOOL},
    {"always", T_ANY, T_ANY, T_BOOL},
};

static const struct signature *signature_of(str name) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        if (str_eq_nocase(name, str_from(signatures[i].name))) return &signatures[i];
    }
    return NULL;
}

/* True when the format string refers to that argument. */
static bool format_uses(arena *a, str format, size_t argument) {
    str number = arena_printf(a, "{%zu", argument);
    for (size_t at = 0; at < format.len; at++) {
        if (format.ptr[at] != '{') continue;
        str rest = str_sub(format, at, format.len);
        char after = rest.len > number.len ? rest.ptr[number.len] : '\0';
        if (str_starts(rest, number) && (after == '}' || after == ':')) return true;
        if (rest.len > 1 && rest.ptr[1] == '{') at++;
    }
    return false;
}

/* The language itself judges the text, with empty arguments. */
static void check_format(checker *c, const site *s, const expr *x) {
    const value *format = expr_literal_of(expr_child(x, 0));
    if (!format || format->kind != VALUE_STRING) return;
    _cleanup_strbuf_ strbuf call = STRBUF_INIT;
    strbuf_adds(&call, "format('");
    for (size_t i = 0; i < format->string.len; i++) {
        if (format->string.ptr[i] == '\'') strbuf_addc(&call, '\'');
        strbuf_addc(&call, format->string.ptr[i]);
    }
    strbuf_addc(&call, '\'');
    for (size_t i = 1; i < expr_child_count(x); i++)
        strbuf_adds(&call, ", ''");
    strbuf_addc(&call, ')');
    const expr *trial;
    value v;
    err e = {0};
    if (expr_parse(c->a, strbuf_str(&call), NULL, &trial, &e)) return;
    if (!check_evaluate(c, trial, &v, &e)) {
        check_add(c, RULE_FORMAT, check_expr_span(c, s, expr_child(x, 0)), STR_EMPTY, "%s",
                  e.message);
        return;
    }
    for (size_t i = 1; i < expr_child_count(x); i++) {
        if (format_uses(c->a, format->string, i - 1)) continue;
        check_add_level(c, RULE_FORMAT, SEVERITY_WARNING, check_expr_span(c, s, expr_child(x, i)),
                        STR_EMPTY, "The format has no {%zu}: this argument is not used", i - 1);
    }
}

static void check_from_json(checker *c, const site *s, const expr *x) {
    value v;
    err e = {0};
    if (!expr_literal_of(expr_child(x, 0)) || check_evaluate(c, x, &v, &e)) return;
    check_add(c, RULE_JSON, check_expr_span(c, s, expr_child(x, 0)), STR_EMPTY,
              "This text is not JSON");
}

static type case_type(checker *c, const site *s, const expr *x) {
    type result = TYPE(0);
    size_t count = expr_child_count(x);
    for (size_t i = 0; i < count; i++) {
        type t = type_of(c, s, expr_child(x, i));
        if (i % 2 == 1 || i + 1 == count) result.kinds |= t.kinds;
    }
    return result;
}

static type call_type(checker *c, const site *s, const expr *x) {
    str name = expr_name_of(x);
    size_t count = expr_child_count(x);
    if (str_eq_nocase(name, STR("case"))) return case_type(c, s, x);
    const struct signature *f = signature_of(name);
    for (size_t i = 0; i < count; i++) {
        const expr *argument = expr_child(x, i);
        type t = type_of(c, s, argument);
        unsigned wanted = !f ? T_ANY : i ? f->rest : f->first;
        if (t.kinds == 0 || (t.kinds & wanted)) continue;
        check_add(c, RULE_TYPE, check_expr_span(c, s, argument), STR_EMPTY,
                  "'%.*s' is %s, which %s() cannot use", STR_ARG(text_of(s, argument)),
                  kind_name(t.kinds), f->name);
    }
    if (count && str_eq_nocase(name, STR("format"))) check_format(c, s, x);
    if (count && str_eq_nocase(name, STR("fromJSON"))) check_from_json(c, s, x);
    return TYPE(f ? f->result : T_ANY);
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* Any operand of && and || may be the result. */
static type choice_type(checker *c, const site *s, const expr *x) {
    type result = type_of(c, s, expr_child(x, 0));
    for (size_t i = 1; i < expr_child_count(x); i++) {
        type t = type_of(c, s, expr_child(x, i));
        if (result.shape != t.shape) result.shape = NULL;
        result.kinds |= t.kinds;
    }
    return result;
}

static type type_of(checker *c, const site *s, const expr *x) {
    switch (expr_kind_of(x)) {
    case EXPR_LITERAL: return TYPE(1u << expr_literal_of(x)->kind);
    case EXPR_NAME: return name_type(c, x);
    case EXPR_CALL: return call_type(c, s, x);
    case EXPR_INDEX: return index_type(c, s, x);
    case EXPR_NOT: type_of(c, s, expr_child(x, 0)); return TYPE(T_BOOL);
    case EXPR_AND:
    case EXPR_OR: return choice_type(c, s, x);
    case EXPR_EQ:
    case EXPR_NE:
    case EXPR_LT:
    case EXPR_LE:
    case EXPR_GT:
    case EXPR_GE: return comparison_type(c, s, x);
    case EXPR_WILDCARD:
    case EXPR_KIND_COUNT: break;
    }
    return TYPE(T_ANY);
}

/* What the place takes, held against what the expression gives. */
static void check_result(checker *c, const site *s, type t) {
    schema_kind wanted = schema_table[s->t->definition].kind;
    bool compound = t.kinds && (t.kinds & ~(unsigned)T_COMPOUND) == 0;
    bool text = wanted == SCHEMA_STRING || (s->flags & SITE_EMBEDDED);
    span where = check_span(c, s->t, s->offset, s->text.len);
    if (s->flags & SITE_CONDITION) return;
    if (text && compound) {
        check_add(c, RULE_TYPE, where, STR_EMPTY, "This is %s where text is wanted",
                  kind_name(t.kinds));
    } else if (wanted == SCHEMA_NUMBER && t.kinds && !(t.kinds & T_NUMBER)) {
        check_add(c, RULE_TYPE, where,
                  t.kinds == T_STRING ? STR("convert it with fromJSON()") : STR_EMPTY,
                  "This is %s where a number is wanted", kind_name(t.kinds));
    } else if (wanted == SCHEMA_BOOLEAN && t.kinds && !(t.kinds & T_BOOL)) {
        check_add(c, RULE_TYPE, where,
                  t.kinds == T_STRING ? STR("convert it with fromJSON(), or compare it")
                                      : STR_EMPTY,
                  "This is %s where true or false is wanted", kind_name(t.kinds));
    }
}

void check_expression(checker *c, const site *s) {
    type t = type_of(c, s, s->x);
    check_result(c, s, t);
    check_constant_condition(c, s);
}
