/* http.c: the frame of the API with a few routes, for bench/http to measure: a list that is shared,
 * the same made anew for each request, and events that say nothing. Prints its port; ends when its
 * input does. */
#include "server/api.h"
#include "server/events.h"

#include "base/fs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ITEMS 50

static events *feed;

static void list(api_call *c) {
    value items = value_array_new(c->a);
    for (int i = 0; i < ITEMS; i++) {
        value v = value_object_new(c->a, true);
        value_set(c->a, &v, STR("id"), value_number(i));
        value_set_str(c->a, &v, "status", STR("completed"));
        value_set_str(c->a, &v, "created_at", STR("2026-11-27T10:00:00.000Z"));
        value_push(c->a, &items, v);
    }
    api_page(c, &items, NULL);
}

static void follow(api_call *c) {
    api_events(c, feed, NULL);
}

static const api_field fields[] = {{.name = "id", .type = API_INTEGER},
                                   {.name = "status", .type = API_STRING},
                                   {.name = "created_at", .type = API_TIME},
                                   {.name = NULL}};
static const api_schema schemas[] = {{"Run", "a run", fields}};
static const api_route routes[] = {
    {.id = "shared",
     .method = "GET",
     .path = "/api/v1/shared",
     .tag = "bench",
     .summary = "a list",
     .auth = API_PERSON,
     .right = RIGHT_RUNS_READ,
     .answer = "Run",
     .flags = API_PAGED | API_CACHED,
     .handle = list},
    {.id = "fresh",
     .method = "GET",
     .path = "/api/v1/fresh",
     .tag = "bench",
     .summary = "a list",
     .auth = API_PERSON,
     .right = RIGHT_RUNS_READ,
     .answer = "Run",
     .flags = API_PAGED,
     .handle = list},
    {.id = "events",
     .method = "GET",
     .path = "/api/v1/events",
     .tag = "bench",
     .summary = "events",
     .auth = API_PERSON,
     .right = RIGHT_PROFILE,
     .type = "text/event-stream",
     .handle = follow},
};

static int authenticate(void *context, api_call *c, err *e) {
    (void)context;
    if (!str_is(httpd_bearer(c->r), "secret")) return err_set(e, ERR_NOT_FOUND, "no token");
    c->caller = (api_caller){.kind = API_TOKEN, .id = 1, .sees = STR("all")};
    return 0;
}

static bool may(void *context, const api_call *c, access_right right, api_project project) {
    (void)context, (void)c, (void)right, (void)project;
    return true;
}

static uint64_t changes(void *context) {
    (void)context;
    return 1;
}

static int64_t now_us(void *context) {
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int listen_at(httpd *h, char **argv, int argc, uint16_t *port, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    httpd_tls tls = {0};
    if (argc < 3) return httpd_listen(h, STR("127.0.0.1:0"), NULL, port, e);
    if (fs_read(a, argv[1], 1 << 20, &tls.certificate, e) < 0 ||
        fs_read(a, argv[2], 1 << 20, &tls.key, e) < 0)
        return e->code;
    return httpd_listen(h, STR("127.0.0.1:0"), &tls, port, e);
}

int main(int argc, char **argv) {
    const api_routes route_tables[] = {{routes, sizeof routes / sizeof *routes}};
    const api_schemas schema_tables[] = {{schemas, 1}};
    const rate_class rates[] = {{"address", 0, 0}};
    const api_config config = {.routes = route_tables,
                               .route_tables = 1,
                               .schemas = schema_tables,
                               .schema_tables = 1,
                               .rates = rates,
                               .rate_count = 1,
                               .authenticate = authenticate,
                               .may = may,
                               .changes = changes,
                               .now_us = now_us};
    const httpd_limits limits = {
        .threads = 2, .connections = 4096, .connection_bytes = 24 << 10, .head_bytes = 16 << 10};
    api *s;
    httpd *h;
    uint16_t port;
    err e = {0};
    feed = events_new(0, 0);
    if (api_new(&config, &s, &e) < 0) return fprintf(stderr, "bench_http: %s\n", e.message), 2;
    httpd_handler handler = api_handler(s);
    if (httpd_new(&limits, &handler, &h, &e) < 0 || listen_at(h, argv, argc, &port, &e) < 0)
        return fprintf(stderr, "bench_http: %s\n", e.message), 2;
    printf("%u\n", port);
    fflush(stdout);
    for (char byte; read(0, &byte, 1) > 0;)
        continue;
    events_free(feed);
    httpd_stop(h);
    api_free(s);
    return 0;
}
