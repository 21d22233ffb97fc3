#include "server/hub.h"

#include "base/json.h"
#include "store/runs.h"

#include <stdlib.h>

#define BEAT_MS 15000

struct hub {
    server *s;
    events *events;
    loop_timer *timer;
};

static void publish_now(void *state, void *context) {
    server *s = state;
    events_publish(s->hub->events, context);
}

void hub_publish_after(core_tx *tx, const char *name, int64_t repository, int64_t run,
                       const value *data) {
    events_item *x = ARENA_NEW(tx->a, events_item);
    *x = (events_item){.name = str_from(name),
                       .project = repository,
                       .subject = run,
                       .data = json_text(tx->a, data)};
    core_after(tx, publish_now, x);
}

/* ---- followers ------------------------------------------------------------------------------ */

typedef struct follower {
    int64_t run; /* 0: all */
    int64_t *repositories;
    size_t count;
    uint64_t since_ms;
} follower;

static bool wants(void *context, const events_item *x) {
    const follower *f = context;
    bool sees = !x->project;
    for (size_t i = 0; i < f->count && !sees; i++)
        sees = f->repositories[i] == x->project;
    return sees && (!f->run || !x->subject || f->run == x->subject);
}

static bool still(void *context) {
    const follower *f = context;
    return loop_now_ms() - f->since_ms < HUB_HOLD_MS;
}

static void done(void *context) {
    follower *f = context;
    free(f->repositories);
    free(f);
}

static void follow(api_call *c) {
    server *s = call_server(c);
    store *reader;
    store_repository *rows;
    size_t count;
    err e = {0};
    if (server_reader(s, &reader, &e) < 0 ||
        store_repositories(reader, c->a, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    follower *f = mem_alloc(sizeof *f);
    *f = (follower){.since_ms = loop_now_ms()};
    f->run = api_has_query(c, "run_id") ? api_query_int(c, "run_id") : 0;
    f->repositories = mem_alloc((count + 1) * sizeof *f->repositories);
    for (size_t i = 0; i < count; i++) {
        if (api_sees(c, rows[i].id)) f->repositories[f->count++] = rows[i].id;
    }
    events_filter filter = {.context = f, .wants = wants, .still = still, .done = done};
    api_sees(c, 0); /* also where there is no repository yet */
    api_events(c, s->hub->events, &filter);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void on_beat(void *context) {
    hub *h = context;
    events_beat(h->events);
}

hub *hub_new(server *s) {
    hub *h = mem_alloc(sizeof *h);
    *h = (hub){.s = s, .events = events_new(0, 0)};
    h->timer = loop_every(s->loop, BEAT_MS, on_beat, h);
    return h;
}

void hub_free(hub *h) {
    if (!h) return;
    loop_timer_stop(h->timer);
    events_free(h->events);
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
     .handle = follow},
};
const api_routes hub_routes = {rows, sizeof rows / sizeof *rows};
