#include "base/rfc3339.h"

#include <time.h>

/* Days from 1970-01-01 in the Gregorian calendar, counted in years that begin in March. */
static int64_t days_of(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool number_at(str s, size_t at, size_t length, uint64_t max, int *ret) {
    uint64_t n;
    if (at + length > s.len || !str_to_uint(str_sub(s, at, at + length), max, &n)) return false;
    *ret = (int)n;
    return true;
}

/* "Z" or "+01:00"; minutes to take off. */
static bool zone_at(str s, size_t at, int *ret_minutes) {
    int hours, minutes;
    *ret_minutes = 0;
    if (at == s.len || (at + 1 == s.len && (s.ptr[at] | 32) == 'z')) return true;
    if (s.ptr[at] != '+' && s.ptr[at] != '-') return false;
    if (!number_at(s, at + 1, 2, 23, &hours) || !number_at(s, at + 4, 2, 59, &minutes))
        return false;
    *ret_minutes = (hours * 60 + minutes) * (s.ptr[at] == '-' ? -1 : 1);
    return true;
}

bool time_parse(str text, int64_t *ret_ms) {
    int year, month, day, hour = 0, minute = 0, second = 0, milli = 0, zone = 0;
    if (!number_at(text, 0, 4, 9999, &year) || !number_at(text, 5, 2, 12, &month) ||
        !number_at(text, 8, 2, 31, &day) || month == 0 || day == 0)
        return false;
    if (text.len > 10) {
        size_t at = 19, scale = 100;
        if (!number_at(text, 11, 2, 23, &hour) || !number_at(text, 14, 2, 59, &minute) ||
            !number_at(text, 17, 2, 60, &second))
            return false;
        if (at < text.len && text.ptr[at] == '.') {
            for (at++; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
                milli += (text.ptr[at] - '0') * (int)scale;
                scale /= 10;
            }
        }
        if (!zone_at(text, at, &zone)) return false;
    }
    int64_t minutes = days_of(year, month, day) * 1440 + hour * 60 + minute - zone;
    *ret_ms = (minutes * 60 + second) * 1000 + milli;
    return true;
}

str time_today(arena *a) {
    char out[11];
    time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    strftime(out, sizeof out, "%Y-%m-%d", &t);
    return arena_str(a, str_from(out));
}
