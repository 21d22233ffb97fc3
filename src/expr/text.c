/* text.c: GitHub compares strings by .NET's OrdinalIgnoreCase: each UTF-16 code unit (surrogate
 * pairs as one) is mapped to upper case by itself, and the units are compared as numbers. Mapping
 * never changes how many code points there are, so UTF-8 can be walked in step. */
#include "expr/text.h"

#include "expr/case_table.h"

#define RUN_COUNT (sizeof case_runs / sizeof *case_runs)

uint32_t text_upper(uint32_t code) {
    if (code < 0x80) return code >= 'a' && code <= 'z' ? code - ('a' - 'A') : code;
    size_t low = 0, high = RUN_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (case_runs[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == RUN_COUNT || code < case_runs[low].first) return code;
    const case_run *run = &case_runs[low];
    return (code - run->first) % (uint32_t)run->step ? code
                                                     : (uint32_t)((int32_t)code + run->distance);
}

static uint32_t next_upper(str s, size_t *at) {
    unsigned char c = (unsigned char)s.ptr[*at];
    if (c >= 0x80) return text_upper(utf8_next(s, at));
    ++*at;
    return text_upper(c);
}

/* The first UTF-16 unit that tells two code points apart orders them: surrogates (D800 to DFFF)
 * stand before the end of the basic plane. */
static uint32_t utf16_rank(uint32_t code) {
    return code >= 0x10000 ? 0xD800 : code;
}

static int order(uint32_t a, uint32_t b) {
    uint32_t x = utf16_rank(a), y = utf16_rank(b);
    if (x == y) x = a, y = b;
    return x < y ? -1 : x > y;
}

/* Walks both until they differ or one ends, and tells where. */
static int compare_heads(str a, str b, size_t *ret_a, size_t *ret_b) {
    int difference = 0;
    *ret_a = *ret_b = 0;
    while (difference == 0 && *ret_a < a.len && *ret_b < b.len)
        difference = order(next_upper(a, ret_a), next_upper(b, ret_b));
    return difference;
}

int text_compare(str a, str b) {
    if (str_eq(a, b)) return 0;
    size_t i, j;
    int difference = compare_heads(a, b, &i, &j);
    return difference ? difference : (int)(i < a.len) - (int)(j < b.len);
}

bool text_starts(str s, str prefix) {
    size_t i, j;
    return compare_heads(s, prefix, &i, &j) == 0 && j == prefix.len;
}

static size_t code_points(str s) {
    size_t count = 0;
    for (size_t at = 0; at < s.len; count++)
        utf8_next(s, &at);
    return count;
}

bool text_ends(str s, str suffix) {
    size_t have = code_points(s), want = code_points(suffix), at = 0;
    if (have < want) return false;
    for (; have > want; have--)
        utf8_next(s, &at);
    return text_compare(str_sub(s, at, s.len), suffix) == 0;
}

static void add_upper(strbuf *out, str s) {
    strbuf_reserve(out, s.len);
    for (size_t at = 0; at < s.len;) {
        char bytes[4];
        strbuf_add(out, (str){bytes, utf8_put(next_upper(s, &at), bytes)});
    }
}

/* Upper-cased copies, so that the search itself is linear in both lengths whatever they hold. */
bool text_contains(str s, str needle) {
    _cleanup_strbuf_ strbuf in = STRBUF_INIT, what = STRBUF_INIT;
    add_upper(&in, s);
    add_upper(&what, needle);
    return str_find(strbuf_str(&in), strbuf_str(&what)) >= 0;
}
