/* Conditions over facts: nothing that is not known lets a change pass. */
#include "unit.h"

#include "gate/gate.h"

#include <string.h>

static const gate_policy *policy(arena *a, const char *yaml) {
    gate_policy *p;
    err e = {0};
    assert_int_equal(gate_policy_parse(a, str_from(yaml), "slipway.yml", &p, &e), 0);
    return p;
}

/* "name status: message" of each condition that does not hold; "pass" when all do. */
static str decide(arena *a, const char *yaml, const char *facts) {
    const gate_policy *p = policy(a, yaml);
    value v;
    err e = {0};
    gate_decision d;
    for (size_t i = 0; i < p->problems.count; i++)
        fail_msg("%.*s", STR_ARG(p->problems.items[i].message));
    assert_int_equal(json_parse(a, str_from(facts), 0, &v, &e), 0);
    gate_decide(a, gate_find(p, STR_EMPTY), &v, &d);
    if (d.passed) return STR("pass");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < d.count; i++) {
        const gate_result *r = &d.results[i];
        if (r->status == GATE_PASSED) continue;
        strbuf_addf(&out, "%s%.*s %s: %.*s", out.len ? "\n" : "", STR_ARG(r->condition->name),
                    gate_status_name(r->status), STR_ARG(r->message));
    }
    return arena_str(a, strbuf_str(&out));
}

#define ONE(condition)                                                                             \
    "gates: {g: [{name: c, if: \"" condition "\", message: \"got ${{ tests.failed }}\"}]}"

static void conditions_are_judged(void **state) {
    static const struct {
        const char *yaml, *facts, *decision;
    } samples[] = {
        {ONE("tests.failed == 0"), "{\"tests\":{\"failed\":0}}", "pass"},
        {ONE("${{ tests.failed == 0 }}"), "{\"tests\":{\"failed\":0}}", "pass"},
        {ONE("tests.failed == 0"), "{\"tests\":{\"failed\":2}}", "c failed: got 2"},
        {ONE("contains(tests.names, 'a')"), "{\"tests\":{\"names\":[\"a\"]}}", "pass"},
        {"gates: {g: [coverage: {minimum: 90}]}",
         "{\"coverage\":{\"lines\":85.126,\"lines_covered\":1,\"lines_total\":2}}",
         "coverage failed: 1 of 2 lines are covered"},
        {"gates: {g: [coverage]}", "{\"coverage\":{\"lines\":80}}", "pass"},
        /* null == 0 is true in the language: what is absent must not get that far */
        {ONE("tests.failed == 0"), "{}", "c missing: there is no evidence of tests.failed"},
        {ONE("tests.failed == 0"), "{\"tests\":{}}",
         "c missing: there is no evidence of tests.failed"},
        {ONE("tests.failed == 0"), "{\"tests\":{\"failed\":null}}",
         "c missing: there is no evidence of tests.failed"},
        {"gates: {g: [{name: c, if: load.error_rate < 0.01, message: 'at ${{ coverage.lines }} and "
         "${{ "
         "load.error_rate }}'}]}",
         "{\"load\":{\"error_rate\":0.0149},\"coverage\":{\"lines\":79.9999}}",
         "c failed: at 79.99 and 0.0149"},
        {ONE("tests.faild == 0"), "{\"tests\":{\"failed\":0}}",
         "c missing: there is no evidence of tests.faild (did you mean tests.failed?)"},
        {"gates: {g: [tests]}",
         "{\"tests\":{\"passed\":0,\"failed\":0,\"errors\":0,\"skipped\":3,\"total\":3,"
         "\"failed_names\":[]}}",
         "tests failed: 0 failed, 0 broke and 3 were skipped of 3 tests"},
        {"gates: {g: [tests]}",
         "{\"tests\":{\"passed\":1,\"failed\":2,\"errors\":0,\"skipped\":0,\"total\":3,"
         "\"failed_names\":[\"a\",\"b\"]}}",
         "tests failed: 2 failed, 0 broke and 0 were skipped of 3 tests: a, b"},
        {ONE("tests.total > 0 || load.p95_ms < 1"), "{\"tests\":{\"total\":1}}",
         "c missing: there is no evidence of load.p95_ms"},
        {ONE("!tests.failed"), "{\"tests\":{}}", "c missing: there is no evidence of tests.failed"},
        {ONE("tests[base.name] == 0"), "{\"tests\":{},\"base\":{\"name\":\"failed\"}}",
         "c missing: there is no evidence of tests[base.name] == 0"},
        {ONE("base.tests.failed == 0"), "{\"tests\":{\"failed\":0}}",
         "c missing: there is no evidence of base.tests.failed"},
        {ONE("fromJSON(tests.failed) == 0"), "{\"tests\":{\"failed\":\"{\"}}", NULL},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str got = decide(a, samples[i].yaml, samples[i].facts);
        if (!samples[i].decision)
            assert_true(str_starts(got, STR("c broken: ")));
        else if (!str_is(got, samples[i].decision))
            fail_msg("%s over %s\ngives    %.*s\nexpected %s", samples[i].yaml, samples[i].facts,
                     STR_ARG(got), samples[i].decision);
    }
}

/* All that the built-in conditions ask for, one thing after the other taken away or spoilt. */
static void the_default_gate_needs_everything(void **state) {
    static const char *const good =
        "{\"tests\":{\"passed\":3,\"failed\":0,\"errors\":0,\"vanished\":0},"
        "\"coverage\":{\"lines\":81,\"drop\":0.5},"
        "\"findings\":{\"errors\":0,\"new\":{\"critical\":0,\"high\":0},"
        "\"kinds\":{\"secrets\":0,\"licenses\":0}},"
        "\"reviews\":{\"approvals\":1,\"changes_requested\":0}}";
    static const struct {
        const char *from, *to, *fails;
        bool more; /* others fail with it */
    } changes[] = {
        {"\"failed\":0", "\"failed\":1", "tests failed"},
        {"\"errors\":0,\"vanished\"", "\"errors\":1,\"vanished\"", "tests failed"},
        {"\"passed\":3", "\"passed\":0", "tests failed"},
        {"\"vanished\":0", "\"vanished\":1", "vanished failed"},
        {",\"vanished\":0", "", "vanished missing"},
        {"\"lines\":81", "\"lines\":79.9", "coverage failed"},
        {"\"drop\":0.5", "\"drop\":1.5", "coverage-drop failed"},
        {",\"drop\":0.5", "", "coverage-drop missing"},
        {"\"errors\":0,\"new\"", "\"errors\":1,\"new\"", "findings failed", true},
        {"\"critical\":0", "\"critical\":1", "findings failed"},
        {"\"high\":0", "\"high\":1", "findings failed"},
        {"\"secrets\":0", "\"secrets\":1", "secrets failed"},
        {"\"secrets\":0,", "", "secrets missing"},
        {"\"licenses\":0", "\"licenses\":1", "licenses failed"},
        {"\"approvals\":1", "\"approvals\":0", "approval failed"},
        {"\"changes_requested\":0", "\"changes_requested\":1", "approval failed"},
        {"\"approvals\":1,", "", "approval missing"},
    };
    _cleanup_arena_ arena *a = arena_new();
    assert_str(decide(a, "", good), "pass");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *at = strstr(good, changes[i].from);
        assert_non_null(at);
        str facts = arena_printf(a, "%.*s%s%s", (int)(at - good), good, changes[i].to,
                                 at + strlen(changes[i].from));
        str got = decide(a, "", facts.ptr);
        if (!str_starts(got, str_from(changes[i].fails)) ||
            (str_find_char(got, '\n') >= 0) != changes[i].more)
            fail_msg("%s -> %s gives %.*s", changes[i].from, changes[i].to, STR_ARG(got));
    }
}

static void what_is_wrong_with_gates_has_its_place(void **state) {
    static const struct {
        const char *yaml;
        unsigned line, column;
        const char *message;
    } samples[] = {
        {"gates: []", 1, 8, "'gates' must be a mapping"},
        {"gates: {g: [tets]}", 1, 13, "there is no built-in condition 'tets'"},
        {"gates: {g: [coverage: {min: 3}]}", 1, 24, "unknown key 'min' in coverage"},
        {"gates: {g: [coverage: {minimum: x}]}", 1, 33, "minimum must be a number"},
        {"gates: {g: []}", 1, 12, "a gate has 1 to 200 conditions"},
        {"gates: {g: [tests, tests]}", 1, 20, "the condition 'tests' stands here twice"},
        {"gates: {g: [{name: x}]}", 1, 13, "a condition of your own needs a 'name' and an 'if'"},
        {"gates: {g: [{name: x, if: test.failed}]}", 1, 27,
         "Unrecognized named-value: 'test'. Located at position 1 within expression: test.failed"},
        {"gates: {g: [{name: x, if: tests.a, message: 'a ${{ b'}]}", 1, 45,
         "a '${{' without its '}}'"},
        {"gates: {test: [tests]}", 1, 9, "a gate cannot be called 'test'"},
        {"gates: {g: [tests], G: [tests]}", 1, 21, "'G' is already defined"},
        {"gates: {g: {tests: [{name: a}]}}", 1, 21, "a test needs a 'name' and what to 'expect'"},
        {"gates: {g: {tests: [{name: a, expect: no}]}}", 1, 39, NULL},
        {"gates: {g: {tests: [{name: a, expect: pass, condition: x}]}}", 1, 21,
         "the gate 'g' has no condition 'x'"},
        {"evidence: a.xml", 1, 11, "'evidence' must be a sequence"},
        {"a: [", 2, 1, NULL},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const gate_policy *p = policy(a, samples[i].yaml);
        if (!p->problems.errors) fail_msg("%s is accepted", samples[i].yaml);
        const problem *first = &p->problems.items[0];
        if (samples[i].message) assert_str(first->message, samples[i].message);
        if (first->where.line != samples[i].line || first->where.column != samples[i].column)
            fail_msg("%s: at %u:%u", samples[i].yaml, first->where.line, first->where.column);
    }
}

static void gates_are_found_by_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const gate_policy *two = policy(a, "gates: {merge: [tests], release: [tests]}");
    assert_str(gate_find(two, STR("Merge"))->name, "merge");
    assert_null(gate_find(two, STR_EMPTY));
    assert_null(gate_find(two, STR("other")));
    assert_str(gate_find(policy(a, "gates: {only: [tests]}"), STR_EMPTY)->name, "only");
    assert_str(gate_find(policy(a, ""), STR_EMPTY)->name, "default");
}

/* ---- facts ------------------------------------------------------------------------------------
 */

static void add(evidence_list *list, const char *report) {
    evidence ev;
    err e = {0};
    if (evidence_read(list->a, str_from(report), "r", &ev, &e) < 0) fail_msg("%s", e.message);
    ARENA_PUSH(list->a, list->items, list->count, list->cap, ev);
}

static double fact(const value *facts, const char *path) {
    const value *v = value_path(facts, path);
    if (!v) fail_msg("there is no %s", path);
    assert_int_equal(v->kind, VALUE_NUMBER);
    return v->number;
}

static void reports_of_a_kind_add_up(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, base = {.a = a};
    gate_change change = {.files_known = true};
    add(&now, "<testsuite><testcase name='a'/></testsuite>");
    add(&now, "<testsuite><testcase name='b'><failure/></testcase></testsuite>");
    add(&base, "<testsuite><testcase name='a'/><testcase name='c'/></testsuite>");
    add(&now, "SF:x.c\nDA:1,1\nDA:2,0\nend_of_record\n");
    add(&now, "SF:x.c\nDA:1,0\nDA:2,0\nend_of_record\nSF:y.c\nDA:1,1\nend_of_record\n");
    value facts = gate_facts(a, &now, &base, &change);
    assert_true(fact(&facts, "tests.total") == 2);
    assert_true(fact(&facts, "tests.failed") == 1);
    assert_true(fact(&facts, "tests.vanished") == 1);
    assert_true(fact(&facts, "coverage.lines_covered") == 2);
    assert_true(fact(&facts, "coverage.lines_total") == 3);
    assert_null(value_path(&facts, "coverage.drop"));
    assert_null(value_path(&facts, "findings"));
    assert_null(value_path(&facts, "base.coverage"));
}

static void a_drop_is_that_of_the_changed_files(void **state) {
    static const struct {
        const char *changed;
        double drop;
    } samples[] = {{"src/x.c", 50},
                   {"src/y.c", 0},
                   {"README", 0},
                   {"src/gone.c", 100},
                   {"src/new.c", 0},
                   {"app/z.c", 100},
                   /* the one at the top is not the one in a folder, where the report has both */
                   {"main.c", 0},
                   {"lib/main.c", 50}};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        _cleanup_arena_ arena *a = arena_new();
        evidence_list now = {.a = a}, base = {.a = a};
        str files[] = {str_from(samples[i].changed)};
        gate_change change = {.files_known = true, .files = files, .file_count = 1};
        add(&base, "SF:/w/src/x.c\nDA:1,1\nDA:2,1\nend_of_record\nSF:/w/src/y.c\nDA:1,1\n"
                   "end_of_record\nSF:/w/src/gone.c\nDA:1,1\nend_of_record\n"
                   "SF:C:\\w\\app\\z.c\nDA:1,1\nend_of_record\nSF:main.c\nDA:1,1\n"
                   "end_of_record\nSF:lib/main.c\nDA:1,1\nDA:2,1\nend_of_record\n");
        add(&now, "SF:src/x.c\nDA:1,1\nDA:2,0\nend_of_record\nSF:src/y.c\nDA:1,1\nend_of_record\n"
                  "SF:src/new.c\nDA:1,0\nend_of_record\nSF:main.c\nDA:1,1\nend_of_record\n"
                  "SF:lib/main.c\nDA:1,1\nDA:2,0\nend_of_record\n");
        value facts = gate_facts(a, &now, &base, &change);
        if (fact(&facts, "coverage.drop") != samples[i].drop)
            fail_msg("%s: %g", samples[i].changed, fact(&facts, "coverage.drop"));
    }
}

#define FOUND(print)                                                                               \
    "{\"tool\":\"t\",\"errors\":[],\"findings\":[{\"kind\":\"deps\",\"rule\":\"r\",\"level\":"     \
    "\"high\",\"message\":\"m\",\"path\":\"p\",\"fingerprint\":\"" print "\"}]}"

static void findings_of_the_base_are_not_new(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, base = {.a = a}, none = {.a = a};
    gate_change change = {0};
    add(&now, FOUND("1"));
    add(&now, FOUND("2"));
    add(&base, FOUND("1"));
    value facts = gate_facts(a, &now, &base, &change);
    assert_true(fact(&facts, "findings.high") == 2);
    assert_true(fact(&facts, "findings.new.high") == 1);
    facts = gate_facts(a, &now, &none, &change);
    assert_true(fact(&facts, "findings.new.high") == 2);
}

/* The same of another report is the same; two of one report are two. */
static void a_finding_of_two_reports_is_one(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, none = {.a = a};
    gate_change change = {0};
    add(&now, FOUND("1"));
    add(&now, FOUND("1"));
    add(&now, "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"grype\"}},"
              "\"results\":[{\"ruleId\":\"r\",\"level\":\"error\"},"
              "{\"ruleId\":\"r\",\"level\":\"error\"}]}]}");
    value facts = gate_facts(a, &now, &none, &change);
    assert_true(fact(&facts, "findings.high") == 3);
    assert_true(fact(&facts, "findings.total") == 3);
    assert_true(fact(&facts, "findings.kinds.deps") == 3);
    assert_true(fact(&facts, "findings.new.high") == 3);
}

/* A base in which nothing ran is no base. */
static void an_empty_base_proves_nothing(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, base = {.a = a};
    gate_change change = {0};
    add(&now, "<testsuite><testcase name='a'/></testsuite>");
    add(&base, "<testsuites/>");
    value facts = gate_facts(a, &now, &base, &change);
    assert_null(value_path(&facts, "tests.vanished"));
}

static void nobody_approves_their_own_change(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    evidence_list now = {.a = a}, base = {.a = a};
    gate_change unknown = {0}, known = {.author = STR("ALICE"), .commit = STR("c1")};
    add(&now, "[{\"user\":{\"login\":\"alice\"},\"state\":\"APPROVED\"},"
              "{\"user\":{\"login\":\"bob\"},\"state\":\"APPROVED\",\"commit_id\":\"c0\"},"
              "{\"user\":{\"login\":\"eve\"},\"state\":\"APPROVED\"},"
              "{\"user\":{\"login\":\"eve\"},\"state\":\"CHANGES_REQUESTED\"},"
              "{\"user\":{\"login\":\"bob\"},\"state\":\"COMMENTED\"}]");
    value facts = gate_facts(a, &now, &base, &known);
    assert_true(fact(&facts, "reviews.approvals") == 1);
    assert_true(fact(&facts, "reviews.stale") == 1);
    assert_true(fact(&facts, "reviews.changes_requested") == 1);
    facts = gate_facts(a, &now, &base, &unknown);
    assert_null(value_path(&facts, "reviews.approvals"));
}

/* `author` is who wrote the change; -1: how many approved is not known. */
static const struct {
    const char *reviews[2], *author;
    double approvals, refusals, current, outsiders;
} reviews[] = {
#define SAYS(login, state) "{\"user\":{\"login\":\"" login "\"},\"state\":\"" state "\"}"
#define OF(login, more)    "{\"user\":{\"login\":\"" login "\"" more ",\"state\":\"APPROVED\"}"
    {{"[" SAYS("bob", "APPROVED") "]"}, "alice", 1, 0, 0},
    {{"[[" SAYS("bob", "APPROVED") "],[" SAYS("eve", "APPROVED") "]]"}, "alice", 2, 0, 0},
    /* one person is one, in however many reports; the worse counts */
    {{"[" SAYS("bob", "APPROVED") "]", "[" SAYS("Bob", "APPROVED") "]"}, "alice", 1, 0, 0},
    {{"[" SAYS("bob", "APPROVED") "]", "[" SAYS("bob", "CHANGES_REQUESTED") "]"}, "alice", 0, 1, 0},
    {{"[" SAYS("bob", "APPROVED") "," SAYS("bob", "DISMISSED") "]"}, "alice", 0, 0, 0},
    {{"[" SAYS("bob", "CHANGES_REQUESTED") "," SAYS("bob", "APPROVED") "]"}, "alice", 1, 0, 0},
    /* the newest first, as some tools have it */
    {{"[{\"user\":{\"login\":\"bob\"},\"state\":\"CHANGES_REQUESTED\",\"submitted_at\":"
      "\"2026-11-02T00:00:00Z\"},{\"user\":{\"login\":\"bob\"},\"state\":\"APPROVED\","
      "\"submitted_at\":\"2026-11-01T00:00:00Z\"}]"},
     "alice",
     0,
     1,
     0},
    /* the author by another spelling, or told by the report */
    {{"[" SAYS("Alice", "APPROVED") "]"}, "@alice ", 0, 0, 0},
    {{"{\"author\":\"alice\",\"reviews\":[" SAYS("alice", "APPROVED") "]}"}, "carol", 0, 0, 0},
    {{"[" SAYS("alice", "APPROVED") "]"}, "alice@example.com", -1, 0, 0},
    {{"[" SAYS("a@example.com", "APPROVED") "]"}, "b@example.com", 1, 0, 0},
    /* who may not write, machines, and those who are gone */
    {{"[" OF("x", "},\"author_association\":\"NONE\"") "]"}, "alice", 0, 0, 0, 1},
    {{"[" OF("x", "},\"author_association\":\"CONTRIBUTOR\"") "]"}, "alice", 0, 0, 0, 1},
    {{"[" OF("x", "},\"author_association\":\"MEMBER\"") "]"}, "alice", 1, 0, 0},
    {{"[" OF("x", ",\"type\":\"Bot\"}") "," OF("github-actions[bot]", "}") "]"}, "alice", 0, 0, 0},
    {{"[{\"user\":null,\"state\":\"APPROVED\"}]"}, "alice", 0, 0, 0},
    {{"[{\"user\":null,\"state\":\"CHANGES_REQUESTED\"}]"}, "alice", 0, 1, 0},
    /* of the pull request's commit, of which the checkout is the merge */
    {{"[" OF("bob", "},\"commit_id\":\"head\"") "," OF("eve", "},\"commit_id\":\"merge\"") "]"},
     "alice",
     2,
     0,
     1},
};

static void reviews_are_weighed(void **state) {
    for (size_t i = 0; i < sizeof reviews / sizeof *reviews; i++) {
        _cleanup_arena_ arena *a = arena_new();
        evidence_list now = {.a = a}, base = {.a = a};
        gate_change change = {
            .author = str_from(reviews[i].author), .commit = STR("merge"), .head = STR("head")};
        for (size_t k = 0; k < 2 && reviews[i].reviews[k]; k++)
            add(&now, reviews[i].reviews[k]);
        value facts = gate_facts(a, &now, &base, &change);
        const value *approvals = value_path(&facts, "reviews.approvals");
        double count = approvals ? approvals->number : -1;
        if (count != reviews[i].approvals ||
            fact(&facts, "reviews.changes_requested") != reviews[i].refusals)
            fail_msg("row %zu: %g approvals, %g refusals", i, count,
                     fact(&facts, "reviews.changes_requested"));
        if (!approvals) continue;
        assert_true(fact(&facts, "reviews.current") == reviews[i].current);
        assert_true(fact(&facts, "reviews.outsiders") == reviews[i].outsiders);
    }
}

/* ---- tests of gates ----------------------------------------------------------------------------
 */

static void cases_of_a_gate_are_run(void **state) {
    static const char *const yaml =
        "gates:\n  g:\n    conditions: [tests, coverage]\n    tests:\n"
        "      - {name: a, given: {tests: {passed: 1, failed: 1, errors: 0}}, expect: fail, "
        "reason: "
        "tests}\n"
        "      - {name: b, given: {tests: {passed: 1, failed: 0, errors: 0}}, expect: pass, "
        "condition: tests}\n"
        "      - {name: c, given: {tests: {passed: 1, failed: 0, errors: 0}}, expect: pass}\n"
        "      - {name: d, given: {tests: {passed: 1, failed: 0, errors: 0}}, expect: fail, "
        "reason: "
        "tests}\n"
        "      - {name: e, given: {coverage: {lines: 90}}, expect: fail, condition: coverage}\n"
        /* too little is given: that it fails is no proof */
        "      - {name: f, given: {tests: {failed: 1}}, expect: fail, reason: tests}\n";
    static const char *const why[] = {"",
                                      "",
                                      "it should pass, but 'coverage' missing: ",
                                      "it fails, but not because of 'tests': 'coverage' missing",
                                      "it should fail, but every condition passed",
                                      "it fails, but not because of 'tests': 'tests' missing"};
    _cleanup_arena_ arena *a = arena_new();
    const gate *g = gate_find(policy(a, yaml), STR("g"));
    gate_test_result results[6];
    assert_int_equal(g->test_count, 6);
    gate_run_tests(a, g, results);
    for (size_t i = 0; i < 6; i++) {
        assert_true(str_starts(results[i].why, str_from(why[i])));
        assert_int_equal(results[i].as_expected, why[i][0] == '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_judged),
        cmocka_unit_test(the_default_gate_needs_everything),
        cmocka_unit_test(what_is_wrong_with_gates_has_its_place),
        cmocka_unit_test(gates_are_found_by_name),
        cmocka_unit_test(reports_of_a_kind_add_up),
        cmocka_unit_test(a_drop_is_that_of_the_changed_files),
        cmocka_unit_test(findings_of_the_base_are_not_new),
        cmocka_unit_test(a_finding_of_two_reports_is_one),
        cmocka_unit_test(an_empty_base_proves_nothing),
        cmocka_unit_test(nobody_approves_their_own_change),
        cmocka_unit_test(reviews_are_weighed),
        cmocka_unit_test(cases_of_a_gate_are_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
