#include "store/blobs.h"

#include "base/fs.h"
#include "base/hash.h"
#include "store/durable.h"
#include "store/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY  "new"
#define COPY_BYTES (1u << 18)

struct blob_writer {
    arena *a;
    const char *dir;
    char *path; /* of the temporary file */
    int fd;
    uint64_t size;
    sha256 *hash;
};

bool blob_name_valid(str digest) {
    if (digest.len != BLOB_NAME_SIZE - 1) return false;
    for (size_t i = 0; i < digest.len; i++) {
        char c = digest.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

char *blob_path(arena *a, const char *dir, str digest) {
    str name = arena_printf(a, "%.2s/%.*s", digest.ptr, STR_ARG(digest));
    return fs_join(a, dir, name);
}

/* ---- putting -------------------------------------------------------------------------------- */

int blob_begin(const char *dir, blob_writer **ret, err *e) {
    arena *a = arena_new();
    blob_writer *w = ARENA_NEW(a, blob_writer);
    char name[33];
    *w = (blob_writer){.a = a, .dir = arena_cstr(a, str_from(dir)), .fd = -1};
    char *folder = fs_join(a, dir, STR(TEMPORARY));
    int r = fs_mkdirs(folder, 0700, e);
    random_hex(16, name);
    w->path = fs_join(a, folder, str_from(name));
    if (r == 0) {
        w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (w->fd < 0) r = err_sys(e, errno, "cannot make '%s'", w->path);
    }
    if (r < 0) {
        arena_free(a);
        return r;
    }
    w->hash = sha256_new();
    *ret = w;
    return 0;
}

int blob_write(blob_writer *w, str bytes, err *e) {
    if (durable_write(w->fd, bytes, w->size) < 0)
        return err_sys(e, errno, "cannot write '%s'", w->path);
    sha256_add(w->hash, bytes.ptr, bytes.len);
    w->size += bytes.len;
    return 0;
}

static void finish_hash(blob_writer *w, char digest[BLOB_NAME_SIZE]) {
    uint8_t bytes[32];
    sha256_end(w->hash, bytes);
    w->hash = NULL;
    hex_encode(bytes, sizeof bytes, digest);
}

void blob_drop(blob_writer *w) {
    char ignored[BLOB_NAME_SIZE];
    if (!w) return;
    if (w->hash) finish_hash(w, ignored);
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->path);
    }
    arena_free(w->a);
}

/* The blob is there already: from now on it is as young as a new one. A file of another size is
 * what a broken disk has left, and is replaced. */
static bool renew(const char *path, uint64_t size) {
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) return false;
    return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Gives a synced file its name. Held together with others, so that no sweep removes a blob between
 * the look at it and its new age. */
static int place(arena *a, const char *dir, const char *from, const char *digest, uint64_t size,
                 err *e) {
    char *to = blob_path(a, dir, str_from(digest));
    char *folder = arena_cstr(a, str_sub(str_from(to), 0, (size_t)(strrchr(to, '/') - to)));
    _cleanup_close_ int hold = -1;
    int r = hold_keep(dir, &hold, e);
    if (r < 0) return r;
    if (renew(to, size)) {
        unlink(from);
        return 0;
    }
    bool fresh = !fs_is_dir(folder);
    r = fs_mkdirs(folder, 0700, e);
    if (r == 0) r = durable_rename(from, to, e);
    if (r == 0 && fresh) r = durable_dir(dir, e);
    return r;
}

int blob_end(blob_writer *w, char digest[BLOB_NAME_SIZE], uint64_t *ret_size, err *e) {
    int r = fsync(w->fd) < 0 ? err_sys(e, errno, "cannot sync '%s'", w->path) : 0;
    finish_hash(w, digest);
    if (r == 0) r = place(w->a, w->dir, w->path, digest, w->size, e);
    if (ret_size) *ret_size = w->size;
    if (r == 0) {
        close(w->fd);
        w->fd = -1; /* the file has another name, or none */
    }
    blob_drop(w);
    return r;
}

int blob_put(const char *dir, str bytes, char digest[BLOB_NAME_SIZE], err *e) {
    blob_writer *w;
    int r = blob_begin(dir, &w, e);
    if (r < 0) return r;
    r = blob_write(w, bytes, e);
    if (r == 0) return blob_end(w, digest, NULL, e);
    blob_drop(w);
    return r;
}

/* ---- adopting ------------------------------------------------------------------------------- */

static int copy_in(const char *dir, const char *path, int fd, char digest[BLOB_NAME_SIZE],
                   uint64_t *ret_size, err *e) {
    blob_writer *w;
    int r = blob_begin(dir, &w, e);
    if (r < 0) return r;
    char *bytes = mem_alloc(COPY_BYTES);
    ssize_t n = 0;
    while (r == 0 && (n = pread(fd, bytes, COPY_BYTES, (off_t)w->size)) > 0)
        r = blob_write(w, (str){bytes, (size_t)n}, e);
    if (r == 0 && n < 0) r = err_sys(e, errno, "cannot read '%s'", path);
    free(bytes);
    if (r == 0) return blob_end(w, digest, ret_size, e);
    blob_drop(w);
    return r;
}

static bool same_device(const char *dir, const struct stat *st) {
    struct stat of_dir;
    return stat(dir, &of_dir) == 0 && of_dir.st_dev == st->st_dev;
}

static int move_in(const char *dir, const char *path, int fd, const char *known,
                   char digest[BLOB_NAME_SIZE], uint64_t size, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    uint8_t bytes[32];
    if (known) {
        memcpy(digest, known, BLOB_NAME_SIZE);
    } else {
        int r = sha256_file(path, bytes, e);
        if (r < 0) return r;
        hex_encode(bytes, sizeof bytes, digest);
    }
    if (fchmod(fd, 0600) < 0 || fsync(fd) < 0) return err_sys(e, errno, "cannot sync '%s'", path);
    return place(a, dir, path, digest, size, e);
}

int blob_adopt(const char *dir, const char *path, const char *known, char digest[BLOB_NAME_SIZE],
               uint64_t *ret_size, err *e) {
    struct stat st;
    if (known && !blob_name_valid(str_from(known)))
        return err_set(e, ERR_INVALID, "'%s' is no SHA-256 in hex", known);
    int r = fs_mkdirs(dir, 0700, e);
    if (r < 0) return r;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is not a file", path);
    if (ret_size) *ret_size = (uint64_t)st.st_size;
    if (same_device(dir, &st))
        return move_in(dir, path, fd, known, digest, (uint64_t)st.st_size, e);
    r = copy_in(dir, path, fd, digest, ret_size, e);
    if (r == 0) unlink(path);
    return r;
}

/* ---- reading -------------------------------------------------------------------------------- */

int blob_open(const char *dir, str digest, int *ret_fd, uint64_t *ret_size, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    struct stat st;
    if (!blob_name_valid(digest))
        return err_set(e, ERR_INVALID, "'%.*s' is no SHA-256 in hex",
                       STR_ARG(str_sub(digest, 0, 80)));
    char *path = blob_path(a, dir, digest);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "there is no blob %.*s", STR_ARG(digest));
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is not a file", path);
    if (ret_size) *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int blob_verify(const char *dir, str digest, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    uint8_t bytes[32];
    char found[BLOB_NAME_SIZE];
    _cleanup_close_ int fd = -1;
    int r = blob_open(dir, digest, &fd, NULL, e);
    if (r == 0) r = sha256_file(blob_path(a, dir, digest), bytes, e);
    if (r < 0) return r;
    hex_encode(bytes, sizeof bytes, found);
    if (str_is(digest, found)) return 0;
    return err_set(e, ERR_INVALID, "the blob %.*s is damaged: what is in it has the digest %s",
                   STR_ARG(digest), found);
}

/* ---- all ------------------------------------------------------------------------------------ */

typedef int file_fn(void *context, const char *path, str name, const struct stat *st, err *e);

/* Files of a folder; one that goes meanwhile is passed over. */
static int each_file(const char *folder, file_fn *each, void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    struct stat st;
    int r = fs_list(a, folder, &entries, &count, e);
    if (r == ERR_NOT_FOUND) return 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        char *path = fs_join(a, folder, entries[i].name);
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            r = each(context, path, entries[i].name, &st, e);
    }
    return r;
}

static int each_blob(const char *dir, file_fn *each, void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    for (unsigned i = 0; i < 256; i++) {
        str name = arena_printf(a, "%02x", i);
        int r = each_file(fs_join(a, dir, name), each, context, e);
        if (r < 0) return r;
    }
    return 0;
}

typedef struct listing {
    blob_fn *each;
    void *context;
} listing;

static int list_one(void *context, const char *path, str name, const struct stat *st, err *e) {
    listing *l = context;
    (void)path;
    return blob_name_valid(name) ? l->each(l->context, name, (uint64_t)st->st_size, e) : 0;
}

int blob_list(const char *dir, blob_fn *each, void *context, err *e) {
    listing l = {each, context};
    return each_blob(dir, list_one, &l, e);
}

/* ---- sweeping ------------------------------------------------------------------------------- */

typedef struct sweep {
    const char *dir;
    blob_used_fn *used;
    void *context;
    int64_t before_us;
    blob_swept *found;
} sweep;

static bool is_old(const sweep *s, const struct stat *st) {
    int64_t at = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
    return at < s->before_us;
}

/* Alone, and after another look at its age: it may have been put again meanwhile. */
static int remove_old(sweep *s, const char *path, err *e) {
    struct stat st;
    _cleanup_close_ int hold = -1;
    int r = hold_remove(s->dir, &hold, e);
    if (r) {
        s->found->held |= r > 0;
        return r < 0 ? r : 0;
    }
    if (lstat(path, &st) < 0 || !is_old(s, &st)) return 0;
    if (unlink(path) < 0) return err_sys(e, errno, "cannot remove '%s'", path);
    s->found->removed++;
    s->found->removed_bytes += (uint64_t)st.st_size;
    return 0;
}

static int sweep_temporary(void *context, const char *path, str name, const struct stat *st,
                           err *e) {
    sweep *s = context;
    (void)name;
    return !s->found->held && is_old(s, st) ? remove_old(s, path, e) : 0;
}

static int sweep_one(void *context, const char *path, str name, const struct stat *st, err *e) {
    sweep *s = context;
    if (!blob_name_valid(name)) return 0;
    if (!s->found->held && is_old(s, st)) {
        int used = s->used(s->context, name, e);
        if (used < 0) return used;
        uint64_t before = s->found->removed;
        int r = used ? 0 : remove_old(s, path, e);
        if (r < 0 || s->found->removed > before) return r;
    }
    s->found->kept++;
    return 0;
}

int blob_sweep(const char *dir, blob_used_fn *used, void *context, int64_t now_us, int64_t grace_us,
               blob_swept *ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    sweep s = {dir, used, context, now_us - grace_us, ret};
    *ret = (blob_swept){0};
    int r = each_file(fs_join(a, dir, STR(TEMPORARY)), sweep_temporary, &s, e);
    return r < 0 ? r : each_blob(dir, sweep_one, &s, e);
}
