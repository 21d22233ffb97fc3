#include "store/log_set.h"

#include "base/fs.h"
#include "store/log_internal.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

typedef struct entry entry;
struct entry {
    entry *next; /* of its bucket */
    job_log *log;
    size_t refs;
    uint64_t used; /* when it was given back last */
    bool detached; /* is in no bucket, and goes with its last user */
};

struct log_set {
    char *dir;
    uint64_t max_bytes;
    size_t idle_max, idle;
    pthread_mutex_t lock; /* guards all but the logs; never held while a disk works, but to open */
    uint64_t clock;
    entry *buckets[BUCKETS];
    entry *detached;
};

log_set *log_set_new(const char *dir, uint64_t max_bytes, size_t idle_max) {
    log_set *s = mem_alloc(sizeof *s);
    *s = (log_set){.max_bytes = max_bytes, .idle_max = idle_max};
    s->dir = mem_alloc(strlen(dir) + 1);
    memcpy(s->dir, dir, strlen(dir) + 1);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void free_entry(entry *x) {
    log_close(x->log);
    free(x);
}

void log_set_free(log_set *s) {
    if (!s) return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (entry *x; (x = s->buckets[i]);) {
            s->buckets[i] = x->next;
            free_entry(x);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

/* ---- the table ------------------------------------------------------------------------------ */

static entry **bucket_of(log_set *s, int64_t job) {
    return &s->buckets[(uint64_t)job % BUCKETS];
}

static entry *find(log_set *s, int64_t job) {
    entry *x = *bucket_of(s, job);
    while (x && x->log->job != job)
        x = x->next;
    return x;
}

static void unlink_entry(entry **list, entry *x) {
    while (*list != x)
        list = &(*list)->next;
    *list = x->next;
}

static bool is_dirty(job_log *l) {
    if (!l->writes) return false;
    uint64_t size = log_size(l);
    pthread_mutex_lock(&l->sync_lock);
    bool dirty = l->synced < size;
    pthread_mutex_unlock(&l->sync_lock);
    return dirty;
}

/* Closes the idle ones that were used longest ago, but none that is still to be synced. */
static void evict(log_set *s) {
    while (s->idle > s->idle_max) {
        entry *oldest = NULL;
        for (size_t i = 0; i < BUCKETS; i++) {
            for (entry *x = s->buckets[i]; x; x = x->next) {
                if (!x->refs && (!oldest || x->used < oldest->used) && !is_dirty(x->log))
                    oldest = x;
            }
        }
        if (!oldest) return;
        unlink_entry(bucket_of(s, oldest->log->job), oldest);
        s->idle--;
        free_entry(oldest);
    }
}

/* A log that grows is opened to be written, whoever asks first, so that its readers see what comes;
 * where that cannot be (a read-only disk), it is opened as it is. */
static int open_log(log_set *s, int64_t job, bool make, job_log **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    bool grows = fs_exists(log_path(a, s->dir, job, ".log")) &&
                 !fs_exists(log_path(a, s->dir, job, ".log.zst"));
    err own = {0};
    if (make) return log_open_writer(s->dir, job, s->max_bytes, ret, e);
    if (grows && log_open_writer(s->dir, job, s->max_bytes, ret, &own) == 0) return 0;
    return log_open(s->dir, job, ret, e);
}

static int take_locked(log_set *s, int64_t job, bool make, entry **ret, err *e) {
    entry *x = find(s, job);
    if (!x) {
        job_log *l;
        int r = open_log(s, job, make, &l, e);
        if (r < 0) return r;
        x = mem_alloc(sizeof *x);
        *x = (entry){.log = l, .next = *bucket_of(s, job)};
        *bucket_of(s, job) = x;
        s->idle++;
    }
    if (make && !x->log->writes)
        return err_set(e, ERR_INVALID, "the log of job %lld is finished, and takes nothing more",
                       (long long)job);
    s->idle -= x->refs++ == 0;
    *ret = x;
    return 0;
}

int log_set_take(log_set *s, int64_t job, bool make, job_log **ret, err *e) {
    entry *x = NULL;
    pthread_mutex_lock(&s->lock);
    int r = take_locked(s, job, make, &x, e);
    pthread_mutex_unlock(&s->lock);
    if (r == 0) *ret = x->log;
    return r;
}

static entry *entry_of(log_set *s, job_log *l) {
    entry *x = find(s, l->job);
    if (x && x->log == l) return x;
    for (x = s->detached; x->log != l; x = x->next)
        continue;
    return x;
}

void log_set_put(log_set *s, job_log *l) {
    pthread_mutex_lock(&s->lock);
    entry *x = entry_of(s, l);
    if (--x->refs == 0 && x->detached) {
        unlink_entry(&s->detached, x);
        free_entry(x);
    } else if (!x->refs) {
        x->used = ++s->clock;
        s->idle++;
        evict(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- syncing, packing ----------------------------------------------------------------------- */

/* Those that are to be synced, taken. */
static job_log **take_dirty(log_set *s, arena *a, size_t *ret_count) {
    job_log **all = NULL;
    size_t cap = 0;
    *ret_count = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (entry *x = s->buckets[i]; x; x = x->next) {
            if (!is_dirty(x->log)) continue;
            s->idle -= x->refs++ == 0;
            ARENA_PUSH(a, all, *ret_count, cap, x->log);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return all;
}

int log_set_sync(log_set *s, log_synced_fn *synced, void *context, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    size_t count;
    int first = 0;
    job_log **all = take_dirty(s, a, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        int r = log_sync(all[i], &size, first ? NULL : e);
        if (r == 0 && synced) synced(context, all[i]->job, size);
        if (r < 0 && !first) first = r;
        log_set_put(s, all[i]);
    }
    return first;
}

/* Whoever takes the log from now on opens the packed one. */
static void detach(log_set *s, job_log *l) {
    pthread_mutex_lock(&s->lock);
    entry *x = entry_of(s, l);
    if (!x->detached) {
        unlink_entry(bucket_of(s, l->job), x);
        x->next = s->detached;
        s->detached = x;
        x->detached = true;
    }
    pthread_mutex_unlock(&s->lock);
}

/* While it is packed, the handle stays in the table, finished. */
int log_set_pack(log_set *s, int64_t job, err *e) {
    job_log *l;
    int r = log_set_take(s, job, false, &l, e);
    if (r < 0) return r;
    if (!l->packed) {
        r = log_finish(l, e);
        if (r == 0) r = log_pack(s->dir, job, e);
        if (r == 0) detach(s, l);
    }
    log_set_put(s, l);
    return r;
}
