/* timezone.c: TZif files (RFC 9636) and the POSIX rule in their footer.
 *
 * Only the second block counts, whose times have 64 bits; a file of version 1 has none and is not
 * taken. Leap seconds are ignored: the system's clock has none either. */
#include "base/timezone.h"

#include "base/fs.h"

#include <string.h>

#define FOLDER     "/usr/share/zoneinfo/"
#define NAME_MAX_  64
#define DAY_S      (24 * 60 * 60)
#define HEAD_SIZE  44
#define TYPE_SIZE  6
#define OFFSET_MAX (26 * 60 * 60)

/* When a rule of the footer changes the clocks. */
typedef struct change {
    enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_WEEK } kind;
    unsigned month, week, day;
    int32_t time_s; /* of the clock before the change */
} change;

struct timezone_rules {
    size_t count; /* transitions */
    int64_t *at;  /* ascending */
    int32_t *offset;
    int32_t before; /* of times before the first one */
    bool has_rule, has_summer;
    int32_t standard, summer;
    change begin, end; /* of summer time */
};

/* ---- dates --------------------------------------------------------------------------------- */

int64_t day_of(int64_t at_s) {
    return at_s >= 0 ? at_s / DAY_S : -((-at_s + DAY_S - 1) / DAY_S);
}

/* Both by eras of 400 years, which begin with March: the leap day is a year's last. */
int64_t day_of_date(int year, unsigned month, unsigned day) {
    int64_t y = (int64_t)year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)(month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void date_of_day(int64_t day, int *ret_year, unsigned *ret_month, unsigned *ret_day) {
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, n = z - era * 146097;
    int64_t y = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    int64_t of_year = n - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *ret_day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *ret_month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *ret_year = (int)(y + era * 400 + (*ret_month <= 2));
}

/* ---- the rule at the end ------------------------------------------------------------------- */

/* "CET" or "<+03>". */
static bool skip_name(str *text) {
    size_t n = 0;
    if (text->len && text->ptr[0] == '<') {
        ptrdiff_t end = str_find_char(*text, '>');
        n = end < 0 ? 0 : (size_t)end + 1;
    } else {
        while (n < text->len && ((text->ptr[n] | 32) >= 'a' && (text->ptr[n] | 32) <= 'z'))
            n++;
    }
    *text = str_sub(*text, n, text->len);
    return n > 0;
}

static bool read_number(str *text, unsigned max, unsigned *ret) {
    size_t n = 0;
    unsigned value = 0;
    while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9' && n < 4)
        value = value * 10 + (unsigned)(text->ptr[n++] - '0');
    *text = str_sub(*text, n, text->len);
    *ret = value;
    return n > 0 && value <= max;
}

static bool skip_char(str *text, char c) {
    if (!text->len || text->ptr[0] != c) return false;
    *text = str_sub(*text, 1, text->len);
    return true;
}

/* "[+-]hh[:mm[:ss]]"; RFC 9636 has hours up to 167. */
static bool read_time(str *text, int32_t *ret) {
    unsigned parts[3] = {0};
    bool minus = skip_char(text, '-');
    if (!minus) skip_char(text, '+');
    if (!read_number(text, 167, &parts[0])) return false;
    for (int i = 1; i < 3 && skip_char(text, ':'); i++) {
        if (!read_number(text, 59, &parts[i])) return false;
    }
    int32_t seconds = (int32_t)(parts[0] * 3600 + parts[1] * 60 + parts[2]);
    *ret = minus ? -seconds : seconds;
    return true;
}

/* ",M3.5.0/2", ",J60", ",59" */
static bool read_change(str *text, change *ret) {
    *ret = (change){.time_s = 2 * 3600};
    if (!skip_char(text, ',')) return false;
    if (skip_char(text, 'M')) {
        ret->kind = CHANGE_WEEK;
        if (!read_number(text, 12, &ret->month) || ret->month == 0 || !skip_char(text, '.') ||
            !read_number(text, 5, &ret->week) || ret->week == 0 || !skip_char(text, '.') ||
            !read_number(text, 6, &ret->day))
            return false;
    } else {
        ret->kind = skip_char(text, 'J') ? CHANGE_JULIAN : CHANGE_DAY;
        if (!read_number(text, 365, &ret->day)) return false;
        if (ret->kind == CHANGE_JULIAN && ret->day == 0) return false;
    }
    return !skip_char(text, '/') || read_time(text, &ret->time_s);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": the signs are those of POSIX, west is positive. */
static bool read_rule(str text, timezone_rules *z) {
    if (!skip_name(&text) || !read_time(&text, &z->standard)) return false;
    z->standard = -z->standard;
    z->has_rule = true;
    if (text.len == 0) return true;
    if (!skip_name(&text)) return false;
    z->summer = z->standard + 3600;
    if (text.len && text.ptr[0] != ',') {
        if (!read_time(&text, &z->summer)) return false;
        z->summer = -z->summer;
    }
    z->has_summer = true;
    return read_change(&text, &z->begin) && read_change(&text, &z->end) && text.len == 0;
}

static bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* In seconds of UTC, the clock showing `offset` before it. */
static int64_t change_in(const change *c, int year, int32_t offset) {
    int64_t day = day_of_date(year, 1, 1);
    switch (c->kind) {
    case CHANGE_DAY: day += c->day; break;
    case CHANGE_JULIAN: day += c->day - 1 + (is_leap(year) && c->day >= 60); break;
    case CHANGE_WEEK: {
        int64_t first = day_of_date(year, c->month, 1);
        int64_t next =
            c->month == 12 ? day_of_date(year + 1, 1, 1) : day_of_date(year, c->month + 1, 1);
        int64_t of_week = ((first + 4) % 7 + 7) % 7;
        day = first + ((int64_t)c->day - of_week + 7) % 7 + 7 * ((int64_t)c->week - 1);
        while (day >= next)
            day -= 7;
        break;
    }
    }
    return day * DAY_S + c->time_s - offset;
}

static int32_t rule_offset(const timezone_rules *z, int64_t at_s) {
    int year;
    unsigned month, day;
    if (!z->has_summer) return z->standard;
    date_of_day(day_of(at_s + z->standard), &year, &month, &day);
    int64_t begin = change_in(&z->begin, year, z->standard);
    int64_t end = change_in(&z->end, year, z->summer);
    bool summer = begin < end ? at_s >= begin && at_s < end : at_s >= begin || at_s < end;
    return summer ? z->summer : z->standard;
}

/* ---- the file ------------------------------------------------------------------------------ */

typedef struct counts {
    uint32_t utc, standard, leap, time, type, letter;
} counts;

static uint64_t big_endian(const char *p, size_t size) {
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | (uint8_t)p[i];
    return n;
}

/* False where there is no head. *ret_size: of the data after it, whose times have `width` bytes. */
static bool read_head(str file, size_t width, counts *ret, size_t *ret_size) {
    if (file.len < HEAD_SIZE || !str_starts(file, STR("TZif"))) return false;
    uint32_t *fields[] = {&ret->utc,  &ret->standard, &ret->leap,
                          &ret->time, &ret->type,     &ret->letter};
    for (size_t i = 0; i < 6; i++) {
        *fields[i] = (uint32_t)big_endian(file.ptr + 20 + 4 * i, 4);
        if (*fields[i] > TIMEZONE_FILE_MAX) return false;
    }
    *ret_size = ret->time * width + ret->time + ret->type * (size_t)TYPE_SIZE + ret->letter +
                ret->leap * (width + 4) + ret->standard + ret->utc;
    return *ret_size <= file.len - HEAD_SIZE;
}

static bool read_transitions(arena *a, str data, const counts *n, timezone_rules *z) {
    const char *indexes = data.ptr + 8 * (size_t)n->time, *types = indexes + n->time;
    z->count = n->time;
    z->at = ARENA_ARRAY(a, int64_t, n->time);
    z->offset = ARENA_ARRAY(a, int32_t, n->time);
    if (n->type == 0) return false;
    for (uint32_t i = 0; i < n->type; i++) {
        int32_t offset = (int32_t)big_endian(types + (size_t)i * TYPE_SIZE, 4);
        if (offset > OFFSET_MAX || offset < -OFFSET_MAX) return false;
    }
    z->before = (int32_t)big_endian(types, 4);
    for (uint32_t i = 0; i < n->time; i++) {
        uint8_t type = (uint8_t)indexes[i];
        if (type >= n->type) return false;
        z->at[i] = (int64_t)big_endian(data.ptr + 8 * (size_t)i, 8);
        z->offset[i] = (int32_t)big_endian(types + (size_t)type * TYPE_SIZE, 4);
        if (i && z->at[i] <= z->at[i - 1]) return false;
    }
    return true;
}

int timezone_parse(arena *a, str file, const timezone_rules **ret, err *e) {
    timezone_rules *z = ARENA_NEW(a, timezone_rules);
    counts n;
    size_t size;
    str line;
    const char *why = "it has no times of 64 bits";
    if (!read_head(file, 4, &n, &size) || file.ptr[4] < '2') goto bad;
    file = str_sub(file, HEAD_SIZE + size, file.len);
    if (!read_head(file, 8, &n, &size)) goto bad;
    why = "its transitions cannot be read";
    if (!read_transitions(a, str_sub(file, HEAD_SIZE, file.len), &n, z)) goto bad;
    file = str_sub(file, HEAD_SIZE + size, file.len);
    why = "the rule at its end cannot be read";
    if (!skip_char(&file, '\n') || !str_line(&file, &line)) goto bad;
    if (line.len && !read_rule(line, z)) goto bad;
    *ret = z;
    return 0;
bad:
    return err_set(e, ERR_UNSUPPORTED, "this is no time zone that can be used: %s", why);
}

static bool is_name(str name) {
    char last = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (!c || !strchr("/_-+", c))) return false;
        if (c == '/' && last == '/') return false;
        last = c;
    }
    return name.len > 0 && name.len <= NAME_MAX_ && last != '/';
}

/* A path below the folder whatever its case; NULL when there is none. */
static const char *find_spelling(arena *a, str name) {
    const char *path = FOLDER;
    str part;
    while (name.len) {
        fs_entry *entries;
        size_t count, i = 0;
        err ignored;
        str_cut(name, '/', &part, &name);
        if (fs_list(a, path, &entries, &count, &ignored) < 0) return NULL;
        while (i < count && !str_eq_nocase(entries[i].name, part))
            i++;
        if (i == count) return NULL;
        path = fs_join(a, path, entries[i].name);
    }
    return path;
}

int timezone_load(arena *a, str name, const timezone_rules **ret, err *e) {
    static const timezone_rules utc = {.has_rule = true};
    str file;
    if (name.len == 0 || str_is(name, "UTC")) {
        *ret = &utc;
        return 0;
    }
    if (!is_name(name))
        return err_set(e, ERR_INVALID, "'%.*s' is no name of a time zone, such as Europe/Berlin",
                       STR_ARG(str_sub(name, 0, NAME_MAX_)));
    const char *path = arena_printf(a, FOLDER "%.*s", STR_ARG(name)).ptr;
    int r = fs_read_file(a, path, TIMEZONE_FILE_MAX, &file, e);
    if (r == ERR_NOT_FOUND && (path = find_spelling(a, name)))
        r = fs_read_file(a, path, TIMEZONE_FILE_MAX, &file, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "there is no time zone '%.*s' in " FOLDER
                       ": is the name right, and the package tzdata installed?",
                       STR_ARG(name));
    if (r == 0) r = timezone_parse(a, file, ret, e);
    return r < 0 ? err_context(e, "time zone '%.*s'", STR_ARG(name)) : 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

int32_t timezone_offset(const timezone_rules *z, int64_t at_s) {
    size_t low = 0, high = z->count; /* the first transition after at_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->count && z->has_rule) return rule_offset(z, at_s);
    return low ? z->offset[low - 1] : z->before;
}

/* When the offset ceases to be `offset`, between two times of which the first has it. */
static int64_t find_change(const timezone_rules *z, int64_t from, int64_t to, int32_t offset) {
    while (from + 1 < to) {
        int64_t middle = from + (to - from) / 2;
        if (timezone_offset(z, middle) == offset)
            from = middle;
        else
            to = middle;
    }
    return to;
}

timezone_times timezone_find(const timezone_rules *z, int64_t local_s) {
    int32_t before = timezone_offset(z, local_s - DAY_S);
    int32_t after = timezone_offset(z, local_s + DAY_S);
    int64_t first = local_s - before, second = local_s - after;
    bool early = timezone_offset(z, first) == before, late = timezone_offset(z, second) == after;
    if (early && late)
        return (timezone_times){.first = first < second ? first : second,
                                .second = first < second ? second : first,
                                .twice = first != second};
    if (early) return (timezone_times){.first = first, .second = first};
    if (late) return (timezone_times){.first = second, .second = second};
    int64_t at = find_change(z, local_s - DAY_S, local_s + DAY_S, before);
    return (timezone_times){.first = at, .second = at, .skipped = true};
}
