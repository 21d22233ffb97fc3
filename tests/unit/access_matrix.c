#include "http_client.h"
#include "unit.h"

#include "base/fs.h"
#include "server/people.h"
#include "server/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A server on a clock of the test's: each look at it is 20 ms later, so rates are never reached. */
static atomic_int_fast64_t clock_us = 1800000000000000;

static int64_t ticks(void) {
    return atomic_fetch_add(&clock_us, 20000);
}

typedef struct world {
    arena *a;
    char *dir;
    server *s;
    pthread_t thread;
    uint16_t port;
    strbuf got;
    err e;
    char tokens[2 * ROLE_COUNT][ACCESS_TOKEN_SIZE + 1];
} world;

static void *run(void *s) {
    server_run(s);
    return NULL;
}

static void start(world *w) {
    server_options how = {.data = w->dir, .listen = STR("127.0.0.1:0"), .now = ticks};
    if (server_new(&how, &w->s, &w->e) < 0) fail_msg("%s", w->e.message);
    w->port = (uint16_t)atoi(strrchr(server_url(w->s), ':') + 1);
    assert_int_equal(pthread_create(&w->thread, NULL, run, w->s), 0);
}

static int set_up(void **state) {
    world *w = mem_alloc(sizeof *w);
    *w = (world){.a = arena_new()};
    *state = w;
    return fs_temp_dir(w->a, "access-", &w->dir, &w->e);
}

static int tear_down(void **state) {
    world *w = *state;
    if (w->s) {
        /* A loop that has not begun yet has nothing to ring. */
        server_stop(w->s);
        pthread_join(w->thread, NULL);
        server_free(w->s);
    }
    fs_remove(w->dir, &w->e);
    strbuf_done(&w->got);
    arena_free(w->a);
    free(w);
    return 0;
}

/* The status; of what does not end only the head is read. */
static int ask(world *w, const char *method, str path, const char *headers, const char *body) {
    str text = arena_printf(w->a,
                            "%s %.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s"
                            "%sContent-Length: %zu\r\n\r\n%s",
                            method, STR_ARG(path), headers,
                            *body ? "Content-Type: application/json\r\n" : "", strlen(body), body);
    int fd = client_dial(w->port), status = 0;
    strbuf_clear(&w->got);
    client_say(fd, arena_cstr(w->a, text));
    client_hear(fd, &w->got, "\r\n\r\n", 1);
    sscanf(strbuf_cstr(&w->got), "HTTP/1.1 %d", &status);
    if (!strstr(strbuf_cstr(&w->got), "event-stream")) client_hear(fd, &w->got, "\x01", 1);
    close(fd);
    return status;
}

static bool has(const world *w, const char *text) {
    return strstr(strbuf_cstr(&w->got), text) != NULL;
}

/* What stands between two texts of the last answer. */
static char *between(world *w, const char *before, const char *after) {
    const char *from = strstr(strbuf_cstr(&w->got), before);
    if (!from) fail_msg("no %s in %s", before, strbuf_cstr(&w->got));
    from += strlen(before);
    const char *to = strstr(from, after);
    assert_non_null(to);
    return arena_cstr(w->a, (str){from, (size_t)(to - from)});
}

static const char *bearer(world *w, const char *text) {
    return arena_cstr(w->a, arena_printf(w->a, "Authorization: Bearer %s\r\n", text));
}

/* ---- the matrix ----------------------------------------------------------------------------- */

/* Who may what, written down once more: a change of the roles must be meant. In the order of
 * access_role: v(iewer) d(eveloper) a(pprover) o(perator) A(dministrator) u(auditor). */
static const char roles[] = "vdaoAu";
static const char *const matrix[ACCESS_RIGHT_COUNT] = {
    [RIGHT_PROFILE] = "vdaoAu",           [RIGHT_RUNS_READ] = "vdaoAu",
    [RIGHT_RUNS_WRITE] = "doA",           [RIGHT_RUNS_APPROVE] = "aA",
    [RIGHT_LOGS_READ] = "vdaoAu",         [RIGHT_AGENTS_READ] = "vdaoAu",
    [RIGHT_AGENTS_WRITE] = "oA",          [RIGHT_SECRETS_READ] = "doAu",
    [RIGHT_SECRETS_WRITE] = "A",          [RIGHT_ACCESS_READ] = "Au",
    [RIGHT_ACCESS_WRITE] = "A",           [RIGHT_AUDIT_READ] = "Au",
    [RIGHT_SETTINGS_READ] = "oAu",        [RIGHT_SETTINGS_WRITE] = "oA",
    [RIGHT_REPOSITORIES_READ] = "vdaoAu", [RIGHT_REPOSITORIES_WRITE] = "oA",
};

/* For nobody in particular. Whoever adds one says so here. */
static const char *const public_ids[] = {"server.health",
                                         "server.ready",
                                         "server.version",
                                         "server.openapi",
                                         "session.login",
                                         "session.setup",
                                         NULL};

#define ZEROS "0000000000000000000000000000000000000000"
static const struct {
    const char *schema, *body;
} bodies[] = {
    {"NewRepository", "{\"name\":\"o/three\",\"kind\":\"local\",\"url\":\"/nowhere\"}"},
    {"Rerun", "{}"},
    {"Dispatch", "{\"workflow\":\"ci.yml\"}"},
    {"Push", "{\"ref\":\"refs/heads/x\",\"before\":\"" ZEROS "\",\"after\":\"" ZEROS "\"}"},
    {"Pushes", "{\"delivery\":\"1\",\"repository\":\"o/one\",\"changes\":[]}"},
    {"NewUser", "{\"name\":\"fresh\"}"},
    {"UserChange", "{}"},
    {"NewToken", "{\"name\":\"t\",\"scopes\":[\"runs.read\"]}"},
    {"NewGrant", "{\"user_id\":1,\"role\":\"approver\",\"repository_id\":1}"},
    {"NewElevation", "{\"role\":\"operator\",\"repository_id\":1,\"minutes\":5,\"reason\":\"r\"}"},
    {"SecretValue", "{\"value\":\"x\"}"},
};

static const char *body_of(const api_route *r) {
    if (!r->body) return "";
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (strcmp(bodies[i].schema, r->body) == 0) return bodies[i].body;
    }
    fail_msg("the matrix has no body for %s (%s)", r->id, r->body);
    return "";
}

/* Everything asked for is number 1, of the repository 1. */
static str target_of(world *w, const api_route *r) {
    strbuf out = STRBUF_INIT;
    for (const char *p = r->path; *p; p++) {
        if (*p != '{') {
            strbuf_addc(&out, *p);
            continue;
        }
        const char *end = strchr(p, '}');
        str name = {p + 1, (size_t)(end - p - 1)};
        strbuf_adds(&out, str_is(name, "file...") ? "key" : str_is(name, "name") ? "TOK" : "1");
        p = end;
    }
    char mark = '?';
    for (const api_field *f = r->query; f && f->name; f++) {
        if (!f->required && strcmp(f->name, "repository_id") != 0) continue;
        strbuf_addf(&out, "%c%s=1", mark, f->name);
        mark = '&';
    }
    str text = arena_str(w->a, strbuf_str(&out));
    strbuf_done(&out);
    return text;
}

static void add_person(world *w, store *s, size_t index, access_role role, int64_t repository) {
    char name[32];
    snprintf(name, sizeof name, "person%zu", index);
    strbuf scopes = STRBUF_INIT;
    for (int k = RIGHT_PROFILE; k < ACCESS_RIGHT_COUNT; k++)
        strbuf_addf(&scopes, "%s ", right_name((access_right)k));
    store_user user = {.name = str_from(name), .created_us = 1};
    assert_int_equal(store_user_add(s, &user, &w->e), 0);
    store_grant grant = {.user_id = user.id,
                         .repository = repository,
                         .role = str_from(access_role_words[role]),
                         .created_us = 1};
    assert_int_equal(store_grant_add(s, &grant, &w->e), 0);
    access_token_new(w->tokens[index]);
    store_token row = {.hash = people_digest(w->a, str_from(w->tokens[index])),
                       .user_id = user.id,
                       .name = STR("all"),
                       .scopes = strbuf_str(&scopes),
                       .created_us = 1,
                       .expires_us = INT64_MAX};
    assert_int_equal(store_token_add(s, &row, &w->e), 0);
    strbuf_done(&scopes);
}

static void add_things(world *w, store *s) {
    store_repository one = {.name = STR("o/one"),
                            .url = STR("/nowhere"),
                            .default_branch = STR("main"),
                            .settings = STR("{}"),
                            .refs = STR("{}"),
                            .archived = true},
                     two = one;
    two.name = STR("o/two");
    assert_int_equal(store_repository_add(s, &one, &w->e), 0);
    assert_int_equal(store_repository_add(s, &two, &w->e), 0);
    store_run r = {.repository = one.id,
                   .attempt = 1,
                   .workflow = STR("CI"),
                   .path = STR("ci.yml"),
                   .name = STR("a run"),
                   .event = STR("push"),
                   .state = RUN_COMPLETED,
                   .result = RESULT_SUCCESS,
                   .created_us = 1,
                   .payload = STR("{}"),
                   .facts = STR("{}"),
                   .sources = STR("{}")};
    assert_int_equal(store_run_add(s, &r, &w->e), 0);
    store_job j = {.run = r.id,
                   .attempt = 1,
                   .key = STR("a"),
                   .name = STR("a"),
                   .state = JOB_STATE_COMPLETED,
                   .result = RESULT_SUCCESS,
                   .labels = STR("[]"),
                   .needs = STR("[]"),
                   .matrix = STR("{}"),
                   .approved_by = STR("[]"),
                   .outputs = STR("{}")};
    assert_int_equal(store_job_add(s, &j, &w->e), 0);
    store_user spare = {.name = STR("spare"), .created_us = 1};
    assert_int_equal(store_user_add(s, &spare, &w->e), 0);
    store_grant g = {.user_id = spare.id, .repository = one.id, .role = STR("viewer")};
    assert_int_equal(store_grant_add(s, &g, &w->e), 0);
    store_elevation x = {.user_id = spare.id,
                         .repository = one.id,
                         .role = STR("viewer"),
                         .seconds = 60,
                         .reason = STR("r")};
    assert_int_equal(store_elevation_add(s, &x, &w->e), 0);
    store_token t = {.hash = STR("none"), .user_id = spare.id, .expires_us = 1};
    assert_int_equal(store_token_add(s, &t, &w->e), 0);
}

static void fill(world *w) {
    store *s;
    assert_int_equal(store_open(fs_join(w->a, w->dir, STR(SERVER_DATABASE)), &s, &w->e), 0);
    add_things(w, s);
    for (int i = 0; i < ROLE_COUNT; i++)
        add_person(w, s, (size_t)i, (access_role)i, 0);
    for (int i = 0; i < ROLE_COUNT; i++)
        add_person(w, s, (size_t)(ROLE_COUNT + i), (access_role)i, 2);
    store_close(s);
}

static int try(world *w, const api_route *r, const char *shown) {
    const char *headers = shown ? bearer(w, shown) : "";
    return ask(w, r->method, target_of(w, r), headers, body_of(r));
}

/* A role that has the right is not refused; one that has not gets nothing. */
static void judge_role(world *w, const api_route *r, int role) {
    int status = try(w, r, w->tokens[role]);
    bool may = strchr(matrix[r->right], roles[role]) != NULL;
    bool refused = status == 403 || (status == 404 && r->scope == API_PROJECT);
    if (has(w, "only a session can")) refused = false;   /* a token cannot, whatever it may */
    if (status == 404 && has(w, "log")) refused = false; /* the job has none */
    if (status < 200 || status == 401 || status >= 500 || refused == may)
        fail_msg("%s as %s: %d, and it may%s: %s", r->id, access_role_words[role], status,
                 may ? "" : " not", strbuf_cstr(&w->got));
}

/* Whoever has a role in another repository does not see that there is this one. */
static void judge_elsewhere(world *w, const api_route *r, int role) {
    int status = try(w, r, w->tokens[ROLE_COUNT + role]);
    bool refused = status == 403 || status == 404;
    bool empty = status == 200 && strcmp(r->method, "GET") == 0 && !has(w, "o/one");
    if (r->right == RIGHT_PROFILE) return;
    if (!refused && !(empty && r->scope == API_PROJECT))
        fail_msg("%s as %s of another repository: %d: %s", r->id, access_role_words[role], status,
                 strbuf_cstr(&w->got));
}

static void every_route_by_every_role(void **state) {
    world *w = *state;
    const api_route *r;
    static const int order[] = {ROLE_VIEWER,  ROLE_DEVELOPER, ROLE_APPROVER,
                                ROLE_AUDITOR, ROLE_OPERATOR,  ROLE_ADMINISTRATOR};
    fill(w);
    start(w);
    if (api_find_open_route(w->s->api, public_ids, &r)) fail_msg("%s is open to all", r->id);
    for (size_t i = 0; (r = api_route_at(w->s->api, i)); i++) {
        if (r->auth == API_PUBLIC) continue;
        if (r->auth == API_PERSON) {
            assert_int_equal(try(w, r, NULL), 401);
            for (int k = 0; k < ROLE_COUNT; k++)
                judge_elsewhere(w, r, k);
        } else { /* not for people, whatever they may */
            int status = ask(w, r->method, target_of(w, r),
                             bearer(w, w->tokens[ROLE_ADMINISTRATOR]), r->body ? "{}" : "");
            assert_true(status == 401 || status == 403);
        }
    }
    for (size_t k = 0; k < ROLE_COUNT; k++) {
        for (size_t i = 0; (r = api_route_at(w->s->api, i)); i++) {
            if (r->auth == API_PERSON) judge_role(w, r, order[k]);
        }
    }
}

/* ---- people --------------------------------------------------------------------------------- */

typedef struct signed_in {
    char *cookie, *csrf, *headers;
} signed_in;

static signed_in read_session(world *w) {
    signed_in x = {.cookie = between(w, "slipway=", ";"), .csrf = between(w, "csrf\":\"", "\"")};
    x.headers = arena_cstr(
        w->a, arena_printf(w->a, "Cookie: slipway=%s\r\nX-CSRF-Token: %s\r\n", x.cookie, x.csrf));
    return x;
}

static signed_in set_password(world *w, const char *link, const char *name) {
    const char *shown = strchr(link, '#') + 1;
    str body = arena_printf(w->a, "{\"token\":\"%s\",\"name\":\"%s\",\"password\":\"%s password\"}",
                            shown, name, name);
    assert_int_equal(ask(w, "POST", STR("/api/v1/setup"), "", arena_cstr(w->a, body)), 200);
    return read_session(w);
}

/* ann is administrator; bob has been invited. */
static void two_people(world *w, signed_in *ann, signed_in *bob) {
    start(w);
    *ann = set_password(w, server_first_link(w->s), "ann-the-first");
    assert_int_equal(ask(w, "POST", STR("/api/v1/users"), ann->headers,
                         "{\"name\":\"bob-the-second\",\"role\":\"viewer\"}"),
                     201);
    *bob = set_password(w, between(w, "link\":\"", "\""), "bob-the-second");
}

#define LOGIN  STR("/api/v1/session")
#define ME     STR("/api/v1/me")
#define ANN    "{\"name\":\"ann-the-first\",\"password\":\"ann-the-first password\"}"
#define WRONG  "{\"name\":\"ann-the-first\",\"password\":\"bob-the-second password\"}"
#define NOBODY "{\"name\":\"carl\",\"password\":\"bob-the-second password\"}"

static void sign_in_makes_a_new_session(void **state) {
    world *w = *state;
    signed_in ann, bob, again;
    two_people(w, &ann, &bob);
    assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 200);
    assert_int_equal(ask(w, "POST", LOGIN, ann.headers, ANN), 200);
    assert_true(has(w, "HttpOnly; SameSite=Lax"));
    again = read_session(w);
    assert_string_not_equal(again.cookie, ann.cookie);
    assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 401);
    assert_int_equal(ask(w, "GET", ME, again.headers, ""), 200);
    assert_int_equal(ask(w, "DELETE", LOGIN, again.headers, ""), 204);
    assert_int_equal(ask(w, "GET", ME, again.headers, ""), 401);
    assert_int_equal(ask(w, "GET", ME, bob.headers, ""), 200);
}

static void a_session_needs_its_csrf_token_and_its_own_origin(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    str only = arena_printf(w->a, "Cookie: slipway=%s\r\n", ann.cookie);
    str others =
        arena_printf(w->a, "Cookie: slipway=%s\r\nX-CSRF-Token: %s\r\n", ann.cookie, bob.csrf);
    str foreign = arena_printf(w->a, "%sOrigin: http://evil.example\r\n", ann.headers);
    const str given[] = {only, others, foreign};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            ask(w, "POST", STR("/api/v1/users"), arena_cstr(w->a, given[i]), "{\"name\":\"x\"}"),
            403);
    assert_int_equal(ask(w, "POST", LOGIN, "Origin: http://evil.example\r\n", ANN), 403);
}

static void sessions_end_by_time_and_by_idleness(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    for (int64_t at = 0; at < PEOPLE_SESSION_US - PEOPLE_IDLE_US; at += PEOPLE_IDLE_US / 2) {
        assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 200);
        atomic_fetch_add(&clock_us, PEOPLE_IDLE_US / 2);
    }
    assert_int_equal(ask(w, "GET", ME, bob.headers, ""), 401);
    assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 200);
    atomic_fetch_add(&clock_us, PEOPLE_IDLE_US - 60000000);
    assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 200);
    atomic_fetch_add(&clock_us, PEOPLE_IDLE_US / 2);
    assert_int_equal(ask(w, "GET", ME, ann.headers, ""), 401);
}

static void too_many_tries_lock_an_account(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    assert_int_equal(ask(w, "POST", LOGIN, "", WRONG), 401);
    char *wrong = between(w, "detail\":\"", "\"");
    assert_int_equal(ask(w, "POST", LOGIN, "", NOBODY), 401);
    assert_string_equal(between(w, "detail\":\"", "\""), wrong);
    int status = 401;
    for (int i = 0; i < 20 && status != 429; i++)
        status = ask(w, "POST", LOGIN, "", WRONG);
    assert_int_equal(status, 429);
    assert_true(has(w, "Retry-After"));
    assert_int_equal(ask(w, "POST", LOGIN, "", ANN), 429);
    atomic_fetch_add(&clock_us, (int64_t)300 * 1000000);
    assert_int_equal(ask(w, "POST", LOGIN, "", ANN), 200);
}

static void a_token_has_its_scopes_and_its_time(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    assert_int_equal(ask(w, "POST", STR("/api/v1/tokens"), ann.headers,
                         "{\"name\":\"ci\",\"scopes\":[\"access.read\"],\"days\":2}"),
                     201);
    const char *with = bearer(w, between(w, "\"token\":\"", "\""));
    assert_int_equal(ask(w, "GET", STR("/api/v1/users"), with, ""), 200);
    assert_int_equal(ask(w, "POST", STR("/api/v1/users"), with, "{\"name\":\"x\"}"), 403);
    assert_int_equal(ask(w, "GET", ME, with, ""), 403);
    atomic_fetch_add(&clock_us, (int64_t)49 * 3600 * 1000000);
    assert_int_equal(ask(w, "GET", STR("/api/v1/users"), with, ""), 401);
}

static void who_is_disabled_is_out_at_once(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    assert_int_equal(
        ask(w, "PATCH", STR("/api/v1/users/2"), ann.headers, "{\"state\":\"disabled\"}"), 200);
    assert_int_equal(ask(w, "GET", ME, bob.headers, ""), 401);
    assert_int_equal(
        ask(w, "PATCH", STR("/api/v1/users/1"), ann.headers, "{\"state\":\"disabled\"}"), 422);
    assert_true(has(w, "nobody would be left"));
}

static void a_link_is_used_once(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    assert_int_equal(ask(w, "POST", STR("/api/v1/users/2/recovery"), ann.headers, ""), 201);
    char *link = between(w, "link\":\"", "\"");
    signed_in again = set_password(w, link, "bob-the-second");
    assert_int_equal(ask(w, "GET", ME, bob.headers, ""), 401);
    assert_int_equal(ask(w, "GET", ME, again.headers, ""), 200);
    str body = arena_printf(w->a, "{\"token\":\"%s\",\"password\":\"another password\"}",
                            strchr(link, '#') + 1);
    assert_int_equal(ask(w, "POST", STR("/api/v1/setup"), "", arena_cstr(w->a, body)), 404);
}

#define ELEVATIONS STR("/api/v1/elevations")
#define WANTED     "{\"role\":\"administrator\",\"minutes\":30,\"reason\":\"the night shift\"}"

static void an_elevation_needs_somebody_else_and_ends_by_itself(void **state) {
    world *w = *state;
    signed_in ann, bob;
    two_people(w, &ann, &bob);
    assert_int_equal(ask(w, "POST", ELEVATIONS, bob.headers, WANTED), 201);
    assert_int_equal(ask(w, "POST", STR("/api/v1/elevations/1/approve"), bob.headers, ""), 404);
    assert_int_equal(ask(w, "POST", ELEVATIONS, ann.headers, WANTED), 201);
    assert_int_equal(ask(w, "POST", STR("/api/v1/elevations/2/approve"), ann.headers, ""), 422);
    assert_true(has(w, "somebody else"));
    assert_int_equal(ask(w, "GET", STR("/api/v1/users"), bob.headers, ""), 403);
    assert_int_equal(ask(w, "POST", STR("/api/v1/elevations/1/approve"), ann.headers, ""), 204);
    assert_int_equal(ask(w, "GET", STR("/api/v1/users"), bob.headers, ""), 200);
    atomic_fetch_add(&clock_us, (int64_t)31 * 60 * 1000000);
    assert_int_equal(ask(w, "GET", STR("/api/v1/users"), bob.headers, ""), 403);
    core_post(w->s->core, people_sweep, NULL, NULL);
    ask(w, "GET", ELEVATIONS, bob.headers, "");
    for (int i = 0; i < 1000 && !has(w, "\"state\":\"ended\""); i++)
        ask(w, "GET", ELEVATIONS, bob.headers, "");
    assert_true(has(w, "\"state\":\"ended\""));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_route_by_every_role),
        TEST(sign_in_makes_a_new_session),
        TEST(a_session_needs_its_csrf_token_and_its_own_origin),
        TEST(sessions_end_by_time_and_by_idleness),
        TEST(too_many_tries_lock_an_account),
        TEST(a_token_has_its_scopes_and_its_time),
        TEST(who_is_disabled_is_out_at_once),
        TEST(a_link_is_used_once),
        TEST(an_elevation_needs_somebody_else_and_ends_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
