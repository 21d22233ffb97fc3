/* embedded.h: the agent that a server starts for itself. Private to src/server.
 *
 * It is a child like any other agent, at the socket of the data folder. When it dies it is started
 * again; when the server is killed it goes on, and the next server's own finds its folder taken,
 * and tries again later. */
#ifndef SLIPWAY_SERVER_EMBEDDED_H
#define SLIPWAY_SERVER_EMBEDDED_H

#include "server/state.h"

/* Starts it, once the server listens. */
embedded *embedded_new(server *s);
/* Tells it to end; its jobs go on. Waits until it has. */
void embedded_free(embedded *x);

#endif
