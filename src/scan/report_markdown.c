/* report_markdown.c: a page for a job summary ($GITHUB_STEP_SUMMARY) or a comment: what there is in
 * a line, a table of the worst first, and for each rule a folded part with places and what to do.
 * GitHub drops a summary of more than 1 MiB as a whole. */
#include "scan/report.h"

#include <string.h>

#define ROWS_MAX     1000
#define EXCERPTS_MAX 5 /* of a rule */
#define EXCERPT_MAX  600
#define FOOT         2000 /* what stays free for the end */

typedef struct markdown {
    arena *a;
    strbuf *out;
    finding_list findings; /* the worst first */
    size_t left_out;
} markdown;

/* Text of others is text: no markup, no end of a line, no end of a table's cell. */
static void add_text(strbuf *out, str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&')
            strbuf_adds(out, "&amp;");
        else if (c == '<')
            strbuf_adds(out, "&lt;");
        else if (c == '>')
            strbuf_adds(out, "&gt;");
        else if ((unsigned char)c < ' ' || c == 0x7f)
            strbuf_addc(out, ' ');
        else if (c && strchr("\\`*_{}[]|~#@", c))
            strbuf_addf(out, "&#%d;", c);
        else
            strbuf_addc(out, c);
    }
}

static void add_code(strbuf *out, str text) {
    strbuf_adds(out, "<code>");
    add_text(out, text);
    strbuf_adds(out, "</code>");
}

static void add_place(strbuf *out, const finding *f) {
    _cleanup_strbuf_ strbuf place = STRBUF_INIT;
    strbuf_add(&place, f->path);
    if (f->line) strbuf_addf(&place, ":%u", f->line);
    if (f->path.len) add_code(out, strbuf_str(&place));
}

static const char *mark_of(finding_level level) {
    static const char *const marks[LEVEL_COUNT] = {"🟥", "🟧", "🟨", "🟦", "⬜"};
    return marks[level];
}

/* Appends what does not make the whole too long; false otherwise. */
static bool add_fitting(markdown *m, const strbuf *piece) {
    if (m->out->len + piece->len + FOOT > REPORT_MARKDOWN_MAX) return false;
    strbuf_add(m->out, strbuf_str(piece));
    return true;
}

/* ---- the table --------------------------------------------------------------------------------
 */

static void add_row(strbuf *out, const finding *f) {
    strbuf_addf(out, "| %s %s | ", mark_of(f->level), level_name(f->level));
    add_text(out, f->message);
    if (f->verified.len) strbuf_addf(out, " (%.*s)", STR_ARG(f->verified));
    if (f->fix.len) {
        strbuf_adds(out, "<br>");
        add_text(out, f->fix);
    }
    strbuf_adds(out, " | ");
    add_place(out, f);
    strbuf_adds(out, " | ");
    add_code(out, f->rule);
    strbuf_adds(out, " |\n");
}

static void add_table(markdown *m) {
    size_t rows = 0;
    if (!m->findings.count) return;
    strbuf_adds(m->out, "\n| Level | Finding | Place | Rule |\n|---|---|---|---|\n");
    for (; rows < m->findings.count && rows < ROWS_MAX; rows++) {
        _cleanup_strbuf_ strbuf row = STRBUF_INIT;
        add_row(&row, &m->findings.items[rows]);
        /* Half of the room is for the parts of the rules. */
        if (m->out->len + row.len > REPORT_MARKDOWN_MAX / 2) break;
        strbuf_add(m->out, strbuf_str(&row));
    }
    m->left_out = m->findings.count - rows;
    if (m->left_out)
        strbuf_addf(m->out, "\n%zu more are not shown: the JSON report has all.\n", m->left_out);
}

/* ---- the rules --------------------------------------------------------------------------------
 */

/* A fence that the text cannot close. */
static void add_excerpt(strbuf *out, str text) {
    size_t longest = 2, run = 0;
    size_t end = text.len < EXCERPT_MAX ? text.len : EXCERPT_MAX;
    while (end < text.len && end && ((unsigned char)text.ptr[end] & 0xC0) == 0x80)
        end--;
    for (size_t i = 0; i < end; i++) {
        run = text.ptr[i] == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    strbuf_addc(out, '\n');
    strbuf_pad(out, '`', longest + 1);
    strbuf_adds(out, "text\n");
    strbuf_add(out, str_sub(text, 0, end));
    if (!end || text.ptr[end - 1] != '\n') strbuf_addc(out, '\n');
    strbuf_pad(out, '`', longest + 1);
    strbuf_addc(out, '\n');
}

static void add_examples(markdown *m, strbuf *out, size_t first) {
    const finding *rule = &m->findings.items[first];
    size_t shown = 0, more = 0;
    for (size_t i = first; i < m->findings.count; i++) {
        const finding *f = &m->findings.items[i];
        if (!str_eq(f->rule, rule->rule)) continue;
        if (shown == EXCERPTS_MAX) {
            more++;
            continue;
        }
        strbuf_adds(out, "\n");
        add_place(out, f);
        if (f->commit.len) {
            strbuf_adds(out, f->path.len ? " in commit " : "In commit ");
            add_code(out, str_sub(f->commit, 0, 12));
        }
        strbuf_addc(out, '\n');
        if (f->excerpt.len) add_excerpt(out, f->excerpt);
        shown++;
    }
    if (more) strbuf_addf(out, "\n… and %zu more places.\n", more);
}

static void add_link(strbuf *out, str uri) {
    strbuf_adds(out, "\n<a href=\"");
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.ptr[i];
        if (c == '"' || c == '<' || c == '>' || c == '&' || (unsigned char)c <= ' ')
            strbuf_addf(out, "&#%d;", c);
        else
            strbuf_addc(out, c);
    }
    strbuf_adds(out, "\">More about this</a>\n");
}

static void add_rule(markdown *m, size_t first) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    const finding *f = &m->findings.items[first];
    strbuf_adds(&out, "\n<details><summary>");
    add_text(&out, f->title.len ? f->title : f->rule);
    strbuf_adds(&out, " (");
    add_code(&out, f->rule);
    strbuf_adds(&out, ")</summary>\n\n");
    if (f->help.len) {
        add_text(&out, f->help);
        strbuf_addc(&out, '\n');
    }
    if (str_starts(f->help_uri, STR("https://"))) add_link(&out, f->help_uri);
    add_examples(m, &out, first);
    strbuf_adds(&out, "\n</details>\n");
    add_fitting(m, &out);
}

static bool is_first(const finding_list *findings, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (str_eq(findings->items[i].rule, findings->items[index].rule)) return false;
    }
    return true;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void add_errors(markdown *m, const scan_error_list *errors) {
    if (!errors->count) return;
    strbuf_addf(m->out, "\n**%zu could not be scanned:**\n\n", errors->count);
    for (size_t i = 0; i < errors->count && i < ROWS_MAX; i++) {
        _cleanup_strbuf_ strbuf line = STRBUF_INIT;
        strbuf_adds(&line, "- ");
        if (errors->items[i].path.len) add_code(&line, errors->items[i].path);
        strbuf_addc(&line, ' ');
        add_text(&line, errors->items[i].message);
        strbuf_addc(&line, '\n');
        if (m->out->len + line.len > REPORT_MARKDOWN_MAX / 4) break;
        strbuf_add(m->out, strbuf_str(&line));
    }
}

static void add_head(markdown *m, const scan_report *r, const report_head *head) {
    strbuf_addf(m->out, "### %s: ", head->tool);
    report_counts(m->out, &r->findings);
    strbuf_addf(m->out, "\n\n%zu file%s scanned", r->file_count, r->file_count == 1 ? "" : "s");
    if (head->commit.len) {
        strbuf_adds(m->out, " at ");
        add_code(m->out, str_sub(head->commit, 0, 12));
    }
    if (head->baseline) strbuf_addf(m->out, ", %zu known before", head->baseline);
    if (head->suppressed) strbuf_addf(m->out, ", %zu suppressed", head->suppressed);
    strbuf_adds(m->out, ".\n");
}

size_t report_markdown(strbuf *out, const scan_report *r, const report_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    markdown m = {.a = a, .out = out, .findings.a = a};
    for (size_t i = 0; i < r->findings.count; i++)
        finding_list_add(&m.findings, &r->findings.items[i]);
    for (size_t i = 0; head->show_suppressed && i < r->suppressed.count; i++) {
        finding f = r->suppressed.items[i];
        f.fix = arena_printf(a, "suppressed: %.*s", STR_ARG(f.justification));
        finding_list_add(&m.findings, &f);
    }
    finding_list_sort(&m.findings, ORDER_LEVEL);
    add_head(&m, r, head);
    add_errors(&m, &r->errors);
    add_table(&m);
    for (size_t i = 0; i < m.findings.count && i < ROWS_MAX; i++) {
        if (is_first(&m.findings, i)) add_rule(&m, i);
    }
    return m.left_out;
}
