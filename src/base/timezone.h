/* timezone.h: what the clocks of a place show.
 *
 * The rules come from the system's time zone database (Debian's package tzdata), read as files
 * (TZif, RFC 9636) and never through tzset: a process can have as many zones as it likes, in any
 * thread. Years beyond the file's transitions follow the rule that stands at its end. */
#ifndef SLIPWAY_BASE_TIMEZONE_H
#define SLIPWAY_BASE_TIMEZONE_H

#include "base/arena.h"
#include "base/err.h"

#define TIMEZONE_FILE_MAX (64u << 10) /* bytes; the largest of 2025 has 3.5 KiB */

typedef struct timezone_rules timezone_rules;

/* The zone of a name of the database ("Europe/Berlin"), in `a`; empty or "UTC" needs no file.
 * ERR_INVALID for what can be no name, ERR_NOT_FOUND, ERR_UNSUPPORTED for a file of another form.
 * Names compare without case, as they do for GitHub. */
int timezone_load(arena *a, str name, const timezone_rules **ret, err *e);
/* The same from the bytes of a file. */
int timezone_parse(arena *a, str file, const timezone_rules **ret, err *e);

/* Seconds to add to UTC at that time (seconds since 1970). */
int32_t timezone_offset(const timezone_rules *zone, int64_t at_s);

/* When a clock there shows `local_s` (the date and time as if it were UTC). Skipped: the clocks
 * were put forward over it, and `first` is when that was. Twice: they were put back, and it is
 * shown again at `second`. */
typedef struct timezone_times {
    int64_t first, second;
    bool skipped, twice;
} timezone_times;
timezone_times timezone_find(const timezone_rules *zone, int64_t local_s);

/* Days since 1970 of a time in seconds; and the date of a day (proleptic Gregorian). */
int64_t day_of(int64_t at_s);
void date_of_day(int64_t day, int *ret_year, unsigned *ret_month, unsigned *ret_day);
int64_t day_of_date(int year, unsigned month, unsigned day);

#endif
