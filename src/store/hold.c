#include "store/hold.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int take(const char *dir, int how, int *ret_fd, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *path = fs_join(a, dir, STR(HOLD_FILE));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = -1;
    if (fd < 0 && errno == EROFS && how == LOCK_SH) {
        *ret_fd = -1; /* nobody removes anything there */
        return 0;
    }
    if (fd < 0) return err_sys(e, errno, "cannot open '%s'", path);
    while ((r = flock(fd, how)) < 0 && errno == EINTR)
        continue;
    if (r == 0) {
        *ret_fd = fd;
        return 0;
    }
    int code = errno;
    close(fd);
    return code == EWOULDBLOCK ? 1 : err_sys(e, code, "cannot lock '%s'", path);
}

int hold_keep(const char *dir, int *ret_fd, err *e) {
    return take(dir, LOCK_SH, ret_fd, e);
}

int hold_remove(const char *dir, int *ret_fd, err *e) {
    return take(dir, LOCK_EX | LOCK_NB, ret_fd, e);
}
