/* changes.h: what has changed in a git repository, as it was before and as it is now, so that a
 * scan of both tells which findings are new. By the git program; a file that was renamed is the
 * same file, and is shown by its new name both times. */
#ifndef SLIPWAY_SCAN_CHANGES_H
#define SLIPWAY_SCAN_CHANGES_H

#include "scan/scan.h"

typedef struct scan_changes {
    scan_source *now;
    void *self;
} scan_changes;

/* The same files as they were; those that are new are not there. Read when it is asked for: where
 * nothing is found now, nothing can be new. ret_warning: why some of them are not there all the
 * same, or empty. */
int scan_changes_before(const scan_changes *c, scan_source **ret, str *ret_warning, err *e);

/* What a file says may depend on others that have not changed: a pom on its parent. Then both sides
 * are read whole, of the files that `wants` names. */
typedef bool scan_changes_wants(str path);
/* Whether such a file has changed, is new, or is gone. */
bool scan_changes_touch(const scan_changes *c, scan_changes_wants *wants);
/* Whether this file, or what this file holds ("image.tar!/etc/x"), is among what differs. */
bool scan_changes_has(const scan_changes *c, str path);
/* All of them as they are now (with what is not in git yet, or as they are staged), and as they
 * were, under the names that they had. Those of more than `max_bytes` are not there before. */
int scan_changes_all_now(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                         err *e);
int scan_changes_all_before(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                            str *ret_warning, err *e);

/* The working copy, new files included, against the merge base of `since` and HEAD. Submodules that
 * are checked out are compared with what they were at the merge base; of those that are not and
 * have changed, the item cannot be read. Nested repositories are new as a whole. `root` is the top
 * of the working copy. `below`: a path in it to keep to, or empty. Files of more than `max_bytes`
 * are not there before. Error: ERR_INVALID when `since` names no commit or has nothing in common
 * with HEAD. */
int scan_changes_since(arena *a, const char *root, str below, const char *since, uint64_t max_bytes,
                       scan_changes *ret, err *e);
/* What is staged for the next commit, against HEAD. `index`: the file in which it is staged, as git
 * tells its hooks; NULL: the usual one. */
int scan_changes_staged(arena *a, const char *root, str below, const char *index,
                        uint64_t max_bytes, scan_changes *ret, err *e);

#endif
