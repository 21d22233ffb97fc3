#include "unit.h"

#include "scan/scan.h"

#include <string.h>

static finding whole(arena *a) {
    finding f = {.kind = STR("secrets"),
                 .level = LEVEL_HIGH,
                 .rule = STR("aws"),
                 .title = STR("t"),
                 .message = STR("m \"quoted\"\n"),
                 .help = STR("h"),
                 .help_uri = STR("https://example.org"),
                 .fix = STR("f"),
                 .path = STR("a/b c"),
                 .line = 1,
                 .column = 2,
                 .end_line = 3,
                 .end_column = 4294967295,
                 .excerpt = STR("x"),
                 .line_hash = STR("1:1"),
                 .commit = STR("c"),
                 .author = STR("n"),
                 .email = STR("e"),
                 .date = STR("d"),
                 .suppressed = SUPPRESSED_EXTERNAL,
                 .justification = STR("j")};
    f.properties = value_object_new(a, true);
    value_set_str(a, &f.properties, "package", STR("lodash"));
    finding_identify(a, &f, STR("id"));
    return f;
}

static void a_finding_is_read_as_it_was_written(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    finding f = whole(a), back;
    json_out o = JSON_OUT(&first), again = JSON_OUT(&second);
    value v;
    err e = {0};
    finding_write(&o, &f);
    assert_int_equal(json_parse(a, strbuf_str(&first), 0, &v, &e), 0);
    assert_int_equal(finding_read(a, &v, &back, &e), 0);
    finding_write(&again, &back);
    assert_string_equal(strbuf_cstr(&first), strbuf_cstr(&second));
    assert_int_equal(back.end_column, 4294967295);
    assert_int_equal(back.suppressed, SUPPRESSED_EXTERNAL);
    assert_str(value_path_str(&back.properties, "package"), "lodash");
}

static void what_is_no_finding_is_told(void **state) {
    (void)state;
#define GOOD "\"kind\":\"k\",\"rule\":\"r\",\"message\":\"m\",\"path\":\"p\",\"fingerprint\":\"f\""
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "a finding is no object"},
        {"{\"kind\":\"k\"}", "a finding has no 'rule'"},
        {"{\"kind\":1}", "'kind' of a finding is no text"},
        {"{" GOOD "}", "the level of a finding is none of critical, high, medium, low and info"},
        {"{" GOOD ",\"level\":\"x\"}",
         "the level of a finding is none of critical, high, medium, low and info"},
        {"{" GOOD ",\"level\":\"low\",\"line\":-1}",
         "'line' of a finding is no number of a line or column"},
        {"{" GOOD ",\"level\":\"low\",\"line\":1e300}",
         "'line' of a finding is no number of a line or column"},
        {"{" GOOD ",\"level\":\"low\",\"properties\":[]}",
         "'properties' of a finding is no object"},
        {"{" GOOD ",\"level\":\"low\",\"suppressed\":\"x\"}",
         "'suppressed' of a finding is neither inSource nor external"},
        {"{" GOOD ",\"level\":\"low\",\"unknown\":[1]}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        value v;
        finding f;
        err e = {0};
        assert_int_equal(json_parse(a, str_from(cases[i].text), 0, &v, &e), 0);
        int r = finding_read(a, &v, &f, &e);
        assert_int_equal(r, cases[i].message ? ERR_INVALID : 0);
        if (cases[i].message) assert_string_equal(e.message, cases[i].message);
    }
}

static void levels_are_read_by_both_sets_of_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        finding_level level;
    } cases[] = {{"critical", LEVEL_CRITICAL}, {"HIGH", LEVEL_HIGH},     {"error", LEVEL_HIGH},
                 {"warning", LEVEL_MEDIUM},    {"medium", LEVEL_MEDIUM}, {"note", LEVEL_LOW},
                 {"low", LEVEL_LOW},           {"info", LEVEL_INFO}};
    finding_level level;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(level_parse(str_from(cases[i].name), &level));
        assert_int_equal(level, cases[i].level);
    }
    assert_false(level_parse(STR("none"), &level));
    assert_false(level_parse(STR(""), &level));
}

static void a_fingerprint_knows_kind_rule_path_and_identity_apart(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    finding all[5];
    for (size_t i = 0; i < 5; i++)
        all[i] = (finding){.kind = STR("k"), .rule = STR("r"), .path = STR("p")};
    all[1].kind = STR("kr"), all[1].rule = STR("");
    all[2].path = STR("q");
    for (size_t i = 0; i < 5; i++) {
        all[i].line = (uint32_t)i;
        finding_identify(a, &all[i], i == 3 ? STR("other") : STR("same"));
        assert_int_equal(all[i].fingerprint.len, 32);
    }
    for (size_t i = 1; i < 4; i++)
        assert_false(str_eq(all[0].fingerprint, all[i].fingerprint));
    assert_true(str_eq(all[0].fingerprint, all[4].fingerprint)); /* it has moved only */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_finding_is_told),
        cmocka_unit_test(levels_are_read_by_both_sets_of_names),
        cmocka_unit_test(a_fingerprint_knows_kind_rule_path_and_identity_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
