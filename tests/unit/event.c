#include "planning.h"
#include "unit.h"

#include <string.h>

#define JOBS "\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n"

/* ---- which workflows an event starts ------------------------------------------------------- */

typedef struct start_case {
    const char *on; /* the value of `on:` in flow style */
    const char *event, *payload;
    const char *reason; /* NULL: it starts */
} start_case;

static void check_starts(const start_case *cases, size_t count, event_facts facts) {
    for (size_t i = 0; i < count; i++) {
        _cleanup_arena_ arena *a = arena_new();
        str text = arena_printf(a, "on: %s" JOBS, cases[i].on);
        workflow *w = planning_parse(a, text.ptr, NULL);
        value payload = planning_json(a, cases[i].payload ? cases[i].payload : "{}");
        event ev;
        str reason = STR_EMPTY;
        assert_int_equal(
            event_from_payload(a, str_from(cases[i].event), &payload, &facts, &ev, NULL), 0);
        bool starts = event_matches(a, w, &ev, &reason);
        if (starts != !cases[i].reason || (!starts && !str_is(reason, cases[i].reason)))
            fail_msg("on: %s, %s %s: %s, \"%.*s\"", cases[i].on, cases[i].event,
                     cases[i].payload ? cases[i].payload : "", starts ? "starts" : "does not start",
                     STR_ARG(reason));
    }
}

static void branches_and_tags_filter_pushes(void **state) {
    (void)state;
#define TAG_V1 "{\"ref\": \"refs/tags/v1\"}"
    static const start_case cases[] = {
        {"push", "push", NULL, NULL},
        {"push", "push", TAG_V1, NULL},
        {"[pull_request]", "push", NULL, "it does not run on push"},
        {"{push: {branches: [main]}}", "push", NULL, NULL},
        {"{push: {branches: [main]}}", "push", TAG_V1, "it runs for branches only"},
        {"{push: {tags: [v1]}}", "push", NULL, "it runs for tags only"},
        {"{push: {tags: [v1]}}", "push", TAG_V1, NULL},
        {"{push: {tags: [v2]}}", "push", TAG_V1, "its filters leave out the tag 'v1'"},
        {"{push: {tags-ignore: [v2]}}", "push", NULL, "it runs for tags only"},
        {"{push: {tags-ignore: [v2]}}", "push", TAG_V1, NULL},
        {"{push: {branches-ignore: [main]}}", "push", NULL,
         "its filters leave out the branch 'main'"},
        {"{push: {branches-ignore: [main]}}", "push", TAG_V1, "it runs for branches only"},
        {"{push: {branches: [main], tags: ['v*']}}", "push", NULL, NULL},
        {"{push: {branches: [main], tags: ['v*']}}", "push", TAG_V1, NULL},
        {"{push: {branches: ['releases/**', '!releases/**-alpha']}}", "push",
         "{\"ref\": \"refs/heads/releases/10\"}", NULL},
        {"{push: {branches: ['releases/**', '!releases/**-alpha']}}", "push",
         "{\"ref\": \"refs/heads/releases/3-alpha\"}",
         "its filters leave out the branch 'releases/3-alpha'"},
    };
    check_starts(cases, sizeof cases / sizeof *cases, planning_facts());
}

static void paths_filter_what_changed(void **state) {
    (void)state;
    static str changed[] = {STR_INIT("docs/a.md"), STR_INIT("src/app.js")};
    static const start_case cases[] = {
        {"{push: {paths: ['**.js']}}", "push", NULL, NULL},
        {"{push: {paths: ['**.c']}}", "push", NULL, "no changed file matches its paths"},
        {"{push: {paths: ['src/**', '!src/*.js']}}", "push", NULL,
         "no changed file matches its paths"},
        {"{push: {paths-ignore: ['docs/**']}}", "push", NULL, NULL},
        {"{push: {paths-ignore: ['docs/**', 'src/**']}}", "push", NULL,
         "every changed file matches its paths-ignore"},
        {"{push: {branches: [main], paths: ['**.c']}}", "push", NULL,
         "no changed file matches its paths"},
        {"{push: {branches: [dev], paths: ['**.js']}}", "push", NULL,
         "its filters leave out the branch 'main'"},
        {"{push: {tags: ['*'], paths: ['**.c']}}", "push", "{\"ref\": \"refs/tags/v1\"}", NULL},
        {"{pull_request: {paths: ['**.c']}}", "pull_request", NULL,
         "no changed file matches its paths"},
        {"{push: {paths: ['**.c']}}", "push", "{\"commits\": [{\"modified\": [\"x/y.c\"]}]}", NULL},
    };
    event_facts facts = planning_facts();
    facts.changed = changed;
    facts.changed_count = 2;
    facts.changed_known = true;
    check_starts(cases, sizeof cases / sizeof *cases, facts);
}

static void path_filters_want_a_change(void **state) {
    (void)state;
    static const start_case cases[] = {
        {"{push: {paths: ['**']}}", "push", NULL, "no file changed"},
        {"{push: {paths-ignore: ['docs/**']}}", "push", NULL, "no file changed"},
        {"push", "push", NULL, NULL},
    };
    event_facts facts = planning_facts();
    facts.changed_known = true;
    check_starts(cases, sizeof cases / sizeof *cases, facts);
}

static void unknown_changes_let_path_filters_pass(void **state) {
    (void)state;
    static const start_case cases[] = {{"{push: {paths: ['**.c']}}", "push", NULL, NULL}};
    check_starts(cases, 1, planning_facts());
}

static void activity_types_decide(void **state) {
    (void)state;
    static const start_case cases[] = {
        {"pull_request", "pull_request", NULL, NULL},
        {"pull_request", "pull_request", "{\"action\": \"synchronize\"}", NULL},
        {"pull_request", "pull_request", "{\"action\": \"closed\"}",
         "it does not run on pull_request of type 'closed'"},
        {"{pull_request: {types: [closed]}}", "pull_request", "{\"action\": \"closed\"}", NULL},
        {"{pull_request: {types: [closed]}}", "pull_request", NULL,
         "it does not run on pull_request of type 'opened'"},
        {"issues", "issues", "{\"action\": \"labeled\"}", NULL},
        {"{release: {types: [published]}}", "release", NULL, NULL},
        {"{repository_dispatch: {types: [deploy]}}", "repository_dispatch",
         "{\"action\": \"deploy\"}", NULL},
        {"{repository_dispatch: {types: [deploy]}}", "repository_dispatch", NULL,
         "it runs on certain types of repository_dispatch only"},
        {"workflow_dispatch", "workflow_dispatch", NULL, NULL},
    };
    check_starts(cases, sizeof cases / sizeof *cases, planning_facts());
}

static void other_events_filter_by_their_own_branch(void **state) {
    (void)state;
    static const start_case cases[] = {
        {"{pull_request: {branches: ['releases/**']}}", "pull_request", NULL,
         "its filters leave out the target branch 'main'"},
        {"{pull_request: {branches: ['releases/**']}}", "pull_request",
         "{\"pull_request\": {\"base\": {\"ref\": \"releases/1\"}}}", NULL},
        {"{workflow_run: {workflows: [Build], branches: [main]}}", "workflow_run",
         "{\"workflow_run\": {\"name\": \"Build\"}}", NULL},
        {"{workflow_run: {workflows: [Build]}}", "workflow_run",
         "{\"workflow_run\": {\"name\": \"Lint\"}}", "it does not follow the workflow 'Lint'"},
        {"{workflow_run: {workflows: [Build], branches: [dev]}}", "workflow_run", NULL,
         "its filters leave out the branch 'main'"},
        {"{merge_group: {branches: [main]}}", "merge_group", NULL, NULL},
        {"{schedule: [{cron: '30 5 * * 1,3'}]}", "schedule", NULL, NULL},
        {"{schedule: [{cron: '30 5 * * 1,3'}]}", "schedule", "{\"schedule\": \"0 0 * * *\"}",
         "it has no schedule '0 0 * * *'"},
    };
    check_starts(cases, sizeof cases / sizeof *cases, planning_facts());
}

/* ---- payloads ------------------------------------------------------------------------------ */

static void check_path(const value *root, const char *path, const char *expected) {
    _cleanup_arena_ arena *a = arena_new();
    const value *v = value_path(root, path);
    if (!v) fail_msg("%s is missing", path);
    str text = value_to_str(a, v);
    if (!str_is(text, expected)) fail_msg("%s is %.*s, not %s", path, STR_ARG(text), expected);
}

static void a_push_is_made_from_the_repository(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    event ev = planning_event(a, "push", NULL);
    static const char *const expected[][2] = {
        {"ref", "refs/heads/main"},
        {"before", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"after", "cccccccccccccccccccccccccccccccccccccccc"},
        {"created", "false"},
        {"compare", "https://github.com/octo/shop/compare/bbbbbbbbbbbb...cccccccccccc"},
        {"pusher.name", "mona"},
        {"head_commit.message", "Add a door\n\nIt opens."},
        {"head_commit.author.email", "mona@example.com"},
        {"repository.full_name", "octo/shop"},
        {"repository.default_branch", "main"},
        {"repository.owner.login", "octo"},
        {"repository.ssh_url", "git@github.com:octo/shop.git"},
        {"sender.login", "mona"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        check_path(&ev.payload, expected[i][0], expected[i][1]);
    assert_int_equal(value_count(value_get(&ev.payload, STR("commits"))), 1);
    assert_str(ev.action, "");
    assert_str(ev.base_ref, "");
}

static void a_first_push_comes_from_nothing(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    event_facts facts = planning_facts();
    facts.before = STR_EMPTY;
    facts.branch = STR_EMPTY;
    facts.tag = STR("v1.0");
    event ev;
    assert_int_equal(event_make(a, STR("push"), &facts, &ev, NULL), 0);
    check_path(&ev.payload, "before", "0000000000000000000000000000000000000000");
    check_path(&ev.payload, "created", "true");
    assert_str(ev.ref, "refs/tags/v1.0");
}

static void every_event_can_be_made_and_has_its_ref(void **state) {
    (void)state;
    static const char *const refs[EVENT_REF_COUNT] = {
        [EVENT_REF_DEFAULT] = "refs/heads/main",
        [EVENT_REF_PUSHED] = "refs/heads/topic",
        [EVENT_REF_MERGE] = "refs/pull/1/merge",
        [EVENT_REF_RELEASE] = "refs/tags/v2",
    };
    size_t count;
    const event_kind *kinds = event_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        _cleanup_arena_ arena *a = arena_new();
        event_facts facts = planning_facts();
        facts.branch = STR("topic");
        facts.tag = STR("v2");
        event ev;
        assert_int_equal(event_make(a, str_from(kinds[i].name), &facts, &ev, NULL), 0);
        if (!str_is(ev.ref, refs[kinds[i].ref]))
            fail_msg("%s has ref %.*s", kinds[i].name, STR_ARG(ev.ref));
        assert_str(ev.action, kinds[i].types ? kinds[i].types[0] : "");
        check_path(&ev.payload, "repository.name", "shop");
        assert_str(ev.sha, "cccccccccccccccccccccccccccccccccccccccc");
    }
}

static void a_partial_payload_is_laid_over_the_facts(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    event ev =
        planning_event(a, "pull_request",
                       "{\"act\": true, \"pull_request\": {\"number\": 7, \"head\": {\"ref\": "
                       "\"feature\"}}, \"sender\": {\"login\": \"hubot\"}}");
    check_path(&ev.payload, "act", "true");
    check_path(&ev.payload, "number", "7");
    check_path(&ev.payload, "pull_request.number", "7");
    check_path(&ev.payload, "pull_request.head.ref", "feature");
    check_path(&ev.payload, "pull_request.head.sha", "cccccccccccccccccccccccccccccccccccccccc");
    check_path(&ev.payload, "pull_request.title", "Add a door");
    assert_str(ev.ref, "refs/pull/7/merge");
    assert_str(ev.head_ref, "feature");
    assert_str(ev.base_ref, "main");
    assert_str(ev.actor, "hubot");
    assert_str(ev.action, "opened");
    /* making it again gives the facts' own values: nothing was written into shared objects */
    ev = planning_event(a, "pull_request", "{\"number\": 9}");
    assert_str(ev.ref, "refs/pull/9/merge");
    assert_str(ev.head_ref, "main");
}

static void refs_and_commits_follow_the_payload(void **state) {
    (void)state;
    static const struct {
        const char *event, *payload, *ref, *sha;
    } cases[] = {
        {"push", "{\"ref\": \"refs/tags/v3\", \"after\": \"abc\"}", "refs/tags/v3", "abc"},
        {"push", "{\"ref\": \"dev\"}", "refs/heads/dev", NULL},
        {"release", "{\"release\": {\"tag_name\": \"v9\"}}", "refs/tags/v9", NULL},
        {"pull_request",
         "{\"number\": 3, \"action\": \"closed\", \"pull_request\": {\"merged\": true}}",
         "refs/heads/main", NULL},
        {"create", "{\"ref\": \"v1\", \"ref_type\": \"tag\"}", "refs/tags/v1", NULL},
        {"issues", "{\"repository\": {\"default_branch\": \"trunk\"}}", "refs/heads/trunk", NULL},
        {"deployment", "{\"deployment\": {\"ref\": \"main\", \"sha\": \"d00d\"}}",
         "refs/heads/main", "d00d"},
        {"workflow_dispatch", "{\"ref\": \"refs/heads/x\"}", "refs/heads/x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        event ev = planning_event(a, cases[i].event, cases[i].payload);
        assert_str(ev.ref, cases[i].ref);
        if (cases[i].sha) assert_str(ev.sha, cases[i].sha);
    }
}

static void wrong_payloads_are_refused(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    event_facts facts = planning_facts();
    event ev;
    err e = {0};
    value list = planning_json(a, "[]");
    assert_int_equal(event_from_payload(a, STR("push"), &list, &facts, &ev, &e), ERR_INVALID);
    assert_int_equal(event_make(a, STR("pushed"), &facts, &ev, &e), ERR_INVALID);
    assert_string_equal(e.message, "there is no event 'pushed'");
}

/* ---- contexts ------------------------------------------------------------------------------ */

static void the_github_context_has_what_is_known_outside_jobs(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a, "name: CI\non: [push, pull_request]" JOBS, NULL);
    event ev = planning_event(a, "push", "{\"sender\": {\"id\": 42, \"login\": \"mona\"}}");
    value github = event_github_context(a, &ev, w);
    static const char *const expected[][2] = {
        {"event_name", "push"},
        {"ref", "refs/heads/main"},
        {"ref_name", "main"},
        {"ref_type", "branch"},
        {"ref_protected", "false"},
        {"sha", "cccccccccccccccccccccccccccccccccccccccc"},
        {"base_ref", ""},
        {"head_ref", ""},
        {"actor", "mona"},
        {"actor_id", "42"},
        {"triggering_actor", "mona"},
        {"repository", "octo/shop"},
        {"repository_owner", "octo"},
        {"repositoryUrl", "git://github.com/octo/shop.git"},
        {"run_id", "1"},
        {"run_number", "1"},
        {"run_attempt", "1"},
        {"workflow", "CI"},
        {"workflow_ref", "octo/shop/.github/workflows/test.yml@refs/heads/main"},
        {"workflow_sha", "cccccccccccccccccccccccccccccccccccccccc"},
        {"server_url", "https://github.com"},
        {"api_url", "https://api.github.com"},
        {"graphql_url", "https://api.github.com/graphql"},
        {"retention_days", "90"},
        {"secret_source", "Actions"},
        {"event.pusher.name", "mona"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        check_path(&github, expected[i][0], expected[i][1]);

    ev = planning_event(a, "pull_request", NULL);
    github = event_github_context(a, &ev, w);
    check_path(&github, "ref_name", "1/merge");
    check_path(&github, "base_ref", "main");
}

static void other_servers_have_their_api_under_themselves(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a, "on: push" JOBS, NULL);
    event_facts facts = planning_facts();
    facts.server_url = STR("https://git.example.com");
    event ev;
    assert_int_equal(event_make(a, STR("push"), &facts, &ev, NULL), 0);
    value github = event_github_context(a, &ev, w);
    check_path(&github, "api_url", "https://git.example.com/api/v3");
    check_path(&github, "graphql_url", "https://git.example.com/api/graphql");
    check_path(&github, "event.repository.clone_url", "https://git.example.com/octo/shop.git");
}

static void a_schedule_names_its_cron_line(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a, "on: {schedule: [{cron: '0 4 * * *'}]}" JOBS, NULL);
    event ev = planning_event(a, "schedule", NULL);
    value github = event_github_context(a, &ev, w);
    check_path(&github, "event.schedule", "0 4 * * *");
}

#define INPUTS                                                                                     \
    "on:\n  workflow_dispatch:\n    inputs:\n"                                                     \
    "      level: {type: choice, options: [info, debug], default: info}\n"                         \
    "      dry: {type: boolean, default: true}\n"                                                  \
    "      count: {type: number}\n"                                                                \
    "      note: {required: true}\n" JOBS

static void dispatch_inputs_have_types_and_defaults(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a, INPUTS, NULL);
    event_facts facts = planning_facts();
    facts.inputs = planning_json(a, "{\"note\": \"hi\", \"COUNT\": \"5\"}");
    value payload = planning_json(a, "{\"inputs\": {\"note\": \"old\", \"dry\": \"false\"}}");
    event ev;
    assert_int_equal(event_from_payload(a, STR("workflow_dispatch"), &payload, &facts, &ev, NULL),
                     0);
    value inputs, github;
    assert_int_equal(event_inputs(a, &ev, w, &inputs, NULL), 0);
    assert_str(value_path_str(&inputs, "level"), "info");
    assert_str(value_path_str(&inputs, "note"), "hi");
    assert_int_equal(value_get(&inputs, STR("dry"))->kind, VALUE_BOOL);
    assert_false(value_get(&inputs, STR("dry"))->boolean);
    assert_true(value_get(&inputs, STR("count"))->number == 5);
    /* the payload has them as text, defaults too */
    github = event_github_context(a, &ev, w);
    assert_str(value_path_str(&github, "event.inputs.dry"), "false");
    assert_str(value_path_str(&github, "event.inputs.count"), "5");
    assert_str(value_path_str(&github, "event.inputs.level"), "info");
}

static void wrong_dispatch_inputs_are_told(void **state) {
    (void)state;
    static const struct {
        const char *inputs, *message;
    } cases[] = {
        {"{}", "the required input 'note' is not given"},
        {"{\"note\": \"\"}", "the required input 'note' is not given"},
        {"{\"note\": \"x\", \"nose\": \"y\"}", "the workflow has no input 'nose'"},
        {"{\"note\": \"x\", \"level\": \"loud\"}", "input 'level' has no option 'loud'"},
        {"{\"note\": \"x\", \"dry\": \"maybe\"}", "input 'dry' is a boolean and cannot be 'maybe'"},
        {"{\"note\": \"x\", \"count\": \"many\"}",
         "input 'count' is a number and cannot be 'many'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_arena_ arena *a = arena_new();
        workflow *w = planning_parse(a, INPUTS, NULL);
        str payload = arena_printf(a, "{\"inputs\": %s}", cases[i].inputs);
        event ev = planning_event(a, "workflow_dispatch", payload.ptr);
        value inputs;
        err e = {0};
        assert_int_equal(event_inputs(a, &ev, w, &inputs, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
    }
}

static void events_without_inputs_have_an_empty_context(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    workflow *w = planning_parse(a, "on: push" JOBS, NULL);
    event ev = planning_event(a, "push", NULL);
    value inputs;
    assert_int_equal(event_inputs(a, &ev, w, &inputs, NULL), 0);
    assert_int_equal(inputs.kind, VALUE_OBJECT);
    assert_int_equal(value_count(&inputs), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_and_tags_filter_pushes),
        cmocka_unit_test(paths_filter_what_changed),
        cmocka_unit_test(path_filters_want_a_change),
        cmocka_unit_test(unknown_changes_let_path_filters_pass),
        cmocka_unit_test(activity_types_decide),
        cmocka_unit_test(other_events_filter_by_their_own_branch),
        cmocka_unit_test(a_push_is_made_from_the_repository),
        cmocka_unit_test(a_first_push_comes_from_nothing),
        cmocka_unit_test(every_event_can_be_made_and_has_its_ref),
        cmocka_unit_test(a_partial_payload_is_laid_over_the_facts),
        cmocka_unit_test(refs_and_commits_follow_the_payload),
        cmocka_unit_test(wrong_payloads_are_refused),
        cmocka_unit_test(the_github_context_has_what_is_known_outside_jobs),
        cmocka_unit_test(other_servers_have_their_api_under_themselves),
        cmocka_unit_test(a_schedule_names_its_cron_line),
        cmocka_unit_test(dispatch_inputs_have_types_and_defaults),
        cmocka_unit_test(wrong_dispatch_inputs_are_told),
        cmocka_unit_test(events_without_inputs_have_an_empty_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
