/* intake.h: from something that happened to the runs that it starts. Private to src/server.
 *
 * What comes in is a row first (store_incoming), written by whoever is told of it, so that nothing
 * is lost and a replay is seen. A thread of its own takes these rows one after the other, asks git,
 * reads the workflows at the commit, and posts one command that starts the runs and marks the row
 * done. So a flood waits in the database, and git holds nobody up. */
#ifndef SLIPWAY_SERVER_INTAKE_H
#define SLIPWAY_SERVER_INTAKE_H

#include "server/state.h"

int intake_new(server *s, intake **ret, err *e);
/* Waits for what it is at; the rest stays in the database. */
void intake_free(intake *i);
/* There is a new row. From any thread. */
void intake_wake(intake *i);

/* In a command: the row, its check, and its entry in the audit log. ERR_INVALID for a delivery that
 * was accepted before. */
int intake_accept(core_tx *tx, store_incoming *in, err *e);

extern const api_routes intake_routes;
extern const api_schemas intake_schemas;

#endif
