/* version_semver.c: SemVer and its relatives: numbers with dots, then perhaps what comes before the
 * release, and what does not count.
 *
 * SemVer 2.0.0 section 11; NuGet: learn.microsoft.com/nuget/concepts/package-versioning (four
 * numbers, no case); Dart: pub_semver (builds count); Hackage: the Haskell Package Versioning
 * Policy (lists of numbers); CRAN: R's package_version (numbers between . and -). More numbers than
 * three are compared as well, because some write them. */
#include "scan/advisories/version_orders.h"

typedef struct semver {
    str core, pre, build;
} semver;

static str without_v(str s) {
    return s.len > 1 && (*s.ptr == 'v' || *s.ptr == 'V') ? str_sub(s, 1, s.len) : s;
}

static semver semver_read(str s) {
    semver v = {.core = without_v(s)};
    size_t n = 0;
    while (n < v.core.len && (version_is_digit(v.core.ptr[n]) || v.core.ptr[n] == '.'))
        n++;
    str rest = str_sub(v.core, n, v.core.len);
    v.core.len = n;
    str_cut(rest, '+', &v.pre, &v.build);
    if (v.pre.len && *v.pre.ptr == '-') v.pre = str_sub(v.pre, 1, v.pre.len);
    return v;
}

/* The next number of a core; empty parts are passed over. */
static bool next_number(str *rest, str *ret) {
    while (version_take_part(rest, '.', ret)) {
        if (ret->len) return true;
    }
    *ret = STR_EMPTY;
    return false;
}

/* Missing numbers are 0, or less than any. */
static int cmp_cores(str a, str b, bool longer_is_later) {
    for (;;) {
        str x, y;
        bool more = next_number(&a, &x), other = next_number(&b, &y);
        if (!more && !other) return 0;
        if (longer_is_later && more != other) return more ? 1 : -1;
        int d = version_cmp_digits(x, y);
        if (d) return d;
    }
}

/* Identifiers between dots: numbers before words, the shorter list first. */
static int cmp_identifiers(str a, str b, bool nocase) {
    for (;;) {
        str x, y;
        bool more = version_take_part(&a, '.', &x), other = version_take_part(&b, '.', &y);
        if (!more || !other) return more - other;
        bool number = version_all_digits(x), other_number = version_all_digits(y);
        if (number != other_number) return number ? -1 : 1;
        int d = number   ? version_cmp_digits(x, y)
                : nocase ? version_cmp_nocase(x, y)
                         : str_cmp(x, y);
        if (d) return d;
    }
}

static int cmp_semver(const semver *a, const semver *b, bool nocase) {
    int d = cmp_cores(a->core, b->core, false);
    if (d) return d;
    if (!a->pre.len || !b->pre.len) return (b->pre.len > 0) - (a->pre.len > 0);
    return cmp_identifiers(a->pre, b->pre, nocase);
}

int order_semver(str a, str b) {
    semver x = semver_read(a), y = semver_read(b);
    return cmp_semver(&x, &y, false);
}

int order_nuget(str a, str b) {
    semver x = semver_read(a), y = semver_read(b);
    return cmp_semver(&x, &y, true);
}

int order_pub(str a, str b) {
    semver x = semver_read(a), y = semver_read(b);
    int d = cmp_semver(&x, &y, false);
    if (d) return d;
    if (!x.build.len || !y.build.len) return (x.build.len > 0) - (y.build.len > 0);
    return cmp_identifiers(x.build, y.build, false);
}

bool known_semver(str version) {
    str s = without_v(version);
    semver v = semver_read(s);
    return s.len && version_is_digit(*s.ptr) &&
           (v.core.len == s.len || *(s.ptr + v.core.len) != ':');
}

/* ---- lists of numbers ------------------------------------------------------------------------ */

int order_hackage(str a, str b) {
    return cmp_cores(semver_read(a).core, semver_read(b).core, true);
}

bool known_hackage(str version) {
    return version_is_digit(*version.ptr) && semver_read(version).core.len == version.len;
}

/* The next number between dots and dashes; what is no number is passed over. */
static bool next_cran(str *rest, str *ret) {
    while (rest->len) {
        size_t n = 0;
        while (n < rest->len && rest->ptr[n] != '.' && rest->ptr[n] != '-')
            n++;
        *ret = str_sub(*rest, 0, n);
        *rest = str_sub(*rest, n + 1, rest->len);
        if (version_all_digits(*ret)) return true;
    }
    *ret = STR_EMPTY;
    return false;
}

int order_cran(str a, str b) {
    for (;;) {
        str x, y;
        bool more = next_cran(&a, &x), other = next_cran(&b, &y);
        if (!more || !other) return more - other;
        int d = version_cmp_digits(x, y);
        if (d) return d;
    }
}

bool known_cran(str version) {
    for (size_t i = 0; i < version.len; i++) {
        char c = version.ptr[i];
        if (!version_is_digit(c) && c != '.' && c != '-') return false;
    }
    return version_is_digit(*version.ptr);
}

/* ---- where there are no rules ---------------------------------------------------------------- */

/* Numbers as numbers, the rest as bytes; a number is later than a word, more is later. */
int order_natural(str a, str b) {
    while (a.len && b.len) {
        str x = version_take_other(&a), y = version_take_other(&b);
        int d = str_cmp(x, y);
        if (d && x.len && y.len) return d;
        if (d) return x.len ? -1 : 1;
        d = version_cmp_digits(version_take_digits(&a), version_take_digits(&b));
        if (d) return d;
    }
    return (a.len > 0) - (b.len > 0);
}

bool known_natural(str version) {
    for (size_t i = 0; i < version.len; i++) {
        if (version_is_digit(version.ptr[i])) return true;
    }
    return false;
}
