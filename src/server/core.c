#include "server/core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct after {
    core_after_fn *fn;
    void *context;
} after;

typedef struct command {
    struct command *next;
    core_work_fn *work;
    core_done_fn *done;
    void *context;
    bool failed;
    err error;
} command;

struct core {
    core_spec spec;
    loop_wake *wake;
    pthread_mutex_t lock; /* of the next four */
    command *first, **last;
    size_t waiting;
    core_figures figures;
    _Atomic uint64_t version;
    after *afters; /* of the batch, in its arena */
    size_t after_count, after_cap;
    bool stale; /* memory could not be read anew: nothing is done until that works */
};

/* ---- the mailbox ---------------------------------------------------------------------------- */

void core_post(core *c, core_work_fn *work, core_done_fn *done, void *context) {
    command *x = mem_alloc(sizeof *x);
    *x = (command){.work = work, .done = done, .context = context};
    pthread_mutex_lock(&c->lock);
    if (c->waiting >= CORE_WAITING_MAX) {
        x->failed = true;
        err_set(&x->error, ERR_LIMIT, "more than %d changes wait: the server is overloaded",
                CORE_WAITING_MAX);
    }
    *c->last = x;
    c->last = &x->next;
    c->waiting++;
    pthread_mutex_unlock(&c->lock);
    loop_ring(c->wake);
}

static command *take_batch(core *c) {
    pthread_mutex_lock(&c->lock);
    command *first = c->first, *end = first;
    size_t count = end != NULL;
    for (; end && end->next && count < CORE_BATCH_MAX; count++)
        end = end->next;
    if (end) {
        c->first = end->next;
        end->next = NULL;
        if (!c->first) c->last = &c->first;
    }
    c->waiting -= count;
    c->figures.commands += count;
    c->figures.batches += count > 0;
    bool more = c->first != NULL;
    pthread_mutex_unlock(&c->lock);
    if (more) loop_ring(c->wake);
    return first;
}

void core_count(core *c, core_figures *ret) {
    pthread_mutex_lock(&c->lock);
    *ret = c->figures;
    ret->waiting = c->waiting;
    pthread_mutex_unlock(&c->lock);
}

uint64_t core_version(core *c) {
    return atomic_load(&c->version);
}

/* ---- one batch ------------------------------------------------------------------------------ */

void core_after(core_tx *tx, core_after_fn *fn, void *context) {
    core *c = tx->core;
    after x = {fn, context};
    ARENA_PUSH(tx->a, c->afters, c->after_count, c->after_cap, x);
}

bool core_is_fatal(int code) {
    return code == ERR_IO || code == ERR_FAILED;
}

/* What a transaction goes through: the log, or the store where no log is kept. */
static int tx_begin(core_tx *tx, err *e) {
    return tx->audit ? audit_begin(tx->audit, e) : store_begin(tx->store, e);
}

static int tx_savepoint(core_tx *tx, err *e) {
    return tx->audit ? audit_savepoint(tx->audit, e) : store_savepoint(tx->store, e);
}

static int tx_release(core_tx *tx, err *e) {
    return tx->audit ? audit_release(tx->audit, e) : store_release(tx->store, e);
}

static int tx_rollback_to(core_tx *tx, err *e) {
    return tx->audit ? audit_rollback_to(tx->audit, e) : store_rollback_to(tx->store, e);
}

static int tx_commit(core_tx *tx, err *e) {
    return tx->audit ? audit_commit(tx->audit, e) : store_commit(tx->store, e);
}

static void tx_rollback(core_tx *tx) {
    if (tx->audit)
        audit_rollback(tx->audit);
    else
        store_rollback(tx->store);
}

core_by core_itself(void) {
    return (core_by){.actor = {STR("system"), STR("server"), STR("server")}};
}

/* What it asked for afterwards is forgotten with it. */
static int run_command(core_tx *tx, command *x, err *e) {
    core *c = tx->core;
    size_t afters = c->after_count;
    int r = tx_savepoint(tx, e);
    if (r < 0) return r;
    tx->by = core_itself();
    r = x->work(tx, x->context, &x->error);
    if (r == 0) return tx_release(tx, e);
    x->failed = true;
    c->after_count = afters;
    if (core_is_fatal(r)) {
        *e = x->error;
        return r;
    }
    return tx_rollback_to(tx, e);
}

static int run_all(core_tx *tx, command *first, err *e) {
    int r = tx_begin(tx, e);
    for (command *x = first; x && r == 0; x = x->next) {
        if (!x->failed) r = run_command(tx, x, e);
    }
    tx->by = core_itself();
    if (r == 0 && tx->core->spec.settle) r = tx->core->spec.settle(tx, e);
    if (r == 0) r = tx_commit(tx, e);
    if (r < 0) tx_rollback(tx);
    return r;
}

static void fail_all(core *c, command *first, const err *why) {
    for (command *x = first; x; x = x->next) {
        if (!x->failed) x->error = *why;
        x->failed = true;
    }
    c->after_count = 0;
    pthread_mutex_lock(&c->lock);
    c->figures.failed_batches++;
    pthread_mutex_unlock(&c->lock);
}

/* Memory may be ahead of the database: it is made anew. */
static int read_anew(core *c, err *e) {
    int r = c->spec.reload ? c->spec.reload(c->spec.state, e) : 0;
    c->stale = r < 0;
    return r < 0 ? err_context(e, "the state of the server cannot be read") : 0;
}

static void tell_all(core *c, command *x) {
    for (size_t i = 0; i < c->after_count; i++)
        c->afters[i].fn(c->spec.state, c->afters[i].context);
    while (x) {
        command *next = x->next;
        if (x->done) x->done(x->context, x->failed ? &x->error : NULL);
        free(x);
        x = next;
    }
}

static void on_ring(void *context) {
    core *c = context;
    command *first = take_batch(c);
    err e = {0};
    if (!first) return;
    _cleanup_arena_ arena *a = arena_new();
    core_tx tx = {
        .core = c, .store = c->spec.store, .a = a, .audit = c->spec.audit, .state = c->spec.state};
    tx.now_us = c->spec.now ? c->spec.now(c->spec.state) : clock_wall_us();
    c->afters = NULL;
    c->after_count = c->after_cap = 0;
    int r = c->stale ? read_anew(c, &e) : 0;
    if (r == 0 && (r = run_all(&tx, first, &e)) < 0) {
        err why = {0};
        if (read_anew(c, &why) < 0) e = why;
    }
    if (r < 0) {
        fail_all(c, first, &e);
    } else {
        atomic_fetch_add(&c->version, 1);
        if (c->spec.committed) c->spec.committed(c->spec.state);
    }
    tell_all(c, first);
}

/* ---- the whole ------------------------------------------------------------------------------ */

core *core_new(const core_spec *spec) {
    core *c = mem_alloc(sizeof *c);
    *c = (core){.spec = *spec};
    c->last = &c->first;
    atomic_init(&c->version, 1);
    pthread_mutex_init(&c->lock, NULL);
    c->wake = loop_on_ring(spec->loop, on_ring, c);
    return c;
}

void core_free(core *c) {
    if (!c) return;
    err why = {0};
    err_set(&why, ERR_CANCELLED, "the server stops");
    for (command *first; (first = take_batch(c));) {
        c->after_count = 0;
        fail_all(c, first, &why);
        tell_all(c, first);
    }
    loop_wake_stop(c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
