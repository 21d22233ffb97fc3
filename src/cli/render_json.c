/* render_json.c: one JSON object per line, as docs/run-events.md tells. */
#include "agent/events.h"
#include "base/json.h"
#include "cli/render.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct json_render {
    render base;
    event_clock clock;
} json_render;

static json_out begin(render *r, const char *kind, int64_t at_us) {
    json_out o = JSON_OUT(&r->out.buf);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_str(&o, "event", str_from(kind));
    event_put_time(&o, &((json_render *)r)->clock, at_us);
    return o;
}

static void end(render *r, json_out *o) {
    json_close(o, '}');
    strbuf_addc(&r->out.buf, '\n');
    render_written(r);
}

static void run_started(render *r, const run_view *run) {
    const event *ev = run->event;
    json_out o = begin(r, "run_started", run->started_us);
    json_key_number(&o, "run", run->number);
    json_key_str(&o, "workflow", run->name);
    if (run->run_name.len) json_key_str(&o, "name", run->run_name);
    json_key_str(&o, "path", run->path);
    json_key_str(&o, "trigger", ev->name);
    json_key_str(&o, "sha", ev->sha);
    json_key_str(&o, "ref", ev->ref);
    json_key_str(&o, "repository", ev->repository);
    json_key_str(&o, "actor", ev->actor);
    json_key(&o, "jobs");
    json_open(&o, '[');
    size_t count;
    plan_job **jobs = plan_jobs(run->plan, &count);
    for (size_t i = 0; i < count; i++) {
        json_open(&o, '{');
        json_key_str(&o, "id", jobs[i]->key);
        json_key(&o, "needs");
        json_open(&o, '[');
        for (size_t n = 0; n < jobs[i]->need_count; n++)
            json_put_str(&o, jobs[i]->needs[n]->key);
        json_close(&o, ']');
        json_close(&o, '}');
    }
    json_close(&o, ']');
    end(r, &o);
}

static void artifact(render *r, const run_view *run, const artifact_view *x) {
    json_out o = begin(r, "artifact", run->ended_us);
    json_key_number(&o, "run", run->number);
    json_key_str(&o, "name", x->name);
    json_key_str(&o, "path", x->path);
    json_key_number(&o, "size", (double)x->size);
    end(r, &o);
}

static void run_finished(render *r, const run_view *run) {
    for (size_t i = 0; i < run->artifact_count; i++)
        artifact(r, run, &run->artifacts[i]);
    json_out o = begin(r, "run_finished", run->ended_us);
    json_key_number(&o, "run", run->number);
    json_key_str(&o, "workflow", run->name);
    json_key_str(&o, "result", str_from(job_result_name(run->result)));
    event_put_ms(&o, run->ended_us - run->started_us);
    end(r, &o);
}

static void job_event(render *r, const job_view *job, const runner_event *ev) {
    json_out o = begin(r, event_kind_name(ev->kind), ev->at_us);
    json_key_number(&o, "run", job->run->number);
    json_key_str(&o, "job", job->key);
    const event_job described = {.id = job->plan->job->id,
                                 .name = job->name,
                                 .matrix = &job->matrix,
                                 .labels = job->labels,
                                 .label_count = job->label_count,
                                 .reason = job->reason};
    event_put(&o, &described, ev);
    end(r, &o);
}

/* What is not part of the run's events goes where it does not disturb a reader. */
static void message(render *r, severity level, str text) {
    (void)r;
    if (level != SEVERITY_NOTE) console_warning("%.*s", STR_ARG(text));
}

static void finish(render *r, job_view *const *jobs, size_t job_count) {
    (void)jobs, (void)job_count;
    render_flush(r);
}

static void free_json(render *r) {
    free(r);
}

render *render_json_new(void) {
    static const render_ops ops = {
        .run_started = run_started,
        .job_event = job_event,
        .run_finished = run_finished,
        .message = message,
        .finish = finish,
        .free = free_json,
    };
    json_render *r = mem_alloc(sizeof *r);
    *r = (json_render){.base.ops = &ops};
    return &r->base;
}

void run_left_out(const run_config *c, const workflow *w, str reason) {
    if (!c->json) return;
    json_render r = {.base.out = CONSOLE_INIT(STDOUT_FILENO)};
    json_out o = begin(&r.base, "run_skipped", clock_wall_us());
    json_key_str(&o, "workflow", w->name);
    json_key_str(&o, "path", str_from(w->path));
    json_key_str(&o, "reason", reason);
    json_close(&o, '}');
    strbuf_addc(&r.base.out.buf, '\n');
    console_done(&r.base.out);
}

void run_invalid(const run_config *c, const err *e) {
    if (!e->message[0]) return;
    if (!c->json) {
        console_error(e);
        return;
    }
    json_render r = {.base.out = CONSOLE_INIT(STDOUT_FILENO)};
    json_out o = begin(&r.base, "error", clock_wall_us());
    json_key_str(&o, "message", str_from(e->message));
    event_put_text(&o, "file", str_from(e->where.file));
    if (e->where.line) json_key_number(&o, "line", e->where.line);
    if (e->where.column) json_key_number(&o, "column", e->where.column);
    json_close(&o, '}');
    strbuf_addc(&r.base.out.buf, '\n');
    console_done(&r.base.out);
}
