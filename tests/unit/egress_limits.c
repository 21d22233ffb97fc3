/* The proxy at work: bytes, times, limits and ends. */
#include "egress_job.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- bytes, times and limits --------------------------------------------------------------- */

#define LARGE (12u << 20)

static char pattern_at(uint64_t offset) {
    return (char)(offset * 31 >> 5);
}

/* Who writes all before reading anything would be stopped by back-pressure: so two processes do
 * both at once. */
static void send_large(job *f, const void *context) {
    (void)context;
    int fd = job_connect("127.0.0.1", f->port);
    static char bytes[65536];
    uint64_t sum = 0, got = 0;
    if (fork() == 0) {
        for (uint64_t n = 0; n < LARGE; n += sizeof bytes) {
            for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = pattern_at(n + i);
            if (!job_send(fd, bytes, sizeof bytes)) _exit(1);
        }
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0; got += (uint64_t)n)
        for (ssize_t i = 0; i < n; i++)
            sum += pattern_at(got + (uint64_t)i) != bytes[i];
    printf("%llu %llu", (unsigned long long)got, (unsigned long long)sum);
    fflush(stdout);
    _exit(0);
}

static void large_flows_arrive_whole_and_half_closed(void **state) {
    job f;
    char wanted[64];
    job_set_up(&f, EGRESS_NONE);
    job_allow(&f, "localhost", NULL);
    job_start(&f);
    assert_int_equal(job_do(&f, send_large, NULL), 0);
    snprintf(wanted, sizeof wanted, "%u 0", LARGE);
    assert_str(strbuf_str(&f.output), wanted);
    job_read_records(&f);
    job_has_record(&f, "#1 ended %u %u\n", LARGE, LARGE);
    job_tear_down(&f);
}

static void who_says_nothing_is_not_waited_for(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    f.policy.handshake_ms = 500;
    f.policy.idle_ms = 1500;
    job_start(&f);
    talk t = {.port = EGRESS_HTTP_PORT, .bytes = STR("CONNECT api.egr"), .keep_open = true};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 408 ")));
    t = (talk){.port = EGRESS_HTTP_PORT,
               .bytes = job_connect_request(&f, "api.egress.test", f.port),
               .wait_for = strlen(job_tunnel_open),
               .more = str_sub(job_hello_of_other, 0, 20),
               .keep_open = true};
    assert_int_equal(job_do(&f, job_talk, &t), 5); /* a ClientHello that does not end */
    t.more = STR_EMPTY;
    job_do(&f, job_talk, &t); /* a tunnel without a byte */
    assert_str(strbuf_str(&f.output), job_tunnel_open);
    job_read_records(&f);
    job_has_record(&f, "the time to say what is asked for (handshake_ms) has passed\n");
    job_has_record(&f, "#2 connect denied api.egress.test:%u : the time to say", f.port);
    job_has_record(&f, "#3 ended 0 0\n");
    job_tear_down(&f);
}

static void open_many(job *f, const void *context) {
    const int *count = context;
    int fd = -1;
    for (int i = 0; i < *count; i++) {
        fd = job_connect("127.0.0.1", f->port);
        if (fd < 0) _exit(6);
        char byte = 'x';
        if (!job_send(fd, &byte, 1) || recv(fd, &byte, 1, 0) != 1) _exit(i);
    }
    _exit(*count);
}

static void connections_at_once_are_limited(void **state) {
    job f;
    int count = 5;
    job_set_up(&f, EGRESS_NONE);
    job_allow(&f, "localhost", NULL);
    f.policy.max_connections = 3;
    job_start(&f);
    assert_int_equal(job_do(&f, open_many, &count), 3);
    job_read_records(&f);
    job_has_record(&f, "the limit of connections at once (max_connections) is reached\n");
    job_tear_down(&f);
}

static void records_are_limited_and_then_counted(void **state) {
    job f;
    int count = 5;
    job_set_up(&f, EGRESS_NONE);
    job_allow(&f, "localhost", NULL);
    f.policy.max_records = 2;
    job_start(&f);
    assert_int_equal(job_do(&f, open_many, &count), 5);
    job_read_records(&f);
    job_has_record(&f, "counts 2 3\n");
    assert_null(strstr(job_records(&f), "#3"));
    job_tear_down(&f);
}

static void lose_the_proxy(job *f, const void *context) {
    (void)context;
    char byte = 'x';
    int fd = job_connect("127.0.0.1", f->port);
    job_send(fd, &byte, 1);
    recv(fd, &byte, 1, 0);
    job_print("!", 1);
    close(1); /* the test goes on and kills the proxy */
    ssize_t n = recv(fd, &byte, 1, 0);
    /* the kernel closes a dead process's sockets one after the other */
    for (int again; (again = job_connect("127.0.0.1", f->port)) >= 0;)
        close(again);
    _exit(n <= 0 ? 0 : 1);
}

static void when_the_proxy_is_killed_all_is_closed(void **state) {
    job f;
    int fds[2], status;
    char byte;
    job_set_up(&f, EGRESS_NONE);
    job_allow(&f, "localhost", NULL);
    job_start(&f);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        job_enter(f.pid, "user", CLONE_NEWUSER);
        job_enter(f.pid, "net", CLONE_NEWNET);
        dup2(fds[1], 1);
        close(fds[1]);
        lose_the_proxy(&f, NULL);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    job_stop(f.proxy);
    f.proxy = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fds[0]);
    job_tear_down(&f);
}

static void the_proxy_ends_with_its_control_socket(void **state) {
    job f;
    int status;
    job_set_up(&f, EGRESS_ALLOW);
    job_start(&f);
    close(f.control);
    f.control = -1;
    assert_int_equal(waitpid(f.proxy, &status, 0), f.proxy);
    assert_int_equal(status, 0);
    f.proxy = 0;
    job_tear_down(&f);
}

/* Asks for one name more than there are addresses, then for the first one again. */
static void ask_many(job *f, const void *context) {
    (void)f, (void)context;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char name[32], query[128], answer[512];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), codes[3] = {0};
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) _exit(6);
    for (int i = 0; i < EGRESS_NAMES_MAX + 2; i++) {
        snprintf(name, sizeof name, "n%d.test", i % (EGRESS_NAMES_MAX + 1));
        question q = {name, 1, false};
        size_t size = job_write_query(&q, query);
        if (!job_send(fd, query, size) || recv(fd, answer, sizeof answer, 0) < 12) _exit(5);
        codes[i < EGRESS_NAMES_MAX ? 0 : i - EGRESS_NAMES_MAX + 1] += answer[3] & 15;
    }
    printf("%d %d %d", codes[0], codes[1], codes[2]);
    fflush(stdout);
    _exit(0);
}

static void names_are_limited_and_those_given_stay(void **state) {
    job f;
    job_set_up(&f, EGRESS_AUDIT);
    f.policy.max_records = 2 * EGRESS_NAMES_MAX;
    job_start(&f);
    /* Records pile up in the proxy as long as nobody reads them. */
    assert_int_equal(job_do(&f, ask_many, NULL), 0);
    assert_str(strbuf_str(&f.output), "0 2 0"); /* SERVFAIL */
    job_read_records(&f);
    job_has_record(&f, "dns denied n%d.test:1 : the limit of 10,000 names per job is reached\n",
                   EGRESS_NAMES_MAX);
    job_has_record(&f, "counts %d 0\n", EGRESS_NAMES_MAX + 1);
    job_tear_down(&f);
}

#define PLACES 1200

static void scan(job *f, const void *context) {
    (void)f, (void)context;
    for (int i = 0; i < PLACES; i++)
        if (job_connect("192.0.2.1", (uint16_t)(20000 + i)) >= 0) _exit(1);
}

/* What is missed because it comes too fast is counted as well. */
static void places_that_are_refused_are_limited_and_then_counted(void **state) {
    job f;
    unsigned told = 0, counted = 0;
    job_set_up(&f, EGRESS_ALLOW);
    job_start(&f);
    assert_int_equal(job_do(&f, scan, NULL), 0);
    job_read_records(&f);
    const char *counts = strstr(job_records(&f), "counts ");
    assert_non_null(counts);
    assert_int_equal(sscanf(counts, "counts %u %u", &told, &counted), 2);
    assert_true(told > 0 && told <= 1000);
    assert_int_equal(told + counted, PLACES);
    job_tear_down(&f);
}

static void ports_are_limited_by_name(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    err e = {0};
    int status;
    egress_policy_init(&p, a, EGRESS_ALLOW);
    for (int i = 0; i < 300; i++)
        assert_int_equal(egress_add_rule(&p, arena_printf(a, "many.test:%d", 2000 + i), &e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        egress_sockets s;
        if (!job_new_namespaces()) _exit(77);
        int r = egress_inside(&p, &s, &e);
        _exit(r == ERR_LIMIT && strstr(e.message, "more than about 230 ports") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_flows_arrive_whole_and_half_closed),
        cmocka_unit_test(who_says_nothing_is_not_waited_for),
        cmocka_unit_test(connections_at_once_are_limited),
        cmocka_unit_test(records_are_limited_and_then_counted),
        cmocka_unit_test(names_are_limited_and_those_given_stay),
        cmocka_unit_test(places_that_are_refused_are_limited_and_then_counted),
        cmocka_unit_test(ports_are_limited_by_name),
        cmocka_unit_test(when_the_proxy_is_killed_all_is_closed),
        cmocka_unit_test(the_proxy_ends_with_its_control_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
