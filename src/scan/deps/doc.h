/* doc.h: what one file says about packages. Private to src/scan/deps.
 *
 * A reader of a format (formats.c) fills a document in a child. It is written as lines of text (the
 * notes of a scan), and read back by the parent, which believes none of it. What needs several
 * files, such as a lock file and the manifest beside it, is put together there (inventory.c). */
#ifndef SLIPWAY_SCAN_DEPS_DOC_H
#define SLIPWAY_SCAN_DEPS_DOC_H

#include "base/arena.h"
#include "base/err.h"
#include "base/table.h"
#include "scan/text.h"

#define DEPS_PACKAGES_MAX 100000  /* a file */
#define DEPS_EDGES_MAX    2000000 /* a file */
#define DEPS_FACTS_MAX    200000  /* a file */
#define DEPS_TEXT_MAX     4096    /* bytes of a name, a version, … */

typedef struct dep_doc dep_doc;

/* Fills the document from a file's text. A negative code is an error of the file, with its place;
 * what was filled in so far counts. */
typedef int dep_read_fn(dep_doc *d, str text, err *e);

typedef enum dep_role {
    ROLE_LOCK,     /* says what is installed */
    ROLE_MANIFEST, /* says what the project itself asks for */
    ROLE_DECLARED, /* both: what it asks for is what is installed, as far as is known */
    ROLE_DATABASE, /* of a system's packages */
    ROLE_FACTS,    /* says something about packages that others name */
    ROLE_IMAGE,    /* holds other files */
    ROLE_COUNT
} dep_role;

typedef struct dep_format {
    const char *name;      /* "package-lock.json" */
    const char *pattern;   /* of the path: '*' is anything in a name; from the last names on */
    const char *ecosystem; /* OSV's; of a distribution, "" until its release is known */
    dep_role role;
    dep_read_fn *read;
    bool comments; /* it may have some that say what does not count */
} dep_format;

/* The format of a file of this path, or NULL. */
const dep_format *dep_format_of(str path);
const dep_format *dep_format_named(str name);

enum {
    DEP_DIRECT = 1, /* the lock file itself says that the project asks for it */
    DEP_DEV = 2,
    DEP_OPTIONAL = 4,
    DEP_LOCAL = 8, /* the project, or a member of it: no package from elsewhere */
};

typedef struct dep_item {
    str name, version;
    str license; /* as the file tells it, or empty */
    str hash;    /* "sha512:" and hex, or empty */
    str origin;  /* of a distribution's package "source=version" */
    str arch;    /* of a distribution's package */
    str source;  /* where it is from, when that is not the usual registry */
    str commit;  /* in hex, of what it was made from; may be shortened */
    str marker;  /* the comment beside it that says what does not count, or empty */
    str repo;    /* the URL of what that is in, when `source` is not */
    str asked;   /* what it was asked for as, "a@^1, a@~1.2", or empty */
    uint32_t line, column, end_column;
    unsigned flags;
    uint32_t *needs; /* items of the same document */
    size_t need_count, need_cap;
} dep_item;

/* A package that the project itself asks for. */
typedef struct dep_root {
    str name, range; /* range: as written, or empty */
    bool dev;
} dep_root;

typedef enum dep_fact_kind {
    FACT_LICENSE, /* ecosystem, name, version (or empty), license */
    FACT_INCLUDE, /* path as written, "r" or "c" */
    FACT_SYSTEM,  /* id, version id, version, pretty name */
    FACT_SELF,    /* of a pom: group, artifact, version */
    FACT_PARENT,  /* group, artifact, version, relative path */
    FACT_PROPERTY,
    FACT_MANAGED, /* group, artifact, version, scope, type */
    FACT_DEPENDENCY,
    FACT_LAYER,    /* of an image, in order: the digest of a layer */
    FACT_WHITEOUT, /* of a layer: a path that is gone, "opaque" where only what is in it */
    FACT_KIND_COUNT
} dep_fact_kind;

#define DEP_FACT_TEXTS  6
#define DEP_FACT_MARKER 5 /* of a dependency: the comment beside it */

typedef struct dep_fact {
    dep_fact_kind kind;
    uint32_t line, column;
    str texts[DEP_FACT_TEXTS];
} dep_fact;

struct dep_doc {
    arena *a;
    const dep_format *format;
    str path;         /* of the file */
    const char *file; /* the same, for errors */
    str inner;        /* of a file in a layer of an image: its path there */
    dep_item *items;
    size_t count, cap;
    dep_root *roots;
    size_t root_count, root_cap;
    dep_fact *facts;
    size_t fact_count, fact_cap;
    size_t edges;
    bool knows_roots; /* items say by themselves who is direct */
    bool knows_dev;
    bool has_graph; /* there are edges, or there could have been */
    /* While reading. */
    text_lines lines;
    size_t near_line; /* the line of the last place: most come in order */
};

/* ---- filling -------------------------------------------------------------------------------- */

void dep_doc_init(dep_doc *d, arena *a, const dep_format *format, str path);
/* Adds a package. ERR_LIMIT when there are too many, or a text is too long. */
int dep_add(dep_doc *d, const dep_item *item, uint32_t *ret, err *e);
/* `from` needs `to`; the same edge may be added twice. */
int dep_need(dep_doc *d, uint32_t from, uint32_t to, err *e);
void dep_root_add(dep_doc *d, str name, str range, bool dev);
dep_fact *dep_fact_add(dep_doc *d, dep_fact_kind kind);
/* The place of a stretch of the text, which must be all of one line. */
void dep_place(dep_doc *d, str text, size_t begin, size_t end, dep_item *ret);
span dep_span(dep_doc *d, str text, size_t at);
/* Where `part` begins in `whole`, which it borrows from. */
static inline size_t str_offset(str whole, str part) {
    return (size_t)(part.ptr - whole.ptr);
}
/* From the place of a node. */
void dep_place_span(dep_item *item, span where);

/* ---- sets of texts -------------------------------------------------------------------------- */

/* Text to number, exactly; for names of packages. */
typedef struct dep_map {
    arena *a;
    struct dep_map_item {
        str key;
        uint32_t value;
    } * items;
    size_t count, cap;
    table_index table;
} dep_map;

#define DEP_NONE UINT32_MAX

/* Keeps the first value of a key; gives the one that counts. */
uint32_t dep_map_put(dep_map *m, str key, uint32_t value);
uint32_t dep_map_get(const dep_map *m, str key); /* DEP_NONE: there is none */

/* ---- as text -------------------------------------------------------------------------------- */

void dep_doc_write(strbuf *out, const dep_doc *d);
/* Reads documents that dep_doc_write has written. Texts are borrowed. ERR_FAILED when it cannot be.
 */
int dep_doc_read(arena *a, str path, str notes, dep_doc **ret, size_t *ret_count, err *e);

#endif
