/* engine_api.h: typed calls of the Docker Engine API, which Podman speaks too. Private to this
 * folder. https://docs.docker.com/reference/api/engine/
 *
 * Everything blocks: it is for the children of an engine leader. What fails is told as "container
 * engine at unix://PATH: cannot WHAT: the engine's own words". Names of images, containers and
 * execs go into paths escaped. */
#ifndef SLIPWAY_SANDBOX_ENGINE_API_H
#define SLIPWAY_SANDBOX_ENGINE_API_H

#include "base/err.h"
#include "base/value.h"

typedef struct engine {
    const char *socket; /* path */
    bool podman;        /* known after engine_open */
    char version[32];
    /* Asked now and then while a call waits: true ends it as ERR_CANCELLED. May be NULL. Calls
     * that make something are never ended that way, so that what is made can be found and removed.
     */
    bool (*stop)(void *context);
    void *stop_context;
} engine;

/* The socket of the engine: of DOCKER_HOST=unix://PATH where that is set, else the first that
 * exists of /var/run/docker.sock, $XDG_RUNTIME_DIR/podman/podman.sock and /run/podman/podman.sock.
 * ERR_NOT_FOUND with what to do, ERR_UNSUPPORTED for another kind of DOCKER_HOST. */
int engine_find(arena *a, const char *docker_host, const char *runtime_dir, char **ret, err *e);

/* Asks for the version: fills podman and version. */
int engine_open(engine *g, err *e);
/* Whether its containers run under another kernel than this process: on a virtual machine, which
 * shares folders with this one at best. */
int engine_is_apart(const engine *g, bool *ret, err *e);

/* A line of progress, without its newline. */
typedef void engine_line_fn(void *context, str line);

/* ---- images ---------------------------------------------------------------------------------- */

/* *ret is what the engine knows of the image; ERR_NOT_FOUND where it has none of that name. */
int engine_image_inspect(const engine *g, arena *a, str image, value *ret, err *e);
typedef struct engine_login {
    str username, password; /* empty: none */
} engine_login;
int engine_pull(const engine *g, str image, const engine_login *login, engine_line_fn *line,
                void *context, err *e);
/* Builds an image from the tar in `context_fd`, which is read from its beginning. The labels are
 * an object of strings. */
int engine_build(const engine *g, int context_fd, str dockerfile, str tag, const value *labels,
                 engine_line_fn *line, void *context, err *e);

/* ---- networks and containers ----------------------------------------------------------------- */

int engine_network_create(const engine *g, str name, const value *labels, err *e);
/* `body` is the API's own. *ret is the id, in `a`. */
int engine_create(const engine *g, arena *a, str name, const value *body, str *ret, err *e);
int engine_start(const engine *g, str container, err *e);
int engine_inspect(const engine *g, arena *a, str container, value *ret, err *e);
int engine_kill(const engine *g, str container, int signo, err *e);
/* Runs the container's health check once: Podman without systemd does not do it by itself. */
int engine_health_run(const engine *g, str container, err *e);
/* Waits until the container has ended; *ret_status is its exit status. */
int engine_wait(const engine *g, str container, int *ret_status, err *e);

/* Output as it comes, stdout and stderr in one; non-zero ends the call as ERR_CANCELLED. */
typedef int engine_output_fn(void *context, str bytes);
/* What the container has printed so far, or all that it prints until it ends (`follow`). */
int engine_logs(const engine *g, str container, bool follow, engine_output_fn *out, void *context,
                err *e);

typedef enum engine_kind {
    ENGINE_CONTAINER,
    ENGINE_NETWORK,
    ENGINE_IMAGE,
    ENGINE_KIND_COUNT
} engine_kind;
/* What has the label "KEY" or "KEY=VALUE": an array of the engine's descriptions. */
int engine_list(const engine *g, arena *a, engine_kind kind, str label, value *ret, err *e);
/* Removes by force, anonymous volumes too; what is gone already is fine. */
int engine_remove(const engine *g, engine_kind kind, str id, err *e);

/* ---- commands in a container ----------------------------------------------------------------- */

/* *ret is the id, in `a`. */
int engine_exec_create(const engine *g, arena *a, str container, const value *body, str *ret,
                       err *e);
/* Starts the command and returns when its output has ended. */
int engine_exec_start(const engine *g, str exec, engine_output_fn *out, void *context, err *e);
/* Starts a command that was created with a terminal: *ret_fd is a connection that carries its input
 * and output, and ends with it. */
int engine_exec_attach(const engine *g, str exec, int *ret_fd, err *e);
int engine_exec_resize(const engine *g, str exec, unsigned rows, unsigned columns, err *e);
typedef struct engine_exec_state {
    bool running;
    int pid; /* on the engine's machine; 0: none yet or no more */
    int status;
} engine_exec_state;
int engine_exec_inspect(const engine *g, str exec, engine_exec_state *ret, err *e);

/* ---- the form of output ---------------------------------------------------------------------- */

/* Output comes as frames: a stream's number, three zeros, the length as 4 bytes, most significant
 * first, then the bytes. Fed with pieces of any size. */
typedef struct engine_demux {
    unsigned char head[8];
    unsigned head_len;
    uint32_t left; /* of the frame's bytes */
    engine_output_fn *out;
    void *context;
} engine_demux;
/* 0, what `out` returned, or ERR_INVALID for what is no such frame. */
int engine_demux_feed(engine_demux *d, str bytes);

/* The registry's host of "host/name:tag", or empty for Docker Hub. */
str engine_registry(str image);

#endif
