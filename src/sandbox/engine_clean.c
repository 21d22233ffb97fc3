#include "sandbox/engine_clean.h"

#include "base/fs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A network cannot be removed while the engine still takes a container out of it. */
#define ROUNDS   200
#define ROUND_MS 50

/* ---- identities ------------------------------------------------------------------------------ */

static str read_word(arena *a, const char *path, const char *otherwise) {
    str text;
    err ignored;
    if (fs_read(a, path, 4096, &text, &ignored) < 0) return arena_str(a, str_from(otherwise));
    return str_trim(text);
}

/* The start time in clock ticks since boot: the 22nd field of /proc/PID/stat, counted from behind
 * the name, which may hold anything. 0 where there is no such process. */
static uint64_t start_time(arena *a, unsigned long pid) {
    str text = read_word(a, arena_printf(a, "/proc/%lu/stat", pid).ptr, ""), field;
    uint64_t ticks = 0;
    ptrdiff_t end = str_rfind_char(text, ')');
    if (end < 0) return 0;
    str rest = str_sub(text, (size_t)end + 2, text.len);
    for (int i = 3; i <= 22; i++)
        str_cut(rest, ' ', &field, &rest);
    return str_to_uint(field, UINT64_MAX / 2, &ticks) ? ticks : 0;
}

/* "MACHINE.BOOT.NAMESPACE." */
static str home_of(arena *a, str *ret_machine, str *ret_boot) {
    char space[64] = "", host[128] = "localhost";
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (*c == '.') *c = '-';
    const char *digits = n > 0 ? strchr(space, '[') : NULL;
    *ret_machine = read_word(a, "/etc/machine-id", host);
    if (!ret_machine->len) *ret_machine = arena_str(a, str_from(host));
    *ret_boot = read_word(a, "/proc/sys/kernel/random/boot_id", "0");
    return arena_printf(a, "%lu", digits ? strtoul(digits + 1, NULL, 10) : 0UL);
}

str engine_owner(arena *a) {
    str machine, boot, space = home_of(a, &machine, &boot);
    unsigned long pid = (unsigned long)getpid();
    return arena_printf(a, "%.*s.%.*s.%.*s.%lu.%llu", STR_ARG(machine), STR_ARG(boot),
                        STR_ARG(space), pid, (unsigned long long)start_time(a, pid));
}

bool engine_owner_lives(str owner) {
    _cleanup_arena_ arena *a = arena_new();
    str machine, boot, space = home_of(a, &machine, &boot), part[4], start;
    uint64_t pid, ticks;
    for (int i = 0; i < 4; i++)
        if (!str_cut(owner, '.', &part[i], &owner)) return true; /* not of our making */
    start = owner;
    if (!str_eq(part[0], machine)) return true;
    if (!str_eq(part[1], boot)) return false;
    if (!str_eq(part[2], space)) return true;
    if (!str_to_uint(part[3], 1u << 30, &pid) || !str_to_uint(start, UINT64_MAX / 2, &ticks))
        return true;
    return start_time(a, (unsigned long)pid) == ticks;
}

value engine_labels(arena *a, str owner, str job) {
    value labels = value_object_new(a, true);
    value_set_str(a, &labels, ENGINE_LABEL, owner);
    if (job.len) value_set_str(a, &labels, ENGINE_LABEL_JOB, job);
    return labels;
}

/* ---- removing -------------------------------------------------------------------------------- */

static str id_of(const value *item) {
    str id = value_path_str(item, "Id");
    return id.len ? id : value_path_str(item, "Name");
}

/* Removes what `wanted` says of one kind, and counts it. */
static int remove_kind(const engine *g, engine_kind kind, str label, bool stale_only,
                       unsigned *count, unsigned *left, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    value list;
    int code = engine_list(g, a, kind, label, &list, e);
    if (code < 0) return code;
    for (size_t i = 0; list.kind == VALUE_ARRAY && i < list.array.count; i++) {
        const value *item = &list.array.items[i];
        const value *labels = value_get(item, STR("Labels"));
        const value *owner = value_get(labels, STR(ENGINE_LABEL));
        if (stale_only && (!owner || engine_owner_lives(owner->string))) continue;
        err dead_already; /* removing alone gives the container ten seconds to end, in Podman */
        if (kind == ENGINE_CONTAINER) engine_kill(g, id_of(item), SIGKILL, &dead_already);
        int failed = engine_remove(g, kind, id_of(item), e);
        *(failed < 0 ? left : count) += 1;
        if (failed < 0) code = failed;
    }
    return code;
}

static int remove_all(const engine *g, str label, bool stale_only, unsigned *count, err *e) {
    static const engine_kind order[] = {ENGINE_CONTAINER, ENGINE_NETWORK, ENGINE_IMAGE};
    const struct timespec pause = {0, ROUND_MS * 1000000L};
    int code = 0;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned left = 0;
        code = 0;
        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            int failed = remove_kind(g, order[i], label, stale_only, count, &left, e);
            if (failed < 0) code = failed;
        }
        if (!left) return code;
        nanosleep(&pause, NULL);
    }
    return code;
}

int engine_clean(const engine *g, str owner, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    unsigned count = 0;
    str label = arena_printf(a, ENGINE_LABEL "=%.*s", STR_ARG(owner));
    return remove_all(g, label, false, &count, e);
}

int engine_clean_stale(const engine *g, unsigned *ret_count, err *e) {
    *ret_count = 0;
    return remove_all(g, STR(ENGINE_LABEL), true, ret_count, e);
}
