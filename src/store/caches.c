/* caches.c: cache entries. Ids are made here, within a write transaction, because the two dialects
 * have no common word for it. */
#include "store/sql.h"

#define COLUMNS "id, repository, scope, key, version, digest, size, created_us, used_us"

static void read_row(sql *q, arena *a, store_cache *ret) {
    *ret = (store_cache){
        .id = sql_int(q, 0),
        .repository = sql_str(q, a, 1),
        .scope = sql_str(q, a, 2),
        .key = sql_str(q, a, 3),
        .version = sql_str(q, a, 4),
        .digest = sql_str(q, a, 5),
        .size = sql_int(q, 6),
        .created_us = sql_int(q, 7),
        .used_us = sql_int(q, 8),
    };
}

static int one_row(sql *q, arena *a, store_cache *ret, err *e) {
    int r = sql_step(q, e);
    if (r < 0) return r;
    if (r) read_row(q, a, ret);
    sql_end(q);
    return r ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such cache");
}

int store_cache_exact(store *s, arena *a, str repository, str scope, str key, str version,
                      store_cache *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM caches "
                     "WHERE repository = ? AND scope = ? AND version = ? AND key = ?",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, repository);
    sql_bind_str(&q, scope);
    sql_bind_str(&q, version);
    sql_bind_str(&q, key);
    return one_row(&q, a, ret, e);
}

int store_cache_newest(store *s, arena *a, str repository, str scope, str prefix, str version,
                       store_cache *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM caches "
                     "WHERE repository = ? AND scope = ? AND version = ? "
                     "AND substr(key, 1, length(?)) = ? ORDER BY created_us DESC, id DESC LIMIT 1",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, repository);
    sql_bind_str(&q, scope);
    sql_bind_str(&q, version);
    sql_bind_str(&q, prefix);
    sql_bind_str(&q, prefix);
    return one_row(&q, a, ret, e);
}

int store_cache_by_id(store *s, arena *a, int64_t id, store_cache *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT " COLUMNS " FROM caches WHERE id = ?", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, id);
    return one_row(&q, a, ret, e);
}

int store_cache_list(store *s, arena *a, str repository, str prefix, size_t max, store_cache **ret,
                     size_t *ret_count, err *e) {
    sql q;
    size_t cap = 0;
    *ret = NULL;
    *ret_count = 0;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM caches "
                     "WHERE repository = ? AND substr(key, 1, length(?)) = ? "
                     "ORDER BY created_us DESC, id DESC LIMIT ?",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, repository);
    sql_bind_str(&q, prefix);
    sql_bind_str(&q, prefix);
    sql_bind_int(&q, (int64_t)max);
    while ((r = sql_step(&q, e)) > 0) {
        store_cache row;
        read_row(&q, a, &row);
        ARENA_PUSH(a, *ret, *ret_count, cap, row);
    }
    if (r == 0) sql_end(&q);
    return r;
}

int store_cache_add(store *s, store_cache *entry, err *e) {
    sql q;
    int r = sql_open(s,
                     "INSERT INTO caches (" COLUMNS ") "
                     "SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ? FROM caches "
                     "RETURNING id",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, entry->repository);
    sql_bind_str(&q, entry->scope);
    sql_bind_str(&q, entry->key);
    sql_bind_str(&q, entry->version);
    sql_bind_str(&q, entry->digest);
    sql_bind_int(&q, entry->size);
    sql_bind_int(&q, entry->created_us);
    sql_bind_int(&q, entry->used_us);
    r = sql_step(&q, e);
    if (r < 0) return r;
    entry->id = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

int store_cache_used(store *s, int64_t id, int64_t now_us, err *e) {
    sql q;
    int r = sql_open(s, "UPDATE caches SET used_us = ? WHERE id = ?", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, now_us);
    sql_bind_int(&q, id);
    return sql_run(&q, e);
}

int store_cache_remove(store *s, const store_cache *entry, err *e) {
    sql q;
    int r = sql_open(s, "DELETE FROM caches WHERE id = ? AND digest = ?", &q, e);
    if (r < 0) return r;
    sql_bind_int(&q, entry->id);
    sql_bind_str(&q, entry->digest);
    return sql_run(&q, e);
}

int store_cache_of_digest(store *s, arena *a, str prefix, store_cache *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT " COLUMNS " FROM caches WHERE substr(digest, 1, length(?)) = ? "
                     "ORDER BY id LIMIT 1",
                     &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, prefix);
    sql_bind_str(&q, prefix);
    return one_row(&q, a, ret, e);
}

int store_cache_oldest(store *s, arena *a, store_cache *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT " COLUMNS " FROM caches ORDER BY used_us, id LIMIT 1", &q, e);
    return r < 0 ? r : one_row(&q, a, ret, e);
}

int store_cache_bytes(store *s, int64_t *ret, err *e) {
    sql q;
    int r = sql_open(s,
                     "SELECT coalesce(sum(size), 0) FROM "
                     "(SELECT digest, max(size) AS size FROM caches GROUP BY digest) AS blobs",
                     &q, e);
    if (r == 0) r = sql_step(&q, e);
    if (r < 0) return r;
    *ret = sql_int(&q, 0);
    sql_end(&q);
    return 0;
}

int store_blob_used(store *s, str digest, bool *ret, err *e) {
    sql q;
    int r = sql_open(s, "SELECT 1 FROM caches WHERE digest = ? LIMIT 1", &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, digest);
    r = sql_step(&q, e);
    if (r < 0) return r;
    *ret = r > 0;
    sql_end(&q);
    return 0;
}

int store_blob_rename(store *s, str from, str to, err *e) {
    sql q;
    int r = sql_open(s, "UPDATE caches SET digest = ? WHERE digest = ?", &q, e);
    if (r < 0) return r;
    sql_bind_str(&q, to);
    sql_bind_str(&q, from);
    return sql_run(&q, e);
}
