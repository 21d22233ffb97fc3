/* audit_proof.c: that one entry is in a log, in a file that needs nothing else. The format is
 * c2sp.org/tlog-proof: a first line, "extra" (here the entry), "index", the path from the leaf's
 * sibling up, an empty line, the checkpoint. */
#include "base/hash.h"
#include "trust/audit_internal.h"

#include <string.h>

#define FIRST_LINE "c2sp.org/tlog-proof@v1"

typedef struct proving {
    audit_source *s;
    arena *a;
    merkle *m;
    uint64_t size;
} proving;

/* ---- making ---------------------------------------------------------------------------------- */

/* The widest tile that a log of this size has there. */
static unsigned width_at(uint64_t size, unsigned level, uint64_t number) {
    uint64_t left = merkle_width(size, level) - number * AUDIT_TILE;
    return left < AUDIT_TILE ? (unsigned)left : AUDIT_TILE;
}

static int get_hashes(void *context, unsigned level, uint64_t from, unsigned count,
                      merkle_hash *ret, err *e) {
    proving *p = context;
    uint64_t number = from / AUDIT_TILE;
    audit_file f = {.kind = AUDIT_TILE_FILE,
                    .level = level,
                    .number = number,
                    .width = width_at(p->size, level, number)};
    str bytes;
    bool more;
    int r = audit_source_part(p->s, p->a, &f, &bytes, &more, e);
    if (r < 0) return r;
    size_t at = from % AUDIT_TILE * MERKLE_HASH, size = count * MERKLE_HASH;
    if (bytes.len < at + size)
        return err_set(e, ERR_FAILED, "a tile of the log (level %u, number %llu) is too short",
                       level, (unsigned long long)number);
    memcpy(ret, bytes.ptr + at, size);
    return 0;
}

static int get_entry(proving *p, uint64_t index, str *ret, err *e) {
    uint64_t number = index / AUDIT_TILE;
    audit_file f = {.kind = AUDIT_ENTRIES, .number = number, .width = width_at(p->size, 0, number)};
    str rest;
    bool more;
    int r = audit_source_part(p->s, p->a, &f, &rest, &more, e);
    if (r < 0) return r;
    for (uint64_t i = 0; i <= index % AUDIT_TILE; i++) {
        if (!audit_bundle_next(&rest, ret))
            return err_set(e, ERR_FAILED, "the log's bundle %llu ends before entry %llu",
                           (unsigned long long)number, (unsigned long long)index);
    }
    return 0;
}

static void write_proof(strbuf *out, str entry, uint64_t index, const merkle_hash *path,
                        size_t count, str note) {
    strbuf_adds(out, FIRST_LINE "\nextra ");
    base64_encode(out, entry);
    strbuf_addf(out, "\nindex %llu\n", (unsigned long long)index);
    for (size_t i = 0; i < count; i++) {
        base64_encode(out, (str){(const char *)path[i].bytes, MERKLE_HASH});
        strbuf_addc(out, '\n');
    }
    strbuf_addc(out, '\n');
    strbuf_add(out, note);
}

/* Whether a path leads from the entry to the root of the checkpoint. */
static int check_path(merkle *m, str entry, uint64_t index, const merkle_hash *path, size_t count,
                      const audit_checkpoint *c, err *e) {
    merkle_hash root, leaf = merkle_leaf(m, entry);
    if (merkle_root_of_path(m, &leaf, index, c->size, path, count, &root) &&
        merkle_same(&root, &c->root))
        return 0;
    return err_set(e, ERR_FAILED,
                   "entry %llu is not in the log of %llu entries that the checkpoint is of",
                   (unsigned long long)index, (unsigned long long)c->size);
}

int audit_prove(arena *a, audit_source *s, const sign_verifier *key, uint64_t index, strbuf *out,
                err *e) {
    _cleanup_merkle_ merkle *m = merkle_new();
    merkle_hash path[MERKLE_PATH];
    size_t count;
    audit_checkpoint c;
    str note, entry;
    int r = audit_source_fetch(s, a, &(audit_file){.kind = AUDIT_CHECKPOINT}, &note, e);
    if (r == 0) r = audit_checkpoint_open(note, key, &c, e);
    if (r < 0) return r;
    proving p = {s, a, m, c.size};
    r = merkle_path(m, index, c.size, get_hashes, &p, path, &count, e);
    if (r == 0) r = get_entry(&p, index, &entry, e);
    if (r == 0) r = check_path(m, entry, index, path, count, &c, e);
    if (r == 0) write_proof(out, entry, index, path, count, note);
    return r;
}

/* ---- checking -------------------------------------------------------------------------------- */

typedef struct proof {
    str entry, note;
    uint64_t index;
    merkle_hash path[MERKLE_PATH];
    size_t count;
} proof;

static int no_proof(err *e, const char *why) {
    return err_set(e, ERR_FAILED, "this is no proof of an entry (c2sp.org/tlog-proof@v1): %s", why);
}

static int read_head(arena *a, str *rest, proof *ret, err *e) {
    str line;
    _cleanup_strbuf_ strbuf entry = STRBUF_INIT;
    if (!str_line(rest, &line) || !str_is(line, FIRST_LINE))
        return no_proof(e, "its first line is another one");
    if (!str_line(rest, &line) || !str_starts(line, STR("extra ")) ||
        !base64_decode(&entry, str_sub(line, 6, line.len)))
        return no_proof(e, "the entry is not in it ('extra' with base64)");
    if (entry.len > AUDIT_ENTRY_MAX) return no_proof(e, "its entry has more than 65535 bytes");
    ret->entry = arena_str(a, strbuf_str(&entry));
    bool good = str_line(rest, &line) && str_starts(line, STR("index "));
    str number = good ? str_sub(line, 6, line.len) : STR_EMPTY;
    if (!str_to_uint(number, INT64_MAX, &ret->index) || (number.len > 1 && number.ptr[0] == '0'))
        return no_proof(e, "it does not tell which entry it is of ('index')");
    return 0;
}

static int read_proof(arena *a, str text, proof *ret, err *e) {
    str line;
    ret->count = 0;
    if (text.len > AUDIT_PROOF_MAX) return no_proof(e, "it is larger than 2 MiB");
    int r = read_head(a, &text, ret, e);
    while (r == 0 && str_line(&text, &line) && line.len) {
        _cleanup_strbuf_ strbuf hash = STRBUF_INIT;
        if (!base64_decode(&hash, line) || hash.len != MERKLE_HASH)
            return no_proof(e, "a line of its path is no hash");
        if (ret->count == MERKLE_PATH) return no_proof(e, "its path has more than 64 hashes");
        memcpy(ret->path[ret->count++].bytes, hash.ptr, MERKLE_HASH);
    }
    ret->note = text;
    return r;
}

int audit_prove_check(arena *a, str text, const sign_verifier *key, audit_proven *ret, err *e) {
    _cleanup_merkle_ merkle *m = merkle_new();
    proof p;
    audit_checkpoint c;
    int r = read_proof(a, text, &p, e);
    if (r == 0) r = audit_checkpoint_open(p.note, key, &c, e);
    if (r == 0) r = check_path(m, p.entry, p.index, p.path, p.count, &c, e);
    if (r == 0) *ret = (audit_proven){.index = p.index, .entry = p.entry, .size = c.size};
    return r;
}
