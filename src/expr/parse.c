/* parse.c: lexemes to a tree, by operator precedence with two explicit stacks.
 *
 * There is no recursion on the way in, so nesting costs memory in proportion to the text and never
 * the C stack. GitHub limits the depth of the finished tree, not of the text: parentheses are free,
 * and a chain of && (or of ||) is one node however it is grouped. Children are therefore kept in
 * lists while parsing, which join at no cost, and seal() turns them into arrays as it checks the
 * depth.
 *
 * What may follow what is a table (allowed_after); with it, each error is found at the lexeme at
 * which GitHub finds it. */
#include "expr/internal.h"
#include "expr/text.h"

#include <assert.h>

/* An operator or bracket that waits for its right side. */
typedef struct pending {
    lex_kind lex;
    const expr_operator *op; /* NULL for brackets */
    size_t offset;
    size_t operands; /* how many there were before it */
    size_t outer;    /* brackets: the bracket around this one, as `open` of the parser */
} pending;

typedef struct parser {
    arena *a;
    str text;
    const str *shared_text;
    const expr_scope *scope;
    err *e;
    lexeme last;
    expr **operands;
    size_t operand_count, operand_cap;
    pending *waiting;
    size_t waiting_count, waiting_cap;
    size_t open; /* one past the innermost open bracket in `waiting`; 0: none */
} parser;

/* ---- errors -------------------------------------------------------------------------------- */

span expr_span(str text, size_t offset, size_t length) {
    uint32_t column = 1, width = 0;
    for (size_t at = 0; at < offset + length && at < text.len;) {
        if (at < offset)
            column++;
        else
            width++;
        utf8_next(text, &at);
    }
    return (span){.line = 1, .column = column, .end_line = 1, .end_column = column + width};
}

static int fail_at(parser *p, const char *what, size_t offset, str raw) {
    return err_at(p->e, ERR_INVALID, expr_span(p->text, offset, raw.len),
                  "%s: '%.*s'. Located at position %zu within expression: %.*s", what, STR_ARG(raw),
                  utf16_units(str_sub(p->text, 0, offset)) + 1, STR_ARG(p->text));
}

static int fail_symbol(parser *p, const lexeme *x) {
    return fail_at(p, "Unexpected symbol", x->offset, x->raw);
}

/* ---- what may follow what ------------------------------------------------------------------ */

#define BIT(kind) (1u << (kind))
/* Whatever a value can end with; all but a literal can be indexed. */
#define AFTER_PLACE                                                                                \
    (BIT(LEX_CLOSE_PAREN) | BIT(LEX_CLOSE_INDEX) | BIT(LEX_WILDCARD) | BIT(LEX_PROPERTY) |         \
     BIT(LEX_NAME))
#define AFTER_VALUE (AFTER_PLACE | BIT(LEX_LITERAL))
#define WHERE_OPERAND                                                                              \
    (BIT(LEX_END) | BIT(LEX_COMMA) | BIT(LEX_OPEN_GROUP) | BIT(LEX_OPEN_CALL) |                    \
     BIT(LEX_OPEN_INDEX) | BIT(LEX_PREFIX) | BIT(LEX_INFIX))

static const uint32_t allowed_after[LEX_KIND_COUNT] = {
    [LEX_LITERAL] = WHERE_OPERAND,
    [LEX_NAME] = WHERE_OPERAND,
    [LEX_FUNCTION] = WHERE_OPERAND,
    [LEX_OPEN_GROUP] = WHERE_OPERAND,
    [LEX_PREFIX] = WHERE_OPERAND,
    [LEX_PROPERTY] = BIT(LEX_DOT),
    [LEX_WILDCARD] = BIT(LEX_DOT) | BIT(LEX_OPEN_INDEX),
    [LEX_DOT] = AFTER_PLACE,
    [LEX_OPEN_INDEX] = AFTER_PLACE,
    [LEX_OPEN_CALL] = BIT(LEX_FUNCTION),
    [LEX_CLOSE_PAREN] = AFTER_VALUE | BIT(LEX_OPEN_CALL),
    [LEX_CLOSE_INDEX] = AFTER_VALUE,
    [LEX_COMMA] = AFTER_VALUE,
    [LEX_INFIX] = AFTER_VALUE,
};

static lex_kind innermost(const parser *p) {
    return p->open ? p->waiting[p->open - 1].lex : LEX_END;
}

static bool is_allowed(const parser *p, lex_kind kind) {
    if (!(allowed_after[kind] & BIT(p->last.kind))) return false;
    lex_kind open = innermost(p);
    if (kind == LEX_CLOSE_PAREN) return open == LEX_OPEN_GROUP || open == LEX_OPEN_CALL;
    if (kind == LEX_CLOSE_INDEX) return open == LEX_OPEN_INDEX;
    return kind != LEX_COMMA || open == LEX_OPEN_CALL;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static expr *node_new(parser *p, expr_kind kind, size_t offset) {
    expr *x = ARENA_NEW(p->a, expr);
    x->kind = kind;
    x->offset = (uint32_t)offset;
    x->text = p->shared_text;
    return x;
}

static void push(parser *p, expr *x) {
    ARENA_PUSH(p->a, p->operands, p->operand_count, p->operand_cap, x);
}

static expr *pop(parser *p) {
    assert(p->operand_count > 0);
    return p->operands[--p->operand_count];
}

static void append(expr *parent, expr *child) {
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->child_count++;
}

static void append_children_of(expr *parent, expr *from) {
    parent->last->next = from->first;
    parent->last = from->last;
    parent->child_count += from->child_count;
}

/* a && b && c is one node with three children, and so is a && (b && c). */
static void push_infix(parser *p, expr_kind kind) {
    expr *right = pop(p), *left = pop(p);
    bool chains = kind == EXPR_AND || kind == EXPR_OR;
    expr *x = left;
    if (!chains || left->kind != kind) {
        x = node_new(p, kind, left->offset);
        append(x, left);
    }
    if (chains && right->kind == kind)
        append_children_of(x, right);
    else
        append(x, right);
    push(p, x);
}

static void reduce(parser *p) {
    const pending top = p->waiting[--p->waiting_count];
    if (top.lex == LEX_INFIX) {
        push_infix(p, top.op->kind);
        return;
    }
    expr *x = node_new(p, top.op->kind, top.offset);
    append(x, pop(p));
    push(p, x);
}

/* Finishes what waits inside the innermost bracket and binds at least as tightly. */
static void reduce_to(parser *p, int binding) {
    while (p->waiting_count > p->open && p->waiting[p->waiting_count - 1].op->binding >= binding)
        reduce(p);
}

static void wait_for(parser *p, const lexeme *x) {
    pending item = {x->kind, x->op, x->offset, p->operand_count, p->open};
    ARENA_PUSH(p->a, p->waiting, p->waiting_count, p->waiting_cap, item);
    if (!x->op) p->open = p->waiting_count;
}

/* ---- operands ------------------------------------------------------------------------------ */

static const expr_name *find_name(const expr_name *names, size_t count, str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(names[i].name, name)) return &names[i];
    }
    return NULL;
}

static int push_name(parser *p, const lexeme *x) {
    if (p->scope && !find_name(p->scope->values, p->scope->value_count, x->raw))
        return fail_at(p, "Unrecognized named-value", x->offset, x->raw);
    expr *node = node_new(p, EXPR_NAME, x->offset);
    node->name = x->raw;
    push(p, node);
    return 0;
}

static const expr_name *find_function(const parser *p, str name) {
    const expr_name *f = expr_builtin(name);
    if (!f && p->scope) f = find_name(p->scope->functions, p->scope->function_count, name);
    return f;
}

static int push_function(parser *p, const lexeme *x) {
    const expr_name *f = find_function(p, x->raw);
    if (!f && p->scope) return fail_at(p, "Unrecognized function", x->offset, x->raw);
    expr *node = node_new(p, EXPR_CALL, x->offset);
    node->name = x->raw;
    node->run = expr_builtin_run(f);
    push(p, node);
    return 0;
}

static expr *literal_new(parser *p, const lexeme *x, value v) {
    expr *node = node_new(p, EXPR_LITERAL, x->offset);
    node->literal = v;
    return node;
}

static void push_index(parser *p, expr *object, expr *index) {
    expr *x = node_new(p, EXPR_INDEX, object->offset);
    append(x, object);
    append(x, index);
    push(p, x);
}

/* ---- closing brackets ---------------------------------------------------------------------- */

static int check_arguments(parser *p, const expr *call) {
    const expr_name *f = find_function(p, call->name);
    if (!f) return 0;
    const char *what = NULL;
    int count = (int)call->child_count;
    if (count < f->min_args)
        what = "Too few parameters supplied";
    else if (f->max_args >= 0 && count > f->max_args)
        what = "Too many parameters supplied";
    else if (str_is(f->name, "case") && count % 2 == 0)
        what = "Even number of parameters supplied, requires an odd number of parameters";
    return what ? fail_at(p, what, call->offset, call->name) : 0;
}

static int close_bracket(parser *p) {
    reduce_to(p, 0);
    const pending bracket = p->waiting[--p->waiting_count];
    p->open = bracket.outer;
    if (bracket.lex == LEX_OPEN_GROUP) return 0;
    if (bracket.lex == LEX_OPEN_INDEX) {
        expr *index = pop(p), *object = pop(p);
        push_index(p, object, index);
        return 0;
    }
    expr *call = p->operands[bracket.operands - 1];
    for (size_t i = bracket.operands; i < p->operand_count; i++)
        append(call, p->operands[i]);
    p->operand_count = bracket.operands;
    return check_arguments(p, call);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int take(parser *p, const lexeme *x) {
    switch (x->kind) {
    case LEX_LITERAL: push(p, literal_new(p, x, x->literal)); return 0;
    case LEX_NAME: return push_name(p, x);
    case LEX_FUNCTION: return push_function(p, x);
    case LEX_PROPERTY: push_index(p, pop(p), literal_new(p, x, value_string(x->raw))); return 0;
    case LEX_WILDCARD: {
        expr *any = node_new(p, EXPR_WILDCARD, x->offset);
        if (p->last.kind == LEX_DOT)
            push_index(p, pop(p), any);
        else
            push(p, any);
        return 0;
    }
    case LEX_DOT: return 0;
    case LEX_COMMA: reduce_to(p, 0); return 0;
    case LEX_INFIX:
        reduce_to(p, x->op->binding);
        wait_for(p, x);
        return 0;
    case LEX_PREFIX:
    case LEX_OPEN_GROUP:
    case LEX_OPEN_CALL:
    case LEX_OPEN_INDEX: wait_for(p, x); return 0;
    case LEX_CLOSE_PAREN:
    case LEX_CLOSE_INDEX: return close_bracket(p);
    case LEX_END:
    case LEX_BAD:
    case LEX_KIND_COUNT: break;
    }
    assert(!"not an allowed lexeme");
    return ERR_INVALID;
}

static int seal(parser *p, expr *x, unsigned depth) {
    if (depth > EXPR_DEPTH_MAX)
        return err_set(p->e, ERR_LIMIT, "Exceeded max expression depth %d", EXPR_DEPTH_MAX);
    if (x->child_count == 0) return 0;
    expr **children = ARENA_ARRAY(p->a, expr *, x->child_count);
    size_t count = 0;
    for (expr *child = x->first; child; child = child->next) {
        int r = seal(p, child, depth + 1);
        if (r < 0) return r;
        children[count++] = child;
    }
    x->children = children;
    return 0;
}

static int parse(parser *p, expr **ret) {
    lexer l = {.a = p->a, .text = p->text};
    for (;;) {
        lexeme x = lex_next(&l);
        if (x.kind == LEX_END) break;
        if (!is_allowed(p, x.kind)) return fail_symbol(p, &x);
        int r = take(p, &x);
        if (r < 0) return r;
        p->last = x;
    }
    if (p->last.kind == LEX_END) return 0; /* no lexeme at all: *ret stays NULL */
    if (p->open || !(AFTER_VALUE & BIT(p->last.kind)))
        return fail_at(p, "Unexpected end of expression", p->last.offset, p->last.raw);
    reduce_to(p, 0);
    assert(p->operand_count == 1);
    *ret = pop(p);
    return seal(p, *ret, 1);
}

int expr_parse(arena *a, str text, const expr_scope *scope, const expr **ret, err *e) {
    if (text.len > 3 * (size_t)EXPR_LENGTH_MAX || utf16_units(text) > EXPR_LENGTH_MAX)
        return err_set(e, ERR_LIMIT, "Exceeded max expression length %d", EXPR_LENGTH_MAX);
    str *shared = ARENA_NEW(a, str);
    *shared = arena_str(a, text);
    parser p = {.a = a, .text = *shared, .shared_text = shared, .scope = scope, .e = e};
    expr *x = NULL;
    int r = parse(&p, &x);
    if (r < 0) return r;
    *ret = x;
    return 0;
}

/* ---- walking ------------------------------------------------------------------------------- */

expr_kind expr_kind_of(const expr *x) {
    return x->kind;
}

str expr_name_of(const expr *x) {
    return x->kind == EXPR_NAME || x->kind == EXPR_CALL ? x->name : STR_EMPTY;
}

const value *expr_literal_of(const expr *x) {
    return x->kind == EXPR_LITERAL ? &x->literal : NULL;
}

size_t expr_child_count(const expr *x) {
    return x->child_count;
}

const expr *expr_child(const expr *x, size_t index) {
    assert(index < x->child_count);
    return x->children[index];
}

size_t expr_offset_of(const expr *x) {
    return x->offset;
}
