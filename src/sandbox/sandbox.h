/* sandbox.h: where a job's processes run.
 *
 * Theory of operation. A sandbox is a leader process. It takes orders over a socket: start this,
 * signal that. When the socket closes, because the sandbox is closed or because Slipway was killed,
 * it kills all that is below it and ends. Leaders are forked from a zygote, a small process that is
 * forked before Slipway has grown or knows a secret, so a leader costs little and inherits nothing.
 * Zygote and leaders have sessions of their own: what kills Slipway's process group does not reach
 * them, and so they live to clean up.
 *
 *   SANDBOX_HOST        No isolation. The leader is a child subreaper, so every process that a step
 *                       starts, however it daemonises, stays below it and is found. A leader that
 *                       has come clean out of a job serves the next.
 *   SANDBOX_NAMESPACES  A machine of the job's own: the leader is the init of new user, mount, pid,
 *                       ipc and uts namespaces (and a network namespace, where the network is
 *                       limited). Its root is made of overlays over the host's system folders; what
 *                       is written goes to memory or to the job's folder and is gone with the last
 *                       process. How it is made: ns.h.
 *   SANDBOX_ENGINE      Containers of Docker or Podman: engine_leader.h. What a job sees of the
 *                       host is the job's folder.
 *
 * Everything here is asynchronous and runs on the caller's loop; no call waits for a process. */
#ifndef SLIPWAY_SANDBOX_H
#define SLIPWAY_SANDBOX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/view.h"

typedef enum sandbox_backend {
    SANDBOX_HOST,
    SANDBOX_NAMESPACES,
    SANDBOX_ENGINE,
    SANDBOX_BACKEND_COUNT
} sandbox_backend;

/* Forks the zygote and has it forget our arguments and environment. Call once, early: before
 * threads, large allocations, secrets, and the first loop (whose library closes descriptors of its
 * own in every later fork, whatever has their numbers by then). */
int sandbox_init(err *e);
/* Ends the zygote and waits until all leaders have ended: every sandbox must have been closed or
 * freed. */
void sandbox_done(void);

typedef struct sandbox sandbox;
typedef struct sandbox_process sandbox_process;

typedef enum sandbox_network {
    SANDBOX_NETWORK_HOST,  /* the host's, as it is */
    SANDBOX_NETWORK_NONE,  /* nothing but what a rule names on the host's loopback */
    SANDBOX_NETWORK_ALLOW, /* what a rule names */
    SANDBOX_NETWORK_AUDIT, /* everything but the host itself; all is told */
    SANDBOX_NETWORK_COUNT
} sandbox_network;

/* A name that a job may know and DNS does not, with its address. */
typedef struct sandbox_host {
    str name, address;
} sandbox_host;

/* What a job may reach. All but SANDBOX_NETWORK_HOST give it a network namespace whose only way out
 * is a proxy of ours, which judges names; how: egress.h. */
typedef struct sandbox_egress {
    sandbox_network network;
    const str *rules; /* "host", "host:port", "*.domain", "1.2.3.4:port", "localhost:port" */
    size_t rule_count;
    const sandbox_host *hosts;
    size_t host_count;
} sandbox_egress;

/* Judges a rule or a host, as whoever wrote it wants to know: ERR_INVALID with what is wrong. */
int sandbox_judge_rule(str rule, err *e);
int sandbox_judge_host(const sandbox_host *host, err *e);
/* What a job's processes need to know of its way out: "K=V", NULL-terminated, in `a`. */
const char *const *sandbox_egress_env(arena *a, sandbox_network network);

/* What a job has tried to reach. Text is borrowed. */
typedef struct sandbox_contact {
    str name; /* as it was asked for; or an address */
    unsigned port;
    const char *how;              /* "dns", "connect", "http", "socks", "address" */
    const char *verdict;          /* "allowed", "denied", "failed", "ended" */
    const char *reason;           /* of what was denied or failed, else "" */
    str address;                  /* that was connected to, or empty */
    uint64_t bytes_out, bytes_in; /* of what has ended */
} sandbox_contact;

/* Of SANDBOX_NAMESPACES; 0: no limit. Which means enforces each is told by sandbox_probe. */
typedef struct sandbox_limits {
    uint64_t memory_bytes; /* all processes and files in memory together */
    uint64_t disk_bytes;   /* written to the job's folder; and, apart, to the rest of its root */
    uint32_t processes;    /* threads included */
    uint32_t cpus;
    uint32_t open_files; /* of one process */
} sandbox_limits;

/* A folder of the host's that a job may read, and where it sees it: an absolute path of its own. */
typedef struct sandbox_mount {
    const char *from, *to;
} sandbox_mount;

#define SANDBOX_MOUNTS_MAX 8

typedef struct sandbox_spec {
    sandbox_backend backend;
    const char *name; /* of the job, for process lists */
    loop *loop;

    /* SANDBOX_NAMESPACES */
    const char *folder; /* of the job, with two folders: `home` and `work`, which it sees as
                         * sandbox_home and sandbox_work; of SANDBOX_ENGINE too, where it may be
                         * NULL when there is no job's container */
    const char *layer;  /* made by sandbox_layer_make */
    const char *rootfs; /* a root folder to use instead of the host's, or NULL */
    const sandbox_mount *mounts;
    unsigned mount_count; /* at most SANDBOX_MOUNTS_MAX */
    sandbox_egress egress;
    sandbox_limits limits;
    bool layered; /* sandbox_snapshot is wanted */

    const char *engine; /* SANDBOX_ENGINE: the engine's socket, as sandbox_engine_find tells it */

    /* Called once, from the loop, unless the sandbox is closed or freed before: commands may be
     * started now, or `e` says why they cannot be. */
    void (*on_ready)(void *context, const err *e);
    /* A limit was hit: a sentence that names it. */
    void (*on_limit)(void *context, const char *what);
    /* Something was contacted; not with SANDBOX_NETWORK_HOST. May be NULL. */
    void (*on_contact)(void *context, const sandbox_contact *contact);
    /* SANDBOX_ENGINE: at its closing, something that it had made in the engine could not be
     * removed; the next one to use the engine tries again. May be NULL. */
    void (*on_left)(void *context, const char *why);
    void *context;
} sandbox_spec;

int sandbox_spawn(const sandbox_spec *spec, sandbox **ret, err *e);

/* The job is root of its machine; else it is user 1001 and has that id only. From on_ready on. */
bool sandbox_is_root(const sandbox *s);
/* The job's files as its processes see them; valid from on_ready until the sandbox is closed. */
const view *sandbox_view(const sandbox *s);
/* Where a job sees its `home` and `work` folders, or NULL: where they are. */
const char *sandbox_home(sandbox_backend b);
const char *sandbox_work(sandbox_backend b);

/* Fills an empty folder with what lies over the host's system folders in every sandbox: a hosts
 * file, a `sudo`, a hole for each file that only root may read. It serves any number of sandboxes
 * and must outlive them. Where jobs are root by subordinate ids, what they need to install packages
 * is made in `cache` (absolute; NULL: they cannot), unless it is there, and stays. */
int sandbox_layer_make(const char *dir, const char *cache, err *e);

/* ---- images --------------------------------------------------------------------------------- */

/* An image of an OCI image layout, which a job may have as its root: sandbox_spec.rootfs. */
typedef struct sandbox_image {
    char digest[72];         /* of its manifest, "sha256:…" */
    const char *rootfs;      /* absolute; it is there, and whole, after sandbox_image_unpack */
    const struct value *env; /* what the image sets for its programs: an object of strings */
    size_t layer_count;
    uint64_t size;                 /* of its layers, as they are in the layout: bytes */
    const struct oci_image *parts; /* private */
} sandbox_image;

/* Reads and verifies the documents of the image `tag` in the layout (a folder); an empty tag is the
 * only image there is for this machine. `images` is a folder for unpacked images, which need not
 * exist. All is in `a`, and `layout` and `images` are borrowed. Nothing is unpacked. */
int sandbox_image_find(arena *a, const char *layout, str tag, const char *images,
                       sandbox_image **ret, err *e);
bool sandbox_image_is_unpacked(const sandbox_image *i);
/* Verifies and unpacks the layers, in a child without rights, unless that was done before: by this
 * process or another, which may be at it just now. Takes long: call it in a task (base/task.h). */
int sandbox_image_unpack(const sandbox_image *i, err *e);

/* ---- snapshots ------------------------------------------------------------------------------ */

/* Of what a job can write to and keep, in a sandbox that is `layered`; they are numbered
 * from 1 without gaps, and go with the sandbox. What runs meanwhile keeps running, and what it
 * writes by a descriptor or a working folder that it has already is not seen by those that come
 * later. */
#define SANDBOX_SNAPSHOTS_MAX 64
/* Called from the loop: `e` is NULL when it went well. Not called any more once the sandbox is
 * closed. */
typedef void sandbox_kept_fn(void *context, const err *e);
/* Takes the snapshot that comes next. One order at a time; no command may be started before it has
 * ended. */
int sandbox_snapshot(sandbox *s, unsigned number, sandbox_kept_fn *done, void *context, err *e);
/* Goes back to a snapshot: files are as they were then, what was started since is killed, and later
 * snapshots are no more. This one stays. */
int sandbox_restore(sandbox *s, unsigned number, sandbox_kept_fn *done, void *context, err *e);

/* What was still running when a sandbox was closed, for the log. */
typedef void sandbox_orphan_fn(void *context, int pid, const char *name);
typedef void sandbox_closed_fn(void *context);
/* Kills what still runs, tells `orphan` of each such process (commands that had not exited are told
 * by their own on_exit besides), then calls `closed` and frees the sandbox. Both callbacks may be
 * NULL and are called from the loop. */
void sandbox_close(sandbox *s, sandbox_orphan_fn *orphan, sandbox_closed_fn *closed, void *context);

/* As fs_remove, of what a job has left: where it is user root of a machine with subordinate ids, it
 * can leave files that the user who runs Slipway cannot remove. These are removed in a user
 * namespace that has those ids; where there is no such namespace any more, the error says what to
 * do. */
int sandbox_remove(const char *path, err *e);
/* Makes all in a folder that a job has left the user's own. */
int sandbox_reclaim(const char *path, err *e);

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
    /* Of sandbox_ask: what came of it, JSON; before on_exit, perhaps before the last output. May be
     * NULL. */
    void (*on_result)(void *context, str json);
} sandbox_command;

/* Starts a command in its own session with stdin from /dev/null. What cannot be started is told by
 * on_exit; an error here means that the sandbox itself is gone or that argv and env are over
 * 16 MiB. */
int sandbox_start(sandbox *s, const sandbox_command *command, sandbox_process **ret, err *e);
/* Opens a program (a shell) for the person at this process's terminal, with a terminal of its own
 * in the sandbox, and returns when it has ended. The loop does not run meanwhile. */
int sandbox_shell(sandbox *s, const char *const *argv, const char *const *env, const char *cwd,
                  err *e);

/* ---- containers ----------------------------------------------------------------------------- */

/* The socket of the container engine, in `a`: of DOCKER_HOST=unix://PATH, else Docker's, else
 * Podman's. ERR_NOT_FOUND where there is none, ERR_UNSUPPORTED for another DOCKER_HOST; the message
 * says what to do. */
int sandbox_engine_find(arena *a, char **ret, err *e);

/* What it is, for `slipway doctor`. Asks it, and waits for the answer. */
typedef struct sandbox_engine_means {
    char *socket; /* NULL where none was found */
    bool podman;  /* else Docker */
    bool apart;   /* its containers run on a (virtual) machine of their own: services for actions
                   * cannot be reached from them */
    char version[32];
} sandbox_engine_means;
int sandbox_engine_probe(arena *a, sandbox_engine_means *ret, err *e);

/* What the job's container must have mounted so that it sees the job's folder as sandbox_view and
 * the functions above say: "HOST:INSIDE", NULL-terminated, in `a`. */
const char *const *sandbox_engine_binds(arena *a, const char *folder);

/* Writes the program `relay` into the folder, which a container may then get as `relay` of a
 * request, together with the socket of the services that actions call, FOLDER/socket. */
int sandbox_relay_write(const char *folder, err *e);

/* Asks a sandbox of the engine back end for something other than a command; argv, env and cwd of
 * `command` are not used. `request` is a JSON object (at most 16 MiB) whose "do" says what for;
 * "job" names the job. `folder` is a descriptor for `build`, which stays the caller's; else -1.
 *
 *   setup  container: the job's container, or null: {image, env{}, ports[], volumes[], options,
 *          credentials{username, password}} as a workflow has them, binds["HOST:INSIDE[:ro]"],
 *          workdir, node[]: programs of which the first that runs there is told as the result's
 *          container.node. services: {ID: {image … and entrypoint, command}}. relay: {folder,
 * port}: what listens at FOLDER/socket can be reached at 127.0.0.1:PORT in the job's container,
 *          where the result's container.relay is true; else why not is told as a warning.
 *          Result, also after a failure: {network, container{id, network, path, node, relay},
 *          services{ID: {id, network, ports{"5432": "49153"}}}}. Before it has ended well,
 *          sandbox_start fails; then commands run in the job's container.
 *   pull   image, credentials: makes sure that the image is there.
 *   build  dockerfile: in `folder`, of which all is sent to the engine; image: how the result is
 *          called. It goes with the sandbox.
 *   run    image, env["K=V"], binds[], folders[], args[] or line (which is split into words),
 * entrypoint, workdir, network, name, relay: a container from its start to its end, which is the
 * exit status. Signals go to it. stop   services: the result's: tells what they have printed and
 * removes all that was made, which sandbox_close does as well.
 *
 * `run` prints what the container prints. The others print lines whose first letter tells their
 * kind: l text, c what is being done, g begins a group, e ends it, w a warning. */
int sandbox_ask(sandbox *s, str request, int folder, const sandbox_command *command,
                sandbox_process **ret, err *e);

/* ---- signals -------------------------------------------------------------------------------- */

/* Sends a signal to the command's process group. */
void sandbox_signal(sandbox_process *p, int signo);
/* SIGKILL to the command and everything below it. */
void sandbox_kill(sandbox_process *p);

/* What this machine can give, for `slipway doctor` and before a run. */
typedef struct sandbox_means {
    bool namespaces; /* SANDBOX_NAMESPACES works; else: */
    char why_not[1024];
    char advice[512]; /* how to get it; may be empty */
    bool root;        /* jobs are root of their own machine */
    bool subordinate; /* by ids of /etc/subuid; else by all of the host's user ids */
    char one_id[512]; /* why jobs have one user id; empty where they are root */
    char ids_advice[256];
    int landlock;     /* ABI version, 0: none */
    char cgroup[128]; /* "v2: memory, pids", "v1: memory, pids, cpu", or empty */
} sandbox_means;
/* Tries it: makes a sandbox in a child, which takes some milliseconds. */
void sandbox_probe(sandbox_means *ret);

#endif
