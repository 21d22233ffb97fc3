/* The model of a workflow: what GitHub's own cases do not look at. */
#include "unit.h"

#include "workflow/workflow.h"

#include <string.h>

#define PATH "ci.yml"

static workflow *parse_with(arena *a, const char *text, const workflow_options *options) {
    workflow *w;
    err e = {0};
    assert_int_equal(workflow_parse(a, str_from(text), PATH, options, &w, &e), 0);
    return w;
}

static workflow *parse(arena *a, const char *text) {
    workflow *w = parse_with(a, text, NULL);
    if (w->problems.count > 0)
        fail_msg("line %u: %.*s", w->problems.items[0].where.line,
                 STR_ARG(w->problems.items[0].message));
    return w;
}

static void assert_problem(const workflow *w, size_t index, unsigned line, unsigned column,
                           const char *message) {
    if (w->problems.count <= index) fail_msg("no problem, expected \"%s\"", message);
    const problem *p = &w->problems.items[index];
    assert_str(p->message, message);
    assert_int_equal(p->where.line, line);
    assert_int_equal(p->where.column, column);
}

/* A job around its steps, or the like: what most tests need. */
#define JOB(keys)   "on: push\njobs:\n  a:\n    runs-on: x\n" keys
#define STEPS(list) JOB("    steps:\n" list)

/* ---- the file ------------------------------------------------------------------------------ */

static void a_workflow_is_named_or_goes_by_its_path(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    assert_str(parse(a, JOB(""))->name, PATH);
    assert_str(parse(a, "name: CI\n" JOB(""))->name, "CI");
    const workflow *w = parse(a, "description: d\nrun-name: by ${{ github.actor }}\n" JOB(""));
    assert_str(w->description, "d");
    assert_int_equal(w->run_name->kind, TOKEN_EXPR);
    assert_str(str_from(w->path), PATH);
}

static void jobs_keep_the_order_of_the_file(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, "on: push\n"
                                 "jobs:\n"
                                 "  z: {runs-on: x, needs: [a, m]}\n"
                                 "  m: {runs-on: x}\n"
                                 "  a: {runs-on: x, needs: M}\n");
    assert_int_equal(w->job_count, 3);
    assert_str(w->jobs[0]->id, "z");
    assert_int_equal(w->jobs[0]->need_count, 2);
    assert_str(w->jobs[0]->needs[1]->text, "m");
    assert_int_equal(w->jobs[2]->where.line, 5);
    assert_int_equal(w->jobs[2]->where.column, 3);
}

static void anchors_stand_for_what_they_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const char *text = STEPS("      - &s {run: make}\n      - *s\n");
    const workflow *w = parse(a, text);
    assert_int_equal(w->jobs[0]->step_count, 2);
    assert_str(w->jobs[0]->steps[1].id, "__run_2");
    w = parse_with(a, text, &(workflow_options){.no_anchors = true});
    assert_problem(w, 0, 0, 0, "Anchors are not currently supported. Remove the anchor 's'");
}

/* ---- triggers ------------------------------------------------------------------------------ */

static void events_are_one_name_a_list_or_a_mapping(void **state) {
    static const char *const texts[] = {
        "on: push\njobs: {a: {runs-on: x}}\n",
        "on: [push]\njobs: {a: {runs-on: x}}\n",
        "on: {push: }\njobs: {a: {runs-on: x}}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const workflow *w = parse(a, texts[i]);
        assert_int_equal(w->trigger_count, 1);
        assert_non_null(workflow_trigger(w, STR("push")));
        assert_null(workflow_trigger(w, STR("pull_request")));
        assert_false(w->triggers[0].branches.present);
    }
}

static void filters_are_kept_with_their_places(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, "on:\n"
                                 "  push:\n"
                                 "    branches: [main, 'rel/**']\n"
                                 "    tags: v*\n"
                                 "    paths-ignore: []\n"
                                 "  pull_request:\n"
                                 "    types: opened\n"
                                 "jobs: {a: {runs-on: x}}\n");
    const event_trigger *push = workflow_trigger(w, STR("push"));
    assert_int_equal(push->where.line, 2);
    assert_int_equal(push->branches.count, 2);
    assert_str(push->branches.items[1], "rel/**");
    assert_int_equal(push->branches.places[1].column, 22);
    assert_str(push->tags.items[0], "v*");
    assert_true(push->paths_ignore.present);
    assert_int_equal(push->paths_ignore.count, 0);
    assert_false(push->paths.present);
    assert_str(workflow_trigger(w, STR("pull_request"))->types.items[0], "opened");
}

static void schedules_have_a_cron_and_maybe_a_time_zone(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, "on:\n"
                                 "  schedule:\n"
                                 "    - cron: 0 5 * * 1\n"
                                 "      timezone: Europe/Berlin\n"
                                 "    - cron: 30 6 * * *\n"
                                 "jobs: {a: {runs-on: x}}\n");
    const event_trigger *t = workflow_trigger(w, STR("schedule"));
    assert_int_equal(t->schedule_count, 2);
    assert_str(t->schedules[0].cron, "0 5 * * 1");
    assert_str(t->schedules[0].timezone, "Europe/Berlin");
    assert_str(t->schedules[1].timezone, "");
    assert_int_equal(t->schedules[1].where.line, 5);
}

static void dispatch_inputs_have_types_defaults_and_options(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, "on:\n"
                                 "  workflow_dispatch:\n"
                                 "    inputs:\n"
                                 "      plain:\n"
                                 "      level:\n"
                                 "        description: how much\n"
                                 "        type: choice\n"
                                 "        options: [low, high]\n"
                                 "        default: low\n"
                                 "        required: true\n"
                                 "jobs: {a: {runs-on: x}}\n");
    assert_int_equal(w->dispatch_input_count, 2);
    assert_str(w->dispatch_inputs[0].type, "string");
    assert_null(w->dispatch_inputs[0].value);
    const workflow_input *level = &w->dispatch_inputs[1];
    assert_str(level->type, "choice");
    assert_str(level->description, "how much");
    assert_int_equal(level->option_count, 2);
    assert_str(level->options[1], "high");
    assert_str(token_text(level->value), "low");
    assert_true(level->required);
}

static void a_call_declares_inputs_secrets_and_outputs(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, "on:\n"
                                 "  workflow_call:\n"
                                 "    inputs:\n"
                                 "      tag: {type: string, default: '${{ github.sha }}'}\n"
                                 "    secrets:\n"
                                 "      key: {required: true, description: k}\n"
                                 "      other:\n"
                                 "    outputs:\n"
                                 "      url: {value: '${{ jobs.a.outputs.url }}'}\n"
                                 "jobs: {a: {runs-on: x}}\n");
    assert_int_equal(w->call_input_count, 1);
    assert_int_equal(w->call_inputs[0].value->kind, TOKEN_EXPR);
    assert_int_equal(w->call_secret_count, 2);
    assert_true(w->call_secrets[0].required);
    assert_str(w->call_secrets[0].description, "k");
    assert_false(w->call_secrets[1].required);
    assert_str(w->call_outputs[0].value->text, "jobs.a.outputs.url");
}

static void an_unknown_event_is_an_error_unless_events_are_loose(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const char *text = "on: pull_requets\njobs: {a: {runs-on: x}}\n";
    const workflow *w = parse_with(a, text, NULL);
    assert_problem(w, 0, 1, 5, "Unexpected value 'pull_requets'");
    assert_str(w->problems.items[0].help, "did you mean 'pull_request'?");
    w = parse_with(a, text, &(workflow_options){.loose_events = true});
    assert_int_equal(w->problems.count, 0);
    assert_str(w->triggers[0].name, "pull_requets");
}

/* ---- conditions ---------------------------------------------------------------------------- */

static void a_condition_asks_for_success_unless_it_asks_itself(void **state) {
    static const struct {
        const char *written, *expected;
    } cases[] = {
        {"", "success()"},
        {"if: ''", "success()"},
        {"if: github.ref == 'x'", "success() && (github.ref == 'x')"},
        {"if: ${{ github.ref }}", "success() && (github.ref)"},
        {"if: always()", "always()"},
        {"if: '!Cancelled()'", "!Cancelled()"},
        {"if: github.ref && failure()", "github.ref && failure()"},
        {"if: contains('success()', 'x')", "success() && (contains('success()', 'x'))"},
        {"if: true", "success() && (true)"},
        {"if: ${{ github.ref }} == 'a'", "success() && (format('{0} == ''a''', github.ref))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str text = arena_printf(a, JOB("    %s\n"), cases[i].written);
        const workflow *w = parse(a, text.ptr);
        assert_str(w->jobs[0]->condition->text, cases[i].expected);
        assert_non_null(w->jobs[0]->condition->expr);
    }
}

static void jobs_and_steps_may_ask_different_things(void **state) {
    static const struct {
        const char *text, *message; /* NULL: it is well */
    } cases[] = {
        {JOB("    if: success('b')\n"), NULL},
        {STEPS("      - {run: a, if: success()}\n"), NULL},
        {STEPS("      - {run: a, if: success('b')}\n"),
         "Too many parameters supplied: 'success'. Located at position 1 within expression: "
         "success('b')"},
        {STEPS("      - {run: a, if: steps.b.outcome}\n"), NULL},
        {JOB("    if: steps.b.outcome\n"),
         "Unrecognized named-value: 'steps'. Located at position 1 within expression: "
         "steps.b.outcome"},
        {STEPS("      - {run: a, if: secrets.KEY}\n"),
         "Unrecognized named-value: 'secrets'. Located at position 1 within expression: "
         "secrets.KEY"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const workflow *w = parse_with(a, cases[i].text, NULL);
        assert_int_equal(w->problems.count, cases[i].message ? 1 : 0);
        if (cases[i].message) assert_str(w->problems.items[0].message, cases[i].message);
    }
}

static void a_name_that_may_not_be_used_here_is_told_from_a_mistyped_one(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse_with(a, STEPS("      - run: ${{ githb.ref }}\n"), NULL);
    assert_str(w->problems.items[0].help, "did you mean 'github'?");
    w = parse_with(a, JOB("    if: startWith(github.ref, 'x')\n"), NULL);
    assert_str(w->problems.items[0].help, "did you mean 'startsWith'?");
    w = parse_with(a, "on: push\nenv: {A: '${{ matrix.x }}'}\njobs: {a: {runs-on: x}}\n", NULL);
    assert_str(w->problems.items[0].help, "what may be used here: github, inputs, vars, secrets");
    w = parse_with(a, STEPS("      - run: ${{ 1 + 2 }}\n"), NULL);
    assert_str(w->problems.items[0].help, "");
}

static void every_bad_expression_of_a_scalar_is_told(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse_with(
        a, STEPS("      - run: ${{ githb.ref }} ${{ github.ref }} ${{ }} ${{ 1 + 2 }}\n"), NULL);
    assert_int_equal(w->problems.count, 3);
    assert_str(w->problems.items[0].help, "did you mean 'github'?");
    assert_str(w->problems.items[1].message, "An expression was expected");
    assert_true(problem_place(&w->problems.items[2]).column >
                problem_place(&w->problems.items[0]).column);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void ids_are_made_up_from_what_a_step_does(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, STEPS("      - uses: actions/checkout@v4\n"
                                       "      - uses: a/b/sub@v1\n"
                                       "      - uses: ./local\n"
                                       "      - uses: docker://alpine:3.8\n"
                                       "      - run: x\n"
                                       "      - {run: x, id: mine}\n"
                                       "      - {run: x}\n"
                                       "      - uses: actions/checkout@v4\n"));
    static const char *const ids[] = {
        "__actions_checkout",  "__a_b", "__self", "__alpine_3_8", "__run", "mine", "__run_2",
        "__actions_checkout_2"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        assert_str(w->jobs[0]->steps[i].id, ids[i]);
        assert_int_equal(w->jobs[0]->steps[i].id_given, str_is(STR("mine"), ids[i]));
    }
}

static void made_up_ids_are_not_limited_in_number(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, STEPS(""));
    for (int i = 0; i < 5000; i++)
        strbuf_adds(&text, "      - run: a\n");
    const workflow *w = parse(a, strbuf_cstr(&text));
    assert_str(w->jobs[0]->steps[4999].id, "__run_5000");
}

static void background_steps_are_waited_for_and_cancelled_by_id(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w = parse(a, STEPS("      - {id: server, run: serve, background: true}\n"
                                       "      - wait: [server]\n"
                                       "      - wait: server\n"
                                       "      - wait-all:\n"
                                       "      - cancel: server\n"
                                       "      - parallel:\n"
                                       "          - run: one\n"
                                       "          - uses: a/b@v1\n"));
    const workflow_step *s = w->jobs[0]->steps;
    assert_true(s[0].background);
    assert_int_equal(s[1].kind, STEP_WAIT);
    assert_str(s[1].targets[0]->text, "server");
    assert_int_equal(s[2].target_count, 1);
    assert_int_equal(s[3].kind, STEP_WAIT_ALL);
    assert_int_equal(s[4].kind, STEP_CANCEL);
    assert_str(s[4].targets[0]->text, "server");
    assert_int_equal(s[5].kind, STEP_PARALLEL);
    assert_int_equal(s[5].child_count, 2);
    assert_str(s[5].children[0].id, "__run");
    assert_str(s[5].children[1].id, "__a_b");
    assert_str(s[5].condition->text, "success()");
}

static void what_steps_in_the_background_must_not_do(void **state) {
    static const struct {
        const char *steps, *message;
        unsigned line, column;
    } cases[] = {
        {"      - wait: nobody\n", "Step references unknown step ID 'nobody'", 6, 15},
        {"      - {id: a, cancel: a}\n", "Step 'a' cannot reference itself", 6, 25},
        {"      - wait: __run\n",
         "The identifier '__run' is invalid. IDs starting with '__' are reserved.", 6, 15},
        {"      - wait-all: false\n", "The value of 'wait-all' must be true or omitted", 6, 19},
        {"      - parallel:\n          - {run: a, background: true}\n",
         "'background' is not allowed inside a parallel block. Steps in a parallel block are "
         "automatically run as background steps.",
         6, 9},
        {"      - parallel:\n          - wait-all:\n",
         "'wait-all' is not allowed inside a parallel block.", 6, 9},
        {"      - parallel:\n          - parallel: []\n",
         "Nested 'parallel' blocks are not allowed.", 6, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str text = arena_printf(a, STEPS("%s"), cases[i].steps);
        const workflow *w = parse_with(a, text.ptr, NULL);
        assert_problem(w, 0, cases[i].line, cases[i].column, cases[i].message);
    }
}

/* ---- limits -------------------------------------------------------------------------------- */

static void limits_are_told_by_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const struct {
        workflow_limits limits;
        const char *message;
        uint32_t line, column; /* where people are shown it */
    } cases[] = {
        {{.max_file_bytes = 20}, "The maximum file size of 20 characters has been exceeded", 0, 0},
        {{.max_depth = 2}, "Maximum object depth exceeded", 2, 11},
        {{.max_result_bytes = 100}, "Maximum object size exceeded", 0, 0},
        {{.max_jobs = 1}, "The workflow may not contain more than 1 jobs", 2, 25},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const workflow_options options = {.limits = cases[i].limits};
        const workflow *w =
            parse_with(a, "on: push\njobs: {a: {runs-on: x}, b: {runs-on: x}}\n", &options);
        assert_int_equal(w->problems.count, 1);
        assert_str(w->problems.items[0].message, cases[i].message);
        span place = problem_place(&w->problems.items[0]);
        assert_non_null(place.file);
        assert_int_equal(place.line, cases[i].line);
        assert_int_equal(place.column, cases[i].column);
    }
}

static void errors_stop_at_ten_unless_more_are_wanted(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const char *text =
        "on: push\njobs: {a: {b: , c: , d: , e: , f: , g: , h: , i: , j: , k: , l: }}";
    assert_int_equal(parse_with(a, text, NULL)->problems.errors, 10);
    const workflow_options more = {.limits = {.max_errors = 100}};
    assert_int_equal(parse_with(a, text, &more)->problems.errors, 12);
}

static void a_pile_of_aliases_does_not_grow_without_end(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const workflow *w =
        parse_with(a,
                   "on: push\n"
                   "jobs: {a: {runs-on: x, strategy: {matrix: {\n"
                   "  a: &a [1,1,1,1,1,1,1,1,1,1], b: &b [*a,*a,*a,*a,*a,*a,*a,*a],\n"
                   "  c: &c [*b,*b,*b,*b,*b,*b,*b,*b], d: &d [*c,*c,*c,*c,*c,*c],\n"
                   "  e: &e [*d,*d,*d,*d,*d,*d,*d,*d], f: [*e,*e,*e,*e,*e,*e]}}}}\n",
                   NULL);
    assert_int_equal(w->problems.errors, 1);
    assert_string_equal(w->problems.items[0].rule, "limit");
    assert_true(arena_used(a) < 32u << 20);
}

/* Looking for a likely name among all jobs, for each of them, took most of a minute. */
static void only_errors_that_are_told_get_a_suggestion(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "on: push\njobs:\n  start: {runs-on: x}\n");
    for (int i = 0; i < 4000; i++)
        strbuf_addf(&text,
                    "  the-long-name-of-a-job-that-nobody-would-type-%d:"
                    " {runs-on: x, needs: the-long-name-of-a-job-that-nobody-would-typo-%d}\n",
                    i, i);
    const workflow *w = parse_with(a, strbuf_cstr(&text), NULL);
    assert_int_equal(w->problems.count, 10);
    assert_str(w->problems.items[9].help,
               "did you mean 'the-long-name-of-a-job-that-nobody-would-type-9'?");
}

static void a_scalar_as_a_file_is_no_workflow(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    assert_problem(parse_with(a, "", NULL), 0, 1, 1, "The file is empty");
    assert_problem(parse_with(a, "hello", NULL), 0, 1, 1, "Unexpected value 'hello'");
    assert_problem(parse_with(a, "on: push\n", NULL), 0, 1, 1,
                   "Required property is missing: jobs");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workflow_is_named_or_goes_by_its_path),
        cmocka_unit_test(jobs_keep_the_order_of_the_file),
        cmocka_unit_test(anchors_stand_for_what_they_name),
        cmocka_unit_test(events_are_one_name_a_list_or_a_mapping),
        cmocka_unit_test(filters_are_kept_with_their_places),
        cmocka_unit_test(schedules_have_a_cron_and_maybe_a_time_zone),
        cmocka_unit_test(dispatch_inputs_have_types_defaults_and_options),
        cmocka_unit_test(a_call_declares_inputs_secrets_and_outputs),
        cmocka_unit_test(an_unknown_event_is_an_error_unless_events_are_loose),
        cmocka_unit_test(a_condition_asks_for_success_unless_it_asks_itself),
        cmocka_unit_test(jobs_and_steps_may_ask_different_things),
        cmocka_unit_test(a_name_that_may_not_be_used_here_is_told_from_a_mistyped_one),
        cmocka_unit_test(every_bad_expression_of_a_scalar_is_told),
        cmocka_unit_test(ids_are_made_up_from_what_a_step_does),
        cmocka_unit_test(made_up_ids_are_not_limited_in_number),
        cmocka_unit_test(background_steps_are_waited_for_and_cancelled_by_id),
        cmocka_unit_test(what_steps_in_the_background_must_not_do),
        cmocka_unit_test(limits_are_told_by_name),
        cmocka_unit_test(errors_stop_at_ten_unless_more_are_wanted),
        cmocka_unit_test(a_pile_of_aliases_does_not_grow_without_end),
        cmocka_unit_test(only_errors_that_are_told_get_a_suggestion),
        cmocka_unit_test(a_scalar_as_a_file_is_no_workflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
