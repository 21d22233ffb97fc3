/* audit.h: the rows of the audit log: entries with what they are searched by, the tiles of their
 * Merkle tree, the checkpoint. What they mean and how they hang together: trust/audit.h.
 *
 * Entries are numbered from 0 without gaps. Errors are those of store.h. */
#ifndef SLIPWAY_STORE_AUDIT_H
#define SLIPWAY_STORE_AUDIT_H

#include "store/store.h"

#define STORE_AUDIT_HASH 32 /* bytes */

typedef struct store_audit_entry {
    int64_t number;
    int64_t time_us;
    str actor_kind, actor_id, actor_name;
    str action;
    str subject_kind, subject_id, subject_name;
    str project, reason;
    str leaf;  /* its hash in the tree */
    str entry; /* the whole as it is logged; the columns above repeat parts of it */
} store_audit_entry;

/* ERR_INVALID when there is one of that number. */
int store_audit_add(store *s, const store_audit_entry *entry, err *e);
/* How many there are. */
int store_audit_count(store *s, int64_t *ret, err *e);
/* Those from `from` on, at most `count`. */
int store_audit_entries(store *s, arena *a, int64_t from, int64_t count, store_audit_entry **ret,
                        size_t *ret_count, err *e);
/* Their hashes alone, one after the other. */
int store_audit_leaves(store *s, arena *a, int64_t from, int64_t count, str *ret, err *e);

/* ---- searching ------------------------------------------------------------------------------- */

#define STORE_AUDIT_SCAN_MAX 50000 /* entries that one call looks at */

/* What is empty, or 0, is not asked for. */
typedef struct store_audit_filter {
    str actor_kind, actor_id;
    str action; /* "run.cancel"; with a dot at its end, "run.", all that begin with it */
    str subject_kind, subject_id;
    str project;
    int64_t from_us, until_us; /* the end is exclusive */
    str text;                  /* somewhere in the entry as it is logged; ASCII without case */
    int64_t before;            /* only smaller numbers: what the last call gave in *ret_next */
} store_audit_filter;

/* Newest first, at most `max`. *ret_next is where to go on, 0 when nothing is left: not every page
 * is full, because a call looks at no more than STORE_AUDIT_SCAN_MAX entries that have the first of
 * these that is asked for: subject, actor, action, project. */
int store_audit_list(store *s, arena *a, const store_audit_filter *filter, size_t max,
                     store_audit_entry **ret, size_t *ret_count, int64_t *ret_next, err *e);

/* ---- the tree -------------------------------------------------------------------------------- */

/* Adds a tile, or replaces it by a longer one. */
int store_audit_put_tile(store *s, int level, int64_t number, str hashes, err *e);
/* As long as it is now. ERR_NOT_FOUND without one. */
int store_audit_tile(store *s, arena *a, int level, int64_t number, str *ret, err *e);

typedef struct store_audit_checkpoint {
    int64_t size; /* of the tree */
    str root;     /* its hash */
    str note;     /* signed */
    str key;      /* verifier key of who signed it */
} store_audit_checkpoint;

/* There is only the newest. */
int store_audit_put_checkpoint(store *s, const store_audit_checkpoint *checkpoint, err *e);
/* ERR_NOT_FOUND when the log has not begun. */
int store_audit_get_checkpoint(store *s, arena *a, store_audit_checkpoint *ret, err *e);

#endif
