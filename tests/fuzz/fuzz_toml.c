/* A tree keeps to its caps, and its texts are UTF-8. */
#include "fuzz.h"

#include "base/toml.h"

#define MAX_DEPTH 20
#define MAX_NODES 2000

static size_t walk(const toml_node *n) {
    size_t count = 1;
    CHECK(n->where.line > 0 && n->where.column > 0);
    if (n->kind == TOML_STRING) CHECK(utf8_valid(n->text));
    for (size_t i = 0; n->kind == TOML_ARRAY && i < n->array.count; i++)
        count += walk(n->array.items[i]);
    for (size_t i = 0; n->kind == TOML_TABLE && i < n->table.count; i++) {
        CHECK(toml_get(n, n->table.pairs[i].key) == n->table.pairs[i].item);
        count += walk(n->table.pairs[i].item);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const toml_limits limits = {.max_depth = MAX_DEPTH, .max_nodes = MAX_NODES};
    _cleanup_arena_ arena *a = arena_new();
    toml_node *root = NULL;
    err e = {0};
    if (toml_parse(a, (str){(const char *)data, size}, "f", &limits, &root, &e) == 0)
        CHECK(walk(root) <= MAX_NODES);
    else
        CHECK(e.code == ERR_LIMIT || (e.code == ERR_INVALID && e.where.line > 0));
    return 0;
}
