/* text.h: places in a file's bytes, for scanners. Private to src/scan. */
#ifndef SLIPWAY_SCAN_TEXT_H
#define SLIPWAY_SCAN_TEXT_H

#include "base/arena.h"

/* A place within a long line, from which columns are counted on. */
typedef struct text_mark {
    size_t offset;
    uint32_t column;
} text_mark;

/* Where lines begin. Made once a file, when something was found in it. Lines end with LF, CRLF or
 * CR. */
typedef struct text_lines {
    str body;
    size_t *starts;
    size_t count;     /* at least 1 */
    text_mark *marks; /* ascending; none in lines that are not long */
    size_t mark_count;
} text_lines;

text_lines text_lines_new(arena *a, str body);
/* Line and column, from 1, of the byte at `offset` (at most the length); columns count code points,
 * an ill-formed byte counts as one. The cost does not depend on how long the line is. */
void text_place(const text_lines *t, size_t offset, uint32_t *ret_line, uint32_t *ret_column);
/* A line (from 1) without its end. */
str text_line(const text_lines *t, size_t line);

/* GitHub's hash of the text that begins at each line, as the upload action computes it for
 * primaryLocationLineHash: over the first 100 UTF-16 units that are no space and no tab, in hex,
 * with ":n" for the nth line of the file that has it. `ret[i]` is that of lines[i]; lines are
 * ascending, from 1. (github/codeql-action, src/fingerprints.ts) */
void text_line_hashes(arena *a, str body, const uint32_t *lines, size_t count, str *ret);

#endif
