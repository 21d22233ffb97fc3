#include "sandbox/snapshot.h"

#include "sandbox/ns_layers.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* A snapshot takes milliseconds, and to go back as long as it takes to remove what was written
 * since. What takes longer than this was stopped by the job. */
#define LATE_MS 120000

void snapshots_open(snapshots *s, loop *l, int sock) {
    *s = (snapshots){.loop = l, .sock = sock};
}

void snapshots_close(snapshots *s) {
    loop_watch_stop(s->watch);
    loop_timer_stop(s->late);
    if (s->sock >= 0) close(s->sock);
    *s = (snapshots){.sock = -1};
}

static void end(snapshots *s, const err *e) {
    sandbox_kept_fn *done = s->done;
    s->done = NULL;
    loop_timer_stop(s->late);
    s->late = NULL;
    if (done) done(s->context, e);
}

static void give_up(snapshots *s, const char *why) {
    sandbox_kept_fn *done = s->done;
    void *context = s->context;
    err e = {0};
    err_set(&e, ERR_FAILED, "the process that keeps the job's snapshots %s", why);
    snapshots_close(s);
    s->lost = true;
    if (done) done(context, &e);
}

static void on_late(void *context) {
    give_up(context, "does not answer");
}

static void on_reply(void *context, int fd) {
    snapshots *s = context;
    layers_reply reply;
    err e = {0};
    ssize_t n = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != sizeof reply) {
        give_up(s, "was killed");
        return;
    }
    if (reply.code) err_set(&e, reply.code, "%.*s", (int)sizeof reply.text, reply.text);
    end(s, reply.code ? &e : NULL);
}

int snapshots_order(snapshots *s, unsigned number, bool restore, sandbox_kept_fn *done,
                    void *context, err *e) {
    layers_order order = {number, restore};
    if (s->sock < 0 && !s->lost)
        return err_set(e, ERR_UNSUPPORTED, "this sandbox keeps no snapshots");
    if (s->sock < 0 || send(s->sock, &order, sizeof order, MSG_NOSIGNAL) != sizeof order)
        return err_set(e, ERR_FAILED, "the process that keeps the job's snapshots is gone");
    if (!s->watch) s->watch = loop_readable(s->loop, s->sock, on_reply, s);
    s->late = loop_after(s->loop, LATE_MS, on_late, s);
    s->done = done;
    s->context = context;
    return 0;
}
