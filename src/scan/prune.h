/* prune.h: the cache of scans must not grow for ever.
 *
 * What a scan keeps (cache.h) is DIGEST/DIGEST below one folder: the first of what was scanned, the
 * second of what it was scanned for. A folder that is gone, a branch of rules, an older Slipway
 * leave files behind that nobody asks for again. Files that no scan has used for a long time go;
 * and when there is still too much, those that were used longest ago. */
#ifndef SLIPWAY_SCAN_PRUNE_H
#define SLIPWAY_SCAN_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#define SCAN_CACHE_BYTES ((uint64_t)1 << 30)
#define SCAN_CACHE_AGE_S (30 * 86400)

/* Whether it is time to prune `folder`: once a day. Says so once: it notes that it was asked (the
 * file "pruned" there). Times are seconds since 1970. */
bool scan_prune_due(const char *folder, int64_t now);
/* Removes what was not used for `max_age_s`, then what is over `max_bytes`, and folders that are
 * empty then. Whatever has another name is left alone, and what cannot be removed is no error. */
void scan_prune(const char *folder, uint64_t max_bytes, int64_t max_age_s, int64_t now);

#endif
