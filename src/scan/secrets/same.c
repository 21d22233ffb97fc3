#include "scan/secrets/same.h"

#include <string.h>

#define LINE_MIN  8 /* bytes of a line that is looked for: shorter ones are everywhere */
#define PLACES    4096
#define LINES_MAX (PLACES / 2) /* of the old text, from its first on */

/* ---- lines ---------------------------------------------------------------------------------- */

/* Where lines begin in the old text, by how they begin and end: what is found is compared. */
typedef struct lines {
    uint32_t table[PLACES]; /* where one begins + 1 */
    size_t count;
} lines;

static size_t place_of(str line) {
    uint64_t head, tail;
    memcpy(&head, line.ptr, sizeof head);
    memcpy(&tail, line.ptr + line.len - sizeof tail, sizeof tail);
    uint64_t hash = (head ^ line.len) * 0x9E3779B97F4A7C15u ^ tail * 0xC2B2AE3D27D4EB4Fu;
    return (size_t)(hash >> 40) & (PLACES - 1);
}

static str line_at(str text, size_t at) {
    const char *end = memchr(text.ptr + at, '\n', text.len - at);
    return str_sub(text, at, end ? (size_t)(end - text.ptr) : text.len);
}

static void index_lines(lines *l, str old) {
    memset(l, 0, sizeof *l);
    for (size_t at = 0; at < old.len && at < UINT32_MAX && l->count < LINES_MAX;) {
        str line = line_at(old, at);
        uint32_t *place = line.len < LINE_MIN ? NULL : &l->table[place_of(line)];
        if (place && !*place) {
            *place = (uint32_t)at + 1;
            l->count++;
        }
        at += line.len + 1;
    }
}

typedef struct finder {
    same_span *ret;
    size_t count, max;
} finder;

static void add(finder *f, size_t old_at, size_t at, size_t len) {
    f->ret[f->count++] = (same_span){old_at, at, len};
}

/* The middle of both, which begins at `old_from` and `from` in the texts. */
static void find_between(finder *f, str old, size_t old_from, str text, size_t from, size_t min) {
    lines l;
    size_t old_done = 0;
    if (old.len < min || text.len < min || f->count + 1 >= f->max) return;
    index_lines(&l, old);
    for (size_t at = 0; at + min <= text.len && f->count + 1 < f->max;) {
        str line = line_at(text, at);
        uint32_t place = line.len < LINE_MIN ? 0 : l.table[place_of(line)];
        size_t old_at = place ? place - 1 : 0, len = 0;
        if (place && old_at >= old_done)
            len = str_same_begin(str_sub(old, old_at, old.len), str_sub(text, at, text.len));
        if (len < min) {
            at += line.len + 1;
            continue;
        }
        add(f, old_from + old_at, from + at, len);
        old_done = old_at + len;
        at += len;
        if (at < text.len && text.ptr[at - 1] != '\n') at += line_at(text, at).len + 1;
    }
}

size_t same_find(str old, str text, size_t min, same_span *ret, size_t max) {
    finder f = {.ret = ret, .max = max};
    size_t head = str_same_begin(old, text);
    str old_rest = str_sub(old, head, old.len), rest = str_sub(text, head, text.len);
    size_t tail = str_same_end(old_rest, rest);
    if (max < 2) return 0;
    if (head >= min) add(&f, 0, 0, head);
    size_t from = head >= min ? head : 0, to = tail >= min ? tail : 0;
    find_between(&f, str_sub(old, from, old.len - to), from, str_sub(text, from, text.len - to),
                 from, min);
    if (to) add(&f, old.len - to, text.len - to, to);
    return f.count;
}
