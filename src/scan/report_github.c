/* report_github.c: workflow commands, which GitHub shows as annotations
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands). Of a step
 * it shows ten of each level, so the worst come first, and what comes after is plain text. */
#include "scan/report.h"

#include <string.h>

static const char *const commands[GRADE_COUNT] = {"error", "warning", "notice"};

/* As the toolkit of actions escapes them: of a property more than of the message. */
static void add_escaped(strbuf *out, str text, const char *special) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c && strchr(special, c))
            strbuf_addf(out, "%%%02X", (unsigned char)c);
        else if ((unsigned char)c < ' ' || c == 0x7f) /* a log is shown by a terminal, too */
            strbuf_addc(out, ' ');
        else
            strbuf_addc(out, c);
    }
}

#define DATA     "%\r\n"
#define PROPERTY "%\r\n:,"

static void add_property(strbuf *out, const char *name, str text, bool *first) {
    strbuf_addf(out, "%c%s=", *first ? ' ' : ',', name);
    add_escaped(out, text, PROPERTY);
    *first = false;
}

static void add_number(strbuf *out, const char *name, uint32_t n) {
    if (n) strbuf_addf(out, ",%s=%u", name, n);
}

/* Columns are of one line only. */
static void add_place(strbuf *out, const finding *f, bool *first) {
    if (!f->path.len) return;
    bool one_line = f->end_line == f->line;
    add_property(out, "file", f->path, first);
    add_number(out, "line", f->line);
    add_number(out, "endLine", f->end_line);
    if (f->end_line && !one_line) return;
    add_number(out, "col", f->column);
    if (f->end_column > f->column) add_number(out, "endColumn", f->end_column);
}

static void add_message(strbuf *out, const finding *f, const char *special) {
    add_escaped(out, f->message, special);
    if (!f->fix.len) return;
    strbuf_adds(out, ". ");
    add_escaped(out, f->fix, special);
}

static void add_rule(strbuf *out, const finding *f, const char *special) {
    strbuf_adds(out, " [");
    add_escaped(out, f->rule, special);
    strbuf_adds(out, "]\n");
}

static void add_command(strbuf *out, const finding *f) {
    bool first = true;
    strbuf_addf(out, "::%s", commands[report_grade_of(f->level)]);
    add_place(out, f, &first);
    add_property(out, "title", f->title.len ? f->title : f->rule, &first);
    strbuf_adds(out, "::");
    add_message(out, f, DATA);
    add_rule(out, f, DATA);
}

/* No command can be in it: those begin a line, or would need the ends of lines that are escaped. */
static void add_plain(strbuf *out, const finding *f) {
    strbuf_addf(out, "%s: ", level_name(f->level));
    add_escaped(out, f->path, "\r\n");
    if (f->line) strbuf_addf(out, ":%u", f->line);
    strbuf_adds(out, ": ");
    add_message(out, f, "\r\n");
    add_rule(out, f, "\r\n");
}

static void add_error(strbuf *out, const scan_error *error) {
    bool first = true;
    strbuf_adds(out, "::error");
    if (error->path.len) add_property(out, "file", error->path, &first);
    if (error->line) add_number(out, "line", error->line);
    add_property(out, "title", STR("Not scanned"), &first);
    strbuf_adds(out, "::");
    add_escaped(out, error->message, DATA);
    strbuf_addc(out, '\n');
}

static void add_plain_error(strbuf *out, const scan_error *error) {
    strbuf_adds(out, "not scanned: ");
    add_escaped(out, error->path, "\r\n");
    if (error->line) strbuf_addf(out, ":%u", error->line);
    if (error->path.len) strbuf_adds(out, ": ");
    add_escaped(out, error->message, "\r\n");
    strbuf_addc(out, '\n');
}

size_t report_github(strbuf *out, const scan_report *r, const report_head *head) {
    (void)head;
    size_t shown[GRADE_COUNT] = {0}, left_out = 0;
    _cleanup_arena_ arena *a = arena_new();
    finding_list sorted = {.a = a};
    for (size_t i = 0; i < r->errors.count; i++) {
        if (shown[GRADE_ERROR]++ < REPORT_GITHUB_MAX)
            add_error(out, &r->errors.items[i]);
        else
            add_plain_error(out, &r->errors.items[i]);
    }
    for (size_t i = 0; i < r->findings.count; i++)
        finding_list_add(&sorted, &r->findings.items[i]);
    finding_list_sort(&sorted, ORDER_LEVEL);
    for (size_t i = 0; i < sorted.count; i++) {
        const finding *f = &sorted.items[i];
        bool fits = shown[report_grade_of(f->level)]++ < REPORT_GITHUB_MAX;
        left_out += !fits;
        if (fits)
            add_command(out, f);
        else
            add_plain(out, f);
    }
    return left_out;
}
