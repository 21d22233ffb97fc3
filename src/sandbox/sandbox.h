/* sandbox.h: where a job's processes run. This version has the host back end: no isolation, but a
 * clean end: whatever a job leaves behind is found and killed.
 *
 * Theory of operation. A sandbox is a leader process. It is a child subreaper, so every process
 * that a step starts, however it daemonises, stays below it. It takes orders over a socket: start
 * this, signal that. When the socket closes, because the sandbox is closed or because Slipway was
 * killed, it kills all that is below it and ends. Leaders are forked from a zygote, a small process
 * that is forked before Slipway has grown, so a leader costs little and inherits nothing. */
#ifndef SLIPWAY_SANDBOX_H
#define SLIPWAY_SANDBOX_H

#include "base/err.h"
#include "base/loop.h"

typedef enum sandbox_backend { SANDBOX_HOST, SANDBOX_BACKEND_COUNT } sandbox_backend;

/* Forks the zygote. Call once, early, before threads and large allocations. */
int sandbox_init(err *e);
/* Ends the zygote. */
void sandbox_done(void);

typedef struct sandbox sandbox;
typedef struct sandbox_process sandbox_process;

typedef struct sandbox_spec {
    sandbox_backend backend;
    const char *name; /* of the job, for process lists */
    loop *loop;
} sandbox_spec;

int sandbox_spawn(const sandbox_spec *spec, sandbox **ret, err *e);

/* Calls `fn` with what was still running (pids and names, for the log) after killing it, then frees
 * the sandbox. Blocks for at most a few seconds. `fn` may be NULL. */
typedef void sandbox_orphan_fn(void *context, int pid, const char *name);
void sandbox_close(sandbox *s, sandbox_orphan_fn *fn, void *context);

typedef struct sandbox_command {
    const char *const *argv; /* argv[0] is a path, or a name looked up in the command's own PATH */
    const char *const *env;  /* the whole environment, "K=V", NULL-terminated */
    const char *cwd;
    /* stdout and stderr are one pipe, so their order holds. Bytes come as they arrive. */
    void (*on_output)(void *context, str bytes);
    /* Called once, after the last output: exit status, or 128 + signal. The process is freed after.
     * A command that could not be started gives an error message and status 126 or 127. A daemon
     * that keeps the pipe open does not hold up the exit for more than a short grace. */
    void (*on_exit)(void *context, int status, const char *problem);
    void *context;
} sandbox_command;

/* Starts a command in its own session with stdin from /dev/null. */
int sandbox_start(sandbox *s, const sandbox_command *command, sandbox_process **ret, err *e);
/* Sends a signal to the command's process group. */
void sandbox_signal(sandbox_process *p, int signo);
/* SIGKILL to the command and everything below it. */
void sandbox_kill(sandbox_process *p);

#endif
