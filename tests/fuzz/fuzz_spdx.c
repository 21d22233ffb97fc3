/* An expression is refused with a reason; else its canonical form is read as the same again. */
#include "fuzz.h"

#include "scan/deps/spdx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    const str allow[] = {STR("MIT"), STR("GPL-*")};
    const license_lists lists = {.allow = allow, .allow_count = 2};
    const spdx_node *n;
    str why;
    err e = {0};
    if (spdx_parse(a, (str){(const char *)data, size}, &n, &e) < 0) {
        CHECK(e.message[0]);
        return 0;
    }
    CHECK(spdx_judge(a, n, &lists, &why) <= LICENSE_DENIED && why.len);
    spdx_write(&once, n);
    if (once.len > SPDX_LENGTH_MAX) return 0; /* common names are longer than what they stand for */
    CHECK(spdx_parse(a, strbuf_str(&once), &n, &e) == 0);
    spdx_write(&twice, n);
    CHECK(str_eq(strbuf_str(&once), strbuf_str(&twice)));
    return 0;
}
