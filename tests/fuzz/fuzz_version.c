/* Three versions, a line each, in every ecosystem: a version is itself, two orders agree, and
 * nothing is read past the end. */
#include "fuzz.h"

#include "scan/advisories/version.h"

static const char *const ecosystems[] = {"npm",       "PyPI",    "Maven",   "RubyGems",  "NuGet",
                                         "Packagist", "Debian",  "Alpine",  "Pub",       "CRAN",
                                         "Hackage",   "Red Hat", "FreeBSD", "Root:PyPI", "other"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    str rest = {(const char *)data, size}, versions[3] = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    for (int i = 0; i < 3; i++)
        str_line(&rest, &versions[i]);
    for (size_t i = 0; i < sizeof ecosystems / sizeof *ecosystems; i++) {
        str ecosystem = str_from(ecosystems[i]);
        for (int k = 0; k < 3; k++) {
            str x = versions[k], y = versions[(k + 1) % 3];
            version_known(ecosystem, x);
            package_normal_name(a, ecosystem, x);
            CHECK(version_compare(ecosystem, x, x) == 0);
            CHECK(version_compare(ecosystem, x, y) == -version_compare(ecosystem, y, x));
            CHECK(version_compare_in_range(ecosystem, x, y) ==
                  -version_compare_in_range(ecosystem, y, x));
        }
    }
    return 0;
}
