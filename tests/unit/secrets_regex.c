/* Go's patterns mean what Go says: https://pkg.go.dev/regexp/syntax */
#include "unit.h"

#include "scan/secrets/regex.h"

#include <string.h>

/* `found`: the match, or NULL for none; `group`: the first group, NULL where there is none. */
static const struct {
    const char *pattern, *text, *found, *group;
} matches[] = {
    {"abc", "xabcx", "abc"},
    {"(?i)key=(\\w+)", "my KEY=Value!", "KEY=Value", "Value"},
    {"(?i:k)EY", "kEY", "kEY"},
    {"(?i:k)EY", "key", NULL},
    {"(?i:k)[a-z]", "KEy", NULL},
    {"(?i:k)[a-zA-Z_]", "KE", "KE"},
    {"(?i:k)[^A-Z]", "kE", NULL},
    {"(?i)a(?-i)B|c", "ab", NULL},
    {"(?i)a(?-i)B|c", "AB", "AB"},
    {"a(?i)b|C", "c", "c"},
    {"(?P<name>a+)b", "aab", "aab", "aa"},
    {"(?<name>a+)b", "aab", "aab", "aa"},
    {"\\Qa.b\\E+", "a.bbb", "a.b"},
    {"\\Qa.b", "xa.b", "a.b"},
    {"^a$", "b\na", NULL},
    {"(?m)^a$", "b\na\nc", "a"},
    {"a$", "a\n", NULL},
    {"a\\z", "ba", "a"},
    {"\\Ab", "ab", NULL},
    {"a.c", "a\nc", NULL},
    {"(?s)a.c", "a\nc", "a\nc"},
    {"[^a]", "a\n", "\n"},
    {"a\\sb", "a\vb", NULL},
    {"a[[:space:]]b", "a\vb", "a\vb"},
    {"[[:^alpha:]]+", "ab12cd", "12"},
    {"[[:word:]-]+", " a-b_c!", "a-b_c"},
    {"\\d{2,3}?", "12345", "12"},
    {"(?U)\\d{2,3}", "12345", "12"},
    {"(?U)\\d{2,3}?", "12345", "123"},
    {"x{,3}", "x{,3}", "x{,3}"},
    {"x{a}", "x{a}", "x{a}"},
    {"[]a]+", "]a]", "]a]"},
    {"[a\\]]+", "a]", "a]"},
    {"[\\w.-]+", "a.b-c d", "a.b-c"},
    {"[a-c\\-z]+", "ab-z", "ab-z"},
    {"\\x41\\x{42}\\103\\07", "ABC\a", "ABC\a"},
    {"\\bkey\\b", "monkey key", "key"},
    {"\\Bkey", "key monkey", "key"},
    {"[\\s\\S]{3}", "a\nb", "a\nb"},
    {"a|ab", "ab", "a"},
    {"(a|ab)(c|bcd)", "abcd", "abcd", "a"},
    {"\xc3\xa9+", "x\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9"},
    {"(?i)\xc3\xa9", "\xc3\x89", "\xc3\x89"},
    {"[\xc3\xa0-\xc3\xbf]", "x\xc3\xa9", "\xc3\xa9"},
    {"\\p{Greek}+", "a\xce\xb1\xce\xb2", "\xce\xb1\xce\xb2"},
    {"\\pL\\PL", "\xce\xb1-", "\xce\xb1-"},
    {"[\\w.-]{0,5}?key=(\\d)", "abcdefg.key=1", "defg.key=1", "1"},
    {"[\\w.-]*?key", "a b.keykey", "b.key"},
    {"\\_\\-\\#", "_-#", "_-#"},
    {"(|a)b", "ab", "ab", "a"},
};

static void patterns_match_as_in_go(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    regex_matcher *m = regex_matcher_new();
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        regex *r;
        regex_span groups[REGEX_GROUPS_MAX + 1];
        err e = {0};
        str text = str_from(matches[i].text);
        if (regex_new(a, str_from(matches[i].pattern), &r, &e) < 0)
            fail_msg("%s: %s", matches[i].pattern, e.message);
        int found = regex_find(m, r, text, 0, 0, text.len, groups, r->count + 1, &e);
        if (found < 0) fail_msg("%s: %s", matches[i].pattern, e.message);
        if (found != (matches[i].found != NULL))
            fail_msg("%s: found %d in %s", matches[i].pattern, found, matches[i].text);
        if (!found) {
            regex_done(r);
            continue;
        }
        str whole = str_sub(text, groups[0].start, groups[0].end);
        if (!str_is(whole, matches[i].found))
            fail_msg("%s: got \"%.*s\"", matches[i].pattern, STR_ARG(whole));
        if (matches[i].group && groups[1].start != SIZE_MAX)
            assert_str(str_sub(text, groups[1].start, groups[1].end), matches[i].group);
        regex_done(r);
    }
    regex_matcher_free(m);
}

static const struct {
    const char *pattern, *message;
} refused[] = {
    {"a(?=b)", "character 2: look-around"},
    {"(?<!a)b", "character 1: look-around"},
    {"(?>a)", "character 1: look-around"},
    {"a++", "character 3: possessive"},
    {"a**", "character 3: possessive"},
    {"a{2}{3}", "character 5: possessive"},
    {"(a)\\1", "character 4: back-references"},
    {"*a", "character 1: there is nothing before it"},
    {"a|+", "character 3: there is nothing before it"},
    {"(a", "character 1: the ( has no )"},
    {"a)", "character 2: this ) closes nothing"},
    {"[a", "character 1: the [ has no ]"},
    {"[z-a]", "character 2: this range runs backwards"},
    {"[[:nope:]]", "character 2: there is no such [:class:]"},
    {"\\y", "character 1: there is no such escape"},
    {"\\C", "character 1: there is no such escape"},
    {"a\\", "character 2: a backslash ends it"},
    {"\\xg0", "character 1: \\x needs"},
    {"\\x{110000}", "character 1: there is no such character"},
    {"a{1001}", "character 1: nothing can be repeated more than 1000"},
    {"a{3,2}", "character 1: the bounds of this repeat"},
    {"(?P<a-b>c)", "character 1: a group's name"},
    {"(?z)a", "character 1: look-around"},
    {"\\p{", "character 1: \\p{ has no }"},
    {"\xff", "character 1: this is no UTF-8"},
};

static void what_re2_has_not_is_refused_with_its_place(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        regex *r;
        err e = {0};
        assert_int_equal(regex_new(a, str_from(refused[i].pattern), &r, &e), ERR_INVALID);
        if (!strstr(e.message, refused[i].message))
            fail_msg("%s: %s", refused[i].pattern, e.message);
    }
}

static void deep_and_large_patterns_are_errors(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf deep = STRBUF_INIT, large = STRBUF_INIT;
    regex *r;
    err e = {0};
    strbuf_pad(&deep, '(', 1000);
    strbuf_pad(&large, 'a', REGEX_SOURCE_MAX + 1);
    assert_true(regex_new(a, strbuf_str(&deep), &r, &e) < 0);
    assert_int_equal(regex_new(a, strbuf_str(&large), &r, &e), ERR_LIMIT);
}

static void a_costly_search_is_given_up(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    regex_matcher *m = regex_matcher_new();
    regex_span whole;
    regex *r;
    err e = {0};
    strbuf_pad(&text, 'a', 64);
    strbuf_addc(&text, 'c');
    assert_int_equal(regex_new(a, STR("(a|aa)+b|((a+)+)+d"), &r, &e), 0);
    assert_int_equal(regex_find(m, r, strbuf_str(&text), 0, 0, text.len, &whole, 1, &e), ERR_LIMIT);
    assert_non_null(strstr(e.message, "steps"));
    regex_done(r);
    regex_matcher_free(m);
}

static const struct {
    const char *pattern;
    size_t min, max;
} widths[] = {{"abc", 3, 3},           {"a|bcd", 1, 3},         {"(ab){2,5}c?", 4, 11},
              {"a*", 0, SIZE_MAX},     {"\\bx[yz]{3}$", 4, 4},  {"\xc3\xa9", 2, 2},
              {"(a+)?b", 1, SIZE_MAX}, {"[a-z]{0,9}?key", 3, 3}};

static void widths_are_known(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        regex *r;
        assert_int_equal(regex_new(a, str_from(widths[i].pattern), &r, NULL), 0);
        assert_int_equal(r->min_width, widths[i].min);
        assert_int_equal(r->max_width, widths[i].max);
    }
}

#define VALUE  "[0-9a-f]{32}"
#define ASSIGN "[ \\t]{0,4}(?:=>|:=|[=:,(])[ \\t]{0,4}[bfr]?[\"'`]{0,2}"

/* Where a match must have a run, and what it begins with up to there. */
static const struct {
    const char *pattern, *head;
    regex_place place;
    size_t before;
} heads[] = {
    {"\\b(tok_[0-9a-z]{12,20})\\b", "\\btok\\x5f[0-9a-z]{12}", REGEX_AT_RUN, 0},
    {"(?:^|[^a-z])(t[a-z0-9]{15})(?:;|$)", "(?:\\A|[^a-z])t[0-9a-z]{15}", REGEX_AT_RUN, 1},
    {"tok_[0-9a-z]{11}", NULL, REGEX_ANYWHERE, 0},
    {"tok\\.[0-9a-z]{40}", NULL, REGEX_ANYWHERE, 0},
    {"[a-z]{8}k[0-9]*[A-Z]{8}-?=", "[a-z]{8}k[0-9]*[A-Z]{8}", REGEX_AT_RUN, 0},
    {"(?i:[a-z]{20})x", "[A-Za-z]{20}x", REGEX_AT_RUN, 0},
    {"(?:a[0-9]{20}:|b[0-9]{30,}!)", "(?:a[0-9]{20}|b[0-9]{30})", REGEX_AT_RUN, 0},
    {"(?:a[0-9]{20}:|b:[0-9]{30})", "(?:a[0-9]{20}|b\\x3a[0-9]{30})", REGEX_AT_ASSIGNED_RUN, 2},
    {"(?:a[0-9]{20}:|b;[0-9]{30})", NULL, REGEX_ANYWHERE, 0},
    {"(?:a[0-9]{20}:|b[0-9]{20}\\z)c", "(?:a[0-9]{20}|b[0-9]{20})", REGEX_AT_RUN, 0},
    {"k[0-9]{16}\\z", "k[0-9]{16}", REGEX_AT_RUN, 0},
    {"[0-9a-f]{32}", NULL, REGEX_ANYWHERE, 0},
    {"[^a]{30}", NULL, REGEX_ANYWHERE, 0},
    {".{30}", NULL, REGEX_ANYWHERE, 0},
    {"[0-9a-f]{0,40}", NULL, REGEX_ANYWHERE, 0},
    {"key" ASSIGN "(" VALUE ")\\b",
     "key[\\x09\\x20]*(?:\\x3d\\x3e|\\x3a\\x3d|[\\x28\\x2c\\x3a\\x3d])[\\x09\\x20]*"
     "[bfr]?[\\x22\\x27\\x60]*[0-9a-f]{32}",
     REGEX_AT_ASSIGNED_RUN, 16},
    {"key[ ]{0,4}(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"key=?(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"key=[ ]{0,20}(" VALUE ")", "key\\x3d[\\x20]*[0-9a-f]{32}", REGEX_AT_ASSIGNED_RUN, 24},
    {"key=[ ]{0,21}(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"key(?:=|:-)(?:f\\()?(" VALUE ")", "key(?:\\x3d|\\x3a\\x2d)(?:f\\x28)?[0-9a-f]{32}",
     REGEX_AT_ASSIGNED_RUN, 7},
    {"key=(?:f;)?(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"key(?:f\\()?(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"key=.(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"(?:key|[a-z]{0,400})=(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"[a-z]+=(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"[\\w.-]{0,50}?key=(" VALUE ")", "key\\x3d[0-9a-f]{32}", REGEX_AT_ASSIGNED_RUN, 4},
    {"\\p{Greek}=(" VALUE ")", NULL, REGEX_ANYWHERE, 0},
    {"internal_service_token[0-9]{9}", NULL, REGEX_ANYWHERE, 0},
    {"internal_service_token[0-9]{10}", "internal\\x5fservice\\x5ftoken[0-9]{10}", REGEX_AT_RUN, 0},
    {"\\bdb2?://[^\\s:/]{0,}:([^\\s/]{4,})@[\\w.]+", REGEX_LOGIN, REGEX_AT_LOGIN, 3},
    {"\\bdb://[^\\s:/]{0,}:([^\\s/]{2,})@", NULL, REGEX_ANYWHERE, 0},
    {"\\bdb://[^\\s:]{0,}:([^\\s/]{4,})@", NULL, REGEX_ANYWHERE, 0},
    {"\\bdb://[^:/]{0,}:([^\\s/]{4,})@", NULL, REGEX_ANYWHERE, 0},
    {"\\w+://[^\\s:/]{0,}:([^\\s/]{4,})@", NULL, REGEX_ANYWHERE, 0},
};

static void heads_end_with_a_run(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        regex *r;
        assert_int_equal(regex_new(a, str_from(heads[i].pattern), &r, NULL), 0);
        if (r->head.place != heads[i].place || r->head.before != heads[i].before)
            fail_msg("%s: place %d, %zu before", heads[i].pattern, r->head.place, r->head.before);
        if (heads[i].head) assert_str(r->head.pattern, heads[i].head);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_go),
        cmocka_unit_test(what_re2_has_not_is_refused_with_its_place),
        cmocka_unit_test(deep_and_large_patterns_are_errors),
        cmocka_unit_test(a_costly_search_is_given_up),
        cmocka_unit_test(widths_are_known),
        cmocka_unit_test(heads_end_with_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
