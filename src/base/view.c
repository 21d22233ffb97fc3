#include "base/view.h"

#include "base/fs.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CALL_OUTPUT_MAX (64u << 10)

int view_open(const view *v, const char *path, int flags, int mode) {
    flags |= O_CLOEXEC;
    if (!(flags & O_PATH)) flags |= O_NOCTTY | O_NONBLOCK;
    if (v->root < 0) return open(path, flags, mode);
    bool makes = flags & O_CREAT;
    struct open_how how = {.flags = (unsigned)flags,
                           .mode = makes ? (unsigned)mode : 0,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    long fd;
    do /* EAGAIN: something was renamed while the path was resolved */
        fd = syscall(SYS_openat2, v->root, path, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    struct statfs fs;
    if (fd < 0 || (flags & O_PATH) || (fstatfs((int)fd, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC))
        return (int)fd;
    close((int)fd);
    errno = EACCES;
    return -1;
}

bool view_stat(const view *v, const char *path, struct stat *ret) {
    if (v->root < 0) return stat(path, ret) == 0;
    _cleanup_close_ int fd = view_open(v, path, O_PATH, 0);
    return fd >= 0 && fstat(fd, ret) == 0;
}

bool view_exists(const view *v, const char *path) {
    struct stat st;
    return view_stat(v, path, &st);
}

bool view_is_program(const view *v, const char *path) {
    struct stat st;
    if (!view_stat(v, path, &st) || !S_ISREG(st.st_mode)) return false;
    return v->root < 0 ? access(path, X_OK) == 0 : (st.st_mode & 0111) != 0;
}

int view_read(const view *v, arena *a, const char *path, size_t max_bytes, str *ret, err *e) {
    if (v->root < 0) return fs_read_file(a, path, max_bytes, ret, e);
    _cleanup_close_ int fd = view_open(v, path, O_RDONLY, 0);
    return fs_read_open(a, fd, path, max_bytes, ret, e);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The folder that a path's last part stands in, as an O_PATH descriptor. */
static int open_parent(const view *v, const char *path) {
    _cleanup_arena_ arena *a = arena_new();
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    return view_open(v, arena_cstr(a, (str){path, n}), O_PATH | O_DIRECTORY, 0);
}

static int make_parents(const view *v, const char *path) {
    _cleanup_arena_ arena *a = arena_new();
    char *prefix = arena_cstr(a, str_from(path));
    for (char *slash = prefix; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        _cleanup_close_ int above = open_parent(v, prefix);
        if (above < 0) return -1;
        if (mkdirat(above, strrchr(prefix, '/') + 1, 0755) < 0 && errno != EEXIST) return -1;
        *slash = '/';
    }
    return 0;
}

/* A step may have removed the folder: `rm -rf "$RUNNER_TEMP"` is a way to tidy up. */
static int open_over(const view *v, const char *path) {
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW;
    int fd = view_open(v, path, flags, 0644);
    if (fd >= 0 || errno != ENOENT) return fd;
    return make_parents(v, path) < 0 ? -1 : view_open(v, path, flags, 0644);
}

int view_write(const view *v, const char *path, str text, err *e) {
    int fd = open_over(v, path);
    if (fd < 0) return err_sys(e, errno, "cannot write '%s'", path);
    size_t done = 0;
    while (done < text.len) {
        ssize_t n = pwrite(fd, text.ptr + done, text.len - done, (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        done += (size_t)n;
    }
    int failed = done < text.len || ftruncate(fd, (off_t)text.len) < 0 ? errno : 0;
    close(fd);
    return failed ? err_sys(e, failed, "cannot write '%s'", path) : 0;
}

void view_unlink(const view *v, const char *path) {
    _cleanup_close_ int above = open_parent(v, path);
    const char *name = strrchr(path, '/') + 1;
    if (above >= 0 && unlinkat(above, name, 0) < 0 && errno == EISDIR)
        unlinkat(above, name, AT_REMOVEDIR);
}

char *view_find_program(const view *v, arena *a, const char *name, str path_list) {
    if (v->root < 0) return fs_find_program(a, name, path_list);
    if (strchr(name, '/')) return view_is_program(v, name) ? arena_cstr(a, str_from(name)) : NULL;
    str rest = path_list, dir;
    for (bool more = *name; more;) {
        more = str_cut(rest, ':', &dir, &rest);
        if (!str_starts(dir, STR("/"))) continue; /* where that is depends on the step */
        char *path = fs_join(a, arena_cstr(a, dir), str_from(name));
        if (view_is_program(v, path)) return path;
    }
    return NULL;
}

/* ---- entering ------------------------------------------------------------------------------ */

static bool write_map(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return written;
}

/* A user namespace in which we are who we are, and may change our root folder. */
static bool own_namespace(void) {
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", geteuid(), geteuid());
    snprintf(groups, sizeof groups, "%u %u 1", getegid(), getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny") &&
           write_map("/proc/self/uid_map", users) && write_map("/proc/self/gid_map", groups);
}

int view_enter(const view *v, const char *start, err *e) {
    if (start && chdir(start) < 0) return err_sys(e, errno, "cannot go to '%s'", start);
    if (v->root < 0) return 0;
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* Whoever owns a user namespace may be its root, and so change its own root folder. For root
     * this gives away what it could do to the rest of the machine. */
    bool ours =
        v->owner >= 0 ? setns(v->owner, CLONE_NEWUSER) == 0 : geteuid() == 0 || own_namespace();
    bool entered =
        here >= 0 && ours && fchdir(v->root) == 0 && chroot(".") == 0 && fchdir(here) == 0;
    int failed = errno;
    if (here >= 0) close(here);
    return entered ? 0 : err_sys(e, failed, "cannot enter the job's file system");
}

/* The child's answer: an err where it failed, else what the work has added. */
static _Noreturn void answer(const view *v, const char *start, int fd, view_work_fn *work,
                             void *context) {
    err e = {0};
    strbuf out = STRBUF_INIT;
    int code = view_enter(v, start, &e);
    if (code == 0) code = work(context, &out, &e);
    if (code == 0 && out.len > CALL_OUTPUT_MAX)
        code = err_set(&e, ERR_LIMIT, "an answer of more than %u bytes", CALL_OUTPUT_MAX);
    e.where.file = NULL; /* this process's memory */
    str told = code == 0 ? strbuf_str(&out) : (str){(const char *)&e, sizeof e};
    while (told.len) {
        ssize_t n = write(fd, told.ptr, told.len);
        if (n < 0 && errno != EINTR) _exit(2);
        if (n > 0) told = str_sub(told, (size_t)n, told.len);
    }
    _exit(code == 0 ? 0 : 1);
}

static void read_answer(int fd, strbuf *told) {
    char bytes[4096];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) strbuf_add(told, (str){bytes, (size_t)n});
    }
}

int view_call(const view *v, const char *start, arena *a, view_work_fn *work, void *context,
              str *ret, err *e) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    pid_t pid = process_fork();
    if (pid == 0) answer(v, start, fds[1], work, context);
    int failed = errno;
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(e, failed, "cannot start a process");
    }
    _cleanup_strbuf_ strbuf told = STRBUF_INIT;
    read_answer(fds[0], &told);
    close(fds[0]);
    int status = process_wait(pid);
    if (status == 0) {
        *ret = arena_str(a, strbuf_str(&told));
        return 0;
    }
    err why;
    if (told.len != sizeof why)
        return err_set(e, ERR_FAILED, "the process that did this ended with status %d", status);
    memcpy(&why, told.ptr, sizeof why);
    if (e) *e = why;
    return why.code;
}
