/* view.h: files as a job sees them, whose root is not ours.
 *
 * A job may put a link wherever it likes. Looked at from outside, a link to /etc/passwd names our
 * file; a view resolves every path, links and ".." included, below the job's root (openat2 with
 * RESOLVE_IN_ROOT, Linux 5.6), so nothing that a job does with names reaches a file of the host.
 * The view of a job without a root of its own is our own root. Paths are absolute.
 *
 * What walks or copies whole trees is done by a child that has entered the view: view_enter,
 * view_call, or a task. */
#ifndef SLIPWAY_BASE_VIEW_H
#define SLIPWAY_BASE_VIEW_H

#include "base/arena.h"
#include "base/err.h"

#include <sys/stat.h>

typedef struct view {
    int root;  /* the job's root folder, or -1: ours */
    int owner; /* the user namespace that the root belongs to, or -1 */
} view;

#define VIEW_OURS ((view){-1, -1})

/* Opens with close-on-exec and without waiting (pipes) or becoming a terminal's. What lies in a
 * job's /proc is refused (EACCES), unless only the place is wanted (O_PATH): it would be read with
 * our rights, and so tell one step of another. -1 and errno. */
int view_open(const view *v, const char *path, int flags, int mode);
/* As stat: follows links. False when there is nothing, or nothing that can be reached. */
bool view_stat(const view *v, const char *path, struct stat *ret);
bool view_exists(const view *v, const char *path);
/* A regular file that may be executed by somebody. */
bool view_is_program(const view *v, const char *path);
/* As fs_read_file. */
int view_read(const view *v, arena *a, const char *path, size_t max_bytes, str *ret, err *e);
/* Writes over what is there, making folders where they are missing; a link at `path` is an error.
 * For files that nobody reads yet. */
int view_write(const view *v, const char *path, str text, err *e);
/* Removes a file, link or empty folder; what is absent is fine, as is what cannot be removed. */
void view_unlink(const view *v, const char *path);
/* As fs_find_program. */
char *view_find_program(const view *v, arena *a, const char *name, str path_list);

/* In a child that was forked for it: goes to the folder `start` of ours (NULL: stays), and from now
 * on every absolute path is the job's, while relative ones still begin at `start`. */
int view_enter(const view *v, const char *start, err *e);
/* Runs `work` in a child that has gone to the folder `start` of ours (NULL: where we are) and then
 * entered the view, and waits for it. What it adds to `out` comes back in `ret` (in the arena, at
 * most 64 KiB). Nothing else comes back. */
typedef int view_work_fn(void *context, strbuf *out, err *e);
int view_call(const view *v, const char *start, arena *a, view_work_fn *work, void *context,
              str *ret, err *e);

#endif
