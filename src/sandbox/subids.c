#include "sandbox/subids.h"

#include "base/fs.h"
#include "base/process.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FILE_MAX          (1u << 20)
#define HELPER_TIMEOUT_MS 10000
#define FIRST_USUAL       100000u /* where ranges begin unless login.defs says otherwise */

/* ---- ranges -------------------------------------------------------------------------------- */

/* Cuts the next word off *rest; words are parted by colons or white space. */
static str next_word(str *rest) {
    size_t from = 0, to;
    while (from < rest->len && strchr(": \t\r", rest->ptr[from]))
        from++;
    for (to = from; to < rest->len && !strchr(": \t\r", rest->ptr[to]);)
        to++;
    str word = str_sub(*rest, from, to);
    *rest = str_sub(*rest, to, rest->len);
    return word;
}

static bool read_line(str line, str *name, uint64_t *first, uint64_t *count) {
    str words[5];
    size_t n = 0;
    for (str word; n < 5 && (word = next_word(&line)).len; n++)
        words[n] = word;
    if (n != 3 && n != 4) return false; /* getsubids puts a number before the rest */
    *name = words[n - 3];
    return str_to_uint(words[n - 2], UINT32_MAX - 1, first) &&
           str_to_uint(words[n - 1], UINT32_MAX - 1, count) && *count > 0 &&
           *first + *count < UINT32_MAX;
}

static void add_range(subids_list *l, uint64_t first, uint64_t count) {
    uint32_t wanted = SUBIDS_NEEDED - l->total;
    if (!wanted || l->count == SUBIDS_RANGES_MAX) return;
    if (count > wanted) count = wanted;
    l->ranges[l->count++] = (struct subids_range){(uint32_t)first, (uint32_t)count};
    l->total += (uint32_t)count;
}

void subids_parse(str text, str name, uint32_t id, subids_list *ret) {
    str line, whose;
    uint64_t first, count, number;
    *ret = (subids_list){.past = FIRST_USUAL};
    while (str_line(&text, &line)) {
        if (!read_line(line, &whose, &first, &count)) continue;
        if (first + count > ret->past) ret->past = (uint32_t)(first + count);
        bool mine = (name.len && str_eq(whose, name)) ||
                    (str_to_uint(whose, UINT32_MAX, &number) && number == id);
        bool odd = first == 0 || (first <= id && id < first + count);
        if (mine && !odd) add_range(ret, first, count);
    }
}

/* ---- what there is ------------------------------------------------------------------------- */

static subids of_user;
static bool looked;

static bool find_helper(const char *name, char out[64]) {
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin",
                                          "/run/wrappers/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(out, 64, "%s/%s", folders[i], name);
        if (access(out, X_OK) == 0) return true;
    }
    return false;
}

/* Where nsswitch.conf names another source, the files count for nothing. */
static bool has_other_source(arena *a) {
    str text, line, words;
    err ignored;
    if (fs_read_file(a, "/etc/nsswitch.conf", FILE_MAX, &text, &ignored) < 0) return false;
    while (str_line(&text, &line)) {
        if (str_cut(line, ':', &line, &words) && str_is(str_trim(line), "subid"))
            return !str_is(str_trim(words), "files");
    }
    return false;
}

static str ask_source(arena *a, const char *name, bool groups) {
    char program[64];
    const char *const argv[] = {program, groups ? "-g" : name, groups ? name : NULL, NULL};
    const process_spec spec = {
        .argv = argv, .timeout_ms = HELPER_TIMEOUT_MS, .max_output = FILE_MAX};
    process_result result;
    err ignored;
    if (!find_helper("getsubids", program) || process_run(a, &spec, &result, &ignored) < 0)
        return STR_EMPTY;
    return result.status == 0 ? result.out : STR_EMPTY;
}

static void read_ranges(const char *file, const char *name, uint32_t id, bool groups,
                        subids_list *ret) {
    _cleanup_arena_ arena *a = arena_new();
    str text = STR_EMPTY;
    err ignored;
    if (has_other_source(a))
        text = ask_source(a, name, groups);
    else if (fs_read_file(a, file, FILE_MAX, &text, &ignored) < 0)
        text = STR_EMPTY;
    subids_parse(text, str_from(name), id, ret);
}

static void refuse_range(subids *s, const char *file, const char *name, const subids_list *l) {
    uint32_t start = s->users.past > s->groups.past ? s->users.past : s->groups.past;
    if (l->total)
        snprintf(s->why_not, sizeof s->why_not,
                 "%s gives '%s' %u ids in %u ranges, and %u are needed (in %d at most)", file, name,
                 l->total, l->count, SUBIDS_NEEDED, SUBIDS_RANGES_MAX);
    else
        snprintf(s->why_not, sizeof s->why_not, "%s gives '%s' no ids", file, name);
    snprintf(s->advice, sizeof s->advice,
             "as root: usermod --add-subuids %u-%u --add-subgids %u-%u %s", start,
             start + SUBIDS_NEEDED, start, start + SUBIDS_NEEDED, name);
}

static void look(subids *s) {
    char name[64];
    const struct passwd *person = getpwuid(geteuid());
    snprintf(name, sizeof name, "%u", geteuid());
    if (person) snprintf(name, sizeof name, "%s", person->pw_name);
    if (!find_helper("newuidmap", s->users_helper) || !find_helper("newgidmap", s->groups_helper)) {
        snprintf(s->why_not, sizeof s->why_not, "newuidmap and newgidmap are not installed");
        snprintf(s->advice, sizeof s->advice, "as root: apt-get install uidmap");
        return;
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        snprintf(s->why_not, sizeof s->why_not,
                 "slipway was started with no_new_privs, so newuidmap has no rights");
        snprintf(s->advice, sizeof s->advice, "start it without (systemd: NoNewPrivileges=no)");
        return;
    }
    read_ranges("/etc/subuid", name, geteuid(), false, &s->users);
    read_ranges("/etc/subgid", name, geteuid(), true, &s->groups);
    if (s->users.total < SUBIDS_NEEDED)
        refuse_range(s, "/etc/subuid", name, &s->users);
    else if (s->groups.total < SUBIDS_NEEDED)
        refuse_range(s, "/etc/subgid", name, &s->groups);
    else
        s->usable = true;
}

const subids *subids_of_user(void) {
    if (!looked && geteuid() != 0) look(&of_user);
    looked = true;
    return &of_user;
}

void subids_give_up(const char *why_not) {
    looked = true;
    of_user.usable = false;
    snprintf(of_user.why_not, sizeof of_user.why_not, "%s", why_not);
}

/* ---- the map ------------------------------------------------------------------------------- */

/* PROGRAM PID 0 OURS 1 1 FIRST COUNT … */
static const char **arguments(arena *a, const char *program, pid_t pid, unsigned ours,
                              const subids_list *l) {
    const char **argv = ARENA_ARRAY(a, const char *, 6 + 3 * SUBIDS_RANGES_MAX);
    size_t n = 0;
    uint32_t inside = 1;
    argv[n++] = program;
    argv[n++] = arena_printf(a, "%d", (int)pid).ptr;
    argv[n++] = "0";
    argv[n++] = arena_printf(a, "%u", ours).ptr;
    argv[n++] = "1";
    for (unsigned i = 0; i < l->count; i++) {
        argv[n++] = arena_printf(a, "%u", inside).ptr;
        argv[n++] = arena_printf(a, "%u", l->ranges[i].first).ptr;
        argv[n++] = arena_printf(a, "%u", l->ranges[i].count).ptr;
        inside += l->ranges[i].count;
    }
    argv[n] = NULL;
    return argv;
}

/* Both at a time: each costs what it takes to start a program. */
int subids_map(const subids *s, pid_t pid, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    process_spec specs[2] = {{.argv = arguments(a, s->users_helper, pid, geteuid(), &s->users)},
                             {.argv = arguments(a, s->groups_helper, pid, getegid(), &s->groups)}};
    process_result results[2];
    int codes[2];
    err errors[2];
    for (int i = 0; i < 2; i++)
        specs[i].timeout_ms = HELPER_TIMEOUT_MS, specs[i].max_output = 4096;
    process_run_many(a, specs, 2, 2, results, codes, errors);
    for (int i = 0; i < 2; i++) {
        str said = str_trim(results[i].err_out);
        if (codes[i] < 0) return err_set(e, (err_code)codes[i], "%s", errors[i].message);
        if (results[i].status != 0)
            return err_set(e, ERR_UNSUPPORTED, "%s failed with status %d%s%.*s", specs[i].argv[0],
                           results[i].status, said.len ? ": " : "",
                           (int)(said.len < 300 ? said.len : 300), said.ptr);
    }
    return 0;
}
