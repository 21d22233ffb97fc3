/* repeats.h: the idempotency_store of the server: answers are kept for a day. Private. */
#ifndef SLIPWAY_SERVER_REPEATS_H
#define SLIPWAY_SERVER_REPEATS_H

#include "server/state.h"

repeats *repeats_new(server *s);
/* After the core has been freed. */
void repeats_free(repeats *r);
idempotency_store *repeats_store(repeats *r);

#endif
