/* sbom_parts.h: what both forms of a bill of materials share. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_SBOM_PARTS_H
#define SLIPWAY_SCAN_DEPS_SBOM_PARTS_H

#include "scan/deps/deps.h"
#include "scan/deps/inventory.h"

#include "base/json.h"
#include "scan/deps/spdx.h"

/* One package, however many files name it. */
typedef struct sbom_part {
    const dependency *one; /* the first that names it */
    const dependency **all;
    size_t count, cap;
    uint32_t *needs; /* parts, ascending */
    size_t need_count;
    bool direct, dev, optional;  /* dev, optional: whoever names it */
    str license;                 /* the first that is told */
    const spdx_node *expression; /* of it, or NULL */
} sbom_part;

typedef struct sbom_parts {
    sbom_part *items; /* sorted by purl */
    size_t count;
    uint8_t digest[32]; /* of all that is told but the time */
} sbom_parts;

sbom_parts sbom_collect(arena *a, const inventory *v, const sbom_head *head);
/* "2026-11-27T20:00:00Z" */
str sbom_time(arena *a, int64_t seconds);
/* "f81d4fae-7dec-81d0-a765-00a0c91e6bf6" of a digest: a UUID of version 8 (RFC 9562). */
str sbom_uuid(arena *a, const uint8_t digest[32]);
/* A hash ("sha512:…") by the names that a form has for algorithms; false when there is none. */
bool sbom_hash(const sbom_part *p, bool dashes, str *ret_algorithm, str *ret_hex, arena *a);

#endif
