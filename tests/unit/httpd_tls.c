/* TLS, and what a client shows of itself. Keys are made by openssl, requests by curl. */
#include "unit.h"

#include "base/fs.h"
#include "base/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dir;
static arena *mem;

static int run(const char *format, ...) {
    char command[2000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof command);
    return system(command);
}

/* A key and a certificate in DIR/NAME.key and .pem, signed by DIR/BY. */
static void make(const char *name, const char *by, const char *days, const char *extensions) {
    int r = run("cd %s && printf '%s' > ext && "
                "openssl ecparam -name prime256v1 -genkey -noout -out %s.key 2>/dev/null && "
                "openssl req -new -key %s.key -subj /CN=%s -out csr 2>/dev/null && "
                "openssl x509 -req -in csr -CA %s.pem -CAkey %s.key -set_serial 0x2a%02x "
                "-days %s -extfile ext -out %s.pem 2>/dev/null",
                dir, extensions, name, name, name, by, by, (unsigned)strlen(name), days, name);
    assert_int_equal(r, 0);
}

static void make_ca(const char *name) {
    assert_int_equal(run("cd %s && openssl ecparam -name prime256v1 -genkey -noout -out %s.key "
                         "2>/dev/null && openssl req -x509 -new -key %s.key -subj /CN=%s -days 9 "
                         "-addext basicConstraints=critical,CA:true -out %s.pem 2>/dev/null",
                         dir, name, name, name, name),
                     0);
}

#define CLIENT "extendedKeyUsage=clientAuth\\nsubjectAltName=URI:spiffe://slipway/agent/7\\n"

static int prepare(void **state) {
    err e = {0};
    mem = arena_new();
    assert_int_equal(fs_temp_dir(mem, "httpd-tls-", &dir, &e), 0);
    if (run("openssl version >/dev/null 2>&1 && curl --version >/dev/null 2>&1") != 0) return 0;
    make_ca("ca");
    make_ca("stranger");
    make("server", "ca", "9", "subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n");
    make("good", "ca", "9", CLIENT);
    make("expired", "ca", "-1", CLIENT);
    make("forged", "stranger", "9", CLIENT);
    make("wrongkind", "ca", "9", "extendedKeyUsage=serverAuth\\n");
    make("twonames", "ca", "9",
         "extendedKeyUsage=clientAuth\\nsubjectAltName=URI:spiffe://a,URI:spiffe://b\\n");
    return 0;
}

static int clean(void **state) {
    err e = {0};
    fs_remove(dir, &e);
    arena_free(mem);
    return 0;
}

static str file(const char *name) {
    str text;
    err e = {0};
    if (fs_read(mem, fs_join(mem, dir, str_from(name)), 1 << 20, &text, &e) < 0)
        fail_msg("%s", e.message);
    return text;
}

/* Answers with what it knows of the caller. */
static void begin(void *context, httpd_request *r) {
    httpd_certificate c;
    err e = {0};
    int code = httpd_peer_certificate(r, &c, &e);
    str text = arena_printf(httpd_arena(r), "%s %d %s", httpd_secure(r) ? "secure" : "plain", code,
                            e.message);
    if (code == 0)
        text = arena_printf(httpd_arena(r), "serial %.*s uri '%.*s' der %zu", STR_ARG(c.serial),
                            STR_ARG(c.uri), c.der.len);
    httpd_answer(r, 200, "text/plain", text);
}

static void nothing(void *context, httpd_request *r) {}
static void no_body(void *context, httpd_request *r, str piece) {}

static void ask(uint16_t port, const char *options, char out[1024]) {
    char command[2000];
    snprintf(command, sizeof command,
             "cd %s && curl -sS --max-time 20 --cacert ca.pem %s https://127.0.0.1:%u/ "
             "https://127.0.0.1:%u/ 2>&1",
             dir, options, port, port);
    FILE *p = popen(command, "r");
    size_t n = fread(out, 1, 1023, p);
    out[n] = '\0';
    pclose(p);
}

static void what_a_client_shows_is_judged(void **state) {
    static const struct {
        const char *options, *answer;
    } cases[] = {
        {"", "secure -3 the client has shown no certificate"},
        {"--cert good.pem --key good.key", "serial 2a04 uri 'spiffe://slipway/agent/7' der "},
        {"--cert expired.pem --key expired.key", "secure -1 the client's certificate is refused"},
        {"--cert forged.pem --key forged.key", "secure -1 the client's certificate is refused"},
        {"--cert wrongkind.pem --key wrongkind.key", "secure -1 the client's certificate is"},
        {"--cert twonames.pem --key twonames.key", "uri '' der"},
        {"--tls-max 1.2 --cert good.pem --key good.key", "serial 2a04"},
        {"--tls-max 1.2 --cert forged.pem --key forged.key", "secure -1"},
        {"--tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0", "curl: (35)"},
    };
    const httpd_handler handler = {NULL, begin, no_body, nothing, nothing};
    char got[1024];
    uint16_t port, plain;
    httpd *h;
    err e = {0};
    if (!fs_exists(fs_join(mem, dir, STR("good.pem")))) skip();
    const httpd_tls tls = {file("server.pem"), file("server.key"), file("ca.pem")};
    assert_int_equal(httpd_new(&(httpd_limits){.threads = 1}, &handler, &h, &e), 0);
    if (httpd_listen(h, STR("127.0.0.1:0"), &tls, &port, &e) < 0) fail_msg("%s", e.message);
    assert_int_equal(httpd_listen(h, STR("127.0.0.1:0"), NULL, &plain, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(port, cases[i].options, got);
        const char *first = strstr(got, cases[i].answer);
        /* The second request on the same connection is judged like the first. */
        if (!first || (*cases[i].answer == 's' && !strstr(first + 1, cases[i].answer)))
            fail_msg("%s\ngave %s", cases[i].options, got);
    }
    httpd_stop(h);
}

static void keys_that_do_not_fit_are_refused(void **state) {
    const httpd_handler handler = {NULL, begin, no_body, nothing, nothing};
    httpd *h;
    err e = {0};
    if (!fs_exists(fs_join(mem, dir, STR("good.pem")))) skip();
    const httpd_tls cases[] = {
        {file("server.pem"), file("good.key"), STR_EMPTY},
        {STR("junk"), file("server.key"), STR_EMPTY},
        {file("server.pem"), STR("junk"), STR_EMPTY},
        {file("server.pem"), file("server.key"), STR("junk")},
    };
    assert_int_equal(httpd_new(NULL, &handler, &h, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (httpd_listen(h, STR("127.0.0.1:0"), &cases[i], NULL, &e) == 0) fail_msg("%zu", i);
        if (!strstr(e.message, "certificate")) fail_msg("%zu: %s", i, e.message);
    }
    httpd_stop(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_client_shows_is_judged),
        cmocka_unit_test(keys_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
