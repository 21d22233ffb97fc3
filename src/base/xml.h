/* xml.h: XML text to a tree of elements with places (the parser is expat).
 *
 * For reports and manifests. Names keep their prefix; namespaces mean nothing here. Documents may
 * name a DTD, which is not read; one that declares entities is refused. */
#ifndef SLIPWAY_BASE_XML_H
#define SLIPWAY_BASE_XML_H

#include "base/arena.h"
#include "base/err.h"

typedef struct xml_node xml_node;

typedef struct xml_attribute {
    str name, text;
} xml_attribute;

struct xml_node {
    str name;
    span where; /* of the start tag */
    str text; /* what stands directly inside, without that of children; in the order of the file */
    xml_attribute *attributes;
    size_t attribute_count;
    xml_node *parent, *first, *last, *next; /* first, last: children; next: sibling */
};

typedef struct xml_limits {
    size_t max_bytes;   /* 0: 128 MiB */
    unsigned max_depth; /* 0: 200 */
    size_t max_nodes;   /* elements and attributes; 0: 4,000,000 */
} xml_limits;

/* Parses a whole document into *ret, its root element. `file` names it in places and must outlive
 * the tree. Errors have their place: ERR_LIMIT for the caps, else ERR_INVALID. `limits` may be
 * NULL. */
int xml_parse(arena *a, str text, const char *file, const xml_limits *limits, xml_node **ret,
              err *e);

/* An attribute's text; ptr is NULL where there is none. */
str xml_attribute_of(const xml_node *n, const char *name);
/* The first child of that name, or NULL. */
xml_node *xml_child(const xml_node *n, const char *name);
/* The next sibling of that name, or NULL. */
xml_node *xml_next(const xml_node *n, const char *name);
/* The trimmed text of the first child of that name, or an empty str. */
str xml_child_text(const xml_node *n, const char *name);
/* The next element in the order of the document, below `root`: the first child, else the next
 * sibling of the element or of one that it lies in. NULL at the end. */
xml_node *xml_walk(const xml_node *root, const xml_node *n);

#endif
