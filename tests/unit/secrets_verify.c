/* How a provider is asked, and what its answers mean: docs/secrets.md */
#include "unit.h"

#include "scan/secrets/rules.h"

#include <string.h>

static int read_rule(arena *a, const char *verify, rules_origin origin, secret_rules **ret,
                     err *e) {
    str text = arena_printf(a,
                            "[[rules]]\nid = \"acme\"\n"
                            "regex = '''(?P<account>[a-z]+)_([0-9]+)_(?P<part>.*)'''\n"
                            "[rules.verify]\n%s\n",
                            verify);
    return secret_rules_parse(a, text, "rules.toml", origin, ret, e);
}

/* ---- what is refused ------------------------------------------------------------------------ */

#define URL "url = \"https://api.example/\"\n"

static const struct {
    const char *verify, *says;
} refused[] = {
    {"active = [200]", "needs a 'url'"},
    {"url = \"http://api.example/\"\nactive = [200]", "must begin with https://"},
    {"url = \"http://127.0.0.1.example/\"\nactive = [200]", "must begin with https://"},
    {"url = \"ftp://api.example/\"\nactive = [200]", "must begin with https://"},
    {"url = \"https://{{account}}.example/\"\nactive = [200]", "names no host"},
    {"url = \"https://user@api.example/\"\nactive = [200]", "names no host"},
    {"url = \"https:///path\"\nactive = [200]", "names no host"},
    {"url = \"https://api.example/{{secrets}}\"\nactive = [200]", "uses {{secrets}}"},
    {URL "headers = {A = \"{{other}}\"}\nactive = [200]", "uses {{other}}"},
    {URL "headers = {A = \"x\\nB: y\"}\nactive = [200]", "is not one line"},
    {URL "headers = [\"A: b\"]\nactive = [200]", "is a table"},
    {URL "method = \"DELETE\"\nactive = [200]", "is GET, HEAD or POST"},
    {URL, "does not say which answers are 'active'"},
    {URL "active = 200", "is a list"},
    {URL "active = [99]", "from 100 to 599"},
    {URL "active = [{}]", "needs a 'status' or a 'field'"},
    {URL "active = [{field = \"ok\"}]", "'field' and 'is', or neither"},
    {URL "active = [{status = 200, fields = \"ok\"}]", "did you mean 'field'?"},
    {URL "active = [200]\nunknown = 1", "has no key 'unknown'"},
};

static void what_is_refused(void **state) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        _cleanup_arena_ arena *a = arena_new();
        secret_rules *rules;
        err e = {0};
        if (read_rule(a, refused[i].verify, RULES_OF_PERSON, &rules, &e) == 0)
            fail_msg("row %zu was taken", i);
        if (!strstr(e.message, refused[i].says) || !e.where.line)
            fail_msg("row %zu: %s", i, e.message);
    }
}

static void only_persons_play_providers(void **state) {
    static const char plain[] = "url = \"http://127.0.0.1:8080/\"\nactive = [200]";
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *rules;
    err e = {0};
    assert_int_equal(read_rule(a, plain, RULES_OF_PERSON, &rules, &e), 0);
    assert_str(rules->items[0].verify->host, "127.0.0.1:8080");
    secret_rules_done(rules);
    assert_true(read_rule(a, plain, RULES_BUILTIN, &rules, &e) < 0);
    assert_true(read_rule(a, plain, RULES_OF_TREE, &rules, &e) < 0);
}

static void what_is_scanned_sends_nothing(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *rules;
    err e = {0};
    assert_int_equal(read_rule(a, URL "active = [200]", RULES_OF_TREE, &rules, &e), 0);
    assert_null(rules->items[0].verify);
    assert_int_equal(rules->warnings.count, 1);
    secret_rules_done(rules);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void names_are_filled_in(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *rules;
    http_request request;
    err e = {0};
    int code = read_rule(a,
                         "url = \"https://api.example/bot{{secret}}/me?a={{ account }}\"\n"
                         "headers = {X-Part = \"<{{part}}>\", Accept = \"*/*\"}\n"
                         "basic = \"{{account}}:{{secret}}\"\nactive = [200]",
                         RULES_OF_PERSON, &rules, &e);
    if (code < 0) fail_msg("%s", e.message);
    const secret_verify *v = rules->items[0].verify;
    value values = value_object_new(a, true);
    value_set_str(a, &values, "secret", STR("12:3/4"));
    value_set_str(a, &values, "account", STR("a&b"));
    assert_int_equal(secret_verify_request(a, v, &values, &request, &e), ERR_INVALID);
    value_set_str(a, &values, "part", STR("p?"));
    assert_int_equal(secret_verify_request(a, v, &values, &request, &e), 0);
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.url, "https://api.example/bot12:3%2F4/me?a=a%26b");
    assert_string_equal(request.headers[0], "User-Agent: slipway/" SLIPWAY_VERSION);
    assert_string_equal(request.headers[1], "X-Part: <p?>");
    assert_string_equal(request.headers[2], "Accept: */*");
    assert_string_equal(request.headers[3], "Authorization: Basic YSZiOjEyOjMvNA==");
    assert_null(request.headers[4]);
    secret_rules_done(rules);
}

static void what_would_break_a_request_is_not_sent(void **state) {
    static const char *const values_of[] = {"", "a b", "a\r\nX: y", "a\x01", "caf\xc3\xa9"};
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *rules;
    http_request request;
    err e = {0};
    assert_int_equal(read_rule(a,
                               URL "headers = {A = \"{{secret}}\"}\n"
                                   "active = [200]",
                               RULES_BUILTIN, &rules, &e),
                     0);
    for (size_t i = 0; i < sizeof values_of / sizeof *values_of; i++) {
        value values = value_object_new(a, true);
        value_set_str(a, &values, "secret", str_from(values_of[i]));
        assert_int_equal(secret_verify_request(a, rules->items[0].verify, &values, &request, &e),
                         ERR_INVALID);
    }
    secret_rules_done(rules);
}

/* ---- answers -------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *body;
    verify_verdict verdict;
} answers[] = {
    {204, "", VERIFIED_ACTIVE},
    {200, "{\"ok\":true}", VERIFIED_ACTIVE},
    {200, "{\"ok\":\"true\"}", VERIFIED_ACTIVE},
    {200, "{\"ok\":1}", VERIFIED_UNKNOWN},
    {200, "{\"ok\":false}", VERIFIED_UNKNOWN},
    {200, "[]", VERIFIED_UNKNOWN},
    {200, "<html>", VERIFIED_UNKNOWN},
    {200, "{\"ok\":true,\"error\":{\"code\":\"revoked\"}}", VERIFIED_UNKNOWN}, /* both */
    {200, "{\"error\":{\"code\":\"revoked\"}}", VERIFIED_INACTIVE},
    {500, "{\"error\":{\"code\":\"expired\"}}", VERIFIED_INACTIVE},
    {500, "{\"error\":{\"code\":\"internal\"}}", VERIFIED_UNKNOWN},
    {401, "", VERIFIED_INACTIVE},
    {403, "{\"ok\":true}", VERIFIED_UNKNOWN},
    {302, "", VERIFIED_UNKNOWN},
};

static void answers_are_judged(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *rules;
    err e = {0};
    int code =
        read_rule(a,
                  URL "active = [204, {status = [200, 201], field = \"ok\", is = [true]}]\n"
                      "inactive = [401, {field = \"error.code\", is = [\"revoked\", \"expired\"]}]",
                  RULES_BUILTIN, &rules, &e);
    if (code < 0) fail_msg("%s", e.message);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        verify_verdict verdict = secret_verify_judge(rules->items[0].verify, answers[i].status,
                                                     str_from(answers[i].body));
        if (verdict != answers[i].verdict) fail_msg("row %zu: %s", i, verify_verdict_name(verdict));
    }
    secret_rules_done(rules);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(only_persons_play_providers),
        cmocka_unit_test(what_is_scanned_sends_nothing),
        cmocka_unit_test(names_are_filled_in),
        cmocka_unit_test(what_would_break_a_request_is_not_sent),
        cmocka_unit_test(answers_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
