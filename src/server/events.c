/* events.c: a ring of events and those who follow it.
 *
 * One lock guards both; streams are written to while it is held, which only copies. */
#include "server/events.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 4096
#define BYTES_DEFAULT (1u << 20)
#define BEHIND_BYTES  (256u << 10) /* beside what is sent at first */

typedef struct kept {
    events_item e; /* its texts lie in `text` */
    str frame;
    char *text;
} kept;

typedef struct follower {
    struct follower *next;
    httpd_stream *stream;
    events_filter filter;
} follower;

struct events {
    pthread_mutex_t lock;
    uint32_t epoch;       /* tells ids of this start from those of others */
    uint64_t first, next; /* numbers of events; those from first on are kept */
    size_t count_max, bytes_max, bytes;
    kept *ring;
    follower *followers;
    size_t follower_count;
};

events *events_new(size_t count, size_t bytes) {
    events *h = mem_alloc(sizeof *h);
    h->count_max = count ? count : COUNT_DEFAULT;
    h->bytes_max = bytes ? bytes : BYTES_DEFAULT;
    h->ring = mem_alloc(h->count_max * sizeof *h->ring);
    h->first = h->next = 1;
    random_bytes(&h->epoch, sizeof h->epoch);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

static kept *at(events *h, uint64_t number) {
    return &h->ring[number % h->count_max];
}

static void forget_first(events *h) {
    kept *k = at(h, h->first++);
    h->bytes -= k->frame.len;
    free(k->text);
    *k = (kept){0};
}

static void end_follower(events *h, follower *f) {
    httpd_stream_close(f->stream);
    if (f->filter.done) f->filter.done(f->filter.context);
    h->follower_count--;
    free(f);
}

void events_free(events *h) {
    if (!h) return;
    for (follower *f = h->followers, *next; f; f = next) {
        next = f->next;
        end_follower(h, f);
    }
    while (h->first < h->next)
        forget_first(h);
    pthread_mutex_destroy(&h->lock);
    free(h->ring);
    free(h);
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void write_frame(strbuf *out, const events *h, const events_item *e) {
    str line, rest = e->data;
    strbuf_addf(out, "id: %08x-%llu\nevent: %.*s\n", h->epoch, (unsigned long long)h->next,
                STR_ARG(e->name));
    while (str_line(&rest, &line))
        strbuf_addf(out, "data: %.*s\n", STR_ARG(line));
    strbuf_addc(out, '\n');
}

/* Keeps a copy: frame, name and data behind one another. */
static kept *keep(events *h, const events_item *e) {
    _cleanup_strbuf_ strbuf frame = STRBUF_INIT;
    write_frame(&frame, h, e);
    while (h->first < h->next &&
           (h->next - h->first == h->count_max || h->bytes + frame.len > h->bytes_max))
        forget_first(h);
    kept *k = at(h, h->next++);
    *k = (kept){.e = *e, .text = mem_alloc(frame.len + e->name.len + e->data.len)};
    char *p = k->text;
    memcpy(p, frame.ptr, frame.len);
    k->frame = (str){p, frame.len};
    p += frame.len;
    memcpy(p, e->name.ptr, e->name.len);
    k->e.name.ptr = p;
    p += e->name.len;
    memcpy(p, e->data.ptr, e->data.len);
    k->e.data.ptr = p;
    h->bytes += frame.len;
    return k;
}

static bool wants(const follower *f, const events_item *e) {
    return !f->filter.wants || f->filter.wants(f->filter.context, e);
}

void events_publish(events *h, const events_item *e) {
    pthread_mutex_lock(&h->lock);
    const kept *k = keep(h, e);
    for (follower **at_f = &h->followers; *at_f;) {
        follower *f = *at_f;
        if (!wants(f, &k->e) || httpd_stream_write(f->stream, k->frame)) {
            at_f = &f->next;
            continue;
        }
        *at_f = f->next;
        end_follower(h, f);
    }
    pthread_mutex_unlock(&h->lock);
}

void events_beat(events *h) {
    pthread_mutex_lock(&h->lock);
    for (follower **at_f = &h->followers; *at_f;) {
        follower *f = *at_f;
        bool may = !f->filter.still || f->filter.still(f->filter.context);
        if (may && httpd_stream_write(f->stream, STR(":\n\n"))) {
            at_f = &f->next;
            continue;
        }
        *at_f = f->next;
        end_follower(h, f);
    }
    pthread_mutex_unlock(&h->lock);
}

size_t events_followers(events *h) {
    pthread_mutex_lock(&h->lock);
    size_t count = h->follower_count;
    pthread_mutex_unlock(&h->lock);
    return count;
}

/* ---- those who follow -------------------------------------------------------------------------
 */

/* The number after the one that a client has seen; 0 when it is none that is still known. */
static uint64_t number_after(const events *h, str id) {
    str epoch, number;
    uint64_t started, n;
    if (!str_cut(id, '-', &epoch, &number) || !str_to_bits(epoch, 16, &started) ||
        started != h->epoch || !str_to_uint(number, UINT64_MAX - 1, &n))
        return 0;
    return n + 1 >= h->first && n + 1 <= h->next ? n + 1 : 0;
}

static void catch_up(events *h, const follower *f, str last_id) {
    uint64_t n = number_after(h, last_id);
    if (!n) {
        _cleanup_strbuf_ strbuf reset = STRBUF_INIT;
        strbuf_addf(&reset, "id: %08x-%llu\nevent: reset\ndata: {}\n\n", h->epoch,
                    (unsigned long long)h->next - 1);
        httpd_stream_write(f->stream, strbuf_str(&reset));
        return;
    }
    for (; n < h->next; n++) {
        const kept *k = at(h, n);
        if (wants(f, &k->e)) httpd_stream_write(f->stream, k->frame);
    }
}

void api_events(api_call *c, events *h, const events_filter *filter) {
    str last_id = httpd_header(c->r, "Last-Event-ID");
    const httpd_stream_options how = {.queue_bytes = h->bytes_max + BEHIND_BYTES};
    httpd_stream *stream = api_stream(c, "text/event-stream", &how);
    if (!stream) {
        if (filter && filter->done) filter->done(filter->context);
        return;
    }
    follower *f = mem_alloc(sizeof *f);
    if (filter) f->filter = *filter;
    f->stream = stream;
    pthread_mutex_lock(&h->lock);
    httpd_stream_write(f->stream, STR("retry: 2000\n\n"));
    if (last_id.len) catch_up(h, f, last_id);
    f->next = h->followers;
    h->followers = f;
    h->follower_count++;
    pthread_mutex_unlock(&h->lock);
}
