/* log_index.c: where blocks begin and which steps they have lines of, in memory and as bytes.
 *
 * All numbers on the disk are little-endian. The head is "slwlogix", a version (4 bytes) and four
 * zeros. Each block follows as
 *
 *   4 size of all this   8 offset   8 line   4 bytes   4 lines   8 mark   4 count of shares   4
 * zero for each share:      4 step     4 lines  4 first   4 last    8 first time   8 last time 8
 * sum of what is before it
 */
#include "store/log_internal.h"

#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define BLOCK_SIZE 44 /* of a block's own fields */
#define SHARE_SIZE 32
#define SUM_SIZE   8

static const char magic[8] = {'s', 'l', 'w', 'l', 'o', 'g', 'i', 'x'};

void index_done(log_index *x) {
    free(x->blocks);
    free(x->shares);
    free(x->steps);
    *x = (log_index){0};
}

void index_clear(log_index *x) {
    x->count = x->share_count = 0;
    x->size = x->lines = 0;
    if (x->steps) memset(x->steps, 0, x->step_count * sizeof *x->steps);
}

/* ---- adding --------------------------------------------------------------------------------- */

static size_t grown(size_t cap) {
    return cap ? cap * 2 : 16;
}

static log_block *push_block(log_index *x) {
    if (x->count == x->cap) {
        x->cap = grown(x->cap);
        x->blocks = mem_realloc(x->blocks, x->cap * sizeof *x->blocks);
    }
    log_block *b = &x->blocks[x->count++];
    *b = (log_block){.offset = x->size, .line = x->lines, .share = x->share_count};
    return b;
}

static log_share *push_share(log_index *x, log_block *b) {
    if (x->share_count == x->share_cap) {
        x->share_cap = grown(x->share_cap);
        x->shares = mem_realloc(x->shares, x->share_cap * sizeof *x->shares);
    }
    b->share_count++;
    return &x->shares[x->share_count++];
}

static log_step *step_of(log_index *x, int step) {
    size_t at = (size_t)(step + 1);
    if (at >= x->step_count) {
        size_t count = at + 8;
        x->steps = mem_realloc(x->steps, count * sizeof *x->steps);
        memset(x->steps + x->step_count, 0, (count - x->step_count) * sizeof *x->steps);
        x->step_count = count;
    }
    return &x->steps[at];
}

/* What a block's share adds to its step. */
static void note_step(log_index *x, const log_share *s, uint64_t line) {
    log_step *step = step_of(x, s->step);
    if (!step->lines)
        *step = (log_step){.step = s->step, .first = line + s->first + 1, .first_us = s->first_us};
    step->lines += s->lines;
    step->last = line + s->last + 1;
    step->last_us = s->last_us;
}

/* Lines of one step come in a row, so the newest share is the likely one. */
static log_share *share_of(log_index *x, const log_block *b, int step) {
    for (size_t i = b->share_count; i-- > 0;) {
        log_share *s = &x->shares[b->share + i];
        if (s->step == step) return s;
    }
    return NULL;
}

const log_share *index_share(const log_index *x, const log_block *b, int step) {
    return share_of((log_index *)x, b, step);
}

void index_add(log_index *x, int step, int64_t at_us, uint32_t size) {
    log_block *b = x->count ? &x->blocks[x->count - 1] : NULL;
    if (!b || b->size >= LOG_BLOCK) b = push_block(x);
    log_share *s = share_of(x, b, step);
    if (!s) {
        s = push_share(x, b);
        *s = (log_share){.step = step, .first = b->lines, .first_us = at_us};
    }
    s->lines++;
    s->last = b->lines;
    s->last_us = at_us;
    log_share one = {step, 1, b->lines, b->lines, at_us, at_us};
    note_step(x, &one, b->line);
    b->lines++;
    b->size += size;
    x->lines++;
    x->size += size;
}

/* ---- finding -------------------------------------------------------------------------------- */

static uint64_t line_before(const log_block *b) {
    return b->line;
}

static uint64_t offset_before(const log_block *b) {
    return b->offset;
}

/* The last block before which there are at most `n` of what `before` counts. */
static size_t last_block(const log_index *x, uint64_t n, uint64_t (*before)(const log_block *)) {
    size_t low = 0, high = x->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (before(&x->blocks[middle]) <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t index_block_of_line(const log_index *x, uint64_t line) {
    return last_block(x, line, line_before);
}

size_t index_block_of_offset(const log_index *x, uint64_t offset) {
    return last_block(x, offset, offset_before);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

uint64_t index_mark(str bytes) {
    size_t size = bytes.len < INDEX_MARK_SIZE ? bytes.len : INDEX_MARK_SIZE;
    return str_hash(str_sub(bytes, bytes.len - size, bytes.len));
}

static void add_le(strbuf *out, uint64_t n, unsigned size) {
    char bytes[8];
    put_le(bytes, n, size);
    strbuf_add(out, (str){bytes, size});
}

void index_write_head(strbuf *out) {
    strbuf_add(out, (str){magic, sizeof magic});
    add_le(out, VERSION, 4);
    add_le(out, 0, 4);
}

bool index_read_head(str *rest) {
    if (rest->len < INDEX_HEAD_SIZE || memcmp(rest->ptr, magic, sizeof magic) != 0 ||
        get_le(rest->ptr + sizeof magic, 8) != VERSION)
        return false;
    *rest = str_sub(*rest, INDEX_HEAD_SIZE, rest->len);
    return true;
}

void index_write_block(strbuf *out, const log_index *x, const log_block *b, uint64_t mark) {
    size_t begin = out->len;
    add_le(out, BLOCK_SIZE + b->share_count * SHARE_SIZE + SUM_SIZE, 4);
    add_le(out, b->offset, 8);
    add_le(out, b->line, 8);
    add_le(out, b->size, 4);
    add_le(out, b->lines, 4);
    add_le(out, mark, 8);
    add_le(out, b->share_count, 4);
    add_le(out, 0, 4);
    for (size_t i = 0; i < b->share_count; i++) {
        const log_share *s = &x->shares[b->share + i];
        add_le(out, (uint32_t)s->step, 4);
        add_le(out, s->lines, 4);
        add_le(out, s->first, 4);
        add_le(out, s->last, 4);
        add_le(out, (uint64_t)s->first_us, 8);
        add_le(out, (uint64_t)s->last_us, 8);
    }
    add_le(out, str_hash(str_sub(strbuf_str(out), begin, out->len)), SUM_SIZE);
}

static log_share read_share(const char *p) {
    return (log_share){.step = (int32_t)get_le(p, 4),
                       .lines = (uint32_t)get_le(p + 4, 4),
                       .first = (uint32_t)get_le(p + 8, 4),
                       .last = (uint32_t)get_le(p + 12, 4),
                       .first_us = (int64_t)get_le(p + 16, 8),
                       .last_us = (int64_t)get_le(p + 24, 8)};
}

/* Whether the shares are what a block of so many lines can have. */
static bool judge_shares(const char *p, size_t count, uint32_t lines) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        log_share s = read_share(p + i * SHARE_SIZE);
        if (s.step < LOG_STEP_NONE || s.step > LOG_STEP_MAX || !s.lines || s.first > s.last ||
            s.last >= lines)
            return false;
        sum += s.lines;
    }
    return sum == lines;
}

bool index_read_block(str *rest, log_index *x, uint64_t *ret_mark) {
    const char *p = rest->ptr;
    if (rest->len < BLOCK_SIZE + SUM_SIZE) return false;
    uint64_t all = get_le(p, 4), count = get_le(p + 36, 4);
    if (all > rest->len || all != BLOCK_SIZE + count * SHARE_SIZE + SUM_SIZE) return false;
    if (str_hash((str){p, all - SUM_SIZE}) != get_le(p + all - SUM_SIZE, SUM_SIZE)) return false;
    uint64_t size = get_le(p + 20, 4);
    uint32_t lines = (uint32_t)get_le(p + 24, 4);
    if (get_le(p + 4, 8) != x->size || get_le(p + 12, 8) != x->lines || !lines || size < lines ||
        size > LOG_BLOCK_MAX || x->size + size > 2 * LOG_BYTES_MAX ||
        !judge_shares(p + BLOCK_SIZE, count, lines))
        return false;
    log_block *b = push_block(x);
    b->size = (uint32_t)size;
    b->lines = lines;
    for (size_t i = 0; i < count; i++) {
        log_share *s = push_share(x, b);
        *s = read_share(p + BLOCK_SIZE + i * SHARE_SIZE);
        note_step(x, s, b->line);
    }
    x->size += size;
    x->lines += lines;
    *ret_mark = get_le(p + 28, 8);
    *rest = str_sub(*rest, all, rest->len);
    return true;
}
