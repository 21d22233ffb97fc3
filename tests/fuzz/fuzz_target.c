/* Request targets and ranges: what is decoded has no way up, and a range lies within the size. */
#include "fuzz.h"

#include "base/httpd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size}, found, part;
    httpd_target t;
    uint64_t from, count;
    err e = {0};
    if (httpd_target_parse(a, text, &t, &e) == 0) {
        CHECK(t.path.len && t.path.ptr[0] == '/' && t.path.len <= size);
        CHECK(str_find_char(t.path, '\0') < 0 && t.query_count <= HTTPD_QUERY_MAX);
        for (str rest = t.path; rest.len;) {
            str_cut(rest, '/', &part, &rest);
            CHECK(!str_is(part, ".."));
        }
        httpd_target_query(&t, "sig", &found);
    } else {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT);
    }
    if (httpd_range(text, size, &from, &count) > 0)
        CHECK(count && from < size && count <= size - from);
    return 0;
}
