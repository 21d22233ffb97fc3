#include "sandbox/cgroup.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPU_PERIOD_US 100000
#define FILE_MAX      (1u << 20)

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
    char parents[CGROUP_KIND_COUNT][192]; /* "" where they cannot */
} ways;

/* ---- finding our own group ----------------------------------------------------------------- */

static bool has_word(str list, const char *word) {
    str part;
    for (bool more = true; more;) {
        more = str_cut(list, ',', &part, &list);
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
        if (controller ? has_word(names, controller) : names.len == 0) return true;
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
        bool match = controller
                         ? str_is(field(tail, 0), "cgroup") && has_word(field(tail, 2), controller)
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
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t n = strlen(text);
    bool written = write(fd, text, n) == (ssize_t)n;
    close(fd);
    return written;
}

static bool put_number(const char *dir, const char *file, unsigned long long number) {
    char text[32];
    snprintf(text, sizeof text, "%llu", number);
    return put(dir, file, text);
}

static bool is_there(const char *dir, const char *file) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return fs_exists(path);
}

/* ---- which way ----------------------------------------------------------------------------- */

static bool try_group(const char *parent, const char *needs) {
    char dir[256];
    snprintf(dir, sizeof dir, "%s/slipway-probe-%d", parent, (int)getpid());
    if (mkdir(dir, 0755) < 0) return false;
    bool usable = is_there(dir, needs);
    rmdir(dir);
    return usable;
}

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

static void find_ways(void) {
    ways.known = true;
    _cleanup_arena_ arena *a = arena_new();
    str mounts, groups;
    err ignored;
    char parent[192];
    if (fs_read(a, "/proc/self/mountinfo", FILE_MAX, &mounts, &ignored) < 0 ||
        fs_read(a, "/proc/self/cgroup", FILE_MAX, &groups, &ignored) < 0)
        return;
    if (own_folder(mounts, groups, NULL, parent, sizeof parent) &&
        try_group(parent, "memory.max")) {
        ways.v2 = true;
        for (int k = 0; k < CGROUP_KIND_COUNT; k++)
            snprintf(ways.parents[k], sizeof ways.parents[k], "%s", parent);
        remove_stale(parent);
        return;
    }
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        if (own_folder(mounts, groups, controllers[k].name, parent, sizeof parent) &&
            try_group(parent, "cgroup.procs"))
            snprintf(ways.parents[k], sizeof ways.parents[k], "%s", parent);
    }
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
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

void cgroup_make(const sandbox_limits *limits, pid_t pid, cgroup *ret) {
    *ret = (cgroup){0};
    if (!ways.known) find_ways();
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        char *dir = ret->dirs[k];
        if (!is_wanted(k, limits) || !ways.parents[k][0]) continue;
        snprintf(dir, sizeof ret->dirs[k], "%s/slipway-%d-%d", ways.parents[k], (int)getpid(),
                 (int)pid);
        bool made = mkdir(dir, 0755) == 0 || errno == EEXIST;
        if (made && set_limit(k, dir, limits) && put_number(dir, "cgroup.procs", (unsigned)pid))
            continue;
        if (made && !ways.v2) rmdir(dir);
        dir[0] = '\0';
    }
}

bool cgroup_has(const cgroup *g, cgroup_kind kind) {
    return g->dirs[kind][0] != '\0';
}

int cgroup_counter(const cgroup *g, cgroup_kind kind, const char **ret_key) {
    char path[512];
    const char *file = controllers[kind].counter[ways.v2];
    if (!cgroup_has(g, kind) || !file) return -1;
    *ret_key = controllers[kind].key;
    snprintf(path, sizeof path, "%s/%s", g->dirs[kind], file);
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
        if (g->dirs[k][0]) rmdir(g->dirs[k]); /* in version 2 all but the first are gone already */
        g->dirs[k][0] = '\0';
    }
}

void cgroup_describe(char *out, size_t size) {
    if (!ways.known) find_ways();
    *out = '\0';
    if (ways.v2) {
        snprintf(out, size, "v2");
        return;
    }
    for (int k = 0; k < CGROUP_KIND_COUNT; k++) {
        size_t n = strlen(out);
        if (ways.parents[k][0])
            snprintf(out + n, size - n, "%s%s", n ? ", " : "v1: ", controllers[k].name);
    }
}
