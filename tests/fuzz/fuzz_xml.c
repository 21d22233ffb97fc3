/* A tree keeps to its caps, and its texts are UTF-8. */
#include "fuzz.h"

#include "base/xml.h"

#define MAX_NODES 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const xml_limits limits = {.max_depth = 20, .max_nodes = MAX_NODES};
    _cleanup_arena_ arena *a = arena_new();
    xml_node *root = NULL;
    err e = {0};
    size_t count = 0;
    if (xml_parse(a, (str){(const char *)data, size}, "f", &limits, &root, &e) < 0) {
        CHECK(e.code == ERR_LIMIT || e.code == ERR_INVALID);
        return 0;
    }
    for (const xml_node *n = root; n; n = xml_walk(root, n)) {
        CHECK(utf8_valid(n->text) && utf8_valid(n->name));
        CHECK(n->where.line > 0 && n->where.column > 0);
        count += 1 + n->attribute_count;
    }
    CHECK(count <= MAX_NODES);
    return 0;
}
