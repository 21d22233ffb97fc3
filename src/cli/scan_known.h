/* scan_known.h: which findings about packages are new. */
#ifndef SLIPWAY_CLI_SCAN_KNOWN_H
#define SLIPWAY_CLI_SCAN_KNOWN_H

#include "scan/scan.h"

/* Takes out of `now` what `before` has: the same rule about the same version of the same package
 * (its purl and its commit), in whatever file; without a package the same fingerprint. Gives how
 * many that were. */
size_t scan_drop_known(finding_list *now, const finding_list *before);

#endif
