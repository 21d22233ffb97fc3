/* artifacts.c: what runs have uploaded. */
#include "store/sql.h"

#define COLUMNS "id, run, name, path, type, digest, size, created_us, expires_us"

int store_artifact_add(store *s, store_artifact *x, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO artifacts (" COLUMNS ") "
                     "SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ? FROM artifacts "
                     "RETURNING id",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, x->run);
    sql_bind_str(&q, x->name);
    sql_bind_str(&q, x->path);
    sql_bind_str(&q, x->type);
    sql_bind_str(&q, x->digest);
    sql_bind_int(&q, x->size);
    sql_bind_int(&q, x->created_us);
    sql_bind_int(&q, x->expires_us);
    r = sql_step(&q, e);
    if (r < 0) return r;
    x->id = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

static int read_rows(sql *q, arena *a, store_artifact **ret, size_t *ret_count, err *e) {
    size_t cap = 0;
    int r;
    *ret = NULL;
    *ret_count = 0;
    while ((r = sql_step(q, e)) > 0) {
        store_artifact row = {
            .id = sql_int(q, 0),
            .run = sql_str(q, a, 1),
            .name = sql_str(q, a, 2),
            .path = sql_str(q, a, 3),
            .type = sql_str(q, a, 4),
            .digest = sql_str(q, a, 5),
            .size = sql_int(q, 6),
            .created_us = sql_int(q, 7),
            .expires_us = sql_int(q, 8),
        };
        ARENA_PUSH(a, *ret, *ret_count, cap, row);
    }
    if (r == 0) sql_end(q);
    return r;
}

int store_artifact_list(store *s, arena *a, str run, str name, int64_t id, store_artifact **ret,
                        size_t *ret_count, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM artifacts WHERE run = ? "
                     "AND (? = '' OR name = ?) AND (? = 0 OR id = ?) ORDER BY id",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, run);
    sql_bind_str(&q, name);
    sql_bind_str(&q, name);
    sql_bind_int(&q, id);
    sql_bind_int(&q, id);
    return read_rows(&q, a, ret, ret_count, e);
}

int store_artifact_remove(store *s, int64_t id, err *e) {
    sql q;
    int r = sql_open(s, "DELETE FROM artifacts WHERE id = ?", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, id);
    return sql_run(&q, e);
}

int store_artifact_expired(store *s, arena *a, int64_t now_us, size_t max, store_artifact **ret,
                           size_t *ret_count, err *e) {
    sql q;
    int r = sql_open(
        s, "SELECT " COLUMNS " FROM artifacts WHERE expires_us <= ? ORDER BY expires_us LIMIT ?",
        &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, now_us);
    sql_bind_int(&q, (int64_t)max);
    return read_rows(&q, a, ret, ret_count, e);
}
