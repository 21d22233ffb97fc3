#include "workflow/interpolate.h"

#include <string.h>

#define OPEN  STR("${{")
#define CLOSE STR("}}")

/* A piece of a scalar: literal text, or what stands between ${{ and }}, trimmed. */
typedef struct segment {
    str text;
    bool expression;
} segment;

typedef struct segments {
    segment *items;
    size_t count, cap;
} segments;

/* Words after `insert`, which takes none. Quotes and brackets keep a word together. */
static size_t count_words(str text) {
    size_t words = 0, parens = 0;
    bool quoted = false, inside = false;
    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i];
        size_t space = utf8_space_at(text, i);
        bool blank = space && !quoted && parens == 0;
        if (c == '\'') quoted = !quoted;
        if (c == '(' && !quoted) parens++;
        if (c == ')' && !quoted && parens > 0) parens--;
        if (!blank && !inside) words++;
        inside = !blank;
        i += space ? space : 1;
    }
    return words;
}

static bool is_insert(str text) {
    str word = STR("insert");
    return str_starts(text, word) && (text.len == word.len || utf8_space_at(text, word.len));
}

/* Judges one expression; *ret_insert is set for the directive. */
static bool check_expression(reading *r, const token *t, str text, uint32_t scope, const expr **ret,
                             bool *ret_insert) {
    err e = {0};
    *ret_insert = false;
    if (text.len == 0) {
        reading_error(r, t->where, "expression", "An expression was expected");
        return false;
    }
    if (is_insert(text)) {
        size_t words = count_words(str_sub(text, 6, text.len));
        *ret_insert = words == 0;
        if (words > 0)
            reading_error(r, t->where, "expression",
                          "Exactly 0 parameter(s) were expected following the directive "
                          "'insert'. Actual parameter count: %zu",
                          words);
        return words == 0;
    }
    if (expr_parse(r->a, text, schema_scope(&r->scopes, r->a, scope), ret, &e) < 0) {
        reading_expression_error(r, t, text, scope, &e);
        return false;
    }
    return true;
}

/* Cuts the scalar into segments and judges its expressions, each of them whatever the others are.
 */
static bool cut(reading *r, const token *t, uint32_t scope, segments *out, const expr **ret,
                bool *ret_insert) {
    str raw = t->text;
    bool good = true;
    while (raw.len > 0) {
        ptrdiff_t open = str_find(raw, OPEN);
        if (open != 0) {
            size_t end = open < 0 ? raw.len : (size_t)open;
            ARENA_PUSH(r->a, out->items, out->count, out->cap,
                       ((segment){str_sub(raw, 0, end), false}));
            raw = str_sub(raw, end, raw.len);
            continue;
        }
        ptrdiff_t after = expr_end(raw, OPEN.len);
        if (after < 0) {
            reading_error(r, t->where, "expression",
                          "The expression is not closed. An unescaped ${{ sequence was found, but "
                          "the closing }} sequence was not found.");
            return false;
        }
        str text = utf8_trim(str_sub(raw, OPEN.len, (size_t)after - CLOSE.len));
        good &= check_expression(r, t, text, scope, ret, ret_insert);
        if (*ret_insert && ((size_t)after < raw.len || out->count > 0)) {
            reading_error(r, t->where, "expression",
                          "The directive 'insert' is not allowed in this context. Directives are "
                          "not supported for expressions that are embedded within a string. "
                          "Directives are only supported when the entire value is an expression.");
            return false;
        }
        ARENA_PUSH(r->a, out->items, out->count, out->cap, ((segment){text, true}));
        raw = str_sub(raw, (size_t)after, raw.len);
    }
    return good;
}

/* True for a lone 'text' with nothing around it; *ret is the text with '' undone. */
static bool quoted_literal(arena *a, str text, str *ret) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') {
            inside = !inside;
            if (inside && i != 0) strbuf_addc(&out, '\'');
        } else if (!inside) {
            return false;
        } else {
            strbuf_addc(&out, text.ptr[i]);
        }
    }
    *ret = arena_str(a, strbuf_str(&out));
    return true;
}

/* format('a {0}', b) for "a ${{ b }}": quotes and braces of the text are doubled. */
static str format_call(arena *a, const segments *s) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t arguments = 0;
    strbuf_adds(&out, "format('");
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].expression) {
            strbuf_addf(&out, "{%zu}", arguments++);
            continue;
        }
        str text = s->items[i].text;
        for (size_t j = 0; j < text.len; j++) {
            if (memchr("'{}", text.ptr[j], 3)) strbuf_addc(&out, text.ptr[j]);
            strbuf_addc(&out, text.ptr[j]);
        }
    }
    strbuf_addc(&out, '\'');
    for (size_t i = 0; i < s->count; i++) {
        if (!s->items[i].expression) continue;
        strbuf_adds(&out, ", ");
        strbuf_add(&out, s->items[i].text);
    }
    strbuf_addc(&out, ')');
    return arena_str(a, strbuf_str(&out));
}

void interpolate(reading *r, token *t, uint32_t scope) {
    if (str_find(t->text, OPEN) < 0) return;
    segments s = {0};
    const expr *x = NULL;
    bool insert = false;
    if (!cut(r, t, scope, &s, &x, &insert)) return;
    if (insert) {
        t->kind = TOKEN_INSERT;
        return;
    }
    if (s.count == 1) {
        str literal;
        if (quoted_literal(r->a, s.items[0].text, &literal)) {
            t->text = literal;
            return;
        }
        t->kind = TOKEN_EXPR;
        t->text = s.items[0].text;
        t->expr = x;
        return;
    }
    err e = {0};
    str call = format_call(r->a, &s);
    if (expr_parse(r->a, call, schema_scope(&r->scopes, r->a, scope), &x, &e) < 0) {
        reading_error(r, t->where, "expression", "%s", e.message);
        return;
    }
    t->kind = TOKEN_EXPR;
    t->text = call;
    t->expr = x;
}
