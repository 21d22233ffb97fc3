/* audit_check.h: checking an audit log that somebody else keeps, and proofs of single entries.
 *
 * A check that finds something that does not hold is ERR_FAILED with the first such thing; every
 * other error says that it could not be made. */
#ifndef SLIPWAY_TRUST_AUDIT_CHECK_H
#define SLIPWAY_TRUST_AUDIT_CHECK_H

#include "trust/audit.h"

/* ---- where a log is -------------------------------------------------------------------------- */

typedef struct audit_source audit_source;

/* `where`: a URL below which the log is served (http:// or https://), a folder with the same files,
 * or the database of a server. ERR_NOT_FOUND. */
int audit_source_open(const char *where, audit_source **ret, err *e);
/* NULL is allowed. */
void audit_source_close(audit_source *s);
/* One file of it. ERR_NOT_FOUND; ERR_LIMIT when it is larger than such a file can be. */
int audit_source_fetch(audit_source *s, arena *a, const audit_file *file, str *ret, err *e);

static inline void audit_source_closep(audit_source **s) {
    audit_source_close(*s);
}
#define _cleanup_audit_source_ __attribute__((cleanup(audit_source_closep)))

/* ---- the whole log --------------------------------------------------------------------------- */

typedef struct audit_check {
    const sign_verifier *key; /* who must have signed the checkpoint, and what the log is named */
    str since;                /* a checkpoint of earlier that it must extend; may be empty */
    void (*progress)(void *context, uint64_t done, uint64_t size); /* may be NULL */
    void *context;
} audit_check;

typedef struct audit_checked {
    uint64_t size;       /* entries, all of which are in the log as its checkpoint says */
    uint64_t since_size; /* of the earlier checkpoint */
    char root[45];       /* base64 */
    str note;            /* the checkpoint: what the next check may be given as `since` */
} audit_checked;

/* Hashes each entry, builds all tiles and the root from that and compares them with what the source
 * has; a folder's partial tiles of earlier sizes as well, and a database's columns. */
int audit_check_all(arena *a, audit_source *s, const audit_check *how, audit_checked *ret, err *e);

/* ---- one entry ------------------------------------------------------------------------------- */

#define AUDIT_PROOF_MAX (2 << 20) /* bytes of a proof that is read */

/* Appends a proof that entry `index` is in the log: c2sp.org/tlog-proof (v1), whose extra data is
 * the entry. What it is made of is checked first. */
int audit_prove(arena *a, audit_source *s, const sign_verifier *key, uint64_t index, strbuf *out,
                err *e);

typedef struct audit_proven {
    uint64_t index;
    str entry;
    uint64_t size; /* of the log whose checkpoint the proof holds */
} audit_proven;

/* Checks a proof. What is no proof at all is ERR_FAILED, too. */
int audit_prove_check(arena *a, str proof, const sign_verifier *key, audit_proven *ret, err *e);

#endif
