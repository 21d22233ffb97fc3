/* store.h: the database: schema, migrations, typed queries. All SQL of Slipway is in this folder.
 *
 * One SQLite file in WAL mode, which several processes may have open at once: a writer waits up to
 * STORE_BUSY_MS for the one before it. The schema only moves forward, one migration after the other
 * in one transaction each; a file that a newer Slipway has written is refused. The SQL stays within
 * what SQLite 3.40 and PostgreSQL 15 share, but for the settings of the connection.
 *
 * A store is used by one thread at a time. Text that is returned is in the arena given. Times are
 * microseconds since 1970. Failures are ERR_IO unless said otherwise. */
#ifndef SLIPWAY_STORE_H
#define SLIPWAY_STORE_H

#include "base/arena.h"
#include "base/err.h"

#define STORE_BUSY_MS 30000

typedef struct store store;

/* Opens the file, which is made (mode 0600) where there is none, and brings its schema up to date.
 * ERR_UNSUPPORTED when a newer Slipway has written it. */
int store_open(const char *path, store **ret, err *e);
/* Opens a file that is there to read it: nothing is made, migrated or written. Reads while another
 * process writes, and sees what it has committed. ERR_NOT_FOUND without a file, ERR_UNSUPPORTED
 * when a newer Slipway has written it, or an older one that nobody has migrated yet. */
int store_open_reader(const char *path, store **ret, err *e);
/* NULL is allowed. */
void store_close(store *s);

/* A transaction that may write: nobody else writes until it has ended. Not nested. What is changed
 * outside of one is committed by itself. */
int store_begin(store *s, err *e);
int store_commit(store *s, err *e);
/* After a failure inside of one: nothing of it happened. */
void store_rollback(store *s);

#define STORE_SAVEPOINTS_MAX 16

/* Within a transaction: a part of it that can be taken back by itself. Nested; the other two end
 * the innermost one. ERR_LIMIT beyond STORE_SAVEPOINTS_MAX. */
int store_savepoint(store *s, err *e);
/* Keeps what was done since. */
int store_release(store *s, err *e);
/* Takes back what was done since. When this fails the whole transaction must be rolled back: SQLite
 * has, where the disk was full. */
int store_rollback_to(store *s, err *e);

/* ---- caches -------------------------------------------------------------------------------- */

/* One entry: what was kept under a key. Unique by repository, scope, key and version; never
 * changed, only used and removed. */
typedef struct store_cache {
    int64_t id;
    str repository; /* "owner/name" */
    str scope;      /* the ref that it was saved for: "refs/heads/main" */
    str key, version;
    str digest; /* what its blob is known by: SHA-256 in hex, or a name until it is hashed */
    int64_t size;
    int64_t created_us, used_us;
} store_cache;

/* The entry with exactly this key. ERR_NOT_FOUND without one (here and below). */
int store_cache_exact(store *s, arena *a, str repository, str scope, str key, str version,
                      store_cache *ret, err *e);
/* The newest whose key begins with `prefix`. */
int store_cache_newest(store *s, arena *a, str repository, str scope, str prefix, str version,
                       store_cache *ret, err *e);
int store_cache_by_id(store *s, arena *a, int64_t id, store_cache *ret, err *e);
/* Those of a repository whose key begins with `prefix`, newest first, at most `max`. */
int store_cache_list(store *s, arena *a, str repository, str prefix, size_t max, store_cache **ret,
                     size_t *ret_count, err *e);
/* Adds an entry; its id is set. ERR_INVALID when there is one with that key. */
int store_cache_add(store *s, store_cache *entry, err *e);
int store_cache_used(store *s, int64_t id, int64_t now_us, err *e);
/* Unless it has got another digest since it was read. */
int store_cache_remove(store *s, const store_cache *entry, err *e);
/* One whose digest begins with `prefix`. */
int store_cache_of_digest(store *s, arena *a, str prefix, store_cache *ret, err *e);
/* The one that was used longest ago. */
int store_cache_oldest(store *s, arena *a, store_cache *ret, err *e);
/* Bytes of all blobs, each counted once. */
int store_cache_bytes(store *s, int64_t *ret, err *e);
/* Whether an entry has this blob. */
int store_blob_used(store *s, str digest, bool *ret, err *e);
/* Gives all entries that have this blob another digest for it. */
int store_blob_rename(store *s, str from, str to, err *e);

/* ---- artifacts ----------------------------------------------------------------------------- */

/* Unique by run and name. */
typedef struct store_artifact {
    int64_t id;
    str run; /* the run's own random name */
    str name;
    str path; /* of the file */
    str type; /* media type */
    str digest;
    int64_t size;
    int64_t created_us;
    int64_t expires_us; /* INT64_MAX: never */
} store_artifact;

int store_artifact_add(store *s, store_artifact *artifact, err *e);
/* Those of a run in the order of their making. Where `name` is not empty only that one, where `id`
 * is not 0 only that one. */
int store_artifact_list(store *s, arena *a, str run, str name, int64_t id, store_artifact **ret,
                        size_t *ret_count, err *e);
int store_artifact_remove(store *s, int64_t id, err *e);
/* Those whose time is over, at most `max`. */
int store_artifact_expired(store *s, arena *a, int64_t now_us, size_t max, store_artifact **ret,
                           size_t *ret_count, err *e);

#endif
