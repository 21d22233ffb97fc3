/* backup_parts.h: what making and reading backups share. Private.
 *
 *   backup.c          what of a data folder is taken, and in which order
 *   backup_write.c    files into a folder or a tar
 *   backup_read.c     files out of either, with their digests
 *   backup_restore.c  a data folder again
 *   backup_db.c       the database */
#ifndef SLIPWAY_STORE_BACKUP_PARTS_H
#define SLIPWAY_STORE_BACKUP_PARTS_H

#include "store/backup.h"

#define BACKUP_DB    "slipway.db"
#define BACKUP_HEAD  "backup.json"
#define BACKUP_SUMS  "SHA256SUMS"
#define DIGEST_CHARS 64u

/* Whether a backup may hold a file of that name: a known one, or one in a known folder whose parts
 * are letters, digits and "._-@+", and do not begin with a dot. */
bool backup_name_valid(str name);
bool backup_is_tar(const char *path);

/* ---- writing -------------------------------------------------------------------------------- */

typedef struct backup_writer backup_writer;

/* Begins at `path`, where nothing may be yet. */
int backup_writer_open(const char *path, backup_writer **ret, err *e);
/* Adds `size` bytes of a file from its beginning on. */
int backup_writer_file(backup_writer *w, const char *name, int fd, uint64_t size, int64_t mtime_s,
                       err *e);
int backup_writer_text(backup_writer *w, const char *name, str text, int64_t mtime_s, err *e);
/* Adds SHA256SUMS and syncs. *ret (may be NULL) counts all but that and the head. */
int backup_writer_end(backup_writer *w, backup_done *ret, err *e);
/* NULL is allowed. Removes nothing. */
void backup_writer_free(backup_writer *w);

/* ---- reading -------------------------------------------------------------------------------- */

/* The lines of SHA256SUMS one after the other. 1: one; 0: no more; ERR_INVALID: none such. */
int backup_sums_next(str *rest, str *ret_digest, str *ret_name, err *e);
/* Reads a whole backup and compares all digests with SHA256SUMS. */
int backup_verify(const char *path, err *e);
/* Writes the files of a tar into an empty folder, from a child in a jail; gives their count without
 * SHA256SUMS. */
int backup_unpack(const char *tar, int folder, uint64_t *ret_files, err *e);
/* Copies the files of a backup that is a folder. */
int backup_copy(const char *from, const char *folder, uint64_t *ret_files, err *e);

/* ---- the database --------------------------------------------------------------------------- */

/* Copies a database that others may have open, as it is at one moment, into a new file, and checks
 * the copy. */
int backup_db_copy(const char *from, const char *to, err *e);
/* Whether SQLite finds it whole, and all its references lead somewhere. */
int backup_db_check(const char *path, err *e);

#endif
