#include "unit.h"

#include "actions/blocklist.h"
#include "actions/jwt.h"
#include "actions/service.h"
#include "base/fs.h"
#include "base/json.h"

#include <string.h>
#include <sys/stat.h>

/* ---- tokens -------------------------------------------------------------------------------- */

static str token_of(arena *a, const char *claims) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    value v;
    assert_int_equal(json_parse(a, str_from(claims), 0, &v, NULL), 0);
    jwt_make(&out, STR("key"), &v);
    return arena_str(a, strbuf_str(&out));
}

static void a_token_is_good_in_its_time_and_by_its_key(void **state) {
    static const struct {
        const char *claims, *key;
        int64_t now;
        bool good;
    } cases[] = {
        {"{\"nbf\": 10, \"exp\": 20}", "key", 10, true},
        {"{\"nbf\": 10, \"exp\": 20}", "key", 19, true},
        {"{\"nbf\": 10, \"exp\": 20}", "key", 9, false},
        {"{\"nbf\": 10, \"exp\": 20}", "key", 20, false},
        {"{\"nbf\": 10, \"exp\": 20}", "other", 15, false},
        {"{\"nbf\": 10}", "key", 15, false},
        {"{\"exp\": 20}", "key", 15, false},
        {"{\"nbf\": \"10\", \"exp\": 20}", "key", 15, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        jwt parsed;
        str token = token_of(a, cases[i].claims);
        int r = jwt_check(a, str_from(cases[i].key), token, cases[i].now, &parsed, NULL);
        assert_int_equal(r == 0, cases[i].good);
    }
}

static void a_changed_token_is_none(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    str token = token_of(a, "{\"nbf\": 10, \"exp\": 20, \"sub\": \"a\"}");
    jwt parsed;
    for (size_t i = 0; i < token.len; i++) {
        char *changed = arena_cstr(a, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_true(jwt_check(a, STR("key"), str_from(changed), 15, &parsed, NULL) < 0);
    }
    static const char *const wrong[] = {"", ".", "..", "a.b", "a.b.c.d", "e30.e30", "e30.e30."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(jwt_check(a, STR("key"), str_from(wrong[i]), 15, &parsed, NULL) < 0);
}

/* ---- block lists --------------------------------------------------------------------------- */

static void block_lists_are_read_in_their_order(void **state) {
    static const struct {
        const char *xml, *ids; /* NULL: refused */
    } cases[] = {
        {"<BlockList></BlockList>", ""},
        {"<BlockList/>", ""},
        {"<?xml version=\"1.0\"?><BlockList><Latest>Mg==</Latest><Latest>MQ==</Latest></BlockList>",
         "Mg== MQ=="},
        {"<BlockList>\n <Uncommitted> MQ== </Uncommitted><!-- c --><Committed>Mw==</Committed>\n"
         "</BlockList>\n",
         "MQ== Mw=="},
        {"", NULL},
        {"<BlockList>", NULL},
        {"<BlockList><Latest>MQ==</Latest>", NULL},
        {"<BlockList><Latest>MQ==</BlockList>", NULL},
        {"<BlockList><Latest></Latest></BlockList>", NULL},
        {"<BlockList><Latest>a b</Latest></BlockList>", NULL},
        {"<BlockList><Latest>&amp;</Latest></BlockList>", NULL},
        {"<BlockList><Other>MQ==</Other></BlockList>", NULL},
        {"<BlockList></BlockList>x", NULL},
        {"<!DOCTYPE x><BlockList></BlockList>", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf joined = STRBUF_INIT;
        str *ids;
        size_t count;
        err e = {0};
        int r = blocklist_parse(a, str_from(cases[i].xml), &ids, &count, &e);
        assert_int_equal(r, cases[i].ids ? 0 : ERR_INVALID);
        for (size_t k = 0; r == 0 && k < count; k++)
            strbuf_addf(&joined, "%s%.*s", k ? " " : "", STR_ARG(ids[k]));
        if (r == 0) assert_str(strbuf_str(&joined), cases[i].ids);
    }
}

/* ---- fields -------------------------------------------------------------------------------- */

static void fields_come_in_either_spelling(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value in;
    str text;
    uint64_t number;
    json_parse(a,
               STR("{\"sizeBytes\": \"12\", \"id_filter\": 7, \"name\": null, \"bad\": [], "
                   "\"neg\": -1, \"half\": 0.5, \"long\": \"99999999999999999999\"}"),
               0, &in, NULL);
    assert_true(twirp_number(&in, "size_bytes", &number) && number == 12);
    assert_true(twirp_number(&in, "id_filter", &number) && number == 7);
    assert_true(twirp_number(&in, "absent", &number) && number == 0);
    assert_true(twirp_text(&in, "name", &text) && text.len == 0);
    static const char *const wrong[] = {"bad", "neg", "half", "long"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(twirp_number(&in, wrong[i], &number));
    assert_false(twirp_text(&in, "bad", &text));
}

static void times_are_read_and_written(void **state) {
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-27T16:00:00Z", 1795795200},
        {"2026-11-27T16:00:00.123Z", 1795795200},
        {"2026-11-27T16:00:00", -1},
        {"2026-11-27 16:00:00Z", -1},
        {"2026-13-27T16:00:00Z", -1},
        {"2026-11-27T16:00:00+01:00", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us;
        bool read = parse_timestamp(str_from(cases[i].text), &us);
        assert_int_equal(read, cases[i].seconds >= 0);
        if (read) assert_int_equal(us, cases[i].seconds * 1000000);
    }
    _cleanup_arena_ arena *a = arena_new();
    str text;
    format_timestamp(a, 1795795200123456, &text);
    assert_str(text, "2026-11-27T16:00:00Z");
}

/* ---- identity ------------------------------------------------------------------------------ */

static void subjects_are_those_of_github(void **state) {
    static const struct {
        const char *environment, *event;
        bool immutable;
        const char *subject;
    } cases[] = {
        {"", "push", false, "repo:octo/shop:ref:refs/heads/main"},
        {"", "pull_request", false, "repo:octo/shop:pull_request"},
        {"production", "push", false, "repo:octo/shop:environment:production"},
        {"a:b", "pull_request", false, "repo:octo/shop:environment:a%3Ab"},
        {"", "push", true, "repo:octo@12/shop@34:ref:refs/heads/main"},
        {"production", "push", true, "repo:octo@12/shop@34:environment:production"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        actions_job j = {.repository = STR("octo/shop"),
                         .ref = STR("refs/heads/main"),
                         .environment = str_from(cases[i].environment),
                         .immutable_subject = cases[i].immutable,
                         .claims = value_object_new(a, true)};
        value_set_str(a, &j.claims, "event_name", str_from(cases[i].event));
        value_set_str(a, &j.claims, "repository_owner_id", STR("12"));
        value_set_str(a, &j.claims, "repository_id", STR("34"));
        identity_subject(&out, &j);
        assert_str(strbuf_str(&out), cases[i].subject);
    }
}

/* The rule of isGhes() in actions/toolkit. */
static void hosts_that_the_toolkit_knows(void **state) {
    static const struct {
        const char *url;
        bool known;
    } cases[] = {
        {"https://github.com", true},       {"https://GITHUB.COM/", true},
        {"https://team.ghe.com", true},     {"http://slipway.localhost:8080", true},
        {"https://git.example.com", false}, {"https://github.com.example.com", false},
        {"http://localhost", false},        {"https://ghe.com", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(actions_known_host(str_from(cases[i].url)), cases[i].known);
}

/* ---- the process --------------------------------------------------------------------------- */

static void the_process_opens_and_closes_jobs(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *dir;
    err e = {0};
    actions_services *s;
    str one, two;
    value env;
    jwt token;
    actions_artifact *artifacts;
    size_t count = 1;
    assert_int_equal(fs_temp_dir(a, "actions-", &dir, &e), 0);
    if (actions_start(fs_join(a, dir, STR("data")), NULL, &s, &e) < 0) fail_msg("%s", e.message);
    actions_job j = {.run = STR("run1"),
                     .repository = STR("o/r"),
                     .ref = STR("refs/pull/1/merge"),
                     .base_branch = STR("release"),
                     .default_branch = STR("main"),
                     .artifacts = str_from(fs_join(a, dir, STR("artifacts"))),
                     .claims = value_object_new(a, true)};
    assert_int_equal(actions_job_open(s, a, &j, &one, &env, &e), 0);
    str text = value_path_str(&env, "ACTIONS_RUNTIME_TOKEN");
    assert_int_equal(jwt_parse(a, text, &token, &e), 0);
    assert_str(value_path_str(&token.claims, "scp"),
               arena_printf(a, "Actions.Results:run1:%.*s", STR_ARG(one)).ptr);
    assert_str(value_path_str(&token.claims, "ac"),
               "[{\"Scope\":\"refs/pull/1/merge\",\"Permission\":3},"
               "{\"Scope\":\"refs/heads/release\",\"Permission\":1},"
               "{\"Scope\":\"refs/heads/main\",\"Permission\":1}]");
    assert_true(str_ends(value_path_str(&env, "ACTIONS_CACHE_URL"), STR("/")));
    assert_null(value_get(&env, STR("ACTIONS_ID_TOKEN_REQUEST_URL")));
    j.identity = true;
    assert_int_equal(actions_job_open(s, a, &j, &two, &env, &e), 0);
    assert_non_null(value_get(&env, STR("ACTIONS_ID_TOKEN_REQUEST_TOKEN")));
    assert_int_equal(actions_artifacts(s, a, STR("run1"), &artifacts, &count, &e), 0);
    assert_int_equal(count, 0);
    struct stat st;
    char *door = fs_join(a, dir, STR("socket"));
    assert_int_equal(actions_job_share(s, STR("other"), dir, &e), ERR_NOT_FOUND);
    assert_int_equal(actions_job_share(s, one, dir, &e), 0);
    assert_int_equal(actions_job_share(s, one, dir, &e), ERR_INVALID);
    assert_true(stat(door, &st) == 0 && S_ISSOCK(st.st_mode));
    assert_int_equal(actions_job_close(s, one, &e), 0);
    assert_true(stat(door, &st) < 0);
    assert_int_equal(actions_job_close(s, one, &e), ERR_NOT_FOUND);
    actions_stop(s);
    fs_remove(dir, &e);
}

static void what_keeps_the_process_from_starting_is_told(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *dir;
    err e = {0};
    actions_services *s = NULL;
    assert_int_equal(fs_temp_dir(a, "actions-", &dir, &e), 0);
    char *file = fs_join(a, dir, STR("file"));
    assert_int_equal(fs_create(file, STR("x"), 0600, &e), 0);
    assert_true(actions_start(fs_join(a, file, STR("data")), NULL, &s, &e) < 0);
    assert_non_null(strstr(e.message, "file"));
    assert_null(s);
    fs_remove(dir, &e);
}

int main(int argc, char **argv) {
    actions_main(argc, argv); /* the process of the services is this program, too */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_in_its_time_and_by_its_key),
        cmocka_unit_test(a_changed_token_is_none),
        cmocka_unit_test(block_lists_are_read_in_their_order),
        cmocka_unit_test(fields_come_in_either_spelling),
        cmocka_unit_test(times_are_read_and_written),
        cmocka_unit_test(subjects_are_those_of_github),
        cmocka_unit_test(hosts_that_the_toolkit_knows),
        cmocka_unit_test(the_process_opens_and_closes_jobs),
        cmocka_unit_test(what_keeps_the_process_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
