/* match.c: from packages to the advisories that affect them, those that name each other taken
 * together, and what a version must be upgraded to. What is then said of them: report.c. */
#include "scan/advisories/match.h"

#include "scan/advisories/evaluate.h"
#include "scan/advisories/version.h"

#include <stdlib.h>

#define CANDIDATES_MAX 4096 /* versions that an upgrade may lead to */

typedef struct matching {
    arena *a;
    const advisories *v;
    const advisories_match_options *options;
    advisories_matched *ret;
} matching;

/* ---- finding them ---------------------------------------------------------------------------- */

/* All that the store says of a package, affected or not. */
static int read_all(matching *m, const package *p, match_list *to, err *e) {
    str name = package_normal_name(m->a, p->ecosystem, p->name);
    const osv_key *keys;
    size_t count = osv_keys(m->v->store, package_hash(p->ecosystem, name), &keys);
    for (size_t i = 0; i < count; i++) {
        str packed;
        match one = {.record = keys[i].record};
        if (osv_record(m->v->store, keys[i].record, &packed, e) < 0 ||
            advisory_unpack(m->a, packed, keys[i].affected, &one.advisory, e) < 0)
            return e->code;
        const affected *about = one.advisory.affected;
        if (!str_eq(about->name, name) || !ecosystem_covers(about->ecosystem, p->ecosystem))
            continue;
        one.verdict = evaluate(about, p->version);
        ARENA_PUSH(m->a, to->items, to->count, to->cap, one);
    }
    return 0;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static bool names(const advisory *a, str id) {
    if (str_eq(a->id, id)) return true;
    for (size_t i = 0; i < a->aliases.count; i++) {
        if (str_eq(a->aliases.items[i], id)) return true;
    }
    return false;
}

static bool are_aliases(const advisory *a, const advisory *b) {
    if (names(a, b->id)) return true;
    for (size_t i = 0; i < b->aliases.count; i++) {
        if (names(a, b->aliases.items[i])) return true;
    }
    return false;
}

static size_t root_of(const match_list *all, size_t i) {
    while (all->items[i].group != i)
        i = all->items[i].group;
    return i;
}

/* Aliases are symmetric and transitive. The group is its first member. */
static void group(match_list *all) {
    for (size_t i = 0; i < all->count; i++)
        all->items[i].group = i;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].verdict != VERDICT_AFFECTED) continue;
        for (size_t k = 0; k < i; k++) {
            const match *other = &all->items[k];
            if (other->verdict != VERDICT_AFFECTED ||
                !are_aliases(&other->advisory, &all->items[i].advisory))
                continue;
            size_t x = root_of(all, i), y = root_of(all, k);
            all->items[x > y ? x : y].group = x > y ? y : x;
        }
    }
    for (size_t i = 0; i < all->count; i++)
        all->items[i].group = root_of(all, i);
}

/* ---- upgrades -------------------------------------------------------------------------------- */

typedef struct candidates {
    arena *a;
    str ecosystem;
    str *items; /* ascending, without twins */
    size_t count, cap;
} candidates;

static void add_candidate(void *context, str version) {
    candidates *c = context;
    size_t from = 0, to = c->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = version_compare_in_range(c->ecosystem, c->items[middle], version);
        if (order == 0) return;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (c->count == CANDIDATES_MAX) return;
    ARENA_PUSH(c->a, c->items, c->count, c->cap, version);
    for (size_t i = c->count - 1; i > from; i--)
        c->items[i] = c->items[i - 1];
    c->items[from] = version;
}

/* The first number: what an upgrade within it may break is little. */
static str major_of(str version) {
    if (version.len && (*version.ptr == 'v' || *version.ptr == 'V'))
        version = str_sub(version, 1, version.len);
    size_t n = 0;
    while (n < version.len && version.ptr[n] >= '0' && version.ptr[n] <= '9')
        n++;
    return str_sub(version, 0, n);
}

static bool mends(const match_list *all, str version) {
    for (size_t i = 0; i < all->count; i++) {
        if (evaluate(all->items[i].advisory.affected, version) != VERDICT_UNAFFECTED) return false;
    }
    return true;
}

static str smallest_upgrade(const match_list *all, const candidates *c, str version) {
    for (int any_major = 0; any_major < 2; any_major++) {
        for (size_t i = 0; i < c->count; i++) {
            bool same = str_eq(major_of(c->items[i]), major_of(version));
            if (same == (any_major == 0) && mends(all, c->items[i])) return c->items[i];
        }
    }
    return STR_EMPTY;
}

static candidates fixes_of(matching *m, const package *p, const match_list *all,
                           size_t only_group) {
    candidates c = {.a = m->a, .ecosystem = p->ecosystem};
    for (size_t i = 0; i < all->count; i++) {
        const match *one = &all->items[i];
        if (one->verdict != VERDICT_AFFECTED) continue;
        if (only_group == SIZE_MAX || one->group == only_group)
            evaluate_fixes(one->advisory.affected, p->version, add_candidate, &c);
    }
    return c;
}

/* The first version after this one that no advisory of the group affects. */
static str fixed_in(matching *m, const package *p, const match_list *all, size_t group_index) {
    candidates c = fixes_of(m, p, all, group_index);
    match_list members = {0};
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].verdict == VERDICT_AFFECTED && all->items[i].group == group_index)
            ARENA_PUSH(m->a, members.items, members.count, members.cap, all->items[i]);
    }
    for (size_t i = 0; i < c.count; i++) {
        if (mends(&members, c.items[i])) return c.items[i];
    }
    return STR_EMPTY;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void tell_unknown(matching *m, const package *p, const match_list *all) {
    size_t count = 0;
    str example = STR_EMPTY;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].verdict != VERDICT_UNKNOWN) continue;
        if (!count++) example = all->items[i].advisory.id;
    }
    if (!count) return;
    scan_error_list *to = &m->ret->errors;
    scan_error error = {
        p->path, p->line, p->column,
        arena_printf(m->a,
                     "it cannot be said whether %zu advisor%s (%.*s%s) affect%s %.*s: "
                     "its version '%.*s' has no place in the order of %.*s",
                     count, count == 1 ? "y" : "ies", STR_ARG(example), count == 1 ? "" : ", …",
                     count == 1 ? "s" : "", STR_ARG(p->name), STR_ARG(p->version),
                     STR_ARG(p->ecosystem))};
    ARENA_PUSH(to->a, to->items, to->count, to->cap, error);
}

static int cmp_findings(const void *left, const void *right) {
    const ranked_finding *a = left, *b = right;
    if (a->finding.level != b->finding.level) return a->finding.level < b->finding.level ? -1 : 1;
    if (a->kev != b->kev) return a->kev ? -1 : 1;
    if (a->epss != b->epss) return a->epss > b->epss ? -1 : 1;
    return str_cmp(a->finding.rule, b->finding.rule);
}

static int match_one(matching *m, const package *p, err *e) {
    match_list all = {0};
    ranked_finding *found = NULL;
    size_t count = 0, cap = 0;
    if (read_all(m, p, &all, e) < 0) return e->code;
    if (!all.count) return 0;
    group(&all);
    tell_unknown(m, p, &all);
    str upgrade = STR_EMPTY;
    bool asked = false;
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i].verdict != VERDICT_AFFECTED || all.items[i].group != i) continue;
        if (!asked) {
            candidates c = fixes_of(m, p, &all, SIZE_MAX);
            upgrade = smallest_upgrade(&all, &c, p->version);
            asked = true;
        }
        match_group g = {.package = p,
                         .all = &all,
                         .index = i,
                         .fixed = fixed_in(m, p, &all, i),
                         .upgrade = upgrade};
        ranked_finding one;
        if (!describe(m->a, m->v, &g, m->options->vex, &one)) {
            m->ret->suppressed++;
            continue;
        }
        ARENA_PUSH(m->a, found, count, cap, one);
    }
    if (count) qsort(found, count, sizeof *found, cmp_findings);
    finding_list *to = &m->ret->findings;
    for (size_t i = 0; i < count; i++)
        ARENA_PUSH(to->a, to->items, to->count, to->cap, found[i].finding);
    return 0;
}

int advisories_match(arena *a, const advisories *v, const package *packages, size_t count,
                     const advisories_match_options *options, advisories_matched *ret, err *e) {
    advisories_matched matched = {.findings = {.a = a}, .errors = {.a = a}};
    matching m = {.a = a, .v = v, .options = options, .ret = &matched};
    for (size_t i = 0; i < count; i++) {
        if (match_one(&m, &packages[i], e) < 0) return e->code;
    }
    *ret = matched;
    return 0;
}
