/* system.h: which distribution a database of packages belongs to. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_SYSTEM_H
#define SLIPWAY_SCAN_DEPS_SYSTEM_H

#include "scan/deps/inventory.h"

/* OSV's ecosystem of a document: its format's, of a database of packages by the os-release that
 * lies in the same root ("Debian:12"). Where there is none, the distribution without its release,
 * which all its advisories are for, and an error that says so. */
str system_ecosystem(inventory *v, const dep_doc *d);

#endif
