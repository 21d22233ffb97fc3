/* expr.h: the ${{ }} language of GitHub Actions: parsing and evaluation. Pure.
 *
 * Rules and error texts are GitHub's:
 * https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
 * Strings are UTF-8 here and UTF-16 there; comparison without case and lengths follow UTF-16. */
#ifndef SLIPWAY_EXPR_H
#define SLIPWAY_EXPR_H

#include "base/err.h"
#include "base/value.h"

#define EXPR_LENGTH_MAX 21000 /* characters of one expression */
#define EXPR_DEPTH_MAX  50    /* nesting */

typedef struct expr expr; /* a parsed expression, in an arena, immutable */

/* What a place in a workflow may use beyond the language's own functions. */
typedef struct expr_name {
    str name;
    int min_args, max_args; /* functions: count of parameters; max_args -1 is any number */
} expr_name;

typedef struct expr_scope {
    const expr_name *values; /* named values: github, env, … */
    size_t value_count;
    const expr_name *functions; /* success, failure, hashFiles, … */
    size_t function_count;
} expr_scope;

/* Parses the text between ${{ and }}, which is copied. Every name must be in `scope`; a NULL scope
 * allows every name and function. The message is GitHub's without its trailing location
 * ("Unrecognized named-value: 'x'. Located at position 1 within expression: x" is complete). An
 * empty text gives *ret == NULL. `where` of the error is the place inside `text`, line 1. */
int expr_parse(arena *a, str text, const expr_scope *scope, const expr **ret, err *e);

/* Where the expression ends that begins at `from`, past its "${{": the place after its "}}", which
 * does not count inside quotes; -1 when it has no end. */
ptrdiff_t expr_end(str text, size_t from);

/* What an evaluation may ask of its surroundings. */
typedef struct expr_env expr_env;
struct expr_env {
    const value *contexts; /* an object: name to value; absent names evaluate to null */
    /* Functions beyond the language's own (success(), hashFiles() …). Gives 0 and *ret, or an
     * error. May be NULL. */
    int (*call)(void *context, arena *a, str name, const value *args, size_t count, value *ret,
                err *e);
    void *call_context;
    /* Memory that operands may hold at a time, as GitHub counts it: two bytes for each UTF-16 unit
     * of a string. 0: 10 MiB. All operands together may make 8 times as much. Over it: ERR_LIMIT */
    size_t max_bytes;
};

/* Evaluates. *ret lives in `a` and shares with the contexts. */
int expr_eval(arena *a, const expr *x, const expr_env *env, value *ret, err *e);

/* Coercions as the language defines them. */
bool value_truthy(const value *v);
double value_to_number(const value *v); /* NaN where it is none */
/* Null is "", booleans "true"/"false", numbers in up to 15 significant digits ("1.5", "1E+20",
 * "NaN", "Infinity"), arrays "Array", objects "Object". Borrowed or in `a`. */
str value_to_str(arena *a, const value *v);
/* == of the language: coercion between kinds, strings without case, arrays and objects by identity.
 */
bool value_equal(const value *a, const value *b);
/* toJSON's form: two-space indentation, "{}" and "[]" when empty. */
str value_to_json(arena *a, const value *v);

/* Walking a parsed expression, for static checks. Children are in source order. A chain of && (or
 * of
 * ||) is one node with two or more children, however it is grouped by parentheses. */
typedef enum expr_kind {
    EXPR_LITERAL, /* value */
    EXPR_NAME,    /* named value: name */
    EXPR_CALL,    /* function: name, arguments are the children */
    EXPR_INDEX, /* a.b, a['b'], a[0]: children are object and index (a literal or any expression) */
    EXPR_WILDCARD, /* the * of a.* or a[*]: the index of EXPR_INDEX. GitHub's grammar also lets it
                      begin an operand there, a[* == 1], and then it is the string "*" */
    EXPR_NOT,
    EXPR_AND,
    EXPR_OR,
    EXPR_EQ,
    EXPR_NE,
    EXPR_LT,
    EXPR_LE,
    EXPR_GT,
    EXPR_GE,
    EXPR_KIND_COUNT
} expr_kind;

expr_kind expr_kind_of(const expr *x);
str expr_name_of(const expr *x);             /* EXPR_NAME, EXPR_CALL: as written */
const value *expr_literal_of(const expr *x); /* EXPR_LITERAL, else NULL */
size_t expr_child_count(const expr *x);
const expr *expr_child(const expr *x, size_t index);
size_t expr_offset_of(const expr *x); /* byte offset in the parsed text */

/* The language's own functions, and how many arguments they take. */
const expr_name *expr_builtin(str name);
const expr_name *expr_builtins(size_t *ret_count);

#endif
