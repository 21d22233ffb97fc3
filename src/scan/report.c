#include "scan/report.h"

report_grade report_grade_of(finding_level level) {
    static const report_grade grades[LEVEL_COUNT] = {
        [LEVEL_CRITICAL] = GRADE_ERROR, [LEVEL_HIGH] = GRADE_ERROR, [LEVEL_MEDIUM] = GRADE_WARNING,
        [LEVEL_LOW] = GRADE_NOTE,       [LEVEL_INFO] = GRADE_NOTE,
    };
    return grades[level];
}

void report_policy_write(json_out *o, const report_head *head) {
    if (!head->policy_count) return;
    json_key(o, "policy");
    json_open(o, '[');
    for (size_t i = 0; i < head->policy_count; i++) {
        json_open(o, '{');
        json_key_str(o, "path", head->policy[i].path);
        json_key_str(o, "sha256", head->policy[i].sha256);
        json_close(o, '}');
    }
    json_close(o, ']');
}

size_t report_vex_count(const scan_report *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->suppressed.count; i++) {
        const finding *f = &r->suppressed.items[i];
        str status = value_path_str(&f->properties, "vex.status");
        count += str_is(status, "not_affected") || str_is(status, "fixed");
    }
    return count;
}

void report_counts(strbuf *out, const finding_list *findings) {
    size_t counts[LEVEL_COUNT] = {0};
    bool first = true;
    for (size_t i = 0; i < findings->count; i++)
        counts[findings->items[i].level]++;
    for (finding_level l = 0; l < LEVEL_COUNT; l++) {
        if (!counts[l]) continue;
        strbuf_addf(out, "%s%zu %s", first ? "" : ", ", counts[l], level_name(l));
        first = false;
    }
    if (first) strbuf_adds(out, "no findings");
}
