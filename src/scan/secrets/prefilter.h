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

/* A database of `count` patterns (bytes, as regex.h writes them). An empty pattern is left out; one
 * that the library cannot take is, too: `ret_taken[i]` says which are in.
 *
 * Compiling takes most of a second for some hundred patterns, so it is kept as a file in the folder
 * `cache` (NULL: nowhere) that belongs to these patterns, this library and this machine's CPU. A
 * file that is damaged is made anew; one that cannot be written is no error. With `cached_only`
 * nothing is compiled: ERR_NOT_FOUND where the file is not there. ERR_UNSUPPORTED: there is no
 * library. The caller frees it. */
int prefilter_new(const str *patterns, size_t count, const char *cache, bool cached_only,
                  bool *ret_taken, prefilter **ret, err *e);
void prefilter_free(prefilter *p);

/* A match of a pattern ends at `end`. Every end of every match is told, in no order of patterns. */
typedef void prefilter_hit(void *context, unsigned pattern, size_t end);

/* Scans a text (below 4 GiB). Not from two threads at a time. */
int prefilter_scan(prefilter *p, str text, prefilter_hit *hit, void *context, err *e);

#endif
