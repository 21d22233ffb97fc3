/* token.h: a workflow or action file after the schema has judged it: literals, sequences, mappings
 * and expressions with their places. What depends on a run (env, with, matrix, …) stays a token
 * until it is evaluated against that run's contexts. */
#ifndef SLIPWAY_WORKFLOW_TOKEN_H
#define SLIPWAY_WORKFLOW_TOKEN_H

#include "base/yaml.h"
#include "expr/expr.h"

typedef enum token_kind {
    TOKEN_NULL,
    TOKEN_BOOL,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_SEQUENCE,
    TOKEN_MAPPING,
    TOKEN_EXPR,   /* a value that is one expression; "a ${{ b }}" has become format('a {0}', b) */
    TOKEN_INSERT, /* the key ${{ insert }} */
    TOKEN_KIND_COUNT
} token_kind;

typedef struct token token;
typedef struct token_pair {
    const token *key, *item;
} token_pair;

struct token {
    token_kind kind;
    yaml_style style;
    uint16_t definition; /* of the schema, that judged it */
    span where;
    union {
        bool boolean;
        double number;
        str text; /* TOKEN_STRING; TOKEN_EXPR: the expression's text without ${{ }} */
        struct {
            const token **items;
            size_t count;
        } sequence;
        struct {
            token_pair *pairs;
            size_t count;
        } mapping;
    };
    const expr *expr; /* TOKEN_EXPR */
    str source;       /* scalars: the text as written, for messages and carets */
};

/* The item under `key` of a mapping, or NULL. NULL token is allowed. */
const token *token_get(const token *mapping, const char *key);
/* The text of a string token, or an empty str. */
str token_text(const token *t);
/* True when an expression is anywhere inside. */
bool token_has_expr(const token *t);

/* Evaluates a token against contexts, then judges the result by the token's own schema definition
 * (so that `timeout-minutes: ${{ 'x' }}` is an error with a place). NULL token gives null. */
int token_eval(arena *a, const token *t, const expr_env *env, value *ret, err *e);

/* token_eval and coercion of the result. */
int token_eval_str(arena *a, const token *t, const expr_env *env, str *ret, err *e);
int token_eval_bool(arena *a, const token *t, const expr_env *env, bool *ret, err *e);
int token_eval_number(arena *a, const token *t, const expr_env *env, double *ret, err *e);

#endif
