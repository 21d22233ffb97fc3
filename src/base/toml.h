/* toml.h: TOML 1.0 text to a tree of nodes with places (https://toml.io/en/v1.0.0).
 *
 * The parser is our own: no library of Debian's reads TOML in C. */
#ifndef SLIPWAY_BASE_TOML_H
#define SLIPWAY_BASE_TOML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/table.h"

typedef enum toml_kind {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_TIME, /* a date, a time or both, kept as text */
    TOML_ARRAY,
    TOML_TABLE,
    TOML_KIND_COUNT
} toml_kind;

typedef struct toml_node toml_node;

typedef struct toml_pair {
    str key;
    span where; /* of the key */
    toml_node *item;
} toml_pair;

struct toml_node {
    toml_kind kind;
    span where; /* of the value; of a table, its header or its first key */
    union {
        str text; /* TOML_STRING, UTF-8; TOML_TIME as written */
        int64_t integer;
        double number;
        bool boolean;
        struct {
            toml_node **items;
            size_t count;
        } array;
        struct {
            toml_pair *pairs; /* in the order of the file */
            size_t count;
        } table;
    };
    size_t cap;        /* of items or pairs */
    table_index index; /* of large tables: private */
    uint8_t origin;    /* how a table or array was made, which says who may add to it: private */
};

const char *toml_kind_name(toml_kind kind); /* "a string" */

typedef struct toml_limits {
    size_t max_bytes;   /* 0: 64 MiB */
    unsigned max_depth; /* of nested values and dotted keys; 0: 100 */
    size_t max_nodes;   /* 0: 4,000,000 */
} toml_limits;

/* Parses a whole text into *ret, always a table. Texts without escapes borrow `text`; `file` names
 * it in places and must outlive the tree. Columns count code points. Errors have their place:
 * ERR_LIMIT for the caps, else ERR_INVALID. `limits` may be NULL. */
int toml_parse(arena *a, str text, const char *file, const toml_limits *limits, toml_node **ret,
               err *e);

/* The item under a key, or NULL; also NULL when `table` is NULL or no table. */
const toml_node *toml_get(const toml_node *table, str key);
/* The string under a key, or an empty str when it is absent or no string. */
str toml_get_str(const toml_node *table, const char *key);

#endif
