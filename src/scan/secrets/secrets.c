/* secrets.c: the scanner. The parent reads the rules and the compiled patterns; children inherit
 * both by the fork. */
#include "scan/secrets/secrets.h"

#include "base/fs.h"
#include "base/hash.h"
#include "scan/scanner.h"
#include "scan/secrets/archive.h"
#include "scan/secrets/bytes.h"
#include "scan/secrets/collect.h"
#include "scan/secrets/findings.h"
#include "scan/secrets/ignore.h"
#include "scan/secrets/match.h"

#include <stdlib.h>
#include <string.h>

#define ENGINE_VERSION 3 /* of what a file gives: caches of findings depend on it */

typedef struct secrets {
    scanner base;
    arena *a;
    secrets_options options;
    secret_rules *rules;
    matcher *matcher;
    ignore_list ignored;
    str config_path; /* of the file of rules within the root, or empty: it is not scanned */
} secrets;

/* A file that is being read. */
typedef struct reading {
    secrets *s;
    scan_out *out;
    str path;
    archive_budget *budget;
    unsigned depth; /* of archives around it */
} reading;

/* ---- in a child ----------------------------------------------------------------------------- */

static unsigned decode_rounds(const secrets_options *o) {
    return o->no_decode ? 0 : o->decode_rounds ? o->decode_rounds : DECODE_DEPTH_DEFAULT;
}

static unsigned archive_depth(const secrets_options *o) {
    return o->no_archives ? 0 : o->archive_depth ? o->archive_depth : ARCHIVE_DEPTH_DEFAULT;
}

static void read_text(reading *r, str text) {
    match_list found = {0};
    secrets *s = r->s;
    matcher_path(s->matcher, r->out->a, r->path, &found);
    match_text t = {.path = r->path,
                    .text = text,
                    .rounds = decode_rounds(&s->options),
                    .obeys_inline = r->depth > 0,
                    .is_version = r->depth == 0};
    matcher_text(s->matcher, r->out->a, &t, &found, r->out);
    findings_options how = {s->options.show_secrets, s->options.verifier != NULL};
    findings_add(r->out, r->path, text, &found, &how);
}

static void read_bytes(reading *r, str body);

static void on_entry(void *context, str name, str body) {
    reading *outer = context;
    if (matcher_allows_path(outer->s->matcher, name)) return;
    str path = arena_printf(outer->out->a, "%.*s!%.*s", STR_ARG(outer->path), STR_ARG(name));
    reading inner = *outer;
    inner.path = path;
    inner.depth++;
    if (!matcher_allows_path(outer->s->matcher, path)) read_bytes(&inner, body);
}

static void on_problem(void *context, str name, const char *why) {
    reading *outer = context;
    str path = arena_printf(outer->out->a, "%.*s!%.*s", STR_ARG(outer->path), STR_ARG(name));
    scan_out_error(outer->out, path, 0, 0, "it cannot be read: %s", why);
}

static void read_archive(reading *r, str body) {
    err e = {0};
    read_text(r, STR_EMPTY); /* rules of paths */
    if (r->depth >= archive_depth(&r->s->options)) return;
    if (archive_walk(r->path, body, r->budget, on_entry, on_problem, r, &e) < 0)
        scan_out_error(r->out, arena_utf8(r->out->a, r->path), 0, 0, "%s", e.message);
}

static void read_bytes(reading *r, str body) {
    if (archive_is(body)) {
        read_archive(r, body);
        return;
    }
    bytes_kind kind = bytes_kind_of(body);
    if (kind == BYTES_UTF16_LE || kind == BYTES_UTF16_BE)
        body = bytes_from_utf16(r->out->a, body, kind == BYTES_UTF16_BE);
    read_text(r, kind == BYTES_BINARY ? STR_EMPTY : body);
}

static int secrets_read(scanner *base, const scan_file *file, scan_out *out, err *e) {
    secrets *s = base->self;
    archive_budget budget = {.packed = file->body.len};
    reading r = {.s = s, .out = out, .path = file->path, .budget = &budget};
    (void)e;
    read_bytes(&r, file->body.len ? file->body : STR_EMPTY);
    return 0;
}

static bool secrets_wants(const scanner *base, str path) {
    const secrets *s = base->self;
    return !str_eq(path, s->config_path) && !matcher_allows_path(s->matcher, path);
}

/* ---- in the parent -------------------------------------------------------------------------- */

static bool is_allowed_commit(const finding *f) {
    const value *commits = value_get(&f->properties, STR(COMMITS_PROPERTY));
    for (size_t i = 0; f->commit.len && i < value_count(commits); i++) {
        if (str_eq_nocase(commits->array.items[i].string, f->commit)) return true;
    }
    return false;
}

/* By the line of the match, as gitleaks has it: in this commit, or anywhere. */
static bool is_ignored(const secrets *s, const finding *f) {
    const value *other = value_get(&f->properties, STR(LINE_PROPERTY));
    uint32_t line = other && other->kind == VALUE_NUMBER ? (uint32_t)other->number : f->line;
    return ignore_has(&s->ignored, STR_EMPTY, f->path, f->rule, line) ||
           (f->commit.len && ignore_has(&s->ignored, f->commit, f->path, f->rule, line));
}

static void drop_properties(arena *a, finding *f) {
    value kept = value_object_new(a, true);
    for (size_t i = 0; i < value_count(&f->properties); i++) {
        const value_pair *p = value_at(&f->properties, i);
        if (!str_is(p->key, COMMITS_PROPERTY) && !str_is(p->key, LINE_PROPERTY) &&
            !str_is(p->key, SCAN_IDENTITY) && !str_is(p->key, VALUES_PROPERTY))
            value_set(a, &kept, p->key, p->item);
    }
    f->properties = kept;
}

static void collect(const secrets *s, const finding *f) {
    const value *values = value_get(&f->properties, STR(VALUES_PROPERTY));
    for (size_t i = 0; values && s->options.verifier && i < s->rules->count; i++) {
        const secret_rule *rule = &s->rules->items[i];
        if (rule->verify && str_eq(rule->id, f->rule))
            secrets_verifier_collect(s->options.verifier, rule, f->fingerprint, values);
    }
}

/* What only the parent can know: the commits. */
static int secrets_finish(scanner *base, scan_out *out, err *e) {
    secrets *s = base->self;
    size_t kept = 0;
    (void)e;
    for (size_t i = 0; i < out->findings.count; i++) {
        finding f = out->findings.items[i];
        bool own = str_is(f.kind, base->name);
        if (own && is_allowed_commit(&f)) continue;
        if (own && !f.suppressed && is_ignored(s, &f)) {
            f.suppressed = SUPPRESSED_EXTERNAL;
            f.justification = STR(IGNORE_FILE);
        }
        if (own) collect(s, &f);
        if (own) drop_properties(out->a, &f);
        out->findings.items[kept++] = f;
    }
    out->findings.count = kept;
    return 0;
}

static int read_ignore(secrets *s, err *e) {
    err why = {0};
    str text;
    const char *path = s->options.ignore, *root = s->options.root;
    if (!path && !root) return 0;
    int r = path ? fs_read_file(s->a, path, IGNORE_FILE_MAX, &text, &why)
                 : fs_read_below(s->a, root, IGNORE_FILE, IGNORE_FILE_MAX, &text, &why);
    if (!path) path = fs_join(s->a, root, STR(IGNORE_FILE));
    if (r == ERR_NOT_FOUND && !s->options.ignore) return 0;
    if (r < 0) {
        if (e) *e = why;
        return err_context(e, "the list of ignored secrets cannot be read");
    }
    ignore_parse(s->a, text, str_from(path), &s->ignored, &s->rules->warnings);
    return 0;
}

/* A file of rules is full of what looks like secrets. */
static void find_config(secrets *s, str path) {
    err ignored = {0};
    char *root, *file;
    if (!path.len || !s->options.root || fs_real(s->a, s->options.root, &root, &ignored) < 0 ||
        fs_real(s->a, arena_cstr(s->a, path), &file, &ignored) < 0)
        return;
    size_t n = strlen(root);
    if (strncmp(file, root, n) == 0 && file[n] == '/') s->config_path = str_from(file + n + 1);
}

static void make_digest(secrets *s) {
    const secrets_options *o = &s->options;
    uint32_t facts[] = {ENGINE_VERSION, o->show_secrets, decode_rounds(o), archive_depth(o),
                        o->verifier != NULL};
    uint8_t digest[32];
    sha256 *h = sha256_new();
    sha256_add(h, s->rules->digest, sizeof s->rules->digest);
    sha256_add(h, facts, sizeof facts);
    sha256_end(h, digest);
    memcpy(s->base.digest, digest, sizeof s->base.digest);
}

int secrets_new(arena *a, const secrets_options *options, scanner **ret, err *e) {
    secrets *s = ARENA_NEW(a, secrets);
    str path;
    *s = (secrets){.a = a, .options = *options};
    int code = secret_rules_load(a, options->root, options->config, &s->rules, &path, e);
    if (code < 0) return code;
    if ((code = read_ignore(s, e)) < 0) {
        secret_rules_done(s->rules);
        return code;
    }
    find_config(s, path);
    s->matcher = options->versions && !options->quick
                     ? matcher_new_of_versions(s->rules, options->cache)
                     : matcher_new(s->rules, options->cache, options->quick);
    s->base = (scanner){.name = "secrets",
                        .self = s,
                        .wants = secrets_wants,
                        .read = secrets_read,
                        .finish = secrets_finish};
    make_digest(s);
    *ret = &s->base;
    return 0;
}

void secrets_free(scanner *base) {
    if (!base) return;
    secrets *s = base->self;
    matcher_free(s->matcher);
    secret_rules_done(s->rules);
}

const scan_error_list *secrets_warnings(const scanner *base) {
    const secrets *s = base->self;
    return &s->rules->warnings;
}

size_t secrets_rule_count(const scanner *base) {
    const secrets *s = base->self;
    return s->rules->count;
}
