/* log_record.c: one line of a log. Everything that is appended, and every line that is shown, comes
 * through here, so it looks at each byte but once. */
#include "store/logs.h"

#include <assert.h>
#include <string.h>

#define AT_DIGITS_MAX 16 /* of LOG_AT_MAX */

/* A decimal number without sign, with a space after it; moves *at past both. */
static bool take_number(str record, size_t *at, size_t digits_max, int64_t *ret) {
    int64_t n = 0;
    size_t i = *at;
    for (; i < record.len && i - *at < digits_max; i++) {
        unsigned digit = (unsigned char)record.ptr[i] - (unsigned)'0';
        if (digit > 9) break;
        n = n * 10 + digit;
    }
    if (i == *at || i >= record.len || record.ptr[i] != ' ') return false;
    *at = i + 1;
    *ret = n;
    return true;
}

bool log_record_parse(str record, log_line *ret) {
    size_t at = 0;
    int64_t step;
    bool none = record.len && record.ptr[0] == '-';
    at += none;
    if (!take_number(record, &at, 4, &step) || (none && step != 1)) return false;
    if (!take_number(record, &at, AT_DIGITS_MAX, &ret->at_us)) return false;
    if (record.len < at + 2 || record.ptr[at + 1] != ' ') return false;
    if (!record.ptr[at] || !strchr(LOG_KINDS, record.ptr[at])) return false;
    ret->step = none ? LOG_STEP_NONE : (int)step;
    ret->kind = record.ptr[at];
    ret->text = str_sub(record, at + 2, record.len);
    return true;
}

void log_record_write(strbuf *out, int step, int64_t at_us, char kind, str text) {
    assert(step >= LOG_STEP_NONE && step <= LOG_STEP_MAX && at_us >= 0 && at_us <= LOG_AT_MAX);
    assert(kind && strchr(LOG_KINDS, kind) && text.len <= LOG_TEXT_MAX);
    strbuf_addf(out, "%d %lld %c ", step, (long long)at_us, kind);
    strbuf_add(out, text);
    strbuf_addc(out, '\n');
}

const char *log_kind_name(char kind) {
    static const char *const names[] = {"plain", "debug",   "notice", "warning",
                                        "error", "command", "group",  "endgroup"};
    const char *at = kind ? strchr(LOG_KINDS, kind) : NULL;
    return at ? names[at - LOG_KINDS] : NULL;
}
