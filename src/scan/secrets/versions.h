/* versions.h: what of a text must be looked at, when the version before it is known. Private to
 * src/scan/secrets.
 *
 * A history has hundreds of versions of a file that differ by a few lines. Where patterns match,
 * the prefilter says, and it is most of the work; so it looks at what has changed, and the rest of
 * what it said of the version before still holds. That rests on this:
 *
 * - Windows (match.c) need only have every place where a match can begin. More of them cost time
 * and change nothing, as PCRE2 decides, in the whole text.
 * - Each pattern that is looked for has a bound: so many bytes, or so many ends of lines. A match
 *   that touches nothing that has changed, nor stands beside it (for \b, ^ and $), was in the
 *   version before. All others lie in what has changed with as much around it as a match can have,
 *   which is a zone, and ends of matches in there are forgotten and found again.
 * - What is looked for around runs depends on a run and on what stands before it, so zones of these
 *   are whole runs.
 *
 * A text without a known version before it is one zone. */
#ifndef SLIPWAY_SCAN_SECRETS_VERSIONS_H
#define SLIPWAY_SCAN_SECRETS_VERSIONS_H

#include "base/str.h"

#define VERSIONS_DEPTH 6 /* of rounds of decoding; what is deeper is always read whole */

typedef struct versions versions;

/* How far matches go: each has at most `bytes`, or at most `lines` ends of lines. */
typedef struct versions_reach {
    size_t bytes, lines;
    size_t before_run; /* how many bytes before a run count for what is found there */
} versions_reach;

/* A stretch of the text that is searched, and which ends of matches are taken from it (both
 * included). */
typedef struct version_zone {
    size_t from, to, first_end, last_end;
} version_zone;

typedef struct version_zones {
    version_zone *items;
    size_t count, cap;
} version_zones;

/* Matches of a rule end at some places from `first` to `last`, and begin at `from` or later. */
typedef struct version_hit {
    unsigned rule;
    size_t from, first, last;
} version_hit;

/* `at_runs[rule]`: it is looked for around runs. Borrowed. The caller frees it. */
versions *versions_new(size_t rule_count, const bool *at_runs, versions_reach reach);
void versions_free(versions *v);

/* Begins a text that is the file's (depth 0), or was made from it in that round of decoding. It is
 * compared with the last one of this path and depth. */
void versions_begin(versions *v, str path, unsigned depth, str text);
/* Of the text that was begun: what is to be searched by all patterns that match anywhere, and the
 * runs that others are looked for at. */
const version_zones *versions_anywhere(const versions *v);
const version_zones *versions_at_runs(const versions *v);
/* Whether that is all of the text. */
bool versions_is_whole(const versions *v);
/* A match that was found there. */
void versions_add(versions *v, unsigned rule, size_t from, size_t end);
/* All hits of the text, sorted by rule and end, those of the version before among them. `valid`:
 * the search did not fail. Lent until the next text is begun. */
const version_hit *versions_end(versions *v, bool valid, size_t *ret_count);

/* What depends on lines that have changed, in whole lines: the next stretch, from *at (0 at first)
 * on. False after the last. */
bool versions_next_lines(const versions *v, size_t *at, str *ret);
/* Whether the last text of this path and depth was said to be plain: nothing is encoded in it. */
bool versions_was_plain(const versions *v);
void versions_set_plain(versions *v, bool plain);

#endif
