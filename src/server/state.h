/* state.h: what the files of the server share. Private to src/server.
 *
 * The fields of the first group are made at the start and stay; those of the second belong to the
 * core's thread. HTTP threads read through a connection of their own (server_reader). */
#ifndef SLIPWAY_SERVER_STATE_H
#define SLIPWAY_SERVER_STATE_H

#include "server/api.h"
#include "server/core.h"
#include "server/live.h"
#include "server/queue.h"
#include "server/server.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct agent_links agent_links;
typedef struct hub hub;
typedef struct intake intake;
typedef struct job_logs job_logs;
typedef struct repeats repeats;
typedef struct triggers triggers;
typedef struct metrics metrics;
typedef struct embedded embedded;
typedef struct people people;
typedef struct vault vault;

struct server {
    arena *a;
    server_options how;
    char *data, *database, *logs_dir, *repos_dir, *keys_dir;
    loop *loop;
    store *store; /* of the core */
    sign_key *key;
    audit_log *audit;
    core *core;
    hub *hub;
    intake *intake;
    job_logs *logs;
    repeats *repeats;
    triggers *triggers;
    metrics *metrics;
    people *people;
    vault *vault;
    api *api;
    api_config api_config;
    httpd *http;
    httpd_door *door;
    const char *_Atomic url; /* set once it is known, while HTTP threads may ask already */
    const char *first_link;  /* of the first administrator; NULL where there is one */
    pthread_key_t reader;
    int64_t started_us;
    int64_t own_agent; /* the row of the agent that is our own child */
    embedded *embedded;
    int lock; /* of the data folder */
    loop_wake *stop, *closed;
    pthread_t closer;
    bool stopping;

    live *live;
    queue *queue;
    agent_links *links;
};

/* Microseconds since 1970: what all times of the server are measured by. */
int64_t server_now(const server *s);
/* The calling thread's own connection, which is opened when it is first asked for and closed with
 * the thread. */
int server_reader(server *s, store **ret, err *e);

/* ---- changes (change.c) --------------------------------------------------------------------- */

typedef struct change {
    const char *action; /* "run.cancel" */
    const char *kind;   /* of the subject: "run" */
    int64_t id;
    str name, project, reason;
    value details; /* an object, or null */
} change;

/* An entry in the audit log, on the wish of tx->by. */
int change_record(core_tx *tx, const change *c, err *e);

/* ---- commands of HTTP (command.c) ----------------------------------------------------------- */

/* A change that a call asks for. `work` runs in the core with the call as its context and tx->by
 * set; it may keep what `answer` needs in c->data. `answer` is called when it went well, also in
 * the core; a failure is answered as api_fail does. The handler must return after it. */
typedef int call_work(core_tx *tx, api_call *c, err *e);
void call_core(api_call *c, call_work *work, void (*answer)(api_call *c));
server *call_server(const api_call *c);

#endif
