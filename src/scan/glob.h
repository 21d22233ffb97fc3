/* glob.h: patterns of paths as people write them in ignore files. Private to src/scan.
 *
 * `*` and `?` stay within a name, `[a-z]` and `[!a-z]` are sets, `**` is any number of folders. A
 * pattern without '/' names a file or folder at any depth, one with '/' begins at the root. What
 * names a folder stands for all that is below it. */
#ifndef SLIPWAY_SCAN_GLOB_H
#define SLIPWAY_SCAN_GLOB_H

#include "base/str.h"

/* In time proportional to the product of the lengths at most. */
bool glob_path(str pattern, str path);
/* One name, in which '/' is a character like others. */
bool glob_name(str pattern, str name);

#endif
