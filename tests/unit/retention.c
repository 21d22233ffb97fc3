#include "unit.h"

#include "store/retention.h"

#define DAY 86400000000LL

typedef struct row {
    const char *rule;
    retention_policy policy;
    retention_run runs[6];
    const char *kept; /* ids in order */
} row;

/* The time is day 100. */
static const row rows[] = {
    {"without a policy all stay", {0}, {{1, DAY, 10}, {2, 2 * DAY, 10}}, "2 1"},
    {"what is too old goes", {.max_age_us = 30 * DAY}, {{1, 69 * DAY, 10}, {2, 71 * DAY, 10}}, "2"},
    {"what is exactly that old stays", {.max_age_us = 30 * DAY}, {{1, 70 * DAY, 10}}, "1"},
    {"what has not ended stays",
     {.max_age_us = DAY, .max_bytes = 1},
     {{1, 0, 10}, {2, DAY, 10}},
     "1"},
    {"what is protected stays",
     {.max_age_us = DAY, .max_bytes = 1},
     {{1, DAY, 10, true}, {2, DAY, 10}},
     "1"},
    {"the newest stay whatever their age",
     {.max_age_us = DAY, .keep_min = 2},
     {{1, 1 * DAY, 10}, {2, 2 * DAY, 10}, {3, 3 * DAY, 10}},
     "3 2"},
    {"those that have not ended do not count for the newest",
     {.max_age_us = DAY, .keep_min = 1},
     {{1, 1 * DAY, 10}, {2, 2 * DAY, 10}, {3, 0, 10}},
     "3 2"},
    {"the oldest go until all have room",
     {.max_bytes = 25},
     {{1, 97 * DAY, 10}, {2, 98 * DAY, 10}, {3, 99 * DAY, 10}},
     "3 2"},
    {"exactly full is room", {.max_bytes = 20}, {{1, 97 * DAY, 10}, {2, 98 * DAY, 10}}, "2 1"},
    {"what is too old makes room first",
     {.max_age_us = 3 * DAY, .max_bytes = 20},
     {{1, 90 * DAY, 10}, {2, 98 * DAY, 10}, {3, 99 * DAY, 10}},
     "3 2"},
    {"a small one after a large one goes too: the oldest first",
     {.max_bytes = 25},
     {{1, 97 * DAY, 1}, {2, 98 * DAY, 20}, {3, 99 * DAY, 20}},
     "3"},
    {"what may not go counts all the same",
     {.max_bytes = 25},
     {{1, 97 * DAY, 20, true}, {2, 98 * DAY, 10}, {3, 99 * DAY, 5}},
     "3 1"},
    {"a cap may stay exceeded",
     {.max_bytes = 5, .keep_min = 1},
     {{1, 97 * DAY, 20}, {2, 98 * DAY, 10}},
     "2"},
    {"of equal times the higher id is newer",
     {.keep_min = 1, .max_bytes = 1},
     {{7, 98 * DAY, 10}, {9, 98 * DAY, 10}, {8, 98 * DAY, 10}},
     "9"},
    {"what ends in the future is not old", {.max_age_us = DAY}, {{1, 4000 * DAY, 10}}, "1"},
};

static void a_policy_says_what_goes(void **state) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        retention_run runs[6];
        size_t count = 0;
        _cleanup_strbuf_ strbuf kept = STRBUF_INIT;
        while (count < 6 && rows[i].runs[count].id)
            runs[count] = rows[i].runs[count], count++;
        retention_sum sum = retention_judge(runs, count, &rows[i].policy, 100 * DAY);
        uint64_t bytes = 0;
        for (size_t k = 0; k < count; k++) {
            if (runs[k].verdict != RETENTION_KEEP) continue;
            strbuf_addf(&kept, "%s%d", kept.len ? " " : "", (int)runs[k].id);
            bytes += runs[k].bytes;
        }
        if (!str_is(strbuf_str(&kept), rows[i].kept) || sum.kept_bytes != bytes ||
            sum.kept + sum.gone != count)
            fail_msg("%s: kept %s", rows[i].rule, strbuf_cstr(&kept));
    }
}

static void each_that_goes_has_its_reason(void **state) {
    retention_run runs[] = {{1, 1 * DAY, 10}, {2, 98 * DAY, 10}, {3, 99 * DAY, 10}};
    const retention_policy policy = {.max_age_us = 10 * DAY, .max_bytes = 15};
    retention_sum sum = retention_judge(runs, 3, &policy, 100 * DAY);
    assert_int_equal(runs[0].verdict, RETENTION_KEEP);
    assert_int_equal(runs[1].verdict, RETENTION_SIZE);
    assert_int_equal(runs[2].verdict, RETENTION_AGE);
    assert_int_equal(sum.gone, 2);
    assert_int_equal(sum.gone_bytes, 20);
    sum = retention_judge(NULL, 0, &policy, 0);
    assert_int_equal(sum.kept + sum.gone, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_says_what_goes),
        cmocka_unit_test(each_that_goes_has_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
