#include "scan/place.h"

#include "base/hash.h"
#include "scan/text.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MAX 1000

typedef struct mark {
    uint8_t digest[32];
    size_t index;
} mark;

/* White space around lines does not count: code is indented anew. */
static void hash_lines(const text_lines *t, const finding *f, uint8_t ret[32]) {
    sha256 *h = sha256_new();
    uint32_t end = f->end_line > f->line ? f->end_line : f->line;
    if (end - f->line > LINES_MAX) end = f->line + LINES_MAX;
    sha256_add(h, f->rule.ptr, f->rule.len);
    for (uint32_t i = f->line; i <= end && i <= t->count; i++) {
        str line = str_trim(text_line(t, i));
        sha256_add(h, "\n", 1);
        sha256_add(h, line.ptr, line.len);
    }
    sha256_end(h, ret);
}

static int cmp_marks(const void *x, const void *y) {
    const mark *a = x, *b = y;
    int r = memcmp(a->digest, b->digest, sizeof a->digest);
    return r ? r : (a->index > b->index) - (a->index < b->index);
}

static size_t mark_all(const text_lines *t, str path, const finding_list *findings, mark *ret) {
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const finding *f = &findings->items[i];
        if (!f->line || f->line > t->count || !str_eq(f->path, path)) continue;
        hash_lines(t, f, ret[count].digest);
        ret[count++].index = i;
    }
    return count;
}

void place_hashes(arena *a, const scan_file *file, finding_list *findings) {
    if (!findings->count) return;
    text_lines lines = text_lines_new(a, file->body);
    mark *marks = ARENA_ARRAY(a, mark, findings->count);
    size_t count = mark_all(&lines, text_valid(a, file->path), findings, marks), nth = 0;
    if (count) qsort(marks, count, sizeof *marks, cmp_marks);
    for (size_t i = 0; i < count; i++) {
        char hex[33];
        bool again = i && memcmp(marks[i - 1].digest, marks[i].digest, 32) == 0;
        nth = again ? nth + 1 : 1;
        hex_encode(marks[i].digest, 16, hex);
        findings->items[marks[i].index].place_hash = arena_printf(a, "%s:%zu", hex, nth);
    }
}
