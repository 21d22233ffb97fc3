#include "unit.h"

#include "base/fs.h"
#include "base/git.h"
#include "base/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    arena *a;
    char *dir;
    git_info info;
    err e;
} fixture;

/* Runs a script in the fixture's folder, away from the configuration of whoever runs the test. */
static str shell(fixture *f, const char *script) {
    const char *argv[] = {"sh", "-ec", script, NULL};
    const char *env[] = {"GIT_AUTHOR_DATE=2024-02-29T12:00:00+02:00",
                         "GIT_COMMITTER_DATE=2024-03-01T00:00:00Z", NULL};
    process_spec spec = {.argv = argv, .env = env, .cwd = f->dir};
    str out = STR_EMPTY;
    err e = {0};
    if (process_check(f->a, &spec, &out, &e) < 0) fail_msg("%s: %s", script, e.message);
    return str_trim(out);
}

static int setup(void **state) {
    static fixture f;
    f = (fixture){.a = arena_new()};
    *state = &f;
    char *dir;
    if (fs_temp_dir(f.a, "slipway-test-", &dir, NULL) < 0) return -1;
    if (fs_real(f.a, dir, &f.dir, NULL) < 0) return -1;
    setenv("HOME", f.dir, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_CEILING_DIRECTORIES", f.dir, 1);
    unsetenv("XDG_CONFIG_HOME");
    shell(&f, "git config --global user.name 'Ada L' && git config --global user.email ada@x.org &&"
              "git config --global init.defaultBranch main &&"
              "git config --global protocol.file.allow always");
    return 0;
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

static void inspect(fixture *f, const char *name) {
    if (git_inspect(f->a, at(f, name), &f->info, &f->e) < 0) fail_msg("%s", f->e.message);
}

static str joined(fixture *f, const str *paths, size_t count) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < count; i++) {
        if (i) strbuf_addc(&text, ' ');
        strbuf_add(&text, paths[i]);
    }
    return arena_str(f->a, strbuf_str(&text));
}

static str files(fixture *f, const char *name) {
    git_listing list;
    if (git_files(f->a, at(f, name), &list, &f->e) < 0) fail_msg("%s", f->e.message);
    return joined(f, list.paths, list.count);
}

static str changed(fixture *f, str base, str head) {
    str *paths;
    size_t count;
    int r = git_changed(f->a, at(f, "r"), base, head, &paths, &count, &f->e);
    return r < 0 ? STR("(error)") : joined(f, paths, count);
}

static void a_commit_tells_all_about_itself(void **state) {
    fixture *f = *state;
    shell(f,
          "git init -q r; cd r; echo 1 >a; git add .; git commit -qm first; echo 2 >a;"
          "git -c user.name='Bob \xC3\xA9' -c user.email=bob@x.org commit -qam 'Second\n\nbody'");
    inspect(f, "r");
    assert_string_equal(f->info.root, at(f, "r"));
    assert_true(str_eq(f->info.head, shell(f, "git -C r rev-parse HEAD")));
    assert_int_equal(f->info.head.len, 40);
    assert_true(str_eq(f->info.parent, shell(f, "git -C r rev-parse HEAD^")));
    assert_str(f->info.branch, "main");
    assert_str(f->info.tag, "");
    assert_str(f->info.upstream, "");
    assert_str(f->info.remote_url, "");
    assert_str(f->info.owner, "local");
    assert_str(f->info.repo, "r");
    assert_str(f->info.author_name, "Bob \xC3\xA9");
    assert_str(f->info.author_email, "bob@x.org");
    assert_str(f->info.committer_name, "Bob \xC3\xA9");
    assert_str(f->info.message, "Second\n\nbody");
    assert_true(str_starts(f->info.timestamp, STR("2024-03-01T00:00:00")));
    assert_str(f->info.user_name, "Ada L");
    assert_str(f->info.user_email, "ada@x.org");
}

static void a_folder_below_the_root_will_do(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; mkdir -p r/sub/dir; touch r/sub/file; git -C r add .; git -C r commit "
             "-qm m");
    inspect(f, "r/sub/dir");
    assert_string_equal(f->info.root, at(f, "r"));
}

static void a_repository_without_commits_has_a_branch_and_no_head(void **state) {
    fixture *f = *state;
    shell(f, "git init -q -b feature/new r");
    inspect(f, "r");
    assert_str(f->info.branch, "feature/new");
    assert_str(f->info.head, "");
    assert_str(f->info.message, "");
    assert_str(f->info.user_name, "Ada L");
}

static void a_detached_head_may_have_a_tag(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; cd r; git commit -q --allow-empty -m m; git tag -a rel/v1.0 -m t;"
             "git checkout -q --detach");
    inspect(f, "r");
    assert_str(f->info.branch, "");
    assert_str(f->info.tag, "rel/v1.0");
    shell(f, "git -C r commit -q --allow-empty -m n");
    inspect(f, "r");
    assert_str(f->info.branch, "");
    assert_str(f->info.tag, "");
    assert_int_equal(f->info.head.len, 40);
}

static void a_clone_knows_the_default_branch_of_its_origin(void **state) {
    fixture *f = *state;
    shell(f, "git init -q -b trunk r; git -C r commit -q --allow-empty -m m; git clone -q r c;"
             "git -C c checkout -q -b work");
    inspect(f, "c");
    assert_str(f->info.branch, "work");
    assert_str(f->info.upstream, "trunk");
    assert_str(f->info.owner, "local");
    assert_str(f->info.repo, "c");
}

static void the_repository_is_named_by_the_url_of_its_origin(void **state) {
    static const struct {
        const char *url, *owner, *repo, *shown;
    } cases[] = {
        {"https://github.com/octo/hello.git", "octo", "hello", NULL},
        {"https://github.com/octo/hello", "octo", "hello", NULL},
        {"https://github.com/octo/hello.js/", "octo", "hello.js", NULL},
        {"https://user:token@github.com/octo/hello", "octo", "hello",
         "https://github.com/octo/hello"},
        {"https://ghp_token@github.com/octo/hello", "octo", "hello",
         "https://github.com/octo/hello"},
        {"git@github.com:octo/hello.git", "octo", "hello", NULL},
        {"host:octo/hello", "octo", "hello", NULL},
        {"ssh://git@host:2222/octo/hello.git", "octo", "hello", NULL},
        {"ssh://git:pass@host/octo/hello.git", "octo", "hello", "ssh://git@host/octo/hello.git"},
        {"git://host/a/b/octo/hello.git", "octo", "hello", NULL},
        {"https://host/hello.git", "local", "r", NULL},
        {"file:///srv/git/hello.git", "local", "r", NULL},
        {"/srv/git/hello.git", "local", "r", NULL},
        {"../up:x/hello.git", "local", "r", NULL},
        {"", "local", "r", NULL},
    };
    fixture *f = *state;
    shell(f, "git init -q r; git -C r commit -q --allow-empty -m m");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shell(f, arena_printf(f->a, "git -C r config remote.origin.url '%s'", cases[i].url).ptr);
        inspect(f, "r");
        assert_str(f->info.owner, cases[i].owner);
        assert_str(f->info.repo, cases[i].repo);
        assert_str(f->info.remote_url, cases[i].shown ? cases[i].shown : cases[i].url);
    }
}

static void what_is_no_working_copy_is_an_error(void **state) {
    fixture *f = *state;
    shell(f, "mkdir plain; git init -q --bare bare");
    assert_int_equal(git_inspect(f->a, at(f, "plain"), &f->info, &f->e), ERR_NOT_FOUND);
    assert_non_null(strstr(f->e.message, "plain' is in no git repository"));
    assert_int_equal(git_inspect(f->a, at(f, "bare"), &f->info, &f->e), ERR_UNSUPPORTED);
    assert_int_equal(git_inspect(f->a, at(f, "absent"), &f->info, &f->e), ERR_NOT_FOUND);
    const char *path = arena_cstr(f->a, str_from(getenv("PATH")));
    setenv("PATH", f->dir, 1);
    assert_int_equal(git_inspect(f->a, at(f, "plain"), &f->info, &f->e), ERR_NOT_FOUND);
    assert_string_equal(f->e.message, "cannot run 'git': there is no such program");
    setenv("PATH", path, 1);
}

static void a_folder_of_another_user_is_an_error_with_the_remedy(void **state) {
    fixture *f = *state;
    if (geteuid() != 0) skip(); /* only root can give a folder away */
    shell(f, "git init -q r; chown -R 12345 r");
    assert_int_equal(git_inspect(f->a, at(f, "r"), &f->info, &f->e), ERR_FAILED);
    assert_non_null(strstr(f->e.message, "safe.directory"));
}

static void the_variables_of_a_hook_do_not_mislead(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; git -C r commit -q --allow-empty -m m; git init -q -b other s");
    setenv("GIT_DIR", at(f, "s/.git"), 1);
    setenv("GIT_INDEX_FILE", "/nonexistent/index", 1);
    inspect(f, "r");
    unsetenv("GIT_DIR");
    unsetenv("GIT_INDEX_FILE");
    assert_string_equal(f->info.root, at(f, "r"));
    assert_str(f->info.branch, "main");
}

static void files_are_those_on_disk_that_are_not_ignored(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; cd r; mkdir -p b/c; echo '*.o' >.gitignore;"
             "touch a gone b/c/d x.o 'b/sp ace' 'q\"\n\xC3\xA9'; ln -s nowhere link; git add .; "
             "git commit -qm m;"
             "rm gone; touch new new.o; git add -f x.o");
    assert_str(files(f, "r"), ".gitignore a b/c/d b/sp ace link new q\"\n\xC3\xA9 x.o");
}

static void a_file_in_conflict_is_listed_once(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; cd r; echo 0 >a; git add .; git commit -qm 0; git checkout -qb other;"
             "echo 1 >a; git commit -qam 1; git checkout -q main; echo 2 >a; git commit -qam 2;"
             "git merge -q other || true");
    assert_str(files(f, "r"), "a");
}

static void submodules_and_nested_repositories_list_their_own_files(void **state) {
    fixture *f = *state;
    shell(f, "git init -q lib; cd lib; echo '*.tmp' >.gitignore; touch code; git add .; git commit "
             "-qm m;"
             "cd ..; git init -q r; cd r; touch top; git submodule --quiet add ../lib ext/lib;"
             "git submodule --quiet add ../lib empty; git add .; git commit -qm m;"
             "git submodule --quiet deinit -f empty;"
             "touch ext/lib/new ext/lib/x.tmp; git init -q nested; touch nested/file");
    assert_str(files(f, "r"), ".gitmodules ext/lib/.gitignore ext/lib/code ext/lib/new "
                              "nested/file top");
}

static void changed_paths_have_both_names_of_a_renamed_file(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; cd r; mkdir d; echo long enough to be found again >d/a; touch b c; "
             "git add .;"
             "git commit -qm 1; git mv d/a d/z; echo 1 >b; rm c; git add -A; git commit -qm 2");
    str head = shell(f, "git -C r rev-parse HEAD"), base = shell(f, "git -C r rev-parse HEAD^");
    assert_str(changed(f, base, head), "b c d/a d/z");
    assert_str(changed(f, head, head), "");
    assert_str(changed(f, STR_EMPTY, base), "b c d/a");
    assert_str(changed(f, STR("0000000000000000000000000000000000000000"), head), "b d/z");
    assert_str(changed(f, STR("1234567890123456789012345678901234567890"), head), "(error)");
    assert_int_equal(f->e.code, ERR_FAILED);
    assert_str(changed(f, STR("--output=x"), head), "(error)");
    assert_int_equal(f->e.code, ERR_INVALID);
}

static void any_command_may_borrow_objects_and_tells_why_it_failed(void **state) {
    fixture *f = *state;
    shell(f, "git init -q r; cd r; echo text >a; git add .; git commit -qm m; cd ..; git init -q s;"
             "git -C r rev-parse HEAD:a >blob");
    const char *const blob[] = {"git", "hash-object", "a", NULL};
    str id, text;
    assert_int_equal(git_run(f->a, at(f, "r"), NULL, blob, &id, &f->e), 0);
    const char *show[] = {"git", "cat-file", "-p", arena_cstr(f->a, str_trim(id)), NULL};
    setenv("GIT_DIR", at(f, "r/.git"), 1);
    assert_int_equal(git_run(f->a, at(f, "s"), NULL, show, &text, &f->e), ERR_FAILED);
    unsetenv("GIT_DIR");
    assert_non_null(strstr(f->e.message, "git says: Not a valid object name"));
    assert_int_equal(git_run(f->a, at(f, "s"), at(f, "r/.git/objects"), show, &text, &f->e), 0);
    assert_str(text, "text\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        GIT_TEST(a_commit_tells_all_about_itself),
        GIT_TEST(a_folder_below_the_root_will_do),
        GIT_TEST(a_repository_without_commits_has_a_branch_and_no_head),
        GIT_TEST(a_detached_head_may_have_a_tag),
        GIT_TEST(a_clone_knows_the_default_branch_of_its_origin),
        GIT_TEST(the_repository_is_named_by_the_url_of_its_origin),
        GIT_TEST(what_is_no_working_copy_is_an_error),
        GIT_TEST(a_folder_of_another_user_is_an_error_with_the_remedy),
        GIT_TEST(the_variables_of_a_hook_do_not_mislead),
        GIT_TEST(files_are_those_on_disk_that_are_not_ignored),
        GIT_TEST(a_file_in_conflict_is_listed_once),
        GIT_TEST(submodules_and_nested_repositories_list_their_own_files),
        GIT_TEST(changed_paths_have_both_names_of_a_renamed_file),
        GIT_TEST(any_command_may_borrow_objects_and_tells_why_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
