#include "cli/gate_evidence.h"

#include "agent/repo.h"
#include "base/fs.h"
#include "base/git.h"
#include "base/glob.h"
#include "base/hash.h"
#include "base/pool.h"
#include "cli/console.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 30
#define FILES_MAX 100000

static void digest_of(arena *a, str text, str *ret) {
    char hex[65];
    sha256_hex(text, hex);
    *ret = arena_str(a, str_from(hex));
}

/* As seen from where the command was typed. */
static const char *shown(arena *a, const char *path) {
    char *here = getcwd(NULL, 0);
    if (!here) oom();
    const char *seen = repo_relative(path, arena_cstr(a, str_from(here)));
    free(here);
    return seen;
}

/* What has the name of a report and nothing in it is the report of a program that has crashed. */
static bool is_cut_off(const char *path, str text) {
    static const str endings[] = {STR_INIT(".xml"), STR_INIT(".json"), STR_INIT(".sarif"),
                                  STR_INIT(".info")};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (str_ends(str_from(path), endings[i])) return str_trim(text).len == 0;
    }
    return false;
}

/* ---- reading, in a jail ---------------------------------------------------------------------- */

#define READ_MS 120000

typedef struct report_file {
    str text;
    const char *shown;
} report_file;

/* Says 'R' and the record, or 'E', what is wrong as it is in memory, and the name of its file. */
static void read_inside(void *context, size_t item, strbuf *out) {
    const report_file *file = context;
    _cleanup_arena_ arena *a = arena_new();
    evidence ev;
    err e = {0};
    (void)item;
    if (evidence_read(a, file->text, file->shown, &ev, &e) < 0) {
        e.where.file = NULL;
        strbuf_addc(out, 'E');
        strbuf_add(out, (str){(const char *)&e, sizeof e});
        return;
    }
    if (!ev.sha256.len) digest_of(a, file->text, &ev.sha256);
    strbuf_addc(out, 'R');
    json_out o = JSON_OUT(out);
    evidence_write(&o, &ev);
}

/* What a child says of its error is text and numbers, but it may have been taken over. */
static int take_error(str said, const char *file, err *e) {
    err why;
    if (said.len != sizeof why) return err_set(e, ERR_FAILED, "its reader gave no answer");
    memcpy(&why, said.ptr, sizeof why);
    why.message[sizeof why.message - 1] = '\0';
    why.where.file = why.where.line ? file : NULL;
    if (why.code >= 0) return err_set(e, ERR_FAILED, "its reader gave no answer");
    *e = why;
    return why.code;
}

static int read_jailed(arena *a, str text, const char *file, evidence *ret, err *e) {
    report_file context = {text, file};
    pool_work work = {.count = 1,
                      .jobs = 1,
                      .tree = -1,
                      .item_timeout_ms = READ_MS,
                      .context = &context,
                      .work = read_inside};
    pool_answer *answers;
    size_t count;
    int r = pool_run(a, &work, &answers, &count, e);
    if (r < 0) return r;
    if (!count || answers[0].died.len || !answers[0].said.len)
        return err_set(e, ERR_FAILED, "its reader ended: %.*s",
                       STR_ARG(count ? answers[0].died : STR("it said nothing")));
    str said = str_sub(answers[0].said, 1, answers[0].said.len);
    if (answers[0].said.ptr[0] != 'R') return take_error(said, file, e);
    return evidence_read(a, said, file, ret, e);
}

int gate_evidence_read(arena *a, const char *path, str commit, evidence *ret, err *e) {
    str text;
    const char *file = shown(a, path);
    if (fs_read_file(a, path, EVIDENCE_BYTES_MAX, &text, e) < 0) return e->code;
    if (is_cut_off(path, text))
        return err_set(e, ERR_INVALID, "%s is empty: what should have written it has not", path);
    if (read_jailed(a, text, file, ret, e) < 0)
        return e->where.line ? e->code : err_context(e, "%s", path);
    if (!ret->commit.len && !ret->artifact.len) ret->commit = commit;
    return 0;
}

static void tell_other(arena *a, const char *path, const evidence *ev, const gate_subject *about) {
    bool artifact = !ev->commit.len || str_eq_nocase(ev->commit, about->commit);
    str theirs = artifact ? ev->artifact : ev->commit,
        ours = artifact ? about->artifact : about->commit;
    const char *what = artifact ? "artifact" : "commit";
    size_t shown_bytes = artifact ? sizeof "sha256:" - 1 + 12 : 12;
    theirs = str_sub(theirs, 0, shown_bytes);
    ours = str_sub(ours, 0, shown_bytes);
    if (ours.len)
        console_warning("%s is about %s %s, not %s: it is left out", path, what,
                        arena_cstr(a, theirs), arena_cstr(a, ours));
    else
        console_warning("%s is about %s %s, and which one is judged is not known: it is left "
                        "out; use --%s",
                        path, what, arena_cstr(a, theirs), about->is_base ? "since" : what);
}

static int add_file(evidence_list *out, const char *path, const gate_subject *about, bool must,
                    err *e) {
    evidence ev;
    int r = gate_evidence_read(out->a, path, about->commit, &ev, e);
    if (r == ERR_UNSUPPORTED && !must) {
        *e = (err){0};
        return 0;
    }
    if (r < 0) return r;
    if (!about->any && !evidence_is_about(&ev, about->commit, about->artifact)) {
        tell_other(out->a, path, &ev, about);
        return 0;
    }
    ARENA_PUSH(out->a, out->items, out->count, out->cap, ev);
    return 0;
}

/* ---- folders -------------------------------------------------------------------------------- */

typedef struct search {
    evidence_list *out;
    const char *root;
    const str *patterns; /* NULL: every file */
    bool *found;         /* of each pattern: whether something lies there */
    size_t pattern_count, files;
    const gate_subject *about;
    err *e;
} search;

static bool is_wanted(search *s, str path) {
    bool wanted = s->patterns == NULL;
    for (size_t i = 0; i < s->pattern_count; i++) {
        if (!glob_path(s->patterns[i], path)) continue;
        s->found[i] = wanted = true;
    }
    return wanted;
}

/* Reports that are named by a pattern must be some: a broken one would be missed otherwise. */
static int take(search *s, str path) {
    if (!is_wanted(s, path)) return 0;
    if (++s->files > FILES_MAX)
        return err_set(s->e, ERR_LIMIT, "more than %d files of evidence", FILES_MAX);
    const char *full = fs_join(s->out->a, s->root, path);
    return add_file(s->out, full, s->about, s->patterns != NULL, s->e);
}

static int walk(search *s, str folder, unsigned depth) {
    arena *a = s->out->a;
    fs_entry *entries;
    size_t count;
    if (depth == 0) return 0;
    int r = fs_list(a, fs_join(a, s->root, folder), &entries, &count, s->e);
    for (size_t i = 0; i < count && r == 0; i++) {
        str name = entries[i].name;
        if (entries[i].is_link || str_is(name, ".git") || str_is(name, "node_modules")) continue;
        str path = folder.len ? arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name)) : name;
        r = entries[i].is_dir ? walk(s, path, depth - 1) : take(s, path);
    }
    return r;
}

int gate_evidence_add(evidence_list *out, const char *path, const gate_subject *about, err *e) {
    search s = {.out = out, .root = path, .about = about, .e = e};
    if (!fs_exists(path)) return err_set(e, ERR_NOT_FOUND, "there is no '%s'", path);
    return fs_is_dir(path) ? walk(&s, STR_EMPTY, DEPTH_MAX) : add_file(out, path, about, true, e);
}

/* A report that was not written may be of another gate, or of tests that have crashed. */
static void tell_unfound(const search *s) {
    for (size_t i = 0; i < s->pattern_count; i++) {
        if (!s->found[i])
            console_warning("'evidence' names %.*s, and nothing lies there",
                            STR_ARG(s->patterns[i]));
    }
}

int gate_evidence_find(evidence_list *out, const char *root, const str *patterns, size_t count,
                       const gate_subject *about, err *e) {
    search s = {.out = out,
                .root = root,
                .patterns = patterns,
                .found = ARENA_ARRAY(out->a, bool, count),
                .pattern_count = count,
                .about = about,
                .e = e};
    int r = count ? walk(&s, STR_EMPTY, DEPTH_MAX) : 0;
    if (r == 0) tell_unfound(&s);
    return r;
}

/* ---- subjects ------------------------------------------------------------------------------- */

static bool is_digest(str text) {
    str digits = str_sub(text, sizeof "sha256:" - 1, text.len);
    return str_starts(text, STR("sha256:")) && digits.len == 64 && git_is_id(digits);
}

int gate_subject_read(const options *given, gate_subject *ret, err *e) {
    const char *commit = options_value(given, "commit"),
               *artifact = options_value(given, "artifact");
    *ret = (gate_subject){.commit = str_from(commit), .artifact = str_from(artifact)};
    if (commit && !git_is_id(ret->commit))
        return err_set(e, ERR_INVALID, "--commit %s: expected a whole commit id", commit);
    if (artifact && !is_digest(ret->artifact))
        return err_set(e, ERR_INVALID, "--artifact %s: expected sha256: and 64 hex digits",
                       artifact);
    return 0;
}
