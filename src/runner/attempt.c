/* Steps that can be tried again, in a job with snapshots.
 *
 * Before a step of the job itself runs, a snapshot of the job's files is taken and what a step can
 * change in the job is noted. Where the step fails, the port is asked at its very end, when all is
 * known: nothing has been passed on to the job by then. To try again is to go back to the snapshot
 * and to what was noted, and to make the step anew, under its number and its name, from a model
 * that may have been edited. What was told of the failed attempt has been told: its lines and
 * annotations stay, and so do the secrets that it had masked and its problem matchers.
 *
 * The foreground lane stands still meanwhile: while a snapshot is taken its step is running, while
 * one is restored `again` is set. */
#include "runner/job.h"

static bool has_attempts(const step *s) {
    if (!s->r->spec->snapshots || s->r->cancelled || s->lane->background) return false;
    if (step_is_embedded(s) || s->phase != PHASE_MAIN) return false;
    return s->model->kind == STEP_RUN || s->model->kind == STEP_USES;
}

/* ---- what a step can change ---------------------------------------------------------------- */

static void note(step *s) {
    runner *r = s->r;
    attempt *x = s->attempt;
    x->env = context_shallow(r->a, &r->env);
    if (s->use) x->state = context_shallow(r->a, &s->use->state);
    x->paths = ARENA_ARRAY(r->a, str, r->path_count + 1);
    x->path_count = r->path_count;
    for (size_t i = 0; i < r->path_count; i++)
        x->paths[i] = r->paths[i];
}

/* What was noted stays as it is: there may be a third attempt. */
static void put_back(runner *r, const attempt *x) {
    r->env = context_shallow(r->a, &x->env);
    if (x->entry.use) x->entry.use->state = context_shallow(r->a, &x->state);
    r->path_count = 0;
    for (size_t i = 0; i < x->path_count; i++)
        ARENA_PUSH(r->a, r->paths, r->path_count, r->path_cap, x->paths[i]);
}

/* ---- the first attempt --------------------------------------------------------------------- */

static void on_snapshot(void *context, const err *e) {
    step *s = context;
    lane *l = s->lane;
    if (e) {
        s->r->snapshots--;
        s->attempt->snapshot = 0;
        s->attempt->why_not = arena_printf(s->r->a, "%s", e->message).ptr;
        output_warning(s, "No snapshot was taken, so this step cannot be tried again: %s",
                       e->message);
    }
    bool on = true;
    if (s->cancel)
        step_end(s);
    else
        on = step_run(s);
    if (on) lane_go(l);
}

/* What runs in the background writes all the time, and would be killed when the job goes back. */
static bool take_snapshot(step *s) {
    runner *r = s->r;
    attempt *x = s->attempt;
    err e = {0};
    x->why_not = "other steps ran in the background when it began";
    if (background_active(r)) return step_run(s);
    /* An engine's image of a container has neither, so to go back to it would be half the way. */
    x->why_not =
        "a container engine keeps neither the folders that the job's container shares with "
        "this machine, which the step may have changed, nor what earlier steps have started";
    if (r->backend == SANDBOX_ENGINE) return step_run(s);
    s->lane->running = s;
    x->snapshot = ++r->snapshots;
    if (sandbox_snapshot(r->box, x->snapshot, on_snapshot, s, &e) >= 0) return false;
    r->snapshots--;
    x->snapshot = 0;
    x->why_not = arena_printf(r->a, "%s", e.message).ptr;
    return step_run(s);
}

bool attempt_run(step *s) {
    runner *r = s->r;
    if (s->attempt || !has_attempts(s)) return step_run(s);
    s->attempt = ARENA_NEW(r->a, attempt);
    *s->attempt = (attempt){.frame = s->frame,
                            .entry = {s->model, s->use, s->phase},
                            .first = s->model,
                            .number = s->number,
                            .started_us = s->started_us,
                            .id = arena_str(r->a, s->id),
                            .name = arena_str(r->a, s->name)};
    note(s);
    return take_snapshot(s);
}

/* ---- the next one -------------------------------------------------------------------------- */

bool attempt_is_asked(const step *s) {
    const runner *r = s->r;
    return s->attempt && r->port.failed_step && !r->killed && !r->cancelled &&
           s->cancel != CANCEL_JOB;
}

bool attempt_failed(step *s) {
    runner *r = s->r;
    attempt *x = s->attempt;
    if (!attempt_is_asked(s)) return false;
    runner_failure f = {
        .box = r->box,
        .step = x->first,
        .number = s->number,
        .exit_code = s->exit_code,
        .cwd = s->environ ? s->cwd : r->workspace,
        .env = s->environ ? s->environ : context_environ(s, NULL),
        .may_retry = x->snapshot > 0,
        .why_not = x->why_not,
        .again = x->entry.model,
    };
    runner_choice choice = r->port.failed_step(r->port.context, &f);
    if (choice == RUNNER_STOP) {
        s->lane->running = NULL; /* it has ended: there is nothing to interrupt */
        runner_cancel(r);
    }
    if (choice != RUNNER_RETRY || !f.may_retry) return false;
    x->entry.model = f.again;
    s->lane->again = x;
    return true;
}

static void on_restored(void *context, const err *e) {
    lane *l = context;
    attempt *x = l->again;
    l->again = NULL;
    x->restoring = false;
    put_back(l->r, x);
    step *s = step_again(l, x);
    output_log(s, LOG_PLAIN, STR("Trying this step again, with the files that it began with"));
    if (e) {
        x->snapshot = 0;
        x->why_not = "its snapshot is lost";
        step_fail(s, e);
    }
    if (l->r->killed) s->cancel = CANCEL_JOB;
    bool on = true;
    if (s->cancel)
        step_end(s);
    else
        on = step_begin(s);
    if (on) lane_go(l);
}

bool attempt_go(lane *l) {
    attempt *x = l->again;
    err e = {0};
    if (!x) return true;
    if (x->restoring) return false;
    x->restoring = true;
    if (sandbox_restore(l->r->box, x->snapshot, on_restored, l, &e) < 0) on_restored(l, &e);
    return false;
}
