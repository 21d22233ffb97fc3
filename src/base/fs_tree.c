/* fs_tree.c: removes and copies whole trees.
 *
 * Both walk by descriptors (openat and the like), never by path names: what a job leaves behind may
 * be deeper than PATH_MAX and full of links, and no link is followed. A folder is opened with
 * O_NOFOLLOW; where its mode forbids even us to open it, it is first opened with O_PATH and its
 * mode is changed through that descriptor, so nothing can be put in its place in between.
 *
 * Removal recurses to a fixed depth. Folders that are deeper are moved to the top of the tree and
 * emptied from there, so that neither stack nor descriptors bound what can be removed. It keeps out
 * of whatever is mounted in the tree, and goes on after a failure: the first one is reported. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMOVE_DEPTH 32  /* folders deeper than this are moved up */
#define COPY_DEPTH   200 /* two descriptors each */

typedef struct remover {
    int top;         /* descriptor of the folder that is removed */
    unsigned moved;  /* folders moved to the top */
    int first_errno; /* 0: all went well */
    char first_name[NAME_MAX + 1];
} remover;

static void failed(remover *r, const char *name) {
    if (r->first_errno) return;
    r->first_errno = errno;
    snprintf(r->first_name, sizeof r->first_name, "%s", name);
}

static bool is_dots(const char *name) {
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Opens a folder for emptying it, changing its mode where that is in the way. */
static int open_for_removal(int parent, const char *name) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd >= 0 || errno != EACCES) return fd;
    int handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0) return -1;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
    if (chmod(path, 0700) == 0) fd = openat(handle, ".", flags);
    int code = errno;
    close(handle);
    errno = code;
    return fd;
}

static bool is_mount_root(int fd) {
    struct statx st;
    return statx(fd, "", AT_EMPTY_PATH, 0, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* unlinkat that makes the folder writable where it is not. */
static int unlink_in(int fd, const char *name, int flags) {
    if (unlinkat(fd, name, flags) == 0) return 0;
    if (errno != EACCES || fchmod(fd, 0700) < 0) return -1;
    return unlinkat(fd, name, flags);
}

/* A folder that changes its parent must be writable, as must be both parents. */
static bool unlock(const remover *r, int fd, int child) {
    return fchmod(fd, 0700) == 0 && fchmod(child, 0700) == 0 && fchmod(r->top, 0700) == 0;
}

static bool move_to_top(remover *r, int fd, const char *name, int child) {
    bool unlocked = false;
    for (unsigned tries = 0; tries < 1000; tries++) {
        char target[40];
        snprintf(target, sizeof target, "removed-%u", r->moved + tries);
        if (renameat(fd, name, r->top, target) == 0) {
            r->moved++;
            return true;
        }
        bool taken = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR;
        if (!taken && (errno != EACCES || unlocked || !unlock(r, fd, child))) return false;
        unlocked = unlocked || !taken;
    }
    return false;
}

static void empty_dir(remover *r, int fd, unsigned depth);

static void remove_dir_in(remover *r, int fd, const char *name, unsigned depth) {
    int child = open_for_removal(fd, name);
    if (child < 0) {
        if (errno != ENOENT) failed(r, name);
        return;
    }
    if (is_mount_root(child)) {
        close(child);
        errno = EBUSY;
        failed(r, name);
        return;
    }
    if (depth >= REMOVE_DEPTH) {
        if (!move_to_top(r, fd, name, child)) failed(r, name);
        close(child);
        return;
    }
    empty_dir(r, child, depth + 1);
    if (unlink_in(fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) failed(r, name);
}

/* Takes over `fd`. */
static void empty_dir(remover *r, int fd, unsigned depth) {
    DIR *dir = fdopendir(fd);
    if (!dir) {
        failed(r, ".");
        close(fd);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (is_dots(d->d_name)) continue;
        if (d->d_type != DT_DIR) {
            if (unlink_in(fd, d->d_name, 0) == 0 || errno == ENOENT) continue;
            if (errno != EISDIR) {
                failed(r, d->d_name);
                continue;
            }
        }
        remove_dir_in(r, fd, d->d_name, depth);
    }
    closedir(dir);
}

static int remove_tree(int dir, const char *path, err *e) {
    remover r = {.top = open_for_removal(dir, path)};
    if (r.top < 0) return err_sys(e, errno, "cannot remove '%s'", path);
    for (unsigned before = 1; before != r.moved;) {
        before = r.moved;
        int fd = openat(r.top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            failed(&r, ".");
        else
            empty_dir(&r, fd, 0);
    }
    close(r.top);
    if (r.first_errno)
        return err_sys(e, r.first_errno, "cannot remove '%s' in '%s'", r.first_name, path);
    if (unlinkat(dir, path, AT_REMOVEDIR) < 0) return err_sys(e, errno, "cannot remove '%s'", path);
    return 0;
}

int fs_remove_at(int dir, const char *path, err *e) {
    if (unlinkat(dir, path, 0) == 0 || errno == ENOENT || errno == ENOTDIR) return 0;
    if (errno == EISDIR) return remove_tree(dir, path, e);
    return err_sys(e, errno, "cannot remove '%s'", path);
}

int fs_remove(const char *path, err *e) {
    return fs_remove_at(AT_FDCWD, path, e);
}

typedef struct copier {
    dev_t target_device; /* the folder that is being made, so as not to copy it into itself */
    ino_t target_inode;
    bool no_reflink;
    char name[NAME_MAX + 1]; /* what a failure was about */
} copier;

static int copy_failed(copier *c, const char *name) {
    if (!c->name[0]) snprintf(c->name, sizeof c->name, "%s", name);
    return -1;
}

/* Without the kernel's help: between some file systems and for files without a size. */
static int copy_by_hand(int in, int out) {
    char buffer[64 * 1024];
    for (;;) {
        ssize_t n = read(in, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return (int)n;
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(out, buffer + at, (size_t)(n - at));
            if (w < 0 && errno != EINTR) return -1;
            if (w > 0) at += w;
        }
    }
}

static int copy_bytes(copier *c, int in, int out) {
    if (!c->no_reflink && ioctl(out, FICLONE, in) == 0) return 0;
    c->no_reflink = true;
    ssize_t n;
    do
        n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    /* Both offsets stand where the kernel stopped, at the end or at what it could not do. */
    return n < 0 && (errno == ENOSPC || errno == EIO || errno == EDQUOT || errno == EFBIG)
               ? -1
               : copy_by_hand(in, out);
}

/* An existing file is overwritten; an existing link is replaced, not followed. A pipe that nobody
 * reads is an error, not a wait. */
static int create_in(int dir, const char *name) {
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = openat(dir, name, flags, 0600);
    if (fd >= 0 || (errno != ELOOP && errno != EACCES)) return fd;
    return unlinkat(dir, name, 0) < 0 ? -1 : openat(dir, name, flags, 0600);
}

static int copy_file(copier *c, int from_dir, const char *from, int to_dir, const char *to) {
    struct stat st;
    int in = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int out = in < 0 ? -1 : create_in(to_dir, to);
    bool ok = out >= 0 && fstat(in, &st) == 0 && copy_bytes(c, in, out) == 0 &&
              fchmod(out, st.st_mode & 0777) == 0;
    int code = errno;
    if (in >= 0) close(in);
    if (out >= 0 && close(out) < 0 && ok) return copy_failed(c, from);
    errno = code;
    return ok ? 0 : copy_failed(c, from);
}

static int copy_link(copier *c, int from_dir, const char *from, int to_dir, const char *to) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(from_dir, from, target, sizeof target - 1);
    if (n < 0) return copy_failed(c, from);
    target[n] = '\0';
    if (symlinkat(target, to_dir, to) == 0) return 0;
    if (errno == EEXIST && unlinkat(to_dir, to, 0) == 0 && symlinkat(target, to_dir, to) == 0)
        return 0;
    return copy_failed(c, from);
}

static int copy_entry(copier *c, int from_dir, const char *from, int to_dir, const char *to,
                      unsigned depth);

static int copy_children(copier *c, int in, int out, unsigned depth) {
    DIR *dir = fdopendir(in);
    if (!dir) {
        close(in);
        return -1;
    }
    int r = 0;
    for (struct dirent *d; r == 0 && (d = readdir(dir));) {
        if (!is_dots(d->d_name)) r = copy_entry(c, in, d->d_name, out, d->d_name, depth);
    }
    int code = errno;
    closedir(dir);
    errno = code;
    return r;
}

static int copy_dir(copier *c, int from_dir, const char *from, int to_dir, const char *to,
                    mode_t mode, unsigned depth) {
    struct stat st;
    if (depth == COPY_DEPTH) {
        errno = ELOOP;
        return copy_failed(c, from);
    }
    if (mkdirat(to_dir, to, 0700) < 0 && errno != EEXIST) return copy_failed(c, from);
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int out = openat(to_dir, to, flags), in = out < 0 ? -1 : openat(from_dir, from, flags);
    if (depth == 0 && out >= 0 && fstat(out, &st) == 0) {
        c->target_device = st.st_dev;
        c->target_inode = st.st_ino;
    }
    bool ok = in >= 0 && copy_children(c, in, out, depth + 1) == 0 && fchmod(out, mode) == 0;
    int code = errno;
    if (out >= 0) close(out);
    errno = code;
    return ok ? 0 : copy_failed(c, from);
}

static int copy_entry(copier *c, int from_dir, const char *from, int to_dir, const char *to,
                      unsigned depth) {
    struct stat st;
    if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) < 0) return copy_failed(c, from);
    if (S_ISREG(st.st_mode)) return copy_file(c, from_dir, from, to_dir, to);
    if (S_ISLNK(st.st_mode)) return copy_link(c, from_dir, from, to_dir, to);
    if (S_ISDIR(st.st_mode)) {
        bool is_target = depth > 0 && st.st_dev == c->target_device && st.st_ino == c->target_inode;
        if (is_target) return 0;
        return copy_dir(c, from_dir, from, to_dir, to, st.st_mode & 0777, depth);
    }
    if (depth > 0) return 0;
    errno = EOPNOTSUPP;
    return copy_failed(c, from);
}

int fs_copy(const char *from, const char *to, err *e) {
    copier c = {0};
    if (copy_entry(&c, AT_FDCWD, from, AT_FDCWD, to, 0) == 0) return 0;
    int code = errno;
    err_sys(e, code, "cannot copy '%s' to '%s'%s%s", from, to, strcmp(c.name, from) ? ", at " : "",
            strcmp(c.name, from) ? c.name : "");
    if (code == ENOENT && e) e->code = ERR_NOT_FOUND;
    return code == ENOENT ? ERR_NOT_FOUND : ERR_IO;
}
