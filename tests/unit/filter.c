/* The tables are the examples of "Filter pattern cheat sheet",
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax */
#include "unit.h"

#include "base/json.h"
#include "workflow/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct match_case {
    const char *pattern;
    const char *yes[6], *no[6];
} match_case;

static void check_cases(const match_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str pattern = str_from(cases[i].pattern);
        err e = {0};
        if (filter_pattern_check(pattern, &e) != 0)
            fail_msg("%s is refused: %s", cases[i].pattern, e.message);
        for (const char *const *text = cases[i].yes; *text; text++) {
            if (!filter_pattern_match(pattern, str_from(*text)))
                fail_msg("%s does not match %s", cases[i].pattern, *text);
        }
        for (const char *const *text = cases[i].no; *text; text++) {
            if (filter_pattern_match(pattern, str_from(*text)))
                fail_msg("%s matches %s", cases[i].pattern, *text);
        }
    }
}

static void refs_match_as_in_the_cheat_sheet(void **state) {
    (void)state;
    static const match_case cases[] = {
        {"feature/*", {"feature/my-branch", "feature/your-branch"}, {"feature/a/b", "feature"}},
        {"feature/**",
         {"feature/beta-a/my-branch", "feature/your-branch", "feature/mona/the/octocat"},
         {"features/x"}},
        {"main", {"main"}, {"Main", "main2", "xmain"}},
        {"releases/mona-the-octocat", {"releases/mona-the-octocat"}, {"releases"}},
        {"*", {"main", "releases"}, {"all/the/branches"}},
        {"**", {"all/the/branches", "every/tag", "main"}, {NULL}},
        {"*feature", {"mona-feature", "feature", "ver-10-feature"}, {"a/feature"}},
        {"v2*", {"v2", "v2.0", "v2.9"}, {"v1", "v2/x"}},
        {"v[12].[0-9]+.[0-9]+", {"v1.10.1", "v2.0.0"}, {"v3.1.1", "v1.1", "v1..1", "v1.1.x"}},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void paths_match_as_in_the_cheat_sheet(void **state) {
    (void)state;
    static const match_case cases[] = {
        {"*", {"README.md", "server.rb"}, {"docs/README.md"}},
        {"*.jsx?", {"page.js", "page.jsx"}, {"page.jsxx", "a/page.js"}},
        {"**", {"all/the/files.md"}, {NULL}},
        {"*.js", {"app.js", "index.js"}, {"js/index.js"}},
        {"**.js", {"index.js", "js/index.js", "src/js/app.js"}, {"index.jsx"}},
        {"docs/*", {"docs/README.md", "docs/file.txt"}, {"docs/a/b", "docs"}},
        {"docs/**", {"docs/README.md", "docs/mona/octocat.txt"}, {"docs", "x/docs/a"}},
        {"docs/**/*.md",
         {"docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"},
         {"docs/a.txt", "docsx/a.md"}},
        {"**/docs/**",
         {"docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"},
         {"mydocs/x", "docs"}},
        {"**/README.md", {"README.md", "js/README.md"}, {"xREADME.md", "js/xREADME.md"}},
        {"**/*src/**", {"a/src/app.js", "my-src/code/js/app.js"}, {"a/srcs/app.js"}},
        {"**/*-post.md", {"my-post.md", "path/their-post.md"}, {"post.md"}},
        {"**/migrate-*.sql",
         {"migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"},
         {"migrate.sql"}},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void special_characters_mean_what_the_page_says(void **state) {
    (void)state;
    static const match_case cases[] = {
        {"Octoc?t", {"Octot", "Octoct"}, {"Octocat", "Octocct"}},
        {"ab+c", {"abc", "abbbc"}, {"ac"}},
        {"[CB]at", {"Cat", "Bat"}, {"cat", "at"}},
        {"[1-2]00", {"100", "200"}, {"300", "1-00"}},
        {"[0-9a-z]", {"5", "q"}, {"Q", "-", "55"}},
        {"[ab]+", {"a", "abba"}, {"", "abc"}},
        {"x[ab]?", {"x", "xa"}, {"xab"}},
        {"a\\*b", {"a*b"}, {"aab", "a\\*b"}},
        {"a\\?", {"a?"}, {"a", ""}},
        {"v1!", {"v1!"}, {"v1"}},
        {"é?x", {"x", "éx"}, {"ééx"}},
        {"a/**/b", {"a/b", "a/x/b", "a/x/y/b"}, {"ab", "a/xb"}},
        {"a**b", {"ab", "a/x/b"}, {"a"}},
    };
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void the_last_pattern_that_matches_decides(void **state) {
    (void)state;
    static const struct {
        const char *patterns[4];
        const char *text;
        bool expected;
    } cases[] = {
        {{"*.md", "!README.md"}, "hello.md", true},
        {{"*.md", "!README.md"}, "README.md", false},
        {{"*.md", "!README.md"}, "docs/hello.md", false},
        {{"*.md", "!README.md", "README*"}, "hello.md", true},
        {{"*.md", "!README.md", "README*"}, "README.md", true},
        {{"*.md", "!README.md", "README*"}, "README.doc", true},
        {{"releases/**", "!releases/**-alpha"}, "releases/10", true},
        {{"releases/**", "!releases/**-alpha"}, "releases/beta/3-alpha", false},
        {{"!main"}, "other", false},
        {{"!main", "main"}, "main", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str patterns[4];
        size_t count = 0;
        while (count < 4 && cases[i].patterns[count]) {
            patterns[count] = str_from(cases[i].patterns[count]);
            count++;
        }
        if (filter_list_match(patterns, count, str_from(cases[i].text)) != cases[i].expected)
            fail_msg("case %zu, %s", i, cases[i].text);
    }
    assert_false(filter_list_match(NULL, 0, STR("main")));
}

static void malformed_patterns_are_told_and_match_nothing(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *message;
    } cases[] = {
        {"", "empty"},
        {"!", "empty"},
        {"?", "no character before"},
        {"+a", "no character before"},
        {"**+", "no character before"},
        {"a?+", "no character before"},
        {"[ab", "not closed"},
        {"[]", "are empty"},
        {"[z-a]", "range 'z-a'"},
        {"[a-Z]", "range 'a-Z'"},
        {"a\\", "lone"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_int_equal(filter_pattern_check(str_from(cases[i].pattern), &e), ERR_INVALID);
        if (!strstr(e.message, cases[i].message)) fail_msg("%s: %s", cases[i].pattern, e.message);
        assert_false(filter_pattern_match(str_from(cases[i].pattern), STR("a")));
    }
    char huge[2000];
    memset(huge, 'a', sizeof huge);
    assert_int_equal(filter_pattern_check((str){huge, sizeof huge}, NULL), ERR_LIMIT);
}

static void hostile_patterns_take_no_exponential_time(void **state) {
    (void)state;
    static char pattern[1000], text[4000];
    for (size_t i = 0; i + 1 < sizeof pattern; i += 2)
        memcpy(pattern + i, "a*", 2);
    memset(text, 'a', sizeof text);
    assert_false(filter_pattern_match((str){pattern, 200}, (str){text, 99}));
    assert_true(filter_pattern_match((str){pattern, sizeof pattern}, (str){text, sizeof text}));
}

/* ---- the table of events against the reference schema, where that is at hand ---------------- */

static const value *follow(const value *definitions, str name) {
    return value_get(definitions, name);
}

/* The properties of a definition's mapping, looked for through its alternatives. */
static const value *properties_of(const value *definitions, str name) {
    const value *d = follow(definitions, name);
    const value *found = value_path(d, "mapping.properties");
    const value *choices = value_path(d, "one-of");
    for (size_t i = 0; !found && choices && i < choices->array.count; i++)
        found = properties_of(definitions, choices->array.items[i].string);
    return found;
}

static str type_of(const value *property) {
    return property->kind == VALUE_STRING ? property->string : value_path_str(property, "type");
}

static size_t count_types(const event_kind *kind) {
    size_t n = 0;
    while (kind->types && kind->types[n])
        n++;
    return n;
}

static void same_types(arena *a, const value *definitions, const event_kind *kind,
                       const value *properties) {
    const value *types = value_get(properties, STR("types"));
    if (!types) {
        assert_null(kind->types);
        assert_false(kind->free_types);
        return;
    }
    str one = arena_printf(a, "%.*s-type", STR_ARG(type_of(types)));
    const value *allowed = value_path(follow(definitions, one), "allowed-values");
    if (!allowed) {
        assert_true(kind->free_types);
        return;
    }
    assert_int_equal(count_types(kind), allowed->array.count);
    for (size_t i = 0; i < allowed->array.count; i++) {
        bool found = false;
        for (size_t k = 0; kind->types[k]; k++)
            found = found || str_is(allowed->array.items[i].string, kind->types[k]);
        if (!found)
            fail_msg("%s lacks type %.*s", kind->name, STR_ARG(allowed->array.items[i].string));
    }
}

static bool read_reference(arena *a, value *ret) {
    const char *shared = getenv("SLIPWAY_SHARED");
    str path = arena_printf(a, "%s/reference/github-workflow-v1.0.json", shared ? shared : "");
    FILE *file = fopen(path.ptr, "rb");
    if (!file) return false;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        strbuf_add(&text, (str){chunk, n});
    fclose(file);
    assert_int_equal(json_parse(a, arena_str(a, strbuf_str(&text)), 0, ret, NULL), 0);
    return true;
}

static void the_table_of_events_agrees_with_githubs_schema(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value schema;
    if (!read_reference(a, &schema)) {
        print_message("SLIPWAY_SHARED names no folder with reference/github-workflow-v1.0.json\n");
        skip();
    }
    const value *definitions = value_get(&schema, STR("definitions"));
    const value *events = value_path(definitions, "on-mapping-strict.mapping.properties");
    size_t count;
    const event_kind *kinds = event_kinds(&count);
    assert_int_equal(value_count(events), count);
    for (size_t i = 0; i < count; i++) {
        const value *found = value_get(events, str_from(kinds[i].name));
        if (!found) fail_msg("the schema has no event %s", kinds[i].name);
        const value *p = properties_of(definitions, type_of(found));
        same_types(a, definitions, &kinds[i], p);
        assert_int_equal(kinds[i].branches, value_get(p, STR("branches")) != NULL);
        assert_int_equal(kinds[i].tags, value_get(p, STR("tags")) != NULL);
        assert_int_equal(kinds[i].paths, value_get(p, STR("paths")) != NULL);
        assert_int_equal(kinds[i].workflows, value_get(p, STR("workflows")) != NULL);
        assert_int_equal(kinds[i].names, value_get(p, STR("names")) != NULL);
    }
}

static void events_are_found_by_their_exact_name(void **state) {
    (void)state;
    assert_string_equal(event_kind_find(STR("push"))->name, "push");
    assert_null(event_kind_find(STR("Push")));
    assert_null(event_kind_find(STR("")));
    assert_string_equal(event_kind_find(STR("pull_request"))->default_types[1], "synchronize");
    assert_null(event_kind_find(STR("issues"))->default_types);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refs_match_as_in_the_cheat_sheet),
        cmocka_unit_test(paths_match_as_in_the_cheat_sheet),
        cmocka_unit_test(special_characters_mean_what_the_page_says),
        cmocka_unit_test(the_last_pattern_that_matches_decides),
        cmocka_unit_test(malformed_patterns_are_told_and_match_nothing),
        cmocka_unit_test(hostile_patterns_take_no_exponential_time),
        cmocka_unit_test(the_table_of_events_agrees_with_githubs_schema),
        cmocka_unit_test(events_are_found_by_their_exact_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
