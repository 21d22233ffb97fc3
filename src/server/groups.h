/* groups.h: concurrency groups across runs, of workflows and of jobs. Pure. Private.
 *
 * One member holds a group, the others wait in line: at most one unless `queue: max`, whoever comes
 * taking the place of whoever stood there. With `queue: max` up to 100 wait, first come first
 * served (GitHub promises no order). Names compare without case, within a repository:
 * https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#concurrency
 *
 * A member is a run or a job, by a number that its caller chooses (not 0). The caller does what the
 * effects say, in their order. A member that is cancelled while it waits has left the group; one
 * that held it stays until groups_leave, as its steps may still be ending. */
#ifndef SLIPWAY_SERVER_GROUPS_H
#define SLIPWAY_SERVER_GROUPS_H

#include "base/arena.h"

#define GROUPS_WAITING_MAX 100 /* GitHub's */
#define GROUPS_NAME_MAX    400 /* bytes of a name; GitHub's limit */

typedef enum group_effect_kind {
    GROUP_START,  /* the member holds the group: it may go on */
    GROUP_WAIT,   /* it stands in line */
    GROUP_CANCEL, /* it is to be cancelled for `reason` */
} group_effect_kind;

typedef struct group_effect {
    group_effect_kind kind;
    uint64_t member;
    str reason; /* of a cancel, in the arena */
} group_effect;

typedef struct group_effects {
    arena *a; /* set by the caller */
    group_effect *items;
    size_t count, cap;
} group_effects;

typedef struct group_ask {
    int64_t repository;
    str name;
    uint64_t member;
    bool cancel_in_progress, queue_max;
    /* What the member is part of (the run of a job, the job that called a workflow), from the
     * inside out: a group that one of them holds could never be given. */
    const uint64_t *around;
    size_t around_count;
} group_ask;

typedef struct groups groups;
groups *groups_new(void);
void groups_free(groups *g);

/* A member asks for its group; one asks once. What cannot be is answered by GROUP_CANCEL: a name
 * that is empty or too long, a group that is held around the member, `queue: max` together with
 * `cancel-in-progress`, a full line. */
void groups_ask(groups *g, const group_ask *ask, group_effects *effects);
/* A member has ended, or wants the group no more. One that is in none is fine. */
void groups_leave(groups *g, uint64_t member, group_effects *effects);
/* For "why does it wait": the member that holds the group for which this one waits, its place in
 * line (from 1) and the group's name (borrowed); 0 when it does not wait. */
uint64_t groups_holder(const groups *g, uint64_t member, size_t *ret_place, str *ret_name);
bool groups_holds(const groups *g, uint64_t member);
size_t groups_count(const groups *g); /* that are held */

#endif
