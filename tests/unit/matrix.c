/* The first tables are the examples of "Running variations of jobs in a workflow",
 * https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do */
#include "unit.h"

#include "base/json.h"
#include "workflow/plan.h"

#include <string.h>

static int expand(arena *a, const char *json, matrix_config **ret, size_t *ret_count, err *e) {
    value matrix;
    assert_int_equal(json_parse(a, str_from(json), 0, &matrix, NULL), 0);
    return matrix_expand(a, &matrix, ret, ret_count, e);
}

typedef struct matrix_case {
    const char *matrix;
    const char *configs[8]; /* as JSON, NULL-terminated */
    const char *labels[8];
} matrix_case;

static void check_case(const matrix_case *c) {
    _cleanup_arena_ arena *a = arena_new();
    matrix_config *configs;
    size_t count;
    err e = {0};
    if (expand(a, c->matrix, &configs, &count, &e) != 0) fail_msg("%s: %s", c->matrix, e.message);
    for (size_t i = 0; i < count; i++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        json_write(&text, &configs[i].values);
        if (!c->configs[i]) fail_msg("%s gives also %s", c->matrix, strbuf_cstr(&text));
        assert_string_equal(strbuf_cstr(&text), c->configs[i]);
        if (c->labels[i]) assert_str(configs[i].label, c->labels[i]);
    }
    if (c->configs[count]) fail_msg("%s does not give %s", c->matrix, c->configs[count]);
}

static void configurations_are_those_of_the_documentation(void **state) {
    (void)state;
    static const matrix_case cases[] = {
        {"{\"version\": [10, 12, 14]}",
         {"{\"version\":10}", "{\"version\":12}", "{\"version\":14}"},
         {"10", "12", "14"}},
        {"{\"os\": [\"ubuntu-22.04\", \"ubuntu-20.04\"], \"version\": [10, 12, 14]}",
         {"{\"os\":\"ubuntu-22.04\",\"version\":10}", "{\"os\":\"ubuntu-22.04\",\"version\":12}",
          "{\"os\":\"ubuntu-22.04\",\"version\":14}", "{\"os\":\"ubuntu-20.04\",\"version\":10}",
          "{\"os\":\"ubuntu-20.04\",\"version\":12}", "{\"os\":\"ubuntu-20.04\",\"version\":14}"},
         {"ubuntu-22.04, 10"}},
        {"{\"os\": [\"ubuntu-latest\", \"macos-latest\"], \"node\": [{\"version\": 14}, "
         "{\"version\": 20, \"env\": \"NODE_OPTIONS=x\"}]}",
         {"{\"os\":\"ubuntu-latest\",\"node\":{\"version\":14}}",
          "{\"os\":\"ubuntu-latest\",\"node\":{\"version\":20,\"env\":\"NODE_OPTIONS=x\"}}",
          "{\"os\":\"macos-latest\",\"node\":{\"version\":14}}",
          "{\"os\":\"macos-latest\",\"node\":{\"version\":20,\"env\":\"NODE_OPTIONS=x\"}}"},
         {"ubuntu-latest, 14", "ubuntu-latest, 20, NODE_OPTIONS=x"}},
        {"{\"fruit\": [\"apple\", \"pear\"], \"animal\": [\"cat\", \"dog\"], \"include\": ["
         "{\"color\": \"green\"}, {\"color\": \"pink\", \"animal\": \"cat\"},"
         "{\"fruit\": \"apple\", \"shape\": \"circle\"}, {\"fruit\": \"banana\"},"
         "{\"fruit\": \"banana\", \"animal\": \"cat\"}]}",
         {"{\"fruit\":\"apple\",\"animal\":\"cat\",\"color\":\"pink\",\"shape\":\"circle\"}",
          "{\"fruit\":\"apple\",\"animal\":\"dog\",\"color\":\"green\",\"shape\":\"circle\"}",
          "{\"fruit\":\"pear\",\"animal\":\"cat\",\"color\":\"pink\"}",
          "{\"fruit\":\"pear\",\"animal\":\"dog\",\"color\":\"green\"}", "{\"fruit\":\"banana\"}",
          "{\"fruit\":\"banana\",\"animal\":\"cat\"}"},
         {"apple, cat", "apple, dog", "pear, cat", "pear, dog", "banana", "banana, cat"}},
        {"{\"os\": [\"windows-latest\"], \"node\": [14, 16], \"include\": ["
         "{\"os\": \"windows-latest\", \"node\": 16, \"npm\": 6}]}",
         {"{\"os\":\"windows-latest\",\"node\":14}",
          "{\"os\":\"windows-latest\",\"node\":16,\"npm\":6}"},
         {"windows-latest, 14", "windows-latest, 16"}},
        {"{\"include\": [{\"site\": \"production\", \"datacenter\": \"site-a\"},"
         "{\"site\": \"staging\", \"datacenter\": \"site-b\"}]}",
         {"{\"site\":\"production\",\"datacenter\":\"site-a\"}",
          "{\"site\":\"staging\",\"datacenter\":\"site-b\"}"},
         {"production, site-a", "staging, site-b"}},
        {"{\"os\": [\"macos\", \"windows\"], \"version\": [12, 14], \"environment\": [\"staging\", "
         "\"production\"], \"exclude\": [{\"os\": \"macos\", \"version\": 12, \"environment\": "
         "\"production\"}, {\"os\": \"windows\", \"version\": 14}]}",
         {"{\"os\":\"macos\",\"version\":12,\"environment\":\"staging\"}",
          "{\"os\":\"macos\",\"version\":14,\"environment\":\"staging\"}",
          "{\"os\":\"macos\",\"version\":14,\"environment\":\"production\"}",
          "{\"os\":\"windows\",\"version\":12,\"environment\":\"staging\"}",
          "{\"os\":\"windows\",\"version\":12,\"environment\":\"production\"}"},
         {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void filters_compare_as_the_expression_language_does(void **state) {
    (void)state;
    static const matrix_case cases[] = {
        /* strings without case, numbers across kinds, an absent place is null */
        {"{\"os\": [\"Linux\", \"mac\"], \"exclude\": [{\"os\": \"linux\"}]}",
         {"{\"os\":\"mac\"}"},
         {"mac"}},
        {"{\"v\": [\"14\", 16], \"exclude\": [{\"v\": 14}]}", {"{\"v\":16}"}, {"16"}},
        {"{\"n\": [{\"v\": 1, \"w\": [1, 2]}, {\"v\": 1}], \"exclude\": [{\"n\": {\"w\": [1]}}]}",
         {"{\"n\":{\"v\":1}}"},
         {"1"}},
        {"{\"n\": [{\"v\": 1}, {\"v\": 2}], \"include\": [{\"n\": {\"v\": 2}, \"extra\": true}]}",
         {"{\"n\":{\"v\":1}}", "{\"n\":{\"v\":2},\"extra\":true}"},
         {"1", "2"}},
        /* include comes after exclude and may bring a configuration back */
        {"{\"a\": [1, 2], \"exclude\": [{\"a\": 2}], \"include\": [{\"a\": 2}]}",
         {"{\"a\":1}", "{\"a\":2}"},
         {"1", "2"}},
        /* an include that fitted only excluded configurations stands alone */
        {"{\"a\": [1, 2], \"exclude\": [{\"a\": 2}], \"include\": [{\"a\": 2, \"b\": 3}]}",
         {"{\"a\":1}", "{\"a\":2,\"b\":3}"},
         {"1", "2, 3"}},
        {"{\"a\": [1], \"exclude\": [{\"a\": 1}]}", {NULL}, {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void labels_show_every_leaf_that_has_text(void **state) {
    (void)state;
    static const matrix_case cases[] = {
        {"{\"a\": [null], \"b\": [true], \"c\": [\"\"], \"d\": [1.50], \"e\": [[\"x\", {\"y\": "
         "2}]]}",
         {"{\"a\":null,\"b\":true,\"c\":\"\",\"d\":1.5,\"e\":[\"x\",{\"y\":2}]}"},
         {"true, 1.5, x, 2"}},
        {"{\"a\": [null]}", {"{\"a\":null}"}, {""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

static void wrong_matrices_are_errors(void **state) {
    (void)state;
    static const struct {
        const char *matrix, *message;
    } cases[] = {
        {"[]", "The matrix must be a mapping"},
        {"{}", "Matrix must define at least one vector"},
        {"{\"include\": []}", "Matrix must define at least one vector"},
        {"{\"exclude\": [{\"a\": 1}]}",
         "Matrix exclude key 'a' does not match any key within the matrix"},
        {"{\"os\": []}", "Matrix vector 'os' does not contain any values"},
        {"{\"os\": \"linux\"}", "Matrix vector 'os' must be a list of values"},
        {"{\"os\": [1], \"exclude\": [{\"so\": 1}]}",
         "Matrix exclude key 'so' does not match any key within the matrix"},
        {"{\"os\": [1], \"exclude\": [{}]}", "Matrix exclude filter must not be empty"},
        {"{\"os\": [1], \"include\": [{}]}", "Matrix include mapping does not contain any values"},
        {"{\"os\": [1], \"include\": {\"os\": 1}}", "Matrix include must be a list of mappings"},
        {"{\"os\": [1], \"exclude\": [1]}", "Matrix exclude must be a list of mappings"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        matrix_config *configs;
        size_t count;
        err e = {0};
        assert_int_equal(expand(a, cases[i].matrix, &configs, &count, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
    }
}

static value numbers(arena *a, int count) {
    value list = value_array_new(a);
    for (int i = 0; i < count; i++)
        value_push(a, &list, value_number(i));
    return list;
}

static void a_matrix_has_at_most_256_jobs(void **state) {
    (void)state;
    static const struct {
        int x, y;
        int code;
    } cases[] = {{16, 16, 0}, {257, 1, ERR_LIMIT}, {1000, 1000, ERR_LIMIT}, {256, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        value matrix = value_object_new(a, false);
        value_set(a, &matrix, STR("x"), numbers(a, cases[i].x));
        value_set(a, &matrix, STR("y"), numbers(a, cases[i].y));
        matrix_config *configs;
        size_t count = 0;
        err e = {0};
        assert_int_equal(matrix_expand(a, &matrix, &configs, &count, &e), cases[i].code);
        if (cases[i].code == 0) assert_int_equal(count, MATRIX_JOBS_MAX);
    }
}

/* 32 x 32 combinations are too many, but not after an exclude of all but one column. */
static void the_limit_counts_what_exclude_leaves(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value matrix = value_object_new(a, false), excludes = value_array_new(a);
    value_set(a, &matrix, STR("x"), numbers(a, 32));
    value_set(a, &matrix, STR("y"), numbers(a, 32));
    for (int i = 1; i < 32; i++) {
        value filter = value_object_new(a, false);
        value_set(a, &filter, STR("y"), value_number(i));
        value_push(a, &excludes, filter);
    }
    value_set(a, &matrix, STR("exclude"), excludes);
    matrix_config *configs;
    size_t count = 0;
    assert_int_equal(matrix_expand(a, &matrix, &configs, &count, NULL), 0);
    assert_int_equal(count, 32);
}

/* A matrix may come from a step's output: what it costs to judge has a limit of its own. */
static void the_work_of_excluding_is_limited(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value matrix = value_object_new(a, false), excludes = value_array_new(a);
    value_set(a, &matrix, STR("x"), numbers(a, 300));
    value_set(a, &matrix, STR("y"), numbers(a, 300));
    value filter = value_object_new(a, false);
    value_set(a, &filter, STR("y"), value_number(-1));
    for (int i = 0; i < 12; i++)
        value_push(a, &excludes, filter);
    value_set(a, &matrix, STR("exclude"), excludes);
    matrix_config *configs;
    size_t count = 0;
    err e = {0};
    assert_int_equal(matrix_expand(a, &matrix, &configs, &count, &e), ERR_LIMIT);
    assert_string_equal(
        e.message, "the matrix has 90000 combinations and 12 excludes, which is too much to judge");
}

static void the_values_of_all_configurations_are_limited(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value matrix = value_object_new(a, false);
    value_set(a, &matrix, STR("x"), numbers(a, 256));
    for (int i = 0; i < 1024; i++)
        value_set(a, &matrix, arena_printf(a, "v%d", i), numbers(a, 1));
    matrix_config *configs;
    size_t count = 0;
    err e = {0};
    assert_int_equal(matrix_expand(a, &matrix, &configs, &count, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the configurations of the matrix have more than 262144 values");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_are_those_of_the_documentation),
        cmocka_unit_test(filters_compare_as_the_expression_language_does),
        cmocka_unit_test(labels_show_every_leaf_that_has_text),
        cmocka_unit_test(wrong_matrices_are_errors),
        cmocka_unit_test(a_matrix_has_at_most_256_jobs),
        cmocka_unit_test(the_limit_counts_what_exclude_leaves),
        cmocka_unit_test(the_work_of_excluding_is_limited),
        cmocka_unit_test(the_values_of_all_configurations_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
