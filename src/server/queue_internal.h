/* queue_internal.h: what the files of the queue share.
 *
 *   queue ─▶ job class (a set of labels) ─▶ lane (a repository in it) ─▶ waiting jobs, by rank
 *         ─▶ agent class (a set of labels) ─▶ agents that are free, by load
 *
 * A job class knows the agent classes that have its labels. Classes and lanes live as long as
 * somebody is in them. */
#ifndef SLIPWAY_SERVER_QUEUE_INTERNAL_H
#define SLIPWAY_SERVER_QUEUE_INTERNAL_H

#include "server/heap.h"
#include "server/number_map.h"
#include "server/queue.h"

/* Labels in lower case, sorted, without doubles; a group in lower case. */
typedef struct label_set {
    char *text; /* owns the bytes of the following */
    str *labels;
    size_t count;
    str group;
    uint64_t hash;
} label_set;

typedef struct agent_class agent_class;
typedef struct job_class job_class;
typedef struct lane lane;

typedef struct project {
    int64_t id;
    unsigned weight;
    size_t running, jobs; /* jobs: all that are there */
    lane **lanes;
    size_t lane_count, lane_cap;
} project;

typedef enum job_state { JOB_HELD, JOB_WAITING, JOB_RUNNING } job_state;

typedef struct job {
    uint64_t id, run;
    int64_t rank, queued_us;
    int priority;
    job_state state;
    job_class *class;
    project *project;
    lane *lane; /* while it waits */
    size_t place;
    uint64_t agent; /* while it runs */
    queue_hold_kind hold;
    uint64_t hold_by;
    char *hold_name;
} job;

struct lane {
    job_class *class;
    project *project;
    heap jobs;
    int64_t served_us; /* when it was last given an agent */
    int64_t rank;
    size_t place;
};

struct job_class {
    label_set set;
    heap lanes;
    size_t jobs, waiting;
    agent_class **matching; /* the most special last */
    size_t matching_count, matching_cap;
    job_class *next, *previous;
};

typedef struct agent {
    uint64_t id;
    unsigned capacity, used;
    bool draining, ephemeral, spent;
    agent_class *class;
    size_t place;
} agent;

struct agent_class {
    label_set set;
    heap free;
    size_t agents;
    agent_class *next, *previous;
};

struct queue {
    number_map jobs, agents, projects;
    job_class *job_classes;
    agent_class *agent_classes;
    queue_counts counts;
};

int label_set_make(const str *labels, size_t count, str group, label_set *ret, err *e);
void label_set_done(label_set *s);
bool label_set_same(const label_set *x, const label_set *y);
bool label_set_has(const label_set *s, str label);
/* Whether an agent with `of` can run what wants `wanted`. */
bool label_set_fits(const label_set *of, const label_set *wanted);

#endif
