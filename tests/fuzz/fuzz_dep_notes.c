/* Notes of a child that is not to be trusted: they are refused, or what they say can be put
 * together and written down. */
#include "fuzz.h"

#include "scan/deps/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    sbom_head head = {.name = STR("x")};
    err e = {0};
    inventory *v = inventory_new(a);
    if (inventory_add(v, STR("f"), (str){(const char *)data, size}, &e) < 0 ||
        inventory_finish(v, &e) < 0) {
        CHECK(e.message[0]);
        return 0;
    }
    sbom_cyclonedx(&out, v, &head);
    sbom_spdx(&out, v, &head);
    CHECK(out.len > 0);
    return 0;
}
