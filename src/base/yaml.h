/* yaml.h: YAML text to a tree of nodes with places (the parser is libyaml; the schema is YAML 1.2
 * core).
 *
 * One document. Anchors and aliases are an option; an alias becomes a pointer to the anchored node,
 * so the tree is a DAG: readers that walk it must budget their work (yaml_limits.max_nodes counts
 * every visit through an alias again, so a parsed tree is already bounded). */
#ifndef SLIPWAY_BASE_YAML_H
#define SLIPWAY_BASE_YAML_H

#include "base/err.h"
#include "base/value.h"

typedef enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING, YAML_KIND_COUNT } yaml_kind;
typedef enum yaml_style {
    YAML_PLAIN,
    YAML_SINGLE,
    YAML_DOUBLE,
    YAML_LITERAL,
    YAML_FOLDED
} yaml_style;

typedef struct yaml_node yaml_node;
typedef struct yaml_pair {
    const yaml_node *key, *item;
} yaml_pair;

struct yaml_node {
    yaml_kind kind;
    yaml_style style; /* scalars */
    bool
        from_alias; /* this occurrence was written as *name; `where` is the anchored node's place */
    span where;
    str tag;    /* as resolved by the parser ("tag:yaml.org,2002:str", "!mine"), empty when none */
    str anchor; /* empty when none */
    str text;   /* scalars: the folded text. UTF-8 */
    union {
        struct {
            const yaml_node **items;
            size_t count;
        } sequence;
        struct {
            yaml_pair *pairs; /* in order, duplicates kept: the reader judges them */
            size_t count;
        } mapping;
    };
};

typedef struct yaml_limits {
    size_t max_bytes;   /* of the text; 0: 1 MiB */
    unsigned max_depth; /* of nested collections, through aliases too; 0: 50 */
    size_t max_nodes;   /* as GitHub counts: a scalar is 1, a collection 2 (its start and its end),
                         * an alias all that it stands for; 0: 1,000,000 */
    bool anchors;       /* false: an anchor or alias is an error */
} yaml_limits;

/* Parses `text` into *ret (NULL for an empty document; a tree from "---" alone is a null scalar).
 * `file` names it in places and must outlive the tree. Columns count code points; a byte order mark
 * counts as nothing. A node with a tag or an anchor begins where that stands; an empty value where
 * its ':' or '-' ended. Merge keys ("<<") are ordinary keys. Errors carry the place: ERR_LIMIT for
 * the caps, else ERR_INVALID; where GitHub's reader has a text for the error, it is that. */
int yaml_parse(arena *a, str text, const char *file, const yaml_limits *limits,
               const yaml_node **ret, err *e);

/* What a scalar means under the YAML 1.2 core schema: an explicit core tag decides, else a plain
 * scalar is resolved (null, booleans, integers with 0x and 0o, floats, .inf, .nan), else a string.
 * *ret borrows the node's text. Error (GitHub's text, with the place in it): an explicit tag is
 * unknown or does not fit the text or its style; a 0x or 0o number has more than 32 bits. */
int yaml_scalar(const yaml_node *node, value *ret, err *e);

/* The item under a plain string key, or NULL. */
const yaml_node *yaml_get(const yaml_node *mapping, const char *key);

#endif
