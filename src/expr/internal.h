/* internal.h: what the parts of the expression language share. */
#ifndef SLIPWAY_EXPR_INTERNAL_H
#define SLIPWAY_EXPR_INTERNAL_H

#include "expr/expr.h"

/* ---- the tree ------------------------------------------------------------------------------ */

typedef struct evaluation evaluation;

/* What a node evaluates to. A filtered array (what `.*` gives) is an ordinary array to everything
 * but a further index, which applies to each of its items. */
typedef struct operand {
    value v;
    bool filtered;
} operand;

typedef int expr_function(evaluation *ev, const expr *call, operand *ret);

struct expr {
    expr_kind kind;
    uint32_t offset;
    uint32_t child_count;
    const str *text; /* all that was parsed */
    expr *next;      /* the next child of the same parent */
    union {
        struct {
            expr *first, *last; /* while parsing: lists, which can be joined at no cost */
        };
        expr **children; /* afterwards */
    };
    union {
        value literal; /* EXPR_LITERAL */
        struct {
            str name;           /* EXPR_NAME, EXPR_CALL */
            expr_function *run; /* EXPR_CALL; NULL: the environment's */
        };
    };
};

/* The place of `length` bytes at `offset`, in code points of one line. */
span expr_span(str text, size_t offset, size_t length);

/* ---- lexer --------------------------------------------------------------------------------- */

typedef enum lex_kind {
    LEX_END,
    LEX_BAD,
    LEX_LITERAL,
    LEX_NAME,
    LEX_FUNCTION, /* a name before "(" */
    LEX_PROPERTY, /* a name after "." */
    LEX_WILDCARD,
    LEX_DOT,
    LEX_COMMA,
    LEX_OPEN_GROUP,
    LEX_OPEN_CALL,
    LEX_OPEN_INDEX,
    LEX_CLOSE_PAREN,
    LEX_CLOSE_INDEX,
    LEX_PREFIX, /* ! */
    LEX_INFIX,
    LEX_KIND_COUNT
} lex_kind;

typedef struct expr_operator {
    char symbol[3];
    lex_kind lex;
    expr_kind kind;
    int binding; /* the higher, the tighter */
} expr_operator;

typedef struct lexeme {
    lex_kind kind;
    size_t offset;
    str raw;
    value literal;           /* LEX_LITERAL */
    const expr_operator *op; /* LEX_PREFIX, LEX_INFIX */
} lexeme;

typedef struct lexer {
    arena *a;
    str text;
    size_t at;
    lex_kind last; /* LEX_END before the first */
} lexer;

/* The next lexeme. What stands before it decides what "." and "(" and a name are. */
lexeme lex_next(lexer *l);

/* ---- evaluation ---------------------------------------------------------------------------- */

struct evaluation {
    arena *a;
    const expr_env *env;
    const expr *root;
    size_t max;  /* bytes as GitHub counts them: two for each UTF-16 unit */
    size_t live; /* held by the operands of unfinished nodes */
    size_t made; /* by all nodes, finished or not */
    err *e;
};

int expr_run(evaluation *ev, const expr *x, operand *ret);
int expr_run_str(evaluation *ev, const expr *x, str *ret);
/* An error of one function or operator, with its place. */
int expr_fail(evaluation *ev, const expr *at, err_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int expr_fail_memory(evaluation *ev);
/* Counts memory that a function has made; ERR_LIMIT when all of it is too much. */
int expr_made(evaluation *ev, size_t bytes);
/* Adds to a text that a function makes; ERR_LIMIT as soon as it can only be too long. */
int expr_add(evaluation *ev, strbuf *out, str s);
/* Gives the text of `out` as the result. */
int expr_give(evaluation *ev, const strbuf *out, operand *ret);

/* The code of a function of the language, or NULL. */
expr_function *expr_builtin_run(const expr_name *builtin);

/* ---- values -------------------------------------------------------------------------------- */

bool value_is_primitive(const value *v);
/* JavaScript's Number(text), within .NET's limits; NaN when it is no number. */
double value_parse_number(str text);
/* < and > of the language: negative, 0 or positive in *ret; false when there is no order. */
bool value_order(const value *a, const value *b, int *ret);
/* Appends toJSON's form; false as soon as `out` is longer than `max`. */
bool value_append_json(strbuf *out, const value *v, size_t max);

#endif
