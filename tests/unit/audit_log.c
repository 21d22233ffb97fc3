#include "unit.h"

#include "base/fs.h"
#include "base/hash.h"
#include "store/audit.h"
#include "trust/audit_check.h"
#include "trust/merkle.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct world {
    arena *a;
    char *dir, *path;
    sign_key *key;
    store *s;
    audit_log *log;
    err e;
} world;

static void open_log(world *w) {
    if (store_open(w->path, &w->s, &w->e) < 0 || audit_log_open(w->s, w->key, &w->log, &w->e) < 0)
        fail_msg("%s", w->e.message);
}

static void close_log(world *w) {
    audit_log_close(w->log);
    store_close(w->s);
    w->log = NULL;
    w->s = NULL;
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "audit-", &w->dir, &w->e) < 0) return -1;
    w->path = fs_join(w->a, w->dir, STR("x.db"));
    if (sign_key_make(fs_join(w->a, w->dir, STR("key")), STR("x.example/audit"), &w->key, &w->e) <
        0)
        return -1;
    open_log(w);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    close_log(w);
    sign_key_free(w->key);
    fs_remove(w->dir, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static void ok(world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static audit_event event(world *w, uint64_t i) {
    return (audit_event){
        .time_us = 1764295200000000 + (int64_t)i,
        .actor = {STR("user"), STR("1"), STR("robin")},
        .action = STR("thing.change"),
        .subject = {.kind = STR("thing"), .id = arena_printf(w->a, "%llu", (unsigned long long)i)}};
}

static void append(world *w, uint64_t i) {
    audit_event x = event(w, i);
    ok(w, audit_append(w->log, &x, NULL, &w->e));
}

static void grow(world *w, uint64_t count) {
    uint64_t size = audit_log_size(w->log);
    ok(w, audit_begin(w->log, &w->e));
    for (uint64_t i = 0; i < count; i++)
        append(w, size + i);
    ok(w, audit_commit(w->log, &w->e));
}

static int check(world *w, audit_checked *ret) {
    audit_source *s;
    audit_check how = {.key = sign_key_verifier(w->key)};
    ok(w, audit_source_open(w->path, &s, &w->e));
    int r = audit_check_all(w->a, s, &how, ret, &w->e);
    audit_source_close(s);
    return r;
}

/* What the memory has, what the rows have and what the checkpoint says is one. */
static void assert_whole(world *w, uint64_t size) {
    audit_checked checked;
    assert_int_equal(audit_log_size(w->log), size);
    ok(w, check(w, &checked));
    assert_int_equal(checked.size, size);
    close_log(w);
    open_log(w);
    assert_int_equal(audit_log_size(w->log), size);
}

static void a_new_log_is_empty_and_signed(void **state) {
    world *w = *state;
    str note;
    ok(w, audit_read(w->s, w->a, &(audit_file){.kind = AUDIT_CHECKPOINT}, &note, &w->e));
    assert_true(str_starts(note, STR("x.example/audit\n0\n"
                                     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n")));
    assert_whole(w, 0);
}

static void a_log_grows_by_any_steps(void **state) {
    static const unsigned steps[] = {1, 1, 0, 253, 1, 1, 1, 254, 600, 256, 3};
    world *w = *state;
    uint64_t size = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        grow(w, steps[i]);
        assert_whole(w, size += steps[i]);
    }
}

static void an_entry_gets_its_number(void **state) {
    world *w = *state;
    uint64_t index;
    audit_event x = event(w, 0);
    grow(w, 5);
    ok(w, audit_begin(w->log, &w->e));
    ok(w, audit_append(w->log, &x, &index, &w->e));
    assert_int_equal(index, 5);
    ok(w, audit_append(w->log, &x, &index, &w->e));
    assert_int_equal(index, 6);
    audit_rollback(w->log);
    assert_whole(w, 5);
}

static void what_a_savepoint_takes_back_leaves_no_trace(void **state) {
    world *w = *state;
    grow(w, 250);
    ok(w, audit_begin(w->log, &w->e));
    append(w, 250);
    ok(w, audit_savepoint(w->log, &w->e));
    for (int i = 0; i < 300; i++) /* over the edge of a tile and back */
        append(w, 1000);
    ok(w, audit_savepoint(w->log, &w->e));
    append(w, 1001);
    ok(w, audit_release(w->log, &w->e));
    ok(w, audit_rollback_to(w->log, &w->e));
    ok(w, audit_savepoint(w->log, &w->e));
    append(w, 251);
    ok(w, audit_release(w->log, &w->e));
    ok(w, audit_savepoint(w->log, &w->e));
    append(w, 1002);
    ok(w, audit_rollback_to(w->log, &w->e));
    ok(w, audit_commit(w->log, &w->e));
    assert_whole(w, 252);
    store_audit_entry *rows;
    size_t count;
    ok(w, store_audit_entries(w->s, w->a, 250, 10, &rows, &count, &w->e));
    assert_int_equal(count, 2);
    assert_str(rows[1].subject_id, "251");
}

static void what_is_rolled_back_leaves_no_trace(void **state) {
    world *w = *state;
    grow(w, 255);
    ok(w, audit_begin(w->log, &w->e));
    ok(w, audit_savepoint(w->log, &w->e));
    append(w, 1000);
    audit_rollback(w->log);
    audit_rollback(w->log);
    assert_whole(w, 255);
    grow(w, 2);
    assert_whole(w, 257);
}

/* A file that may not grow is as a disk that is full. */
static void a_commit_that_fails_leaves_the_log_as_it_was(void **state) {
    world *w = *state;
    struct rlimit old, low;
    grow(w, 300);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    low = (struct rlimit){.rlim_cur = 300 << 10, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    int failures = 0;
    for (int i = 0; i < 40; i++) {
        int r = audit_begin(w->log, &w->e);
        for (int k = 0; k < 50 && r == 0; k++) {
            audit_event x = event(w, 1);
            r = audit_append(w->log, &x, NULL, &w->e);
        }
        if (r == 0) r = audit_commit(w->log, &w->e);
        audit_rollback(w->log);
        failures += r < 0;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(failures > 0);
    uint64_t size = audit_log_size(w->log);
    grow(w, 10);
    assert_whole(w, size + 10);
}

static void a_log_that_another_has_changed_is_not_gone_on_with(void **state) {
    world *w = *state;
    store *s;
    audit_log *other;
    grow(w, 3);
    ok(w, store_open(w->path, &s, &w->e));
    ok(w, audit_log_open(s, w->key, &other, &w->e));
    audit_event x = event(w, 3);
    ok(w, audit_begin(other, &w->e));
    ok(w, audit_append(other, &x, NULL, &w->e));
    ok(w, audit_commit(other, &w->e));
    audit_log_close(other);
    store_close(s);
    assert_int_equal(audit_begin(w->log, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "another process"));
    close_log(w);
    open_log(w);
    grow(w, 1);
    assert_whole(w, 5);
}

static void another_key_opens_no_log(void **state) {
    world *w = *state;
    _cleanup_sign_key_ sign_key *other = NULL;
    audit_log *log = NULL;
    ok(w,
       sign_key_make(fs_join(w->a, w->dir, STR("other")), STR("x.example/audit"), &other, &w->e));
    assert_int_equal(audit_log_open(w->s, other, &log, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "the audit log is not whole"));
    assert_null(log);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* At each size that was published, and of every width since. */
static void partial_tiles_are_beginnings(void **state) {
    world *w = *state;
    str whole[2], part;
    grow(w, 256);
    audit_file hashes = {AUDIT_TILE_FILE, 0, 0, 256}, entries = {AUDIT_ENTRIES, 0, 0, 256};
    ok(w, audit_read(w->s, w->a, &hashes, &whole[0], &w->e));
    ok(w, audit_read(w->s, w->a, &entries, &whole[1], &w->e));
    assert_int_equal(whole[0].len, 8192);
    size_t end = 0;
    for (unsigned width = 1; width < 256; width++) {
        hashes.width = entries.width = width;
        ok(w, audit_read(w->s, w->a, &hashes, &part, &w->e));
        assert_true(str_eq(part, str_sub(whole[0], 0, width * 32)));
        ok(w, audit_read(w->s, w->a, &entries, &part, &w->e));
        end += 2 + ((size_t)(uint8_t)whole[1].ptr[end] << 8 | (uint8_t)whole[1].ptr[end + 1]);
        assert_true(str_eq(part, str_sub(whole[1], 0, end)));
    }
}

static void what_is_not_there_yet_is_not_found(void **state) {
    static const audit_file absent[] = {
        {AUDIT_TILE_FILE, 0, 1, 45},
        {AUDIT_TILE_FILE, 0, 1, 256},
        {AUDIT_TILE_FILE, 1, 0, 2},
        {AUDIT_TILE_FILE, 2, 0, 1},
        {AUDIT_TILE_FILE, 8, 0, 1},
        {AUDIT_TILE_FILE, 63, 0, 256},
        {AUDIT_ENTRIES, 0, 1, 45},
        {AUDIT_ENTRIES, 0, 1, 256},
        {AUDIT_ENTRIES, 0, 2, 1},
        {AUDIT_TILE_FILE, 0, INT64_MAX / 256, 1},
        {AUDIT_ENTRIES, 0, INT64_MAX / 256, 1},
    };
    static const audit_file present[] = {
        {AUDIT_TILE_FILE, 0, 1, 44}, {AUDIT_ENTRIES, 0, 1, 44}, {AUDIT_TILE_FILE, 1, 0, 1}};
    world *w = *state;
    str text;
    grow(w, 300);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_int_equal(audit_read(w->s, w->a, &absent[i], &text, &w->e), ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof present / sizeof *present; i++)
        ok(w, audit_read(w->s, w->a, &present[i], &text, &w->e));
}

static void a_reader_sees_what_is_committed(void **state) {
    world *w = *state;
    store *reader;
    str before, during, after;
    audit_file checkpoint = {.kind = AUDIT_CHECKPOINT}, entry = {AUDIT_ENTRIES, 0, 0, 4};
    grow(w, 3);
    ok(w, store_open_reader(w->path, &reader, &w->e));
    ok(w, audit_read(reader, w->a, &checkpoint, &before, &w->e));
    ok(w, audit_begin(w->log, &w->e));
    append(w, 3);
    ok(w, audit_read(reader, w->a, &checkpoint, &during, &w->e));
    assert_true(str_eq(before, during));
    assert_int_equal(audit_read(reader, w->a, &entry, &during, &w->e), ERR_NOT_FOUND);
    ok(w, audit_commit(w->log, &w->e));
    ok(w, audit_read(reader, w->a, &checkpoint, &after, &w->e));
    assert_false(str_eq(before, after));
    ok(w, audit_read(reader, w->a, &entry, &during, &w->e));
    store_close(reader);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void sql(world *w, const char *text) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void a_log_that_is_not_whole_is_not_opened(void **state) {
    static const char *const changes[] = {
        "DELETE FROM audit_entries WHERE number = 299",
        "UPDATE audit_entries SET entry = '{}' WHERE number = 256",
        "UPDATE audit_entries SET leaf = randomblob(32) WHERE number = 299",
        "UPDATE audit_entries SET leaf = x'00' WHERE number = 299",
        "UPDATE audit_entries SET number = 300 WHERE number = 299",
        "UPDATE audit_tiles SET hashes = randomblob(32) WHERE level = 1",
        "DELETE FROM audit_tiles WHERE level = 1",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_checkpoints SET size = 299",
        "UPDATE audit_checkpoints SET root = randomblob(32)",
        "UPDATE audit_checkpoints SET note = replace(note, '300', '301')",
    };
    world *w = *state;
    grow(w, 300);
    close_log(w);
    str whole;
    ok(w, fs_read(w->a, w->path, SIZE_MAX, &whole, &w->e));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        store *s;
        audit_log *log = NULL;
        sql(w, changes[i]);
        ok(w, store_open(w->path, &s, &w->e));
        int r = audit_log_open(s, w->key, &log, &w->e);
        if (r != ERR_INVALID) fail_msg("%s: %d", changes[i], r);
        assert_non_null(strstr(w->e.message, "the audit log is not whole"));
        store_close(s);
        ok(w, fs_create(w->path, whole, 0600, &w->e));
    }
    open_log(w);
    assert_whole(w, 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_log_is_empty_and_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_grows_by_any_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_gets_its_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_savepoint_takes_back_leaves_no_trace, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_rolled_back_leaves_no_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_fails_leaves_the_log_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_another_has_changed_is_not_gone_on_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_key_opens_no_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(partial_tiles_are_beginnings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_yet_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_sees_what_is_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_not_whole_is_not_opened, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
