/* Other people's comparisons of versions: "A < B", one a line, a file an ecosystem; lines that
 * begin with # or // are comments. */
#include "unit.h"

#include "scan/advisories/version.h"

#include "base/fs.h"

#include <stdlib.h>

#define FILE_BYTES_MAX (16u << 20)

typedef struct suite {
    const char *prefix, *ecosystem;
    size_t least; /* cases that there must be, so that a moved folder is no success */
} suite;

static const suite suites[] = {
    {"alpine", "Alpine", 7000},       {"cran", "CRAN", 30},
    {"debian", "Debian", 7000},       {"hackage", "Hackage", 5},
    {"maven", "Maven", 7000},         {"nuget", "NuGet", 20},
    {"packagist", "Packagist", 5000}, {"pub", "Pub", 50},
    {"pypi", "PyPI", 6000},           {"redhat", "Red Hat", 80},
    {"rubygems", "RubyGems", 2000},   {"semver", "npm", 50},
};

typedef struct tally {
    size_t passed, failed;
} tally;

static int expected_of(str sign) {
    return str_is(sign, "<") ? -1 : str_is(sign, ">") ? 1 : 0;
}

static void check_line(const char *file, const char *ecosystem, str line, tally *t) {
    str a, rest, sign = STR_EMPTY, b = STR_EMPTY;
    line = str_trim(line);
    if (!line.len || *line.ptr == '#' || str_starts(line, STR("//"))) return;
    if (!str_cut(line, ' ', &a, &rest) || !str_cut(rest, ' ', &sign, &b))
        fail_msg("%s: not a comparison: %.*s", file, STR_ARG(line));
    int expected = expected_of(sign), way = version_compare(str_from(ecosystem), a, b),
        back = version_compare(str_from(ecosystem), b, a);
    if (way == expected && back == -expected) {
        t->passed++;
        return;
    }
    t->failed++;
    if (t->failed < 50)
        print_error("%s: %.*s, but got %d and back %d\n", file, STR_ARG(line), way, back);
}

static void run_suite(arena *a, const char *folder, const suite *s, tally *total) {
    fs_entry *entries;
    size_t count;
    err e = {0};
    tally t = {0};
    assert_int_equal(fs_list(a, folder, &entries, &count, &e), 0);
    for (size_t i = 0; i < count; i++) {
        str text, line;
        str prefix = arena_printf(a, "%s-versions", s->prefix);
        if (!str_starts(entries[i].name, prefix)) continue;
        char *path = fs_join(a, folder, entries[i].name);
        if (fs_read(a, path, FILE_BYTES_MAX, &text, &e) < 0) fail_msg("%s", e.message);
        while (str_line(&text, &line))
            check_line(path, s->ecosystem, line, &t);
    }
    print_message("%s: %zu comparisons hold, %zu do not\n", s->ecosystem, t.passed, t.failed);
    if (t.passed + t.failed < s->least) fail_msg("%s: fewer than %zu", s->prefix, s->least);
    total->failed += t.failed;
}

static void every_public_comparison_holds(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    const char *shared = getenv("SLIPWAY_SHARED");
    str folder = arena_printf(a, "%s/conformance/package-versions", shared ? shared : "");
    if (!shared || !fs_is_dir(folder.ptr)) {
        print_message("SLIPWAY_SHARED names no folder with comparisons of versions: not checked\n");
        skip();
    }
    tally total = {0};
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        run_suite(a, folder.ptr, &suites[i], &total);
    assert_int_equal(total.failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_public_comparison_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
