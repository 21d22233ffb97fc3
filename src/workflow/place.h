/* place.h: where a part of a scalar stands in its file. Private to src/workflow. */
#ifndef SLIPWAY_WORKFLOW_PLACE_H
#define SLIPWAY_WORKFLOW_PLACE_H

#include "workflow/token.h"

/* A file, with the beginnings of its lines once they are wanted. Start with .a and .source. */
typedef struct place_index {
    arena *a;
    str source;
    uint32_t *lines;
    size_t line_count;
} place_index;

/* The place of `length` bytes at byte `offset` of t->source; the token's own place when the text
 * cannot be found again. */
span place_in_scalar(place_index *p, const token *t, size_t offset, size_t length);

#endif
