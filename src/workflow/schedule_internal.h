/* schedule_internal.h: the state of a run. Private to this folder.
 *
 * The plan is static and may be walked many times: a call with a matrix runs its workflow once per
 * configuration. So the state hangs on frames, one for each call under way:
 *
 *   schedule ─▶ frame (a workflow being run)
 *                 └─▶ node, one per job of the plan: waits for needs, then expands into
 *                       └─▶ instance, one per configuration: a job, or a call with a frame
 *
 * Nothing recurses along the graph: what follows from an event is put on a work list, which
 * schedule_settle empties. Only the ends of calls go up, by at most PLAN_DEPTH_MAX. */
#ifndef SLIPWAY_WORKFLOW_SCHEDULE_INTERNAL_H
#define SLIPWAY_WORKFLOW_SCHEDULE_INTERNAL_H

#include "workflow/plan_internal.h"

#define BIT(result) (1u << (result))

typedef struct frame frame;
typedef struct node node;
typedef struct instance instance;
typedef struct group group;

/* A place in a concurrency group: of an instance (job level) or of a frame (workflow level). */
typedef struct ticket {
    group *group; /* NULL: in no group */
    bool held, cancel_in_progress, queue_max;
    instance *instance; /* one of these two */
    frame *frame;
    struct ticket *next; /* behind it in the group's queue */
} ticket;

typedef struct concurrency {
    str group; /* empty: none */
    bool cancel_in_progress, queue_max;
} concurrency;

typedef enum instance_state {
    INSTANCE_NEW,    /* waits for a place among those of its matrix that run at once */
    INSTANCE_QUEUED, /* waits for its concurrency group */
    INSTANCE_READY,  /* waits for schedule_next */
    INSTANCE_RUNNING,
    INSTANCE_DONE,
} instance_state;

struct instance {
    job_instance pub; /* first, so that one is the other */
    node *node;
    instance_state state;
    job_result result;
    value contexts; /* the node's, strategy, matrix */
    concurrency concurrency;
    ticket ticket;
    frame *called;  /* of a call that runs */
    bool cancelled; /* was told, or is about to be */
    str cancel_reason;
    instance *next; /* in the list of ready ones, or of those to cancel */
};

typedef enum node_state { NODE_WAITING, NODE_EXPANDED, NODE_DONE } node_state;

struct node {
    const plan_job *job;
    frame *frame;
    node_state state;
    size_t waits;       /* needs that have not ended */
    unsigned ancestors; /* BITs of the results of all jobs before it */
    unsigned results;   /* BITs of its instances' results */
    job_result result;
    value outputs;
    value as_need;  /* {result, outputs} for those that need it */
    value needs;    /* context */
    value contexts; /* github, inputs, vars, needs */
    instance *instances;
    size_t count, left, admitted, active, max_parallel;
    bool fail_fast, fail_fast_fired;
};

struct frame {
    schedule *s;
    const workflow *workflow;
    instance *caller; /* NULL for the root */
    node *nodes;
    size_t count, left;
    unsigned results;
    value inputs, secrets;
    bool started, cancelled;
    str cancel_reason;
    ticket ticket;
};

typedef enum work_kind {
    WORK_JUDGE, /* a node whose needs have ended */
    WORK_ADMIT, /* a node that may have room for more instances */
    WORK_GRANT, /* a ticket that got its group */
} work_kind;

typedef struct work {
    work_kind kind;
    union {
        node *node;
        frame *frame;
        ticket *ticket;
    };
} work;

struct schedule {
    arena *a;
    const plan *plan;
    schedule_inputs in;
    schedule_event_fn *fn;
    void *context;
    value github, vars;
    frame *root;
    work *work; /* heap */
    size_t work_head, work_count, work_cap;
    instance *ready_head, *ready_tail;
    instance *cancel_head, *cancel_tail;
    size_t running;
    size_t size; /* nodes and instances made so far */
    group **groups;
    size_t group_count, group_cap;
    value group_index; /* name to position */
    concurrency root_concurrency;
    str run_name;
    bool cancelled, done;
};

/* schedule.c */
void schedule_later(schedule *s, work w);
void schedule_end_instance(schedule *s, instance *i, job_result result, const value *outputs);
void schedule_tell(schedule *s, schedule_event_kind kind, const instance *i, job_result result,
                   str reason, span where, value outputs);
/* Counts `more` nodes or instances. ERR_LIMIT when the run becomes too large. */
int schedule_grow(schedule *s, size_t more, err *e);
/* The text of an error with the place that it is about. */
str schedule_error(schedule *s, const err *e);
void schedule_cancel_instance(schedule *s, instance *i, str reason);
void schedule_cancel_frame(schedule *s, frame *f, str reason);
job_result schedule_roll_up(unsigned results);

/* schedule_job.c: what a job's keys say in this run */

/* The contexts of `if` and `strategy`, once the node's needs have ended. */
void schedule_node_contexts(schedule *s, node *n);
int schedule_judge(schedule *s, node *n, bool *ret, err *e);
/* Why a judged condition is false. */
str schedule_why_not(schedule *s, const node *n);
/* Makes the node's instances. Those that cannot be evaluated are refused when they are admitted. */
int schedule_expand(schedule *s, node *n, err *e);
/* Fills what depends on the configuration. */
int schedule_fill_instance(schedule *s, instance *i, err *e);
int schedule_read_concurrency(arena *a, const token *t, const expr_env *env, concurrency *ret,
                              err *e);
str schedule_node_key(schedule *s, const node *n);
str schedule_node_name(schedule *s, const node *n);

/* schedule_call.c: reusable workflows */
frame *schedule_new_frame(schedule *s, const workflow *w, instance *caller, plan_job **jobs,
                          size_t count);
/* Makes the call's frame and asks for its concurrency group. */
int schedule_open_call(schedule *s, instance *i, err *e);
void schedule_end_call(schedule *s, frame *f);
/* The workflow-level `concurrency`, once the frame has its inputs. */
int schedule_frame_concurrency(schedule *s, const frame *f, concurrency *ret, err *e);
/* The workflow's `run-name`, empty without one. */
int schedule_read_run_name(schedule *s, const frame *f, str *ret, err *e);

/* schedule_group.c: concurrency */

/* Asks for the group; WORK_GRANT follows when the ticket has it. */
void schedule_ask(schedule *s, ticket *t, const concurrency *c);
/* Gives the group, or the place in its queue, back. */
void schedule_give_back(schedule *s, ticket *t);
/* Nothing runs and nothing can start, yet tickets wait for each other: refuses one of them. */
bool schedule_break_deadlock(schedule *s);

#endif
