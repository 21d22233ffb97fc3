/* reading.h: what one workflow_parse or action_parse shares over all its files: its limits, what
 * it has found wrong, and what its files have in common. Private to src/workflow. */
#ifndef SLIPWAY_WORKFLOW_READING_H
#define SLIPWAY_WORKFLOW_READING_H

#include "workflow/place.h"
#include "workflow/schema.h"
#include "workflow/workflow.h"

typedef struct reading {
    arena *a;
    problem_list *problems;
    workflow_limits limits;         /* without zeroes */
    bool no_anchors, no_background; /* see workflow_options */
    place_index file;               /* that is read or converted */
    size_t bytes;                   /* of the tokens made so far, as GitHub counts them */
    unsigned depth;
    bool stopped; /* a limit was hit: nothing more is read from this file */
    span caller;  /* the `uses:` because of which this file is read; line 0 in the first one */
    scope_cache scopes;
} reading;

void reading_init(reading *r, arena *a, problem_list *problems, const workflow_limits *limits);

/* Adds an error, up to limits.max_errors. */
void reading_error(reading *r, span where, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* As reading_error, with what to do about it. */
void reading_error_help(reading *r, span where, const char *rule, str help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* What expr_parse says about `text`, which stands in the token's scalar and may use `scope`. */
void reading_expression_error(reading *r, const token *t, str text, uint32_t scope, const err *e);
/* Adds an error about the whole file of `place` and stops reading. As on GitHub the error has no
 * line; `place` shows people where it came up, as far as that is known. */
void reading_stop(reading *r, span place, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Counts memory as GitHub does; false, with an error, when there is too much of it. */
bool reading_bytes(reading *r, const char *file, size_t bytes);

/* Reads a YAML text as `definition`. NULL when it cannot be read at all; problems say why. A file
 * whose problems grew must not be converted: what was wrong in it is missing from the tree. */
const token *reading_file(reading *r, str source, const char *file, uint16_t definition);

/* "did you mean 'x'?", or an empty str. */
str reading_suggest(reading *r, str word, const str *candidates, size_t count);

/* How a token is shown in messages: literals as text, expressions in ${{ }}. */
str token_display(arena *a, const token *t);

/* How a file with that path is told from others in places: a copy in the arena. */
const char *reading_path(reading *r, str path);

#endif
