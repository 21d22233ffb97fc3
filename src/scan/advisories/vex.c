#include "scan/advisories/vex.h"

#include "scan/advisories/advisories.h"
#include "scan/advisories/record.h"

#include "base/hash.h"
#include "base/rfc3339.h"

#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 1000000u

static const char *const status_names[VEX_STATUS_COUNT] = {"not_affected", "affected", "fixed",
                                                           "under_investigation"};

/* One product or subcomponent of a statement. */
typedef struct claim {
    str vulnerability; /* one of its names */
    str product;       /* a purl */
    int64_t when_ms;
    const vex_statement *statement;
} claim;

struct vex {
    arena *a;
    claim *claims;
    size_t count, cap;
};

const char *vex_status_name(vex_status status) {
    return status_names[status];
}

vex *vex_new(arena *a) {
    vex *v = ARENA_NEW(a, vex);
    v->a = a;
    return v;
}

/* ---- package URLs ---------------------------------------------------------------------------- */

typedef struct purl_parts {
    str name, version; /* "npm/%40scope/name" */
} purl_parts;

static bool purl_split(str purl, purl_parts *ret) {
    str rest;
    if (!str_starts(purl, STR("pkg:"))) return false;
    str_cut(str_sub(purl, 4, purl.len), '#', &purl, &rest);
    str_cut(purl, '?', &purl, &rest);
    ptrdiff_t at = str_rfind_char(purl, '@');
    ptrdiff_t slash = str_rfind_char(purl, '/');
    *ret = (purl_parts){purl, STR_EMPTY};
    if (at > slash)
        *ret = (purl_parts){str_sub(purl, 0, (size_t)at), str_sub(purl, (size_t)at + 1, purl.len)};
    return ret->name.len > 0;
}

static int hex_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next byte, without percent-encoding; -1 at the end. */
static int next_byte(str *s) {
    if (!s->len) return -1;
    size_t n = 1;
    int byte = (unsigned char)*s->ptr;
    if (byte == '%' && s->len > 2 && hex_of(s->ptr[1]) >= 0 && hex_of(s->ptr[2]) >= 0) {
        byte = hex_of(s->ptr[1]) << 4 | hex_of(s->ptr[2]);
        n = 3;
    }
    *s = str_sub(*s, n, s->len);
    return byte;
}

static bool same_decoded(str a, str b) {
    for (;;) {
        int x = next_byte(&a), y = next_byte(&b);
        if (x != y) return false;
        if (x < 0) return true;
    }
}

static bool covers(str product, str of) {
    purl_parts x, y;
    if (!purl_split(product, &x) || !purl_split(of, &y)) return false;
    return same_decoded(x.name, y.name) && (!x.version.len || same_decoded(x.version, y.version));
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reading {
    vex *v;
    str file;
    int64_t when_ms; /* of the document */
} reading;

static int add_claim(vex *v, claim one, err *e) {
    if (v->count == STATEMENTS_MAX)
        return err_set(e, ERR_LIMIT, "VEX documents make more than %u statements", STATEMENTS_MAX);
    ARENA_PUSH(v->a, v->claims, v->count, v->cap, one);
    return 0;
}

/* A name, or (0.2.0) an object with one. */
static str id_of(const value *product) {
    if (product->kind == VALUE_STRING) return product->string;
    str purl = value_path_str(product, "identifiers.purl");
    const value *id = value_get(product, STR("@id"));
    return purl.len ? purl : id && id->kind == VALUE_STRING ? id->string : STR_EMPTY;
}

static int add_products(reading *r, const value *products, claim one, unsigned depth, err *e) {
    if (!products || products->kind != VALUE_ARRAY || depth > 1) return 0;
    for (size_t i = 0; i < products->array.count; i++) {
        const value *product = &products->array.items[i];
        const value *parts = value_get(product, STR("subcomponents"));
        one.product = id_of(product);
        int code = parts && value_count(parts) ? add_products(r, parts, one, depth + 1, e)
                   : one.product.len           ? add_claim(r->v, one, e)
                                               : 0;
        if (code < 0) return code;
    }
    return 0;
}

static int add_vulnerability(reading *r, const value *statement, str name, claim one, err *e) {
    if (!name.len) return 0;
    /* An id may be a link to what is told of it. */
    ptrdiff_t slash = str_rfind_char(name, '/');
    one.vulnerability = str_sub(name, (size_t)(slash + 1), name.len);
    return add_products(r, value_get(statement, STR("products")), one, 0, e);
}

static str note_of(const value *statement) {
    static const char *const keys[] = {"impact_statement", "action_statement", "status_notes",
                                       "statement"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        str note = value_path_str(statement, keys[i]);
        if (note.len) return note;
    }
    return STR_EMPTY;
}

static int add_statement(reading *r, const value *from, size_t index, err *e) {
    vex_statement *s = ARENA_NEW(r->v->a, vex_statement);
    str status = value_path_str(from, "status");
    claim one = {.when_ms = r->when_ms, .statement = s};
    s->status = VEX_STATUS_COUNT;
    for (vex_status i = 0; i < VEX_STATUS_COUNT; i++) {
        if (str_is(status, status_names[i])) s->status = i;
    }
    if (s->status == VEX_STATUS_COUNT)
        return err_set(e, ERR_INVALID, "%.*s: statement %zu has no status that OpenVEX knows",
                       STR_ARG(r->file), index + 1);
    s->justification = value_path_str(from, "justification");
    s->note = note_of(from);
    s->source = r->file;
    time_parse(value_path_str(from, "timestamp"), &one.when_ms);
    time_parse(value_path_str(from, "last_updated"), &one.when_ms);
    const value *vulnerability = value_get(from, STR("vulnerability"));
    if (!vulnerability)
        return err_set(e, ERR_INVALID, "%.*s: statement %zu names no vulnerability",
                       STR_ARG(r->file), index + 1);
    if (vulnerability->kind == VALUE_STRING)
        return add_vulnerability(r, from, vulnerability->string, one, e);
    const value *id = value_get(vulnerability, STR("@id"));
    const value *aliases = value_get(vulnerability, STR("aliases"));
    int code = add_vulnerability(r, from, value_path_str(vulnerability, "name"), one, e);
    if (code == 0 && id && id->kind == VALUE_STRING)
        code = add_vulnerability(r, from, id->string, one, e);
    for (size_t i = 0;
         code == 0 && aliases && aliases->kind == VALUE_ARRAY && i < aliases->array.count; i++) {
        const value *alias = &aliases->array.items[i];
        if (alias->kind == VALUE_STRING) code = add_vulnerability(r, from, alias->string, one, e);
    }
    return code;
}

int vex_add(vex *v, str file, str text, err *e) {
    value doc;
    reading r = {.v = v, .file = arena_str(v->a, file)};
    if (text.len > VEX_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "%.*s is larger than %u MiB", STR_ARG(file),
                       VEX_BYTES_MAX >> 20);
    if (json_parse(v->a, text, 0, &doc, e) < 0) return err_context(e, "%.*s", STR_ARG(file));
    const value *context = value_get(&doc, STR("@context"));
    const value *statements = value_get(&doc, STR("statements"));
    if (!context || context->kind != VALUE_STRING ||
        str_find(context->string, STR("openvex")) < 0 || !statements ||
        statements->kind != VALUE_ARRAY)
        return err_set(e, ERR_INVALID, "%.*s is no OpenVEX document", STR_ARG(file));
    time_parse(value_path_str(&doc, "timestamp"), &r.when_ms);
    time_parse(value_path_str(&doc, "last_updated"), &r.when_ms);
    for (size_t i = 0; i < statements->array.count; i++) {
        if (add_statement(&r, &statements->array.items[i], i, e) < 0) return e->code;
    }
    return 0;
}

const vex_statement *vex_find(const vex *v, const str *ids, size_t count, str purl) {
    const claim *best = NULL;
    for (size_t i = 0; v && i < v->count; i++) {
        const claim *one = &v->claims[i];
        bool named = false;
        for (size_t k = 0; k < count && !named; k++)
            named = str_eq_nocase(ids[k], one->vulnerability);
        if (!named || (best && one->when_ms < best->when_ms) || !covers(one->product, purl))
            continue;
        best = one;
    }
    return best ? best->statement : NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool has_status(str name, vex_status *ret) {
    for (vex_status i = 0; i < VEX_STATUS_COUNT; i++) {
        if (!str_is(name, status_names[i])) continue;
        *ret = i;
        return true;
    }
    return false;
}

static void write_vulnerability(json_out *o, const finding *f) {
    const value *aliases = value_get(&f->properties, STR("aliases"));
    json_key(o, "vulnerability");
    json_open(o, '{');
    json_key_str(o, "name", f->rule);
    if (f->help_uri.len) json_key_str(o, "@id", f->help_uri);
    if (aliases && value_count(aliases)) {
        json_key(o, "aliases");
        json_put_value(o, aliases);
    }
    json_close(o, '}');
}

static const char *const justifications[] = {
    "component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist"};

static bool is_justification(str text) {
    return STR_IS_AMONG(text, justifications);
}

/* Who is affected must be told what to do, and who is not, why. */
static void write_reason(json_out *o, const finding *f, vex_status status, str note) {
    str justification = value_path_str(&f->properties, "vex.justification");
    bool known = is_justification(justification);
    switch (status) {
    case VEX_NOT_AFFECTED:
        if (known) json_key_str(o, "justification", justification);
        if (note.len || !known)
            json_key_str(o, "impact_statement",
                         note.len            ? note
                         : justification.len ? justification
                                             : STR("It was said to be not affected."));
        break;
    case VEX_AFFECTED:
        json_key_str(o, "action_statement",
                     note.len     ? note
                     : f->fix.len ? f->fix
                                  : STR("No fixed version is known."));
        break;
    case VEX_FIXED:
    case VEX_UNDER_INVESTIGATION:
        if (note.len) json_key_str(o, "status_notes", note);
        break;
    case VEX_STATUS_COUNT: break;
    }
}

static void write_statement(json_out *o, const finding *f, const vex_head *head) {
    vex_status status = head->status;
    str note = value_path_str(&f->properties, "vex.note");
    if (!has_status(value_path_str(&f->properties, "vex.status"), &status) && f->suppressed) {
        status = VEX_AFFECTED;
        note = f->justification.len ? f->justification : STR("It was accepted by a comment.");
    }
    json_open(o, '{');
    write_vulnerability(o, f);
    json_key(o, "products");
    json_open(o, '[');
    json_open(o, '{');
    json_key_str(o, "@id", value_path_str(&f->properties, "purl"));
    json_close(o, '}');
    json_close(o, ']');
    json_key_str(o, "status", str_from(status_names[status]));
    write_reason(o, f, status, note);
    json_close(o, '}');
}

static bool is_about_advisory(const finding *f) {
    return str_is(f->kind, "deps") && value_path_str(&f->properties, "advisory").len &&
           value_path_str(&f->properties, "purl").len;
}

static int cmp_subjects(const void *left, const void *right) {
    const finding *a = *(const finding *const *)left, *b = *(const finding *const *)right;
    int order =
        str_cmp(value_path_str(&a->properties, "purl"), value_path_str(&b->properties, "purl"));
    return order ? order : str_cmp(a->rule, b->rule);
}

/* By product and vulnerability, each once. */
static void write_statements(json_out *o, const finding_list *findings, const vex_head *head) {
    const finding **all = mem_alloc((findings->count + 1) * sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (is_about_advisory(&findings->items[i])) all[count++] = &findings->items[i];
    }
    qsort(all, count, sizeof *all, cmp_subjects);
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || cmp_subjects(&all[i - 1], &all[i]) != 0) write_statement(o, all[i], head);
    }
    json_close(o, ']');
    free(all);
}

void vex_write(strbuf *out, const finding_list *findings, const vex_head *head) {
    _cleanup_strbuf_ strbuf statements = STRBUF_INIT;
    json_out s = JSON_OUT(&statements), o = JSON_OUT(out);
    uint8_t digest[32];
    char hex[65];
    write_statements(&s, findings, head);
    sha256 *h = sha256_new();
    sha256_add(h, head->author.ptr, head->author.len);
    sha256_add(h, head->timestamp.ptr, head->timestamp.len);
    sha256_add(h, statements.ptr, statements.len);
    sha256_end(h, digest);
    hex_encode(digest, sizeof digest, hex);
    json_open(&o, '{');
    json_key_str(&o, "@context", STR("https://openvex.dev/ns/v0.2.0"));
    json_key(&o, "@id");
    _cleanup_strbuf_ strbuf id = STRBUF_INIT;
    strbuf_addf(&id, "https://openvex.dev/docs/public/vex-%s", hex);
    json_put_str(&o, strbuf_str(&id));
    json_key_str(&o, "author", head->author);
    json_key_str(&o, "timestamp", head->timestamp);
    json_key_number(&o, "version", 1);
    json_key_str(&o, "tooling", head->tool);
    json_key(&o, "statements");
    strbuf_add(out, strbuf_str(&statements));
    json_close(&o, '}');
    strbuf_addc(out, '\n');
}

void advisories_write_vex(strbuf *out, const finding_list *findings, str author, str timestamp,
                          str tool) {
    vex_head head = {author, timestamp, tool, VEX_UNDER_INVESTIGATION};
    vex_write(out, findings, &head);
}
