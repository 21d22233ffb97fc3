#include "unit.h"

#include "base/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server for one request: it notes what was asked and answers with a fixed text. */
typedef struct server {
    char path[64], seen_path[64];
    pid_t pid;
} server;

/* Reads until the head and `Content-Length` bytes, or the last chunk, are there. */
static bool is_whole(const char *text) {
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    if (!end) return false;
    if (strstr(text, "chunked")) return strstr(end, "\r\n0\r\n\r\n") != NULL;
    return !length || strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static _Noreturn void serve(int listener, const char *seen, const char *answer, bool hang) {
    static char text[1 << 20];
    size_t len = 0;
    ssize_t n;
    int fd = accept(listener, NULL, NULL);
    while (!is_whole(text) && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    FILE *f = fopen(seen, "w");
    fwrite(text, 1, len, f);
    fclose(f);
    if (write(fd, answer, strlen(answer)) < 0) _exit(1);
    while (hang)
        pause();
    _exit(0);
}

static void start_server(server *s, const char *answer, bool hang) {
    static int number;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(s->path, sizeof s->path, "/tmp/slipway-http-%d-%d", getpid(), number++);
    snprintf(s->seen_path, sizeof s->seen_path, "%.50s.seen", s->path);
    strcpy(at.sun_path, s->path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    s->pid = fork();
    if (s->pid == 0) serve(listener, s->seen_path, answer, hang);
    close(listener);
}

/* What the server was asked, in `a`. */
static str end_server(arena *a, server *s, bool hang) {
    char text[4096] = "";
    if (hang) kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    FILE *f = fopen(s->seen_path, "r");
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
    }
    unlink(s->seen_path);
    unlink(s->path);
    return arena_str(a, str_from(text));
}

static void a_request_has_its_method_headers_and_body(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    server s;
    http_response answer;
    err e = {0};
    start_server(
        &s, "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nmade",
        false);
    const char *const headers[] = {"X-Own: 1", NULL};
    const http_request q = {.unix_socket = s.path,
                            .method = "POST",
                            .url = "http://d/a%20b?c=d",
                            .headers = headers,
                            .body = STR_INIT("{}")};
    if (http_send(a, &q, &answer, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(answer.status, 201);
    assert_str(answer.body, "made");
    assert_str(answer.content_type, "text/plain");
    str seen = end_server(a, &s, false);
    assert_true(str_starts(seen, STR("POST /a%20b?c=d HTTP/1.1\r\n")));
    assert_true(str_find(seen, STR("X-Own: 1\r\n")) > 0);
    assert_true(str_ends(seen, STR("\r\n\r\n{}")));
}

static int keep(void *context, str bytes) {
    strbuf_add(context, bytes);
    return 0;
}

static ptrdiff_t give(void *context, char *room, size_t size) {
    (void)size;
    strbuf *left = context;
    size_t n = left->len < 3 ? left->len : 3;
    memcpy(room, left->ptr, n);
    strbuf_shift(left, n);
    return (ptrdiff_t)n;
}

static void bodies_stream_both_ways(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    server s;
    http_response answer;
    err e = {0};
    start_server(&s, "HTTP/1.1 200 OK\r\n\r\nuntil the end", false);
    strbuf_adds(&text, "abcdefg");
    http_request q = {
        .unix_socket = s.path, .method = "PUT", .url = "http://d/", .read = give, .context = &text};
    if (http_send(a, &q, &answer, &e) < 0) fail_msg("%s", e.message);
    assert_str(answer.body, "until the end");
    str seen = end_server(a, &s, false);
    assert_true(str_find(seen, STR("3\r\nabc\r\n3\r\ndef\r\n1\r\ng\r\n0\r\n")) > 0);

    start_server(&s, "HTTP/1.1 200 OK\r\n\r\nuntil the end", false);
    q = (http_request){.unix_socket = s.path, .url = "http://d/", .write = keep, .context = &text};
    if (http_send(a, &q, &answer, &e) < 0) fail_msg("%s", e.message);
    assert_str(strbuf_str(&text), "until the end");
    assert_int_equal(answer.body.len, 0);
    end_server(a, &s, false);
}

static void a_refusal_is_collected_though_the_answer_would_stream(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    server s;
    http_response answer;
    err e = {0};
    start_server(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", false);
    const http_request q = {.unix_socket = s.path, .url = "http://d/", .write = keep};
    assert_int_equal(http_send(a, &q, &answer, &e), 0);
    assert_int_equal(answer.status, 404);
    assert_str(answer.body, "none");
    end_server(a, &s, false);
}

static bool at_once(void *context) {
    (void)context;
    return true;
}

static void what_goes_wrong_is_told_by_its_kind(void **state) {
    static const struct {
        const char *answer;
        bool hang, stop;
        unsigned timeout_ms;
        size_t max_body;
        int code;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", false, false, 0, 8, ERR_LIMIT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1", true, false, 50, 0, ERR_TIMEOUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1", true, true, 0, 0, ERR_CANCELLED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1", false, false, 0, 0, ERR_IO},
        {"nonsense\r\n\r\n", false, false, 0, 0, ERR_IO},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server s;
        http_response answer;
        err e = {0};
        start_server(&s, cases[i].answer, cases[i].hang);
        const http_request q = {.unix_socket = s.path,
                                .url = "http://d/",
                                .timeout_ms = cases[i].timeout_ms,
                                .max_body = cases[i].max_body,
                                .stop = cases[i].stop ? at_once : NULL};
        assert_int_equal(http_send(a, &q, &answer, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        end_server(a, &s, true);
    }
    http_response answer;
    err e = {0};
    const http_request nobody = {.unix_socket = "/nonexistent/socket", .url = "http://d/"};
    assert_int_equal(http_send(a, &nobody, &answer, &e), ERR_IO);
}

static void escapes_leave_what_a_path_may_hold(void **state) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    http_escape(&out, STR("a-._~Z9/ ?&%\xC3\xA9"));
    assert_str(strbuf_str(&out), "a-._~Z9%2F%20%3F%26%25%C3%A9");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_its_method_headers_and_body),
        cmocka_unit_test(bodies_stream_both_ways),
        cmocka_unit_test(a_refusal_is_collected_though_the_answer_would_stream),
        cmocka_unit_test(what_goes_wrong_is_told_by_its_kind),
        cmocka_unit_test(escapes_leave_what_a_path_may_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
