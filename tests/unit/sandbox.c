#include "unit.h"

#include "base/arena.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One sandbox, and what its latest command did. */
typedef struct fixture {
    loop *l;
    sandbox *s;
    strbuf output;
    int status, exits;
    char problem[1024];
    strbuf orphans; /* "name " for each */
    bool closed;
} fixture;

static void set_up_fixture(fixture *f) {
    err e = {0};
    *f = (fixture){.status = -1};
    assert_int_equal(loop_new(&f->l, &e), 0);
    assert_int_equal(sandbox_spawn(&(sandbox_spec){.name = "test", .loop = f->l}, &f->s, &e), 0);
}

static void on_orphan(void *context, int pid, const char *name) {
    assert_true(pid > 1);
    strbuf_addf(&((fixture *)context)->orphans, "%s ", name);
}

static void on_closed(void *context) {
    ((fixture *)context)->closed = true;
}

static void tear_down_fixture(fixture *f) {
    sandbox_close(f->s, on_orphan, on_closed, f);
    loop_run(f->l);
    assert_true(f->closed);
    loop_free(f->l);
    strbuf_done(&f->output);
    strbuf_done(&f->orphans);
}

static void on_output(void *context, str bytes) {
    strbuf_add(&((fixture *)context)->output, bytes);
}

static void on_exit_quit(void *context, int status, const char *problem) {
    fixture *f = context;
    f->status = status;
    f->exits++;
    snprintf(f->problem, sizeof f->problem, "%s", problem ? problem : "");
    loop_quit(f->l);
}

static sandbox_process *start_argv(fixture *f, const char *const *argv, const char *cwd) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", "COLOR=blue green", NULL};
    sandbox_command c = {argv, env, cwd, on_output, on_exit_quit, f, NULL};
    sandbox_process *p = NULL;
    err e = {0};
    strbuf_clear(&f->output);
    f->status = -1;
    if (sandbox_start(f->s, &c, &p, &e) < 0) fail_msg("%s", e.message);
    return p;
}

static sandbox_process *start_shell(fixture *f, const char *script) {
    return start_argv(f, (const char *const[]){"sh", "-c", script, NULL}, "/tmp");
}

static void run_shell(fixture *f, const char *script) {
    start_shell(f, script);
    loop_run(f->l);
}

static void commands_see_their_arguments_environment_and_folder(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    run_shell(&f, "echo \"$COLOR\"; pwd; env | wc -l; cat; exit 7");
    assert_int_equal(f.status, 7);
    assert_str(strbuf_str(&f.output), "blue green\n/tmp\n3\n");
    assert_string_equal(f.problem, "");
    tear_down_fixture(&f);
    assert_int_equal(f.orphans.len, 0);
}

static void stdout_and_stderr_keep_their_order(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    run_shell(&f, "for i in 1 2 3; do echo out$i; echo err$i >&2; done");
    assert_str(strbuf_str(&f.output), "out1\nerr1\nout2\nerr2\nout3\nerr3\n");
    tear_down_fixture(&f);
}

static void all_of_a_large_output_comes_before_the_exit(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    run_shell(&f, "head -c 3000000 /dev/zero; echo end");
    assert_int_equal(f.status, 0);
    assert_int_equal(f.output.len, 3000004);
    assert_true(str_ends(strbuf_str(&f.output), STR("end\n")));
    tear_down_fixture(&f);
}

static void a_large_environment_arrives_whole(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    enum { COUNT = 20, SIZE = 100000 };
    const char *env[COUNT + 2] = {"PATH=/usr/bin:/bin"};
    char *texts[COUNT];
    for (int i = 0; i < COUNT; i++) {
        texts[i] = mem_alloc(SIZE + 16);
        int n = snprintf(texts[i], 16, "BIG%d=", i);
        memset(texts[i] + n, 'x', SIZE);
        texts[i][n + SIZE] = '\0';
        env[i + 1] = texts[i];
    }
    env[COUNT + 1] = NULL;
    sandbox_command c = {(const char *const[]){"sh", "-c", "echo ${#BIG0} ${#BIG19}", NULL},
                         env,
                         "/",
                         on_output,
                         on_exit_quit,
                         &f,
                         NULL};
    sandbox_process *p;
    err e = {0};
    assert_int_equal(sandbox_start(f.s, &c, &p, &e), 0);
    loop_run(f.l);
    if (f.status == 126)
        assert_non_null(strstr(f.problem, "Argument list too long"));
    else
        assert_str(strbuf_str(&f.output), "100000 100000\n");
    for (int i = 0; i < COUNT; i++)
        free(texts[i]);
    tear_down_fixture(&f);
}

static void what_cannot_be_started_names_the_program_and_the_reason(void **state) {
    (void)state;
    char script[] = "/tmp/slipway-sandbox-XXXXXX";
    int fd = mkstemp(script);
    assert_true(fd >= 0 && write(fd, "#!/no/such\n", 11) == 11);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    const struct {
        const char *program, *cwd;
        int status;
        const char *problem;
    } cases[] = {
        {"no-such-program", "/", 127, "no-such-program: command not found in PATH"},
        {"/no/such/file", "/", 127, "cannot start '/no/such/file': No such file or directory"},
        {"/etc/passwd", "/", 126, "cannot start '/etc/passwd': Permission denied"},
        {"/etc", "/", 126, "cannot start '/etc': Permission denied"},
        {script, "/", 127, "the interpreter that it names is missing"},
        {"true", "/no/folder", 127,
         "cannot start 'true' with working directory '/no/folder': No such file or directory"},
        {"true", "/etc/passwd", 126,
         "cannot start 'true' with working directory '/etc/passwd': Not a directory"},
    };
    fixture f;
    set_up_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_argv(&f, (const char *const[]){cases[i].program, NULL}, cases[i].cwd);
        loop_run(f.l);
        if (f.status != cases[i].status || !strstr(f.problem, cases[i].problem))
            fail_msg("%s: %d, \"%s\"", cases[i].program, f.status, f.problem);
    }
    run_shell(&f, "echo still alive");
    assert_str(strbuf_str(&f.output), "still alive\n");
    unlink(script);
    tear_down_fixture(&f);
}

static void a_command_has_a_session_of_its_own_and_default_signals(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    fixture f;
    set_up_fixture(&f);
    run_shell(&f, "set -- $(cat /proc/self/stat); shift; test $4 = $5 && test $4 = $$ && "
                  "grep -E '^Sig(Ign|Blk)' /proc/self/status");
    assert_str(strbuf_str(&f.output), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    run_shell(&f, "ls /proc/self/fd | wc -l"); /* 0, 1, 2 and the folder itself */
    assert_str(strbuf_str(&f.output), "4\n");
    signal(SIGPIPE, SIG_DFL);
    tear_down_fixture(&f);
}

static void signal_when_ready(void *context, str bytes) {
    fixture *f = context;
    strbuf_add(&f->output, bytes);
    loop_quit(f->l);
}

static sandbox_process *start_and_wait_for_output(fixture *f, const char *script) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    const char *const argv[] = {"bash", "-c", script, NULL};
    sandbox_command c = {argv, env, "/", signal_when_ready, on_exit_quit, f, NULL};
    sandbox_process *p = NULL;
    err e = {0};
    strbuf_clear(&f->output);
    assert_int_equal(sandbox_start(f->s, &c, &p, &e), 0);
    while (!f->output.len)
        loop_run(f->l);
    return p;
}

static void wait_for_exit(fixture *f) {
    for (int before = f->exits; f->exits == before;)
        loop_run(f->l);
}

static void signals_reach_the_whole_group(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    /* The word comes from a program that never catches a signal. A bash that has said it and is
     * about to become another program notes a SIGINT and takes the note with it. */
    char word[] = "/tmp/slipway-signals-XXXXXX", command[128];
    int fd = mkstemp(word);
    assert_int_equal(write(fd, "go\n", 3), 3);
    close(fd);
    snprintf(command, sizeof command, "trap 'echo got it; exit 3' INT; tail -f %s; true", word);
    sandbox_process *p = start_and_wait_for_output(&f, command);
    sandbox_signal(p, SIGINT);
    wait_for_exit(&f);
    assert_int_equal(f.status, 3);
    assert_str(strbuf_str(&f.output), "go\ngot it\n");
    snprintf(command, sizeof command, "exec tail -f %s", word);
    p = start_and_wait_for_output(&f, command);
    sandbox_signal(p, SIGTERM);
    wait_for_exit(&f);
    assert_int_equal(f.status, 128 + SIGTERM);
    unlink(word);
    tear_down_fixture(&f);
    assert_int_equal(f.orphans.len, 0);
}

static void killing_takes_what_stands_below(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    sandbox_process *p = start_and_wait_for_output(
        &f, "(setsid bash -c 'echo $$; sleep 300; true' ; true) & wait; true");
    int below = atoi(f.output.ptr);
    assert_true(below > 1 && kill(below, 0) == 0);
    sandbox_kill(p);
    wait_for_exit(&f);
    assert_int_equal(f.status, 128 + SIGKILL);
    tear_down_fixture(&f);
    assert_true(kill(below, 0) < 0 && errno == ESRCH);
    assert_int_equal(f.orphans.len, 0);
}

static void daemons_do_not_hold_up_the_exit_and_die_at_the_close(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    uint64_t start = loop_now_ms();
    run_shell(&f, "setsid sh -c 'sleep 301 & echo $!; setsid sleep 302 & wait' & exit 0");
    assert_true(loop_now_ms() - start < 2000);
    assert_int_equal(f.status, 0);
    int daemon_pid = atoi(f.output.ptr);
    assert_true(daemon_pid > 1 && kill(daemon_pid, 0) == 0);
    sandbox_close(f.s, on_orphan, on_closed, &f);
    loop_run(f.l);
    assert_true(f.closed);
    assert_true(kill(daemon_pid, 0) < 0 && errno == ESRCH);
    assert_str(strbuf_str(&f.orphans), "sh sleep sleep ");
    loop_free(f.l);
    strbuf_done(&f.output);
    strbuf_done(&f.orphans);
}

static void several_commands_run_side_by_side(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    uint64_t start = loop_now_ms();
    for (int i = 0; i < 20; i++)
        start_shell(&f, "sleep 0.2; echo x");
    while (f.exits < 20)
        loop_run(f.l);
    assert_true(loop_now_ms() - start < 2000);
    tear_down_fixture(&f);
}

static void many_commands_run_one_after_the_other(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    for (int i = 0; i < 300; i++) {
        start_argv(&f, (const char *const[]){"/bin/true", NULL}, "/");
        loop_run(f.l);
        assert_int_equal(f.status, 0);
    }
    tear_down_fixture(&f);
}

/* Waits up to five seconds for a process to be gone (or to be a zombie that nobody reaps). */
static bool ends(int pid) {
    for (int i = 0; i < 500; i++) {
        char path[64], text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *stat = fopen(path, "r");
        if (!stat) return true;
        bool read_it = fgets(text, sizeof text, stat);
        fclose(stat);
        const char *close_paren = strrchr(text, ')');
        if (!read_it || (close_paren && close_paren[2] == 'Z')) return true;
        usleep(10000);
    }
    return false;
}

static void commands_end_when_their_leader_is_killed(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    int leader = 0, child = 0, daemon_pid = 0;
    start_and_wait_for_output(
        &f, "sleep 100 & setsid bash -c 'sleep 100; true' & echo $PPID $! %1; jobs -p %1; wait");
    while (sscanf(f.output.ptr, "%d %d %%1 %d", &leader, &daemon_pid, &child) < 3)
        loop_run(f.l);
    assert_int_equal(kill(leader, SIGKILL), 0);
    wait_for_exit(&f);
    assert_true(ends(child));
    assert_true(ends(daemon_pid));
    assert_int_equal(f.status, 128 + SIGKILL);
    assert_non_null(strstr(f.problem, "was killed"));
    sandbox_process *p;
    err e = {0};
    const char *const argv[] = {"true", NULL}, *const env[] = {NULL};
    sandbox_command c = {argv, env, "/", on_output, on_exit_quit, &f, NULL};
    assert_int_equal(sandbox_start(f.s, &c, &p, &e), ERR_FAILED);
    tear_down_fixture(&f);
}

static int leader_of(fixture *f, const char *name) {
    err e = {0};
    assert_int_equal(sandbox_spawn(&(sandbox_spec){.name = name, .loop = f->l}, &f->s, &e), 0);
    run_shell(f, "echo $PPID; cat /proc/$PPID/comm");
    assert_non_null(strstr(strbuf_cstr(&f->output), name));
    int pid = atoi(f->output.ptr);
    f->closed = false;
    sandbox_close(f->s, on_orphan, on_closed, f);
    while (!f->closed)
        loop_run(f->l);
    return pid;
}

static void a_leader_serves_one_sandbox_after_another(void **state) {
    (void)state;
    fixture f = {.status = -1};
    err e = {0};
    assert_int_equal(loop_new(&f.l, &e), 0);
    int first = leader_of(&f, "one");
    assert_int_equal(leader_of(&f, "two"), first);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_true(ends(first));
    int other = leader_of(&f, "three");
    assert_int_not_equal(other, first);
    assert_int_equal(f.orphans.len, 0);
    loop_free(f.l);
    strbuf_done(&f.output);
}

/* A whole Slipway in a child: tells the pids of its leader, of a command and of a daemon. */
static _Noreturn void be_slipway(int out) {
    setpgid(0, 0);
    fixture f;
    err e = {0};
    if (sandbox_init(&e) < 0) _exit(1);
    set_up_fixture(&f);
    start_and_wait_for_output(
        &f, "setsid bash -c 'sleep 303; true' > /dev/null & echo $PPID $$ $!; sleep 304; true");
    if (write(out, f.output.ptr, f.output.len) < 0) _exit(1);
    loop_run(f.l);
    _exit(0);
}

static void nothing_survives_when_slipways_process_group_is_killed(void **state) {
    (void)state;
    int out[2], leader = 0, command = 0, daemon_pid = 0;
    char text[128] = "";
    assert_int_equal(pipe(out), 0);
    pid_t slipway = fork();
    if (slipway == 0) be_slipway(out[1]);
    assert_true(read(out[0], text, sizeof text - 1) > 0);
    assert_int_equal(sscanf(text, "%d %d %d", &leader, &command, &daemon_pid), 3);
    assert_int_equal(kill(-slipway, SIGKILL), 0);
    assert_int_equal(waitpid(slipway, NULL, 0), slipway);
    assert_true(ends(command));
    assert_true(ends(daemon_pid));
    assert_true(ends(leader));
    close(out[0]), close(out[1]);
}

static void dropping_a_sandbox_kills_what_runs(void **state) {
    (void)state;
    fixture f;
    set_up_fixture(&f);
    start_and_wait_for_output(&f, "echo $$; sleep 100; true");
    int pid = atoi(f.output.ptr);
    sandbox_free(f.s);
    assert_true(ends(pid));
    loop_run(f.l);
    assert_int_equal(f.exits, 0);
    loop_free(f.l);
    strbuf_done(&f.output);
}

static int start_zygote(void **state) {
    (void)state;
    err e = {0};
    return sandbox_init(&e);
}

static int end_zygote(void **state) {
    (void)state;
    sandbox_done();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_see_their_arguments_environment_and_folder),
        cmocka_unit_test(stdout_and_stderr_keep_their_order),
        cmocka_unit_test(all_of_a_large_output_comes_before_the_exit),
        cmocka_unit_test(a_large_environment_arrives_whole),
        cmocka_unit_test(what_cannot_be_started_names_the_program_and_the_reason),
        cmocka_unit_test(a_command_has_a_session_of_its_own_and_default_signals),
        cmocka_unit_test(signals_reach_the_whole_group),
        cmocka_unit_test(killing_takes_what_stands_below),
        cmocka_unit_test(daemons_do_not_hold_up_the_exit_and_die_at_the_close),
        cmocka_unit_test(several_commands_run_side_by_side),
        cmocka_unit_test(many_commands_run_one_after_the_other),
        cmocka_unit_test(commands_end_when_their_leader_is_killed),
        cmocka_unit_test(a_leader_serves_one_sandbox_after_another),
        cmocka_unit_test(nothing_survives_when_slipways_process_group_is_killed),
        cmocka_unit_test(dropping_a_sandbox_kills_what_runs),
    };
    return cmocka_run_group_tests(tests, start_zygote, end_zygote);
}
