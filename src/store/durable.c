#include "store/durable.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int durable_write(int fd, str bytes, uint64_t offset) {
    while (bytes.len) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        bytes = str_sub(bytes, (size_t)n, bytes.len);
        offset += (size_t)n;
    }
    return 0;
}

int durable_read(int fd, void *into, size_t size, uint64_t offset) {
    for (char *at = into; size;) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = 0;
        if (n <= 0) return -1;
        at += n;
        size -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}

int durable_dir(const char *path, err *e) {
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : err_sys(e, errno, "cannot sync the folder '%s'", path);
}

int durable_parent(const char *path, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    ptrdiff_t slash = str_rfind_char(str_from(path), '/');
    if (slash < 0) return durable_dir(".", e);
    return durable_dir(slash ? arena_cstr(a, str_sub(str_from(path), 0, (size_t)slash)) : "/", e);
}

int durable_rename(const char *from, const char *to, err *e) {
    if (rename(from, to) < 0) return err_sys(e, errno, "cannot rename '%s' to '%s'", from, to);
    return durable_parent(to, e);
}
