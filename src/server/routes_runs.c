/* routes_runs.c: repositories, runs and jobs. */
#include "server/routes.h"
#include "server/show.h"
#include "server/state.h"

#include "base/json.h"

#include <stdlib.h>

#define ANNOTATIONS_MAX 1000

/* False when it is answered. */
static bool open_reader(api_call *c, store **ret) {
    err e = {0};
    if (server_reader(call_server(c), ret, &e) == 0) return true;
    api_fail(c, &e);
    return false;
}

static bool failed(api_call *c, int code, const err *e) {
    if (code < 0) api_fail(c, e);
    return code < 0;
}

/* ---- repositories --------------------------------------------------------------------------- */

static void list_repositories(api_call *c) {
    store *s;
    store_repository *rows;
    size_t count;
    err e = {0};
    if (!open_reader(c, &s) || failed(c, store_repositories(s, c->a, &rows, &count, &e), &e))
        return;
    value items = value_array_new(c->a);
    api_sees(c, 0); /* a list that is empty was judged as well */
    for (size_t i = 0; i < count; i++) {
        if (api_sees(c, rows[i].id)) value_push(c->a, &items, show_repository(c->a, &rows[i]));
    }
    api_page(c, &items, NULL);
}

static void get_repository(api_call *c) {
    store *s;
    store_repository row;
    err e = {0};
    int64_t id = api_path_int(c, "repository_id");
    if (!api_permit(c, id) || !open_reader(c, &s) ||
        failed(c, store_repository_by_id(s, c->a, id, &row, &e), &e))
        return;
    value v = show_repository(c->a, &row);
    api_json(c, 200, &v);
}

static int word_of(const char *const *words, str word) {
    for (int i = 0; words[i]; i++) {
        if (str_is(word, words[i])) return i;
    }
    return 0;
}

static int do_add_repository(core_tx *tx, api_call *c, err *e) {
    store_repository *row = c->data, other;
    err none = {0};
    if (store_repository_by_name(tx->store, tx->a, row->name, &other, &none) == 0)
        return err_set(e, ERR_INVALID, "there is a repository '%.*s' already", STR_ARG(row->name));
    row->created_us = tx->now_us;
    int r = store_repository_add(tx->store, row, e);
    change x = {.action = "repository.add",
                .kind = "repository",
                .id = row->id,
                .name = row->name,
                .project = row->name};
    return r < 0 ? r : change_record(tx, &x, e);
}

static void answer_repository(api_call *c) {
    const store_repository *row = c->data;
    value v = show_repository(c->a, row);
    api_created(c, arena_printf(c->a, "/api/v1/repositories/%lld", (long long)row->id), &v);
}

static void add_repository(api_call *c) {
    store_repository *row = ARENA_NEW(c->a, store_repository);
    str branch = value_path_str(&c->body, "default_branch"), owner, name;
    *row = (store_repository){
        .name = value_path_str(&c->body, "name"),
        .kind = (repository_kind)word_of(repository_kind_words, value_path_str(&c->body, "kind")),
        .url = value_path_str(&c->body, "url"),
        .default_branch = branch.len ? branch : STR("main"),
        .settings = STR("{}"),
        .refs = STR("{}"),
    };
    if (!str_cut(row->name, '/', &owner, &name) || !owner.len || !name.len ||
        str_find_char(name, '/') >= 0)
        api_wrong(c, "/name", "must be \"owner/name\"");
    if (row->kind == REPOSITORY_LOCAL && !str_starts(row->url, STR("/")))
        api_wrong(c, "/url", "of a local repository must be the absolute path of a folder");
    if (api_refuse(c)) return;
    c->data = row;
    call_core(c, do_add_repository, answer_repository);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* Names of repositories by number, for a page of runs. */
static str name_of(store *s, arena *a, int64_t id) {
    store_repository row;
    err ignored = {0};
    return store_repository_by_id(s, a, id, &row, &ignored) == 0 ? row.name : STR_EMPTY;
}

static int add_visible(api_call *c, store *s, int64_t **ret, size_t *ret_count, err *e) {
    store_repository *rows;
    size_t count, cap = 0;
    int r = store_repositories(s, c->a, &rows, &count, e);
    *ret = ARENA_ARRAY(c->a, int64_t, 1); /* not NULL: an empty list shows nothing */
    *ret_count = 0;
    api_sees(c, 0);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (api_sees(c, rows[i].id)) ARENA_PUSH(c->a, *ret, *ret_count, cap, rows[i].id);
    }
    return r;
}

static int64_t cursor_id(const api_call *c) {
    const value *id =
        c->cursor.kind == VALUE_ARRAY && c->cursor.array.count ? c->cursor.array.items : NULL;
    return id && id->kind == VALUE_NUMBER ? (int64_t)id->number : 0;
}

static void list_runs(api_call *c) {
    store *s;
    store_run *rows;
    size_t count;
    err e = {0};
    int64_t *visible;
    if (!open_reader(c, &s)) return;
    store_run_filter f = {
        .repository = api_has_query(c, "repository_id") ? api_query_int(c, "repository_id") : 0,
        .before = cursor_id(c),
        .workflow = api_query_str(c, "workflow"),
        .branch = api_query_str(c, "branch"),
        .event = api_query_str(c, "event"),
        .actor = api_query_str(c, "actor"),
        .state = api_query_str(c, "state"),
        .result = api_query_str(c, "result"),
        .sha = api_query_str(c, "sha"),
        .text = api_query_str(c, "q"),
    };
    if (failed(c, add_visible(c, s, &visible, &f.repository_count, &e), &e)) return;
    f.repositories = visible;
    if (failed(c, store_runs(s, c->a, &f, c->limit + 1, &rows, &count, &e), &e)) return;
    bool more = count > c->limit;
    value items = value_array_new(c->a), next = value_array_new(c->a);
    for (size_t i = 0; i < count - more; i++)
        value_push(c->a, &items, show_run(c->a, &rows[i], name_of(s, c->a, rows[i].repository)));
    if (more) value_push(c->a, &next, value_number((double)rows[count - 2].id));
    api_page(c, &items, more ? &next : NULL);
}

/* The run of the path, when the caller may see it; else it is answered. */
static bool find_run(api_call *c, store **ret_store, store_run *ret) {
    err e = {0};
    if (!open_reader(c, ret_store)) return false;
    int r = store_run_by_id(*ret_store, c->a, api_path_int(c, "run_id"), ret, &e);
    if (r == ERR_NOT_FOUND) ret->repository = -1; /* as one that they may not see */
    if (r < 0 && r != ERR_NOT_FOUND) return !failed(c, r, &e);
    return api_permit(c, ret->repository);
}

/* The numbers of the jobs that each waits for: a need names all configurations of a matrix. */
static value graph_of(api_call *c, const store_job *jobs, size_t count) {
    value graph = value_array_new(c->a);
    for (size_t i = 0; i < count; i++) {
        value node = value_object_new(c->a, true), from = value_array_new(c->a), needs;
        err ignored = {0};
        if (json_parse(c->a, jobs[i].needs, 2, &needs, &ignored) < 0) needs = VALUE_NULL_INIT;
        for (size_t n = 0; n < value_count(&needs); n++) {
            str key = needs.array.items[n].string;
            for (size_t k = 0; k < count; k++) {
                str rest = str_sub(jobs[k].key, key.len, jobs[k].key.len);
                if (str_starts(jobs[k].key, key) && (!rest.len || str_starts(rest, STR(" ("))))
                    value_push(c->a, &from, value_number((double)jobs[k].id));
            }
        }
        value_set(c->a, &node, STR("job"), value_number((double)jobs[i].id));
        value_set(c->a, &node, STR("needs"), from);
        value_push(c->a, &graph, node);
    }
    return graph;
}

static void get_run(api_call *c) {
    store *s;
    store_run row;
    store_job *jobs;
    size_t count;
    err e = {0};
    if (!find_run(c, &s, &row)) return;
    int64_t attempt = api_has_query(c, "attempt") ? api_query_int(c, "attempt") : 0;
    if (failed(c, store_jobs_of_run(s, c->a, row.id, attempt, &jobs, &count, &e), &e)) return;
    value v = value_object_new(c->a, true), list = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &list, show_job(c->a, &jobs[i]));
    value_set(c->a, &v, STR("run"), show_run(c->a, &row, name_of(s, c->a, row.repository)));
    value_set(c->a, &v, STR("jobs"), list);
    value_set(c->a, &v, STR("graph"), graph_of(c, jobs, count));
    api_json(c, 200, &v);
}

static void list_annotations(api_call *c) {
    store *s;
    store_run row;
    store_annotation *rows;
    size_t count;
    err e = {0};
    if (!find_run(c, &s, &row) ||
        failed(c, store_annotations_of_run(s, c->a, row.id, ANNOTATIONS_MAX, &rows, &count, &e),
               &e))
        return;
    value items = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &items, show_annotation(c->a, &rows[i]));
    api_page(c, &items, NULL);
}

static void answer_accepted(api_call *c) {
    api_no_content(c);
}

static int do_cancel(core_tx *tx, api_call *c, err *e) {
    server *s = tx->state;
    str reason = arena_printf(tx->a, "%.*s cancelled it", STR_ARG(tx->by.actor.name));
    return live_cancel(s->live, tx, api_path_int(c, "run_id"), reason, e);
}

static void cancel_run(api_call *c) {
    store *s;
    store_run row;
    if (find_run(c, &s, &row)) call_core(c, do_cancel, answer_accepted);
}

static int do_approve(core_tx *tx, api_call *c, err *e) {
    server *s = tx->state;
    return live_approve(s->live, tx, api_path_int(c, "run_id"), e);
}

static void approve_run(api_call *c) {
    store *s;
    store_run row;
    if (find_run(c, &s, &row)) call_core(c, do_approve, answer_accepted);
}

static int do_rerun(core_tx *tx, api_call *c, err *e) {
    server *s = tx->state;
    str which = value_path_str(&c->body, "jobs"), key = value_path_str(&c->body, "job");
    if (str_is(which, "all")) which = STR_EMPTY;
    if (key.len) which = arena_printf(tx->a, "job:%.*s", STR_ARG(key));
    return live_rerun(s->live, tx, api_path_int(c, "run_id"), which, tx->by.actor.name, e);
}

static void rerun_run(api_call *c) {
    store *s;
    store_run row;
    if (find_run(c, &s, &row)) call_core(c, do_rerun, answer_accepted);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

bool routes_find_job(api_call *c, store **ret_store, store_job *ret) {
    store_run run = {.repository = -1};
    err e = {0};
    if (!open_reader(c, ret_store)) return false;
    int r = store_job_by_id(*ret_store, c->a, api_path_int(c, "job_id"), ret, &e);
    if (r == 0) r = store_run_by_id(*ret_store, c->a, ret->run, &run, &e);
    if (r < 0 && r != ERR_NOT_FOUND) return !failed(c, r, &e);
    return api_permit(c, r < 0 ? -1 : run.repository);
}

static void get_job(api_call *c) {
    store *s;
    store_job row;
    store_step *steps;
    size_t count;
    err e = {0};
    if (!routes_find_job(c, &s, &row) ||
        failed(c, store_steps_of_job(s, c->a, row.id, &steps, &count, &e), &e))
        return;
    value v = value_object_new(c->a, true), list = value_array_new(c->a);
    for (size_t i = 0; i < count; i++)
        value_push(c->a, &list, show_step(c->a, &steps[i]));
    value_set(c->a, &v, STR("job"), show_job(c->a, &row));
    value_set(c->a, &v, STR("steps"), list);
    value_set(c->a, &v, STR("waits_for"),
              row.reason.len && row.state != JOB_STATE_COMPLETED ? value_string(row.reason)
                                                                 : VALUE_NULL_INIT);
    api_json(c, 200, &v);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const api_field repository_path[] = {
    {.name = "repository_id", .type = API_INTEGER, .min = 1, .help = "Number of a repository."},
    {0}};
static const api_field run_path[] = {
    {.name = "run_id", .type = API_INTEGER, .min = 1, .help = "Number of a run."}, {0}};
static const api_field job_path[] = {
    {.name = "job_id", .type = API_INTEGER, .min = 1, .help = "Number of a job."}, {0}};

static const char *const result_words[] = {"success", "failure", "cancelled", "skipped", NULL};

static const api_field runs_query[] = {
    {.name = "repository_id", .type = API_INTEGER, .min = 1, .help = "Only of this repository."},
    {.name = "workflow", .type = API_STRING, .help = "Only of the workflow of this name."},
    {.name = "branch", .type = API_STRING, .help = "Only of this branch."},
    {.name = "event", .type = API_STRING, .help = "Only what this event started."},
    {.name = "actor", .type = API_STRING, .help = "Only what this person started."},
    {.name = "state", .type = API_WORD, .words = run_state_words, .help = "Only in this state."},
    {.name = "result", .type = API_WORD, .words = result_words, .help = "Only with this result."},
    {.name = "sha", .type = API_STRING, .help = "Only of this commit."},
    {.name = "q",
     .type = API_STRING,
     .help = "Only with this text in the name, message, branch or commit."},
    {0}};

static const api_field run_query[] = {{.name = "attempt",
                                       .type = API_INTEGER,
                                       .min = 1,
                                       .help = "Jobs of this attempt; else the newest of each."},
                                      {0}};

static const api_field new_repository[] = {
    {.name = "name", .type = API_STRING, .required = true, .max = 200, .help = "\"owner/name\"."},
    {.name = "kind",
     .type = API_WORD,
     .required = true,
     .words = repository_kind_words,
     .help = "How its changes become known."},
    {.name = "url",
     .type = API_STRING,
     .required = true,
     .max = 2000,
     .help = "A folder of the server, or what git clones."},
    {.name = "default_branch", .type = API_STRING, .help = "\"main\" when it is not said."},
    {0}};

static const char *const rerun_words[] = {"all", "failed", NULL};
static const api_field rerun_body[] = {
    {.name = "jobs",
     .type = API_WORD,
     .words = rerun_words,
     .fallback = "all",
     .help = "All jobs anew, or those that failed and what needs them."},
    {.name = "job", .type = API_STRING, .help = "One job by its key, and what needs it."},
    {0}};

static const api_schema schemas[] = {
    {"NewRepository", "A repository to be added.", new_repository},
    {"Rerun", "Which jobs are to run again.", rerun_body},
};
const api_schemas runs_schemas = {schemas, sizeof schemas / sizeof *schemas};

static const api_route rows[] = {
    {.id = "repositories.list",
     .method = "GET",
     .path = "/api/v1/repositories",
     .tag = "repositories",
     .summary = "The repositories that you may see",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_REPOSITORIES_READ,
     .answer = "Repository",
     .flags = API_PAGED | API_CACHED,
     .handle = list_repositories},
    {.id = "repositories.add",
     .method = "POST",
     .path = "/api/v1/repositories",
     .tag = "repositories",
     .summary = "Add a repository",
     .auth = API_PERSON,
     .right = RIGHT_REPOSITORIES_WRITE,
     .body = "NewRepository",
     .answer = "Repository",
     .status = 201,
     .flags = API_IDEMPOTENT,
     .handle = add_repository},
    {.id = "repositories.get",
     .method = "GET",
     .path = "/api/v1/repositories/{repository_id}",
     .tag = "repositories",
     .summary = "One repository",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_REPOSITORIES_READ,
     .parameters = repository_path,
     .answer = "Repository",
     .flags = API_CACHED,
     .handle = get_repository},
    {.id = "runs.list",
     .method = "GET",
     .path = "/api/v1/runs",
     .tag = "runs",
     .summary = "Runs, the newest first",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .query = runs_query,
     .answer = "Run",
     .flags = API_PAGED | API_CACHED,
     .handle = list_runs},
    {.id = "runs.get",
     .method = "GET",
     .path = "/api/v1/runs/{run_id}",
     .tag = "runs",
     .summary = "A run with its jobs",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .parameters = run_path,
     .query = run_query,
     .answer = "RunDetails",
     .flags = API_CACHED,
     .handle = get_run},
    {.id = "runs.annotations",
     .method = "GET",
     .path = "/api/v1/runs/{run_id}/annotations",
     .tag = "runs",
     .summary = "What steps say of lines of files",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .parameters = run_path,
     .answer = "Annotation",
     .flags = API_PAGED | API_CACHED,
     .handle = list_annotations},
    {.id = "runs.cancel",
     .method = "POST",
     .path = "/api/v1/runs/{run_id}/cancel",
     .tag = "runs",
     .summary = "Cancel a run",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .parameters = run_path,
     .status = 204,
     .flags = API_IDEMPOTENT,
     .handle = cancel_run},
    {.id = "runs.rerun",
     .method = "POST",
     .path = "/api/v1/runs/{run_id}/rerun",
     .tag = "runs",
     .summary = "Run it again, as a new attempt",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_WRITE,
     .parameters = run_path,
     .body = "Rerun",
     .status = 204,
     .flags = API_IDEMPOTENT,
     .handle = rerun_run},
    {.id = "runs.approve",
     .method = "POST",
     .path = "/api/v1/runs/{run_id}/approve",
     .tag = "runs",
     .summary = "Let a run of a fork start",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_APPROVE,
     .parameters = run_path,
     .status = 204,
     .flags = API_IDEMPOTENT,
     .handle = approve_run},
    {.id = "jobs.get",
     .method = "GET",
     .path = "/api/v1/jobs/{job_id}",
     .tag = "runs",
     .summary = "A job with its steps",
     .auth = API_PERSON,
     .scope = API_PROJECT,
     .right = RIGHT_RUNS_READ,
     .parameters = job_path,
     .answer = "JobDetails",
     .flags = API_CACHED,
     .handle = get_job},
};
const api_routes runs_routes = {rows, sizeof rows / sizeof *rows};
