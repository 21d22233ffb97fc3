/* text.h: strings as the language compares them: without case, by UTF-16 order. */
#ifndef SLIPWAY_EXPR_TEXT_H
#define SLIPWAY_EXPR_TEXT_H

#include "base/str.h"

/* The upper-case form that comparisons use; what has none is its own. */
uint32_t text_upper(uint32_t code);
/* Order by upper-cased UTF-16 code units: negative, 0, positive. */
int text_compare(str a, str b);
bool text_starts(str s, str prefix);
bool text_ends(str s, str suffix);
bool text_contains(str s, str needle);

#endif
