/* blobs.h: files that are known by what is in them: DIR/ab/abcdef…, by their SHA-256 in hex.
 *
 * A blob is written to a temporary file, synced and renamed, so what has a name is whole, also
 * after a loss of power. It never changes. Equal content is kept once.
 *
 * A blob is safe from blob_sweep as soon as something refers to it, and for `grace_us` from when it
 * was put: put it first, then commit what refers to it. Any number of processes may put and read at
 * once. A digest is 64 lower-case hex digits; ERR_INVALID for anything else, ERR_NOT_FOUND for what
 * is not there, else ERR_IO. */
#ifndef SLIPWAY_STORE_BLOBS_H
#define SLIPWAY_STORE_BLOBS_H

#include "base/arena.h"
#include "base/err.h"

#define BLOB_NAME_SIZE 65 /* with its NUL */

/* ---- putting -------------------------------------------------------------------------------- */

typedef struct blob_writer blob_writer;

/* Begins one; `dir` is made where there is none. */
int blob_begin(const char *dir, blob_writer **ret, err *e);
int blob_write(blob_writer *w, str bytes, err *e);
/* Ends it, whatever comes of it; the writer is freed. `ret_size` may be NULL. */
int blob_end(blob_writer *w, char digest[BLOB_NAME_SIZE], uint64_t *ret_size, err *e);
/* Gives it up. NULL is allowed. */
void blob_drop(blob_writer *w);

int blob_put(const char *dir, str bytes, char digest[BLOB_NAME_SIZE], err *e);
/* Makes a file that others have written into a blob: it is moved, or copied where it is on another
 * file system, and gone from `path` either way. `known`: its digest where the caller has just
 * computed it, so that it is not read again; else NULL. */
int blob_adopt(const char *dir, const char *path, const char *known, char digest[BLOB_NAME_SIZE],
               uint64_t *ret_size, err *e);

/* ---- reading -------------------------------------------------------------------------------- */

bool blob_name_valid(str digest);
/* In `a`; the digest must be valid. */
char *blob_path(arena *a, const char *dir, str digest);
int blob_open(const char *dir, str digest, int *ret_fd, uint64_t *ret_size, err *e);
/* Reads it whole. ERR_INVALID when it is not what its name says. */
int blob_verify(const char *dir, str digest, err *e);

/* May end the listing with a negative code. */
typedef int blob_fn(void *context, str digest, uint64_t size, err *e);
/* All, sorted. What is no blob is passed over. A folder that is not there has none. */
int blob_list(const char *dir, blob_fn *each, void *context, err *e);

/* ---- removing ------------------------------------------------------------------------------- */

typedef struct blob_swept {
    uint64_t removed, removed_bytes, kept;
    bool held; /* a backup is being made: the rest is for the next time */
} blob_swept;

/* Whether something refers to it; negative: unknown, and the sweep ends. */
typedef int blob_used_fn(void *context, str digest, err *e);
/* Removes what is older than `grace_us` and not used, and temporary files of that age. */
int blob_sweep(const char *dir, blob_used_fn *used, void *context, int64_t now_us, int64_t grace_us,
               blob_swept *ret, err *e);

#endif
