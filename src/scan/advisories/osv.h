/* osv.h: the file in which advisories are looked up.
 *
 * One file that is written once, renamed into place and mapped to be read: a head, packed
 * advisories, and tables of numbers: advisories by id, packages by hash, CISA's known exploited
 * vulnerabilities, EPSS scores. Little-endian, as the machines are that we run on. Looking
 * something up touches a few pages, so that a scan starts at once however many advisories there
 * are.
 *
 * Damage is told: tables are summed when the file is opened, an advisory when it is read, and the
 * digest of all of it is in the head, for osv_verify. */
#ifndef SLIPWAY_SCAN_ADVISORIES_OSV_H
#define SLIPWAY_SCAN_ADVISORIES_OSV_H

#include "scan/advisories/record.h"

#define STORE_NAME        "advisories.db"
#define STORE_RECORDS_MAX 10000000u

typedef struct osv_store osv_store;

/* A known exploited vulnerability. Days since 1970. */
typedef struct osv_kev {
    uint64_t cve; /* cve_key */
    int32_t added_day, due_day;
    uint32_t ransomware, unused;
} osv_kev;

typedef struct osv_epss {
    uint64_t cve;
    float score, percentile; /* 0 to 1 */
} osv_epss;

typedef struct osv_facts {
    int64_t imported_ms;     /* when the last import was */
    int64_t newest_ms;       /* the latest `modified` of all advisories */
    int64_t kev_ms, epss_ms; /* of what day those are; 0: there are none */
    size_t record_count, package_count, kev_count, epss_count;
    uint64_t bytes;
} osv_facts;

/* Opens DIR/advisories.db. ERR_NOT_FOUND: there is none; ERR_INVALID: it is damaged or of another
 * version. The caller frees. */
int osv_open(const char *dir, osv_store **ret, err *e);
/* The same from bytes, which must live as long; for tests. */
int osv_open_bytes(str bytes, osv_store **ret, err *e);
void osv_free(osv_store *s);
static inline void osv_freep(osv_store **s) {
    osv_free(*s);
}
#define _cleanup_osv_ __attribute__((cleanup(osv_freep)))

osv_facts osv_facts_of(const osv_store *s);
/* The head of the digest of all that is in it. */
void osv_digest(const osv_store *s, uint8_t ret[16]);
/* Reads all of the file; ERR_INVALID when a byte of it is another than was written. */
int osv_verify(const osv_store *s, err *e);

/* The packed advisory, in the order of ids. Borrowed. */
int osv_record(const osv_store *s, size_t index, str *ret, err *e);
int osv_find(const osv_store *s, str id, str *ret, err *e);

/* Where a package is mentioned: advisory `record`, its affected package number `affected`. Entries
 * of other packages with the same hash are possible. */
typedef struct osv_key {
    uint64_t hash;
    uint32_t record, affected;
} osv_key;
/* All entries with this hash; they lie one after another. */
size_t osv_keys(const osv_store *s, uint64_t hash, const osv_key **ret);

/* The year and number of "CVE-2021-44228"; false for another id. */
bool cve_key(str id, uint64_t *ret);
/* NULL where there is none. */
const osv_kev *osv_kev_of(const osv_store *s, uint64_t cve);
const osv_epss *osv_epss_of(const osv_store *s, uint64_t cve);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct osv_writer osv_writer;

/* Begins the next version of the store in this folder, which is made. Other writers wait. What the
 * folder's store has is taken over at the end, unless *ret_damaged. */
int osv_begin(const char *dir, osv_writer **ret, bool *ret_damaged, err *e);
/* One packed advisory; of two with one id the later modified one counts, of two of the same time
 * the one that was added last. Withdrawn ones remove what is there. */
int osv_add(osv_writer *w, str packed, err *e);
/* In place of what was there; copied. */
void osv_set_kev(osv_writer *w, const osv_kev *all, size_t count, int64_t day_ms);
void osv_set_epss(osv_writer *w, const osv_epss *all, size_t count, int64_t day_ms);
/* Writes the rest and puts the file in place. `imported_ms` is the time to tell. */
int osv_commit(osv_writer *w, int64_t imported_ms, err *e);
/* Also what was not committed. */
void osv_writer_free(osv_writer *w);

#endif
