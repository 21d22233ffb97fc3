/* Package URLs are canonical (package-url/purl-spec, the types' definitions). */
#include "unit.h"

#include "scan/deps/purl.h"

#include <string.h>

static const struct {
    const char *ecosystem, *name, *version, *arch, *purl;
} rows[] = {
    {"npm", "lodash", "4.17.20", "", "pkg:npm/lodash@4.17.20"},
    {"npm", "@Babel/Code-Frame", "7.0.0", "", "pkg:npm/%40babel/code-frame@7.0.0"},
    {"npm", "unpinned", "", "", "pkg:npm/unpinned"},
    {"PyPI", "Foo_Bar.baz", "1.0", "", "pkg:pypi/foo-bar.baz@1.0"},
    {"PyPI", "x", "1.0+local", "", "pkg:pypi/x@1.0%2Blocal"},
    {"Go", "github.com/Gin-Gonic/gin", "v1.9.0", "", "pkg:golang/github.com/gin-gonic/gin@v1.9.0"},
    {"Go", "gopkg.in/yaml.v2", "v2.0.0+incompatible", "",
     "pkg:golang/gopkg.in/yaml.v2@v2.0.0%2Bincompatible"},
    {"Go", "stdlib", "1.21.3", "", "pkg:golang/stdlib@1.21.3"},
    {"crates.io", "Inflector", "0.11.4", "", "pkg:cargo/Inflector@0.11.4"},
    {"Maven", "org.apache.xmlgraphics:batik-anim", "1.9.1", "",
     "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1"},
    {"RubyGems", "ruby-advisory-db-check", "0.12.4", "", "pkg:gem/ruby-advisory-db-check@0.12.4"},
    {"Packagist", "Laravel/Laravel", "5.5.0", "", "pkg:composer/laravel/laravel@5.5.0"},
    {"NuGet", "EnterpriseLibrary.Common", "6.0.1304", "",
     "pkg:nuget/EnterpriseLibrary.Common@6.0.1304"},
    {"Pub", "Shared-Preferences", "2.0.0", "", "pkg:pub/shared_preferences@2.0.0"},
    {"Hex", "Jason", "1.1.2", "", "pkg:hex/jason@1.1.2"},
    {"ConanCenter", "openssl", "3.0.3", "", "pkg:conan/openssl@3.0.3"},
    {"Debian:12", "curl", "7.50.3-1", "i386",
     "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=debian-12"},
    {"Debian", "curl", "1:7.50.3~rc-1+b1", "", "pkg:deb/debian/curl@1:7.50.3~rc-1%2Bb1"},
    {"Ubuntu:22.04", "dpkg", "1.19.0.4", "amd64",
     "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64&distro=ubuntu-22.04"},
    {"Ubuntu:22.04:LTS", "dpkg", "1", "", "pkg:deb/ubuntu/dpkg@1?distro=ubuntu-22.04"},
    {"Alpine:v3.16", "curl", "7.83.0-r0", "x86_64",
     "pkg:apk/alpine/curl@7.83.0-r0?arch=x86_64&distro=alpine-3.16"},
    {"Nowhere", "a b", "1%2", "", "pkg:generic/a%20b@1%252"},
};

static void are_canonical(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        str purl = purl_make(a, str_from(rows[i].ecosystem), str_from(rows[i].name),
                             str_from(rows[i].version), str_from(rows[i].arch));
        assert_string_equal(purl.ptr, rows[i].purl);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(are_canonical)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
