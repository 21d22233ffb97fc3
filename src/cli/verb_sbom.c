#include "base/fs.h"
#include "base/git.h"
#include "base/rfc3339.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "scan/deps/deps.h"
#include "scan/source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct sbom_job {
    arena *a;
    const options *given;
    const char *path;
    sbom_fn *write;
    sbom_head head;
} sbom_job;

static const struct {
    const char *name;
    sbom_fn *write;
} formats[] = {{"cyclonedx", sbom_cyclonedx}, {"spdx", sbom_spdx}};

static int choose_format(sbom_job *j, err *e) {
    const char *name = options_value(j->given, "format");
    j->write = formats[0].write;
    if (!name) return 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(name, formats[i].name) != 0) continue;
        j->write = formats[i].write;
        return 0;
    }
    return err_set(e, ERR_INVALID, "--format %s: expected cyclonedx or spdx", name);
}

/* That of reproducible builds, else that of the commit, so that the same files give the same
 * document; only what is in no repository has the time of now. */
static int choose_time(sbom_job *j, const git_info *info, err *e) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    int64_t ms;
    j->head.time = (int64_t)time(NULL);
    if (epoch && !str_to_uint(str_from(epoch), 253402300799, &seconds))
        return err_set(e, ERR_INVALID,
                       "SOURCE_DATE_EPOCH=%s: expected seconds since 1970 as a number", epoch);
    if (epoch)
        j->head.time = (int64_t)seconds;
    else if (info)
        j->head.time = time_parse(info->timestamp, &ms) ? ms / 1000 : j->head.time;
    return 0;
}

static int describe(sbom_job *j, err *e) {
    git_info info;
    char *real;
    err ignored = {0};
    if (fs_real(j->a, j->path, &real, e) < 0)
        return err_set(e, e->code, "there is no file or folder '%s'", j->path);
    str folder = str_from(real);
    if (!fs_is_dir(real)) folder.len = (size_t)str_rfind_char(folder, '/');
    bool in_git = git_inspect(j->a, arena_cstr(j->a, folder), &info, &ignored) == 0;
    const char *name = options_value(j->given, "name");
    str base = str_from(strrchr(real, '/') + 1);
    j->head.name = name ? str_from(name) : base.len ? base : STR("/");
    if (in_git) {
        j->head.commit = info.head;
        j->head.remote = info.remote_url;
        if (!name && !strcmp(info.root, real)) j->head.name = info.repo;
    }
    return choose_time(j, in_git ? &info : NULL, e);
}

static void tell_errors(const scan_report *r) {
    for (size_t i = 0; i < r->warnings.count; i++)
        console_warning("%.*s", STR_ARG(r->warnings.items[i].message));
    for (size_t i = 0; i < r->errors.count; i++) {
        const scan_error *x = &r->errors.items[i];
        if (x->line)
            console_warning("%.*s:%u:%u: %.*s", STR_ARG(x->path), x->line, x->column,
                            STR_ARG(x->message));
        else
            console_warning("%.*s: %.*s", STR_ARG(x->path), STR_ARG(x->message));
    }
}

static int write_sbom(sbom_job *j, const inventory *v, err *e) {
    const char *output = options_value(j->given, "output");
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    j->write(&text, v, &j->head);
    if (!output || !strcmp(output, "-")) return console_text(strbuf_str(&text));
    int r = fs_output(output, strbuf_str(&text), e);
    return r < 0 ? err_context(e, "--output %s", output) : 0;
}

static int make(sbom_job *j, scan_report *report, err *e) {
    scan_source *source;
    scanner *s;
    scan_options how = {0};
    j->path = j->given->arg_count ? j->given->args[0] : ".";
    if (choose_format(j, e) < 0 || describe(j, e) < 0 ||
        scan_source_tree(j->a, j->path, &source, e) < 0 ||
        deps_inventory_new(j->a, fs_is_dir(j->path) ? j->path : NULL, &s, e) < 0 ||
        scan_run(j->a, source, &s, 1, &how, report, e) < 0)
        return e->code;
    return write_sbom(j, deps_inventory(s), e);
}

static int run_sbom(const options *given) {
    err e = {0};
    sbom_job j = {.a = given->a, .given = given};
    scan_report report;
    int r = make(&j, &report, &e);
    if (r < 0) {
        console_error(&e);
        return 2;
    }
    tell_errors(&report);
    return r || report.errors.count ? 2 : 0;
}

static const option_spec sbom_options[] = {
    {0, "format", "FORMAT", .complete = COMPLETE_WORDS, .words = "cyclonedx spdx",
     .help = "Write CycloneDX 1.6 (cyclonedx, the default) or SPDX 2.3 (spdx), as JSON."},
    {'o', "output", "FILE", .complete = COMPLETE_FILE, .help = "Write to FILE, not to stdout."},
    {0, "name", "NAME", .help = "Call the project NAME, not after its repository or folder."},
    {0},
};

const verb verb_sbom = {
    .name = "sbom",
    .summary = "list what a project depends on as a bill of materials",
    .arguments = "[PATH]",
    .max_args = 1,
    .complete = COMPLETE_FILE,
    .options = sbom_options,
    .help =
        "Reads the lock files, manifests and databases of packages in a folder, or a container "
        "image (an OCI layout, or the tar of 'docker save'), and writes all packages with their "
        "versions, package URLs, licences and hashes as far as these are told, and which needs "
        "which."
        "\n\n"
        "The same files give the same document: its time is that of the commit, or "
        "SOURCE_DATE_EPOCH, and its serial number is made from what is in it.",
    .exits =
        (const verb_pair[]){
            {"0", "the document is whole"},
            {"2", "a file could not be read, so packages may be missing, or the command is "
                  "invalid"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway sbom -o bom.json", "Write CycloneDX of the working copy."},
            {"slipway sbom --format spdx image.tar", "Write SPDX of a container image."},
            {0},
        },
    .run = run_sbom,
};
