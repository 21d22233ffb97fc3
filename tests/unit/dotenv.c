#include "unit.h"

#include "cli/dotenv.h"

static const struct {
    const char *text, *name, *expected;
} cases[] = {
    {"A=1", "A", "1"},
    {"A=1\n", "A", "1"},
    {"A=1\r\nB=2\r\n", "A", "1"},
    {"  export A = 1  \n", "A", "1"},
    {"A=", "A", ""},
    {"A=b=c", "A", "b=c"},
    {"A=one two # a comment", "A", "one two"},
    {"A=no#comment", "A", "no#comment"},
    {"A=# only a comment", "A", ""},
    {"# A=0\n\nA=1", "A", "1"},
    {"A=1\nA=2", "A", "2"},
    {"A='as $it \\n stands # here' # comment", "A", "as $it \\n stands # here"},
    {"A=\"one\\ntwo\\t\\\"three\\\" \\\\ \\$x \\z\"", "A", "one\ntwo\t\"three\" \\ $x \\z"},
    {"A=\"first\nsecond\"\nB=3", "A", "first\nsecond"},
    {"A=\"first\nsecond\"\nB=3", "B", "3"},
    {"A='-----BEGIN\nKEY=\n-----END'\n", "A", "-----BEGIN\nKEY=\n-----END"},
    {"A=$HOME", "A", "$HOME"},
    {"my-name.x=1", "my-name.x", "1"},
    {"\xEF\xBB\xBF"
     "A=1",
     "A", "1"},
};

static void values_are_read_as_the_format_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        value object = value_object_new(a, true);
        err e = {0};
        int r = dotenv_parse(a, str_from(cases[i].text), "f", &object, &e);
        if (r != 0) fail_msg("%s: %s", cases[i].text, e.message);
        const value *v = value_get(&object, str_from(cases[i].name));
        if (!v) fail_msg("%s: no %s", cases[i].text, cases[i].name);
        assert_str(v->string, cases[i].expected);
    }
}

static const struct {
    const char *text;
    unsigned line, column;
    const char *message;
} wrong[] = {
    {"A", 1, 1, "expected NAME=VALUE"},
    {"A=1\n\nnot a pair\n", 3, 1, "expected NAME=VALUE"},
    {"1A=2", 1, 1, "a name has letters"},
    {"=2", 1, 1, "a name has letters"},
    {"A=\"open\nB=1\n", 1, 3, "the quote is never closed"},
    {"A='x' y", 1, 6, "unexpected text after the closing quote"},
    {"A='x\ny' z", 2, 3, "unexpected text after the closing quote"},
};

static void mistakes_have_a_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_arena_ arena *a = arena_new();
        value object = value_object_new(a, true);
        err e = {0};
        assert_int_equal(dotenv_parse(a, str_from(wrong[i].text), "f", &object, &e), ERR_INVALID);
        if (!str_starts(str_from(e.message), str_from(wrong[i].message)))
            fail_msg("%s: %s", wrong[i].text, e.message);
        assert_int_equal(e.where.line, wrong[i].line);
        assert_int_equal(e.where.column, wrong[i].column);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_the_format_says),
        cmocka_unit_test(mistakes_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
