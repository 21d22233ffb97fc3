/* advisories.h: which packages have known vulnerabilities, without asking anybody.
 *
 * Advisories are imported once into a store (OSV records, CISA's known exploited vulnerabilities,
 * EPSS scores) and looked up from there. Whether a version is affected is decided by the algorithm
 * of OSV's schema, with each ecosystem's own order of versions. */
#ifndef SLIPWAY_SCAN_ADVISORIES_ADVISORIES_H
#define SLIPWAY_SCAN_ADVISORIES_ADVISORIES_H

#include "scan/package.h"
#include "scan/scan.h"

/* Where the store is: `given`, or else $SLIPWAY_ADVISORIES, $XDG_DATA_HOME/slipway/advisories or
 * ~/.local/share/slipway/advisories. ERR_NOT_FOUND when none of them is known. */
int advisories_dir(arena *a, const char *given, char **ret, err *e);

/* ---- importing ------------------------------------------------------------------------------- */

typedef struct advisories_refused {
    str path, message; /* "all.zip: GHSA-….json", "has no id" */
} advisories_refused;

typedef struct advisories_import_options {
    unsigned jobs;  /* children that read; 0: one a core */
    int64_t now_ms; /* the time of the import to tell */
    /* Called now and then. May be NULL. */
    void (*progress)(void *context, size_t done, size_t count);
    void *context;
} advisories_import_options;

typedef struct advisories_imported {
    size_t file_count; /* what was read, entries of archives too */
    size_t records, kev, epss;
    size_t refused_count;
    const advisories_refused *refused; /* the first ADVISORIES_REFUSED_MAX of them */
    bool was_damaged;                  /* the store before was, and is gone */
} advisories_imported;

#define ADVISORIES_REFUSED_MAX 100

/* Reads OSV records (JSON, one a file), KEV (JSON) and EPSS (CSV, also gzip) from files, ZIP
 * archives and folders (their .json, .zip, .csv and .gz files, at any depth) into the store in
 * `dir`, which is made. What the store has stays but for records with the same id, of which the
 * later modified one counts; withdrawn ones go. Files are read by children in a jail; one that is
 * wrong is refused and the rest goes on. An error here means that the store is as it was. */
int advisories_import(arena *a, const char *dir, const char *const *paths, size_t count,
                      const advisories_import_options *options, advisories_imported *ret, err *e);

/* ---- looking up ------------------------------------------------------------------------------ */

typedef struct advisories advisories;

/* ERR_NOT_FOUND: nothing was imported there. The caller frees. */
int advisories_open(const char *dir, advisories **ret, err *e);
void advisories_free(advisories *v);
static inline void advisories_freep(advisories **v) {
    advisories_free(*v);
}
#define _cleanup_advisories_ __attribute__((cleanup(advisories_freep)))

typedef struct advisories_facts {
    int64_t imported_ms, newest_ms; /* when; how new the newest advisory is */
    int64_t kev_ms, epss_ms;        /* 0: there are none */
    size_t record_count, package_count, kev_count, epss_count;
    uint64_t bytes;
} advisories_facts;
advisories_facts advisories_facts_of(const advisories *v);
/* "advisories of 2026-11-20, 7 days old". The day of the newest one counts. */
str advisories_age(arena *a, const advisories *v, int64_t now_ms);
/* Differs when the store does: for the digest of a scanner. */
void advisories_digest(const advisories *v, uint8_t ret[16]);
/* Reads every byte; ERR_INVALID when the store is damaged. */
int advisories_verify(const advisories *v, err *e);

/* One advisory, by its id. */
int advisories_show(arena *a, const advisories *v, str id, value *ret, err *e);
/* The ids, in order, of the advisories for a package, or (empty ecosystem and name) of all. */
int advisories_list(arena *a, const advisories *v, str ecosystem, str name, str **ret,
                    size_t *ret_count, err *e);

/* ---- matching -------------------------------------------------------------------------------- */

typedef struct vex vex; /* vex.h */

typedef struct advisories_match_options {
    const vex *vex; /* or NULL */
} advisories_match_options;

typedef struct advisories_matched {
    finding_list findings;
    scan_error_list errors; /* packages of which it cannot be said */
    /* Findings of which a VEX document says that they are none: among the others, and marked. */
    size_t suppressed;
} advisories_matched;

/* Findings of kind "deps", one for each package and group of advisories that name each other as
 * aliases, in the order of the packages, the worst first. The rule is the CVE where there is one,
 * else the GHSA, else the id. Properties: package, version, ecosystem, purl, advisory, aliases,
 * severity, severity_source, cvss and vector where there are any, fixed, upgrade, direct, dev, via,
 * kev, epss, published, modified, vex. Texts live in `a` or in the store. ERR_INVALID: the store is
 * damaged. */
int advisories_match(arena *a, const advisories *v, const package *packages, size_t count,
                     const advisories_match_options *options, advisories_matched *ret, err *e);

/* Appends an OpenVEX document about findings, suppressed ones too (docs/advisories.md, VEX). Who
 * says it, when (RFC 3339), and by what tool. Those that no VEX document has spoken of are under
 * investigation. */
void advisories_write_vex(strbuf *out, const finding_list *findings, str author, str timestamp,
                          str tool);

#endif
