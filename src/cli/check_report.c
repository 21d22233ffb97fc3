#include "cli/check_report.h"

#include "base/json.h"
#include "workflow/check.h"

#include <ctype.h>
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
/* https://docs.oasis-open.org/sarif/sarif/v2.1.0/ */

static void key_text(json_out *o, const char *key, str text) {
    json_key(o, key);
    json_open(o, '{');
    json_key_str(o, "text", text);
    json_close(o, '}');
}

static void put_rules(json_out *o, const check_rule *rules, size_t count) {
    json_key(o, "rules");
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        json_key_str(o, "id", str_from(rules[i].id));
        key_text(o, "shortDescription", str_from(rules[i].summary));
        if (rules[i].help) key_text(o, "help", str_from(rules[i].help));
        json_key(o, "defaultConfiguration");
        json_open(o, '{');
        json_key_str(o, "level", str_from(severity_name(rules[i].level)));
        json_close(o, '}');
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* A path as a relative URI reference. */
static void key_uri(json_out *o, const char *path) {
    _cleanup_strbuf_ strbuf uri = STRBUF_INIT;
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (isalnum(c) || strchr("/-._~", c))
            strbuf_addc(&uri, (char)c);
        else
            strbuf_addf(&uri, "%%%02X", c);
    }
    json_key_str(o, "uri", strbuf_str(&uri));
}

static void put_place(json_out *o, const span *w) {
    json_key(o, "locations");
    json_open(o, '[');
    json_open(o, '{');
    json_key(o, "physicalLocation");
    json_open(o, '{');
    json_key(o, "artifactLocation");
    json_open(o, '{');
    key_uri(o, w->file);
    json_close(o, '}');
    if (w->line) {
        json_key(o, "region");
        json_open(o, '{');
        json_key_number(o, "startLine", w->line);
        if (w->column) json_key_number(o, "startColumn", w->column);
        if (w->end_line) json_key_number(o, "endLine", w->end_line);
        if (w->end_line && w->end_column) json_key_number(o, "endColumn", w->end_column);
        json_close(o, '}');
    }
    json_close(o, '}');
    json_close(o, '}');
    json_close(o, ']');
}

static void put_result(json_out *o, const problem *p, const check_rule *rules, size_t rule_count) {
    json_open(o, '{');
    json_key_str(o, "ruleId", str_from(p->rule));
    for (size_t i = 0; i < rule_count; i++) {
        if (p->rule && !strcmp(rules[i].id, p->rule)) json_key_number(o, "ruleIndex", (double)i);
    }
    json_key_str(o, "level", str_from(severity_name(p->level)));
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_add(&text, p->message);
    if (p->help.len) strbuf_addf(&text, ". %.*s", STR_ARG(p->help));
    key_text(o, "message", strbuf_str(&text));
    const span w = problem_place(p);
    if (w.file) put_place(o, &w);
    json_close(o, '}');
}

void check_report_sarif(strbuf *out, const style *st, const check_report *r) {
    (void)st;
    size_t rule_count;
    const check_rule *rules = check_rules(&rule_count);
    json_out o = JSON_OUT(out);
    json_open(&o, '{');
    json_key_str(&o, "$schema", STR("https://json.schemastore.org/sarif-2.1.0.json"));
    json_key_str(&o, "version", STR("2.1.0"));
    json_key(&o, "runs");
    json_open(&o, '[');
    json_open(&o, '{');
    json_key(&o, "tool");
    json_open(&o, '{');
    json_key(&o, "driver");
    json_open(&o, '{');
    json_key_str(&o, "name", STR("slipway check"));
    json_key_str(&o, "semanticVersion", STR(SLIPWAY_VERSION));
    put_rules(&o, rules, rule_count);
    json_close(&o, '}');
    json_close(&o, '}');
    json_key_str(&o, "columnKind", STR("unicodeCodePoints"));
    json_key(&o, "results");
    json_open(&o, '[');
    for (size_t i = 0; i < r->problems->count; i++)
        put_result(&o, &r->problems->items[i], rules, rule_count);
    json_close(&o, ']');
    json_close(&o, '}');
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(out, '\n');
}
