/* audit_internal.h: what the files of the audit log share. Private. */
#ifndef SLIPWAY_TRUST_AUDIT_INTERNAL_H
#define SLIPWAY_TRUST_AUDIT_INTERNAL_H

#include "base/json.h"
#include "store/audit.h"
#include "trust/audit_check.h"
#include "trust/merkle.h"

/* The beginning of an entry, which is what the columns of its row say. */
void audit_write_head(json_out *o, const audit_event *event);

/* ---- checkpoints: c2sp.org/tlog-checkpoint --------------------------------------------------- */

typedef struct audit_checkpoint {
    str origin; /* borrowed from the note */
    uint64_t size;
    merkle_hash root;
} audit_checkpoint;

/* Appends the text that is signed. */
void audit_checkpoint_write(strbuf *out, str origin, uint64_t size, const merkle_hash *root);
/* Reads the text of a note. ERR_INVALID. */
int audit_checkpoint_parse(str text, audit_checkpoint *ret, err *e);

/* Opens a note that `key` must have signed, and whose log must have the key's name. ERR_FAILED. */
int audit_checkpoint_open(str note, const sign_verifier *key, audit_checkpoint *ret, err *e);

/* ---- bundles of entries ---------------------------------------------------------------------- */

/* Appends an entry behind its length. */
void audit_bundle_add(strbuf *out, str entry);
/* Takes the next entry off *rest; false when there is none, or less than its length says. */
bool audit_bundle_next(str *rest, str *ret_entry);

/* Appends a number as the path of a tile has it: "x001/x234/067". */
void audit_number_path(strbuf *out, uint64_t number);

/* ---- sources --------------------------------------------------------------------------------- */

/* The widths of the partial tiles that a folder has of this one; of other sources none. */
int audit_source_partials(audit_source *s, arena *a, const audit_file *file, unsigned **ret,
                          size_t *ret_count, err *e);
/* As audit_source_fetch. A partial tile that is not there is taken from the full one, which the log
 * may have in its place; then *ret_more: more may follow. */
int audit_source_part(audit_source *s, arena *a, const audit_file *file, str *ret, bool *ret_more,
                      err *e);

#endif
