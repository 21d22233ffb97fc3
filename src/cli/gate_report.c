#include "cli/gate_report.h"

#include <string.h>

#define NAME_WIDTH_MAX 32
#define MARKDOWN_TEXT  300

static size_t count_of(const gate_decision *d, gate_status status) {
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        n += d->results[i].status == status;
    return n;
}

/* The comparison that says most: the first that does not hold, else the first. */
static const gate_check *telling_check(const gate_result *r) {
    for (size_t i = 0; i < r->check_count; i++) {
        if (!r->checks[i].passed) return &r->checks[i];
    }
    return r->check_count ? &r->checks[0] : NULL;
}

static void add_sum(strbuf *out, const gate_decision *d) {
    size_t passed = count_of(d, GATE_PASSED), missing = count_of(d, GATE_MISSING);
    if (d->passed)
        strbuf_addf(out, "all %zu conditions hold", d->count);
    else
        strbuf_addf(out, "%zu of %zu conditions do not hold", d->count - passed, d->count);
    if (missing) strbuf_addf(out, ", %zu for lack of evidence", missing);
}

/* "coverage.xml, lcov.info": the reports of the kinds that a condition read. */
static void add_reports(strbuf *out, const gate_report *r, const gate_result *result) {
    bool first = true;
    for (size_t u = 0; u < result->used_count; u++) {
        str used = result->used[u];
        bool base = str_starts(used, STR("base."));
        const evidence_list *list = base ? r->base : r->evidence;
        str kind = base ? str_sub(used, 5, used.len) : used;
        for (size_t i = 0; i < list->count; i++) {
            if (!str_is(kind, evidence_kind_name(list->items[i].kind))) continue;
            strbuf_addf(out, "%s%s%.*s", first ? "" : ", ", base ? "base: " : "",
                        STR_ARG(list->items[i].path));
            first = false;
        }
    }
}

/* ---- table ---------------------------------------------------------------------------------- */

static const struct {
    style_glyph glyph;
    style_ink ink;
} looks[GATE_STATUS_COUNT] = {[GATE_PASSED] = {GLYPH_OK, INK_GREEN},
                              [GATE_FAILED] = {GLYPH_FAILED, INK_RED},
                              [GATE_MISSING] = {GLYPH_WARNING, INK_YELLOW},
                              [GATE_BROKEN] = {GLYPH_FAILED, INK_RED}};

static size_t name_width(const style *st, const gate_decision *d) {
    size_t width = 0;
    for (size_t i = 0; i < d->count; i++) {
        size_t w = style_width(st, d->results[i].condition->name);
        if (w > width) width = w;
    }
    return width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
}

static void add_check(strbuf *out, const style *st, const gate_check *c) {
    style_text(out, st, c->expression);
    strbuf_adds(out, c->passed ? " " : " is ");
    style_add(out, st, INK_BOLD, c->value);
    if (!c->limit.len) return;
    strbuf_adds(out, c->passed ? " " : ", must be ");
    style_text(out, st, c->limit);
}

static void add_message(strbuf *out, const style *st, str message, size_t indent) {
    _cleanup_strbuf_ strbuf clean = STRBUF_INIT;
    style_text(&clean, st, message);
    style_fold(out, strbuf_str(&clean), indent, st->width);
}

static void add_row(strbuf *out, const style *st, const gate_report *r, const gate_result *result,
                    size_t width) {
    const gate_check *check = telling_check(result);
    _cleanup_strbuf_ strbuf reports = STRBUF_INIT;
    style_add(out, st, looks[result->status].ink,
              str_from(style_glyph_of(st, looks[result->status].glyph)));
    strbuf_addc(out, ' ');
    style_column(out, st, result->condition->name, width);
    strbuf_adds(out, "  ");
    if (check)
        add_check(out, st, check);
    else
        add_message(out, st, result->message, width + 4);
    add_reports(&reports, r, result);
    if (check && reports.len) {
        strbuf_adds(out, "  ");
        style_on(out, st, INK_DIM);
        strbuf_addc(out, '(');
        style_text(out, st, strbuf_str(&reports));
        strbuf_addc(out, ')');
        style_off(out, st);
    }
    if (!check) return;
    strbuf_addc(out, '\n');
    if (!result->message.len) return;
    strbuf_pad(out, ' ', width + 4);
    add_message(out, st, result->message, width + 4);
}

void gate_report_table(strbuf *out, const style *st, const gate_report *r) {
    const gate_decision *d = r->decision;
    size_t width = name_width(st, d);
    for (size_t i = 0; i < d->count; i++)
        add_row(out, st, r, &d->results[i], width);
    strbuf_addc(out, '\n');
    strbuf_adds(out, "gate ");
    style_add(out, st, INK_BOLD, d->gate->name);
    style_add(out, st, d->passed ? INK_GREEN : INK_RED,
              d->passed ? STR(" passed") : STR(" failed"));
    strbuf_adds(out, ": ");
    add_sum(out, d);
    strbuf_addc(out, '\n');
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void put_checks(json_out *o, const gate_result *r) {
    json_key(o, "checks");
    json_open(o, '[');
    for (size_t i = 0; i < r->check_count; i++) {
        const gate_check *c = &r->checks[i];
        value passed = value_bool(c->passed);
        json_open(o, '{');
        json_key_str(o, "expression", c->expression);
        json_key_str(o, "value", c->value);
        if (c->limit.len) json_key_str(o, "limit", c->limit);
        json_key(o, "passed");
        json_put_value(o, &passed);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_result(json_out *o, const gate_result *r) {
    json_open(o, '{');
    json_key_str(o, "name", r->condition->name);
    json_key_str(o, "status", str_from(gate_status_name(r->status)));
    json_key_str(o, "condition", r->condition->condition);
    if (r->message.len) json_key_str(o, "message", r->message);
    put_checks(o, r);
    json_key(o, "evidence");
    json_open(o, '[');
    for (size_t i = 0; i < r->used_count; i++)
        json_put_str(o, r->used[i]);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_evidence(json_out *o, const char *key, const evidence_list *list) {
    json_key(o, key);
    json_open(o, '[');
    for (size_t i = 0; i < list->count; i++) {
        const evidence *ev = &list->items[i];
        json_open(o, '{');
        json_key_str(o, "kind", str_from(evidence_kind_name(ev->kind)));
        json_key_str(o, "path", ev->path);
        json_key_str(o, "sha256", ev->sha256);
        if (ev->commit.len) json_key_str(o, "commit", ev->commit);
        if (ev->artifact.len) json_key_str(o, "artifact", ev->artifact);
        if (ev->tool.len) json_key_str(o, "tool", ev->tool);
        if (ev->time.len) json_key_str(o, "time", ev->time);
        json_close(o, '}');
    }
    json_close(o, ']');
}

void gate_report_json(strbuf *out, const style *st, const gate_report *r) {
    json_out o = JSON_OUT(out);
    (void)st;
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_str(&o, "gate", r->decision->gate->name);
    json_key_str(&o, "decision", r->decision->passed ? STR("pass") : STR("fail"));
    if (r->commit.len) json_key_str(&o, "commit", r->commit);
    json_key(&o, "conditions");
    json_open(&o, '[');
    for (size_t i = 0; i < r->decision->count; i++)
        put_result(&o, &r->decision->results[i]);
    json_close(&o, ']');
    put_evidence(&o, "evidence", r->evidence);
    put_evidence(&o, "base", r->base);
    json_close(&o, '}');
    strbuf_addc(out, '\n');
}

/* ---- Markdown -------------------------------------------------------------------------------- */

/* In a cell of a table: no pipes, no lines, no HTML, no links. */
static void add_cell(strbuf *out, str text) {
    for (size_t i = 0; i < text.len && i < MARKDOWN_TEXT; i++) {
        char c = text.ptr[i];
        if (c == '\n' || c == '\r') c = ' ';
        if (c == '<' || c == '&')
            strbuf_adds(out, c == '<' ? "&lt;" : "&amp;");
        else if (c && strchr("\\`*_[]|~#", c))
            strbuf_addf(out, "\\%c", c);
        else
            strbuf_addc(out, c);
    }
    if (text.len > MARKDOWN_TEXT) strbuf_adds(out, "…");
}

void gate_report_markdown(strbuf *out, const style *st, const gate_report *r) {
    static const char *const marks[GATE_STATUS_COUNT] = {"✅ passed", "❌ failed",
                                                         "⚠️ no evidence", "❌ broken"};
    const gate_decision *d = r->decision;
    (void)st;
    strbuf_adds(out, "### Gate ");
    add_cell(out, d->gate->name);
    strbuf_adds(out, d->passed ? ": passed\n\n" : ": failed\n\n");
    strbuf_adds(out, "| | Condition | Value | Limit | Evidence |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < d->count; i++) {
        const gate_result *result = &d->results[i];
        const gate_check *c = telling_check(result);
        _cleanup_strbuf_ strbuf reports = STRBUF_INIT;
        add_reports(&reports, r, result);
        strbuf_addf(out, "| %s | ", marks[result->status]);
        add_cell(out, result->condition->name);
        strbuf_adds(out, " | ");
        add_cell(out, c ? c->value : STR("–"));
        strbuf_adds(out, " | ");
        add_cell(out, c ? c->limit : STR("–"));
        strbuf_adds(out, " | ");
        add_cell(out, reports.len ? strbuf_str(&reports) : STR("none"));
        strbuf_adds(out, " |\n");
    }
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < d->count; i++) {
        const gate_result *result = &d->results[i];
        if (!result->message.len) continue;
        strbuf_adds(out, "- **");
        add_cell(out, result->condition->name);
        strbuf_adds(out, "**: ");
        add_cell(out, result->message);
        strbuf_addc(out, '\n');
    }
}

/* ---- GitHub's annotations ---------------------------------------------------------------------
 */
/* https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands */

static void add_data(strbuf *out, str text, const char *special) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c && strchr(special, c))
            strbuf_addf(out, "%%%02X", (unsigned char)c);
        else
            strbuf_addc(out, c);
    }
}

void gate_report_github(strbuf *out, const style *st, const gate_report *r) {
    const gate_decision *d = r->decision;
    for (size_t i = 0; i < d->count; i++) {
        const gate_result *result = &d->results[i];
        if (result->status == GATE_PASSED) continue;
        strbuf_adds(out, "::error title=Gate ");
        add_data(out, d->gate->name, "%\r\n:,");
        strbuf_adds(out, "%3A ");
        add_data(out, result->condition->name, "%\r\n:,");
        strbuf_adds(out, "::");
        add_data(out, result->message, "%\r\n");
        strbuf_addc(out, '\n');
    }
    gate_report_table(out, st, r);
}

static const struct {
    const char *name;
    gate_report_fn *write;
} formats[] = {{"table", gate_report_table},
               {"json", gate_report_json},
               {"markdown", gate_report_markdown},
               {"github", gate_report_github}};

gate_report_fn *gate_report_find(const char *name) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0) return formats[i].write;
    }
    return NULL;
}

/* ---- tests of gates ----------------------------------------------------------------------------
 */

size_t gate_report_tests(strbuf *out, const style *st, const gate *g,
                         const gate_test_result *results) {
    size_t failed = 0;
    for (size_t i = 0; i < g->test_count; i++) {
        const gate_test_result *r = &results[i];
        style_glyph glyph = r->as_expected ? GLYPH_OK : GLYPH_FAILED;
        style_add(out, st, r->as_expected ? INK_GREEN : INK_RED,
                  str_from(style_glyph_of(st, glyph)));
        strbuf_addc(out, ' ');
        style_text(out, st, g->name);
        strbuf_adds(out, ": ");
        style_text(out, st, r->test->name);
        strbuf_addc(out, '\n');
        failed += !r->as_expected;
        if (r->as_expected) continue;
        strbuf_addf(out, "    %s:%u: ", r->test->where.file, r->test->where.line);
        style_text(out, st, r->why);
        strbuf_addc(out, '\n');
    }
    return failed;
}
