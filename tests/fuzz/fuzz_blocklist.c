/* The body of Put Block List: every id can be one. */
#include "fuzz.h"

#include "actions/blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str *ids;
    size_t count;
    err e = {0};
    if (blocklist_parse(a, (str){(const char *)data, size}, &ids, &count, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        return 0;
    }
    CHECK(count <= BLOCKLIST_MAX);
    for (size_t i = 0; i < count; i++)
        CHECK(block_id_ok(ids[i]));
    return 0;
}
