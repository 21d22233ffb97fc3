/* What an instance holds, random graphs, and size: the rest of the schedule's tests. */
#include "planning.h"
#include "unit.h"

#include <string.h>

/* ---- what an instance holds ---------------------------------------------------------------- */

typedef struct held {
    arena *a;
    schedule *s;
    const job_instance *jobs[20];
    size_t count;
} held;

/* Starts everything that can start at once. */
static held start_jobs(arena *a, const char *jobs, const called_file *files) {
    held h = {.a = a};
    str text = arena_printf(a, "on: push\n%s", jobs);
    event *ev = ARENA_NEW(a, event);
    *ev = planning_event(a, "push", NULL);
    plan *p;
    err e = {0};
    schedule_inputs *in = ARENA_NEW(a, schedule_inputs);
    in->secrets = planning_json(a, "{\"GITHUB_TOKEN\": \"t\", \"KEY\": \"k\", \"OTHER\": \"o\"}");
    in->vars = planning_json(a, "{\"os\": \"linux\"}");
    assert_int_equal(plan_build(a, planning_parse(a, text.ptr, files), ev, NULL, &p, &e), 0);
    if (schedule_new(p, in, NULL, NULL, &h.s, &e)) fail_msg("%s", e.message);
    while (h.count < 20 && (h.jobs[h.count] = schedule_next(h.s)))
        h.count++;
    return h;
}

#define FIFTY "01234567890123456789012345678901234567890123456789"

static void names_are_built_as_github_builds_them(void **state) {
    (void)state;
    static const struct {
        const char *jobs, *names[3];
    } cases[] = {
        {"jobs:\n  a: {" S "}\n", {"a"}},
        {"jobs:\n  a: {name: Build it, " S "}\n", {"Build it"}},
        {"jobs:\n  a: {name: Build, strategy: {matrix: {os: [l, w]}}, " S "}\n",
         {"Build (l)", "Build (w)"}},
        {"jobs:\n  a: {name: 'On ${{ matrix.os }}', strategy: {matrix: {os: [l, w]}}, " S "}\n",
         {"On l", "On w"}},
        {"jobs:\n  a: {name: '${{ matrix.nothing }}', strategy: {matrix: {os: [l]}}, " S "}\n",
         {"a (l)"}},
        {"jobs:\n  x: {name: Call, strategy: {matrix: {v: [1]}}, uses: "
         "./.github/workflows/two.yml}\n",
         {"Call (1) / a"}},
        {"jobs:\n  a: {strategy: {matrix: {v: ['" FIFTY FIFTY "']}}, " S "}\n",
         {"a (" FIFTY "01234567890123456789012345678901234567890123..."}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        held h = start_jobs(a, cases[i].jobs, planning_library);
        for (size_t k = 0; k < h.count; k++)
            assert_str(h.jobs[k]->name, cases[i].names[k] ? cases[i].names[k] : "(none)");
        schedule_free(h.s);
    }
}

static void an_instance_has_what_its_keys_say(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    held h = start_jobs(a,
                        "jobs:\n"
                        "  a: {runs-on: '${{ vars.os }}', steps: [{run: a}]}\n"
                        "  b: {runs-on: [self-hosted, '${{ vars.os }}'], steps: [{run: a}],"
                        " timeout-minutes: 5, cancel-timeout-minutes: 2, continue-on-error: true,"
                        " environment: prod, concurrency: {group: g, cancel-in-progress: true}}\n"
                        "  c: {runs-on: {group: big, labels: [fast]}, steps: [{run: a}],"
                        " environment: {name: 'to-${{ vars.os }}', url: '${{ steps.x.outputs.u }}',"
                        " deployment: false}}\n"
                        "  d: {strategy: {max-parallel: 3, fail-fast: false, matrix: {v: [7, 8]}},"
                        " runs-on: '${{ matrix.v }}', steps: [{run: a}]}\n",
                        NULL);
    assert_int_equal(h.count, 5);
    assert_str(h.jobs[0]->labels[0], "linux");
    assert_true(h.jobs[0]->timeout_minutes == 360 && h.jobs[0]->cancel_timeout_minutes == 5);
    assert_int_equal(h.jobs[0]->matrix.kind, VALUE_NULL);
    assert_int_equal(h.jobs[0]->total, 1);
    assert_int_equal(h.jobs[1]->label_count, 2);
    assert_str(h.jobs[1]->labels[0], "self-hosted");
    assert_str(h.jobs[1]->labels[1], "linux");
    assert_true(h.jobs[1]->timeout_minutes == 5 && h.jobs[1]->cancel_timeout_minutes == 2);
    assert_true(h.jobs[1]->continue_on_error && h.jobs[1]->concurrency_cancel);
    assert_str(h.jobs[1]->environment, "prod");
    assert_str(h.jobs[1]->concurrency_group, "g");
    assert_str(h.jobs[2]->runner_group, "big");
    assert_str(h.jobs[2]->labels[0], "fast");
    assert_str(h.jobs[2]->environment, "to-linux");
    assert_true(h.jobs[1]->environment_deployment);
    assert_false(h.jobs[2]->environment_deployment);
    assert_str(h.jobs[4]->labels[0], "8");
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_write(&text, &h.jobs[4]->strategy);
    assert_string_equal(strbuf_cstr(&text), "{\"fail-fast\":false,\"job-index\":1,\"job-total\":2,"
                                            "\"max-parallel\":3}");
    assert_true(value_get(&h.jobs[4]->matrix, STR("v"))->number == 8);
    assert_str(value_path_str(&h.jobs[4]->github, "event_name"), "push");
    assert_str(value_path_str(&h.jobs[4]->vars, "os"), "linux");
    schedule_free(h.s);
}

static void runners_may_be_named_by_expressions(void **state) {
    (void)state;
    static const struct {
        const char *runs_on, *labels, *group;
    } cases[] = {
        {"x", "x", ""},
        {"'${{ fromJSON(''[\"a\", \"b\"]'') }}'", "a b", ""},
        {"'${{ fromJSON(''{\"group\": \"g\", \"labels\": [\"a\", \"b\"]}'') }}'", "a b", "g"},
        {"['${{ vars.os }}-x', y]", "linux-x y", ""},
        {"{group: '${{ vars.os }}'}", "", "linux"},
        {"{labels: one}", "one", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf labels = STRBUF_INIT;
        str jobs =
            arena_printf(a, "jobs: {a: {runs-on: %s, steps: [{run: a}]}}\n", cases[i].runs_on);
        held h = start_jobs(a, jobs.ptr, NULL);
        assert_int_equal(h.count, 1);
        for (size_t k = 0; k < h.jobs[0]->label_count; k++)
            strbuf_addf(&labels, "%s%.*s", k ? " " : "", STR_ARG(h.jobs[0]->labels[k]));
        assert_string_equal(strbuf_cstr(&labels), cases[i].labels);
        assert_str(h.jobs[0]->runner_group, cases[i].group);
        schedule_free(h.s);
    }
}

static const called_file secretive[] = {
    {"s.yml", "on: {workflow_call: {secrets: {KEY: {required: true}, EXTRA: {required: false}}}}\n"
              "jobs: {a: {" S "}}\n"},
    {"free.yml", "on: workflow_call\njobs: {a: {" S "}}\n"},
    {NULL, NULL},
};

static void calls_see_the_secrets_that_they_are_given(void **state) {
    (void)state;
    static const struct {
        const char *call, *secrets;
    } cases[] = {
        {"uses: ./.github/workflows/free.yml", "{\"GITHUB_TOKEN\":\"t\"}"},
        {"uses: ./.github/workflows/s.yml, secrets: inherit",
         "{\"GITHUB_TOKEN\":\"t\",\"KEY\":\"k\",\"OTHER\":\"o\"}"},
        {"uses: ./.github/workflows/s.yml, secrets: {KEY: '${{ secrets.OTHER }}', EXTRA: '${{ "
         "secrets.UNSET }}'}",
         "{\"GITHUB_TOKEN\":\"t\",\"KEY\":\"o\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str jobs = arena_printf(a, "jobs:\n  x: {%s}\n", cases[i].call);
        held h = start_jobs(a, jobs.ptr, secretive);
        assert_int_equal(h.count, 1);
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        json_write(&text, &h.jobs[0]->secrets);
        assert_string_equal(strbuf_cstr(&text), cases[i].secrets);
        assert_str(h.jobs[0]->caller->key, "x");
        schedule_free(h.s);
    }
}

static void the_roots_concurrency_is_told(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    bool cancel;
    held h = start_jobs(a,
                        "concurrency: {group: '${{ github.workflow }}-${{ github.ref }}', "
                        "cancel-in-progress: true}\njobs: {a: {" S "}}\n",
                        NULL);
    assert_str(schedule_group(h.s, &cancel), ".github/workflows/test.yml-refs/heads/main");
    assert_true(cancel);
    schedule_free(h.s);
    h = start_jobs(a, "jobs: {a: {" S "}}\n", NULL);
    assert_str(schedule_group(h.s, &cancel), "");
    schedule_free(h.s);
}

static void a_wrong_root_is_refused_before_anything_starts(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(
        a, "on: push\nconcurrency: {group: '${{ vars.no }}'}\njobs: {a: {" S "}}\n", NULL);
    event ev = planning_event(a, "push", NULL);
    plan *p;
    schedule *s;
    err e = {0};
    schedule_inputs in = {0};
    assert_int_equal(plan_build(a, w, &ev, NULL, &p, NULL), 0);
    assert_int_equal(schedule_new(p, &in, NULL, NULL, &s, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "Error when evaluating 'concurrency'"));
}

static void the_matrix_filter_leaves_the_rest_out(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a,
                                 "on: push\njobs:\n  a: {strategy: {matrix: {v: [1, 2, 3]}}, " S
                                 "}\n  b: {strategy: {matrix: {v: [4]}}, " S "}\n  c: {" S "}\n",
                                 NULL);
    event ev = planning_event(a, "push", NULL);
    value_pair wanted = {STR_INIT("v"), {0}};
    wanted.item = value_string(STR("2"));
    plan_filter filter = {.matrix = &wanted, .matrix_count = 1};
    plan *p;
    schedule *s;
    schedule_inputs in = {0};
    assert_int_equal(plan_build(a, w, &ev, &filter, &p, NULL), 0);
    assert_int_equal(schedule_new(p, &in, NULL, NULL, &s, NULL), 0);
    const job_instance *first = schedule_next(s), *second = schedule_next(s);
    assert_str(first->key, "a (2)");
    assert_str(second->key, "c");
    assert_int_equal(first->index, 1);
    assert_int_equal(first->total, 3);
    assert_null(schedule_next(s));
    schedule_free(s);
}

/* ---- random graphs ------------------------------------------------------------------------- */

#define RANDOM_JOBS 60

static uint32_t random_state;

static uint32_t roll(uint32_t sides) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % sides;
}

/* Jobs with needs among the earlier ones, conditions, matrices, calls and groups. */
static str random_jobs(arena *a) {
    static const char *const conditions[] = {"",
                                             "",
                                             "if: always(), ",
                                             "if: failure(), ",
                                             "if: '!cancelled()', ",
                                             "if: cancelled(), ",
                                             "if: false, ",
                                             "if: fromJSON('x'), "};
    static const char *const strategies[] = {
        "", "", "", "strategy: {matrix: {v: [1, 2, 3]}}, ",
        "strategy: {fail-fast: false, max-parallel: 2, matrix: {v: [1, 2, 3, 4]}}, "};
    static const char *const groups[] = {"",
                                         "",
                                         "",
                                         "concurrency: g, ",
                                         "concurrency: {group: g, cancel-in-progress: true}, ",
                                         "concurrency: {group: p, queue: max}, "};
    static const char *const bodies[] = {
        S,
        S,
        S,
        ("continue-on-error: true, " S),
        "uses: ./.github/workflows/two.yml",
        "uses: ./.github/workflows/group.yml",
        "uses: ./.github/workflows/nest.yml",
        "uses: ./.github/workflows/cross.yml, with: {one: p, two: q}",
        "uses: ./.github/workflows/cross.yml, with: {one: q, two: g}"};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    uint32_t count = 1 + roll(RANDOM_JOBS);
    strbuf_adds(&out, roll(4) ? "jobs:\n" : "concurrency: g\njobs:\n");
    for (uint32_t i = 0; i < count; i++) {
        strbuf_addf(&out, "  j%u: {", i);
        for (uint32_t k = 0, n = i ? roll(4) : 0; k < n; k++)
            strbuf_addf(&out, "%sj%u%s", k ? ", " : "needs: [", i - 1 - roll(i < 8 ? i : 8),
                        k + 1 == n ? "], " : "");
        strbuf_adds(&out, conditions[roll(8)]);
        strbuf_adds(&out, strategies[roll(5)]);
        strbuf_adds(&out, groups[roll(6)]);
        strbuf_addf(&out, "%s}\n", bodies[roll(9)]);
    }
    return arena_str(a, strbuf_str(&out));
}

typedef struct ledger {
    value ended; /* plan job's key under its caller's instance: true */
    arena *a;
    size_t open_calls;
} ledger;

static str node_key(arena *a, const plan_job *job, const job_instance *caller) {
    return caller ? arena_printf(a, "%.*s/%.*s", STR_ARG(caller->key), STR_ARG(job->job->id))
                  : job->job->id;
}

/* Counts the instances of a job that have ended; a whole job that never started counts at once. */
static void note_end(ledger *l, const plan_job *job, const job_instance *instance, str key) {
    str node = instance ? node_key(l->a, job, instance->caller) : key;
    const value *before = value_get(&l->ended, node);
    double total = instance ? instance->total : 1, ended = before ? before->number : 0;
    value_set(l->a, &l->ended, node, value_number(ended + 1 / total));
}

static void on_random_event(void *context, const schedule_event *ev) {
    ledger *l = context;
    if (ev->kind == SCHEDULE_CALL_STARTED) {
        l->open_calls++;
        return;
    }
    if (ev->kind == SCHEDULE_CALL_FINISHED) l->open_calls--;
    if (ev->result == JOB_PENDING) fail_msg("%.*s ended as pending", STR_ARG(ev->key));
    if (ev->kind == SCHEDULE_NOT_STARTED && ev->reason.len == 0)
        fail_msg("%.*s did not start for no reason", STR_ARG(ev->key));
    note_end(l, ev->job, ev->instance, ev->key);
}

static void check_needs_ended(ledger *l, const job_instance *job) {
    for (size_t k = 0; k < job->plan->need_count; k++) {
        const value *ended = value_get(&l->ended, node_key(l->a, job->plan->needs[k], job->caller));
        if (!ended || ended->number < 0.999)
            fail_msg("%.*s started before its needs", STR_ARG(job->key));
    }
}

static void random_run(uint32_t seed) {
    _cleanup_arena_ arena *a = arena_new();
    random_state = seed * 2654435761u + 1;
    str text = arena_printf(a, "on: push\n%s", random_jobs(a).ptr);
    ledger l = {.a = a, .ended = value_object_new(a, true)};
    event ev = planning_event(a, "push", NULL);
    plan *p;
    schedule *s;
    schedule_inputs in = {.max_parallel = roll(3) ? 0 : 1 + roll(4)};
    assert_int_equal(
        plan_build(a, planning_parse(a, text.ptr, planning_library), &ev, NULL, &p, NULL), 0);
    assert_int_equal(schedule_new(p, &in, on_random_event, &l, &s, NULL), 0);
    const job_instance *running[2000];
    size_t count = 0, steps = 0;
    unsigned results = 0;
    uint32_t cancel_at = roll(3) ? UINT32_MAX : roll(40);
    for (;;) {
        const job_instance *job;
        while ((job = schedule_next(s))) {
            check_needs_ended(&l, job);
            assert_true(!in.max_parallel || count < in.max_parallel);
            running[count++] = job;
        }
        while (schedule_take_cancel(s, NULL))
            ;
        if (count == 0) break;
        if (steps++ == cancel_at) schedule_cancel(s);
        size_t at = roll((uint32_t)count);
        job = running[at];
        running[at] = running[--count];
        job_result result = roll(4) ? JOB_SUCCESS : roll(3) ? JOB_FAILURE : JOB_CANCELLED;
        if (result == JOB_FAILURE && !job->continue_on_error && !job->caller)
            results |= 1u << JOB_FAILURE;
        note_end(&l, job->plan, job, job->key);
        schedule_finish(s, job, result, NULL);
    }
    if (!schedule_done(s)) fail_msg("seed %u never ends:\n%s", seed, text.ptr);
    assert_int_equal(l.open_calls, 0);
    for (size_t i = 0; i < value_count(&l.ended); i++) {
        double ended = value_at(&l.ended, i)->item.number;
        if (ended < 0.999 || ended > 1.001)
            fail_msg("seed %u: %.*s ended %g times", seed, STR_ARG(value_at(&l.ended, i)->key),
                     ended);
    }
    size_t roots;
    plan_roots(p, &roots);
    for (size_t i = 0; i < roots; i++)
        assert_non_null(value_get(&l.ended, plan_roots(p, &roots)[i]->key));
    if (results & (1u << JOB_FAILURE)) assert_int_equal(schedule_result(s), JOB_FAILURE);
    schedule_free(s);
}

static void random_graphs_end_and_keep_their_order(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 400; seed++)
        random_run(seed);
}

/* ---- size ---------------------------------------------------------------------------------- */

static void a_long_chain_and_a_wide_fan_are_walked_without_recursion(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    _cleanup_arena_ arena *a = arena_new();
    workflow w = {.path = "w.yml", .name = STR("w"), .job_count = COUNT};
    w.jobs = ARENA_ARRAY(a, workflow_job *, COUNT);
    for (int i = 0; i < COUNT; i++) {
        w.jobs[i] = ARENA_NEW(a, workflow_job);
        w.jobs[i]->id = arena_printf(a, "j%d", i);
        if (i == 0) continue;
        /* even jobs make a chain, odd ones hang on the first */
        token *need = ARENA_NEW(a, token);
        *need = (token){.kind = TOKEN_STRING, .text = i % 2 ? STR("j0") : w.jobs[i - 2]->id};
        w.jobs[i]->needs = ARENA_ARRAY(a, const token *, 1);
        w.jobs[i]->needs[0] = need;
        w.jobs[i]->need_count = 1;
    }
    event ev = planning_event(a, "push", NULL);
    plan *p;
    for (int fails = 0; fails < 2; fails++) {
        schedule *s;
        schedule_inputs in = {0};
        size_t started = 0;
        assert_int_equal(plan_build(a, &w, &ev, NULL, &p, NULL), 0);
        assert_int_equal(schedule_new(p, &in, NULL, NULL, &s, NULL), 0);
        for (const job_instance *job; (job = schedule_next(s)); started++)
            schedule_finish(s, job, fails ? JOB_FAILURE : JOB_SUCCESS, NULL);
        assert_true(schedule_done(s));
        assert_int_equal(started, fails ? 1 : COUNT);
        schedule_free(s);
    }
}

static void count_failures(void *context, const schedule_event *ev) {
    size_t *failures = context;
    if (ev->kind == SCHEDULE_NOT_STARTED && ev->result == JOB_FAILURE &&
        str_find(ev->reason, STR("the run has more than 20000 jobs")) >= 0)
        ++*failures;
}

static void matrices_of_calls_of_matrices_hit_a_limit(void **state) {
    (void)state;
#define MANY                                                                                       \
    "strategy: {fail-fast: false, matrix: {a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15," \
    " 16], b: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]}}"
    static const called_file calls[] = {
        {"one.yml",
         "on: workflow_call\njobs:\n  x: {" MANY ", uses: ./.github/workflows/two.yml}\n"},
        {"two.yml", "on: workflow_call\njobs:\n  x: {" MANY ", " S "}\n"},
        {NULL, NULL},
    };
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(
        a, "on: push\njobs:\n  x: {" MANY ", uses: ./.github/workflows/one.yml}\n", calls);
    event ev = planning_event(a, "push", NULL);
    plan *p;
    schedule *s;
    schedule_inputs in = {0};
    size_t failures = 0;
    assert_int_equal(plan_build(a, w, &ev, NULL, &p, NULL), 0);
    assert_int_equal(schedule_new(p, &in, count_failures, &failures, &s, NULL), 0);
    for (const job_instance *job; (job = schedule_next(s));)
        schedule_finish(s, job, JOB_SUCCESS, NULL);
    assert_true(schedule_done(s));
    assert_true(failures > 0);
    assert_int_equal(schedule_result(s), JOB_FAILURE);
    schedule_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_built_as_github_builds_them),
        cmocka_unit_test(an_instance_has_what_its_keys_say),
        cmocka_unit_test(runners_may_be_named_by_expressions),
        cmocka_unit_test(calls_see_the_secrets_that_they_are_given),
        cmocka_unit_test(the_roots_concurrency_is_told),
        cmocka_unit_test(a_wrong_root_is_refused_before_anything_starts),
        cmocka_unit_test(the_matrix_filter_leaves_the_rest_out),
        cmocka_unit_test(random_graphs_end_and_keep_their_order),
        cmocka_unit_test(a_long_chain_and_a_wide_fan_are_walked_without_recursion),
        cmocka_unit_test(matrices_of_calls_of_matrices_hit_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
