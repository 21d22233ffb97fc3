#include "unit.h"

#include "runner/matcher.h"

#include <string.h>

#define ESLINT_COMPACT                                                                             \
    "{\"problemMatcher\":[{\"owner\":\"eslint-compact\",\"pattern\":[{\"regexp\":"                 \
    "\"^(.+):\\\\sline\\\\s(\\\\d+),\\\\scol\\\\s(\\\\d+),\\\\s(Error|Warning|Info)\\\\s-\\\\s(.+" \
    ")"                                                                                            \
    "\\\\s\\\\((.+)\\\\)$\",\"file\":1,\"line\":2,\"column\":3,\"severity\":4,\"message\":5,"      \
    "\"code\":6}]}]}"
#define ESLINT_STYLISH                                                                             \
    "{\"problemMatcher\":[{\"owner\":\"eslint-stylish\",\"pattern\":["                             \
    "{\"regexp\":\"^([^\\\\s].*)$\",\"file\":1},"                                                  \
    "{\"regexp\":\"^\\\\s+(\\\\d+):(\\\\d+)\\\\s+(error|warning|info)\\\\s+(.*)\\\\s\\\\s+(.*)$"   \
    "\","                                                                                          \
    "\"line\":1,\"column\":2,\"severity\":3,\"message\":4,\"code\":5,\"loop\":true}]}]}"

static matcher_set *set_of(const char *json) {
    matcher_set *s = matcher_set_new();
    err e = {0};
    if (matcher_add(s, str_from(json), &e)) fail_msg("%s", e.message);
    return s;
}

/* "level file:line:col code: text", or "" when the line gave nothing. */
static str seen(matcher_set *s, arena *a, const char *line) {
    static const char *const levels[] = {
        [LOG_NOTICE] = "notice", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};
    annotation n;
    str trouble;
    if (!matcher_line(s, a, str_from(line), &n, &trouble)) return trouble;
    return arena_printf(a, "%s %.*s:%u:%u %.*s: %.*s", levels[n.level], STR_ARG(n.file), n.line,
                        n.column, STR_ARG(n.code), STR_ARG(n.text));
}

static void one_pattern_gives_an_annotation_a_line(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    matcher_set *s = set_of(ESLINT_COMPACT);
    assert_str(seen(s, a, "badFile.js: line 50, col 11, Error - 'myVar' is defined. (no-unused)"),
               "error badFile.js:50:11 no-unused: 'myVar' is defined.");
    assert_str(seen(s, a, "\x1b[31mb.js: line 1, col 2, Warning - \x1b[1;4mx\x1b[0m (y)"),
               "warning b.js:1:2 y: x");
    assert_str(seen(s, a, "badFile.js: line 50, col 11, Info - unsupported severity (x)"), "");
    assert_str(seen(s, a, "nothing"), "");
    matcher_set_free(s);
}

static void several_patterns_match_line_after_line_and_the_last_may_loop(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    matcher_set *s = set_of(ESLINT_STYLISH);
    static const struct {
        const char *line, *seen;
    } script[] = {
        {"test.js", ""},
        {"  1:0   error  Missing \"use strict\" statement  strict",
         "error test.js:1:0 strict: Missing \"use strict\" statement"},
        {"  5:10  warning  'addOne' is defined but never used  no-unused-vars",
         "warning test.js:5:10 no-unused-vars: 'addOne' is defined but never used"},
        {"foo.js", ""},
        {"  36:10  error  Expected parentheses  wrap-iife",
         "error foo.js:36:10 wrap-iife: Expected parentheses"},
        {"", ""},
        {"  37:10  error  Not looked at: the loop is broken  x", ""},
        {"other.js", ""},
        {"unrelated", ""},
        {"  1:1  error  Of the last file named  x",
         "error unrelated:1:1 x: Of the last file named"},
    };
    for (size_t i = 0; i < sizeof script / sizeof *script; i++)
        assert_str(seen(s, a, script[i].line), script[i].seen);
    matcher_reset(s);
    assert_str(seen(s, a, "  1:1  error  After a reset  x"), "");
    matcher_set_free(s);
}

static void a_matcher_without_loop_starts_again(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    matcher_set *s = set_of("{\"problemMatcher\":[{\"owner\":\"three\",\"severity\":\"notice\","
                            "\"pattern\":[{\"regexp\":\"^(\\\\w+)!$\",\"code\":1},"
                            "{\"regexp\":\"^at (.+)$\",\"file\":1},"
                            "{\"regexp\":\"^why: (.+)$\",\"message\":1}]}]}");
    static const struct {
        const char *line, *seen;
    } script[] = {
        {"E1!", ""},         {"at f.c", ""}, {"why: reason", "notice f.c:0:0 E1: reason"},
        {"why: more", ""},   {"at f.c", ""}, {"E1!", ""},
        {"E2!", ""},         {"at g.c", ""}, {"why: second", "notice g.c:0:0 E2: second"},
        {"E1!", ""},         {"at f.c", ""}, {"x", ""},
        {"why: broken", ""},
    };
    for (size_t i = 0; i < sizeof script / sizeof *script; i++)
        assert_str(seen(s, a, script[i].line), script[i].seen);
    matcher_set_free(s);
}

static void the_same_owner_replaces_and_newer_ones_come_first(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    err e = {0};
    matcher_set *s = set_of("{\"problemMatcher\":[{\"owner\":\"a\",\"pattern\":[{\"regexp\":\"x(.*)"
                            "\",\"message\":1}]}]}");
    const char *newer =
        "{\"problemMatcher\":[{\"owner\":\"b\",\"severity\":\"WARNING\",\"pattern\":"
        "[{\"regexp\":\"x(.*)\",\"message\":1}]}]}";
    assert_int_equal(matcher_add(s, str_from(newer), &e), 0);
    assert_str(seen(s, a, "x1"), "warning :0:0 : 1");
    const char *again = "{\"problemMatcher\":[{\"owner\":\"B\",\"pattern\":"
                        "[{\"regexp\":\"y(.*)\",\"message\":\"1\"}]}]}";
    assert_int_equal(matcher_add(s, str_from(again), &e), 0);
    assert_int_equal(matcher_count(s), 2);
    assert_str(seen(s, a, "x1"), "error :0:0 : 1");
    matcher_remove(s, STR("A"));
    assert_str(seen(s, a, "x1"), "");
    assert_int_equal(matcher_remove_all(s, str_from(newer), &e), 0);
    assert_int_equal(matcher_count(s), 0);
    matcher_set_free(s);
}

static void wrong_files_are_refused_whole(void **state) {
    (void)state;
#define ONE(text) "{\"problemMatcher\":[{\"owner\":\"o\"," text "}]}"
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{\"problemMatcher\":[{\"pattern\":[]}]}", "Owner must not be empty"},
        {ONE("\"pattern\":[]"), "Matcher 'o' does not contain any patterns"},
        {ONE("\"severity\":\"bad\""), "Matcher 'o' contains unexpected default severity 'bad'"},
        {ONE("\"pattern\":[{\"regexp\":\"(a)\",\"message\":2}]"),
         "Matcher 'o': The property 'message' is not the number of a group of the pattern (0 to "
         "1)"},
        {ONE("\"pattern\":[{\"regexp\":\"(a)\",\"file\":1}]"),
         "At least one pattern must set 'message'"},
        {ONE("\"pattern\":[{\"regexp\":\"(a)\",\"message\":1,\"loop\":true}]"),
         "Matcher 'o': Only the last pattern in a multiline matcher may set 'loop'"},
        {ONE("\"pattern\":[{\"regexp\":\"a\",\"message\":0},{\"regexp\":\"b\",\"message\":0}]"),
         "Matcher 'o': The property 'message' is set twice"},
        {ONE("\"pattern\":[{\"regexp\":\"a\",\"message\":0},{\"regexp\":\"b\",\"loop\":true}]"),
         "Matcher 'o': The loop pattern must set 'message'"},
        {"{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[{\"message\":0}]},"
         "{\"owner\":\"O\",\"pattern\":[{\"message\":0}]}]}",
         "Duplicate owner name 'O'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        matcher_set *s = matcher_set_new();
        err e = {0};
        assert_int_equal(matcher_add(s, str_from(cases[i].json), &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
        assert_int_equal(matcher_count(s), 0);
        matcher_set_free(s);
    }
    matcher_set *s = matcher_set_new();
    err e = {0};
    assert_int_equal(matcher_add(s, STR(ONE("\"pattern\":[{\"regexp\":\"(\",\"message\":0}]")), &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "Invalid pattern '('"));
    assert_int_equal(matcher_add(s, STR("{"), &e), ERR_INVALID);
    assert_int_equal(matcher_add(s, STR("{}"), &e), 0);
    matcher_set_free(s);
}

static void classes_are_ascii_as_in_ecmascript(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    matcher_set *s = set_of(ONE("\"pattern\":[{\"regexp\":\"^(\\\\w+)-(\\\\d+)\\\\u0041$\","
                                "\"message\":1}]"));
    assert_str(seen(s, a, "ab-12A"), "error :0:0 : ab");
    assert_str(seen(s, a, "\xC3\xA9-1A"), "");
    assert_str(seen(s, a,
                    "a-\xD9\xA1"
                    "A"),
               "");
    assert_str(seen(s, a,
                    "\xFF"
                    "a-1A"),
               "");
    matcher_set_free(s);
}

static void a_pattern_that_explodes_is_removed_and_said_so(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    matcher_set *s = set_of(ONE("\"pattern\":[{\"regexp\":\"^(a+)+$\",\"message\":1}]"));
    str trouble = seen(s, a, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    assert_true(str_starts(trouble, STR("Removing issue matcher 'o'.")));
    assert_int_equal(matcher_count(s), 0);
    matcher_set_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pattern_gives_an_annotation_a_line),
        cmocka_unit_test(several_patterns_match_line_after_line_and_the_last_may_loop),
        cmocka_unit_test(a_matcher_without_loop_starts_again),
        cmocka_unit_test(the_same_owner_replaces_and_newer_ones_come_first),
        cmocka_unit_test(wrong_files_are_refused_whole),
        cmocka_unit_test(classes_are_ascii_as_in_ecmascript),
        cmocka_unit_test(a_pattern_that_explodes_is_removed_and_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
