/* httpd_watch.c: one thread that cuts what takes too long, and sees clients leave.
 *
 * libmicrohttpd's own timeout counts from the last byte, so a client that sends one byte at a time
 * holds its connection for ever; and it does not look at suspended connections at all. The thread
 * sleeps while there are no connections, and else looks at them a few times for each of the
 * shortest delays. */
#include "base/httpd_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS      64
#define LOOKS       4 /* for each of the shortest delays */
#define WAKE        0 /* no stream has this id */
#define LOOK_MS_MIN 50

int64_t httpd_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wake(httpd *h) {
    uint64_t one = 1;
    ssize_t ignored = write(h->wake_fd, &one, sizeof one);
    (void)ignored;
}

void httpd_link_add(httpd_link *l) {
    httpd *h = l->listener->server;
    pthread_mutex_lock(&h->lock);
    bool first = !h->links;
    l->next = h->links;
    if (l->next) l->next->previous = l;
    h->links = l;
    h->link_count++;
    pthread_mutex_unlock(&h->lock);
    if (first) wake(h);
}

void httpd_link_remove(httpd_link *l) {
    httpd *h = l->listener->server;
    pthread_mutex_lock(&h->lock);
    *(l->previous ? &l->previous->next : &h->links) = l->next;
    if (l->next) l->next->previous = l->previous;
    h->link_count--;
    pthread_mutex_unlock(&h->lock);
}

void httpd_on_connection(void *context, struct MHD_Connection *c, void **link,
                         enum MHD_ConnectionNotificationCode what) {
    httpd_listener *listener = context;
    httpd_link *l = *link;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!l) return;
        httpd_link_remove(l);
        arena_free(l->shown.a);
        free(l);
        *link = NULL;
        return;
    }
    l = mem_alloc(sizeof *l);
    l->listener = listener;
    l->fd = mhd.MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    socklen_t size = sizeof l->peer;
    l->peer.any.sa_family = AF_UNSPEC;
    if (getpeername(l->fd, &l->peer.any, &size) < 0) l->peer.any.sa_family = AF_UNSPEC;
    atomic_store(&l->due, httpd_now_ms() + (int64_t)listener->server->limits.head_seconds * 1000);
    *link = l;
    httpd_link_add(l);
}

/* The descriptors are open while their connections are listed. */
static void cut_late(httpd *h) {
    int64_t now = httpd_now_ms();
    pthread_mutex_lock(&h->lock);
    for (httpd_link *l = h->links; l; l = l->next) {
        if (atomic_load(&l->due) > now) continue;
        atomic_store(&l->due, INT64_MAX);
        shutdown(l->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&h->lock);
}

static int until_next_look(httpd *h) {
    unsigned shortest = h->limits.head_seconds;
    if (h->limits.body_seconds && h->limits.body_seconds < shortest)
        shortest = h->limits.body_seconds;
    pthread_mutex_lock(&h->lock);
    bool any = h->links != NULL;
    pthread_mutex_unlock(&h->lock);
    if (!any) return -1;
    int ms = (int)(shortest > 3600 ? 3600 : shortest) * 1000 / LOOKS;
    return ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms;
}

static bool is_stopped(httpd *h) {
    uint64_t count;
    ssize_t ignored = read(h->wake_fd, &count, sizeof count);
    (void)ignored;
    pthread_mutex_lock(&h->lock);
    bool stopped = h->stopping && !h->links;
    pthread_mutex_unlock(&h->lock);
    return stopped;
}

static void *watch(void *context) {
    httpd *h = context;
    struct epoll_event events[EVENTS];
    int64_t look = INT64_MAX;
    for (;;) {
        int wait = until_next_look(h);
        int n = epoll_wait(h->watch_fd, events, EVENTS, wait);
        if (n < 0 && errno != EINTR) return NULL;
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 != WAKE)
                httpd_stream_lost(h, events[i].data.u64);
            else if (is_stopped(h))
                return NULL;
        }
        int64_t now = httpd_now_ms();
        if (wait < 0) look = now;
        if (now - look < wait && n != 0) continue;
        look = now;
        cut_late(h);
    }
}

int httpd_watch_start(httpd *h, err *e) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE};
    h->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = 0;
    if (h->watch_fd < 0 || h->wake_fd < 0 ||
        epoll_ctl(h->watch_fd, EPOLL_CTL_ADD, h->wake_fd, &event) < 0)
        failed = errno;
    if (!failed) failed = pthread_create(&h->watcher, NULL, watch, h);
    if (!failed) return 0;
    if (h->watch_fd >= 0) close(h->watch_fd);
    if (h->wake_fd >= 0) close(h->wake_fd);
    return err_sys(e, failed, "cannot start the HTTP server's watcher");
}

/* All connections have ended. */
void httpd_watch_stop(httpd *h) {
    wake(h);
    pthread_join(h->watcher, NULL);
    close(h->watch_fd);
    close(h->wake_fd);
}
