#include "agent/worker_plan.h"

#include "agent/mirror.h"
#include "base/fs.h"
#include "workflow/check.h"

#include <string.h>

typedef struct source_reader {
    const job_spec *spec;
    actions *actions;
} source_reader;

/* Workflows of this repository come with the job; what calls one of another repository is told by
 * its path. */
static int read_workflow(void *context, arena *a, str uses, str from, str *ret_source,
                         str *ret_path, err *e) {
    const source_reader *r = context;
    bool local = str_starts(uses, STR("./")) || str_starts(uses, STR("$/"));
    str path = str_sub(uses, 2, uses.len);
    const job_source *source =
        local && job_spec_source(r->spec, from) ? job_spec_source(r->spec, path) : NULL;
    if (!source) return actions_workflow(r->actions, a, uses, from, ret_source, ret_path, e);
    *ret_source = source->text;
    *ret_path = str_from(source->path);
    return 0;
}

static int first_problem(const problem_list *problems, err *e) {
    for (size_t i = 0; i < problems->count; i++) {
        const problem *p = &problems->items[i];
        if (p->level != SEVERITY_ERROR) continue;
        span at = problem_place(p);
        return err_at(e, ERR_INVALID, at, "%s:%u: %.*s", at.file ? at.file : "", at.line,
                      STR_ARG(p->message));
    }
    return 0;
}

static int find_job(const plan *p, job_spec *spec, err *e) {
    size_t count;
    plan_job **jobs = plan_jobs(p, &count);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(jobs[i]->key, spec->job_key) || plan_job_is_call(jobs[i])) continue;
        spec->instance.plan = jobs[i];
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "%.*s has no job '%.*s'", STR_ARG(spec->workflow_path),
                   STR_ARG(spec->job_key));
}

int worker_plan(arena *a, job_spec *spec, actions *x, err *e) {
    const job_source *source = job_spec_source(spec, spec->workflow_path);
    source_reader reader = {spec, x};
    workflow_options how = {.file = read_workflow, .file_context = &reader};
    workflow *w;
    plan *p;
    int r = workflow_parse(a, source->text, source->path, &how, &w, e);
    if (r < 0) return err_context(e, "%s", source->path);
    if (!w->problems.errors) check_refused(w, &w->problems);
    r = first_problem(&w->problems, e);
    if (r == 0) r = plan_build(a, w, &spec->event, NULL, &p, e);
    return r == 0 ? find_job(p, spec, e) : r;
}

int worker_lock(arena *a, const job_spec *spec, const lock_file **ret, err *e) {
    const job_source *source = job_spec_source(spec, STR(LOCK_PATH));
    lock_file *l;
    *ret = NULL;
    if (!source) return 0;
    int r = lock_parse(a, source->text, LOCK_PATH, &l, e);
    if (r == 0) *ret = l;
    return r;
}

/* The calls that lead to the job are uses as well. */
int worker_fetch(arena *a, const job_spec *spec, const actions_spec *from, actions *x, err *e) {
    problem_list problems = {.a = a};
    for (const plan_job *job = spec->instance.plan; job; job = job->scope->caller)
        actions_add(x, job);
    int r = actions_fetch(x, e);
    if (r < 0) return r;
    actions_verify(from, x, &problems);
    return first_problem(&problems, e);
}

/* ---- the repository ------------------------------------------------------------------------- */

static bool has_commit(arena *a, const char *root, str commit) {
    str object = arena_printf(a, "%.*s^{commit}", STR_ARG(commit));
    const char *argv[] = {"git", "cat-file", "-e", object.ptr, NULL};
    git_call call = {.dir = root, .argv = argv};
    git_answer said;
    err ignored = {0};
    return git_ask(a, &call, &said, &ignored) == 0 && said.status == 0;
}

/* Whoever sends jobs may not look at this machine's files through a checkout. */
static bool is_of_this_machine(str git) {
    return str_starts(git, STR("/")) || str_starts(git, STR("file:"));
}

int worker_repository(arena *a, const job_spec *spec, bool local, const char *caches,
                      const char *scratch, const notices *tell, repository *ret, err *e) {
    *ret = (repository){
        .a = a,
        .root = arena_cstr(a, spec->git),
        .in_git = true,
        .git = {.head = spec->commit, .remote_url = spec->url},
        .commit = spec->commit,
        .scratch = scratch,
    };
    if (!local && is_of_this_machine(spec->git))
        return err_set(e, ERR_INVALID,
                       "the repository is a folder, and this agent fetches repositories from "
                       "other machines only");
    if (ret->root[0] == '/') {
        if (!fs_is_dir(ret->root))
            return err_set(e, ERR_NOT_FOUND, "the repository '%s' is not there", ret->root);
        return 0;
    }
    if (mirror_of(a, caches, spec->git, &ret->root, e) < 0) return e->code;
    if (has_commit(a, ret->root, spec->commit)) return 0;
    int r = mirror_fetch(a, ret->root, spec->git, spec->commit, local, tell, e);
    if (r < 0 || has_commit(a, ret->root, spec->commit)) return r;
    return err_set(e, ERR_NOT_FOUND, "the repository has no commit %.*s", STR_ARG(spec->commit));
}
