#include "scan/secrets/ignore.h"

#include <stdlib.h>

/* Paths of Windows are read as ours. */
static str normal(arena *a, str line) {
    str copy = arena_str(a, line);
    for (size_t i = 0; i < copy.len; i++) {
        if (copy.ptr[i] == '\\') ((char *)copy.ptr)[i] = '/';
    }
    return copy;
}

static size_t count_colons(str line) {
    size_t count = 0;
    for (size_t i = 0; i < line.len; i++)
        count += line.ptr[i] == ':';
    return count;
}

void ignore_parse(arena *a, str text, str file, ignore_list *ret, scan_error_list *warnings) {
    str line;
    *ret = (ignore_list){0};
    for (uint32_t number = 1; str_line(&text, &line); number++) {
        line = str_trim(line);
        if (!line.len || line.ptr[0] == '#') continue;
        if (count_colons(line) < 2) {
            scan_error w = {file, number, 1,
                            STR("this is no fingerprint: it is path:rule:line or "
                                "commit:path:rule:line")};
            ARENA_PUSH(warnings->a, warnings->items, warnings->count, warnings->cap, w);
            continue;
        }
        ARENA_PUSH(a, ret->lines, ret->count, ret->cap, normal(a, line));
    }
    if (ret->count) qsort(ret->lines, ret->count, sizeof *ret->lines, str_order);
}

bool ignore_has(const ignore_list *list, str commit, str path, str rule, uint32_t line) {
    _cleanup_strbuf_ strbuf key = STRBUF_INIT;
    if (!list->count) return false;
    if (commit.len) strbuf_addf(&key, "%.*s:", STR_ARG(commit));
    strbuf_addf(&key, "%.*s:%.*s:%u", STR_ARG(path), STR_ARG(rule), line);
    return str_in_sorted(strbuf_str(&key), list->lines, list->count);
}
