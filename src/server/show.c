#include "server/show.h"

#include "base/json.h"

#include <stdio.h>
#include <time.h>

#define LIST_DEPTH 20

value show_time(arena *a, int64_t us) {
    time_t seconds = (time_t)(us / 1000000);
    struct tm t;
    char text[40];
    if (us <= 0 || !gmtime_r(&seconds, &t)) return VALUE_NULL_INIT;
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(text + size, sizeof text - size, ".%03dZ", (int)(us / 1000 % 1000));
    return value_string(arena_str(a, str_from(text)));
}

/* A column that holds JSON. */
static value parsed(arena *a, str text) {
    value v = VALUE_NULL_INIT;
    err ignored = {0};
    if (text.len) json_parse(a, text, LIST_DEPTH, &v, &ignored);
    return v;
}

static void put(arena *a, value *to, const char *key, value item) {
    value_set(a, to, str_from(key), item);
}

static void put_str(arena *a, value *to, const char *key, str text) {
    value_set(a, to, str_from(key), text.len ? value_string(text) : VALUE_NULL_INIT);
}

static void put_number(arena *a, value *to, const char *key, int64_t number) {
    value_set(a, to, str_from(key), value_number((double)number));
}

/* What has not ended has no result. */
static void put_result(arena *a, value *to, store_result result) {
    put(a, to, "result",
        result == RESULT_PENDING ? VALUE_NULL_INIT : value_cstring(store_result_words[result]));
}

static void put_span(arena *a, value *to, int64_t started_us, int64_t ended_us) {
    put(a, to, "started_at", show_time(a, started_us));
    put(a, to, "ended_at", show_time(a, ended_us));
    put(a, to, "duration_ms",
        started_us && ended_us ? value_number((double)((ended_us - started_us) / 1000))
                               : VALUE_NULL_INIT);
}

value show_repository(arena *a, const store_repository *r) {
    value v = value_object_sized(a, true, 8);
    put_number(a, &v, "id", r->id);
    put_str(a, &v, "name", r->name);
    put(a, &v, "kind", value_cstring(repository_kind_words[r->kind]));
    put_str(a, &v, "url", r->url);
    put_str(a, &v, "default_branch", r->default_branch);
    put(a, &v, "created_at", show_time(a, r->created_us));
    put(a, &v, "polled_at", show_time(a, r->polled_us));
    put(a, &v, "archived", value_bool(r->archived));
    return v;
}

static str branch_of(str ref) {
    if (str_starts(ref, STR("refs/heads/"))) return str_sub(ref, 11, ref.len);
    if (str_starts(ref, STR("refs/tags/"))) return str_sub(ref, 10, ref.len);
    return ref;
}

value show_run(arena *a, const store_run *r, str repository) {
    value v = value_object_sized(a, true, 26);
    put_number(a, &v, "id", r->id);
    put_str(a, &v, "repository", repository);
    put_number(a, &v, "repository_id", r->repository);
    put_number(a, &v, "number", r->number);
    put_number(a, &v, "attempt", r->attempt);
    put_str(a, &v, "workflow", r->workflow);
    put_str(a, &v, "path", r->path);
    put_str(a, &v, "name", r->name);
    put_str(a, &v, "event", r->event);
    put_str(a, &v, "action", r->action);
    put_str(a, &v, "ref", r->ref);
    put_str(a, &v, "branch", branch_of(r->ref));
    put_str(a, &v, "sha", r->sha);
    put_str(a, &v, "message", r->message);
    put_str(a, &v, "actor", r->actor);
    put_str(a, &v, "started_by", r->started_by);
    put(a, &v, "state", value_cstring(run_state_words[r->state]));
    put_result(a, &v, r->result);
    put_str(a, &v, "reason", r->reason);
    put_str(a, &v, "concurrency_group", r->conc_group);
    put(a, &v, "fork", value_bool(r->is_fork));
    put(a, &v, "cancelling", value_bool(r->cancelling));
    put(a, &v, "protected", value_bool(r->protected_));
    put(a, &v, "created_at", show_time(a, r->created_us));
    put_span(a, &v, r->started_us, r->ended_us);
    return v;
}

value show_job(arena *a, const store_job *j) {
    value v = value_object_sized(a, true, 24);
    put_number(a, &v, "id", j->id);
    put_number(a, &v, "run_id", j->run);
    put_number(a, &v, "attempt", j->attempt);
    put_str(a, &v, "key", j->key);
    put_str(a, &v, "name", j->name);
    put(a, &v, "call", value_bool(j->is_call));
    put(a, &v, "state", value_cstring(job_state_words[j->state]));
    put_result(a, &v, j->result);
    put_str(a, &v, "reason", j->reason);
    put(a, &v, "labels", parsed(a, j->labels));
    put(a, &v, "needs", parsed(a, j->needs));
    put(a, &v, "matrix", parsed(a, j->matrix));
    put_str(a, &v, "environment", j->environment);
    put(a, &v, "may_fail", value_bool(j->may_fail));
    put(a, &v, "cancelling", value_bool(j->cancelling));
    put(a, &v, "agent_id", j->agent ? value_number((double)j->agent) : VALUE_NULL_INIT);
    put_number(a, &v, "tries", j->tries);
    put(a, &v, "queued_at", show_time(a, j->queued_us));
    put_span(a, &v, j->started_us, j->ended_us);
    put_number(a, &v, "log_bytes", j->log_bytes);
    put_number(a, &v, "log_lines", j->log_lines);
    return v;
}

value show_step(arena *a, const store_step *s) {
    value v = value_object_sized(a, true, 14);
    put_number(a, &v, "number", s->number);
    put(a, &v, "parent", s->parent < 0 ? VALUE_NULL_INIT : value_number((double)s->parent));
    put_str(a, &v, "id", s->step_id);
    put_str(a, &v, "name", s->name);
    put_str(a, &v, "phase", s->phase);
    put_str(a, &v, "state", s->state);
    put_str(a, &v, "outcome", s->outcome);
    put_str(a, &v, "conclusion", s->conclusion);
    put_number(a, &v, "exit_code", s->exit_code);
    put_span(a, &v, s->started_us, s->ended_us);
    put_str(a, &v, "summary", s->summary);
    return v;
}

value show_annotation(arena *a, const store_annotation *x) {
    value v = value_object_sized(a, true, 10);
    put_number(a, &v, "job_id", x->job);
    put_number(a, &v, "step", x->step);
    put_str(a, &v, "level", x->level);
    put_str(a, &v, "title", x->title);
    put_str(a, &v, "message", x->message);
    put_str(a, &v, "path", x->path);
    put_number(a, &v, "line", x->line);
    put_number(a, &v, "column", x->column_);
    put_number(a, &v, "end_line", x->end_line);
    put_number(a, &v, "end_column", x->end_column);
    return v;
}

value show_agent(arena *a, const store_agent *x, size_t running) {
    value v = value_object_sized(a, true, 14);
    put_number(a, &v, "id", x->id);
    put_str(a, &v, "name", x->name);
    put(a, &v, "labels", parsed(a, x->labels));
    put_number(a, &v, "capacity", x->capacity);
    put_number(a, &v, "running", (int64_t)running);
    put(a, &v, "ephemeral", value_bool(x->ephemeral));
    put(a, &v, "embedded", value_bool(x->embedded));
    put(a, &v, "state", value_cstring(agent_state_words[x->state]));
    put_str(a, &v, "version", x->version);
    put_str(a, &v, "system", x->system);
    put_str(a, &v, "address", x->address);
    put(a, &v, "created_at", show_time(a, x->created_us));
    put(a, &v, "seen_at", show_time(a, x->seen_us));
    put(a, &v, "expires_at", show_time(a, x->expires_us));
    return v;
}

/* ---- schemas -------------------------------------------------------------------------------- */

static const char *const result_words[] = {"success", "failure", "cancelled", "skipped", NULL};

#define ID(field, text)                                                                            \
    { .name = field, .type = API_INTEGER, .required = true, .help = text }
#define TEXT(field, text)                                                                          \
    { .name = field, .type = API_STRING, .required = true, .nullable = true, .help = text }
#define TIME(field, text)                                                                          \
    { .name = field, .type = API_TIME, .required = true, .nullable = true, .help = text }
#define FLAG(field, text)                                                                          \
    { .name = field, .type = API_BOOLEAN, .required = true, .help = text }
#define NUMBER(field, text)                                                                        \
    { .name = field, .type = API_INTEGER, .required = true, .nullable = true, .help = text }
#define WORD(field, list, text)                                                                    \
    { .name = field, .type = API_WORD, .required = true, .words = list, .help = text }
#define RESULT(text)                                                                               \
    {                                                                                              \
        .name = "result", .type = API_WORD, .required = true, .nullable = true,                    \
        .words = result_words, .help = text                                                        \
    }
#define LIST(field, text)                                                                          \
    {                                                                                              \
        .name = field, .type = API_LIST, .items = API_STRING, .required = true, .nullable = true,  \
        .help = text                                                                               \
    }

static const api_field repository_fields[] = {
    ID("id", "Its number."),
    TEXT("name", "\"owner/name\"."),
    WORD("kind", repository_kind_words, "How its changes become known."),
    TEXT("url", "A folder of the server, or what git clones."),
    TEXT("default_branch", "The branch of schedules and of dispatches that name none."),
    TIME("created_at", "When it was added."),
    TIME("polled_at", "When it was last asked for changes."),
    FLAG("archived", "Nothing starts in it any more."),
    {0},
};

static const api_field run_fields[] = {
    ID("id", "Its number on this server."),
    TEXT("repository", "\"owner/name\"."),
    ID("repository_id", "The repository's number."),
    ID("number", "The number among the runs of its workflow."),
    ID("attempt", "1, and one more with each re-run."),
    TEXT("workflow", "The name of the workflow."),
    TEXT("path", "Its file."),
    TEXT("name", "What is shown: `run-name`, the commit's subject, or the workflow's name."),
    TEXT("event", "What started it."),
    TEXT("action", "The event's activity."),
    TEXT("ref", "The full name of the ref."),
    TEXT("branch", "The same without refs/heads/ or refs/tags/."),
    TEXT("sha", "The commit."),
    TEXT("message", "The subject of the commit."),
    TEXT("actor", "Who did what started it."),
    TEXT("started_by", "Whose wish this attempt is, when it is a re-run."),
    WORD("state", run_state_words, "Where it is."),
    RESULT("How it ended."),
    TEXT("reason", "Why it waits, failed or was cancelled."),
    TEXT("concurrency_group", "The group that it is in."),
    FLAG("fork", "It comes from a fork, and has no secrets."),
    FLAG("cancelling", "It was cancelled and has not ended yet."),
    FLAG("protected", "Retention leaves it."),
    TIME("created_at", "When this attempt came to be."),
    TIME("started_at", "When it started."),
    TIME("ended_at", "When it ended."),
    NUMBER("duration_ms", "How long it took."),
    {0},
};

static const api_field job_fields[] = {
    ID("id", "Its number on this server."),
    ID("run_id", "The run's number."),
    ID("attempt", "The attempt of the run in which it ran."),
    TEXT("key", "Unique in the run: \"test (18, linux)\"."),
    TEXT("name", "What is shown."),
    FLAG("call", "It calls a reusable workflow, whose jobs have keys that begin with its own."),
    WORD("state", job_state_words, "Where it is."),
    RESULT("How it ended."),
    TEXT("reason", "Why it waits, failed or was skipped."),
    LIST("labels", "What its agent must have."),
    LIST("needs", "Jobs before it, by the part of the key before a matrix."),
    {.name = "matrix",
     .type = API_ANY,
     .required = true,
     .nullable = true,
     .help = "Its values of the matrix."},
    TEXT("environment", "The environment that it names."),
    FLAG("may_fail", "Its failure does not fail the run."),
    FLAG("cancelling", "It was cancelled and has not ended yet."),
    NUMBER("agent_id", "The agent that has it."),
    ID("tries", "How often it was given to an agent."),
    TIME("queued_at", "When all that it needs had ended."),
    TIME("started_at", "When the agent began with it."),
    TIME("ended_at", "When it ended."),
    NUMBER("duration_ms", "How long it took."),
    NUMBER("log_bytes", "The size of its log, once it has ended."),
    NUMBER("log_lines", "Lines of its log, once it has ended."),
    {0},
};

static const api_field step_fields[] = {
    ID("number", "In the job, from 0."),
    NUMBER("parent", "The step of a composite action that it is part of."),
    TEXT("id", "Its id in the workflow."),
    TEXT("name", "What is shown."),
    TEXT("phase", "\"pre\", \"main\" or \"post\"."),
    TEXT("state", "\"running\" or \"completed\"."),
    TEXT("outcome", "Its result before continue-on-error."),
    TEXT("conclusion", "Its result after that."),
    NUMBER("exit_code", "Of its process."),
    TIME("started_at", "When it started."),
    TIME("ended_at", "When it ended."),
    NUMBER("duration_ms", "How long it took."),
    TEXT("summary", "Markdown that it wrote to GITHUB_STEP_SUMMARY."),
    {0},
};

static const api_field annotation_fields[] = {
    ID("job_id", "The job that said so."),
    ID("step", "The number of its step."),
    TEXT("level", "\"error\", \"warning\" or \"notice\"."),
    TEXT("title", "A heading."),
    TEXT("message", "What is said."),
    TEXT("path", "The file that it is about."),
    ID("line", "Its line, or 0."),
    ID("column", "Its column, or 0."),
    ID("end_line", "The last line, or 0."),
    ID("end_column", "The last column, or 0."),
    {0},
};

static const api_field agent_fields[] = {
    ID("id", "Its number."),
    TEXT("name", "Its name."),
    LIST("labels", "What `runs-on` may ask for."),
    ID("capacity", "How many jobs it runs at once."),
    ID("running", "How many it runs now."),
    FLAG("ephemeral", "It gets one job in its life."),
    FLAG("embedded", "It is the server's own."),
    WORD("state", agent_state_words, "Where it is."),
    TEXT("version", "Its Slipway."),
    TEXT("system", "Its system and processor."),
    TEXT("address", "Where it was last seen."),
    TIME("created_at", "When it joined."),
    TIME("seen_at", "When it was last heard of."),
    TIME("expires_at", "Until when its certificate holds."),
    {0},
};

static const api_field run_details_fields[] = {
    {.name = "run", .type = API_OBJECT, .schema = "Run", .required = true, .help = "The run."},
    {.name = "jobs",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "Job",
     .required = true,
     .help = "Its jobs; of each the newest attempt."},
    {.name = "graph",
     .type = API_ANY,
     .required = true,
     .help = "What its jobs wait for: {\"job\": id, \"needs\": [ids]}."},
    {0},
};

static const api_field job_details_fields[] = {
    {.name = "job", .type = API_OBJECT, .schema = "Job", .required = true, .help = "The job."},
    {.name = "steps",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "Step",
     .required = true,
     .help = "Its steps."},
    TEXT("waits_for", "Why it does not start, while it is queued."),
    {0},
};

static const api_schema schemas[] = {
    {"Repository", "A repository whose changes start runs.", repository_fields},
    {"Run", "One workflow for one event.", run_fields},
    {"Job", "A job of a run.", job_fields},
    {"Step", "A step of a job.", step_fields},
    {"Annotation", "What a step says of a line of a file.", annotation_fields},
    {"Agent", "A machine that runs jobs.", agent_fields},
    {"RunDetails", "A run with its jobs.", run_details_fields},
    {"JobDetails", "A job with its steps.", job_details_fields},
};
const api_schemas show_schemas = {schemas, sizeof schemas / sizeof *schemas};
