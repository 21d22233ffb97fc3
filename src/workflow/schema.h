/* schema.h: GitHub's schema of workflow and action files, as tables. Private to src/workflow.
 *
 * A definition says what a place in a file may hold (one kind of scalar, a sequence, a mapping, or
 * one of several definitions) and which contexts and functions an expression there may use; what
 * is allowed above holds below. Definitions refer to each other by number: D_STEP_ENV. */
#ifndef SLIPWAY_WORKFLOW_SCHEMA_H
#define SLIPWAY_WORKFLOW_SCHEMA_H

#include "workflow/token.h"

typedef enum schema_kind {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_NUMBER,
    SCHEMA_STRING,
    SCHEMA_SEQUENCE,
    SCHEMA_MAPPING,
    SCHEMA_ONE_OF,
    SCHEMA_ALLOWED, /* one of some strings */
    SCHEMA_KIND_COUNT
} schema_kind;

/* What an expression may use. A function that takes a different number of arguments elsewhere has
 * two bits: success() of a step, success('job', …) of a job. */
enum {
    C_GITHUB = 1 << 0,
    C_INPUTS = 1 << 1,
    C_VARS = 1 << 2,
    C_NEEDS = 1 << 3,
    C_STRATEGY = 1 << 4,
    C_MATRIX = 1 << 5,
    C_SECRETS = 1 << 6,
    C_STEPS = 1 << 7,
    C_JOB = 1 << 8,
    C_JOBS = 1 << 9,
    C_RUNNER = 1 << 10,
    C_ENV = 1 << 11,
    F_ALWAYS = 1 << 12,
    F_CANCELLED = 1 << 13,
    F_FAILURE = 1 << 14,
    F_SUCCESS = 1 << 15,
    F_FAILURE_OF = 1 << 16,
    F_SUCCESS_OF = 1 << 17,
    F_HASH_FILES = 1 << 18,
    SCOPE_BITS = 19,
    JOB_SCOPE = C_GITHUB | C_INPUTS | C_VARS | C_NEEDS | C_STRATEGY | C_MATRIX,
    RUNNER_SCOPE = C_STEPS | C_JOB | C_RUNNER | C_ENV,
    STATUS_FUNCTIONS = F_ALWAYS | F_CANCELLED | F_FAILURE | F_SUCCESS,
    STATUS_FUNCTIONS_OF = F_ALWAYS | F_CANCELLED | F_FAILURE_OF | F_SUCCESS_OF,
};

enum {
    D_NONE, /* no definition */
    D_NULL,
    D_BOOLEAN,
    D_NUMBER,
    D_STRING,
    D_SEQUENCE,
    D_MAPPING,
    D_ANY,
    SCHEMA_WORKFLOW_FIRST,
    SCHEMA_BEFORE_WORKFLOW = SCHEMA_WORKFLOW_FIRST - 1,
#define DEFINITION(id, ...) id,
#define EVENT(id, ...)      D_##id##_STRING, D_##id,
#define EVENT_KEYS(id, ...) D_##id##_STRING, D_##id, D_##id##_MAPPING,
#define ACTIVITIES(id, ...) D_##id##_ACTIVITY, D_##id##_ACTIVITY_TYPES, D_##id##_ACTIVITY_TYPE,
#include "workflow/schema_workflow.def"
    SCHEMA_ACTION_FIRST,
    SCHEMA_BEFORE_ACTION = SCHEMA_ACTION_FIRST - 1,
#include "workflow/schema_action.def"
#undef DEFINITION
#undef EVENT
#undef EVENT_KEYS
#undef ACTIVITIES
    SCHEMA_COUNT
};

typedef struct schema_property {
    str name;
    uint16_t definition;
    bool required;
} schema_property;

typedef struct schema_definition {
    str name;
    uint32_t scope; /* C_… and F_… that it adds */
    schema_kind kind;
    bool non_empty;                 /* SCHEMA_STRING */
    str constant;                   /* SCHEMA_STRING; empty: any text */
    uint16_t item;                  /* SCHEMA_SEQUENCE */
    uint16_t loose_key, loose_item; /* SCHEMA_MAPPING: other keys and their items, or D_NONE */
    const schema_property *properties;
    size_t property_count;
    const uint16_t *choices; /* SCHEMA_ONE_OF */
    size_t choice_count;
    const char *const *values; /* SCHEMA_ALLOWED */
    size_t value_count;
} schema_definition;

extern const schema_definition schema_table[SCHEMA_COUNT];

/* Most mappings that a one-of offers (a step can be six things). */
#define SCHEMA_MAPPINGS_MAX 8

/* The definition's first alternative of that kind (itself, or inside a one-of), or D_NONE. */
uint16_t schema_alternative(uint16_t definition, schema_kind kind);
/* All its mappings, in the schema's order. */
size_t schema_mappings(uint16_t definition, uint16_t out[SCHEMA_MAPPINGS_MAX]);
/* NULL when the mapping has no such key. */
const schema_property *schema_property_of(uint16_t mapping, str key);
/* The definition of what stands under `key` in one of these mappings, or D_NONE. Those without that
 * key are taken out: the key has told which of them is meant. */
uint16_t schema_match_key(uint16_t *mappings, size_t *count, str key);
/* True when the definition takes this literal as it is. */
bool schema_accepts(uint16_t definition, const token *literal);
/* Appends the texts that the definition takes, for suggestions; gives the new count. */
size_t schema_texts(uint16_t definition, str *out, size_t count, size_t cap);

/* What expr_parse takes, by set of contexts and functions. A file has few different sets. */
typedef struct scope_cache {
    struct scope_entry *entries;
    size_t count, cap;
} scope_cache;
const expr_scope *schema_scope(scope_cache *cache, arena *a, uint32_t scope);

#endif
