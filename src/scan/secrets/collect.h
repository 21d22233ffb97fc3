/* collect.h: what the scanner hands to the verifier. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_COLLECT_H
#define SLIPWAY_SCAN_SECRETS_COLLECT_H

#include "scan/secrets/rules.h"
#include "scan/secrets/verify.h"

/* The values of a finding, by name. All are borrowed until the verifier's arena goes. */
void secrets_verifier_collect(secrets_verifier *v, const secret_rule *rule, str fingerprint,
                              const value *values);

#endif
