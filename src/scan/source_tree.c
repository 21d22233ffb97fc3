#include "scan/source.h"

#include "base/fs.h"
#include "base/git.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 10000000
#define DEPTH_MAX 200
/* A file that was written this short a time ago may be written again with the same times. */
#define FRESH_NS 2000000000LL

/* What cannot be looked at is an item that cannot be read: the scan goes on without it. */
typedef struct refusal {
    size_t item;
    const char *why;
} refusal;

typedef struct tree {
    scan_source base;
    arena *a;
    int root; /* the folder, or that of the one file */
    str prefix;
    str *paths; /* with the prefix */
    size_t count, cap;
    refusal *refusals; /* sorted by item */
    size_t refusal_count, refusal_cap;
    str warning; /* or empty */
    int64_t began_ns;
} tree;

/* As seen from the folder. */
static const char *inner(const tree *t, size_t item) {
    return t->paths[item].ptr + t->prefix.len;
}

static str tree_path(const scan_source *s, size_t item) {
    return ((const tree *)s->self)->paths[item];
}

/* ---- what has changed ----------------------------------------------------------------------- */

static int64_t nanoseconds(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* As git's index does it: what a file's entry says, without its bytes. */
static bool tree_key(const scan_source *s, size_t item, uint8_t ret[SCAN_KEY_BYTES]) {
    const tree *t = s->self;
    struct stat st;
    if (fstatat(t->root, inner(t, item), &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
    int64_t modified = nanoseconds(st.st_mtim), changed = nanoseconds(st.st_ctim);
    if (modified + FRESH_NS > t->began_ns || changed + FRESH_NS > t->began_ns) return false;
    uint8_t digest[32];
    uint64_t facts[] = {(uint64_t)st.st_size, (uint64_t)modified, (uint64_t)changed, st.st_ino,
                        st.st_mode};
    sha256 *h = sha256_new();
    sha256_add(h, t->paths[item].ptr, t->paths[item].len + 1);
    sha256_add(h, facts, sizeof facts);
    sha256_end(h, digest);
    memcpy(ret, digest, SCAN_KEY_BYTES);
    return true;
}

static int cmp_refusals(const void *x, const void *y) {
    size_t a = ((const refusal *)x)->item, b = ((const refusal *)y)->item;
    return (a > b) - (a < b);
}

static const refusal *refusal_of(const tree *t, size_t item) {
    const refusal wanted = {item, NULL};
    if (!t->refusal_count) return NULL;
    return bsearch(&wanted, t->refusals, t->refusal_count, sizeof wanted, cmp_refusals);
}

static bool tree_unknown(const scan_source *s, size_t item) {
    return refusal_of(s->self, item) != NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int read_all(int fd, size_t expected, uint64_t max_bytes, strbuf *into, err *e) {
    strbuf_clear(into);
    for (size_t room = expected + 1;; room = 64 << 10) {
        strbuf_reserve(into, room);
        ssize_t n = read(fd, into->ptr + into->len, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot be read");
        if (n == 0) return 0;
        into->len += (size_t)n;
        if (into->len > max_bytes)
            return err_set(e, ERR_LIMIT, "is larger than %llu MiB (--max-file-size)",
                           (unsigned long long)max_bytes >> 20);
        /* Less than was asked for, and all that was there: the end, without asking again. */
        if ((size_t)n < room && into->len >= expected) return 0;
    }
}

static int tree_read(scan_source *s, size_t item, uint64_t max_bytes, strbuf *into, str *ret,
                     err *e) {
    const tree *t = s->self;
    const refusal *no = refusal_of(t, item);
    if (no) return err_set(e, ERR_IO, "%s", no->why);
    _cleanup_close_ int fd =
        openat(t->root, inner(t, item), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == ENOTDIR))
        return err_set(e, ERR_NOT_FOUND, "is no file any more");
    if (fd < 0 || fstat(fd, &st) < 0) return err_sys(e, errno, "cannot be opened");
    if (!S_ISREG(st.st_mode)) return err_set(e, ERR_NOT_FOUND, "is no file");
    if ((uint64_t)st.st_size > max_bytes)
        return err_set(e, ERR_LIMIT, "is larger than %llu MiB (--max-file-size)",
                       (unsigned long long)max_bytes >> 20);
    int r = read_all(fd, (size_t)st.st_size, max_bytes, into, e);
    *ret = strbuf_str(into);
    return r;
}

/* ---- which files ---------------------------------------------------------------------------- */

static int add_path(tree *t, str path, err *e) {
    if (t->count == FILES_MAX)
        return err_set(e, ERR_LIMIT, "there are more than %d files", FILES_MAX);
    if (t->prefix.len) path = arena_printf(t->a, "%.*s%.*s", STR_ARG(t->prefix), STR_ARG(path));
    ARENA_PUSH(t->a, t->paths, t->count, t->cap, path);
    return 0;
}

static int refuse(tree *t, str path, const char *why, err *e) {
    refusal no = {t->count, arena_cstr(t->a, str_from(why))};
    ARENA_PUSH(t->a, t->refusals, t->refusal_count, t->refusal_cap, no);
    return add_path(t, path, e);
}

/* Links are left out, so no walk is endless. */
static int walk(tree *t, const char *root, str folder, unsigned depth, err *e) {
    fs_entry *entries;
    size_t count;
    err why = {0};
    if (depth == 0)
        err_set(&why, ERR_LIMIT, "what is in it is not scanned: it lies %d folders deep",
                DEPTH_MAX);
    else
        fs_list(t->a, fs_join(t->a, root, folder), &entries, &count, &why);
    if (why.code && !folder.len) return err_set(e, why.code, "%s", why.message);
    if (why.code) return refuse(t, folder, why.message, e);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        str name = entries[i].name;
        if (entries[i].is_link || str_is(name, ".git")) continue;
        str below =
            folder.len ? arena_printf(t->a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name)) : name;
        r = entries[i].is_dir ? walk(t, root, below, depth - 1, e) : add_path(t, below, e);
    }
    return r;
}

/* Of a folder inside a working copy, what lies below it. A folder of which git knows nothing is
 * one that it ignores, and was named on purpose. */
static int list_git(tree *t, const char *path, bool *ret_known, err *e) {
    err why = {0};
    git_listing list = {0};
    int r = git_files(t->a, path, &list, &why);
    if (r < 0 && r != ERR_NOT_FOUND && r != ERR_UNSUPPORTED)
        t->warning = arena_printf(t->a, "what git ignores is scanned, too: %s", why.message);
    *ret_known = r == 0 && (list.count || list.refused_count);
    r = 0;
    for (size_t i = 0; *ret_known && i < list.count && r == 0; i++)
        r = add_path(t, list.paths[i], e);
    for (size_t i = 0; *ret_known && i < list.refused_count && r == 0; i++)
        r = refuse(t, list.refused[i].path, list.refused[i].why, e);
    return r;
}

static int open_one(tree *t, const char *path, err *e) {
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_cstr(t->a, (str){path, (size_t)(slash - path) + 1}) : ".";
    t->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->root < 0) return err_sys(e, errno, "cannot open '%s'", folder);
    return add_path(t, arena_str(t->a, str_from(slash ? slash + 1 : path)), e);
}

static int open_folder(tree *t, const char *path, err *e) {
    bool known;
    t->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->root < 0) return err_sys(e, errno, "cannot open '%s'", path);
    int r = list_git(t, path, &known, e);
    if (r == 0 && !known) r = walk(t, path, STR_EMPTY, DEPTH_MAX, e);
    return r;
}

static tree *new_tree(arena *a, str prefix) {
    tree *t = ARENA_NEW(a, tree);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *t = (tree){.a = a, .root = -1, .prefix = prefix, .began_ns = nanoseconds(now)};
    return t;
}

static scan_source *finish(tree *t) {
    t->base = (scan_source){.count = t->count,
                            .tree = t->root,
                            .warnings = &t->warning,
                            .warning_count = t->warning.len > 0,
                            .self = t,
                            .path = tree_path,
                            .unknown = tree_unknown,
                            .key = tree_key,
                            .read = tree_read};
    return &t->base;
}

int scan_source_tree_at(arena *a, const char *path, str prefix, scan_source **ret, err *e) {
    tree *t = new_tree(a, prefix);
    struct stat st;
    if (stat(path, &st) < 0) return err_sys(e, errno, "cannot scan '%s'", path);
    int r = S_ISDIR(st.st_mode) ? open_folder(t, path, e) : open_one(t, path, e);
    if (r == 0) *ret = finish(t);
    return r;
}

int scan_source_tree(arena *a, const char *path, scan_source **ret, err *e) {
    return scan_source_tree_at(a, path, STR_EMPTY, ret, e);
}

int scan_source_files(arena *a, const char *root, const scan_input *files, size_t count,
                      scan_source **ret, err *e) {
    tree *t = new_tree(a, STR_EMPTY);
    int r = 0;
    t->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->root < 0) return err_sys(e, errno, "cannot open '%s'", root);
    for (size_t i = 0; i < count && r == 0; i++)
        r = files[i].why ? refuse(t, files[i].path, files[i].why, e)
                         : add_path(t, files[i].path, e);
    if (r == 0) *ret = finish(t);
    return r;
}
