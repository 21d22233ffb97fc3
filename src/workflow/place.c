/* A scalar's text is not the file's text: quotes, escapes, folded lines and indentation are gone
 * from it. To find a part of it again, both are walked side by side. */
#include "workflow/place.h"

#include <string.h>

/* Further to the right nobody looks for the exact place, and counting that far for each of many
 * problems would take minutes for a file of one line. */
#define COLUMN_MAX 10000

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void find_lines(place_index *p) {
    size_t cap = 0;
    ARENA_PUSH(p->a, p->lines, p->line_count, cap, 0);
    for (size_t i = 0; i < p->source.len; i++) {
        if (p->source.ptr[i] == '\n')
            ARENA_PUSH(p->a, p->lines, p->line_count, cap, (uint32_t)i + 1);
    }
}

/* The byte offset of a place in the file; false when there is no such place. */
static bool offset_of(place_index *p, uint32_t line, uint32_t column, size_t *ret) {
    if (p->source.len == 0 || line == 0) return false;
    if (!p->lines) find_lines(p);
    if (line > p->line_count) return false;
    size_t at = p->lines[line - 1];
    for (uint32_t i = 1; i < column && at < p->source.len; i++)
        utf8_next(p->source, &at);
    *ret = at;
    return at < p->source.len;
}

static void place_of(const place_index *p, size_t offset, uint32_t *line, uint32_t *column) {
    size_t low = 0, high = p->line_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (p->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *line = (uint32_t)low + 1;
    *column = 1;
    for (size_t at = p->lines[low]; at < offset; ++*column)
        utf8_next(p->source, &at);
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

span place_in_scalar(place_index *p, const token *t, size_t offset, size_t length) {
    span where = t->where;
    size_t start;
    if (where.column > COLUMN_MAX) return where;
    if (!offset_of(p, where.line, where.column, &start)) return where;
    alignment x = {.raw = p->source, .text = t->source, .r = start, .style = t->style};
    skip_opening(&x);
    if (offset + length > t->source.len || !align_to(&x, offset)) return where;
    bool blank = offset < t->source.len && is_blank(t->source.ptr[offset]);
    if (!blank) skip_blanks(&x);
    size_t from = x.r;
    if (!align_to(&x, offset + length)) return where;
    place_of(p, from, &where.line, &where.column);
    place_of(p, x.r, &where.end_line, &where.end_column);
    return where;
}
