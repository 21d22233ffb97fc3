/* Reports become metrics, whatever tool wrote them. */
#include "unit.h"

#include "gate/gate.h"

#include <string.h>

/* "kind metrics", or the error. */
static str read(arena *a, const char *text) {
    evidence ev;
    err e = {0};
    if (evidence_read(a, str_from(text), "report", &ev, &e) < 0)
        return arena_printf(a, "%u:%u %s", e.where.line, e.where.column, e.message);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_addf(&out, "%s ", evidence_kind_name(ev.kind));
    json_write(&out, &ev.metrics);
    return arena_str(a, strbuf_str(&out));
}

typedef struct sample {
    const char *report, *says;
} sample;

static void check_all(const sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str got = read(a, samples[i].report);
        if (!str_is(got, samples[i].says))
            fail_msg("%s\nsays     %.*s\nexpected %s", samples[i].report, STR_ARG(got),
                     samples[i].says);
    }
}
#define CHECK_ALL(samples) check_all(samples, sizeof(samples) / sizeof *(samples))

static void junit_is_counted_by_its_cases(void **state) {
    static const sample samples[] = {
        {"<testsuites tests='9'><testsuite name='s' tests='9'>"
         "<testcase classname='c' name='a' time='1.5'/>"
         "<testcase classname='c' name='b'><failure message='m'/></testcase>"
         "<testcase classname='c' name='d'><error/></testcase>"
         "<testcase name='e'><skipped/></testcase></testsuite></testsuites>",
         "tests {\"total\":4,\"passed\":1,\"failed\":1,\"errors\":1,\"skipped\":1,\"seconds\":1.5,"
         "\"names\":[\"c.a\",\"c.b\",\"c.d\"],\"failed_names\":[\"c.b\",\"c.d\"]}"},
        /* a module that could not be imported has no case */
        {"<testsuite name='s' errors='1' tests='0'/>",
         "tests {\"total\":1,\"passed\":0,\"failed\":0,\"errors\":1,\"skipped\":0,\"seconds\":0,"
         "\"names\":[],\"failed_names\":[]}"},
        {"<testsuites/>", "tests {\"total\":0,\"passed\":0,\"failed\":0,\"errors\":0,\"skipped\":0,"
                          "\"seconds\":0,\"names\":[],\"failed_names\":[]}"},
        {"<testsuite><testcase name='a' status='disabled'/></testsuite>",
         "tests {\"total\":1,\"passed\":0,\"failed\":0,\"errors\":0,\"skipped\":1,\"seconds\":0,"
         "\"names\":[],\"failed_names\":[]}"},
        /* a suite knows of more than its cases show; a suite around it counts them again */
        {"<testsuites failures='1' errors='1'><testsuite tests='3' failures='1' errors='1'>"
         "<testcase name='a'/><testcase name='b'><failure/></testcase></testsuite></testsuites>",
         "tests {\"total\":3,\"passed\":1,\"failed\":1,\"errors\":1,\"skipped\":0,\"seconds\":0,"
         "\"names\":[\"a\",\"b\"],\"failed_names\":[\"b\"]}"},
        {"<testsuites failures='2'><testsuite><testcase name='a'/></testsuite></testsuites>",
         "tests {\"total\":3,\"passed\":1,\"failed\":2,\"errors\":0,\"skipped\":0,\"seconds\":0,"
         "\"names\":[\"a\"],\"failed_names\":[]}"},
        {"<testsuite><testcase name='a' status='failed'/></testsuite>",
         "tests {\"total\":1,\"passed\":0,\"failed\":1,\"errors\":0,\"skipped\":0,\"seconds\":0,"
         "\"names\":[\"a\"],\"failed_names\":[\"a\"]}"},
        {"<testsuite><testcase name='a'>", "1:31 no element found"},
    };
    CHECK_ALL(samples);
}

static void coverage_is_counted_by_lines(void **state) {
    static const char *const files = ",\"files\":{\"src/a.c\":{\"covered\":2,\"total\":4}}}";
    _cleanup_arena_ arena *a = arena_new();
    const char *half =
        arena_printf(a, "coverage {\"lines\":50,\"lines_covered\":2,\"lines_total\":4%s", files)
            .ptr;
    const char *branched =
        arena_printf(a,
                     "coverage {\"lines\":50,\"lines_covered\":2,\"lines_total\":4,"
                     "\"branches\":50,\"branches_covered\":1,\"branches_total\":2%s",
                     files)
            .ptr;
    const sample samples[] = {
        {"TN:\nSF:src/a.c\nDA:1,1\nDA:2,0\nDA:3,0,checksum\nDA:4,7\nend_of_record\n", half},
        /* the same line of two tests */
        {"SF:src/a.c\nDA:1,0\nDA:2,0\nDA:3,0\nDA:4,7\nend_of_record\nSF:src/a.c\nDA:1,2\nDA:4,0\n"
         "BRF:2\nBRH:1\nend_of_record\n",
         branched},
        {"<coverage line-rate='0.5'><packages><package><classes><class filename='src/a.c'><methods>"
         "<method><lines><line number='1' hits='9'/></lines></method></methods><lines>"
         "<line number='1' hits='1' branch='true' condition-coverage='50% (1/2)'/>"
         "<line number='2' hits='0'/><line number='3' hits='0'/><line number='4' hits='2'/>"
         "</lines></class></classes></package></packages></coverage>",
         branched},
        {"<report name='r'><package name='src'><sourcefile name='a.c'>"
         "<line nr='1' mi='0' ci='3' mb='1' cb='1'/><line nr='2' mi='1' ci='0' mb='0' cb='0'/>"
         "<line nr='3' mi='1' ci='0'/><line nr='4' mi='0' ci='1'/></sourcefile></package>"
         "<counter type='LINE' missed='2' covered='2'/></report>",
         branched},
        {"{\"meta\":{\"version\":\"7.4\"},\"totals\":{},\"files\":{\"src/a.c\":{\"summary\":"
         "{\"covered_lines\":2,\"num_statements\":4,\"num_branches\":2,\"covered_branches\":1}}}}",
         branched},
        /* lines in methods only, capitals, more hits than 32 bits hold */
        {"<coverage line-rate='0.5'><packages><package><class filename='src/a.c'><methods><method>"
         "<lines><line number='1' hits='1' branch='True' condition-coverage='50% (1/2)'/>"
         "<line number='2' hits='0'/></lines></method><method><lines><line number='3' hits='0'/>"
         "<line number='4' hits='5000000000'/></lines></method></methods></class></package>"
         "</packages></coverage>",
         branched},
        /* gcovr's JaCoCo */
        {"<report name='r'><package name='src'><sourcefile name='a.c'><line nr='1' mb='1' cb='1'/>"
         "<counter type='LINE' missed='2' covered='2'/></sourcefile></package>"
         "<counter type='LINE' missed='2' covered='2'/></report>",
         branched},
        {"SF:a\nDA:4000000000,1\nend_of_record\n",
         "0:0 a line beyond 10000000, or more lines than 512 MiB hold"},
        {"TN:\nSF:a\nend_of_record\n", "0:0 the report measures no line of code"},
    };
    CHECK_ALL(samples);
}

static void findings_are_counted_by_level_and_kind(void **state) {
    static const sample samples[] = {
        {"{\"tool\":\"slipway "
         "scan\",\"kinds\":[\"secrets\",\"deps\"],\"errors\":[{}],\"findings\":[{"
         "\"kind\":\"deps\",\"rule\":\"r\",\"level\":\"high\",\"message\":\"m\",\"path\":\"p\","
         "\"line\":3,\"fingerprint\":\"f\"}]}",
         "findings {\"critical\":0,\"high\":1,\"medium\":0,\"low\":0,\"info\":0,\"total\":1,"
         "\"errors\":1,\"kinds\":{\"secrets\":0,\"deps\":1},\"list\":[{\"fingerprint\":\"f\","
         "\"level\":\"high\",\"kind\":\"deps\",\"rule\":\"r\",\"path\":\"p\",\"line\":3,"
         "\"message\":\"m\"}]}"},
        /* severity by the rule's score, by the result's level, by the rule's, by default; one that
         * is suppressed and one that is gone do not count */
        {"{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"gitleaks\",\"rules\":["
         "{\"id\":\"a\",\"properties\":{\"security-severity\":\"9.1\"}},"
         "{\"id\":\"b\",\"defaultConfiguration\":{\"level\":\"note\"}}]}},\"results\":["
         "{\"ruleId\":\"b\",\"message\":{\"text\":\"x\"},\"fingerprints\":{\"slipway/v1\":\"1\"}},"
         "{\"ruleId\":\"b\",\"suppressions\":[{\"kind\":\"inSource\"}]},"
         "{\"ruleId\":\"b\",\"baselineState\":\"absent\"}]}]}",
         "findings {\"critical\":0,\"high\":0,\"medium\":0,\"low\":1,\"info\":0,\"total\":1,"
         "\"errors\":0,\"kinds\":{\"secrets\":1},\"list\":[{\"fingerprint\":\"1\",\"level\":"
         "\"low\","
         "\"kind\":\"secrets\",\"rule\":\"b\",\"path\":\"\",\"line\":0,\"message\":\"x\"}]}"},
        {"{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"x\",\"rules\":["
         "{\"id\":\"a\",\"properties\":{\"security-severity\":\"9.1\"}}]}},\"invocations\":[{"
         "\"executionSuccessful\":false}],\"results\":[{\"ruleIndex\":0,\"level\":\"note\","
         "\"fingerprints\":{\"slipway/v1\":\"1\"}}]}]}",
         "findings {\"critical\":1,\"high\":0,\"medium\":0,\"low\":0,\"info\":0,\"total\":1,"
         "\"errors\":1,\"kinds\":{\"sast\":1},\"list\":[{\"fingerprint\":\"1\","
         "\"level\":\"critical\",\"kind\":\"sast\",\"rule\":\"a\",\"path\":\"\",\"line\":0,"
         "\"message\":\"\"}]}"},
    };
    CHECK_ALL(samples);
}

#define RUN(more)                                                                                  \
    "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"CodeQL\",\"rules\":[{"     \
    "\"id\":"                                                                                      \
    "\"other\",\"properties\":{\"security-severity\":\"2.0\"}}]},\"extensions\":[{\"name\":"       \
    "\"pack\","                                                                                    \
    "\"rules\":[{\"id\":\"js/xss\",\"properties\":{\"security-severity\":\"9.8\"}}]}]}" more "}]}"

/* What a run says of critical findings, all findings and errors, and whether it looked at all. */
static void sarif_is_read_as_it_is_meant(void **state) {
    static const struct {
        const char *report;
        double critical, total, errors;
        bool looked;
    } samples[] = {
        /* CodeQL's rules lie in its packs */
        {RUN(",\"results\":[{\"ruleId\":\"js/xss\",\"ruleIndex\":0,\"rule\":{\"id\":\"js/xss\","
             "\"index\":0,\"toolComponent\":{\"index\":0}}}]"),
         1, 1, 0, true},
        {RUN(",\"results\":[{\"rule\":{\"index\":0,\"toolComponent\":{\"name\":\"pack\"}}}]"), 1, 1,
         0, true},
        {RUN(",\"results\":[{\"ruleId\":\"js/xss\"}]"), 1, 1, 0, true},
        {RUN(",\"results\":[{\"ruleId\":\"other\",\"ruleIndex\":0}]"), 0, 1, 0, true},
        {RUN(",\"results\":[]"), 0, 0, 0, true},
        {RUN(""), 0, 0, 1, false},
        {RUN(",\"results\":null"), 0, 0, 1, false},
        {RUN(",\"results\":[{\"ruleId\":\"js/xss\",\"kind\":\"pass\"},"
             "{\"ruleId\":\"js/xss\",\"kind\":\"notApplicable\"},"
             "{\"ruleId\":\"js/xss\",\"kind\":\"fail\"}]"),
         1, 1, 0, true},
        {RUN(",\"results\":[{\"ruleId\":\"js/xss\",\"suppressions\":[{\"kind\":\"external\"},"
             "{\"kind\":\"external\",\"status\":\"underReview\"}]},"
             "{\"ruleId\":\"js/xss\",\"suppressions\":[{\"kind\":\"inSource\"}]}]"),
         1, 1, 0, true},
        {RUN(",\"invocations\":[{\"executionSuccessful\":true,\"toolExecutionNotifications\":["
             "{\"level\":\"error\"},{\"level\":\"warning\"}]}],\"results\":[]"),
         0, 0, 1, true},
        {RUN(",\"invocations\":[{\"executionSuccessful\":false,\"toolExecutionNotifications\":["
             "{\"level\":\"error\"},{\"level\":\"error\"}]}],\"results\":[]"),
         0, 0, 2, true},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        _cleanup_arena_ arena *a = arena_new();
        evidence ev;
        err e = {0};
        if (evidence_read(a, str_from(samples[i].report), "r", &ev, &e) < 0)
            fail_msg("row %zu: %s", i, e.message);
        double critical = value_path(&ev.metrics, "critical")->number,
               total = value_path(&ev.metrics, "total")->number,
               errors = value_path(&ev.metrics, "errors")->number;
        bool looked = value_path(&ev.metrics, "kinds.sast") != NULL;
        if (critical != samples[i].critical || total != samples[i].total ||
            errors != samples[i].errors || looked != samples[i].looked)
            fail_msg("row %zu: %g critical, %g in all, %g errors", i, critical, total, errors);
    }
}

static void other_reports_are_read(void **state) {
    static const sample samples[] = {
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":["
         "{\"licenses\":[{\"license\":{\"id\":\"MIT\"}}]},{}]}",
         "sbom {\"format\":\"CycloneDX\",\"components\":2,\"unlicensed\":1}"},
        {"{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"licenseConcluded\":\"NOASSERTION\","
         "\"licenseDeclared\":\"MIT\"},{\"licenseDeclared\":\"NOASSERTION\"}]}",
         "sbom {\"format\":\"SPDX\",\"components\":2,\"unlicensed\":1}"},
        {"{\"root_group\":{},\"metrics\":{\"http_reqs\":{\"count\":9,\"rate\":3},"
         "\"http_req_duration\":{\"values\":{\"p(95)\":12.5}},\"http_req_failed\":{\"value\":0.1}}"
         "}",
         "load {\"requests\":9,\"requests_per_second\":3,\"p95_ms\":12.5,\"error_rate\":0.1}"},
        {"[{\"user\":{\"login\":\"bob\"},\"state\":\"APPROVED\",\"commit_id\":\"c\"},"
         "{\"user\":{\"login\":\"Bob\"},\"state\":\"COMMENTED\"}]",
         "reviews {\"latest\":{\"bob\":{\"state\":\"APPROVED\",\"commit\":\"c\"}}}"},
        {"[]", "reviews {\"latest\":{}}"},
    };
    CHECK_ALL(samples);
}

static void what_is_no_report_is_told(void **state) {
    static const sample samples[] = {
        {"[{\"state\":\"APPROVED\"}]", "0:0 a review without a user's login or a state"},
        {"SF:a\nDA:x\n", "2:1 'DA:x' is no line of lcov"},
        {"SF:a\xff\nDA:1,1\n", "1:1 'SF:a\xff' is no line of lcov"},
        {"SF:a\nend_of_record\n", "0:0 the report measures no line of code"},
        {"{\"version\":\"2.1.0\",\"runs\":[]}", "0:0 the SARIF file has no run"},
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[]}",
         "0:0 the bill of materials names nothing"},
        {"{\"slipway_evidence\":2,\"metrics\":{}}",
         "0:0 a record of evidence of an unknown version"},
        {"{\"slipway_evidence\":1,\"kind\":\"rumours\",\"metrics\":{}}",
         "0:0 'rumours' is no kind of evidence"},
#define RECORD(kind, metrics)                                                                      \
    "{\"slipway_evidence\":1,\"kind\":\"" kind "\",\"metrics\":{" metrics "}}"
#define NONE "\"critical\":0,\"high\":0,\"medium\":0,\"low\":0,\"info\":0,\"total\":0,\"errors\":0"
        {RECORD("tests", "\"total\":1,\"passed\":1,\"failed\":0,\"skipped\":0,\"names\":[],"
                         "\"failed_names\":[]"),
         "0:0 the record says nothing, or no such thing, of 'errors'"},
        {RECORD("reviews", ""), "0:0 the record says nothing, or no such thing, of 'latest'"},
        {RECORD("findings", NONE ",\"kinds\":[],\"list\":[]"),
         "0:0 the record says nothing, or no such thing, of 'kinds'"},
        {RECORD("findings",
                NONE ",\"kinds\":{\"deps\":0},\"list\":[{\"fingerprint\":\"1\",\"kind\":"
                     "\"deps\",\"level\":\"severe\"}]"),
         "0:0 finding 1 of the record has no fingerprint, no level, or a kind that its 'kinds' "
         "have "
         "not"},
    };
    CHECK_ALL(samples);
    _cleanup_arena_ arena *a = arena_new();
    static const char *const unknown[] = {"",
                                          "hello",
                                          "{}",
                                          "<html/>",
                                          "<!DOCTYPE html>\n<p>hi<br></html>",
                                          "[{\"RuleID\":\"aws\"}]",
                                          "\x7f"
                                          "ELF"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        evidence ev;
        err e = {0};
        assert_int_equal(evidence_read(a, str_from(unknown[i]), "r", &ev, &e), ERR_UNSUPPORTED);
    }
}

static void a_record_reads_as_it_was_written(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence ev, back;
    err e = {0};
    const char *report = "SF:a\nDA:1,1\nend_of_record\n";
    assert_int_equal(evidence_read(a, str_from(report), "lcov.info", &ev, &e), 0);
    ev.commit = STR("0123456789012345678901234567890123456789");
    ev.sha256 = STR("abc");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_out o = JSON_OUT(&out);
    evidence_write(&o, &ev);
    assert_int_equal(evidence_read(a, strbuf_str(&out), "record.json", &back, &e), 0);
    assert_int_equal(back.kind, EVIDENCE_COVERAGE);
    assert_str(back.commit, "0123456789012345678901234567890123456789");
    assert_str(back.path, "lcov.info");
    assert_true(value_same(&ev.metrics, &back.metrics));
    assert_true(evidence_is_about(&back, STR("0123456789012345678901234567890123456789"), STR("")));
    assert_false(
        evidence_is_about(&back, STR("1123456789012345678901234567890123456789"), STR("")));
    assert_false(evidence_is_about(&back, STR(""), STR("")));
}

static void evidence_is_of_one_subject(void **state) {
    static const struct {
        const char *commit, *artifact, *judged_commit, *judged_artifact;
        bool counts;
    } samples[] = {
        {"", "", "c", "", true},    {"c", "", "c", "", true},    {"C", "", "c", "d", true},
        {"b", "", "c", "", false},  {"c", "", "", "", false},    {"c", "d", "c", "", true},
        {"c", "d", "c", "d", true}, {"c", "e", "c", "d", false}, {"", "d", "c", "", false},
        {"", "d", "c", "d", true},  {"", "d", "", "d", true},    {"b", "d", "c", "d", false},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        evidence ev = {.commit = str_from(samples[i].commit),
                       .artifact = str_from(samples[i].artifact)};
        if (evidence_is_about(&ev, str_from(samples[i].judged_commit),
                              str_from(samples[i].judged_artifact)) != samples[i].counts)
            fail_msg("row %zu", i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junit_is_counted_by_its_cases),
        cmocka_unit_test(coverage_is_counted_by_lines),
        cmocka_unit_test(findings_are_counted_by_level_and_kind),
        cmocka_unit_test(sarif_is_read_as_it_is_meant),
        cmocka_unit_test(other_reports_are_read),
        cmocka_unit_test(what_is_no_report_is_told),
        cmocka_unit_test(a_record_reads_as_it_was_written),
        cmocka_unit_test(evidence_is_of_one_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
