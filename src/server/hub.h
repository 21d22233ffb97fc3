/* hub.h: what pages are told as it happens. Private to src/server.
 *
 * An event says what has changed, with the same JSON that the API gives for it:
 *
 *     event: run     data: {a Run}
 *     event: job     data: {a Job}
 *     event: step    data: {"job_id": 7, …a Step}
 *     event: agent   data: {an Agent}
 *
 * and is sent after the commit of the change (events.h says how). A stream ends after HUB_HOLD_MS:
 * the page comes again, and what it may see is judged anew. */
#ifndef SLIPWAY_SERVER_HUB_H
#define SLIPWAY_SERVER_HUB_H

#include "server/events.h"
#include "server/state.h"

#define HUB_HOLD_MS (15 * 60 * 1000)

hub *hub_new(server *s);
/* After the HTTP server has stopped. */
void hub_free(hub *h);

/* Once the change that it tells is committed. `run`: of which run it is; 0: of none. */
void hub_publish_after(core_tx *tx, const char *name, int64_t repository, int64_t run,
                       const value *data);

extern const api_routes hub_routes;

#endif
