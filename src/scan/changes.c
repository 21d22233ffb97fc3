/* changes.c: what differs, by git's plumbing.
 *
 * The commands for people (git diff, git status) look into files of the working tree, through
 * filters, to be sure that they differ and to find renames. Here a commit is compared with the
 * index, which has renames and blobs and no files, and the index with what the entries of files
 * say. What is only perhaps different is scanned: it costs a file, and nothing else.
 *
 * A submodule is a repository of its own, and so compared from the commit at which it was to what
 * lies in its working tree. */
#include "scan/changes.h"

#include "base/fs.h"
#include "base/git.h"
#include "scan/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MAX  ((size_t)256 << 20) /* of the list of changes */
#define BLOBS_MAX   ((size_t)1 << 30)   /* of the files before, or staged, all together */
#define CHANGES_MAX 200000
#define REPOS_MAX   10000 /* submodules, and theirs */
#define DEPTH_MAX   10

/* The working copy itself, or a submodule. */
typedef struct place {
    const char *dir;
    str prefix;       /* "lib/", or empty */
    const char *base; /* the commit or tree of before */
} place;

typedef struct change {
    str path;               /* with the prefix */
    str old_blob, new_blob; /* empty where there is none, or where git has none yet */
    size_t repo;
    const char *why; /* it cannot be scanned, and why; or NULL */
    size_t order;    /* of one path, the first one counts */
} change;

/* A submodule as the index has it, and as it was. */
typedef struct gitlink {
    str path, id; /* without the prefix */
} gitlink;

typedef struct link_list {
    gitlink *items;
    size_t count, cap;
} link_list;

typedef struct work {
    arena *a;
    const char *index; /* a file, or NULL: the usual one */
    str below;         /* in the working copy */
    bool staged;
    uint64_t max_bytes;
    place *repos;
    size_t repo_count, repo_cap;
    change *items;
    size_t count, cap;
    str *touched; /* all paths that differ, also of what is gone */
    size_t touched_count, touched_cap;
    str *warnings;
    size_t warning_count, warning_cap;
} work;

/* Blobs, and the paths that they are shown by. */
typedef struct listing {
    str *paths, *blobs; /* an empty blob: there is none, or it is left out */
    size_t *repos;
    size_t count, cap;
} listing;

static int ask(const work *w, size_t repo, const char *const *argv, str input, git_answer *ret,
               err *e) {
    git_call call = {.dir = w->repos[repo].dir,
                     .argv = argv,
                     .index = w->index,
                     .input = input,
                     .max_output = BLOBS_MAX + OUTPUT_MAX};
    return git_ask(w->a, &call, ret, e);
}

static int failed(const git_answer *said, err *e) {
    str text = str_trim(said->err_out);
    str last = str_sub(text, (size_t)(str_rfind_char(text, '\n') + 1), text.len);
    return err_set(e, ERR_FAILED, "git ended with status %d: %.*s", said->status, STR_ARG(last));
}

static int git(const work *w, size_t repo, const char *const *argv, str input, str *ret, err *e) {
    git_answer said;
    int r = ask(w, repo, argv, input, &said, e);
    if (r < 0) return r;
    *ret = said.out;
    return said.status ? failed(&said, e) : 0;
}

static void warn(work *w, str text) {
    ARENA_PUSH(w->a, w->warnings, w->warning_count, w->warning_cap, text);
}

/* ---- the list -----------------------------------------------------------------------------------
 */

static bool is_file(str mode) {
    return str_is(mode, "100644") || str_is(mode, "100755");
}

static bool is_link(str mode) {
    return str_is(mode, "160000");
}

static bool is_zeros(str id) {
    return strspn(id.ptr, "0") >= id.len;
}

static str blob_of(str mode, str id) {
    return is_file(mode) && !is_zeros(id) ? id : STR_EMPTY;
}

static str shown(const work *w, size_t repo, str path) {
    str prefix = w->repos[repo].prefix;
    return arena_printf(w->a, "%.*s%.*s", STR_ARG(prefix), STR_ARG(path));
}

static void touch(work *w, str path) {
    ARENA_PUSH(w->a, w->touched, w->touched_count, w->touched_cap, path);
}

static int add_change(work *w, change c, err *e) {
    if (w->count == CHANGES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d files have changed", CHANGES_MAX);
    c.path = shown(w, c.repo, c.path);
    c.order = w->count;
    touch(w, c.path);
    ARENA_PUSH(w->a, w->items, w->count, w->cap, c);
    return 0;
}

static int refuse(work *w, size_t repo, str path, const char *why, err *e) {
    return add_change(w, (change){.path = path, .repo = repo, .why = why}, e);
}

/* ":100644 100644 ID ID M" NUL path NUL, of a rename both paths. (git-diff-index, "raw output") A
 * file in conflict (U) has no side that is now. */
static int read_raw(work *w, size_t repo, str raw, link_list *links, err *e) {
    while (raw.len && raw.ptr[0] == ':') {
        str head, old_mode, mode, old_id, id, path;
        str_cut(str_sub(raw, 1, raw.len), '\0', &head, &raw);
        str_cut(head, ' ', &old_mode, &head);
        str_cut(head, ' ', &mode, &head);
        str_cut(head, ' ', &old_id, &head);
        str_cut(head, ' ', &id, &head);
        str_cut(raw, '\0', &path, &raw);
        touch(w, shown(w, repo, path));
        if (head.len && (head.ptr[0] == 'R' || head.ptr[0] == 'C')) str_cut(raw, '\0', &path, &raw);
        bool conflict = head.len && head.ptr[0] == 'U';
        if (links && is_link(mode)) {
            gitlink was = {path, is_link(old_mode) ? old_id : STR_EMPTY};
            ARENA_PUSH(w->a, links->items, links->count, links->cap, was);
        }
        if (!is_file(mode) && !conflict) continue;
        change c = {path, blob_of(old_mode, old_id), blob_of(mode, id), repo, NULL, 0};
        if (add_change(w, c, e) < 0) return e->code;
    }
    return 0;
}

/* Words of a command, and what of the working copy it is about. */
#define COMMAND_MAX 16
static void end_command(const work *w, size_t repo, const char **argv) {
    size_t n = 0;
    while (argv[n])
        n++;
    argv[n++] = "--";
    if (w->below.len && !w->repos[repo].prefix.len)
        argv[n++] = arena_printf(w->a, ":(literal,top)%.*s", STR_ARG(w->below)).ptr;
    argv[n] = NULL;
}

/* From a commit or tree to the index. To know a file again that was renamed and changed, its old
 * bytes are needed, which a partial clone may not have. */
static int list_index(work *w, size_t repo, const char *from, link_list *links, err *e) {
    const char *argv[COMMAND_MAX] = {"git", "diff-index", "--cached", "--raw", "-z", "-M", from};
    git_answer said;
    end_command(w, repo, argv);
    int r = ask(w, repo, argv, STR_EMPTY, &said, e);
    if (r == 0 && said.status) {
        argv[5] = "-M100%";
        r = ask(w, repo, argv, STR_EMPTY, &said, e);
        if (r == 0 && said.status) return failed(&said, e);
        if (r == 0)
            warn(w, STR("old versions of files are not here (a partial clone): what is found in a "
                        "file that was renamed and changed counts as new"));
    }
    return r < 0 ? r : read_raw(w, repo, said.out, links, e);
}

/* From the index to the working tree, by the entries of files. What git cannot look at it tells as
 * "PATH: Permission denied", and goes on. */
static int list_files(work *w, size_t repo, err *e) {
    const char *argv[COMMAND_MAX] = {"git", "diff-files", "--raw", "-z", "--ignore-submodules=all"};
    git_call call = {
        .dir = w->repos[repo].dir, .argv = argv, .max_output = OUTPUT_MAX, .compares_files = true};
    git_answer said;
    str line, path, why;
    end_command(w, repo, argv);
    int r = git_ask(w->a, &call, &said, e);
    if (r == 0 && said.status) return failed(&said, e);
    while (r == 0 && str_line(&said.err_out, &line)) {
        ptrdiff_t colon = str_rfind_char(line, ':');
        if (colon < 0 || str_starts(line, STR("warning: ")) || str_starts(line, STR("error: ")))
            continue;
        path = str_sub(line, 0, (size_t)colon);
        why = str_trim(str_sub(line, (size_t)colon + 1, line.len));
        r = refuse(w, repo, path, arena_printf(w->a, "cannot be looked at: %.*s", STR_ARG(why)).ptr,
                   e);
    }
    return r < 0 ? r : read_raw(w, repo, said.out, NULL, e);
}

/* A repository within this one, of which git does not know: all of it is new. */
static int add_nested(work *w, size_t repo, str path, err *e) {
    git_listing list;
    err why = {0};
    const char *dir = fs_join(w->a, w->repos[repo].dir, path);
    int r = 0;
    if (git_files(w->a, dir, &list, &why) < 0)
        return refuse(w, repo, path, arena_cstr(w->a, str_from(why.message)), e);
    for (size_t i = 0; i < list.count && r == 0; i++) {
        str inner = arena_printf(w->a, "%.*s%.*s", STR_ARG(path), STR_ARG(list.paths[i]));
        r = add_change(w, (change){.path = inner, .repo = repo}, e);
    }
    for (size_t i = 0; i < list.refused_count && r == 0; i++) {
        const git_refusal *no = &list.refused[i];
        str inner = arena_printf(w->a, "%.*s%.*s", STR_ARG(path), STR_ARG(no->path));
        r = refuse(w, repo, inner, no->why, e);
    }
    return r;
}

static int list_untracked(work *w, size_t repo, err *e) {
    const char *argv[COMMAND_MAX] = {"git",      "ls-files",           "-z",
                                     "--others", "--exclude-standard", "--full-name"};
    git_answer said;
    str path;
    git_refusal *refused = NULL;
    size_t count = 0, cap = 0;
    end_command(w, repo, argv);
    int r = ask(w, repo, argv, STR_EMPTY, &said, e);
    if (r == 0 && said.status) return failed(&said, e);
    if (r == 0) git_read_refusals(w->a, said.err_out, &refused, &count, &cap);
    for (size_t i = 0; i < count && r == 0; i++)
        r = refuse(w, repo, refused[i].path, refused[i].why, e);
    while (r == 0 && said.out.len) {
        str_cut(said.out, '\0', &path, &said.out);
        if (str_ends(path, STR("/")))
            r = add_nested(w, repo, path, e);
        else if (path.len)
            r = add_change(w, (change){.path = path, .repo = repo}, e);
    }
    return r;
}

static int cmp_changes(const void *x, const void *y) {
    const change *a = x, *b = y;
    int by_path = str_cmp(a->path, b->path);
    return by_path ? by_path : (a->order > b->order) - (a->order < b->order);
}

static void sort_changes(work *w) {
    size_t kept = 0;
    if (w->count) qsort(w->items, w->count, sizeof *w->items, cmp_changes);
    for (size_t i = 0; i < w->count; i++) {
        if (!kept || !str_eq(w->items[kept - 1].path, w->items[i].path))
            w->items[kept++] = w->items[i];
    }
    w->count = kept;
}

/* ---- submodules ---------------------------------------------------------------------------------
 */

/* A file that git was told not to look at (assume-unchanged, or out of a sparse checkout) may be
 * there and be another one all the same. */
static int add_unwatched(work *w, size_t repo, char tag, str path, str id, err *e) {
    struct stat st;
    const char *file = fs_join(w->a, w->repos[repo].dir, path);
    if (tag != 'S' && !(tag >= 'a' && tag <= 'z')) return 0;
    if (lstat(file, &st) < 0 || !S_ISREG(st.st_mode)) return 0;
    return add_change(w, (change){.path = path, .old_blob = id, .repo = repo}, e);
}

/* "H 160000 ID 0" TAB path NUL. (git-ls-files, "--stage" and "-v") */
static int list_entries(work *w, size_t repo, link_list *ret, err *e) {
    const char *argv[COMMAND_MAX] = {"git", "ls-files", "-z", "-v", "--stage", "--full-name"};
    str list, item, tag, mode, id, path;
    end_command(w, repo, argv);
    int r = git(w, repo, argv, STR_EMPTY, &list, e);
    while (r == 0 && list.len) {
        str_cut(list, '\0', &item, &list);
        str_cut(item, '\t', &item, &path);
        str_cut(item, ' ', &tag, &item);
        str_cut(item, ' ', &mode, &item);
        str_cut(item, ' ', &id, &item);
        gitlink one = {path, id};
        if (is_link(mode)) ARENA_PUSH(w->a, ret->items, ret->count, ret->cap, one);
        if (is_file(mode)) r = add_unwatched(w, repo, tag.len ? *tag.ptr : 'H', path, id, e);
    }
    return r;
}

static int list_repo(work *w, size_t repo, const char *base, unsigned depth, err *e);

static void add_repo(work *w, const char *dir, str prefix) {
    place one = {dir, prefix, NULL};
    ARENA_PUSH(w->a, w->repos, w->repo_count, w->repo_cap, one);
}

static bool has_commit(const work *w, size_t repo, str id) {
    const char *const argv[] = {"git", "cat-file", "-e",
                                arena_printf(w->a, "%.*s^{commit}", STR_ARG(id)).ptr, NULL};
    str out;
    err ignored = {0};
    return git(w, repo, argv, STR_EMPTY, &out, &ignored) == 0;
}

static const gitlink *find_link(const link_list *list, str path) {
    for (size_t i = 0; i < list->count; i++) {
        if (str_eq(list->items[i].path, path)) return &list->items[i];
    }
    return NULL;
}

static int add_link(work *w, size_t outer, const gitlink *now, const gitlink *was, unsigned depth,
                    err *e) {
    arena *a = w->a;
    const char *dir = fs_join(a, w->repos[outer].dir, now->path);
    bool is_here = faccessat(AT_FDCWD, fs_join(a, dir, STR(".git")), F_OK, 0) == 0;
    if (!is_here && errno != ENOENT && errno != ENOTDIR)
        return refuse(w, outer, now->path, "is a submodule that cannot be opened", e);
    if (!is_here)
        return was ? refuse(w, outer, now->path,
                            "is a submodule that has changed, and was not scanned: it is not "
                            "checked out (git submodule update --init)",
                            e)
                   : 0;
    if (was && !was->id.len)
        return add_nested(w, outer, arena_printf(a, "%.*s/", STR_ARG(now->path)), e);
    if (depth == 0 || w->repo_count == REPOS_MAX)
        return err_set(e, ERR_LIMIT,
                       "'%.*s': there are more than %d submodules, or %d in each other",
                       STR_ARG(now->path), REPOS_MAX, DEPTH_MAX);
    size_t repo = w->repo_count;
    add_repo(w, dir, arena_printf(a, "%.*s/", STR_ARG(shown(w, outer, now->path))));
    str base = was ? was->id : now->id;
    if (has_commit(w, repo, base)) return list_repo(w, repo, arena_cstr(a, base), depth - 1, e);
    return refuse(w, outer, now->path,
                  arena_printf(a,
                               "is a submodule, and was not scanned: the commit %.*s, at which it "
                               "was, is not here (git submodule update --init, git -C %.*s fetch)",
                               STR_ARG(base), STR_ARG(now->path))
                      .ptr,
                  e);
}

/* `was`: those of which the index says something else than the commit. */
static int add_links(work *w, size_t repo, const link_list *was, unsigned depth, err *e) {
    link_list now = {0};
    int r = list_entries(w, repo, &now, e);
    for (size_t i = 0; i < now.count && r == 0; i++)
        r = add_link(w, repo, &now.items[i], find_link(was, now.items[i].path), depth, e);
    return r;
}

/* All that differs from a commit. What is told first of a path counts: the commit knows what it
 * was. */
static int list_repo(work *w, size_t repo, const char *base, unsigned depth, err *e) {
    link_list was = {0};
    w->repos[repo].base = base;
    if (list_index(w, repo, base, &was, e) < 0 || list_files(w, repo, e) < 0 ||
        list_untracked(w, repo, e) < 0)
        return e->code;
    return add_links(w, repo, &was, depth, e);
}

/* ---- the texts ----------------------------------------------------------------------------------
 */

/* "ID blob SIZE" LF bytes LF, or "ID missing" LF. (git-cat-file, "batch output") */
static bool next_blob(str *rest, str *ret_body, bool *ret_here) {
    str line, id, kind, size;
    uint64_t bytes;
    if (!str_line(rest, &line)) return false;
    str_cut(line, ' ', &id, &size);
    str_cut(size, ' ', &kind, &size);
    *ret_body = STR_EMPTY;
    *ret_here = str_to_uint(size, rest->len, &bytes);
    if (!*ret_here) return true;
    *ret_body = str_sub(*rest, 0, (size_t)bytes);
    *rest = str_sub(*rest, (size_t)bytes + 1, rest->len);
    return true;
}

static str ids_of(const listing *l, size_t repo, strbuf *into) {
    strbuf_clear(into);
    for (size_t i = 0; i < l->count; i++) {
        if (l->blobs[i].len && l->repos[i] == repo)
            strbuf_addf(into, "%.*s\n", STR_ARG(l->blobs[i]));
    }
    return strbuf_str(into);
}

/* Of the blobs of one repository, those that are too large or not here are dropped from the list.
 * Adds to the counts. */
static int drop_some(const work *w, size_t repo, listing *l, uint64_t *total, size_t *missing,
                     err *e) {
    _cleanup_strbuf_ strbuf ids = STRBUF_INIT;
    const char *const argv[] = {"git", "cat-file", "--batch-check=%(objectsize)", NULL};
    str asked = ids_of(l, repo, &ids), sizes = STR_EMPTY, line;
    int r = asked.len ? git(w, repo, argv, asked, &sizes, e) : 0;
    for (size_t i = 0; r == 0 && i < l->count; i++) {
        uint64_t bytes;
        if (!l->blobs[i].len || l->repos[i] != repo) continue;
        bool told = str_line(&sizes, &line) && str_to_uint(line, UINT64_MAX, &bytes);
        *missing += !told;
        if (told && bytes <= w->max_bytes)
            *total += bytes;
        else
            l->blobs[i] = STR_EMPTY;
    }
    return r;
}

/* Blobs that are not here, as text of an item: those of now, which must be. */
static int read_blobs_of(const work *w, size_t repo, const listing *l, scan_input *texts, err *e) {
    _cleanup_strbuf_ strbuf ids = STRBUF_INIT;
    const char *const argv[] = {"git", "cat-file", "--batch", NULL};
    str asked = ids_of(l, repo, &ids), rest = STR_EMPTY;
    int r = asked.len ? git(w, repo, argv, asked, &rest, e) : 0;
    for (size_t i = 0; r == 0 && i < l->count; i++) {
        bool is_here;
        if (!l->blobs[i].len || l->repos[i] != repo) continue;
        if (!next_blob(&rest, &texts[i].body, &is_here))
            return err_set(e, ERR_FAILED, "git cat-file gave fewer objects than it was asked for");
        if (!is_here) texts[i].why = "is not in the repository";
    }
    return r;
}

static int read_blobs(const work *w, const listing *l, scan_source **ret, err *e) {
    scan_input *texts = ARENA_ARRAY(w->a, scan_input, l->count);
    size_t kept = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->repo_count; i++)
        r = read_blobs_of(w, i, l, texts, e);
    for (size_t i = 0; i < l->count; i++) {
        if (!l->blobs[i].len) continue;
        texts[kept] = texts[i];
        texts[kept++].path = l->paths[i];
    }
    *ret = scan_source_texts(w->a, texts, kept);
    (*ret)->warnings = w->warnings;
    (*ret)->warning_count = w->warning_count;
    return r;
}

/* Those of before, which may be missing or too large. */
static int read_old(const work *w, listing *l, scan_source **ret, str *ret_warning, err *e) {
    uint64_t total = 0;
    size_t missing = 0;
    int r = 0;
    for (size_t i = 0; i < w->repo_count && r == 0; i++)
        r = drop_some(w, i, l, &total, &missing, e);
    if (r == 0 && total > BLOBS_MAX)
        return err_set(e, ERR_LIMIT, "what has changed is more than %zu MiB", BLOBS_MAX >> 20);
    *ret_warning = missing ? arena_printf(w->a,
                                          "old versions of %zu files are not here (a partial "
                                          "clone): what is found in these files counts as new",
                                          missing)
                           : STR_EMPTY;
    return r < 0 ? r : read_blobs(w, l, ret, e);
}

static listing list_of_changes(const work *w, bool old) {
    listing l = {.paths = ARENA_ARRAY(w->a, str, w->count),
                 .blobs = ARENA_ARRAY(w->a, str, w->count),
                 .repos = ARENA_ARRAY(w->a, size_t, w->count),
                 .count = w->count};
    for (size_t i = 0; i < w->count; i++) {
        l.paths[i] = w->items[i].path;
        l.blobs[i] = old ? w->items[i].old_blob : w->items[i].new_blob;
        l.repos[i] = w->items[i].repo;
    }
    return l;
}

int scan_changes_before(const scan_changes *c, scan_source **ret, str *ret_warning, err *e) {
    const work *w = c->self;
    listing l = list_of_changes(w, true);
    return read_old(w, &l, ret, ret_warning, e);
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

static int add_file(const work *w, listing *to, size_t repo, str path, str blob, err *e) {
    if (to->count == CHANGES_MAX)
        return err_set(e, ERR_LIMIT, "there are more than %d files to read", CHANGES_MAX);
    if (to->count == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 64;
        to->paths =
            arena_grow(w->a, to->paths, to->cap * sizeof *to->paths, cap * sizeof *to->paths);
        to->blobs =
            arena_grow(w->a, to->blobs, to->cap * sizeof *to->blobs, cap * sizeof *to->blobs);
        to->repos =
            arena_grow(w->a, to->repos, to->cap * sizeof *to->repos, cap * sizeof *to->repos);
        to->cap = cap;
    }
    to->paths[to->count] = shown(w, repo, path);
    to->blobs[to->count] = blob;
    to->repos[to->count++] = repo;
    return 0;
}

/* "MODE blob ID" TAB path NUL of a tree, "MODE ID STAGE" TAB path NUL of the index. (git-ls-tree;
 * git-ls-files, "output") */
static int read_list(const work *w, size_t repo, str list, scan_changes_wants *wants, listing *to,
                     err *e) {
    while (list.len) {
        str line, head, path, mode, id;
        str_cut(list, '\0', &line, &list);
        if (!str_cut(line, '\t', &head, &path)) continue;
        str_cut(head, ' ', &mode, &id);
        if (str_starts(id, STR("blob "))) id = str_sub(id, 5, id.len);
        str_cut(id, ' ', &id, &(str){0});
        if (is_file(mode) && wants(path) && add_file(w, to, repo, path, id, e) < 0) return e->code;
    }
    return 0;
}

static int all_staged(const work *w, scan_changes_wants *wants, scan_source **ret, err *e) {
    const char *argv[COMMAND_MAX] = {"git", "ls-files", "-z", "--stage", "--full-name"};
    listing files = {0};
    str list;
    end_command(w, 0, argv);
    if (git(w, 0, argv, STR_EMPTY, &list, e) < 0 || read_list(w, 0, list, wants, &files, e) < 0)
        return e->code;
    return read_blobs(w, &files, ret, e);
}

static bool is_below(const work *w, str path) {
    str below = w->below;
    return !below.len ||
           (str_starts(path, below) && (path.len == below.len || path.ptr[below.len] == '/'));
}

int scan_changes_all_now(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                         err *e) {
    const work *w = c->self;
    git_listing list;
    size_t count = 0;
    if (w->staged) return all_staged(w, wants, ret, e);
    if (git_files(w->a, w->repos[0].dir, &list, e) < 0) return e->code;
    scan_input *files = ARENA_ARRAY(w->a, scan_input, list.count);
    for (size_t i = 0; i < list.count; i++) {
        if (is_below(w, list.paths[i]) && wants(list.paths[i]))
            files[count++].path = arena_str(w->a, list.paths[i]);
    }
    return scan_source_files(w->a, w->repos[0].dir, files, count, ret, e);
}

/* Paths of ls-tree are plain, and with --full-tree from the top. */
int scan_changes_all_before(const scan_changes *c, scan_changes_wants *wants, scan_source **ret,
                            str *ret_warning, err *e) {
    const work *w = c->self;
    listing files = {0};
    for (size_t i = 0; i < w->repo_count; i++) {
        const char *argv[] = {"git", "ls-tree", "-r", "-z", "--full-tree", w->repos[i].base,
                              "--",  NULL,      NULL};
        str list;
        if (!w->repos[i].base) continue;
        if (i == 0 && w->below.len) argv[7] = arena_cstr(w->a, w->below);
        if (git(w, i, argv, STR_EMPTY, &list, e) < 0 || read_list(w, i, list, wants, &files, e) < 0)
            return e->code;
    }
    return read_old(w, &files, ret, ret_warning, e);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static int no_commit(const git_answer *said, const char *since, const char *what, err *e) {
    if (said->err_out.len && said->status != 1) return failed(said, e);
    return err_set(e, ERR_INVALID,
                   "--since %s: %s here (in a workflow, check out with fetch-depth: 0)", since,
                   what);
}

static int find_base(work *w, const char *since, str *ret, err *e) {
    const char *const parse[] = {
        "git",     "rev-parse",        "--verify",
        "--quiet", "--end-of-options", arena_printf(w->a, "%s^{commit}", since).ptr,
        NULL};
    git_answer commit, base;
    if (ask(w, 0, parse, STR_EMPTY, &commit, e) < 0) return e->code;
    if (commit.status) return no_commit(&commit, since, "there is no such commit", e);
    const char *const merge[] = {"git", "merge-base", arena_cstr(w->a, str_trim(commit.out)),
                                 "HEAD", NULL};
    if (ask(w, 0, merge, STR_EMPTY, &base, e) < 0) return e->code;
    if (base.status) return no_commit(&base, since, "it has no commit in common with HEAD", e);
    str line = STR_EMPTY;
    str_line(&base.out, &line);
    *ret = line;
    return 0;
}

/* HEAD, or where there is no commit yet, nothing. */
static int find_head(work *w, str *ret, err *e) {
    const char *const head[] = {"git", "rev-parse", "--verify", "--quiet", "HEAD", NULL};
    const char *const none[] = {"git", "hash-object", "-t", "tree", "--stdin", NULL};
    git_answer said;
    if (ask(w, 0, head, STR_EMPTY, &said, e) < 0) return e->code;
    if (said.status == 1 && git(w, 0, none, STR_EMPTY, &said.out, e) < 0) return e->code;
    if (said.status > 1) return failed(&said, e);
    *ret = str_trim(said.out);
    return 0;
}

static work *new_work(arena *a, const char *root, str below, uint64_t max_bytes) {
    work *w = ARENA_NEW(a, work);
    *w = (work){.a = a, .below = below, .max_bytes = max_bytes};
    add_repo(w, root, STR_EMPTY);
    return w;
}

int scan_changes_since(arena *a, const char *root, str below, const char *since, uint64_t max_bytes,
                       scan_changes *ret, err *e) {
    work *w = new_work(a, root, below, max_bytes);
    str base;
    *ret = (scan_changes){.self = w};
    if (find_base(w, since, &base, e) < 0 || list_repo(w, 0, arena_cstr(a, base), DEPTH_MAX, e) < 0)
        return e->code;
    sort_changes(w);
    scan_input *files = ARENA_ARRAY(a, scan_input, w->count);
    for (size_t i = 0; i < w->count; i++)
        files[i] = (scan_input){.path = w->items[i].path, .why = w->items[i].why};
    if (scan_source_files(a, root, files, w->count, &ret->now, e) < 0) return e->code;
    ret->now->warnings = w->warnings;
    ret->now->warning_count = w->warning_count;
    return 0;
}

int scan_changes_staged(arena *a, const char *root, str below, const char *index,
                        uint64_t max_bytes, scan_changes *ret, err *e) {
    work *w = new_work(a, root, below, max_bytes);
    str head;
    w->index = index;
    w->staged = true;
    *ret = (scan_changes){.self = w};
    if (find_head(w, &head, e) < 0) return e->code;
    w->repos[0].base = arena_cstr(a, head);
    if (list_index(w, 0, w->repos[0].base, NULL, e) < 0) return e->code;
    sort_changes(w);
    listing l = list_of_changes(w, false);
    return read_blobs(w, &l, &ret->now, e);
}
