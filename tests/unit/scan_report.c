/* Each writer against a file of tests/golden/scan, byte by byte; SLIPWAY_UPDATE=1 writes them anew.
 */
#include "unit.h"

#include "base/fs.h"
#include "base/json.h"
#include "scan/baseline.h"
#include "scan/report.h"

#include <stdlib.h>
#include <string.h>

static finding secret(arena *a) {
    finding f = {.kind = STR("secrets"),
                 .level = LEVEL_CRITICAL,
                 .rule = STR("aws-access-key"),
                 .title = STR("AWS access key"),
                 .message = STR("an AWS access key is in the source"),
                 .help = STR("Revoke it, and keep its successor in a secret store."),
                 .help_uri = STR("https://example.org/aws?a=1&b=2"),
                 .path = STR("src/a b,c.js"),
                 .line = 3,
                 .column = 14,
                 .end_line = 3,
                 .end_column = 34,
                 .excerpt = STR("const key = \"AKIA************MPLE\"; // ``` <b>"),
                 .line_hash = STR("39fa2ee980eb94b0:1"),
                 .commit = STR("0123456789abcdef0123456789abcdef01234567"),
                 .author = STR("Ada"),
                 .email = STR("ada@example.org"),
                 .date = STR("2026-01-02T03:04:05Z")};
    finding_identify(a, &f, f.line_hash);
    return f;
}

static finding package(arena *a) {
    finding f = {.kind = STR("deps"),
                 .level = LEVEL_HIGH,
                 .rule = STR("GHSA-35jh-r3h4-6jhm"),
                 .title = STR("Command injection in lodash"),
                 .message = STR("lodash 4.17.15 is vulnerable: 100% | of it\nin two lines"),
                 .help = STR("Upgrade."),
                 .fix = STR("upgrade to 4.17.21"),
                 .path = STR("package-lock.json"),
                 .line = 7};
    value related = value_array_new(a), place = value_object_new(a, true),
          tags = value_array_new(a);
    value_set_str(a, &place, "path", STR("package.json"));
    value_set(a, &place, STR("line"), value_number(5));
    value_set_str(a, &place, "message", STR("asked for here"));
    value_push(a, &related, place);
    for (int i = 0; i < 30; i++)
        value_push(a, &tags, value_string(arena_printf(a, "tag%d", i)));
    f.properties = value_object_new(a, true);
    value_set(a, &f.properties, STR("related"), related);
    value_set(a, &f.properties, STR("tags"), tags);
    finding_identify(a, &f, STR("lodash"));
    return f;
}

static finding small(arena *a, finding_level level, const char *rule) {
    finding f = {.kind = STR("licenses"),
                 .level = level,
                 .rule = str_from(rule),
                 .message = STR("its licence is\x1b[31m not known \xef\xbf\xbd"),
                 .path = STR("go.mod"),
                 .line = 1,
                 .end_line = 4,
                 .column = 2};
    finding_identify(a, &f, str_from(rule));
    return f;
}

static scan_report sample(arena *a) {
    scan_report r = {.findings.a = a, .suppressed.a = a, .errors.a = a, .file_count = 1234};
    finding all[] = {secret(a), package(a), small(a, LEVEL_MEDIUM, "unknown-licence"),
                     small(a, LEVEL_INFO, "note-only")};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        finding_list_add(&r.findings, &all[i]);
    finding_list_sort(&r.findings, ORDER_PLACE);
    finding hidden = secret(a);
    hidden.path = STR("tests/key");
    hidden.suppressed = SUPPRESSED_EXTERNAL;
    hidden.justification = STR("a test (team, until 2030-01-01)");
    finding_list_add(&r.suppressed, &hidden);
    scan_error error = {.path = STR("big.zip"), .message = STR("is larger than 256 MiB")};
    ARENA_PUSH(a, r.errors.items, r.errors.count, r.errors.cap, error);
    return r;
}

static const char *const kinds[] = {"secrets", "deps", "licenses"};

static report_head head_of_sample(void) {
    return (report_head){.tool = "slipway scan",
                         .root = STR("."),
                         .kinds = kinds,
                         .kind_count = 3,
                         .commit = STR("89abcdef0123456789abcdef0123456789abcdef"),
                         .branch = STR("main"),
                         .remote = STR("git@example.org:octo/shop.git"),
                         .category = STR("slipway-scan"),
                         .baseline = 12,
                         .suppressed = 1,
                         .show_suppressed = true,
                         .failing = LEVEL_LOW + 1,
                         .security = true};
}

static str without_version(arena *a, str text) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str version = STR("\"" SLIPWAY_VERSION "\"");
    for (ptrdiff_t i; (i = str_find(text, version)) >= 0;) {
        strbuf_add(&out, str_sub(text, 0, (size_t)i));
        strbuf_adds(&out, "\"VERSION\"");
        text = str_sub(text, (size_t)i + version.len, text.len);
    }
    strbuf_add(&out, text);
    return arena_str(a, strbuf_str(&out));
}

/* JSON is compared as it looks with line breaks, so that differences can be read. */
static str readable(arena *a, str text) {
    value v;
    err e = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (text.ptr[0] != '{') return text;
    if (json_parse(a, text, 0, &v, &e) < 0) fail_msg("%s", e.message);
    json_write_pretty(&out, &v);
    strbuf_addc(&out, '\n');
    return arena_str(a, strbuf_str(&out));
}

static void compare(arena *a, const char *name, str got) {
    const char *root = getenv("SLIPWAY_SOURCE");
    str expected;
    err e = {0};
    if (!root) skip();
    char *path = fs_join(a, root, arena_printf(a, "tests/golden/scan/%s", name));
    got = without_version(a, readable(a, got));
    if (getenv("SLIPWAY_UPDATE")) {
        assert_int_equal(fs_write(path, got, 0644, &e), 0);
        return;
    }
    if (fs_read(a, path, 1 << 20, &expected, &e) < 0) fail_msg("%s", e.message);
    if (!str_eq(got, expected)) fail_msg("%s differs:\n%.*s", name, STR_ARG(got));
}

static void every_format_is_as_it_was_judged_by_eye(void **state) {
    (void)state;
    static const struct {
        const char *name;
        report_fn *write;
    } cases[] = {{"report.json", report_json},
                 {"report.sarif", report_sarif},
                 {"junit.xml", report_junit},
                 {"summary.md", report_markdown},
                 {"annotations.txt", report_github}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        scan_report r = sample(a);
        report_head head = head_of_sample();
        cases[i].write(&out, &r, &head);
        compare(a, cases[i].name, strbuf_str(&out));
    }
}

static void a_clean_scan_is_a_whole_document_too(void **state) {
    (void)state;
    static report_fn *const all[] = {report_json, report_sarif, report_junit, report_markdown,
                                     report_github};
    static const char *const parts[] = {"\"findings\":[]", "\"results\":[]",
                                        "failures=\"0\" errors=\"0\"", "no findings", ""};
    for (size_t i = 0; i < 5; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        scan_report r = {.findings.a = a};
        report_head head = {.tool = "t"};
        assert_int_equal(all[i](&out, &r, &head), 0);
        if (str_find(strbuf_str(&out), str_from(parts[i])) < 0)
            fail_msg("%s in %s", parts[i], strbuf_cstr(&out));
    }
}

/* ---- limits -------------------------------------------------------------------------------------
 */

static scan_report many(arena *a, size_t count, size_t text) {
    scan_report r = {.findings.a = a};
    _cleanup_strbuf_ strbuf long_text = STRBUF_INIT;
    strbuf_pad(&long_text, 'x', text);
    str message = arena_str(a, strbuf_str(&long_text));
    for (size_t i = 0; i < count; i++) {
        finding f = {.kind = STR("k"),
                     .rule = arena_printf(a, "rule%zu", i % 100),
                     .level = (finding_level)(i % LEVEL_COUNT),
                     .message = message,
                     .excerpt = message,
                     .path = STR("p"),
                     .line = (uint32_t)i + 1,
                     .column = 1};
        finding_list_add(&r.findings, &f);
    }
    return r;
}

static size_t occurrences(str text, const char *part) {
    size_t count = 0;
    for (ptrdiff_t i; (i = str_find(text, str_from(part))) >= 0; count++)
        text = str_sub(text, (size_t)i + 1, text.len);
    return count;
}

static void sarif_keeps_the_worst_of_too_many_findings(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    scan_report r = many(a, 30000, 3);
    report_head head = {.tool = "t"};
    assert_int_equal(report_sarif(&out, &r, &head), 5000);
    assert_int_equal(occurrences(strbuf_str(&out), "\"ruleIndex\""), 25000);
    assert_int_equal(occurrences(strbuf_str(&out), "\"level\":\"error\"},{\"ruleId\""), 0);
    assert_true(str_find(strbuf_str(&out), STR("5000 findings are left out")) >= 0);
}

static void sarif_stays_below_its_size(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    scan_report r = many(a, 20000, 20000);
    report_head head = {.tool = "t"};
    size_t left_out = report_sarif(&out, &r, &head);
    assert_true(left_out > 0 && left_out < 20000);
    assert_true(out.len < REPORT_SARIF_BYTES_MAX);
}

static void a_summary_stays_below_its_size(void **state) {
    (void)state;
    static const size_t texts[] = {3, 2000, 200000};
    for (size_t i = 0; i < 3; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        scan_report r = many(a, 3000, texts[i]);
        report_head head = {.tool = "t"};
        assert_true(report_markdown(&out, &r, &head) > 0);
        assert_true(out.len < REPORT_MARKDOWN_MAX);
        assert_true(str_find(strbuf_str(&out), STR("more are not shown")) >= 0);
    }
}

static void ten_annotations_of_each_level_and_the_rest_as_text(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    scan_report r = many(a, 100, 3);
    report_head head = {.tool = "t"};
    assert_int_equal(report_github(&out, &r, &head), 70);
    assert_int_equal(occurrences(strbuf_str(&out), "::error "), 10);
    assert_int_equal(occurrences(strbuf_str(&out), "::warning "), 10);
    assert_int_equal(occurrences(strbuf_str(&out), "::notice "), 10);
    assert_int_equal(occurrences(strbuf_str(&out), "\n"), 100);
}

static void no_text_breaks_out_of_a_command(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    scan_report r = {.findings.a = a};
    finding f = {.kind = STR("k"),
                 .rule = STR("r"),
                 .message = STR("100%\n::set-output name=x::y"),
                 .path = STR("a,b:c\r\n::error::x"),
                 .line = 1};
    finding_list_add(&r.findings, &f);
    report_github(&out, &r, &(report_head){.tool = "t"});
    assert_string_equal(strbuf_cstr(&out),
                        "::error file=a%2Cb%3Ac%0D%0A%3A%3Aerror%3A%3Ax,line=1,title=r::100%25%0A"
                        "::set-output name=x::y [r]\n");
}

static void what_was_written_is_a_baseline(void **state) {
    (void)state;
    static report_fn *const all[] = {report_json, report_sarif};
    for (size_t i = 0; i < 2; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        scan_report r = sample(a);
        report_head head = head_of_sample();
        baseline *b = baseline_new(a);
        err e = {0};
        all[i](&out, &r, &head);
        if (baseline_read(b, strbuf_str(&out), &e) < 0) fail_msg("%s", e.message);
        for (size_t k = 0; k < r.findings.count; k++)
            r.findings.items[k].line += 100;
        assert_int_equal(baseline_apply(b, &r.findings), 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_as_it_was_judged_by_eye),
        cmocka_unit_test(a_clean_scan_is_a_whole_document_too),
        cmocka_unit_test(sarif_keeps_the_worst_of_too_many_findings),
        cmocka_unit_test(sarif_stays_below_its_size),
        cmocka_unit_test(a_summary_stays_below_its_size),
        cmocka_unit_test(ten_annotations_of_each_level_and_the_rest_as_text),
        cmocka_unit_test(no_text_breaks_out_of_a_command),
        cmocka_unit_test(what_was_written_is_a_baseline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
