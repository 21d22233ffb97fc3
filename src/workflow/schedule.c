/* schedule.c: the walk over the plan. schedule_internal.h tells how the state hangs together.
 *
 * GitHub's rules, from "Workflow syntax" and "Workflow cancellation":
 * - a job is judged when all its needs have ended; without a status function in its `if`, every job
 *   before it, however far, must have succeeded;
 * - fail-fast cancels the other jobs of a matrix when one fails that may not;
 * - a cancelled run judges every condition again: what still holds goes on. */
#include "workflow/schedule_internal.h"

#include <assert.h>
#include <stdlib.h>

/* ---- telling ------------------------------------------------------------------------------- */

static void tell(schedule *s, schedule_event ev) {
    if (s->fn) s->fn(s->context, &ev);
}

void schedule_tell(schedule *s, schedule_event_kind kind, const instance *i, job_result result,
                   str reason, span where, value outputs) {
    tell(s, (schedule_event){.kind = kind,
                             .job = i->pub.plan,
                             .instance = &i->pub,
                             .key = i->pub.key,
                             .name = i->pub.name,
                             .result = result,
                             .reason = reason,
                             .where = where,
                             .outputs = outputs});
}

str schedule_error(schedule *s, const err *e) {
    if (e->where.line == 0 || !e->where.file) return arena_printf(s->a, "%s", e->message);
    return arena_printf(s->a, "%s:%u:%u: %s", e->where.file, e->where.line, e->where.column,
                        e->message);
}

/* ---- the work list ------------------------------------------------------------------------- */

void schedule_later(schedule *s, work w) {
    if (s->work_head == s->work_count) s->work_head = s->work_count = 0;
    if (s->work_count == s->work_cap) {
        s->work_cap = s->work_cap ? s->work_cap * 2 : 64;
        s->work = mem_realloc(s->work, s->work_cap * sizeof *s->work);
    }
    s->work[s->work_count++] = w;
}

int schedule_grow(schedule *s, size_t more, err *e) {
    if (more <= RUN_JOBS_MAX - s->size) {
        s->size += more;
        return 0;
    }
    s->size = RUN_JOBS_MAX; /* for good: or each of the rest would be evaluated in vain */
    return err_set(e, ERR_LIMIT, "the run has more than %d jobs", RUN_JOBS_MAX);
}

/* ---- ends ---------------------------------------------------------------------------------- */

job_result schedule_roll_up(unsigned results) {
    if (results & BIT(JOB_FAILURE)) return JOB_FAILURE;
    if (results & BIT(JOB_CANCELLED)) return JOB_CANCELLED;
    return results & BIT(JOB_SUCCESS) ? JOB_SUCCESS : JOB_SKIPPED;
}

static void end_node(schedule *s, node *n, job_result result) {
    frame *f = n->frame;
    n->state = NODE_DONE;
    n->result = result;
    n->as_need = value_object_new(s->a, false);
    value_set(s->a, &n->as_need, STR("result"), value_cstring(job_result_name(result)));
    value_set(s->a, &n->as_need, STR("outputs"), n->outputs);
    f->results |= BIT(result);
    for (size_t k = 0; k < n->job->dependent_count; k++) {
        node *next = &f->nodes[n->job->dependents[k]->index];
        next->ancestors |= n->ancestors | BIT(result);
        if (--next->waits == 0) schedule_later(s, (work){.kind = WORK_JUDGE, .node = next});
    }
    if (--f->left) return;
    if (f->caller)
        schedule_end_call(s, f);
    else
        s->done = true;
}

/* The whole job ends before its matrix is known. */
static void refuse_node(schedule *s, node *n, job_result result, str reason, span where) {
    tell(s, (schedule_event){.kind = SCHEDULE_NOT_STARTED,
                             .job = n->job,
                             .key = schedule_node_key(s, n),
                             .name = schedule_node_name(s, n),
                             .result = result,
                             .reason = reason,
                             .where = where,
                             .outputs = n->outputs});
    end_node(s, n, result);
}

/* Instances of a matrix share the job's outputs: the last one that sets a name to something wins.
 */
static void join_outputs(schedule *s, node *n, const value *outputs) {
    for (size_t k = 0; k < value_count(outputs); k++) {
        const value_pair *p = value_at(outputs, k);
        bool empty = p->item.kind == VALUE_STRING && p->item.string.len == 0;
        if (empty && value_get(&n->outputs, p->key)) continue;
        value_set(s->a, &n->outputs, p->key, value_copy(s->a, &p->item));
    }
}

static void fail_fast(schedule *s, node *n, const instance *failed) {
    n->fail_fast_fired = true;
    str reason = arena_printf(s->a, "fail-fast: '%.*s' failed", STR_ARG(failed->pub.key));
    for (size_t k = 0; k < n->count; k++)
        schedule_cancel_instance(s, &n->instances[k], reason);
}

void schedule_end_instance(schedule *s, instance *i, job_result result, const value *outputs) {
    node *n = i->node;
    assert(i->state != INSTANCE_DONE);
    if (i->state != INSTANCE_NEW) n->active--;
    if (result == JOB_FAILURE && i->pub.continue_on_error) result = JOB_SUCCESS;
    i->state = INSTANCE_DONE;
    i->result = result;
    n->results |= BIT(result);
    n->left--;
    /* "the last successful completing reusable workflow of the matrix" sets a call's outputs */
    bool counts = !i->called || n->count == 1 || result == JOB_SUCCESS;
    if (outputs && outputs->kind == VALUE_OBJECT && counts) join_outputs(s, n, outputs);
    schedule_give_back(s, &i->ticket);
    if (result == JOB_FAILURE && n->fail_fast && !n->fail_fast_fired) fail_fast(s, n, i);
    /* fail_fast may have ended all others, and with them the node */
    if (n->state == NODE_DONE) return;
    if (n->left == 0)
        end_node(s, n, schedule_roll_up(n->results));
    else if (n->admitted < n->count)
        schedule_later(s, (work){.kind = WORK_ADMIT, .node = n});
}

static void refuse_instance(schedule *s, instance *i, job_result result, str reason, span where) {
    schedule_tell(s, SCHEDULE_NOT_STARTED, i, result, reason, where, value_object_new(s->a, false));
    schedule_end_instance(s, i, result, NULL);
}

/* ---- starts -------------------------------------------------------------------------------- */

static void judge(schedule *s, node *n) {
    bool holds;
    err e = {0};
    schedule_node_contexts(s, n);
    if (schedule_judge(s, n, &holds, &e)) {
        refuse_node(s, n, JOB_FAILURE, schedule_error(s, &e), e.where);
        return;
    }
    if (!holds) {
        job_result result = n->frame->cancelled ? JOB_CANCELLED : JOB_SKIPPED;
        const token *condition = n->job->job->condition;
        refuse_node(s, n, result, schedule_why_not(s, n), condition ? condition->where : (span){0});
        return;
    }
    if (schedule_expand(s, n, &e)) {
        refuse_node(s, n, JOB_FAILURE, schedule_error(s, &e), e.where);
        return;
    }
    if (n->count == 0) {
        refuse_node(s, n, JOB_SKIPPED, STR("--matrix leaves none of its configurations"),
                    n->job->job->where);
        return;
    }
    n->state = NODE_EXPANDED;
    schedule_later(s, (work){.kind = WORK_ADMIT, .node = n});
}

/* Lets as many instances go on as may run at once. */
static void admit(schedule *s, node *n) {
    while (n->state == NODE_EXPANDED && n->admitted < n->count && n->active < n->max_parallel) {
        instance *i = &n->instances[n->admitted++];
        if (i->state == INSTANCE_DONE) continue;
        i->state = INSTANCE_QUEUED;
        n->active++;
        err e = {0};
        if (schedule_fill_instance(s, i, &e)) {
            refuse_instance(s, i, JOB_FAILURE, schedule_error(s, &e), e.where);
            continue;
        }
        schedule_ask(s, &i->ticket, &i->concurrency);
    }
}

static void push(instance **head, instance **tail, instance *i) {
    i->next = NULL;
    if (*tail)
        (*tail)->next = i;
    else
        *head = i;
    *tail = i;
}

static instance *pop(instance **head, instance **tail) {
    instance *i = *head;
    if (!i) return NULL;
    *head = i->next;
    if (!*head) *tail = NULL;
    return i;
}

static void launch(schedule *s, instance *i) {
    if (!plan_job_is_call(i->pub.plan)) {
        i->state = INSTANCE_READY;
        push(&s->ready_head, &s->ready_tail, i);
        return;
    }
    err e = {0};
    i->state = INSTANCE_RUNNING;
    if (schedule_open_call(s, i, &e))
        refuse_instance(s, i, JOB_FAILURE, schedule_error(s, &e), e.where);
}

static void start_frame(schedule *s, frame *f) {
    f->started = true;
    if (f->caller)
        schedule_tell(s, SCHEDULE_CALL_STARTED, f->caller, JOB_PENDING, STR_EMPTY, (span){0},
                      value_object_new(s->a, false));
    for (size_t k = 0; k < f->count; k++) {
        if (f->nodes[k].waits == 0)
            schedule_later(s, (work){.kind = WORK_JUDGE, .node = &f->nodes[k]});
    }
    if (f->count == 0 && f->caller) schedule_end_call(s, f);
}

static void granted(schedule *s, ticket *t) {
    if (!t->held) return; /* cancelled since */
    if (t->instance)
        launch(s, t->instance);
    else
        start_frame(s, t->frame);
}

static void settle(schedule *s) {
    while (s->work_head < s->work_count) {
        work w = s->work[s->work_head++];
        switch (w.kind) {
        case WORK_JUDGE: judge(s, w.node); break;
        case WORK_ADMIT: admit(s, w.node); break;
        case WORK_GRANT: granted(s, w.ticket); break;
        }
    }
}

/* ---- cancellation -------------------------------------------------------------------------- */

void schedule_cancel_instance(schedule *s, instance *i, str reason) {
    switch (i->state) {
    case INSTANCE_NEW:
    case INSTANCE_QUEUED:
    case INSTANCE_READY:
        refuse_instance(s, i, JOB_CANCELLED, reason, i->pub.plan->job->where);
        break;
    case INSTANCE_RUNNING:
        if (i->called) {
            schedule_cancel_frame(s, i->called, reason);
        } else if (!i->cancelled) {
            i->cancelled = true;
            i->cancel_reason = reason;
            push(&s->cancel_head, &s->cancel_tail, i);
        }
        break;
    case INSTANCE_DONE: break;
    }
}

/* What waits for its needs is judged when they have ended; what goes on already, now. */
void schedule_cancel_frame(schedule *s, frame *f, str reason) {
    if (f->cancelled) return;
    f->cancelled = true;
    f->cancel_reason = reason;
    if (!f->started) {
        schedule_give_back(s, &f->ticket);
        refuse_instance(s, f->caller, JOB_CANCELLED, reason, f->caller->pub.plan->job->where);
        return;
    }
    for (size_t k = 0; k < f->count; k++) {
        node *n = &f->nodes[k];
        bool holds = false;
        if (n->state != NODE_EXPANDED) continue;
        if (schedule_judge(s, n, &holds, NULL) == 0 && holds) continue;
        for (size_t m = 0; m < n->count; m++)
            schedule_cancel_instance(s, &n->instances[m], reason);
    }
}

/* ---- the public face ----------------------------------------------------------------------- */

static value or_empty(arena *a, value v) {
    return v.kind == VALUE_OBJECT ? v : value_object_new(a, false);
}

/* The root's inputs, name and concurrency, which may be wrong before anything has started. */
static int open_root(schedule *s, err *e) {
    const workflow *w = s->plan->workflow;
    frame *f = s->root;
    f->inputs = s->in.inputs;
    if (f->inputs.kind != VALUE_OBJECT) {
        int code = event_inputs(s->a, s->plan->event, w, &f->inputs, e);
        if (code) return code;
    }
    f->secrets = s->in.secrets;
    int code = schedule_read_run_name(s, f, &s->run_name, e);
    return code ? code : schedule_frame_concurrency(s, f, &s->root_concurrency, e);
}

int schedule_new(const plan *p, const schedule_inputs *in, schedule_event_fn *fn, void *context,
                 schedule **ret, err *e) {
    schedule *s = mem_alloc(sizeof *s);
    *s = (schedule){.a = arena_new(), .plan = p, .in = *in, .fn = fn, .context = context};
    s->in.secrets = or_empty(s->a, in->secrets);
    s->vars = or_empty(s->a, in->vars);
    s->github = event_github_context(s->a, p->event, p->workflow);
    s->group_index = value_object_new(s->a, false);
    s->root = schedule_new_frame(s, p->workflow, NULL, p->roots.items, p->roots.count);
    int code = open_root(s, e);
    if (code) {
        schedule_free(s);
        return code;
    }
    schedule_ask(s, &s->root->ticket, &s->root_concurrency);
    *ret = s;
    return 0;
}

void schedule_free(schedule *s) {
    if (!s) return;
    free(s->work);
    arena_free(s->a);
    free(s);
}

const job_instance *schedule_next(schedule *s) {
    for (;;) {
        settle(s);
        if (s->in.max_parallel && s->running >= s->in.max_parallel) return NULL;
        instance *i;
        while ((i = pop(&s->ready_head, &s->ready_tail)) && i->state != INSTANCE_READY)
            ;
        if (i) {
            i->state = INSTANCE_RUNNING;
            s->running++;
            return &i->pub;
        }
        if (s->done || s->running) return NULL;
        bool broken = schedule_break_deadlock(s);
        assert(broken); /* else a job would wait for nothing */
        if (!broken) return NULL;
    }
}

void schedule_finish(schedule *s, const job_instance *job, job_result result,
                     const value *outputs) {
    instance *i = (instance *)job;
    assert(i->state == INSTANCE_RUNNING && !i->called && result != JOB_PENDING);
    s->running--;
    schedule_end_instance(s, i, result, outputs);
    settle(s);
}

void schedule_cancel(schedule *s) {
    settle(s);
    s->cancelled = true;
    schedule_cancel_frame(s, s->root, STR("the run was cancelled"));
    settle(s);
}

const job_instance *schedule_take_cancel(schedule *s, str *ret_reason) {
    instance *i;
    while ((i = pop(&s->cancel_head, &s->cancel_tail)) && i->state == INSTANCE_DONE)
        ;
    if (i && ret_reason) *ret_reason = i->cancel_reason;
    return i ? &i->pub : NULL;
}

bool schedule_done(const schedule *s) {
    return s->done;
}

job_result schedule_result(const schedule *s) {
    return schedule_roll_up(s->root->results);
}

str schedule_run_name(const schedule *s) {
    return s->run_name;
}

str schedule_group(const schedule *s, bool *ret_cancel_in_progress) {
    *ret_cancel_in_progress = s->root_concurrency.cancel_in_progress;
    return s->root_concurrency.group;
}
