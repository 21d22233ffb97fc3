/* version_dynamic.c: RubyGems (Gem::Version) and Composer (its Semver library over PHP's
 * version_compare). */
#include "scan/advisories/version.h"
#include "scan/advisories/version_orders.h"

/* ---- RubyGems -------------------------------------------------------------------------------- */

typedef struct segments {
    str items[VERSION_LENGTH_MAX + 1];
    size_t count;
} segments;

static bool is_zero(str s) {
    return version_all_digits(s) && version_cmp_digits(s, STR("0")) == 0;
}

/* Runs of digits and runs of letters; a dash stands for "pre". Zeros at the end of the numbers
 * before the first word, and at the end of all, do not count. */
static void gem_read(str s, segments *t) {
    size_t numbers = 0; /* up to the first word, without their zeros */
    bool words = false;
    t->count = 0;
    for (size_t i = 0; i < s.len;) {
        size_t from = i++;
        bool digits = version_is_digit(s.ptr[from]), dash = s.ptr[from] == '-';
        if (!digits && !dash && !version_is_letter(s.ptr[from])) continue;
        while (!dash && i < s.len &&
               (digits ? version_is_digit(s.ptr[i]) : version_is_letter(s.ptr[i])))
            i++;
        str segment = dash ? STR("pre") : str_sub(s, from, i);
        if (!digits && !words) t->count = numbers, words = true;
        t->items[t->count++] = segment;
        if (!words && !is_zero(segment)) numbers = t->count;
    }
    while (t->count && is_zero(t->items[t->count - 1]))
        t->count--;
}

int order_rubygems(str a, str b) {
    segments x, y;
    gem_read(a, &x);
    gem_read(b, &y);
    for (size_t i = 0; i < x.count || i < y.count; i++) {
        str p = i < x.count ? x.items[i] : STR("0"), q = i < y.count ? y.items[i] : STR("0");
        bool number = version_all_digits(p), other = version_all_digits(q);
        if (number != other) return number ? 1 : -1;
        int d = number ? version_cmp_digits(p, q) : str_cmp(p, q);
        if (d) return d;
    }
    return 0;
}

bool known_rubygems(str version) {
    for (size_t i = 0; i < version.len; i++) {
        char c = version.ptr[i];
        if (!version_is_digit(c) && !version_is_letter(c) && c != '.' && c != '-') return false;
    }
    return version_is_digit(*version.ptr);
}

/* ---- Composer -------------------------------------------------------------------------------- */

static const struct {
    const char *word; /* a word that begins so */
    int weight;
} stabilities[] = {{"dev", 0}, {"alpha", 1}, {"a", 1}, {"beta", 2}, {"b", 2},
                   {"RC", 3},  {"rc", 3},    {"#", 4}, {"pl", 5},   {"p", 5}};
#define STABILITY_RELEASE 4

/* Words that PHP does not know are before all others; it goes by their case. */
static int stability_of(str word) {
    for (size_t i = 0; i < sizeof stabilities / sizeof *stabilities; i++) {
        if (str_starts(word, str_from(stabilities[i].word))) return stabilities[i].weight;
    }
    return -1;
}

static bool is_separator(char c) {
    return c == '.' || c == '-' || c == '_' || c == '+';
}

/* The next run of digits or of others between separators. */
static bool next_part(str *rest, str *ret) {
    size_t from = 0;
    while (from < rest->len && is_separator(rest->ptr[from]))
        from++;
    size_t to = from;
    while (to < rest->len && !is_separator(rest->ptr[to]) &&
           version_is_digit(rest->ptr[to]) == version_is_digit(rest->ptr[from]))
        to++;
    *ret = str_sub(*rest, from, to);
    *rest = str_sub(*rest, to, rest->len);
    return to > from;
}

static int weight_of(str part) {
    return version_all_digits(part) ? STABILITY_RELEASE : stability_of(part);
}

/* What one version has more than the other. */
static int cmp_left(str part, str rest) {
    do {
        if (version_all_digits(part)) return 1;
        int d = stability_of(part) - STABILITY_RELEASE;
        if (d) return d;
    } while (next_part(&rest, &part));
    return 0;
}

static str without_v(str s) {
    return s.len && version_lower(*s.ptr) == 'v' ? str_sub(s, 1, s.len) : s;
}

int order_packagist(str a, str b) {
    a = without_v(a);
    b = without_v(b);
    for (;;) {
        str x, y;
        bool more = next_part(&a, &x), other = next_part(&b, &y);
        if (!more && !other) return 0;
        if (!more) return -cmp_left(y, b);
        if (!other) return cmp_left(x, a);
        bool numbers = version_all_digits(x) && version_all_digits(y);
        int d = numbers ? version_cmp_digits(x, y) : weight_of(x) - weight_of(y);
        if (d) return d;
    }
}

/* Composer fills up to four numbers, and writes stabilities in lower case. */
static str composer_normal(str s, char *out, size_t size) {
    s = without_v(s);
    size_t n = 0, numbers = 0;
    while (n < s.len && (version_is_digit(s.ptr[n]) || s.ptr[n] == '.'))
        n++;
    str head = str_sub(s, 0, n), rest = str_sub(s, n, s.len), part;
    size_t at = 0;
    while (version_take_part(&head, '.', &part)) {
        if (!part.len || at + part.len + 1 > size) continue;
        numbers++;
        for (size_t i = 0; i < part.len; i++)
            out[at++] = part.ptr[i];
        out[at++] = '.';
    }
    for (; numbers < 4 && at + 2 <= size; numbers++) {
        out[at++] = '0';
        out[at++] = '.';
    }
    str stable;
    str_cut(rest, '+', &rest, &stable);
    if (str_eq_nocase(rest, STR("-stable"))) rest = STR_EMPTY;
    for (size_t i = 0; i < rest.len && at < size; i++)
        out[at++] = version_lower(rest.ptr[i]);
    return (str){out, at};
}

int order_composer(str a, str b) {
    char x[VERSION_LENGTH_MAX + 16], y[VERSION_LENGTH_MAX + 16];
    bool branch = !known_packagist(a) || !known_packagist(b);
    return branch
               ? order_packagist(a, b)
               : order_packagist(composer_normal(a, x, sizeof x), composer_normal(b, y, sizeof y));
}

/* Branches ("dev-main", "1.x-dev") have no place in the order of releases. */
bool known_packagist(str version) {
    version = without_v(version);
    return version.len && version_is_digit(*version.ptr) && str_find(version, STR(".x")) < 0;
}
