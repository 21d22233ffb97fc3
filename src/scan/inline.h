/* inline.h: comments in a file that say which of its findings do not count. Private to src/scan.
 *
 *   key = "…"  # slipway:ignore                        every finding of this line
 *   key = "…"  # slipway:ignore[rule, kind] reason     those of these rules or kinds
 *   key = "…"  # gitleaks:allow                        every finding of this line
 *
 * A line that is nothing but a comment speaks of the next one. Of a finding of several lines, its
 * first and its last are looked at. */
#ifndef SLIPWAY_SCAN_INLINE_H
#define SLIPWAY_SCAN_INLINE_H

#include "scan/scanner.h"

/* Marks what the file's comments suppress. Findings in other files than this (what an archive
 * holds) stay as they are. */
void inline_judge(arena *a, const scan_file *file, finding_list *findings);

#endif
