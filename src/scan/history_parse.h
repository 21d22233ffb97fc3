/* history_parse.h: commits, trees and tags of git, as their bytes are (gitformat-pack(5) has the
 * objects, git-cat-file(1) prints them). Private to src/scan.
 *
 * All of it may be an attacker's. Texts are borrowed. */
#ifndef SLIPWAY_SCAN_HISTORY_PARSE_H
#define SLIPWAY_SCAN_HISTORY_PARSE_H

#include "base/str.h"
#include "scan/idmap.h"

typedef struct commit_head {
    bool whole; /* it has a tree */
    uint8_t tree[OBJECT_ID_BYTES];
    str author;                /* "Name <mail>" */
    int64_t author_time, time; /* seconds since 1970; time: of the committer */
    int32_t zone;              /* of the author, minutes east of Greenwich */
    str parents;               /* for next_parent */
} commit_head;

void history_parse_commit(str text, commit_head *ret);
/* The next of its parents; false after the last. */
bool history_next_parent(str *parents, uint8_t ret[OBJECT_ID_BYTES]);

typedef struct tree_entry {
    str mode, name;
    uint8_t id[OBJECT_ID_BYTES];
} tree_entry;

/* False at the end: `rest` is empty then, or what is no entry. */
bool history_next_entry(str *rest, tree_entry *ret);
bool history_is_folder(const tree_entry *entry);
/* Links and submodules are no files. */
bool history_is_file(const tree_entry *entry);

/* The entries of a tree that another, nearly the same, has not. */
typedef struct tree_changes {
    str old, text;
    size_t old_at, at; /* where an entry begins in either */
    size_t tail;       /* bytes that both end with */
    bool broken;       /* the tree is no list of entries from some place on */
} tree_changes;

/* `old` is a whole list of entries, or empty. */
tree_changes history_compare_trees(str old, str text);
/* May give one that the other has. False after the last. */
bool history_next_change(tree_changes *c, tree_entry *ret);

/* What a tag points at; false when it says nothing like that. */
bool history_parse_tag(str text, uint8_t ret[OBJECT_ID_BYTES]);

#endif
