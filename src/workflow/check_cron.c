/* check_cron.c: schedules. POSIX cron with names of months and days, as GitHub reads it:
 * https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule
 */
#include "workflow/check_internal.h"

#include <string.h>

#define OFTEN_MINUTES 5

typedef struct cron_field {
    const char *what;
    unsigned min, max;
    const char *names; /* of the values from `min` on, three letters each */
} cron_field;

enum { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

static const cron_field fields[CRON_FIELDS] = {
    [CRON_MINUTE] = {"minute", 0, 59, ""},
    [CRON_HOUR] = {"hour", 0, 23, ""},
    [CRON_DAY] = {"day of the month", 1, 31, ""},
    [CRON_MONTH] = {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    [CRON_WEEKDAY] = {"day of the week", 0, 6, "SUNMONTUEWEDTHUFRISAT"},
};

typedef struct cron {
    uint64_t set[CRON_FIELDS];                /* a bit for each value */
    bool any[CRON_FIELDS];                    /* written with a leading * */
    size_t at[CRON_FIELDS], len[CRON_FIELDS]; /* where each field stands */
} cron;

/* ---- reading ------------------------------------------------------------------------------- */

static bool read_value(const cron_field *f, str text, unsigned *ret) {
    uint64_t n;
    str names = str_from(f->names);
    for (size_t i = 0; i + 3 <= names.len; i += 3) {
        if (!str_eq_nocase(text, str_sub(names, i, i + 3))) continue;
        *ret = f->min + (unsigned)(i / 3);
        return true;
    }
    if (!str_to_uint(text, f->max, &n) || n < f->min) return false;
    *ret = (unsigned)n;
    return true;
}

/* "*", "5", "1-5", and each with "/2". */
static bool read_range(const cron_field *f, str text, uint64_t *set, uint64_t *ret_step) {
    str range, step_text, from_text, to_text;
    uint64_t step = 1;
    unsigned from = f->min, to = f->max;
    bool stepped = str_cut(text, '/', &range, &step_text);
    if (stepped && (!str_to_uint(step_text, 1000, &step) || step == 0)) return false;
    if (!str_is(range, "*")) {
        bool both = str_cut(range, '-', &from_text, &to_text);
        if (!read_value(f, from_text, &from)) return false;
        if (both && (!read_value(f, to_text, &to) || to < from)) return false;
        if (!both && !stepped) to = from;
    }
    for (uint64_t i = from; i <= to; i += step)
        *set |= UINT64_C(1) << i;
    *ret_step = step;
    return true;
}

static void check_stride(checker *c, const token *t, const cron *x, int i, uint64_t step) {
    if (step <= fields[i].max) return;
    check_add_level(c, RULE_CRON, SEVERITY_WARNING, check_span(c, t, x->at[i], x->len[i]),
                    STR("write the one value that is meant, or a list of values"),
                    "The step %u is larger than any %s, so that only the first value is taken",
                    (unsigned)step, fields[i].what);
}

static bool read_field(checker *c, const token *t, cron *x, int i) {
    str text = str_sub(t->text, x->at[i], x->at[i] + x->len[i]), part;
    x->any[i] = text.ptr[0] == '*';
    for (str rest = text; rest.len;) {
        str_cut(rest, ',', &part, &rest);
        uint64_t step = 1;
        if (part.len && read_range(&fields[i], part, &x->set[i], &step)) {
            check_stride(c, t, x, i, step);
            continue;
        }
        check_add(c, RULE_CRON, check_span(c, t, x->at[i], x->len[i]), STR_EMPTY,
                  "'%.*s' is no %s: %u to %u, with * , - and /", STR_ARG(text), fields[i].what,
                  fields[i].min, fields[i].max);
        return false;
    }
    if (text.ptr[text.len - 1] != ',') return true;
    check_add(c, RULE_CRON, check_span(c, t, x->at[i], x->len[i]), STR_EMPTY,
              "'%.*s' ends in a comma", STR_ARG(text));
    return false;
}

static bool read_cron(checker *c, const token *t, cron *x) {
    size_t count = 0;
    for (size_t i = 0; i < t->text.len;) {
        if (t->text.ptr[i] == ' ') {
            i++;
            continue;
        }
        size_t end = i;
        while (end < t->text.len && t->text.ptr[end] != ' ')
            end++;
        if (count < CRON_FIELDS) {
            x->at[count] = i;
            x->len[count] = end - i;
        }
        count++;
        i = end;
    }
    if (count != CRON_FIELDS) {
        check_add(c, RULE_CRON, t->where, STR_EMPTY, "A schedule has five fields, and this has %zu",
                  count);
        return false;
    }
    for (int i = 0; i < CRON_FIELDS; i++) {
        if (!read_field(c, t, x, i)) return false;
    }
    return true;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Days of the month and of the week are alternatives, unless one of them is *. */
static bool has_a_date(const cron *x) {
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (x->any[CRON_DAY] || !x->any[CRON_WEEKDAY]) return true;
    for (unsigned month = 1; month <= 12; month++) {
        uint64_t exist = (UINT64_C(1) << (days[month - 1] + 1)) - 2;
        if ((x->set[CRON_MONTH] >> month & 1) && (x->set[CRON_DAY] & exist)) return true;
    }
    return false;
}

/* The shortest time between two runs of a day. */
static unsigned shortest_gap(const cron *x) {
    unsigned shortest = 24 * 60, last = 0;
    bool first = true;
    for (unsigned at = 0; at < 24 * 60; at++) {
        if (!(x->set[CRON_HOUR] >> at / 60 & 1) || !(x->set[CRON_MINUTE] >> at % 60 & 1)) continue;
        if (!first && at - last < shortest) shortest = at - last;
        first = false;
        last = at;
    }
    return shortest;
}

static void check_cron(checker *c, const token *t) {
    cron x = {0};
    if (!t || t->kind != TOKEN_STRING || !read_cron(c, t, &x)) return;
    size_t from = x.at[CRON_DAY], to = x.at[CRON_MONTH] + x.len[CRON_MONTH];
    unsigned gap = shortest_gap(&x);
    if (!has_a_date(&x))
        check_add(c, RULE_CRON_NEVER, check_span(c, t, from, to - from), STR_EMPTY,
                  "There is no such date, so this never runs");
    if (gap < OFTEN_MINUTES)
        check_add(c, RULE_CRON_OFTEN, check_span(c, t, x.at[CRON_MINUTE], x.len[CRON_MINUTE]),
                  STR_EMPTY, "This asks for runs that are only %u minute%s apart", gap,
                  gap == 1 ? "" : "s");
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
