/* run_where.c: where the jobs of a run run, and within which limits: -P and --limit. */
#include "base/fs.h"
#include "cli/run.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

/* ---- limits --------------------------------------------------------------------------------- */

static bool to_bytes(str text, uint64_t *ret) {
    static const char units[] = "KMGT";
    uint64_t factor = 1, number;
    if (text.len && strchr("Bb", text.ptr[text.len - 1])) text.len--;
    if (text.len && strchr("Ii", text.ptr[text.len - 1])) text.len--;
    const char *unit =
        text.len ? strchr(units, toupper((unsigned char)text.ptr[text.len - 1])) : NULL;
    if (unit && *unit) {
        factor <<= 10 * (unit - units + 1);
        text.len--;
    }
    if (!str_to_uint(text, UINT64_MAX / factor, &number)) return false;
    *ret = number * factor;
    return true;
}

static bool to_count(str text, uint32_t *ret) {
    uint64_t number;
    if (!str_to_uint(text, UINT32_MAX, &number)) return false;
    *ret = (uint32_t)number;
    return true;
}

static bool set_limit(sandbox_limits *l, str name, str text) {
    if (str_is(name, "memory")) return to_bytes(text, &l->memory_bytes);
    if (str_is(name, "disk")) return to_bytes(text, &l->disk_bytes);
    if (str_is(name, "processes")) return to_count(text, &l->processes);
    if (str_is(name, "cpus")) return to_count(text, &l->cpus);
    return to_count(text, &l->open_files);
}

int run_limits_read(const options *given, sandbox_limits *ret, err *e) {
    static const str names[] = {STR_INIT("memory"), STR_INIT("disk"), STR_INIT("processes"),
                                STR_INIT("cpus"), STR_INIT("open-files")};
    const size_t count = sizeof names / sizeof *names;
    const char **texts;
    size_t text_count = options_values(given, "limit", &texts);
    for (size_t i = 0; i < text_count; i++) {
        str name, text;
        size_t known = 0;
        bool split = str_cut(str_from(texts[i]), '=', &name, &text);
        while (known < count && !str_eq(names[known], name))
            known++;
        if (!split || known == count) {
            str near = str_nearest(name, names, count);
            return err_set(e, ERR_INVALID,
                           "--limit %s: the limits are memory, disk, processes, cpus and "
                           "open-files, as in --limit memory=4G%s%.*s%s",
                           texts[i], near.len ? "; did you mean '" : "", STR_ARG(near),
                           near.len ? "'?" : "");
        }
        if (!set_limit(ret, name, text))
            return err_set(e, ERR_INVALID,
                           "--limit %s: '%.*s' is not an amount; write a whole number, with K, M, "
                           "G or T behind it for bytes; 0 means no limit",
                           texts[i], STR_ARG(text));
    }
    return 0;
}

/* A job may use nearly all that the machine has, so that what goes astray is stopped before the
 * machine is. */
sandbox_limits run_limits_default(const char *folder) {
    sandbox_limits l = {.processes = 16384, .open_files = 65536};
    struct sysinfo machine;
    struct statvfs fs;
    if (sysinfo(&machine) == 0)
        l.memory_bytes = (uint64_t)machine.totalram * machine.mem_unit / 10 * 9;
    if (statvfs(folder, &fs) == 0) l.disk_bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 10 * 9;
    return l;
}

/* ---- back ends ------------------------------------------------------------------------------ */

static bool parse(const char *text, run_where *ret) {
    *ret = (run_where){.backend = SANDBOX_NAMESPACES};
    if (strcmp(text, "host") == 0) ret->backend = SANDBOX_HOST;
    if (strncmp(text, "rootfs:", 7) == 0) ret->rootfs = text + 7;
    if (strncmp(text, RUN_OCI, sizeof RUN_OCI - 1) == 0) ret->oci = text + sizeof RUN_OCI - 1;
    return ret->backend == SANDBOX_HOST || ret->rootfs || ret->oci || strcmp(text, "sandbox") == 0;
}

int run_where_judge(const run_config *c, err *e) {
    for (size_t i = 0; i < c->platform_count; i++) {
        run_where where;
        str label = c->platforms[i].from;
        if (!parse(c->platforms[i].to, &where))
            return err_set(e, ERR_INVALID,
                           "-P %.*s=%s: the back ends are 'sandbox', 'host', 'rootfs:DIR' and "
                           "'oci:DIR[:TAG]'",
                           STR_ARG(label), c->platforms[i].to);
        const char *dir;
        str tag;
        if (where.oci && !run_image_split(c->a, where.oci, &dir, &tag))
            return err_set(e, ERR_INVALID,
                           "-P %.*s=%s: '%s' is not a folder, nor is what stands in front of a "
                           "colon in it",
                           STR_ARG(label), c->platforms[i].to, where.oci);
        if (where.rootfs && !fs_is_dir(where.rootfs))
            return err_set(e, ERR_INVALID, "-P %.*s=%s: '%s' is not a folder", STR_ARG(label),
                           c->platforms[i].to, where.rootfs);
    }
    return 0;
}

/* The last -P for a label counts. */
int run_where_choose(const run_config *c, const str *labels, size_t count, run_where *ret, err *e) {
    for (size_t i = 0; i < count; i++) {
        for (size_t p = c->platform_count; p-- > 0;) {
            if (!str_eq_nocase(c->platforms[p].from, labels[i])) continue;
            parse(c->platforms[p].to, ret);
            return 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool other = str_eq_nocase(str_sub(labels[i], 0, 5), STR("macos")) ||
                     str_eq_nocase(str_sub(labels[i], 0, 7), STR("windows"));
        if (other)
            return err_set(e, ERR_UNSUPPORTED,
                           "runs-on: %.*s is not this machine's system; '-P %.*s=sandbox' runs it "
                           "here all the same",
                           STR_ARG(labels[i]), STR_ARG(labels[i]));
    }
    *ret = (run_where){.backend = SANDBOX_NAMESPACES};
    return 0;
}
