/* process.h: programs that we run and wait for (git and the like). What a workflow's steps run goes
 * through sandbox.h instead. */
#ifndef SLIPWAY_BASE_PROCESS_H
#define SLIPWAY_BASE_PROCESS_H

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

typedef struct process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in our PATH */
    const char *const *env;  /* NULL-terminated: "K=V" replaces or adds to ours, "K" alone removes;
                              * may be NULL */
    const char *cwd;         /* NULL: ours */
    str input;               /* what the program reads on stdin */
    unsigned timeout_ms; /* 0: none; past it the program is ended and the result is ERR_TIMEOUT */
    size_t max_output;   /* of stdout and of stderr; 0: 64 MiB; more is ERR_LIMIT */
    /* Asked several times a second while the program runs: true ends it, and the result is
     * ERR_CANCELLED. May be NULL. */
    bool (*stopped)(void *context);
    void *context;
} process_spec;

typedef struct process_result {
    int status;  /* exit status, or 128 + the signal that ended it */
    str out;     /* in the arena */
    str err_out; /* stderr */
} process_result;

/* Runs one program to its end. 0 when it could be run, whatever its status; ERR_NOT_FOUND when
 * there is no such program or folder. What the program leaves running behind is not waited for. */
int process_run(arena *a, const process_spec *spec, process_result *ret, err *e);
/* Runs several at once, `max_parallel` (0: all) at a time. errors[i] is filled and codes[i] is
 * negative where program i could not be run. */
void process_run_many(arena *a, const process_spec *specs, size_t count, size_t max_parallel,
                      process_result *results, int *codes, err *errors);
/* As process_run, but a status other than 0 is ERR_FAILED with the last line of stderr. `ret_out`
 * may be NULL. */
int process_check(arena *a, const process_spec *spec, str *ret_out, err *e);

/* As fork(2), for a child that does some work of ours and ends by _exit. All signals are blocked in
 * it: before it has set its own, a Ctrl-C would run our handlers there, which speak to the loop
 * through a pipe that both processes have. Nor is anything done that libraries do after a fork:
 * libuv closes the pipe that it once had, and in a child of a child its numbers are others' now.
 * Not for a process with threads. */
pid_t process_fork(void);
/* Waits for the end of a child; its status as of waitpid(2). */
int process_wait(pid_t pid);

#endif
