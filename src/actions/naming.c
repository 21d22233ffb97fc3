/* naming.c: blobs of caches are known by their SHA-256, so that equal ones are kept once. Whoever
 * saves a large one does not wait for that: it is kept under a random name first, which is as good
 * for reading it, and a thread hashes it afterwards. What is unnamed when the process ends is named
 * by the next one.
 *
 * The new name is there before the row tells it, and the old one goes after: whatever dies in
 * between leaves an orphan, which the next sweep removes. */
#include "actions/service.h"

#include "base/fs.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NICE 10

struct naming {
    pthread_t thread;
    pthread_cond_t woken;
    bool waiting; /* there may be something to do */
    atomic_bool stop;
};

/* ERR_NOT_FOUND: everything has its name. */
static int find_unnamed(service *s, arena *a, store_cache *ret, err *e) {
    pthread_mutex_lock(&s->lock);
    int r = store_cache_of_digest(s->store, a, STR(UNNAMED), ret, e);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Gives the file a second name, unless there is such a blob already. */
static int link_blob(service *s, arena *a, const char *from, str digest, int64_t size, err *e) {
    struct stat st;
    char *to = cache_blob_path(s, a, digest);
    char *folder = arena_cstr(a, str_sub(str_from(to), 0, str_from(s->blobs).len + 3));
    if (stat(to, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size) return 0;
    int r = fs_mkdirs(folder, 0700, e);
    if (r < 0) return r;
    unlink(to); /* it is too short */
    return link(from, to) < 0 ? err_sys(e, errno, "cannot make '%s'", to) : 0;
}

static int rename_blob(service *s, arena *a, const store_cache *row, str digest, err *e) {
    const char *from = cache_blob_path(s, a, row->digest);
    bool used = false;
    int r = store_begin(s->store, e);
    if (r < 0) return r;
    r = store_blob_used(s->store, row->digest, &used, e); /* it may have been evicted since */
    if (r == 0 && used) r = link_blob(s, a, from, digest, row->size, e);
    if (r == 0 && used) r = store_blob_rename(s->store, row->digest, digest, e);
    if (r == 0) r = store_commit(s->store, e);
    if (r == 0)
        unlink(from);
    else
        store_rollback(s->store);
    return r;
}

static int name_next(service *s, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    store_cache row;
    char digest[DIGEST_SIZE];
    int r = find_unnamed(s, a, &row, e);
    if (r < 0) return r;
    const piece whole = {cache_blob_path(s, a, row.digest), 0, (uint64_t)row.size};
    r = hash_piece(&whole, digest, &s->naming->stop, e);
    if (r == ERR_CANCELLED) return r;
    pthread_mutex_lock(&s->lock);
    if (r == 0)
        r = rename_blob(s, a, &row, str_from(digest), e);
    else if (!cache_blob_whole(s, a, &row)) /* as who looks it up would find */
        r = store_cache_remove(s->store, &row, e);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Jobs go first, whatever the priority is that Slipway was started with. */
static void stand_back(void) {
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}

static void *work(void *context) {
    service *s = context;
    struct naming *n = s->naming;
    stand_back();
    pthread_mutex_lock(&s->lock);
    while (!n->stop) {
        if (!n->waiting) {
            pthread_cond_wait(&n->woken, &s->lock);
            continue;
        }
        n->waiting = false;
        pthread_mutex_unlock(&s->lock);
        err ignored = {0};
        while (name_next(s, &ignored) == 0)
            continue;
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int naming_start(service *s, err *e) {
    struct naming *n = mem_alloc(sizeof *n);
    *n = (struct naming){.waiting = true};
    pthread_cond_init(&n->woken, NULL);
    s->naming = n;
    int code = pthread_create(&n->thread, NULL, work, s);
    if (!code) return 0;
    s->naming = NULL;
    free(n);
    return err_sys(e, code, "cannot start a thread");
}

void naming_wake(service *s) {
    s->naming->waiting = true;
    pthread_cond_signal(&s->naming->woken);
}

void naming_stop(service *s) {
    if (!s->naming) return;
    pthread_mutex_lock(&s->lock);
    s->naming->stop = true;
    pthread_cond_signal(&s->naming->woken);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->naming->thread, NULL);
    free(s->naming);
    s->naming = NULL;
}
