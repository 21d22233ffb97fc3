/* Tokens: access, and evaluation against a run's contexts. What an expression gives is judged by
 * the definition of its place once more, because only now is it known. */
#include "workflow/token.h"

#include "base/nameset.h"
#include "workflow/reading.h"

/* Contexts and fromJSON() are bounded by whoever makes them; this bounds our stack. */
#define DEPTH_MAX 256

const token *token_get(const token *mapping, const char *key) {
    if (!mapping || mapping->kind != TOKEN_MAPPING) return NULL;
    for (size_t i = 0; i < mapping->mapping.count; i++) {
        const token *k = mapping->mapping.pairs[i].key;
        if (k->kind == TOKEN_STRING && str_is(k->text, key)) return mapping->mapping.pairs[i].item;
    }
    return NULL;
}

str token_text(const token *t) {
    return t && t->kind == TOKEN_STRING ? t->text : STR_EMPTY;
}

bool token_has_expr(const token *t) {
    if (!t) return false;
    switch (t->kind) {
    case TOKEN_EXPR:
    case TOKEN_INSERT: return true;
    case TOKEN_SEQUENCE:
        for (size_t i = 0; i < t->sequence.count; i++)
            if (token_has_expr(t->sequence.items[i])) return true;
        return false;
    case TOKEN_MAPPING:
        for (size_t i = 0; i < t->mapping.count; i++)
            if (token_has_expr(t->mapping.pairs[i].key) || token_has_expr(t->mapping.pairs[i].item))
                return true;
        return false;
    case TOKEN_NULL:
    case TOKEN_BOOL:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_KIND_COUNT: break;
    }
    return false;
}

static value literal_value(const token *t) {
    switch (t->kind) {
    case TOKEN_BOOL: return value_bool(t->boolean);
    case TOKEN_NUMBER: return value_number(t->number);
    case TOKEN_STRING: return value_string(t->text);
    case TOKEN_NULL:
    case TOKEN_SEQUENCE:
    case TOKEN_MAPPING:
    case TOKEN_EXPR:
    case TOKEN_INSERT:
    case TOKEN_KIND_COUNT: break;
    }
    return VALUE_NULL_INIT;
}

str token_display(arena *a, const token *t) {
    if (t->kind == TOKEN_INSERT) return STR("${{ insert }}");
    if (t->kind == TOKEN_EXPR) return arena_printf(a, "${{ %.*s }}", STR_ARG(t->text));
    value v = literal_value(t);
    return value_to_str(a, &v);
}

/* ---- judging a value ----------------------------------------------------------------------- */

typedef struct evaluation {
    arena *a;
    const expr_env *env;
    unsigned depth;
} evaluation;

static int judge(evaluation *x, span where, uint16_t definition, value *v, err *e);

static int judge_scalar(evaluation *x, span where, uint16_t definition, value *v, err *e) {
    static const token_kind kinds[VALUE_KIND_COUNT] = {[VALUE_NULL] = TOKEN_NULL,
                                                       [VALUE_BOOL] = TOKEN_BOOL,
                                                       [VALUE_NUMBER] = TOKEN_NUMBER,
                                                       [VALUE_STRING] = TOKEN_STRING};
    token t = {.kind = kinds[v->kind]};
    if (v->kind == VALUE_STRING) t.text = v->string;
    if (schema_accepts(definition, &t)) return 0;
    str text = value_to_str(x->a, v);
    t = (token){.kind = TOKEN_STRING, .text = text};
    if (!schema_accepts(definition, &t))
        return err_at(e, ERR_INVALID, where, "Unexpected value '%.*s'", STR_ARG(text));
    *v = value_string(text);
    return 0;
}

static int judge_array(evaluation *x, span where, uint16_t definition, value *v, err *e) {
    uint16_t form = schema_alternative(definition, SCHEMA_SEQUENCE);
    if (form == D_NONE) return err_at(e, ERR_INVALID, where, "A sequence was not expected");
    if (schema_table[form].item == D_ANY) return 0;
    value judged = value_array_new(x->a);
    for (size_t i = 0; i < v->array.count; i++) {
        value item = v->array.items[i];
        int code = judge(x, where, schema_table[form].item, &item, e);
        if (code < 0) return code;
        value_push(x->a, &judged, item);
    }
    *v = judged;
    return 0;
}

/* A mapping in the making: its possible definitions, what it holds already. */
typedef struct mapping_value {
    uint16_t forms[SCHEMA_MAPPINGS_MAX];
    size_t form_count;
    nameset keys;
    value object;
} mapping_value;

/* The definition for what stands under a key that only now is known. */
static int key_definition(mapping_value *m, span where, str key, uint16_t *ret, err *e) {
    const schema_definition *first = &schema_table[m->forms[0]];
    *ret = schema_match_key(m->forms, &m->form_count, key);
    if (*ret == D_NONE && first->loose_key != D_NONE) {
        token t = {.kind = TOKEN_STRING, .text = key};
        if (schema_accepts(first->loose_key, &t)) *ret = first->loose_item;
    }
    if (*ret != D_NONE) return 0;
    return err_at(e, ERR_INVALID, where, "Unexpected value '%.*s'", STR_ARG(key));
}

static int put(evaluation *x, mapping_value *m, span where, str key, value item, err *e) {
    if (!nameset_add(&m->keys, key))
        return err_at(e, ERR_INVALID, where, "'%.*s' is already defined", STR_ARG(key));
    value_set(x->a, &m->object, key, item);
    return 0;
}

/* Adds all pairs of an object, judged. */
static int put_all(evaluation *x, mapping_value *m, span where, const value *object, err *e) {
    for (size_t i = 0; i < value_count(object); i++) {
        const value_pair *pair = value_at(object, i);
        value item = pair->item;
        uint16_t definition;
        int code = key_definition(m, where, pair->key, &definition, e);
        if (code == 0) code = judge(x, where, definition, &item, e);
        if (code == 0) code = put(x, m, where, pair->key, item, e);
        if (code < 0) return code;
    }
    return 0;
}

static int require_keys(const mapping_value *m, span where, err *e) {
    const schema_definition *d = &schema_table[m->forms[0]];
    for (size_t i = 0; m->form_count == 1 && i < d->property_count; i++)
        if (d->properties[i].required && nameset_find(&m->keys, d->properties[i].name) < 0)
            return err_at(e, ERR_INVALID, where, "Required property is missing: %.*s",
                          STR_ARG(d->properties[i].name));
    return 0;
}

static int judge_object(evaluation *x, span where, uint16_t definition, value *v, err *e) {
    mapping_value m = {.keys = NAMESET(x->a)};
    m.form_count = schema_mappings(definition, m.forms);
    if (m.form_count == 0) return err_at(e, ERR_INVALID, where, "A mapping was not expected");
    if (m.forms[0] == D_MAPPING) return 0;
    m.object = value_object_new(x->a, value_case_sensitive(v));
    int code = put_all(x, &m, where, v, e);
    if (code == 0) code = require_keys(&m, where, e);
    if (code == 0) *v = m.object;
    return code;
}

static int judge(evaluation *x, span where, uint16_t definition, value *v, err *e) {
    if (definition == D_ANY) return 0;
    if (x->depth >= DEPTH_MAX) return err_at(e, ERR_LIMIT, where, "Maximum object depth exceeded");
    x->depth++;
    int code = v->kind == VALUE_ARRAY    ? judge_array(x, where, definition, v, e)
               : v->kind == VALUE_OBJECT ? judge_object(x, where, definition, v, e)
                                         : judge_scalar(x, where, definition, v, e);
    x->depth--;
    return code;
}

/* ---- evaluating a token -------------------------------------------------------------------- */

static int eval(evaluation *x, const token *t, value *ret, err *e);

/* What the expression gives, before it is judged. */
static int eval_raw(evaluation *x, const token *t, value *ret, err *e) {
    if (t->kind != TOKEN_EXPR) return eval(x, t, ret, e);
    int code = expr_eval(x->a, t->expr, x->env, ret, e);
    if (code < 0 && e) e->where = t->where;
    return code;
}

static int eval_sequence(evaluation *x, const token *t, value *ret, err *e) {
    *ret = value_array_new(x->a);
    for (size_t i = 0; i < t->sequence.count; i++) {
        value item;
        int code = eval(x, t->sequence.items[i], &item, e);
        if (code < 0) return code;
        value_push(x->a, ret, item);
    }
    return 0;
}

static int eval_insert(evaluation *x, mapping_value *m, const token *item, err *e) {
    value object;
    int code = eval_raw(x, item, &object, e);
    if (code < 0) return code;
    if (object.kind == VALUE_NULL) return 0;
    if (object.kind != VALUE_OBJECT)
        return err_at(e, ERR_INVALID, item->where, "Expected a mapping");
    return put_all(x, m, item->where, &object, e);
}

/* A pair whose key is an expression: its definition is looked up by what the key turns out to be.
 */
static int eval_keyed(evaluation *x, mapping_value *m, const token_pair *pair, err *e) {
    value key, item;
    uint16_t definition = D_NONE;
    int code = eval_raw(x, pair->key, &key, e);
    if (code < 0) return code;
    if (key.kind == VALUE_ARRAY || key.kind == VALUE_OBJECT)
        return err_at(e, ERR_INVALID, pair->key->where, "Expected a string");
    str text = value_to_str(x->a, &key);
    code = key_definition(m, pair->key->where, text, &definition, e);
    if (code == 0) code = eval_raw(x, pair->item, &item, e);
    if (code == 0) code = judge(x, pair->item->where, definition, &item, e);
    return code < 0 ? code : put(x, m, pair->key->where, text, item, e);
}

static int eval_mapping(evaluation *x, const token *t, value *ret, err *e) {
    mapping_value m = {.keys = NAMESET(x->a), .object = value_object_new(x->a, false)};
    m.form_count = schema_mappings(t->definition, m.forms);
    bool late = false; /* keys are known only now: what is required was not checked yet */
    for (size_t i = 0; i < t->mapping.count; i++) {
        const token_pair *pair = &t->mapping.pairs[i];
        value item;
        int code;
        if (pair->key->kind == TOKEN_INSERT) {
            code = eval_insert(x, &m, pair->item, e);
        } else if (pair->key->kind == TOKEN_EXPR) {
            code = eval_keyed(x, &m, pair, e);
        } else {
            (void)schema_match_key(m.forms, &m.form_count, pair->key->text);
            code = eval(x, pair->item, &item, e);
            if (code == 0) code = put(x, &m, pair->key->where, pair->key->text, item, e);
        }
        late |= pair->key->kind != TOKEN_STRING;
        if (code < 0) return code;
    }
    *ret = m.object;
    return late ? require_keys(&m, t->where, e) : 0;
}

static int eval(evaluation *x, const token *t, value *ret, err *e) {
    switch (t->kind) {
    case TOKEN_EXPR: {
        int code = eval_raw(x, t, ret, e);
        return code < 0 ? code : judge(x, t->where, t->definition, ret, e);
    }
    case TOKEN_SEQUENCE: return eval_sequence(x, t, ret, e);
    case TOKEN_MAPPING: return eval_mapping(x, t, ret, e);
    case TOKEN_NULL:
    case TOKEN_BOOL:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_INSERT:
    case TOKEN_KIND_COUNT: break;
    }
    *ret = literal_value(t);
    return 0;
}

int token_eval(arena *a, const token *t, const expr_env *env, value *ret, err *e) {
    *ret = VALUE_NULL_INIT;
    if (!t) return 0;
    evaluation x = {.a = a, .env = env};
    return eval(&x, t, ret, e);
}

int token_eval_str(arena *a, const token *t, const expr_env *env, str *ret, err *e) {
    value v;
    int code = token_eval(a, t, env, &v, e);
    *ret = code < 0 ? STR_EMPTY : value_to_str(a, &v);
    return code;
}

int token_eval_bool(arena *a, const token *t, const expr_env *env, bool *ret, err *e) {
    value v;
    int code = token_eval(a, t, env, &v, e);
    *ret = code < 0 ? false : value_truthy(&v);
    return code;
}

int token_eval_number(arena *a, const token *t, const expr_env *env, double *ret, err *e) {
    value v;
    int code = token_eval(a, t, env, &v, e);
    *ret = code < 0 ? 0 : value_to_number(&v);
    return code;
}
