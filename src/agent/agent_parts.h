/* agent_parts.h: what the connection (agent.c) and the jobs (agent_task.c) of an agent share. */
#ifndef SLIPWAY_AGENT_AGENT_PARTS_H
#define SLIPWAY_AGENT_AGENT_PARTS_H

#include "agent/agent.h"
#include "base/http.h"
#include "base/json.h"

#include <pthread.h>
#include <sys/types.h>

typedef struct agent agent;

/* A job that is here. */
typedef struct agent_task {
    struct agent_task *next;
    agent *of;
    int64_t job;
    char *token, *dir;
    pid_t pid;    /* of its process, when we have started it; 0: an earlier agent has */
    bool dropped; /* the server has given it to another, or forgotten it: it is killed */
    bool cancel;  /* the server wants it cancelled */
    pthread_t thread;
} agent_task;

/* A job process that was started ahead. */
typedef struct agent_spare {
    pid_t pid; /* 0: none */
    int input; /* its stdin */
    char *dir;
} agent_spare;

struct agent {
    const agent_options *o;
    char *jobs_dir, *cache_dir;
    pthread_mutex_t lock; /* of the list and of `dropped` and `cancel` in it */
    agent_task *first;
    agent_spare spare; /* of the connection's thread */
    uint64_t started;  /* folders so far */
};

bool agent_stops(void);
void agent_tell(const agent *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One request to the server; 0 when there is an answer of any status. */
int agent_ask(agent *a, arena *mem, const char *method, const char *path, const char *token,
              str body, http_response *ret, err *e);

/* Starts a job that came as JSON, and a thread that follows it. */
int agent_task_start(agent *a, int64_t job, str token, str spec, err *e);
/* Follows one that an earlier agent has started. */
int agent_task_adopt(agent *a, int64_t job, str token, const char *dir, err *e);
/* Starts a process ahead, when there is none. */
void agent_spare_make(agent *a);
void agent_spare_drop(agent *a);
/* Waits for the threads of jobs, which end soon once agent_stops. */
void agent_tasks_join(agent *a);
/* Marks a job: its thread sees it. */
void agent_task_mark(agent *a, int64_t job, bool dropped, bool cancel);

#endif
