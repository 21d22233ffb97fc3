/* installed.h: licences that installed packages tell, of lock files that tell none. Private to
 * src/scan/deps.
 *
 * What is installed is mostly ignored by git, so it is no part of a scan; a child looks into
 * node_modules beside the lock file that it reads. */
#ifndef SLIPWAY_SCAN_DEPS_INSTALLED_H
#define SLIPWAY_SCAN_DEPS_INSTALLED_H

#include "scan/deps/doc.h"

/* In a child: fills licences that the document has not from root/FOLDER/node_modules/NAME, where
 * that has the same version. `root`: the open folder in which the paths of documents begin. */
void installed_licenses(dep_doc *d, int root);
/* Differs when packages were installed since: of what the cache keeps. */
uint64_t installed_stamp(const char *root);

#endif
