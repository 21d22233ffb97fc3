/* text.h: strings as the language sees them: UTF-16 lengths, and order without case. */
#ifndef SLIPWAY_EXPR_TEXT_H
#define SLIPWAY_EXPR_TEXT_H

#include "base/str.h"

/* Length in UTF-16 code units. */
size_t text_units(str s);
/* Length of the white-space character at `at`, or 0. White space is .NET's: Unicode's. */
size_t text_space_at(str s, size_t at);
str text_trim(str s);

/* The upper-case form that comparisons use; what has none is its own. */
uint32_t text_upper(uint32_t code);
/* Order by upper-cased UTF-16 code units: negative, 0, positive. */
int text_compare(str a, str b);
bool text_starts(str s, str prefix);
bool text_ends(str s, str suffix);
bool text_contains(str s, str needle);

#endif
