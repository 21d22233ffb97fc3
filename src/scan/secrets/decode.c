#include "scan/secrets/decode.h"

#include <stdlib.h>
#include <string.h>

#define HEX_MIN       32
#define PERCENT_MAX   4096 /* bytes from the first % of a stretch to its last */
#define ESCAPES_MIN   4    /* of \x41: fewer are no hidden text */
#define CONTEXT_BYTES 400  /* of the text around, within CONTEXT_LINES */
#define CONTEXT_LINES 3

static const char *const kind_names[DECODE_KIND_COUNT] = {"percent", "unicode", "hex", "base64"};

const char *decode_kind_name(decode_kind kind) {
    return kind_names[kind];
}

/* ---- characters ----------------------------------------------------------------------------- */

#define NO_VALUE 0xFF

/* The value of a character of base64 or base64url, or NO_VALUE. */
static const uint8_t *base64_values(void) {
    static uint8_t values[256];
    static bool made;
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (made) return values;
    memset(values, NO_VALUE, sizeof values);
    for (uint8_t i = 0; i < 62; i++)
        values[(unsigned char)all[i]] = i;
    values['+'] = values['-'] = 62;
    values['/'] = values['_'] = 63;
    made = true;
    return values;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool is_printable(unsigned c) {
    return c > 8 && c < 0x7F;
}

static int hex_byte(const char *s) {
    int high = hex_value(s[0]), low = hex_value(s[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* ---- stretches ------------------------------------------------------------------------------ */

typedef struct segment {
    size_t start, end;
    decode_kind kind;
    str value;
} segment;

typedef struct finder {
    arena *a;
    str text;
    segment *found;
    size_t count, cap;
    size_t bytes;
} finder;

static void add(finder *f, size_t start, size_t end, decode_kind kind, const strbuf *value) {
    if (!value->len || f->count == DECODE_SEGMENTS_MAX || f->bytes + value->len > DECODE_BYTES_MAX)
        return;
    f->bytes += value->len;
    segment s = {start, end, kind, arena_str(f->a, strbuf_str(value))};
    ARENA_PUSH(f->a, f->found, f->count, f->cap, s);
}

/* Text in UTF-16, as PowerShell takes its commands in base64. */
static bool narrow(strbuf *b) {
    if (b->len < 8 || b->len % 2) return false;
    for (size_t i = 0; i < b->len; i += 2) {
        if (!is_printable((unsigned char)b->ptr[i]) || b->ptr[i + 1] != '\0') return false;
    }
    for (size_t i = 0; i < b->len / 2; i++)
        b->ptr[i] = b->ptr[2 * i];
    strbuf_truncate(b, b->len / 2);
    return true;
}

static bool has_either(str word, char a, char b) {
    return memchr(word.ptr, a, word.len) || memchr(word.ptr, b, word.len);
}

/* False at the first byte that no text has, which for what is no base64 is soon. */
static bool decode_base64(str word, strbuf *out) {
    const uint8_t *values = base64_values();
    bool wide = false;
    if (word.len % 4 == 1) return false;
    strbuf_clear(out);
    for (size_t i = 0; i + 1 < word.len; i += 4) {
        uint32_t bits = 0;
        size_t n = word.len - i < 4 ? word.len - i : 4;
        for (size_t k = 0; k < 4; k++)
            bits = bits << 6 | (k < n ? values[(unsigned char)word.ptr[i + k]] : 0);
        for (size_t k = 0; k + 1 < n; k++) {
            unsigned c = bits >> (16 - 8 * k) & 0xFF;
            if (out->len == 1 && c == 0) wide = true;
            if (!is_printable(c) && !(wide && c == 0)) return false;
            strbuf_addc(out, (char)c);
        }
    }
    if (has_either(word, '+', '/') && has_either(word, '-', '_')) return false;
    return wide ? narrow(out) : true;
}

static bool decode_hex(str word, strbuf *out) {
    strbuf_clear(out);
    if (word.len % 2) return false;
    for (size_t i = 0; i < word.len; i += 2) {
        int c = hex_byte(word.ptr + i);
        if (c < 0 || !is_printable((unsigned)c)) return false;
        strbuf_addc(out, (char)c);
    }
    return true;
}

static bool is_hex(str word) {
    for (size_t i = 0; i < word.len; i++) {
        if (hex_value(word.ptr[i]) < 0) return false;
    }
    return true;
}

/* A long name in code is all letters; base64 hardly ever is. */
static bool has_other_than_letters(str word) {
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (c <= '9' || c == '_') return true;
    }
    return false;
}

static void try_run(finder *f, size_t start, size_t end, strbuf *out) {
    str word = str_sub(f->text, start, end);
    if (word.len > 2 && word.ptr[0] == '0' && (word.ptr[1] | 0x20) == 'x') {
        str digits = str_sub(word, 2, word.len);
        if (digits.len >= HEX_MIN && is_hex(digits) && decode_hex(digits, out))
            add(f, start, end, DECODE_HEX, out);
        return;
    }
    if (word.len >= HEX_MIN && is_hex(word)) {
        if (decode_hex(word, out)) add(f, start, end, DECODE_HEX, out);
        return;
    }
    size_t padded = end;
    while (padded < f->text.len && padded < end + 2 && f->text.ptr[padded] == '=')
        padded++;
    if (!decode_base64(word, out)) return; /* nearly always at once */
    if (padded > end || has_other_than_letters(word)) add(f, start, padded, DECODE_BASE64, out);
}

static bool is_percent(str t, size_t at) {
    return t.len - at >= 3 && t.ptr[at] == '%' && hex_byte(t.ptr + at + 1) >= 0;
}

/* From the first %XX of a line to its last. Bytes that no text has stay as they are written. */
static void find_percent(finder *f, strbuf *out) {
    str t = f->text;
    const char *p = t.ptr, *end = t.ptr + t.len;
    while ((p = memchr(p, '%', (size_t)(end - p)))) {
        size_t start = (size_t)(p - t.ptr), at = start, last = start;
        p++;
        if (!is_percent(t, start)) continue;
        for (; at < t.len && at - start < PERCENT_MAX && t.ptr[at] != '\n'; at++) {
            if (is_percent(t, at)) last = at + 3;
        }
        strbuf_clear(out);
        for (at = start; at < last;) {
            int c = is_percent(t, at) ? hex_byte(t.ptr + at + 1) : -1;
            bool text = c >= 0 && is_printable((unsigned)c);
            strbuf_addc(out, text ? (char)c : t.ptr[at]);
            at += text ? 3 : 1;
        }
        if (out->len < last - start) add(f, start, last, DECODE_PERCENT, out);
        p = t.ptr + last;
    }
}

typedef struct escape {
    const char *mark;
    size_t digits, least; /* of hex; escapes in a row */
    decode_kind kind;
} escape;

static const escape escapes[] = {{"\\u", 4, 1, DECODE_UNICODE},
                                 {"\\U", 4, 1, DECODE_UNICODE},
                                 {"\\x", 2, ESCAPES_MIN, DECODE_HEX},
                                 {"U+", 4, ESCAPES_MIN, DECODE_UNICODE}};

static const escape *escape_of(const char *mark) {
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        if (memcmp(mark, escapes[i].mark, 2) == 0) return &escapes[i];
    }
    return NULL;
}

/* The length of an escape of a printable ASCII character at `at`, with two backslashes also, or 0.
 */
static size_t escape_at(str t, size_t at, const escape *x, char *ret) {
    size_t start = at;
    uint64_t code;
    if (x->mark[0] == '\\' && at + 1 < t.len && t.ptr[at] == '\\' && t.ptr[at + 1] == '\\') at++;
    if (at > t.len || t.len - at < 2 + x->digits || memcmp(t.ptr + at, x->mark, 2) != 0) return 0;
    if (!str_to_bits(str_sub(t, at + 2, at + 2 + x->digits), 16, &code)) return 0;
    if (code > 0x7F || !is_printable((unsigned)code)) return 0;
    *ret = (char)code;
    at += 2 + x->digits;
    if (x->mark[0] == 'U' && at < t.len && t.ptr[at] == ' ') at++;
    return at - start;
}

/* Reads the escapes in a row at `start`; gives where they end. */
static size_t take_escapes(finder *f, size_t start, const escape *x, strbuf *out) {
    size_t at, n, count = 0;
    char c;
    strbuf_clear(out);
    for (at = start; (n = escape_at(f->text, at, x, &c)); at += n, count++)
        strbuf_addc(out, c);
    if (count >= x->least) add(f, start, at, x->kind, out);
    return at;
}

/* `sign`: what is looked for, `before` bytes into a mark: the rarer of its two characters. */
static void find_escapes(finder *f, char sign, size_t before, strbuf *out) {
    str t = f->text;
    const char *p = t.ptr, *end = t.ptr + t.len;
    while ((p = memchr(p, sign, (size_t)(end - p)))) {
        size_t at = (size_t)(p - t.ptr);
        p++;
        if (at < before || t.len - (at - before) < 4) continue;
        const escape *x = escape_of(t.ptr + at - before);
        if (!x) continue;
        size_t start = at - before;
        if (sign == '\\' && start > 0 && t.ptr[start - 1] == '\\') start--;
        size_t stop = take_escapes(f, start, x, out);
        if (stop > at) p = t.ptr + stop;
    }
}

/* Of two that overlap the one of the earlier kind stays, for the other is within it or broken by
 * it; of one kind, the first. */
static void drop_overlaps(finder *f) {
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        segment s = f->found[i];
        while (kept && f->found[kept - 1].end > s.start && f->found[kept - 1].kind > s.kind)
            kept--;
        if (kept && f->found[kept - 1].end > s.start) continue;
        f->found[kept++] = s;
    }
    f->count = kept;
}

static int by_start(const void *left, const void *right) {
    const segment *a = left, *b = right;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

/* ---- the text of a round -------------------------------------------------------------------- */

typedef struct builder {
    arena *a;
    strbuf out;
    decode_piece *pieces;
    size_t count, cap;
} builder;

static void put(builder *b, str bytes, size_t from, size_t to, unsigned kinds) {
    size_t start = b->out.len;
    strbuf_add(&b->out, bytes);
    if (start == b->out.len) return;
    decode_piece piece = {start, b->out.len, from, to, kinds};
    ARENA_PUSH(b->a, b->pieces, b->count, b->cap, piece);
}

static size_t context_before(str t, size_t at, size_t from) {
    size_t lines = 0, start = at;
    while (start > from && at - start < CONTEXT_BYTES) {
        if (t.ptr[start - 1] == '\n' && ++lines == CONTEXT_LINES) break;
        start--;
    }
    return start;
}

static size_t context_after(str t, size_t at, size_t to) {
    size_t lines = 0, end = at;
    while (end < to && end - at < CONTEXT_BYTES) {
        if (t.ptr[end] == '\n' && ++lines == CONTEXT_LINES) break;
        end++;
    }
    return end;
}

static void build(builder *b, str t, const segment *found, size_t count) {
    size_t done = 0; /* how much of the text was taken or passed over */
    for (size_t i = 0; i < count; i++) {
        const segment *s = &found[i];
        size_t start = context_before(t, s->start, done);
        if (start > done && b->out.len) put(b, STR("\n\n"), done, done, 0);
        put(b, str_sub(t, start, s->start), start, s->start, 0);
        put(b, s->value, s->start, s->end, 1u << s->kind);
        done = s->end;
        size_t next = i + 1 < count ? found[i + 1].start : t.len;
        size_t end = context_after(t, done, next);
        put(b, str_sub(t, done, end), done, end, 0);
        done = end;
    }
}

bool decode_text(arena *a, str text, const run_list *runs, const decoded *before, decoded *ret) {
    _cleanup_arena_ arena *scratch = arena_new();
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    finder f = {.a = scratch, .text = text};
    for (size_t i = 0; i < runs->count; i++)
        try_run(&f, runs->items[i].start, runs->items[i].end, &out);
    find_percent(&f, &out);
    find_escapes(&f, '\\', 0, &out);
    find_escapes(&f, '+', 1, &out);
    if (!f.count) return false;
    qsort(f.found, f.count, sizeof *f.found, by_start);
    drop_overlaps(&f);
    builder b = {.a = a, .out = STRBUF_INIT};
    build(&b, text, f.found, f.count);
    *ret = (decoded){.text = arena_str(a, strbuf_str(&b.out)),
                     .pieces = b.pieces,
                     .count = b.count,
                     .before = before,
                     .depth = before ? before->depth + 1 : 1};
    strbuf_done(&b.out);
    return true;
}

/* ---- places --------------------------------------------------------------------------------- */

/* The piece that has the byte at `offset`. */
static size_t piece_at(const decoded *d, size_t offset) {
    size_t low = 0, high = d->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (d->pieces[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static regex_span place_before(const decoded *d, regex_span in, unsigned *ret_kinds) {
    size_t last_byte = in.end > in.start ? in.end - 1 : in.start;
    size_t first = piece_at(d, in.start), last = piece_at(d, last_byte);
    const decode_piece *p = &d->pieces[first], *q = &d->pieces[last];
    for (size_t i = first; i <= last; i++)
        *ret_kinds |= d->pieces[i].kinds;
    bool copied = !p->kinds && p->to > p->from, ends_copied = !q->kinds && q->to > q->from;
    return (regex_span){copied ? p->from + (in.start - p->start) : p->from,
                        ends_copied ? q->from + (in.end - q->start) : q->to};
}

bool decode_place(const decoded *d, regex_span in, regex_span *ret, unsigned *ret_kinds) {
    *ret_kinds = 0;
    for (const decoded *at = d; at; at = at->before) {
        in = place_before(at, in, ret_kinds);
        if (at == d && !*ret_kinds) return false;
    }
    *ret = in;
    return true;
}
