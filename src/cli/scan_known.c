#include "cli/scan_known.h"

#include <stdlib.h>

static str identity(arena *a, const finding *f) {
    str purl = value_path_str(&f->properties, "purl");
    if (!purl.len) return f->fingerprint;
    return arena_printf(a, "%.*s\t%.*s\t%.*s\t%.*s", STR_ARG(f->kind), STR_ARG(f->rule),
                        STR_ARG(purl), STR_ARG(value_path_str(&f->properties, "commit")));
}

static int cmp(const void *left, const void *right) {
    const str *a = left, *b = right;
    return str_cmp(*a, *b);
}

size_t scan_drop_known(finding_list *now, const finding_list *before) {
    _cleanup_arena_ arena *a = arena_new();
    str *known = ARENA_ARRAY(a, str, before->count);
    size_t kept = 0, count = now->count;
    for (size_t i = 0; i < before->count; i++)
        known[i] = identity(a, &before->items[i]);
    if (before->count) qsort(known, before->count, sizeof *known, cmp);
    for (size_t i = 0; i < count; i++) {
        str one = identity(a, &now->items[i]);
        bool is_known = before->count && bsearch(&one, known, before->count, sizeof one, cmp);
        if (!is_known) now->items[kept++] = now->items[i];
    }
    now->count = kept;
    return count - kept;
}
