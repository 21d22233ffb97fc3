/* zip.h: the files of a ZIP archive, read where they lie, so that several can be read at once.
 *
 * PKWARE's APPNOTE 6.3: stored and deflated entries, and ZIP64, which OSV's archives with more than
 * 65,535 records need. No encryption, no parts. For children in a jail. */
#ifndef SLIPWAY_SCAN_ADVISORIES_ZIP_H
#define SLIPWAY_SCAN_ADVISORIES_ZIP_H

#include "base/err.h"

#define ZIP_ENTRIES_MAX 10000000u

typedef struct zip_entry {
    uint64_t header_at; /* of its local header */
    uint64_t packed, size;
    uint32_t crc;
    uint16_t method, flags;
} zip_entry;

/* Calls `each` for every file, not for folders; it returns false to end. Names are borrowed until
 * it returns, and may be anything. ERR_INVALID: no ZIP archive, or broken. */
typedef bool zip_each(void *context, str name, const zip_entry *entry);
int zip_list(int fd, zip_each *each, void *context, err *e);
/* Appends the file's bytes, which have the sum that the archive says. */
int zip_read(int fd, const zip_entry *entry, size_t max_bytes, strbuf *out, err *e);

#endif
