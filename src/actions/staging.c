/* staging.c: files of what is being uploaded, in a folder of the process. */
#include "actions/service.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_BYTES (1u << 20)

int staging_open(service *s, err *e) {
    char *parent = fs_join(s->a, s->data, STR("staging"));
    int r = fs_mkdirs(parent, 0700, e);
    if (r == 0) r = leased_make(s->a, parent, "", &s->staging, e);
    if (r == 0) leased_sweep(parent, "", fs_remove, NULL);
    return r;
}

void staging_close(service *s) {
    err ignored = {0};
    if (s->staging.path) fs_remove(s->staging.path, &ignored);
    if (s->staging.lock >= 0) close(s->staging.lock);
}

int staging_file(service *s, arena *a, char **ret_path, int *ret_fd, err *e) {
    char name[NAME_SIZE];
    random_hex(16, name);
    *ret_path = fs_join(a, s->staging.path, str_from(name));
    *ret_fd = open(*ret_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *ret_fd < 0 ? err_sys(e, errno, "cannot make '%s'", *ret_path) : 0;
}

int write_all(int fd, str bytes, int64_t offset, err *e) {
    while (bytes.len) {
        ssize_t n = offset < 0 ? write(fd, bytes.ptr, bytes.len)
                               : pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot keep what is uploaded");
        bytes = str_sub(bytes, (size_t)n, bytes.len);
        if (offset >= 0) offset += n;
    }
    return 0;
}

/* ---- joining -------------------------------------------------------------------------------- */

typedef struct join {
    const piece *pieces;
    size_t count;
    int whole;
    err e;
} join;

static int open_piece(const piece *x, err *e) {
    int fd = open(x->path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(e, errno, "cannot read what was uploaded") : fd;
}

static int append_piece(int whole, const piece *x, err *e) {
    int fd = open_piece(x, e);
    if (fd < 0) return fd;
    off_t at = (off_t)x->at, end = at + (off_t)x->size;
    ssize_t n = 1;
    while (at < end && n) {
        size_t left = (size_t)(end - at);
        n = copy_file_range(fd, &at, whole, NULL, left < COPY_BYTES ? left : COPY_BYTES, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
    }
    int code = n < 0 ? errno : EIO;
    close(fd);
    return at < end ? err_sys(e, code, "cannot keep what is uploaded") : 0;
}

static void *append_all(void *context) {
    join *x = context;
    int r = 0;
    for (size_t i = 0; r == 0 && i < x->count; i++)
        r = append_piece(x->whole, &x->pieces[i], &x->e);
    return NULL;
}

static int add_piece(sha256 *h, const piece *x, const atomic_bool *stop, err *e) {
    int fd = open_piece(x, e);
    if (fd < 0) return fd;
    char *buffer = mem_alloc(COPY_BYTES);
    uint64_t at = x->at, end = at + x->size;
    ssize_t n = 1;
    while (at < end && n && !(stop && *stop)) {
        n = pread(fd, buffer, end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        sha256_add(h, buffer, (size_t)n);
        at += (uint64_t)n;
    }
    int code = n < 0 ? errno : EIO;
    free(buffer);
    close(fd);
    if (at == end) return 0;
    if (stop && *stop) return err_set(e, ERR_CANCELLED, "the services are being stopped");
    return err_sys(e, code, "cannot read what was uploaded");
}

static int hash_all(const piece *pieces, size_t count, char digest[DIGEST_SIZE],
                    const atomic_bool *stop, err *e) {
    uint8_t bytes[32];
    sha256 *h = sha256_new();
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_piece(h, &pieces[i], stop, e);
    sha256_end(h, bytes);
    if (r == 0) hex_encode(bytes, sizeof bytes, digest);
    return r;
}

int hash_piece(const piece *x, char digest[DIGEST_SIZE], const atomic_bool *stop, err *e) {
    return hash_all(x, 1, digest, stop, e);
}

/* Copying goes on beside hashing, which takes about as long: the pieces do not change. */
static int join_into(join *x, char *digest, err *e) {
    pthread_t helper;
    bool beside = digest && pthread_create(&helper, NULL, append_all, x) == 0;
    int r = digest ? hash_all(x->pieces, x->count, digest, NULL, e) : 0;
    if (beside)
        pthread_join(helper, NULL);
    else
        append_all(x);
    if (r < 0 || !x->e.code) return r;
    *e = x->e;
    return x->e.code;
}

int join_pieces(service *s, arena *a, const piece *pieces, size_t count, char **ret_path,
                char *digest, err *e) {
    join x = {.pieces = pieces, .count = count};
    int r = staging_file(s, a, ret_path, &x.whole, e);
    if (r < 0) return r;
    r = join_into(&x, digest, e);
    close(x.whole);
    if (r < 0) unlink(*ret_path);
    return r;
}

int move_file(const char *from, const char *to, err *e) {
    if (rename(from, to) == 0) return 0;
    if (errno != EXDEV) return err_sys(e, errno, "cannot make '%s'", to);
    _cleanup_arena_ arena *a = arena_new();
    char name[NAME_SIZE];
    err ignored = {0};
    random_hex(16, name);
    char *beside = arena_cstr(a, arena_printf(a, "%s.%s", to, name));
    int r = fs_copy(from, beside, e);
    if (r == 0 && rename(beside, to) < 0) r = err_sys(e, errno, "cannot make '%s'", to);
    if (r < 0)
        fs_remove(beside, &ignored);
    else
        unlink(from);
    return r;
}
