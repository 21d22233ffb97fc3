/* slipway runs, logs, cancel, rerun and dispatch: a server's runs from the command line. */
#include "base/http.h"
#include "cli/client.h"
#include "cli/console.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <time.h>

#define FOLLOW_LINES 1000

static int number_of(const char *text, const char *what, uint64_t *ret, err *e) {
    if (str_to_uint(str_from(text), INT64_MAX / 1024, ret)) return 0;
    return err_set(e, ERR_INVALID, "'%s' is no number of a %s", text, what);
}

static int64_t id_of(const value *x) {
    const value *id = value_get(x, STR("id"));
    return id && id->kind == VALUE_NUMBER ? (int64_t)id->number : 0;
}

static int with_server(const options *given, int (*run)(const client *, const options *, err *)) {
    err e = {0};
    client c;
    int r = client_open(given, &c, &e);
    if (r == 0) r = run(&c, given, &e);
    if (r < 0) console_error(&e);
    return r < 0 ? 2 : 0;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static int list(const client *c, const options *given, err *e) {
    static const char *const filters[] = {"workflow", "branch", "state", "result"};
    int64_t repository;
    value page;
    strbuf path = STRBUF_INIT;
    int r = client_repository(c, str_from(options_value(given, "repository")), &repository, e);
    if (r < 0) return r;
    strbuf_adds(&path, "/api/v1/runs?limit=50");
    if (repository) strbuf_addf(&path, "&repository_id=%lld", (long long)repository);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *text = options_value(given, filters[i]);
        if (!text) continue;
        strbuf_addf(&path, "&%s=", filters[i]);
        http_escape(&path, str_from(text));
    }
    r = client_call(c, "GET", strbuf_cstr(&path), NULL, &page, e);
    strbuf_done(&path);
    const value *items = r == 0 ? value_get(&page, STR("items")) : NULL;
    for (size_t i = 0; i < value_count(items); i++) {
        const value *x = &items->array.items[i];
        str result = value_path_str(x, "result");
        if (!result.len) result = value_path_str(x, "state");
        printf("%lld\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\n", (long long)id_of(x), STR_ARG(result),
               STR_ARG(value_path_str(x, "workflow")), STR_ARG(value_path_str(x, "ref")),
               STR_ARG(value_path_str(x, "created_at")), STR_ARG(value_path_str(x, "name")));
    }
    return r;
}

static int run_runs(const options *given) {
    return with_server(given, list);
}

static const option_spec runs_options[] = {
    CLIENT_OPTIONS,
    {0, "repository", "NAME", .help = "Only of this repository."},
    {0, "workflow", "NAME", .help = "Only of this workflow."},
    {0, "branch", "NAME", .help = "Only of this branch."},
    {0, "state", "STATE", .complete = COMPLETE_WORDS, .words = "queued waiting running completed",
     .help = "Only in this state."},
    {0, "result", "RESULT", .complete = COMPLETE_WORDS,
     .words = "success failure cancelled skipped", .help = "Only with this result."},
    {0},
};

static const verb_pair exits[] = {{"0", "it is done"}, {"2", "it could not be done"}, {0}};

const verb verb_runs = {
    .name = "runs",
    .summary = "list a server's runs",
    .arguments = "",
    .options = runs_options,
    .help = "The newest 50, a line each: number, result or state, workflow, ref, time and name, "
            "with tabs between.",
    .exits = exits,
    .examples =
        (const verb_pair[]){
            {"slipway runs --repository shop/web --result failure", "What has failed."}, {0}},
    .run = run_runs,
};

/* ---- logs ----------------------------------------------------------------------------------- */

/* Prints the lines from *from on and moves it; *ret_more: there may be others at once. */
static int print_lines(const client *c, int64_t job, int64_t *from, bool *ret_more, err *e) {
    value page;
    str path = arena_printf(c->a, "/api/v1/jobs/%lld/log?from=%lld&lines=%d", (long long)job,
                            (long long)*from, FOLLOW_LINES);
    *ret_more = false;
    int r = client_call(c, "GET", path.ptr, NULL, &page, e);
    if (r == ERR_NOT_FOUND) return 0; /* it has said nothing yet */
    const value *lines = r == 0 ? value_get(&page, STR("lines")) : NULL;
    size_t count = value_count(lines);
    for (size_t i = 0; i < count; i++)
        printf("%.*s\n", STR_ARG(value_path_str(&lines->array.items[i], "text")));
    fflush(stdout);
    *from += (int64_t)count;
    *ret_more = count == FOLLOW_LINES;
    return r;
}

static int has_ended(const client *c, int64_t job, bool *ret, err *e) {
    value details;
    str path = arena_printf(c->a, "/api/v1/jobs/%lld", (long long)job);
    int r = client_call(c, "GET", path.ptr, NULL, &details, e);
    *ret = r == 0 && str_is(value_path_str(&details, "job.state"), "completed");
    return r;
}

/* What is there when it has ended is all there will be. */
static int print_job(const client *c, int64_t job, bool follow, err *e) {
    int64_t from = 1;
    bool more = true, ended = !follow;
    int r = 0;
    for (;;) {
        client one = *c; /* each round gives back what it took */
        one.a = arena_new();
        if (follow) r = has_ended(&one, job, &ended, e);
        while (r == 0 && (r = print_lines(&one, job, &from, &more, e)) == 0 && more)
            ;
        arena_free(one.a);
        if (r < 0 || ended) return r;
        nanosleep(&(struct timespec){1, 0}, NULL);
    }
}

static int print_logs(const client *c, const options *given, err *e) {
    uint64_t run, only = 0;
    value details;
    const char *job = options_value(given, "job");
    int r = number_of(given->args[0], "run", &run, e);
    if (r == 0 && job) r = number_of(job, "job", &only, e);
    if (r < 0) return r;
    str path = arena_printf(c->a, "/api/v1/runs/%llu", (unsigned long long)run);
    r = client_call(c, "GET", path.ptr, NULL, &details, e);
    const value *jobs = r == 0 ? value_get(&details, STR("jobs")) : NULL;
    for (size_t i = 0; i < value_count(jobs) && r == 0; i++) {
        const value *x = &jobs->array.items[i];
        if (only && id_of(x) != (int64_t)only) continue;
        printf("== %.*s (job %lld)\n", STR_ARG(value_path_str(x, "name")), (long long)id_of(x));
        r = print_job(c, id_of(x), options_has(given, "follow"), e);
    }
    return r;
}

static int run_logs(const options *given) {
    return with_server(given, print_logs);
}

static const option_spec logs_options[] = {
    CLIENT_OPTIONS,
    {'f', "follow", NULL, .help = "Go on until the jobs have ended."},
    {0, "job", "NUMBER", .help = "Only of this job."},
    {0},
};

const verb verb_logs = {
    .name = "logs",
    .summary = "show the logs of a server's run",
    .arguments = "RUN",
    .min_args = 1,
    .max_args = 1,
    .options = logs_options,
    .help = "Prints the log of each job of a run, one after the other.",
    .exits = exits,
    .examples = (const verb_pair[]){{"slipway logs 7 -f", "Follow the run 7."}, {0}},
    .run = run_logs,
};

/* ---- changes -------------------------------------------------------------------------------- */

static int post_run(const client *c, const options *given, const char *what, const value *body,
                    err *e) {
    uint64_t run;
    int r = number_of(given->args[0], "run", &run, e);
    if (r < 0) return r;
    str path = arena_printf(c->a, "/api/v1/runs/%llu/%s", (unsigned long long)run, what);
    return client_call(c, "POST", path.ptr, body, NULL, e);
}

static int cancel(const client *c, const options *given, err *e) {
    return post_run(c, given, "cancel", NULL, e);
}

static int rerun(const client *c, const options *given, err *e) {
    value body = value_object_new(c->a, true);
    const char *job = options_value(given, "job");
    if (options_has(given, "failed")) value_set_str(c->a, &body, "jobs", STR("failed"));
    if (job) value_set_str(c->a, &body, "job", str_from(job));
    return post_run(c, given, "rerun", &body, e);
}

static int dispatch(const client *c, const options *given, err *e) {
    value body = value_object_new(c->a, true), inputs = value_object_new(c->a, true);
    const char *ref = options_value(given, "ref"), **texts;
    size_t count = options_values(given, "input", &texts);
    int64_t repository;
    str name, text;
    for (size_t i = 0; i < count; i++) {
        if (!str_cut(str_from(texts[i]), '=', &name, &text))
            return err_set(e, ERR_INVALID, "--input is NAME=VALUE");
        value_set(c->a, &inputs, name, value_string(text));
    }
    value_set_str(c->a, &body, "workflow", str_from(given->args[1]));
    if (ref) value_set_str(c->a, &body, "ref", str_from(ref));
    value_set(c->a, &body, STR("inputs"), inputs);
    int r = client_repository(c, str_from(given->args[0]), &repository, e);
    if (r < 0) return r;
    str path = arena_printf(c->a, "/api/v1/repositories/%lld/dispatch", (long long)repository);
    return client_call(c, "POST", path.ptr, &body, NULL, e);
}

static int run_cancel(const options *given) {
    return with_server(given, cancel);
}

static int run_rerun(const options *given) {
    return with_server(given, rerun);
}

static int run_dispatch(const options *given) {
    return with_server(given, dispatch);
}

static const option_spec cancel_options[] = {CLIENT_OPTIONS, {0}};
static const option_spec rerun_options[] = {
    CLIENT_OPTIONS,
    {0, "failed", NULL, .help = "Only the jobs that have failed, and those that need them."},
    {0, "job", "KEY", .help = "Only this job, and those that need it."},
    {0},
};
static const option_spec dispatch_options[] = {
    CLIENT_OPTIONS,
    {0, "ref", "REF",
     .help = "A branch, or the full name of a ref. The default is the "
             "repository's default branch."},
    {0, "input", "NAME=VALUE", .many = true, .help = "An input of the workflow."},
    {0},
};

const verb verb_cancel = {
    .name = "cancel",
    .summary = "cancel a server's run",
    .arguments = "RUN",
    .min_args = 1,
    .max_args = 1,
    .options = cancel_options,
    .help = "Cancels as GitHub does: steps with always() and cancelled() still run.",
    .exits = exits,
    .examples = (const verb_pair[]){{"slipway cancel 7", "Cancel the run 7."}, {0}},
    .run = run_cancel,
};

const verb verb_rerun = {
    .name = "rerun",
    .summary = "run a server's run again",
    .arguments = "RUN",
    .min_args = 1,
    .max_args = 1,
    .options = rerun_options,
    .help = "Makes a new attempt of a run that has ended.",
    .exits = exits,
    .examples = (const verb_pair[]){{"slipway rerun 7 --failed", "What has failed, again."}, {0}},
    .run = run_rerun,
};

const verb verb_dispatch = {
    .name = "dispatch",
    .summary = "start a workflow on a server by hand",
    .arguments = "REPOSITORY WORKFLOW",
    .min_args = 2,
    .max_args = 2,
    .options = dispatch_options,
    .help = "Starts a workflow that has workflow_dispatch.",
    .exits = exits,
    .examples = (const verb_pair[]){{"slipway dispatch shop/web ci.yml --input level=full",
                                     "Start it with an input."},
                                    {0}},
    .run = run_dispatch,
};
