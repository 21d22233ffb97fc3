#include "unit.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct fixture {
    arena *a;
    char *dir;
} fixture;

static int setup(void **state) {
    static fixture f;
    f.a = arena_new();
    *state = &f;
    return fs_temp_dir(f.a, "slipway-test-", &f.dir, NULL);
}

static int teardown(void **state) {
    fixture *f = *state;
    int r = fs_remove(f->dir, NULL);
    arena_free(f->a);
    return r;
}

static char *at(fixture *f, const char *name) {
    return fs_join(f->a, f->dir, str_from(name));
}

static void put(fixture *f, const char *name, const char *text, int mode) {
    assert_int_equal(fs_create(at(f, name), str_from(text), mode, NULL), 0);
    assert_int_equal(chmod(at(f, name), (mode_t)mode), 0);
}

static str get(fixture *f, const char *name) {
    str text = STR("(unread)");
    fs_read(f->a, at(f, name), 1 << 20, &text, NULL);
    return text;
}

static int mode_of(fixture *f, const char *name) {
    struct stat st;
    assert_int_equal(lstat(at(f, name), &st), 0);
    return st.st_mode & 07777;
}

static void what_is_written_is_read(void **state) {
    fixture *f = *state;
    umask(022);
    assert_int_equal(fs_write(at(f, "a"), STR("one\0two"), 0666, NULL), 0);
    str text = get(f, "a");
    assert_int_equal(text.len, 7);
    assert_memory_equal(text.ptr, "one\0two", 8);
    assert_int_equal(mode_of(f, "a"), 0644);
    assert_int_equal(fs_write(at(f, "a"), STR_EMPTY, 0600, NULL), 0);
    assert_int_equal(get(f, "a").len, 0);
    assert_int_equal(mode_of(f, "a"), 0600);
    fs_entry *entries;
    size_t count;
    assert_int_equal(fs_list(f->a, f->dir, &entries, &count, NULL), 0);
    assert_int_equal(count, 1);
}

static void a_link_is_replaced_by_writing(void **state) {
    fixture *f = *state;
    put(f, "target", "kept", 0600);
    assert_int_equal(symlink("target", at(f, "link")), 0);
    assert_int_equal(fs_write(at(f, "link"), STR("new"), 0600, NULL), 0);
    assert_str(get(f, "target"), "kept");
    assert_str(get(f, "link"), "new");
}

static void reading_has_a_cap(void **state) {
    fixture *f = *state;
    str text;
    err e = {0};
    put(f, "ten", "0123456789", 0600);
    assert_int_equal(fs_read(f->a, at(f, "ten"), 10, &text, &e), 0);
    assert_int_equal(fs_read(f->a, at(f, "ten"), 9, &text, &e), ERR_LIMIT);
    assert_non_null(strstr(e.message, "9 bytes"));
    assert_int_equal(fs_read(f->a, "/dev/zero", 100000, &text, &e), ERR_LIMIT);
}

static void files_without_a_size_are_read(void **state) {
    fixture *f = *state;
    str text;
    int fds[2];
    char path[40];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "piped", 5), 5);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(fs_read(f->a, path, 100, &text, NULL), 0);
    assert_str(text, "piped");
    close(fds[0]);
    assert_int_equal(fs_read(f->a, "/proc/self/status", 1 << 20, &text, NULL), 0);
    assert_true(str_starts(text, STR("Name:")));
}

static void failures_name_the_file(void **state) {
    fixture *f = *state;
    str text;
    err e = {0};
    assert_int_equal(fs_read(f->a, at(f, "none"), 10, &text, &e), ERR_NOT_FOUND);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "none': No such file"));
    assert_int_equal(fs_read(f->a, f->dir, 10, &text, &e), ERR_INVALID);
    assert_int_equal(fs_write(at(f, "no/file"), STR("x"), 0600, &e), ERR_NOT_FOUND);
    put(f, "file", "", 0600);
    assert_int_equal(fs_mkdirs(at(f, "file/dir"), 0700, &e), ERR_IO);
    assert_int_equal(fs_mkdirs(at(f, "file"), 0700, &e), ERR_IO);
    assert_int_equal(fs_copy(at(f, "none"), at(f, "x"), &e), ERR_NOT_FOUND);
    assert_int_equal(fs_write("/proc/none", STR("x"), 0600, &e), ERR_NOT_FOUND);
}

static void folders_are_made_with_their_parents(void **state) {
    fixture *f = *state;
    assert_int_equal(fs_mkdirs(at(f, "a/b//c/"), 0755, NULL), 0);
    assert_int_equal(fs_mkdirs(at(f, "a/b/c"), 0755, NULL), 0);
    assert_int_equal(fs_mkdirs(at(f, "a/b/d/e"), 0755, NULL), 0);
    assert_true(fs_is_dir(at(f, "a/b/c")));
    assert_true(fs_is_dir(at(f, "a/b/d/e")));
    assert_true(fs_exists(at(f, "a")));
    assert_false(fs_exists(at(f, "a/x")));
}

static void lists_are_sorted_and_tell_links_from_folders(void **state) {
    fixture *f = *state;
    put(f, "b", "", 0600);
    put(f, ".a", "", 0600);
    assert_int_equal(fs_mkdirs(at(f, "c"), 0700, NULL), 0);
    assert_int_equal(symlink("c", at(f, "Z")), 0);
    fs_entry *list;
    size_t count;
    assert_int_equal(fs_list(f->a, f->dir, &list, &count, NULL), 0);
    assert_int_equal(count, 4);
    assert_str(list[0].name, ".a");
    assert_str(list[1].name, "Z");
    assert_true(list[1].is_link && !list[1].is_dir);
    assert_str(list[2].name, "b");
    assert_true(!list[2].is_link && !list[2].is_dir);
    assert_true(list[3].is_dir && !list[3].is_link);
    assert_int_equal(fs_list(f->a, at(f, "none"), &list, &count, NULL), ERR_NOT_FOUND);
}

static void removal_takes_a_tree_but_not_what_its_links_name(void **state) {
    fixture *f = *state;
    put(f, "outside", "kept", 0600);
    assert_int_equal(fs_mkdirs(at(f, "outdir"), 0700, NULL), 0);
    put(f, "outdir/file", "kept", 0600);
    assert_int_equal(fs_mkdirs(at(f, "tree/sub/locked"), 0700, NULL), 0);
    put(f, "tree/sub/locked/file", "", 0400);
    assert_int_equal(symlink("../outside", at(f, "tree/link")), 0);
    assert_int_equal(symlink("../outdir", at(f, "tree/dirlink")), 0);
    assert_int_equal(symlink("../outdir", at(f, "tree/sub/locked/dirlink")), 0);
    assert_int_equal(chmod(at(f, "tree/sub/locked"), 0000), 0);
    assert_int_equal(chmod(at(f, "tree/sub"), 0500), 0);
    assert_int_equal(fs_remove(at(f, "tree"), NULL), 0);
    assert_false(fs_exists(at(f, "tree")));
    assert_str(get(f, "outside"), "kept");
    assert_str(get(f, "outdir/file"), "kept");
}

static void removal_of_a_link_keeps_its_target(void **state) {
    fixture *f = *state;
    assert_int_equal(fs_mkdirs(at(f, "dir"), 0700, NULL), 0);
    put(f, "dir/file", "kept", 0600);
    assert_int_equal(symlink("dir", at(f, "link")), 0);
    assert_int_equal(fs_remove(at(f, "link"), NULL), 0);
    assert_str(get(f, "dir/file"), "kept");
    assert_int_equal(fs_remove(at(f, "link"), NULL), 0);
    assert_int_equal(fs_remove(at(f, "no/such/path"), NULL), 0);
}

static void what_is_in_an_open_folder_is_removed(void **state) {
    fixture *f = *state;
    err e = {0};
    assert_int_equal(fs_mkdirs(at(f, "open/tree/deep"), 0700, &e), 0);
    assert_int_equal(fs_create(at(f, "open/tree/deep/file"), STR("x"), 0600, &e), 0);
    assert_int_equal(fs_create(at(f, "open/file"), STR("x"), 0600, &e), 0);
    assert_int_equal(symlink(f->dir, at(f, "open/link")), 0);
    _cleanup_close_ int open_folder = open(at(f, "open"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    static const char *const names[] = {"tree", "file", "link", "absent"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fs_remove_at(open_folder, names[i], &e), 0);
    assert_int_equal(rmdir(at(f, "open")), 0);
    assert_true(fs_is_dir(f->dir));
}

/* Deeper than any path that the system takes, and than the descriptors that a process may have. */
static void removal_reaches_any_depth(void **state) {
    fixture *f = *state;
    assert_int_equal(fs_mkdirs(at(f, "deep"), 0700, NULL), 0);
    int fd = open(at(f, "deep"), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "a-folder", 0700), 0);
        if (i % 7 == 0) assert_int_equal(symlinkat("..", fd, "removed-1"), 0);
        int next = openat(fd, "a-folder", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        if (i % 5 == 0) assert_int_equal(fchmod(fd, 0500), 0);
        close(fd);
        fd = next;
    }
    close(fd);
    err e = {0};
    if (fs_remove(at(f, "deep"), &e) < 0) fail_msg("%s", e.message);
    assert_false(fs_exists(at(f, "deep")));
}

static void a_copy_has_the_same_bytes_links_and_modes(void **state) {
    fixture *f = *state;
    _cleanup_strbuf_ strbuf big = STRBUF_INIT;
    strbuf_pad(&big, 'x', 900000);
    assert_int_equal(fs_mkdirs(at(f, "from/sub/empty"), 0700, NULL), 0);
    put(f, "from/run", "#!/bin/sh", 0755);
    put(f, "from/sub/secret", "s", 0400);
    put(f, "from/sub/big", strbuf_cstr(&big), 0644);
    assert_int_equal(symlink("../nowhere", at(f, "from/link")), 0);
    assert_int_equal(mkfifo(at(f, "from/pipe"), 0600), 0);
    assert_int_equal(chmod(at(f, "from/sub"), 0550), 0);
    for (int again = 0; again < 2; again++) { /* over itself, too */
        assert_int_equal(chmod(at(f, "from/sub"), 0750), 0);
        if (again) assert_int_equal(chmod(at(f, "to/sub"), 0750), 0);
        assert_int_equal(fs_copy(at(f, "from"), at(f, "to"), NULL), 0);
        assert_str(get(f, "to/run"), "#!/bin/sh");
        assert_int_equal(mode_of(f, "to/run"), 0755);
        assert_int_equal(mode_of(f, "to/sub"), 0750);
        assert_int_equal(mode_of(f, "to/sub/secret"), 0400);
        assert_str(get(f, "to/sub/big"), strbuf_cstr(&big));
        assert_true(fs_is_dir(at(f, "to/sub/empty")));
        assert_false(fs_exists(at(f, "to/pipe")));
        char target[32] = "";
        assert_int_equal(readlink(at(f, "to/link"), target, sizeof target - 1), 10);
        assert_string_equal(target, "../nowhere");
    }
}

static void a_folder_can_be_copied_into_itself(void **state) {
    fixture *f = *state;
    assert_int_equal(fs_mkdirs(at(f, "a/b"), 0700, NULL), 0);
    put(f, "a/b/file", "x", 0600);
    assert_int_equal(fs_copy(at(f, "a"), at(f, "a/copy"), NULL), 0);
    assert_str(get(f, "a/copy/b/file"), "x");
    assert_false(fs_exists(at(f, "a/copy/copy")));
}

static void a_copy_does_not_write_through_a_link(void **state) {
    fixture *f = *state;
    put(f, "victim", "kept", 0600);
    put(f, "new", "new", 0600);
    assert_int_equal(symlink("victim", at(f, "to")), 0);
    assert_int_equal(fs_copy(at(f, "new"), at(f, "to"), NULL), 0);
    assert_str(get(f, "victim"), "kept");
    assert_str(get(f, "to"), "new");
}

static void temporary_folders_are_private(void **state) {
    fixture *f = *state;
    assert_int_equal(mode_of(f, ""), 0700);
    assert_int_equal(setenv("TMPDIR", f->dir, 1), 0);
    char *dir;
    assert_int_equal(fs_temp_dir(f->a, "x-", &dir, NULL), 0);
    assert_true(str_starts(str_from(dir), arena_printf(f->a, "%s/x-", f->dir)));
    assert_int_equal(setenv("TMPDIR", "/no/such/folder", 1), 0);
    assert_int_equal(fs_temp_dir(f->a, "x-", &dir, NULL), ERR_IO);
    unsetenv("TMPDIR");
}

static void paths_are_joined_with_one_slash(void **state) {
    fixture *f = *state;
    assert_string_equal(fs_join(f->a, "a", STR("b")), "a/b");
    assert_string_equal(fs_join(f->a, "a/", STR("b/c")), "a/b/c");
    assert_string_equal(fs_join(f->a, "/", STR("b")), "/b");
    assert_string_equal(fs_join(f->a, "a", STR("/b")), "/b");
    assert_string_equal(fs_join(f->a, "", STR("b")), "b");
    assert_string_equal(fs_join(f->a, "a", STR_EMPTY), "a");
}

static void paths_are_normalized_without_the_disk(void **state) {
    static const char *const cases[][2] = {
        {"", "."},
        {".", "."},
        {"/", "/"},
        {"//a//b/", "/a/b"},
        {"a/./b", "a/b"},
        {"a/../b", "b"},
        {"a/..", "."},
        {"../a", "../a"},
        {"../../a/..", "../.."},
        {"/..", "/"},
        {"/../a/../../b", "/b"},
        {"a/b/../../..", ".."},
        {"./a", "a"},
        {"a..b/...", "a..b/..."},
        {"/a/..", "/"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(fs_normalize(f->a, str_from(cases[i][0])), cases[i][1]);
}

static void real_paths_follow_links(void **state) {
    fixture *f = *state;
    char *real, *top;
    assert_int_equal(fs_mkdirs(at(f, "a"), 0700, NULL), 0);
    assert_int_equal(symlink("a", at(f, "link")), 0);
    assert_int_equal(fs_real(f->a, f->dir, &top, NULL), 0);
    assert_int_equal(fs_real(f->a, at(f, "link/../link"), &real, NULL), 0);
    assert_string_equal(real, fs_join(f->a, top, STR("a")));
    assert_int_equal(fs_real(f->a, at(f, "none"), &real, NULL), ERR_NOT_FOUND);
}

static void programs_are_found_in_the_order_of_the_list(void **state) {
    fixture *f = *state;
    assert_int_equal(fs_mkdirs(at(f, "one/tool"), 0700, NULL), 0);
    assert_int_equal(fs_mkdirs(at(f, "two"), 0700, NULL), 0);
    assert_int_equal(fs_mkdirs(at(f, "three"), 0700, NULL), 0);
    put(f, "two/tool", "", 0600);
    put(f, "three/tool", "", 0700);
    str list = arena_printf(f->a, "%s/one:%s/none:%s/two:%s/three", f->dir, f->dir, f->dir, f->dir);
    char *found = fs_find_program(f->a, "tool", list);
    assert_non_null(found);
    assert_string_equal(found, at(f, "three/tool"));
    assert_null(fs_find_program(f->a, "other", list));
    assert_null(fs_find_program(f->a, "", list));
    assert_null(fs_find_program(f->a, at(f, "two/tool"), list));
    assert_string_equal(fs_find_program(f->a, at(f, "three/tool"), STR_EMPTY), at(f, "three/tool"));
}

/* fs_write would put a file in the place of a device or a link. */
static void what_a_person_names_stays_what_it_is(void **state) {
    fixture *f = *state;
    const char *pipe_path = fs_join(f->a, f->dir, STR("pipe")),
               *link = fs_join(f->a, f->dir, STR("link")),
               *file = fs_join(f->a, f->dir, STR("target"));
    char got[8] = "";
    struct stat st;
    err e = {0};
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    int reader = open(pipe_path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(fs_output(pipe_path, STR("text"), &e), 0);
    assert_int_equal(read(reader, got, sizeof got), 4);
    close(reader);
    assert_true(lstat(pipe_path, &st) == 0 && S_ISFIFO(st.st_mode));
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(fs_output(link, STR("linked"), &e), 0);
    assert_true(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    assert_true(stat(file, &st) == 0 && st.st_size == 6);
    assert_int_equal(fs_output(file, STR("x"), &e), 0);
    assert_true(stat(file, &st) == 0 && st.st_size == 1);
}

static void what_is_believed_lies_where_nobody_else_writes(void **state) {
    fixture *f = *state;
    static const struct {
        int above, folder; /* modes; above is x/, folder is x/cache, or 0: it is not there */
        int code;
    } cases[] = {
        {0755, 0, 0},
        {0755, 0700, 0},
        {0755, 0755, 0},
        {01777, 0700, 0},
        {0777, 0700, ERR_INVALID},
        {0775, 0700, ERR_INVALID},
        {0700, 0777, ERR_INVALID},
        {0700, 0720, ERR_INVALID},
        {0700, 01777, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *real, *above = at(f, "x"), *folder = at(f, "x/cache");
        err e = {0};
        assert_int_equal(mkdir(above, 0700), 0);
        if (cases[i].folder) {
            assert_int_equal(mkdir(folder, 0700), 0);
            assert_int_equal(chmod(folder, (mode_t)cases[i].folder), 0);
        }
        assert_int_equal(chmod(above, (mode_t)cases[i].above), 0);
        assert_int_equal(fs_private_dir(f->a, folder, &real, &e), cases[i].code);
        if (cases[i].code == 0) assert_int_equal(mode_of(f, "x/cache") & 022, 0);
        assert_int_equal(fs_remove(above, &e), 0);
    }
}

static void another_users_folder_is_not_believed(void **state) {
    fixture *f = *state;
    char *real;
    err e = {0};
    if (geteuid() != 0) skip();
    assert_int_equal(mkdir(at(f, "x"), 0755), 0);
    assert_int_equal(chown(at(f, "x"), 61234, 61234), 0);
    assert_int_equal(fs_private_dir(f->a, at(f, "x"), &real, &e), ERR_INVALID);
    assert_int_equal(mkdir(at(f, "x/cache"), 0700), 0);
    assert_int_equal(fs_private_dir(f->a, at(f, "x/cache"), &real, &e), ERR_INVALID);
    assert_int_equal(mkdir(at(f, "own"), 0700), 0);
    assert_int_equal(symlink("../own", at(f, "x/link")), 0);
    assert_int_equal(fs_private_dir(f->a, at(f, "x/link"), &real, &e), 0);
    assert_string_equal(real, at(f, "own")); /* what the link says later is no matter */
    str text;
    put(f, "own/a", "x", 0600);
    assert_int_equal(fs_read_own(f->a, at(f, "own/a"), 10, &text, &e), 0);
    assert_int_equal(chmod(at(f, "own/a"), 0620), 0);
    assert_int_equal(fs_read_own(f->a, at(f, "own/a"), 10, &text, &e), ERR_INVALID);
    put(f, "own/b", "x", 0600);
    assert_int_equal(chown(at(f, "own/b"), 61234, 61234), 0);
    assert_int_equal(fs_read_own(f->a, at(f, "own/b"), 10, &text, &e), ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define FS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        FS_TEST(what_is_written_is_read),
        FS_TEST(a_link_is_replaced_by_writing),
        FS_TEST(reading_has_a_cap),
        FS_TEST(what_is_believed_lies_where_nobody_else_writes),
        FS_TEST(another_users_folder_is_not_believed),
        FS_TEST(files_without_a_size_are_read),
        FS_TEST(failures_name_the_file),
        FS_TEST(folders_are_made_with_their_parents),
        FS_TEST(lists_are_sorted_and_tell_links_from_folders),
        FS_TEST(removal_takes_a_tree_but_not_what_its_links_name),
        FS_TEST(what_is_in_an_open_folder_is_removed),
        FS_TEST(removal_of_a_link_keeps_its_target),
        FS_TEST(removal_reaches_any_depth),
        FS_TEST(a_copy_has_the_same_bytes_links_and_modes),
        FS_TEST(a_folder_can_be_copied_into_itself),
        FS_TEST(a_copy_does_not_write_through_a_link),
        FS_TEST(temporary_folders_are_private),
        FS_TEST(paths_are_joined_with_one_slash),
        FS_TEST(paths_are_normalized_without_the_disk),
        FS_TEST(real_paths_follow_links),
        FS_TEST(programs_are_found_in_the_order_of_the_list),
        FS_TEST(what_a_person_names_stays_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
