#include "agent/fetch.h"
#include "agent/repo.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/loop.h"
#include "cli/run.h"
#include "cli/style.h"
#include "workflow/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD_MAX ((size_t)64 << 20)

/* ---- what is told meanwhile ----------------------------------------------------------------- */

static void on_warning(void *context, str text) {
    (void)context;
    console_warning("%.*s", STR_ARG(text));
}

/* On a terminal, a line that says what is waited for, and goes away. */
static void on_fetching(void *context, repo *const *repos, size_t count) {
    (void)context;
    style st = style_of(STDERR_FILENO);
    if (!st.terminal) return;
    console o = CONSOLE_INIT(STDERR_FILENO);
    strbuf_adds(&o.buf, "\r\033[K");
    if (count) {
        const repo *r = repos[0];
        strbuf_addf(&o.buf, "fetching %.*s/%.*s@%.*s", STR_ARG(r->owner), STR_ARG(r->repo),
                    STR_ARG(r->ref));
        if (count > 1) strbuf_addf(&o.buf, " and %zu more", count - 1);
    }
    console_done(&o);
}

static void on_file(void *context, const char *path, str text) {
    run_set *set = context;
    sources_add(set->sources, path, text);
}

void run_set_init(run_set *set, const run_config *c) {
    *set = (run_set){.a = c->a, .config = c, .sources = sources_new(c->a), .repo.a = c->a};
    set->repo.root = repo_root(c->a, &set->repo.in_git);
    set->tell =
        (notices){.context = set, .warning = on_warning, .fetching = on_fetching, .file = on_file};
    set->uses = (actions_spec){.a = c->a,
                               .repo = &set->repo,
                               .from = c->actions_from,
                               .given = c->actions,
                               .given_count = c->action_count,
                               .tell = &set->tell};
    set->actions = actions_new(&set->uses);
}

/* ---- the lock file -------------------------------------------------------------------------- */

static int read_lock(run_set *set, err *e) {
    char *path = fs_join(set->a, set->repo.root, STR(LOCK_PATH));
    lock_file *l;
    if (!fs_exists(path)) return 0;
    int r = fs_read(set->a, path, LOCK_FILE_MAX, &set->lock_text, e);
    if (r == 0) r = lock_parse(set->a, set->lock_text, LOCK_PATH, &l, e);
    if (r < 0) return r;
    sources_add(set->sources, LOCK_PATH, set->lock_text);
    set->uses.lock = l;
    return 0;
}

int run_fetch_actions(run_set *set, err *e) {
    problem_list problems = {.a = set->a};
    for (size_t i = 0; i < set->file_count; i++) {
        size_t count;
        plan_job **jobs = plan_jobs(set->files[i].plan, &count);
        for (size_t j = 0; j < count; j++)
            actions_add(set->actions, jobs[j]);
    }
    int r = actions_fetch(set->actions, e);
    if (r < 0 || set->uses.locking) return r;
    actions_verify(&set->uses, set->actions, &problems);
    if (!problems.count) return 0;
    run_problems(set, &problems);
    return err_set(e, ERR_INVALID, "%s", "");
}

/* ---- reading -------------------------------------------------------------------------------- */

static int find_paths(const run_set *set, path_list *out, err *e) {
    const run_config *c = set->config;
    for (size_t i = 0; i < c->path_count; i++) {
        const char *path = c->paths[i];
        /* In a folder of the repository, as it is shown everywhere: from the repository's root. */
        if (!fs_exists(path)) path = fs_join(set->a, set->repo.root, str_from(path));
        if (!fs_exists(path)) return err_set(e, ERR_NOT_FOUND, "there is no '%s'", c->paths[i]);
        char *real;
        int r = fs_real(set->a, path, &real, e);
        if (r < 0) return r;
        size_t before = out->count;
        if (!fs_is_dir(real))
            path_list_add(out, real);
        else if ((r = repo_workflows(out, real, e)) < 0)
            return r;
        if (out->count == before)
            return err_set(e, ERR_NOT_FOUND, "there is no *.yml file in '%s'", path);
    }
    if (c->path_count) return 0;
    char *folder = fs_join(set->a, set->repo.root, STR(WORKFLOW_FOLDER));
    if (fs_is_dir(folder)) {
        int r = repo_workflows(out, folder, e);
        if (r < 0) return r;
    }
    if (out->count) return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "there is no workflow: no *.yml in '%s'; -W names a file or folder elsewhere",
                   folder);
}

static int read_workflow(run_set *set, const char *path, problem_list *problems, err *e) {
    str source;
    const char *shown = arena_cstr(set->a, str_from(repo_relative(path, set->repo.root)));
    int r = fs_read(set->a, path, WORKFLOW_FILE_MAX, &source, e);
    if (r < 0) return r;
    sources_add(set->sources, shown, source);
    workflow_options how = {.file = actions_workflow, .file_context = set->actions};
    how.limits.max_errors = 100;
    workflow *w;
    r = workflow_parse(set->a, source, shown, &how, &w, e);
    if (r < 0) return err_context(e, "%s", shown);
    if (w->problems.errors == 0) check_refused(w, &w->problems);
    for (size_t i = 0; i < w->problems.count; i++) {
        if (w->problems.items[i].level != SEVERITY_ERROR) continue;
        ARENA_PUSH(set->a, problems->items, problems->count, problems->cap, w->problems.items[i]);
    }
    set->workflows[set->workflow_count++] = w;
    return 0;
}

void run_problems(const run_set *set, problem_list *problems) {
    if (!set->config->json) {
        diagnostics_print(STDERR_FILENO, set->sources, problems);
        return;
    }
    diagnostics_sort(problems);
    for (size_t i = 0; i < problems->count; i++) {
        err e = {0};
        err_at(&e, ERR_INVALID, problem_place(&problems->items[i]), "%.*s",
               STR_ARG(problems->items[i].message));
        run_invalid(set->config, &e);
    }
}

int run_set_read(run_set *set, err *e) {
    path_list paths = {.a = set->a};
    problem_list problems = {.a = set->a};
    int r = find_paths(set, &paths, e);
    if (r == 0) r = read_lock(set, e);
    if (r == 0) r = run_settings_read(set, e);
    if (r < 0) return r;
    set->workflows = ARENA_ARRAY(set->a, workflow *, paths.count);
    for (size_t i = 0; i < paths.count; i++) {
        if ((r = read_workflow(set, paths.items[i], &problems, e)) < 0) return r;
    }
    if (!problems.count) return 0;
    /* A called workflow may be wrong because it is not the one that was locked. */
    if (!set->uses.locking) actions_add_moved(set->actions, &problems);
    run_problems(set, &problems);
    return err_set(e, ERR_INVALID, "%s", "");
}

/* ---- the event ------------------------------------------------------------------------------ */

/* The only event that the workflows have; workflow_call does not count, because nothing happens
 * that starts it. */
static str default_event(const run_set *set) {
    str only = STR_EMPTY;
    for (size_t i = 0; i < set->workflow_count; i++) {
        const workflow *w = set->workflows[i];
        for (size_t t = 0; t < w->trigger_count; t++) {
            str name = w->triggers[t].name;
            if (str_is(name, "workflow_call") || str_eq(name, only)) continue;
            if (only.len) return STR("push");
            only = name;
        }
    }
    return only.len ? only : STR("push");
}

static bool has_path_filter(const run_set *set, str name) {
    for (size_t i = 0; i < set->workflow_count; i++) {
        const event_trigger *t = workflow_trigger(set->workflows[i], name);
        if (t && (t->paths.present || t->paths_ignore.present)) return true;
    }
    return false;
}

/* Where a pull request of this commit would have branched off; empty when git cannot tell. */
static str merge_base(const run_set *set) {
    const git_info *git = &set->repo.git;
    for (size_t i = 0; i < 2 && git->upstream.len; i++) {
        _cleanup_strbuf_ strbuf base = STRBUF_INIT;
        strbuf_adds(&base, i == 0 ? "origin/" : "");
        strbuf_add(&base, git->upstream);
        const char *argv[] = {"git", "merge-base", "HEAD", strbuf_cstr(&base), NULL};
        str out;
        err ignored = {0};
        if (git_run(set->a, set->repo.root, NULL, argv, &out, &ignored) == 0) return str_trim(out);
    }
    return STR_EMPTY;
}

/* What changed is asked for only where a filter wants to know. */
static void find_changes(const run_set *set, str name, event_facts *facts) {
    if (!facts->sha.len || !has_path_filter(set, name)) return;
    str base = str_starts(name, STR("pull_request")) ? merge_base(set) : STR_EMPTY;
    if (!base.len) base = set->repo.git.parent;
    err ignored = {0};
    int r = git_changed(set->a, set->repo.root, base, facts->sha, &facts->changed,
                        &facts->changed_count, &ignored);
    facts->changed_known = r == 0;
}

static str actor_of(const git_info *git) {
    bool login = git->user_name.len && str_find_char(git->user_name, ' ') < 0;
    if (login) return git->user_name;
    const char *user = getenv("USER");
    return user && *user ? str_from(user) : STR("local");
}

static void find_facts(run_set *set, str name, event_facts *facts) {
    *facts = (event_facts){
        .owner = STR("local"),
        .repo = str_from(strrchr(set->repo.root, '/') ? strrchr(set->repo.root, '/') + 1
                                                      : set->repo.root),
        .default_branch = STR("main"),
        .branch = STR("main"),
        .server_url = STR("https://github.com"),
        .inputs = set->config->inputs,
        .now_us = clock_wall_us(),
    };
    git_info *git = &set->repo.git;
    err why = {0};
    if (set->repo.in_git && git_inspect(set->a, set->repo.root, git, &why) < 0) {
        console_warning("the repository is taken as a plain folder: %s", why.message);
        set->repo.in_git = false;
    }
    if (set->repo.in_git) {
        event_facts_of_commit(facts, git);
        facts->branch = git->branch, facts->tag = git->tag;
        facts->owner = git->owner, facts->repo = git->repo;
        facts->actor_email = git->user_email;
        if (git->upstream.len) facts->default_branch = git->upstream;
        if (!git->branch.len && !git->tag.len) facts->branch = facts->default_branch;
    }
    facts->actor = actor_of(git);
    find_changes(set, name, facts);
}

static int unknown_event(arena *a, str name, err *e) {
    size_t count;
    const event_kind *kinds = event_kinds(&count);
    str *names = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++)
        names[i] = str_from(kinds[i].name);
    str near = str_nearest(name, names, count);
    if (near.len)
        return err_set(e, ERR_INVALID, "there is no event '%.*s': did you mean '%.*s'?",
                       STR_ARG(name), STR_ARG(near));
    return err_set(e, ERR_INVALID, "there is no event '%.*s'", STR_ARG(name));
}

static int make_event(run_set *set, err *e) {
    const run_config *c = set->config;
    str name = c->event.len ? c->event : default_event(set);
    if (!event_kind_find(name)) return unknown_event(set->a, name, e);
    bool by_hand = str_is(name, "workflow_dispatch") || str_is(name, "workflow_call");
    if (value_count(&c->inputs) && !by_hand)
        return err_set(e, ERR_INVALID,
                       "'%.*s' has no inputs: --input is for 'slipway run workflow_dispatch'",
                       STR_ARG(name));
    event_facts facts;
    find_facts(set, name, &facts);
    if (!c->payload) return event_make(set->a, name, &facts, &set->event, e);
    str text;
    value payload;
    int r = fs_read(set->a, c->payload, PAYLOAD_MAX, &text, e);
    if (r < 0) return err_context(e, "-e");
    if ((r = json_parse(set->a, text, 0, &payload, e)) < 0) {
        e->where.file = c->payload;
        return r;
    }
    return event_from_payload(set->a, name, &payload, &facts, &set->event, e);
}

/* ---- what it starts ------------------------------------------------------------------------- */

/* The jobs of -j that this workflow has. */
static bool wanted_jobs(const run_set *set, const workflow *w, plan_filter *filter) {
    const run_config *c = set->config;
    *filter = (plan_filter){.matrix = c->matrix, .matrix_count = c->matrix_count};
    if (!c->job_count) return true;
    str *jobs = ARENA_ARRAY(set->a, str, c->job_count);
    for (size_t i = 0; i < c->job_count; i++) {
        str first, rest;
        str_cut(c->jobs[i], '/', &first, &rest);
        for (size_t j = 0; j < w->job_count; j++) {
            const workflow_job *job = w->jobs[j];
            bool named =
                job->name && job->name->kind == TOKEN_STRING && str_eq(job->name->text, c->jobs[i]);
            if (!named && !str_eq(job->id, first)) continue;
            jobs[filter->job_count++] = c->jobs[i];
            break;
        }
    }
    filter->jobs = jobs;
    return filter->job_count > 0;
}

static int add_file(run_set *set, workflow *w, const event *ev, err *e) {
    run_file *f = &set->files[set->file_count];
    f->workflow = w;
    if (!wanted_jobs(set, w, &f->filter)) return 0;
    int r = plan_build(set->a, w, ev, &f->filter, &f->plan, e);
    if (r < 0) return err_context(e, "%s", w->path);
    set->file_count++;
    return 0;
}

/* -j names a job that no started workflow has: say where it is, or what was meant. */
static int missing_job(const run_set *set, str job, err *e) {
    size_t count = 0, cap = 0;
    str *names = NULL;
    for (size_t i = 0; i < set->workflow_count; i++) {
        const workflow *w = set->workflows[i];
        for (size_t j = 0; j < w->job_count; j++) {
            if (str_eq(w->jobs[j]->id, job) && w->trigger_count)
                return err_set(e, ERR_INVALID,
                               "the job '%.*s' is in %s, which does not start on '%.*s': try "
                               "'slipway run %.*s -j %.*s'",
                               STR_ARG(job), w->path, STR_ARG(set->event.name),
                               STR_ARG(w->triggers[0].name), STR_ARG(job));
            ARENA_PUSH(set->a, names, count, cap, w->jobs[j]->id);
        }
    }
    str near = str_nearest(job, names, count);
    if (near.len)
        return err_set(e, ERR_INVALID, "there is no job '%.*s': did you mean '%.*s'?", STR_ARG(job),
                       STR_ARG(near));
    return err_set(e, ERR_INVALID, "there is no job '%.*s': 'slipway run --list' lists them",
                   STR_ARG(job));
}

static int judge_jobs(const run_set *set, err *e) {
    for (size_t i = 0; i < set->config->job_count; i++) {
        bool found = false;
        for (size_t f = 0; f < set->file_count && !found; f++) {
            const plan_filter *filter = &set->files[f].filter;
            for (size_t j = 0; j < filter->job_count; j++)
                found |= str_eq(filter->jobs[j], set->config->jobs[i]);
        }
        if (!found) return missing_job(set, set->config->jobs[i], e);
    }
    return 0;
}

/* An event that no workflow has is a mistake; one that all filters leave out is none, and nothing
 * is to be done. The reasons are lines of their own, because there may be many. */
static int nothing_started(const run_set *set, bool known, str reasons, err *e) {
    const run_config *c = set->config;
    str name = set->event.name;
    int r = known ? 0 : err_set(e, ERR_INVALID, "no workflow starts on '%.*s'", STR_ARG(name));
    if (c->json) return r;
    console o = CONSOLE_INIT(STDERR_FILENO);
    if (known)
        strbuf_addf(&o.buf, "slipway: nothing to run on this '%.*s'\n", STR_ARG(name));
    else
        run_invalid(c, e);
    strbuf_add(&o.buf, reasons);
    console_done(&o);
    return known ? 0 : err_set(e, ERR_INVALID, "%s", "");
}

int run_set_select(run_set *set, err *e) {
    _cleanup_strbuf_ strbuf reasons = STRBUF_INIT;
    int r = make_event(set, e);
    if (r < 0) return r;
    set->files = ARENA_ARRAY(set->a, run_file, set->workflow_count + 1);
    size_t matched = 0;
    bool known = false;
    for (size_t i = 0; i < set->workflow_count; i++) {
        str reason;
        const workflow *w = set->workflows[i];
        if (!event_matches(set->a, w, &set->event, &reason)) {
            bool filtered = workflow_trigger(w, set->event.name);
            known |= filtered;
            if (filtered) run_left_out(set->config, w, reason);
            strbuf_addf(&reasons, "  %s: %.*s\n", w->path, STR_ARG(reason));
            continue;
        }
        matched++;
        if ((r = add_file(set, set->workflows[i], &set->event, e)) < 0) return r;
    }
    if (matched == 0 && !set->config->job_count)
        return nothing_started(set, known, strbuf_str(&reasons), e);
    set->not_started = arena_str(set->a, strbuf_str(&reasons));
    return judge_jobs(set, e);
}

/* An event of the first kind that starts the workflow, for plans that are only looked at. */
int run_set_select_all(run_set *set, err *e) {
    set->files = ARENA_ARRAY(set->a, run_file, set->workflow_count + 1);
    for (size_t i = 0; i < set->workflow_count; i++) {
        workflow *w = set->workflows[i];
        event_facts facts = {.owner = STR("local"),
                             .repo = STR("local"),
                             .branch = STR("main"),
                             .default_branch = STR("main"),
                             .server_url = STR("https://github.com"),
                             .inputs = set->config->inputs};
        event *ev = ARENA_NEW(set->a, event);
        str name = w->trigger_count ? w->triggers[0].name : STR("push");
        int r = event_make(set->a, name, &facts, ev, e);
        if (r == 0) r = add_file(set, w, ev, e);
        if (r < 0) return r;
    }
    return judge_jobs(set, e);
}
