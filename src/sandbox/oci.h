/* oci.h: OCI images on disk, from their documents to a folder. Private to this folder.
 *
 * Theory of operation. A layout (a folder with `oci-layout`, `index.json` and `blobs/`) is read in
 * two halves. The documents are small and JSON: oci_read.c judges each, oci_find.c follows them
 * from the index over a manifest to a config, and verifies every blob's size and digest on the way.
 * The layers are archives, made by anybody, and may be large: a child that has given up what it can
 * (base/jail.h) unpacks them one over the other (oci_layer.c) into a folder beside its place, which
 * oci_cache.c then renames. So a folder in the cache is whole, and belongs to the digest that it is
 * named after.
 *
 * The rules: https://github.com/opencontainers/image-spec (image-layout, image-index, manifest,
 * config, layer), and Docker's media types for the same documents. */
#ifndef SLIPWAY_SANDBOX_OCI_H
#define SLIPWAY_SANDBOX_OCI_H

#include "base/value.h"
#include "sandbox/sandbox.h"

#define OCI_LAYERS_MAX    128
#define OCI_NESTING_MAX   4   /* indexes in indexes */
#define OCI_MANIFESTS_MAX 512 /* descriptors of one image layout */
#define OCI_DOCUMENT_MAX  (4u << 20)
#define OCI_HEX           65 /* of a SHA-256, with its NUL */

/* ---- oci_read.c: documents ----------------------------------------------------------------- */

typedef enum oci_kind {
    OCI_OTHER, /* what is no part of a root: signatures, attestations, charts */
    OCI_INDEX,
    OCI_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_KIND_COUNT
} oci_kind;

/* As the image has them: "linux", "arm64", "v8". Empty: not told. */
typedef struct oci_platform {
    str os, architecture, variant;
} oci_platform;

/* What a document says of a blob. */
typedef struct oci_descriptor {
    oci_kind kind;
    str media_type;
    char hex[OCI_HEX]; /* of its SHA-256 */
    uint64_t size;
    str name; /* org.opencontainers.image.ref.name, or empty */
    oci_platform platform;
} oci_descriptor;

typedef struct oci_manifest {
    oci_descriptor config;
    oci_descriptor *layers; /* the lowest first */
    size_t layer_count;
} oci_manifest;

typedef struct oci_config {
    oci_platform platform;
    value env; /* an object of strings */
} oci_config;

/* Each judges one JSON text; what is returned is the arena's. ERR_UNSUPPORTED where the document is
 * right and of no use here. */
int oci_read_index(arena *a, str text, oci_descriptor **ret, size_t *ret_count, err *e);
int oci_read_manifest(arena *a, str text, oci_manifest *ret, err *e);
int oci_read_config(arena *a, str text, oci_config *ret, err *e);
/* 2: made for this machine; 1: it does not say for which; 0: for another. */
int oci_platform_rank(const oci_platform *p);
const char *oci_platform_here(void); /* "linux/amd64" */

/* ---- oci_find.c: a layout ------------------------------------------------------------------ */

typedef struct oci_image {
    const char *layout;
    char hex[OCI_HEX]; /* of the manifest */
    oci_manifest manifest;
    oci_config config;
    str config_text;
} oci_image;

/* `tag` may be empty: then there must be one image only for this machine. */
int oci_find(arena *a, const char *layout, str tag, oci_image *ret, err *e);
/* Opens a blob whose size is the one told; its digest is for who reads it. */
int oci_blob_open(const char *layout, const oci_descriptor *d, int *ret, err *e);

/* ---- oci_layer.c: archives ----------------------------------------------------------------- */

/* Of all layers of an image together; the ratio is of each. */
typedef struct oci_limits {
    uint64_t entries; /* files, folders and links */
    uint64_t bytes;   /* of files, holes included */
    unsigned ratio;   /* expanded to compressed, once there is more than: */
    uint64_t ratio_from;
} oci_limits;
extern const oci_limits oci_limits_default;

/* A folder that is being filled. */
typedef struct oci_tree {
    int root;      /* readable */
    bool keep_ids; /* root's: owners and modes are the image's; else all is the caller's own */
    const oci_limits *limits;
    uint64_t entries, bytes; /* so far */
} oci_tree;

/* Before the first layer of a process, and before the jail, which hides the files of locales: names
 * in archives are bytes or UTF-8, and in another locale libarchive does not give the latter. */
void oci_layer_prepare(void);
/* Unpacks one layer over what is there. `blob` is read from its start, and must have the digest of
 * `layer`: where it has not, that is the error, and the tree is worth nothing. No name and no link
 * in the archive leads out of the root. */
int oci_layer_apply(oci_tree *t, int blob, const oci_descriptor *layer, err *e);

#endif
