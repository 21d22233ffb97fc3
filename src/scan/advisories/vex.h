/* vex.h: what people have found out about a vulnerability in a product: OpenVEX 0.2.0, and 0.0.x as
 * far as it differs. https://github.com/openvex/spec */
#ifndef SLIPWAY_SCAN_ADVISORIES_VEX_H
#define SLIPWAY_SCAN_ADVISORIES_VEX_H

#include "scan/scan.h"

#define VEX_BYTES_MAX (64u << 20)

typedef enum vex_status {
    VEX_NOT_AFFECTED,
    VEX_AFFECTED,
    VEX_FIXED,
    VEX_UNDER_INVESTIGATION,
    VEX_STATUS_COUNT
} vex_status;

/* "not_affected". */
const char *vex_status_name(vex_status status);

typedef struct vex_statement {
    vex_status status;
    str justification; /* "vulnerable_code_not_in_execute_path" */
    str note;          /* of the impact, the action or the status */
    str source;        /* the file */
} vex_statement;

typedef struct vex vex;

/* What several documents say together; lives in `a`. */
vex *vex_new(arena *a);
/* Adds the statements of one document. `file` is told in messages and statements. ERR_INVALID: it
 * is none; ERR_LIMIT. */
int vex_add(vex *v, str file, str text, err *e);

/* The statement that holds for a vulnerability, which has these ids, in a package with this purl:
 * the latest; NULL when there is none. A statement about a product that has subcomponents is about
 * those. A product without a version stands for all its versions. */
const vex_statement *vex_find(const vex *v, const str *ids, size_t count, str purl);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct vex_head {
    str author;        /* who says it */
    str timestamp;     /* RFC 3339 */
    str tool;          /* "slipway scan 0.1.0" */
    vex_status status; /* of findings of which no statement was read */
} vex_head;

/* An OpenVEX document about findings of kind "deps" that are about advisories; others are passed
 * over. Of those that a VEX document spoke of its statement is kept; others that are suppressed are
 * affected, and why that is accepted is what is done about it. Each pair of a vulnerability and a
 * product is told once. */
void vex_write(strbuf *out, const finding_list *findings, const vex_head *head);

#endif
