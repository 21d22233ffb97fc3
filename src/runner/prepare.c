/* What a job is going to run: the actions of its steps, and the list of steps itself. */
#include "runner/job.h"

#include "base/fs.h"

#define ACTION_FILE_MAX (1u << 20)

/* ---- actions ------------------------------------------------------------------------------- */

/* The repository of the workflow file that the job is written in, as use.origin. */
static str job_origin(runner *r) {
    str path = str_from(r->spec->job->plan->scope->workflow->path), ref, owner, repo;
    if (!str_cut(path, '@', &path, &ref)) return STR_EMPTY;
    str_cut(path, '/', &owner, &path);
    str_cut(path, '/', &repo, &path);
    return arena_printf(r->a, "%.*s/%.*s@%.*s", STR_ARG(owner), STR_ARG(repo), STR_ARG(ref));
}

/* "$/path" in another repository's file is that repository's at the same ref. In the repository
 * being run it stays as it is: the port knows its working tree. */
static void resolve_own(runner *r, use *u, str path, str origin) {
    str repository, ref;
    if (!origin.len) {
        const value *github = &r->spec->job->github;
        u->repository = value_path_str(github, "repository");
        u->ref = value_path_str(github, "sha");
        return;
    }
    str_cut(origin, '@', &repository, &ref);
    u->text = arena_printf(r->a, "%.*s%s%.*s@%.*s", STR_ARG(repository), path.len ? "/" : "",
                           STR_ARG(path), STR_ARG(ref));
}

/* `origin` is that of the file that the step stands in. */
static use *use_new(runner *r, const workflow_step *model, str origin) {
    use *u = ARENA_NEW(r->a, use);
    str rest, own;
    u->model = model;
    u->text = token_text(model->uses);
    u->state = value_object_new(r->a, false);
    u->origin = origin;
    if (uses_own_repository(u->text, &own)) {
        resolve_own(r, u, own, origin);
        if (u->repository.len) return u;
    }
    u->local = str_starts(u->text, STR("."));
    u->docker = str_starts(u->text, STR("docker://"));
    if (u->local || u->docker) return u;
    str path, owner;
    str_cut(u->text, '@', &rest, &u->ref);
    str_cut(rest, '/', &owner, &path);
    ptrdiff_t slash = str_find_char(path, '/');
    size_t repo = slash < 0 ? path.len : (size_t)slash;
    u->repository = str_sub(rest, 0, owner.len + 1 + repo);
    u->checkout = slash < 0 && str_eq_nocase(u->repository, STR("actions/checkout"));
    u->origin = arena_printf(r->a, "%.*s@%.*s", STR_ARG(u->repository), STR_ARG(u->ref));
    return u;
}

bool use_has_pre(const use *u) {
    if (!u->act) return false;
    if (u->act->kind != ACTION_COMPOSITE) return u->act->pre.len > 0;
    for (size_t i = 0; i < u->act->step_count; i++) {
        if (u->children[i] && !u->children[i]->local && use_has_pre(u->children[i])) return true;
    }
    return false;
}

/* Of a composite action: whether one of its steps has registered a post phase. */
bool use_has_post(const use *u) {
    if (!u->act) return false;
    if (u->act->kind != ACTION_COMPOSITE) return u->act->post.len > 0;
    for (size_t i = 0; i < u->act->step_count; i++) {
        if (u->children[i] && u->children[i]->post_registered) return true;
    }
    return false;
}

static int find_folder(step *s, use *u, err *e) {
    runner *r = s->r;
    char *dir = NULL, *into = fs_join(s->a, r->work, STR("_actions"));
    if (u->local)
        dir = fs_join(s->a, r->workspace, u->text);
    else if (r->port.action_dir(r->port.context, s->a, job_files(r), u->text, into, &dir, e) < 0)
        return e->code;
    u->dir = arena_cstr(r->a, fs_normalize(s->a, str_from(dir)));
    return 0;
}

/* The text of action.yml or action.yaml. */
static int read_metadata(step *s, const use *u, str *ret, char **ret_path, err *e) {
    static const char *const names[] = {"action.yml", "action.yaml"};
    const view *files = job_files(s->r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *ret_path = fs_join(s->r->a, u->dir, str_from(names[i]));
        if (view_exists(files, *ret_path))
            return view_read(files, s->r->a, *ret_path, ACTION_FILE_MAX, ret, e);
    }
    if (view_exists(files, fs_join(s->a, u->dir, STR("Dockerfile")))) { /* an action of old */
        *ret = STR("name: Dockerfile\ndescription: Dockerfile\nruns: {using: docker, image: "
                   "Dockerfile}\n");
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND,
                   "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under "
                   "'%s'.%s",
                   u->dir,
                   u->local ? " Did you forget to run actions/checkout before running your local "
                              "action?"
                            : "");
}

static int tell_problems(step *s, const action *act, err *e) {
    for (size_t i = 0; i < act->problems.count; i++) {
        const problem *p = &act->problems.items[i];
        if (p->level == SEVERITY_ERROR) output_error_at(s, p->where, "%.*s", STR_ARG(p->message));
    }
    return err_set(e, ERR_INVALID, "the action file '%s' is not valid", act->path);
}

static int load_children(step *s, use *u, unsigned depth, err *e) {
    runner *r = s->r;
    u->children = ARENA_ARRAY(r->a, use *, u->act->step_count);
    for (size_t i = 0; i < u->act->step_count; i++) {
        const workflow_step *model = &u->act->steps[i];
        if (model->kind != STEP_USES) continue;
        u->children[i] = use_new(r, model, u->origin);
        if (!u->children[i]->local && use_load(s, u->children[i], depth + 1, e) < 0) return e->code;
    }
    return 0;
}

int use_load(step *s, use *u, unsigned depth, err *e) {
    str text;
    char *path;
    if (u->act || u->checkout) return 0;
    sandbox *engine;
    if (u->docker) {
        if (containers_engine(s->r, &engine, e) < 0)
            return err_context(e, "the step '%.*s'", STR_ARG(u->text));
        u->act = ARENA_NEW(s->r->a, action);
        *u->act = (action){.kind = ACTION_DOCKER, .using = STR_INIT("docker"), .image = u->text};
        return 0;
    }
    if (depth > COMPOSITE_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "Composite action depth exceeded max depth %d",
                       COMPOSITE_DEPTH_MAX);
    if (find_folder(s, u, e) < 0 || read_metadata(s, u, &text, &path, e) < 0) return e->code;
    action *act;
    if (action_parse(s->r->a, text, path, &act, e) < 0) return e->code;
    if (act->problems.errors) return tell_problems(s, act, e);
    if (act->kind == ACTION_DOCKER && containers_engine(s->r, &engine, e) < 0)
        return err_context(e, "the action '%.*s'", STR_ARG(u->text));
    u->act = act;
    return act->kind == ACTION_COMPOSITE ? load_children(s, u, depth, e) : 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

void frame_add(runner *r, frame *f, entry e) {
    ARENA_PUSH(r->a, f->entries, f->count, f->cap, e);
}

static const token *make_text(runner *r, str text) {
    token *t = ARENA_NEW(r->a, token);
    *t = (token){.kind = TOKEN_STRING, .text = text, .source = text};
    return t;
}

static workflow_step *make_wait(runner *r, step_kind kind, const char *id, const char *name,
                                span where) {
    workflow_step *w = ARENA_NEW(r->a, workflow_step);
    *w = (workflow_step){.kind = kind, .where = where, .id = str_from(id)};
    w->name = make_text(r, str_from(name));
    return w;
}

static void expand(runner *r, frame *f, const workflow_step *model);

/* `parallel:` means: its children in the background, then a wait for them. */
static void expand_parallel(runner *r, frame *f, const workflow_step *model) {
    size_t n = model->child_count;
    workflow_step *wait =
        make_wait(r, STEP_WAIT, "__wait_parallel", "Wait for parallel steps", model->where);
    wait->targets = ARENA_ARRAY(r->a, const token *, n);
    workflow_step *children = ARENA_ARRAY(r->a, workflow_step, n);
    for (size_t i = 0; i < n; i++) {
        children[i] = model->children[i];
        if (children[i].kind == STEP_RUN || children[i].kind == STEP_USES) {
            children[i].background = true;
            wait->targets[wait->target_count++] = make_text(r, children[i].id);
        }
        expand(r, f, &children[i]);
    }
    frame_add(r, f, (entry){wait, NULL, PHASE_MAIN});
}

static void expand(runner *r, frame *f, const workflow_step *model) {
    if (model->kind == STEP_PARALLEL)
        expand_parallel(r, f, model);
    else
        frame_add(r, f,
                  (entry){model, model->kind == STEP_USES ? use_new(r, model, job_origin(r)) : NULL,
                          PHASE_MAIN});
}

static bool names(const workflow_step *control, str id) {
    for (size_t i = 0; i < control->target_count; i++) {
        if (str_eq_nocase(token_text(control->targets[i]), id)) return true;
    }
    return false;
}

/* True when a later step waits for (or cancels) the background step at `at`. */
static bool is_covered(const frame *f, size_t at) {
    str id = f->entries[at].model->id;
    for (size_t i = at + 1; i < f->count; i++) {
        const workflow_step *m = f->entries[i].model;
        if (m->kind == STEP_WAIT_ALL || names(m, id)) return true;
    }
    return false;
}

static void add_implicit_wait(runner *r, frame *f) {
    for (size_t i = 0; i < f->count; i++) {
        const workflow_step *m = f->entries[i].model;
        if (!m->background || is_covered(f, i)) continue;
        m = make_wait(r, STEP_WAIT_ALL, "__implicit_wait_all", "Wait for all background steps",
                      m->where);
        frame_add(r, f, (entry){m, NULL, PHASE_MAIN});
        return;
    }
}

frame *frame_of_composite(step *s, value inputs) {
    runner *r = s->r;
    const use *u = s->use;
    frame *f = ARENA_NEW(r->a, frame);
    *f = (frame){.owner = s,
                 .phase = s->phase,
                 .inputs = inputs,
                 .action_path = str_from(u->dir),
                 .depth = s->frame->depth + 1};
    f->steps = s->phase == PHASE_POST ? u->steps : value_object_new(r->a, false);
    size_t n = u->act->step_count;
    for (size_t i = 0; i < n; i++) {
        size_t at = s->phase == PHASE_POST ? n - 1 - i : i;
        use *child = u->children[at];
        bool wanted = s->phase == PHASE_MAIN ||
                      (child && s->phase == PHASE_PRE && !child->local && use_has_pre(child));
        if (s->phase == PHASE_POST) wanted = child && child->post_registered;
        if (wanted) frame_add(r, f, (entry){&u->act->steps[at], child, s->phase});
    }
    return f;
}

/* ---- the job ------------------------------------------------------------------------------- */

static int load_all(step *s, const frame *mains) {
    for (size_t i = 0; i < mains->count; i++) {
        use *u = mains->entries[i].use;
        err e = {0};
        if (!u || u->local || use_load(s, u, 0, &e) >= 0) continue;
        output_error_at(s, u->model->where, "%s", e.message);
        return e.code;
    }
    return 0;
}

int prepare_job(step *s) {
    runner *r = s->r;
    const workflow_job *job = r->spec->job->plan->job;
    frame mains = {0};
    if (containers_evaluate(s) < 0) return -1;
    if (job->snapshot)
        output_warning(s, "'snapshot' does nothing here: no image is made of this machine");
    for (size_t i = 0; i < job->step_count; i++)
        expand(r, &mains, &job->steps[i]);
    add_implicit_wait(r, &mains);
    if (load_all(s, &mains) < 0) return -1;
    for (size_t i = 0; i < mains.count; i++) {
        const entry *m = &mains.entries[i];
        if (m->use && !m->use->local && use_has_pre(m->use))
            frame_add(r, r->root, (entry){m->model, m->use, PHASE_PRE});
    }
    for (size_t i = 0; i < mains.count; i++)
        frame_add(r, r->root, mains.entries[i]);
    return 0;
}
