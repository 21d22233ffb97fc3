/* staging.c: files of what is being uploaded.
 *
 * Each process has a folder of its own and holds a lock in it. A folder whose lock is free belongs
 * to a process that was killed, and the next one removes it. */
#include "actions/service.h"

#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1u << 20)

static void remove_stale(const char *parent, const char *own) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err ignored = {0};
    if (fs_list(a, parent, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        char *folder = fs_join(a, parent, entries[i].name);
        if (strcmp(folder, own) == 0) continue;
        int lock = open(fs_join(a, folder, STR("lock")), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (lock < 0) continue; /* it is just being made */
        if (flock(lock, LOCK_EX | LOCK_NB) == 0) fs_remove(folder, &ignored);
        close(lock);
    }
}

int staging_open(service *s, err *e) {
    char name[NAME_SIZE];
    char *parent = fs_join(s->a, s->data, STR("staging"));
    random_hex(16, name);
    s->staging = fs_join(s->a, parent, str_from(name));
    if (fs_mkdirs(s->staging, 0700, e) < 0) return e->code;
    char *lock = fs_join(s->a, s->staging, STR("lock"));
    s->staging_lock = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->staging_lock < 0 || flock(s->staging_lock, LOCK_EX | LOCK_NB) < 0)
        return err_sys(e, errno, "cannot lock '%s'", lock);
    remove_stale(parent, s->staging);
    return 0;
}

void staging_close(service *s) {
    err ignored = {0};
    if (s->staging) fs_remove(s->staging, &ignored);
    if (s->staging_lock >= 0) close(s->staging_lock);
}

int staging_file(service *s, arena *a, char **ret_path, int *ret_fd, err *e) {
    char name[NAME_SIZE];
    random_hex(16, name);
    *ret_path = fs_join(a, s->staging, str_from(name));
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
    const char *const *paths;
    size_t count;
    int whole;
    err e;
} join;

static int append_file(int whole, const char *path, err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot read what was uploaded");
    ssize_t n;
    do
        n = copy_file_range(fd, NULL, whole, NULL, COPY_BYTES, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    int code = errno;
    close(fd);
    return n < 0 ? err_sys(e, code, "cannot keep what is uploaded") : 0;
}

/* Beside the hashing, which takes about as long: the files that are appended do not change. */
static void *append_all(void *context) {
    join *x = context;
    int r = lseek(x->whole, 0, SEEK_END) < 0 ? err_sys(&x->e, errno, "cannot keep what is uploaded")
                                             : 0;
    for (size_t i = 1; r == 0 && i < x->count; i++)
        r = append_file(x->whole, x->paths[i], &x->e);
    return NULL;
}

/* Hashes at most `most` bytes of a file and counts them. */
static int hash_file(sha256 *h, const char *path, uint64_t most, uint64_t *size, err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot read what was uploaded");
    char *buffer = mem_alloc(COPY_BYTES);
    ssize_t n = 1;
    while (most && n) {
        n = read(fd, buffer, most < COPY_BYTES ? (size_t)most : COPY_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        sha256_add(h, buffer, (size_t)n);
        *size += (uint64_t)n;
        most -= (uint64_t)n;
    }
    int code = errno;
    free(buffer);
    close(fd);
    return n < 0 ? err_sys(e, code, "cannot read what was uploaded") : 0;
}

/* The first file grows while it is hashed: only what it has had is its own. */
static int hash_all(const join *x, uint64_t first, uint64_t *ret_size, char digest[DIGEST_SIZE],
                    err *e) {
    uint8_t bytes[32];
    sha256 *h = sha256_new();
    int r = 0;
    *ret_size = 0;
    for (size_t i = 0; r == 0 && i < x->count; i++)
        r = hash_file(h, x->paths[i], i ? UINT64_MAX : first, ret_size, e);
    sha256_end(h, bytes);
    hex_encode(bytes, sizeof bytes, digest);
    return r;
}

int join_files(const char *const *paths, size_t count, uint64_t *ret_size, char digest[DIGEST_SIZE],
               err *e) {
    struct stat st;
    pthread_t helper;
    join x = {.paths = paths, .count = count, .whole = open(paths[0], O_WRONLY | O_CLOEXEC)};
    if (x.whole < 0 || fstat(x.whole, &st) < 0) {
        int code = errno;
        if (x.whole >= 0) close(x.whole);
        return err_sys(e, code, "cannot read what was uploaded");
    }
    bool beside = count > 1 && pthread_create(&helper, NULL, append_all, &x) == 0;
    int r = hash_all(&x, (uint64_t)st.st_size, ret_size, digest, e);
    if (beside)
        pthread_join(helper, NULL);
    else
        append_all(&x);
    close(x.whole);
    if (r == 0 && x.e.code) {
        *e = x.e;
        r = x.e.code;
    }
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
