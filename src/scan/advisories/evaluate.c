#include "scan/advisories/evaluate.h"

#include "scan/advisories/repository.h"
#include "scan/advisories/version.h"

static int compare(const affected *from, const advisory_range *range, str a, str b) {
    return range->type == RANGE_SEMVER ? version_compare_semver(a, b)
                                       : version_compare_in_range(from->ecosystem, a, b);
}

static bool is_known(const affected *from, const advisory_range *range, str version) {
    return range->type == RANGE_SEMVER ? version_known_semver(version)
                                       : version_known(from->ecosystem, version);
}

/* "0" is before every version. */
static bool is_origin(const advisory_event *event) {
    return event->kind == EVENT_INTRODUCED && str_is(event->version, "0");
}

/* Every version: introduced at the beginning, and nothing else ever happened. */
static bool is_endless(const advisory_range *range) {
    for (size_t i = 0; i < range->event_count; i++) {
        if (!is_origin(&range->events[i])) return false;
    }
    return range->event_count > 0;
}

static bool is_before_limits(const affected *from, const advisory_range *range, str version) {
    bool limited = false;
    for (size_t i = 0; i < range->event_count; i++) {
        const advisory_event *event = &range->events[i];
        if (event->kind != EVENT_LIMIT) continue;
        if (str_is(event->version, "*") || compare(from, range, version, event->version) < 0)
            return true;
        limited = true;
    }
    return !limited;
}

static bool has_happened(const affected *from, const advisory_range *range,
                         const advisory_event *event, str version) {
    if (event->kind == EVENT_LIMIT) return false;
    if (is_origin(event)) return true;
    int order = compare(from, range, version, event->version);
    return event->kind == EVENT_LAST_AFFECTED ? order > 0 : order >= 0;
}

/* Whether `b` comes after `a` in the sorted events, where `b` is later in the list. */
static bool is_later(const affected *from, const advisory_range *range, const advisory_event *a,
                     const advisory_event *b) {
    if (is_origin(a) || is_origin(b)) return is_origin(a);
    int order = compare(from, range, b->version, a->version);
    if (order) return order > 0;
    return a->kind != EVENT_LAST_AFFECTED || b->kind == EVENT_LAST_AFFECTED;
}

/* The last event that has happened decides; so nothing need be sorted. */
static bool is_in_range(const affected *from, const advisory_range *range, str version) {
    const advisory_event *last = NULL;
    if (!is_before_limits(from, range, version)) return false;
    for (size_t i = 0; i < range->event_count; i++) {
        const advisory_event *event = &range->events[i];
        if (!has_happened(from, range, event, version)) continue;
        if (!last || is_later(from, range, last, event)) last = event;
    }
    return last && last->kind == EVENT_INTRODUCED;
}

/* Two spellings of one version are the same where the ecosystem says so. */
static bool is_listed(const affected *from, str version) {
    if (!version.len) return false;
    bool known = version_known(from->ecosystem, version);
    for (size_t i = 0; i < from->versions.count; i++) {
        str one = from->versions.items[i];
        if (str_eq(one, version)) return true;
        if (known && version_compare_in_range(from->ecosystem, one, version) == 0 &&
            version_known(from->ecosystem, one))
            return true;
    }
    return false;
}

verdict evaluate(const affected *from, str version) {
    bool unknown = false;
    if (is_listed(from, version)) return VERDICT_AFFECTED;
    for (size_t i = 0; i < from->range_count; i++) {
        const advisory_range *range = &from->ranges[i];
        if (range->type == RANGE_GIT) continue;
        if (is_endless(range)) return VERDICT_AFFECTED;
        if (!is_known(from, range, version))
            unknown = true;
        else if (is_in_range(from, range, version))
            return VERDICT_AFFECTED;
    }
    return unknown && version.len ? VERDICT_UNKNOWN : VERDICT_UNAFFECTED;
}

/* ---- commits --------------------------------------------------------------------------------- */

/* A commit that is mended is so, also where the range begins with it. */
static verdict judge_commit(const advisory_range *range, str commit) {
    verdict found = VERDICT_UNKNOWN;
    if (is_endless(range)) return VERDICT_AFFECTED;
    for (size_t i = 0; i < range->event_count; i++) {
        const advisory_event *event = &range->events[i];
        if (!repository_same_commit(event->version, commit)) continue;
        if (event->kind == EVENT_FIXED || event->kind == EVENT_LIMIT) return VERDICT_UNAFFECTED;
        found = VERDICT_AFFECTED;
    }
    return found;
}

verdict evaluate_commit(const affected *from, str version, str commit) {
    bool unknown = false;
    if (is_listed(from, version)) return VERDICT_AFFECTED;
    for (size_t i = 0; i < from->range_count; i++) {
        if (from->ranges[i].type != RANGE_GIT || !from->ranges[i].event_count) continue;
        verdict one = judge_commit(&from->ranges[i], commit);
        if (one == VERDICT_AFFECTED) return one;
        unknown |= one == VERDICT_UNKNOWN;
    }
    return unknown ? VERDICT_UNKNOWN : VERDICT_UNAFFECTED;
}

str evaluate_commit_fix(const affected *from) {
    str fix = STR_EMPTY;
    for (size_t i = 0; i < from->range_count; i++) {
        const advisory_range *range = &from->ranges[i];
        for (size_t k = 0; range->type == RANGE_GIT && k < range->event_count; k++) {
            if (range->events[k].kind != EVENT_FIXED) continue;
            if (fix.len && !str_eq(fix, range->events[k].version)) return STR_EMPTY;
            fix = range->events[k].version;
        }
    }
    return fix;
}

/* ---- fixes ----------------------------------------------------------------------------------- */

void evaluate_fixes(const affected *from, str version, void (*each)(void *context, str fixed),
                    void *context) {
    for (size_t i = 0; i < from->range_count; i++) {
        const advisory_range *range = &from->ranges[i];
        if (range->type == RANGE_GIT || !is_known(from, range, version)) continue;
        for (size_t k = 0; k < range->event_count; k++) {
            const advisory_event *event = &range->events[k];
            if (event->kind == EVENT_FIXED && compare(from, range, event->version, version) > 0)
                each(context, event->version);
        }
    }
}
