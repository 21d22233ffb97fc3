#include "unit.h"

#include "base/fs.h"
#include "base/hash.h"
#include "runner/annotation.h"
#include "runner/hashfiles.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A workspace in which every file holds its own path. */
static const char *const files[] = {
    "a.txt",
    "b.txt",
    "a/x.txt",
    "a/b/c.txt",
    "a/b/d.log",
    ".hidden/h",
    ".dot",
    "package.json",
    "lib/package.json",
    "node_modules/m/package.json",
    "we[i]rd",
    "star*",
    "space name",
    "a-b/1",
    "Upper.TXT",
};

static char *workspace;
static arena *shared;

static int set_up(void **state) {
    (void)state;
    err e = {0};
    shared = arena_new();
    if (fs_temp_dir(shared, "slipway-hash-", &workspace, &e)) return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = fs_join(shared, workspace, str_from(files[i]));
        str folder = str_sub(str_from(path), 0, (size_t)str_rfind_char(str_from(path), '/'));
        if (fs_mkdirs(arena_cstr(shared, folder), 0755, &e)) return -1;
        if (fs_create(path, str_from(files[i]), 0644, &e)) return -1;
    }
    if (symlink("a/b", fs_join(shared, workspace, STR("link")))) return -1;
    if (symlink("..", fs_join(shared, workspace, STR("a/up")))) return -1;
    return symlink("a.txt", fs_join(shared, workspace, STR("file-link")));
}

static int tear_down(void **state) {
    (void)state;
    err e;
    fs_remove(workspace, &e);
    arena_free(shared);
    return 0;
}

/* GitHub's value for these files in this order. "file-link" has the content of a.txt. */
static str digest_of(arena *a, const char *list) {
    str rest = str_from(list), name;
    uint8_t digest[32];
    sha256 *all = sha256_new();
    char *hex = arena_alloc(a, 65);
    while (rest.len) {
        str_cut(rest, '|', &name, &rest);
        sha256 *one = sha256_new();
        sha256_add(one, name.ptr, name.len);
        sha256_end(one, digest);
        sha256_add(all, digest, sizeof digest);
    }
    sha256_end(all, digest);
    hex_encode(digest, sizeof digest, hex);
    return *list ? str_from(hex) : STR_EMPTY;
}

static void found(const char *const *args, const char *list) {
    _cleanup_arena_ arena *a = arena_new();
    str texts[8], got;
    size_t count = 0;
    err e = {0};
    for (; args[count]; count++)
        texts[count] = str_from(args[count]);
    if (hash_files(a, workspace, texts, count, &got, &e)) fail_msg("%s: %s", args[0], e.message);
    if (!str_eq(got, digest_of(a, list))) fail_msg("%s: not the digest of %s", args[0], list);
}

static void patterns_find_files_in_githubs_order(void **state) {
    (void)state;
    static const struct {
        const char *args[4], *list;
    } cases[] = {
        {{"a.txt"}, "a.txt"},
        {{"./a.txt"}, "a.txt"},
        {{"nothing"}, ""},
        {{"*.txt"}, "a.txt|b.txt"},
        {{"?.txt"}, "a.txt|b.txt"},
        {{"[!a].txt"}, "b.txt"},
        {{"[^a].txt"}, "b.txt"},
        {{"[a-b].txt"}, "a.txt|b.txt"},
        {{"**/*.txt"}, "a/b/c.txt|a/x.txt|a.txt|b.txt"},
        {{"**/package.json"}, "lib/package.json|node_modules/m/package.json|package.json"},
        {{"**/package.json", "!node_modules"}, "lib/package.json|package.json"},
        {{"**/package.json", "!**/node_modules/**"}, "lib/package.json|package.json"},
        {{"**/package.json\n# all but\n\n  !lib/** \r\n"},
         "node_modules/m/package.json|package.json"},
        {{"**/package.json", "!lib/**", "lib/package.json"},
         "lib/package.json|node_modules/m/package.json|package.json"},
        {{"!!a.txt"}, "a.txt"},
        {{"!a.txt"}, ""},
        {{"a"}, "a/b/c.txt|a/b/d.log|a/x.txt"},
        {{"a/"}, "a/b/c.txt|a/b/d.log|a/x.txt"},
        {{"a/**"}, "a/b/c.txt|a/b/d.log|a/x.txt"},
        {{"a/**/d.log"}, "a/b/d.log"},
        {{"a/**/b/**/c.txt"}, "a/b/c.txt"},
        {{"a**/1"}, "a-b/1"},
        {{"a.txt/"}, ""},
        {{".*"}, ".dot|.hidden/h"},
        {{"*/h"}, ".hidden/h"},
        {{"we[[]i]rd"}, "we[i]rd"},
        {{"we\\[i]rd"}, "we[i]rd"},
        {{"we[i]rd"}, ""},
        {{"star\\*"}, "star*"},
        {{"space name"}, "space name"},
        {{"upper.txt"}, ""},
        {{"{a,b}.txt"}, ""},
        {{"b.txt", "a.txt"}, "b.txt|a.txt"},
        {{"lib/*", "a/b/*"}, "lib/package.json|a/b/c.txt|a/b/d.log"},
        {{"a/b/c.txt", "a"}, "a/b/c.txt|a/b/d.log|a/x.txt"},
        {{"file-link"}, "a.txt"},
        {{"link/*"}, ""},
        {{"link/c.txt"}, "a/b/c.txt"},
        {{"l*/*.log"}, ""},
        {{"--follow-symbolic-links", "l*/*.log"}, "a/b/d.log"},
        {{"--FOLLOW-symbolic-links", "a/**/x.txt"}, "a/x.txt"},
        {{"/etc/passwd"}, ""},
        {{"/**/b.txt"}, "b.txt"},
        {{""}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        found(cases[i].args, cases[i].list);
}

static void absolute_patterns_in_the_workspace_count(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str pattern = arena_printf(a, "%s/*.txt", workspace);
    found((const char *[]){pattern.ptr, NULL}, "a.txt|b.txt");
    setenv("HOME", fs_join(a, workspace, STR("lib")), 1);
    found((const char *[]){"~/*", NULL}, "lib/package.json");
    found((const char *[]){"~", NULL}, "lib/package.json");
}

static void the_digest_is_of_digests(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    str got, args[] = {STR_INIT("a.txt")};
    err e = {0};
    assert_int_equal(hash_files(a, workspace, args, 1, &got, &e), 0);
    assert_str(got, "8de2cc141db16f4c30bd3a6151b1cc0393ad0cf98faff31c3e7957f62baa5706");
}

static void wrong_arguments_are_errors(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"../x", "hashFiles('../x') failed: Invalid pattern '../x'. Relative pathing '.' and '..' "
                 "is not allowed."},
        {"a/./b", "hashFiles('a/./b') failed: Invalid pattern 'a/./b'. Relative pathing '.' and "
                  "'..' is not allowed."},
        {"!", "hashFiles('!') failed: a pattern is empty after its '!'"},
        {"--x", "hashFiles('--x') failed: Invalid glob option --x, avaliable option: "
                "'--follow-symbolic-links'."},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str got, arg = str_from(cases[i][0]);
        err e = {0};
        assert_int_equal(hash_files(a, workspace, &arg, 1, &got, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i][1]);
    }
}

static void a_broken_link_is_an_error_as_on_github(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    char *path = fs_join(a, workspace, STR("broken"));
    str got, args[] = {STR_INIT("brok*"), STR_INIT("--")};
    err e = {0};
    assert_int_equal(symlink("gone", path), 0);
    assert_int_equal(hash_files(a, workspace, args, 1, &got, &e), ERR_IO);
    args[1] = args[0];
    args[0] = STR("--follow-symbolic-links");
    assert_int_equal(hash_files(a, workspace, args, 2, &got, &e), 0);
    assert_int_equal(got.len, 0);
    assert_int_equal(unlink(path), 0);
}

static void annotations_get_paths_in_the_workspace(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    static const struct {
        const char *file, *from_path, *expected;
    } cases[] = {
        {"a.txt", "", "a.txt"},
        {"./a/../b.txt", "", "b.txt"},
        {"gone.txt", "", ""},
        {"", "", ""},
        {"../x", "", ""},
        {"/etc/passwd", "", ""},
        {"c.txt", "a/b/project.csproj", "a/b/c.txt"},
        {"x.txt", "project.csproj", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        annotation n = {.file = str_from(cases[i].file), .from_path = str_from(cases[i].from_path)};
        assert_str(annotation_file(a, &VIEW_OURS, workspace, &n), cases[i].expected);
    }
    annotation n = {.file = str_from(fs_join(a, workspace, STR("a/x.txt")))};
    assert_str(annotation_file(a, &VIEW_OURS, workspace, &n), "a/x.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_files_in_githubs_order),
        cmocka_unit_test(absolute_patterns_in_the_workspace_count),
        cmocka_unit_test(the_digest_is_of_digests),
        cmocka_unit_test(wrong_arguments_are_errors),
        cmocka_unit_test(a_broken_link_is_an_error_as_on_github),
        cmocka_unit_test(annotations_get_paths_in_the_workspace),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
