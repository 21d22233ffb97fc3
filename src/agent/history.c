/* history.c: a git repository beside a job's copy of the files.
 *
 * Steps that ask git (describe, rev-parse, diff) find a repository of their own: its objects are
 * borrowed from the one being run (objects/info/alternates), its refs, HEAD and index are copies,
 * and what steps write stays with the job. It is written by hand, because a clone costs several
 * processes for every job; a repository of a form that is not plain is cloned all the same. */
#include "agent/repository.h"
#include "base/fs.h"
#include "base/process.h"

#include <string.h>

#define GIT_FILE_MAX ((size_t)64 << 20)

typedef struct git_dirs {
    char *own;    /* HEAD and index */
    char *common; /* objects, refs, config: another folder in a linked worktree */
} git_dirs;

/* The first line of a small file, without `prefix`. */
static bool read_line(arena *a, const char *path, str prefix, str *ret) {
    str text;
    err ignored = {0};
    if (fs_read(a, path, 4096, &text, &ignored) < 0 || !str_starts(text, prefix)) return false;
    *ret = str_trim(str_sub(text, prefix.len, text.len));
    return true;
}

static git_dirs find_dirs(arena *a, const char *root) {
    git_dirs d = {.own = fs_join(a, root, STR(".git"))};
    str path;
    if (!fs_exists(d.own)) d.own = arena_cstr(a, str_from(root)); /* bare */
    if (!fs_is_dir(d.own) && read_line(a, d.own, STR("gitdir: "), &path))
        d.own = fs_join(a, root, path);
    bool linked = read_line(a, fs_join(a, d.own, STR("commondir")), STR_EMPTY, &path);
    d.common = linked ? fs_join(a, d.own, path) : d.own;
    return d;
}

/* Extensions (other hashes, reftable, partial clones) and split indexes need git itself. */
static bool is_plain(arena *a, const repository *repo, const git_dirs *d) {
    str config;
    err ignored = {0};
    fs_entry *entries;
    size_t count;
    if (fs_read(a, fs_join(a, d->common, STR("config")), GIT_FILE_MAX, &config, &ignored) < 0)
        return false;
    if (str_find(config, STR("[extensions")) >= 0) return false;
    if (!fs_is_dir(fs_join(a, d->common, STR("objects")))) return false;
    if (fs_list(a, d->own, &entries, &count, &ignored) < 0) return false;
    for (size_t i = 0; i < count; i++) {
        if (str_starts(entries[i].name, STR("sharedindex."))) return false;
    }
    return repo->commit.len || fs_exists(fs_join(a, d->own, STR("index")));
}

static int copy_if_there(arena *a, const char *from, const char *to, str name, err *e) {
    const char *path = fs_join(a, from, name);
    return fs_exists(path) ? fs_copy(path, fs_join(a, to, name), e) : 0;
}

static int write_config(arena *a, const repository *repo, const char *into, err *e) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n"
                       "\tbare = false\n\tlogallrefupdates = true\n");
    str url = repo->git.remote_url;
    if (url.len && str_find_char(url, '\n') < 0) {
        strbuf_adds(&text, "[remote \"origin\"]\n\turl = \"");
        for (size_t i = 0; i < url.len; i++) {
            if (url.ptr[i] == '"' || url.ptr[i] == '\\') strbuf_addc(&text, '\\');
            strbuf_addc(&text, url.ptr[i]);
        }
        strbuf_adds(&text, "\"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n");
    }
    return fs_create(fs_join(a, into, STR("config")), strbuf_str(&text), 0644, e);
}

static int point_at(arena *a, const char *into, const char *objects, err *e) {
    str line = arena_printf(a, "%s\n", objects);
    return fs_create(fs_join(a, into, STR("objects/info/alternates")), line, 0644, e);
}

/* Without a remote our branches are all that there is, and what `origin` would have: workflows
 * compare with origin/main. A repository that is run by commit is itself what `origin` is. */
static int name_as_origin(arena *a, const char *into, err *e) {
    const char *heads = fs_join(a, into, STR("refs/heads"));
    const char *packed = fs_join(a, into, STR("packed-refs"));
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    str text = STR_EMPTY, line, commit, name;
    int r = fs_mkdirs(fs_join(a, into, STR("refs/remotes")), 0755, e);
    if (r == 0 && fs_is_dir(heads))
        r = fs_copy(heads, fs_join(a, into, STR("refs/remotes/origin")), e);
    if (r < 0 || !fs_exists(packed)) return r;
    if ((r = fs_read(a, packed, GIT_FILE_MAX, &text, e)) < 0) return r;
    /* Its first line says that it is sorted, which it is no longer. */
    for (str rest = text; str_line(&rest, &line);)
        if (!str_starts(line, STR("#"))) strbuf_addf(&out, "%.*s\n", STR_ARG(line));
    while (str_line(&text, &line)) {
        if (!str_cut(line, ' ', &commit, &name) || !str_starts(name, STR("refs/heads/"))) continue;
        strbuf_addf(&out, "%.*s refs/remotes/origin/%.*s\n", STR_ARG(commit),
                    STR_ARG(str_sub(name, sizeof "refs/heads/" - 1, name.len)));
    }
    return fs_create(packed, strbuf_str(&out), 0644, e);
}

static int borrow(arena *a, const repository *repo, const git_dirs *d, const char *into,
                  const char *objects, err *e) {
    char *real;
    int r = fs_mkdirs(fs_join(a, into, STR("objects/info")), 0755, e);
    if (r == 0) r = fs_real(a, fs_join(a, d->common, STR("objects")), &real, e);
    if (r == 0) r = point_at(a, into, objects ? objects : real, e);
    if (r == 0) r = write_config(a, repo, into, e);
    if (r == 0) r = copy_if_there(a, d->common, into, STR("packed-refs"), e);
    if (r == 0) r = copy_if_there(a, d->common, into, STR("shallow"), e);
    if (r == 0) r = copy_if_there(a, d->common, into, STR("refs"), e);
    if (r == 0 && (!repo->git.remote_url.len || repo->commit.len)) r = name_as_origin(a, into, e);
    if (r == 0) r = copy_if_there(a, d->own, into, STR("index"), e);
    return r == 0 ? copy_if_there(a, d->own, into, STR("HEAD"), e) : r;
}

static int clone(arena *a, const repository *repo, const char *into, err *e) {
    static const char script[] =
        "set -e\n"
        "git clone -q --shared --no-checkout --template= \"$1\" \"$2/.slipway-git\"\n"
        "mv \"$2/.slipway-git/.git\" \"$2/.git\"\n"
        "rmdir \"$2/.slipway-git\"\n"
        "cd \"$2\"\n"
        "if [ -n \"$3\" ]; then git remote set-url origin \"$3\"; fi\n"
        "if [ -n \"$4\" ]; then git reset -q; fi\n";
    const char *url = repo->git.remote_url.len ? repo->git.remote_url.ptr : "";
    const char *index = repo->commit.len ? "" : "index"; /* a bare one may have an unborn HEAD */
    const char *argv[] = {"sh", "-c", script, "sh", repo->root, into, url, index, NULL};
    process_spec spec = {.argv = argv};
    return process_check(a, &spec, NULL, e);
}

const char *repository_objects(const repository *repo) {
    char *real;
    err ignored;
    if (!repo->in_git) return NULL;
    git_dirs d = find_dirs(repo->a, repo->root);
    bool there = fs_real(repo->a, fs_join(repo->a, d.common, STR("objects")), &real, &ignored) == 0;
    return there ? real : NULL;
}

int repository_file(arena *a, const repository *repo, str path, size_t max_bytes, str *ret,
                    err *e) {
    str name = arena_printf(a, "%.*s:%.*s", STR_ARG(repo->commit), STR_ARG(fs_normalize(a, path)));
    const char *argv[] = {"git", "cat-file", "blob", name.ptr, NULL};
    git_call call = {.dir = repo->root, .argv = argv, .max_output = max_bytes};
    git_answer said;
    if (git_ask(a, &call, &said, e) < 0) return e->code;
    *ret = said.out;
    if (said.status == 0) return 0;
    return err_set(e, ERR_NOT_FOUND, "the commit %.*s has no file '%.*s'", STR_ARG(repo->commit),
                   STR_ARG(path));
}

int history_make(arena *a, const repository *repo, const char *into, const char *objects, err *e) {
    git_dirs d = find_dirs(a, repo->root);
    char *git = fs_join(a, into, STR(".git"));
    if (is_plain(a, repo, &d)) return borrow(a, repo, &d, git, objects, e);
    int r = clone(a, repo, into, e);
    return r == 0 && objects ? point_at(a, git, objects, e) : r;
}
