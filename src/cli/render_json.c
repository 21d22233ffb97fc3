/* render_json.c: one JSON object per line, as docs/run-events.md tells. */
#include "base/json.h"
#include "cli/render.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A time as text. Thousands of events fall into one second, so its text is kept. */
typedef struct clock_text {
    time_t second;
    char text[sizeof "9999999-12-31T23:59:59.000000Z"];
    size_t len; /* of all but the fraction; 0 at first */
} clock_text;

static void key_time(json_out *o, clock_text *clock, int64_t at_us) {
    time_t second = (time_t)(at_us / 1000000);
    if (!clock->len || second != clock->second) {
        struct tm utc;
        gmtime_r(&second, &utc);
        clock->second = second;
        clock->len = strftime(clock->text, sizeof clock->text, "%Y-%m-%dT%H:%M:%S.", &utc);
    }
    char *end = clock->text + clock->len + 6;
    int64_t fraction = at_us % 1000000;
    for (char *c = end; c > clock->text + clock->len; fraction /= 10)
        *--c = (char)('0' + fraction % 10);
    *end = 'Z';
    json_key_str(o, "time", (str){clock->text, clock->len + 7});
}

typedef struct json_render {
    render base;
    clock_text clock;
} json_render;

static json_out begin(render *r, const char *kind, int64_t at_us) {
    json_out o = JSON_OUT(&r->out.buf);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_str(&o, "event", str_from(kind));
    key_time(&o, &((json_render *)r)->clock, at_us);
    return o;
}

static void end(render *r, json_out *o) {
    json_close(o, '}');
    strbuf_addc(&r->out.buf, '\n');
    render_written(r);
}

static void key_ms(json_out *o, int64_t us) {
    json_key_number(o, "duration_ms", (double)(us / 1000));
}

static void key_object(json_out *o, const char *key, const value *v) {
    json_key(o, key);
    if (v && v->kind == VALUE_OBJECT) {
        json_put_value(o, v);
        return;
    }
    json_open(o, '{');
    json_close(o, '}');
}

/* Keys that are absent when there is nothing to say. */
static void key_text(json_out *o, const char *key, str text) {
    if (text.len) json_key_str(o, key, text);
}

static void key_count(json_out *o, const char *key, unsigned n) {
    if (n) json_key_number(o, key, n);
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
    key_ms(&o, run->ended_us - run->started_us);
    end(r, &o);
}

static void put_job_started(json_out *o, const job_view *job) {
    json_key_str(o, "id", job->plan->job->id);
    json_key_str(o, "name", job->name);
    json_key(o, "matrix");
    json_put_value(o, &job->matrix);
    json_key(o, "labels");
    json_open(o, '[');
    for (size_t i = 0; i < job->label_count; i++)
        json_put_str(o, job->labels[i]);
    json_close(o, ']');
}

static void put_job_finished(json_out *o, const job_view *job, const runner_event *ev) {
    json_key_str(o, "id", job->plan->job->id);
    json_key_str(o, "name", job->name);
    json_key_str(o, "result", str_from(job_result_name(ev->result)));
    key_text(o, "reason", job->reason);
    key_object(o, "outputs", ev->outputs);
    key_ms(o, ev->duration_us);
}

static void put_step(json_out *o, const runner_event *ev) {
    json_key_number(o, "step", ev->step);
    json_key(o, "parent");
    if (ev->parent_step < 0)
        json_put_null(o);
    else
        json_put_number(o, ev->parent_step);
    json_key_str(o, "id", ev->step_id);
    json_key_str(o, "name", ev->step_name);
    json_key_str(o, "phase", ev->phase);
}

static void put_step_started(json_out *o, const runner_event *ev) {
    put_step(o, ev);
    /* What the runner does of its own accord stands in no file. */
    json_key(o, "file");
    if (ev->where.file)
        json_put_str(o, str_from(ev->where.file));
    else
        json_put_null(o);
    json_key(o, "line");
    if (ev->where.line)
        json_put_number(o, ev->where.line);
    else
        json_put_null(o);
}

static void put_step_finished(json_out *o, const runner_event *ev) {
    put_step(o, ev);
    json_key_str(o, "outcome", str_from(step_result_name(ev->outcome)));
    json_key_str(o, "conclusion", str_from(step_result_name(ev->conclusion)));
    json_key_number(o, "exit_code", ev->exit_code);
    key_object(o, "outputs", ev->outputs);
    key_text(o, "summary", ev->summary);
    key_ms(o, ev->duration_us);
}

static const char *level_name(log_level level) {
    switch (level) {
    case LOG_DEBUG: return "debug";
    case LOG_NOTICE: return "notice";
    case LOG_WARNING: return "warning";
    case LOG_ERROR: return "error";
    case LOG_COMMAND: return "command";
    case LOG_PLAIN: break;
    }
    return "plain";
}

static void put_annotation(json_out *o, const runner_event *ev) {
    json_key_number(o, "step", ev->step);
    json_key_str(o, "level", str_from(level_name(ev->level)));
    json_key_str(o, "message", ev->text);
    key_text(o, "title", ev->title);
    key_text(o, "file", ev->file);
    key_count(o, "line", ev->line);
    key_count(o, "end_line", ev->end_line);
    key_count(o, "column", ev->column);
    key_count(o, "end_column", ev->end_column);
}

/* On a line of its own, so what is absent says nothing. */
static void put_contact(json_out *o, const runner_event *ev) {
    const sandbox_contact *c = ev->contact;
    json_key_number(o, "step", ev->step);
    json_key_str(o, "name", c->name);
    json_key_number(o, "port", c->port);
    json_key_str(o, "how", str_from(c->how));
    json_key_str(o, "verdict", str_from(c->verdict));
    key_text(o, "reason", str_from(c->reason));
    key_text(o, "address", c->address);
    if (strcmp(c->verdict, "ended") != 0) return;
    json_key_number(o, "bytes_out", (double)c->bytes_out);
    json_key_number(o, "bytes_in", (double)c->bytes_in);
}

static const char *const event_names[RUNNER_EVENT_COUNT] = {
    [RUNNER_JOB_STARTED] = "job_started",
    [RUNNER_STEP_STARTED] = "step_started",
    [RUNNER_LOG] = "log",
    [RUNNER_GROUP] = "group",
    [RUNNER_GROUP_END] = "group_end",
    [RUNNER_ANNOTATION] = "annotation",
    [RUNNER_CONTACT] = "contact",
    [RUNNER_STEP_FINISHED] = "step_finished",
    [RUNNER_JOB_FINISHED] = "job_finished",
};

static void job_event(render *r, const job_view *job, const runner_event *ev) {
    json_out o = begin(r, event_names[ev->kind], ev->at_us);
    json_key_number(&o, "run", job->run->number);
    json_key_str(&o, "job", job->key);
    switch (ev->kind) {
    case RUNNER_JOB_STARTED: put_job_started(&o, job); break;
    case RUNNER_JOB_FINISHED: put_job_finished(&o, job, ev); break;
    case RUNNER_STEP_STARTED: put_step_started(&o, ev); break;
    case RUNNER_STEP_FINISHED: put_step_finished(&o, ev); break;
    case RUNNER_ANNOTATION: put_annotation(&o, ev); break;
    case RUNNER_CONTACT: put_contact(&o, ev); break;
    case RUNNER_LOG:
        json_key_number(&o, "step", ev->step);
        json_key_str(&o, "level", str_from(level_name(ev->level)));
        json_key_str(&o, "text", ev->text);
        break;
    case RUNNER_GROUP:
    case RUNNER_GROUP_END:
        json_key_number(&o, "step", ev->step);
        json_key_str(&o, "title", ev->text);
        break;
    case RUNNER_EVENT_COUNT: break;
    }
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
    key_text(&o, "file", str_from(e->where.file));
    key_count(&o, "line", e->where.line);
    key_count(&o, "column", e->where.column);
    json_close(&o, '}');
    strbuf_addc(&r.base.out.buf, '\n');
    console_done(&r.base.out);
}
