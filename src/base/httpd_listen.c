/* httpd_listen.c: where the server listens, and when it stops. */
#include "base/httpd_parts.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- an address becomes a socket ------------------------------------------------------------- */

#define HOST_MAX 255

/* "HOST:PORT", "[V6]:PORT", ":PORT". */
static int split_address(str text, char host[HOST_MAX + 1], uint16_t *port, err *e) {
    ptrdiff_t colon = str_rfind_char(text, ':');
    uint64_t n = 0;
    str h = str_sub(text, 0, colon < 0 ? 0 : (size_t)colon);
    bool bracketed = h.len > 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']';
    if (bracketed) h = str_sub(h, 1, h.len - 1);
    if (colon < 0 || !str_to_uint(str_sub(text, (size_t)colon + 1, text.len), 65535, &n) ||
        h.len > HOST_MAX || (!bracketed && str_find_char(h, ':') >= 0))
        return err_set(e, ERR_INVALID,
                       "'%.*s' is no address to listen at: write 127.0.0.1:8080, [::1]:8080 or "
                       ":8080",
                       STR_ARG(text));
    memcpy(host, h.ptr, h.len);
    host[h.len] = '\0';
    *port = (uint16_t)n;
    return 0;
}

/* Returns the socket, or -1 with errno. */
static int bind_one(const struct sockaddr *address, socklen_t size) {
    int one = 1, none = 0;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof none);
    if (bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

/* At every address: by IPv6, which takes IPv4 as well, where there is IPv6. */
static int bind_everywhere(uint16_t port) {
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = bind_one((const struct sockaddr *)&six, sizeof six);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = bind_one((const struct sockaddr *)&four, sizeof four);
    return fd;
}

static int bind_named(const char *host, uint16_t port, err *e) {
    char service[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%u", port);
    int r = getaddrinfo(host, service, &hints, &found);
    if (r) return err_set(e, ERR_IO, "cannot find the address of '%s': %s", host, gai_strerror(r));
    int fd = -1;
    for (const struct addrinfo *i = found; i && fd < 0; i = i->ai_next)
        fd = bind_one(i->ai_addr, i->ai_addrlen);
    int failed = errno;
    freeaddrinfo(found);
    return fd < 0 ? err_sys(e, failed, "cannot listen on %s:%u", host, port) : fd;
}

static int open_socket(str address, uint16_t *ret_port, err *e) {
    char host[HOST_MAX + 1];
    uint16_t port = 0;
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (split_address(address, host, &port, e) < 0) return e->code;
    int fd = *host ? bind_named(host, port, e) : bind_everywhere(port);
    if (fd == -1 && !*host) return err_sys(e, errno, "cannot listen on port %u", port);
    if (fd < 0) return fd;
    getsockname(fd, (struct sockaddr *)&bound, &size);
    *ret_port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

/* ---- daemons --------------------------------------------------------------------------------- */

#define OPTIONS_MAX 8
/* GnuTLS' own choice without what is older; no tickets: a session that is resumed would bring along
 * a certificate that was judged before. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"

/* `fd`: a listening socket, which it owns then, or -1 for none. */
static int start_daemon(httpd *h, int fd, const httpd_tls *tls, err *e) {
    httpd_listener *l = &h->listeners[h->listener_count];
    _cleanup_arena_ arena *a = arena_new();
    struct MHD_OptionItem options[OPTIONS_MAX] = {{MHD_OPTION_END, 0, NULL}};
    size_t n = 0;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    if (fd < 0) flags |= MHD_USE_NO_LISTEN_SOCKET;
    if (fd >= 0) options[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, fd, NULL};
    if (tls) {
        flags |= MHD_USE_TLS;
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, arena_cstr(a, tls->certificate)};
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, arena_cstr(a, tls->key)};
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES};
    }
    if (tls && tls->client_ca.len)
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, arena_cstr(a, tls->client_ca)};
    options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    *l = (httpd_listener){.server = h, .tls = tls != NULL};
    errno = 0;
    l->daemon = mhd.MHD_start_daemon(
        flags, 0, NULL, NULL, httpd_on_request, l, MHD_OPTION_ARRAY, options,
        MHD_OPTION_URI_LOG_CALLBACK, httpd_on_target, l, MHD_OPTION_NOTIFY_COMPLETED, httpd_on_gone,
        l, MHD_OPTION_NOTIFY_CONNECTION, httpd_on_connection, l, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, h->limits.connection_bytes, MHD_OPTION_CONNECTION_LIMIT,
        h->limits.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, h->limits.per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, h->limits.idle_seconds, MHD_OPTION_THREAD_POOL_SIZE,
        h->limits.threads, MHD_OPTION_END);
    if (l->daemon) {
        h->listener_count++;
        return 0;
    }
    if (tls && !errno)
        return err_set(e, ERR_INVALID,
                       "the certificate and the key for TLS cannot be used: they must be PEM, and "
                       "belong together");
    return err_sys(e, errno ? errno : EINVAL, "cannot start the HTTP server");
}

int httpd_listen(httpd *h, str address, const httpd_tls *tls, uint16_t *ret_port, err *e) {
    uint16_t port = 0;
    if (h->listener_count == LISTENERS_MAX)
        return err_set(e, ERR_LIMIT, "a server listens at %d addresses at most", LISTENERS_MAX);
    /* GnuTLS takes a text without certificates for a CA that trusts nobody. */
    if (tls && tls->client_ca.len &&
        str_find(tls->client_ca, STR("-----BEGIN CERTIFICATE-----")) < 0)
        return err_set(e, ERR_INVALID, "the certificate of the clients' CA must be PEM");
    int fd = open_socket(address, &port, e);
    if (fd < 0) return fd;
    if (start_daemon(h, fd, tls, e) < 0) {
        close(fd);
        return err_context(e, "%.*s", STR_ARG(address));
    }
    h->listeners[h->listener_count - 1].port = port;
    if (ret_port) *ret_port = port;
    return 0;
}

uint16_t httpd_port(const httpd *h) {
    return h->listener_count ? h->listeners[0].port : 0;
}

/* ---- the server ------------------------------------------------------------------------------ */

static void set_defaults(httpd_limits *l) {
    if (!l->head_bytes) l->head_bytes = 16u << 10;
    if (!l->connection_bytes) l->connection_bytes = 256u << 10;
    if (!l->connections) l->connections = 512;
    if (!l->idle_seconds) l->idle_seconds = 120;
    if (!l->head_seconds) l->head_seconds = 60;
    if (!l->threads) l->threads = 4;
    if (!l->request_bytes) l->request_bytes = 5ULL << 30;
}

void httpd_release(httpd *h) {
    pthread_cond_destroy(&h->settled);
    pthread_mutex_destroy(&h->lock);
    arena_free(h->a);
    free(h);
}

int httpd_new(const httpd_limits *limits, const httpd_handler *handler, httpd **ret, err *e) {
    if (httpd_load(e) < 0) return e->code;
    httpd *h = mem_alloc(sizeof *h);
    h->handler = *handler;
    if (limits) h->limits = *limits;
    set_defaults(&h->limits);
    h->a = arena_new();
    random_bytes(&h->id_base, sizeof h->id_base);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->settled, NULL);
    int r = httpd_watch_start(h, e);
    if (r < 0) {
        httpd_release(h);
        return r;
    }
    *ret = h;
    return 0;
}

void httpd_trust_proxies(httpd *h, const httpd_network *networks, size_t count) {
    h->proxies = ARENA_ARRAY(h->a, httpd_network, count);
    if (count) memcpy(h->proxies, networks, count * sizeof *networks);
    h->proxy_count = count;
}

int httpd_start(uint16_t port, const httpd_limits *limits, const httpd_handler *handler,
                httpd **ret, err *e) {
    char address[32];
    httpd *h = NULL;
    if (httpd_new(limits, handler, &h, e) < 0) return e->code;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    if (httpd_listen(h, str_from(address), NULL, NULL, e) < 0) {
        httpd_stop(h);
        return e->code;
    }
    *ret = h;
    return 0;
}

static void wait_for_deferred(httpd *h) {
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    while (h->deferred)
        pthread_cond_wait(&h->settled, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

/* The library must not be stopped while a connection is suspended. Nothing is, once `stopping` is
 * set, all deferred requests were answered, and all streams have ended. */
void httpd_stop(httpd *h) {
    if (!h) return;
    wait_for_deferred(h);
    httpd_stop_streams(h);
    for (size_t i = 0; i < h->listener_count; i++)
        mhd.MHD_stop_daemon(h->listeners[i].daemon);
    wait_for_deferred(h); /* what a handler deferred after all */
    httpd_watch_stop(h);
    pthread_mutex_lock(&h->lock);
    h->stopped = true;
    bool last = h->stream_count == 0; /* else whoever closes the last stream frees it */
    pthread_mutex_unlock(&h->lock);
    if (last) httpd_release(h);
}

void httpd_get_figures(httpd *h, httpd_figures *ret) {
    *ret =
        (httpd_figures){.requests = atomic_load(&h->requests), .refused = atomic_load(&h->refused)};
    pthread_mutex_lock(&h->lock);
    ret->connections = h->link_count;
    ret->streams = h->stream_count;
    ret->deferred = h->deferred;
    pthread_mutex_unlock(&h->lock);
}

/* ---- another way in ------------------------------------------------------------------------- */

struct httpd_door {
    struct MHD_Daemon *daemon;
    pthread_t thread;
    int folder, sock;
    struct sockaddr_un address; /* through the folder's descriptor: a path may be too long */
};

#define OUT_OF_FILES_US 100000

static void *wait_at_door(void *context) {
    const httpd_door *d = context;
    for (;;) {
        int fd = accept4(d->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINVAL || errno == EBADF)) return NULL; /* it was closed */
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED) usleep(OUT_OF_FILES_US);
        const struct sockaddr_un nobody = {.sun_family = AF_UNIX};
        /* It closes what it does not take. */
        if (fd >= 0)
            mhd.MHD_add_connection(d->daemon, fd, (const struct sockaddr *)&nobody, sizeof nobody);
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

/* The first that does not encrypt; NULL when there is none and none can be made. */
static struct MHD_Daemon *plain_daemon(httpd *h, err *e) {
    for (size_t i = 0; i < h->listener_count; i++) {
        if (!h->listeners[i].tls) return h->listeners[i].daemon;
    }
    if (h->listener_count == LISTENERS_MAX) {
        err_set(e, ERR_LIMIT, "a server listens at %d addresses at most", LISTENERS_MAX);
        return NULL;
    }
    return start_daemon(h, -1, NULL, e) < 0 ? NULL : h->listeners[h->listener_count - 1].daemon;
}

int httpd_open_door(httpd *h, const char *folder, const char *name, httpd_door **ret, err *e) {
    struct MHD_Daemon *daemon = plain_daemon(h, e);
    if (!daemon) return e ? e->code : ERR_IO;
    httpd_door *d = mem_alloc(sizeof *d);
    *d = (httpd_door){.daemon = daemon, .folder = -1, .sock = -1};
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
