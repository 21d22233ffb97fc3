/* record.h: an advisory as OSV's schema describes it, and its packed form in the store.
 *
 * https://ossf.github.io/osv-schema/. What matching and reports do not need (details, credits, most
 * references) is left out. */
#ifndef SLIPWAY_SCAN_ADVISORIES_RECORD_H
#define SLIPWAY_SCAN_ADVISORIES_RECORD_H

#include "base/json.h"

#define RECORD_BYTES_MAX (64u << 20) /* of one record's JSON */

typedef enum event_kind {
    EVENT_INTRODUCED,
    EVENT_FIXED,
    EVENT_LAST_AFFECTED,
    EVENT_LIMIT,
    EVENT_KIND_COUNT
} event_kind;

typedef struct advisory_event {
    event_kind kind;
    str version;
} advisory_event;

typedef enum range_type { RANGE_SEMVER, RANGE_ECOSYSTEM, RANGE_GIT, RANGE_TYPE_COUNT } range_type;

typedef struct advisory_range {
    range_type type;
    advisory_event *events;
    size_t event_count;
} advisory_range;

typedef struct str_list {
    str *items;
    size_t count;
} str_list;

typedef struct affected {
    str ecosystem, name; /* the name as package_normal_name gives it */
    str severity;        /* a database's word, "moderate"; may be empty */
    str_list vectors;    /* CVSS */
    advisory_range *ranges;
    size_t range_count;
    str_list versions;
} affected;

typedef struct advisory {
    str id;
    int64_t modified_ms, published_ms; /* since 1970, 0 where not known */
    bool withdrawn;
    str summary, url, severity;
    str_list aliases, upstream, cwes, vectors;
    affected *affected;
    size_t affected_count;
} advisory;

/* Takes an OSV record out of its JSON; texts are borrowed from it. ERR_INVALID: what is missing or
 * is of another type. */
int advisory_from_json(arena *a, const value *json, advisory *ret, err *e);

/* Under what the store finds a package. */
uint64_t package_hash(str ecosystem, str normal_name);

void advisory_pack(strbuf *out, const advisory *from);

/* What the store itself needs of a packed advisory. */
typedef struct packed_head {
    str id;
    int64_t modified_ms;
    bool withdrawn;
    size_t affected_count;
    const char *hashes; /* of the packages, 8 bytes each, not aligned */
} packed_head;

/* Texts are borrowed. Packed forms come from files and are not believed: ERR_INVALID. */
int advisory_read_head(str packed, packed_head *ret, err *e);
/* `only`: that one of the affected packages, which is then the only one; SIZE_MAX: all. */
int advisory_unpack(arena *a, str packed, size_t only, advisory *ret, err *e);

#endif
