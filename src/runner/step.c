/* One step from its place in a frame to its end: contexts, condition, process, result. */
#include "runner/job.h"

#include "base/fs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_INT_MS  7500
#define CANCEL_TERM_MS 2500

const char *phase_name(phase p) {
    static const char *const names[PHASE_COUNT] = {"pre", "main", "post"};
    return names[p];
}

const char *step_result_name(step_result r) {
    static const char *const names[STEP_RESULT_COUNT] = {"pending", "success", "failure",
                                                         "cancelled", "skipped"};
    return names[r];
}

bool step_is_embedded(const step *s) {
    return s->frame && s->frame->owner;
}

/* ---- making -------------------------------------------------------------------------------- */

static step *step_alloc(runner *r, phase p) {
    arena *a = arena_new();
    step *s = ARENA_NEW(a, step);
    *s = (step){.r = r,
                .a = a,
                .phase = p,
                .number = r->next_number++,
                .started_us = clock_wall_us(),
                .deadline = EXPIRED_NEVER,
                .echo = r->debug};
    s->outputs = value_object_new(r->a, false);
    return s;
}

/* The first line of a text that is not blank, as GitHub shows scripts and names. */
static str first_line(str text) {
    while (text.len && memchr(" \t\r\n", text.ptr[0], 4))
        text = str_sub(text, 1, text.len);
    size_t end = 0;
    while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r')
        end++;
    return str_sub(text, 0, end);
}

static str evaluated_name(step *s, const token *t, const char *prefix) {
    str text;
    if (token_eval_str(s->a, t, &s->eval, &text, NULL) < 0) text = t->source;
    return arena_printf(s->a, "%s%.*s", prefix, STR_ARG(first_line(text)));
}

static str main_name(step *s) {
    const workflow_step *m = s->model;
    if (m->name) return evaluated_name(s, m->name, "");
    switch (m->kind) {
    case STEP_RUN: return evaluated_name(s, m->run, "Run ");
    case STEP_USES: return evaluated_name(s, m->uses, "Run ");
    case STEP_WAIT:
    case STEP_WAIT_ALL: return STR("Wait for background steps");
    case STEP_CANCEL: return STR("Cancel background steps");
    case STEP_PARALLEL:
    case STEP_KIND_COUNT: break;
    }
    return m->id;
}

static str step_name(step *s) {
    if (s->phase == PHASE_PRE) return arena_printf(s->a, "Pre %.*s", STR_ARG(main_name(s)));
    if (s->phase == PHASE_MAIN) return main_name(s);
    str name = s->use->name.len ? s->use->name : main_name(s);
    return arena_printf(s->a, "Post %.*s", STR_ARG(name));
}

/* `again`: what is known of it, where it is made for a further attempt. */
static step *make(lane *l, frame *f, const entry *e, attempt *again) {
    step *s = step_alloc(l->r, e->phase);
    s->lane = l;
    s->frame = f;
    s->model = e->model;
    s->use = e->use;
    s->id = again ? again->id : e->model->id;
    if (again) {
        l->r->next_number--;
        s->number = again->number;
        s->started_us = again->started_us;
        s->attempt = again;
    }
    if (step_is_embedded(s)) s->deadline = f->owner->deadline;
    err e2 = {0};
    int opened = files_open(l, &e2);
    context_step(s);
    int env = opened < 0 ? opened : context_step_env(s, &e2);
    s->name = again ? again->name : output_masked(l->r, s->a, step_name(s));
    if (s->phase == PHASE_MAIN && s->use) s->use->name = arena_str(l->r->a, s->name);
    if (!again) output_step(s, RUNNER_STEP_STARTED);
    if (env < 0) step_fail(s, &e2);
    return s;
}

step *step_new(lane *l, frame *f, const entry *e) {
    return make(l, f, e, NULL);
}

step *step_again(lane *l, attempt *x) {
    return make(l, x->frame, &x->entry, x);
}

step *step_new_builtin(runner *r, const char *id, const char *name, phase p) {
    step *s = step_alloc(r, p);
    s->id = str_from(id);
    s->name = str_from(name);
    context_step(s);
    output_step(s, RUNNER_STEP_STARTED);
    return s;
}

void step_fail(step *s, const err *e) {
    if (e->where.line)
        output_error_at(s, e->where, "%s", e->message);
    else
        output_error(s, "%s", e->message);
    s->result = STEP_FAILURE;
}

/* ---- beginning ----------------------------------------------------------------------------- */

static int condition_holds(step *s, bool *ret, err *e) {
    const expr *x = NULL;
    *ret = true;
    if (s->phase == PHASE_MAIN)
        x = s->model->condition ? s->model->condition->expr : NULL;
    else
        x = s->phase == PHASE_PRE ? s->use->act->pre_if : s->use->act->post_if;
    bool control = s->model->kind != STEP_RUN && s->model->kind != STEP_USES;
    if (!x || control) return 0; /* pre, post and control steps: always() */
    value v;
    output_debug(s, "Evaluating condition for step: '%.*s'", STR_ARG(s->name));
    if (expr_eval(s->a, x, &s->eval, &v, e) < 0) return e->code;
    *ret = value_truthy(&v);
    output_debug(s, "Result: %s", *ret ? "true" : "false");
    return 0;
}

static void evaluate_timeout(step *s) {
    err e = {0};
    double minutes = 0;
    if (step_is_embedded(s) || !s->model->timeout_minutes) return;
    if (token_eval_number(s->a, s->model->timeout_minutes, &s->eval, &minutes, &e) < 0) {
        output_error(s, "An error occurred when attempting to determine the step timeout.");
        output_error(s, "%s", e.message);
    }
    s->timeout_minutes = minutes > 0 && minutes < 1e7 ? minutes : 0;
}

bool step_begin(step *s) {
    err e = {0};
    bool holds = false;
    if (s->result != STEP_PENDING) {
        step_end(s);
        return true;
    }
    if (condition_holds(s, &holds, &e) < 0)
        step_fail(s, &e);
    else if (!holds)
        s->result = STEP_SKIPPED;
    if (s->result != STEP_PENDING) {
        step_end(s);
        return true;
    }
    evaluate_timeout(s);
    if (s->lane->background && !step_is_embedded(s)) {
        background_start(s);
        return true;
    }
    return attempt_run(s);
}

bool step_run(step *s) {
    s->lane->running = s;
    if (s->timeout_minutes > 0)
        s->deadline = loop_now_ms() + (uint64_t)(s->timeout_minutes * 60000);
    switch (s->model->kind) {
    case STEP_RUN: return step_run_script(s);
    case STEP_USES: return step_run_action(s);
    case STEP_WAIT:
    case STEP_WAIT_ALL:
    case STEP_CANCEL: return step_run_control(s);
    case STEP_PARALLEL:
    case STEP_KIND_COUNT: break;
    }
    return true;
}

/* ---- the process --------------------------------------------------------------------------- */

static bool allows(const step *s, const char *name) {
    return str_eq_nocase(value_path_str(&s->env, name), STR("true"));
}

static void on_output(void *context, str bytes) {
    output_bytes(context, bytes);
}

static void tell_exit(step *s) {
    if (s->exit_untold) output_error(s, "Process completed with exit code %d.", s->exit_code);
    s->exit_untold = false;
}

void step_exited(void *context, int status, const char *why) {
    step *s = context;
    lane *l = s->lane;
    output_flush(s);
    s->process = NULL;
    s->exit_code = status;
    if (why && !s->cancel) output_error(s, "%s", why);
    if (status != 0) {
        s->exit_untold = s->model->kind == STEP_RUN && !why && !s->cancel;
        if (!attempt_is_asked(s)) tell_exit(s);
        s->result = STEP_FAILURE;
    }
    step_end(s);
    lane_go(l);
}

static void on_timeout(void *context) {
    step_cancel(context, CANCEL_TIME);
}

void step_watch_time(step *s) {
    if (s->deadline == EXPIRED_NEVER) return;
    uint64_t now = loop_now_ms();
    s->timeout =
        loop_after(s->r->spec->loop, s->deadline > now ? s->deadline - now : 0, on_timeout, s);
}

bool step_spawn(step *s, const char *const *argv, const char *cwd, const value *more_env) {
    err e = {0};
    s->cwd = arena_cstr(s->a, str_from(cwd));
    s->environ = context_environ(s, more_env);
    s->any_token = allows(s, "ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS");
    s->insecure = allows(s, "ACTIONS_ALLOW_UNSECURE_COMMANDS");
    if (s->r->matchers) matcher_reset(s->r->matchers);
    sandbox_command c = {argv, s->environ, s->cwd, on_output, step_exited, s, NULL};
    if (sandbox_start(s->r->box, &c, &s->process, &e) < 0) {
        step_fail(s, &e);
        step_end(s);
        return true;
    }
    step_watch_time(s);
    return false;
}

static void on_grace(void *context) {
    step *s = context;
    const runner_spec *spec = s->r->spec;
    loop_timer_stop(s->grace);
    s->grace = NULL;
    if (!s->process) return;
    if (s->cancel_stage++ == 0) {
        unsigned ms = spec->cancel_term_ms ? spec->cancel_term_ms : CANCEL_TERM_MS;
        sandbox_signal(s->process, SIGTERM);
        s->grace = loop_after(spec->loop, ms, on_grace, s);
    } else {
        sandbox_kill(s->process);
    }
}

void step_cancel(step *s, cancel_reason why) {
    bool asked = s->cancel;
    if (!asked || why == CANCEL_JOB) s->cancel = why;
    if (asked) return;
    if (s->copies) s->r->port.checkout_stop(s->r->port.context, s);
    if (!s->process) return; /* a control step ends with what it waits for */
    unsigned ms = s->r->spec->cancel_int_ms ? s->r->spec->cancel_int_ms : CANCEL_INT_MS;
    sandbox_signal(s->process, SIGINT);
    s->grace = loop_after(s->r->spec->loop, ms, on_grace, s);
}

void step_recheck(step *s) {
    bool holds = false;
    err e = {0};
    s->job_cancelled = true;
    if (condition_holds(s, &holds, &e) < 0) output_error(s, "%s", e.message);
    if (!holds) step_cancel(s, CANCEL_JOB);
}

/* ---- what a step sets ---------------------------------------------------------------------- */

void step_set_output(step *s, str name, str text) {
    value_set(s->r->a, &s->outputs, name, value_string(arena_str(s->r->a, text)));
}

void step_set_env(step *s, str name, str text) {
    background *b = s->lane->background;
    value *into = b ? &b->env : &s->r->env;
    value_set(s->r->a, into, name, value_string(arena_str(s->r->a, text)));
}

static void add_path(arena *a, str **paths, size_t *count, size_t *cap, str path) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (!str_eq((*paths)[i], path)) (*paths)[kept++] = (*paths)[i];
    }
    *count = kept;
    ARENA_PUSH(a, *paths, *count, *cap, arena_str(a, path));
}

void job_add_path(runner *r, str path) {
    add_path(r->a, &r->paths, &r->path_count, &r->path_cap, path);
}

void step_add_path(step *s, str path) {
    background *b = s->lane->background;
    if (b)
        add_path(s->r->a, &b->paths, &b->path_count, &b->path_cap, path);
    else
        job_add_path(s->r, path);
}

/* ---- ending -------------------------------------------------------------------------------- */

static void judge_cancel(step *s) {
    if (s->cancel == CANCEL_TIME) {
        if (step_is_embedded(s))
            output_error(s, "The action has timed out.");
        else
            output_error(s, "The %s '%.*s' has timed out after %g minutes.",
                         s->lane->background ? "background step" : "action", STR_ARG(s->name),
                         s->timeout_minutes);
        s->result = STEP_FAILURE;
    } else if (s->cancel == CANCEL_JOB && !s->waits) {
        output_error(s, "The operation was canceled.");
        s->result = STEP_CANCELLED;
    }
}

static bool continues_on_error(step *s) {
    err e = {0};
    bool on = false;
    if (!s->model || !s->model->continue_on_error) return false;
    if (token_eval_bool(s->a, s->model->continue_on_error, &s->eval, &on, &e) < 0) {
        output_error(s, "The step failed and an error occurred when attempting to determine "
                        "whether to continue on error.");
        output_error(s, "%s", e.message);
    }
    return on;
}

static void tell_finished(step *s, step_result outcome, step_result conclusion) {
    runner_event ev = output_event_of(s, RUNNER_STEP_FINISHED);
    ev.outcome = outcome;
    ev.conclusion = conclusion;
    ev.outputs = &s->outputs;
    ev.summary = s->summary;
    ev.duration_us = clock_wall_us() - s->started_us;
    output_event(s->r, &ev);
}

/* Carries the result to where it counts: the composite action's or the job's. */
static void pass_on(step *s, step_result outcome, step_result conclusion) {
    runner *r = s->r;
    background *b = s->lane ? s->lane->background : NULL;
    if (b && !step_is_embedded(s)) {
        b->outcome = outcome;
        b->conclusion = conclusion;
        b->outputs = s->outputs;
        return;
    }
    if (s->frame && s->phase == PHASE_MAIN)
        context_put_step(r, &s->frame->steps, s->id, &s->outputs, outcome, conclusion);
    if (step_is_embedded(s)) {
        if (conclusion == STEP_FAILURE || conclusion == STEP_CANCELLED)
            s->frame->result = result_merge(s->frame->result, conclusion);
    } else if (conclusion == STEP_FAILURE) {
        job_merge(r, STEP_FAILURE);
    }
}

static void step_free(step *s) {
    loop_timer_stop(s->timeout);
    loop_timer_stop(s->grace);
    strbuf_done(&s->partial);
    mask_stream_done(&s->cut_line);
    command_state_done(&s->commands);
    arena_free(s->line_a);
    arena_free(s->a);
}

void step_end(step *s) {
    lane *l = s->lane;
    output_group_end(s);
    if (l && s->environ) files_process(s);
    judge_cancel(s);
    if (s->command_failed) s->result = result_merge(s->result, STEP_FAILURE);
    if (s->result == STEP_PENDING) s->result = STEP_SUCCESS;
    step_result outcome = s->result, conclusion = outcome;
    if (outcome == STEP_FAILURE && continues_on_error(s)) conclusion = STEP_SUCCESS;
    if (conclusion == STEP_FAILURE && attempt_failed(s)) {
        l->running = NULL;
        step_free(s);
        return;
    }
    tell_exit(s);
    if (outcome == STEP_FAILURE && s->environ && s->r->port.failed_shell && !s->r->killed)
        s->r->port.failed_shell(s->r->port.context, s->r->box, s->cwd, s->environ);
    pass_on(s, outcome, conclusion);
    tell_finished(s, outcome, conclusion);
    if (l && l->running == s) l->running = NULL;
    if (l && l->background && !step_is_embedded(s)) background_end(l->background);
    step_free(s);
}
