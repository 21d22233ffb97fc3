#include "workflow/check_internal.h"

static const token *key_of(const token *mapping, const char *name) {
    for (size_t i = 0; mapping && mapping->kind == TOKEN_MAPPING && i < mapping->mapping.count;
         i++) {
        if (str_is(token_text(mapping->mapping.pairs[i].key), name))
            return mapping->mapping.pairs[i].key;
    }
    return NULL;
}

static void check_patterns(checker *c, const event_filter *f, bool exclusions) {
    bool positive = f->count == 0;
    for (size_t i = 0; i < f->count; i++) {
        err e = {0};
        bool negative = f->items[i].len && f->items[i].ptr[0] == '!';
        positive = positive || !negative || !exclusions;
        if (filter_pattern_check(f->items[i], &e) == 0) continue;
        check_add(c, RULE_GLOB, f->places[i], STR_EMPTY, "'%.*s' is no pattern: %s",
                  STR_ARG(f->items[i]), e.message);
    }
    if (positive) return;
    check_add(c, RULE_FILTERS, f->places[0],
              STR("add a pattern before it for what it takes out from, such as '**'"),
              "Patterns that only take out match nothing");
}

static void check_filters(checker *c, const event_trigger *t, const token *mapping) {
    const struct {
        const char *name, *ignore;
        const event_filter *take, *leave;
    } pairs[] = {
        {"branches", "branches-ignore", &t->branches, &t->branches_ignore},
        {"tags", "tags-ignore", &t->tags, &t->tags_ignore},
        {"paths", "paths-ignore", &t->paths, &t->paths_ignore},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check_patterns(c, pairs[i].take, true);
        check_patterns(c, pairs[i].leave, false);
        const token *key = key_of(mapping, pairs[i].ignore);
        if (!pairs[i].take->present || !pairs[i].leave->present || !key) continue;
        check_add(c, RULE_FILTERS, key->where, STR_EMPTY,
                  "'%s' and '%s' cannot be used for the same event", pairs[i].name,
                  pairs[i].ignore);
    }
}

void check_triggers(checker *c) {
    const token *on = token_get(c->w->root, "on");
    for (size_t i = 0; i < c->w->trigger_count; i++) {
        const event_trigger *t = &c->w->triggers[i];
        check_filters(c, t, token_get(on, arena_cstr(c->a, t->name)));
    }
}
