/* checkout.c: actions/checkout of the repository being run. The files are copied by a task, so
 * that a large tree neither holds up the other jobs nor a Ctrl-C. */
#include "agent/repository.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that cannot be opened is that of a database, or the like: a job goes without it. */
static int list_git(repository *repo, err *e) {
    git_listing list;
    int r = git_files(repo->a, repo->root, &list, e);
    if (r < 0) return r;
    for (size_t i = 0; i < list.refused_count; i++) {
        const git_refusal *no = &list.refused[i];
        if (no->is_repository)
            return err_set(e, ERR_FAILED, "'%.*s': %s", STR_ARG(no->path), no->why);
    }
    repo->tree = list.paths;
    repo->tree_count = list.count;
    return 0;
}

/* What git tracks or does not ignore; without git, everything in the folder. Asked once: the
 * working tree is taken as it is when the first job wants it. */
static int list_files(repository *repo, err *e) {
    if (repo->listed) return 0;
    arena *a = repo->a;
    int r = 0;
    if (repo->in_git) {
        r = list_git(repo, e);
    } else {
        fs_entry *entries;
        r = fs_list(a, repo->root, &entries, &repo->tree_count, e);
        if (r < 0) return r;
        repo->tree = ARENA_ARRAY(a, str, repo->tree_count);
        for (size_t i = 0; i < repo->tree_count; i++)
            repo->tree[i] = entries[i].name;
    }
    repo->listed = r == 0;
    return r;
}

/* From the folder that this process is in. */
static int copy_files(arena *a, const str *paths, size_t count, const char *into, err *e) {
    str made = STR_EMPTY; /* the folder of the last file: paths are sorted */
    for (size_t i = 0; i < count; i++) {
        str path = paths[i];
        ptrdiff_t slash = str_rfind_char(path, '/');
        str folder = slash < 0 ? STR_EMPTY : str_sub(path, 0, (size_t)slash);
        const char *from = arena_cstr(a, path);
        struct stat st;
        if (lstat(from, &st) != 0) continue; /* tracked, but deleted in the working tree */
        if (folder.len && !str_eq(folder, made)) {
            int r = fs_mkdirs(fs_join(a, into, folder), 0755, e);
            if (r < 0) return r;
            made = folder;
        }
        int r = fs_copy(from, fs_join(a, into, path), e);
        if (r < 0) return r;
    }
    return 0;
}

typedef struct tree_copy {
    const repository *repo;
    const char *into;
} tree_copy;

static int copy_inside(void *context, strbuf *out, err *e) {
    const tree_copy *c = context;
    _cleanup_arena_ arena *a = arena_new();
    (void)out;
    err ignored;
    int r = fs_mkdirs(c->into, 0755, e);
    if (r == 0) r = copy_files(a, c->repo->tree, c->repo->tree_count, c->into, e);
    if (r < 0) fs_remove(c->into, &ignored);
    return r;
}

/* Copies the folder that this process is in. */
static int copy_here(void *context, strbuf *out, err *e) {
    const char *to = context;
    err ignored;
    (void)out;
    int r = fs_mkdirs(to, 0755, e);
    if (r == 0) r = fs_copy(".", to, e);
    if (r < 0) fs_remove(to, &ignored);
    return r;
}

int checkout_folder(const view *files, const char *from, const char *into, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str ignored;
    return view_call(files, from, a, copy_here, (void *)into, &ignored, e);
}

/* Made for the first that asks. */
static int need_tree_of_commit(arena *a, const repository *repo, char **ret, err *e) {
    static const runner_checkout all;
    const commit_ref ref = {.commit = repo->commit};
    *ret = fs_join(a, repo->scratch, STR("tree"));
    if (fs_exists(*ret)) return 0;
    char *stage = fs_join(a, repo->scratch, STR("tree.new"));
    err ignored;
    int r = fs_mkdirs(stage, 0700, e);
    if (r == 0) r = history_make(a, repo, stage, NULL, e);
    if (r == 0) r = ref_stage(a, repo, &all, &ref, stage, e);
    if (r == 0) r = fs_remove(fs_join(a, stage, STR(".git")), e);
    if (r == 0 && rename(stage, *ret) != 0) r = err_sys(e, errno, "cannot rename '%s'", stage);
    if (r < 0) fs_remove(stage, &ignored);
    return r;
}

int checkout_tree(repository *repo, const view *files, const char *into, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str ignored;
    char *tree;
    if (repo->commit.len) {
        int r = need_tree_of_commit(a, repo, &tree, e);
        return r < 0 ? r : checkout_folder(files, tree, into, e);
    }
    tree_copy c = {repo, into};
    int r = list_files(repo, e);
    return r < 0 ? r : view_call(files, repo->root, a, copy_inside, &c, &ignored, e);
}

/* ---- actions/checkout ----------------------------------------------------------------------- */

struct checkout {
    checkout *next;
    commit_ref ref; /* no commit: the working tree */
    checkout **list;
    task *task;
    const repository *repo;
    const runner_checkout *what;
    const char *stage; /* where the git folder is made, out of the job's reach */
    task_done_fn *done;
    void *context;
};

static bool has_history(const repository *repo) {
    return repo->git.head.len > 0;
}

/* A link that an earlier step made may lead out of the workspace. */
static int make_folder(arena *a, const runner_checkout *what, err *e) {
    char *real, *root;
    if (fs_mkdirs(what->into, 0755, e) < 0 || fs_real(a, what->into, &real, e) < 0 ||
        fs_real(a, what->workspace, &root, e) < 0)
        return e->code;
    size_t n = strlen(root);
    if (strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == '\0')) return 0;
    return err_set(e, ERR_INVALID, "Repository path '%s' is not under '%s'", real, root);
}

/* What an earlier step left there is not what a checkout promises. */
static int clear_folder(arena *a, const char *folder, err *e) {
    fs_entry *entries;
    size_t count;
    if (fs_list(a, folder, &entries, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count; i++) {
        if (fs_remove(fs_join(a, folder, entries[i].name), e) < 0) return e->code;
    }
    return 0;
}

/* ---- submodules ----------------------------------------------------------------------------- */

/* Their folders, sorted. What asks git is only a repository that has any. */
static int list_submodules(arena *a, const repository *repo, str **ret, size_t *ret_count, err *e) {
    static const char *const argv[] = {"git", "ls-files", "--stage", "-z", NULL};
    str rest = STR_EMPTY, item, head, path;
    size_t cap = 0;
    *ret = NULL;
    *ret_count = 0;
    if (!repo->in_git || !fs_exists(fs_join(a, repo->root, STR(".gitmodules")))) return 0;
    if (git_run(a, repo->root, NULL, argv, &rest, e) < 0) return e->code;
    while (rest.len) { /* "160000 COMMIT 0<tab>PATH" */
        str_cut(rest, '\0', &item, &rest);
        if (str_starts(item, STR("160000 ")) && str_cut(item, '\t', &head, &path))
            ARENA_PUSH(a, *ret, *ret_count, cap, path);
    }
    return 0;
}

static bool is_below(str path, str folder) {
    return path.len > folder.len && path.ptr[folder.len] == '/' && str_starts(path, folder);
}

static int check_submodules(arena *a, const repository *repo, const str *folders, size_t count,
                            err *e) {
    for (size_t i = 0; i < count; i++) {
        const char *folder = fs_join(a, repo->root, folders[i]);
        if (fs_exists(fs_join(a, folder, STR(".git")))) continue;
        return err_set(e, ERR_NOT_FOUND,
                       "the submodule '%.*s' cannot be checked out, because it is not there in "
                       "'%s': run git submodule update --init --recursive",
                       STR_ARG(folders[i]), repo->root);
    }
    return 0;
}

/* ---- what is copied ------------------------------------------------------------------------- */

typedef struct tree {
    str *files, *folders; /* sorted; folders are submodules that stay empty */
    size_t file_count, folder_count;
} tree;

/* Of the working tree. With patterns, files that git does not track stay behind. */
static int choose_files(arena *a, const checkout *c, tree *ret, err *e) {
    const repository *repo = c->repo;
    const runner_checkout *what = c->what;
    str *chosen = NULL, *modules;
    size_t chosen_count = 0, module_count;
    *ret = (tree){.files = ARENA_ARRAY(a, str, repo->tree_count + 1)};
    if (list_submodules(a, repo, &modules, &module_count, e) < 0) return e->code;
    if (what->submodules && check_submodules(a, repo, modules, module_count, e) < 0) return e->code;
    if (what->sparse && ref_stage_sparse(a, repo, what, c->stage, &chosen, &chosen_count, e) < 0)
        return e->code;
    for (size_t i = 0; i < repo->tree_count; i++) {
        str path = repo->tree[i], in = path;
        bool inside = false;
        for (size_t m = 0; m < module_count && !inside; m++) {
            if ((inside = is_below(path, modules[m]))) in = modules[m];
        }
        if (inside && !what->submodules) continue;
        if (what->sparse && !str_in_sorted(in, chosen, chosen_count)) continue;
        ret->files[ret->file_count++] = path;
    }
    ret->folders = modules;
    ret->folder_count = what->sparse ? 0 : module_count;
    return 0;
}

static int make_folders(arena *a, const tree *t, const char *into, err *e) {
    for (size_t i = 0; i < t->folder_count; i++) {
        int r = fs_mkdirs(fs_join(a, into, t->folders[i]), 0755, e);
        if (r < 0) return r;
    }
    return 0;
}

/* All that git has written to the stage. */
static int copy_stage(arena *a, const char *into, err *e) {
    fs_entry *entries;
    size_t count;
    int r = fs_list(a, ".", &entries, &count, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        const char *name = arena_cstr(a, entries[i].name);
        r = fs_copy(name, fs_join(a, into, entries[i].name), e);
    }
    return r;
}

static int prepare(arena *a, const checkout *c, tree *ret, err *e) {
    const char *objects = c->what->files->root < 0 ? NULL : REPOSITORY_OBJECTS;
    *ret = (tree){NULL, NULL, 0, 0};
    if (!has_history(c->repo)) return choose_files(a, c, ret, e);
    if (fs_mkdirs(c->stage, 0700, e) < 0 || history_make(a, c->repo, c->stage, objects, e) < 0)
        return e->code;
    if (c->ref.commit.len) return ref_stage(a, c->repo, c->what, &c->ref, c->stage, e);
    int r = ref_stage_head(a, c->repo, c->what, c->stage, e);
    return r < 0 ? r : choose_files(a, c, ret, e);
}

/* What is the host's is read or opened first; then the job's file system is entered, in which the
 * folder that this process is in stays a way to the host's files. */
static int fill(void *context, err *e) {
    const checkout *c = context;
    const runner_checkout *what = c->what;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int stage = -1;
    bool history = has_history(c->repo);
    tree t;
    if (prepare(a, c, &t, e) < 0) return e->code;
    if (history) stage = open(c->stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (view_enter(what->files, c->repo->root, e) < 0 || make_folder(a, what, e) < 0)
        return e->code;
    if (!what->keep && clear_folder(a, what->into, e) < 0) return e->code;
    if (copy_files(a, t.files, t.file_count, what->into, e) < 0 ||
        make_folders(a, &t, what->into, e) < 0)
        return e->code;
    if (!history) return 0;
    if (fchdir(stage) < 0) return err_sys(e, errno, "cannot go to '%s'", c->stage);
    return copy_stage(a, what->into, e);
}

static void on_filled(void *context, const err *e) {
    checkout *c = context;
    checkout **at = c->list;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->done(c->context, e);
}

/* What this machine's copy of the repository cannot give. */
static int judge(const repository *repo, const runner_checkout *what, const commit_ref *ref,
                 err *e) {
    const char *input = what->submodules ? "submodules" : what->lfs ? "lfs" : NULL;
    if (repo->commit.len && input)
        return err_set(e, ERR_UNSUPPORTED,
                       "'%s' cannot be had: of a commit there are only git's own files in '%s'",
                       input, repo->root);
    if (ref->commit.len && input)
        return err_set(e, ERR_UNSUPPORTED,
                       "'%s' with 'ref: %.*s' cannot be had: only of the commit that is checked "
                       "out in '%s' are there more than git's own files",
                       input, STR_ARG(what->ref), repo->root);
    if (what->sparse && !has_history(repo))
        return err_set(e, ERR_UNSUPPORTED,
                       "'sparse-checkout' cannot be had: '%s' is no git repository with a commit",
                       repo->root);
    return 0;
}

int checkout_start(arena *a, repository *repo, loop *l, const runner_checkout *what,
                   const char *stage, checkout **list, str *ret_commit, task_done_fn *done,
                   void *context, err *e) {
    commit_ref ref = {0};
    int r = 0;
    if (what->ref.len)
        r = ref_find(a, repo, what->ref, &ref, e);
    else if (repo->commit.len)
        ref = ref_of_run(a, repo, what->head);
    else
        r = list_files(repo, e);
    if (r == 0) r = judge(repo, what, &ref, e);
    if (r < 0) return r;
    checkout *c = ARENA_NEW(a, checkout);
    *c = (checkout){.next = *list,
                    .list = list,
                    .ref = ref,
                    .repo = repo,
                    .what = what,
                    .stage = stage,
                    .done = done,
                    .context = context};
    *ret_commit = ref.commit.len ? ref.commit : what->commit;
    if ((r = task_start(l, what->files, fill, on_filled, c, &c->task, e)) == 0) *list = c;
    return r;
}

void checkout_stop(checkout *list, const void *context) {
    for (checkout *c = list; c; c = c->next) {
        if (c->context == context) task_kill(c->task);
    }
}
