/* version.h: which of two versions is the later one, by the rules of each ecosystem that OSV names.
 *
 * Nothing is allocated and nothing fails: numbers of any size are compared as digits. Where a
 * version cannot be read by its ecosystem's rules, the order is still total, and version_known says
 * so. The rules, and where they come from, are told in the files that hold them. */
#ifndef SLIPWAY_SCAN_ADVISORIES_VERSION_H
#define SLIPWAY_SCAN_ADVISORIES_VERSION_H

#include "base/arena.h"

/* A longer text is no version: it is not known, and compares as bytes. */
#define VERSION_LENGTH_MAX 256

/* Negative, 0 or positive as `a` is before, the same as or after `b`. `ecosystem` is as OSV spells
 * it, a release after a colon is passed over ("Debian:12"); one that is not known compares by
 * numbers and words. */
int version_compare(str ecosystem, str a, str b);
/* The same as the ecosystem's own tool does it in constraints, where that differs: Composer
 * takes 1.0 for 1.0.0.0 and "BETA" for "beta", which PHP's version_compare, the order of Packagist,
 * does not. For OSV's ranges. */
int version_compare_in_range(str ecosystem, str a, str b);
/* Precedence of SemVer 2.0.0, section 11, whatever the ecosystem: for OSV's ranges of type SEMVER.
 */
int version_compare_semver(str a, str b);
/* Whether the ecosystem's rules can read this version. False for "main", "latest", a commit, a
 * file: of those OSV's ranges say nothing, only its lists of versions do. */
bool version_known(str ecosystem, str version);
bool version_known_semver(str version);
/* Whether there are rules for it. */
bool version_ecosystem_known(str ecosystem);

/* "Debian" of "Debian:12", and "12", or an empty str. */
void ecosystem_split(str ecosystem, str *ret_base, str *ret_release);
/* Whether what an advisory says of one ecosystem holds in the other: the same, where both name a
 * release the same release. Ubuntu's ":LTS" may be left out, Red Hat's are names of products with
 * the release in them, of SUSE's products the version counts. */
bool ecosystem_covers(str advisory, str package);
/* How names are compared: PyPI's by PEP 503, those of NuGet, Packagist, … without case, Swift's
 * URLs without scheme and ".git". Borrows `name` where nothing changes. */
str package_normal_name(arena *a, str ecosystem, str name);

#endif
