/* run_limits.c: --limit. */
#include "cli/run.h"

#include <ctype.h>
#include <string.h>

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
