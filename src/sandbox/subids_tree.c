/* What jobs leave behind that belongs to subordinate ids.
 *
 * A child makes a user namespace with the map that jobs have, and is root in it: so it may remove
 * and give away what belongs to any id of the map, and nothing else of anybody's. It is asked for
 * only where the plain way fails, because most jobs leave nothing of the kind. */
#include "sandbox/sandbox.h"

#include "base/fs.h"
#include "base/process.h"
#include "sandbox/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define READY  'r'
#define FAILED 'f'

typedef int work_fn(const char *path, err *e);

/* ---- in the child -------------------------------------------------------------------------- */

static _Noreturn void answer(int fd, work_fn *work, const char *path, int code, err *e) {
    if (code == 0) code = work(path, e);
    e->where.file = NULL; /* this process's memory */
    ssize_t told = code == 0 ? 0 : write(fd, e, sizeof *e);
    _exit(code == 0 && told == 0 ? 0 : 1);
}

/* Says that it is there, and waits for its map. */
static _Noreturn void be_root(int ready, int gate, work_fn *work, const char *path) {
    err e = {0};
    if (unshare(CLONE_NEWUSER) < 0) err_sys(&e, errno, "cannot make a user namespace");
    char byte = e.code ? FAILED : READY;
    if (write(ready, &byte, 1) != 1 || (byte == READY && read(gate, &byte, 1) != 1))
        _exit(1); /* the parent has its own reason */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer(ready, work, path, e.code, &e);
}

/* ---- the parent's side --------------------------------------------------------------------- */

/* The child's error, or that of its sudden end. */
static int take_answer(pid_t pid, int ready, err *e) {
    err why;
    size_t got = 0;
    ssize_t n = 1;
    while (got < sizeof why && n != 0) {
        n = read(ready, (char *)&why + got, sizeof why - got);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) got += (size_t)n;
    }
    int status = process_wait(pid);
    if (status == 0) return 0;
    if (got == sizeof why && e) *e = why;
    if (got == sizeof why) return why.code;
    return err_set(e, ERR_FAILED, "the process that did this ended with status %d", status);
}

static int guide(const subids *ids, pid_t pid, int ready, int gate, err *e) {
    char byte;
    if (read(ready, &byte, 1) != 1 || byte != READY) return 0; /* the child tells why */
    if (subids_map(ids, pid, e) < 0) {
        kill(pid, SIGKILL);
        return e ? (int)e->code : ERR_FAILED;
    }
    return write(gate, "x", 1) == 1 ? 0 : err_sys(e, errno, "cannot use subordinate ids");
}

static int as_root(const subids *ids, work_fn *work, const char *path, err *e) {
    int ready[2], gate[2];
    if (pipe2(ready, O_CLOEXEC) < 0) return err_sys(e, errno, "cannot make a pipe");
    if (pipe2(gate, O_CLOEXEC) < 0) {
        close(ready[0]), close(ready[1]);
        return err_sys(e, errno, "cannot make a pipe");
    }
    pid_t pid = process_fork();
    if (pid == 0) {
        close(ready[0]), close(gate[1]);
        be_root(ready[1], gate[0], work, path);
    }
    int failed = errno;
    close(ready[1]), close(gate[0]);
    err mapped = {0};
    int r = pid < 0 ? err_sys(e, failed, "cannot start a process")
                    : guide(ids, pid, ready[0], gate[1], &mapped);
    int told = pid < 0 ? 0 : take_answer(pid, ready[0], e);
    close(ready[0]), close(gate[1]);
    if (mapped.code && e) *e = mapped;
    return r < 0 ? r : told;
}

/* ---- removing ------------------------------------------------------------------------------ */

int sandbox_remove(const char *path, err *e) {
    err first = {0}, second = {0};
    if (fs_remove(path, &first) == 0) return 0;
    const subids *ids = subids_of_user();
    bool denied = first.sys_errno == EACCES || first.sys_errno == EPERM;
    if (denied && ids->usable && as_root(ids, fs_remove, path, &second) == 0) return 0;
    if (denied && geteuid() != 0)
        return err_set(e, ERR_IO,
                       "%.400s; if it belongs to an id of /etc/subuid, only newuidmap can remove "
                       "it (%.300s), or root: rm -rf '%.200s'",
                       first.message, second.code ? second.message : ids->why_not, path);
    if (e) *e = first;
    return first.code;
}

/* ---- giving back --------------------------------------------------------------------------- */

/* Deeper than a path may be long: fts changes folders on its way. What cannot be given back is told
 * after the rest was. */
static int give_back(const char *path, err *e) {
    char *const paths[] = {(char *)path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL);
    int failed = walk ? 0 : errno;
    for (FTSENT *at; walk && (errno = 0, at = fts_read(walk));) {
        const struct stat *st = at->fts_statp;
        int code = 0;
        if (at->fts_info == FTS_DP) continue;
        if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS)
            code = at->fts_errno;
        else if ((st->st_uid || st->st_gid) && lchown(at->fts_accpath, 0, 0) < 0)
            code = errno;
        if (!failed) failed = code;
    }
    if (walk) fts_close(walk);
    return failed ? err_sys(e, failed, "cannot make all in '%s' the user's own", path) : 0;
}

int sandbox_reclaim(const char *path, err *e) {
    const subids *ids = subids_of_user();
    return ids->usable ? as_root(ids, give_back, path, e) : 0;
}
