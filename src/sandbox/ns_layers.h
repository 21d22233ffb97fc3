/* ns_layers.h: a job's file system in layers, so that it can go back to an earlier time. Private to
 * this folder.
 *
 * Theory of operation. What a job can write to and keep is an overlay per folder: its written part
 * (the upper) is layer 0. A snapshot mounts another overlay over each: a fresh upper over all the
 * layers below, which nobody writes to any more. So a snapshot costs some mounts, whatever the job
 * has written, and to go back is to take mounts off. A new mount lies on top of the old one, and
 * names are resolved to what lies on top: by the job and by the runner's view alike.
 *
 * To mount takes a privilege in the job's user namespace that the job must not have, and its init,
 * the leader, gives up. So the init forks a keeper first, a process that stays as the init was,
 * takes orders from Slipway over a socket of its own, and does nothing else. The leader and what it
 * starts are locked in as ever (ns_guard.c); nothing of a job's can look into the keeper, for the
 * same reasons for which it cannot look into the leader. It can kill it, as it can kill all that it
 * sees but the leader: then there are no more snapshots, and that is said.
 *
 *   STORE              a tmpfs; the job's /proc is mounted over it, so it has no name in the job
 *   STORE/N            one folder to be kept: the source of its mounts
 *     b, o, l          what lies below: the host's folder or the job's, LAYER/own's and
 *                      LAYER/lower's
 *     7, w7            upper and work folder of the layer that was made as the seventh
 *   STORE/disk         FOLDER/over, for what is to be written to disk: home and work
 *
 * Overlayfs must see its sources as mounts of the same namespace, hence the binds; names relative
 * to STORE/N are short, so that all layers fit into the page that mount(2) takes. An upper is never
 * used twice: what still has a file of a layer open that was taken off does no harm.
 *
 * What differs from a job without layers: to rename a folder of an earlier layer gives EXDEV (mv
 * and package managers then copy), and a hard link is parted when one of its names is written to.
 * /run and /dev are not kept, nor what a job makes in "/", /var or /home itself. */
#ifndef SLIPWAY_SANDBOX_NS_LAYERS_H
#define SLIPWAY_SANDBOX_NS_LAYERS_H

#include "sandbox/ns.h"

/* ---- in the init, in this order ------------------------------------------------------------ */

/* Mounts the store where ROOT/proc is going to be. */
int ns_layers_open(const ns_job *job, const char *root, bool in_memory, err *e);

/* A folder to be kept: mounted at PARENT/NAME, where `parent` is a path now and a folder that the
 * job cannot put another in the place of. */
typedef struct ns_kept {
    const char *parent, *name;
    const char *below; /* what it begins with, or NULL: nothing */
    const char *own;   /* what lies over that (layer.h), or NULL */
    const char *lower; /* and over that, or NULL */
    mode_t mode;
    bool on_disk;
} ns_kept;
int ns_layers_add(const ns_kept *k, err *e);

/* Mounts layer 0; after the root has become "/". */
int ns_layers_mount(err *e);
/* Forks the keeper and gives the other end of its socket. `leader` is closed in it. */
int ns_layers_start(int leader, int *ret_sock, pid_t *ret_pid, err *e);

/* ---- what is said over that socket, a packet each ------------------------------------------ */

typedef struct layers_order {
    uint32_t number;
    bool restore;
} layers_order;

typedef struct layers_reply {
    int32_t code; /* 0, or of an err */
    char text[500];
} layers_reply;

#endif
