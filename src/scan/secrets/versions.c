#include "scan/secrets/versions.h"

#include "base/arena.h"
#include "scan/secrets/runs.h"
#include "scan/secrets/same.h"

#include <stdlib.h>
#include <string.h>

#define SPAN_MIN  ((size_t)256)
#define SPANS_MAX 64
#define TEXT_MAX  ((size_t)64 << 20) /* that is kept */
#define HITS_MAX  ((size_t)65536)    /* that are kept, and told apart */

/* The last text of a depth. */
typedef struct level {
    strbuf text;
    version_hit *hits;
    size_t count, cap;
    bool known;
    bool plain; /* nothing is encoded in it */
} level;

/* Ends of matches of the text before that hold: from `first` to `last` in it, of matches that begin
 * at `floor` or later; they stand at `moved_first` and on now. */
typedef struct kept {
    size_t floor, first, last, moved_floor, moved_first;
} kept;

typedef struct kept_list {
    kept items[2 * SPANS_MAX + 2];
    size_t count;
} kept_list;

struct versions {
    versions_reach reach;
    const bool *at_runs;
    strbuf path;
    level levels[VERSIONS_DEPTH];
    version_hit *next; /* of the text that was begun */
    size_t next_count, next_cap;
    uint32_t *latest; /* by rule: its last one in there, if it is its own */
    unsigned depth;
    str text;
    bool whole;
    size_t old_len; /* of the version before */
    same_span spans[SPANS_MAX];
    size_t span_count;
    version_zones anywhere, runs;
};

/* ---- zones ---------------------------------------------------------------------------------- */

static void push(version_zones *list, version_zone z) {
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 2 * SPANS_MAX;
        list->items = mem_realloc(list->items, list->cap * sizeof *list->items);
    }
    list->items[list->count++] = z;
}

/* The first byte that matters to a match that ends at `end` or later. */
static size_t reach_back(const versions *v, size_t end) {
    size_t by_bytes = end > v->reach.bytes + 1 ? end - v->reach.bytes - 1 : 0, at = end;
    for (size_t lines = 0; at && lines <= v->reach.lines; lines++) {
        const char *newline = memrchr(v->text.ptr, '\n', at);
        at = newline ? (size_t)(newline - v->text.ptr) : 0;
    }
    return at < by_bytes ? at : by_bytes;
}

/* The last end of matches that begin at `start` or before. */
static size_t reach_on(const versions *v, size_t start) {
    str t = v->text;
    size_t by_bytes = t.len - start > v->reach.bytes ? start + v->reach.bytes : t.len, at = start;
    for (size_t lines = 0; at < t.len && lines <= v->reach.lines; lines++) {
        const char *newline = memchr(t.ptr + at, '\n', t.len - at);
        at = newline ? (size_t)(newline - t.ptr) + 1 : t.len;
    }
    return at > by_bytes ? at : by_bytes;
}

static void add_anywhere(versions *v, size_t from, size_t to) {
    version_zones *list = &v->anywhere;
    version_zone z = {.from = reach_back(v, from), .first_end = from, .last_end = reach_on(v, to)};
    z.to = z.last_end < v->text.len ? z.last_end + 1 : v->text.len;
    version_zone *before = list->count ? &list->items[list->count - 1] : NULL;
    if (before && z.from <= before->to) {
        before->to = z.to;
        before->last_end = z.last_end;
    } else {
        push(list, z);
    }
}

/* From the beginning of the run that ends or goes on at `from` to the end of the last one that has
 * something of the change before it. What ends in these is found again. */
static void add_at_runs(versions *v, size_t from, size_t to) {
    str t = v->text;
    version_zones *list = &v->runs;
    size_t end = t.len - to > v->reach.before_run ? to + v->reach.before_run : t.len;
    while (from && run_has(run_chars, t.ptr[from - 1]))
        from--;
    while (end < t.len && run_has(run_chars, t.ptr[end]))
        end++;
    version_zone *before = list->count ? &list->items[list->count - 1] : NULL;
    if (before && from <= before->to) {
        before->to = before->last_end = end;
    } else {
        push(list, (version_zone){from, end, from + 1, end});
    }
}

/* What lies between the spans; empty where something was taken out. */
static void find_zones(versions *v, str old) {
    size_t at = 0, old_at = 0;
    for (size_t i = 0; i < v->span_count; i++) {
        const same_span *s = &v->spans[i];
        if (s->at > at || s->old_at > old_at) {
            add_anywhere(v, at, s->at);
            add_at_runs(v, at, s->at);
        }
        at = s->at + s->len;
        old_at = s->old_at + s->len;
    }
    if (at < v->text.len || old_at < old.len) {
        add_anywhere(v, at, v->text.len);
        add_at_runs(v, at, v->text.len);
    }
}

static size_t bytes_of(const version_zones *list) {
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        bytes += list->items[i].to - list->items[i].from;
    return bytes;
}

static level *level_of(const versions *v) {
    return (level *)&v->levels[v->depth < VERSIONS_DEPTH ? v->depth : 0];
}

void versions_begin(versions *v, str path, unsigned depth, str text) {
    if (!str_eq(path, strbuf_str(&v->path))) {
        for (size_t i = 0; i < VERSIONS_DEPTH; i++)
            v->levels[i].known = false;
        strbuf_clear(&v->path);
        strbuf_add(&v->path, path);
    }
    v->depth = depth;
    v->text = text;
    v->next_count = v->anywhere.count = v->runs.count = v->span_count = 0;
    const level *l = level_of(v);
    if (depth < VERSIONS_DEPTH && l->known)
        v->span_count = same_find(strbuf_str(&l->text), text, SPAN_MIN, v->spans, SPANS_MAX);
    v->whole = !v->span_count;
    v->old_len = l->text.len;
    if (!v->whole) find_zones(v, strbuf_str(&l->text));
    if (!v->whole && bytes_of(&v->anywhere) < text.len / 4 * 3) return;
    v->whole = true;
    v->anywhere.count = v->runs.count = v->span_count = 0;
    push(&v->anywhere, (version_zone){0, text.len, 0, text.len});
    push(&v->runs, (version_zone){0, text.len, 0, text.len});
}

const version_zones *versions_anywhere(const versions *v) {
    return &v->anywhere;
}

const version_zones *versions_at_runs(const versions *v) {
    return &v->runs;
}

bool versions_is_whole(const versions *v) {
    return v->whole;
}

/* ---- hits ----------------------------------------------------------------------------------- */

static void add_hit(versions *v, const version_hit *h) {
    if (v->next_count == v->next_cap) {
        v->next_cap = v->next_cap ? v->next_cap * 2 : 256;
        v->next = mem_realloc(v->next, v->next_cap * sizeof *v->next);
    }
    v->latest[h->rule] = (uint32_t)v->next_count;
    v->next[v->next_count++] = *h;
}

void versions_add(versions *v, unsigned rule, size_t from, size_t end) {
    uint32_t latest = v->latest[rule];
    version_hit *h = latest < v->next_count ? &v->next[latest] : NULL,
                fresh = {rule, from, end, end};
    if (!h || h->rule != rule ||
        ((end < h->first || end > h->last + 1) && v->next_count < HITS_MAX)) {
        add_hit(v, &fresh);
        return;
    }
    if (from < h->from) h->from = from;
    if (end < h->first) h->first = end;
    if (end > h->last) h->last = end;
}

/* Ends strictly within spans, and at the end of the text, without those that are found again. */
static void find_kept(const versions *v, const version_zones *zones, kept_list *ret) {
    size_t zone = 0;
    ret->count = 0;
    for (size_t i = 0; i < v->span_count; i++) {
        const same_span *s = &v->spans[i];
        size_t at = s->at + 1, end = s->at + s->len + 1; /* end: exclusive */
        while (at < end) {
            while (zone < zones->count && zones->items[zone].last_end < at)
                zone++;
            const version_zone *z = zone < zones->count ? &zones->items[zone] : NULL;
            size_t stop = z && z->first_end < end ? z->first_end : end;
            if (stop > at)
                ret->items[ret->count++] = (kept){.floor = s->old_at,
                                                  .first = at - s->at + s->old_at,
                                                  .last = stop - 1 - s->at + s->old_at,
                                                  .moved_floor = s->at,
                                                  .moved_first = at};
            if (stop == end) break;
            at = z->last_end + 1;
        }
    }
}

static void move_hit(versions *v, const version_hit *h, const kept_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const kept *k = &list->items[i];
        if (k->first > h->last) return;
        if (k->last < h->first) continue;
        size_t first = h->first > k->first ? h->first : k->first,
               last = h->last < k->last ? h->last : k->last;
        version_hit moved = {.rule = h->rule,
                             .from = k->moved_floor + (h->from > k->floor ? h->from - k->floor : 0),
                             .first = first - k->first + k->moved_first,
                             .last = last - k->first + k->moved_first};
        add_hit(v, &moved);
    }
}

static void move_hits(versions *v, const level *l) {
    kept_list anywhere, at_runs;
    if (v->whole || !l->count) return;
    find_kept(v, &v->anywhere, &anywhere);
    find_kept(v, &v->runs, &at_runs);
    for (size_t i = 0; i < l->count; i++) {
        const version_hit *h = &l->hits[i];
        move_hit(v, h, v->at_runs[h->rule] ? &at_runs : &anywhere);
    }
}

static int by_rule(const void *left, const void *right) {
    const version_hit *a = left, *b = right;
    if (a->rule != b->rule) return a->rule < b->rule ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* Hits become those of the level; its own room is used for the next. */
static void keep_hits(versions *v, level *l) {
    version_hit *items = l->hits;
    size_t cap = l->cap;
    l->hits = v->next;
    l->cap = v->next_cap;
    l->count = v->next_count;
    v->next = items;
    v->next_cap = cap;
    v->next_count = 0;
}

static void keep_text(level *l, str text) {
    strbuf_clear(&l->text);
    if (l->known) strbuf_add(&l->text, text);
}

const version_hit *versions_end(versions *v, bool valid, size_t *ret_count) {
    level *l = level_of(v);
    bool is_level = v->depth < VERSIONS_DEPTH;
    if (is_level) move_hits(v, l);
    if (v->next_count > 1) qsort(v->next, v->next_count, sizeof *v->next, by_rule);
    *ret_count = v->next_count;
    if (!is_level) return v->next;
    l->known = valid && v->text.len <= TEXT_MAX && v->next_count < HITS_MAX;
    keep_hits(v, l);
    keep_text(l, v->text);
    return l->hits;
}

/* ---- decoding ------------------------------------------------------------------------------- */

bool versions_next_lines(const versions *v, size_t *at, str *ret) {
    str t = v->text;
    for (; *at <= v->span_count; ++*at) {
        const same_span *before = *at ? &v->spans[*at - 1] : NULL,
                        *after = *at < v->span_count ? &v->spans[*at] : NULL;
        size_t from = before ? before->at + before->len : 0, to = after ? after->at : t.len;
        bool same = before && after ? false
                    : before        ? before->old_at + before->len == v->old_len
                                    : after && after->old_at == 0;
        if (from == to && same) continue;
        const char *line = from ? memrchr(t.ptr, '\n', from) : NULL;
        const char *end = to < t.len ? memchr(t.ptr + to, '\n', t.len - to) : NULL;
        *ret =
            str_sub(t, line ? (size_t)(line - t.ptr) + 1 : 0, end ? (size_t)(end - t.ptr) : t.len);
        ++*at;
        return true;
    }
    return false;
}

bool versions_was_plain(const versions *v) {
    return v->depth < VERSIONS_DEPTH && !v->whole && level_of(v)->plain;
}

void versions_set_plain(versions *v, bool plain) {
    if (v->depth < VERSIONS_DEPTH) level_of(v)->plain = plain;
}

/* ---- the whole ------------------------------------------------------------------------------ */

versions *versions_new(size_t rule_count, const bool *at_runs, versions_reach reach) {
    versions *v = mem_alloc(sizeof *v);
    *v = (versions){.reach = reach, .at_runs = at_runs};
    v->latest = mem_alloc((rule_count + 1) * sizeof *v->latest);
    memset(v->latest, 0, (rule_count + 1) * sizeof *v->latest);
    return v;
}

void versions_free(versions *v) {
    if (!v) return;
    for (size_t i = 0; i < VERSIONS_DEPTH; i++) {
        strbuf_done(&v->levels[i].text);
        free(v->levels[i].hits);
    }
    strbuf_done(&v->path);
    free(v->next);
    free(v->latest);
    free(v->anywhere.items);
    free(v->runs.items);
    free(v);
}
