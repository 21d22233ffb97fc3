#include "server/metrics.h"

#include "store/agents.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Upper ends of buckets, in seconds. */
static const double wait_ends[] = {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800};
static const double time_ends[] = {1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600};
#define ENDS 11

typedef struct histogram {
    uint64_t counts[ENDS + 1];
    uint64_t count;
    double sum;
} histogram;

struct metrics {
    pthread_mutex_t lock;
    uint64_t runs[RESULT_COUNT], jobs[RESULT_COUNT]; /* that have ended */
    uint64_t started, lost;
    histogram waits, times;
};

metrics *metrics_new(void) {
    metrics *m = mem_alloc(sizeof *m);
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void metrics_free(metrics *m) {
    if (!m) return;
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* A clock that jumps back gives no negative times. */
static void observe(histogram *h, const double *ends, int64_t us) {
    double seconds = us > 0 ? (double)us / 1e6 : 0;
    size_t at = 0;
    while (at < ENDS && seconds > ends[at])
        at++;
    h->counts[at]++;
    h->count++;
    h->sum += seconds;
}

void metrics_job(metrics *m, const store_job *job, const char *what, int64_t now_us) {
    pthread_mutex_lock(&m->lock);
    if (strcmp(what, "start") == 0 && !job->is_call) {
        m->started++;
        observe(&m->waits, wait_ends, now_us - job->queued_us);
    } else if (strcmp(what, "lose") == 0) {
        m->lost++;
    } else if (strcmp(what, "end") == 0 && !job->is_call) {
        m->jobs[job->result]++;
        if (job->started_us) observe(&m->times, time_ends, job->ended_us - job->started_us);
    }
    pthread_mutex_unlock(&m->lock);
}

void metrics_run(metrics *m, const store_run *run, const char *what) {
    pthread_mutex_lock(&m->lock);
    if (strcmp(what, "end") == 0) m->runs[run->result]++;
    pthread_mutex_unlock(&m->lock);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void head(strbuf *out, const char *name, const char *type, const char *help) {
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(strbuf *out, const char *name, const char *type, const char *help, double number) {
    head(out, name, type, help);
    strbuf_addf(out, "%s %.17g\n", name, number);
}

static void by_result(strbuf *out, const char *name, const char *help, const uint64_t *counts) {
    head(out, name, "counter", help);
    for (int i = RESULT_SUCCESS; i < RESULT_COUNT; i++)
        strbuf_addf(out, "%s{result=\"%s\"} %llu\n", name, store_result_words[i],
                    (unsigned long long)counts[i]);
}

static void write_histogram(strbuf *out, const char *name, const char *help, const double *ends,
                            const histogram *h) {
    uint64_t sum = 0;
    head(out, name, "histogram", help);
    for (size_t i = 0; i < ENDS; i++) {
        sum += h->counts[i];
        strbuf_addf(out, "%s_bucket{le=\"%g\"} %llu\n", name, ends[i], (unsigned long long)sum);
    }
    strbuf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.17g\n%s_count %llu\n", name,
                (unsigned long long)h->count, name, h->sum, name, (unsigned long long)h->count);
}

static int write_states(strbuf *out, store *s, err *e) {
    head(out, "slipway_jobs", "gauge", "Jobs that have not ended, by state.");
    for (int i = 0; i < JOB_STATE_COMPLETED; i++) {
        int64_t count;
        int r = store_jobs_count(s, (job_state)i, &count, e);
        if (r < 0) return r;
        strbuf_addf(out, "slipway_jobs{state=\"%s\"} %lld\n", job_state_words[i], (long long)count);
    }
    return 0;
}

static int write_agents(strbuf *out, store *s, arena *a, err *e) {
    store_agent *rows;
    size_t count, states[AGENT_STATE_COUNT] = {0};
    int r = store_agents(s, a, &rows, &count, e);
    if (r < 0) return r;
    for (size_t i = 0; i < count; i++)
        states[rows[i].state]++;
    head(out, "slipway_agents", "gauge", "Agents by state.");
    for (int i = 0; i < AGENT_REMOVED; i++)
        strbuf_addf(out, "slipway_agents{state=\"%s\"} %zu\n", agent_state_words[i], states[i]);
    return 0;
}

static void write_server(strbuf *out, server *s) {
    core_figures core_now;
    httpd_figures http;
    struct stat st;
    core_count(s->core, &core_now);
    httpd_get_figures(s->http, &http);
    one(out, "slipway_core_commands_total", "counter", "Changes that were asked for.",
        (double)core_now.commands);
    one(out, "slipway_core_commits_total", "counter", "Transactions that they took.",
        (double)core_now.batches);
    one(out, "slipway_core_failed_commits_total", "counter", "Transactions that failed.",
        (double)core_now.failed_batches);
    one(out, "slipway_core_waiting", "gauge", "Changes that wait.", (double)core_now.waiting);
    one(out, "slipway_http_requests_total", "counter", "Requests.", (double)http.requests);
    one(out, "slipway_http_refused_total", "counter",
        "Requests that broke the protocol or a limit.", (double)http.refused);
    one(out, "slipway_http_connections", "gauge", "Open connections.", (double)http.connections);
    one(out, "slipway_http_streams", "gauge", "Streams of agents and pages.", (double)http.streams);
    one(out, "slipway_store_bytes", "gauge", "Size of the database.",
        stat(s->database, &st) == 0 ? (double)st.st_size : 0);
    one(out, "slipway_start_time_seconds", "gauge", "When the server started.",
        (double)s->started_us / 1e6);
}

static void get_metrics(api_call *c) {
    server *s = call_server(c);
    metrics *m = s->metrics;
    store *reader;
    err e = {0};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    if (server_reader(s, &reader, &e) < 0 || write_states(&out, reader, &e) < 0 ||
        write_agents(&out, reader, c->a, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    pthread_mutex_lock(&m->lock);
    by_result(&out, "slipway_runs_ended_total", "Runs that have ended, by result.", m->runs);
    by_result(&out, "slipway_jobs_ended_total", "Jobs that have ended, by result.", m->jobs);
    one(&out, "slipway_jobs_started_total", "counter", "Jobs that an agent has begun.",
        (double)m->started);
    one(&out, "slipway_jobs_lost_total", "counter", "Jobs that were lost with their agent.",
        (double)m->lost);
    write_histogram(&out, "slipway_job_wait_seconds", "From queued to started.", wait_ends,
                    &m->waits);
    write_histogram(&out, "slipway_job_duration_seconds", "From started to ended.", time_ends,
                    &m->times);
    pthread_mutex_unlock(&m->lock);
    write_server(&out, s);
    api_bytes(c, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_str(&out));
}

static const api_route rows[] = {
    {.id = "metrics",
     .method = "GET",
     .path = "/metrics",
     .tag = "server",
     .summary = "Figures for Prometheus",
     .auth = API_PERSON,
     .right = RIGHT_AGENTS_READ,
     .type = "text/plain",
     .handle = get_metrics},
};
const api_routes metrics_routes = {rows, sizeof rows / sizeof *rows};
