/* queue.h: which job goes to which agent next, and why a job waits. Pure: no clock, no I/O.
 * Private.
 *
 * Labels are matched as on GitHub: every label of `runs-on` must be among the agent's, without
 * case; where `runs-on` names a group the agent must be in it:
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idruns-on
 *
 * Order. Each job has a rank in time: when it was queued, less a minute for each point of priority;
 * so a waiting job overtakes a newer one of higher priority in the end (ageing). Between
 * repositories the rank counts from when the repository was last given an agent, and each of its
 * running jobs puts it back by a minute, divided by its weight: whoever has less running goes
 * first, a thousand jobs of one repository hold nobody up, and none waits for ever. Equal ranks go
 * by number, so the same calls give the same answers.
 *
 * Agents. Those with the fewest labels beyond the job's are taken first, which keeps special
 * machines for special jobs; among equal ones the least loaded, then the lowest number.
 *
 * Every call costs the logarithm of what waits, and queue_next besides that the number of different
 * sets of labels that wait. Numbers of jobs and agents are their caller's, and not 0. */
#ifndef SLIPWAY_SERVER_QUEUE_H
#define SLIPWAY_SERVER_QUEUE_H

#include "base/arena.h"
#include "base/err.h"

#define QUEUE_LABELS_MAX   64
#define QUEUE_LABEL_MAX    256               /* bytes */
#define QUEUE_PRIORITY_MAX 1000              /* and its negative */
#define QUEUE_STEP_US      INT64_C(60000000) /* of a point of priority, and of a running job */
#define QUEUE_CAPACITY_MAX 1024              /* jobs at once of one agent */

typedef struct queue queue;

typedef struct queue_job {
    uint64_t id, run;
    int64_t repository;
    const str *labels;
    size_t label_count;
    str group; /* of agents; may be empty */
    int priority;
    int64_t queued_us;
} queue_job;

typedef struct queue_agent {
    uint64_t id;
    const str *labels;
    size_t label_count;
    str group;
    unsigned capacity; /* jobs at once */
    bool draining;     /* gets no more */
    bool ephemeral;    /* gets one job in its life */
} queue_agent;

queue *queue_new(void);
void queue_free(queue *q);

/* ERR_INVALID for a number that is there already, ERR_LIMIT for the caps above. What is passed is
 * copied. */
int queue_add(queue *q, const queue_job *job, err *e);
/* A job that was cancelled or has ended, waiting or running: its agent is free for another. One
 * that is not there is fine. */
void queue_remove(queue *q, uint64_t job);

/* An agent that has come (back). Jobs that run on it count: those of queue_next and queue_place
 * which were not removed since. Errors as of queue_add. */
int queue_agent_add(queue *q, const queue_agent *agent, err *e);
/* New labels, capacity or state. ERR_NOT_FOUND. */
int queue_agent_update(queue *q, const queue_agent *agent, err *e);
/* It is gone; its running jobs stay until they are removed. */
void queue_agent_remove(queue *q, uint64_t agent);

/* A job that runs on an agent, as the database knows it when a server starts; the agent may come
 * later. The job was added. */
void queue_place(queue *q, uint64_t job, uint64_t agent);

/* How large a repository's share is: 1 (the default) to 100. */
void queue_weigh(queue *q, int64_t repository, unsigned weight);

/* A job that may not start yet is kept apart; queue_release puts it in line, by its own rank. */
typedef enum queue_hold_kind {
    QUEUE_HOLD_NONE,
    QUEUE_HOLD_GROUP,    /* its concurrency group is held by the run `by` */
    QUEUE_HOLD_APPROVAL, /* of the environment `name`, or of a fork's run where it is empty */
    QUEUE_HOLD_TIMER,    /* the environment `name` has it wait */
} queue_hold_kind;
void queue_hold(queue *q, uint64_t job, queue_hold_kind kind, uint64_t by, str name);
void queue_release(queue *q, uint64_t job);

/* The next job and its agent: the job counts as running there from now on. False when no waiting
 * job has a free agent. `now_us` never goes back much: what it decides is fairness, not
 * correctness. */
bool queue_next(queue *q, int64_t now_us, uint64_t *ret_job, uint64_t *ret_agent);

typedef enum queue_reason {
    QUEUE_UNKNOWN, /* no such job */
    QUEUE_RUNS,
    QUEUE_TURN,      /* an agent is free, or will be; others go first */
    QUEUE_NO_AGENTS, /* there is none at all */
    QUEUE_NO_GROUP,
    QUEUE_NO_LABEL,  /* some label no agent has */
    QUEUE_NO_LABELS, /* no agent has them all */
    QUEUE_BUSY,
    QUEUE_DRAINED, /* all that match are being drained, or were ephemeral and have had their job */
    QUEUE_GROUP_HELD,
    QUEUE_APPROVAL,
    QUEUE_TIMER,
} queue_reason;

typedef struct queue_why {
    queue_reason reason;
    str text;                                /* a sentence without its full stop, in the arena */
    size_t matching, busy, drained, waiting; /* agents that match; jobs that wait for them */
} queue_why;
void queue_tell(const queue *q, arena *a, uint64_t job, queue_why *ret);

typedef struct queue_counts {
    size_t waiting, held, running, agents, capacity, used;
} queue_counts;
queue_counts queue_count(const queue *q);

#endif
