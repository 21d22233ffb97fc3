/* mirror.h: copies of repositories that an agent keeps, so that it fetches only what is new. */
#ifndef SLIPWAY_AGENT_MIRROR_H
#define SLIPWAY_AGENT_MIRROR_H

#include "agent/notice.h"
#include "base/arena.h"
#include "base/err.h"

/* The folder of the mirror of a URL in `caches` (as of person_cache), a bare repository that is
 * made when needed. */
int mirror_of(arena *a, const char *caches, str url, char **ret, err *e);
/* Fetches branches, tags, and a commit, which no ref need point to. One process at a time does so
 * in a mirror. `local`: the URL may be a folder. ERR_CANCELLED when that is given up
 * (notices.stopped). */
int mirror_fetch(arena *a, const char *root, str url, str commit, bool local, const notices *tell,
                 err *e);

#endif
