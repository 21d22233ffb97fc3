/* The engine back end against a real Podman, which tests/engine/service starts on a socket of its
 * own. Without one every test is skipped with the service's reason. */
#include "unit.h"

#include "base/fs.h"
#include "base/json.h"
#include "sandbox/engine_api.h"
#include "sandbox/engine_clean.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    arena *a;
    char *dir, *socket;
    char reason[1024];
    int in;
    pid_t pid;
} podman;

/* ---- the service ----------------------------------------------------------------------------- */

static int start_podman(void) {
    err e = {0};
    int in[2], out[2];
    char line[1024] = "";
    podman.a = arena_new();
    const char *source = getenv("SLIPWAY_SOURCE");
    char *program = fs_join(podman.a, source ? source : ".", STR("tests/engine/service"));
    if (fs_temp_dir(podman.a, "slip-", &podman.dir, &e) < 0 || pipe(in) < 0 || pipe(out) < 0)
        return 1;
    podman.pid = fork();
    if (podman.pid == 0) {
        dup2(in[0], 0), dup2(out[1], 1);
        close_range(3, ~0U, 0);
        execl(program, program, podman.dir, (char *)NULL);
        _exit(127);
    }
    close(in[0]), close(out[1]);
    podman.in = in[1];
    FILE *f = fdopen(out[0], "r");
    if (!fgets(line, sizeof line, f)) strcpy(line, "skip the service did not start");
    fclose(f);
    str text = str_trim(str_from(line)), word, rest;
    str_cut(text, ' ', &word, &rest);
    if (str_is(word, "ready"))
        podman.socket = arena_cstr(podman.a, rest);
    else
        snprintf(podman.reason, sizeof podman.reason, "%.*s", STR_ARG(rest));
    return 0;
}

static void end_podman(void) {
    err e;
    close(podman.in);
    waitpid(podman.pid, NULL, 0);
    fs_remove(podman.dir, &e);
    arena_free(podman.a);
}

/* ---- one sandbox ----------------------------------------------------------------------------- */

typedef struct fixture {
    arena *a;
    loop *l;
    sandbox *s;
    strbuf output;
    int status;
    char problem[1024];
    value result; /* of the last ask */
    sandbox_process *signalled;
    int signo; /* sent to `signalled` when it has printed "ready" */
    bool closed;
} fixture;

static void open_box(fixture *f) {
    err e = {0};
    if (sandbox_spawn(
            &(sandbox_spec){
                .backend = SANDBOX_ENGINE, .name = "test", .loop = f->l, .engine = podman.socket},
            &f->s, &e) < 0)
        fail_msg("%s", e.message);
}

static void set_up_fixture(fixture *f) {
    err e = {0};
    if (!podman.socket) {
        print_message("skipped: %s\n", podman.reason);
        skip();
    }
    *f = (fixture){.a = arena_new(), .status = -1};
    assert_int_equal(loop_new(&f->l, &e), 0);
    open_box(f);
}

static void on_closed(void *context) {
    ((fixture *)context)->closed = true;
}

static void tear_down_fixture(fixture *f) {
    sandbox_close(f->s, NULL, on_closed, f);
    loop_run(f->l);
    assert_true(f->closed);
    loop_free(f->l);
    strbuf_done(&f->output);
    arena_free(f->a);
}

static void on_output(void *context, str bytes) {
    fixture *f = context;
    strbuf_add(&f->output, bytes);
    if (!f->signo || !strstr(strbuf_cstr(&f->output), "ready")) return;
    if (f->signo == SIGKILL)
        sandbox_kill(f->signalled);
    else
        sandbox_signal(f->signalled, f->signo);
    f->signo = 0;
}

static void on_exit_quit(void *context, int status, const char *problem) {
    fixture *f = context;
    f->status = status;
    snprintf(f->problem, sizeof f->problem, "%s", problem ? problem : "");
    loop_quit(f->l);
}

static void on_result(void *context, str json) {
    fixture *f = context;
    err e = {0};
    assert_int_equal(json_parse(f->a, arena_str(f->a, json), 0, &f->result, &e), 0);
}

static void begin(fixture *f) {
    strbuf_clear(&f->output);
    f->status = -1;
    f->problem[0] = '\0';
}

static int folder = -1; /* for the next request */

static sandbox_process *ask_soon(fixture *f, const char *request) {
    sandbox_command c = {NULL, NULL, NULL, on_output, on_exit_quit, f, on_result};
    err e = {0};
    sandbox_process *p;
    begin(f);
    if (sandbox_ask(f->s, str_from(request), folder, &c, &p, &e) < 0) fail_msg("%s", e.message);
    return p;
}

static void ask(fixture *f, const char *request) {
    ask_soon(f, request);
    loop_run(f->l);
}

static sandbox_process *start_soon(fixture *f, const char *script) {
    static const char *const env[] = {"PATH=/bin", "COLOR=blue green", NULL};
    const char *const argv[] = {"sh", "-c", script, NULL};
    sandbox_command c = {argv, env, "/tmp", on_output, on_exit_quit, f, NULL};
    err e = {0};
    sandbox_process *p;
    begin(f);
    if (sandbox_start(f->s, &c, &p, &e) < 0) fail_msg("%s", e.message);
    return p;
}

static void run_shell(fixture *f, const char *script) {
    start_soon(f, script);
    loop_run(f->l);
}

#define JOB "{\"do\":\"setup\",\"job\":\"t\",\"container\":{\"image\":\"localhost/box\"}}"

static void assert_went_well(const fixture *f) {
    if (f->status != 0)
        fail_msg("status %d: %s\n%s", f->status, f->problem, strbuf_cstr(&f->output));
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("no \"%s\" in:\n%s", part, text);
}

/* How many containers, networks and images of ours there are. */
static size_t count_ours(void) {
    _cleanup_arena_ arena *a = arena_new();
    engine g = {.socket = podman.socket};
    size_t count = 0;
    for (int kind = 0; kind < ENGINE_KIND_COUNT; kind++) {
        value list;
        err e = {0};
        if (engine_list(&g, a, kind, STR(ENGINE_LABEL), &list, &e) < 0) fail_msg("%s", e.message);
        count += value_count(&list);
    }
    return count;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void commands_run_in_the_jobs_container(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, "{\"do\":\"setup\",\"job\":\"t\",\"container\":{\"image\":\"localhost/box\","
            "\"env\":{\"SHAPE\":\"round\"},\"volumes\":[\"/proc:/theirs:ro\"],"
            "\"options\":\"--hostname own-name\"}}");
    assert_went_well(&f);
    assert_has(strbuf_cstr(&f.output), "Starting job container");
    assert_true(value_path_str(&f.result, "container.id").len > 10);
    assert_true(value_path_str(&f.result, "network").len > 10);
    run_shell(&f, "echo \"$COLOR $SHAPE $CI $GITHUB_ACTIONS\"; pwd; hostname; test -d /theirs/1 && "
                  "echo err >&2; exit 7");
    assert_int_equal(f.status, 7);
    assert_str(strbuf_str(&f.output), "blue green round true true\n/tmp\nown-name\nerr\n");
    run_shell(&f, "exec nonesuch");
    assert_int_equal(f.status, 127);
    assert_int_equal(count_ours(), 2);
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void large_output_comes_whole(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, JOB);
    assert_went_well(&f);
    run_shell(&f, "head -c 3000000 /dev/zero; echo end");
    assert_int_equal(f.status, 0);
    assert_int_equal(f.output.len, 3000004);
    tear_down_fixture(&f);
}

static void a_daemon_does_not_hold_up_the_end_of_a_command(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, JOB);
    assert_went_well(&f);
    run_shell(&f, "setsid sleep 300 & echo started");
    assert_int_equal(f.status, 0);
    assert_str(strbuf_str(&f.output), "started\n");
    tear_down_fixture(&f);
}

static void signals_reach_commands_and_what_they_started(void **state) {
    static const struct {
        const char *script;
        int signo, status;
        const char *output;
    } cases[] = {
        {"trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done", SIGINT, 9,
         "ready\ncaught\n"},
        {"echo ready; sleep 300; echo never", SIGTERM, 128 + SIGTERM, "ready\n"},
        {"trap '' INT TERM; (trap '' TERM; sleep 300) & echo ready; wait; sleep 300", SIGKILL,
         128 + SIGKILL, "ready\n"},
    };
    fixture f;
    set_up_fixture(&f);
    ask(&f, JOB);
    assert_went_well(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.signo = cases[i].signo;
        f.signalled = start_soon(&f, cases[i].script);
        loop_run(f.l);
        assert_str(strbuf_str(&f.output), cases[i].output);
        assert_int_equal(f.status, cases[i].status);
    }
    run_shell(&f, "ps -o args | grep -c '[s]leep 300'");
    assert_str(strbuf_str(&f.output), "0\n");
    tear_down_fixture(&f);
}

static void several_commands_run_at_once(void **state) {
    fixture f, g;
    set_up_fixture(&f);
    ask(&f, JOB);
    assert_went_well(&f);
    g = (fixture){.l = f.l, .s = f.s, .status = -1};
    start_soon(&f, "while ! test -e /tmp/go; do sleep 0.02; done; echo first");
    start_soon(&g, "echo > /tmp/go; echo second");
    while (f.status < 0 || g.status < 0)
        loop_run(f.l);
    assert_str(strbuf_str(&f.output), "first\n");
    assert_str(strbuf_str(&g.output), "second\n");
    strbuf_done(&g.output);
    tear_down_fixture(&f);
}

static void services_are_reached_by_name_and_by_port(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, "{\"do\":\"setup\",\"job\":\"t\",\"container\":{\"image\":\"localhost/box\"},"
            "\"services\":{\"web\":{\"image\":\"localhost/box\",\"ports\":[\"8080\",\"9/udp\"],"
            "\"entrypoint\":\"sh\",\"command\":\"-c \\\"echo hello > /index; httpd -f -p 8080 -h "
            "/\\\"\",\"options\":\"--health-cmd \\\"wget -qO- 127.0.0.1:8080/index\\\" "
            "--health-interval 100ms --health-retries 50\"}}}");
    assert_went_well(&f);
    assert_has(strbuf_cstr(&f.output), "web service is healthy.");
    run_shell(&f, "wget -qO- http://web:8080/index");
    assert_str(strbuf_str(&f.output), "hello\n");
    uint64_t port;
    assert_true(str_to_uint(value_path_str(&f.result, "services.web.ports.8080"), 65535, &port));
    assert_true(port > 1023);
    assert_true(value_path_str(&f.result, "services.web.ports.9").len > 0);
    ask(&f, arena_printf(f.a, "{\"do\":\"stop\",\"services\":{\"web\":{\"id\":\"%.*s\"}}}",
                         STR_ARG(value_path_str(&f.result, "services.web.id")))
                .ptr);
    assert_went_well(&f);
    assert_has(strbuf_cstr(&f.output), "gPrint service container logs: web\n");
    assert_int_equal(count_ours(), 0);
    tear_down_fixture(&f);
}

static void an_unhealthy_service_fails_with_what_it_printed(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, "{\"do\":\"setup\",\"job\":\"t\",\"services\":{\"db\":{\"image\":\"localhost/box\","
            "\"entrypoint\":\"sh\",\"command\":\"-c \\\"echo out of order; sleep 300\\\"\","
            "\"options\":\"--health-cmd false --health-interval 20ms --health-retries 3\"}}}");
    assert_int_equal(f.status, 1);
    assert_string_equal(f.problem, "the service 'db' did not become healthy: its output is above");
    assert_has(strbuf_cstr(&f.output), "gService container db failed.\nlout of order\n");
    assert_true(value_path_str(&f.result, "services.db.id").len > 0);
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void what_cannot_be_had_is_one_clear_error(void **state) {
    static const struct {
        const char *request, *problem;
    } cases[] = {
        {"{\"do\":\"setup\",\"container\":{\"image\":\"127.0.0.1:1/none\",\"credentials\":{"
         "\"username\":\"u\",\"password\":\"secret-word\"}}}",
         "cannot pull the image '127.0.0.1:1/none': "},
        {"{\"do\":\"pull\",\"image\":\"127.0.0.1:1/none:1\"}",
         "cannot pull the image '127.0.0.1:1/none:1': "},
        {"{\"do\":\"setup\",\"services\":{\"x\":{\"image\":\"localhost/box\",\"ports\":[\"no\"]}}}",
         "service 'x': 'no' is no port"},
        {"{\"do\":\"setup\",\"container\":{\"image\":\"localhost/box\",\"options\":\"--user "
         "nobody-here\"}}",
         "nobody-here"},
    };
    fixture f;
    set_up_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&f, cases[i].request);
        assert_int_equal(f.status, 1);
        assert_has(f.problem, cases[i].problem);
        assert_null(strstr(f.problem, "secret-word"));
    }
    run_shell(&f, "true");
    assert_int_equal(f.status, 126);
    assert_has(f.problem, "the job has no container");
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void an_actions_container_runs_to_its_end(void **state) {
    fixture f;
    set_up_fixture(&f);
    char *relay = fs_join(f.a, podman.dir, STR("relay"));
    struct stat in;
    err e = {0};
    assert_int_equal(fs_mkdirs(relay, 0755, &e), 0);
    assert_int_equal(sandbox_relay_write(relay, &e), 0);
    assert_int_equal(stat(podman.dir, &in), 0);
    ask(&f, "{\"do\":\"setup\",\"job\":\"t\"}");
    assert_went_well(&f);
    str request = arena_printf(
        f.a,
        "{\"do\":\"run\",\"image\":\"localhost/box\",\"network\":\"%.*s\",\"env\":[\"A=1 2\"],"
        "\"workdir\":\"/tmp\",\"binds\":[\"%s:/in\"],\"relay\":{\"folder\":\"%s\",\"port\":0},"
        "\"folders\":[\"/in\",\"%llu\",\"%llu\"],\"entrypoint\":\"/bin/sh\",\"args\":[\"-c\","
        "\"echo \\\"$A\\\"; pwd; ls /in/log; exit 5\"]}",
        STR_ARG(value_path_str(&f.result, "network")), podman.dir, relay,
        (unsigned long long)in.st_dev, (unsigned long long)in.st_ino);
    ask(&f, request.ptr);
    assert_int_equal(f.status, 5);
    assert_str(strbuf_str(&f.output), "1 2\n/tmp\n/in/log\n");
    /* without what compares its folders it is not run */
    ask(&f, arena_printf(f.a,
                         "{\"do\":\"run\",\"image\":\"localhost/box\",\"binds\":[\"%s:/in\"],"
                         "\"args\":[\"true\"]}",
                         podman.dir)
                .ptr);
    assert_int_equal(f.status, 1);
    assert_has(f.problem, "an action's container without a relay");
    assert_int_equal(count_ours(), 1);
    f.signo = SIGTERM;
    f.signalled =
        ask_soon(&f, "{\"do\":\"run\",\"image\":\"localhost/box\",\"args\":[\"sh\",\"-c\","
                     "\"trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; "
                     "done\"]}");
    loop_run(f.l);
    assert_str(strbuf_str(&f.output), "ready\nbye\n");
    assert_int_equal(f.status, 3);
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void an_image_is_built_from_a_folder(void **state) {
    fixture f;
    err e = {0};
    set_up_fixture(&f);
    char *dir = fs_join(f.a, podman.dir, STR("build"));
    assert_int_equal(fs_mkdirs(dir, 0755, &e), 0);
    str text = STR("FROM localhost/box\nCOPY words /words\nENTRYPOINT [\"cat\", \"/words\"]\n");
    assert_int_equal(fs_create(fs_join(f.a, dir, STR("Dockerfile")), text, 0644, &e), 0);
    assert_int_equal(fs_create(fs_join(f.a, dir, STR("words")), STR("built\n"), 0644, &e), 0);
    const char *request = "{\"do\":\"build\",\"dockerfile\":\"Dockerfile\","
                          "\"image\":\"localhost/slipway-test:one\"}";
    folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ask(&f, request);
    assert_went_well(&f);
    assert_has(strbuf_cstr(&f.output), "COPY words /words");
    ask(&f, "{\"do\":\"run\",\"image\":\"localhost/slipway-test:one\"}");
    assert_went_well(&f);
    assert_str(strbuf_str(&f.output), "built\n");
    text = STR("FROM localhost/box\nRUN false\n");
    assert_int_equal(fs_create(fs_join(f.a, dir, STR("Dockerfile")), text, 0644, &e), 0);
    ask(&f, request);
    close(folder);
    folder = -1;
    assert_int_equal(f.status, 1);
    assert_has(f.problem, "cannot build an image from 'Dockerfile': ");
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void setting_up_can_be_stopped(void **state) {
    fixture f;
    set_up_fixture(&f);
    f.signo = SIGINT;
    f.signalled = ask_soon(&f, "{\"do\":\"setup\",\"job\":\"t\",\"services\":{\"ready\":{\"image\":"
                               "\"localhost/box\",\"entrypoint\":\"sleep\",\"command\":\"300\","
                               "\"options\":\"--health-cmd false --health-retries 1000000 "
                               "--health-interval 1h\"}}}");
    loop_run(f.l);
    assert_int_equal(f.status, 128 + SIGTERM);
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

static void a_node_that_the_image_can_run_is_told(void **state) {
    fixture f;
    set_up_fixture(&f);
    ask(&f, "{\"do\":\"setup\",\"container\":{\"image\":\"localhost/box\",\"node\":[\"node\","
            "\"/bin/false\",\"/bin/true\"]}}");
    assert_went_well(&f);
    assert_str(value_path_str(&f.result, "container.node"), "/bin/true");
    tear_down_fixture(&f);
}

/* A whole Slipway in a child: sets a job up, tells its leader's pid, and waits to be killed. */
static _Noreturn void be_slipway(int out) {
    fixture f = {.a = arena_new()};
    err e = {0};
    setpgid(0, 0);
    if (sandbox_init(&e) < 0 || loop_new(&f.l, &e) < 0) _exit(1);
    open_box(&f);
    ask(&f, JOB);
    if (f.status != 0) _exit(1);
    start_soon(&f, "sleep 300");
    if (write(out, "x", 1) < 0) _exit(1);
    loop_run(f.l);
    _exit(0);
}

static pid_t start_slipway(void) {
    int out[2];
    char byte;
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) be_slipway(out[1]);
    close(out[1]);
    assert_int_equal(read(out[0], &byte, 1), 1);
    close(out[0]);
    return pid;
}

static void wait_until_count(size_t wanted) {
    for (int i = 0; i < 3000 && count_ours() != wanted; i++)
        usleep(10000);
    assert_int_equal(count_ours(), wanted);
}

static void nothing_is_left_when_slipway_is_killed(void **state) {
    if (!podman.socket) skip();
    pid_t slipway = start_slipway();
    assert_int_equal(count_ours(), 2);
    assert_int_equal(kill(-slipway, SIGKILL), 0);
    waitpid(slipway, NULL, 0);
    wait_until_count(0);
}

/* The process that made what is there, as the labels tell. */
static pid_t leader_of_what_is_there(arena *a) {
    engine g = {.socket = podman.socket};
    value list;
    err e = {0};
    assert_int_equal(engine_list(&g, a, ENGINE_CONTAINER, STR(ENGINE_LABEL), &list, &e), 0);
    assert_int_equal(value_count(&list), 1);
    const value *labels = value_get(&list.array.items[0], STR("Labels"));
    str owner = value_get(labels, STR(ENGINE_LABEL))->string, part;
    for (int i = 0; i < 4; i++)
        str_cut(owner, '.', &part, &owner);
    return atoi(part.ptr);
}

static void what_a_killed_leader_left_goes_with_the_next_job(void **state) {
    if (!podman.socket) skip();
    _cleanup_arena_ arena *a = arena_new();
    pid_t slipway = start_slipway();
    assert_int_equal(kill(leader_of_what_is_there(a), SIGKILL), 0);
    assert_int_equal(kill(-slipway, SIGKILL), 0);
    waitpid(slipway, NULL, 0);
    assert_int_equal(count_ours(), 2);
    fixture f;
    set_up_fixture(&f);
    ask(&f, JOB);
    assert_went_well(&f);
    assert_has(strbuf_cstr(&f.output), "Removed 2 of runs that were killed");
    assert_int_equal(count_ours(), 2);
    tear_down_fixture(&f);
    assert_int_equal(count_ours(), 0);
}

/* Before the zygote, which must not hold the pipe that keeps the service alive. */
static int set_up_all(void **state) {
    err e = {0};
    return start_podman() || sandbox_init(&e) < 0;
}

static int tear_down_all(void **state) {
    sandbox_done();
    end_podman();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_run_in_the_jobs_container),
        cmocka_unit_test(large_output_comes_whole),
        cmocka_unit_test(a_daemon_does_not_hold_up_the_end_of_a_command),
        cmocka_unit_test(signals_reach_commands_and_what_they_started),
        cmocka_unit_test(several_commands_run_at_once),
        cmocka_unit_test(services_are_reached_by_name_and_by_port),
        cmocka_unit_test(an_unhealthy_service_fails_with_what_it_printed),
        cmocka_unit_test(what_cannot_be_had_is_one_clear_error),
        cmocka_unit_test(an_actions_container_runs_to_its_end),
        cmocka_unit_test(an_image_is_built_from_a_folder),
        cmocka_unit_test(setting_up_can_be_stopped),
        cmocka_unit_test(a_node_that_the_image_can_run_is_told),
        cmocka_unit_test(nothing_is_left_when_slipway_is_killed),
        cmocka_unit_test(what_a_killed_leader_left_goes_with_the_next_job),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
