/* run_checkout.c: actions/checkout of the repository being run. The files are copied by a task, so
 * that a large tree neither holds up the other jobs nor a Ctrl-C. */
#include "base/fs.h"
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What git tracks or does not ignore; without git, everything in the folder. Asked once: the
 * working tree is taken as it is when the first job wants it. */
static int list_files(run_set *set, err *e) {
    if (set->listed) return 0;
    arena *a = set->a;
    int r = 0;
    if (set->in_git) {
        r = git_files(a, set->root, &set->tree, &set->tree_count, e);
    } else {
        fs_entry *entries;
        r = fs_list(a, set->root, &entries, &set->tree_count, e);
        if (r < 0) return r;
        set->tree = ARENA_ARRAY(a, str, set->tree_count);
        for (size_t i = 0; i < set->tree_count; i++)
            set->tree[i] = entries[i].name;
    }
    set->listed = r == 0;
    return r;
}

/* From the folder that this process is in. */
static int copy_files(arena *a, const run_set *set, const char *into, err *e) {
    str made = STR_EMPTY; /* the folder of the last file: paths are sorted */
    for (size_t i = 0; i < set->tree_count; i++) {
        str path = set->tree[i];
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
    const run_set *set;
    const char *into;
} tree_copy;

static int copy_inside(void *context, strbuf *out, err *e) {
    const tree_copy *c = context;
    _cleanup_arena_ arena *a = arena_new();
    (void)out;
    err ignored;
    int r = fs_mkdirs(c->into, 0755, e);
    if (r == 0) r = copy_files(a, c->set, c->into, e);
    if (r < 0) fs_remove(c->into, &ignored);
    return r;
}

int run_copy_tree(run_set *set, const view *files, const char *into, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    str ignored;
    tree_copy c = {set, into};
    int r = list_files(set, e);
    return r < 0 ? r : view_call(files, set->root, a, copy_inside, &c, &ignored, e);
}

/* ---- actions/checkout ----------------------------------------------------------------------- */

struct checkout {
    checkout *next;
    checkout **list;
    task *task;
    const run_set *set;
    const runner_checkout *what;
    const char *stage; /* where the git folder is made, out of the job's reach */
    task_done_fn *done;
    void *context;
};

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

/* What is the host's is read or opened first; then the job's file system is entered, in which the
 * folder that this process is in stays a way to the host's files. */
static int fill(void *context, err *e) {
    const checkout *c = context;
    const runner_checkout *what = c->what;
    _cleanup_arena_ arena *a = arena_new();
    _cleanup_close_ int stage = -1;
    bool history = c->set->git.head.len > 0;
    if (history) {
        const char *objects = what->files->root < 0 ? NULL : RUN_OBJECTS;
        if (fs_mkdirs(c->stage, 0700, e) < 0 || run_history(a, c->set, c->stage, objects, e) < 0)
            return e->code;
        stage = open(c->stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (view_enter(what->files, c->set->root, e) < 0 || make_folder(a, what, e) < 0) return e->code;
    if (!what->keep && clear_folder(a, what->into, e) < 0) return e->code;
    if (copy_files(a, c->set, what->into, e) < 0 || !history) return e->code;
    if (fchdir(stage) < 0) return err_sys(e, errno, "cannot go to '%s'", c->stage);
    return fs_copy(".git", fs_join(a, what->into, STR(".git")), e);
}

static void on_filled(void *context, const err *e) {
    checkout *c = context;
    checkout **at = c->list;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->done(c->context, e);
}

int run_checkout(arena *a, run_set *set, loop *l, const runner_checkout *what, const char *stage,
                 checkout **list, task_done_fn *done, void *context, err *e) {
    int r = list_files(set, e);
    if (r < 0) return r;
    checkout *c = ARENA_NEW(a, checkout);
    *c = (checkout){.next = *list,
                    .list = list,
                    .set = set,
                    .what = what,
                    .stage = stage,
                    .done = done,
                    .context = context};
    if ((r = task_start(l, what->files, fill, on_filled, c, &c->task, e)) == 0) *list = c;
    return r;
}

void run_checkout_stop(checkout *list, const void *context) {
    for (checkout *c = list; c; c = c->next) {
        if (c->context == context) task_kill(c->task);
    }
}
