#include "agent/repo.h"
#include "base/fs.h"
#include "base/git.h"
#include "cli/console.h"
#include "cli/diagnostics.h"
#include "cli/gate_evidence.h"
#include "cli/gate_report.h"
#include "cli/options.h"
#include "cli/settings_file.h"
#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_BYTES_MAX (1u << 20)
#define EVENT_BYTES_MAX    (25u << 20)

typedef struct gate_job {
    arena *a;
    const options *given;
    char *root;
    bool in_git;
    gate_policy *policy;
    gate_change change;
    bool has_base; /* it was said what the change is compared with */
    evidence_list now, base;
} gate_job;

/* ---- the policy ------------------------------------------------------------------------------ */

/* A change may bring a weaker gate of its own; the file of another commit is not its to write. */
static int read_policy_of(gate_job *j, const char *rev, str *ret, err *e) {
    str object = arena_printf(j->a, "%s:" SETTINGS_FILE, rev);
    const char *const argv[] = {"git",      "show", "--no-textconv", "--end-of-options",
                                object.ptr, NULL};
    git_call call = {.dir = j->root, .argv = argv, .max_output = SETTINGS_BYTES_MAX};
    git_answer said = {0};
    if (!j->in_git || *rev == '-' || git_ask(j->a, &call, &said, e) < 0 || said.status)
        return err_set(e, ERR_INVALID, "--policy %s: there is no such commit with a " SETTINGS_FILE,
                       rev);
    *ret = said.out;
    return 0;
}

static int read_policy(gate_job *j, err *e) {
    const char *path = fs_join(j->a, j->root, STR(SETTINGS_FILE)), *name = SETTINGS_FILE,
               *rev = options_value(j->given, "policy");
    sources *texts = sources_new(j->a);
    str source = STR_EMPTY;
    if (rev && read_policy_of(j, rev, &source, e) < 0) return e->code;
    if (rev) name = arena_printf(j->a, "%s:" SETTINGS_FILE, rev).ptr;
    if (!rev && fs_exists(path) && fs_read_file(j->a, path, SETTINGS_BYTES_MAX, &source, e) < 0)
        return e->code;
    if (gate_policy_parse(j->a, source, name, &j->policy, e) < 0) return e->code;
    if (!j->policy->problems.count) return 0;
    sources_add(texts, name, source);
    diagnostics_print(STDERR_FILENO, texts, &j->policy->problems);
    return j->policy->problems.errors ? err_set(e, ERR_INVALID, "%s", "") : 0;
}

static int find_gate(const gate_job *j, const char *name, const gate **ret, err *e) {
    *ret = gate_find(j->policy, str_from(name));
    if (*ret) return 0;
    str *names = ARENA_ARRAY(j->a, str, j->policy->count);
    _cleanup_strbuf_ strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < j->policy->count; i++) {
        names[i] = j->policy->gates[i].name;
        strbuf_addf(&all, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    }
    if (!name)
        return err_set(e, ERR_INVALID, "there are several gates, name one of them: %s",
                       strbuf_cstr(&all));
    str near = str_nearest(str_from(name), names, j->policy->count);
    return err_set(e, ERR_NOT_FOUND, "there is no gate '%s'%s%.*s%s; there are: %s", name,
                   near.len ? ": did you mean '" : "", STR_ARG(near), near.len ? "'?" : "",
                   strbuf_cstr(&all));
}

/* ---- the change ------------------------------------------------------------------------------ */

static int run_git(gate_job *j, str *ret, err *e, const char *const *argv) {
    if (git_run(j->a, j->root, NULL, argv, ret, e) < 0) return e->code;
    *ret = str_trim(*ret);
    return 0;
}

static int find_base(gate_job *j, const char *rev, err *e) {
    const char *commit = arena_cstr(j->a, j->change.commit);
    const char *const argv[] = {"git", "merge-base", rev, *commit ? commit : "HEAD", NULL};
    j->has_base = true;
    if (run_git(j, &j->change.base, e, argv) < 0)
        return err_context(e, "--since %s has no commit in common with HEAD", rev);
    str *files;
    if (git_changed(j->a, j->root, j->change.base, j->change.commit, &files, &j->change.file_count,
                    e) < 0)
        return e->code;
    j->change.files = files;
    j->change.files_known = true;
    return 0;
}

/* In a workflow, the event says who opened the pull request, and which commit is reviewed: what is
 * checked out is its merge. */
static void read_event(gate_job *j) {
    const char *given = options_value(j->given, "author"), *path = getenv("GITHUB_EVENT_PATH");
    str text;
    value event;
    err ignored = {0};
    if (path && fs_read(j->a, path, EVENT_BYTES_MAX, &text, &ignored) == 0 &&
        json_parse(j->a, text, 0, &event, &ignored) == 0) {
        j->change.author = value_path_str(&event, "pull_request.user.login");
        j->change.head = value_path_str(&event, "pull_request.head.sha");
    }
    if (given) j->change.author = str_from(given);
}

/* On a pull request's run, GITHUB_BASE_REF is the branch that it goes to. A shallow checkout has
 * not got it: then what asks for it lacks evidence, and the rest can be judged. */
static int find_base_of_event(gate_job *j) {
    const char *branch = getenv("GITHUB_BASE_REF");
    err why = {0};
    if (!branch || !*branch) return 0;
    if (find_base(j, arena_printf(j->a, "origin/%s", branch).ptr, &why) == 0) return 0;
    j->change.base = STR_EMPTY;
    j->change.files_known = false;
    console_warning("what the change differs from is not known: %s; check out with fetch-depth: 0",
                    why.message);
    return 0;
}

/* Outside a working copy a workflow still says which commit it is about. */
static void find_commit(gate_job *j) {
    const char *const head[] = {"git", "rev-parse", "-q", "--verify", "HEAD^{commit}", NULL};
    const char *const name[] = {"git", "branch", "--show-current", NULL};
    const char *event = getenv("GITHUB_SHA");
    err ignored = {0};
    if (!j->change.commit.len && j->in_git && run_git(j, &j->change.commit, &ignored, head) < 0)
        j->change.commit = STR_EMPTY;
    if (!j->change.commit.len && !j->in_git && event) j->change.commit = str_from(event);
    if (!j->in_git || run_git(j, &j->change.branch, &ignored, name) < 0)
        j->change.branch = STR_EMPTY;
}

static int read_change(gate_job *j, err *e) {
    const char *since = options_value(j->given, "since");
    gate_subject about;
    if (gate_subject_read(j->given, &about, e) < 0) return e->code;
    j->change.commit = about.commit;
    j->change.artifact = about.artifact;
    read_event(j);
    find_commit(j);
    if (since && !j->in_git)
        return err_set(e, ERR_INVALID, "--since %s: '%s' is no git repository", since, j->root);
    if (since) return find_base(j, since, e);
    return j->in_git ? find_base_of_event(j) : 0;
}
/* ---- evidence -------------------------------------------------------------------------------- */

static int read_evidence(gate_job *j, err *e) {
    const char **named, **base;
    size_t count = options_values(j->given, "evidence", &named);
    size_t base_count = options_values(j->given, "base", &base);
    gate_subject now = {.commit = j->change.commit, .artifact = j->change.artifact},
                 before = {.commit = j->change.base, .is_base = true, .any = !j->has_base};
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = gate_evidence_add(&j->now, named[i], &now, e);
    if (count == 0)
        r = gate_evidence_find(&j->now, j->root, j->policy->evidence, j->policy->evidence_count,
                               &now, e);
    for (size_t i = 0; i < base_count && r == 0; i++)
        r = gate_evidence_add(&j->base, base[i], &before, e);
    return r;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int put_out(gate_job *j, str text, err *e) {
    const char *path = options_value(j->given, "output");
    if (path) return fs_output(path, text, e);
    return console_text(text) == 0 ? 0 : err_set(e, ERR_IO, "%s", "");
}

/* In a workflow's step the report is also its summary. */
static int put_summary(const gate_report *r, err *e) {
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    style st = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (!path || !*path) return 0;
    gate_report_markdown(&out, &st, r);
    return fs_append(path, strbuf_str(&out), e);
}

static int decide(gate_job *j, gate_report_fn *write, bool *ret_passed, err *e) {
    const gate *g;
    gate_decision decision;
    const char *name = j->given->arg_count ? j->given->args[0] : NULL;
    if (find_gate(j, name, &g, e) < 0 || read_change(j, e) < 0 || read_evidence(j, e) < 0)
        return e->code;
    value facts = gate_facts(j->a, &j->now, &j->base, &j->change);
    gate_decide(j->a, g, &facts, &decision);
    gate_report report = {&decision, &j->now, &j->base, j->change.commit};
    style st = style_of(STDOUT_FILENO);
    if (options_value(j->given, "output")) st = (style){.width = st.width};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    write(&out, &st, &report);
    *ret_passed = decision.passed;
    return put_out(j, strbuf_str(&out), e) < 0 ? e->code : put_summary(&report, e);
}

static int run_tests(gate_job *j, bool *ret_passed, err *e) {
    const char *name = j->given->arg_count > 1 ? j->given->args[1] : NULL;
    const gate *only = NULL;
    style st = style_of(STDOUT_FILENO);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t failed = 0, count = 0;
    if (name && find_gate(j, name, &only, e) < 0) return e->code;
    for (size_t i = 0; i < j->policy->count; i++) {
        const gate *g = &j->policy->gates[i];
        if (only && g != only) continue;
        gate_test_result *results = ARENA_ARRAY(j->a, gate_test_result, g->test_count);
        gate_run_tests(j->a, g, results);
        failed += gate_report_tests(&out, &st, g, results);
        count += g->test_count;
    }
    if (count == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "there are no tests of gates: write them under "
                       "gates.NAME.tests in " SETTINGS_FILE);
    strbuf_addf(&out, "\n%zu passed, %zu failed\n", count - failed, failed);
    *ret_passed = failed == 0;
    return console_text(strbuf_str(&out)) == 0 ? 0 : err_set(e, ERR_IO, "%s", "");
}

static int run_gate(const options *given) {
    gate_job j = {.a = given->a, .given = given, .now.a = given->a, .base.a = given->a};
    err e = {0};
    bool passed = false;
    const char *format = options_value(given, "format");
    gate_report_fn *write = gate_report_find(format ? format : "table");
    bool testing = given->arg_count && strcmp(given->args[0], "test") == 0;
    j.root = repo_root(j.a, &j.in_git);
    int r = write ? read_policy(&j, &e)
                  : err_set(&e, ERR_INVALID,
                            "--format %s: expected table, json, markdown or github", format);
    if (r == 0 && !testing && given->arg_count > 1)
        r = err_set(&e, ERR_INVALID, "one gate at a time");
    if (r == 0) r = testing ? run_tests(&j, &passed, &e) : decide(&j, write, &passed, &e);
    if (r == 0) return passed ? 0 : 1;
    if (e.message[0]) console_error(&e);
    return 2;
}

static const option_spec gate_options[] = {
    {'e', "evidence", "FILE|DIR", .many = true, .complete = COMPLETE_FILE,
     .help = "A report, or a folder of reports, instead of those that 'evidence' in slipway.yml "
             "names. May be given several times."},
    {'b', "base", "FILE|DIR", .many = true, .complete = COMPLETE_FILE,
     .help = "Reports of the commit that the change is compared with."},
    {0, "since", "REV",
     .help = "The branch or commit that the change goes to: files that differ from where the two "
             "parted are the change. In a pull request's run, its base branch."},
    {0, "author", "LOGIN",
     .help = "Who wrote the change and so cannot approve it. In a pull request's run, who opened "
             "it."},
    {0, "commit", "SHA",
     .help = "The commit that is judged, instead of HEAD: evidence of another one is left out."},
    {0, "artifact", "sha256:HEX",
     .help = "The artifact that is judged besides: evidence of another one is left out."},
    {0, "policy", "REV",
     .help = "Read slipway.yml as it is in this commit or branch: what the change itself says of "
             "its gates does not count."},
    {0, "format", "FORMAT", .complete = COMPLETE_WORDS, .words = "table json markdown github",
     .help = "How to print the decision: table (the default), json, markdown or github "
             "(annotations)."},
    {'o', "output", "FILE", .complete = COMPLETE_FILE, .help = "Write it to a file."},
    {0},
};

const verb verb_gate = {
    .name = "gate",
    .summary = "decide from evidence whether a change may go on",
    .arguments = "[NAME] | test [NAME]",
    .max_args = 2,
    .complete = COMPLETE_NOTHING,
    .options = gate_options,
    .help =
        "Reads reports of tests, coverage, scanners, load tests and reviews, and judges the "
        "conditions of a gate in slipway.yml: each with its value, its limit and the evidence that "
        "it used. Evidence that is missing fails the conditions that need it."
        "\n\n"
        "Without gates in slipway.yml there is one, 'default': all tests passed and none vanished, "
        "coverage of 80 % that does not drop by more than a point on the changed files, no new "
        "critical or high finding, no secret, allowed licences, and an approval by somebody else."
        "\n\n"
        "'slipway gate test' runs the cases that are kept beside the gates.",
    .exits =
        (const verb_pair[]){
            {"0", "every condition holds"},
            {"1", "a condition does not hold, or evidence is missing"},
            {"2", "slipway.yml, a report or the command is invalid"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway gate", "Judge the default gate over the reports that slipway.yml names."},
            {"slipway gate merge -e reports --since main",
             "Judge the gate 'merge' over the reports in a folder."},
            {"slipway gate test", "Run the cases of all gates."},
            {0},
        },
    .run = run_gate,
};
