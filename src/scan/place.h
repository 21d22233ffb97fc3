/* place.h: what a finding's own lines say, so that it is known again when other lines of its file
 * change. A scanner's fingerprint, and GitHub's hash of a line, take in what follows. Private to
 * src/scan. */
#ifndef SLIPWAY_SCAN_PLACE_H
#define SLIPWAY_SCAN_PLACE_H

#include "scan/scanner.h"

/* Fills place_hash of the findings in this file (not of those in an archive's members). */
void place_hashes(arena *a, const scan_file *file, finding_list *findings);

#endif
