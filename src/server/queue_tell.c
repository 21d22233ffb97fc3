/* queue_tell.c: why a job waits, in words for the person who waits for it. */
#include "server/queue_internal.h"

static void join_labels(strbuf *out, const label_set *s) {
    for (size_t i = 0; i < s->count; i++)
        strbuf_addf(out, "%s'%.*s'", i ? ", " : "", STR_ARG(s->labels[i]));
    if (s->group.len)
        strbuf_addf(out, "%sthe group '%.*s'", s->count ? " in " : "", STR_ARG(s->group));
    if (!s->count && !s->group.len) strbuf_adds(out, "any labels");
}

static bool any_has(const queue *q, str label) {
    for (const agent_class *c = q->agent_classes; c; c = c->next) {
        if (label_set_has(&c->set, label)) return true;
    }
    return false;
}

static bool any_in(const queue *q, str group) {
    for (const agent_class *c = q->agent_classes; c; c = c->next) {
        if (str_eq(c->set.group, group)) return true;
    }
    return false;
}

/* No agent matches: what is it that is missing? */
static void tell_missing(const queue *q, arena *a, const label_set *s, queue_why *ret) {
    if (!q->counts.agents) {
        ret->reason = QUEUE_NO_AGENTS;
        ret->text = STR("no agent is connected");
        return;
    }
    if (s->group.len && !any_in(q, s->group)) {
        ret->reason = QUEUE_NO_GROUP;
        ret->text = arena_printf(a, "no agent is in the group '%.*s'", STR_ARG(s->group));
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (any_has(q, s->labels[i])) continue;
        ret->reason = QUEUE_NO_LABEL;
        ret->text = arena_printf(a, "no agent has the label '%.*s'", STR_ARG(s->labels[i]));
        return;
    }
    _cleanup_strbuf_ strbuf labels = STRBUF_INIT;
    join_labels(&labels, s);
    ret->reason = QUEUE_NO_LABELS;
    ret->text = arena_printf(a, "no agent has all of %s", strbuf_cstr(&labels));
}

static void count_agents(const queue *q, const job_class *c, queue_why *ret) {
    for (size_t i = 0; i < q->agents.cap; i++) {
        const agent *x = q->agents.slots[i].item;
        if (!x || !label_set_fits(&x->class->set, &c->set)) continue;
        ret->matching++;
        if (x->draining || x->spent || x->capacity == 0)
            ret->drained++;
        else if (x->used >= x->capacity)
            ret->busy++;
    }
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void tell_waiting(const queue *q, arena *a, const job *j, queue_why *ret) {
    const job_class *c = j->class;
    count_agents(q, c, ret);
    ret->waiting = c->waiting;
    if (!ret->matching) {
        tell_missing(q, a, &c->set, ret);
        return;
    }
    _cleanup_strbuf_ strbuf labels = STRBUF_INIT;
    join_labels(&labels, &c->set);
    const char *with = strbuf_cstr(&labels);
    size_t n = ret->matching, others = c->waiting - 1;
    if (ret->drained == n) {
        ret->reason = QUEUE_DRAINED;
        ret->text = arena_printf(a, "no agent with %s takes new jobs: %zu %s being drained", with,
                                 n, n == 1 ? "is" : "are");
    } else if (ret->busy + ret->drained == n) {
        ret->reason = QUEUE_BUSY;
        ret->text = ret->drained
                        ? arena_printf(a, "all agents with %s are busy (%zu) or drained (%zu)",
                                       with, ret->busy, ret->drained)
                        : arena_printf(a, "%s%zu agent%s with %s %s busy", n == 1 ? "the " : "all ",
                                       n, plural(n), with, n == 1 ? "is" : "are");
    } else {
        ret->reason = QUEUE_TURN;
        ret->text = arena_printf(a,
                                 "an agent is free, and it is about to start (%zu other%s with "
                                 "these labels wait%s)",
                                 others, plural(others), others == 1 ? "s" : "");
    }
}

static void tell_held(arena *a, const job *j, queue_why *ret) {
    switch (j->hold) {
    case QUEUE_HOLD_GROUP:
        ret->reason = QUEUE_GROUP_HELD;
        ret->text = arena_printf(a, "run %llu holds the concurrency group '%s'",
                                 (unsigned long long)j->hold_by, j->hold_name);
        break;
    case QUEUE_HOLD_APPROVAL:
        ret->reason = QUEUE_APPROVAL;
        ret->text =
            j->hold_name[0]
                ? arena_printf(a, "it waits for an approval of environment '%s'", j->hold_name)
                : STR("it comes from a fork and waits for an approval");
        break;
    case QUEUE_HOLD_TIMER:
        ret->reason = QUEUE_TIMER;
        ret->text = arena_printf(a, "environment '%s' has it wait", j->hold_name);
        break;
    case QUEUE_HOLD_NONE: break;
    }
}

void queue_tell(const queue *q, arena *a, uint64_t id, queue_why *ret) {
    const job *j = number_map_get(&q->jobs, id);
    *ret = (queue_why){.reason = QUEUE_UNKNOWN, .text = STR("it is not in the queue")};
    if (!j) return;
    switch (j->state) {
    case JOB_HELD: tell_held(a, j, ret); break;
    case JOB_WAITING: tell_waiting(q, a, j, ret); break;
    case JOB_RUNNING:
        ret->reason = QUEUE_RUNS;
        ret->text = arena_printf(a, "it runs on agent %llu", (unsigned long long)j->agent);
        break;
    }
}
