/* engine_tar.h: a folder as a tar, for building an image. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_ENGINE_TAR_H
#define SLIPWAY_SANDBOX_ENGINE_TAR_H

#include "base/err.h"

#define ENGINE_TAR_MAX (2ull << 30) /* bytes of one context */

/* Writes all in the folder `dir`, a descriptor (files, folders, links; not sockets, pipes and
 * devices) to `fd` as a POSIX pax archive (IEEE 1003.1-2001), with owner 0 and without times, so
 * that equal folders give equal bytes. No link is followed, so what a job puts there leads nowhere
 * else. ERR_LIMIT past ENGINE_TAR_MAX. */
int engine_tar(int dir, int fd, err *e);

#endif
