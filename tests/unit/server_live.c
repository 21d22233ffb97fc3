#include "unit.h"

#include "base/fs.h"
#include "base/json.h"
#include "server/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A server with nothing around it: what the runs ask for is noted. */
typedef struct world {
    arena *a;
    char *dir;
    loop *loop;
    store *s;
    core *core;
    live *live;
    strbuf queue;  /* keys of jobs that became ready, in order */
    strbuf cancel; /* keys of jobs that are to be cancelled */
    strbuf log;    /* changes of runs */
    bool blocked;  /* environments let nothing start */
    bool closed;   /* the database cannot be written */
    int64_t run;
    err e;
} world;

static int no_secrets(void *context, arena *a, const live_run *run, value *ret_secrets,
                      value *ret_vars, err *e) {
    (void)context, (void)run, (void)e;
    *ret_secrets = value_object_new(a, false);
    *ret_vars = value_object_new(a, false);
    return 0;
}

static void on_ready(void *context, core_tx *tx, live_job *job) {
    world *w = context;
    (void)tx;
    strbuf_addf(&w->queue, "%.*s;", STR_ARG(job->row.key));
}

static void on_cancel(void *context, core_tx *tx, live_job *job) {
    world *w = context;
    (void)tx;
    strbuf_addf(&w->cancel, "%.*s;", STR_ARG(job->row.key));
}

static void on_gone(void *context, core_tx *tx, live_job *job) {
    (void)context, (void)tx, (void)job;
}

static bool may_start(void *context, core_tx *tx, const live_job *job, str *ret_reason) {
    world *w = context;
    (void)tx;
    *ret_reason = STR("somebody must say yes");
    return !w->blocked || !job->row.environment.len;
}

static int on_run(void *context, core_tx *tx, const live_run *run, const char *what, err *e) {
    world *w = context;
    (void)tx, (void)e;
    strbuf_addf(&w->log, "%lld %s;", (long long)run->row.id, what);
    return 0;
}

static int on_job(void *context, core_tx *tx, const live_run *run, const store_job *job,
                  const char *what, err *e) {
    world *w = context;
    (void)tx, (void)run, (void)job, (void)what;
    return w->closed ? err_set(e, ERR_IO, "the disk is full") : 0;
}

static int reload(void *state, err *e) {
    world *w = state;
    _cleanup_arena_ arena *a = arena_new();
    core_tx tx = {.core = w->core, .store = w->s, .a = a, .now_us = 7, .state = w};
    w->closed = false;
    strbuf_clear(&w->queue);
    int r = store_begin(w->s, e);
    if (r == 0) r = live_load(w->live, &tx, e);
    return r == 0 ? store_commit(w->s, e) : r;
}

static int64_t fixed_now(void *state) {
    (void)state;
    return 1000;
}

static void make_live(world *w) {
    live_port port = {.context = w,
                      .secrets = no_secrets,
                      .ready = on_ready,
                      .cancel = on_cancel,
                      .gone = on_gone,
                      .may_start = may_start,
                      .changed_run = on_run,
                      .changed_job = on_job};
    w->live = live_new(&port);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    *state = w;
    if (fs_temp_dir(w->a, "live-", &w->dir, &w->e) < 0 || loop_new(&w->loop, &w->e) < 0 ||
        store_open(fs_join(w->a, w->dir, STR("x.db")), &w->s, &w->e) < 0)
        return -1;
    core_spec spec = {
        .loop = w->loop, .store = w->s, .state = w, .now = fixed_now, .reload = reload};
    w->core = core_new(&spec);
    make_live(w);
    store_repository r = {.name = STR("o/r"),
                          .url = STR("/r"),
                          .default_branch = STR("main"),
                          .settings = STR("{}"),
                          .refs = STR("{}")};
    return store_repository_add(w->s, &r, &w->e);
}

static int tear_down(void **state) {
    world *w = *state;
    live_free(w->live);
    core_free(w->core);
    loop_free(w->loop);
    store_close(w->s);
    fs_remove(w->dir, &w->e);
    strbuf_done(&w->queue);
    strbuf_done(&w->cancel);
    strbuf_done(&w->log);
    arena_free(w->a);
    free(w);
    return 0;
}

/* ---- commands, one after the other ---------------------------------------------------------- */

typedef struct call {
    world *w;
    const char *text, *key; /* a workflow; a job */
    const char *ask;
    store_result result;
    const char *outputs;
    str which;
    bool fails; /* with the disk full */
    int code;
    char why[1024];
} call;

static void on_done(void *context, const err *e) {
    call *c = context;
    c->code = e ? e->code : 0;
    snprintf(c->why, sizeof c->why, "%s", e ? e->message : "");
    loop_quit(c->w->loop);
}

static int run(world *w, core_work_fn *work, call *c) {
    c->w = w;
    core_post(w->core, work, on_done, c);
    loop_run(w->loop);
    return c->code;
}

static int do_start(core_tx *tx, void *context, err *e) {
    call *c = context;
    value sources = value_object_new(tx->a, true);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    value_set(tx->a, &sources, STR("ci.yml"), value_cstring(c->text));
    json_write(&text, &sources);
    store_run row = {.repository = 1,
                     .workflow = STR("CI"),
                     .path = STR("ci.yml"),
                     .name = STR("CI"),
                     .event = STR("push"),
                     .ref = STR("refs/heads/main"),
                     .sha = STR("0123456789012345678901234567890123456789"),
                     .actor = STR("ann"),
                     .payload = STR("{}"),
                     .facts = STR("{}"),
                     .sources = strbuf_str(&text)};
    return live_start(c->w->live, tx, &row, STR("o/r"), str_from(c->ask), &c->w->run, e);
}

static int64_t start(world *w, const char *text) {
    call c = {.text = text};
    strbuf_clear(&w->queue);
    if (run(w, do_start, &c) < 0) fail_msg("%s", c.why);
    return w->run;
}

static void find_job(void *context, live_job *job) {
    void **found = context;
    const call *c = found[0];
    if (str_is(job->row.key, c->key)) found[1] = job;
}

static live_job *job_named(const call *c) {
    void *found[2] = {(void *)c, NULL};
    live_each_job(c->w->live, find_job, found);
    if (!found[1]) fail_msg("there is no job %s", c->key);
    return found[1];
}

static int do_begin(core_tx *tx, void *context, err *e) {
    const call *c = context;
    live_job *job = job_named(c);
    int r = live_job_move(tx, job, JOB_EVENT_ASSIGN, STR_EMPTY, e);
    return r == 0 ? live_job_move(tx, job, JOB_EVENT_START, STR_EMPTY, e) : r;
}

static int do_end(core_tx *tx, void *context, err *e) {
    const call *c = context;
    value outputs;
    if (c->outputs && json_parse(tx->a, str_from(c->outputs), 0, &outputs, e) < 0) return e->code;
    c->w->closed = c->fails;
    return live_job_end(tx, job_named(c), c->result, c->outputs ? &outputs : NULL, STR_EMPTY, e);
}

static void begin(world *w, const char *key) {
    call c = {.key = key};
    if (run(w, do_begin, &c) < 0) fail_msg("%s", c.why);
}

static void end(world *w, const char *key, store_result result) {
    call c = {.key = key, .result = result};
    begin(w, key);
    if (run(w, do_end, &c) < 0) fail_msg("%s", c.why);
}

static int do_cancel(core_tx *tx, void *context, err *e) {
    const call *c = context;
    return live_cancel(c->w->live, tx, c->w->run, STR("ann said so"), e);
}

static int do_rerun(core_tx *tx, void *context, err *e) {
    const call *c = context;
    return live_rerun(c->w->live, tx, c->w->run, c->which, STR("bob"), e);
}

static int do_approve(core_tx *tx, void *context, err *e) {
    const call *c = context;
    return live_approve(c->w->live, tx, c->w->run, e);
}

static int do_release(core_tx *tx, void *context, err *e) {
    const call *c = context;
    return live_job_release(tx, job_named(c), e);
}

/* As after a restart. */
static void restart(world *w) {
    err e = {0};
    live_free(w->live);
    make_live(w);
    if (reload(w, &e) < 0) fail_msg("%s", e.message);
}

static store_run row_of(world *w, int64_t id) {
    store_run row;
    if (store_run_by_id(w->s, w->a, id, &row, &w->e) < 0) fail_msg("%s", w->e.message);
    return row;
}

/* "key=state/result@attempt;" of the newest rows. */
static const char *jobs_of(world *w, int64_t id) {
    store_job *jobs;
    size_t count;
    strbuf out = STRBUF_INIT;
    if (store_jobs_of_run(w->s, w->a, id, 0, &jobs, &count, &w->e) < 0)
        fail_msg("%s", w->e.message);
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&out, "%.*s=%s/%s@%lld;", STR_ARG(jobs[i].key), job_state_words[jobs[i].state],
                    store_result_words[jobs[i].result], (long long)jobs[i].attempt);
    const char *text = arena_cstr(w->a, strbuf_str(&out));
    strbuf_done(&out);
    return text;
}

#define QUEUE_IS(text) assert_string_equal(strbuf_cstr(&w->queue), text)

#define DIAMOND                                                                                    \
    "on: push\njobs:\n"                                                                            \
    "  a: {runs-on: x, outputs: {v: \"${{ 1 }}\"}, steps: [{run: a}]}\n"                           \
    "  b: {needs: a, runs-on: x, steps: [{run: b}]}\n"                                             \
    "  c: {needs: a, runs-on: x, steps: [{run: c}]}\n"                                             \
    "  d: {needs: [b, c], runs-on: x, steps: [{run: d}]}\n"

static void jobs_go_out_when_what_they_need_has_ended(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    QUEUE_IS("a;");
    end(w, "a", RESULT_SUCCESS);
    QUEUE_IS("a;b;c;");
    end(w, "c", RESULT_SUCCESS);
    end(w, "b", RESULT_SUCCESS);
    QUEUE_IS("a;b;c;d;");
    end(w, "d", RESULT_SUCCESS);
    assert_int_equal(row_of(w, id).state, RUN_COMPLETED);
    assert_int_equal(row_of(w, id).result, RESULT_SUCCESS);
    assert_null(live_run_find(w->live, id));
    assert_string_equal(strbuf_cstr(&w->log), "1 create;1 start;1 end;");
}

static void what_cannot_be_planned_is_a_run_that_failed(void **state) {
    world *w = *state;
    int64_t id = start(w, "on: push\njobs:\n  a: {runs-on: x, stepz: 1}\n");
    store_run row = row_of(w, id);
    assert_int_equal(row.state, RUN_COMPLETED);
    assert_int_equal(row.result, RESULT_FAILURE);
    assert_true(str_find(row.reason, STR("ci.yml:3:")) >= 0);
}

static void a_failure_skips_what_needs_it(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    end(w, "a", RESULT_FAILURE);
    assert_int_equal(row_of(w, id).result, RESULT_FAILURE);
    assert_string_equal(jobs_of(w, id), "a=completed/failure@1;b=completed/skipped@1;"
                                        "c=completed/skipped@1;d=completed/skipped@1;");
}

static void a_restart_changes_nothing(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    end(w, "a", RESULT_SUCCESS);
    begin(w, "b");
    restart(w);
    QUEUE_IS("c;");
    restart(w);
    QUEUE_IS("c;");
    call c = {.key = "b", .result = RESULT_SUCCESS};
    assert_int_equal(run(w, do_end, &c), 0);
    end(w, "c", RESULT_SUCCESS);
    QUEUE_IS("c;d;");
    restart(w);
    QUEUE_IS("d;");
    end(w, "d", RESULT_SUCCESS);
    assert_int_equal(row_of(w, id).result, RESULT_SUCCESS);
    restart(w);
    QUEUE_IS("");
}

static void a_full_disk_takes_back_what_was_done(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    begin(w, "a");
    call c = {.key = "a", .result = RESULT_SUCCESS, .fails = true};
    assert_int_equal(run(w, do_end, &c), ERR_IO);
    assert_string_equal(jobs_of(w, id), "a=running/pending@1;");
    c.fails = false;
    assert_int_equal(run(w, do_end, &c), 0);
    QUEUE_IS("b;c;");
}

static void cancelling_ends_what_waits_and_asks_what_runs(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    end(w, "a", RESULT_SUCCESS);
    begin(w, "b");
    call c = {0};
    assert_int_equal(run(w, do_cancel, &c), 0);
    assert_string_equal(strbuf_cstr(&w->cancel), "b;");
    assert_int_equal(row_of(w, id).state, RUN_RUNNING);
    restart(w);
    call ends = {.key = "b", .result = RESULT_CANCELLED};
    assert_int_equal(run(w, do_end, &ends), 0);
    assert_int_equal(row_of(w, id).result, RESULT_CANCELLED);
    assert_true(str_is(row_of(w, id).reason, ""));
    assert_int_equal(run(w, do_cancel, &c), ERR_INVALID);
}

#define IN_GROUP(cancels)                                                                          \
    "on: push\nconcurrency: {group: g, cancel-in-progress: " cancels "}\n"                         \
    "jobs:\n  a: {runs-on: x, steps: [{run: a}]}\n"

static void a_group_runs_one_and_keeps_the_newest_waiting(void **state) {
    world *w = *state;
    int64_t first = start(w, IN_GROUP("false")), second = start(w, IN_GROUP("false"));
    assert_int_equal(row_of(w, second).state, RUN_QUEUED);
    int64_t third = start(w, IN_GROUP("false"));
    assert_int_equal(row_of(w, second).result, RESULT_CANCELLED);
    assert_int_equal(row_of(w, third).state, RUN_QUEUED);
    restart(w);
    end(w, "a", RESULT_SUCCESS);
    assert_int_equal(row_of(w, first).state, RUN_COMPLETED);
    assert_int_equal(row_of(w, third).state, RUN_RUNNING);
}

static void cancel_in_progress_cancels_what_runs(void **state) {
    world *w = *state;
    int64_t first = start(w, IN_GROUP("false"));
    begin(w, "a");
    int64_t second = start(w, IN_GROUP("true"));
    assert_string_equal(strbuf_cstr(&w->cancel), "a;");
    call c = {.key = "a", .result = RESULT_CANCELLED};
    assert_int_equal(run(w, do_end, &c), 0);
    assert_int_equal(row_of(w, first).result, RESULT_CANCELLED);
    assert_int_equal(row_of(w, second).state, RUN_RUNNING);
    int64_t third = start(w, IN_GROUP("true")); /* the second has only a queued job */
    assert_int_equal(row_of(w, second).result, RESULT_CANCELLED);
    assert_int_equal(row_of(w, third).state, RUN_RUNNING);
}

static void a_rerun_of_the_failed_keeps_the_rest(void **state) {
    world *w = *state;
    int64_t id = start(w, DIAMOND);
    end(w, "a", RESULT_SUCCESS);
    end(w, "b", RESULT_FAILURE);
    end(w, "c", RESULT_SUCCESS);
    call c = {.which = STR("failed")};
    strbuf_clear(&w->queue);
    assert_int_equal(run(w, do_rerun, &c), 0);
    QUEUE_IS("b;");
    assert_int_equal(run(w, do_rerun, &c), ERR_INVALID);
    restart(w);
    QUEUE_IS("b;");
    end(w, "b", RESULT_SUCCESS);
    QUEUE_IS("b;d;");
    end(w, "d", RESULT_SUCCESS);
    assert_int_equal(row_of(w, id).result, RESULT_SUCCESS);
    assert_int_equal(row_of(w, id).attempt, 2);
    assert_string_equal(jobs_of(w, id), "a=completed/success@1;c=completed/success@1;"
                                        "b=completed/success@2;d=completed/success@2;");
}

static void a_rerun_of_one_job_has_what_needs_it(void **state) {
    world *w = *state;
    start(w, DIAMOND);
    end(w, "a", RESULT_SUCCESS);
    end(w, "b", RESULT_SUCCESS);
    end(w, "c", RESULT_SUCCESS);
    end(w, "d", RESULT_SUCCESS);
    call c = {.which = STR("job:c")};
    strbuf_clear(&w->queue);
    assert_int_equal(run(w, do_rerun, &c), 0);
    QUEUE_IS("c;");
    end(w, "c", RESULT_SUCCESS);
    QUEUE_IS("c;d;");
}

static void a_run_of_a_stranger_waits_for_approval(void **state) {
    world *w = *state;
    call c = {.text = DIAMOND, .ask = "it comes from a fork"};
    assert_int_equal(run(w, do_start, &c), 0);
    assert_int_equal(row_of(w, w->run).state, RUN_WAITING);
    QUEUE_IS("");
    restart(w);
    assert_int_equal(run(w, do_approve, &c), 0);
    QUEUE_IS("a;");
    assert_int_equal(run(w, do_approve, &c), ERR_INVALID);
}

static void a_job_waits_for_its_environment(void **state) {
    world *w = *state;
    w->blocked = true;
    int64_t id =
        start(w, "on: push\njobs:\n  a: {runs-on: x, environment: live, steps: [{run: a}]}\n");
    QUEUE_IS("");
    assert_string_equal(jobs_of(w, id), "a=waiting/pending@1;");
    restart(w);
    QUEUE_IS("");
    w->blocked = false;
    call c = {.key = "a"};
    assert_int_equal(run(w, do_release, &c), 0);
    QUEUE_IS("a;");
}

static void a_matrix_is_a_row_for_each(void **state) {
    world *w = *state;
    int64_t id =
        start(w, "on: push\njobs:\n  a:\n    runs-on: x\n    strategy: {matrix: {v: [1, 2]}}\n"
                 "    steps: [{run: a}]\n");
    QUEUE_IS("a (1);a (2);");
    begin(w, "a (2)");
    end(w, "a (1)", RESULT_FAILURE); /* fail-fast */
    assert_string_equal(strbuf_cstr(&w->cancel), "a (2);");
    call c = {.key = "a (2)", .result = RESULT_CANCELLED};
    assert_int_equal(run(w, do_end, &c), 0);
    assert_string_equal(jobs_of(w, id), "a (1)=completed/failure@1;a (2)=completed/cancelled@1;");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(jobs_go_out_when_what_they_need_has_ended),
        TEST(what_cannot_be_planned_is_a_run_that_failed),
        TEST(a_failure_skips_what_needs_it),
        TEST(a_restart_changes_nothing),
        TEST(a_full_disk_takes_back_what_was_done),
        TEST(cancelling_ends_what_waits_and_asks_what_runs),
        TEST(a_group_runs_one_and_keeps_the_newest_waiting),
        TEST(cancel_in_progress_cancels_what_runs),
        TEST(a_rerun_of_the_failed_keeps_the_rest),
        TEST(a_rerun_of_one_job_has_what_needs_it),
        TEST(a_run_of_a_stranger_waits_for_approval),
        TEST(a_job_waits_for_its_environment),
        TEST(a_matrix_is_a_row_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
