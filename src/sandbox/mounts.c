#include "sandbox/mounts.h"

#include "base/fs.h"

#include <string.h>

#define MOUNTINFO_MAX (16u << 20)

struct mount_point {
    char *path;
    bool plain;
};

static bool is_plain(str type) {
    static const char *const all[] = {"ext2", "ext3",     "ext4",  "xfs",  "btrfs",   "zfs",
                                      "f2fs", "bcachefs", "tmpfs", "nfs",  "nfs4",    "virtiofs",
                                      "9p",   "squashfs", "erofs", "vfat", "overlay", "iso9660"};
    return STR_IS_AMONG(type, all);
}

/* Space, tab, newline and backslash are written as a backslash and three octal digits. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        uint64_t byte;
        bool escaped = *from == '\\' && strlen(from) >= 4 &&
                       str_to_bits((str){from + 1, 3}, 8, &byte) && byte < 256;
        *to = escaped ? (char)byte : *from;
        from += escaped ? 4 : 1;
    }
    *to = '\0';
}

/* "ID PARENT DEVICE ROOT PATH OPTIONS [TAG…] - TYPE SOURCE OPTIONS" */
int mounts_read(arena *a, mounts *ret, err *e) {
    str text, line, field, rest;
    *ret = (mounts){0};
    if (fs_read(a, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, e) < 0) return e->code;
    while (str_line(&text, &line)) {
        ptrdiff_t dash = str_find(line, STR(" - "));
        if (dash < 0) continue;
        str_cut(str_sub(line, (size_t)dash + 3, line.len), ' ', &field, &rest);
        struct mount_point point = {.plain = is_plain(field)};
        rest = line;
        for (int i = 0; i < 5; i++)
            str_cut(rest, ' ', &field, &rest);
        point.path = arena_cstr(a, field);
        unescape(point.path);
        ARENA_PUSH(a, ret->points, ret->count, ret->cap, point);
    }
    return 0;
}

const char *mounts_below(const mounts *m, const char *folder) {
    size_t n = strlen(folder);
    for (size_t i = 0; i < m->count; i++) {
        const char *path = m->points[i].path;
        if (strncmp(path, folder, n) == 0 && path[n] == '/') return path;
    }
    return NULL;
}

/* The last mount at a place lies on top. */
bool mounts_at(const mounts *m, const char *path, bool *ret_plain) {
    bool found = false;
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->points[i].path, path) != 0) continue;
        found = true;
        *ret_plain = m->points[i].plain;
    }
    return found;
}
