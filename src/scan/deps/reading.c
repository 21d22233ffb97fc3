#include "scan/deps/reading.h"

#include "scan/deps/image.h"

#include <string.h>

#define GENERATION                                                                                 \
    "deps 1" /* of what is written as notes: differs when readers say other things                 \
              */

static bool wants(const scanner *s, str path) {
    (void)s;
    return dep_format_of(path) != NULL;
}

static int read_file(scanner *s, const scan_file *file, scan_out *out, err *e) {
    (void)s;
    const dep_format *format = dep_format_of(file->path);
    if (!format) return 0;
    if (format->role == ROLE_IMAGE) return image_read(out, format, file, e);
    dep_doc d;
    str path = text_valid(out->a, file->path);
    dep_doc_init(&d, out->a, format, path);
    int r = format->read(&d, file->body, e);
    dep_doc_write(&out->notes, &d);
    return r;
}

static int note(scanner *s, str path, str notes, err *e) {
    const dep_reading *r = s->self;
    return inventory_add(r->inventory, path, notes, e);
}

void dep_reading_init(scanner *s, arena *a, const char *name, dep_reading *self) {
    self->inventory = inventory_new(a);
    *s = (scanner){.name = name, .self = self, .wants = wants, .read = read_file, .note = note};
    memcpy(s->digest, GENERATION, sizeof GENERATION);
}
