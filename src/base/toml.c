/* toml.c: a parser by recursive descent over the bytes.
 *
 * What may be added to a table depends on how it came to be: one that stands in braces is closed; a
 * table that a header or a dotted key made on the way may be opened once by a header of its own; an
 * array of tables grows by its headers only. `origin` remembers that. */
#include "base/toml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_DEFAULT (64u << 20)
#define DEPTH_DEFAULT 100
#define NODES_DEFAULT 4000000
#define INDEX_FROM    16 /* pairs, from which a table is worth an index */

enum origin {
    BY_VALUE,   /* { } or [ ]: closed */
    BY_PASSING, /* made by the header of a table inside it: may be opened */
    BY_HEADER,  /* [name] */
    BY_DOTS,    /* made by a dotted key: only such keys may add to it */
    BY_HEADERS, /* [[name]]: an array, or one of its tables */
};

typedef struct parser {
    arena *a;
    str text;
    size_t at;
    const char *file;
    uint32_t line;
    size_t line_start;
    size_t mark_at; /* a byte of this line whose column is known: lines may be long */
    uint32_t mark_column;
    unsigned depth, max_depth;
    size_t nodes, max_nodes;
    err *e;
} parser;

const char *toml_kind_name(toml_kind kind) {
    static const char *const names[TOML_KIND_COUNT] = {
        "a string", "an integer", "a number", "true or false", "a date", "an array", "a table"};
    return names[kind];
}

/* ---- places and errors ----------------------------------------------------------------------- */

static span place(parser *p, size_t at) {
    bool known = p->mark_at >= p->line_start && p->mark_at <= at;
    size_t i = known ? p->mark_at : p->line_start;
    uint32_t column = known ? p->mark_column : 1;
    for (; i < at; column++)
        utf8_next(p->text, &i);
    p->mark_at = i;
    p->mark_column = column;
    return (span){p->file, p->line, column, p->line, column + 1};
}

#define FAIL(p, ...) err_at((p)->e, ERR_INVALID, place((p), (p)->at), __VA_ARGS__)

static char peek(const parser *p) {
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool at_end(const parser *p) {
    return p->at >= p->text.len;
}

static bool looking_at(const parser *p, const char *what) {
    return str_starts(str_sub(p->text, p->at, p->text.len), str_from(what));
}

static bool take(parser *p, char c) {
    if (at_end(p) || peek(p) != c) return false;
    p->at++;
    return true;
}

static void next_line(parser *p) {
    p->line++;
    p->line_start = p->at;
}

static toml_node *make(parser *p, toml_kind kind, size_t at) {
    if (p->nodes++ == p->max_nodes) {
        err_at(p->e, ERR_LIMIT, place(p, at), "more than %zu values", p->max_nodes);
        return NULL;
    }
    toml_node *n = ARENA_NEW(p->a, toml_node);
    n->kind = kind;
    n->where = place(p, at);
    return n;
}

static int enter(parser *p) {
    if (++p->depth <= p->max_depth) return 0;
    return err_at(p->e, ERR_LIMIT, place(p, p->at), "nested more than %u deep", p->max_depth);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static uint64_t hash_at(const void *owner, size_t index) {
    const toml_node *t = owner;
    return str_hash(t->table.pairs[index].key);
}

static toml_pair *find(const toml_node *t, str key) {
    if (t->table.count >= INDEX_FROM) {
        size_t at = table_begin(&t->index, str_hash(key));
        for (uint32_t i; table_next(&t->index, &at, &i);) {
            if (str_eq(t->table.pairs[i].key, key)) return &t->table.pairs[i];
        }
        return NULL;
    }
    for (size_t i = 0; i < t->table.count; i++) {
        if (str_eq(t->table.pairs[i].key, key)) return &t->table.pairs[i];
    }
    return NULL;
}

static void add_pair(parser *p, toml_node *t, toml_pair pair) {
    ARENA_PUSH(p->a, t->table.pairs, t->table.count, t->cap, pair);
    if (t->table.count >= INDEX_FROM) table_add(&t->index, p->a, t->table.count - 1, hash_at, t);
}

/* ---- white space ----------------------------------------------------------------------------- */

static void skip_blanks(parser *p) {
    while (peek(p) == ' ' || peek(p) == '\t')
        p->at++;
}

static bool is_control(char c) {
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

static int skip_comment(parser *p) {
    if (peek(p) != '#') return 0;
    while (!at_end(p) && peek(p) != '\n') {
        if (looking_at(p, "\r\n")) return 0;
        if (is_control(peek(p))) return FAIL(p, "a control character in a comment");
        p->at++;
    }
    return 0;
}

static bool take_newline(parser *p) {
    if (looking_at(p, "\r\n"))
        p->at += 2;
    else if (!take(p, '\n'))
        return false;
    next_line(p);
    return true;
}

/* Blanks, comments and ends of lines. */
static int skip_lines(parser *p) {
    do {
        skip_blanks(p);
        if (skip_comment(p) < 0) return p->e->code;
    } while (take_newline(p));
    return 0;
}

static int end_line(parser *p) {
    skip_blanks(p);
    if (skip_comment(p) < 0) return p->e->code;
    if (at_end(p) || take_newline(p)) return 0;
    return FAIL(p, "expected the end of the line");
}

/* ---- strings --------------------------------------------------------------------------------- */

static int take_code(parser *p, unsigned digits, strbuf *out) {
    uint64_t code;
    char bytes[4];
    str hex = str_sub(p->text, p->at, p->at + digits);
    if (hex.len < digits || !str_to_bits(hex, 16, &code))
        return FAIL(p, "expected %u hexadecimal digits", digits);
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return FAIL(p, "U+%.*s is no character", STR_ARG(hex));
    p->at += digits;
    size_t size = code ? utf8_put((uint32_t)code, bytes) : 1;
    strbuf_add(out, code ? (str){bytes, size} : (str){"\0", 1});
    return 0;
}

/* Past the backslash. */
static int take_escape(parser *p, strbuf *out) {
    static const char letters[] = "btnfr\"\\", means[] = "\b\t\n\f\r\"\\";
    char c = peek(p);
    const char *known = c ? strchr(letters, c) : NULL;
    if (known) {
        strbuf_addc(out, means[known - letters]);
        p->at++;
        return 0;
    }
    if (c != 'u' && c != 'U') return FAIL(p, "unknown escape: use \\\\ for a backslash");
    p->at++;
    return take_code(p, c == 'u' ? 4 : 8, out);
}

/* A backslash at the end of a line takes all white space up to the next character with it. */
static bool take_line_end_backslash(parser *p) {
    size_t at = p->at, line_start = p->line_start;
    uint32_t line = p->line;
    skip_blanks(p);
    if (!take_newline(p)) {
        p->at = at;
        p->line = line;
        p->line_start = line_start;
        return false;
    }
    do
        skip_blanks(p);
    while (take_newline(p));
    return true;
}

static int take_string_part(parser *p, char quote, bool many_lines, strbuf *out) {
    if (at_end(p)) return FAIL(p, "the string has no end");
    if (quote == '"' && take(p, '\\')) {
        if (many_lines && take_line_end_backslash(p)) return 0;
        return take_escape(p, out);
    }
    if (many_lines && (peek(p) == '\n' || looking_at(p, "\r\n"))) {
        take_newline(p);
        strbuf_addc(out, '\n');
        return 0;
    }
    if (peek(p) == '\n' || peek(p) == '\r') return FAIL(p, "the string has no end on its line");
    if (is_control(peek(p))) return FAIL(p, "a control character in a string: write it as \\uXXXX");
    size_t start = p->at++;
    while (!at_end(p) && peek(p) != quote && peek(p) != '\\' && !is_control(peek(p)))
        p->at++;
    strbuf_add(out, str_sub(p->text, start, p->at));
    return 0;
}

/* Up to two quotes may stand before the three that end it. */
static bool take_triple_end(parser *p, char quote, strbuf *out) {
    size_t count = 0;
    while (count < 5 && p->at + count < p->text.len && p->text.ptr[p->at + count] == quote)
        count++;
    if (count < 3) return false;
    strbuf_pad(out, quote, count - 3);
    p->at += count;
    return true;
}

static int take_text(parser *p, str *ret) {
    char quote = peek(p);
    size_t start = ++p->at;
    bool many_lines =
        peek(p) == quote && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == quote;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (many_lines) {
        p->at += 2;
        take_newline(p);
        while (!take_triple_end(p, quote, &out)) {
            if (take_string_part(p, quote, true, &out) < 0) return p->e->code;
        }
        *ret = arena_str(p->a, strbuf_str(&out));
        return 0;
    }
    while (!take(p, quote)) {
        if (take_string_part(p, quote, false, &out) < 0) return p->e->code;
    }
    str raw = str_sub(p->text, start, p->at - 1);
    *ret = str_eq(raw, strbuf_str(&out)) ? raw : arena_str(p->a, strbuf_str(&out));
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static int take_key(parser *p, str *ret) {
    if (looking_at(p, "\"\"\"") || looking_at(p, "'''"))
        return FAIL(p, "a key cannot have several lines");
    if (peek(p) == '"' || peek(p) == '\'') return take_text(p, ret);
    size_t start = p->at;
    while (!at_end(p) && is_bare(peek(p)))
        p->at++;
    *ret = str_sub(p->text, start, p->at);
    return ret->len ? 0 : FAIL(p, "expected a key");
}

/* The table under `key` that a key or header goes through. */
static toml_node *pass(parser *p, toml_node *t, str key, span where, bool header) {
    toml_pair *known = find(t, key);
    if (!known) {
        toml_node *inner = make(p, TOML_TABLE, p->at);
        if (!inner) return NULL;
        inner->where = where;
        inner->origin = header ? BY_PASSING : BY_DOTS;
        add_pair(p, t, (toml_pair){key, where, inner});
        return inner;
    }
    toml_node *inner = known->item;
    if (header && inner->kind == TOML_ARRAY && inner->origin == BY_HEADERS)
        return inner->array.items[inner->array.count - 1];
    bool open = inner->kind == TOML_TABLE && inner->origin != BY_VALUE &&
                (header || inner->origin == BY_DOTS);
    if (open) return inner;
    err_at(p->e, ERR_INVALID, where,
           "'%.*s' is already defined in line %u, and not as a table that "
           "can be added to here",
           STR_ARG(key), known->where.line);
    return NULL;
}

/* A dotted key up to its last part; *table becomes the table that the last part belongs to. */
static int take_path(parser *p, toml_node **table, bool header, str *ret_last, span *ret_where) {
    for (unsigned depth = 0;; depth++) {
        if (depth > p->max_depth)
            return err_at(p->e, ERR_LIMIT, place(p, p->at), "a key of more than %u parts",
                          p->max_depth);
        skip_blanks(p);
        size_t start = p->at;
        if (take_key(p, ret_last) < 0) return p->e->code;
        *ret_where = place(p, start);
        ret_where->end_column = place(p, p->at).column;
        skip_blanks(p);
        if (!take(p, '.')) return 0;
        *table = pass(p, *table, *ret_last, *ret_where, header);
        if (!*table) return p->e->code;
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static int take_value(parser *p, toml_node **ret);
static int take_pair(parser *p, toml_node *table);

static int take_array(parser *p, toml_node **ret) {
    toml_node *n = *ret = make(p, TOML_ARRAY, p->at++);
    if (!n || enter(p) < 0) return p->e->code;
    for (;;) {
        toml_node *item;
        if (skip_lines(p) < 0) return p->e->code;
        if (take(p, ']')) break;
        if (at_end(p)) return FAIL(p, "the array has no end");
        if (take_value(p, &item) < 0) return p->e->code;
        ARENA_PUSH(p->a, n->array.items, n->array.count, n->cap, item);
        if (skip_lines(p) < 0) return p->e->code;
        if (!take(p, ',') && peek(p) != ']') return FAIL(p, "expected ',' or ']'");
    }
    p->depth--;
    return 0;
}

/* What dotted keys made inside is closed with it. */
static void close_tables(toml_node *t) {
    t->origin = BY_VALUE;
    for (size_t i = 0; i < t->table.count; i++) {
        toml_node *item = t->table.pairs[i].item;
        if (item->kind == TOML_TABLE && item->origin != BY_VALUE) close_tables(item);
    }
}

static int take_inline_table(parser *p, toml_node **ret) {
    toml_node *n = *ret = make(p, TOML_TABLE, p->at++);
    if (!n || enter(p) < 0) return p->e->code;
    n->origin = BY_DOTS;
    skip_blanks(p);
    while (!take(p, '}')) {
        if (n->table.count && !take(p, ',')) return FAIL(p, "expected ',' or '}' on the same line");
        if (take_pair(p, n) < 0) return p->e->code;
        skip_blanks(p);
    }
    close_tables(n);
    p->depth--;
    return 0;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Digits with single underscores between them; false when there are none or they are misplaced. */
static bool take_digits(str s, size_t *at, unsigned base, strbuf *out) {
    size_t before = out->len;
    bool after_digit = false;
    for (; *at < s.len; (*at)++) {
        char c = s.ptr[*at];
        uint64_t unused;
        bool digit = base == 10 ? is_digit(c)
                                : str_to_bits((str){&c, 1}, base == 2 ? 8 : base, &unused) &&
                                      (base != 2 || c <= '1');
        if (c == '_' && after_digit)
            after_digit = false;
        else if (digit)
            strbuf_addc(out, c), after_digit = true;
        else
            break;
    }
    return out->len > before && after_digit;
}

static int take_prefixed(parser *p, str word, unsigned base, toml_node *n) {
    _cleanup_strbuf_ strbuf digits = STRBUF_INIT;
    size_t at = 2;
    if (!take_digits(word, &at, base, &digits) || at != word.len)
        return FAIL(p, "'%.*s' is no number", STR_ARG(word));
    char *end;
    unsigned long long bits = strtoull(strbuf_cstr(&digits), &end, (int)base);
    if (bits > INT64_MAX || (bits == 0 && strbuf_cstr(&digits)[strspn(strbuf_cstr(&digits), "0")]))
        return FAIL(p, "'%.*s' has more than 63 bits", STR_ARG(word));
    n->integer = (int64_t)bits;
    return 0;
}

/* An integer or a float in decimal: [+-] digits [. digits] [e [+-] digits] */
static int take_decimal(parser *p, str word, toml_node *n) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    size_t at = 0;
    if (word.len && (word.ptr[0] == '-' || word.ptr[0] == '+')) strbuf_addc(&text, word.ptr[at++]);
    size_t first = text.len;
    bool good = take_digits(word, &at, 10, &text);
    if (good && text.ptr[first] == '0' && text.len > first + 1)
        return FAIL(p, "'%.*s': a number has no leading zeros", STR_ARG(word));
    bool is_float = false;
    if (good && at < word.len && word.ptr[at] == '.') {
        strbuf_addc(&text, word.ptr[at++]);
        good = is_float = take_digits(word, &at, 10, &text);
    }
    if (good && at < word.len && (word.ptr[at] == 'e' || word.ptr[at] == 'E')) {
        strbuf_addc(&text, word.ptr[at++]);
        if (at < word.len && (word.ptr[at] == '-' || word.ptr[at] == '+'))
            strbuf_addc(&text, word.ptr[at++]);
        good = is_float = take_digits(word, &at, 10, &text);
    }
    if (!good || at != word.len)
        return FAIL(p, "'%.*s' is no value: strings stand in quotes", STR_ARG(word));
    if (is_float) {
        n->kind = TOML_FLOAT;
        n->number = strtod(text.ptr, NULL);
        return 0;
    }
    uint64_t size;
    bool negative = text.ptr[0] == '-';
    if (!str_to_uint(str_sub(strbuf_str(&text), first, text.len), (uint64_t)INT64_MAX + negative,
                     &size))
        return FAIL(p, "'%.*s' has more than 64 bits", STR_ARG(word));
    n->integer = negative ? (int64_t)(0 - size) : (int64_t)size;
    return 0;
}

/* ---- dates ----------------------------------------------------------------------------------- */

/* '9' in a form stands for a digit. */
static bool has_form(str s, const char *form) {
    size_t length = strlen(form);
    if (s.len < length) return false;
    for (size_t i = 0; i < length; i++) {
        if (form[i] == '9' ? !is_digit(s.ptr[i]) : s.ptr[i] != form[i]) return false;
    }
    return true;
}

static unsigned number_at(str s, size_t at) {
    return (unsigned)(s.ptr[at] - '0') * 10 + (unsigned)(s.ptr[at + 1] - '0');
}

static bool date_is_valid(str s) {
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = number_at(s, 0) * 100 + number_at(s, 2), month = number_at(s, 5),
             day = number_at(s, 8);
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1]) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month != 2 || day <= 28 || leap;
}

/* "23:59:59", a fraction, and after a date "Z" or an offset. */
static bool time_is_valid(str s, bool dated) {
    if (!has_form(s, "99:99:99") || number_at(s, 0) > 23 || number_at(s, 3) > 59 ||
        number_at(s, 6) > 60)
        return false;
    s = str_sub(s, 8, s.len);
    if (s.len > 1 && s.ptr[0] == '.') {
        size_t digits = 1;
        while (digits < s.len && is_digit(s.ptr[digits]))
            digits++;
        if (digits == 1) return false;
        s = str_sub(s, digits, s.len);
    }
    if (s.len == 0) return true;
    if (!dated) return false;
    if (str_eq_nocase(s, STR("Z"))) return true;
    return s.len == 6 && (has_form(s, "+99:99") || has_form(s, "-99:99")) && number_at(s, 1) < 24 &&
           number_at(s, 4) < 60;
}

static bool is_date(str word) {
    return has_form(word, "9999-99-99");
}

static int judge_time(parser *p, str word, toml_node *n) {
    bool dated = is_date(word);
    str rest = str_sub(word, dated ? 10 : 0, word.len);
    bool separated = !dated || rest.len == 0 || strchr("Tt ", rest.ptr[0]);
    bool valid = (!dated || date_is_valid(word)) && separated;
    if (valid && dated && rest.len) valid = time_is_valid(str_sub(rest, 1, rest.len), true);
    if (valid && !dated) valid = time_is_valid(rest, false);
    if (!valid) return FAIL(p, "'%.*s' is no date or time that there is", STR_ARG(word));
    n->kind = TOML_TIME;
    n->text = word;
    return 0;
}

/* ---- bare words ------------------------------------------------------------------------------ */

static bool ends_word(char c) {
    return is_control(c) || c == ' ' || c == '\t' || c == ',' || c == ']' || c == '}' || c == '#';
}

static str word_at(const parser *p) {
    size_t end = p->at;
    while (end < p->text.len && !ends_word(p->text.ptr[end]))
        end++;
    str word = str_sub(p->text, p->at, end);
    /* A date and a time may stand with one space between them. */
    if (word.len == 10 && is_date(word) && has_form(str_sub(p->text, end, p->text.len), " 99:99")) {
        for (end++; end < p->text.len && !ends_word(p->text.ptr[end]);)
            end++;
        word = str_sub(p->text, p->at, end);
    }
    return word;
}

static bool special_number(str word, double *ret) {
    static const struct {
        const char *name;
        double number;
    } all[] = {{"inf", INFINITY}, {"+inf", INFINITY}, {"-inf", -INFINITY},
               {"nan", NAN},      {"+nan", NAN},      {"-nan", NAN}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!str_is(word, all[i].name)) continue;
        *ret = all[i].number;
        return true;
    }
    return false;
}

static int judge_word(parser *p, str word, toml_node *n) {
    if (word.len == 0) return FAIL(p, "expected a value");
    if (str_is(word, "true") || str_is(word, "false")) {
        n->kind = TOML_BOOL;
        n->boolean = word.len == 4;
        return 0;
    }
    if (special_number(word, &n->number)) {
        n->kind = TOML_FLOAT;
        return 0;
    }
    if (is_date(word) || has_form(word, "99:99")) return judge_time(p, word, n);
    if (str_starts(word, STR("0x"))) return take_prefixed(p, word, 16, n);
    if (str_starts(word, STR("0o"))) return take_prefixed(p, word, 8, n);
    if (str_starts(word, STR("0b"))) return take_prefixed(p, word, 2, n);
    return take_decimal(p, word, n);
}

static int take_value(parser *p, toml_node **ret) {
    if (peek(p) == '[') return take_array(p, ret);
    if (peek(p) == '{') return take_inline_table(p, ret);
    toml_node *n = *ret = make(p, TOML_INTEGER, p->at);
    if (!n) return p->e->code;
    if (peek(p) == '"' || peek(p) == '\'') {
        n->kind = TOML_STRING;
        if (take_text(p, &n->text) < 0) return p->e->code;
    } else {
        str word = word_at(p);
        if (judge_word(p, word, n) < 0) return p->e->code;
        p->at += word.len;
    }
    span end = place(p, p->at);
    n->where.end_line = end.line;
    n->where.end_column = end.column;
    return 0;
}

static int take_pair(parser *p, toml_node *table) {
    str key;
    span where;
    toml_node *item;
    if (take_path(p, &table, false, &key, &where) < 0) return p->e->code;
    toml_pair *known = find(table, key);
    if (known)
        return err_at(p->e, ERR_INVALID, where, "'%.*s' is already defined in line %u",
                      STR_ARG(key), known->where.line);
    if (!take(p, '=')) return FAIL(p, "expected '=' after the key");
    skip_blanks(p);
    if (take_value(p, &item) < 0) return p->e->code;
    add_pair(p, table, (toml_pair){key, where, item});
    return 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

static toml_node *open_table(parser *p, toml_node *parent, str key, span where) {
    toml_pair *known = find(parent, key);
    toml_node *t = known ? known->item : make(p, TOML_TABLE, p->at);
    if (!t) return NULL;
    if (known && (t->kind != TOML_TABLE || t->origin != BY_PASSING)) {
        err_at(p->e, ERR_INVALID, where, "'%.*s' is already defined in line %u", STR_ARG(key),
               known->where.line);
        return NULL;
    }
    t->origin = BY_HEADER;
    t->where = where;
    if (!known) add_pair(p, parent, (toml_pair){key, where, t});
    return t;
}

static toml_node *append_table(parser *p, toml_node *parent, str key, span where) {
    toml_pair *known = find(parent, key);
    toml_node *array = known ? known->item : make(p, TOML_ARRAY, p->at);
    if (!array) return NULL;
    if (known && (array->kind != TOML_ARRAY || array->origin != BY_HEADERS)) {
        err_at(p->e, ERR_INVALID, where, "'%.*s' is already defined in line %u, and not by [[ ]]",
               STR_ARG(key), known->where.line);
        return NULL;
    }
    array->origin = BY_HEADERS;
    if (!known) array->where = where;
    if (!known) add_pair(p, parent, (toml_pair){key, where, array});
    toml_node *t = make(p, TOML_TABLE, p->at);
    if (!t) return NULL;
    t->origin = BY_HEADERS;
    t->where = where;
    ARENA_PUSH(p->a, array->array.items, array->array.count, array->cap, t);
    return t;
}

static int take_header(parser *p, toml_node *root, toml_node **ret) {
    str key;
    span where;
    toml_node *parent = root;
    bool many = looking_at(p, "[[");
    p->at += many ? 2 : 1;
    if (take_path(p, &parent, true, &key, &where) < 0) return p->e->code;
    if (!take(p, ']') || (many && !take(p, ']')))
        return FAIL(p, "expected '%s' at the end of the header", many ? "]]" : "]");
    *ret = many ? append_table(p, parent, key, where) : open_table(p, parent, key, where);
    return *ret ? 0 : p->e->code;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Where the first ill-formed byte stands, the line and its start being found on the way. */
static int refuse_ill_formed(parser *p) {
    for (size_t at = 0; at < p->text.len;) {
        size_t before = at;
        if (p->text.ptr[at] == '\n') {
            p->line++;
            p->line_start = at + 1;
        }
        uint32_t code = utf8_next(p->text, &at);
        if (code != 0xFFFD || at - before == 3) continue;
        p->at = before;
        break;
    }
    return FAIL(p, "a byte that is no UTF-8");
}

int toml_parse(arena *a, str text, const char *file, const toml_limits *limits, toml_node **ret,
               err *e) {
    static const toml_limits none;
    if (!limits) limits = &none;
    size_t max_bytes = limits->max_bytes ? limits->max_bytes : BYTES_DEFAULT;
    parser p = {.a = a,
                .text = text,
                .file = file,
                .line = 1,
                .mark_column = 1,
                .max_depth = limits->max_depth ? limits->max_depth : DEPTH_DEFAULT,
                .max_nodes = limits->max_nodes ? limits->max_nodes : NODES_DEFAULT,
                .e = e};
    err own = {0};
    if (!p.e) p.e = &own;
    if (text.len > max_bytes)
        return err_set(p.e, ERR_LIMIT, "larger than %zu MiB", max_bytes >> 20);
    if (!utf8_valid(text)) return refuse_ill_formed(&p);
    if (str_starts(text, STR("\xEF\xBB\xBF"))) p.at = p.line_start = 3;
    toml_node *root = make(&p, TOML_TABLE, p.at), *table = root;
    root->origin = BY_HEADER;
    for (;;) {
        if (skip_lines(&p) < 0) return p.e->code;
        if (at_end(&p)) break;
        int r = peek(&p) == '[' ? take_header(&p, root, &table) : take_pair(&p, table);
        if (r == 0) r = end_line(&p);
        if (r < 0) return r;
    }
    *ret = root;
    return 0;
}

const toml_node *toml_get(const toml_node *table, str key) {
    if (!table || table->kind != TOML_TABLE) return NULL;
    const toml_pair *pair = find(table, key);
    return pair ? pair->item : NULL;
}

str toml_get_str(const toml_node *table, const char *key) {
    const toml_node *n = toml_get(table, str_from(key));
    return n && n->kind == TOML_STRING ? n->text : STR_EMPTY;
}
