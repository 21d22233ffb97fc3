/* suppress.h: findings that somebody has decided to live with, for a while.
 *
 * .slipway/suppressions.yml is a list of entries:
 *
 *   - rule: generic-api-key          # glob          at least one of these; a finding must
 *     path: tests/fixtures           # glob          have all that are given
 *     kind: secrets                  # or "errors": files that cannot be scanned
 *     fingerprint: 0123456789abcdef0123456789abcdef
 *     package: lodash                # glob, by name or purl
 *     advisory: CVE-2021-23337       # by any of its names
 *     owner: shop-team               # all three are needed
 *     reason: keys of the test server
 *     expires: 2027-03-31            # the last day on which it holds
 */
#ifndef SLIPWAY_SCAN_SUPPRESS_H
#define SLIPWAY_SCAN_SUPPRESS_H

#include "scan/scan.h"

#define SUPPRESSIONS_FILE   ".slipway/suppressions.yml"
#define SUPPRESSIONS_MAX    ((size_t)1 << 20) /* bytes */
#define SUPPRESSIONS_KIND   "suppressions"    /* of findings about entries */
#define SUPPRESSIONS_ERRORS "errors"

typedef struct suppressions suppressions;

/* `file` names it in errors and findings, `kinds` (ends with NULL) are those that an entry may name
 * besides SUPPRESSIONS_ERRORS. Errors have the place: of a key that is unknown, missing or there
 * twice, of a value that cannot be. */
int suppressions_parse(arena *a, str text, const char *file, const char *const *kinds,
                       suppressions **ret, err *e);

/* Moves what a comment beside it or an entry suppresses from the findings of `r` to its suppressed
 * ones, and so the errors of files, as findings of kind SUPPRESSIONS_ERRORS, that an entry of this
 * kind is for. An entry that has expired suppresses nothing and is a finding (medium); where
 * `unused`, so is one that suppresses nothing (info): only a scan of everything can tell. `s` may
 * be NULL. `today`: "2026-11-27". */
void suppressions_apply(suppressions *s, str today, bool unused, scan_report *r);

#endif
