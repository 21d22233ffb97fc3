/* audit_read.c: what others fetch of the log, from the rows of the last commit. A partial tile is
 * the beginning of what there is now. */
#include "trust/audit_internal.h"

static int absent(const audit_file *f, err *e) {
    _cleanup_strbuf_ strbuf path = STRBUF_INIT;
    audit_file_path(&path, f);
    return err_set(e, ERR_NOT_FOUND, "the audit log has no '%s'", strbuf_cstr(&path));
}

static int read_hashes(store *s, arena *a, const audit_file *f, str *ret, err *e) {
    err inner = {0};
    if (f->level >= MERKLE_LEVELS) return absent(f, e);
    int r = 0;
    if (f->level == 0 && f->width < AUDIT_TILE)
        r = store_audit_leaves(s, a, (int64_t)(f->number * AUDIT_TILE), f->width, ret, &inner);
    else
        r = store_audit_tile(s, a, (int)f->level, (int64_t)f->number, ret, &inner);
    if (r < 0 && r != ERR_NOT_FOUND) return err_set(e, r, "%s", inner.message);
    if (r < 0 || ret->len < f->width * MERKLE_HASH) return absent(f, e);
    *ret = str_sub(*ret, 0, f->width * MERKLE_HASH);
    return 0;
}

static int read_bundle(store *s, arena *a, const audit_file *f, str *ret, err *e) {
    store_audit_entry *rows;
    size_t count;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    int r =
        store_audit_entries(s, a, (int64_t)(f->number * AUDIT_TILE), f->width, &rows, &count, e);
    if (r < 0) return r;
    if (count < f->width) return absent(f, e);
    for (size_t i = 0; i < count; i++)
        audit_bundle_add(&out, rows[i].entry);
    *ret = arena_str(a, strbuf_str(&out));
    return 0;
}

int audit_read(store *reader, arena *a, const audit_file *f, str *ret, err *e) {
    store_audit_checkpoint c;
    if (f->kind == AUDIT_TILE_FILE) return read_hashes(reader, a, f, ret, e);
    if (f->kind == AUDIT_ENTRIES) return read_bundle(reader, a, f, ret, e);
    int r = store_audit_get_checkpoint(reader, a, &c, e);
    if (r == 0) *ret = f->kind == AUDIT_CHECKPOINT ? c.note : c.key;
    return r;
}
