/* Limits by control groups of version 2. They need a group that is ours to divide: where systemd
 * is, the test starts itself anew in a delegated scope; elsewhere it skips. */
#include "unit.h"

#include "base/fs.h"
#include "base/process.h"
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCOPED  "SLIPWAY_TEST_SCOPED"
#define SKIPPED 77 /* an exit status that Meson knows */

/* The folder of the group that a process is in ("self" or a number). */
static const char *group_of(arena *a, const char *process) {
    str text, line;
    err e = {0};
    const char *path = arena_printf(a, "/proc/%s/cgroup", process).ptr;
    if (fs_read(a, path, 64 << 10, &text, &e) < 0) fail_msg("%s", e.message);
    while (str_line(&text, &line)) {
        if (str_starts(line, STR("0::")))
            return arena_printf(a, "/sys/fs/cgroup%.*s", STR_ARG(str_sub(line, 3, line.len))).ptr;
    }
    fail_msg("%s has no group of version 2", path);
    return NULL;
}

static const char *read_line(arena *a, const char *dir, const char *file) {
    str text;
    err e = {0};
    if (fs_read(a, fs_join(a, dir, str_from(file)), 4096, &text, &e) < 0) fail_msg("%s", e.message);
    return arena_cstr(a, str_trim(text));
}

/* The first process of a machine that this test has made. */
static const char *first_process(arena *a, const char *name) {
    fs_entry *entries;
    size_t count;
    str comm;
    err ignored = {0};
    str wanted = arena_printf(a, "slip:%s", name);
    assert_int_equal(fs_list(a, "/proc", &entries, &count, &ignored), 0);
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_printf(a, "/proc/%.*s/comm", STR_ARG(entries[i].name)).ptr;
        if (fs_read(a, path, 64, &comm, &ignored) == 0 && str_eq(str_trim(comm), wanted))
            return arena_cstr(a, entries[i].name);
    }
    fail_msg("there is no process '%.*s'", STR_ARG(wanted));
    return NULL;
}

static void all_limits_of_a_job_are_in_one_group(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    box b;
    char name[16];
    snprintf(name, sizeof name, "cg-%d", (int)getpid() % 100000);
    sandbox_limits limits = {.memory_bytes = 64 << 20, .processes = 30, .cpus = 1};
    box_open(&b, (sandbox_spec){.name = name, .limits = limits});
    const char *group = group_of(a, first_process(a, name));
    assert_string_equal(read_line(a, group, "memory.max"), "67108864");
    assert_string_equal(read_line(a, group, "pids.max"), "30");
    assert_string_equal(read_line(a, group, "cpu.max"), "100000 100000");
    assert_true(fs_exists(group));
    box_close(&b);
    assert_false(fs_exists(group));
}

static void what_was_in_our_group_is_in_a_leaf_beside_the_jobs(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    box b;
    char name[16];
    snprintf(name, sizeof name, "cg-%d", (int)getpid() % 100000);
    box_open(&b, (sandbox_spec){.name = name, .limits = {.processes = 30}});
    const char *own = group_of(a, "self"), *job = group_of(a, first_process(a, name));
    size_t parent = (size_t)(strrchr(own, '/') - own);
    assert_string_equal(own + parent, "/slipway-rest");
    assert_int_equal(strncmp(own, job, parent + 1), 0);
    assert_null(strchr(job + parent + 1, '/'));
    box_close(&b);
}

/* By the kernel, not by measuring. */
static void each_limit_is_told_by_its_name(void **state) {
    const struct {
        sandbox_limits limits;
        const char *script, *told;
    } cases[] = {
        {{.memory_bytes = 32 << 20},
         "tail /dev/zero; exit 1",
         "A process was killed: the job reached its limit of 32 MiB of memory (limit 'memory')\n"},
        {{.memory_bytes = 32 << 20, .processes = 20},
         "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done; exit 1",
         "A process could not be started: the job reached its limit of 20 processes (limit "
         "'processes')\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        box b;
        box_open(&b, (sandbox_spec){.limits = cases[i].limits});
        box_run(&b, cases[i].script);
        assert_int_not_equal(b.status, 0);
        assert_str(strbuf_str(&b.limits), cases[i].told);
        box_close(&b);
    }
}

static bool has_version_2(void) {
    sandbox_means means;
    sandbox_probe(&means);
    if (!means.namespaces)
        print_message("no namespaces here: %s\n", means.why_not);
    else if (strcmp(means.cgroup, "v2: memory, pids, cpu") != 0)
        print_message("needs control groups of version 2 that may be divided (there is: %s)\n",
                      means.cgroup[0] ? means.cgroup : "none");
    else
        return true;
    return false;
}

/* Whoever cannot have a scope goes on without. */
static void enter_scope(char *program) {
    const char *user = geteuid() == 0 ? "--system" : "--user";
    const char *words[] = {"systemd-run", user,           "-q",   "--scope",
                           "-p",          "Delegate=yes", "true", NULL};
    process_result result;
    err ignored;
    _cleanup_arena_ arena *a = arena_new();
    if (getenv(SCOPED) || !fs_exists("/run/systemd/system")) return;
    setenv(SCOPED, "1", 1);
    if (process_run(a, &(process_spec){.argv = words}, &result, &ignored) < 0 || result.status)
        return;
    words[6] = program;
    execvp("systemd-run", (char *const *)words);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_limits_of_a_job_are_in_one_group),
        cmocka_unit_test(what_was_in_our_group_is_in_a_leaf_beside_the_jobs),
        cmocka_unit_test(each_limit_is_told_by_its_name),
    };
    err e = {0};
    enter_scope(argv[0]);
    if (sandbox_init(&e) < 0) {
        print_error("%s\n", e.message);
        return 1;
    }
    int failed = has_version_2() ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
    if (!failed) sandbox_done(); /* which waits for a machine that a failed test has left */
    return failed;
}
