#include "sandbox/layer.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_MAX  (8 << 20) /* the state of a package manager is smaller */
#define KEPT_DAYS 3         /* longer than a run takes: somebody may have it below an overlay */

/* Folders that many packages share; what is deeper mostly belongs to one of them. */
static const struct tree {
    const char *folder;
    unsigned depth; /* 1: the folder and those in it */
} trees[] = {
    {"/usr", 3},           {"/usr/share/locale", 2},
    {"/usr/share/man", 2}, {"/usr/share/icons/hicolor", 2},
    {"/etc", 6},           {"/opt", 1},
    {"/var/lib", 1},       {"/var/lib/dpkg", 2},
    {"/var/lib/apt", 3},   {"/var/lib/systemd", 1},
    {"/var/cache", 2},
};

/* A folder for each package, by the thousand. */
static const char *const leaves[] = {"/usr/share/doc", "/usr/share/bug", "/usr/share/lintian",
                                     "/usr/lib/modules", "/usr/src"};

/* Where files are written to in place. Those of folders in them do not count. */
static const struct state {
    const char *folder;
    bool copied; /* else what is there is only read or replaced, but for locks */
} states[] = {
    {"/etc", true},
    {"/etc/apt", true},
    {"/etc/default", true},
    {"/var/lib/apt", true},
    {"/var/lib/apt/lists", false},
    {"/var/lib/dpkg", true},
    {"/var/lib/dpkg/triggers", true},
    {"/var/cache/apt/archives", false},
    {"/var/cache/debconf", true},
};

/* What LAYER/lower has anyway, and some of it changes with the network. */
static const char *const of_layer[] = {"/etc/hosts",  "/etc/hostname", "/etc/resolv.conf",
                                       "/etc/passwd", "/etc/group",    "/etc/shadow",
                                       "/etc/gshadow"};

static const struct state *find_state(const char *folder) {
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].folder, folder) == 0) return &states[i];
    }
    return NULL;
}

/* ---- what is to be made -------------------------------------------------------------------- */

typedef enum part_kind { PART_FOLDER, PART_COPY, PART_HOLE, PART_KIND_COUNT } part_kind;

typedef struct part {
    part_kind kind;
    mode_t mode;
    const char *path; /* on the host */
} part;

typedef struct plan {
    arena *a;
    part *parts; /* folders stand before what is in them */
    size_t count, cap;
    sha256 *digest;
} plan;

/* What it is made of has not changed as long as this has not. Of a folder only the mode counts. */
static void add_part(plan *p, part_kind kind, const char *path, const struct stat *st) {
    char facts[128];
    int n = snprintf(facts, sizeof facts, "%d %o ", (int)kind, st->st_mode);
    if (kind == PART_COPY)
        n = snprintf(facts, sizeof facts, "%d %o %llu %lld %lld.%09ld ", (int)kind, st->st_mode,
                     (unsigned long long)st->st_ino, (long long)st->st_size,
                     (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    sha256_add(p->digest, facts, (size_t)n);
    sha256_add(p->digest, path, strlen(path) + 1);
    ARENA_PUSH(p->a, p->parts, p->count, p->cap,
               ((part){kind, st->st_mode & 01777, arena_cstr(p->a, str_from(path))}));
}

/* What not everybody may read (locks, mostly) is hidden, and so can be made anew. */
static void plan_state(plan *p, const struct state *s, const char *path) {
    struct stat st;
    if (STR_IS_AMONG(str_from(path), of_layer) || lstat(path, &st) < 0) return;
    if (!(st.st_mode & S_IROTH))
        add_part(p, PART_HOLE, path, &st);
    else if (S_ISREG(st.st_mode) && s->copied && st.st_size <= COPY_MAX)
        add_part(p, PART_COPY, path, &st);
}

static void plan_folder(plan *p, const char *folder, unsigned depth);

static void plan_entries(plan *p, DIR *dir, const char *folder, unsigned depth) {
    char path[512];
    const struct state *s = find_state(folder);
    for (struct dirent *d; (d = readdir(dir));) {
        bool is_folder = d->d_type == DT_DIR, is_file = d->d_type == DT_REG;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        if (!is_folder && !(s && is_file)) continue;
        int n = snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        if (n >= (int)sizeof path) continue; /* nothing that packages share */
        if (s) plan_state(p, s, path);
        if (is_folder && depth > 0) plan_folder(p, path, depth - 1);
    }
}

/* What not everybody may read is hidden, and stays so. */
static void plan_folder(plan *p, const char *folder, unsigned depth) {
    const mode_t open = S_IROTH | S_IXOTH;
    struct stat st;
    if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & open) != open) return;
    add_part(p, PART_FOLDER, folder, &st);
    bool leaf = STR_IS_AMONG(str_from(folder), leaves);
    DIR *dir = !leaf && (depth || find_state(folder)) ? opendir(folder) : NULL;
    if (dir) plan_entries(p, dir, folder, depth);
    if (dir) closedir(dir);
}

/* ---- making it ----------------------------------------------------------------------------- */

static int make_part(const part *p, const char *to, err *e) {
    bool made = false;
    switch (p->kind) {
    case PART_FOLDER:
        made = mkdir(to, p->mode) == 0 || errno == EEXIST;
        if (made && p->mode & (S_ISVTX | S_IWGRP | S_IWOTH)) made = chmod(to, p->mode) == 0;
        break;
    case PART_COPY: {
        err why = {0};
        int r = fs_copy(p->path, to, &why);
        if (r == 0 || r == ERR_NOT_FOUND) return 0; /* a package manager is at work */
        if (e) *e = why;
        return r;
    }
    case PART_HOLE: made = mknod(to, S_IFCHR, 0) == 0 || errno == EEXIST; break;
    case PART_KIND_COUNT: break;
    }
    return made ? 0 : err_sys(e, errno, "cannot make '%s'", to);
}

static int make_all(const plan *p, const char *place, err *e) {
    static const char *const above[] = {"/usr/share/icons", "/var/lib", "/var/cache"};
    mode_t before = umask(022);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof above / sizeof *above; i++)
        r = fs_mkdirs(arena_printf(p->a, "%s%s", place, above[i]).ptr, 0755, e);
    for (size_t i = 0; r == 0 && i < p->count; i++)
        r = make_part(&p->parts[i], arena_printf(p->a, "%s%s", place, p->parts[i].path).ptr, e);
    umask(before);
    return r;
}

/* Those that nobody has used for long. */
static void remove_old(const char *cache) {
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    struct stat st;
    err ignored;
    if (fs_list(a, cache, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        const char *path = fs_join(a, cache, entries[i].name);
        if (lstat(path, &st) == 0 && time(NULL) - st.st_mtime > KEPT_DAYS * 24 * 3600L)
            fs_remove(path, &ignored);
    }
}

/* Under another name until it is whole. Another run may have made the same meanwhile. */
static int make(const plan *p, const char *cache, const char *place, err *e) {
    const char *fresh = arena_printf(p->a, "%s.%d", place, (int)getpid()).ptr;
    err ignored;
    remove_old(cache);
    if (fs_remove(fresh, e) < 0) return e->code;
    int r = fs_mkdirs(fresh, 0755, e);
    if (r == 0) r = make_all(p, fresh, e);
    if (r == 0 && rename(fresh, place) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        r = err_sys(e, errno, "cannot make '%s'", place);
    fs_remove(fresh, &ignored);
    return r;
}

int layer_own(const char *link, const char *cache, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    plan p = {.a = a, .digest = sha256_new()};
    uint8_t digest[32];
    char name[2 * sizeof digest + 1];
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
        plan_folder(&p, trees[i].folder, trees[i].depth);
    sha256_end(p.digest, digest);
    hex_encode(digest, sizeof digest, name);
    const char *place = fs_join(a, cache, str_from(name));
    if (!fs_is_dir(place) && make(&p, cache, place, e) < 0) return e->code;
    utimensat(AT_FDCWD, place, NULL, 0); /* it is in use */
    return symlink(place, link) == 0 ? 0 : err_sys(e, errno, "cannot make '%s'", link);
}
