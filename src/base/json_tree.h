/* json_tree.h: JSON text to a tree of nodes that know where they stand (RFC 8259).
 *
 * For files that people are shown places of, such as lock files of many thousand entries: one pass,
 * texts without escapes borrow. base/json.h makes values, without places. The parser is our own:
 * jansson keeps no places. */
#ifndef SLIPWAY_BASE_JSON_TREE_H
#define SLIPWAY_BASE_JSON_TREE_H

#include "base/arena.h"
#include "base/err.h"

typedef enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
    JSON_KIND_COUNT
} json_kind;

typedef struct json_node json_node;

/* A member of an object, or (without a key) an item of an array. */
typedef struct json_member {
    str key;
    size_t at; /* where the key begins, of an item the item: a byte of the text */
    json_node *item;
} json_member;

struct json_node {
    json_kind kind;
    size_t begin, end; /* bytes of the text; the end is exclusive */
    union {
        bool boolean;
        str text; /* of a string; of a number as it is written */
        struct {
            json_member *members; /* in the order of the file, those that stand twice too */
            size_t count;
        };
    };
};

typedef struct json_limits {
    unsigned max_depth; /* 0: 100 */
    size_t max_nodes;   /* 0: 8,000,000 */
} json_limits;

/* Parses a whole text, which lives as long as the tree. A byte order mark is passed over. `file`
 * names it in errors, which have a place: ERR_LIMIT for the caps, else ERR_INVALID. `limits` may be
 * NULL. */
int json_tree_parse(arena *a, str text, const char *file, const json_limits *limits,
                    json_node **ret, err *e);

/* The item under a key, the last where it stands twice, or NULL; also NULL when `object` is NULL or
 * no object. */
const json_node *json_tree_get(const json_node *object, const char *key);
/* The string under a key, or an empty str. */
str json_tree_str(const json_node *object, const char *key);
/* Whether there is `true` under a key. */
bool json_tree_true(const json_node *object, const char *key);
/* How many members or items; 0 for NULL and scalars. */
static inline size_t json_tree_count(const json_node *n) {
    return n && n->kind >= JSON_ARRAY ? n->count : 0;
}

#endif
