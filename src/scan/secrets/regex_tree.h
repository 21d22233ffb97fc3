/* regex_tree.h: a parsed pattern. Private to the two files of regex.h. */
#ifndef SLIPWAY_SCAN_SECRETS_REGEX_TREE_H
#define SLIPWAY_SCAN_SECRETS_REGEX_TREE_H

#include "scan/secrets/regex.h"

typedef enum regex_kind {
    RX_EMPTY,
    RX_CHAR,
    RX_CLASS,
    RX_ANY, /* `.`: `newline` says whether it takes one */
    RX_TEXT_BEGIN,
    RX_TEXT_END,
    RX_LINE_BEGIN,
    RX_LINE_END,
    RX_WORD_EDGE,
    RX_NO_WORD_EDGE,
    RX_CAT,
    RX_ALT,
    RX_REPEAT,
    RX_CAPTURE,
    RX_KIND_COUNT
} regex_kind;

/* What a class has beyond ASCII: a range, or a property as PCRE2 writes it ("\\p{Greek}"). */
typedef struct regex_item {
    uint32_t low, high;
    str property; /* empty: the range */
} regex_item;

typedef struct regex_node regex_node;
struct regex_node {
    regex_kind kind;
    bool fold;    /* of a character or an item: without case */
    bool newline; /* of RX_ANY */
    bool negated; /* of a class */
    bool lazy;    /* of a repeat */
    uint32_t code;
    uint64_t ascii[2]; /* of a class, before its negation */
    bool high;         /* with them all that is beyond ASCII */
    regex_item *items;
    size_t item_count, item_cap;
    unsigned min, max; /* of a repeat; max: UINT_MAX for no end */
    regex_node **parts;
    size_t count, cap; /* of what a node is made of */
};

#define RX_NO_END UINT_MAX

typedef struct regex_width {
    size_t min, max;
} regex_width;

/* Bytes of a match of a tree; max: REGEX_UNBOUNDED. */
regex_width regex_width_of(const regex_node *n);
regex_width regex_width_add(regex_width a, regex_width b);

/* How many ends of lines a match of a tree can have; or REGEX_UNBOUNDED. Of what is matched by
 * bytes. */
size_t regex_lines_of(const regex_node *n);

/* What each match of a far pattern begins with, if it is worth looking for; else REGEX_ANYWHERE
 * has no pattern, and *ret_head is NULL. */
void regex_cut(arena *a, const regex_node *tree, regex_head *ret, regex_node **ret_head);

/* Finds the shortest beginning of a pattern that has a run in it, if every match must have one:
 * *ret_head is a tree of that. What it means is in `ret`, whose pattern is not set, unless it is
 * REGEX_LOGIN, which needs no tree. */
void regex_head_of(arena *a, const regex_node *tree, regex_head *ret, regex_node **ret_head);

/* What the groups are called is in `source`; ret_names has REGEX_GROUPS_MAX + 1. */
int regex_parse(arena *a, str source, regex_node **ret, unsigned *ret_groups, str *ret_names,
                err *e);

#endif
