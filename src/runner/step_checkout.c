/* actions/checkout of the repository being run. It is not the action that runs: the port fills the
 * workspace from the repository on this machine, with changes that are not committed. What the
 * action promises is kept: its inputs, its outputs, the state in which git is found.
 * https://github.com/actions/checkout */
#include "runner/job.h"

#include "base/fs.h"
#include "base/git.h"

#include <string.h>

#define PATTERNS_MAX 1000

bool step_is_own_checkout(const step *s, const value *inputs) {
    str repository = value_path_str(inputs, "repository");
    return !repository.len || str_eq_nocase(repository, value_path_str(&s->github, "repository"));
}

/* Whether the step asks for what is being run anyway. */
static bool is_current_ref(const value *github, str ref) {
    static const char *const keys[] = {"ref", "ref_name", "sha", "head_ref"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (str_eq(ref, value_path_str(github, keys[i]))) return true;
    }
    return ref.len == 0 || str_eq(ref, value_path_str(github, "event.pull_request.head.sha"));
}

/* The output `ref`: as it was given; what the event has, with its whole name; nothing for a commit.
 */
static str ref_output(step *s, str ref) {
    str current = value_path_str(&s->github, "ref");
    if (ref.len) return git_is_id(ref) ? STR_EMPTY : ref;
    if (!current.len || str_starts(current, STR("refs/"))) return current;
    return arena_printf(s->a, "refs/heads/%.*s", STR_ARG(current));
}

/* `path:` must stay inside the workspace. */
static int find_folder(step *s, str path, char **ret, err *e) {
    str root = str_from(s->r->workspace);
    str full = fs_normalize(s->a, str_from(fs_join(s->a, s->r->workspace, path)));
    if (!str_eq(full, root) && !str_starts(full, arena_printf(s->a, "%s/", s->r->workspace)))
        return err_set(e, ERR_INVALID, "Repository path '%.*s' is not under '%s'", STR_ARG(full),
                       s->r->workspace);
    *ret = arena_cstr(s->a, full);
    return 0;
}

static bool is_given(const value *inputs, const char *name, const char *text) {
    return str_eq_nocase(str_trim(value_path_str(inputs, name)), str_from(text));
}

/* One pattern a line. */
static int read_sparse(step *s, str text, const char *const **ret, err *e) {
    const char **patterns = ARENA_ARRAY(s->a, const char *, PATTERNS_MAX + 1);
    size_t count = 0;
    str line;
    while (str_line(&text, &line)) {
        line = str_trim(line);
        if (!line.len) continue;
        if (count == PATTERNS_MAX)
            return err_set(e, ERR_LIMIT, "'sparse-checkout' has more than %d patterns",
                           PATTERNS_MAX);
        patterns[count++] = arena_cstr(s->a, line);
    }
    *ret = count ? patterns : NULL;
    return 0;
}

static int read_inputs(step *s, const value *inputs, runner_checkout *ret, err *e) {
    char *into = NULL;
    str ref = str_trim(value_path_str(inputs, "ref"));
    *ret = (runner_checkout){
        .files = job_files(s->r),
        .workspace = s->r->workspace,
        .keep = is_given(inputs, "clean", "false"),
        .submodules =
            is_given(inputs, "submodules", "true") || is_given(inputs, "submodules", "recursive"),
        .lfs = is_given(inputs, "lfs", "true"),
        .cone = !is_given(inputs, "sparse-checkout-cone-mode", "false"),
        .ref = is_current_ref(&s->github, ref) ? STR_EMPTY : ref,
        .head = value_path_str(&s->github, "ref"),
        .commit = value_path_str(&s->github, "sha"),
    };
    if (read_sparse(s, value_path_str(inputs, "sparse-checkout"), &ret->sparse, e) < 0 ||
        find_folder(s, value_path_str(inputs, "path"), &into, e) < 0)
        return e->code;
    ret->into = into;
    s->checked_out = ref_output(s, ref);
    return 0;
}

static void on_checked_out(void *context, const err *e) {
    step *s = context;
    lane *l = s->lane;
    s->copies = false;
    if (e && !s->cancel) step_fail(s, e);
    if (!e) {
        step_set_output(s, STR("ref"), s->checked_out);
        step_set_output(s, STR("commit"), s->checked_out_commit);
    }
    step_end(s);
    lane_go(l);
}

static void tell_copy(step *s, const runner_checkout *what, str below) {
    const char *root = s->r->spec->repo_root, *to = below.len ? "./" : "the workspace";
    str commit = s->checked_out_commit;
    if (!root)
        output_logf(s, LOG_PLAIN, "Checking out '%.*s' (%.*s) to %s%.*s",
                    STR_ARG(what->ref.len ? what->ref : what->head), STR_ARG(commit), to,
                    STR_ARG(below));
    else if (what->ref.len)
        output_logf(s, LOG_PLAIN, "Checking out '%.*s' (%.*s) of '%s' to %s%.*s",
                    STR_ARG(what->ref), STR_ARG(commit), root, to, STR_ARG(below));
    else
        output_logf(s, LOG_PLAIN, "Copying the working tree of '%s' to %s%.*s", root, to,
                    STR_ARG(below));
}

int step_checkout(step *s, const value *inputs, err *e) {
    runner *r = s->r;
    runner_checkout *what = ARENA_NEW(s->a, runner_checkout);
    if (read_inputs(s, inputs, what, e) < 0) return e->code;
    str below = str_sub(str_from(what->into), strlen(r->workspace) + 1, strlen(what->into));
    int code =
        r->port.checkout(r->port.context, what, &s->checked_out_commit, on_checked_out, s, e);
    if (code < 0) return code;
    tell_copy(s, what, below);
    s->copies = true;
    step_watch_time(s);
    return 0;
}
