#include "unit.h"

#include "base/fs.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct world {
    arena *a;
    char *dir, *path;
    store *s;
    err e;
} world;

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

static store_cache entry(const char *scope, const char *key, int64_t at) {
    return (store_cache){.repository = STR("o/r"),
                         .scope = str_from(scope),
                         .key = str_from(key),
                         .version = STR("v"),
                         .digest = str_from(key),
                         .size = 10,
                         .created_us = at,
                         .used_us = at};
}

static void add(world *w, const char *scope, const char *key, int64_t at) {
    store_cache x = entry(scope, key, at);
    if (store_cache_add(w->s, &x, &w->e) < 0) fail_msg("%s", w->e.message);
}

static void a_database_is_private_and_kept(void **state) {
    world *w = *state;
    struct stat st;
    store_cache found;
    add(w, "main", "k", 1);
    store_close(w->s);
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(store_open(w->path, &w->s, &w->e), 0);
    assert_int_equal(
        store_cache_exact(w->s, w->a, STR("o/r"), STR("main"), STR("k"), STR("v"), &found, &w->e),
        0);
}

static void a_newer_schema_is_refused(void **state) {
    world *w = *state;
    sqlite3 *db;
    store *other = NULL;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "INSERT INTO schema_versions (number) VALUES (99)", NULL, NULL, NULL), 0);
    sqlite3_close(db);
    assert_int_equal(store_open(w->path, &other, &w->e), ERR_UNSUPPORTED);
    assert_non_null(strstr(w->e.message, "newer Slipway"));
    assert_null(other);
}

#define OPENERS 24

/* All begin when the gate is closed. */
static void open_together(const char *path, err *e) {
    pid_t openers[OPENERS];
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (size_t i = 0; i < OPENERS; i++) {
        openers[i] = fork();
        if (openers[i] == 0) {
            char byte;
            store *own = NULL;
            close(gate[1]);
            if (read(gate[0], &byte, 1) < 0) _exit(2);
            if (store_open(path, &own, e) < 0 || store_begin(own, e) < 0 ||
                store_commit(own, e) < 0) {
                fprintf(stderr, "%s\n", e->message);
                _exit(1);
            }
            store_close(own);
            _exit(0);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < OPENERS; i++) {
        int status;
        assert_int_equal(waitpid(openers[i], &status, 0), openers[i]);
        assert_int_equal(status, 0);
    }
}

static void many_may_make_the_database_at_once(void **state) {
    world *w = *state;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "new-%d.db", i);
        open_together(fs_join(w->a, w->dir, str_from(name)), &w->e);
    }
}

static void an_entry_is_unique(void **state) {
    world *w = *state;
    add(w, "main", "k", 1);
    store_cache again = entry("main", "k", 2);
    assert_int_equal(store_cache_add(w->s, &again, &w->e), ERR_INVALID);
    add(w, "other", "k", 2);
}

static void keys_are_found_exactly_and_by_prefix(void **state) {
    static const struct {
        const char *scope, *key, *exact, *newest;
    } cases[] = {
        {"main", "a-1", "a-1", "a-1"}, {"main", "a-", NULL, "a-2"}, {"main", "A-", NULL, NULL},
        {"main", "a_", NULL, NULL},    {"main", "%", NULL, "%x"},   {"other", "a-", NULL, "a-3"},
    };
    world *w = *state;
    add(w, "main", "a-1", 3);
    add(w, "main", "a-2", 5);
    add(w, "main", "a-0", 4);
    add(w, "main", "%x", 1);
    add(w, "other", "a-3", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_cache found;
        str scope = str_from(cases[i].scope), key = str_from(cases[i].key);
        int r = store_cache_exact(w->s, w->a, STR("o/r"), scope, key, STR("v"), &found, &w->e);
        assert_int_equal(r, cases[i].exact ? 0 : ERR_NOT_FOUND);
        r = store_cache_newest(w->s, w->a, STR("o/r"), scope, key, STR("v"), &found, &w->e);
        assert_int_equal(r, cases[i].newest ? 0 : ERR_NOT_FOUND);
        if (r == 0) assert_str(found.key, cases[i].newest);
        r = store_cache_newest(w->s, w->a, STR("o/r"), scope, key, STR("w"), &found, &w->e);
        assert_int_equal(r, ERR_NOT_FOUND);
    }
}

static void a_blob_counts_once(void **state) {
    world *w = *state;
    int64_t bytes;
    bool used;
    store_cache one = entry("main", "k", 1), two = entry("main", "l", 2), oldest;
    one.digest = two.digest = STR("d");
    store_cache_add(w->s, &one, &w->e);
    store_cache_add(w->s, &two, &w->e);
    assert_int_equal(store_cache_bytes(w->s, &bytes, &w->e), 0);
    assert_int_equal(bytes, 10);
    assert_int_equal(store_cache_used(w->s, one.id, 9, &w->e), 0);
    assert_int_equal(store_cache_oldest(w->s, w->a, &oldest, &w->e), 0);
    assert_int_equal(oldest.id, two.id);
    store_cache_remove(w->s, &two, &w->e);
    assert_int_equal(store_blob_used(w->s, STR("d"), &used, &w->e), 0);
    assert_true(used);
    store_cache_remove(w->s, &one, &w->e);
    assert_int_equal(store_blob_used(w->s, STR("d"), &used, &w->e), 0);
    assert_false(used);
}

static void what_is_rolled_back_never_was(void **state) {
    world *w = *state;
    store_cache found;
    assert_int_equal(store_begin(w->s, &w->e), 0);
    add(w, "main", "k", 1);
    store_rollback(w->s);
    assert_int_equal(store_cache_by_id(w->s, w->a, 1, &found, &w->e), ERR_NOT_FOUND);
}

static void artifacts_are_those_of_a_run(void **state) {
    world *w = *state;
    store_artifact x = {.run = STR("r1"),
                        .name = STR("a"),
                        .path = STR("/p"),
                        .type = STR("t"),
                        .digest = STR("d"),
                        .size = 1,
                        .created_us = 1,
                        .expires_us = 50};
    store_artifact *all, other = x, again = x;
    size_t count;
    other.run = STR("r2");
    other.expires_us = INT64_MAX;
    assert_int_equal(store_artifact_add(w->s, &x, &w->e), 0);
    assert_int_equal(store_artifact_add(w->s, &other, &w->e), 0);
    assert_int_equal(store_artifact_add(w->s, &again, &w->e), ERR_INVALID);
    store_artifact_list(w->s, w->a, STR("r1"), STR_EMPTY, 0, &all, &count, &w->e);
    assert_int_equal(count, 1);
    store_artifact_list(w->s, w->a, STR("r1"), STR_EMPTY, other.id, &all, &count, &w->e);
    assert_int_equal(count, 0);
    store_artifact_expired(w->s, w->a, 49, 10, &all, &count, &w->e);
    assert_int_equal(count, 0);
    store_artifact_expired(w->s, w->a, 50, 10, &all, &count, &w->e);
    assert_int_equal(count, 1);
    assert_int_equal(all[0].id, x.id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_database_is_private_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_may_make_the_database_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_is_unique, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_found_exactly_and_by_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_blob_counts_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_never_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(artifacts_are_those_of_a_run, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
