/* regex_parse.c: Go's regexp/syntax with its flags for Perl (https://pkg.go.dev/regexp/syntax). */
#include "scan/secrets/regex_tree.h"

#include <limits.h>
#include <string.h>

#define DEPTH_MAX  200
#define REPEAT_MAX 1000 /* Go's */
#define NODES_MAX  50000

typedef struct flags {
    bool fold, lines, dot_newline, swap_lazy;
} flags;

typedef struct parser {
    arena *a;
    str s;
    size_t at;
    flags on;
    unsigned groups, depth;
    str *names; /* of the groups */
    size_t nodes;
    err *e;
} parser;

static regex_node *parse_alt(parser *p);

/* ---- helpers -------------------------------------------------------------------------------- */

static void *refuse(parser *p, size_t at, const char *what) {
    err_set(p->e, ERR_INVALID, "the pattern cannot be taken at its character %zu: %s", at + 1,
            what);
    return NULL;
}

static regex_node *make(parser *p, regex_kind kind) {
    if (++p->nodes > NODES_MAX) {
        err_set(p->e, ERR_LIMIT, "the pattern has more than %d parts", NODES_MAX);
        return NULL;
    }
    regex_node *n = ARENA_NEW(p->a, regex_node);
    n->kind = kind;
    return n;
}

static void add(parser *p, regex_node *to, regex_node *part) {
    ARENA_PUSH(p->a, to->parts, to->count, to->cap, part);
}

static bool more(const parser *p) {
    return p->at < p->s.len;
}

static char peek(const parser *p) {
    return more(p) ? p->s.ptr[p->at] : '\0';
}

static bool take(parser *p, const char *what) {
    size_t n = strlen(what);
    if (p->s.len - p->at < n || memcmp(p->s.ptr + p->at, what, n) != 0) return false;
    p->at += n;
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(uint32_t c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* ---- classes -------------------------------------------------------------------------------- */

typedef struct named_class {
    const char *name;
    const char *ranges; /* pairs */
} named_class;

static const named_class perl_classes[] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};

static const named_class posix_classes[] = {
    {"alnum", "09AZaz"},  {"alpha", "AZaz"},     {"ascii", NULL},     {"blank", "\t\t  "},
    {"cntrl", NULL},      {"digit", "09"},       {"graph", "!~"},     {"lower", "az"},
    {"print", " ~"},      {"punct", "!/:@[`{~"}, {"space", "\t\r  "}, {"upper", "AZ"},
    {"word", "09AZ__az"}, {"xdigit", "09AFaf"}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void set_bit(uint64_t bits[2], unsigned c) {
    bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static bool has_bit(const uint64_t bits[2], unsigned c) {
    return bits[c >> 6] >> (c & 63) & 1;
}

static void set_pairs(uint64_t bits[2], const char *pairs) {
    for (; *pairs; pairs += 2) {
        for (int c = pairs[0]; c <= pairs[1]; c++)
            set_bit(bits, (unsigned)c);
    }
}

static void set_posix(uint64_t bits[2], const named_class *c) {
    if (c->ranges) {
        set_pairs(bits, c->ranges);
        return;
    }
    unsigned end = str_is(str_from(c->name), "ascii") ? 128 : 32;
    for (unsigned i = 0; i < end; i++)
        set_bit(bits, i);
    set_bit(bits, 127);
}

/* Puts a set of ASCII, or all but it, into a class. */
static void merge(regex_node *n, const uint64_t bits[2], bool negated) {
    for (int i = 0; i < 2; i++)
        n->ascii[i] |= negated ? ~bits[i] : bits[i];
    n->high |= negated;
}

static void add_range(parser *p, regex_node *n, uint32_t low, uint32_t high) {
    for (uint32_t c = low; c <= high && c < 128; c++) {
        set_bit(n->ascii, c);
        if (p->on.fold && is_letter(c)) set_bit(n->ascii, c ^ 0x20);
    }
    if (high < 128) return;
    regex_item item = {low < 128 ? 128 : low, high, STR_EMPTY};
    ARENA_PUSH(p->a, n->items, n->item_count, n->item_cap, item);
    n->fold |= p->on.fold;
}

/* \d, \S, … after the backslash; false when it is none. */
static bool take_perl_class(parser *p, regex_node *n) {
    for (size_t i = 0; i < COUNT(perl_classes); i++) {
        char c = perl_classes[i].name[0];
        if (peek(p) != c && peek(p) != (c ^ 0x20)) continue;
        uint64_t bits[2] = {0};
        set_pairs(bits, perl_classes[i].ranges);
        merge(n, bits, peek(p) != c);
        p->at++;
        return true;
    }
    return false;
}

/* \pN, \p{Greek}, \P{^Greek}, from the p on. */
static bool take_property(parser *p, regex_node *n) {
    size_t start = p->at - 1;
    bool negated = p->s.ptr[p->at++] == 'P';
    if (!more(p)) return refuse(p, start, "\\p needs the name of a property") != NULL;
    str name = str_sub(p->s, p->at, p->at + 1);
    if (take(p, "{")) {
        ptrdiff_t end = str_find_char(str_sub(p->s, p->at, p->s.len), '}');
        if (end < 0) return refuse(p, start, "\\p{ has no }") != NULL;
        name = str_sub(p->s, p->at, p->at + (size_t)end);
        p->at += (size_t)end + 1;
    } else {
        p->at++;
    }
    if (str_starts(name, STR("^"))) {
        negated = !negated;
        name = str_sub(name, 1, name.len);
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_letter((unsigned char)name.ptr[i]) && name.ptr[i] != '_' && name.ptr[i] != '&')
            return refuse(p, start, "no property has this name") != NULL;
    }
    if (!name.len) return refuse(p, start, "\\p needs the name of a property") != NULL;
    regex_item item = {.property =
                           arena_printf(p->a, "\\%c{%.*s}", negated ? 'P' : 'p', STR_ARG(name))};
    ARENA_PUSH(p->a, n->items, n->item_count, n->item_cap, item);
    return true;
}

static bool take_hex(parser *p, size_t start, uint32_t *ret) {
    uint32_t code = 0;
    size_t digits = 0;
    bool braced = take(p, "{");
    for (; more(p) && hex_value(peek(p)) >= 0 && (braced || digits < 2); digits++, p->at++) {
        code = code * 16 + (uint32_t)hex_value(peek(p));
        if (code > 0x10FFFF) return refuse(p, start, "there is no such character") != NULL;
    }
    if (digits == 0 || (!braced && digits != 2) || (braced && !take(p, "}")))
        return refuse(p, start, "\\x needs two hex digits or {…}") != NULL;
    *ret = code;
    return true;
}

static bool take_octal(parser *p, uint32_t first, uint32_t *ret) {
    uint32_t code = first;
    for (int i = 1; i < 3 && peek(p) >= '0' && peek(p) <= '7'; i++)
        code = code * 8 + (uint32_t)(p->s.ptr[p->at++] - '0');
    *ret = code;
    return true;
}

/* One character after a backslash. */
static bool take_escape(parser *p, uint32_t *ret) {
    static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
    size_t start = p->at - 1;
    if (!more(p)) return refuse(p, start, "a backslash ends it") != NULL;
    unsigned char c = (unsigned char)p->s.ptr[p->at];
    if (c >= 0x80) {
        *ret = utf8_next(p->s, &p->at);
        return refuse(p, start, "no escape has this character") != NULL;
    }
    p->at++;
    if (c == 'x') return take_hex(p, start, ret);
    if (c == '0') return take_octal(p, 0, ret);
    if (c >= '1' && c <= '7' && peek(p) >= '0' && peek(p) <= '7')
        return take_octal(p, (uint32_t)(c - '0'), ret);
    if (is_digit((char)c))
        return refuse(p, start, "back-references are not in this syntax (RE2)") != NULL;
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        *ret = (unsigned char)to[known - from];
        return true;
    }
    if (is_letter(c)) return refuse(p, start, "there is no such escape in RE2") != NULL;
    *ret = c;
    return true;
}

static bool take_class_char(parser *p, size_t open, uint32_t *ret) {
    if (!more(p)) return refuse(p, open, "the [ has no ]") != NULL;
    if (take(p, "\\")) return take_escape(p, ret);
    *ret = utf8_next(p->s, &p->at);
    return true;
}

/* [:alpha:] and [:^alpha:], at a '['. */
static int take_posix(parser *p, regex_node *n) {
    if (p->s.len - p->at < 2 || p->s.ptr[p->at + 1] != ':') return 0;
    ptrdiff_t end = str_find(str_sub(p->s, p->at + 2, p->s.len), STR(":]"));
    if (end < 0) return 0;
    str name = str_sub(p->s, p->at + 2, p->at + 2 + (size_t)end);
    bool negated = str_starts(name, STR("^"));
    if (negated) name = str_sub(name, 1, name.len);
    for (size_t i = 0; i < COUNT(posix_classes); i++) {
        if (!str_is(name, posix_classes[i].name)) continue;
        uint64_t bits[2] = {0};
        set_posix(bits, &posix_classes[i]);
        for (unsigned c = 'a'; p->on.fold && c <= 'z'; c++) {
            if (!has_bit(bits, c) && !has_bit(bits, c ^ 0x20)) continue;
            set_bit(bits, c);
            set_bit(bits, c ^ 0x20);
        }
        merge(n, bits, negated);
        p->at += (size_t)end + 4;
        return 1;
    }
    refuse(p, p->at, "there is no such [:class:]");
    return -1;
}

/* A named set within brackets: 1 taken, 0 none here, -1 refused. */
static int take_set(parser *p, regex_node *n) {
    if (peek(p) == '[') return take_posix(p, n);
    if (peek(p) != '\\' || p->at + 1 >= p->s.len) return 0;
    p->at++;
    if (take_perl_class(p, n)) return 1;
    if (peek(p) == 'p' || peek(p) == 'P') return take_property(p, n) ? 1 : -1;
    p->at--;
    return 0;
}

static regex_node *parse_class(parser *p) {
    size_t open = p->at - 1;
    regex_node *n = make(p, RX_CLASS);
    if (!n) return NULL;
    n->negated = take(p, "^");
    for (bool first = true; first || peek(p) != ']' || !more(p); first = false) {
        uint32_t low, high;
        int set = more(p) ? take_set(p, n) : 0;
        if (set < 0) return NULL;
        if (set) continue;
        size_t start = p->at;
        if (!take_class_char(p, open, &low)) return NULL;
        high = low;
        if (peek(p) == '-' && p->at + 1 < p->s.len && p->s.ptr[p->at + 1] != ']') {
            p->at++;
            if (!take_class_char(p, open, &high)) return NULL;
            if (high < low) return refuse(p, start, "this range runs backwards");
        }
        add_range(p, n, low, high);
    }
    p->at++;
    return n;
}

/* ---- groups and flags ----------------------------------------------------------------------- */

static bool set_flag(flags *f, char c, bool on) {
    switch (c) {
    case 'i': f->fold = on; return true;
    case 'm': f->lines = on; return true;
    case 's': f->dot_newline = on; return true;
    case 'U': f->swap_lazy = on; return true;
    default: return false;
    }
}

static regex_node *close_group(parser *p, size_t open, regex_node *inner) {
    if (!inner) return NULL;
    return take(p, ")") ? inner : refuse(p, open, "the ( has no )");
}

/* (?i), (?i-s:…), after the "(?". */
static regex_node *parse_flags(parser *p, size_t open) {
    flags outer = p->on, now = p->on;
    bool on = true;
    for (;; p->at++) {
        char c = peek(p);
        if (c == ')' || c == ':') break;
        if (c == '-' && on)
            on = false;
        else if (!set_flag(&now, c, on))
            return refuse(p, open,
                          "look-around, atomic groups and the like are not in this syntax (RE2); "
                          "(?i), (?s), (?m), (?U), (?:…) and (?P<name>…) are");
    }
    p->on = now;
    if (take(p, ")")) return make(p, RX_EMPTY);
    p->at++;
    regex_node *n = close_group(p, open, parse_alt(p));
    p->on = outer;
    return n;
}

static regex_node *parse_capture(parser *p, size_t open, str name) {
    flags outer = p->on;
    if (++p->groups > REGEX_GROUPS_MAX)
        return refuse(p, open, "there are more groups than it can have (64)");
    p->names[p->groups] = name;
    regex_node *n = make(p, RX_CAPTURE), *inner = n ? parse_alt(p) : NULL;
    p->on = outer;
    if (!close_group(p, open, inner)) return NULL;
    add(p, n, inner);
    return n;
}

static regex_node *parse_group(parser *p) {
    size_t open = p->at - 1;
    if (!take(p, "?")) return parse_capture(p, open, STR_EMPTY);
    if (take(p, "P<") || (peek(p) == '<' && p->at + 1 < p->s.len && p->s.ptr[p->at + 1] != '=' &&
                          p->s.ptr[p->at + 1] != '!' && take(p, "<"))) {
        size_t start = p->at;
        while (is_digit(peek(p)) || is_letter((unsigned char)peek(p)) || peek(p) == '_')
            p->at++;
        str name = str_sub(p->s, start, p->at);
        if (!name.len || !take(p, ">")) return refuse(p, open, "a group's name is A-Za-z0-9_");
        return parse_capture(p, open, name);
    }
    return parse_flags(p, open);
}

/* ---- what is repeated ----------------------------------------------------------------------- */

static regex_node *parse_char(parser *p, uint32_t code) {
    regex_node *n = make(p, RX_CHAR);
    if (!n) return NULL;
    n->code = code;
    n->fold = p->on.fold && (is_letter(code) || code >= 0x80);
    return n;
}

/* \Q…\E: each character stands for itself. */
static regex_node *parse_quoted(parser *p) {
    regex_node *all = make(p, RX_CAT);
    while (all && more(p) && !take(p, "\\E")) {
        regex_node *n = parse_char(p, utf8_next(p->s, &p->at));
        if (!n) return NULL;
        add(p, all, n);
    }
    return all;
}

static regex_node *parse_backslash(parser *p) {
    uint32_t code;
    if (take(p, "A")) return make(p, RX_TEXT_BEGIN);
    if (take(p, "z")) return make(p, RX_TEXT_END);
    if (take(p, "b")) return make(p, RX_WORD_EDGE);
    if (take(p, "B")) return make(p, RX_NO_WORD_EDGE);
    if (take(p, "Q")) return parse_quoted(p);
    if (peek(p) == 'p' || peek(p) == 'P') {
        regex_node *n = make(p, RX_CLASS);
        return n && take_property(p, n) ? n : NULL;
    }
    uint64_t before = p->at;
    regex_node *n = make(p, RX_CLASS);
    if (!n || take_perl_class(p, n)) return n;
    p->at = before;
    return take_escape(p, &code) ? parse_char(p, code) : NULL;
}

static regex_node *parse_atom(parser *p) {
    size_t start = p->at;
    char c = p->s.ptr[p->at];
    if ((unsigned char)c >= 0x80) {
        size_t next = start;
        uint32_t code = utf8_next(p->s, &next);
        if (code == 0xFFFD && next == start + 1) return refuse(p, start, "this is no UTF-8");
        p->at = next;
        return parse_char(p, code);
    }
    p->at++;
    switch (c) {
    case '(': return parse_group(p);
    case '[': return parse_class(p);
    case '\\': return parse_backslash(p);
    case '^': return make(p, p->on.lines ? RX_LINE_BEGIN : RX_TEXT_BEGIN);
    case '$': return make(p, p->on.lines ? RX_LINE_END : RX_TEXT_END);
    case '.': {
        regex_node *n = make(p, RX_ANY);
        if (n) n->newline = p->on.dot_newline;
        return n;
    }
    case '*':
    case '+':
    case '?': return refuse(p, start, "there is nothing before it to repeat");
    default: return parse_char(p, (unsigned char)c);
    }
}

static bool take_number(parser *p, unsigned *ret) {
    size_t start = p->at;
    unsigned n = 0;
    for (; is_digit(peek(p)); p->at++)
        n = n > REPEAT_MAX ? n : n * 10 + (unsigned)(peek(p) - '0');
    *ret = n;
    return p->at > start && (p->at == start + 1 || p->s.ptr[start] != '0');
}

/* {n}, {n,}, {n,m}; anything else after a brace is text. */
static bool take_braces(parser *p, unsigned *ret_min, unsigned *ret_max) {
    size_t start = p->at++;
    bool known = take_number(p, ret_min);
    *ret_max = *ret_min;
    if (known && take(p, ",")) {
        *ret_max = RX_NO_END;
        if (peek(p) != '}') known = take_number(p, ret_max);
    }
    if (known && take(p, "}")) return true;
    p->at = start;
    return false;
}

static bool take_repeat(parser *p, unsigned *ret_min, unsigned *ret_max) {
    switch (peek(p)) {
    case '*': *ret_min = 0, *ret_max = RX_NO_END; break;
    case '+': *ret_min = 1, *ret_max = RX_NO_END; break;
    case '?': *ret_min = 0, *ret_max = 1; break;
    case '{': return take_braces(p, ret_min, ret_max);
    default: return false;
    }
    p->at++;
    return true;
}

static regex_node *parse_repeat(parser *p) {
    size_t start = p->at, again;
    regex_node *inner = parse_atom(p), *n;
    unsigned min, max;
    if (!inner || !more(p) || !take_repeat(p, &min, &max)) return inner;
    if (min > REPEAT_MAX || (max != RX_NO_END && max > REPEAT_MAX))
        return refuse(p, start, "nothing can be repeated more than 1000 times in RE2");
    if (max < min) return refuse(p, start, "the bounds of this repeat run backwards");
    if (!(n = make(p, RX_REPEAT))) return NULL;
    n->min = min;
    n->max = max;
    n->lazy = take(p, "?") != p->on.swap_lazy;
    add(p, n, inner);
    again = p->at;
    if (more(p) && take_repeat(p, &min, &max))
        return refuse(p, again, "possessive and repeated repeats are not in this syntax (RE2)");
    return n;
}

static regex_node *parse_cat(parser *p) {
    regex_node *all = make(p, RX_CAT);
    while (all && more(p) && peek(p) != '|' && peek(p) != ')') {
        regex_node *n = parse_repeat(p);
        if (!n) return NULL;
        if (n->kind != RX_EMPTY) add(p, all, n);
    }
    return all;
}

static regex_node *parse_alt(parser *p) {
    if (++p->depth > DEPTH_MAX) {
        err_set(p->e, ERR_LIMIT, "the pattern's groups are nested more than %d deep", DEPTH_MAX);
        return NULL;
    }
    regex_node *all = make(p, RX_ALT), *one = NULL;
    if (all) {
        do {
            if (!(one = parse_cat(p))) return NULL;
            add(p, all, one);
        } while (take(p, "|"));
    }
    p->depth--;
    return all && all->count == 1 ? one : all;
}

int regex_parse(arena *a, str source, regex_node **ret, unsigned *ret_groups, str *ret_names,
                err *e) {
    err own = {0};
    parser p = {.a = a, .s = source, .names = ret_names, .e = e ? e : &own};
    if (source.len > REGEX_SOURCE_MAX)
        return err_set(e, ERR_LIMIT, "the pattern has more than %d bytes", REGEX_SOURCE_MAX);
    regex_node *n = parse_alt(&p);
    if (n && more(&p)) n = refuse(&p, p.at, "this ) closes nothing");
    if (!n) return p.e->code;
    *ret = n;
    *ret_groups = p.groups;
    return 0;
}
