#include "server/hub.h"

#include "base/json.h"
#include "store/runs.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_ALIVE_MS 20000

typedef struct told {
    uint64_t id;
    int64_t repository, run;
    char *text; /* "id: …\nevent: …\ndata: …\n\n" */
    size_t size;
} told;

typedef struct subscriber {
    struct subscriber *next;
    hub *of;
    httpd_stream *stream;
    int64_t run; /* 0: all */
    int64_t *repositories;
    size_t repository_count;
    bool all; /* sees every repository */
    uint64_t since_ms;
    bool full; /* it does not read: it is closed */
} subscriber;

struct hub {
    server *s;
    pthread_mutex_t lock;
    told kept[HUB_KEPT];
    uint64_t next; /* id of the next event; they begin anew with the server */
    uint64_t first_id;
    subscriber *first;
    loop_timer *timer;
};

/* ---- who is told ---------------------------------------------------------------------------- */

static bool sees(const subscriber *x, int64_t repository) {
    if (x->all || !repository) return true;
    for (size_t i = 0; i < x->repository_count; i++) {
        if (x->repositories[i] == repository) return true;
    }
    return false;
}

static bool wants(const subscriber *x, const told *t) {
    return sees(x, t->repository) && (!x->run || !t->run || x->run == t->run);
}

static void send(subscriber *x, str text) {
    if (!x->full && !httpd_stream_write(x->stream, text)) x->full = true;
}

void hub_publish(hub *h, const char *event, int64_t repository, int64_t run, str data) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    pthread_mutex_lock(&h->lock);
    told *t = &h->kept[h->next % HUB_KEPT];
    free(t->text);
    strbuf_addf(&text, "id: %llu\nevent: %s\ndata: ", (unsigned long long)h->next, event);
    strbuf_add(&text, data);
    strbuf_adds(&text, "\n\n");
    *t = (told){h->next++, repository, run, text.ptr, text.len};
    text = (strbuf)STRBUF_INIT;
    for (subscriber *x = h->first; x; x = x->next) {
        if (wants(x, t)) send(x, (str){t->text, t->size});
    }
    pthread_mutex_unlock(&h->lock);
}

typedef struct publication {
    const char *event;
    int64_t repository, run;
    str data;
} publication;

static void publish_now(void *state, void *context) {
    server *s = state;
    const publication *p = context;
    hub_publish(s->hub, p->event, p->repository, p->run, p->data);
}

void hub_publish_after(core_tx *tx, const char *event, int64_t repository, int64_t run,
                       const value *data) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    publication *p = ARENA_NEW(tx->a, publication);
    json_write(&text, data);
    *p = (publication){event, repository, run, arena_str(tx->a, strbuf_str(&text))};
    core_after(tx, publish_now, p);
}

/* ---- subscribers ---------------------------------------------------------------------------- */

static void free_subscriber(subscriber *x) {
    httpd_stream_close(x->stream);
    free(x->repositories);
    free(x);
}

/* Whoever takes it off the list frees it: the clock may have done so already. */
static void on_closed(void *context, httpd_stream *stream) {
    subscriber *x = context;
    hub *h = x->of;
    bool found = false;
    (void)stream;
    pthread_mutex_lock(&h->lock);
    for (subscriber **at = &h->first; *at && !found;) {
        found = *at == x;
        if (found)
            *at = x->next;
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&h->lock);
    if (found) free_subscriber(x);
}

/* Those that do not read, or that have had their time. */
static void on_tick(void *context) {
    hub *h = context;
    uint64_t now = loop_now_ms();
    subscriber *leaving = NULL;
    pthread_mutex_lock(&h->lock);
    for (subscriber **at = &h->first; *at;) {
        subscriber *x = *at;
        send(x, STR(": still here\n\n"));
        if (!x->full && now - x->since_ms < HUB_HOLD_MS) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        x->next = leaving;
        leaving = x;
    }
    pthread_mutex_unlock(&h->lock);
    while (leaving) {
        subscriber *x = leaving;
        leaving = x->next;
        free_subscriber(x);
    }
}

static bool add_visible(api_call *c, subscriber *x) {
    store *s;
    store_repository *rows;
    size_t count;
    err e = {0};
    if (server_reader(call_server(c), &s, &e) < 0 ||
        store_repositories(s, c->a, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return false;
    }
    x->repositories = mem_alloc((count + 1) * sizeof *x->repositories);
    for (size_t i = 0; i < count; i++) {
        if (api_sees(c, rows[i].id)) x->repositories[x->repository_count++] = rows[i].id;
    }
    x->all = x->repository_count == count;
    return true;
}

/* What it has missed, or that it has missed too much. */
static void catch_up(hub *h, subscriber *x, str last_text) {
    uint64_t last;
    if (!last_text.len) return;
    bool known = str_to_uint(last_text, UINT64_MAX, &last) && last < h->next &&
                 last + 1 >= h->first_id && h->next - (last + 1) <= HUB_KEPT;
    if (!known) {
        send(x, STR("event: reset\ndata: {}\n\n"));
        return;
    }
    for (uint64_t id = last + 1; id < h->next; id++) {
        const told *t = &h->kept[id % HUB_KEPT];
        if (wants(x, t)) send(x, (str){t->text, t->size});
    }
}

static void subscribe(api_call *c) {
    hub *h = call_server(c)->hub;
    subscriber *x = mem_alloc(sizeof *x);
    *x = (subscriber){.of = h, .since_ms = loop_now_ms()};
    x->run = api_has_query(c, "run_id") ? api_query_int(c, "run_id") : 0;
    str last = arena_str(c->a, httpd_header(c->r, "Last-Event-ID"));
    if (!add_visible(c, x)) {
        free(x->repositories);
        free(x);
        return;
    }
    httpd_stream_options how = {.context = x, .closed = on_closed};
    pthread_mutex_lock(&h->lock);
    x->stream = api_stream(c, "text/event-stream", &how);
    send(x, STR("retry: 1000\n\n"));
    catch_up(h, x, last);
    x->next = h->first;
    h->first = x;
    pthread_mutex_unlock(&h->lock);
}

/* ---- the whole ------------------------------------------------------------------------------ */

hub *hub_new(server *s) {
    hub *h = mem_alloc(sizeof *h);
    memset(h, 0, sizeof *h);
    h->s = s;
    /* Ids grow over restarts, so that one of an earlier server is not taken for ours. */
    h->next = h->first_id = (uint64_t)clock_wall_us();
    pthread_mutex_init(&h->lock, NULL);
    h->timer = loop_every(s->loop, KEEP_ALIVE_MS, on_tick, h);
    return h;
}

void hub_free(hub *h) {
    if (!h) return;
    loop_timer_stop(h->timer);
    for (size_t i = 0; i < HUB_KEPT; i++)
        free(h->kept[i].text);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static const api_field query[] = {
    {.name = "run_id", .type = API_INTEGER, .min = 1, .help = "Only what this run does."}, {0}};

static const api_route rows[] = {
    {.id = "events.stream",
     .method = "GET",
     .path = "/api/v1/events",
     .tag = "events",
     .summary = "What changes, as it happens (server-sent events)",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .query = query,
     .type = "text/event-stream",
     .handle = subscribe},
};
const api_routes hub_routes = {rows, sizeof rows / sizeof *rows};
