#include "base/fs.h"
#include "base/loop.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/scan_job.h"
#include "cli/scan_known.h"
#include "cli/style.h"
#include "scan/changes.h"
#include "scan/history.h"
#include "scan/scanner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_AFTER_MS 500
#define FEW_FILES         200 /* not worth a second for compiling rules */

/* ---- progress ------------------------------------------------------------------------------ */

static void show_progress(void *context, size_t done, size_t count) {
    scan_job *j = context;
    if (loop_now_ms() - j->began_ms < PROGRESS_AFTER_MS) return;
    j->shows_progress = true;
    const char *what = j->of_history ? "versions of files" : "files";
    if (count)
        fprintf(stderr, "\r%zu of %zu %s\033[K", done, count, what);
    else
        fputs("\rreading commits\033[K", stderr);
}

static void begin_progress(scan_job *j) {
    style st = style_of(STDERR_FILENO);
    j->began_ms = loop_now_ms();
    if (!st.terminal) return;
    j->how.progress = show_progress;
    j->how.context = j;
}

static void end_progress(scan_job *j) {
    if (j->shows_progress) fputs("\r\033[K", stderr);
    j->shows_progress = false;
}

/* ---- one scan ------------------------------------------------------------------------------ */

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
                        .quick = source->count <= FEW_FILES,
                        .versions = source->versions};
    const char **vex;
    setup.vex_count = options_values(j->given, "vex", &vex);
    setup.vex = vex;
    setup.cache = scan_where_folder(j, "rules");
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

/* ---- a change: now and before -------------------------------------------------------------- */

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

/* ---- the ways ------------------------------------------------------------------------------ */

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
    if (r == 0) scan_policy_tell_changed(j, changes.now, ret);
    return r;
}

static int scan_staged(scan_job *j, scan_report *ret, err *e) {
    scan_changes changes;
    if (need_git(j, "staged", e) < 0 ||
        scan_changes_staged(j->a, j->root, j->below, scan_where_index(j), j->how.max_file_bytes,
                            &changes, e) < 0)
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
    scan_where_cache(j, "");
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
    scan_where_cache(j, since ? "history since" : "history");
    j->of_history = true;
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

int scan_ways_run(scan_job *j, bool *ret_whole, scan_report *ret, err *e) {
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
    scan_where_cache_done(j);
    for (size_t i = 0; r == 0 && i < ret->warnings.count; i++)
        console_warning("%.*s", STR_ARG(ret->warnings.items[i].message));
    return r;
}
