/* matrix.c: `strategy.matrix` becomes a list of configurations.
 *
 * The product of all vectors, the first one varying slowest; less what an `exclude` matches; each
 * one with the values of every `include` that fits it; then the includes that fitted none, as
 * configurations of their own. A filter fits when each of its leaves equals (in the sense of the
 * expression language's ==) what the configuration has at the same place.
 *
 * Source: "Run variations of jobs in a workflow",
 * https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do */
#include "workflow/plan.h"

/* What bounds the work and the memory of a matrix that a step's output may have made. */
#define PRODUCT_MAX 100000  /* configurations before `exclude` */
#define FILTERS_MAX 1000000 /* of `exclude`, each judged for each of these configurations */
#define VALUES_MAX  262144  /* in all configurations: of 256, 1024 in each */

typedef struct matrix {
    arena *a;
    const value *vectors; /* the whole matrix; include and exclude are passed over */
    const value *include, *exclude;
    bool *include_used;
    matrix_config *configs;
    size_t count, cap;
    size_t values; /* in all configs */
} matrix;

static bool is_filter_key(str key) {
    return str_eq_nocase(key, STR("include")) || str_eq_nocase(key, STR("exclude"));
}

static bool is_vector(const matrix *m, str key) {
    return !is_filter_key(key) && value_get(m->vectors, key);
}

/* Whether `have` has every leaf of `want` at the same place. An absent place counts as null. */
static bool leaves_match(const value *want, const value *have) {
    static const value nothing = {.kind = VALUE_NULL};
    if (!have) have = &nothing;
    switch (want->kind) {
    case VALUE_OBJECT:
        for (size_t i = 0; i < value_count(want); i++) {
            const value_pair *p = value_at(want, i);
            if (!leaves_match(&p->item, value_get(have, p->key))) return false;
        }
        return true;
    case VALUE_ARRAY:
        for (size_t i = 0; i < want->array.count; i++) {
            bool present = have->kind == VALUE_ARRAY && i < have->array.count;
            if (!leaves_match(&want->array.items[i], present ? &have->array.items[i] : NULL))
                return false;
        }
        return true;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_STRING: return value_equal(have, want);
    case VALUE_KIND_COUNT: break;
    }
    return false;
}

static bool is_excluded(const matrix *m, const value *config) {
    for (size_t i = 0; i < value_count(m->exclude); i++) {
        if (leaves_match(&m->exclude->array.items[i], config)) return true;
    }
    return false;
}

/* An include fits when its keys that are vectors agree; its other keys are what it adds. */
static bool include_fits(const matrix *m, const value *include, const value *config) {
    for (size_t i = 0; i < value_count(include); i++) {
        const value_pair *p = value_at(include, i);
        if (is_vector(m, p->key) && !leaves_match(&p->item, value_get(config, p->key)))
            return false;
    }
    return true;
}

static void label_add(strbuf *out, arena *a, const value *v) {
    switch (v->kind) {
    case VALUE_OBJECT:
        for (size_t i = 0; i < value_count(v); i++)
            label_add(out, a, &value_at(v, i)->item);
        break;
    case VALUE_ARRAY:
        for (size_t i = 0; i < v->array.count; i++)
            label_add(out, a, &v->array.items[i]);
        break;
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_STRING: {
        str text = value_to_str(a, v);
        if (text.len == 0) break;
        if (out->len) strbuf_adds(out, ", ");
        strbuf_add(out, text);
        break;
    }
    case VALUE_NULL:
    case VALUE_KIND_COUNT: break;
    }
}

static str config_label(arena *a, const value *config) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    label_add(&out, a, config);
    return arena_str(a, strbuf_str(&out));
}

static int add_config(matrix *m, value config, str label, err *e) {
    if (m->count == MATRIX_JOBS_MAX)
        return err_set(e, ERR_LIMIT, "the matrix has more than %d configurations", MATRIX_JOBS_MAX);
    m->values += value_count(&config);
    if (m->values > VALUES_MAX)
        return err_set(e, ERR_LIMIT, "the configurations of the matrix have more than %d values",
                       VALUES_MAX);
    ARENA_PUSH(m->a, m->configs, m->count, m->cap, ((matrix_config){config, label}));
    return 0;
}

/* Makes `config` the one at `index` of the product. */
static void set_product(const matrix *m, size_t index, size_t product, value *config) {
    size_t block = product;
    for (size_t i = 0; i < value_count(m->vectors); i++) {
        const value_pair *p = value_at(m->vectors, i);
        if (is_filter_key(p->key)) continue;
        block /= p->item.array.count;
        value_set(m->a, config, p->key, p->item.array.items[index / block % p->item.array.count]);
    }
}

/* Adds what every fitting include has besides vectors; a later include overwrites an earlier one.
 */
static void add_includes(matrix *m, value *config) {
    for (size_t i = 0; i < value_count(m->include); i++) {
        const value *include = &m->include->array.items[i];
        if (!include_fits(m, include, config)) continue;
        m->include_used[i] = true;
        for (size_t k = 0; k < value_count(include); k++) {
            const value_pair *p = value_at(include, k);
            if (!is_vector(m, p->key)) value_set(m->a, config, p->key, p->item);
        }
    }
}

static int expand_product(matrix *m, size_t product, err *e) {
    value config = value_object_new(m->a, false); /* used again as long as all are excluded */
    for (size_t index = 0; index < product; index++) {
        set_product(m, index, product, &config);
        if (is_excluded(m, &config)) continue;
        str label = config_label(m->a, &config);
        add_includes(m, &config);
        int code = add_config(m, config, label, e);
        if (code) return code;
        config = value_object_new(m->a, false);
    }
    return 0;
}

static int add_unused_includes(matrix *m, err *e) {
    for (size_t i = 0; i < value_count(m->include); i++) {
        if (m->include_used[i]) continue;
        /* Vectors' keys come first, as they stand in a configuration of the product. */
        const value *include = &m->include->array.items[i];
        value config = value_object_new(m->a, false);
        for (int pass = 0; pass < 2; pass++) {
            for (size_t k = 0; k < value_count(include); k++) {
                const value_pair *p = value_at(include, k);
                if (is_vector(m, p->key) == (pass == 0)) value_set(m->a, &config, p->key, p->item);
            }
        }
        int code = add_config(m, config, config_label(m->a, &config), e);
        if (code) return code;
    }
    return 0;
}

/* `include` or `exclude`: a list of objects that are not empty. */
static int read_filters(const matrix *m, const char *name, const value **ret, err *e) {
    const value *list = value_get(m->vectors, str_from(name));
    *ret = list;
    if (!list) return 0;
    if (list->kind != VALUE_ARRAY)
        return err_set(e, ERR_INVALID, "Matrix %s must be a list of mappings", name);
    for (size_t i = 0; i < list->array.count; i++) {
        const value *filter = &list->array.items[i];
        if (filter->kind != VALUE_OBJECT)
            return err_set(e, ERR_INVALID, "Matrix %s must be a list of mappings", name);
        if (value_count(filter)) continue;
        return str_is(str_from(name), "include")
                   ? err_set(e, ERR_INVALID, "Matrix include mapping does not contain any values")
                   : err_set(e, ERR_INVALID, "Matrix exclude filter must not be empty");
    }
    return 0;
}

static int check_exclude_keys(const matrix *m, err *e) {
    for (size_t i = 0; i < value_count(m->exclude); i++) {
        const value *filter = &m->exclude->array.items[i];
        for (size_t k = 0; k < value_count(filter); k++) {
            str key = value_at(filter, k)->key;
            if (!is_vector(m, key))
                return err_set(e, ERR_INVALID,
                               "Matrix exclude key '%.*s' does not match any key within the matrix",
                               STR_ARG(key));
        }
    }
    return 0;
}

/* The number of configurations before `exclude`; 0 without a vector. */
static int count_product(const matrix *m, size_t *ret, err *e) {
    size_t product = 0;
    for (size_t i = 0; i < value_count(m->vectors); i++) {
        const value_pair *p = value_at(m->vectors, i);
        if (is_filter_key(p->key)) continue;
        if (p->item.kind != VALUE_ARRAY)
            return err_set(e, ERR_INVALID, "Matrix vector '%.*s' must be a list of values",
                           STR_ARG(p->key));
        if (p->item.array.count == 0)
            return err_set(e, ERR_INVALID, "Matrix vector '%.*s' does not contain any values",
                           STR_ARG(p->key));
        product = (product ? product : 1) * p->item.array.count;
        if (p->item.array.count > PRODUCT_MAX || product > PRODUCT_MAX)
            return err_set(e, ERR_LIMIT, "the matrix has more than %d combinations", PRODUCT_MAX);
    }
    *ret = product;
    return 0;
}

int matrix_expand(arena *a, const value *spec, matrix_config **ret, size_t *ret_count, err *e) {
    matrix m = {.a = a, .vectors = spec};
    if (spec->kind != VALUE_OBJECT) return err_set(e, ERR_INVALID, "The matrix must be a mapping");
    size_t product = 0;
    int code = count_product(&m, &product, e);
    if (!code) code = read_filters(&m, "include", &m.include, e);
    if (!code) code = read_filters(&m, "exclude", &m.exclude, e);
    if (!code) code = check_exclude_keys(&m, e);
    if (!code && product * value_count(m.exclude) > FILTERS_MAX)
        code =
            err_set(e, ERR_LIMIT,
                    "the matrix has %zu combinations and %zu excludes, which is too much to judge",
                    product, value_count(m.exclude));
    if (code) return code;
    if (product == 0 && value_count(m.include) == 0)
        return err_set(e, ERR_INVALID, "Matrix must define at least one vector");
    m.include_used = ARENA_ARRAY(a, bool, value_count(m.include));
    code = expand_product(&m, product, e);
    if (!code) code = add_unused_includes(&m, e);
    if (code) return code;
    *ret = m.configs;
    *ret_count = m.count;
    return 0;
}
