/* same.h: what two versions of a text have in common. Private to src/scan/secrets.
 *
 * No shortest difference is looked for: what is long enough to be worth it, found fast. First what
 * both begin and end with, as most changes are in one place; between these, long stretches that
 * begin at a line of both. */
#ifndef SLIPWAY_SCAN_SECRETS_SAME_H
#define SLIPWAY_SCAN_SECRETS_SAME_H

#include "base/str.h"

/* `len` bytes that stand at `old_at` in one and at `at` in the other. */
typedef struct same_span {
    size_t old_at, at, len;
} same_span;

/* Fills `ret` with at most `max` stretches, ascending in both texts and without overlap; each of
 * them has `min` bytes or more. Gives how many. */
size_t same_find(str old, str text, size_t min, same_span *ret, size_t max);

#endif
