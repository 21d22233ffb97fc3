/* Licence expressions: how they are read and written, and judged by lists. */
#include "unit.h"

#include "scan/deps/licenses.h"
#include "scan/deps/spdx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Canonical form, or (after '!') a part of the error. */
static const struct {
    const char *text, *expected;
} expressions[] = {
    {"MIT", "MIT"},
    {"mit", "MIT"},
    {" ( MIT ) ", "MIT"},
    {"MIT OR Apache-2.0", "MIT OR Apache-2.0"},
    {"mit or apache-2.0 and isc", "MIT OR Apache-2.0 AND ISC"},
    {"(MIT OR Apache-2.0) AND ISC", "(MIT OR Apache-2.0) AND ISC"},
    {"MIT AND (ISC AND Zlib)", "MIT AND ISC AND Zlib"},
    {"MIT/Apache-2.0", "MIT OR Apache-2.0"},
    {"MIT / Apache-2.0", "MIT OR Apache-2.0"},
    {"GPL-2.0", "GPL-2.0-only"},
    {"GPL-2.0+", "GPL-2.0-or-later"},
    {"LGPL-2.1+ WITH GCC-exception-2.0", "LGPL-2.1-or-later WITH GCC-exception-2.0"},
    {"Apache-1.0+", "Apache-1.0+"},
    {"gpl-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"BSD-2-Clause-FreeBSD", "BSD-2-Clause"},
    {"wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"},
    {"AGPL-3.0", "AGPL-3.0-only"},
    {"gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"LicenseRef-Ours AND MIT", "LicenseRef-Ours AND MIT"},
    {"DocumentRef-x:LicenseRef-Ours", "DocumentRef-x:LicenseRef-Ours"},
    {"Apache License, Version 2.0", "Apache-2.0"},
    {"Apache 2.0", "Apache-2.0"},
    {"", "!ends where a licence"},
    {"MIT OR", "!ends where a licence"},
    {"MIT ISC", "!not 'ISC'"},
    {"(MIT", "!')' is missing"},
    {"MIT)", "!not ')'"},
    {"BSD", "!'BSD' is no SPDX identifier"},
    {"SEE LICENSE IN x", "!'SEE'"},
    {"UNLICENSED", "!'UNLICENSED'"},
    {"MIT WITH MIT", "!no SPDX identifier of an exception"},
    {"Classpath-exception-2.0", "!no SPDX identifier of a licence"},
    {"LicenseRef-a_b", "!'LicenseRef-a_b'"},
};

static void are_read_and_written(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        const char *expected = expressions[i].expected;
        const spdx_node *n;
        _cleanup_strbuf_ strbuf text = STRBUF_INIT;
        err e = {0};
        if (spdx_parse(a, str_from(expressions[i].text), &n, &e) < 0)
            strbuf_adds(&text, e.message);
        else
            spdx_write(&text, n);
        bool good = expected[0] == '!' ? e.code && strstr(e.message, expected + 1)
                                       : !strcmp(strbuf_cstr(&text), expected);
        if (!good) fail_msg("%s: %s", expressions[i].text, strbuf_cstr(&text));
    }
}

static void are_not_nested_without_end(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char text[200];
    const spdx_node *n;
    err e = {0};
    (void)state;
    memset(text, '(', sizeof text);
    assert_int_equal(spdx_parse(a, (str){text, sizeof text}, &n, &e), ERR_LIMIT);
}

static const struct {
    const char *allow, *deny, *text;
    license_verdict verdict;
    const char *why;
} judgements[] = {
    {"MIT", "", "MIT", LICENSE_ALLOWED, "MIT"},
    {"MIT", "", "ISC", LICENSE_UNLISTED, "ISC"},
    {"", "GPL-*", "ISC", LICENSE_ALLOWED, "ISC"},
    {"", "GPL-*", "GPL-3.0+", LICENSE_DENIED, "GPL-3.0-or-later"},
    {"MIT", "", "MIT OR GPL-2.0", LICENSE_ALLOWED, "MIT"},
    {"MIT", "GPL-*", "GPL-2.0 OR MIT", LICENSE_ALLOWED, "MIT"},
    {"MIT", "GPL-*", "GPL-2.0 AND MIT", LICENSE_DENIED, "GPL-2.0-only"},
    {"MIT", "", "MIT AND (ISC OR Zlib)", LICENSE_UNLISTED, "ISC"},
    {"MIT,ISC", "", "MIT AND (Zlib OR ISC)", LICENSE_ALLOWED, "MIT"},
    {"GPL-2.0", "", "GPL-2.0-only", LICENSE_ALLOWED, "GPL-2.0-only"},
    {"GPL-3.0-only", "", "GPL-2.0-or-later", LICENSE_ALLOWED, "GPL-2.0-or-later"},
    {"GPL-2.0-only", "", "GPL-2.0+", LICENSE_ALLOWED, "GPL-2.0-or-later"},
    {"GPL-2.0-only", "", "GPL-3.0-or-later", LICENSE_UNLISTED, "GPL-3.0-or-later"},
    {"GPL-3.0-*", "GPL-3.0-only", "GPL-2.0-or-later", LICENSE_UNLISTED, "GPL-2.0-or-later"},
    {"LGPL-3.0-only", "", "LGPL-2.1+", LICENSE_ALLOWED, "LGPL-2.1-or-later"},
    {"LGPL-3.0-only", "", "GPL-2.0-or-later", LICENSE_UNLISTED, "GPL-2.0-or-later"},
    {"Apache-1.0", "", "Apache-1.0+", LICENSE_ALLOWED, "Apache-1.0+"},
    {"GPL-2.0-only", "", "GPL-2.0 WITH Classpath-exception-2.0", LICENSE_ALLOWED,
     "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only",
     "GPL-2.0 WITH Classpath-exception-2.0", LICENSE_ALLOWED,
     "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"GPL-2.0-only WITH Classpath-exception-2.0", "", "GPL-2.0", LICENSE_UNLISTED, "GPL-2.0-only"},
    {"", "LicenseRef-*", "LicenseRef-x", LICENSE_DENIED, "LicenseRef-x"},
    {"mit", "", "MIT", LICENSE_ALLOWED, "MIT"},
};

static size_t split(const char *list, str *ret) {
    size_t count = 0;
    for (str rest = str_from(list); rest.len; count++)
        str_cut(rest, ',', &ret[count], &rest);
    return count;
}

static void are_judged(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof judgements / sizeof *judgements; i++) {
        str allow[8], deny[8], why;
        license_lists lists = {allow, deny, split(judgements[i].allow, allow),
                               split(judgements[i].deny, deny)};
        const spdx_node *n;
        err e = {0};
        assert_int_equal(spdx_parse(a, str_from(judgements[i].text), &n, &e), 0);
        license_verdict verdict = spdx_judge(a, n, &lists, &why);
        if (verdict != judgements[i].verdict || !str_is(why, judgements[i].why))
            fail_msg("%s: %d because of %.*s", judgements[i].text, verdict, STR_ARG(why));
    }
}

/* ---- slipway.yml ------------------------------------------------------------------------------
 */

static const struct {
    const char *text, *problem;
} files[] = {
    {"gates: {}\n", NULL},
    {"licenses:\n  allow: [MIT, BSD-*]\n  deny: []\n", NULL},
    {"licenses:\n  exceptions:\n    - {package: a, reason: why, expires: 2027-01-31}\n", NULL},
    {"licenses: [MIT]\n", "1:11 'licenses' must be a mapping"},
    {"licenses:\n  allow: MIT\n", "2:10 'allow' must be a sequence"},
    {"licenses:\n  allow: [MITT]\n", "2:11 'MITT' is no SPDX identifier of a licence"},
    {"licenses:\n  alow: []\n", "2:3 unknown key 'alow' in licenses"},
    {"licenses:\n  exceptions:\n    - {package: a}\n",
     "3:7 an exception needs a 'package' and a 'reason'"},
    {"licenses:\n  exceptions:\n    - {package: a, reason: b, expires: soon}\n",
     "3:40 'soon' is no date such as 2027-01-31"},
};

static void policies_have_places(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        license_policy *p;
        char found[200] = "";
        err e = {0};
        if (license_policy_parse(a, str_from(files[i].text), "slipway.yml", &p, &e) < 0)
            fail_msg("%s", e.message);
        if (p->problems.count)
            snprintf(found, sizeof found, "%u:%u %.*s", p->problems.items[0].where.line,
                     p->problems.items[0].where.column, STR_ARG(p->problems.items[0].message));
        assert_string_equal(found, files[i].problem ? files[i].problem : "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_read_and_written), cmocka_unit_test(are_not_nested_without_end),
        cmocka_unit_test(are_judged), cmocka_unit_test(policies_have_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
