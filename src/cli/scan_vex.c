#include "cli/scan_vex.h"

#include "scan/advisories/advisories.h"

#include <stdlib.h>
#include <time.h>

static str now_text(arena *a) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    time_t t =
        epoch && str_to_uint(str_from(epoch), INT32_MAX, &seconds) ? (time_t)seconds : time(NULL);
    char text[32] = "";
    struct tm tm;
    if (gmtime_r(&t, &tm)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_str(a, str_from(text));
}

size_t report_openvex(strbuf *out, const scan_report *r, const report_head *head) {
    _cleanup_arena_ arena *a = arena_new();
    finding_list all = {.a = a};
    for (size_t i = 0; i < r->findings.count; i++)
        finding_list_add(&all, &r->findings.items[i]);
    for (size_t i = 0; i < r->suppressed.count; i++)
        finding_list_add(&all, &r->suppressed.items[i]);
    advisories_write_vex(out, &all, str_from(head->tool), now_text(a),
                         arena_printf(a, "%s %s", head->tool, SLIPWAY_VERSION));
    return 0;
}
