/* licenses.h: whether the licences of what a project depends on are those that it permits.
 *
 * What is permitted stands in slipway.yml:
 *
 *   licenses:
 *     allow: [MIT, Apache-2.0, BSD-*]
 *     deny: [AGPL-*]
 *     exceptions:
 *       - package: left-pad          # or "npm:left-pad", "left-*"
 *         reason: asked legal
 *         expires: 2027-01-31
 */
#ifndef SLIPWAY_SCAN_DEPS_LICENSES_H
#define SLIPWAY_SCAN_DEPS_LICENSES_H

#include "base/problem.h"
#include "scan/deps/inventory.h"
#include "scan/deps/spdx.h"

#define LICENSES_ENTRIES_MAX 1000 /* of each list */

typedef struct license_exception {
    str package, reason, expires; /* expires: "2027-01-31" or empty */
    span where;
} license_exception;

typedef struct license_policy {
    bool given; /* there is one: without it nothing is forbidden, and what is unknown is a note */
    license_lists lists;
    license_exception *exceptions;
    size_t exception_count;
    problem_list problems; /* of the file */
} license_policy;

/* Reads slipway.yml; what is wrong with its part about licences is in the problems. Other parts are
 * for others to read. */
int license_policy_parse(arena *a, str source, const char *path, license_policy **ret, err *e);

/* The scanner "licenses". `today` is "2026-11-27". Both live as long as the scanner. */
int licenses_new(arena *a, const license_policy *policy, str today, scanner **ret, err *e);

#endif
