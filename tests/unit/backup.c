#include "unit.h"

#include "base/fs.h"
#include "store/backup_parts.h"
#include "store/blobs.h"
#include "store/logs.h"
#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct world {
    arena *a;
    char *temp, *data, *to, *again;
    bool tar;
    err e;
} world;

static const backup_options options = {.now_us = 1790000000000000, .slipway = "0.1.0"};

static void check(const world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static void append(world *w, int64_t job, const char *text) {
    job_log *l;
    uint64_t size;
    char *dir = fs_join(w->a, w->data, STR("logs"));
    check(w, log_open_writer(dir, job, 0, &l, &w->e));
    check(w, log_append(l, log_size(l), str_from(text), &size, &w->e));
    log_close(l);
}

/* A data folder with some of everything. */
static void fill(world *w) {
    store *s;
    char digest[BLOB_NAME_SIZE];
    check(w, fs_mkdirs(w->data, 0700, &w->e));
    check(w, store_open(fs_join(w->a, w->data, STR("slipway.db")), &s, &w->e));
    store_cache x = {.repository = STR("o/r"),
                     .scope = STR("main"),
                     .key = STR("k"),
                     .version = STR("v"),
                     .digest = STR("d"),
                     .size = 1};
    check(w, store_cache_add(s, &x, &w->e));
    store_close(s);
    append(w, 1, "0 1 o growing\n");
    append(w, 2, "0 1 o packed\n");
    check(w, log_pack(fs_join(w->a, w->data, STR("logs")), 2, &w->e));
    check(w, blob_put(fs_join(w->a, w->data, STR("blobs")), STR("hello"), digest, &w->e));
    check(w, fs_mkdirs(fs_join(w->a, w->data, STR("keys/ca")), 0700, &w->e));
    check(w, fs_create(fs_join(w->a, w->data, STR("keys/ca/root.key")), STR("key"), 0600, &w->e));
    check(w, fs_mkdirs(fs_join(w->a, w->data, STR("repos/x.git")), 0700, &w->e));
}

static int set_up(void **state, bool tar) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new(), .tar = tar};
    if (fs_temp_dir(w->a, "backup-", &w->temp, &w->e) < 0) return -1;
    w->data = fs_join(w->a, w->temp, STR("data"));
    w->to = fs_join(w->a, w->temp, tar ? STR("b.tar.zst") : STR("b"));
    w->again = fs_join(w->a, w->temp, STR("again"));
    *state = w;
    fill(w);
    return 0;
}

static int set_up_tar(void **state) {
    return set_up(state, true);
}

static int set_up_folder(void **state) {
    return set_up(state, false);
}

static int tear_down(void **state) {
    world *w = *state;
    fs_remove(w->temp, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static backup_done make(world *w, bool with_keys) {
    backup_options how = options;
    backup_done done;
    how.with_keys = with_keys;
    check(w, backup_make(w->data, w->to, &how, &done, &w->e));
    return done;
}

/* What is left in the folder of the test besides what it knows of. */
static void expect_only(world *w, size_t count) {
    fs_entry *entries;
    size_t found;
    check(w, fs_list(w->a, w->temp, &entries, &found, &w->e));
    assert_int_equal(found, count);
}

static void expect_file(world *w, const char *name, const char *text) {
    str found;
    check(w, fs_read(w->a, fs_join(w->a, w->again, str_from(name)), 1 << 20, &found, &w->e));
    assert_str(found, text);
}

static void expect_restored(world *w) {
    store *s;
    store_cache found;
    job_log *l;
    struct stat st;
    char *logs = fs_join(w->a, w->again, STR("logs"));
    expect_file(w, "logs/01/1.log", "0 1 o growing\n");
    expect_file(w, "blobs/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                "hello");
    check(w, log_open(logs, 2, &l, &w->e));
    assert_true(log_is_packed(l));
    log_close(l);
    check(w, store_open(fs_join(w->a, w->again, STR("slipway.db")), &s, &w->e));
    check(w,
          store_cache_exact(s, w->a, STR("o/r"), STR("main"), STR("k"), STR("v"), &found, &w->e));
    store_close(s);
    assert_int_equal(stat(w->again, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(fs_join(w->a, w->again, STR("slipway.db")), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(fs_exists(fs_join(w->a, w->again, STR("SHA256SUMS"))));
    assert_false(fs_exists(fs_join(w->a, w->again, STR("repos"))));
}

static void what_is_backed_up_is_restored(void **state) {
    world *w = *state;
    struct stat st;
    for (int with_keys = 0; with_keys < 2; with_keys++) {
        backup_done done = make(w, with_keys), again;
        assert_int_equal(done.files, 4 + with_keys);
        assert_int_equal(stat(w->to, &st), 0);
        assert_int_equal(st.st_mode & 0777, w->tar ? 0600 : 0700);
        check(w, backup_restore(w->to, w->again, &again, &w->e));
        assert_int_equal(again.files, done.files);
        assert_int_equal(again.bytes, done.bytes);
        assert_int_equal(again.has_keys, with_keys);
        expect_restored(w);
        assert_int_equal(fs_exists(fs_join(w->a, w->again, STR("keys"))), with_keys);
        if (with_keys) expect_file(w, "keys/ca/root.key", "key");
        expect_only(w, 3);
        check(w, fs_remove(w->to, &w->e));
        check(w, fs_remove(w->again, &w->e));
    }
}

static void a_restore_needs_an_empty_place(void **state) {
    world *w = *state;
    backup_done done;
    make(w, false);
    assert_int_equal(backup_restore(w->to, w->data, &done, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "is not empty"));
    assert_int_equal(mkdir(w->again, 0755), 0);
    check(w, backup_restore(w->to, fs_join(w->a, w->temp, STR("again/")), &done, &w->e));
    expect_restored(w);
    assert_int_equal(backup_restore("/nonexistent", w->again, &done, &w->e), ERR_NOT_FOUND);
}

static void a_backup_replaces_nothing(void **state) {
    world *w = *state;
    backup_done done;
    make(w, false);
    assert_int_equal(backup_make(w->data, w->to, &options, &done, &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "is there already"));
    assert_int_equal(backup_make(w->again, w->to, &options, &done, &w->e), ERR_NOT_FOUND);
}

/* Flips each byte in turn, with some left out: what is restored is as it was, or nothing is. */
static void a_damaged_tar_is_refused(void **state) {
    world *w = *state;
    str bytes;
    backup_done done;
    make(w, true);
    check(w, fs_read(w->a, w->to, 1 << 20, &bytes, &w->e));
    char *copy = arena_cstr(w->a, bytes);
    size_t refused = 0, tried = 0;
    for (size_t at = 0; at < bytes.len; at += 1 + bytes.len / 60, tried++) {
        copy[at] ^= 0x10;
        check(w, fs_create(w->to, (str){copy, bytes.len}, 0600, &w->e));
        if (backup_restore(w->to, w->again, &done, &w->e) < 0) {
            refused++;
        } else { /* a bit that means nothing */
            expect_restored(w);
            check(w, fs_remove(w->again, &w->e));
        }
        expect_only(w, 2);
        copy[at] ^= 0x10;
    }
    assert_true(refused + 2 >= tried);
    for (size_t cut = 0; cut < bytes.len; cut += 1 + bytes.len / 20) {
        check(w, fs_create(w->to, (str){copy, cut}, 0600, &w->e));
        assert_true(backup_restore(w->to, w->again, &done, &w->e) < 0);
        expect_only(w, 2);
    }
}

static void a_damaged_folder_is_refused(void **state) {
    static const struct {
        const char *name, *text; /* NULL: removed */
        const char *why;
    } rows[] = {
        {"logs/01/1.log", "0 1 o grown\n", "'logs/01/1.log' is not what SHA256SUMS says"},
        {"logs/01/1.log", NULL, "logs/01/1.log"},
        {"SHA256SUMS", NULL, "has no SHA256SUMS"},
        {"SHA256SUMS", "rubbish\n", "a line that is not of ours"},
        {"SHA256SUMS", "", "has no backup.json"},
        {"backup.json", "{}", "is not what SHA256SUMS says"},
    };
    world *w = *state;
    backup_done done;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(w, false);
        char *path = fs_join(w->a, w->to, str_from(rows[i].name));
        if (rows[i].text)
            check(w, fs_create(path, str_from(rows[i].text), 0600, &w->e));
        else
            unlink(path);
        if (backup_restore(w->to, w->again, &done, &w->e) >= 0 ||
            !strstr(w->e.message, rows[i].why))
            fail_msg("row %d: %s", (int)i, w->e.message);
        check(w, fs_remove(w->to, &w->e));
        expect_only(w, 1);
    }
}

static void a_damaged_database_is_not_backed_up(void **state) {
    world *w = *state;
    backup_done done;
    char *path = fs_join(w->a, w->data, STR("slipway.db"));
    int fd = open(path, O_WRONLY);
    char rubbish[2000];
    memset(rubbish, 'x', sizeof rubbish);
    assert_int_equal(pwrite(fd, rubbish, sizeof rubbish, 4096), sizeof rubbish);
    close(fd);
    assert_true(backup_make(w->data, w->to, &options, &done, &w->e) < 0);
    expect_only(w, 1);
}

static void a_newer_database_is_refused(void **state) {
    world *w = *state;
    backup_done done;
    sqlite3 *db;
    char *path = fs_join(w->a, w->data, STR("slipway.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "INSERT INTO schema_versions (number) VALUES (99)", NULL, NULL, NULL);
    sqlite3_close(db);
    make(w, false);
    assert_int_equal(backup_restore(w->to, w->again, &done, &w->e), ERR_UNSUPPORTED);
    expect_only(w, 2);
}

static void names_are_judged(void **state) {
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"slipway.db", true},
        {"backup.json", true},
        {"SHA256SUMS", true},
        {"logs/01/1.log", true},
        {"keys/ca/root.key", true},
        {"blobs/ab/abcdef", true},
        {"", false},
        {"other", false},
        {"repos/x", false},
        {"logs", false},
        {"logs/", false},
        {"logs//x", false},
        {"logs/../x", false},
        {"logs/.x", false},
        {"/logs/x", false},
        {"../logs/x", false},
        {"logs/x\n", false},
        {"logs/a b", false},
        {"logs/\xc3\xa4", false},
        {"./slipway.db", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (backup_name_valid(str_from(rows[i].name)) != rows[i].good)
            fail_msg("\"%s\"", rows[i].name);
    }
}

/* ---- while the server works ------------------------------------------------------------------ */

/* Another process. Writes a line of a log and a row that says so, the line first: what a copy of
 * the database names, the copy of the log has. */
static void work(const world *w) {
    err e = {0};
    _cleanup_arena_ arena *a = arena_new();
    store *s;
    job_log *l;
    uint64_t size = 0;
    if (store_open(fs_join(a, w->data, STR("slipway.db")), &s, &e) < 0 ||
        log_open_writer(fs_join(a, w->data, STR("logs")), 9, 0, &l, &e) < 0)
        _exit(1);
    for (int64_t i = 1;; i++) {
        str line = arena_printf(a, "0 %lld o line\n", (long long)i);
        str key = arena_printf(a, "%lld", (long long)i);
        store_cache row = {.repository = STR("o/r"),
                           .scope = STR("s"),
                           .key = key,
                           .version = STR("v"),
                           .digest = key,
                           .size = i};
        if (log_append(l, size, line, &size, &e) < 0 || store_cache_add(s, &row, &e) < 0) _exit(1);
    }
}

static void a_backup_of_a_server_that_works_is_consistent(void **state) {
    world *w = *state;
    store *s;
    store_cache *rows;
    size_t count = 0;
    job_log *l;
    pid_t child = fork();
    if (child == 0) work(w);
    for (int round = 0; round < 1000 && (round < 3 || count < 2); round++) {
        backup_done done;
        make(w, false);
        check(w, backup_restore(w->to, w->again, &done, &w->e));
        check(w, store_open(fs_join(w->a, w->again, STR("slipway.db")), &s, &w->e));
        check(w, store_cache_list(s, w->a, STR("o/r"), STR_EMPTY, 1000000, &rows, &count, &w->e));
        store_close(s);
        if (log_open(fs_join(w->a, w->again, STR("logs")), 9, &l, &w->e) == 0) {
            assert_true(log_lines(l) + 1 >= count); /* one row is not of the worker's */
            log_close(l);
        } else {
            assert_true(count <= 1);
        }
        check(w, fs_remove(w->to, &w->e));
        check(w, fs_remove(w->again, &w->e));
    }
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(count >= 2);
}

static void a_full_disk_leaves_no_backup(void **state) {
    world *w = *state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit most = {3000, 3000};
        backup_done done;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &most);
        _exit(backup_make(w->data, w->to, &options, &done, &w->e) < 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_only(w, 1);
}

#define TAR(name)  cmocka_unit_test_setup_teardown(name, set_up_tar, tear_down)
#define DIR_(name) cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TAR(what_is_backed_up_is_restored),
        DIR_(what_is_backed_up_is_restored),
        TAR(a_restore_needs_an_empty_place),
        DIR_(a_restore_needs_an_empty_place),
        TAR(a_backup_replaces_nothing),
        DIR_(a_backup_replaces_nothing),
        TAR(a_damaged_tar_is_refused),
        DIR_(a_damaged_folder_is_refused),
        TAR(a_damaged_database_is_not_backed_up),
        TAR(a_newer_database_is_refused),
        cmocka_unit_test(names_are_judged),
        TAR(a_backup_of_a_server_that_works_is_consistent),
        TAR(a_full_disk_leaves_no_backup),
        DIR_(a_full_disk_leaves_no_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
