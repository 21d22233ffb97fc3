#include "unit.h"

#include "base/glob.h"
#include "scan/inline.h"
#include "scan/suppress.h"

#include <string.h>

static const char *const kinds[] = {"secrets", "deps", "kind", NULL};

/* ---- patterns ------------------------------------------------------------------------------- */

static void patterns_of_paths(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool fits;
    } cases[] = {
        {"a.c", "a.c", true},
        {"a.c", "x/y/a.c", true},
        {"a.c", "x/a.cc", false},
        {"*.c", "x/a.c", true},
        {"*.c", "x/a.cc", false},
        {"/a.c", "x/a.c", false},
        {"/a.c", "a.c", true},
        {"x/*.c", "x/a.c", true},
        {"x/*.c", "x/y/a.c", false},
        {"x/**", "x/y/a.c", true},
        {"x/**/a.c", "x/a.c", true},
        {"x/**/a.c", "x/y/z/a.c", true},
        {"x/**/a.c", "y/x/a.c", false},
        {"**/x/a.c", "p/q/x/a.c", true},
        {"tests", "tests/data/a", true},
        {"tests/", "tests/data/a", true},
        {"tests/data", "x/tests/data/a", false},
        {"data", "x/tests/data/a", true},
        {"./x/a", "x/a", true},
        {"?.c", "a.c", true},
        {"?.c", "ab.c", false},
        {"[a-c].c", "b.c", true},
        {"[!a-c].c", "b.c", false},
        {"[^a-c].c", "d.c", true},
        {"[]].c", "].c", true},
        {"[a.c", "[a.c", true},
        {"\\*.c", "*.c", true},
        {"\\*.c", "a.c", false},
        {"", "a", false},
        {"/", "a", false},
        {"**", "a/b", true},
        {"a/**/b/**/c", "a/x/b/y/z/c", true},
        {"a/**/b/**/c", "a/x/b/y/z/d", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (glob_path(str_from(cases[i].pattern), str_from(cases[i].path)) != cases[i].fits)
            fail_msg("%s on %s", cases[i].pattern, cases[i].path);
    }
}

static void many_stars_take_no_time(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf pattern = STRBUF_INIT, name = STRBUF_INIT;
    for (int i = 0; i < 500; i++)
        strbuf_adds(&pattern, "*a");
    strbuf_addc(&pattern, 'b');
    strbuf_pad(&name, 'a', 5000);
    assert_false(glob_name(strbuf_str(&pattern), strbuf_str(&name)));
}

/* ---- comments ------------------------------------------------------------------------------- */

static void comments_suppress_their_line_or_the_next(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint32_t line, end_line;
        const char *reason; /* NULL: not suppressed */
    } cases[] = {
        {"key # slipway:ignore\n", 1, 1, ""},
        {"key # slipway:ignore of the test server\n", 1, 1, "of the test server"},
        {"key # slipway:ignore[rule] only a test\n", 1, 1, "only a test"},
        {"key # slipway:ignore[other, rule]: a test\n", 1, 1, "a test"},
        {"key # slipway:ignore[kind]\n", 1, 1, ""},
        {"key /* slipway:ignore why not */\n", 1, 1, "why not"},
        {"key <!-- slipway:ignore -->\n", 1, 1, ""},
        {"key # slipway:ignore[other]\n", 1, 1, NULL},
        {"key # slipway:ignore[rule\n", 1, 1, NULL},
        {"key # slipway:ignored\n", 1, 1, NULL},
        {"key # slipway:ignore-not slipway:ignore yes\n", 1, 1, "yes"},
        {"key # gitleaks:allow\n", 1, 1, ""},
        {"key # gitleaks:allowed\n", 1, 1, NULL},
        {"# slipway:ignore\nkey\n", 2, 2, ""},
        {"  // gitleaks:allow\nkey\n", 2, 2, ""},
        {"x = 1 # slipway:ignore\nkey\n", 2, 2, NULL},
        {"# slipway:ignore\n\nkey\n", 3, 3, NULL},
        {"key\n# slipway:ignore\n", 1, 1, NULL},
        {"-----BEGIN\nx\n-----END # slipway:ignore\n", 1, 3, ""},
        {"a\n", 9, 9, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        scan_file file = {STR("f"), str_from(cases[i].body)};
        finding f = {.kind = STR("kind"),
                     .rule = STR("rule"),
                     .path = STR("f"),
                     .line = cases[i].line,
                     .column = 1,
                     .end_line = cases[i].end_line};
        finding_list list = {.a = a};
        finding_list_add(&list, &f);
        inline_judge(a, &file, &list);
        if ((list.items[0].suppressed == SUPPRESSED_IN_SOURCE) != (cases[i].reason != NULL))
            fail_msg("%s", cases[i].body);
        if (cases[i].reason) assert_str(list.items[0].justification, cases[i].reason);
    }
}

static void a_comment_says_nothing_of_other_files(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    scan_file file = {STR("a.zip"), STR("# slipway:ignore\n")};
    finding f = {.kind = STR("k"), .rule = STR("r"), .path = STR("a.zip!inner"), .line = 1};
    finding_list list = {.a = a};
    finding_list_add(&list, &f);
    inline_judge(a, &file, &list);
    assert_int_equal(list.items[0].suppressed, SUPPRESSED_NOT);
}

/* ---- the file ------------------------------------------------------------------------------- */

#define OWNED "  owner: team\n  reason: why\n  expires: 2030-12-31\n"

static void what_a_file_must_not_say(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *part;
    } cases[] = {
        {"rule: x\n", 1, 1, "expected a list"},
        {"- x\n", 1, 3, "is a mapping"},
        {"- rule: x\n  owner: t\n  reason: y\n", 1, 3, "needs 'expires'"},
        {"- rule: x\n  owner: t\n  expires: 2030-01-01\n", 1, 3, "needs 'reason'"},
        {"- rule: x\n  reason: t\n  expires: 2030-01-01\n", 1, 3, "needs 'owner'"},
        {"- owner: t\n  reason: y\n  expires: 2030-01-01\n", 1, 3, "must say what it is for"},
        {"- rule: x\n  onwer: t\n", 2, 3, "did you mean 'owner'"},
        {"- rule: x\n  rule: y\n" OWNED, 2, 3, "'rule' is there twice"},
        {"- rule: [x]\n" OWNED, 1, 9, "'rule' of a suppression needs a text"},
        {"- rule:\n" OWNED, 1, 8, "'rule' of a suppression needs a text"},
        {"- rule: x\n  expires: 2030-02-29\n", 2, 12, "'2030-02-29' is no date"},
        {"- rule: x\n  expires: 2030-13-01\n", 2, 12, "is no date"},
        {"- rule: x\n  expires: tomorrow\n", 2, 12, "is no date"},
        {"- rule: &a x\n" OWNED, 1, 9, ""},
        {"- kind: secerts\n" OWNED, 1, 9, "there is no kind 'secerts', did you mean 'secrets'?"},
        {"- kind: x\n" OWNED, 1, 9, "there are secrets, deps, kind, errors"},
        {"- rule: 'x\n", 0, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        suppressions *s;
        err e = {0};
        if (suppressions_parse(a, str_from(cases[i].text), "s.yml", kinds, &s, &e) >= 0)
            fail_msg("%s", cases[i].text);
        if (!strstr(e.message, cases[i].part)) fail_msg("%s: %s", cases[i].text, e.message);
        if (cases[i].line) {
            assert_int_equal(e.where.line, cases[i].line);
            assert_int_equal(e.where.column, cases[i].column);
        }
    }
}

static void an_empty_file_suppresses_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\n", "[]\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        _cleanup_arena_ arena *a = arena_new();
        suppressions *s;
        err e = {0};
        if (suppressions_parse(a, str_from(texts[i]), "s.yml", kinds, &s, &e) < 0)
            fail_msg("%s", e.message);
        scan_report r = {.findings.a = a, .suppressed.a = a, .errors.a = a};
        suppressions_apply(s, STR("2026-11-27"), true, &r); /* nor has it unused entries */
        assert_int_equal(r.findings.count + r.suppressed.count, 0);
    }
}

static finding sample(arena *a) {
    finding f = {.kind = STR("deps"),
                 .rule = STR("GHSA-1"),
                 .path = STR("web/package-lock.json"),
                 .level = LEVEL_HIGH,
                 .fingerprint = STR("0123456789abcdef0123456789abcdef")};
    value aliases = value_array_new(a);
    value_push(a, &aliases, value_string(STR("CVE-2021-1")));
    f.properties = value_object_new(a, true);
    value_set_str(a, &f.properties, "package", STR("@scope/lodash"));
    value_set_str(a, &f.properties, "purl", STR("pkg:npm/%40scope/lodash@4.0.0"));
    value_set(a, &f.properties, STR("aliases"), aliases);
    return f;
}

static void an_entry_is_for_what_has_all_that_it_names(void **state) {
    (void)state;
    static const struct {
        const char *entry;
        bool fits;
    } cases[] = {
        {"rule: GHSA-1", true},
        {"rule: GHSA-*", true},
        {"rule: GHSA-2", false},
        {"kind: deps", true},
        {"kind: secrets", false},
        {"path: web/", true},
        {"path: '*.json'", true},
        {"path: api/", false},
        {"advisory: cve-2021-1", true},
        {"advisory: ghsa-1", true},
        {"advisory: CVE-2021-2", false},
        {"package: '@scope/lodash'", true},
        {"package: '@scope/*'", true},
        {"package: pkg:npm/%40scope/lodash", true},
        {"package: pkg:npm/%40scope/lodash@4.0.0", true},
        {"package: lodash", false},
        {"fingerprint: 0123456789ABCDEF0123456789abcdef", true},
        {"fingerprint: 0123", false},
        {"rule: GHSA-1\n  path: web/\n  kind: deps", true},
        {"rule: GHSA-1\n  path: api/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        suppressions *s;
        err e = {0};
        str text = arena_printf(a, "- %s\n" OWNED, cases[i].entry);
        if (suppressions_parse(a, text, "s.yml", kinds, &s, &e) < 0) fail_msg("%s", e.message);
        scan_report r = {.findings.a = a, .suppressed.a = a};
        finding f = sample(a);
        finding_list_add(&r.findings, &f);
        suppressions_apply(s, STR("2030-12-31"), false, &r);
        if ((r.suppressed.count == 1) != cases[i].fits) fail_msg("%s", cases[i].entry);
        assert_int_equal(r.suppressed.count + r.findings.count, 1);
        if (cases[i].fits)
            assert_str(r.suppressed.items[0].justification, "why (team, until 2030-12-31)");
    }
}

static void an_expired_entry_is_a_finding_and_suppresses_nothing(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    suppressions *s;
    err e = {0};
    scan_report r = {.findings.a = a, .suppressed.a = a};
    finding f = sample(a);
    finding_list_add(&r.findings, &f);
    assert_int_equal(suppressions_parse(a, STR("\n- rule: GHSA-1\n" OWNED), "s.yml", kinds, &s, &e),
                     0);
    suppressions_apply(s, STR("2031-01-01"), true, &r);
    assert_int_equal(r.suppressed.count, 0);
    assert_int_equal(r.findings.count, 2);
    const finding *told = &r.findings.items[0];
    assert_str(told->kind, "suppressions");
    assert_str(told->rule, "expired-suppression");
    assert_str(told->path, "s.yml");
    assert_int_equal(told->level, LEVEL_MEDIUM);
    assert_int_equal(told->line, 2);
    assert_str(told->message,
               "the suppression of rule GHSA-1 expired on 2030-12-31 (owner team: why)");
}

static void an_unused_entry_is_told_where_all_was_scanned(void **state) {
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        _cleanup_arena_ arena *a = arena_new();
        suppressions *s;
        err e = {0};
        scan_report r = {.findings.a = a, .suppressed.a = a};
        assert_int_equal(suppressions_parse(a, STR("- rule: x\n" OWNED), "s.yml", kinds, &s, &e),
                         0);
        suppressions_apply(s, STR("2030-01-01"), whole, &r);
        assert_int_equal(r.findings.count, whole);
        if (whole) assert_int_equal(r.findings.items[0].level, LEVEL_INFO);
        if (whole) assert_str(r.findings.items[0].rule, "unused-suppression");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_of_paths),
        cmocka_unit_test(many_stars_take_no_time),
        cmocka_unit_test(comments_suppress_their_line_or_the_next),
        cmocka_unit_test(a_comment_says_nothing_of_other_files),
        cmocka_unit_test(what_a_file_must_not_say),
        cmocka_unit_test(an_empty_file_suppresses_nothing),
        cmocka_unit_test(an_entry_is_for_what_has_all_that_it_names),
        cmocka_unit_test(an_expired_entry_is_a_finding_and_suppresses_nothing),
        cmocka_unit_test(an_unused_entry_is_told_where_all_was_scanned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
