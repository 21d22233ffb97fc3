/* version_pypi.c: PEP 440, appendix B (what is read) and "Summary of permitted suffixes and
 * relative ordering". What PEP 440 cannot read is earlier than all that it can, and ordered as
 * setuptools did it before (pkg_resources' parse_version). */
#include "scan/advisories/version.h"
#include "scan/advisories/version_orders.h"

typedef struct pep440 {
    bool valid;
    str epoch, release, pre_number, post_number, dev_number, local;
    char pre; /* 'a', 'b', 'r' or 0 */
    bool post, dev;
} pep440;

typedef struct phase {
    const char *word;
    char letter;
} phase;

/* A word before those that it begins with. */
static const phase pre_words[] = {{"alpha", 'a'},   {"a", 'a'},   {"beta", 'b'}, {"b", 'b'},
                                  {"preview", 'r'}, {"pre", 'r'}, {"rc", 'r'},   {"c", 'r'}};
static const phase post_words[] = {{"post", 'p'}, {"rev", 'p'}, {"r", 'p'}};
static const phase dev_words[] = {{"dev", 'd'}};

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_separator(char c) {
    return c == '-' || c == '_' || c == '.';
}

static str skip_separator(str s) {
    return s.len && is_separator(*s.ptr) ? str_sub(s, 1, s.len) : s;
}

/* A suffix: perhaps a separator, one of the words, perhaps a separator, perhaps a number. */
static char take_suffix(str *rest, const phase *words, size_t count, str *ret_number) {
    str at = skip_separator(*rest);
    for (size_t i = 0; i < count; i++) {
        str word = str_from(words[i].word);
        if (!str_eq_nocase(str_sub(at, 0, word.len), word)) continue;
        *rest = skip_separator(str_sub(at, word.len, at.len));
        *ret_number = version_take_digits(rest);
        return words[i].letter;
    }
    *ret_number = STR_EMPTY;
    return 0;
}

#define TAKE_SUFFIX(rest, words, number)                                                           \
    take_suffix(rest, words, sizeof(words) / sizeof *(words), number)

static bool take_post(str *rest, str *ret_number) {
    if (rest->len > 1 && *rest->ptr == '-' && version_is_digit(rest->ptr[1])) {
        *rest = str_sub(*rest, 1, rest->len);
        *ret_number = version_take_digits(rest);
        return true;
    }
    return TAKE_SUFFIX(rest, post_words, ret_number) != 0;
}

static str take_release(str *rest) {
    str all = *rest;
    size_t n = 0;
    for (;;) {
        str at = str_sub(all, n, all.len);
        size_t digits = version_take_digits(&at).len;
        if (!digits) break;
        n += digits;
        if (!at.len || *at.ptr != '.') break;
        n++;
    }
    if (n && all.ptr[n - 1] == '.') n--;
    *rest = str_sub(all, n, all.len);
    return str_sub(all, 0, n);
}

static bool is_local(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (is_separator(s.ptr[i]) && i && !is_separator(s.ptr[i - 1])) continue;
        if (!version_is_digit(s.ptr[i]) && !version_is_letter(s.ptr[i])) return false;
    }
    return s.len && !is_separator(s.ptr[s.len - 1]);
}

static pep440 pypi_read(str s) {
    pep440 v = {0};
    s = str_trim(s);
    if (s.len && (*s.ptr == 'v' || *s.ptr == 'V')) s = str_sub(s, 1, s.len);
    str head, tail;
    if (str_cut(s, '!', &head, &tail) && version_all_digits(head)) v.epoch = head, s = tail;
    v.release = take_release(&s);
    v.pre = TAKE_SUFFIX(&s, pre_words, &v.pre_number);
    v.post = take_post(&s, &v.post_number);
    v.dev = TAKE_SUFFIX(&s, dev_words, &v.dev_number) != 0;
    bool local = s.len && *s.ptr == '+';
    if (local) v.local = str_sub(s, 1, s.len);
    v.valid = v.release.len && (local ? is_local(v.local) : s.len == 0);
    return v;
}

/* ---- PEP 440 --------------------------------------------------------------------------------- */

static int cmp_release(str a, str b) {
    while (a.len || b.len) {
        str x, y;
        str_cut(a, '.', &x, &a);
        str_cut(b, '.', &y, &b);
        int d = version_cmp_digits(x, y);
        if (d) return d;
    }
    return 0;
}

/* Before all others where there is only a development release, after them where there is none. */
static int pre_weight(const pep440 *v) {
    if (v->pre) return v->pre;
    return !v->post && v->dev ? 0 : 0x100;
}

static str take_local(str *rest) {
    size_t n = 0;
    while (n < rest->len && !is_separator(rest->ptr[n]))
        n++;
    str taken = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n + 1, rest->len);
    return taken;
}

static int cmp_local(str a, str b) {
    while (a.len && b.len) {
        str x = take_local(&a), y = take_local(&b);
        bool number = version_all_digits(x), other = version_all_digits(y);
        if (number != other) return number ? 1 : -1;
        int d = number ? version_cmp_digits(x, y) : version_cmp_nocase(x, y);
        if (d) return d;
    }
    return (a.len > 0) - (b.len > 0);
}

static int cmp_pep440(const pep440 *a, const pep440 *b) {
    int d = version_cmp_digits(a->epoch, b->epoch);
    if (!d) d = cmp_release(a->release, b->release);
    if (!d) d = pre_weight(a) - pre_weight(b);
    if (!d) d = version_cmp_digits(a->pre_number, b->pre_number);
    if (!d) d = a->post - b->post;
    if (!d) d = version_cmp_digits(a->post_number, b->post_number);
    if (!d) d = b->dev - a->dev;
    if (!d) d = version_cmp_digits(a->dev_number, b->dev_number);
    return d ? d : cmp_local(a->local, b->local);
}

/* ---- what was before it ---------------------------------------------------------------------- */

typedef struct legacy_part {
    bool number;
    str text;
} legacy_part;

typedef struct legacy {
    legacy_part parts[VERSION_LENGTH_MAX + 1];
    size_t count;
} legacy;

static const struct {
    const char *from, *to;
} legacy_words[] = {{"pre", "c"}, {"preview", "c"}, {"-", "final-"}, {"rc", "c"}, {"dev", "@"}};

static bool is_zeros(str digits) {
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] != '0') return false;
    }
    return digits.len <= 8;
}

static const legacy_part *last_of(const legacy *l) {
    return l->count ? &l->parts[l->count - 1] : NULL;
}

static void legacy_add(legacy *l, str text) {
    bool number = version_is_digit(*text.ptr);
    for (size_t i = 0; i < sizeof legacy_words / sizeof *legacy_words; i++) {
        if (str_eq_nocase(text, str_from(legacy_words[i].from))) {
            text = str_from(legacy_words[i].to);
            break;
        }
    }
    if (!number) {
        bool before_final = version_cmp_nocase(text, STR("final")) < 0;
        while (before_final && l->count && str_is(last_of(l)->text, "final-"))
            l->count--;
        while (l->count && last_of(l)->number && is_zeros(last_of(l)->text))
            l->count--;
    }
    l->parts[l->count++] = (legacy_part){number, text};
}

typedef enum legacy_kind {
    LEGACY_DIGITS,
    LEGACY_LETTERS,
    LEGACY_DOT,
    LEGACY_DASH,
    LEGACY_OTHER
} legacy_kind;

static legacy_kind legacy_kind_of(char c) {
    if (version_is_digit(c)) return LEGACY_DIGITS;
    if (version_is_letter(c)) return LEGACY_LETTERS;
    if (c == '.') return LEGACY_DOT;
    return c == '-' ? LEGACY_DASH : LEGACY_OTHER;
}

static void legacy_read(str s, legacy *l) {
    l->count = 0;
    for (size_t i = 0; i < s.len;) {
        legacy_kind kind = legacy_kind_of(s.ptr[i]);
        size_t from = i++;
        bool single = kind == LEGACY_DOT || kind == LEGACY_DASH;
        while (!single && i < s.len && legacy_kind_of(s.ptr[i]) == kind)
            i++;
        if (kind != LEGACY_DOT) legacy_add(l, str_sub(s, from, i));
    }
    legacy_add(l, STR("final"));
}

/* Numbers are filled up with zeros to eight digits and compare as text. */
static int cmp_filled(str a, str b) {
    if (a.len <= 8 && b.len <= 8) return version_cmp_digits(a, b);
    size_t fill_a = a.len < 8 ? 8 - a.len : 0, fill_b = b.len < 8 ? 8 - b.len : 0;
    size_t len_a = a.len + fill_a, len_b = b.len + fill_b;
    for (size_t i = 0; i < len_a && i < len_b; i++) {
        int d = (i < fill_a ? '0' : a.ptr[i - fill_a]) - (i < fill_b ? '0' : b.ptr[i - fill_b]);
        if (d) return d;
    }
    return (len_a > len_b) - (len_a < len_b);
}

static int cmp_legacy(str a, str b) {
    legacy x, y;
    legacy_read(a, &x);
    legacy_read(b, &y);
    for (size_t i = 0; i < x.count && i < y.count; i++) {
        const legacy_part *p = &x.parts[i], *q = &y.parts[i];
        if (p->number != q->number) return p->number ? 1 : -1;
        int d = p->number ? cmp_filled(p->text, q->text) : version_cmp_nocase(p->text, q->text);
        if (d) return d;
    }
    return (x.count > y.count) - (x.count < y.count);
}

int order_pypi(str a, str b) {
    pep440 x = pypi_read(a), y = pypi_read(b);
    if (x.valid != y.valid) return x.valid ? 1 : -1;
    return x.valid ? cmp_pep440(&x, &y) : cmp_legacy(a, b);
}

bool known_pypi(str version) {
    return pypi_read(version).valid;
}
