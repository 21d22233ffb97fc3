/* The HTTP server with clients that are slow, hostile, encrypted, or gone. */
#include "unit.h"

#include "base/httpd.h"
#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSE "Host: x\r\nConnection: close\r\n"

/* ---- a server whose answers come from another thread ------------------------------------------
 */

#define WAITING_MAX 64

typedef struct place {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    httpd_request *waiting[WAITING_MAX];
    httpd_stream *streams[WAITING_MAX];
    size_t waiting_count, stream_count, gone, closed, begun;
    size_t queue_bytes;
    bool at_once; /* answer in `end`, after deferring */
} place;

static place *place_new(void) {
    place *p = calloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    return p;
}

static void place_free(place *p) {
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p);
}

static void begin(void *context, httpd_request *r) {
    place *p = context;
    pthread_mutex_lock(&p->lock);
    p->begun++;
    pthread_mutex_unlock(&p->lock);
}

static void body(void *context, httpd_request *r, str piece) {}

static void closed(void *context, httpd_stream *s) {
    place *p = context;
    pthread_mutex_lock(&p->lock);
    p->closed++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void end(void *context, httpd_request *r) {
    place *p = context;
    str path = httpd_request_target(r)->path;
    if (str_is(path, "/peer")) {
        httpd_answer(r, 200, "text/plain", httpd_peer(r));
    } else if (str_is(path, "/stream")) {
        httpd_stream_options how = {p->queue_bytes, p, closed};
        httpd_stream *s = httpd_stream_open(r, 200, "text/plain", &how);
        pthread_mutex_lock(&p->lock);
        p->streams[p->stream_count++] = s;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    } else if (str_is(path, "/later")) {
        httpd_defer(r);
        if (p->at_once) {
            httpd_answer(r, 200, "text/plain", STR("at once"));
            return;
        }
        pthread_mutex_lock(&p->lock);
        p->waiting[p->waiting_count++] = r;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    } else {
        httpd_answer(r, 200, "text/plain", path);
    }
}

static void gone(void *context, httpd_request *r) {
    place *p = context;
    pthread_mutex_lock(&p->lock);
    p->gone++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for(place *p, const size_t *figure, size_t least) {
    pthread_mutex_lock(&p->lock);
    while (*figure < least)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static httpd *serve(place *p, const httpd_limits *limits) {
    const httpd_handler handler = {p, begin, body, end, gone};
    httpd *h = NULL;
    err e = {0};
    if (httpd_start(0, limits, &handler, &h, &e) < 0) fail_msg("%s", e.message);
    return h;
}

/* ---- deferred answers --------------------------------------------------------------------------
 */

static void an_answer_may_come_later_from_another_thread(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, &(httpd_limits){.threads = 2});
    int fd = client_dial(httpd_port(h));
    client_say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\n" CLOSE "\r\n");
    wait_for(p, &p->waiting_count, 1);
    assert_int_equal(p->begun, 1); /* what is pipelined waits its turn */
    httpd_answer(p->waiting[0], 200, "text/plain", STR("first"));
    client_hear_all(fd, &got);
    const char *first = strstr(strbuf_cstr(&got), "first");
    assert_non_null(first);
    assert_non_null(strstr(first, "/second"));
    httpd_stop(h);
    assert_int_equal(p->gone, 2);
    place_free(p);
}

static void what_is_deferred_may_be_answered_before_the_handler_returns(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    p->at_once = true;
    httpd *h = serve(p, NULL);
    for (int i = 0; i < 20; i++) {
        int fd = client_dial(httpd_port(h));
        client_say(fd, "GET /later HTTP/1.1\r\n" CLOSE "\r\n");
        strbuf_clear(&got);
        client_hear_all(fd, &got);
        assert_non_null(strstr(strbuf_cstr(&got), "at once"));
    }
    httpd_stop(h);
    assert_int_equal(p->gone, 20);
    place_free(p);
}

static void a_client_that_has_gone_harms_no_deferred_answer(void **state) {
    place *p = place_new();
    httpd *h = serve(p, NULL);
    for (size_t i = 0; i < 8; i++) {
        int fd = client_dial(httpd_port(h));
        client_say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for(p, &p->waiting_count, i + 1);
        const struct linger hard = {1, 0};
        if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
    }
    for (size_t i = 0; i < 8; i++)
        httpd_answer(p->waiting[i], 200, "text/plain", STR("nobody"));
    wait_for(p, &p->gone, 8);
    httpd_stop(h);
    place_free(p);
}

static void *answer_all(void *context) {
    place *p = context;
    for (size_t i = 0; i < 4; i++)
        httpd_answer(p->waiting[i], 200, NULL, STR("late"));
    return NULL;
}

static void a_stop_waits_for_what_is_deferred(void **state) {
    place *p = place_new();
    httpd *h = serve(p, NULL);
    int fds[4];
    pthread_t thread;
    for (size_t i = 0; i < 4; i++) {
        fds[i] = client_dial(httpd_port(h));
        client_say(fds[i], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for(p, &p->waiting_count, i + 1);
    }
    pthread_create(&thread, NULL, answer_all, p);
    httpd_stop(h);
    assert_int_equal(p->gone, 4);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    place_free(p);
}

/* ---- streams ------------------------------------------------------------------------------------
 */

static void a_stream_is_written_from_anywhere_and_ends_whole(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, NULL);
    int fd = client_dial(httpd_port(h));
    client_say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(p, &p->stream_count, 1);
    for (int i = 0; i < 3; i++) {
        assert_true(httpd_stream_write(p->streams[0], STR("tick\n")));
        assert_true(client_hear(fd, &got, "tick", (unsigned)i + 1));
    }
    httpd_stream_close(p->streams[0]);
    assert_true(client_hear(fd, &got, "\r\n0\r\n\r\n", 1));
    client_say(fd, "GET /again HTTP/1.1\r\n" CLOSE "\r\n"); /* the connection goes on */
    client_hear_all(fd, &got);
    assert_non_null(strstr(strbuf_cstr(&got), "/again"));
    httpd_stop(h);
    assert_int_equal(p->closed, 0); /* who closes is not told */
    place_free(p);
}

static void a_stream_whose_client_leaves_is_noticed_without_writing(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, NULL);
    for (size_t i = 0; i < 5; i++) {
        int fd = client_dial(httpd_port(h));
        client_say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for(p, &p->stream_count, i + 1);
        strbuf_clear(&got);
        assert_true(client_hear(fd, &got, "\r\n\r\n", 1));
        close(fd);
        wait_for(p, &p->closed, i + 1);
        assert_false(httpd_stream_write(p->streams[i], STR("x")));
        httpd_stream_close(p->streams[i]);
    }
    httpd_stop(h);
    place_free(p);
}

static void a_reader_that_falls_behind_is_cut(void **state) {
    static char piece[32768];
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    p->queue_bytes = 1 << 20;
    httpd *h = serve(p, NULL);
    int fd = client_dial(httpd_port(h));
    memset(piece, 'x', sizeof piece);
    client_say(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(p, &p->stream_count, 1);
    while (httpd_stream_write(p->streams[0], (str){piece, sizeof piece}))
        continue;
    wait_for(p, &p->closed, 1);
    client_hear_all(fd, &got);
    assert_null(strstr(strbuf_cstr(&got), "\r\n0\r\n\r\n")); /* it sees that this was not all */
    httpd_stream_close(p->streams[0]);
    httpd_stop(h);
    place_free(p);
}

static void *write_until_over(void *context) {
    httpd_stream *s = context;
    while (httpd_stream_write(s, STR("0123456789")))
        usleep(100);
    httpd_stream_close(s);
    return NULL;
}

static void a_stop_ends_streams_that_are_written_to(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, &(httpd_limits){.threads = 2});
    pthread_t threads[6];
    int fds[6];
    for (size_t i = 0; i < 6; i++) {
        fds[i] = client_dial(httpd_port(h));
        client_say(fds[i], "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for(p, &p->stream_count, i + 1);
        pthread_create(&threads[i], NULL, write_until_over, p->streams[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        strbuf_clear(&got);
        assert_true(client_hear(fds[i], &got, "0123456789", 3));
    }
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    httpd_figures f;
    httpd_get_figures(h, &f);
    assert_true(f.streams <= 6 && f.requests == 6);
    httpd_stop(h);
    for (size_t i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 3; i < 6; i++)
        close(fds[i]);
    place_free(p);
}

/* ---- hostile clients ------------------------------------------------------------------------- */

/* The second request in what is sent must never be seen. */
#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

static void requests_with_two_ends_are_refused_and_the_connection_ends(void **state) {
    static const char *const heads[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 38\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 0x0\r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "Content-Length:\r\n\r\n",
        "Content-Length : 0\r\n\r\n",
        "Content-Length\t: 0\r\n\r\n",
        " Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\x0b"
        "chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
        "Host: y\r\n\r\n",
        "no colon\r\n\r\n",
        "X\x01Y: a\r\n\r\n",
    };
    _cleanup_strbuf_ strbuf got = STRBUF_INIT, sent = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        int fd = client_dial(httpd_port(h));
        strbuf_clear(&sent);
        strbuf_clear(&got);
        strbuf_addf(&sent, "POST /first HTTP/1.1\r\nHost: x\r\n%s" SMUGGLED, heads[i]);
        client_say(fd, strbuf_cstr(&sent));
        client_hear_all(fd, &got);
        if (strstr(strbuf_cstr(&got), "smuggled") || strstr(strbuf_cstr(&got), " 200 "))
            fail_msg("%s\ngave %s", heads[i], strbuf_cstr(&got));
    }
    httpd_stop(h);
    place_free(p);
}

/* libmicrohttpd passes over it; what comes after it counts all the same. */
static void a_header_without_a_name_ends_no_head(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, NULL);
    int fd = client_dial(httpd_port(h));
    client_say(fd, "POST /a HTTP/1.1\r\n" CLOSE ": a\r\nContent-Length: 37\r\n\r\n" SMUGGLED);
    client_hear_all(fd, &got);
    assert_null(strstr(strbuf_cstr(&got), "smuggled"));
    httpd_stop(h);
    place_free(p);
}

static void old_versions_have_no_chunks(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, NULL);
    int fd = client_dial(httpd_port(h));
    client_say(
        fd, "POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED);
    client_hear_all(fd, &got);
    assert_null(strstr(strbuf_cstr(&got), " 200 "));
    httpd_stop(h);
    place_free(p);
}

static void slow_heads_and_slow_bodies_are_cut(void **state) {
    static const char *const beginnings[] = {
        "",
        "GET /a HTTP/1.1\r\nHost: x\r\nX: ",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
    };
    place *p = place_new();
    httpd *h = serve(p, &(httpd_limits){.head_seconds = 1, .body_seconds = 1});
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        int fd = client_dial(httpd_port(h));
        client_say(fd, beginnings[i]);
        struct pollfd end_of_it = {fd, POLLIN | POLLHUP, 0};
        char byte;
        /* A byte now and then keeps the connection busy, but does not save it. */
        for (int tries = 0; poll(&end_of_it, 1, 100) == 0; tries++) {
            assert_true(tries < CLIENT_WAIT_MS / 100);
            ssize_t ignored = send(fd, "a", *beginnings[i] ? 1 : 0, MSG_NOSIGNAL);
            (void)ignored;
        }
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
    }
    httpd_stop(h);
    place_free(p);
}

static void one_address_has_so_many_connections(void **state) {
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    httpd *h = serve(p, &(httpd_limits){.per_address = 2, .threads = 1});
    int first = client_dial(httpd_port(h)), second = client_dial(httpd_port(h));
    client_say(first, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    client_say(second, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(client_hear(first, &got, "/a", 1));
    assert_true(client_hear(second, &got, "/b", 1));
    int third = client_dial(httpd_port(h));
    ssize_t ignored = send(third, "G", 1, MSG_NOSIGNAL);
    (void)ignored;
    strbuf_clear(&got);
    client_hear_all(third, &got);
    assert_int_equal(got.len, 0);
    close(first);
    close(second);
    httpd_stop(h);
    place_free(p);
}

/* ---- who asks ----------------------------------------------------------------------------------
 */

static void only_trusted_proxies_are_believed(void **state) {
    static const struct {
        const char *networks[2], *header, *peer;
    } cases[] = {
        {{NULL}, "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1"},
        {{"10.0.0.0/8"}, "X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1"},
        {{"127.0.0.0/8"}, "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
        {{"127.0.0.1"}, "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "192.0.2.1"},
        {{"127.0.0.1", "10.0.0.0/8"},
         "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.2.3\r\n",
         "192.0.2.1"},
        {{"127.0.0.1", "10.0.0.0/8"},
         "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-For: 10.1.2.3\r\n",
         "192.0.2.1"},
        {{"127.0.0.1"}, "X-Forwarded-For: 192.0.2.1, junk\r\n", "127.0.0.1"},
        {{"127.0.0.1"}, "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
        {{"::/0"}, "X-Forwarded-For: 10.0.0.1,192.0.2.1\r\n", "10.0.0.1"},
        {{"127.0.0.1"}, "", "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_strbuf_ strbuf got = STRBUF_INIT, sent = STRBUF_INIT;
        place *p = place_new();
        const httpd_handler handler = {p, begin, body, end, gone};
        httpd *h;
        httpd_network networks[2];
        size_t count = 0;
        uint16_t port;
        err e = {0};
        for (; count < 2 && cases[i].networks[count]; count++)
            assert_int_equal(
                httpd_network_parse(str_from(cases[i].networks[count]), &networks[count], &e), 0);
        assert_int_equal(httpd_new(&(httpd_limits){.threads = 1}, &handler, &h, &e), 0);
        httpd_trust_proxies(h, networks, count);
        assert_int_equal(httpd_listen(h, STR("127.0.0.1:0"), NULL, &port, &e), 0);
        int fd = client_dial(port);
        strbuf_addf(&sent, "GET /peer HTTP/1.1\r\n" CLOSE "%s\r\n", cases[i].header);
        client_say(fd, strbuf_cstr(&sent));
        client_hear_all(fd, &got);
        const char *peer = strstr(strbuf_cstr(&got), "\r\n\r\n") + 4;
        assert_string_equal(peer, cases[i].peer);
        httpd_stop(h);
        place_free(p);
    }
}

static void networks_are_read_or_refused(void **state) {
    static const struct {
        const char *network, *inside, *outside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
        {"10.1.2.3", "10.1.2.3", "10.1.2.4"},
        {"0.0.0.0/0", "1.2.3.4", "::1"},
        {"::/0", "1.2.3.4", "junk"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"},
        {"10.0.0.0/33", NULL, NULL},
        {"::/129", NULL, NULL},
        {"10.0.0.0/", NULL, NULL},
        {"host", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        httpd_network n;
        err e = {0};
        int r = httpd_network_parse(str_from(cases[i].network), &n, &e);
        assert_int_equal(r, cases[i].inside ? 0 : ERR_INVALID);
        if (r < 0) continue;
        assert_true(httpd_network_has(&n, str_from(cases[i].inside)));
        assert_false(httpd_network_has(&n, str_from(cases[i].outside)));
    }
}

static void a_server_listens_at_several_addresses(void **state) {
    static const char *const bad[] = {"8080", "1.2.3.4", "::1:80", "127.0.0.1:99999", "a:b", ""};
    _cleanup_strbuf_ strbuf got = STRBUF_INIT;
    place *p = place_new();
    const httpd_handler handler = {p, begin, body, end, gone};
    httpd *h;
    uint16_t first, second;
    err e = {0};
    assert_int_equal(httpd_new(&(httpd_limits){.threads = 1}, &handler, &h, &e), 0);
    assert_int_equal(httpd_listen(h, STR("127.0.0.1:0"), NULL, &first, &e), 0);
    assert_int_equal(httpd_listen(h, STR(":0"), NULL, &second, &e), 0);
    for (int i = 0; i < 2; i++) {
        int fd = client_dial(i ? second : first);
        strbuf_clear(&got);
        client_say(fd, "GET /peer HTTP/1.1\r\n" CLOSE "\r\n");
        client_hear_all(fd, &got);
        assert_non_null(strstr(strbuf_cstr(&got), "\r\n\r\n127.0.0.1"));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(httpd_listen(h, str_from(bad[i]), NULL, NULL, &e), ERR_INVALID);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", first);
    assert_int_equal(httpd_listen(h, str_from(taken), NULL, NULL, &e), ERR_IO);
    httpd_stop(h);
    place_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_may_come_later_from_another_thread),
        cmocka_unit_test(what_is_deferred_may_be_answered_before_the_handler_returns),
        cmocka_unit_test(a_client_that_has_gone_harms_no_deferred_answer),
        cmocka_unit_test(a_stop_waits_for_what_is_deferred),
        cmocka_unit_test(a_stream_is_written_from_anywhere_and_ends_whole),
        cmocka_unit_test(a_stream_whose_client_leaves_is_noticed_without_writing),
        cmocka_unit_test(a_reader_that_falls_behind_is_cut),
        cmocka_unit_test(a_stop_ends_streams_that_are_written_to),
        cmocka_unit_test(requests_with_two_ends_are_refused_and_the_connection_ends),
        cmocka_unit_test(a_header_without_a_name_ends_no_head),
        cmocka_unit_test(old_versions_have_no_chunks),
        cmocka_unit_test(slow_heads_and_slow_bodies_are_cut),
        cmocka_unit_test(one_address_has_so_many_connections),
        cmocka_unit_test(only_trusted_proxies_are_believed),
        cmocka_unit_test(networks_are_read_or_refused),
        cmocka_unit_test(a_server_listens_at_several_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
