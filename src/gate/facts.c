/* facts.c: several reports of a kind become one object that conditions read. Where two reports say
 * different things of the same, the worse counts. */
#include "gate/evidence.h"
#include "gate/gate.h"
#include "scan/scan.h"

#include <string.h>

#define NAMES_SHOWN 20 /* of a list that messages show */

typedef struct side {
    arena *a;
    const evidence_list *list;
    const gate_change *change;
} side;

static double number_at(const value *object, str key) {
    const value *v = value_get(object, key);
    return v && v->kind == VALUE_NUMBER ? v->number : 0;
}

static const value *array_at(const value *object, const char *key) {
    static const value nothing = {.kind = VALUE_ARRAY};
    const value *v = value_get(object, str_from(key));
    return v && v->kind == VALUE_ARRAY ? v : &nothing;
}

/* The next evidence of a kind from *at on, or NULL. */
static const value *next_of(const side *s, evidence_kind kind, size_t *at) {
    while (*at < s->list->count) {
        const evidence *ev = &s->list->items[(*at)++];
        if (ev->kind == kind) return &ev->metrics;
    }
    return NULL;
}

static void add_numbers(arena *a, value *to, const value *from, const char *const *keys,
                        size_t count) {
    for (size_t i = 0; i < count; i++)
        metric(a, to, keys[i],
               number_at(to, str_from(keys[i])) + number_at(from, str_from(keys[i])));
}

static void append(arena *a, value *to, const value *from) {
    for (size_t i = 0; i < from->array.count; i++)
        value_push(a, to, from->array.items[i]);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static bool tests_of(const side *s, value *ret) {
    static const char *const sums[] = {"total", "passed", "failed", "errors", "skipped", "seconds"};
    value names = value_array_new(s->a), failed = value_array_new(s->a);
    const value *m;
    bool any = false;
    *ret = value_object_new(s->a, true);
    for (size_t at = 0; (m = next_of(s, EVIDENCE_TESTS, &at)); any = true) {
        add_numbers(s->a, ret, m, sums, sizeof sums / sizeof *sums);
        append(s->a, &names, array_at(m, "names"));
        append(s->a, &failed, array_at(m, "failed_names"));
    }
    value_set(s->a, ret, STR("names"), names);
    value_set(s->a, ret, STR("failed_names"), failed);
    return any;
}

static value set_of(arena *a, const value *names) {
    value set = value_object_sized(a, true, names->array.count);
    for (size_t i = 0; i < names->array.count; i++) {
        if (names->array.items[i].kind == VALUE_STRING)
            value_set(a, &set, names->array.items[i].string, value_bool(true));
    }
    return set;
}

/* Tests that ran at the base and do not run now. */
static void add_vanished(arena *a, value *tests, const value *base) {
    value now = set_of(a, array_at(tests, "names")), gone = value_array_new(a);
    const value *names = array_at(base, "names");
    double count = 0;
    for (size_t i = 0; i < names->array.count; i++) {
        const value *name = &names->array.items[i];
        if (name->kind != VALUE_STRING || value_get(&now, name->string)) continue;
        count++;
        if (gone.array.count < NAMES_SHOWN) value_push(a, &gone, *name);
    }
    metric(a, tests, "vanished", count);
    value_set(a, tests, STR("vanished_names"), gone);
}

/* ---- coverage -------------------------------------------------------------------------------- */

/* Of a file that two reports measure, what the better one covers is covered for sure, and what the
 * larger one counts is there. */
static void take_file(arena *a, value *files, str path, const value *one) {
    const value *known = value_get(files, path);
    value f = value_object_new(a, true);
    double covered = number_at(one, STR("covered")), total = number_at(one, STR("total"));
    if (known && number_at(known, STR("covered")) > covered)
        covered = number_at(known, STR("covered"));
    if (known && number_at(known, STR("total")) > total) total = number_at(known, STR("total"));
    metric(a, &f, "covered", covered);
    metric(a, &f, "total", total);
    value_set(a, files, path, f);
}

static bool coverage_of(const side *s, value *ret) {
    static const char *const sums[] = {"branches_covered", "branches_total"};
    value files = value_object_new(s->a, true);
    const value *m;
    double covered = 0, total = 0;
    *ret = value_object_new(s->a, true);
    for (size_t at = 0; (m = next_of(s, EVIDENCE_COVERAGE, &at));) {
        const value *measured = value_get(m, STR("files"));
        add_numbers(s->a, ret, m, sums, 2);
        for (size_t i = 0; measured && measured->kind == VALUE_OBJECT && i < value_count(measured);
             i++)
            take_file(s->a, &files, value_at(measured, i)->key, &value_at(measured, i)->item);
    }
    for (size_t i = 0; i < value_count(&files); i++) {
        covered += number_at(&value_at(&files, i)->item, STR("covered"));
        total += number_at(&value_at(&files, i)->item, STR("total"));
    }
    if (total == 0) return false;
    metric(s->a, ret, "lines", covered * 100 / total);
    metric(s->a, ret, "lines_covered", covered);
    metric(s->a, ret, "lines_total", total);
    double branches = number_at(ret, STR("branches_total"));
    if (branches > 0)
        metric(s->a, ret, "branches", number_at(ret, STR("branches_covered")) * 100 / branches);
    value_set(s->a, ret, STR("files"), files);
    return true;
}

static bool same_path(str a, str b) {
    for (size_t i = 0; i < a.len && a.len == b.len; i++) {
        char x = a.ptr[i] == '\\' ? '/' : a.ptr[i], y = b.ptr[i] == '\\' ? '/' : b.ptr[i];
        if (x != y) return false;
    }
    return a.len == b.len;
}

/* Reports name files from the root, from a source folder, or absolutely; some by '\\'. */
static bool is_file(str measured, str changed) {
    str longer = measured.len >= changed.len ? measured : changed,
        shorter = measured.len >= changed.len ? changed : measured;
    size_t before = longer.len - shorter.len;
    if (!shorter.len || !same_path(str_sub(longer, before, longer.len), shorter)) return false;
    return before == 0 || longer.ptr[before - 1] == '/' || longer.ptr[before - 1] == '\\';
}

/* A file that the report names as git does is that one, and no other that ends so. */
static bool is_changed(const value *files, str measured, const gate_change *change) {
    for (size_t c = 0; c < change->file_count; c++) {
        str changed = change->files[c];
        if (is_file(measured, changed) && (str_eq(measured, changed) || !value_get(files, changed)))
            return true;
    }
    return false;
}

/* Percent of the lines of the changed files; false when none of them is measured. */
static bool changed_lines(const value *coverage, const gate_change *change, double *ret) {
    const value *files = value_get(coverage, STR("files"));
    double covered = 0, total = 0;
    for (size_t i = 0; i < value_count(files); i++) {
        const value_pair *f = value_at(files, i);
        if (!is_changed(files, f->key, change)) continue;
        covered += number_at(&f->item, STR("covered"));
        total += number_at(&f->item, STR("total"));
    }
    *ret = total > 0 ? covered * 100 / total : 0;
    return total > 0;
}

/* `drop`: points lost on the changed files. Files that are new have no base; files of which none is
 * measured, before or now, lose nothing. */
static void add_drop(arena *a, value *coverage, const value *base, const gate_change *change) {
    double now, before;
    bool measured = changed_lines(coverage, change, &now);
    if (measured) metric(a, coverage, "changed", now);
    if (!base) return;
    bool was = changed_lines(base, change, &before);
    metric(a, coverage, "drop", was ? before - (measured ? now : 0) : 0);
}

/* ---- findings -------------------------------------------------------------------------------- */

static void add_one(arena *a, value *to, str key, double n) {
    value_set(a, to, key, value_number(number_at(to, key) + n));
}

/* "deps 0f3a… 2": the second finding of its report with this fingerprint. The same one in another
 * report, such as the SARIF beside our JSON, is the same finding. */
static str identity_of(arena *a, value *counts, const value *f) {
    str fingerprint = value_path_str(f, "fingerprint"),
        key =
            arena_printf(a, "%.*s %.*s", STR_ARG(value_path_str(f, "kind")), STR_ARG(fingerprint));
    add_one(a, counts, key, 1);
    return arena_printf(a, "%.*s %.0f", STR_ARG(key), number_at(counts, key));
}

typedef struct finding_sum {
    value seen, kinds, list, counts; /* counts: by level, total, errors */
} finding_sum;

static void take_findings(arena *a, const value *m, finding_sum *sum) {
    const value *ran = value_get(m, STR("kinds")), *found = array_at(m, "list");
    value counts = value_object_sized(a, true, found->array.count);
    for (size_t i = 0; ran && ran->kind == VALUE_OBJECT && i < value_count(ran); i++)
        add_one(a, &sum->kinds, value_at(ran, i)->key, 0);
    for (size_t i = 0; i < found->array.count; i++) {
        const value *f = &found->array.items[i];
        str identity = identity_of(a, &counts, f);
        if (value_get(&sum->seen, identity)) continue;
        value_set(a, &sum->seen, identity, value_bool(true));
        value_push(a, &sum->list, *f);
        add_one(a, &sum->kinds, value_path_str(f, "kind"), 1);
        add_one(a, &sum->counts, value_path_str(f, "level"), 1);
        add_one(a, &sum->counts, STR("total"), 1);
    }
    add_one(a, &sum->counts, STR("errors"), number_at(m, STR("errors")));
}

static bool findings_of(const side *s, value *ret) {
    finding_sum sum = {value_object_new(s->a, true), value_object_new(s->a, true),
                       value_array_new(s->a), value_object_new(s->a, true)};
    const value *m;
    bool any = false;
    for (finding_level l = 0; l < LEVEL_COUNT; l++)
        metric(s->a, &sum.counts, level_name(l), 0);
    metric(s->a, &sum.counts, "total", 0);
    for (size_t at = 0; (m = next_of(s, EVIDENCE_FINDINGS, &at)); any = true)
        take_findings(s->a, m, &sum);
    *ret = sum.counts;
    value_set(s->a, ret, STR("kinds"), sum.kinds);
    value_set(s->a, ret, STR("list"), sum.list);
    return any;
}

static value fingerprints_of(arena *a, const value *findings) {
    const value *list = array_at(findings, "list");
    value set = value_object_sized(a, true, list->array.count);
    for (size_t i = 0; i < list->array.count; i++)
        value_set(a, &set, value_path_str(&list->array.items[i], "fingerprint"), value_bool(true));
    return set;
}

/* Without the base's findings, every finding is new. */
static void add_new(arena *a, value *findings, const value *base) {
    const value *list = array_at(findings, "list");
    value known = base ? fingerprints_of(a, base) : value_object_new(a, true);
    value fresh = value_object_new(a, true);
    double total = 0;
    for (finding_level l = 0; l < LEVEL_COUNT; l++)
        metric(a, &fresh, level_name(l), 0);
    for (size_t i = 0; i < list->array.count; i++) {
        const value *f = &list->array.items[i];
        str level = value_path_str(f, "level");
        if (value_get(&known, value_path_str(f, "fingerprint"))) continue;
        metric(a, &fresh, arena_cstr(a, level), number_at(&fresh, level) + 1);
        total++;
    }
    metric(a, &fresh, "total", total);
    value_set(a, findings, STR("new"), fresh);
}

/* ---- the others -------------------------------------------------------------------------------
 */

static bool sbom_of(const side *s, value *ret) {
    static const char *const sums[] = {"components", "unlicensed"};
    const value *m;
    bool any = false;
    *ret = value_object_new(s->a, true);
    for (size_t at = 0; (m = next_of(s, EVIDENCE_SBOM, &at)); any = true)
        add_numbers(s->a, ret, m, sums, 2);
    return any;
}

static double worse(str key, double a, double b) {
    if (str_is(key, "requests")) return a + b;
    bool small_is_worse = str_is(key, "requests_per_second");
    return (a < b) == small_is_worse ? a : b;
}

static bool load_of(const side *s, value *ret) {
    const value *m;
    bool any = false;
    *ret = value_object_new(s->a, true);
    for (size_t at = 0; (m = next_of(s, EVIDENCE_LOAD, &at)); any = true) {
        for (size_t i = 0; i < value_count(m); i++) {
            const value_pair *p = value_at(m, i);
            const value *known = value_get(ret, p->key);
            double n = p->item.number;
            metric(s->a, ret, arena_cstr(s->a, p->key),
                   known ? worse(p->key, known->number, n) : n);
        }
    }
    return any;
}

/* What two lists say of somebody: the worse counts. */
static unsigned badness(const value *review) {
    str state = value_path_str(review, "state");
    if (str_eq_nocase(state, STR("APPROVED"))) return 0;
    return str_eq_nocase(state, STR("CHANGES_REQUESTED")) ? 2 : 1;
}

static value latest_of(const side *s, str *ret_author, bool *ret_any) {
    value all = value_object_new(s->a, false);
    const value *m;
    *ret_any = false;
    for (size_t at = 0; (m = next_of(s, EVIDENCE_REVIEWS, &at)); *ret_any = true) {
        const value *latest = value_get(m, STR("latest"));
        if (!ret_author->len) *ret_author = value_path_str(m, "author");
        for (size_t i = 0; latest && latest->kind == VALUE_OBJECT && i < value_count(latest); i++) {
            const value_pair *who = value_at(latest, i);
            const value *known = value_get(&all, who->key);
            if (!known || badness(&who->item) > badness(known))
                value_set(s->a, &all, who->key, who->item);
        }
    }
    return all;
}

/* "@alice" is how people write it. */
static str login_of(str author) {
    author = str_trim(author);
    return str_starts(author, STR("@")) ? str_sub(author, 1, author.len) : author;
}

/* An address cannot be told from a login to be somebody else's. */
static bool is_comparable(const value *latest, str author) {
    bool is_address = str_find_char(author, '@') >= 0;
    for (size_t i = 0; i < value_count(latest); i++) {
        if ((str_find_char(value_at(latest, i)->key, '@') >= 0) != is_address) return false;
    }
    return author.len > 0;
}

static bool is_stale(const side *s, const value *review) {
    str commit = value_path_str(review, "commit"),
        head = s->change->head.len ? s->change->head : s->change->commit;
    return head.len && !str_eq_nocase(commit, head);
}

/* Approvals by others than the author; who that is must be known. */
static bool reviews_of(const side *s, value *ret) {
    double approvals = 0, refusals = 0, stale = 0, outsiders = 0;
    str told = STR_EMPTY, author = login_of(s->change->author);
    value approvers = value_array_new(s->a);
    bool any;
    value latest = latest_of(s, &told, &any);
    if (!author.len) author = login_of(told);
    *ret = value_object_new(s->a, true);
    for (size_t i = 0; i < value_count(&latest); i++) {
        const value_pair *who = value_at(&latest, i);
        bool outsider = value_get(&who->item, STR("outsider")) != NULL;
        refusals += badness(&who->item) == 2 && !outsider;
        if (badness(&who->item) || value_get(&who->item, STR("nobody")) ||
            str_eq_nocase(who->key, author) || str_eq_nocase(who->key, login_of(told)))
            continue;
        outsiders += outsider;
        if (outsider) continue;
        approvals++;
        stale += is_stale(s, &who->item);
        value_push(s->a, &approvers, value_string(who->key));
    }
    if (is_comparable(&latest, author)) {
        metric(s->a, ret, "approvals", approvals);
        metric(s->a, ret, "stale", stale);
        metric(s->a, ret, "current", approvals - stale);
        metric(s->a, ret, "outsiders", outsiders);
        value_set(s->a, ret, STR("approvers"), approvers);
        value_set(s->a, ret, STR("author"), value_string(author));
    }
    metric(s->a, ret, "changes_requested", refusals);
    return any;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static bool (*const readers[EVIDENCE_KIND_COUNT])(const side *s, value *ret) = {
    [EVIDENCE_TESTS] = tests_of,       [EVIDENCE_COVERAGE] = coverage_of,
    [EVIDENCE_FINDINGS] = findings_of, [EVIDENCE_SBOM] = sbom_of,
    [EVIDENCE_LOAD] = load_of,         [EVIDENCE_REVIEWS] = reviews_of};

static value side_facts(const side *s) {
    value all = value_object_new(s->a, true);
    for (evidence_kind k = 0; k < EVIDENCE_KIND_COUNT; k++) {
        value one;
        if (readers[k](s, &one)) value_set(s->a, &all, str_from(evidence_kind_name(k)), one);
    }
    return all;
}

static value change_facts(arena *a, const gate_change *c) {
    value v = value_object_new(a, true);
    if (c->commit.len) value_set_str(a, &v, "commit", c->commit);
    if (c->branch.len) value_set_str(a, &v, "branch", c->branch);
    if (c->base.len) value_set_str(a, &v, "base", c->base);
    if (c->author.len) value_set_str(a, &v, "author", c->author);
    if (!c->files_known) return v;
    value files = value_array_sized(a, c->file_count);
    for (size_t i = 0; i < c->file_count; i++)
        files.array.items[i] = value_string(c->files[i]);
    value_set(a, &v, STR("files"), files);
    return v;
}

static value *own(const value *facts, const char *key) {
    return (value *)value_get(facts, str_from(key));
}

value gate_facts(arena *a, const evidence_list *now, const evidence_list *base,
                 const gate_change *change) {
    side s = {a, now, change}, b = {a, base, change};
    value facts = side_facts(&s), before = side_facts(&b);
    value *tests = own(&facts, "tests"), *coverage = own(&facts, "coverage"),
          *findings = own(&facts, "findings");
    const value *base_tests = own(&before, "tests"), *base_coverage = own(&before, "coverage");
    if (tests && base_tests && array_at(base_tests, "names")->array.count)
        add_vanished(a, tests, base_tests);
    if (coverage && change->files_known) add_drop(a, coverage, base_coverage, change);
    if (findings) add_new(a, findings, own(&before, "findings"));
    value_set(a, &facts, STR("change"), change_facts(a, change));
    if (value_count(&before)) value_set(a, &facts, STR("base"), before);
    return facts;
}
