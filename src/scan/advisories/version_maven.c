/* version_maven.c: Maven's POM reference, "Version Order Specification", and what ComparableVersion
 * does where that is silent: "release" is no qualifier either, case does not count, numbers are
 * after words. */
#include "scan/advisories/version.h"
#include "scan/advisories/version_orders.h"

#include <string.h>

/* In their order; the release itself is between "snapshot" and "sp", other words are after "sp". */
static const char *const qualifiers[] = {"alpha", "beta", "milestone", "rc", "snapshot", "", "sp"};
#define QUALIFIER_COUNT (int)(sizeof qualifiers / sizeof *qualifiers)
#define QUALIFIER_NONE  5

static const struct {
    const char *from, *to;
    bool before_number; /* only where digits follow at once */
} aliases[] = {{"cr", "rc", false},     {"ga", "", false},    {"final", "", false},
               {"release", "", false},  {"a", "alpha", true}, {"b", "beta", true},
               {"m", "milestone", true}};

typedef struct token {
    char prefix; /* what is before it: 0, '.' or '-', which is also between digits and others */
    bool number;
    int rank; /* of a word; QUALIFIER_COUNT for others */
    str text;
} token;

typedef struct tokens {
    token items[VERSION_LENGTH_MAX + 2];
    size_t count;
} tokens;

/* ---- reading --------------------------------------------------------------------------------- */

static int rank_of(str word) {
    int i = 0;
    while (i < QUALIFIER_COUNT && !str_eq_nocase(word, str_from(qualifiers[i])))
        i++;
    return i;
}

static void add_token(tokens *t, char prefix, str text, bool digits_follow) {
    token new = {.prefix = prefix, .text = text};
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (!str_eq_nocase(text, str_from(aliases[i].from))) continue;
        if (!aliases[i].before_number || digits_follow) new.text = str_from(aliases[i].to);
    }
    if (text.len == 0) new.text = STR("0");
    new.number = version_all_digits(new.text);
    while (new.number &&new.text.len > 1 && *new.text.ptr == '0')
        new.text = str_sub(new.text, 1, new.text.len);
    new.rank = new.number ? 0 : rank_of(new.text);
    t->items[t->count++] = new;
}

/* What is between two of . and -, cut where digits meet others. */
static void add_tokens(tokens *t, char prefix, str raw) {
    if (!raw.len) add_token(t, prefix, raw, false);
    while (raw.len) {
        str part =
            version_is_digit(*raw.ptr) ? version_take_digits(&raw) : version_take_other(&raw);
        add_token(t, prefix, part, raw.len > 0);
        prefix = '-';
    }
}

static bool is_null(const token *t) {
    return t->number ? str_is(t->text, "0") : t->rank == QUALIFIER_NONE;
}

/* Drops nulls at the end, and before each dash. */
static void trim(tokens *t) {
    for (size_t i = t->count - 1; i > 0;) {
        if (is_null(&t->items[i])) {
            memmove(&t->items[i], &t->items[i + 1], (t->count - i - 1) * sizeof *t->items);
            t->count--;
            i--;
            continue;
        }
        while (i > 0 && t->items[i].prefix != '-')
            i--;
        if (i == 0) return;
        i--;
    }
}

static void maven_read(str s, tokens *t) {
    t->count = 0;
    char prefix = 0;
    for (;;) {
        size_t n = 0;
        while (n < s.len && s.ptr[n] != '.' && s.ptr[n] != '-')
            n++;
        add_tokens(t, prefix, str_sub(s, 0, n));
        if (n == s.len) break;
        prefix = s.ptr[n];
        s = str_sub(s, n + 1, s.len);
    }
    trim(t);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* .word < -word < -number < .number */
static int prefix_rank(const token *t) {
    if (t->number) return t->prefix == '.' ? 3 : 2;
    return t->prefix == '.' ? 0 : 1;
}

/* A token with what is not there: 0 among numbers after a dot, else the release itself. */
static int cmp_with_nothing(const token *t) {
    if (!t->number) return t->rank - QUALIFIER_NONE;
    return t->prefix == '.' ? version_cmp_digits(t->text, STR("0")) : 1;
}

static int cmp_tokens(const token *a, const token *b) {
    if (a->prefix != b->prefix) return prefix_rank(a) - prefix_rank(b);
    if (a->number && b->number) return version_cmp_digits(a->text, b->text);
    if (a->number != b->number) return a->number ? 1 : -1;
    if (a->rank != b->rank) return a->rank - b->rank;
    return a->rank == QUALIFIER_COUNT ? version_cmp_nocase(a->text, b->text) : 0;
}

int order_maven(str a, str b) {
    tokens x, y;
    maven_read(a, &x);
    maven_read(b, &y);
    for (size_t i = 0; i < x.count || i < y.count; i++) {
        int d = i >= y.count   ? cmp_with_nothing(&x.items[i])
                : i >= x.count ? -cmp_with_nothing(&y.items[i])
                               : cmp_tokens(&x.items[i], &y.items[i]);
        if (d) return d;
    }
    return 0;
}

bool known_maven(str version) {
    return known_natural(version);
}
