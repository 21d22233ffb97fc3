#include "unit.h"

#include "base/words.h"

static void words_are_those_of_dotnet(void **state) {
    (void)state;
    static const struct {
        const char *text, *words; /* each word in () */
    } cases[] = {
        {"", ""},
        {" \t ", ""},
        {" a\tb  c ", "(a)(b)(c)"},
        {"a\nb", "(a\nb)"},
        {"a\"b c\"d", "(ab cd)"},
        {"'a b'", "('a)(b')"},
        {"\"\" x \"\"", "()(x)()"},
        {"\"say \"\"hi\"\"\"", "(say \"hi\")"},
        {"\"\"\"\"", "(\")"},
        {"a\"\"b", "(ab)"},
        {"\"open end", "(open end)"},
        {"a\\b\\\\c", "(a\\b\\\\c)"},
        {"\\\"a b\\\"", "(\"a)(b\")"},
        {"\"a\\\\\" b", "(a\\)(b)"},
        {"\\\\\\\"a", "(\\\"a)"},
        {"\\", "(\\)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf word = STRBUF_INIT, all = STRBUF_INIT;
        str rest = str_from(cases[i].text);
        while (words_next(&rest, " \t", &word))
            strbuf_addf(&all, "(%.*s)", STR_ARG(strbuf_str(&word)));
        assert_str(strbuf_str(&all), cases[i].words);
        assert_false(words_next(&rest, " \t", &word));
    }
}

static void only_the_given_blanks_part_words(void **state) {
    (void)state;
    _cleanup_strbuf_ strbuf word = STRBUF_INIT;
    str rest = STR("a\nb\0c d");
    assert_true(words_next(&rest, " \n", &word));
    assert_str(strbuf_str(&word), "a");
    assert_true(words_next(&rest, " \n", &word));
    assert_true(str_eq(strbuf_str(&word), STR("b\0c")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_dotnet),
        cmocka_unit_test(only_the_given_blanks_part_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
