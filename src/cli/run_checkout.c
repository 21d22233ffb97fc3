/* run_checkout.c: actions/checkout of the repository being run. The files are copied by a task, so
 * that a large tree neither holds up the other jobs nor a Ctrl-C. */
#include "base/fs.h"
#include "cli/run.h"

#include <string.h>
#include <sys/stat.h>

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

static int copy_files(arena *a, const run_set *set, const char *into, err *e) {
    str made = STR_EMPTY; /* the folder of the last file: paths are sorted */
    for (size_t i = 0; i < set->tree_count; i++) {
        str path = set->tree[i];
        ptrdiff_t slash = str_rfind_char(path, '/');
        str folder = slash < 0 ? STR_EMPTY : str_sub(path, 0, (size_t)slash);
        const char *from = fs_join(a, set->root, path);
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

int run_copy_tree(run_set *set, const char *into, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    int r = list_files(set, e);
    return r < 0 ? r : copy_files(a, set, into, e);
}

struct checkout {
    checkout *next;
    checkout **list;
    task *task;
    const run_set *set;
    const char *into;
    task_done_fn *done;
    void *context;
};

static int fill(void *context, err *e) {
    const checkout *c = context;
    _cleanup_arena_ arena *a = arena_new();
    int r = copy_files(a, c->set, c->into, e);
    return r == 0 && c->set->git.head.len ? run_history(a, c->set, c->into, e) : r;
}

static void on_filled(void *context, const err *e) {
    checkout *c = context;
    checkout **at = c->list;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->done(c->context, e);
}

int run_checkout(arena *a, run_set *set, loop *l, const char *into, checkout **list,
                 task_done_fn *done, void *context, err *e) {
    int r = list_files(set, e);
    if (r < 0) return r;
    checkout *c = ARENA_NEW(a, checkout);
    *c = (checkout){
        .next = *list, .list = list, .set = set, .into = into, .done = done, .context = context};
    if ((r = task_start(l, fill, on_filled, c, &c->task, e)) == 0) *list = c;
    return r;
}

void run_checkout_stop(checkout *list, const void *context) {
    for (checkout *c = list; c; c = c->next) {
        if (c->context == context) task_kill(c->task);
    }
}
