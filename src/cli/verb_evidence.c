#include "agent/repo.h"
#include "base/fs.h"
#include "base/git.h"
#include "cli/console.h"
#include "cli/gate_evidence.h"
#include "cli/options.h"
#include "cli/verbs.h"

#include <string.h>
#include <unistd.h>

static int read_subject(const options *given, gate_subject *ret, err *e) {
    if (gate_subject_read(given, ret, e) < 0) return e->code;
    if (ret->commit.len || ret->artifact.len) return 0;
    const char *const argv[] = {"git", "rev-parse", "-q", "--verify", "HEAD^{commit}", NULL};
    err none = {0};
    if (git_run(given->a, ".", NULL, argv, &ret->commit, &none) < 0)
        return err_set(e, ERR_INVALID,
                       "what the reports are about is not known: this is no git "
                       "repository with a commit; use --commit or --artifact");
    ret->commit = str_trim(ret->commit);
    return 0;
}

static int put_record(const options *given, const evidence *ev, err *e) {
    const char *folder = options_value(given, "output");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_out o = JSON_OUT(&out);
    evidence_write(&o, ev);
    strbuf_addc(&out, '\n');
    if (!folder) return console_text(strbuf_str(&out)) == 0 ? 0 : err_set(e, ERR_IO, "%s", "");
    str name = arena_printf(given->a, "%s-%.16s.evidence.json", evidence_kind_name(ev->kind),
                            arena_cstr(given->a, ev->sha256));
    if (fs_mkdirs(folder, 0777, e) < 0) return e->code;
    return fs_write(fs_join(given->a, folder, name), strbuf_str(&out), 0666, e);
}

static int run_evidence(const options *given) {
    err e = {0};
    gate_subject about;
    int r = read_subject(given, &about, &e);
    if (r == 0 && given->arg_count > 1 && !options_value(given, "output"))
        r = err_set(&e, ERR_INVALID, "several records need a folder: --output DIR");
    for (size_t i = 0; i < given->arg_count && r == 0; i++) {
        evidence ev;
        r = gate_evidence_read(given->a, given->args[i], about.commit, &ev, &e);
        if (r == 0 && about.artifact.len) ev.artifact = about.artifact;
        if (r == 0) r = put_record(given, &ev, &e);
    }
    if (r == 0) return 0;
    if (e.message[0]) console_error(&e);
    return 2;
}

static const option_spec evidence_options[] = {
    {0, "commit", "SHA", .help = "The commit that the reports are about, instead of HEAD."},
    {0, "artifact", "sha256:HEX", .help = "The artifact that they are about."},
    {'o', "output", "DIR", .complete = COMPLETE_DIR,
     .help = "Write each record to a file KIND-DIGEST.evidence.json in this folder."},
    {0},
};

const verb verb_evidence = {
    .name = "evidence",
    .summary = "turn reports into records that a gate reads later",
    .arguments = "FILE...",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .complete = COMPLETE_FILE,
    .options = evidence_options,
    .help = "Reads reports (JUnit XML, Cobertura, JaCoCo, lcov, coverage.py JSON, SARIF, slipway "
            "scan, CycloneDX, SPDX, k6, reviews) and writes what they say, of which commit or "
            "artifact, and the digest of the report. A record is smaller than its report, names "
            "its subject, and is read by 'slipway gate' in its place."
            "\n\n"
            "A report that names another commit keeps it.",
    .exits =
        (const verb_pair[]){
            {"0", "every report was read"},
            {"2", "a report or the command is invalid"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway evidence reports/junit.xml", "Print what a report says."},
            {"slipway evidence -o evidence reports/*.xml", "Keep records for the gate."},
            {0},
        },
    .run = run_evidence,
};
