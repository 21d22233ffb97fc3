/* cron.c: a schedule is a set of bits for each field; its times are looked for day by day. */
#include "base/cron.h"

#define DAY_S      (24 * 60 * 60)
#define YEARS_DAYS 3660 /* a 29th of February may be eight years away */

typedef struct cron_kind {
    const char *what;
    unsigned min, max;
    const char *names; /* of the values from `min` on, three letters each */
} cron_kind;

static const cron_kind kinds[CRON_FIELDS] = {
    [CRON_MINUTE] = {"minute", 0, 59, ""},
    [CRON_HOUR] = {"hour", 0, 23, ""},
    [CRON_DAY] = {"day of the month", 1, 31, ""},
    [CRON_MONTH] = {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    [CRON_WEEKDAY] = {"day of the week", 0, 6, "SUNMONTUEWEDTHUFRISAT"},
};

const char *cron_field_name(int field) {
    return kinds[field].what;
}

unsigned cron_field_max(int field) {
    return kinds[field].max;
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool read_value(const cron_kind *f, str text, unsigned *ret) {
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
static bool read_range(const cron_kind *f, str text, uint64_t *set, uint64_t *ret_step) {
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

static int read_field(str whole, cron *x, int i, err *e) {
    str text = str_sub(whole, x->at[i], x->at[i] + x->len[i]), part;
    x->any[i] = text.ptr[0] == '*';
    x->step[i] = 1;
    for (str rest = text; rest.len;) {
        str_cut(rest, ',', &part, &rest);
        uint64_t step = 1;
        if (!part.len || !read_range(&kinds[i], part, &x->set[i], &step))
            return err_set(e, ERR_INVALID, "'%.*s' is no %s: %u to %u, with * , - and /",
                           STR_ARG(text), kinds[i].what, kinds[i].min, kinds[i].max);
        if (step > x->step[i]) x->step[i] = step;
    }
    if (text.ptr[text.len - 1] != ',') return 0;
    return err_set(e, ERR_INVALID, "'%.*s' ends in a comma", STR_ARG(text));
}

static void find_fields(str text, cron *x) {
    for (size_t i = 0; i < text.len;) {
        if (text.ptr[i] == ' ') {
            i++;
            continue;
        }
        size_t end = i;
        while (end < text.len && text.ptr[end] != ' ')
            end++;
        if (x->count < CRON_FIELDS) {
            x->at[x->count] = i;
            x->len[x->count] = end - i;
        }
        x->count++;
        i = end;
    }
}

int cron_parse(str text, cron *ret, int *ret_field, err *e) {
    *ret = (cron){0};
    find_fields(text, ret);
    int field = CRON_FIELDS;
    int r = 0;
    if (ret->count != CRON_FIELDS)
        r = err_set(e, ERR_INVALID, "a schedule has five fields, and this has %zu", ret->count);
    for (int i = 0; r == 0 && i < CRON_FIELDS; i++) {
        field = i;
        r = read_field(text, ret, i, e);
    }
    if (ret_field) *ret_field = field;
    return r;
}

/* ---- judging ------------------------------------------------------------------------------- */

static bool has(const cron *x, int field, unsigned n) {
    return x->set[field] >> n & 1;
}

bool cron_has_date(const cron *x) {
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (x->any[CRON_DAY] || !x->any[CRON_WEEKDAY]) return true;
    for (unsigned month = 1; month <= 12; month++) {
        uint64_t exist = (UINT64_C(1) << (days[month - 1] + 1)) - 2;
        if (has(x, CRON_MONTH, month) && (x->set[CRON_DAY] & exist)) return true;
    }
    return false;
}

unsigned cron_shortest_gap(const cron *x) {
    unsigned shortest = 24 * 60, last = 0;
    bool first = true;
    for (unsigned at = 0; at < 24 * 60; at++) {
        if (!has(x, CRON_HOUR, at / 60) || !has(x, CRON_MINUTE, at % 60)) continue;
        if (!first && at - last < shortest) shortest = at - last;
        first = false;
        last = at;
    }
    return shortest;
}

/* ---- times --------------------------------------------------------------------------------- */

static bool is_on(const cron *x, int64_t day) {
    int year;
    unsigned month, of_month;
    date_of_day(day, &year, &month, &of_month);
    unsigned of_week = (unsigned)(((day + 4) % 7 + 7) % 7); /* 1970 began on a Thursday */
    if (!has(x, CRON_MONTH, month)) return false;
    bool by_month = has(x, CRON_DAY, of_month), by_week = has(x, CRON_WEEKDAY, of_week);
    if (x->any[CRON_DAY] || x->any[CRON_WEEKDAY]) return by_month && by_week;
    return by_month || by_week;
}

/* Into an ascending list without doubles; what is too near to the one before is left out after. */
static size_t insert(int64_t *times, size_t count, int64_t t) {
    size_t i = count;
    while (i > 0 && times[i - 1] > t)
        i--;
    if (i > 0 && times[i - 1] == t) return count;
    for (size_t k = count; k > i; k--)
        times[k] = times[k - 1];
    times[i] = t;
    return count + 1;
}

static size_t thin_out(int64_t *times, size_t count, int64_t gap_s) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || times[i] - times[kept - 1] >= gap_s) times[kept++] = times[i];
    }
    return kept;
}

size_t cron_day(const cron *x, const timezone_rules *zone, int64_t day, int64_t gap_s,
                int64_t ret[CRON_DAY_MAX]) {
    const uint64_t every_hour = (UINT64_C(1) << 24) - 1;
    bool hourly = x->set[CRON_HOUR] == every_hour;
    size_t count = 0;
    if (!is_on(x, day)) return 0;
    for (unsigned at = 0; at < 24 * 60; at++) {
        if (!has(x, CRON_HOUR, at / 60) || !has(x, CRON_MINUTE, at % 60)) continue;
        timezone_times t = timezone_find(zone, day * DAY_S + at * 60);
        if (t.skipped && hourly) continue;
        count = insert(ret, count, t.first);
        if (t.twice && hourly) count = insert(ret, count, t.second);
    }
    return thin_out(ret, count, gap_s);
}

bool cron_next(const cron *x, const timezone_rules *zone, int64_t gap_s, int64_t after_s,
               int64_t *ret_s) {
    int64_t times[CRON_DAY_MAX];
    int64_t day = day_of(after_s + timezone_offset(zone, after_s)) - 1;
    for (int64_t end = day + YEARS_DAYS; day < end; day++) {
        size_t count = cron_day(x, zone, day, gap_s, times);
        for (size_t i = 0; i < count; i++) {
            if (times[i] <= after_s) continue;
            *ret_s = times[i];
            return true;
        }
    }
    return false;
}
