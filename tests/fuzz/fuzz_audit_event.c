/* Entries of an audit log: what is read is written in a form that is read as the same. */
#include "fuzz.h"

#include "trust/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    audit_event x, y;
    err e = {0};
    if (audit_event_read(a, (str){(const char *)data, size}, &x, &e) < 0) {
        CHECK(e.code == ERR_INVALID || e.code == ERR_LIMIT || e.code == ERR_UNSUPPORTED);
        return 0;
    }
    int r = audit_event_write(&once, &x, &e);
    CHECK(r == 0 || r == ERR_LIMIT); /* what was escaped shorter than we do may have grown */
    if (r < 0) return 0;
    CHECK(audit_event_read(a, strbuf_str(&once), &y, &e) == 0);
    CHECK(audit_event_write(&twice, &y, &e) == 0);
    CHECK(str_eq(strbuf_str(&once), strbuf_str(&twice)));
    return 0;
}
