/* A request to the HTTP proxy: what is taken has one target, and written anew it reads the same to
 * the next proxy, with nothing after it. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str bytes = {(const char *)data, size};
    egress_request r, again;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    unsigned status = 0;
    size_t head = 0;
    if (egress_read_response(bytes, &status, &head) == EGRESS_WHOLE)
        CHECK(status <= 999 && head <= size);
    egress_parse whole = egress_read_request(bytes, &r);
    CHECK(whole != EGRESS_OTHER);
    CHECK((whole == EGRESS_WHOLE) == (r.reason == EGRESS_FINE));
    if (whole != EGRESS_WHOLE) return 0;
    CHECK(r.head_size <= size && r.target.port != 0);
    if (r.connect) return 0;
    egress_write_request(bytes, &r, true, STR_EMPTY, &out);
    CHECK(out.len <= 2 * EGRESS_HEAD_MAX - 2048);
    CHECK(str_find(strbuf_str(&out), STR("\r\n\r\n")) == (ptrdiff_t)out.len - 4);
    if (out.len > EGRESS_HEAD_MAX) return 0;
    whole = egress_read_request(strbuf_str(&out), &again);
    if (whole != EGRESS_WHOLE) { /* one header more than it had */
        CHECK(again.reason == EGRESS_BAD_REQUEST);
        return 0;
    }
    CHECK(strcmp(r.target.name, again.target.name) == 0 && r.target.port == again.target.port);
    CHECK(net_address_same(&r.target.address, &again.target.address));
    CHECK(r.body_size == again.body_size && r.chunked == again.chunked);
    CHECK(!r.chunked || r.body_size == 0);
    return 0;
}
