/* queue.c: the queue's state, and the choice of the next job. */
#include "server/queue_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_MAX 100

/* ---- order --------------------------------------------------------------------------------- */

static bool job_before(const void *x, const void *y) {
    const job *a = x, *b = y;
    return a->rank != b->rank ? a->rank < b->rank : a->id < b->id;
}

static bool lane_before(const void *x, const void *y) {
    const lane *a = x, *b = y;
    return a->rank != b->rank ? a->rank < b->rank : a->project->id < b->project->id;
}

/* The least loaded first: used/capacity without division. */
static bool agent_before(const void *x, const void *y) {
    const agent *a = x, *b = y;
    unsigned left = a->used * b->capacity, right = b->used * a->capacity;
    if (left != right) return left < right;
    return a->capacity != b->capacity ? a->capacity > b->capacity : a->id < b->id;
}

static int64_t lane_rank(const lane *l) {
    const job *first = heap_first(&l->jobs);
    int64_t since = first->queued_us > l->served_us ? first->queued_us : l->served_us;
    int64_t share = (int64_t)l->project->running * QUEUE_STEP_US / l->project->weight;
    return since - first->priority * QUEUE_STEP_US + share;
}

static void rank_lane(lane *l) {
    l->rank = lane_rank(l);
    heap_move(&l->class->lanes, l);
}

static void rank_project(project *p) {
    for (size_t i = 0; i < p->lane_count; i++)
        rank_lane(p->lanes[i]);
}

/* ---- repositories -------------------------------------------------------------------------- */

static project *project_of(queue *q, int64_t id) {
    project *p = number_map_get(&q->projects, (uint64_t)id);
    if (p) return p;
    p = mem_alloc(sizeof *p);
    *p = (project){.id = id, .weight = 1};
    number_map_set(&q->projects, (uint64_t)id, p);
    return p;
}

static void free_project(project *p) {
    free(p->lanes);
    free(p);
}

/* One that has no jobs is forgotten, unless there is something to remember. */
static void drop_project(queue *q, project *p) {
    if (p->jobs || p->weight != 1) return;
    number_map_remove(&q->projects, (uint64_t)p->id);
    free_project(p);
}

void queue_weigh(queue *q, int64_t repository, unsigned weight) {
    project *p = project_of(q, repository);
    p->weight = weight < 1 ? 1 : weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
    rank_project(p);
    drop_project(q, p);
}

/* ---- classes of jobs ----------------------------------------------------------------------- */

/* Fewer labels first; equal ones by their text, so that the order does not hang on who came when.
 */
static bool less_special(const agent_class *x, const agent_class *y) {
    const label_set *a = &x->set, *b = &y->set;
    if (a->count != b->count) return a->count < b->count;
    for (size_t i = 0; i < a->count; i++) {
        int order = str_cmp(a->labels[i], b->labels[i]);
        if (order) return order < 0;
    }
    return str_cmp(a->group, b->group) < 0;
}

static void match(job_class *c, agent_class *x) {
    if (!label_set_fits(&x->set, &c->set)) return;
    if (c->matching_count == c->matching_cap) {
        c->matching_cap = c->matching_cap ? c->matching_cap * 2 : 4;
        c->matching = mem_realloc(c->matching, c->matching_cap * sizeof(agent_class *));
    }
    size_t at = c->matching_count++;
    for (; at > 0 && less_special(x, c->matching[at - 1]); at--)
        c->matching[at] = c->matching[at - 1];
    c->matching[at] = x;
}

static void unmatch(job_class *c, const agent_class *x) {
    size_t kept = 0;
    for (size_t i = 0; i < c->matching_count; i++) {
        if (c->matching[i] != x) c->matching[kept++] = c->matching[i];
    }
    c->matching_count = kept;
}

/* Takes over the set. */
static job_class *job_class_of(queue *q, label_set *set) {
    for (job_class *c = q->job_classes; c; c = c->next) {
        if (!label_set_same(&c->set, set)) continue;
        label_set_done(set);
        return c;
    }
    job_class *c = mem_alloc(sizeof *c);
    *c = (job_class){.set = *set, .next = q->job_classes};
    c->lanes = HEAP(lane_before, lane, place);
    if (c->next) c->next->previous = c;
    q->job_classes = c;
    for (agent_class *x = q->agent_classes; x; x = x->next)
        match(c, x);
    return c;
}

static void free_job_class(job_class *c) {
    heap_done(&c->lanes);
    label_set_done(&c->set);
    free(c->matching);
    free(c);
}

static void drop_job_class(queue *q, job_class *c) {
    if (c->jobs) return;
    if (c->previous)
        c->previous->next = c->next;
    else
        q->job_classes = c->next;
    if (c->next) c->next->previous = c->previous;
    free_job_class(c);
}

/* ---- lanes --------------------------------------------------------------------------------- */

static lane *lane_of(job_class *c, project *p) {
    for (size_t i = 0; i < p->lane_count; i++) {
        if (p->lanes[i]->class == c) return p->lanes[i];
    }
    lane *l = mem_alloc(sizeof *l);
    *l = (lane){.class = c, .project = p, .served_us = INT64_MIN, .place = HEAP_OUT};
    l->jobs = HEAP(job_before, job, place);
    if (p->lane_count == p->lane_cap) {
        p->lane_cap = p->lane_cap ? p->lane_cap * 2 : 4;
        p->lanes = mem_realloc(p->lanes, p->lane_cap * sizeof(lane *));
    }
    p->lanes[p->lane_count++] = l;
    return l;
}

static void drop_lane(lane *l) {
    project *p = l->project;
    for (size_t i = 0; i < p->lane_count; i++) {
        if (p->lanes[i] == l) p->lanes[i] = p->lanes[--p->lane_count];
    }
    heap_done(&l->jobs);
    free(l);
}

static void put_in_line(queue *q, job *j) {
    lane *l = lane_of(j->class, j->project);
    j->state = JOB_WAITING;
    j->lane = l;
    heap_add(&l->jobs, j);
    if (l->place == HEAP_OUT) {
        l->rank = lane_rank(l);
        heap_add(&l->class->lanes, l);
    } else {
        rank_lane(l);
    }
    l->class->waiting++;
    q->counts.waiting++;
}

static void take_out_of_line(queue *q, job *j) {
    lane *l = j->lane;
    heap_remove(&l->jobs, j);
    j->lane = NULL;
    l->class->waiting--;
    q->counts.waiting--;
    if (l->jobs.count) {
        rank_lane(l);
    } else {
        heap_remove(&l->class->lanes, l);
        drop_lane(l);
    }
}

/* ---- agents -------------------------------------------------------------------------------- */

static bool is_free(const agent *x) {
    return !x->draining && !x->spent && x->used < x->capacity;
}

/* After what makes it free, or its load, has changed. */
static void settle_agent(agent *x) {
    heap *h = &x->class->free;
    bool inside = x->place != HEAP_OUT;
    if (is_free(x) && inside)
        heap_move(h, x);
    else if (is_free(x))
        heap_add(h, x);
    else if (inside)
        heap_remove(h, x);
}

static void use_agent(queue *q, agent *x) {
    x->used++;
    x->spent = x->ephemeral;
    q->counts.used++;
    settle_agent(x);
}

static agent_class *agent_class_of(queue *q, label_set *set) {
    for (agent_class *c = q->agent_classes; c; c = c->next) {
        if (!label_set_same(&c->set, set)) continue;
        label_set_done(set);
        return c;
    }
    agent_class *c = mem_alloc(sizeof *c);
    *c = (agent_class){.set = *set, .next = q->agent_classes};
    c->free = HEAP(agent_before, agent, place);
    if (c->next) c->next->previous = c;
    q->agent_classes = c;
    for (job_class *x = q->job_classes; x; x = x->next)
        match(x, c);
    return c;
}

static void free_agent_class(agent_class *c) {
    heap_done(&c->free);
    label_set_done(&c->set);
    free(c);
}

static void leave_class(queue *q, agent *x) {
    agent_class *c = x->class;
    if (x->place != HEAP_OUT) heap_remove(&c->free, x);
    x->class = NULL;
    if (--c->agents) return;
    for (job_class *k = q->job_classes; k; k = k->next)
        unmatch(k, c);
    if (c->previous)
        c->previous->next = c->next;
    else
        q->agent_classes = c->next;
    if (c->next) c->next->previous = c->previous;
    free_agent_class(c);
}

static int enter_class(queue *q, agent *x, const queue_agent *given, err *e) {
    label_set set;
    if (given->capacity > QUEUE_CAPACITY_MAX)
        return err_set(e, ERR_LIMIT, "an agent that takes more than %d jobs at once",
                       QUEUE_CAPACITY_MAX);
    int r = label_set_make(given->labels, given->label_count, given->group, &set, e);
    if (r < 0) return r;
    if (x->class) leave_class(q, x);
    q->counts.capacity += given->capacity - x->capacity;
    x->capacity = given->capacity;
    x->draining = given->draining;
    x->ephemeral = given->ephemeral;
    x->class = agent_class_of(q, &set);
    x->class->agents++;
    settle_agent(x);
    return 0;
}

int queue_agent_add(queue *q, const queue_agent *given, err *e) {
    if (number_map_get(&q->agents, given->id))
        return err_set(e, ERR_INVALID, "the agent %llu is there already",
                       (unsigned long long)given->id);
    agent *x = mem_alloc(sizeof *x);
    *x = (agent){.id = given->id, .place = HEAP_OUT};
    for (size_t i = 0; i < q->jobs.cap; i++) {
        const job *j = q->jobs.slots[i].item;
        if (j && j->state == JOB_RUNNING && j->agent == given->id) x->used++;
    }
    x->spent = given->ephemeral && x->used;
    int r = enter_class(q, x, given, e);
    if (r < 0) {
        free(x);
        return r;
    }
    number_map_set(&q->agents, x->id, x);
    q->counts.agents++;
    q->counts.used += x->used;
    return 0;
}

int queue_agent_update(queue *q, const queue_agent *given, err *e) {
    agent *x = number_map_get(&q->agents, given->id);
    if (!x)
        return err_set(e, ERR_NOT_FOUND, "there is no agent %llu", (unsigned long long)given->id);
    return enter_class(q, x, given, e);
}

void queue_agent_remove(queue *q, uint64_t id) {
    agent *x = number_map_remove(&q->agents, id);
    if (!x) return;
    q->counts.agents--;
    q->counts.capacity -= x->capacity;
    q->counts.used -= x->used;
    leave_class(q, x);
    free(x);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

int queue_add(queue *q, const queue_job *given, err *e) {
    label_set set;
    int most = QUEUE_PRIORITY_MAX;
    if (number_map_get(&q->jobs, given->id))
        return err_set(e, ERR_INVALID, "the job %llu is there already",
                       (unsigned long long)given->id);
    if (given->priority > most || given->priority < -most)
        return err_set(e, ERR_LIMIT, "a priority is a number from %d to %d", -most, most);
    int r = label_set_make(given->labels, given->label_count, given->group, &set, e);
    if (r < 0) return r;
    job *j = mem_alloc(sizeof *j);
    *j = (job){.id = given->id,
               .run = given->run,
               .queued_us = given->queued_us,
               .priority = given->priority,
               .rank = given->queued_us - given->priority * QUEUE_STEP_US,
               .place = HEAP_OUT};
    j->project = project_of(q, given->repository);
    j->project->jobs++;
    j->class = job_class_of(q, &set);
    j->class->jobs++;
    number_map_set(&q->jobs, j->id, j);
    put_in_line(q, j);
    return 0;
}

static void start_on(queue *q, job *j, uint64_t agent_id) {
    agent *x = number_map_get(&q->agents, agent_id);
    j->state = JOB_RUNNING;
    j->agent = agent_id;
    j->project->running++;
    q->counts.running++;
    rank_project(j->project);
    if (x) use_agent(q, x);
}

/* Out of whatever it is in. */
static void detach(queue *q, job *j) {
    agent *x;
    switch (j->state) {
    case JOB_WAITING: take_out_of_line(q, j); return;
    case JOB_HELD: q->counts.held--; return;
    case JOB_RUNNING: break;
    }
    q->counts.running--;
    j->project->running--;
    rank_project(j->project);
    x = number_map_get(&q->agents, j->agent);
    if (!x) return;
    x->used--;
    q->counts.used--;
    settle_agent(x);
}

static void free_job(job *j) {
    free(j->hold_name);
    free(j);
}

void queue_remove(queue *q, uint64_t id) {
    job *j = number_map_remove(&q->jobs, id);
    if (!j) return;
    detach(q, j);
    j->project->jobs--;
    j->class->jobs--;
    drop_project(q, j->project);
    drop_job_class(q, j->class);
    free_job(j);
}

void queue_place(queue *q, uint64_t id, uint64_t agent_id) {
    job *j = number_map_get(&q->jobs, id);
    if (!j || j->state == JOB_RUNNING) return;
    detach(q, j);
    start_on(q, j, agent_id);
}

void queue_hold(queue *q, uint64_t id, queue_hold_kind kind, uint64_t by, str name) {
    job *j = number_map_get(&q->jobs, id);
    if (!j || j->state == JOB_RUNNING || kind == QUEUE_HOLD_NONE) return;
    detach(q, j);
    j->state = JOB_HELD;
    j->hold = kind;
    j->hold_by = by;
    free(j->hold_name);
    j->hold_name = mem_alloc(name.len + 1);
    memcpy(j->hold_name, name.ptr, name.len);
    j->hold_name[name.len] = '\0';
    q->counts.held++;
}

void queue_release(queue *q, uint64_t id) {
    job *j = number_map_get(&q->jobs, id);
    if (!j || j->state != JOB_HELD) return;
    detach(q, j);
    j->hold = QUEUE_HOLD_NONE;
    put_in_line(q, j);
}

/* ---- the next one -------------------------------------------------------------------------- */

static agent *free_agent_of(const job_class *c) {
    for (size_t i = 0; i < c->matching_count; i++) {
        agent *x = heap_first(&c->matching[i]->free);
        if (x) return x;
    }
    return NULL;
}

/* Lanes of one repository in two classes may be equal: then their first jobs decide. */
static bool goes_first(const lane *x, const lane *y) {
    if (x->rank != y->rank || x->project != y->project) return lane_before(x, y);
    return job_before(heap_first(&x->jobs), heap_first(&y->jobs));
}

bool queue_next(queue *q, int64_t now_us, uint64_t *ret_job, uint64_t *ret_agent) {
    lane *best = NULL;
    agent *to = NULL;
    for (job_class *c = q->job_classes; c; c = c->next) {
        lane *first = heap_first(&c->lanes);
        if (!first || (best && !goes_first(first, best))) continue;
        agent *x = free_agent_of(c);
        if (!x) continue;
        best = first;
        to = x;
    }
    if (!best) return false;
    job *j = heap_first(&best->jobs);
    best->served_us = now_us;
    take_out_of_line(q, j);
    start_on(q, j, to->id);
    *ret_job = j->id;
    *ret_agent = to->id;
    return true;
}

queue_counts queue_count(const queue *q) {
    return q->counts;
}

/* ---- all of it ----------------------------------------------------------------------------- */

queue *queue_new(void) {
    queue *q = mem_alloc(sizeof *q);
    *q = (queue){0};
    return q;
}

void queue_free(queue *q) {
    if (!q) return;
    for (size_t i = 0; i < q->projects.cap; i++) {
        project *p = q->projects.slots[i].item;
        if (!p) continue;
        while (p->lane_count)
            drop_lane(p->lanes[0]);
        free_project(p);
    }
    for (size_t i = 0; i < q->jobs.cap; i++) {
        if (q->jobs.slots[i].item) free_job(q->jobs.slots[i].item);
    }
    for (size_t i = 0; i < q->agents.cap; i++)
        free(q->agents.slots[i].item);
    for (job_class *c = q->job_classes, *next; c; c = next) {
        next = c->next;
        free_job_class(c);
    }
    for (agent_class *c = q->agent_classes, *next; c; c = next) {
        next = c->next;
        free_agent_class(c);
    }
    number_map_done(&q->jobs);
    number_map_done(&q->agents);
    number_map_done(&q->projects);
    free(q);
}
