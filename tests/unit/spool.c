#include "unit.h"

#include "agent/spool.h"
#include "base/fs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct world {
    arena *a;
    loop *loop;
    char *parent, *dir;
    err e;
} world;

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "spool-", &w->parent, &w->e) < 0 || loop_new(&w->loop, &w->e) < 0)
        return -1;
    w->dir = fs_join(w->a, w->parent, STR("job"));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    loop_free(w->loop);
    fs_remove(w->parent, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static spool_writer *take(world *w) {
    spool_writer *s;
    if (spool_take(w->dir, w->loop, &s, &w->e) < 0) fail_msg("%s", w->e.message);
    return s;
}

static void add_event(spool_writer *s, const char *kind) {
    json_out o = spool_begin_event(s, kind, 1795832391931374);
    json_key_number(&o, "step", 2);
    spool_end_event(s, &o);
}

static const char *all_of(world *w, const char *file) {
    strbuf out = STRBUF_INIT;
    assert_int_equal(spool_read(w->dir, file, 0, 1 << 30, &out, &w->e), 0);
    const char *copy = arena_cstr(w->a, strbuf_str(&out));
    strbuf_done(&out);
    return copy;
}

static void what_is_written_can_be_read(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    str name = STR("job");
    spool_result ended = {
        .result = JOB_FAILURE, .reason = STR("why"), .outputs = value_object_new(w->a, false)};
    value_set_str(w->a, &ended.outputs, "x", STR("1"));
    assert_int_equal(spool_look(w->dir), SPOOL_RUNNING);
    assert_int_equal(spool_write_job(s, STR("{}\n"), &w->e), 0);
    spool_log(s, -1, 5, 'w', STR("two\nlines"));
    spool_log(s, 3, 6, 'G', STR(""));
    add_event(s, "a");
    add_event(s, "b");
    assert_int_equal(spool_finish(s, &ended, &w->e), 0);
    spool_free(s);
    assert_string_equal(all_of(w, SPOOL_LOG), "-1 5 w two\n-1 5 w lines\n3 6 G \n");
    assert_string_equal(
        all_of(w, SPOOL_EVENTS),
        "{\"seq\":1,\"kind\":\"a\",\"time\":\"2026-11-28T02:19:51.931374Z\",\"step\":2}\n"
        "{\"seq\":2,\"kind\":\"b\",\"time\":\"2026-11-28T02:19:51.931374Z\",\"step\":2}\n");
    spool_result got;
    str *names, text;
    size_t count;
    assert_int_equal(spool_read_result(w->a, w->dir, &got, &w->e), 0);
    assert_int_equal(got.result, JOB_FAILURE);
    assert_str(got.reason, "why");
    assert_int_equal(got.seq, 2);
    assert_int_equal(got.bytes, strlen(all_of(w, SPOOL_LOG)));
    assert_str(value_path_str(&got.outputs, "x"), "1");
    assert_int_equal(spool_read_job(w->a, w->dir, &text, &w->e), 0);
    assert_str(text, "{}\n");
    assert_int_equal(spool_look(w->dir), SPOOL_DONE);
    assert_int_equal(spool_list(w->a, w->parent, &names, &count, &w->e), 0);
    assert_int_equal(count, 1);
    assert_true(str_eq(names[0], name));
    assert_int_equal(spool_remove(w->dir, &w->e), 0);
    assert_false(fs_exists(w->dir));
}

/* However small the pieces are that are asked for. */
static void reading_gives_whole_lines(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    _cleanup_strbuf_ strbuf long_line = STRBUF_INIT, whole = STRBUF_INIT;
    spool_result ended = {.result = JOB_SUCCESS, .outputs = value_object_new(w->a, false)};
    for (int i = 0; i < 5000; i++)
        strbuf_adds(&long_line, "0123456789\xc3\xa4");
    spool_log(s, 0, 1, 'o', STR("first"));
    spool_log(s, 0, 2, 'o', strbuf_str(&long_line)); /* less than one record may have */
    spool_log(s, 0, 3, 'o', STR("last"));
    assert_int_equal(spool_finish(s, &ended, &w->e), 0);
    spool_free(s);
    const char *all = all_of(w, SPOOL_LOG);
    int pieces = 0;
    for (uint64_t offset = 0; offset < strlen(all); pieces++) {
        _cleanup_strbuf_ strbuf piece = STRBUF_INIT;
        assert_int_equal(spool_read(w->dir, SPOOL_LOG, offset, 20, &piece, &w->e), 0);
        assert_true(piece.len > 0);
        assert_int_equal(piece.ptr[piece.len - 1], '\n');
        offset += piece.len;
        strbuf_add(&whole, strbuf_str(&piece));
    }
    assert_string_equal(strbuf_cstr(&whole), all);
    assert_true(pieces > 1);
}

/* What is longer than a record goes on in the next one, and no character is cut. */
static void long_lines_are_several_records(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    spool_result ended = {.result = JOB_SUCCESS, .outputs = value_object_new(w->a, false)};
    for (size_t i = 0; i < SPOOL_TEXT_MAX; i++)
        strbuf_adds(&text, "\xe2\x82\xac");
    spool_log(s, 0, 1, 'o', strbuf_str(&text));
    assert_int_equal(spool_finish(s, &ended, &w->e), 0);
    spool_free(s);
    str all = str_from(all_of(w, SPOOL_LOG)), line;
    size_t total = 0, records = 0;
    while (str_line(&all, &line)) {
        assert_true(str_starts(line, STR("0 1 o \xe2\x82\xac")));
        assert_true(line.len - 6 <= SPOOL_TEXT_MAX);
        assert_int_equal((line.len - 6) % 3, 0);
        total += line.len - 6;
        records++;
    }
    assert_int_equal(total, text.len);
    assert_int_equal(records, 4);
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A disk that is full takes a part of a line, and the rest later. */
static void what_cannot_be_written_is_held(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    spool_result ended = {.result = JOB_SUCCESS, .outputs = value_object_new(w->a, false)};
    _cleanup_strbuf_ strbuf expected = STRBUF_INIT;
    struct rlimit before;
    void (*on_large)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit_files(1001);
    for (int i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof text, "line %d", i);
        spool_log(s, 0, 1, 'o', str_from(text));
        strbuf_addf(&expected, "0 1 o %s\n", text);
    }
    assert_false(spool_is_stuck(s));
    limit_files(before.rlim_cur);
    assert_int_equal(spool_finish(s, &ended, &w->e), 0);
    spool_free(s);
    assert_string_equal(all_of(w, SPOOL_LOG), strbuf_cstr(&expected));
    assert_int_equal(ended.bytes, expected.len);
    signal(SIGXFSZ, on_large);
}

static void not_everything_is_held(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    _cleanup_strbuf_ strbuf line = STRBUF_INIT;
    struct rlimit before;
    void (*on_large)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit_files(1001);
    for (size_t i = 0; i < SPOOL_TEXT_MAX; i++)
        strbuf_addc(&line, 'x');
    for (size_t i = 0; i < SPOOL_HELD_MAX / SPOOL_TEXT_MAX; i++)
        spool_log(s, 0, 1, 'o', strbuf_str(&line));
    assert_true(spool_is_stuck(s));
    limit_files(before.rlim_cur);
    spool_free(s);
    signal(SIGXFSZ, on_large);
}

static void a_folder_serves_one_process(void **state) {
    world *w = *state;
    spool_writer *other;
    spool_free(take(w));
    assert_int_equal(spool_take(w->dir, w->loop, &other, &w->e), ERR_INVALID);
    assert_true(strstr(w->e.message, "a job was run in this folder before"));
}

static void a_process_that_was_killed_is_lost(void **state) {
    world *w = *state;
    int ready[2], status;
    char c;
    assert_int_equal(spool_look(w->dir), SPOOL_NEW);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        spool_writer *s;
        if (spool_take(w->dir, w->loop, &s, &w->e) == 0 && write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(spool_look(w->dir), SPOOL_RUNNING);
    assert_int_equal(spool_order(w->dir, "cancel", &w->e), 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_int_equal(spool_look(w->dir), SPOOL_LOST);
    assert_int_equal(spool_order(w->dir, "cancel", &w->e), ERR_NOT_FOUND);
    close(ready[0]), close(ready[1]);
}

static void orders_arrive(void **state) {
    world *w = *state;
    spool_writer *s = take(w);
    char bytes[32] = "";
    assert_int_equal(spool_order(w->dir, "cancel", &w->e), 0);
    assert_int_equal(spool_order(w->dir, "kill", &w->e), 0);
    assert_int_equal(read(spool_control_fd(s), bytes, sizeof bytes - 1), 12);
    assert_string_equal(bytes, "cancel\nkill\n");
    spool_free(s);
}

/* ---- watching ------------------------------------------------------------------------------- */

typedef struct watching {
    world *w;
    spool_watcher *watcher;
    spool_watch *watch;
    spool_writer *s;
    unsigned calls;
    bool ended;
} watching;

static void on_change(void *context) {
    watching *x = context;
    x->calls++;
    if (x->s) { /* the first: something was written */
        spool_result ended = {.result = JOB_SUCCESS, .outputs = value_object_new(x->w->a, false)};
        assert_int_equal(spool_finish(x->s, &ended, &x->w->e), 0);
        spool_free(x->s);
        x->s = NULL;
        return;
    }
    if (spool_look(x->w->dir) != SPOOL_DONE) return;
    x->ended = true;
    spool_watch_remove(x->watch);
    loop_quit(x->w->loop);
}

static void what_happens_is_seen(void **state) {
    world *w = *state;
    watching x = {.w = w, .s = take(w)};
    assert_int_equal(spool_watcher_new(w->loop, &x.watcher, &w->e), 0);
    assert_int_equal(spool_watch_add(x.watcher, w->dir, on_change, &x, &x.watch, &w->e), 0);
    spool_log(x.s, 0, 1, 'o', STR("x"));
    loop_run(w->loop);
    assert_true(x.ended);
    assert_true(x.calls >= 2);
    spool_watcher_free(x.watcher);
}

static void on_death(void *context) {
    watching *x = context;
    if (spool_look(x->w->dir) != SPOOL_LOST) return;
    x->ended = true;
    spool_watch_remove(x->watch);
    loop_quit(x->w->loop);
}

/* Nobody writes anything when a process is killed. */
static void a_sudden_end_is_seen(void **state) {
    world *w = *state;
    watching x = {.w = w};
    int ready[2], status;
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        spool_writer *s;
        if (spool_take(w->dir, w->loop, &s, &w->e) == 0 && write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(spool_watcher_new(w->loop, &x.watcher, &w->e), 0);
    assert_int_equal(spool_watch_add(x.watcher, w->dir, on_death, &x, &x.watch, &w->e), 0);
    kill(pid, SIGKILL);
    loop_run(w->loop);
    assert_true(x.ended);
    waitpid(pid, &status, 0);
    spool_watcher_free(x.watcher);
    close(ready[0]), close(ready[1]);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_can_be_read),
        TEST(reading_gives_whole_lines),
        TEST(long_lines_are_several_records),
        TEST(a_folder_serves_one_process),
        TEST(a_process_that_was_killed_is_lost),
        TEST(orders_arrive),
        TEST(what_cannot_be_written_is_held),
        TEST(not_everything_is_held),
        TEST(what_happens_is_seen),
        TEST(a_sudden_end_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
