/* Background steps: `background: true` and the children of `parallel:` run beside the steps that
 * follow them; `wait`, `wait-all` and `cancel` bring their effects back.
 *
 * What such a step sets (outputs, env, PATH, outcome) shows to nobody until it was waited for. At
 * most BACKGROUND_SLOTS run at a time; more are queued. */
#include "runner/job.h"

background *background_new(runner *r) {
    background *b = ARENA_NEW(r->a, background);
    b->env = value_object_new(r->a, true);
    b->outputs = value_object_new(r->a, false);
    b->lane = lane_new(r, b);
    background **end = &r->backgrounds;
    while (*end)
        end = &(*end)->next;
    *end = b;
    return b;
}

static bool ended(const background *b) {
    return b->conclusion != STEP_PENDING;
}

bool background_active(const runner *r) {
    for (const background *b = r->backgrounds; b; b = b->next) {
        if (!ended(b)) return true;
    }
    return false;
}

void background_start(step *s) {
    s->lane->background->step = s;
    s->lane->background->queued = true;
    background_wake(s->r);
}

void background_end(background *b) {
    if (b->started) b->step->r->slots_taken--;
    b->step = NULL;
}

/* ---- waiting ------------------------------------------------------------------------------- */

static bool is_target(const workflow_step *control, const background *b) {
    for (size_t i = 0; i < control->target_count; i++) {
        if (str_eq_nocase(token_text(control->targets[i]), b->id)) return true;
    }
    return false;
}

/* wait-all means those that nobody has waited for yet. */
static bool concerns(const workflow_step *control, const background *b) {
    return control->kind == STEP_WAIT_ALL ? !b->merged : is_target(control, b);
}

static void merge(runner *r, background *b) {
    if (b->merged) return;
    b->merged = true;
    context_put_step(r, &r->root->steps, b->id, &b->outputs, b->outcome, b->conclusion);
    value_set_all(r->a, &r->env, &b->env);
    for (size_t i = 0; i < b->path_count; i++)
        job_add_path(r, b->paths[i]);
}

void background_settle(runner *r) {
    for (background *b = r->backgrounds; b; b = b->next)
        merge(r, b);
    for (background *b = r->backgrounds; b; b = b->next) {
        bool wanted = b->cancel_asked && b->conclusion == STEP_CANCELLED;
        if (!wanted && (b->conclusion == STEP_FAILURE || b->conclusion == STEP_CANCELLED))
            job_merge(r, b->conclusion);
    }
}

static void describe(step *s, const char *what) {
    _cleanup_strbuf_ strbuf names = STRBUF_INIT;
    for (background *b = s->r->backgrounds; b; b = b->next) {
        if (!concerns(s->model, b)) continue;
        strbuf_addf(&names, "%s%.*s", names.len ? ", " : "", STR_ARG(b->name));
    }
    output_logf(s, LOG_PLAIN, "%s: %s", what, names.len ? names.ptr : "(none)");
}

/* Ends the control step if all that it waits for has ended. */
static bool control_done(step *s) {
    runner *r = s->r;
    for (background *b = r->backgrounds; b; b = b->next) {
        if (concerns(s->model, b) && !ended(b)) return false;
    }
    for (background *b = r->backgrounds; b; b = b->next) {
        if (!concerns(s->model, b)) continue;
        output_logf(s, LOG_PLAIN, "  %.*s: %s", STR_ARG(b->name), step_result_name(b->conclusion));
        bool bad = b->conclusion == STEP_FAILURE || b->conclusion == STEP_CANCELLED;
        if (bad && s->model->kind != STEP_CANCEL)
            s->result = result_merge(s->result, b->conclusion);
        merge(r, b);
    }
    step_end(s);
    return true;
}

static void cancel(background *b) {
    if (ended(b)) return;
    if (b->queued) {
        lane *l = b->lane;
        b->queued = false;
        b->step->cancel = CANCEL_JOB;
        step_end(b->step);
        lane_go(l);
    } else if (b->lane->running) {
        step_cancel(b->lane->running, CANCEL_JOB);
    }
}

bool step_run_control(step *s) {
    static const char *const told[STEP_KIND_COUNT] = {
        [STEP_WAIT] = "Waiting for background steps",
        [STEP_WAIT_ALL] = "Waiting for all background steps",
        [STEP_CANCEL] = "Cancelling background steps",
    };
    describe(s, told[s->model->kind]);
    for (background *b = s->r->backgrounds; b && s->model->kind == STEP_CANCEL; b = b->next) {
        if (!is_target(s->model, b)) continue;
        b->cancel_asked = true;
        cancel(b);
    }
    s->waits = true;
    return control_done(s);
}

void background_cancel_all(runner *r) {
    for (background *b = r->backgrounds; b; b = b->next)
        cancel(b);
}

/* ---- the pump ------------------------------------------------------------------------------ */

/* Starts what is queued while there are slots, then lets the foreground see what has ended. Always
 * called by the loop, never from within a lane, so that lanes need not expect to be re-entered. */
static void pump(void *context) {
    runner *r = context;
    loop_timer_stop(r->pump);
    r->pump = NULL;
    for (background *b = r->backgrounds; b && r->slots_taken < BACKGROUND_SLOTS; b = b->next) {
        if (!b->queued) continue;
        b->queued = false;
        b->started = true;
        r->slots_taken++;
        if (step_run(b->step)) lane_go(b->lane);
    }
    lane *l = r->lanes;
    if (r->complete) return;
    if (!l->running || (l->running->waits && control_done(l->running))) lane_go(l);
}

void background_wake(runner *r) {
    if (!r->pump) r->pump = loop_after(r->spec->loop, 0, pump, r);
}
