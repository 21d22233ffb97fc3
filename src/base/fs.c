/* fs.c: single files, lists and names; fs_tree.c removes and copies. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST_MAX 1000000 /* entries of one folder */

/* As err_sys, but absence has its own code. */
static int file_error(err *e, const char *what, const char *path) {
    int code = errno;
    err_sys(e, code, "cannot %s '%s'", what, path);
    if (code != ENOENT && code != ENOTDIR) return ERR_IO;
    if (e) e->code = ERR_NOT_FOUND;
    return ERR_NOT_FOUND;
}

void fs_closep(int *fd) {
    if (*fd >= 0) close(*fd);
}

void fs_close_others(const int *kept, size_t count) {
    int next = 3;
    for (;;) {
        int lowest = INT_MAX;
        for (size_t i = 0; i < count; i++) {
            if (kept[i] >= next && kept[i] < lowest) lowest = kept[i];
        }
        if (lowest == INT_MAX) break;
        if (lowest > next) close_range((unsigned)next, (unsigned)lowest - 1, 0);
        next = lowest + 1;
    }
    close_range((unsigned)next, ~0U, 0);
}

static void closedirp(DIR **dir) {
    if (*dir) closedir(*dir);
}
#define _cleanup_closedir_ __attribute__((cleanup(closedirp)))

static int too_large(const char *path, size_t max_bytes, err *e) {
    return err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes", path, max_bytes);
}

/* A pipe has no size and a file may grow, so the end is where read says it is. */
static int read_opened(arena *a, int fd, const char *path, size_t max_bytes, bool only_files,
                       str *ret, err *e) {
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) return file_error(e, "read", path);
    if (S_ISDIR(st.st_mode)) return err_set(e, ERR_INVALID, "'%s' is a folder, not a file", path);
    if (only_files && !S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "'%s' is a pipe, socket or device, not a file", path);
    bool sized = S_ISREG(st.st_mode) && st.st_size > 0;
    if (sized && (uintmax_t)st.st_size > max_bytes) return too_large(path, max_bytes, e);
    size_t len = 0, cap = sized ? (size_t)st.st_size + 1 : 4096;
    char *bytes = arena_alloc(a, cap + 1);
    for (;;) {
        if (len > max_bytes) return too_large(path, max_bytes, e);
        if (len == cap) {
            bytes = arena_grow(a, bytes, len, cap * 2 + 1);
            cap *= 2;
        }
        ssize_t n = read(fd, bytes + len, cap - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error(e, "read", path);
        if (n == 0) break;
        len += (size_t)n;
    }
    *ret = (str){bytes, len};
    return 0;
}

int fs_read(arena *a, const char *path, size_t max_bytes, str *ret, err *e) {
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return read_opened(a, fd, path, max_bytes, false, ret, e);
}

/* To open a pipe that nobody writes to would wait for ever; a file does not mind O_NONBLOCK. */
int fs_read_file(arena *a, const char *path, size_t max_bytes, str *ret, err *e) {
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return read_opened(a, fd, path, max_bytes, true, ret, e);
}

int fs_read_below(arena *a, const char *folder, const char *path, size_t max_bytes, str *ret,
                  err *e) {
    _cleanup_close_ int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return file_error(e, "read", folder);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    _cleanup_close_ int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd < 0 && errno == EXDEV)
        return err_set(e, ERR_INVALID, "'%s' leads out of '%s', and is not read", path, folder);
    return read_opened(a, fd, path, max_bytes, true, ret, e);
}

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

int fs_read_own(arena *a, const char *path, size_t max_bytes, str *ret, err *e) {
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_uid != geteuid() || st.st_mode & OTHERS_WRITE))
        return err_set(e, ERR_INVALID, "'%s' is not of ours alone", path);
    return read_opened(a, fd, path, max_bytes, true, ret, e);
}

int fs_read_open(arena *a, int fd, const char *path, size_t max_bytes, str *ret, err *e) {
    return read_opened(a, fd, path, max_bytes, true, ret, e);
}

int fs_read_stdin(arena *a, size_t max_bytes, str *ret, err *e) {
    return read_opened(a, STDIN_FILENO, "stdin", max_bytes, false, ret, e);
}

static int write_all(int fd, str text) {
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        text = str_sub(text, (size_t)n, text.len);
    }
    return 0;
}

/* Some file systems tell of a full disk only when the file is closed. */
static int write_and_close(int fd, str text) {
    int r = write_all(fd, text), code = errno;
    if (close(fd) < 0 && r == 0) return -1;
    errno = code;
    return r;
}

int fs_create(const char *path, str text, int mode, err *e) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);
    if (fd < 0 || write_and_close(fd, text) < 0) return file_error(e, "write", path);
    return 0;
}

int fs_output(const char *path, str text, err *e) {
    struct stat st;
    if (lstat(path, &st) < 0 || S_ISREG(st.st_mode)) return fs_write(path, text, 0666, e);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0 || write_and_close(fd, text) < 0) return file_error(e, "write", path);
    return 0;
}

int fs_append(const char *path, str text, err *e) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0 || write_and_close(fd, text) < 0) return file_error(e, "write", path);
    return 0;
}

/* Beside `path`, so that the rename stays within one file system. */
static int open_temporary(const char *path, int mode, strbuf *ret_path) {
    static unsigned counter;
    for (int tries = 0; tries < 100; tries++) {
        strbuf_clear(ret_path);
        strbuf_addf(ret_path, "%s.%d-%u.tmp", path, (int)getpid(),
                    __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
        int fd = open(strbuf_cstr(ret_path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

int fs_write(const char *path, str text, int mode, err *e) {
    _cleanup_strbuf_ strbuf temporary = STRBUF_INIT;
    int fd = open_temporary(path, mode, &temporary);
    if (fd < 0) return file_error(e, "write", path);
    if (write_and_close(fd, text) < 0 || rename(strbuf_cstr(&temporary), path) < 0) {
        int code = errno;
        unlink(strbuf_cstr(&temporary));
        errno = code;
        return file_error(e, "write", path);
    }
    return 0;
}

bool fs_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool fs_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What exists already is fine, whatever error the system prefers to give for it. */
static int make_dir(const char *path, int mode) {
    if (mkdir(path, (mode_t)mode) == 0) return 0;
    int code = errno;
    if (fs_is_dir(path)) return 0;
    errno = code == EEXIST ? ENOTDIR : code;
    return -1;
}

int fs_mkdirs(const char *path, int mode, err *e) {
    if (make_dir(path, mode) == 0) return 0;
    _cleanup_arena_ arena *a = arena_new();
    char *prefix = arena_cstr(a, str_from(path));
    for (char *slash = prefix; errno == ENOENT && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (make_dir(prefix, mode) == 0) errno = ENOENT;
        *slash = '/';
    }
    return make_dir(path, mode) == 0 ? 0 : err_sys(e, errno, "cannot make the folder '%s'", path);
}

static int judge_private(const char *folder, const char *part, bool is_leaf, err *e) {
    struct stat st;
    if (lstat(part, &st) < 0) return file_error(e, "look at", part);
    if (st.st_uid != geteuid() && (is_leaf || st.st_uid != 0))
        return err_set(e, ERR_INVALID, "'%s' is not safe to use: '%s' belongs to another user (%u)",
                       folder, part, (unsigned)st.st_uid);
    if (st.st_mode & OTHERS_WRITE && (is_leaf || !(st.st_mode & S_ISVTX)))
        return err_set(e, ERR_INVALID,
                       "'%s' is not safe to use: other users may write to '%s' (chmod go-w '%s')",
                       folder, part, part);
    return 0;
}

int fs_private_dir(arena *a, const char *path, char **ret, err *e) {
    char *real;
    int r = fs_mkdirs(path, 0700, e);
    if (r == 0) r = fs_real(a, path, &real, e);
    if (r < 0) return r;
    char *part = arena_cstr(a, str_from(real));
    r = judge_private(real, part, true, e);
    while (r == 0 && part[1]) {
        char *slash = strrchr(part, '/');
        slash[slash == part] = '\0';
        r = judge_private(real, part, false, e);
    }
    if (r == 0) *ret = real;
    return r;
}

const char *fs_temp_parent(void) {
    const char *parent = getenv("TMPDIR");
    return parent && *parent ? parent : "/tmp";
}

int fs_temp_dir(arena *a, const char *prefix, char **ret, err *e) {
    const char *parent = fs_temp_parent();
    char *path = fs_join(a, parent, arena_printf(a, "%sXXXXXX", prefix));
    if (!mkdtemp(path)) return err_sys(e, errno, "cannot make a temporary folder in '%s'", parent);
    *ret = path;
    return 0;
}

static int compare_entries(const void *a, const void *b) {
    return str_cmp(((const fs_entry *)a)->name, ((const fs_entry *)b)->name);
}

/* Not all file systems tell the type with the name. */
static unsigned char entry_type(DIR *dir, const struct dirent *d) {
    struct stat st;
    if (d->d_type != DT_UNKNOWN) return d->d_type;
    if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) return DT_UNKNOWN;
    return (unsigned char)IFTODT(st.st_mode);
}

int fs_list(arena *a, const char *path, fs_entry **ret, size_t *ret_count, err *e) {
    _cleanup_closedir_ DIR *dir = opendir(path);
    if (!dir) return file_error(e, "list", path);
    fs_entry *entries = NULL;
    size_t count = 0, cap = 0;
    for (struct dirent *d; (errno = 0, d = readdir(dir));) {
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        if (count == LIST_MAX)
            return err_set(e, ERR_LIMIT, "'%s' has more than %d entries", path, LIST_MAX);
        unsigned char type = entry_type(dir, d);
        fs_entry entry = {arena_str(a, str_from(d->d_name)), type == DT_DIR, type == DT_LNK};
        ARENA_PUSH(a, entries, count, cap, entry);
    }
    if (errno) return file_error(e, "list", path);
    if (count) qsort(entries, count, sizeof *entries, compare_entries);
    *ret = entries;
    *ret_count = count;
    return 0;
}

char *fs_join(arena *a, const char *dir, str name) {
    str head = str_from(dir);
    if (head.len == 0 || str_starts(name, STR("/"))) return arena_cstr(a, name);
    if (name.len == 0) return arena_cstr(a, head);
    bool slash = head.ptr[head.len - 1] != '/';
    char *path = arena_alloc(a, head.len + slash + name.len + 1);
    memcpy(path, head.ptr, head.len);
    if (slash) path[head.len] = '/';
    memcpy(path + head.len + slash, name.ptr, name.len);
    return path;
}

/* Drops the last part of a relative or absolute `out`; false where there is none to drop. */
static bool drop_part(str *out, size_t root) {
    str parts = str_sub(*out, root, out->len);
    ptrdiff_t slash = str_rfind_char(parts, '/');
    str last = str_sub(parts, (size_t)(slash + 1), parts.len);
    if (parts.len == 0 || str_is(last, "..")) return false;
    out->len = root + (slash < 0 ? 0 : (size_t)slash);
    return true;
}

str fs_normalize(arena *a, str path) {
    char *bytes = arena_alloc(a, path.len + 2); /* the result is never longer, but for "." */
    size_t root = str_starts(path, STR("/"));
    str out = {bytes, root}, rest = path, part;
    if (root) bytes[0] = '/';
    for (bool more = true; more;) {
        more = str_cut(rest, '/', &part, &rest);
        if (part.len == 0 || str_is(part, ".")) continue;
        if (str_is(part, "..") && (drop_part(&out, root) || root)) continue;
        if (out.len > root) bytes[out.len++] = '/';
        memmove(bytes + out.len, part.ptr, part.len);
        out.len += part.len;
    }
    if (out.len == 0) bytes[out.len++] = '.';
    bytes[out.len] = '\0';
    return out;
}

int fs_real(arena *a, const char *path, char **ret, err *e) {
    char resolved[PATH_MAX];
    if (!realpath(path, resolved)) return file_error(e, "find", path);
    *ret = arena_cstr(a, str_from(resolved));
    return 0;
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *fs_find_program(arena *a, const char *name, str path_list) {
    if (strchr(name, '/')) return is_program(name) ? arena_cstr(a, str_from(name)) : NULL;
    if (!*name) return NULL;
    str rest = path_list, dir;
    for (bool more = true; more;) {
        more = str_cut(rest, ':', &dir, &rest);
        /* An empty part is the current folder, as in a shell. */
        char *path = fs_join(a, dir.len ? arena_cstr(a, dir) : ".", str_from(name));
        if (is_program(path)) return path;
    }
    return NULL;
}
