/* match.c: how long it takes to start, open a store of advisories and look up the packages of a
 * file: lines of ecosystem, name and version, between tabs. */
#include "scan/advisories/advisories.h"

#include "base/fs.h"

#include <stdio.h>

#define FILE_BYTES_MAX (16u << 20)

static int fail(const err *e) {
    fprintf(stderr, "bench_match: %s\n", e->message);
    return 2;
}

int main(int argc, char **argv) {
    err e = {0};
    str text, line;
    package *packages = NULL;
    size_t count = 0, cap = 0;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_advisories_ advisories *v = NULL;
    if (argc != 3) return fprintf(stderr, "usage: bench_match STORE PACKAGES\n"), 2;
    if (fs_read(a, argv[2], FILE_BYTES_MAX, &text, &e) < 0) return fail(&e);
    while (str_line(&text, &line)) {
        package p = {0};
        str_cut(line, '\t', &p.ecosystem, &line);
        str_cut(line, '\t', &p.name, &p.version);
        ARENA_PUSH(a, packages, count, cap, p);
    }
    advisories_match_options how = {0};
    advisories_matched matched;
    if (advisories_open(argv[1], &v, &e) < 0 ||
        advisories_match(a, v, packages, count, &how, &matched, &e) < 0)
        return fail(&e);
    printf("%zu packages, %zu findings, %zu errors\n", count, matched.findings.count,
           matched.errors.count);
    return 0;
}
