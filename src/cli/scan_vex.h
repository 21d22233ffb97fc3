/* scan_vex.h: `slipway scan --format openvex`: what was found and what does not count, as the
 * statements of an OpenVEX document. */
#ifndef SLIPWAY_CLI_SCAN_VEX_H
#define SLIPWAY_CLI_SCAN_VEX_H

#include "scan/report.h"

/* Of what was found nobody has said yet whether it matters: it is under investigation. The time is
 * now, or SOURCE_DATE_EPOCH. */
report_fn report_openvex;

#endif
