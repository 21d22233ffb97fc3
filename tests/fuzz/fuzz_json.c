/* What is read, written and read again is the same. */
#include "fuzz.h"

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    value first, second;
    err e = {0};
    if (json_parse(a, (str){(const char *)data, size}, 0, &first, &e) < 0) {
        CHECK(e.code == ERR_LIMIT || (e.code == ERR_INVALID && e.where.line > 0));
        return 0;
    }
    for (int pretty = 0; pretty < 2; pretty++) {
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        if (pretty)
            json_write_pretty(&text, &first);
        else
            json_write(&text, &first);
        CHECK(utf8_valid(strbuf_str(&text)));
        CHECK(json_parse(a, strbuf_str(&text), 0, &second, NULL) == 0);
        CHECK(value_same(&first, &second));
    }
    return 0;
}
