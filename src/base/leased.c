/* leased.c: locks are advisory and belong to an open file, so they end with their process. */
#include "base/leased.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKE_TRIES 100

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

int leased_make(arena *a, const char *parent, const char *prefix, leased *ret, err *e) {
    for (int i = 0; i < MAKE_TRIES; i++) {
        *ret = (leased){fs_join(a, parent, arena_printf(a, "%sXXXXXX", prefix)), -1};
        if (!mkdtemp(ret->path)) {
            ret->path = NULL;
            return err_sys(e, errno, "cannot make a temporary folder in '%s'", parent);
        }
        ret->lock = take_lock(fs_join(a, ret->path, STR(LEASED_LOCK)));
        if (ret->lock >= 0) return 0;
        if (errno != EWOULDBLOCK && errno != ENOENT && errno != ESTALE) break;
    }
    return err_sys(e, errno, "cannot lock '%s'", ret->path);
}

static bool is_ours(const char *folder) {
    struct stat st;
    return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

void leased_sweep(const char *parent, const char *prefix, leased_remove_fn *remove,
                  void (*failed)(const err *why)) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    err why = {0};
    if (fs_list(a, parent, &entries, &count, &why) < 0) return;
    for (size_t i = 0; i < count; i++) {
        if (!str_starts(entries[i].name, str_from(prefix))) continue;
        char *folder = fs_join(a, parent, entries[i].name);
        int lock = is_ours(folder) ? take_lock(fs_join(a, folder, STR(LEASED_LOCK))) : -1;
        if (lock < 0) continue;
        if (remove(folder, &why) < 0 && failed) failed(&why);
        close(lock);
    }
}
