/* Of 200 machines, some of them killed, nothing stays: everything that the kernel counts is counted
 * before and after. */
#include "unit.h"

#include "base/fs.h"
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MACHINES    180 /* of this process */
#define KILLED_RUNS 20  /* of processes that are killed */
#define AT_ONCE     4
#define NAMESPACES  60 /* of each kind: those of networks take a while to go */
#define PATIENCE_MS 10000

/* ---- what is counted ----------------------------------------------------------------------- */

typedef struct counts {
    size_t mounts, processes, descriptors, files, groups;
} counts;

static const char *layer; /* of all machines */

/* Those on or from folders of this test: others may mount things beside it. */
static size_t count_mounts(void) {
    _cleanup_arena_ arena *a = arena_new();
    str text, line;
    err e = {0};
    size_t n = 0;
    if (fs_read(a, "/proc/self/mountinfo", 4 << 20, &text, &e) < 0) fail_msg("%s", e.message);
    while (str_line(&text, &line))
        n += str_find(line, STR("slipway-leaks-")) >= 0;
    return n;
}

static size_t count_entries(const char *path) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err e = {0};
    if (fs_list(a, path, &entries, &count, &e) < 0) fail_msg("%s", e.message);
    return count;
}

/* Of this process, which orphans come to. */
static size_t count_children(void) {
    _cleanup_arena_ arena *a = arena_new();
    str text, part;
    err e = {0};
    size_t n = 0;
    const char *path = arena_printf(a, "/proc/self/task/%d/children", (int)getpid()).ptr;
    if (fs_read(a, path, 1 << 20, &text, &e) < 0) fail_msg("%s", e.message);
    for (bool more = true; more; n += part.len > 0)
        more = str_cut(text, ' ', &part, &text);
    return n;
}

static size_t groups_found;
static int zygotes[KILLED_RUNS + 1]; /* of all runs, this process's first */
static unsigned zygote_count;

/* A process that was just asked for a sandbox has one child. */
static int find_zygote(void) {
    char text[32];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return atoi(text);
}

/* "slipway-ZYGOTE-PID": others may run beside this test. */
static int judge_group(const char *path, const struct stat *st, int type, struct FTW *at) {
    int zygote, pid;
    (void)st, (void)type;
    if (sscanf(path + at->base, "slipway-%d-%d", &zygote, &pid) != 2) return 0;
    for (unsigned i = 0; i < zygote_count; i++)
        groups_found += zygote == zygotes[i];
    return 0;
}

static size_t count_groups(void) {
    groups_found = 0;
    nftw("/sys/fs/cgroup", judge_group, 16, FTW_PHYS);
    return groups_found;
}

static counts count_all(void) {
    for (int waited = 0; count_groups() && waited < PATIENCE_MS; waited += 5)
        poll(NULL, 0, 5); /* of machines that were dropped without a word */
    return (counts){count_mounts(), count_children(), count_entries("/proc/self/fd"),
                    count_entries(getenv("TMPDIR")), count_groups()};
}

/* What a killed process leaves takes its time to end. */
static void reap_all(size_t expected) {
    for (int waited = 0; count_children() > expected && waited < PATIENCE_MS; waited += 5) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        poll(NULL, 0, 5);
    }
}

/* ---- machines and their ends --------------------------------------------------------------- */

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
    fail_msg("there is no process '%s'", name);
    return 0;
}

/* With folders of somebody else's, where the job has more than one id. */
#define DAEMONS                                                                                    \
    "setsid sleep 1000 > /dev/null 2>&1 & sleep 1000 > /dev/null 2>&1 & "                          \
    "mkdir -p theirs/own && touch theirs/own/x && chown -R 1234 theirs 2> /dev/null; "             \
    "chmod -R go-rwx theirs; "

static void end_well(box *b) {
    assert_str(box_run(b, "echo done"), "done\n");
}

static void end_with_daemons(box *b) {
    box_run(b, DAEMONS "exit 3");
    assert_int_equal(b->status, 3);
}

static void end_by_a_limit(box *b) {
    box_run(b, DAEMONS "head -c 4M /dev/zero > /tmp/x");
    assert_true(str_find(strbuf_str(&b->limits), STR("limit 'disk'")) >= 0);
}

static void end_by_a_kill(box *b, const char *comm) {
    box_run(b, DAEMONS "true");
    box_start(b, "sleep 1000");
    assert_int_equal(kill(pid_named(comm), SIGKILL), 0);
    int before = b->exits;
    while (b->exits == before)
        loop_run(b->l);
    assert_int_equal(b->status, 128 + SIGKILL);
}

/* Several at a time, each ended in another way. */
static void run_machines(unsigned first) {
    box all[AT_ONCE];
    char names[AT_ONCE][12], comm[20];
    sandbox_limits limits = {.disk_bytes = 1 << 20, .processes = 100, .memory_bytes = 64 << 20};
    for (unsigned i = 0; i < AT_ONCE; i++) {
        snprintf(names[i], sizeof names[i], "%u-%d", (first + i) % 1000, (int)getpid() % 100000);
        sandbox_network network =
            (first / AT_ONCE) % 3 ? SANDBOX_NETWORK_HOST : SANDBOX_NETWORK_NONE;
        box_open(&all[i], (sandbox_spec){.name = names[i],
                                         .layer = layer,
                                         .limits = limits,
                                         .egress = {.network = network}});
    }
    snprintf(comm, sizeof comm, "slip:%s", names[3]);
    comm[15] = '\0';
    end_well(&all[0]);
    end_with_daemons(&all[1]);
    end_by_a_limit(&all[2]);
    end_by_a_kill(&all[3], comm);
    box_drop(&all[1]);
    box_close(&all[0]), box_close(&all[2]), box_close(&all[3]);
}

/* A process that is Slipway for the time being, and is killed while its job runs. */
static void be_killed(void) {
    int ready[2];
    int zygote;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        box b;
        err e = {0};
        if (sandbox_init(&e) < 0) _exit(1);
        zygote = find_zygote();
        box_open(&b, (sandbox_spec){.layer = layer,
                                    .limits = {.processes = 100, .memory_bytes = 64 << 20}});
        box_run(&b, DAEMONS "true");
        box_start(&b, "sleep 1000");
        if (write(ready[1], &zygote, sizeof zygote) != sizeof zygote) _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &zygote, sizeof zygote), sizeof zygote);
    zygotes[zygote_count++] = zygote;
    close(ready[0]);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The folders of a killed run are the next run's to remove; here they are removed by hand. */
static void remove_left_folders(void) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err e = {0};
    assert_int_equal(fs_list(a, getenv("TMPDIR"), &entries, &count, &e), 0);
    assert_int_equal(count, KILLED_RUNS);
    for (size_t i = 0; i < count; i++) {
        if (sandbox_remove(fs_join(a, getenv("TMPDIR"), entries[i].name), &e) < 0)
            fail_msg("%s", e.message);
    }
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void assert_same(const counts *before, const counts *after) {
    assert_int_equal(after->mounts, before->mounts);
    assert_int_equal(after->processes, before->processes);
    assert_int_equal(after->descriptors, before->descriptors);
    assert_int_equal(after->files, before->files);
    assert_int_equal(after->groups, before->groups);
}

static void of_two_hundred_machines_nothing_stays(void **state) {
    err e = {0};
    if (sandbox_init(&e) < 0) fail_msg("%s", e.message);
    zygotes[zygote_count++] = find_zygote();
    assert_true(zygotes[0] > 1);
    run_machines(0); /* what is made once for all is made now */
    counts before = count_all();
    for (unsigned i = AT_ONCE; i < MACHINES + AT_ONCE; i += AT_ONCE)
        run_machines(i);
    for (unsigned i = 0; i < KILLED_RUNS; i++)
        be_killed();
    reap_all(1);
    remove_left_folders();
    counts after = count_all();
    assert_same(&before, &after);
    sandbox_done();
    reap_all(0);
    assert_int_equal(count_children(), 0);
}

static bool put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return written;
}

/* Namespaces are counted by the kernel: in a user namespace of its own, this process gets a limit
 * that is soon reached if some stay. How many there are cannot be read, so what is asserted is that
 * making more does not fail. */
static void limit_namespaces(void) {
    static const char *const kinds[] = {"user", "mnt", "pid", "ipc", "uts", "net"};
    char path[64], number[16];
    int gate[2];
    if (geteuid() != 0 || pipe2(gate, O_CLOEXEC) < 0) return;
    pid_t parent = getpid(), helper = fork();
    if (helper == 0) { /* the map is written from outside */
        char byte;
        bool read_it = read(gate[0], &byte, 1) == 1;
        snprintf(path, sizeof path, "/proc/%d/uid_map", (int)parent);
        bool mapped = read_it && put(path, "0 0 4294967295");
        snprintf(path, sizeof path, "/proc/%d/gid_map", (int)parent);
        _exit(mapped && put(path, "0 0 4294967295") ? 0 : 1);
    }
    int status = 1;
    bool apart = unshare(CLONE_NEWUSER) == 0 && write(gate[1], "x", 1) == 1;
    close(gate[0]), close(gate[1]);
    waitpid(helper, &status, 0);
    snprintf(number, sizeof number, "%d", NAMESPACES);
    for (size_t i = 0; apart && status == 0 && i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", kinds[i]);
        apart = put(path, number);
    }
    print_message("namespaces are %slimited\n", apart && status == 0 ? "" : "not ");
}

static int run(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_hundred_machines_nothing_stays),
    };
    char dir[] = "/tmp/slipway-leaks-XXXXXX";
    err e = {0};
    if (!mkdtemp(dir)) return 1;
    _cleanup_arena_ arena *a = arena_new();
    char *temp = fs_join(a, dir, STR("temp"));
    layer = fs_join(a, dir, STR("layer"));
    if (fs_mkdirs(temp, 0755, &e) < 0 || sandbox_layer_make(layer, NULL, &e) < 0) {
        print_error("%s\n", e.message);
        return 1;
    }
    setenv("TMPDIR", temp, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        limit_namespaces();
        _exit(cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    unsetenv("TMPDIR");
    return fs_remove(dir, &e) < 0 || status;
}

int main(void) {
    return box_tests(run);
}
