/* retention.h: which runs are old or large enough to go. Pure: the caller counts, and removes.
 *
 * A run goes when it has ended longer ago than max_age_us, and then, from the oldest on, as many as
 * it takes until all that stay have at most max_bytes together. Those never go that have not ended,
 * are protected, or are among the keep_min that ended last; what they have counts all the same, so
 * that a cap may stay exceeded. */
#ifndef SLIPWAY_STORE_RETENTION_H
#define SLIPWAY_STORE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum retention_verdict {
    RETENTION_KEEP,
    RETENTION_AGE,  /* goes: too old */
    RETENTION_SIZE, /* goes: all together are too large */
    RETENTION_COUNT
} retention_verdict;

typedef struct retention_run {
    int64_t id;
    int64_t finished_us; /* 0: it has not ended */
    uint64_t bytes;      /* logs, artifacts: what goes with it */
    bool is_protected;
    retention_verdict verdict; /* is set */
} retention_run;

typedef struct retention_policy {
    int64_t max_age_us; /* 0: any */
    uint64_t max_bytes; /* 0: any */
    size_t keep_min;
} retention_policy;

typedef struct retention_sum {
    size_t kept, gone;
    uint64_t kept_bytes, gone_bytes;
} retention_sum;

/* Sets the verdict of each run and sorts them: newest first, those that have not ended before all.
 * Of equal times the higher id is the newer. */
retention_sum retention_judge(retention_run *runs, size_t count, const retention_policy *policy,
                              int64_t now_us);

#endif
