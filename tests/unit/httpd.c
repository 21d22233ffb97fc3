#include "unit.h"

#include "base/fs.h"
#include "base/httpd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- targets and ranges -------------------------------------------------------------------- */

static void targets_are_decoded_or_refused(void **state) {
    static const struct {
        const char *target, *path; /* NULL: refused */
        const char *q;             /* the parameter of that name */
    } cases[] = {
        {"/", "/", NULL},
        {"/a/b?q=1", "/a/b", "1"},
        {"/a%20b?q=x%20y+z%2b", "/a b", "x y z+"},
        {"/a?q=%2Fx&q=second", "/a", "/x"},
        {"/a?&&x&q", "/a", ""},
        {"a", NULL, NULL},
        {"", NULL, NULL},
        {"http://h/a", NULL, NULL},
        {"*", NULL, NULL},
        {"/a/../b", NULL, NULL},
        {"/a/./b", NULL, NULL},
        {"/a/%2e%2E", NULL, NULL},
        {"/a%2fb", NULL, NULL},
        {"/a%00", NULL, NULL},
        {"/a?q=%00", NULL, NULL},
        {"/a%2", NULL, NULL},
        {"/a%zz", NULL, NULL},
        {"/a b", NULL, NULL},
        {"/\xc3\xa4", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        httpd_target t;
        str q;
        err e = {0};
        int r = httpd_target_parse(a, str_from(cases[i].target), &t, &e);
        if (!cases[i].path) {
            assert_int_equal(r, ERR_INVALID);
            continue;
        }
        assert_int_equal(r, 0);
        assert_str(t.path, cases[i].path);
        assert_int_equal(httpd_target_query(&t, "q", &q), cases[i].q != NULL);
        if (cases[i].q) assert_str(q, cases[i].q);
    }
}

static void ranges_lie_within_the_size(void **state) {
    static const struct {
        const char *header;
        uint64_t size;
        int found;
        uint64_t from, count;
    } cases[] = {
        {"bytes=0-4", 10, 1, 0, 5},     {"bytes=5-", 10, 1, 5, 5},   {"bytes=-3", 10, 1, 7, 3},
        {"bytes=-30", 10, 1, 0, 10},    {"bytes=9-99", 10, 1, 9, 1}, {"bytes=10-", 10, -1, 0, 0},
        {"bytes=-0", 10, -1, 0, 0},     {"bytes=-1", 0, -1, 0, 0},   {"bytes=3-2", 10, 0, 0, 0},
        {"bytes=0-1,3-4", 10, 0, 0, 0}, {"lines=0-1", 10, 0, 0, 0},  {"bytes=-", 10, 0, 0, 0},
        {"bytes=x-y", 10, 0, 0, 0},     {"", 10, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t from = 0, count = 0;
        int found = httpd_range(str_from(cases[i].header), cases[i].size, &from, &count);
        assert_int_equal(found, cases[i].found);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(count, cases[i].count);
    }
}

/* ---- the server ---------------------------------------------------------------------------- */

/* Answers a GET with its path, a POST with the length of its body; refuses what is sent to /no. */
static void begin(void *context, httpd_request *r) {
    str path = httpd_request_target(r)->path;
    if (str_is(path, "/no"))
        httpd_answer(r, 403, "text/plain", STR("no"));
    else if (str_is(httpd_method(r), "GET"))
        httpd_answer(r, 200, "text/plain", path);
}

static void body(void *context, httpd_request *r, str piece) {
    httpd_set_state(r, (char *)httpd_state(r) + piece.len);
}

static void end(void *context, httpd_request *r) {
    char text[32];
    snprintf(text, sizeof text, "%zu bytes", (size_t)httpd_state(r));
    httpd_answer(r, 200, "text/plain", str_from(text));
}

static void gone(void *context, httpd_request *r) {
    int *count = context;
    __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
}

static void ask_at(int fd, str text, strbuf *ret) {
    char buffer[4096];
    while (text.len) {
        ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (n <= 0) break; /* it has answered before all was sent */
        text = str_sub(text, (size_t)n, text.len);
    }
    strbuf_clear(ret);
    for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        strbuf_add(ret, (str){buffer, (size_t)n});
    close(fd);
}

static void ask(uint16_t port, str text, strbuf *ret) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    ask_at(fd, text, ret);
}

#define CLOSE "Host: x\r\nConnection: close\r\n"

static void requests_are_answered_or_refused(void **state) {
    static const struct {
        const char *request, *answer; /* how it begins, or what is in it */
    } cases[] = {
        {"GET /a?b HTTP/1.1\r\n" CLOSE "\r\n", "\r\n/a"},
        {"POST /a HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello", "5 bytes"},
        {"POST /a HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         "3 bytes"},
        {"POST /a HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n", "0 bytes"},
        {"POST /no HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello", " 403 "},
        {"POST /a HTTP/1.1\r\n" CLOSE "Content-Length: 101\r\n\r\n"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "8901234567890",
         " 413 "},
        {"POST /a HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n",
         " 400 "},
        {"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 "},
        {"GET /a/../b HTTP/1.1\r\n" CLOSE "\r\n", " 400 "},
        {"GET http://x/ HTTP/1.1\r\n" CLOSE "\r\n", " 400 "},
    };
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    int gone_count = 0;
    const httpd_handler handler = {&gone_count, begin, body, end, gone};
    const httpd_limits limits = {.request_bytes = 100, .threads = 1, .head_bytes = 1000};
    httpd *h;
    err e = {0};
    assert_int_equal(httpd_start(0, &limits, &handler, &h, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(httpd_port(h), str_from(cases[i].request), &got);
        if (!strstr(strbuf_cstr(&got), cases[i].answer))
            fail_msg("%s\ngave %s", cases[i].request, strbuf_cstr(&got));
    }
    _cleanup_strbuf_ strbuf large = STRBUF_INIT;
    strbuf_adds(&large, "GET /a HTTP/1.1\r\n" CLOSE "X: ");
    strbuf_pad(&large, 'x', 2000);
    strbuf_adds(&large, "\r\n\r\n");
    ask(httpd_port(h), strbuf_str(&large), &got);
    assert_non_null(strstr(strbuf_cstr(&got), " 431 "));
    httpd_stop(h);
    assert_int_equal(gone_count, 5); /* those that the handler has seen */
}

/* A chunked body that is over the limit is cut off where it is found to be. */
static void a_body_of_unknown_length_has_its_limit(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT, sent = STRBUF_INIT;
    int gone_count = 0;
    const httpd_handler handler = {&gone_count, begin, body, end, gone};
    const httpd_limits limits = {.request_bytes = 100};
    httpd *h;
    err e = {0};
    assert_int_equal(httpd_start(0, &limits, &handler, &h, &e), 0);
    strbuf_adds(&sent, "POST /a HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n1000\r\n");
    strbuf_pad(&sent, 'x', 0x1000);
    strbuf_adds(&sent, "\r\n0\r\n\r\n");
    ask(httpd_port(h), strbuf_str(&sent), &got);
    assert_non_null(strstr(strbuf_cstr(&got), " 413 "));
    strbuf_clear(&sent);
    strbuf_adds(&sent,
                "POST /a HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n1000000\r\n");
    strbuf_pad(&sent, 'x', 0x1000000);
    ask(httpd_port(h), strbuf_str(&sent), &got); /* this one is not read to its end */
    assert_null(strstr(strbuf_cstr(&got), " 200 "));
    httpd_stop(h);
    assert_int_equal(gone_count, 2);
}

/* Also where the folder's path is too long for the address of a socket. */
static void a_door_leads_to_the_same_server(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    int gone_count = 0;
    const httpd_handler handler = {&gone_count, begin, body, end, gone};
    httpd *h;
    httpd_door *door, *none = NULL;
    char *dir, name[150];
    struct stat st;
    err e = {0};
    memset(name, 'x', sizeof name);
    assert_int_equal(fs_temp_dir(a, "httpd-", &dir, &e), 0);
    char *folder = fs_join(a, dir, (str){name, sizeof name});
    assert_int_equal(fs_mkdirs(folder, 0700, &e), 0);
    assert_int_equal(httpd_start(0, NULL, &handler, &h, &e), 0);
    assert_int_equal(httpd_open_door(h, folder, "door", &door, &e), 0);
    assert_int_equal(stat(fs_join(a, folder, STR("door")), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    for (int i = 0; i < 2; i++) { /* the second time it is shut */
        int at = open(folder, O_PATH | O_CLOEXEC);
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/door", at);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), i ? -1 : 0);
        if (i == 0) {
            ask_at(fd, STR("GET /a HTTP/1.1\r\n" CLOSE "\r\n"), &got);
            httpd_close_door(door);
        } else {
            close(fd);
        }
        close(at);
    }
    assert_non_null(strstr(strbuf_cstr(&got), "\r\n/a"));
    assert_true(httpd_open_door(h, fs_join(a, dir, STR("nothing")), "door", &none, &e) < 0);
    assert_non_null(strstr(e.message, "nothing/door"));
    httpd_stop(h);
    fs_remove(dir, &e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_decoded_or_refused),
        cmocka_unit_test(ranges_lie_within_the_size),
        cmocka_unit_test(requests_are_answered_or_refused),
        cmocka_unit_test(a_door_leads_to_the_same_server),
        cmocka_unit_test(a_body_of_unknown_length_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
