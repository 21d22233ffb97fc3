/* actions.c: actions and reusable workflows from other repositories.
 *
 * What a plan uses is found by walking its steps, fetched in parallel (fetch.c), and walked in
 * turn, because a composite action uses others, until nothing new comes up.
 *
 * A repository that cannot be fetched is an error of the job that uses it, told when the runner
 * asks for its folder: other jobs may not need it. */
#include "agent/actions.h"
#include "agent/fetch.h"
#include "agent/person.h"
#include "agent/repo.h"
#include "base/fs.h"
#include "workflow/action.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACTION_FILE_MAX  ((size_t)1 << 20)
#define FETCH_ROUNDS_MAX 32

/* Where a `uses:` stands: in a repository (NULL: the one being run), and for the sake of which of
 * this repository's workflows. */
typedef struct origin {
    repo *repo;
    const char *workflow;
} origin;

/* One folder of a repository (or of the checkout, where `repo` is NULL) that a step uses. */
typedef struct use {
    origin in;
    str path;
    bool read;
} use;

struct actions {
    arena *a;
    const actions_spec *spec;
    repo **repos;
    size_t repo_count, repo_cap;
    use *uses;
    size_t use_count, use_cap;
    action_edge *edges;
    size_t edge_count, edge_cap;
};

actions *actions_new(const actions_spec *spec) {
    actions *x = ARENA_NEW(spec->a, actions);
    x->a = spec->a;
    x->spec = spec;
    return x;
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool name_ok(str name) {
    if (!name.len || str_is(name, ".") || str_is(name, "..")) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!isalnum((unsigned char)c) && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

static bool path_ok(str path) {
    while (path.len) {
        str part;
        str_cut(path, '/', &part, &path);
        if (str_is(part, "..")) return false;
    }
    return true;
}

/* What git itself refuses in a ref, as far as it could do harm here. */
static bool ref_ok(str ref) {
    if (!ref.len || ref.ptr[0] == '-' || str_find(ref, STR("..")) >= 0) return false;
    for (size_t i = 0; i < ref.len; i++) {
        unsigned char c = (unsigned char)ref.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("~^:?*[\\", c)) return false;
    }
    return true;
}

bool uses_split(str uses, uses_parts *ret) {
    ptrdiff_t at = str_rfind_char(uses, '@');
    if (at < 0 || str_starts(uses, STR("./")) || str_starts(uses, STR("docker://"))) return false;
    str rest = str_sub(uses, 0, (size_t)at);
    *ret = (uses_parts){.ref = str_sub(uses, (size_t)at + 1, uses.len)};
    str_cut(rest, '/', &ret->owner, &rest);
    str_cut(rest, '/', &ret->repo, &ret->path);
    return name_ok(ret->owner) && name_ok(ret->repo) && path_ok(ret->path) && ref_ok(ret->ref);
}

/* ---- where from, where to ------------------------------------------------------------------- */

/* A folder that is the person's own: what others can write to could hold actions of theirs. NULL
 * where there is none. */
static char *cache_folder(const actions *x, str owner, str name, err *e) {
    arena *a = x->a;
    char *folder;
    if (person_cache(a, x->spec->caches, "actions", &folder, e) < 0) return NULL;
    return fs_join(
        a, folder,
        arena_printf(a, "%.*s/%.*s", STR_ARG(repo_lower(a, owner)), STR_ARG(repo_lower(a, name))));
}

static char *source_url(actions *x, str owner, str name) {
    const char *from = x->spec->from;
    char *real;
    err ignored = {0};
    if (!from) from = "https://github.com";
    if (fs_is_dir(from) && fs_real(x->a, from, &real, &ignored) == 0) from = real;
    str base = str_from(from);
    while (base.len > 1 && base.ptr[base.len - 1] == '/')
        base.len--;
    str url =
        arena_printf(x->a, "%.*s/%.*s/%.*s.git", STR_ARG(base), STR_ARG(owner), STR_ARG(name));
    if (str_find(base, STR("://")) >= 0 || fs_exists(url.ptr)) return (char *)url.ptr;
    char *plain = arena_cstr(x->a, str_sub(url, 0, url.len - 4));
    return fs_exists(plain) ? plain : (char *)url.ptr;
}

static const char *given_folder(const actions *x, const repo *r) {
    const word_mapping *given = x->spec->given;
    for (size_t i = x->spec->given_count; i-- > 0;) {
        uses_parts parts;
        if (uses_split(given[i].from, &parts) && str_eq_nocase(parts.owner, r->owner) &&
            str_eq_nocase(parts.repo, r->repo) && str_eq(parts.ref, r->ref))
            return given[i].to;
    }
    return NULL;
}

void actions_add_moved(const actions *x, problem_list *out) {
    for (size_t i = 0; i < x->repo_count; i++) {
        const repo *r = x->repos[i];
        const lock_entry *entry = x->spec->lock ? lock_find(x->spec->lock, r->pin) : NULL;
        if (!entry || !repo_has_moved(r)) continue;
        str help = arena_printf(x->a, REPO_MOVED_HELP, STR_ARG(r->pin));
        problem_add(out, SEVERITY_ERROR, "lock-moved", entry->where, help, REPO_MOVED_TEXT,
                    REPO_MOVED_ARGS(r));
    }
}

/* True when `slipway lock` was told to look where this ref points today. */
static bool is_updated(const actions_spec *spec, const repo *r, str pin) {
    str name = str_sub(pin, 0, pin.len - r->ref.len - 1);
    for (size_t i = 0; i < spec->update_count; i++) {
        str u = spec->updates[i];
        if (str_is(u, "all") || str_eq(u, pin) || str_eq(u, name)) return true;
    }
    return false;
}

static void find_locked(actions *x, repo *r, str pin) {
    const lock_entry *entry = x->spec->lock ? lock_find(x->spec->lock, pin) : NULL;
    if (!entry || r->given) return;
    r->locked = entry->commit;
    if (!x->spec->locking || is_updated(x->spec, r, pin)) return;
    r->commit = entry->commit;
    r->fixed = true;
}

static repo *repo_of(actions *x, const uses_parts *parts) {
    for (size_t i = 0; i < x->repo_count; i++) {
        repo *r = x->repos[i];
        if (str_eq_nocase(r->owner, parts->owner) && str_eq_nocase(r->repo, parts->repo) &&
            str_eq(r->ref, parts->ref))
            return r;
    }
    repo *r = ARENA_NEW(x->a, repo);
    r->owner = arena_str(x->a, parts->owner);
    r->repo = arena_str(x->a, parts->repo);
    r->ref = arena_str(x->a, parts->ref);
    r->url = source_url(x, r->owner, r->repo);
    err why = {0};
    r->cache = cache_folder(x, r->owner, r->repo, &why);
    const char *folder = given_folder(x, r);
    if (folder) r->dir = arena_cstr(x->a, str_from(folder));
    r->given = folder != NULL;
    r->pin = arena_printf(x->a, "%.*s/%.*s@%.*s", STR_ARG(repo_lower(x->a, r->owner)),
                          STR_ARG(repo_lower(x->a, r->repo)), STR_ARG(r->ref));
    find_locked(x, r, r->pin);
    if (!r->dir && !r->cache)
        repo_fail(x->a, r, arena_printf(x->a, "there is no folder to keep it in: %s", why.message));
    ARENA_PUSH(x->a, x->repos, x->repo_count, x->repo_cap, r);
    return r;
}

/* ---- what is used --------------------------------------------------------------------------- */

static bool same_origin(const origin *a, const origin *b) {
    return a->repo == b->repo && !strcmp(a->workflow, b->workflow);
}

static void add_use(actions *x, origin in, str path) {
    for (size_t i = 0; i < x->use_count; i++) {
        if (same_origin(&x->uses[i].in, &in) && str_eq(x->uses[i].path, path)) return;
    }
    ARENA_PUSH(x->a, x->uses, x->use_count, x->use_cap,
               ((use){.in = in, .path = arena_str(x->a, path)}));
}

static void add_edge(actions *x, origin in, const token *uses, repo *to) {
    action_edge edge = {.workflow = in.workflow, .from = in.repo, .to = to, .where = uses->where};
    if (!lock_pin_of(x->a, token_text(uses), &edge.pin)) return;
    for (size_t i = 0; i < x->edge_count; i++) {
        const action_edge *o = &x->edges[i];
        bool same = o->from == edge.from && !strcmp(o->workflow, edge.workflow);
        if (same && str_eq(o->pin, edge.pin)) return;
    }
    ARENA_PUSH(x->a, x->edges, x->edge_count, x->edge_cap, edge);
}

size_t actions_edges(const actions *x, const action_edge **ret) {
    *ret = x->edges;
    return x->edge_count;
}

/* The runner itself copies the working tree for actions/checkout, unless the step names another
 * repository. */
static bool is_own_checkout(const workflow_step *step, const uses_parts *parts) {
    return str_eq_nocase(parts->owner, STR("actions")) &&
           str_eq_nocase(parts->repo, STR("checkout")) && !parts->path.len &&
           !token_get(step->with, "repository");
}

static void walk_steps(actions *x, const workflow_step *steps, size_t count, origin in) {
    for (size_t i = 0; i < count; i++) {
        const workflow_step *s = &steps[i];
        walk_steps(x, s->children, s->child_count, in);
        if (s->kind != STEP_USES) continue;
        str uses = token_text(s->uses), path;
        uses_parts parts;
        if (uses_own_repository(uses, &path) && path_ok(path)) {
            add_use(x, in, path);
        } else if (str_starts(uses, STR("./"))) {
            add_use(x, (origin){NULL, in.workflow}, uses);
        } else if (uses_split(uses, &parts)) {
            bool fetched = x->spec->locking || !is_own_checkout(s, &parts);
            repo *r = fetched ? repo_of(x, &parts) : NULL;
            add_edge(x, in, s->uses, r);
            if (r) add_use(x, (origin){r, in.workflow}, parts.path);
        }
    }
}

static char *use_folder(const actions *x, const use *u) {
    const char *base = u->in.repo ? u->in.repo->dir : x->spec->repo->root;
    return base && u->path.len ? fs_join(x->a, base, u->path) : (char *)base;
}

/* Of an action in the commit that is run. */
static bool read_committed(const actions *x, str folder, str *ret_source, char **ret_file) {
    static const char *const names[] = {"action.yml", "action.yaml"};
    for (size_t i = 0; i < 2; i++) {
        err ignored = {0};
        *ret_file =
            fs_join(x->a, arena_cstr(x->a, folder.len ? folder : STR(".")), str_from(names[i]));
        if (repository_file(x->a, x->spec->repo, str_from(*ret_file), ACTION_FILE_MAX, ret_source,
                            &ignored) == 0)
            return true;
    }
    return false;
}

static bool read_action(const actions *x, const use *u, str *ret_source, char **ret_file) {
    err ignored = {0};
    if (!u->in.repo && x->spec->repo->commit.len)
        return read_committed(x, u->path, ret_source, ret_file);
    char *folder = use_folder(x, u);
    *ret_file = folder ? repo_action_file(x->a, folder) : NULL;
    return *ret_file && fs_read(x->a, *ret_file, ACTION_FILE_MAX, ret_source, &ignored) == 0;
}

/* A composite action uses others. What is wrong with its file is told by the job that runs it. */
static void walk_action(actions *x, const use *u) {
    char *file;
    str source;
    action *act;
    err ignored = {0};
    if (!read_action(x, u, &source, &file)) return;
    if (action_parse(x->a, source, file, &act, &ignored) < 0) return;
    if (act->kind == ACTION_COMPOSITE) walk_steps(x, act->steps, act->step_count, u->in);
}

/* The repository of a workflow file as it is known in places; NULL: the one being run. */
static repo *repo_of_file(actions *x, const char *path) {
    uses_parts parts;
    bool own = path[0] == '.' || path[0] == '/' || !uses_split(str_from(path), &parts);
    return own ? NULL : repo_of(x, &parts);
}

/* A workflow that another repository has is used for the sake of the one that calls it. */
static origin origin_of(actions *x, const plan_scope *scope) {
    origin in = {.repo = repo_of_file(x, scope->workflow->path)};
    while (scope->caller && repo_of_file(x, scope->workflow->path))
        scope = scope->caller->scope;
    in.workflow = scope->workflow->path;
    return in;
}

void actions_add(actions *x, const plan_job *job) {
    origin in = origin_of(x, job->scope);
    uses_parts parts;
    if (!plan_job_is_call(job))
        walk_steps(x, job->job->steps, job->job->step_count, in);
    else if (uses_split(token_text(job->job->uses), &parts))
        add_edge(x, in, job->job->uses, repo_of(x, &parts));
}

int actions_fetch(actions *x, err *e) {
    for (int round = 0; round < FETCH_ROUNDS_MAX; round++) {
        repos_fetch(x->a, x->spec->tell, x->repos, x->repo_count);
        bool more = false;
        /* What comes up in this round is at hand only after the next fetch. */
        size_t fetched = x->use_count;
        for (size_t i = 0; i < fetched; i++) {
            if (x->uses[i].read) continue;
            x->uses[i].read = more = true;
            use copy = x->uses[i];
            walk_action(x, &copy);
        }
        if (!more) return 0;
    }
    return err_set(e, ERR_LIMIT, "actions use each other over more than %d levels",
                   FETCH_ROUNDS_MAX);
}

/* ---- what others ask for -------------------------------------------------------------------- */

static int repo_folder(actions *x, const uses_parts *parts, const char **ret, err *e) {
    repo *r = repo_of(x, parts);
    if (!r->dir && !r->failed) repos_fetch(x->a, x->spec->tell, x->repos, x->repo_count);
    if (r->failed) {
        if (e) *e = r->why;
        return r->why.code;
    }
    *ret = r->dir;
    return 0;
}

/* "INTO/OWNER/REPO/REF": the ref in one part, so that none lies within another's copy. */
static char *copy_place(arena *a, const char *into, const uses_parts *parts) {
    strbuf ref = STRBUF_INIT;
    for (size_t i = 0; i < parts->ref.len; i++) {
        char c = parts->ref.ptr[i];
        if (c == '/' || c == '%')
            strbuf_addf(&ref, "%%%02X", (unsigned char)c);
        else
            strbuf_addc(&ref, c);
    }
    str path = arena_printf(a, "%s/%.*s/%.*s/%s", into, STR_ARG(repo_lower(a, parts->owner)),
                            STR_ARG(repo_lower(a, parts->repo)), strbuf_cstr(&ref));
    strbuf_done(&ref);
    return arena_cstr(a, path);
}

static bool is_folder(const view *files, const char *path) {
    struct stat st;
    return view_stat(files, path, &st) && S_ISDIR(st.st_mode);
}

/* "$/path": the runner asks with it for what lies in the repository being run. */
static int own_dir(actions *x, arena *a, const view *files, str path, const char *into, char **ret,
                   err *e) {
    char *copy = fs_join(a, into, STR("_self"));
    if (!path_ok(path))
        return err_set(e, ERR_INVALID, "'$/%.*s' leaves the repository", STR_ARG(path));
    if (!is_folder(files, copy) && checkout_tree(x->spec->repo, files, copy, e) < 0) return e->code;
    *ret = fs_join(a, copy, path);
    if (is_folder(files, *ret)) return 0;
    return err_set(e, ERR_NOT_FOUND, "the repository has no folder '%.*s'", STR_ARG(path));
}

int actions_dir(void *context, arena *a, const view *files, str uses, const char *into, char **ret,
                err *e) {
    actions *x = context;
    uses_parts parts;
    const char *folder = NULL;
    str path;
    if (uses_own_repository(uses, &path)) return own_dir(x, a, files, path, into, ret, e);
    if (!uses_split(uses, &parts))
        return err_set(e, ERR_INVALID, "'%.*s' is not of the form owner/repo/path@ref",
                       STR_ARG(uses));
    int r = repo_folder(x, &parts, &folder, e);
    if (r < 0) return r;
    /* Actions that steps make may use what nobody saw before the run. */
    const repo *used = repo_of(x, &parts);
    if (repo_has_moved(used))
        return err_set(e, ERR_INVALID, REPO_MOVED_TEXT, REPO_MOVED_ARGS(used));
    char *copy = copy_place(a, into, &parts);
    if (!is_folder(files, copy) && checkout_folder(files, folder, copy, e) < 0) return e->code;
    *ret = fs_join(a, copy, parts.path);
    if (is_folder(files, *ret)) return 0;
    return err_set(e, ERR_NOT_FOUND, "%.*s/%.*s@%.*s has no folder '%.*s'", STR_ARG(parts.owner),
                   STR_ARG(parts.repo), STR_ARG(parts.ref), STR_ARG(parts.path));
}

/* `folder` NULL: of the repository that is run. */
static int read_file(actions *x, arena *a, const char *folder, str path, str shown, str *ret_source,
                     str *ret_path, err *e) {
    const repository *own = x->spec->repo;
    int r = !folder && own->commit.len
                ? repository_file(a, own, path, WORKFLOW_FILE_MAX, ret_source, e)
                : fs_read(a, fs_join(a, folder ? folder : own->root, path), WORKFLOW_FILE_MAX,
                          ret_source, e);
    if (r < 0) return r;
    *ret_path = arena_str(x->a, shown);
    const notices *tell = x->spec->tell;
    if (tell->file) tell->file(tell->context, ret_path->ptr, *ret_source);
    return 0;
}

int actions_workflow(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                     err *e) {
    actions *x = context;
    uses_parts parts;
    const char *folder = NULL;
    if (!str_starts(uses, STR("./")) && !str_starts(uses, STR("$/"))) {
        if (!uses_split(uses, &parts) || !parts.path.len)
            return err_set(e, ERR_INVALID, "'%.*s' is not of the form owner/repo/path@ref",
                           STR_ARG(uses));
        int r = repo_folder(x, &parts, &folder, e);
        if (r < 0) return r;
        return read_file(x, a, folder, parts.path, uses, ret_source, ret_path, e);
    }
    str path = str_sub(uses, 2, uses.len);
    if (!path_ok(path))
        return err_set(e, ERR_INVALID, "'%.*s' leaves the repository", STR_ARG(uses));
    bool remote = from.len && from.ptr[0] != '.' && from.ptr[0] != '/' && uses_split(from, &parts);
    if (!remote) return read_file(x, a, folder, path, path, ret_source, ret_path, e);
    int r = repo_folder(x, &parts, &folder, e);
    if (r < 0) return r;
    str shown = arena_printf(a, "%.*s/%.*s/%.*s@%.*s", STR_ARG(parts.owner), STR_ARG(parts.repo),
                             STR_ARG(path), STR_ARG(parts.ref));
    return read_file(x, a, folder, path, shown, ret_source, ret_path, e);
}
