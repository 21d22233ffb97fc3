/* run_temp.c: the private folder of a run.
 *
 * A run holds a lock (flock) on a file in its folder for as long as it lives. A folder whose lock
 * can be taken belongs to a run that was killed, and is removed by the next one. Kept folders have
 * another prefix, so that nobody looks at them. */
#include "base/fs.h"
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMP_PREFIX  "slipway-run-"
#define KEPT_PREFIX  "slipway-kept-"
#define LOCK_NAME    "lock"
#define UNLOCKED_AGE 60 /* seconds that a run has between making its folder and locking it */

static bool is_stale(const char *folder, const char *lock) {
    struct stat st;
    if (lstat(folder, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) return false;
    int fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT && time(NULL) - st.st_mtime > UNLOCKED_AGE;
    bool free_lock = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return free_lock;
}

static void remove_stale(const char *parent) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err ignored = {0};
    if (fs_list(a, parent, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        if (!str_starts(entries[i].name, STR(TEMP_PREFIX))) continue;
        char *folder = fs_join(a, parent, entries[i].name);
        if (is_stale(folder, fs_join(a, folder, STR(LOCK_NAME)))) fs_remove(folder, &ignored);
    }
}

int run_temp_make(arena *a, bool keep, run_temp *ret, err *e) {
    *ret = (run_temp){.lock = -1, .keep = keep};
    int r = fs_temp_dir(a, keep ? KEPT_PREFIX : TEMP_PREFIX, &ret->path, e);
    if (r < 0) return r;
    char *slash = strrchr(ret->path, '/');
    remove_stale(arena_cstr(a, (str){ret->path, (size_t)(slash - ret->path)}));
    if (keep) return 0;
    const char *lock = fs_join(a, ret->path, STR(LOCK_NAME));
    ret->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ret->lock < 0 || flock(ret->lock, LOCK_EX | LOCK_NB) != 0)
        return err_sys(e, errno, "cannot lock '%s'", lock);
    return 0;
}

void run_temp_done(run_temp *t) {
    err e = {0};
    if (!t->keep && t->path && fs_remove(t->path, &e) < 0) console_warning("%s", e.message);
    if (t->lock >= 0) close(t->lock);
    t->lock = -1;
}
