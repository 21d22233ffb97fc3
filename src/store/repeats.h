/* repeats.h: answers to requests that may be sent again (Idempotency-Key). Part of the store. */
#ifndef SLIPWAY_STORE_REPEATS_H
#define SLIPWAY_STORE_REPEATS_H

#include "store/store.h"

typedef struct store_repeat {
    str key, request; /* digests, in hex */
    int64_t status;
    str type, body, location;
    int64_t created_us;
} store_repeat;

/* ERR_NOT_FOUND. */
int store_repeat_find(store *s, arena *a, str key, store_repeat *ret, err *e);
/* Adds it, and forgets those that were made before `oldest_us`. */
int store_repeat_add(store *s, const store_repeat *r, int64_t oldest_us, err *e);

#endif
