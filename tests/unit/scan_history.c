#include "unit.h"

#include "base/fs.h"
#include "base/process.h"
#include "scan/history.h"
#include "scan/history_walk.h"
#include "scan/scanner.h"
#include "scan/source.h"
#include "scan/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    arena *a;
    char *dir, *cache;
    scan_history history;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.a = arena_new()};
    *state = &f;
    if (fs_temp_dir(f.a, "slipway-test-", &f.dir, NULL) < 0 ||
        fs_temp_dir(f.a, "slipway-cache-", &f.cache, NULL) < 0)
        return -1;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    int r = fs_remove(f->dir, NULL) + fs_remove(f->cache, NULL);
    arena_free(f->a);
    return r;
}

/* In the fixture's folder; `commit` there takes a name of an author and commits everything, each
 * commit a minute after the one before it. */
static void sh(fixture *f, const char *script) {
    static const char *const begin =
        "set -e; new() { git init -q -b main \"$1\"; cd \"$1\"; }\n"
        "tick=1700000000; commit() { tick=$((tick+60)); git add -A; "
        "GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$1@example.com GIT_COMMITTER_NAME=c "
        "GIT_COMMITTER_EMAIL=c@example.com GIT_AUTHOR_DATE=\"$tick +0200\" "
        "GIT_COMMITTER_DATE=\"$tick +0000\" git commit -q --allow-empty -m \"$1\"; }\n"
        "merge() { GIT_AUTHOR_NAME=m GIT_AUTHOR_EMAIL=m GIT_COMMITTER_NAME=m GIT_COMMITTER_EMAIL=m "
        "git merge -q --no-edit --no-ff \"$@\"; }\n";
    const char *argv[] = {"sh", "-c", arena_printf(f->a, "%s%s", begin, script).ptr, NULL};
    const char *settings =
        fs_join(f->a, f->cache, STR("gitconfig")); /* git writes into such a file */
    if (!fs_exists(settings)) assert_int_equal(fs_create(settings, STR_EMPTY, 0600, NULL), 0);
    const char *const env[] = {arena_printf(f->a, "GIT_CONFIG_GLOBAL=%s", settings).ptr,
                               "GIT_AUTHOR_NAME=a",
                               "GIT_AUTHOR_EMAIL=a",
                               "GIT_COMMITTER_NAME=c",
                               "GIT_COMMITTER_EMAIL=c",
                               "GIT_DIR",
                               "GIT_INDEX_FILE",
                               "GIT_WORK_TREE",
                               NULL};
    process_spec spec = {.argv = argv, .env = env, .cwd = f->dir};
    err e = {0};
    if (process_check(f->a, &spec, NULL, &e) < 0) fail_msg("%s", e.message);
}

/* "BAD" and the word after it is a finding; the word is what it is. */
static int read_file(scanner *s, const scan_file *file, scan_out *out, err *e) {
    (void)s;
    (void)e;
    text_lines lines = text_lines_new(out->a, file->body);
    for (uint32_t i = 1; i <= lines.count; i++) {
        str line = text_line(&lines, i), word, rest;
        if (!str_starts(line, STR("BAD "))) continue;
        str_cut(str_sub(line, 4, line.len), ' ', &word, &rest);
        finding f = {.kind = STR("test"),
                     .rule = STR("bad"),
                     .level = LEVEL_HIGH,
                     .message = arena_str(out->a, line),
                     .path = arena_utf8(out->a, file->path),
                     .line = i,
                     .column = 1,
                     .properties = value_object_new(out->a, true)};
        value_set_str(out->a, &f.properties, SCAN_IDENTITY, arena_str(out->a, word));
        finding_identify(out->a, &f, arena_printf(out->a, "%u", i));
        finding_list_add(&out->findings, &f);
    }
    return 0;
}

static int open_history(fixture *f, const char *name, const char *below, const char *since,
                        err *e) {
    return scan_source_history(f->a, fs_join(f->a, f->dir, str_from(name)), str_from(below), since,
                               NULL, &f->history, e);
}

static scan_report scan_opened(fixture *f, const char *cache, uint64_t max) {
    scanner s = {.name = "test", .read = read_file};
    scanner *all[] = {&s};
    scan_options how = {.jobs = 2, .cache = cache, .max_file_bytes = max};
    scan_report r;
    err e = {0};
    if (scan_run(f->a, f->history.source, all, 1, &how, &r, &e) < 0) fail_msg("%s", e.message);
    return r;
}

static scan_report scan(fixture *f, const char *name) {
    err e = {0};
    if (open_history(f, name, "", NULL, &e) < 0) fail_msg("%s", e.message);
    return scan_opened(f, NULL, 0);
}

static const finding *find(const scan_report *r, const char *message) {
    for (size_t i = 0; i < r->findings.count; i++) {
        if (str_is(r->findings.items[i].message, message)) return &r->findings.items[i];
    }
    fail_msg("there is no finding '%s'", message);
    return NULL;
}

static void assert_error(const scan_report *r, const char *part) {
    for (size_t i = 0; i < r->errors.count; i++) {
        if (str_find(r->errors.items[i].message, str_from(part)) >= 0) return;
    }
    fail_msg("no error says '%s'", part);
}

static double occurrences(const finding *f) {
    const value *n = value_get(&f->properties, STR("occurrences"));
    return n ? n->number : 1;
}

/* ---- whose it is ---------------------------------------------------------------------------- */

static void a_finding_has_the_commit_that_brought_it(void **state) {
    fixture *f = *state;
    sh(f,
       "new r; echo good > a; commit ann; mkdir d; echo BAD one > d/b; commit bob; git rm -q d/b; "
       "commit cyd; git gc -q");
    scan_report r = scan(f, "r");
    assert_int_equal(r.findings.count, 1);
    const finding *one = find(&r, "BAD one");
    assert_true(str_is(one->path, "d/b"));
    assert_true(str_is(one->author, "bob"));
    assert_true(str_is(one->email, "bob@example.com"));
    assert_true(str_is(one->date, "2023-11-15T00:15:20+02:00"));
    assert_int_equal(one->commit.len, 40);
    assert_int_equal(f->history.commits, 3);
    assert_int_equal(f->history.source->warning_count, 0);
}

static void versions_of_one_file_give_one_finding_of_the_oldest(void **state) {
    fixture *f = *state;
    sh(f,
       "new r; echo BAD one > a; commit ann; for i in 1 2 3 4; do sed -i \"1i line $i\" a; commit "
       "bob; done; echo BAD two >> a; commit cyd; git gc -q");
    scan_report r = scan(f, "r");
    assert_int_equal(r.findings.count, 2);
    assert_true(str_is(find(&r, "BAD one")->author, "ann"));
    assert_int_equal(find(&r, "BAD one")->line, 1);
    assert_int_equal((int)occurrences(find(&r, "BAD one")), 6);
    assert_true(str_is(find(&r, "BAD two")->author, "cyd"));
    assert_int_equal((int)occurrences(find(&r, "BAD two")), 1);
}

static void the_newest_comment_suppresses(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD one > a; echo 'BAD two slipway:ignore' > b; commit ann; echo 'BAD one "
          "slipway:ignore' > a; echo BAD two > b; commit bob; git gc -q");
    scan_report r = scan(f, "r");
    const finding *one = find(&r, "BAD one");
    assert_int_equal(one->suppressed, SUPPRESSED_IN_SOURCE);
    assert_true(str_is(one->author, "ann"));
    assert_int_equal(find(&r, "BAD two slipway:ignore")->suppressed, SUPPRESSED_NOT);
}

static void what_a_merge_itself_brings_is_the_merges(void **state) {
    fixture *f = *state;
    sh(f,
       "new r; echo x > a; commit ann; git checkout -q -b side; echo BAD side > s; commit bob; "
       "git checkout -q main; echo y > a; commit cyd; merge --no-commit side; echo BAD merge > m; "
       "commit dan");
    scan_report r = scan(f, "r");
    assert_true(str_is(find(&r, "BAD side")->author, "bob"));
    assert_true(str_is(find(&r, "BAD merge")->author, "dan"));
}

static void a_renamed_file_is_the_same_file(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD one > a; commit ann; git mv a b; commit bob");
    scan_report r = scan(f, "r");
    assert_int_equal(r.file_count, 1);
    assert_true(str_is(find(&r, "BAD one")->path, "a"));
}

/* ---- what is read --------------------------------------------------------------------------- */

static void all_refs_are_read(void **state) {
    fixture *f = *state;
    sh(f,
       "new r; echo x > a; commit ann; git checkout -q -b side; echo BAD branch > b; commit ann; "
       "git checkout -q --detach main; echo BAD tag > t; commit ann; git tag -m t v1; "
       "git checkout -q --detach main; echo BAD head > h; commit ann; "
       "git worktree add -q --detach ../w main; cd ../w; echo BAD worktree > w; commit ann; "
       "cd ../r; "
       "echo BAD stash > a; git stash -q; "
       "git tag blob \"$(echo BAD blob | git hash-object -w --stdin)\"; "
       "echo BAD unreachable | git hash-object -w --stdin");
    scan_report r = scan(f, "r");
    assert_int_equal(r.findings.count, 6);
    assert_int_equal(r.errors.count, 0);
    find(&r, "BAD branch"), find(&r, "BAD tag"), find(&r, "BAD head"), find(&r, "BAD worktree");
    find(&r, "BAD stash");
    assert_int_equal(find(&r, "BAD blob")->commit.len, 0);
    r = scan(f, "w");
    assert_int_equal(r.findings.count, 6);
}

static void links_and_submodules_are_no_files(void **state) {
    fixture *f = *state;
    sh(f, "new sub; echo BAD sub > s; commit ann; cd ..; new r; ln -s 'BAD link' l; echo BAD file "
          "> f; "
          "git -c protocol.file.allow=always submodule --quiet add ../sub m; commit bob");
    scan_report r = scan(f, "r");
    assert_int_equal(r.findings.count, 1);
    find(&r, "BAD file");
    assert_int_equal(r.errors.count, 0);
}

static void names_may_be_any_bytes(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD odd > \"$(printf 'a\\377\\nb')\"; commit ann");
    scan_report r = scan(f, "r");
    assert_true(str_is(find(&r, "BAD odd")->path, "a\xEF\xBF\xBD\nb"));
}

static void only_what_is_below_a_path(void **state) {
    fixture *f = *state;
    sh(f, "new r; mkdir -p d/e dd; echo BAD in > d/e/a; echo BAD out > dd/b; echo BAD same > c; cp "
          "c d/c; "
          "commit ann; git rm -q -r d; commit bob");
    err e = {0};
    assert_int_equal(open_history(f, "r", "d", NULL, &e), 0);
    scan_report r = scan_opened(f, NULL, 0);
    assert_int_equal(r.findings.count, 2);
    assert_true(str_is(find(&r, "BAD in")->path, "d/e/a"));
    assert_true(str_is(find(&r, "BAD same")->path, "d/c"));
    assert_int_equal(open_history(f, "r", "d/e/a", NULL, &e), 0);
    r = scan_opened(f, NULL, 0);
    assert_int_equal(r.findings.count, 1);
}

static void since_a_commit_only_what_came_after_it(void **state) {
    fixture *f = *state;
    sh(f,
       "new r; echo BAD old > a; commit ann; git checkout -q -b topic; echo BAD new > b; cp a c; "
       "commit bob; git rm -q b; commit cyd; git checkout -q main; echo BAD other > o; commit dan; "
       "git checkout -q topic");
    err e = {0};
    if (open_history(f, "r", "", "main", &e) < 0) fail_msg("%s", e.message);
    scan_report r = scan_opened(f, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_true(str_is(find(&r, "BAD new")->author, "bob"));
    assert_int_equal(f->history.commits, 2);
    assert_int_equal(open_history(f, "r", "", "nothing", &e), ERR_INVALID);
}

static void alternates_and_bare_repositories_are_read(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD old > a; commit ann; git gc -q; cd ..; git clone -q -s r s; cd s; "
          "echo BAD new > b; commit bob; cd ..; git clone -q -s --bare s b.git");
    scan_report r = scan(f, "s");
    assert_int_equal(r.errors.count, 0);
    find(&r, "BAD old"), find(&r, "BAD new");
    r = scan(f, "b.git");
    assert_int_equal(r.errors.count, 0);
    find(&r, "BAD old"), find(&r, "BAD new");
}

static void a_repository_without_commits_has_no_files(void **state) {
    fixture *f = *state;
    sh(f, "new r");
    scan_report r = scan(f, "r");
    assert_int_equal(r.file_count, 0);
    assert_int_equal(r.errors.count, 0);
}

static void what_was_read_is_not_read_again(void **state) {
    fixture *f = *state;
    err e = {0};
    sh(f, "new r; echo BAD old > a; echo x > b; commit ann; git gc -q");
    assert_int_equal(open_history(f, "r", "", NULL, &e), 0);
    scan_report first = scan_opened(f, f->cache, 0);
    assert_int_equal(first.cached, 0);
    sh(f, "cd r; tick=1700001000; echo y > b; commit bob; git gc -q");
    assert_int_equal(open_history(f, "r", "", NULL, &e), 0);
    scan_report again = scan_opened(f, f->cache, 0);
    assert_int_equal(again.file_count, 3);
    assert_int_equal(again.cached, 2);
    assert_true(str_is(find(&again, "BAD old")->author, "ann"));
}

/* ---- what is not there, or spoilt ------------------------------------------------------------ */

static void a_shallow_clone_is_told(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD old > a; commit ann; echo BAD new > a; commit bob; cd ..; "
          "git clone -q --depth 1 \"file://$PWD/r\" s");
    scan_report r = scan(f, "s");
    assert_int_equal(r.findings.count, 1);
    assert_int_equal(r.errors.count, 0);
    assert_int_equal(f->history.source->warning_count, 1);
    assert_true(str_find(f->history.source->warnings[0], STR("shallow")) >= 0);
}

static void a_partial_clone_is_told(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD old > a; commit ann; echo BAD new > a; commit bob; "
          "git config uploadpack.allowFilter true; cd ..; "
          "git clone -q --filter=blob:none \"file://$PWD/r\" s");
    scan_report r = scan(f, "s");
    find(&r, "BAD new");
    assert_int_equal(r.errors.count, 1);
    assert_true(str_find(r.errors.items[0].message, STR("1 object")) >= 0);
}

static void a_spoilt_object_costs_only_itself(void **state) {
    fixture *f = *state;
    sh(f, "new r; echo BAD one > a; mkdir d; echo BAD two > d/b; echo BAD three > c; commit ann; "
          "spoil() { p=$(git rev-parse $1 | sed 's,^..,.git/objects/&/,'); chmod +w $p; "
          "printf garbage > $p; }; spoil HEAD:a; spoil HEAD:d; "
          "rm -f $(git rev-parse HEAD:c | sed 's,^..,.git/objects/&/,')");
    scan_report r = scan(f, "r");
    assert_int_equal(r.findings.count, 0);
    assert_int_equal(r.errors.count, 3);
    assert_error(&r, "its version ");
    assert_error(&r, "('d') of the history: it cannot be read");
    assert_error(&r, "('c') of the history: it is missing");
}

static void a_large_file_is_an_error(void **state) {
    fixture *f = *state;
    err e = {0};
    sh(f, "new r; head -c 3000000 /dev/zero > big; echo BAD one > a; commit ann; git gc -q");
    assert_int_equal(open_history(f, "r", "", NULL, &e), 0);
    scan_report r = scan_opened(f, NULL, 2 << 20);
    assert_int_equal(r.errors.count, 1);
    assert_true(str_is(r.errors.items[0].path, "big"));
    assert_error(&r, "is larger than 2 MiB (--max-file-size)");
    find(&r, "BAD one");
}

static void what_cannot_be_read_at_all_is_an_error(void **state) {
    fixture *f = *state;
    err e = {0};
    sh(f, "git init -q --object-format=sha256 s; mkdir plain");
    assert_int_equal(open_history(f, "s", "", NULL, &e), ERR_UNSUPPORTED);
    assert_non_null(strstr(e.message, "sha256"));
    assert_int_equal(open_history(f, "plain", "", NULL, &e), ERR_NOT_FOUND);
}

static void a_list_that_was_cut_is_not_believed(void **state) {
    fixture *f = *state;
    history_blob blobs[] = {{.commit = 0, .path = 0}, {.commit = IDMAP_NONE, .path = 1}};
    history_commit commits[] = {{.person = 0}};
    str paths[] = {STR("a"), STR("b/c")}, persons[] = {STR("n <m>")}, problems[] = {STR("p")};
    history_list list = {.blobs = blobs,
                         .commits = commits,
                         .paths = paths,
                         .persons = persons,
                         .problems = problems,
                         .blob_count = 2,
                         .commit_count = 1,
                         .path_count = 2,
                         .person_count = 1,
                         .problem_count = 1},
                 back;
    _cleanup_strbuf_ strbuf bytes = STRBUF_INIT;
    history_list_write(&bytes, &list);
    assert_int_equal(history_list_read(f->a, strbuf_str(&bytes), &back, NULL), 0);
    assert_true(str_is(back.paths[1], "b/c"));
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(history_list_read(f->a, str_sub(strbuf_str(&bytes), 0, n), &back, NULL),
                         ERR_FAILED);
    blobs[0].path = 2;
    strbuf_clear(&bytes);
    history_list_write(&bytes, &list);
    assert_int_equal(history_list_read(f->a, strbuf_str(&bytes), &back, NULL), ERR_FAILED);
}

int main(void) {
#define HISTORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        HISTORY(a_finding_has_the_commit_that_brought_it),
        HISTORY(versions_of_one_file_give_one_finding_of_the_oldest),
        HISTORY(the_newest_comment_suppresses),
        HISTORY(what_a_merge_itself_brings_is_the_merges),
        HISTORY(a_renamed_file_is_the_same_file),
        HISTORY(all_refs_are_read),
        HISTORY(links_and_submodules_are_no_files),
        HISTORY(names_may_be_any_bytes),
        HISTORY(only_what_is_below_a_path),
        HISTORY(since_a_commit_only_what_came_after_it),
        HISTORY(alternates_and_bare_repositories_are_read),
        HISTORY(a_repository_without_commits_has_no_files),
        HISTORY(what_was_read_is_not_read_again),
        HISTORY(a_shallow_clone_is_told),
        HISTORY(a_partial_clone_is_told),
        HISTORY(a_spoilt_object_costs_only_itself),
        HISTORY(a_large_file_is_an_error),
        HISTORY(what_cannot_be_read_at_all_is_an_error),
        HISTORY(a_list_that_was_cut_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
