/* report.h: findings as files that other tools read. Each writer appends a whole document. */
#ifndef SLIPWAY_SCAN_REPORT_H
#define SLIPWAY_SCAN_REPORT_H

#include "scan/scan.h"

/* What a report is about. */
typedef struct report_head {
    const char *tool; /* "slipway scan" */
    str root;         /* what was scanned, as the user named it */
    str commit;       /* of the working copy, or empty */
    size_t baseline;  /* findings left out because the baseline has them */
    size_t suppressed;
} report_head;

typedef void report_fn(strbuf *out, const scan_report *r, const report_head *head);
report_fn report_json;

#endif
