/* `run:` steps: a script in a file, and the shell that runs it. */
#include "runner/job.h"

#include "base/fs.h"

/* What the step says, else, for steps of the job itself, what `defaults.run` says. */
static int setting(step *s, const token *own, const char *key, str *ret, err *e) {
    *ret = STR_EMPTY;
    if (own && token_eval_str(s->a, own, &s->eval, ret, e) < 0) return e->code;
    if (!ret->len && !step_is_embedded(s)) *ret = value_path_str(&s->r->defaults_run, key);
    return 0;
}

/* Most steps of a job share one shell and one PATH: that one is looked up once. */
static int find_shell(step *s, str option, shell *ret, err *e) {
    runner *r = s->r;
    str path = context_path(s);
    const view *files = r->backend == SANDBOX_ENGINE ? NULL : job_files(r);
    if (r->shell_known && str_eq(r->shell_option, option) && str_eq(r->shell_path, path)) {
        *ret = r->shell;
        return 0;
    }
    if (shell_resolve(r->shell_known ? s->a : r->a, files, option, path, ret, e) < 0)
        return e->code;
    if (r->shell_known) return 0;
    r->shell_known = true;
    r->shell = *ret;
    r->shell_option = arena_str(r->a, option);
    r->shell_path = arena_str(r->a, path);
    return 0;
}

static void tell_environment(step *s) {
    if (!value_count(&s->env)) return;
    output_log(s, LOG_PLAIN, STR("env:"));
    for (size_t i = 0; i < value_count(&s->env); i++) {
        const value_pair *p = value_at(&s->env, i);
        output_logf(s, LOG_PLAIN, "  %.*s: %.*s", STR_ARG(p->key), STR_ARG(p->item.string));
    }
}

static void tell_script(step *s, str script, const shell *sh) {
    str first = str_trim(script), rest;
    str_cut(first, '\n', &first, &rest);
    output_group(s, arena_printf(s->a, "Run %.*s", STR_ARG(str_trim(first))));
    while (script.len && (script.ptr[script.len - 1] == '\n' || script.ptr[script.len - 1] == '\r'))
        script.len--;
    output_log(s, LOG_COMMAND, script);
    output_logf(s, LOG_PLAIN, "shell: %.*s", STR_ARG(sh->display));
    tell_environment(s);
    output_group_end(s);
}

static int write_script(step *s, const shell *sh, str script, char **ret, err *e) {
    runner *r = s->r;
    lane *l = s->lane;
    if (!l->script || !str_eq(l->script_extension, sh->extension)) {
        str name = arena_printf(r->a, "script-%d%.*s", r->next_file++, STR_ARG(sh->extension));
        l->script = fs_join(r->a, r->temp, name);
        l->script_extension = sh->extension;
    }
    *ret = l->script; /* nobody reads the last one any more: its step has ended */
    return view_write(job_files(r), l->script, shell_script(s->a, sh, script), e);
}

bool step_run_script(step *s) {
    err e = {0};
    str script, option, folder;
    shell sh;
    char *file;
    if (token_eval_str(s->a, s->model->run, &s->eval, &script, &e) < 0 ||
        setting(s, s->model->shell, "shell", &option, &e) < 0 ||
        setting(s, s->model->working_directory, "working-directory", &folder, &e) < 0 ||
        find_shell(s, option, &sh, &e) < 0 || write_script(s, &sh, script, &file, &e) < 0) {
        step_fail(s, &e);
        step_end(s);
        return true;
    }
    tell_script(s, script, &sh);
    str cwd = fs_normalize(s->a, str_from(fs_join(s->a, s->r->workspace, folder)));
    return step_spawn(s, shell_argv(s->a, &sh, file), arena_cstr(s->a, cwd), NULL);
}
