/* What is read as a finding is written as one that reads to the same bytes again, and every report
 * of it can be written. */
#include "fuzz.h"

#include "scan/report.h"

static finding read_again(arena *a, str text) {
    value v;
    finding f;
    err e = {0};
    CHECK(json_parse(a, text, 0, &v, &e) == 0);
    CHECK(finding_read(a, &v, &f, &e) == 0);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static report_fn *const reports[] = {report_json, report_sarif, report_junit, report_markdown,
                                         report_github};
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    value v;
    finding f;
    err e = {0};
    if (json_parse(a, (str){(const char *)data, size}, 50, &v, &e) < 0) return 0;
    if (finding_read(a, &v, &f, &e) < 0) {
        CHECK(e.message[0]);
        return 0;
    }
    json_out o = JSON_OUT(&first), again = JSON_OUT(&second);
    finding_write(&o, &f);
    finding back = read_again(a, strbuf_str(&first));
    finding_write(&again, &back);
    CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
    scan_report r = {.findings.a = a, .suppressed.a = a};
    report_head head = {.tool = "t", .security = true, .show_suppressed = true};
    finding_list_add(&r.findings, &f);
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        strbuf_clear(&first);
        reports[i](&first, &r, &head);
        if (i < 2) CHECK(json_parse(a, strbuf_str(&first), 0, &v, &e) == 0);
    }
    return 0;
}
