/* Container actions: an image is pulled, or built from a Dockerfile, and run once for each phase,
 * with the job's folders where GitHub's runner has them.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/dockerfile-support */
#include "runner/job.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- folders --------------------------------------------------------------------------------- */

#define FOLDERS 5

/* The more special stand first: they are parts of what stands below them. */
typedef struct folder {
    const char *ours, *inside; /* as the job sees it, as the action does */
} folder;

static void name_folders(step *s, folder ret[FOLDERS]) {
    const runner *r = s->r;
    const folder all[FOLDERS] = {
        {r->workspace, "/github/workspace"},
        {r->commands, "/github/file_commands"},
        {arena_printf(s->a, "%s/_github_workflow", r->temp).ptr, "/github/workflow"},
        {r->home, "/github/home"},
        {r->temp, "/github/runner_temp"},
    };
    memcpy(ret, all, sizeof all);
}

/* As GitHub does it: a value that is a path of a folder, or below it, as a whole. */
static str translate(step *s, const folder *all, str text) {
    for (int i = 0; i < FOLDERS; i++) {
        str ours = str_from(all[i].ours);
        bool is_home = all[i].ours == s->r->home; /* in which a sandbox has its work folder */
        if (is_home && str_starts(text, str_from(s->r->work))) continue;
        if (!str_starts(text, ours) || (text.len > ours.len && text.ptr[ours.len] != '/')) continue;
        str rest = str_sub(text, ours.len, text.len);
        return arena_printf(s->a, "%s%.*s", all[i].inside, STR_ARG(rest));
    }
    return text;
}

/* The engine mounts what a path leads to with the engine's rights, so no step may have put a link
 * there. *ret is what is there now. */
static int check_plain(const runner *r, const char *path, struct stat *ret, err *e) {
    str rest = str_from(path + strlen(r->spec->root)), part;
    int fd = open(r->spec->root, O_PATH | O_DIRECTORY | O_CLOEXEC), failed = fd < 0 ? errno : 0;
    while (!failed && rest.len) {
        char name[NAME_MAX + 1];
        str_cut(rest, '/', &part, &rest);
        if (!part.len) continue;
        snprintf(name, sizeof name, "%.*s", STR_ARG(part));
        int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        failed = next < 0 ? errno : 0;
        close(fd);
        fd = next;
    }
    if (!failed && fstat(fd, ret) < 0) failed = errno;
    if (fd >= 0) close(fd);
    if (failed == ENOTDIR || failed == ELOOP)
        return err_set(e, ERR_INVALID,
                       "a step has put something else where the folder '%s' was: it is not "
                       "mounted into a container",
                       path);
    return failed ? err_sys(e, failed, "cannot mount '%s'", path) : 0;
}

/* And it mounts later than that: in the container it is looked at again. */
static void add_folder(step *s, value *list, const char *inside, const struct stat *st) {
    value_push(s->a, list, value_cstring(inside));
    value_push(s->a, list,
               value_string(arena_printf(s->a, "%llu", (unsigned long long)st->st_dev)));
    value_push(s->a, list,
               value_string(arena_printf(s->a, "%llu", (unsigned long long)st->st_ino)));
}

static int add_binds(step *s, const folder *all, value *request, err *e) {
    const runner *r = s->r;
    value binds = value_array_new(s->a), folders = value_array_new(s->a);
    for (int i = 0; i < FOLDERS; i++) {
        char *outside = folders_outside(r, s->a, all[i].ours);
        struct stat st;
        if (check_plain(r, outside, &st, e) < 0) return e->code;
        str bind = arena_printf(s->a, "%s:%s", outside, all[i].inside);
        value_push(s->a, &binds, value_string(bind));
        add_folder(s, &folders, all[i].inside, &st);
    }
    for (unsigned i = 0; i < r->spec->mount_count; i++) {
        const sandbox_mount *m = &r->spec->mounts[i];
        value_push(s->a, &binds, value_string(arena_printf(s->a, "%s:%s:ro", m->from, m->to)));
    }
    value_set(s->a, request, STR("binds"), binds);
    value_set(s->a, request, STR("folders"), folders);
    return 0;
}

/* ---- the container --------------------------------------------------------------------------- */

typedef struct container_run {
    step *s;
    const value *inputs;
    value env; /* of the container, paths not yet translated */
} container_run;

static void add_env(step *s, const folder *all, const value *env, value *request) {
    value list = value_array_new(s->a);
    for (size_t i = 0; i < value_count(env); i++) {
        const value_pair *p = value_at(env, i);
        str text = translate(s, all, p->item.string);
        if (!p->key.len || memchr(p->key.ptr, '\0', p->key.len)) continue;
        text.len = strnlen(text.ptr, text.len);
        value_push(s->a, &list,
                   value_string(arena_printf(s->a, "%.*s=%.*s", STR_ARG(p->key), STR_ARG(text))));
    }
    value_set(s->a, request, STR("env"), list);
}

/* `runs.args` says all; without it the words of `with: args`. */
static int add_arguments(step *s, const value *inputs, value *request, err *e) {
    const action *act = s->use->act;
    const str entries[PHASE_COUNT] = {act->pre, act->main, act->post};
    str entrypoint = entries[s->phase];
    value args = VALUE_NULL_INIT, list = value_array_new(s->a);
    if (act->args && token_eval(s->a, act->args, &s->eval, &args, e) < 0) return e->code;
    for (size_t i = 0; args.kind == VALUE_ARRAY && i < args.array.count; i++)
        value_push(s->a, &list, value_string(context_text(s->a, &args.array.items[i])));
    value_set(s->a, request, STR("args"), list);
    if (!act->args) value_set_str(s->a, request, "line", value_path_str(inputs, "args"));
    if (!entrypoint.len && s->phase == PHASE_MAIN)
        entrypoint = value_path_str(inputs, "entrypoint");
    if (entrypoint.len) value_set_str(s->a, request, "entrypoint", entrypoint);
    return 0;
}

static void on_output(void *context, str bytes) {
    output_bytes(((container_run *)context)->s, bytes);
}

static void on_exit_of(void *context, int status, const char *why) {
    step_exited(((container_run *)context)->s, status, why);
}

static int run(container_run *x, err *e) {
    static const char *const none[] = {NULL};
    step *s = x->s;
    folder all[FOLDERS];
    value request = value_object_new(s->a, true);
    name_folders(s, all);
    value_set_str(s->a, &request, "do", STR("run"));
    value_set_str(s->a, &request, "job", s->r->spec->job->plan->job->id);
    value_set_str(s->a, &request, "image", s->use->image);
    value_set_str(s->a, &request, "workdir", STR("/github/workspace"));
    value_set_str(s->a, &request, "network", value_path_str(&s->r->job, "container.network"));
    if (containers_add_relay(s, &request, e) < 0) return e->code;
    add_env(s, all, &x->env, &request);
    if (add_arguments(s, x->inputs, &request, e) < 0 || add_binds(s, all, &request, e) < 0)
        return e->code;
    if (s->r->matchers) matcher_reset(s->r->matchers);
    const sandbox_command c = {.on_output = on_output, .on_exit = on_exit_of, .context = x};
    s->environ = none; /* from now on the step's files count */
    s->cwd = s->r->workspace;
    return containers_ask(s, &request, -1, &c, e);
}

/* ---- the image ------------------------------------------------------------------------------- */

static void on_image_output(void *context, str bytes) {
    containers_output(((container_run *)context)->s, bytes);
}

static void on_image(void *context, int status, const char *why) {
    container_run *x = context;
    step *s = x->s;
    lane *l = s->lane;
    err e = {0};
    s->process = NULL;
    output_group_end(s);
    s->use->image = arena_str(s->r->a, s->use->image);
    if (status == 0 && !s->cancel && run(x, &e) == 0) return;
    if (status == 0 && !s->cancel) step_fail(s, &e);
    if (status != 0 && why && !s->cancel) output_error(s, "%s", why);
    if (status != 0) s->use->image = STR_EMPTY;
    s->result = STEP_FAILURE;
    step_end(s);
    lane_go(l);
}

/* The folder is opened as the job sees it, so that no link leads out of it. */
static int open_context(step *s, const char *dockerfile, str *ret_name, err *e) {
    str path = str_from(dockerfile);
    ptrdiff_t slash = str_rfind_char(path, '/');
    const char *dir = arena_cstr(s->a, str_sub(path, 0, (size_t)slash));
    struct stat st;
    *ret_name = str_sub(path, (size_t)slash + 1, path.len);
    if (!view_stat(job_files(s->r), dockerfile, &st))
        return err_set(e, ERR_NOT_FOUND, "File not found: '%s'", dockerfile);
    int fd = view_open(job_files(s->r), dir, O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? err_sys(e, errno, "cannot read '%s'", dir) : fd;
}

static int build(container_run *x, const sandbox_command *c, err *e) {
    step *s = x->s;
    value request = value_object_new(s->a, true);
    const char *dockerfile = fs_join(s->a, s->use->dir, s->use->act->image);
    str name;
    int dir = open_context(s, dockerfile, &name, e);
    if (dir < 0) return dir;
    output_group(s, STR("Building docker image"));
    output_logf(s, LOG_PLAIN, "Dockerfile for action: '%s'.", dockerfile);
    s->use->image = arena_printf(s->r->a, "localhost/slipway-action:%lx-%d",
                                 (unsigned long)getpid(), ++s->r->next_file);
    value_set_str(s->a, &request, "do", STR("build"));
    value_set_str(s->a, &request, "job", s->r->spec->job->plan->job->id);
    value_set_str(s->a, &request, "dockerfile", name);
    value_set_str(s->a, &request, "image", s->use->image);
    int code = containers_ask(s, &request, dir, c, e);
    close(dir);
    return code;
}

static int pull(container_run *x, const sandbox_command *c, str image, err *e) {
    step *s = x->s;
    value request = value_object_new(s->a, true);
    s->use->image = str_sub(image, sizeof "docker://" - 1, image.len);
    output_group(s, arena_printf(s->a, "Pull down action image '%.*s'", STR_ARG(s->use->image)));
    value_set_str(s->a, &request, "do", STR("pull"));
    value_set_str(s->a, &request, "image", s->use->image);
    return containers_ask(s, &request, -1, c, e);
}

static int have_image(container_run *x, err *e) {
    const sandbox_command c = {.on_output = on_image_output, .on_exit = on_image, .context = x};
    str image = x->s->use->act->image;
    if (str_eq_nocase(str_sub(image, 0, sizeof "docker://" - 1), STR("docker://")))
        return pull(x, &c, image, e);
    str last = str_sub(image, (size_t)(str_rfind_char(image, '/') + 1), image.len);
    bool dockerfile = str_eq_nocase(str_sub(last, 0, 11), STR("Dockerfile.")) ||
                      (last.len >= 10 &&
                       str_eq_nocase(str_sub(last, last.len - 10, last.len), STR("Dockerfile")));
    if (dockerfile) return build(x, &c, e);
    return err_set(e, ERR_INVALID,
                   "'image: %.*s' is neither 'docker://IMAGE' nor the path of a Dockerfile",
                   STR_ARG(image));
}

/* `runs.env` is weaker than the step's. */
static int gather_env(step *s, const value *variables, value *ret, err *e) {
    value given = VALUE_NULL_INIT, more = value_object_new(s->a, true);
    const token *t = s->use->act->env;
    if (t && token_eval(s->a, t, &s->eval, &given, e) < 0) return e->code;
    for (size_t i = 0; i < value_count(&given); i++) {
        const value_pair *p = value_at(&given, i);
        if (!value_get(&s->env, p->key))
            value_set(s->a, &more, p->key, value_string(context_text(s->a, &p->item)));
    }
    value_set_all(s->a, &more, variables);
    *ret = context_container_env(s, &more);
    return 0;
}

/* The engine mounts the job's folder, where a job with snapshots has layers, and not its files. */
static int refuse_layers(const step *s, err *e) {
    if (!s->r->spec->snapshots || s->r->backend != SANDBOX_NAMESPACES) return 0;
    return err_set(e, ERR_UNSUPPORTED,
                   "a container action cannot see the files of a job of which snapshots are kept; "
                   "run it without --debug");
}

bool step_run_container(step *s, const value *inputs, const value *variables) {
    container_run *x = ARENA_NEW(s->a, container_run);
    value *kept = ARENA_NEW(s->a, value);
    err e = {0};
    *kept = *inputs;
    *x = (container_run){.s = s, .inputs = kept};
    int code = refuse_layers(s, &e);
    if (code == 0) code = gather_env(s, variables, &x->env, &e);
    if (code == 0) code = s->use->image.len ? run(x, &e) : have_image(x, &e);
    if (code == 0) {
        step_watch_time(s);
        return false;
    }
    output_group_end(s);
    step_fail(s, &e);
    step_end(s);
    return true;
}
