#include "unit.h"

#include "base/fs.h"
#include "store/log_internal.h"
#include "store/log_set.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct world {
    arena *a;
    char *dir;
    log_set *s;
    err e;
} world;

static void check(const world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "log-set-", &w->dir, &w->e) < 0) return -1;
    w->s = log_set_new(w->dir, 0, 2);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    log_set_free(w->s);
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static job_log *take(world *w, int64_t job, bool make) {
    job_log *l;
    check(w, log_set_take(w->s, job, make, &l, &w->e));
    return l;
}

static void append(world *w, job_log *l, const char *text) {
    uint64_t size;
    check(w, log_append(l, log_size(l), str_from(text), &size, &w->e));
}

static void note_synced(void *context, int64_t job, uint64_t size) {
    int64_t *seen = context;
    seen[0] += job;
    seen[1] += (int64_t)size;
}

static void writer_and_readers_share_a_handle(void **state) {
    world *w = *state;
    job_log *l;
    assert_int_equal(log_set_take(w->s, 1, false, &l, &w->e), ERR_NOT_FOUND);
    job_log *writer = take(w, 1, true), *reader = take(w, 1, false);
    assert_ptr_equal(writer, reader);
    append(w, writer, "0 1 o x\n");
    assert_int_equal(log_lines(reader), 1);
    log_set_put(w->s, writer);
    log_set_put(w->s, reader);
}

/* After a restart of the server, a viewer may come before the agent. */
static void a_reader_who_comes_first_sees_what_is_written_later(void **state) {
    world *w = *state;
    job_log *l = take(w, 1, true);
    append(w, l, "0 1 o x\n");
    log_set_put(w->s, l);
    log_set_free(w->s);
    w->s = log_set_new(w->dir, 0, 2);
    job_log *reader = take(w, 1, false), *writer = take(w, 1, true);
    append(w, writer, "0 2 o y\n");
    assert_int_equal(log_lines(reader), 2);
    log_set_put(w->s, writer);
    log_set_put(w->s, reader);
}

static void only_what_has_changed_is_synced(void **state) {
    world *w = *state;
    int64_t seen[2] = {0};
    job_log *one = take(w, 1, true), *two = take(w, 2, true);
    append(w, one, "0 1 o x\n");
    check(w, log_set_sync(w->s, note_synced, seen, &w->e));
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 8);
    append(w, two, "0 1 o xy\n");
    check(w, log_set_sync(w->s, note_synced, seen, &w->e));
    assert_int_equal(seen[0], 3);
    assert_int_equal(seen[1], 17);
    check(w, log_set_sync(w->s, NULL, NULL, &w->e));
    log_set_put(w->s, one);
    log_set_put(w->s, two);
}

static void idle_handles_are_closed_but_none_that_is_to_be_synced(void **state) {
    world *w = *state;
    for (int64_t job = 1; job <= 5; job++) {
        job_log *l = take(w, job, true);
        append(w, l, "0 1 o x\n");
        log_set_put(w->s, l);
    }
    /* A handle that was closed lets another set write. */
    job_log *other = NULL;
    for (int64_t job = 1; job <= 5; job++)
        assert_int_equal(log_open_writer(w->dir, job, 0, &other, &w->e), ERR_INVALID);
    check(w, log_set_sync(w->s, NULL, NULL, &w->e));
    size_t closed = 0;
    for (int64_t job = 1; job <= 5; job++) {
        if (log_open_writer(w->dir, job, 0, &other, &w->e) < 0) continue;
        closed++;
        log_close(other);
    }
    assert_int_equal(closed, 3);
}

static void a_packed_log_takes_the_place_of_the_other(void **state) {
    world *w = *state;
    uint64_t size;
    job_log *writer = take(w, 1, true), *reader = take(w, 1, false), *l;
    append(w, writer, "0 1 o x\n");
    log_set_put(w->s, writer);
    check(w, log_set_pack(w->s, 1, &w->e));
    assert_int_equal(log_append(reader, 8, STR("0 2 o y\n"), &size, &w->e), ERR_INVALID);
    job_log *packed = take(w, 1, false);
    assert_true(log_is_packed(packed));
    assert_false(log_is_packed(reader));
    assert_int_equal(log_lines(reader), 1);
    assert_int_equal(log_lines(packed), 1);
    assert_int_equal(log_set_take(w->s, 1, true, &l, &w->e), ERR_INVALID);
    check(w, log_set_pack(w->s, 1, &w->e));
    log_set_put(w->s, reader);
    log_set_put(w->s, packed);
    assert_int_equal(log_set_pack(w->s, 7, &w->e), ERR_NOT_FOUND);
}

static void *look(void *context) {
    world *w = context;
    err e = {0};
    for (int i = 0; i < 300; i++) {
        job_log *l;
        if (log_set_take(w->s, 1 + i % 5, false, &l, &e) < 0) return "take";
        _cleanup_arena_ arena *a = arena_new();
        log_page page;
        if (log_tail(l, a, LOG_ANY_STEP, 10, &page, &e) < 0 || !page.count) return "tail";
        log_set_put(w->s, l);
    }
    return NULL;
}

static void many_threads_use_it_while_logs_are_packed(void **state) {
    world *w = *state;
    pthread_t threads[4];
    for (int64_t job = 1; job <= 5; job++) {
        job_log *l = take(w, job, true);
        append(w, l, "0 1 o x\n0 2 o y\n");
        log_set_put(w->s, l);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, w), 0);
    check(w, log_set_sync(w->s, NULL, NULL, &w->e));
    for (int64_t job = 1; job <= 5; job++)
        check(w, log_set_pack(w->s, job, &w->e));
    for (int i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) fail_msg("%s", (char *)why);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writer_and_readers_share_a_handle),
        TEST(a_reader_who_comes_first_sees_what_is_written_later),
        TEST(only_what_has_changed_is_synced),
        TEST(idle_handles_are_closed_but_none_that_is_to_be_synced),
        TEST(a_packed_log_takes_the_place_of_the_other),
        TEST(many_threads_use_it_while_logs_are_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
