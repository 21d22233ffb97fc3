/* upload.c: what is being uploaded.
 *
 * A block that comes again replaces the one before it, and the same block list may come again:
 * clients repeat what they have not seen answered. The list alone decides the order. */
#include "actions/service.h"

#include "actions/blocklist.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the table ------------------------------------------------------------------------------ */

upload *upload_new(service *s, job *j, upload_kind kind, str name, str version, err *e) {
    static uint32_t numbers;
    if (j->uploads == UPLOADS_MAX) {
        err_set(e, ERR_LIMIT, "the job has begun more than %d uploads", UPLOADS_MAX);
        return NULL;
    }
    arena *a = arena_new();
    upload *u = ARENA_NEW(a, upload);
    *u = (upload){.a = a, .kind = kind, .job = j, .next = s->uploads, .number = ++numbers};
    random_hex(16, u->id);
    u->name = arena_str(a, name);
    u->version = arena_str(a, version);
    u->expires_us = INT64_MAX;
    j->refs++;
    j->uploads++;
    s->uploads = u;
    return u;
}

static bool is_open(const upload *u, const job *j) {
    return u->job == j && !u->dropped && !j->closed;
}

upload *upload_take(service *s, const job *j, str id) {
    for (upload *u = s->uploads; u; u = u->next) {
        if (!is_open(u, j) || !str_is(id, u->id)) continue;
        u->refs++;
        return u;
    }
    return NULL;
}

upload *upload_take_number(service *s, const job *j, uint32_t number) {
    for (upload *u = s->uploads; u; u = u->next) {
        if (!is_open(u, j) || u->number != number || u->kind != UPLOAD_CACHE) continue;
        u->refs++;
        return u;
    }
    return NULL;
}

upload *upload_of_artifact(service *s, str run, str name) {
    for (upload *u = s->uploads; u; u = u->next) {
        if (u->kind == UPLOAD_ARTIFACT && !u->dropped && str_eq(u->job->spec.run, run) &&
            str_eq(u->name, name))
            return u;
    }
    return NULL;
}

upload *upload_of_cache(service *s, str repository, str scope, str key, str version) {
    for (upload *u = s->uploads; u; u = u->next) {
        if (u->kind == UPLOAD_CACHE && !u->dropped && str_eq(u->name, key) &&
            str_eq(u->version, version) && str_eq(u->job->scopes[0], scope) &&
            str_eq_nocase(u->job->spec.caches, repository))
            return u;
    }
    return NULL;
}

bool upload_is_fresh(const upload *u) {
    return !u->committed && !u->block_count && !u->ranged && !u->places.path;
}

/* Blocks are gone once they are joined, listed or not; `whole` may be the file of their places. */
static void forget_blocks(upload *u, const char *whole) {
    for (size_t i = 0; i < u->block_count; i++) {
        if (u->blocks[i].piece.path != u->places.path) unlink(u->blocks[i].piece.path);
    }
    if (u->places.path && u->places.path != whole) unlink(u->places.path);
    u->block_count = 0;
    u->block_bytes = 0;
    places_reset(&u->places);
}

static void remove_files(upload *u) {
    forget_blocks(u, NULL);
    if (u->ranged) unlink(u->ranged);
    u->ranged = NULL;
    if (u->path) unlink(u->path);
    u->path = NULL;
}

static void free_upload(service *s, upload *u) {
    upload **at = &s->uploads;
    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    remove_files(u);
    u->job->refs--; /* whoever drops it holds the job */
    arena_free(u->a);
}

void upload_drop(service *s, upload *u) {
    u->dropped = true;
    if (!u->refs) free_upload(s, u);
}

void upload_drop_all(service *s, const job *j) {
    for (upload *u = s->uploads, *next; u; u = next) {
        next = u->next;
        if (u->job == j && !u->dropped) upload_drop(s, u);
    }
}

void upload_release(service *s, upload *u) {
    pthread_mutex_lock(&s->lock);
    if (--u->refs == 0 && u->dropped) free_upload(s, u);
    pthread_mutex_unlock(&s->lock);
}

/* ---- pieces --------------------------------------------------------------------------------- */

int upload_judge(const service *s, const upload *u, uint64_t more, err *e) {
    if (u->dropped) return err_set(e, ERR_NOT_FOUND, "the job of this upload has ended");
    if (u->finished) return err_set(e, ERR_INVALID, "what was uploaded cannot be changed any more");
    if (u->busy) return err_set(e, ERR_INVALID, "the upload is just being put together");
    if (u->block_bytes + more > s->limits.upload_bytes)
        return err_set(e, ERR_LIMIT, "an upload may have %llu bytes",
                       (unsigned long long)s->limits.upload_bytes);
    return 0;
}

static block *find_block(const upload *u, str id) {
    for (size_t i = 0; i < u->block_count; i++) {
        if (str_eq(u->blocks[i].id, id)) return &u->blocks[i];
    }
    return NULL;
}

static bool has_place(const upload *u, const piece *x) {
    return x->path == u->places.path;
}

static int put_block(service *s, upload *u, str id, const piece *x, err *e) {
    block *old = find_block(u, id);
    int r = upload_judge(s, u, x->size - (old ? old->piece.size : 0), e);
    if (r < 0) return r;
    if (!old && u->block_count == BLOCKLIST_MAX)
        return err_set(e, ERR_LIMIT, "an upload may have %d blocks", BLOCKLIST_MAX);
    block b = {arena_str(u->a, id), *x};
    if (!has_place(u, x)) b.piece.path = arena_cstr(u->a, str_from(x->path));
    u->block_bytes += x->size;
    if (old) {
        u->block_bytes -= old->piece.size;
        if (!has_place(u, &old->piece)) unlink(old->piece.path);
        *old = b;
    } else {
        ARENA_PUSH(u->a, u->blocks, u->block_count, u->block_cap, b);
    }
    return 0;
}

static int put_placed(service *s, upload *u, str id, const piece *x, err *e) {
    if (!has_place(u, x))
        return err_set(e, ERR_INVALID, "the upload was put together while the block was sent");
    u->places.writers--;
    return put_block(s, u, id, x, e);
}

int upload_put_block(service *s, upload *u, str id, const piece *x, bool placed, err *e) {
    pthread_mutex_lock(&s->lock);
    int r = placed ? put_placed(s, u, id, x, e) : put_block(s, u, id, x, e);
    pthread_mutex_unlock(&s->lock);
    if (r < 0 && !placed) unlink(x->path);
    return r;
}

static void set_whole(upload *u, char *path, uint64_t size, const char *digest) {
    if (u->path && u->path != path) unlink(u->path);
    u->path = path;
    u->size = size;
    memcpy(u->digest, digest, DIGEST_SIZE);
    u->committed = true;
}

int upload_put_whole(service *s, upload *u, const char *path, uint64_t size,
                     const char digest[DIGEST_SIZE], err *e) {
    pthread_mutex_lock(&s->lock);
    int r = upload_judge(s, u, size, e);
    if (r == 0) set_whole(u, arena_cstr(u->a, str_from(path)), size, digest);
    pthread_mutex_unlock(&s->lock);
    if (r < 0) unlink(path);
    return r;
}

/* ---- block lists ---------------------------------------------------------------------------- */

static bool same_list(const upload *u, const str *ids, size_t count) {
    bool same = u->committed && u->committed_count == count && (count || u->committed_ids);
    for (size_t i = 0; same && i < count; i++)
        same = str_eq(u->committed_ids[i], ids[i]);
    return same;
}

static int compare_blocks(const void *a, const void *b) {
    return str_cmp(((const block *)a)->id, ((const block *)b)->id);
}

/* The blocks of the list in its order. */
static int find_pieces(upload *u, arena *a, const str *ids, size_t count, piece *pieces, err *e) {
    bool *taken = ARENA_ARRAY(a, bool, u->block_count + 1);
    if (u->block_count) qsort(u->blocks, u->block_count, sizeof *u->blocks, compare_blocks);
    for (size_t i = 0; i < count; i++) {
        const block wanted = {.id = ids[i]};
        block *b = u->block_count ? bsearch(&wanted, u->blocks, u->block_count, sizeof *u->blocks,
                                            compare_blocks)
                                  : NULL;
        if (!b)
            return err_set(e, ERR_INVALID, "the block list names a block that was not uploaded");
        if (taken[b - u->blocks])
            return err_set(e, ERR_UNSUPPORTED, "the block list names a block twice");
        taken[b - u->blocks] = true;
        pieces[i] = b->piece;
    }
    return 0;
}

typedef struct commit {
    const str *ids;
    size_t count;
    piece *pieces;
    bool done;   /* the same list has come before */
    bool placed; /* the file of the places is the whole */
    char *path;
    uint64_t size;
    char digest[DIGEST_SIZE];
} commit;

static int begin_commit(service *s, upload *u, arena *a, commit *c, err *e) {
    c->done = same_list(u, c->ids, c->count);
    if (c->done) return 0;
    int r = upload_judge(s, u, 0, e);
    if (r < 0) return r;
    c->pieces = ARENA_ARRAY(a, piece, c->count + 1);
    if ((r = find_pieces(u, a, c->ids, c->count, c->pieces, e)) < 0) return r;
    c->placed = places_are(&u->places, c->pieces, c->count, &c->size);
    c->path = c->placed ? u->places.path : NULL;
    u->busy = true;
    return 0;
}

/* An artifact's digest is compared with what the client tells; that of a large cache can wait. */
static char *wanted_digest(const upload *u, uint64_t size, char digest[DIGEST_SIZE]) {
    digest[0] = '\0';
    return u->kind == UPLOAD_ARTIFACT || size < HASHED_LATER ? digest : NULL;
}

static int make_whole(service *s, const upload *u, arena *a, commit *c, err *e) {
    char *digest = wanted_digest(u, c->size, c->digest);
    if (!c->placed) return join_pieces(s, a, c->pieces, c->count, &c->path, digest, e);
    const piece whole = {c->path, 0, c->size};
    if (truncate(c->path, (off_t)c->size) < 0)
        return err_sys(e, errno, "cannot keep what is uploaded");
    return digest ? hash_piece(&whole, digest, NULL, e) : 0;
}

static void end_commit(upload *u, const commit *c) {
    u->committed_ids = ARENA_ARRAY(u->a, str, c->count + 1);
    u->committed_count = c->count;
    for (size_t i = 0; i < c->count; i++)
        u->committed_ids[i] = arena_str(u->a, c->ids[i]);
    forget_blocks(u, c->path);
    set_whole(u, arena_cstr(u->a, str_from(c->path)), c->size, c->digest);
}

int upload_commit_blocks(service *s, upload *u, const str *ids, size_t count, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    commit c = {.ids = ids, .count = count};
    pthread_mutex_lock(&s->lock);
    int r = begin_commit(s, u, a, &c, e);
    pthread_mutex_unlock(&s->lock);
    if (r < 0 || c.done) return r;
    r = make_whole(s, u, a, &c, e);
    pthread_mutex_lock(&s->lock);
    u->busy = false;
    if (r == 0) end_commit(u, &c);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* ---- stretches ------------------------------------------------------------------------------ */

static int ranged_file(service *s, upload *u, int *ret_fd, err *e) {
    int r = upload_judge(s, u, 0, e);
    if (r == 0 && u->committed) r = err_set(e, ERR_INVALID, "the upload has been ended");
    if (r == 0 && !u->ranged) r = staging_file(s, u->a, &u->ranged, ret_fd, e);
    return r;
}

int upload_ranged_file(service *s, upload *u, int *ret_fd, err *e) {
    *ret_fd = -1;
    pthread_mutex_lock(&s->lock);
    int r = ranged_file(s, u, ret_fd, e);
    char *path = u->ranged;
    pthread_mutex_unlock(&s->lock);
    if (r < 0 || *ret_fd >= 0) return r;
    *ret_fd = open(path, O_WRONLY | O_CLOEXEC);
    return *ret_fd < 0 ? err_sys(e, errno, "cannot open what was uploaded") : 0;
}

/* Merges `x` into the sorted list. */
static void add_stretch(upload *u, stretch x) {
    size_t kept = 0;
    for (size_t i = 0; i < u->stretch_count; i++) {
        stretch old = u->stretches[i];
        if (old.to < x.from || x.to < old.from) {
            u->stretches[kept++] = old;
            continue;
        }
        if (old.from < x.from) x.from = old.from;
        if (old.to > x.to) x.to = old.to;
    }
    u->stretch_count = kept;
    ARENA_PUSH(u->a, u->stretches, u->stretch_count, u->stretch_cap, x);
}

int upload_put_stretch(service *s, upload *u, stretch x, err *e) {
    pthread_mutex_lock(&s->lock);
    int r = upload_judge(s, u, x.to, e);
    if (r == 0 && u->stretch_count >= BLOCKLIST_MAX)
        r = err_set(e, ERR_LIMIT, "an upload may have %d pieces", BLOCKLIST_MAX);
    if (r == 0) add_stretch(u, x);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int begin_ranged(service *s, upload *u, uint64_t size, err *e) {
    int r = upload_judge(s, u, 0, e);
    if (r < 0) return r;
    /* Whoever still sends a piece could change the file after it was hashed. */
    if (u->refs > 1) return err_set(e, ERR_INVALID, "pieces of the upload are still being sent");
    bool whole = u->stretch_count == 1 && u->stretches[0].from == 0 && u->stretches[0].to == size;
    if (!whole && (size || u->stretch_count))
        return err_set(e, ERR_INVALID, "what was uploaded is not one piece of %llu bytes",
                       (unsigned long long)size);
    u->busy = true;
    return 0;
}

int upload_commit_stretches(service *s, upload *u, uint64_t size, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char digest[DIGEST_SIZE] = "";
    pthread_mutex_lock(&s->lock);
    int r = u->committed ? 0 : begin_ranged(s, u, size, e);
    bool done = u->committed;
    char *path = u->ranged;
    pthread_mutex_unlock(&s->lock);
    if (done && u->size != size)
        return err_set(e, ERR_INVALID, "the upload was ended with another size");
    if (r < 0 || done) return r;
    const piece whole = {path, 0, size};
    char *wanted = wanted_digest(u, size, digest);
    if (!path)
        r = join_pieces(s, a, NULL, 0, &path, digest, e);
    else if (wanted)
        r = hash_piece(&whole, digest, NULL, e);
    pthread_mutex_lock(&s->lock);
    u->busy = false;
    if (r == 0) set_whole(u, arena_cstr(u->a, str_from(path)), size, digest);
    if (r == 0) u->ranged = NULL;
    pthread_mutex_unlock(&s->lock);
    return r;
}
