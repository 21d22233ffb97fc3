/* hashfiles.c: the walk over the workspace. It goes as GitHub's does, since the order of files is
 * part of the result: from each pattern's literal beginning, in the order of the patterns, folders
 * in byte order of their entries. It never leaves the workspace: GitHub throws away what it finds
 * outside, so there is nothing to look for. */
#include "runner/hashfiles.h"

#include "base/fs.h"
#include "base/hash.h"
#include "runner/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX (HASHFILES_DEPTH_MAX + 256)

typedef struct walk {
    arena *a;
    glob_list patterns;
    bool follow;
    strbuf path;
    str names[NAMES_MAX]; /* of `path` */
    size_t depth, root_depth;
    struct {
        dev_t device;
        ino_t inode;
    } chain[NAMES_MAX]; /* folders that the walk is in, so that a link cannot lead in circles */
    size_t entries, files;
    sha256 *hash;
    err *e;
} walk;

/* Adds a file's digest. A link to a folder and what is not a regular file do not count. */
static int add_file(walk *w) {
    const char *path = strbuf_cstr(&w->path);
    struct stat st;
    uint8_t digest[32];
    if (stat(path, &st)) return err_sys(w->e, errno, "cannot read '%s'", path);
    if (!S_ISREG(st.st_mode)) return 0;
    int rc = sha256_file(path, digest, w->e);
    if (rc) return rc;
    sha256_add(w->hash, digest, sizeof digest);
    w->files++;
    return 0;
}

static int visit(walk *w);

static int visit_child(walk *w, str name) {
    size_t len = w->path.len;
    if (w->depth == NAMES_MAX || w->depth - w->root_depth >= HASHFILES_DEPTH_MAX)
        return err_set(w->e, ERR_LIMIT, "folders are nested deeper than %d", HASHFILES_DEPTH_MAX);
    strbuf_addc(&w->path, '/');
    strbuf_add(&w->path, name);
    w->names[w->depth++] = name;
    int rc = visit(w);
    w->depth--;
    strbuf_truncate(&w->path, len);
    return rc;
}

static int visit_folder(walk *w, const struct stat *st) {
    for (size_t i = w->root_depth; i < w->depth; i++) {
        if (w->chain[i].device == st->st_dev && w->chain[i].inode == st->st_ino) return 0;
    }
    w->chain[w->depth].device = st->st_dev;
    w->chain[w->depth].inode = st->st_ino;
    _cleanup_arena_ arena *a = arena_new();
    fs_entry *entries;
    size_t count;
    int rc = fs_list(a, strbuf_cstr(&w->path), &entries, &count, w->e);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = visit_child(w, entries[i].name);
    return rc;
}

static int visit(walk *w) {
    glob_match match = glob_test(&w->patterns, w->names, w->depth);
    bool descend = glob_may_descend(&w->patterns, w->names, w->depth);
    struct stat st;
    if (!match && !descend) return 0;
    if (++w->entries > HASHFILES_ENTRIES_MAX) {
        return err_set(w->e, ERR_LIMIT, "more than %d files and folders to look at",
                       HASHFILES_ENTRIES_MAX);
    }
    const char *path = strbuf_cstr(&w->path);
    if ((w->follow ? stat : lstat)(path, &st)) {
        bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return gone ? 0 : err_sys(w->e, errno, "cannot read '%s'", path);
    }
    if (S_ISDIR(st.st_mode)) return (match & GLOB_FOLDER) || descend ? visit_folder(w, &st) : 0;
    return match & GLOB_FILE ? add_file(w) : 0;
}

/* Walks from a pattern's literal beginning, or from the workspace when that begins above it. */
static int start_at(walk *w, const glob_pattern *p) {
    size_t len = w->path.len, depth = w->depth;
    for (size_t i = 0; i < p->literal; i++) {
        str name = glob_literal(w->a, p->segments[i]);
        if (i < depth) {
            if (!str_eq(name, w->names[i])) return 0;
            continue;
        }
        if (w->depth == NAMES_MAX) return err_set(w->e, ERR_LIMIT, "a pattern is too deep");
        strbuf_addc(&w->path, '/');
        strbuf_add(&w->path, name);
        w->names[w->depth++] = name;
    }
    int rc = visit(w);
    w->depth = depth;
    strbuf_truncate(&w->path, len);
    return rc;
}

/* True when `p` begins where `other` does, or below. */
static bool begins_within(arena *a, const glob_pattern *p, const glob_pattern *other) {
    if (other->literal > p->literal) return false;
    for (size_t i = 0; i < other->literal; i++) {
        if (!str_eq(glob_literal(a, p->segments[i]), glob_literal(a, other->segments[i])))
            return false;
    }
    return true;
}

/* Each place is walked once: for the pattern that begins highest, and of equal ones the first. */
static bool is_covered(arena *a, const glob_list *list, size_t index) {
    const glob_pattern *p = &list->items[index];
    for (size_t i = 0; i < list->count; i++) {
        const glob_pattern *other = &list->items[i];
        if (i == index || other->negate || !begins_within(a, p, other)) continue;
        if (other->literal < p->literal || i < index) return true;
    }
    return false;
}

static int walk_all(walk *w) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->patterns.count; i++) {
        const glob_pattern *p = &w->patterns.items[i];
        if (!p->negate && !p->implied && !is_covered(w->a, &w->patterns, i)) rc = start_at(w, p);
    }
    return rc;
}

static int read_arguments(walk *w, str root, const str *args, size_t count, err *e) {
    str home = str_from(getenv("HOME"));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i == 0 && str_starts(args[i], STR("--"))) {
            w->follow = str_eq_nocase(args[i], STR("--follow-symbolic-links"));
            if (!w->follow) {
                return err_set(e, ERR_INVALID,
                               "Invalid glob option %.*s, avaliable option: "
                               "'--follow-symbolic-links'.",
                               STR_ARG(args[i]));
            }
            continue;
        }
        rc = glob_add(w->a, &w->patterns, args[i], root, home, e);
    }
    return rc;
}

/* The arguments as a person would recognise them, for messages. */
static str join(arena *a, const str *args, size_t count) {
    str all = STR_EMPTY;
    for (size_t i = 0; i < count && all.len < 300; i++)
        all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "", STR_ARG(args[i]));
    return str_sub(all, 0, 300);
}

int hash_files(arena *a, const char *workspace, const str *args, size_t count, str *ret, err *e) {
    _cleanup_arena_ arena *scratch = arena_new();
    walk *w = ARENA_NEW(scratch, walk);
    str root = fs_normalize(scratch, str_from(workspace));
    size_t root_depth;
    str *names = glob_split(scratch, root, &root_depth);
    w->a = scratch;
    w->e = e;
    int rc = read_arguments(w, root, args, count, e);
    if (rc == 0 && root_depth > NAMES_MAX - HASHFILES_DEPTH_MAX)
        rc = err_set(e, ERR_LIMIT, "the workspace lies too deep");
    if (rc == 0) {
        uint8_t digest[32];
        char *hex = arena_alloc(a, 65);
        if (root_depth) memcpy(w->names, names, root_depth * sizeof *names);
        w->depth = w->root_depth = root_depth;
        strbuf_add(&w->path, root);
        w->hash = sha256_new();
        rc = walk_all(w);
        sha256_end(w->hash, digest);
        hex_encode(digest, sizeof digest, hex);
        *ret = w->files ? str_from(hex) : STR_EMPTY;
    }
    strbuf_done(&w->path);
    if (rc) {
        str text = join(scratch, args, count);
        err_context(e, "hashFiles('%.*s') failed", STR_ARG(text));
    }
    return rc;
}
