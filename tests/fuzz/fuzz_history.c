/* Commits, trees and tags of git, and the list that a child makes of a history: the first byte says
 * what the rest is read as. */
#include "fuzz.h"

#include "base/arena.h"
#include "scan/history_parse.h"
#include "scan/history_walk.h"

#include <string.h>

static bool is_within(str part, str whole) {
    return !part.len || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void read_commit(str text) {
    commit_head c;
    uint8_t id[OBJECT_ID_BYTES];
    size_t parents = 0;
    history_parse_commit(text, &c);
    CHECK(is_within(c.author, text) && is_within(c.parents, text));
    while (history_next_parent(&c.parents, id))
        parents++;
    CHECK(parents <= text.len / (2 * OBJECT_ID_BYTES));
}

static bool has_entry(str tree, const tree_entry *wanted) {
    tree_entry e;
    while (history_next_entry(&tree, &e)) {
        if (str_eq(e.mode, wanted->mode) && str_eq(e.name, wanted->name) &&
            memcmp(e.id, wanted->id, sizeof e.id) == 0)
            return true;
    }
    return false;
}

static bool is_whole(str tree) {
    tree_entry e;
    while (history_next_entry(&tree, &e))
        continue;
    return tree.len == 0;
}

/* Two trees: the second has what is told of, and of what is not told of, the first has it. */
static void compare_trees(str data) {
    size_t half = data.len ? (unsigned char)data.ptr[0] * data.len / 256 : 0;
    str old = str_sub(data, 1, half), text = str_sub(data, half > 1 ? half : 1, data.len),
        rest = text;
    tree_entry e, change;
    if (!is_whole(old)) old = STR_EMPTY;
    tree_changes all = history_compare_trees(old, text);
    while (history_next_change(&all, &change))
        CHECK(has_entry(text, &change));
    while (history_next_entry(&rest, &e)) {
        tree_changes c = history_compare_trees(old, text);
        bool told = has_entry(old, &e);
        while (!told && history_next_change(&c, &change))
            told = str_eq(e.name, change.name) && memcmp(e.id, change.id, sizeof e.id) == 0;
        CHECK(told);
    }
    CHECK(all.broken == (rest.len != 0));
}

static void read_list(str bytes) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf again = STRBUF_INIT;
    history_list list;
    err e = {0};
    if (history_list_read(a, bytes, &list, &e) < 0) return;
    for (size_t i = 0; i < list.blob_count; i++)
        CHECK(list.blobs[i].path < list.path_count);
    history_list_write(&again, &list);
    CHECK(str_eq(strbuf_str(&again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str text = {(const char *)data + 1, size - 1};
    uint8_t id[OBJECT_ID_BYTES];
    if (!size) return 0;
    switch (data[0]) {
    case 'c': read_commit(text); break;
    case 't': compare_trees(text); break;
    case 'l': read_list(text); break;
    default: history_parse_tag(text, id);
    }
    return 0;
}
