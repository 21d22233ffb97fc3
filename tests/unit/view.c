#include "unit.h"

#include "base/fs.h"
#include "base/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is a root, beside a canary that lies outside of it. */
typedef struct fixture {
    arena *a;
    char *dir, *root, *canary;
    view v;
} fixture;

static void must(int r) {
    if (r < 0) fail_msg("%s", strerror(errno));
}

static char *in_root(const fixture *f, const char *name) {
    return fs_join(f->a, f->root, str_from(name));
}

static int setup(void **state) {
    static fixture f;
    err e = {0};
    f = (fixture){.a = arena_new()};
    assert_int_equal(fs_temp_dir(f.a, "slipway-view-", &f.dir, &e), 0);
    f.root = fs_join(f.a, f.dir, STR("root"));
    f.canary = fs_join(f.a, f.dir, STR("canary"));
    must(mkdir(f.root, 0755));
    must(mkdir(in_root(&f, "etc"), 0755));
    assert_int_equal(fs_write(f.canary, STR("host"), 0644, &e), 0);
    assert_int_equal(fs_write(in_root(&f, "etc/name"), STR("job"), 0644, &e), 0);
    f.v = (view){open(f.root, O_PATH | O_DIRECTORY | O_CLOEXEC), -1};
    *state = &f;
    return f.v.root < 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    err e = {0};
    close(f->v.root);
    int r = fs_remove(f->dir, &e);
    arena_free(f->a);
    return r;
}

static void paths_begin_at_the_root_of_the_view(void **state) {
    const fixture *f = *state;
    str text;
    err e = {0};
    struct stat st;
    assert_int_equal(view_read(&f->v, f->a, "/etc/name", 10, &text, &e), 0);
    assert_str(text, "job");
    assert_int_equal(view_read(&f->v, f->a, "/../../etc/name", 10, &text, &e), 0);
    assert_str(text, "job");
    assert_true(view_stat(&f->v, "/etc", &st) && S_ISDIR(st.st_mode));
    assert_false(view_exists(&f->v, f->canary));
    assert_true(view_exists(&VIEW_OURS, f->canary));
}

static void links_do_not_leave_it(void **state) {
    const fixture *f = *state;
    str text;
    err e = {0};
    must(symlink(f->canary, in_root(f, "absolute")));
    must(symlink("../canary", in_root(f, "up")));
    must(symlink("..", in_root(f, "above")));
    must(symlink("/etc/name", in_root(f, "inside")));
    must(symlink("/proc/self/root", in_root(f, "magic")));
    static const char *const out[] = {"/absolute", "/up", "/above/canary", "/magic/etc/passwd"};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        assert_false(view_exists(&f->v, out[i]));
        assert_int_equal(view_read(&f->v, f->a, out[i], 10, &text, &e), ERR_NOT_FOUND);
    }
    assert_int_equal(view_read(&f->v, f->a, "/inside", 10, &text, &e), 0);
    assert_str(text, "job");
    assert_int_equal(view_read(&f->v, f->a, "/above/etc/name", 10, &text, &e), 0);
}

static void writing_makes_folders_and_refuses_a_link(void **state) {
    const fixture *f = *state;
    str text;
    err e = {0};
    assert_int_equal(view_write(&f->v, "/a/b/c", STR("first, longer"), &e), 0);
    assert_int_equal(view_write(&f->v, "/a/b/c", STR("second"), &e), 0);
    assert_int_equal(fs_read(f->a, in_root(f, "a/b/c"), 100, &text, &e), 0);
    assert_str(text, "second");
    must(symlink(f->canary, in_root(f, "link")));
    assert_true(view_write(&f->v, "/link", STR("x"), &e) < 0);
    assert_non_null(strstr(e.message, "cannot write '/link': Too many levels of symbolic links"));
    must(symlink(f->dir, in_root(f, "folder")));
    assert_true(view_write(&f->v, "/folder/canary", STR("x"), &e) < 0);
    assert_int_equal(fs_read(f->a, f->canary, 100, &text, &e), 0);
    assert_str(text, "host");
}

static void what_is_no_file_is_neither_read_nor_waited_for(void **state) {
    const fixture *f = *state;
    str text;
    err e = {0};
    must(mkfifo(in_root(f, "pipe"), 0644));
    assert_int_equal(view_read(&f->v, f->a, "/pipe", 10, &text, &e), ERR_INVALID);
    assert_int_equal(view_read(&f->v, f->a, "/etc", 10, &text, &e), ERR_INVALID);
    assert_int_equal(view_read(&f->v, f->a, "/none", 10, &text, &e), ERR_NOT_FOUND);
    assert_int_equal(view_read(&f->v, f->a, "/etc/name", 2, &text, &e), ERR_LIMIT);
    assert_true(view_write(&f->v, "/pipe", STR("x"), &e) < 0);
}

static void proc_is_only_looked_at(void **state) {
    view v = {open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), -1};
    _cleanup_arena_ arena *a = arena_new();
    str text;
    err e = {0};
    assert_true(view_exists(&v, "/proc/self/environ"));
    assert_true(view_read(&v, a, "/proc/self/environ", 1 << 20, &text, &e) < 0);
    assert_non_null(strstr(e.message, "Permission denied"));
    assert_int_equal(view_read(&v, a, "/etc/passwd", 1 << 20, &text, &e), 0);
    close(v.root);
}

static void removing_takes_files_links_and_empty_folders(void **state) {
    const fixture *f = *state;
    must(symlink(f->canary, in_root(f, "link")));
    must(mkdir(in_root(f, "empty"), 0755));
    static const char *const all[] = {"/link", "/empty", "/etc/name", "/none", "/none/at/all"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        view_unlink(&f->v, all[i]);
    assert_int_equal(access(in_root(f, "link"), F_OK), -1);
    assert_false(fs_exists(in_root(f, "empty")));
    assert_false(fs_exists(in_root(f, "etc/name")));
    assert_true(fs_exists(f->canary));
}

static void programs_are_found_by_name_in_the_view(void **state) {
    const fixture *f = *state;
    err e = {0};
    assert_int_equal(fs_write(in_root(f, "etc/tool"), STR("x"), 0755, &e), 0);
    must(chmod(in_root(f, "etc/tool"), 0755));
    assert_true(view_is_program(&f->v, "/etc/tool"));
    assert_false(view_is_program(&f->v, "/etc/name"));
    assert_false(view_is_program(&f->v, "/etc"));
    assert_string_equal(view_find_program(&f->v, f->a, "tool", STR("/bin:/etc")), "/etc/tool");
    assert_string_equal(view_find_program(&f->v, f->a, "/etc/tool", STR("")), "/etc/tool");
    assert_null(view_find_program(&f->v, f->a, "tool", STR("/bin:.:etc")));
    assert_null(view_find_program(&f->v, f->a, "name", STR("/etc")));
}

static int say(void *context, strbuf *out, err *e) {
    const int *code = context;
    if (*code < 0) return err_set(e, *code, "no %s", "luck");
    if (*code > 0) _exit(*code);
    strbuf_adds(out, "done");
    return 0;
}

static int say_much(void *context, strbuf *out, err *e) {
    (void)context, (void)e;
    strbuf_pad(out, 'x', 70000);
    return 0;
}

static void work_in_a_child_answers_or_fails_with_its_reason(void **state) {
    const fixture *f = *state;
    str text;
    err e = {0};
    int code = 0;
    assert_int_equal(view_call(&VIEW_OURS, NULL, f->a, say, &code, &text, &e), 0);
    assert_str(text, "done");
    code = ERR_LIMIT;
    assert_int_equal(view_call(&VIEW_OURS, "/", f->a, say, &code, &text, &e), ERR_LIMIT);
    assert_string_equal(e.message, "no luck");
    code = 3;
    assert_int_equal(view_call(&VIEW_OURS, "/", f->a, say, &code, &text, &e), ERR_FAILED);
    assert_int_equal(view_call(&VIEW_OURS, "/", f->a, say_much, NULL, &text, &e), ERR_LIMIT);
    assert_true(view_call(&VIEW_OURS, "/no/such", f->a, say, &code, &text, &e) < 0);
    assert_string_equal(e.message, "cannot go to '/no/such': No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_begin_at_the_root_of_the_view, setup, teardown),
        cmocka_unit_test_setup_teardown(links_do_not_leave_it, setup, teardown),
        cmocka_unit_test_setup_teardown(writing_makes_folders_and_refuses_a_link, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_neither_read_nor_waited_for, setup,
                                        teardown),
        cmocka_unit_test(proc_is_only_looked_at),
        cmocka_unit_test_setup_teardown(removing_takes_files_links_and_empty_folders, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(programs_are_found_by_name_in_the_view, setup, teardown),
        cmocka_unit_test_setup_teardown(work_in_a_child_answers_or_fails_with_its_reason, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
