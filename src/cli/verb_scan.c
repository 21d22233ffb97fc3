#include "base/fs.h"
#include "base/git.h"
#include "base/rfc3339.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/scan_job.h"
#include "cli/scan_verify.h"

#include <string.h>

#define JOBS_MAX 256

/* ---- options ------------------------------------------------------------------------------- */

static int unknown_level(const char *name, err *e) {
    str names[LEVEL_COUNT + 1];
    for (finding_level l = 0; l < LEVEL_COUNT; l++)
        names[l] = str_from(level_name(l));
    names[LEVEL_COUNT] = STR("none");
    str near = str_nearest(str_from(name), names, LEVEL_COUNT + 1);
    return err_set(e, ERR_INVALID,
                   "--fail-on %s: expected critical, high, medium, low, info or none%s%.*s%s", name,
                   near.len ? " (did you mean '" : "", STR_ARG(near), near.len ? "'?)" : "");
}

static int read_level(const options *given, unsigned *ret, err *e) {
    const char *name = options_value(given, "fail-on");
    finding_level level = LEVEL_LOW;
    if (name && !strcmp(name, "none")) {
        *ret = 0;
        return 0;
    }
    if (name && !level_parse(str_from(name), &level)) return unknown_level(name, e);
    *ret = level + 1;
    return 0;
}

static int read_jobs(const options *given, unsigned *ret, err *e) {
    const char *text = options_value(given, "jobs");
    uint64_t n = 0;
    if (text && (!str_to_uint(str_from(text), JOBS_MAX, &n) || n == 0))
        return err_set(e, ERR_INVALID, "--jobs %s: expected a number from 1 to %d", text, JOBS_MAX);
    *ret = (unsigned)n;
    return 0;
}

/* "100M": bytes, or with K, M or G. */
static int read_size(const options *given, uint64_t *ret, err *e) {
    const char *text = options_value(given, "max-file-size");
    str digits = str_from(text);
    unsigned shift = 0;
    *ret = SCAN_FILE_MAX;
    if (!text) return 0;
    const char *const units = "KMG";
    const char *unit = digits.len ? strchr(units, digits.ptr[digits.len - 1]) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        digits.len--;
    }
    if (str_to_uint(digits, (UINT64_C(4) << 30) >> shift, ret) && *ret) {
        *ret <<= shift;
        return 0;
    }
    return err_set(e, ERR_INVALID,
                   "--max-file-size %s: expected a size up to 4G, such as 500K, 100M or 1G", text);
}

static int read_verify(scan_job *j, err *e) {
    bool any = false;
    if (!options_has(j->given, "verify")) return 0;
    for (size_t i = 0; i < j->kind_count; i++)
        any |= !strcmp(j->kinds[i]->name, "secrets");
    if (!any)
        return err_set(e, ERR_INVALID, "--verify asks about secrets, which --only leaves out");
    j->verifier = secrets_verifier_new(j->a);
    return scan_verify_allowed(e);
}

static int read_options(scan_job *j, err *e) {
    const char **only;
    size_t only_count = options_values(j->given, "only", &only);
    int count = scan_kinds_choose(j->a, only, only_count, &j->kinds, e);
    if (count < 0) return e->code;
    j->kind_count = (size_t)count;
    const char **exclude;
    j->how.exclude_count = options_values(j->given, "exclude", &exclude);
    j->how.exclude = exclude;
    if (read_verify(j, e) < 0 || read_level(j->given, &j->failing, e) < 0 ||
        read_jobs(j->given, &j->how.jobs, e) < 0 ||
        read_size(j->given, &j->how.max_file_bytes, e) < 0)
        return e->code;
    return scan_outputs_choose(j->a, j->given, &j->outputs, e);
}

/* ---- judging and reporting ----------------------------------------------------------------- */

/* A kind that could not do its work (there are no advisories) would have found more. */
static bool has_general_error(const scan_report *r) {
    for (size_t i = 0; i < r->errors.count; i++) {
        if (!r->errors.items[i].path.len) return true;
    }
    return false;
}

/* Entries are judged where all that they could be for was scanned. */
static void judge(scan_job *j, bool whole, scan_report *r) {
    bool tells_unused = whole && !options_has(j->given, "only") && !has_general_error(r);
    bool staged = options_has(j->given, "staged");
    suppressions_apply(j->suppressions, time_today(j->a), tells_unused, r);
    if (staged) { /* what has expired is no matter of a commit */
        size_t kept = 0;
        for (size_t i = 0; i < r->findings.count; i++) {
            if (!str_is(r->findings.items[i].kind, SUPPRESSIONS_KIND))
                r->findings.items[kept++] = r->findings.items[i];
        }
        r->findings.count = kept;
    }
}

static report_head head_of(const scan_job *j, const scan_report *r) {
    const char *category = options_value(j->given, "category");
    report_head head = {.tool = "slipway scan",
                        .root = str_from(j->path),
                        .category = str_from(category ? category : "slipway-scan"),
                        .commits = j->commits,
                        .baseline = j->known_count,
                        .suppressed = r->suppressed.count,
                        .show_suppressed = options_has(j->given, "show-suppressed"),
                        .failing = j->failing,
                        .policy = j->policy,
                        .policy_count = j->policy_count,
                        .security = true};
    const char **kinds = ARENA_ARRAY(j->a, const char *, j->kind_count);
    git_info info;
    err ignored = {0};
    for (size_t i = 0; i < j->kind_count; i++)
        kinds[i] = j->kinds[i]->name;
    head.kinds = kinds;
    head.kind_count = j->kind_count;
    if (!j->in_git || !scan_outputs_want_commit(&j->outputs) ||
        git_inspect(j->a, j->root, &info, &ignored) < 0)
        return head;
    head.commit = info.head;
    head.branch = info.branch;
    head.remote = info.remote_url;
    return head;
}

static int write_baseline(const scan_job *j, const scan_report *r, err *e) {
    const char *path = options_value(j->given, "write-baseline");
    report_head head = head_of(j, r);
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    report_json(&text, r, &head);
    int code = fs_output(path, strbuf_str(&text), e);
    return code < 0 ? err_context(e, "--write-baseline %s", path) : 0;
}

/* A baseline that is written has also what is known already; nothing that is in it counts. */
static int report(scan_job *j, scan_report *r, err *e) {
    bool fails = false;
    bool writes = options_has(j->given, "write-baseline");
    if (writes && write_baseline(j, r, e) < 0) return e->code;
    if (writes) baseline_add(j->known, &r->findings);
    j->known_count += baseline_apply(j->known, &r->findings);
    if (j->verifier) scan_verify(j->verifier, &r->findings);
    for (size_t i = 0; i < r->findings.count; i++)
        fails |= r->findings.items[i].level < j->failing;
    report_head head = head_of(j, r);
    int written = scan_outputs_write(&j->outputs, scan_where_here(j), r, &head);
    return written || r->errors.count ? 2 : fails;
}

static int prepare(scan_job *j, err *e) {
    if (read_options(j, e) < 0 || scan_where_find(j, e) < 0) return e->code;
    return scan_policy_read(j, e);
}

static int run_scan(const options *given) {
    err e = {0};
    scan_job j = {.a = given->a, .given = given};
    scan_report r;
    bool whole = false;
    int status = -1;
    if (prepare(&j, &e) == 0 && scan_ways_run(&j, &whole, &r, &e) == 0) {
        judge(&j, whole, &r);
        status = report(&j, &r, &e);
    }
    if (status >= 0) return status;
    console_error(&e);
    return 2;
}

static const option_spec scan_options_table[] = {
    {0, "only", "KIND,...", true, COMPLETE_NOTHING, .help = "Scan for these kinds only."},
    {0, "staged", NULL,
     .help = "Scan what is staged for the next commit, and report what the commit would add: for a "
             "pre-commit hook."},
    {0, "since", "REV",
     .help = "Scan the files that differ from the merge base of REV and HEAD, and report findings "
             "that were not there."},
    {0, "history", NULL,
     .help = "Scan the files of all commits; with --since, of those of HEAD that REV has not."},
    {0, "baseline", "FILE", true, COMPLETE_FILE,
     .help = "Leave out what this report has: JSON of slipway scan, SARIF, or JSON of gitleaks."},
    {0, "write-baseline", "FILE", .complete = COMPLETE_FILE,
     .help = "Write what was found as a baseline; it does not count any more."},
    {0, "format", "FORMAT", true, COMPLETE_WORDS, "table json sarif junit markdown github openvex",
     "How to print what was found: table (the default), json, sarif (2.1.0), junit, markdown (a "
     "job summary), github (annotations) or openvex (what is known of vulnerabilities)."},
    {'o', "output", "FILE", true, COMPLETE_FILE,
     .help = "Write a report to FILE, in the --format given before it, or as its name tells: "
             ".sarif, .json, .xml (JUnit), .md. The table is printed all the same."},
    {'q', "quiet", NULL, .help = "Print no table."},
    {0, "fail-on", "LEVEL", .complete = COMPLETE_WORDS,
     .words = "critical high medium low info none",
     .help = "End with status 1 for findings of this level and worse (low), or never (none)."},
    {0, "show-suppressed", NULL, .help = "Report suppressed findings, too; they do not count."},
    {0, "exclude", "GLOB", true, COMPLETE_NOTHING,
     .help = "Leave out these files: '*.min.js', 'vendor/'. As in suppressions, paths begin at the "
             "top."},
    {0, "suppressions", "FILE", .complete = COMPLETE_FILE,
     .help = "Read suppressions from this file instead of .slipway/suppressions.yml."},
    {0, "config", "FILE", .complete = COMPLETE_FILE,
     .help = "Read the rules for secrets from this file of gitleaks instead of .gitleaks.toml."},
    {0, "vex", "FILE", true, COMPLETE_FILE,
     .help = "Suppress vulnerabilities that this OpenVEX document says do not affect the project."},
    {0, "verify", NULL,
     .help = "Ask those who issued the secrets that were found whether they are valid: the values "
             "are sent to them. Refused in CI."},
    {0, "no-redact", NULL, .help = "Show secrets as they are, in reports as well."},
    {0, "category", "NAME",
     .help = "Name this scan in SARIF: at GitHub, reports of one category replace each other "
             "(slipway-scan)."},
    {'j', "jobs", "N", .help = "Read with N processes, instead of one for each core."},
    {0, "max-file-size", "SIZE",
     .help = "A larger file is an error: bytes, or with K, M or G (256M)."},
    {0, "no-cache", NULL, .help = "Read unchanged files again."},
    {0},
};

const verb verb_scan = {
    .name = "scan",
    .summary = "find leaked secrets and vulnerable dependencies",
    .arguments = "[PATH|-]",
    .max_args = 1,
    .complete = COMPLETE_FILE,
    .options = scan_options_table,
    .help =
        "Reads the files of a folder (in a git working copy those that git does not ignore), one "
        "file, or stdin (-), and reports what is wrong with them: file, line, how bad it is, and "
        "what to do. Files are read by processes without rights, one a core; a file that has not "
        "changed since the last scan is not read again."
        "\n\n"
        "A comment 'slipway:ignore' or 'slipway:ignore[RULE,...] REASON' on a line, or alone on "
        "the line before, suppresses its findings; .slipway/suppressions.yml does so for files, "
        "rules and packages, with an owner, a reason and a day on which it ends.",
    .exits =
        (const verb_pair[]){
            {"0", "nothing was found, or nothing as bad as --fail-on"},
            {"1", "there are findings"},
            {"2", "a file could not be scanned, or the command is invalid; findings are reported "
                  "all the same"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway scan", "Scan everything in the working copy."},
            {"slipway scan --staged", "Look at the next commit, in .git/hooks/pre-commit."},
            {"slipway scan --since origin/main -o scan.sarif",
             "Report what a branch adds, as a table and for code scanning."},
            {"slipway scan --history", "Look for what was ever committed, on all branches."},
            {"slipway scan --write-baseline .slipway/baseline.json",
             "Accept what there is, and from now on pass --baseline with that file."},
            {0},
        },
    .run = run_scan,
};
