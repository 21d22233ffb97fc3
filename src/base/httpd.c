/* httpd.c: one request after the other, and its answer.
 *
 * libmicrohttpd decodes the target its way; ours is taken from the raw request line, which it shows
 * once, before anything else of the request. Its limits on memory bound the head that it reads;
 * head_bytes is checked again once the head is there, because that memory is also the buffer
 * through which bodies come, and a larger one makes them faster. */
#include "base/httpd_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DROPPED_BODY_MAX (1u << 20) /* what is read of a body after an early answer */
#define HEADERS_MAX      100

struct httpd_library mhd;

/* It brings GnuTLS along, which only TLS uses. */
int httpd_load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(mhd, name)
    static const library_symbol symbols[] = {MHD_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    static const char *const files[] = {"libmicrohttpd.so.12", NULL};
    return library_load(files, "libmicrohttpd12", symbols, sizeof symbols / sizeof *symbols,
                        &mhd.loaded, e);
}

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

str httpd_raw_target(const httpd_request *r) {
    return str_from(r->raw);
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

bool httpd_secure(const httpd_request *r) {
    return r->link->listener->tls;
}

bool httpd_local(const httpd_request *r) {
    return r->link->peer.any.sa_family == AF_UNIX;
}

str httpd_request_id(httpd_request *r) {
    return arena_printf(r->a, "%08x%08llx", r->server->id_base, (unsigned long long)r->id);
}

/* ---- answers -------------------------------------------------------------------------------- */

void httpd_add_header(httpd_request *r, const char *name, str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return;
    }
    httpd_out *h = ARENA_NEW(r->a, httpd_out);
    *h = (httpd_out){.next = r->headers, .name = name, .text = arena_cstr(r->a, text)};
    r->headers = h;
}

static void unref(httpd_request *r) {
    pthread_mutex_lock(&r->lock);
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last) return;
    const httpd_handler *h = &r->server->handler;
    if (r->handed && h->gone) h->gone(h->context, r);
    if (r->prepared)
        httpd_prepared_unref(r->prepared);
    else if (r->response)
        mhd.MHD_destroy_response(r->response);
    pthread_mutex_destroy(&r->lock);
    arena_free(r->a);
}

/* One that was deferred was answered: whoever did so lets go of it. */
static void end_deferral(httpd_request *r) {
    httpd *h = r->server;
    unref(r);
    pthread_mutex_lock(&h->lock);
    if (--h->deferred == 0) pthread_cond_broadcast(&h->settled);
    pthread_mutex_unlock(&h->lock);
}

/* The first answer stands. */
static void put_response(httpd_request *r, unsigned status, struct MHD_Response *response,
                         httpd_prepared *prepared) {
    pthread_mutex_lock(&r->lock);
    bool deferred = r->deferred;
    bool first = !r->response;
    if (first) {
        r->prepared = prepared;
        r->status = status;
        r->response = response;
    }
    if (r->suspended) {
        r->suspended = false;
        mhd.MHD_resume_connection(r->connection);
    }
    r->deferred = false;
    pthread_mutex_unlock(&r->lock);
    if (!first && prepared) httpd_prepared_unref(prepared);
    if (!first && !prepared) mhd.MHD_destroy_response(response);
    if (deferred) end_deferral(r);
}

void httpd_set_response(httpd_request *r, unsigned status, struct MHD_Response *response) {
    bool cached = false;
    if (!response) oom();
    for (const httpd_out *h = r->headers; h; h = h->next) {
        cached = cached || strcmp(h->name, "Cache-Control") == 0;
        mhd.MHD_add_response_header(response, h->name, h->text);
    }
    mhd.MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (!cached) mhd.MHD_add_response_header(response, "Cache-Control", "no-store");
    mhd.MHD_add_response_header(response, "X-Request-Id", httpd_request_id(r).ptr);
    put_response(r, status, response, NULL);
}

void httpd_answer(httpd_request *r, unsigned status, const char *type, str body) {
    if (type) httpd_add_header(r, "Content-Type", str_from(type));
    httpd_set_response(
        r, status,
        mhd.MHD_create_response_from_buffer(body.len, (void *)body.ptr, MHD_RESPMEM_MUST_COPY));
}

void httpd_answer_file(httpd_request *r, unsigned status, int fd, uint64_t from, uint64_t size) {
    httpd_set_response(r, status, mhd.MHD_create_response_from_fd_at_offset64(size, fd, from));
}

void httpd_defer(httpd_request *r) {
    httpd *h = r->server;
    pthread_mutex_lock(&r->lock);
    r->deferred = true;
    r->holders++;
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_lock(&h->lock);
    h->deferred++;
    pthread_mutex_unlock(&h->lock);
}

/* ---- answers that are shared ----------------------------------------------------------------- */

struct httpd_prepared {
    _Atomic int holders;
    unsigned status;
    struct MHD_Response *response;
};

httpd_prepared *httpd_prepare(unsigned status, const httpd_header_row *headers, str body) {
    httpd_prepared *p = mem_alloc(sizeof *p);
    p->holders = 1;
    p->status = status;
    p->response =
        mhd.MHD_create_response_from_buffer(body.len, (void *)body.ptr, MHD_RESPMEM_MUST_COPY);
    if (!p->response) oom();
    for (; headers->name; headers++)
        mhd.MHD_add_response_header(p->response, headers->name, headers->text);
    return p;
}

httpd_prepared *httpd_prepared_ref(httpd_prepared *p) {
    atomic_fetch_add(&p->holders, 1);
    return p;
}

void httpd_prepared_unref(httpd_prepared *p) {
    if (!p || atomic_fetch_sub(&p->holders, 1) != 1) return;
    mhd.MHD_destroy_response(p->response);
    free(p);
}

void httpd_answer_prepared(httpd_request *r, httpd_prepared *p) {
    put_response(r, p->status, p->response, httpd_prepared_ref(p));
}

/* ---- what must hold of every request --------------------------------------------------------- */

static void refuse(httpd_request *r, unsigned status, const char *why) {
    atomic_fetch_add(&r->server->refused, 1);
    httpd_answer(r, status, "text/plain", str_from(why));
}

/* Nobody can tell where this request ends. */
static void refuse_hard(httpd_request *r, const char *why) {
    r->hard = true;
    httpd_add_header(r, "Connection", STR("close"));
    refuse(r, MHD_HTTP_BAD_REQUEST, why);
}

typedef struct head {
    unsigned count, hosts, lengths, codings;
    bool malformed;
} head;

/* RFC 9110, section 5.6.2. */
static bool is_token(str s) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) continue;
        if (!c || !strchr(others, c)) return false;
    }
    return s.len > 0;
}

/* A name or an address, with a port: what else stands there came from the next line, by folding. */
static bool is_host(str s) {
    static const char others[] = ".-_:[]%~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) continue;
        if (!c || !strchr(others, c)) return false;
    }
    return true;
}

static bool is_digits(str s) {
    uint64_t n;
    return str_to_uint(s, UINT64_MAX - 1, &n);
}

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *text, size_t size) {
    (void)kind;
    head *h = context;
    str n = {name, name_size}, t = str_trim((str){text, size});
    h->count++;
    if (!is_token(n)) h->malformed = true;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) h->malformed = true;
    }
    if (str_eq_nocase(n, STR("Host"))) {
        h->hosts++;
        if (!is_host(t)) h->malformed = true;
    } else if (str_eq_nocase(n, STR("Content-Length"))) {
        h->lengths++;
        if (!is_digits(t)) h->malformed = true;
    } else if (str_eq_nocase(n, STR("Transfer-Encoding"))) {
        h->codings++;
        if (!str_eq_nocase(t, STR("chunked"))) h->malformed = true;
    }
    return MHD_YES;
}

static bool head_too_large(httpd_request *r, const head *h) {
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return (info && info->header_size > r->server->limits.head_bytes) || h->count > HEADERS_MAX;
}

/* Else it is answered. */
static void judge(httpd_request *r, const char *version) {
    err e = {0};
    head h = {0};
    mhd.MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, look_at_header, &h);
    uint64_t size = h.codings || h.lengths ? httpd_body_size(r) : 0;
    if (!r->raw)
        refuse(r, MHD_HTTP_URI_TOO_LONG, "the request target is too long\n");
    else if (head_too_large(r, &h))
        refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too large\n");
    else if (h.codings && (h.lengths || h.codings > 1 || strcmp(version, "HTTP/1.1") != 0))
        refuse_hard(r, "a request has one length\n");
    else if (h.lengths > 1)
        refuse_hard(r, "a request has one length\n");
    else if (h.malformed || !is_token(r->method))
        refuse_hard(r, "the request's head is malformed\n");
    else if (strncmp(version, "HTTP/1.", 7) != 0 || h.hosts != 1 || !httpd_header(r, "Host").len)
        refuse_hard(r, "this server speaks HTTP/1.1, with a Host\n");
    else if (size != UINT64_MAX && size > r->server->limits.request_bytes)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large\n");
    else if (httpd_target_parse(r->a, str_from(r->raw), &r->target, &e) < 0)
        refuse(r, MHD_HTTP_BAD_REQUEST, "the request target is malformed\n");
}

/* ---- the calls of libmicrohttpd -------------------------------------------------------------- */

httpd_link *httpd_link_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info =
        mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

static void await(httpd_link *l, unsigned seconds) {
    atomic_store(&l->due, seconds ? httpd_now_ms() + (int64_t)seconds * 1000 : INT64_MAX);
}

void *httpd_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    httpd_listener *l = context;
    arena *a = arena_new();
    httpd_request *r = ARENA_NEW(a, httpd_request);
    *r = (httpd_request){.server = l->server,
                         .connection = connection,
                         .a = a,
                         .holders = 1,
                         .link = httpd_link_of(connection),
                         .id = atomic_fetch_add(&l->server->requests, 1) + 1};
    pthread_mutex_init(&r->lock, NULL);
    size_t n = strnlen(target, HTTPD_TARGET_MAX + 1);
    if (n <= HTTPD_TARGET_MAX) r->raw = arena_cstr(a, (str){target, n});
    return r;
}

static enum MHD_Result send_answer(httpd_request *r) {
    atomic_store(&r->link->due, INT64_MAX);
    return mhd.MHD_queue_response(r->connection, r->status, r->response);
}

static enum MHD_Result on_head(httpd_request *r, const char *method, const char *version) {
    const httpd_handler *h = &r->server->handler;
    r->begun = true;
    r->method = arena_str(r->a, str_from(method));
    await(r->link, r->server->limits.body_seconds);
    judge(r, version);
    if (!r->response) {
        r->handed = true;
        h->begin(h->context, r);
    }
    if (!r->response) return MHD_YES;
    uint64_t size = httpd_body_size(r);
    /* The answer comes after a short body, or none: one that is queued now ends the connection. */
    if (!r->hard && size <= DROPPED_BODY_MAX) return MHD_YES;
    if (!r->hard && !r->prepared) mhd.MHD_add_response_header(r->response, "Connection", "close");
    return send_answer(r);
}

static enum MHD_Result on_body(httpd_request *r, str piece) {
    const httpd_handler *h = &r->server->handler;
    r->received += piece.len;
    if (!r->response && r->received > r->server->limits.request_bytes)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large\n");
    if (!r->response) h->body(h->context, r, piece);
    if (r->response) r->dropped += piece.len;
    return r->dropped > DROPPED_BODY_MAX ? MHD_NO : MHD_YES;
}

/* Whether the connection waits now for the answer of another thread. */
static bool wait_for_answer(httpd_request *r, bool *ret_lost) {
    httpd *h = r->server;
    pthread_mutex_lock(&r->lock);
    bool waits = r->deferred && !r->response;
    if (waits) {
        pthread_mutex_lock(&h->lock);
        *ret_lost = h->stopping;
        pthread_mutex_unlock(&h->lock);
    }
    if (waits && !*ret_lost) {
        r->suspended = true;
        atomic_store(&r->link->due, INT64_MAX);
        mhd.MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&r->lock);
    return waits;
}

static enum MHD_Result on_end(httpd_request *r) {
    const httpd_handler *h = &r->server->handler;
    bool lost = false;
    if (!r->response) h->end(h->context, r);
    if (wait_for_answer(r, &lost)) return lost ? MHD_NO : MHD_YES;
    if (!r->response) httpd_answer(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, STR_EMPTY);
    return send_answer(r);
}

enum MHD_Result httpd_on_request(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_size, void **per_request) {
    (void)context, (void)connection, (void)url;
    httpd_request *r = *per_request;
    if (!r->begun) return on_head(r, method, version);
    if (*data_size) {
        str piece = {data, *data_size};
        *data_size = 0;
        return on_body(r, piece);
    }
    return on_end(r);
}

void httpd_on_gone(void *context, struct MHD_Connection *connection, void **per_request,
                   enum MHD_RequestTerminationCode why) {
    (void)context, (void)connection, (void)why;
    httpd_request *r = *per_request;
    if (!r) return;
    *per_request = NULL;
    const httpd_limits *l = &r->server->limits;
    await(r->link, l->idle_seconds + l->head_seconds);
    if (r->stream) httpd_stream_over(r->stream);
    pthread_mutex_lock(&r->lock);
    r->connection = NULL;
    pthread_mutex_unlock(&r->lock);
    unref(r);
}
