/* OSV's evaluation algorithm: https://ossf.github.io/osv-schema/#evaluation */
#include "unit.h"

#include "base/rfc3339.h"
#include "scan/advisories/evaluate.h"
#include "scan/advisories/repository.h"

#include "base/json.h"

typedef struct row {
    const char *affected; /* JSON: ranges and versions */
    const char *ecosystem, *version;
    verdict expected;
} row;

#define RANGE(type, events) "{\"ranges\":[{\"type\":\"" type "\",\"events\":[" events "]}]}"
#define IN(v)               "{\"introduced\":\"" v "\"}"
#define FIXED(v)            "{\"fixed\":\"" v "\"}"
#define LAST(v)             "{\"last_affected\":\"" v "\"}"
#define LIMIT(v)            "{\"limit\":\"" v "\"}"

#define YES   VERDICT_AFFECTED
#define NOT   VERDICT_UNAFFECTED
#define MAYBE VERDICT_UNKNOWN

static const row rows[] = {
    /* every version */
    {RANGE("SEMVER", IN("0")), "npm", "0.0.0-0", YES},
    {RANGE("SEMVER", IN("0")), "npm", "workspace:*", YES},
    {RANGE("SEMVER", IN("0")), "npm", "", YES},
    /* up to a fix */
    {RANGE("SEMVER", IN("0") "," FIXED("1.0.2")), "npm", "1.0.1", YES},
    {RANGE("SEMVER", IN("0") "," FIXED("1.0.2")), "npm", "1.0.2", NOT},
    {RANGE("SEMVER", IN("0") "," FIXED("1.0.2")), "npm", "1.0.2-rc.1", YES},
    {RANGE("SEMVER", IN("0") "," FIXED("1.0.2")), "npm", "", NOT},
    {RANGE("SEMVER", IN("0") "," FIXED("1.0.2")), "npm", "latest", MAYBE},
    /* several stretches, in any order */
    {RANGE("SEMVER", IN("1.0.0") "," FIXED("1.0.2") "," IN("3.0.0") "," FIXED("3.2.5")), "npm",
     "2.0.0", NOT},
    {RANGE("SEMVER", FIXED("3.2.5") "," IN("3.0.0") "," FIXED("1.0.2") "," IN("1.0.0")), "npm",
     "3.2.4", YES},
    {RANGE("SEMVER", FIXED("3.2.5") "," IN("3.0.0") "," FIXED("1.0.2") "," IN("1.0.0")), "npm",
     "0.9.0", NOT},
    {RANGE("SEMVER", "{\"introduced\":\"1.0.0\",\"fixed\":\"1.1.0\"}"), "npm", "1.0.5", YES},
    /* the last affected one is affected */
    {RANGE("SEMVER", IN("1.0.0") "," LAST("1.4.0")), "npm", "1.4.0", YES},
    {RANGE("SEMVER", IN("1.0.0") "," LAST("1.4.0")), "npm", "1.4.1", NOT},
    {RANGE("SEMVER", LAST("1.4.0") "," IN("1.4.0")), "npm", "1.4.0", YES},
    {RANGE("SEMVER", LAST("1.4.0") "," IN("1.4.0")), "npm", "1.5.0", NOT},
    {RANGE("SEMVER", IN("1.0.0") "," FIXED("1.0.0")), "npm", "1.0.0", NOT},
    /* limits */
    {RANGE("SEMVER", IN("0") "," LIMIT("2.0.0")), "npm", "1.9.9", YES},
    {RANGE("SEMVER", IN("0") "," LIMIT("2.0.0")), "npm", "2.0.0", NOT},
    {RANGE("SEMVER", IN("0") "," LIMIT("*")), "npm", "2.0.0", YES},
    {RANGE("SEMVER", IN("0") "," LIMIT("1.0.0") "," LIMIT("3.0.0")), "npm", "2.0.0", YES},
    /* the ecosystem's own order */
    {RANGE("ECOSYSTEM", IN("0") "," FIXED("2.0rc1")), "PyPI", "2.0b3", YES},
    {RANGE("ECOSYSTEM", IN("0") "," FIXED("2.0rc1")), "PyPI", "2.0", NOT},
    {RANGE("ECOSYSTEM", IN("0") "," FIXED("1:2.0-1~deb12u1")), "Debian:12", "3.0-1", YES},
    {RANGE("ECOSYSTEM", IN("0") "," FIXED("1.0.0")), "Packagist", "v1.0", NOT},
    {RANGE("ECOSYSTEM", IN("0") "," FIXED("1.0.0")), "Packagist", "dev-main", MAYBE},
    {RANGE("ECOSYSTEM", IN("2.0-beta9") "," FIXED("2.15.0")), "Maven", "2.14.1", YES},
    /* commits say nothing of versions */
    {RANGE("GIT", IN("0")), "npm", "1.0.0", NOT},
    /* lists */
    {"{\"versions\":[\"1.0\",\"1.1\"]}", "PyPI", "1.1", YES},
    {"{\"versions\":[\"1.0\",\"1.1\"]}", "PyPI", "1.1.0", YES},
    {"{\"versions\":[\"1.0\",\"1.1\"]}", "PyPI", "1.2", NOT},
    {"{\"versions\":[\"main\"]}", "npm", "main", YES},
    {"{\"versions\":[\"1.0\"]}", "npm", "", NOT},
    {"{}", "npm", "1.0.0", NOT},
};

static affected read(arena *a, const row *r) {
    value inner, doc = value_object_new(a, true), package = value_object_new(a, true),
                 all = value_array_new(a);
    advisory parsed;
    err e = {0};
    assert_int_equal(json_parse(a, str_from(r->affected), 0, &inner, &e), 0);
    value_set_str(a, &package, "ecosystem", str_from(r->ecosystem));
    value_set_str(a, &package, "name", STR("x"));
    value_set(a, &inner, STR("package"), package);
    value_push(a, &all, inner);
    value_set_str(a, &doc, "id", STR("X-1"));
    value_set_str(a, &doc, "modified", STR("2024-01-01T00:00:00Z"));
    value_set(a, &doc, STR("affected"), all);
    assert_int_equal(advisory_from_json(a, &doc, &parsed, &e), 0);
    /* Through the store and back. */
    strbuf packed = STRBUF_INIT;
    advisory_pack(&packed, &parsed);
    str copy = arena_str(a, strbuf_str(&packed));
    strbuf_done(&packed);
    assert_int_equal(advisory_unpack(a, copy, 0, &parsed, &e), 0);
    return parsed.affected[0];
}

static void a_version_is_affected_as_osv_defines_it(void **state) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        affected from = read(a, &rows[i]);
        verdict got = evaluate(&from, str_from(rows[i].version));
        if (got != rows[i].expected)
            fail_msg("%s of %s in %s: got %d", rows[i].version, rows[i].ecosystem, rows[i].affected,
                     (int)got);
    }
}

/* ---- commits --------------------------------------------------------------------------------- */

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define TAGS                                                                                       \
    "{\"versions\":[\"v1.0\"],\"ranges\":[{\"type\":\"GIT\",\"events\":[" IN(A) "," FIXED(B) "]}]" \
                                                                                             "}"

static const struct {
    row is; /* its ecosystem is the version */
    const char *fix;
} commits[] = {
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", A, YES}, B},
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", B, NOT}, B},
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", C, MAYBE}, B},
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", "aaaaaaaaaaaa", YES}, B},
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", "aaaaaa", MAYBE}, B},
    {{RANGE("GIT", IN(A) "," FIXED(B)), "", "", MAYBE}, B},
    {{RANGE("GIT", IN(A) "," LAST(B)), "", B, YES}, ""},
    {{RANGE("GIT", IN(A) "," LIMIT(B)), "", B, NOT}, ""},
    {{RANGE("GIT", IN("0") "," FIXED(B) "," FIXED(C)), "", C, NOT}, ""},
    {{RANGE("GIT", IN("0")), "", C, YES}, ""},
    {{RANGE("GIT", IN(A) "," FIXED(A)), "", A, NOT}, A},
    {{RANGE("SEMVER", IN("0")), "", A, NOT}, ""},
    {{TAGS, "v1.0", C, YES}, B},
    {{TAGS, "v1.1", C, MAYBE}, B},
};

static void a_commit_is_judged_by_the_events_of_its_repository(void **state) {
    for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const row *is = &commits[i].is;
        row parsed = {is->affected, "npm", is->version, is->expected};
        affected from = read(a, &parsed);
        verdict got = evaluate_commit(&from, str_from(is->ecosystem), str_from(is->version));
        if (got != is->expected) fail_msg("%s in %s: got %d", is->version, is->affected, (int)got);
        assert_str(evaluate_commit_fix(&from), commits[i].fix);
    }
}

static const struct {
    const char *url, *name, *commit;
} addresses[] = {
    {"https://github.com/Own/Lib.git", "github.com/own/lib", ""},
    {"https://github.com/own/lib/", "github.com/own/lib", ""},
    {"https://www.github.com/own/lib/tree/main", "github.com/own/lib", ""},
    {"git+ssh://git@github.com/own/lib.git#" A, "github.com/own/lib", A},
    {"git@github.com:own/lib.git", "github.com/own/lib", ""},
    {"ssh://git@git.example.com:2222/a/b/c.git", "git.example.com/a/b/c", ""},
    {"github:own/lib#aaaaaaa", "github.com/own/lib", "aaaaaaa"},
    {"gitlab:group/sub/lib", "gitlab.com/group/sub/lib", ""},
    {"https://codeload.github.com/own/lib/tar.gz/" A, "github.com/own/lib", A},
    {"https://github.com/own/lib/archive/" A ".tar.gz", "github.com/own/lib", A},
    {"https://gitlab.com/group/lib/-/archive/v1/lib-v1.tar.gz", "gitlab.com/group/lib", ""},
    {"git+https://github.com/own/lib@" A "#egg=lib", "github.com/own/lib", A},
    {"git+https://github.com/own/lib@v1.0#egg=lib", "github.com/own/lib", ""},
    {"https://github.com/own/lib.git#commit=" A "&workspace=x", "github.com/own/lib", A},
    {"git+https://github.com/own/lib?branch=main#" A, "github.com/own/lib", A},
    {"https://registry.example.com/a/-/a-1.0.0.tgz#" A, "registry.example.com/a/-/a-1.0.0.tgz", ""},
    {"https://github.com/own/lib#main", "github.com/own/lib", ""},
    {"file:../lib", "", ""},
    {"../lib", "", ""},
    {"lib", "", ""},
    {"", "", ""},
};

static void a_repository_has_one_name(void **state) {
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        _cleanup_arena_ arena *a = arena_new();
        assert_str(repository_name(a, str_from(addresses[i].url)), addresses[i].name);
        assert_str(repository_commit(str_from(addresses[i].url)), addresses[i].commit);
    }
}

static const struct {
    const char *text;
    bool valid;
    int64_t ms;
} times[] = {
    {"1970-01-01T00:00:00Z", true, 0},
    {"2024-02-29T12:30:15.25Z", true, 1709209815250},
    {"2024-01-01", true, 1704067200000},
    {"2024-01-01T01:00:00+01:00", true, 1704067200000},
    {"2000-03-01T00:00:00Z", true, 951868800000},
    {"2024-13-01T00:00:00Z", false, 0},
    {"2024-01-01T00:00", false, 0},
    {"yesterday", false, 0},
    {"", false, 0},
};

static void times_are_read(void **state) {
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 0;
        bool valid = time_parse(str_from(times[i].text), &ms);
        if (valid != times[i].valid || (valid && ms != times[i].ms))
            fail_msg("%s: %lld", times[i].text, (long long)ms);
    }
}

static const struct {
    const char *json, *message;
} wrong[] = {
    {"[]", "is no object"},
    {"{}", "has no id"},
    {"{\"id\":1}", "has no id"},
    {"{\"id\":\"X\"}", "has no time under \"modified\""},
};

static void a_record_that_is_none_is_refused(void **state) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_arena_ arena *a = arena_new();
        value json;
        advisory got;
        err e = {0};
        assert_int_equal(json_parse(a, str_from(wrong[i].json), 0, &json, &e), 0);
        assert_int_equal(advisory_from_json(a, &json, &got, &e), ERR_INVALID);
        assert_string_equal(e.message, wrong[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_affected_as_osv_defines_it),
        cmocka_unit_test(a_commit_is_judged_by_the_events_of_its_repository),
        cmocka_unit_test(a_repository_has_one_name),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(a_record_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
