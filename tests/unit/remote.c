/* What the server connects to, and what it does not. */
#include "unit.h"

#include "server/remote.h"

#include <string.h>

static void urls_are_taken_apart(void **state) {
    static const struct {
        const char *text;
        remote_scheme scheme;
        const char *user, *host;
        unsigned port;
        const char *path;
    } rows[] = {
        {"https://git.example/team/shop.git", REMOTE_HTTPS, "", "git.example", 443,
         "/team/shop.git"},
        {"HTTPS://git.example:8443/x", REMOTE_HTTPS, "", "git.example", 8443, "/x"},
        {"https://api.github.com", REMOTE_HTTPS, "", "api.github.com", 443, ""},
        {"http://[::1]:3000/x", REMOTE_HTTP, "", "::1", 3000, "/x"},
        {"ssh://git@git.example:2222/~/x.git", REMOTE_SSH, "git", "git.example", 2222, "/~/x.git"},
        {"git@git.example:team/shop.git", REMOTE_SSH, "git", "git.example", 22, "team/shop.git"},
        {"git://git.example/x", REMOTE_GIT, "", "git.example", 9418, "/x"},
        {"file:///srv/git/x.git", REMOTE_FILE, "", "", 0, "/srv/git/x.git"},
        {"/srv/git/x.git", REMOTE_FILE, "", "", 0, "/srv/git/x.git"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        remote_url u;
        err e = {0};
        if (remote_parse(a, str_from(rows[i].text), &u, &e) < 0)
            fail_msg("%s: %s", rows[i].text, e.message);
        assert_int_equal(u.scheme, rows[i].scheme);
        assert_int_equal(u.port, rows[i].port);
        assert_str(u.user, rows[i].user);
        assert_str(u.host, rows[i].host);
        assert_str(u.path, rows[i].path);
        assert_str(u.text, rows[i].text);
    }
}

static void what_is_no_plain_url_is_refused(void **state) {
    static const char *const rows[] = {
        "",
        "-uhttps://x/y",
        "--upload-pack=x",
        "ext::sh -c id",
        "ext::id",
        "fd::17/x",
        "https://user:hunter2@git.example/x",
        "https://hunter2@git.example/x",
        "http://user@git.example/x",
        "ssh://git:hunter2@git.example/x",
        "ssh://-oProxyCommand=id/x",
        "ssh://-o@git.example/x",
        "git@-oProxyCommand=id:x",
        "git@git.example:-x",
        "ftp://x/y",
        "https://",
        "https:///x",
        "https://git.example:0/x",
        "https://git.example:99999/x",
        "https://git.example:x/y",
        "https://[::1/x",
        "https://::1/x",
        "https://[git.example]/x",
        "https://git.example/a b",
        "https://git.example/\nHost: x",
        "https://git exa.mple/x",
        "https://git.example\\@evil/x",
        "relative/path",
        "file://elsewhere/x",
        "file://",
        "https://x'; id'/y",
        "javascript:alert(1)//",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        remote_url u;
        err e = {0};
        if (remote_parse(a, str_from(rows[i]), &u, &e) == 0 && !strstr(rows[i], "javascript"))
            fail_msg("'%s' is taken", rows[i]);
        assert_null(strstr(e.message, "hunter2"));
    }
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    remote_url u;
    err e = {0};
    strbuf_adds(&text, "https://x/");
    strbuf_pad(&text, 'x', REMOTE_URL_MAX);
    assert_int_equal(remote_parse(a, strbuf_str(&text), &u, &e), ERR_LIMIT);
}

static void addresses_are_allowed_by_the_setting_only(void **state) {
    static const struct {
        const char *url, *address, *allowed;
        bool http, fine;
    } rows[] = {
        {"https://git.example/x", "93.184.216.34", "", false, true},
        {"https://git.example/x", "127.0.0.1", "", false, false},
        {"https://git.example/x", "::1", "", true, false},
        {"https://git.example/x", "169.254.169.254", "", false, false},
        {"https://git.example/x", "10.0.0.5", "", false, false},
        {"https://git.example/x", "::ffff:10.0.0.5", "", false, false},
        {"https://git.example/x", "64:ff9b::a00:5", "", false, false},
        {"https://git.example/x", "10.0.0.5", "10.0.0.0/8", false, true},
        {"https://git.example/x", "11.0.0.5", "10.0.0.0/8", false, true},
        {"https://git.example/x", "192.168.0.5", "10.0.0.0/8", false, false},
        {"https://git.example/x", "192.168.0.5", "GIT.example", false, true},
        {"https://other.example/x", "192.168.0.5", "git.example", false, false},
        {"http://git.example/x", "93.184.216.34", "", false, false},
        {"http://git.example/x", "93.184.216.34", "", true, true},
        {"git://git.example/x", "93.184.216.34", "", false, false},
        {"git://git.example/x", "10.0.0.5", "10.0.0.5", false, true},
        {"ssh://git.example/x", "93.184.216.34", "", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        remote_url u;
        net_address x;
        err e = {0};
        const str allowed = str_from(rows[i].allowed);
        remote_guard g = {&allowed, allowed.len > 0, rows[i].http, false};
        assert_int_equal(remote_guard_check(&g, &e), 0);
        assert_int_equal(remote_parse(a, str_from(rows[i].url), &u, &e), 0);
        assert_true(net_address_parse(str_from(rows[i].address), &x));
        if ((remote_judge(&g, &u, &x, &e) == 0) != rows[i].fine)
            fail_msg("%s at %s, allowed '%s'", rows[i].url, rows[i].address, rows[i].allowed);
    }
    const str wrong[] = {STR("10.0.0.0/33"), STR("a b"), STR("")};
    for (size_t i = 0; i < 3; i++) {
        err e = {0};
        assert_int_equal(remote_guard_check(&(remote_guard){&wrong[i], 1, false, false}, &e),
                         ERR_INVALID);
    }
}

/* By the resolver of this machine, which knows these without asking anybody. */
static void other_spellings_of_this_machine_are_seen_through(void **state) {
    static const char *const rows[] = {
        "http://localhost/", "http://127.1/", "http://0x7f000001/",         "http://2130706433/",
        "http://0/",         "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://017700000001/"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        remote_url u;
        net_address x;
        err e = {0};
        remote_guard g = {.allow_http = true};
        if (remote_parse(a, str_from(rows[i]), &u, &e) == 0)
            assert_true(remote_resolve(&g, &u, &x, &e) < 0);
    }
}

static void folders_of_the_machine_need_leave(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    remote_url u;
    net_address x;
    err e = {0};
    assert_int_equal(remote_parse(a, STR("/srv/x.git"), &u, &e), 0);
    assert_int_equal(remote_resolve(&(remote_guard){0}, &u, &x, &e), ERR_INVALID);
    assert_int_equal(remote_resolve(&(remote_guard){.allow_file = true}, &u, &x, &e), 0);
}

static void a_pin_names_host_port_and_address(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    remote_url u;
    net_address x;
    err e = {0};
    assert_int_equal(remote_parse(a, STR("https://git.example:8443/x"), &u, &e), 0);
    assert_true(net_address_parse(STR("93.184.216.34"), &x));
    assert_string_equal(remote_pin(a, &u, &x), "git.example:8443:93.184.216.34");
    assert_true(net_address_parse(STR("2001:4860::1"), &x));
    assert_string_equal(remote_pin(a, &u, &x), "git.example:8443:[2001:4860::1]");
    assert_int_equal(remote_parse(a, STR("https://93.184.216.34/x"), &u, &e), 0);
    assert_null(remote_pin(a, &u, &x));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(what_is_no_plain_url_is_refused),
        cmocka_unit_test(addresses_are_allowed_by_the_setting_only),
        cmocka_unit_test(other_spellings_of_this_machine_are_seen_through),
        cmocka_unit_test(folders_of_the_machine_need_leave),
        cmocka_unit_test(a_pin_names_host_port_and_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
