/* durable.h: files that must survive a loss of power. Private to this folder. */
#ifndef SLIPWAY_STORE_DURABLE_H
#define SLIPWAY_STORE_DURABLE_H

#include "base/arena.h"
#include "base/err.h"

/* Writes all at `offset`; after a failure, a part may be there. */
int durable_write(int fd, str bytes, uint64_t offset);
/* Reads exactly `size` bytes at `offset`; errno is 0 where the file is too short. */
int durable_read(int fd, void *into, size_t size, uint64_t offset);
/* Makes what was done to a folder's names last. */
int durable_dir(const char *path, err *e);
/* The same for the folder that `path` is in. */
int durable_parent(const char *path, err *e);
/* Renames a file that was synced, and makes that last. */
int durable_rename(const char *from, const char *to, err *e);

#endif
