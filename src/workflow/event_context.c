/* event_context.c: the `github` and `inputs` contexts of a run, seen from outside any job. */
#include "workflow/event.h"
#include "workflow/inputs.h"

static bool takes_inputs(const event *ev) {
    return str_is(ev->name, "workflow_dispatch") || str_is(ev->name, "workflow_call");
}

/* A number of the payload as text; "0" where only GitHub could know it. */
static str payload_id(arena *a, const event *ev, const char *path) {
    const value *id = value_path(&ev->payload, path);
    return id && id->kind != VALUE_NULL ? value_to_str(a, id) : STR("0");
}

/* "main" of refs/heads/main, "1/merge" of refs/pull/1/merge. */
static str short_ref(str ref, const char **ret_type) {
    static const struct {
        const char *prefix, *type;
    } kinds[] = {{"refs/heads/", "branch"}, {"refs/tags/", "tag"}, {"refs/pull/", "branch"}};
    *ret_type = "branch";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        str prefix = str_from(kinds[i].prefix);
        if (!str_starts(ref, prefix)) continue;
        *ret_type = kinds[i].type;
        return str_sub(ref, prefix.len, ref.len);
    }
    return ref;
}

static void put_addresses(arena *a, value *github, const event *ev) {
    str server = ev->server_url;
    bool dotcom = str_eq(server, STR("https://github.com"));
    value_set_str(a, github, "server_url", server);
    value_set_str(a, github, "api_url",
                  dotcom ? STR("https://api.github.com")
                         : arena_printf(a, "%.*s/api/v3", STR_ARG(server)));
    value_set_str(a, github, "graphql_url",
                  dotcom ? STR("https://api.github.com/graphql")
                         : arena_printf(a, "%.*s/api/graphql", STR_ARG(server)));
    ptrdiff_t at = str_find(server, STR("://"));
    str host = at < 0 ? server : str_sub(server, (size_t)at + 3, server.len);
    value_set_str(a, github, "repositoryUrl",
                  arena_printf(a, "git://%.*s/%.*s.git", STR_ARG(host), STR_ARG(ev->repository)));
}

/* All but `event`. */
static value base_context(arena *a, const event *ev, const workflow *w) {
    value g = value_object_new(a, false);
    const char *ref_type;
    str name = short_ref(ev->ref, &ref_type), owner, repo;
    str_cut(ev->repository, '/', &owner, &repo);
    value_set_str(a, &g, "ref", ev->ref);
    value_set_str(a, &g, "sha", ev->sha);
    value_set_str(a, &g, "repository", ev->repository);
    value_set_str(a, &g, "repository_owner", owner);
    value_set_str(a, &g, "repository_owner_id", payload_id(a, ev, "repository.owner.id"));
    put_addresses(a, &g, ev);
    value_set_str(a, &g, "run_id", ev->run_id);
    value_set_str(a, &g, "run_number", ev->run_number);
    value_set_str(a, &g, "retention_days", STR("90"));
    value_set_str(a, &g, "run_attempt", ev->run_attempt);
    value_set_str(a, &g, "repository_id", payload_id(a, ev, "repository.id"));
    value_set_str(a, &g, "actor_id", payload_id(a, ev, "sender.id"));
    value_set_str(a, &g, "actor", ev->actor);
    value_set_str(a, &g, "triggering_actor", ev->actor);
    value_set_str(a, &g, "workflow", w->name);
    value_set_str(a, &g, "head_ref", ev->head_ref);
    value_set_str(a, &g, "base_ref", ev->base_ref);
    value_set_str(a, &g, "event_name", ev->name);
    value_set_str(a, &g, "ref_name", name);
    value_set(a, &g, STR("ref_protected"), value_bool(false));
    value_set_str(a, &g, "ref_type", str_from(ref_type));
    value_set_str(a, &g, "secret_source", STR("Actions"));
    value_set_str(
        a, &g, "workflow_ref",
        arena_printf(a, "%.*s/%s@%.*s", STR_ARG(ev->repository), w->path, STR_ARG(ev->ref)));
    value_set_str(a, &g, "workflow_sha", ev->sha);
    return g;
}

/* The payload with what depends on the workflow: inputs as text with their defaults, and the cron
 * line where the payload names none. */
static value workflow_payload(arena *a, const event *ev, const workflow *w) {
    value inputs = VALUE_NULL_INIT, text = value_object_new(a, false);
    const event_trigger *t = workflow_trigger(w, ev->name);
    bool scheduled = t && t->schedule_count && !value_get(&ev->payload, STR("schedule"));
    bool dispatched = takes_inputs(ev) && event_inputs(a, ev, w, &inputs, NULL) == 0;
    if (!scheduled && !dispatched) return ev->payload;
    value copy = value_object_new(a, false);
    value_set_all(a, &copy, &ev->payload);
    if (scheduled) value_set_str(a, &copy, "schedule", t->schedules[0].cron);
    if (!dispatched) return copy;
    for (size_t i = 0; i < value_count(&inputs); i++) {
        const value_pair *p = value_at(&inputs, i);
        value_set(a, &text, p->key, value_string(value_to_str(a, &p->item)));
    }
    value_set(a, &copy, STR("inputs"), text);
    return copy;
}

value event_github_context(arena *a, const event *ev, const workflow *w) {
    value g = base_context(a, ev, w);
    value_set(a, &g, STR("event"), workflow_payload(a, ev, w));
    return g;
}

static int reject_unknown(const workflow_input *inputs, size_t count, const value *given, err *e) {
    for (size_t i = 0; i < value_count(given); i++) {
        str name = value_at(given, i)->key;
        if (!input_find(inputs, count, name))
            return err_set(e, ERR_INVALID, "the workflow has no input '%.*s'", STR_ARG(name));
    }
    return 0;
}

int event_inputs(arena *a, const event *ev, const workflow *w, value *ret, err *e) {
    *ret = value_object_new(a, false);
    if (!takes_inputs(ev)) return 0;
    bool call = str_is(ev->name, "workflow_call");
    const workflow_input *inputs = call ? w->call_inputs : w->dispatch_inputs;
    size_t count = call ? w->call_input_count : w->dispatch_input_count;
    const value *given = value_get(&ev->payload, STR("inputs"));
    int code = reject_unknown(inputs, count, given, e);
    if (code) return code;

    value contexts = value_object_new(a, false), github = base_context(a, ev, w);
    value_set(a, &github, STR("event"), ev->payload);
    value_set(a, &contexts, STR("github"), github);
    value_set(a, &contexts, STR("inputs"), *ret);
    expr_env env = {.contexts = &contexts};
    for (size_t i = 0; i < count; i++) {
        const value *v = value_get(given, inputs[i].name);
        value item;
        bool empty = !v || (v->kind == VALUE_STRING && v->string.len == 0);
        bool number = str_is(inputs[i].type, "boolean") || str_is(inputs[i].type, "number");
        if (empty && inputs[i].required && !inputs[i].value)
            return err_set(e, ERR_INVALID, "the required input '%.*s' is not given",
                           STR_ARG(inputs[i].name));
        if (empty && number) v = NULL;
        code = input_value(a, &inputs[i], v, INPUT_FROM_TEXT, &env, &item, e);
        if (code) return code;
        value_set(a, ret, inputs[i].name, item);
    }
    return 0;
}
