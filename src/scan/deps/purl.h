/* purl.h: packages as URLs, in the canonical form of the package-url specification
 * (https://github.com/package-url/purl-spec, PURL-SPECIFICATION and the types' definitions). */
#ifndef SLIPWAY_SCAN_DEPS_PURL_H
#define SLIPWAY_SCAN_DEPS_PURL_H

#include "base/arena.h"

/* Of a package of OSV's `ecosystem` ("npm", "Debian:12"); `arch` of a distribution's, or empty. An
 * empty version is left out. An ecosystem that has no type of its own gives "pkg:generic/…". */
str purl_make(arena *a, str ecosystem, str name, str version, str arch);

#endif
