/* Evaluating tokens, and judging what comes out by the definition of the place. */
#include "unit.h"

#include "base/json.h"
#include "workflow/place.h"
#include "workflow/workflow.h"

static const char contexts_json[] =
    "{\"inputs\": {\"text\": \"5\", \"number\": 5, \"flag\": true, \"list\": [\"a\", \"b\"],"
    " \"labels\": {\"group\": \"g\", \"labels\": [\"x\"]}, \"nested\": [[1]],"
    " \"env\": {\"A\": 1, \"B\": null}, \"odd\": {\"colour\": \"red\"},"
    " \"matrix\": {\"os\": [\"linux\"], \"include\": [{\"os\": \"mac\"}]}, \"none\": null}}";

/* A workflow with one job, which has this line. */
static str job_source(arena *a, const char *line) {
    bool runs = str_starts(str_from(line), STR("runs-on"));
    return arena_printf(a, "on: push\njobs:\n  a:\n    %s\n%s", line,
                        runs ? "" : "    runs-on: x\n");
}

static const token *job_token(arena *a, const char *line, const char *key) {
    workflow *w;
    err e = {0};
    assert_int_equal(workflow_parse(a, job_source(a, line), "ci.yml", NULL, &w, &e), 0);
    if (w->problems.count > 0) fail_msg("%s: %.*s", line, STR_ARG(w->problems.items[0].message));
    return token_get(token_get(token_get(w->root, "jobs"), "a"), key);
}

typedef struct evaluation_case {
    const char *key, *line;
    const char *json;    /* the result … */
    const char *message; /* … or the error, with its column in line 4 */
    unsigned column;
} evaluation_case;

static const evaluation_case cases[] = {
    /* literals */
    {"timeout-minutes", "timeout-minutes: 5", "5", NULL, 0},
    {"env", "env: {A: 1, B: true, C: , D: 1.10}",
     "{\"A\":\"1\",\"B\":\"true\",\"C\":\"\",\"D\":\"1.1\"}", NULL, 0},
    {"runs-on", "runs-on: [a, 1]", "[\"a\",\"1\"]", NULL, 0},
    /* numbers and booleans are asked for, texts are made */
    {"timeout-minutes", "timeout-minutes: ${{ inputs.number }}", "5", NULL, 0},
    {"timeout-minutes", "timeout-minutes: ${{ inputs.text }}", NULL, "Unexpected value '5'", 22},
    {"timeout-minutes", "timeout-minutes: ${{ inputs.list }}", NULL, "A sequence was not expected",
     22},
    {"timeout-minutes", "timeout-minutes: ${{ inputs.odd }}", NULL, "A mapping was not expected",
     22},
    {"continue-on-error", "continue-on-error: ${{ inputs.flag }}", "true", NULL, 0},
    {"continue-on-error", "continue-on-error: ${{ inputs.none }}", NULL, "Unexpected value ''", 24},
    {"name", "name: ${{ inputs.number }}", "\"5\"", NULL, 0},
    {"name", "name: n ${{ inputs.flag }} ${{ inputs.none }}", "\"n true \"", NULL, 0},
    /* one of several forms */
    {"runs-on", "runs-on: ${{ inputs.list }}", "[\"a\",\"b\"]", NULL, 0},
    {"runs-on", "runs-on: ${{ inputs.labels }}", "{\"group\":\"g\",\"labels\":[\"x\"]}", NULL, 0},
    {"runs-on", "runs-on: ${{ inputs.number }}", "\"5\"", NULL, 0},
    {"runs-on", "runs-on: ${{ inputs.none }}", NULL, "Unexpected value ''", 14},
    {"runs-on", "runs-on: ${{ inputs.nested }}", NULL, "A sequence was not expected", 14},
    {"runs-on", "runs-on: ${{ inputs.odd }}", NULL, "Unexpected value 'colour'", 14},
    {"runs-on", "runs-on: ['${{ inputs.text }}', y]", "[\"5\",\"y\"]", NULL, 0},
    {"container", "container: ${{ inputs.none }}", "\"\"", NULL, 0},
    {"environment", "environment: ${{ inputs.odd }}", NULL, "Unexpected value 'colour'", 18},
    {"concurrency", "concurrency: ${{ fromJSON('{}') }}", NULL,
     "Required property is missing: group", 18},
    {"concurrency", "concurrency: ${{ fromJSON('{\"group\":1,\"queue\":\"max\"}') }}",
     "{\"group\":\"1\",\"queue\":\"max\"}", NULL, 0},
    {"concurrency", "concurrency: ${{ fromJSON('{\"group\":1,\"queue\":\"min\"}') }}", NULL,
     "Unexpected value 'min'", 18},
    /* anything goes */
    {"strategy", "strategy: {matrix: {v: ['${{ inputs.nested }}', 1, x]}}",
     "{\"matrix\":{\"v\":[[[1]],1,\"x\"]}}", NULL, 0},
    {"strategy", "strategy: {matrix: '${{ inputs.matrix }}'}",
     "{\"matrix\":{\"os\":[\"linux\"],\"include\":[{\"os\":\"mac\"}]}}", NULL, 0},
    {"strategy", "strategy: {matrix: '${{ inputs.odd }}'}", NULL, "Unexpected value 'red'", 24},
    /* keys that are expressions */
    {"env", "env: {'${{ insert }}': '${{ inputs.env }}', C: c}",
     "{\"A\":\"1\",\"B\":\"\",\"C\":\"c\"}", NULL, 0},
    {"env", "env: {A: a, '${{ insert }}': '${{ inputs.env }}'}", NULL, "'A' is already defined",
     34},
    {"env", "env: {'${{ insert }}': '${{ inputs.list }}'}", NULL, "Expected a mapping", 28},
    {"env", "env: {'${{ insert }}': '${{ inputs.none }}', C: c}", "{\"C\":\"c\"}", NULL, 0},
    {"env", "env: {'k-${{ inputs.text }}': '${{ inputs.number }}'}", "{\"k-5\":\"5\"}", NULL, 0},
    {"env", "env: {'${{ inputs.list }}': x}", NULL, "Expected a string", 11},
    {"env", "env: {'${{ inputs.none }}': x}", NULL, "Unexpected value ''", 11},
    {"env", "env: ${{ inputs.env }}", "{\"A\":\"1\",\"B\":\"\"}", NULL, 0},
    {"env", "env: ${{ inputs.text }}", NULL, "Unexpected value '5'", 10},
};

static void assert_case(const evaluation_case *c) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf json = STRBUF_INIT;
    value contexts, result;
    err e = {0};
    assert_int_equal(json_parse(a, str_from(contexts_json), 0, &contexts, &e), 0);
    const expr_env env = {.contexts = &contexts};
    int code = token_eval(a, job_token(a, c->line, c->key), &env, &result, &e);
    if (c->message) {
        if (code == 0) fail_msg("%s: no error", c->line);
        assert_string_equal(e.message, c->message);
        assert_int_equal(e.where.line, 4);
        assert_int_equal(e.where.column, c->column);
        return;
    }
    if (code < 0) fail_msg("%s: %s", c->line, e.message);
    json_write(&json, &result);
    assert_string_equal(strbuf_cstr(&json), c->json);
}

static void results_are_judged_by_their_place(void **state) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_case(&cases[i]);
}

static void an_expression_that_fails_tells_its_place(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const token *t = job_token(a, "name: ${{ fromJSON('{') }}", "name");
    value contexts = value_object_new(a, false), result;
    const expr_env env = {.contexts = &contexts};
    err e = {0};
    assert_true(token_eval(a, t, &env, &result, &e) < 0);
    assert_int_equal(e.where.line, 4);
    assert_int_equal(e.where.column, 11);
    assert_string_equal(e.where.file, "ci.yml");
}

static void results_can_be_asked_for_as_text_truth_or_number(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value contexts;
    err e = {0};
    assert_int_equal(json_parse(a, str_from(contexts_json), 0, &contexts, &e), 0);
    const expr_env env = {.contexts = &contexts};
    const token *t = job_token(a, "timeout-minutes: ${{ inputs.number }}", "timeout-minutes");
    str text;
    bool truth;
    double number;
    assert_int_equal(token_eval_str(a, t, &env, &text, &e), 0);
    assert_str(text, "5");
    assert_int_equal(token_eval_bool(a, t, &env, &truth, &e), 0);
    assert_true(truth);
    assert_int_equal(token_eval_number(a, t, &env, &number, &e), 0);
    assert_true(number == 5);
    assert_int_equal(token_eval_str(a, NULL, &env, &text, &e), 0);
    assert_str(text, "");
    assert_int_equal(token_eval_bool(a, NULL, &env, &truth, &e), 0);
    assert_false(truth);
}

static int always_true(void *context, arena *a, str name, const value *args, size_t count,
                       value *ret, err *e) {
    *ret = value_bool(true);
    return 0;
}

static void a_condition_is_judged_by_its_truth(void **state) {
    static const struct {
        const char *line;
        bool truth;
    } conditions[] = {
        {"if: inputs.flag && always()", true},   {"if: always() && inputs.none", false},
        {"if: always() && inputs.list", true},   {"if: always() && 'false'", true},
        {"if: always() && !inputs.flag", false},
    };
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        _cleanup_arena_ arena *a = arena_new();
        workflow *w;
        value contexts;
        err e = {0};
        bool truth;
        str text = arena_printf(a, "on: push\njobs: {a: {runs-on: x, %s}}\n", conditions[i].line);
        assert_int_equal(workflow_parse(a, text, "ci.yml", NULL, &w, &e), 0);
        assert_int_equal(w->problems.count, 0);
        assert_int_equal(json_parse(a, str_from(contexts_json), 0, &contexts, &e), 0);
        const expr_env env = {.contexts = &contexts, .call = always_true};
        assert_int_equal(token_eval_bool(a, w->jobs[0]->condition, &env, &truth, &e), 0);
        assert_int_equal(truth, conditions[i].truth);
    }
}

/* ---- places -------------------------------------------------------------------------------- */

static const struct {
    const char *line, *name; /* the part to look for in the job's name */
    unsigned line_number, column;
} places[] = {
    {"name: ${{ github.ref }}", "github", 4, 15},
    {"name: ${{   inputs.text }}", "text", 4, 24},
    {"name: a ${{ inputs.a }} it's {b} ${{ inputs.text }}", "text", 4, 49},
    {"name: 'it''s ${{ inputs.text }}'", "text", 4, 29},
    {"name: \"\xC3\xBC ${{ inputs.text }}\"", "inputs", 4, 18},
    {"name: >-\n      a\n      ${{ inputs.a }}\n      ${{ inputs.text ||\n      1 }}", "text", 7,
     18},
    {"name: |\n      a\n      ${{ inputs.text }}", "text", 6, 18},
    {"name: \"${{ inputs\\x2Etext }}\"", "text", 4, 26},
};

static void a_part_of_a_scalar_has_a_place_in_the_file(void **state) {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const token *t = job_token(a, places[i].line, "name");
        place_index file = {.a = a, .source = job_source(a, places[i].line)};
        str name = str_from(places[i].name);
        ptrdiff_t at = str_find(t->source, name);
        assert_true(at >= 0);
        span found = place_in_scalar(&file, t, (size_t)at, name.len);
        if (found.line != places[i].line_number || found.column != places[i].column)
            fail_msg("%s: %u:%u", places[i].line, found.line, found.column);
        assert_string_equal(found.file, "ci.yml");
    }
}

static void a_wrong_expression_is_pointed_at(void **state) {
    static const struct {
        const char *line;
        unsigned line_number, column, end_column;
    } wrong[] = {
        {"name: x ${{ github.ref }} ${{ nonsense.x }}", 4, 35, 43},
        {"if: github.ref && nonsense", 4, 23, 31},
        {"env:\n      A: |\n        one\n        two ${{ secretz }}", 7, 17, 24},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_arena_ arena *a = arena_new();
        workflow *w;
        err e = {0};
        assert_int_equal(workflow_parse(a, job_source(a, wrong[i].line), "ci.yml", NULL, &w, &e),
                         0);
        assert_int_equal(w->problems.count, 1);
        const span *focus = &w->problems.items[0].focus;
        assert_int_equal(focus->line, wrong[i].line_number);
        assert_int_equal(focus->column, wrong[i].column);
        assert_int_equal(focus->end_column, wrong[i].end_column);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_judged_by_their_place),
        cmocka_unit_test(an_expression_that_fails_tells_its_place),
        cmocka_unit_test(results_can_be_asked_for_as_text_truth_or_number),
        cmocka_unit_test(a_condition_is_judged_by_its_truth),
        cmocka_unit_test(a_part_of_a_scalar_has_a_place_in_the_file),
        cmocka_unit_test(a_wrong_expression_is_pointed_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
