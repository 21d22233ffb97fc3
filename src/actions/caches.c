/* caches.c: who may read and write which cache, and what is removed.
 *
 * An entry belongs to the ref that it was saved for. A job looks in its own ref first, then, for a
 * pull request, in the base branch, then in the default branch; it writes for its own ref alone,
 * which for a pull request is refs/pull/N/merge. So what a pull request saves is read by that pull
 * request only. In each ref the keys are tried in their order: the entry with exactly that key,
 * else the newest whose key begins with it. */
#include "actions/service.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US (86400LL * 1000000)

static bool key_ok(str key) {
    if (!key.len || !utf8_valid(key) || utf16_units(key) > KEY_MAX) return false;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == ',' || (unsigned char)key.ptr[i] < ' ') return false;
    }
    return true;
}

char *cache_blob_path(const service *s, arena *a, str digest) {
    return arena_cstr(a, arena_printf(a, "%s/%.*s/%.*s", s->blobs, STR_ARG(str_sub(digest, 0, 2)),
                                      STR_ARG(digest)));
}

/* ---- looking up ----------------------------------------------------------------------------- */

static bool blob_is_whole(const char *path, int64_t size) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size;
}

bool cache_blob_whole(const service *s, arena *a, const store_cache *row) {
    return blob_is_whole(cache_blob_path(s, a, row->digest), row->size);
}

/* An entry whose blob is gone or too short (a person or a loss of power) is none. */
static int judge_found(service *s, arena *a, const store_cache *found, err *e) {
    if (cache_blob_whole(s, a, found)) return 0;
    int r = store_cache_remove(s->store, found, e);
    return r < 0 ? r : err_set(e, ERR_CANCELLED, "the blob is gone");
}

static int lookup_key(service *s, arena *a, str repository, str scope, str key, str version,
                      store_cache *ret, err *e) {
    for (;;) {
        int r = store_cache_exact(s->store, a, repository, scope, key, version, ret, e);
        if (r == ERR_NOT_FOUND)
            r = store_cache_newest(s->store, a, repository, scope, key, version, ret, e);
        if (r == 0) r = judge_found(s, a, ret, e);
        if (r != ERR_CANCELLED) return r;
    }
}

int cache_lookup(service *s, const job *j, arena *a, const str *keys, size_t count, str version,
                 store_cache *ret, err *e) {
    for (size_t i = 0; i < j->scope_count; i++) {
        for (size_t k = 0; k < count; k++) {
            int r = lookup_key(s, a, j->spec.caches, j->scopes[i], keys[k], version, ret, e);
            if (r == ERR_NOT_FOUND) continue;
            if (r == 0) r = store_cache_used(s->store, ret->id, clock_wall_us(), e);
            return r;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "there is no such cache");
}

/* -1: there is none. */
static int open_blob(service *s, const job *j, arena *a, const store_cache *found) {
    bool may = false;
    for (size_t i = 0; i < j->scope_count; i++)
        may |= str_eq(j->scopes[i], found->scope) && str_eq(j->spec.caches, found->repository);
    if (!may) return -1;
    return open(cache_blob_path(s, a, found->digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int cache_open(service *s, const job *j, arena *a, str id, store_cache *ret, int *ret_fd, err *e) {
    uint64_t number;
    *ret_fd = -1;
    if (!str_to_uint(id, INT64_MAX, &number))
        return err_set(e, ERR_NOT_FOUND, "there is no such cache");
    /* Twice: another process may have given it its name just now. */
    for (int i = 0; i < 2 && *ret_fd < 0; i++) {
        int r = store_cache_by_id(s->store, a, (int64_t)number, ret, e);
        if (r < 0) return r;
        *ret_fd = open_blob(s, j, a, ret);
    }
    return *ret_fd < 0 ? err_set(e, ERR_NOT_FOUND, "there is no such cache") : 0;
}

/* ---- saving --------------------------------------------------------------------------------- */

int cache_reserve(service *s, job *j, str key, str version, upload **ret, bool *ret_exists,
                  err *e) {
    _cleanup_arena_ arena *a = arena_new();
    store_cache known;
    err why = {0};
    *ret_exists = false;
    if (!key_ok(key) || !key_ok(version))
        return err_set(e, ERR_INVALID,
                       "a cache's key and version have 1 to %d characters and no comma", KEY_MAX);
    upload *u = upload_of_cache(s, j->spec.caches, j->scopes[0], key, version);
    *ret = u;
    if (u && !u->finished && u->job == j && upload_is_fresh(u)) return 0;
    int r =
        store_cache_exact(s->store, a, j->spec.caches, j->scopes[0], key, version, &known, &why);
    if (r == 0 && (r = judge_found(s, a, &known, &why)) == ERR_CANCELLED) r = ERR_NOT_FOUND;
    if (r == 0 || (u && !u->finished)) {
        *ret_exists = true;
        return err_set(e, ERR_INVALID,
                       "cache entry with the same key, version, and scope already exists");
    }
    if (r != ERR_NOT_FOUND) {
        *e = why;
        return r;
    }
    if (u) upload_drop(s, u); /* it was finished, and evicted since */
    *ret = upload_new(s, j, UPLOAD_CACHE, key, version, e);
    return *ret ? 0 : e->code;
}

/* Gives the blob its place, unless it has one already. */
static int keep_blob(service *s, arena *a, upload *u, err *e) {
    char *path = cache_blob_path(s, a, str_from(u->digest));
    if (blob_is_whole(path, (int64_t)u->size)) {
        unlink(u->path);
        return 0;
    }
    char *folder = arena_cstr(a, str_sub(str_from(path), 0, str_from(s->blobs).len + 3));
    int r = fs_mkdirs(folder, 0700, e);
    if (r < 0) return r;
    chmod(u->path, 0400);
    return move_file(u->path, path, e);
}

/* Until it is hashed; see naming.c. */
static void name_for_now(upload *u) {
    char name[NAME_SIZE];
    random_hex(16, name);
    snprintf(u->digest, sizeof u->digest, UNNAMED "%s", name);
}

int cache_finish(service *s, upload *u, int64_t *ret_id, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const job *j = u->job;
    *ret_id = u->finished;
    if (u->finished) return 0;
    if (!u->digest[0]) name_for_now(u);
    int64_t now = clock_wall_us();
    store_cache row = {
        .repository = j->spec.caches,
        .scope = j->scopes[0],
        .key = u->name,
        .version = u->version,
        .digest = str_from(u->digest),
        .size = (int64_t)u->size,
        .created_us = now,
        .used_us = now,
    };
    if (u->size > s->limits.cache_bytes)
        return err_set(e, ERR_LIMIT, "a cache of %llu bytes is over the limit of %llu for all",
                       (unsigned long long)u->size, (unsigned long long)s->limits.cache_bytes);
    int r = store_begin(s->store, e);
    if (r < 0) return r;
    r = store_cache_add(s->store, &row, e);
    if (r == 0) r = keep_blob(s, a, u, e);
    if (r == 0) r = cache_evict(s, e);
    if (r == 0) r = store_commit(s->store, e);
    if (r < 0) {
        store_rollback(s->store);
        return r;
    }
    if (str_starts(row.digest, STR(UNNAMED))) naming_wake(s);
    u->path = NULL;
    *ret_id = u->finished = row.id;
    return 0;
}

/* ---- removing ------------------------------------------------------------------------------- */

/* Within a transaction, so that no other process gives a blob its row meanwhile. */
int cache_evict(service *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    int64_t before = clock_wall_us() - s->limits.cache_days * DAY_US, bytes = 0;
    for (;;) {
        store_cache oldest;
        bool used = true;
        int r = store_cache_oldest(s->store, a, &oldest, e);
        if (r == ERR_NOT_FOUND) return 0;
        if (r == 0) r = store_cache_bytes(s->store, &bytes, e);
        if (r < 0) return r;
        if (oldest.used_us >= before && (uint64_t)bytes <= s->limits.cache_bytes) return 0;
        r = store_cache_remove(s->store, &oldest, e);
        if (r == 0) r = store_blob_used(s->store, oldest.digest, &used, e);
        if (r < 0) return r;
        if (!used) unlink(cache_blob_path(s, a, oldest.digest));
    }
}

/* Blobs that a process has left between the blob and its row. */
static int remove_orphans(service *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *folders, *blobs;
    size_t folder_count = 0, count = 0;
    if (!fs_is_dir(s->blobs)) return 0;
    int r = fs_list(a, s->blobs, &folders, &folder_count, e);
    for (size_t i = 0; r == 0 && i < folder_count; i++) {
        char *folder = fs_join(a, s->blobs, folders[i].name);
        r = fs_list(a, folder, &blobs, &count, e);
        for (size_t b = 0; r == 0 && b < count; b++) {
            bool used = true;
            r = store_blob_used(s->store, blobs[b].name, &used, e);
            if (r == 0 && !used) unlink(fs_join(a, folder, blobs[b].name));
        }
    }
    return r;
}

int cache_sweep(service *s, err *e) {
    int r = store_begin(s->store, e);
    if (r < 0) return r;
    r = cache_evict(s, e);
    if (r == 0) r = remove_orphans(s, e);
    if (r == 0) return store_commit(s->store, e);
    store_rollback(s->store);
    return r;
}

/* ---- Twirp ---------------------------------------------------------------------------------- */

static twirp_code wrong_type(err *e) {
    err_set(e, ERR_INVALID, "a field of the request has the wrong type");
    return TWIRP_MALFORMED;
}

twirp_code cache_create(call *c, const value *in, value *out, err *e) {
    str key, version;
    upload *u;
    bool exists;
    if (!twirp_text(in, "key", &key) || !twirp_text(in, "version", &version)) return wrong_type(e);
    if (cache_reserve(c->s, c->job, key, version, &u, &exists, e) < 0)
        return exists ? TWIRP_EXISTS : twirp_of(e);
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    signed_url(&url, c->s, c->job, arena_printf(c->a, "/slipway/uploads/%s", u->id).ptr, "w");
    value_set(c->a, out, STR("ok"), value_bool(true));
    value_set_str(c->a, out, "signed_upload_url", arena_str(c->a, strbuf_str(&url)));
    return TWIRP_OK;
}

twirp_code cache_finalize(call *c, const value *in, value *out, err *e) {
    str key, version;
    uint64_t size;
    int64_t id;
    const job *j = c->job;
    if (!twirp_text(in, "key", &key) || !twirp_text(in, "version", &version) ||
        !twirp_number(in, "size_bytes", &size))
        return wrong_type(e);
    upload *u = upload_of_cache(c->s, j->spec.caches, j->scopes[0], key, version);
    if (!u || u->job != j || u->busy) {
        err_set(e, ERR_NOT_FOUND, "the job has not reserved this cache");
        return TWIRP_NOT_FOUND;
    }
    if (!u->committed) {
        err_set(e, ERR_INVALID, "the cache was not uploaded");
        return TWIRP_PRECONDITION;
    }
    if (size != u->size) {
        err_set(e, ERR_INVALID, "the cache is damaged: %llu bytes were sent, %llu have arrived",
                (unsigned long long)size, (unsigned long long)u->size);
        return TWIRP_INVALID;
    }
    if (cache_finish(c->s, u, &id, e) < 0)
        return e->code == ERR_INVALID ? TWIRP_EXISTS : twirp_of(e);
    value_set(c->a, out, STR("ok"), value_bool(true));
    value_set_str(c->a, out, "entry_id", arena_printf(c->a, "%lld", (long long)id));
    return TWIRP_OK;
}

/* `key`, then `restore_keys`. */
static bool read_keys(const value *in, str keys[KEYS_MAX], size_t *ret_count) {
    const value *more = twirp_field(in, "restore_keys");
    if (!twirp_text(in, "key", &keys[0])) return false;
    *ret_count = 1;
    if (!more) return true;
    if (more->kind != VALUE_ARRAY || more->array.count > KEYS_MAX - 1) return false;
    for (size_t i = 0; i < more->array.count; i++) {
        if (more->array.items[i].kind != VALUE_STRING) return false;
        keys[(*ret_count)++] = more->array.items[i].string;
    }
    return true;
}

twirp_code cache_url(call *c, const value *in, value *out, err *e) {
    str keys[KEYS_MAX], version;
    size_t count;
    store_cache found;
    if (!read_keys(in, keys, &count) || !twirp_text(in, "version", &version)) return wrong_type(e);
    for (size_t i = 0; i < count; i++) {
        if (key_ok(keys[i])) continue;
        err_set(e, ERR_INVALID, "a key has 1 to %d characters and no comma", KEY_MAX);
        return TWIRP_INVALID;
    }
    int r = cache_lookup(c->s, c->job, c->a, keys, count, version, &found, e);
    if (r < 0 && r != ERR_NOT_FOUND) return twirp_of(e);
    value_set(c->a, out, STR("ok"), value_bool(r == 0));
    if (r < 0) return TWIRP_OK;
    _cleanup_strbuf_ strbuf url = STRBUF_INIT;
    str path = arena_printf(c->a, "/slipway/caches/%lld", (long long)found.id);
    signed_url(&url, c->s, c->job, path.ptr, "r");
    value_set_str(c->a, out, "signed_download_url", arena_str(c->a, strbuf_str(&url)));
    value_set_str(c->a, out, "matched_key", found.key);
    return TWIRP_OK;
}
