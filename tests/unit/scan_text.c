#include "unit.h"

#include "scan/text.h"

#include <string.h>

/* Computed by a run of the algorithm of github/codeql-action, src/fingerprints.ts, with node. */
static void hashes_of_lines_are_those_of_github(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *hashes[4];
    } cases[] = {
        {"", {"c129715d7a2bc9a3:1"}},
        {"a\n", {"243cbaa4685aab12:1", "c129715d7a2bc9a3:1"}},
        {"x = 1\ny = 2\n", {"5ceeb771b3aff0bd:1", "ab1f8ed3e7dc41c1:1", "c129715d7a2bc9a3:1"}},
        {"x = 1\r\ny = 2\r\n", {"5ceeb771b3aff0bd:1", "ab1f8ed3e7dc41c1:1", "c129715d7a2bc9a3:1"}},
        {"x = 1\ry = 2\r", {"5ceeb771b3aff0bd:1", "ab1f8ed3e7dc41c1:1", "c129715d7a2bc9a3:1"}},
        {"\tx   =\t1\n  y=2\n", {"5ceeb771b3aff0bd:1", "ab1f8ed3e7dc41c1:1"}},
        {"same\nsame\nsame\n", {"55dfc028cbd34ba7:1", "54dd522503d971eb:1", "930af01a65e2307f:1"}},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80\nna\xc3\xafve\n",
         {"bc1be42e61180f10:1", "243325eb334396:1", "c129715d7a2bc9a3:1"}},
        {"key = 1", {"3753ff96bba6536a:1"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        uint32_t lines[4] = {1, 2, 3, 4};
        str got[4];
        size_t count = 0;
        while (count < 4 && cases[i].hashes[count])
            count++;
        text_line_hashes(a, str_from(cases[i].body), lines, count, got);
        for (size_t k = 0; k < count; k++)
            assert_str(got[k], cases[i].hashes[k]);
    }
}

static void the_same_line_twice_has_two_hashes(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    uint32_t lines[] = {1, 1, 2};
    str got[3];
    for (int i = 0; i < 2; i++) {
        strbuf_pad(&body, 'a', 250);
        strbuf_addc(&body, '\n');
    }
    text_line_hashes(a, strbuf_str(&body), lines, 3, got);
    assert_str(got[0], "871f6af4d0d4dd7c:1");
    assert_str(got[1], "871f6af4d0d4dd7c:1");
    assert_str(got[2], "871f6af4d0d4dd7c:2");
}

static void lines_that_a_file_does_not_have_have_no_hash(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    uint32_t lines[] = {1, 9};
    str got[2];
    text_line_hashes(a, STR("a"), lines, 2, got);
    assert_true(got[0].len > 0);
    assert_int_equal(got[1].len, 0);
}

static void places_count_lines_and_code_points(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t offset;
        uint32_t line, column;
    } cases[] = {
        {"", 0, 1, 1},
        {"ab", 2, 1, 3},
        {"a\nb", 2, 2, 1},
        {"a\r\nb", 3, 2, 1},
        {"a\rb", 2, 2, 1},
        {"\xc3\xa9x", 2, 1, 2},
        {"\xff\xfex", 2, 1, 3},
        {"a\n\n\nb", 4, 4, 1},
        {"a\n", 2, 2, 1},
        {"a\nbc", 1, 1, 2},
        {"\xf0\x9f\x98\x80", 4, 1, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        text_lines t = text_lines_new(a, str_from(cases[i].body));
        uint32_t line, column;
        text_place(&t, cases[i].offset, &line, &column);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
}

/* Long lines have marks in them, at which nothing may change. */
static void places_in_long_lines_are_counted_from_their_beginning(void **state) {
    static const char *const units[] = {"a", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff", "\xc3"};
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    for (size_t i = 0; i < 5000; i++)
        strbuf_adds(&body, i % 1900 == 1000 ? "\n" : units[i * i / 7 % 5]);
    str whole = strbuf_str(&body);
    text_lines t = text_lines_new(a, whole);
    for (size_t at = 0; at <= whole.len; at += 3) {
        uint32_t line, column, expected = 1;
        text_place(&t, at, &line, &column);
        for (size_t k = t.starts[line - 1]; k < at; expected++)
            utf8_next(whole, &k);
        assert_true(t.starts[line - 1] <= at);
        assert_true(line == t.count || t.starts[line] > at);
        assert_int_equal(column, expected);
    }
}

static void lines_are_given_without_their_ends(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    text_lines t = text_lines_new(a, STR("one\r\ntwo\rthree\n"));
    assert_int_equal(t.count, 4);
    assert_str(text_line(&t, 1), "one");
    assert_str(text_line(&t, 2), "two");
    assert_str(text_line(&t, 3), "three");
    assert_str(text_line(&t, 4), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_lines_are_those_of_github),
        cmocka_unit_test(the_same_line_twice_has_two_hashes),
        cmocka_unit_test(lines_that_a_file_does_not_have_have_no_hash),
        cmocka_unit_test(places_count_lines_and_code_points),
        cmocka_unit_test(places_in_long_lines_are_counted_from_their_beginning),
        cmocka_unit_test(lines_are_given_without_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
