/* deps.h: what a project depends on: which of it is vulnerable, under which licences it is, and as
 * a bill of materials (docs/dependencies.md).
 *
 * Lock files, manifests and databases of packages are read by children, also in container images;
 * formats.c is the table of what is read. */
#ifndef SLIPWAY_SCAN_DEPS_DEPS_H
#define SLIPWAY_SCAN_DEPS_DEPS_H

#include "scan/deps/inventory.h"
#include "scan/scan.h"

/* The scanner "deps": findings are those of the advisories that affect what was found. `store`: the
 * folder of the advisories (advisories_dir). That there is none is an error of the scan when there
 * was something to look up. */
int deps_new(arena *a, const char *store, scanner **ret, err *e);
void deps_free(scanner *s);

/* The scanner "inventory": no findings; what was found is `deps_inventory` after the scan. */
int deps_inventory_new(arena *a, scanner **ret, err *e);
const inventory *deps_inventory(const scanner *s);

#endif
