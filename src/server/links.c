#include "server/links.h"

#include "base/hash.h"
#include "base/json.h"
#include "runner/job_spec.h"
#include "server/job_logs.h"
#include "server/secrets.h"
#include "server/triggers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_BYTES 32
#define LOST_MS     60000

typedef struct link {
    struct link *next;
    agent_links *of;
    int64_t agent;
    httpd_stream *stream; /* NULL while it is away */
    loop_timer *patience; /* runs while it is away and has jobs */
} link;

struct agent_links {
    server *s;
    link *first;
};

/* A line for an agent, once the change that it tells is committed. */
typedef struct message {
    int64_t agent;
    str text;
} message;

agent_links *links_new(server *s) {
    agent_links *l = mem_alloc(sizeof *l);
    *l = (agent_links){.s = s};
    return l;
}

static void drop_link(link *x) {
    loop_timer_stop(x->patience);
    httpd_stream_close(x->stream);
    free(x);
}

void links_free(agent_links *l) {
    if (!l) return;
    while (l->first) {
        link *x = l->first;
        l->first = x->next;
        drop_link(x);
    }
    free(l);
}

static link *find_link(agent_links *l, int64_t agent) {
    for (link *x = l->first; x; x = x->next) {
        if (x->agent == agent) return x;
    }
    return NULL;
}

static link *need_link(agent_links *l, int64_t agent) {
    link *x = find_link(l, agent);
    if (x) return x;
    x = mem_alloc(sizeof *x);
    *x = (link){.next = l->first, .of = l, .agent = agent};
    return l->first = x;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void send_message(void *state, void *context) {
    server *s = state;
    const message *m = context;
    link *x = find_link(s->links, m->agent);
    /* One that is away hears of it when it comes back. */
    if (x && x->stream) httpd_stream_write(x->stream, m->text);
}

static void post_message(core_tx *tx, int64_t agent, str text) {
    message *m = ARENA_NEW(tx->a, message);
    *m = (message){agent, arena_str(tx->a, text)};
    core_after(tx, send_message, m);
}

static void post_order(core_tx *tx, int64_t agent, const char *word, int64_t job) {
    post_message(tx, agent,
                 arena_printf(tx->a, "{\"type\":\"%s\",\"job\":%lld}\n", word, (long long)job));
}

/* ---- the queue ------------------------------------------------------------------------------ */

static int read_labels(arena *a, str json, str **ret, size_t *ret_count, err *e) {
    value list;
    int r = json_parse(a, json, 2, &list, e);
    if (r < 0) return r;
    *ret_count = value_count(&list);
    *ret = ARENA_ARRAY(a, str, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] =
            list.array.items[i].kind == VALUE_STRING ? list.array.items[i].string : STR_EMPTY;
    return 0;
}

void links_ready(core_tx *tx, live_job *job) {
    server *s = tx->state;
    err why = {0};
    const job_instance *i = job->instance;
    queue_job x = {.id = (uint64_t)job->row.id,
                   .run = (uint64_t)job->row.run,
                   .repository = job->run->row.repository,
                   .labels = i->labels,
                   .label_count = i->label_count,
                   .group = i->runner_group,
                   .priority = (int)job->run->row.priority,
                   .queued_us = job->row.queued_us};
    if (queue_add(s->queue, &x, &why) == 0) return;
    /* Over a limit: it waits until somebody cancels it, so it says why. */
    job->row.reason = arena_str(job->run->a, str_from(why.message));
    if (store_job_put(tx->store, &job->row, &why) < 0)
        fprintf(stderr, "slipway: job %lld: %s\n", (long long)job->row.id, why.message);
}

void links_remove_job(core_tx *tx, live_job *job) {
    server *s = tx->state;
    queue_remove(s->queue, (uint64_t)job->row.id);
    job_logs_allow(s->logs, job->row.id, 0, STR_EMPTY);
}

void links_cancel(core_tx *tx, live_job *job) {
    post_order(tx, job->row.agent, "cancel", job->row.id);
}

static int set_agent(core_tx *tx, const store_agent *row, bool is_new, err *e) {
    server *s = tx->state;
    str *labels;
    size_t count;
    int r = read_labels(tx->a, row->labels, &labels, &count, e);
    if (r < 0) return r;
    queue_agent x = {.id = (uint64_t)row->id,
                     .labels = labels,
                     .label_count = count,
                     .capacity = (unsigned)row->capacity,
                     .draining = row->state == AGENT_DRAINING,
                     .ephemeral = row->ephemeral};
    err none = {0};
    if (is_new && queue_agent_add(s->queue, &x, &none) == 0) return 0;
    return queue_agent_update(s->queue, &x, e);
}

/* ---- giving out ----------------------------------------------------------------------------- */

static void add_sources(core_tx *tx, const live_run *run, job_spec *spec) {
    value sources;
    err ignored = {0};
    if (json_parse(tx->a, run->row.sources, 3, &sources, &ignored) < 0) return;
    spec->source_count = value_count(&sources);
    spec->sources = ARENA_ARRAY(tx->a, job_source, spec->source_count);
    for (size_t i = 0; i < spec->source_count; i++) {
        const value_pair *p = value_at(&sources, i);
        spec->sources[i] = (job_source){arena_cstr(tx->a, p->key), p->item.string};
    }
}

static int write_spec(core_tx *tx, const live_job *job, str attempt, strbuf *out, err *e) {
    const live_run *run = job->run;
    store_repository repository;
    job_spec spec = {0};
    int r = store_repository_by_id(tx->store, tx->a, run->row.repository, &repository, e);
    if (r < 0) return r;
    job_spec_of(&spec, job->instance, &run->event);
    r = secrets_of_job(tx, job, &spec.instance.secrets, &spec.instance.vars, e);
    if (r < 0) return r;
    spec.job_id = job->row.id;
    spec.attempt = job->row.tries;
    spec.token = attempt;
    spec.run_id = run->row.id;
    spec.run_number = run->row.number;
    spec.run_attempt = run->row.attempt;
    spec.run_name = run->row.name;
    spec.repository = run->repository;
    spec.git = str_from(repository_folder(tx->state, tx->a, &repository));
    spec.url = repository.url;
    spec.commit = run->row.sha;
    spec.ref = run->row.ref;
    spec.workflow_path = run->row.path;
    add_sources(tx, run, &spec);
    strbuf_adds(out, "{\"type\":\"job\",\"job\":");
    job_spec_encode(out, &spec);
    strbuf_adds(out, "}\n");
    return 0;
}

static void new_token(live_job *job, char attempt[2 * TOKEN_BYTES + 1]) {
    char digest[65];
    random_hex(TOKEN_BYTES, attempt);
    sha256_hex(str_from(attempt), digest);
    job->row.token = arena_str(job->run->a, str_from(digest));
}

/* A job whose spec cannot be made (a secret that does not open) would fail at every batch, and all
 * others with it: it alone has failed. */
static int give(core_tx *tx, live_job *job, int64_t agent, err *e) {
    server *s = tx->state;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    char attempt[2 * TOKEN_BYTES + 1];
    err why = {0};
    job->row.tries++;
    new_token(job, attempt);
    int r = write_spec(tx, job, str_from(attempt), &text, &why);
    if (r < 0 && !core_is_fatal(r))
        return live_job_end(tx, job, RESULT_FAILURE, NULL, str_from(why.message), e);
    if (r < 0) {
        *e = why;
        return r;
    }
    job->row.agent = agent;
    job->row.seq = 0;
    job_logs_allow(s->logs, job->row.id, agent, job->row.token);
    r = live_job_move(tx, job, JOB_EVENT_ASSIGN, STR_EMPTY, e);
    if (r == 0) post_message(tx, agent, strbuf_str(&text));
    return r;
}

int links_settle(core_tx *tx, err *e) {
    server *s = tx->state;
    uint64_t job_id, agent;
    int r = 0;
    while (r == 0 && queue_next(s->queue, tx->now_us, &job_id, &agent)) {
        live_job *job = live_job_find(s->live, (int64_t)job_id);
        if (job)
            r = give(tx, job, (int64_t)agent, e);
        else
            queue_remove(s->queue, job_id);
    }
    return r;
}

/* ---- losing --------------------------------------------------------------------------------- */

static int lose_job(core_tx *tx, live_job *job, str why, err *e) {
    server *s = tx->state;
    unsigned tries = s->how.tries ? s->how.tries : 1;
    bool begun = job->row.state == JOB_STATE_RUNNING;
    if (job->row.cancelling) return live_job_end(tx, job, RESULT_CANCELLED, NULL, why, e);
    if (begun && job->row.tries >= (int64_t)tries)
        return live_job_end(tx, job, RESULT_FAILURE, NULL, why, e);
    queue_remove(s->queue, (uint64_t)job->row.id);
    job->row.agent = 0;
    job->row.token = STR_EMPTY;
    job_logs_allow(s->logs, job->row.id, 0, STR_EMPTY);
    int r = live_job_move(tx, job, JOB_EVENT_LOSE, why, e);
    if (r == 0 && begun) r = store_steps_forget(tx->store, job->row.id, e);
    if (r == 0 && begun) r = job_logs_forget(s->logs, job->row.id, e);
    if (r == 0) links_ready(tx, job);
    return r;
}

typedef struct jobs_of_agent {
    int64_t agent;
    arena *a;
    live_job **items;
    size_t count, cap;
} jobs_of_agent;

static void add_if_its(void *context, live_job *job) {
    jobs_of_agent *j = context;
    bool has = job->row.state == JOB_STATE_ASSIGNED || job->row.state == JOB_STATE_RUNNING;
    if (has && job->row.agent == j->agent) ARENA_PUSH(j->a, j->items, j->count, j->cap, job);
}

static jobs_of_agent its_jobs(core_tx *tx, int64_t agent) {
    server *s = tx->state;
    jobs_of_agent j = {.agent = agent, .a = tx->a};
    live_each_job(s->live, add_if_its, &j);
    return j;
}

static int write_state(core_tx *tx, store_agent *row, agent_state state, const char *what, err *e) {
    row->state = state;
    row->seen_us = tx->now_us;
    int r = store_agent_put(tx->store, row, e);
    change x = {.action = what, .kind = "agent", .id = row->id, .name = row->name};
    return r < 0 ? r : change_record(tx, &x, e);
}

static int do_lose(core_tx *tx, void *context, err *e) {
    server *s = tx->state;
    store_agent row;
    int64_t agent = *(const int64_t *)context;
    const link *x = find_link(s->links, agent);
    if (x && x->stream) return 0; /* it came back */
    int r = store_agent_by_id(tx->store, tx->a, agent, &row, e);
    if (r == 0 && row.state != AGENT_REMOVED)
        r = write_state(tx, &row, AGENT_OFFLINE, "agent.lost", e);
    jobs_of_agent j = its_jobs(tx, agent);
    str why = arena_printf(tx->a, "its agent '%.*s' was lost", STR_ARG(row.name));
    for (size_t i = 0; i < j.count && r == 0; i++)
        r = lose_job(tx, j.items[i], why, e);
    return r;
}

static void free_context(void *context, const err *e) {
    (void)e;
    free(context);
}

static void on_impatient(void *context) {
    link *x = context;
    server *s = x->of->s;
    int64_t *agent = mem_alloc(sizeof *agent);
    *agent = x->agent;
    x->patience = NULL;
    core_post(s->core, do_lose, free_context, agent);
}

static void wait_for(link *x) {
    const server *s = x->of->s;
    if (x->patience) return;
    x->patience = loop_after(s->loop, s->how.lost_ms ? s->how.lost_ms : LOST_MS, on_impatient, x);
}

/* ---- coming and going ----------------------------------------------------------------------- */

static bool token_fits(const live_job *job, str attempt) {
    char digest[65];
    sha256_hex(attempt, digest);
    return job->row.token.len && bytes_same(job->row.token, str_from(digest));
}

int links_job(core_tx *tx, int64_t agent, int64_t id, str attempt, live_job **ret, err *e) {
    server *s = tx->state;
    live_job *job = live_job_find(s->live, id);
    if (!job || job->row.agent != agent || !token_fits(job, attempt))
        return err_set(e, ERR_NOT_FOUND, "the job %lld is not this agent's (any more)",
                       (long long)id);
    *ret = job;
    return 0;
}

static str token_of(const value *jobs, int64_t id) {
    for (size_t i = 0; i < value_count(jobs); i++) {
        const value *at = value_get(&jobs->array.items[i], STR("id"));
        if (at && at->kind == VALUE_NUMBER && (int64_t)at->number == id)
            return value_path_str(&jobs->array.items[i], "token");
    }
    return STR_EMPTY;
}

static value answer_to(core_tx *tx, const link_hello *hello) {
    value list = value_array_new(tx->a), answer = value_object_new(tx->a, true);
    for (size_t i = 0; i < value_count(hello->jobs); i++) {
        const value *x = &hello->jobs->array.items[i], *id = value_get(x, STR("id"));
        value one = value_object_new(tx->a, true);
        live_job *job;
        err none = {0};
        if (!id || id->kind != VALUE_NUMBER) continue;
        bool goes_on = links_job(tx, hello->agent, (int64_t)id->number, value_path_str(x, "token"),
                                 &job, &none) == 0;
        value_set(tx->a, &one, STR("id"), *id);
        value_set(tx->a, &one, STR("go_on"), value_bool(goes_on));
        value_set(tx->a, &one, STR("cancel"), value_bool(goes_on && job->row.cancelling));
        value_set(tx->a, &one, STR("seq"), value_number(goes_on ? (double)job->row.seq : 0));
        value_push(tx->a, &list, one);
    }
    value_set(tx->a, &answer, STR("jobs"), list);
    return answer;
}

int links_hello(core_tx *tx, const link_hello *hello, value *ret, err *e) {
    store_agent row;
    int r = store_agent_by_id(tx->store, tx->a, hello->agent, &row, e);
    if (r < 0) return r;
    if (row.state == AGENT_REMOVED)
        return err_set(e, ERR_INVALID, "the agent '%.*s' was removed", STR_ARG(row.name));
    row.version = hello->version;
    row.system = hello->system;
    row.address = hello->address;
    if (hello->labels) row.labels = json_text(tx->a, hello->labels);
    if (hello->capacity) row.capacity = hello->capacity;
    agent_state state = row.state == AGENT_DRAINING ? AGENT_DRAINING : AGENT_ONLINE;
    if ((r = write_state(tx, &row, state, "agent.connect", e)) < 0) return r;
    *ret = answer_to(tx, hello);
    jobs_of_agent j = its_jobs(tx, hello->agent);
    for (size_t i = 0; i < j.count && r == 0; i++) {
        if (!token_fits(j.items[i], token_of(hello->jobs, j.items[i]->row.id)))
            r = lose_job(tx, j.items[i], STR("its agent does not know it"), e);
    }
    return r;
}

int links_connect(core_tx *tx, int64_t agent, httpd_stream *stream, err *e) {
    server *s = tx->state;
    store_agent row;
    int r = store_agent_by_id(tx->store, tx->a, agent, &row, e);
    if (r == 0) r = set_agent(tx, &row, true, e);
    if (r < 0) return r;
    link *x = need_link(s->links, agent);
    loop_timer_stop(x->patience);
    x->patience = NULL;
    if (x->stream != stream) httpd_stream_close(x->stream);
    x->stream = stream;
    return 0;
}

void links_disconnected(server *s, httpd_stream *stream) {
    for (link *x = s->links->first; x; x = x->next) {
        if (x->stream != stream) continue;
        x->stream = NULL;
        queue_agent_remove(s->queue, (uint64_t)x->agent);
        wait_for(x);
    }
    httpd_stream_close(stream);
}

int links_drain(core_tx *tx, int64_t agent, bool remove, err *e) {
    server *s = tx->state;
    store_agent row;
    int r = store_agent_by_id(tx->store, tx->a, agent, &row, e);
    if (r == 0)
        r = write_state(tx, &row, remove ? AGENT_REMOVED : AGENT_DRAINING,
                        remove ? "agent.remove" : "agent.drain", e);
    link *x = r == 0 ? find_link(s->links, agent) : NULL;
    if (!x || !x->stream) return r;
    post_message(tx, agent, STR("{\"type\":\"drain\"}\n"));
    return set_agent(tx, &row, false, e);
}

/* ---- after a start -------------------------------------------------------------------------- */

static void place_job(void *context, live_job *job) {
    core_tx *tx = context;
    server *s = tx->state;
    if (job->row.state != JOB_STATE_ASSIGNED && job->row.state != JOB_STATE_RUNNING) return;
    links_ready(tx, job);
    queue_place(s->queue, (uint64_t)job->row.id, (uint64_t)job->row.agent);
    job_logs_allow(s->logs, job->row.id, job->row.agent, job->row.token);
    link *x = need_link(s->links, job->row.agent);
    if (!x->stream) wait_for(x);
}

int links_load(core_tx *tx, err *e) {
    server *s = tx->state;
    store_agent *rows;
    size_t count;
    live_each_job(s->live, place_job, tx);
    int r = store_agents(tx->store, tx->a, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++) {
        const link *x = find_link(s->links, rows[i].id);
        if (x && x->stream) {
            r = set_agent(tx, &rows[i], true, e);
        } else if (rows[i].state == AGENT_ONLINE) {
            rows[i].state = AGENT_OFFLINE;
            r = store_agent_put(tx->store, &rows[i], e);
        }
    }
    return r;
}
