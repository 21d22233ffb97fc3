/* The first line is a path, which tells the format; the rest is the file. What a reader says can be
 * read back as notes, and put together. */
#include "fuzz.h"

#include "scan/deps/inventory.h"
#include "scan/deps/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf notes = STRBUF_INIT;
    str path, text;
    dep_doc d;
    err e = {0}, none = {0};
    str_cut((str){(const char *)data, size}, '\n', &path, &text);
    const dep_format *format = dep_format_of(path);
    if (!format || !format->read || !utf8_valid(path)) return 0;
    dep_doc_init(&d, a, format, path);
    if (format->read(&d, text, &e) < 0) CHECK(e.message[0]);
    dep_doc_write(&notes, &d);
    inventory *v = inventory_new(a);
    CHECK(inventory_add(v, path, strbuf_str(&notes), &none) == 0);
    CHECK(v->docs[0]->count == d.count && v->docs[0]->fact_count == d.fact_count);
    CHECK(inventory_finish(v, &none) == 0);
    for (size_t i = 0; i < v->count; i++)
        CHECK(v->items[i].package.purl.len > 4);
    return 0;
}
