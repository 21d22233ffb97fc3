/* repository.h: what is known of a package that comes out of a repository: which one, and which
 * commit. Lock files and OSV's ranges of type GIT spell the same repository in many ways. */
#ifndef SLIPWAY_SCAN_ADVISORIES_REPOSITORY_H
#define SLIPWAY_SCAN_ADVISORIES_REPOSITORY_H

#include "base/arena.h"

/* The ecosystem of repositories in the store; OSV's own export is called so. */
#define ECOSYSTEM_GIT "GIT"

/* "github.com/owner/name" of "git+ssh://git@github.com/Owner/name.git#…", "git@github.com:…",
 * "github:owner/name", "https://codeload.github.com/owner/name/tar.gz/…": without scheme, user,
 * port, ".git" and what follows; in lower case, as the large hosts have it. Empty when it names no
 * host and path, such as a folder. */
str repository_name(arena *a, str url);
/* The commit that such an address names: after '#' ("#commit=" too) or '@', or as the last part of
 * an archive's path. 40 or 64 hex digits (after '#' 7 or more), else empty. Borrowed. */
str repository_commit(str url);
/* Whether it is one: 40 or 64 hex digits, or the first 7 and more of them. */
bool repository_is_commit(str text);
/* Whether both are the same commit, of which one may be shortened. Empty ones are not. */
bool repository_same_commit(str a, str b);

#endif
