/* glob.h: the patterns of @actions/glob, matched against paths that are lists of names. Pure. */
#ifndef SLIPWAY_RUNNER_GLOB_H
#define SLIPWAY_RUNNER_GLOB_H

#include "base/arena.h"
#include "base/err.h"

#define GLOB_PATTERNS_MAX 10000 /* of one list, with those that are implied */

/* What a path must be to match. */
typedef enum glob_match { GLOB_NONE = 0, GLOB_FOLDER = 1, GLOB_FILE = 2, GLOB_ALL = 3 } glob_match;

typedef struct glob_pattern {
    bool negate;
    bool implied;      /* "folder" implies all that is below it */
    bool folders_only; /* it ended in a slash */
    str *segments;     /* of the absolute path */
    size_t count;
    size_t literal; /* how many of the first segments hold no wildcard */
} glob_pattern;

typedef struct glob_list {
    glob_pattern *items;
    size_t count, cap;
} glob_list;

/* Adds the patterns of a text, one a line. Relative ones begin at `root`, "~" is `home`; both are
 * absolute. */
int glob_add(arena *a, glob_list *list, str text, str root, str home, err *e);

/* What the whole list says of a path, later patterns over earlier ones. */
glob_match glob_test(const glob_list *list, const str *names, size_t count);
/* True when something below this folder could match. */
bool glob_may_descend(const glob_list *list, const str *names, size_t count);

/* A segment without its escapes; only for those that hold no wildcard. */
str glob_literal(arena *a, str segment);

/* Splits a path at its slashes; empty names do not count. */
str *glob_split(arena *a, str path, size_t *ret_count);

#endif
