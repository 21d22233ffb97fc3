/* scan_table.c: findings by file, with the line and what to do, and one line that sums up. What to
 * do in general is said at the end, once. */
#include "cli/scan_table.h"

#include <stdio.h>

#define RULES_TOLD  4
#define LINES_MAX   4   /* of an excerpt */
#define WIDTH_MAX   100 /* text is hard to read in longer lines */
#define WIDTH_MIN   40
#define INDENT      6
#define HELP_INDENT 6 /* "help: " */
#define LEVEL_WIDE  8 /* "critical" */

/* What to do, and the rules that say so. */
typedef struct advice {
    str help;
    str rules[RULES_TOLD];
    size_t rule_count;
} advice;

typedef struct table {
    strbuf *out;
    const style *st;
    str here;
    size_t width;
    arena *a;
    advice *advice;
    size_t advice_count, advice_cap;
} table;

static style_ink ink_of(finding_level level) {
    static const style_ink inks[LEVEL_COUNT] = {INK_MAGENTA, INK_RED, INK_YELLOW, INK_BLUE,
                                                INK_CYAN};
    return inks[level];
}

static style_glyph glyph_of(finding_level level) {
    static const style_glyph glyphs[GRADE_COUNT] = {GLYPH_FAILED, GLYPH_WARNING, GLYPH_DOT};
    return glyphs[report_grade_of(level)];
}

/* ---- text -------------------------------------------------------------------------------------
 */

/* Folds words to lines that begin after `indent` columns; the first one starts at `column`. */
static void add_folded(table *t, str text, size_t column, size_t indent, const style_ink *ink) {
    bool first = true;
    if (ink) style_on(t->out, t->st, *ink);
    while (text.len) {
        str word;
        str_cut(text, ' ', &word, &text);
        if (!word.len) continue;
        size_t wide = style_width(t->st, word);
        if (!first && column + 1 + wide > t->width) {
            strbuf_addc(t->out, '\n');
            strbuf_pad(t->out, ' ', indent);
            column = indent;
        } else if (!first) {
            strbuf_addc(t->out, ' ');
            column++;
        }
        style_text(t->out, t->st, word);
        if (ink) style_on(t->out, t->st, *ink);
        column += wide;
        first = false;
    }
    if (ink) style_off(t->out, t->st);
    strbuf_addc(t->out, '\n');
}

/* A path as seen from where the person stands. */
static str shown_path(table *t, str path) {
    if (!t->here.len) return path;
    if (str_starts(path, t->here)) return str_sub(path, t->here.len, path.len);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < t->here.len; i++) {
        if (t->here.ptr[i] == '/') strbuf_adds(&out, "../");
    }
    strbuf_add(&out, path);
    return arena_str(t->a, strbuf_str(&out));
}

/* ---- one finding -------------------------------------------------------------------------------
 */

static size_t offset_of(str line, uint32_t column) {
    size_t at = 0;
    for (uint32_t i = 1; i < column && at < line.len; i++)
        utf8_next(line, &at);
    return at;
}

static void add_bar(table *t) {
    strbuf_pad(t->out, ' ', INDENT);
    style_add(t->out, t->st, INK_DIM, str_from(style_glyph_of(t->st, GLYPH_BAR)));
    strbuf_addc(t->out, ' ');
}

/* Which part of an excerpt is the place. A secret stands there as it is shown, which is shorter
 * than it is, and of a long line there is a part only. */
static void find_place(const finding *f, str line, size_t *ret_from, size_t *ret_to) {
    str secret = value_path_str(&f->properties, "secret");
    size_t from = offset_of(line, f->column), to = line.len;
    if (f->end_line == f->line && f->end_column > f->column) to = offset_of(line, f->end_column);
    ptrdiff_t at = secret.len ? str_find(str_sub(line, from, line.len), secret) : -1;
    if (at >= 0)
        at += (ptrdiff_t)from;
    else if (secret.len)
        at = str_find(line, secret);
    if (at >= 0) {
        from = (size_t)at;
        to = from + secret.len;
    }
    *ret_from = from;
    *ret_to = to;
}

/* The line around its place, and a caret under it. */
static void add_marked_line(table *t, const finding *f, str line) {
    style quiet = *t->st;
    quiet.colour = false;
    size_t room = t->width - INDENT - 2, from, to;
    find_place(f, line, &from, &to);
    size_t skipped = 0;
    while (skipped < from && (line.ptr[skipped] == ' ' || line.ptr[skipped] == '\t'))
        skipped++;
    size_t start = skipped;
    if (style_width(&quiet, str_sub(line, skipped, to)) > room && from > skipped + room / 3) {
        start = from - room / 3;
        while (start && ((unsigned char)line.ptr[start] & 0xC0) == 0x80)
            start--;
    }
    bool cut = start > skipped;
    size_t lead = cut ? (t->st->utf8 ? 1 : 3) : 0;
    add_bar(t);
    if (cut) strbuf_adds(t->out, style_glyph_of(t->st, GLYPH_ELLIPSIS));
    style_clip(t->out, &quiet, str_sub(line, start, line.len), room - lead);
    strbuf_addc(t->out, '\n');
    if (from >= line.len) return;
    size_t indent = lead + style_width(&quiet, str_sub(line, start, from));
    size_t length = style_width(&quiet, str_sub(line, from, to));
    if (indent >= room) return;
    if (indent + length > room) length = room - indent;
    add_bar(t);
    strbuf_pad(t->out, ' ', indent);
    style_on(t->out, t->st, ink_of(f->level));
    strbuf_addc(t->out, '^');
    strbuf_pad(t->out, '~', length > 1 ? length - 1 : 0);
    style_off(t->out, t->st);
    strbuf_addc(t->out, '\n');
}

static void add_excerpt(table *t, const finding *f) {
    str rest = f->excerpt, line;
    style quiet = *t->st;
    quiet.colour = false;
    if (!rest.len) return;
    if (str_find_char(rest, '\n') < 0 && f->column) {
        add_marked_line(t, f, rest);
        return;
    }
    for (size_t i = 0; str_line(&rest, &line); i++) {
        add_bar(t);
        if (i == LINES_MAX) {
            strbuf_addf(t->out, "%s\n", style_glyph_of(t->st, GLYPH_ELLIPSIS));
            return;
        }
        style_clip(t->out, &quiet, line, t->width - INDENT - 2);
        strbuf_addc(t->out, '\n');
    }
}

static void keep_help(table *t, const finding *f) {
    advice *known = NULL;
    for (size_t i = 0; i < t->advice_count && !known; i++) {
        if (str_eq(t->advice[i].help, f->help)) known = &t->advice[i];
    }
    if (!known) {
        ARENA_PUSH(t->a, t->advice, t->advice_count, t->advice_cap, ((advice){.help = f->help}));
        known = &t->advice[t->advice_count - 1];
    }
    for (size_t i = 0; i < known->rule_count && i < RULES_TOLD; i++) {
        if (str_eq(known->rules[i], f->rule)) return;
    }
    if (known->rule_count < RULES_TOLD) known->rules[known->rule_count] = f->rule;
    known->rule_count++;
}

static void add_note(table *t, const char *label, str text, const style_ink *ink) {
    if (!text.len) return;
    size_t used = style_width(t->st, str_from(label)) + 1;
    strbuf_pad(t->out, ' ', INDENT);
    style_add(t->out, t->st, INK_DIM, str_from(label));
    strbuf_addc(t->out, ' ');
    add_folded(t, text, INDENT + used, INDENT + used, ink);
}

static size_t place_width(const finding *f) {
    char text[32];
    if (!f->line) return 0;
    return (size_t)snprintf(text, sizeof text, f->column ? "%u:%u" : "%u", f->line, f->column);
}

static void add_head(table *t, const finding *f, size_t places) {
    size_t place = place_width(f), column = 4 + LEVEL_WIDE + 2;
    style_ink ink = f->suppressed ? INK_DIM : ink_of(f->level);
    strbuf_adds(t->out, "  ");
    style_on(t->out, t->st, ink);
    strbuf_adds(t->out, style_glyph_of(t->st, f->suppressed ? GLYPH_SKIPPED : glyph_of(f->level)));
    strbuf_addf(t->out, " %s", level_name(f->level));
    style_off(t->out, t->st);
    strbuf_pad(t->out, ' ', LEVEL_WIDE + 2 - str_from(level_name(f->level)).len);
    if (places) {
        strbuf_pad(t->out, ' ', places - place);
        if (f->line) strbuf_addf(t->out, "%u", f->line);
        if (f->line && f->column) strbuf_addf(t->out, ":%u", f->column);
        strbuf_adds(t->out, "  ");
        column += places + 2;
    }
    str text = arena_printf(t->a, "%.*s [%.*s]", STR_ARG(f->message), STR_ARG(f->rule));
    add_folded(t, text, column, column, NULL);
}

static void add_commit(table *t, const finding *f) {
    str commit = str_sub(f->commit, 0, 12), day = str_sub(f->date, 0, 10);
    add_note(t, "by",
             arena_printf(t->a, "%.*s in %.*s%s%.*s", STR_ARG(f->author), STR_ARG(commit),
                          day.len ? " on " : "", STR_ARG(day)),
             NULL);
}

static void add_verified(table *t, const finding *f) {
    static const style_ink active = INK_RED, quiet = INK_DIM;
    str why = value_path_str(&f->properties, "verification");
    if (f->verified.len)
        add_note(t,
                 "verified:", arena_printf(t->a, "%.*s, %.*s", STR_ARG(f->verified), STR_ARG(why)),
                 str_is(f->verified, "active") ? &active : &quiet);
}

static void add_finding(table *t, const finding *f, size_t places) {
    static const style_ink fix = INK_GREEN, quiet = INK_DIM;
    add_head(t, f, places);
    add_excerpt(t, f);
    add_verified(t, f);
    if (f->commit.len) add_commit(t, f);
    if (f->suppressed) {
        add_note(t, "suppressed:", f->justification.len ? f->justification : STR("by a comment"),
                 &quiet);
        return;
    }
    add_note(t, style_glyph_of(t->st, GLYPH_ARROW), f->fix, &fix);
    if (f->help.len) keep_help(t, f);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void add_file(table *t, const finding *items, size_t count) {
    size_t places = 0;
    for (size_t i = 0; i < count; i++) {
        size_t wide = place_width(&items[i]);
        if (wide > places) places = wide;
    }
    str path = items->path.len ? shown_path(t, items->path) : STR("the whole");
    style_add(t->out, t->st, INK_BOLD, path);
    strbuf_addc(t->out, '\n');
    for (size_t i = 0; i < count; i++)
        add_finding(t, &items[i], places);
    strbuf_addc(t->out, '\n');
}

static void add_files(table *t, const finding_list *findings) {
    for (size_t i = 0; i < findings->count;) {
        size_t end = i + 1;
        while (end < findings->count && str_eq(findings->items[end].path, findings->items[i].path))
            end++;
        add_file(t, &findings->items[i], end - i);
        i = end;
    }
}

/* "aws-access-token, private-key: Revoke it …" */
static void add_advice(table *t) {
    for (size_t i = 0; i < t->advice_count; i++) {
        const advice *x = &t->advice[i];
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        for (size_t k = 0; k < x->rule_count && k < RULES_TOLD; k++)
            strbuf_addf(&text, "%s%.*s", k ? ", " : "", STR_ARG(x->rules[k]));
        strbuf_addf(&text, "%s: %.*s", x->rule_count > RULES_TOLD ? ", and others" : "",
                    STR_ARG(x->help));
        style_add(t->out, t->st, INK_DIM, STR("help:"));
        strbuf_addc(t->out, ' ');
        add_folded(t, strbuf_str(&text), HELP_INDENT, HELP_INDENT, NULL);
    }
    if (t->advice_count) strbuf_addc(t->out, '\n');
}

static void add_errors(table *t, const scan_error_list *errors) {
    if (!errors->count) return;
    strbuf_addf(t->out, "%zu could not be scanned\n", errors->count);
    for (size_t i = 0; i < errors->count; i++) {
        const scan_error *error = &errors->items[i];
        strbuf_adds(t->out, "  ");
        style_add(t->out, t->st, INK_RED, str_from(style_glyph_of(t->st, GLYPH_FAILED)));
        strbuf_addc(t->out, ' ');
        size_t column = 4;
        str place = error->path;
        if (place.len && error->line)
            place = arena_printf(t->a, "%.*s:%u:%u", STR_ARG(shown_path(t, place)), error->line,
                                 error->column);
        else if (place.len)
            place = shown_path(t, place);
        style_add(t->out, t->st, INK_BOLD, place);
        if (place.len) strbuf_adds(t->out, ": ");
        if (place.len) column += style_width(t->st, place) + 2;
        add_folded(t, error->message, column, INDENT, NULL);
    }
    strbuf_addc(t->out, '\n');
}

static size_t count_files(const finding_list *findings) {
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const finding *f = &findings->items[i];
        count += f->path.len && (!i || !str_eq(f->path, findings->items[i - 1].path));
    }
    return count;
}

static void add_count(strbuf *out, size_t count, const char *what) {
    strbuf_addf(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void add_aside(strbuf *out, size_t count, const char *what) {
    if (count) strbuf_addf(out, ", %zu %s", count, what);
}

static void add_sum(table *t, const scan_report *r, const report_head *head) {
    const finding_list *findings = &r->findings;
    bool fails = r->errors.count > 0;
    for (size_t i = 0; i < findings->count; i++)
        fails |= findings->items[i].level < head->failing;
    style_glyph glyph = fails ? GLYPH_FAILED : findings->count ? GLYPH_WARNING : GLYPH_OK;
    style_ink ink = fails ? INK_RED : findings->count ? INK_YELLOW : INK_GREEN;
    style_add(t->out, t->st, ink, str_from(style_glyph_of(t->st, glyph)));
    strbuf_addc(t->out, ' ');
    if (findings->count)
        strbuf_addf(t->out, "%zu finding%s: ", findings->count, findings->count == 1 ? "" : "s");
    report_counts(t->out, findings);
    strbuf_adds(t->out, " in ");
    if (findings->count && !head->commits) strbuf_addf(t->out, "%zu of ", count_files(findings));
    add_count(t->out, r->file_count, head->commits ? "file version" : "file");
    if (head->commits) {
        strbuf_adds(t->out, " of ");
        add_count(t->out, head->commits, "commit");
    }
    add_aside(t->out, head->baseline, "known before");
    add_aside(t->out, head->suppressed, "suppressed");
    size_t vex = report_vex_count(r);
    if (vex) strbuf_addf(t->out, " (%zu by VEX)", vex);
    add_aside(t->out, r->errors.count, "not scanned");
    strbuf_addc(t->out, '\n');
}

static size_t width_of(const style *st) {
    size_t width = st->terminal ? st->width : WIDTH_MAX;
    if (width > WIDTH_MAX) return WIDTH_MAX;
    return width < WIDTH_MIN ? WIDTH_MIN : width;
}

void scan_table(strbuf *out, const style *st, str here, const scan_report *r,
                const report_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    table t = {.out = out, .st = st, .here = here, .width = width_of(st), .a = a};
    add_files(&t, &r->findings);
    if (head->show_suppressed) add_files(&t, &r->suppressed);
    add_advice(&t);
    add_errors(&t, &r->errors);
    add_sum(&t, r, head);
}
