/* task.h: work that blocks (copying, removing) while the loop goes on.
 *
 * The work is done in a forked child, so it sees everything and changes nothing here: what it does
 * must be seen in the file system. It dies with this process. Not for a process with threads. */
#ifndef SLIPWAY_BASE_TASK_H
#define SLIPWAY_BASE_TASK_H

#include "base/loop.h"
#include "base/view.h"

typedef struct task task;

/* In the child. Has no descriptors but 0 to 2 and those of the view that the task was given, a
 * session of its own and signals at their defaults. */
typedef int task_work_fn(void *context, err *e);
/* In the parent, from the loop: `e` is NULL when the work went well; ERR_CANCELLED when task_kill
 * ended it. The task is freed after. */
typedef void task_done_fn(void *context, const err *e);

/* `files` may be NULL; the work enters it when it wants to. */
int task_start(loop *l, const view *files, task_work_fn *work, task_done_fn *done, void *context,
               task **ret, err *e);
/* Kills the child and what it has started; `done` is called from the loop. */
void task_kill(task *t);

#endif
