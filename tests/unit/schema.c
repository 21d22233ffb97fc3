/* The tables of src/workflow/schema*.def against GitHub's own schema, where that is at hand. */
#include "unit.h"

#include "base/json.h"
#include "workflow/schema.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (1u << 20)

/* GitHub's file names another event here, by mistake: its server knows better. */
#define MISTAKEN "repository-dispatch-string"
/* GitHub's server takes no value for an input of workflow_dispatch; its file does not. */
#define OURS     "workflow-dispatch-input-or-null"
#define OUR_LIKE "workflow-dispatch-input"

static bool load_reference(arena *a, value *ret) {
    const char *shared = getenv("SLIPWAY_SHARED");
    char path[4096];
    snprintf(path, sizeof path, "%s/reference/github-workflow-v1.0.json", shared ? shared : "");
    FILE *f = shared ? fopen(path, "re") : NULL;
    if (!f) return false;
    char *text = arena_alloc(a, FILE_BYTES_MAX);
    size_t length = fread(text, 1, FILE_BYTES_MAX, f);
    fclose(f);
    err e = {0};
    if (json_parse(a, (str){text, length}, 0, ret, &e) < 0) fail_msg("%s: %s", path, e.message);
    return true;
}

static str name_of(uint16_t definition) {
    return schema_table[definition].name;
}

static bool lists(const value *array, str text) {
    for (size_t i = 0; i < value_count(array); i++)
        if (str_eq(array->array.items[i].string, text)) return true;
    return false;
}

static str function_text(arena *a, const expr_name *f) {
    if (f->max_args < 0) return arena_printf(a, "%.*s(%d,MAX)", STR_ARG(f->name), f->min_args);
    return arena_printf(a, "%.*s(%d,%d)", STR_ARG(f->name), f->min_args, f->max_args);
}

static void same_context(arena *a, const schema_definition *d, const value *reference) {
    const value *expected = value_get(reference, STR("context"));
    scope_cache cache = {0};
    const expr_scope *scope = schema_scope(&cache, a, d->scope);
    assert_int_equal(scope->value_count + scope->function_count,
                     expected ? value_count(expected) : 0);
    for (size_t i = 0; i < scope->value_count; i++)
        assert_true(lists(expected, scope->values[i].name));
    for (size_t i = 0; i < scope->function_count; i++)
        assert_true(lists(expected, function_text(a, &scope->functions[i])));
}

static void same_properties(const schema_definition *d, const value *mapping) {
    const value *expected = value_get(mapping, STR("properties"));
    assert_int_equal(d->property_count, expected ? value_count(expected) : 0);
    for (size_t i = 0; i < d->property_count; i++) {
        const schema_property *p = &d->properties[i];
        const value *property = value_get(expected, p->name);
        assert_non_null(property);
        bool brief = property->kind == VALUE_STRING;
        const value *required = brief ? NULL : value_get(property, STR("required"));
        str type = brief ? property->string : value_path_str(property, "type");
        assert_true(str_eq(name_of(p->definition), type));
        assert_int_equal(p->required, required && required->boolean);
    }
}

static void same_loose(uint16_t definition, const value *mapping, const char *key) {
    str expected = value_path_str(mapping, key);
    if (definition == D_NONE)
        assert_int_equal(expected.len, 0);
    else
        assert_true(str_eq(name_of(definition), expected) ||
                    (str_is(name_of(definition), OURS) && str_is(expected, OUR_LIKE)));
}

static void same_string(const schema_definition *d, const value *string) {
    const value *non_empty = value_get(string, STR("require-non-empty"));
    str constant = value_path_str(string, "constant");
    if (str_is(d->name, MISTAKEN)) constant = STR("repository_dispatch");
    assert_int_equal(d->non_empty, non_empty && non_empty->boolean);
    assert_true(str_eq(d->constant.ptr ? d->constant : STR_EMPTY, constant));
}

static void same_form(const schema_definition *d, const value *reference) {
    static const char *const keys[SCHEMA_KIND_COUNT] = {
        [SCHEMA_NULL] = "null",         [SCHEMA_BOOLEAN] = "boolean",
        [SCHEMA_NUMBER] = "number",     [SCHEMA_STRING] = "string",
        [SCHEMA_SEQUENCE] = "sequence", [SCHEMA_MAPPING] = "mapping",
        [SCHEMA_ONE_OF] = "one-of",     [SCHEMA_ALLOWED] = "allowed-values",
    };
    const value *form = value_get(reference, str_from(keys[d->kind]));
    assert_non_null(form);
    if (d->kind == SCHEMA_STRING) same_string(d, form);
    if (d->kind == SCHEMA_SEQUENCE)
        assert_true(str_eq(name_of(d->item), value_path_str(form, "item-type")));
    if (d->kind == SCHEMA_MAPPING) {
        same_properties(d, form);
        same_loose(d->loose_key, form, "loose-key-type");
        same_loose(d->loose_item, form, "loose-value-type");
    }
    if (d->kind == SCHEMA_ONE_OF) {
        assert_int_equal(d->choice_count, value_count(form));
        for (size_t i = 0; i < d->choice_count; i++)
            assert_true(str_eq(name_of(d->choices[i]), form->array.items[i].string));
    }
    if (d->kind == SCHEMA_ALLOWED) {
        assert_int_equal(d->value_count, value_count(form));
        for (size_t i = 0; i < d->value_count; i++)
            assert_str(form->array.items[i].string, d->values[i]);
    }
}

static void every_definition_says_what_githubs_schema_says(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value reference;
    if (!load_reference(a, &reference)) {
        print_message("no schema at hand: SLIPWAY_SHARED does not lead to it\n");
        skip();
    }
    const value *definitions = value_get(&reference, STR("definitions"));
    assert_int_equal(value_count(definitions), SCHEMA_ACTION_FIRST - SCHEMA_WORKFLOW_FIRST - 1);
    for (size_t i = SCHEMA_WORKFLOW_FIRST; i < SCHEMA_ACTION_FIRST; i++) {
        const schema_definition *d = &schema_table[i];
        if (str_is(d->name, OURS)) continue;
        const value *expected = value_get(definitions, d->name);
        if (!expected) fail_msg("GitHub's schema has no '%.*s'", STR_ARG(d->name));
        same_context(a, d, expected);
        same_form(d, expected);
    }
}

static void every_definition_is_complete(void **state) {
    for (size_t i = D_NONE + 1; i < SCHEMA_COUNT; i++) {
        const schema_definition *d = &schema_table[i];
        assert_true(d->name.len > 0);
        assert_true((d->kind == SCHEMA_SEQUENCE) == (d->item != D_NONE));
        assert_true((d->kind == SCHEMA_ONE_OF) == (d->choice_count > 0));
        assert_true((d->kind == SCHEMA_ALLOWED) == (d->value_count > 0));
        assert_true((d->loose_key == D_NONE) == (d->loose_item == D_NONE));
        if (d->kind == SCHEMA_MAPPING) assert_true(d->property_count > 0 || d->loose_key != D_NONE);
        for (size_t j = 0; j < d->property_count; j++)
            assert_int_not_equal(d->properties[j].definition, D_NONE);
    }
}

static void a_key_tells_which_mapping_is_meant(void **state) {
    uint16_t mappings[SCHEMA_MAPPINGS_MAX];
    size_t count = schema_mappings(D_STEPS_ITEM, mappings);
    assert_int_equal(count, 6);
    assert_int_equal(schema_match_key(mappings, &count, STR("name")), D_STEP_NAME);
    assert_int_equal(count, 5);
    assert_int_equal(schema_match_key(mappings, &count, STR("nonsense")), D_NONE);
    assert_int_equal(count, 5);
    assert_int_equal(schema_match_key(mappings, &count, STR("uses")), D_STEP_USES);
    assert_int_equal(count, 1);
    assert_int_equal(mappings[0], D_REGULAR_STEP);
}

static void a_scope_is_built_once(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    scope_cache cache = {0};
    const expr_scope *one = schema_scope(&cache, a, C_GITHUB | F_HASH_FILES);
    assert_ptr_equal(schema_scope(&cache, a, C_GITHUB | F_HASH_FILES), one);
    assert_ptr_not_equal(schema_scope(&cache, a, C_GITHUB), one);
    assert_int_equal(one->value_count, 1);
    assert_str(one->functions[0].name, "hashFiles");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_definition_says_what_githubs_schema_says),
        cmocka_unit_test(every_definition_is_complete),
        cmocka_unit_test(a_key_tells_which_mapping_is_meant),
        cmocka_unit_test(a_scope_is_built_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
