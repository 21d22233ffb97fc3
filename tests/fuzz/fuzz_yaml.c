/* A tree keeps to its caps however it is walked, and every node has a place in the text. */
#include "fuzz.h"

#include "base/yaml.h"

#define MAX_DEPTH 20
#define MAX_NODES 2000

/* Counts as yaml_limits.max_nodes does. */
static size_t walk(const yaml_node *node, unsigned depth) {
    value v;
    err e = {0};
    size_t count = 2;
    CHECK(node->where.line > 0 && node->where.column > 0);
    CHECK(node->where.end_line >= node->where.line);
    switch (node->kind) {
    case YAML_SCALAR:
        CHECK(yaml_scalar(node, &v, &e) == 0 || e.code == ERR_INVALID);
        CHECK(utf8_valid(node->text));
        return 1;
    case YAML_SEQUENCE:
        CHECK(depth < MAX_DEPTH);
        for (size_t i = 0; i < node->sequence.count; i++)
            count += walk(node->sequence.items[i], depth + 1);
        return count;
    case YAML_MAPPING:
        CHECK(depth < MAX_DEPTH);
        for (size_t i = 0; i < node->mapping.count; i++)
            count += walk(node->mapping.pairs[i].key, depth + 1) +
                     walk(node->mapping.pairs[i].item, depth + 1);
        return count;
    case YAML_KIND_COUNT: break;
    }
    CHECK(false);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const yaml_limits limits = {
        .max_depth = MAX_DEPTH, .max_nodes = MAX_NODES, .anchors = true};
    _cleanup_arena_ arena *a = arena_new();
    const yaml_node *root = NULL;
    err e = {0};
    if (yaml_parse(a, (str){(const char *)data, size}, "f", &limits, &root, &e) == 0)
        CHECK(!root || walk(root, 0) <= MAX_NODES);
    else
        CHECK(e.code == ERR_LIMIT || (e.code == ERR_INVALID && e.where.line > 0));
    return 0;
}
