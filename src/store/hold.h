/* hold.h: while a backup is made, nothing that it may have to copy is removed.
 *
 * Each folder (logs, blobs) has a file "lock". Who copies, or adds something that nothing in the
 * database names yet, holds it together with others (flock); who removes holds it alone. Between
 * processes, and between descriptors of one. */
#ifndef SLIPWAY_STORE_HOLD_H
#define SLIPWAY_STORE_HOLD_H

#include "base/err.h"

#define HOLD_FILE "lock"

/* Waits for who removes something just now. The descriptor is closed to let go; it is -1 on a
 * read-only disk. */
int hold_keep(const char *dir, int *ret_fd, err *e);
/* 1: somebody holds it, and nothing may be removed now. */
int hold_remove(const char *dir, int *ret_fd, err *e);

#endif
