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
 * `end` may leave the answer to another thread (httpd_defer), or answer with a stream to which any
 * thread writes (httpd_stream_open). Neither costs a thread while nothing happens: the connection
 * is taken out of the server's polling until there is something to send.
 *
 * What no handler sees: requests that break the protocol, that have no Host, whose target is no
 * path, or that are over a limit. They are answered with 400, 413, 414 or 431 here. Where two
 * readers could disagree on where a request ends (two lengths, a length and chunks, a coding that
 * is not plain "chunked", a name with a space: RFC 9112, sections 5.1, 6.1 and 6.3), the connection
 * ends with the answer. A connection that does not bring a whole head, or a whole body, in time is
 * cut. */
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

/* For each address that is listened at, but where it says otherwise. */
typedef struct httpd_limits {
    size_t head_bytes;       /* request line and headers; 0: 16 KiB; more is answered with 431 */
    size_t connection_bytes; /* memory of a connection: heads must fit, large bodies come faster
                              * with more, many idle clients need less; 0: 256 KiB */
    unsigned connections;    /* at a time; 0: 512; more wait in the listen queue */
    unsigned per_address;    /* connections of one address; 0: no limit; more are closed */
    unsigned idle_seconds;   /* without a byte either way; 0: 120 */
    unsigned head_seconds;   /* until the head is in, from the connection on, or after the last
                              * answer's idle_seconds; 0: 60 */
    unsigned body_seconds;   /* from the head until the body is in; 0: no limit */
    unsigned threads;        /* 0: 4 */
    uint64_t request_bytes;  /* body of one request; 0: 5 GiB; more is answered with 413 */
} httpd_limits;

/* PEM texts. TLS 1.2 and later, as GnuTLS prefers them. With `client_ca` clients are asked for a
 * certificate, but need not show one: httpd_peer_certificate tells. */
typedef struct httpd_tls {
    str certificate, key, client_ca;
} httpd_tls;

/* "10.0.0.0/8", "::1": addresses whose first bits are these. */
typedef struct httpd_network {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
} httpd_network;
/* ERR_INVALID when it is none. */
int httpd_network_parse(str text, httpd_network *ret, err *e);
bool httpd_network_has(const httpd_network *n, str address);

typedef struct httpd_handler {
    void *context;
    void (*begin)(void *context, httpd_request *r);
    void (*body)(void *context, httpd_request *r, str piece);
    void (*end)(void *context, httpd_request *r);
    void (*gone)(void *context, httpd_request *r);
} httpd_handler;

/* A server that listens nowhere yet. `handler` is copied, its callbacks come from the server's
 * threads. `limits` may be NULL. Errors: ERR_UNSUPPORTED without the library, ERR_IO. */
int httpd_new(const httpd_limits *limits, const httpd_handler *handler, httpd **ret, err *e);
/* Believes what these say of whom they ask for (X-Forwarded-For). Before the first httpd_listen. */
void httpd_trust_proxies(httpd *h, const httpd_network *networks, size_t count);
/* Listens at "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or, at all addresses, ":8080"; port 0
 * is any free one, in *ret_port (which may be NULL). Each address has threads of its own; at most
 * 8. `tls` may be NULL. Errors: ERR_INVALID for a malformed address or unusable keys, ERR_IO. */
int httpd_listen(httpd *h, str address, const httpd_tls *tls, uint16_t *ret_port, err *e);
/* Both at once, on 127.0.0.1 at `port` (0: any free one; httpd_port tells). */
int httpd_start(uint16_t port, const httpd_limits *limits, const httpd_handler *handler,
                httpd **ret, err *e);
/* Of the first address. */
uint16_t httpd_port(const httpd *h);

typedef struct httpd_figures {
    uint64_t requests, refused; /* since the start; refused: by this server, not by its handler */
    size_t connections, streams, deferred; /* now */
} httpd_figures;
void httpd_get_figures(httpd *h, httpd_figures *ret);

/* Listens at a Unix socket as well, FOLDER/NAME, to which every user may connect who gets to the
 * folder. What comes there is served like the rest, and counts for the same limits, but where the
 * port lets connections wait, this drops them. Error: ERR_IO. */
typedef struct httpd_door httpd_door;
int httpd_open_door(httpd *h, const char *folder, const char *name, httpd_door **ret, err *e);
/* Stops listening there and removes the socket; connections that are open stay. To be called before
 * httpd_stop. NULL is allowed. */
void httpd_close_door(httpd_door *d);

/* Stops serving, cuts off what is under way, ends streams, and returns when the last `gone` has
 * been called. It waits for those that were deferred to be answered, so whoever has them answers
 * them first, or in another thread. Streams may be closed later. NULL is allowed. */
void httpd_stop(httpd *h);

/* ---- one request --------------------------------------------------------------------------- */

/* Lives until `gone` has returned; so does all that the following give. */
arena *httpd_arena(httpd_request *r);
str httpd_method(const httpd_request *r); /* as it was sent: "GET" */
const httpd_target *httpd_request_target(const httpd_request *r);
str httpd_raw_target(const httpd_request *r); /* as it was sent */
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

/* Who asks: "192.0.2.1", "2001:db8::1"; "unix" at a door. Behind a trusted proxy it is whom the
 * proxy names: the last address of X-Forwarded-For that is not a trusted proxy's. */
str httpd_peer(httpd_request *r);
/* Whether the connection is encrypted (a proxy's is as it is); whether it came through a door. */
bool httpd_secure(const httpd_request *r);
bool httpd_local(const httpd_request *r);
/* 16 hexadecimal digits that no other request to this server has had; also in the answer, as
 * X-Request-Id, but for prepared answers. */
str httpd_request_id(httpd_request *r);

typedef struct httpd_certificate {
    str der, serial; /* serial: lower-case hexadecimal digits */
    str uri;         /* its one URI name (SPIFFE); empty with none or several */
} httpd_certificate;
/* The certificate that the client has shown, when a CA of `client_ca` has signed it for clients and
 * it is valid now. ERR_NOT_FOUND: it has shown none, or was not asked; ERR_INVALID: one that does
 * not hold. *ret lives as long as the request. Not once the request was deferred. */
int httpd_peer_certificate(httpd_request *r, httpd_certificate *ret, err *e);

/* A header for the answer that comes; before it. What cannot stand in a header is left out. Every
 * answer says "Cache-Control: no-store" that is not told another. */
void httpd_add_header(httpd_request *r, const char *name, str text);
/* Answers; the body is copied. HEAD gets the same headers and no body. */
void httpd_answer(httpd_request *r, unsigned status, const char *type, str body);
/* Answers with `size` bytes of a file from `from` on; the descriptor is closed by the server. */
void httpd_answer_file(httpd_request *r, unsigned status, int fd, uint64_t from, uint64_t size);

/* Called in `end`, which then returns without an answer: it comes later, by httpd_answer or one of
 * its like, from any thread, once. Until then the request and its arena belong to that thread, also
 * when the client has gone meanwhile, and the answering call gives them back: afterwards the
 * request may be gone. Of the request only its arena, state, method, target and id may be asked
 * then. */
void httpd_defer(httpd_request *r);

/* An answer that many requests share, headers and all; its text is kept once. */
typedef struct httpd_prepared httpd_prepared;
typedef struct httpd_header_row {
    const char *name, *text;
} httpd_header_row;
/* `headers` ends with a row without name, and says all but Date and the length. The body is copied.
 * The caller has one reference; each answer takes one of its own while it is under way. */
httpd_prepared *httpd_prepare(unsigned status, const httpd_header_row *headers, str body);
httpd_prepared *httpd_prepared_ref(httpd_prepared *p);
void httpd_prepared_unref(httpd_prepared *p);
void httpd_answer_prepared(httpd_request *r, httpd_prepared *p);

/* ---- streams ------------------------------------------------------------------------------- */

/* An answer of unknown length that goes on until it is closed. Bytes are queued and sent as the
 * client reads; one that lets more than `queue_bytes` wait is cut, and sees a broken answer. That
 * the client has gone is noticed without writing. */
typedef struct httpd_stream httpd_stream;
typedef struct httpd_stream_options {
    size_t queue_bytes; /* 0: 256 KiB */
    void *context;
    /* Once, from any of the server's threads, when the client has gone or was cut, unless the
     * stream was closed before. May be NULL. It may close the stream, and must not wait for a
     * thread that does. */
    void (*closed)(void *context, httpd_stream *s);
} httpd_stream_options;

/* Answers, in `begin` or `end`, with a stream that the caller closes. `how` may be NULL. */
httpd_stream *httpd_stream_open(httpd_request *r, unsigned status, const char *type,
                                const httpd_stream_options *how);
/* Queues a copy; false when nothing can be sent any more. From any thread. */
bool httpd_stream_write(httpd_stream *s, str piece);
/* The answer ends once all is sent; `closed` does not run any more when this returns. Frees the
 * stream. NULL is allowed. */
void httpd_stream_close(httpd_stream *s);

#endif
