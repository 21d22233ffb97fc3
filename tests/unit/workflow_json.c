#include "workflow_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    arena *a;
    const workflow_json_options *options;
    str *files; /* their numbers in places begin with 1 */
    size_t file_count, file_cap;
} writer;

static value object(writer *o) {
    return value_object_new(o->a, true);
}

static void set(writer *o, value *v, const char *key, value item) {
    value_set(o->a, v, str_from(key), item);
}

/* ---- tokens -------------------------------------------------------------------------------- */

enum {
    TYPE_STRING,
    TYPE_SEQUENCE,
    TYPE_MAPPING,
    TYPE_EXPR,
    TYPE_INSERT,
    TYPE_BOOL,
    TYPE_NUMBER,
    TYPE_NULL
};

static value number_json(double n) {
    if (isnan(n)) return value_cstring("NaN");
    if (isinf(n)) return value_cstring(n > 0 ? "Infinity" : "-Infinity");
    return value_number(n);
}

static size_t file_number(writer *o, const char *file) {
    for (size_t i = 0; i < o->file_count; i++)
        if (str_is(o->files[i], file)) return i + 1;
    return 0;
}

static bool has_place(const writer *o, span where) {
    return o->options->places && where.line > 0;
}

static value typed(writer *o, int type, span where) {
    value v = object(o);
    set(o, &v, "type", value_number(type));
    if (has_place(o, where)) {
        set(o, &v, "file", value_number((double)file_number(o, where.file)));
        set(o, &v, "line", value_number(where.line));
        set(o, &v, "col", value_number(where.column));
    }
    return v;
}

static value literal_json(writer *o, int type, const char *key, value item, span where) {
    if (!has_place(o, where)) return item;
    value v = typed(o, type, where);
    if (key) set(o, &v, key, item);
    return v;
}

static value text_json(writer *o, str text, span where) {
    return literal_json(o, TYPE_STRING, "lit", value_string(text), where);
}

static value token_json(writer *o, const token *t) {
    value v, list = value_array_new(o->a);
    switch (t->kind) {
    case TOKEN_BOOL: return literal_json(o, TYPE_BOOL, "bool", value_bool(t->boolean), t->where);
    case TOKEN_NUMBER: return literal_json(o, TYPE_NUMBER, "num", number_json(t->number), t->where);
    case TOKEN_STRING: return text_json(o, t->text, t->where);
    case TOKEN_EXPR:
        v = typed(o, TYPE_EXPR, t->where);
        set(o, &v, "expr", value_string(t->text));
        return v;
    case TOKEN_INSERT:
        v = typed(o, TYPE_INSERT, t->where);
        set(o, &v, "directive", value_cstring("insert"));
        return v;
    case TOKEN_SEQUENCE:
        v = typed(o, TYPE_SEQUENCE, t->where);
        for (size_t i = 0; i < t->sequence.count; i++)
            value_push(o->a, &list, token_json(o, t->sequence.items[i]));
        if (t->sequence.count > 0) set(o, &v, "seq", list);
        return v;
    case TOKEN_MAPPING:
        v = typed(o, TYPE_MAPPING, t->where);
        for (size_t i = 0; i < t->mapping.count; i++) {
            value pair = object(o);
            set(o, &pair, "Key", token_json(o, t->mapping.pairs[i].key));
            set(o, &pair, "Value", token_json(o, t->mapping.pairs[i].item));
            value_push(o->a, &list, pair);
        }
        if (t->mapping.count > 0) set(o, &v, "map", list);
        return v;
    case TOKEN_NULL:
    case TOKEN_KIND_COUNT: break;
    }
    return literal_json(o, TYPE_NULL, NULL, VALUE_NULL_INIT, t->where);
}

static void set_token(writer *o, value *v, const char *key, const token *t) {
    if (t) set(o, v, key, token_json(o, t));
}

static void set_tokens(writer *o, value *v, const char *key, const token **items, size_t count) {
    value list = value_array_new(o->a);
    for (size_t i = 0; i < count; i++)
        value_push(o->a, &list, token_json(o, items[i]));
    set(o, v, key, list);
}

/* ---- steps and jobs ------------------------------------------------------------------------ */

static value steps_json(writer *o, const workflow_step *steps, size_t count);

static void step_kind_json(writer *o, value *v, const workflow_step *s) {
    static const char *const names[STEP_KIND_COUNT] = {[STEP_WAIT] = "Wait",
                                                       [STEP_WAIT_ALL] = "Wait for all",
                                                       [STEP_CANCEL] = "Cancel",
                                                       [STEP_PARALLEL] = "Parallel group"};
    if (s->kind == STEP_RUN || s->kind == STEP_USES) set_token(o, v, "if", s->condition);
    if (!s->name && names[s->kind]) set(o, v, "name", value_cstring(names[s->kind]));
    if (s->kind == STEP_WAIT) set_tokens(o, v, "wait", s->targets, s->target_count);
    if (s->kind == STEP_WAIT_ALL) set(o, v, "wait-all", value_bool(true));
    if (s->kind == STEP_CANCEL) set_token(o, v, "cancel", s->targets[0]);
    if (s->kind == STEP_PARALLEL) set(o, v, "parallel", steps_json(o, s->children, s->child_count));
    if (s->background) set(o, v, "background", value_bool(true));
}

static value steps_json(writer *o, const workflow_step *steps, size_t count) {
    value list = value_array_new(o->a);
    for (size_t i = 0; i < count; i++) {
        const workflow_step *s = &steps[i];
        value v = object(o);
        set(o, &v, "id", value_string(s->id));
        set_token(o, &v, "name", s->name);
        set_token(o, &v, "continue-on-error", s->continue_on_error);
        set_token(o, &v, "timeout-minutes", s->timeout_minutes);
        set_token(o, &v, "env", s->env);
        set_token(o, &v, "run", s->run);
        set_token(o, &v, "shell", s->shell);
        set_token(o, &v, "working-directory", s->working_directory);
        set_token(o, &v, "uses", s->uses);
        set_token(o, &v, "with", s->with);
        step_kind_json(o, &v, s);
        value_push(o->a, &list, v);
    }
    return list;
}

/* Permissions that GitHub's form does not list for read-all and write-all. */
static bool spelled_out(const permissions *p, unsigned permission) {
    static const uint8_t later[] = {
        PERMISSION_ARTIFACT_METADATA,   PERMISSION_ATTESTATIONS, PERMISSION_CODE_QUALITY,
        PERMISSION_COPILOT_REQUESTS,    PERMISSION_DRIVES,       PERMISSION_MODELS,
        PERMISSION_VULNERABILITY_ALERTS};
    return !p->all || !memchr(later, (int)permission, sizeof later);
}

static void set_permissions(writer *o, value *v, const permissions *p) {
    if (!p) return;
    value levels = object(o);
    for (unsigned i = 0; i < PERMISSION_COUNT; i++)
        if (p->level[i] != PERMIT_NONE && spelled_out(p, i))
            set(o, &levels, permission_name(i),
                value_cstring(permission_level_name((permission_level)p->level[i])));
    set(o, v, "permissions", levels);
}

static value jobs_json(writer *o, const workflow *w);

static void plain_job_json(writer *o, value *v, const workflow_job *job) {
    set(o, v, "type", value_cstring("job"));
    if (job->need_count > 0) set_tokens(o, v, "needs", job->needs, job->need_count);
    set_token(o, v, "continue-on-error", job->continue_on_error);
    set_token(o, v, "timeout-minutes", job->timeout_minutes);
    set_token(o, v, "cancel-timeout-minutes", job->cancel_timeout_minutes);
    set_token(o, v, "env", job->env);
    set_token(o, v, "environment", job->environment);
    set_token(o, v, "defaults", job->defaults);
    set_token(o, v, "runs-on", job->runs_on);
    set_token(o, v, "container", job->container);
    set_token(o, v, "services", job->services);
    set_token(o, v, "outputs", job->outputs);
    set_token(o, v, "snapshot", job->snapshot);
    set_permissions(o, v, job->permissions);
    if (job->step_count > 0) set(o, v, "steps", steps_json(o, job->steps, job->step_count));
}

/* What a called workflow declares stands with the job that calls it. */
static void called_json(writer *o, value *v, const workflow *called) {
    const token *call = token_get(token_get(called->root, "on"), "workflow_call");
    set_token(o, v, "input-definitions", token_get(call, "inputs"));
    set_token(o, v, "secret-definitions", token_get(call, "secrets"));
    set_token(o, v, "outputs", token_get(call, "outputs"));
    set_token(o, v, "env", called->env);
    set_token(o, v, "defaults", called->defaults);
    set_token(o, v, "embedded-concurrency", called->concurrency);
}

static void call_json(writer *o, value *v, const workflow_job *job) {
    set(o, v, "type", value_cstring("reusableWorkflowJob"));
    set_tokens(o, v, "needs", job->needs, job->need_count);
    set_token(o, v, "ref", job->uses);
    set_token(o, v, "input-values", job->with);
    set_token(o, v, "secret-values", job->secrets);
    if (job->secrets_inherit) set(o, v, "inherit-secrets", value_bool(true));
    set_permissions(o, v, job->called ? job->called->permissions : job->permissions);
    if (job->called) called_json(o, v, job->called);
    set(o, v, "jobs", job->called ? jobs_json(o, job->called) : value_array_new(o->a));
}

static value jobs_json(writer *o, const workflow *w) {
    value list = value_array_new(o->a);
    for (size_t i = 0; i < w->job_count; i++) {
        const workflow_job *job = w->jobs[i];
        bool named = job->name && !(job->name->kind == TOKEN_STRING && job->name->text.len == 0);
        value v = object(o), id = text_json(o, job->id, job->where);
        set(o, &v, "id", id);
        set(o, &v, "name", named ? token_json(o, job->name) : id);
        set_token(o, &v, "if", job->condition);
        set_token(o, &v, "concurrency", job->concurrency);
        set_token(o, &v, "strategy", job->strategy);
        if (job->uses)
            call_json(o, &v, job);
        else
            plain_job_json(o, &v, job);
        value_push(o->a, &list, v);
    }
    return list;
}

/* ---- triggers ------------------------------------------------------------------------------ */

static void set_filter(writer *o, value *v, const char *key, const event_filter *f) {
    if (!f->present) return;
    value list = value_array_new(o->a);
    for (size_t i = 0; i < f->count; i++)
        value_push(o->a, &list, value_string(f->items[i]));
    set(o, v, key, list);
}

static void set_text(writer *o, value *v, const char *key, str text) {
    if (text.len > 0) set(o, v, key, value_string(text));
}

static void set_inputs(writer *o, value *v, const workflow_input *inputs, size_t count) {
    if (count == 0) return;
    value all = object(o);
    for (size_t i = 0; i < count; i++) {
        const workflow_input *in = &inputs[i];
        value one = object(o), options = value_array_new(o->a);
        set_text(o, &one, "type", in->type);
        set_text(o, &one, "description", in->description);
        if (in->required) set(o, &one, "required", value_bool(true));
        set_token(o, &one, "default", in->value);
        for (size_t j = 0; j < in->option_count; j++)
            value_push(o->a, &options, value_string(in->options[j]));
        if (in->option_count > 0) set(o, &one, "options", options);
        value_set(o->a, &all, in->name, one);
    }
    set(o, v, "inputs", all);
}

static void set_secrets(writer *o, value *v, const workflow *w) {
    if (w->call_secret_count == 0) return;
    value all = object(o);
    for (size_t i = 0; i < w->call_secret_count; i++) {
        value one = object(o);
        set_text(o, &one, "description", w->call_secrets[i].description);
        if (w->call_secrets[i].required) set(o, &one, "required", value_bool(true));
        value_set(o->a, &all, w->call_secrets[i].name, one);
    }
    set(o, v, "secrets", all);
}

static value schedules_json(writer *o, const event_trigger *t) {
    value list = value_array_new(o->a);
    for (size_t i = 0; i < t->schedule_count; i++) {
        value one = object(o);
        set(o, &one, "cron", value_string(t->schedules[i].cron));
        set_text(o, &one, "timezone", t->schedules[i].timezone);
        value_push(o->a, &list, one);
    }
    return list;
}

static value trigger_json(writer *o, const workflow *w, const event_trigger *t) {
    if (str_is(t->name, "schedule")) return schedules_json(o, t);
    value v = object(o);
    set_filter(o, &v, "types", &t->types);
    set_filter(o, &v, "branches", &t->branches);
    set_filter(o, &v, "branches-ignore", &t->branches_ignore);
    set_filter(o, &v, "tags", &t->tags);
    set_filter(o, &v, "tags-ignore", &t->tags_ignore);
    set_filter(o, &v, "paths", &t->paths);
    set_filter(o, &v, "paths-ignore", &t->paths_ignore);
    set_filter(o, &v, "workflows", &t->workflows);
    set_filter(o, &v, "names", &t->names);
    set_filter(o, &v, "versions", &t->versions);
    if (str_is(t->name, "workflow_dispatch"))
        set_inputs(o, &v, w->dispatch_inputs, w->dispatch_input_count);
    if (str_is(t->name, "workflow_call")) {
        set_inputs(o, &v, w->call_inputs, w->call_input_count);
        set_secrets(o, &v, w);
    }
    return v;
}

static value events_json(writer *o, const workflow *w) {
    value v = object(o);
    for (size_t i = 0; i < w->trigger_count; i++)
        value_set(o->a, &v, w->triggers[i].name, trigger_json(o, w, &w->triggers[i]));
    return v;
}

static void set_input_types(writer *o, value *v, const workflow *w) {
    if (w->dispatch_input_count == 0) return;
    value types = object(o);
    for (size_t i = 0; i < w->dispatch_input_count; i++)
        value_set(o->a, &types, w->dispatch_inputs[i].name,
                  value_string(w->dispatch_inputs[i].type));
    set(o, v, "input-types", types);
}

/* ---- problems and files -------------------------------------------------------------------- */

static void add_place(strbuf *out, span where) {
    if (!where.file) return;
    strbuf_adds(out, where.file);
    if (where.line > 0) strbuf_addf(out, " (Line: %u, Col: %u)", where.line, where.column);
    strbuf_adds(out, ": ");
}

/* GitHub reports these two without saying where. */
static bool without_place(const problem *p) {
    return strcmp(p->rule, "nesting") == 0 || strcmp(p->rule, "job-limit") == 0;
}

static value message_json(writer *o, const problem *p) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    if (!without_place(p)) {
        if (p->caller.line > 0) {
            strbuf_adds(&text, "In ");
            add_place(&text, p->caller);
            strbuf_adds(&text, "Error from called workflow ");
        }
        add_place(&text, p->where);
    }
    strbuf_add(&text, p->message);
    size_t max = o->options->max_message;
    if (max > 0 && text.len > max) {
        strbuf_truncate(&text, max);
        strbuf_adds(&text, "[...]");
    }
    value v = object(o);
    set(o, &v, "Message", value_string(arena_str(o->a, strbuf_str(&text))));
    return v;
}

static void number_files(writer *o, const workflow *w) {
    if (file_number(o, w->path) == 0)
        ARENA_PUSH(o->a, o->files, o->file_count, o->file_cap, str_from(w->path));
    for (size_t i = 0; i < w->job_count; i++)
        if (w->jobs[i]->called) number_files(o, w->jobs[i]->called);
}

static int compare_files(const void *a, const void *b) {
    return str_cmp(*(const str *)a, *(const str *)b);
}

static value files_json(writer *o) {
    value list = value_array_new(o->a);
    if (o->options->sort_files) qsort(o->files, o->file_count, sizeof *o->files, compare_files);
    for (size_t i = 0; i < o->file_count; i++)
        value_push(o->a, &list, value_string(o->files[i]));
    return list;
}

value workflow_json(arena *a, const workflow *w, const workflow_json_options *options) {
    writer o = {.a = a, .options = options};
    value v = object(&o);
    if (w->problems.errors > 0) {
        value list = value_array_new(a);
        for (size_t i = 0; i < w->problems.count; i++)
            value_push(a, &list, message_json(&o, &w->problems.items[i]));
        set(&o, &v, "errors", list);
        return v;
    }
    number_files(&o, w);
    if (options->events)
        set(&o, &v, "events", events_json(&o, w));
    else
        set_input_types(&o, &v, w);
    set_permissions(&o, &v, w->permissions);
    set_token(&o, &v, "env", w->env);
    set_token(&o, &v, "defaults", w->defaults);
    set_token(&o, &v, "concurrency", w->concurrency);
    set(&o, &v, "jobs", jobs_json(&o, w));
    if (options->places) set(&o, &v, "file-table", files_json(&o));
    return v;
}
