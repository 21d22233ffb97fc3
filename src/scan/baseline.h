/* baseline.h: findings that were there before, so that only new ones count.
 *
 * Read from a report: our JSON, SARIF (ours, or another tool's), or gitleaks' JSON. A finding is in
 * it by the surest thing that the report says:
 *   its fingerprint          ours: JSON, SARIF with "slipway/v1"
 *   rule, file, line hash    SARIF with primaryLocationLineHash
 *   rule, file, line         SARIF without, gitleaks' JSON
 * What such a report says of a commit is not compared. */
#ifndef SLIPWAY_SCAN_BASELINE_H
#define SLIPWAY_SCAN_BASELINE_H

#include "scan/scan.h"

#define BASELINE_MAX         ((size_t)256 << 20) /* bytes */
#define BASELINE_FINGERPRINT "slipway/v1"        /* in SARIF's fingerprints */

typedef struct baseline baseline;

baseline *baseline_new(arena *a);
/* Adds what a report has. Error: ERR_INVALID when it is none of them, with what is wrong. */
int baseline_read(baseline *b, str text, err *e);
/* Adds findings at hand. */
void baseline_add(baseline *b, const finding_list *findings);
bool baseline_has(const baseline *b, const finding *f);
/* Takes what is in the baseline out of the findings; gives how many these were. */
size_t baseline_apply(const baseline *b, finding_list *findings);

#endif
