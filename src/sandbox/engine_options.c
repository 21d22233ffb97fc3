/* `options:` of a container: the flags of `docker create`, as a table. What cannot be said in a
 * table has a function. */
#include "sandbox/engine_spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    OPT_TEXT,     /* a string at `key` */
    OPT_NUMBER,   /* a whole number */
    OPT_BYTES,    /* "512m" */
    OPT_FLAG,     /* true, or what stands after '=' */
    OPT_LIST,     /* appended to an array of strings */
    OPT_MAP,      /* "K=V" into an object */
    OPT_DURATION, /* "1m30s" in nanoseconds */
    OPT_SPECIAL,
    OPT_IGNORED, /* with a value, and without effect here */
    OPT_IGNORED_FLAG,
} option_kind;

typedef int special_fn(arena *a, engine_plan *p, str text, err *e);
static special_fn set_env, set_cpus, set_health_cmd, set_no_health, set_name, add_alias, set_tmpfs,
    add_ulimit, add_device, add_expose, set_entrypoint, add_mount, refuse_network;

static const struct option_row {
    const char *name;
    char letter;
    option_kind kind;
    const char *key; /* dotted: in HostConfig unless it begins with '.' */
    special_fn *special;
} rows[] = {
    {"add-host", 0, OPT_LIST, "ExtraHosts", NULL},
    {"blkio-weight", 0, OPT_NUMBER, "BlkioWeight", NULL},
    {"cap-add", 0, OPT_LIST, "CapAdd", NULL},
    {"cap-drop", 0, OPT_LIST, "CapDrop", NULL},
    {"cgroup-parent", 0, OPT_TEXT, "CgroupParent", NULL},
    {"cgroupns", 0, OPT_TEXT, "CgroupnsMode", NULL},
    {"cpu-period", 0, OPT_NUMBER, "CpuPeriod", NULL},
    {"cpu-quota", 0, OPT_NUMBER, "CpuQuota", NULL},
    {"cpu-shares", 'c', OPT_NUMBER, "CpuShares", NULL},
    {"cpus", 0, OPT_SPECIAL, NULL, set_cpus},
    {"cpuset-cpus", 0, OPT_TEXT, "CpusetCpus", NULL},
    {"cpuset-mems", 0, OPT_TEXT, "CpusetMems", NULL},
    {"device", 0, OPT_SPECIAL, NULL, add_device},
    {"dns", 0, OPT_LIST, "Dns", NULL},
    {"dns-option", 0, OPT_LIST, "DnsOptions", NULL},
    {"dns-search", 0, OPT_LIST, "DnsSearch", NULL},
    {"domainname", 0, OPT_TEXT, ".Domainname", NULL},
    {"entrypoint", 0, OPT_SPECIAL, NULL, set_entrypoint},
    {"env", 'e', OPT_SPECIAL, NULL, set_env},
    {"expose", 0, OPT_SPECIAL, NULL, add_expose},
    {"group-add", 0, OPT_LIST, "GroupAdd", NULL},
    {"health-cmd", 0, OPT_SPECIAL, NULL, set_health_cmd},
    {"health-interval", 0, OPT_DURATION, ".Healthcheck.Interval", NULL},
    {"health-retries", 0, OPT_NUMBER, ".Healthcheck.Retries", NULL},
    {"health-start-interval", 0, OPT_DURATION, ".Healthcheck.StartInterval", NULL},
    {"health-start-period", 0, OPT_DURATION, ".Healthcheck.StartPeriod", NULL},
    {"health-timeout", 0, OPT_DURATION, ".Healthcheck.Timeout", NULL},
    {"hostname", 'h', OPT_TEXT, ".Hostname", NULL},
    {"init", 0, OPT_FLAG, "Init", NULL},
    {"interactive", 'i', OPT_IGNORED_FLAG, NULL, NULL},
    {"ipc", 0, OPT_TEXT, "IpcMode", NULL},
    {"label", 'l', OPT_MAP, ".Labels", NULL},
    {"log-driver", 0, OPT_TEXT, "LogConfig.Type", NULL},
    {"log-opt", 0, OPT_MAP, "LogConfig.Config", NULL},
    {"mac-address", 0, OPT_TEXT, ".MacAddress", NULL},
    {"memory", 'm', OPT_BYTES, "Memory", NULL},
    {"memory-reservation", 0, OPT_BYTES, "MemoryReservation", NULL},
    {"memory-swap", 0, OPT_BYTES, "MemorySwap", NULL},
    {"memory-swappiness", 0, OPT_NUMBER, "MemorySwappiness", NULL},
    {"mount", 0, OPT_SPECIAL, NULL, add_mount},
    {"name", 0, OPT_SPECIAL, NULL, set_name},
    {"net", 0, OPT_SPECIAL, NULL, refuse_network},
    {"network", 0, OPT_SPECIAL, NULL, refuse_network},
    {"network-alias", 0, OPT_SPECIAL, NULL, add_alias},
    {"no-healthcheck", 0, OPT_SPECIAL, "", set_no_health},
    {"oom-kill-disable", 0, OPT_FLAG, "OomKillDisable", NULL},
    {"oom-score-adj", 0, OPT_NUMBER, "OomScoreAdj", NULL},
    {"pid", 0, OPT_TEXT, "PidMode", NULL},
    {"pids-limit", 0, OPT_NUMBER, "PidsLimit", NULL},
    {"platform", 0, OPT_IGNORED, NULL, NULL},
    {"privileged", 0, OPT_FLAG, "Privileged", NULL},
    {"publish", 'p', OPT_SPECIAL, NULL, engine_plan_port},
    {"publish-all", 'P', OPT_FLAG, "PublishAllPorts", NULL},
    {"pull", 0, OPT_IGNORED, NULL, NULL},
    {"quiet", 'q', OPT_IGNORED_FLAG, NULL, NULL},
    {"read-only", 0, OPT_FLAG, "ReadonlyRootfs", NULL},
    {"restart", 0, OPT_TEXT, "RestartPolicy.Name", NULL},
    {"rm", 0, OPT_IGNORED_FLAG, NULL, NULL},
    {"runtime", 0, OPT_TEXT, "Runtime", NULL},
    {"security-opt", 0, OPT_LIST, "SecurityOpt", NULL},
    {"shm-size", 0, OPT_BYTES, "ShmSize", NULL},
    {"stop-signal", 0, OPT_TEXT, ".StopSignal", NULL},
    {"stop-timeout", 0, OPT_NUMBER, ".StopTimeout", NULL},
    {"storage-opt", 0, OPT_MAP, "StorageOpt", NULL},
    {"sysctl", 0, OPT_MAP, "Sysctls", NULL},
    {"tmpfs", 0, OPT_SPECIAL, NULL, set_tmpfs},
    {"tty", 't', OPT_IGNORED_FLAG, NULL, NULL},
    {"ulimit", 0, OPT_SPECIAL, NULL, add_ulimit},
    {"user", 'u', OPT_TEXT, ".User", NULL},
    {"userns", 0, OPT_TEXT, "UsernsMode", NULL},
    {"uts", 0, OPT_TEXT, "UTSMode", NULL},
    {"volume", 'v', OPT_SPECIAL, NULL, engine_plan_volume},
    {"volumes-from", 0, OPT_LIST, "VolumesFrom", NULL},
    {"workdir", 'w', OPT_TEXT, ".WorkingDir", NULL},
};

/* ---- places in the body ---------------------------------------------------------------------- */

/* Where a dotted key leads: the object that holds its last part. */
static value place(arena *a, engine_plan *p, const char *key, str *ret_last) {
    bool top = key[0] == '.';
    value at = top ? p->body : *value_get(&p->body, STR("HostConfig"));
    str rest = str_from(top ? key + 1 : key), head;
    while (str_cut(rest, '.', &head, &rest)) {
        const value *next = value_get(&at, head);
        value made = next && next->kind == VALUE_OBJECT ? *next : value_object_new(a, true);
        if (!next || next->kind != VALUE_OBJECT) value_set(a, &at, head, made);
        at = made;
    }
    *ret_last = head;
    return at;
}

static void put(arena *a, engine_plan *p, const char *key, value item) {
    str last;
    value at = place(a, p, key, &last);
    value_set(a, &at, last, item);
}

static void append(arena *a, engine_plan *p, const char *key, value item) {
    str last;
    value at = place(a, p, key, &last);
    const value *there = value_get(&at, last);
    value list = there && there->kind == VALUE_ARRAY ? *there : value_array_new(a);
    value_push(a, &list, item);
    value_set(a, &at, last, list);
}

static void put_pair(arena *a, engine_plan *p, const char *key, str name, str text) {
    str last;
    value at = place(a, p, arena_printf(a, "%s.x", key).ptr, &last);
    value_set(a, &at, name, value_string(text));
}

/* ---- forms of values ------------------------------------------------------------------------- */

static int bad(err *e, const char *option, str text, const char *wanted) {
    return err_set(e, ERR_INVALID, "--%s: '%.*s' is no %s", option, STR_ARG(str_sub(text, 0, 200)),
                   wanted);
}

/* A number with a fraction at the head of *text. */
static bool take_number(str *text, double *ret) {
    char digits[32];
    size_t n = 0;
    while (n < text->len && n < sizeof digits - 1 && strchr("0123456789.", text->ptr[n]) &&
           text->ptr[n])
        digits[n] = text->ptr[n], n++;
    digits[n] = '\0';
    char *end;
    *ret = strtod(digits, &end);
    *text = str_sub(*text, n, text->len);
    return n > 0 && !*end;
}

static bool parse_bytes(str text, double *ret) {
    static const char units[] = "bkmgt";
    if (str_is(text, "-1")) return *ret = -1, true;
    if (!take_number(&text, ret)) return false;
    if (!text.len) return true;
    const char *unit = strchr(units, text.ptr[0] | 0x20);
    if (!unit || !*unit) return false;
    for (ptrdiff_t i = unit - units; i > 0; i--)
        *ret *= 1024;
    text = str_sub(text, 1, text.len);
    return *ret < 9e15 &&
           (!text.len || str_eq_nocase(text, STR("b")) || str_eq_nocase(text, STR("ib")));
}

/* As Go reads a time.Duration. */
static bool parse_duration(str text, double *ret) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
    *ret = 0;
    if (str_is(text, "0")) return true;
    if (!text.len) return false;
    while (text.len) {
        double n;
        size_t letters = 0, unit = 0;
        if (!take_number(&text, &n)) return false;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z')
            letters++;
        while (unit < sizeof units / sizeof *units &&
               !str_is(str_sub(text, 0, letters), units[unit].name))
            unit++;
        if (unit == sizeof units / sizeof *units) return false;
        *ret += n * units[unit].ns;
        text = str_sub(text, letters, text.len);
    }
    return *ret < 9e15;
}

/* ---- what has a function --------------------------------------------------------------------- */

static int set_env(arena *a, engine_plan *p, str text, err *e) {
    (void)e;
    if (str_find_char(text, '=') > 0) engine_plan_env(a, p, text);
    return 0; /* a name alone takes the value of the runner's environment, which a job must not see
               */
}

static int set_cpus(arena *a, engine_plan *p, str text, err *e) {
    double n;
    str rest = text;
    if (!take_number(&rest, &n) || rest.len || n > 1e6)
        return bad(e, "cpus", text, "number of CPUs");
    put(a, p, "NanoCpus", value_number(floor(n * 1e9)));
    return 0;
}

static int set_health_cmd(arena *a, engine_plan *p, str text, err *e) {
    (void)e;
    value test = value_array_new(a);
    value_push(a, &test, value_string(STR("CMD-SHELL")));
    value_push(a, &test, value_string(text));
    put(a, p, ".Healthcheck.Test", test);
    return 0;
}

static int set_no_health(arena *a, engine_plan *p, str text, err *e) {
    (void)text, (void)e;
    value test = value_array_new(a);
    value_push(a, &test, value_string(STR("NONE")));
    put(a, p, ".Healthcheck.Test", test);
    return 0;
}

static int set_name(arena *a, engine_plan *p, str text, err *e) {
    (void)a, (void)e;
    p->name = text;
    return 0;
}

static int add_alias(arena *a, engine_plan *p, str text, err *e) {
    (void)e;
    value_push(a, &p->aliases, value_string(text));
    return 0;
}

static int refuse_network(arena *a, engine_plan *p, str text, err *e) {
    (void)a, (void)p;
    return err_set(e, ERR_UNSUPPORTED,
                   "--network %.*s: a job's containers share a network of their own, as on GitHub",
                   STR_ARG(str_sub(text, 0, 200)));
}

static int set_tmpfs(arena *a, engine_plan *p, str text, err *e) {
    (void)e;
    str path, options;
    str_cut(text, ':', &path, &options);
    put_pair(a, p, "Tmpfs", path, options);
    return 0;
}

/* NAME=SOFT[:HARD], -1 for none. */
static int add_ulimit(arena *a, engine_plan *p, str text, err *e) {
    str name, both, part[2];
    str_cut(text, '=', &name, &both);
    if (!str_cut(both, ':', &part[0], &part[1])) part[1] = part[0];
    value limit = value_object_new(a, true);
    value_set_str(a, &limit, "Name", name);
    for (int i = 0; i < 2; i++) {
        uint64_t n;
        bool none = str_is(part[i], "-1");
        if (!none && !str_to_uint(part[i], (uint64_t)1 << 53, &n))
            return bad(e, "ulimit", text, "limit of the form NAME=SOFT[:HARD]");
        value_set(a, &limit, i ? STR("Hard") : STR("Soft"), value_number(none ? -1 : (double)n));
    }
    append(a, p, "Ulimits", limit);
    return 0;
}

/* HOST[:CONTAINER[:rwm]] */
static int add_device(arena *a, engine_plan *p, str text, err *e) {
    str outside, inside, mode;
    if (!str_starts(text, STR("/"))) return bad(e, "device", text, "path of a device");
    str_cut(text, ':', &outside, &inside);
    str_cut(inside, ':', &inside, &mode);
    value device = value_object_new(a, true);
    value_set_str(a, &device, "PathOnHost", outside);
    value_set_str(a, &device, "PathInContainer", inside.len ? inside : outside);
    value_set_str(a, &device, "CgroupPermissions", mode.len ? mode : STR("rwm"));
    append(a, p, "Devices", device);
    return 0;
}

static int add_expose(arena *a, engine_plan *p, str text, err *e) {
    str port, protocol, last;
    uint64_t n;
    if (!str_cut(text, '/', &port, &protocol)) protocol = STR("tcp");
    if (!str_to_uint(port, 65535, &n)) return bad(e, "expose", text, "port");
    value at = place(a, p, ".ExposedPorts.x", &last);
    value_set(a, &at, arena_printf(a, "%u/%.*s", (unsigned)n, STR_ARG(protocol)),
              value_object_new(a, true));
    return 0;
}

static int set_entrypoint(arena *a, engine_plan *p, str text, err *e) {
    (void)e;
    engine_plan_entrypoint(a, p, &text, 1);
    return 0;
}

/* type=bind|volume|tmpfs,source=…,target=…[,readonly] */
static int add_mount(arena *a, engine_plan *p, str text, err *e) {
    static const struct {
        const char *name, *key;
    } keys[] = {{"type", "Type"},     {"source", "Source"}, {"src", "Source"},
                {"target", "Target"}, {"dst", "Target"},    {"destination", "Target"}};
    value mount = value_object_new(a, true);
    str rest = text, part, name, item;
    value_set_str(a, &mount, "Type", STR("volume"));
    while (rest.len) {
        str_cut(rest, ',', &part, &rest);
        bool given = str_cut(part, '=', &name, &item);
        size_t i = 0;
        while (i < sizeof keys / sizeof *keys && !str_is(name, keys[i].name))
            i++;
        if (i < sizeof keys / sizeof *keys)
            value_set_str(a, &mount, keys[i].key, item);
        else if (str_is(name, "readonly") || str_is(name, "ro"))
            value_set(a, &mount, STR("ReadOnly"),
                      value_bool(!given || str_is(item, "true") || str_is(item, "1")));
        else
            return err_set(e, ERR_UNSUPPORTED, "--mount: '%.*s' is not known here",
                           STR_ARG(str_sub(name, 0, 100)));
    }
    if (!str_starts(value_path_str(&mount, "Target"), STR("/")))
        return bad(e, "mount", text, "mount with an absolute target");
    append(a, p, "Mounts", mount);
    return 0;
}

/* ---- the line -------------------------------------------------------------------------------- */

static int apply(arena *a, engine_plan *p, const struct option_row *row, str text, err *e) {
    double n = 0;
    uint64_t whole;
    str name, rest;
    switch (row->kind) {
    case OPT_TEXT: put(a, p, row->key, value_string(text)); break;
    case OPT_NUMBER:
        if (!str_to_uint(str_starts(text, STR("-")) ? str_sub(text, 1, text.len) : text,
                         (uint64_t)1 << 53, &whole))
            return bad(e, row->name, text, "whole number");
        put(a, p, row->key, value_number(text.ptr[0] == '-' ? -(double)whole : (double)whole));
        break;
    case OPT_BYTES:
        if (!parse_bytes(text, &n)) return bad(e, row->name, text, "size (such as 512m)");
        put(a, p, row->key, value_number(floor(n)));
        break;
    case OPT_DURATION:
        if (!parse_duration(text, &n)) return bad(e, row->name, text, "duration (such as 1m30s)");
        put(a, p, row->key, value_number(floor(n)));
        break;
    case OPT_FLAG: put(a, p, row->key, value_bool(!str_eq_nocase(text, STR("false")))); break;
    case OPT_LIST: append(a, p, row->key, value_string(text)); break;
    case OPT_MAP:
        str_cut(text, '=', &name, &rest);
        put_pair(a, p, row->key, name, rest);
        break;
    case OPT_SPECIAL: return row->special(a, p, text, e);
    case OPT_IGNORED:
    case OPT_IGNORED_FLAG: break;
    }
    return 0;
}

static bool is_flag(const struct option_row *row) {
    return row->kind == OPT_FLAG || row->kind == OPT_IGNORED_FLAG ||
           (row->kind == OPT_SPECIAL && row->key);
}

static const struct option_row *find(str name, char letter) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (letter ? rows[i].letter == letter : str_is(name, rows[i].name)) return &rows[i];
    }
    return NULL;
}

int engine_plan_options(arena *a, engine_plan *p, str text, err *e) {
    str *words, name, item;
    size_t count;
    if (engine_words(a, text, &words, &count, e) < 0) return e ? (int)e->code : ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        str word = words[i];
        bool whole = str_starts(word, STR("--")), given = false;
        const struct option_row *row = NULL;
        if (whole) {
            given = str_cut(str_sub(word, 2, word.len), '=', &name, &item);
            row = find(name, 0);
        } else if (word.len > 1 && word.ptr[0] == '-') { /* -p80, -p 80, -p=80 */
            row = find(STR_EMPTY, word.ptr[1]);
            item = str_sub(word, 2, word.len);
            given = item.len > 0;
            if (given && item.ptr[0] == '=') item = str_sub(item, 1, item.len);
        }
        if (!row)
            return err_set(e, ERR_UNSUPPORTED,
                           "options: '%.*s' is not an option that is known here",
                           STR_ARG(str_sub(word, 0, 200)));
        if (!given && is_flag(row)) {
            item = STR("true");
        } else if (!given) {
            if (i + 1 == count)
                return err_set(e, ERR_INVALID, "options: --%s needs a value", row->name);
            item = words[++i];
        }
        if (apply(a, p, row, item, e) < 0) return err_context(e, "options");
    }
    return 0;
}
