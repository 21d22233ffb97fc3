/* agent.h: the process that runs the jobs of a server (`slipway agent`).
 *
 * Theory of operation. One thread holds the connection: it says which jobs are here, then reads a
 * stream of messages and does what they say. Each job has a thread of its own, which starts the
 * job's process (worker.h), follows its spool folder (spool.h) and sends on what is new, until the
 * server has taken the result. All of them block; they share only the list of jobs.
 *
 * Nothing that matters is in this process: a job's process and its spool folder outlive it, and an
 * agent that starts anew takes up the folders that are there. The server says how far it has the
 * log and the events of each, so what is sent again changes nothing. */
#ifndef SLIPWAY_AGENT_AGENT_H
#define SLIPWAY_AGENT_AGENT_H

#include "base/err.h"
#include "base/str.h"

#define AGENT_CAPACITY_MAX 256

typedef struct agent_options {
    const char *socket; /* the server's Unix socket, absolute */
    const char *work;   /* folder for spool folders and caches, absolute; made when needed */
    const str *labels;
    size_t label_count;
    unsigned capacity;              /* jobs at once */
    const char *program;            /* that is started for jobs: this one */
    void (*tell)(const char *text); /* what an operator should know; may be NULL */
} agent_options;

/* Runs until agent_stop. Jobs go on after it. Errors: the work folder cannot be used, or another
 * agent has it. */
int agent_run(const agent_options *o, err *e);
/* From a signal handler, too. */
void agent_stop(void);

#endif
