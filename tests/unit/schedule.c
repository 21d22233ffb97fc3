/* Each case is a workflow, what its jobs do, and the transcript that must come of it. The rules are
 * GitHub's pages on `needs`, `if`, matrices, reusable workflows, concurrency and cancellation. */
#include "planning.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* What a job does when it runs; jobs that are not named succeed without outputs. */
typedef struct deed {
    const char *key;
    job_result result;
    const char *outputs;
} deed;

typedef struct run_case {
    const char *jobs; /* what follows "on: push\n" */
    const called_file *files;
    deed deeds[6];
    const char *cancel_at; /* the run is cancelled when this job has started */
    size_t max_parallel;
    const char *transcript[40];
    job_result result; /* 0: success */
} run_case;

typedef struct driver {
    arena *a;
    schedule *s;
    const run_case *c;
    str lines[200];
    size_t line_count;
    const job_instance *running[300];
    bool cancelled[300];
    size_t running_count;
} driver;

static void say(driver *d, str line) {
    assert_true(d->line_count < sizeof d->lines / sizeof *d->lines);
    d->lines[d->line_count++] = line;
}

static void on_event(void *context, const schedule_event *ev) {
    driver *d = context;
    if (ev->kind == SCHEDULE_CALL_STARTED) {
        say(d, arena_printf(d->a, "call %.*s", STR_ARG(ev->key)));
        return;
    }
    const char *what = ev->kind == SCHEDULE_CALL_FINISHED ? "called" : "not";
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_addf(&out, "%s %.*s: %s", what, STR_ARG(ev->key), job_result_name(ev->result));
    if (ev->reason.len) strbuf_addf(&out, ", %.*s", STR_ARG(ev->reason));
    if (value_count(&ev->outputs)) {
        strbuf_addc(&out, ' ');
        json_write(&out, &ev->outputs);
    }
    say(d, arena_str(d->a, strbuf_str(&out)));
}

static void drain_cancels(driver *d) {
    const job_instance *job;
    str reason;
    while ((job = schedule_take_cancel(d->s, &reason))) {
        say(d, arena_printf(d->a, "cancel %.*s: %.*s", STR_ARG(job->key), STR_ARG(reason)));
        for (size_t i = 0; i < d->running_count; i++)
            d->cancelled[i] = d->cancelled[i] || d->running[i] == job;
    }
}

static void start_all(driver *d) {
    const job_instance *job;
    while ((job = schedule_next(d->s))) {
        say(d, arena_printf(d->a, "start %.*s", STR_ARG(job->key)));
        d->cancelled[d->running_count] = false;
        d->running[d->running_count++] = job;
        if (d->c->cancel_at && str_is(job->key, d->c->cancel_at)) schedule_cancel(d->s);
        drain_cancels(d);
    }
    drain_cancels(d);
}

/* Cancelled jobs end first, then the oldest. */
static void finish_one(driver *d) {
    size_t at = 0;
    for (size_t i = 0; i < d->running_count; i++) {
        if (d->cancelled[i]) at = i;
    }
    const job_instance *job = d->running[at];
    job_result result = d->cancelled[at] ? JOB_CANCELLED : JOB_SUCCESS;
    value outputs = VALUE_NULL_INIT;
    for (const deed *did = d->c->deeds; did->key && !d->cancelled[at]; did++) {
        if (!str_is(job->key, did->key)) continue;
        if (did->result) result = did->result;
        if (did->outputs) outputs = planning_json(d->a, did->outputs);
    }
    d->running_count--;
    memmove(&d->running[at], &d->running[at + 1], (d->running_count - at) * sizeof d->running[0]);
    memmove(&d->cancelled[at], &d->cancelled[at + 1], d->running_count - at);
    if (result != JOB_SUCCESS)
        say(d, arena_printf(d->a, "end %.*s: %s", STR_ARG(job->key), job_result_name(result)));
    schedule_finish(d->s, job, result, outputs.kind == VALUE_OBJECT ? &outputs : NULL);
}

/* A line that ends in "..." stands for all that begin with it. */
static bool line_is(str line, const char *expected) {
    str start = str_from(expected);
    if (!str_ends(start, STR("..."))) return str_eq(line, start);
    return str_starts(line, str_sub(start, 0, start.len - 3));
}

static void run_case_through(const run_case *c) {
    _cleanup_arena_ arena *a = arena_new();
    driver d = {.a = a, .c = c};
    str text = arena_printf(a, "on: push\n%s", c->jobs);
    workflow *w = planning_parse(a, text.ptr, c->files);
    event ev = planning_event(a, "push", NULL);
    plan *p;
    err e = {0};
    schedule_inputs in = {.max_parallel = c->max_parallel};
    in.vars = planning_json(a, "{\"list\": \"[1, 2]\", \"no\": \"\"}");
    in.secrets = planning_json(a, "{\"GITHUB_TOKEN\": \"t\", \"KEY\": \"k\", \"OTHER\": \"o\"}");
    assert_int_equal(plan_build(a, w, &ev, NULL, &p, &e), 0);
    if (schedule_new(p, &in, on_event, &d, &d.s, &e)) fail_msg("%s", e.message);
    start_all(&d);
    while (d.running_count) {
        finish_one(&d);
        drain_cancels(&d);
        start_all(&d);
    }
    assert_true(schedule_done(d.s));
    assert_null(schedule_next(d.s));
    job_result result = schedule_result(d.s);
    schedule_free(d.s);
    for (size_t i = 0; i < d.line_count; i++) {
        if (!c->transcript[i] || !line_is(d.lines[i], c->transcript[i]))
            fail_msg("%s\nline %zu is \"%.*s\",\n  expected \"%s\"", c->jobs, i,
                     STR_ARG(d.lines[i]), c->transcript[i] ? c->transcript[i] : "(the end)");
    }
    if (c->transcript[d.line_count])
        fail_msg("%s\nthe end, expected \"%s\"", c->jobs, c->transcript[d.line_count]);
    assert_string_equal(job_result_name(result),
                        job_result_name(c->result ? c->result : JOB_SUCCESS));
}

#define RUN_ALL(cases)                                                                             \
    for (size_t run_ = 0; run_ < sizeof(cases) / sizeof *(cases); run_++)                          \
    run_case_through(&(cases)[run_])

static void jobs_start_when_their_needs_have_ended(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  c: {needs: [a, b], " S "}\n  a: {" S "}\n  b: {needs: a, " S "}\n",
         .transcript = {"start a", "start b", "start c"}},
        {.jobs = "jobs:\n  a: {" S "}\n  b: {" S "}\n  c: {" S "}\n",
         .max_parallel = 2,
         .transcript = {"start a", "start b", "start c"}},
    };
    RUN_ALL(cases);
}

static void failures_and_skips_go_down_the_chain(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {" S "}\n  b: {needs: a, " S "}\n  c: {needs: b, " S "}\n",
         .deeds = {{"a", JOB_FAILURE, NULL}},
         .transcript = {"start a", "end a: failure", "not b: skipped, it needs 'a', which failed",
                        "not c: skipped, it needs 'b', which was skipped"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  a: {if: false, " S "}\n  b: {needs: a, " S "}\n",
         .transcript = {"not a: skipped, its condition is false: false",
                        "not b: skipped, it needs 'a', which was skipped"},
         .result = JOB_SKIPPED},
        /* always() lets one job run; the one behind it still has a skip in its chain */
        {.jobs = "jobs:\n  a: {if: false, " S "}\n  b: {needs: a, if: always(), " S "}\n"
                 "  c: {needs: b, " S "}\n  d: {needs: b, if: '!failure()', " S "}\n",
         .transcript = {"not a: skipped, its condition is false: false", "start b",
                        "not c: skipped, a job before it was skipped", "start d"}},
        {.jobs = "jobs:\n  a: {" S "}\n  b: {needs: a, " S "}\n"
                 "  c: {needs: b, if: failure(), " S "}\n  d: {needs: a, if: success(), " S "}\n",
         .deeds = {{"a", JOB_FAILURE, NULL}},
         .transcript = {"start a", "end a: failure", "not b: skipped, it needs 'a', which failed",
                        "not d: skipped, it needs 'a', which failed", "start c"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  a: {" S "}\n  b: {needs: a, if: failure(), " S "}\n",
         .transcript = {"start a", "not b: skipped, its condition is false: failure()"}},
        {.jobs = "jobs:\n  a: {if: github.ref == 'refs/heads/main' && vars.no == '', " S "}\n"
                 "  b: {if: \"github.event_name == 'schedule'\", " S "}\n",
         .transcript = {"not b: skipped, its condition is false: github.event_name == 'schedule'",
                        "start a"}},
    };
    RUN_ALL(cases);
}

static void status_functions_take_names_of_needs(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {" S "}\n  b: {" S "}\n"
                 "  c: {needs: [a, b], if: \"failure('a')\", " S "}\n"
                 "  d: {needs: [a, b], if: \"success('b')\", " S "}\n"
                 "  e: {needs: [a, b], if: \"success('a', 'b')\", " S "}\n"
                 "  f: {needs: [a], if: \"success('b')\", " S "}\n",
         .deeds = {{"a", JOB_FAILURE, NULL}},
         .transcript = {"start a", "start b", "end a: failure",
                        "not f: failure, .github/workflows/test.yml:8:23: Error when evaluating "
                        "'if' for job 'f': success() names 'b', which is not a job that 'f' needs",
                        "not e: skipped, its condition is false: success('a', 'b')", "start c",
                        "start d"},
         .result = JOB_FAILURE},
    };
    RUN_ALL(cases);
}

static void continue_on_error_counts_as_success(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {continue-on-error: true, " S "}\n  b: {needs: a, " S "}\n"
                 "  c: {needs: a, if: \"needs.a.result == 'success'\", " S "}\n",
         .deeds = {{"a", JOB_FAILURE, NULL}},
         .transcript = {"start a", "end a: failure", "start b", "start c"}},
    };
    RUN_ALL(cases);
}

static void outputs_reach_the_jobs_that_need_them(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {outputs: {list: '${{ 1 }}'}, " S "}\n"
                 "  b:\n    needs: a\n    if: needs.a.outputs.go == 'yes'\n    " S2 "\n"
                 "    strategy: {matrix: {n: '${{ fromJSON(needs.a.outputs.list) }}'}}\n"
                 "  c: {needs: b, if: needs.a.outputs.go == 'yes', " S "}\n",
         .deeds = {{"a", 0, "{\"list\": \"[5, 6]\", \"go\": \"yes\"}"}},
         .transcript = {"start a", "start b (5)", "start b (6)",
                        "not c: skipped, its condition is false: needs.a.outputs.go == 'yes'"}},
        /* a matrix shares its outputs; empty ones do not overwrite */
        {.jobs =
             "jobs:\n  m: {strategy: {matrix: {v: [1, 2]}}, " S "}\n"
             "  n: {needs: m, if: \"needs.m.outputs.one == 'x' && needs.m.outputs.two == 'y' && "
             "needs.m.outputs.both == 'late'\", " S "}\n",
         .deeds = {{"m (1)", 0, "{\"one\": \"x\", \"two\": \"\", \"both\": \"early\"}"},
                   {"m (2)", 0, "{\"one\": \"\", \"two\": \"y\", \"both\": \"late\"}"}},
         .transcript = {"start m (1)", "start m (2)", "start n"}},
    };
    RUN_ALL(cases);
}

static void matrices_fail_fast_and_keep_their_limits(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  m: {strategy: {max-parallel: 2, matrix: {v: [1, 2, 3]}}, " S "}\n"
                 "  n: {needs: m, if: always(), " S "}\n",
         .deeds = {{"m (1)", JOB_FAILURE, NULL}},
         .transcript = {"start m (1)", "start m (2)", "end m (1): failure",
                        "not m (3): cancelled, fail-fast: 'm (1)' failed",
                        "cancel m (2): fail-fast: 'm (1)' failed", "end m (2): cancelled",
                        "start n"},
         .result = JOB_FAILURE},
        {.jobs =
             "jobs:\n  m: {strategy: {fail-fast: false, max-parallel: 1, matrix: {v: [1, 2]}}, " S
             "}\n",
         .deeds = {{"m (1)", JOB_FAILURE, NULL}},
         .transcript = {"start m (1)", "end m (1): failure", "start m (2)"},
         .result = JOB_FAILURE},
        /* "Preventing a specific failing matrix job from failing a workflow run" */
        {.jobs = "jobs:\n  m:\n    " S2 "\n    continue-on-error: ${{ matrix.experimental }}\n"
                 "    strategy:\n      matrix:\n        node: [13]\n        experimental: [false]\n"
                 "        include: [{node: 15, experimental: true}]\n  n: {needs: m, " S "}\n",
         .deeds = {{"m (15, true)", JOB_FAILURE, NULL}},
         .transcript = {"start m (13, false)", "start m (15, true)", "end m (15, true): failure",
                        "start n"}},
        {.jobs = "jobs:\n  m: {strategy: {matrix: {v: [{a: 1}, {a: '1'}, '']}}, " S "}\n",
         .transcript = {"start m (1)", "start m (1) #2", "start m"}},
    };
    RUN_ALL(cases);
}

static void what_cannot_be_evaluated_fails_the_job(void **state) {
    (void)state;
#define W ".github/workflows/test.yml"
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {if: fromJSON('x'), " S "}\n  b: {needs: a, " S "}\n",
         .transcript = {"not a: failure, " W ":3:11: Error when evaluating 'if' for job 'a': Error "
                        "parsing fromJson...",
                        "not b: skipped, it needs 'a', which failed"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  m: {strategy: {matrix: {v: '${{ fromJSON(vars.no2) }}'}}, " S "}\n",
         .transcript = {"not m: failure, " W ":3:30: Error when evaluating 'strategy' for job 'm': "
                        "Error parsing fromJson..."},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  m: {strategy: {matrix: {v: [1, 2]}}, timeout-minutes: '${{ "
                 "fromJSON(vars.list)[matrix.v].x.y && 1 || vars.no }}', " S "}\n",
         .transcript = {"not m (1): failure, " W ":3:57: Error when evaluating 'timeout-minutes' "
                        "for job 'm': Unexpected value ''",
                        "not m (2): cancelled, fail-fast: 'm (1)' failed"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  a: {runs-on: '${{ vars.no }}', steps: [{run: a}]}\n",
         .transcript = {"not a: failure, " W ":3:16: Error when evaluating 'runs-on' for job 'a': "
                        "Unexpected value ''"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  a: {concurrency: '${{ vars.no }}', " S "}\n",
         .transcript = {"not a: failure, " W ":3:20: Error when evaluating 'concurrency' for job "
                        "'a': Unexpected value ''"},
         .result = JOB_FAILURE},
    };
    RUN_ALL(cases);
}

static void calls_have_inputs_outputs_and_results(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml}\n"
                 "  y: {needs: x, if: \"needs.x.outputs.said == 'hi' && needs.x.result == "
                 "'success'\", " S "}\n",
         .files = planning_library,
         .deeds = {{"x/say", 0, "{\"text\": \"hi\"}"}},
         .transcript = {"call x", "start x/say", "start x/then",
                        "called x: success {\"said\":\"hi\"}", "start y"}},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/nest.yml}\n",
         .files = planning_library,
         .deeds = {{"x/deep/say", 0, "{\"text\": \"deep\"}"}},
         .transcript = {"call x", "call x/deep", "start x/deep/say", "start x/deep/then",
                        "called x/deep: success {\"said\":\"deep\"}",
                        "called x: success {\"out\":\"deep\"}"}},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml}\n  y: {needs: x, " S "}\n",
         .files = planning_library,
         .deeds = {{"x/say", JOB_FAILURE, NULL}},
         .transcript = {"call x", "start x/say", "end x/say: failure",
                        "not x/then: skipped, it needs 'say', which failed",
                        "called x: failure {\"said\":\"\"}",
                        "not y: skipped, it needs 'x', which failed"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml, with: {who: nobody}}\n",
         .files = planning_library,
         .transcript = {"call x",
                        "not x/say: skipped, its condition is false: inputs.who != 'nobody' && "
                        "inputs.n == 0 && inputs.flag == false",
                        "not x/then: skipped, it needs 'say', which was skipped",
                        "called x: skipped {\"said\":\"\"}"},
         .result = JOB_SKIPPED},
        {.jobs = "jobs:\n  a: {" S "}\n"
                 "  x: {needs: a, if: failure(), uses: ./.github/workflows/two.yml}\n",
         .files = planning_library,
         .transcript = {"start a", "not x: skipped, its condition is false: failure()"}},
        {.jobs = "jobs:\n  x: {strategy: {matrix: {w: [one, two]}, max-parallel: 1}, uses: "
                 "./.github/workflows/lib.yml, with: {who: '${{ matrix.w }}'}}\n"
                 "  y: {needs: x, if: needs.x.outputs.said == 'B', " S "}\n",
         .files = planning_library,
         .deeds = {{"x (one)/say", 0, "{\"text\": \"A\"}"},
                   {"x (two)/say", 0, "{\"text\": \"B\"}"}},
         .transcript = {"call x (one)", "start x (one)/say", "start x (one)/then",
                        "called x (one): success {\"said\":\"A\"}", "call x (two)",
                        "start x (two)/say", "start x (two)/then",
                        "called x (two): success {\"said\":\"B\"}", "start y"}},
        {.jobs = "jobs:\n  x: {strategy: {fail-fast: false, matrix: {w: [one, two]}}, uses: "
                 "./.github/workflows/lib.yml, with: {who: '${{ matrix.w }}'}}\n"
                 "  y: {needs: x, if: always() && needs.x.outputs.said == 'B', " S "}\n",
         .files = planning_library,
         .deeds = {{"x (one)/say", 0, "{\"text\": \"A\"}"},
                   {"x (one)/then", JOB_FAILURE, NULL},
                   {"x (two)/say", 0, "{\"text\": \"B\"}"}},
         .transcript = {"call x (one)", "call x (two)", "start x (one)/say", "start x (two)/say",
                        "start x (one)/then", "start x (two)/then", "end x (one)/then: failure",
                        "called x (one): failure {\"said\":\"A\"}",
                        "called x (two): success {\"said\":\"B\"}", "start y"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  x: {strategy: {matrix: {w: [one, two]}}, uses: "
                 "./.github/workflows/two.yml}\n",
         .files = planning_library,
         .deeds = {{"x (one)/a", JOB_FAILURE, NULL}},
         .transcript = {"call x (one)", "call x (two)", "start x (one)/a", "start x (two)/a",
                        "end x (one)/a: failure",
                        "not x (one)/b: skipped, it needs 'a', which failed", "start x (one)/clean",
                        "start x (two)/b", "called x (one): failure",
                        "cancel x (two)/b: fail-fast: 'x (one)' failed", "end x (two)/b: cancelled",
                        "start x (two)/clean", "called x (two): cancelled"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml, with: {n: '${{ vars.list }}'}}\n",
         .files = planning_library,
         .transcript = {"not x: failure, " W ":3:52: Error when calling "
                        "'./.github/workflows/lib.yml' in job 'x': input 'n' is a number and "
                        "cannot be '[1, 2]'"},
         .result = JOB_FAILURE},
    };
    RUN_ALL(cases);
}

static void a_cancelled_run_keeps_what_its_conditions_keep(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  a: {" S "}\n  b: {if: always(), " S "}\n  c: {needs: a, " S "}\n"
                 "  d: {needs: a, if: cancelled(), " S "}\n  e: {needs: d, if: always(), " S "}\n"
                 "  f: {needs: a, if: failure(), " S "}\n",
         .cancel_at = "b",
         .transcript = {"start a", "start b", "cancel a: the run was cancelled", "end a: cancelled",
                        "not c: cancelled, the run was cancelled",
                        "not f: cancelled, the run was cancelled", "start d", "start e"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  m: {strategy: {matrix: {v: [1, 2, 3]}, max-parallel: 1}, " S "}\n",
         .cancel_at = "m (1)",
         .transcript = {"start m (1)", "not m (2): cancelled, the run was cancelled",
                        "not m (3): cancelled, the run was cancelled",
                        "cancel m (1): the run was cancelled", "end m (1): cancelled"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/two.yml}\n"
                 "  y: {needs: x, if: always(), uses: ./.github/workflows/two.yml}\n",
         .files = planning_library,
         .cancel_at = "x/a",
         .transcript = {"call x", "start x/a", "cancel x/a: the run was cancelled",
                        "end x/a: cancelled", "not x/b: cancelled, the run was cancelled",
                        "start x/clean", "called x: cancelled", "call y", "start y/a", "start y/b",
                        "start y/clean", "called y: success"},
         .result = JOB_CANCELLED},
    };
    RUN_ALL(cases);
}

static void jobs_of_one_group_run_one_at_a_time(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs =
             "jobs:\n  a: {concurrency: G, " S "}\n  b: {concurrency: g, " S "}\n  c: {" S "}\n",
         .transcript = {"start a", "start c", "start b"}},
        {.jobs = "jobs:\n  a: {concurrency: g, " S "}\n  b: {concurrency: g, " S "}\n"
                 "  c: {concurrency: g, " S "}\n",
         .transcript = {"not b: cancelled, a later one took its place in concurrency group 'g'",
                        "start a", "start c"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  m: {concurrency: {group: g, queue: max}, strategy: {matrix: {v: [1, 2, "
                 "3]}}, " S "}\n",
         .transcript = {"start m (1)", "start m (2)", "start m (3)"}},
        {.jobs = "jobs:\n  a: {concurrency: g, " S "}\n  s: {" S "}\n"
                 "  b: {needs: s, concurrency: {group: g, cancel-in-progress: true}, " S "}\n",
         .deeds = {{"a", 0, NULL}},
         .max_parallel = 0,
         .cancel_at = NULL,
         .transcript = {"start a", "start s", "start b"}},
        {.jobs = "jobs:\n  s: {" S "}\n  a: {concurrency: g, " S "}\n"
                 "  b: {needs: s, concurrency: {group: g, cancel-in-progress: true}, " S "}\n",
         .transcript = {"start s", "start a",
                        "cancel a: a later one took its place in concurrency group 'g'",
                        "end a: cancelled", "start b"},
         .result = JOB_CANCELLED},
    };
    RUN_ALL(cases);
}

static void groups_that_would_wait_for_ever_are_refused(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "concurrency: g\njobs:\n  a: {concurrency: g, " S "}\n  b: {" S "}\n",
         .transcript = {"not a: cancelled, a deadlock: concurrency group 'g' is held by the "
                        "workflow that it is part of",
                        "start b"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  x: {concurrency: shared, uses: ./.github/workflows/group.yml}\n",
         .files = planning_library,
         .transcript = {"not x: cancelled, a deadlock: concurrency group 'shared' is held by the "
                        "call that it is part of"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/group.yml}\n"
                 "  y: {uses: ./.github/workflows/group.yml}\n",
         .files = planning_library,
         .transcript = {"call x", "start x/a", "called x: success", "call y", "start y/a",
                        "called y: success"}},
        {.jobs = "jobs:\n"
                 "  x: {uses: ./.github/workflows/cross.yml, with: {one: p, two: q}}\n"
                 "  y: {uses: ./.github/workflows/cross.yml, with: {one: q, two: p}}\n",
         .files = planning_library,
         .transcript = {"call x", "call y", "start x/first", "start y/first",
                        "not y/a: cancelled, a deadlock: concurrency group 'p' is held by a call "
                        "that waits for another group",
                        "called y: cancelled", "start x/a", "called x: success"},
         .result = JOB_CANCELLED},
    };
    RUN_ALL(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_start_when_their_needs_have_ended),
        cmocka_unit_test(failures_and_skips_go_down_the_chain),
        cmocka_unit_test(status_functions_take_names_of_needs),
        cmocka_unit_test(continue_on_error_counts_as_success),
        cmocka_unit_test(outputs_reach_the_jobs_that_need_them),
        cmocka_unit_test(matrices_fail_fast_and_keep_their_limits),
        cmocka_unit_test(what_cannot_be_evaluated_fails_the_job),
        cmocka_unit_test(calls_have_inputs_outputs_and_results),
        cmocka_unit_test(a_cancelled_run_keeps_what_its_conditions_keep),
        cmocka_unit_test(jobs_of_one_group_run_one_at_a_time),
        cmocka_unit_test(groups_that_would_wait_for_ever_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
