/* httpd.h: an HTTP/1.1 server for programs that we know and clients that we do not (libmicrohttpd).
 *
 * Theory of operation. The server has a few threads of its own, each with its share of the
 * connections, so a handler may block: it writes and hashes what it is sent while the others go on,
 * and it locks what it shares with them. One request is served in three calls:
 *
 *   begin ── the head is in: look, refuse, or make ready for a body
 *   body  ── a piece of the body, as often as there are any; never for a request that was answered
 *   end   ── all of the body is in: answer
 *   gone  ── the exchange is over, however it ended: free what `state` points at
 *
 * Whoever answers in `begin` or `body` is asked nothing more but `gone`. What is left of a short
 * body is then read and dropped, because a client that still writes would not see the answer; after
 * a long one the connection is closed.
 *
 * What no handler sees: requests that break the protocol, that have no Host, whose target is no
 * path, or that are over a limit. They are answered with 400, 413, 414 or 431 here. */
#ifndef SLIPWAY_BASE_HTTPD_H
#define SLIPWAY_BASE_HTTPD_H

#include "base/arena.h"
#include "base/err.h"

/* ---- targets ------------------------------------------------------------------------------- */

#define HTTPD_TARGET_MAX 8192 /* bytes of a request target */
#define HTTPD_QUERY_MAX  64   /* parameters in it */

typedef struct httpd_pair {
    str name, text;
} httpd_pair;

/* "/path?a=b&c" with escapes decoded. */
typedef struct httpd_target {
    str path;
    httpd_pair *query;
    size_t query_count;
} httpd_target;

/* Reads a request target in origin form (RFC 9112, section 3.2.1). Errors: ERR_INVALID for another
 * form, a malformed escape, an escaped NUL or '/', a segment "." or ".."; ERR_LIMIT. */
int httpd_target_parse(arena *a, str text, httpd_target *ret, err *e);
/* The value of a query parameter, the first where there are several; false without one. */
bool httpd_target_query(const httpd_target *t, const char *name, str *ret);

/* "bytes=0-99", "bytes=100-", "bytes=-5" (RFC 9110, section 14.1.2) within `size` bytes. 1: one
 * range, in *ret_from and *ret_size; 0: none that we serve (malformed, several ranges), which is
 * as if there were no header; -1: not satisfiable (416). */
int httpd_range(str header, uint64_t size, uint64_t *ret_from, uint64_t *ret_size);

/* ---- the server ---------------------------------------------------------------------------- */

typedef struct httpd httpd;
typedef struct httpd_request httpd_request;

typedef struct httpd_limits {
    size_t head_bytes;      /* request line and headers; 0: 16 KiB; more is answered with 431 */
    unsigned connections;   /* at a time; 0: 512; more wait in the listen queue */
    unsigned idle_seconds;  /* without a byte either way; 0: 120 */
    unsigned threads;       /* 0: 4 */
    uint64_t request_bytes; /* body of one request; 0: 5 GiB; more is answered with 413 */
} httpd_limits;

typedef struct httpd_handler {
    void *context;
    void (*begin)(void *context, httpd_request *r);
    void (*body)(void *context, httpd_request *r, str piece);
    void (*end)(void *context, httpd_request *r);
    void (*gone)(void *context, httpd_request *r);
} httpd_handler;

/* Listens on 127.0.0.1 at `port` (0: any free one; httpd_port tells) and begins to serve. `handler`
 * is copied, its callbacks come from the server's threads. Error: ERR_IO. */
int httpd_start(uint16_t port, const httpd_limits *limits, const httpd_handler *handler,
                httpd **ret, err *e);
uint16_t httpd_port(const httpd *h);

/* Listens at a Unix socket as well, FOLDER/NAME, to which every user may connect who gets to the
 * folder. What comes there is served like the rest, and counts for the same limits, but where the
 * port lets connections wait, this drops them. Error: ERR_IO. */
typedef struct httpd_door httpd_door;
int httpd_open_door(httpd *h, const char *folder, const char *name, httpd_door **ret, err *e);
/* Stops listening there and removes the socket; connections that are open stay. To be called before
 * httpd_stop. NULL is allowed. */
void httpd_close_door(httpd_door *d);

/* Stops listening, cuts off what is under way, and returns when the last `gone` has been called.
 * NULL is allowed. */
void httpd_stop(httpd *h);

/* ---- one request --------------------------------------------------------------------------- */

/* Lives until `gone` has returned; so does all that the following give. */
arena *httpd_arena(httpd_request *r);
str httpd_method(const httpd_request *r); /* as it was sent: "GET" */
const httpd_target *httpd_request_target(const httpd_request *r);
/* A header's value without white space around it, or an empty str. The name is found without
 * case. */
str httpd_header(httpd_request *r, const char *name);
/* The token of "Authorization: Bearer TOKEN", or an empty str. */
str httpd_bearer(httpd_request *r);
/* The declared length of the body; UINT64_MAX where it is chunked, 0 where there is none. */
uint64_t httpd_body_size(httpd_request *r);
/* The handler's own; NULL at first. */
void httpd_set_state(httpd_request *r, void *state);
void *httpd_state(const httpd_request *r);
bool httpd_answered(const httpd_request *r);

/* A header for the answer that comes; before it. What cannot stand in a header is left out. */
void httpd_add_header(httpd_request *r, const char *name, str text);
/* Answers; the body is copied. HEAD gets the same headers and no body. */
void httpd_answer(httpd_request *r, unsigned status, const char *type, str body);
/* Answers with `size` bytes of a file from `from` on; the descriptor is closed by the server. */
void httpd_answer_file(httpd_request *r, unsigned status, int fd, uint64_t from, uint64_t size);

#endif
