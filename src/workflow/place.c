/* Where in a file a part of an expression stands. A token's place is its scalar's, which may be a
 * script of a hundred lines. The text of its expression has lost what YAML and interpolation put
 * around it, so it is looked for in the file and only believed when it is found letter by letter;
 * where YAML has changed it (escapes, folding), the scalar's own place must do. */
#include "workflow/interpolate.h"

#include <string.h>

#define OPEN    STR("${{")
#define FORMAT  STR("format('")
#define WRAPPED STR("success() && (")

typedef struct cursor {
    str source;
    size_t at;
    uint32_t line, column;
} cursor;

static void advance(cursor *c) {
    if (c->source.ptr[c->at] == '\n') {
        c->line++;
        c->column = 1;
        c->at++;
        return;
    }
    (void)utf8_next(c->source, &c->at);
    c->column++;
}

static bool seek_place(cursor *c, uint32_t line, uint32_t column) {
    while (c->at < c->source.len && c->line < line) {
        const char *end = memchr(c->source.ptr + c->at, '\n', c->source.len - c->at);
        if (!end) return false;
        c->at = (size_t)(end - c->source.ptr) + 1;
        c->line++;
        c->column = 1;
    }
    while (c->at < c->source.len && c->line == line && c->column < column)
        advance(c);
    return c->line == line && c->column == column;
}

static void seek_byte(cursor *c, size_t at) {
    while (c->at < at && c->at < c->source.len)
        advance(c);
}

/* The bytes of the scalar, and a cursor at its first one. */
static bool scalar_bytes(str source, span where, cursor *ret, str *ret_raw) {
    cursor begin = {.source = source, .line = 1, .column = 1};
    if (where.line == 0 || !seek_place(&begin, where.line, where.column)) return false;
    cursor end = begin;
    if (!seek_place(&end, where.end_line, where.end_column)) return false;
    *ret = begin;
    *ret_raw = str_sub(source, begin.at, end.at);
    return true;
}

static span place_at(cursor c, span where, size_t at, size_t length) {
    span found = {.file = where.file};
    seek_byte(&c, at);
    found.line = c.line;
    found.column = c.column;
    seek_byte(&c, at + length);
    found.end_line = c.line;
    found.end_column = c.column;
    return found;
}

/* The next expression of a scalar, trimmed, at *from; *from is moved past it. */
static bool next_expression(str raw, size_t *from, str *ret) {
    str rest = str_sub(raw, *from, raw.len);
    ptrdiff_t open = str_find(rest, OPEN);
    if (open < 0) return false;
    ptrdiff_t after = expression_end(rest, (size_t)open + OPEN.len);
    if (after < 0) return false;
    *ret = trim_unicode(str_sub(rest, (size_t)open + OPEN.len, (size_t)after - 2));
    *from += (size_t)after;
    return true;
}

/* Where the arguments of format('…', a, b) begin in its text, or 0. */
static size_t arguments_at(str text) {
    if (!str_starts(text, FORMAT)) return 0;
    for (size_t i = FORMAT.len; i < text.len; i++) {
        if (text.ptr[i] != '\'') continue;
        if (i + 1 < text.len && text.ptr[i + 1] == '\'')
            i++;
        else
            return i + 1;
    }
    return 0;
}

/* The byte of `raw` where the byte `offset` of the expression's text stands, or -1. */
static ptrdiff_t find_in_scalar(str raw, str text, size_t offset) {
    str inner;
    size_t from = 0, at = arguments_at(text);
    if (!next_expression(raw, &from, &inner)) {
        ptrdiff_t found = str_find(raw, text);
        return found < 0 ? -1 : found + (ptrdiff_t)offset;
    }
    if (str_eq(inner, text)) return (inner.ptr - raw.ptr) + (ptrdiff_t)offset;
    if (at == 0) return -1;
    do {
        at += STR(", ").len;
        if (!str_starts(str_sub(text, at, text.len), inner)) return -1;
        if (offset >= at && offset < at + inner.len)
            return (inner.ptr - raw.ptr) + (ptrdiff_t)(offset - at);
        at += inner.len;
    } while (next_expression(raw, &from, &inner));
    return -1;
}

span token_place(const token *t, str source, size_t offset, size_t length) {
    cursor begin;
    str raw, text = t->text;
    if (t->kind != TOKEN_EXPR && t->kind != TOKEN_STRING) return t->where;
    if (!scalar_bytes(source, t->where, &begin, &raw)) return t->where;
    /* A condition was put into success() && (…). */
    bool condition = t->definition == D_STEP_IF_RESULT || t->definition == D_JOB_IF_RESULT;
    if (condition && str_starts(text, WRAPPED) && str_find(raw, WRAPPED) < 0) {
        if (offset < WRAPPED.len) return t->where;
        offset -= WRAPPED.len;
        text = str_sub(text, WRAPPED.len, text.len - 1);
    }
    ptrdiff_t at = find_in_scalar(raw, text, offset);
    return at < 0 ? t->where : place_at(begin, t->where, begin.at + (size_t)at, length);
}

size_t text_offset(str text, uint32_t column) {
    size_t at = 0;
    for (uint32_t i = 1; i < column && at < text.len; i++)
        (void)utf8_next(text, &at);
    return at;
}

span expression_place(const token *t, str source, str text, span within) {
    cursor begin;
    str raw, inner;
    size_t from = 0;
    ptrdiff_t at = -1;
    if (text.len == 0 || !scalar_bytes(source, t->where, &begin, &raw)) return (span){0};
    if (str_find(raw, OPEN) < 0) at = str_find(raw, text);
    while (at < 0 && next_expression(raw, &from, &inner))
        if (str_eq(inner, text)) at = inner.ptr - raw.ptr;
    if (at < 0) return (span){0};
    size_t offset = text_offset(text, within.column), end = text_offset(text, within.end_column);
    return place_at(begin, t->where, begin.at + (size_t)at + offset,
                    end > offset ? end - offset : 1);
}
