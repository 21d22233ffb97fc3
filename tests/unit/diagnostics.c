#include "unit.h"

#include "cli/diagnostics.h"

#include <locale.h>

static const char text[] = "on: push\njobs:\n\tbuild: x\n  \"nämé\": häh?\n";

#define PROBLEM(level_, rule_, text_, ...)                                                         \
    (problem) {                                                                                    \
        .level = (level_), .rule = (rule_), .where = __VA_ARGS__, .message = STR_INIT(text_)       \
    }

static void show(problem p, const char *expected) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    sources *s = sources_new(a);
    sources_add(s, "ci.yml", str_from(text));
    const style st = {.utf8 = true, .width = 100};
    diagnostic_add(&out, &st, s, &p);
    assert_str(strbuf_str(&out), expected);
}

static void a_problem_shows_its_line_with_a_caret(void **state) {
    (void)state;
    show(PROBLEM(SEVERITY_ERROR, "syntax", "Bad event", {"ci.yml", 1, 5, 1, 9}),
         "ci.yml:1:5: error: Bad event [syntax]\n"
         "  on: push\n"
         "      ^~~~\n");
}

static void help_comes_last(void **state) {
    (void)state;
    problem p = PROBLEM(SEVERITY_WARNING, "style", "Hm", {"ci.yml", 1, 1, 1, 2});
    p.help = STR("do this");
    show(p, "ci.yml:1:1: warning: Hm [style]\n"
            "  on: push\n"
            "  ^\n"
            "  help: do this\n");
}

static void a_problem_in_a_called_workflow_tells_the_way(void **state) {
    (void)state;
    problem p = PROBLEM(SEVERITY_ERROR, NULL, "m", {"ci.yml", 1, 1, 1, 3});
    p.caller = (span){"top.yml", 7, 11, 7, 20};
    show(p, "ci.yml:1:1: error: m\n"
            "  on: push\n"
            "  ^~\n"
            "  called from top.yml:7:11\n");
}

static void tabs_and_wide_letters_keep_the_caret_in_place(void **state) {
    (void)state;
    show(PROBLEM(SEVERITY_ERROR, NULL, "m", {"ci.yml", 3, 2, 3, 7}), "ci.yml:3:2: error: m\n"
                                                                     "      build: x\n"
                                                                     "      ^~~~~\n");
    show(PROBLEM(SEVERITY_NOTE, NULL, "m", {"ci.yml", 4, 11, 4, 15}), "ci.yml:4:11: note: m\n"
                                                                      "    \"nämé\": häh?\n"
                                                                      "            ^~~~\n");
}

static void a_range_over_lines_ends_with_its_first_line(void **state) {
    (void)state;
    show(PROBLEM(SEVERITY_ERROR, NULL, "m", {"ci.yml", 1, 1, 3, 4}), "ci.yml:1:1: error: m\n"
                                                                     "  on: push\n"
                                                                     "  ^~~~~~~~\n");
}

static void a_place_past_the_end_is_no_trouble(void **state) {
    (void)state;
    show(PROBLEM(SEVERITY_ERROR, NULL, "m", {"ci.yml", 99, 1, 99, 2}), "ci.yml:99:1: error: m\n");
    show(PROBLEM(SEVERITY_ERROR, NULL, "m", {"ci.yml", 2, 40, 2, 41}), "ci.yml:2:40: error: m\n"
                                                                       "  jobs:\n"
                                                                       "       ^\n");
    show(PROBLEM(SEVERITY_ERROR, NULL, "m", {"other.yml", 0, 0, 0, 0}), "other.yml: error: m\n");
}

static void problems_are_sorted_by_place_and_told_once(void **state) {
    (void)state;
    problem items[] = {
        PROBLEM(SEVERITY_NOTE, NULL, "4", {"b", 1, 1, 0, 0}),
        PROBLEM(SEVERITY_NOTE, NULL, "3", {"a", 10, 1, 0, 0}),
        PROBLEM(SEVERITY_NOTE, NULL, "2", {"a", 2, 7, 0, 0}),
        PROBLEM(SEVERITY_ERROR, NULL, "1", {"a", 2, 7, 0, 0}),
        PROBLEM(SEVERITY_NOTE, NULL, "3", {"a", 10, 1, 0, 0}),
    };
    problem_list list = {.items = items, .count = 5};
    diagnostics_sort(&list);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.errors, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(list.items[i].message.ptr[0], '1' + (char)i);
}

static void long_lines_show_the_part_around_the_place(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf line = STRBUF_INIT, out = STRBUF_INIT;
    strbuf_pad(&line, 'x', 5000);
    strbuf_adds(&line, "HERE");
    strbuf_pad(&line, 'y', 5000);
    sources *s = sources_new(a);
    sources_add(s, "f", strbuf_str(&line));
    const style st = {.utf8 = true, .width = 100};
    problem p = PROBLEM(SEVERITY_ERROR, NULL, "m", {"f", 1, 5001, 1, 5005});
    diagnostic_add(&out, &st, s, &p);
    str rest = strbuf_str(&out), first, shown, caret;
    str_line(&rest, &first);
    str_line(&rest, &shown);
    str_line(&rest, &caret);
    assert_true(style_width(&st, shown) < 130);
    ptrdiff_t here = str_find(shown, STR("HERE")), mark = str_find(caret, STR("^~~~"));
    assert_true(here > 0 && mark > 0);
    assert_int_equal(style_width(&st, str_sub(shown, 0, (size_t)here)), mark);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_shows_its_line_with_a_caret),
        cmocka_unit_test(help_comes_last),
        cmocka_unit_test(a_problem_in_a_called_workflow_tells_the_way),
        cmocka_unit_test(tabs_and_wide_letters_keep_the_caret_in_place),
        cmocka_unit_test(a_range_over_lines_ends_with_its_first_line),
        cmocka_unit_test(a_place_past_the_end_is_no_trouble),
        cmocka_unit_test(problems_are_sorted_by_place_and_told_once),
        cmocka_unit_test(long_lines_show_the_part_around_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
