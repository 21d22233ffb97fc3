/* A TLS ClientHello: a name is a name, and what is whole stays so when more follows. */
#include "fuzz.h"

#include "sandbox/egress_parse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[EGRESS_NAME_MAX + 1], again[EGRESS_NAME_MAX + 1];
    egress_target t;
    egress_parse r = egress_read_hello((str){(const char *)data, size}, name);
    if (r != EGRESS_WHOLE) return 0;
    CHECK(!name[0] || (egress_parse_host(str_from(name), &t) && strcmp(t.name, name) == 0));
    _cleanup_strbuf_ strbuf more = STRBUF_INIT;
    strbuf_add(&more, (str){(const char *)data, size});
    strbuf_adds(&more, "more");
    CHECK(egress_read_hello(strbuf_str(&more), again) == EGRESS_WHOLE);
    CHECK(strcmp(name, again) == 0);
    return 0;
}
