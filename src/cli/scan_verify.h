/* scan_verify.h: `slipway scan --verify`: who may ask, and what is said before. */
#ifndef SLIPWAY_CLI_SCAN_VERIFY_H
#define SLIPWAY_CLI_SCAN_VERIFY_H

#include "scan/secrets/secrets.h"

/* ERR_INVALID in CI and in what `slipway run` has started: there nobody watches where a secret is
 * sent. Told by the variables of CI systems, in our environment and in those of the processes that
 * we come from, as sudo and the like drop them, and by a slipway among those. */
int scan_verify_allowed(err *e);

/* Says on stderr to which hosts values are sent, and asks them about these findings. */
void scan_verify(secrets_verifier *v, finding_list *findings);

#endif
