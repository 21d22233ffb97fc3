/* client.h: verbs that ask a server by its API.
 *
 * Which server: --server URL, $SLIPWAY_URL, the socket of a data folder (--data, $SLIPWAY_DATA), or
 * where 'slipway login' was last. The token is $SLIPWAY_TOKEN, or the one that 'slipway login' has
 * kept for this URL; at the socket none is needed. */
#ifndef SLIPWAY_CLI_CLIENT_H
#define SLIPWAY_CLI_CLIENT_H

#include "base/value.h"
#include "cli/options.h"

typedef struct client {
    arena *a;
    str url;            /* without a '/' at the end; empty at a socket */
    const char *socket; /* or NULL */
    str token;          /* may be empty */
} client;

#define CLIENT_OPTIONS                                                                             \
    {0, "server", "URL",                                                                           \
     .help = "The server. The default is $SLIPWAY_URL, or where 'slipway "                         \
             "login' was last."},                                                                  \
    {                                                                                              \
        0, "data", "DIR",                                                                          \
            .complete = COMPLETE_DIR,                                                              \
            .help = "The data folder of a server on this machine, which is reached by its socket " \
                    "($SLIPWAY_DATA)."                                                             \
    }

/* ERR_INVALID where no server is named anywhere. */
int client_open(const options *given, client *ret, err *e);
/* One request. `body` may be NULL; *ret is the answer's JSON, null where it has none. An answer
 * that is no success is ERR_FAILED with what the server says (ERR_NOT_FOUND for 404). */
int client_call(const client *c, const char *method, const char *path, const value *body,
                value *ret, err *e);
/* The same with the text as it came. */
int client_fetch(const client *c, const char *path, str *ret, err *e);
/* A repository's number by its name; 0 for an empty name. ERR_NOT_FOUND. */
int client_repository(const client *c, str name, int64_t *ret, err *e);
/* Keeps a token for a URL, and that this was the last. */
int client_keep(arena *a, str url, str token, err *e);

#endif
