#include "unit.h"

#include "scan/advisories/version.h"

#include "base/arena.h"

typedef struct comparison {
    const char *ecosystem, *a, *b;
    int expected;
} comparison;

static const comparison comparisons[] = {
    /* SemVer 2.0.0, section 11 */
    {"npm", "1.0.0-alpha", "1.0.0-alpha.1", -1},
    {"npm", "1.0.0-alpha.1", "1.0.0-alpha.beta", -1},
    {"npm", "1.0.0-beta.2", "1.0.0-beta.11", -1},
    {"npm", "1.0.0-rc.1", "1.0.0", -1},
    {"npm", "1.0.0+a", "1.0.0+b", 0},
    {"npm", "1.2", "1.2.0", 0},
    /* Go's pseudo-versions and old majors */
    {"Go", "v0.0.0-20170915032832-14c0d48ead0c", "0.0.0-20190101000000-000000000000", -1},
    {"Go", "v1.2.3-0.20200101000000-abcdefabcdef", "v1.2.3", -1},
    {"Go", "v2.0.0+incompatible", "2.0.0", 0},
    {"NuGet", "1.0.0.1", "1.0.0", 1},
    {"NuGet", "1.0.0-RC", "1.0.0-rc", 0},
    {"Pub", "1.0.0", "1.0.0+1", -1},
    {"Pub", "1.0.0+9", "1.0.0+10", -1},
    {"Hackage", "1.0", "1.0.0", -1},
    {"CRAN", "1.2-3", "1.2.3", 0},
    {"CRAN", "1.2-10", "1.2-9", 1},
    /* PEP 440 */
    {"PyPI", "1.0.dev1", "1.0a1.dev1", -1},
    {"PyPI", "1.0a1.dev1", "1.0a1", -1},
    {"PyPI", "1.0a1", "1.0a1.post1.dev2", -1},
    {"PyPI", "1.0a1.post1.dev2", "1.0a1.post1", -1},
    {"PyPI", "1.0rc1", "1.0", -1},
    {"PyPI", "1.0", "1.0+local", -1},
    {"PyPI", "1.0+local", "1.0+5", -1},
    {"PyPI", "1.0+5", "1.0+5.1", -1},
    {"PyPI", "1.0+5.1", "1.0.post1", -1},
    {"PyPI", "1.0.post1.dev1", "1.0.post1", -1},
    {"PyPI", "1.0-1", "1.0.post1", 0},
    {"PyPI", "1.0.r4", "1.0.rev4", 0},
    {"PyPI", "v1.0", "1.0.0", 0},
    {"PyPI", "1.0C1", "1.0-preview_1", 0},
    {"PyPI", "1!0.1", "2.0", 1},
    {"PyPI", "1.0.dev0", "1.0.post0.dev0", -1},
    {"PyPI", "0.9-doduo", "0.1", -1},
    /* Maven's POM reference */
    {"Maven", "1", "1.0.0-ga", 0},
    {"Maven", "1.foo", "1-foo", -1},
    {"Maven", "1-foo", "1-1", -1},
    {"Maven", "1-1", "1.1", -1},
    {"Maven", "1.RC2", "1-RC3", -1},
    {"Maven", "1-sp", "1-ga", 1},
    {"Maven", "1-sp.1", "1-ga.1", 1},
    {"Maven", "1-a1", "1-alpha-1", 0},
    {"Maven", "1-a", "1-alpha", 1},
    {"Maven", "1-snapshot", "1", -1},
    {"Maven", "1-jre", "1-android", 1},
    /* Gem::Version */
    {"RubyGems", "1.0.a", "1.0", -1},
    {"RubyGems", "1.0-1", "1.0", -1},
    {"RubyGems", "1.0.0", "1", 0},
    {"RubyGems", "1.0.0.rc1", "1.rc.1", 0},
    /* PHP's version_compare */
    {"Packagist", "1.0", "1.0.0", -1},
    {"Packagist", "1.0-dev", "1.0-alpha", -1},
    {"Packagist", "1.0.0-beta2", "1.0.0-RC1", -1},
    {"Packagist", "1.0-patch1", "1.0", 1},
    {"Packagist", "dev-main", "1.0", -1},
    /* deb-version(7) */
    {"Debian:12", "1.0~rc1", "1.0", -1},
    {"Debian:12", "1.0", "1.0-0", 0},
    {"Debian:12", "1.0a", "1.0+", -1},
    {"Debian:12", "1:0.9", "2.0", 1},
    {"Ubuntu:22.04:LTS", "1.0-1ubuntu0.1", "1.0-1", 1},
    {"Debian", "1.0~~", "1.0~~a", -1},
    {"opam", "1.0~beta", "1.0", -1},
    /* apk */
    {"Alpine:v3.20", "1.2_alpha", "1.2", -1},
    {"Alpine:v3.20", "1.2_p1", "1.2_git20200101", 1},
    {"Alpine:v3.20", "1.2-r0", "1.2-r10", -1},
    {"Alpine:v3.20", "1.2", "1.2-r0", -1},
    {"Alpine:v3.20", "1.1", "1.1.0", -1},
    {"Alpine:v3.20", "1.02", "1.1", -1},
    {"Alpine:v3.20", "1.2_rc1_p1", "1.2_rc1", 1},
    {"Alpine:v3.20", "1.2_rc", "1.2_rc0", 0},
    {"Wolfi", "1.2~3f-r1", "1.2~4a-r1", 0},
    /* rpm */
    {"Rocky Linux:9", "1.0~rc1-1", "1.0-1", -1},
    {"Rocky Linux:9", "1.0^20200101-1", "1.0-1", 1},
    {"Rocky Linux:9", "1.0^20200101-1", "1.0.1-1", -1},
    {"SUSE:Linux", "1:1.0-1", "2.0-1", 1},
    {"AlmaLinux", "1.0a", "1.0.1", -1},
    {"FreeBSD:ports", "1.2_1", "1.2", 1},
    {"FreeBSD:ports", "1.2,1", "1.3", 1},
    {"FreeBSD:ports", "1.2.beta1", "1.2", -1},
    {"Root:Debian:12", "1.0~1", "1.0", -1},
    {"something else", "1.10", "1.9", 1},
};

static void each_ecosystem_has_its_order(void **state) {
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        const comparison *c = &comparisons[i];
        str ecosystem = str_from(c->ecosystem), a = str_from(c->a), b = str_from(c->b);
        if (version_compare(ecosystem, a, b) != c->expected ||
            version_compare(ecosystem, b, a) != -c->expected)
            fail_msg("%s: %s and %s: got %d and back %d", c->ecosystem, c->a, c->b,
                     version_compare(ecosystem, a, b), version_compare(ecosystem, b, a));
    }
}

static const comparison in_ranges[] = {
    {"Packagist", "1.0", "1.0.0.0", 0},       {"Packagist", "v1.0.0-BETA2", "1.0.0-beta3", -1},
    {"Packagist", "1.0-patch1", "1.0.1", -1}, {"Packagist", "1.0-stable", "1.0", 0},
    {"Packagist", "1.0.0-rc1", "1.0", -1},    {"Packagist", "dev-main", "1.0", -1},
    {"npm", "1.0.0-rc1", "1.0.0", -1},
};

static void ranges_have_the_order_of_the_tool(void **state) {
    for (size_t i = 0; i < sizeof in_ranges / sizeof *in_ranges; i++) {
        const comparison *c = &in_ranges[i];
        int got = version_compare_in_range(str_from(c->ecosystem), str_from(c->a), str_from(c->b));
        if (got != c->expected) fail_msg("%s and %s: got %d", c->a, c->b, got);
    }
}

static const struct {
    const char *ecosystem, *version;
    bool known;
} readable[] = {
    {"npm", "1.2.3", true},           {"npm", "latest", false},
    {"npm", "git+https://x", false},  {"Go", "v1.2.3", true},
    {"Go", "(devel)", false},         {"PyPI", "1!2.0.post1.dev2+x.1", true},
    {"PyPI", "0.1-bulbasaur", false}, {"Maven", "1-foo", true},
    {"Maven", "RELEASE", false},      {"Packagist", "dev-main", false},
    {"Packagist", "1.x-dev", false},  {"Packagist", "v1.2", true},
    {"RubyGems", "1.0.a", true},      {"RubyGems", "master", false},
    {"Debian", "1:2.0-1", true},      {"Debian", "a:2.0", false},
    {"Alpine", "1.2_p1-r0", true},    {"Alpine", "1.2bc", false},
    {"Hackage", "1.2", true},         {"Hackage", "1.2-a", false},
};

static void what_cannot_be_read_is_told(void **state) {
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
        if (version_known(str_from(readable[i].ecosystem), str_from(readable[i].version)) !=
            readable[i].known)
            fail_msg("%s: %s", readable[i].ecosystem, readable[i].version);
    }
}

static void a_version_that_is_too_long_compares_as_bytes(void **state) {
    char text[VERSION_LENGTH_MAX + 2];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '.' : '1';
    str all = {text, sizeof text - 1};
    assert_false(version_known(STR("Maven"), all));
    assert_int_equal(version_compare(STR("Maven"), all, all), 0);
    assert_int_equal(version_compare(STR("Maven"), all, STR("2")), -1);
}

static const struct {
    const char *ecosystem, *name, *normal;
} names[] = {
    {"PyPI", "Foo__Bar.-baz", "foo-bar-baz"},
    {"NuGet", "Newtonsoft.Json", "newtonsoft.json"},
    {"npm", "JSONStream", "JSONStream"},
    {"Packagist", "Symfony/HTTP", "symfony/http"},
    {"SwiftURL", "https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio"},
    {"Maven", "org.Foo:Bar", "org.Foo:Bar"},
    {"Go", "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"},
};

static void names_are_spelled_in_one_way(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_str(package_normal_name(a, str_from(names[i].ecosystem), str_from(names[i].name)),
                   names[i].normal);
}

static const struct {
    const char *advisory, *package;
    bool covers;
} releases[] = {
    {"Debian:12", "Debian:12", true},
    {"Debian:11", "Debian:12", false},
    {"Debian", "Debian:12", true},
    {"Debian:12", "Debian", true},
    {"Ubuntu:22.04:LTS", "Ubuntu:22.04", true},
    {"Ubuntu:Pro:22.04:LTS", "Ubuntu:22.04", false},
    {"Red Hat:enterprise_linux:9::appstream", "Red Hat:9", true},
    {"Red Hat:rhel_eus:9.2::baseos", "Red Hat:9", true},
    {"Red Hat:enterprise_linux:8::baseos", "Red Hat:9", false},
    {"Red Hat:openshift:4.14::el9", "Red Hat:9", false},
    {"SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:Linux Enterprise Server 15 SP5",
     true},
    {"SUSE:Linux Enterprise Server 15 SP4", "SUSE:Linux Enterprise Server 15 SP5", false},
    {"openSUSE:Leap 15.5", "openSUSE:Leap 15.6", false},
    {"Rocky Linux:9", "Rocky Linux:9", true},
    {"npm", "PyPI", false},
    {"Maven", "Maven:https://maven.google.com", true},
};

static void an_advisory_holds_in_its_release(void **state) {
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        if (ecosystem_covers(str_from(releases[i].advisory), str_from(releases[i].package)) !=
            releases[i].covers)
            fail_msg("%s and %s", releases[i].advisory, releases[i].package);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ecosystem_has_its_order),
        cmocka_unit_test(ranges_have_the_order_of_the_tool),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(a_version_that_is_too_long_compares_as_bytes),
        cmocka_unit_test(names_are_spelled_in_one_way),
        cmocka_unit_test(an_advisory_holds_in_its_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
