/* states.h: the state machines of runs and jobs: the only way in which their states change. Pure.
 *
 * Each is one table of (state, event) -> state; docs/server.md shows them as they are here. What is
 * not in the table cannot happen: it is a mistake of ours or of an agent, and is refused. */
#ifndef SLIPWAY_SERVER_STATES_H
#define SLIPWAY_SERVER_STATES_H

#include "store/runs.h"

typedef enum run_event {
    RUN_EVENT_HOLD,    /* its concurrency group is held by another run */
    RUN_EVENT_ASK,     /* somebody must approve it first */
    RUN_EVENT_APPROVE, /* they did */
    RUN_EVENT_START,
    RUN_EVENT_END,
    RUN_EVENT_AGAIN, /* a new attempt */
    RUN_EVENT_COUNT
} run_event;

typedef enum job_event {
    JOB_EVENT_ASK,     /* its environment wants an approval, or its concurrency group is held */
    JOB_EVENT_RELEASE, /* that is no more so */
    JOB_EVENT_ASSIGN,  /* an agent gets it */
    JOB_EVENT_START,   /* the agent says that it runs */
    JOB_EVENT_LOSE,    /* the agent is lost, and the job has not begun or may be tried again */
    JOB_EVENT_END,
    JOB_EVENT_COUNT
} job_event;

/* False when it cannot happen in this state. */
bool run_next(run_state state, run_event event, run_state *ret);
bool job_next(job_state state, job_event event, job_state *ret);
const char *run_event_name(run_event event);
const char *job_event_name(job_event event);

#endif
