#include "unit.h"

#include "cli/graph.h"

static void draw(const graph_node *nodes, size_t count, const char *expected) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    graph_add(a, &out, nodes, count, true, 0);
    assert_str(strbuf_str(&out), expected);
}

#define NEEDS(...)                                                                                 \
    (const size_t[]){__VA_ARGS__}, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)

static void jobs_without_needs_are_rows(void **state) {
    (void)state;
    const graph_node nodes[] = {{STR("a"), 0, NULL, 0}, {STR("b"), 0, NULL, 0}};
    draw(nodes, 2, "a\nb\n");
}

static void a_chain_runs_to_the_right(void **state) {
    (void)state;
    const graph_node nodes[] = {
        {STR("build"), 0, NULL, 0}, {STR("test"), 1, NEEDS(0)}, {STR("ship"), 2, NEEDS(1)}};
    draw(nodes, 3,
         "build ─┐\n"
         "       └─▶ test ─┐\n"
         "                 └─▶ ship\n");
}

static void jobs_with_the_same_needs_share_a_line(void **state) {
    (void)state;
    const graph_node nodes[] = {{STR("build"), 0, NULL, 0},
                                {STR("lint"), 0, NULL, 0},
                                {STR("test"), 1, NEEDS(0, 1)},
                                {STR("docs"), 1, NEEDS(0, 1)},
                                {STR("ship"), 2, NEEDS(2, 3)}};
    draw(nodes, 5,
         "build ─┐\n"
         "lint ──┤\n"
         "       ├─▶ test ─┐\n"
         "       └─▶ docs ─┤\n"
         "                 └─▶ ship\n");
}

static void lines_that_only_cross_are_not_joined(void **state) {
    (void)state;
    const graph_node nodes[] = {{STR("a"), 0, NULL, 0},
                                {STR("b"), 0, NULL, 0},
                                {STR("x"), 1, NEEDS(0)},
                                {STR("y"), 1, NEEDS(1)}};
    draw(nodes, 4,
         "a ───┐\n"
         "b ─┐ │\n"
         "   │ └─▶ x\n"
         "   └───▶ y\n");
    const graph_node crossed[] = {{STR("a"), 0, NULL, 0},
                                  {STR("b"), 0, NULL, 0},
                                  {STR("x"), 1, NEEDS(1)},
                                  {STR("y"), 1, NEEDS(0)}};
    draw(crossed, 4,
         "a ─┐\n"
         "b ─│─┐\n"
         "   │ └─▶ x\n"
         "   └───▶ y\n");
}

static void a_need_from_far_left_passes_the_levels_between(void **state) {
    (void)state;
    const graph_node nodes[] = {
        {STR("a"), 0, NULL, 0}, {STR("b"), 1, NEEDS(0)}, {STR("c"), 2, NEEDS(0, 1)}};
    draw(nodes, 3,
         "a ─┬──────┐\n"
         "   └─▶ b ─┤\n"
         "          └─▶ c\n");
}

static void a_graph_that_is_too_wide_is_a_list(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT, name = STRBUF_INIT;
    strbuf_pad(&name, 'n', 150);
    const graph_node nodes[] = {{strbuf_str(&name), 0, NULL, 0}, {strbuf_str(&name), 1, NEEDS(0)}};
    graph_add(a, &out, nodes, 2, true, 2);
    assert_true(str_find(strbuf_str(&out), STR("(needs nnn")) > 0);
    assert_true(str_find(strbuf_str(&out), STR("▶")) < 0);
}

static void ascii_is_enough(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    const graph_node nodes[] = {{STR("a"), 0, NULL, 0}, {STR("b"), 1, NEEDS(0)}};
    graph_add(a, &out, nodes, 2, false, 0);
    assert_str(strbuf_str(&out), "a -+\n   +-> b\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_without_needs_are_rows),
        cmocka_unit_test(a_chain_runs_to_the_right),
        cmocka_unit_test(jobs_with_the_same_needs_share_a_line),
        cmocka_unit_test(lines_that_only_cross_are_not_joined),
        cmocka_unit_test(a_need_from_far_left_passes_the_levels_between),
        cmocka_unit_test(a_graph_that_is_too_wide_is_a_list),
        cmocka_unit_test(ascii_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
