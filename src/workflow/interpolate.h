/* interpolate.h: ${{ }} inside a scalar. Private to src/workflow. */
#ifndef SLIPWAY_WORKFLOW_INTERPOLATE_H
#define SLIPWAY_WORKFLOW_INTERPOLATE_H

#include "workflow/reading.h"

/* Turns a string token that holds ${{ }} into an expression token (or TOKEN_INSERT, or a string
 * when the expression is a mere literal). On an error, which it reports, the token stays a
 * string. `scope` says what the expressions may use. */
void interpolate(reading *r, token *t, uint32_t scope);

#endif
