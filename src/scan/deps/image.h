/* image.h: container images as files: an OCI layout (a folder, or a tar of it) and the tar of
 * `docker save`. Private to src/scan/deps.
 *
 * A child reads what a layer holds; the parent puts the layers of each image on each other, so that
 * a file counts as the last layer has it, and not when a later one took it away.
 * (opencontainers/image-spec: image-layout.md, layer.md; moby: image/tarexport) */
#ifndef SLIPWAY_SCAN_DEPS_IMAGE_H
#define SLIPWAY_SCAN_DEPS_IMAGE_H

#include "scan/deps/inventory.h"
#include "scan/scanner.h"

#define IMAGE_LAYERS_MAX 1000
#define IMAGE_FILES_MAX  5000000       /* of all layers in one file */
#define IMAGE_FILE_MAX   (64ULL << 20) /* of one that is read: a lock file, a database */
#define IMAGE_UNPACKED   (16ULL << 30) /* of one file */
#define IMAGE_PROBE      64 /* entries after which a tar without anything of an image is none */
#define IMAGE_JSON_MAX   (4ULL << 20)

/* In a child: documents of an image, or of a blob of one; nothing when it is neither. */
int image_read(scan_out *out, const dep_format *format, const scan_file *file, err *e);

/* In the parent: leaves of the documents in layers those that are seen in an image. */
void image_compose(inventory *v);
/* "image.tar!/etc/apk" of a file in an image, else the document's path. */
str image_path(arena *a, const dep_doc *d);

#endif
