#include "scan/deps/installed.h"

#include "base/fs.h"
#include "base/json_tree.h"
#include "scan/deps/readers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX (1u << 20)

/* Written by npm, Yarn and pnpm after they have installed something. */
static const char *const marks[] = {"", "/.package-lock.json", "/.yarn-state.yml",
                                    "/.yarn-integrity", "/.modules.yaml"};

uint64_t installed_stamp(const char *root) {
    _cleanup_arena_ arena *a = arena_new();
    uint64_t stamp = 0;
    for (size_t i = 0; i < COUNT(marks); i++) {
        struct stat st;
        str path = arena_printf(a, "%s/node_modules%s", root, marks[i]);
        if (stat(path.ptr, &st) < 0) continue;
        stamp =
            stamp * 31 + (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    }
    return stamp;
}

/* "lodash" or "@scope/name": nothing that leads elsewhere. */
static bool is_plain_name(str name) {
    size_t slashes = 0;
    for (size_t i = 0; i < name.len; i++) {
        slashes += name.ptr[i] == '/';
        if (!name.ptr[i]) return false;
    }
    return name.len && name.len < 256 && name.ptr[0] != '.' && name.ptr[0] != '/' &&
           slashes == (name.ptr[0] == '@') && str_find(name, STR("/.")) < 0;
}

static void fill(dep_doc *d, int root, str folder, dep_item *it) {
    _cleanup_arena_ arena *a = arena_new();
    str path =
        arena_printf(a, "%.*snode_modules/%.*s/package.json", STR_ARG(folder), STR_ARG(it->name));
    _cleanup_close_ int fd = openat(root, path.ptr, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    json_node *manifest;
    str text;
    err ignored = {0};
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        fs_read_open(a, fd, path.ptr, MANIFEST_MAX, &text, &ignored) < 0 ||
        json_tree_parse(a, text, path.ptr, NULL, &manifest, &ignored) < 0)
        return;
    if (str_eq(json_tree_str(manifest, "version"), it->version))
        it->license = arena_str(d->a, dep_npm_license(d->a, manifest));
}

void installed_licenses(dep_doc *d, int root) {
    str folder = str_sub(d->path, 0, (size_t)(str_rfind_char(d->path, '/') + 1));
    if (d->format->role != ROLE_LOCK || !str_is(str_from(d->format->ecosystem), "npm")) return;
    for (size_t i = 0; i < d->count; i++) {
        dep_item *it = &d->items[i];
        if (!it->license.len && !(it->flags & DEP_LOCAL) && is_plain_name(it->name))
            fill(d, root, folder, it);
    }
}
