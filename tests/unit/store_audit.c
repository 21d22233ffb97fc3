#include "unit.h"

#include "base/fs.h"
#include "store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
    arena *a;
    char *dir, *path;
    store *s;
    err e;
} world;

static void ok(world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "store-", &w->dir, &w->e) < 0) return -1;
    w->path = fs_join(w->a, w->dir, STR("x.db"));
    if (store_open(w->path, &w->s, &w->e) < 0) return -1;
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    store_close(w->s);
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static store_audit_entry entry(int64_t number) {
    return (store_audit_entry){.number = number,
                               .time_us = 1000 + number * 10,
                               .leaf = STR("01234567890123456789012345678901"),
                               .actor_kind = STR("user"),
                               .actor_id = number % 2 ? STR("1") : STR("2"),
                               .actor_name = STR("robin"),
                               .action = number % 3 ? STR("run.cancel") : STR("secret.set"),
                               .subject_kind = STR("run"),
                               .subject_id = number % 5 ? STR("7") : STR("8"),
                               .project = number < 10 ? STR("a") : STR("b"),
                               .entry = number == 13 ? STR("{\"Needle 50%\"}") : STR("{}")};
}

static void add(world *w, int64_t number) {
    store_audit_entry x = entry(number);
    ok(w, store_audit_add(w->s, &x, &w->e));
}

static int64_t count(world *w) {
    int64_t n = -1;
    ok(w, store_audit_count(w->s, &n, &w->e));
    return n;
}

/* ---- savepoints ------------------------------------------------------------------------------ */

static void savepoints_are_nested(void **state) {
    world *w = *state;
    ok(w, store_begin(w->s, &w->e));
    add(w, 0);
    ok(w, store_savepoint(w->s, &w->e));
    add(w, 1);
    ok(w, store_savepoint(w->s, &w->e));
    add(w, 2);
    ok(w, store_rollback_to(w->s, &w->e));
    assert_int_equal(count(w), 2);
    ok(w, store_savepoint(w->s, &w->e));
    add(w, 2);
    ok(w, store_release(w->s, &w->e));
    ok(w, store_release(w->s, &w->e));
    ok(w, store_savepoint(w->s, &w->e));
    add(w, 3);
    ok(w, store_rollback_to(w->s, &w->e));
    ok(w, store_commit(w->s, &w->e));
    assert_int_equal(count(w), 3);
}

static void savepoints_end_with_their_transaction(void **state) {
    world *w = *state;
    ok(w, store_begin(w->s, &w->e));
    for (int i = 0; i < STORE_SAVEPOINTS_MAX; i++)
        ok(w, store_savepoint(w->s, &w->e));
    assert_int_equal(store_savepoint(w->s, &w->e), ERR_LIMIT);
    add(w, 0);
    store_rollback(w->s);
    ok(w, store_begin(w->s, &w->e));
    ok(w, store_savepoint(w->s, &w->e));
    add(w, 0);
    ok(w, store_commit(w->s, &w->e));
    assert_int_equal(count(w), 1);
}

static void a_failed_statement_is_taken_back_alone(void **state) {
    world *w = *state;
    ok(w, store_begin(w->s, &w->e));
    add(w, 0);
    ok(w, store_savepoint(w->s, &w->e));
    store_audit_entry again = entry(0);
    assert_int_equal(store_audit_add(w->s, &again, &w->e), ERR_INVALID);
    ok(w, store_rollback_to(w->s, &w->e));
    add(w, 1);
    ok(w, store_commit(w->s, &w->e));
    assert_int_equal(count(w), 2);
}

/* ---- readers --------------------------------------------------------------------------------- */

static void a_reader_writes_nothing(void **state) {
    world *w = *state;
    store *reader = NULL;
    int64_t n = -1;
    add(w, 0);
    ok(w, store_open_reader(w->path, &reader, &w->e));
    store_audit_entry x = entry(1);
    assert_true(store_audit_add(reader, &x, &w->e) < 0);
    ok(w, store_begin(w->s, &w->e));
    add(w, 1);
    ok(w, store_audit_count(reader, &n, &w->e));
    assert_int_equal(n, 1);
    ok(w, store_commit(w->s, &w->e));
    ok(w, store_audit_count(reader, &n, &w->e));
    assert_int_equal(n, 2);
    store_close(reader);
}

static void a_reader_opens_only_what_is_there(void **state) {
    world *w = *state;
    store *reader = NULL;
    char *other = fs_join(w->a, w->dir, STR("other"));
    assert_int_equal(store_open_reader(other, &reader, &w->e), ERR_NOT_FOUND);
    assert_false(fs_exists(other));
    ok(w, fs_create(other, STR("no database"), 0600, &w->e));
    assert_int_equal(store_open_reader(other, &reader, &w->e), ERR_IO);
    ok(w, fs_create(other, STR_EMPTY, 0600, &w->e));
    assert_true(store_open_reader(other, &reader, &w->e) < 0);
    assert_non_null(strstr(w->e.message, "no database of Slipway"));
    assert_null(reader);
}

/* ---- searching ------------------------------------------------------------------------------- */

#define ENTRIES 20

static void entries_are_found_by_what_they_say(void **state) {
    static const struct {
        store_audit_filter filter;
        const char *numbers; /* newest first */
    } cases[] = {
        {{.before = 3}, "2 1 0"},
        {{.project = STR_INIT("b")}, "19 18 17 16 15 14 13 12 11 10"},
        {{.subject_kind = STR_INIT("run"), .subject_id = STR_INIT("8")}, "15 10 5 0"},
        {{.subject_id = STR_INIT("8")}, "15 10 5 0"},
        {{.subject_kind = STR_INIT("job"), .subject_id = STR_INIT("8")}, ""},
        {{.action = STR_INIT("secret.set")}, "18 15 12 9 6 3 0"},
        {{.action = STR_INIT("secret.")}, "18 15 12 9 6 3 0"},
        {{.action = STR_INIT("secret")}, ""},
        {{.action = STR_INIT("run."),
          .project = STR_INIT("a"),
          .actor_kind = STR_INIT("user"),
          .actor_id = STR_INIT("1")},
         "7 5 1"},
        {{.from_us = 1150, .until_us = 1180}, "17 16 15"},
        {{.text = STR_INIT("nEEDLE 50%")}, "13"},
        {{.text = STR_INIT("needle 50_")}, ""},
        {{.text = STR_INIT("needle"), .project = STR_INIT("a")}, ""},
    };
    world *w = *state;
    for (int64_t i = 0; i < ENTRIES; i++)
        add(w, i);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf got = STRBUF_INIT;
        store_audit_entry *rows;
        size_t n;
        int64_t next = -1;
        ok(w, store_audit_list(w->s, w->a, &cases[i].filter, 100, &rows, &n, &next, &w->e));
        assert_int_equal(next, 0);
        for (size_t k = 0; k < n; k++)
            strbuf_addf(&got, "%s%lld", k ? " " : "", (long long)rows[k].number);
        assert_str(strbuf_str(&got), cases[i].numbers);
    }
}

static void pages_go_on_where_the_last_one_ended(void **state) {
    world *w = *state;
    store_audit_filter f = {.actor_kind = STR("user"), .actor_id = STR("1")};
    int64_t expected = ENTRIES - 1;
    for (int64_t i = 0; i < ENTRIES; i++)
        add(w, i);
    do {
        store_audit_entry *rows;
        size_t n;
        ok(w, store_audit_list(w->s, w->a, &f, 3, &rows, &n, &f.before, &w->e));
        for (size_t k = 0; k < n; k++, expected -= 2)
            assert_int_equal(rows[k].number, expected);
        add(w, 2 * ENTRIES + expected); /* what comes meanwhile is on no later page */
    } while (f.before);
    assert_int_equal(expected, -1);
}

static void a_call_looks_at_so_many_entries(void **state) {
    world *w = *state;
    store_audit_filter f = {.text = STR("needle")};
    store_audit_entry *rows;
    size_t n, found = 0, calls = 0;
    ok(w, store_begin(w->s, &w->e));
    for (int64_t i = 0; i < STORE_AUDIT_SCAN_MAX + 100; i++)
        add(w, i);
    ok(w, store_commit(w->s, &w->e));
    do {
        ok(w, store_audit_list(w->s, w->a, &f, 10, &rows, &n, &f.before, &w->e));
        found += n;
        calls++;
    } while (f.before);
    assert_int_equal(found, 1);
    assert_int_equal(calls, 2);
}

static void tiles_grow(void **state) {
    world *w = *state;
    str hashes;
    assert_int_equal(store_audit_tile(w->s, w->a, 1, 0, &hashes, &w->e), ERR_NOT_FOUND);
    ok(w, store_audit_put_tile(w->s, 1, 0, STR("a\0b"), &w->e));
    ok(w, store_audit_put_tile(w->s, 1, 0, STR("a\0bc\0"), &w->e));
    ok(w, store_audit_tile(w->s, w->a, 1, 0, &hashes, &w->e));
    assert_true(str_eq(hashes, STR("a\0bc\0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(savepoints_are_nested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(savepoints_end_with_their_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_statement_is_taken_back_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_opens_only_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entries_are_found_by_what_they_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_go_on_where_the_last_one_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_looks_at_so_many_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tiles_grow, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
