/* cvss.h: the score of a CVSS vector.
 *
 * v2: first.org/cvss/v2/guide; v3.0 and v3.1: first.org/cvss/v3-1/specification-document; v4.0:
 * first.org/cvss/v4-0/specification-document. Of v2 and v3 the base score counts, as advisories
 * give it; of v4 the whole vector, which is how FIRST defines its score. */
#ifndef SLIPWAY_SCAN_ADVISORIES_CVSS_H
#define SLIPWAY_SCAN_ADVISORIES_CVSS_H

#include "scan/scan.h"

/* Tenths: 98 is 9.8. The version is told by the vector's head; without one it is v2. -1 when it is
 * no vector: unknown or missing metrics, values that are none, one twice. */
int cvss_score(str vector);
/* 9.0 and more is critical, 7.0 high, 4.0 medium, above 0 low, 0 info. */
finding_level cvss_level(int tenths);

#endif
