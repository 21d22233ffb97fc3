/* The proxy at work: who is reached, and who is not. */
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

/* ---- the rules of it ----------------------------------------------------------------------- */

static void what_a_rule_names_is_reached_by_connect(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    assert_int_equal(job_tunnel(&f, "API.egress.test.", STR("over and back")), 0);
    assert_str(strbuf_str(&f.output), "HTTP/1.1 200 Connection established\r\n\r\nover and back");
    job_read_records(&f);
    job_has_record(&f, "#1 connect allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_has_record(&f, "#1 ended 13 13\ncounts 1 0\n");
    job_tear_down(&f);
}

static void what_a_rule_names_is_reached_by_socks(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    talk t = {.port = EGRESS_SOCKS_PORT,
              .bytes = job_socks_request(&f, "api.egress.test", f.port),
              .wait_for = 12,
              .more = STR("over and back")};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_int_equal(f.output.len, 12 + 13);
    assert_memory_equal(f.output.ptr, "\5\0\5\0\0\1\0\0\0\0\0\0over and back", 25);
    t.bytes = job_socks_request(&f, "no.egress.test", f.port);
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_memory_equal(f.output.ptr, "\5\0\5\2", 4);
    job_read_records(&f);
    job_has_record(&f, "socks allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_has_record(&f, "socks denied no.egress.test:%u : no rule allows this name\n", f.port);
    job_tear_down(&f);
}

static void what_a_rule_names_is_reached_without_knowing_of_a_proxy(void **state) {
    job f;
    if (job_lacks("curl")) skip();
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    assert_int_equal(job_shell(&f, "curl -sS --noproxy '*' http://api.egress.test:%u/x", f.port),
                     0);
    assert_non_null(strstr(f.output.ptr, "GET /x HTTP/1.1\r\nHost: api.egress.test:"));
    assert_int_equal(job_shell(&f, "curl -sS --noproxy '*' http://no.egress.test:%u/", f.port), 6);
    assert_non_null(strstr(f.output.ptr, "Could not resolve host"));
    job_read_records(&f);
    job_has_record(&f, "dns allowed api.egress.test:1 198.18.1.0: allowed\n");
    job_has_record(&f, "address allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_has_record(&f, "dns denied no.egress.test:1 : no rule allows this name\n");
    job_tear_down(&f);
}

static void the_environment_leads_programs_to_the_proxy(void **state) {
    job f;
    if (job_lacks("curl")) skip();
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    const char *const *env = egress_env(f.a, EGRESS_ALLOW);
    strbuf exports = STRBUF_INIT;
    for (; *env; env++)
        strbuf_addf(&exports, "export '%s'; ", *env);
    assert_int_equal(job_shell(&f, "%s curl -sS http://api.egress.test:%u/x", exports.ptr, f.port),
                     0);
    assert_non_null(strstr(f.output.ptr, "GET /x HTTP/1.1\r\nHost: api.egress.test:"));
    assert_non_null(strstr(f.output.ptr, "Connection: close\r\n"));
    assert_null(strstr(f.output.ptr, "Proxy-Connection"));
    assert_int_equal(
        job_shell(&f, "%s curl -sS -d abc http://api.egress.test:%u/x", exports.ptr, f.port), 0);
    assert_int_equal(job_shell(&f, "%s curl -sS http://no.egress.test/", exports.ptr), 0);
    assert_str(strbuf_str(&f.output), "slipway: no.egress.test:80: no rule allows this name\n");
    strbuf_done(&exports);
    job_read_records(&f);
    job_has_record(&f, "http allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_has_record(&f, "http denied no.egress.test:80 : no rule allows this name\n");
    job_tear_down(&f);
}

static void a_rule_for_localhost_is_a_way_to_this_machine(void **state) {
    job f;
    job_set_up(&f, EGRESS_NONE);
    job_allow(&f, "localhost", NULL);
    job_start(&f);
    talk t = {.port = f.port, .bytes = STR("hello, host")};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_str(strbuf_str(&f.output), "hello, host");
    job_read_records(&f);
    job_has_record(&f, "address allowed localhost:%u 127.0.0.1: allowed\n", f.port);
    job_tear_down(&f);
}

static void mode_none_lets_nothing_else_pass(void **state) {
    job f;
    err e = {0};
    job_set_up(&f, EGRESS_NONE);
    assert_int_equal(egress_add_host(&f.policy, STR("any.test"), STR("127.0.0.1"), &e), 0);
    job_allow(&f, "any.test", NULL); /* of a list that does not count in this mode */
    job_start(&f);
    question q = {"any.test", 1, false};
    assert_int_equal(job_do(&f, job_ask, &q), 0);
    assert_str(strbuf_str(&f.output), "3 0");
    assert_int_equal(job_tunnel(&f, "any.test", STR("x")), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    job_read_records(&f);
    job_has_record(&f, "dns denied any.test:1 : no rule allows this name\n");
    job_has_record(&f, "connect denied any.test:%u : no rule allows this name\n", f.port);
    job_tear_down(&f);
}

static void a_server_that_is_not_there_is_a_failure(void **state) {
    job f;
    err e = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but nobody listens */
    assert_int_equal(bind(taken, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(taken, (struct sockaddr *)&a, &size);
    unsigned port = ntohs(a.sin_port);
    job_set_up(&f, EGRESS_ALLOW);
    str rule = arena_printf(f.a, "gone.test:%u", port);
    assert_int_equal(egress_add_rule(&f.policy, rule, &e), 0);
    assert_int_equal(egress_add_host(&f.policy, STR("gone.test"), STR("127.0.0.1"), &e), 0);
    job_start(&f);
    talk t = {.port = EGRESS_HTTP_PORT, .bytes = job_connect_request(&f, "gone.test", port)};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 502 ")));
    t = (talk){.port = EGRESS_SOCKS_PORT,
               .bytes = job_socks_request(&f, "gone.test", (uint16_t)port)};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_memory_equal(f.output.ptr, "\5\0\5\5", 4);
    job_read_records(&f);
    job_has_record(&f, "connect failed gone.test:%u : nobody answers there\n", port);
    job_has_record(&f, "socks failed gone.test:%u : nobody answers there\n", port);
    close(taken);
    job_tear_down(&f);
}

/* What a hostile job says to the proxies, and how it is stopped. */
static void abuse_of_the_proxies_is_refused_and_recorded(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_allow(&f, "other-rule.egress.test", "127.0.0.1");
    job_start(&f);
    unsigned p = f.port;
    const struct {
        str bytes;
        const char *answer, *record;
    } cases[] = {
        {job_connect_request(&f, "169.254.169.254", 80), "HTTP/1.1 403 ",
         "connect denied 169.254.169.254:80 : this is the machine itself"},
        {job_connect_request(&f, "[::ffff:169.254.169.254]", 80), "HTTP/1.1 403 ",
         "connect denied 169.254.169.254:80 : this is the machine itself"},
        {job_connect_request(&f, "127.0.0.1", p), "HTTP/1.1 403 ", "connect denied 127.0.0.1:"},
        {job_connect_request(&f, "localhost", p), "HTTP/1.1 403 ", "connect denied localhost:"},
        {job_connect_request(&f, "192.0.2.77", 443), "HTTP/1.1 403 ",
         "connect denied 192.0.2.77:443 : no rule allows this address"},
        {job_connect_request(&f, "2130706433", p), "HTTP/1.1 400 ", "connect denied :"},
        {job_connect_request(&f, "127.1", p), "HTTP/1.1 400 ", "connect denied :"},
        {job_connect_request(&f, "198.18.1.0", p), "HTTP/1.1 403 ", "connect denied 198.18.1.0:"},
        {job_connect_request(&f, "api.egress.test", 25), "HTTP/1.1 403 ",
         "connect denied api.egress.test:25 : rules allow this name, but not this port\n"},
        {job_connect_request(&f, "xapi.egress.test", p), "HTTP/1.1 403 ",
         "connect denied xapi.egress.test:"},
        {arena_printf(f.a,
                      "GET http://api.egress.test:%u/ HTTP/1.1\r\nHost: no.egress.test\r\n\r\n", p),
         "HTTP/1.1 400 ", "the Host header is not the host that the request names\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\nHost: api.egress.test:%u\r\n"
                      "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
                      p, p),
         "HTTP/1.1 400 ", "the request to the proxy cannot be read\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                      "Content-Length: 5\r\n\r\nabcde",
                      p),
         "HTTP/1.1 400 ", "the request to the proxy cannot be read\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n5;x\r\nabcde\r\n0\r\n\r\n",
                      p),
         "HTTP/1.1 400 ", "the request to the proxy cannot be read\n"},
        {arena_printf(f.a,
                      "POST http://api.egress.test:%u/ HTTP/1.1\r\n"
                      "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                      p),
         "HTTP/1.1 501 ", "a transfer coding other than chunked"},
        {STR("GET / HTTP/1.1\r\nHost: api.egress.test\r\n\r\n"), "HTTP/1.1 400 ",
         "the request to the proxy cannot be read\n"},
        {STR("CONNECT api.egress.test HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ",
         "the request to the proxy cannot be read\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk t = {.port = EGRESS_HTTP_PORT, .bytes = cases[i].bytes};
        if (job_do(&f, job_talk, &t) != 0 ||
            !str_starts(strbuf_str(&f.output), str_from(cases[i].answer)))
            fail_msg("%.*s got \"%s\"", STR_ARG(cases[i].bytes), strbuf_cstr(&f.output));
    }
    job_read_records(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        job_has_record(&f, "%s", cases[i].record);
    assert_null(strstr(job_records(&f), "allowed "));
    job_tear_down(&f);
}

static void connect_nowhere(job *f, const void *context) {
    static const char *const places[] = {"192.0.2.77", "127.0.0.1", "198.18.0.1"};
    (void)context;
    for (int i = 0; i < 3; i++)
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            int fd = job_connect(places[p], 25);
            if (fd >= 0) _exit(1);
        }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, "192.0.2.78", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) != 1) _exit(2);
    if (job_connect("198.18.1.0", (uint16_t)(f->port ^ 1)) >= 0) _exit(3);
}

/* Nobody listens there, so that no proxy could refuse it; the kernel's refusal is recorded once. */
static void what_the_kernel_refuses_is_recorded(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    question q = {"api.egress.test", 1, false};
    assert_int_equal(job_do(&f, job_ask, &q), 0);
    assert_int_equal(job_do(&f, connect_nowhere, NULL), 0);
    job_read_records(&f);
    job_has_record(&f, "#2 address denied 192.0.2.77:25 : no rule allows this address");
    job_has_record(&f, "#3 udp denied 192.0.2.78:9 : no UDP but DNS leaves the job\n");
    job_has_record(&f, "#4 address denied api.egress.test:%u : rules allow this name, but not this",
                   f.port ^ 1);
    job_has_record(&f, "counts 4 0\n");
    job_tear_down(&f);
}

static void nothing_follows_the_one_request_of_a_connection(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(
                  f.a,
                  "POST http://api.egress.test:%u/1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
                  "GET http://no.egress.test/2 HTTP/1.1\r\nHost: no.egress.test\r\n\r\n",
                  f.port)};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_non_null(strstr(f.output.ptr, "POST /1 HTTP/1.1\r\n"));
    assert_true(str_ends(strbuf_str(&f.output), STR("\r\n\r\nbody")));
    job_tear_down(&f);
}

static void a_chunked_body_ends_with_its_last_chunk(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(f.a,
                                    "POST http://api.egress.test:%u/1 HTTP/1.1\r\n"
                                    "transfer-encoding: Chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
                                    "GET http://no.egress.test/2 HTTP/1.1\r\n\r\n",
                                    f.port)};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_non_null(strstr(f.output.ptr, "POST /1 HTTP/1.1\r\n"));
    assert_non_null(strstr(f.output.ptr, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_true(str_ends(strbuf_str(&f.output), STR("\r\n\r\n4\r\nbody\r\n0\r\n\r\n")));
    job_tear_down(&f);
}

/* The server echoes what has come, so the second part is sent when the head has been through. */
static void a_chunk_that_cannot_be_read_ends_the_connection(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(f.a,
                                    "PUT http://api.egress.test:%u/1 HTTP/1.1\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n4\r\nbo",
                                    f.port),
              .wait_for = 40,
              .more = STR("dyXX0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")};
    assert_int_equal(job_do(&f, job_talk, &t), 5);
    assert_null(strstr(f.output.ptr, "/2"));
    job_read_records(&f);
    job_has_record(&f, "http denied api.egress.test:%u : the request to the proxy cannot be read",
                   f.port);
    job_tear_down(&f);
}

static void a_server_name_that_was_not_judged_is_refused(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_start(&f);
    str hello = job_hello_of_other;
    assert_int_equal(job_tunnel(&f, "api.egress.test", hello), 5);
    assert_str(strbuf_str(&f.output), job_tunnel_open);
    /* in pieces, and never whole */
    assert_int_equal(job_tunnel(&f, "api.egress.test", str_sub(hello, 0, 40)), 5);
    assert_str(strbuf_str(&f.output), job_tunnel_open);
    job_read_records(&f);
    job_has_record(&f, "#1 connect denied other.egress.test:%u : the TLS server name is not",
                   f.port);
    job_has_record(&f, "#1 ended 0 0\n");
    job_has_record(
        &f, "#2 connect denied api.egress.test:%u : the TLS ClientHello cannot be read\n", f.port);
    job_tear_down(&f);
}

static void a_server_name_that_rules_allow_passes(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_allow(&f, "other.egress.test", "127.0.0.1");
    job_start(&f);
    str hello = job_hello_of_other;
    assert_int_equal(job_tunnel(&f, "api.egress.test", hello), 0);
    assert_int_equal(f.output.len, strlen(job_tunnel_open) + hello.len);
    assert_int_equal(job_tunnel(&f, "other.egress.test", hello), 0);
    assert_int_equal(f.output.len, strlen(job_tunnel_open) + hello.len);
    job_read_records(&f);
    job_has_record(&f, "#1 connect allowed other.egress.test:%u : the TLS server name is not",
                   f.port);
    job_tear_down(&f);
}

/* A real client and a real server. */
static pid_t start_tls_server(job *f, const char *folder) {
    char port[32];
    snprintf(port, sizeof port, "127.0.0.1:%u", f->port);
    _cleanup_strbuf_ strbuf make = STRBUF_INIT;
    strbuf_addf(&make,
                "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                "-keyout key -out cert -subj /CN=api.egress.test "
                "-addext subjectAltName=DNS:api.egress.test -days 2 >/dev/null 2>&1",
                folder);
    assert_int_equal(system(make.ptr), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        if (chdir(folder) == 0)
            execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", port, "-cert",
                   "cert", "-key", "key", (char *)NULL);
        _exit(127);
    }
    for (int fd; (fd = job_connect("127.0.0.1", f->port)) < 0 || close(fd) < 0;) {
        if (waitpid(pid, NULL, WNOHANG) != 0) fail_msg("openssl s_server ended at once");
        poll(NULL, 0, 10);
    }
    return pid;
}

static void tls_passes_with_the_name_that_was_judged(void **state) {
    job f;
    char folder[] = "/tmp/slipway-egress-XXXXXX";
    if (job_lacks("curl") || job_lacks("openssl")) skip();
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", "127.0.0.1");
    job_stop(f.server); /* its port is taken by another one */
    assert_non_null(mkdtemp(folder));
    f.server = start_tls_server(&f, folder);
    job_start(&f);
    assert_int_equal(
        job_shell(&f, "curl -sS --noproxy '*' --cacert %s/cert https://api.egress.test:%u/", folder,
                  f.port),
        0);
    assert_non_null(strstr(f.output.ptr, "s_server"));
    /* the address of the allowed name, and the name of another one */
    job_shell(&f,
              "curl -sS --noproxy '*' -k --resolve no.egress.test:%u:198.18.1.0 "
              "https://no.egress.test:%u/",
              f.port, f.port);
    assert_null(strstr(strbuf_cstr(&f.output), "s_server"));
    job_shell(&f,
              "curl -sS -k --proxy http://127.0.0.1:%d "
              "--connect-to no.egress.test:%u:api.egress.test:%u https://no.egress.test:%u/",
              EGRESS_HTTP_PORT, f.port, f.port, f.port);
    assert_null(strstr(strbuf_cstr(&f.output), "s_server"));
    job_read_records(&f);
    job_has_record(&f, "address allowed api.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_has_record(&f, "address denied no.egress.test:%u : the TLS server name is not", f.port);
    job_has_record(&f, "connect denied no.egress.test:%u : ", f.port);
    char remove[64];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
    job_tear_down(&f);
}

/* A name that this machine resolves to itself, as a hostile DNS server could. */
static void a_name_that_resolves_to_this_machine_is_refused(void **state) {
    job f;
    char name[256];
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    if (gethostname(name, sizeof name) < 0 || getaddrinfo(name, NULL, &hints, &list) != 0) {
        print_message("this machine's own name does not resolve\n");
        skip();
    }
    freeaddrinfo(list);
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, name, NULL);
    job_start(&f);
    assert_int_equal(job_tunnel(&f, name, STR("x")), 0);
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    job_read_records(&f);
    job_has_record(&f, "connect denied %s:%u : this is the machine itself", name, f.port);
    job_tear_down(&f);
}

/* ---- DNS ----------------------------------------------------------------------------------- */

static void names_are_answered_with_stable_addresses_or_do_not_exist(void **state) {
    char tunnelled[300] = "";
    for (int i = 0; i < 3; i++)
        strcat(tunnelled, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0.");
    strcat(tunnelled, "evil.test");
    const struct {
        question q;
        const char *answer;
    } cases[] = {
        {{"api.egress.test", 1, false}, "0 1 198.18.1.0"},
        {{"a.below.test", 1, false}, "0 1 198.18.1.1"},
        {{"API.egress.TEST", 1, true}, "0 1 198.18.1.0"},
        {{"api.egress.test", 28, false}, "0 0"}, /* there is no IPv6 to be had */
        {{"api.egress.test", 16, false}, "0 0"}, /* TXT */
        {{"below.test", 1, false}, "3 0"},
        {{"evil.test", 16, false}, "3 0"},
        {{tunnelled, 1, false}, "3 0"},
        {{tunnelled, 10, true}, "3 0"}, /* NULL */
        {{"services.localhost", 1, false}, "0 1 127.0.0.1"},
        {{"1.0.0.127.in-addr.arpa", 12, false}, "3 0"},
    };
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "api.egress.test", NULL);
    job_allow(&f, "*.below.test", NULL);
    job_start(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = job_do(&f, job_ask, &cases[i].q);
        if (status != 0 || !str_is(strbuf_str(&f.output), cases[i].answer))
            fail_msg("%s/%u: %d, \"%s\"", cases[i].q.name, cases[i].q.type, status,
                     strbuf_cstr(&f.output));
    }
    job_read_records(&f);
    job_has_record(&f, "dns denied api.egress.test:16 : only addresses are answered");
    job_has_record(&f, "dns denied below.test:1 : no rule allows this name\n");
    job_has_record(&f, "dns denied evil.test:16 : no rule allows this name\n");
    job_has_record(&f, "dns denied %s:1 : no rule allows this name\n", tunnelled);
    job_has_record(&f, "counts 6 0\n");
    job_tear_down(&f);
}

static void addresses_that_stand_for_nothing_are_refused(void **state) {
    static const char *const addresses[] = {"198.18.1.0", "198.19.255.255", "192.0.2.77",
                                            "169.254.169.254"};
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_start(&f);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        talk t = {.address = addresses[i], .port = 443, .bytes = STR("x"), .keep_open = true};
        int status = job_do(&f, job_talk, &t);
        assert_true(status == 5 || status == 0);
        assert_int_equal(f.output.len, 0);
        t.port = 9; /* where nobody listens */
        assert_int_equal(job_do(&f, job_talk, &t), 6);
    }
    job_read_records(&f);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        job_has_record(&f, "address denied %s:443 : ", addresses[i]);
    job_tear_down(&f);
}

static void a_rule_for_an_address_needs_no_name(void **state) {
    job f;
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "127.0.0.1", NULL);
    job_start(&f);
    talk t = {.port = f.port, .bytes = STR("direct")};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_str(strbuf_str(&f.output), "direct");
    assert_int_equal(job_tunnel(&f, "127.0.0.1", STR("by proxy")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("by proxy")));
    job_tear_down(&f);
}

/* ---- audit --------------------------------------------------------------------------------- */

static void audit_lets_pass_what_no_rule_names_and_records_it(void **state) {
    job f;
    err e = {0};
    job_set_up(&f, EGRESS_AUDIT);
    assert_int_equal(egress_add_host(&f.policy, STR("any.test"), STR("127.0.0.1"), &e), 0);
    job_start(&f);
    assert_int_equal(job_tunnel(&f, "any.test", STR("passes")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("passes")));
    question q = {"no-rule.test", 1, false};
    assert_int_equal(job_do(&f, job_ask, &q), 0);
    assert_str(strbuf_str(&f.output), "0 1 198.18.1.0");
    assert_int_equal(job_tunnel(&f, "127.0.0.1", STR("x")),
                     0); /* the machine itself is no egress */
    assert_true(str_starts(strbuf_str(&f.output), STR("HTTP/1.1 403 ")));
    job_read_records(&f);
    job_has_record(&f, "#1 connect allowed any.test:%u 127.0.0.1: allowed\n#1 ended 6 6\n", f.port);
    job_has_record(&f, "dns allowed no-rule.test:1 198.18.1.0: allowed\n");
    job_has_record(&f, "connect denied 127.0.0.1:%u : this is the machine itself", f.port);
    job_tear_down(&f);
}

/* ---- through another proxy ----------------------------------------------------------------- */

static void an_upstream_proxy_is_asked_with_its_password(void **state) {
    job f;
    err e = {0};
    job_set_up(&f, EGRESS_ALLOW);
    job_allow(&f, "far.egress.test", NULL);
    job_allow(&f, "near.egress.test", "127.0.0.1");
    str url = arena_printf(f.a, "http://ci:s%%20cret@127.0.0.1:%u/", f.port);
    assert_int_equal(egress_set_upstream(&f.policy, url, STR("localhost"), &e), 0);
    job_start(&f);
    assert_int_equal(job_tunnel(&f, "far.egress.test", STR("tunnelled")), 0);
    const char *request = arena_printf(f.a,
                                       "%sCONNECT far.egress.test:%u HTTP/1.1\r\n"
                                       "Host: far.egress.test:%u\r\n"
                                       "Proxy-Authorization: Basic Y2k6cyBjcmV0\r\n\r\ntunnelled",
                                       job_tunnel_open, f.port, f.port)
                              .ptr;
    assert_str(strbuf_str(&f.output), request);
    talk t = {.port = EGRESS_HTTP_PORT,
              .bytes = arena_printf(
                  f.a, "GET http://far.egress.test:%u/x HTTP/1.1\r\nAccept: */*\r\n\r\n", f.port)};
    assert_int_equal(job_do(&f, job_talk, &t), 0);
    assert_non_null(strstr(f.output.ptr, "GET http://far.egress.test:"));
    assert_non_null(strstr(f.output.ptr, "Proxy-Authorization: Basic Y2k6cyBjcmV0\r\n"));
    assert_int_equal(job_tunnel(&f, "near.egress.test", STR("direct")), 0);
    assert_true(str_ends(strbuf_str(&f.output), STR("\r\n\r\ndirect")));
    job_read_records(&f);
    job_has_record(&f, "connect allowed far.egress.test:%u proxy: allowed\n", f.port);
    job_has_record(&f, "connect allowed near.egress.test:%u 127.0.0.1: allowed\n", f.port);
    job_tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_rule_names_is_reached_by_connect),
        cmocka_unit_test(what_a_rule_names_is_reached_by_socks),
        cmocka_unit_test(what_a_rule_names_is_reached_without_knowing_of_a_proxy),
        cmocka_unit_test(the_environment_leads_programs_to_the_proxy),
        cmocka_unit_test(a_rule_for_localhost_is_a_way_to_this_machine),
        cmocka_unit_test(mode_none_lets_nothing_else_pass),
        cmocka_unit_test(a_server_that_is_not_there_is_a_failure),
        cmocka_unit_test(abuse_of_the_proxies_is_refused_and_recorded),
        cmocka_unit_test(what_the_kernel_refuses_is_recorded),
        cmocka_unit_test(nothing_follows_the_one_request_of_a_connection),
        cmocka_unit_test(a_chunked_body_ends_with_its_last_chunk),
        cmocka_unit_test(a_chunk_that_cannot_be_read_ends_the_connection),
        cmocka_unit_test(a_server_name_that_was_not_judged_is_refused),
        cmocka_unit_test(a_server_name_that_rules_allow_passes),
        cmocka_unit_test(tls_passes_with_the_name_that_was_judged),
        cmocka_unit_test(a_name_that_resolves_to_this_machine_is_refused),
        cmocka_unit_test(names_are_answered_with_stable_addresses_or_do_not_exist),
        cmocka_unit_test(addresses_that_stand_for_nothing_are_refused),
        cmocka_unit_test(a_rule_for_an_address_needs_no_name),
        cmocka_unit_test(audit_lets_pass_what_no_rule_names_and_records_it),
        cmocka_unit_test(an_upstream_proxy_is_asked_with_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
