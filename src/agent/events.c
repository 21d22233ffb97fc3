#include "agent/events.h"

#include <string.h>

void event_put_time(json_out *o, event_clock *clock, int64_t at_us) {
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

void event_put_ms(json_out *o, int64_t us) {
    json_key_number(o, "duration_ms", (double)(us / 1000));
}

void event_put_object(json_out *o, const char *key, const value *v) {
    json_key(o, key);
    if (v && v->kind == VALUE_OBJECT) {
        json_put_value(o, v);
        return;
    }
    json_open(o, '{');
    json_close(o, '}');
}

/* Keys that are absent when there is nothing to say. */
void event_put_text(json_out *o, const char *key, str text) {
    if (text.len) json_key_str(o, key, text);
}

static void put_count(json_out *o, const char *key, unsigned n) {
    if (n) json_key_number(o, key, n);
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
    event_put_object(o, "outputs", ev->outputs);
    event_put_text(o, "summary", ev->summary);
    event_put_ms(o, ev->duration_us);
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
    event_put_text(o, "title", ev->title);
    event_put_text(o, "file", ev->file);
    put_count(o, "line", ev->line);
    put_count(o, "end_line", ev->end_line);
    put_count(o, "column", ev->column);
    put_count(o, "end_column", ev->end_column);
}

/* On a line of its own, so what is absent says nothing. */
static void put_contact(json_out *o, const runner_event *ev) {
    const sandbox_contact *c = ev->contact;
    json_key_number(o, "step", ev->step);
    json_key_str(o, "name", c->name);
    json_key_number(o, "port", c->port);
    json_key_str(o, "how", str_from(c->how));
    json_key_str(o, "verdict", str_from(c->verdict));
    event_put_text(o, "reason", str_from(c->reason));
    event_put_text(o, "address", c->address);
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

const char *event_kind_name(runner_event_kind kind) {
    return event_names[kind];
}

static void put_log(json_out *o, const runner_event *ev) {
    json_key_number(o, "step", ev->step);
    json_key_str(o, "level", str_from(level_name(ev->level)));
    json_key_str(o, "text", ev->text);
}

static void put_group(json_out *o, const runner_event *ev) {
    json_key_number(o, "step", ev->step);
    json_key_str(o, "title", ev->text);
}

static void put_job_started(json_out *o, const event_job *job) {
    json_key_str(o, "id", job->id);
    json_key_str(o, "name", job->name);
    json_key(o, "matrix");
    json_put_value(o, job->matrix);
    json_key(o, "labels");
    json_open(o, '[');
    for (size_t i = 0; i < job->label_count; i++)
        json_put_str(o, job->labels[i]);
    json_close(o, ']');
}

static void put_job_finished(json_out *o, const event_job *job, const runner_event *ev) {
    json_key_str(o, "id", job->id);
    json_key_str(o, "name", job->name);
    json_key_str(o, "result", str_from(job_result_name(ev->result)));
    event_put_text(o, "reason", job->reason);
    event_put_object(o, "outputs", ev->outputs);
    event_put_ms(o, ev->duration_us);
}

void event_put(json_out *o, const event_job *job, const runner_event *ev) {
    switch (ev->kind) {
    case RUNNER_JOB_STARTED: put_job_started(o, job); break;
    case RUNNER_JOB_FINISHED: put_job_finished(o, job, ev); break;
    case RUNNER_STEP_STARTED: put_step_started(o, ev); break;
    case RUNNER_STEP_FINISHED: put_step_finished(o, ev); break;
    case RUNNER_ANNOTATION: put_annotation(o, ev); break;
    case RUNNER_CONTACT: put_contact(o, ev); break;
    case RUNNER_LOG: put_log(o, ev); break;
    case RUNNER_GROUP:
    case RUNNER_GROUP_END: put_group(o, ev); break;
    case RUNNER_EVENT_COUNT: break;
    }
}
