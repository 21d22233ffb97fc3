#include "scan/deps/sbom_parts.h"

#include <string.h>

#define ROOT_REF "project"

typedef struct writer {
    arena *a;
    json_out o;
    const inventory *v;
    const sbom_head *head;
    sbom_parts parts;
} writer;

static void add_property(writer *w, const char *name, str text) {
    json_open(&w->o, '{');
    json_key_str(&w->o, "name", str_from(name));
    json_key_str(&w->o, "value", text);
    json_close(&w->o, '}');
}

/* ---- licences: either expressions, of which there may be one, or licences -----------------------
 */

static void add_licenses(writer *w, const sbom_part *p) {
    const spdx_node *n = p->expression;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    if (!p->license.len) return;
    json_key(&w->o, "licenses");
    json_open(&w->o, '[');
    json_open(&w->o, '{');
    if (n && (n->op != SPDX_ONE || n->is_ref || n->exception.len || n->or_later)) {
        spdx_write(&text, n);
        json_key_str(&w->o, "expression", strbuf_str(&text));
    } else {
        json_key(&w->o, "license");
        json_open(&w->o, '{');
        json_key_str(&w->o, n ? "id" : "name", n ? n->id : p->license);
        json_close(&w->o, '}');
    }
    json_close(&w->o, '}');
    json_close(&w->o, ']');
}

static void add_hashes(writer *w, const sbom_part *p) {
    str algorithm, hex;
    if (!sbom_hash(p, true, &algorithm, &hex, w->a)) return;
    json_key(&w->o, "hashes");
    json_open(&w->o, '[');
    json_open(&w->o, '{');
    json_key_str(&w->o, "alg", algorithm);
    json_key_str(&w->o, "content", hex);
    json_close(&w->o, '}');
    json_close(&w->o, ']');
}

static int by_place(const dependency *x, const dependency *y) {
    int r = str_cmp(x->package.path, y->package.path);
    return r ? r : (x->package.line > y->package.line) - (x->package.line < y->package.line);
}

/* The files that name it. They come in the order of the scan, so the same twice are neighbours. */
static void add_evidence(writer *w, const sbom_part *p) {
    json_key(&w->o, "evidence");
    json_open(&w->o, '{');
    json_key(&w->o, "occurrences");
    json_open(&w->o, '[');
    for (size_t i = 0; i < p->count; i++) {
        const package *one = &p->all[i]->package;
        if (i && by_place(p->all[i - 1], p->all[i]) == 0) continue;
        json_open(&w->o, '{');
        json_key_str(&w->o, "location", one->path);
        if (one->line) json_key_number(&w->o, "line", one->line);
        json_close(&w->o, '}');
    }
    json_close(&w->o, ']');
    json_close(&w->o, '}');
}

static void add_component(writer *w, const sbom_part *p) {
    const dependency *d = p->one;
    json_open(&w->o, '{');
    json_key_str(&w->o, "type", STR("library"));
    json_key_str(&w->o, "bom-ref", d->package.purl);
    json_key_str(&w->o, "name", d->name);
    if (d->version.len) json_key_str(&w->o, "version", d->version);
    if (p->dev || p->optional) /* what is only for development is not in what is run */
        json_key_str(&w->o, "scope", p->dev ? STR("excluded") : STR("optional"));
    add_hashes(w, p);
    add_licenses(w, p);
    json_key_str(&w->o, "purl", d->package.purl);
    json_key(&w->o, "properties");
    json_open(&w->o, '[');
    add_property(w, "slipway:direct", p->direct ? STR("true") : STR("false"));
    add_property(w, "slipway:dev", p->dev ? STR("true") : STR("false"));
    add_property(w, "slipway:ecosystem", d->package.ecosystem);
    json_close(&w->o, ']');
    add_evidence(w, p);
    json_close(&w->o, '}');
}

/* ---- the document ------------------------------------------------------------------------------
 */

static void add_metadata(writer *w) {
    json_key(&w->o, "metadata");
    json_open(&w->o, '{');
    json_key_str(&w->o, "timestamp", sbom_time(w->a, w->head->time));
    json_key(&w->o, "tools");
    json_open(&w->o, '{');
    json_key(&w->o, "components");
    json_open(&w->o, '[');
    json_open(&w->o, '{');
    json_key_str(&w->o, "type", STR("application"));
    json_key_str(&w->o, "name", STR("slipway"));
    json_key_str(&w->o, "version", STR(SLIPWAY_VERSION));
    json_close(&w->o, '}');
    json_close(&w->o, ']');
    json_close(&w->o, '}');
    json_key(&w->o, "component");
    json_open(&w->o, '{');
    json_key_str(&w->o, "type", STR("application"));
    json_key_str(&w->o, "bom-ref", STR(ROOT_REF));
    json_key_str(&w->o, "name", w->head->name);
    if (w->head->commit.len) json_key_str(&w->o, "version", w->head->commit);
    if (w->head->remote.len) {
        json_key(&w->o, "externalReferences");
        json_open(&w->o, '[');
        json_open(&w->o, '{');
        json_key_str(&w->o, "type", STR("vcs"));
        json_key_str(&w->o, "url", w->head->remote);
        json_close(&w->o, '}');
        json_close(&w->o, ']');
    }
    json_close(&w->o, '}');
    if (w->head->commit.len) {
        json_key(&w->o, "properties");
        json_open(&w->o, '[');
        add_property(w, "slipway:commit", w->head->commit);
        json_close(&w->o, ']');
    }
    json_close(&w->o, '}');
}

static void add_edges(writer *w, str ref, const sbom_part *p) {
    const sbom_parts *all = &w->parts;
    json_open(&w->o, '{');
    json_key_str(&w->o, "ref", ref);
    json_key(&w->o, "dependsOn");
    json_open(&w->o, '[');
    for (size_t i = 0; p && i < p->need_count; i++)
        json_put_str(&w->o, all->items[p->needs[i]].one->package.purl);
    for (size_t i = 0; !p && i < all->count; i++) {
        if (all->items[i].direct) json_put_str(&w->o, all->items[i].one->package.purl);
    }
    json_close(&w->o, ']');
    json_close(&w->o, '}');
}

void sbom_cyclonedx(strbuf *out, const inventory *v, const sbom_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    writer w = {.a = a, .o = JSON_OUT(&text), .v = v, .head = head};
    w.parts = sbom_collect(a, v, head);
    json_open(&w.o, '{');
    json_key_str(&w.o, "$schema", STR("http://cyclonedx.org/schema/bom-1.6.schema.json"));
    json_key_str(&w.o, "bomFormat", STR("CycloneDX"));
    json_key_str(&w.o, "specVersion", STR("1.6"));
    str uuid = sbom_uuid(a, w.parts.digest);
    json_key_str(&w.o, "serialNumber", arena_printf(a, "urn:uuid:%.*s", STR_ARG(uuid)));
    json_key_number(&w.o, "version", 1);
    add_metadata(&w);
    json_key(&w.o, "components");
    json_open(&w.o, '[');
    for (size_t i = 0; i < w.parts.count; i++)
        add_component(&w, &w.parts.items[i]);
    json_close(&w.o, ']');
    json_key(&w.o, "dependencies");
    json_open(&w.o, '[');
    add_edges(&w, STR(ROOT_REF), NULL);
    for (size_t i = 0; i < w.parts.count; i++)
        add_edges(&w, w.parts.items[i].one->package.purl, &w.parts.items[i]);
    json_close(&w.o, ']');
    json_close(&w.o, '}');
    strbuf_add(out, strbuf_str(&text));
    strbuf_addc(out, '\n');
}
