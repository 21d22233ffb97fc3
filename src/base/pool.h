/* pool.h: items that are worked on by children, each in a jail.
 *
 * Children are handed items whenever they are free. What they say comes back as bytes, in the order
 * of the items. A child that dies (a crash, no memory, too much time) or says what cannot be costs
 * its item, which gets an error, and is replaced: every item has one answer. A child has no other
 * open files than those that are named here, and prints nowhere. */
#ifndef SLIPWAY_BASE_POOL_H
#define SLIPWAY_BASE_POOL_H

#include "base/arena.h"
#include "base/err.h"

typedef struct pool_work {
    size_t count;
    unsigned jobs;     /* 0: one a core */
    int tree;          /* that children may read in, or -1 */
    const int *others; /* further folders that they may read in */
    size_t other_count;
    const int *kept; /* what children read from besides, open files */
    size_t kept_count;
    size_t batch;             /* items in a row that one child is handed; 0: as it is best */
    unsigned item_timeout_ms; /* 0: none */
    unsigned cpu_max_s;       /* of a child, for all its items; 0: not limited */
    void *context;
    int (*start)(void *context, err *e); /* in a child, before its jail; may be NULL */
    /* In a child: adds to `out` what it has to say of an item; often nothing. */
    void (*work)(void *context, size_t item, strbuf *out);
    void (*progress)(void *context, size_t done); /* now and then; may be NULL */
} pool_work;

typedef struct pool_answer {
    size_t item;
    str said; /* in the arena */
    str died; /* why there is none, or empty */
    bool timed_out;
} pool_answer;

/* Answers are sorted by item; items of which nothing was said have none. ERR_LIMIT when all answers
 * together have more than 256 MiB. */
int pool_run(arena *a, const pool_work *work, pool_answer **ret, size_t *ret_count, err *e);

#endif
