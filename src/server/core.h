/* core.h: who changes the state of a server. Private to src/server.
 *
 * Theory of operation. All state that changes belongs to one thread, the one that runs the loop,
 * and to one database connection. What is to be changed is posted as a command, from any thread.
 * The core takes all commands that wait as one batch: one transaction, with a savepoint for each,
 * and one commit, which is one wait for the disk however many there are. Only then is anybody told.
 *
 *   work   ── judges and changes, in the transaction. It fails with ERR_INVALID, ERR_NOT_FOUND and
 *             the like before it has changed anything in memory; the other commands of the batch
 * are not touched. ERR_IO (the disk is full, the database is read-only) fails the batch: nothing of
 * it happened, and memory is read anew from the database. after  ── what a command asked for with
 * core_after, when the commit is done: messages to agents, to pages, children to be started done ──
 * how it ended
 *
 * So what was acknowledged is on the disk, and what is in memory is what is on the disk. */
#ifndef SLIPWAY_SERVER_CORE_H
#define SLIPWAY_SERVER_CORE_H

#include "base/loop.h"
#include "store/store.h"
#include "trust/audit.h"

#define CORE_BATCH_MAX   1000   /* commands in one transaction */
#define CORE_WAITING_MAX 100000 /* more that wait are refused with ERR_LIMIT */

typedef struct core core;

/* On whose wish something is changed, and from where: of the audit log. */
typedef struct core_by {
    audit_party actor;
    str address, request_id, user_agent;
} core_by;

/* The server itself. */
core_by core_itself(void);

/* What a command is given. */
typedef struct core_tx {
    core *core;
    store *store;
    arena *a;       /* until `done` has returned */
    int64_t now_us; /* of the batch */
    audit_log *audit;
    void *state; /* the owner's, of core_spec */
    core_by by;  /* a command sets it before it changes anything; at first it is the server's own */
} core_tx;

typedef int core_work_fn(core_tx *tx, void *context, err *e);
/* On the core's thread; `e` is NULL when it went well. */
typedef void core_done_fn(void *context, const err *e);
typedef void core_after_fn(void *state, void *context);

typedef struct core_spec {
    loop *loop;
    store *store;
    void *state;
    int64_t (*now)(void *state); /* microseconds; NULL: the wall clock */
    audit_log *audit;            /* transactions go through it; NULL: none is kept */
    /* Makes memory anew after a batch that failed; may be NULL. */
    int (*reload)(void *state, err *e);
    /* At the end of each batch, as its last command: what follows from the others. May be NULL. */
    int (*settle)(core_tx *tx, err *e);
    void (*committed)(void *state); /* after a commit, before anybody is told; may be NULL */
} core_spec;

core *core_new(const core_spec *spec);
/* Fails what waits with ERR_CANCELLED. Other threads must not post any more. */
void core_free(core *c);

/* Whether an error of a command fails its batch: the store's or our own, not the asker's. */
bool core_is_fatal(int code);

/* From any thread. `done` (which may be NULL) is called in each case, from the loop. */
void core_post(core *c, core_work_fn *work, core_done_fn *done, void *context);
/* From a `work`: `fn` is called after the commit, before `done`, and never when there is none. */
void core_after(core_tx *tx, core_after_fn *fn, void *context);

typedef struct core_figures {
    uint64_t commands, batches, failed_batches;
    size_t waiting;
} core_figures;
/* From any thread. */
void core_count(core *c, core_figures *ret);
/* Grows with every batch that was committed: what was read at one number is still true at the same
 * number. From any thread. */
uint64_t core_version(core *c);

#endif
