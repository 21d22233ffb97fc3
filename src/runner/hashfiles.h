/* hashfiles.h: hashFiles(): one SHA-256 over the files that patterns find in the workspace.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#hashfiles
 *
 * Patterns are those of @actions/glob: * ? [a-z] [!a-z] within one name, ** for any folders,
 * \ takes the next character as it is, a leading ~ is the home folder, a leading ! takes files out
 * again, lines that begin with # are comments. Relative ones begin at the workspace. A pattern that
 * names a folder stands for all below it. Names that begin with a dot match like others. */
#ifndef SLIPWAY_RUNNER_HASHFILES_H
#define SLIPWAY_RUNNER_HASHFILES_H

#include "base/arena.h"
#include "base/err.h"

#define HASHFILES_ENTRIES_MAX 1000000 /* files and folders that one call looks at */
#define HASHFILES_DEPTH_MAX   200     /* folders in folders */

/* `args` are the arguments of hashFiles as strings; the first may be "--follow-symbolic-links",
 * and each may hold several lines. *ret is 64 hex digits in `a`: the SHA-256 of the SHA-256s of the
 * files, folder by folder in byte order; empty when no file was found. Files outside `workspace`
 * (absolute) are left out. */
int hash_files(arena *a, const char *workspace, const str *args, size_t count, str *ret, err *e);

#endif
