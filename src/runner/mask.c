/* mask.c: the search for secrets.
 *
 * All forms of all secrets are patterns of Aho-Corasick automata. While the search is in the root,
 * where no pattern has begun, a table of three-byte blocks tells how far it may jump (as in Wu and
 * Manber, "A fast algorithm for multi-pattern searching", 1994), so clean text costs a look at
 * every few bytes; the automaton bounds the worst case by the length of the text.
 *
 * Patterns only come, they never go. An automaton cannot take another pattern, so there are
 * several, each at least twice as large as the next: a new pattern makes a small one, which is
 * merged with its neighbours as they become alike in size. Adding n patterns thus builds each about
 * log n times over, and a text is searched by log n automata; in practice by one or two. */
#include "runner/mask.h"

#include "base/table.h"
#include "runner/mask_forms.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct node {
    uint32_t child, sibling, fail; /* 0: none; the root */
    uint32_t length;               /* of the longest pattern that ends here, or 0 */
    unsigned char byte;
} node;

#define SHIFT_SIZE 16384
#define BLOCK_MAX  3
#define WINDOW_MAX 255

typedef struct automaton {
    size_t from, to; /* of the patterns that it has */
    node *nodes;
    size_t node_count;
    uint32_t first[256];       /* children of the root */
    size_t window;             /* length of the shortest pattern, up to WINDOW_MAX */
    size_t block;              /* BLOCK_MAX, or less when the window is shorter */
    uint8_t shift[SHIFT_SIZE]; /* by the last block of a window; unused for window 1 */
} automaton;

typedef struct range {
    size_t start, end;
} range;

#define LEVELS_MAX 32

struct mask {
    str *patterns; /* owned copies */
    size_t count, cap, bytes, longest;
    table_index table; /* of the patterns, for finding doubles; on the heap */
    automaton *levels[LEVELS_MAX];
    size_t level_count;
    range *ranges; /* of the text at hand */
    size_t range_count, range_cap;
};

mask *mask_new(void) {
    return mem_alloc(sizeof(mask));
}

static void automaton_free(automaton *x) {
    explicit_bzero(x->nodes, x->node_count * sizeof *x->nodes);
    free(x->nodes);
    free(x);
}

void mask_free(mask *m) {
    if (!m) return;
    for (size_t i = 0; i < m->level_count; i++)
        automaton_free(m->levels[i]);
    for (size_t i = 0; i < m->count; i++) {
        explicit_bzero((char *)m->patterns[i].ptr, m->patterns[i].len);
        free((char *)m->patterns[i].ptr);
    }
    free(m->patterns);
    table_done(&m->table);
    free(m->ranges);
    free(m);
}

/* ---- patterns ------------------------------------------------------------------------------ */

static uint64_t hash_at(const void *owner, size_t index) {
    const mask *m = owner;
    return str_hash(m->patterns[index]);
}

/* Takes one pattern; a double or an empty one is fine. */
static int add_pattern(mask *m, str text, err *e) {
    if (text.len == 0) return 0;
    size_t at = table_begin(&m->table, str_hash(text));
    for (uint32_t i; table_next(&m->table, &at, &i);) {
        if (str_eq(m->patterns[i], text)) return 0;
    }
    if (text.len > MASK_TOTAL_MAX - m->bytes) {
        return err_set(e, ERR_LIMIT, "the job has more than %u MiB of secrets to mask",
                       MASK_TOTAL_MAX >> 20);
    }
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 32;
        m->patterns = mem_realloc(m->patterns, m->cap * sizeof *m->patterns);
    }
    char *copy = mem_alloc(text.len);
    memcpy(copy, text.ptr, text.len);
    m->patterns[m->count] = (str){copy, text.len};
    table_add(&m->table, NULL, m->count++, hash_at, m);
    m->bytes += text.len;
    if (text.len > m->longest) m->longest = text.len;
    return 0;
}

typedef struct adding {
    mask *m;
    err *e;
    int rc;
} adding;

static void add_form(void *context, str form) {
    adding *x = context;
    if (x->rc == 0) x->rc = add_pattern(x->m, form, x->e);
}

static int add_value(mask *m, str value, err *e) {
    adding x = {m, e, 0};
    while (value.len && x.rc == 0) {
        str piece = str_sub(value, 0, MASK_SECRET_MAX);
        mask_forms(piece, add_form, &x);
        value = str_sub(value, piece.len, value.len);
    }
    return x.rc;
}

/* Lines such as "{" or "]," that a JSON document has and every log has too. */
static bool only_brackets(str line) {
    for (size_t i = 0; i < line.len; i++) {
        if (!memchr("{}[](),;: \t", line.ptr[i], 11)) return false;
    }
    return true;
}

int mask_add(mask *m, str secret, err *e) {
    if (str_trim(secret).len == 0)
        return err_set(e, ERR_INVALID,
                       "Can't add secret mask for empty string in ##[add-mask] command.");
    int rc = add_value(m, secret, e);
    bool several = str_find_char(secret, '\n') >= 0 || str_find_char(secret, '\r') >= 0;
    for (str rest = secret, block; rc == 0 && several && rest.len;) {
        str_cut(rest, '\n', &block, &rest);
        for (str line; rc == 0 && block.len;) {
            str_cut(block, '\r', &line, &block);
            line = str_trim(line);
            if (!only_brackets(line)) rc = add_value(m, line, e);
        }
    }
    return rc;
}

/* ---- automata ------------------------------------------------------------------------------ */

static uint32_t child_of(const automaton *x, uint32_t at, unsigned char byte) {
    if (at == 0) return x->first[byte];
    uint32_t c = x->nodes[at].child;
    while (c && x->nodes[c].byte != byte)
        c = x->nodes[c].sibling;
    return c;
}

static uint32_t step(const automaton *x, uint32_t at, unsigned char byte) {
    for (;;) {
        uint32_t next = child_of(x, at, byte);
        if (next || at == 0) return next;
        at = x->nodes[at].fail;
    }
}

static void insert(automaton *x, str pattern) {
    uint32_t at = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        unsigned char byte = (unsigned char)pattern.ptr[i];
        uint32_t next = child_of(x, at, byte);
        if (!next) {
            next = (uint32_t)x->node_count++;
            x->nodes[next] = (node){.byte = byte, .sibling = x->nodes[at].child};
            x->nodes[at].child = next;
            if (at == 0) x->first[byte] = next;
        }
        at = next;
    }
    x->nodes[at].length = (uint32_t)pattern.len;
}

/* Breadth first, so that a node's fail link, which is nearer the root, is ready before it. */
static void link_failures(automaton *x) {
    uint32_t *queue = mem_alloc(x->node_count * sizeof *queue);
    size_t head = 0, tail = 0;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t at = queue[head++];
        for (uint32_t c = x->nodes[at].child; c; c = x->nodes[c].sibling) {
            node *n = &x->nodes[c];
            n->fail = at ? step(x, x->nodes[at].fail, n->byte) : 0;
            if (!n->length) n->length = x->nodes[n->fail].length;
            queue[tail++] = c;
        }
    }
    free(queue);
}

/* Of the block that ends before `end`. */
static inline unsigned block_hash(const char *end, size_t block) {
    unsigned a = (unsigned char)end[-2], b = (unsigned char)end[-1];
    unsigned first = block == BLOCK_MAX ? (unsigned char)end[-3] : 0;
    return (first << 10 ^ a << 6 ^ b) & (SHIFT_SIZE - 1);
}

static void fill_shift(automaton *x, const str *patterns) {
    x->window = WINDOW_MAX;
    for (size_t i = x->from; i < x->to; i++) {
        if (patterns[i].len < x->window) x->window = patterns[i].len;
    }
    x->block = x->window < BLOCK_MAX ? x->window : BLOCK_MAX;
    memset(x->shift, (int)(x->window - x->block + 1), sizeof x->shift);
    for (size_t i = x->from; i < x->to && x->block > 1; i++) {
        for (size_t end = x->block; end <= x->window; end++) {
            uint8_t *s = &x->shift[block_hash(patterns[i].ptr + end, x->block)];
            size_t distance = x->window - end;
            if (distance < *s) *s = (uint8_t)distance;
        }
    }
}

static automaton *automaton_new(const str *patterns, size_t from, size_t to) {
    automaton *x = mem_alloc(sizeof *x);
    size_t most = 1;
    x->from = from;
    x->to = to;
    for (size_t i = from; i < to; i++)
        most += patterns[i].len;
    x->nodes = mem_alloc(most * sizeof *x->nodes);
    x->node_count = 1;
    for (size_t i = from; i < to; i++)
        insert(x, patterns[i]);
    x->nodes = mem_realloc(x->nodes, x->node_count * sizeof *x->nodes);
    link_failures(x);
    fill_shift(x, patterns);
    return x;
}

/* Makes automata for the patterns that have none yet. */
static void settle(mask *m) {
    size_t from = m->level_count ? m->levels[m->level_count - 1]->to : 0;
    if (from == m->count) return;
    while (m->level_count) {
        automaton *last = m->levels[m->level_count - 1];
        if (last->to - last->from > 2 * (m->count - from)) break;
        from = last->from;
        automaton_free(last);
        m->level_count--;
    }
    assert(m->level_count < LEVELS_MAX);
    m->levels[m->level_count++] = automaton_new(m->patterns, from, m->count);
}

/* ---- the search ---------------------------------------------------------------------------- */

/* Ranges of one automaton come with growing ends, so those that it touches are the last ones. */
static void add_range(mask *m, size_t own, size_t start, size_t end) {
    while (m->range_count > own && m->ranges[m->range_count - 1].end >= start) {
        range *last = &m->ranges[--m->range_count];
        if (last->start < start) start = last->start;
    }
    if (m->range_count == m->range_cap) {
        m->range_cap = m->range_cap ? m->range_cap * 2 : 16;
        m->ranges = mem_realloc(m->ranges, m->range_cap * sizeof *m->ranges);
    }
    m->ranges[m->range_count++] = (range){start, end};
}

/* The next place at or after `i` where a pattern may begin, or text.len. */
static size_t skip_clean(const automaton *x, str text, size_t i) {
    if (x->window == 1) {
        while (i < text.len && !x->first[(unsigned char)text.ptr[i]])
            i++;
        return i;
    }
    while (i + x->window <= text.len) {
        size_t jump = x->shift[block_hash(text.ptr + i + x->window, x->block)];
        if (jump == 0) return i;
        i += jump;
    }
    return text.len;
}

static void search(mask *m, const automaton *x, str text) {
    size_t own = m->range_count;
    uint32_t state = 0;
    for (size_t i = 0;;) {
        if (state == 0) i = skip_clean(x, text, i);
        if (i >= text.len) return;
        state = step(x, state, (unsigned char)text.ptr[i++]);
        size_t length = x->nodes[state].length;
        if (length) add_range(m, own, i - length, i);
    }
}

static int range_order(const void *a, const void *b) {
    const range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void find_ranges(mask *m, str text) {
    settle(m);
    m->range_count = 0;
    for (size_t i = 0; i < m->level_count; i++)
        search(m, m->levels[i], text);
    if (m->level_count > 1 && m->range_count > 1)
        qsort(m->ranges, m->range_count, sizeof *m->ranges, range_order);
}

/* Writes text[covered, cut) with secrets masked; a secret that begins before `cut` is masked to its
 * end. The bytes before *covered belong to a *** that has been written. *covered becomes the end of
 * what has been dealt with, at least `cut`. */
static bool write_masked(mask *m, str text, size_t cut, size_t *covered, strbuf *out) {
    find_ranges(m, text);
    bool open = *covered > 0; /* a *** ends at `at`; what touches it belongs to it */
    size_t at = *covered;
    for (size_t i = 0; i < m->range_count; i++) {
        range r = m->ranges[i];
        bool touches = open && r.start <= at;
        if (!touches && r.start >= cut) break;
        if (!touches) {
            strbuf_add(out, str_sub(text, at, r.start));
            strbuf_adds(out, "***");
            open = true;
        }
        if (r.end > at) at = r.end;
    }
    if (at < cut) {
        strbuf_add(out, str_sub(text, at, cut));
        at = cut;
    }
    *covered = at;
    return m->range_count > 0;
}

bool mask_text(mask *m, str text, strbuf *out) {
    size_t covered = 0;
    return write_masked(m, text, text.len, &covered, out);
}

bool mask_is_clean(mask *m, str text) {
    find_ranges(m, text);
    return m->range_count == 0;
}

/* A secret that is not yet complete begins within the last `longest` - 1 bytes. One byte more is
 * held back so that a *** before it, which it would touch, can be seen. */
void mask_stream_add(mask *m, mask_stream *s, str piece, strbuf *out) {
    strbuf_add(&s->held, piece);
    if (s->held.len <= m->longest) return;
    size_t cut = s->held.len - m->longest;
    write_masked(m, strbuf_str(&s->held), cut, &s->covered, out);
    s->covered -= cut;
    strbuf_shift(&s->held, cut);
}

void mask_stream_end(mask *m, mask_stream *s, strbuf *out) {
    write_masked(m, strbuf_str(&s->held), s->held.len, &s->covered, out);
    s->covered = 0;
    strbuf_clear(&s->held);
}

void mask_stream_done(mask_stream *s) {
    strbuf_done(&s->held);
    s->covered = 0;
}
