#include "server/states.h"

#define NOWHERE (-1)

static const char *const run_events[RUN_EVENT_COUNT] = {
    [RUN_EVENT_HOLD] = "hold",   [RUN_EVENT_ASK] = "ask", [RUN_EVENT_APPROVE] = "approve",
    [RUN_EVENT_START] = "start", [RUN_EVENT_END] = "end", [RUN_EVENT_AGAIN] = "again",
};

static const char *const job_events[JOB_EVENT_COUNT] = {
    [JOB_EVENT_ASK] = "ask",     [JOB_EVENT_RELEASE] = "release", [JOB_EVENT_ASSIGN] = "assign",
    [JOB_EVENT_START] = "start", [JOB_EVENT_LOSE] = "lose",       [JOB_EVENT_END] = "end",
};

/* clang-format off */
static const int runs[RUN_STATE_COUNT][RUN_EVENT_COUNT] = {
    /*                 hold        ask          approve     start        end            again */
    [RUN_QUEUED]    = {RUN_QUEUED, RUN_WAITING, NOWHERE,    RUN_RUNNING, RUN_COMPLETED, NOWHERE},
    [RUN_WAITING]   = {NOWHERE,    NOWHERE,     RUN_QUEUED, NOWHERE,     RUN_COMPLETED, NOWHERE},
    [RUN_RUNNING]   = {NOWHERE,    NOWHERE,     NOWHERE,    NOWHERE,     RUN_COMPLETED, NOWHERE},
    [RUN_COMPLETED] = {NOWHERE,    NOWHERE,     NOWHERE,    NOWHERE,     NOWHERE,       RUN_QUEUED},
};

static const int jobs[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    /*                       ask                release           assign              start              lose              end */
    [JOB_STATE_WAITING]   = {NOWHERE,           JOB_STATE_QUEUED, NOWHERE,            NOWHERE,           NOWHERE,          JOB_STATE_COMPLETED},
    [JOB_STATE_QUEUED]    = {JOB_STATE_WAITING, NOWHERE,          JOB_STATE_ASSIGNED, NOWHERE,           NOWHERE,          JOB_STATE_COMPLETED},
    [JOB_STATE_ASSIGNED]  = {NOWHERE,           NOWHERE,          NOWHERE,            JOB_STATE_RUNNING, JOB_STATE_QUEUED, JOB_STATE_COMPLETED},
    [JOB_STATE_RUNNING]   = {NOWHERE,           NOWHERE,          NOWHERE,            NOWHERE,           JOB_STATE_QUEUED, JOB_STATE_COMPLETED},
    [JOB_STATE_COMPLETED] = {NOWHERE,           NOWHERE,          NOWHERE,            NOWHERE,           NOWHERE,          NOWHERE},
};
/* clang-format on */

bool run_next(run_state state, run_event event, run_state *ret) {
    int next = runs[state][event];
    if (next != NOWHERE) *ret = (run_state)next;
    return next != NOWHERE;
}

bool job_next(job_state state, job_event event, job_state *ret) {
    int next = jobs[state][event];
    if (next != NOWHERE) *ret = (job_state)next;
    return next != NOWHERE;
}

const char *run_event_name(run_event event) {
    return run_events[event];
}

const char *job_event_name(job_event event) {
    return job_events[event];
}
