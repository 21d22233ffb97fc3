/* cron.h: when a schedule of five fields comes due. Pure.
 *
 * POSIX cron with names of months and days, and with `*`, lists, ranges and steps in every field,
 * as GitHub reads it (no `@daily`, no 7 for Sunday):
 * https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html
 *
 * Days of the month and days of the week are alternatives, unless one of the two begins with `*`.
 */
#ifndef SLIPWAY_BASE_CRON_H
#define SLIPWAY_BASE_CRON_H

#include "base/err.h"
#include "base/timezone.h"

enum { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

typedef struct cron {
    uint64_t set[CRON_FIELDS];                /* a bit for each value */
    bool any[CRON_FIELDS];                    /* written with a leading * */
    uint64_t step[CRON_FIELDS];               /* the largest that is written there, else 1 */
    size_t at[CRON_FIELDS], len[CRON_FIELDS]; /* where each field stands in the text */
    size_t count;                             /* fields that the text has */
} cron;

/* Reads a schedule. ERR_INVALID tells in *ret_field which field is wrong (CRON_FIELDS: their
 * number is); ret->count, at and len are filled all the same. `ret_field` may be NULL. */
int cron_parse(str text, cron *ret, int *ret_field, err *e);
/* "minute", "day of the month"; and the largest value. */
const char *cron_field_name(int field);
unsigned cron_field_max(int field);
/* False when there is no such date, as on the 31st of February. */
bool cron_has_date(const cron *x);
/* The least number of minutes between two times of one day; 1440 when there is only one. */
unsigned cron_shortest_gap(const cron *x);

#define CRON_DAY_MAX (24 * 60 * 2) /* times of one day, in which every hour may come twice */

/* The times (seconds since 1970, ascending) of the day `day` (since 1970, of the zone's calendar)
 * at which it comes due. Where clocks are changed:
 *  - a time that is skipped comes due when the clocks have been put forward, once (2:30 becomes
 *    3:00, as GitHub has it);
 *  - a time that comes twice comes due at its first;
 *  - but a schedule for every hour goes by hours that pass: nothing is made up for those that are
 *    skipped, and an hour that comes twice counts twice.
 * Times that are less than `gap_s` seconds after the one before are left out. The day's end, in
 * seconds, may lie before that of a time that was skipped at it. */
size_t cron_day(const cron *x, const timezone_rules *zone, int64_t day, int64_t gap_s,
                int64_t ret[CRON_DAY_MAX]);
/* The first time after `after_s`; false when there is none within ten years. */
bool cron_next(const cron *x, const timezone_rules *zone, int64_t gap_s, int64_t after_s,
               int64_t *ret_s);

#endif
