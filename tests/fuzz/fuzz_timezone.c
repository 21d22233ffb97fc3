/* A file of the time zone database, whatever is in it: each clock time has its place in time. */
#include "fuzz.h"

#include "base/timezone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    const timezone_rules *z;
    err e = {0};
    if (timezone_parse(a, (str){(const char *)data, size}, &z, &e) < 0) {
        CHECK(e.code == ERR_UNSUPPORTED && e.message[0]);
        return 0;
    }
    for (int64_t t = INT64_C(-5000000000); t < INT64_C(9000000000); t += INT64_C(700000001)) {
        int32_t offset = timezone_offset(z, t);
        CHECK(offset >= -7 * 86400 && offset <= 7 * 86400);
        timezone_times at = timezone_find(z, t);
        CHECK(at.first <= at.second || !at.twice);
        CHECK(at.skipped || at.first + timezone_offset(z, at.first) == t);
    }
    return 0;
}
