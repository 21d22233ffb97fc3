#include "base/fs.h"
#include "base/json.h"
#include "cli/audit_keys.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/style.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What does not hold ends with 1; what could not be judged with 2. */
static int fail(const err *e) {
    console_error(e);
    return e->code == ERR_FAILED ? 1 : 2;
}

static int usage(const char *message) {
    err e = {0};
    err_set(&e, ERR_INVALID, "%s", message);
    return fail(&e);
}

static void add_count(strbuf *out, uint64_t n) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) strbuf_addc(out, ',');
        strbuf_addc(out, digits[i]);
    }
    strbuf_adds(out, n == 1 ? " entry" : " entries");
}

/* The log that was named, or that of $SLIPWAY_DATA. */
static const char *log_of(const char *named) {
    const char *data = getenv("SLIPWAY_DATA");
    return named ? named : data && *data ? data : NULL;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int find_key(const options *given, audit_source *s, audit_trust *ret, err *e) {
    const char *key = options_value(given, "key");
    ret->is_new = false;
    return key ? audit_key_given(given->a, key, &ret->key, e)
               : audit_key_of_source(given->a, s, ret, e);
}

/* Said once, when everything else holds. */
static int tell_new(const options *given, const audit_trust *t, err *e) {
    const char *path;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    if (!t->is_new) return 0;
    if (audit_key_remember(given->a, &t->key, &path, e) < 0) return e->code;
    sign_verifier_write(&text, &t->key);
    console_warning("the key was told by the log itself, which is seen for the first time: compare "
                    "it with what its keeper says. It is kept in %s: %s",
                    path, strbuf_cstr(&text));
    return 0;
}

/* ---- verify ---------------------------------------------------------------------------------- */

/* On a terminal only; the line is overwritten and goes at the end. */
static void tell_progress(void *context, uint64_t done, uint64_t size) {
    bool *shown = context;
    dprintf(STDERR_FILENO, "\r%llu of %llu entries", (unsigned long long)done,
            (unsigned long long)size);
    *shown = true;
}

static int tell_checked(const options *given, const audit_trust *t, const audit_checked *c) {
    const char *output = options_value(given, "output");
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    err e = {0};
    if (output && fs_output(output, c->note, &e) < 0) return fail(&e);
    strbuf_addf(&out, "the log '%s' holds: ", t->key.name);
    add_count(&out, c->size);
    strbuf_addf(&out, ", root %s, signed by %08x\n", c->root, t->key.id);
    if (options_value(given, "since")) {
        strbuf_adds(&out, "it extends the earlier checkpoint of ");
        add_count(&out, c->since_size);
        strbuf_addc(&out, '\n');
    }
    return console_text(strbuf_str(&out));
}

static int verify_log(const options *given, const char *where) {
    err e = {0};
    _cleanup_audit_source_ audit_source *s = NULL;
    audit_trust t;
    audit_checked checked;
    bool shown = false;
    const char *since = options_value(given, "since");
    audit_check how = {.context = &shown};
    if (isatty(STDERR_FILENO)) how.progress = tell_progress;
    if (since && fs_read_file(given->a, since, SIGN_NOTE_MAX, &how.since, &e) < 0) return fail(&e);
    if (since && !how.since.len) return usage("--since: the file is empty");
    if (audit_source_open(where, &s, &e) < 0 || find_key(given, s, &t, &e) < 0) return fail(&e);
    how.key = &t.key;
    int r = audit_check_all(given->a, s, &how, &checked, &e);
    if (shown) dprintf(STDERR_FILENO, "\r\033[K");
    if (r == 0) r = tell_new(given, &t, &e);
    return r < 0 ? fail(&e) : tell_checked(given, &t, &checked);
}

/* ---- proofs ---------------------------------------------------------------------------------- */

/* The name of the log that a proof is of: the first line behind its empty line. */
static str name_in(str proof) {
    str line;
    while (str_line(&proof, &line) && line.len)
        ;
    return str_line(&proof, &line) ? line : STR_EMPTY;
}

static int show_entry(const options *given, str entry) {
    value root;
    err ignored = {0};
    _cleanup_strbuf_ strbuf text = STRBUF_INIT, out = STRBUF_INIT;
    style st = style_of(STDOUT_FILENO);
    if (json_parse(given->a, entry, 0, &root, &ignored) == 0)
        json_write_pretty(&text, &root);
    else
        strbuf_add(&text, entry);
    str rest = strbuf_str(&text);
    for (str line; str_line(&rest, &line);) {
        style_text(&out, &st, line);
        strbuf_addc(&out, '\n');
    }
    return console_text(strbuf_str(&out));
}

static int verify_proof(const options *given, const char *path) {
    err e = {0};
    str proof;
    sign_verifier key;
    audit_proven p;
    const char *key_text = options_value(given, "key");
    if (options_value(given, "since") || options_value(given, "output"))
        return usage("--proof: one entry is judged, so --since and --output say nothing");
    int r = fs_read_file(given->a, path, AUDIT_PROOF_MAX, &proof, &e);
    if (r == 0 && key_text) r = audit_key_given(given->a, key_text, &key, &e);
    if (r == 0 && !key_text && (r = audit_key_known(given->a, name_in(proof), &key, &e)) < 0)
        err_context(&e, "which key the log is signed with is not known: use --key");
    if (r == 0) r = audit_prove_check(given->a, proof, &key, &p, &e);
    if (r < 0) return fail(&e);
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    strbuf_addf(&out, "entry %llu is in the log '%s' of ", (unsigned long long)p.index, key.name);
    add_count(&out, p.size);
    strbuf_addf(&out, ", signed by %08x\n", key.id);
    if (console_text(strbuf_str(&out)) != 0) return 2;
    return show_entry(given, p.entry);
}

static int run_verify(const options *given) {
    const char *proof = options_value(given, "proof");
    if (proof) {
        if (given->arg_count > 1) return usage("verify: give a log, or --proof FILE, not both");
        return verify_proof(given, proof);
    }
    const char *where = log_of(given->arg_count > 1 ? given->args[1] : NULL);
    if (!where || given->arg_count > 2)
        return usage(
            "verify: give one log: a folder, a URL or a database, or set $SLIPWAY_DATA; or "
            "give --proof FILE");
    return verify_log(given, where);
}

/* ---- prove ----------------------------------------------------------------------------------- */

static int put_proof(const options *given, uint64_t index, bool many, str proof, err *e) {
    const char *output = options_value(given, "output");
    if (!output) return console_text(proof) == 0 ? 0 : err_set(e, ERR_IO, "%s", "");
    if (!many) return fs_output(output, proof, e);
    str name = arena_printf(given->a, "%llu.tlog-proof", (unsigned long long)index);
    return fs_write(fs_join(given->a, output, name), proof, 0666, e);
}

static int run_prove(const options *given) {
    err e = {0};
    audit_trust t;
    uint64_t number;
    _cleanup_audit_source_ audit_source *s = NULL;
    const char *output = options_value(given, "output");
    size_t count = given->arg_count; /* without the log, if it is named; the first is "prove" */
    bool named = !str_to_uint(str_from(given->args[count - 1]), UINT64_MAX, &number);
    const char *where = log_of(named ? given->args[--count] : NULL);
    if (count < 2) return usage("prove: give numbers of entries, and then the log");
    if (!where) return usage("prove: give the log behind the numbers, or set $SLIPWAY_DATA");
    bool many = count > 2;
    if (many && !output) return usage("prove: several proofs need a folder: --output DIR");
    if (options_value(given, "since") || options_value(given, "proof"))
        return usage("prove: --since and --proof are for verify");
    if (audit_source_open(where, &s, &e) < 0 || find_key(given, s, &t, &e) < 0) return fail(&e);
    int r = many ? fs_mkdirs(output, 0777, &e) : 0;
    for (size_t i = 1; i < count && r == 0; i++) {
        uint64_t index;
        _cleanup_strbuf_ strbuf proof = STRBUF_INIT;
        if (!str_to_uint(str_from(given->args[i]), INT64_MAX, &index))
            r = err_set(&e, ERR_INVALID, "prove: '%s' is no number of an entry", given->args[i]);
        if (r == 0) r = audit_prove(given->a, s, &t.key, index, &proof, &e);
        if (r == 0) r = put_proof(given, index, many, strbuf_str(&proof), &e);
    }
    if (r == 0) r = tell_new(given, &t, &e);
    if (r < 0 && !e.message[0]) return 2; /* stdout, of which the console has told */
    return r < 0 ? fail(&e) : 0;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int run_audit(const options *given) {
    str what = str_from(given->args[0]);
    if (str_is(what, "verify")) return run_verify(given);
    if (str_is(what, "prove")) return run_prove(given);
    return usage("audit: expected verify or prove");
}

static const option_spec audit_options[] = {
    {'k', "key", "FILE|KEY", .complete = COMPLETE_FILE,
     .help = "The verifier key that the log must be signed with, NAME+ID+KEY, or a file that holds "
             "it. Without it the key is the one that is known by the name of the log; the first "
             "time it is the one that the log tells, which is said and kept."},
    {0, "since", "FILE", .complete = COMPLETE_FILE,
     .help =
         "To verify: a checkpoint of earlier. The log must begin with all that was in it then."},
    {0, "proof", "FILE", .complete = COMPLETE_FILE,
     .help = "To verify: judge this proof of one entry, without the log."},
    {'o', "output", "FILE|DIR", .complete = COMPLETE_FILE,
     .help = "To verify: keep the checkpoint here when the log holds, for --since. To prove: where "
             "the proof goes instead of stdout; with several entries a folder."},
    {0},
};

const verb verb_audit = {
    .name = "audit",
    .summary = "verify an audit log, and prove what is in it",
    .arguments = "verify|prove [INDEX]... [DIR|URL|DATABASE]",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .complete = COMPLETE_FILE,
    .options = audit_options,
    .help =
        "Every change of state on a server is an entry of its audit log, a Merkle tree that is "
        "served below /audit/ as C2SP's tlog-tiles. A log is given as that URL, as a folder with "
        "the same files, or as the database or the data folder of a server; without one it is that "
        "of $SLIPWAY_DATA."
        "\n\n"
        "verify LOG: hashes every entry, builds all tiles and the root from that, compares them "
        "with those of the log, and checks the signature of its checkpoint. The first thing that "
        "does not hold is told."
        "\n\n"
        "prove INDEX... LOG: writes a proof that an entry is in the log, which can be judged "
        "without the log: the entry, its path in the tree, and the checkpoint, in the format "
        "tlog-proof."
        "\n\n"
        "verify --proof FILE: judges such a proof and prints the entry.",
    .exits =
        (const verb_pair[]){
            {"0", "everything holds, or the proof is written"},
            {"1", "something does not hold"},
            {"2", "the command is invalid, or the log could not be read"},
            {0},
        },
    .examples =
        (const verb_pair[]){
            {"slipway audit verify -o last.checkpoint https://ci.example.com/audit",
             "Verify a log, and keep its checkpoint."},
            {"slipway audit verify --since last.checkpoint -o last.checkpoint "
             "https://ci.example.com/audit",
             "The next time: nothing of what was there then has changed."},
            {"slipway audit prove 4711 https://ci.example.com/audit -o 4711.tlog-proof",
             "A file for whoever asks."},
            {"slipway audit verify --proof 4711.tlog-proof --key audit.pub", "Judge it."},
            {0},
        },
    .run = run_audit,
};
