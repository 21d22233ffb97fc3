#include "planning.h"
#include "unit.h"

#include <string.h>

static plan *build(arena *a, const char *jobs, const called_file *files, const plan_filter *filter,
                   err *e) {
    str text = arena_printf(a, "on: push\njobs:\n%s", jobs);
    event *ev = ARENA_NEW(a, event);
    *ev = planning_event(a, "push", NULL);
    plan *p = NULL;
    plan_build(a, planning_parse(a, text.ptr, files), ev, filter, &p, e);
    return p;
}

/* "key<-need,need@level" for every job. */
static str describe(arena *a, const plan *p) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t count;
    plan_job **jobs = plan_jobs(p, &count);
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&out, "%s%.*s", i ? " " : "", STR_ARG(jobs[i]->key));
        for (size_t k = 0; k < jobs[i]->need_count; k++)
            strbuf_addf(&out, "%s%.*s", k ? "," : "<-", STR_ARG(jobs[i]->needs[k]->key));
        strbuf_addf(&out, "@%u", jobs[i]->level);
    }
    return arena_str(a, strbuf_str(&out));
}

static const called_file files[] = {
    {"release.yml", "on: workflow_call\njobs:\n"
                    "  pack: {" S "}\n"
                    "  sign: {needs: pack, " S "}\n"
                    "  push: {needs: sign, uses: ./.github/workflows/push.yml}\n"},
    {"push.yml", "on: workflow_call\njobs:\n  up: {" S "}\n  down: {" S "}\n"},
    {NULL, NULL},
};

#define GRAPH                                                                                      \
    "  build: {" S "}\n"                                                                           \
    "  lint: {name: Check the style, " S "}\n"                                                     \
    "  test: {needs: build, " S "}\n"                                                              \
    "  release: {needs: [test, build], uses: ./.github/workflows/release.yml}\n"                   \
    "  report: {needs: [release, lint], " S "}\n"

static void the_graph_has_needs_calls_and_levels(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    err e = {0};
    plan *p = build(a, GRAPH, files, NULL, &e);
    assert_non_null(p);
    assert_str(describe(a, p), "build@0 lint@0 test<-build@1 release<-test,build@2 release/pack@0 "
                               "release/sign<-release/pack@1 release/push<-release/sign@2 "
                               "release/push/up@0 release/push/down@0 report<-release,lint@3");
    size_t count;
    plan_job **roots = plan_roots(p, &count);
    assert_int_equal(count, 5);
    assert_true(plan_job_is_call(roots[3]));
    assert_int_equal(roots[3]->child_count, 3);
    assert_ptr_equal(roots[3]->children[0]->scope->caller, roots[3]);
    assert_int_equal(roots[0]->dependent_count, 2);
}

static void a_job_filter_keeps_what_is_needed(void **state) {
    (void)state;
    static const struct {
        const char *words[3];
        const char *kept;
    } cases[] = {
        {{"build"}, "build@0"},
        {{"TEST"}, "build@0 test<-build@1"},
        {{"Check the style"}, "lint@0"},
        {{"lint", "test"}, "build@0 lint@0 test<-build@1"},
        {{"release/sign"},
         "build@0 test<-build@1 release<-test,build@2 release/pack@0 release/sign<-release/pack@1"},
        {{"pack"}, "build@0 test<-build@1 release<-test,build@2 release/pack@0"},
        {{"release/push/down"},
         "build@0 test<-build@1 release<-test,build@2 release/pack@0 release/sign<-release/pack@1 "
         "release/push<-release/sign@2 release/push/down@0"},
        {{"report"},
         "build@0 lint@0 test<-build@1 release<-test,build@2 release/pack@0 "
         "release/sign<-release/pack@1 release/push<-release/sign@2 release/push/up@0 "
         "release/push/down@0 report<-release,lint@3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str words[3];
        plan_filter filter = {.jobs = words};
        while (filter.job_count < 3 && cases[i].words[filter.job_count]) {
            words[filter.job_count] = str_from(cases[i].words[filter.job_count]);
            filter.job_count++;
        }
        err e = {0};
        plan *p = build(a, GRAPH, files, &filter, &e);
        if (!p) fail_msg("%s: %s", cases[i].words[0], e.message);
        assert_str(describe(a, p), cases[i].kept);
    }
}

static void filtered_scopes_are_numbered_anew(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str word = STR("release/push/down");
    plan_filter filter = {.jobs = &word, .job_count = 1};
    plan *p = build(a, GRAPH, files, &filter, NULL);
    size_t count;
    plan_job **jobs = plan_jobs(p, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < jobs[i]->child_count; k++)
            assert_int_equal(jobs[i]->children[k]->index, k);
    }
    assert_int_equal(jobs[0]->dependent_count, 2);
}

static void unknown_jobs_in_the_filter_are_errors(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str words[] = {STR_INIT("biuld")};
    plan_filter filter = {.jobs = words, .job_count = 1};
    err e = {0};
    assert_null(build(a, GRAPH, files, &filter, &e));
    assert_string_equal(e.message, "there is no job 'biuld'; did you mean 'build'?");
    words[0] = STR("something else");
    assert_null(build(a, GRAPH, files, &filter, &e));
    assert_string_equal(e.message, "there is no job 'something else'");
}

/* The parser reports these already; the plan must not rely on it. */
static void cycles_and_unknown_needs_are_errors(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    token need_b = {.kind = TOKEN_STRING, .text = STR("b")};
    token need_a = {.kind = TOKEN_STRING, .text = STR("a")};
    const token *needs_b[] = {&need_b}, *needs_a[] = {&need_a};
    workflow_job first = {.id = STR("a"), .needs = needs_b, .need_count = 1};
    workflow_job second = {.id = STR("b"), .needs = needs_a, .need_count = 1};
    workflow_job *jobs[] = {&first, &second};
    workflow w = {.path = "w.yml", .jobs = jobs, .job_count = 2};
    event ev = planning_event(a, "push", NULL);
    plan *p;
    err e = {0};
    assert_int_equal(plan_build(a, &w, &ev, NULL, &p, &e), ERR_INVALID);
    assert_string_equal(e.message, "job 'a' needs itself, through its needs");
    w.job_count = 1;
    assert_int_equal(plan_build(a, &w, &ev, NULL, &p, &e), ERR_INVALID);
    assert_string_equal(e.message, "job 'a' needs 'b', which is not a job of this workflow");
    w.job_count = 0;
    assert_int_equal(plan_build(a, &w, &ev, NULL, &p, &e), ERR_INVALID);
    assert_string_equal(e.message, "w.yml has no jobs");
}

static void a_workflow_that_calls_itself_is_an_error(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    token uses = {.kind = TOKEN_STRING, .text = STR("./w.yml")};
    workflow w = {.path = "w.yml"};
    workflow_job job = {.id = STR("again"), .uses = &uses, .called = &w};
    workflow_job *jobs[] = {&job};
    w.jobs = jobs;
    w.job_count = 1;
    event ev = planning_event(a, "push", NULL);
    plan *p;
    assert_int_equal(plan_build(a, &w, &ev, NULL, &p, NULL), ERR_LIMIT);
}

static void calls_that_multiply_hit_a_limit(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    token uses = {.kind = TOKEN_STRING, .text = STR("./w.yml")};
    workflow *called = NULL;
    for (int depth = 0; depth < 10; depth++) {
        workflow *w = ARENA_NEW(a, workflow);
        w->path = "w.yml";
        w->job_count = 10;
        w->jobs = ARENA_ARRAY(a, workflow_job *, 10);
        for (int i = 0; i < 10; i++) {
            w->jobs[i] = ARENA_NEW(a, workflow_job);
            *w->jobs[i] = (workflow_job){.id = arena_printf(a, "j%d", i)};
            if (called) w->jobs[i]->uses = &uses;
            w->jobs[i]->called = called;
        }
        called = w;
    }
    event ev = planning_event(a, "push", NULL);
    plan *p;
    err e = {0};
    assert_int_equal(plan_build(a, called, &ev, NULL, &p, &e), ERR_LIMIT);
    assert_string_equal(e.message, "the plan has more than 20000 jobs");
}

static void literal_matrices_are_known_without_a_run(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value_pair wanted[] = {{STR_INIT("os"), {0}}, {STR_INIT("os"), {0}}, {STR_INIT("beta"), {0}}};
    wanted[0].item = value_string(STR("linux"));
    wanted[1].item = value_string(STR("mac"));
    wanted[2].item = value_string(STR("true"));
    plan_filter filter = {.matrix = wanted, .matrix_count = 3};
    plan *p = build(a,
                    "  plain: {" S "}\n"
                    "  many: {strategy: {matrix: {os: [linux, windows, mac], beta: [true, false]}},"
                    " " S "}\n"
                    "  late: {strategy: {matrix: {os: '${{ fromJSON(vars.os) }}'}}, " S "}\n",
                    NULL, &filter, NULL);
    size_t count, config_count;
    plan_job **jobs = plan_jobs(p, &count);
    matrix_config *configs;
    assert_int_equal(plan_matrix(a, p, jobs[0], &configs, &config_count, NULL), 0);
    assert_int_equal(config_count, 0);
    assert_int_equal(plan_matrix(a, p, jobs[1], &configs, &config_count, NULL), 0);
    assert_int_equal(config_count, 2);
    assert_str(configs[0].label, "linux, true");
    assert_str(configs[1].label, "mac, true");
    assert_int_equal(plan_matrix(a, p, jobs[2], &configs, &config_count, NULL), ERR_UNSUPPORTED);
}

static void results_have_githubs_names(void **state) {
    (void)state;
    assert_string_equal(job_result_name(JOB_SUCCESS), "success");
    assert_string_equal(job_result_name(JOB_FAILURE), "failure");
    assert_string_equal(job_result_name(JOB_CANCELLED), "cancelled");
    assert_string_equal(job_result_name(JOB_SKIPPED), "skipped");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graph_has_needs_calls_and_levels),
        cmocka_unit_test(a_job_filter_keeps_what_is_needed),
        cmocka_unit_test(filtered_scopes_are_numbered_anew),
        cmocka_unit_test(unknown_jobs_in_the_filter_are_errors),
        cmocka_unit_test(cycles_and_unknown_needs_are_errors),
        cmocka_unit_test(a_workflow_that_calls_itself_is_an_error),
        cmocka_unit_test(calls_that_multiply_hit_a_limit),
        cmocka_unit_test(literal_matrices_are_known_without_a_run),
        cmocka_unit_test(results_have_githubs_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
