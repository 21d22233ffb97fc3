/* verify.h: asks providers whether the secrets that were found are valid.
 *
 * Only where a person wants it (docs/secrets.md): the values leave this machine. While files are
 * read the verifier collects them, in memory and nowhere else; after the findings have been judged
 * by suppressions and baselines, those that are left are asked about, each value once. */
#ifndef SLIPWAY_SCAN_SECRETS_VERIFY_H
#define SLIPWAY_SCAN_SECRETS_VERIFY_H

#include "scan/scan.h"

#define VERIFY_REQUESTS_MAX 500 /* more values are "unknown" */

typedef struct secrets_verifier secrets_verifier;

/* Lives as long as the arena, which outlives the scanner that it is given to. */
secrets_verifier *secrets_verifier_new(arena *a);

/* Makes the requests that these findings need. ret_hosts: to whom values go, in the order of the
 * alphabet ("api.github.com, slack.com"), in the arena, empty when nothing is to be asked;
 * ret_count: how many values. */
void secrets_verify_plan(secrets_verifier *v, const finding_list *findings, str *ret_hosts,
                         size_t *ret_count);
/* Asks, by a few children, and fills `verified` and the property "verification" (why) of the
 * planned findings. Whatever fails is "unknown". */
void secrets_verify(secrets_verifier *v, finding_list *findings);

#endif
