/* lock_check.c: what can be said of a lock file and the workflows without asking anyone. */
#include "workflow/check_internal.h"
#include "workflow/lock.h"

#define LOCAL_DEPTH_MAX 32 /* of actions of the repository that use each other */

static const check_rule *rule_of(check_rule_id id) {
    size_t count;
    return &check_rules(&count)[id];
}

#define TELL(out, rule, where, ...)                                                                \
    problem_add(out, rule_of(rule)->level, rule_of(rule)->id, where,                               \
                str_from(rule_of(rule)->help), __VA_ARGS__)

typedef struct judge {
    arena *a;
    const lock_file *l;
    const lock_workflow *locked;
    lock_closure closure;
    lock_local_fn *local;
    void *context;
    problem_list *out;
    lock_pin *used;
    size_t used_count, used_cap;
    lock_pin *looked; /* actions of the repository that were looked into */
    size_t looked_count, looked_cap;
    bool unknown; /* something that the repository has could not be looked into */
    unsigned depth;
} judge;

static void judge_pin(judge *j, const token *uses) {
    str pin;
    if (!lock_pin_of(j->a, token_text(uses), &pin)) return;
    size_t before = j->used_count;
    lock_add_pin(j->a, &j->used, &j->used_count, &j->used_cap, (lock_pin){pin, uses->where});
    if (j->used_count == before || lock_closure_find(&j->closure, pin)) return;
    bool elsewhere = lock_find(j->l, pin);
    TELL(j->out, RULE_LOCK_MISSING, uses->where, "'%.*s' is not in " LOCK_PATH "%s", STR_ARG(pin),
         elsewhere ? " for this workflow" : "");
}

static void judge_steps(judge *j, const workflow_step *steps, size_t count);

/* "./path" or "$/path": what it uses counts as used by the workflow. */
static void judge_local(judge *j, str uses, span where) {
    const workflow_step *steps;
    size_t count, before = j->looked_count;
    lock_add_pin(j->a, &j->looked, &j->looked_count, &j->looked_cap, (lock_pin){uses, where});
    if (j->looked_count == before) return;
    bool found =
        j->local && j->depth < LOCAL_DEPTH_MAX && j->local(j->context, uses, &steps, &count);
    if (!found) {
        j->unknown = true;
        return;
    }
    j->depth++;
    judge_steps(j, steps, count);
    j->depth--;
}

static void judge_steps(judge *j, const workflow_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const workflow_step *s = &steps[i];
        judge_steps(j, s->children, s->child_count);
        if (s->kind != STEP_USES) continue;
        str uses = token_text(s->uses);
        if (str_starts(uses, STR("./")) || str_starts(uses, STR("$/")))
            judge_local(j, uses, s->uses->where);
        else
            judge_pin(j, s->uses);
    }
}

/* Marks what a pin brings with it, so that a list that holds that too has no unused pins. */
static void judge_unused(judge *j) {
    if (j->unknown) return;
    lock_closure closure = lock_closure_new(j->a, j->l);
    lock_closure_add(&closure, j->used, j->used_count);
    for (size_t i = 0; i < j->locked->pin_count; i++) {
        const lock_pin *p = &j->locked->pins[i];
        bool known = lock_closure_find(&closure, p->pin);
        for (size_t u = 0; u < j->used_count && !known; u++)
            known = str_eq(j->used[u].pin, p->pin);
        if (known) continue;
        TELL(j->out, RULE_LOCK_UNUSED, p->where, "'%.*s' does not use '%.*s'",
             STR_ARG(j->locked->path), STR_ARG(p->pin));
    }
}

void lock_check_refused(const err *why, problem_list *out) {
    TELL(out, RULE_LOCK_FILE, why->where, "%s", why->message);
}

void lock_check_workflow(const lock_file *l, str path, const workflow *w, lock_local_fn *local,
                         void *context, problem_list *out) {
    judge j = {.a = out->a, .l = l, .local = local, .context = context, .out = out};
    j.locked = lock_find_workflow(l, path);
    if (!j.locked) {
        TELL(out, RULE_LOCK_UNLOCKED, ((span){w->path, 1, 1, 1, 1}),
             LOCK_PATH " does not have this workflow");
        return;
    }
    j.closure = lock_closure_new(out->a, l);
    lock_closure_add(&j.closure, j.locked->pins, j.locked->pin_count);
    for (size_t i = 0; i < w->job_count; i++) {
        if (w->jobs[i]->uses) judge_pin(&j, w->jobs[i]->uses);
        judge_steps(&j, w->jobs[i]->steps, w->jobs[i]->step_count);
    }
    judge_unused(&j);
}

static void judge_entries(const lock_file *l, const lock_pin *pins, size_t count,
                          problem_list *out) {
    for (size_t i = 0; i < count; i++) {
        if (lock_find(l, pins[i].pin)) continue;
        TELL(out, RULE_LOCK_MISSING, pins[i].where, "'%.*s' has no entry under 'dependencies'",
             STR_ARG(pins[i].pin));
    }
}

void lock_check_file(const lock_file *l, bool (*exists)(void *context, str path), void *context,
                     problem_list *out) {
    lock_closure used = lock_closure_new(out->a, l);
    for (size_t i = 0; i < l->workflow_count; i++) {
        const lock_workflow *w = &l->workflows[i];
        judge_entries(l, w->pins, w->pin_count, out);
        if (!exists(context, w->path))
            TELL(out, RULE_LOCK_UNUSED, w->where, "there is no workflow '%.*s'", STR_ARG(w->path));
        lock_closure_add(&used, w->pins, w->pin_count);
    }
    for (size_t i = 0; i < l->entry_count; i++) {
        const lock_entry *entry = &l->entries[i];
        judge_entries(l, entry->uses, entry->use_count, out);
        if (used.has[i]) continue;
        TELL(out, RULE_LOCK_UNUSED, entry->where, "no workflow uses '%.*s'", STR_ARG(entry->pin));
    }
}
