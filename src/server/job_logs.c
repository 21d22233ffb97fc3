#include "server/job_logs.h"

#include "server/routes.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define FOLLOW_BYTES (64u << 10) /* that a follower is sent at once */

typedef struct follower {
    struct follower *next;
    struct open_log *of;
    httpd_stream *stream;
    log_cursor at;
} follower;

/* A log that grows. */
typedef struct open_log {
    struct open_log *next;
    job_logs *in;
    int64_t job;
    unsigned users; /* under the lock of all */
    bool ended;
    pthread_mutex_t lock; /* of what follows */
    job_log *log;
    follower *first;
} open_log;

/* A job that an agent has. */
typedef struct writer {
    struct writer *next;
    int64_t job, agent;
    char token[65];
} writer;

typedef struct packing {
    struct packing *next;
    int64_t job;
} packing;

struct job_logs {
    server *s;
    pthread_mutex_t lock;
    pthread_cond_t more;
    open_log *first;
    writer *writers;
    packing *to_pack, **last_to_pack;
    bool stops;
    pthread_t packer;
};

/* ---- open logs ------------------------------------------------------------------------------ */

static open_log *find_open(job_logs *l, int64_t job) {
    for (open_log *x = l->first; x; x = x->next) {
        if (x->job == job) return x;
    }
    return NULL;
}

static int take(job_logs *l, int64_t job, open_log **ret, err *e) {
    int r = 0;
    pthread_mutex_lock(&l->lock);
    open_log *x = find_open(l, job);
    if (!x) {
        job_log *log;
        r = log_open_writer(l->s->logs_dir, job, 0, &log, e);
        if (r == 0) {
            x = mem_alloc(sizeof *x);
            *x = (open_log){.next = l->first, .in = l, .job = job, .log = log};
            pthread_mutex_init(&x->lock, NULL);
            l->first = x;
        }
    }
    if (x) x->users++;
    pthread_mutex_unlock(&l->lock);
    *ret = x;
    return r;
}

static void close_open(open_log *x) {
    while (x->first) {
        follower *f = x->first;
        x->first = f->next;
        httpd_stream_close(f->stream);
        free(f);
    }
    log_close(x->log);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

/* The last user of a log that has ended closes it. */
static void give_back(open_log *x) {
    job_logs *l = x->in;
    pthread_mutex_lock(&l->lock);
    bool last = --x->users == 0 && x->ended;
    if (last) {
        open_log **at = &l->first;
        while (*at != x)
            at = &(*at)->next;
        *at = x->next;
    }
    pthread_mutex_unlock(&l->lock);
    if (last) close_open(x);
}

/* ---- followers ------------------------------------------------------------------------------ */

/* Sends what is new; false when it cannot be sent any more. */
static bool send_new(open_log *x, follower *f) {
    for (;;) {
        _cleanup_arena_ arena *a = arena_new();
        str records;
        err ignored = {0};
        if (log_follow(x->log, a, &f->at, FOLLOW_BYTES, &records, &ignored) < 0) return false;
        if (!records.len) return true;
        if (!httpd_stream_write(f->stream, records)) return false;
    }
}

static void send_to_all(open_log *x) {
    for (follower *f = x->first; f; f = f->next)
        send_new(x, f); /* one that has gone is told to on_closed */
}

/* Whoever takes it off the list frees it. */
static void on_closed(void *context, httpd_stream *stream) {
    follower *f = context;
    open_log *x = f->of;
    bool found = false;
    pthread_mutex_lock(&x->lock);
    for (follower **at = &x->first; *at && !found;) {
        found = *at == f;
        if (found)
            *at = f->next;
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&x->lock);
    if (!found) return;
    httpd_stream_close(stream);
    free(f);
    give_back(x);
}

/* ---- who may write ---------------------------------------------------------------------------
 */

static writer **find_writer(job_logs *l, int64_t job) {
    writer **at = &l->writers;
    while (*at && (*at)->job != job)
        at = &(*at)->next;
    return at;
}

void job_logs_allow(job_logs *l, int64_t job, int64_t agent, str attempt) {
    pthread_mutex_lock(&l->lock);
    writer **at = find_writer(l, job), *w = *at;
    if (!attempt.len && w) {
        *at = w->next;
        free(w);
    } else if (attempt.len) {
        if (!w) {
            w = *at = mem_alloc(sizeof *w);
            *w = (writer){.job = job};
        }
        w->agent = agent;
        snprintf(w->token, sizeof w->token, "%.*s", STR_ARG(attempt));
    }
    pthread_mutex_unlock(&l->lock);
}

bool job_logs_allowed(job_logs *l, int64_t job, int64_t agent, str attempt) {
    char digest[65];
    sha256_hex(attempt, digest);
    pthread_mutex_lock(&l->lock);
    const writer *w = *find_writer(l, job);
    bool may = w && w->agent == agent && bytes_same(str_from(w->token), str_from(digest));
    pthread_mutex_unlock(&l->lock);
    return may;
}

/* ---- writing -------------------------------------------------------------------------------- */

int job_logs_append(job_logs *l, int64_t job, uint64_t offset, str bytes, bool durable,
                    uint64_t *ret_size, err *e) {
    open_log *x;
    int r = take(l, job, &x, e);
    if (r < 0) return r;
    pthread_mutex_lock(&x->lock);
    r = log_append(x->log, offset, bytes, ret_size, e);
    send_to_all(x);
    pthread_mutex_unlock(&x->lock);
    if (r == 0 && durable) r = log_sync(x->log, ret_size, e);
    give_back(x);
    return r;
}

void job_logs_size(job_logs *l, int64_t job, uint64_t *ret_bytes, uint64_t *ret_lines) {
    job_log *log = NULL;
    err none = {0};
    *ret_bytes = *ret_lines = 0;
    pthread_mutex_lock(&l->lock);
    open_log *x = find_open(l, job);
    if (x || log_open(l->s->logs_dir, job, &log, &none) == 0) {
        *ret_bytes = log_size(x ? x->log : log);
        *ret_lines = log_lines(x ? x->log : log);
    }
    pthread_mutex_unlock(&l->lock);
    log_close(log);
}

int job_logs_forget(job_logs *l, int64_t job, err *e) {
    pthread_mutex_lock(&l->lock);
    open_log *x = find_open(l, job);
    bool unused = x && x->users == 0;
    if (x) x->ended = true;
    if (unused) {
        open_log **at = &l->first;
        while (*at != x)
            at = &(*at)->next;
        *at = x->next;
    }
    pthread_mutex_unlock(&l->lock);
    if (unused) close_open(x);
    int r = log_remove(l->s->logs_dir, job, e);
    return r < 0 ? r : 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void pack_later(job_logs *l, int64_t job) {
    packing *p = mem_alloc(sizeof *p);
    *p = (packing){.job = job};
    pthread_mutex_lock(&l->lock);
    *l->last_to_pack = p;
    l->last_to_pack = &p->next;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
}

static void *pack_all(void *context) {
    job_logs *l = context;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->to_pack && !l->stops)
            pthread_cond_wait(&l->more, &l->lock);
        packing *p = l->to_pack;
        if (!p) break;
        l->to_pack = p->next;
        if (!l->to_pack) l->last_to_pack = &l->to_pack;
        bool stops = l->stops;
        pthread_mutex_unlock(&l->lock);
        err ignored = {0}; /* it stays as it is, and is read all the same */
        if (!stops) log_pack(l->s->logs_dir, p->job, &ignored);
        free(p);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void job_logs_end(job_logs *l, int64_t job) {
    open_log *x = NULL;
    follower *leaving = NULL;
    pthread_mutex_lock(&l->lock);
    x = find_open(l, job);
    if (x) {
        x->ended = true;
        x->users++;
    }
    pthread_mutex_unlock(&l->lock);
    if (x) {
        pthread_mutex_lock(&x->lock);
        send_to_all(x);
        leaving = x->first;
        x->first = NULL;
        pthread_mutex_unlock(&x->lock);
    }
    while (leaving) {
        follower *f = leaving;
        leaving = f->next;
        httpd_stream_close(f->stream);
        free(f);
        give_back(x);
    }
    if (x) give_back(x);
    pack_later(l, job);
}

job_logs *job_logs_new(server *s) {
    job_logs *l = mem_alloc(sizeof *l);
    *l = (job_logs){.s = s};
    l->last_to_pack = &l->to_pack;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    if (pthread_create(&l->packer, NULL, pack_all, l)) oom();
    return l;
}

void job_logs_free(job_logs *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stops = true;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->packer, NULL);
    while (l->writers)
        job_logs_allow(l, l->writers->job, 0, STR_EMPTY);
    while (l->first) {
        open_log *x = l->first;
        l->first = x->next;
        close_open(x);
    }
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- routes --------------------------------------------------------------------------------- */

static value line_value(arena *a, const log_line *line) {
    value v = value_object_sized(a, true, 6);
    value_set(a, &v, STR("line"), value_number((double)line->number));
    value_set(a, &v, STR("step"), value_number(line->step));
    value_set(a, &v, STR("at_us"), value_number((double)line->at_us));
    value_set_str(a, &v, "kind", str_from(log_kind_name(line->kind)));
    value_set_str(a, &v, "text", line->text);
    return v;
}

static bool open_to_read(api_call *c, int64_t job, job_log **ret) {
    err e = {0};
    int r = log_open(call_server(c)->logs_dir, job, ret, &e);
    if (r == 0) return true;
    if (r != ERR_NOT_FOUND) {
        api_fail(c, &e);
        return false;
    }
    *ret = NULL; /* nothing was said yet */
    return true;
}

static int step_of(const api_call *c) {
    return api_has_query(c, "step") ? (int)api_query_int(c, "step") : LOG_ANY_STEP;
}

static void answer_lines(api_call *c, job_log *log, const log_page *page) {
    value v = value_object_new(c->a, true), lines = value_array_sized(c->a, page->count);
    for (size_t i = 0; i < page->count; i++)
        lines.array.items[i] = line_value(c->a, &page->lines[i]);
    log_cursor end = log ? log_end(log) : (log_cursor){0};
    value_set(c->a, &v, STR("lines"), lines);
    value_set(c->a, &v, STR("total"), value_number((double)page->total));
    value_set(c->a, &v, STR("end"), value_number((double)end.offset));
    value_set(c->a, &v, STR("end_line"), value_number((double)end.line));
    api_json(c, 200, &v);
}

static void get_lines(api_call *c) {
    store *s;
    store_job row;
    _cleanup_log_ job_log *log = NULL;
    log_page page = {0};
    err e = {0};
    int r = 0;
    if (!routes_find_job(c, &s, &row) || !open_to_read(c, row.id, &log)) return;
    size_t lines = (size_t)api_query_int(c, "lines");
    if (log && api_has_query(c, "from")) {
        log_range range = {
            .step = step_of(c), .from = (uint64_t)api_query_int(c, "from"), .lines = lines};
        r = log_read(log, c->a, &range, &page, &e);
    } else if (log) {
        r = log_tail(log, c->a, step_of(c), lines, &page, &e);
    }
    if (r < 0)
        api_fail(c, &e);
    else
        answer_lines(c, log, &page);
}

static int add_piece(void *context, str piece, err *e) {
    (void)e;
    strbuf_add(context, piece);
    return 0;
}

static void get_text(api_call *c) {
    store *s;
    store_job row;
    _cleanup_log_ job_log *log = NULL;
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    err e = {0};
    if (!routes_find_job(c, &s, &row) || !open_to_read(c, row.id, &log)) return;
    if (log && log_export(log, step_of(c), api_query_bool(c, "times"), add_piece, &text, &e) < 0)
        api_fail(c, &e);
    else
        api_bytes(c, 200, "text/plain; charset=utf-8", strbuf_str(&text));
}

static void search(api_call *c) {
    store *s;
    store_job row;
    _cleanup_log_ job_log *log = NULL;
    log_found found = {.complete = true};
    err e = {0};
    if (!routes_find_job(c, &s, &row) || !open_to_read(c, row.id, &log)) return;
    log_query query = {.text = api_query_str(c, "q"),
                       .exact = api_query_bool(c, "exact"),
                       .regex = api_query_bool(c, "regex"),
                       .step = step_of(c),
                       .skip = (uint64_t)api_query_int(c, "skip"),
                       .max = (size_t)api_query_int(c, "max"),
                       .timeout_ms = 5000};
    if (log && log_search(log, c->a, &query, &found, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    value v = value_object_new(c->a, true), matches = value_array_new(c->a);
    for (size_t i = 0; i < found.count; i++) {
        value m = line_value(c->a, &found.matches[i].line);
        value_set(c->a, &m, STR("start"), value_number((double)found.matches[i].start));
        value_set(c->a, &m, STR("size"), value_number((double)found.matches[i].size));
        value_push(c->a, &matches, m);
    }
    value_set(c->a, &v, STR("matches"), matches);
    value_set(c->a, &v, STR("total"), value_number((double)found.total));
    value_set(c->a, &v, STR("searched"), value_number((double)found.searched));
    value_set(c->a, &v, STR("complete"), value_bool(found.complete));
    api_json(c, 200, &v);
}

/* The records of a job that has ended, to their end. */
static void send_rest(api_call *c, job_log *log, log_cursor at) {
    httpd_stream *stream = api_stream(c, "text/plain; charset=utf-8", NULL);
    follower f = {.stream = stream, .at = at};
    open_log x = {.log = log};
    if (log) send_new(&x, &f);
    httpd_stream_close(stream);
}

static void follow(api_call *c) {
    store *s;
    store_job row;
    err e = {0};
    open_log *x;
    if (!routes_find_job(c, &s, &row)) return;
    log_cursor at = {(uint64_t)api_query_int(c, "offset"), (uint64_t)api_query_int(c, "line")};
    if (row.state == JOB_STATE_COMPLETED) {
        _cleanup_log_ job_log *log = NULL;
        if (open_to_read(c, row.id, &log)) send_rest(c, log, at);
        return;
    }
    if (take(call_server(c)->logs, row.id, &x, &e) < 0) {
        api_fail(c, &e);
        return;
    }
    follower *f = mem_alloc(sizeof *f);
    *f = (follower){.of = x, .at = at};
    httpd_stream_options how = {.context = f, .closed = on_closed, .queue_bytes = 4u << 20};
    pthread_mutex_lock(&x->lock);
    f->stream = api_stream(c, "text/plain; charset=utf-8", &how);
    f->next = x->first;
    x->first = f;
    send_new(x, f);
    pthread_mutex_unlock(&x->lock);
}

static const api_field job_path[] = {
    {.name = "job_id", .type = API_INTEGER, .min = 1, .help = "Number of a job."}, {0}};

#define STEP                                                                                       \
    {                                                                                              \
        .name = "step", .type = API_INTEGER, .min = -1, .max = LOG_STEP_MAX,                       \
        .help = "Only of this step; -1: of the job itself."                                        \
    }

static const api_field lines_query[] = {
    STEP,
    {.name = "from",
     .type = API_INTEGER,
     .min = 1,
     .help = "Number of the first line; without it, the last lines come."},
    {.name = "lines",
     .type = API_INTEGER,
     .min = 1,
     .max = LOG_LINES_MAX,
     .fallback = "500",
     .help = "How many."},
    {0}};
static const api_field text_query[] = {STEP,
                                       {.name = "times",
                                        .type = API_BOOLEAN,
                                        .fallback = "false",
                                        .help = "With the time before each line."},
                                       {0}};
static const api_field search_query[] = {
    {.name = "q",
     .type = API_STRING,
     .required = true,
     .max = LOG_QUERY_MAX,
     .help = "What to look for."},
    STEP,
    {.name = "exact",
     .type = API_BOOLEAN,
     .fallback = "false",
     .help = "With upper and lower case."},
    {.name = "regex",
     .type = API_BOOLEAN,
     .fallback = "false",
     .help = "It is a regular expression."},
    {.name = "skip", .type = API_INTEGER, .fallback = "0", .help = "Matching lines to pass over."},
    {.name = "max",
     .type = API_INTEGER,
     .min = 1,
     .max = LOG_MATCHES_MAX,
     .fallback = "100",
     .help = "Matches wanted."},
    {0}};
static const api_field follow_query[] = {
    {.name = "offset", .type = API_INTEGER, .fallback = "0", .help = "Bytes that were seen."},
    {.name = "line", .type = API_INTEGER, .fallback = "0", .help = "Lines that were seen."},
    {0}};

#define LOG_ROUTE(name, where, says)                                                               \
    .id = name, .method = "GET", .path = "/api/v1/jobs/{job_id}/log" where, .tag = "logs",         \
    .summary = says, .auth = API_PERSON, .scope = API_PROJECT, .right = RIGHT_LOGS_READ,           \
    .parameters = job_path

static const api_field line_fields[] = {
    {.name = "line", .type = API_INTEGER, .required = true, .help = "Its number in the log."},
    {.name = "step", .type = API_INTEGER, .required = true, .help = "The step; -1: the job."},
    {.name = "at_us", .type = API_INTEGER, .required = true, .help = "Microseconds since 1970."},
    {.name = "kind",
     .type = API_STRING,
     .required = true,
     .help = "plain, debug, notice, warning, error, command, group, endgroup."},
    {.name = "text",
     .type = API_STRING,
     .required = true,
     .max = LOG_TEXT_MAX,
     .help = "The line, with its escape sequences."},
    {.name = "start", .type = API_INTEGER, .help = "Where the first match begins, in bytes."},
    {.name = "size", .type = API_INTEGER, .help = "Bytes of the match."},
    {0}};
static const api_field lines_fields[] = {
    {.name = "lines",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "LogLine",
     .required = true,
     .help = "Lines in their order."},
    {.name = "total",
     .type = API_INTEGER,
     .required = true,
     .help = "Lines of the log, or of the step."},
    {.name = "end", .type = API_INTEGER, .required = true, .help = "`offset` to follow from."},
    {.name = "end_line", .type = API_INTEGER, .required = true, .help = "`line` to follow from."},
    {0}};
static const api_field found_fields[] = {
    {.name = "matches",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "LogLine",
     .required = true,
     .help = "Lines that match."},
    {.name = "total", .type = API_INTEGER, .required = true, .help = "How many do."},
    {.name = "searched",
     .type = API_INTEGER,
     .required = true,
     .help = "Lines that were searched."},
    {.name = "complete",
     .type = API_BOOLEAN,
     .required = true,
     .help = "False: the time was over."},
    {0}};
static const api_schema schemas[] = {
    {"LogLine", "A line of a log.", line_fields},
    {"LogLines", "Some lines of a log.", lines_fields},
    {"LogFound", "What a search has found.", found_fields},
};
const api_schemas logs_schemas = {schemas, sizeof schemas / sizeof *schemas};

static const api_route rows[] = {
    {LOG_ROUTE("logs.lines", "", "Lines of a job's log"), .query = lines_query,
     .answer = "LogLines", .handle = get_lines},
    {LOG_ROUTE("logs.text", "/text", "A job's log as text"), .query = text_query,
     .type = "text/plain", .handle = get_text},
    {LOG_ROUTE("logs.search", "/search", "Search a job's log"), .query = search_query,
     .answer = "LogFound", .handle = search},
    {LOG_ROUTE("logs.follow", "/follow", "A job's log as it grows: records, as they are stored"),
     .query = follow_query, .type = "text/plain", .handle = follow},
};
const api_routes logs_routes = {rows, sizeof rows / sizeof *rows};
