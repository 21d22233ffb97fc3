/* eval.c: a tree and its surroundings to a value.
 *
 * Recursion follows the tree, whose depth the parser has limited. Memory is counted as GitHub does:
 * two bytes for each UTF-16 unit of a string and a little for everything, as long as an unfinished
 * node may still need it; a node that gives a plain value releases what its children held. Because
 * our arena releases nothing before its end, all that is ever made is limited too (by MADE_FACTOR).
 */
#include "expr/internal.h"
#include "expr/text.h"

#include <math.h>

#define MAX_BYTES_DEFAULT (10u << 20)
#define MADE_FACTOR       8
#define STRING_BYTES      26 /* of a .NET string beside its text */
#define OBJECT_BYTES      24

/* ---- errors and memory --------------------------------------------------------------------- */

int expr_fail(evaluation *ev, const expr *at, err_code code, const char *format, ...) {
    _cleanup_strbuf_ strbuf message = STRBUF_INIT;
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&message, format, args);
    va_end(args);
    size_t length = at->kind == EXPR_CALL ? at->name.len : 1;
    return err_at(ev->e, code, expr_span(*at->text, at->offset, length), "%s",
                  strbuf_cstr(&message));
}

int expr_fail_memory(evaluation *ev) {
    return expr_fail(ev, ev->root, ERR_LIMIT,
                     "The maximum allowed memory size was exceeded while evaluating the following "
                     "expression: %.*s",
                     STR_ARG(*ev->root->text));
}

int expr_made(evaluation *ev, size_t bytes) {
    ev->made += bytes;
    return ev->made / MADE_FACTOR > ev->max ? expr_fail_memory(ev) : 0;
}

/* A unit of UTF-16 is at most three bytes of UTF-8: past this a text is over the limit for sure. */
static size_t text_max(const evaluation *ev) {
    return ev->max / 2 * 3;
}

int expr_add(evaluation *ev, strbuf *out, str s) {
    if (s.len > text_max(ev) || out->len > text_max(ev) - s.len) return expr_fail_memory(ev);
    strbuf_add(out, s);
    return 0;
}

int expr_give(evaluation *ev, const strbuf *out, operand *ret) {
    if (out->len > text_max(ev)) return expr_fail_memory(ev);
    int r = expr_made(ev, out->len);
    if (r < 0) return r;
    ret->v = value_string(arena_str(ev->a, strbuf_str(out)));
    return 0;
}

static size_t bytes_of(const value *v) {
    return v->kind == VALUE_STRING ? STRING_BYTES + 2 * utf16_units(v->string) : OBJECT_BYTES;
}

/* ---- names and calls ----------------------------------------------------------------------- */

static void run_name(evaluation *ev, const expr *x, operand *ret) {
    const value *v = value_get(ev->env->contexts, x->name);
    if (v) ret->v = *v;
}

static int run_external(evaluation *ev, const expr *x, operand *ret) {
    if (!ev->env->call)
        return expr_fail(ev, x, ERR_INVALID, "Unrecognized function: '%.*s'", STR_ARG(x->name));
    value *args = ARENA_ARRAY(ev->a, value, x->child_count);
    for (size_t i = 0; i < x->child_count; i++) {
        operand arg;
        int r = expr_run(ev, x->children[i], &arg);
        if (r < 0) return r;
        args[i] = arg.v;
    }
    return ev->env->call(ev->env->call_context, ev->a, x->name, args, x->child_count, &ret->v,
                         ev->e);
}

/* ---- a.b, a[0], a.* ------------------------------------------------------------------------ */

/* An index in the two forms that objects and arrays ask for. */
typedef struct index_key {
    bool any; /* * */
    bool has_text;
    str text;
    bool has_number;
    size_t number;
} index_key;

static index_key index_from(evaluation *ev, const value *v) {
    index_key key = {.has_text = value_is_primitive(v)};
    if (key.has_text) key.text = value_to_str(ev->a, v);
    double n = value_to_number(v);
    key.has_number = n >= 0 && n < 0x1p31;
    if (key.has_number) key.number = (size_t)n;
    return key;
}

/* Objects know ASCII letters without case; the rest of Unicode is looked at one by one. */
static const value *find_key(const value *object, str key) {
    const value *v = value_get(object, key);
    if (v || value_case_sensitive(object) || utf16_units(key) == key.len) return v;
    for (size_t i = 0; i < value_count(object); i++) {
        const value_pair *pair = value_at(object, i);
        if (text_compare(pair->key, key) == 0) return &pair->item;
    }
    return NULL;
}

static const value *find_item(const value *from, const index_key *key) {
    if (from->kind == VALUE_OBJECT) return key->has_text ? find_key(from, key->text) : NULL;
    if (from->kind != VALUE_ARRAY || !key->has_number) return NULL;
    return key->number < from->array.count ? &from->array.items[key->number] : NULL;
}

static void push_all(evaluation *ev, value *list, const value *from) {
    bool is_object = from->kind == VALUE_OBJECT;
    for (size_t i = 0; i < value_count(from); i++)
        value_push(ev->a, list, is_object ? value_at(from, i)->item : from->array.items[i]);
}

/* Applies an index to each item of a filtered array; what has no such item is left out. */
static void push_each(evaluation *ev, value *list, const value *from, const index_key *key) {
    for (size_t i = 0; i < from->array.count; i++) {
        const value *item = &from->array.items[i];
        if (key->any) {
            push_all(ev, list, item);
            continue;
        }
        const value *found = find_item(item, key);
        if (found) value_push(ev->a, list, *found);
    }
}

static int run_index(evaluation *ev, const expr *x, operand *ret) {
    operand object, index;
    int r = expr_run(ev, x->children[0], &object);
    if (r < 0) return r;
    index_key key = {.any = x->children[1]->kind == EXPR_WILDCARD};
    if (!key.any && !value_is_primitive(&object.v)) {
        r = expr_run(ev, x->children[1], &index);
        if (r < 0) return r;
        key = index_from(ev, &index.v);
    }
    if (!object.filtered && !key.any) {
        const value *found = find_item(&object.v, &key);
        if (found) ret->v = *found;
        return 0;
    }
    ret->filtered = true;
    ret->v = value_array_new(ev->a);
    if (object.filtered)
        push_each(ev, &ret->v, &object.v, &key);
    else
        push_all(ev, &ret->v, &object.v);
    size_t bytes = ret->v.array.count * sizeof(value);
    ev->live += bytes;
    return expr_made(ev, bytes);
}

/* ---- operators ----------------------------------------------------------------------------- */

/* && gives the first falsy operand or the last, || the first truthy one or the last. */
static int run_chain(evaluation *ev, const expr *x, operand *ret) {
    for (size_t i = 0; i < x->child_count; i++) {
        int r = expr_run(ev, x->children[i], ret);
        if (r < 0) return r;
        if (value_truthy(&ret->v) == (x->kind == EXPR_OR)) break;
    }
    return 0;
}

static bool compare(expr_kind kind, const value *a, const value *b) {
    int order = 0;
    bool ordered = value_order(a, b, &order);
    switch (kind) {
    case EXPR_NE: return !value_equal(a, b);
    case EXPR_LT: return ordered && order < 0;
    case EXPR_GT: return ordered && order > 0;
    case EXPR_LE: return (ordered && order < 0) || value_equal(a, b);
    case EXPR_GE: return (ordered && order > 0) || value_equal(a, b);
    case EXPR_EQ:
    case EXPR_LITERAL:
    case EXPR_NAME:
    case EXPR_CALL:
    case EXPR_INDEX:
    case EXPR_WILDCARD:
    case EXPR_NOT:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_KIND_COUNT: break;
    }
    return value_equal(a, b);
}

static int run_comparison(evaluation *ev, const expr *x, operand *ret) {
    operand a, b;
    int r = expr_run(ev, x->children[0], &a);
    if (r == 0) r = expr_run(ev, x->children[1], &b);
    if (r < 0) return r;
    ret->v = value_bool(compare(x->kind, &a.v, &b.v));
    return 0;
}

static int run_not(evaluation *ev, const expr *x, operand *ret) {
    operand inner;
    int r = expr_run(ev, x->children[0], &inner);
    if (r < 0) return r;
    ret->v = value_bool(!value_truthy(&inner.v));
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int run_kind(evaluation *ev, const expr *x, operand *ret) {
    switch (x->kind) {
    case EXPR_LITERAL: ret->v = x->literal; return 0;
    case EXPR_NAME: run_name(ev, x, ret); return 0;
    case EXPR_CALL: return x->run ? x->run(ev, x, ret) : run_external(ev, x, ret);
    case EXPR_INDEX: return run_index(ev, x, ret);
    case EXPR_WILDCARD: ret->v = value_string(STR("*")); return 0;
    case EXPR_NOT: return run_not(ev, x, ret);
    case EXPR_AND:
    case EXPR_OR: return run_chain(ev, x, ret);
    case EXPR_EQ:
    case EXPR_NE:
    case EXPR_LT:
    case EXPR_LE:
    case EXPR_GT:
    case EXPR_GE: return run_comparison(ev, x, ret);
    case EXPR_KIND_COUNT: break;
    }
    return ERR_INVALID;
}

int expr_run(evaluation *ev, const expr *x, operand *ret) {
    size_t before = ev->live;
    *ret = (operand){.v = VALUE_NULL_INIT};
    int r = run_kind(ev, x, ret);
    if (r < 0) return r;
    if (value_is_primitive(&ret->v)) ev->live = before;
    ev->live += bytes_of(&ret->v);
    return ev->live > ev->max ? expr_fail_memory(ev) : 0;
}

int expr_run_str(evaluation *ev, const expr *x, str *ret) {
    operand o;
    int r = expr_run(ev, x, &o);
    if (r < 0) return r;
    *ret = value_to_str(ev->a, &o.v);
    return 0;
}

int expr_eval(arena *a, const expr *x, const expr_env *env, value *ret, err *e) {
    if (!x) {
        *ret = VALUE_NULL_INIT;
        return 0;
    }
    evaluation ev = {.a = a, .env = env, .root = x, .e = e};
    ev.max = env->max_bytes ? env->max_bytes : MAX_BYTES_DEFAULT;
    operand result;
    int r = expr_run(&ev, x, &result);
    if (r < 0) return r;
    *ret = result.v;
    return 0;
}
