/* run_temp.c: the private folder of a run.
 *
 * A run holds a lock (flock) on a file in its folder for as long as it lives. A folder whose lock
 * can be taken, or made and taken, belongs to a run that was killed, and the next one removes it.
 * It may also belong to a run that has made its folder and not locked it yet: that one finds its
 * lock taken or gone, and makes another folder. Kept folders have another prefix, so that nobody
 * looks at them. */
#include "base/fs.h"
#include "cli/run.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_PREFIX "slipway-run-"
#define KEPT_PREFIX "slipway-kept-"
#define LOCK_NAME   "lock"
#define MAKE_TRIES  100

/* The lock of a folder, or -1 and errno where somebody else has it or the folder has gone. */
static int take_lock(const char *lock) {
    struct stat held, there;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    int why = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
    if (!why && (fstat(fd, &held) < 0 || lstat(lock, &there) < 0 || held.st_ino != there.st_ino ||
                 held.st_dev != there.st_dev))
        why = ESTALE; /* whoever had it has removed it, and maybe the folder */
    if (!why) return fd;
    close(fd);
    errno = why;
    return -1;
}

static bool is_ours(const char *folder) {
    struct stat st;
    return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static void remove_stale(const char *parent) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err why = {0};
    if (fs_list(a, parent, &entries, &count, &why) < 0) return;
    for (size_t i = 0; i < count; i++) {
        if (!str_starts(entries[i].name, STR(TEMP_PREFIX))) continue;
        char *folder = fs_join(a, parent, entries[i].name);
        int lock = is_ours(folder) ? take_lock(fs_join(a, folder, STR(LOCK_NAME))) : -1;
        if (lock < 0) continue;
        if (sandbox_remove(folder, &why) < 0) console_warning("%s", why.message);
        close(lock);
    }
}

int run_temp_make(arena *a, bool keep, run_temp *ret, err *e) {
    *ret = (run_temp){.lock = -1, .keep = keep};
    for (int i = 0; i < MAKE_TRIES && ret->lock < 0; i++) {
        int r = fs_temp_dir(a, keep ? KEPT_PREFIX : TEMP_PREFIX, &ret->path, e);
        if (r < 0) return r;
        if (keep) break;
        ret->lock = take_lock(fs_join(a, ret->path, STR(LOCK_NAME)));
        bool taken = errno == EWOULDBLOCK || errno == ENOENT || errno == ESTALE;
        if (ret->lock < 0 && (!taken || i + 1 == MAKE_TRIES))
            return err_sys(e, errno, "cannot lock '%s'", ret->path);
    }
    char *slash = strrchr(ret->path, '/');
    remove_stale(arena_cstr(a, (str){ret->path, (size_t)(slash - ret->path)}));
    return 0;
}

void run_temp_done(run_temp *t) {
    err e = {0};
    int r = 0;
    if (t->path) r = t->keep ? sandbox_reclaim(t->path, &e) : sandbox_remove(t->path, &e);
    if (r < 0) console_warning("%s", e.message);
    if (t->lock >= 0) close(t->lock);
    t->lock = -1;
}
