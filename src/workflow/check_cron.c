/* check_cron.c: schedules, by base/cron.h, and their time zones. */
#include "base/cron.h"
#include "workflow/check_internal.h"

#define OFTEN_MINUTES 5

static span field_span(checker *c, const token *t, const cron *x, int field) {
    return check_span(c, t, x->at[field], x->len[field]);
}

static bool read_cron(checker *c, const token *t, cron *x) {
    int field;
    err e = {0};
    bool fine = cron_parse(t->text, x, &field, &e) == 0;
    if (!fine && field == CRON_FIELDS)
        check_add(c, RULE_CRON, t->where, STR_EMPTY, "A schedule has five fields, and this has %zu",
                  x->count);
    else if (!fine)
        check_add(c, RULE_CRON, field_span(c, t, x, field), STR_EMPTY, "%s", e.message);
    for (int i = 0; fine && i < CRON_FIELDS; i++) {
        if (x->step[i] <= cron_field_max(i)) continue;
        check_add_level(c, RULE_CRON, SEVERITY_WARNING, field_span(c, t, x, i),
                        STR("write the one value that is meant, or a list of values"),
                        "The step %u is larger than any %s, so that only the first value is taken",
                        (unsigned)x->step[i], cron_field_name(i));
    }
    return fine;
}

static void check_cron(checker *c, const token *t) {
    cron x;
    if (!t || t->kind != TOKEN_STRING || !read_cron(c, t, &x)) return;
    size_t from = x.at[CRON_DAY], to = x.at[CRON_MONTH] + x.len[CRON_MONTH];
    unsigned gap = cron_shortest_gap(&x);
    if (!cron_has_date(&x))
        check_add(c, RULE_CRON_NEVER, check_span(c, t, from, to - from), STR_EMPTY,
                  "There is no such date, so this never runs");
    if (gap < OFTEN_MINUTES)
        check_add(c, RULE_CRON_OFTEN, field_span(c, t, &x, CRON_MINUTE), STR_EMPTY,
                  "This asks for runs that are only %u minute%s apart", gap, gap == 1 ? "" : "s");
}

static void check_timezone(checker *c, const token *t) {
    static const char *const zones[] = {
#include "workflow/timezones.inc"
    };
    enum { COUNT = sizeof zones / sizeof *zones };
    if (!t || t->kind != TOKEN_STRING) return;
    str *names = ARENA_ARRAY(c->a, str, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = str_from(zones[i]);
        if (str_eq_nocase(names[i], t->text)) return;
    }
    check_add(c, RULE_TIMEZONE, t->where, check_nearest(c, t->text, names, COUNT),
              "There is no time zone '%.*s'", STR_ARG(t->text));
}

void check_schedules(checker *c) {
    const token *list = token_get(token_get(c->w->root, "on"), "schedule");
    for (size_t i = 0; list && list->kind == TOKEN_SEQUENCE && i < list->sequence.count; i++) {
        check_cron(c, token_get(list->sequence.items[i], "cron"));
        check_timezone(c, token_get(list->sequence.items[i], "timezone"));
    }
}
