/* run_lock.c: a run against the lock file.
 *
 * Everything is compared before the first job starts, and all that disagrees is told at once. What
 * a repository uses that has itself moved is left out: it will be another after the review. */
#include "base/fs.h"
#include "cli/repo.h"
#include "cli/run.h"
#include "cli/run_fetch.h"

#include <string.h>

int run_lock_read(run_set *set, err *e) {
    char *path = fs_join(set->a, set->repo.root, STR(LOCK_PATH));
    lock_file *l;
    if (!fs_exists(path)) return 0;
    int r = fs_read(set->a, path, LOCK_FILE_MAX, &set->lock_text, e);
    if (r == 0) r = lock_parse(set->a, set->lock_text, LOCK_PATH, &l, e);
    if (r < 0) return r;
    sources_add(set->sources, LOCK_PATH, set->lock_text);
    set->lock = l;
    return 0;
}

/* ---- verifying ------------------------------------------------------------------------------ */

/* One workflow and what it may run. */
typedef struct locked_file {
    const char *path;
    const lock_workflow *locked; /* NULL: the lock file does not have it */
    lock_closure closure;
} locked_file;

typedef struct verifier {
    run_set *set;
    problem_list problems;
    locked_file *files;
    size_t file_count, file_cap;
    const repo **told; /* moved or given, and said so */
    size_t told_count, told_cap;
} verifier;

/* True the first time. */
static bool tell_once(verifier *v, const repo *r) {
    for (size_t i = 0; i < v->told_count; i++) {
        if (v->told[i] == r) return false;
    }
    ARENA_PUSH(v->set->a, v->told, v->told_count, v->told_cap, r);
    return true;
}

static const locked_file *file_of(verifier *v, const char *path) {
    for (size_t i = 0; i < v->file_count; i++) {
        if (!strcmp(v->files[i].path, path)) return &v->files[i];
    }
    const lock_file *l = v->set->lock;
    locked_file file = {.path = path, .locked = lock_find_workflow(l, str_from(path))};
    file.closure = lock_closure_new(v->set->a, l);
    if (file.locked)
        lock_closure_add(&file.closure, file.locked->pins, file.locked->pin_count);
    else
        console_warning("%s is not in " LOCK_PATH
                        ": what only it uses is not verified ('slipway lock' adds it)",
                        path);
    ARENA_PUSH(v->set->a, v->files, v->file_count, v->file_cap, file);
    return &v->files[v->file_count - 1];
}

static void tell_missing(verifier *v, const action_edge *edge) {
    const char *help = "run 'slipway lock', and review what it adds";
    bool elsewhere = lock_find(v->set->lock, edge->pin);
    if (edge->from)
        problem_add(&v->problems, SEVERITY_ERROR, "lock-missing", edge->where, str_from(help),
                    "'%.*s' uses '%.*s', which is not in " LOCK_PATH "%s", STR_ARG(edge->from->pin),
                    STR_ARG(edge->pin), elsewhere ? " for this workflow" : "");
    else
        problem_add(&v->problems, SEVERITY_ERROR, "lock-missing", edge->where, str_from(help),
                    "'%.*s' is not in " LOCK_PATH "%s", STR_ARG(edge->pin),
                    elsewhere ? " for this workflow" : "");
}

static void tell_moved(verifier *v, const action_edge *edge) {
    const repo *r = edge->to;
    if (!tell_once(v, r)) return;
    str help = arena_printf(v->set->a, REPO_MOVED_HELP, STR_ARG(edge->pin));
    problem_add(&v->problems, SEVERITY_ERROR, "lock-moved", edge->where, help, REPO_MOVED_TEXT,
                REPO_MOVED_ARGS(r));
}

/* A folder that was named on the command line is that person's choice, and has no commit. */
static void tell_given(verifier *v, const repo *r) {
    if (!tell_once(v, r)) return;
    console_warning("%.*s is taken from '%s' (--action), and not verified", STR_ARG(r->pin),
                    r->dir);
}

static void verify(verifier *v, const action_edge *edge) {
    const locked_file *file = file_of(v, edge->workflow);
    const repo *from = edge->from, *to = edge->to;
    if (from && repo_has_moved(from)) return;
    if (to && to->given) {
        tell_given(v, to);
        return;
    }
    bool judged = file->locked && !(from && from->given);
    if (judged && !lock_closure_find(&file->closure, edge->pin))
        tell_missing(v, edge);
    else if (to && repo_has_moved(to))
        tell_moved(v, edge);
}

int run_lock_verify(run_set *set, err *e) {
    if (!set->lock) return 0;
    verifier v = {.set = set, .problems = {.a = set->a}};
    const action_edge *edges;
    size_t count = actions_edges(set->actions, &edges);
    for (size_t i = 0; i < count; i++)
        verify(&v, &edges[i]);
    if (!v.problems.count) return 0;
    run_problems(set, &v.problems);
    return err_set(e, ERR_INVALID, "%s", "");
}
