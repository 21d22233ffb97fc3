/* check_sites.c: where expressions stand in a file. */
#include "workflow/check_internal.h"
#include "workflow/interpolate.h"

#include <string.h>

/* ---- from a node to its text --------------------------------------------------------------- */

/* The end of a word or of a quoted string that begins at `at`. */
static size_t atom_end(str text, size_t at) {
    bool quoted = at < text.len && text.ptr[at] == '\'';
    for (at += quoted; at < text.len; at++) {
        char ch = text.ptr[at];
        bool doubled = at + 1 < text.len && text.ptr[at + 1] == '\'';
        if (quoted && ch == '\'' && doubled)
            at++;
        else if (quoted && ch == '\'')
            return at + 1;
        else if (!quoted && !memchr("_-+.", ch, 4) && !(ch >= '0' && ch <= '9') &&
                 !((ch | 32) >= 'a' && (ch | 32) <= 'z'))
            return at;
    }
    return text.len;
}

/* A name after a dot, or a dotted star: no bracket follows that belongs to it. */
static bool is_dotted(str text, const expr *x) {
    str before = str_trim(str_sub(text, 0, expr_offset_of(x)));
    bool word = expr_kind_of(x) == EXPR_WILDCARD || expr_literal_of(x);
    return word && str_ends(before, STR("."));
}

/* The end of a node whose last child ends at `end`. */
static size_t skip_bracket(str text, size_t end, char bracket) {
    str rest = str_trim(str_sub(text, end, text.len));
    return rest.len && rest.ptr[0] == bracket ? (size_t)(rest.ptr - text.ptr) + 1 : end;
}

static size_t node_end(str text, const expr *x) {
    size_t count = expr_child_count(x), at = expr_offset_of(x);
    const value *literal = expr_literal_of(x);
    expr_kind kind = expr_kind_of(x);
    if (kind == EXPR_WILDCARD) return at + 1;
    if (literal) return is_dotted(text, x) ? at + literal->string.len : atom_end(text, at);
    if (count == 0) {
        size_t end = at + expr_name_of(x).len;
        return kind == EXPR_CALL ? skip_bracket(text, skip_bracket(text, end, '('), ')') : end;
    }
    const expr *last = expr_child(x, count - 1);
    size_t end = node_end(text, last);
    if (kind == EXPR_CALL) return skip_bracket(text, end, ')');
    return kind == EXPR_INDEX && !is_dotted(text, last) ? skip_bracket(text, end, ']') : end;
}

span check_span(checker *c, const token *t, size_t offset, size_t length) {
    return place_in_scalar(&c->file, t, offset, length);
}

str check_expr_text(const site *s, const expr *x) {
    return str_sub(s->text, expr_offset_of(x), node_end(s->text, x));
}

span check_expr_span(checker *c, const site *s, const expr *x) {
    return check_span(c, s->t, s->offset + expr_offset_of(x), check_expr_text(s, x).len);
}

/* ---- sites --------------------------------------------------------------------------------- */

static void visit(checker *c, const token *t, str text, unsigned flags, check_site_fn *fn,
                  void *context) {
    err ignored;
    str trimmed = utf8_trim(text);
    site s = {.t = t, .text = trimmed, .flags = flags};
    s.offset = (size_t)(trimmed.ptr - t->source.ptr);
    if (trimmed.len == 0 || expr_parse(c->a, trimmed, NULL, &s.x, &ignored) || !s.x) return;
    fn(c, &s, context);
}

void check_each_site(checker *c, const token *t, unsigned flags, check_site_fn *fn, void *context) {
    str source = t->source;
    bool bare = (flags & SITE_CONDITION) && str_find(source, STR("${{")) < 0;
    if (bare) visit(c, t, source, flags, fn, context);
    for (size_t at = 0; at < source.len && !bare;) {
        ptrdiff_t open = str_find(str_sub(source, at, source.len), STR("${{"));
        if (open < 0) return;
        size_t from = at + (size_t)open + 3;
        ptrdiff_t end = expr_end(source, from);
        if (end < 0) return;
        bool whole = from == 3 && (size_t)end == source.len;
        visit(c, t, str_sub(source, from, (size_t)end - 2), flags | (whole ? 0 : SITE_EMBEDDED), fn,
              context);
        at = (size_t)end;
    }
}

static void check_site(checker *c, const site *s, void *context) {
    (void)context;
    check_expression(c, s);
    if (s->flags & (SITE_SHELL | SITE_JAVASCRIPT)) check_injection(c, s);
}

void check_token(checker *c, const token *t, unsigned flags) {
    if (!t) return;
    switch (t->kind) {
    case TOKEN_EXPR: check_each_site(c, t, flags, check_site, NULL); break;
    case TOKEN_SEQUENCE:
        for (size_t i = 0; i < t->sequence.count; i++)
            check_token(c, t->sequence.items[i], flags);
        break;
    case TOKEN_MAPPING:
        for (size_t i = 0; i < t->mapping.count; i++) {
            check_token(c, t->mapping.pairs[i].key, flags);
            check_token(c, t->mapping.pairs[i].item, flags);
        }
        break;
    case TOKEN_NULL:
    case TOKEN_BOOL:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_INSERT:
    case TOKEN_KIND_COUNT: break;
    }
}

/* "${{ x }} == 'y'" is a text, and a text that is not empty is true; a line break at the end, as a
 * block scalar has, is enough. */
static bool has_text_around(str text) {
    ptrdiff_t open = str_find(text, STR("${{"));
    if (open < 0) return false;
    ptrdiff_t end = expr_end(text, (size_t)open + 3);
    return open > 0 || (end >= 0 && (size_t)end < text.len);
}

void check_condition(checker *c, const token *condition) {
    if (!condition || condition->where.line == 0 || condition->source.len == 0) return;
    if (has_text_around(condition->source)) {
        check_add(c, RULE_ALWAYS_TRUE, condition->where, STR_EMPTY,
                  "This condition is always true: it is a text with the value in it, not a "
                  "comparison");
    }
    check_each_site(c, condition, SITE_CONDITION, check_site, NULL);
}
