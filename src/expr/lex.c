/* lex.c: text to lexemes. Which characters end a name, a number or a wrong symbol is GitHub's
 * choice, because its error messages quote them. */
#include "expr/internal.h"
#include "expr/text.h"

#include <math.h>

/* Two-character symbols first: the longest match counts. */
static const expr_operator operators[] = {
    {"!=", LEX_INFIX, EXPR_NE, 3},  {"==", LEX_INFIX, EXPR_EQ, 3},  {">=", LEX_INFIX, EXPR_GE, 4},
    {"<=", LEX_INFIX, EXPR_LE, 4},  {"&&", LEX_INFIX, EXPR_AND, 2}, {"||", LEX_INFIX, EXPR_OR, 1},
    {"!", LEX_PREFIX, EXPR_NOT, 5}, {">", LEX_INFIX, EXPR_GT, 4},   {"<", LEX_INFIX, EXPR_LT, 4},
};

static const struct {
    char symbol;
    lex_kind kind;
} punctuation[] = {
    {')', LEX_CLOSE_PAREN}, {'[', LEX_OPEN_INDEX}, {']', LEX_CLOSE_INDEX},
    {',', LEX_COMMA},       {'*', LEX_WILDCARD},
};

static const struct {
    const char *word;
    value v;
} constants[] = {
    {"null", {.kind = VALUE_NULL}},
    {"true", {.kind = VALUE_BOOL, .boolean = true}},
    {"false", {.kind = VALUE_BOOL, .boolean = false}},
    {"NaN", {.kind = VALUE_NUMBER, .number = (double)NAN}},
    {"Infinity", {.kind = VALUE_NUMBER, .number = (double)INFINITY}},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool wants_operand(lex_kind last) {
    switch (last) {
    case LEX_END:
    case LEX_COMMA:
    case LEX_OPEN_GROUP:
    case LEX_OPEN_CALL:
    case LEX_OPEN_INDEX:
    case LEX_PREFIX:
    case LEX_INFIX: return true;
    case LEX_BAD:
    case LEX_LITERAL:
    case LEX_NAME:
    case LEX_FUNCTION:
    case LEX_PROPERTY:
    case LEX_WILDCARD:
    case LEX_DOT:
    case LEX_CLOSE_PAREN:
    case LEX_CLOSE_INDEX:
    case LEX_KIND_COUNT: break;
    }
    return false;
}

static bool at_boundary(const lexer *l, size_t at) {
    return str_find_char(STR("([)],.!><=&|"), l->text.ptr[at]) >= 0 || utf8_space_at(l->text, at);
}

static void skip_space(lexer *l) {
    size_t n;
    while (l->at < l->text.len && (n = utf8_space_at(l->text, l->at)))
        l->at += n;
}

static void skip_word(lexer *l) {
    while (l->at < l->text.len && !at_boundary(l, l->at))
        l->at++;
}

static lexeme lexeme_from(const lexer *l, lex_kind kind, size_t from) {
    return (lexeme){.kind = kind, .offset = from, .raw = str_sub(l->text, from, l->at)};
}

static lexeme literal_from(const lexer *l, size_t from, value v) {
    lexeme x = lexeme_from(l, LEX_LITERAL, from);
    x.literal = v;
    return x;
}

static lexeme lex_number(lexer *l) {
    size_t from = l->at++;
    while (l->at < l->text.len && (l->text.ptr[l->at] == '.' || !at_boundary(l, l->at)))
        l->at++;
    double n = value_parse_number(str_sub(l->text, from, l->at));
    return isnan(n) ? lexeme_from(l, LEX_BAD, from) : literal_from(l, from, value_number(n));
}

/* Quotes inside are doubled; only then is a copy needed. */
static lexeme lex_string(lexer *l) {
    size_t from = l->at++, quotes = 0;
    for (;; l->at++) {
        if (l->at >= l->text.len) return lexeme_from(l, LEX_BAD, from);
        if (l->text.ptr[l->at] != '\'') continue;
        if (l->at + 1 >= l->text.len || l->text.ptr[l->at + 1] != '\'') break;
        quotes++;
        l->at++;
    }
    str inside = str_sub(l->text, from + 1, l->at++);
    if (quotes) {
        char *copy = arena_alloc(l->a, inside.len - quotes + 1), *to = copy;
        for (size_t i = 0; i < inside.len; i++) {
            *to++ = inside.ptr[i];
            if (inside.ptr[i] == '\'') i++;
        }
        inside = (str){copy, inside.len - quotes};
    }
    return literal_from(l, from, value_string(inside));
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(str s) {
    if (s.len == 0 || !is_letter(s.ptr[0])) return false;
    for (size_t i = 1; i < s.len; i++) {
        if (!is_letter(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') && s.ptr[i] != '-')
            return false;
    }
    return true;
}

static lexeme lex_word(lexer *l) {
    size_t from = l->at++;
    skip_word(l);
    str word = str_sub(l->text, from, l->at);
    if (!is_name(word)) return lexeme_from(l, LEX_BAD, from);
    if (l->last == LEX_DOT) return lexeme_from(l, LEX_PROPERTY, from);
    for (size_t i = 0; i < COUNT(constants); i++) {
        if (str_is(word, constants[i].word)) return literal_from(l, from, constants[i].v);
    }
    lexeme x = lexeme_from(l, LEX_NAME, from);
    lexer ahead = *l;
    skip_space(&ahead);
    if (ahead.at < l->text.len && l->text.ptr[ahead.at] == '(') x.kind = LEX_FUNCTION;
    return x;
}

static lexeme lex_operator(lexer *l) {
    size_t from = l->at;
    for (size_t i = 0; i < COUNT(operators); i++) {
        str symbol = str_from(operators[i].symbol);
        if (!str_starts(str_sub(l->text, from, l->text.len), symbol)) continue;
        l->at += symbol.len;
        lexeme x = lexeme_from(l, operators[i].lex, from);
        x.op = &operators[i];
        return x;
    }
    l->at++;
    skip_word(l);
    return lexeme_from(l, LEX_BAD, from);
}

static lexeme lex_symbol(lexer *l, lex_kind kind) {
    size_t from = l->at++;
    return lexeme_from(l, kind, from);
}

static lexeme lex_any(lexer *l) {
    skip_space(l);
    if (l->at >= l->text.len) return lexeme_from(l, LEX_END, l->at);
    char c = l->text.ptr[l->at];
    if (c == '(') return lex_symbol(l, l->last == LEX_FUNCTION ? LEX_OPEN_CALL : LEX_OPEN_GROUP);
    for (size_t i = 0; i < COUNT(punctuation); i++) {
        if (c == punctuation[i].symbol) return lex_symbol(l, punctuation[i].kind);
    }
    if (c == '\'') return lex_string(l);
    if (c == '.' && !wants_operand(l->last)) return lex_symbol(l, LEX_DOT);
    if (c == '.' || c == '-' || c == '+' || (c >= '0' && c <= '9')) return lex_number(l);
    if (str_find_char(STR("!><=&|"), c) >= 0) return lex_operator(l);
    return lex_word(l);
}

lexeme lex_next(lexer *l) {
    lexeme x = lex_any(l);
    l->last = x.kind;
    return x;
}

ptrdiff_t expr_end(str text, size_t from) {
    bool quoted = false;
    for (size_t i = from; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            quoted = !quoted;
        else if (!quoted && text.ptr[i] == '}' && i > from && text.ptr[i - 1] == '}')
            return (ptrdiff_t)i + 1;
    }
    return -1;
}
