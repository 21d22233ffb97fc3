/* matcher.h: problem matchers: regular expressions that turn a tool's output into annotations.
 * https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md
 *
 * A matcher has an owner and one or more patterns. With several, each must match one line after the
 * other; a last pattern with `loop` may go on matching, each time giving an annotation. The
 * regular expressions come from files in a repository and so are run under limits; one that hits
 * them is removed and said so. */
#ifndef SLIPWAY_RUNNER_MATCHER_H
#define SLIPWAY_RUNNER_MATCHER_H

#include "runner/annotation.h"

#define MATCHER_FILE_MAX     (1u << 20) /* bytes of a JSON file */
#define MATCHER_COUNT_MAX    200        /* in force at a time */
#define MATCHER_PATTERNS_MAX 50         /* of one matcher */

typedef struct matcher_set matcher_set;
matcher_set *matcher_set_new(void);
void matcher_set_free(matcher_set *s);

/* Adds the matchers of a JSON text ({"problemMatcher": […]}). All or, with an error, none. Each
 * replaces the one of the same owner and is tried before those that were there. */
int matcher_add(matcher_set *s, str json, err *e);
/* Removes the matcher of that owner, if there is one. */
void matcher_remove(matcher_set *s, str owner);
/* Removes those that a JSON text names. */
int matcher_remove_all(matcher_set *s, str json, err *e);
size_t matcher_count(const matcher_set *s);

/* Forgets matches that are half done: between steps. */
void matcher_reset(matcher_set *s);

/* Tries a line of output (without its newline; colour codes are ignored). True when it gave an
 * annotation; its text lives in `a`. *ret_problem (in `a`) is a warning to show, or empty. */
bool matcher_line(matcher_set *s, arena *a, str line, annotation *ret, str *ret_problem);

#endif
