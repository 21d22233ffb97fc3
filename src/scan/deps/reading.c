#include "scan/deps/reading.h"

#include "scan/deps/deps.h"
#include "scan/deps/image.h"
#include "scan/deps/installed.h"
#include "scan/inline.h"

#include <fcntl.h>
#include <string.h>

/* Of what is written as notes: another one whenever readers say other things. */
#define GENERATION "deps 5"

bool deps_wants(str path) {
    return dep_format_of(path) != NULL;
}

static bool wants(const scanner *s, str path) {
    (void)s;
    return deps_wants(path);
}

static int start(scanner *s, err *e) {
    dep_reading *r = s->self;
    (void)e;
    r->root_fd = r->root ? open(r->root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    return 0;
}

/* Comments beside what a file names; findings are made later. A pom's are of its facts. */
static void mark_ignored(dep_doc *d, str text) {
    bool any =
        str_find(text, STR("slipway:ignore")) >= 0 || str_find(text, STR("gitleaks:allow")) >= 0;
    if (!d->format->comments || !any) return;
    text_lines lines = text_lines_new(d->a, text);
    for (size_t i = 0; i < d->count; i++)
        d->items[i].marker = arena_utf8(d->a, inline_marker(&lines, d->items[i].line));
    for (size_t i = 0; i < d->fact_count; i++) {
        dep_fact *f = &d->facts[i];
        if (f->kind == FACT_DEPENDENCY)
            f->texts[DEP_FACT_MARKER] = arena_utf8(d->a, inline_marker(&lines, f->line));
    }
}

static int read_file(scanner *s, const scan_file *file, scan_out *out, err *e) {
    const dep_reading *reading = s->self;
    const dep_format *format = dep_format_of(file->path);
    if (!format) return 0;
    if (format->role == ROLE_IMAGE) return image_read(out, format, file, e);
    dep_doc d;
    str path = arena_utf8(out->a, file->path);
    dep_doc_init(&d, out->a, format, path);
    int r = format->read(&d, file->body, e);
    mark_ignored(&d, file->body);
    if (reading->root_fd >= 0) installed_licenses(&d, reading->root_fd);
    dep_doc_write(&out->notes, &d);
    return r;
}

static int note(scanner *s, str path, str notes, err *e) {
    const dep_reading *r = s->self;
    return inventory_add(r->inventory, path, notes, e);
}

void dep_reading_init(scanner *s, arena *a, const char *name, const char *root, dep_reading *self) {
    uint64_t stamp = root ? installed_stamp(root) : 0;
    self->inventory = inventory_new(a);
    self->root = root;
    *s = (scanner){.name = name,
                   .self = self,
                   .wants = wants,
                   .start = start,
                   .read = read_file,
                   .note = note};
    memcpy(s->digest, GENERATION, sizeof GENERATION);
    memcpy(s->digest + 8, &stamp, sizeof stamp);
}
