/* cron.c: due times are looked for backwards, so that a clock that has jumped by years costs no
 * more than the few times that will be run. */
#include "server/cron.h"

#define SECOND_US  INT64_C(1000000)
#define DAYS_MAX   3660 /* as far as cron_next looks */
#define MAX_OF_ALL 10

const char *const cron_catch_up_names[CRON_CATCH_UP_COUNT] = {"skip", "one", "all"};

static int64_t gap_of(const cron_schedule *s) {
    return s->gap_s ? s->gap_s : CRON_GAP_S;
}

static size_t wanted(const cron_schedule *s) {
    size_t max = s->max ? s->max : MAX_OF_ALL;
    if (s->catch_up != CRON_ALL) return 1;
    return max < CRON_DUE_MAX ? max : CRON_DUE_MAX;
}

/* Rounded down, also before 1970. */
static int64_t seconds_of(int64_t us) {
    return us >= 0 ? us / SECOND_US : -((-us + SECOND_US - 1) / SECOND_US);
}

/* The latest times in (from_s, to_s], the last one first; one more than `max` means that there are
 * others. */
static size_t find_latest(const cron_schedule *s, int64_t from_s, int64_t to_s, size_t max,
                          int64_t *ret) {
    int64_t times[CRON_DAY_MAX];
    int64_t day = day_of(to_s + timezone_offset(s->zone, to_s)) + 1;
    int64_t first = day_of(from_s + timezone_offset(s->zone, from_s)) - 1;
    if (first < day - DAYS_MAX) first = day - DAYS_MAX;
    size_t count = 0;
    for (; day >= first && count <= max; day--) {
        size_t of_day = cron_day(&s->spec, s->zone, day, gap_of(s), times);
        for (size_t i = of_day; i > 0 && count <= max; i--) {
            int64_t t = times[i - 1];
            if (t > to_s || t <= from_s || (count && t >= ret[count - 1])) continue;
            ret[count++] = t;
        }
    }
    return count;
}

void cron_due(const cron_schedule *s, int64_t last_us, int64_t now_us, cron_list *ret) {
    int64_t found[CRON_DUE_MAX + 1];
    size_t max = wanted(s);
    *ret = (cron_list){.last_us = last_us};
    if (now_us <= last_us) {
        if (last_us - now_us > CRON_BACK_US) ret->last_us = now_us;
        return;
    }
    ret->last_us = now_us;
    size_t count = find_latest(s, seconds_of(last_us), seconds_of(now_us), max, found);
    ret->missed = count > max;
    if (count > max) count = max;
    if (count && s->catch_up == CRON_SKIP && now_us - found[0] * SECOND_US > CRON_LATE_US) {
        ret->missed = true;
        return;
    }
    for (size_t i = count; i > 0; i--)
        ret->at_us[ret->count++] = found[i - 1] * SECOND_US;
}

bool cron_wake(const cron_schedule *s, int64_t now_us, int64_t *ret_us) {
    int64_t at_s;
    if (!cron_next(&s->spec, s->zone, gap_of(s), seconds_of(now_us), &at_s)) return false;
    *ret_us = at_s * SECOND_US;
    return true;
}
