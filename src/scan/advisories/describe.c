/* describe.c: what is said of a package that advisories affect. */
#include "scan/advisories/cvss.h"
#include "scan/advisories/match.h"
#include "scan/inline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S (24 * 60 * 60)

typedef struct describing {
    arena *a;
    const advisories *v;
    const match_group *g;
    const advisory *first; /* of the group: the one whose texts are used */
    str *ids;              /* its own and the aliases of all, sorted, without twins */
    size_t id_count, id_cap;
    str rule;
} describing;

static size_t next_member(const match_group *g, size_t i) {
    return g->all->items[i].next;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* What people look for first: a CVE, then GitHub's id. */
static int id_rank(str id) {
    return str_starts(id, STR("CVE-")) ? 0 : str_starts(id, STR("GHSA-")) ? 1 : 2;
}

/* Numbers in ids grow: CVE-2021-9 before CVE-2021-10. */
static int cmp_ids(const void *left, const void *right) {
    const str *a = left, *b = right;
    uint64_t x, y;
    if (id_rank(*a) != id_rank(*b)) return id_rank(*a) - id_rank(*b);
    if (cve_key(*a, &x) && cve_key(*b, &y) && x != y) return x < y ? -1 : 1;
    return str_cmp(*a, *b);
}

static void add_ids(describing *d, const advisory *from) {
    ARENA_PUSH(d->a, d->ids, d->id_count, d->id_cap, from->id);
    for (size_t i = 0; i < from->aliases.count; i++)
        ARENA_PUSH(d->a, d->ids, d->id_count, d->id_cap, from->aliases.items[i]);
}

static void collect_ids(describing *d) {
    for (size_t i = d->g->index; i != SIZE_MAX; i = next_member(d->g, i)) {
        const advisory *one = &d->g->all->items[i].advisory;
        add_ids(d, one);
        /* The texts of GitHub's are the best kept. */
        if (!d->first || (!str_starts(d->first->id, STR("GHSA-")) &&
                          (str_starts(one->id, STR("GHSA-")) || !d->first->summary.len)))
            d->first = one;
    }
    qsort(d->ids, d->id_count, sizeof *d->ids, cmp_ids);
    size_t kept = 0;
    for (size_t i = 0; i < d->id_count; i++) {
        if (!kept || !str_eq(d->ids[i], d->ids[kept - 1])) d->ids[kept++] = d->ids[i];
    }
    d->id_count = kept;
    d->rule = d->ids[0];
}

static str link_of(const describing *d) {
    for (size_t i = 0; i < d->id_count; i++) {
        if (str_starts(d->ids[i], STR("GHSA-")))
            return arena_printf(d->a, "https://github.com/advisories/%.*s", STR_ARG(d->ids[i]));
    }
    return arena_printf(d->a, "https://osv.dev/vulnerability/%.*s", STR_ARG(d->first->id));
}

/* ---- severity -------------------------------------------------------------------------------- */

typedef struct severity {
    finding_level level;
    int cvss; /* tenths, or -1 */
    str vector, word;
    const char *source;
} severity;

/* Of databases that give no vector. */
static const struct {
    const char *word;
    finding_level level;
} severity_words[] = {
    {"critical", LEVEL_CRITICAL},  {"high", LEVEL_HIGH},       {"important", LEVEL_HIGH},
    {"moderate", LEVEL_MEDIUM},    {"medium", LEVEL_MEDIUM},   {"low", LEVEL_LOW},
    {"negligible", LEVEL_LOW},     {"unimportant", LEVEL_LOW}, {"minor", LEVEL_LOW},
    {"informational", LEVEL_INFO}, {"none", LEVEL_INFO},
};

/* Version 2 scores other things, and counts only where nobody has scored by a later one. */
static bool is_version_2(str vector) {
    return !str_starts(vector, STR("CVSS:"));
}

static void worst_vector(severity *s, str_list vectors) {
    for (size_t i = 0; i < vectors.count; i++) {
        str one = vectors.items[i];
        int score = cvss_score(one);
        bool old = is_version_2(one), had_old = s->cvss >= 0 && is_version_2(s->vector);
        bool better = s->cvss < 0 || old == had_old ? score > s->cvss : had_old;
        if (score >= 0 && better) s->cvss = score, s->vector = one;
    }
}

static void worst_word(severity *s, str word) {
    for (size_t i = 0; i < sizeof severity_words / sizeof *severity_words; i++) {
        if (!str_eq_nocase(word, str_from(severity_words[i].word))) continue;
        if (s->word.len && s->level <= severity_words[i].level) return;
        s->level = severity_words[i].level;
        s->word = word;
    }
}

/* The worst that any advisory of the group says; vectors count before words. A package that was
 * made to harm has no score, and nothing is worse. */
static severity judge(const describing *d) {
    severity s = {.level = LEVEL_MEDIUM, .cvss = -1, .source = "none"};
    bool malicious = false;
    for (size_t i = d->g->index; i != SIZE_MAX; i = next_member(d->g, i)) {
        const advisory *one = &d->g->all->items[i].advisory;
        worst_vector(&s, one->vectors);
        worst_vector(&s, one->affected->vectors);
        worst_word(&s, one->severity);
        worst_word(&s, one->affected->severity);
        malicious = malicious || str_starts(one->id, STR("MAL-"));
    }
    if (s.word.len) s.source = "database";
    if (s.cvss >= 0) s.level = cvss_level(s.cvss), s.source = "cvss";
    if (malicious && s.cvss < 0) s.level = LEVEL_CRITICAL, s.source = "malicious";
    return s;
}

/* ---- properties ------------------------------------------------------------------------------ */

static void put(describing *d, value *to, const char *key, value item) {
    value_set(d->a, to, str_from(key), item);
}

static void put_text(describing *d, value *to, const char *key, str text) {
    if (text.len) put(d, to, key, value_string(text));
}

static void put_texts(describing *d, value *to, const char *key, const str *texts, size_t count,
                      str but) {
    value list = value_array_new(d->a);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(texts[i], but)) value_push(d->a, &list, value_string(texts[i]));
    }
    if (value_count(&list)) put(d, to, key, list);
}

static str day_text(arena *a, int64_t seconds) {
    char text[32];
    struct tm tm;
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y-%m-%d", &tm)) return STR_EMPTY;
    return arena_str(a, str_from(text));
}

static void put_day(describing *d, value *to, const char *key, int64_t seconds) {
    if (seconds > 0) put_text(d, to, key, day_text(d->a, seconds));
}

static void put_kev(describing *d, value *to, const osv_kev *kev) {
    value object = value_object_new(d->a, true);
    put_day(d, &object, "added", (int64_t)kev->added_day * DAY_S);
    put_day(d, &object, "due", (int64_t)kev->due_day * DAY_S);
    put(d, &object, "ransomware", value_bool(kev->ransomware == 1));
    put(d, to, "kev", object);
}

/* The store has floats; what EPSS publishes has five decimals. */
static double share(float n) {
    return round((double)n * 1e5) / 1e5;
}

static void put_epss(describing *d, value *to, const osv_epss *epss) {
    value object = value_object_new(d->a, true);
    put(d, &object, "score", value_number(share(epss->score)));
    put(d, &object, "percentile", value_number(share(epss->percentile)));
    put(d, to, "epss", object);
}

typedef struct scores {
    const osv_kev *kev;
    const osv_epss *epss;
} scores;

static void look_up(const describing *d, str id, scores *s) {
    uint64_t cve;
    if (!cve_key(id, &cve)) return;
    const osv_kev *kev = osv_kev_of(d->v->store, cve);
    const osv_epss *epss = osv_epss_of(d->v->store, cve);
    if (kev && (!s->kev || kev->added_day < s->kev->added_day)) s->kev = kev;
    if (epss && (!s->epss || epss->score > s->epss->score)) s->epss = epss;
}

/* Also of what a distribution's advisory was made from. */
static scores scores_of(const describing *d) {
    scores s = {0};
    for (size_t i = 0; i < d->id_count; i++)
        look_up(d, d->ids[i], &s);
    for (size_t i = d->g->index; i != SIZE_MAX; i = next_member(d->g, i)) {
        const str_list *upstream = &d->g->all->items[i].advisory.upstream;
        for (size_t k = 0; k < upstream->count; k++)
            look_up(d, upstream->items[k], &s);
    }
    return s;
}

static void put_vex(describing *d, value *to, const vex_statement *known) {
    value object = value_object_new(d->a, true);
    put_text(d, &object, "status", str_from(vex_status_name(known->status)));
    put_text(d, &object, "justification", known->justification);
    put_text(d, &object, "note", known->note);
    put_text(d, &object, "source", known->source);
    put(d, to, "vex", object);
}

static value properties_of(describing *d, const severity *s, const scores *found,
                           const vex_statement *known) {
    const package *p = d->g->package;
    value to = value_object_new(d->a, true);
    put_text(d, &to, "package", p->name);
    put_text(d, &to, "version", p->version);
    put_text(d, &to, "ecosystem", p->ecosystem);
    put_text(d, &to, "purl", p->purl);
    put_text(d, &to, "commit", p->commit);
    put_text(d, &to, "advisory", d->first->id);
    put_texts(d, &to, "aliases", d->ids, d->id_count, d->rule);
    put_texts(d, &to, "upstream", d->first->upstream.items, d->first->upstream.count, STR_EMPTY);
    put_texts(d, &to, "cwe", d->first->cwes.items, d->first->cwes.count, STR_EMPTY);
    put_text(d, &to, "severity",
             str_from(strcmp(s->source, "none") == 0 ? "unknown" : level_name(s->level)));
    put_text(d, &to, "severity_source", str_from(s->source));
    if (s->cvss >= 0) put(d, &to, "cvss", value_number(s->cvss / 10.0));
    put_text(d, &to, "vector", s->vector);
    put_text(d, &to, "fixed", d->g->fixed);
    put_text(d, &to, "upgrade", d->g->upgrade);
    put(d, &to, "direct", value_bool(p->direct));
    put(d, &to, "dev", value_bool(p->dev));
    put_texts(d, &to, "via", p->via, p->via_count, STR_EMPTY);
    if (found->kev) put_kev(d, &to, found->kev);
    if (found->epss) put_epss(d, &to, found->epss);
    put_day(d, &to, "published", d->first->published_ms / 1000);
    put_day(d, &to, "modified", d->first->modified_ms / 1000);
    if (known) put_vex(d, &to, known);
    return to;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static str name_of(const describing *d) {
    const package *p = d->g->package;
    return p->version.len ? arena_printf(d->a, "%.*s %.*s", STR_ARG(p->name), STR_ARG(p->version))
                          : p->name;
}

static str summary_of(const describing *d) {
    str text = str_trim(d->first->summary);
    while (str_ends(text, STR(".")))
        text.len--;
    return text;
}

static str message_of(const describing *d) {
    str name = name_of(d), summary = summary_of(d);
    return summary.len
               ? arena_printf(d->a, "%.*s is affected by %.*s: %.*s", STR_ARG(name),
                              STR_ARG(d->rule), STR_ARG(summary))
               : arena_printf(d->a, "%.*s is affected by %.*s", STR_ARG(name), STR_ARG(d->rule));
}

static void add_way(const describing *d, strbuf *to) {
    const package *p = d->g->package;
    if (!p->via_count) return;
    strbuf_adds(to, " It came by ");
    for (size_t i = 0; i < p->via_count; i++)
        strbuf_addf(to, "%s%.*s", i ? " > " : "", STR_ARG(p->via[i]));
    strbuf_addc(to, '.');
}

static str help_of(const describing *d, const scores *found) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    const match_group *g = d->g;
    str name = g->package->name;
    if (g->upgrade.len)
        strbuf_addf(&text, "Upgrade %.*s to %.*s: no advisory affects that version.", STR_ARG(name),
                    STR_ARG(g->upgrade));
    else if (g->fixed.len && g->all->items[g->index].by_commit)
        strbuf_addf(&text, "Take %.*s from commit %.*s on, in which this is fixed.", STR_ARG(name),
                    STR_ARG(g->fixed));
    else if (g->fixed.len)
        strbuf_addf(&text, "Upgrade %.*s to %.*s, where this is fixed; others are left.",
                    STR_ARG(name), STR_ARG(g->fixed));
    else
        strbuf_addf(&text,
                    "No version of %.*s is known to be fixed: see whether it can be done "
                    "without, or say in a VEX document why it does not matter here.",
                    STR_ARG(name));
    if (g->upgrade.len && g->fixed.len && !str_eq(g->upgrade, g->fixed))
        strbuf_addf(&text, " This one is fixed in %.*s.", STR_ARG(g->fixed));
    if (found->kev) strbuf_adds(&text, " It is known to be exploited.");
    add_way(d, &text);
    return arena_str(d->a, strbuf_str(&text));
}

static str fix_of(const describing *d) {
    str to = d->g->upgrade.len ? d->g->upgrade : d->g->fixed;
    if (d->g->upgrade.len && d->g->sisters > 1)
        return arena_printf(d->a, "upgrade %.*s to %.*s, which mends all %zu",
                            STR_ARG(d->g->package->name), STR_ARG(to), d->g->sisters);
    return to.len ? arena_printf(d->a, "upgrade %.*s to %.*s", STR_ARG(d->g->package->name),
                                 STR_ARG(to))
                  : STR_EMPTY;
}

static void place_of(const package *p, finding *f) {
    f->path = p->path;
    f->line = p->line;
    f->column = p->column;
    f->end_line = p->end_line;
    f->end_column = p->end_column;
}

static void identify(arena *a, const package *p, finding *f) {
    finding_identify(a, f,
                     arena_printf(a, "%.*s %.*s@%.*s", STR_ARG(p->ecosystem), STR_ARG(p->name),
                                  STR_ARG(p->version)));
}

finding describe_unknown(arena *a, const match_unknown *told) {
    const package *p = told->package;
    const str *first = &told->ids.array.items[0].string;
    finding f = {.kind = STR("deps"),
                 .level = LEVEL_LOW,
                 .rule = STR("unknown-commit"),
                 .title = STR("A commit of which advisories cannot be judged"),
                 .help = STR("These advisories name commits of its repository. Which commits come "
                             "after those only the repository can tell: see there whether this one "
                             "has the fixes, and use a released version where there is one."),
                 .properties = value_object_new(a, true)};
    f.message = arena_printf(
        a, "it cannot be said whether %zu advisor%s (%.*s%s) affect%s %.*s at commit %.*s",
        told->count, told->count == 1 ? "y" : "ies", STR_ARG(*first), told->count == 1 ? "" : ", …",
        told->count == 1 ? "s" : "", STR_ARG(p->name), STR_ARG(str_sub(p->commit, 0, 12)));
    value_set_str(a, &f.properties, "package", p->name);
    if (p->version.len) value_set_str(a, &f.properties, "version", p->version);
    value_set_str(a, &f.properties, "ecosystem", p->ecosystem);
    value_set_str(a, &f.properties, "purl", p->purl);
    value_set_str(a, &f.properties, "repository", p->repository);
    value_set_str(a, &f.properties, "commit", p->commit);
    value_set(a, &f.properties, STR("count"), value_number((double)told->count));
    value_set(a, &f.properties, STR("advisories"), told->ids);
    value_set(a, &f.properties, STR("direct"), value_bool(p->direct));
    value_set(a, &f.properties, STR("dev"), value_bool(p->dev));
    place_of(p, &f);
    identify(a, p, &f);
    inline_judge_by(p->marker, &f);
    return f;
}

/* "not affected: vulnerable_code_not_present: it was taken out (vex.json)". */
static str reason_of(arena *a, const vex_statement *said) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    strbuf_adds(&text, said->status == VEX_FIXED ? "fixed" : "not affected");
    if (said->justification.len) strbuf_addf(&text, ": %.*s", STR_ARG(said->justification));
    if (said->note.len) strbuf_addf(&text, ": %.*s", STR_ARG(said->note));
    strbuf_addf(&text, " (%.*s)", STR_ARG(said->source));
    return arena_str(a, strbuf_str(&text));
}

void describe(arena *a, const advisories *v, const match_group *g, const vex *known,
              ranked_finding *ret) {
    describing d = {.a = a, .v = v, .g = g};
    const package *p = g->package;
    collect_ids(&d);
    const vex_statement *said = vex_find(known, d.ids, d.id_count, p->purl);
    severity s = judge(&d);
    scores found = scores_of(&d);
    str summary = summary_of(&d);
    finding f = {.kind = STR("deps"),
                 .level = s.level,
                 .rule = d.rule,
                 .title = summary.len ? summary : d.rule,
                 .message = message_of(&d),
                 .help = help_of(&d, &found),
                 .help_uri = link_of(&d),
                 .fix = fix_of(&d),
                 .properties = properties_of(&d, &s, &found, said)};
    place_of(p, &f);
    identify(a, p, &f);
    if (said && (said->status == VEX_NOT_AFFECTED || said->status == VEX_FIXED)) {
        f.suppressed = SUPPRESSED_EXTERNAL;
        f.justification = reason_of(a, said);
    }
    inline_judge_by(p->marker, &f);
    *ret = (ranked_finding){f, found.kev != NULL, found.epss ? found.epss->score : 0};
}
