/* findings.h: matches become findings. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_FINDINGS_H
#define SLIPWAY_SCAN_SECRETS_FINDINGS_H

#include "scan/secrets/match.h"

/* Properties for the parent, which takes them off: what depends on the commit, or on which of the
 * versions of a file in history counts. SCAN_IDENTITY is another, a part of the secret's digest:
 * too little of it to tell a guess from others. */
#define COMMITS_PROPERTY "allowed_commits"
#define LINE_PROPERTY    "match_line" /* where it is not that of the secret */
/* For the verifier: an object with the secret and the named groups of its pattern, as they are. */
#define VALUES_PROPERTY "verify_values"

typedef struct findings_options {
    bool show_secrets; /* nothing is redacted */
    bool keep_values;  /* VALUES_PROPERTY is given, where the rule can be verified */
} findings_options;

/* Adds a finding a match of a file's text. */
void findings_add(scan_out *out, str path, str text, const match_list *matches,
                  const findings_options *how);

#endif
