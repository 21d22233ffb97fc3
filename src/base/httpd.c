/* httpd.c: libmicrohttpd behind names of our own.
 *
 * libmicrohttpd decodes the target its way; ours is taken from the raw request line, which it shows
 * once, before anything else of the request. Its limits on memory bound the head that it reads;
 * head_bytes is checked again once the head is there, because that memory is also the buffer
 * through which bodies come, and a larger one makes them faster. */
#include "base/httpd.h"

#include "base/library.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTION_MEMORY (256u << 10)
#define DROPPED_BODY_MAX  (1u << 20) /* what is read of a body after an early answer */
#define HEADERS_MAX       100

/* ---- the library ----------------------------------------------------------------------------- */

/* It brings GnuTLS along, which nothing here uses. */
#define MHD_FUNCTIONS(X)                                                                           \
    X(MHD_add_connection)                                                                          \
    X(MHD_add_response_header)                                                                     \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_create_response_from_fd_at_offset64)                                                     \
    X(MHD_destroy_response)                                                                        \
    X(MHD_get_connection_info)                                                                     \
    X(MHD_get_connection_values)                                                                   \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_lookup_connection_value)                                                                 \
    X(MHD_queue_response)                                                                          \
    X(MHD_start_daemon)                                                                            \
    X(MHD_stop_daemon)

static struct {
    bool loaded;
    MHD_FUNCTIONS(LIBRARY_POINTER)
} mhd;

static int load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(mhd, name)
    static const library_symbol symbols[] = {MHD_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    static const char *const files[] = {"libmicrohttpd.so.12", NULL};
    return library_load(files, "libmicrohttpd12", symbols, sizeof symbols / sizeof *symbols,
                        &mhd.loaded, e);
}

struct httpd {
    struct MHD_Daemon *daemon;
    httpd_handler handler;
    httpd_limits limits;
    uint16_t port;
};

typedef struct header {
    struct header *next;
    const char *name, *text;
} header;

struct httpd_request {
    httpd *server;
    struct MHD_Connection *connection;
    arena *a;
    char *raw; /* the target; NULL when it is too long */
    str method;
    httpd_target target;
    uint64_t received, dropped;
    header *headers; /* of the answer */
    struct MHD_Response *response;
    unsigned status;
    bool begun, handed; /* handed: the handler has seen it */
    void *state;
};

/* ---- what a handler asks -------------------------------------------------------------------- */

arena *httpd_arena(httpd_request *r) {
    return r->a;
}

str httpd_method(const httpd_request *r) {
    return r->method;
}

const httpd_target *httpd_request_target(const httpd_request *r) {
    return &r->target;
}

str httpd_header(httpd_request *r, const char *name) {
    return str_trim(
        str_from(mhd.MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name)));
}

str httpd_bearer(httpd_request *r) {
    str kind, token;
    str_cut(httpd_header(r, "Authorization"), ' ', &kind, &token);
    return str_eq_nocase(kind, STR("Bearer")) ? str_trim(token) : STR_EMPTY;
}

uint64_t httpd_body_size(httpd_request *r) {
    uint64_t size = 0;
    if (httpd_header(r, "Transfer-Encoding").len) return UINT64_MAX;
    str_to_uint(httpd_header(r, "Content-Length"), UINT64_MAX - 1, &size);
    return size;
}

void httpd_set_state(httpd_request *r, void *state) {
    r->state = state;
}

void *httpd_state(const httpd_request *r) {
    return r->state;
}

bool httpd_answered(const httpd_request *r) {
    return r->response != NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

void httpd_add_header(httpd_request *r, const char *name, str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return;
    }
    header *h = ARENA_NEW(r->a, header);
    *h = (header){.next = r->headers, .name = name, .text = arena_cstr(r->a, text)};
    r->headers = h;
}

static void set_response(httpd_request *r, unsigned status, struct MHD_Response *response) {
    if (!response) oom();
    if (r->response) { /* the first answer stands */
        mhd.MHD_destroy_response(response);
        return;
    }
    for (const header *h = r->headers; h; h = h->next)
        mhd.MHD_add_response_header(response, h->name, h->text);
    mhd.MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    mhd.MHD_add_response_header(response, "Cache-Control", "no-store");
    r->response = response;
    r->status = status;
}

void httpd_answer(httpd_request *r, unsigned status, const char *type, str body) {
    if (type) httpd_add_header(r, "Content-Type", str_from(type));
    set_response(
        r, status,
        mhd.MHD_create_response_from_buffer(body.len, (void *)body.ptr, MHD_RESPMEM_MUST_COPY));
}

void httpd_answer_file(httpd_request *r, unsigned status, int fd, uint64_t from, uint64_t size) {
    if (r->response) {
        close(fd);
        return;
    }
    set_response(r, status, mhd.MHD_create_response_from_fd_at_offset64(size, fd, from));
}

/* ---- one request after the other ------------------------------------------------------------ */

static void refuse(httpd_request *r, unsigned status, const char *why) {
    httpd_answer(r, status, "text/plain", str_from(why));
}

static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
    arena *a = arena_new();
    httpd_request *r = ARENA_NEW(a, httpd_request);
    *r = (httpd_request){.server = context, .connection = connection, .a = a};
    size_t n = strnlen(target, HTTPD_TARGET_MAX + 1);
    if (n <= HTTPD_TARGET_MAX) r->raw = arena_cstr(a, (str){target, n});
    return r;
}

static bool head_too_large(httpd_request *r) {
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info && info->header_size > r->server->limits.head_bytes) return true;
    return mhd.MHD_get_connection_values(r->connection, MHD_HEADER_KIND, NULL, NULL) > HEADERS_MAX;
}

/* What must hold of every request; else it is answered. */
static void judge(httpd_request *r, const char *version) {
    err e = {0};
    uint64_t size = httpd_body_size(r);
    if (!r->raw)
        refuse(r, MHD_HTTP_URI_TOO_LONG, "the request target is too long\n");
    else if (head_too_large(r))
        refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too large\n");
    else if (strncmp(version, "HTTP/1.", 7) != 0 || !httpd_header(r, "Host").len)
        refuse(r, MHD_HTTP_BAD_REQUEST, "this server speaks HTTP/1.1, with a Host\n");
    else if (size == UINT64_MAX && httpd_header(r, "Content-Length").len)
        refuse(r, MHD_HTTP_BAD_REQUEST, "a request has one length\n");
    else if (size != UINT64_MAX && size > r->server->limits.request_bytes)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large\n");
    else if (httpd_target_parse(r->a, str_from(r->raw), &r->target, &e) < 0)
        refuse(r, MHD_HTTP_BAD_REQUEST, "the request target is malformed\n");
}

static enum MHD_Result send_answer(httpd_request *r) {
    return mhd.MHD_queue_response(r->connection, r->status, r->response);
}

static enum MHD_Result on_head(httpd_request *r, const char *method, const char *version) {
    const httpd_handler *h = &r->server->handler;
    r->begun = true;
    r->method = arena_str(r->a, str_from(method));
    judge(r, version);
    if (!r->response) {
        r->handed = true;
        h->begin(h->context, r);
    }
    if (!r->response) return MHD_YES;
    uint64_t size = httpd_body_size(r);
    if (size && size <= DROPPED_BODY_MAX) return MHD_YES; /* the answer comes after it */
    if (size) mhd.MHD_add_response_header(r->response, "Connection", "close");
    return send_answer(r);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **per_request) {
    (void)context, (void)connection, (void)url;
    httpd_request *r = *per_request;
    const httpd_handler *h = &r->server->handler;
    if (!r->begun) return on_head(r, method, version);
    if (*data_size) {
        size_t size = *data_size;
        r->received += size;
        if (!r->response && r->received > r->server->limits.request_bytes)
            refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large\n");
        if (!r->response) h->body(h->context, r, (str){data, size});
        *data_size = 0;
        if (r->response) r->dropped += size;
        return r->dropped > DROPPED_BODY_MAX ? MHD_NO : MHD_YES;
    }
    if (!r->response) h->end(h->context, r);
    if (!r->response) httpd_answer(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, STR_EMPTY);
    return send_answer(r);
}

static void on_gone(void *context, struct MHD_Connection *connection, void **per_request,
                    enum MHD_RequestTerminationCode why) {
    (void)context, (void)connection, (void)why;
    httpd_request *r = *per_request;
    if (!r) return;
    const httpd_handler *h = &r->server->handler;
    if (r->handed && h->gone) h->gone(h->context, r);
    if (r->response) mhd.MHD_destroy_response(r->response);
    arena_free(r->a);
    *per_request = NULL;
}

/* ---- the server ----------------------------------------------------------------------------- */

static void set_defaults(httpd_limits *l) {
    if (!l->head_bytes) l->head_bytes = 16u << 10;
    if (!l->connections) l->connections = 512;
    if (!l->idle_seconds) l->idle_seconds = 120;
    if (!l->threads) l->threads = 4;
    if (!l->request_bytes) l->request_bytes = 5ULL << 30;
}

int httpd_start(uint16_t port, const httpd_limits *limits, const httpd_handler *handler,
                httpd **ret, err *e) {
    if (load(e) < 0) return e->code;
    httpd *h = mem_alloc(sizeof *h);
    *h = (httpd){.handler = *handler, .limits = limits ? *limits : (httpd_limits){0}};
    set_defaults(&h->limits);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    h->daemon = mhd.MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, port, NULL, NULL, on_request, h,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
        MHD_OPTION_NOTIFY_COMPLETED, on_gone, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        h->limits.connections, MHD_OPTION_CONNECTION_TIMEOUT, h->limits.idle_seconds,
        MHD_OPTION_THREAD_POOL_SIZE, h->limits.threads, MHD_OPTION_END);
    if (!h->daemon) {
        int code = errno;
        free(h);
        return err_sys(e, code, "cannot listen on 127.0.0.1:%u", port);
    }
    const union MHD_DaemonInfo *info =
        mhd.MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    h->port = info ? info->port : port;
    *ret = h;
    return 0;
}

uint16_t httpd_port(const httpd *h) {
    return h->port;
}

void httpd_stop(httpd *h) {
    if (!h) return;
    mhd.MHD_stop_daemon(h->daemon);
    free(h);
}

/* ---- another way in ------------------------------------------------------------------------- */

struct httpd_door {
    httpd *server;
    pthread_t thread;
    int folder, sock;
    struct sockaddr_un address; /* through the folder's descriptor: a path may be too long */
};

#define OUT_OF_FILES_US 100000

static void *wait_at_door(void *context) {
    const httpd_door *d = context;
    struct MHD_Daemon *daemon = d->server->daemon;
    for (;;) {
        int fd = accept4(d->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINVAL || errno == EBADF)) return NULL; /* it was closed */
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED) usleep(OUT_OF_FILES_US);
        const struct sockaddr_un nobody = {.sun_family = AF_UNIX};
        /* It closes what it does not take. */
        if (fd >= 0)
            mhd.MHD_add_connection(daemon, fd, (const struct sockaddr *)&nobody, sizeof nobody);
    }
}

static void release_door(httpd_door *d) {
    if (d->sock >= 0) close(d->sock);
    if (d->folder >= 0) close(d->folder);
    free(d);
}

static int bind_door(httpd_door *d, const char *folder, const char *name) {
    d->address.sun_family = AF_UNIX;
    d->folder = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    d->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->folder < 0 || d->sock < 0) return -1;
    snprintf(d->address.sun_path, sizeof d->address.sun_path, "/proc/self/fd/%d/%.40s", d->folder,
             name);
    if (bind(d->sock, (const struct sockaddr *)&d->address, sizeof d->address) < 0) return -1;
    if (chmod(d->address.sun_path, 0666) < 0) return -1;
    return listen(d->sock, SOMAXCONN);
}

int httpd_open_door(httpd *h, const char *folder, const char *name, httpd_door **ret, err *e) {
    httpd_door *d = mem_alloc(sizeof *d);
    *d = (httpd_door){.server = h, .folder = -1, .sock = -1};
    int failed = bind_door(d, folder, name) < 0 ? errno : 0;
    if (!failed) failed = pthread_create(&d->thread, NULL, wait_at_door, d);
    if (failed) {
        release_door(d);
        return err_sys(e, failed, "cannot listen at '%s/%s'", folder, name);
    }
    *ret = d;
    return 0;
}

void httpd_close_door(httpd_door *d) {
    if (!d) return;
    shutdown(d->sock, SHUT_RDWR); /* wakes the thread */
    pthread_join(d->thread, NULL);
    unlink(d->address.sun_path);
    release_door(d);
}
