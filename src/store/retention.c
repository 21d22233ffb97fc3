#include "store/retention.h"

#include <stdlib.h>

static int newest_first(const void *a, const void *b) {
    const retention_run *x = a, *y = b;
    int64_t at_x = x->finished_us ? x->finished_us : INT64_MAX;
    int64_t at_y = y->finished_us ? y->finished_us : INT64_MAX;
    if (at_x != at_y) return at_x > at_y ? -1 : 1;
    return (x->id < y->id) - (x->id > y->id);
}

/* Not too old even where the sum would overflow: a policy of ages is for ages that there are. */
static bool too_old(const retention_run *r, const retention_policy *policy, int64_t now_us) {
    int64_t age;
    if (!policy->max_age_us || __builtin_sub_overflow(now_us, r->finished_us, &age)) return false;
    return age > policy->max_age_us;
}

static void add(uint64_t *sum, uint64_t bytes) {
    if (__builtin_add_overflow(*sum, bytes, sum)) *sum = UINT64_MAX;
}

retention_sum retention_judge(retention_run *runs, size_t count, const retention_policy *policy,
                              int64_t now_us) {
    retention_sum sum = {0};
    size_t ended = 0;
    uint64_t left = 0;
    if (count) qsort(runs, count, sizeof *runs, newest_first);
    for (size_t i = 0; i < count; i++) {
        retention_run *r = &runs[i];
        bool may_go = r->finished_us && ++ended > policy->keep_min && !r->is_protected;
        r->verdict = may_go && too_old(r, policy, now_us) ? RETENTION_AGE : RETENTION_KEEP;
        if (r->verdict == RETENTION_KEEP) add(&left, r->bytes);
    }
    for (size_t i = count; i-- > 0;) {
        retention_run *r = &runs[i];
        bool may_go = r->finished_us && ended > policy->keep_min && !r->is_protected;
        ended -= r->finished_us != 0;
        if (policy->max_bytes && left > policy->max_bytes && may_go &&
            r->verdict == RETENTION_KEEP) {
            r->verdict = RETENTION_SIZE;
            left -= r->bytes;
        }
        bool kept = r->verdict == RETENTION_KEEP;
        *(kept ? &sum.kept : &sum.gone) += 1;
        add(kept ? &sum.kept_bytes : &sum.gone_bytes, r->bytes);
    }
    return sum;
}
