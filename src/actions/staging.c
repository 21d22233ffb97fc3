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

/* Hashes what is left of `from`, and writes it to `to` where that is another file. */
static int copy_and_hash(int from, int to, sha256 *h, char *buffer, uint64_t *size, err *e) {
    for (;;) {
        ssize_t n = read(from, buffer, COPY_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot read what was uploaded");
        if (n == 0) return 0;
        sha256_add(h, buffer, (size_t)n);
        *size += (uint64_t)n;
        int r = to == from ? 0 : write_all(to, (str){buffer, (size_t)n}, -1, e);
        if (r < 0) return r;
    }
}

int join_files(const char *const *paths, size_t count, uint64_t *ret_size, char digest[DIGEST_SIZE],
               err *e) {
    uint8_t bytes[32];
    char *buffer = mem_alloc(COPY_BYTES);
    sha256 *h = sha256_new();
    int r = 0, whole = -1;
    *ret_size = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        int fd = open(paths[i], (i ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (fd < 0) {
            r = err_sys(e, errno, "cannot read what was uploaded");
            break;
        }
        if (i == 0) whole = fd;
        r = copy_and_hash(fd, whole, h, buffer, ret_size, e);
        if (i) close(fd);
    }
    if (whole >= 0) close(whole);
    sha256_end(h, bytes);
    hex_encode(bytes, sizeof bytes, digest);
    free(buffer);
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
