#include "base/yaml_read.h"

#include "base/nameset.h"

str yaml_suggest(yaml_reader *r, str word, const str *known, size_t count) {
    str near = str_nearest(word, known, count);
    return near.len ? arena_printf(r->a, "did you mean '%.*s'?", STR_ARG(near)) : STR_EMPTY;
}

bool yaml_is_mapping(yaml_reader *r, const yaml_node *n, const char *what) {
    if (n->kind == YAML_MAPPING) return true;
    YAML_WRONG(r, n, STR_EMPTY, "'%s' must be a mapping", what);
    return false;
}

bool yaml_is_sequence(yaml_reader *r, const yaml_node *n, const char *what) {
    if (n->kind == YAML_SEQUENCE) return true;
    YAML_WRONG(r, n, STR_EMPTY, "'%s' must be a sequence", what);
    return false;
}

static bool take_scalar(yaml_reader *r, const yaml_node *n, const char *what, value *ret) {
    err e = {0};
    if (n->kind != YAML_SCALAR)
        YAML_WRONG(r, n, STR_EMPTY, "%s must be a single value", what);
    else if (yaml_scalar(n, ret, &e) < 0)
        YAML_WRONG(r, n, STR_EMPTY, "%s", e.message);
    else
        return true;
    return false;
}

bool yaml_take_text(yaml_reader *r, const yaml_node *n, const char *what, yaml_text *ret) {
    value v;
    *ret = (yaml_text){.where = n->where};
    if (n->kind != YAML_SCALAR) {
        YAML_WRONG(r, n, STR_EMPTY, "%s must be a text", what);
        return false;
    }
    if (!take_scalar(r, n, what, &v)) return false;
    if (v.kind != VALUE_STRING) {
        YAML_WRONG(r, n, STR("write it in quotes"), "%s must be a text, not %s", what,
                   v.kind == VALUE_NULL ? "empty" : "a number or truth value");
        return false;
    }
    ret->text = v.string;
    return true;
}

bool yaml_take_number(yaml_reader *r, const yaml_node *n, const char *what, double *ret) {
    value v;
    if (!take_scalar(r, n, what, &v)) return false;
    if (v.kind == VALUE_NUMBER) {
        *ret = v.number;
        return true;
    }
    YAML_WRONG(r, n, STR_EMPTY, "%s must be a number", what);
    return false;
}

void yaml_take_keys(yaml_reader *r, const yaml_node *mapping, const str *known, size_t count,
                    const char *where, yaml_take_fn *take, void *context) {
    nameset seen = NAMESET(r->a);
    for (size_t i = 0; i < mapping->mapping.count; i++) {
        const yaml_pair *pair = &mapping->mapping.pairs[i];
        yaml_text key;
        size_t k = 0;
        if (!yaml_take_text(r, pair->key, "a key", &key)) continue;
        while (k < count && !str_eq(key.text, known[k]))
            k++;
        if (k == count)
            YAML_WRONG(r, pair->key, yaml_suggest(r, key.text, known, count),
                       "unknown key '%.*s' in %s", STR_ARG(key.text), where);
        else if (!nameset_add(&seen, key.text))
            YAML_WRONG(r, pair->key, STR_EMPTY, "'%.*s' is already defined", STR_ARG(key.text));
        else
            take(r, k, pair->item, context);
    }
}

static int mapping_value(arena *a, const yaml_node *n, value *ret, err *e) {
    *ret = value_object_sized(a, true, n->mapping.count);
    for (size_t i = 0; i < n->mapping.count; i++) {
        const yaml_node *key = n->mapping.pairs[i].key;
        value item;
        if (key->kind != YAML_SCALAR) return err_at(e, ERR_INVALID, key->where, "a key is no text");
        if (value_get(ret, key->text))
            return err_at(e, ERR_INVALID, key->where, "'%.*s' is already defined",
                          STR_ARG(key->text));
        if (yaml_value(a, n->mapping.pairs[i].item, &item, e) < 0) return e->code;
        value_set(a, ret, key->text, item);
    }
    return 0;
}

int yaml_value(arena *a, const yaml_node *n, value *ret, err *e) {
    if (n->kind == YAML_SCALAR) return yaml_scalar(n, ret, e);
    if (n->kind == YAML_MAPPING) return mapping_value(a, n, ret, e);
    *ret = value_array_sized(a, n->sequence.count);
    for (size_t i = 0; i < n->sequence.count; i++) {
        if (yaml_value(a, n->sequence.items[i], &ret->array.items[i], e) < 0) return e->code;
    }
    return 0;
}
