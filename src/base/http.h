/* http.h: one HTTP request and its answer (libcurl), over TCP or a Unix socket.
 *
 * Every call blocks, so it belongs into a child process (base/task.h, a job's leader); `stop` and
 * the time limits end it early. Redirects are not followed and no proxy is used: the callers talk
 * to what they know. libcurl is loaded at the first request: linked, it and what it needs would
 * cost every start of the program 4 to 5 ms. */
#ifndef SLIPWAY_BASE_HTTP_H
#define SLIPWAY_BASE_HTTP_H

#include "base/arena.h"
#include "base/err.h"

#define HTTP_BODY_MAX (64u << 20) /* of an answer that is collected, unless the request says */

typedef struct http_request {
    const char *unix_socket; /* path, or NULL for TCP to the URL's host */
    const char *method;      /* NULL: GET */
    const char *url;         /* http:// or https://; with a Unix socket the host is a name only */
    const char *resolve; /* "HOST:PORT:ADDRESS": where the URL's host is reached, whatever DNS says;
                          * NULL: as the system resolves it */
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    str body;                   /* what is sent */
    /* Gives the body in pieces instead: fills at most `size` bytes and returns how many; 0 at the
     * end, negative to give up. */
    ptrdiff_t (*read)(void *context, char *room, size_t size);
    /* Takes the body of a successful answer (status below 300) as it comes, which then is not
     * collected. Returns 0, or non-zero to end the request as ERR_CANCELLED. */
    int (*write)(void *context, str bytes);
    /* Asked now and then, at least once a second and after a signal: true ends the request as
     * ERR_CANCELLED. */
    bool (*stop)(void *context);
    void *context;
    unsigned connect_timeout_ms; /* 0: 10 s */
    unsigned timeout_ms;         /* of the whole; 0: none */
    size_t max_body;             /* of a collected answer; 0: HTTP_BODY_MAX; more is ERR_LIMIT */
} http_request;

typedef struct http_response {
    int status;       /* 100 to 599 */
    str body;         /* in the arena; empty where `write` took it */
    str content_type; /* in the arena; may be empty */
} http_response;

/* 0 when there is an answer, whatever its status. Errors: ERR_IO (no connection, broken answer),
 * ERR_TIMEOUT, ERR_LIMIT, ERR_CANCELLED, ERR_UNSUPPORTED where libcurl is not installed. The
 * message does not name the URL: the caller knows what the request was for. */
int http_send(arena *a, const http_request *request, http_response *ret, err *e);

/* Appends `text` as a part of a path or of a query: all but letters, digits and -._~ as %XX. */
void http_escape(strbuf *out, str text);

#endif
