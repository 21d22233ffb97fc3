/* audit_file.c: the names and the forms of what is served: checkpoints, tiles, bundles. Pure. */
#include "base/hash.h"
#include "trust/audit_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- paths ----------------------------------------------------------------------------------- */

#define NUMBER_MAX (INT64_MAX / AUDIT_TILE) /* entries are numbered in an int64_t */
#define LEVEL_MAX  63
#define GROUP      3 /* digits of a part of a path */

void audit_number_path(strbuf *out, uint64_t number) {
    char groups[8][8];
    size_t count = 0;
    do {
        snprintf(groups[count], sizeof groups[count], "%s%03u", count ? "x" : "",
                 (unsigned)(number % 1000));
        number /= 1000;
        count++;
    } while (number);
    while (count--)
        strbuf_addf(out, "%s%s", groups[count], count ? "/" : "");
}

void audit_file_path(strbuf *out, const audit_file *f) {
    static const char *const heads[AUDIT_FILE_KIND_COUNT] = {
        [AUDIT_CHECKPOINT] = "checkpoint",
        [AUDIT_KEY] = "key",
        [AUDIT_TILE_FILE] = "tile/",
        [AUDIT_ENTRIES] = "tile/entries/",
    };
    strbuf_adds(out, heads[f->kind]);
    if (f->kind == AUDIT_CHECKPOINT || f->kind == AUDIT_KEY) return;
    if (f->kind == AUDIT_TILE_FILE) strbuf_addf(out, "%u/", f->level);
    audit_number_path(out, f->number);
    if (f->width < AUDIT_TILE) strbuf_addf(out, ".p/%u", f->width);
}

static bool short_number(str text, uint64_t max, uint64_t *ret) {
    if (text.len > 1 && text.ptr[0] == '0') return false;
    return str_to_uint(text, max, ret);
}

/* "x001/x234/067": all parts but the last have an x. A first part of zeros would be a second name
 * of the same tile. */
static bool read_number(str text, uint64_t *ret) {
    uint64_t number = 0, group;
    bool last = false;
    while (!last) {
        str part;
        last = !str_cut(text, '/', &part, &text);
        if (!last && !str_starts(part, STR("x"))) return false;
        part = str_sub(part, !last, part.len);
        if (part.len != GROUP || !str_to_uint(part, 999, &group)) return false;
        if (!last && number == 0 && group == 0) return false;
        number = number * 1000 + group;
        if (number > NUMBER_MAX) return false;
    }
    *ret = number;
    return true;
}

static bool read_tile(str rest, audit_file *ret) {
    uint64_t level = 0, width = AUDIT_TILE;
    str head;
    ptrdiff_t partial = str_find(rest, STR(".p/"));
    if (partial >= 0) {
        str text = str_sub(rest, (size_t)partial + 3, rest.len);
        if (!short_number(text, AUDIT_TILE - 1, &width) || width == 0) return false;
        rest = str_sub(rest, 0, (size_t)partial);
    }
    if (!str_cut(rest, '/', &head, &rest)) return false;
    ret->kind = str_is(head, "entries") ? AUDIT_ENTRIES : AUDIT_TILE_FILE;
    if (ret->kind == AUDIT_TILE_FILE && !short_number(head, LEVEL_MAX, &level)) return false;
    ret->level = (unsigned)level;
    ret->width = (unsigned)width;
    return read_number(rest, &ret->number);
}

bool audit_file_parse(str path, audit_file *ret) {
    audit_file f = {.kind = str_is(path, "key") ? AUDIT_KEY : AUDIT_CHECKPOINT};
    if (str_starts(path, STR("tile/"))) {
        if (!read_tile(str_sub(path, 5, path.len), &f)) return false;
    } else if (f.kind == AUDIT_CHECKPOINT && !str_is(path, "checkpoint")) {
        return false;
    }
    *ret = f;
    return true;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

void audit_checkpoint_write(strbuf *out, str origin, uint64_t size, const merkle_hash *root) {
    strbuf_add(out, origin);
    strbuf_addf(out, "\n%llu\n", (unsigned long long)size);
    base64_encode(out, (str){(const char *)root->bytes, MERKLE_HASH});
    strbuf_addc(out, '\n');
}

int audit_checkpoint_parse(str text, audit_checkpoint *ret, err *e) {
    str size, root;
    audit_checkpoint c = {0};
    _cleanup_strbuf_ strbuf hash = STRBUF_INIT;
    bool good = str_line(&text, &c.origin) && c.origin.len && str_line(&text, &size) &&
                short_number(size, INT64_MAX, &c.size) && str_line(&text, &root) &&
                base64_decode(&hash, root) && hash.len == MERKLE_HASH;
    if (!good)
        return err_set(e, ERR_INVALID,
                       "this is no checkpoint of a log: expected a name, a size and a root hash, "
                       "each on a line");
    memcpy(c.root.bytes, hash.ptr, MERKLE_HASH);
    *ret = c;
    return 0;
}

/* ---- bundles --------------------------------------------------------------------------------- */

void audit_bundle_add(strbuf *out, str entry) {
    strbuf_addc(out, (char)(entry.len >> 8));
    strbuf_addc(out, (char)entry.len);
    strbuf_add(out, entry);
}

bool audit_bundle_next(str *rest, str *ret_entry) {
    if (rest->len < 2) return false;
    size_t size = (size_t)(uint8_t)rest->ptr[0] << 8 | (uint8_t)rest->ptr[1];
    if (rest->len - 2 < size) return false;
    *ret_entry = str_sub(*rest, 2, 2 + size);
    *rest = str_sub(*rest, 2 + size, rest->len);
    return true;
}
