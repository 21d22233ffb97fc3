/* What is read as a baseline takes out findings, and none twice. */
#include "fuzz.h"

#include "scan/baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str text = {(const char *)data, size};
    baseline *b = baseline_new(a);
    err e = {0};
    if (baseline_read(b, text, &e) < 0) CHECK(e.message[0]);
    finding_list list = {.a = a};
    finding f = {.kind = STR("k"),
                 .rule = STR("r"),
                 .path = STR("a b.c"),
                 .line = 7,
                 .line_hash = STR("h:1"),
                 .fingerprint = STR("f1")};
    finding_list_add(&list, &f);
    size_t out = baseline_apply(b, &list);
    CHECK(out + list.count == 1);
    CHECK(baseline_apply(b, &list) == 0);
    return 0;
}
