/* deps.h: what a project depends on: which of it is vulnerable, under which licences it is, and as
 * a bill of materials (docs/dependencies.md).
 *
 * Lock files, manifests and databases of packages are read by children, also in container images;
 * formats.c is the table of what is read. Scanners borrow the arena that they are made in. */
#ifndef SLIPWAY_SCAN_DEPS_DEPS_H
#define SLIPWAY_SCAN_DEPS_DEPS_H

#include "base/problem.h"
#include "scan/scan.h"

/* Whether a file of this name says something about packages. */
bool deps_wants(str path);

/* ---- vulnerable packages ----------------------------------------------------------------------
 */

typedef struct deps_options {
    const char *store; /* the folder of the advisories (advisories_dir), or NULL */
    /* OpenVEX documents: findings of which they say that they are none are suppressed. */
    const char *const *vex;
    size_t vex_count;
    bool optional; /* that there are no advisories is a warning only */
} deps_options;

/* The scanner "deps": findings are those of the advisories that affect what was found, and a note
 * for each file that names packages without a version. That there are no advisories is an error of
 * the scan when there was something to look up. */
int deps_new(arena *a, const deps_options *options, scanner **ret, err *e);
void deps_free(scanner *s);

/* ---- licences ---------------------------------------------------------------------------------
 */

/* What is permitted, in slipway.yml:
 *
 *   licenses:
 *     allow: [MIT, Apache-2.0, BSD-*]
 *     deny: [AGPL-*]
 *     exceptions:
 *       - package: left-pad          # or "npm:left-pad", "left-*", a package URL
 *         reason: asked legal
 *         expires: 2027-01-31        # counts until then, may be left out
 */
typedef struct license_policy license_policy;

#define LICENSES_ENTRIES_MAX 1000 /* of each list */

/* Reads slipway.yml (an empty text: no policy); what is wrong with its part about licences is in
 * the problems. Other parts are for others to read. */
int license_policy_parse(arena *a, str source, const char *path, license_policy **ret, err *e);
const problem_list *license_policy_problems(const license_policy *p);

/* The scanner "licenses": what the policy does not permit, and licences that are not known, which
 * without a policy are only told. `root`: the folder in which the paths of what is scanned begin,
 * whose installed packages (node_modules) are asked for licences that lock files do not tell; may
 * be NULL. `today` is "2026-11-27". All live as long as the scanner. */
int licenses_new(arena *a, const license_policy *policy, const char *root, str today, scanner **ret,
                 err *e);

/* ---- bills of materials -----------------------------------------------------------------------
 */

typedef struct inventory inventory;

/* The scanner "inventory": no findings; what was found is deps_inventory after the scan. `root` as
 * in licenses_new. */
int deps_inventory_new(arena *a, const char *root, scanner **ret, err *e);
const inventory *deps_inventory(const scanner *s);

typedef struct sbom_head {
    str name;     /* of the project */
    str commit;   /* or empty */
    str remote;   /* its repository, or empty */
    int64_t time; /* of the document, seconds since 1970 */
} sbom_head;

/* A whole document as JSON: CycloneDX 1.6 (cyclonedx.org/docs/1.6/json) and SPDX 2.3
 * (spdx.github.io/spdx-spec/v2.3). The same input gives the same bytes. */
typedef void sbom_fn(strbuf *out, const inventory *v, const sbom_head *head);
sbom_fn sbom_cyclonedx, sbom_spdx;

#endif
