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
#include "scan/text.h"

/* For findings that are made after the file was read: the text of a marker from its name on
 * ("slipway:ignore[rule] reason"), which is beside a line or in the comment above it; empty where
 * there is none. Borrowed. */
str inline_marker(const text_lines *lines, uint32_t line);
/* Whether such a text is meant for this finding, also by one of the property `aliases`; fills its
 * suppression. */
void inline_judge_by(str marker, finding *f);

/* Marks what the file's comments suppress. Findings in other files than this (what an archive
 * holds) stay as they are. */
void inline_judge(arena *a, const scan_file *file, finding_list *findings);

#endif
