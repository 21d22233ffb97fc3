/* history.h: the files of all commits of a git repository, every distinct one once.
 *
 * What is read are the files of all commits that a ref (branches, also of remotes, tags, the stash)
 * or the HEAD of a worktree reaches; what nothing reaches is left out. Links and submodules have no
 * bytes of their own. Objects that are not here, as in a partial clone, are errors of the report;
 * what a shallow clone leaves out is a warning of it. A file is shown by the path at which it came
 * in, and its findings have the commit that brought it, going from the oldest commit on.
 *
 * Every version of a file has its secrets again: of what a scanner says is the same (SCAN_IDENTITY)
 * in one path, the oldest is the finding, and the property "occurrences" tells how many versions
 * have it. Whether a comment suppresses it is what the newest of them says: nobody can write
 * comments into old ones. */
#ifndef SLIPWAY_SCAN_HISTORY_H
#define SLIPWAY_SCAN_HISTORY_H

#include "scan/scan.h"

typedef struct scan_history {
    scan_source *source;
    size_t commits; /* how many were looked at */
} scan_history;

/* `dir`: a folder in a working copy, or a bare repository. `below`: a path from its top to keep to,
 * or empty. `since`: only commits of HEAD that are not of this one, and what they bring that it
 * does not have; or NULL. `how`: its progress is called with a count of 0 while commits are read;
 * may be NULL. Errors: ERR_NOT_FOUND when there is no repository; ERR_FAILED when git
 * refuses it; ERR_UNSUPPORTED for one of SHA-256, and without libgit2; ERR_INVALID when `since`
 * names no commit; ERR_LIMIT. */
int scan_source_history(arena *a, const char *dir, str below, const char *since,
                        const scan_options *how, scan_history *ret, err *e);

#endif
