/* job_logs.h: the logs of jobs, shared by the threads that write, read and follow them. Private.
 *
 * A log that somebody uses is open once. Appending goes on in the HTTP threads, one at a time for
 * each log, and never through the core: a log is no state, and what was acknowledged of it is in a
 * file. Followers hold a stream each and are sent whole records as they come. */
#ifndef SLIPWAY_SERVER_JOB_LOGS_H
#define SLIPWAY_SERVER_JOB_LOGS_H

#include "server/state.h"
#include "store/logs.h"

job_logs *job_logs_new(server *s);
/* After the HTTP server has stopped. */
void job_logs_free(job_logs *l);

/* Who may write the log of a job: the core says so when it gives the job to an agent. `attempt`:
 * its digest, as in the row; empty: nobody any more. */
void job_logs_allow(job_logs *l, int64_t job, int64_t agent, str attempt);
bool job_logs_allowed(job_logs *l, int64_t job, int64_t agent, str attempt);

/* Appends what an agent sends of a job's log; as log_append. *ret_size is on the disk when
 * `durable`. */
int job_logs_append(job_logs *l, int64_t job, uint64_t offset, str bytes, bool durable,
                    uint64_t *ret_size, err *e);
/* The job has ended: its followers are told, and the log is packed, by a thread of its own. */
void job_logs_end(job_logs *l, int64_t job);
/* The job is tried again: its log begins anew. */
int job_logs_forget(job_logs *l, int64_t job, err *e);
/* Bytes and lines of a log that an agent has sent, 0 where there is none. */
void job_logs_size(job_logs *l, int64_t job, uint64_t *ret_bytes, uint64_t *ret_lines);

extern const api_routes logs_routes;

#endif
