/* schedule_group.c: concurrency groups within one run.
 *
 * One ticket holds a group; the others wait in line. Unless `queue: max`, the line has one place,
 * and whoever comes takes it from whoever stood there. A ticket whose group is held by the call or
 * the workflow that it is part of could wait for ever: as on GitHub it is refused. Two calls that
 * wait for each other's groups are found when nothing else can go on.
 *
 * https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run */
#include "workflow/schedule_internal.h"

#define QUEUE_MAX 100

struct group {
    str name;
    ticket *holder;
    ticket *first, *last;
    size_t waiting;
};

static group *find_group(schedule *s, str name) {
    const value *at = value_get(&s->group_index, name);
    if (at) return s->groups[(size_t)at->number];
    group *g = ARENA_NEW(s->a, group);
    g->name = name;
    value_set(s->a, &s->group_index, name, value_number((double)s->group_count));
    ARENA_PUSH(s->a, s->groups, s->group_count, s->group_cap, g);
    return g;
}

static void hold(schedule *s, ticket *t) {
    t->held = true;
    if (t->group) t->group->holder = t;
    schedule_later(s, (work){.kind = WORK_GRANT, .ticket = t});
}

static void leave_line(group *g, ticket *t) {
    ticket **link = &g->first, *before = NULL;
    while (*link && *link != t) {
        before = *link;
        link = &before->next;
    }
    if (!*link) return;
    *link = t->next;
    if (g->last == t) g->last = before;
    t->next = NULL;
    g->waiting--;
}

void schedule_give_back(schedule *s, ticket *t) {
    group *g = t->group;
    bool held = t->held;
    t->group = NULL;
    t->held = false;
    if (!g) return;
    if (!held) {
        leave_line(g, t);
        return;
    }
    g->holder = NULL;
    ticket *next = g->first;
    if (!next) return;
    leave_line(g, next);
    hold(s, next);
}

/* Cancels what the ticket stands for. */
static void cancel_owner(schedule *s, ticket *t, str reason) {
    if (t->instance)
        schedule_cancel_instance(s, t->instance, reason);
    else
        schedule_cancel_frame(s, t->frame, reason);
}

/* The ticket around this one: a frame's is its caller's, an instance's that of its frame. */
static ticket *around(const ticket *t) {
    if (t->instance) return &t->instance->node->frame->ticket;
    return t->frame->caller ? &t->frame->caller->ticket : NULL;
}

static ticket *holder_around(const ticket *t, const group *g) {
    for (ticket *outer = around(t); outer; outer = around(outer)) {
        if (outer->group == g && outer->held) return outer;
    }
    return NULL;
}

void schedule_ask(schedule *s, ticket *t, const concurrency *c) {
    t->cancel_in_progress = c->cancel_in_progress;
    t->queue_max = c->queue_max;
    if (c->group.len == 0) {
        hold(s, t);
        return;
    }
    group *g = find_group(s, c->group);
    ticket *outer = holder_around(t, g);
    if (outer) {
        str reason = arena_printf(
            s->a, "a deadlock: concurrency group '%.*s' is held by the %s", STR_ARG(g->name),
            outer->instance ? "call that it is part of" : "workflow that it is part of");
        cancel_owner(s, t, reason);
        if (c->cancel_in_progress) cancel_owner(s, outer, reason);
        return;
    }
    str replaced = arena_printf(s->a, "a later one took its place in concurrency group '%.*s'",
                                STR_ARG(g->name));
    while (!t->queue_max && g->first)
        cancel_owner(s, g->first, replaced);
    t->group = g;
    if (!g->holder) {
        hold(s, t);
        return;
    }
    if (g->waiting == QUEUE_MAX) {
        cancel_owner(s, t,
                     arena_printf(s->a, "%d already wait in concurrency group '%.*s'", QUEUE_MAX,
                                  STR_ARG(g->name)));
        return;
    }
    t->next = NULL;
    if (g->last)
        g->last->next = t;
    else
        g->first = t;
    g->last = t;
    g->waiting++;
    if (t->cancel_in_progress) cancel_owner(s, g->holder, replaced);
}

bool schedule_break_deadlock(schedule *s) {
    for (size_t k = 0; k < s->group_count; k++) {
        group *g = s->groups[k];
        if (!g->first) continue;
        cancel_owner(s, g->first,
                     arena_printf(s->a,
                                  "a deadlock: concurrency group '%.*s' is held by a call "
                                  "that waits for another group",
                                  STR_ARG(g->name)));
        return true;
    }
    return false;
}
