/* server.h: the team's server: HTTP, runs, agents, people and the audit log in one process.
 *
 * Threads: the caller's runs the core (server/core.h), some serve HTTP, one reads repositories.
 * Everything lies in one folder, which one server at a time may have. */
#ifndef SLIPWAY_SERVER_H
#define SLIPWAY_SERVER_H

#include "base/loop.h"
#include "base/str.h"

#define SERVER_LISTEN_DEFAULT "127.0.0.1:7070"
#define SERVER_DATABASE       "slipway.db"
#define SERVER_SOCKET         "server.sock" /* in the data folder: for its owner's programs */

typedef struct server server;

typedef struct server_options {
    const char *data;         /* the folder; made with mode 0700 */
    str listen;               /* "127.0.0.1:7070"; port 0: any free one */
    const char *const *hosts; /* names that it goes by besides localhost, NULL-terminated; may be
                               * NULL */
    str url;              /* how people reach it, "https://ci.example.com"; empty: by `listen` */
    const char *program;  /* this one, to be started as an agent; NULL: none is started */
    unsigned threads;     /* for HTTP; 0: 4 */
    unsigned lost_ms;     /* after which an agent that does not come back is lost; 0: 60 s */
    unsigned tries;       /* of a job that runs when its agent is lost; 0: 1 */
    int64_t (*now)(void); /* microseconds since 1970; NULL: the wall clock */
} server_options;

/* Opens everything and begins to serve. Errors say what and where: a folder that another server
 * has, a port that is taken, an audit log that is not whole. */
int server_new(const server_options *how, server **ret, err *e);
/* "http://127.0.0.1:7070", as people may open it. Borrowed. */
const char *server_url(const server *s);
/* Where nobody has an account yet: the URL by which the first administrator is made, once; else
 * NULL. */
const char *server_first_link(const server *s);
/* Serves until server_stop, which any thread or a signal handler of the loop may call. */
void server_run(server *s);
void server_stop(server *s);
/* For signals and the like. */
loop *server_loop(server *s);
void server_free(server *s);

#endif
