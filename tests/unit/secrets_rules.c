/* Every rule of rules/secrets finds its positive values, and nothing in its negative ones. */
#include "unit.h"

#include "base/fs.h"
#include "base/hash.h"
#include "scan/secrets/match.h"
#include "scan/secrets/same.h"

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
    match_text t = {STR("config/settings.txt"), text, DECODE_DEPTH_DEFAULT, false, false};
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
    match_text t = {STR("config/settings.txt"), rule->positive.items[0], 0, false, false};
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

/* ---- versions ------------------------------------------------------------------------------- */

#define FILES    24
#define VERSIONS 60

static uint64_t seed = 4;

static size_t any(size_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return below ? (size_t)(seed >> 33) % below : 0;
}

/* What is written into a file: lines of code, values that rules find, halves of these, and values
 * in base64. */
static void add_piece(strbuf *out) {
    static const char *const lines[] = {
        "crlf\r\n",
        "\r\n",
        "A_LONG_WORD_THAT_IS_A_RUN_BY_ITSELF_",
        "curl https://host/ -H 'Accept: text/html' \\\n",
        "    return value * 2;\n",
        "}\n",
        "\n",
        "static int count_of(const item *items, size_t count) {\n",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----END RSA PRIVATE KEY-----\n",
        "MIIEpAIBAAKCAQEAwJ9a8sQ2f6Yx0k3v5Tz1Hn7Lr4Pd8Ue2Bg6Ci9Mo\n",
        "url = http://host/a%20b?c=%2Fd\n",
        "apiVersion: v1\nkind: Secret\ndata:\n  key: "};
    if (any(3)) {
        strbuf_adds(out, lines[any(sizeof lines / sizeof *lines)]);
        return;
    }
    const secret_rule *rule = &rules->items[any(rules->count)];
    if (!rule->positive.count) return;
    str text = rule->positive.items[any(rule->positive.count)];
    if (!any(6)) text = str_sub(text, 0, any(text.len));
    if (!any(6)) text = str_sub(text, any(text.len), text.len);
    if (any(4)) {
        strbuf_add(out, text);
    } else {
        strbuf_adds(out, "token: \"");
        base64_encode(out, text);
        strbuf_addc(out, '"');
    }
    if (any(4)) strbuf_addc(out, '\n');
}

static bool is_lossy(const secret_rule *rule) {
    static const char *const lossy[] = {"azure-redis-connection-string", "pgpass-entry"};
    for (size_t i = 0; i < sizeof lossy / sizeof *lossy; i++) {
        if (str_is(rule->id, lossy[i])) return true;
    }
    return false;
}

/* Something is taken out, and something else put there, in a few places. */
static str next_version(arena *a, str text) {
    strbuf out = STRBUF_INIT;
    size_t done = 0;
    if (!any(40)) strbuf_addc(&out, '\0');
    for (size_t places = 1 + any(3); places; places--) {
        size_t at = done + any(text.len - done + 1), gone = any(3) ? any(200) : 0;
        strbuf_add(&out, str_sub(text, done, at));
        for (size_t n = any(4); n; n--)
            add_piece(&out);
        done = at + gone < text.len ? at + gone : text.len;
    }
    strbuf_add(&out, str_sub(text, done, text.len));
    str made = arena_str(a, strbuf_str(&out));
    strbuf_done(&out);
    return made;
}

static match_list look(arena *a, matcher *m, str text) {
    match_list found = {0};
    scan_out out = {.a = a, .errors.a = a};
    match_text t = {STR("config/settings.txt"), text, DECODE_DEPTH_DEFAULT, false, true};
    matcher_text(m, a, &t, &found, &out);
    return found;
}

static bool is_same(const match_list *x, const match_list *y) {
    if (x->count != y->count) return false;
    for (size_t i = 0; i < x->count; i++) {
        const secret_match *p = &x->items[i], *q = &y->items[i];
        if (p->rule != q->rule || p->secret.start != q->secret.start ||
            p->secret.end != q->secret.end || p->match.start != q->match.start ||
            !str_eq(p->value, q->value))
            return false;
    }
    return true;
}

static void tell_difference(str text, const match_list *alone, const match_list *one) {
    for (size_t i = 0; i < alone->count; i++)
        print_error("alone: %.*s at %zu\n", STR_ARG(alone->items[i].rule->id),
                    alone->items[i].secret.start);
    for (size_t i = 0; i < one->count; i++)
        print_error("as a version: %.*s at %zu\n", STR_ARG(one->items[i].rule->id),
                    one->items[i].secret.start);
    print_error("in: %.*s\n", STR_ARG(text));
}

/* Whatever was read before. What each has by itself is what PCRE2 finds, without vectorscan. Rules
 * of which vectorscan 5.4.9 loses matches, by where the text lies in memory, are left out: in
 * versions and in whole texts alike. */
static void versions_give_what_each_gives_by_itself(void **state) {
    secret_rules some = *rules;
    some.items = ARENA_ARRAY(all, secret_rule, rules->count);
    some.count = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (!is_lossy(&rules->items[i])) some.items[some.count++] = rules->items[i];
    }
    matcher *alone = matcher_new(&some, NULL, true),
            *follows = matcher_new_of_versions(&some, NULL);
    size_t all_found = 0;
    for (size_t file = 0; file < FILES; file++) {
        _cleanup_arena_ arena *a = arena_new();
        str text = STR_EMPTY;
        for (size_t grown = any(40); grown; grown--)
            text = next_version(a, text);
        for (size_t version = 0; version < VERSIONS; version++) {
            match_list found = look(a, alone, text), again = look(a, follows, text);
            if (!is_same(&found, &again)) {
                tell_difference(text, &found, &again);
                fail_msg("file %zu, version %zu: %zu by itself, %zu from the one before", file,
                         version, found.count, again.count);
            }
            all_found += found.count;
            text = next_version(a, text);
        }
    }
    assert_true(all_found > (size_t)FILES * VERSIONS);
    matcher_free(alone);
    matcher_free(follows);
}

static void stretches_of_two_texts_are_the_same(void **state) {
    for (size_t n = 0; n < 3000; n++) {
        _cleanup_arena_ arena *a = arena_new();
        same_span spans[8];
        str old = STR_EMPTY;
        for (size_t grown = any(12); grown; grown--)
            old = next_version(a, old);
        str text = next_version(a, old);
        size_t min = 1 + any(300), max = any(9), at = 0, old_at = 0;
        size_t count = same_find(old, text, min, spans, max);
        assert_true(count <= max);
        for (size_t i = 0; i < count; i++) {
            same_span s = spans[i];
            assert_true(s.at >= at && s.old_at >= old_at && s.len >= min);
            at = s.at + s.len;
            old_at = s.old_at + s.len;
            assert_true(at <= text.len && old_at <= old.len);
            assert_memory_equal(text.ptr + s.at, old.ptr + s.old_at, s.len);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_hold),
        cmocka_unit_test(every_rule_is_whole),
        cmocka_unit_test(issuers_can_be_asked),
        cmocka_unit_test(the_binary_has_them_all),
        cmocka_unit_test(versions_give_what_each_gives_by_itself),
        cmocka_unit_test(stretches_of_two_texts_are_the_same),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
