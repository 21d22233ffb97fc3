#include "scan/inline.h"

#include "scan/text.h"

#include <ctype.h>

#define REASON_MAX 300
#define MARKER_MAX 1000

static const str ours = STR_INIT("slipway:ignore"), gitleaks = STR_INIT("gitleaks:allow");

static bool goes_on(str line, size_t at) {
    return at < line.len &&
           (isalnum((unsigned char)line.ptr[at]) || line.ptr[at] == '-' || line.ptr[at] == '_');
}

/* Finds a marker as a word of its own; `ret_rest` is what follows it. */
static bool find_marker(str line, str marker, str *ret_rest) {
    for (size_t from = 0;;) {
        ptrdiff_t at = str_find(str_sub(line, from, line.len), marker);
        if (at < 0) return false;
        size_t end = from + (size_t)at + marker.len;
        if (!goes_on(line, end)) {
            *ret_rest = str_sub(line, end, line.len);
            return true;
        }
        from = end;
    }
}

static bool is_alias(str item, const finding *f) {
    const value *aliases = value_get(&f->properties, STR("aliases"));
    for (size_t i = 0; aliases && aliases->kind == VALUE_ARRAY && i < aliases->array.count; i++) {
        const value *one = &aliases->array.items[i];
        if (one->kind == VALUE_STRING && str_eq(one->string, item)) return true;
    }
    return false;
}

/* "[a, b] …": whether one of them is this finding's rule or kind. */
static bool names(str list, const finding *f) {
    for (str item; list.len;) {
        str_cut(list, ',', &item, &list);
        item = str_trim(item);
        if (str_eq(item, f->rule) || str_eq(item, f->kind) || is_alias(item, f)) return true;
    }
    return false;
}

/* Without what ends a comment. */
static str reason_of(str rest) {
    static const char *const ends[] = {"*/", "-->", "*)", "%>", "#}", "}}"};
    rest = str_trim(rest);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (str_ends(rest, str_from(ends[i])))
            rest = str_trim(str_sub(rest, 0, rest.len - str_from(ends[i]).len));
    }
    while (rest.len && (rest.ptr[0] == ':' || rest.ptr[0] == '-' || rest.ptr[0] == ' '))
        rest = str_sub(rest, 1, rest.len);
    return str_sub(rest, 0, REASON_MAX);
}

static bool line_suppresses(str line, const finding *f, str *ret_reason) {
    str rest, list;
    *ret_reason = STR_EMPTY;
    if (find_marker(line, ours, &rest)) {
        if (!rest.len || rest.ptr[0] != '[') {
            *ret_reason = reason_of(rest);
            return true;
        }
        if (str_cut(str_sub(rest, 1, rest.len), ']', &list, &rest) && names(list, f)) {
            *ret_reason = reason_of(rest);
            return true;
        }
    }
    return find_marker(line, gitleaks, &rest);
}

static bool is_comment(str line) {
    static const char *const heads[] = {"#",    "//", "/*", "*",  "--", ";",
                                        "<!--", "%",  "{-", "(*", "{#", "<%--"};
    line = str_trim(line);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (str_starts(line, str_from(heads[i]))) return true;
    }
    return false;
}

static bool is_suppressed(const text_lines *t, const finding *f, str *ret_reason) {
    if (!f->line || f->line > t->count) return false;
    if (line_suppresses(text_line(t, f->line), f, ret_reason)) return true;
    if (f->line > 1) {
        str before = text_line(t, f->line - 1);
        if (is_comment(before) && line_suppresses(before, f, ret_reason)) return true;
    }
    return f->end_line > f->line && f->end_line <= t->count &&
           line_suppresses(text_line(t, f->end_line), f, ret_reason);
}

static str marker_in(str line) {
    str rest;
    if (find_marker(line, ours, &rest))
        return str_sub(line, (size_t)(rest.ptr - line.ptr) - ours.len, line.len);
    return find_marker(line, gitleaks, &rest) ? gitleaks : STR_EMPTY;
}

str inline_marker(const text_lines *lines, uint32_t line) {
    if (!line || line > lines->count) return STR_EMPTY;
    str found = marker_in(text_line(lines, line));
    if (found.len || line == 1) return str_sub(found, 0, MARKER_MAX);
    str before = text_line(lines, line - 1);
    return is_comment(before) ? str_sub(marker_in(before), 0, MARKER_MAX) : STR_EMPTY;
}

void inline_judge_by(str marker, finding *f) {
    str reason;
    if (!marker.len || f->suppressed || !line_suppresses(marker, f, &reason)) return;
    f->suppressed = SUPPRESSED_IN_SOURCE;
    f->justification = reason;
}

void inline_judge(arena *a, const scan_file *file, finding_list *findings) {
    if (!findings->count || (str_find(file->body, ours) < 0 && str_find(file->body, gitleaks) < 0))
        return;
    text_lines lines = text_lines_new(a, file->body);
    str path = arena_utf8(a, file->path);
    for (size_t i = 0; i < findings->count; i++) {
        finding *f = &findings->items[i];
        str reason;
        if (!str_eq(f->path, path) || !is_suppressed(&lines, f, &reason)) continue;
        f->suppressed = SUPPRESSED_IN_SOURCE;
        f->justification = arena_utf8(a, reason);
    }
}
