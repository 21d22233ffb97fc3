/* layer.h: what lies over the host's system folders where jobs are root by subordinate ids. Private
 * to this folder.
 *
 * The host's folders belong to its root, who is nobody in such a machine: even the job's root may
 * write to none of them. So folders of the user's own lie over those that packages put files into,
 * and copies over the files that package managers write to in place. The rest of the host's files
 * can be replaced and removed, as their folder's owner may, but not written to.
 *
 * To make them takes a second where files are slow to make, so they are kept: as
 * CACHE/DIGEST, of all that was looked at. What changes on the host changes the digest. */
#ifndef SLIPWAY_SANDBOX_LAYER_H
#define SLIPWAY_SANDBOX_LAYER_H

#include "base/err.h"

/* Makes the link `link` to a folder in `cache`, which is made where it is missing. */
int layer_own(const char *link, const char *cache, err *e);

#endif
