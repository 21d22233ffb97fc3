#include "unit.h"

#include "base/fs.h"
#include "runner/runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a job run to its end, and what it told ------------------------------------------------- */

typedef struct world {
    arena *a;
    loop *l;
    char *root, *repo;
    runner *r;
    runner_spec spec;
    /* "START name", "END name outcome conclusion exit", "level: text", "GROUP title", "ENDGROUP",
     * "NOTE level file:line text" */
    strbuf log;
    job_result result;
    value outputs;
    bool finished, reset;
    loop_timer *copying; /* a checkout; one of a repository with a file "stuck" never ends */
    bool copy_stopped;
    runner_done_fn *copied;
    void *copied_context;
    const char *cancel_at, *kill_at; /* a line of output that makes the test cancel or kill */
} world;

static const char *level_name(log_level level) {
    static const char *const names[] = {"plain", "debug", "notice", "warning", "error", "command"};
    return names[level];
}

static void on_line(world *w, str text) {
    if (w->cancel_at && str_is(text, w->cancel_at)) runner_cancel(w->r);
    if (w->kill_at && str_is(text, w->kill_at)) runner_kill(w->r);
}

static void on_event(void *context, const runner_event *ev) {
    world *w = context;
    switch (ev->kind) {
    case RUNNER_STEP_STARTED: strbuf_addf(&w->log, "START %.*s\n", STR_ARG(ev->step_name)); break;
    case RUNNER_STEP_FINISHED:
        strbuf_addf(&w->log, "END %.*s %s %s %d\n", STR_ARG(ev->step_name),
                    step_result_name(ev->outcome), step_result_name(ev->conclusion), ev->exit_code);
        if (ev->summary.len) strbuf_addf(&w->log, "SUMMARY %.*s\n", STR_ARG(ev->summary));
        break;
    case RUNNER_LOG:
        strbuf_addf(&w->log, "%s: %.*s\n", level_name(ev->level), STR_ARG(ev->text));
        if (ev->level == LOG_PLAIN) on_line(w, ev->text);
        break;
    case RUNNER_GROUP: strbuf_addf(&w->log, "GROUP %.*s\n", STR_ARG(ev->text)); break;
    case RUNNER_GROUP_END: strbuf_adds(&w->log, "ENDGROUP\n"); break;
    case RUNNER_ANNOTATION:
        strbuf_addf(&w->log, "NOTE %s %.*s:%u %.*s\n", level_name(ev->level), STR_ARG(ev->file),
                    ev->line, STR_ARG(ev->text));
        break;
    case RUNNER_JOB_STARTED:
    case RUNNER_JOB_FINISHED: break;
    case RUNNER_CONTACT: break;
    case RUNNER_EVENT_COUNT: fail();
    }
}

static int action_dir(void *context, arena *a, const view *files, str uses, const char *into,
                      char **ret, err *e) {
    (void)into;
    world *w = context;
    str name, ref;
    str_cut(uses, '@', &name, &ref);
    *ret = fs_join(a, w->repo, name);
    return fs_is_dir(*ret) ? 0 : err_set(e, ERR_NOT_FOUND, "no action %.*s", STR_ARG(uses));
}

static int copy_repository(world *w, const char *into, err *e) {
    fs_entry *entries;
    size_t count;
    if (fs_list(w->a, w->repo, &entries, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++) {
        const char *from = fs_join(w->a, w->repo, entries[i].name);
        if (fs_copy(from, fs_join(w->a, into, entries[i].name), e) < 0) return e->code;
    }
    return 0;
}

static void on_copied(void *context) {
    world *w = context;
    loop_timer_stop(w->copying);
    w->copying = NULL;
    err e = {0};
    bool stuck = fs_exists(fs_join(w->a, w->repo, STR("stuck")));
    if (w->copy_stopped) err_set(&e, ERR_CANCELLED, "stopped");
    if (stuck && !w->copy_stopped)
        w->copying = loop_after(w->l, 10, on_copied, w);
    else
        w->copied(w->copied_context, e.code ? &e : NULL);
}

static int checkout(void *context, const runner_checkout *what, str *ret_commit,
                    runner_done_fn *done, void *done_context, err *e) {
    world *w = context;
    *ret_commit = what->commit;
    if (!what->keep && fs_remove(what->into, e) < 0) return e->code;
    if (fs_mkdirs(what->into, 0755, e) < 0 || copy_repository(w, what->into, e) < 0) return e->code;
    w->copied = done;
    w->copied_context = done_context;
    w->copy_stopped = false;
    w->copying = loop_after(w->l, 0, on_copied, w);
    return 0;
}

static void checkout_stop(void *context, void *done_context) {
    world *w = context;
    assert_ptr_equal(w->copied_context, done_context);
    w->copy_stopped = true;
}

static void on_finished(void *context, job_result result, const value *outputs) {
    world *w = context;
    w->result = result;
    w->outputs = value_copy(w->a, outputs);
    w->finished = true;
    loop_quit(w->l);
}

static int make_world(void **state) {
    err e = {0};
    world *w = calloc(1, sizeof *w);
    w->a = arena_new();
    if (loop_new(&w->l, &e) < 0 || fs_temp_dir(w->a, "slipway-runner", &w->root, &e) < 0) return -1;
    w->repo = fs_join(w->a, w->root, STR("repo"));
    w->spec = (runner_spec){.loop = w->l,
                            .root = fs_join(w->a, w->root, STR("job")),
                            .repo_root = w->repo,
                            .node = fs_find_program(w->a, "node", str_from(getenv("PATH"))),
                            .cancel_int_ms = 300,
                            .cancel_term_ms = 300};
    *state = w;
    return fs_mkdirs(w->spec.root, 0700, &e) < 0 || fs_mkdirs(w->repo, 0700, &e) < 0;
}

static int end_world(void **state) {
    err e = {0};
    world *w = *state;
    loop_free(w->l);
    int code = fs_remove(w->root, &e);
    arena_free(w->a);
    strbuf_done(&w->log);
    free(w);
    return code;
}

static void add_file(world *w, const char *path, const char *text) {
    err e = {0};
    char *full = fs_join(w->a, w->repo, str_from(path));
    str folder = str_sub(str_from(full), 0, (size_t)(strrchr(full, '/') - full));
    assert_int_equal(fs_mkdirs(arena_cstr(w->a, folder), 0755, &e), 0);
    assert_int_equal(fs_create(full, str_from(text), 0644, &e), 0);
}

static value secrets_of(world *w) {
    value secrets = value_object_new(w->a, false);
    value_set_str(w->a, &secrets, "PASSWORD", STR("hunter22"));
    value_set_str(w->a, &secrets, "GITHUB_TOKEN", STR("ghs_token"));
    return secrets;
}

static const job_instance *plan_of(world *w, const char *text, plan **p, schedule **s) {
    err e = {0};
    workflow *wf;
    workflow_options options = {.policy = POLICY_LIMITED_READ};
    if (workflow_parse(w->a, str_from(text), ".github/workflows/test.yml", &options, &wf, &e) < 0)
        fail_msg("%s", e.message);
    if (wf->problems.errors) fail_msg("%.*s", STR_ARG(wf->problems.items[0].message));
    event *ev = ARENA_NEW(w->a, event);
    event_facts facts = {.sha = STR("0123456789012345678901234567890123456789"),
                         .branch = STR("main"),
                         .default_branch = STR("main"),
                         .owner = STR("octo"),
                         .repo = STR("shop"),
                         .actor = STR("mona"),
                         .server_url = STR("https://github.com")};
    if (event_make(w->a, STR("push"), &facts, ev, &e) < 0) fail_msg("%s", e.message);
    if (plan_build(w->a, wf, ev, NULL, p, &e) < 0) fail_msg("%s", e.message);
    schedule_inputs in = {.secrets = secrets_of(w), .vars = value_object_new(w->a, false)};
    if (schedule_new(*p, &in, NULL, NULL, s, &e) < 0) fail_msg("%s", e.message);
    const job_instance *job = schedule_next(*s);
    assert_non_null(job);
    return job;
}

static void run_workflow(world *w, const char *text) {
    err e = {0};
    plan *p;
    schedule *s;
    strbuf_clear(&w->log);
    w->finished = false;
    w->spec.job = plan_of(w, text, &p, &s);
    runner_port port = {.context = w,
                        .event = on_event,
                        .action_dir = action_dir,
                        .checkout = checkout,
                        .checkout_stop = checkout_stop,
                        .finished = on_finished};
    if (runner_start(&w->spec, &port, &w->r, &e) < 0) fail_msg("%s", e.message);
    loop_run(w->l);
    assert_true(w->finished);
    const char *rest = fs_join(w->a, w->root, STR("rest"));
    if (w->reset) assert_int_equal(runner_reset_root(w->r, rest, &e), 0);
    runner_free(w->r);
    schedule_free(s);
}

/* A workflow of one job with these steps (indented by six). */
static void run_steps(world *w, const char *steps) {
    str text = arena_printf(
        w->a, "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n%s", steps);
    run_workflow(w, text.ptr);
}

static void assert_has(world *w, const char *line) {
    str rest = strbuf_str(&w->log), l;
    while (str_line(&rest, &l)) {
        if (str_is(l, line)) return;
    }
    fail_msg("no line \"%s\" in:\n%s", line, strbuf_cstr(&w->log));
}

static void assert_lacks(world *w, const char *text) {
    if (str_find(strbuf_str(&w->log), str_from(text)) >= 0)
        fail_msg("\"%s\" in:\n%s", text, strbuf_cstr(&w->log));
}

static void assert_contains(world *w, const char *text) {
    if (str_find(strbuf_str(&w->log), str_from(text)) < 0)
        fail_msg("no \"%s\" in:\n%s", text, strbuf_cstr(&w->log));
}

/* The lines given stand in the log in this order. */
static void assert_order(world *w, const char *const *lines) {
    str rest = strbuf_str(&w->log), l;
    for (; *lines; lines++) {
        bool found = false;
        while (!found && str_line(&rest, &l))
            found = str_is(l, *lines);
        if (!found) fail_msg("no \"%s\" where it should be in:\n%s", *lines, strbuf_cstr(&w->log));
    }
}
#define ASSERT_ORDER(w, ...) assert_order(w, (const char *const[]){__VA_ARGS__, NULL})

/* ---- run steps ----------------------------------------------------------------------------- */

static void a_step_runs_its_script_in_the_workspace(void **state) {
    world *w = *state;
    run_steps(w, "      - run: |\n"
                 "          echo \"at ${PWD##*/}\"\n"
                 "          echo to stderr >&2\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "START Set up job", "END Set up job success success 0",
                 "START Run echo \"at ${PWD##*/}\"", "GROUP Run echo \"at ${PWD##*/}\"", "ENDGROUP",
                 "plain: at shop", "plain: to stderr",
                 "END Run echo \"at ${PWD##*/}\" success success 0", "START Complete job",
                 "END Complete job success success 0");
}

static void a_failing_step_fails_the_job_and_skips_what_follows(void **state) {
    world *w = *state;
    run_steps(w, "      - name: bad\n        run: exit 3\n"
                 "      - name: next\n        run: echo next\n"
                 "      - name: cleanup\n        if: failure()\n        run: echo cleaning\n"
                 "      - name: always\n        if: always()\n"
                 "        run: echo status ${{ job.status }}\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "error: Process completed with exit code 3.");
    assert_has(w, "END bad failure failure 3");
    assert_has(w, "END next skipped skipped 0");
    assert_has(w, "plain: cleaning");
    assert_has(w, "plain: status failure");
}

static void outputs_pass_from_step_to_step_and_to_the_job(void **state) {
    world *w = *state;
    run_workflow(w, "on: push\njobs:\n  build:\n    runs-on: x\n"
                    "    outputs:\n"
                    "      version: ${{ steps.one.outputs.version }}\n"
                    "      secret: ${{ steps.one.outputs.secret }}\n"
                    "      empty: ''\n"
                    "    steps:\n"
                    "      - id: one\n"
                    "        run: |\n"
                    "          echo version=1.2 >> \"$GITHUB_OUTPUT\"\n"
                    "          { echo 'text<<END'; echo a; echo b; echo END; } >> $GITHUB_OUTPUT\n"
                    "          echo 'secret=x-${{ secrets.PASSWORD }}' >> $GITHUB_OUTPUT\n"
                    "      - run: |\n"
                    "          echo \"got ${{ steps.one.outputs.version }}\"\n"
                    "          echo \"${{ steps.one.outcome }} ${{ steps.one.conclusion }}\"\n"
                    "          echo '${{ toJSON(steps.one.outputs.text) }}'\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "plain: got 1.2");
    assert_has(w, "plain: success success");
    assert_has(w, "plain: \"a\\nb\"");
    assert_int_equal(value_count(&w->outputs), 1);
    assert_str(value_path_str(&w->outputs, "version"), "1.2");
    assert_has(w, "warning: Skip output 'secret' since it may contain secret.");
}

static void environment_has_githubs_precedence(void **state) {
    world *w = *state;
    value env = value_object_new(w->a, true);
    value_set_str(w->a, &env, "A", STR("cli"));
    value_set_str(w->a, &env, "B", STR("cli"));
    w->spec.env = &env;
    run_workflow(w,
                 "on: push\nenv:\n  B: workflow\n  C: workflow\n  D: workflow\n  E: workflow\n"
                 "jobs:\n  build:\n    runs-on: x\n"
                 "    env:\n      C: job\n      D: job\n      E: job\n"
                 "      GITHUB_SHA: mine\n"
                 "    steps:\n"
                 "      - run: echo D=file >> $GITHUB_ENV; echo E=file >> $GITHUB_ENV\n"
                 "      - env:\n          E: step\n"
                 "        run: |\n"
                 "          echo \"$A $B $C $D $E\"\n"
                 "          echo \"${{ env.A }} ${{ env.D }} ${{ env.E }}\"\n"
                 "          echo \"${GITHUB_SHA:0:4} $CI $GITHUB_ACTIONS $RUNNER_OS\"\n"
                 "          echo \"$GITHUB_REPOSITORY $GITHUB_JOB $GITHUB_REF_NAME\"\n"
                 "          test -s \"$GITHUB_EVENT_PATH\" && test -d \"$RUNNER_TEMP\" &&\n"
                 "            test -d \"$HOME\" && test -d \"$RUNNER_TOOL_CACHE\" && echo there\n"
                 "      - run: echo \"then $E\"\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "plain: cli workflow job file step");
    assert_has(w, "plain: cli file step");
    assert_has(w, "plain: 0123 true true Linux");
    assert_has(w, "plain: octo/shop build main");
    assert_has(w, "plain: there");
    assert_has(w, "plain: then file");
}

static void the_environment_of_slipway_itself_stays_outside(void **state) {
    world *w = *state;
    setenv("AWS_SECRET_ACCESS_KEY", "leak-me", 1);
    run_steps(w, "      - run: env\n");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_lacks(w, "leak-me");
}

static void github_path_goes_before_path_the_latest_first(void **state) {
    world *w = *state;
    run_steps(w,
              "      - run: |\n"
              "          mkdir a b; printf 'echo from-a' > a/tool; printf 'echo from-b' > b/tool\n"
              "          chmod +x a/tool b/tool\n"
              "          echo \"$PWD/a\" >> $GITHUB_PATH\n"
              "          echo \"$PWD/b\" >> $GITHUB_PATH\n"
              "      - run: tool\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "plain: from-b");
}

static void file_commands_report_what_they_cannot_read(void **state) {
    world *w = *state;
    run_steps(w, "      - name: bad\n        run: echo nonsense >> $GITHUB_OUTPUT\n"
                 "      - name: node\n        if: always()\n"
                 "        run: echo NODE_OPTIONS=--x >> $GITHUB_ENV\n"
                 "      - name: sum\n        if: always()\n"
                 "        run: echo '# Title' >> $GITHUB_STEP_SUMMARY\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "error: Unable to process file command 'output' successfully.");
    assert_has(w, "error: Invalid format 'nonsense'");
    assert_has(w, "END bad failure failure 0");
    assert_has(w, "error: Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.");
    assert_has(w, "SUMMARY # Title");
}

static void a_failure_that_may_be_has_an_outcome_and_a_conclusion(void **state) {
    world *w = *state;
    run_steps(w,
              "      - id: flaky\n        name: flaky\n"
              "        continue-on-error: ${{ github.ref_name == 'main' }}\n        run: exit 1\n"
              "      - run: echo ${{ steps.flaky.outcome }}/${{ steps.flaky.conclusion }}\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "END flaky failure success 1");
    assert_has(w, "plain: failure/success");
}

static void shells_and_folders_come_from_step_job_and_workflow(void **state) {
    world *w = *state;
    run_workflow(w, "on: push\ndefaults:\n  run:\n    shell: sh\n    working-directory: /usr\n"
                    "jobs:\n  build:\n    runs-on: x\n"
                    "    defaults:\n      run:\n        working-directory: /usr/bin\n"
                    "    steps:\n"
                    "      - run: echo \"$PWD\"\n"
                    "      - run: print('py', 1 + 1)\n        shell: python3 {0}\n"
                    "        working-directory: /\n"
                    "      - run: echo \"bash ${BASH_VERSION:+yes}\"; false | true\n"
                    "        shell: bash\n");
    assert_has(w, "plain: /usr/bin");
    assert_has(w, "plain: py 2");
    assert_has(w, "plain: bash yes");
    assert_int_equal(w->result, JOB_FAILURE); /* shell: bash sets pipefail */
}

static void what_cannot_start_says_why(void **state) {
    world *w = *state;
    run_steps(w, "      - run: echo\n        working-directory: nowhere\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_contains(w, "/nowhere': No such file or directory");
}

/* ---- output -------------------------------------------------------------------------------- */

static void secrets_are_masked_wherever_they_appear(void **state) {
    world *w = *state;
    run_steps(w, "      - name: say ${{ secrets.PASSWORD }}\n"
                 "        run: |\n"
                 "          echo is ${{ secrets.PASSWORD }}\n"
                 "          echo -n ${{ secrets.PASSWORD }} | base64\n"
                 "          echo \"::warning::${{ secrets.PASSWORD }}\"\n"
                 "          echo '::add-mask::sesame'\n"
                 "          echo open sesame\n"
                 "          echo '${{ github.token }}'\n");
    assert_lacks(w, "hunter22");
    assert_lacks(w, "ghs_token");
    assert_has(w, "plain: is ***");
    assert_has(w, "warning: ***");
    assert_has(w, "plain: open ***");
}

static void workflow_commands_are_obeyed(void **state) {
    world *w = *state;
    add_file(w, "src/a.c", "int a;\n");
    run_steps(w, "      - uses: actions/checkout@v4\n"
                 "      - id: s\n        run: |\n"
                 "          echo '::error file=src/a.c,line=7,title=T::broken'\n"
                 "          echo '::group::Things'\n"
                 "          echo inside\n"
                 "          echo '::endgroup::'\n"
                 "          echo '::debug::hidden'\n"
                 "          echo '::set-output name=old::way'\n"
                 "          echo '::stop-commands::pause-token'\n"
                 "          echo '::error::not this'\n"
                 "          echo '::pause-token::'\n"
                 "          echo '::unknown::x'\n"
                 "      - run: echo '${{ steps.s.outputs.old }}'\n"
                 "      - name: refused\n        run: echo '::set-env name=A::b'\n");
    ASSERT_ORDER(w, "error: broken", "NOTE error src/a.c:7 broken", "GROUP Things", "plain: inside",
                 "ENDGROUP", "plain: ::error::not this", "plain: ::unknown::x", "plain: way");
    assert_lacks(w, "debug: hidden");
    assert_contains(w, "error: Unable to process command '::set-env name=A::b' successfully.");
    assert_has(w, "END refused failure failure 0");
}

static void problem_matchers_make_annotations(void **state) {
    world *w = *state;
    add_file(w, "main.c", "x\n");
    add_file(w, "m.json",
             "{\"problemMatcher\":[{\"owner\":\"cc\",\"pattern\":[{\"regexp\":"
             "\"^(.+):(\\\\d+): (warning|error): (.+)$\",\"file\":1,\"line\":2,\"severity\":3,"
             "\"message\":4}]}]}");
    run_steps(w, "      - uses: actions/checkout@v4\n"
                 "      - run: |\n"
                 "          echo '::add-matcher::m.json'\n"
                 "          echo 'main.c:12: error: no such thing'\n");
    assert_has(w, "NOTE error main.c:12 no such thing");
    assert_has(w, "error: main.c:12: error: no such thing");
}

static void odd_output_is_told_whole(void **state) {
    world *w = *state;
    run_steps(w, "      - run: |\n"
                 "          printf 'a\\rb\\r\\nc\\n'\n"
                 "          printf 'bad \\377 byte\\n'\n"
                 "          head -c 2500000 /dev/zero | tr '\\0' x; echo\n"
                 "          printf 'no newline'\n");
    ASSERT_ORDER(w, "plain: a", "plain: b", "plain: c", "plain: bad \xEF\xBF\xBD byte",
                 "plain: no newline");
    size_t x = 0;
    for (size_t i = 0; i < w->log.len; i++)
        x += w->log.ptr[i] == 'x';
    assert_true(x >= 2500000 && x < 2500100);
}

/* ---- time and cancelling ------------------------------------------------------------------- */

static void a_step_that_takes_too_long_is_stopped(void **state) {
    world *w = *state;
    run_steps(w, "      - name: slow\n        timeout-minutes: 0.005\n        run: sleep 60\n"
                 "      - name: after\n        if: failure()\n        run: echo still\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "error: The action 'slow' has timed out after 0.005 minutes.");
    assert_has(w, "plain: still");
}

static void a_job_that_takes_too_long_is_cancelled(void **state) {
    world *w = *state;
    run_workflow(w, "on: push\njobs:\n  build:\n    runs-on: x\n    timeout-minutes: 0.005\n"
                    "    steps:\n      - run: sleep 60\n"
                    "      - if: cancelled()\n        run: echo tidy\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_has(w, "error: The job has exceeded the maximum execution time of 0.005 minutes");
    assert_has(w, "plain: tidy");
}

static void groups_are_closed_once(void **state) {
    world *w = *state;
    run_steps(w, "      - run: |\n"
                 "          echo '::endgroup::'; echo '::group::A'; echo a\n"
                 "          echo '::group::B'; echo b\n");
    int open = 0;
    str rest = strbuf_str(&w->log), line;
    while (str_line(&rest, &line)) {
        open += str_starts(line, STR("GROUP ")) - str_is(line, "ENDGROUP");
        assert_in_range(open, 0, 1);
    }
    assert_int_equal(open, 0);
    ASSERT_ORDER(w, "GROUP A", "plain: a", "ENDGROUP", "GROUP B", "plain: b", "ENDGROUP");
}

static void debug_lines_are_shown_when_asked_for(void **state) {
    world *w = *state;
    w->spec.debug = true;
    run_steps(w, "      - if: 1 == 1\n        run: echo \"::debug::seen $RUNNER_DEBUG\"\n");
    assert_has(w, "debug: seen 1");
    assert_has(w, "debug: Result: true");
}

static void cancelling_stops_the_step_and_runs_what_wants_to_run(void **state) {
    world *w = *state;
    w->cancel_at = "go";
    run_steps(w, "      - name: long\n        run: echo go; sleep 60; echo never\n"
                 "      - name: plain\n        run: echo not-this\n"
                 "      - name: on-cancel\n        if: cancelled()\n        run: echo tidy\n"
                 "      - name: always\n        if: always()\n        run: echo ${{ job.status }}\n"
                 "      - name: on-failure\n        if: failure()\n        run: echo not-that\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_has(w, "error: The operation was canceled.");
    assert_has(w, "END plain skipped skipped 0");
    assert_has(w, "plain: tidy");
    assert_has(w, "plain: cancelled");
    assert_has(w, "END on-failure skipped skipped 0");
}

static void a_step_that_ignores_signals_is_killed(void **state) {
    world *w = *state;
    w->cancel_at = "go";
    run_steps(w, "      - name: stubborn\n        run: |\n"
                 "          trap '' INT TERM\n"
                 "          echo go; while :; do sleep 1; done\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_contains(w, "END stubborn cancelled cancelled 137");
}

static void a_step_whose_condition_still_holds_goes_on(void **state) {
    world *w = *state;
    w->cancel_at = "go";
    run_steps(w, "      - name: upload\n        if: always()\n"
                 "        run: echo go; sleep 0.3; echo finished\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_has(w, "plain: finished");
    assert_has(w, "END upload success success 0");
}

static void killing_ends_the_job_at_once(void **state) {
    world *w = *state;
    w->kill_at = "go";
    run_steps(w, "      - run: echo go; sleep 60\n"
                 "      - if: always()\n        run: echo not-this\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_lacks(w, "plain: not-this");
}

static void what_a_job_leaves_behind_is_named_and_killed(void **state) {
    world *w = *state;
    run_steps(w, "      - run: setsid sleep 305 >/dev/null 2>&1 & sleep 0.1\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_contains(w, ") (sleep)");
    assert_contains(w, "plain: Terminate orphan process: pid (");
}

/* ---- actions ------------------------------------------------------------------------------- */

static const char node_action[] =
    "name: Node\ndescription: d\n"
    "inputs:\n  who:\n    description: d\n    default: world\n"
    "  old name:\n    description: d\n    deprecationMessage: use who\n"
    "outputs:\n  said:\n    description: d\n"
    "runs:\n  using: node20\n  pre: pre.js\n  main: main.js\n  post: post.js\n"
    "  post-if: success()\n";

static void add_node_action(world *w, const char *folder) {
    add_file(w, arena_printf(w->a, "%s/action.yml", folder).ptr, node_action);
    add_file(w, arena_printf(w->a, "%s/pre.js", folder).ptr,
             "const fs = require('fs');\nconsole.log('pre ' + process.env.INPUT_WHO);\n"
             "fs.appendFileSync(process.env.GITHUB_STATE, 'mark=' + process.env.INPUT_WHO + "
             "'\\n');\n");
    add_file(w, arena_printf(w->a, "%s/main.js", folder).ptr,
             "const fs = require('fs');\n"
             "console.log('main ' + process.env.INPUT_WHO + ' ' + process.env.STATE_mark);\n"
             "console.log(process.env.GITHUB_ACTION_REPOSITORY + ' ' + "
             "process.env.GITHUB_ACTION_REF);\n"
             "fs.appendFileSync(process.env.GITHUB_OUTPUT, 'said=hi ' + process.env.INPUT_WHO + "
             "'\\n');\n"
             "fs.appendFileSync(process.env.GITHUB_STATE, 'late=yes\\n');\n");
    add_file(w, arena_printf(w->a, "%s/post.js", folder).ptr,
             "console.log('post ' + process.env.INPUT_WHO + ' ' + process.env.STATE_late);\n");
}

static void require_node(world *w) {
    if (!w->spec.node) skip();
}

static void node_actions_run_pre_main_and_post_in_order(void **state) {
    world *w = *state;
    require_node(w);
    add_node_action(w, "octo/say");
    run_steps(w, "      - name: first\n        run: echo first\n"
                 "      - id: a\n        name: A\n        uses: octo/say@v1\n"
                 "        with:\n          who: one\n"
                 "      - name: B\n        uses: octo/say@v2\n"
                 "      - run: echo '${{ steps.a.outputs.said }}'\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "START Pre A", "plain: pre one", "START Pre B", "plain: pre world",
                 "START first", "START A", "plain: main one one", "plain: octo/say v1", "START B",
                 "plain: main world world", "plain: hi one", "START Post B",
                 "plain: post world yes", "START Post A", "plain: post one yes",
                 "START Complete job");
}

static void post_steps_heed_their_condition_and_unknown_inputs_are_told(void **state) {
    world *w = *state;
    require_node(w);
    add_node_action(w, "octo/say");
    run_steps(w, "      - name: A\n        uses: octo/say@v1\n        with:\n"
                 "          whom: x\n          old name: y\n"
                 "      - run: exit 1\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "warning: Unexpected input(s) 'whom', valid inputs are ['who', 'old name']");
    assert_has(w, "warning: Input 'old name' has been deprecated with message: use who");
    assert_has(w, "END Post A skipped skipped 0");
}

static void local_actions_need_a_checkout(void **state) {
    world *w = *state;
    add_file(w, ".github/actions/greet/action.yml",
             "name: G\ndescription: d\nruns:\n  using: composite\n  steps:\n"
             "    - run: echo greetings\n      shell: bash\n");
    run_steps(w, "      - name: early\n        continue-on-error: true\n"
                 "        uses: ./.github/actions/greet\n"
                 "      - uses: actions/checkout@v4\n"
                 "      - uses: ./.github/actions/greet\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "END early failure success 0");
    assert_contains(w, "Did you forget to run actions/checkout before running your local action?");
    assert_has(w, "plain: greetings");
}

static const char composite_action[] =
    "name: C\ndescription: d\n"
    "inputs:\n  who:\n    description: d\n    default: nobody\n"
    "outputs:\n  result:\n    description: d\n    value: ${{ steps.one.outputs.text }}\n"
    "runs:\n  using: composite\n  steps:\n"
    "    - id: one\n      name: inner one\n      shell: bash\n"
    "      run: |\n"
    "        echo \"text=for ${{ inputs.who }}\" >> $GITHUB_OUTPUT\n"
    "        echo \"$COLOR $(basename \"$GITHUB_ACTION_PATH\") $PWD\" | sed \"s|$PWD|here|\"\n"
    "    - name: inner fail\n      shell: bash\n      run: ${{ inputs.who == 'bad' && 'exit 4' || "
    "'true' }}\n"
    "    - name: inner skipped\n      if: failure()\n      shell: bash\n      run: echo "
    "saw-failure\n"
    "    - name: inner nested\n      uses: octo/inner@v1\n";

static void add_composite_actions(world *w) {
    add_file(w, "octo/outer/action.yml", composite_action);
    add_file(w, "octo/inner/action.yml",
             "name: I\ndescription: d\nruns:\n  using: composite\n  steps:\n"
             "    - name: deepest\n      shell: sh\n      run: echo deep; echo "
             "DEEP=1 >> $GITHUB_ENV\n");
}

static void composite_actions_have_inputs_outputs_and_steps_of_their_own(void **state) {
    world *w = *state;
    add_composite_actions(w);
    run_steps(w, "      - id: one\n        name: outer\n        uses: octo/outer@v1\n"
                 "        env:\n          COLOR: red\n        with:\n          who: you\n"
                 "      - run: echo \"[${{ steps.one.outputs.result }}] $DEEP [$COLOR]\"\n"
                 "      - run: echo '${{ toJSON(steps) }}'\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "START outer", "START inner one", "plain: red outer here",
                 "END inner one success success 0", "END inner skipped skipped skipped 0",
                 "START inner nested", "START deepest", "plain: deep",
                 "END deepest success success 0", "END inner nested success success 0",
                 "END outer success success 0", "plain: [for you] 1 []");
}

static void a_failure_inside_a_composite_action_is_its_own(void **state) {
    world *w = *state;
    add_composite_actions(w);
    run_steps(w, "      - name: outer\n        uses: octo/outer@v1\n"
                 "        with:\n          who: bad\n"
                 "      - name: after\n        run: echo not-this\n");
    assert_int_equal(w->result, JOB_FAILURE);
    ASSERT_ORDER(w, "END inner fail failure failure 4", "plain: saw-failure",
                 "END inner nested skipped skipped 0", "END outer failure failure 0",
                 "END after skipped skipped 0");
}

static void composite_actions_carry_pre_and_post_of_what_they_use(void **state) {
    world *w = *state;
    require_node(w);
    add_node_action(w, "octo/say");
    add_file(w, "octo/wrap/action.yml",
             "name: W\ndescription: d\nruns:\n  using: composite\n  steps:\n"
             "    - name: inner say\n      uses: octo/say@v1\n      with:\n        who: in\n"
             "    - name: last\n      run: echo last\n      shell: bash\n");
    run_steps(w, "      - name: wrap\n        uses: octo/wrap@v1\n"
                 "      - name: end\n        run: echo end\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "START Pre wrap", "START Pre inner say", "plain: pre in", "START wrap",
                 "plain: main in in", "plain: last", "plain: end", "START Post wrap",
                 "START Post inner say", "plain: post in yes", "END Post wrap success success 0");
}

static void actions_that_use_themselves_stop_at_a_depth(void **state) {
    world *w = *state;
    add_file(w, "octo/loop/action.yml",
             "name: L\ndescription: d\nruns:\n  using: composite\n  steps:\n"
             "    - uses: octo/loop@v1\n");
    run_steps(w, "      - uses: octo/loop@v1\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "error: Composite action depth exceeded max depth 9");
}

static void containers_without_an_engine_fail_before_any_step(void **state) {
    static const char *const jobs[] = {
        "    container: node:20\n    steps:\n      - run: echo not-this\n",
        "    services:\n      db:\n        image: postgres\n    steps:\n      - run: echo "
        "not-this\n",
        "    steps:\n      - run: echo not-this\n      - uses: docker://alpine:3\n",
    };
    world *w = *state;
    setenv("DOCKER_HOST", "unix:///nonexistent/socket", 1);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        str text = arena_printf(w->a, "on: push\njobs:\n  build:\n    runs-on: x\n%s", jobs[i]);
        run_workflow(w, text.ptr);
        assert_int_equal(w->result, JOB_FAILURE);
        assert_contains(w, "needs a container engine: DOCKER_HOST");
        assert_lacks(w, "plain: not-this");
    }
}

static void checkout_fills_the_workspace(void **state) {
    world *w = *state;
    add_file(w, "README", "hello\n");
    run_steps(w,
              "      - uses: actions/checkout@v4\n        with:\n          path: sub\n"
              "      - run: cat sub/README\n"
              "      - id: c\n        uses: actions/checkout@v4\n"
              "      - run: cat README; test ! -e sub && echo \"${{ steps.c.outputs.commit }}\"\n"
              "      - name: other\n        uses: actions/checkout@v4\n"
              "        with:\n          repository: other/thing\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "plain: hello");
    assert_has(w, "plain: 0123456789012345678901234567890123456789");
    assert_contains(w, "no action actions/checkout@v4");
}

static void a_checkout_of_another_repository_is_an_action_like_others(void **state) {
    world *w = *state;
    add_file(w, "actions/checkout/action.yml",
             "name: c\ninputs: {repository: {}, token: {}}\nruns:\n  using: composite\n"
             "  steps:\n    - {shell: bash, run: 'echo \"gets ${{ inputs.repository }}\"'}\n");
    run_steps(w, "      - uses: actions/checkout@v4\n        with: {repository: other/thing}\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_contains(w, "needs a token to fetch another repository ('other/thing')");
    run_steps(w, "      - uses: actions/checkout@v4\n"
                 "        with: {repository: other/thing, token: x}\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "plain: gets other/thing");
}

static void a_checkout_can_be_cancelled(void **state) {
    world *w = *state;
    add_file(w, "stuck", "");
    run_steps(w, "      - name: slow\n        uses: actions/checkout@v4\n"
                 "        timeout-minutes: 0.002\n");
    assert_int_equal(w->result, JOB_FAILURE);
    assert_contains(w, "END slow failure failure");
    assert_contains(w, "error: The action 'slow' has timed out after 0.002 minutes.");
    run_steps(w, "      - name: stopped\n        id: co\n        background: true\n"
                 "        uses: actions/checkout@v4\n"
                 "      - cancel: co\n"
                 "      - run: echo \"commit '${{ steps.co.outputs.commit }}'\"\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_contains(w, "END stopped cancelled cancelled");
    assert_has(w, "plain: commit ''");
}

static void a_root_that_was_reset_holds_nothing_of_the_job_before(void **state) {
    static const char look[] =
        "      - run: |\n"
        "          cd \"$RUNNER_WORKSPACE/..\"; find . ../home -type f -size +0 | sort\n"
        "          find . ../home -type l; stat -c '%a %n' ../home; echo end\n";
    world *w = *state;
    w->reset = true;
    run_steps(w, look);
    _cleanup_strbuf_ strbuf before = STRBUF_INIT;
    strbuf_add(&before, strbuf_str(&w->log));
    run_steps(w, "      - run: |\n"
                 "          mkdir -p a/b; echo x > a/b/c; ln -s /etc \"$RUNNER_TEMP/link\"\n"
                 "          echo secret > ~/.netrc; echo tool > $RUNNER_TOOL_CACHE/t\n"
                 "          echo A=b >> $GITHUB_ENV; echo x > $RUNNER_WORKSPACE/up\n"
                 "          echo evil > \"$RUNNER_TEMP/script-99.sh\"; chmod 4755 $0\n"
                 "          rm -r \"$RUNNER_WORKSPACE/../_temp/_github_workflow\"\n"
                 "          chmod 000 a; echo x > $RUNNER_WORKSPACE/../../top; chmod 777 ~\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_true(fs_exists(fs_join(w->a, w->root, STR("rest")))); /* the tree, for the caller */
    run_steps(w, look);
    assert_str(strbuf_str(&w->log), before.ptr);
}

static void a_job_goes_on_when_its_temporary_folder_is_removed(void **state) {
    world *w = *state;
    run_steps(w, "      - run: rm -rf \"$RUNNER_TEMP\"\n"
                 "      - id: s\n        run: echo a=b >> $GITHUB_OUTPUT\n"
                 "      - run: echo [${{ steps.s.outputs.a }}]\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_has(w, "plain: [b]");
}

/* ---- background steps ---------------------------------------------------------------------- */

static void effects_of_background_steps_show_once_waited_for(void **state) {
    world *w = *state;
    run_steps(w, "      - id: bg\n        name: bg\n        background: true\n        run: |\n"
                 "          echo out=1 >> $GITHUB_OUTPUT; echo VAR=set >> $GITHUB_ENV\n"
                 "          sleep 0.2; echo bg-done\n"
                 "      - run: echo \"before [${{ steps.bg.outputs.out }}] [$VAR]\"\n"
                 "      - wait: bg\n"
                 "      - run: echo \"after [${{ steps.bg.outputs.out }}] [$VAR]\"\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "plain: before [] []", "plain: bg-done", "plain: after [1] [set]");
}

static void parallel_steps_run_together_and_are_waited_for(void **state) {
    world *w = *state;
    uint64_t start = loop_now_ms();
    run_steps(w, "      - parallel:\n"
                 "          - id: p1\n            run: sleep 0.5; echo one\n"
                 "          - id: p2\n            run: sleep 0.5; echo two\n"
                 "          - id: p3\n            run: sleep 0.5; exit 1\n"
                 "      - if: always()\n"
                 "        run: echo ${{ steps.p1.outcome }} ${{ steps.p3.outcome }}\n");
    assert_true(loop_now_ms() - start < 1400);
    assert_int_equal(w->result, JOB_FAILURE);
    assert_has(w, "plain: success failure");
}

static void a_background_step_may_be_cancelled_without_failing_the_job(void **state) {
    world *w = *state;
    run_steps(w, "      - id: server\n        name: server\n        background: true\n"
                 "        run: sleep 60\n"
                 "      - run: sleep 0.2\n"
                 "      - cancel: server\n"
                 "      - run: echo then\n");
    assert_int_equal(w->result, JOB_SUCCESS);
    assert_contains(w, "END server cancelled cancelled");
    assert_has(w, "plain: then");
}

static void background_steps_are_waited_for_before_the_job_ends(void **state) {
    world *w = *state;
    run_steps(w, "      - name: late\n        background: true\n        run: sleep 0.3; exit 1\n"
                 "      - run: echo quick\n");
    assert_int_equal(w->result, JOB_FAILURE);
    ASSERT_ORDER(w, "plain: quick", "END late failure failure 1", "START Complete job");
}

static void more_background_steps_than_slots_are_queued(void **state) {
    world *w = *state;
    _cleanup_strbuf_ strbuf steps = STRBUF_INIT;
    for (int i = 0; i < 25; i++)
        strbuf_adds(&steps, "      - background: true\n        run: sleep 0.05; echo x\n");
    strbuf_adds(&steps, "      - wait-all:\n      - run: echo all\n");
    run_steps(w, steps.ptr);
    assert_int_equal(w->result, JOB_SUCCESS);
    ASSERT_ORDER(w, "plain: x", "plain: all");
}

static void cancelling_the_job_cancels_background_steps(void **state) {
    world *w = *state;
    w->cancel_at = "go";
    run_steps(w, "      - name: bg\n        background: true\n        run: sleep 60\n"
                 "      - run: sleep 0.2; echo go; sleep 60\n");
    assert_int_equal(w->result, JOB_CANCELLED);
    assert_contains(w, "END bg cancelled cancelled");
}

static void many_steps_are_cheap(void **state) {
    world *w = *state;
    _cleanup_strbuf_ strbuf steps = STRBUF_INIT;
    for (int i = 0; i < 200; i++)
        strbuf_adds(&steps, "      - run: \"true\"\n");
    run_steps(w, steps.ptr);
    assert_int_equal(w->result, JOB_SUCCESS);
}

static int set_up_sandbox(void **state) {
    (void)state;
    err e = {0};
    return sandbox_init(&e);
}

static int tear_down_sandbox(void **state) {
    (void)state;
    sandbox_done();
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_step_runs_its_script_in_the_workspace),
        T(a_failing_step_fails_the_job_and_skips_what_follows),
        T(outputs_pass_from_step_to_step_and_to_the_job),
        T(environment_has_githubs_precedence),
        T(the_environment_of_slipway_itself_stays_outside),
        T(github_path_goes_before_path_the_latest_first),
        T(file_commands_report_what_they_cannot_read),
        T(a_failure_that_may_be_has_an_outcome_and_a_conclusion),
        T(shells_and_folders_come_from_step_job_and_workflow),
        T(what_cannot_start_says_why),
        T(secrets_are_masked_wherever_they_appear),
        T(workflow_commands_are_obeyed),
        T(problem_matchers_make_annotations),
        T(odd_output_is_told_whole),
        T(a_step_that_takes_too_long_is_stopped),
        T(a_job_that_takes_too_long_is_cancelled),
        T(groups_are_closed_once),
        T(debug_lines_are_shown_when_asked_for),
        T(cancelling_stops_the_step_and_runs_what_wants_to_run),
        T(a_step_that_ignores_signals_is_killed),
        T(a_step_whose_condition_still_holds_goes_on),
        T(killing_ends_the_job_at_once),
        T(what_a_job_leaves_behind_is_named_and_killed),
        T(node_actions_run_pre_main_and_post_in_order),
        T(post_steps_heed_their_condition_and_unknown_inputs_are_told),
        T(local_actions_need_a_checkout),
        T(composite_actions_have_inputs_outputs_and_steps_of_their_own),
        T(a_failure_inside_a_composite_action_is_its_own),
        T(composite_actions_carry_pre_and_post_of_what_they_use),
        T(actions_that_use_themselves_stop_at_a_depth),
        T(containers_without_an_engine_fail_before_any_step),
        T(checkout_fills_the_workspace),
        T(a_checkout_of_another_repository_is_an_action_like_others),
        T(a_checkout_can_be_cancelled),
        T(a_root_that_was_reset_holds_nothing_of_the_job_before),
        T(a_job_goes_on_when_its_temporary_folder_is_removed),
        T(effects_of_background_steps_show_once_waited_for),
        T(parallel_steps_run_together_and_are_waited_for),
        T(a_background_step_may_be_cancelled_without_failing_the_job),
        T(background_steps_are_waited_for_before_the_job_ends),
        T(more_background_steps_than_slots_are_queued),
        T(cancelling_the_job_cancels_background_steps),
        T(many_steps_are_cheap),
    };
    return cmocka_run_group_tests(tests, set_up_sandbox, tear_down_sandbox);
}
