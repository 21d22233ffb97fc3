#include "base/str.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

str str_from(const char *cstring) {
    return cstring ? (str){cstring, strlen(cstring)} : STR_EMPTY;
}

bool str_eq(str a, str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_is(str a, const char *cstring) {
    return str_eq(a, str_from(cstring));
}

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(str a, str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    }
    return true;
}

int str_cmp(str a, str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

int str_order(const void *a, const void *b) {
    return str_cmp(*(const str *)a, *(const str *)b);
}

bool str_in_sorted(str s, const str *sorted, size_t count) {
    return count && bsearch(&s, sorted, count, sizeof s, str_order);
}

bool str_is_among(str s, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_is(s, words[i])) return true;
    }
    return false;
}

bool str_starts(str s, str prefix) {
    return s.len >= prefix.len && str_eq((str){s.ptr, prefix.len}, prefix);
}

bool str_ends(str s, str suffix) {
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

str str_sub(str s, size_t from, size_t to) {
    if (to > s.len) to = s.len;
    if (from > to) from = to;
    return s.ptr ? (str){s.ptr + from, to - from} : STR_EMPTY; /* a field that was never set */
}

#define SAME_STEP 64 /* bytes that are compared without a branch between them */

static uint64_t word_at(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* No call, and words of which a compiler makes wider ones. */
static bool is_step_same(const char *a, const char *b) {
    uint64_t differs = 0;
    for (size_t i = 0; i < SAME_STEP; i += sizeof differs)
        differs |= word_at(a + i) ^ word_at(b + i);
    return !differs;
}

size_t str_same_begin(str a, str b) {
    size_t n = a.len < b.len ? a.len : b.len, i = 0;
    while (n - i >= SAME_STEP && is_step_same(a.ptr + i, b.ptr + i))
        i += SAME_STEP;
    while (n - i >= sizeof(uint64_t) && word_at(a.ptr + i) == word_at(b.ptr + i))
        i += sizeof(uint64_t);
    while (i < n && a.ptr[i] == b.ptr[i])
        i++;
    return i;
}

size_t str_same_end(str a, str b) {
    size_t n = a.len < b.len ? a.len : b.len, i = 0, word = sizeof(uint64_t);
    const char *x = a.ptr + a.len, *y = b.ptr + b.len;
    while (n - i >= SAME_STEP && is_step_same(x - i - SAME_STEP, y - i - SAME_STEP))
        i += SAME_STEP;
    while (n - i >= word && word_at(x - i - word) == word_at(y - i - word))
        i += word;
    while (i < n && *(x - i - 1) == *(y - i - 1))
        i++;
    return i;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

str str_trim(str s) {
    while (s.len && is_space(s.ptr[0]))
        s = str_sub(s, 1, s.len);
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

#define SHORT_NEEDLE 8

/* memmem prepares tables that cost more than to look through a line of a log. */
static const char *find_short(str s, str needle) {
    const char *p = s.ptr, *last = s.ptr + s.len - needle.len;
    while (p <= last && (p = memchr(p, needle.ptr[0], (size_t)(last - p) + 1))) {
        if (memcmp(p, needle.ptr, needle.len) == 0) return p;
        p++;
    }
    return NULL;
}

ptrdiff_t str_find(str s, str needle) {
    if (needle.len == 0) return 0;
    if (s.len < needle.len) return -1;
    const char *p = needle.len <= SHORT_NEEDLE ? find_short(s, needle)
                                               : memmem(s.ptr, s.len, needle.ptr, needle.len);
    return p ? p - s.ptr : -1;
}

ptrdiff_t str_find_char(str s, char c) {
    const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

ptrdiff_t str_rfind_char(str s, char c) {
    const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return p ? p - s.ptr : -1;
}

bool str_cut(str s, char separator, str *head, str *rest) {
    ptrdiff_t at = str_find_char(s, separator);
    *head = at < 0 ? s : str_sub(s, 0, (size_t)at);
    *rest = at < 0 ? STR_EMPTY : str_sub(s, (size_t)at + 1, s.len);
    return at >= 0;
}

bool str_line(str *rest, str *ret_line) {
    if (rest->len == 0) return false;
    str_cut(*rest, '\n', ret_line, rest);
    if (ret_line->len && ret_line->ptr[ret_line->len - 1] == '\r') ret_line->len--;
    return true;
}

bool str_to_uint(str s, uint64_t max, uint64_t *ret) {
    uint64_t n = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(n, (uint64_t)10, &n)) return false;
        if (__builtin_add_overflow(n, (uint64_t)(s.ptr[i] - '0'), &n)) return false;
    }
    if (n > max) return false;
    *ret = n;
    return true;
}

static unsigned digit_value(char c) {
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : UINT8_MAX;
}

bool str_to_bits(str digits, unsigned base, uint64_t *ret) {
    uint64_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = digit_value(digits.ptr[i]);
        if (digit >= base) return false;
        n = n > (UINT64_MAX - digit) / base ? UINT64_MAX : n * base + digit;
    }
    *ret = n;
    return digits.len > 0;
}

/* FNV-1a with a final mix, so that low bits may index a table. */
static uint64_t hash_end(uint64_t h) {
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

uint64_t str_hash(str s) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return hash_end(h);
}

uint64_t str_hash_nocase(str s) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ lower(s.ptr[i])) * 1099511628211u;
    return hash_end(h);
}

#define DISTANCE_MAX_LEN 64

size_t str_distance(str a, str b, size_t limit) {
    const size_t too_far = limit + 1;
    if (a.len > DISTANCE_MAX_LEN || b.len > DISTANCE_MAX_LEN) return too_far;
    if (a.len > b.len + limit || b.len > a.len + limit) return too_far;
    /* Only cells near the diagonal can be within the limit; one beside them on each side is read.
     */
    size_t rows[3][DISTANCE_MAX_LEN + 2];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t from = i > limit ? i - limit : 1, to = i + limit < b.len ? i + limit : b.len;
        size_t least = now[from - 1] = from == 1 ? i : too_far;
        now[to + 1] = too_far;
        for (size_t j = from; j <= to; j++) {
            bool same = lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]);
            size_t best = last[j - 1] + !same;
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[j - 2]) &&
                           lower(a.ptr[i - 2]) == lower(b.ptr[j - 1]);
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            now[j] = best;
            if (best < least) least = best;
        }
        if (least > limit) return too_far;
        size_t *reuse = before;
        before = last, last = now, now = reuse;
    }
    return last[b.len] > limit ? too_far : last[b.len];
}

str str_nearest(str word, const str *candidates, size_t count) {
    /* One letter is not nearly another. */
    size_t limit = word.len < 2 ? 0 : word.len < 4 ? 1 : word.len < 8 ? 2 : 3;
    str best = STR_EMPTY;
    for (size_t i = 0; i < count; i++) {
        size_t d = str_distance(word, candidates[i], limit);
        if (d > limit) continue;
        best = candidates[i];
        if (d == 0) break;
        limit = d - 1;
    }
    return best;
}

/* Length of the well-formed sequence at `p`, or 0 (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *p, size_t left) {
    unsigned char c = p[0], low = 0x80, high = 0xBF;
    size_t n;
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF)
        n = 2;
    else if (c >= 0xE0 && c <= 0xEF)
        n = 3;
    else if (c >= 0xF0 && c <= 0xF4)
        n = 4;
    else
        return 0;
    if (c == 0xE0) low = 0xA0;
    if (c == 0xED) high = 0x9F;
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F;
    if (left < n || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF) return 0;
    }
    return n;
}

/* What is subtracted borrows a byte's top bit where the byte is a control character or DEL. */
size_t str_skip_printable(str s, size_t at) {
    const uint64_t each = 0x0101010101010101;
    uint64_t word;
    for (; at + sizeof word <= s.len; at += sizeof word) {
        memcpy(&word, s.ptr + at, sizeof word);
        uint64_t control = word - each * ' ', del = (word ^ each * 0x7f) - each;
        if ((word | control | del) & each << 7) break;
    }
    while (at < s.len && s.ptr[at] >= ' ' && s.ptr[at] < 0x7f)
        at++;
    return at;
}

/* Most text is ASCII: the first byte from `at` on that is not, or the end, eight at a time. */
static size_t skip_ascii(str s, size_t at) {
    uint64_t word;
    for (; at + sizeof word <= s.len; at += sizeof word) {
        memcpy(&word, s.ptr + at, sizeof word);
        if (word & 0x8080808080808080) break;
    }
    while (at < s.len && !(s.ptr[at] & 0x80))
        at++;
    return at;
}

bool utf8_valid(str s) {
    for (size_t i = 0; (i = skip_ascii(s, i)) < s.len;) {
        size_t n = utf8_length((const unsigned char *)s.ptr + i, s.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

uint32_t utf8_next(str s, size_t *at) {
    const unsigned char *p = (const unsigned char *)s.ptr + *at;
    size_t n = utf8_length(p, s.len - *at);
    *at += n ? n : 1;
    switch (n) {
    case 1: return p[0];
    case 2: return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    case 3: return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    case 4:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
               (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    default: return 0xFFFD;
    }
}

size_t utf8_put(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Continuation bytes count nothing, four-byte sequences are surrogate pairs. */
size_t utf16_units(str s) {
    size_t units = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        units += (size_t)((c & 0xC0) != 0x80) + (size_t)(c >= 0xF0);
    }
    return units;
}

static bool is_wide_space(uint32_t c) {
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

size_t utf8_space_at(str s, size_t at) {
    unsigned char c = (unsigned char)s.ptr[at];
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
    size_t end = at;
    return is_wide_space(utf8_next(s, &end)) ? end - at : 0;
}

str utf8_trim(str s) {
    size_t from = 0, n;
    while (from < s.len && (n = utf8_space_at(s, from)))
        from += n;
    size_t to = s.len;
    while (to > from) {
        size_t last = to - 1;
        while (last > from && ((unsigned char)s.ptr[last] & 0xC0) == 0x80)
            last--;
        if (utf8_space_at(s, last) != to - last) break;
        to = last;
    }
    return str_sub(s, from, to);
}

void strbuf_done(strbuf *b) {
    free(b->ptr);
    *b = (strbuf)STRBUF_INIT;
}

void strbuf_clear(strbuf *b) {
    strbuf_truncate(b, 0);
}

void strbuf_reserve(strbuf *b, size_t more) {
    if (more > SIZE_MAX / 2 - b->len) oom();
    size_t need = b->len + more + 1;
    if (need <= b->cap) return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    b->ptr = mem_realloc(b->ptr, cap);
    b->cap = cap;
}

void strbuf_add(strbuf *b, str s) {
    strbuf_reserve(b, s.len);
    if (s.len) memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    b->ptr[b->len] = '\0';
}

void strbuf_addc(strbuf *b, char c) {
    strbuf_reserve(b, 1);
    b->ptr[b->len++] = c;
    b->ptr[b->len] = '\0';
}

void strbuf_adds(strbuf *b, const char *cstring) {
    strbuf_add(b, str_from(cstring));
}

void strbuf_vaddf(strbuf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    strbuf_reserve(b, (size_t)n);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, format, args);
    b->len += (size_t)n;
}

void strbuf_addf(strbuf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    strbuf_vaddf(b, format, args);
    va_end(args);
}

void strbuf_pad(strbuf *b, char c, size_t times) {
    strbuf_reserve(b, times);
    memset(b->ptr + b->len, c, times);
    b->len += times;
    b->ptr[b->len] = '\0';
}

void strbuf_shift(strbuf *b, size_t count) {
    if (count > b->len) count = b->len;
    if (count == 0) return;
    b->len -= count;
    memmove(b->ptr, b->ptr + count, b->len + 1);
}

void strbuf_truncate(strbuf *b, size_t len) {
    if (len >= b->len) return;
    b->len = len;
    b->ptr[len] = '\0';
}
