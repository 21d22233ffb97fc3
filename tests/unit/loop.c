#include "unit.h"

#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct fixture {
    loop *l;
    loop_timer *timer;
    loop_watch *watch;
    loop_signal *on_signal;
    int calls, limit;
    char text[32];
    size_t len;
    int fds[2];
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.limit = 3, .fds = {-1, -1}};
    assert_int_equal(loop_new(&f.l, NULL), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    loop_free(f->l);
    close(f->fds[0]), close(f->fds[1]);
    return 0;
}

static void note(fixture *f, char c) {
    f->text[f->len++] = c;
    f->calls++;
}

static void on_a(void *context) {
    note(context, 'a');
}

static void on_b(void *context) {
    note(context, 'b');
}

static void timers_are_called_in_the_order_of_their_time(void **state) {
    fixture *f = *state;
    uint64_t start = loop_now_ms();
    loop_timer *late = loop_after(f->l, 20, on_b, f), *early = loop_after(f->l, 5, on_a, f);
    loop_run(f->l);
    assert_string_equal(f->text, "ab");
    assert_true(loop_now_ms() - start >= 19);
    loop_timer_stop(late);
    loop_timer_stop(early);
}

static void a_stopped_timer_is_not_called(void **state) {
    fixture *f = *state;
    loop_timer *t = loop_after(f->l, 1, on_a, f);
    loop_after(f->l, 5, on_b, f);
    loop_timer_stop(t);
    loop_timer_stop(NULL);
    loop_run(f->l);
    assert_string_equal(f->text, "b");
}

static void on_deferred(void *context) {
    fixture *f = context;
    note(f, 'x');
    if (f->calls < f->limit) loop_after(f->l, 0, on_deferred, f);
    note(f, '.');
}

static void deferred_work_runs_after_the_callback(void **state) {
    fixture *f = *state;
    f->limit = 5;
    loop_after(f->l, 0, on_deferred, f);
    loop_run(f->l);
    assert_string_equal(f->text, "x.x.x.");
}

static void on_tick(void *context) {
    fixture *f = context;
    note(f, 't');
    if (f->calls == f->limit) loop_timer_stop(f->timer);
}

static void a_repeating_timer_may_stop_itself(void **state) {
    fixture *f = *state;
    f->timer = loop_every(f->l, 1, on_tick, f);
    loop_run(f->l);
    assert_string_equal(f->text, "ttt");
}

static void on_quit(void *context) {
    fixture *f = context;
    note(f, 'q');
    loop_quit(f->l);
}

static void quit_ends_the_run_though_there_is_more_to_wait_for(void **state) {
    fixture *f = *state;
    loop_timer *t = loop_after(f->l, 3600 * 1000, on_a, f);
    loop_after(f->l, 0, on_quit, f);
    loop_run(f->l);
    assert_string_equal(f->text, "q");
    loop_timer_stop(t);
}

static void on_readable(void *context, int fd) {
    fixture *f = context;
    char bytes[8];
    ssize_t n = read(fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++)
        note(f, bytes[i]);
    if (n > 0) return;
    note(f, '$');
    loop_watch_stop(f->watch);
    close(fd);
    f->fds[0] = -1;
}

static void on_write(void *context) {
    fixture *f = context;
    assert_int_equal(write(f->fds[1], "one", 3), 3);
    close(f->fds[1]);
    f->fds[1] = -1;
}

static void a_descriptor_is_read_to_its_end_and_closed_in_its_callback(void **state) {
    fixture *f = *state;
    assert_int_equal(pipe2(f->fds, O_CLOEXEC), 0);
    f->watch = loop_readable(f->l, f->fds[0], on_readable, f);
    loop_after(f->l, 2, on_write, f);
    loop_run(f->l);
    assert_string_equal(f->text, "one$");
}

/* The number of a closed descriptor is given out again at once: a stopped watch must not see it. */
static void a_descriptor_number_may_be_used_again(void **state) {
    fixture *f = *state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->fds), 0);
    f->watch = loop_readable(f->l, f->fds[0], on_readable, f);
    loop_watch_stop(f->watch);
    int number = f->fds[0];
    close(f->fds[0]), close(f->fds[1]);
    assert_int_equal(pipe2(f->fds, O_CLOEXEC), 0);
    assert_int_equal(f->fds[0], number);
    f->watch = loop_readable(f->l, f->fds[0], on_readable, f);
    loop_after(f->l, 2, on_write, f);
    loop_run(f->l);
    assert_string_equal(f->text, "one$");
}

static void on_signal(void *context, int signo) {
    fixture *f = context;
    assert_int_equal(signo, SIGUSR1);
    note(f, 's');
    loop_signal_stop(f->on_signal);
}

static void on_raise(void *context) {
    raise(SIGUSR1);
}

static void signals_reach_the_loop(void **state) {
    fixture *f = *state;
    f->on_signal = loop_on_signal(f->l, SIGUSR1, on_signal, f);
    loop_after(f->l, 0, on_raise, NULL);
    loop_run(f->l);
    assert_string_equal(f->text, "s");
}

static void clocks_move(void **state) {
    uint64_t ms = loop_now_ms();
    int64_t us = clock_wall_us();
    usleep(3000);
    assert_in_range(loop_now_ms() - ms, 2, 60000);
    assert_true(clock_wall_us() > us);
    assert_true(us > (int64_t)1600000000 * 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        LOOP_TEST(timers_are_called_in_the_order_of_their_time),
        LOOP_TEST(a_stopped_timer_is_not_called),
        LOOP_TEST(deferred_work_runs_after_the_callback),
        LOOP_TEST(a_repeating_timer_may_stop_itself),
        LOOP_TEST(quit_ends_the_run_though_there_is_more_to_wait_for),
        LOOP_TEST(a_descriptor_is_read_to_its_end_and_closed_in_its_callback),
        LOOP_TEST(a_descriptor_number_may_be_used_again),
        LOOP_TEST(signals_reach_the_loop),
        cmocka_unit_test(clocks_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
