/* triggers.h: what starts runs without anybody calling: schedules, and repositories that are
 * polled. Private to src/server.
 *
 * A clock ticks every few seconds on the core's loop. Schedules are rows that the intake writes
 * when a default branch changes; those that are due become events like any other, with the time in
 * their delivery, so that none is run twice. A polled repository is asked by a child (child.h) for
 * its refs; when they have changed the mirror is fetched, and each change becomes a push. */
#ifndef SLIPWAY_SERVER_TRIGGERS_H
#define SLIPWAY_SERVER_TRIGGERS_H

#include "server/state.h"
#include "store/runs.h"

triggers *triggers_new(server *s);
/* Kills the children, whose ends are told by the loop: it must go on until they are. */
void triggers_stop(triggers *t);
bool triggers_busy(const triggers *t);
/* After the core has been freed. */
void triggers_free(triggers *t);

/* In a command: the schedules of a repository are now these (of its default branch). */
int triggers_set_schedules(core_tx *tx, int64_t repository, const store_cron *rows, size_t count,
                           err *e);
/* The folder where git finds a repository's objects: its own, or our mirror. In `a`. */
char *repository_folder(const server *s, arena *a, const store_repository *r);

#endif
