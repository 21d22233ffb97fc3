/* audit.c: entries, tiles and the checkpoint of the audit log. */
#include "store/audit.h"

#include "store/sql.h"

#include <string.h>

#define COLUMNS                                                                                    \
    "number, leaf, time_us, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, "  \
    "subject_name, project, reason, entry"

int store_audit_add(store *s, const store_audit_entry *x, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO audit_entries (" COLUMNS ") "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, x->number);
    sql_bind_bytes(&q, x->leaf);
    sql_bind_int(&q, x->time_us);
    const str texts[] = {x->actor_kind, x->actor_id,     x->actor_name, x->action, x->subject_kind,
                         x->subject_id, x->subject_name, x->project,    x->reason, x->entry};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        sql_bind_str(&q, texts[i]);
    return sql_run(&q, e);
}

int store_audit_count(store *s, int64_t *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT coalesce(max(number) + 1, 0) FROM audit_entries", &q, e);
    if (r == 0) r = sql_step(&q, e);
    if (r < 0) return r;
    *ret = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

/* The texts are SQLite's own until the next step. */
static void borrow_row(sql *q, store_audit_entry *ret) {
    *ret = (store_audit_entry){
        .number = sql_int(q, 0),
        .leaf = sql_borrow(q, 1),
        .time_us = sql_int(q, 2),
        .actor_kind = sql_borrow(q, 3),
        .actor_id = sql_borrow(q, 4),
        .actor_name = sql_borrow(q, 5),
        .action = sql_borrow(q, 6),
        .subject_kind = sql_borrow(q, 7),
        .subject_id = sql_borrow(q, 8),
        .subject_name = sql_borrow(q, 9),
        .project = sql_borrow(q, 10),
        .reason = sql_borrow(q, 11),
        .entry = sql_borrow(q, 12),
    };
}

static void keep_row(arena *a, store_audit_entry *row) {
    str *texts[] = {&row->leaf,    &row->actor_kind,   &row->actor_id,   &row->actor_name,
                    &row->action,  &row->subject_kind, &row->subject_id, &row->subject_name,
                    &row->project, &row->reason,       &row->entry};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(a, *texts[i]);
}

int store_audit_entries(store *s, arena *a, int64_t from, int64_t count, store_audit_entry **ret,
                        size_t *ret_count, err *e) {
    sql q;
    size_t cap = 0;
    *ret = NULL;
    *ret_count = 0;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM audit_entries WHERE number >= ? "
                     "ORDER BY number LIMIT ?",
                     &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, from);
    sql_bind_int(&q, count);
    while ((r = sql_step(&q, e)) > 0) {
        store_audit_entry row;
        borrow_row(&q, &row);
        keep_row(a, &row);
        ARENA_PUSH(a, *ret, *ret_count, cap, row);
    }
    if (r == 0) sql_end(&q);
    return r;
}

int store_audit_leaves(store *s, arena *a, int64_t from, int64_t count, str *ret, err *e) {
    sql q;
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    int r = sql_open(s, "SELECT leaf FROM audit_entries WHERE number >= ? ORDER BY number LIMIT ?",
                     &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, from);
    sql_bind_int(&q, count);
    while ((r = sql_step(&q, e)) > 0)
        strbuf_add(&all, sql_borrow(&q, 0));
    if (r < 0) return r;
    sql_end(&q);
    *ret = arena_str(a, strbuf_str(&all));
    return 0;
}

/* ---- searching ------------------------------------------------------------------------------- */

static bool is_or_any(str asked, str text) {
    return asked.len == 0 || str_eq(asked, text);
}

/* Whether `text` has `part`, which is not empty, somewhere. */
static bool has_nocase(str text, str part) {
    for (size_t at = 0; at + part.len <= text.len; at++) {
        if ((text.ptr[at] | 32) != (part.ptr[0] | 32))
            continue; /* most are told apart by one byte */
        if (str_eq_nocase(str_sub(text, at, at + part.len), part)) return true;
    }
    return false;
}

static bool action_fits(str asked, str action) {
    if (str_ends(asked, STR("."))) return str_starts(action, asked);
    return is_or_any(asked, action);
}

static bool fits(const store_audit_filter *f, const store_audit_entry *row) {
    return is_or_any(f->actor_kind, row->actor_kind) && is_or_any(f->actor_id, row->actor_id) &&
           action_fits(f->action, row->action) && is_or_any(f->subject_kind, row->subject_kind) &&
           is_or_any(f->subject_id, row->subject_id) && is_or_any(f->project, row->project) &&
           (!f->from_us || row->time_us >= f->from_us) &&
           (!f->until_us || row->time_us < f->until_us) &&
           (!f->text.len || has_nocase(row->entry, f->text));
}

#define LIST(condition)                                                                            \
    "SELECT " COLUMNS " FROM audit_entries WHERE " condition                                       \
    "number < ? ORDER BY number DESC LIMIT ?"

/* One query for each index; what else is asked for is looked at row by row. */
static int open_list(store *s, const store_audit_filter *f, sql *q, err *e) {
    const struct {
        bool here;
        const char *text;
        str binds[2];
        size_t bind_count;
    } ways[] = {
        {f->subject_kind.len && f->subject_id.len,
         LIST("subject_kind = ? AND subject_id = ? AND "),
         {f->subject_kind, f->subject_id},
         2},
        {f->actor_kind.len && f->actor_id.len,
         LIST("actor_kind = ? AND actor_id = ? AND "),
         {f->actor_kind, f->actor_id},
         2},
        {f->action.len && !str_ends(f->action, STR(".")), LIST("action = ? AND "), {f->action}, 1},
        {f->project.len, LIST("project = ? AND "), {f->project}, 1},
        {true, LIST(""), {STR_EMPTY}, 0},
    };
    size_t i = 0;
    while (!ways[i].here)
        i++;
    int r = sql_open(s, ways[i].text, q, e);
    if (r < 0) return r;
    for (size_t k = 0; k < ways[i].bind_count; k++)
        sql_bind_str(q, ways[i].binds[k]);
    sql_bind_int(q, f->before > 0 ? f->before : INT64_MAX);
    sql_bind_int(q, STORE_AUDIT_SCAN_MAX);
    return 0;
}

int store_audit_list(store *s, arena *a, const store_audit_filter *filter, size_t max,
                     store_audit_entry **ret, size_t *ret_count, int64_t *ret_next, err *e) {
    sql q;
    store_audit_entry row = {0};
    size_t cap = 0, seen = 0;
    *ret = NULL;
    *ret_count = 0;
    int r = open_list(s, filter, &q, e);
    if (r < 0) return r;
    while (*ret_count < max && (r = sql_step(&q, e)) > 0) {
        borrow_row(&q, &row);
        seen++;
        if (!fits(filter, &row)) continue;
        keep_row(a, &row);
        ARENA_PUSH(a, *ret, *ret_count, cap, row);
    }
    if (r < 0) return r;
    sql_end(&q);
    /* Number 0 is the oldest: before it there is nothing to ask for. */
    bool more = *ret_count == max || seen == STORE_AUDIT_SCAN_MAX;
    *ret_next = more && seen ? row.number : 0;
    return 0;
}

/* ---- the tree -------------------------------------------------------------------------------- */

int store_audit_put_tile(store *s, int level, int64_t number, str hashes, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO audit_tiles (level, number, hashes) VALUES (?, ?, ?) "
                     "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
                     &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, level);
    sql_bind_int(&q, number);
    sql_bind_bytes(&q, hashes);
    return sql_run(&q, e);
}

int store_audit_tile(store *s, arena *a, int level, int64_t number, str *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT hashes FROM audit_tiles WHERE level = ? AND number = ?", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, level);
    sql_bind_int(&q, number);
    r = sql_step(&q, e);
    if (r < 0) return r;
    if (r) *ret = arena_str(a, sql_borrow(&q, 0));
    sql_end(&q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such tile");
}

int store_audit_put_checkpoint(store *s, const store_audit_checkpoint *x, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO audit_checkpoints (id, size, root, note, key) "
                     "VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                     "size = excluded.size, root = excluded.root, note = excluded.note, "
                     "key = excluded.key",
                     &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, x->size);
    sql_bind_bytes(&q, x->root);
    sql_bind_str(&q, x->note);
    sql_bind_str(&q, x->key);
    return sql_run(&q, e);
}

int store_audit_get_checkpoint(store *s, arena *a, store_audit_checkpoint *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT size, root, note, key FROM audit_checkpoints WHERE id = 1", &q, e);
    if (r == 0) r = sql_step(&q, e);
    if (r < 0) return r;
    if (r) {
        *ret = (store_audit_checkpoint){.size = sql_int(&q, 0),
                                        .root = arena_str(a, sql_borrow(&q, 1)),
                                        .note = sql_str(&q, a, 2),
                                        .key = sql_str(&q, a, 3)};
    }
    sql_end(&q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "the audit log has not begun");
}
