/* paths.c: how each package of a lock file came to be there. */
#include "scan/deps/inventory.h"

#include "scan/advisories/version.h"

typedef struct search {
    arena *a;
    const dep_doc *d;
    uint32_t *queue;
    size_t head, tail;
    bool *seen;
} search;

static void reach(search *s, uint32_t item, uint32_t from, uint32_t *ret_from) {
    if (s->seen[item]) return;
    s->seen[item] = true;
    if (ret_from) ret_from[item] = from;
    s->queue[s->tail++] = item;
}

/* Breadth first: the shortest way, and of those the first in the file. */
static void spread(search *s, uint32_t *ret_from) {
    while (s->head < s->tail) {
        uint32_t item = s->queue[s->head++];
        const dep_item *it = &s->d->items[item];
        for (size_t i = 0; i < it->need_count; i++)
            reach(s, it->needs[i], item, ret_from);
    }
}

static search begin(arena *a, const dep_doc *d) {
    return (search){.a = a,
                    .d = d,
                    .queue = ARENA_ARRAY(a, uint32_t, d->count),
                    .seen = ARENA_ARRAY(a, bool, d->count)};
}

typedef struct asked {
    arena *a;
    str ecosystem;
    dep_map names, ranges; /* "name" and "name@range" to 0, or 1: only for development */
} asked;

static void ask(asked *q, const dep_root *r, uint32_t dev) {
    dep_map_put(&q->names, package_normal_name(q->a, q->ecosystem, r->name), dev);
    if (r->range.len)
        dep_map_put(&q->ranges,
                    arena_printf(q->a, "%.*s@%.*s", STR_ARG(r->name), STR_ARG(r->range)), dev);
}

/* By what it was asked for as, where the lock file tells it: of several versions only one is the
 * project's own. */
static uint32_t is_asked(const asked *q, const dep_item *it) {
    uint32_t kind = DEP_NONE;
    if (!it->asked.len)
        return dep_map_get(&q->names, package_normal_name(q->a, q->ecosystem, it->name));
    for (str rest = it->asked, one; rest.len;) {
        str_cut(rest, ',', &one, &rest);
        uint32_t found = dep_map_get(&q->ranges, str_trim(one));
        if (found < kind) kind = found;
    }
    return kind;
}

static void mark_roots(arena *a, const dep_doc *d, const dep_root *roots, size_t count,
                       dep_paths *p) {
    asked q = {a, str_from(d->format->ecosystem), {.a = a}, {.a = a}};
    for (uint32_t dev = 0; dev < 2; dev++) {
        for (size_t i = 0; i < count; i++) {
            if (roots[i].dev == dev) ask(&q, &roots[i], dev);
        }
    }
    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].flags & DEP_LOCAL) continue;
        uint32_t kind = is_asked(&q, &d->items[i]);
        p->direct[i] = kind != DEP_NONE;
        p->dev[i] = kind == 1;
    }
}

/* Without a manifest those that no other needs are taken for the project's own. */
static void guess_roots(arena *a, const dep_doc *d, dep_paths *p) {
    bool *needed = ARENA_ARRAY(a, bool, d->count);
    for (size_t i = 0; i < d->count; i++) {
        for (size_t k = 0; k < d->items[i].need_count; k++)
            needed[d->items[i].needs[k]] = true;
    }
    for (size_t i = 0; d->has_graph && i < d->count; i++)
        p->direct[i] = !needed[i] && !(d->items[i].flags & DEP_LOCAL);
}

/* The needs of the project's own packages are asked for by the project. */
static void mark_needs_of_own(const dep_doc *d, dep_paths *p) {
    for (size_t i = 0; i < d->count; i++) {
        const dep_item *it = &d->items[i];
        for (size_t k = 0; (it->flags & DEP_LOCAL) && k < it->need_count; k++)
            p->direct[it->needs[k]] = !(d->items[it->needs[k]].flags & DEP_LOCAL);
    }
}

/* What is reached from something that is not only for development is not either. */
static void find_dev(arena *a, const dep_doc *d, dep_paths *p) {
    search s = begin(a, d);
    for (uint32_t i = 0; i < d->count; i++) {
        if (p->direct[i] && !p->dev[i]) reach(&s, i, DEP_NONE, NULL);
    }
    spread(&s, NULL);
    search all = begin(a, d);
    for (uint32_t i = 0; i < d->count; i++) {
        if (p->direct[i]) reach(&all, i, DEP_NONE, NULL);
    }
    spread(&all, NULL);
    for (size_t i = 0; i < d->count; i++)
        p->dev[i] = all.seen[i] && !s.seen[i];
}

void dep_paths_find(arena *a, const dep_doc *d, const dep_root *roots, size_t root_count,
                    bool roots_known, dep_paths *ret) {
    *ret = (dep_paths){ARENA_ARRAY(a, bool, d->count), ARENA_ARRAY(a, bool, d->count),
                       ARENA_ARRAY(a, uint32_t, d->count)};
    if (!d->count) return;
    if (roots_known) mark_roots(a, d, roots, root_count, ret);
    for (size_t i = 0; d->knows_roots && i < d->count; i++) {
        ret->direct[i] = d->items[i].flags & DEP_DIRECT;
        ret->dev[i] |= d->items[i].flags & DEP_DEV;
    }
    if (!d->knows_roots && !roots_known) guess_roots(a, d, ret);
    if (!d->knows_roots) mark_needs_of_own(d, ret);
    for (size_t i = 0; i < d->count; i++)
        ret->from[i] = DEP_NONE;
    search s = begin(a, d);
    for (uint32_t i = 0; i < d->count; i++) {
        if (ret->direct[i]) reach(&s, i, DEP_NONE, ret->from);
    }
    spread(&s, ret->from);
    if (!d->knows_dev) find_dev(a, d, ret);
    for (size_t i = 0; d->knows_dev && i < d->count; i++)
        ret->dev[i] = d->items[i].flags & DEP_DEV;
}
