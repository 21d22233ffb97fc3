#include "unit.h"

#include "base/fs.h"
#include "base/jail.h"
#include "scan/prune.h"
#include "scan/report.h"
#include "scan/scanner.h"
#include "scan/source.h"
#include "scan/text.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct fixture {
    arena *a;
    char *dir, *cache;
} fixture;

static int setup(void **state) {
    static fixture f;
    f.a = arena_new();
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

static char *at(fixture *f, const char *name) {
    return fs_join(f->a, f->dir, str_from(name));
}

/* Old enough for the cache to trust its times. */
static void put(fixture *f, const char *name, const char *text) {
    char *path = at(f, name);
    char *slash = strrchr(path, '/');
    assert_int_equal(fs_mkdirs(arena_cstr(f->a, (str){path, (size_t)(slash - path)}), 0755, NULL),
                     0);
    assert_int_equal(fs_create(path, str_from(text), 0644, NULL), 0);
}

/* ---- a scanner of the tests' own: "BAD" is a finding, "WRONG" an error, "note:" is noted
 * --------- */

static int read_file(scanner *s, const scan_file *file, scan_out *out, err *e) {
    (void)s;
    if (str_find(file->body, STR("CRASH")) >= 0) _exit(9);
    if (str_starts(file->body, STR("note:"))) strbuf_add(&out->notes, file->body);
    text_lines lines = text_lines_new(out->a, file->body);
    for (size_t from = 0;;) {
        ptrdiff_t found = str_find(str_sub(file->body, from, file->body.len), STR("BAD"));
        if (found < 0) break;
        size_t place = from + (size_t)found;
        finding f = {.kind = STR("test"),
                     .rule = STR("bad"),
                     .level = LEVEL_HIGH,
                     .message = STR("it is bad"),
                     .path = arena_utf8(out->a, file->path)};
        text_place(&lines, place, &f.line, &f.column);
        finding_identify(out->a, &f, arena_printf(out->a, "%u", f.line));
        finding_list_add(&out->findings, &f);
        from = place + 3;
    }
    if (str_find(file->body, STR("WRONG")) >= 0) return err_set(e, ERR_INVALID, "it is wrong");
    return 0;
}

static bool wants_no_skips(const scanner *s, str path) {
    (void)s;
    return !str_ends(path, STR(".skip"));
}

static strbuf noted;
static int note(scanner *s, str path, str notes, err *e) {
    (void)s;
    (void)e;
    strbuf_addf(&noted, "%.*s=%.*s;", STR_ARG(path), STR_ARG(notes));
    return 0;
}

static scan_report scan_source_with(fixture *f, scan_source *source, unsigned jobs,
                                    const char *cache, uint64_t max) {
    scanner s = {.name = "test", .read = read_file, .wants = wants_no_skips, .note = note};
    scanner *all[] = {&s};
    scan_options how = {.jobs = jobs, .cache = cache, .max_file_bytes = max};
    scan_report r;
    err e = {0};
    strbuf_clear(&noted);
    if (scan_run(f->a, source, all, 1, &how, &r, &e) < 0) fail_msg("%s", e.message);
    return r;
}

static scan_report scan(fixture *f, unsigned jobs, const char *cache, uint64_t max) {
    scan_source *source;
    err e = {0};
    if (scan_source_tree(f->a, f->dir, &source, &e) < 0) fail_msg("%s", e.message);
    return scan_source_with(f, source, jobs, cache, max);
}

/* The report as bytes, to compare. */
static str report_of(fixture *f, const scan_report *r) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    report_json(&out, r, &(report_head){.tool = "t", .show_suppressed = true});
    return arena_str(f->a, strbuf_str(&out));
}

static void assert_error(const scan_report *r, const char *path, const char *part) {
    for (size_t i = 0; i < r->errors.count; i++) {
        if (str_is(r->errors.items[i].path, path) &&
            str_find(r->errors.items[i].message, str_from(part)) >= 0)
            return;
    }
    fail_msg("no error of %s: %s (%zu errors)", path, part, r->errors.count);
}

/* ---- rules --------------------------------------------------------------------------------------
 */

static void one_child_and_many_give_the_same_report(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 200; i++)
        put(f, arena_printf(f->a, "d%d/f%d", i % 7, i).ptr,
            i % 11 == 0  ? "x\nBAD WRONG BAD\n"
            : i % 5 == 0 ? "BAD # slipway:ignore[bad] known\n"
                         : "note:x");
    scan_report one = scan(f, 1, NULL, 0);
    str first = report_of(f, &one);
    for (unsigned jobs = 2; jobs < 9; jobs += 3) {
        scan_report many = scan(f, jobs, NULL, 0);
        assert_str(report_of(f, &many), first.ptr);
    }
    assert_int_equal(one.file_count, 200);
}

static void an_empty_folder_is_clean(void **state) {
    fixture *f = *state;
    scan_report r = scan(f, 0, f->cache, 0);
    assert_int_equal(r.file_count + r.findings.count + r.errors.count, 0);
}

static void notes_come_in_the_order_of_files_with_their_paths(void **state) {
    fixture *f = *state;
    put(f, "b", "note:2");
    put(f, "a", "note:1");
    put(f, "c", "note:3");
    scan(f, 3, NULL, 0);
    assert_str(strbuf_str(&noted), "a=note:1;b=note:2;c=note:3;");
}

static void errors_of_a_file_are_told_and_the_scan_goes_on(void **state) {
    fixture *f = *state;
    put(f, "a", "BAD WRONG");
    put(f, "b", "CRASH");
    put(f, "big", "0123456789 0123456789 0123456789 BAD");
    put(f, "c", "BAD");
    put(f, "huge.skip", "0123456789 0123456789 0123456789 BAD");
    scan_report r = scan(f, 2, NULL, 30);
    assert_int_equal(r.findings.count, 2);
    assert_int_equal(r.errors.count, 3);
    assert_error(&r, "a", "it is wrong");
    assert_error(&r, "b", "its reader crashed");
    assert_error(&r, "big", "--max-file-size");
}

static void links_are_not_followed_and_other_things_not_read(void **state) {
    fixture *f = *state;
    put(f, "d/a", "BAD");
    put(f, "x.skip", "BAD");
    assert_int_equal(symlink("..", at(f, "d/up")), 0);
    assert_int_equal(symlink("a", at(f, "d/b")), 0);
    assert_int_equal(symlink("nowhere", at(f, "d/c")), 0);
    assert_int_equal(symlink("loop", at(f, "d/loop")), 0);
    assert_int_equal(mkfifo(at(f, "pipe"), 0600), 0);
    scan_report r = scan(f, 1, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_int_equal(r.errors.count, 0);
}

static void files_that_vanish_are_no_errors(void **state) {
    fixture *f = *state;
    scan_source *source;
    err e = {0};
    put(f, "a", "BAD");
    put(f, "b", "BAD");
    put(f, "c", "BAD");
    assert_int_equal(scan_source_tree(f->a, f->dir, &source, &e), 0);
    assert_int_equal(unlink(at(f, "a")), 0);
    assert_int_equal(unlink(at(f, "b")), 0);
    assert_int_equal(symlink("c", at(f, "b")), 0);
    scan_report r = scan_source_with(f, source, 1, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_int_equal(r.errors.count, 0);
}

static void what_may_not_be_read_is_told(void **state) {
    fixture *f = *state;
    if (geteuid() == 0) skip(); /* root may read everything */
    put(f, "a", "BAD");
    put(f, "b", "BAD");
    put(f, "d/c", "BAD");
    assert_int_equal(chmod(at(f, "a"), 0), 0);
    assert_int_equal(chmod(at(f, "d"), 0), 0);
    scan_report r = scan(f, 1, NULL, 0);
    assert_int_equal(chmod(at(f, "d"), 0755), 0);
    assert_int_equal(r.findings.count, 1);
    assert_error(&r, "a", "Permission denied");
    assert_error(&r, "d", "Permission denied");
}

static void folders_that_lie_too_deep_are_told(void **state) {
    fixture *f = *state;
    _cleanup_strbuf_ strbuf deep = STRBUF_INIT;
    for (int i = 0; i < 210; i++)
        strbuf_adds(&deep, "d/");
    strbuf_adds(&deep, "a");
    put(f, strbuf_cstr(&deep), "BAD");
    put(f, "b", "BAD");
    scan_report r = scan(f, 1, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_int_equal(r.errors.count, 1);
    assert_true(str_find(r.errors.items[0].message, STR("200 folders deep")) >= 0);
}

static void names_that_are_no_utf8_are_shown_as_well_as_they_can(void **state) {
    fixture *f = *state;
    put(f, "a\xff\xfe", "BAD");
    put(f, "b\xff", "WRONG");
    put(f, "c\xff", "CRASH");
    scan_report r = scan(f, 1, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_str(r.findings.items[0].path, "a\xef\xbf\xbd\xef\xbf\xbd");
    assert_error(&r, "b\xef\xbf\xbd", "it is wrong");
    assert_error(&r, "c\xef\xbf\xbd", "its reader crashed");
}

static void paths_may_begin_above_the_folder(void **state) {
    fixture *f = *state;
    scan_source *source;
    err e = {0};
    put(f, "d/a", "BAD");
    assert_int_equal(scan_source_tree_at(f->a, at(f, "d"), STR("x/d/"), &source, &e), 0);
    scan_report r = scan_source_with(f, source, 1, NULL, 0);
    assert_str(r.findings.items[0].path, "x/d/a");
    assert_int_equal(scan_source_tree_at(f->a, at(f, "d/a"), STR("x/d/"), &source, &e), 0);
    r = scan_source_with(f, source, 1, NULL, 0);
    assert_str(r.findings.items[0].path, "x/d/a");
}

static void a_list_of_files_may_have_some_that_are_not_there(void **state) {
    fixture *f = *state;
    const scan_input files[] = {
        {.path = STR_INIT("a")}, {.path = STR_INIT("gone")}, {.path = STR_INIT("d")}};
    scan_source *source;
    err e = {0};
    put(f, "a", "BAD");
    put(f, "d/b", "BAD");
    assert_int_equal(scan_source_files(f->a, f->dir, files, 3, &source, &e), 0);
    scan_report r = scan_source_with(f, source, 1, NULL, 0);
    assert_int_equal(r.findings.count, 1);
    assert_int_equal(r.errors.count, 0);
}

static void more_findings_than_the_limit_are_told_of(void **state) {
    fixture *f = *state;
    _cleanup_strbuf_ strbuf body = STRBUF_INIT;
    for (int i = 0; i < 40000; i++)
        strbuf_adds(&body, "BAD\n");
    put(f, "a", strbuf_cstr(&body));
    put(f, "b", strbuf_cstr(&body));
    put(f, "c", strbuf_cstr(&body));
    scan_report r = scan(f, 2, NULL, 0);
    assert_int_equal(r.findings.count, SCAN_FINDINGS_MAX);
    assert_int_equal(r.errors.count, 1);
    assert_error(&r, "", "more than 100000 findings");
}

static void what_only_its_order_tells_apart_has_a_fingerprint_of_its_own(void **state) {
    fixture *f = *state;
    finding_list all = {.a = f->a}, fewer = {.a = f->a};
    const char *const identities[] = {"x", "y", "x", "x"};
    for (size_t i = 0; i < 4; i++) {
        finding one = {.kind = STR("k"), .rule = STR("r"), .path = STR("p")};
        finding_identify(f->a, &one, str_from(identities[i]));
        finding_list_add(&all, &one);
        if (i < 3) finding_list_add(&fewer, &one);
    }
    findings_number(&all);
    findings_number(&fewer);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(all.items[i].fingerprint, all.items[k].fingerprint));
        if (i < 3) assert_true(str_eq(all.items[i].fingerprint, fewer.items[i].fingerprint));
    }
}

/* ---- the cache ----------------------------------------------------------------------------------
 */

/* Files that were written just now may change again without showing it. */
static void make_old(fixture *f, const char *name) {
    struct timeval old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimes(at(f, name), old), 0);
}

/* A source whose keys are the texts: it need not wait for files to age. */
static bool text_key(const scan_source *s, size_t item, uint8_t ret[SCAN_KEY_BYTES]) {
    str path = s->path(s, item);
    memset(ret, 0, SCAN_KEY_BYTES);
    memcpy(ret, path.ptr, path.len < SCAN_KEY_BYTES ? path.len : SCAN_KEY_BYTES);
    return true;
}

static const scan_input texts[] = {
    {STR_INIT("a"), STR_INIT("BAD # slipway:ignore[bad] known\n"), NULL},
    {STR_INIT("b"), STR_INIT("BAD\n"), NULL},
    {STR_INIT("c"), STR_INIT("note:c"), NULL},
    {STR_INIT("d"), STR_INIT("fine"), NULL},
    {STR_INIT("e"), STR_INIT("WRONG"), NULL}};

static scan_report scan_cached(fixture *f) {
    scan_source *source = scan_source_texts(f->a, texts, 5);
    source->key = text_key;
    return scan_source_with(f, source, 2, f->cache, 0);
}

static void what_is_cached_gives_the_same_report(void **state) {
    fixture *f = *state;
    scan_report first = scan_cached(f);
    assert_int_equal(first.cached, 0);
    scan_report second = scan_cached(f);
    assert_int_equal(second.cached, 4); /* what had an error is read again */
    assert_str(report_of(f, &second), report_of(f, &first).ptr);
    assert_str(strbuf_str(&noted), "c=note:c;");
    assert_int_equal(second.findings.items[0].suppressed, SUPPRESSED_IN_SOURCE);
}

static void every_damage_of_a_cache_is_noticed(void **state) {
    fixture *f = *state;
    fs_entry *entries;
    size_t count;
    str whole;
    scan_report first = scan_cached(f);
    str expected = report_of(f, &first);
    assert_int_equal(fs_list(f->a, f->cache, &entries, &count, NULL), 0);
    assert_int_equal(count, 1);
    char *path = fs_join(f->a, f->cache, entries[0].name);
    assert_int_equal(fs_read(f->a, path, 1 << 20, &whole, NULL), 0);
    for (size_t i = 0; i < whole.len; i += 41) {
        char *copy = arena_cstr(f->a, whole);
        copy[i] ^= 0x55;
        bool cut = i % 2;
        assert_int_equal(fs_create(path, (str){copy, cut ? i : whole.len}, 0600, NULL), 0);
        scan_report r = scan_cached(f);
        assert_int_equal(r.cached, 0);
        assert_str(report_of(f, &r), expected.ptr);
    }
}

static void a_cache_that_cannot_be_written_is_no_error(void **state) {
    fixture *f = *state;
    char *folder = f->cache;
    f->cache = "/dev/null/nothing";
    scan_report r = scan_cached(f);
    f->cache = folder;
    assert_int_equal(r.findings.count, 2);
}

static void a_file_that_was_just_written_is_not_cached(void **state) {
    fixture *f = *state;
    put(f, "a", "BAD");
    make_old(f, "a"); /* the time of its change cannot be set */
    scan(f, 1, f->cache, 0);
    scan_report r = scan(f, 1, f->cache, 0);
    assert_int_equal(r.cached, 0);
    assert_int_equal(r.findings.count, 1);
}

/* A kernel without Landlock, as a process sees it. */
static bool hide_landlock(void) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    bool hidden =
        ctx &&
        seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
        seccomp_load(ctx) == 0;
    seccomp_release(ctx);
    return hidden;
}

static void without_landlock_a_scan_says_so(void **state) {
    fixture *f = *state;
    put(f, "a", "BAD");
    scan_report r = scan(f, 1, NULL, 0);
    assert_int_equal(r.warnings.count, landlock_abi() < LANDLOCK_NEEDED);
    pid_t pid = fork();
    if (pid == 0) {
        if (!hide_landlock()) _exit(1);
        r = scan(f, 1, NULL, 0);
        bool told = r.warnings.count == 1 && r.findings.count == 1 &&
                    str_find(r.warnings.items[0].message, STR("no Landlock")) >= 0;
        _exit(told ? 0 : 2);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- what the cache may hold -------------------------------------------------------------------
 */

#define DAY     86400
#define NOW     ((time_t)1700000000)
#define DIGEST1 "00112233445566778899aabbccddeeff"
#define DIGEST2 "ffeeddccbbaa99887766554433221100"

static void put_kept(fixture *f, const char *name, size_t bytes, time_t used) {
    const char *path = fs_join(f->a, f->cache, str_from(name));
    struct timeval times[2] = {{.tv_sec = used}, {.tv_sec = used}};
    char *slash = strrchr(path, '/');
    assert_int_equal(fs_mkdirs(arena_cstr(f->a, (str){path, (size_t)(slash - path)}), 0700, NULL),
                     0);
    assert_int_equal(fs_create(path, (str){arena_calloc(f->a, bytes, 1), bytes}, 0600, NULL), 0);
    assert_int_equal(utimes(path, times), 0);
}

static bool is_kept(fixture *f, const char *name) {
    return fs_exists(fs_join(f->a, f->cache, str_from(name)));
}

static void what_no_scan_has_used_for_long_is_forgotten(void **state) {
    fixture *f = *state;
    put_kept(f, DIGEST1 "/" DIGEST1, 10, NOW - 30 * DAY);
    put_kept(f, DIGEST1 "/" DIGEST2, 10, NOW - 31 * DAY);
    put_kept(f, DIGEST2 "/" DIGEST1, 10, NOW - 40 * DAY);
    put_kept(f, DIGEST1 "/other", 10, NOW - 40 * DAY);
    put_kept(f, "other/" DIGEST1, 10, NOW - 40 * DAY);
    scan_prune(f->cache, 1000, 30 * DAY, NOW);
    assert_true(is_kept(f, DIGEST1 "/" DIGEST1));
    assert_false(is_kept(f, DIGEST1 "/" DIGEST2));
    assert_false(is_kept(f, DIGEST2));
    assert_true(is_kept(f, DIGEST1 "/other"));
    assert_true(is_kept(f, "other/" DIGEST1));
}

static void what_was_used_longest_ago_goes_when_there_is_too_much(void **state) {
    fixture *f = *state;
    put_kept(f, DIGEST1 "/" DIGEST1, 400, NOW - 3 * DAY);
    put_kept(f, DIGEST1 "/" DIGEST2, 400, NOW - 1 * DAY);
    put_kept(f, DIGEST2 "/" DIGEST1, 400, NOW - 2 * DAY);
    scan_prune(f->cache, 1000, 30 * DAY, NOW);
    assert_false(is_kept(f, DIGEST1 "/" DIGEST1));
    assert_true(is_kept(f, DIGEST1 "/" DIGEST2));
    assert_true(is_kept(f, DIGEST2 "/" DIGEST1));
}

static void a_cache_is_pruned_once_a_day(void **state) {
    fixture *f = *state;
    int64_t now = time(NULL);
    assert_true(scan_prune_due(f->cache, now));
    assert_false(scan_prune_due(f->cache, now + DAY / 2));
    assert_true(scan_prune_due(f->cache, now + DAY + 60));
    assert_true(scan_prune_due(f->cache, now - DAY)); /* a clock that was wrong */
    assert_false(scan_prune_due("/dev/null/nothing", now));
}

static void a_cache_that_is_used_is_not_forgotten(void **state) {
    fixture *f = *state;
    fs_entry *entries;
    size_t count;
    scan_cached(f);
    assert_int_equal(fs_list(f->a, f->cache, &entries, &count, NULL), 0);
    assert_int_equal(count, 1);
    char *path = fs_join(f->a, f->cache, entries[0].name);
    struct timeval old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    struct stat st;
    assert_int_equal(utimes(path, old), 0);
    scan_cached(f);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_mtim.tv_sec > 1000000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_child_and_many_give_the_same_report),
        TEST(an_empty_folder_is_clean),
        TEST(notes_come_in_the_order_of_files_with_their_paths),
        TEST(errors_of_a_file_are_told_and_the_scan_goes_on),
        TEST(links_are_not_followed_and_other_things_not_read),
        TEST(files_that_vanish_are_no_errors),
        TEST(what_may_not_be_read_is_told),
        TEST(folders_that_lie_too_deep_are_told),
        TEST(names_that_are_no_utf8_are_shown_as_well_as_they_can),
        TEST(paths_may_begin_above_the_folder),
        TEST(a_list_of_files_may_have_some_that_are_not_there),
        TEST(what_only_its_order_tells_apart_has_a_fingerprint_of_its_own),
        TEST(more_findings_than_the_limit_are_told_of),
        TEST(what_is_cached_gives_the_same_report),
        TEST(every_damage_of_a_cache_is_noticed),
        TEST(a_cache_that_cannot_be_written_is_no_error),
        TEST(a_file_that_was_just_written_is_not_cached),
        TEST(without_landlock_a_scan_says_so),
        TEST(what_no_scan_has_used_for_long_is_forgotten),
        TEST(what_was_used_longest_ago_goes_when_there_is_too_much),
        TEST(a_cache_is_pruned_once_a_day),
        TEST(a_cache_that_is_used_is_not_forgotten),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    strbuf_done(&noted);
    return r;
}
