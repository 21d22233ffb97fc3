#include "cli/diagnostics.h"

#include "cli/console.h"

#include <stdlib.h>
#include <string.h>

typedef struct source {
    const char *path;
    str text;
    size_t *lines; /* offsets of line starts; made when the first line is asked for */
    size_t line_count;
} source;

struct sources {
    arena *a;
    source *items;
    size_t count, cap;
};

sources *sources_new(arena *a) {
    sources *s = ARENA_NEW(a, sources);
    s->a = a;
    return s;
}

static source *find(sources *s, const char *path) {
    for (size_t i = 0; i < s->count; i++) {
        if (!strcmp(s->items[i].path, path)) return &s->items[i];
    }
    return NULL;
}

void sources_add(sources *s, const char *path, str text) {
    if (find(s, path)) return;
    ARENA_PUSH(s->a, s->items, s->count, s->cap, ((source){.path = path, .text = text}));
}

static void index_lines(arena *a, source *f) {
    size_t cap = 0;
    ARENA_PUSH(a, f->lines, f->line_count, cap, 0);
    for (size_t i = 0; i < f->text.len; i++) {
        if (f->text.ptr[i] == '\n') ARENA_PUSH(a, f->lines, f->line_count, cap, i + 1);
    }
}

/* Line `number` (from 1) of a file, without its end; false when it is not at hand. */
static bool sources_line(sources *s, const char *path, uint32_t number, str *ret) {
    source *f = path && number ? find(s, path) : NULL;
    if (!f) return false;
    if (!f->lines) index_lines(s->a, f);
    if (number > f->line_count) return false;
    str rest = str_sub(f->text, f->lines[number - 1], f->text.len);
    *ret = STR_EMPTY;
    str_line(&rest, ret);
    return true;
}

const char *severity_name(severity level) {
    static const char *const names[SEVERITY_COUNT] = {"error", "warning", "note"};
    return names[level];
}

static int compare(const void *left, const void *right) {
    const problem *a = left, *b = right;
    span p = problem_place(a), q = problem_place(b);
    int order = strcmp(p.file ? p.file : "", q.file ? q.file : "");
    if (order) return order;
    if (p.line != q.line) return p.line < q.line ? -1 : 1;
    if (p.column != q.column) return p.column < q.column ? -1 : 1;
    if (a->level != b->level) return a->level < b->level ? -1 : 1;
    return str_cmp(a->message, b->message);
}

void diagnostics_sort(problem_list *list) {
    size_t kept = 0;
    if (list->count) qsort(list->items, list->count, sizeof *list->items, compare);
    list->errors = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (kept && compare(&list->items[kept - 1], &list->items[i]) == 0) continue;
        list->items[kept++] = list->items[i];
        list->errors += list->items[i].level == SEVERITY_ERROR;
    }
    list->count = kept;
}

static style_ink ink_of(severity level) {
    static const style_ink inks[SEVERITY_COUNT] = {INK_RED, INK_YELLOW, INK_CYAN};
    return inks[level];
}

/* Bytes of `line` before the code point number `column` (from 1). */
static size_t column_offset(str line, uint32_t column) {
    size_t at = 0;
    for (uint32_t i = 1; i < column && at < line.len; i++)
        utf8_next(line, &at);
    return at;
}

#define LINE_WIDTH 120   /* at most; on a terminal no more than fits */
#define COLUMN_MAX 10000 /* of a place further to the right the line is not shown */

/* The line and a caret under the place; of a long line, the part around the place. */
static void add_line(strbuf *out, const style *st, str line, const problem *p) {
    const span place = problem_place(p), *w = &place;
    size_t width = LINE_WIDTH;
    if (st->terminal && st->width < LINE_WIDTH + 4) width = st->width > 24 ? st->width - 4 : 20;
    size_t from = column_offset(line, w->column), to = line.len;
    if (w->end_line == w->line && w->end_column > w->column)
        to = column_offset(line, w->end_column);
    str plain = str_trim(str_sub(line, from, to));
    if (w->end_line == 0) plain.len = plain.len ? 1 : 0;
    size_t start = from > width * 2 / 3 ? from - width / 3 : 0;
    while (start && start < line.len && ((unsigned char)line.ptr[start] & 0xC0) == 0x80)
        start--;

    style quiet = *st;
    quiet.colour = false;
    strbuf_adds(out, "  ");
    if (start) strbuf_adds(out, style_glyph_of(st, GLYPH_ELLIPSIS));
    style_clip(out, &quiet, str_sub(line, start, line.len), width);
    strbuf_adds(out, "\n  ");
    size_t indent = style_width(&quiet, str_sub(line, start, from));
    if (start) indent += st->utf8 ? 1 : 3;
    strbuf_pad(out, ' ', indent);
    size_t length = style_width(&quiet, plain);
    if (indent + length > width) length = width > indent ? width - indent : 1;
    style_on(out, st, ink_of(p->level));
    strbuf_addc(out, '^');
    strbuf_pad(out, '~', length > 1 ? length - 1 : 0);
    style_off(out, st);
    strbuf_addc(out, '\n');
}

void diagnostic_add(strbuf *out, const style *st, sources *s, const problem *p) {
    const span w = problem_place(p);
    style_on(out, st, INK_BOLD);
    style_text(out, st, w.file ? str_from(w.file) : STR("workflow"));
    if (w.line) strbuf_addf(out, ":%u:%u", w.line, w.column);
    strbuf_addc(out, ':');
    style_off(out, st);
    strbuf_addc(out, ' ');
    style_on(out, st, ink_of(p->level));
    strbuf_addf(out, "%s:", severity_name(p->level));
    style_off(out, st);
    strbuf_addc(out, ' ');
    style_text(out, st, p->message);
    if (p->rule && *p->rule) {
        strbuf_addc(out, ' ');
        style_on(out, st, INK_DIM);
        strbuf_addf(out, "[%s]", p->rule);
        style_off(out, st);
    }
    strbuf_addc(out, '\n');
    str line;
    if (w.column <= COLUMN_MAX && sources_line(s, w.file, w.line, &line))
        add_line(out, st, line, p);
    if (p->caller.line && p->caller.file)
        strbuf_addf(out, "  called from %s:%u:%u\n", p->caller.file, p->caller.line,
                    p->caller.column);
    if (!p->help.len) return;
    strbuf_adds(out, "  help: ");
    _cleanup_strbuf_ strbuf help = STRBUF_INIT;
    style_text(&help, st, p->help);
    if (st->terminal) {
        style_fold(out, strbuf_str(&help), 8, st->width);
    } else {
        strbuf_add(out, strbuf_str(&help));
        strbuf_addc(out, '\n');
    }
}

void diagnostics_print(int fd, sources *s, problem_list *list) {
    style st = style_of(fd);
    console o = CONSOLE_INIT(fd);
    diagnostics_sort(list);
    for (size_t i = 0; i < list->count; i++)
        diagnostic_add(&o.buf, &st, s, &list->items[i]);
    console_done(&o);
}
