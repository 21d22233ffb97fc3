#include "scan/deps/sbom_parts.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- collecting -------------------------------------------------------------------------------
 */

static int by_purl(const void *x, const void *y) {
    return str_cmp(((const sbom_part *)x)->one->package.purl,
                   ((const sbom_part *)y)->one->package.purl);
}

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void add_dependency(arena *a, sbom_part *p, const dependency *d) {
    ARENA_PUSH(a, p->all, p->count, p->cap, d);
    p->direct |= d->package.direct;
    p->dev &= d->package.dev;
    p->optional &= (d->item->flags & DEP_OPTIONAL) != 0;
    if (!p->license.len) p->license = d->license;
}

static void link_part(arena *a, const inventory *v, const dep_map *by, sbom_part *p) {
    size_t cap = 0;
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->all[i]->need_count; k++) {
            uint32_t to = dep_map_get(by, v->items[p->all[i]->needs[k]].package.purl);
            ARENA_PUSH(a, p->needs, p->need_count, cap, to);
        }
    }
    if (!p->need_count) return;
    qsort(p->needs, p->need_count, sizeof *p->needs, by_number);
    size_t kept = 1;
    for (size_t i = 1; i < p->need_count; i++) {
        if (p->needs[i] != p->needs[kept - 1]) p->needs[kept++] = p->needs[i];
    }
    p->need_count = kept;
}

static void add_text(sha256 *h, str s) {
    sha256_add(h, s.len ? s.ptr : "", s.len);
    sha256_add(h, "", 1);
}

static void digest(sbom_parts *parts, const sbom_head *head) {
    sha256 *h = sha256_new();
    add_text(h, head->name);
    add_text(h, head->commit);
    for (size_t i = 0; i < parts->count; i++) {
        const sbom_part *p = &parts->items[i];
        add_text(h, p->one->package.purl);
        add_text(h, p->license);
        add_text(h, p->one->item->hash);
        for (size_t k = 0; k < p->count; k++) {
            add_text(h, p->all[k]->package.path);
            sha256_add(h, &p->all[k]->package.line, sizeof p->all[k]->package.line);
        }
        if (p->need_count) sha256_add(h, p->needs, p->need_count * sizeof *p->needs);
        add_text(h, p->dev ? STR("dev") : p->optional ? STR("optional") : STR_EMPTY);
    }
    sha256_end(h, parts->digest);
}

sbom_parts sbom_collect(arena *a, const inventory *v, const sbom_head *head) {
    sbom_parts parts = {.items = ARENA_ARRAY(a, sbom_part, v->count)};
    dep_map first = {.a = a}, by = {.a = a};
    for (size_t i = 0; i < v->count; i++) {
        const dependency *d = &v->items[i];
        uint32_t at = dep_map_put(&first, d->package.purl, (uint32_t)parts.count);
        if (at == parts.count) {
            parts.items[at] = (sbom_part){.one = d, .dev = true, .optional = true};
            parts.count++;
        }
        add_dependency(a, &parts.items[at], d);
    }
    if (parts.count) qsort(parts.items, parts.count, sizeof *parts.items, by_purl);
    for (uint32_t i = 0; i < parts.count; i++)
        dep_map_put(&by, parts.items[i].one->package.purl, i);
    for (size_t i = 0; i < parts.count; i++) {
        sbom_part *p = &parts.items[i];
        err ignored = {0};
        link_part(a, v, &by, p);
        if (p->license.len && spdx_parse(a, p->license, &p->expression, &ignored) < 0)
            p->expression = NULL;
    }
    digest(&parts, head);
    return parts;
}

/* ---- texts ------------------------------------------------------------------------------------
 */

str sbom_time(arena *a, int64_t seconds) {
    time_t t = (time_t)seconds;
    struct tm tm;
    char text[32] = "1970-01-01T00:00:00Z";
    if (gmtime_r(&t, &tm)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_str(a, str_from(text));
}

str sbom_uuid(arena *a, const uint8_t bytes[32]) {
    uint8_t u[16];
    char hex[33];
    memcpy(u, bytes, sizeof u);
    u[6] = (uint8_t)((u[6] & 0x0F) | 0x80);
    u[8] = (uint8_t)((u[8] & 0x3F) | 0x80);
    hex_encode(u, sizeof u, hex);
    return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static const struct {
    const char *ours, *dashed, *plain;
} algorithms[] = {{"md5", "MD5", "MD5"},
                  {"sha1", "SHA-1", "SHA1"},
                  {"sha256", "SHA-256", "SHA256"},
                  {"sha384", "SHA-384", "SHA384"},
                  {"sha512", "SHA-512", "SHA512"}};

bool sbom_hash(const sbom_part *p, bool dashes, str *ret_algorithm, str *ret_hex, arena *a) {
    str name;
    if (!str_cut(p->one->item->hash, ':', &name, ret_hex)) return false;
    char *lower = arena_cstr(a, *ret_hex);
    for (size_t i = 0; i < ret_hex->len; i++) {
        if (lower[i] >= 'A' && lower[i] <= 'F') lower[i] = (char)(lower[i] + ('a' - 'A'));
    }
    ret_hex->ptr = lower;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (!str_is(name, algorithms[i].ours)) continue;
        *ret_algorithm = str_from(dashes ? algorithms[i].dashed : algorithms[i].plain);
        return true;
    }
    return false;
}
