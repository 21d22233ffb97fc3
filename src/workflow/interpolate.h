/* interpolate.h: ${{ }} inside a scalar. Private to src/workflow. */
#ifndef SLIPWAY_WORKFLOW_INTERPOLATE_H
#define SLIPWAY_WORKFLOW_INTERPOLATE_H

#include "workflow/reading.h"

/* Turns a string token that holds ${{ }} into an expression token (or TOKEN_INSERT, or a string
 * when the expression is a mere literal). On an error, which it reports, the token stays a
 * string. `scope` says what the expressions may use. */
void interpolate(reading *r, token *t, uint32_t scope);

/* The index after the }} that closes the expression whose text starts at `from`, or -1. A }} in a
 * quoted string does not close. */
ptrdiff_t expression_end(str raw, size_t from);

/* Where in `source` stands what expr_parse complained about, `within` the text of an expression of
 * the token; line 0 when it cannot be told. */
span expression_place(const token *t, str source, str text, span within);

/* The byte at a column of a text, counted in code points from 1. */
size_t text_offset(str text, uint32_t column);

/* White space as .NET trims it, which is more than ASCII's. */
str trim_unicode(str text);

#endif
