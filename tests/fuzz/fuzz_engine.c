/* Options, ports and volumes of containers, and an engine's output: no input is too odd, and output
 * is the same however it is cut. */
#include "fuzz.h"

#include "sandbox/engine_api.h"
#include "sandbox/engine_spec.h"

static int collect(void *context, str bytes) {
    strbuf_add(context, bytes);
    return 0;
}

static int feed(str stream, size_t step, strbuf *out) {
    engine_demux d = {.out = collect, .context = out};
    while (stream.len) {
        int code = engine_demux_feed(&d, str_sub(stream, 0, step));
        if (code) return code;
        stream = str_sub(stream, step, stream.len);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf whole = STRBUF_INIT, pieces = STRBUF_INIT;
    static int (*const add[])(arena *, engine_plan *, str,
                              err *) = {engine_plan_options, engine_plan_port, engine_plan_volume};
    str text = {(const char *)data, size};
    for (size_t i = 0; i < sizeof add / sizeof *add; i++) {
        engine_plan p;
        err e = {0};
        engine_plan_init(a, &p);
        int code = add[i](a, &p, text, &e);
        CHECK(code == 0 || (code == (int)e.code && e.message[0]));
    }
    int once = feed(text, size ? size : 1, &whole), many = feed(text, 3, &pieces);
    CHECK(once == many && str_eq(strbuf_str(&whole), strbuf_str(&pieces)));
    return 0;
}
