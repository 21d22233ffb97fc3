/* Runs: the long words of a text, and what is gathered around them. */
#include "unit.h"

#include "scan/secrets/runs.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS     400
#define TEXT_MAX  700
#define BEFORE    2
#define ASSIGNED  90
#define ALPHABETS 3

/* The first one has mostly long runs, the last one mostly none. */
static const char *const alphabets[ALPHABETS] = {
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_=",
    "azAZ09+/-_azAZ09+/-_ =",
    "az09 \n.,:;=(\"'@[\\`{\x80\xff|>",
};

static str random_text(char *space, unsigned seed) {
    const char *letters = alphabets[seed % ALPHABETS];
    size_t size = seed % TEXT_MAX;
    srand(seed);
    for (size_t i = 0; i < size; i++)
        space[i] = letters[(size_t)rand() % strlen(letters)];
    return (str){space, size};
}

static bool is_of_a_run(char c) {
    return c && strchr("+-/_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c);
}

static void runs_are_those_that_one_sees_byte_by_byte(void **state) {
    run_list list = {0};
    char space[TEXT_MAX];
    for (unsigned seed = 0; seed < TEXTS; seed++) {
        str t = random_text(space, seed);
        size_t n = 0, start = 0;
        runs_find(t, &list);
        for (size_t i = 0; i <= t.len; i++) {
            if (i < t.len && is_of_a_run(t.ptr[i])) continue;
            if (i - start >= RUN_MIN) {
                assert_true(n < list.count);
                assert_int_equal(list.items[n].start, start);
                assert_int_equal(list.items[n++].end, i);
            }
            start = i + 1;
        }
        assert_int_equal(n, list.count);
    }
    runs_done(&list);
}

/* Of every length around the limit and the blocks, at every place in a block. */
static void runs_are_found_wherever_they_begin_and_end(void **state) {
    run_list list = {0};
    char space[400];
    for (size_t at = 0; at < 130; at++) {
        for (size_t size = RUN_MIN - 1; size < 200; size += size < 70 ? 1 : 13) {
            memset(space, ' ', sizeof space);
            memset(space + at, 'a', size);
            runs_find((str){space, sizeof space}, &list);
            assert_int_equal(list.count, size >= RUN_MIN);
            if (!list.count) continue;
            assert_int_equal(list.items[0].start, at);
            assert_int_equal(list.items[0].end, at + size);
        }
    }
    runs_done(&list);
}

#define BLANKS "                    " /* RUN_GAP_MAX */

static void an_assignment_is_seen_over_blanks_and_quotes(void **state) {
    static const struct {
        const char *before;
        bool assigned;
    } cases[] = {
        {"key=", true},     {"key = \"", true},      {"key: '", true},   {"f(\"", true},
        {"f(a, ", true},    {"<key>", true},         {"a => b\"", true}, {"key =\n\t@\"", true},
        {"", false},        {"\"", false},           {"key ", false},    {"key; ", false},
        {"=" BLANKS, true}, {"=" BLANKS " ", false}, {"= x ", false},    {"key ||= `", true},
        {"${KEY:-", true},  {"key ?? \"", true},     {"a.b", false},     {"\xc3\xa9 ", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str t = str_from(cases[i].before);
        if (run_is_assigned(t, t.len) != cases[i].assigned) fail_msg("%s", cases[i].before);
    }
}

/* Every byte that is wanted is there once, in order, and leads back to where it stands. */
static void what_is_gathered_has_all_that_is_before_runs(void **state) {
    run_list list = {0};
    run_extract x = {0};
    char space[TEXT_MAX];
    bool wanted[TEXT_MAX];
    for (unsigned seed = 0; seed < TEXTS; seed++) {
        str t = random_text(space, seed);
        runs_find(t, &list);
        runs_gather(t, &list, BEFORE, ASSIGNED, &x);
        memset(wanted, 0, sizeof wanted);
        for (size_t i = 0; i < list.count; i++) {
            size_t start = list.items[i].start,
                   before = run_is_assigned(t, start) ? ASSIGNED : BEFORE;
            for (size_t k = start > before ? start - before : 0; k < list.items[i].end; k++)
                wanted[k] = true;
        }
        size_t offset = 0;
        for (size_t i = 0; i < t.len; i++) {
            size_t first;
            if (!wanted[i]) continue;
            if (i && !wanted[i - 1] && offset) assert_int_equal(x.text.ptr[offset++], '\n');
            assert_true(offset < x.text.len);
            assert_int_equal(x.text.ptr[offset], t.ptr[i]);
            assert_int_equal(run_origin(&x, offset++, &first), i);
            assert_true(first <= i && wanted[first] && (!first || !wanted[first - 1]));
        }
        assert_int_equal(offset, x.text.len);
    }
    run_extract_done(&x);
    runs_done(&list);
}

/* A path is no value, but the value behind it wants what stands before the path. */
static void a_narrow_stretch_grows_for_the_next_run(void **state) {
    run_list list = {0};
    run_extract x = {0};
    str t = STR("see example.org/cgi-bin/webhook/send?key=0123456789abcdef");
    runs_find(t, &list);
    assert_int_equal(list.count, 2);
    runs_gather(t, &list, BEFORE, ASSIGNED, &x);
    assert_int_equal(x.count, 1);
    assert_true(str_eq(strbuf_str(&x.text), t));
    run_extract_done(&x);
    runs_done(&list);
}

static void runs_that_read_as_words_are_not_drawn(void **state) {
    static const struct {
        const char *run;
        bool drawn;
    } cases[] = {
        {"getAuthenticationTokenProvider", false},   {"usr/share/javascript/handlebars", false},
        {"SECRET_KEY_ENVIRONMENT_VARIABLE", false},  {"internationalization", false},
        {"--------------------------------", false}, {"api_live_getAuthenticationToken", false},
        {"getAuthenticationTokenProvider2", true},   {"x86_64-linux-gnu/include", true},
        {"kTqvQxLmZrRwBnYcHsDfGpJa", true},          {"qxzjvkwpfhbtgmyc", true},
        {"api_live_kTqvQxLmZrRwBnYc", true},         {"kTqvQxLm/ZrRwBn+YcHsDfGpJ", true},
    };
    run_list list = {0}, drawn = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str t = str_from(cases[i].run);
        runs_find(t, &list);
        assert_int_equal(list.count, 1);
        runs_drawn(t, &list, &drawn);
        if (drawn.count != cases[i].drawn) fail_msg("%s", cases[i].run);
    }
    str t = STR("a getAuthenticationToken b 0123456789abcdef c");
    runs_find(t, &list);
    runs_drawn(t, &list, &drawn);
    assert_int_equal(drawn.count, 1);
    assert_int_equal(drawn.items[0].start, list.items[1].start);
    assert_int_equal(drawn.items[0].end, list.items[1].end);
    runs_done(&list);
    runs_done(&drawn);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_those_that_one_sees_byte_by_byte),
        cmocka_unit_test(runs_are_found_wherever_they_begin_and_end),
        cmocka_unit_test(an_assignment_is_seen_over_blanks_and_quotes),
        cmocka_unit_test(what_is_gathered_has_all_that_is_before_runs),
        cmocka_unit_test(a_narrow_stretch_grows_for_the_next_run),
        cmocka_unit_test(runs_that_read_as_words_are_not_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
