/* prefilter.h: many patterns looked for at once, by vectorscan (or hyperscan, which is the same to
 * us). Private to src/scan/secrets.
 *
 * The library is 9 MB of C++ and is loaded when the first database is asked for, so that nothing
 * else pays for it. Where it is not installed, callers do without. */
#ifndef SLIPWAY_SCAN_SECRETS_PREFILTER_H
#define SLIPWAY_SCAN_SECRETS_PREFILTER_H

#include "base/arena.h"
#include "base/err.h"

typedef struct prefilter prefilter;

typedef enum prefilter_state {
    PREFILTER_LEFT_OUT, /* it is empty, or the library cannot take it */
    PREFILTER_TAKEN,
    PREFILTER_HEAVY, /* to compile it takes too long, or too much memory */
    PREFILTER_STATE_COUNT
} prefilter_state;

/* A database of `count` patterns (bytes, as regex.h writes them); `ret_states[i]` says which are
 * in.
 *
 * Patterns may be hostile: they are compiled in a jail, with some seconds of time. Where that is
 * not enough, once more without those that repeat most, and at last without any.
 *
 * Compiling takes most of a second for some hundred patterns, so it is kept as a file in the folder
 * `cache` (NULL: nowhere) that belongs to these patterns, this library and this machine's CPU. A
 * file that is damaged is made anew; one that cannot be written is no error. With `cached_only`
 * nothing is compiled: ERR_NOT_FOUND where the file is not there. ERR_UNSUPPORTED: there is no
 * library. The caller frees it. */
int prefilter_new(const str *patterns, size_t count, const char *cache, bool cached_only,
                  prefilter_state *ret_states, prefilter **ret, err *e);
void prefilter_free(prefilter *p);

/* A match of a pattern ends at `end`. Every end of every match is told, in no order of patterns. */
typedef void prefilter_hit(void *context, unsigned pattern, size_t end);

/* Scans a text (below 4 GiB). Not from two threads at a time. */
int prefilter_scan(prefilter *p, str text, prefilter_hit *hit, void *context, err *e);

#endif
