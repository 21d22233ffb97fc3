/* cron.h: which times of a schedule are to be run now: after a tick, a downtime, or a jump of the
 * clock. Pure. What a schedule is, and how it meets summer time: base/cron.h. Private. */
#ifndef SLIPWAY_SERVER_CRON_H
#define SLIPWAY_SERVER_CRON_H

#include "base/cron.h"

/* What becomes of times that passed while nobody looked. */
typedef enum cron_catch_up {
    CRON_SKIP, /* they are gone; one that is not more than CRON_LATE_US old is still in time */
    CRON_ONE,  /* the latest of them is run */
    CRON_ALL,  /* the latest of them are run, up to `max` */
    CRON_CATCH_UP_COUNT
} cron_catch_up;
extern const char *const cron_catch_up_names[CRON_CATCH_UP_COUNT]; /* "skip", "one", "all" */

#define CRON_LATE_US INT64_C(300000000) /* five minutes */
#define CRON_GAP_S   300                /* GitHub runs a schedule every five minutes at most */
#define CRON_DUE_MAX 100                /* times that one call gives */
#define CRON_BACK_US INT64_C(3600000000)

typedef struct cron_schedule {
    cron spec;
    const timezone_rules *zone;
    int64_t gap_s; /* the least time between two runs; 0: CRON_GAP_S. As of cron_day */
    cron_catch_up catch_up;
    size_t max; /* of CRON_ALL; 0: 10; at most CRON_DUE_MAX */
} cron_schedule;

typedef struct cron_list {
    int64_t at_us[CRON_DUE_MAX]; /* ascending */
    size_t count;
    bool missed;     /* earlier ones passed, too, and will not be run */
    int64_t last_us; /* for the next call, to be stored with what was started */
} cron_list;

/* The times after `last_us`, up to `now_us`, that are to be run. `last_us` is that of the call
 * before, and at first when the schedule was made. A clock that was put back by up to an hour
 * changes nothing: no time is run twice. After a larger jump back it begins anew from `now_us`. The
 * work is bounded whatever the clock says. */
void cron_due(const cron_schedule *s, int64_t last_us, int64_t now_us, cron_list *ret);
/* When to look next: the first time after `now_us`; false when there is none. */
bool cron_wake(const cron_schedule *s, int64_t now_us, int64_t *ret_us);

#endif
