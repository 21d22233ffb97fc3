#include "unit.h"

#include "base/loop.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    arena *a;
    process_result result;
    err e;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.a = arena_new()};
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    arena_free(((fixture *)*state)->a);
    return 0;
}

static int shell(fixture *f, const char *script, process_spec spec) {
    const char *argv[] = {"sh", "-c", script, NULL};
    spec.argv = argv;
    return process_run(f->a, &spec, &f->result, &f->e);
}

static void output_and_status_are_told_apart(void **state) {
    fixture *f = *state;
    assert_int_equal(shell(f, "echo out; echo err >&2; exit 7", (process_spec){0}), 0);
    assert_int_equal(f->result.status, 7);
    assert_str(f->result.out, "out\n");
    assert_str(f->result.err_out, "err\n");
}

static void a_signal_is_128_and_its_number(void **state) {
    fixture *f = *state;
    assert_int_equal(shell(f, "kill -9 $$", (process_spec){0}), 0);
    assert_int_equal(f->result.status, 137);
}

static void input_is_read_to_its_end_or_not_at_all(void **state) {
    fixture *f = *state;
    _cleanup_strbuf_ strbuf big = STRBUF_INIT;
    strbuf_pad(&big, 'x', 1 << 20);
    assert_int_equal(shell(f, "wc -c", (process_spec){.input = strbuf_str(&big)}), 0);
    assert_str(str_trim(f->result.out), "1048576");
    assert_int_equal(shell(f, "exec true", (process_spec){.input = strbuf_str(&big)}), 0);
    assert_int_equal(f->result.status, 0);
    assert_int_equal(shell(f, "cat", (process_spec){0}), 0);
    assert_int_equal(f->result.out.len, 0);
}

static void the_environment_is_ours_with_changes(void **state) {
    fixture *f = *state;
    setenv("PROCESS_TEST_A", "ours", 1);
    setenv("PROCESS_TEST_B", "ours", 1);
    const char *env[] = {"PROCESS_TEST_B=first", "PROCESS_TEST=new", "PROCESS_TEST_B=last", NULL};
    assert_int_equal(
        shell(f, "echo $PROCESS_TEST_A $PROCESS_TEST_B $PROCESS_TEST; env | grep -c ^PROCESS_TEST",
              (process_spec){.env = env}),
        0);
    assert_str(f->result.out, "ours last new\n3\n");
    const char *fewer[] = {"PROCESS_TEST_A", "PROCESS_TEST_NONE", NULL};
    assert_int_equal(shell(f, "env | grep ^PROCESS_TEST", (process_spec){.env = fewer}), 0);
    assert_str(f->result.out, "PROCESS_TEST_B=ours\n");
}

static void the_folder_can_be_chosen(void **state) {
    fixture *f = *state;
    assert_int_equal(shell(f, "pwd", (process_spec){.cwd = "/usr"}), 0);
    assert_str(f->result.out, "/usr\n");
    assert_int_equal(shell(f, "pwd", (process_spec){.cwd = "/no/such"}), ERR_NOT_FOUND);
    assert_string_equal(f->e.message, "cannot run 'sh' in '/no/such': there is no such folder");
}

static void what_cannot_be_run_is_an_error(void **state) {
    fixture *f = *state;
    const char *argv[] = {"no-such-program-here", NULL};
    process_spec spec = {.argv = argv};
    assert_int_equal(process_run(f->a, &spec, &f->result, &f->e), ERR_NOT_FOUND);
    assert_string_equal(f->e.message,
                        "cannot run 'no-such-program-here': there is no such program");
    argv[0] = "/dev/null";
    assert_int_equal(process_run(f->a, &spec, &f->result, &f->e), ERR_IO);
}

static bool third_time(void *context) {
    unsigned *asked = context;
    return ++*asked == 3;
}

static void a_program_can_be_given_up(void **state) {
    fixture *f = *state;
    unsigned asked = 0;
    process_spec spec = {.stopped = third_time, .context = &asked};
    assert_int_equal(shell(f, "exec sleep 60", spec), ERR_CANCELLED);
    assert_string_equal(f->e.message, "'sh' was ended: what it was for was cancelled");
    assert_int_equal(asked, 3);
}

static void a_program_that_takes_too_long_is_ended(void **state) {
    fixture *f = *state;
    uint64_t start = loop_now_ms();
    assert_int_equal(shell(f, "echo before; exec sleep 60", (process_spec){.timeout_ms = 100}),
                     ERR_TIMEOUT);
    assert_string_equal(f->e.message, "'sh' was ended: it took more than 100 ms");
    assert_str(f->result.out, "before\n");
    assert_true(loop_now_ms() - start < 20000);
}

static void a_program_that_ignores_the_request_to_end_is_killed(void **state) {
    fixture *f = *state;
    uint64_t start = loop_now_ms();
    const char *script = "trap '' TERM; while :; do sleep 0.1; done";
    assert_int_equal(shell(f, script, (process_spec){.timeout_ms = 100}), ERR_TIMEOUT);
    assert_int_equal(f->result.status, 137);
    assert_true(loop_now_ms() - start < 20000);
}

static void output_has_a_cap(void **state) {
    fixture *f = *state;
    assert_int_equal(shell(f, "printf 0123456789", (process_spec){.max_output = 10}), 0);
    assert_int_equal(shell(f, "printf 0123456789a", (process_spec){.max_output = 10}), ERR_LIMIT);
    assert_string_equal(f->e.message, "'sh' was ended: it printed more than 10 bytes");
    assert_str(f->result.out, "0123456789");
    assert_int_equal(shell(f, "yes >&2", (process_spec){.max_output = 100000}), ERR_LIMIT);
    assert_int_equal(f->result.err_out.len, 100000);
}

static void what_is_left_running_is_not_waited_for(void **state) {
    fixture *f = *state;
    uint64_t start = loop_now_ms();
    assert_int_equal(shell(f, "sleep 30 & echo $!", (process_spec){0}), 0);
    assert_true(loop_now_ms() - start < 20000);
    kill(atoi(arena_cstr(f->a, f->result.out)), SIGKILL);
}

static void children_meet_signals_as_usual(void **state) {
    fixture *f = *state;
    signal(SIGPIPE, SIG_IGN);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    assert_int_equal(shell(f, "kill -PIPE $$; echo here", (process_spec){0}), 0);
    assert_int_equal(f->result.status, 128 + SIGPIPE);
    assert_int_equal(shell(f, "kill -TERM $$; echo here", (process_spec){0}), 0);
    assert_int_equal(f->result.status, 128 + SIGTERM);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
}

static void children_inherit_no_descriptors(void **state) {
    fixture *f = *state;
    const char *argv[] = {"ls", "/proc/self/fd", NULL};
    process_spec specs[] = {{.argv = argv, .input = STR("x")}, {.argv = argv}};
    process_result results[2];
    int codes[2];
    err errors[2];
    close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC); /* what this test was itself given */
    process_run_many(f->a, specs, 2, 0, results, codes, errors);
    for (int i = 0; i < 2; i++)
        assert_str(results[i].out, "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
}

static size_t open_descriptors(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void many_run_at_once_and_results_keep_their_order(void **state) {
    fixture *f = *state;
    enum { COUNT = 40 };
    const char *argv[COUNT][4];
    process_spec specs[COUNT];
    process_result results[COUNT];
    int codes[COUNT];
    err errors[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const char *script = arena_printf(f->a, "sleep 0.%d; echo %d", (COUNT - i) % 10, i).ptr;
        const char *line[4] = {"sh", "-c", script, NULL};
        if (i == 5) line[0] = "no-such-program-here";
        memcpy(argv[i], line, sizeof line);
        specs[i] = (process_spec){.argv = argv[i]};
    }
    size_t before = open_descriptors();
    for (size_t parallel = 0; parallel < 14; parallel += 13) {
        uint64_t start = loop_now_ms();
        process_run_many(f->a, specs, COUNT, parallel, results, codes, errors);
        /* One after the other they would sleep for 18 seconds. */
        assert_true(loop_now_ms() - start < 15000);
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(codes[i], i == 5 ? ERR_NOT_FOUND : 0);
            if (i != 5) assert_str(results[i].out, arena_printf(f->a, "%d\n", i).ptr);
        }
    }
    assert_int_equal(open_descriptors(), before);
}

static void none_at_all_is_fine(void **state) {
    fixture *f = *state;
    process_run_many(f->a, NULL, 0, 0, NULL, NULL, NULL);
}

static void a_check_fails_with_the_last_line(void **state) {
    fixture *f = *state;
    const char *argv[] = {"sh", "-c", "echo good; echo hint >&2; echo 'fatal: bad' >&2; exit $CODE",
                          NULL};
    const char *env[] = {"CODE=0", NULL};
    process_spec spec = {.argv = argv, .env = env};
    str out;
    assert_int_equal(process_check(f->a, &spec, &out, &f->e), 0);
    assert_str(out, "good\n");
    env[0] = "CODE=3";
    assert_int_equal(process_check(f->a, &spec, NULL, &f->e), ERR_FAILED);
    assert_string_equal(f->e.message, "'sh' ended with status 3: fatal: bad");
}

/* The pipe ends when nobody holds it any more: the caller, and what that has started. */
static void a_child_ends_when_its_caller_is_killed(void **state) {
    fixture *f = *state;
    int fds[2];
    char byte;
    assert_return_code(pipe(fds), errno);
    pid_t caller = fork();
    if (caller == 0) {
        close(fds[0]);
        char script[64];
        snprintf(script, sizeof script, "echo >&%d; exec sleep 60", fds[1]);
        const char *argv[] = {"sh", "-c", script, NULL};
        process_run(f->a, &(process_spec){.argv = argv}, &f->result, &f->e);
        _exit(0);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    kill(caller, SIGKILL);
    waitpid(caller, NULL, 0);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        PROCESS_TEST(a_child_ends_when_its_caller_is_killed),
        PROCESS_TEST(output_and_status_are_told_apart),
        PROCESS_TEST(a_signal_is_128_and_its_number),
        PROCESS_TEST(input_is_read_to_its_end_or_not_at_all),
        PROCESS_TEST(the_environment_is_ours_with_changes),
        PROCESS_TEST(the_folder_can_be_chosen),
        PROCESS_TEST(what_cannot_be_run_is_an_error),
        PROCESS_TEST(a_program_can_be_given_up),
        PROCESS_TEST(a_program_can_be_given_up),
        PROCESS_TEST(a_program_that_takes_too_long_is_ended),
        PROCESS_TEST(a_program_that_ignores_the_request_to_end_is_killed),
        PROCESS_TEST(output_has_a_cap),
        PROCESS_TEST(what_is_left_running_is_not_waited_for),
        PROCESS_TEST(children_meet_signals_as_usual),
        PROCESS_TEST(children_inherit_no_descriptors),
        PROCESS_TEST(many_run_at_once_and_results_keep_their_order),
        PROCESS_TEST(none_at_all_is_fine),
        PROCESS_TEST(a_check_fails_with_the_last_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
