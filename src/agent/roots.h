/* roots.h: the folders of a run's jobs. A root is used for one job after another, because to
 * make and to remove its folders costs more than a small job. */
#ifndef SLIPWAY_AGENT_ROOTS_H
#define SLIPWAY_AGENT_ROOTS_H

#include "base/task.h"
#include "runner/runner.h"

typedef struct removal removal;

typedef struct root_set {
    arena *a;
    loop *loop;
    const char *temp; /* the run's folder: roots are in it */
    char **free;      /* reset for the next jobs */
    size_t free_count, free_cap;
    size_t made;
    removal *removals; /* under way */
    /* Called from the loop when a removal has ended: with the reason when it failed, else NULL. */
    void (*removed)(void *context, const char *failure);
    void *context;
} root_set;

/* A root for a job: an empty folder or one that was reset. */
int roots_take(root_set *r, char **ret, err *e);
/* Takes a root back. True when what the job has left there is still being removed, beside the loop:
 * `removed` tells when that has ended. */
bool roots_put(root_set *r, char *root, const runner *of);
/* Ends removals before their time; the run's folder goes as a whole. */
void roots_done(root_set *r);

#endif
