/* sandbox.h: where a job's processes run. This version has the host back end: no isolation, but a
 * clean end: whatever a job leaves behind is found and killed.
 *
 * Theory of operation. A sandbox is a leader process. It is a child subreaper, so every process
 * that a step starts, however it daemonises, stays below it. It takes orders over a socket: start
 * this, signal that. When the socket closes, because the sandbox is closed or because Slipway was
 * killed, it kills all that is below it and ends. Leaders are forked from a zygote, a small process
 * that is forked before Slipway has grown, so a leader costs little and inherits nothing; one that
 * has come clean out of a job serves the next. Zygote and leaders have sessions of their own: what
 * kills Slipway's process group does not reach them, and so they live to clean up.
 *
 * Everything here is asynchronous and runs on the caller's loop; no call waits for a process. */
#ifndef SLIPWAY_SANDBOX_H
#define SLIPWAY_SANDBOX_H

#include "base/err.h"
#include "base/loop.h"

typedef enum sandbox_backend { SANDBOX_HOST, SANDBOX_BACKEND_COUNT } sandbox_backend;

/* Forks the zygote. Call once, early, before threads and large allocations. */
int sandbox_init(err *e);
/* Ends the zygote and waits until all leaders have ended: every sandbox must have been closed or
 * freed. */
void sandbox_done(void);

typedef struct sandbox sandbox;
typedef struct sandbox_process sandbox_process;

typedef struct sandbox_spec {
    sandbox_backend backend;
    const char *name; /* of the job, for process lists */
    loop *loop;
} sandbox_spec;

int sandbox_spawn(const sandbox_spec *spec, sandbox **ret, err *e);

/* What was still running when a sandbox was closed, for the log. */
typedef void sandbox_orphan_fn(void *context, int pid, const char *name);
typedef void sandbox_closed_fn(void *context);
/* Kills what still runs, tells `orphan` of each such process (commands that had not exited are told
 * by their own on_exit besides), then calls `closed` and frees the sandbox. Both callbacks may be
 * NULL and are called from the loop. */
void sandbox_close(sandbox *s, sandbox_orphan_fn *orphan, sandbox_closed_fn *closed, void *context);

/* Drops the sandbox at once without any callback; its leader kills what still runs. NULL is
 * allowed. */
void sandbox_free(sandbox *s);

typedef struct sandbox_command {
    const char *const *argv; /* argv[0] is a path, or a name looked up in the command's own PATH */
    const char *const *env;  /* the whole environment, "K=V", NULL-terminated */
    const char *cwd;         /* absolute */
    /* stdout and stderr are one pipe, so their order holds. Bytes come as they arrive. */
    void (*on_output)(void *context, str bytes);
    /* Called once, after the last output: exit status, or 128 + signal. The process is freed after.
     * A command that could not be started gives status 126 or 127 and a problem (else NULL) that
     * names the program and the reason. A daemon that keeps the pipe open does not hold up the exit
     * for more than a short grace. */
    void (*on_exit)(void *context, int status, const char *problem);
    void *context;
} sandbox_command;

/* Starts a command in its own session with stdin from /dev/null. What cannot be started is told by
 * on_exit; an error here means that the sandbox itself is gone or that argv and env are over
 * 16 MiB. */
int sandbox_start(sandbox *s, const sandbox_command *command, sandbox_process **ret, err *e);
/* Sends a signal to the command's process group. */
void sandbox_signal(sandbox_process *p, int signo);
/* SIGKILL to the command and everything below it. */
void sandbox_kill(sandbox_process *p);

#endif
