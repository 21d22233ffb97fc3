#include "unit.h"

#include "scan/baseline.h"

#include <string.h>

#define OURS(print)                                                                                \
    "{\"v\":1,\"findings\":[{\"kind\":\"k\",\"rule\":\"r\",\"level\":\"low\",\"message\":\"m\","   \
    "\"path\":\"a b.c\",\"fingerprint\":\"" print "\"}]}"
#define SARIF(result)                                                                              \
    "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"x\",\"rules\":[{\"id\":"   \
    "\"q\"},{\"id\":\"r\"}]}},\"results\":[{" result "}]}]}"
#define PLACE                                                                                      \
    ",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"a%20b.c\"},"           \
    "\"region\":{\"startLine\":7}}}]"

static void a_finding_is_known_by_the_surest_that_a_report_says(void **state) {
    (void)state;
    static const struct {
        const char *what, *text;
        bool known;
    } cases[] = {
        {"our JSON", OURS("f1"), true},
        {"our JSON of another", OURS("f2"), false},
        {"our SARIF", SARIF("\"ruleId\":\"r\",\"fingerprints\":{\"slipway/v1\":\"f1\"}" PLACE),
         true},
        {"our SARIF of another on the same line",
         SARIF("\"ruleId\":\"r\",\"fingerprints\":{\"slipway/v1\":\"f2\"}" PLACE), false},
        {"the hash of a line",
         SARIF("\"ruleId\":\"r\",\"partialFingerprints\":{\"primaryLocationLineHash\":\"h:"
               "1\"}" PLACE),
         true},
        {"another hash on the same line",
         SARIF("\"ruleId\":\"r\",\"partialFingerprints\":{\"primaryLocationLineHash\":\"h:"
               "2\"}" PLACE),
         false},
        {"a rule by its index",
         SARIF(
             "\"ruleIndex\":1,\"partialFingerprints\":{\"primaryLocationLineHash\":\"h:1\"}" PLACE),
         true},
        {"another rule", SARIF("\"ruleId\":\"q\"" PLACE), false},
        {"a line", SARIF("\"ruleId\":\"r\"" PLACE), true},
        {"what is gone", SARIF("\"ruleId\":\"r\",\"baselineState\":\"absent\"" PLACE), false},
        {"no place", SARIF("\"ruleId\":\"r\""), false},
        {"gitleaks", "[{\"RuleID\":\"r\",\"File\":\"a b.c\",\"StartLine\":7,\"Commit\":\"\"}]",
         true},
        {"gitleaks, ./", "[{\"RuleID\":\"r\",\"File\":\"./a b.c\",\"StartLine\":7}]", true},
        {"gitleaks, another line", "[{\"RuleID\":\"r\",\"File\":\"a b.c\",\"StartLine\":8}]",
         false},
        {"nothing", "[]", false},
        {"no runs", "{\"runs\":[]}", false},
    };
    finding f = {.kind = STR("k"),
                 .rule = STR("r"),
                 .path = STR("a b.c"),
                 .line = 7,
                 .line_hash = STR("h:1"),
                 .fingerprint = STR("f1")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        baseline *b = baseline_new(a);
        err e = {0};
        if (baseline_read(b, str_from(cases[i].text), &e) < 0)
            fail_msg("%s: %s", cases[i].what, e.message);
        if (baseline_has(b, &f) != cases[i].known) fail_msg("%s", cases[i].what);
    }
}

static void what_is_no_report_is_told(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", ""},
        {"{", ""},
        {"1", "no report of findings"},
        {"{}", "no report of findings"},
        {"{\"findings\":{}}", "no report of findings"},
        {"{\"findings\":[{}]}", "finding 1: a finding has no 'kind'"},
        {"[{\"RuleID\":\"r\"}]", "item 1 is no finding of gitleaks"},
        {"[1]", "item 1 is no finding of gitleaks"},
        {"{\"runs\":[{\"results\":1}]}", "'results' of its run 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        err e = {0};
        assert_int_equal(baseline_read(baseline_new(a), str_from(cases[i].text), &e), ERR_INVALID);
        if (!strstr(e.message, cases[i].part)) fail_msg("%s: %s", cases[i].text, e.message);
    }
}

static void known_findings_are_taken_out_and_counted(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    baseline *b = baseline_new(a);
    finding_list before = {.a = a}, now = {.a = a};
    for (uint32_t i = 0; i < 1000; i++) {
        finding f = {.kind = STR("k"), .rule = STR("r"), .path = STR("p"), .line = i};
        finding_identify(a, &f, arena_printf(a, "%u", i));
        finding_list_add(&now, &f);
        f.line += 5000; /* it has moved */
        if (i % 2) finding_list_add(&before, &f);
    }
    baseline_add(b, &before);
    assert_int_equal(baseline_apply(b, &now), 500);
    assert_int_equal(now.count, 500);
    for (size_t i = 0; i < now.count; i++)
        assert_int_equal(now.items[i].line % 2, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_is_known_by_the_surest_that_a_report_says),
        cmocka_unit_test(what_is_no_report_is_told),
        cmocka_unit_test(known_findings_are_taken_out_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
