#include "cli/check_report.h"

#include "base/json.h"
#include "scan/report.h"
#include "workflow/check.h"

#include <string.h>

void report_count(check_report *r) {
    memset(r->counts, 0, sizeof r->counts);
    for (size_t i = 0; i < r->problems->count; i++)
        r->counts[r->problems->items[i].level]++;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void add_count(strbuf *out, size_t count, const char *what, bool *first) {
    if (!count) return;
    strbuf_addf(out, "%s%zu %s%s", *first ? "" : ", ", count, what, count == 1 ? "" : "s");
    *first = false;
}

void check_report_text(strbuf *out, const style *st, const check_report *r) {
    for (size_t i = 0; i < r->problems->count; i++)
        diagnostic_add(out, st, r->sources, &r->problems->items[i]);
    if (r->problems->count) strbuf_addc(out, '\n');
    bool first = true;
    for (severity level = SEVERITY_ERROR; level < SEVERITY_COUNT; level++)
        add_count(out, r->counts[level], severity_name(level), &first);
    if (first) strbuf_adds(out, "no problems");
    strbuf_addf(out, " in %zu file%s\n", r->file_count, r->file_count == 1 ? "" : "s");
    if (r->partial) strbuf_adds(out, "more may be found when these are mended\n");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

void check_report_json(strbuf *out, const style *st, const check_report *r) {
    (void)st;
    json_out o = JSON_OUT(out);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_number(&o, "files", (double)r->file_count);
    json_key_number(&o, "errors", (double)r->counts[SEVERITY_ERROR]);
    json_key_number(&o, "warnings", (double)r->counts[SEVERITY_WARNING]);
    json_key_number(&o, "notes", (double)r->counts[SEVERITY_NOTE]);
    json_key(&o, "problems");
    json_open(&o, '[');
    for (size_t i = 0; i < r->problems->count; i++) {
        const problem *p = &r->problems->items[i];
        const span w = problem_place(p);
        json_open(&o, '{');
        json_key_str(&o, "file", str_from(w.file));
        json_key_number(&o, "line", w.line);
        json_key_number(&o, "column", w.column);
        json_key_number(&o, "end_line", w.end_line);
        json_key_number(&o, "end_column", w.end_column);
        json_key_str(&o, "level", str_from(severity_name(p->level)));
        json_key_str(&o, "rule", str_from(p->rule));
        json_key_str(&o, "message", p->message);
        if (p->help.len) json_key_str(&o, "help", p->help);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(out, '\n');
}

/* ---- SARIF ---------------------------------------------------------------------------------- */

/* Problems are findings that are no matter of security. What to do is of the place. */
static finding finding_of(const problem *p) {
    static const finding_level levels[SEVERITY_COUNT] = {LEVEL_HIGH, LEVEL_MEDIUM, LEVEL_LOW};
    const span w = problem_place(p);
    return (finding){.kind = STR("check"),
                     .level = levels[p->level],
                     .rule = str_from(p->rule),
                     .message = p->message,
                     .fix = p->help,
                     .path = str_from(w.file),
                     .line = w.line,
                     .column = w.column,
                     .end_line = w.end_line,
                     .end_column = w.end_column};
}

static report_rule *all_rules(arena *a, size_t *ret_count) {
    static const finding_level levels[SEVERITY_COUNT] = {LEVEL_HIGH, LEVEL_MEDIUM, LEVEL_LOW};
    const check_rule *rules = check_rules(ret_count);
    report_rule *all = ARENA_ARRAY(a, report_rule, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        all[i] = (report_rule){.id = rules[i].id,
                               .title = rules[i].summary,
                               .help = rules[i].help,
                               .level = levels[rules[i].level]};
    return all;
}

void check_report_sarif(strbuf *out, const style *st, const check_report *r) {
    (void)st;
    _cleanup_arena_ arena *a = arena_new();
    scan_report report = {.findings.a = a, .file_count = r->file_count};
    report_head head = {.tool = "slipway check"};
    head.rules = all_rules(a, &head.rule_count);
    for (size_t i = 0; i < r->problems->count; i++) {
        finding f = finding_of(&r->problems->items[i]);
        finding_list_add(&report.findings, &f);
    }
    report_sarif(out, &report, &head);
}
