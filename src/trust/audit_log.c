/* audit_log.c: the log grows.
 *
 * Rows of entries are written as they come, so that a savepoint takes them back like any other row.
 * Their leaves wait in memory; audit_commit adds them to a copy of the tree's right edge, writes
 * the tiles that have changed and the checkpoint, commits, and only then makes the copy the edge.
 */
#include "base/hash.h"
#include "trust/audit_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct pending {
    merkle_hash *leaves;
    size_t count, cap;
} pending;

struct audit_log {
    store *s;
    const sign_key *key;
    merkle *m;
    merkle_edge *edge; /* of the last commit */
    merkle_edge *next; /* room for what comes after it */
    pending added;     /* in this transaction */
    size_t marks[STORE_SAVEPOINTS_MAX];
    size_t mark_count;
    strbuf text;
};

static str hash_str(const merkle_hash *h) {
    return (str){(const char *)h->bytes, MERKLE_HASH};
}

static void forget(audit_log *l) {
    l->added.count = 0;
    l->mark_count = 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int damaged(err *e, const char *why) {
    return err_set(e, ERR_INVALID,
                   "the audit log is not whole: %s. It is not gone on with; 'slipway audit verify' "
                   "tells what is there, a backup has what was",
                   why);
}

/* The hashes on one level that have not filled a tile: those of the lowest are in the rows. */
static int load_level(audit_log *l, arena *a, unsigned level, merkle_edge *edge, err *e) {
    str hashes = STR_EMPTY;
    uint64_t width = merkle_width(edge->size, level), number = width / MERKLE_TILE;
    unsigned count = width % MERKLE_TILE;
    err inner = {0};
    int r = 0;
    if (count && level == 0)
        r = store_audit_leaves(l->s, a, (int64_t)(number * MERKLE_TILE), MERKLE_TILE, &hashes,
                               &inner);
    else if (count)
        r = store_audit_tile(l->s, a, (int)level, (int64_t)number, &hashes, &inner);
    if (r == ERR_NOT_FOUND) return damaged(e, "a tile is missing");
    if (r < 0) return err_set(e, r, "%s", inner.message);
    if (hashes.len != count * MERKLE_HASH)
        return damaged(e, "a tile has not the size it must have");
    edge->levels[level].count = count;
    memcpy(edge->levels[level].hashes, hashes.ptr, hashes.len);
    return 0;
}

/* The last entries hash to their leaves; what is further left is verified by who wants to. */
static int check_entries(audit_log *l, arena *a, const merkle_edge *edge, err *e) {
    store_audit_entry *rows;
    size_t count;
    int64_t from = (int64_t)(edge->size - edge->levels[0].count);
    int r = store_audit_entries(l->s, a, from, MERKLE_TILE, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        merkle_hash leaf = merkle_leaf(l->m, rows[i].entry);
        if (!merkle_same(&leaf, &edge->levels[0].hashes[i]))
            return damaged(e, "one of the last entries is not what was logged");
    }
    return r;
}

static int load_tree(audit_log *l, arena *a, const audit_checkpoint *c, err *e) {
    merkle_edge *edge = l->edge;
    int64_t entries = 0;
    edge->size = c->size;
    int r = store_audit_count(l->s, &entries, e);
    if (r == 0 && (uint64_t)entries != c->size)
        return damaged(e, (uint64_t)entries < c->size ? "entries are missing at its end"
                                                      : "there are entries after the checkpoint");
    for (unsigned level = 0; level < MERKLE_LEVELS && r == 0; level++)
        r = load_level(l, a, level, edge, e);
    if (r == 0) r = check_entries(l, a, edge, e);
    if (r < 0) return r;
    merkle_hash root = merkle_root(l->m, edge);
    if (!merkle_same(&root, &c->root))
        return damaged(e, "its tiles do not give the root that its checkpoint names");
    return 0;
}

static int check_note(audit_log *l, const store_audit_checkpoint *row, audit_checkpoint *ret,
                      err *e) {
    str text;
    err inner = {0};
    const sign_verifier *by = sign_key_verifier(l->key);
    int r = sign_note_open(row->note, by, 1, &text, NULL, &inner);
    if (r == 0) r = audit_checkpoint_parse(text, ret, &inner);
    if (r == ERR_UNSUPPORTED) return err_set(e, r, "%s", inner.message);
    if (r < 0) return damaged(e, inner.message);
    if (!str_is(ret->origin, by->name) || (int64_t)ret->size != row->size ||
        !str_eq(hash_str(&ret->root), row->root))
        return damaged(e, "its checkpoint says something else than the row it stands in");
    return 0;
}

static int put_checkpoint(audit_log *l, const merkle_edge *edge, err *e) {
    const sign_verifier *by = sign_key_verifier(l->key);
    merkle_hash root = merkle_root(l->m, edge);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, note = STRBUF_INIT, key = STRBUF_INIT;
    audit_checkpoint_write(&text, str_from(by->name), edge->size, &root);
    int r = sign_note(&note, l->key, strbuf_str(&text), e);
    if (r < 0) return r;
    sign_verifier_write(&key, by);
    store_audit_checkpoint row = {.size = (int64_t)edge->size,
                                  .root = hash_str(&root),
                                  .note = strbuf_str(&note),
                                  .key = strbuf_str(&key)};
    return store_audit_put_checkpoint(l->s, &row, e);
}

static int begin_log(audit_log *l, err *e) {
    int64_t entries = 0;
    int r = store_audit_count(l->s, &entries, e);
    if (r == 0 && entries) return damaged(e, "its checkpoint is missing");
    return r < 0 ? r : put_checkpoint(l, l->edge, e);
}

static int load(audit_log *l, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    store_audit_checkpoint row;
    audit_checkpoint c;
    err inner = {0};
    int r = store_audit_get_checkpoint(l->s, a, &row, &inner);
    memset(l->edge, 0, sizeof *l->edge);
    if (r == ERR_NOT_FOUND) return begin_log(l, e);
    if (r < 0) return err_set(e, r, "%s", inner.message);
    r = check_note(l, &row, &c, e);
    return r < 0 ? r : load_tree(l, a, &c, e);
}

int audit_log_open(store *s, const sign_key *key, audit_log **ret, err *e) {
    audit_log *l = mem_alloc(sizeof *l);
    *l = (audit_log){.s = s,
                     .key = key,
                     .m = merkle_new(),
                     .edge = mem_alloc(sizeof(merkle_edge)),
                     .next = mem_alloc(sizeof(merkle_edge)),
                     .text = STRBUF_INIT};
    int r = store_begin(s, e); /* all that is read is of one moment */
    if (r == 0) r = load(l, e);
    if (r == 0) r = store_commit(s, e);
    if (r < 0) {
        store_rollback(s);
        audit_log_close(l);
        return r;
    }
    *ret = l;
    return 0;
}

void audit_log_close(audit_log *l) {
    if (!l) return;
    merkle_free(l->m);
    free(l->edge);
    free(l->next);
    free(l->added.leaves);
    strbuf_done(&l->text);
    free(l);
}

uint64_t audit_log_size(const audit_log *l) {
    return l->edge->size;
}

/* ---- a transaction --------------------------------------------------------------------------- */

int audit_begin(audit_log *l, err *e) {
    int64_t entries = 0;
    forget(l);
    int r = store_begin(l->s, e);
    if (r == 0) r = store_audit_count(l->s, &entries, e);
    if (r == 0 && (uint64_t)entries != l->edge->size)
        r = err_set(e, ERR_INVALID,
                    "the audit log has %lld entries where there were %llu: another process has "
                    "changed it",
                    (long long)entries, (unsigned long long)l->edge->size);
    if (r < 0) store_rollback(l->s);
    return r;
}

int audit_savepoint(audit_log *l, err *e) {
    int r = store_savepoint(l->s, e);
    if (r == 0) l->marks[l->mark_count++] = l->added.count;
    return r;
}

int audit_release(audit_log *l, err *e) {
    int r = store_release(l->s, e);
    l->mark_count--;
    return r;
}

int audit_rollback_to(audit_log *l, err *e) {
    int r = store_rollback_to(l->s, e);
    l->added.count = l->marks[--l->mark_count];
    return r;
}

static void push_leaf(pending *p, const merkle_hash *leaf) {
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->leaves = mem_realloc(p->leaves, p->cap * sizeof *p->leaves);
    }
    p->leaves[p->count++] = *leaf;
}

int audit_append(audit_log *l, const audit_event *x, uint64_t *ret_index, err *e) {
    uint64_t index = l->edge->size + l->added.count;
    strbuf_clear(&l->text);
    int r = audit_event_write(&l->text, x, e);
    if (r < 0) return r;
    merkle_hash leaf = merkle_leaf(l->m, strbuf_str(&l->text));
    store_audit_entry row = {.number = (int64_t)index,
                             .time_us = x->time_us,
                             .actor_kind = x->actor.kind,
                             .actor_id = x->actor.id,
                             .actor_name = x->actor.name,
                             .action = x->action,
                             .subject_kind = x->subject.kind,
                             .subject_id = x->subject.id,
                             .subject_name = x->subject.name,
                             .project = x->project,
                             .reason = x->reason,
                             .leaf = hash_str(&leaf),
                             .entry = strbuf_str(&l->text)};
    if ((r = store_audit_add(l->s, &row, e)) < 0) return r;
    push_leaf(&l->added, &leaf);
    if (ret_index) *ret_index = index;
    return 0;
}

static int put_full(void *context, unsigned level, uint64_t number,
                    const merkle_hash hashes[MERKLE_TILE], err *e) {
    audit_log *l = context;
    return store_audit_put_tile(l->s, (int)level, (int64_t)number,
                                (str){(const char *)hashes, MERKLE_TILE * MERKLE_HASH}, e);
}

/* Of the higher levels, those that have got hashes since the last commit and are not full. */
static int put_partial(audit_log *l, err *e) {
    int r = 0;
    for (unsigned level = 1; level < MERKLE_LEVELS && r == 0; level++) {
        uint64_t width = merkle_width(l->next->size, level);
        if (width == merkle_width(l->edge->size, level) || width % MERKLE_TILE == 0) continue;
        str hashes = {(const char *)l->next->levels[level].hashes,
                      width % MERKLE_TILE * MERKLE_HASH};
        r = store_audit_put_tile(l->s, (int)level, (int64_t)(width / MERKLE_TILE), hashes, e);
    }
    return r;
}

static int seal(audit_log *l, err *e) {
    int r = 0;
    *l->next = *l->edge;
    for (size_t i = 0; i < l->added.count && r == 0; i++)
        r = merkle_add(l->m, l->next, &l->added.leaves[i], put_full, l, e);
    if (r == 0) r = put_partial(l, e);
    return r < 0 ? r : put_checkpoint(l, l->next, e);
}

int audit_commit(audit_log *l, err *e) {
    bool grew = l->added.count > 0;
    int r = grew ? seal(l, e) : 0;
    if (r == 0) r = store_commit(l->s, e);
    if (r < 0) {
        audit_rollback(l);
        return r;
    }
    if (grew) {
        merkle_edge *old = l->edge;
        l->edge = l->next;
        l->next = old;
    }
    forget(l);
    return 0;
}

void audit_rollback(audit_log *l) {
    store_rollback(l->s);
    forget(l);
}
