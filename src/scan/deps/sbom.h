/* sbom.h: what a project depends on as a bill of materials that other tools read.
 *
 * CycloneDX 1.6 (cyclonedx.org/docs/1.6/json) and SPDX 2.3 (spdx.github.io/spdx-spec/v2.3), both as
 * JSON. The same input gives the same bytes: nothing is random, the time is given. */
#ifndef SLIPWAY_SCAN_DEPS_SBOM_H
#define SLIPWAY_SCAN_DEPS_SBOM_H

#include "scan/deps/inventory.h"

typedef struct sbom_head {
    str name;     /* of the project */
    str commit;   /* or empty */
    str remote;   /* its repository, or empty */
    int64_t time; /* of the document, seconds since 1970 */
} sbom_head;

typedef void sbom_fn(strbuf *out, const inventory *v, const sbom_head *head);
sbom_fn sbom_cyclonedx, sbom_spdx;

#endif
