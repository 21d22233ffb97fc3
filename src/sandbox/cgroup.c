/* Version 1 has a hierarchy per controller, and a group can be made below one that holds processes.
 * In version 2 there is one hierarchy, and only the leaves of it hold processes: a group of ours
 * can be limited once whatever is in our own group has gone into a leaf beside it, LEAF. That is
 * done only where nobody else looks after our own group, which systemd calls delegated. */
#include "sandbox/cgroup.h"

#include "base/fs.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CPU_PERIOD_US 100000
#define FILE_MAX      (1u << 20)
#define DIR_SIZE      sizeof((cgroup){0}.dirs[0])
#define PATH_SIZE     512
#define LEAF          "slipway-rest"
#define ASK_MS        5000
#define EMPTY_TRIES   100 /* while others in our own group start processes */

static const struct controller {
    const char *name;
    const char *counter[2]; /* the file that counts, in version 1 and 2 */
    const char *key;        /* in it */
} controllers[CGROUP_KIND_COUNT] = {
    [CGROUP_MEMORY] = {"memory", {"memory.oom_control", "memory.events"}, "oom_kill"},
    [CGROUP_PIDS] = {"pids", {"pids.events", "pids.events"}, "max"},
    [CGROUP_CPU] = {"cpu", {NULL, NULL}, NULL},
};

/* Where groups of ours can be made: found out once. */
static struct {
    bool known, v2;
    char parents[CGROUP_KIND_COUNT][384]; /* "" where they cannot; in version 2 they are the same */
} ways;

/* ---- finding our own group ----------------------------------------------------------------- */

static bool has_word(str list, char between, const char *word) {
    str part;
    for (bool more = true; more;) {
        more = str_cut(list, between, &part, &list);
        if (str_is(part, word)) return true;
    }
    return false;
}

/* Our path in the hierarchy of a controller (NULL: version 2): lines of "ID:CONTROLLERS:PATH". */
static bool own_path(str groups, const char *controller, str *ret) {
    str line, names;
    while (str_line(&groups, &line)) {
        str_cut(line, ':', &names, &line);
        str_cut(line, ':', &names, ret);
        if (controller ? has_word(names, ',', controller) : names.len == 0) return true;
    }
    return false;
}

/* Field `n`, from 0, of a line of /proc/self/mountinfo. */
static str field(str line, unsigned n) {
    str part = STR_EMPTY;
    for (unsigned i = 0; i <= n; i++)
        str_cut(line, ' ', &part, &line);
    return part;
}

/* The folder in which our own group of that hierarchy is shown: fields 3 and 4 are the part of the
 * hierarchy that is mounted, and where; the type and the options follow " - ". */
static bool own_folder(str mounts, str groups, const char *controller, char *out, size_t size) {
    str line, path;
    while (str_line(&mounts, &line)) {
        ptrdiff_t dash = str_find(line, STR(" - "));
        if (dash < 0) continue;
        str tail = str_sub(line, (size_t)dash + 3, line.len);
        bool match = controller ? str_is(field(tail, 0), "cgroup") &&
                                      has_word(field(tail, 2), ',', controller)
                                : str_is(field(tail, 0), "cgroup2");
        if (!match || !own_path(groups, controller, &path)) continue;
        str root = field(line, 3), at = field(line, 4);
        if (root.len > 1 && str_starts(path, root)) path = str_sub(path, root.len, path.len);
        if (str_is(path, "/")) path = STR_EMPTY;
        snprintf(out, size, "%.*s%.*s", STR_ARG(at), STR_ARG(path));
        return true;
    }
    return false;
}

/* ---- files --------------------------------------------------------------------------------- */

static bool put(const char *dir, const char *file, const char *text) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t n = strlen(text);
    bool written = write(fd, text, n) == (ssize_t)n;
    int code = errno;
    close(fd);
    errno = code;
    return written;
}

static bool put_number(const char *dir, const char *file, unsigned long long number) {
    char text[32];
    snprintf(text, sizeof text, "%llu", number);
    return put(dir, file, text);
}

static bool is_there(const char *dir, const char *file) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return fs_exists(path);
}

/* ---- version 1 ----------------------------------------------------------------------------- */

static bool try_group(const char *parent) {
    char dir[DIR_SIZE];
    snprintf(dir, sizeof dir, "%s/slipway-probe-%d", parent, (int)getpid());
    if (mkdir(dir, 0755) < 0) return false;
    bool usable = is_there(dir, "cgroup.procs");
    rmdir(dir);
    return usable;
}

/* ---- version 2 ----------------------------------------------------------------------------- */

static bool is_marked(const char *dir, const char *attribute) {
    char value[4];
    return getxattr(dir, attribute, value, sizeof value) == 1 && value[0] == '1';
}

/* A user's own systemd marks nothing, so it is asked about the unit of that name. */
static bool is_delegated_by_user_manager(const char *dir) {
    _cleanup_arena_ arena *a = arena_new();
    const char *unit = strrchr(dir, '/') + 1;
    const char *runtime = arena_printf(a, "XDG_RUNTIME_DIR=/run/user/%d", (int)geteuid()).ptr;
    const char *const argv[] = {
        "/usr/bin/systemctl", "--user", "show", "--property=Delegate", "--value", "--", unit, NULL};
    const char *const env[] = {runtime, NULL};
    process_spec spec = {.argv = argv, .env = env, .timeout_ms = ASK_MS, .max_output = 4096};
    process_result result;
    err ignored;
    return strstr(dir, "/user@") && process_run(a, &spec, &result, &ignored) == 0 &&
           str_is(str_trim(result.out), "yes");
}

/* Whether the group is ours to divide. systemd looks after every group on its machine but those
 * that it delegates, which it marks (https://systemd.io/CGROUP_DELEGATION/); the second mark is for
 * those who may not read the first. Where there is no systemd, as in a container, whoever can write
 * may. */
static bool is_delegated(const char *dir) {
    char procs[PATH_SIZE], control[PATH_SIZE];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", dir);
    snprintf(control, sizeof control, "%s/cgroup.subtree_control", dir);
    if (access(procs, W_OK) < 0 || access(control, W_OK) < 0) return false;
    return is_marked(dir, "trusted.delegate") || is_marked(dir, "user.delegate") ||
           !fs_exists("/run/systemd/system") || is_delegated_by_user_manager(dir);
}

/* Moves all processes of a group into a leaf below it. One that ends meanwhile cannot be moved, one
 * that is started meanwhile comes with the next try. */
static void empty(const char *dir) {
    _cleanup_arena_ arena *a = arena_new();
    char leaf[PATH_SIZE];
    const char *procs = fs_join(a, dir, STR("cgroup.procs"));
    str text, line;
    uint64_t pid;
    err ignored;
    snprintf(leaf, sizeof leaf, "%s/" LEAF, dir);
    if ((mkdir(leaf, 0755) < 0 && errno != EEXIST) ||
        fs_read(a, procs, FILE_MAX, &text, &ignored) < 0)
        return;
    while (str_line(&text, &line)) {
        if (str_to_uint(line, UINT32_MAX, &pid)) put_number(leaf, "cgroup.procs", pid);
    }
}

/* Lets groups below `dir` have a controller. Who only looks (`dry`) moves nobody. */
static bool enable(const char *dir, const char *controller, bool dry) {
    _cleanup_arena_ arena *a = arena_new();
    str text;
    err ignored;
    char word[16];
    snprintf(word, sizeof word, "+%s", controller);
    if (fs_read(a, fs_join(a, dir, STR("cgroup.controllers")), 4096, &text, &ignored) < 0 ||
        !has_word(str_trim(text), ' ', controller))
        return false;
    if (dry) return true;
    for (int i = 0; i < EMPTY_TRIES; i++) {
        if (put(dir, "cgroup.subtree_control", word)) return true;
        if (errno != EBUSY) return false;
        empty(dir);
    }
    return false;
}

/* Where `own` is our own group of version 2. An earlier Slipway may have moved us into its leaf. */
static void find_ways_v2(char *own, bool dry) {
    size_t n = strlen(own), leaf = strlen("/" LEAF);
    if (n > leaf && strcmp(own + n - leaf, "/" LEAF) == 0) own[n - leaf] = '\0';
    if (!is_delegated(own)) return;
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        if (!enable(own, controllers[k].name, dry)) continue;
        snprintf(ways.parents[k], sizeof ways.parents[k], "%s", own);
        ways.v2 = true;
    }
}

/* ---- which way ----------------------------------------------------------------------------- */

/* Groups of a zygote that was killed stay until somebody removes them. Those that are in use cannot
 * be removed. */
static void remove_stale(const char *parent) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err ignored;
    if (fs_list(a, parent, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        int owner;
        const char *name = arena_cstr(a, entries[i].name);
        if (!entries[i].is_dir || sscanf(name, "slipway-%d-", &owner) != 1 || owner <= 0) continue;
        if (kill(owner, 0) < 0 && errno == ESRCH) rmdir(fs_join(a, parent, entries[i].name));
    }
}

static void find_ways(bool dry) {
    ways.known = !dry;
    _cleanup_arena_ arena *a = arena_new();
    str mounts, groups;
    err ignored;
    char parent[sizeof ways.parents[0]];
    if (fs_read(a, "/proc/self/mountinfo", FILE_MAX, &mounts, &ignored) < 0 ||
        fs_read(a, "/proc/self/cgroup", FILE_MAX, &groups, &ignored) < 0)
        return;
    if (own_folder(mounts, groups, NULL, parent, sizeof parent)) find_ways_v2(parent, dry);
    for (int k = 0; k < CGROUP_KIND_COUNT && !ways.v2; k++) {
        if (own_folder(mounts, groups, controllers[k].name, parent, sizeof parent) &&
            try_group(parent))
            snprintf(ways.parents[k], sizeof ways.parents[k], "%s", parent);
    }
    for (int k = 0; k < CGROUP_KIND_COUNT && !dry; k++) {
        if (ways.parents[k][0]) remove_stale(ways.parents[k]);
    }
}

/* ---- groups -------------------------------------------------------------------------------- */

static bool set_limit(cgroup_kind kind, const char *dir, const sandbox_limits *l) {
    char quota[48];
    switch (kind) {
    case CGROUP_MEMORY:
        if (!put_number(dir, ways.v2 ? "memory.max" : "memory.limit_in_bytes", l->memory_bytes))
            return false;
        /* Memory that may move to swap instead is not limited; there need not be any swap. */
        if (ways.v2)
            put(dir, "memory.swap.max", "0");
        else
            put_number(dir, "memory.memsw.limit_in_bytes", l->memory_bytes);
        return true;
    case CGROUP_PIDS: return put_number(dir, "pids.max", l->processes);
    case CGROUP_CPU:
        snprintf(quota, sizeof quota, "%u %u", l->cpus * CPU_PERIOD_US, CPU_PERIOD_US);
        if (ways.v2) return put(dir, "cpu.max", quota);
        return put_number(dir, "cpu.cfs_period_us", CPU_PERIOD_US) &&
               put_number(dir, "cpu.cfs_quota_us", (unsigned long long)l->cpus * CPU_PERIOD_US);
    case CGROUP_KIND_COUNT: break;
    }
    return false;
}

static bool is_wanted(cgroup_kind kind, const sandbox_limits *l) {
    return kind == CGROUP_MEMORY ? l->memory_bytes > 0
           : kind == CGROUP_PIDS ? l->processes > 0
                                 : l->cpus > 0;
}

/* Version 2 has one group for all limits. */
static char *folder(cgroup *g, cgroup_kind kind) {
    return g->dirs[ways.v2 ? 0 : kind];
}

static bool make_group(char dir[DIR_SIZE], const char *parent, pid_t pid) {
    snprintf(dir, DIR_SIZE, "%s/slipway-%d-%d", parent, (int)getpid(), (int)pid);
    if (mkdir(dir, 0755) == 0 || errno == EEXIST) return true;
    dir[0] = '\0';
    return false;
}

void cgroup_make(const sandbox_limits *limits, pid_t pid, cgroup *ret) {
    *ret = (cgroup){0};
    if (!ways.known) find_ways(false);
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        char *dir = folder(ret, k);
        if (!is_wanted(k, limits) || !ways.parents[k][0]) continue;
        if (!dir[0] && !make_group(dir, ways.parents[k], pid)) continue;
        ret->has[k] = set_limit(k, dir, limits) && put_number(dir, "cgroup.procs", (unsigned)pid);
        if (!ret->has[k] && rmdir(dir) == 0) dir[0] = '\0'; /* but where the process is in it */
    }
}

bool cgroup_has(const cgroup *g, cgroup_kind kind) {
    return g->has[kind];
}

int cgroup_counter(const cgroup *g, cgroup_kind kind, const char **ret_key) {
    char path[PATH_SIZE];
    const char *file = controllers[kind].counter[ways.v2];
    if (!cgroup_has(g, kind) || !file) return -1;
    *ret_key = controllers[kind].key;
    snprintf(path, sizeof path, "%s/%s", g->dirs[ways.v2 ? 0 : kind], file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

uint64_t cgroup_count(int counter, const char *key) {
    char text[512];
    ssize_t n = pread(counter, text, sizeof text - 1, 0);
    str rest = {text, n > 0 ? (size_t)n : 0}, line, name, number;
    uint64_t count = 0;
    while (str_line(&rest, &line)) {
        if (str_cut(line, ' ', &name, &number) && str_is(name, key) &&
            str_to_uint(number, UINT64_MAX, &count))
            return count;
    }
    return 0;
}

void cgroup_remove(cgroup *g) {
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        if (g->dirs[k][0]) rmdir(g->dirs[k]);
    }
    *g = (cgroup){0};
}

void cgroup_describe(char *out, size_t size) {
    if (!ways.known) find_ways(true);
    *out = '\0';
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        size_t n = strlen(out);
        if (ways.parents[k][0])
            snprintf(out + n, size - n, "%s%s",
                     n         ? ", "
                     : ways.v2 ? "v2: "
                               : "v1: ",
                     controllers[k].name);
    }
}
