/* worker.h: the process of one job of an agent (`slipway agent-job`).
 *
 * Theory of operation. The agent starts one process for each job. It is the leader of a session of
 * its own, has no terminal, and holds no descriptor of the agent's but stdin to stderr; so neither
 * a restart of the agent nor its end is any business of the job's. It reads the job (job_spec.h)
 * from stdin to its end, takes the spool folder (spool.h), parses and plans the workflow again,
 * fetches the actions that the job uses, runs it, and writes the result. Orders come through the
 * spool's control, and SIGTERM is the order to cancel.
 *
 * What takes long can be done before there is a job: with `wait`, the process makes all that every
 * job needs and then waits for stdin. */
#ifndef SLIPWAY_AGENT_WORKER_H
#define SLIPWAY_AGENT_WORKER_H

#include "agent/where.h"

/* What the agent decides: its own settings, never a server's. */
typedef struct worker_options {
    const char *spool;        /* the folder; absolute */
    const char *caches;       /* as of person_cache */
    const char *artifacts;    /* folder; each run has one of its own in it; NULL: in the person's
                               * state, as `slipway run` */
    bool local;               /* the repository may be a folder of this machine */
    uint64_t cache_bytes;     /* of saved caches; 0: the default */
    const char *actions_from; /* as of actions_spec */
    const word_mapping *platforms;
    size_t platform_count;
    bool wait;
    bool debug; /* shows debug lines */
} worker_options;

/* To be called first of all, before sandbox_init: leaves the session and closes what is not ours.
 * An error when it cannot be: the process leads a group already. */
int worker_detach(err *e);
/* Runs the job that comes on stdin. 0 when there is a result, whatever it is, or when `wait` and
 * stdin ended without a job. After an error there is none. */
int worker_run(const worker_options *o, err *e);

#endif
