#include "scan/changes.h"

#include "base/process.h"
#include "scan/source.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX  ((size_t)256 << 20) /* of the list of changes */
#define BLOBS_MAX   ((size_t)1 << 30)   /* of the files before, or staged, all together */
#define CHANGES_MAX 200000

typedef struct change {
    str path, old_blob, new_blob; /* blobs: empty where there is none, or where git has none yet */
} change;

typedef struct work {
    arena *a;
    const char *root;
    const char *index; /* "GIT_INDEX_FILE=…", or NULL */
    const char *base;  /* the commit of before, or NULL: HEAD, where there is one */
    str below;
    bool staged;
    uint64_t max_bytes;
    change *items;
    size_t count, cap;
    str *touched; /* all paths that differ, also of what is gone */
    size_t touched_count, touched_cap;
} work;

static int git(const work *w, const char *const *argv, str input, str *ret, err *e) {
    /* Of what the person's settings say of differences, no program is run. */
    const char *const env[] = {"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", "GIT_EXTERNAL_DIFF", w->index,
                               NULL};
    process_spec spec = {.argv = argv,
                         .env = env,
                         .cwd = w->root,
                         .input = input,
                         .max_output = BLOBS_MAX + OUTPUT_MAX};
    return process_check(w->a, &spec, ret, e);
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static bool is_file(str mode) {
    return str_is(mode, "100644") || str_is(mode, "100755");
}

static str blob_of(str mode, str id) {
    bool zeros = true;
    for (size_t i = 0; i < id.len; i++)
        zeros &= id.ptr[i] == '0';
    return is_file(mode) && !zeros ? id : STR_EMPTY;
}

static int add_change(work *w, change c, err *e) {
    if (w->count == CHANGES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d files have changed", CHANGES_MAX);
    ARENA_PUSH(w->a, w->items, w->count, w->cap, c);
    return 0;
}

/* ":100644 100644 ID ID M" NUL path NUL, of a rename both paths. (git-diff, "raw output") */
static int read_raw(work *w, str raw, err *e) {
    while (raw.len && raw.ptr[0] == ':') {
        str head, old_mode, mode, old_id, id, path;
        str_cut(str_sub(raw, 1, raw.len), '\0', &head, &raw);
        str_cut(head, ' ', &old_mode, &head);
        str_cut(head, ' ', &mode, &head);
        str_cut(head, ' ', &old_id, &head);
        str_cut(head, ' ', &id, &head);
        str_cut(raw, '\0', &path, &raw);
        ARENA_PUSH(w->a, w->touched, w->touched_count, w->touched_cap, path);
        if (head.len && (head.ptr[0] == 'R' || head.ptr[0] == 'C')) {
            str_cut(raw, '\0', &path, &raw);
            ARENA_PUSH(w->a, w->touched, w->touched_count, w->touched_cap, path);
        }
        if (!is_file(mode)) continue;
        change c = {path, blob_of(old_mode, old_id), blob_of(mode, id)};
        if (add_change(w, c, e) < 0) return e->code;
    }
    return 0;
}

/* From a commit to the working copy; without a commit, from HEAD (or nothing, where there is none
 * yet) to the index. */
static int list_changes(work *w, const char *base, str below, err *e) {
    const char *argv[20] = {"git",       "-c",          "diff.ignoreSubmodules=all",
                            "diff",      "--raw",       "-z",
                            "-M",        "--abbrev=64", "--no-ext-diff",
                            "--no-color"};
    size_t n = 10;
    str raw;
    argv[n++] = base ? base : "--cached";
    argv[n++] = "--";
    if (below.len) argv[n++] = arena_printf(w->a, ":(literal,top)%.*s", STR_ARG(below)).ptr;
    int r = git(w, argv, STR_EMPTY, &raw, e);
    return r < 0 ? r : read_raw(w, raw, e);
}

static int list_untracked(work *w, str below, err *e) {
    const char *argv[] = {"git",         "ls-files", "-z", "--others", "--exclude-standard",
                          "--full-name", "--",       NULL, NULL};
    str list, path;
    if (below.len) argv[7] = arena_printf(w->a, ":(literal,top)%.*s", STR_ARG(below)).ptr;
    int r = git(w, argv, STR_EMPTY, &list, e);
    while (r == 0 && list.len) {
        str_cut(list, '\0', &path, &list);
        if (!path.len || str_ends(path, STR("/"))) continue;
        ARENA_PUSH(w->a, w->touched, w->touched_count, w->touched_cap, path);
        r = add_change(w, (change){.path = path}, e);
    }
    return r;
}

static int cmp_changes(const void *x, const void *y) {
    return str_cmp(((const change *)x)->path, ((const change *)y)->path);
}

/* ---- the texts ----------------------------------------------------------------------------------
 */

/* "ID blob SIZE" LF bytes LF, or "ID missing" LF. (git-cat-file, "batch output") */
static bool next_blob(str *rest, str *ret_body) {
    str line, id, kind, size;
    uint64_t bytes;
    if (!str_line(rest, &line)) return false;
    str_cut(line, ' ', &id, &size);
    str_cut(size, ' ', &kind, &size);
    *ret_body = STR_EMPTY;
    if (!str_to_uint(size, rest->len, &bytes)) return true;
    *ret_body = str_sub(*rest, 0, (size_t)bytes);
    *rest = str_sub(*rest, (size_t)bytes + 1, rest->len);
    return true;
}

/* Which of the blobs are small enough; what is too large is dropped from the list. */
static int drop_large(const work *w, str *blobs, size_t count, err *e) {
    _cleanup_strbuf_ strbuf ids = STRBUF_INIT;
    const char *const argv[] = {"git", "cat-file", "--batch-check=%(objectsize)", NULL};
    str sizes, line;
    uint64_t total = 0, bytes;
    for (size_t i = 0; i < count; i++) {
        if (blobs[i].len) strbuf_addf(&ids, "%.*s\n", STR_ARG(blobs[i]));
    }
    int r = ids.len ? git(w, argv, strbuf_str(&ids), &sizes, e) : 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!blobs[i].len) continue;
        if (!str_line(&sizes, &line) || !str_to_uint(line, UINT64_MAX, &bytes) ||
            bytes > w->max_bytes)
            blobs[i] = STR_EMPTY;
        else
            total += bytes;
    }
    if (r == 0 && total > BLOBS_MAX)
        return err_set(e, ERR_LIMIT, "what has changed is more than %zu MiB", BLOBS_MAX >> 20);
    return r;
}

static int read_blobs(const work *w, const str *paths, const str *blobs, size_t count,
                      scan_source **ret, err *e) {
    _cleanup_strbuf_ strbuf ids = STRBUF_INIT;
    const char *const argv[] = {"git", "cat-file", "--batch", NULL};
    scan_input *texts = ARENA_ARRAY(w->a, scan_input, count);
    size_t kept = 0;
    str rest = STR_EMPTY;
    for (size_t i = 0; i < count; i++) {
        if (blobs[i].len) strbuf_addf(&ids, "%.*s\n", STR_ARG(blobs[i]));
    }
    int r = ids.len ? git(w, argv, strbuf_str(&ids), &rest, e) : 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!blobs[i].len) continue;
        texts[kept].path = paths[i];
        if (!next_blob(&rest, &texts[kept++].body))
            r = err_set(e, ERR_FAILED, "git cat-file gave fewer objects than it was asked for");
    }
    *ret = scan_source_texts(w->a, texts, kept);
    return r;
}

static str *paths_of(const work *w) {
    str *paths = ARENA_ARRAY(w->a, str, w->count);
    for (size_t i = 0; i < w->count; i++)
        paths[i] = arena_str(w->a, w->items[i].path);
    return paths;
}

int scan_changes_before(const scan_changes *c, scan_source **ret, err *e) {
    const work *w = c->self;
    str *blobs = ARENA_ARRAY(w->a, str, w->count);
    for (size_t i = 0; i < w->count; i++)
        blobs[i] = w->items[i].old_blob;
    int r = drop_large(w, blobs, w->count, e);
    return r < 0 ? r : read_blobs(w, paths_of(w), blobs, w->count, ret, e);
}

/* ---- what has not changed -----------------------------------------------------------------------
 */

bool scan_changes_touch(const scan_changes *c, scan_changes_wants *wants) {
    const work *w = c->self;
    for (size_t i = 0; i < w->touched_count; i++) {
        if (wants(w->touched[i])) return true;
    }
    return false;
}

bool scan_changes_has(const scan_changes *c, str path) {
    const work *w = c->self;
    for (size_t i = 0; i < w->touched_count; i++) {
        str one = w->touched[i];
        if (!str_starts(path, one)) continue;
        if (path.len == one.len || str_starts(str_sub(path, one.len, path.len), STR("!/")))
            return true;
    }
    return false;
}

typedef struct listing {
    str *paths, *blobs;
    size_t count, cap, blob_cap;
} listing;

static int add_file(const work *w, listing *to, str path, str blob, err *e) {
    size_t count = to->count;
    if (count == CHANGES_MAX)
        return err_set(e, ERR_LIMIT, "there are more than %d files to read", CHANGES_MAX);
    ARENA_PUSH(w->a, to->blobs, count, to->blob_cap, blob);
    ARENA_PUSH(w->a, to->paths, to->count, to->cap, arena_str(w->a, path));
    return 0;
}

/* "MODE blob ID" TAB path NUL of a tree, "MODE ID STAGE" TAB path NUL of the index, or a path.
 * (git-ls-tree; git-ls-files, "output") */
static int read_list(const work *w, str list, scan_changes_wants *wants, listing *to, err *e) {
    while (list.len) {
        str line, head, path, mode, id;
        str_cut(list, '\0', &line, &list);
        bool plain = !str_cut(line, '\t', &head, &path);
        if (plain) {
            if (line.len && wants(line) && add_file(w, to, line, STR_EMPTY, e) < 0) return e->code;
            continue;
        }
        str_cut(head, ' ', &mode, &id);
        if (str_starts(id, STR("blob "))) id = str_sub(id, 5, id.len);
        str_cut(id, ' ', &id, &(str){0});
        if (is_file(mode) && wants(path) && add_file(w, to, path, id, e) < 0) return e->code;
    }
    return 0;
}

static int list_files(const work *w, const char **argv, size_t count, scan_changes_wants *wants,
                      listing *to, err *e) {
    str list;
    if (w->below.len)
        argv[count++] = arena_printf(w->a, ":(literal,top)%.*s", STR_ARG(w->below)).ptr;
    argv[count] = NULL;
    int r = git(w, argv, STR_EMPTY, &list, e);
    return r < 0 ? r : read_list(w, list, wants, to, e);
}

/* Paths of ls-tree are plain, and with --full-tree from the top. */
static int list_tree(const work *w, const char **argv, scan_changes_wants *wants, listing *to,
                     err *e) {
    str list;
    if (w->below.len) argv[7] = arena_cstr(w->a, w->below);
    int r = git(w, argv, STR_EMPTY, &list, e);
    return r < 0 ? r : read_list(w, list, wants, to, e);
}

static int read_listed(const work *w, const listing *from, scan_source **ret, err *e) {
    int r = drop_large(w, from->blobs, from->count, e);
    return r < 0 ? r : read_blobs(w, from->paths, from->blobs, from->count, ret, e);
}

int scan_changes_all_now(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                         err *e) {
    const work *w = c->self;
    const char *staged[8] = {"git", "ls-files", "-z", "--stage", "--full-name", "--"};
    const char *copy[10] = {"git",      "ls-files",           "-z",          "--cached",
                            "--others", "--exclude-standard", "--full-name", "--"};
    listing files = {0};
    int r = w->staged ? list_files(w, staged, 6, wants, &files, e)
                      : list_files(w, copy, 8, wants, &files, e);
    if (r < 0) return r;
    return w->staged ? read_listed(w, &files, ret, e)
                     : scan_source_files(w->a, w->root, files.paths, files.count, ret, e);
}

int scan_changes_all_before(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                            err *e) {
    const work *w = c->self;
    const char *tree[10] = {"git", "ls-tree", "-r", "-z", "--full-tree", NULL, "--"};
    const char *const head[] = {"git", "rev-parse", "--verify", "--quiet", "HEAD^{commit}", NULL};
    listing files = {0};
    err none = {0};
    str commit;
    tree[5] = w->base;
    if (!w->base && git(w, head, STR_EMPTY, &commit, &none) == 0)
        tree[5] = arena_cstr(w->a, str_trim(commit));
    int r = 0;
    if (tree[5]) r = list_tree(w, tree, wants, &files, e);
    return r < 0 ? r : read_listed(w, &files, ret, e);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static int find_base(work *w, const char *since, str *ret, err *e) {
    const char *const parse[] = {
        "git",     "rev-parse",        "--verify",
        "--quiet", "--end-of-options", arena_printf(w->a, "%s^{commit}", since).ptr,
        NULL};
    str commit, base;
    err why = {0};
    if (git(w, parse, STR_EMPTY, &commit, &why) < 0)
        return err_set(e, ERR_INVALID,
                       "--since %s: there is no such commit here (in a workflow, check out with "
                       "fetch-depth: 0)",
                       since);
    const char *const merge[] = {"git", "merge-base", arena_cstr(w->a, str_trim(commit)), "HEAD",
                                 NULL};
    if (git(w, merge, STR_EMPTY, &base, &why) < 0)
        return err_set(e, ERR_INVALID,
                       "--since %s: it has no commit in common with HEAD here (in a workflow, "
                       "check out with fetch-depth: 0)",
                       since);
    str line = STR_EMPTY;
    str_line(&base, &line);
    *ret = line;
    return 0;
}

static work *new_work(arena *a, const char *root, uint64_t max_bytes) {
    work *w = ARENA_NEW(a, work);
    *w = (work){.a = a, .root = root, .max_bytes = max_bytes};
    return w;
}

int scan_changes_since(arena *a, const char *root, str below, const char *since, uint64_t max_bytes,
                       scan_changes *ret, err *e) {
    work *w = new_work(a, root, max_bytes);
    str base;
    *ret = (scan_changes){.self = w};
    w->below = below;
    if (find_base(w, since, &base, e) < 0) return e->code;
    w->base = arena_cstr(a, base);
    if (list_changes(w, w->base, below, e) < 0 || list_untracked(w, below, e) < 0) return e->code;
    if (w->count) qsort(w->items, w->count, sizeof *w->items, cmp_changes);
    return scan_source_files(a, root, paths_of(w), w->count, &ret->now, e);
}

int scan_changes_staged(arena *a, const char *root, str below, const char *index,
                        uint64_t max_bytes, scan_changes *ret, err *e) {
    work *w = new_work(a, root, max_bytes);
    if (index) w->index = arena_printf(a, "GIT_INDEX_FILE=%s", index).ptr;
    *ret = (scan_changes){.self = w};
    w->below = below;
    w->staged = true;
    if (list_changes(w, NULL, below, e) < 0) return e->code;
    str *blobs = ARENA_ARRAY(a, str, w->count);
    for (size_t i = 0; i < w->count; i++)
        blobs[i] = w->items[i].new_blob;
    return read_blobs(w, paths_of(w), blobs, w->count, &ret->now, e);
}
