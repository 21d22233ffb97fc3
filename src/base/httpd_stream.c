/* httpd_stream.c: answers that go on.
 *
 * libmicrohttpd asks for bytes when the client can take some. When there are none, the connection
 * is suspended, and whoever writes resumes it. What the client does meanwhile is seen by the
 * watcher (httpd_watch.c), because a suspended connection is not polled. */
#include "base/httpd_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define QUEUE_BYTES (256u << 10)
#define BLOCK_BYTES 512  /* what HTTP/1.0 clients get at a time; chunks are larger */
#define KEPT_BYTES  4096 /* of an empty queue's memory */

static void unref_stream(httpd_stream *s) {
    httpd *h = s->server;
    pthread_mutex_lock(&s->lock);
    bool last = --s->holders == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last) return;
    pthread_mutex_lock(&h->lock);
    *(s->previous ? &s->previous->next : &h->streams) = s->next;
    if (s->next) s->next->previous = s->previous;
    bool release = --h->stream_count == 0 && h->stopped;
    pthread_mutex_unlock(&h->lock);
    if (release) httpd_release(h);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->notice);
    strbuf_done(&s->queue);
    free(s);
}

/* With the lock held. */
static void resume(httpd_stream *s) {
    if (!s->suspended) return;
    s->suspended = false;
    mhd.MHD_resume_connection(s->connection);
}

/* With the lock held: the client sees a broken answer. One that is sent to wakes by its socket. */
static void cut(httpd_stream *s) {
    s->cut = true;
    if (!s->connection) return;
    shutdown(s->link->fd, SHUT_RDWR);
    resume(s);
}

static ssize_t take(httpd_stream *s, char *buffer, size_t size) {
    size_t left = s->queue.len - s->sent;
    size_t n = left < size ? left : size;
    memcpy(buffer, s->queue.ptr + s->sent, n);
    s->sent += n;
    if (s->sent < s->queue.len) return (ssize_t)n;
    s->sent = 0;
    strbuf_clear(&s->queue);
    if (s->queue.cap > KEPT_BYTES) strbuf_done(&s->queue);
    return (ssize_t)n;
}

static ssize_t on_read(void *context, uint64_t at, char *buffer, size_t size) {
    (void)at;
    httpd_stream *s = context;
    ssize_t n = 0;
    pthread_mutex_lock(&s->lock);
    if (s->cut) {
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (s->queue.len > s->sent) {
        n = take(s, buffer, size);
    } else if (s->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->suspended = true;
        mhd.MHD_suspend_connection(s->connection);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void on_response_gone(void *context) {
    unref_stream(context);
}

static void watch(httpd_stream *s) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = s->id};
    epoll_ctl(s->server->watch_fd, EPOLL_CTL_ADD, s->link->fd, &event);
}

httpd_stream *httpd_stream_open(httpd_request *r, unsigned status, const char *type,
                                const httpd_stream_options *how) {
    httpd *h = r->server;
    httpd_stream *s = mem_alloc(sizeof *s);
    pthread_mutexattr_t recursive;
    if (how) s->how = *how;
    if (!s->how.queue_bytes) s->how.queue_bytes = QUEUE_BYTES;
    s->server = h;
    s->link = r->link;
    s->connection = r->response ? NULL : r->connection; /* NULL: the first answer stands */
    s->holders = 2;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&s->notice, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_lock(&h->lock);
    s->id = ++h->stream_ids;
    s->ended = h->stopping;
    s->next = h->streams;
    if (s->next) s->next->previous = s;
    h->streams = s;
    h->stream_count++;
    pthread_mutex_unlock(&h->lock);
    if (s->connection) {
        r->stream = s;
        watch(s);
    }
    httpd_add_header(r, "Content-Type", str_from(type));
    httpd_set_response(r, status,
                       mhd.MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read,
                                                             s, on_response_gone));
    return s;
}

bool httpd_stream_write(httpd_stream *s, str piece) {
    pthread_mutex_lock(&s->lock);
    bool open = s->connection && !s->ended && !s->cut;
    if (open && piece.len > s->how.queue_bytes - (s->queue.len - s->sent)) {
        cut(s);
        open = false;
    }
    if (open && piece.len) {
        if (s->sent) {
            strbuf_shift(&s->queue, s->sent);
            s->sent = 0;
        }
        strbuf_add(&s->queue, piece);
        resume(s);
    }
    pthread_mutex_unlock(&s->lock);
    return open;
}

static void end_stream(httpd_stream *s) {
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    resume(s);
    pthread_mutex_unlock(&s->lock);
}

void httpd_stream_close(httpd_stream *s) {
    if (!s) return;
    pthread_mutex_lock(&s->notice);
    s->told = true;
    pthread_mutex_unlock(&s->notice);
    end_stream(s);
    unref_stream(s);
}

/* The answer's own reference keeps the stream alive until the request lets go of its response. */
void httpd_stream_over(httpd_stream *s) {
    pthread_mutex_lock(&s->lock);
    epoll_ctl(s->server->watch_fd, EPOLL_CTL_DEL, s->link->fd, NULL);
    s->connection = NULL;
    s->link = NULL;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->notice);
    bool tell = !s->told;
    s->told = true;
    if (tell && s->how.closed) s->how.closed(s->how.context, s);
    pthread_mutex_unlock(&s->notice);
}

/* ---- for the watcher, and the end ------------------------------------------------------------ */

/* Those that are alive, each held. With the server's lock held. */
static httpd_stream *hold(httpd_stream *s) {
    pthread_mutex_lock(&s->lock);
    bool alive = s->holders > 0;
    if (alive) s->holders++;
    pthread_mutex_unlock(&s->lock);
    return alive ? s : NULL;
}

void httpd_stream_lost(httpd *h, uint64_t id) {
    pthread_mutex_lock(&h->lock);
    httpd_stream *s = h->streams;
    while (s && s->id != id)
        s = s->next;
    if (s) s = hold(s);
    pthread_mutex_unlock(&h->lock);
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    cut(s);
    pthread_mutex_unlock(&s->lock);
    unref_stream(s);
}

void httpd_stop_streams(httpd *h) {
    pthread_mutex_lock(&h->lock);
    size_t count = 0;
    httpd_stream **held = mem_alloc((h->stream_count + 1) * sizeof(httpd_stream *));
    for (httpd_stream *s = h->streams; s; s = s->next) {
        if (hold(s)) held[count++] = s;
    }
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < count; i++) {
        end_stream(held[i]);
        unref_stream(held[i]);
    }
    free(held);
}
