#include "unit.h"

#include "base/arena.h"
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void comparison_is_by_bytes(void **state) {
    assert_true(str_eq(STR("ab"), STR("ab")));
    assert_true(str_eq((str){NULL, 0}, STR_EMPTY));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_eq_nocase(STR("aBc[\xC3\xA9"), STR("AbC[\xC3\xA9")));
    assert_false(str_eq_nocase(STR("\xC3\xA9"), STR("\xC3\x89"))); /* only ASCII has no case */
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a\xFF"), STR("ab")) > 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_int_equal(str_cmp(STR("a\0b"), STR("a\0b")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && str_ends(STR("abc"), STR("bc")));
    assert_false(str_starts(STR("a"), STR("ab")) || str_ends(STR("b"), STR("ab")));
}

static void parts_are_clamped_to_the_text(void **state) {
    assert_str(str_sub(STR("hello"), 1, 3), "el");
    assert_str(str_sub(STR("hello"), 3, 100), "lo");
    assert_str(str_sub(STR("hello"), 4, 2), "");
    assert_str(str_sub(STR("hello"), 9, 12), "");
    assert_str(str_trim(STR(" \t\r\n\v\f x y \n")), "x y");
    assert_str(str_trim(STR(" \n ")), "");
}

static void positions_are_found_or_minus_one(void **state) {
    assert_int_equal(str_find(STR("ababc"), STR("abc")), 2);
    assert_int_equal(str_find(STR("ab"), STR("abc")), -1);
    assert_int_equal(str_find(STR("a\0bc"), STR("bc")), 2);
    assert_int_equal(str_find(STR("::::##["), STR("##[")), 4);
    assert_int_equal(str_find(STR("###["), STR("##[")), 1);
    assert_int_equal(str_find(STR("####"), STR("##[")), -1);
    assert_int_equal(str_find(STR("12345678 123456789"), STR("12345678")), 0);
    assert_int_equal(str_find(STR("12345678 123456789"), STR("123456789")), 9);
    assert_int_equal(str_find(STR_EMPTY, STR_EMPTY), 0);
    assert_int_equal(str_find_char(STR("abca"), 'a'), 0);
    assert_int_equal(str_rfind_char(STR("abca"), 'a'), 3);
    assert_int_equal(str_rfind_char(STR_EMPTY, 'a'), -1);
}

static void a_cut_takes_what_is_before_the_separator(void **state) {
    str head, rest;
    assert_true(str_cut(STR("a=b=c"), '=', &head, &rest));
    assert_str(head, "a");
    assert_str(rest, "b=c");
    assert_false(str_cut(STR("abc"), '=', &head, &rest));
    assert_str(head, "abc");
    assert_str(rest, "");
    str self = STR("x,y");
    assert_true(str_cut(self, ',', &head, &self)); /* the rest may replace the text */
    assert_str(self, "y");
}

static void lines_end_in_lf_or_crlf(void **state) {
    static const char *const expected[] = {"a", "", "b\rc", "last"};
    str rest = STR("a\r\n\nb\rc\nlast"), line;
    size_t n = 0;
    while (str_line(&rest, &line)) {
        assert_true(n < COUNT(expected));
        assert_str(line, expected[n++]);
    }
    assert_int_equal(n, COUNT(expected));
    rest = STR("only\n");
    assert_true(str_line(&rest, &line));
    assert_false(str_line(&rest, &line));
}

static void numbers_are_whole_and_within_the_maximum(void **state) {
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t number;
    } cases[] = {
        {"0", 0, true, 0},
        {"007", 10, true, 7},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"11", 10, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1x", 10, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t n = 0;
        assert_int_equal(str_to_uint(str_from(cases[i].text), cases[i].max, &n), cases[i].ok);
        assert_int_equal(n, cases[i].number);
    }
}

static void bits_are_digits_of_their_base(void **state) {
    static const struct {
        const char *digits;
        unsigned base;
        bool ok;
        uint64_t bits;
    } cases[] = {
        {"0", 8, true, 0},
        {"777", 8, true, 0777},
        {"fFfFfFfF", 16, true, UINT32_MAX},
        {"ffffffffffffffff", 16, true, UINT64_MAX},
        {"fffffffffffffff0", 16, true, UINT64_MAX - 15},
        {"123456789abcdef01", 16, true, UINT64_MAX},
        {"8", 8, false, 0},
        {"g", 16, false, 0},
        {"", 16, false, 0},
        {"-1", 16, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bits = 0;
        assert_int_equal(str_to_bits(str_from(cases[i].digits), cases[i].base, &bits), cases[i].ok);
        if (cases[i].ok) assert_true(bits == cases[i].bits);
    }
}

static void hashes_without_case_agree(void **state) {
    assert_true(str_hash_nocase(STR("GitHub")) == str_hash_nocase(STR("gITHUB")));
    assert_true(str_hash(STR("a")) != str_hash(STR("A")));
    /* Low bits index tables: of 4096 near-equal keys, few may share their 12 low bits. */
    static unsigned char used[4096];
    size_t distinct = 0;
    for (int i = 0; i < 4096; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        unsigned char *slot = &used[str_hash(str_from(key)) & 4095];
        distinct += !*slot;
        *slot = 1;
    }
    assert_true(distinct > 2400); /* random keys would take 2589 */
}

static void distance_counts_edits_and_swaps(void **state) {
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},      {"push", "psuh", 1}, {"kitten", "sitting", 3}, {"ABC", "abc", 0},
        {"ca", "abc", 3}, {"on", "no", 1},     {"runs-on", "runson", 1}, {"steps", "", 5},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(str_distance(str_from(cases[i].a), str_from(cases[i].b), 9),
                         cases[i].distance);
        assert_int_equal(str_distance(str_from(cases[i].b), str_from(cases[i].a), 9),
                         cases[i].distance);
    }
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 3);
    char longer[80];
    memset(longer, 'x', sizeof longer);
    assert_int_equal(str_distance((str){longer, 80}, (str){longer, 80}, 4), 5);
}

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t n = a < b ? a : b;
    return n < c ? n : c;
}

/* The definition (optimal string alignment), without any bound. */
static size_t plain_distance(const char *a, size_t n, const char *b, size_t m) {
    size_t d[10][10];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            bool same = a[i - 1] == b[j - 1];
            d[i][j] = smallest(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[n][m];
}

/* Words over three letters: every shape of edit comes up. */
static void distance_is_exact_up_to_its_limit(void **state) {
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[2][8];
        size_t length[2];
        for (size_t w = 0; w < 2; w++) {
            seed = seed * 1664525 + 1013904223;
            length[w] = (seed >> 16) % 9;
            for (size_t i = 0; i < length[w]; i++) {
                seed = seed * 1664525 + 1013904223;
                text[w][i] = (char)('a' + (seed >> 16) % 3);
            }
        }
        size_t real = plain_distance(text[0], length[0], text[1], length[1]);
        for (size_t limit = 0; limit <= 9; limit++)
            assert_int_equal(
                str_distance((str){text[0], length[0]}, (str){text[1], length[1]}, limit),
                real > limit ? limit + 1 : real);
    }
}

static void the_nearest_word_is_what_a_person_meant(void **state) {
    static const str words[] = {STR_INIT("runs-on"), STR_INIT("steps"), STR_INIT("strategy"),
                                STR_INIT("needs"), STR_INIT("if")};
    assert_str(str_nearest(STR("run-on"), words, COUNT(words)), "runs-on");
    assert_str(str_nearest(STR("step"), words, COUNT(words)), "steps");
    assert_str(str_nearest(STR("startegy"), words, COUNT(words)), "strategy");
    assert_str(str_nearest(STR("environment"), words, COUNT(words)), "");
    assert_str(str_nearest(STR("of"), words, COUNT(words)), "if");
    assert_str(str_nearest(STR("x"), words, 0), "");
}

static void short_words_are_near_only_to_what_shares_a_letter(void **state) {
    static const struct {
        const char *word, *candidate;
        bool near;
    } cases[] = {
        {"x", "a", false},  {"1", "2", false},    {"A", "a", true},     {"x", "on", false},
        {"", "a", false},   {"ab", "c", false},   {"ab", "a", true},    {"on", "no", true},
        {"of", "if", true}, {"os", "run", false}, {"rnu", "run", true}, {"abc", "a", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str candidate = str_from(cases[i].candidate);
        str near = str_nearest(str_from(cases[i].word), &candidate, 1);
        assert_str(near, cases[i].near ? cases[i].candidate : "");
    }
}

static void only_well_formed_utf8_is_valid(void **state) {
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xC2\x80 \xDF\xBF", true},
        {"\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF", true},
        {"\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC0\x80", false},         /* overlong */
        {"\xC1\xBF", false},         /* overlong */
        {"\xE0\x9F\xBF", false},     /* overlong */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xE2\x82", false}, /* cut off */
        {"\xF0\x9F\x98", false},
        {"\xC3(", false},
        {"\xFF", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(utf8_valid(str_from(cases[i].text)), cases[i].valid);
}

static void ill_formed_utf8_is_seen_wherever_it_stands(void **state) {
    for (size_t at = 0; at < 20; at++) {
        char text[20] = "abcdefghijklmnopqrst";
        assert_true(utf8_valid((str){text, sizeof text}));
        text[at] = '\x80';
        assert_false(utf8_valid((str){text, sizeof text}));
        if (at) text[at - 1] = '\xC3';
        assert_int_equal(utf8_valid((str){text, sizeof text}), at > 0);
        assert_false(utf8_valid((str){text, at}) && at);
    }
}

static void printable_text_is_passed_over(void **state) {
    for (int c = 0; c < 256; c++) {
        bool printable = c >= ' ' && c < 0x7f;
        for (size_t at = 0; at < 20; at++) {
            char text[20] = "abcdefg ~!@^`{|}0123";
            text[at] = (char)c;
            assert_int_equal(str_skip_printable((str){text, sizeof text}, 0), printable ? 20 : at);
            assert_int_equal(str_skip_printable((str){text, sizeof text}, at + 1), 20);
        }
    }
}

static void code_points_are_read_and_written_alike(void **state) {
    static const uint32_t codes[] = {0,      0x7F,   0x80,    0x7FF,   0x800,
                                     0xFFFD, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t i = 0; i < COUNT(codes); i++) {
        char text[4];
        size_t at = 0, n = utf8_put(codes[i], text);
        assert_int_equal(utf8_next((str){text, n}, &at), codes[i]);
        assert_int_equal(at, n);
    }
    str bad = STR("\xE2\x82x");
    size_t at = 0;
    assert_int_equal(utf8_next(bad, &at), 0xFFFD);
    assert_int_equal(utf8_next(bad, &at), 0xFFFD);
    assert_int_equal(utf8_next(bad, &at), 'x');
    assert_int_equal(at, 3);
}

static void white_space_and_lengths_are_those_of_utf16(void **state) {
    static const struct {
        const char *text, *trimmed;
        size_t units;
    } cases[] = {
        {"", "", 0},
        {" \t\r\n", "", 4},
        {"\xC2\xA0 a b\xE2\x80\x83\xE3\x80\x80", "a b", 7},
        {"\xC3\xA0", "\xC3\xA0", 1},                 /* ends in the byte of a no-break space */
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80", 2}, /* a surrogate pair */
        {"\xE2\x80\x8B", "\xE2\x80\x8B", 1},         /* a zero-width space is no space */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_str(utf8_trim(str_from(cases[i].text)), cases[i].trimmed);
        assert_int_equal(utf16_units(str_from(cases[i].text)), cases[i].units);
    }
}

static void buffers_grow_and_stay_terminated(void **state) {
    _cleanup_strbuf_ strbuf b = STRBUF_INIT;
    assert_string_equal(strbuf_cstr(&b), "");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, "%d,", i);
    assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(b.ptr), b.len);
    strbuf_shift(&b, b.len - 4);
    assert_str(strbuf_str(&b), "999,");
    strbuf_truncate(&b, 3);
    strbuf_truncate(&b, 9);
    strbuf_pad(&b, '.', 3);
    strbuf_addc(&b, '!');
    strbuf_adds(&b, "?");
    strbuf_add(&b, STR_EMPTY);
    assert_str(strbuf_str(&b), "999...!?");
    strbuf_shift(&b, 100);
    assert_int_equal(b.len, 0);
    strbuf_clear(&b);
    assert_string_equal(strbuf_cstr(&b), "");
}

static void errors_hold_code_place_and_message(void **state) {
    err e = {0};
    assert_int_equal(err_set(&e, ERR_LIMIT, "more than %d", 3), ERR_LIMIT);
    assert_string_equal(e.message, "more than 3");
    assert_int_equal(err_context(&e, "cannot read '%s'", "x"), ERR_LIMIT);
    assert_string_equal(e.message, "cannot read 'x': more than 3");
    assert_int_equal(err_sys(&e, ENOENT, "cannot open"), ERR_IO);
    assert_string_equal(e.message, "cannot open: No such file or directory");
    assert_int_equal(e.sys_errno, ENOENT);
    assert_int_equal(err_at(&e, ERR_INVALID, (span){"f", 2, 3, 2, 4}, "bad"), ERR_INVALID);
    assert_int_equal(e.where.column, 3);
    assert_int_equal(err_set(NULL, ERR_INVALID, "nobody listens"), ERR_INVALID);
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, ERR_INVALID, "%s", longer);
    assert_string_equal(e.message + strlen(e.message) - 4, "x...");
    err_context(&e, "%s", longer);
    assert_true(strlen(e.message) < sizeof e.message);
}

/* "ä" is two bytes: whatever the length in front of it, no half of one may be left. */
static void a_long_message_is_cut_between_characters(void **state) {
    for (int shift = 0; shift < 2; shift++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        strbuf_pad(&text, 'x', (size_t)shift);
        for (int i = 0; i < 1000; i++)
            strbuf_adds(&text, "\xC3\xA4");
        err e = {0};
        err_set(&e, ERR_INVALID, "%s", strbuf_cstr(&text));
        assert_true(utf8_valid(str_from(e.message)));
        assert_true(str_ends(str_from(e.message), STR("\xC3\xA4...")));
        err_context(&e, "while reading");
        assert_true(utf8_valid(str_from(e.message)));
        assert_true(str_starts(str_from(e.message), STR("while reading: ")));
        assert_true(str_ends(str_from(e.message), STR("...")));
        err_sys(&e, ENOENT, "%s", strbuf_cstr(&text));
        assert_true(utf8_valid(str_from(e.message)));
        assert_true(str_ends(str_from(e.message), STR("...: No such file or directory")));
    }
}

static void a_word_is_looked_for_among_others(void **state) {
    (void)state;
    static const char *const words[] = {"c", "", "a"};
    str sorted[] = {STR_INIT("b"), STR_INIT("a"), STR_INIT(""), STR_INIT("ab")};
    qsort(sorted, 4, sizeof *sorted, str_order);
    assert_str(sorted[0], "");
    assert_str(sorted[2], "ab");
    for (size_t i = 0; i < 4; i++)
        assert_true(str_in_sorted(sorted[i], sorted, 4));
    assert_false(str_in_sorted(STR("abc"), sorted, 4));
    assert_false(str_in_sorted(STR("a"), NULL, 0));
    assert_true(STR_IS_AMONG(STR("a"), words));
    assert_true(STR_IS_AMONG(STR_EMPTY, words));
    assert_false(STR_IS_AMONG(STR("ca"), words));
    assert_false(str_is_among(STR("a"), words, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_is_by_bytes),
        cmocka_unit_test(parts_are_clamped_to_the_text),
        cmocka_unit_test(positions_are_found_or_minus_one),
        cmocka_unit_test(a_cut_takes_what_is_before_the_separator),
        cmocka_unit_test(lines_end_in_lf_or_crlf),
        cmocka_unit_test(numbers_are_whole_and_within_the_maximum),
        cmocka_unit_test(bits_are_digits_of_their_base),
        cmocka_unit_test(hashes_without_case_agree),
        cmocka_unit_test(distance_counts_edits_and_swaps),
        cmocka_unit_test(distance_is_exact_up_to_its_limit),
        cmocka_unit_test(the_nearest_word_is_what_a_person_meant),
        cmocka_unit_test(short_words_are_near_only_to_what_shares_a_letter),
        cmocka_unit_test(only_well_formed_utf8_is_valid),
        cmocka_unit_test(ill_formed_utf8_is_seen_wherever_it_stands),
        cmocka_unit_test(printable_text_is_passed_over),
        cmocka_unit_test(code_points_are_read_and_written_alike),
        cmocka_unit_test(white_space_and_lengths_are_those_of_utf16),
        cmocka_unit_test(buffers_grow_and_stay_terminated),
        cmocka_unit_test(errors_hold_code_place_and_message),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(a_word_is_looked_for_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
