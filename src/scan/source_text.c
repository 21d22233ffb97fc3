#include "scan/source.h"

typedef struct source_texts {
    scan_source base;
    const scan_input *items;
} source_texts;

static const scan_input *text_of(const scan_source *s, size_t item) {
    return &((const source_texts *)s->self)->items[item];
}

static str text_path(const scan_source *s, size_t item) {
    return text_of(s, item)->path;
}

static int text_read(scan_source *s, size_t item, uint64_t max_bytes, strbuf *into, str *ret,
                     err *e) {
    const scan_input *t = text_of(s, item);
    (void)into;
    if (t->why) return err_set(e, ERR_IO, "%s", t->why);
    if (t->body.len > max_bytes)
        return err_set(e, ERR_LIMIT, "is larger than %llu MiB (--max-file-size)",
                       (unsigned long long)max_bytes >> 20);
    *ret = t->body;
    return 0;
}

scan_source *scan_source_texts(arena *a, const scan_input *texts, size_t count) {
    source_texts *t = ARENA_NEW(a, source_texts);
    t->items = texts;
    t->base =
        (scan_source){.count = count, .tree = -1, .self = t, .path = text_path, .read = text_read};
    return &t->base;
}

scan_source *scan_source_text(arena *a, str path, str body) {
    scan_input *t = ARENA_NEW(a, scan_input);
    *t = (scan_input){path, body, NULL};
    return scan_source_texts(a, t, 1);
}
