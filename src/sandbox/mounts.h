/* mounts.h: what is mounted in a folder of the host's. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_MOUNTS_H
#define SLIPWAY_SANDBOX_MOUNTS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct mounts {
    struct mount_point *points;
    size_t count, cap;
} mounts;

/* Of this process's mount namespace, from /proc/self/mountinfo; in the arena. */
int mounts_read(arena *a, mounts *ret, err *e);
/* One that lies deeper than `folder`, an absolute path; NULL when there is none. */
const char *mounts_below(const mounts *m, const char *folder);
/* Whether `path` is itself one, and whether that holds files as a disk does: one of a kernel's or a
 * program's making need not take an overlay, nor be of use to a job. */
bool mounts_at(const mounts *m, const char *path, bool *ret_plain);

#endif
