/* runs.h: the long words of a text. Private to src/scan/secrets.
 *
 * Few words are as long as a secret is. What most patterns must have is a run: 16 characters of
 * base64 or base64url in a row, which is also what decoding looks for. Runs are found in one fast
 * pass, and these patterns then need to be looked for in a fraction of the text. */
#ifndef SLIPWAY_SCAN_SECRETS_RUNS_H
#define SLIPWAY_SCAN_SECRETS_RUNS_H

#include "base/str.h"

#define RUN_MIN 16 /* as gitleaks has it for base64 */
/* How far before a run an assignment may stand: blanks, quotes and brackets between them. */
#define RUN_GAP_MAX 20

/* Sets of ASCII characters, a bit for each. */
extern const uint64_t run_chars[2]; /* letters, digits, + - / _ */
extern const uint64_t
    run_assigns[2];                /* what an assignment or an argument ends with: = : > | , ( ? */
extern const uint64_t run_gaps[2]; /* what may stand between it and its value */

static inline bool run_has(const uint64_t set[2], char c) {
    unsigned char byte = (unsigned char)c;
    return byte < 128 && set[byte >> 6] >> (byte & 63) & 1;
}

/* The run goes as far as its characters do, both ways. */
typedef struct run {
    size_t start, end;
} run;

typedef struct run_list {
    run *items;
    size_t count, cap;
} run_list;

/* All runs of a text, ascending; the list is emptied before. */
void runs_find(str text, run_list *list);
/* Adds those of a stretch, which neither begins nor ends within a run. */
void runs_find_in(str text, size_t from, size_t to, run_list *list);
void runs_done(run_list *list);

/* Those of the runs that a drawn text can be part of; `ret` is emptied before. The others, three
 * fifths, have no digit, and nowhere in them do the letters follow each other other than in words:
 * of texts of 16 drawn letters and digits, 6 % have no digit, and of those 3 in 1,000 read so. */
void runs_drawn(str text, const run_list *all, run_list *ret);

/* Whether there is one of run_assigns within RUN_GAP_MAX + 1 bytes before `start`, and only
 * run_gaps between them. */
bool run_is_assigned(str text, size_t start);

/* A stretch of the text in what was gathered from it. */
typedef struct run_piece {
    size_t start, from; /* where it begins there, and in the text */
} run_piece;

typedef struct run_extract {
    strbuf text;
    run_piece *pieces;
    size_t count, cap;
} run_extract;

/* Puts together what is around the runs, in order: of each `before` bytes before it, and
 * `before_assigned` where it is assigned. Stretches that touch become one; others have a line feed
 * between them. */
void runs_gather(str text, const run_list *list, size_t before, size_t before_assigned,
                 run_extract *ret);
/* Where the byte at `offset` (below x->text.len) stands in the text; *ret_first: where its stretch
 * begins there. A line feed between two is taken for the end of the first. */
size_t run_origin(const run_extract *x, size_t offset, size_t *ret_first);
void run_extract_done(run_extract *x);

#endif
