/* A walk that neither a depth beyond PATH_MAX nor a low limit of open files can end: it goes down
 * by name and up by "..", with one descriptor, and makes sure that it came back to where it was.
 * What it keeps are the names of the folders that are still to be looked at. */
#include "sandbox/du.h"

#include "base/arena.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that the walk is in. Its folders that are left are the last names of the list. */
typedef struct level {
    dev_t device;
    ino_t inode;
    size_t first; /* of its names, in walk.names */
} level;

typedef struct walk {
    uint64_t bytes;
    strbuf names; /* each with its NUL */
    level *levels;
    size_t depth, cap;
} walk;

static void add_entry(walk *w, int dir, const char *name) {
    struct stat st;
    if (!strcmp(name, ".") || !strcmp(name, "..")) return;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return; /* just removed */
    w->bytes += (uint64_t)st.st_blocks * 512;
    if (S_ISDIR(st.st_mode)) strbuf_add(&w->names, (str){name, strlen(name) + 1});
}

/* Makes the folder that this process is in the deepest level. */
static bool enter(walk *w) {
    DIR *dir = opendir(".");
    struct stat st;
    if (!dir || fstat(dirfd(dir), &st) < 0) {
        if (dir) closedir(dir);
        return false;
    }
    if (w->depth == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->levels = mem_realloc(w->levels, w->cap * sizeof *w->levels);
    }
    w->levels[w->depth++] = (level){st.st_dev, st.st_ino, w->names.len};
    for (struct dirent *d; (d = readdir(dir));)
        add_entry(w, dirfd(dir), d->d_name);
    closedir(dir);
    return true;
}

static bool go_up(walk *w) {
    struct stat st;
    if (--w->depth == 0) return true;
    const level *above = &w->levels[w->depth - 1];
    return chdir("..") == 0 && stat(".", &st) == 0 && st.st_dev == above->device &&
           st.st_ino == above->inode;
}

/* Goes down into the last folder that is left of the deepest level; one that has gone is passed
 * over. */
static bool go_down(walk *w) {
    size_t start = w->names.len - 1;
    while (start > w->levels[w->depth - 1].first && w->names.ptr[start - 1])
        start--;
    int fd = open(w->names.ptr + start, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    strbuf_truncate(&w->names, start);
    if (fd < 0) return true;
    bool good = fchdir(fd) == 0 && enter(w);
    close(fd);
    return good;
}

bool du_measure(int folder, uint64_t *ret) {
    walk w = {.names = STRBUF_INIT};
    bool good = fchdir(folder) == 0 && enter(&w);
    while (good && w.depth)
        good = w.names.len > w.levels[w.depth - 1].first ? go_down(&w) : go_up(&w);
    *ret = w.bytes;
    strbuf_done(&w.names);
    free(w.levels);
    return good;
}
