/* package.h: one version of one package that something depends on, as a lock file, a manifest or an
 * SBOM names it. Readers of such files yield these; advisories and licences are looked up by them.
 */
#ifndef SLIPWAY_SCAN_PACKAGE_H
#define SLIPWAY_SCAN_PACKAGE_H

#include "base/str.h"

/* Texts are valid UTF-8, borrowed from whoever made the package, and empty where nothing is known.
 */
typedef struct package {
    /* As OSV spells it, with the release of a distribution where there is one: "npm", "PyPI",
     * "crates.io", "Go", "Debian:12", "Alpine:v3.20". (ossf.github.io/osv-schema, affected.package)
     */
    str ecosystem;
    /* As the file spells it; for Maven "group:artifact", for Packagist "vendor/name", for Go the
     * module's path. Debian's and Alpine's packages go by their source's name. */
    str name;
    /* Another name under which advisories may speak of it: an RPM's source. */
    str other_name;
    str version; /* exact, as the file spells it; empty: not pinned */
    /* What it comes out of, where that is known, as repository_name spells it, and the commit of
     * that, which may be shortened. */
    str repository, commit;
    bool from_repository;  /* straight out of it, and not from the usual registry */
    str purl;              /* canonical, "pkg:npm/%40scope/name@1.2.3" */
    str path;              /* of the file that names it, from the root of what was scanned */
    uint32_t line, column; /* of the place that names it, from 1; line 0: the file as a whole */
    uint32_t end_line, end_column; /* exclusive, 0 where not known */
    /* A comment beside that place which says what of it does not count (inline.h), or empty. */
    str marker;
    bool direct; /* the project itself asks for it */
    bool dev;    /* only to develop, build or test */
    /* By which packages it came, "name@version" from the project's own dependency down to the one
     * that asks for it; none for a direct one. */
    const str *via;
    size_t via_count;
} package;

#endif
