/* rfc3339.h: times as texts. */
#ifndef SLIPWAY_BASE_RFC3339_H
#define SLIPWAY_BASE_RFC3339_H

#include "base/arena.h"

/* Milliseconds since 1970 of an RFC 3339 time ("2026-11-27T10:00:00.5Z", with an offset, or without
 * one for UTC), or of a date alone; false when it is none. */
bool time_parse(str text, int64_t *ret_ms);
/* The day that it is in UTC, "2026-11-27". */
str time_today(arena *a);

#endif
