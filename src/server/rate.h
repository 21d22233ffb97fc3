/* rate.h: how often somebody may ask. Token buckets in a table of fixed size; time is passed in.
 *
 * A bucket holds up to `burst` tokens and gains `per_minute` of them a minute; each request takes
 * one. The table is made of sets of a few buckets; where a set is full, the bucket that has most
 * tokens is forgotten, because it limits least. Not for two threads at a time. */
#ifndef SLIPWAY_SERVER_RATE_H
#define SLIPWAY_SERVER_RATE_H

#include "base/str.h"

typedef struct rate_class {
    const char *name;
    unsigned per_minute, burst; /* per_minute 0: no limit */
} rate_class;

typedef struct rate_table rate_table;
/* Room for `buckets` buckets of 32 bytes each, at least 8. */
rate_table *rate_new(size_t buckets);
void rate_free(rate_table *t);
/* Takes a token of `who` in this class. 0 when there was one, else the seconds until there is. */
unsigned rate_take(rate_table *t, const rate_class *c, str who, int64_t now_us);

#endif
