/* filecmd.h: the files by which a step speaks to the runner: GITHUB_ENV, GITHUB_OUTPUT,
 * GITHUB_STATE (names and values) and GITHUB_PATH (a folder a line).
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files
 *
 * A pair is "name=value" on one line, or "name<<DELIMITER", the value's lines, and a line that is
 * DELIMITER. Whichever of = and << comes first in a line decides. As on GitHub's Linux runners only
 * LF ends a line here; a CR before it belongs to the value. Empty lines between pairs are skipped.
 * A byte order mark is. */
#ifndef SLIPWAY_RUNNER_FILECMD_H
#define SLIPWAY_RUNNER_FILECMD_H

#include "base/arena.h"
#include "base/err.h"

#define FILECMD_BYTES_MAX   (16u << 20) /* of one file: for fs_read */
#define FILECMD_PAIRS_MAX   100000      /* pairs or paths of one file */
#define FILECMD_SUMMARY_MAX (1u << 20)  /* GITHUB_STEP_SUMMARY of one step, as on GitHub */

typedef struct filecmd_pair {
    str name, value; /* borrow the text */
    unsigned line;   /* where it begins */
} filecmd_pair;

/* Reads name-value pairs in order (a later one of the same name wins). On an error e->where.line
 * tells the line, and *ret and *ret_count hold the pairs before it, which GitHub applies too. */
int filecmd_pairs(arena *a, str text, filecmd_pair **ret, size_t *ret_count, err *e);

/* Reads GITHUB_PATH: the lines that are not empty, in order. CR, LF and CRLF end a line here. */
int filecmd_paths(arena *a, str text, str **ret, size_t *ret_count, err *e);

/* False for names that a step may not set for later ones (NODE_OPTIONS). */
bool filecmd_env_allowed(str name);

#endif
