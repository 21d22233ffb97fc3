/* pom.h: Maven's poms, with their parents and properties. Private to src/scan/deps. */
#ifndef SLIPWAY_SCAN_DEPS_POM_H
#define SLIPWAY_SCAN_DEPS_POM_H

#include "scan/deps/inventory.h"

/* Makes packages of the dependencies that poms name. Parents and imported poms count where they are
 * among the files; nothing is fetched, so a version that only they would tell stays unknown. */
void pom_resolve(inventory *v);

#endif
