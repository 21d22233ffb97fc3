#include "scan/source.h"

typedef struct text {
    scan_source base;
    str path, body;
} text;

static str text_path(const scan_source *s, size_t item) {
    (void)item;
    return ((const text *)s->self)->path;
}

static int text_read(scan_source *s, size_t item, uint64_t max_bytes, strbuf *into, str *ret,
                     err *e) {
    const text *t = s->self;
    (void)item;
    (void)into;
    if (t->body.len > max_bytes)
        return err_set(e, ERR_LIMIT, "is larger than %llu MiB (--max-file-size)",
                       (unsigned long long)max_bytes >> 20);
    *ret = t->body;
    return 0;
}

scan_source *scan_source_text(arena *a, str path, str body) {
    text *t = ARENA_NEW(a, text);
    *t = (text){.path = path, .body = body};
    t->base =
        (scan_source){.count = 1, .tree = -1, .self = t, .path = text_path, .read = text_read};
    return &t->base;
}
