/* httpd_parts.h: what the files of the HTTP server share. Private to httpd*.c.
 *
 * Locks. `httpd.lock` guards the lists and counts; `httpd_request.lock` and `httpd_stream.lock` one
 * exchange each. libmicrohttpd's own locks are the innermost: it is asked to suspend and to resume
 * while an exchange's lock is held, so that both happen exactly once, in that order; it is never
 * asked while httpd.lock is held. httpd.lock is taken inside a request's lock and outside a
 * stream's. */
#ifndef SLIPWAY_BASE_HTTPD_PARTS_H
#define SLIPWAY_BASE_HTTPD_PARTS_H

#include "base/httpd.h"
#include "base/library.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MHD_FUNCTIONS(X)                                                                           \
    X(MHD_add_connection)                                                                          \
    X(MHD_add_response_header)                                                                     \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_create_response_from_callback)                                                           \
    X(MHD_create_response_from_fd_at_offset64)                                                     \
    X(MHD_destroy_response)                                                                        \
    X(MHD_get_connection_info)                                                                     \
    X(MHD_get_connection_values_n)                                                                 \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_lookup_connection_value)                                                                 \
    X(MHD_queue_response)                                                                          \
    X(MHD_resume_connection)                                                                       \
    X(MHD_start_daemon)                                                                            \
    X(MHD_stop_daemon)                                                                             \
    X(MHD_suspend_connection)

struct httpd_library {
    bool loaded;
    MHD_FUNCTIONS(LIBRARY_POINTER)
};
extern struct httpd_library mhd;
int httpd_load(err *e);

typedef struct httpd_link httpd_link;
typedef struct httpd_listener httpd_listener;

/* A certificate that a client has shown, remembered once it was judged. */
typedef struct httpd_shown {
    int judged; /* 0: not yet; 1: good; else a negative err_code */
    char why[160];
    int64_t until; /* seconds since 1970 */
    arena *a;
    httpd_certificate certificate;
} httpd_shown;

/* A connection. */
struct httpd_link {
    httpd_link *previous, *next; /* of the server; under its lock */
    httpd_listener *listener;
    int fd;
    _Atomic int64_t due; /* when what is awaited must be here, in ms; INT64_MAX: nothing is */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } peer;
    httpd_shown shown;
};

/* A daemon of libmicrohttpd: one for each address, one for the doors where there is no address. */
struct httpd_listener {
    httpd *server;
    struct MHD_Daemon *daemon;
    uint16_t port;
    bool tls;
};

#define LISTENERS_MAX 8

struct httpd {
    httpd_handler handler;
    httpd_limits limits;
    httpd_listener listeners[LISTENERS_MAX];
    size_t listener_count;
    arena *a;
    httpd_network *proxies;
    size_t proxy_count;
    uint32_t id_base; /* of request ids */
    _Atomic uint64_t requests, refused;

    pthread_mutex_t lock;
    pthread_cond_t settled; /* `deferred` has come to 0 */
    httpd_link *links;
    httpd_stream *streams;
    size_t link_count, stream_count, deferred;
    uint64_t stream_ids;
    bool stopping, stopped;

    pthread_t watcher;
    int watch_fd, wake_fd; /* epoll; eventfd */
};

typedef struct httpd_out {
    struct httpd_out *next;
    const char *name, *text;
} httpd_out;

struct httpd_request {
    httpd *server;
    httpd_link *link;
    struct MHD_Connection *connection; /* NULL once it is over */
    arena *a;
    char *raw; /* the target; NULL when it is too long */
    str method;
    httpd_target target;
    uint64_t id, received, dropped;
    httpd_out *headers; /* of the answer */
    struct MHD_Response *response;
    httpd_prepared *prepared; /* whose the response is, where it is shared */
    unsigned status;
    bool begun, handed; /* handed: the handler has seen it */
    bool hard;          /* the answer ends the connection at once */
    void *state;
    httpd_stream *stream;

    pthread_mutex_t lock;
    int holders; /* libmicrohttpd, and who has it deferred */
    bool deferred, suspended;
};

struct httpd_stream {
    httpd *server;
    httpd_stream *previous, *next; /* of the server; under its lock */
    uint64_t id;
    httpd_link *link;
    pthread_mutex_t notice; /* recursive: held while `closed` is called */
    httpd_stream_options how;
    bool told;

    pthread_mutex_t lock;
    struct MHD_Connection *connection; /* NULL once the exchange is over */
    int holders;                       /* whoever opened it, and libmicrohttpd's answer */
    strbuf queue;
    size_t sent; /* of the queue's beginning */
    bool suspended, ended, cut;
};

int64_t httpd_now_ms(void);
void httpd_release(httpd *h);
/* The connection of a request. */
httpd_link *httpd_link_of(struct MHD_Connection *c);
/* The end of a request's exchange, for its stream. */
void httpd_stream_over(httpd_stream *s);
/* Ends all streams, so that nothing is suspended; new ones end at once. */
void httpd_stop_streams(httpd *h);
/* The client of a watched stream has gone. */
void httpd_stream_lost(httpd *h, uint64_t id);
/* The answer of a request becomes `response`, with the headers that were added. */
void httpd_set_response(httpd_request *r, unsigned status, struct MHD_Response *response);

int httpd_watch_start(httpd *h, err *e);
void httpd_watch_stop(httpd *h);
void httpd_link_add(httpd_link *l);
void httpd_link_remove(httpd_link *l);

void httpd_on_connection(void *context, struct MHD_Connection *c, void **link,
                         enum MHD_ConnectionNotificationCode what);
void *httpd_on_target(void *context, const char *target, struct MHD_Connection *c);
enum MHD_Result httpd_on_request(void *context, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_size, void **per_request);
void httpd_on_gone(void *context, struct MHD_Connection *c, void **per_request,
                   enum MHD_RequestTerminationCode why);

#endif
