/* leased.h: folders that go when their process has gone.
 *
 * A process holds a lock (flock) on the file "lock" in its folder for as long as it lives. A folder
 * whose lock can be taken, or made and taken, belongs to a process that was killed, and the next
 * one removes it. It may also belong to one that has made its folder and not locked it yet: that
 * one finds its lock taken or gone, and makes another folder. */
#ifndef SLIPWAY_BASE_LEASED_H
#define SLIPWAY_BASE_LEASED_H

#include "base/arena.h"
#include "base/err.h"

#define LEASED_LOCK "lock"

typedef struct leased {
    char *path; /* mode 0700; NULL when there is none */
    int lock;   /* closed by the owner, after the folder was removed; -1 when there is none */
} leased;

#define LEASED_NONE                                                                                \
    (leased) {                                                                                     \
        .lock = -1                                                                                 \
    }

/* Makes "PARENT/PREFIX…" and locks it. The path is in `a`. */
int leased_make(arena *a, const char *parent, const char *prefix, leased *ret, err *e);

/* Removes a folder and what is in it. */
typedef int leased_remove_fn(const char *path, err *e);

/* Removes the folders of this user in `parent` whose names begin with `prefix` and whose processes
 * have gone. What cannot be removed is told to `failed` (NULL: to nobody) and left. */
void leased_sweep(const char *parent, const char *prefix, leased_remove_fn *remove,
                  void (*failed)(const err *why));

#endif
