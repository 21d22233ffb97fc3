/* osv_file.h: the layout of the store. Private to osv*.c. */
#ifndef SLIPWAY_SCAN_ADVISORIES_OSV_FILE_H
#define SLIPWAY_SCAN_ADVISORIES_OSV_FILE_H

#include "scan/advisories/osv.h"

#define STORE_MAGIC   "slipway-osv"
#define STORE_VERSION 1

typedef struct osv_row {
    uint64_t at, sum; /* bytes_sum of the packed advisory */
    uint32_t size, unused;
} osv_row;

/* A table: `count` rows from `at` on. */
typedef struct osv_table {
    uint64_t at, count, sum;
} osv_table;

enum { TABLE_RECORDS, TABLE_KEYS, TABLE_KEV, TABLE_EPSS, TABLE_COUNT };

typedef struct osv_head {
    char magic[12];
    uint32_t version;
    uint64_t size; /* of the file */
    int64_t imported_ms, newest_ms, kev_ms, epss_ms;
    osv_table tables[TABLE_COUNT];
    uint64_t package_count;
    uint8_t digest[32]; /* SHA-256 of all that follows the head */
    uint64_t sum;       /* bytes_sum of the head before it */
} osv_head;

/* All rows, as they lie in the file. */
size_t osv_kevs(const osv_store *s, const void **ret);
size_t osv_epsses(const osv_store *s, const void **ret);

extern const size_t osv_row_sizes[TABLE_COUNT];

#endif
