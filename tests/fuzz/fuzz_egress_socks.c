/* A SOCKS greeting and request: what is taken was there, and names somebody and a port. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str bytes = {(const char *)data, size};
    size_t used = 0;
    bool open = false;
    uint8_t reply = 0;
    egress_target t;
    if (egress_read_greeting(bytes, &used, &open) == EGRESS_WHOLE) {
        CHECK(used >= 2 && used <= size);
        bytes = str_sub(bytes, used, bytes.len);
    }
    egress_parse r = egress_read_socks(bytes, &used, &t, &reply);
    CHECK(r != EGRESS_OTHER);
    if (r == EGRESS_BAD) CHECK(reply != 0);
    if (r != EGRESS_WHOLE) return 0;
    CHECK(used >= 7 && used <= bytes.len && t.port != 0);
    CHECK(!t.name[0] == !!t.address.family);
    return 0;
}
