/* routes_agents.c: what agents ask, and what people ask about agents.
 *
 * An agent that has joined says what it is and which jobs it has, and holds a stream:
 *
 *     POST /agent/v1/hello               {"version", "system", "labels", "capacity", "jobs":
 * [{"id", "token"}]}
 *                                     -> {"jobs": [{"id", "go_on", "cancel", "seq"}]}
 *     GET  /agent/v1/stream              messages, a line of JSON each (links.h); an empty line is
 *                                        a sign of life
 *
 * and of each job, with its token in X-Job-Token:
 *
 *     PUT  /agent/v1/jobs/7/log?offset=N    records           -> {"size": M}: it goes on from there
 *     POST /agent/v1/jobs/7/events          NDJSON, with seq  -> {"seq": N}: the last that was
 * taken POST /agent/v1/jobs/7/result          {"result", "reason", "outputs", "seq", "bytes"}
 *
 * Everything may be sent again. 404 says that the job is not the agent's any more: it is dropped.
 * A result that comes before all events and all of the log is 409 with what is there. */
#include "server/hub.h"
#include "server/job_logs.h"
#include "server/links.h"
#include "server/routes.h"
#include "server/show.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/rfc3339.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_DEPTH 20
#define SUMMARY_MAX ((size_t)1 << 20) /* of one step, as on GitHub */
#define NOTES_MAX   1000              /* annotations of a job */
#define JOB_TOKEN   "X-Job-Token"
#define BODY_MAX    ((size_t)16 << 20)

/* ---- hello and stream ----------------------------------------------------------------------- */

typedef struct hello_call {
    link_hello hello;
    value answer;
} hello_call;

static int do_hello(core_tx *tx, api_call *c, err *e) {
    hello_call *h = c->data;
    value answer;
    int r = links_hello(tx, &h->hello, &answer, e);
    if (r == 0) h->answer = value_copy(c->a, &answer);
    return r;
}

static void answer_hello(api_call *c) {
    const hello_call *h = c->data;
    api_json(c, 200, &h->answer);
}

static void take_hello(api_call *c) {
    hello_call *h = ARENA_NEW(c->a, hello_call);
    const value *capacity = value_get(&c->body, STR("capacity"));
    h->hello = (link_hello){
        .agent = c->caller.id,
        .version = value_path_str(&c->body, "version"),
        .system = value_path_str(&c->body, "system"),
        .address = c->peer,
        .labels = value_get(&c->body, STR("labels")),
        .capacity = capacity ? (int64_t)capacity->number : 0,
        .jobs = value_get(&c->body, STR("jobs")),
    };
    c->data = h;
    call_core(c, do_hello, answer_hello);
}

typedef struct arrival {
    server *s;
    int64_t agent;
    httpd_stream *stream;
} arrival;

static int do_disconnect(core_tx *tx, void *context, err *e) {
    const arrival *x = context;
    (void)tx, (void)e;
    links_disconnected(x->s, x->stream);
    return 0;
}

static void free_arrival(void *context, const err *e) {
    (void)e;
    free(context);
}

static void on_closed(void *context, httpd_stream *stream) {
    server *s = context;
    arrival *x = mem_alloc(sizeof *x);
    *x = (arrival){.s = s, .stream = stream};
    core_post(s->core, do_disconnect, free_arrival, x);
}

static int do_connect(core_tx *tx, void *context, err *e) {
    const arrival *x = context;
    return links_connect(tx, x->agent, x->stream, e);
}

/* An agent that could not be connected sees its stream end, and comes again. */
static void on_connected(void *context, const err *e) {
    arrival *x = context;
    if (e) httpd_stream_close(x->stream);
    free(x);
}

static void open_stream(api_call *c) {
    server *s = call_server(c);
    arrival *x = mem_alloc(sizeof *x);
    httpd_stream_options how = {.context = s, .closed = on_closed, .queue_bytes = 128u << 20};
    *x = (arrival){.s = s, .agent = c->caller.id};
    x->stream = api_stream(c, "application/x-ndjson", &how);
    httpd_stream_write(x->stream, STR("\n"));
    core_post(s->core, do_connect, on_connected, x);
}

/* ---- events of a job ------------------------------------------------------------------------ */

static str text_of(const value *ev, const char *key) {
    const value *v = value_get(ev, str_from(key));
    return v && v->kind == VALUE_STRING ? v->string : STR_EMPTY;
}

static int64_t number_of(const value *ev, const char *key, int64_t otherwise) {
    const value *v = value_get(ev, str_from(key));
    bool fits = v && v->kind == VALUE_NUMBER && v->number > -9e15 && v->number < 9e15;
    return fits ? (int64_t)v->number : otherwise;
}

static int64_t time_of(core_tx *tx, const value *ev) {
    int64_t ms;
    return time_parse(text_of(ev, "time"), &ms) ? ms * 1000 : tx->now_us;
}

static int tell_step(core_tx *tx, const live_job *job, store_step *step, err *e) {
    int r = store_step_put(tx->store, step, e);
    if (r < 0) return r;
    value v = show_step(tx->a, step);
    value_set(tx->a, &v, STR("job_id"), value_number((double)job->row.id));
    hub_publish_after(tx, "step", job->run->row.repository, job->row.run, &v);
    return 0;
}

static int on_job_started(core_tx *tx, live_job *job, const value *ev, err *e) {
    (void)ev;
    return job->row.state == JOB_STATE_ASSIGNED
               ? live_job_move(tx, job, JOB_EVENT_START, STR_EMPTY, e)
               : 0;
}

static int find_step(core_tx *tx, const live_job *job, const value *ev, store_step *ret, err *e) {
    int64_t number = number_of(ev, "step", -1);
    err none = {0};
    *ret = (store_step){.job = job->row.id, .number = number};
    int r = store_step_find(tx->store, tx->a, job->row.id, number, ret, &none);
    if (r == 0 || r == ERR_NOT_FOUND) return 0;
    *e = none;
    return r;
}

static int on_step_started(core_tx *tx, live_job *job, const value *ev, err *e) {
    store_step step;
    int r = find_step(tx, job, ev, &step, e);
    if (r < 0) return r;
    step.parent = number_of(ev, "parent", -1);
    step.step_id = text_of(ev, "id");
    step.name = text_of(ev, "name");
    step.phase = text_of(ev, "phase");
    step.state = STR("running");
    step.started_us = time_of(tx, ev);
    return tell_step(tx, job, &step, e);
}

static int on_step_finished(core_tx *tx, live_job *job, const value *ev, err *e) {
    store_step step;
    int r = find_step(tx, job, ev, &step, e);
    if (r < 0) return r;
    if (!step.id) { /* skipped ones are told at once */
        step.parent = number_of(ev, "parent", -1);
        step.step_id = text_of(ev, "id");
        step.name = text_of(ev, "name");
        step.phase = text_of(ev, "phase");
        step.started_us = time_of(tx, ev);
    }
    step.state = STR("completed");
    step.outcome = text_of(ev, "outcome");
    step.conclusion = text_of(ev, "conclusion");
    step.exit_code = number_of(ev, "exit_code", 0);
    step.ended_us = time_of(tx, ev);
    step.summary = str_sub(text_of(ev, "summary"), 0, SUMMARY_MAX);
    return tell_step(tx, job, &step, e);
}

static int on_annotation(core_tx *tx, live_job *job, const value *ev, err *e) {
    store_annotation x = {.job = job->row.id,
                          .step = number_of(ev, "step", -1),
                          .level = text_of(ev, "level"),
                          .title = text_of(ev, "title"),
                          .message = text_of(ev, "message"),
                          .path = text_of(ev, "file"),
                          .line = number_of(ev, "line", 0),
                          .column_ = number_of(ev, "column", 0),
                          .end_line = number_of(ev, "end_line", 0),
                          .end_column = number_of(ev, "end_column", 0)};
    if (++job->annotations > NOTES_MAX) return 0;
    return store_annotation_add(tx->store, &x, e);
}

/* Kinds that are not here say nothing that is kept. */
static const struct {
    const char *kind;
    int (*take)(core_tx *tx, live_job *job, const value *ev, err *e);
} kinds[] = {
    {"job_started", on_job_started},
    {"step_started", on_step_started},
    {"step_finished", on_step_finished},
    {"annotation", on_annotation},
};

static int take_event(core_tx *tx, live_job *job, const value *ev, err *e) {
    int64_t seq = number_of(ev, "seq", 0);
    str kind = text_of(ev, "kind");
    if (seq <= job->row.seq) return 0; /* it was sent again */
    if (seq != job->row.seq + 1)
        return err_set(e, ERR_INVALID, "after event %lld of the job comes %lld",
                       (long long)job->row.seq, (long long)seq);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_is(kind, kinds[i].kind)) continue;
        int r = kinds[i].take(tx, job, ev, e);
        if (r < 0) return r;
    }
    job->row.seq = seq;
    return 0;
}

typedef struct job_call {
    int64_t job;
    str token;
    value *events;
    size_t count, cap;
    int64_t seq;
    uint64_t log_bytes, log_lines;
} job_call;

static int do_events(core_tx *tx, api_call *c, err *e) {
    job_call *x = c->data;
    live_job *job;
    int r = links_job(tx, c->caller.id, x->job, x->token, &job, e);
    for (size_t i = 0; i < x->count && r == 0; i++)
        r = take_event(tx, job, &x->events[i], e);
    if (r == 0) r = store_job_put(tx->store, &job->row, e);
    if (r == 0) x->seq = job->row.seq;
    return r;
}

static void answer_events(api_call *c) {
    const job_call *x = c->data;
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("seq"), value_number((double)x->seq));
    api_json(c, 200, &v);
}

static job_call *new_job_call(api_call *c) {
    job_call *x = c->data = ARENA_NEW(c->a, job_call);
    x->job = api_path_int(c, "job_id");
    x->token = arena_str(c->a, httpd_header(c->r, JOB_TOKEN));
    return x;
}

static void take_events(api_call *c) {
    job_call *x = new_job_call(c);
    str rest = c->raw, line;
    err e = {0};
    while (str_line(&rest, &line)) {
        value ev;
        if (json_parse(c->a, line, EVENT_DEPTH, &ev, &e) < 0) {
            api_fail(c, &e);
            return;
        }
        ARENA_PUSH(c->a, x->events, x->count, x->cap, ev);
    }
    call_core(c, do_events, answer_events);
}

/* ---- log and result ------------------------------------------------------------------------- */

/* Of the core nothing is asked: a log is no state. */
static void take_log(api_call *c) {
    const job_call *x = new_job_call(c);
    job_logs *logs = call_server(c)->logs;
    uint64_t size = 0;
    err e = {0};
    if (!job_logs_allowed(logs, x->job, c->caller.id, x->token)) {
        api_problem(c, 404, "the job %lld is not this agent's (any more)", (long long)x->job);
        return;
    }
    int r = job_logs_append(logs, x->job, (uint64_t)api_query_int(c, "offset"), c->raw, true, &size,
                            &e);
    value v = value_object_new(c->a, true);
    value_set(c->a, &v, STR("size"), value_number((double)size));
    if (r == ERR_INVALID)
        api_json(c, 409, &v); /* a gap: it goes on from there */
    else if (r < 0)
        api_fail(c, &e);
    else
        api_json(c, 200, &v);
}

static store_result result_of(str word) {
    for (int i = RESULT_SUCCESS; i < RESULT_COUNT; i++) {
        if (str_is(word, store_result_words[i])) return (store_result)i;
    }
    return RESULT_FAILURE;
}

static int do_result(core_tx *tx, api_call *c, err *e) {
    job_call *x = c->data;
    live_job *job;
    int r = links_job(tx, c->caller.id, x->job, x->token, &job, e);
    if (r < 0) return r;
    x->seq = job->row.seq;
    if (x->seq != number_of(&c->body, "seq", 0) ||
        (int64_t)x->log_bytes < number_of(&c->body, "bytes", 0))
        return err_set(e, ERR_INVALID, "not all of the job's events and log are here");
    if (job->row.state == JOB_STATE_ASSIGNED && /* it failed before it began */
        (r = live_job_move(tx, job, JOB_EVENT_START, STR_EMPTY, e)) < 0)
        return r;
    job->row.log_bytes = (int64_t)x->log_bytes;
    job->row.log_lines = (int64_t)x->log_lines;
    const value *outputs = value_get(&c->body, STR("outputs"));
    return live_job_end(tx, job, result_of(text_of(&c->body, "result")), outputs,
                        text_of(&c->body, "reason"), e);
}

static void answer_result(api_call *c) {
    const job_call *x = c->data;
    job_logs_end(call_server(c)->logs, x->job);
    api_no_content(c);
}

static void take_result(api_call *c) {
    job_call *x = new_job_call(c);
    job_logs_size(call_server(c)->logs, x->job, &x->log_bytes, &x->log_lines);
    call_core(c, do_result, answer_result);
}

/* ---- people --------------------------------------------------------------------------------- */

static void list_agents(api_call *c) {
    store *s;
    store_agent *rows;
    size_t count;
    err e = {0};
    if (server_reader(call_server(c), &s, &e) < 0 || store_agents(s, c->a, &rows, &count, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++) {
        store_job *jobs;
        size_t running = 0;
        if (store_jobs_of_agent(s, c->a, rows[i].id, &jobs, &running, &e) < 0) running = 0;
        value_push(c->a, &items, show_agent(c->a, &rows[i], running));
    }
    api_page(c, &items, NULL);
}

static int do_drain(core_tx *tx, api_call *c, err *e) {
    return links_drain(tx, api_path_int(c, "agent_id"), false, e);
}

static int do_remove(core_tx *tx, api_call *c, err *e) {
    return links_drain(tx, api_path_int(c, "agent_id"), true, e);
}

static void drain_agent(api_call *c) {
    call_core(c, do_drain, api_no_content);
}

static void remove_agent(api_call *c) {
    call_core(c, do_remove, api_no_content);
}

static const api_field agent_path[] = {
    {.name = "agent_id", .type = API_INTEGER, .min = 1, .help = "Number of an agent."}, {0}};
static const api_field job_path[] = {
    {.name = "job_id", .type = API_INTEGER, .min = 1, .help = "Number of a job."}, {0}};
static const api_field offset_query[] = {
    {.name = "offset", .type = API_INTEGER, .fallback = "0", .help = "Where the bytes belong."},
    {0}};

static const api_field hello_fields[] = {
    {.name = "version", .type = API_STRING, .required = true, .help = "Of the agent's Slipway."},
    {.name = "system", .type = API_STRING, .help = "Its system and processor."},
    {.name = "labels",
     .type = API_LIST,
     .items = API_STRING,
     .max = QUEUE_LABELS_MAX,
     .help = "What `runs-on` may ask for."},
    {.name = "capacity",
     .type = API_INTEGER,
     .min = 1,
     .max = QUEUE_CAPACITY_MAX,
     .help = "Jobs at once."},
    {.name = "jobs",
     .type = API_LIST,
     .items = API_OBJECT,
     .max = QUEUE_CAPACITY_MAX,
     .help = "[{\"id\", \"token\"}] that it has."},
    {0}};
static const api_field hello_answer[] = {
    {.name = "jobs",
     .type = API_LIST,
     .items = API_OBJECT,
     .required = true,
     .help = "[{\"id\", \"go_on\", \"cancel\", \"seq\"}]: what shall become of them."},
    {0}};
static const api_field result_fields[] = {
    {.name = "result",
     .type = API_STRING,
     .required = true,
     .help = "success, failure or cancelled."},
    {.name = "reason",
     .type = API_STRING,
     .max = 4096,
     .help = "Why it failed before its first step."},
    {.name = "outputs", .type = API_OBJECT, .help = "Of the job."},
    {.name = "seq", .type = API_INTEGER, .required = true, .help = "Number of its last event."},
    {.name = "bytes", .type = API_INTEGER, .required = true, .help = "Size of its log."},
    {0}};
static const api_field seq_fields[] = {{.name = "seq",
                                        .type = API_INTEGER,
                                        .required = true,
                                        .help = "The last event that was taken."},
                                       {0}};
static const api_field size_fields[] = {
    {.name = "size", .type = API_INTEGER, .required = true, .help = "Bytes that are here."}, {0}};
static const api_schema schemas[] = {
    {"Hello", "What an agent says when it comes.", hello_fields},
    {"HelloAnswer", "What becomes of its jobs.", hello_answer},
    {"JobResult", "How a job has ended.", result_fields},
    {"Taken", "How far events were taken.", seq_fields},
    {"LogSize", "How far a log goes.", size_fields},
};
const api_schemas agents_schemas = {schemas, sizeof schemas / sizeof *schemas};

#define OF_AGENT(name, how, where, says)                                                           \
    .id = name, .method = how, .path = "/agent/v1/" where, .tag = "agent protocol",                \
    .summary = says, .auth = API_AGENT

static const api_route rows[] = {
    {OF_AGENT("agent.hello", "POST", "hello", "An agent comes"), .body = "Hello",
     .answer = "HelloAnswer", .handle = take_hello},
    {OF_AGENT("agent.stream", "GET", "stream", "What an agent is told"),
     .type = "application/x-ndjson", .handle = open_stream},
    {OF_AGENT("agent.events", "POST", "jobs/{job_id}/events", "What happens in a job"),
     .parameters = job_path, .flags = API_RAW, .body_bytes = BODY_MAX, .answer = "Taken",
     .handle = take_events},
    {OF_AGENT("agent.log", "PUT", "jobs/{job_id}/log", "A piece of a job's log"),
     .parameters = job_path, .query = offset_query, .flags = API_RAW, .body_bytes = BODY_MAX,
     .answer = "LogSize", .handle = take_log},
    {OF_AGENT("agent.result", "POST", "jobs/{job_id}/result", "How a job has ended"),
     .parameters = job_path, .body = "JobResult", .body_bytes = BODY_MAX, .status = 204,
     .handle = take_result},
    {.id = "agents.list",
     .method = "GET",
     .path = "/api/v1/agents",
     .tag = "agents",
     .summary = "The agents",
     .auth = API_PERSON,
     .right = RIGHT_AGENTS_READ,
     .answer = "Agent",
     .flags = API_PAGED,
     .handle = list_agents},
    {.id = "agents.drain",
     .method = "POST",
     .path = "/api/v1/agents/{agent_id}/drain",
     .tag = "agents",
     .summary = "Give it no more jobs",
     .auth = API_PERSON,
     .right = RIGHT_AGENTS_WRITE,
     .parameters = agent_path,
     .status = 204,
     .flags = API_IDEMPOTENT,
     .handle = drain_agent},
    {.id = "agents.remove",
     .method = "DELETE",
     .path = "/api/v1/agents/{agent_id}",
     .tag = "agents",
     .summary = "Remove an agent",
     .auth = API_PERSON,
     .right = RIGHT_AGENTS_WRITE,
     .parameters = agent_path,
     .status = 204,
     .handle = remove_agent},
};
const api_routes agents_routes = {rows, sizeof rows / sizeof *rows};
