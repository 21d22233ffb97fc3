/* loop.h: the one event loop of a process (libuv). Callbacks run on the thread that runs the loop.
 * Handles are owned by the loop's user and end with their _stop function, which may be called from
 * any callback, their own included; NULL is allowed. */
#ifndef SLIPWAY_BASE_LOOP_H
#define SLIPWAY_BASE_LOOP_H

#include "base/err.h"

typedef struct loop loop;
typedef struct loop_timer loop_timer;
typedef struct loop_watch loop_watch;
typedef struct loop_signal loop_signal;
typedef struct loop_wake loop_wake;

int loop_new(loop **ret, err *e);
/* Every handle must have been stopped, but for those of loop_after that have been called. Not to be
 * called from a callback. */
void loop_free(loop *l);
/* Runs until loop_quit is called or nothing is left to wait for. */
void loop_run(loop *l);
void loop_quit(loop *l);
/* Monotonic milliseconds and the wall clock in microseconds since 1970. */
uint64_t loop_now_ms(void);
int64_t clock_wall_us(void);

typedef void loop_timer_fn(void *context);
/* Calls once after `delay_ms`. A delay of 0 calls in the next round: the way to defer work. After
 * the call the handle may still be stopped, which frees it; a forgotten one lasts as long as the
 * loop. */
loop_timer *loop_after(loop *l, uint64_t delay_ms, loop_timer_fn *fn, void *context);
/* Calls every `interval_ms`. */
loop_timer *loop_every(loop *l, uint64_t interval_ms, loop_timer_fn *fn, void *context);
void loop_timer_stop(loop_timer *t);

typedef void loop_watch_fn(void *context, int fd);
/* Calls whenever `fd` can be read (or has ended). The descriptor stays the caller's: it may be
 * closed after loop_watch_stop, not before. It is a pipe, socket, terminal or the like, not a file;
 * it is made non-blocking; and it has one watch at a time. */
loop_watch *loop_readable(loop *l, int fd, loop_watch_fn *fn, void *context);
void loop_watch_stop(loop_watch *w);

typedef void loop_signal_fn(void *context, int signo);
loop_signal *loop_on_signal(loop *l, int signo, loop_signal_fn *fn, void *context);
void loop_signal_stop(loop_signal *s);

/* A bell that other threads may ring: `fn` is called from the loop at least once after each
 * loop_ring. Nobody may ring it once it was stopped. */
loop_wake *loop_on_ring(loop *l, loop_timer_fn *fn, void *context);
void loop_ring(loop_wake *w);
void loop_wake_stop(loop_wake *w);

#endif
