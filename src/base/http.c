#include "base/http.h"

#include "base/library.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

/* ---- the library ----------------------------------------------------------------------------- */

#define CURL_FUNCTIONS(X)                                                                          \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_strerror)                                                                          \
    X(curl_easy_cleanup)                                                                           \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)

/* The headers check the arguments of these three by macros, which would see the members below. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
    bool loaded;
    CURL_FUNCTIONS(LIBRARY_POINTER)
} curl;

static int load_once(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(curl, name)
    static const library_symbol symbols[] = {CURL_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    bool before = curl.loaded;
    static const char *const files[] = {"libcurl.so.4", NULL};
    if (library_load(files, "libcurl4", symbols, sizeof symbols / sizeof *symbols, &curl.loaded,
                     e) < 0)
        return e->code;
    if (before || curl.curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK) return 0;
    curl.loaded = false;
    return err_set(e, ERR_UNSUPPORTED, "libcurl cannot be initialised");
}

/* Several threads may send their first requests at once. */
static int load(err *e) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    int r = load_once(e);
    pthread_mutex_unlock(&lock);
    return r;
}

/* ---- a request ------------------------------------------------------------------------------- */

typedef struct transfer {
    const http_request *request;
    CURL *handle;
    strbuf body;
    size_t max_body;
    bool stopped, over;
} transfer;

static long status_of(const transfer *t) {
    long status = 0;
    curl.curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    transfer *t = context;
    const http_request *q = t->request;
    str piece = {bytes, size * count};
    if (q->write && status_of(t) < 300) {
        t->stopped = q->write(q->context, piece) != 0;
        return t->stopped ? 0 : piece.len;
    }
    if (piece.len > t->max_body - t->body.len) {
        t->over = true;
        return 0;
    }
    strbuf_add(&t->body, piece);
    return piece.len;
}

static size_t on_room(char *room, size_t size, size_t count, void *context) {
    transfer *t = context;
    ptrdiff_t n = t->request->read(t->request->context, room, size * count);
    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up) {
    (void)down_all, (void)down, (void)up_all, (void)up;
    transfer *t = context;
    t->stopped = t->stopped || t->request->stop(t->request->context);
    return t->stopped;
}

static void set_body(const transfer *t) {
    const http_request *q = t->request;
    CURL *h = t->handle;
    if (q->read) {
        curl.curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
        curl.curl_easy_setopt(h, CURLOPT_READFUNCTION, on_room);
        curl.curl_easy_setopt(h, CURLOPT_READDATA, t);
    } else if (q->body.len || (q->method && q->method[0] == 'P')) { /* POST, PUT, PATCH */
        curl.curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl.curl_easy_setopt(h, CURLOPT_POSTFIELDS, q->body.len ? q->body.ptr : "");
        curl.curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
    }
    if (q->method) curl.curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_options(transfer *t, char *why) {
    const http_request *q = t->request;
    CURL *h = t->handle;
    long connect_ms = q->connect_timeout_ms ? (long)q->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    curl.curl_easy_setopt(h, CURLOPT_URL, q->url);
    curl.curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl.curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl.curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl.curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    curl.curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl.curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl.curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl.curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
    if (q->unix_socket) curl.curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
    if (q->stop) {
        curl.curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
        curl.curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl.curl_easy_setopt(h, CURLOPT_XFERINFODATA, t);
    }
    set_body(t);
}

static int judge(const transfer *t, CURLcode code, const char *why, err *e) {
    if (code == CURLE_OK) return 0;
    if (t->over)
        return err_set(e, ERR_LIMIT, "the answer is larger than the limit of %zu bytes",
                       t->max_body);
    if (t->stopped || code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, ERR_CANCELLED, "the request was stopped");
    const char *text = *why ? why : curl.curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) return err_set(e, ERR_TIMEOUT, "%s", text);
    return err_set(e, ERR_IO, "%s", text);
}

int http_send(arena *a, const http_request *request, http_response *ret, err *e) {
    if (load(e) < 0) return ERR_UNSUPPORTED;
    char why[CURL_ERROR_SIZE] = "";
    transfer t = {.request = request,
                  .handle = curl.curl_easy_init(),
                  .max_body = request->max_body ? request->max_body : HTTP_BODY_MAX};
    if (!t.handle) oom();
    struct curl_slist *headers = curl.curl_slist_append(NULL, "Expect:");
    for (const char *const *h = request->headers; h && *h; h++)
        headers = curl.curl_slist_append(headers, *h);
    set_options(&t, why);
    struct curl_slist *pinned =
        request->resolve ? curl.curl_slist_append(NULL, request->resolve) : NULL;
    curl.curl_easy_setopt(t.handle, CURLOPT_HTTPHEADER, headers);
    curl.curl_easy_setopt(t.handle, CURLOPT_RESOLVE, pinned);
    int code = judge(&t, curl.curl_easy_perform(t.handle), why, e);
    if (code == 0) {
        const char *type = NULL;
        curl.curl_easy_getinfo(t.handle, CURLINFO_CONTENT_TYPE, &type);
        *ret = (http_response){.status = (int)status_of(&t),
                               .body = arena_str(a, strbuf_str(&t.body)),
                               .content_type = arena_str(a, str_from(type))};
    }
    curl.curl_slist_free_all(headers);
    curl.curl_slist_free_all(pinned);
    curl.curl_easy_cleanup(t.handle);
    strbuf_done(&t.body);
    return code;
}

void http_escape(strbuf *out, str text) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("-._~", c));
        if (plain)
            strbuf_addc(out, (char)c);
        else
            strbuf_addf(out, "%%%c%c", digits[c >> 4], digits[c & 15]);
    }
}
