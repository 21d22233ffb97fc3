#include "agent/roots.h"

#include "base/fs.h"

#include <stdio.h>

struct removal {
    removal *next;
    root_set *roots;
    task *task;
    const char *path;
};

int roots_take(root_set *r, char **ret, err *e) {
    str name = arena_printf(r->a, "job-%zu", ++r->made);
    *ret = fs_join(r->a, r->temp, name);
    if (r->free_count && rename(r->free[--r->free_count], *ret) == 0) return 0;
    return fs_mkdirs(*ret, 0700, e);
}

static int remove_path(void *context, err *e) {
    const removal *m = context;
    return sandbox_remove(m->path, e);
}

static void on_removed(void *context, const err *e) {
    removal *m = context;
    root_set *r = m->roots;
    removal **at = &r->removals;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (r->removed) r->removed(r->context, e ? e->message : NULL);
}

static bool start_removal(root_set *r, const char *path) {
    err ignored;
    removal *m = ARENA_NEW(r->a, removal);
    *m = (removal){.roots = r, .path = path, .next = r->removals};
    if (task_start(r->loop, NULL, remove_path, on_removed, m, &m->task, &ignored) < 0) {
        sandbox_remove(path, &ignored); /* what stays goes with the run's folder */
        return false;
    }
    r->removals = m;
    return true;
}

bool roots_put(root_set *r, char *root, const runner *of) {
    err ignored;
    const char *rest = arena_printf(r->a, "%s.rest", root).ptr;
    if (!of || runner_reset_root(of, rest, &ignored) < 0) return start_removal(r, root);
    ARENA_PUSH(r->a, r->free, r->free_count, r->free_cap, root);
    return fs_exists(rest) && start_removal(r, rest);
}

void roots_done(root_set *r) {
    r->removed = NULL;
    for (removal *m = r->removals; m; m = m->next)
        task_kill(m->task);
    if (r->removals) loop_run(r->loop);
}
