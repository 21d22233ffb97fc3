/* inventory.h: all that a project depends on, put together from its files.
 *
 * The parent's half: takes what children have read (doc.h), finds for each lock file the manifests
 * beside it, the distribution of a database of packages, the parents of a pom, the layers of an
 * image, and says of each package whether the project asks for it itself, and by which others it
 * came. */
#ifndef SLIPWAY_SCAN_DEPS_INVENTORY_H
#define SLIPWAY_SCAN_DEPS_INVENTORY_H

#include "scan/deps/deps.h"
#include "scan/deps/doc.h"
#include "scan/package.h"
#include "scan/scan.h"

typedef struct dependency {
    package package; /* of a distribution's: its source, as advisories name it */
    const dep_item *item;
    str name, version;     /* what is installed: of a distribution's, the binary package */
    str license;           /* as it is told, or empty */
    uint32_t file;         /* index of the file that names it */
    const uint32_t *needs; /* indexes of dependencies of the same file */
    size_t need_count;
} dependency;

typedef struct dep_file {
    str path; /* as in places: an image and the path in it are parted by "!/" */
    const dep_doc *doc;
    str ecosystem;
    size_t first, count; /* its dependencies */
} dep_file;

struct inventory {
    arena *a;
    dep_doc **docs;
    size_t doc_count, doc_cap;
    dep_file *files;
    size_t file_count, file_cap;
    dependency *items;
    size_t count, cap;
    /* Manifests of the project for which there is no lock file. */
    const dep_doc **unlocked;
    size_t unlocked_count, unlocked_cap;
    scan_error_list errors;
    dep_map poms; /* "group:artifact" and path to document: private to pom.c */
};

inventory *inventory_new(arena *a);
/* The notes of one file; the text is copied. */
int inventory_add(inventory *v, str path, str notes, err *e);
/* After the last file: fills files and items, in the order of the files. Once. */
int inventory_finish(inventory *v, err *e);

/* Of one document: what is direct, what is only for development, and by what each came. In arrays
 * of as many entries as it has items; `from` is the item by which it came, DEP_NONE for direct ones
 * and those of which it is not known. */
typedef struct dep_paths {
    bool *direct, *dev;
    uint32_t *from;
} dep_paths;
void dep_paths_find(arena *a, const dep_doc *d, const dep_root *roots, size_t root_count,
                    bool roots_known, dep_paths *ret);

#endif
