/* What the egress proxy reads and judges: rules, DNS, SOCKS, HTTP and TLS. */
#include "unit.h"

#include "base/arena.h"
#include "sandbox/egress.h"
#include "sandbox/egress_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BYTES(text)                                                                                \
    { "" text, sizeof(text) - 1 }

/* Each reader sees its bytes in a block of their own, so that a sanitizer sees a read past them. */
static str own_block(str bytes) {
    char *copy = mem_alloc(bytes.len ? bytes.len : 1);
    memcpy(copy, bytes.ptr, bytes.len);
    return (str){copy, bytes.len};
}

/* ---- rules --------------------------------------------------------------------------------- */

static void rules_that_cannot_be_meant_say_why(void **state) {
    char label[80], name[300], words[330];
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    memset(name, 'b', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(words, sizeof words, "%.250s.bb", name);
    const struct {
        const char *rule;
        err_code code;
        const char *problem;
    } cases[] = {
        {"", ERR_INVALID, "an empty rule"},
        {"*", ERR_INVALID, "use mode audit"},
        {"*:443", ERR_INVALID, "use mode audit"},
        {"https://example.com", ERR_INVALID, "not a URL"},
        {"example.com/path", ERR_INVALID, "paths and address ranges"},
        {"10.0.0.0/8", ERR_INVALID, "paths and address ranges"},
        {"example.com:", ERR_INVALID, "is no port"},
        {"example.com:0", ERR_INVALID, "is no port"},
        {"example.com:65536", ERR_INVALID, "is no port"},
        {"example.com:http", ERR_INVALID, "is no port"},
        {"example.com:*", ERR_INVALID, "is no port"},
        {"::1", ERR_INVALID, "in brackets"},
        {"2001:db8::1", ERR_INVALID, "in brackets"},
        {"exa mple.com", ERR_INVALID, "neither a host name nor an address"},
        {"ex*mple.com", ERR_INVALID, "a '*' may only stand for everything below"},
        {"*example.com", ERR_INVALID, "a '*' may only stand for everything below"},
        {"*.*.com", ERR_INVALID, "a '*' may only stand for everything below"},
        {"*.1.2.3.4", ERR_INVALID, "a '*' may only stand for everything below"},
        {"a..b", ERR_INVALID, "neither"},
        {".example.com", ERR_INVALID, "neither"},
        {"bücher.example", ERR_INVALID, "xn-- form"},
        {"1.2.3", ERR_INVALID, "neither"},
        {"1.2.3.400:80", ERR_INVALID, "neither"},
        {"0x7f000001:80", ERR_INVALID, "neither"},
        {"[::1", ERR_INVALID, "neither"},
        {"[1.2.3.4]:80", ERR_INVALID, "neither"},
        {"localhost", ERR_INVALID, "name the port"},
        {"app.localhost", ERR_INVALID, "name the port"},
        {label, ERR_INVALID, "neither"},
        {words, ERR_INVALID, "neither"},
        {name, ERR_LIMIT, "longer than the 253 bytes"},
    };
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    egress_policy_init(&p, a, EGRESS_ALLOW);
    for (size_t i = 0; i < COUNT(cases); i++) {
        err e = {0};
        int r = egress_add_rule(&p, str_from(cases[i].rule), &e);
        if (r != (int)cases[i].code || !strstr(e.message, cases[i].problem))
            fail_msg("%s: %d, \"%s\"", cases[i].rule, r, e.message);
    }
    assert_int_equal(p.rule_count, 0);
}

static void rules_are_at_most_a_thousand(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    egress_policy p;
    err e = {0};
    egress_policy_init(&p, a, EGRESS_ALLOW);
    for (int i = 0; i < EGRESS_RULES_MAX; i++)
        assert_int_equal(egress_add_rule(&p, arena_printf(a, "h%d.test", i), &e), 0);
    assert_int_equal(egress_add_rule(&p, STR("h.test"), &e), ERR_LIMIT);
    assert_string_equal(e.message, "more than 1000 rules of what may be reached");
}

static const char *const sample_rules[] = {
    "Example.COM.",       "git.test:22",    "*.deep.test", "*.ssh.test:22", "10.0.0.5:5432",
    "[2001:db8::1]:8443", "localhost:8080", "[::1]:9000",  "192.0.2.1",
};

static void targets_are_judged_by_name_and_port(void **state) {
    static const struct {
        const char *target;
        egress_reason allow, audit;
    } cases[] = {
        {"example.com:443", EGRESS_FINE, EGRESS_FINE},
        {"example.com:80", EGRESS_FINE, EGRESS_FINE},
        {"EXAMPLE.com.:80", EGRESS_FINE, EGRESS_FINE},
        {"example.com:8080", EGRESS_OTHER_PORT, EGRESS_FINE},
        {"www.example.com:443", EGRESS_NO_RULE, EGRESS_FINE},
        {"notexample.com:443", EGRESS_NO_RULE, EGRESS_FINE},
        {"example.com.evil.test:443", EGRESS_NO_RULE, EGRESS_FINE},
        {"git.test:22", EGRESS_FINE, EGRESS_FINE},
        {"git.test:443", EGRESS_OTHER_PORT, EGRESS_FINE},
        {"deep.test:443", EGRESS_NO_RULE, EGRESS_FINE},
        {"a.deep.test:443", EGRESS_FINE, EGRESS_FINE},
        {"a.b.deep.test:80", EGRESS_FINE, EGRESS_FINE},
        {"xdeep.test:443", EGRESS_NO_RULE, EGRESS_FINE},
        {"a.ssh.test:22", EGRESS_FINE, EGRESS_FINE},
        {"a.ssh.test:443", EGRESS_OTHER_PORT, EGRESS_FINE},
        {"10.0.0.5:5432", EGRESS_FINE, EGRESS_FINE},
        {"[::ffff:10.0.0.5]:5432", EGRESS_FINE, EGRESS_FINE},
        {"10.0.0.5:80", EGRESS_BARE_ADDRESS, EGRESS_FINE},
        {"192.0.2.1:443", EGRESS_FINE, EGRESS_FINE},
        {"[2001:db8:0::1]:8443", EGRESS_FINE, EGRESS_FINE},
        {"[2001:db8::2]:8443", EGRESS_BARE_ADDRESS, EGRESS_FINE},
        {"localhost:8080", EGRESS_FINE, EGRESS_FINE},
        {"services.localhost:8080", EGRESS_FINE, EGRESS_FINE},
        {"127.0.0.1:8080", EGRESS_FINE, EGRESS_FINE},
        {"127.0.0.1:8081", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"localhost:22", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[::1]:9000", EGRESS_FINE, EGRESS_FINE},
        {"[::1]:9001", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"169.254.169.254:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"100.100.100.200:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[fd00:ec2::254]:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[fe80::1]:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[64:ff9b::a9fe:a9fe]:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[2002:7f00:1::]:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"[::127.0.0.1]:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"0.0.0.0:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
        {"255.255.255.255:80", EGRESS_HOST_ITSELF, EGRESS_HOST_ITSELF},
    };
    _cleanup_arena_ arena *a = arena_new();
    err e = {0};
    for (int audit = 0; audit < 2; audit++) {
        egress_policy p;
        egress_policy_init(&p, a, audit ? EGRESS_AUDIT : EGRESS_ALLOW);
        for (size_t i = 0; i < COUNT(sample_rules); i++)
            if (egress_add_rule(&p, str_from(sample_rules[i]), &e) < 0) fail_msg("%s", e.message);
        for (size_t i = 0; i < COUNT(cases); i++) {
            egress_target t = {0};
            if (!egress_parse_authority(str_from(cases[i].target), 0, &t))
                fail_msg("%s: not read", cases[i].target);
            egress_reason got = egress_judge(&p, &t);
            if (got != (audit ? cases[i].audit : cases[i].allow))
                fail_msg("%s: %s", cases[i].target, egress_reason_text(got));
        }
    }
}

static void a_policy_survives_as_text(void **state) {
    static const char wanted[] = "mode audit\n"
                                 "rule *.deep.test\n"
                                 "rule localhost:8080\n"
                                 "host 10.1.2.3 db.test\n"
                                 "no_proxy .internal, db.test\n"
                                 "upstream http://u:p@proxy.test:3128\n"
                                 "idle_ms 5000\n"
                                 "max_records 7\n";
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    egress_policy p;
    err e = {0};
    if (egress_policy_read(a, str_from(wanted), &p, &e) < 0) fail_msg("%s", e.message);
    assert_str(p.upstream.host, "proxy.test");
    assert_int_equal(p.upstream.port, 3128);
    assert_str(p.upstream.authorization, "Basic dTpw");
    egress_policy_write(&p, &out);
    assert_str(strbuf_str(&out), wanted);
    assert_int_equal(egress_policy_read(a, STR("mode open"), &p, &e), ERR_INVALID);
    assert_int_equal(egress_policy_read(a, STR("speed 3"), &p, &e), ERR_INVALID);
}

static void the_machines_own_proxy_is_taken_from_the_environment(void **state) {
    static const struct {
        const char *env[4];
        int code;
        const char *host;
        unsigned port;
    } cases[] = {
        {{"A=b", NULL}, 0, "", 0},
        {{"https_proxy=", "HTTP_PROXY=http://no.test", NULL}, 0, "", 0},
        {{"http_proxy=http://a.test:1", "HTTPS_PROXY=http://b.test:2/", NULL}, 0, "b.test", 2},
        {{"all_proxy=c.test", NULL}, 0, "c.test", 80},
        {{"https_proxy=http://[2001:db8::5]:3128", NULL}, 0, "2001:db8::5", 3128},
        {{"https_proxy=socks5://d.test", NULL}, ERR_UNSUPPORTED, "", 0},
        {{"https_proxy=http://a b.test", NULL}, ERR_INVALID, "", 0},
        {{"https_proxy=http://a.test\nrule x.test", NULL}, ERR_INVALID, "", 0},
        {{"https_proxy=http://%zz@a.test", NULL}, ERR_INVALID, "", 0},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        egress_policy p;
        err e = {0};
        egress_policy_init(&p, a, EGRESS_ALLOW);
        int r = egress_upstream_from_env(&p, cases[i].env, &e);
        if (r != cases[i].code || !str_is(p.upstream.host, cases[i].host) ||
            p.upstream.port != cases[i].port)
            fail_msg("case %zu: %d, %s, %.*s:%u", i, r, e.message, STR_ARG(p.upstream.host),
                     p.upstream.port);
    }
}

static void no_proxy_names_what_is_reached_directly(void **state) {
    static const struct {
        const char *no_proxy, *host;
        bool direct;
    } cases[] = {
        {"", "a.test", false},
        {"*", "a.test", true},
        {"a.test", "a.test", true},
        {"x.test, A.test ,", "a.test", true},
        {"a.test", "b.a.test", true},
        {".a.test", "b.a.test", true},
        {".a.test", "a.test", true},
        {"*.a.test", "b.a.test", true},
        {"a.test", "ba.test", false},
        {"b.a.test", "a.test", false},
        {"10.0.0.5", "10.0.0.5", true},
        {"0.0.5", "10.0.0.5", false},
        {"2001:db8::1", "[2001:db8::1]", true},
        {".,..", "a.test", false},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        egress_policy p;
        egress_target t = {0};
        err e = {0};
        egress_policy_init(&p, a, EGRESS_ALLOW);
        assert_int_equal(
            egress_set_upstream(&p, STR("proxy.test"), str_from(cases[i].no_proxy), &e), 0);
        assert_true(egress_parse_host(str_from(cases[i].host), &t));
        if (egress_in_no_proxy(&p, &t) != cases[i].direct)
            fail_msg("\"%s\" and %s", cases[i].no_proxy, cases[i].host);
    }
}

/* ---- DNS ----------------------------------------------------------------------------------- */

static void queries_are_read_or_refused(void **state) {
    static const struct {
        str packet;
        egress_parse result;
        const char *text;
        bool valid;
    } cases[] = {
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3www\4Test\0\0\1\0\1"), EGRESS_WHOLE, "www.Test", true},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\1\1x\0\0\1\0\1\0\0)\4\xd0\0\0\0\0\0\0"), EGRESS_WHOLE, "x",
         true},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"), EGRESS_WHOLE, "", false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3a.b\0\0\1\0\1"), EGRESS_WHOLE, "a?b", false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3a\nb\0\0\1\0\1"), EGRESS_WHOLE, "a?b", false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3www\xc0\x0c\0\1\0\1"), EGRESS_OTHER, NULL, false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0"), EGRESS_OTHER, NULL, false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\3"), EGRESS_OTHER, NULL, false}, /* CHAOS */
        {BYTES("\0\1\1\0\0\2\0\0\0\0\0\0\1x\0\0\1\0\1\1x\0\0\1\0\1"), EGRESS_OTHER, NULL, false},
        {BYTES("\0\1\x29\0\0\1\0\0\0\0\0\0\1x\0\0\6\0\1"), EGRESS_OTHER, NULL, false}, /* UPDATE */
        {BYTES("\0\1\x81\0\0\1\0\0\0\0\0\0\1x\0\0\1\0\1"), EGRESS_BAD, NULL, false},
        {BYTES("\0\1\1\0\0\1\0\0\0\0\0"), EGRESS_BAD, NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        egress_query q;
        str packet = own_block(cases[i].packet);
        egress_parse r = egress_read_query(packet, &q);
        if (r != cases[i].result || (r == EGRESS_WHOLE && (strcmp(q.text, cases[i].text) != 0 ||
                                                           q.valid != cases[i].valid)))
            fail_msg("case %zu: %d \"%s\"", i, r, q.text);
        free((char *)packet.ptr);
    }
}

static void answers_repeat_the_question(void **state) {
    static const str query = BYTES("\7\7\1\0\0\1\0\0\0\0\0\1\1x\0\0\1\0\1\0\0)\4\xd0\0\0\0\0\0\0");
    static const char fine[] = "\7\7\x81\x80\0\1\0\1\0\0\0\0\1x\0\0\1\0\1"
                               "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x12\1\2";
    static const char none[] = "\7\7\x81\x83\0\1\0\0\0\0\0\0\1x\0\0\1\0\1";
    uint8_t out[EGRESS_DNS_MAX];
    net_address x = {.family = 4, .bytes = {198, 18, 1, 2}};
    egress_query q;
    assert_int_equal(egress_read_query(query, &q), EGRESS_WHOLE);
    assert_int_equal(egress_write_answer(query, &q, DNS_NOERROR, &x, out), sizeof fine - 1);
    assert_memory_equal(out, fine, sizeof fine - 1);
    assert_int_equal(egress_write_answer(query, &q, DNS_NXDOMAIN, NULL, out), sizeof none - 1);
    assert_memory_equal(out, none, sizeof none - 1);
}

/* ---- SOCKS --------------------------------------------------------------------------------- */

static void socks_requests_are_read(void **state) {
    static const struct {
        str bytes;
        egress_parse result;
        const char *target; /* as CONNECT would name it */
        uint8_t reply;
    } cases[] = {
        {BYTES("\5\1\0\3\4name\1\273"), EGRESS_WHOLE, "name:443", 0},
        {BYTES("\5\1\0\3\7\x31.2.3.4\0\x50"), EGRESS_WHOLE, "1.2.3.4:80", 0},
        {BYTES("\5\1\0\1\1\2\3\4\0\x50more"), EGRESS_WHOLE, "1.2.3.4:80", 0},
        {BYTES("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"), EGRESS_WHOLE, "[::1]:80", 0},
        {BYTES("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4\0\x50"), EGRESS_WHOLE, "1.2.3.4:80",
         0},
        {BYTES("\5\1\0\3\4name\1"), EGRESS_MORE, NULL, 1},
        {BYTES("\5\1\0\3"), EGRESS_MORE, NULL, 1},
        {BYTES("\4\1\0"), EGRESS_BAD, NULL, 1},
        {BYTES("\5\2\0\3\4name\1\273"), EGRESS_BAD, NULL, 7},
        {BYTES("\5\1\0\2\1\2\3\4\0\x50"), EGRESS_BAD, NULL, 8},
        {BYTES("\5\1\0\3\4name\0\0"), EGRESS_BAD, NULL, 1},
        {BYTES("\5\1\0\3\0\0\x50"), EGRESS_BAD, NULL, 1},
        {BYTES("\5\1\0\3\4na\0e\0\x50"), EGRESS_BAD, NULL, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        egress_target t, wanted = {0};
        size_t size = 0;
        uint8_t reply = 0;
        str bytes = own_block(cases[i].bytes);
        egress_parse r = egress_read_socks(bytes, &size, &t, &reply);
        free((char *)bytes.ptr);
        if (r != cases[i].result || (r == EGRESS_BAD && reply != cases[i].reply))
            fail_msg("case %zu: %d, %u", i, r, reply);
        if (r != EGRESS_WHOLE) continue;
        assert_true(egress_parse_authority(str_from(cases[i].target), 0, &wanted));
        assert_string_equal(t.name, wanted.name);
        assert_true(net_address_same(&t.address, &wanted.address));
        assert_int_equal(t.port, wanted.port);
    }
}

static void socks_greetings_must_offer_no_authentication(void **state) {
    static const struct {
        str bytes;
        egress_parse result;
        size_t size;
        bool open;
    } cases[] = {
        {BYTES("\5\1\0"), EGRESS_WHOLE, 3, true},
        {BYTES("\5\2\2\0rest"), EGRESS_WHOLE, 4, true},
        {BYTES("\5\1\2"), EGRESS_WHOLE, 3, false},
        {BYTES("\5\0"), EGRESS_WHOLE, 2, false},
        {BYTES("\5\2\0"), EGRESS_MORE, 0, false},
        {BYTES(""), EGRESS_MORE, 0, false},
        {BYTES("\4\1\0\x50"), EGRESS_BAD, 0, false},
        {BYTES("GET / HTTP/1.1"), EGRESS_BAD, 0, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = 0;
        bool open = false;
        str bytes = own_block(cases[i].bytes);
        egress_parse r = egress_read_greeting(bytes, &size, &open);
        free((char *)bytes.ptr);
        if (r != cases[i].result || size != cases[i].size || open != cases[i].open)
            fail_msg("case %zu: %d, %zu", i, r, size);
    }
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

static void requests_with_two_meanings_are_refused(void **state) {
    static const struct {
        const char *head;
        egress_parse result;
        egress_reason reason;
    } cases[] = {
        {"CONNECT a.test:443 HTTP/1.1\r\n\r\n", EGRESS_WHOLE, EGRESS_FINE},
        {"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", EGRESS_WHOLE, EGRESS_FINE},
        {"CONNECT [::1]:443 HTTP/1.0\r\nHost: [::1]:443\r\n\r\n", EGRESS_WHOLE, EGRESS_FINE},
        {"GET http://a.test HTTP/1.1\r\nHost: A.test:80\r\n\r\n", EGRESS_WHOLE, EGRESS_FINE},
        {"GET HTTP://a.test:8080?q HTTP/1.1\r\nHost:a.test:8080\r\n\r\n", EGRESS_WHOLE,
         EGRESS_FINE},
        {"PUT http://a.test/ HTTP/1.1\r\nContent-Length: 12 \r\n\r\n", EGRESS_WHOLE, EGRESS_FINE},
        {"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n", EGRESS_MORE, EGRESS_BAD_REQUEST},
        {"CONNECT a.test HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"CONNECT a.test:443 HTTP/1.1\r\nHost: b.test\r\n\r\n", EGRESS_BAD, EGRESS_OTHER_HOST},
        {"CONNECT a.test:443 HTTP/2.0\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"CONNECT  a.test:443 HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET /path HTTP/1.1\r\nHost: a.test\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET https://a.test/ HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://u@a.test/ HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test@b.test/ HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test#.b.test/ HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ x HTTP/1.1\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n", EGRESS_BAD, EGRESS_OTHER_HOST},
        {"GET http://a.test/ HTTP/1.1\r\nHost: a.test:81\r\n\r\n", EGRESS_BAD, EGRESS_OTHER_HOST},
        {"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nhost: a.test\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nHost : a.test\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nX: 1\r\n folded\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nX: 1\nHost: b.test\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nX: 1\rY: 2\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\n: x\r\n\r\n", EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nContent-Length: +4\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
         EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", EGRESS_WHOLE,
         EGRESS_FINE},
        {"GET http://a.test/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", EGRESS_BAD,
         EGRESS_TRANSFER_CODING},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", EGRESS_BAD,
         EGRESS_TRANSFER_CODING},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", EGRESS_BAD,
         EGRESS_TRANSFER_CODING},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
         "Transfer-Encoding: chunked\r\n\r\n",
         EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
         EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"GET http://a.test/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
         EGRESS_BAD, EGRESS_BAD_REQUEST},
        {"CONNECT a.test:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
        {"CONNECT a.test:443 HTTP/1.1\r\nContent-Length: 4\r\n\r\n", EGRESS_BAD,
         EGRESS_BAD_REQUEST},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        egress_request r;
        str bytes = own_block(str_from(cases[i].head));
        egress_parse got = egress_read_request(bytes, &r);
        if (got != cases[i].result || r.reason != cases[i].reason)
            fail_msg("%s: %d, %s", cases[i].head, got, egress_reason_text(r.reason));
        free((char *)bytes.ptr);
    }
}

/* IPv4 and TCP from 192.0.2.1:25; ICMP with the head of a datagram to 192.0.2.2:53. */
#define FOUR(protocol, to)                                                                         \
    "\x45\0\0\x28\0\0\0\0\x40" protocol "\0\0"                                                     \
    "\xc0\0\2\1" to
#define TCP(flags, number) "\0\x19\x80\0" number "\0\0\0\1\x50" flags "\0\0\0\0\0\0"
#define RESET              TCP("\x14", "\0\0\0\0")
#define UDP_HEAD           "\x80\0\0\x35\0\x8\0\0"
#define SIX(next)          "\x60\0\0\0\0\x14" next "\x40" SIX_A SIX_B
#define SIX_A              "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define SIX_B              "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2"

static void refusals_of_the_kernel_are_told_from_all_else(void **state) {
    static const struct {
        str packet;
        const char *place; /* NULL: no refusal */
    } cases[] = {
        {BYTES(FOUR("\6", "\x7f\0\0\1") RESET), "tcp 192.0.2.1 25"},
        {BYTES(SIX("\6") RESET), "tcp 2001:db8::1 25"},
        {BYTES(FOUR("\1", "\x7f\0\0\1") "\3\3\0\0\0\0\0\0" FOUR("\x11", "\xc0\0\2\2") UDP_HEAD),
         "udp 192.0.2.2 53"},
        {BYTES(SIX("\x3a") "\1\4\0\0\0\0\0\0" SIX("\x11") UDP_HEAD), "udp 2001:db8::2 53"},
        {BYTES(FOUR("\6", "\x7f\0\0\1") TCP("\x14", "\0\0\0\1")), NULL}, /* of a connection */
        {BYTES(FOUR("\6", "\x7f\0\0\1") TCP("\x12", "\0\0\0\0")), NULL}, /* SYN, ACK */
        {BYTES(FOUR("\x11", "\x7f\0\0\1") RESET), NULL},
        {BYTES("\x45\0\0\x28\0\0\0\0\x40\6\0\0\x7f\0\0\2\x7f\0\0\1" RESET), NULL}, /* loopback */
        {BYTES("\x45\0\0\x28\0\0\0\1\x40\6\0\0\xc0\0\2\1\x7f\0\0\1" RESET), NULL}, /* a fragment */
        {BYTES("\x44\0\0\x28\0\0\0\0\x40\6\0\0\xc0\0\2\1\x7f\0\0\1" RESET), NULL}, /* too short */
        {BYTES("\x4f\0\0\x28\0\0\0\0\x40\6\0\0\xc0\0\2\1\x7f\0\0\1" RESET), NULL}, /* too long */
        {BYTES(FOUR("\1", "\x7f\0\0\1") "\3\1\0\0\0\0\0\0" FOUR("\x11", "\xc0\0\2\2") UDP_HEAD),
         NULL}, /* no such host */
        {BYTES(FOUR("\1", "\x7f\0\0\1") "\3\3\0\0\0\0\0\0" FOUR("\6", "\xc0\0\2\2") UDP_HEAD),
         NULL},
        {BYTES("\x50"), NULL},
        {BYTES(""), NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str bytes = own_block(cases[i].packet);
        egress_refusal r;
        char place[NET_ADDRESS_TEXT + 16] = "", address[NET_ADDRESS_TEXT];
        if (egress_read_refusal(bytes, &r)) {
            net_address_text(&r.address, address);
            snprintf(place, sizeof place, "%s %s %u", r.udp ? "udp" : "tcp", address, r.port);
        }
        if (strcmp(place, cases[i].place ? cases[i].place : "") != 0)
            fail_msg("packet %zu: '%s'", i, place);
        for (size_t n = 0; n < bytes.len; n++) { /* cut anywhere, it is read within its bounds */
            str cut = own_block(str_sub(bytes, 0, n));
            egress_read_refusal(cut, &r);
            free((char *)cut.ptr);
        }
        free((char *)bytes.ptr);
    }
}

static void chunked_bodies_have_one_reading(void **state) {
    static const struct {
        const char *bytes;
        egress_parse result;
        size_t size;
    } cases[] = {
        {"0\r\n\r\n", EGRESS_WHOLE, 5},
        {"5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n", EGRESS_WHOLE, 15},
        {"00a\r\n0123456789\r\nB\r\n0123456789a\r\n000\r\n\r\n", EGRESS_WHOLE, 40},
        {"5\r\nhel", EGRESS_MORE, 6},
        {"5\r\nhello\r\n0\r\n", EGRESS_MORE, 13},
        {"000000000005\r\nhello", EGRESS_MORE, 19},
        {"0000000000005\r\nhello", EGRESS_BAD, 0},      /* thirteen digits */
        {"5;a=b\r\nhello\r\n0\r\n\r\n", EGRESS_BAD, 0}, /* an extension */
        {"5 \r\nhello\r\n0\r\n\r\n", EGRESS_BAD, 0},
        {"0x5\r\nhello\r\n0\r\n\r\n", EGRESS_BAD, 0},
        {"+5\r\nhello\r\n0\r\n\r\n", EGRESS_BAD, 0},
        {"-1\r\nhello\r\n0\r\n\r\n", EGRESS_BAD, 0},
        {"\r\n", EGRESS_BAD, 0},
        {"5\nhello\n0\n\n", EGRESS_BAD, 0},
        {"5\r\nhello\n0\r\n\r\n", EGRESS_BAD, 0},
        {"5\r\nhello!\r\n0\r\n\r\n", EGRESS_BAD, 0},
        {"5\r\nhelloXX0\r\n\r\n", EGRESS_BAD, 0},
        {"0\r\nTrailer: x\r\n\r\n", EGRESS_BAD, 0},
        {"0\r\n\n", EGRESS_BAD, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str bytes = own_block(str_from(cases[i].bytes));
        for (size_t step = 1; step <= bytes.len; step++) {
            egress_chunks k = {0};
            egress_parse r = EGRESS_MORE;
            size_t size, total = 0;
            for (size_t at = 0; at < bytes.len && r == EGRESS_MORE; at += step) {
                r = egress_read_chunks(&k, str_sub(bytes, at, at + step), &size);
                if (r != EGRESS_BAD) total += size;
            }
            if (r != cases[i].result || (r != EGRESS_BAD && total != cases[i].size))
                fail_msg("%s by %zu: %d after %zu", cases[i].bytes, step, r, total);
        }
        free((char *)bytes.ptr);
    }
}

static void heads_have_a_size_and_a_number_of_lines(void **state) {
    _cleanup_strbuf_ strbuf b = STRBUF_INIT;
    egress_request r;
    strbuf_adds(&b, "GET http://a.test/ HTTP/1.1\r\n");
    for (int i = 0; i <= EGRESS_HEADERS_MAX; i++)
        strbuf_addf(&b, "X-%d: y\r\n", i);
    size_t before_end = b.len;
    strbuf_adds(&b, "\r\n");
    assert_int_equal(egress_read_request(strbuf_str(&b), &r), EGRESS_BAD);
    strbuf_truncate(&b, before_end);
    assert_int_equal(egress_read_request(strbuf_str(&b), &r), EGRESS_MORE);
    strbuf_pad(&b, 'x', EGRESS_HEAD_MAX);
    assert_int_equal(egress_read_request(strbuf_str(&b), &r), EGRESS_BAD);
}

static void the_origin_gets_nothing_that_was_meant_for_the_proxy(void **state) {
    static const str bytes = BYTES("GET http://A.test:80?q=1 HTTP/1.1\r\n"
                                   "Accept: x\r\nproxy-authorization: Basic xx\r\n"
                                   "Proxy-Connection: keep-alive\r\nConnection: keep-alive\r\n"
                                   "Upgrade: h2c\r\nHost: a.test\r\n\r\n");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    egress_request r;
    assert_int_equal(egress_read_request(bytes, &r), EGRESS_WHOLE);
    egress_write_request(bytes, &r, false, STR_EMPTY, &out);
    assert_str(strbuf_str(&out), "GET /?q=1 HTTP/1.1\r\nHost: A.test:80\r\nAccept: x\r\n"
                                 "Connection: close\r\n\r\n");
    strbuf_clear(&out);
    egress_write_request(bytes, &r, true, STR("Basic yy"), &out);
    assert_str(strbuf_str(&out),
               "GET http://A.test:80/?q=1 HTTP/1.1\r\nHost: A.test:80\r\nAccept: x\r\n"
               "Proxy-Authorization: Basic yy\r\nConnection: close\r\n\r\n");
}

/* ---- TLS ----------------------------------------------------------------------------------- */

#define RANDOM "0123456789abcdef0123456789abcdef"
/* A ClientHello with a session id, two ciphers, ALPN and the name "a.test". */
#define HELLO                                                                                      \
    "\x01\0\0\x47\x03\x03" RANDOM "\4sess\0\4\x13\1\x13\2\1\0\0\x16"                               \
    "\0\x10\0\3\0\1\1\0\0\0\x0b\0\x09\0\0\6a.test"

static void server_names_are_read(void **state) {
    static const struct {
        str bytes;
        egress_parse result;
        const char *name;
    } cases[] = {
        {BYTES("\x16\3\1\0\x4b" HELLO), EGRESS_WHOLE, "a.test"},
        {BYTES("\x16\3\1\0\x4b" HELLO "\x14\3\3\0\1\1"), EGRESS_WHOLE, "a.test"},
        {BYTES("\x16\3\1\0\x4b\x01\0\0\x47\x03\x03" RANDOM), EGRESS_MORE, ""},
        {BYTES("\x16\3\1\0\x2d\1\0\0\x29\3\3" RANDOM "\0\0\2\x13\1\1\0"), EGRESS_WHOLE, ""},
        {BYTES("\x16\3\1\0\x2d\2\0\0\x29\3\3" RANDOM "\0\0\2\x13\1\1\0"), EGRESS_BAD, ""},
        {BYTES("\x16\3\1\0\x2e\1\0\0\x2a\3\3" RANDOM "\0\0\2\x13\1\1\0x"), EGRESS_BAD, ""},
        {BYTES("\x16\3\1\0\0"), EGRESS_BAD, ""},
        {BYTES("\x16\3\1\x50\0"), EGRESS_BAD, ""},
        {BYTES("\x16\3"), EGRESS_MORE, ""},
        {BYTES("SSH-2.0-x"), EGRESS_OTHER, ""},
        {BYTES("\x16\1"), EGRESS_OTHER, ""},
        {BYTES(""), EGRESS_MORE, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[EGRESS_NAME_MAX + 1];
        str bytes = own_block(cases[i].bytes);
        egress_parse r = egress_read_hello(bytes, name);
        free((char *)bytes.ptr);
        if (r != cases[i].result || strcmp(name, cases[i].name) != 0)
            fail_msg("case %zu: %d \"%s\"", i, r, name);
    }
}

static void a_hello_may_be_spread_over_records(void **state) {
    _cleanup_strbuf_ strbuf b = STRBUF_INIT;
    char name[EGRESS_NAME_MAX + 1];
    str hello = BYTES(HELLO);
    for (size_t at = 0; at < hello.len; at += 7) {
        str part = str_sub(hello, at, at + 7);
        strbuf_add(&b, (str){"\x16\3\1\0", 4});
        strbuf_addc(&b, (char)part.len);
        strbuf_add(&b, part);
        egress_parse r = egress_read_hello(strbuf_str(&b), name);
        assert_int_equal(r, at + 7 >= hello.len ? EGRESS_WHOLE : EGRESS_MORE);
    }
    assert_string_equal(name, "a.test");
}

static void records_that_cannot_be_are_errors(void **state) {
    egress_record_head head = {.size = sizeof head + 3, .name_size = 3};
    char bytes[sizeof head + 3];
    egress_record r;
    err e = {0};
    memcpy(bytes + sizeof head, "abc", 3);
    memcpy(bytes, &head, sizeof head);
    str left = {bytes, sizeof bytes - 1};
    assert_false(egress_record_next(&left, &r, &e));
    assert_int_equal(e.code, 0);
    left.len++;
    assert_true(egress_record_next(&left, &r, &e));
    assert_str(r.name, "abc");
    assert_int_equal(left.len, 0);
    head.size++;
    memcpy(bytes, &head, sizeof head);
    left = (str){bytes, sizeof bytes};
    assert_false(egress_record_next(&left, &r, &e));
    assert_int_equal(e.code, ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_cannot_be_meant_say_why),
        cmocka_unit_test(rules_are_at_most_a_thousand),
        cmocka_unit_test(targets_are_judged_by_name_and_port),
        cmocka_unit_test(a_policy_survives_as_text),
        cmocka_unit_test(the_machines_own_proxy_is_taken_from_the_environment),
        cmocka_unit_test(no_proxy_names_what_is_reached_directly),
        cmocka_unit_test(queries_are_read_or_refused),
        cmocka_unit_test(answers_repeat_the_question),
        cmocka_unit_test(socks_requests_are_read),
        cmocka_unit_test(socks_greetings_must_offer_no_authentication),
        cmocka_unit_test(requests_with_two_meanings_are_refused),
        cmocka_unit_test(chunked_bodies_have_one_reading),
        cmocka_unit_test(refusals_of_the_kernel_are_told_from_all_else),
        cmocka_unit_test(heads_have_a_size_and_a_number_of_lines),
        cmocka_unit_test(the_origin_gets_nothing_that_was_meant_for_the_proxy),
        cmocka_unit_test(server_names_are_read),
        cmocka_unit_test(a_hello_may_be_spread_over_records),
        cmocka_unit_test(records_that_cannot_be_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
