/* evaluate.h: whether a version is affected: the evaluation algorithm of OSV's schema.
 * https://ossf.github.io/osv-schema/#evaluation */
#ifndef SLIPWAY_SCAN_ADVISORIES_EVALUATE_H
#define SLIPWAY_SCAN_ADVISORIES_EVALUATE_H

#include "scan/advisories/record.h"

typedef enum verdict {
    VERDICT_UNAFFECTED,
    VERDICT_AFFECTED,
    VERDICT_UNKNOWN, /* the version has no place in the order of a range */
} verdict;

/* `from` is about the package, this is about its version. A version that cannot be read is affected
 * where the list of versions has it, or where every version is; an empty one (not pinned) in the
 * latter case only. Ranges of commits say nothing of versions. */
verdict evaluate(const affected *from, str version);
/* The same by the commits of ranges of type GIT, which are events of one repository, and by the
 * list of versions, in which its tags are. Which commit comes after which only the repository can
 * tell, so what can be said is little: `commit` (may be shortened) is an event itself, or every
 * commit is affected. Else VERDICT_UNKNOWN. */
verdict evaluate_commit(const affected *from, str version, str commit);
/* The one commit in which it was mended, or empty where there are none or several. */
str evaluate_commit_fix(const affected *from);
/* The versions after `version` in which a range that affects it was mended: calls `each` with every
 * one. */
void evaluate_fixes(const affected *from, str version, void (*each)(void *context, str fixed),
                    void *context);

#endif
