/* audit_check.c: the whole of a log, entry by entry. What the source says is compared with what is
 * computed at the moment that it is computed, so the first difference is the one that is told. */
#include "base/hash.h"
#include "trust/audit_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_TILES 64 /* between two calls */

typedef struct checking {
    audit_source *s;
    const audit_check *how;
    merkle *m;
    merkle_edge *edge; /* of what was checked */
    audit_checkpoint now, since;
    arena *a; /* of one tile */
} checking;

/* ---- checkpoints ----------------------------------------------------------------------------- */

int audit_checkpoint_open(str note, const sign_verifier *key, audit_checkpoint *ret, err *e) {
    str text;
    err inner = {0};
    int r = sign_note_open(note, key, 1, &text, NULL, &inner);
    if (r == 0) r = audit_checkpoint_parse(text, ret, &inner);
    if (r == ERR_UNSUPPORTED) return err_set(e, r, "%s", inner.message);
    if (r < 0) return err_set(e, ERR_FAILED, "checkpoint: %s", inner.message);
    if (str_is(ret->origin, key->name)) return 0;
    return err_set(e, ERR_FAILED, "checkpoint: it is of the log '%.*s', and the key of '%s'",
                   (int)(ret->origin.len > 256 ? 256 : ret->origin.len), ret->origin.ptr,
                   key->name);
}

static int open_since(checking *c, err *e) {
    if (!c->how->since.len) return 0;
    int r = audit_checkpoint_open(c->how->since, c->how->key, &c->since, e);
    if (r < 0) return err_context(e, "the earlier checkpoint");
    if (c->since.size <= c->now.size) return 0;
    return err_set(e, ERR_FAILED,
                   "checkpoint: the log has %llu entries, and had %llu: it is no extension",
                   (unsigned long long)c->now.size, (unsigned long long)c->since.size);
}

/* Called with each size that the tree passes through. */
static int compare_since(checking *c, err *e) {
    if (!c->how->since.len || c->edge->size != c->since.size) return 0;
    merkle_hash root = merkle_root(c->m, c->edge);
    if (merkle_same(&root, &c->since.root)) return 0;
    return err_set(e, ERR_FAILED,
                   "the first %llu entries are not those of the earlier checkpoint: the log is no "
                   "extension of it",
                   (unsigned long long)c->since.size);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static const char *name_of(checking *c, const audit_file *f) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    audit_file_path(&out, f);
    return arena_str(c->a, strbuf_str(&out)).ptr;
}

/* What the checkpoint says must be there is not: then the log does not hold. */
static int fetch(checking *c, const audit_file *f, str *ret, bool *ret_more, err *e) {
    err inner = {0};
    int r = audit_source_part(c->s, c->a, f, ret, ret_more, &inner);
    if (r == ERR_NOT_FOUND || r == ERR_LIMIT || r == ERR_FAILED)
        return err_set(e, ERR_FAILED, "%s: %s", name_of(c, f), inner.message);
    return r < 0 ? err_set(e, r, "%s", inner.message) : 0;
}

/* A folder keeps the partial tiles of the sizes at which it was fetched. `whole` is what they must
 * begin with; of a bundle the length of a part is not known beforehand. */
static int check_partials(checking *c, const audit_file *f, str whole, err *e) {
    unsigned *widths;
    size_t count;
    int r = audit_source_partials(c->s, c->a, f, &widths, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        audit_file part = *f;
        str bytes, rest, entry;
        part.width = widths[i];
        if (part.width == f->width) continue;
        if ((r = audit_source_fetch(c->s, c->a, &part, &bytes, e)) < 0) return r;
        size_t known = bytes.len < whole.len ? bytes.len : whole.len;
        bool good = str_eq(str_sub(bytes, 0, known), str_sub(whole, 0, known));
        if (f->kind == AUDIT_TILE_FILE) {
            good = good && bytes.len == part.width * MERKLE_HASH;
        } else {
            unsigned entries = 0;
            for (rest = bytes; audit_bundle_next(&rest, &entry);)
                entries++;
            good = good && entries == part.width && rest.len == 0;
        }
        if (!good)
            r = err_set(e, ERR_FAILED, "%s: it is not the beginning of %s", name_of(c, &part),
                        name_of(c, f));
    }
    return r;
}

/* Compares a tile with the hashes that it must have. */
static int check_tile(checking *c, unsigned level, uint64_t number, unsigned width,
                      const merkle_hash *hashes, err *e) {
    audit_file f = {.kind = AUDIT_TILE_FILE, .level = level, .number = number, .width = width};
    str bytes, wanted = {(const char *)hashes, width * MERKLE_HASH};
    bool more;
    int r = fetch(c, &f, &bytes, &more, e);
    if (r < 0) return r;
    if (bytes.len < wanted.len || (!more && bytes.len > wanted.len))
        return err_set(e, ERR_FAILED, "%s: it has %zu bytes, not %zu", name_of(c, &f), bytes.len,
                       wanted.len);
    size_t same = str_same_begin(bytes, wanted) / MERKLE_HASH;
    if (same < width && level == 0)
        return err_set(e, ERR_FAILED, "%s: hash %zu is not that of entry %llu", name_of(c, &f),
                       same, (unsigned long long)(number * AUDIT_TILE + same));
    if (same < width)
        return err_set(e, ERR_FAILED, "%s: hash %zu is not that of the tile below it",
                       name_of(c, &f), same);
    return check_partials(c, &f, wanted, e);
}

static int check_full(void *context, unsigned level, uint64_t number,
                      const merkle_hash hashes[MERKLE_TILE], err *e) {
    return check_tile(context, level, number, AUDIT_TILE, hashes, e);
}

static int check_bundle(checking *c, uint64_t number, unsigned width, err *e) {
    audit_file f = {.kind = AUDIT_ENTRIES, .number = number, .width = width};
    str bytes, rest, entry;
    bool more;
    int r = fetch(c, &f, &bytes, &more, e);
    if (r < 0) return r;
    rest = bytes;
    for (unsigned i = 0; i < width && r == 0; i++) {
        if (!audit_bundle_next(&rest, &entry))
            return err_set(e, ERR_FAILED, "%s: it ends within entry %llu", name_of(c, &f),
                           (unsigned long long)(number * AUDIT_TILE + i));
        merkle_hash leaf = merkle_leaf(c->m, entry);
        r = merkle_add(c->m, c->edge, &leaf, check_full, c, e);
        if (r == 0) r = compare_since(c, e);
    }
    if (r < 0) return r;
    if (rest.len && !more)
        return err_set(e, ERR_FAILED, "%s: %zu bytes follow its last entry", name_of(c, &f),
                       rest.len);
    return check_partials(c, &f, str_sub(bytes, 0, bytes.len - rest.len), e);
}

static int check_entries(checking *c, err *e) {
    uint64_t size = c->now.size;
    int r = compare_since(c, e);
    for (uint64_t n = 0; n * AUDIT_TILE < size && r == 0; n++) {
        uint64_t left = size - n * AUDIT_TILE;
        c->a = arena_new();
        r = check_bundle(c, n, left < AUDIT_TILE ? (unsigned)left : AUDIT_TILE, e);
        arena_free(c->a);
        if (r == 0 && c->how->progress && n % PROGRESS_TILES == 0)
            c->how->progress(c->how->context, c->edge->size, size);
    }
    return r;
}

/* The tiles at the right edge, and what all of them come to. */
static int check_edge(checking *c, err *e) {
    int r = 0;
    c->a = arena_new();
    for (unsigned level = 0; level < MERKLE_LEVELS && r == 0; level++) {
        unsigned count = c->edge->levels[level].count;
        if (count)
            r = check_tile(c, level, merkle_width(c->edge->size, level) / AUDIT_TILE, count,
                           c->edge->levels[level].hashes, e);
    }
    arena_free(c->a);
    if (r < 0) return r;
    merkle_hash root = merkle_root(c->m, c->edge);
    if (merkle_same(&root, &c->now.root)) return 0;
    return err_set(e, ERR_FAILED, "checkpoint: its root is not that of the %llu entries",
                   (unsigned long long)c->now.size);
}

int audit_check_all(arena *a, audit_source *s, const audit_check *how, audit_checked *ret, err *e) {
    _cleanup_merkle_ merkle *m = merkle_new();
    checking c = {.s = s, .how = how, .m = m};
    str note;
    int r = audit_source_fetch(s, a, &(audit_file){.kind = AUDIT_CHECKPOINT}, &note, e);
    if (r == 0) r = audit_checkpoint_open(note, how->key, &c.now, e);
    if (r == 0) r = open_since(&c, e);
    if (r < 0) return r;
    c.edge = mem_alloc(sizeof *c.edge);
    memset(c.edge, 0, sizeof *c.edge);
    r = check_entries(&c, e);
    if (r == 0) r = check_edge(&c, e);
    free(c.edge);
    if (r < 0) return r;
    *ret = (audit_checked){.size = c.now.size, .since_size = c.since.size, .note = note};
    _cleanup_strbuf_ strbuf root = STRBUF_INIT;
    base64_encode(&root, (str){(const char *)c.now.root.bytes, MERKLE_HASH});
    memcpy(ret->root, root.ptr, sizeof ret->root - 1);
    return 0;
}
