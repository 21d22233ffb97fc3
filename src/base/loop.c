/* loop.c: libuv handles behind names of our own.
 *
 * libuv closes a handle in the next round of the loop and then calls back; until that the memory
 * must stay. Each of our handles therefore begins with the libuv handle and is freed by that
 * callback; _stop only asks for it. loop_free runs the loop until the last one is gone.
 *
 * A poll handle must not outlive its descriptor's number in the epoll set: uv_close takes it out at
 * once, so a caller may close the descriptor right after _stop. */
#include "base/loop.h"

#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
};

struct loop_timer {
    uv_timer_t uv; /* first: uv_handle_t and loop_timer share their address, here and below */
    loop_timer_fn *fn;
    void *context;
};

struct loop_watch {
    uv_poll_t uv;
    loop_watch_fn *fn;
    void *context;
    int fd;
};

struct loop_signal {
    uv_signal_t uv;
    loop_signal_fn *fn;
    void *context;
};

struct loop_wake {
    uv_async_t uv;
    loop_timer_fn *fn;
    void *context;
};

int loop_new(loop **ret, err *e) {
    loop *l = mem_alloc(sizeof *l);
    int r = uv_loop_init(&l->uv);
    if (r < 0) {
        free(l);
        return err_sys(e, -r, "cannot make an event loop");
    }
    *ret = l;
    return 0;
}

static void release(uv_handle_t *handle) {
    free(handle);
}

static void stop(void *handle) {
    if (!handle) return;
    assert(!uv_is_closing(handle) && "a handle was stopped twice");
    uv_close(handle, release);
}

static void end_handle(uv_handle_t *handle, void *context) {
    (void)context;
    if (uv_is_closing(handle)) return;
    assert(!uv_is_active(handle) && "a handle was not stopped before loop_free");
    uv_close(handle, release);
}

void loop_free(loop *l) {
    if (!l) return;
    uv_walk(&l->uv, end_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int r = uv_loop_close(&l->uv);
    assert(r == 0);
    (void)r;
    free(l);
}

void loop_run(loop *l) {
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_quit(loop *l) {
    uv_stop(&l->uv);
}

uint64_t loop_now_ms(void) {
    return uv_hrtime() / 1000000;
}

int64_t clock_wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* libuv's setters fail only for arguments that we do not give, or for want of memory. */
static void must(int r) {
    if (r == UV_ENOMEM) oom();
    assert(r == 0);
    (void)r;
}

static void on_timer(uv_timer_t *uv) {
    loop_timer *t = (loop_timer *)uv;
    t->fn(t->context);
}

/* libuv measures a delay from the time at which the current round began: a callback that has worked
 * for long would see its timer too early. */
static loop_timer *start_timer(loop *l, uint64_t delay_ms, uint64_t interval_ms, loop_timer_fn *fn,
                               void *context) {
    loop_timer *t = mem_alloc(sizeof *t);
    t->fn = fn;
    t->context = context;
    uv_update_time(&l->uv);
    must(uv_timer_init(&l->uv, &t->uv));
    must(uv_timer_start(&t->uv, on_timer, delay_ms, interval_ms));
    return t;
}

loop_timer *loop_after(loop *l, uint64_t delay_ms, loop_timer_fn *fn, void *context) {
    return start_timer(l, delay_ms, 0, fn, context);
}

loop_timer *loop_every(loop *l, uint64_t interval_ms, loop_timer_fn *fn, void *context) {
    return start_timer(l, interval_ms, interval_ms ? interval_ms : 1, fn, context);
}

void loop_timer_stop(loop_timer *t) {
    stop(t);
}

/* An error (the peer is gone, the descriptor is bad) is shown as ready: the caller's next read
 * learns what it is. */
static void on_poll(uv_poll_t *uv, int status, int events) {
    (void)events;
    loop_watch *w = (loop_watch *)uv;
    /* libuv has stopped watching then, but a socket with an error may still hold what was sent
     * before it. Who reads to the end stops the watch. */
    if (status < 0) must(uv_poll_start(uv, UV_READABLE, on_poll));
    w->fn(w->context, w->fd);
}

loop_watch *loop_readable(loop *l, int fd, loop_watch_fn *fn, void *context) {
    loop_watch *w = mem_alloc(sizeof *w);
    w->fn = fn;
    w->context = context;
    w->fd = fd;
    must(uv_poll_init(&l->uv, &w->uv, fd));
    must(uv_poll_start(&w->uv, UV_READABLE, on_poll));
    return w;
}

void loop_watch_stop(loop_watch *w) {
    stop(w);
}

static void on_signal(uv_signal_t *uv, int signo) {
    loop_signal *s = (loop_signal *)uv;
    s->fn(s->context, signo);
}

loop_signal *loop_on_signal(loop *l, int signo, loop_signal_fn *fn, void *context) {
    loop_signal *s = mem_alloc(sizeof *s);
    s->fn = fn;
    s->context = context;
    must(uv_signal_init(&l->uv, &s->uv));
    must(uv_signal_start(&s->uv, on_signal, signo));
    return s;
}

void loop_signal_stop(loop_signal *s) {
    stop(s);
}

static void on_async(uv_async_t *uv) {
    loop_wake *w = (loop_wake *)uv;
    w->fn(w->context);
}

loop_wake *loop_on_ring(loop *l, loop_timer_fn *fn, void *context) {
    loop_wake *w = mem_alloc(sizeof *w);
    w->fn = fn;
    w->context = context;
    must(uv_async_init(&l->uv, &w->uv, on_async));
    return w;
}

void loop_ring(loop_wake *w) {
    must(uv_async_send(&w->uv));
}

void loop_wake_stop(loop_wake *w) {
    stop(w);
}
