/* report_junit.c: JUnit's XML as reporters of test results read it: a suite for each kind of scan,
 * a case for each finding, with its file and line. Findings below --fail-on pass, and say what they
 * are in their output; what was suppressed is skipped. */
#include "scan/report.h"

typedef struct junit {
    strbuf *out;
    const scan_report *report;
    const report_head *head;
} junit;

/* XML 1.0 has no way to write most control characters. */
static void add_text(strbuf *out, str text) {
    for (size_t at = 0; at < text.len;) {
        char unit[4];
        uint32_t code = utf8_next(text, &at);
        bool none =
            (code < 0x20 && code != '\t' && code != '\n') || code == 0xFFFE || code == 0xFFFF;
        if (code == '&')
            strbuf_adds(out, "&amp;");
        else if (code == '<')
            strbuf_adds(out, "&lt;");
        else if (code == '>')
            strbuf_adds(out, "&gt;");
        else if (code == '"')
            strbuf_adds(out, "&quot;");
        else if (code == '\n' || code == '\t')
            strbuf_addf(out, "&#%u;", code);
        else
            strbuf_add(out, (str){unit, utf8_put(none ? 0xFFFD : code, unit)});
    }
}

static void add_attribute(strbuf *out, const char *name, str text) {
    strbuf_addf(out, " %s=\"", name);
    add_text(out, text);
    strbuf_addc(out, '"');
}

/* The lines of an element's text, which are kept as they are. */
static void add_lines(strbuf *out, const char *label, str text) {
    if (!text.len) return;
    strbuf_adds(out, label);
    for (str line; str_line(&text, &line);) {
        add_text(out, line);
        strbuf_addc(out, '\n');
    }
}

static void add_details(strbuf *out, const finding *f) {
    add_text(out, f->path);
    if (f->line) strbuf_addf(out, ":%u", f->line);
    if (f->line && f->column) strbuf_addf(out, ":%u", f->column);
    strbuf_addc(out, '\n');
    add_lines(out, "", f->message);
    add_lines(out, "", f->fix);
    add_lines(out, "\n", f->excerpt);
    add_lines(out, "\n", f->help);
    add_lines(out, "", f->help_uri);
}

static void add_case(junit *j, const finding *f) {
    strbuf *out = j->out;
    strbuf_adds(out, "    <testcase");
    add_attribute(out, "classname", f->path.len ? f->path : f->kind);
    strbuf_adds(out, " name=\"");
    add_text(out, f->rule);
    if (f->line) strbuf_addf(out, " at line %u", f->line);
    strbuf_adds(out, ": ");
    add_text(out, f->message);
    strbuf_addc(out, '"');
    if (f->path.len) add_attribute(out, "file", f->path);
    if (f->line) strbuf_addf(out, " line=\"%u\"", f->line);
    strbuf_adds(out, " time=\"0\">\n");
    if (f->suppressed) {
        strbuf_adds(out, "      <skipped");
        add_attribute(out, "message", f->justification);
        strbuf_adds(out, "/>\n");
    } else {
        bool fails = f->level < j->head->failing;
        strbuf_adds(out, fails ? "      <failure" : "      <system-out>");
        if (fails) {
            add_attribute(out, "message", f->message);
            add_attribute(out, "type", str_from(level_name(f->level)));
            strbuf_addc(out, '>');
        }
        add_details(out, f);
        strbuf_adds(out, fails ? "</failure>\n" : "</system-out>\n");
    }
    strbuf_adds(out, "    </testcase>\n");
}

typedef struct tally {
    size_t tests, failures, skipped;
} tally;

static tally count_kind(const junit *j, str kind) {
    tally t = {0};
    const finding_list *findings = &j->report->findings, *suppressed = &j->report->suppressed;
    for (size_t i = 0; i < findings->count; i++) {
        if (kind.len && !str_eq(findings->items[i].kind, kind)) continue;
        t.tests++;
        t.failures += findings->items[i].level < j->head->failing;
    }
    for (size_t i = 0; j->head->show_suppressed && i < suppressed->count; i++)
        t.skipped += !kind.len || str_eq(suppressed->items[i].kind, kind);
    t.tests += t.skipped;
    return t;
}

static void add_cases(junit *j, const finding_list *findings, str kind) {
    for (size_t i = 0; i < findings->count; i++) {
        if (str_eq(findings->items[i].kind, kind)) add_case(j, &findings->items[i]);
    }
}

static void add_suite(junit *j, str kind) {
    tally t = count_kind(j, kind);
    strbuf_adds(j->out, "  <testsuite");
    add_attribute(j->out, "name", kind);
    strbuf_addf(j->out,
                " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"0\">\n",
                t.tests, t.failures, t.skipped);
    add_cases(j, &j->report->findings, kind);
    if (j->head->show_suppressed) add_cases(j, &j->report->suppressed, kind);
    strbuf_adds(j->out, "  </testsuite>\n");
}

/* Of the scan as a whole: reporters take a file without a case for a mistake. */
static void add_scan(junit *j) {
    const scan_error_list *errors = &j->report->errors;
    size_t tests = errors->count ? errors->count : 1;
    strbuf_adds(j->out, "  <testsuite name=\"scan\"");
    strbuf_addf(j->out, " tests=\"%zu\" failures=\"0\" errors=\"%zu\" skipped=\"0\" time=\"0\">\n",
                tests, errors->count);
    if (!errors->count)
        strbuf_addf(j->out,
                    "    <testcase classname=\"scan\" name=\"%zu files scanned\" time=\"0\"/>\n",
                    j->report->file_count);
    for (size_t i = 0; i < errors->count; i++) {
        const scan_error *error = &errors->items[i];
        strbuf_adds(j->out, "    <testcase");
        add_attribute(j->out, "classname", error->path.len ? error->path : STR("scan"));
        strbuf_adds(j->out, " name=\"scanned\"");
        if (error->path.len) add_attribute(j->out, "file", error->path);
        if (error->line) strbuf_addf(j->out, " line=\"%u\"", error->line);
        strbuf_adds(j->out, " time=\"0\">\n      <error");
        add_attribute(j->out, "message", error->message);
        strbuf_adds(j->out, "/>\n    </testcase>\n");
    }
    strbuf_adds(j->out, "  </testsuite>\n");
}

/* Each kind once, as findings name them. */
static void add_suites(junit *j, const finding_list *findings, finding_list *done) {
    for (size_t i = 0; i < findings->count; i++) {
        bool seen = false;
        for (size_t k = 0; k < done->count && !seen; k++)
            seen = str_eq(done->items[k].kind, findings->items[i].kind);
        if (seen) continue;
        finding_list_add(done, &findings->items[i]);
        add_suite(j, findings->items[i].kind);
    }
}

size_t report_junit(strbuf *out, const scan_report *r, const report_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    junit j = {.out = out, .report = r, .head = head};
    finding_list done = {.a = a};
    tally t = count_kind(&j, STR_EMPTY);
    size_t errors = r->errors.count, own = errors ? errors : 1;
    strbuf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    add_attribute(out, "name", str_from(head->tool));
    strbuf_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"0\">\n",
                t.tests + own, t.failures, errors, t.skipped);
    add_scan(&j);
    add_suites(&j, &r->findings, &done);
    if (head->show_suppressed) add_suites(&j, &r->suppressed, &done);
    strbuf_adds(out, "</testsuites>\n");
    return 0;
}
