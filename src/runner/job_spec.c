/* job_spec.c: fields are a table that both directions go by. */
#include "runner/job_spec.h"

#include "base/git.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define TEXT_MAX    ((size_t)1 << 20)  /* of one field */
#define SOURCE_MAX  ((size_t)1 << 20)  /* as a workflow file may have */
#define INTEGER_MAX 9007199254740991.0 /* what a double holds */
#define MINUTES_MAX (366.0 * 24 * 60)
#define INDEX_MAX   65535

typedef enum field_kind {
    FIELD_STR,
    FIELD_INTEGER, /* int64_t, from 0 */
    FIELD_INDEX,   /* unsigned */
    FIELD_BOOL,
    FIELD_MINUTES, /* double, over 0 */
    FIELD_OBJECT,  /* value */
    FIELD_MAYBE,   /* value: an object or null */
    FIELD_TEXTS,   /* value: an object of strings */
    FIELD_BYTES,   /* uint64_t */
    FIELD_COUNT32, /* uint32_t */
    FIELD_KIND_COUNT
} field_kind;

typedef struct field {
    const char *path; /* dotted */
    field_kind kind;
    size_t at;
    bool optional; /* absent is the same as empty, 0 or false */
    bool shown;    /* job_spec_describe has it */
} field;

#define AT(member) offsetof(job_spec, member)
static const field fields[] = {
    {"job_id", FIELD_INTEGER, AT(job_id), false, true},
    {"attempt", FIELD_INTEGER, AT(attempt), false, true},
    {"token", FIELD_STR, AT(token), true, true},
    {"run.id", FIELD_INTEGER, AT(run_id), false, true},
    {"run.number", FIELD_INTEGER, AT(run_number), false, true},
    {"run.attempt", FIELD_INTEGER, AT(run_attempt), false, true},
    {"run.name", FIELD_STR, AT(run_name), true, true},
    {"repository.name", FIELD_STR, AT(repository), false, true},
    {"repository.git", FIELD_STR, AT(git), false, false},
    {"repository.url", FIELD_STR, AT(url), true, false},
    {"repository.commit", FIELD_STR, AT(commit), false, true},
    {"repository.ref", FIELD_STR, AT(ref), true, true},
    {"workflow_path", FIELD_STR, AT(workflow_path), false, true},
    {"event.name", FIELD_STR, AT(event.name), false, true},
    {"event.action", FIELD_STR, AT(event.action), true, true},
    {"event.ref", FIELD_STR, AT(event.ref), true, true},
    {"event.sha", FIELD_STR, AT(event.sha), true, true},
    {"event.base_ref", FIELD_STR, AT(event.base_ref), true, true},
    {"event.head_ref", FIELD_STR, AT(event.head_ref), true, true},
    {"event.actor", FIELD_STR, AT(event.actor), true, true},
    {"event.server_url", FIELD_STR, AT(event.server_url), true, true},
    {"job_key", FIELD_STR, AT(job_key), false, true},
    {"key", FIELD_STR, AT(instance.key), false, true},
    {"name", FIELD_STR, AT(instance.name), false, true},
    {"index", FIELD_INDEX, AT(instance.index), true, true},
    {"total", FIELD_INDEX, AT(instance.total), true, true},
    {"matrix", FIELD_MAYBE, AT(instance.matrix), true, false},
    {"strategy", FIELD_OBJECT, AT(instance.strategy), true, false},
    {"needs", FIELD_OBJECT, AT(instance.needs), true, false},
    {"inputs", FIELD_OBJECT, AT(instance.inputs), true, false},
    {"secrets", FIELD_TEXTS, AT(instance.secrets), true, false},
    {"vars", FIELD_TEXTS, AT(instance.vars), true, false},
    {"github", FIELD_OBJECT, AT(instance.github), false, false},
    {"runner_group", FIELD_STR, AT(instance.runner_group), true, true},
    {"environment", FIELD_STR, AT(instance.environment), true, true},
    {"environment_deployment", FIELD_BOOL, AT(instance.environment_deployment), true, true},
    {"continue_on_error", FIELD_BOOL, AT(instance.continue_on_error), true, true},
    {"timeout_minutes", FIELD_MINUTES, AT(instance.timeout_minutes), false, true},
    {"cancel_timeout_minutes", FIELD_MINUTES, AT(instance.cancel_timeout_minutes), false, true},
    {"limits.memory", FIELD_BYTES, AT(limits.memory_bytes), true, true},
    {"limits.disk", FIELD_BYTES, AT(limits.disk_bytes), true, true},
    {"limits.processes", FIELD_COUNT32, AT(limits.processes), true, true},
    {"limits.cpus", FIELD_COUNT32, AT(limits.cpus), true, true},
    {"limits.open_files", FIELD_COUNT32, AT(limits.open_files), true, true},
};
#define FIELDS (sizeof fields / sizeof *fields)

static const char *const networks[SANDBOX_NETWORK_COUNT] = {
    [SANDBOX_NETWORK_HOST] = "host",
    [SANDBOX_NETWORK_NONE] = "none",
    [SANDBOX_NETWORK_ALLOW] = "allow",
    [SANDBOX_NETWORK_AUDIT] = "audit",
};

void job_spec_of(job_spec *spec, const job_instance *i, const event *ev) {
    spec->instance = *i;
    spec->job_key = i->plan->key;
    spec->event = *ev;
}

const job_source *job_spec_source(const job_spec *spec, str path) {
    for (size_t i = 0; i < spec->source_count; i++) {
        if (str_is(path, spec->sources[i].path)) return &spec->sources[i];
    }
    return NULL;
}

/* ---- encoding ------------------------------------------------------------------------------- */

/* Sets a dotted path, one object deep. */
static void put(arena *a, value *root, const char *path, value item) {
    str outer, inner, whole = str_from(path);
    if (!str_cut(whole, '.', &outer, &inner)) {
        value_set(a, root, whole, item);
        return;
    }
    const value *there = value_get(root, outer);
    value object = there ? *there : value_object_new(a, false);
    value_set(a, &object, inner, item);
    value_set(a, root, outer, object);
}

static value encode_field(const job_spec *spec, const field *f) {
    const void *at = (const char *)spec + f->at;
    switch (f->kind) {
    case FIELD_STR: return value_string(*(const str *)at);
    case FIELD_INTEGER: return value_number((double)*(const int64_t *)at);
    case FIELD_INDEX: return value_number(*(const unsigned *)at);
    case FIELD_BOOL: return value_bool(*(const bool *)at);
    case FIELD_MINUTES: return value_number(*(const double *)at);
    case FIELD_BYTES: return value_number((double)*(const uint64_t *)at);
    case FIELD_COUNT32: return value_number(*(const uint32_t *)at);
    case FIELD_OBJECT:
    case FIELD_MAYBE:
    case FIELD_TEXTS: return *(const value *)at;
    case FIELD_KIND_COUNT: break;
    }
    return VALUE_NULL_INIT;
}

static value encode_sources(arena *a, const job_spec *spec) {
    value out = value_object_new(a, true);
    for (size_t i = 0; i < spec->source_count; i++)
        value_set_str(a, &out, spec->sources[i].path, spec->sources[i].text);
    return out;
}

static value encode_labels(arena *a, const job_spec *spec) {
    value out = value_array_new(a);
    for (size_t i = 0; i < spec->instance.label_count; i++)
        value_push(a, &out, value_string(spec->instance.labels[i]));
    return out;
}

static value encode_network(arena *a, const sandbox_egress *egress) {
    value out = value_object_new(a, false), rules = value_array_new(a), hosts = value_array_new(a);
    value_set_str(a, &out, "mode", str_from(networks[egress->network]));
    for (size_t i = 0; i < egress->rule_count; i++)
        value_push(a, &rules, value_string(egress->rules[i]));
    for (size_t i = 0; i < egress->host_count; i++) {
        value host = value_object_new(a, false);
        value_set_str(a, &host, "name", egress->hosts[i].name);
        value_set_str(a, &host, "address", egress->hosts[i].address);
        value_push(a, &hosts, host);
    }
    value_set(a, &out, STR("allow"), rules);
    value_set(a, &out, STR("hosts"), hosts);
    return out;
}

static value encode_fields(arena *a, const job_spec *spec, bool all) {
    value root = value_object_new(a, false);
    value_set(a, &root, STR("version"), value_number(JOB_SPEC_VERSION));
    for (size_t i = 0; i < FIELDS; i++) {
        if (all || fields[i].shown) put(a, &root, fields[i].path, encode_field(spec, &fields[i]));
    }
    value_set(a, &root, STR("labels"), encode_labels(a, spec));
    return root;
}

void job_spec_encode(strbuf *out, const job_spec *spec) {
    _cleanup_arena_ arena *a = arena_new();
    value root = encode_fields(a, spec, true);
    value_set(a, &root, STR("sources"), encode_sources(a, spec));
    value_set(a, &root, STR("network"), encode_network(a, &spec->egress));
    json_write(out, &root);
}

void job_spec_describe(strbuf *out, const job_spec *spec) {
    _cleanup_arena_ arena *a = arena_new();
    value root = encode_fields(a, spec, false);
    json_write(out, &root);
}

/* ---- decoding ------------------------------------------------------------------------------- */

static int wrong(err *e, const char *path, const char *what) {
    return err_set(e, ERR_INVALID, "the job's '%s' is no %s", path, what);
}

static int decode_str(arena *a, const char *path, const value *v, str *ret, err *e) {
    if (v->kind != VALUE_STRING) return wrong(e, path, "string");
    if (v->string.len > TEXT_MAX)
        return err_set(e, ERR_LIMIT, "the job's '%s' has more than %zu bytes", path, TEXT_MAX);
    if (memchr(v->string.ptr, '\0', v->string.len)) return wrong(e, path, "text");
    *ret = arena_str(a, v->string);
    return 0;
}

static int decode_number(const char *path, const value *v, double max, double *ret, err *e) {
    bool good = v->kind == VALUE_NUMBER && v->number >= 0 && v->number <= max &&
                floor(v->number) == v->number;
    if (!good) return wrong(e, path, "whole number in its range");
    *ret = v->number;
    return 0;
}

static int decode_texts(const char *path, const value *v, err *e) {
    if (v->kind != VALUE_OBJECT) return wrong(e, path, "object");
    for (size_t i = 0; i < value_count(v); i++) {
        if (value_at(v, i)->item.kind != VALUE_STRING) return wrong(e, path, "object of strings");
    }
    return 0;
}

static int decode_field(arena *a, const field *f, const value *v, job_spec *spec, err *e) {
    void *at = (char *)spec + f->at;
    double n = 0;
    int r = 0;
    switch (f->kind) {
    case FIELD_STR: return decode_str(a, f->path, v, at, e);
    case FIELD_INTEGER:
        if ((r = decode_number(f->path, v, INTEGER_MAX, &n, e)) == 0) *(int64_t *)at = (int64_t)n;
        return r;
    case FIELD_INDEX:
        if ((r = decode_number(f->path, v, INDEX_MAX, &n, e)) == 0) *(unsigned *)at = (unsigned)n;
        return r;
    case FIELD_BYTES:
        if ((r = decode_number(f->path, v, INTEGER_MAX, &n, e)) == 0) *(uint64_t *)at = (uint64_t)n;
        return r;
    case FIELD_COUNT32:
        if ((r = decode_number(f->path, v, UINT32_MAX, &n, e)) == 0) *(uint32_t *)at = (uint32_t)n;
        return r;
    case FIELD_BOOL:
        if (v->kind != VALUE_BOOL) return wrong(e, f->path, "boolean");
        *(bool *)at = v->boolean;
        return 0;
    case FIELD_MINUTES:
        if (v->kind != VALUE_NUMBER || !(v->number > 0 && v->number <= MINUTES_MAX))
            return wrong(e, f->path, "number of minutes of at most a year");
        *(double *)at = v->number;
        return 0;
    case FIELD_TEXTS: r = decode_texts(f->path, v, e); break;
    case FIELD_OBJECT:
        if (v->kind != VALUE_OBJECT) return wrong(e, f->path, "object");
        break;
    case FIELD_MAYBE:
        if (v->kind != VALUE_OBJECT && v->kind != VALUE_NULL) return wrong(e, f->path, "object");
        break;
    case FIELD_KIND_COUNT: break;
    }
    *(value *)at = *v;
    return r;
}

/* What is absent and may be: empty objects are objects. */
static void leave_out(arena *a, const field *f, job_spec *spec) {
    if (f->kind == FIELD_OBJECT || f->kind == FIELD_TEXTS)
        *(value *)((char *)spec + f->at) = value_object_new(a, false);
}

static int decode_fields(arena *a, const value *root, job_spec *spec, err *e) {
    for (size_t i = 0; i < FIELDS; i++) {
        const field *f = &fields[i];
        const value *v = value_path(root, f->path);
        if (!v && !f->optional) return err_set(e, ERR_INVALID, "the job has no '%s'", f->path);
        if (!v) {
            leave_out(a, f, spec);
            continue;
        }
        int r = decode_field(a, f, v, spec, e);
        if (r < 0) return r;
    }
    return 0;
}

static int decode_sources(arena *a, const value *v, job_spec *spec, err *e) {
    if (!v || v->kind != VALUE_OBJECT) return wrong(e, "sources", "object");
    spec->source_count = value_count(v);
    if (spec->source_count > JOB_SPEC_SOURCES_MAX)
        return err_set(e, ERR_LIMIT, "the job's 'sources' are more than %d", JOB_SPEC_SOURCES_MAX);
    spec->sources = ARENA_ARRAY(a, job_source, spec->source_count);
    for (size_t i = 0; i < spec->source_count; i++) {
        const value_pair *p = value_at(v, i);
        if (p->item.kind != VALUE_STRING) return wrong(e, "sources", "object of strings");
        if (p->item.string.len > SOURCE_MAX)
            return err_set(e, ERR_LIMIT, "the job's source '%.*s' has more than %zu bytes",
                           STR_ARG(p->key), SOURCE_MAX);
        spec->sources[i] = (job_source){arena_cstr(a, p->key), p->item.string};
    }
    return 0;
}

static int decode_labels(arena *a, const value *v, job_spec *spec, err *e) {
    if (!v || v->kind != VALUE_ARRAY) return wrong(e, "labels", "list");
    size_t count = value_count(v);
    if (count > JOB_SPEC_LABELS_MAX)
        return err_set(e, ERR_LIMIT, "the job's 'labels' are more than %d", JOB_SPEC_LABELS_MAX);
    spec->instance.labels = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++) {
        int r = decode_str(a, "labels", &v->array.items[i], &spec->instance.labels[i], e);
        if (r < 0) return r;
    }
    spec->instance.label_count = count;
    return 0;
}

static int decode_host(arena *a, const value *v, sandbox_host *ret, err *e) {
    const value *name = value_get(v, STR("name")), *address = value_get(v, STR("address"));
    if (!name || !address) return wrong(e, "network.hosts", "list of names and addresses");
    int r = decode_str(a, "network.hosts", name, &ret->name, e);
    if (r == 0) r = decode_str(a, "network.hosts", address, &ret->address, e);
    return r == 0 ? sandbox_judge_host(ret, e) : r;
}

static int decode_rules(arena *a, const value *rules, const value *hosts, sandbox_egress *ret,
                        err *e) {
    size_t rule_count = value_count(rules), host_count = value_count(hosts);
    if (rules && rules->kind != VALUE_ARRAY) return wrong(e, "network.allow", "list");
    if (hosts && hosts->kind != VALUE_ARRAY) return wrong(e, "network.hosts", "list");
    if (rule_count > JOB_SPEC_RULES_MAX || host_count > JOB_SPEC_RULES_MAX)
        return err_set(e, ERR_LIMIT, "the job's 'network' has more than %d rules",
                       JOB_SPEC_RULES_MAX);
    str *texts = ARENA_ARRAY(a, str, rule_count);
    sandbox_host *known = ARENA_ARRAY(a, sandbox_host, host_count);
    int r = 0;
    for (size_t i = 0; r == 0 && i < rule_count; i++) {
        r = decode_str(a, "network.allow", &rules->array.items[i], &texts[i], e);
        if (r == 0) r = sandbox_judge_rule(texts[i], e);
    }
    for (size_t i = 0; r == 0 && i < host_count; i++)
        r = decode_host(a, &hosts->array.items[i], &known[i], e);
    ret->rules = texts;
    ret->rule_count = rule_count;
    ret->hosts = known;
    ret->host_count = host_count;
    return r;
}

/* What is not understood here must not end in a network without limits. */
static int decode_network(arena *a, const value *v, sandbox_egress *ret, err *e) {
    *ret = (sandbox_egress){.network = SANDBOX_NETWORK_HOST};
    if (!v) return 0;
    str mode = value_path_str(v, "mode");
    int network = 0;
    while (network < SANDBOX_NETWORK_COUNT && !str_is(mode, networks[network]))
        network++;
    if (network == SANDBOX_NETWORK_COUNT)
        return wrong(e, "network.mode", "'host', 'none', 'allow' or 'audit'");
    ret->network = (sandbox_network)network;
    return decode_rules(a, value_get(v, STR("allow")), value_get(v, STR("hosts")), ret, e);
}

static int check_version(const value *root, err *e) {
    const value *version = value_get(root, STR("version"));
    if (root->kind != VALUE_OBJECT || !version || version->kind != VALUE_NUMBER)
        return err_set(e, ERR_INVALID, "this is no job: it has no 'version'");
    if (version->number == JOB_SPEC_VERSION) return 0;
    return err_set(e, ERR_UNSUPPORTED,
                   "the job has version %g, and this agent knows version %d: bring server and "
                   "agent to the same release",
                   version->number, JOB_SPEC_VERSION);
}

/* What the event has twice is taken from where it stands. */
static void complete_event(arena *a, job_spec *spec) {
    event *ev = &spec->event;
    const value *payload = value_get(&spec->instance.github, STR("event"));
    ev->payload = payload ? *payload : value_object_new(a, false);
    ev->repository = spec->repository;
    ev->run_id = arena_printf(a, "%lld", (long long)spec->run_id);
    ev->run_number = arena_printf(a, "%lld", (long long)spec->run_number);
    ev->run_attempt = arena_printf(a, "%lld", (long long)spec->run_attempt);
}

static int judge(const job_spec *spec, err *e) {
    if (!git_is_id(spec->commit)) return wrong(e, "repository.commit", "commit's whole id");
    if (!spec->git.len) return wrong(e, "repository.git", "repository");
    if (!job_spec_source(spec, spec->workflow_path))
        return err_set(e, ERR_INVALID, "the job's 'sources' have no '%.*s'",
                       STR_ARG(spec->workflow_path));
    return 0;
}

int job_spec_decode(arena *a, str text, job_spec *ret, err *e) {
    value root;
    *ret = (job_spec){0};
    if (text.len > JOB_SPEC_MAX)
        return err_set(e, ERR_LIMIT, "the job has more than %zu bytes", JOB_SPEC_MAX);
    err why = {0};
    int r = json_parse(a, text, 0, &root, &why);
    /* What is wrong is told without the text that is near it, which may be a secret. */
    if (r < 0)
        return err_set(e, r, "the job is no JSON, or only a part of it (line %u, column %u)",
                       why.where.line, why.where.column);
    ret->instance.environment_deployment = true;
    ret->instance.total = 1;
    r = check_version(&root, e);
    if (r == 0) r = decode_fields(a, &root, ret, e);
    if (r == 0) r = decode_sources(a, value_get(&root, STR("sources")), ret, e);
    if (r == 0) r = decode_labels(a, value_get(&root, STR("labels")), ret, e);
    if (r == 0) r = decode_network(a, value_get(&root, STR("network")), &ret->egress, e);
    if (r < 0) return r;
    complete_event(a, ret);
    return judge(ret, e);
}
