/* Snapshots of a sandbox's file system. */
#include "unit.h"

#include "base/fs.h"
#include "box.h"
#include "sandbox/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder, *layer; /* of the one job at a time */
static sandbox_means means;

typedef struct fixture {
    arena *a;
    loop *l;
    sandbox *s;
    strbuf output, orphans;
    int status;
    char failure[1024]; /* of the latest order; empty: it went well */
} fixture;

/* ---- one machine --------------------------------------------------------------------------- */

static void on_ready(void *context, const err *e) {
    fixture *f = context;
    if (e) fail_msg("%s", e->message);
    loop_quit(f->l);
}

static void set_up(fixture *f) {
    err e = {0};
    *f = (fixture){.a = arena_new()};
    if (!means.namespaces) skip();
    assert_int_equal(fs_remove(folder, &e), 0);
    assert_int_equal(fs_mkdirs(fs_join(f->a, folder, STR("home")), 0755, &e), 0);
    assert_int_equal(fs_mkdirs(fs_join(f->a, folder, STR("work/tree")), 0755, &e), 0);
    assert_int_equal(loop_new(&f->l, &e), 0);
    sandbox_spec spec = {.backend = SANDBOX_NAMESPACES,
                         .name = "test",
                         .loop = f->l,
                         .folder = folder,
                         .layer = layer,
                         .layered = true,
                         .on_ready = on_ready,
                         .context = f};
    if (sandbox_spawn(&spec, &f->s, &e) < 0) fail_msg("%s", e.message);
    loop_run(f->l);
}

static void on_orphan(void *context, int pid, const char *name) {
    fixture *f = context;
    assert_true(pid > 1);
    strbuf_addf(&f->orphans, "%s ", name);
}

static void tear_down(fixture *f, const char *orphans) {
    sandbox_close(f->s, on_orphan, NULL, f);
    loop_run(f->l);
    assert_str(strbuf_str(&f->orphans), orphans);
    loop_free(f->l);
    strbuf_done(&f->output);
    strbuf_done(&f->orphans);
    arena_free(f->a);
}

static void on_output(void *context, str bytes) {
    strbuf_add(&((fixture *)context)->output, bytes);
}

static void on_exit_quit(void *context, int status, const char *problem) {
    fixture *f = context;
    f->status = status;
    if (problem) fail_msg("%s", problem);
    loop_quit(f->l);
}

static str run(fixture *f, const char *script) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", "HOME=/home/runner", NULL};
    const char *const argv[] = {"bash", "-c", script, NULL};
    sandbox_command c = {argv, env, "/home/runner/work/tree", on_output, on_exit_quit, f};
    sandbox_process *p;
    err e = {0};
    strbuf_clear(&f->output);
    if (sandbox_start(f->s, &c, &p, &e) < 0) fail_msg("%s", e.message);
    loop_run(f->l);
    return strbuf_str(&f->output);
}

static void run_well(fixture *f, const char *script) {
    str said = run(f, script);
    if (f->status) fail_msg("status %d of '%s': %.*s", f->status, script, STR_ARG(said));
}

static void on_kept(void *context, const err *e) {
    fixture *f = context;
    snprintf(f->failure, sizeof f->failure, "%s", e ? e->message : "");
    loop_quit(f->l);
}

typedef int order_fn(sandbox *s, unsigned number, sandbox_kept_fn *done, void *context, err *e);

static void order(fixture *f, order_fn *fn, unsigned number) {
    err e = {0};
    if (fn(f->s, number, on_kept, f, &e) < 0) fail_msg("%s", e.message);
    loop_run(f->l);
}

static void snapshot(fixture *f, unsigned number) {
    order(f, sandbox_snapshot, number);
    assert_string_equal(f->failure, "");
}

static void restore(fixture *f, unsigned number) {
    order(f, sandbox_restore, number);
    assert_string_equal(f->failure, "");
}

/* ---- files --------------------------------------------------------------------------------- */

static const char *const kept[] = {"/home/runner/work/tree",
                                   "/home/runner",
                                   "/tmp",
                                   "/var/tmp",
                                   "/etc",
                                   "/usr/local/bin",
                                   "/opt",
                                   "/var/lib",
                                   "/var/cache",
                                   "/root",
                                   "/srv",
                                   "/var/log"};

/* What a folder holds, told as text: names, kinds, modes and contents. */
#define TELL                                                                                       \
    "cd $D && stat -c '%a' . && find x-* | LC_ALL=C sort | while read -r p; do"                    \
    "  stat -c '%A %n' $p; if [ -L $p ]; then readlink $p; elif [ -f $p ]; then cat $p; fi; done"

static str in_folder(fixture *f, const char *dir, const char *script) {
    return arena_str(f->a, run(f, arena_printf(f->a, "D=%s; %s", dir, script).ptr));
}

static void files_are_as_they_were_at_the_snapshot(void **state) {
    (void)state;
    static const char before[] = "set -e; cd $D; mkdir -p x-d/sub x-gone; echo one > x-f; "
                                 "echo sub > x-d/sub/f; ln -s x-f x-link; echo g > x-gone/g; "
                                 "echo run > x-prog; chmod 755 x-prog";
    static const char after[] =
        "set -e; cd $D; echo two >> x-f; rm -r x-gone; mkdir x-gone; echo new > x-gone/n; "
        "mv x-d/sub/f x-d/moved; rm x-link; ln -s elsewhere x-link; chmod 600 x-prog; "
        "echo more > x-more; mv x-d x-e; touch x-d; chmod 777 .";
    fixture f;
    set_up(&f);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        in_folder(&f, kept[i], before);
        if (f.status) fail_msg("%s: %s", kept[i], strbuf_cstr(&f.output));
    }
    str told[sizeof kept / sizeof *kept];
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        told[i] = in_folder(&f, kept[i], TELL);
    snapshot(&f, 1);
    for (int attempt = 0; attempt < 2; attempt++) {
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
            assert_str(in_folder(&f, kept[i], TELL), arena_cstr(f.a, told[i]));
            in_folder(&f, kept[i], after);
            if (f.status) fail_msg("%s: %s", kept[i], strbuf_cstr(&f.output));
            assert_false(str_eq(in_folder(&f, kept[i], TELL), told[i]));
        }
        restore(&f, 1);
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_str(in_folder(&f, kept[i], TELL), arena_cstr(f.a, told[i]));
    tear_down(&f, "");
}

static void going_back_drops_all_later_snapshots(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    for (unsigned i = 1; i <= 5; i++) {
        run_well(&f, arena_printf(f.a, "echo %u >> log; echo %u > /tmp/f%u; rm -f /tmp/f%u", i, i,
                                  i, i - 2)
                         .ptr);
        snapshot(&f, i);
    }
    assert_str(run(&f, "cat log | tr -d '\\n'; cd /tmp; echo f*"), "12345f4 f5\n");
    restore(&f, 2);
    assert_str(run(&f, "cat log | tr -d '\\n'; cd /tmp; echo f*"), "12f1 f2\n");
    order(&f, sandbox_restore, 3);
    assert_string_equal(f.failure, "there is no snapshot 3");
    run_well(&f, "echo other >> log");
    snapshot(&f, 3);
    run_well(&f, "rm log");
    restore(&f, 3);
    assert_str(run(&f, "cat log"), "1\n2\nother\n");
    restore(&f, 1);
    assert_str(run(&f, "cat log"), "1\n");
    tear_down(&f, "");
}

static void a_file_that_was_deleted_and_made_anew_in_layers(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    run_well(&f, "mkdir d; echo 1 > d/a; echo 1 > d/b");
    snapshot(&f, 1);
    run_well(&f, "rm -r d");
    snapshot(&f, 2);
    run_well(&f, "mkdir d; echo 3 > d/a");
    snapshot(&f, 3);
    assert_str(run(&f, "ls d; cat d/a"), "a\n3\n");
    restore(&f, 3);
    assert_str(run(&f, "ls d; cat d/a"), "a\n3\n");
    restore(&f, 2);
    assert_str(run(&f, "ls"), "");
    restore(&f, 1);
    assert_str(run(&f, "ls d; cat d/a"), "a\nb\n1\n");
    tear_down(&f, "");
}

/* What the host has is in the lowest layer. */
static void system_files_can_be_changed_and_come_back(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    snapshot(&f, 1);
    str before = arena_str(f.a, run(&f, "cat /etc/hosts; ls /usr/bin | wc -l"));
    run_well(&f, "rm /etc/hosts; rm /usr/bin/sudo; echo mine > /etc/x-mine");
    snapshot(&f, 2);
    assert_str(run(&f, "ls /etc/hosts /usr/bin/sudo 2>/dev/null; cat /etc/x-mine"), "mine\n");
    restore(&f, 1);
    assert_str(run(&f, "cat /etc/hosts; ls /usr/bin | wc -l"), arena_cstr(f.a, before));
    assert_str(run(&f, "test -e /etc/x-mine || echo gone"), "gone\n");
    tear_down(&f, "");
}

static void the_view_sees_the_newest_layer(void **state) {
    (void)state;
    fixture f;
    err e = {0};
    str text;
    const char *path = "/home/runner/work/tree/f";
    set_up(&f);
    run_well(&f, "echo 0 > f");
    for (unsigned i = 1; i <= 3; i++) {
        snapshot(&f, i);
        assert_int_equal(view_write(sandbox_view(f.s), path, arena_printf(f.a, "%u", i), &e), 0);
        assert_str(run(&f, "cat f"), arena_printf(f.a, "%u", i).ptr);
    }
    restore(&f, 2);
    assert_int_equal(view_read(sandbox_view(f.s), f.a, path, 100, &text, &e), 0);
    assert_str(text, "1");
    /* What lies below is not written to. */
    assert_false(fs_exists(fs_join(f.a, folder, STR("work/tree/f"))));
    tear_down(&f, "");
}

static void there_are_as_many_snapshots_as_promised(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    for (unsigned i = 1; i <= SANDBOX_SNAPSHOTS_MAX; i++)
        snapshot(&f, i);
    run_well(&f, "echo last > f; echo last > /etc/x-last; ls /usr/bin/env");
    order(&f, sandbox_snapshot, SANDBOX_SNAPSHOTS_MAX + 1);
    assert_string_equal(f.failure, "at most 64 snapshots can be kept of a job");
    assert_str(run(&f, "cat f"), "last\n");
    restore(&f, 1);
    assert_str(run(&f, "test -e f || echo gone"), "gone\n");
    tear_down(&f, "");
}

/* ---- processes ----------------------------------------------------------------------------- */

static void what_was_started_since_is_killed_and_what_was_there_stays(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    run_well(&f, "setsid sleep 1001 > /dev/null 2>&1 & ");
    snapshot(&f, 1);
    run_well(&f,
             "setsid sleep 1002 > /dev/null 2>&1 & (trap '' TERM; sleep 1003) > /dev/null 2>&1 &");
    restore(&f, 1);
    assert_str(run(&f, "ps -eo args | grep -c '^sleep 100'"), "1\n");
    tear_down(&f, "sleep ");
}

static void a_job_cannot_reach_what_is_below(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    snapshot(&f, 1);
    static const char *const tries[] = {
        "umount /proc",          "umount -l /tmp",
        "mount -t tmpfs x /mnt", "ls /proc/$K/root/",
        "ls /proc/$K/cwd/",      "cat /proc/$K/environ",
        "cat /proc/$K/mem",      "nsenter -t $K -m true",
        "unshare -m true",       "for f in /proc/$K/fd/*; do ls $f/ && exit; done; exit 1",
    };
    run_well(&f, "test -n \"$(pgrep slip:layers)\"");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        run(&f, arena_printf(f.a, "K=$(pgrep slip:layers); %s", tries[i]).ptr);
        if (f.status == 0) fail_msg("'%s' went well: %s", tries[i], strbuf_cstr(&f.output));
    }
    assert_str(run(&f, "grep -E 'Cap(Eff|Bnd)' /proc/self/status | grep -c '2[0-9a-f]\\{5\\}$'"),
               "0\n");
    tear_down(&f, "");
}

static void a_killed_keeper_is_told(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    snapshot(&f, 1);
    run_well(&f, "kill -9 $(pgrep slip:layers); while pgrep slip:layers; do :; done");
    err e = {0};
    assert_true(sandbox_restore(f.s, 1, on_kept, &f, &e) < 0);
    assert_string_equal(e.message, "the process that keeps the job's snapshots is gone");
    assert_str(run(&f, "echo on"), "on\n");
    tear_down(&f, "");
}

static void nothing_is_left_after_a_kill(void **state) {
    (void)state;
    fixture f;
    set_up(&f);
    snapshot(&f, 1);
    run_well(&f, "echo x > f; setsid sleep 1001 > /dev/null 2>&1 &");
    sandbox_free(f.s);
    loop_run(f.l);
    loop_free(f.l);
    strbuf_done(&f.output);
    arena_free(f.a);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int run_all(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_as_they_were_at_the_snapshot),
        cmocka_unit_test(going_back_drops_all_later_snapshots),
        cmocka_unit_test(a_file_that_was_deleted_and_made_anew_in_layers),
        cmocka_unit_test(system_files_can_be_changed_and_come_back),
        cmocka_unit_test(the_view_sees_the_newest_layer),
        cmocka_unit_test(there_are_as_many_snapshots_as_promised),
        cmocka_unit_test(what_was_started_since_is_killed_and_what_was_there_stays),
        cmocka_unit_test(a_job_cannot_reach_what_is_below),
        cmocka_unit_test(a_killed_keeper_is_told),
        cmocka_unit_test(nothing_is_left_after_a_kill),
    };
    err e = {0};
    arena *a = arena_new();
    char *dir;
    if (fs_temp_dir(a, "slipway-snapshot-", &dir, &e) < 0 || sandbox_init(&e) < 0) {
        fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    sandbox_probe(&means);
    folder = fs_join(a, dir, STR("job"));
    layer = fs_join(a, dir, STR("layer"));
    if (means.namespaces && sandbox_layer_make(layer, fs_join(a, dir, STR("system")), &e) < 0)
        fprintf(stderr, "%s\n", e.message);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sandbox_done();
    if (sandbox_remove(dir, &e) < 0) {
        fprintf(stderr, "%s\n", e.message);
        failed = 1;
    }
    arena_free(a);
    return failed;
}

int main(void) {
    return box_tests(run_all);
}
