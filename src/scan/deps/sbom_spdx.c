#include "scan/deps/sbom_parts.h"

#include "base/hash.h"

#include <string.h>

typedef struct writer {
    arena *a;
    json_out o;
    const sbom_head *head;
    sbom_parts parts;
    str *ids; /* of each part */
    dep_map refs;
    str *ref_names; /* LicenseRefs, in the order in which they come */
    size_t ref_count, ref_cap;
} writer;

/* Letters, digits, '.' and '-': of the name what is such, and what tells it from others. */
static str id_of(writer *w, const sbom_part *p) {
    uint8_t digest[32];
    char hex[17];
    char *name = arena_cstr(w->a, p->one->name);
    str purl = p->one->package.purl;
    sha256 *h = sha256_new();
    sha256_add(h, purl.ptr, purl.len);
    sha256_end(h, digest);
    hex_encode(digest, 8, hex);
    for (char *c = name; *c; c++) {
        bool fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || *c == '.';
        if (!fine) *c = '-';
    }
    return arena_printf(w->a, "SPDXRef-Package-%s-%s", name, hex);
}

/* ---- licences ---------------------------------------------------------------------------------
 */

static void note_refs(writer *w, const spdx_node *n) {
    if (n->op != SPDX_ONE) {
        note_refs(w, n->left);
        note_refs(w, n->right);
        return;
    }
    uint32_t next = (uint32_t)w->ref_count;
    if (!n->is_ref || !str_starts(n->id, STR("LicenseRef-"))) return;
    if (dep_map_put(&w->refs, n->id, next) == next)
        ARENA_PUSH(w->a, w->ref_names, w->ref_count, w->ref_cap, n->id);
}

static void add_license(writer *w, const sbom_part *p) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    json_key_str(&w->o, "licenseConcluded", STR("NOASSERTION"));
    if (!p->expression) {
        json_key_str(&w->o, "licenseDeclared", STR("NOASSERTION"));
        if (p->license.len) json_key_str(&w->o, "licenseComments", p->license);
        return;
    }
    note_refs(w, p->expression);
    spdx_write(&text, p->expression);
    json_key_str(&w->o, "licenseDeclared", strbuf_str(&text));
}

static void add_extracted(writer *w) {
    if (!w->ref_count) return;
    json_key(&w->o, "hasExtractedLicensingInfos");
    json_open(&w->o, '[');
    for (size_t i = 0; i < w->ref_count; i++) {
        json_open(&w->o, '{');
        json_key_str(&w->o, "licenseId", w->ref_names[i]);
        json_key_str(&w->o, "extractedText",
                     STR("Named by the package; its text was not looked at."));
        json_close(&w->o, '}');
    }
    json_close(&w->o, ']');
}

/* ---- packages ---------------------------------------------------------------------------------
 */

static void add_purl(writer *w, str purl) {
    json_key(&w->o, "externalRefs");
    json_open(&w->o, '[');
    json_open(&w->o, '{');
    json_key_str(&w->o, "referenceCategory", STR("PACKAGE-MANAGER"));
    json_key_str(&w->o, "referenceType", STR("purl"));
    json_key_str(&w->o, "referenceLocator", purl);
    json_close(&w->o, '}');
    json_close(&w->o, ']');
}

static void add_source(writer *w, const sbom_part *p) {
    const package *one = &p->one->package;
    if (one->line)
        json_key_str(&w->o, "sourceInfo",
                     arena_printf(w->a, "named by %.*s, line %u", STR_ARG(one->path), one->line));
    else
        json_key_str(&w->o, "sourceInfo", arena_printf(w->a, "named by %.*s", STR_ARG(one->path)));
}

static void add_package(writer *w, size_t index) {
    const sbom_part *p = &w->parts.items[index];
    str algorithm, hex;
    json_open(&w->o, '{');
    json_key_str(&w->o, "SPDXID", w->ids[index]);
    json_key_str(&w->o, "name", p->one->name);
    if (p->one->version.len) json_key_str(&w->o, "versionInfo", p->one->version);
    json_key_str(&w->o, "downloadLocation", STR("NOASSERTION"));
    json_key(&w->o, "filesAnalyzed");
    json_put_value(&w->o, &(value){.kind = VALUE_BOOL});
    if (sbom_hash(p, false, &algorithm, &hex, w->a)) {
        json_key(&w->o, "checksums");
        json_open(&w->o, '[');
        json_open(&w->o, '{');
        json_key_str(&w->o, "algorithm", algorithm);
        json_key_str(&w->o, "checksumValue", hex);
        json_close(&w->o, '}');
        json_close(&w->o, ']');
    }
    add_license(w, p);
    json_key_str(&w->o, "copyrightText", STR("NOASSERTION"));
    add_source(w, p);
    add_purl(w, p->one->package.purl);
    json_close(&w->o, '}');
}

static void add_project(writer *w) {
    json_open(&w->o, '{');
    json_key_str(&w->o, "SPDXID", STR("SPDXRef-Project"));
    json_key_str(&w->o, "name", w->head->name);
    if (w->head->commit.len) json_key_str(&w->o, "versionInfo", w->head->commit);
    json_key_str(&w->o, "downloadLocation", STR("NOASSERTION"));
    json_key(&w->o, "filesAnalyzed");
    json_put_value(&w->o, &(value){.kind = VALUE_BOOL});
    json_key_str(&w->o, "licenseConcluded", STR("NOASSERTION"));
    json_key_str(&w->o, "licenseDeclared", STR("NOASSERTION"));
    json_key_str(&w->o, "copyrightText", STR("NOASSERTION"));
    if (w->head->remote.len)
        json_key_str(&w->o, "sourceInfo",
                     arena_printf(w->a, "from %.*s", STR_ARG(w->head->remote)));
    json_close(&w->o, '}');
}

/* ---- relationships -----------------------------------------------------------------------------
 */

static void add_relationship(writer *w, str from, const char *kind, str to) {
    json_open(&w->o, '{');
    json_key_str(&w->o, "spdxElementId", from);
    json_key_str(&w->o, "relationshipType", str_from(kind));
    json_key_str(&w->o, "relatedSpdxElement", to);
    json_close(&w->o, '}');
}

static void add_relationships(writer *w) {
    str project = STR("SPDXRef-Project");
    json_key(&w->o, "relationships");
    json_open(&w->o, '[');
    add_relationship(w, STR("SPDXRef-DOCUMENT"), "DESCRIBES", project);
    for (size_t i = 0; i < w->parts.count; i++) {
        const sbom_part *p = &w->parts.items[i];
        if (p->direct && p->dev)
            add_relationship(w, w->ids[i], "DEV_DEPENDENCY_OF", project);
        else if (p->direct)
            add_relationship(w, project, "DEPENDS_ON", w->ids[i]);
        else /* somehow: by which others is told below where it is known */
            add_relationship(w, project, "CONTAINS", w->ids[i]);
        for (size_t k = 0; k < p->need_count; k++)
            add_relationship(w, w->ids[i], "DEPENDS_ON", w->ids[p->needs[k]]);
    }
    json_close(&w->o, ']');
}

/* ---- the document ------------------------------------------------------------------------------
 */

static void add_creation(writer *w) {
    json_key(&w->o, "creationInfo");
    json_open(&w->o, '{');
    json_key_str(&w->o, "created", sbom_time(w->a, w->head->time));
    json_key(&w->o, "creators");
    json_open(&w->o, '[');
    json_put_str(&w->o, STR("Tool: slipway-" SLIPWAY_VERSION));
    json_close(&w->o, ']');
    json_close(&w->o, '}');
}

void sbom_spdx(strbuf *out, const inventory *v, const sbom_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    writer w = {.a = a, .o = JSON_OUT(&text), .head = head, .refs.a = a};
    w.parts = sbom_collect(a, v, head);
    w.ids = ARENA_ARRAY(a, str, w.parts.count);
    for (size_t i = 0; i < w.parts.count; i++)
        w.ids[i] = id_of(&w, &w.parts.items[i]);
    str uuid = sbom_uuid(a, w.parts.digest);
    json_open(&w.o, '{');
    json_key_str(&w.o, "spdxVersion", STR("SPDX-2.3"));
    json_key_str(&w.o, "dataLicense", STR("CC0-1.0"));
    json_key_str(&w.o, "SPDXID", STR("SPDXRef-DOCUMENT"));
    json_key_str(&w.o, "name", head->name);
    json_key_str(&w.o, "documentNamespace", arena_printf(a, "urn:uuid:%.*s", STR_ARG(uuid)));
    add_creation(&w);
    json_key(&w.o, "packages");
    json_open(&w.o, '[');
    add_project(&w);
    for (size_t i = 0; i < w.parts.count; i++)
        add_package(&w, i);
    json_close(&w.o, ']');
    add_extracted(&w);
    add_relationships(&w);
    json_close(&w.o, '}');
    strbuf_add(out, strbuf_str(&text));
    strbuf_addc(out, '\n');
}
