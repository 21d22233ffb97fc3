#include "agent/person.h"
#include "agent/repo.h"
#include "base/fs.h"
#include "base/git.h"
#include "base/hash.h"
#include "base/rfc3339.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/scan_kinds.h"
#include "cli/scan_known.h"
#include "cli/scan_output.h"
#include "cli/scan_verify.h"
#include "cli/settings_file.h"
#include "scan/baseline.h"
#include "scan/changes.h"
#include "scan/history.h"
#include "scan/prune.h"
#include "scan/scanner.h"
#include "scan/source.h"
#include "scan/suppress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER_MS 500
#define JOBS_MAX          256
#define KINDS_MAX         16
#define POLICY_MAX        BASELINE_MAX
#define FEW_FILES         200 /* not worth a second for compiling rules */

typedef struct progress {
    struct timespec began;
    bool shown, of_history;
} progress;

typedef struct scan_job {
    arena *a;
    const options *given;
    const char *path; /* as it was named */
    char *root;       /* the top of its working copy, or else the folder itself */
    str below;        /* where it lies in that, without a '/' at its end; empty: it is the top */
    bool in_git, is_stdin, is_named;
    const scan_kind **kinds;
    size_t kind_count;
    scan_options how;
    unsigned failing;
    scan_outputs outputs;
    baseline *known;
    size_t known_count;
    report_policy *policy; /* files that say what counts */
    size_t policy_count, policy_cap;
    suppressions *suppressions;
    secrets_verifier *verifier; /* NULL without --verify */
    progress progress;
    pid_t pruner;   /* 0: none */
    size_t commits; /* of the history */
    bool told_cache;
    bool warned; /* of what is odd in rules: once, also where two scans are made */
} scan_job;

/* ---- progress ----------------------------------------------------------------------------------
 */

static void show_progress(void *context, size_t done, size_t count) {
    progress *p = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms =
        (int64_t)(now.tv_sec - p->began.tv_sec) * 1000 + (now.tv_nsec - p->began.tv_nsec) / 1000000;
    if (ms < PROGRESS_AFTER_MS) return;
    p->shown = true;
    const char *what = p->of_history ? "versions of files" : "files";
    if (count)
        fprintf(stderr, "\r%zu of %zu %s\033[K", done, count, what);
    else
        fputs("\rreading commits\033[K", stderr);
}

static void begin_progress(scan_job *j) {
    style st = style_of(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &j->progress.began);
    if (!st.terminal) return;
    j->how.progress = show_progress;
    j->how.context = &j->progress;
}

static void end_progress(scan_job *j) {
    if (j->progress.shown) fputs("\r\033[K", stderr);
    j->progress.shown = false;
}

/* ---- options -----------------------------------------------------------------------------------
 */

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

/* ---- where --------------------------------------------------------------------------------------
 */

/* One that somebody else has put in a folder above (/tmp/.git) would bring rules and suppressions
 * of theirs. */
static bool is_repository(arena *a, const char *folder, uid_t owner) {
    struct stat st;
    return lstat(fs_join(a, folder, STR(".git")), &st) == 0 &&
           (st.st_uid == owner || st.st_uid == geteuid());
}

/* The nearest folder at or above an absolute path that has .git. */
static char *find_top(arena *a, const char *path) {
    char *at = arena_cstr(a, str_from(path));
    struct stat st;
    if (stat(path, &st) < 0) return NULL;
    while (at[0]) {
        if (is_repository(a, at, st.st_uid)) return at;
        char *slash = strrchr(at, '/');
        if (!slash || at[1] == '\0') break;
        slash[slash == at ? 1 : 0] = '\0';
    }
    return NULL;
}

/* Paths in reports, and what is made from them, begin at the top of the working copy, whatever of
 * it is scanned. */
static int find_root(scan_job *j, err *e) {
    char *real;
    j->is_named = j->given->arg_count > 0;
    j->path = j->is_named ? j->given->args[0] : ".";
    j->is_stdin = !strcmp(j->path, "-");
    if (fs_real(j->a, j->is_stdin ? "." : j->path, &real, e) < 0)
        return err_set(e, e->code, "there is no file or folder '%s' to scan", j->path);
    j->root = find_top(j->a, real);
    j->in_git = j->root != NULL;
    if (!j->root) j->root = real;
    j->below = strcmp(real, j->root) ? str_from(repo_relative(real, j->root)) : STR_EMPTY;
    if (!j->in_git && !fs_is_dir(real)) {
        char *slash = strrchr(real, '/');
        j->root = arena_cstr(j->a, (str){real, slash == real ? 1 : (size_t)(slash - real)});
        j->below = str_from(slash + 1);
    }
    return 0;
}

/* The folder of the person below the root, with a '/' at its end. */
static str find_here(const scan_job *j) {
    char *cwd;
    err ignored = {0};
    if (fs_real(j->a, ".", &cwd, &ignored) < 0 || !strcmp(cwd, j->root)) return STR_EMPTY;
    const char *inner = repo_relative(cwd, j->root);
    return inner == cwd ? STR_EMPTY : arena_printf(j->a, "%s/", inner);
}

/* Without one, all is read again. */
static const char *find_folder(scan_job *j, const char *name) {
    char *folder;
    err why = {0};
    if (person_cache(j->a, NULL, name, &folder, &why) == 0) return folder;
    if (why.code == ERR_INVALID && !j->told_cache)
        console_warning("nothing is kept for the next scan: %s", why.message);
    j->told_cache = true;
    return NULL;
}

/* Once a day, beside the scan. */
static void begin_pruning(scan_job *j) {
    const char *folder = find_folder(j, "scan");
    int64_t now = (int64_t)time(NULL);
    if (j->pruner || !folder || !scan_prune_due(folder, now)) return;
    pid_t pid = fork();
    if (pid == 0) {
        scan_prune(folder, SCAN_CACHE_BYTES, SCAN_CACHE_AGE_S, now);
        _exit(0);
    }
    j->pruner = pid > 0 ? pid : 0;
}

static void end_pruning(scan_job *j) {
    while (j->pruner && waitpid(j->pruner, NULL, 0) < 0 && errno == EINTR)
        continue;
    j->pruner = 0;
}

/* One a scanned folder and way: a scan forgets what it has not seen. */
static void find_cache(scan_job *j, const char *way) {
    uint8_t digest[32];
    char hex[33];
    if (options_has(j->given, "no-cache") || options_has(j->given, "no-redact") || j->verifier)
        return;
    sha256 *h = sha256_new();
    sha256_add(h, j->root, strlen(j->root) + 1);
    sha256_add(h, way, strlen(way) + 1);
    sha256_add(h, j->below.ptr, j->below.len);
    sha256_end(h, digest);
    hex_encode(digest, 16, hex);
    j->how.cache = find_folder(j, arena_printf(j->a, "scan/%s", hex).ptr);
    if (j->how.cache) begin_pruning(j);
}

/* ---- what is known ------------------------------------------------------------------------------
 */

static int read_baselines(scan_job *j, err *e) {
    const char **paths;
    size_t count = options_values(j->given, "baseline", &paths);
    j->known = baseline_new(j->a);
    for (size_t i = 0; i < count; i++) {
        str text;
        int r = fs_read(j->a, paths[i], BASELINE_MAX, &text, e);
        if (r == 0) r = baseline_read(j->known, text, e);
        if (r < 0) return err_context(e, "--baseline %s", paths[i]);
    }
    return 0;
}

static int read_suppressions(scan_job *j, err *e) {
    const char *given = options_value(j->given, "suppressions");
    const char *kinds[KINDS_MAX] = {0};
    str text;
    for (size_t i = 0; scan_kinds[i].name && i + 1 < KINDS_MAX; i++)
        kinds[i] = scan_kinds[i].name;
    int r = given ? fs_read_file(j->a, given, SUPPRESSIONS_MAX, &text, e)
                  : fs_read_below(j->a, j->root, SUPPRESSIONS_FILE, SUPPRESSIONS_MAX, &text, e);
    if (r == ERR_NOT_FOUND && !given) return 0;
    if (r == 0)
        r = suppressions_parse(j->a, text, given ? given : SUPPRESSIONS_FILE, kinds,
                               &j->suppressions, e);
    return r < 0 && given ? err_context(e, "--suppressions %s", given) : r;
}

static bool looks_for(const scan_job *j, const char *kind) {
    for (size_t i = 0; i < j->kind_count; i++) {
        if (!strcmp(j->kinds[i]->name, kind)) return true;
    }
    return false;
}

/* ---- what decides ------------------------------------------------------------------------------
 */

static void add_policy(scan_job *j, const char *path, str shown) {
    err ignored = {0};
    str text;
    if (fs_read_file(j->a, path, POLICY_MAX, &text, &ignored) < 0) return;
    char hex[65];
    sha256_hex(text, hex);
    report_policy one = {shown, arena_str(j->a, str_from(hex))};
    ARENA_PUSH(j->a, j->policy, j->policy_count, j->policy_cap, one);
}

/* Who reads a report must see that something of the checkout has decided what is in it. */
static void find_policy(scan_job *j) {
    static const struct {
        const char *option, *name, *kind;
    } files[] = {{"config", ".gitleaks.toml", "secrets"},
                 {NULL, ".gitleaksignore", "secrets"},
                 {NULL, SETTINGS_FILE, "licenses"},
                 {"suppressions", SUPPRESSIONS_FILE, NULL},
                 {"baseline", NULL, NULL},
                 {"vex", NULL, "deps"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool given = false;
        if (files[i].kind && !looks_for(j, files[i].kind)) continue;
        for (size_t k = 0; files[i].option && k < j->given->given_count; k++) {
            const option_given *o = &j->given->given[k];
            if (strcmp(o->spec->name, files[i].option) != 0) continue;
            add_policy(j, o->value, str_from(o->value));
            given = true;
        }
        if (!given && files[i].name)
            add_policy(j, fs_join(j->a, j->root, str_from(files[i].name)), str_from(files[i].name));
    }
}

static bool is_policy(const scan_job *j, str path) {
    for (size_t i = 0; i < j->policy_count; i++) {
        if (str_eq(j->policy[i].path, path)) return true;
    }
    return false;
}

/* A change may excuse itself. */
static void tell_changed_policy(const scan_job *j, const scan_source *changed, scan_report *r) {
    for (size_t i = 0; i < changed->count; i++) {
        str path = changed->path(changed, i);
        if (!is_policy(j, path)) continue;
        finding f = {.kind = STR(SUPPRESSIONS_KIND),
                     .level = LEVEL_INFO,
                     .rule = STR("changed-policy"),
                     .title = STR("Change of what counts"),
                     .message =
                         arena_printf(j->a, "the change is judged by its own %.*s", STR_ARG(path)),
                     .help = STR("Review it, or judge by a file from elsewhere: --config, "
                                 "--suppressions."),
                     .path = path};
        finding_identify(j->a, &f, STR_EMPTY);
        finding_list_add(&r->findings, &f);
    }
}

/* ---- scanning -----------------------------------------------------------------------------------
 */

/* Scans for these kinds of the job. */
static int scan_kinds_with(scan_job *j, const scan_kind *const *kinds, size_t kind_count,
                           scan_source *source, const scan_options *how, scan_report *ret, err *e) {
    scan_setup setup = {.a = j->a,
                        .root = j->root,
                        .config = options_value(j->given, "config"),
                        .verifier = j->verifier,
                        /* A hook that refuses all commits until they are imported is taken out. */
                        .optional_advisories =
                            options_has(j->given, "staged") && !options_has(j->given, "only"),
                        .no_redact = options_has(j->given, "no-redact"),
                        .quick = source->count <= FEW_FILES};
    const char **vex;
    setup.vex_count = options_values(j->given, "vex", &vex);
    setup.vex = vex;
    setup.cache = find_folder(j, "rules");
    scanner **scanners = NULL;
    int r = scan_kinds_make(&setup, kinds, kind_count, &scanners, e);
    if (r == 0 && !j->warned) scan_kinds_warn(kinds, kind_count, scanners);
    if (r == 0) r = scan_run(j->a, source, scanners, kind_count, how, ret, e);
    scan_kinds_free(kinds, kind_count, scanners);
    return r;
}

static int scan_with(scan_job *j, scan_source *source, const scan_options *how, scan_report *ret,
                     err *e) {
    int r = scan_kinds_with(j, j->kinds, j->kind_count, source, how, ret, e);
    j->warned = true;
    return r;
}

static scan_options how_of_before(const scan_job *j) {
    scan_options how = j->how;
    how.cache = NULL;
    how.progress = NULL;
    return how;
}

/* What a scan of the files before finds is known. What a comment suppressed then is not: it counts
 * when the comment goes. Errors are of files that nobody can mend any more. */
static int scan_changed_files(scan_job *j, const scan_kind *const *kinds, size_t kind_count,
                              const scan_changes *changes, scan_report *ret, err *e) {
    scan_options how = how_of_before(j);
    scan_source *source;
    scan_report before;
    int r = scan_kinds_with(j, kinds, kind_count, changes->now, &j->how, ret, e);
    if (r < 0 || !ret->findings.count) return r;
    str warning;
    j->warned = true;
    r = scan_changes_before(changes, &source, &warning, e);
    if (r == 0) r = scan_kinds_with(j, kinds, kind_count, source, &how, &before, e);
    if (r < 0) return r;
    scan_error w = {.path = STR_EMPTY, .message = warning};
    if (warning.len) scan_error_add(&ret->warnings, &w);
    suppressions_apply(NULL, STR_EMPTY, false, &before);
    baseline_add(j->known, &before.findings);
    return 0;
}

/* Of kinds that read files together all of them are read, now and before; what is said of a package
 * that was said of it before, wherever it was named, is known. */
static int scan_changed_together(scan_job *j, const scan_kind *const *kinds, size_t kind_count,
                                 const scan_changes *changes, scan_report *ret, err *e) {
    scan_options how = how_of_before(j);
    scan_source *source;
    scan_report now, before;
    if (!kind_count || !scan_changes_touch(changes, kinds[0]->together)) return 0;
    int r = scan_changes_all_now(changes, kinds[0]->together, &source, e);
    if (r == 0) r = scan_kinds_with(j, kinds, kind_count, source, &how, &now, e);
    if (r == 0 && now.findings.count) {
        str warning = STR_EMPTY;
        r = scan_changes_all_before(changes, kinds[0]->together, &source, &warning, e);
        if (r == 0) r = scan_kinds_with(j, kinds, kind_count, source, &how, &before, e);
        scan_error w = {.path = STR_EMPTY, .message = warning};
        if (r == 0 && warning.len) scan_error_add(&ret->warnings, &w);
        if (r == 0) suppressions_apply(NULL, STR_EMPTY, false, &before);
        if (r == 0) j->known_count += scan_drop_known(&now.findings, &before.findings);
    }
    for (size_t i = 0; r == 0 && i < now.findings.count; i++)
        finding_list_add(&ret->findings, &now.findings.items[i]);
    for (size_t i = 0; r == 0 && i < now.warnings.count; i++)
        scan_error_add(&ret->warnings, &now.warnings.items[i]);
    for (size_t i = 0; r == 0 && i < now.errors.count; i++) { /* of other files: known as well */
        const scan_error *error = &now.errors.items[i];
        if (!error->path.len || scan_changes_has(changes, error->path))
            scan_error_add(&ret->errors, error);
    }
    if (r == 0) finding_list_sort(&ret->findings, ORDER_PLACE);
    return r;
}

static int scan_changed(scan_job *j, const scan_changes *changes, scan_report *ret, err *e) {
    const scan_kind **alone = ARENA_ARRAY(j->a, const scan_kind *, j->kind_count),
                    **together = ARENA_ARRAY(j->a, const scan_kind *, j->kind_count);
    size_t alone_count = 0, together_count = 0;
    for (size_t i = 0; i < j->kind_count; i++) {
        if (j->kinds[i]->together)
            together[together_count++] = j->kinds[i];
        else
            alone[alone_count++] = j->kinds[i];
    }
    int r = scan_changed_files(j, alone, alone_count, changes, ret, e);
    return r < 0 ? r : scan_changed_together(j, together, together_count, changes, ret, e);
}

static int need_git(const scan_job *j, const char *option, err *e) {
    return j->in_git && !j->is_stdin
               ? 0
               : err_set(e, ERR_INVALID, "--%s works in a git working copy only", option);
}

static int scan_since(scan_job *j, scan_report *ret, err *e) {
    const char *since = options_value(j->given, "since");
    scan_changes changes;
    if (need_git(j, "since", e) < 0 ||
        scan_changes_since(j->a, j->root, j->below, since, j->how.max_file_bytes, &changes, e) < 0)
        return e->code;
    int r = scan_changed(j, &changes, ret, e);
    if (r == 0) tell_changed_policy(j, changes.now, ret);
    return r;
}

/* That of a hook, where it is of the repository that is scanned. */
static const char *find_index(const scan_job *j) {
    const char *index = cli_index_file();
    char *cwd, *top;
    err ignored = {0};
    if (!index || fs_real(j->a, ".", &cwd, &ignored) < 0) return NULL;
    top = find_top(j->a, cwd);
    return top && !strcmp(top, j->root) ? index : NULL;
}

static int scan_staged(scan_job *j, scan_report *ret, err *e) {
    scan_changes changes;
    if (need_git(j, "staged", e) < 0 || scan_changes_staged(j->a, j->root, j->below, find_index(j),
                                                            j->how.max_file_bytes, &changes, e) < 0)
        return e->code;
    return scan_changed(j, &changes, ret, e);
}

static int scan_stdin(scan_job *j, scan_report *ret, err *e) {
    str text;
    int r = fs_read_stdin(j->a, j->how.max_file_bytes, &text, e);
    if (r < 0) return r;
    return scan_with(j, scan_source_text(j->a, STR("stdin"), text), &j->how, ret, e);
}

static bool is_bare(arena *a, const char *folder) {
    return fs_is_dir(fs_join(a, folder, STR("objects"))) &&
           fs_is_dir(fs_join(a, folder, STR("refs"))) && fs_exists(fs_join(a, folder, STR("HEAD")));
}

static int scan_tree(scan_job *j, scan_report *ret, err *e) {
    scan_source *source;
    str prefix = STR_EMPTY, folder = j->below;
    if (is_bare(j->a, j->path))
        return err_set(e, ERR_INVALID,
                       "'%s' is a git repository without files: --history scans what is in it",
                       j->path);
    if (folder.len && !fs_is_dir(j->path)) {
        ptrdiff_t slash = str_rfind_char(folder, '/');
        folder = slash < 0 ? STR_EMPTY : str_sub(folder, 0, (size_t)slash);
    }
    if (folder.len) prefix = arena_printf(j->a, "%.*s/", STR_ARG(folder));
    find_cache(j, "");
    int r = scan_source_tree_at(j->a, j->path, prefix, &source, e);
    return r < 0 ? r : scan_with(j, source, &j->how, ret, e);
}

/* Of kinds that were not asked for by name, those that make sense. */
static int choose_of_history(scan_job *j, err *e) {
    size_t kept = 0;
    for (size_t i = 0; i < j->kind_count; i++) {
        if (j->kinds[i]->of_history)
            j->kinds[kept++] = j->kinds[i];
        else if (options_has(j->given, "only"))
            return err_set(e, ERR_INVALID,
                           "--history --only %s: only the newest versions of files are read for "
                           "that; leave --history out",
                           j->kinds[i]->name);
    }
    j->kind_count = kept;
    return 0;
}

static int scan_history_of(scan_job *j, scan_report *ret, err *e) {
    const char *since = options_value(j->given, "since");
    scan_history history;
    if (j->is_stdin) return need_git(j, "history", e);
    if (choose_of_history(j, e) < 0) return e->code;
    find_cache(j, since ? "history since" : "history");
    j->progress.of_history = true;
    int r = scan_source_history(j->a, j->root, j->below, since, &j->how, &history, e);
    if (r == 0) j->commits = history.commits;
    return r < 0 ? r : scan_with(j, history.source, &j->how, ret, e);
}

/* What is scanned, by the option that asks for it; the last one is the working copy itself. */
static const struct {
    const char *option;
    int (*scan)(scan_job *j, scan_report *ret, err *e);
} ways[] = {{"history", scan_history_of}, {"staged", scan_staged}, {"since", scan_since}};

#define WAY_COUNT (sizeof ways / sizeof *ways)

static int scan(scan_job *j, bool *ret_whole, scan_report *ret, err *e) {
    size_t way = WAY_COUNT;
    for (size_t i = 0; i < WAY_COUNT; i++) {
        if (!options_has(j->given, ways[i].option)) continue;
        if (way == 0 && ways[i].scan == scan_since) continue; /* --history --since */
        if (way < WAY_COUNT)
            return err_set(e, ERR_INVALID, "--%s and --%s exclude each other", ways[way].option,
                           ways[i].option);
        way = i;
    }
    /* A commit is one of the whole repository, wherever the person stands. */
    if (way < WAY_COUNT && !j->is_named) j->below = STR_EMPTY;
    *ret_whole = way == WAY_COUNT && !j->is_stdin && !j->below.len;
    begin_progress(j);
    int r = way < WAY_COUNT ? ways[way].scan(j, ret, e)
            : j->is_stdin   ? scan_stdin(j, ret, e)
                            : scan_tree(j, ret, e);
    end_progress(j);
    end_pruning(j);
    for (size_t i = 0; r == 0 && i < ret->warnings.count; i++)
        console_warning("%.*s", STR_ARG(ret->warnings.items[i].message));
    return r;
}

/* ---- judging and reporting
 * ----------------------------------------------------------------------- */

static str today(arena *a) {
    char text[11];
    time_today(text);
    return arena_str(a, str_from(text));
}

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
    suppressions_apply(j->suppressions, today(j->a), tells_unused, r);
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
    int written = scan_outputs_write(&j->outputs, find_here(j), r, &head);
    return written || r->errors.count ? 2 : fails;
}

static int prepare(scan_job *j, err *e) {
    if (read_options(j, e) < 0 || find_root(j, e) < 0 || read_baselines(j, e) < 0 ||
        read_suppressions(j, e) < 0)
        return e->code;
    find_policy(j);
    return 0;
}

static int run_scan(const options *given) {
    err e = {0};
    scan_job j = {.a = given->a, .given = given};
    scan_report r;
    bool whole = false;
    int status = -1;
    if (prepare(&j, &e) == 0 && scan(&j, &whole, &r, &e) == 0) {
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
