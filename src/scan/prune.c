#include "scan/prune.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_S     86400
#define STAMP       "pruned"
#define NAME_DIGITS 32

typedef struct kept_file {
    char *path;
    uint64_t bytes;
    int64_t used;
} kept_file;

typedef struct kept_files {
    kept_file *items;
    size_t count, cap;
} kept_files;

bool scan_prune_due(const char *folder, int64_t now) {
    _cleanup_arena_ arena *a = arena_new();
    const char *stamp = fs_join(a, folder, STR(STAMP));
    struct stat st;
    err ignored = {0};
    bool due =
        lstat(stamp, &st) < 0 || now - st.st_mtim.tv_sec >= EVERY_S || st.st_mtim.tv_sec > now;
    return due && fs_write(stamp, STR_EMPTY, 0600, &ignored) == 0;
}

static bool is_ours(str name) {
    if (name.len != NAME_DIGITS) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return true;
}

static void list_files(arena *a, const char *folder, kept_files *to) {
    fs_entry *files;
    size_t count;
    struct stat st;
    err ignored = {0};
    if (fs_list(a, folder, &files, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        char *path = fs_join(a, folder, files[i].name);
        if (!is_ours(files[i].name) || lstat(path, &st) < 0 || !S_ISREG(st.st_mode)) continue;
        kept_file f = {path, (uint64_t)st.st_size, st.st_mtim.tv_sec};
        ARENA_PUSH(a, to->items, to->count, to->cap, f);
    }
}

/* The one that was used last comes first. */
static int by_use(const void *left, const void *right) {
    const kept_file *a = left, *b = right;
    return (a->used < b->used) - (a->used > b->used);
}

void scan_prune(const char *folder, uint64_t max_bytes, int64_t max_age_s, int64_t now) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *folders;
    kept_files files = {0};
    size_t count;
    uint64_t bytes = 0;
    err ignored = {0};
    if (fs_list(a, folder, &folders, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        if (folders[i].is_dir && is_ours(folders[i].name))
            list_files(a, fs_join(a, folder, folders[i].name), &files);
    }
    if (files.count) qsort(files.items, files.count, sizeof *files.items, by_use);
    for (size_t i = 0; i < files.count; i++) {
        const kept_file *f = &files.items[i];
        bytes += f->bytes;
        if (now - f->used > max_age_s || bytes > max_bytes) unlink(f->path);
    }
    for (size_t i = 0; i < count; i++) { /* a folder that is not empty stays */
        if (folders[i].is_dir && is_ours(folders[i].name))
            rmdir(fs_join(a, folder, folders[i].name));
    }
}
