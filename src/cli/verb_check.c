#include "agent/repo.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/check_report.h"
#include "cli/run.h"
#include "cli/settings_file.h"
#include "workflow/check.h"
#include "workflow/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_ERRORS_MAX 1000
#define ACTION_DEPTH_MAX 12

typedef struct checker {
    arena *a;
    char *root, *cwd;
    sources *sources;
    problem_list problems;
    size_t invalid; /* errors for which GitHub refuses a file */
    bool partial;   /* a file did not parse, so that the rules were not tried on it */
    path_list files;
    const lock_file *lock; /* NULL where there is none */
    workflow **workflows;
    size_t workflow_count, workflow_cap;
} checker;

static int read_source(checker *c, const char *path, str *ret, err *e) {
    int r = fs_read(c->a, path, WORKFLOW_FILE_MAX, ret, e);
    if (r == 0) sources_add(c->sources, path, *ret);
    return r;
}

/* Path as it is shown: as seen from where the command was typed. */
static const char *shown(const checker *c, const char *path) {
    return repo_relative(path, c->cwd);
}

/* ---- what a file refers to ------------------------------------------------------------------ */

/* Only what is in the repository is read: what a check finds must not depend on the network or on
 * what this machine happens to have fetched. */
static int local_workflow(void *context, arena *a, str uses, str from, str *ret_source,
                          str *ret_path, err *e) {
    checker *c = context;
    (void)from;
    if (!str_starts(uses, STR("./")) && !str_starts(uses, STR("$/")))
        return err_set(e, ERR_UNSUPPORTED, "it is in another repository");
    char *path = fs_join(a, c->root, str_sub(uses, 2, uses.len));
    const char *name = arena_cstr(c->a, str_from(shown(c, path)));
    int r = read_source(c, name, ret_source, e);
    *ret_path = str_from(name);
    return r;
}

static int local_action(void *context, arena *a, str uses, const action **ret, err *e) {
    checker *c = context;
    if (!str_starts(uses, STR("./")) && !str_starts(uses, STR("$/")))
        return err_set(e, ERR_NOT_FOUND, "it is in another repository");
    char *file = repo_action_file(a, fs_join(a, c->root, str_sub(uses, 2, uses.len)));
    if (!file) return err_set(e, ERR_NOT_FOUND, "there is no action.yml");
    str source;
    action *act;
    int r = fs_read(a, file, WORKFLOW_FILE_MAX, &source, e);
    if (r == 0) r = action_parse(a, source, file, &act, e);
    if (r == 0) *ret = act;
    return r;
}

/* ---- problems ----------------------------------------------------------------------------- */

static void add_problems(checker *c, const problem_list *from) {
    for (size_t i = 0; i < from->count; i++) {
        ARENA_PUSH(c->a, c->problems.items, c->problems.count, c->problems.cap, from->items[i]);
        c->problems.errors += from->items[i].level == SEVERITY_ERROR;
    }
}

/* ---- the lock file -------------------------------------------------------------------------- */

static bool local_steps(void *context, str uses, const workflow_step **ret, size_t *ret_count) {
    checker *c = context;
    const action *act;
    err ignored = {0};
    if (local_action(c, c->a, uses, &act, &ignored) < 0 || act->problems.errors) return false;
    *ret = act->steps;
    *ret_count = act->step_count;
    return true;
}

static bool has_file(void *context, str path) {
    const checker *c = context;
    return fs_exists(fs_join(c->a, c->root, path));
}

/* One that cannot be read is told of, and the workflows are judged without. */
static int check_lock(checker *c, bool all, err *e) {
    char *path = fs_join(c->a, c->root, STR(LOCK_PATH));
    const char *name = shown(c, path);
    lock_file *l;
    str text;
    err why = {0};
    if (!fs_exists(path)) return 0;
    int r = fs_read(c->a, path, LOCK_FILE_MAX, &text, e);
    if (r < 0) return r;
    sources_add(c->sources, name, text);
    problem_list found = {.a = c->a};
    if (lock_parse(c->a, text, name, &l, &why) == 0) {
        c->lock = l;
        if (all) lock_check_file(l, has_file, c, &found);
    } else {
        lock_check_refused(&why, &found);
        c->invalid++;
    }
    add_problems(c, &found);
    return 0;
}

/* ---- slipway.yml ----------------------------------------------------------------------------- */

/* After the workflows, whose jobs it names. */
static int check_settings(checker *c, err *e) {
    const char *name = shown(c, fs_join(c->a, c->root, STR(SETTINGS_FILE)));
    settings *s;
    int r = settings_file_read(c->a, c->sources, c->root, name, &s, e);
    if (r < 0 || !s) return r;
    c->invalid += s->problems.errors;
    add_problems(c, &s->problems);
    problem_list found = {.a = c->a};
    if (!c->partial) settings_check_jobs(s, c->workflows, c->workflow_count, &found);
    add_problems(c, &found);
    path_list_add(&c->files, name);
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The lock file knows workflows by their path from the repository's root. */
static void check_locked(checker *c, const char *path, const workflow *w, problem_list *found) {
    char *real;
    err ignored = {0};
    if (fs_real(c->a, path, &real, &ignored) < 0) return;
    str known = str_from(repo_relative(real, c->root));
    if (str_starts(known, STR(WORKFLOW_FOLDER "/")))
        lock_check_workflow(c->lock, known, w, local_steps, c, found);
}

static int check_workflow_file(checker *c, const char *path, str source, err *e) {
    workflow_options how = {.file = local_workflow, .file_context = c};
    how.limits.max_errors = CHECK_ERRORS_MAX;
    check_options rules = {.action = local_action, .action_context = c};
    workflow *w;
    int r = workflow_parse(c->a, source, path, &how, &w, e);
    if (r < 0) return r;
    problem_list refused = {.a = c->a}, found = {.a = c->a};
    if (w->problems.errors == 0) check_refused(w, &refused);
    if (w->problems.errors == 0) check_workflow(w, &rules, &found);
    if (w->problems.errors == 0 && c->lock) check_locked(c, path, w, &found);
    add_problems(c, &w->problems);
    add_problems(c, &refused);
    add_problems(c, &found);
    ARENA_PUSH(c->a, c->workflows, c->workflow_count, c->workflow_cap, w);
    c->invalid += w->problems.errors + refused.errors;
    c->partial |= w->problems.errors > 0;
    return 0;
}

static int check_action_file(checker *c, const char *path, str source, err *e) {
    check_options rules = {.action = local_action, .action_context = c};
    action *act;
    int r = action_parse(c->a, source, path, &act, e);
    if (r < 0) return r;
    problem_list found = {.a = c->a};
    if (act->problems.errors == 0) check_action(act, &rules, &found);
    add_problems(c, &act->problems);
    add_problems(c, &found);
    c->invalid += act->problems.errors;
    c->partial |= act->problems.errors > 0;
    return 0;
}

static bool is_action_file(const char *path) {
    const char *slash = strrchr(path, '/');
    str name = str_from(slash ? slash + 1 : path);
    return str_is(name, "action.yml") || str_is(name, "action.yaml");
}

static int check_file(checker *c, const char *path, err *e) {
    str source;
    int r = read_source(c, path, &source, e);
    if (r < 0) return r;
    r = is_action_file(path) ? check_action_file(c, path, source, e)
                             : check_workflow_file(c, path, source, e);
    return r < 0 ? err_context(e, "%s", path) : 0;
}

/* ---- which files ---------------------------------------------------------------------------- */

static void find_actions(checker *c, const char *folder, unsigned depth) {
    char *file = repo_action_file(c->a, folder);
    fs_entry *entries;
    size_t count;
    err ignored = {0};
    if (file) path_list_add(&c->files, shown(c, file));
    if (depth == 0 || fs_list(c->a, folder, &entries, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++) {
        bool follow =
            entries[i].is_dir && !entries[i].is_link && !str_is(entries[i].name, "node_modules");
        if (follow) find_actions(c, fs_join(c->a, folder, entries[i].name), depth - 1);
    }
}

static int add_folder(checker *c, const char *folder, size_t *ret_count, err *e) {
    path_list found = {.a = c->a};
    int r = repo_workflows(&found, folder, e);
    for (size_t i = 0; i < found.count; i++)
        path_list_add(&c->files, shown(c, found.items[i]));
    *ret_count = found.count;
    return r;
}

/* A folder that a person names and that holds nothing to check is a mistake, not a success. */
static int add_named_folder(checker *c, const char *folder, err *e) {
    size_t count;
    int r = add_folder(c, folder, &count, e);
    if (r < 0 || count) return r;
    const char *inner = fs_join(c->a, folder, STR(WORKFLOW_FOLDER));
    return err_set(e, ERR_NOT_FOUND, "there is no *.yml file in '%s'%s%s%s", folder,
                   fs_is_dir(inner) ? ": did you mean '" : "", fs_is_dir(inner) ? inner : "",
                   fs_is_dir(inner) ? "'?" : "");
}

static int find_default_files(checker *c, err *e) {
    char *folder = fs_join(c->a, c->root, STR(WORKFLOW_FOLDER));
    if (fs_is_dir(folder)) {
        size_t count;
        int r = add_folder(c, folder, &count, e);
        if (r < 0) return r;
    }
    find_actions(c, c->root, 0);
    find_actions(c, fs_join(c->a, c->root, STR(".github/actions")), ACTION_DEPTH_MAX);
    if (c->files.count) return 0;
    return err_set(e, ERR_NOT_FOUND, "there is no workflow and no action.yml in '%s'", c->root);
}

static int find_files(checker *c, const options *given, err *e) {
    int r = given->arg_count ? 0 : find_default_files(c, e);
    for (size_t i = 0; i < given->arg_count && r == 0; i++) {
        const char *path = given->args[i];
        if (fs_is_dir(path))
            r = add_named_folder(c, path, e);
        else
            path_list_add(&c->files, path);
    }
    return r;
}

static const struct {
    const char *name;
    check_report_fn *write;
} formats[] = {
    {"text", check_report_text}, {"json", check_report_json}, {"sarif", check_report_sarif}};

static check_report_fn *find_format(const options *given, err *e) {
    const char *name = options_value(given, "format");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!strcmp(name ? name : "text", formats[i].name)) return formats[i].write;
    }
    err_set(e, ERR_INVALID, "--format %s: expected text, json or sarif", name);
    return NULL;
}

static int check_all(checker *c, const options *given, err *e) {
    int r = find_files(c, given, e);
    if (r == 0) r = check_lock(c, given->arg_count == 0, e);
    for (size_t i = 0; i < c->files.count && r == 0; i++)
        r = check_file(c, c->files.items[i], e);
    if (r == 0 && given->arg_count == 0) r = check_settings(c, e);
    return r;
}

static int run_check(const options *given) {
    err e = {0};
    checker c = {.a = given->a, .sources = sources_new(given->a)};
    c.problems.a = c.files.a = given->a;
    bool in_git;
    c.root = repo_root(c.a, &in_git);
    char *here = getcwd(NULL, 0);
    if (!here) oom();
    c.cwd = arena_cstr(c.a, str_from(here));
    free(here);
    check_report_fn *write = find_format(given, &e);
    if (!write || check_all(&c, given, &e) < 0) {
        console_error(&e);
        return 2;
    }
    diagnostics_sort(&c.problems);
    check_report report = {.file_count = c.files.count,
                           .problems = &c.problems,
                           .sources = c.sources,
                           .partial = c.partial};
    report_count(&report);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    style st = style_of(STDOUT_FILENO);
    write(&out, &st, &report);
    int written = console_text(strbuf_str(&out));
    if (written != 0 || c.invalid) return 2;
    bool strict = options_has(given, "strict") && report.counts[SEVERITY_WARNING];
    return strict || report.counts[SEVERITY_ERROR] ? 1 : 0;
}

static const option_spec check_options_table[] = {
    {0, "format", "FORMAT", .complete = COMPLETE_WORDS, .words = "text json sarif",
     .help = "How to print what was found: text (the default), json or sarif (2.1.0)."},
    {0, "strict", NULL, .help = "End with status 1 when there are warnings."},
    {0},
};

const verb verb_check = {
    .name = "check",
    .summary = "find what is wrong with workflows and actions",
    .arguments = "[FILE]...",
    .max_args = SIZE_MAX,
    .complete = COMPLETE_FILE,
    .options = check_options_table,
    .help =
        "Reads workflow files and action.yml files, runs nothing, and prints every problem with "
        "its place, the "
        "line, and what to do: what GitHub refuses, and what it would only find while running: "
        "unknown contexts, inputs, outputs and needs, wrong types, shell injection, actions that "
        "are not pinned, jobs that can never run, bad cron lines and globs."
        "\n\n"
        "Without FILE, checks all of .github/workflows, action.yml in the repository's top folder "
        "and those under .github/actions. A FILE named action.yml or action.yaml is an action, a "
        "folder stands for the workflows in it; slipway.yml is read when no FILE is given. Nothing "
        "is fetched: actions and workflows of other "
        "repositories are not looked into.",
    .exits =
        (const verb_pair[]){
            {"0", "nothing was found, or warnings only"},
            {"1", "errors in files that GitHub accepts; warnings, with --strict"},
            {"2", "GitHub or 'slipway run' refuses a file, or the command is invalid"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway check", "Check everything in the repository."},
            {"slipway check --strict .github/workflows/ci.yml", "Check one file; warnings fail."},
            {"slipway check --format sarif > slipway.sarif", "Make a report for code scanning."},
            {0},
        },
    .run = run_check,
};
