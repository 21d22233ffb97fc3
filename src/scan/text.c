#include "scan/text.h"

#include "base/table.h"

#define MARK_BYTES 512 /* from one mark to the next, of lines that are longer */

static void mark_line(arena *a, text_lines *t, size_t *cap, size_t start, size_t end) {
    text_mark at = {start, 1};
    for (size_t next = start + MARK_BYTES; next < end; next = at.offset + MARK_BYTES) {
        for (; at.offset < next; at.column++)
            utf8_next(t->body, &at.offset);
        ARENA_PUSH(a, t->marks, t->mark_count, *cap, at);
    }
}

text_lines text_lines_new(arena *a, str body) {
    text_lines t = {.body = body};
    size_t cap = 0, mark_cap = 0;
    ARENA_PUSH(a, t.starts, t.count, cap, (size_t)0);
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (c == '\r' && i + 1 < body.len && body.ptr[i + 1] == '\n') continue;
        if (c != '\n' && c != '\r') continue;
        mark_line(a, &t, &mark_cap, t.starts[t.count - 1], i);
        ARENA_PUSH(a, t.starts, t.count, cap, i + 1);
    }
    mark_line(a, &t, &mark_cap, t.starts[t.count - 1], body.len);
    return t;
}

/* The line's beginning, or the last mark in it that is not behind `offset`. */
static text_mark mark_before(const text_lines *t, size_t start, size_t offset) {
    size_t low = 0,
           high = t->mark_count; /* those before `low` are not behind it, from `high` on are */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->marks[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    bool within = low > 0 && t->marks[low - 1].offset > start;
    return within ? t->marks[low - 1] : (text_mark){start, 1};
}

void text_place(const text_lines *t, size_t offset, uint32_t *ret_line, uint32_t *ret_column) {
    size_t low = 0, high = t->count; /* starts[low] <= offset < starts[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (t->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    text_mark at = mark_before(t, t->starts[low], offset);
    for (; at.offset < offset; at.column++)
        utf8_next(t->body, &at.offset);
    *ret_line = (uint32_t)(low + 1);
    *ret_column = at.column;
}

str text_line(const text_lines *t, size_t line) {
    size_t end = line < t->count ? t->starts[line] : t->body.len;
    str s = str_sub(t->body, t->starts[line - 1], end);
    while (s.len && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r'))
        s.len--;
    return s;
}

/* ---- hashes of lines ------------------------------------------------------------------------ */

#define BLOCK       100
#define MULTIPLIER  37u
#define END_OF_FILE 0xFFFFu
#define NOT_A_LINE  0

/* How often each hash was seen: every line of the file counts. */
typedef struct tally {
    uint64_t *hashes;
    uint32_t *counts;
    size_t count;
    table_index table;
    arena *a;
} tally;

/* The multiplication carries every bit into the upper half. */
static uint64_t mixed(uint64_t hash) {
    return hash * 0x9E3779B97F4A7C15u >> 32;
}

static uint64_t hash_at(const void *owner, size_t index) {
    const tally *t = owner;
    return mixed(t->hashes[index]);
}

static uint32_t tally_add(tally *t, uint64_t hash) {
    size_t at = table_begin(&t->table, mixed(hash));
    for (uint32_t i; table_next(&t->table, &at, &i);) {
        if (t->hashes[i] == hash) return ++t->counts[i];
    }
    t->hashes[t->count] = hash;
    t->counts[t->count] = 1;
    table_add(&t->table, t->a, t->count++, hash_at, t);
    return 1;
}

typedef struct roller {
    uint16_t window[BLOCK];
    uint32_t line_at[BLOCK]; /* the line that begins at this unit, or NOT_A_LINE */
    size_t index;
    uint64_t hash, first; /* first: MULTIPLIER to the power of BLOCK */
    uint32_t line;
    bool line_start, after_cr;
    tally seen;
    arena *a;
    const uint32_t *wanted;
    size_t wanted_count, next;
    str *ret;
} roller;

static void give(roller *r) {
    uint32_t line = r->line_at[r->index], nth = tally_add(&r->seen, r->hash);
    r->line_at[r->index] = NOT_A_LINE;
    for (; r->next < r->wanted_count && r->wanted[r->next] == line; r->next++)
        r->ret[r->next] = arena_printf(r->a, "%llx:%u", (unsigned long long)r->hash, nth);
}

static void roll(roller *r, uint16_t unit) {
    uint64_t leaving = r->window[r->index];
    r->window[r->index] = unit;
    r->hash = r->hash * MULTIPLIER + unit - r->first * leaving;
    r->index = (r->index + 1) % BLOCK;
}

static void take(roller *r, uint16_t unit) {
    if (unit == ' ' || unit == '\t' || (r->after_cr && unit == '\n')) {
        r->after_cr = false;
        return;
    }
    r->after_cr = unit == '\r';
    if (unit == '\r') unit = '\n';
    if (r->line_at[r->index] != NOT_A_LINE) give(r);
    if (r->line_start) r->line_at[r->index] = ++r->line;
    r->line_start = unit == '\n';
    roll(r, unit);
}

static void take_code(roller *r, uint32_t code) {
    if (code < 0x10000) {
        take(r, (uint16_t)code);
        return;
    }
    take(r, (uint16_t)(0xD800 + ((code - 0x10000) >> 10)));
    take(r, (uint16_t)(0xDC00 + ((code - 0x10000) & 0x3FF)));
}

static size_t count_lines(str body) {
    size_t count = 2; /* the first one, and what the end of the file may add */
    for (size_t i = 0; i < body.len; i++)
        count += body.ptr[i] == '\n' || body.ptr[i] == '\r';
    return count;
}

void text_line_hashes(arena *a, str body, const uint32_t *lines, size_t count, str *ret) {
    _cleanup_arena_ arena *scratch = arena_new();
    roller r = {
        .first = 1, .line_start = true, .a = a, .wanted = lines, .wanted_count = count, .ret = ret};
    size_t line_count = count_lines(body);
    r.seen = (tally){.hashes = ARENA_ARRAY(scratch, uint64_t, line_count),
                     .counts = ARENA_ARRAY(scratch, uint32_t, line_count),
                     .a = scratch};
    for (size_t i = 0; i < BLOCK; i++)
        r.first *= MULTIPLIER;
    for (size_t i = 0; i < count; i++)
        ret[i] = STR_EMPTY;
    size_t at = 0;
    while (at < body.len)
        take_code(&r, utf8_next(body, &at));
    take(&r, END_OF_FILE);
    for (size_t i = 0; i < BLOCK; i++) {
        if (r.line_at[r.index] != NOT_A_LINE) give(&r);
        roll(&r, 0);
    }
}
