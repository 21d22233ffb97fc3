/* actions_lock.c: a run against the lock file.
 *
 * Everything is compared before the first job starts, and all that disagrees is told at once. What
 * a repository uses that has itself moved is left out: it will be another after the review. */
#include "agent/actions.h"
#include "agent/fetch.h"

#include <string.h>

/* One workflow and what it may run. */
typedef struct locked_file {
    const char *path;
    const lock_workflow *locked; /* NULL: the lock file does not have it */
    lock_closure closure;
} locked_file;

typedef struct verifier {
    const actions_spec *spec;
    problem_list *problems;
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
    ARENA_PUSH(v->spec->a, v->told, v->told_count, v->told_cap, r);
    return true;
}

static const locked_file *file_of(verifier *v, const char *path) {
    for (size_t i = 0; i < v->file_count; i++) {
        if (!strcmp(v->files[i].path, path)) return &v->files[i];
    }
    const lock_file *l = v->spec->lock;
    locked_file file = {.path = path, .locked = lock_find_workflow(l, str_from(path))};
    file.closure = lock_closure_new(v->spec->a, l);
    if (file.locked)
        lock_closure_add(&file.closure, file.locked->pins, file.locked->pin_count);
    else
        notice_warning(v->spec->tell,
                       "%s is not in " LOCK_PATH
                       ": what only it uses is not verified ('slipway lock' adds it)",
                       path);
    ARENA_PUSH(v->spec->a, v->files, v->file_count, v->file_cap, file);
    return &v->files[v->file_count - 1];
}

static void tell_missing(verifier *v, const action_edge *edge) {
    const char *help = "run 'slipway lock', and review what it adds";
    bool elsewhere = lock_find(v->spec->lock, edge->pin);
    if (edge->from)
        problem_add(v->problems, SEVERITY_ERROR, "lock-missing", edge->where, str_from(help),
                    "'%.*s' uses '%.*s', which is not in " LOCK_PATH "%s", STR_ARG(edge->from->pin),
                    STR_ARG(edge->pin), elsewhere ? " for this workflow" : "");
    else
        problem_add(v->problems, SEVERITY_ERROR, "lock-missing", edge->where, str_from(help),
                    "'%.*s' is not in " LOCK_PATH "%s", STR_ARG(edge->pin),
                    elsewhere ? " for this workflow" : "");
}

static void tell_moved(verifier *v, const action_edge *edge) {
    const repo *r = edge->to;
    if (!tell_once(v, r)) return;
    str help = arena_printf(v->spec->a, REPO_MOVED_HELP, STR_ARG(edge->pin));
    problem_add(v->problems, SEVERITY_ERROR, "lock-moved", edge->where, help, REPO_MOVED_TEXT,
                REPO_MOVED_ARGS(r));
}

/* A folder that was named on the command line is that person's choice, and has no commit. */
static void tell_given(verifier *v, const repo *r) {
    if (!tell_once(v, r)) return;
    notice_warning(v->spec->tell, "%.*s is taken from '%s' (--action), and not verified",
                   STR_ARG(r->pin), r->dir);
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

void actions_verify(const actions_spec *spec, const actions *x, problem_list *out) {
    if (!spec->lock) return;
    verifier v = {.spec = spec, .problems = out};
    const action_edge *edges;
    size_t count = actions_edges(x, &edges);
    for (size_t i = 0; i < count; i++)
        verify(&v, &edges[i]);
}
