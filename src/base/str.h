/* str.h: text as pointer and length, and a growing buffer.
 *
 * A `str` borrows: whoever made the bytes keeps them alive. It need not be NUL-terminated and may
 * hold any bytes. A `strbuf` owns its bytes and is always NUL-terminated past `len`. */
#ifndef SLIPWAY_BASE_STR_H
#define SLIPWAY_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct str {
    const char *ptr;
    size_t len;
} str;

#define STR(literal) ((str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    { "" literal, sizeof(literal) - 1 }
#define STR_EMPTY ((str){"", 0})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).len, (s).ptr

/* NULL gives an empty str. */
str str_from(const char *cstring);
bool str_eq(str a, str b);
bool str_is(str a, const char *cstring);
/* ASCII letters compare without case; other bytes exactly. */
bool str_eq_nocase(str a, str b);
/* Byte order: negative, 0, positive. */
int str_cmp(str a, str b);
/* The same of what two pointers to str point at, for qsort. */
int str_order(const void *a, const void *b);
/* Whether it is in an array of that order. */
bool str_in_sorted(str s, const str *sorted, size_t count);
/* Whether it is one of `words`; STR_IS_AMONG takes an array of them. */
bool str_is_among(str s, const char *const *words, size_t count);
#define STR_IS_AMONG(s, words) str_is_among((s), (words), sizeof(words) / sizeof *(words))
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
/* From `from` up to but without `to`; both are clamped to the length. */
str str_sub(str s, size_t from, size_t to);
/* How many bytes both begin with, and end with. */
size_t str_same_begin(str a, str b);
size_t str_same_end(str a, str b);
/* Without leading and trailing white space (space, tab, CR, LF, VT, FF). */
str str_trim(str s);
/* Index of the first occurrence, or -1. */
ptrdiff_t str_find(str s, str needle);
ptrdiff_t str_find_char(str s, char c);
ptrdiff_t str_rfind_char(str s, char c);
/* Cuts at the first `separator`: *head gets what is before it, *rest what is after. Without one,
 * *head is all of `s`, *rest is empty and false is returned. */
bool str_cut(str s, char separator, str *head, str *rest);
/* Takes the next line (without LF or CRLF) off *rest; false when nothing is left. */
bool str_line(str *rest, str *ret_line);
/* A whole decimal number without sign or space; false when it is none or over `max`. */
bool str_to_uint(str s, uint64_t max, uint64_t *ret);
/* Digits of base 8 or 16, without prefix or sign; false when there are none or others. What has
 * more than 64 bits gives UINT64_MAX. */
bool str_to_bits(str digits, unsigned base, uint64_t *ret);
uint64_t str_hash(str s);
uint64_t str_hash_nocase(str s);

/* Edit distance (Damerau, optimal alignment, ASCII without case), or `limit` + 1 when it is larger.
 * For "did you mean". Strings over 64 bytes are never near. */
size_t str_distance(str a, str b, size_t limit);
/* The candidate nearest to `word` that a person could have meant, or an empty str. */
str str_nearest(str word, const str *candidates, size_t count);

/* The first byte from `at` on that is not a printable ASCII character, or the end: to pass quickly
 * over text in which most are. */
size_t str_skip_printable(str s, size_t at);
/* True when `s` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_valid(str s);
/* Reads one code point at *at (< s.len) and moves *at past it; U+FFFD for each ill-formed byte. */
uint32_t utf8_next(str s, size_t *at);
/* Length of the white-space character at `at` (< s.len), or 0. White space is Unicode's, as .NET
 * and so GitHub see it. */
size_t utf8_space_at(str s, size_t at);
/* Without leading and trailing white space of that kind. */
str utf8_trim(str s);
/* Length in UTF-16 code units, in which GitHub counts. */
size_t utf16_units(str s);
/* Writes the UTF-8 form of `code` (1 to 4 bytes) and gives its length. */
size_t utf8_put(uint32_t code, char out[4]);

typedef struct strbuf {
    char *ptr; /* NULL while nothing was added */
    size_t len, cap;
} strbuf;

#define STRBUF_INIT                                                                                \
    { NULL, 0, 0 }

void strbuf_done(strbuf *b);
void strbuf_clear(strbuf *b);
void strbuf_reserve(strbuf *b, size_t more);
void strbuf_add(strbuf *b, str s);
void strbuf_addc(strbuf *b, char c);
void strbuf_adds(strbuf *b, const char *cstring);
void strbuf_addf(strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(strbuf *b, const char *format, va_list args);
void strbuf_pad(strbuf *b, char c, size_t times);
/* Removes `count` bytes from the front. */
void strbuf_shift(strbuf *b, size_t count);
void strbuf_truncate(strbuf *b, size_t len);
/* Borrowed view; valid until the buffer changes. */
static inline str strbuf_str(const strbuf *b) {
    return (str){b->ptr ? b->ptr : "", b->len};
}
static inline const char *strbuf_cstr(const strbuf *b) {
    return b->ptr ? b->ptr : "";
}
#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_done)))

#endif
