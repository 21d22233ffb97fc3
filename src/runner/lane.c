/* Lanes take entries from frames until something must be waited for. */
#include "runner/job.h"

#include <assert.h>

lane *lane_new(runner *r, background *b) {
    lane *l = ARENA_NEW(r->a, lane);
    *l = (lane){.r = r, .background = b};
    lane **end = &r->lanes;
    while (*end)
        end = &(*end)->next;
    *end = l;
    return l;
}

void lane_push(lane *l, frame *f) {
    f->below = l->top;
    l->top = f;
}

/* A background step's lane ends with it. */
static void lane_over(lane *l) {
    for (int i = 0; i < STEP_FILE_COUNT; i++) {
        if (l->files[i]) view_unlink(job_files(l->r), l->files[i]);
    }
    lane **at = &l->r->lanes;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    background_wake(l->r);
}

static bool goes_to_background(const frame *f, const entry *e) {
    return !f->owner && e->phase == PHASE_MAIN && e->model->background;
}

/* True when the lane may go on with the next entry. */
static bool run_entry(lane *l, frame *f, const entry *e) {
    if (!goes_to_background(f, e)) return step_begin(step_new(l, f, e));
    background *b = background_new(l->r);
    step *s = step_new(b->lane, f, e);
    b->id = arena_str(l->r->a, s->id);
    b->name = arena_str(l->r->a, s->name);
    if (step_begin(s) && !b->step) lane_over(b->lane);
    return true;
}

static void pop(lane *l) {
    frame *f = l->top;
    step *owner = f->owner;
    l->top = f->below;
    step_end_composite(owner, f);
    step_end(owner);
}

/* The job's main steps have ended: post steps follow, from the last registered to the first. False
 * when the lane has nothing more to do for now. */
static bool next_part(runner *r, frame *f) {
    if (background_active(r)) return false;
    if (r->posts_added || r->killed) {
        job_complete(r);
        return false;
    }
    r->posts_added = true;
    background_settle(r);
    while (r->post_count)
        frame_add(r, f, r->posts[--r->post_count]);
    return true;
}

void lane_go(lane *l) {
    runner *r = l->r;
    assert(!l->running);
    for (;;) {
        if (!attempt_go(l)) return;
        frame *f = l->top;
        if (!f) {
            lane_over(l);
            return;
        }
        if (r->killed) f->next = f->count;
        if (f->next < f->count) {
            entry e = f->entries[f->next++];
            if (!run_entry(l, f, &e)) return;
        } else if (f->owner) {
            pop(l);
        } else if (!next_part(r, f)) {
            return;
        }
    }
}
