/* version_distro.c: the orders of dpkg, apk, rpm and FreeBSD's pkg.
 *
 * dpkg: deb-version(7). apk: apk-package(5) and what `apk version -t` of 2.x says. rpm:
 * rpm-version(7), rpmvercmp. pkg: pkg-version(8) of FreeBSD. */
#include "scan/advisories/version_orders.h"

/* ---- dpkg ------------------------------------------------------------------------------------ */

/* ~ before the end, the end before letters, letters before the rest. */
static int debian_weight(str s, size_t at) {
    if (at >= s.len) return 0;
    unsigned char c = (unsigned char)s.ptr[at];
    if (c == '~') return -1;
    return version_is_letter((char)c) ? c : c + 256;
}

static int cmp_debian_part(str a, str b) {
    while (a.len || b.len) {
        str x = version_take_other(&a), y = version_take_other(&b);
        for (size_t i = 0; i < x.len || i < y.len; i++) {
            int d = debian_weight(x, i) - debian_weight(y, i);
            if (d) return d;
        }
        int d = version_cmp_digits(version_take_digits(&a), version_take_digits(&b));
        if (d) return d;
    }
    return 0;
}

static void debian_read(str s, str *epoch, str *upstream, str *revision) {
    s = str_trim(s);
    if (!str_cut(s, ':', epoch, upstream)) *upstream = s, *epoch = STR_EMPTY;
    ptrdiff_t dash = str_rfind_char(*upstream, '-');
    *revision = dash < 0 ? STR_EMPTY : str_sub(*upstream, (size_t)dash + 1, upstream->len);
    if (dash >= 0) upstream->len = (size_t)dash;
}

int order_debian(str a, str b) {
    str epoch, upstream, revision, other_epoch, other_upstream, other_revision;
    debian_read(a, &epoch, &upstream, &revision);
    debian_read(b, &other_epoch, &other_upstream, &other_revision);
    int d = cmp_debian_part(epoch, other_epoch);
    if (!d) d = cmp_debian_part(upstream, other_upstream);
    return d ? d : cmp_debian_part(revision, other_revision);
}

bool known_debian(str version) {
    str epoch, upstream, revision;
    debian_read(version, &epoch, &upstream, &revision);
    return (!epoch.len || version_all_digits(epoch)) && upstream.len;
}

/* ---- apk ------------------------------------------------------------------------------------- */

/* In their order, weighed 0, 2, …; no suffix is between "rc" and "cvs". */
static const char *const apk_suffixes[] = {"alpha", "beta", "pre", "rc", "cvs",
                                           "svn",   "git",  "hg",  "p"};
#define APK_NO_SUFFIX 7

typedef struct apk_version {
    str numbers;  /* digits and dots */
    char letter;  /* or 0 */
    str suffixes; /* "_alpha1_p2" */
    str build;    /* digits after -r */
    bool has_build;
    str left; /* what cannot be read */
    bool invalid;
} apk_version;

static bool next_suffix(str *rest, int *ret_weight, str *ret_number) {
    *ret_weight = APK_NO_SUFFIX;
    *ret_number = STR_EMPTY;
    if (!rest->len || *rest->ptr != '_') return false;
    str body = str_sub(*rest, 1, rest->len);
    for (int i = 0; i < (int)(sizeof apk_suffixes / sizeof *apk_suffixes); i++) {
        str name = str_from(apk_suffixes[i]);
        if (!str_starts(body, name)) continue;
        body = str_sub(body, name.len, body.len);
        /* "p" begins "pre" as well, but that was tried before it. */
        *ret_weight = i * 2;
        *ret_number = version_take_digits(&body);
        *rest = body;
        return true;
    }
    return false;
}

/* Digits, dots between them, and a dot at the end. */
static str take_numbers(str *rest) {
    size_t n = 0;
    while (n < rest->len && (version_is_digit(rest->ptr[n]) ||
                             (rest->ptr[n] == '.' && n && rest->ptr[n - 1] != '.')))
        n++;
    str taken = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    if (taken.len && taken.ptr[taken.len - 1] == '.') taken.len--;
    return taken;
}

static void skip_hash(str *rest) {
    if (!rest->len || *rest->ptr != '~') return;
    size_t n = 1;
    while (n < rest->len &&
           (version_is_digit(rest->ptr[n]) || (rest->ptr[n] >= 'a' && rest->ptr[n] <= 'f')))
        n++;
    if (n > 1) *rest = str_sub(*rest, n, rest->len);
}

static apk_version apk_read(str s) {
    apk_version v = {.numbers = take_numbers(&s)};
    if (s.len && version_is_lower(*s.ptr)) {
        v.letter = *s.ptr;
        s = str_sub(s, 1, s.len);
    }
    v.suffixes = s;
    int weight;
    str number;
    while (next_suffix(&s, &weight, &number))
        continue;
    v.suffixes.len -= s.len;
    skip_hash(&s);
    if (str_starts(s, STR("-r"))) {
        s = str_sub(s, 2, s.len);
        v.has_build = true;
        v.build = version_take_digits(&s);
    } else {
        v.invalid = s.len > 0;
    }
    v.left = s;
    return v;
}

/* A number that is not the first one and begins with 0 is a fraction. */
static int cmp_apk_numbers(str a, str b) {
    for (size_t i = 0;; i++) {
        str x, y;
        bool more = a.len > 0, other = b.len > 0;
        if (!more || !other) return more - other;
        str_cut(a, '.', &x, &a);
        str_cut(b, '.', &y, &b);
        bool fraction = i && x.len && y.len && (*x.ptr == '0' || *y.ptr == '0');
        int d = fraction ? str_cmp(x, y) : version_cmp_digits(x, y);
        if (d) return d;
    }
}

static int cmp_apk_suffixes(str a, str b) {
    for (;;) {
        int weight, other_weight;
        str number, other_number;
        bool more = next_suffix(&a, &weight, &number);
        bool other = next_suffix(&b, &other_weight, &other_number);
        if (!more && !other) return 0;
        if (weight != other_weight) return weight - other_weight;
        int d = version_cmp_digits(number, other_number);
        if (d) return d;
    }
}

int order_alpine(str a, str b) {
    apk_version x = apk_read(a), y = apk_read(b);
    if (x.invalid && y.invalid) return str_cmp(a, b);
    int d = cmp_apk_numbers(x.numbers, y.numbers);
    if (!d) d = x.letter - y.letter;
    if (!d) d = cmp_apk_suffixes(x.suffixes, y.suffixes);
    if (!d) d = version_cmp_digits(x.build, y.build);
    /* What cannot be read makes a version earlier; a build of 0 is later than none. */
    if (!d) d = (y.left.len > 0) - (x.left.len > 0);
    if (!d && !x.left.len) d = x.has_build - y.has_build;
    return d;
}

bool known_alpine(str version) {
    apk_version v = apk_read(version);
    return v.numbers.len && !v.left.len;
}

/* ---- rpm ------------------------------------------------------------------------------------- */

static bool rpm_counts(char c) {
    return version_is_digit(c) || version_is_letter(c) || c == '~' || c == '^';
}

static void rpm_skip(str *s) {
    size_t n = 0;
    while (n < s->len && !rpm_counts(s->ptr[n]))
        n++;
    *s = str_sub(*s, n, s->len);
}

static bool at_char(str s, char c) {
    return s.len && *s.ptr == c;
}

static str rpm_take(str *s, bool digits) {
    size_t n = 0;
    while (n < s->len && (digits ? version_is_digit(s->ptr[n]) : version_is_letter(s->ptr[n])))
        n++;
    str taken = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->len);
    return taken;
}

static int cmp_rpm_part(str a, str b) {
    if (!a.len || !b.len) return (a.len > 0) - (b.len > 0);
    for (;;) {
        rpm_skip(&a);
        rpm_skip(&b);
        if (at_char(a, '~') || at_char(b, '~')) {
            if (!at_char(a, '~')) return 1;
            if (!at_char(b, '~')) return -1;
        } else if (at_char(a, '^') || at_char(b, '^')) {
            if (!at_char(b, '^')) return b.len ? -1 : 1;
            if (!at_char(a, '^')) return a.len ? 1 : -1;
        } else {
            if (!a.len || !b.len) return (a.len > 0) - (b.len > 0);
            bool digits = version_is_digit(*a.ptr);
            str x = rpm_take(&a, digits), y = rpm_take(&b, digits);
            if (!y.len) return digits ? 1 : -1;
            int d = digits ? version_cmp_digits(x, y) : str_cmp(x, y);
            if (d) return d;
            continue;
        }
        a = str_sub(a, 1, a.len);
        b = str_sub(b, 1, b.len);
    }
}

static void rpm_read(str s, str *epoch, str *version, str *release) {
    str head, tail;
    bool has_epoch = str_cut(s, ':', &head, &tail) && (!head.len || version_all_digits(head));
    *epoch = has_epoch && head.len ? head : STR("0");
    str rest = has_epoch ? tail : s;
    str_cut(rest, '-', version, release);
    /* With its dash, so that an empty release is later than none. */
    *release = str_sub(rest, version->len, rest.len);
}

int order_rpm(str a, str b) {
    str epoch, version, release, other_epoch, other_version, other_release;
    rpm_read(a, &epoch, &version, &release);
    rpm_read(b, &other_epoch, &other_version, &other_release);
    int d = version_cmp_digits(epoch, other_epoch);
    if (!d) d = cmp_rpm_part(version, other_version);
    return d ? d : cmp_rpm_part(release, other_release);
}

bool known_rpm(str version) {
    str epoch, upstream, release;
    rpm_read(version, &epoch, &upstream, &release);
    return upstream.len > 0;
}

/* ---- FreeBSD --------------------------------------------------------------------------------- */

static void freebsd_read(str s, str *version, str *revision, str *epoch) {
    ptrdiff_t comma = str_rfind_char(s, ',');
    *epoch = comma < 0 ? STR_EMPTY : str_sub(s, (size_t)comma + 1, s.len);
    if (comma >= 0) s.len = (size_t)comma;
    ptrdiff_t low = str_rfind_char(s, '_');
    *revision = low < 0 ? STR_EMPTY : str_sub(s, (size_t)low + 1, s.len);
    if (low >= 0) s.len = (size_t)low;
    *version = s;
}

/* Between dots: a number, then letters with a number; "pl" is no letter, and "alpha", "beta", "pre"
 * and "rc" are before the version without them. */
static int freebsd_stage(str word) {
    static const char *const before[] = {"alpha", "beta", "pre", "rc"};
    if (!word.len || str_is(word, "pl")) return 0;
    for (int i = 0; i < 4; i++) {
        if (str_is(word, before[i])) return i - 4;
    }
    return version_lower(*word.ptr);
}

static int cmp_freebsd_part(str a, str b) {
    while (a.len || b.len) {
        int d = version_cmp_digits(version_take_digits(&a), version_take_digits(&b));
        if (!d) d = freebsd_stage(version_take_other(&a)) - freebsd_stage(version_take_other(&b));
        if (d) return d;
    }
    return 0;
}

int order_freebsd(str a, str b) {
    str version, revision, epoch, other_version, other_revision, other_epoch;
    freebsd_read(a, &version, &revision, &epoch);
    freebsd_read(b, &other_version, &other_revision, &other_epoch);
    int d = version_cmp_digits(epoch, other_epoch);
    while (!d && (version.len || other_version.len)) {
        str x, y;
        str_cut(version, '.', &x, &version);
        str_cut(other_version, '.', &y, &other_version);
        d = cmp_freebsd_part(x, y);
    }
    return d ? d : version_cmp_digits(revision, other_revision);
}
