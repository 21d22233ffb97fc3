/* hub.h: what pages are told as it happens: server-sent events. Private to src/server.
 *
 * The core publishes after its commits; subscribers hold a stream each. The last HUB_KEPT events are
 * kept, so that a page that was cut off goes on where it was (Last-Event-ID); one that was away for
 * longer is told to load everything again ("reset"). An event says what has changed, with the same
 * JSON that the API gives for it:
 *
 *     event: run     data: {a Run}
 *     event: job     data: {a Job}
 *     event: step    data: {"job_id": 7, …a Step}
 *     event: agent   data: {an Agent}
 *     event: log     data: {"job_id": 7, "lines": 120}
 *
 * A stream is closed after HUB_HOLD_MS: the page comes again, and what it may see is judged anew. */
#ifndef SLIPWAY_SERVER_HUB_H
#define SLIPWAY_SERVER_HUB_H

#include "server/state.h"

#define HUB_KEPT    4096
#define HUB_HOLD_MS (15 * 60 * 1000)

hub *hub_new(server *s);
/* After the HTTP server has stopped. */
void hub_free(hub *h);

/* `repository` and `run` say who wants it; 0: everybody. From any thread. */
void hub_publish(hub *h, const char *event, int64_t repository, int64_t run, str data);
/* The same once the change that it tells is committed. */
void hub_publish_after(core_tx *tx, const char *event, int64_t repository, int64_t run,
                       const value *data);

extern const api_routes hub_routes;

#endif
