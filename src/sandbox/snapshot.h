/* snapshot.h: Slipway's side of a sandbox's keeper (ns_layers.h). Private to this folder. */
#ifndef SLIPWAY_SANDBOX_SNAPSHOT_H
#define SLIPWAY_SANDBOX_SNAPSHOT_H

#include "sandbox/sandbox.h"

typedef struct snapshots {
    loop *loop;
    int sock;  /* -1: there is no keeper */
    bool lost; /* but there was one */
    loop_watch *watch;
    loop_timer *late;
    sandbox_kept_fn *done; /* of the order that is under way, or NULL */
    void *context;
} snapshots;

/* Takes over the keeper's socket. */
void snapshots_open(snapshots *s, loop *l, int sock);
/* An order that is under way is forgotten. */
void snapshots_close(snapshots *s);
int snapshots_order(snapshots *s, unsigned number, bool restore, sandbox_kept_fn *done,
                    void *context, err *e);

#endif
