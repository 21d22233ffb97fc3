#include "workflow/check_internal.h"

#include <string.h>

static const token *key_of(const token *mapping, const char *name) {
    for (size_t i = 0; mapping && mapping->kind == TOKEN_MAPPING && i < mapping->mapping.count;
         i++) {
        if (str_is(token_text(mapping->mapping.pairs[i].key), name))
            return mapping->mapping.pairs[i].key;
    }
    return NULL;
}

/* ---- patterns that never match ------------------------------------------------------------- */

/* Whether the character before `at` may be absent. */
static bool is_optional(str pattern, size_t at) {
    return at < pattern.len && pattern.ptr[at] == '?';
}

/* Paths begin in the top folder of the repository, with a name. */
static const char *path_never(str pattern) {
    static const char *const fronts[] = {"/", "./", "../"};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        str front = str_from(fronts[i]);
        if (str_starts(pattern, front) && !is_optional(pattern, front.len))
            return "paths begin with a name in the top folder";
    }
    return NULL;
}

/* https://git-scm.com/docs/git-check-ref-format. Only what must be in the text counts: no class,
 * and nothing that may be absent. */
static const char *ref_never(str pattern) {
    bool slash = false, dot = false;
    for (size_t at = 0; at < pattern.len;) {
        char ch = pattern.ptr[at];
        bool first = at == 0, escaped = ch == '\\' && at + 1 < pattern.len;
        if (ch == '[') {
            ptrdiff_t length = str_find_char(str_sub(pattern, at, pattern.len), ']');
            at += length < 0 ? pattern.len : (size_t)length + 1;
            slash = dot = false;
            continue;
        }
        if (escaped) ch = pattern.ptr[++at];
        at++;
        if (is_optional(pattern, at)) {
            slash = dot = false;
            continue;
        }
        if (memchr(" ~^:\\", ch, 5) || (escaped && memchr("*?[", ch, 3)))
            return "no branch or tag has such a character";
        if (ch == '.' && dot) return "no branch or tag has two dots in a row";
        if (ch == '/' && first) return "no branch or tag begins with a slash";
        dot = ch == '.' || (dot && ch == '+' && !escaped);
        slash = ch == '/' || (slash && ch == '+' && !escaped);
    }
    return slash ? "no branch or tag ends with a slash" : NULL;
}

static void check_reach(checker *c, const event_filter *f, size_t i, bool paths) {
    str pattern = f->items[i];
    if (str_starts(pattern, STR("!"))) pattern = str_sub(pattern, 1, pattern.len);
    const char *reason = paths ? path_never(pattern) : ref_never(pattern);
    if (!reason) return;
    check_add_level(c, RULE_GLOB, SEVERITY_WARNING, f->places[i], STR_EMPTY,
                    "'%.*s' never matches: %s", STR_ARG(f->items[i]), reason);
}

/* ---- lists --------------------------------------------------------------------------------- */

static void check_patterns(checker *c, const event_filter *f, bool exclusions, bool paths) {
    bool positive = f->count == 0;
    for (size_t i = 0; i < f->count; i++) {
        err e = {0};
        bool negative = f->items[i].len && f->items[i].ptr[0] == '!';
        positive = positive || !negative || !exclusions;
        if (filter_pattern_check(f->items[i], &e) == 0) {
            check_reach(c, f, i, paths);
            continue;
        }
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
        bool paths = pairs[i].take == &t->paths;
        check_patterns(c, pairs[i].take, true, paths);
        check_patterns(c, pairs[i].leave, false, paths);
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
