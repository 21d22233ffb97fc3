#include "unit.h"

#include "base/fs.h"
#include "base/task.h"
#include "box.h"
#include "sandbox/ns.h"
#include "sandbox/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        str text_ = (text);                                                                        \
        if (str_find(text_, STR(part)) < 0)                                                        \
            fail_msg("\"%.*s\" lacks \"%s\"", STR_ARG(text_), part);                               \
    } while (0)

static void a_job_sees_a_machine_of_its_own(void **state) {
    box b;
    box_open(&b, (sandbox_spec){0});
    assert_str(box_run(&b, "hostname; pwd; cat /proc/1/comm"),
               "runner\n/home/runner/work\nslip:box\n");
    assert_str(box_run(&b, "ls -A /home /tmp /home/runner /run"),
               "/home:\nrunner\n\n/home/runner:\nwork\n\n/run:\nlock\n\n/tmp:\n");
    assert_str(box_run(&b, "echo x > /etc/new && echo x > /tmp/new && echo x > kept; echo $?"),
               geteuid() == 0 ? "0\n" : strbuf_cstr(&b.output));
    box_close(&b);
    assert_false(fs_exists("/etc/new"));
}

/* Root by all of the host's ids or by subordinate ones, else a user with one id. */
static void who_the_job_is(void **state) {
    box b;
    str text;
    err e = {0};
    bool root = geteuid() == 0 || subids_of_user()->usable;
    box_open(&b, (sandbox_spec){0});
    assert_int_equal(sandbox_is_root(b.s), root);
    assert_str(box_run(&b, "id -u"), root ? "0\n" : "1001\n");
    box_run(&b, "mkdir d && touch d/f && chown -R 1234:4321 d && stat -c %u:%g d/f");
    if (root) assert_str(strbuf_str(&b.output), "1234:4321\n");
    assert_int_equal(b.status == 0, root);
    box_run(&b, "touch f && chown 65536 f"); /* of another user */
    if (geteuid() != 0) assert_int_not_equal(b.status, 0);
    const view *v = sandbox_view(b.s);
    assert_int_equal(view_read(v, b.a, NS_ONE_ID, 1000, &text, &e), root ? ERR_NOT_FOUND : 0);
    if (!root) assert_str(str_trim(text), subids_of_user()->why_not);
    box_close(&b); /* removes what belongs to 1234 */
}

static void what_the_job_gives_away_can_be_had_back(void **state) {
    static const char *const left[] = {"work/d", "work/d/e", "work/d/e/f", "work/d/e/l"};
    box b;
    struct stat st;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    box_run(&b, "mkdir -p d/e && touch d/e/f && ln -s /etc/passwd d/e/l && "
                "if chown -hR 1234:4321 d 2> /dev/null; then chmod -R 700 d; fi");
    assert_int_equal(sandbox_reclaim(box_file(&b, "work"), &e), 0);
    for (size_t i = 0; geteuid() != 0 && i < sizeof left / sizeof *left; i++) {
        assert_int_equal(lstat(box_file(&b, left[i]), &st), 0);
        assert_int_equal(st.st_uid, geteuid());
        assert_int_equal(st.st_gid, getegid());
    }
    box_close(&b);
}

static str own_of(arena *a, const char *layer) {
    char target[512];
    const char *link = fs_join(a, layer, STR("own"));
    ssize_t n = readlink(link, target, sizeof target);
    assert_true(n > 0);
    return arena_str(a, (str){target, (size_t)n});
}

static void folders_of_the_users_own_are_made_once(void **state) {
    box b;
    err e = {0};
    if (!subids_of_user()->usable) {
        print_message("not a user with subordinate ids: %s\n", subids_of_user()->why_not);
        skip();
    }
    char dir[] = "/tmp/slipway-own-XXXXXX";
    assert_non_null(mkdtemp(dir));
    _cleanup_arena_ arena *a = arena_new();
    const char *cache = fs_join(a, dir, STR("cache")), *first = fs_join(a, dir, STR("1")),
               *second = fs_join(a, dir, STR("2")), *third = fs_join(a, dir, STR("3"));
    assert_int_equal(sandbox_layer_make(first, cache, &e), 0);
    assert_int_equal(sandbox_layer_make(second, cache, &e), 0);
    assert_str(own_of(a, second), arena_cstr(a, own_of(a, first)));
    assert_true(str_starts(own_of(a, first), str_from(cache)));
    /* Where nothing can be kept, it is made for the one layer. */
    assert_int_equal(sandbox_layer_make(third, "/proc/no/such/folder", &e), 0);
    assert_true(str_starts(own_of(a, third), str_from(third)));
    box_open(&b, (sandbox_spec){.layer = second});
    assert_str(box_run(&b, "cd /usr/share/man && stat -c %u:%g . man1 && touch man1/x.1 && "
                           "echo x >> /etc/environment && rm /usr/bin/env && echo done"),
               "0:0\n0:0\ndone\n");
    box_close(&b);
    assert_int_equal(fs_remove(dir, &e), 0);
}

static void what_is_written_to_work_is_there_outside(void **state) {
    box b;
    str text;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    box_run(&b, "echo mine > note; echo home > ../x");
    assert_int_equal(fs_read(b.a, box_file(&b, "work/note"), 100, &text, &e), 0);
    assert_str(text, "mine\n");
    assert_true(fs_exists(box_file(&b, "home/x")));
    box_close(&b);
}

static void the_view_reads_and_writes_the_jobs_files(void **state) {
    box b;
    str text;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    const view *v = sandbox_view(b.s);
    assert_int_equal(view_write(v, "/tmp/a/b/c", STR("text"), &e), 0);
    assert_str(box_run(&b, "cat /tmp/a/b/c"), "text");
    box_run(&b, "echo long answer > /tmp/out");
    assert_int_equal(view_read(v, b.a, "/tmp/out", 100, &text, &e), 0);
    assert_str(text, "long answer\n");
    assert_int_equal(view_read(v, b.a, "/tmp/out", 3, &text, &e), ERR_LIMIT);
    assert_true(view_is_program(v, "/bin/sh"));
    view_unlink(v, "/tmp/out");
    assert_false(view_exists(v, "/tmp/out"));
    assert_string_equal(view_find_program(v, b.a, "sh", STR("/nowhere:/bin")), "/bin/sh");
    box_close(&b);
}

static int list_inside(void *context, strbuf *out, err *e) {
    arena *a = context;
    fs_entry *entries;
    size_t count;
    if (fs_list(a, "/tmp/folder/there", &entries, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(out, "%.*s ", STR_ARG(entries[i].name));
    return 0;
}

static void hostile_links_lead_nowhere_but_into_the_job(void **state) {
    box b;
    str text;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    const view *v = sandbox_view(b.s);
    char *canary = fs_join(b.a, b.dir, STR("canary"));
    assert_int_equal(fs_write(canary, STR("host"), 0644, &e), 0);
    const char *script =
        arena_printf(b.a,
                     "ln -s %s file; ln -s ../../../../../../../../..%s up; ln -s %s /tmp/folder; "
                     "ln -s /proc/self/root/etc/passwd magic; ln -s loop loop; "
                     "ln -s /proc/self/environ environ; mkfifo pipe; ln -s /dev/zero device",
                     canary, canary, b.dir)
            .ptr;
    box_run(&b, script);
    assert_int_equal(b.status, 0);
    const struct {
        const char *path;
        int code;
    } cases[] = {
        {"/home/runner/work/file", ERR_NOT_FOUND},    {"/home/runner/work/up", ERR_NOT_FOUND},
        {"/tmp/folder/canary", ERR_NOT_FOUND},        {"/home/runner/work/loop", ERR_IO},
        {"/home/runner/work/environ", ERR_NOT_FOUND}, {"/home/runner/work/pipe", ERR_INVALID},
        {"/home/runner/work/device", ERR_INVALID},    {"/home/runner/work", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = view_read(v, b.a, cases[i].path, 1000, &text, &e);
        if (r != cases[i].code) fail_msg("%s: %d, %s", cases[i].path, r, e.message);
    }
    assert_true(view_write(v, "/home/runner/work/file", STR("changed"), &e) < 0);
    assert_has(str_from(e.message), "Too many levels of symbolic links");
    box_run(&b,
            arena_printf(b.a, "mkdir -p %s/there; echo x > %s/there/in-the-job", b.dir, b.dir).ptr);
    assert_int_equal(view_call(v, NULL, b.a, list_inside, b.a, &text, &e), 0);
    assert_str(text, "in-the-job ");
    assert_int_equal(fs_read(b.a, canary, 100, &text, &e), 0);
    assert_str(text, "host");
    assert_false(fs_exists(fs_join(b.a, b.dir, STR("there"))));
    box_close(&b);
}

static void the_environment_of_a_process_is_not_read_through_a_link(void **state) {
    box b;
    str text;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    box_run(&b, "SECRET=x sleep 100 > /dev/null 2>&1 & echo $! > pid; "
                "ln -s /proc/$(cat pid)/environ link; test -e link");
    assert_int_equal(b.status, 0);
    assert_true(view_read(sandbox_view(b.s), b.a, "/home/runner/work/link", 1000, &text, &e) < 0);
    assert_has(str_from(e.message), "Permission denied");
    box_close(&b);
}

static void a_task_enters_the_job_and_has_no_rights_outside(void **state) {
    box b;
    str text;
    err e = {0};
    box_open(&b, (sandbox_spec){0});
    assert_int_equal(view_call(sandbox_view(b.s), "/usr", b.a, list_inside, b.a, &text, &e),
                     ERR_NOT_FOUND);
    box_close(&b);
}

static void each_limit_is_told_by_its_name(void **state) {
    const struct {
        sandbox_limits limits;
        const char *script, *told;
    } cases[] = {
        {{.disk_bytes = 1 << 20}, "head -c 4M /dev/zero > /tmp/x", "(limit 'disk')"},
        {{.disk_bytes = 1 << 20},
         "head -c 4M /dev/zero > x; sleep 100",
         "1 MiB on disk (limit 'disk')"},
        {{.memory_bytes = 32 << 20}, "tail /dev/zero; exit 1", "(limit 'memory')"},
        {{.processes = 20},
         "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done; sleep 1; exit 1",
         "(limit 'processes')"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        box b;
        box_open(&b, (sandbox_spec){.limits = cases[i].limits});
        box_run(&b, cases[i].script);
        if (b.status == 0) fail_msg("'%s' was not stopped", cases[i].script);
        if (str_find(strbuf_str(&b.limits), str_from(cases[i].told)) < 0)
            fail_msg("'%s' was told as '%s'", cases[i].script, strbuf_cstr(&b.limits));
        box_close(&b);
    }
}

static void open_files_and_processors_are_limited(void **state) {
    box b;
    box_open(&b, (sandbox_spec){.limits = {.open_files = 40, .cpus = 1}});
    assert_str(box_run(&b, "ulimit -n; ulimit -Hn; ulimit -c; nproc"), "40\n40\n0\n1\n");
    box_close(&b);
}

static void without_network_there_is_only_lo(void **state) {
    box b;
    box_open(&b, (sandbox_spec){.egress = {.network = SANDBOX_NETWORK_NONE}});
    assert_str(box_run(&b, "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev"), "lo\n");
    box_close(&b);
}

static void mounts_are_read_only(void **state) {
    box b;
    char from[] = "/tmp/slipway-mount-XXXXXX";
    err e = {0};
    assert_non_null(mkdtemp(from));
    assert_int_equal(chmod(from, 0777), 0);
    const sandbox_mount mounts[] = {{from, "/srv/given"}};
    box_open(&b, (sandbox_spec){.mounts = mounts, .mount_count = 1});
    box_run(&b, "test -d /srv/given && echo x 2>&1 > /srv/given/x");
    assert_int_not_equal(b.status, 0);
    assert_has(strbuf_str(&b.output), "Read-only file system");
    box_close(&b);
    assert_int_equal(fs_remove(from, &e), 0);
}

static void orphans_are_told_at_the_close(void **state) {
    box b;
    strbuf told = STRBUF_INIT;
    box_open(&b, (sandbox_spec){0});
    box_run(&b,
            "setsid sleep 100 > /dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done");
    b.told = &told;
    box_close(&b);
    assert_str(strbuf_str(&told), "sleep ");
    strbuf_done(&told);
}

static int pid_named(const char *name) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err ignored = {0};
    assert_int_equal(fs_list(a, "/proc", &entries, &count, &ignored), 0);
    for (size_t i = 0; i < count; i++) {
        str comm;
        const char *path = arena_printf(a, "/proc/%.*s/comm", STR_ARG(entries[i].name)).ptr;
        if (fs_read(a, path, 64, &comm, &ignored) == 0 && str_is(str_trim(comm), name))
            return atoi(arena_cstr(a, entries[i].name));
    }
    return 0;
}

static void commands_are_told_when_process_1_is_killed(void **state) {
    box b;
    char name[16], comm[32];
    snprintf(name, sizeof name, "k%d", (int)getpid() % 1000000);
    snprintf(comm, sizeof comm, "slip:%s", name);
    box_open(&b, (sandbox_spec){.name = name});
    box_run(&b, "true"); /* it has its name now */
    box_start(&b, "sleep 100");
    int pid = pid_named(comm);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (b.exits < 2)
        loop_run(b.l);
    assert_int_equal(b.status, 128 + SIGKILL);
    assert_string_equal(b.problem, "the process that runs the job's commands was killed");
    err e = {0};
    sandbox_process *p;
    const char *const argv[] = {"true", NULL}, *const env[] = {NULL};
    sandbox_command c = {argv, env, "/", NULL, NULL, NULL};
    assert_int_equal(sandbox_start(b.s, &c, &p, &e), ERR_FAILED);
    box_close(&b);
}

static void machines_do_not_see_each_other(void **state) {
    enum { COUNT = 8 };
    box all[COUNT];
    for (int i = 0; i < COUNT; i++)
        box_open(&all[i], (sandbox_spec){0});
    for (int i = 0; i < COUNT; i++)
        box_run(&all[i], "touch /tmp/mine mine; setsid sleep 100 > /dev/null 2>&1 &");
    for (int i = 0; i < COUNT; i++) {
        str text = box_run(&all[i], "ls /tmp; ls; cat /proc/[0-9]*/comm | grep -c sleep");
        assert_str(text, "mine\nmine\n1\n");
    }
    for (int i = 0; i < COUNT; i++)
        box_close(&all[i]);
}

static void a_root_folder_can_be_given(void **state) {
    box b;
    char root[] = "/tmp/slipway-root-XXXXXX";
    err e = {0};
    assert_non_null(mkdtemp(root));
    _cleanup_arena_ arena *a = arena_new();
    assert_int_equal(chmod(root, 0755), 0);
    const char *command =
        arena_printf(a,
                     "cd %s && mkdir bin && p=$(command -v sh) && cp -L $p bin/sh && for l in "
                     "$(ldd $p | grep -o '/[^ ]*'); do mkdir -p .$(dirname $l); cp -Lu $l .$l; "
                     "done && ln -s /etc tmp && echo mine > marker",
                     root)
            .ptr;
    assert_int_equal(system(command), 0);
    box_open(&b, (sandbox_spec){.rootfs = root});
    assert_str(box_run(&b, "read x < /marker; echo $x; test -L /tmp || echo folder; "
                           "test -e /usr/bin/env || echo alone; echo x > /new"),
               "mine\nfolder\nalone\n");
    box_close(&b);
    assert_false(fs_exists(fs_join(a, root, STR("new"))));
    assert_int_equal(fs_remove(root, &e), 0);
}

static void what_cannot_be_made_says_why(void **state) {
    box b;
    const sandbox_mount mounts[] = {{"/no/such/folder", "/srv/given"}};
    box_open(&b, (sandbox_spec){0}); /* skips where there are no namespaces */
    box_close(&b);
    assert_false(box_try(&b, (sandbox_spec){.mounts = mounts, .mount_count = 1}));
    assert_string_equal(b.failed.message,
                        "cannot mount '/no/such/folder': No such file or directory");
    box_close(&b);
}

static int run(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_sees_a_machine_of_its_own),
        cmocka_unit_test(who_the_job_is),
        cmocka_unit_test(what_the_job_gives_away_can_be_had_back),
        cmocka_unit_test(folders_of_the_users_own_are_made_once),
        cmocka_unit_test(what_is_written_to_work_is_there_outside),
        cmocka_unit_test(the_view_reads_and_writes_the_jobs_files),
        cmocka_unit_test(hostile_links_lead_nowhere_but_into_the_job),
        cmocka_unit_test(the_environment_of_a_process_is_not_read_through_a_link),
        cmocka_unit_test(a_task_enters_the_job_and_has_no_rights_outside),
        cmocka_unit_test(each_limit_is_told_by_its_name),
        cmocka_unit_test(open_files_and_processors_are_limited),
        cmocka_unit_test(without_network_there_is_only_lo),
        cmocka_unit_test(mounts_are_read_only),
        cmocka_unit_test(orphans_are_told_at_the_close),
        cmocka_unit_test(commands_are_told_when_process_1_is_killed),
        cmocka_unit_test(machines_do_not_see_each_other),
        cmocka_unit_test(a_root_folder_can_be_given),
        cmocka_unit_test(what_cannot_be_made_says_why),
    };
    err e = {0};
    if (sandbox_init(&e) < 0) fail_msg("%s", e.message);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sandbox_done();
    return failed;
}

int main(void) {
    return box_tests(run);
}
