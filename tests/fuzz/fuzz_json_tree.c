/* Places lie in the text, and each in that of what it is part of; errors have one. */
#include "fuzz.h"

#include "base/json_tree.h"

static void judge(const json_node *n, size_t size) {
    CHECK(n->begin < n->end && n->end <= size);
    for (size_t i = 0; i < json_tree_count(n); i++) {
        CHECK(n->members[i].at >= n->begin && n->members[i].at < n->end);
        judge(n->members[i].item, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    json_node *root;
    err e = {0};
    if (json_tree_parse(a, (str){(const char *)data, size}, "f", NULL, &root, &e) < 0) {
        CHECK(e.message[0] && e.where.line);
        return 0;
    }
    judge(root, size);
    return 0;
}
