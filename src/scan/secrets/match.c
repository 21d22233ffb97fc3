#include "scan/secrets/match.h"

#include "scan/secrets/checks.h"
#include "scan/secrets/names.h"
#include "scan/secrets/prefilter.h"
#include "scan/secrets/runs.h"
#include "scan/secrets/settle.h"
#include "scan/secrets/versions.h"

#include <stdlib.h>
#include <string.h>

#define HEAVY_NAMES  5
#define WINDOWS_MAX  65536 /* of one rule in one text; more become one */
#define MATCHES_MAX  10000 /* of one rule in one text */
#define NO_WINDOW    UINT32_MAX
#define NEAR_BYTES   512
#define BEFORE_RUN   2 /* a byte of the match, and the one that a \b looks at */
#define ALLOW_INLINE "gitleaks:allow"

/* Where matches of a rule can begin. */
typedef struct window {
    size_t from, last;
    uint32_t next;
} window;

typedef struct rule_state {
    uint32_t first, latest, count; /* its windows */
    bool listed;
    bool filtered; /* vectorscan looks for it, or for its head */
    bool login;    /* it stands for all that are at a REGEX_LOGIN */
} rule_state;

typedef enum word_state { WORD_UNKNOWN, WORD_ABSENT, WORD_PRESENT } word_state;

struct matcher {
    secret_rules *rules;
    arena *a;
    prefilter *anywhere; /* for patterns that can match anywhere; NULL: none */
    prefilter *at_runs;  /* for the heads of the others, in what is around runs */
    /* Of versions, `anywhere` looks for the heads of far patterns, and `far` for all of these, in
     * texts that have such a head. NULL: every text is read whole by the other two. */
    prefilter *far;
    bool *is_far;      /* by rule */
    bool far_always;   /* there is one without a head */
    bool has_far_head; /* the text has */
    regex_matcher *regexes;
    rule_state *states;
    bool all_filtered;      /* all rules are */
    size_t before_assigned; /* bytes before an assigned run that the heads need */
    bool only_drawn;        /* all that is looked for near runs is drawn */
    run_list runs, drawn;   /* of the text, or of what has changed in it */
    bool has_all_runs;
    run_extract near_runs;
    size_t *logins; /* rules whose matches have a REGEX_LOGIN */
    size_t login_count;
    str text;                   /* that is searched */
    size_t login_at, login_end; /* of the latest one that was found there */
    versions *versions;         /* NULL: as `far` */
    strbuf plain_path;          /* the last one of which no rule of paths says anything */
    size_t *path_rules;         /* that look at paths only */
    size_t path_rule_count;
    size_t *listed; /* rules that have windows */
    size_t listed_count;
    window *windows;
    size_t window_count, window_cap;
    str *words; /* the keywords of all rules, each once, and their states in this text */
    uint8_t *word_states;
    size_t word_count, word_cap;
    uint32_t **rule_words;
    strbuf lower; /* the text in small letters, made when it is first asked for */
    bool has_lower;
};

/* What is read: the text of one round. */
typedef struct pass {
    matcher *m;
    arena *a; /* of what is found */
    str path, text;
    const decoded *d; /* NULL: the text is the file's */
    str file;
    text_lines *lines; /* of the file, made when they are first asked for */
    bool *has_lines;
    bool obeys_inline;  /* what says "gitleaks:allow" is passed over */
    versions *versions; /* NULL: it is compared with no other */
    scan_out *errors;
    match_list *ret;
} pass;

/* ---- keywords ------------------------------------------------------------------------------- */

static uint32_t word_of(matcher *m, str word) {
    for (size_t i = 0; i < m->word_count; i++) {
        if (str_eq(m->words[i], word)) return (uint32_t)i;
    }
    ARENA_PUSH(m->a, m->words, m->word_count, m->word_cap, word);
    return (uint32_t)(m->word_count - 1);
}

static void collect_words(matcher *m) {
    const secret_rules *rules = m->rules;
    m->rule_words = arena_calloc(m->a, rules->count, sizeof *m->rule_words);
    for (size_t i = 0; i < rules->count; i++) {
        const str_list *keywords = &rules->items[i].keywords;
        m->rule_words[i] = ARENA_ARRAY(m->a, uint32_t, keywords->count);
        for (size_t k = 0; k < keywords->count; k++)
            m->rule_words[i][k] = word_of(m, keywords->items[k]);
    }
    m->word_states = ARENA_ARRAY(m->a, uint8_t, m->word_count);
}

static void to_lower(char *to, str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        to[i] = (char)(c | ((unsigned char)(c - 'A') < 26 ? 0x20 : 0));
    }
}

static str lower_text(matcher *m, str text) {
    if (!m->has_lower) {
        strbuf_clear(&m->lower);
        strbuf_reserve(&m->lower, text.len);
        to_lower(m->lower.ptr, text);
        m->lower.len = text.len;
        m->has_lower = true;
    }
    return strbuf_str(&m->lower);
}

static bool has_word(matcher *m, str text, uint32_t word) {
    if (m->word_states[word] == WORD_UNKNOWN) {
        str w = m->words[word], in = lower_text(m, text);
        bool found = w.len && in.len && memmem(in.ptr, in.len, w.ptr, w.len);
        m->word_states[word] = found ? WORD_PRESENT : WORD_ABSENT;
    }
    return m->word_states[word] == WORD_PRESENT;
}

/* Nearly always a keyword is where the pattern matched, and the text need not be searched. */
static bool has_keyword_near(const str_list *keywords, str text, size_t from, size_t last) {
    char small[NEAR_BYTES];
    str near = str_sub(text, from, last + NEAR_BYTES / 2);
    if (near.len > sizeof small) near.len = sizeof small;
    to_lower(small, near);
    for (size_t i = 0; i < keywords->count; i++) {
        str w = keywords->items[i];
        if (w.len && near.len && memmem(small, near.len, w.ptr, w.len)) return true;
    }
    return false;
}

static bool has_keyword(matcher *m, str text, size_t rule) {
    size_t count = m->rules->items[rule].keywords.count;
    for (size_t i = 0; i < count; i++) {
        if (has_word(m, text, m->rule_words[rule][i])) return true;
    }
    return count == 0;
}

/* ---- where to look -------------------------------------------------------------------------- */

static void add_window(matcher *m, size_t rule, size_t from, size_t last) {
    rule_state *s = &m->states[rule];
    if (!s->listed) {
        s->listed = true;
        s->first = s->latest = NO_WINDOW;
        s->count = 0;
        m->listed[m->listed_count++] = rule;
    }
    window *w = s->latest == NO_WINDOW ? NULL : &m->windows[s->latest];
    /* Ends come nearly in order: what touches the latest window, or lies before it, widens it. */
    if (w && (from <= w->last + 1 || s->count == WINDOWS_MAX)) {
        if (from < w->from) w->from = from;
        if (last > w->last) w->last = last;
        return;
    }
    window new = {from, last, NO_WINDOW};
    uint32_t index = (uint32_t)m->window_count;
    ARENA_PUSH(m->a, m->windows, m->window_count, m->window_cap, new);
    if (s->latest == NO_WINDOW)
        s->first = index;
    else
        m->windows[s->latest].next = index;
    s->latest = index;
    s->count++;
}

/* Several "@" may have one "://" before them. */
static size_t start_of_login(matcher *m, size_t end) {
    size_t at = end;
    if (end < m->login_end) m->login_end = 0;
    while (at > m->login_end && m->text.ptr[at - 1] != '/')
        at--;
    if (at > m->login_end) m->login_at = at > 3 ? at - 3 : 0;
    m->login_end = end;
    return m->login_at;
}

static void on_login(matcher *m, size_t end) {
    size_t at = start_of_login(m, end);
    for (size_t i = 0; i < m->login_count; i++) {
        const regex_head *h = &m->rules->items[m->logins[i]].pattern->head;
        if (at < h->least_before) continue;
        add_window(m, m->logins[i], h->before < at ? at - h->before : 0, at - h->least_before);
    }
}

static void on_end(void *context, unsigned rule, size_t end) {
    matcher *m = context;
    if (m->states[rule].login) {
        on_login(m, end);
        return;
    }
    const regex *r = m->rules->items[rule].pattern;
    size_t from = r->max_width < end ? end - r->max_width : 0;
    add_window(m, rule, from, r->min_width < end ? end - r->min_width : 0);
}

/* Of a far pattern, only its head was found. */
static void on_near_end(void *context, unsigned rule, size_t end) {
    matcher *m = context;
    if (m->is_far[rule])
        m->has_far_head = true;
    else
        on_end(context, rule, end);
}

/* `end` is in what was gathered. A match that goes over a seam there is none. */
static void on_head_end(void *context, unsigned rule, size_t end) {
    matcher *m = context;
    const regex_head *h = &m->rules->items[rule].pattern->head;
    size_t first, last = run_origin(&m->near_runs, end - 1, &first) + 1;
    if (last - first < h->min_width) return;
    size_t from = h->max_width < last - first ? last - h->max_width : first;
    add_window(m, rule, from, last - h->min_width);
}

typedef struct zone_scan {
    matcher *m;
    const version_zone *zone;
} zone_scan;

static void on_end_in_zone(void *context, unsigned rule, size_t end) {
    const zone_scan *s = context;
    size_t max = s->m->rules->items[rule].pattern->max_width, from = s->zone->from;
    end += from;
    if (end < s->zone->first_end || end > s->zone->last_end) return;
    versions_add(s->m->versions, rule, max < end - from ? end - max : from, end);
}

static void on_head_end_of_version(void *context, unsigned rule, size_t end) {
    matcher *m = context;
    const regex_head *h = &m->rules->items[rule].pattern->head;
    size_t first, last = run_origin(&m->near_runs, end - 1, &first) + 1;
    if (last - first < h->min_width) return;
    versions_add(m->versions, rule, h->max_width < last - first ? last - h->max_width : first,
                 last);
}

static void forget(matcher *m) {
    for (size_t i = 0; i < m->listed_count; i++)
        m->states[m->listed[i]].listed = false;
    m->listed_count = m->window_count = 0;
    memset(m->word_states, WORD_UNKNOWN, m->word_count);
    m->has_lower = false;
    m->login_at = m->login_end = 0;
}

static int by_index(const void *left, const void *right) {
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return (a > b) - (a < b);
}

static bool is_at_run(const regex *r) {
    return r->head.place == REGEX_AT_RUN || r->head.place == REGEX_AT_ASSIGNED_RUN;
}

static bool look_for_far(pass *p) {
    matcher *m = p->m;
    err e = {0};
    return (!m->has_far_head && !m->far_always) ||
           prefilter_scan(m->far, p->text, on_end, m, &e) == 0;
}

static bool look_anywhere(pass *p) {
    matcher *m = p->m;
    err e = {0};
    m->has_far_head = false;
    m->text = p->text;
    if (!m->anywhere) return false;
    return prefilter_scan(m->anywhere, p->text, m->far ? on_near_end : on_end, m, &e) == 0 &&
           (!m->far || look_for_far(p));
}

static bool look_at_runs(pass *p) {
    matcher *m = p->m;
    err e = {0};
    if (!m->at_runs) return false;
    if (m->only_drawn) runs_drawn(p->text, &m->runs, &m->drawn);
    const run_list *runs = m->only_drawn ? &m->drawn : &m->runs;
    if (!runs->count) return true;
    runs_gather(p->text, runs, BEFORE_RUN, m->before_assigned, &m->near_runs);
    return prefilter_scan(m->at_runs, strbuf_str(&m->near_runs.text), on_head_end, m, &e) == 0;
}

static void look_by_keywords(pass *p, bool anywhere, bool at_runs) {
    matcher *m = p->m;
    for (size_t i = 0; i < m->rules->count; i++) {
        const regex *r = m->rules->items[i].pattern;
        bool done = r && (is_at_run(r) ? at_runs : anywhere);
        if (!r || (done && m->states[i].filtered)) continue;
        if (has_keyword(m, p->text, i)) add_window(m, i, 0, p->text.len);
    }
}

static unsigned depth_of(const pass *p) {
    return p->d ? p->d->depth : 0;
}

static bool look_in_zones(pass *p) {
    matcher *m = p->m;
    const version_zones *anywhere = versions_anywhere(m->versions),
                        *at_runs = versions_at_runs(m->versions);
    err e = {0};
    for (size_t i = 0; i < anywhere->count; i++) {
        const version_zone *z = &anywhere->items[i];
        zone_scan s = {m, z};
        str text = str_sub(p->text, z->from, z->to);
        if (prefilter_scan(m->anywhere, text, on_end_in_zone, &s, &e) < 0) return false;
    }
    m->runs.count = 0;
    for (size_t i = 0; i < at_runs->count; i++)
        runs_find_in(p->text, at_runs->items[i].from, at_runs->items[i].to, &m->runs);
    if (m->only_drawn) runs_drawn(p->text, &m->runs, &m->drawn);
    const run_list *runs = m->only_drawn ? &m->drawn : &m->runs;
    if (!runs->count) return true;
    runs_gather(p->text, runs, BEFORE_RUN, m->before_assigned, &m->near_runs);
    return prefilter_scan(m->at_runs, strbuf_str(&m->near_runs.text), on_head_end_of_version, m,
                          &e) == 0;
}

static void add_logins(matcher *m, const version_hit *h) {
    for (size_t end = h->first; end <= h->last; end++) {
        if (end && m->text.ptr[end - 1] == '@') on_login(m, end);
    }
}

/* As look_anywhere and look_at_runs in the whole text. */
static bool look_at_changes(pass *p) {
    matcher *m = p->m;
    size_t count;
    versions_begin(m->versions, p->path, depth_of(p), p->text);
    bool valid = look_in_zones(p);
    const version_hit *hits = versions_end(m->versions, valid, &count);
    m->has_far_head = false;
    m->text = p->text;
    for (size_t i = 0; i < count && valid; i++) {
        const version_hit *h = &hits[i];
        const regex *r = m->rules->items[h->rule].pattern;
        size_t min = is_at_run(r) ? r->head.min_width : r->min_width;
        if (m->states[h->rule].login)
            add_logins(m, h);
        else if (m->is_far[h->rule])
            m->has_far_head = true;
        else
            add_window(m, h->rule, h->from, min < h->last ? h->last - min : 0);
    }
    m->has_all_runs = valid && versions_is_whole(m->versions);
    return valid && look_for_far(p);
}

/* Fills the windows of all rules that may match. */
static void look(pass *p) {
    matcher *m = p->m;
    bool anywhere, at_runs;
    forget(m);
    if (p->versions) {
        anywhere = at_runs = look_at_changes(p);
    } else {
        runs_find(p->text, &m->runs);
        m->has_all_runs = true;
        anywhere = look_anywhere(p);
        at_runs = look_at_runs(p);
    }
    if (!anywhere || !at_runs || !m->all_filtered) look_by_keywords(p, anywhere, at_runs);
    if (m->listed_count < 2) return;
    qsort(m->listed, m->listed_count, sizeof *m->listed, by_index);
}

/* ---- allow-lists ---------------------------------------------------------------------------- */

static bool any_regex(matcher *m, const regex_list *list, str text) {
    for (size_t i = 0; i < list->count; i++) {
        if (text.len && regex_has(m->regexes, list->items[i], text)) return true;
    }
    return false;
}

/* Before anything is looked for: paths. One that asks for more is asked again for each secret. */
static bool allows_path(matcher *m, const allowlists *lists, str path) {
    for (size_t i = 0; i < lists->count; i++) {
        const allowlist *a = &lists->items[i];
        bool only_paths = !a->regexes.count && !a->stop_words.count && !a->commits.count;
        if (a->paths.count && (!a->all || only_paths) && any_regex(m, &a->paths, path)) return true;
    }
    return false;
}

static bool has_stop_word(const str_list *words, str secret) {
    char small[1024];
    size_t size = secret.len < sizeof small ? secret.len : sizeof small;
    to_lower(small, str_sub(secret, 0, size));
    for (size_t i = 0; i < words->count; i++) {
        str w = words->items[i];
        if (w.len && size && memmem(small, size, w.ptr, w.len)) return true;
    }
    return false;
}

static str line_of(str text, regex_span at) {
    size_t start = at.start, end = at.end;
    while (start > 0 && text.ptr[start - 1] != '\n')
        start--;
    while (end < text.len && text.ptr[end] != '\n')
        end++;
    return str_sub(text, start, end);
}

/* What remains to be known is the commit, which only the parent knows: it is noted. */
static void note_commits(secret_match *f, const allowlist *a) {
    if (!f->unless_commits) f->unless_commits = &a->commits;
}

static bool allows(pass *p, const allowlists *lists, secret_match *f, regex_span in_text) {
    for (size_t i = 0; i < lists->count; i++) {
        const allowlist *a = &lists->items[i];
        str target = a->target == ALLOW_SECRET  ? f->value
                     : a->target == ALLOW_MATCH ? f->context
                                                : line_of(p->text, in_text);
        bool regexes = any_regex(p->m, &a->regexes, target),
             words = has_stop_word(&a->stop_words, f->value);
        if (!a->all) {
            if (regexes || words) return true;
            if (a->commits.count) note_commits(f, a);
            continue;
        }
        if ((a->regexes.count && !regexes) || (a->stop_words.count && !words) ||
            (a->paths.count && !any_regex(p->m, &a->paths, p->path)))
            continue;
        if (!a->commits.count) return true;
        note_commits(f, a);
    }
    return false;
}

/* ---- one match ------------------------------------------------------------------------------ */

static regex_span trim_newlines(str text, regex_span s) {
    while (s.end > s.start && text.ptr[s.end - 1] == '\n')
        s.end--;
    while (s.start < s.end && text.ptr[s.start] == '\n')
        s.start++;
    return s;
}

/* The group that is the secret: the one that is named, or the first that has something and is not
 * the name. */
static regex_span secret_of(const secret_rule *rule, const regex_span *groups, regex_span whole) {
    unsigned count = rule->pattern->count;
    if (rule->secret_group) {
        regex_span s = groups[rule->secret_group];
        return s.start == SIZE_MAX ? (regex_span){whole.start, whole.start} : s;
    }
    for (unsigned i = 1; i <= count; i++) {
        if (i == rule->name_group) continue;
        if (groups[i].start != SIZE_MAX && groups[i].end > groups[i].start) return groups[i];
    }
    return whole;
}

static str name_of(const pass *p, const secret_rule *rule, const regex_span *groups) {
    const regex_span *s = &groups[rule->name_group];
    bool seen = rule->name_group && s->start != SIZE_MAX;
    return seen ? name_at(p->text, s->start, s->end) : STR_EMPTY;
}

/* "?key=" and "&key=" in a URL: what it is for, only its site knows. */
static bool is_in_query(const pass *p, str name) {
    return name.ptr > p->text.ptr && strchr("?&", name.ptr[-1]);
}

/* What a value must be depends on what its name says. */
static bool is_credential(const pass *p, str secret, str name) {
    if (name.len && name.ptr[0] == '/') return false; /* of a file, or </key> */
    switch (name_kind_of(name)) {
    case NAME_PASSWORD: return check_password(secret);
    case NAME_KEY: return check_key(secret);
    case NAME_WEAK: return !is_in_query(p, name) && check_is_drawn(secret);
    case NAME_OTHER: break;
    }
    return false;
}

static bool is_plausible(const pass *p, const secret_rule *rule, str secret,
                         const regex_span *groups) {
    unsigned checks = rule->checks;
    if (checks & 1u << CHECK_DIGIT && !check_has_digit(secret)) return false;
    if (checks & 1u << CHECK_CREDENTIAL && !is_credential(p, secret, name_of(p, rule, groups)))
        return false;
    if (checks & 1u << CHECK_PLACEHOLDER && check_is_placeholder(secret)) return false;
    if (checks & 1u << CHECK_PASSWORD && !check_password(secret)) return false;
    return !(checks & 1u << CHECK_RANDOM) || check_random(secret);
}

static bool is_allowed_inline(const pass *p, regex_span in_file) {
    return p->obeys_inline && str_find(line_of(p->file, in_file), STR(ALLOW_INLINE)) >= 0;
}

static str *copy_groups(const pass *p, const regex *pattern, const regex_span *groups) {
    str *copy = ARENA_ARRAY(p->a, str, pattern->count + 1);
    for (unsigned i = 0; i <= pattern->count; i++) {
        bool took_part = groups[i].start != SIZE_MAX;
        copy[i] = took_part ? str_sub(p->text, groups[i].start, groups[i].end) : STR_EMPTY;
    }
    return copy;
}

static bool take_match(pass *p, const secret_rule *rule, const regex_span *groups,
                       match_list *ret) {
    regex_span whole = trim_newlines(p->text, groups[0]), secret = secret_of(rule, groups, whole);
    secret_match f = {.rule = rule, .match = whole, .secret = secret};
    f.value = str_sub(p->text, secret.start, secret.end);
    f.context = str_sub(p->text, whole.start, whole.end);
    f.depth = depth_of(p);
    if (!f.value.len) return false;
    if (p->d) {
        unsigned ignored;
        if (!decode_place(p->d, whole, &f.match, &f.kinds)) return false;
        decode_place(p->d, secret, &f.secret, &ignored);
        if (!ignored) f.secret = f.match;
    }
    f.entropy = check_entropy(f.value);
    if (rule->entropy != 0 && f.entropy <= rule->entropy) return false;
    if (!is_plausible(p, rule, f.value, groups) || is_allowed_inline(p, f.match)) return false;
    if (allows(p, &p->m->rules->allow, &f, whole) || allows(p, &rule->allow, &f, whole))
        return false;
    if (rule->verify && rule->pattern->names) f.groups = copy_groups(p, rule->pattern, groups);
    ARENA_PUSH(p->a, ret->items, ret->count, ret->cap, f);
    return true;
}

static bool has_keyword_around(matcher *m, str text, size_t index, const window *w) {
    return has_keyword_near(&m->rules->items[index].keywords, text, w->from, w->last) ||
           has_keyword(m, text, index);
}

/* All matches of a rule, as Go's FindAll would give them. */
static void find_all(pass *p, size_t index, match_list *ret) {
    matcher *m = p->m;
    const secret_rule *rule = &m->rules->items[index];
    regex_span groups[REGEX_GROUPS_MAX + 1];
    size_t done = 0, tried = 0;
    if (!m->states[index].listed) return;
    const window first = m->windows[m->states[index].first];
    /* In a narrow one, to look for the pattern is less work than for words. */
    bool asked = first.last - first.from > NEAR_BYTES;
    if (asked && !has_keyword_around(m, p->text, index, &first)) return;
    if (allows_path(m, &rule->allow, p->path)) return;
    if (rule->path && !regex_has(m->regexes, rule->path, p->path)) return;
    for (uint32_t w = m->states[index].first; w != NO_WINDOW; w = m->windows[w].next) {
        size_t from = m->windows[w].from > done ? m->windows[w].from : done;
        while (from <= m->windows[w].last) {
            err e = {0};
            int r = regex_find(m->regexes, rule->pattern, p->text, done, from, m->windows[w].last,
                               groups, rule->pattern->count + 1, &e);
            if (r < 0)
                scan_out_error(p->errors, p->path, 0, 0, "the rule '%.*s' was given up: %s",
                               STR_ARG(rule->id), e.message);
            if (r < 0) return;
            if (r == 0) break;
            if (!asked && !has_keyword_around(m, p->text, index, &first)) return;
            asked = true;
            from = done = groups[0].end > groups[0].start ? groups[0].end : groups[0].end + 1;
            size_t again = secret_of(rule, groups, groups[0]).start;
            /* What stands for a value may be a name: secret = env.KEY || "...". */
            bool taken = take_match(p, rule, groups, ret);
            if (!taken && rule->name_group && again > groups[0].start) from = done = again;
            tried += taken || !rule->name_group;
            if (tried == MATCHES_MAX) {
                scan_out_error(p->errors, p->path, 0, 0,
                               "the rule '%.*s' matches more than %d times; the rest was not "
                               "looked at",
                               STR_ARG(rule->id), MATCHES_MAX);
                return;
            }
        }
    }
}

/* ---- rules that need others ----------------------------------------------------------------- */

static int64_t distance(uint32_t a, uint32_t b) {
    return a > b ? (int64_t)a - b : (int64_t)b - a;
}

static bool is_near(pass *p, const required *need, const secret_match *a, const secret_match *b) {
    uint32_t line_a, line_b, column_a, column_b;
    if (need->within_lines < 0 && need->within_columns < 0) return true;
    if (!*p->has_lines) *p->lines = text_lines_new(p->a, p->file);
    *p->has_lines = true;
    text_place(p->lines, a->match.start, &line_a, &column_a);
    text_place(p->lines, b->match.start, &line_b, &column_b);
    if (need->within_lines >= 0 && distance(line_a, line_b) > need->within_lines) return false;
    return need->within_columns < 0 || distance(column_a, column_b) <= need->within_columns;
}

static bool any_near(pass *p, const required *need, const secret_match *f, const match_list *in) {
    for (size_t i = 0; i < in->count; i++) {
        if (is_near(p, need, f, &in->items[i])) return true;
    }
    return false;
}

static void keep_complete(pass *p, const secret_rule *rule, match_list *found) {
    for (size_t r = 0; r < rule->required_count && found->count; r++) {
        match_list others = {0};
        size_t kept = 0;
        find_all(p, rule->required[r].rule, &others);
        for (size_t i = 0; i < found->count; i++) {
            if (any_near(p, &rule->required[r], &found->items[i], &others))
                found->items[kept++] = found->items[i];
        }
        found->count = kept;
    }
}

/* ---- a text --------------------------------------------------------------------------------- */

static void read_pass(pass *p) {
    matcher *m = p->m;
    look(p);
    for (size_t i = 0; i < m->listed_count; i++) {
        const secret_rule *rule = &m->rules->items[m->listed[i]];
        match_list found = {0};
        if (rule->skip_report) continue;
        find_all(p, m->listed[i], &found);
        keep_complete(p, rule, &found);
        for (size_t k = 0; k < found.count; k++)
            ARENA_PUSH(p->a, p->ret->items, p->ret->count, p->ret->cap, found.items[k]);
    }
}

/* Whether anything is encoded in lines that have changed. */
static bool decodes_changes(pass *p) {
    matcher *m = p->m;
    size_t at = 0;
    str lines;
    while (versions_next_lines(p->versions, &at, &lines)) {
        _cleanup_arena_ arena *scratch = arena_new();
        decoded ignored;
        m->has_all_runs = false;
        runs_find(lines, &m->runs);
        if (decode_text(scratch, lines, &m->runs, NULL, &ignored)) return true;
    }
    return false;
}

static bool decode_pass(pass *p, decoded *ret) {
    matcher *m = p->m;
    versions *v = p->versions;
    if (v && versions_was_plain(v) && !decodes_changes(p)) return false;
    if (!m->has_all_runs) runs_find(p->text, &m->runs);
    bool found = decode_text(p->a, p->text, &m->runs, p->d, ret);
    if (v) versions_set_plain(v, !found);
    return found;
}

void matcher_text(matcher *m, arena *a, const match_text *t, match_list *ret, scan_out *errors) {
    text_lines lines;
    bool has_lines = false;
    pass p = {.m = m,
              .a = a,
              .path = t->path,
              .text = t->text,
              .file = t->text,
              .lines = &lines,
              .has_lines = &has_lines,
              .obeys_inline = t->obeys_inline,
              .versions = t->is_version ? m->versions : NULL,
              .errors = errors,
              .ret = ret};
    decoded *d = NULL;
    read_pass(&p);
    for (unsigned i = 0; i < t->rounds; i++) {
        decoded *next = ARENA_NEW(a, decoded);
        if (!decode_pass(&p, next)) break;
        p.d = d = next;
        p.text = d->text;
        read_pass(&p);
    }
    matches_settle(ret);
}

bool matcher_allows_path(matcher *m, str path) {
    return allows_path(m, &m->rules->allow, path);
}

void matcher_path(matcher *m, arena *a, str path, match_list *ret) {
    size_t before = ret->count;
    if (m->versions && str_eq(path, strbuf_str(&m->plain_path))) return;
    for (size_t i = 0; i < m->path_rule_count; i++) {
        const secret_rule *rule = &m->rules->items[m->path_rules[i]];
        if (allows_path(m, &rule->allow, path) || !regex_has(m->regexes, rule->path, path))
            continue;
        secret_match f = {
            .rule = rule, .value = STR_EMPTY, .context = STR_EMPTY, .whole_file = true};
        ARENA_PUSH(a, ret->items, ret->count, ret->cap, f);
    }
    if (!m->versions || ret->count > before) return;
    strbuf_clear(&m->plain_path);
    strbuf_add(&m->plain_path, path);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Their keywords find the files in which they are looked for, as where there is no vectorscan. */
static void tell_heavy(matcher *m, const prefilter_state *states) {
    scan_error_list *to = &m->rules->warnings;
    _cleanup_strbuf_ strbuf names = STRBUF_INIT;
    const secret_rule *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < m->rules->count; i++) {
        const secret_rule *rule = &m->rules->items[i];
        if (states[i] != PREFILTER_HEAVY) continue;
        if (!first) first = rule;
        if (count++ < HEAVY_NAMES)
            strbuf_addf(&names, "%s'%.*s'", count > 1 ? ", " : "", STR_ARG(rule->id));
    }
    if (!first) return;
    if (count > HEAVY_NAMES) strbuf_addf(&names, " and %zu others", count - HEAVY_NAMES);
    scan_error w = {
        .path = str_from(first->where.file),
        .line = first->where.line,
        .column = first->where.column,
        .message = arena_printf(m->rules->a,
                                "patterns repeat too much to be compiled for the fast search, and "
                                "are looked for slowly where a keyword is: %s",
                                strbuf_cstr(&names))};
    ARENA_PUSH(to->a, to->items, to->count, to->cap, w);
}

typedef enum filter_kind { FILTER_ANYWHERE, FILTER_AT_RUNS, FILTER_NEAR, FILTER_FAR } filter_kind;

/* What is looked for; empty: nothing. */
static str pattern_for(filter_kind kind, const regex *r) {
    if (!r || r->utf) return STR_EMPTY;
    bool far = r->head.place == REGEX_ANYWHERE && regex_is_far(r);
    str anywhere = is_at_run(r)                      ? STR_EMPTY
                   : r->head.place == REGEX_AT_LOGIN ? r->head.pattern
                                                     : r->loose;
    switch (kind) {
    case FILTER_ANYWHERE: return anywhere;
    case FILTER_AT_RUNS: return is_at_run(r) ? r->head.pattern : STR_EMPTY;
    case FILTER_NEAR: return far ? r->head.pattern : anywhere;
    case FILTER_FAR: return far ? r->loose : STR_EMPTY;
    }
    return STR_EMPTY;
}

/* Compiles the patterns of those rules that are looked for so. `all_states` is filled for them. */
static int make_filter(matcher *m, filter_kind kind, const char *cache, bool quick,
                       prefilter_state *all_states, prefilter **ret, err *e) {
    size_t count = m->rules->count;
    _cleanup_arena_ arena *scratch = arena_new();
    str *patterns = ARENA_ARRAY(scratch, str, count);
    prefilter_state *states = ARENA_ARRAY(scratch, prefilter_state, count);
    bool anywhere = kind == FILTER_ANYWHERE || kind == FILTER_NEAR;
    for (size_t i = 0; i < count; i++) {
        const regex *r = m->rules->items[i].pattern;
        patterns[i] = pattern_for(kind, r);
        if (!anywhere || !patterns[i].len || r->head.place != REGEX_AT_LOGIN) continue;
        m->logins[m->login_count++] = i;
        if (m->login_count > 1) patterns[i] = STR_EMPTY;
    }
    if (prefilter_new(patterns, count, cache, quick, states, ret, e) < 0) return e->code;
    for (size_t i = 0; anywhere && i < m->login_count; i++) {
        m->states[m->logins[i]].login = i == 0;
        states[m->logins[i]] = states[m->logins[0]];
    }
    for (size_t i = 0; i < count; i++) {
        if (states[i] == PREFILTER_LEFT_OUT) continue;
        if (kind == FILTER_NEAR && m->is_far[i]) {
            m->far_always |= states[i] != PREFILTER_TAKEN;
            continue;
        }
        all_states[i] = states[i];
        if (states[i] != PREFILTER_TAKEN) continue;
        size_t before = m->rules->items[i].pattern->head.before;
        m->states[i].filtered = true;
        if (kind != FILTER_AT_RUNS) continue;
        if (m->before_assigned < before + 1) m->before_assigned = before + 1;
        m->only_drawn &= m->rules->items[i].drawn;
    }
    return 0;
}

/* A head that cannot be looked for, or that there is not, is taken to be in every text. */
static int make_near_and_far(matcher *m, const char *cache, bool quick, prefilter_state *states,
                             err *e) {
    m->is_far = ARENA_ARRAY(m->a, bool, m->rules->count);
    for (size_t i = 0; i < m->rules->count; i++) {
        const regex *r = m->rules->items[i].pattern;
        m->is_far[i] = pattern_for(FILTER_FAR, r).len > 0;
        m->far_always |= m->is_far[i] && !r->head.pattern.len;
    }
    int code = make_filter(m, FILTER_NEAR, cache, quick, states, &m->anywhere, e);
    return code < 0 ? code : make_filter(m, FILTER_FAR, cache, quick, states, &m->far, e);
}

static void make_filters(matcher *m, const char *cache, bool quick, bool grows) {
    _cleanup_arena_ arena *scratch = arena_new();
    prefilter_state *states = ARENA_ARRAY(scratch, prefilter_state, m->rules->count);
    err why = {0};
    m->before_assigned = BEFORE_RUN;
    m->only_drawn = true;
    int code = grows ? make_near_and_far(m, cache, quick, states, &why)
                     : make_filter(m, FILTER_ANYWHERE, cache, quick, states, &m->anywhere, &why);
    if (code == 0) code = make_filter(m, FILTER_AT_RUNS, cache, quick, states, &m->at_runs, &why);
    m->all_filtered = true;
    for (size_t i = 0; i < m->rules->count; i++)
        m->all_filtered &= !m->rules->items[i].pattern || m->states[i].filtered;
    if (code == 0) tell_heavy(m, states);
    if (code == 0 || (quick && code == ERR_NOT_FOUND)) return;
    scan_error_list *to = &m->rules->warnings;
    scan_error slow = {
        .path = STR_EMPTY,
        .message = arena_printf(m->rules->a, "secrets are looked for slowly: %s", why.message)};
    ARENA_PUSH(to->a, to->items, to->count, to->cap, slow);
}

static void collect_path_rules(matcher *m) {
    m->path_rules = ARENA_ARRAY(m->a, size_t, m->rules->count);
    for (size_t i = 0; i < m->rules->count; i++) {
        const secret_rule *rule = &m->rules->items[i];
        if (!rule->pattern && rule->path && !rule->skip_report)
            m->path_rules[m->path_rule_count++] = i;
    }
}

static matcher *new_matcher(secret_rules *rules, const char *cache, bool quick, bool grows) {
    matcher *m = mem_alloc(sizeof *m);
    *m = (matcher){.rules = rules, .a = arena_new()};
    m->regexes = regex_matcher_new();
    m->states = ARENA_ARRAY(m->a, rule_state, rules->count);
    m->listed = ARENA_ARRAY(m->a, size_t, rules->count);
    m->logins = ARENA_ARRAY(m->a, size_t, rules->count);
    collect_words(m);
    collect_path_rules(m);
    make_filters(m, cache, quick, grows);
    return m;
}

matcher *matcher_new(secret_rules *rules, const char *cache, bool quick) {
    return new_matcher(rules, cache, quick, false);
}

matcher *matcher_new_of_versions(secret_rules *rules, const char *cache) {
    matcher *m = new_matcher(rules, cache, false, true);
    versions_reach reach = {.before_run = m->before_assigned + 1};
    bool *at_runs = ARENA_ARRAY(m->a, bool, m->rules->count);
    if (!m->far || !m->at_runs) return m;
    if (reach.before_run < RUN_GAP_MAX + 2) reach.before_run = RUN_GAP_MAX + 2;
    for (size_t i = 0; i < m->rules->count; i++) {
        const regex *r = m->rules->items[i].pattern;
        if (!r) continue;
        size_t bytes = m->is_far[i] ? r->head.max_width : r->max_width;
        at_runs[i] = is_at_run(r);
        if (r->head.place != REGEX_ANYWHERE || r->utf) continue; /* a login is of one line */
        if (bytes <= REGEX_NEAR_BYTES)
            reach.bytes = bytes > reach.bytes ? bytes : reach.bytes;
        else
            reach.lines = r->max_lines > reach.lines ? r->max_lines : reach.lines;
    }
    m->versions = versions_new(m->rules->count, at_runs, reach);
    return m;
}

void matcher_free(matcher *m) {
    if (!m) return;
    versions_free(m->versions);
    prefilter_free(m->far);
    strbuf_done(&m->plain_path);
    prefilter_free(m->anywhere);
    prefilter_free(m->at_runs);
    runs_done(&m->runs);
    runs_done(&m->drawn);
    run_extract_done(&m->near_runs);
    regex_matcher_free(m->regexes);
    strbuf_done(&m->lower);
    arena_free(m->a);
    free(m);
}
