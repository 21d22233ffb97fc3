/* decode.h: what is written in another code (base64, hex, percent, \u0041) is read as well, in its
 * surroundings, for a rule may need the name before a value. Private to src/scan/secrets.
 *
 * As gitleaks does it: each round decodes what stands in the text of the round before, and a match
 * counts when it touches what was decoded in its round. */
#ifndef SLIPWAY_SCAN_SECRETS_DECODE_H
#define SLIPWAY_SCAN_SECRETS_DECODE_H

#include "scan/secrets/regex.h"
#include "scan/secrets/runs.h"

#define DECODE_DEPTH_DEFAULT 5
#define DECODE_SEGMENTS_MAX  100000             /* of one text */
#define DECODE_BYTES_MAX     ((size_t)64 << 20) /* of one round */

typedef enum decode_kind {
    DECODE_PERCENT,
    DECODE_UNICODE,
    DECODE_HEX,
    DECODE_BASE64,
    DECODE_KIND_COUNT
} decode_kind;

const char *decode_kind_name(decode_kind kind); /* "base64" */

/* A stretch of a decoded text, and where it comes from in the text before. */
typedef struct decode_piece {
    size_t start, end, from, to;
    unsigned kinds; /* 1u << decode_kind; 0: it was copied */
} decode_piece;

typedef struct decoded decoded;
struct decoded {
    str text;
    decode_piece *pieces; /* ascending, without gaps */
    size_t count;
    const decoded *before; /* NULL: the text as it is */
    unsigned depth;        /* from 1 */
};

/* Decodes what is encoded in `text`, which is before->text or, where that is NULL, the file's, and
 * has these runs. False when there is nothing. */
bool decode_text(arena *a, str text, const run_list *runs, const decoded *before, decoded *ret);
/* Where a match in d->text stands in the file, and by what codes it was hidden; false when it
 * touches nothing that was decoded in this round. */
bool decode_place(const decoded *d, regex_span in, regex_span *ret, unsigned *ret_kinds);

#endif
