/* The frame of the HTTP API, asked over a socket. */
#include "unit.h"

#include "base/hash.h"
#include "http_client.h"
#include "server/api.h"
#include "server/api_parts.h"
#include "server/events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- an application ---------------------------------------------------------------------------
 */

typedef struct app {
    pthread_mutex_t lock;
    api *s;
    httpd *h;
    events *feed;
    uint64_t changes;
    int made, listed, kept_count;
    struct {
        uint8_t key[32], request[32];
        bool busy;
        unsigned status;
        char body[256];
    } kept[8];
    char reported[2048];
    int64_t now_us;
} app;

static app *the_app;

static void list_things(api_call *c) {
    value items = value_array_new(c->a), next = value_array_new(c->a);
    int64_t from = c->cursor.kind == VALUE_ARRAY ? (int64_t)c->cursor.array.items[0].number : 0;
    __atomic_add_fetch(&the_app->listed, 1, __ATOMIC_SEQ_CST);
    for (int64_t i = from + 1; i <= 5 && value_count(&items) < c->limit; i++) {
        value thing = value_object_new(c->a, true);
        value_set(c->a, &thing, STR("id"), value_number((double)i));
        value_set_str(c->a, &thing, "name", STR("thing"));
        value_push(c->a, &items, thing);
        from = i;
    }
    value_push(c->a, &next, value_number((double)from));
    api_sees(c, 1);
    api_page(c, &items, from < 5 ? &next : NULL);
}

static void *make_later(void *context) {
    api_call *c = context;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("id"), value_number(7));
    value_set_str(c->a, &v, "name", value_path_str(&c->body, "name"));
    api_created(c, STR("/api/v1/things/7"), &v);
    return NULL;
}

static void make_thing(api_call *c) {
    pthread_t thread;
    __atomic_add_fetch(&the_app->made, 1, __ATOMIC_SEQ_CST);
    if (str_is(value_path_str(&c->body, "name"), "bad")) {
        api_wrong(c, "/name", "is taken");
        api_refuse(c);
        return;
    }
    api_defer(c);
    pthread_create(&thread, NULL, make_later, c);
    pthread_detach(thread);
}

static void show_thing(api_call *c) {
    value v = value_object_new(c->a, true);
    if (!api_permit(c, api_path_int(c, "thing_id"))) return;
    value_set(c->a, &v, STR("id"), value_number((double)api_path_int(c, "thing_id")));
    value_set_str(c->a, &v, "name", STR("one"));
    api_set_version(c, STR("3"));
    api_json(c, 200, &v);
}

static void put_thing(api_call *c) {
    if (!api_permit(c, 1) || !api_match(c, STR("3"))) return;
    api_no_content(c);
}

static void forget_to_ask(api_call *c) {
    value v = value_object_new(c->a, true);
    api_json(c, 200, &v);
}

static void break_down(api_call *c) {
    err e = {0};
    err_set(&e, ERR_IO, "the password of the database is hunter2");
    api_fail(c, &e);
}

static void forget_to_ask_and_stream(api_call *c) {
    assert_null(api_stream(c, "text/plain", NULL));
}

static void follow(api_call *c) {
    api_events(c, the_app->feed, NULL);
}

static void echo(api_call *c) {
    api_bytes(c, 200, "text/plain", c->raw.len ? c->raw : api_path_str(c, "rest"));
}

static const char *const colours[] = {"red", "green", NULL};
static const api_field thing_path[] = {
    {.name = "thing_id", .type = API_INTEGER, .min = 1, .max = 1000000}, {.name = NULL}};
static const api_field rest_path[] = {{.name = "rest", .type = API_STRING}, {.name = NULL}};
static const api_field list_query[] = {
    {.name = "colour", .type = API_WORD, .words = colours, .fallback = "red"},
    {.name = "since", .type = API_TIME},
    {.name = "least", .type = API_INTEGER, .min = -5, .max = 5},
    {.name = "all", .type = API_BOOLEAN},
    {.name = NULL},
};
static const api_field part_fields[] = {{.name = "size", .type = API_INTEGER, .required = true},
                                        {.name = NULL}};
static const api_field new_fields[] = {
    {.name = "name", .type = API_STRING, .required = true, .min = 1, .max = 20, .help = "its name"},
    {.name = "colour", .type = API_WORD, .words = colours, .nullable = true},
    {.name = "parts", .type = API_LIST, .items = API_OBJECT, .schema = "Part", .max = 2},
    {.name = NULL},
};
static const api_field thing_fields[] = {{.name = "id", .type = API_INTEGER, .required = true},
                                         {.name = "name", .type = API_STRING, .required = true},
                                         {.name = NULL}};
static const api_schema schemas[] = {{"Part", "a part", part_fields},
                                     {"NewThing", "what is made", new_fields},
                                     {"Thing", "a thing", thing_fields}};
#define THINGS "/api/v1/things"
static const api_route routes[] = {
    {.id = "things.list",
     .method = "GET",
     .path = THINGS,
     .tag = "things",
     .summary = "all",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .query = list_query,
     .answer = "Thing",
     .flags = API_PAGED | API_CACHED,
     .handle = list_things},
    {.id = "things.make",
     .method = "POST",
     .path = THINGS,
     .tag = "things",
     .summary = "make",
     .auth = API_PERSON,
     .right = RIGHT_RUNS_WRITE,
     .body = "NewThing",
     .body_bytes = 500,
     .answer = "Thing",
     .status = 201,
     .flags = API_IDEMPOTENT,
     .handle = make_thing},
    {.id = "things.show",
     .method = "GET",
     .path = THINGS "/{thing_id}",
     .tag = "things",
     .summary = "one",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .parameters = thing_path,
     .answer = "Thing",
     .handle = show_thing},
    {.id = "things.put",
     .method = "PUT",
     .path = THINGS "/{thing_id}",
     .tag = "things",
     .summary = "change",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .parameters = thing_path,
     .status = 204,
     .flags = API_MATCHED,
     .handle = put_thing},
    {.id = "things.latest",
     .method = "GET",
     .path = THINGS "/latest",
     .tag = "things",
     .summary = "forgets to ask",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .answer = "Thing",
     .handle = forget_to_ask},
    {.id = "broken",
     .method = "GET",
     .path = "/api/v1/broken",
     .tag = "things",
     .summary = "fails",
     .auth = API_PERSON,
     .right = RIGHT_SETTINGS_READ,
     .answer = "Thing",
     .handle = break_down},
    {.id = "events",
     .method = "GET",
     .path = "/api/v1/events",
     .tag = "things",
     .summary = "what happens",
     .auth = API_PERSON,
     .right = RIGHT_PROFILE,
     .type = "text/event-stream",
     .handle = follow},
    {.id = "leak",
     .method = "GET",
     .path = THINGS "/{thing_id}/log",
     .tag = "things",
     .summary = "forgets to ask",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_LOGS_READ,
     .parameters = thing_path,
     .type = "text/plain",
     .handle = forget_to_ask_and_stream},
    {.id = "login",
     .method = "POST",
     .path = "/api/v1/login",
     .tag = "things",
     .summary = "login",
     .flags = API_RAW,
     .type = "text/plain",
     .handle = echo,
     .rate = "login"},
    {.id = "hook",
     .method = "POST",
     .path = "/hooks/x",
     .tag = "things",
     .summary = "a hook",
     .auth = API_WEBHOOK,
     .flags = API_RAW,
     .type = "text/plain",
     .handle = echo},
    {.id = "agent",
     .method = "GET",
     .path = "/agent/hello",
     .tag = "things",
     .summary = "an agent",
     .auth = API_AGENT,
     .type = "text/plain",
     .handle = echo},
    {.id = "files",
     .method = "GET",
     .path = "/files/{rest...}",
     .tag = "things",
     .summary = "files",
     .parameters = rest_path,
     .type = "text/plain",
     .handle = echo},
};

static int authenticate(void *context, api_call *c, err *e) {
    str token = httpd_bearer(c->r), session = api_cookie(c, "slipway_session");
    if (c->route->auth == API_WEBHOOK) {
        if (!str_is(c->raw, "signed")) return err_set(e, ERR_INVALID, "no signature");
        c->caller.kind = API_IS_WEBHOOK;
        return 0;
    }
    if (!token.len && !session.len) return err_set(e, ERR_NOT_FOUND, "nothing");
    if (session.len) {
        if (!str_is(session, "s")) return err_set(e, ERR_INVALID, "an old session");
        c->caller =
            (api_caller){.kind = API_SESSION, .id = 1, .name = STR("root"), .csrf = STR("c")};
        return 0;
    }
    c->caller = (api_caller){.kind = API_TOKEN, .name = token, .sees = token};
    c->caller.id = str_is(token, "root") ? 1 : str_is(token, "viewer") ? 2 : 0;
    if (str_is(token, "agent")) c->caller.kind = API_IS_AGENT;
    return c->caller.id || c->caller.kind == API_IS_AGENT ? 0 : err_set(e, ERR_INVALID, "unknown");
}

/* root may all; a viewer reads runs of project 1. */
static bool may(void *context, const api_call *c, access_right right, api_project project) {
    if (c->caller.id == 1) return true;
    return right == RIGHT_RUNS_READ && project == 1;
}

static uint64_t changes(void *context) {
    return __atomic_load_n(&the_app->changes, __ATOMIC_SEQ_CST);
}

static int64_t now_us(void *context) {
    return the_app->now_us;
}

static bool ready(void *context, strbuf *why) {
    strbuf_adds(why, "the store is being moved");
    return false;
}

static void report(void *context, str id, const char *text) {
    pthread_mutex_lock(&the_app->lock);
    snprintf(the_app->reported, sizeof the_app->reported, "%s", text);
    pthread_mutex_unlock(&the_app->lock);
}

static api_repeat repeat_begin(void *context, const uint8_t key[32], const uint8_t request[32],
                               arena *a, api_kept *ret) {
    app *p = context;
    api_repeat r = API_FIRST;
    int i = 0;
    pthread_mutex_lock(&p->lock);
    while (i < p->kept_count && memcmp(p->kept[i].key, key, 32) != 0)
        i++;
    if (i == p->kept_count) {
        memcpy(p->kept[i].key, key, 32);
        memcpy(p->kept[i].request, request, 32);
        p->kept[i].busy = true;
        p->kept_count++;
    } else if (memcmp(p->kept[i].request, request, 32) != 0) {
        r = API_DIFFERS;
    } else if (p->kept[i].busy) {
        r = API_BUSY;
    } else {
        r = API_KEPT;
        *ret = (api_kept){p->kept[i].status, STR("application/json"),
                          arena_str(a, str_from(p->kept[i].body)), STR("/api/v1/things/7")};
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

static void repeat_end(void *context, const uint8_t key[32], const api_kept *answer) {
    app *p = context;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < p->kept_count; i++) {
        if (memcmp(p->kept[i].key, key, 32) != 0 || !answer) continue;
        p->kept[i].busy = false;
        p->kept[i].status = answer->status;
        snprintf(p->kept[i].body, sizeof p->kept[i].body, "%.*s", STR_ARG(answer->body));
    }
    pthread_mutex_unlock(&p->lock);
}

static const char *const hosts[] = {"ci.example.org", NULL};
static const rate_class rates[] = {{"address", 60000, 10000}, {"login", 60, 3}};
static const api_asset assets[] = {
    {"/index.html", "text/html", STR_INIT("<page>"), STR_INIT("GZ"), STR_INIT("BR"), STR_INIT(""),
     "\"p1\"", false},
    {"/assets/a.1234.js", "text/javascript", STR_INIT("js()"), STR_INIT(""), STR_INIT(""),
     STR_INIT(""), "\"j1\"", true},
};
static const api_routes tables[] = {{routes, sizeof routes / sizeof *routes}};
static const api_schemas schema_tables[] = {{schemas, sizeof schemas / sizeof *schemas}};
static idempotency_store repeats;

static api_config config(app *p) {
    repeats = (idempotency_store){p, repeat_begin, repeat_end};
    return (api_config){.routes = tables,
                        .route_tables = 1,
                        .schemas = schema_tables,
                        .schema_tables = 1,
                        .assets = assets,
                        .asset_count = 2,
                        .page = "/index.html",
                        .hosts = hosts,
                        .rates = rates,
                        .rate_count = 2,
                        .key = "key",
                        .repeats = &repeats,
                        .context = p,
                        .authenticate = authenticate,
                        .may = may,
                        .changes = changes,
                        .ready = ready,
                        .report = report,
                        .now_us = now_us};
}

static int start(void **state) {
    app *p = calloc(1, sizeof *p);
    err e = {0};
    the_app = p;
    pthread_mutex_init(&p->lock, NULL);
    p->feed = events_new(4, 0);
    p->now_us = 1000000;
    api_config k = config(p);
    if (api_new(&k, &p->s, &e) < 0) fail_msg("%s", e.message);
    httpd_handler handler = api_handler(p->s);
    assert_int_equal(httpd_start(0, &(httpd_limits){.threads = 2}, &handler, &p->h, &e), 0);
    *state = p;
    return 0;
}

static int stop(void **state) {
    app *p = *state;
    httpd_stop(p->h);
    events_free(p->feed);
    api_free(p->s);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return 0;
}

/* ---- requests and what they must be answered with ----------------------------------------------
 */

#define HEAD         " HTTP/1.1\r\nConnection: close\r\n"
#define HOST         "Host: localhost:1\r\n"
#define ROOT         HOST "Authorization: Bearer root\r\n"
#define VIEWER       HOST "Authorization: Bearer viewer\r\n"
#define COOKIE       HOST "Cookie: a=b; slipway_session=s\r\n"
#define JSON(length) "Content-Type: application/json\r\nContent-Length: " length "\r\n\r\n"

#define FIFTY "01234567890123456789012345678901234567890123456789"

typedef struct exchange {
    const char *request;
    const char *has[4]; /* the answer has all of these */
    const char *lacks;
} exchange;

static void try_all(app *p, const exchange *x, size_t count) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    for (size_t i = 0; i < count; i++) {
        client_ask(httpd_port(p->h), x[i].request, &got);
        for (size_t k = 0; k < 4 && x[i].has[k]; k++) {
            if (!strstr(strbuf_cstr(&got), x[i].has[k]))
                fail_msg("%s\nlacks '%s':\n%s", x[i].request, x[i].has[k], strbuf_cstr(&got));
        }
        if (x[i].lacks && strstr(strbuf_cstr(&got), x[i].lacks))
            fail_msg("%s\nhas '%s':\n%s", x[i].request, x[i].lacks, strbuf_cstr(&got));
    }
}
#define TRY(exchanges) try_all(*state, exchanges, sizeof exchanges / sizeof *exchanges)

static void failures_are_problem_documents(void **state) {
    static const exchange x[] = {
        {"GET /api/v1/nothing" HEAD ROOT "\r\n",
         {" 404 ", "application/problem+json", "\"status\":404", "urn:slipway:request:"}},
        {"PATCH " THINGS HEAD ROOT "\r\n", {" 405 ", "Allow: GET, HEAD, POST\r\n"}},
        {"GET " THINGS HEAD HOST "\r\n", {" 401 ", "WWW-Authenticate: Bearer"}},
        {"GET " THINGS HEAD HOST "Authorization: Bearer x\r\n\r\n", {" 401 "}, "unknown"},
        {"GET /api/v1/broken" HEAD VIEWER "\r\n", {" 403 ", "settings.read"}},
        {"GET /api/v1/broken" HEAD ROOT "\r\n", {" 500 ", "\"status\":500"}, "hunter2"},
        {"GET " THINGS HEAD ROOT "Accept: text/html;q=1, image/*\r\n\r\n", {" 406 "}},
        {"POST " THINGS HEAD ROOT "Content-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}",
         {" 415 ", "Accept-Post: application/json"}},
        {"POST " THINGS HEAD ROOT JSON("501")
             FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY "x",
         {" 413 ", "500 bytes"}},
        {"GET " THINGS "/abc" HEAD ROOT "\r\n", {" 404 "}},
        {"GET " THINGS "/0" HEAD ROOT "\r\n", {" 404 "}},
        {"GET /readyz" HEAD HOST "\r\n", {" 503 ", "Retry-After: 1", "the store is being moved"}},
        {"GET /healthz" HEAD HOST "\r\n", {" 200 ", "ok\n"}},
        {"GET /api/v1/version" HEAD HOST "\r\n", {" 200 ", "{\"version\":\"" SLIPWAY_VERSION}},
        {"GET " THINGS "/2" HEAD VIEWER "\r\n", {" 404 ", "may see"}},
        {"PUT " THINGS "/1" HEAD VIEWER "If-Match: *\r\n\r\n", {" 403 ", "runs.write"}},
        {"GET " THINGS "/1" HEAD VIEWER "\r\n", {" 200 ", "\"id\":1"}},
        {"HEAD " THINGS "/1" HEAD VIEWER "\r\n", {" 200 ", "ETag"}, "\"id\":1"},
        {"GET " THINGS "/latest" HEAD ROOT "\r\n", {" 500 "}},
        {"GET " THINGS "/1/log" HEAD ROOT "\r\n", {" 500 "}},
        {"GET /agent/hello" HEAD ROOT "\r\n", {" 403 "}},
        {"GET /agent/hello" HEAD HOST "Authorization: Bearer agent\r\n\r\n", {" 200 "}},
        {"GET " THINGS HEAD HOST "Authorization: Bearer agent\r\n\r\n", {" 403 "}},
        {"POST /hooks/x" HEAD HOST "Content-Length: 6\r\n\r\nsigned", {" 200 ", "signed"}},
        {"POST /hooks/x" HEAD HOST "Content-Length: 6\r\n\r\nforged", {" 401 "}},
        {"GET /files/a/b%20c" HEAD HOST "\r\n", {" 200 ", "a/b c"}},
        {"GET /files/" HEAD HOST "\r\n", {" 404 "}},
        {"GET /files/../healthz" HEAD HOST "\r\n", {" 400 "}},
    };
    TRY(x);
    assert_non_null(strstr(((app *)*state)->reported, "unknown") ||
                            strstr(((app *)*state)->reported, "no signature")
                        ? "reported"
                        : NULL);
}

static void parameters_are_checked(void **state) {
    static const exchange x[] = {
        {"GET " THINGS "?colour=blue" HEAD ROOT "\r\n",
         {" 400 ", "\"parameter\":\"colour\"", "red, green"}},
        {"GET " THINGS "?color=red" HEAD ROOT "\r\n", {" 400 ", "is not known here"}},
        {"GET " THINGS "?colour=red&colour=red" HEAD ROOT "\r\n", {" 400 ", "stands twice"}},
        {"GET " THINGS "?limit=0" HEAD ROOT "\r\n", {" 400 ", "at least 1"}},
        {"GET " THINGS "?limit=201" HEAD ROOT "\r\n", {" 400 ", "at most 200"}},
        {"GET " THINGS "?limit=1e1" HEAD ROOT "\r\n", {" 400 ", "must be an integer"}},
        {"GET " THINGS "?least=-6" HEAD ROOT "\r\n", {" 400 ", "at least -5"}},
        {"GET " THINGS "?least=-5" HEAD ROOT "\r\n", {" 200 "}},
        {"GET " THINGS "?since=yesterday" HEAD ROOT "\r\n", {" 400 ", "must be a time"}},
        {"GET " THINGS "?since=2026-11-27T10:00:00Z&all=true" HEAD ROOT "\r\n", {" 200 "}},
        {"GET " THINGS "?all=1" HEAD ROOT "\r\n", {" 400 ", "true or false"}},
        {"GET " THINGS "?cursor=abc" HEAD ROOT "\r\n", {" 400 ", "\"parameter\":\"cursor\""}},
    };
    TRY(x);
}

static void bodies_are_checked(void **state) {
    static const exchange x[] = {
        {"POST " THINGS HEAD ROOT JSON("0"), {" 400 ", "no JSON"}},
        {"POST " THINGS HEAD ROOT JSON("2") "[]", {" 422 ", "must be an object"}},
        {"POST " THINGS HEAD ROOT JSON("2") "{}", {" 422 ", "\"pointer\":\"/name\"", "is missing"}},
        {"POST " THINGS HEAD ROOT JSON("10") "{\"name\":7}", {" 422 ", "must be a string"}},
        {"POST " THINGS HEAD ROOT JSON("11") "{\"name\":\"\"}", {" 422 ", "at least 1"}},
        {"POST " THINGS HEAD ROOT JSON("21") "{\"name\":\"a\",\"a/b~\":1}",
         {" 422 ", "\"pointer\":\"/a~1b~0\"", "is not known here"}},
        {"POST " THINGS HEAD ROOT JSON("38") "{\"name\":\"a\",\"parts\":[{\"size\":\"x\"},{}]}",
         {" 422 ", "\"pointer\":\"/parts/0/size\"", "\"pointer\":\"/parts/1/size\""}},
        {"POST " THINGS HEAD ROOT JSON("35") "{\"name\":\"a\",\"parts\":[1,2,3],\"x\":0}  ",
         {" 422 ", "at most 2 items"}},
        {"POST " THINGS HEAD ROOT JSON("26") "{\"name\":\"a\",\"colour\":null}",
         {" 201 ", "Location: /api/v1/things/7", "\"name\":\"a\""}},
        {"POST " THINGS HEAD ROOT JSON("14") "{\"name\":\"bad\"}", {" 422 ", "is taken"}},
    };
    TRY(x);
}

static void browsers_need_a_token_of_the_page_and_the_right_origin(void **state) {
    static const exchange x[] = {
        {"POST " THINGS HEAD COOKIE JSON("12") "{\"name\":\"a\"}", {" 403 ", "X-CSRF-Token"}},
        {"POST " THINGS HEAD COOKIE "X-CSRF-Token: d\r\n" JSON("12") "{\"name\":\"a\"}", {" 403 "}},
        {"POST " THINGS HEAD COOKIE "X-CSRF-Token: c\r\n" JSON("12") "{\"name\":\"a\"}", {" 201 "}},
        {"POST " THINGS HEAD COOKIE
         "X-CSRF-Token: c\r\nOrigin: http://localhost:1\r\n" JSON("12") "{\"name\":\"a\"}",
         {" 201 "}},
        {"POST " THINGS HEAD COOKIE
         "X-CSRF-Token: c\r\nOrigin: http://evil.example\r\n" JSON("12") "{\"name\":\"a\"}",
         {" 403 ", "another site"}},
        {"POST " THINGS HEAD COOKIE
         "X-CSRF-Token: c\r\nOrigin: null\r\n" JSON("12") "{\"name\":\"a\"}",
         {" 403 "}},
        {"POST /api/v1/login" HEAD HOST "Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
         {" 403 "}},
        {"POST /api/v1/login" HEAD HOST "Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n",
         {" 403 "}},
        {"POST " THINGS HEAD ROOT "Origin: http://evil.example\r\n" JSON("12") "{\"name\":\"a\"}",
         {" 201 "}},
        {"GET /healthz" HEAD "Host: evil.example\r\n\r\n", {" 421 "}},
        {"GET /healthz" HEAD "Host: ci.example.org\r\n\r\n", {" 200 "}},
        {"GET /healthz" HEAD "Host: CI.example.org:8080\r\n\r\n", {" 200 "}},
        {"GET /healthz" HEAD "Host: 192.0.2.1:80\r\n\r\n", {" 200 "}},
        {"GET /healthz" HEAD "Host: [::1]:80\r\n\r\n", {" 200 "}},
        {"GET /healthz" HEAD "Host: 192.0.2.1.evil.example\r\n\r\n", {" 421 "}},
        {"GET /healthz" HEAD HOST "\r\n",
         {"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
          "X-Content-Type-Options: nosniff", "Referrer-Policy: same-origin"}},
    };
    TRY(x);
}

static void versions_guard_reads_and_changes(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    app *p = *state;
    char etag[64], request[512];
    client_ask(httpd_port(p->h), "GET " THINGS "/1" HEAD ROOT "\r\n", &got);
    const char *found = strstr(strbuf_cstr(&got), "ETag: ");
    assert_non_null(found);
    assert_int_equal(sscanf(found, "ETag: %60s", etag), 1);
    static const struct {
        const char *begin, *status;
    } cases[] = {
        {"GET " THINGS "/1" HEAD ROOT "If-None-Match: ", " 304 "},
        {"GET " THINGS "/1" HEAD ROOT "If-None-Match: \"x\", W/", " 304 "},
        {"PUT " THINGS "/1" HEAD ROOT "If-Match: ", " 204 "},
        {"PUT " THINGS "/1" HEAD ROOT "If-Match: W/", " 412 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request, "%s%s\r\n\r\n", cases[i].begin, etag);
        client_ask(httpd_port(p->h), request, &got);
        if (!strstr(strbuf_cstr(&got), cases[i].status))
            fail_msg("%s\ngave %s", request, strbuf_cstr(&got));
    }
    static const exchange x[] = {
        {"GET " THINGS "/1" HEAD ROOT "If-None-Match: \"x\"\r\n\r\n", {" 200 "}},
        {"PUT " THINGS "/1" HEAD ROOT "If-Match: \"x\"\r\n\r\n", {" 412 "}},
        {"PUT " THINGS "/1" HEAD ROOT "\r\n", {" 428 "}},
    };
    TRY(x);
}

static void a_post_that_comes_again_is_done_once(void **state) {
#define AGAIN ROOT "Idempotency-Key: k1\r\n"
    static const exchange x[] = {
        {"POST " THINGS HEAD AGAIN JSON("12") "{\"name\":\"a\"}", {" 201 "}, "Replayed"},
        {"POST " THINGS HEAD AGAIN JSON("12") "{\"name\":\"a\"}",
         {" 201 ", "Idempotency-Replayed: true", "Location: /api/v1/things/7", "\"id\":7"}},
        {"POST " THINGS HEAD AGAIN JSON("12") "{\"name\":\"b\"}", {" 422 ", "another request"}},
        {"POST " THINGS HEAD COOKIE
         "X-CSRF-Token: c\r\nIdempotency-Key: k1\r\n" JSON("12") "{\"name\":\"b\"}",
         {" 201 "}}, /* another caller's key */
        {"POST /api/v1/login" HEAD ROOT "Idempotency-Key: k1\r\nContent-Length: 0\r\n\r\n",
         {" 400 "}},
    };
    app *p = *state;
    int before = p->made;
    TRY(x);
    assert_int_equal(p->made, before + 2);
    for (int i = 0; i < p->kept_count; i++)
        p->kept[i].busy = true;
    static const exchange busy[] = {
        {"POST " THINGS HEAD AGAIN JSON("12") "{\"name\":\"a\"}", {" 409 ", "under way"}}};
    TRY(busy);
}

static void pages_are_linked_by_signed_cursors(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    app *p = *state;
    char next[512] = THINGS "?limit=2&colour=green", request[800];
    for (int page = 0; page < 3; page++) {
        snprintf(request, sizeof request, "GET %s" HEAD ROOT "\r\n", next);
        client_ask(httpd_port(p->h), request, &got);
        snprintf(request, sizeof request, "\"id\":%d", 2 * page + 1);
        assert_non_null(strstr(strbuf_cstr(&got), request));
        const char *link = strstr(strbuf_cstr(&got), "Link: <");
        assert_int_equal(link != NULL, page < 2);
        assert_int_equal(strstr(strbuf_cstr(&got), "\"next\":null") != NULL, page == 2);
        if (link) assert_int_equal(sscanf(link, "Link: <%500[^>]>; rel=\"next\"", next), 1);
    }
    assert_non_null(strstr(next, "colour=green"));
}

static void a_shared_answer_is_made_anew_after_a_change(void **state) {
    static const exchange x[] = {
        {"GET " THINGS "?limit=3" HEAD VIEWER "\r\n", {" 200 ", "Link: <", "\"id\":3"}},
        {"GET " THINGS "?limit=3" HEAD VIEWER "If-None-Match: *\r\n\r\n", {" 304 ", "ETag"}},
    };
    app *p = *state;
    int before = p->listed;
    for (int i = 0; i < 3; i++)
        TRY(x);
    assert_int_equal(p->listed, before + 1);
    __atomic_add_fetch(&p->changes, 1, __ATOMIC_SEQ_CST);
    TRY(x);
    assert_int_equal(p->listed, before + 2);
    static const exchange other[] = {{"GET " THINGS "?limit=3" HEAD ROOT "\r\n", {" 200 "}}};
    TRY(other); /* who sees something else gets an answer of their own */
    assert_int_equal(p->listed, before + 3);
}

static void a_shared_answer_and_a_failure_keep_the_connection(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    app *p = *state;
    int fd = client_dial(httpd_port(p->h));
    for (unsigned i = 1; i <= 3; i++) {
        client_say(fd, "GET " THINGS "?limit=1 HTTP/1.1\r\n" ROOT "\r\n");
        assert_true(client_hear(fd, &got, "\"id\":1", i));
        client_say(fd, "GET /nothing HTTP/1.1\r\n" ROOT "\r\n");
        assert_true(client_hear(fd, &got, "\"status\":404", i));
    }
    close(fd);
}

static void who_asks_too_often_waits(void **state) {
    static const exchange few[] = {
        {"POST /api/v1/login" HEAD HOST "Content-Length: 0\r\n\r\n", {" 200 "}}};
    static const exchange many[] = {{"POST /api/v1/login" HEAD HOST "Content-Length: 0\r\n\r\n",
                                     {" 429 ", "Retry-After: 1", "\"status\":429"}}};
    app *p = *state;
    p->now_us += 3600000000;
    for (int i = 0; i < 3; i++)
        TRY(few);
    TRY(many);
    p->now_us += 1000000;
    TRY(few);
    TRY(many);
}

static void assets_are_served_as_clients_take_them(void **state) {
    static const exchange x[] = {
        {"GET /runs/7" HEAD HOST "Accept: text/html\r\n\r\n",
         {" 200 ", "<page>", "script-src 'self'", "Vary: Accept-Encoding"}},
        {"GET /index.html" HEAD HOST "Accept-Encoding: gzip, br\r\n\r\n",
         {" 200 ", "Content-Encoding: br", "\r\n\r\nBR"}},
        {"GET /index.html" HEAD HOST "Accept-Encoding: br;q=0, gzip\r\n\r\n",
         {"Content-Encoding: gzip"}},
        {"GET /index.html" HEAD HOST "If-None-Match: \"p1\"\r\n\r\n", {" 304 "}},
        {"GET /assets/a.1234.js" HEAD HOST "\r\n", {" 200 ", "immutable", "js()"}},
        {"GET /assets/none.js" HEAD HOST "Accept: text/html\r\n\r\n", {" 404 "}},
        {"GET /api/v1/none" HEAD HOST "Accept: text/html\r\n\r\n", {" 404 "}},
        {"GET /runs/7" HEAD HOST "Accept: application/json\r\n\r\n", {" 404 "}},
        {"POST /runs/7" HEAD HOST "Accept: text/html\r\nContent-Length: 0\r\n\r\n", {" 404 "}},
    };
    TRY(x);
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void publish(app *p, const char *data) {
    events_publish(p->feed, &(events_item){STR("run"), 0, 1, str_from(data)});
}

static void events_come_as_they_happen_and_again_after_a_break(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    app *p = *state;
    char request[512], id[64];
    int fd = client_dial(httpd_port(p->h));
    client_say(fd, "GET /api/v1/events HTTP/1.1\r\n" ROOT "\r\n");
    assert_true(client_hear(fd, &got, "retry: 2000", 1));
    publish(p, "{\"n\":1}\nsecond line");
    assert_true(client_hear(fd, &got, "data: second line\n\n", 1));
    assert_non_null(strstr(strbuf_cstr(&got), "event: run\ndata: {\"n\":1}\n"));
    assert_int_equal(sscanf(strstr(strbuf_cstr(&got), "id: "), "id: %60s", id), 1);
    events_beat(p->feed);
    assert_true(client_hear(fd, &got, ":\n\n", 1));
    close(fd);
    publish(p, "{\"n\":2}");
    publish(p, "{\"n\":3}");
    strbuf_clear(&got);
    fd = client_dial(httpd_port(p->h));
    snprintf(request, sizeof request,
             "GET /api/v1/events HTTP/1.1\r\n" ROOT "Last-Event-ID: %s\r\n\r\n", id);
    client_say(fd, request);
    assert_true(client_hear(fd, &got, "{\"n\":3}", 1));
    assert_non_null(strstr(strbuf_cstr(&got), "{\"n\":2}"));
    assert_null(strstr(strbuf_cstr(&got), "{\"n\":1}"));
    close(fd);
    for (int i = 0; i < 10; i++)
        publish(p, "{}"); /* the ring has room for four */
    static const char *const lost[] = {NULL, "00000000-1", "junk", "ffffffff-"};
    for (size_t i = 0; i < 4; i++) {
        strbuf_clear(&got);
        fd = client_dial(httpd_port(p->h));
        snprintf(request, sizeof request,
                 "GET /api/v1/events HTTP/1.1\r\n" ROOT "Last-Event-ID: %s\r\n\r\n",
                 lost[i] ? lost[i] : id);
        client_say(fd, request);
        assert_true(client_hear(fd, &got, "event: reset", 1));
        close(fd);
    }
}

/* ---- tables, and what is pure ------------------------------------------------------------------
 */

static void patterns_match_what_they_say(void **state) {
    static const struct {
        const char *pattern, *path, *value; /* of the last name; NULL: no match */
    } cases[] = {
        {"/a/{b}", "/a/x", "x"},
        {"/a/{b}", "/a/", NULL},
        {"/a/{b}", "/a/x/", NULL},
        {"/a/{b}", "/a/x/y", NULL},
        {"/a/{b}", "/a", NULL},
        {"/a/{b...}", "/a/x/y", "x/y"},
        {"/a/{b...}", "/a/", NULL},
        {"/a/{b}/c/{d}", "/a/1/c/2", "2"},
        {"/a/{b}/c/{d}", "/a/1/d/2", NULL},
    };
    static const char *const bad[] = {"",         "a",         "//",  "/a/",
                                      "/{a}/{a}", "/{a...}/b", "/{}", "/x{a}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        api_pattern p;
        str values[API_SEGMENTS_MAX];
        err e = {0};
        assert_int_equal(api_pattern_parse(a, cases[i].pattern, &p, &e), 0);
        assert_int_equal(api_pattern_match(&p, str_from(cases[i].path), values),
                         cases[i].value != NULL);
        if (cases[i].value) assert_str(values[p.count - 1], cases[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_arena_ arena *a = arena_new();
        api_pattern p;
        err e = {0};
        if (api_pattern_parse(a, bad[i], &p, &e) != ERR_INVALID) fail_msg("'%s' is read", bad[i]);
    }
}

static void a_cursor_is_of_one_list_and_one_server(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    uint8_t key[32] = {1}, other[32] = {2};
    value items = value_array_new(a), back;
    value_push(a, &items, value_number(42));
    str cursor = api_cursor_make(a, key, "runs.list", &items);
    assert_true(api_cursor_read(a, key, "runs.list", cursor, &back));
    assert_true(value_same(&items, &back));
    assert_false(api_cursor_read(a, other, "runs.list", cursor, &back));
    assert_false(api_cursor_read(a, key, "jobs.list", cursor, &back));
    for (size_t i = 0; i < cursor.len; i++) {
        char *changed = arena_cstr(a, cursor);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(api_cursor_read(a, key, "runs.list", str_from(changed), &back));
        assert_false(api_cursor_read(a, key, "runs.list", str_sub(cursor, 0, i), &back));
    }
}

static void buckets_fill_with_time_and_forget_the_fullest(void **state) {
    const rate_class slow = {"slow", 60, 2}, off = {"off", 0, 0};
    rate_table *t = rate_new(8);
    assert_int_equal(rate_take(t, &slow, STR("a"), 0), 0);
    assert_int_equal(rate_take(t, &slow, STR("a"), 0), 0);
    assert_int_equal(rate_take(t, &slow, STR("a"), 0), 1);
    assert_int_equal(rate_take(t, &slow, STR("b"), 0), 0);
    assert_int_equal(rate_take(t, &slow, STR("a"), 999999), 1);
    assert_int_equal(rate_take(t, &slow, STR("a"), 1000001), 0);
    assert_true(rate_take(t, &slow, STR("a"), 500000) > 0); /* the clock was put back */
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(rate_take(t, &slow, str_from(name), 1000001), 0);
    }
    assert_true(rate_take(t, &slow, STR("a"), 1000001) > 0); /* nobody pushes it out */
    for (int i = 0; i < 100; i++)
        assert_int_equal(rate_take(t, &off, STR("a"), 0), 0);
    rate_free(t);
}

static void a_table_that_contradicts_itself_is_refused(void **state) {
    static const struct {
        api_route route;
        const char *message;
    } cases[] = {
        {{.auth = API_PERSON}, "needs no right"},
        {{.answer = "Nothing"}, "there is no schema Nothing"},
        {{.path = "/x/{y}"}, "does not describe its 'y'"},
        {{.path = "/healthz"}, "stands twice"},
        {{.path = "x"}, "does not begin with '/'"},
        {{.flags = API_IDEMPOTENT}, "only a POST"},
    };
    app *p = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        api_route r = cases[i].route;
        r.id = "x";
        r.method = "GET";
        if (!r.path) r.path = "/x";
        r.tag = r.summary = "x";
        r.handle = echo;
        const api_routes table = {&r, 1};
        api_config k = config(p);
        api *s;
        err e = {0};
        k.routes = &table;
        assert_int_equal(api_new(&k, &s, &e), ERR_INVALID);
        if (!strstr(e.message, cases[i].message)) fail_msg("%s", e.message);
    }
}

static void every_route_needs_a_right_or_is_listed_as_public(void **state) {
    static const char *const open[] = {"server.health",
                                       "server.ready",
                                       "server.version",
                                       "server.openapi",
                                       "login",
                                       "files",
                                       NULL};
    const api_route *r = NULL;
    app *p = *state;
    if (api_find_open_route(p->s, open, &r)) fail_msg("%s is open to all", r->id);
    assert_true(api_find_open_route(p->s, open + 1, &r));
    assert_string_equal(r->id, "server.health");
    for (int i = 0; i < ACCESS_RIGHT_COUNT; i++)
        assert_int_equal(right_from(str_from(right_name((access_right)i))), i);
}

/* Where a validator is at hand, it reads the document. */
static void the_document_is_openapi(void **state) {
    app *p = *state;
    str text = api_document(p->s);
    char file[] = "/tmp/openapi-XXXXXX", command[600];
    int fd = mkstemp(file);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    close(fd);
    snprintf(command, sizeof command,
             "python3 -c 'import json,sys;from openapi_spec_validator import validate;"
             "validate(json.load(open(sys.argv[1])))' %s",
             file);
    bool there = system("python3 -c 'import openapi_spec_validator' 2>/dev/null") == 0;
    int r = there ? system(command) : 0;
    unlink(file);
    assert_true(str_find(text, STR("\"/files/{rest}\"")) > 0);
    assert_true(str_find(text, STR("\"operationId\":\"things.make\"")) > 0);
    if (!there) skip();
    assert_int_equal(r, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_problem_documents),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(bodies_are_checked),
        cmocka_unit_test(browsers_need_a_token_of_the_page_and_the_right_origin),
        cmocka_unit_test(versions_guard_reads_and_changes),
        cmocka_unit_test(a_post_that_comes_again_is_done_once),
        cmocka_unit_test(pages_are_linked_by_signed_cursors),
        cmocka_unit_test(a_shared_answer_is_made_anew_after_a_change),
        cmocka_unit_test(a_shared_answer_and_a_failure_keep_the_connection),
        cmocka_unit_test(who_asks_too_often_waits),
        cmocka_unit_test(assets_are_served_as_clients_take_them),
        cmocka_unit_test(events_come_as_they_happen_and_again_after_a_break),
        cmocka_unit_test(patterns_match_what_they_say),
        cmocka_unit_test(a_cursor_is_of_one_list_and_one_server),
        cmocka_unit_test(buckets_fill_with_time_and_forget_the_fullest),
        cmocka_unit_test(a_table_that_contradicts_itself_is_refused),
        cmocka_unit_test(every_route_needs_a_right_or_is_listed_as_public),
        cmocka_unit_test(the_document_is_openapi),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
