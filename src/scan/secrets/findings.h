/* findings.h: matches become findings. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_FINDINGS_H
#define SLIPWAY_SCAN_SECRETS_FINDINGS_H

#include "scan/secrets/match.h"

#define COMMITS_PROPERTY "allowed_commits" /* until the parent knows the commit */

/* Adds a finding a match of a file's text, but for those that `is_ignored` says (may be NULL; it is
 * given the line of the match). */
typedef bool findings_ignored_fn(void *context, str path, const secret_rule *rule, uint32_t line);
void findings_add(scan_out *out, str path, str text, const match_list *matches, bool show_secrets,
                  findings_ignored_fn *is_ignored, void *context);

#endif
