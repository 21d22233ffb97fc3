/* Reading slipway.yml. */
#include "unit.h"

#include "workflow/settings.h"

#include <string.h>

static const settings *parse(arena *a, const char *text) {
    settings *s;
    err e = {0};
    assert_int_equal(settings_parse(a, str_from(text), "slipway.yml", &s, &e), 0);
    return s;
}

static void a_network_has_a_mode_a_list_and_hosts(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const settings *s = parse(a, "network:\n"
                                 "  mode: audit\n"
                                 "  allow: [registry.npmjs.org, \"*.example.com:443\"]\n"
                                 "  hosts: {db.internal: 10.1.2.3}\n");
    assert_int_equal(s->problems.count, 0);
    assert_int_equal(s->network.mode, NETWORK_AUDIT);
    assert_int_equal(s->network.allow_count, 2);
    assert_str(s->network.allow[1].text, "*.example.com:443");
    assert_int_equal(s->network.allow[1].where.line, 3);
    assert_int_equal(s->network.allow[1].where.column, 31);
    assert_int_equal(s->network.host_count, 1);
    assert_str(s->network.hosts[0].name.text, "db.internal");
    assert_str(s->network.hosts[0].address.text, "10.1.2.3");
}

static void a_job_has_its_own_network_or_that_of_all(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const settings *s = parse(a, "network: {allow: [a.test]}\n"
                                 "jobs:\n"
                                 "  Deploy: {network: {mode: none}}\n"
                                 "  plain: {}\n");
    assert_int_equal(s->problems.count, 0);
    assert_int_equal(settings_network(s, STR("build"))->mode, NETWORK_ALLOW);
    assert_int_equal(settings_network(s, STR("plain"))->mode, NETWORK_ALLOW);
    assert_int_equal(settings_network(s, STR("deploy"))->mode, NETWORK_NONE);
    assert_int_equal(settings_network(s, STR("deploy"))->allow_count, 0);
}

static void without_settings_nothing_is_said(void **state) {
    static const char *const texts[] = {"", "# nothing\n", "{}\n"};
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const settings *s = parse(a, texts[i]);
        assert_int_equal(s->problems.count, 0);
        assert_int_equal(settings_network(s, STR("build"))->mode, NETWORK_UNSET);
    }
}

static void what_is_wrong_is_told_with_its_place(void **state) {
    static const struct {
        const char *text;
        severity level;
        unsigned line, column;
        const char *message, *help;
    } cases[] = {
        {"network: [a]\n", SEVERITY_ERROR, 1, 10, "'network' must be a mapping", ""},
        {"network: audit\n", SEVERITY_ERROR, 1, 10, "'network' must be a mapping", ""},
        {"network:\n", SEVERITY_ERROR, 1, 9, "'network' must be a mapping", ""},
        {"network: {}\n", SEVERITY_ERROR, 1, 10, "'network' needs a mode or a list",
         "write mode: none"},
        {"network: {mod: none}\n", SEVERITY_ERROR, 1, 11, "unknown key 'mod' in 'network'",
         "did you mean 'mode'?"},
        {"network: {mode: adit}\n", SEVERITY_ERROR, 1, 17, "unknown mode 'adit'",
         "did you mean 'audit'?"},
        {"network: {mode: 1}\n", SEVERITY_ERROR, 1, 17, "the mode must be a text, not a number",
         "write it in quotes"},
        {"network: {mode: allow}\n", SEVERITY_ERROR, 1, 10, "mode allow needs the list 'allow'",
         "write mode: none"},
        {"network: {mode: none, allow: [a]}\n", SEVERITY_ERROR, 1, 10,
         "mode none does not go with a list", "remove 'allow'"},
        {"network: {mode: host, allow: []}\n", SEVERITY_ERROR, 1, 10,
         "mode host does not go with a list", "remove 'allow'"},
        {"network: {allow: a.test}\n", SEVERITY_ERROR, 1, 18, "'allow' must be a sequence",
         "write allow:"},
        {"network:\n  allow:\n    - [a]\n", SEVERITY_ERROR, 3, 7,
         "an entry of 'allow' must be a text", ""},
        {"network: {allow: [443]}\n", SEVERITY_ERROR, 1, 19,
         "an entry of 'allow' must be a text, not a number", "write it in quotes"},
        {"network: {allow: [a], hosts: {a: }}\n", SEVERITY_ERROR, 1, 34,
         "a host's address must be a text, not empty", ""},
        {"network: {mode: none, mode: host}\n", SEVERITY_ERROR, 1, 23, "'mode' is already defined",
         ""},
        {"jobs: {a: {netwrk: {mode: none}}}\n", SEVERITY_ERROR, 1, 12,
         "unknown key 'netwrk' in a job", "did you mean 'network'?"},
        {"jobs: {a: }\n", SEVERITY_ERROR, 1, 11, "'a job' must be a mapping", ""},
        {"jobs: {a: {}, A: {}}\n", SEVERITY_ERROR, 1, 15, "'A' is already defined", ""},
        {"- network\n", SEVERITY_ERROR, 1, 1, "'slipway.yml' must be a mapping", ""},
        {"network: {mode: none\n", SEVERITY_ERROR, 2, 1, "", ""},
        {"netwerk: {mode: none}\n", SEVERITY_WARNING, 1, 1,
         "'netwerk' means nothing to this version", "did you mean 'network'?"},
        {"environments: {staging: {}}\n", SEVERITY_WARNING, 1, 1,
         "'environments' means nothing to this version", ""},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const settings *s = parse(a, cases[i].text);
        const problem *p = s->problems.items;
        if (s->problems.count != 1 || p->level != cases[i].level ||
            p->where.line != cases[i].line || p->where.column != cases[i].column ||
            str_find(p->message, str_from(cases[i].message)) < 0 ||
            str_find(p->help, str_from(cases[i].help)) < 0)
            fail_msg("%s%zu problems; %u:%u: %.*s (%.*s)", cases[i].text, s->problems.count,
                     p ? p->where.line : 0, p ? p->where.column : 0,
                     STR_ARG(p ? p->message : STR_EMPTY), STR_ARG(p ? p->help : STR_EMPTY));
    }
}

static void lists_have_a_limit(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "network:\n  allow:\n");
    for (int i = 0; i <= SETTINGS_ALLOW_MAX; i++)
        strbuf_adds(&text, "    - a.test\n");
    const settings *s = parse(a, text.ptr);
    assert_int_equal(s->problems.errors, 1);
    assert_str(s->problems.items[0].message, "'allow' has more than 1000 entries");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_a_mode_a_list_and_hosts),
        cmocka_unit_test(a_job_has_its_own_network_or_that_of_all),
        cmocka_unit_test(without_settings_nothing_is_said),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(lists_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
