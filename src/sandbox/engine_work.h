/* engine_work.h: what the children of an engine leader do. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_ENGINE_WORK_H
#define SLIPWAY_SANDBOX_ENGINE_WORK_H

#include "sandbox/engine_api.h"

#include <signal.h>
#include <time.h>

#define ENGINE_ID_MAX     128
#define ENGINE_RESULT_MAX (256u << 10)

/* What a child tells its leader, in memory that both share. */
typedef struct engine_page {
    char container[ENGINE_ID_MAX]; /* of `setup`: the job's; of `run`: the action's */
    char exec[ENGINE_ID_MAX];      /* of a command, from when it can be signalled */
    bool runs;                     /* `run`: signals go to the container */
    bool reached;                  /* the engine has answered: something may have been made */
    int status;
    char problem[1024];
    uint32_t result_len;
    char result[ENGINE_RESULT_MAX];
} engine_page;

/* One piece of work, seen from the child that does it. */
typedef struct engine_work {
    arena *a;
    engine g;
    str owner;  /* of the leader: engine_clean.h */
    int output; /* the pipe */
    int folder; /* of `build` */
    engine_page *page;
    const char *container; /* the job's */
} engine_work;

/* Whether the work has been told to stop. */
bool engine_work_stopped(void);

/* What the API wants to know of a command; both of its outputs are attached. */
value engine_command(arena *a, char *const *argv, char *const *env, const char *cwd);
/* A shell in the job's container for whoever is at the terminal `output`; returns at its end. */
int engine_work_shell(engine_work *w, char *const *argv, char *const *env, const char *cwd, err *e);
/* A command in the job's container. */
int engine_work_exec(engine_work *w, char *const *argv, char *const *env, const char *cwd, err *e);
/* What sandbox.h says of requests. */
int engine_work_ask(engine_work *w, str request, err *e);
int engine_work_setup(engine_work *w, const value *request, err *e);
/* Sends a signal to what a page names; with SIGKILL to all below it. */
int engine_work_signal(engine_work *w, const engine_page *page, int signo, err *e);

/* Output: a line of a kind (the first byte tells it: sandbox.h), and bytes as they are. */
void engine_say(const engine_work *w, char kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* engine_line_fn and engine_output_fn on an engine_work. */
void engine_say_line(void *context, str line);
int engine_put(void *context, str bytes);
/* A stream that may stay open for ever: when nothing has come for a while, the engine is asked what
 * has become of it. */
typedef struct engine_silence {
    time_t heard, asked; /* seconds, monotonic */
} engine_silence;
/* Something has come; also when the stream begins. */
void engine_silence_end(engine_silence *s);
/* Whether it is time to ask (again), which then counts as done. */
bool engine_silence_asks(engine_silence *s);
/* All that a container prints until it ends. */
int engine_work_follow(engine_work *w, str container, engine_output_fn *out, void *context, err *e);
/* The output of a container, line by line. */
void engine_say_logs(engine_work *w, str container);

#endif
