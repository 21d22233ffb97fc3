/* log_set.h: the logs that a server has open: one handle a job, shared by who writes and who reads.
 *
 * All calls may come from any thread. Of a handle that was taken, what logs.h says goes: one writer
 * at a time. Handles that nobody has are kept for a while, the last used `idle_max` of them, so
 * that a page of a log that was just looked at needs no opening. One process has one set for a
 * folder. */
#ifndef SLIPWAY_STORE_LOG_SET_H
#define SLIPWAY_STORE_LOG_SET_H

#include "store/logs.h"

typedef struct log_set log_set;

/* `max_bytes`: as in log_open_writer. */
log_set *log_set_new(const char *dir, uint64_t max_bytes, size_t idle_max);
/* When all handles were given back. NULL is allowed. Nothing is synced. */
void log_set_free(log_set *s);

/* The handle of a job's log. ERR_NOT_FOUND when there is none, unless `make` is set; then it is one
 * to append to, and ERR_INVALID for a log that is packed or finished. */
int log_set_take(log_set *s, int64_t job, bool make, job_log **ret, err *e);
void log_set_put(log_set *s, job_log *l);

/* Told for each log that has something new on the disk; `size` as log_sync gives it. */
typedef void log_synced_fn(void *context, int64_t job, uint64_t size);
/* Syncs all that were written to. One that fails keeps none of the others from it: *e is the first
 * failure. To be called every so often, from a thread that may wait for the disk. */
int log_set_sync(log_set *s, log_synced_fn *synced, void *context, err *e);

/* The job has ended: nothing is appended any more. Packs the log, which takes a second for a
 * million lines, and shares the packed one from then on. May be called again where it failed. */
int log_set_pack(log_set *s, int64_t job, err *e);

#endif
