#include "base/json.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "scan/advisories/advisories.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 256

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(const err *e) {
    console_error(e);
    return 2;
}

static int usage(const char *message) {
    err e = {0};
    err_set(&e, ERR_INVALID, "%s", message);
    return fail(&e);
}

/* ---- import ---------------------------------------------------------------------------------- */

/* On a terminal only; the line is overwritten and goes at the end. */
static void tell_progress(void *context, size_t done, size_t count) {
    bool *shown = context;
    dprintf(STDERR_FILENO, "\r%zu of %zu files", done, count);
    *shown = true;
}

static void tell_refused(const advisories_imported *done) {
    for (size_t i = 0; i < done->refused_count && i < ADVISORIES_REFUSED_MAX; i++)
        console_warning("%.*s: %.*s", STR_ARG(done->refused[i].path),
                        STR_ARG(done->refused[i].message));
    if (done->refused_count > ADVISORIES_REFUSED_MAX)
        console_warning("and %zu more files that were refused",
                        done->refused_count - ADVISORIES_REFUSED_MAX);
}

static void add_count(strbuf *out, size_t n, const char *one, const char *many) {
    strbuf_addf(out, "%zu %s", n, n == 1 ? one : many);
}

static void tell_imported(strbuf *out, const advisories_imported *done, size_t record_count) {
    const struct {
        size_t count;
        const char *one, *many;
    } all[] = {{done->records, "advisory", "advisories"},
               {done->kev, "known exploited vulnerability", "known exploited vulnerabilities"},
               {done->epss, "EPSS score", "EPSS scores"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].count) continue;
        add_count(out, all[i].count, all[i].one, all[i].many);
        strbuf_adds(out, " read, ");
    }
    add_count(out, record_count, "advisory", "advisories");
    strbuf_adds(out, " in the store\n");
}

static int run_import(const options *given, const char *dir) {
    err e = {0};
    advisories_imported done;
    bool shown = false;
    uint64_t jobs = 0;
    const char *jobs_text = options_value(given, "jobs");
    if (given->arg_count < 2) return usage("import: give a folder, a ZIP archive or files");
    if (jobs_text && (!str_to_uint(str_from(jobs_text), JOBS_MAX, &jobs) || !jobs))
        return usage("--jobs: expected a number from 1 to 256");
    advisories_import_options how = {.jobs = (unsigned)jobs, .now_ms = now_ms(), .context = &shown};
    if (isatty(STDERR_FILENO)) how.progress = tell_progress;
    int r =
        advisories_import(given->a, dir, given->args + 1, given->arg_count - 1, &how, &done, &e);
    if (shown) dprintf(STDERR_FILENO, "\r\033[K");
    if (r < 0) return fail(&e);
    if (done.was_damaged)
        console_warning(
            "the store of advisories was damaged or of another version, and was made anew");
    tell_refused(&done);
    _cleanup_advisories_ advisories *v = NULL;
    if (advisories_open(dir, &v, &e) < 0) return fail(&e);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    tell_imported(&out, &done, advisories_facts_of(v).record_count);
    return console_text(strbuf_str(&out)) != 0 ? 2 : done.refused_count ? 1 : 0;
}

/* ---- list ------------------------------------------------------------------------------------ */

static int run_list(const options *given, const advisories *v) {
    err e = {0};
    str *ids;
    size_t count;
    if (given->arg_count != 1 && given->arg_count != 3)
        return usage("list: give an ecosystem and the name of a package, or nothing");
    str ecosystem = given->arg_count == 3 ? str_from(given->args[1]) : STR_EMPTY;
    str name = given->arg_count == 3 ? str_from(given->args[2]) : STR_EMPTY;
    if (advisories_list(given->a, v, ecosystem, name, &ids, &count, &e) < 0) return fail(&e);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&out, "%.*s\n", STR_ARG(ids[i]));
    return console_text(strbuf_str(&out));
}

/* ---- info ------------------------------------------------------------------------------------ */

static void add_day(strbuf *out, const char *format, int64_t ms) {
    char day[32];
    struct tm tm;
    time_t t = (time_t)(ms / 1000);
    if (ms > 0 && gmtime_r(&t, &tm) && strftime(day, sizeof day, "%Y-%m-%d", &tm)) {
        strbuf_adds(out, format);
        strbuf_adds(out, day);
    }
}

static int run_info(const options *given, const advisories *v, const char *dir) {
    err e = {0};
    value one;
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (given->arg_count > 2) return usage("info: give one id, or nothing");
    if (given->arg_count == 2) {
        if (advisories_show(given->a, v, str_from(given->args[1]), &one, &e) < 0) return fail(&e);
        json_write_pretty(&out, &one);
        strbuf_addc(&out, '\n');
        return console_text(strbuf_str(&out));
    }
    if (advisories_verify(v, &e) < 0) return fail(&e);
    advisories_facts f = advisories_facts_of(v);
    strbuf_addf(&out, "%.*s\n", STR_ARG(advisories_age(given->a, v, now_ms())));
    add_count(&out, f.record_count, "advisory, ", "advisories, ");
    add_count(&out, f.package_count, "package\n", "packages\n");
    add_count(&out, f.kev_count, "known exploited vulnerability",
              "known exploited vulnerabilities");
    add_day(&out, " of ", f.kev_ms);
    strbuf_addc(&out, '\n');
    add_count(&out, f.epss_count, "EPSS score", "EPSS scores");
    add_day(&out, " of ", f.epss_ms);
    add_day(&out, "\nimported on ", f.imported_ms);
    strbuf_addf(&out, "\n%s: %.1f MiB, whole\n", dir, (double)f.bytes / (1 << 20));
    return console_text(strbuf_str(&out));
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int run_advisories(const options *given) {
    err e = {0};
    char *dir;
    str what = str_from(given->args[0]);
    if (advisories_dir(given->a, options_value(given, "advisories"), &dir, &e) < 0) return fail(&e);
    if (str_is(what, "import")) return run_import(given, dir);
    if (!str_is(what, "list") && !str_is(what, "info"))
        return usage("advisories: expected import, list or info");
    _cleanup_advisories_ advisories *v = NULL;
    if (advisories_open(dir, &v, &e) < 0) return fail(&e);
    return str_is(what, "list") ? run_list(given, v) : run_info(given, v, dir);
}

static const option_spec advisories_options[] = {
    {0, "advisories", "DIR", .complete = COMPLETE_DIR,
     .help = "The folder of the store, instead of $SLIPWAY_ADVISORIES or "
             "$XDG_DATA_HOME/slipway/advisories (~/.local/share)."},
    {'j', "jobs", "N", .help = "How many processes read files. Default: one for each core."},
    {0},
};

const verb verb_advisories = {
    .name = "advisories",
    .summary = "import advisories about vulnerable packages, and look into them",
    .arguments = "import|list|info [ARGUMENT]...",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .complete = COMPLETE_FILE,
    .options = advisories_options,
    .help =
        "'slipway scan' looks dependencies up in a store of advisories on this machine."
        "\n\n"
        "import PATH...: reads into it records of OSV, one JSON file each, or the all.zip of an "
        "ecosystem as osv.dev gives it; CISA's catalogue of known exploited vulnerabilities "
        "(JSON); "
        "EPSS scores (CSV, also compressed by gzip). PATH is a file, a ZIP archive, or a folder "
        "that is searched for .json, .zip, .csv and .gz files. What a file holds is told by its "
        "content. Importing again adds: of two records with the same id the one that was modified "
        "later counts, and a record that was withdrawn goes. A file that cannot be read is refused "
        "with the reason, and the rest is imported."
        "\n\n"
        "list [ECOSYSTEM NAME]: prints the ids of all advisories, or of those for a package of an "
        "ecosystem as OSV spells it (npm, PyPI, Debian:12)."
        "\n\n"
        "info [ID]: tells how old the store is, what is in it, and that it is whole; with an id, "
        "what the store knows of that advisory, as JSON.",
    .exits =
        (const verb_pair[]){
            {"0", "done"},
            {"1", "import: some files were refused, the others are in the store"},
            {"2", "the command is invalid, there is no store, or it is damaged"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway advisories import npm/all.zip PyPI/all.zip", "Import two ecosystems."},
            {"slipway advisories import known_exploited_vulnerabilities.json epss.csv.gz",
             "Import what is known to be exploited, and how likely that is."},
            {"slipway advisories list npm lodash", "Which advisories are there for a package?"},
            {"slipway advisories info", "How old are they?"},
            {0},
        },
    .run = run_advisories,
};
