/* image.c: the parent's half: which files of which layers count. */
#include "scan/deps/image.h"

#include <stdlib.h>
#include <string.h>

str image_path(arena *a, const dep_doc *d) {
    if (!d->inner.len) return d->path;
    return arena_printf(a, "%.*s!/%.*s", STR_ARG(d->path), STR_ARG(d->inner));
}

/* A blob of a layout in a folder: what it holds is named by the layout, not by the blob. */
static void name_layout(arena *a, dep_doc *d, str *ret_blob) {
    ptrdiff_t at = str_find(d->path, STR("blobs/sha256/"));
    *ret_blob = STR_EMPTY;
    if (at < 0 || (at > 0 && d->path.ptr[at - 1] != '/')) return;
    *ret_blob = str_sub(d->path, (size_t)at, d->path.len);
    d->path = arena_printf(a, "%.*soci-layout", STR_ARG(str_sub(d->path, 0, (size_t)at)));
}

/* A layer: its documents, which follow each other. */
typedef struct layer {
    str path, name; /* of the image's file or folder; as manifests name the layer */
    const dep_doc *whiteouts;
    size_t first, count; /* documents of files in it */
} layer;

typedef struct composing {
    inventory *v;
    layer *layers;
    size_t count, cap;
    dep_map by_name; /* "path name" */
    bool *kept;
} composing;

static bool is_layer(const dep_doc *d) {
    return !strcmp(d->format->name, "image layer");
}

static str layer_key(arena *a, str path, str name) {
    return arena_printf(a, "%.*s\t%.*s", STR_ARG(path), STR_ARG(name));
}

static void list_layers(composing *c) {
    inventory *v = c->v;
    for (size_t i = 0; i < v->doc_count; i++) {
        dep_doc *d = v->docs[i];
        str blob = STR_EMPTY;
        if (d->format->role == ROLE_IMAGE || d->inner.len) name_layout(v->a, d, &blob);
        if (d->inner.len && c->count) {
            c->layers[c->count - 1].count++;
            continue;
        }
        if (!is_layer(d) || !d->fact_count || d->facts[0].kind != FACT_LAYER) continue;
        layer next = {.path = d->path,
                      .name = blob.len ? blob : d->facts[0].texts[0],
                      .whiteouts = d,
                      .first = i + 1};
        dep_map_put(&c->by_name, layer_key(v->a, next.path, next.name), (uint32_t)c->count);
        ARENA_PUSH(v->a, c->layers, c->count, c->cap, next);
    }
}

/* Whether a path is, or lies in, what a layer takes away. */
static bool takes_away(const layer *l, str path) {
    for (size_t i = 1; i < l->whiteouts->fact_count; i++) {
        const dep_fact *f = &l->whiteouts->facts[i];
        str gone = f->texts[0];
        bool opaque = str_is(f->texts[1], "opaque");
        if (f->kind != FACT_WHITEOUT) continue;
        if (opaque && !gone.len) return true;
        if (!opaque && str_eq(gone, path)) return true;
        if (str_starts(path, gone) && path.len > gone.len && path.ptr[gone.len] == '/') return true;
    }
    return false;
}

/* From the top layer down: what is seen first hides what lies below. */
static void keep_layer(composing *c, size_t which, dep_map *seen, const uint32_t *above,
                       size_t above_count) {
    inventory *v = c->v;
    const layer *l = &c->layers[which];
    for (size_t i = l->first; i < l->first + l->count; i++) {
        const dep_doc *d = v->docs[i];
        bool hidden = dep_map_get(seen, d->inner) != DEP_NONE;
        for (size_t k = 0; k < above_count && !hidden; k++)
            hidden = takes_away(&c->layers[above[k]], d->inner);
        if (!hidden) c->kept[i] = true;
    }
    for (size_t i = l->first; i < l->first + l->count; i++)
        dep_map_put(seen, v->docs[i]->inner, 0);
}

static void compose(composing *c, const dep_doc *manifest) {
    uint32_t above[IMAGE_LAYERS_MAX];
    size_t count = 0;
    dep_map seen = {.a = c->v->a};
    for (size_t i = manifest->fact_count; i-- > 0;) {
        const dep_fact *f = &manifest->facts[i];
        if (f->kind != FACT_LAYER || count == IMAGE_LAYERS_MAX) continue;
        uint32_t which = dep_map_get(&c->by_name, layer_key(c->v->a, manifest->path, f->texts[0]));
        if (which == DEP_NONE) continue;
        keep_layer(c, which, &seen, above, count);
        above[count++] = which;
    }
}

void image_compose(inventory *v) {
    composing c = {.v = v, .by_name.a = v->a, .kept = ARENA_ARRAY(v->a, bool, v->doc_count)};
    size_t kept = 0;
    list_layers(&c);
    for (size_t i = 0; i < v->doc_count; i++) {
        if (!strcmp(v->docs[i]->format->name, "image manifest")) compose(&c, v->docs[i]);
    }
    for (size_t i = 0; i < v->doc_count; i++) {
        if (!v->docs[i]->inner.len || c.kept[i]) v->docs[kept++] = v->docs[i];
    }
    v->doc_count = kept;
}
