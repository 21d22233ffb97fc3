/* links.h: the agents that are connected, and which job goes to which. Private to src/server.
 *
 * An agent holds one stream, down which messages go, a line of JSON each:
 *
 *     {"type":"job","job":{…}}            a job (runner/job_spec.h)
 *     {"type":"cancel","job":7}           as GitHub cancels; "kill" at once
 *     {"type":"drain"}                    no more jobs will come
 *
 * What it has to say comes as requests (routes_agents.c). A stream that ends is no loss yet: the
 * agent's jobs go on, and it has some time to come back. Then its jobs are lost: one that it had
 * not begun goes back into the queue with a new token; one that ran has failed, unless the settings
 * allow it more tries. A token is of one try: an agent that comes back later with an old one is
 * told to drop the job.
 *
 * All functions are called on the core's thread; those with a tx inside of a command. */
#ifndef SLIPWAY_SERVER_LINKS_H
#define SLIPWAY_SERVER_LINKS_H

#include "server/state.h"
#include "store/agents.h"

agent_links *links_new(server *s);
void links_free(agent_links *l);

/* The live_port's. */
void links_ready(core_tx *tx, live_job *job);
void links_cancel(core_tx *tx, live_job *job);
void links_remove_job(core_tx *tx, live_job *job);

/* After live_load: the queue is made anew, agents are looked up; those that have jobs are given the
 * time to come back. */
int links_load(core_tx *tx, err *e);
/* Gives out jobs: at the end of each batch. */
int links_settle(core_tx *tx, err *e);

/* What an agent says when it connects. */
typedef struct link_hello {
    int64_t agent;
    str version, system, address;
    const value *labels; /* NULL: as they are */
    int64_t capacity;    /* 0: as it is */
    const value *jobs;   /* [{"id", "token"}] that it has */
} link_hello;
/* *ret is the answer: {"jobs": [{"id", "go_on", "seq"}]}. */
int links_hello(core_tx *tx, const link_hello *hello, value *ret, err *e);
/* Its stream, which takes the place of an older one. After the hello. */
int links_connect(core_tx *tx, int64_t agent, httpd_stream *stream, err *e);
/* The stream has ended; not inside of a command. */
void links_disconnected(server *s, httpd_stream *stream);
int links_drain(core_tx *tx, int64_t agent, bool remove, err *e);

/* The job of that number, when the token is the one of its present try. ERR_NOT_FOUND: the agent is
 * to drop it. */
int links_job(core_tx *tx, int64_t agent, int64_t job, str attempt, live_job **ret, err *e);

#endif
