#include "unit.h"

#include "base/task.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    loop *l;
    task *t;
    int done, memory;
    err e;
    int code; /* of the work; 1: it sleeps */
    char path[64];
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.path = "/tmp/slipway-task-XXXXXX"};
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    close(fd);
    *state = &f;
    return loop_new(&f.l, NULL);
}

static int teardown(void **state) {
    fixture *f = *state;
    loop_free(f->l);
    unlink(f->path);
    return 0;
}

static int work(void *context, err *e) {
    fixture *f = context;
    f->memory++;
    if (f->code == 1) {
        for (;;)
            pause();
    }
    if (f->code < 0) return err_set(e, f->code, "no more of %s", "this");
    return unlink(f->path);
}

static int die(void *context, err *e) {
    (void)context, (void)e;
    raise(SIGTERM);
    return 0;
}

static int leak_descriptors(void *context, err *e) {
    (void)context;
    if (write(4, "x", 1) >= 0) return err_set(e, ERR_FAILED, "descriptor 4 is open");
    return getsid(0) == getpid() ? 0 : err_set(e, ERR_FAILED, "no session");
}

static void on_done(void *context, const err *e) {
    fixture *f = context;
    f->done++;
    if (e) f->e = *e;
}

static void start(fixture *f, task_work_fn *fn) {
    err e = {0};
    if (task_start(f->l, NULL, fn, on_done, f, &f->t, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(f->done, 0);
}

static void work_shows_in_the_file_system_and_nowhere_else(void **state) {
    fixture *f = *state;
    start(f, work);
    loop_run(f->l);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->e.code, 0);
    assert_int_equal(f->memory, 0);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void what_went_wrong_is_told(void **state) {
    fixture *f = *state;
    f->code = ERR_LIMIT;
    start(f, work);
    loop_run(f->l);
    assert_int_equal(f->e.code, ERR_LIMIT);
    assert_string_equal(f->e.message, "no more of this");
}

static void a_child_that_dies_has_failed(void **state) {
    fixture *f = *state;
    start(f, die);
    loop_run(f->l);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->e.code, ERR_FAILED);
}

static void the_child_has_a_session_and_no_descriptors_of_ours(void **state) {
    fixture *f = *state;
    start(f, leak_descriptors);
    loop_run(f->l);
    assert_string_equal(f->e.message, "");
}

static void a_killed_task_ends_at_once(void **state) {
    fixture *f = *state;
    f->code = 1;
    uint64_t began = loop_now_ms();
    start(f, work);
    task_kill(f->t);
    loop_run(f->l);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->e.code, ERR_CANCELLED);
    assert_true(loop_now_ms() - began < 5000);
}

static void on_timer(void *context) {
    task_kill(context);
}

static void the_loop_goes_on_meanwhile(void **state) {
    fixture *f = *state;
    f->code = 1;
    start(f, work);
    loop_timer *t = loop_after(f->l, 30, on_timer, f->t);
    loop_run(f->l);
    assert_int_equal(f->e.code, ERR_CANCELLED);
    loop_timer_stop(t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(work_shows_in_the_file_system_and_nowhere_else),
        T(what_went_wrong_is_told),
        T(a_child_that_dies_has_failed),
        T(the_child_has_a_session_and_no_descriptors_of_ours),
        T(a_killed_task_ends_at_once),
        T(the_loop_goes_on_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
