#include "unit.h"

#include "runner/filecmd.h"

#include <string.h>

static void pairs_are_read_as_github_reads_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *pairs; /* "name=value|…" */
    } cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"A=1", "A=1|"},
        {"A=1\nB=2\n", "A=1|B=2|"},
        {"A=\n", "A=|"},
        {"A=b=c\n", "A=b=c|"},
        {"A=b<<c\n", "A=b<<c|"},
        {"A b=c d\n", "A b=c d|"},
        {" A=1\n", " A=1|"},
        {"A=1\r\n", "A=1\r|"},
        {"A<<E\none\ntwo\nE\n", "A=one\ntwo|"},
        {"A<<E\nE\n", "A=|"},
        {"A<<E\n\nE", "A=|"},
        {"A<<E\n\n\nE", "A=\n|"},
        {"A<<E\none\nE\nB=2", "A=one|B=2|"},
        {"A<<E\n E\nE \nE\n", "A= E\nE |"},
        {"A<<E=F\nx\nE=F\n", "A=x|"},
        {"A<<E\r\none\r\nE\r\n", "A=one\r|"},
        {"A<<<<E\nx\n<<E\n", "A=x|"},
        {"\xEF\xBB\xBF"
         "A=1\n",
         "A=1|"},
        {"A=1\n\n\nA=2\n", "A=1|A=2|"},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filecmd_pair *pairs;
        size_t count;
        err e = {0};
        _cleanup_strbuf_ strbuf got = STRBUF_INIT;
        if (filecmd_pairs(a, str_from(cases[i].text), &pairs, &count, &e))
            fail_msg("%s: %s", cases[i].text, e.message);
        for (size_t k = 0; k < count; k++)
            strbuf_addf(&got, "%.*s=%.*s|", STR_ARG(pairs[k].name), STR_ARG(pairs[k].value));
        assert_str(strbuf_str(&got), cases[i].pairs);
    }
}

static void errors_tell_the_line_and_keep_what_came_before(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        unsigned line;
        size_t before;
    } cases[] = {
        {"A=1\nnothing\nB=2", "Invalid format 'nothing'", 2, 1},
        {"=x\n", "Invalid format '=x'. Name must not be empty", 1, 0},
        {"<<E\nE\n", "Invalid format '<<E'. Name must not be empty and delimiter must not be empty",
         1, 0},
        {"A<<\nE\n", "Invalid format 'A<<'. Name must not be empty and delimiter must not be empty",
         1, 0},
        {"A=1\nB=2\n\nA<<E\none\n", "Invalid value. Matching delimiter not found 'E'", 4, 2},
        {"A<<E\n", "Invalid value. Matching delimiter not found 'E'", 1, 0},
        {"A<<E", "Invalid value. Matching delimiter not found 'E'", 1, 0},
        {"A<<E\none", "Invalid value. EOF marker missing new line", 1, 0},
        {"A<<E\none\nE ", "Invalid value. EOF marker missing new line", 1, 0},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filecmd_pair *pairs;
        size_t count;
        err e = {0};
        assert_int_equal(filecmd_pairs(a, str_from(cases[i].text), &pairs, &count, &e),
                         ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
        assert_int_equal(e.where.line, cases[i].line);
        assert_int_equal(count, cases[i].before);
    }
}

static void a_nul_byte_is_an_error(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    filecmd_pair *pairs;
    str *paths;
    size_t count;
    err e = {0};
    assert_int_equal(filecmd_pairs(a, STR("A=x\0y\n"), &pairs, &count, &e), ERR_INVALID);
    assert_int_equal(filecmd_paths(a, STR("/x\0y\n"), &paths, &count, &e), ERR_INVALID);
}

static void there_is_a_cap_on_pairs(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    filecmd_pair *pairs;
    str *paths;
    size_t count;
    err e = {0};
    for (int i = 0; i <= FILECMD_PAIRS_MAX; i++)
        strbuf_adds(&text, "A=\n");
    assert_int_equal(filecmd_pairs(a, strbuf_str(&text), &pairs, &count, &e), ERR_LIMIT);
    assert_int_equal(count, FILECMD_PAIRS_MAX);
    assert_int_equal(filecmd_paths(a, strbuf_str(&text), &paths, &count, &e), ERR_LIMIT);
}

static void paths_are_the_lines_that_are_not_empty(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str *paths;
    size_t count;
    err e = {0};
    assert_int_equal(filecmd_paths(a, STR("\xEF\xBB\xBF/a\n\n/b c\r\n/d\r/e"), &paths, &count, &e),
                     0);
    assert_int_equal(count, 4);
    assert_str(paths[0], "/a");
    assert_str(paths[1], "/b c");
    assert_str(paths[2], "/d");
    assert_str(paths[3], "/e");
}

static void node_options_may_not_be_set(void **state) {
    (void)state;
    assert_false(filecmd_env_allowed(STR("node_OPTIONS")));
    assert_true(filecmd_env_allowed(STR("PATH")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_read_as_github_reads_them),
        cmocka_unit_test(errors_tell_the_line_and_keep_what_came_before),
        cmocka_unit_test(a_nul_byte_is_an_error),
        cmocka_unit_test(there_is_a_cap_on_pairs),
        cmocka_unit_test(paths_are_the_lines_that_are_not_empty),
        cmocka_unit_test(node_options_may_not_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
