/* archive.h: what lies in archives (zip and what is made of it, tar, 7z) and compressed files
 * (gzip, bzip2, xz, zstd), read in memory by libarchive. Private to src/scan/secrets; only in a
 * jail.
 *
 * Nothing is unpacked to disk and no name is followed. Counts, sizes and the ratio to the archive's
 * own size are capped over all that one file holds, nested archives included. */
#ifndef SLIPWAY_SCAN_SECRETS_ARCHIVE_H
#define SLIPWAY_SCAN_SECRETS_ARCHIVE_H

#include "base/arena.h"
#include "base/err.h"

#define ARCHIVE_DEPTH_DEFAULT 3
#define ARCHIVE_ENTRIES_MAX   100000u
#define ARCHIVE_ENTRY_MAX     ((uint64_t)64 << 20)
#define ARCHIVE_BYTES_MAX     ((uint64_t)1 << 30)
#define ARCHIVE_RATIO_MAX     200u
#define ARCHIVE_RATIO_FROM    ((uint64_t)32 << 20) /* bytes before the ratio counts */

/* What one file may still give. */
typedef struct archive_budget {
    uint64_t packed; /* the outermost file's size */
    uint64_t entries, bytes;
} archive_budget;

bool archive_is(str body);

/* A file in an archive. Its path is cleaned: '/'-separated, without "..", valid UTF-8; that of a
 * compressed file is the outer name without its ending. Both live until the call returns. */
typedef void archive_entry_fn(void *context, str path, str body);
/* One that could not be read. */
typedef void archive_problem_fn(void *context, str path, const char *why);

/* Reads all entries. An entry that is too large, encrypted or damaged is a problem, and the next
 * one is read where that can be; an error is the end of the archive (ERR_LIMIT for the caps).
 * `outer` is the name of the archive. */
int archive_walk(str outer, str body, archive_budget *budget, archive_entry_fn *entry,
                 archive_problem_fn *problem, void *context, err *e);

#endif
