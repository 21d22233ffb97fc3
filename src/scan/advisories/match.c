/* match.c: from packages to the advisories that affect them, those that name each other taken
 * together, and what a version must be upgraded to. What is then said of them: report.c. */
#include "scan/advisories/match.h"

#include "scan/advisories/evaluate.h"
#include "scan/advisories/repository.h"
#include "scan/advisories/version.h"

#include <stdlib.h>

#define CANDIDATES_MAX  4096 /* versions that an upgrade may lead to */
#define UNKNOWN_IDS_MAX 100  /* that a finding names */

typedef struct matching {
    arena *a;
    const advisories *v;
    const advisories_match_options *options;
    advisories_matched *ret;
} matching;

/* ---- finding them ---------------------------------------------------------------------------- */

static verdict judge(const package *p, const affected *about, bool by_commit) {
    if (by_commit) return evaluate_commit(about, p->version, p->commit);
    verdict found = evaluate(about, p->version);
    if (found == VERDICT_AFFECTED || !p->commit.len) return found;
    return evaluate_commit(about, STR_EMPTY, p->commit) == VERDICT_AFFECTED ? VERDICT_AFFECTED
                                                                            : found;
}

/* All that the store says of a package under a name, affected or not. */
static int read_named(matching *m, const package *p, str ecosystem, str name, match_list *to,
                      err *e) {
    const osv_key *keys;
    bool by_commit = str_is(ecosystem, ECOSYSTEM_GIT);
    size_t count = osv_keys(m->v->store, package_hash(ecosystem, name), &keys);
    for (size_t i = 0; i < count; i++) {
        str packed;
        match one = {.record = keys[i].record, .by_commit = by_commit};
        if (osv_record(m->v->store, keys[i].record, &packed, e) < 0 ||
            advisory_unpack(m->a, packed, keys[i].affected, &one.advisory, e) < 0)
            return e->code;
        const affected *about = one.advisory.affected;
        if (!str_eq(about->name, name) || !ecosystem_covers(about->ecosystem, ecosystem)) continue;
        one.verdict = judge(p, about, by_commit);
        ARENA_PUSH(m->a, to->items, to->count, to->cap, one);
    }
    return 0;
}

/* As a package, and as what comes out of its repository. */
static int read_all(matching *m, const package *p, match_list *to, err *e) {
    str name = package_normal_name(m->a, p->ecosystem, p->name);
    int r = read_named(m, p, p->ecosystem, name, to, e);
    if (r == 0 && p->other_name.len && !str_eq(p->other_name, p->name))
        r = read_named(m, p, p->ecosystem, p->other_name, to, e);
    if (r == 0 && p->repository.len) r = read_named(m, p, STR(ECOSYSTEM_GIT), p->repository, to, e);
    return r;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* One name of a match: its id or an alias. */
typedef struct alias {
    str id;
    size_t match;
} alias;

static int cmp_aliases(const void *left, const void *right) {
    const alias *a = left, *b = right;
    int order = str_cmp(a->id, b->id);
    return order ? order : (a->match > b->match) - (a->match < b->match);
}

static size_t root_of(const match_list *all, size_t i) {
    while (all->items[i].group != i)
        i = all->items[i].group;
    return i;
}

static void join(match_list *all, size_t i, size_t k) {
    size_t x = root_of(all, i), y = root_of(all, k);
    all->items[x > y ? x : y].group = x > y ? y : x;
}

/* Aliases are symmetric and transitive. The group is its first member. */
static void group(arena *a, match_list *all) {
    alias *aliases = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < all->count; i++) {
        match *one = &all->items[i];
        one->group = i;
        one->next = SIZE_MAX;
        if (one->verdict != VERDICT_AFFECTED) continue;
        ARENA_PUSH(a, aliases, count, cap, ((alias){one->advisory.id, i}));
        for (size_t k = 0; k < one->advisory.aliases.count; k++)
            ARENA_PUSH(a, aliases, count, cap, ((alias){one->advisory.aliases.items[k], i}));
    }
    if (count) qsort(aliases, count, sizeof *aliases, cmp_aliases);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(aliases[i].id, aliases[i - 1].id))
            join(all, aliases[i].match, aliases[i - 1].match);
    }
    /* From the back, so that the members of a group are in order. */
    for (size_t i = all->count; i-- > 0;) {
        match *one = &all->items[i];
        one->group = root_of(all, i);
        if (one->verdict != VERDICT_AFFECTED || one->group == i) continue;
        one->next = all->items[one->group].next;
        all->items[one->group].next = i;
    }
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

/* What affected the version before probably affects this one too, so it is asked first. */
static bool mends(const match_list *all, str version, size_t *last) {
    for (size_t i = 0; i <= all->count; i++) {
        size_t at = i == 0 ? *last : i - 1;
        if (evaluate(all->items[at].advisory.affected, version) == VERDICT_UNAFFECTED) continue;
        *last = at;
        return false;
    }
    return true;
}

static str smallest_upgrade(const match_list *all, const candidates *c, str version) {
    size_t last = 0;
    for (int any_major = 0; any_major < 2; any_major++) {
        for (size_t i = 0; i < c->count; i++) {
            bool same = str_eq(major_of(c->items[i]), major_of(version));
            if (same == (any_major == 0) && mends(all, c->items[i], &last)) return c->items[i];
        }
    }
    return STR_EMPTY;
}

static str upgrade_of(matching *m, const package *p, const match_list *all) {
    candidates c = {.a = m->a, .ecosystem = p->ecosystem};
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].verdict == VERDICT_AFFECTED)
            evaluate_fixes(all->items[i].advisory.affected, p->version, add_candidate, &c);
    }
    return smallest_upgrade(all, &c, p->version);
}

/* The first version after this one that no advisory of the group affects. */
static str fixed_in(matching *m, const package *p, const match_list *all, size_t first) {
    candidates c = {.a = m->a, .ecosystem = p->ecosystem};
    for (size_t i = first; i != SIZE_MAX; i = all->items[i].next)
        evaluate_fixes(all->items[i].advisory.affected, p->version, add_candidate, &c);
    if (!c.count && all->items[first].by_commit)
        return evaluate_commit_fix(all->items[first].advisory.affected);
    for (size_t k = 0; k < c.count; k++) {
        size_t i = first;
        while (i != SIZE_MAX &&
               evaluate(all->items[i].advisory.affected, c.items[k]) == VERDICT_UNAFFECTED)
            i = all->items[i].next;
        if (i == SIZE_MAX) return c.items[k];
    }
    return STR_EMPTY;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void tell_unknown(matching *m, const package *p, const match_list *all) {
    size_t count = 0;
    str example = STR_EMPTY;
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].verdict != VERDICT_UNKNOWN || all->items[i].by_commit) continue;
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

static bool same_id(const advisory *a, const advisory *b) {
    if (str_eq(a->id, b->id)) return true;
    for (size_t i = 0; i < a->aliases.count; i++) {
        if (str_eq(a->aliases.items[i], b->id)) return true;
    }
    for (size_t i = 0; i < b->aliases.count; i++) {
        if (str_eq(b->aliases.items[i], a->id)) return true;
    }
    return false;
}

/* Whether what is not known by the commit is known by the version, or by another commit. */
static bool is_decided(const package *p, const match_list *all, const match *unknown) {
    for (size_t i = 0; i < all->count; i++) {
        const match *other = &all->items[i];
        bool says_nothing = !other->by_commit && !p->version.len;
        if (says_nothing && other->verdict == VERDICT_UNAFFECTED) continue;
        if (other->verdict != VERDICT_UNKNOWN && same_id(&other->advisory, &unknown->advisory))
            return true;
    }
    return false;
}

/* Advisories for a repository of which only it can tell whether they are about this commit. */
static void tell_unknown_commit(matching *m, const package *p, const match_list *all) {
    value ids = value_array_new(m->a);
    size_t count = 0;
    for (size_t i = 0; i < all->count && p->from_repository; i++) {
        const match *one = &all->items[i];
        if (one->verdict != VERDICT_UNKNOWN || !one->by_commit || is_decided(p, all, one)) continue;
        if (count++ < UNKNOWN_IDS_MAX) value_push(m->a, &ids, value_string(one->advisory.id));
    }
    if (!count) return;
    match_unknown told = {.package = p, .ids = ids, .count = count};
    finding f = describe_unknown(m->a, &told);
    finding_list_add(&m->ret->findings, &f);
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
    group(m->a, &all);
    tell_unknown(m, p, &all);
    tell_unknown_commit(m, p, &all);
    str upgrade = STR_EMPTY;
    bool asked = false;
    size_t groups = 0;
    for (size_t i = 0; i < all.count; i++)
        groups += all.items[i].verdict == VERDICT_AFFECTED && all.items[i].group == i;
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i].verdict != VERDICT_AFFECTED || all.items[i].group != i) continue;
        if (!asked) {
            upgrade = upgrade_of(m, p, &all);
            asked = true;
        }
        match_group g = {.package = p,
                         .all = &all,
                         .index = i,
                         .fixed = fixed_in(m, p, &all, i),
                         .sisters = groups,
                         .upgrade = upgrade};
        ranked_finding one;
        describe(m->a, m->v, &g, m->options->vex, &one);
        m->ret->suppressed += one.finding.suppressed == SUPPRESSED_EXTERNAL;
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
