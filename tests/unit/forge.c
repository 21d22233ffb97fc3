/* Statuses, sent to a stand-in that records what it is asked. */
#include "unit.h"

#include "server/forge.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

/* Answers one request with a fixed text, and passes on what it was asked. */
typedef struct server {
    pid_t pid;
    int seen;
    unsigned port;
} server;

static bool is_whole(const char *text) {
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    return end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static _Noreturn void serve(int listener, int out, const char *answer) {
    static char text[1 << 16];
    size_t len = 0;
    ssize_t n;
    int fd = accept(listener, NULL, NULL);
    while (!is_whole(text) && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    bool fine = write(out, text, len) == (ssize_t)len && write(fd, answer, strlen(answer)) > 0;
    _exit(!fine);
}

static void start(server *s, const char *answer) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fds[2], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pipe(fds), 0);
    s->port = ntohs(at.sin_port);
    s->seen = fds[0];
    s->pid = fork();
    if (s->pid == 0) serve(listener, fds[1], answer);
    close(fds[1]);
    close(listener);
}

static str finish(arena *a, server *s) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char room[4096];
    ssize_t n;
    while ((n = read(s->seen, room, sizeof room)) > 0)
        strbuf_add(&text, (str){room, (size_t)n});
    close(s->seen);
    waitpid(s->pid, NULL, 0);
    return arena_str(a, strbuf_str(&text));
}

static forge_status example(void) {
    return (forge_status){.repository = STR("team/shop"),
                          .sha = STR(SHA),
                          .state = FORGE_SUCCESS,
                          .context = STR("slipway / ci"),
                          .description = STR("all 12 jobs went well"),
                          .target_url = STR("https://ci.example/runs/7")};
}

static bool has(str text, const char *part) {
    return str_find(text, str_from(part)) >= 0;
}

static void a_status_is_posted_as_the_forge_wants_it(void **state) {
    static const struct {
        const forge *forge;
        const char *base, *line, *authorization;
    } rows[] = {
        {&forge_github, "", "POST /repos/team/shop/statuses/" SHA " HTTP/1.1\r\n",
         "Authorization: Bearer t0ken\r\n"},
        {&forge_gitea, "/api/v1/", "POST /api/v1/repos/team/shop/statuses/" SHA " HTTP/1.1\r\n",
         "Authorization: token t0ken\r\n"},
    };
    for (size_t i = 0; i < 2; i++) {
        _cleanup_arena_ arena *a = arena_new();
        server s;
        forge_outcome outcome;
        forge_status status = example();
        err e = {0};
        const str allowed = STR("127.0.0.0/8");
        start(&s, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        forge_target to = {.base_url =
                               arena_printf(a, "http://127.0.0.1:%u%s", s.port, rows[i].base),
                           .token = STR("t0ken"),
                           .guard = {.allowed = &allowed, .allowed_count = 1}};
        if (forge_send(a, rows[i].forge, &to, &status, &outcome, &e) < 0) fail_msg("%s", e.message);
        assert_int_equal(outcome, FORGE_DONE);
        str asked = finish(a, &s);
        assert_true(str_starts(asked, str_from(rows[i].line)));
        assert_true(has(asked, rows[i].authorization));
        assert_true(has(asked, "\r\n\r\n{\"state\":\"success\",\"context\":\"slipway / ci\","
                               "\"description\":\"all 12 jobs went well\","
                               "\"target_url\":\"https://ci.example/runs/7\"}"));
    }
}

static void a_forge_is_reached_where_it_was_judged(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    server s;
    forge_outcome outcome;
    forge_status status = example();
    err e = {0};
    const str allowed = STR("localhost");
    start(&s, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    forge_target to = {.base_url = arena_printf(a, "http://localhost:%u", s.port),
                       .token = STR("t"),
                       .guard = {.allowed = &allowed, .allowed_count = 1}};
    int r = forge_send(a, &forge_github, &to, &status, &outcome, &e);
    if (r < 0) { /* localhost may be ::1 first, where nobody listens */
        assert_int_equal(outcome, FORGE_AGAIN);
        kill(s.pid, SIGKILL);
    }
    str asked = finish(a, &s);
    if (r == 0) assert_true(has(asked, "Host: localhost:"));
}

/* The name means nothing to any resolver. */
static void a_pinned_host_is_reached_at_its_address(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    server s;
    http_response answer;
    err e = {0};
    start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    http_request q = {.url = arena_printf(a, "http://pinned.invalid:%u/x", s.port).ptr,
                      .resolve = arena_printf(a, "pinned.invalid:%u:127.0.0.1", s.port).ptr};
    if (http_send(a, &q, &answer, &e) < 0) fail_msg("%s", e.message);
    assert_str(answer.body, "ok");
    assert_true(has(finish(a, &s), "Host: pinned.invalid:"));
}

static void answers_decide_whether_to_try_again(void **state) {
    static const struct {
        const char *answer;
        forge_outcome outcome;
        const char *says;
    } rows[] = {
        {"HTTP/1.1 401 No\r\nContent-Length: 29\r\n\r\n{\"message\":\"Bad credentials\"}",
         FORGE_NEVER, "401: Bad credentials (may the token"},
        {"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", FORGE_NEVER, "422"},
        {"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", FORGE_AGAIN, "429"},
        {"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", FORGE_AGAIN, "502"},
        {"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         FORGE_NEVER, "redirect"},
        {"nonsense\r\n\r\n", FORGE_AGAIN, "the forge at '127.0.0.1'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        server s;
        forge_outcome outcome;
        forge_status status = example();
        err e = {0};
        const str allowed = STR("127.0.0.1");
        start(&s, rows[i].answer);
        forge_target to = {.base_url = arena_printf(a, "http://127.0.0.1:%u", s.port),
                           .token = STR("t0ken"),
                           .guard = {.allowed = &allowed, .allowed_count = 1}};
        assert_true(forge_send(a, &forge_github, &to, &status, &outcome, &e) < 0);
        finish(a, &s);
        assert_int_equal(outcome, rows[i].outcome);
        if (!strstr(e.message, rows[i].says)) fail_msg("%s", e.message);
        assert_null(strstr(e.message, "t0ken"));
    }
}

static void nothing_is_sent_where_it_may_not_be(void **state) {
    static const struct {
        const char *base, *token, *repository, *sha;
    } rows[] = {
        {"http://127.0.0.1:1", "t", "team/shop", SHA},
        {"http://169.254.169.254", "t", "team/shop", SHA},
        {"https://user:pw@127.0.0.1", "t", "team/shop", SHA},
        {"file:///etc", "t", "team/shop", SHA},
        {"https://192.0.2.1?x=", "t", "team/shop", SHA},
        {"https://192.0.2.1", "", "team/shop", SHA},
        {"https://192.0.2.1", "t\r\nHost: x", "team/shop", SHA},
        {"https://192.0.2.1", "t", "team/../x", SHA},
        {"https://192.0.2.1", "t", "team/..", SHA},
        {"https://192.0.2.1", "t", "team", SHA},
        {"https://192.0.2.1", "t", "team/shop", "main"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        forge_outcome outcome;
        forge_status s = example();
        err e = {0};
        forge_target to = {.base_url = str_from(rows[i].base), .token = str_from(rows[i].token)};
        s.repository = str_from(rows[i].repository);
        s.sha = str_from(rows[i].sha);
        assert_true(forge_send(a, &forge_github, &to, &s, &outcome, &e) == ERR_INVALID);
        assert_int_equal(outcome, FORGE_NEVER);
    }
}

static void long_texts_are_cut_between_characters(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    http_request q = {0};
    forge_status s = example();
    err e = {0};
    for (int i = 0; i < 200; i++)
        strbuf_adds(&text, "ä");
    s.description = strbuf_str(&text);
    forge_target to = {.base_url = STR("https://x"), .token = STR("t")};
    assert_int_equal(forge_github.status(a, &to, &s, &q, &e), 0);
    ptrdiff_t at = str_find(q.body, STR("\"description\":\"")), n = 0;
    str rest = str_sub(q.body, (size_t)at + 15, q.body.len);
    for (size_t i = 0; rest.ptr[i] != '"'; utf8_next(rest, &i))
        n++;
    assert_int_equal(n, FORGE_DESCRIPTION_MAX);
    assert_true(utf8_valid(q.body));
}

static void attempts_come_ever_more_seldom_and_end(void **state) {
    int64_t now = 1000000000, last = 0;
    assert_true(forge_next_attempt(0, 1, now) == now);
    for (unsigned tries = 1; tries < FORGE_TRIES_MAX; tries++) {
        int64_t wait = forge_next_attempt(tries, 1, now) - now;
        assert_true(wait >= 5000000 && wait <= INT64_C(4500000000));
        assert_true(tries > 9 || wait > last);
        last = wait;
    }
    assert_true(forge_next_attempt(FORGE_TRIES_MAX, 1, now) == 0);
    assert_true(forge_next_attempt(3, 1, now) != forge_next_attempt(3, 2, now));
    assert_ptr_equal(forge_find(STR("gitea")), &forge_gitea);
    assert_null(forge_find(STR("x")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_posted_as_the_forge_wants_it),
        cmocka_unit_test(a_forge_is_reached_where_it_was_judged),
        cmocka_unit_test(a_pinned_host_is_reached_at_its_address),
        cmocka_unit_test(answers_decide_whether_to_try_again),
        cmocka_unit_test(nothing_is_sent_where_it_may_not_be),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(attempts_come_ever_more_seldom_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
