#include "workflow/schema.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* clang-format off */

/* The words of the .def files. A row is DEFINITION(id, name, scope, form); the longer words stand
 * for several rows that GitHub spells out for every event. */
#define KEY(name, definition)                                                                      \
    { STR_INIT(name), definition, false }
#define REQUIRED(name, definition)                                                                 \
    { STR_INIT(name), definition, true }
#define KEYS(...)                                                                                  \
    .kind = SCHEMA_MAPPING, .properties = (const schema_property[]){__VA_ARGS__},                  \
    .property_count = COUNT(((const schema_property[]){__VA_ARGS__}))
#define LOOSE(key, value)      .loose_key = key, .loose_item = value
#define MAPPING_OF(key, value) .kind = SCHEMA_MAPPING, LOOSE(key, value)
#define IS(what)               .kind = SCHEMA_##what
#define NON_EMPTY              .kind = SCHEMA_STRING, .non_empty = true
#define CONSTANT(text)         .kind = SCHEMA_STRING, .constant = STR_INIT(text)
#define SEQUENCE_OF(id)        .kind = SCHEMA_SEQUENCE, .item = id
#define ONE_OF(...)                                                                                \
    .kind = SCHEMA_ONE_OF, .choices = (const uint16_t[]){__VA_ARGS__},                             \
    .choice_count = COUNT(((const uint16_t[]){__VA_ARGS__}))
#define ALLOWED(...)                                                                               \
    .kind = SCHEMA_ALLOWED, .values = (const char *const[]){__VA_ARGS__},                          \
    .value_count = COUNT(((const char *const[]){__VA_ARGS__}))

#define DEFINITION(id, text, uses, ...) [id] = {.name = STR_INIT(text), .scope = uses, __VA_ARGS__},
#define EVENT(id, text, event, ...)                                                                \
    DEFINITION(D_##id##_STRING, text "-string", 0, CONSTANT(event))                                \
    DEFINITION(D_##id, text, 0, __VA_ARGS__)
#define EVENT_KEYS(id, text, event, ...)                                                           \
    EVENT(id, text, event, ONE_OF(D_NULL, D_##id##_MAPPING))                                       \
    DEFINITION(D_##id##_MAPPING, text "-mapping", 0, KEYS(__VA_ARGS__))
#define ACTIVITIES(id, text, ...)                                                                  \
    DEFINITION(D_##id##_ACTIVITY, text "-activity", 0,                                             \
               ONE_OF(D_##id##_ACTIVITY_TYPE, D_##id##_ACTIVITY_TYPES))                            \
    DEFINITION(D_##id##_ACTIVITY_TYPES, text "-activity-types", 0,                                 \
               SEQUENCE_OF(D_##id##_ACTIVITY_TYPE))                                                \
    DEFINITION(D_##id##_ACTIVITY_TYPE, text "-activity-type", 0, ALLOWED(__VA_ARGS__))

const schema_definition schema_table[SCHEMA_COUNT] = {
    DEFINITION(D_NULL, "null", 0, IS(NULL))
    DEFINITION(D_BOOLEAN, "boolean", 0, IS(BOOLEAN))
    DEFINITION(D_NUMBER, "number", 0, IS(NUMBER))
    DEFINITION(D_STRING, "string", 0, IS(STRING))
    DEFINITION(D_SEQUENCE, "sequence", 0, SEQUENCE_OF(D_ANY))
    DEFINITION(D_MAPPING, "mapping", 0, MAPPING_OF(D_STRING, D_ANY))
    DEFINITION(D_ANY, "any", 0,
               ONE_OF(D_NULL, D_BOOLEAN, D_NUMBER, D_STRING, D_SEQUENCE, D_MAPPING))
#include "workflow/schema_workflow.def"
#include "workflow/schema_action.def"
};

/* clang-format on */

uint16_t schema_alternative(uint16_t definition, schema_kind kind) {
    const schema_definition *d = &schema_table[definition];
    if (d->kind == kind) return definition;
    if (d->kind != SCHEMA_ONE_OF) return D_NONE;
    for (size_t i = 0; i < d->choice_count; i++) {
        uint16_t found = schema_alternative(d->choices[i], kind);
        if (found != D_NONE) return found;
    }
    return D_NONE;
}

static size_t collect_mappings(uint16_t definition, uint16_t *out, size_t count) {
    const schema_definition *d = &schema_table[definition];
    if (d->kind == SCHEMA_MAPPING) {
        assert(count < SCHEMA_MAPPINGS_MAX);
        out[count++] = definition;
    } else if (d->kind == SCHEMA_ONE_OF) {
        for (size_t i = 0; i < d->choice_count; i++)
            count = collect_mappings(d->choices[i], out, count);
    }
    return count;
}

size_t schema_mappings(uint16_t definition, uint16_t out[SCHEMA_MAPPINGS_MAX]) {
    return collect_mappings(definition, out, 0);
}

const schema_property *schema_property_of(uint16_t mapping, str key) {
    const schema_definition *d = &schema_table[mapping];
    for (size_t i = 0; i < d->property_count; i++)
        if (str_eq(d->properties[i].name, key)) return &d->properties[i];
    return NULL;
}

uint16_t schema_match_key(uint16_t *mappings, size_t *count, str key) {
    bool fits[SCHEMA_MAPPINGS_MAX];
    uint16_t definition = D_NONE;
    for (size_t i = 0; i < *count; i++) {
        const schema_property *found = schema_property_of(mappings[i], key);
        fits[i] = found != NULL;
        if (found && definition == D_NONE) definition = found->definition;
    }
    if (definition == D_NONE) return D_NONE;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (fits[i]) mappings[kept++] = mappings[i];
    *count = kept;
    return definition;
}

static bool string_accepted(const schema_definition *d, str text) {
    if (d->constant.len > 0) return str_eq(d->constant, text);
    return !d->non_empty || text.len > 0;
}

bool schema_accepts(uint16_t definition, const token *literal) {
    const schema_definition *d = &schema_table[definition];
    switch (d->kind) {
    case SCHEMA_NULL: return literal->kind == TOKEN_NULL;
    case SCHEMA_BOOLEAN: return literal->kind == TOKEN_BOOL;
    case SCHEMA_NUMBER: return literal->kind == TOKEN_NUMBER;
    case SCHEMA_STRING: return literal->kind == TOKEN_STRING && string_accepted(d, literal->text);
    case SCHEMA_ALLOWED:
        for (size_t i = 0; literal->kind == TOKEN_STRING && i < d->value_count; i++)
            if (str_is(literal->text, d->values[i])) return true;
        return false;
    case SCHEMA_ONE_OF:
        for (size_t i = 0; i < d->choice_count; i++)
            if (schema_accepts(d->choices[i], literal)) return true;
        return false;
    case SCHEMA_SEQUENCE:
    case SCHEMA_MAPPING:
    case SCHEMA_KIND_COUNT: break;
    }
    return false;
}

size_t schema_texts(uint16_t definition, str *out, size_t count, size_t cap) {
    const schema_definition *d = &schema_table[definition];
    if (d->kind == SCHEMA_STRING && d->constant.len > 0 && count < cap) {
        out[count++] = d->constant;
    } else if (d->kind == SCHEMA_ALLOWED) {
        for (size_t i = 0; i < d->value_count && count < cap; i++)
            out[count++] = str_from(d->values[i]);
    } else if (d->kind == SCHEMA_ONE_OF) {
        for (size_t i = 0; i < d->choice_count; i++)
            count = schema_texts(d->choices[i], out, count, cap);
    }
    return count;
}

/* ---- scopes of expressions ----------------------------------------------------------------- */

#define ANY_COUNT (-1)

static const struct {
    uint32_t bit;
    bool function;
    expr_name name;
} scope_names[] = {
    {C_GITHUB, false, {STR_INIT("github"), 0, 0}},
    {C_INPUTS, false, {STR_INIT("inputs"), 0, 0}},
    {C_VARS, false, {STR_INIT("vars"), 0, 0}},
    {C_NEEDS, false, {STR_INIT("needs"), 0, 0}},
    {C_STRATEGY, false, {STR_INIT("strategy"), 0, 0}},
    {C_MATRIX, false, {STR_INIT("matrix"), 0, 0}},
    {C_SECRETS, false, {STR_INIT("secrets"), 0, 0}},
    {C_STEPS, false, {STR_INIT("steps"), 0, 0}},
    {C_JOB, false, {STR_INIT("job"), 0, 0}},
    {C_JOBS, false, {STR_INIT("jobs"), 0, 0}},
    {C_RUNNER, false, {STR_INIT("runner"), 0, 0}},
    {C_ENV, false, {STR_INIT("env"), 0, 0}},
    {F_ALWAYS, true, {STR_INIT("always"), 0, 0}},
    {F_CANCELLED, true, {STR_INIT("cancelled"), 0, 0}},
    {F_FAILURE, true, {STR_INIT("failure"), 0, 0}},
    {F_SUCCESS, true, {STR_INIT("success"), 0, 0}},
    {F_FAILURE_OF, true, {STR_INIT("failure"), 0, ANY_COUNT}},
    {F_SUCCESS_OF, true, {STR_INIT("success"), 0, ANY_COUNT}},
    {F_HASH_FILES, true, {STR_INIT("hashFiles"), 1, 255}},
};
static_assert(COUNT(scope_names) == SCOPE_BITS, "a name for every bit");

struct scope_entry {
    uint32_t scope;
    const expr_scope *names;
};

static const expr_scope *scope_new(arena *a, uint32_t scope) {
    expr_name *values = ARENA_ARRAY(a, expr_name, SCOPE_BITS);
    expr_name *functions = ARENA_ARRAY(a, expr_name, SCOPE_BITS);
    expr_scope *names = ARENA_NEW(a, expr_scope);
    *names = (expr_scope){.values = values, .functions = functions};
    for (size_t i = 0; i < COUNT(scope_names); i++) {
        if (!(scope & scope_names[i].bit)) continue;
        if (scope_names[i].function)
            functions[names->function_count++] = scope_names[i].name;
        else
            values[names->value_count++] = scope_names[i].name;
    }
    return names;
}

const expr_scope *schema_scope(scope_cache *cache, arena *a, uint32_t scope) {
    for (size_t i = 0; i < cache->count; i++)
        if (cache->entries[i].scope == scope) return cache->entries[i].names;
    struct scope_entry entry = {scope, scope_new(a, scope)};
    ARENA_PUSH(a, cache->entries, cache->count, cache->cap, entry);
    return entry.names;
}
