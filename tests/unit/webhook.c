/* Deliveries of each forge, in the shape that its documentation shows. */
#include "unit.h"

#include "base/hash.h"
#include "server/webhook.h"

#include <stdio.h>
#include <string.h>

#define NOW  (INT64_C(1795800000) * 1000000)
#define A    "1111111111111111111111111111111111111111"
#define B    "2222222222222222222222222222222222222222"
#define ZERO "0000000000000000000000000000000000000000"

/* "Name: value" lines. */
static str find_header(void *context, const char *name) {
    str rest = str_from(context), line, key, text;
    while (str_line(&rest, &line)) {
        if (str_cut(line, ':', &key, &text) && str_eq_nocase(key, str_from(name)))
            return str_trim(text);
    }
    return STR_EMPTY;
}

static webhook_request request(const char *headers, const char *body) {
    return (webhook_request){find_header, (void *)(uintptr_t)headers, str_from(body)};
}

static void headers_tell_the_forge(void **state) {
    static const struct {
        const char *headers;
        int forge; /* or negative: no webhook */
        const char *event, *delivery;
    } rows[] = {
        {"X-GitHub-Event: push\nX-GitHub-Delivery: d1\nContent-Type: application/json", 0, "push",
         "d1"},
        {"x-gitea-event: push\nX-Gitea-Delivery: d2\nX-GitHub-Event: push\nX-GitHub-Delivery: d2",
         1, "push", "d2"},
        {"X-Forgejo-Event: create\nX-Gitea-Event: x\nX-Forgejo-Delivery: d3\nX-Gitea-Delivery: y",
         1, "create", "d3"},
        {"X-Gitlab-Event: Push Hook\nX-Gitlab-Event-UUID: u\nIdempotency-Key: d4", 2, "Push Hook",
         "d4"},
        {"X-Gitlab-Event: Push Hook\nX-Gitlab-Event-UUID: u", 2, "Push Hook", "u"},
        {"X-GitHub-Event: push", -1, "", ""},
        {"X-GitHub-Delivery: d1", -1, "", ""},
        {"X-GitHub-Event: push\nX-GitHub-Delivery: a b", -1, "", ""},
        {"X-GitHub-Event: push\nX-GitHub-Delivery: d\n"
         "Content-Type: application/x-www-form-urlencoded",
         -1, "", ""},
        {"", -1, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        webhook_request r = request(rows[i].headers, "{}");
        webhook w;
        err e = {0};
        int code = webhook_identify(&r, &w, &e);
        if (rows[i].forge < 0) {
            assert_int_equal(code, ERR_INVALID);
            continue;
        }
        assert_int_equal(code, 0);
        assert_int_equal(w.forge, rows[i].forge);
        assert_str(w.event, rows[i].event);
        assert_str(w.delivery, rows[i].delivery);
    }
}

static void a_body_has_at_most_25_mib(void **state) {
    webhook_request r = request("X-GitHub-Event: push\nX-GitHub-Delivery: d", "");
    webhook w;
    err e = {0};
    r.body.len = WEBHOOK_BODY_MAX + 1; /* not read */
    assert_int_equal(webhook_identify(&r, &w, &e), ERR_LIMIT);
}

static void only_the_secret_signs(void **state) {
    /* The vector of GitHub's documentation, and others made by the same rule. */
    static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!";
#define MAC    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define GITHUB "X-GitHub-Event: push\nX-GitHub-Delivery: d\n"
#define GITEA  "X-Gitea-Event: push\nX-Gitea-Delivery: d\n"
#define GITLAB "X-Gitlab-Event: Push Hook\nIdempotency-Key: d\n"
    static const struct {
        const char *headers;
        bool good;
    } rows[] = {
        {GITHUB "X-Hub-Signature-256: sha256=" MAC, true},
        {GITHUB "X-Hub-Signature-256: " MAC, false},
        {GITHUB "X-Hub-Signature-256: sha256=", false},
        {GITHUB "X-Hub-Signature-256: sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f437"
                "9c8b043e17",
         false},
        {GITHUB "X-Gitea-Signature: " MAC, false},
        {GITHUB, false},
        {GITEA "X-Gitea-Signature: " MAC, true},
        {GITEA "X-Forgejo-Signature: " MAC "\nX-Gitea-Signature: x", true},
        {GITEA "X-Forgejo-Signature: x\nX-Gitea-Signature: " MAC, false},
        {GITEA "X-Hub-Signature-256: sha256=" MAC, false},
        {GITLAB "X-Gitlab-Token: It's a Secret to Everybody", true},
        {GITLAB "X-Gitlab-Token: It's a Secret to Everybod", false},
        {GITLAB "X-Gitlab-Token:", false},
        {GITLAB "X-Gitlab-Token: It's a Secret to Everybody\nwebhook-signature: v1,bad\n"
                "webhook-timestamp: 1795800000",
         false},
    };
    const str secrets[] = {STR("another"), STR(""), str_from(secret)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        webhook_request r = request(rows[i].headers, body);
        webhook w;
        err e = {0};
        assert_int_equal(webhook_identify(&r, &w, &e), 0);
        int code = webhook_check(&r, &w, secrets, 3, NOW, &e);
        if ((code == 0) != rows[i].good) fail_msg("%s: %d %s", rows[i].headers, code, e.message);
        assert_true(webhook_check(&r, &w, secrets, 2, NOW, &e) < 0);
        assert_true(webhook_check(&r, &w, NULL, 0, NOW, &e) < 0);
    }
}

static void a_gitlab_signature_covers_id_time_and_body(void **state) {
    static const struct {
        const char *id, *time, *body;
        bool good;
    } rows[] = {
        {"d1", "1795800000", "{}", true},  {"d2", "1795800000", "{}", false},
        {"d1", "1795800001", "{}", false}, {"d1", "1795800000", "{ }", false},
        {"d1", "1795799000", "{}", false}, {"d1", "soon", "{}", false},
    };
    uint8_t mac[32];
    _cleanup_strbuf_ strbuf key = STRBUF_INIT, coded = STRBUF_INIT;
    const str plain = STR("0123456789abcdef01234567");
    hmac_sha256(plain, STR("d1.1795800000.{}"), mac);
    base64_encode(&coded, (str){(char *)mac, sizeof mac});
    strbuf_adds(&key, "whsec_");
    base64_encode(&key, plain);
    const str secrets[] = {strbuf_str(&key), plain};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str headers = arena_printf(a,
                                   "X-Gitlab-Event: Push Hook\nwebhook-id: %s\n"
                                   "webhook-timestamp: %s\nwebhook-signature: v1,zz v1,%s",
                                   rows[i].id, rows[i].time, strbuf_cstr(&coded));
        webhook_request r = request(headers.ptr, rows[i].body);
        webhook w;
        err e = {0};
        assert_int_equal(webhook_identify(&r, &w, &e), 0);
        for (size_t k = 0; k < 2; k++)
            assert_int_equal(webhook_check(&r, &w, &secrets[k], 1, NOW, &e) == 0, rows[i].good);
    }
}

/* ---- bodies -------------------------------------------------------------------------------- */

#define REPOSITORY                                                                                 \
    "'repository':{'id':1,'full_name':'team/shop','html_url':'https://git.example/team/shop',"     \
    "'clone_url':'https://git.example/team/shop.git','ssh_url':'git@git.example:team/shop.git',"   \
    "'default_branch':'main','owner':{'login':'team'}},'sender':{'login':'ann'}"
#define PR(action, head_repo, more)                                                                \
    "{'action':'" action "','number':7,'pull_request':{'number':7,'merge_commit_sha':'" B "',"     \
    "'head':{'ref':'fix','sha':'" A "','repo':" head_repo "},"                                     \
    "'base':{'ref':'main','sha':'" ZERO "','repo':{'id':1,'full_name':'team/shop'}}}" more         \
    "," REPOSITORY "}"
#define PROJECT(id)                                                                                \
    "{'id':" id ",'path_with_namespace':'group/sub/shop',"                                         \
    "'web_url':'https://lab.example/group/sub/shop','default_branch':'main',"                      \
    "'git_http_url':'https://lab.example/group/sub/shop.git',"                                     \
    "'git_ssh_url':'git@lab.example:group/sub/shop.git'}"
#define LAB_PUSH(before, after, total)                                                             \
    "{'object_kind':'push','before':'" before "','after':'" after "','ref':'refs/heads/x',"        \
    "'user_username':'ann','user_id':3,'project':" PROJECT(                                        \
        "1") ","                                                                                   \
             "'commits':[{'id':'" A                                                                \
             "','message':'m','added':['new.c'],'modified':[],'removed':[],"                       \
             "'author':{'name':'Ann','email':'a@x'}}],'total_commits_count':" total "}"
#define MR(action, more, source)                                                                   \
    "{'object_kind':'merge_request','user':{'id':3,'username':'ann'},'project':" PROJECT(          \
        "1") ","                                                                                   \
             "'labels':[{'title':'bug'}],'object_attributes':{'iid':9,'title':'t','state':'"       \
             "opened',"                                                                            \
             "'action':'" action "'" more                                                          \
             ",'source_branch':'fix','target_branch':'main','author_id':3,"                        \
             "'last_commit':{'id':'" A                                                             \
             "'},'source':" PROJECT(source) ",'target':" PROJECT("1") "}}"

/* What came of a delivery, as one line. */
static str describe(arena *a, const webhook_news *n) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (n->ping) strbuf_adds(&out, "ping");
    if (n->ignored.len) strbuf_adds(&out, "ignored");
    for (size_t i = 0; i < n->event_count; i++) {
        const event *ev = &n->events[i];
        strbuf_addf(&out, "%s%.*s%s%.*s %.*s %.*s", out.len ? " | " : "", STR_ARG(ev->name),
                    ev->action.len ? "." : "", STR_ARG(ev->action), STR_ARG(ev->ref),
                    STR_ARG(str_sub(ev->sha, 0, 1)));
        if (ev->changed_known) strbuf_addf(&out, " %zu paths", ev->changed_count);
    }
    if (n->fork) strbuf_adds(&out, " fork");
    return arena_str(a, strbuf_str(&out));
}

static str quoted(arena *a, const char *text) {
    char *copy = arena_cstr(a, str_from(text));
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    return str_from(copy);
}

static const struct {
    webhook_forge forge;
    const char *event, *body, *comes;
} bodies[] = {
    {WEBHOOK_GITHUB, "ping", "{'zen':'Keep it simple'," REPOSITORY "}", "ping"},
    {WEBHOOK_GITHUB, "push",
     "{'ref':'refs/heads/main','before':'" A "','after':'" B "','commits':[{'id':'" B "',"
     "'added':['a'],'modified':['b'],'removed':[]}]," REPOSITORY "}",
     "push refs/heads/main 2 2 paths"},
    {WEBHOOK_GITHUB, "push",
     "{'ref':'refs/tags/v1','before':'" ZERO "','after':'" B "','commits':[]," REPOSITORY "}",
     "push refs/tags/v1 2"},
    {WEBHOOK_GITHUB, "push",
     "{'ref':'refs/heads/old','before':'" A "','after':'" ZERO "','commits':[]," REPOSITORY "}",
     "ignored"},
    {WEBHOOK_GITHUB, "create",
     "{'ref':'v1','ref_type':'tag','master_branch':'main'," REPOSITORY "}", "create refs/tags/v1 "},
    {WEBHOOK_GITHUB, "delete", "{'ref':'old','ref_type':'branch'," REPOSITORY "}",
     "delete refs/heads/main "},
    {WEBHOOK_GITHUB, "pull_request", PR("opened", "{'id':1}", ""),
     "pull_request.opened refs/pull/7/merge 2 | pull_request_target.opened refs/heads/main 0"},
    {WEBHOOK_GITHUB, "pull_request",
     PR("synchronize", "{'id':2}", ",'before':'" B "','after':'" A "'"),
     "pull_request.synchronize refs/pull/7/merge 2 | pull_request_target.synchronize "
     "refs/heads/main 0 fork"},
    {WEBHOOK_GITHUB, "pull_request", PR("opened", "null", ""),
     "pull_request.opened refs/pull/7/merge 2 | pull_request_target.opened refs/heads/main 0 fork"},
    {WEBHOOK_GITHUB, "release", "{'action':'published','release':{'tag_name':'v2'}," REPOSITORY "}",
     "release.published refs/tags/v2 "},
    {WEBHOOK_GITHUB, "repository_dispatch",
     "{'action':'go','branch':'main','client_payload':{'x':1}," REPOSITORY "}",
     "repository_dispatch.go refs/heads/main "},
    {WEBHOOK_GITHUB, "workflow_dispatch", "{" REPOSITORY "}", "ignored"},
    {WEBHOOK_GITHUB, "schedule", "{" REPOSITORY "}", "ignored"},
    {WEBHOOK_GITHUB, "installation", "{}", "ignored"},
    {WEBHOOK_GITEA, "push",
     "{'ref':'refs/heads/main','before':'" A "','after':'" B "','pusher':{'login':'ann'},"
     "'commits':[{'id':'" B "','added':[],'modified':['b'],'removed':[]}]," REPOSITORY "}",
     "push refs/heads/main 2 1 paths"},
    {WEBHOOK_GITEA, "pull_request", PR("synchronized", "{'id':1}", ""),
     "pull_request.synchronize refs/pull/7/merge 2 | pull_request_target.synchronize "
     "refs/heads/main 0"},
    {WEBHOOK_GITEA, "pull_request_approved", PR("reviewed", "{'id':1}", ""),
     "pull_request_review.submitted refs/pull/7/merge 2"},
    {WEBHOOK_GITEA, "issues", "{'action':'label_updated','issue':{}," REPOSITORY "}",
     "issues.labeled refs/heads/main "},
    {WEBHOOK_GITLAB, "Push Hook", LAB_PUSH(B, A, "1"), "push refs/heads/x 1 1 paths"},
    {WEBHOOK_GITLAB, "Push Hook", LAB_PUSH(B, A, "30"), "push refs/heads/x 1"},
    {WEBHOOK_GITLAB, "Push Hook", LAB_PUSH(ZERO, A, "1"),
     "push refs/heads/x 1 1 paths | create refs/heads/x "},
    {WEBHOOK_GITLAB, "Push Hook", LAB_PUSH(A, ZERO, "0"), "ignored | delete refs/heads/main "},
    {WEBHOOK_GITLAB, "Merge Request Hook", MR("open", "", "1"),
     "pull_request.opened refs/pull/9/merge 1 | pull_request_target.opened refs/heads/main "},
    {WEBHOOK_GITLAB, "Merge Request Hook", MR("update", ",'oldrev':'" B "'", "5"),
     "pull_request.synchronize refs/pull/9/merge 1 | pull_request_target.synchronize "
     "refs/heads/main  fork"},
    {WEBHOOK_GITLAB, "Merge Request Hook", MR("update", "", "1"),
     "pull_request.edited refs/pull/9/merge 1 | pull_request_target.edited refs/heads/main "},
    {WEBHOOK_GITLAB, "Merge Request Hook", MR("approved", "", "1"), "ignored"},
    {WEBHOOK_GITLAB, "Release Hook",
     "{'action':'create','tag':'v3','name':'three','project':" PROJECT("1") "}",
     "release.published refs/tags/v3 "},
    {WEBHOOK_GITLAB, "Note Hook", "{'project':" PROJECT("1") "}", "ignored"},
};

static void deliveries_become_events(void **state) {
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        _cleanup_arena_ arena *a = arena_new();
        webhook w = {bodies[i].forge, str_from(bodies[i].event), STR("d")};
        webhook_news news;
        err e = {0};
        if (webhook_read(a, &w, quoted(a, bodies[i].body), NOW, &news, &e) < 0)
            fail_msg("row %zu (%s): %s", i, bodies[i].event, e.message);
        str got = describe(a, &news);
        if (!str_is(got, bodies[i].comes))
            fail_msg("row %zu (%s): %.*s, not %s", i, bodies[i].event, STR_ARG(got),
                     bodies[i].comes);
    }
}

static void what_a_server_needs_beside_the_event_is_told(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    webhook w = {WEBHOOK_GITLAB, STR("Merge Request Hook"), STR("d")};
    webhook_news n;
    err e = {0};
    assert_int_equal(webhook_read(a, &w, quoted(a, MR("open", "", "1")), NOW, &n, &e), 0);
    assert_str(n.repository, "group/sub/shop");
    assert_str(n.clone_url, "https://lab.example/group/sub/shop.git");
    assert_str(n.head_sha, A);
    assert_str(n.fetch_ref, "refs/merge-requests/9/head");
    const value *p = &n.events[0].payload;
    assert_str(n.events[0].actor, "ann");
    assert_str(n.events[0].server_url, "https://lab.example");
    assert_str(value_path_str(p, "pull_request.user.login"), "ann");
    assert_str(value_path_str(p, "pull_request.state"), "open");
    assert_str(value_path_str(p, "repository.name"), "shop");
    assert_str(value_path_str(p, "repository.owner.login"), "group/sub");
}

static void bodies_that_lack_something_are_refused(void **state) {
    static const struct {
        webhook_forge forge;
        const char *event, *body;
    } rows[] = {
        {WEBHOOK_GITHUB, "push", "["},
        {WEBHOOK_GITHUB, "push", "[]"},
        {WEBHOOK_GITHUB, "push", "{}"},
        {WEBHOOK_GITHUB, "push", "{" REPOSITORY "}"},
        {WEBHOOK_GITHUB, "push", "{'ref':'main','before':'" A "','after':'" B "'," REPOSITORY "}"},
        {WEBHOOK_GITHUB, "push",
         "{'ref':'refs/heads/main','before':'x','after':'--upload-pack'," REPOSITORY "}"},
        {WEBHOOK_GITHUB, "pull_request", "{" REPOSITORY "}"},
        {WEBHOOK_GITHUB, "pull_request",
         "{'pull_request':{'number':1.5,'head':{'sha':'" A "'}}," REPOSITORY "}"},
        {WEBHOOK_GITHUB, "pull_request",
         "{'pull_request':{'number':1,'head':{'sha':'main'}}," REPOSITORY "}"},
        {WEBHOOK_GITLAB, "Push Hook", "{'project':{}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        webhook w = {rows[i].forge, str_from(rows[i].event), STR("d")};
        webhook_news news;
        err e = {0};
        if (webhook_read(a, &w, quoted(a, rows[i].body), NOW, &news, &e) != ERR_INVALID)
            fail_msg("row %zu is taken", i);
        assert_true(e.message[0]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_tell_the_forge),
        cmocka_unit_test(a_body_has_at_most_25_mib),
        cmocka_unit_test(only_the_secret_signs),
        cmocka_unit_test(a_gitlab_signature_covers_id_time_and_body),
        cmocka_unit_test(deliveries_become_events),
        cmocka_unit_test(what_a_server_needs_beside_the_event_is_told),
        cmocka_unit_test(bodies_that_lack_something_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
