/* A document is refused with a reason, or its statements can be asked for. */
#include "fuzz.h"

#include "scan/advisories/vex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    vex *v = vex_new(a);
    str ids[] = {STR("CVE-2021-23337"), STR("GHSA-35jh-r3h4-6jhm")};
    err e = {0};
    if (vex_add(v, STR("f"), (str){(const char *)data, size}, &e) < 0) CHECK(e.message[0]);
    const vex_statement *found = vex_find(v, ids, 2, STR("pkg:npm/%40a/lodash@4.17.20"));
    CHECK(!found || found->status < VEX_STATUS_COUNT);
    return 0;
}
