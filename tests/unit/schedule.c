/* Each case is a workflow, what its jobs do, and the transcript that must come of it. The rules are
 * GitHub's pages on `needs`, `if`, matrices, reusable workflows, concurrency and cancellation. */
#include "planning.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define S  "runs-on: x, steps: [{run: a}]" /* inside braces */
#define S2 "runs-on: x\n    steps: [{run: a}]"

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

static const called_file library[] = {
    {"lib.yml",
     "on:\n  workflow_call:\n    inputs:\n      who: {type: string, default: world}\n"
     "      n: {type: number}\n      flag: {type: boolean}\n"
     "    secrets: {KEY: {required: false}}\n"
     "    outputs: {said: {value: '${{ jobs.say.outputs.text }}'}}\n"
     "jobs:\n  say: {if: \"inputs.who != 'nobody' && inputs.n == 0 && inputs.flag == false\", " S
     "}\n  then: {needs: say, " S "}\n"},
    {"nest.yml",
     "on:\n  workflow_call:\n    outputs: {out: {value: '${{ jobs.deep.outputs.said "
     "}}'}}\njobs:\n  deep: {uses: ./.github/workflows/lib.yml, with: {who: nested}}\n"},
    {"two.yml", "on: workflow_call\njobs:\n  a: {" S "}\n  b: {needs: a, " S "}\n"
                "  clean: {if: always(), needs: b, " S "}\n"},
    {"group.yml", "on: workflow_call\nconcurrency: shared\njobs:\n  a: {" S "}\n"},
    {"cross.yml", "on:\n  workflow_call: {inputs: {one: {type: string}, two: {type: string}}}\n"
                  "concurrency: '${{ inputs.one }}'\njobs:\n  first: {" S "}\n"
                  "  a: {needs: first, concurrency: '${{ inputs.two }}', " S "}\n"},
    {NULL, NULL},
};

static void calls_have_inputs_outputs_and_results(void **state) {
    (void)state;
    static const run_case cases[] = {
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml}\n"
                 "  y: {needs: x, if: \"needs.x.outputs.said == 'hi' && needs.x.result == "
                 "'success'\", " S "}\n",
         .files = library,
         .deeds = {{"x/say", 0, "{\"text\": \"hi\"}"}},
         .transcript = {"call x", "start x/say", "start x/then",
                        "called x: success {\"said\":\"hi\"}", "start y"}},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/nest.yml}\n",
         .files = library,
         .deeds = {{"x/deep/say", 0, "{\"text\": \"deep\"}"}},
         .transcript = {"call x", "call x/deep", "start x/deep/say", "start x/deep/then",
                        "called x/deep: success {\"said\":\"deep\"}",
                        "called x: success {\"out\":\"deep\"}"}},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml}\n  y: {needs: x, " S "}\n",
         .files = library,
         .deeds = {{"x/say", JOB_FAILURE, NULL}},
         .transcript = {"call x", "start x/say", "end x/say: failure",
                        "not x/then: skipped, it needs 'say', which failed",
                        "called x: failure {\"said\":\"\"}",
                        "not y: skipped, it needs 'x', which failed"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml, with: {who: nobody}}\n",
         .files = library,
         .transcript = {"call x",
                        "not x/say: skipped, its condition is false: inputs.who != 'nobody' && "
                        "inputs.n == 0 && inputs.flag == false",
                        "not x/then: skipped, it needs 'say', which was skipped",
                        "called x: skipped {\"said\":\"\"}"},
         .result = JOB_SKIPPED},
        {.jobs = "jobs:\n  a: {" S "}\n"
                 "  x: {needs: a, if: failure(), uses: ./.github/workflows/two.yml}\n",
         .files = library,
         .transcript = {"start a", "not x: skipped, its condition is false: failure()"}},
        {.jobs = "jobs:\n  x: {strategy: {matrix: {w: [one, two]}, max-parallel: 1}, uses: "
                 "./.github/workflows/lib.yml, with: {who: '${{ matrix.w }}'}}\n"
                 "  y: {needs: x, if: needs.x.outputs.said == 'B', " S "}\n",
         .files = library,
         .deeds = {{"x (one)/say", 0, "{\"text\": \"A\"}"},
                   {"x (two)/say", 0, "{\"text\": \"B\"}"}},
         .transcript = {"call x (one)", "start x (one)/say", "start x (one)/then",
                        "called x (one): success {\"said\":\"A\"}", "call x (two)",
                        "start x (two)/say", "start x (two)/then",
                        "called x (two): success {\"said\":\"B\"}", "start y"}},
        {.jobs = "jobs:\n  x: {strategy: {fail-fast: false, matrix: {w: [one, two]}}, uses: "
                 "./.github/workflows/lib.yml, with: {who: '${{ matrix.w }}'}}\n"
                 "  y: {needs: x, if: always() && needs.x.outputs.said == 'B', " S "}\n",
         .files = library,
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
         .files = library,
         .deeds = {{"x (one)/a", JOB_FAILURE, NULL}},
         .transcript = {"call x (one)", "call x (two)", "start x (one)/a", "start x (two)/a",
                        "end x (one)/a: failure",
                        "not x (one)/b: skipped, it needs 'a', which failed", "start x (one)/clean",
                        "start x (two)/b", "called x (one): failure",
                        "cancel x (two)/b: fail-fast: 'x (one)' failed", "end x (two)/b: cancelled",
                        "start x (two)/clean", "called x (two): cancelled"},
         .result = JOB_FAILURE},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/lib.yml, with: {n: '${{ vars.list }}'}}\n",
         .files = library,
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
         .files = library,
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
         .files = library,
         .transcript = {"not x: cancelled, a deadlock: concurrency group 'shared' is held by the "
                        "call that it is part of"},
         .result = JOB_CANCELLED},
        {.jobs = "jobs:\n  x: {uses: ./.github/workflows/group.yml}\n"
                 "  y: {uses: ./.github/workflows/group.yml}\n",
         .files = library,
         .transcript = {"call x", "start x/a", "called x: success", "call y", "start y/a",
                        "called y: success"}},
        {.jobs = "jobs:\n"
                 "  x: {uses: ./.github/workflows/cross.yml, with: {one: p, two: q}}\n"
                 "  y: {uses: ./.github/workflows/cross.yml, with: {one: q, two: p}}\n",
         .files = library,
         .transcript = {"call x", "call y", "start x/first", "start y/first",
                        "not y/a: cancelled, a deadlock: concurrency group 'p' is held by a call "
                        "that waits for another group",
                        "called y: cancelled", "start x/a", "called x: success"},
         .result = JOB_CANCELLED},
    };
    RUN_ALL(cases);
}

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
        held h = start_jobs(a, cases[i].jobs, library);
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
    assert_int_equal(plan_build(a, planning_parse(a, text.ptr, library), &ev, NULL, &p, NULL), 0);
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
        cmocka_unit_test(names_are_built_as_github_builds_them),
        cmocka_unit_test(an_instance_has_what_its_keys_say),
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
