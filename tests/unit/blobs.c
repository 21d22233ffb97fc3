#include "unit.h"

#include "base/fs.h"
#include "store/blobs.h"
#include "store/hold.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NOW   1000000000000000LL
#define HOUR  3600000000LL

typedef struct world {
    arena *a;
    char *temp, *dir;
    err e;
} world;

static void check(const world *w, int r) {
    if (r < 0) fail_msg("%s", w->e.message);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    if (fs_temp_dir(w->a, "blobs-", &w->temp, &w->e) < 0) return -1;
    w->dir = fs_join(w->a, w->temp, STR("blobs"));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    fs_remove(w->temp, &w->e);
    arena_free(w->a);
    free(w);
    return 0;
}

static void put(world *w, const char *text, const char *expected) {
    char digest[BLOB_NAME_SIZE];
    check(w, blob_put(w->dir, str_from(text), digest, &w->e));
    if (expected) assert_string_equal(digest, expected);
}

/* Of all blobs, and of what is left in the folder of new ones. */
static int count_one(void *context, str digest, uint64_t size, err *e) {
    ++*(size_t *)context;
    return 0;
}

static size_t count(world *w) {
    size_t n = 0, left = 0;
    fs_entry *entries;
    check(w, blob_list(w->dir, count_one, &n, &w->e));
    if (fs_list(w->a, fs_join(w->a, w->dir, STR("new")), &entries, &left, &w->e) == 0)
        assert_int_equal(left, 0);
    return n;
}

static void make_old(world *w, const char *digest, int64_t at_us) {
    struct timespec times[2] = {{.tv_sec = at_us / 1000000}, {.tv_sec = at_us / 1000000}};
    assert_int_equal(utimensat(AT_FDCWD, blob_path(w->a, w->dir, str_from(digest)), times, 0), 0);
}

static void a_blob_has_the_name_of_its_digest(void **state) {
    world *w = *state;
    struct stat st;
    put(w, "hello", HELLO);
    put(w, "", EMPTY);
    char *path = blob_path(w->a, w->dir, STR(HELLO));
    assert_true(str_ends(str_from(path), STR("/blobs/2c/" HELLO)));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd;
    uint64_t size;
    char bytes[8];
    check(w, blob_open(w->dir, STR(HELLO), &fd, &size, &w->e));
    assert_int_equal(size, 5);
    assert_int_equal(read(fd, bytes, sizeof bytes), 5);
    close(fd);
    check(w, blob_verify(w->dir, STR(HELLO), &w->e));
    assert_int_equal(count(w), 2);
}

static void equal_content_is_kept_once(void **state) {
    world *w = *state;
    put(w, "hello", HELLO);
    put(w, "hello", HELLO);
    assert_int_equal(count(w), 1);
}

static void a_blob_comes_in_pieces_or_not_at_all(void **state) {
    world *w = *state;
    blob_writer *b;
    char digest[BLOB_NAME_SIZE];
    uint64_t size;
    check(w, blob_begin(w->dir, &b, &w->e));
    check(w, blob_write(b, STR("hel"), &w->e));
    check(w, blob_write(b, STR("lo"), &w->e));
    check(w, blob_end(b, digest, &size, &w->e));
    assert_string_equal(digest, HELLO);
    assert_int_equal(size, 5);
    check(w, blob_begin(w->dir, &b, &w->e));
    check(w, blob_write(b, STR("other"), &w->e));
    blob_drop(b);
    assert_int_equal(count(w), 1);
}

static void a_file_is_taken_over(void **state) {
    world *w = *state;
    char digest[BLOB_NAME_SIZE];
    uint64_t size;
    char *path = fs_join(w->a, w->temp, STR("file"));
    for (int known = 0; known < 2; known++) {
        check(w, fs_create(path, STR("hello"), 0644, &w->e));
        check(w, blob_adopt(w->dir, path, known ? HELLO : NULL, digest, &size, &w->e));
        assert_string_equal(digest, HELLO);
        assert_int_equal(size, 5);
        assert_false(fs_exists(path));
    }
    check(w, blob_verify(w->dir, STR(HELLO), &w->e));
    assert_int_equal(symlink(HELLO, path), 0);
    assert_int_equal(blob_adopt(w->dir, path, NULL, digest, &size, &w->e), ERR_IO);
    assert_int_equal(blob_adopt(w->dir, w->temp, NULL, digest, &size, &w->e), ERR_INVALID);
    assert_int_equal(blob_adopt(w->dir, path, "../../x", digest, &size, &w->e), ERR_INVALID);
}

static void a_name_is_judged(void **state) {
    static const struct {
        const char *name;
        int code;
    } rows[] = {{EMPTY, ERR_NOT_FOUND},
                {"", ERR_INVALID},
                {"../../../etc/passwd", ERR_INVALID},
                {"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824", ERR_INVALID},
                {HELLO "0", ERR_INVALID}};
    world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd;
        assert_int_equal(blob_open(w->dir, str_from(rows[i].name), &fd, NULL, &w->e), rows[i].code);
    }
}

static void damage_is_found_and_mended_by_putting_again(void **state) {
    world *w = *state;
    put(w, "hello", HELLO);
    char *path = blob_path(w->a, w->dir, STR(HELLO));
    check(w, fs_create(path, STR("hell"), 0600, &w->e));
    assert_int_equal(blob_verify(w->dir, STR(HELLO), &w->e), ERR_INVALID);
    assert_non_null(strstr(w->e.message, "is damaged"));
    put(w, "hello", HELLO);
    check(w, blob_verify(w->dir, STR(HELLO), &w->e));
}

static int used(void *context, str digest, err *e) {
    if (!context) return err_set(e, ERR_IO, "the database is gone");
    return str_is(digest, context);
}

static blob_swept sweep(world *w, const char *kept) {
    blob_swept found;
    check(w, blob_sweep(w->dir, used, (void *)kept, NOW, HOUR, &found, &w->e));
    return found;
}

static void a_sweep_removes_what_is_old_and_not_used(void **state) {
    world *w = *state;
    put(w, "hello", HELLO);
    put(w, "", EMPTY);
    put(w, "young", NULL);
    make_old(w, HELLO, NOW - 2 * HOUR);
    make_old(w, EMPTY, NOW - 2 * HOUR);
    blob_swept found = sweep(w, EMPTY);
    assert_int_equal(found.removed, 1);
    assert_int_equal(found.removed_bytes, 5);
    assert_int_equal(found.kept, 2);
    assert_int_equal(blob_verify(w->dir, STR(HELLO), &w->e), ERR_NOT_FOUND);
}

static void a_sweep_that_does_not_know_removes_nothing(void **state) {
    world *w = *state;
    blob_swept found;
    put(w, "hello", HELLO);
    make_old(w, HELLO, NOW - 2 * HOUR);
    assert_int_equal(blob_sweep(w->dir, used, NULL, NOW, HOUR, &found, &w->e), ERR_IO);
    assert_int_equal(count(w), 1);
}

static void putting_again_makes_a_blob_young(void **state) {
    world *w = *state;
    put(w, "hello", HELLO);
    make_old(w, HELLO, NOW - 2 * HOUR);
    put(w, "hello", HELLO);
    assert_int_equal(sweep(w, "none").removed, 0);
}

static void nothing_is_removed_while_a_backup_holds_it(void **state) {
    world *w = *state;
    int hold;
    put(w, "hello", HELLO);
    make_old(w, HELLO, NOW - 2 * HOUR);
    check(w, hold_keep(w->dir, &hold, &w->e));
    assert_true(sweep(w, "none").held);
    put(w, "other", NULL);
    close(hold);
    assert_int_equal(sweep(w, "none").removed, 1);
}

static void what_a_crash_has_left_is_swept(void **state) {
    world *w = *state;
    blob_writer *b;
    fs_entry *entries;
    size_t left;
    pid_t child = fork();
    if (child == 0) _exit(blob_begin(w->dir, &b, &w->e) < 0);
    waitpid(child, NULL, 0);
    char *folder = fs_join(w->a, w->dir, STR("new"));
    check(w, fs_list(w->a, folder, &entries, &left, &w->e));
    assert_int_equal(left, 1);
    assert_int_equal(sweep(w, "none").removed, 0);
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, fs_join(w->a, folder, entries[0].name), times, 0), 0);
    assert_int_equal(sweep(w, "none").removed, 1);
    assert_int_equal(count(w), 0);
}

static void a_full_disk_leaves_nothing(void **state) {
    world *w = *state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit most = {100, 100};
        char text[200] = {0}, digest[BLOB_NAME_SIZE];
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &most);
        _exit(blob_put(w->dir, (str){text, sizeof text}, digest, &w->e) == ERR_IO ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count(w), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_blob_has_the_name_of_its_digest),
        TEST(equal_content_is_kept_once),
        TEST(a_blob_comes_in_pieces_or_not_at_all),
        TEST(a_file_is_taken_over),
        TEST(a_name_is_judged),
        TEST(damage_is_found_and_mended_by_putting_again),
        TEST(a_sweep_removes_what_is_old_and_not_used),
        TEST(a_sweep_that_does_not_know_removes_nothing),
        TEST(putting_again_makes_a_blob_young),
        TEST(nothing_is_removed_while_a_backup_holds_it),
        TEST(what_a_crash_has_left_is_swept),
        TEST(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
