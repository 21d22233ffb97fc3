/* spool_watch.c: inotify over spool folders. A process that ends closes its lock, which it has open
 * for writing: so its end is seen as well, however it came. */
#include "agent/spool.h"
#include "base/fs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SEEN (IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE)

struct spool_watch {
    spool_watch *next;
    spool_watcher *of;
    int id;
    bool told; /* in this reading */
    spool_watch_fn *fn;
    void *context;
};

struct spool_watcher {
    int fd;
    loop_watch *watch;
    spool_watch *list;
};

static void mark(const spool_watcher *w, const struct inotify_event *ev) {
    for (spool_watch *x = w->list; x; x = x->next) {
        /* Some were not told: each looks. */
        if (x->id == ev->wd || (ev->mask & IN_Q_OVERFLOW)) x->told = true;
    }
}

/* A callback may remove any watch, so the list is looked through anew after each. */
static void tell(spool_watcher *w) {
    for (spool_watch *x = w->list; x;) {
        if (!x->told) {
            x = x->next;
            continue;
        }
        x->told = false;
        x->fn(x->context);
        x = w->list;
    }
}

static void on_readable(void *context, int fd) {
    spool_watcher *w = context;
    _Alignas(struct inotify_event) char bytes[16384];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *ev = (const struct inotify_event *)at;
            mark(w, ev);
            at += sizeof *ev + ev->len;
        }
    }
    tell(w);
}

int spool_watcher_new(loop *l, spool_watcher **ret, err *e) {
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot watch folders (inotify)");
    spool_watcher *w = mem_alloc(sizeof *w);
    *w = (spool_watcher){.fd = fd};
    w->watch = loop_readable(l, fd, on_readable, w);
    *ret = w;
    return 0;
}

void spool_watcher_free(spool_watcher *w) {
    if (!w) return;
    assert(!w->list);
    loop_watch_stop(w->watch);
    close(w->fd);
    free(w);
}

int spool_watch_add(spool_watcher *w, const char *dir, spool_watch_fn *fn, void *context,
                    spool_watch **ret, err *e) {
    int id = inotify_add_watch(w->fd, dir, SEEN | IN_ONLYDIR);
    if (id < 0) return err_sys(e, errno, "cannot watch '%s'", dir);
    spool_watch *x = mem_alloc(sizeof *x);
    *x = (spool_watch){.next = w->list, .of = w, .id = id, .fn = fn, .context = context};
    w->list = x;
    *ret = x;
    return 0;
}

void spool_watch_remove(spool_watch *x) {
    if (!x) return;
    spool_watch **at = &x->of->list;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    inotify_rm_watch(x->of->fd, x->id);
    free(x);
}
