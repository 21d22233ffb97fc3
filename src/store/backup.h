/* backup.h: the data folder of a server as one file or folder, and back.
 *
 * A backup holds slipway.db, logs/, blobs/, and keys/ where they are asked for. It is made while
 * the server runs: first the database, by SQLite's own means, as it is at one moment; then the
 * files. What the database names is there by then, and is not removed while a backup is made
 * (hold.h). A log that grows is taken as far as whole lines go. Mirrors of repositories (repos/)
 * are left out: they are fetched again.
 *
 * The form: a folder, or a tar compressed by zstd where the name ends with ".tar.zst", of
 *
 *   backup.json   {"format": "slipway-backup", "version": 1, "slipway", "created", "keys"}
 *   the files     under their names in the data folder
 *   SHA256SUMS    of all others, written last; `sha256sum -c` reads it
 *
 * Each is made under another name, synced, read back and compared, and only then given its own. */
#ifndef SLIPWAY_STORE_BACKUP_H
#define SLIPWAY_STORE_BACKUP_H

#include "base/arena.h"
#include "base/err.h"

#define BACKUP_VERSION   1
#define BACKUP_NAME_MAX  100u          /* bytes of a file's name, as tar has room for */
#define BACKUP_FILES_MAX 10000000u     /* of one backup */
#define BACKUP_SUMS_MAX  (1024u << 20) /* bytes of SHA256SUMS */

typedef struct backup_options {
    bool with_keys; /* whoever has the backup can then read all secrets, and sign as this server */
    int64_t now_us; /* since 1970 */
    const char *slipway; /* our version */
} backup_options;

typedef struct backup_done {
    uint64_t files, bytes; /* as they are in the data folder */
    bool has_keys;
} backup_done;

/* Makes a backup of the folder `data` at `to`. ERR_NOT_FOUND when `data` has no database,
 * ERR_INVALID when there is something at `to`; else ERR_IO, or what reading it back has found.
 * After a failure there is nothing at `to`. */
int backup_make(const char *data, const char *to, const backup_options *options, backup_done *ret,
                err *e);

/* Makes the folder `data` from a backup: unpacks it beside it in a process without rights, compares
 * all digests, checks the database, brings its schema up to date, and renames it last. ERR_INVALID
 * when `data` is there and not empty, or the backup is none or damaged; ERR_UNSUPPORTED for one of
 * a newer Slipway. After a failure `data` is as it was. Not for a process with threads. */
int backup_restore(const char *from, const char *data, backup_done *ret, err *e);

#endif
