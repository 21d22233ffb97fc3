/* Every rule of rules/secrets finds its positive values, and nothing in its negative ones. */
#include "unit.h"

#include "base/fs.h"
#include "scan/secrets/match.h"

#include <stdio.h>
#include <stdlib.h>

static secret_rules *rules;
static arena *all;

/* The files themselves, in one text: the binary has not their values. */
static int load(void **state) {
    err e = {0};
    fs_entry *files;
    size_t count;
    all = arena_new();
    const char *folder = fs_join(all, getenv("SLIPWAY_SOURCE"), STR("rules/secrets"));
    if (fs_list(all, folder, &files, &count, &e) < 0) fail_msg("%s", e.message);
    rules = ARENA_NEW(all, secret_rules);
    *rules = (secret_rules){.a = all};
    size_t read = 0;
    for (size_t i = 0; i < count; i++) {
        secret_rules *some;
        str body;
        if (!str_ends(files[i].name, STR(".toml"))) continue;
        const char *path = fs_join(all, folder, files[i].name);
        if (fs_read(all, path, RULES_FILE_MAX, &body, &e) < 0) fail_msg("%s", e.message);
        if (secret_rules_parse(all, body, path, RULES_BUILTIN, &some, &e) < 0)
            fail_msg("%s:%u:%u: %s", path, e.where.line, e.where.column, e.message);
        for (size_t k = 0; k < some->warnings.count; k++)
            fail_msg("%s:%u: %.*s", path, some->warnings.items[k].line,
                     STR_ARG(some->warnings.items[k].message));
        for (size_t k = 0; k < some->count; k++)
            ARENA_PUSH(all, rules->items, rules->count, rules->cap, some->items[k]);
        for (size_t k = 0; k < some->allow.count; k++)
            ARENA_PUSH(all, rules->allow.items, rules->allow.count, rules->allow.cap,
                       some->allow.items[k]);
        for (size_t k = 0; k < some->made.count; k++)
            ARENA_PUSH(all, rules->made.items, rules->made.count, rules->made.cap,
                       some->made.items[k]);
        read++;
    }
    assert_true(read > 0);
    return 0;
}

static int unload(void **state) {
    secret_rules_done(rules);
    arena_free(all);
    return 0;
}

/* By this rule, or NULL: by any. */
static bool finds(matcher *m, const secret_rule *rule, str text) {
    _cleanup_arena_ arena *a = arena_new();
    match_list found = {0};
    scan_out out = {.a = a, .errors.a = a};
    match_text t = {STR("config/settings.txt"), text, DECODE_DEPTH_DEFAULT, false};
    matcher_text(m, a, &t, &found, &out);
    for (size_t i = 0; i < found.count; i++) {
        if (!rule || found.items[i].rule == rule) return true;
    }
    return false;
}

/* Both ways of looking must agree. */
static size_t check_values(matcher *m, const char *how) {
    size_t wrong = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const secret_rule *r = &rules->items[i];
        for (size_t k = 0; k < r->positive.count; k++) {
            /* A generic rule gives way to one that knows more. */
            bool gives_way = str_starts(r->id, STR("generic-"));
            if (finds(m, gives_way ? NULL : r, r->positive.items[k])) continue;
            wrong++;
            print_error("%s: %.*s does not find its positive value %zu: %.*s\n", how,
                        STR_ARG(r->id), k + 1, STR_ARG(r->positive.items[k]));
        }
        for (size_t k = 0; k < r->negative.count; k++) {
            if (!finds(m, r, r->negative.items[k])) continue;
            wrong++;
            print_error("%s: %.*s finds its negative value %zu: %.*s\n", how, STR_ARG(r->id), k + 1,
                        STR_ARG(r->negative.items[k]));
        }
    }
    return wrong;
}

static void values_hold(void **state) {
    matcher *slow = matcher_new(rules, NULL, true), *fast = matcher_new(rules, NULL, false);
    size_t wrong = check_values(slow, "keywords") + check_values(fast, "vectorscan");
    matcher_free(slow);
    matcher_free(fast);
    assert_int_equal(wrong, 0);
}

/* What a content rule needs to be of use: values of both kinds, and a text for people. */
static void every_rule_is_whole(void **state) {
    for (size_t i = 0; i < rules->count; i++) {
        const secret_rule *r = &rules->items[i];
        if (!r->description.len) fail_msg("%.*s has no description", STR_ARG(r->id));
        if (r->pattern && !r->skip_report && (!r->positive.count || !r->negative.count))
            fail_msg("%.*s has no positive or no negative values", STR_ARG(r->id));
        if (r->pattern && r->pattern->utf) fail_msg("%.*s is slow: it needs UTF-8", STR_ARG(r->id));
        if (r->pattern && r->pattern->min_width == 0)
            fail_msg("%.*s matches nothing at all", STR_ARG(r->id));
    }
}

/* What it finds in a positive value can be sent to where its `verify` says. */
static void check_request(matcher *m, const secret_rule *rule) {
    _cleanup_arena_ arena *a = arena_new();
    match_list found = {0};
    scan_out out = {.a = a, .errors.a = a};
    match_text t = {STR("config/settings.txt"), rule->positive.items[0], 0, false};
    matcher_text(m, a, &t, &found, &out);
    for (size_t i = 0; i < found.count; i++) {
        http_request request;
        err e = {0};
        if (found.items[i].rule != rule) continue;
        value values = value_object_new(a, true);
        value_set_str(a, &values, "secret", found.items[i].value);
        if (secret_verify_request(a, rule->verify, &values, &request, &e) < 0)
            fail_msg("%.*s: %s", STR_ARG(rule->id), e.message);
        return;
    }
    fail_msg("%.*s: nothing to be sent", STR_ARG(rule->id));
}

static void issuers_can_be_asked(void **state) {
    matcher *m = matcher_new(rules, NULL, true);
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].verify) check_request(m, &rules->items[i]);
    }
    matcher_free(m);
}

static void the_binary_has_them_all(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    secret_rules *own;
    err e = {0};
    if (secret_rules_builtin(a, &own, &e) < 0)
        fail_msg("%s:%u:%u: %s", e.where.file, e.where.line, e.where.column, e.message);
    assert_int_equal(own->count, rules->count);
    for (size_t i = 0; i < own->warnings.count; i++)
        fail_msg("%.*s", STR_ARG(own->warnings.items[i].message));
    secret_rules_done(own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_hold),
        cmocka_unit_test(every_rule_is_whole),
        cmocka_unit_test(issuers_can_be_asked),
        cmocka_unit_test(the_binary_has_them_all),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
