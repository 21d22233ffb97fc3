/* check_sites.c: where expressions stand in a file. A scalar's text is not the file's text: quotes,
 * escapes, folded lines and indentation are gone from it. To find a part of it again, both are
 * walked side by side. */
#include "workflow/check_internal.h"
#include "workflow/interpolate.h"

#include <string.h>

/* ---- from a scalar's text to the file ------------------------------------------------------ */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void find_lines(checker *c) {
    size_t cap = 0;
    ARENA_PUSH(c->a, c->lines, c->line_count, cap, 0);
    for (size_t i = 0; i < c->source.len; i++) {
        if (c->source.ptr[i] == '\n')
            ARENA_PUSH(c->a, c->lines, c->line_count, cap, (uint32_t)i + 1);
    }
}

/* The byte offset of a place in the file; false when there is no such place. */
static bool offset_of(checker *c, uint32_t line, uint32_t column, size_t *ret) {
    if (c->source.len == 0 || line == 0) return false;
    if (!c->lines) find_lines(c);
    if (line > c->line_count) return false;
    size_t at = c->lines[line - 1];
    for (uint32_t i = 1; i < column && at < c->source.len; i++)
        utf8_next(c->source, &at);
    *ret = at;
    return at < c->source.len;
}

static void place_of(checker *c, size_t offset, uint32_t *line, uint32_t *column) {
    size_t low = 0, high = c->line_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (c->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *line = (uint32_t)low + 1;
    *column = 1;
    for (size_t at = c->lines[low]; at < offset; ++*column)
        utf8_next(c->source, &at);
}

/* How the two texts advance together. */
typedef struct alignment {
    str raw, text;
    size_t r, t;
    yaml_style style;
} alignment;

static void skip_blanks(alignment *x) {
    while (x->r < x->raw.len && is_blank(x->raw.ptr[x->r]))
        x->r++;
}

/* Moves from the token's place to its first character. */
static void skip_opening(alignment *x) {
    while (x->r < x->raw.len && (x->raw.ptr[x->r] == '&' || x->raw.ptr[x->r] == '!')) {
        while (x->r < x->raw.len && !is_blank(x->raw.ptr[x->r]))
            x->r++;
        skip_blanks(x);
    }
    if (x->style == YAML_SINGLE || x->style == YAML_DOUBLE) x->r++;
    if (x->style != YAML_LITERAL && x->style != YAML_FOLDED) return;
    while (x->r < x->raw.len && x->raw.ptr[x->r] != '\n')
        x->r++;
}

/* A backslash in double quotes. At the end of a line it stands for nothing. */
static void step_escape(alignment *x) {
    char c = x->r + 1 < x->raw.len ? x->raw.ptr[x->r + 1] : ' ';
    x->r += c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
    if (c == '\n' || c == '\r')
        skip_blanks(x);
    else
        utf8_next(x->text, &x->t);
}

/* White space of the text: a folded or indented line break is a longer stretch of the file. */
static void step_blank(alignment *x) {
    size_t start = x->r;
    x->t++;
    skip_blanks(x);
    if (x->r > start && !memchr(x->raw.ptr + start, '\n', x->r - start)) x->r = start + 1;
}

/* Moves past one character of the text; false when the two do not fit together. */
static bool step(alignment *x) {
    if (x->r >= x->raw.len) return false;
    char raw = x->raw.ptr[x->r], text = x->text.ptr[x->t];
    if (x->style == YAML_DOUBLE && raw == '\\') {
        step_escape(x);
    } else if (is_blank(text)) {
        step_blank(x);
    } else if (is_blank(raw)) {
        skip_blanks(x);
    } else if (raw != text) {
        return false;
    } else {
        x->r += x->style == YAML_SINGLE && raw == '\'' ? 2 : 1;
        x->t++;
    }
    return true;
}

static bool align_to(alignment *x, size_t target) {
    while (x->t < target) {
        if (!step(x)) return false;
    }
    return x->t == target && x->r <= x->raw.len;
}

span check_span(checker *c, const token *t, size_t offset, size_t length) {
    span where = t->where;
    size_t start;
    if (!offset_of(c, where.line, where.column, &start)) return where;
    alignment x = {.raw = c->source, .text = t->source, .r = start, .style = t->style};
    skip_opening(&x);
    if (offset + length > t->source.len || !align_to(&x, offset)) return where;
    bool blank = offset < t->source.len && is_blank(t->source.ptr[offset]);
    if (!blank) skip_blanks(&x);
    size_t from = x.r;
    if (!align_to(&x, offset + length)) return where;
    place_of(c, from, &where.line, &where.column);
    place_of(c, x.r, &where.end_line, &where.end_column);
    return where;
}

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
    size_t at = expr_offset_of(x);
    bool word = expr_kind_of(x) == EXPR_WILDCARD || expr_literal_of(x);
    while (at > 0 && is_blank(text.ptr[at - 1]))
        at--;
    return word && at > 0 && text.ptr[at - 1] == '.';
}

/* The end of a node whose last child ends at `end`. */
static size_t skip_bracket(str text, size_t end, char bracket) {
    size_t next = end;
    while (next < text.len && is_blank(text.ptr[next]))
        next++;
    return next < text.len && text.ptr[next] == bracket ? next + 1 : end;
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
    str trimmed = trim_unicode(text);
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
        ptrdiff_t end = expression_end(source, from);
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
    ptrdiff_t end = expression_end(text, (size_t)open + 3);
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
