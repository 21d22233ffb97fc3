#include "scan/suppress.h"

#include "base/glob.h"
#include "base/yaml.h"

#include <string.h>

#define ENTRIES_MAX 10000
#define KINDS_MAX   16

typedef struct entry {
    span where;
    str rule, path, kind, fingerprint, package, advisory; /* empty: any */
    str owner, reason, expires;
    size_t hits;
} entry;

struct suppressions {
    arena *a;
    str file;
    const char *const *kinds; /* while it is read */
    entry *entries;
    size_t count, cap;
};

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct key {
    const char *name;
    size_t offset;
    bool selects;
} key;

#define KEY(name, selects)                                                                         \
    { #name, offsetof(entry, name), selects }

static const key keys[] = {KEY(rule, true),        KEY(path, true),    KEY(kind, true),
                           KEY(fingerprint, true), KEY(package, true), KEY(advisory, true),
                           KEY(owner, false),      KEY(reason, false), KEY(expires, false)};

#define KEY_COUNT (sizeof keys / sizeof *keys)

static str *field(entry *en, const key *k) {
    return (str *)((char *)en + k->offset);
}

static bool is_leap(unsigned year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* A day of the calendar as 2026-11-27. */
static bool is_date(str s) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t year, month, day;
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' ||
        !str_to_uint(str_sub(s, 0, 4), 9999, &year) || !str_to_uint(str_sub(s, 5, 7), 12, &month) ||
        !str_to_uint(str_sub(s, 8, 10), 31, &day) || month == 0 || day == 0)
        return false;
    return day <= days[month - 1] + (unsigned)(month == 2 && is_leap((unsigned)year));
}

static const key *find_key(str name) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_is(name, keys[i].name)) return &keys[i];
    }
    return NULL;
}

static int unknown_key(const yaml_node *node, err *e) {
    str names[KEY_COUNT];
    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = str_from(keys[i].name);
    str near = str_nearest(node->text, names, KEY_COUNT);
    return err_at(e, ERR_INVALID, node->where,
                  "a suppression has no key '%.*s'%s%.*s%s: there are rule, path, kind, "
                  "fingerprint, package, advisory, owner, reason and expires",
                  STR_ARG(node->text), near.len ? " (did you mean '" : "", STR_ARG(near),
                  near.len ? "'?)" : "");
}

/* A wrong one would suppress nothing, and be noticed late. */
static int judge_kind(const suppressions *s, const yaml_node *item, err *e) {
    str names[KINDS_MAX + 1], kind = str_trim(item->text);
    size_t count = 0;
    while (count < KINDS_MAX && s->kinds[count]) {
        names[count] = str_from(s->kinds[count]);
        if (str_eq(kind, names[count++])) return 0;
    }
    names[count++] = STR(SUPPRESSIONS_ERRORS);
    if (str_is(kind, SUPPRESSIONS_ERRORS)) return 0;
    _cleanup_strbuf_ strbuf known = STRBUF_INIT;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&known, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    str near = str_nearest(kind, names, count);
    return err_at(e, ERR_INVALID, item->where, "there is no kind '%.*s'%s%.*s%s; there are %s",
                  STR_ARG(kind), near.len ? ", did you mean '" : "", STR_ARG(near),
                  near.len ? "'?" : "", strbuf_cstr(&known));
}

static int read_pair(const suppressions *s, entry *en, const yaml_pair *pair, err *e) {
    const yaml_node *name = pair->key, *item = pair->item;
    if (name->kind != YAML_SCALAR)
        return err_at(e, ERR_INVALID, name->where, "a key of a suppression is no name");
    const key *k = find_key(name->text);
    if (!k) return unknown_key(name, e);
    str *to = field(en, k);
    if (to->len) return err_at(e, ERR_INVALID, name->where, "'%s' is there twice", k->name);
    if (item->kind != YAML_SCALAR || !str_trim(item->text).len)
        return err_at(e, ERR_INVALID, item->where, "'%s' of a suppression needs a text", k->name);
    *to = str_trim(item->text);
    if (to == &en->expires && !is_date(*to))
        return err_at(e, ERR_INVALID, item->where,
                      "'%.*s' is no date: expires is a day like 2027-03-31", STR_ARG(*to));
    return to == &en->kind ? judge_kind(s, item, e) : 0;
}

static int judge_entry(entry *en, err *e) {
    bool selects = false;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const str *s = field(en, &keys[i]);
        selects |= keys[i].selects && s->len;
        if (!keys[i].selects && !s->len)
            return err_at(e, ERR_INVALID, en->where,
                          "a suppression needs '%s': who owns it, for what reason, and on which "
                          "day it expires",
                          keys[i].name);
    }
    return selects ? 0
                   : err_at(e, ERR_INVALID, en->where,
                            "a suppression must say what it is for: rule, path, kind, "
                            "fingerprint, package or advisory");
}

static int read_entry(suppressions *s, const yaml_node *node, err *e) {
    if (node->kind != YAML_MAPPING)
        return err_at(e, ERR_INVALID, node->where,
                      "a suppression is a mapping with owner, reason, expires, and what it is for");
    if (s->count == ENTRIES_MAX)
        return err_at(e, ERR_LIMIT, node->where, "there are more than %d suppressions",
                      ENTRIES_MAX);
    entry en = {.where = node->where};
    int r = 0;
    for (size_t i = 0; i < node->mapping.count && r == 0; i++)
        r = read_pair(s, &en, &node->mapping.pairs[i], e);
    if (r == 0) r = judge_entry(&en, e);
    if (r == 0) ARENA_PUSH(s->a, s->entries, s->count, s->cap, en);
    return r;
}

int suppressions_parse(arena *a, str text, const char *file, const char *const *kinds,
                       suppressions **ret, err *e) {
    const yaml_limits limits = {.max_bytes = SUPPRESSIONS_MAX};
    const yaml_node *root;
    suppressions *s = ARENA_NEW(a, suppressions);
    *s = (suppressions){.a = a, .file = str_from(file), .kinds = kinds};
    int r = yaml_parse(a, text, file, &limits, &root, e);
    if (r < 0) return r;
    bool empty =
        !root || (root->kind == YAML_SCALAR && root->style == YAML_PLAIN && !root->text.len);
    if (!empty && root->kind != YAML_SEQUENCE)
        return err_at(e, ERR_INVALID, root->where,
                      "expected a list of suppressions: each begins with '- '");
    for (size_t i = 0; !empty && i < root->sequence.count && r == 0; i++)
        r = read_entry(s, root->sequence.items[i], e);
    s->kinds = NULL;
    *ret = s;
    return r;
}

/* ---- what an entry is for ------------------------------------------------------------------- */

static bool fits_advisory(str wanted, const finding *f) {
    const value *aliases = value_get(&f->properties, STR("aliases"));
    if (str_eq_nocase(wanted, f->rule) ||
        str_eq_nocase(wanted, value_path_str(&f->properties, "advisory")))
        return true;
    if (!aliases || aliases->kind != VALUE_ARRAY) return false;
    for (size_t i = 0; i < aliases->array.count; i++) {
        const value *v = &aliases->array.items[i];
        if (v->kind == VALUE_STRING && str_eq_nocase(wanted, v->string)) return true;
    }
    return false;
}

/* "pkg:npm/lodash@4.17.15?arch=…" without what follows the name. */
static str purl_name(str purl) {
    ptrdiff_t end = str_rfind_char(purl, '@');
    return end > 4 ? str_sub(purl, 0, (size_t)end) : purl;
}

static bool fits_package(str wanted, const finding *f) {
    str name = value_path_str(&f->properties, "package"),
        purl = value_path_str(&f->properties, "purl");
    return (name.len && glob_name(wanted, name)) ||
           (purl.len && (glob_name(wanted, purl) || glob_name(wanted, purl_name(purl))));
}

/* That files are not scanned must be said: an entry for all of a folder does not mean it. */
static bool fits_kind(const entry *en, const finding *f) {
    return en->kind.len ? str_eq(en->kind, f->kind) : !str_is(f->kind, SUPPRESSIONS_ERRORS);
}

static bool fits(const entry *en, const finding *f) {
    return fits_kind(en, f) &&
           (!en->fingerprint.len || str_eq_nocase(en->fingerprint, f->fingerprint)) &&
           (!en->rule.len || glob_name(en->rule, f->rule)) &&
           (!en->path.len || glob_path(en->path, f->path)) &&
           (!en->advisory.len || fits_advisory(en->advisory, f)) &&
           (!en->package.len || fits_package(en->package, f));
}

/* Dates of this form are ordered as text. */
static bool has_expired(const entry *en, str today) {
    return str_cmp(en->expires, today) < 0;
}

static const entry *find_entry(suppressions *s, str today, const finding *f) {
    const entry *found = NULL;
    for (size_t i = 0; s && i < s->count; i++) {
        entry *en = &s->entries[i];
        if (has_expired(en, today) || !fits(en, f)) continue;
        en->hits++;
        if (!found) found = en;
    }
    return found;
}

/* ---- findings about entries ------------------------------------------------------------------ */

static str what_for(arena *a, entry *en) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const str *s = field(en, &keys[i]);
        if (!keys[i].selects || !s->len) continue;
        strbuf_addf(&out, "%s%s %.*s", out.len ? ", " : "", keys[i].name, STR_ARG(*s));
    }
    return arena_str(a, strbuf_str(&out));
}

static void add_finding(suppressions *s, entry *en, finding f, scan_report *r) {
    f.kind = STR(SUPPRESSIONS_KIND);
    f.path = s->file;
    f.line = en->where.line;
    f.column = en->where.column;
    finding_identify(s->a, &f, what_for(s->a, en));
    finding_list_add(&r->findings, &f);
}

static void tell_expired(suppressions *s, entry *en, scan_report *r) {
    str what = what_for(s->a, en);
    add_finding(
        s, en,
        (finding){.rule = STR("expired-suppression"),
                  .level = LEVEL_MEDIUM,
                  .title = STR("Suppression that has expired"),
                  .message = arena_printf(
                      s->a, "the suppression of %.*s expired on %.*s (owner %.*s: %.*s)",
                      STR_ARG(what), STR_ARG(en->expires), STR_ARG(en->owner), STR_ARG(en->reason)),
                  .help = STR("What it was for counts again. Mend that and remove the entry, or "
                              "decide anew and give it a later date.")},
        r);
}

static void tell_unused(suppressions *s, entry *en, scan_report *r) {
    str what = what_for(s->a, en);
    add_finding(s, en,
                (finding){.rule = STR("unused-suppression"),
                          .level = LEVEL_INFO,
                          .title = STR("Suppression that suppresses nothing"),
                          .message = arena_printf(s->a, "nothing is found for %.*s any more",
                                                  STR_ARG(what)),
                          .help = STR("Remove the entry: it would hide what comes later.")},
                r);
}

static bool suppress(suppressions *s, str today, finding *f) {
    const entry *en = find_entry(s, today, f);
    if (!en) return false;
    f->suppressed = SUPPRESSED_EXTERNAL;
    f->justification = arena_printf(s->a, "%.*s (%.*s, until %.*s)", STR_ARG(en->reason),
                                    STR_ARG(en->owner), STR_ARG(en->expires));
    return true;
}

static void suppress_errors(suppressions *s, str today, scan_report *r) {
    scan_error_list *errors = &r->errors;
    size_t kept = 0;
    for (size_t i = 0; i < errors->count; i++) {
        const scan_error *error = &errors->items[i];
        finding f = {.kind = STR(SUPPRESSIONS_ERRORS),
                     .rule = STR("not-scanned"),
                     .level = LEVEL_INFO,
                     .title = STR("File that could not be scanned"),
                     .message = error->message,
                     .path = error->path,
                     .line = error->line,
                     .column = error->column};
        finding_identify(s->a, &f, error->message);
        if (error->path.len && suppress(s, today, &f))
            finding_list_add(&r->suppressed, &f);
        else
            errors->items[kept++] = *error;
    }
    errors->count = kept;
}

void suppressions_apply(suppressions *s, str today, bool unused, scan_report *r) {
    finding_list *all = &r->findings;
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        finding f = all->items[i];
        if (f.suppressed || suppress(s, today, &f))
            finding_list_add(&r->suppressed, &f);
        else
            all->items[kept++] = f;
    }
    all->count = kept;
    if (s) suppress_errors(s, today, r);
    for (size_t i = 0; s && i < s->count; i++) {
        entry *en = &s->entries[i];
        if (has_expired(en, today))
            tell_expired(s, en, r);
        else if (unused && !en->hits)
            tell_unused(s, en, r);
    }
    finding_list_sort(all, ORDER_PLACE);
}
