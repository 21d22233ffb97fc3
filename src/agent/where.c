#include "agent/where.h"

#include "base/fs.h"

#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

/* ---- limits --------------------------------------------------------------------------------- */

/* A job may use nearly all that the machine has, so that what goes astray is stopped before the
 * machine is. */
sandbox_limits limits_default(const char *folder) {
    sandbox_limits l = {.processes = 16384, .open_files = 65536};
    struct sysinfo machine;
    struct statvfs fs;
    if (sysinfo(&machine) == 0)
        l.memory_bytes = (uint64_t)machine.totalram * machine.mem_unit / 10 * 9;
    if (statvfs(folder, &fs) == 0) l.disk_bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 10 * 9;
    return l;
}

/* ---- back ends ------------------------------------------------------------------------------ */

static bool parse(const char *text, job_where *ret) {
    *ret = (job_where){.backend = SANDBOX_NAMESPACES};
    if (strcmp(text, "host") == 0) ret->backend = SANDBOX_HOST;
    if (strncmp(text, "rootfs:", 7) == 0) ret->rootfs = text + 7;
    if (strncmp(text, WHERE_OCI, sizeof WHERE_OCI - 1) == 0) ret->oci = text + sizeof WHERE_OCI - 1;
    return ret->backend == SANDBOX_HOST || ret->rootfs || ret->oci || strcmp(text, "sandbox") == 0;
}

int where_judge(arena *a, const word_mapping *platforms, size_t platform_count, err *e) {
    for (size_t i = 0; i < platform_count; i++) {
        job_where where;
        str label = platforms[i].from;
        if (!parse(platforms[i].to, &where))
            return err_set(e, ERR_INVALID,
                           "-P %.*s=%s: the back ends are 'sandbox', 'host', 'rootfs:DIR' and "
                           "'oci:DIR[:TAG]'",
                           STR_ARG(label), platforms[i].to);
        const char *dir;
        str tag;
        if (where.oci && !where_split_image(a, where.oci, &dir, &tag))
            return err_set(e, ERR_INVALID,
                           "-P %.*s=%s: '%s' is not a folder, nor is what stands in front of a "
                           "colon in it",
                           STR_ARG(label), platforms[i].to, where.oci);
        if (where.rootfs && !fs_is_dir(where.rootfs))
            return err_set(e, ERR_INVALID, "-P %.*s=%s: '%s' is not a folder", STR_ARG(label),
                           platforms[i].to, where.rootfs);
    }
    return 0;
}

/* The last -P for a label counts. */
int where_choose(const word_mapping *platforms, size_t platform_count, const str *labels,
                 size_t count, job_where *ret, err *e) {
    for (size_t i = 0; i < count; i++) {
        for (size_t p = platform_count; p-- > 0;) {
            if (!str_eq_nocase(platforms[p].from, labels[i])) continue;
            parse(platforms[p].to, ret);
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
    *ret = (job_where){.backend = SANDBOX_NAMESPACES};
    return 0;
}
