/* cache.h: what children said of items that have not changed since. Private to src/scan.
 *
 * One file a set of scanners, in a folder that may be removed at any time. It is read as a whole,
 * and written as a whole by a rename, with the entries that this scan used: what no scan asks for
 * is forgotten. One that cannot be read or written is no error: the files are read instead. */
#ifndef SLIPWAY_SCAN_CACHE_H
#define SLIPWAY_SCAN_CACHE_H

#include "base/arena.h"
#include "scan/source.h"

typedef struct scan_cache scan_cache;

/* `digest`: of the scanners. */
scan_cache *scan_cache_open(arena *a, const char *folder, const uint8_t digest[16]);
/* What was said (often nothing); false when the item is not known. Borrowed. */
bool scan_cache_find(scan_cache *c, const uint8_t key[SCAN_KEY_BYTES], str *ret);
/* Of an item of this scan, found or new. */
void scan_cache_keep(scan_cache *c, const uint8_t key[SCAN_KEY_BYTES], str said);
/* Writes what was kept, if anything of it is new or something is gone. */
void scan_cache_close(scan_cache *c);

#endif
