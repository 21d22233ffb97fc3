/* Whatever a schedule says: what is taken comes due at times that are in order, and ticks find the
 * same ones. */
#include "fuzz.h"

#include "server/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_arena_ arena *a = arena_new();
    cron_schedule s = {.catch_up = CRON_ALL, .max = 3};
    int field;
    err e = {0};
    cron_list due;
    if (cron_parse((str){(const char *)data, size}, &s.spec, &field, &e) < 0) {
        CHECK(e.code == ERR_INVALID && e.message[0] && field >= 0 && field <= CRON_FIELDS);
        return 0;
    }
    if (timezone_load(a, STR("Europe/Berlin"), &s.zone, &e) < 0)
        CHECK(timezone_load(a, STR_EMPTY, &s.zone, &e) == 0);
    int64_t last = INT64_C(1774742400) * 1000000, now = last, next; /* 29 March 2026 */
    for (int i = 0; i < 3 && cron_wake(&s, now, &next); i++) {
        CHECK(next > now);
        cron_due(&s, last, next, &due);
        CHECK(due.count >= 1 && due.at_us[due.count - 1] == next);
        now = next;
    }
    return 0;
}
