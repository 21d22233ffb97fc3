/* Every name and value is a part of the file, names are not empty, and pairs come in order. */
#include "fuzz.h"

#include "runner/filecmd.h"

static bool inside(str part, str whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    filecmd_pair *pairs;
    str *paths;
    size_t count;
    unsigned line = 0;
    err e = {0};
    int rc = filecmd_pairs(a, text, &pairs, &count, &e);
    CHECK(rc == 0 || (e.code == rc && (rc == ERR_LIMIT || e.where.line > 0)));
    for (size_t i = 0; i < count; i++) {
        CHECK(pairs[i].name.len > 0 && inside(pairs[i].name, text) && inside(pairs[i].value, text));
        CHECK(pairs[i].line > line);
        line = pairs[i].line;
    }
    if (filecmd_paths(a, text, &paths, &count, &e)) return 0;
    for (size_t i = 0; i < count; i++)
        CHECK(paths[i].len > 0 && inside(paths[i], text));
    return 0;
}
