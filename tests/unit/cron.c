/* Times of schedules, in zones whose clocks are changed, after downtime and jumps of the clock. */
#include "unit.h"

#include "base/rfc3339.h"
#include "server/cron.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t at(const char *text) {
    int64_t ms;
    if (!time_parse(str_from(text), &ms)) fail_msg("%s is no time", text);
    return ms / 1000;
}

static const timezone_rules *zone(arena *a, const char *name) {
    const timezone_rules *z = NULL;
    err e = {0};
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
        print_message("the time zone database (package tzdata) is not installed\n");
        skip();
    }
    if (timezone_load(a, str_from(name), &z, &e) < 0) fail_msg("%s", e.message);
    return z;
}

static cron_schedule schedule(const timezone_rules *z, const char *spec) {
    cron_schedule s = {.zone = z};
    err e = {0};
    if (cron_parse(str_from(spec), &s.spec, NULL, &e) < 0) fail_msg("%s", e.message);
    return s;
}

static void times_follow_each_other(void **state) {
    static const struct {
        const char *spec, *zone, *after, *next[4];
    } rows[] = {
        {"15 4,5 * * *",
         "",
         "2026-11-27T04:15:00Z",
         {"2026-11-27T05:15:00Z", "2026-11-28T04:15:00Z"}},
        {"20/15 * * * *",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-01T00:20:00Z", "2026-01-01T00:35:00Z", "2026-01-01T00:50:00Z",
          "2026-01-01T01:20:00Z"}},
        {"0 0 29 2 *", "", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00Z"}},
        {"0 12 1 * MON",
         "",
         "2026-11-27T00:00:00Z",
         {"2026-11-30T12:00:00Z", "2026-12-01T12:00:00Z", "2026-12-07T12:00:00Z"}},
        {"0 12 */2 * MON", "", "2026-11-22T00:00:00Z", {"2026-11-23T12:00:00Z"}},
        {"0 9 * * 1-5", "America/New_York", "2026-11-27T15:00:00Z", {"2026-11-30T14:00:00Z"}},
        {"30 5 1 jan *", "asia/kolkata", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00Z"}},
        /* 2:30 does not exist on 29 March 2026: it becomes 3:00, once */
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T02:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
        {"0,30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T02:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"0 2,3 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        /* a schedule for every hour goes on as if nothing were */
        {"*/30 * * * *",
         "Europe/Berlin",
         "2026-03-29T00:20:00Z",
         {"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
        /* 2:30 comes twice on 25 October 2026: the first one counts */
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"30 * * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
        /* half an hour, and a whole day, that never were */
        {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", {"2026-10-03T15:30:00Z"}},
        {"0 12 * * *",
         "Pacific/Apia",
         "2011-12-29T23:00:00Z",
         {"2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
        /* beyond the transitions of the file */
        {"30 2 * * *", "Europe/Berlin", "2080-03-30T02:00:00Z", {"2080-03-31T01:00:00Z"}},
        {"0 12 1 7 *", "America/Sao_Paulo", "2079-01-01T00:00:00Z", {"2079-07-01T15:00:00Z"}},
        {"0 12 1 1 *", "Europe/Dublin", "2090-12-02T00:00:00Z", {"2091-01-01T12:00:00Z"}},
        {"0 0 * * *", "", "1969-12-30T12:00:00Z", {"1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_arena_ arena *a = arena_new();
        cron_schedule s = schedule(zone(a, rows[i].zone), rows[i].spec);
        int64_t now = at(rows[i].after), next;
        for (size_t n = 0; n < 4 && rows[i].next[n]; n++, now = next) {
            assert_true(cron_next(&s.spec, s.zone, 300, now, &next));
            if (next != at(rows[i].next[n]))
                fail_msg("'%s' in '%s' after %s: time %zu is %lld, not %s", rows[i].spec,
                         rows[i].zone, rows[i].after, n + 1, (long long)next, rows[i].next[n]);
        }
    }
}

static void a_date_that_is_none_never_comes(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    cron_schedule s = schedule(zone(a, "UTC"), "0 0 31 2 *");
    int64_t next;
    assert_false(cron_has_date(&s.spec));
    assert_false(cron_next(&s.spec, s.zone, 300, 0, &next));
}

/* The C library's own reading of the same files. */
static void offsets_are_those_of_the_c_library(void **state) {
    static const char *const zones[] = {
        "Europe/Berlin",       "America/New_York", "Asia/Tehran",  "Africa/Casablanca",
        "Australia/Lord_Howe", "Europe/Dublin",    "Pacific/Apia", "America/Asuncion",
        "Asia/Kathmandu",      "Antarctica/Troll"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const timezone_rules *z = zone(a, zones[i]);
        setenv("TZ", zones[i], 1);
        tzset();
        for (int64_t t = -2000000000; t < INT64_C(5000000000); t += 1234567) {
            struct tm tm;
            time_t when = (time_t)t;
            localtime_r(&when, &tm);
            if (timezone_offset(z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", zones[i], (long long)t, timezone_offset(z, t),
                         tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void dates_are_those_of_the_calendar(void **state) {
    for (int64_t day = -800000; day < 800000; day += 13) {
        int year;
        unsigned month, of_month;
        date_of_day(day, &year, &month, &of_month);
        assert_true(day_of_date(year, month, of_month) == day);
        time_t when = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&when, &tm);
        assert_true(tm.tm_year + 1900 == year && tm.tm_mon + 1 == (int)month &&
                    tm.tm_mday == (int)of_month);
    }
}

static void names_of_zones_lead_nowhere_else(void **state) {
    static const char *const wrong[] = {"../../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe//Berlin",
                                        "Europe/",
                                        "Europe",
                                        "Europe/Berlni",
                                        "Europe/.",
                                        "a b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        _cleanup_arena_ arena *a = arena_new();
        const timezone_rules *z;
        err e = {0};
        assert_true(timezone_load(a, str_from(wrong[i]), &z, &e) < 0);
        assert_true(e.message[0]);
    }
}

#define US(text) (at(text) * INT64_C(1000000))

static void what_was_missed_is_caught_up_by_policy(void **state) {
    static const struct {
        cron_catch_up catch_up;
        size_t max;
        const char *last, *now;
        size_t count;
        const char *first, *final;
        bool missed;
    } rows[] = {
        {CRON_SKIP, 0, "2026-11-27T09:59:00Z", "2026-11-27T10:00:01Z", 1, "2026-11-27T10:00:00Z",
         "2026-11-27T10:00:00Z", false},
        {CRON_SKIP, 0, "2026-11-27T08:59:00Z", "2026-11-27T10:30:00Z", 0, NULL, NULL, true},
        {CRON_SKIP, 0, "2026-11-27T08:59:00Z", "2026-11-27T11:04:00Z", 1, "2026-11-27T11:00:00Z",
         "2026-11-27T11:00:00Z", true},
        {CRON_ONE, 0, "2026-11-27T08:59:00Z", "2026-11-27T11:30:00Z", 1, "2026-11-27T11:00:00Z",
         "2026-11-27T11:00:00Z", true},
        {CRON_ALL, 0, "2026-11-27T08:59:00Z", "2026-11-27T11:30:00Z", 3, "2026-11-27T09:00:00Z",
         "2026-11-27T11:00:00Z", false},
        {CRON_ALL, 2, "2026-11-27T08:59:00Z", "2026-11-27T11:30:00Z", 2, "2026-11-27T10:00:00Z",
         "2026-11-27T11:00:00Z", true},
        /* ten years, forwards and back */
        {CRON_ALL, 0, "2026-11-27T08:59:00Z", "2036-11-27T09:30:00Z", 10, "2036-11-27T00:00:00Z",
         "2036-11-27T09:00:00Z", true},
        {CRON_ALL, 0, "2036-11-27T08:59:00Z", "2026-11-27T09:30:00Z", 0, NULL, NULL, false},
        /* nothing is run twice when a clock is corrected */
        {CRON_ALL, 0, "2026-11-27T09:00:10Z", "2026-11-27T08:59:59Z", 0, NULL, NULL, false},
        {CRON_ALL, 0, "2026-11-27T09:00:00Z", "2026-11-27T09:00:00Z", 0, NULL, NULL, false},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cron_schedule s = schedule(zone(a, ""), "0 * * * *");
        cron_list due;
        s.catch_up = rows[i].catch_up;
        s.max = rows[i].max;
        cron_due(&s, US(rows[i].last), US(rows[i].now), &due);
        if (due.count != rows[i].count || due.missed != rows[i].missed)
            fail_msg("row %zu: %zu times, missed %d", i, due.count, due.missed);
        if (!due.count) continue;
        assert_true(due.at_us[0] == US(rows[i].first));
        assert_true(due.at_us[due.count - 1] == US(rows[i].final));
    }
}

static void a_clock_that_was_far_ahead_begins_anew(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    cron_schedule s = schedule(zone(a, ""), "0 * * * *");
    cron_list due;
    cron_due(&s, US("2036-01-01T00:00:00Z"), US("2026-11-27T09:30:00Z"), &due);
    assert_true(due.count == 0 && due.last_us == US("2026-11-27T09:30:00Z"));
    cron_due(&s, due.last_us, US("2026-11-27T10:00:00Z"), &due);
    assert_true(due.count == 1);
    cron_due(&s, due.last_us, due.last_us - 1000000, &due);
    assert_true(due.count == 0 && due.last_us == US("2026-11-27T10:00:00Z"));
}

static void a_schedule_is_not_run_more_often_than_it_may(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    cron_schedule s = schedule(zone(a, ""), "* * * * *");
    cron_list due;
    s.catch_up = CRON_ALL;
    s.max = 100;
    cron_due(&s, US("2026-11-27T09:59:59Z"), US("2026-11-27T10:14:30Z"), &due);
    assert_int_equal(due.count, 3);
    s.gap_s = 60;
    cron_due(&s, US("2026-11-27T09:59:59Z"), US("2026-11-27T10:14:30Z"), &due);
    assert_int_equal(due.count, 15);
}

/* Ticks at any distance give each time once, as one long wait does. */
static void ticks_lose_and_double_nothing(void **state) {
    static const char *const specs[] = {"7 * * * *", "30 2 * * *", "*/20 1-3 * * *", "0 0 * * 0"};
    _cleanup_arena_ arena *a = arena_new();
    const timezone_rules *z = zone(a, "Europe/Berlin");
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        cron_schedule s = schedule(z, specs[i]);
        s.catch_up = CRON_ALL;
        s.max = CRON_DUE_MAX;
        int64_t now = US("2026-03-20T00:00:00Z"), end = US("2026-11-05T00:00:00Z"), last = now;
        int64_t expected = now / 1000000;
        unsigned random = 1;
        while (now < end) {
            cron_list due;
            random = random * 1103515245 + 12345;
            now += (int64_t)(random >> 8) % INT64_C(86400) * 1000000;
            cron_due(&s, last, now, &due);
            assert_false(due.missed);
            last = due.last_us;
            for (size_t n = 0; n < due.count; n++) {
                assert_true(cron_next(&s.spec, z, 300, expected, &expected));
                if (due.at_us[n] != expected * 1000000) fail_msg("'%s' differs", specs[i]);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_follow_each_other),
        cmocka_unit_test(a_date_that_is_none_never_comes),
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(names_of_zones_lead_nowhere_else),
        cmocka_unit_test(what_was_missed_is_caught_up_by_policy),
        cmocka_unit_test(a_clock_that_was_far_ahead_begins_anew),
        cmocka_unit_test(a_schedule_is_not_run_more_often_than_it_may),
        cmocka_unit_test(ticks_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
