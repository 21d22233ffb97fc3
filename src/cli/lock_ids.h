/* lock_ids.h: the numbers that GitHub gives to owners and repositories. Private to `slipway lock`.
 */
#ifndef SLIPWAY_CLI_LOCK_IDS_H
#define SLIPWAY_CLI_LOCK_IDS_H

#include "workflow/lock.h"

/* Fills owner_id and repo_id of the entries that lack them: from other entries of the same
 * repository in `l` or in `old` (which may be NULL), else, where `url` is not NULL, from GitHub's
 * REST API at that URL, by curl. Gives the number of entries that are still without; *ret_why (if
 * there are any) is why. */
size_t lock_ids_fill(arena *a, lock_file *l, const lock_file *old, const char *url, str *ret_why);

#endif
