/* feed.h: what one file of advisories says: an OSV record, CISA's catalogue of known exploited
 * vulnerabilities (JSON), or EPSS scores (CSV, also compressed by gzip). Told by content.
 *
 * Runs in a child in a jail; its answers are bytes for the parent. */
#ifndef SLIPWAY_SCAN_ADVISORIES_FEED_H
#define SLIPWAY_SCAN_ADVISORIES_FEED_H

#include "scan/advisories/osv.h"

#define FEED_BYTES_MAX (256u << 20) /* of a file, unpacked */

/* The first byte of an answer. */
typedef enum feed_kind {
    FEED_RECORD = 'R', /* a packed advisory */
    FEED_KEV = 'K',    /* osv_kev rows after a word64 of the day */
    FEED_EPSS = 'E',   /* osv_epss rows after the same */
    FEED_ERROR = 'X',  /* why it is none */
} feed_kind;

/* Adds one answer. Never fails: what is wrong is the answer. */
void feed_read(str body, strbuf *out);

/* Takes an answer apart; texts and rows are borrowed. ERR_INVALID: it cannot be one. */
typedef struct feed_answer {
    feed_kind kind;
    str body; /* of a record or an error */
    int64_t day_ms;
    const void *rows; /* not aligned */
    size_t count;
} feed_answer;
int feed_answer_read(str said, feed_answer *ret, err *e);

#endif
