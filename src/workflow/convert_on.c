/* on: which events start a workflow, with their filters, and what a dispatch or a call passes in.
 * The schema may have let anything pass here (loose_events), so every shape is looked at. */
#include "workflow/convert.h"

#include <stddef.h>

/* ---- filters ------------------------------------------------------------------------------- */

static event_filter filter_new(arena *a, const token *t) {
    bool many = t->kind == TOKEN_SEQUENCE;
    size_t count = many ? t->sequence.count : t->kind == TOKEN_STRING ? 1 : 0;
    const token **items = many ? t->sequence.items : &t;
    event_filter f = {.present = true};
    f.items = ARENA_ARRAY(a, str, count);
    f.places = ARENA_ARRAY(a, span, count);
    for (size_t i = 0; i < count; i++) {
        if (items[i]->kind != TOKEN_STRING) continue;
        f.items[f.count] = items[i]->text;
        f.places[f.count++] = items[i]->where;
    }
    return f;
}

#define FILTER_AT(field) offsetof(event_trigger, field)

static const struct {
    const char *name;
    size_t offset;
} filter_keys[] = {
    {"types", FILTER_AT(types)},
    {"branches", FILTER_AT(branches)},
    {"branches-ignore", FILTER_AT(branches_ignore)},
    {"tags", FILTER_AT(tags)},
    {"tags-ignore", FILTER_AT(tags_ignore)},
    {"paths", FILTER_AT(paths)},
    {"paths-ignore", FILTER_AT(paths_ignore)},
    {"workflows", FILTER_AT(workflows)},
    {"names", FILTER_AT(names)},
    {"versions", FILTER_AT(versions)},
};

static void take_filters(arena *a, event_trigger *trigger, const token *mapping) {
    for (size_t i = 0; i < sizeof filter_keys / sizeof *filter_keys; i++) {
        const token *t = token_get(mapping, filter_keys[i].name);
        if (t) *(event_filter *)((char *)trigger + filter_keys[i].offset) = filter_new(a, t);
    }
}

static void take_schedules(arena *a, event_trigger *trigger, const token *list) {
    trigger->schedules = arena_calloc(a, list->sequence.count, sizeof *trigger->schedules);
    for (size_t i = 0; i < list->sequence.count; i++) {
        const token *item = list->sequence.items[i], *cron = token_get(item, "cron");
        if (!cron) continue;
        trigger->schedules[trigger->schedule_count].cron = token_text(cron);
        trigger->schedules[trigger->schedule_count].timezone =
            token_text(token_get(item, "timezone"));
        trigger->schedules[trigger->schedule_count++].where = cron->where;
    }
}

/* ---- what is passed in and out ------------------------------------------------------------- */

static bool is_true(const token *t) {
    return t && t->kind == TOKEN_BOOL && t->boolean;
}

/* The pairs of the mapping under `key`; no pairs when there is none. */
static size_t pairs_of(const token *mapping, const char *key, const token_pair **ret) {
    const token *t = token_get(mapping, key);
    if (!t || t->kind != TOKEN_MAPPING) return 0;
    *ret = t->mapping.pairs;
    return t->mapping.count;
}

static void check_options(conversion *c, const workflow_input *in, const token *spec) {
    if (c->options->loose_events) return;
    bool choice = str_is(in->type, "choice");
    if (choice && in->option_count == 0)
        reading_error(c->r, spec->kind == TOKEN_MAPPING ? spec->where : in->where, "syntax",
                      "Missing 'options' for choice input");
    else if (!choice && token_get(spec, "options"))
        reading_error(c->r, spec->where, "syntax",
                      "Input type is not 'choice', but 'options' is defined");
}

static workflow_input *take_inputs(conversion *c, const token *event, size_t *ret_count) {
    const token_pair *pairs = NULL;
    size_t count = pairs_of(event, "inputs", &pairs);
    workflow_input *inputs = ARENA_ARRAY(c->r->a, workflow_input, count);
    for (size_t i = 0; i < count; i++) {
        const token *spec = pairs[i].item, *options = token_get(spec, "options");
        workflow_input *in = &inputs[i];
        in->name = token_text(pairs[i].key);
        in->where = pairs[i].key->where;
        in->type = token_text(token_get(spec, "type"));
        if (in->type.len == 0) in->type = STR("string");
        in->description = token_text(token_get(spec, "description"));
        in->required = is_true(token_get(spec, "required"));
        in->value = token_get(spec, "default");
        if (options) {
            event_filter list = filter_new(c->r->a, options);
            in->options = list.items;
            in->option_count = list.count;
        }
        check_options(c, in, spec);
    }
    *ret_count = count;
    return inputs;
}

static void take_call(conversion *c, workflow *w, const token *event) {
    const token_pair *pairs = NULL;
    w->call_inputs = take_inputs(c, event, &w->call_input_count);
    size_t count = pairs_of(event, "secrets", &pairs);
    w->call_secrets = ARENA_ARRAY(c->r->a, workflow_secret, count);
    w->call_secret_count = count;
    for (size_t i = 0; i < count; i++)
        w->call_secrets[i] = (workflow_secret){
            .name = token_text(pairs[i].key),
            .where = pairs[i].key->where,
            .description = token_text(token_get(pairs[i].item, "description")),
            .required = is_true(token_get(pairs[i].item, "required")),
        };
    count = pairs_of(event, "outputs", &pairs);
    w->call_outputs = ARENA_ARRAY(c->r->a, workflow_output, count);
    w->call_output_count = count;
    for (size_t i = 0; i < count; i++)
        w->call_outputs[i] = (workflow_output){
            .name = token_text(pairs[i].key),
            .where = pairs[i].key->where,
            .description = token_text(token_get(pairs[i].item, "description")),
            .value = token_get(pairs[i].item, "value"),
        };
}

/* ---- events -------------------------------------------------------------------------------- */

static void add_trigger(conversion *c, workflow *w, const token *name, const token *item) {
    if (name->kind != TOKEN_STRING) return;
    event_trigger *trigger = &w->triggers[w->trigger_count++];
    *trigger = (event_trigger){.name = name->text, .where = name->where};
    if (!item) return;
    if (item->kind == TOKEN_SEQUENCE && str_is(name->text, "schedule"))
        take_schedules(c->r->a, trigger, item);
    if (str_is(name->text, "workflow_dispatch"))
        w->dispatch_inputs = take_inputs(c, item, &w->dispatch_input_count);
    else if (str_is(name->text, "workflow_call"))
        take_call(c, w, item);
    else
        take_filters(c->r->a, trigger, item);
}

void convert_on(conversion *c, workflow *w, const token *on) {
    size_t count = on->kind == TOKEN_MAPPING    ? on->mapping.count
                   : on->kind == TOKEN_SEQUENCE ? on->sequence.count
                                                : 1;
    w->triggers = ARENA_ARRAY(c->r->a, event_trigger, count);
    for (size_t i = 0; i < count; i++) {
        if (on->kind == TOKEN_MAPPING)
            add_trigger(c, w, on->mapping.pairs[i].key, on->mapping.pairs[i].item);
        else
            add_trigger(c, w, on->kind == TOKEN_SEQUENCE ? on->sequence.items[i] : on, NULL);
    }
}
