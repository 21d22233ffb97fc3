/* A tar that may be an image: an error, or documents that can be put together. */
#include "fuzz.h"

#include "scan/deps/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    scan_out out = {.a = a, .findings.a = a, .errors.a = a, .notes = STRBUF_INIT};
    scan_file file = {STR("image.tar"), {(const char *)data, size}};
    err e = {0};
    if (image_read(&out, dep_format_of(file.path), &file, &e) < 0) CHECK(e.message[0]);
    inventory *v = inventory_new(a);
    CHECK(inventory_add(v, file.path, strbuf_str(&out.notes), &e) == 0);
    CHECK(inventory_finish(v, &e) == 0);
    strbuf_done(&out.notes);
    return 0;
}
