/* groups.c: a group exists while somebody holds it; its members are found by their number. */
#include "server/groups.h"

#include "server/number_map.h"

#include <stdlib.h>
#include <string.h>

typedef struct group group;

typedef struct member {
    uint64_t id;
    group *group;
    struct member *next; /* in line */
} member;

struct group {
    int64_t repository;
    char *name;
    size_t name_len;
    uint64_t key;
    member *holder, *first, *last;
    size_t waiting;
    struct group *next; /* of those with the same key */
};

struct groups {
    number_map members, by_key; /* by_key: hash of repository and name to a chain of groups */
    size_t count;
};

groups *groups_new(void) {
    groups *g = mem_alloc(sizeof *g);
    *g = (groups){0};
    return g;
}

static void free_group(group *x) {
    free(x->name);
    free(x);
}

void groups_free(groups *g) {
    if (!g) return;
    for (size_t i = 0; i < g->members.cap; i++)
        free(g->members.slots[i].item);
    for (size_t i = 0; i < g->by_key.cap; i++) {
        for (group *x = g->by_key.slots[i].item, *next; x; x = next) {
            next = x->next;
            free_group(x);
        }
    }
    number_map_done(&g->members);
    number_map_done(&g->by_key);
    free(g);
}

/* ---- finding ------------------------------------------------------------------------------- */

static uint64_t key_of(int64_t repository, str name) {
    return str_hash_nocase(name) ^ ((uint64_t)repository * UINT64_C(0x9e3779b97f4a7c15));
}

static group *find_group(groups *g, int64_t repository, str name) {
    uint64_t key = key_of(repository, name);
    group *chain = number_map_get(&g->by_key, key);
    for (group *x = chain; x; x = x->next) {
        if (x->repository == repository && str_eq_nocase((str){x->name, x->name_len}, name))
            return x;
    }
    group *x = mem_alloc(sizeof *x);
    *x = (group){.repository = repository, .name_len = name.len, .key = key, .next = chain};
    x->name = mem_alloc(name.len + 1);
    memcpy(x->name, name.ptr, name.len);
    x->name[name.len] = '\0';
    number_map_set(&g->by_key, key, x);
    g->count++;
    return x;
}

static void drop_group(groups *g, group *x) {
    group *chain = number_map_get(&g->by_key, x->key);
    if (chain == x && x->next)
        number_map_set(&g->by_key, x->key, x->next);
    else if (chain == x)
        number_map_remove(&g->by_key, x->key);
    for (group *before = chain; before && before != x; before = before->next) {
        if (before->next == x) before->next = x->next;
    }
    g->count--;
    free_group(x);
}

/* ---- effects ------------------------------------------------------------------------------- */

static void add(group_effects *out, group_effect_kind kind, uint64_t id, str reason) {
    ARENA_PUSH(out->a, out->items, out->count, out->cap, ((group_effect){kind, id, reason}));
}

static void refuse(group_effects *out, uint64_t id, str reason) {
    add(out, GROUP_CANCEL, id, reason);
}

static void hold(group *x, member *m, group_effects *out) {
    x->holder = m;
    add(out, GROUP_START, m->id, STR_EMPTY);
}

static void leave_line(group *x, member *m) {
    member **link = &x->first, *before = NULL;
    while (*link != m) {
        before = *link;
        link = &before->next;
    }
    *link = m->next;
    if (x->last == m) x->last = before;
    m->next = NULL;
    x->waiting--;
}

static void stand_in_line(group *x, member *m) {
    if (x->last)
        x->last->next = m;
    else
        x->first = m;
    x->last = m;
    x->waiting++;
}

static void send_away(groups *g, group *x, str reason, group_effects *out) {
    while (x->first) {
        member *m = x->first;
        leave_line(x, m);
        number_map_remove(&g->members, m->id);
        refuse(out, m->id, reason);
        free(m);
    }
}

/* ---- asking and leaving -------------------------------------------------------------------- */

/* True when the ask cannot be granted at all. */
static bool is_wrong(const group_ask *ask, group_effects *out) {
    str reason;
    if (ask->name.len == 0)
        reason = STR("the name of its concurrency group is empty");
    else if (ask->name.len > GROUPS_NAME_MAX)
        reason = arena_printf(out->a, "the name of its concurrency group has more than %d bytes",
                              GROUPS_NAME_MAX);
    else if (ask->queue_max && ask->cancel_in_progress)
        reason = STR("'queue: max' and 'cancel-in-progress: true' exclude each other");
    else
        return false;
    refuse(out, ask->member, reason);
    return true;
}

/* A group that is held by what the member is part of: as on GitHub both are cancelled where it
 * cancels what is in progress, else only the member is. */
static bool is_deadlock(const group *x, const group_ask *ask, group_effects *out) {
    for (size_t i = 0; x->holder && i < ask->around_count; i++) {
        if (ask->around[i] != x->holder->id) continue;
        str reason = arena_printf(
            out->a, "a deadlock: concurrency group '%s' is held by what it is part of", x->name);
        refuse(out, ask->member, reason);
        if (ask->cancel_in_progress) refuse(out, x->holder->id, reason);
        return true;
    }
    return false;
}

void groups_ask(groups *g, const group_ask *ask, group_effects *out) {
    if (is_wrong(ask, out)) return;
    group *x = find_group(g, ask->repository, ask->name);
    if (is_deadlock(x, ask, out)) return;
    str replaced =
        arena_printf(out->a, "a later one took its place in concurrency group '%s'", x->name);
    if (!ask->queue_max) send_away(g, x, replaced, out);
    if (x->waiting >= GROUPS_WAITING_MAX) {
        refuse(out, ask->member,
               arena_printf(out->a, "%d already wait in concurrency group '%s'", GROUPS_WAITING_MAX,
                            x->name));
        return;
    }
    member *m = mem_alloc(sizeof *m);
    *m = (member){.id = ask->member, .group = x};
    number_map_set(&g->members, m->id, m);
    if (!x->holder) {
        hold(x, m, out);
        return;
    }
    stand_in_line(x, m);
    add(out, GROUP_WAIT, m->id, STR_EMPTY);
    if (ask->cancel_in_progress) refuse(out, x->holder->id, replaced);
}

void groups_leave(groups *g, uint64_t id, group_effects *out) {
    member *m = number_map_remove(&g->members, id);
    if (!m) return;
    group *x = m->group;
    if (x->holder != m) {
        leave_line(x, m);
    } else {
        member *next = x->first;
        x->holder = NULL;
        if (next) {
            leave_line(x, next);
            hold(x, next, out);
        } else {
            drop_group(g, x);
        }
    }
    free(m);
}

uint64_t groups_holder(const groups *g, uint64_t id, size_t *ret_place, str *ret_name) {
    const member *m = number_map_get(&g->members, id);
    if (!m || m->group->holder == m) return 0;
    size_t place = 1;
    for (const member *at = m->group->first; at != m; at = at->next)
        place++;
    if (ret_place) *ret_place = place;
    if (ret_name) *ret_name = (str){m->group->name, m->group->name_len};
    return m->group->holder->id;
}

bool groups_holds(const groups *g, uint64_t id) {
    const member *m = number_map_get(&g->members, id);
    return m && m->group->holder == m;
}

size_t groups_count(const groups *g) {
    return g->count;
}
