/* fs.h: files and folders. Paths are C strings; every descriptor is close-on-exec. */
#ifndef SLIPWAY_BASE_FS_H
#define SLIPWAY_BASE_FS_H

#include "base/arena.h"
#include "base/err.h"

/* Closes a descriptor that is not -1: `_cleanup_close_ int fd = open(…);` */
void fs_closep(int *fd);
/* Closes all descriptors from 3 on but these (-1 among them is passed over): in a child. */
void fs_close_others(const int *kept, size_t count);
#define _cleanup_close_ __attribute__((cleanup(fs_closep)))

/* Reads a whole file or pipe (not NUL-terminated in the str, but there is a NUL past its end). More
 * than `max_bytes` is ERR_LIMIT, a folder ERR_INVALID, absence ERR_NOT_FOUND (here and below). */
int fs_read(arena *a, const char *path, size_t max_bytes, str *ret, err *e);
/* As fs_read, but never waits: what is not a regular file is ERR_INVALID. For paths at which others
 * may have put anything. */
int fs_read_file(arena *a, const char *path, size_t max_bytes, str *ret, err *e);
/* What is written to this process, until its end. A stdin that was closed is an error. */
int fs_read_stdin(arena *a, size_t max_bytes, str *ret, err *e);
/* fs_read_file from a descriptor (-1: errno says why), which stays open; `path` is for messages. */
int fs_read_open(arena *a, int fd, const char *path, size_t max_bytes, str *ret, err *e);
/* As fs_read_file, of a path in a folder from which neither it nor a link in it leads out
 * (ERR_INVALID): for files that whoever made the folder wants read. */
int fs_read_below(arena *a, const char *folder, const char *path, size_t max_bytes, str *ret,
                  err *e);
/* As fs_read_file, of a file that we have made: ERR_INVALID when it is another user's, or others
 * may write to it. */
int fs_read_own(arena *a, const char *path, size_t max_bytes, str *ret, err *e);
/* Writes by a temporary file and rename, so that a reader never sees half of it. `mode` is subject
 * to the umask. A link at `path` is replaced, not followed. */
int fs_write(const char *path, str text, int mode, err *e);
/* Creates or truncates in place: for files that nobody else reads yet. */
int fs_create(const char *path, str text, int mode, err *e);
/* Writes what a person asked for at a path of theirs. A regular file as fs_write does; what is
 * something else is written to and stays what it is: a pipe, a terminal, /dev/null, and a link,
 * which is followed (/dev/stdout). */
int fs_output(const char *path, str text, err *e);
/* Adds to the end, making the file where there is none. */
int fs_append(const char *path, str text, err *e);
bool fs_exists(const char *path);
bool fs_is_dir(const char *path);
/* Makes a folder and those above it; one that exists is fine. */
int fs_mkdirs(const char *path, int mode, err *e);
/* Makes a folder (0700) for what will be believed when it is found again, and gives its real path.
 * ERR_INVALID when others could put something there: the folder is another user's, or it or one
 * above it may be written to, or belongs to one who is neither us nor root. (As ssh judges its
 * files; what has the sticky bit, such as /tmp, may lie above it.) */
int fs_private_dir(arena *a, const char *path, char **ret, err *e);
/* Removes a file, or a folder with all in it, without following links out of it. What is absent is
 * fine. Write-protected folders are made writable on the way. What is mounted inside is kept and an
 * error; after a failure the rest is removed all the same. */
int fs_remove(const char *path, err *e);
/* The same of a path that begins at an open folder. */
int fs_remove_at(int dir, const char *path, err *e);
/* $TMPDIR, or "/tmp". */
const char *fs_temp_parent(void);
/* A new private folder under $TMPDIR (or /tmp), mode 0700; the path is in `a`. */
int fs_temp_dir(arena *a, const char *prefix, char **ret, err *e);
/* Copies one file, link or folder (recursively) with its mode; reflinks where the system can. Files
 * that exist in `to` are overwritten, folders merged. Links are copied as links. Sockets, pipes and
 * devices in a folder are left out. A folder may be copied into itself. */
int fs_copy(const char *from, const char *to, err *e);

typedef struct fs_entry {
    str name;
    bool is_dir, is_link; /* of the entry itself: a link to a folder is a link */
} fs_entry;
/* The entries of a folder but . and .., sorted by bytes. */
int fs_list(arena *a, const char *path, fs_entry **ret, size_t *ret_count, err *e);

/* Joins with one '/'; an absolute `name` replaces `dir`. */
char *fs_join(arena *a, const char *dir, str name);
/* Removes "." and ".." and double slashes without looking at the disk; "" becomes ".". A relative
 * path may keep ".." at its head; an absolute one cannot leave "/". */
str fs_normalize(arena *a, str path);
/* The real absolute path; ERR_NOT_FOUND when it does not exist. */
int fs_real(arena *a, const char *path, char **ret, err *e);
/* Finds `name` in the folders of `path_list` (as $PATH); NULL when there is none. A name with a '/'
 * is a path already. */
char *fs_find_program(arena *a, const char *name, str path_list);

#endif
