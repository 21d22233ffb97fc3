/* events.h: what happens in a job, as JSON: the fields that docs/run-events.md names. */
#ifndef SLIPWAY_AGENT_EVENTS_H
#define SLIPWAY_AGENT_EVENTS_H

#include "base/json.h"
#include "runner/runner.h"

#include <time.h>

/* What events say of their job: masked. */
typedef struct event_job {
    str id, name;
    const value *matrix; /* an object, or null */
    const str *labels;
    size_t label_count;
    str reason; /* why it was not started, or empty */
} event_job;

const char *event_kind_name(runner_event_kind kind);
/* The fields of an event but those that every event has. */
void event_put(json_out *o, const event_job *job, const runner_event *ev);

/* A time as text. Thousands of events fall into one second, so its text is kept. Zero to begin
 * with. */
typedef struct event_clock {
    time_t second;
    char text[sizeof "9999999-12-31T23:59:59.000000Z"];
    size_t len; /* of all but the fraction; 0 at first */
} event_clock;
/* "time": UTC, ISO 8601 with microseconds. */
void event_put_time(json_out *o, event_clock *clock, int64_t at_us);
/* "duration_ms" */
void event_put_ms(json_out *o, int64_t us);
/* Absent when there is nothing to say. */
void event_put_text(json_out *o, const char *key, str text);
/* An empty object for what is none. */
void event_put_object(json_out *o, const char *key, const value *v);

#endif
