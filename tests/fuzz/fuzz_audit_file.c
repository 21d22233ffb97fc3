/* Paths below /audit/: what is one is written as it was read. */
#include "fuzz.h"

#include "trust/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str path = {(const char *)data, size};
    audit_file f;
    _cleanup_strbuf_ strbuf again = STRBUF_INIT;
    if (!audit_file_parse(path, &f)) return 0;
    CHECK(f.kind < AUDIT_FILE_KIND_COUNT);
    if (f.kind == AUDIT_TILE_FILE || f.kind == AUDIT_ENTRIES)
        CHECK(f.level <= 63 && f.width >= 1 && f.width <= AUDIT_TILE &&
              f.number <= INT64_MAX / AUDIT_TILE);
    audit_file_path(&again, &f);
    CHECK(str_eq(strbuf_str(&again), path));
    return 0;
}
