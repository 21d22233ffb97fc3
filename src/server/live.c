#include "server/live.h"

#include "base/json.h"
#include "base/loop.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_DEPTH   20
#define RERUN_FAILED  "failed"
#define RERUN_JOB     "job:"
#define GROUP_WAITING "another run of its concurrency group is under way"

_Static_assert((int)RESULT_SKIPPED == (int)JOB_SKIPPED &&
                   (int)RESULT_COUNT == (int)JOB_RESULT_COUNT,
               "results of the store are those of the plan");

struct live {
    live_port port;
    live_run *runs;
};

live *live_new(const live_port *port) {
    live *l = mem_alloc(sizeof *l);
    *l = (live){.port = *port};
    return l;
}

static void free_run(live_run *run) {
    schedule_free(run->schedule);
    arena_free(run->a);
}

static void forget_all(live *l) {
    while (l->runs) {
        live_run *run = l->runs;
        l->runs = run->next;
        free_run(run);
    }
}

void live_free(live *l) {
    if (!l) return;
    forget_all(l);
    free(l);
}

live_run *live_run_find(live *l, int64_t id) {
    for (live_run *run = l->runs; run; run = run->next) {
        if (run->row.id == id) return run;
    }
    return NULL;
}

live_job *live_job_find(live *l, int64_t id) {
    for (live_run *run = l->runs; run; run = run->next) {
        for (live_job *job = run->jobs; job; job = job->next) {
            if (job->row.id == id) return job;
        }
    }
    return NULL;
}

void live_each_job(live *l, void (*fn)(void *context, live_job *job), void *context) {
    for (live_run *run = l->runs; run; run = run->next) {
        for (live_job *job = run->jobs, *next; job; job = next) {
            next = job->next;
            fn(context, job);
        }
    }
}

/* ---- states --------------------------------------------------------------------------------- */

/* Text of a row must live as long as the run. */
static str keep(const live_run *run, str text) {
    return text.len ? arena_str(run->a, text) : STR_EMPTY;
}

static int move_run(core_tx *tx, live_run *run, run_event what, str reason, err *e) {
    const live_port *port = &run->of->port;
    run_state next;
    if (!run_next(run->row.state, what, &next))
        return err_set(e, ERR_INVALID, "a run that is %s cannot %s",
                       run_state_words[run->row.state], run_event_name(what));
    run->row.state = next;
    run->row.reason = keep(run, reason);
    if (what == RUN_EVENT_START) run->row.started_us = tx->now_us;
    if (what == RUN_EVENT_END) run->row.ended_us = tx->now_us;
    int r = store_run_put(tx->store, &run->row, e);
    return r < 0 ? r : port->changed_run(port->context, tx, run, run_event_name(what), e);
}

static int write_job(core_tx *tx, const live_run *run, store_job *row, const char *what, err *e) {
    const live_port *port = &run->of->port;
    int r = row->id ? store_job_put(tx->store, row, e) : store_job_add(tx->store, row, e);
    return r < 0 ? r : port->changed_job(port->context, tx, run, row, what, e);
}

int live_job_move(core_tx *tx, live_job *job, job_event what, str reason, err *e) {
    job_state next;
    if (!job_next(job->row.state, what, &next))
        return err_set(e, ERR_INVALID, "a job that is %s cannot %s",
                       job_state_words[job->row.state], job_event_name(what));
    job->row.state = next;
    job->row.reason = keep(job->run, reason);
    if (what == JOB_EVENT_START) job->row.started_us = tx->now_us;
    return write_job(tx, job->run, &job->row, job_event_name(what), e);
}

/* ---- rows of jobs --------------------------------------------------------------------------- */

/* Nothing, where there is nothing. */
static str json_of(arena *a, const value *v) {
    return v->kind == VALUE_NULL ? STR_EMPTY : json_text(a, v);
}

static str labels_of(arena *a, const job_instance *i) {
    value list = value_array_new(a);
    for (size_t k = 0; k < i->label_count; k++)
        value_push(a, &list, value_string(i->labels[k]));
    return json_of(a, &list);
}

static str needs_of(arena *a, const plan_job *job) {
    value list = value_array_new(a);
    for (size_t k = 0; k < job->need_count; k++)
        value_push(a, &list, value_string(job->needs[k]->key));
    return json_of(a, &list);
}

static store_job new_row(live_run *run, const plan_job *job, const job_instance *i, str key,
                         str name, int64_t now_us) {
    store_job row = {.run = run->row.id,
                     .attempt = run->row.attempt,
                     .key = keep(run, key),
                     .name = keep(run, name),
                     .state = JOB_STATE_QUEUED,
                     .needs = needs_of(run->a, job),
                     .labels = STR("[]"),
                     .approved_by = STR("[]"),
                     .is_call = plan_job_is_call(job),
                     .queued_us = now_us};
    if (!i) return row;
    row.labels = labels_of(run->a, i);
    row.matrix = json_of(run->a, &i->matrix);
    row.environment = keep(run, i->environment);
    row.conc_group = keep(run, i->concurrency_group);
    row.conc_cancel = i->concurrency_cancel;
    row.may_fail = i->continue_on_error;
    return row;
}

/* The newest row of that key that was there when the run was made. */
static store_job *known_job(const live_run *run, str key) {
    for (size_t i = run->known_count; i-- > 0;) {
        if (str_eq(run->known[i].key, key)) return &run->known[i];
    }
    return NULL;
}

static bool is_of_this_attempt(const live_run *run, const store_job *row) {
    return row && row->attempt == run->row.attempt;
}

/* ---- what the schedule tells ---------------------------------------------------------------- */

static void note_trouble(live_run *run, int code) {
    if (code < 0) run->broken = true;
}

static void end_row(live_run *run, store_job *row, store_result result, str reason) {
    row->state = JOB_STATE_COMPLETED;
    row->result = result;
    row->reason = keep(run, reason);
    row->ended_us = run->tx->now_us;
    row->ended_order = ++run->ended;
    note_trouble(run, write_job(run->tx, run, row, "end", &run->trouble));
}

static void on_not_started(live_run *run, const schedule_event *ev) {
    if (is_of_this_attempt(run, known_job(run, ev->key))) return;
    store_job row = new_row(run, ev->job, ev->instance, ev->key, ev->name, run->tx->now_us);
    end_row(run, &row, (store_result)ev->result, ev->reason);
}

static void on_call_started(live_run *run, const schedule_event *ev) {
    if (is_of_this_attempt(run, known_job(run, ev->key))) return;
    store_job row = new_row(run, ev->job, ev->instance, ev->key, ev->name, run->tx->now_us);
    row.state = JOB_STATE_RUNNING;
    row.started_us = run->tx->now_us;
    note_trouble(run, write_job(run->tx, run, &row, "start", &run->trouble));
}

static void on_call_finished(live_run *run, const schedule_event *ev) {
    store_job *rows;
    size_t count;
    if (store_jobs_of_run(run->tx->store, run->tx->a, run->row.id, run->row.attempt, &rows, &count,
                          &run->trouble) < 0) {
        run->broken = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(rows[i].key, ev->key) || rows[i].state == JOB_STATE_COMPLETED) continue;
        rows[i].outputs = json_of(run->tx->a, &ev->outputs);
        end_row(run, &rows[i], (store_result)ev->result, STR_EMPTY);
    }
}

static void on_schedule(void *context, const schedule_event *ev) {
    live_run *run = context;
    switch (ev->kind) {
    case SCHEDULE_NOT_STARTED: on_not_started(run, ev); break;
    case SCHEDULE_CALL_STARTED: on_call_started(run, ev); break;
    case SCHEDULE_CALL_FINISHED: on_call_finished(run, ev); break;
    case SCHEDULE_EVENT_COUNT: break;
    }
}

/* ---- jobs that start and end ---------------------------------------------------------------- */

static live_job *add_job(live_run *run, const job_instance *i, const store_job *row) {
    live_job *job = ARENA_NEW(run->a, live_job), **last = &run->jobs;
    *job = (live_job){.run = run, .instance = i, .row = *row};
    while (*last)
        last = &(*last)->next;
    *last = job;
    return job;
}

/* It is queued, or waits for what its environment asks for. */
static int offer(core_tx *tx, live_job *job, err *e) {
    const live_port *port = &job->run->of->port;
    str reason = STR_EMPTY;
    bool may = !port->may_start || port->may_start(port->context, tx, job, &reason);
    int r = 0;
    if (!may && job->row.state == JOB_STATE_QUEUED)
        r = live_job_move(tx, job, JOB_EVENT_ASK, reason, e);
    else if (may && job->row.state == JOB_STATE_WAITING)
        r = live_job_move(tx, job, JOB_EVENT_RELEASE, STR_EMPTY, e);
    if (r == 0 && job->row.state == JOB_STATE_QUEUED) port->ready(port->context, tx, job);
    return r;
}

int live_job_release(core_tx *tx, live_job *job, err *e) {
    return job->row.state == JOB_STATE_WAITING ? offer(tx, job, e) : 0;
}

static int begin_job(core_tx *tx, live_run *run, const job_instance *i, err *e) {
    store_job row = new_row(run, i->plan, i, i->key, i->name, tx->now_us);
    int r = write_job(tx, run, &row, "queue", e);
    return r < 0 ? r : offer(tx, add_job(run, i, &row), e);
}

static bool needs_are_reused(live_run *run, const plan_job *job);

static bool judge_reuse(live_run *run, const plan_job *job, const store_job *row) {
    if (is_of_this_attempt(run, row) || row->state != JOB_STATE_COMPLETED) return false;
    if (!run->row.rerun.len || !needs_are_reused(run, job)) return false;
    if (str_is(run->row.rerun, RERUN_FAILED)) return row->result == RESULT_SUCCESS;
    return !str_eq(str_sub(run->row.rerun, sizeof RERUN_JOB - 1, run->row.rerun.len), row->key);
}

/* Whether a job of an earlier attempt counts in this one, too. */
static bool is_reused(live_run *run, const plan_job *job, const store_job *row) {
    if (!row) return false;
    uint8_t *judged = &run->known_reuse[row - run->known];
    if (!*judged) *judged = judge_reuse(run, job, row) ? 1 : 2;
    return *judged == 1;
}

/* A matrix has a row for each of its configurations. */
static bool is_row_of(const store_job *row, const plan_job *job) {
    str rest = str_sub(row->key, job->key.len, row->key.len);
    return str_starts(row->key, job->key) && (!rest.len || str_starts(rest, STR(" (")));
}

static bool needs_are_reused(live_run *run, const plan_job *job) {
    for (size_t i = 0; i < job->need_count; i++) {
        for (size_t k = 0; k < run->known_count; k++) {
            const store_job *row = &run->known[k];
            if (is_row_of(row, job->needs[i]) && !is_reused(run, job->needs[i], row)) return false;
        }
    }
    return true;
}

static int read_outputs(arena *a, str text, value *ret, err *e) {
    *ret = value_object_new(a, true);
    return text.len ? json_parse(a, text, 0, ret, e) : 0;
}

/* A job that has ended before the schedule was made. */
typedef struct replay {
    const job_instance *instance;
    const store_job *row;
    bool reused;
} replay;

static int finish_replayed(live_run *run, const replay *x, err *e) {
    value outputs;
    int r = read_outputs(run->a, x->row->outputs, &outputs, e);
    if (r == 0) schedule_finish(run->schedule, x->instance, (job_result)x->row->result, &outputs);
    return r;
}

/* Gives the schedule what has ended, in its order, until it stands where it stood. */
static int take_up(core_tx *tx, live_run *run, err *e) {
    replay *ended = NULL;
    size_t count = 0, cap = 0;
    int r = 0;
    for (;;) {
        const job_instance *i;
        while (r == 0 && (i = schedule_next(run->schedule))) {
            const store_job *row = known_job(run, i->key);
            bool reused = is_reused(run, i->plan, row);
            if (reused || (is_of_this_attempt(run, row) && row->state == JOB_STATE_COMPLETED)) {
                replay x = {i, row, reused};
                ARENA_PUSH(tx->a, ended, count, cap, x);
            } else if (is_of_this_attempt(run, row)) {
                r = offer(tx, add_job(run, i, row), e);
            } else {
                r = begin_job(tx, run, i, e);
            }
        }
        if (r < 0 || !count) return r;
        size_t first = 0;
        for (size_t k = 1; k < count; k++) {
            bool sooner = ended[k].reused != ended[first].reused
                              ? ended[k].reused
                              : ended[k].row->ended_order < ended[first].row->ended_order;
            if (sooner) first = k;
        }
        r = finish_replayed(run, &ended[first], e);
        ended[first] = ended[--count];
    }
}

static void remove_job(live_job *job) {
    live_job **at = &job->run->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

/* The schedule has changed then: pump() must follow. */
static int end_job(core_tx *tx, live_job *job, store_result result, const value *outputs,
                   str reason, err *e) {
    live_run *run = job->run;
    const live_port *port = &run->of->port;
    value none = value_object_new(tx->a, true);
    if (!outputs) outputs = &none;
    run->tx = tx;
    job->row.result = result;
    job->row.ended_us = tx->now_us;
    job->row.ended_order = ++run->ended;
    job->row.outputs = json_of(run->a, outputs);
    int r = live_job_move(tx, job, JOB_EVENT_END, reason, e);
    if (r < 0) return r;
    port->gone(port->context, tx, job);
    remove_job(job);
    schedule_finish(run->schedule, job->instance, (job_result)result, outputs);
    return 0;
}

static int cancel_job(core_tx *tx, live_job *job, str reason, err *e) {
    const live_port *port = &job->run->of->port;
    if (job->row.state == JOB_STATE_WAITING || job->row.state == JOB_STATE_QUEUED)
        return end_job(tx, job, RESULT_CANCELLED, NULL, reason, e);
    if (job->row.cancelling) return 0;
    job->row.cancelling = true;
    job->row.reason = keep(job->run, reason);
    int r = write_job(tx, job->run, &job->row, "cancel", e);
    if (r == 0) port->cancel(port->context, tx, job);
    return r;
}

static live_job *job_of(live_run *run, const job_instance *i) {
    for (live_job *job = run->jobs; job; job = job->next) {
        if (job->instance == i) return job;
    }
    return NULL;
}

/* One thing that the schedule wants; false when it wants nothing. */
static bool do_next(core_tx *tx, live_run *run, int *ret, err *e) {
    str reason;
    const job_instance *i = schedule_take_cancel(run->schedule, &reason);
    live_job *job = i ? job_of(run, i) : NULL;
    if (job) *ret = cancel_job(tx, job, reason, e);
    if (i) return *ret == 0;
    i = schedule_next(run->schedule);
    if (i) *ret = begin_job(tx, run, i, e);
    return i && *ret == 0;
}

static int end_run(core_tx *tx, live_run *run, store_result result, str reason, err *e);

/* After every change of the schedule. The run may be gone after it. */
static int pump(core_tx *tx, live_run *run, err *e) {
    int r = 0;
    while (do_next(tx, run, &r, e)) {
    }
    if (r < 0) return r;
    if (run->broken) {
        *e = run->trouble;
        return e->code;
    }
    if (run->jobs || !schedule_done(run->schedule)) return 0;
    return end_run(tx, run, (store_result)schedule_result(run->schedule), STR_EMPTY, e);
}

int live_job_end(core_tx *tx, live_job *job, store_result result, const value *outputs, str reason,
                 err *e) {
    live_run *run = job->run;
    int r = end_job(tx, job, result, outputs, reason, e);
    return r == 0 ? pump(tx, run, e) : r;
}

/* ---- making a run --------------------------------------------------------------------------- */

/* Files of the run's own repository that its workflow calls, as they were at its commit. */
static int read_source(void *context, arena *a, str uses, str from, str *ret_source, str *ret_path,
                       err *e) {
    live_run *run = context;
    const live_port *port = &run->of->port;
    value sources;
    str path = uses;
    if (str_starts(uses, STR("./"))) path = str_sub(uses, 2, uses.len);
    if (!str_starts(uses, STR("./")) && !uses_own_repository(uses, &path))
        return port->file ? port->file(port->context, a, uses, from, ret_source, ret_path, e)
                          : err_set(e, ERR_UNSUPPORTED, "it is in another repository");
    if (json_parse(a, run->row.sources, FACTS_DEPTH, &sources, e) < 0) return e->code;
    const value *text = value_get(&sources, path);
    if (!text || text->kind != VALUE_STRING)
        return err_set(e, ERR_NOT_FOUND, "there is no file '%.*s' at this commit", STR_ARG(path));
    *ret_source = text->string;
    *ret_path = arena_str(a, path);
    return 0;
}

static int parse_workflow(live_run *run, err *e) {
    const char *path = arena_cstr(run->a, run->row.path);
    workflow_options how = {.file = read_source, .file_context = run};
    value sources;
    int r = json_parse(run->a, run->row.sources, FACTS_DEPTH, &sources, e);
    if (r < 0) return err_context(e, "the sources of the run");
    const value *text = value_get(&sources, run->row.path);
    if (!text || text->kind != VALUE_STRING)
        return err_set(e, ERR_NOT_FOUND, "its workflow '%s' is not at this commit", path);
    r = workflow_parse(run->a, text->string, path, &how, &run->workflow, e);
    if (r < 0 || !run->workflow->problems.errors) return r;
    for (size_t i = 0; i < run->workflow->problems.count; i++) {
        const problem *p = &run->workflow->problems.items[i];
        if (p->level != SEVERITY_ERROR) continue;
        span at = problem_place(p);
        return err_at(e, ERR_INVALID, at, "%s:%u:%u: %.*s", at.file ? at.file : path, at.line,
                      at.column, STR_ARG(p->message));
    }
    return 0;
}

static int make_event(live_run *run, err *e) {
    value payload, facts;
    arena *a = run->a;
    const store_run *row = &run->row;
    int r = json_parse(a, row->payload, 0, &payload, e);
    if (r == 0) r = json_parse(a, row->facts, FACTS_DEPTH, &facts, e);
    if (r < 0) return err_context(e, "the event of the run");
    const value *now = value_get(&facts, STR("now_us"));
    run->event = (event){
        .name = row->event,
        .action = row->action,
        .ref = row->ref,
        .sha = row->sha,
        .base_ref = row->base_ref,
        .head_ref = row->head_ref,
        .actor = row->actor,
        .repository = run->repository,
        .payload = payload,
        .server_url = value_path_str(&facts, "server_url"),
        .run_id = arena_printf(a, "%lld", (long long)row->id),
        .run_number = arena_printf(a, "%lld", (long long)row->number),
        .run_attempt = arena_printf(a, "%lld", (long long)row->attempt),
        .now_us = now && now->kind == VALUE_NUMBER ? (int64_t)now->number : row->created_us,
    };
    return 0;
}

static int make_schedule(live_run *run, err *e) {
    const live_port *port = &run->of->port;
    schedule_inputs in = {0};
    int r = parse_workflow(run, e);
    if (r == 0) r = make_event(run, e);
    if (r == 0) r = plan_build(run->a, run->workflow, &run->event, NULL, &run->plan, e);
    if (r == 0) r = port->secrets(port->context, run->a, run, &in.secrets, &in.vars, e);
    if (r == 0) r = schedule_new(run->plan, &in, on_schedule, run, &run->schedule, e);
    return r;
}

static void copy_row(live_run *run, const store_run *row) {
    str *const texts[] = {&run->row.workflow, &run->row.path,     &run->row.name,
                          &run->row.event,    &run->row.action,   &run->row.ref,
                          &run->row.sha,      &run->row.base_ref, &run->row.head_ref,
                          &run->row.message,  &run->row.actor,    &run->row.started_by,
                          &run->row.rerun,    &run->row.reason,   &run->row.conc_group,
                          &run->row.payload,  &run->row.facts,    &run->row.sources};
    run->row = *row;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = keep(run, *texts[i]);
}

static live_run *new_run(live *l, core_tx *tx, const store_run *row, str repository) {
    arena *a = arena_new();
    live_run *run = ARENA_NEW(a, live_run), **last = &l->runs;
    *run = (live_run){.of = l, .a = a, .tx = tx};
    copy_row(run, row);
    run->repository = keep(run, repository);
    while (*last)
        last = &(*last)->next;
    *last = run;
    return run;
}

static void drop_run(live_run *run) {
    live_run **at = &run->of->runs;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free_run(run);
}

/* ---- concurrency groups of runs ------------------------------------------------------------- */

static bool in_group(const live_run *run, const live_run *other) {
    return run->row.conc_group.len && run->row.repository == other->row.repository &&
           str_eq_nocase(run->row.conc_group, other->row.conc_group);
}

static bool group_is_held(const live_run *run) {
    for (const live_run *other = run->of->runs; other; other = other->next) {
        if (other != run && in_group(run, other) && other->row.state == RUN_RUNNING) return true;
    }
    return false;
}

static int cancel_run(core_tx *tx, live_run *run, str reason, err *e);

/* One that the new run takes the place of, as on GitHub: the one that waits, and, where it says
 * cancel-in-progress, the one that runs. */
static live_run *next_in_the_way(const live_run *run) {
    for (live_run *other = run->of->runs; other; other = other->next) {
        if (other == run || !in_group(run, other) || other->row.cancelling) continue;
        bool waits = other->row.state == RUN_QUEUED;
        if (waits || (run->row.conc_cancel && other->row.state == RUN_RUNNING)) return other;
    }
    return NULL;
}

static int make_way(core_tx *tx, live_run *run, err *e) {
    str reason = arena_printf(tx->a, "run %lld of its concurrency group '%.*s' came",
                              (long long)run->row.id, STR_ARG(run->row.conc_group));
    live_run *other;
    int r = 0;
    while (r == 0 && (other = next_in_the_way(run)))
        r = cancel_run(tx, other, reason, e);
    return r;
}

static int start_run(core_tx *tx, live_run *run, err *e) {
    run->tx = tx;
    if (run->row.state != RUN_QUEUED) return 0;
    if (group_is_held(run)) return move_run(tx, run, RUN_EVENT_HOLD, STR(GROUP_WAITING), e);
    int r = move_run(tx, run, RUN_EVENT_START, STR_EMPTY, e);
    if (r == 0) r = take_up(tx, run, e);
    return r == 0 ? pump(tx, run, e) : r;
}

/* The run that has waited for longest in this group. */
static int start_next_of(core_tx *tx, live *l, int64_t repository, str group, err *e) {
    for (live_run *run = l->runs; run && group.len; run = run->next) {
        if (run->row.repository == repository && run->row.state == RUN_QUEUED &&
            str_eq_nocase(run->row.conc_group, group) && !group_is_held(run))
            return start_run(tx, run, e);
    }
    return 0;
}

static int end_run(core_tx *tx, live_run *run, store_result result, str reason, err *e) {
    live *l = run->of;
    int64_t repository = run->row.repository;
    str group = arena_str(tx->a, run->row.conc_group);
    run->row.result = result;
    int r = move_run(tx, run, RUN_EVENT_END, reason, e);
    if (r < 0) return r;
    drop_run(run);
    return start_next_of(tx, l, repository, group, e);
}

/* What stood in its way may have ended at once, and so have let it start. */
static int start_in_turn(core_tx *tx, live_run *run, err *e) {
    live *l = run->of;
    int64_t id = run->row.id;
    int r = make_way(tx, run, e);
    if (r < 0 || live_run_find(l, id) != run) return r;
    return start_run(tx, run, e);
}

/* ---- what is asked of them ------------------------------------------------------------------ */

static int fail_run(core_tx *tx, live_run *run, const err *why, err *e) {
    str reason = arena_printf(tx->a, "%s", why->message);
    return end_run(tx, run, RESULT_FAILURE, reason, e);
}

static int name_and_group(core_tx *tx, live_run *run, err *e) {
    bool cancels = false;
    str name = schedule_run_name(run->schedule);
    if (name.len) run->row.name = keep(run, name);
    run->row.conc_group = keep(run, schedule_group(run->schedule, &cancels));
    run->row.conc_cancel = cancels;
    return store_run_put(tx->store, &run->row, e);
}

int live_start(live *l, core_tx *tx, store_run *row, str repository, str ask, int64_t *ret_id,
               err *e) {
    const live_port *port = &l->port;
    err why = {0};
    row->attempt = 1;
    row->state = RUN_QUEUED;
    row->created_us = tx->now_us;
    int r = store_run_add(tx->store, row, e);
    if (r < 0) return r;
    *ret_id = row->id;
    live_run *run = new_run(l, tx, row, repository);
    if ((r = port->changed_run(port->context, tx, run, "create", e)) < 0) return r;
    if ((r = make_schedule(run, &why)) < 0) {
        if (!core_is_fatal(r)) return fail_run(tx, run, &why, e);
        *e = why;
        return r;
    }
    if ((r = name_and_group(tx, run, e)) < 0) return r;
    return ask.len ? move_run(tx, run, RUN_EVENT_ASK, ask, e) : start_in_turn(tx, run, e);
}

int live_approve(live *l, core_tx *tx, int64_t id, err *e) {
    live_run *run = live_run_find(l, id);
    if (!run || run->row.state != RUN_WAITING)
        return err_set(e, ERR_INVALID, "the run %lld does not wait for an approval", (long long)id);
    int r = move_run(tx, run, RUN_EVENT_APPROVE, STR_EMPTY, e);
    return r < 0 ? r : start_in_turn(tx, run, e);
}

static int cancel_run(core_tx *tx, live_run *run, str reason, err *e) {
    run->tx = tx;
    if (run->row.state != RUN_RUNNING) return end_run(tx, run, RESULT_CANCELLED, reason, e);
    if (!run->row.cancelling) {
        run->row.cancelling = true;
        run->row.reason = keep(run, reason);
        int r = store_run_put(tx->store, &run->row, e);
        if (r == 0) r = run->of->port.changed_run(run->of->port.context, tx, run, "cancel", e);
        if (r < 0) return r;
    }
    schedule_cancel(run->schedule);
    return pump(tx, run, e);
}

int live_cancel(live *l, core_tx *tx, int64_t id, str reason, err *e) {
    live_run *run = live_run_find(l, id);
    if (!run) return err_set(e, ERR_INVALID, "the run %lld has ended", (long long)id);
    return cancel_run(tx, run, reason, e);
}

/* ---- from the database ---------------------------------------------------------------------- */

static int read_known(core_tx *tx, live_run *run, err *e) {
    int r = store_jobs_of_run(tx->store, run->a, run->row.id, 0, &run->known, &run->known_count, e);
    if (r == 0) run->known_reuse = ARENA_ARRAY(run->a, uint8_t, run->known_count);
    for (size_t i = 0; r == 0 && i < run->known_count; i++) {
        if (is_of_this_attempt(run, &run->known[i]) && run->known[i].ended_order > run->ended)
            run->ended = run->known[i].ended_order;
    }
    return r;
}

static int load_run(live *l, core_tx *tx, const store_run *row, live_run **ret, err *e) {
    store_repository repository;
    err why = {0};
    int r = store_repository_by_id(tx->store, tx->a, row->repository, &repository, e);
    if (r < 0) return r;
    live_run *run = *ret = new_run(l, tx, row, repository.name);
    if ((r = read_known(tx, run, e)) < 0) return r;
    r = make_schedule(run, &why);
    if (r < 0 && core_is_fatal(r)) {
        *e = why;
        return r;
    }
    if (r < 0) {
        *ret = NULL;
        return fail_run(tx, run, &why, e);
    }
    return 0;
}

/* A run that was cancelled stays so: its schedule is told again. */
static int resume_run(core_tx *tx, live_run *run, err *e) {
    if (run->row.state != RUN_RUNNING) return 0;
    int r = take_up(tx, run, e);
    if (r == 0 && run->row.cancelling) schedule_cancel(run->schedule);
    return r == 0 ? pump(tx, run, e) : r;
}

int live_load(live *l, core_tx *tx, err *e) {
    store_run *rows;
    size_t count;
    forget_all(l);
    int r = store_runs_live(tx->store, tx->a, &rows, &count, e);
    live_run **runs = ARENA_ARRAY(tx->a, live_run *, r == 0 ? count : 0);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = load_run(l, tx, &rows[i], &runs[i], e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (runs[i] && live_run_find(l, rows[i].id)) r = resume_run(tx, runs[i], e);
    }
    return r;
}

int live_rerun(live *l, core_tx *tx, int64_t id, str which, str by, err *e) {
    store_run row;
    live_run *run;
    if (live_run_find(l, id))
        return err_set(e, ERR_INVALID, "the run %lld has not ended", (long long)id);
    int r = store_run_by_id(tx->store, tx->a, id, &row, e);
    if (r < 0) return r;
    row.attempt++;
    row.rerun = which;
    row.started_by = by;
    row.result = RESULT_PENDING;
    row.cancelling = false;
    row.started_us = row.ended_us = 0;
    if ((r = load_run(l, tx, &row, &run, e)) < 0 || !run) return r;
    r = move_run(tx, run, RUN_EVENT_AGAIN, STR_EMPTY, e);
    return r == 0 ? start_in_turn(tx, run, e) : r;
}
