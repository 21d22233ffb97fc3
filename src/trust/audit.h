/* audit.h: the audit log: who did what, on what, why and from where, so that nobody can change it
 * afterwards unseen.
 *
 * Each change of state appends an entry in the same transaction. The entries are the leaves of a
 * Merkle tree (RFC 6962); what a transaction has added is sealed by a checkpoint, which names the
 * size and the root of the tree and is signed. Others fetch the log as tiles and check it with
 * programs of their own. Sources: c2sp.org/tlog-tiles, tlog-checkpoint, signed-note.
 *
 *     audit_log_open(s, key, &log, e)             at start: the log must be whole at its right edge
 *     audit_begin(log, e)                         a transaction of the store
 *       audit_savepoint(log, e)                   one command among several
 *         … changes by the store's functions …
 *         audit_append(log, &event, &index, e)    what was changed, and why
 *       audit_release(log, e), or audit_rollback_to(log, e) when the command failed
 *     audit_commit(log, e)                        seals and commits
 *
 * Transactions go through the log, so that what it holds in memory and what the database holds
 * cannot come apart: until audit_commit has returned 0 the memory is that of the last commit. A
 * transaction without entries writes nothing of the log.
 *
 * A log belongs to the one thread that writes. Readers have a store of their own
 * (store_open_reader) and see the last commit. */
#ifndef SLIPWAY_TRUST_AUDIT_H
#define SLIPWAY_TRUST_AUDIT_H

#include "base/value.h"
#include "store/store.h"
#include "trust/sign.h"

#define AUDIT_ENTRY_MAX  65535 /* bytes of an entry: its length is 16 bits in tiles */
#define AUDIT_INPUTS_MAX 256
#define AUDIT_DEPTH_MAX  16  /* of details */
#define AUDIT_TILE       256 /* entries, or hashes, in a full tile */

/* ---- entries --------------------------------------------------------------------------------- */

typedef struct audit_party {
    str kind; /* a small word: "user", "token", "agent", "system"; "run", "secret", … */
    str id;   /* what stays when the name changes */
    str name; /* as it was then */
} audit_party;

/* What a decision was made from: it is kept elsewhere, and this says that it was that. */
typedef struct audit_input {
    str name;
    str sha256; /* 64 digits of lower-case hex */
} audit_input;

typedef struct audit_event {
    int64_t time_us; /* of the years 1 to 9999 */
    audit_party actor;
    str action; /* small words and dots: "run.cancel" */
    audit_party subject;
    str project; /* may be empty, as all that follows */
    str reason;
    struct {
        str address, request_id, user_agent;
    } origin;
    value details; /* an object, or null */
    const audit_input *inputs;
    size_t input_count;
} audit_event;

/* Appends the entry of an event: JSON without spaces, members in the order of docs/audit.md, those
 * that are empty left out, members of details sorted by the bytes of their names. The same event
 * gives the same bytes. ERR_INVALID for an event that has no actor, action or subject, or what
 * cannot be one; ERR_LIMIT for AUDIT_ENTRY_MAX and the other two above. */
int audit_event_write(strbuf *out, const audit_event *event, err *e);
/* Reads one back. ERR_UNSUPPORTED for a version that is not known; ERR_INVALID for what says who
 * did what in another way than audit_event_write. */
int audit_event_read(arena *a, str entry, audit_event *ret, err *e);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct audit_log audit_log;

/* `s` and `key` live longer than the log. A store without one gets an empty log, named as the key.
 * What is there is checked: the checkpoint's signature, that the tiles and the last entries give
 * its root, that no entry is beyond it. ERR_INVALID, "the audit log …", when something does not
 * hold: a log that is not whole is not gone on with. */
int audit_log_open(store *s, const sign_key *key, audit_log **ret, err *e);
/* NULL is allowed. */
void audit_log_close(audit_log *l);
/* Entries that are committed. */
uint64_t audit_log_size(const audit_log *l);

/* ERR_INVALID when somebody else has added to the log since the last commit. */
int audit_begin(audit_log *l, err *e);
int audit_savepoint(audit_log *l, err *e);
int audit_release(audit_log *l, err *e);
/* When this fails, the whole transaction must be rolled back. */
int audit_rollback_to(audit_log *l, err *e);
/* Only in a transaction. *ret_index (which may be NULL) is the entry's number once it is committed.
 * After a failure the command must be rolled back: its change would have no entry. */
int audit_append(audit_log *l, const audit_event *event, uint64_t *ret_index, err *e);
/* After a failure nothing of the transaction happened, and the log is ready for the next. */
int audit_commit(audit_log *l, err *e);
/* Nothing of it happened. Also when there is none. */
void audit_rollback(audit_log *l);

/* ---- what is served -------------------------------------------------------------------------- */

typedef enum audit_file_kind {
    AUDIT_CHECKPOINT, /* "checkpoint" */
    AUDIT_KEY,        /* "key": the verifier key, for who sees the log for the first time */
    AUDIT_TILE_FILE,  /* "tile/<L>/<N>[.p/<W>]" */
    AUDIT_ENTRIES,    /* "tile/entries/<N>[.p/<W>]" */
    AUDIT_FILE_KIND_COUNT
} audit_file_kind;

typedef struct audit_file {
    audit_file_kind kind;
    unsigned level;  /* 0 to 63 */
    uint64_t number; /* of the tile */
    unsigned width;  /* 1 to 256, which is a full one */
} audit_file;

/* Reads what follows "/audit/". False for what is no such path; of each file there is one. */
bool audit_file_parse(str path, audit_file *ret);
void audit_file_path(strbuf *out, const audit_file *file);

/* The bytes of a file as c2sp.org/tlog-tiles has them; partial tiles of every size that the log has
 * had. ERR_NOT_FOUND where the log has none (yet). Media types: text/plain; charset=utf-8 for
 * AUDIT_CHECKPOINT and AUDIT_KEY, which change, else application/octet-stream, which never does. */
int audit_read(store *reader, arena *a, const audit_file *file, str *ret, err *e);

#endif
