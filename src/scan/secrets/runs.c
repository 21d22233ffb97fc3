#include "scan/secrets/runs.h"

#include "base/arena.h"
#include "scan/secrets/checks.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BIT(c)  (1ULL << ((c)&63))
#define LETTERS (((1ULL << 26) - 1) << 1) /* from @ or ` on */
#define DIGITS  (((1ULL << 10) - 1) << '0')

/* clang-format off */
const uint64_t run_chars[2] = {DIGITS | BIT('+') | BIT('-') | BIT('/'),
                               LETTERS | LETTERS << 32 | BIT('_')};
const uint64_t run_assigns[2] = {BIT('=') | BIT(':') | BIT('>') | BIT(',') | BIT('(') | BIT('?'), BIT('|')};
/* With the letters before a string in Python, C or Rust, and the signs before one in others; - as in
 * ${NAME:-value}. */
const uint64_t run_gaps[2] = {
    BIT(' ') | BIT('\t') | BIT('\n') | BIT('\v') | BIT('\f') | BIT('\r') | BIT('"') | BIT('\'') | BIT('&') | BIT('-'),
    BIT('`') | BIT('{') | BIT('[') | BIT('\\') | BIT('@') |
        BIT('b') | BIT('f') | BIT('r') | BIT('u') | BIT('B') | BIT('F') | BIT('R') | BIT('U') | BIT('L') | BIT('l')};
/* clang-format on */

/* ---- finding -------------------------------------------------------------------------------- */

static void add(run_list *list, size_t start, size_t end) {
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 256;
        list->items = mem_realloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = (run){start, end};
}

void runs_done(run_list *list) {
    free(list->items);
    *list = (run_list){0};
}

/* Byte by byte, from `at` on; what stands from `start` to `at` is in a run already. */
static void find_slowly(str t, size_t start, size_t at, run_list *list) {
    for (; at < t.len; at++) {
        if (run_has(run_chars, t.ptr[at])) continue;
        if (at - start >= RUN_MIN) add(list, start, at);
        start = at + 1;
    }
    if (at - start >= RUN_MIN) add(list, start, at);
}

static bool has_digit_slowly(const char *at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (at[i] >= '0' && at[i] <= '9') return true;
    }
    return false;
}

#ifdef __SSE2__
#define BLOCK 64

static __m128i at_most(__m128i bytes, char from, char width) {
    __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(from));
    return _mm_cmpeq_epi8(_mm_min_epu8(moved, _mm_set1_epi8(width)), moved);
}

/* A bit for each of 16 bytes: whether it is of run_chars. */
static uint64_t bits_of_16(const char *at) {
    __m128i b = _mm_loadu_si128((const __m128i *)at);
    __m128i letter = at_most(_mm_or_si128(b, _mm_set1_epi8(0x20)), 'a', 25);
    __m128i digit = at_most(b, '/', 10);
    __m128i sign = _mm_or_si128(
        _mm_cmpeq_epi8(b, _mm_set1_epi8('+')),
        _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('-')), _mm_cmpeq_epi8(b, _mm_set1_epi8('_'))));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), sign));
}

static uint64_t bits_of_block(const char *at) {
    return bits_of_16(at) | bits_of_16(at + 16) << 16 | bits_of_16(at + 32) << 32 |
           bits_of_16(at + 48) << 48;
}

static unsigned ones_at_end(uint64_t bits) {
    return ~bits ? (unsigned)__builtin_clzll(~bits) : BLOCK;
}

static unsigned ones_at_start(uint64_t bits) {
    return ~bits ? (unsigned)__builtin_ctzll(~bits) : BLOCK;
}

/* The runs that lie within a block and do not go on behind it. */
static void find_inside(size_t base, uint64_t bits, run_list *list) {
    uint64_t ones = bits; /* where RUN_MIN of them begin */
    for (unsigned shift = 1; shift < RUN_MIN; shift *= 2)
        ones &= ones >> shift;
    while (ones) {
        unsigned start = (unsigned)__builtin_ctzll(ones);
        unsigned more = ones_at_start(ones >> start);
        add(list, base + start, base + start + more + RUN_MIN - 1);
        ones &= ~(((1ULL << more) - 1) << start);
    }
}

static void find_more(str t, run_list *list) {
    size_t at = 0, start = 0; /* start: of what goes on from the block before, or at */
    for (; t.len - at >= BLOCK; at += BLOCK) {
        uint64_t bits = bits_of_block(t.ptr + at);
        unsigned first = ones_at_start(bits), last = ones_at_end(bits);
        if (first == BLOCK) continue;
        if (at + first - start >= RUN_MIN) add(list, start, at + first);
        start = at + BLOCK - last;
        bits &= ~0ULL << first;
        if (last) bits &= ~0ULL >> last;
        find_inside(at, bits, list);
    }
    find_slowly(t, start, at, list);
}

static bool has_digit(const char *at, size_t size) {
    for (; size >= 16; at += 16, size -= 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)at);
        if (_mm_movemask_epi8(at_most(b, '0', 9))) return true;
    }
    return has_digit_slowly(at, size);
}
#else
static void find_more(str t, run_list *list) {
    find_slowly(t, 0, 0, list);
}

static bool has_digit(const char *at, size_t size) {
    return has_digit_slowly(at, size);
}
#endif

void runs_find_in(str text, size_t from, size_t to, run_list *list) {
    size_t before = list->count;
    find_more(str_sub(text, from, to), list);
    for (size_t i = before; i < list->count; i++) {
        list->items[i].start += from;
        list->items[i].end += from;
    }
}

void runs_find(str text, run_list *list) {
    list->count = 0;
    find_more(text, list);
}

/* ---- words ---------------------------------------------------------------------------------- */

#define LETTER_KINDS 27  /* 0: a sign */
#define PAIRS        12  /* in a row, that are looked at together */
#define DRAWN_COST   46  /* of each of them, on average: words have less */
#define SIGN_COST    38  /* of a pair with a sign, which tells nothing: as in words */
#define WORDS_MAX    256 /* bytes: what is longer is none */

static uint8_t letter_of[128], cost_of[LETTER_KINDS][32];

static void make_costs(void) {
    if (letter_of['a']) return;
    memset(cost_of, SIGN_COST, sizeof cost_of);
    for (unsigned i = 0; i < 26; i++) {
        letter_of['a' + i] = letter_of['A' + i] = (uint8_t)(i + 1);
        memcpy(&cost_of[i + 1][1], check_pair_cost[i], sizeof check_pair_cost[i]);
    }
}

/* Of a run without digits. */
static bool reads_as_words(const char *at, size_t size) {
    uint8_t costs[WORDS_MAX], last = letter_of[(unsigned char)at[0] & 127];
    unsigned sum = 0;
    if (size > WORDS_MAX) return false;
    for (size_t i = 1; i < size; i++) {
        uint8_t letter = letter_of[(unsigned char)at[i] & 127];
        costs[i] = cost_of[last][letter];
        sum += costs[i];
        if (i > PAIRS) sum -= costs[i - PAIRS];
        if (sum >= PAIRS * DRAWN_COST) return false;
        last = letter;
    }
    return true;
}

void runs_drawn(str text, const run_list *all, run_list *ret) {
    make_costs();
    ret->count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const run *r = &all->items[i];
        const char *at = text.ptr + r->start;
        size_t size = r->end - r->start;
        if (has_digit(at, size) || !reads_as_words(at, size)) add(ret, r->start, r->end);
    }
}

/* ---- gathering ------------------------------------------------------------------------------ */

bool run_is_assigned(str text, size_t start) {
    for (size_t gap = 0; gap <= RUN_GAP_MAX && start > 0; gap++) {
        char c = text.ptr[--start];
        if (run_has(run_assigns, c)) return true;
        if (!run_has(run_gaps, c)) return false;
    }
    return false;
}

static void open_piece(run_extract *x, size_t from) {
    if (x->count) strbuf_addc(&x->text, '\n');
    if (x->count == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 256;
        x->pieces = mem_realloc(x->pieces, x->cap * sizeof *x->pieces);
    }
    x->pieces[x->count++] = (run_piece){x->text.len, from};
}

/* Where the last stretch ends in the text. */
static size_t end_of(const run_extract *x) {
    const run_piece *last = &x->pieces[x->count - 1];
    return last->from + (x->text.len - last->start);
}

/* Takes back what lies behind `from`: more is wanted before this run than before others. */
static void take_back(run_extract *x, size_t from) {
    while (x->count && x->pieces[x->count - 1].from > from) {
        size_t start = x->pieces[--x->count].start;
        strbuf_truncate(&x->text, start ? start - 1 : 0);
    }
}

void runs_gather(str text, const run_list *list, size_t before, size_t before_assigned,
                 run_extract *x) {
    strbuf_clear(&x->text);
    x->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const run *r = &list->items[i];
        size_t most = run_is_assigned(text, r->start) ? before_assigned : before;
        size_t from = r->start > most ? r->start - most : 0;
        take_back(x, from);
        if (!x->count || end_of(x) < from) open_piece(x, from);
        strbuf_add(&x->text, str_sub(text, end_of(x), r->end));
    }
}

size_t run_origin(const run_extract *x, size_t offset, size_t *ret_first) {
    size_t low = 0, high = x->count; /* pieces[low].start <= offset < pieces[high].start */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x->pieces[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    *ret_first = x->pieces[low].from;
    return x->pieces[low].from + (offset - x->pieces[low].start);
}

void run_extract_done(run_extract *x) {
    strbuf_done(&x->text);
    free(x->pieces);
    *x = (run_extract){0};
}
