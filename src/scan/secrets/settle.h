/* settle.h: which of several matches of one secret counts. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_SETTLE_H
#define SLIPWAY_SCAN_SECRETS_SETTLE_H

#include "scan/secrets/match.h"

/* Sorts the matches of a text by place, and keeps of what was found in one place what tells most:
 * matcher_text says in which order. */
void matches_settle(match_list *list);

#endif
